//! Azure DevOps as it is in the field: projects that are closed to us, calls that fail for one team alone, processes that
//! name their own fields.

use std::collections::BTreeSet;
use std::time::Duration;

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::Event;
use boardcast::demo::simulation::process::Process as SimulatedProcess;
use boardcast::domain::degradation::Failure;
use boardcast::domain::wire::event::Cause;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::eventually;
use crate::support::hooks::updated;
use crate::support::organisation::{Answer, SimulatedFailure};
use crate::support::process::Process;
use crate::support::source::{Organization, boards};

/// The address of a team's board.
const WEB: &str = "/api/snapshot?project=Fabrikam%20Fiber&team=Web";

/// After this, what could not be read is asked for again.
const RETRY: Duration = Duration::from_mins(2);

async fn beginning(organization: &Organization) -> TestApp {
    organization.builder().start().await
}

/// The board of the team Web once it is full, and its past is read.
async fn full(app: &TestApp) -> Value {
    eventually("the board is not full", async || app.get(WEB).await.json()["level"] == "full").await;
    let has_ended = || app.app.instance.fold.read().checked().ended.is_some();
    eventually("the first check does not end", async || has_ended()).await;
    app.get(WEB).await.json()
}

/// A check, some time after the last.
async fn check_after(organization: &Organization, app: &TestApp, time: Duration) {
    organization.clock.advance(time);
    let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
    assert_eq!((check.scopes, check.error), (3, None));
    app.settled().await;
}

#[tokio::test]
async fn fault_f2_a_project_that_does_not_tell_its_teams_is_named_and_costs_its_own_boards_alone() {
    for (failure, reason) in [(Failure::Forbidden, "forbidden"), (Failure::Gone, "not_found")] {
        let organization = Organization::start().await;
        let closed = organization.model(|model| model.organisation.projects[0].id);
        organization.way.closed_projects.lock().unwrap().insert(closed.into(), failure);
        let app = beginning(&organization).await;
        eventually("the other project has no board", async || {
            let boards = boards(&app).await;
            boards.len() == 1 && boards["Clinic"]["level"] == "full"
        })
        .await;
        let gone = app.get("/api/health").await.json()["source"]["gone"].clone();
        let named = (&gone[0]["project"], &gone[0]["projectId"], &gone[0]["reason"]);
        assert_eq!(named, (&json!("Fabrikam Fiber"), &json!(closed), &json!(reason)), "{gone}");
        assert!(gone[0]["remedy"].is_string());
    }
}

fn refused(status: u16) -> SimulatedFailure {
    let body = json!({ "message": "VS0: a planned fault", "typeKey": "PlannedFault" });
    SimulatedFailure::Instead(Answer { status, headers: Vec::new(), body })
}

/// The metrics whose values differ, all for the same reason.
fn lost(before: &Value, after: &Value, reason: &str) -> BTreeSet<String> {
    let mut lost = BTreeSet::new();
    for (id, metric) in before["metrics"].as_object().unwrap() {
        let now = &after["metrics"][id];
        // The hours that people can work rest on no item; the work that is theirs does, and is unknown then.
        if id == "hours.capacity" && now["value"] == metric["value"] && !now["value"].is_null() {
            let members = now["detail"]["members"].as_array().unwrap();
            let is_known = now["detail"] == metric["detail"];
            assert!(is_known || members.iter().all(|member| member["remaining"].is_null()), "{now}");
            continue;
        }
        if now != metric {
            assert_eq!((&now["value"], &now["reason"]), (&Value::Null, &json!(reason)), "{id}");
            lost.insert(id.clone());
        }
    }
    lost
}

/// What rests on the days on which the team works.
const CALENDAR: [&str; 22] = [
    "burndown.average",
    "forecast.items.p85",
    "forecast.probability",
    "forecast.when.p50",
    "forecast.when.p85",
    "hours.capacity",
    "items.carried_over",
    "items.stale",
    "percent.of_original",
    "percent.say_do",
    "points.original",
    "scope.added",
    "scope.net",
    "scope.reestimated",
    "scope.removed",
    "sprint.days_left",
    "throughput.day",
    "velocity.average",
    "velocity.completed",
    "velocity.incomplete",
    "velocity.late",
    "velocity.planned",
];

