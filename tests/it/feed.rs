//! The feed of revisions: a quiet check is one call, whatever changed is found by it, and what it cannot tell is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use boardcast::demo::simulation::item::{Event, Item};
use boardcast::demo::simulation::model::Model;
use boardcast::devops::AzureDevOps as _;
use boardcast::devops::FeedStart;
use boardcast::domain::degradation::Failure;
use boardcast::sync::source::Check;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::organisation::{Answer, SimulatedFailure};
use crate::support::source::{Organization, boards};

const FEED: &str = "GET wit/reporting/workitemrevisions";
const BATCH: &str = "POST wit/workitemsbatch";
const REVISIONS: &str = "GET wit/workitems/*/revisions";
const SPRINT_ITEMS: &str = "GET work/teamsettings/iterations/*/workitems";

async fn check(organization: &Organization, app: &TestApp) -> Check {
    organization.check_after(Duration::from_mins(4), app).await
}

/// An application whose boards were compared once more after their past was read, as they are at first.
async fn settled_app(organization: &Organization) -> TestApp {
    let app = organization.app().await;
    check(organization, &app).await;
    app
}

/// The calls that are made meanwhile, by their routes; without those for the lists of projects and teams, which are renewed
/// every ten minutes, whatever is compared.
async fn calls_of<T>(
    organization: &Organization,
    act: impl Future<Output = T>,
) -> (T, BTreeMap<String, u64>) {
    let before = organization.calls().await;
    let result = act.await;
    let mut calls = organization.calls().await;
    calls.iter_mut().for_each(|(route, calls)| *calls -= before.get(route).copied().unwrap_or_default());
    calls.retain(|route, calls| *calls > 0 && !route.starts_with("GET projects"));
    (result, calls)
}

fn calls<const N: usize>(calls: [(&str, u64); N]) -> BTreeMap<String, u64> {
    calls.map(|(route, calls)| (route.to_owned(), calls)).into()
}

/// The items that a team's board has to show, with their titles, by what the organisation has.
fn right(model: &Model, team: &str) -> BTreeMap<u32, String> {
    let shows = |item: &&Item| {
        let (project, home) = model.home(item).unwrap();
        let sprint = project.current_sprint(home, model.today()).unwrap();
        let newest = item.newest();
        home.name == team && newest.content.iteration_path == sprint.path && !newest.deleted
    };
    let items = model.items().values().filter(shows);
    items.map(|item| (item.id, item.newest().content.title.to_string())).collect()
}

fn shown(board: &Value) -> BTreeMap<u32, String> {
    let items = board["items"].as_array().unwrap().iter();
    items
        .map(|item| (item["id"].as_u64().unwrap() as u32, item["title"].as_str().unwrap().to_owned()))
        .collect()
}

/// The numbers of items on the board of Web, in their order.
async fn items_of_web(app: &TestApp) -> Vec<u32> {
    shown(&boards(app).await["Web"]).into_keys().collect()
}

#[tokio::test]
async fn fault_g11_boards_begin_without_a_call_for_each_item_and_a_quiet_check_is_one_call() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let began = organization.calls().await;
    assert_eq!(began.get(REVISIONS), None, "{began:?}");
    // Three teams of fewer than 200 items each, and six finished sprints of each; what the pages of the past tell of, as it
    // is now, and once how all of it was when that began.
    let pages = began[FEED] - 1;
    assert_eq!((began[SPRINT_ITEMS], pages), (3 + 3 * 6, 3), "{began:?}");
    assert!(began[BATCH] <= 3 + 2 * pages + 1, "{began:?}");
    check(&organization, &app).await;
    let before = boards(&app).await;
    let (checked, quiet) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!((checked.scopes, checked.changed, checked.error), (3, 0, None));
    assert_eq!(quiet, calls([(FEED, 1)]));
    for (team, board) in boards(&app).await {
        let age = |board: &Value| board["dataAsOf"].as_i64().unwrap();
        assert!(age(&board) >= age(&before[&team]) + 4 * 60_000, "{team}");
    }
}

#[tokio::test]
async fn the_past_of_the_sprint_is_known_once_the_feed_was_read_and_readers_are_sent_to_it() {
    let organization = Organization::start().await;
    let app = organization.builder().start().await;
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    let told = loop {
        let told = reader.next_of("workitems_updated").await;
        if told.get("url").is_some() {
            break told;
        }
    };
    assert_eq!((&told["added"], &told["removed"], &told["changed"]), (&json!([]), &json!([]), &json!([])));
    let board = app.get(told["url"].as_str().unwrap()).await.json();
    assert!(board["burndown"]["days"][0]["remaining"].is_number(), "{}", board["burndown"]);
    for (team, board) in boards(&app).await {
        assert_eq!((&board["history"], board.get("missing")), (&json!("complete"), None), "{team}");
        let days = board["burndown"]["days"].as_array().unwrap().iter();
        let past = days.filter(|day| day["date"].as_str().unwrap() <= "2026-11-25");
        assert!(past.clone().count() > 1, "{team}");
        for day in past {
            assert!(day["remaining"].is_number() && day["scope"].is_number(), "{team}: {day}");
        }
    }
}

