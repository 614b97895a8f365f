//! Revisions that the organisation does not have: it wins, after two looks, and what it refuted does not come back.

use std::time::Duration;

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::Event;
use boardcast::demo::simulation::model::Model;
use boardcast::domain::degradation::Failure;
use boardcast::domain::sprint::work_item::{History, WorkItemId};
use boardcast::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::source::{Organization, boards};

/// The route of all revisions of an item.
const REVISIONS: &str = "GET wit/workitems/*/revisions";

/// A revision that no item ever reaches.
const FUTURE: u32 = 4_000_000_000;

/// A check, some minutes after the last.
async fn look(organization: &Organization, app: &TestApp) {
    assert_eq!(organization.check_after(Duration::from_mins(5), app).await.error, None);
}

/// The items of the board of the team Web.
async fn items(app: &TestApp) -> Vec<Value> {
    boards(app).await["Web"]["items"].as_array().unwrap().clone()
}

/// The numbers of some items of that board.
async fn some_items(app: &TestApp, count: usize) -> Vec<u32> {
    items(app)
        .await
        .iter()
        .take(count)
        .map(|item| u32::try_from(item["id"].as_u64().unwrap()).unwrap())
        .collect()
}

/// The number of the revision that is shown of an item, and its title.
async fn shown(app: &TestApp, item: u32) -> (Value, Value) {
    let items = items(app).await;
    let item = items.iter().find(|shown| shown["id"] == item).expect("the item is not on its board");
    (item["rev"].clone(), item["title"].clone())
}

/// What is shown of each item of that board that a revision tells.
async fn told(app: &TestApp) -> Vec<Value> {
    let told =
        |item: &Value| json!([item["id"], item["rev"], item["title"], item["state"], item["changedAt"]]);
    items(app).await.iter().map(told).collect()
}

/// A new title, and the hook that tells of it.
fn retitled(model: &mut Model, item: u32, title: &str) -> Value {
    let at = model.now();
    let change = model.change(item, Event::Updated, at, 0, |content| content.title = title.into());
    hooks::payload(model, change.unwrap()).unwrap()
}

/// A hook of a revision that the organisation never made.
fn from_the_future(organization: &Organization, item: u32, rev: u32) -> Value {
    let mut payload = organization.model(|model| retitled(&mut model.clone(), item, "From the future"));
    payload["resource"]["rev"] = json!(rev);
    payload["resource"]["revision"]["rev"] = json!(rev);
    payload["resource"]["revision"]["fields"]["System.Rev"] = json!(rev);
    payload
}

#[tokio::test]
async fn fault_b10_a_revision_from_the_future_is_refuted_by_two_looks() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let item = some_items(&app, 1).await[0];
    let right = shown(&app, item).await;
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    reader.next_of("snapshot").await;
    let forged = from_the_future(&organization, item, FUTURE);
    assert_eq!(app.hook(&forged).await.json()["outcome"], "applied");
    app.settled().await;
    assert_eq!(shown(&app, item).await, (json!(FUTURE), json!("From the future")));
    look(&organization, &app).await;
    assert_eq!(shown(&app, item).await.0, json!(FUTURE), "a hook may be ahead of one look");
    look(&organization, &app).await;
    assert_eq!(shown(&app, item).await, right, "the organisation does not win");
    let told = reader.next_of("workitems_updated").await;
    assert_eq!((&told["changed"], &told["data"][0]["rev"]), (&json!([item]), &right.0));
    let known = app.app.instance.fold.read().item(WorkItemId::new(item).unwrap()).unwrap().item;
    assert_eq!(known.history(), History::Complete);
    assert_eq!(app.app.instance.vitals.items_corrected.value(), 1);

    assert_eq!(app.hook(&forged).await.status, 200);
    app.settled().await;
    assert_eq!(shown(&app, item).await, right, "what was refuted came back");
    let another = from_the_future(&organization, item, FUTURE + 1);
    assert_eq!(app.hook(&another).await.json()["outcome"], "applied");
    look(&organization, &app).await;
    look(&organization, &app).await;
    for hook in [&forged, &another] {
        assert_eq!(app.hook(hook).await.status, 200);
    }
    app.settled().await;
    assert_eq!(shown(&app, item).await, right, "what was refuted first came back");
    let next = organization.model(|model| retitled(model, item, "True"));
    assert_eq!(app.hook(&next).await.json()["outcome"], "applied");
    app.settled().await;
    assert_eq!(shown(&app, item).await, (json!(right.0.as_u64().unwrap() + 1), json!("True")));
}

