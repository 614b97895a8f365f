//! The past that numbers look back over: how far it reaches, and that it is the same whoever tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::{Event, Item, ItemContent};
use boardcast::demo::simulation::model::{Draft, Model};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::record::source_check::SourceCheck;
use boardcast::domain::sprint::catalogue::{Catalogue, StateCategory};
use boardcast::domain::time::{CivilDate, Timestamp};
use boardcast::journal::{Journal as _, Store};
use chrono::Days;
use serde_json::{Value, json};

use crate::support::app::{DEADLINE, TestApp};
use crate::support::organisation::{Answer, Asked, SimulatedFailure};
use crate::support::source::{Organization, boards};

const FEED: &str = "GET wit/reporting/workitemrevisions";
const REVISIONS: &str = "GET wit/workitems/*/revisions";
const DAYS_OFF: &str = "GET work/teamsettings/iterations/*/teamdaysoff";

/// What is known of the teams, by their names.
fn teams(app: &TestApp) -> BTreeMap<String, Catalogue> {
    let state = app.app.instance.fold.read();
    state.teams().all().map(|team| (team.team_name.to_string(), (**team).clone())).collect()
}

/// The days off of a team by what the organisation has, from its sixth finished sprint to the next one.
fn days_off(organization: &Organization, name: &str) -> BTreeSet<CivilDate> {
    organization.model(|model| {
        let mut projects = model.organisation.projects.iter();
        let of_project = |project: &boardcast::demo::simulation::organisation::Project| {
            let team = project.teams.iter().find(|team| team.name == name)?.clone();
            Some(team.sprints.iter().map(|at| project.sprints[*at].start + Days::new(team.day_off)).collect())
        };
        projects.find_map(of_project).unwrap()
    })
}

#[tokio::test]
async fn fault_g9_days_off_of_the_last_six_sprints_are_known_and_asked_for_once_a_day() {
    let organization = Organization::start().await;
    let (missing, body) = (404, json!({ "message": "no days", "typeKey": "NotFound" }));
    let app = organization.builder().start().await;
    let mut reader = app.stream("").await;
    let told = organization.all_until_told(&mut reader, "sync_completed").await;
    let begun = told.iter().filter(|event| event["type"] == "sprint_changed").count();
    assert!(begun <= 3, "no board is sent once more for days off of other sprints: {begun}");
    let knows = |team: &Catalogue| team.days_off_by.len() == 8;
    let is_known = || teams(&app).len() == 3 && teams(&app).values().all(knows);
    organization.until(async || is_known().then_some(())).await;
    for (name, team) in teams(&app) {
        assert_eq!(team.days_off, days_off(&organization, &name), "{name}");
    }
    let asked = organization.calls_on(DAYS_OFF).await;
    assert_eq!(asked, 3 * 8);
    // What is known of the teams is read anew, and the past stays.
    organization.check_after(Duration::from_mins(31), &app).await;
    assert_eq!(organization.calls_on(DAYS_OFF).await, asked + 3 * 2);
    assert!(is_known());
    // A day later a day off was entered late, and that of one sprint cannot be read.
    organization.model(|model| model.organisation.projects[0].teams[0].day_off = 1);
    let answer = Answer { status: missing, headers: Vec::new(), body };
    organization.clock.advance(Duration::from_hours(24));
    organization.fail_next_on(DAYS_OFF, SimulatedFailure::Instead(answer)).await;
    organization.check_after(Duration::from_mins(4), &app).await;
    let check = organization.check_after(Duration::from_mins(4), &app).await;
    assert_eq!(check.error, None);
    assert_eq!(teams(&app)["Web"].days_off, days_off(&organization, "Web"));
}

/// What boards tell of their past, and all of their numbers.
async fn told(app: &TestApp) -> BTreeMap<String, Value> {
    let of_board = |(team, board): (String, Value)| {
        let burndown = &board["burndown"];
        let numbers = board["metrics"].as_object().unwrap().iter();
        let numbers: BTreeMap<_, _> =
            numbers.map(|(id, metric)| (id.clone(), metric["value"].clone())).collect();
        let items = board["items"].as_array().unwrap().iter();
        let ages: Vec<_> = items
            .map(|item| json!([item["id"], item["ageDays"], item["stateSince"], item["blockedSince"]]))
            .collect();
        let (history, missing) = (&board["history"], &board["missing"]);
        let told = json!({
            "unit": burndown["unit"], "original": burndown["original"], "days": burndown["days"],
            "numbers": numbers, "ages": ages, "history": history, "missing": missing,
        });
        (team, told)
    };
    boards(app).await.into_iter().filter(|(team, _)| team != "none").map(of_board).collect()
}