#[tokio::test]
async fn s13_whatever_changed_is_found_by_the_feed() {
    let organization = Organization::start().await;
    let app = settled_app(&organization).await;
    let web = items_of_web(&app).await;
    let next = organization.model(|model| {
        let project = &model.organisation.projects[0];
        let current = project.current_sprint(&project.teams[0], model.today()).unwrap().path.clone();
        let at = project.sprints.iter().position(|sprint| sprint.path == current).unwrap();
        (current, project.sprints[at + 1].path.clone())
    });
    let change = |id: u32, event, path: Option<String>| {
        organization.model(|model| {
            let at = model.now();
            model.change(id, event, at, 0, |content| {
                content.title = "Found".into();
                if let Some(path) = path {
                    content.iteration_path = path.as_str().into();
                }
            })
        });
    };
    let (current, next) = (next.0.to_string(), next.1.to_string());
    change(web[0], Event::Updated, None);
    change(web[1], Event::Deleted, None);
    change(web[2], Event::Updated, Some(next.clone()));
    let from_elsewhere = organization.model(|model| {
        let is_of_web = |item: &&Item| model.home(item).unwrap().1.name == "Web";
        let is_elsewhere =
            |item: &&Item| *item.newest().content.iteration_path != *current && !web.contains(&item.id);
        model.items().values().filter(is_of_web).find(is_elsewhere).unwrap().id
    });
    change(from_elsewhere, Event::Updated, Some(current));
    let (checked, asked) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!((checked.changed, checked.error), (4, None));
    // The item that was elsewhere is the only one of which more than the feed tells has to be known.
    assert_eq!(
        asked.get(REVISIONS).copied().unwrap_or_default() + asked.get(BATCH).copied().unwrap_or_default(),
        1
    );
    let board = boards(&app).await.remove("Web").unwrap();
    assert_eq!(shown(&board), organization.model(|model| right(model, "Web")));
    // Restored with a new revision, and moved back.
    change(web[1], Event::Restored, None);
    check(&organization, &app).await;
    let board = boards(&app).await.remove("Web").unwrap();
    assert_eq!(shown(&board), organization.model(|model| right(model, "Web")));
    assert!(shown(&board).contains_key(&web[1]));
}

#[tokio::test]
async fn a_feed_that_cannot_be_read_is_replaced_by_whole_comparisons_and_read_on_later() {
    let organization = Organization::start().await;
    let app = settled_app(&organization).await;
    let web = items_of_web(&app).await;
    let retitle = |id: u32, title: &str| {
        organization.model(|model| {
            let at = model.now();
            model.change(id, Event::Updated, at, 0, |content| content.title = title.into());
        });
    };
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    retitle(web[0], "By comparison");
    let (checked, asked) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!((checked.scopes, checked.changed, checked.error), (3, 1, None));
    assert_eq!(asked[SPRINT_ITEMS], 3);
    assert_eq!(shown(&boards(&app).await["Web"])[&web[0]], "By comparison");
    *organization.way.no_feed.lock().unwrap() = None;
    retitle(web[1], "By the feed");
    let (_, asked) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!(asked.get(SPRINT_ITEMS), None, "{asked:?}");
    assert_eq!(shown(&boards(&app).await["Web"])[&web[1]], "By the feed");
    // While the organisation wants to be asked less nothing else is asked in its place.
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Throttled { retry_after_ms: None });
    let before = boards(&app).await["Web"]["dataAsOf"].clone();
    let (checked, asked) = calls_of(&organization, check(&organization, &app)).await;
    assert!(checked.error.is_some());
    assert_eq!(asked, calls([]));
    assert_eq!(boards(&app).await["Web"]["dataAsOf"], before);
    assert_eq!(checked.failed.len(), 2, "the event names what got no younger");
}

#[tokio::test]
async fn a_token_that_the_organisation_does_not_know_costs_one_whole_comparison() {
    let organization = Organization::start().await;
    let app = settled_app(&organization).await;
    let refused =
        json!({ "typeKey": "VssPropertyValidationException", "message": "The continuationToken is not one" });
    let answer = Answer { status: 400, headers: Vec::new(), body: refused };
    organization.fail_next_on(FEED, SimulatedFailure::Instead(answer)).await;
    let (checked, asked) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!((checked.scopes, checked.error), (3, None));
    assert_eq!((asked[FEED], asked[SPRINT_ITEMS]), (2, 3), "{asked:?}");
    let (_, quiet) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!(quiet, calls([(FEED, 1)]));
}