#[tokio::test]
async fn fault_b10_boards_follow_a_server_that_was_restored_from_a_backup() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let changed = some_items(&app, 3).await;
    let backup = organization.model(|model| model.clone());
    let mut hooks = Vec::new();
    for (index, item) in changed.iter().enumerate() {
        for title in ["Lost", "Lost as well"] {
            organization.clock.advance(Duration::from_secs(1));
            let hook = organization.model(|model| retitled(model, *item, title));
            if index > 0 {
                assert_eq!(app.hook(&hook).await.json()["outcome"], "applied");
                hooks.push(hook);
            }
        }
    }
    look(&organization, &app).await;
    for item in &changed {
        assert_eq!(shown(&app, *item).await.1, "Lost as well");
    }
    organization.model(|model| *model = backup);
    look(&organization, &app).await;
    look(&organization, &app).await;
    let fresh = organization.app().await;
    let right = told(&fresh).await;
    assert_eq!(told(&app).await, right);
    for hook in &hooks {
        assert_eq!(app.hook(hook).await.status, 200);
    }
    app.settled().await;
    assert_eq!(told(&app).await, right, "what was refuted came back");
    // The server reaches the same numbers again, with other contents.
    organization.clock.advance(Duration::from_secs(1));
    let next = organization.model(|model| retitled(model, changed[1], "True"));
    assert_eq!(app.hook(&next).await.json()["outcome"], "applied");
    organization.model(|model| retitled(model, changed[2], "True too"));
    look(&organization, &app).await;
    assert_eq!(shown(&app, changed[1]).await.1, "True");
    assert_eq!(shown(&app, changed[2]).await.1, "True too");
}

#[tokio::test]
async fn fault_b10_a_restored_server_that_reaches_the_same_number_again_is_followed() {
    let organization = Organization::start().await;
    // The feed goes on as if nothing had happened. Whole comparisons come every hour beside it, and alone without it.
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    let app = organization.app().await;
    let item = some_items(&app, 1).await[0];
    let backup = organization.model(|model| model.clone());
    organization.clock.advance(Duration::from_secs(2));
    let lost = organization.model(|model| retitled(model, item, "Lost"));
    assert_eq!(app.hook(&lost).await.json()["outcome"], "applied");
    look(&organization, &app).await;
    organization.model(|model| *model = backup);
    organization.model(|model| retitled(model, item, "True"));
    look(&organization, &app).await;
    assert_eq!(shown(&app, item).await.1, "Lost", "one look proves nothing");
    look(&organization, &app).await;
    assert_eq!(shown(&app, item).await.1, "True");
    assert_eq!(app.hook(&lost).await.status, 200);
    app.settled().await;
    assert_eq!(shown(&app, item).await.1, "True", "what was refuted came back");
    let vitals = &app.app.instance.vitals;
    let fetched = organization.calls_on(REVISIONS).await;
    look(&organization, &app).await;
    look(&organization, &app).await;
    assert_eq!((organization.calls_on(REVISIONS).await, vitals.items_corrected.value()), (fetched, 1));
}

/// Hooks of the revision that an item is at, or that comes next: made hours from now, or made in time and told then.
#[tokio::test]
async fn fault_b10_a_hook_from_hours_ahead_does_not_keep_a_revision_from_the_organisation() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let items = some_items(&app, 4).await;
    let mut right = Vec::new();
    for (index, item) in items.iter().copied().enumerate() {
        let (rev, _) = shown(&app, item).await;
        let mut forged = organization.model(|model| {
            let (mut forger, at) = (model.clone(), model.now().epoch_ms() + 20 * 3_600_000);
            let at = Timestamp::from_epoch_ms(at);
            let change =
                forger.change(item, Event::Updated, at, 0, |content| content.title = "Forged".into());
            hooks::payload(&forger, change.unwrap()).unwrap()
        });
        let fields = &mut forged["resource"]["revision"]["fields"];
        if index % 2 == 0 {
            let made = organization.model(|model| model.item(item).unwrap().newest().changed_at.to_string());
            fields["System.ChangedDate"] = json!(made);
            forged["resource"]["fields"].as_object_mut().unwrap().remove("System.ChangedDate");
        }
        if index < 2 {
            forged["resource"]["rev"] = rev.clone();
            forged["resource"]["revision"]["rev"] = rev;
        }
        assert_eq!(app.hook(&forged).await.json()["outcome"], "applied");
        app.settled().await;
        assert_eq!(shown(&app, item).await.1, "Forged");
        if index >= 2 {
            organization.clock.advance(Duration::from_secs(2));
            let next = organization.model(|model| retitled(model, item, "True"));
            assert_eq!(app.hook(&next).await.status, 200);
        }
        let title = organization.model(|model| model.item(item).unwrap().newest().content.title.clone());
        right.push(json!(title));
    }
    look(&organization, &app).await;
    look(&organization, &app).await;
    let mut healed = Vec::new();
    for item in &items {
        healed.push(shown(&app, *item).await.1);
    }
    assert_eq!(healed, right);
    let fetched = organization.calls_on(REVISIONS).await;
    look(&organization, &app).await;
    look(&organization, &app).await;
    assert_eq!(organization.calls_on(REVISIONS).await, fetched, "it is asked for ever");
}