/// The items of a team that are in the sprint under way and not completed, on the level of requirements.
fn stories(organization: &Organization, home: (usize, usize)) -> Vec<u32> {
    organization.model(|model| {
        let project = &model.organisation.projects[home.0];
        let sprint = project.current_sprint(&project.teams[home.1], model.today()).unwrap().path.clone();
        let is_open = |item: &&Item| {
            let (newest, level) = (item.newest(), item.item_type.level);
            newest.content.home == home
                && newest.content.iteration_path == sprint
                && level == ItemRank::Requirement
                && newest.content.state.category != StateCategory::Completed
        };
        model.items().values().filter(is_open).map(|item| item.id).collect()
    })
}

/// The sprint after the one that is under way.
fn next_sprint(organization: &Organization) -> String {
    organization.model(|model| {
        let project = &model.organisation.projects[0];
        let current = project.current_sprint(&project.teams[0], model.today()).unwrap();
        project.sprint_after(&current.path).unwrap().path.to_string()
    })
}

/// Something happens to an item; returns the hook that tells it.
fn happen(organization: &Organization, id: u32, event: Event, edit: impl FnOnce(&mut ItemContent)) -> Value {
    organization.model(|model| {
        let at = model.now();
        let change = model.change(id, event, at, 0, edit).unwrap();
        hooks::payload(model, change).unwrap()
    })
}

/// What happens in two days, most of which takes items off the board; returns the hooks.
async fn two_days(organization: &Organization, apps: &[&TestApp]) -> Vec<Value> {
    let (web, mobile) = (stories(organization, (0, 0)), stories(organization, (0, 1)));
    assert!(web.len() >= 4 && !mobile.is_empty(), "{web:?}, {mobile:?}");
    let next = next_sprint(organization);
    let leave = |content: &mut ItemContent| content.iteration_path = next.as_str().into();
    let current =
        organization.model(|model| model.item(web[0]).unwrap().newest().content.iteration_path.clone());
    let mut hooks = vec![
        happen(organization, web[0], Event::Updated, leave),
        happen(organization, web[1], Event::Deleted, |_| {}),
        happen(organization, web[2], Event::Updated, |content| content.home = (0, 1)),
        happen(organization, mobile[0], Event::Updated, leave),
    ];
    day_later(organization, apps).await;
    hooks.extend([
        happen(organization, mobile[0], Event::Updated, |content| content.iteration_path = current),
        happen(organization, web[1], Event::Restored, |_| {}),
        happen(organization, web[3], Event::Updated, |content| content.effort = Some(21.0)),
        happen(organization, web[0], Event::Updated, |content| content.title = "Elsewhere".into()),
        happen(organization, web[2], Event::Deleted, |_| {}),
    ]);
    day_later(organization, apps).await;
    hooks
}

async fn day_later(organization: &Organization, apps: &[&TestApp]) {
    organization.clock.advance(Duration::from_hours(24));
    for app in apps {
        organization.check_after(Duration::from_secs(1), app).await;
    }
}

/// An instance that saw everything, one that was told by hooks as well and whose journal was emptied, and one that came when
/// all of it was over.
#[tokio::test]
async fn fault_g4_every_instance_tells_the_same_past_to_the_last_digit() {
    let organization = Organization::start().await;
    let (saw, lost) = (organization.app().await, organization.app().await);
    let hooks = two_days(&organization, &[&saw]).await;
    for hook in hooks.iter().rev() {
        lost.hook(hook).await;
    }
    lost.journal.lose_everything();
    organization.check_after(Duration::from_mins(1), &saw).await;
    organization.check_after(Duration::from_mins(1), &lost).await;
    let late = organization.app().await;
    let right = told(&saw).await;
    for (team, told) in &right {
        assert_eq!((&told["history"], &told["missing"]), (&json!("complete"), &Value::Null), "{team}");
    }
    let web = &right["Web"]["days"];
    let scope = |day: usize| web[day]["scope"].as_f64().unwrap();
    let today = web.as_array().unwrap().iter().rposition(|day| day["scope"].is_number()).unwrap();
    assert_ne!(scope(today - 2), scope(today - 1), "what left is in what was: {web}");
    assert_eq!(told(&late).await, right, "who came late");
    organization.until(async || (told(&lost).await == right).then_some(())).await;
}