#[tokio::test]
async fn f17_fault_f3_a_call_that_fails_costs_what_it_brings_and_nothing_else() {
    let organization = Organization::start().await;
    let whole = full(&organization.app().await).await;
    let no_days = "the team's working days or days off cannot be read";
    for (route, status, reason, expected) in [
        (
            "GET work/teamsettings/iterations/*/capacities",
            403,
            "the team's capacities cannot be read",
            &["hours.capacity"][..],
        ),
        ("GET work/teamsettings/iterations/*/teamdaysoff", 404, no_days, &CALENDAR),
        ("GET work/teamsettings", 500, no_days, &CALENDAR),
        ("GET wit/classificationnodes/areas", 500, "areas are known by their paths", &[]),
    ] {
        organization.fail_on(route, refused(status)).await;
        let app = beginning(&organization).await;
        let board = full(&app).await;
        let expected: BTreeSet<String> = expected.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(lost(&whole, &board, reason), expected, "{route}");
        assert_eq!(board["items"], whole["items"], "{route}");
        let knows_days = !reason.contains("days");
        assert_eq!(board["sprint"]["workingDays"].is_number(), knows_days, "{route}: {}", board["sprint"]);
        assert_eq!(board["burndown"]["days"][0]["ideal"].is_number(), knows_days, "{route}");
        let unread = &app.get("/api/health").await.json()["source"]["unread"];
        assert_eq!(unread.as_array().unwrap().len(), if expected.is_empty() { 0 } else { 3 }, "{unread}");
        organization.mend().await;
        check_after(&organization, &app, RETRY).await;
        assert_eq!(lost(&whole, &full(&app).await, ""), BTreeSet::new(), "{route}");
        // What was known is not lost by a failure that follows.
        organization.fail_on(route, refused(status)).await;
        check_after(&organization, &app, Duration::from_mins(31)).await;
        assert_eq!(lost(&whole, &full(&app).await, ""), BTreeSet::new(), "{route}");
        organization.mend().await;
        organization.clock.set(crate::support::source::NOW_MS);
    }
}

#[tokio::test]
async fn f17_fault_f3_without_the_types_of_bugs_no_item_is_counted_by_guess() {
    let organization = Organization::start().await;
    let whole = full(&organization.app().await).await;
    organization.fail_on("GET wit/workitemtypecategories", refused(500)).await;
    let board = full(&beginning(&organization).await).await;
    let lost = lost(&whole, &board, "which types are bugs cannot be read");
    assert!(lost.contains("items.total") && lost.contains("bugs.open"), "{lost:?}");
    assert!(!lost.contains("hours.capacity") && !lost.contains("sprint.days_left"), "{lost:?}");
    assert_eq!((&board["burndown"], &board["states"]), (&Value::Null, &json!([])));
    assert_eq!(board["items"].as_array().unwrap().len(), whole["items"].as_array().unwrap().len());
}

#[tokio::test]
async fn f17_fault_f3_without_the_states_of_a_type_the_map_says_what_it_can() {
    let mut removed = 0;
    let organization = Organization::start().await;
    let whole = full(&organization.app().await).await;
    organization.fail_on("GET wit/workitemtypes", refused(500)).await;
    for of in ["Product%20Backlog%20Item", "Bug", "Task", "Feature", "Epic"] {
        organization.fail_on(&format!("GET wit/workitemtypes/{of}/states"), refused(500)).await;
    }
    let app = beginning(&organization).await;
    let board = full(&app).await;
    assert_eq!(lost(&whole, &board, ""), BTreeSet::new(), "every state but the removed ones is on the map");
    organization.model(|model| {
        let shown =
            |item: &Value| item["type"] == "Product Backlog Item" && item["stateCategory"] != "Completed";
        let item = whole["items"].as_array().unwrap().iter().find(|item| shown(item)).unwrap();
        removed = item["id"].as_u64().unwrap() as u32;
        let at = model.now();
        let item_type = model.item(removed).unwrap().item_type;
        let state = item_type.states.iter().find(|state| state.name == "Removed").unwrap();
        model
            .change(removed, Event::Updated, at, 0, |content| {
                content.state = state;
            })
            .unwrap();
    });
    check_after(&organization, &app, Duration::from_mins(5)).await;
    app.app.deriver.settle_once().await;
    let board = app.get(WEB).await.json();
    let item = board["items"].as_array().unwrap().iter().find(|item| item["id"] == removed).unwrap();
    assert_eq!((&item["state"], &item["stateCategory"]), (&json!("Removed"), &Value::Null));
    let total = &board["metrics"]["items.total"];
    assert_eq!(
        (&total["value"], &total["reason"]),
        (&Value::Null, &json!("the states of its type cannot be read"))
    );
    assert_eq!(board["burndown"]["today"], json!([]));
}

