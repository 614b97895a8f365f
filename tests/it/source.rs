//! Boards and the organisation that they are compared with: how they begin, catch up, fall behind and recover.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boardcast::board::fold::Fold;
use boardcast::board::projection::Projection;
use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::{Event, Item, ItemContent};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::degradation::Failure;
use boardcast::domain::sprint::catalogue::StateCategory;
use boardcast::domain::sprint::work_item::WorkItemId;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::Store;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::faults::FaultyJournal;
use crate::support::organisation::{Answer, SimulatedFailure};
use crate::support::source::{NOW_MS, Organization, boards};

#[tokio::test]
async fn a_board_begins_as_the_organisation_has_it() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let boards = boards(&app).await;
    assert_eq!(boards.keys().map(String::as_str).collect::<Vec<_>>(), ["Clinic", "Mobile Apps", "Web"]);
    organization.model(|model| {
        for project in &model.organisation.projects {
            for team in &project.teams {
                let board = &boards[team.name];
                let sprint = project.current_sprint(team, model.today()).unwrap();
                assert_eq!(board["sprint"]["name"], sprint.name);
                assert_eq!(board["sprint"]["state"], "current");
                assert_eq!(board["sprint"]["startDate"], sprint.start.to_string());
                assert_eq!((&board["level"], &board["history"]), (&json!("full"), &json!("complete")));
                let own: BTreeMap<u32, u32> = model
                    .items()
                    .values()
                    .filter(|item| {
                        let newest = item.newest();
                        model.home(item).is_some_and(|(_, home)| home.id == team.id)
                            && newest.content.iteration_path == sprint.path
                            && !newest.deleted
                    })
                    .map(|item| (item.id, item.newest().rev))
                    .collect();
                let shown: BTreeMap<u32, u32> = board["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| (item["id"].as_u64().unwrap() as u32, item["rev"].as_u64().unwrap() as u32))
                    .collect();
                assert_eq!(shown, own, "{}", team.name);
                assert!(!own.is_empty());
                for shown in board["items"].as_array().unwrap() {
                    assert_since(shown, model.item(shown["id"].as_u64().unwrap() as u32).unwrap());
                }
            }
        }
    });
    for board in boards.values() {
        assert_capacity(board);
    }
    let checked = boards["Web"]["dataAsOf"].as_i64().unwrap();
    assert!((NOW_MS..NOW_MS + 60_000).contains(&checked), "{checked}");
    assert_eq!(boards["Web"].get("demo"), None);
}

/// What each member can work and has to do is what the team can and has to.
fn assert_capacity(board: &Value) {
    let hundredths = |amount: &Value| (amount.as_f64().unwrap() * 100.0).round() as i64;
    let metric = |id: &str| hundredths(&board["metrics"][id]["value"]);
    let detail = &board["metrics"]["hours.capacity"]["detail"];
    let members = detail["members"].as_array().unwrap();
    let sum = |what: &str| members.iter().map(|member| hundredths(&member[what])).sum::<i64>();
    assert_eq!(sum("hours"), metric("hours.capacity"), "{detail}");
    assert_eq!(sum("remaining") + hundredths(&detail["unassigned"]), metric("hours.remaining"), "{detail}");
    assert!(sum("remaining") > 0 && !members[0]["activities"].as_array().unwrap().is_empty(), "{detail}");
}