/// Who has been there for a month knows no more of what is long ago than who comes now: what is older than the window over
/// which lives are kept is let go.
#[tokio::test]
async fn who_was_there_for_long_and_who_comes_now_know_the_past_from_the_same_day_on() {
    let organization = Organization::start().await;
    let saw = organization.app().await;
    let board = boards(&saw).await.remove("Web").unwrap();
    let sprints = board["metrics"]["velocity.completed"]["detail"]["sprints"].as_array().unwrap().clone();
    organization.clock.advance(Duration::from_hours(24 * 32));
    organization.check_after(Duration::from_mins(1), &saw).await;
    let late = organization.app().await;
    let id = |what: &str| board[what]["id"].as_str().unwrap().to_owned();
    let address = format!("/api/snapshot?project={}&team={}", id("project"), id("team"));
    let today = organization.model(|model| model.today());
    let mut asked: Vec<String> =
        sprints.iter().map(|row| format!("sprint={}", row["id"].as_str().unwrap())).collect();
    asked.extend((1..130).step_by(3).map(|days| format!("day={}", today - chrono::TimeDelta::days(days))));
    let mut refused = 0;
    for moment in &asked {
        let path = format!("{address}&{moment}");
        let (seen, read) = (saw.get(&path).await, late.get(&path).await);
        assert_eq!(seen.status, read.status, "{moment}: {} and {}", seen.text(), read.text());
        for part in ["metrics", "review", "burndown", "outlook", "scopeChanges", "error"] {
            assert_eq!(seen.json()[part], read.json()[part], "{part} of {moment}");
        }
        refused += usize::from(seen.json()["error"]["message"] == "that was before the past that is known");
    }
    assert!(refused > 5 && refused < asked.len() / 2, "{refused} of {}", asked.len());
}

fn checked(app: &TestApp) -> SourceCheck {
    app.app.instance.fold.read().checked().clone()
}

#[tokio::test]
async fn the_past_is_read_on_where_it_was_left_and_readers_are_told_how_far_it_is() {
    let organization = Organization::start().await;
    // One page of what happens, and one of the past.
    *organization.way.feed_pages.lock().unwrap() = Some(2);
    let app = organization.builder().start().await;
    let mut reader = app.stream("").await;
    let completed = organization.until_told(&mut reader, "sync_completed").await;
    let reading = checked(&app).past.unwrap();
    assert_eq!((reading.revisions, reading.is_through), (1_000, false));
    let told = &completed["backfill"];
    assert_eq!((&told["from"], &told["revisions"]["read"]), (&json!(reading.from), &json!(1_000)));
    let all = told["revisions"]["of"].as_u64().unwrap();
    let there = revisions_since(&organization, reading.from);
    assert!(all.abs_diff(there) * 5 < there, "about {there}: {all}");
    assert!(told["leftMs"].is_u64());
    for (team, board) in boards(&app).await {
        assert_eq!((&board["history"], &board["backfill"]), (&json!("partial"), told), "{team}");
        assert_eq!(board["missing"].as_array().unwrap().len(), 1, "{team}");
    }
    let health = app.get("/api/health").await.json();
    assert_eq!(&health["source"]["backfill"], told);
    // Of what was then nothing is told that may be wrong, and the board of now is told as it is.
    let board = boards(&app).await.remove("Web").unwrap();
    let id = |what: &str| board[what]["id"].as_str().unwrap().to_owned();
    let address = format!("/api/snapshot?project={}&team={}", id("project"), id("team"));
    let days = board["burndown"]["days"].as_array().unwrap();
    let today = days.iter().rposition(|day| day["remaining"].is_number()).unwrap();
    let (today, before) = (&days[today]["date"], &days[today - 1]["date"]);
    let since = organization.model(|model| model.now()).epoch_ms() - 1_000;
    let day = |day: &Value| format!("day={}", day.as_str().unwrap());
    for past in [
        day(before),
        format!("{}&explain=items.total", day(before)),
        format!("since={since}&explain=items.total"),
    ] {
        let answer = app.get(&format!("{address}&{past}")).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"]), (404, &json!("no_past")), "{past}");
        assert_eq!(error["message"], "the team's past is still being read", "{past}");
    }
    let since = app.get(&format!("{address}&since={since}")).await.json();
    assert_eq!(since["metrics"]["items.total"]["then"], Value::Null);
    for present in [day(today), format!("sprint={}", id("sprint"))] {
        assert_eq!(app.get(&format!("{address}&{present}")).await.status, 200, "{present}");
    }
    // What failed is asked for again, and what was read is not.
    *organization.way.feed_pages.lock().unwrap() = None;
    let before = organization.calls_on(FEED).await;
    organization.check_after(Duration::from_mins(4), &app).await;
    assert_eq!(organization.calls_on(FEED).await, before + 1 + there.div_ceil(1_000) - 1);
    assert_eq!(checked(&app).past, None);
    for (team, board) in boards(&app).await {
        assert_eq!((&board["history"], board.get("backfill")), (&json!("complete"), None), "{team}");
    }
    let completed = organization.until_told(&mut reader, "sync_completed").await;
    assert_eq!(completed.get("backfill"), None);
    let health = app.get("/api/health").await.json();
    assert_eq!(
        (&health["source"]["backfill"], &health["source"]["knownFrom"]),
        (&Value::Null, &json!(reading.from))
    );
}

