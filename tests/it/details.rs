//! Hooks whose subscription sends minimal details, or none: what they tell of is fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::Event;
use boardcast::domain::degradation::Failure;
use boardcast::domain::sprint::work_item::WorkItemId;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::{Journal as _, RecordKey, Store};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::organisation::{Answer, SimulatedFailure};
use crate::support::source::{Organization, boards};

/// The route of all revisions of an item.
const REVISIONS: &str = "GET wit/workitems/*/revisions";

/// The hook with the details that are left where the subscription sends minimal ones.
fn minimal(mut payload: Value) -> Value {
    let resource = &payload["resource"];
    payload["resource"] = json!({ "id": resource["id"], "url": resource["url"] });
    without_messages(payload)
}

/// The hook with those that are left where it sends none.
fn bare(mut payload: Value) -> Value {
    payload["resource"] = Value::Null;
    without_messages(payload)
}

fn without_messages(mut payload: Value) -> Value {
    let members = payload.as_object_mut().unwrap();
    members.remove("message");
    members.remove("detailedMessage");
    payload
}

/// What the organisation does to an item, and the hook that tells of it.
fn change(organization: &Organization, item: u32, event: Event, title: &str) -> Value {
    organization.clock.advance(Duration::from_secs(1));
    organization.model(|model| {
        let at = model.now();
        let change = model.change(item, event, at, 0, |content| content.title = title.into());
        hooks::payload(model, change.unwrap()).unwrap()
    })
}

/// The number of an item of the team Web.
async fn an_item(app: &TestApp) -> u32 {
    u32::try_from(boards(app).await["Web"]["items"][0]["id"].as_u64().unwrap()).unwrap()
}

/// The title under which an item is shown on the board of the team Web, if it is there.
async fn shown(app: &TestApp, item: u32) -> Option<String> {
    let board = &boards(app).await["Web"];
    let item = board["items"].as_array().unwrap().iter().find(|shown| shown["id"] == item)?;
    Some(item["title"].as_str().unwrap().to_owned())
}

/// Waits until the board of the team Web was compared.
async fn ready(organization: &Organization, app: &TestApp) {
    let is_full = |board: Option<&Value>| board.is_some_and(|board| board["level"] == "full");
    organization.until(async || is_full(boards(app).await.get("Web")).then_some(())).await;
}

/// Waits until something is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking).await.expect("it never came to pass");
}

async fn until_shown(app: &TestApp, item: u32, title: Option<&str>) {
    until(async || shown(app, item).await.as_deref() == title).await;
}

fn waiting(app: &TestApp) -> usize {
    app.app.instance.fold.read().todo().count()
}

async fn until_nothing_waits(app: &TestApp) {
    until(async || waiting(app) == 0).await;
}

async fn is_noted(app: &TestApp, payload: &Value) {
    let answer = app.hook(payload).await;
    assert_eq!((answer.status, &answer.json()["outcome"]), (200, &json!("fetching")), "{}", answer.text());
}

#[tokio::test]
async fn w5_what_minimal_details_leave_out_is_fetched_and_told() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let item = an_item(&app).await;
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    reader.next_of("snapshot").await;
    for (event, title, shown) in [
        (Event::Updated, "Changed", Some("Changed")),
        (Event::Deleted, "Deleted", None),
        (Event::Restored, "Restored", Some("Restored")),
    ] {
        let received = organization.clock.clock()().epoch_ms();
        is_noted(&app, &minimal(change(&organization, item, event, title))).await;
        until_shown(&app, item, shown).await;
        let told = reader.next_of("workitem_changed").await;
        assert_eq!((&told["workItemId"], &told["source"]), (&json!(item), &json!("webhook")), "{told}");
        assert!(told["receivedAt"].as_i64().unwrap() >= received, "{told}");
    }
    until_nothing_waits(&app).await;
    let health = app.get("/api/health").await.json();
    assert_eq!(health["todo"], json!({ "waiting": 0, "oldestMs": null, "fetched": 3, "notFound": 0 }));
    assert_eq!(health["hooks"]["withoutDetails"], 3);
    assert_eq!(health["hooks"]["deadLetters"]["minimal_payload"], 0);
}

/// What is shown of each item of each board that a revision tells.
async fn told(app: &TestApp) -> BTreeMap<String, Vec<Value>> {
    let told =
        |item: &Value| json!([item["id"], item["rev"], item["title"], item["state"], item["changedAt"]]);
    let items = |board: &Value| board["items"].as_array().unwrap().iter().map(told).collect();
    boards(app).await.iter().map(|(team, board)| (team.clone(), items(board))).collect()
}

