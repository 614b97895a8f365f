//! What a board may claim of its comparison with the organisation: one truth for all instances, told once, and nothing
//! before there is something to claim.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::{Event, Item};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::degradation::{CallOutcome, Failure, Policy};
use boardcast::domain::level::Level;
use boardcast::domain::scope::Audience;
use boardcast::domain::sprint::work_item::WorkItemId;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::{EntryId, Journal, RecordKey, Store};
use boardcast::sync::source::Check;
use boardcast::write::commit::{Change, CommitBuilder};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::eventually;
use crate::support::faults::FaultyJournal;
use crate::support::redis::{self, RedisServer, fresh_organisation};
use crate::support::source::{Organization, boards};
use crate::support::team::events;

/// Instances that share a journal in Redis and compare their boards with one organisation.
struct Instances {
    apps: Vec<(TestApp, Arc<FaultyJournal>)>,
    journal: Arc<dyn Journal>,
}

impl Instances {
    async fn start(organization: &Organization, count: usize) -> Self {
        let name = fresh_organisation();
        let journal = |name: &str| redis::journal(redis::settings(&RedisServer::shared().url(), name));
        let mut apps = Vec::new();
        for _ in 0..count {
            let store = Store::of(journal(&name));
            let faults = FaultyJournal::over(&store);
            let store = faults.in_front_of(store);
            let app = organization.builder().layer(move |_| store.clone()).start().await;
            apps.push((app, faults));
        }
        let instances = Self { apps, journal: journal(&name) };
        for (app, _) in &instances.apps {
            eventually("an instance does not load", async || app.app.instance.fold.position().is_some())
                .await;
            let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
            assert_eq!((check.scopes, check.error), (3, None));
        }
        instances
    }

    /// The events since the log began.
    async fn log(&self) -> Vec<(EntryId, Value)> {
        let records = self.journal.load().await.unwrap().records;
        let epoch = records.into_iter().find(|(key, _)| *key == RecordKey::epoch()).unwrap().1;
        events(&self.journal, epoch.version).await
    }

    /// How often each board was told of that, since the log began.
    async fn told(&self, kind: &str) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::new();
        for (_, event) in self.log().await {
            if event["type"] == kind && event["projectId"].is_string() && event["from"] != "none" {
                *told.entry(event["teamId"].to_string()).or_default() += 1;
            }
        }
        told
    }

    /// What the host's timer sets off, at the instance that it happens to reach.
    async fn run_of_the_timer(&self) {
        let source = self.apps.last().unwrap().0.app.source.clone().unwrap();
        let _ = source.check(Cause::Timer).await;
    }

    /// Waits until each board was told of that, and then for as long as it would take to be told again.
    async fn once_for_each_board(&self, organization: &Organization, kind: &str) {
        let all = async || {
            organization.clock.advance(Duration::from_secs(2));
            self.run_of_the_timer().await;
            self.told(kind).await.len() == 3
        };
        eventually(&format!("not every board is told {kind}"), all).await;
        for _ in 0..50 {
            organization.clock.advance(Duration::from_secs(1));
            self.run_of_the_timer().await;
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        let told = self.told(kind).await;
        assert!(told.values().all(|times| *times == 1), "{kind}: {told:?}");
    }
}