#[tokio::test]
async fn f17_fault_g7_without_its_backlogs_a_new_team_has_its_items_and_no_number_by_guess() {
    let organization = Organization::start().await;
    let whole = full(&organization.app().await).await;
    organization.fail_on("GET work/backlogconfiguration", refused(404)).await;
    let app = beginning(&organization).await;
    let board = full(&app).await;
    let lost = lost(&whole, &board, "what is on the team's backlogs cannot be read");
    assert!(lost.contains("items.total") && lost.contains("points.total") && lost.contains("bugs.open"));
    assert!(!lost.contains("hours.capacity") && !lost.contains("sprint.days_left"), "{lost:?}");
    assert_eq!((&board["burndown"], &board["states"]), (&Value::Null, &json!([])));
    assert_eq!(board["items"].as_array().unwrap().len(), whole["items"].as_array().unwrap().len());
    let unread = &app.get("/api/health").await.json()["source"]["unread"][0]["parts"];
    assert!(unread.as_array().unwrap().contains(&json!("backlogs")), "{unread}");
    organization.mend().await;
    check_after(&organization, &app, RETRY).await;
    assert_eq!(full(&app).await["metrics"], whole["metrics"]);
    // What was known is not lost by a failure that follows.
    organization.fail_on("GET work/backlogconfiguration", refused(404)).await;
    check_after(&organization, &app, Duration::from_mins(31)).await;
    assert_eq!(full(&app).await["metrics"]["items.total"], whole["metrics"]["items.total"]);
}

/// The board of the team Web once it is at that level for that reason; no number on it has a value.
async fn without_numbers(app: &TestApp, level: &str, reason: &str) -> Value {
    eventually("the board does not say why it has no numbers", async || {
        let board = app.get(WEB).await;
        board.status == 200 && board.json()["level"] == level && board.json()["outage"]["reason"] == reason
    })
    .await;
    let board = app.get(WEB).await.json();
    assert!(board["outage"]["remedy"].is_string(), "{}", board["outage"]);
    assert_eq!(board["items"], json!([]));
    // Between two sprints, and where nobody can tell which one is under way, a board has no metrics.
    if board["sprint"].is_object() {
        assert_eq!(board["metrics"]["items.total"]["value"], Value::Null);
        assert!(board["metrics"]["items.total"]["reason"].is_string());
    }
    board
}

#[tokio::test]
async fn f17_fault_g7_without_its_sprints_or_areas_a_new_team_has_a_board_that_says_why_it_is_empty() {
    let organization = Organization::start().await;
    let whole = full(&organization.app().await).await;
    for (route, status, reason, part) in [
        ("GET work/teamsettings/iterations", 403, "forbidden", "sprints"),
        ("GET work/teamsettings/teamfieldvalues", 500, "server_error", "areas"),
    ] {
        organization.fail_on(route, refused(status)).await;
        let app = beginning(&organization).await;
        let board = without_numbers(&app, "none", reason).await;
        assert_eq!(board["team"]["name"], "Web");
        assert_eq!(board["sprint"].is_object(), part == "areas", "{route}: {}", board["sprint"]);
        let unread = app.get("/api/health").await.json()["source"]["unread"].clone();
        assert_eq!(unread[0]["parts"], json!([part]), "{unread}");
        organization.mend().await;
        check_after(&organization, &app, RETRY).await;
        assert_eq!(lost(&whole, &full(&app).await, ""), BTreeSet::new(), "{route}");
        // What was known is not lost by a failure that follows.
        organization.fail_on(route, refused(status)).await;
        check_after(&organization, &app, Duration::from_mins(31)).await;
        assert_eq!(lost(&whole, &app.get(WEB).await.json(), ""), BTreeSet::new(), "{route}");
        organization.mend().await;
        organization.clock.set(crate::support::source::NOW_MS);
    }
}

