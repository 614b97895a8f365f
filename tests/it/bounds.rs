//! What a reader, a sender or a peer may cost: of memory, of the store, and of connections.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use boardcast::domain::scope::Audience;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::{Commit, Journal as _, LogRetention, NewEntry, Store};
use boardcast::platform::clock;
use boardcast::stream::hub::RingLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::app::{DEADLINE, TestApp};
use crate::support::hooks::{CONTOSO, FABRIKAM, NORTHWIND, observation, provenance, updated_in};
use crate::support::http;
use crate::support::process::{Process, memory_kb};
use crate::support::sse::SseReader;
use crate::support::team::{self, TestInstance};

/// The most that a stream is handed at once, and the most that a block of it measures.
const PIECE: usize = 64 * 1024;

/// Makes three boards of some 55 kB each, by changes of some 20 kB.
async fn large_boards(app: &TestApp) {
    for project in [FABRIKAM, CONTOSO, NORTHWIND] {
        for id in 1..=3 {
            let mut payload = updated_in(project, id, 1, "Active");
            let tags: Vec<String> = (0..90).map(|n| format!("{n:03}{}", "t".repeat(200))).collect();
            payload["resource"]["revision"]["fields"]["System.Tags"] = tags.join("; ").into();
            let id = u32::from_str_radix(&project[..2], 16).unwrap() * 10 + id;
            payload["resource"]["workItemId"] = id.into();
            payload["resource"]["revision"]["id"] = id.into();
            app.app.ingest.observe(&observation(&payload), &provenance()).await.unwrap();
        }
    }
    app.settled().await;
}

async fn read_until(reader: &mut SseReader, kind: &str, times: usize) {
    for _ in 0..times {
        reader.next_of(kind).await;
    }
    assert!(reader.largest_chunk <= PIECE, "handed {} bytes at once", reader.largest_chunk);
}

#[tokio::test]
async fn fault_e2_a_start_hands_out_pieces_of_at_most_64_kib() {
    let app = TestApp::start().await;
    large_boards(&app).await;
    let mut reader = app.stream("").await;
    read_until(&mut reader, "snapshot", 3).await;
    assert!(reader.received > 2 * PIECE, "the boards are too small to tell: {}", reader.received);
}

#[tokio::test]
async fn fault_e2_a_replay_hands_out_pieces_of_at_most_64_kib_and_leaves_nothing_out() {
    let app = TestApp::builder()
        .ring(RingLimits { frames_max: 1, bytes_max: usize::MAX, ..RingLimits::DEFAULT })
        .start()
        .await;
    app.settled().await;
    let begin = app.app.instance.fold.position().unwrap().to_string();
    large_boards(&app).await;
    let mut reader = app.stream_from(&begin).await;
    assert_eq!(reader.next_of("connected").await["resumed"], true);
    let mut items = BTreeSet::new();
    for _ in 0..9 {
        items.insert(reader.next_of("workitem_changed").await["workItemId"].as_u64());
    }
    assert_eq!(items.len(), 9, "each once: {items:?}");
    assert!(app.app.instance.vitals.events_replayed.value() >= 8, "all but the newest are from the log");
    assert!(reader.largest_chunk <= PIECE, "handed {} bytes at once", reader.largest_chunk);
}

#[tokio::test]
async fn fault_e2_a_board_that_appears_is_caught_up_with_in_pieces_of_at_most_64_kib() {
    let app = TestApp::start().await;
    app.settled().await;
    let begin = app.app.instance.fold.position().unwrap().to_string();
    large_boards(&app).await;
    let mut reader = app.stream_from(&begin).await;
    assert_eq!(reader.next_of("connected").await["resumed"], true);
    read_until(&mut reader, "snapshot", 3).await;
    assert!(reader.received > 4 * PIECE, "the events are too small to tell: {}", reader.received);
}