#[tokio::test]
async fn fault_b10_what_the_organisation_says_again_after_all_is_believed() {
    let organization = Organization::start().await;
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    let app = organization.app().await;
    let item = some_items(&app, 1).await[0];
    let backup = organization.model(|model| model.clone());
    organization.clock.advance(Duration::from_secs(1));
    organization.model(|model| retitled(model, item, "True after all"));
    look(&organization, &app).await;
    let newest = organization.model(|model| std::mem::replace(model, backup));
    look(&organization, &app).await;
    // The second look comes by itself, though nobody watches.
    organization.until(async || (shown(&app, item).await.1 != "True after all").then_some(())).await;
    organization.model(|model| *model = newest);
    look(&organization, &app).await;
    assert_eq!(shown(&app, item).await.1, "True after all");
}

/// Puts an item into the recycle bin, or takes it out, as Azure DevOps does without a revision now and then.
fn bin(organization: &Organization, item: u32, is_deleted: bool) {
    organization.model(|model| {
        let item = model.items.get_mut(&item).unwrap();
        item.later.last_mut().unwrap_or(&mut item.first).deleted = is_deleted;
    });
}

#[tokio::test]
async fn s13_a_board_is_not_called_equal_while_a_second_look_decides_whether_an_item_is_on_it() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    look(&organization, &app).await;
    let item = some_items(&app, 1).await[0];
    for (is_deleted, expected) in [(true, [(true, true); 2]), (false, [(false, false), (true, true)])] {
        bin(&organization, item, is_deleted);
        let changed_at = (organization.clock.clock())().epoch_ms();
        let mut decided = Vec::new();
        // The first is the hour's comparison as a whole.
        for minutes in [61, 5] {
            let check = organization.check_after(Duration::from_mins(minutes), &app).await;
            let board = boards(&app).await["Web"].clone();
            let is_right =
                board["items"].as_array().unwrap().iter().any(|shown| shown["id"] == item) != is_deleted;
            let is_called_equal = board["dataAsOf"].as_i64().unwrap() > changed_at;
            assert_eq!((&board["level"], check.scopes, check.error), (&json!("full"), 3, None));
            assert_eq!(check.failed.is_empty(), is_called_equal, "who reads takes it for equal by the event");
            decided.push((is_right, is_called_equal));
        }
        assert_eq!(decided, expected, "deleted: {is_deleted}");
    }
}

#[tokio::test]
async fn s13_the_board_of_a_new_sprint_is_full_only_with_an_item_that_came_out_of_the_recycle_bin() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let item = some_items(&app, 1).await[0];
    let (next, days) = organization.model(|model| {
        let project = &model.organisation.projects[0];
        let current = project.current_sprint(&project.teams[0], model.today()).unwrap();
        let next = project.sprints.iter().find(|sprint| sprint.start > current.finish).unwrap();
        (next.path.clone(), (next.start - model.today()).num_days())
    });
    organization.edit(item, |content| content.iteration_path = next);
    organization.model(|model| model.change(item, Event::Deleted, model.now(), 0, |_| {}).unwrap());
    look(&organization, &app).await;
    bin(&organization, item, false);
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    reader.next_of("snapshot").await;
    organization.clock.advance(Duration::from_hours(24 * u64::try_from(days).unwrap()));
    let told = organization.all_until_told(&mut reader, "recovered").await;
    let begun = told.iter().position(|event| event["type"] == "sprint_changed").unwrap();
    let came = |event: &Value| event["type"] == "workitem_changed" && event["workItemId"] == item;
    assert!(told[begun..].iter().any(came), "full without it");
}

#[tokio::test]
async fn s13_a_projects_own_board_is_not_called_equal_either_before_a_second_look() {
    let organization = Organization::start().await;
    // Every check compares boards as a whole.
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    let (team, item) = organization.model(|model| {
        let homes = model.items.values().filter(|item| item.newest().content.home == (0, 1));
        (model.organisation.projects[0].teams[1].id, homes.map(|item| item.id).min().unwrap())
    });
    organization.way.unlisted.lock().unwrap().insert(team.into());
    let app = organization.app().await;
    let backup = organization.model(|model| model.clone());
    organization.clock.advance(Duration::from_secs(2));
    let lost = organization.model(|model| retitled(model, item, "Lost"));
    assert_eq!(app.hook(&lost).await.json()["outcome"], "applied");
    organization.model(|model| *model = backup);
    organization.clock.advance(Duration::from_secs(2));
    organization.model(|model| retitled(model, item, "True"));
    let changed_at = (organization.clock.clock())().epoch_ms();
    let mut decided = Vec::new();
    for _ in 0..2 {
        look(&organization, &app).await;
        let board = boards(&app).await["none"].clone();
        let title = board["items"].as_array().unwrap().iter().find(|shown| shown["id"] == item).unwrap();
        decided.push((title["title"].clone(), board["dataAsOf"].as_i64().unwrap() > changed_at));
    }
    assert_eq!(decided, [(json!("Lost"), false), (json!("True"), true)]);
}
