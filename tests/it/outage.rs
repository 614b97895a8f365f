//! The journal goes away, comes back, loses what it held, or is written by a newer version: what readers are told, and
//! what becomes of the boards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use boardcast::board::projection::Projection;
use boardcast::domain::sprint::work_item::WorkItemId;
use boardcast::journal::{Journal as _, LoadedRecords, RecordKey};
use serde_json::json;

use crate::support::app::{DEADLINE, HandClock, TestApp};
use crate::support::eventually;
use crate::support::faults::FaultyJournal;
use crate::support::hooks::updated;
use crate::support::sse::SseReader;

const SNAPSHOT: &str = "/api/snapshot?project=Fabrikam&team=-";

struct Fixture {
    app: TestApp,
    journal: Arc<FaultyJournal>,
}

impl Fixture {
    /// An application over a journal that can be taken away, with one item on a board.
    async fn start() -> Self {
        let builder = TestApp::builder().setting("BOARDCAST_SETTLE_MS", "100");
        let (app, journal) = builder.start_over_faults().await;
        assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
        app.quiet().await;
        Self { app, journal }
    }

    async fn stream(&self) -> SseReader {
        let mut reader = self.app.stream("").await;
        reader.next_of("snapshot").await;
        reader
    }
}

#[tokio::test]
async fn fault_b4_with_the_journal_away_a_cursor_that_nobody_here_knows_is_a_gap() {
    let fixture = Fixture::start().await;
    let mut reader = fixture.stream().await;
    fixture.journal.set_down(true);
    reader.next_with("degraded").await;
    let position = fixture.app.app.instance.fold.position().unwrap();
    let ahead = format!("{}-0", position.ms + 1);
    for cursor in ["99999999999999-0", ahead.as_str()] {
        let mut reader = fixture.app.stream_from(cursor).await;
        let connected = reader.next_of("connected").await;
        assert_eq!((&connected["resumed"], &connected["gap"]), (&json!(false), &json!(true)), "{cursor}");
        assert_eq!(reader.next_of("snapshot").await["level"], "cached");
    }
}

#[tokio::test]
async fn readers_are_told_when_the_journal_is_away_and_when_it_is_back() {
    let fixture = Fixture::start().await;
    let mut reader = fixture.stream().await;
    fixture.journal.set_down(true);
    let told = reader.next_with("degraded").await;
    assert_eq!(told.id(), None, "it cannot pass through the log");
    let told = told.json().unwrap();
    assert_eq!(
        (&told["from"], &told["to"], &told["reason"], &told["level"]),
        (&json!("full"), &json!("cached"), &json!("journal"), &json!("cached"))
    );
    assert!(told["since"].is_i64() && told["projectId"].is_string(), "{told}");

    let mut newcomer = fixture.app.stream("").await;
    assert_eq!(newcomer.next_of("connected").await["level"], "cached");
    let snapshot = newcomer.next_of("snapshot").await;
    assert_eq!((&snapshot["level"], &snapshot["outage"]["reason"]), (&json!("cached"), &json!("journal")));
    assert_eq!(snapshot["data"]["items"][0]["id"], 13, "what was known is shown");
    let board = fixture.app.get(SNAPSHOT).await.json();
    assert_eq!((&board["level"], &board["outage"]["reason"]), (&json!("cached"), &json!("journal")));
    let health = fixture.app.get("/api/health").await.json();
    assert_eq!((&health["level"], &health["boards"][0]["level"]), (&json!("cached"), &json!("cached")));
    let ready = fixture.app.get("/api/health/ready").await;
    assert_eq!(ready.status, 200, "boards as they were are worth more than none");
    assert!(ready.json()["journal"].as_str().unwrap().starts_with("away"));
    assert_eq!(fixture.app.hook(&updated(13, 2, "Active")).await.status, 503, "it could not be kept");

    fixture.journal.set_down(false);
    for reader in [&mut reader, &mut newcomer] {
        let told = reader.next_with("recovered").await;
        assert_eq!(told.id(), None);
        let told = told.json().unwrap();
        assert_eq!((&told["from"], &told["level"]), (&json!("cached"), &json!("full")));
        assert!(told["downForMs"].as_i64().unwrap() >= 1_000, "{told}");
    }
    assert_eq!(fixture.app.hook(&updated(13, 2, "Active")).await.status, 200);
    for reader in [&mut reader, &mut newcomer] {
        assert_eq!(reader.next_of("workitem_changed").await["level"], "full");
    }
    assert_eq!(fixture.app.get(SNAPSHOT).await.json()["level"], "full");
}

#[tokio::test]
async fn readers_are_told_that_the_journal_is_away_though_the_clock_is_set_back_meanwhile() {
    let clock = HandClock::at(1_796_000_000_000);
    let (app, journal) = TestApp::builder().clock(clock.clone()).start_over_faults().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
    app.quiet().await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    journal.set_down(true);
    let instance = &app.app.instance;
    let is_noticed = || instance.vitals.journal_lag_ms(instance.fold.position()).is_none();
    eventually("nobody notices that the journal is away", async || is_noticed()).await;
    clock.set(1_795_996_400_000);
    assert_eq!(reader.next_of("degraded").await["reason"], "journal");
    journal.set_down(false);
    assert_eq!(reader.next_of("recovered").await["downForMs"], 0);
}