#[tokio::test]
async fn fault_e1_a_cursor_further_back_than_replays_go_is_a_gap() {
    let app = TestApp::start().await;
    app.settled().await;
    let begin = app.app.instance.fold.position().unwrap();
    let silent = NewEntry { audience: Audience::Everyone, event: None, delta: None };
    let mut at = begin;
    for _ in 0..3 {
        let entries = vec![silent.clone(); 10_000];
        app.journal.commit(Commit { entries, ..Commit::default() }).await.unwrap();
        app.settled().await;
        if at == begin {
            at = app.journal.tail(begin, 1).await.unwrap()[9_990].id;
        }
    }
    assert!(app.journal.holds(begin).await.unwrap(), "the log goes further back");
    let mut back = app.stream_from(&begin.to_string()).await;
    assert_eq!(back.next_of("connected").await["gap"], true);
    let last = app.app.instance.fold.position().unwrap();
    let mut near = app.stream_from(&last.to_string()).await;
    assert_eq!(near.next_of("connected").await["resumed"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_e1_readers_who_come_back_together_are_replayed_a_few_at_a_time() {
    let ring = RingLimits { frames_max: 1, bytes_max: usize::MAX, ..RingLimits::DEFAULT };
    let (app, journal) = TestApp::builder().ring(ring).start_over_faults().await;
    let begin = app.app.instance.fold.position().unwrap().to_string();
    large_boards(&app).await;
    app.quiet().await;
    journal.set_read_delay(Duration::from_millis(20));
    let reading = (0..40).map(|_| async {
        let mut reader = app.stream_from(&begin).await;
        read_until(&mut reader, "workitem_changed", 9).await;
    });
    futures_util::future::join_all(reading).await;
    let most = journal.replays_most();
    assert!((2..=4).contains(&most), "{most} at once");
}

#[tokio::test]
async fn fault_c3_a_server_that_stops_waits_for_nobodys_replay() {
    let ring = RingLimits { frames_max: 1, bytes_max: usize::MAX, ..RingLimits::DEFAULT };
    let (mut app, journal) = TestApp::builder().ring(ring).start_over_faults().await;
    let begin = app.app.instance.fold.position().unwrap().to_string();
    large_boards(&app).await;
    app.quiet().await;
    journal.set_read_delay(10 * DEADLINE);
    // One more than may read at once: it waits for its turn.
    let mut readers = Vec::new();
    for _ in 0..5 {
        let mut reader = app.stream_from(&begin).await;
        reader.next_of("connected").await;
        readers.push(reader);
    }
    app.stop();
    for mut reader in readers {
        assert_eq!(reader.next_of("closing").await["reason"], "shutdown");
    }
}

#[tokio::test]
async fn fault_e3_half_sent_heads_do_not_silence_a_process_of_256_descriptors() {
    let process = Process::start_by("ulimit -n 256; exec \"$0\"", &[]).await;
    let mut half = Vec::new();
    for n in 0..300 {
        // Those that do not fit wait to be accepted, and when their time has come they are.
        let mut stream = TcpStream::connect(process.address).await.unwrap();
        stream.write_all(format!("GET /api/health/live?{n} HTTP/1.1\r\n").as_bytes()).await.unwrap();
        half.push(stream);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answer = tokio::time::timeout(Duration::from_secs(20), process.get("/api/health/live")).await;
    assert_eq!(answer.expect("it answers nobody").status, 200);
    let warnings = process.log().matches("cannot accept").count();
    assert!(warnings <= 1, "said {warnings} times");
}

#[tokio::test]
async fn fault_e3_a_connection_without_a_request_has_thirty_seconds() {
    let process = Process::start(&[]).await;
    let mut half = TcpStream::connect(process.address).await.unwrap();
    half.write_all(b"GET /api/health/live HTTP/1.1\r\n").await.unwrap();
    let mut kept = TcpStream::connect(process.address).await.unwrap();
    let request = b"GET /api/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    kept.write_all(request).await.unwrap();
    assert_eq!(http::read_answer(&mut kept, false).await.status, 200);
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(DEADLINE, half.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "it is kept for longer");
    kept.write_all(request).await.unwrap();
    assert_eq!(http::read_answer(&mut kept, false).await.status, 200, "one that was used is kept");
}

#[tokio::test]
async fn fault_e4_a_hook_of_small_objects_takes_little_more_than_its_size() {
    let process = Process::start(&[]).await;
    let small = "{\"a\":{}},".repeat(390_000);
    for place in ["\"x\":", "\"resource\":{},\"message\":", "\"resource\":"] {
        let body = format!("{{\"eventType\":\"workitem.updated\",{place}[{small}{{}}]}}");
        let before = memory_kb(process.pid(), "VmHWM");
        let path = "/api/webhooks/azure-devops/workitem.updated";
        let request = http::request("POST", path, &[], body.as_bytes());
        assert_eq!(http::exchange(process.address, &request).await.status, 200);
        let grown = memory_kb(process.pid(), "VmHWM") - before;
        assert!(grown < 40_000, "{place} {} bytes took {grown} kB", body.len());
    }
}

#[tokio::test]
async fn fault_e5_h3_a_head_that_the_functions_host_lets_through_is_taken() {
    let app = TestApp::start().await;
    let principal = "p".repeat(31 * 1024);
    let large = [("x-ms-client-principal", principal.as_str())];
    for (method, path) in
        [("GET", "/api/snapshot"), ("GET", "/api/health/live"), ("POST", "/api/webhooks/azure-devops")]
    {
        let answer = app.request(method, path, &large, b"").await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.head);
    }
    let names: Vec<String> = (0..110).map(|n| format!("x-forwarded-more-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(app.request("POST", "/api/webhooks/azure-devops", &many, b"").await.status, 200);
}

#[tokio::test]
async fn fault_e7_a_team_that_takes_thousands_of_items_from_its_project_becomes_known() {
    let store = Store::of(Arc::new(MemoryJournal::new(clock::system(), LogRetention::DEFAULT)));
    let instance = TestInstance::over(&store, clock::system()).await;
    let ids = 1_000_000..1_009_000;
    let items: Vec<_> = ids.map(|id| observation(&team::story(id, 1, 1, "New", None))).collect();
    instance.ingest.observe_all(&items, &provenance()).await.unwrap();
    let begin = instance.instance.fold.position().unwrap();
    instance.learn(team::catalogue_of_today()).await;
    let events = team::events(&store.journal, begin).await;
    let moved = events.iter().find(|(_, event)| event["type"] == "workitems_updated").unwrap();
    assert_eq!(moved.1["removed"].as_array().unwrap().len(), 1_000, "the board is fetched");
    assert!(moved.1["url"].is_string());
}

#[tokio::test]
async fn fault_e8_connected_stays_a_line_of_64_kib_whatever_the_number_of_boards() {
    let app = TestApp::start().await;
    for n in 0..600 {
        let project = format!("{n:08x}-87e6-42a4-a549-2bc06a7a878f");
        let payload = updated_in(&project, 1_000 + n, 1, "New");
        app.app.ingest.observe(&observation(&payload), &provenance()).await.unwrap();
    }
    app.settled().await;
    let mut reader = app.stream("named=1").await;
    let connected = reader.next_with("connected").await;
    assert!(connected.raw.len() <= PIECE, "{}", connected.raw.len());
    let connected = connected.json().unwrap();
    assert_eq!((&connected["scopes"], &connected["url"]), (&serde_json::json!([]), &"/api/snapshot".into()));
    for _ in 0..600 {
        reader.next_of("snapshot").await;
    }
}