#[tokio::test]
async fn s13_an_answer_of_before_is_not_taken_for_the_end_of_the_feed() {
    let organization = Organization::start().await;
    let app = settled_app(&organization).await;
    let web = items_of_web(&app).await;
    let change = |id: u32| organization.edit(id, |content| content.title = "Found".into());
    // An answer breaks off, and a cache that got the whole of it gives it to whoever asks for the same again.
    change(web[0]);
    organization.fail_next_on(FEED, SimulatedFailure::Truncated).await;
    check(&organization, &app).await;
    change(web[1]);
    let changed_at = (organization.clock.clock())().epoch_ms();
    organization.fail_next_on(FEED, SimulatedFailure::Again).await;
    let (checked, asked) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!((checked.changed, checked.error), (1, None));
    // What follows the last page is asked for, and believed.
    assert_eq!(asked, calls([(FEED, 2)]));
    let board = &boards(&app).await["Web"];
    assert!(board["dataAsOf"].as_i64().unwrap() > changed_at);
    assert_eq!([0, 1].map(|at| shown(board)[&web[at]].clone()), ["Found"; 2]);
}

#[tokio::test]
async fn boards_are_compared_as_a_whole_every_hour_and_when_a_day_begins() {
    let organization = Organization::start().await;
    let app = settled_app(&organization).await;
    organization.clock.advance(Duration::from_mins(57));
    let (_, asked) = calls_of(&organization, check(&organization, &app)).await;
    // Of what is known only the newest revision is asked for.
    assert_eq!((asked[FEED], asked[SPRINT_ITEMS], asked[BATCH]), (1, 3, 3), "{asked:?}");
    let (_, quiet) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!(quiet.get(SPRINT_ITEMS), None, "{quiet:?}");
}

/// What is read is kept with where to read on: an instance that comes later begins there, and one that cannot keep it reads
/// it again.
#[tokio::test]
async fn how_far_the_feed_was_read_is_kept_with_what_it_told() {
    let organization = Organization::start().await;
    let app = settled_app(&organization).await;
    let position = || app.app.instance.fold.read().checked().feed.clone().unwrap();
    let before = position();
    assert!(before.read_to_end.is_some());
    let web = items_of_web(&app).await;
    organization.model(|model| {
        let at = model.now();
        model.change(web[0], Event::Updated, at, 0, |content| content.title = "Read".into())
    });
    check(&organization, &app).await;
    let after = position();
    assert_ne!(after.token, before.token);
    assert_eq!(after.live_from, before.live_from);
    let page = organization.way.revision_page(&FeedStart::After(after.token), &[], &[].into()).await.unwrap();
    assert!(page.is_last && page.items.is_empty() && page.strangers.is_empty(), "{page:?}");
}

/// Where the journal cannot take what a page tells, the next check reads that page again.
#[tokio::test]
async fn what_cannot_be_kept_is_read_again() {
    let organization = Organization::start().await;
    let (app, journal) = organization.builder().start_over_faults().await;
    let has_read = || {
        app.app.instance.fold.read().checked().feed.as_ref().is_some_and(|feed| feed.read_to_end.is_some())
    };
    organization.until(async || has_read().then_some(())).await;
    let web = items_of_web(&app).await;
    organization.model(|model| {
        let at = model.now();
        model.change(web[0], Event::Updated, at, 0, |content| content.title = "Kept".into())
    });
    journal.take_no_items_from(web[0]);
    let checked = check(&organization, &app).await;
    assert!(checked.error.is_some(), "{checked:?}");
    journal.take_no_items_from(u32::MAX);
    let checked = check(&organization, &app).await;
    assert_eq!((checked.changed, checked.error), (1, None));
    assert_eq!(shown(&boards(&app).await["Web"])[&web[0]], "Kept");
    // What the journal refuses for what it is stops nobody else.
    organization.model(|model| {
        let at = model.now();
        for id in [web[1], *web.last().unwrap()] {
            model.change(id, Event::Updated, at, 0, |content| content.title = "Taken or refused".into());
        }
    });
    journal.refuse_items_from(*web.last().unwrap());
    assert_eq!(check(&organization, &app).await.error, None);
    let shown = shown(&boards(&app).await["Web"]);
    let is_taken = |id: &u32| shown[id] == "Taken or refused";
    assert_eq!((is_taken(&web[1]), is_taken(web.last().unwrap())), (true, false));
}

/// A server that never had a process with a field knows no such field.
#[tokio::test]
async fn f18_a_server_without_a_field_of_other_processes_is_asked_without_it() {
    let organization = Organization::start().await;
    let unknown = |field: &str| {
        let body = json!({
            "typeKey": "WorkItemTrackingFieldDefinitionNotFoundException",
            "message": format!("TF51535: Cannot find field {field}."),
        });
        SimulatedFailure::Instead(Answer { status: 400, headers: Vec::new(), body })
    };
    organization.fail_next_on(BATCH, unknown("Microsoft.VSTS.CMMI.Blocked")).await;
    organization.fail_next_on(BATCH, unknown("Microsoft.VSTS.Scheduling.Size")).await;
    organization.fail_next_on(FEED, unknown("System.Parent")).await;
    let app = settled_app(&organization).await;
    assert_eq!(shown(&boards(&app).await["Web"]), organization.model(|model| right(model, "Web")));
    let (checked, quiet) = calls_of(&organization, check(&organization, &app)).await;
    assert_eq!((checked.scopes, checked.error), (3, None));
    assert_eq!(quiet, calls([(FEED, 1)]));
}
