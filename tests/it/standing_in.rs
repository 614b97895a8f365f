//! Simulated boards that stand in, where asked for, while the organisation is gone and nothing was ever known of it.

use std::sync::Arc;

use boardcast::demo::stand_in::stand_in;
use boardcast::domain::degradation::Failure;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::{LogRetention, Store};
use serde_json::{Value, json};

use crate::support::app::{Builder, TestApp};
use crate::support::eventually;
use crate::support::hooks::updated;
use crate::support::source::Organization;

/// What an instance answers with that was never answered itself: 401, no address, 500, 404.
const FAILURES: [Failure; 4] = [Failure::Unauthorised, Failure::TimedOut, Failure::Server, Failure::Gone];

/// An application that may show simulated boards.
async fn starting(organization: &Organization, change: impl FnOnce(Builder) -> Builder) -> TestApp {
    let builder = TestApp::builder().clock(organization.clock.clone()).setting("BOARDCAST_MOCK", "on");
    let app = change(builder.organization(organization.way.clone())).start().await;
    app.app.snapshots.set_stand_in(stand_in(organization.clock.clock()));
    app
}

/// The directory, once it says that simulated boards stand in.
async fn standing_in(app: &TestApp) -> Value {
    eventually("nothing stands in", async || {
        app.get("/api/snapshot").await.json()["scopes"].as_array().is_some_and(|scopes| scopes.len() == 3)
    })
    .await;
    app.get("/api/snapshot").await.json()
}

fn is_mock(answer: &Value) -> bool {
    answer["level"] == "mock" && answer["mock"] == true && answer["dataAsOf"].is_null()
}

/// Every answer about a simulated board says what it is, and all say the same.
async fn every_answer_agrees(app: &TestApp, failure: Failure) {
    let directory = standing_in(app).await;
    assert_eq!((&directory["level"], &directory["mock"]), (&json!("mock"), &json!(true)), "{directory}");
    assert_eq!(directory["outage"]["reason"], failure.as_str());
    let rows = directory["scopes"].as_array().unwrap();
    for row in rows {
        assert!(is_mock(row), "{row}");
        let url = row["url"].as_str().unwrap();
        let answer = app.get(url).await;
        let board = answer.json();
        assert!(is_mock(&board), "{board}");
        assert_eq!(board["outage"]["reason"], failure.as_str());
        assert_eq!((&board["team"]["name"], &board["project"]["name"]), (&row["team"], &row["project"]));
        assert!(board["items"].as_array().unwrap().len() > 10 && board["burndown"].is_object());
        let etag = answer.header("etag").unwrap();
        assert_eq!(app.request("GET", url, &[("if-none-match", etag)], b"").await.status, 304);
        let explained = app.get(&format!("{url}&explain=items.total")).await.json();
        assert!(is_mock(&explained), "{explained}");
        assert_eq!(explained["value"], board["metrics"]["items.total"]["value"]);
    }
    let health = app.get("/api/health").await.json();
    let boards = health["boards"].as_array().unwrap();
    assert_eq!((&health["level"], &health["status"], boards.len()), (&json!("mock"), &json!("ready"), 3));
    assert!(boards.iter().all(|board| board["level"] == "mock" && board["dataAsOf"].is_null()), "{boards:?}");
    assert_eq!(app.get("/api/health/ready").await.status, 200);
    let mut reader = app.stream("").await;
    let connected = reader.next_of("connected").await;
    assert!(is_mock(&connected), "{connected}");
    assert_eq!(connected["outage"]["reason"], failure.as_str());
    assert_eq!(connected["scopes"].as_array().unwrap().len(), 3);
    for row in rows {
        let snapshot = reader.next_of("snapshot").await;
        assert!(is_mock(&snapshot), "{snapshot}");
        assert_eq!((&snapshot["teamId"], &snapshot["data"]["team"]["name"]), (&row["teamId"], &row["team"]));
    }
}

#[tokio::test]
async fn fault_b13_where_nothing_was_ever_known_simulated_boards_stand_in_and_every_answer_says_so() {
    for failure in FAILURES {
        let organization = Organization::start().await;
        *organization.way.refused.lock().unwrap() = Some(failure);
        let app = starting(&organization, |app| app).await;
        every_answer_agrees(&app, failure).await;
        let state = app.app.instance.fold.read();
        assert_eq!((state.items_len(), state.boards().count()), (0, 0), "they are shown, and never learnt");
        assert!(!state.is_anything_announced());
    }
}