/// A task that somebody hands over moves no number of the team, and two rows of who has how much left.
#[tokio::test]
async fn what_each_member_has_left_is_told_though_the_number_of_all_stays() {
    let organization = Organization::start().await;
    let app = organization.builder().setting("BOARDCAST_SETTLE_MS", "100").start().await;
    let read = async || boards(&app).await.get("Web").filter(|board| board["level"] == "full").cloned();
    let is_read = || organization.until(read);
    let before = is_read().await;
    // What is told first is what the snapshot shows.
    app.quiet().await;
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    reader.next_of("snapshot").await;
    let mut items = before["items"].as_array().unwrap().iter();
    let is_handed_over = |item: &&Value| {
        item["remainingWork"].as_f64().is_some_and(|hours| hours > 0.0) && item["assignedTo"].is_object()
    };
    let task = items.find(is_handed_over).unwrap()["id"].as_u64().unwrap() as u32;
    let payload = organization.edit(task, |content| {
        content.assigned_to = Some(usize::from(content.assigned_to == Some(0)));
    });
    app.hook(&payload).await;
    let told = loop {
        let told = reader.next_of("metric_changed").await;
        if told["metric"] == "hours.capacity" {
            break told;
        }
    };
    assert_eq!((&told["reason"], &told["changePercent"]), (&json!("detail"), &Value::Null));
    let capacity = &before["metrics"]["hours.capacity"];
    assert_eq!((&told["value"], &told["previous"]), (&capacity["value"], &capacity["value"]));
    let after = is_read().await;
    assert_eq!(told["detail"], after["metrics"]["hours.capacity"]["detail"]);
    assert_ne!(told["detail"], capacity["detail"]);
    assert_eq!(after["metrics"]["hours.remaining"]["value"], before["metrics"]["hours.remaining"]["value"]);
    assert_capacity(&after);
    // Once, however many ticks follow.
    app.hook(&organization.edit(task, |content| content.title = "Told after the ticks".into())).await;
    while reader.next_of_either("metric_changed", "workitem_changed").await != "workitem_changed" {}
    tokio::time::sleep(Duration::from_millis(300)).await;
    app.hook(&organization.edit(task, |content| content.title = "Told after more of them".into())).await;
    assert_eq!(reader.next_of_either("metric_changed", "workitem_changed").await, "workitem_changed");
}

/// An item says since when it is in its state, and blocked.
fn assert_since(shown: &Value, item: &Item) {
    let newest = &item.newest().content;
    let since = |is_alike: &dyn Fn(&ItemContent) -> bool| {
        let revisions: Vec<_> = item.revisions().collect();
        let alike = revisions.iter().rev().take_while(|revision| is_alike(&revision.content));
        alike.last().map_or(Value::Null, |revision| json!(revision.changed_at))
    };
    assert_eq!(shown["stateSince"], since(&|content| content.state.name == newest.state.name), "{shown}");
    assert_eq!(shown["blockedSince"], since(&|content| newest.blocked && content.blocked), "{shown}");
}

#[tokio::test]
async fn f15_an_item_that_was_deleted_and_of_which_no_hook_told_leaves_its_board_at_the_next_check() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let shows = async |id: u32| {
        let board = boards(&app).await.remove("Web").unwrap();
        let shown = board["items"].as_array().unwrap().iter().any(|item| item["id"] == id);
        let mut missing = board["missing"].as_array().into_iter().flatten();
        (shown, missing.any(|missing| missing["workItemId"] == id))
    };
    let items = boards(&app).await["Web"]["items"].clone();
    let [id, other] = [0, 1].map(|n| items[n]["id"].as_u64().unwrap() as u32);
    let delete = |id: u32| {
        organization.model(|model| {
            let at = model.now();
            model.change(id, Event::Deleted, at, 0, |_| {}).unwrap();
        });
    };
    delete(id);
    let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
    assert_eq!((check.changed, check.error), (1, None));
    app.settled().await;
    assert_eq!(shows(id).await, (false, false));
    // Without the feed, of one that may not even be read in the recycle bin nothing is known but that the board cannot answer for it.
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    delete(other);
    let text = json!({ "typeKey": "WorkItemUnauthorizedAccessException", "message": "TF401232" });
    let gone = Answer { status: 404, headers: Vec::new(), body: text };
    organization.fail_on("GET wit/workitems/*/revisions", SimulatedFailure::Instead(gone)).await;
    let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
    assert_eq!((check.changed, check.error), (0, None));
    app.settled().await;
    assert_eq!(shows(other).await, (true, true), "what is known to be missing waits for no second look");
}