/// From where on the feed of revisions was asked for since requests were last kept: a date or a token.
async fn places_asked(organization: &Organization) -> Vec<String> {
    let place = |asked: &Asked| {
        let mut parts = asked.uri.query()?.split('&').filter_map(|part| part.split_once('='));
        let (_, place) = parts.find(|(name, _)| ["startDateTime", "continuationToken"].contains(name))?;
        Some(place.replace("%3B", ";").replace("%3A", ":"))
    };
    let requests = organization.requests().await;
    let of_feed =
        requests.iter().filter(|asked| asked.uri.path().ends_with("/wit/reporting/workitemrevisions"));
    of_feed.map(|asked| place(asked).unwrap()).collect()
}

/// How many revisions there are since a moment.
fn revisions_since(organization: &Organization, from: Timestamp) -> u64 {
    organization.model(|model| {
        let revisions = model.items().values().flat_map(Item::revisions);
        revisions.filter(|revision| revision.changed_at >= from).count() as u64
    })
}

/// One instance read some pages and died. The next one over the same journal reads the others, each of them once, and tells what
/// somebody tells who read all of it at once.
#[tokio::test]
async fn the_past_is_read_on_by_another_instance_where_one_that_died_left_it() {
    let organization = Organization::start().await;
    organization.keep_requests().await;
    // One page of what happens, and one of the past.
    *organization.way.feed_pages.lock().unwrap() = Some(2);
    let (app, cut) = organization.builder().start_over_faults().await;
    let mut reader = app.stream("").await;
    organization.until_told(&mut reader, "sync_completed").await;
    app.settled().await;
    let (left, present) = (checked(&app).past.unwrap(), checked(&app).feed.unwrap());
    assert_eq!((left.revisions, left.is_through), (1_000, false));
    let asked_before = places_asked(&organization).await;
    assert!(asked_before.contains(&left.from.to_string()), "{asked_before:?}");
    let journal = app.journal.clone();
    // Its tasks outlive it in the process of this test, and can do nothing any more.
    cut.set_down(true);
    drop((reader, app));
    organization.keep_requests().await;
    *organization.way.feed_pages.lock().unwrap() = None;
    let over = journal.clone();
    let next = organization.builder().layer(move |_| Store::of(over.clone())).start().await;
    organization.until(async || checked(&next).past.map(|read| assert_eq!(read, left))).await;
    organization.check_after(Duration::from_mins(4), &next).await;
    let position = journal.load().await.unwrap().position;
    tokio::time::timeout(DEADLINE, next.app.instance.fold.passed(position)).await.unwrap();
    let check = checked(&next);
    assert_eq!(check.past, None);
    assert_eq!(check.all_teams().filter(|(_, team)| team.past.is_some()).count(), 3);
    let asked = places_asked(&organization).await;
    let again: Vec<_> = asked.iter().filter(|place| asked_before.contains(place)).collect();
    assert!(again.is_empty(), "what was read is asked for again: {again:?}");
    let of_past: Vec<_> = asked.iter().filter(|place| ***place != *present.token).collect();
    let pages = revisions_since(&organization, left.from).div_ceil(1_000);
    assert_eq!((of_past.len() as u64, Some(&**of_past[0])), (pages - 1, left.token.as_deref()), "{asked:?}");
    let at_once = organization.app().await;
    let right = told(&at_once).await;
    assert!(right.values().all(|told| told["history"] == "complete"), "{right:?}");
    assert_eq!(told(&next).await, right);
}