async fn an_outage(count: usize) {
    let organization = Organization::start().await;
    let instances = Instances::start(&organization, count).await;
    *organization.way.refused.lock().unwrap() = Some(Failure::Server);
    instances.once_for_each_board(&organization, "degraded").await;
    // One that has checked dies, and the others go on by what it found.
    instances.apps[0].1.set_down(true);
    *organization.way.refused.lock().unwrap() = None;
    instances.once_for_each_board(&organization, "recovered").await;
    assert_eq!(instances.told("degraded").await.into_values().sum::<usize>(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_b1_two_instances_tell_an_outage_once() {
    an_outage(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_b1_three_instances_of_which_one_dies_tell_an_outage_once() {
    an_outage(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f9_f12_instances_of_which_some_ask_for_simulated_boards_announce_nothing_against_each_other() {
    let organization = Organization::start().await;
    *organization.way.refused.lock().unwrap() = Some(Failure::Server);
    let name = fresh_organisation();
    let journal = || redis::journal(redis::settings(&RedisServer::shared().url(), &name));
    let mut apps = Vec::new();
    for mock in ["off", "on"] {
        let store = Store::of(journal());
        let app = organization.builder().setting("BOARDCAST_MOCK", mock).layer(move |_| store.clone());
        apps.push((app.start().await, FaultyJournal::over(&Store::of(journal()))));
        organization.clock.advance(Duration::from_secs(1));
    }
    let whole = |app: &TestApp| app.app.instance.fold.read().checked().whole.clone().map(|whole| whole.level);
    eventually("nobody asks for simulated boards", async || whole(&apps[0].0) == Some(Level::Mock)).await;
    for _ in 0..40 {
        organization.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let instances = Instances { apps, journal: journal() };
    let told: Vec<Value> = instances.log().await.into_iter().map(|(_, event)| event).collect();
    let levels: Vec<&Value> =
        told.iter().filter(|event| event["type"] == "degraded").map(|event| &event["to"]).collect();
    assert!(levels.len() <= 2 && levels.last() == Some(&&json!("mock")), "{levels:?}");
    for (app, _) in &instances.apps {
        eventually("they do not agree", async || whole(app) == Some(Level::Mock)).await;
    }
}

#[tokio::test]
async fn fault_b1_a_failure_that_another_instance_found_is_not_mended_by_what_was_kept() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    organization.clock.advance(Duration::from_mins(1));
    let now = (organization.clock.clock())();
    let is_gone = |app: &TestApp| app.app.instance.fold.read().checked().organization.since().is_some();
    let commit = {
        let state = app.app.instance.fold.read();
        let mut check = state.checked().clone();
        let failed = CallOutcome::Failed(Failure::Forbidden);
        check.observe(None, failed, now, &Policy::default(), 0.0);
        let mut commit = CommitBuilder::new();
        commit.put(Change::Checked(Box::new(check)), state.version(&RecordKey::feed()));
        commit.build(Audience::Everyone).unwrap()
    };
    app.journal.commit(commit).await.unwrap();
    app.settled().await;
    assert!(is_gone(&app));
    // The list of projects is fresh for an hour, but from before the failure.
    check_after(&organization, &app, Duration::from_mins(1)).await;
    assert!(!is_gone(&app), "the organisation was not asked");
}

/// An application that has not compared anything yet.
async fn beginning(organization: &Organization) -> TestApp {
    organization.builder().setting("BOARDCAST_HEARTBEAT_MS", "1000").start().await
}

/// A check, some time after the last.
async fn check_after(organization: &Organization, app: &TestApp, time: Duration) -> Check {
    organization.clock.advance(time);
    let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
    app.settled().await;
    check
}

/// The address of a team's board.
const WEB: &str = "/api/snapshot?project=Fabrikam%20Fiber&team=Web";

/// An explanation claims no more than the board.
async fn fault_b9_no_number_is_explained_of(app: &TestApp, board: &Value) {
    let explained = app.get(&format!("{WEB}&explain=items.total")).await.json();
    assert_eq!((&explained["level"], &explained["value"]), (&json!("none"), &Value::Null));
    assert_eq!((&explained["counted"], &explained["inputs"]), (&json!([]), &json!({})));
    assert_eq!(explained["reason"], board["metrics"]["items.total"]["reason"]);
    assert_eq!((&explained["demo"], &explained["dataAsOf"]), (&json!(false), &board["dataAsOf"]));
}

#[tokio::test]
async fn fault_g2_nothing_is_claimed_of_a_board_before_its_first_whole_comparison() {
    let organization = Organization::start().await;
    organization.way.items_are_silent.store(true, Ordering::SeqCst);
    let app = beginning(&organization).await;
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    assert_eq!(reader.next_of("connected").await["level"], "none");
    assert_eq!(reader.next_of("sprint_changed").await["level"], "none");
    let begun = reader.next_of("snapshot").await;
    assert_eq!((&begun["level"], &begun["outage"]["reason"]), (&json!("none"), &json!("loading")));
    eventually("it is not said how far it is", async || {
        app.get(WEB).await.json()["outage"]["progress"]["of"].as_u64().is_some_and(|of| of > 0)
    })
    .await;
    // A hook brings a part of the board.
    let payload = organization.model(|model| {
        let web = &model.organisation.projects[0];
        let sprint = web.current_sprint(&web.teams[0], model.today()).unwrap().path.clone();
        let in_sprint = |item: &&Item| item.project == 0 && item.newest().content.iteration_path == sprint;
        let is_web = |item: &&Item| model.home(item).is_some_and(|(_, home)| home.name == "Web");
        let item = model.items().values().filter(in_sprint).find(is_web).unwrap().id;
        let at = model.now();
        let change = model.change(item, Event::Updated, at, 0, |content| content.title = "A part".into());
        hooks::payload(model, change.unwrap()).unwrap()
    });
    app.hook(&payload).await;
    let changed = reader.next_of("workitem_changed").await;
    assert_eq!((&changed["level"], &changed["dataAsOf"]), (&json!("none"), &Value::Null));
    app.app.deriver.settle_once().await;
    let part = app.get(WEB).await.json();
    assert_eq!(part["outage"]["progress"]["done"], 1);
    assert_eq!((&part["level"], &part["dataAsOf"]), (&json!("none"), &Value::Null));
    for (id, metric) in part["metrics"].as_object().unwrap() {
        assert_eq!(metric["value"], Value::Null, "{id}");
        assert!(metric["reason"].as_str().unwrap().contains("1 of "), "{id}: {metric}");
    }
    fault_b9_no_number_is_explained_of(&app, &part).await;
    organization.way.items_are_silent.store(false, Ordering::SeqCst);
    let mut told = Vec::new();
    while told.last().is_none_or(|event: &Value| event["type"] != "snapshot") {
        told.extend(reader.next().await.unwrap().json());
    }
    let kinds: Vec<&str> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(!kinds.contains(&"metric_changed"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "recovered").count(), 1, "{kinds:?}");
    let whole = told.last().unwrap();
    assert_eq!((&whole["level"], whole.get("outage")), (&json!("full"), None));
    assert!(whole["data"]["metrics"]["items.total"]["value"].as_u64().unwrap() > 1);
}

#[tokio::test]
async fn fault_g3_a_new_sprint_is_compared_at_once_though_nobody_watches() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let before = app.get(WEB).await.json();
    organization.clock.advance(Duration::from_hours(24 * 14));
    app.app.deriver.settle_once().await;
    app.settled().await;
    let begun = app.get(WEB).await.json();
    assert_ne!(begun["sprint"]["id"], before["sprint"]["id"]);
    if begun["level"] != "full" {
        assert_eq!((&begun["level"], &begun["items"]), (&json!("none"), &json!([])));
    }
    eventually("the new sprint is not compared", async || {
        organization.clock.advance(Duration::from_secs(1));
        app.get(WEB).await.json()["level"] == "full"
    })
    .await;
    let state = app.app.instance.fold.read();
    let web = state.teams().all().find(|team| &*team.team_name == "Web").unwrap().key();
    let check = state.checked().team(web).unwrap();
    assert_eq!((check.sprint, check.at.is_some()), (state.teams().served_scope(web).sprint, true));
}

#[tokio::test]
async fn fault_b3_g8_who_was_there_before_the_first_failure_is_told_what_later_readers_find() {
    let organization = Organization::start().await;
    organization.way.hangs.store(true, Ordering::SeqCst);
    let app = beginning(&organization).await;
    let mut early = app.stream("").await;
    let connected = early.next_of("connected").await;
    assert_eq!((&connected["level"], &connected["outage"]["reason"]), (&json!("none"), &json!("loading")));
    *organization.way.refused.lock().unwrap() = Some(Failure::Unauthorised);
    organization.way.hangs.store(false, Ordering::SeqCst);
    let told = loop {
        let told = early.next_of("degraded").await;
        if told["reason"] != "loading" {
            break told;
        }
    };
    assert_eq!((&told["to"], &told["reason"]), (&json!("none"), &json!("unauthorised")));
    assert_eq!((&told["projectId"], told["retryAt"].is_number()), (&Value::Null, true));
    assert!(told["remedy"].as_str().unwrap().contains("AZURE_DEVOPS_PAT"), "{told}");
    let heartbeat = app.stream("heartbeat=1").await.next_of("heartbeat").await;
    assert_eq!(heartbeat["level"], "none");
    let mut late = app.stream("").await;
    let connected = late.next_of("connected").await;
    assert_eq!((&connected["level"], &connected["outage"]["reason"]), (&told["level"], &told["reason"]));
    assert_eq!(connected["outage"]["retryAt"], told["retryAt"]);
    assert!(connected["outage"]["remedy"].as_str().unwrap().contains("AZURE_DEVOPS_PAT"));
    let directory = app.get("/api/snapshot").await.json();
    assert_eq!((&directory["level"], &directory["outage"]), (&json!("none"), &connected["outage"]));
    *organization.way.refused.lock().unwrap() = None;
    let recovered = organization.until_told(&mut early, "recovered").await;
    assert_eq!((&recovered["from"], &recovered["level"]), (&json!("none"), &json!("full")));
}

#[tokio::test]
async fn fault_b6_the_failure_of_a_neighbour_makes_no_board_older() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let web = organization.model(|model| model.organisation.projects[0].teams[0].id);
    organization.way.broken.lock().unwrap().insert(web.into());
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    let before = boards(&app).await;
    let check = check_after(&organization, &app, Duration::from_mins(5)).await;
    assert_eq!((check.scopes, check.failed.len()), (2, 1));
    assert!(check.error.unwrap().contains("project Fabrikam Fiber, team Web"));
    let after = boards(&app).await;
    let age = |boards: &BTreeMap<String, Value>, team: &str| boards[team]["dataAsOf"].as_i64().unwrap();
    assert!(age(&after, "Mobile Apps") >= age(&before, "Mobile Apps") + 5 * 60_000);
    assert_eq!(age(&after, "Web"), age(&before, "Web"));
}

#[tokio::test]
async fn fault_b5_g6_an_age_is_that_of_an_answer_about_that_board() {
    // The team Mobile Apps is between two sprints.
    let organization = Organization::with(|model| {
        model.organisation.projects[0].teams[1].sprints.truncate(1);
    })
    .await;
    let app = organization.app().await;
    let before = boards(&app).await;
    assert_eq!(before["Mobile Apps"]["sprint"], Value::Null);
    *organization.way.refused.lock().unwrap() = Some(Failure::Unauthorised);
    check_after(&organization, &app, Duration::from_mins(5)).await;
    let after = boards(&app).await;
    for (team, board) in &after {
        assert_eq!(board["dataAsOf"], before[team]["dataAsOf"], "{team}");
    }
    *organization.way.refused.lock().unwrap() = None;
    organization
        .until(async || {
            let check = check_after(&organization, &app, Duration::from_mins(5)).await;
            (check.scopes == 3).then_some(())
        })
        .await;
    check_follows(&organization, &app, "Mobile Apps").await;
}

#[tokio::test]
async fn fault_b5_the_board_of_what_is_no_teams_is_compared_too() {
    let organization = Organization::start().await;
    let mobile = organization.model(|model| model.organisation.projects[0].teams[1].id);
    organization.way.unlisted.lock().unwrap().insert(mobile.into());
    let app = organization.app().await;
    check_follows(&organization, &app, "none").await;
}

/// An item that a hook brings to that board changes while no hook comes: the next check finds it.
async fn check_follows(organization: &Organization, app: &TestApp, board: &str) {
    let item = organization.model(|model| {
        let web = &model.organisation.projects[0];
        let sprint = web.current_sprint(&web.teams[0], model.today()).unwrap().path.clone();
        let is_of_today = |item: &&Item| item.project == 0 && item.newest().content.iteration_path == sprint;
        let is_mobile = |item: &&Item| model.home(item).is_some_and(|(_, home)| home.name == "Mobile Apps");
        model.items().values().filter(is_of_today).find(is_mobile).unwrap().id
    });
    let change = |title: &str| {
        organization.model(|model| {
            let at = model.now();
            let change = model.change(item, Event::Updated, at, 0, |content| content.title = title.into());
            hooks::payload(model, change.unwrap()).unwrap()
        })
    };
    app.hook(&change("Told by a hook")).await;
    app.settled().await;
    let title = async || {
        let items = boards(app).await[board]["items"].clone();
        let is_it = |shown: &&Value| shown["id"] == item;
        items.as_array().unwrap().iter().find(is_it).map(|item| item["title"].clone())
    };
    assert_eq!(title().await, Some(json!("Told by a hook")));
    change("Told by nobody");
    check_after(organization, app, Duration::from_mins(5)).await;
    assert_eq!(title().await, Some(json!("Told by nobody")));
    let as_of = boards(app).await[board]["dataAsOf"].as_i64().unwrap();
    assert!((organization.clock.clock())().epoch_ms() - as_of < 60_000);
}

#[tokio::test]
async fn fault_b7_one_empty_or_shortened_list_takes_no_board_off_the_wall() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let sprint = app.get(WEB).await.json()["sprint"]["id"].clone();
    let shown = async || boards(&app).await.into_keys().collect::<Vec<_>>();
    let all = shown().await;
    // Each list is no longer fresh by then, so it is read behind the first check and seen by the second.
    let look = async |times: u32| {
        for _ in 0..times {
            check_after(&organization, &app, Duration::from_mins(65)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    organization.way.no_projects.store(true, Ordering::SeqCst);
    look(4).await;
    assert_eq!(shown().await, all, "that there is nothing any more is no answer");
    organization.way.no_projects.store(false, Ordering::SeqCst);
    look(2).await;
    let mobile = organization.model(|model| model.organisation.projects[0].teams[1].id);
    organization.way.unlisted.lock().unwrap().insert(mobile.into());
    look(2).await;
    assert_eq!(shown().await, all, "one look decides nothing");
    organization.way.unlisted.lock().unwrap().clear();
    look(2).await;
    assert_eq!(shown().await, all);
    organization.way.no_sprints.store(true, Ordering::SeqCst);
    check_after(&organization, &app, Duration::from_mins(65)).await;
    organization.way.no_sprints.store(false, Ordering::SeqCst);
    look(2).await;
    assert_eq!(app.get(WEB).await.json()["sprint"]["id"], sprint);
    organization.way.unlisted.lock().unwrap().insert(mobile.into());
    look(4).await;
    assert!(!shown().await.contains(&"Mobile Apps".to_owned()), "two do");
}

#[tokio::test]
async fn fault_g7_one_unreadable_item_costs_its_board_itself_alone() {
    let organization = Organization::start().await;
    let healthy = organization.app().await;
    let all = boards(&healthy).await["Web"]["items"].as_array().unwrap().clone();
    let unreadable = all[0]["id"].as_u64().unwrap();
    let id = WorkItemId::new(u32::try_from(unreadable).unwrap()).unwrap();
    organization.way.unreadable.lock().unwrap().insert(id);
    let app = beginning(&organization).await;
    eventually("no board is full", async || app.get(WEB).await.json()["level"] == "full").await;
    let board = app.get(WEB).await.json();
    assert_eq!(board["items"].as_array().unwrap().len(), all.len() - 1);
    assert_eq!(board["missing"][0], json!({ "workItemId": unreadable, "reason": "unreadable" }));
    assert_eq!(board["history"], "partial");
}

#[tokio::test]
async fn fault_g7_one_project_that_does_not_say_its_teams_costs_its_own_boards_alone() {
    let organization = Organization::start().await;
    let closed = organization.model(|model| model.organisation.projects[0].id);
    organization.way.closed_projects.lock().unwrap().insert(closed.into(), Failure::Forbidden);
    let app = beginning(&organization).await;
    eventually("no board is full", async || {
        let boards = boards(&app).await;
        boards.len() == 1 && boards["Clinic"]["level"] == "full"
    })
    .await;
    let check = check_after(&organization, &app, Duration::from_mins(5)).await;
    assert_eq!(check.failed, [closed.into()]);
    assert!(check.error.unwrap().contains("project Fabrikam Fiber"));
    organization.way.closed_projects.lock().unwrap().clear();
    organization
        .until(async || {
            check_after(&organization, &app, Duration::from_mins(5)).await;
            (boards(&app).await.len() == 3).then_some(())
        })
        .await;
}

#[tokio::test]
async fn fault_f6_what_left_the_sprint_before_it_was_first_compared_is_said_to_be_unknown_until_it_is_read() {
    let organization = Organization::start().await;
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    let app = organization.app().await;
    let board = app.get(WEB).await.json();
    assert_eq!(board["history"], "partial");
    let reason = board["missing"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("left the sprint before 2026-11-25"), "{reason}");
    let explained = app.get(&format!("{WEB}&explain=points.remaining")).await.json();
    assert_eq!(explained["history"], "partial");
    // Once the feed can be read it tells what was before.
    *organization.way.no_feed.lock().unwrap() = None;
    check_after(&organization, &app, Duration::from_mins(5)).await;
    let board = app.get(WEB).await.json();
    assert_eq!((&board["history"], board.get("missing")), (&json!("complete"), None));
    // So it does of a sprint that begins while its team is watched.
    organization.clock.advance(Duration::from_hours(24 * 14));
    app.app.deriver.settle_once().await;
    check_after(&organization, &app, Duration::from_secs(5)).await;
    let board = app.get(WEB).await.json();
    assert_eq!((&board["level"], &board["history"]), (&json!("full"), &json!("complete")));
    assert_eq!(board.get("missing"), None);
}

/// An application that serves the project of the team Web alone.
async fn serving_one_project(organization: &Organization) -> TestApp {
    let app = organization.builder().setting("BOARDCAST_PROJECTS", "Fabrikam Fiber").start().await;
    eventually("no board is full", async || app.get(WEB).await.json()["level"] == "full").await;
    app
}

#[tokio::test]
async fn fault_d1_nothing_of_a_project_that_is_not_served_is_kept() {
    let mut parent = 0;
    // The parent of a task is of the other project.
    let organization = Organization::with(|model| {
        let web = &model.organisation.projects[0];
        let sprint = web.current_sprint(&web.teams[0], model.today()).unwrap().path.clone();
        let is_task = |item: &&Item| item.project == 0 && item.item_type.level == ItemRank::Task;
        let in_sprint = |item: &&Item| item.newest().content.iteration_path == sprint;
        let task = model.items().values().filter(is_task).find(in_sprint).unwrap().id;
        parent = model.items().values().find(|item| item.project == 1).unwrap().id;
        let at = model.now();
        model.change(task, Event::Updated, at, 0, |content| content.parent = Some(parent)).unwrap();
    })
    .await;
    let app = serving_one_project(&organization).await;
    let known = |id: u32| app.app.instance.fold.read().item(WorkItemId::new(id).unwrap());
    assert!(known(parent).is_none());
    let served = app
        .app
        .instance
        .fold
        .read()
        .items()
        .all(|known| &*known.item.present().details.project_name == "Fabrikam Fiber");
    assert!(served, "every item is of the project that is served");
}

#[tokio::test]
async fn fault_d1_an_item_that_moves_to_a_project_that_is_not_served_leaves_without_its_title() {
    let organization = Organization::start().await;
    let app = serving_one_project(&organization).await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    let shown = app.get(WEB).await.json()["items"].as_array().unwrap().clone();
    let item = shown[0]["id"].as_u64().unwrap() as u32;
    let (other, payload) = organization.model(|model| {
        let other = model.organisation.projects[1].id;
        let at = model.now();
        let change = model.change(item, Event::Updated, at, 0, |content| content.title = "A secret".into());
        (other, hooks::payload(model, change.unwrap()).unwrap())
    });
    let mut payload: Value = payload;
    payload["resourceContainers"]["project"]["id"] = json!(other);
    payload["resource"]["revision"]["fields"]["System.TeamProject"] = json!("Clinic");
    assert_eq!(app.hook(&payload).await.json()["outcome"], "applied");
    let left = reader.next_of("workitem_changed").await;
    assert_eq!((&left["workItemId"], &left["changeType"]), (&json!(item), &json!("moved_out")));
    assert_eq!((&left["item"], &left["title"]), (&Value::Null, &shown[0]["title"]));
    app.settled().await;
    let items = app.get(WEB).await.json()["items"].as_array().unwrap().clone();
    assert!(items.iter().all(|shown| shown["id"] != item));
    let records = app.journal.load().await.unwrap().records;
    let is_told = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("A secret");
    assert!(!records.iter().any(|(_, record)| is_told(&record.value)), "it is in no record");
    assert!(!left.to_string().contains("A secret"));
    // Of one that nobody knows nothing is kept at all.
    payload["resource"]["workItemId"] = json!(999_999);
    assert_eq!(app.hook(&payload).await.json()["reason"], "foreign_project");
}