#[tokio::test]
async fn k4_what_a_check_brings_at_once_is_one_event_of_items_in_the_shape_of_the_board() {
    let organization = Organization::start().await;
    let app = organization.builder().start().await;
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    // The team becomes known by an event, and its board follows.
    let begun = reader.next_of("sprint_changed").await;
    assert_eq!((&begun["from"], begun["to"].is_string()), (&Value::Null, true));
    let told = reader.next_of("workitems_updated").await;
    assert_eq!(told["sprintId"], begun["to"]);
    assert_eq!((&told["removed"], &told["changed"]), (&json!([]), &json!([])));
    app.quiet().await;
    let board = &boards(&app).await["Web"];
    // How old an item is, and since when it is as it is, rests on its history, which is read once the boards are there.
    let ageless = |items: &Value| {
        let mut items = items.as_array().unwrap().clone();
        for item in &mut items {
            item["ageDays"] = Value::Null;
            item.as_object_mut().unwrap().retain(|name, _| name != "stateSince" && name != "blockedSince");
        }
        items
    };
    let (told, shown) = (ageless(&told["data"]), ageless(&board["items"]));
    let members = |item: &Value| item.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&told[0]), members(&shown[0]));
    let mut expected = [
        "id",
        "rev",
        "type",
        "title",
        "state",
        "stateCategory",
        "assignedTo",
        "effort",
        "remainingWork",
        "iterationPath",
        "areaPath",
        "tags",
        "blocked",
        "blockedBy",
        "changedAt",
        "url",
        "ageDays",
        "parent",
        "rank",
        "backlog",
    ];
    expected.sort_unstable();
    assert_eq!(members(&told[0]), expected);
    for item in &told {
        assert!(shown.contains(item), "{item}");
    }
}

#[tokio::test]
async fn a_hook_that_never_came_is_found_by_the_next_check() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    let item = boards(&app).await["Web"]["items"][0]["id"].as_u64().unwrap() as u32;
    organization.model(|model| {
        let at = model.now();
        model.change(item, Event::Updated, at, 0, |content| content.title = "Told by nobody".into());
    });
    let told = organization.until_told(&mut reader, "workitem_changed").await;
    assert_eq!((&told["workItemId"], &told["title"]), (&json!(item), &json!("Told by nobody")));
    assert_eq!(told["source"], "system");
    let completed = organization.until_told(&mut reader, "sync_completed").await;
    assert_eq!((&completed["scopes"], &completed["failed"]), (&json!(3), &json!([])));
    assert_eq!((&completed["projectId"], &completed["level"]), (&Value::Null, &json!("full")));
    // What was checked is as of the check, on every board, changed or not.
    let as_of = completed["dataAsOf"].as_i64().unwrap();
    for (team, board) in boards(&app).await {
        assert!(board["dataAsOf"].as_i64().unwrap() >= as_of, "{team}");
    }
}

#[tokio::test]
async fn a_parent_that_is_in_no_sprint_is_fetched_once_and_again_when_it_changed() {
    let mut parent = 0;
    let organization = Organization::with(|model| {
        let web = &model.organisation.projects[0];
        let sprint = web.current_sprint(&web.teams[0], model.today()).unwrap().path.clone();
        let root = web.name;
        let is_task = |item: &&Item| item.project == 0 && item.item_type.level == ItemRank::Task;
        let in_sprint = |item: &&Item| item.newest().content.iteration_path == sprint;
        let mut tasks = model.items().values().filter(is_task).filter(in_sprint);
        parent = tasks.find_map(|item| item.newest().content.parent).unwrap();
        let at = model.now();
        model.change(parent, Event::Updated, at, 0, |content| content.iteration_path = root.into()).unwrap();
    })
    .await;
    // Without the feed of revisions every check compares boards as a whole.
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    let app = organization.app().await;
    let known =
        || app.app.instance.fold.read().item(WorkItemId::new(parent).unwrap()).unwrap().item.present().rev;
    let (rev, mut reader) = (known(), app.stream("").await);
    reader.next_of("connected").await;
    let asked = organization.calls_on("GET wit/workitems/*/revisions").await;
    let completed = organization.until_told(&mut reader, "sync_completed").await;
    assert_eq!(completed["changed"], 0);
    assert_eq!(organization.calls_on("GET wit/workitems/*/revisions").await, asked);
    organization.model(|model| {
        let at = model.now();
        model.change(parent, Event::Updated, at, 0, |content| content.title = "Renamed".into());
    });
    organization.until(async || (known() == rev + 1).then_some(())).await;
}