#[tokio::test]
async fn w5_minimal_details_of_every_kind_of_change_come_to_the_same_boards() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let mut kinds = BTreeSet::new();
    while kinds.len() < 4 {
        organization.clock.advance(Duration::from_secs(5));
        let hooks: Vec<Value> = organization.model(|model| {
            let now = model.now();
            let changes: Vec<_> = std::iter::from_fn(|| model.step(now)).collect();
            kinds.extend(changes.iter().map(|change| change.event.hook()));
            changes.into_iter().map(|change| hooks::payload(model, change).unwrap()).collect()
        });
        for hook in hooks {
            is_noted(&app, &minimal(hook)).await;
        }
    }
    until_nothing_waits(&app).await;
    let fresh = organization.app().await;
    assert_eq!(told(&app).await, told(&fresh).await);
}

#[tokio::test]
async fn w5_what_a_hook_without_any_details_tells_of_is_found_by_a_comparison() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let item = an_item(&app).await;
    for (event, title, shown_as) in [
        (Event::Updated, "Changed", Some("Changed")),
        (Event::Deleted, "Deleted", None),
        (Event::Restored, "Restored", Some("Restored")),
    ] {
        is_noted(&app, &bare(change(&organization, item, event, title))).await;
        organization
            .until(async || {
                (shown(&app, item).await.as_deref() == shown_as && waiting(&app) == 0).then_some(())
            })
            .await;
    }
}

#[tokio::test]
async fn w5_a_hundred_hooks_of_one_item_are_fetched_once_or_twice() {
    let organization = Organization::start().await;
    let app = organization.builder().config(|config| config.hooks_in_flight_max = 200).start().await;
    ready(&organization, &app).await;
    let item = an_item(&app).await;
    // The past is read by the same route.
    organization
        .until(async || {
            let health = app.get("/api/health").await.json();
            (health["source"]["backfill"].is_null() && !health["source"]["knownFrom"].is_null()).then_some(())
        })
        .await;
    let before = organization.calls_on(REVISIONS).await;
    let hook = minimal(change(&organization, item, Event::Updated, "Changed"));
    organization.fail_on(REVISIONS, SimulatedFailure::Slow(Duration::from_secs(2))).await;
    join_all((0..100).map(|_| is_noted(&app, &hook))).await;
    until_shown(&app, item, Some("Changed")).await;
    until_nothing_waits(&app).await;
    let calls = organization.calls_on(REVISIONS).await - before;
    assert!((1..=2).contains(&calls), "{calls}");
}

#[tokio::test]
async fn w5_what_was_changed_while_an_answer_was_under_way_is_fetched_again() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let item = an_item(&app).await;
    let before = organization.calls_on(REVISIONS).await;
    organization.fail_on(REVISIONS, SimulatedFailure::Slow(Duration::from_secs(2))).await;
    is_noted(&app, &minimal(change(&organization, item, Event::Updated, "First"))).await;
    until(async || organization.calls_on(REVISIONS).await > before).await;
    // Of when the answer under way is, nobody knows.
    is_noted(&app, &minimal(change(&organization, item, Event::Updated, "Second"))).await;
    organization.mend().await;
    until_shown(&app, item, Some("Second")).await;
    until_nothing_waits(&app).await;
    assert_eq!(organization.calls_on(REVISIONS).await - before, 2, "the second hook asks anew");
}

#[tokio::test]
async fn w5_what_waits_to_be_fetched_survives_a_restart_and_a_refusal() {
    let organization = Organization::start().await;
    let (app, cut) = organization.builder().start_over_faults().await;
    ready(&organization, &app).await;
    let item = an_item(&app).await;
    // A check that is under way would bring the change: this one ends after it.
    app.app.source.clone().unwrap().check(Cause::Timer).await;
    *organization.way.faults.refused.lock().unwrap() = Some(Failure::Unauthorised);
    is_noted(&app, &minimal(change(&organization, item, Event::Updated, "Changed"))).await;
    let key = RecordKey::todo(WorkItemId::new(item));
    let kept = app.journal.load().await.unwrap();
    assert!(kept.records.iter().any(|(known, _)| *known == key), "the answer came before it was kept");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((waiting(&app), shown(&app, item).await.as_deref() == Some("Changed")), (1, false));
    let journal = app.journal.clone();
    // Its tasks outlive it in the process of this test, and can do nothing any more.
    cut.set_down(true);
    drop(app);
    let restarted = organization.builder().layer(move |_| Store::of(journal.clone())).start().await;
    until(async || waiting(&restarted) == 1).await;
    *organization.way.faults.refused.lock().unwrap() = None;
    let done = async || (shown(&restarted, item).await.as_deref() == Some("Changed")).then_some(());
    organization.until(done).await;
    until_nothing_waits(&restarted).await;
}