#[tokio::test]
async fn a_reader_who_comes_back_during_the_outage_is_told_of_it() {
    let fixture = Fixture::start().await;
    let cursor = fixture.app.app.instance.fold.position().unwrap().to_string();
    fixture.journal.set_down(true);
    let mut contact = fixture.app.app.instance.fold.watch_journal_status();
    tokio::time::timeout(DEADLINE, contact.wait_for(|contact| contact.cut_off().is_some()))
        .await
        .unwrap()
        .unwrap();
    let mut reader =
        SseReader::open(fixture.app.address, "/api/sse/dashboard", &[("last-event-id", &cursor)]).await;
    let connected = reader.next_of("connected").await;
    assert_eq!((&connected["resumed"], &connected["level"]), (&json!(true), &json!("cached")));
    assert_eq!(reader.next_of("degraded").await["reason"], "journal", "no snapshot follows that says why");
}

#[tokio::test]
async fn a_journal_that_hesitates_makes_no_board_flicker() {
    // On a machine that has more to do, a moment may take longer than a moment: then it is tried again.
    for _ in 0..20 {
        let fixture = Fixture::start().await;
        let mut reader = fixture.stream().await;
        let began = Instant::now();
        fixture.journal.set_down(true);
        tokio::time::sleep(Duration::from_millis(300)).await;
        fixture.journal.set_down(false);
        if began.elapsed() > Duration::from_millis(500) {
            continue;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(fixture.app.hook(&updated(13, 2, "Active")).await.status, 200);
        let kind = reader.next_of_either("degraded", "workitem_changed").await;
        assert_eq!(kind, "workitem_changed", "readers were told of a moment's silence");
        return;
    }
    panic!("no moment was short enough");
}

#[tokio::test]
async fn d10_a_journal_that_was_emptied_is_filled_from_the_boards_and_nothing_is_announced() {
    let fixture = Fixture::start().await;
    let mut reader = fixture.stream().await;
    let old = fixture.app.app.instance.fold.position().unwrap().to_string();
    fixture.app.journal.lose_everything();
    assert_eq!(reader.next_of("closing").await["reason"], "lost");
    let path = "/api/sse/dashboard";
    let mut back = SseReader::open(fixture.app.address, path, &[("last-event-id", &old)]).await;
    let connected = back.next_of("connected").await;
    assert_eq!((&connected["gap"], &connected["level"]), (&json!(true), &json!("full")));
    let snapshot = back.next_of("snapshot").await;
    assert_eq!(snapshot["data"]["items"][0]["id"], 13);
    fixture.app.quiet().await;
    let told: Vec<_> = back.arrived().into_iter().filter_map(|block| block.kind()).collect();
    assert!(told.is_empty(), "{told:?}");
    let records = fixture.app.journal.load().await.unwrap().records;
    assert!(records.iter().any(|(key, _)| key.as_str() == "item/13"));
    assert_eq!(fixture.app.hook(&updated(13, 2, "Active")).await.status, 200);
    let changed = back.next_of("workitem_changed").await;
    assert_eq!((&changed["fields"]["System.State"]["old"], &changed["rev"]), (&json!("New"), &json!(2)));
}

#[tokio::test]
async fn c12_an_instance_that_is_too_old_for_the_journal_closes_its_streams_and_takes_no_hook() {
    let fixture = Fixture::start().await;
    let mut reader = fixture.stream().await;
    fixture.journal.set_newer(true);
    assert_eq!(reader.next_of("closing").await["reason"], "shutdown");
    assert!(reader.next().await.is_none());
    let mut newcomer = fixture.app.stream("").await;
    assert_eq!(newcomer.next().await.unwrap().kind().as_deref(), Some("closing"), "it shows nothing");
    assert_eq!(fixture.app.hook(&updated(13, 2, "Active")).await.status, 503);
    let ready = fixture.app.get("/api/health/ready").await;
    assert_eq!(ready.status, 503);
    assert!(ready.json()["journal"].as_str().unwrap().contains("update this instance"));
}

#[tokio::test]
async fn boards_are_served_only_once_all_that_was_loaded_is_of_one_moment() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.app.hook(&updated(14, 1, "New")).await.status, 200);
    let before = fixture.journal.load().await.unwrap();
    for id in [13, 14] {
        assert_eq!(fixture.app.hook(&updated(id, 2, "Active")).await.status, 200);
    }
    let after = fixture.journal.load().await.unwrap();
    // One item was read before its change and the other one after.
    let fourteen = RecordKey::item(WorkItemId::new(14).unwrap());
    let mut records: Vec<_> = before.records.into_iter().filter(|(key, _)| *key != fourteen).collect();
    records.extend(after.records.into_iter().filter(|(key, _)| *key == fourteen));
    fixture.journal.plan_load(LoadedRecords { records, position: before.position, whole_at: after.position });
    let (state, undecodable) = Projection::load(&*fixture.journal).await.unwrap();
    assert!(state.position() >= after.position && undecodable.is_empty());
    for id in [13, 14] {
        assert_eq!(state.item(WorkItemId::new(id).unwrap()).unwrap().item.present().rev, 2);
    }
}