#[tokio::test]
async fn f1_f2_f6_f8_an_organisation_that_is_gone_leaves_its_boards_cached_until_it_is_back() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let mut reader = app.stream("team=Web&project=Fabrikam%20Fiber").await;
    let before = reader.next_of("snapshot").await;
    let gone_at = (organization.clock.clock())().epoch_ms();
    organization.close().await;
    let fallen = organization.until_told(&mut reader, "degraded").await;
    assert_eq!(
        (&fallen["from"], &fallen["to"], &fallen["level"]),
        (&json!("full"), &json!("cached"), &json!("cached"))
    );
    assert_eq!(fallen["reason"], "timed_out");
    assert!(fallen["since"].as_i64().unwrap() >= gone_at);
    let wait = fallen["retryAt"].as_i64().unwrap() - fallen["since"].as_i64().unwrap();
    assert!((5_000..=10_000).contains(&wait), "{wait}");
    // The board is there, with its age.
    let board = &boards(&app).await["Web"];
    assert_eq!(board["level"], "cached");
    assert_eq!(board["items"].as_array().unwrap().len(), before["data"]["items"].as_array().unwrap().len());
    assert!(board["dataAsOf"].as_i64().unwrap() <= fallen["since"].as_i64().unwrap());
    // A new reader is told at once.
    let mut late = app.stream("team=Web&project=Fabrikam%20Fiber").await;
    assert_eq!(late.next_of("connected").await["level"], "cached");
    let snapshot = late.next_of("snapshot").await;
    assert_eq!(
        (&snapshot["outage"]["reason"], &snapshot["outage"]["since"]),
        (&json!("timed_out"), &fallen["since"])
    );
    assert_eq!(snapshot["outage"]["retryAt"], board["outage"]["retryAt"]);
    // An outage of a minute from when it was noticed, and then at most one probe until all is well.
    let since = fallen["since"].as_i64().unwrap();
    organization
        .until(async || ((organization.clock.clock())().epoch_ms() > since + 60_000).then_some(()))
        .await;
    organization.reopen().await;
    let back_at = (organization.clock.clock())().epoch_ms();
    let recovered = organization.until_told(&mut reader, "recovered").await;
    assert_eq!((&recovered["from"], &recovered["level"]), (&json!("cached"), &json!("full")));
    let took = recovered["timestamp"].as_i64().unwrap() - back_at;
    assert!(took <= 90_000, "the probe after a minute is at most 80 s away: {took}");
    assert!(recovered["downForMs"].as_i64().unwrap() >= 50_000);
    let board = &boards(&app).await["Web"];
    assert_eq!((&board["level"], board.get("outage")), (&json!("full"), None));
}

#[tokio::test]
async fn f3_f7_a_team_that_cannot_be_compared_leaves_the_others_as_they_are() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    let web = organization.model(|model| model.organisation.projects[0].teams[0].id);
    organization.way.broken.lock().unwrap().insert(web.into());
    let fallen = organization.until_told(&mut reader, "degraded").await;
    assert_eq!((&fallen["teamId"], &fallen["reason"]), (&json!(web), &json!("server_error")));
    let levels: Vec<Value> = boards(&app).await.values().map(|board| board["level"].clone()).collect();
    assert_eq!(levels, [json!("full"), json!("full"), json!("cached")]);
    assert_eq!(
        app.get("/api/snapshot").await.json()["level"],
        "cached",
        "the worst, where there is one word"
    );
    let completed = organization.until_told(&mut reader, "sync_completed").await;
    assert_eq!(completed["failed"].as_array().unwrap().len(), 1, "its project keeps its age");
    organization.way.broken.lock().unwrap().clear();
    assert_eq!(organization.until_told(&mut reader, "recovered").await["teamId"], json!(web));
}