#[tokio::test]
async fn f3_a_team_that_selects_its_items_by_another_field_than_the_area_path_shows_no_number() {
    let organization = Organization::start().await;
    let known = organization.app().await;
    full(&known).await;
    let by_field = json!({
        "field": { "referenceName": "Custom.Team", "url": "https://x/_apis/wit/fields/Custom.Team" },
        "defaultValue": "Web", "values": [{ "value": "Web", "includeChildren": false }],
    });
    let answer = Answer { status: 200, headers: Vec::new(), body: by_field };
    let route = "GET work/teamsettings/teamfieldvalues";
    organization.fail_on(route, SimulatedFailure::Instead(answer)).await;
    let new = beginning(&organization).await;
    let board = without_numbers(&new, "none", "team_field").await;
    let reason = board["metrics"]["items.total"]["reason"].as_str().unwrap();
    assert!(reason.contains("area path"), "{reason}");
    assert!(board["outage"]["remedy"].as_str().unwrap().contains("area path"), "{}", board["outage"]);
    // One that was known by its areas is no longer.
    for _ in 0..2 {
        organization.clock.advance(Duration::from_mins(31));
        known.app.source.clone().unwrap().check(Cause::Timer).await;
    }
    let board = without_numbers(&known, "cached", "team_field").await;
    assert_eq!(board["metrics"]["points.total"]["value"], Value::Null);
    assert_eq!(board["burndown"], Value::Null);
    assert!(board["metrics"]["sprint.days_left"]["value"].is_number());
    organization.mend().await;
    organization.clock.advance(Duration::from_mins(31));
    known.app.source.clone().unwrap().check(Cause::Timer).await;
    full(&known).await;
}