#[tokio::test]
async fn the_past_of_a_team_that_comes_later_is_read_then() {
    let organization = Organization::start().await;
    let mobile = organization.model(|model| model.organisation.projects[0].teams[1].id);
    organization.way.unlisted.lock().unwrap().insert(mobile.into());
    let app = organization.app().await;
    assert!(checked(&app).all_teams().all(|(_, check)| check.past.is_some()));
    let saw = organization.model(|model| {
        let (project, at) = (&model.organisation.projects[0], model.now());
        let path = project.current_sprint(&project.teams[1], model.today()).unwrap().path.clone();
        let is_there = |item: &&Item| {
            item.newest().content.home == (0, 1) && item.newest().content.iteration_path == path
        };
        let item = model.items().values().find(is_there).unwrap().id;
        let root = project.root.clone();
        model.change(item, Event::Updated, at, 0, |content| content.iteration_path = root).unwrap();
        item
    });
    organization.way.unlisted.lock().unwrap().clear();
    organization
        .until(async || {
            organization.check_after(Duration::from_mins(11), &app).await;
            let is_read = checked(&app).all_teams().filter(|(_, check)| check.past.is_some()).count() == 3;
            is_read.then_some(())
        })
        .await;
    let later = organization.app().await;
    assert_eq!(told(&app).await, told(&later).await, "item {saw} left before");
}

/// What happened to an item of Web's, and how many days ago: it has another state of its process, by its number, or another
/// title, or it was put into the recycle bin or out of it.
type Happened = (u64, Event, Option<usize>);

/// An organisation in which nothing ever happened but to these items of Web's, which were made 200 days ago.
async fn of_lives<const N: usize>(lives: [&[Happened]; N]) -> (Organization, [u32; N]) {
    let organization = Organization::start().await;
    let clock = organization.clock.clock();
    let items = organization.model(|model| {
        let address = std::mem::take(&mut model.base_url);
        *model = Model::empty(3, clock);
        model.base_url = address;
        let now = model.now().epoch_ms();
        let ago = |days: u64| Timestamp::from_epoch_ms(now - days as i64 * 86_400_000);
        let project = &model.organisation.projects[0];
        let sprint = project.current_sprint(&project.teams[0], model.today()).unwrap().path.clone();
        let items = lives.map(|_| {
            let title = "Long ago".to_owned();
            let draft = Draft::new((0, 0), ItemRank::Requirement, title, sprint.clone());
            model.create(draft, ago(200), 0).unwrap().item
        });
        let mut happened: Vec<_> =
            items.iter().zip(lives).flat_map(|(id, life)| life.iter().map(move |of| (*id, *of))).collect();
        happened.sort_by_key(|(_, (days, ..))| std::cmp::Reverse(*days));
        for (id, (days, event, state)) in happened {
            let edit = |content: &mut ItemContent| match state {
                Some(number) => content.state = &content.item_type.states[number],
                None => content.title = format!("{days} days ago").into(),
            };
            model.change(id, event, ago(days), 0, edit).unwrap();
        }
        items
    });
    (organization, items)
}

#[tokio::test]
async fn when_an_item_began_that_was_put_back_or_deleted_before_its_past_is_known_is_asked_for() {
    use Event::{Deleted, Restored, Updated};
    const NEW: Option<usize> = Some(0);
    const COMMITTED: Option<usize> = Some(2);
    const DONE: Option<usize> = Some(3);
    let lives: [&[Happened]; 4] = [
        &[(190, Updated, COMMITTED), (180, Updated, NEW), (5, Updated, COMMITTED)],
        &[(190, Updated, COMMITTED), (180, Updated, DONE), (170, Deleted, None), (2, Restored, None)],
        // Of these nothing that was before the past that is known tells anything.
        &[(190, Updated, COMMITTED), (180, Updated, NEW), (5, Updated, None)],
        &[(170, Updated, None), (5, Updated, COMMITTED)],
    ];
    let (organization, [put_back, restored, ..]) = of_lives(lives).await;
    let app = organization.app().await;
    assert_eq!(organization.calls_on(REVISIONS).await, 2);
    let board = "/api/snapshot?project=Fabrikam%20Fiber&team=Web";
    let ages = app.get(&format!("{board}&explain=age.max")).await.json();
    let age = ages["counted"].as_array().unwrap().iter().find(|item| item["id"] == put_back);
    assert_eq!(age.unwrap()["amount"], 190, "{ages}");
    let week = app.get(&format!("{board}&explain=throughput.week")).await.json();
    let is_named = |items: &Value| items.as_array().unwrap().iter().any(|item| item["id"] == restored);
    assert!(!is_named(&week["counted"]) && is_named(&week["leftOut"]), "{week}");
}