#[tokio::test]
async fn f12_a_few_failures_are_sat_out_and_each_change_of_level_is_told_once() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    let mut told = Vec::new();
    organization.way.stumbles.store(2, Ordering::SeqCst);
    let mut has_failed = false;
    loop {
        told.extend(organization.all_until_told(&mut reader, "sync_completed").await);
        let failed = !told.last().unwrap()["failed"].as_array().unwrap().is_empty();
        if has_failed && !failed {
            break;
        }
        has_failed |= failed;
    }
    let count = |told: &[Value], kind: &str| told.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((count(&told, "degraded"), count(&told, "recovered")), (0, 0), "two failures are sat out");
    let web = organization.model(|model| model.organisation.projects[0].teams[0].id);
    organization.way.broken.lock().unwrap().insert(web.into());
    told.extend(organization.all_until_told(&mut reader, "degraded").await);
    // Probes fail meanwhile, which is no news.
    for _ in 0..3 {
        told.extend(organization.all_until_told(&mut reader, "sync_completed").await);
    }
    organization.way.broken.lock().unwrap().clear();
    told.extend(organization.all_until_told(&mut reader, "recovered").await);
    told.extend(organization.all_until_told(&mut reader, "sync_completed").await);
    assert_eq!((count(&told, "degraded"), count(&told, "recovered")), (1, 1));
}

#[tokio::test]
async fn f7_sprints_that_cannot_be_read_keep_nobody_from_comparing_items() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let mut reader = app.stream("team=Web&project=Fabrikam%20Fiber").await;
    reader.next_of("snapshot").await;
    organization.way.sprints_broken.store(true, Ordering::SeqCst);
    // What is known of sprints becomes old, and cannot be renewed.
    organization.clock.advance(Duration::from_mins(40));
    let item = boards(&app).await["Web"]["items"][0]["id"].as_u64().unwrap() as u32;
    organization.model(|model| {
        let at = model.now();
        model.change(item, Event::Updated, at, 0, |content| content.title = "Still compared".into());
    });
    assert_eq!(organization.until_told(&mut reader, "workitem_changed").await["title"], "Still compared");
    assert_eq!(organization.until_told(&mut reader, "degraded").await["to"], "cached");
    organization.way.sprints_broken.store(false, Ordering::SeqCst);
    organization.until_told(&mut reader, "recovered").await;
}

#[tokio::test]
async fn f5_what_cannot_be_kept_makes_the_organisation_no_less_true() {
    let organization = Organization::start().await;
    let faults = Arc::new(Mutex::new(None::<Arc<FaultyJournal>>));
    let app = organization
        .builder()
        .layer({
            let faults = faults.clone();
            move |store: Store| {
                let faulty = FaultyJournal::over(&store);
                *faults.lock().unwrap() = Some(faulty.clone());
                faulty.in_front_of(store)
            }
        })
        .start()
        .await;
    organization
        .until(async || (app.app.instance.fold.read().checked().projects.len() == 2).then_some(()))
        .await;
    app.quiet().await;
    let item = boards(&app).await["Web"]["items"][0]["id"].as_u64().unwrap() as u32;
    organization.model(|model| {
        let at = model.now();
        model.change(item, Event::Updated, at, 0, |content| content.title = "Fetched twice".into());
    });
    let faults = faults.lock().unwrap().clone().unwrap();
    let source = app.app.source.clone().unwrap();
    faults.set_down(true);
    for _ in 0..4 {
        let check = source.check(Cause::Timer).await;
        assert!(check.error.is_some(), "{check:?}");
    }
    assert_eq!(source.levels().worst(), boardcast::domain::level::Level::Full);
    faults.set_down(false);
    let check = source.check(Cause::Timer).await;
    assert_eq!((check.error, check.scopes, check.changed), (None, 3, 1));
    app.settled().await;
    assert_eq!(boards(&app).await["Web"]["items"][0]["title"], "Fetched twice");
}

