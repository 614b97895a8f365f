//! Many readers that come while much changes: whatever the moment, snapshot and events come to the server's board.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::support::app::{DEADLINE, TestApp};
use crate::support::hooks::{FABRIKAM, observation, provenance, updated};
use crate::support::http;
use crate::support::process::Process;
use crate::support::sse::SseReader;

const CHANGES_PER_SECOND: u32 = 500;
const CHANGES: u32 = 1_500;
const READERS: usize = 1_000;
const ITEMS: u32 = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_readers_snapshot_plus_events_is_the_servers_board() {
    let app = Arc::new(TestApp::start().await);
    for id in 1..=ITEMS {
        app.app.ingest.observe(&observation(&updated(id, 1, "New")), &provenance()).await.unwrap();
    }
    app.settled().await;
    let (end, ended) = watch::channel(None);
    let readers = tokio::spawn(connect_all(app.clone(), ended));
    change(&app).await;
    app.settled().await;
    let readers = readers.await.unwrap();
    end.send_replace(app.app.instance.fold.position().map(|position| position.to_string()));
    let board = items(&app.get(&format!("/api/snapshot?project={FABRIKAM}")).await.json()["items"]);
    assert_eq!(board.len(), ITEMS as usize);
    let mut events = 0;
    for reader in readers {
        let (reduced, told) = reader.await.unwrap();
        assert!(reduced == board, "a reader's board differs from the server's");
        events += told;
    }
    assert!(events > READERS, "the readers came too late to be told of changes: {events}");
}

/// Changes at a steady rate, measured from the start so that a slow moment is made up for.
async fn change(app: &TestApp) {
    let begin = Instant::now();
    for n in 0..CHANGES {
        tokio::time::sleep_until(begin + Duration::from_secs(1) * n / CHANGES_PER_SECOND).await;
        let payload = updated(1 + n % ITEMS, 2 + n / ITEMS, ["New", "Active", "Closed"][n as usize % 3]);
        app.app.ingest.observe(&observation(&payload), &provenance()).await.unwrap();
    }
}

/// Connects one reader after the other; each goes on reading by itself.
async fn connect_all(app: Arc<TestApp>, ended: watch::Receiver<Option<String>>) -> Vec<Reading> {
    let mut readers = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        let path = format!("/api/sse/dashboard?project={FABRIKAM}");
        let reader = SseReader::open(app.address, &path, &[]).await;
        readers.push(tokio::spawn(read(app.clone(), reader, ended.clone())));
    }
    readers
}

type Reading = tokio::task::JoinHandle<(BTreeMap<u64, Value>, usize)>;

/// Reduces snapshot and events to a board, as a client does, up to the position at which everything ended.
async fn read(
    app: Arc<TestApp>,
    mut reader: SseReader,
    mut ended: watch::Receiver<Option<String>>,
) -> (BTreeMap<u64, Value>, usize) {
    let (mut board, mut events, mut at) = (BTreeMap::new(), 0, None);
    loop {
        let end = ended.borrow_and_update().clone();
        if end.is_some() && at == end {
            return (board, events);
        }
        let block = tokio::select! {
            block = reader.next() => block.expect("the stream ended"),
            _ = ended.changed() => continue,
        };
        at = block.id().or(at);
        match block.json() {
            Some(event) if event["type"] == "snapshot" => board = snapshot_items(&app, &event).await,
            Some(event) if event["type"] == "workitem_changed" => {
                let (id, rev) = (event["workItemId"].as_u64().unwrap(), event["rev"].as_u64());
                if board.get(&id).and_then(|item: &Value| item["rev"].as_u64()) < rev {
                    board.insert(id, event["item"].clone());
                }
                events += 1;
            }
            _ => {}
        }
    }
}

async fn snapshot_items(app: &TestApp, event: &Value) -> BTreeMap<u64, Value> {
    match event["url"].as_str() {
        Some(url) => items(&app.get(url).await.json()["items"]),
        None => items(&event["data"]["items"]),
    }
}

fn items(items: &Value) -> BTreeMap<u64, Value> {
    items.as_array().unwrap().iter().map(|item| (item["id"].as_u64().unwrap(), item.clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e15_after_five_thousand_streams_that_came_and_went_none_is_counted_and_no_memory_is_kept() {
    let server = Process::start(&[]).await;
    come_and_go(&server, 1_000).await;
    let before_kb = server.memory_kb();
    come_and_go(&server, 5_000).await;
    let after_kb = server.memory_kb();
    assert!(after_kb < before_kb + before_kb / 4 + 1_024, "{before_kb} kB before, {after_kb} kB after");
}

/// Opens streams a hundred at a time, reads of each until it is open, and drops them; returns when none is counted.
async fn come_and_go(server: &Process, streams: usize) {
    for _ in 0..streams / 100 {
        let mut readers = Vec::new();
        for _ in 0..100 {
            let mut reader = SseReader::open(server.address, "/api/sse/dashboard", &[]).await;
            reader.next_of("connected").await;
            readers.push(reader);
        }
    }
    let begin = Instant::now();
    while server.get("/api/health").await.json()["sseConnections"] != 0 {
        assert!(begin.elapsed() < DEADLINE, "streams that are gone are still counted");
    }
}

#[tokio::test]
async fn whoever_waits_to_be_accepted_when_the_server_is_told_to_stop_is_answered() {
    let app = TestApp::start().await;
    let listener = boardcast::server::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let request = http::request("GET", "/api/health/live", &[], b"");
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&request).await.unwrap();
        waiting.push(stream);
    }
    // It is told to stop before it has accepted anybody.
    boardcast::server::serve(app.app.clone(), listener, async {}).await;
    for mut stream in waiting {
        assert_eq!(http::read_answer(&mut stream, false).await.status, 200);
    }
}