#[tokio::test]
async fn w5_an_organisation_that_wants_to_be_asked_less_is_asked_when_it_may_be() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let item = an_item(&app).await;
    let before = organization.calls_on(REVISIONS).await;
    organization.fail_on(REVISIONS, SimulatedFailure::TooManyRequests(1)).await;
    is_noted(&app, &minimal(change(&organization, item, Event::Updated, "Changed"))).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let asked = organization.calls_on(REVISIONS).await;
    assert_eq!((waiting(&app), shown(&app, item).await.as_deref() == Some("Changed")), (1, false));
    organization.mend().await;
    until_shown(&app, item, Some("Changed")).await;
    assert!(asked - before <= 5, "{asked}");
    until_nothing_waits(&app).await;
}

#[tokio::test]
async fn w5_what_the_organisation_does_not_show_is_counted_and_what_it_deleted_leaves() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let item = an_item(&app).await;
    let title = shown(&app, item).await;
    let body = json!({ "$id": "1", "message": "TF401232", "typeKey": "WorkItemUnauthorizedAccessException" });
    let hidden = SimulatedFailure::Instead(Answer { status: 404, headers: Vec::new(), body });
    organization.fail_on(REVISIONS, hidden).await;
    is_noted(&app, &minimal(change(&organization, item, Event::Updated, "Hidden"))).await;
    until_nothing_waits(&app).await;
    let vitals = &app.app.instance.vitals;
    assert_eq!((vitals.todo_not_found.value(), vitals.todo_fetched.value()), (1, 0));
    assert_eq!(shown(&app, item).await, title, "nobody said that it is gone");
    is_noted(&app, &minimal(change(&organization, item, Event::Deleted, "Deleted"))).await;
    until_shown(&app, item, None).await;
    organization.clock.advance(Duration::from_mins(5));
    assert_eq!(app.app.source.clone().unwrap().check(Cause::Timer).await.error, None);
    app.settled().await;
    assert_eq!(shown(&app, item).await, None, "the comparison agrees");
    organization.mend().await;
    is_noted(&app, &minimal(change(&organization, item, Event::Restored, "Restored"))).await;
    until_shown(&app, item, Some("Restored")).await;
}

#[tokio::test]
async fn w5_without_an_organisation_to_ask_it_is_a_dead_letter() {
    let organization = Organization::start().await;
    let full = change(&organization, organization_item(&organization), Event::Updated, "Changed");
    let app = TestApp::start().await;
    app.settled().await;
    for (payload, reason) in [(bare(full.clone()), "no_resource"), (minimal(full), "no_work_item_id")] {
        let answer = app.hook(&payload).await.json();
        assert_eq!((&answer["outcome"], &answer["reason"]), (&json!("dead_letter"), &json!(reason)));
    }
}

fn organization_item(organization: &Organization) -> u32 {
    organization.model(|model| *model.items().keys().next().unwrap())
}

#[tokio::test]
async fn w5_a_foreign_collection_or_project_is_told_by_what_is_there() {
    let organization = Organization::start().await;
    let app = organization.builder().setting("BOARDCAST_PROJECTS", "Fabrikam Fiber").start().await;
    ready(&organization, &app).await;
    let item = an_item(&app).await;
    let full = change(&organization, item, Event::Updated, "Changed");
    assert_eq!(app.hook(&full).await.json()["outcome"], "applied");
    app.settled().await;
    let calls = organization.calls_on(REVISIONS).await;
    let mut foreign = minimal(full.clone());
    foreign["resourceContainers"] = json!({ "collection": { "id": "ffffffff-e382-443b-9f9c-c52cba5014c2" } });
    assert_eq!(app.hook(&foreign).await.json()["reason"], "foreign_collection");
    let other = organization.model(|model| model.organisation.projects[1].id);
    let mut foreign = minimal(full.clone());
    foreign["resourceContainers"]["project"]["id"] = json!(other);
    assert_eq!(app.hook(&foreign).await.json()["reason"], "foreign_project");
    let mut ahead = minimal(full);
    ahead["createdDate"] = json!("2099-01-01T00:00:00Z");
    assert_eq!(app.hook(&ahead).await.json()["reason"], "dated_ahead");
    assert_eq!((waiting(&app), organization.calls_on(REVISIONS).await), (0, calls));
}

#[tokio::test]
async fn w5_a_hook_without_details_that_cannot_be_kept_is_refused() {
    let organization = Organization::start().await;
    let (app, journal) = organization.builder().start_over_faults().await;
    ready(&organization, &app).await;
    let item = an_item(&app).await;
    let hook = minimal(change(&organization, item, Event::Updated, "Changed"));
    journal.set_down(true);
    assert_eq!(app.hook(&hook).await.status, 503);
    journal.set_down(false);
    until(async || app.hook(&hook).await.status == 200).await;
    until_shown(&app, item, Some("Changed")).await;
}