#[tokio::test]
async fn fault_b13_whoever_asks_for_a_board_that_nobody_knows_is_shown_one_that_stands_in() {
    let organization = Organization::start().await;
    *organization.way.refused.lock().unwrap() = Some(Failure::Unauthorised);
    let app = starting(&organization, |app| app.setting("BOARDCAST_PROJECTS", "Contoso")).await;
    standing_in(&app).await;
    let mut shown = Vec::new();
    for query in ["project=Contoso", "project=Contoso&team=Kitchen", "team=Web&project=Fabrikam%20Fiber"] {
        let board = app.get(&format!("/api/snapshot?{query}")).await.json();
        assert!(is_mock(&board) && board["items"].is_array(), "{query}: {board}");
        assert_eq!(app.get(&format!("/api/snapshot?{query}")).await.json()["team"], board["team"]);
        let mut reader = app.stream(query).await;
        assert_eq!(reader.next_of("connected").await["scopes"].as_array().unwrap().len(), 1);
        assert_eq!(reader.next_of("snapshot").await["data"]["team"], board["team"]);
        shown.push(board["team"]["name"].clone());
    }
    assert_eq!(shown[2], "Web", "whoever names one gets that");
    assert_eq!(app.get("/api/snapshot?project=").await.status, 404, "a blank name matches nothing");
}

#[tokio::test]
async fn fault_b13_simulated_boards_come_and_go_before_the_eyes_of_readers() {
    let organization = Organization::start().await;
    organization.way.hangs.store(true, std::sync::atomic::Ordering::SeqCst);
    let app = starting(&organization, |app| app).await;
    app.settled().await;
    let mut reader = app.stream("").await;
    assert_eq!(reader.next_of("connected").await["level"], "none");
    let before = app.app.instance.fold.position().unwrap();
    *organization.way.refused.lock().unwrap() = Some(Failure::Unauthorised);
    organization.way.hangs.store(false, std::sync::atomic::Ordering::SeqCst);
    let mut cursor = None;
    while cursor.is_none() {
        let block = reader.next_with("degraded").await;
        cursor = block.id().filter(|_| block.json().unwrap()["to"] == "mock");
    }
    let connected = reader.next_of("connected").await;
    assert!(is_mock(&connected) && connected["scopes"].as_array().unwrap().len() == 3, "{connected}");
    for _ in 0..3 {
        let block = reader.next_with("snapshot").await;
        assert!(is_mock(&block.json().unwrap()));
        cursor = block.id().or(cursor);
    }
    let cursor = cursor.unwrap();
    let mut back = app.stream_from(&before.to_string()).await;
    let connected = back.next_of("connected").await;
    assert_eq!((&connected["resumed"], is_mock(&connected)), (&json!(false), true), "{connected}");
    assert!(is_mock(&back.next_of("snapshot").await));

    *organization.way.refused.lock().unwrap() = None;
    let begun = organization.until_told(&mut reader, "connected").await;
    assert_eq!((begun.get("mock"), begun["scopes"].as_array()), (None, Some(&vec![])), "it is being read");
    while organization.until_told(&mut reader, "snapshot").await["level"] != "full" {}
    let directory = app.get("/api/snapshot").await.json();
    let rows = directory["scopes"].as_array().unwrap();
    let simulated = connected["scopes"].as_array().unwrap();
    let is_simulated = |row: &Value| simulated.iter().any(|other| other["teamId"] == row["teamId"]);
    assert!(!rows.is_empty() && !rows.iter().any(is_simulated), "{directory}");
    assert!(rows.iter().all(|row| row["level"] != "mock" && row.get("mock").is_none()), "{directory}");
    organization
        .until(async || (app.app.source.as_ref()?.levels().worst().as_str() == "full").then_some(()))
        .await;
    for cursor in [before.to_string(), cursor] {
        let mut late = app.stream_from(&cursor).await;
        let connected = late.next_of("connected").await;
        let is_of_before = cursor == before.to_string();
        assert!(is_of_before || connected["resumed"] == false, "it shows what only stood in: {connected}");
    }
}

#[tokio::test]
async fn fault_b13_the_first_real_item_sends_simulated_boards_away_on_every_instance() {
    let organization = Organization::start().await;
    *organization.way.refused.lock().unwrap() = Some(Failure::Server);
    let journal = Arc::new(MemoryJournal::new(organization.clock.clock(), LogRetention::DEFAULT));
    let store = Store::of(journal.clone());
    let mut apps = Vec::new();
    for _ in 0..2 {
        let store = store.clone();
        apps.push(starting(&organization, |app| app.layer(move |_| store.clone())).await);
    }
    let mut readers = Vec::new();
    for app in &apps {
        every_answer_agrees(app, Failure::Server).await;
        let mut reader = app.stream("").await;
        reader.next_of("connected").await;
        readers.push(reader);
    }
    assert_eq!(apps[0].hook(&updated(13, 1, "New")).await.status, 200);
    for (app, reader) in apps.iter().zip(&mut readers) {
        let connected = reader.next_of("connected").await;
        assert_eq!((connected.get("mock"), connected["scopes"].as_array().unwrap().len()), (None, 1));
        eventually("it is not said that nothing more is known", async || {
            let row = &app.get("/api/snapshot").await.json()["scopes"][0];
            assert_eq!((row.get("mock"), &row["teamId"]), (None, &Value::Null));
            row["level"] == "cached"
        })
        .await;
        assert_eq!(app.get("/api/health").await.json()["boards"].as_array().unwrap().len(), 1);
    }
}