#[tokio::test]
async fn f11_nobody_who_reads_a_board_waits_for_the_organisation() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    organization.way.hangs.store(true, Ordering::SeqCst);
    let source = app.app.source.clone().unwrap();
    let checking = tokio::spawn(async move { source.check(Cause::Timer).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(boards(&app).await["Web"]["level"], "full");
    app.stream("").await.next_of("snapshot").await;
    assert!(!checking.is_finished(), "the check is still waiting");
    organization.way.hangs.store(false, Ordering::SeqCst);
    assert_eq!(checking.await.unwrap().failed, []);
}

#[tokio::test]
async fn f11_a_check_ends_at_its_deadline() {
    let organization = Organization::start().await;
    organization.way.hangs.store(true, Ordering::SeqCst);
    let app =
        organization.builder().config(|config| config.sync_deadline = Duration::from_secs(1)).start().await;
    let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
    assert_eq!(check.error.as_deref(), Some("not done within 1000 ms"));
    let answer = app
        .request("POST", "/SyncTimer", &[], br#"{"Data":{"Timer":{"IsPastDue":false}},"Metadata":{}}"#)
        .await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.text().contains("failed: not done") || answer.text().contains("timed out"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn f11_a_check_that_ends_at_its_deadline_names_every_board_that_it_did_not_compare() {
    let organization = Organization::start().await;
    let app =
        organization.builder().config(|config| config.sync_deadline = Duration::from_secs(3)).start().await;
    organization
        .until(async || (app.app.instance.fold.read().checked().projects.len() == 2).then_some(()))
        .await;
    app.settled().await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    let web = organization.model(|model| model.organisation.projects[0].teams[0].id);
    organization.way.silent.lock().unwrap().insert(web.into());
    // Without the feed of revisions every board is compared as a whole.
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Gone);
    let project = organization.model(|model| model.organisation.projects[0].id);
    let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
    assert_eq!(check.error.as_deref(), Some("not done within 3000 ms"));
    assert!(check.scopes > 0, "the others were compared");
    let mut told = reader.next_of("sync_completed").await;
    while told["source"] != "timer" {
        told = reader.next_of("sync_completed").await;
    }
    assert!(told["failed"].as_array().unwrap().contains(&json!(project)), "{told}");
    organization.way.silent.lock().unwrap().clear();
    let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
    assert_eq!((check.failed, check.error), (Vec::new(), None));
}

#[tokio::test]
async fn f9_k8_after_a_day_there_are_no_numbers_and_the_reason_is_said() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let mut reader = app.stream("team=Web&project=Fabrikam%20Fiber").await;
    reader.next_of("snapshot").await;
    organization.close().await;
    organization.until_told(&mut reader, "degraded").await;
    organization.clock.advance(Duration::from_hours(24));
    let fallen = organization.until_told(&mut reader, "degraded").await;
    assert_eq!((&fallen["from"], &fallen["to"]), (&json!("cached"), &json!("none")));
    let board = &boards(&app).await["Web"];
    assert_eq!((&board["level"], &board["items"]), (&json!("none"), &json!([])));
    let metrics = board["metrics"].as_object().unwrap();
    assert!(!metrics.is_empty());
    for (id, metric) in metrics {
        assert_eq!(metric["value"], Value::Null, "{id}");
        assert!(metric["reason"].as_str().unwrap().contains("has not answered since 2026-11-"), "{id}");
    }
    organization.reopen().await;
    organization.until_told(&mut reader, "recovered").await;
    assert_ne!(boards(&app).await["Web"]["metrics"]["items.total"]["value"], Value::Null);
}

#[tokio::test]
async fn f9_simulated_data_stands_in_where_asked_for_and_is_marked_and_never_learnt() {
    let organization = Organization::start().await;
    let app = organization.builder().setting("BOARDCAST_MOCK", "on").start().await;
    app.app.snapshots.set_stand_in(boardcast::demo::stand_in::stand_in(organization.clock.clock()));
    organization
        .until(async || (app.app.instance.fold.read().checked().projects.len() == 2).then_some(()))
        .await;
    app.quiet().await;
    let mut reader = app.stream("team=Web&project=Fabrikam%20Fiber").await;
    let before = reader.next_of("snapshot").await;
    organization.close().await;
    organization.until_told(&mut reader, "degraded").await;
    organization.clock.advance(Duration::from_hours(24));
    let fallen = organization.until_told(&mut reader, "degraded").await;
    assert_eq!((&fallen["to"], &fallen["mock"]), (&json!("mock"), &json!(true)));
    let learnt = |app: &TestApp| {
        let state = app.app.instance.fold.read();
        let scope = state.boards().map(|(scope, _)| scope).last().unwrap();
        let said = state.announced_of(scope).filter(|(name, _)| name.contains('.'));
        said.map(|(name, said)| (name.to_owned(), said.version)).collect::<BTreeMap<_, _>>()
    };
    let said = learnt(&app);
    let board = &boards(&app).await["Web"];
    assert_eq!((&board["level"], &board["mock"]), (&json!("mock"), &json!(true)));
    assert_eq!(board["project"], before["data"]["project"]);
    assert!(board["metrics"]["items.total"]["value"].as_u64().unwrap() > 0);
    let mut late = app.stream("team=Web&project=Fabrikam%20Fiber").await;
    let connected = late.next_of("connected").await;
    assert_eq!((&connected["level"], &connected["mock"]), (&json!("mock"), &json!(true)), "in every payload");
    let snapshot = late.next_of("snapshot").await;
    assert_eq!((&snapshot["level"], &snapshot["mock"]), (&json!("mock"), &json!(true)));
    app.app.deriver.settle_once().await;
    app.quiet().await;
    assert_eq!(learnt(&app), said);
    organization.reopen().await;
    let recovered = organization.until_told(&mut reader, "recovered").await;
    assert_eq!((&recovered["from"], recovered.get("mock")), (&json!("mock"), None));
    assert_eq!(boards(&app).await["Web"].get("mock"), None);
}

#[tokio::test]
async fn f1_f9_an_organisation_that_was_never_there_is_nothing_and_begins_when_it_comes() {
    let organization = Organization::start().await;
    organization.close().await;
    let app = organization.builder().start().await;
    organization
        .until(async || {
            let level = app.app.instance.vitals.source_level.value();
            (level != boardcast::domain::level::Level::Full).then_some(())
        })
        .await;
    let mut reader = app.stream("").await;
    let connected = reader.next_of("connected").await;
    assert_eq!((&connected["scopes"], &connected["level"]), (&json!([]), &json!("none")));
    organization.reopen().await;
    let begun = organization.until_told(&mut reader, "sprint_changed").await;
    assert_eq!(begun["level"], "none", "nothing is claimed before the first whole comparison");
    assert_eq!(organization.until_told(&mut reader, "recovered").await["from"], "none");
    // Between it and its board may come what other teams begin with.
    while reader.next_of("snapshot").await["level"] != "full" {}
}

#[tokio::test]
async fn i1_w11_a_sprint_that_nobody_knows_is_looked_up_once_and_the_board_follows() {
    // Without the last sprint, which the team chooses later.
    let organization = Organization::with(|model| {
        for team in &mut model.organisation.projects[0].teams {
            team.sprints.pop();
        }
    })
    .await;
    let app = organization.app().await;
    let mut reader = app.stream("team=Web&project=Fabrikam%20Fiber").await;
    reader.next_of("snapshot").await;
    let asked = organization.calls_on("GET work/teamsettings/iterations").await;
    let items = boards(&app).await["Web"]["items"].as_array().unwrap().clone();
    let item = items[0]["id"].as_u64().unwrap() as u32;
    let (sprint, payload) = organization.model(|model| {
        let project = &mut model.organisation.projects[0];
        let last = project.sprints.len() - 1;
        project.teams.iter_mut().for_each(|team| team.sprints.push(last));
        let sprint = project.sprints[last].clone();
        let at = model.now();
        let change = model
            .change(item, Event::Updated, at, 0, |content| content.iteration_path = sprint.path.clone())
            .unwrap();
        (sprint, hooks::payload(model, change).unwrap())
    });
    app.hook(&payload).await;
    // At first it is in no sprint that anybody knows, and the readers of the board are told that it left.
    let left = reader.next_of("workitem_changed").await;
    assert_eq!((&left["workItemId"], &left["changeType"]), (&json!(item), &json!("moved_out")));
    organization
        .until(async || {
            let state = app.app.instance.fold.read();
            let there = state.scopes().find(|(scope, _)| scope.sprint == Some(sprint.id.into()));
            there.filter(|(_, board)| board.items.len() == 1).map(|_| ())
        })
        .await;
    // For each of the two teams of the project whose list it was, once.
    assert_eq!(organization.calls_on("GET work/teamsettings/iterations").await - asked, 1);
    // A path that is no sprint of the team's is asked for once, however often an item that bears it changes.
    let other = items[1]["id"].as_u64().unwrap() as u32;
    for title in ["One", "Two", "Three"] {
        let payload = organization.model(|model| {
            let at = model.now();
            let change = model.change(other, Event::Updated, at, 0, |content| {
                (content.iteration_path, content.title) = ("Fabrikam Fiber\\Nowhere".into(), title.into());
            });
            hooks::payload(model, change.unwrap()).unwrap()
        });
        app.hook(&payload).await;
        // Longer than it takes until the next look.
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    assert_eq!(organization.calls_on("GET work/teamsettings/iterations").await - asked, 2);
}

#[tokio::test]
async fn a_team_that_is_gone_takes_its_board_along() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    let gone = organization.model(|model| model.organisation.projects[0].teams.pop().unwrap());
    organization.clock.advance(Duration::from_hours(2));
    let told = organization.until_told(&mut reader, "sprint_changed").await;
    assert_eq!((&told["teamId"], &told["sprintId"]), (&json!(gone.id), &Value::Null));
    assert_eq!((told["from"].is_string(), &told["to"]), (true, &Value::Null));
    app.settled().await;
    let names: Vec<String> = boards(&app).await.into_keys().collect();
    assert_eq!(names, ["Clinic", "Web", "none"], "its items are its project's now");
    let again = gone.clone();
    organization.model(|model| model.organisation.projects[0].teams.push(again));
    organization.clock.advance(Duration::from_hours(2));
    let told = organization.until_told(&mut reader, "sprint_changed").await;
    assert_eq!(
        (&told["teamId"], &told["from"], told["to"].is_string()),
        (&json!(gone.id), &Value::Null, true)
    );
    organization.model(|model| model.organisation.projects[0].teams.pop().unwrap());
    organization.clock.advance(Duration::from_hours(2));
    organization.until_told(&mut reader, "sprint_changed").await;
    app.settled().await;
    // A process that begins now knows nothing of it either.
    let fresh = Fold::default();
    fresh.reset(Projection::load(&*app.journal).await.unwrap().0);
    assert_eq!(fresh.read().teams().all().count(), 2);
}

#[tokio::test]
async fn k5_k8_demo_is_in_every_payload_and_changes_nothing_else() {
    let organization = Organization::start().await;
    let app = organization.builder().setting("BOARDCAST_DEMO", "on").start().await;
    organization
        .until(async || (app.app.instance.fold.read().checked().projects.len() == 2).then_some(()))
        .await;
    app.quiet().await;
    let mut reader = app.stream("heartbeat=1").await;
    let item = boards(&app).await["Web"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| {
            item["stateCategory"] == "InProgress" && item["blocked"] == false && item["effort"].is_number()
        })
        .unwrap()["id"]
        .as_u64()
        .unwrap() as u32;
    let payload = organization.model(|model| {
        let done = model.item(item).unwrap().item_type.state_of(StateCategory::Completed).unwrap();
        let at = model.now();
        let change = model.change(item, Event::Updated, at, 0, |content| content.state = done).unwrap();
        hooks::payload(model, change).unwrap()
    });
    app.hook(&payload).await;
    let mut seen = BTreeSet::new();
    while !(seen.contains("metric_changed") && seen.contains("workitem_changed")) {
        let Some(event) = reader.next().await.unwrap().json() else { continue };
        let kind = event["type"].as_str().unwrap().to_owned();
        assert_eq!((&event["demo"], &event["level"]), (&json!(true), &json!("full")), "{kind}");
        if kind == "workitem_changed" {
            assert_eq!((&event["workItemId"], &event["changeType"]), (&json!(item), &json!("state")));
            assert_eq!(event["stateCategory"], json!({ "old": "InProgress", "new": "Completed" }));
            assert!(event["sprintId"].is_string() && event["projectId"].is_string());
        }
        seen.insert(kind);
    }
    for kind in ["connected", "snapshot"] {
        assert!(seen.contains(kind), "{seen:?}");
    }
    for (team, board) in boards(&app).await {
        assert_eq!(board["demo"], true, "{team}");
    }
}