#[tokio::test]
async fn w20_fault_f5_a_process_may_name_a_field_of_its_own_for_effort() {
    let organization = Organization::with(|model| {
        let process = &mut model.organisation.projects[0].process;
        let own = SimulatedProcess { effort_field: "Custom.Points", ..process.clone() };
        *process = Box::leak(Box::new(own));
    })
    .await;
    let usual = full(&Organization::start().await.app().await).await;
    let app = beginning(&organization).await;
    let board = full(&app).await;
    assert!(usual["metrics"]["points.total"]["value"].as_f64().unwrap() > 10.0);
    assert_eq!(board["metrics"], usual["metrics"]);
    assert_eq!(board["burndown"]["days"], usual["burndown"]["days"]);
    let efforts = |board: &Value| {
        let items = board["items"].as_array().unwrap().clone();
        items.iter().map(|item| (item["id"].clone(), item["effort"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(efforts(&board), efforts(&usual));
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    reader.next_of("snapshot").await;
    let item = board["items"].as_array().unwrap().iter().find(|item| item["effort"].is_number()).unwrap();
    let payload = organization.model(|model| {
        let (id, at) = (item["id"].as_u64().unwrap() as u32, model.now());
        let change = model.change(id, Event::Updated, at, 0, |content| content.effort = Some(99.5));
        hooks::payload(model, change.unwrap()).unwrap()
    });
    let mut payload = payload;
    // However many other numbers there are.
    for number in 0..400 {
        payload["resource"]["revision"]["fields"][format!("Custom.A{number:03}")] = json!(number);
    }
    app.hook(&payload).await;
    let told = reader.next_of("workitem_changed").await;
    assert_eq!((&told["changeType"], &told["item"]["effort"]), (&json!("estimate"), &json!(99.5)));
    assert_eq!(told["fields"]["Custom.Points"], json!({ "old": item["effort"], "new": 99.5 }));
}

#[tokio::test]
async fn w20_a_process_may_count_the_hours_that_remain_as_effort() {
    let remaining_work = "Microsoft.VSTS.Scheduling.RemainingWork";
    let organization = Organization::with(|model| {
        let process = &mut model.organisation.projects[0].process;
        let own = SimulatedProcess { effort_field: remaining_work, ..process.clone() };
        *process = Box::leak(Box::new(own));
    })
    .await;
    let board = full(&beginning(&organization).await).await;
    let items = board["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["effort"].as_f64() > Some(0.0)), "{board}");
    for item in items.iter().filter(|item| item["effort"].is_number()) {
        assert_eq!(item["effort"], item["remainingWork"], "{item}");
    }
    assert!(board["metrics"]["points.total"]["value"].as_f64().unwrap() > 0.0, "{}", board["metrics"]);
}

#[tokio::test]
async fn w22_the_rank_is_that_of_the_field_that_orders_the_backlog_however_an_item_came() {
    let organization = Organization::with(|model| {
        let process = &mut model.organisation.projects[0].process;
        let own = SimulatedProcess { order_field: "Custom.Order", ..process.clone() };
        *process = Box::leak(Box::new(own));
    })
    .await;
    let app = beginning(&organization).await;
    let board = full(&app).await;
    let items = board["items"].as_array().unwrap();
    let model_of = |item: &Value| {
        let id = item["id"].as_u64().unwrap() as u32;
        organization.model(|model| model.item(id).unwrap().newest().content.clone())
    };
    assert!(items.iter().any(|item| item["parent"].is_number()));
    for item in items {
        let content = model_of(item);
        assert_eq!((&item["parent"], item["rank"].as_f64()), (&json!(content.parent), Some(content.rank)));
    }
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    reader.next_of("snapshot").await;
    let (item, rank) = (&items[0], items[0]["rank"].as_f64().unwrap() + 0.000_5);
    let (payload, who) = organization.model(|model| {
        let (id, at) = (item["id"].as_u64().unwrap() as u32, model.now());
        let change = model.change(id, Event::Updated, at, 1, |content| content.rank = rank).unwrap();
        let who = model.home(model.item(id).unwrap()).unwrap().1.person(1).unwrap().clone();
        (hooks::payload(model, change).unwrap(), who)
    });
    app.hook(&payload).await;
    let told = reader.next_of("workitem_changed").await;
    assert_eq!((&told["changeType"], &told["item"]["rank"]), (&json!("updated"), &json!(rank)));
    assert_eq!(told["fields"], json!({ "Custom.Order": { "old": item["rank"], "new": rank } }));
    // The hook names her by name and mail address; the id is known from the organisation.
    assert_eq!(told["changedBy"], json!({ "id": who.id.to_string(), "name": who.name }));
    assert!(!told.to_string().contains(&who.unique_name));
    app.settled().await;
    let after = app.get(WEB).await.json();
    assert_eq!(after["items"][0]["rank"], json!(rank));
    assert_eq!(after["metrics"], board["metrics"]);
}

/// An update of a work item that is assigned to somebody, told as the resource version does.
fn assigned(id: u32, rev: u32, to: &Value) -> Value {
    let mut payload = updated(id, rev, "Active");
    payload["resource"]["revision"]["fields"]["System.AssignedTo"] = to.clone();
    payload
}

#[tokio::test]
async fn w4_fault_f9_a_person_is_one_person_however_hooks_name_them() {
    let app = TestApp::start().await;
    app.settled().await;
    let mut reader = app.stream("").await;
    let with_id = json!({ "displayName": "Mia Berg", "id": "m-1", "uniqueName": "mia@example.org" });
    let without = json!("Mia Berg <mia@example.org>");
    let mia = json!({ "id": "m-1", "name": "Mia Berg" });
    for (id, rev, to) in [(13, 1, &with_id), (13, 2, &without), (14, 1, &without)] {
        app.hook(&assigned(id, rev, to)).await;
        let told = reader.next_of("workitem_changed").await;
        assert_eq!(told["item"]["assignedTo"], mia, "{id} {rev}");
        assert_eq!(told["fields"].get("System.AssignedTo").is_some(), rev == 1, "{told}");
    }
    app.settled().await;
    let shown = async || {
        let board = app.get("/api/snapshot?project=fabrikam&team=-").await.json();
        let items = board["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["assignedTo"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(shown().await, [mia.clone(), mia]);
    // Of two with one name nobody can tell who is meant.
    app.hook(&assigned(15, 1, &json!({ "displayName": "Mia Berg", "id": "m-2" }))).await;
    app.settled().await;
    let ids: Vec<Value> = shown().await.iter().map(|person| person["id"].clone()).collect();
    assert_eq!(ids, [Value::Null, Value::Null, json!("m-2")]);
}

#[tokio::test]
async fn fault_f8_a_payload_of_no_use_is_logged_with_its_remedy() {
    let product = Process::start(&[]).await;
    let mut payload = updated(13, 1, "New");
    payload["resource"] = Value::Null;
    assert_eq!(product.hook(&payload).await.json()["reason"], "no_resource");
    eventually("the remedy is not logged", async || product.log().contains("Resource details to send")).await;
}

#[tokio::test]
async fn fault_f10_simulated_items_link_nowhere() {
    let product = Process::start(&[("BOARDCAST_DEMO", "on")]).await;
    eventually("there is no board", async || {
        let board = product.get(WEB).await.json();
        board["demo"] == true && board["items"].as_array().is_some_and(|items| !items.is_empty())
    })
    .await;
    let board = product.get(WEB).await.json();
    let links: BTreeSet<String> =
        board["items"].as_array().unwrap().iter().map(|item| item["url"].to_string()).collect();
    assert_eq!(links, BTreeSet::from(["null".to_owned()]));
}
