//! Clients that others use to read a stream, each with the loop that `docs/EVENTS.md` names (`tests/clients`): they receive
//! every event once, whatever becomes of their connection, of the server and of what stands in front of it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boardcast::domain::entry_id::EntryId;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::Store;
use boardcast::stream::hub::frame::silent_heartbeat;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::app::TestApp;
use crate::support::http;
use crate::support::proxy::Proxy;
use crate::support::redis::{self, RedisServer};
use crate::support::team::{catalogue_of_today, story};
use crate::support::{eventually, python};

/// A client, and what it printed so far.
struct Client {
    name: &'static str,
    line: Proxy,
    child: Child,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Client {
    async fn start(name: &'static str, port: u16) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("tests/clients");
        let line = Proxy::to(port).await;
        let mut command = match name.ends_with(".py") {
            true => Command::new(python_with_clients(root)),
            false => {
                assert!(
                    folder.join("node_modules/eventsource").is_dir(),
                    "the clients are missing, and what is tested with them is never skipped: install Node.js 20 or \
                     later and run `npm ci --ignore-scripts` in tests/clients"
                );
                Command::new("node")
            }
        };
        let mut child = command
            .arg(name)
            .arg(format!("http://{}/api/sse/dashboard", line.address))
            .current_dir(folder)
            .env("PYTHONPATH", root.join(".tools/wheels"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js or Python is missing: scripts/test brings what it can, and says what it cannot");
        let printed = Arc::<Mutex<Vec<String>>>::default();
        let (lines, output) = (printed.clone(), BufReader::new(child.stdout.take().unwrap()));
        std::thread::spawn(move || output.lines().for_each(|line| lines.lock().unwrap().push(line.unwrap())));
        Self { name, line, child, printed }
    }

    /// What it was told: each event with its id, where it has one.
    fn told(&self) -> Vec<(Option<EntryId>, Value, String)> {
        let printed = self.printed.lock().unwrap();
        let of = |line: &String| {
            let (id, data) = line.split_once(' ').unwrap();
            (EntryId::parse(id), serde_json::from_str(data).unwrap(), data.to_owned())
        };
        printed.iter().map(of).collect()
    }

    /// The events of the log that it was told of, in order, and the position of the snapshot that it began with.
    fn events(&self) -> (Option<EntryId>, Vec<(EntryId, String)>) {
        let (mut began, mut events) = (None, Vec::new());
        for (id, event, data) in self.told() {
            match event["type"].as_str().unwrap() {
                "snapshot" if began.is_none() => began = id,
                "snapshot" | "connected" | "heartbeat" | "closing" => {}
                _ => events.extend(id.map(|id| (id, data))),
            }
        }
        (began, events)
    }

    /// How often it was told that its stream goes on where the last one ended, and how often that it does not.
    fn resumptions(&self) -> (usize, usize) {
        let printed = self.printed.lock().unwrap();
        let count = |mark: &str| printed.iter().filter(|line| line.contains(mark)).count();
        (count(r#""resumed":true"#), count(r#""gap":true"#))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python that the clients run on.
fn python_with_clients(root: &Path) -> PathBuf {
    assert!(
        root.join(".tools/wheels/httpx_sse").is_dir(),
        "the clients in Python are missing, and what is tested with them is never skipped: run scripts/test once, which \
         brings them"
    );
    python()
}

/// The four of them.
const CLIENTS: [&str; 4] =
    ["eventsource.mjs", "fetch-event-source.mjs", "httpx_sse_client.py", "sseclient_py_client.py"];

async fn start(server: &RedisServer) -> TestApp {
    let journal = redis::journal(redis::settings(&server.url(), "default"));
    let app = TestApp::builder()
        .setting("BOARDCAST_HEARTBEAT_MS", "1000")
        .setting("BOARDCAST_SETTLE_MS", "200")
        .layer(move |_| Store::of(journal.clone()))
        .start()
        .await;
    eventually("the instance has read its log", async || app.app.instance.fold.position().is_some()).await;
    app
}

/// A story goes on, and the numbers of its board with it.
async fn change(app: &TestApp, revisions: impl IntoIterator<Item = u32>) {
    for rev in revisions {
        let state = if rev % 2 == 0 { "Active" } else { "Closed" };
        assert_eq!(app.hook(&story(13, rev, 1, state, Some(f64::from(rev % 5 + 1)))).await.status, 200);
    }
}

/// What stands in front answers in place of a server that is away; the Functions host with its status alone.
const UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const BAD_GATEWAY: &[u8] =
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n\
    <html><head><title>502 Bad Gateway</title></head><body>data: none\n\n</body></html>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f7_clients_that_others_use_receive_every_event_once() {
    let server = RedisServer::start(&[]);
    let mut app = start(&server).await;
    assert!(app.app.deriver.teams.learn(catalogue_of_today(), Cause::Timer).await.unwrap());
    change(&app, 1..=1).await;
    eventually("the board is there", async || app.get("/api/snapshot?team=Web").await.status == 200).await;
    let mut clients = Vec::new();
    for name in CLIENTS {
        clients.push(Client::start(name, app.address.port()).await);
    }
    let caught_up = async |rev: u32| {
        for client in &clients {
            let has_it = || client.told().iter().any(|(_, event, _)| event["rev"] == rev);
            eventually(&format!("{} is told of {rev}", client.name), async || has_it()).await;
        }
    };
    for client in &clients {
        eventually(client.name, async || client.events().0.is_some()).await;
    }
    change(&app, 2..=10).await;
    caught_up(10).await;
    // Cut in the middle of what is written, away while more happens, and replaced by a server that has just begun.
    for round in [10, 30] {
        change(&app, round + 1..=round + 10).await;
        clients.iter().for_each(|client| client.line.cut());
        change(&app, round + 11..=round + 20).await;
        clients.iter().for_each(|client| client.line.restore());
        caught_up(round + 20).await;
    }
    // What stands in front says at first that nobody is there, and then whatever it likes.
    clients.iter().for_each(|client| client.line.answer(Some(UNAVAILABLE)));
    app.stop();
    for (asked, answer) in [(1, Some(BAD_GATEWAY)), (2, None)] {
        for client in &clients {
            let what = format!("{} asks again after {asked} refusals", client.name);
            eventually(&what, async || client.line.answered() >= asked).await;
            if answer.is_some() {
                client.line.answer(answer);
            }
        }
    }
    app = start(&server).await;
    for client in &clients {
        client.line.lead_to(app.address.port());
        client.line.answer(None);
    }
    change(&app, 51..=60).await;
    caught_up(60).await;
    // Numbers follow a moment later; then nothing more happens.
    let log = loop {
        let before = server.log("default").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let log = server.log("default").await;
        if log == before {
            break log;
        }
    };
    let last = log.iter().rev().find_map(|(id, event)| event.as_ref().map(|_| *id)).unwrap();
    for client in &clients {
        eventually(client.name, async || client.events().1.last().is_some_and(|(id, _)| *id >= last)).await;
        let (began, events) = client.events();
        let happened = log.iter().filter(|(id, _)| Some(*id) > began);
        let happened: Vec<_> = happened.filter_map(|(id, event)| Some((*id, event.clone()?))).collect();
        let kinds: BTreeSet<_> =
            client.told().iter().map(|(_, event, _)| event["type"].to_string()).collect();
        let differs = events.iter().zip(&happened).find(|(one, other)| one != other);
        assert!(
            events == happened,
            "{} was told {} events, and {} happened; the first that differs: {differs:?}",
            client.name,
            events.len(),
            happened.len()
        );
        for kind in ["workitem_changed", "metric_changed", "cache_invalidated"] {
            assert!(kinds.contains(&format!("\"{kind}\"")), "{}: {kinds:?}", client.name);
        }
        assert_eq!(client.resumptions(), (3, 0), "{}", client.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f7_clients_ask_a_server_that_refuses_them_ever_more_rarely() {
    const LATER: &[u8] =
        b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut clients = Vec::new();
    for name in CLIENTS {
        let client = Client::start(name, 9).await;
        client.line.answer(Some(UNAVAILABLE));
        clients.push((client, Vec::new()));
    }
    eventually("each was refused four times", async || {
        for (client, moments) in &mut clients {
            if client.line.answered() > moments.len() {
                moments.push(Instant::now());
                // The third time they are told when to come back.
                client.line.answer(Some(if moments.len() == 2 { LATER } else { BAD_GATEWAY }));
            }
        }
        clients.iter().all(|(_, moments)| moments.len() >= 4)
    })
    .await;
    for (client, moments) in &clients {
        let pauses: Vec<_> = moments.windows(2).map(|two| two[1] - two[0]).collect();
        // They wait for 2 s, 4 s, and 8 s, give or take a quarter, the last time for no less than the 7 s that they were
        // told; when they ask is seen up to a tenth of a second late.
        let least = [1.4, 2.9, 6.9].map(Duration::from_secs_f64);
        assert!(
            pauses.iter().zip(least).all(|(pause, least)| *pause >= least),
            "{}: {pauses:?}",
            client.name
        );
    }
}

/// A server that answers every request with the same stream, and ends it; what it was asked to go on from is noted.
async fn repeat(body: Vec<u8>) -> (u16, Arc<Mutex<Vec<Option<String>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::<Mutex<Vec<Option<String>>>>::default();
    let noted = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while http::find(&head, b"\r\n\r\n").is_none() {
                if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let cursor = head.lines().find_map(|line| line.strip_prefix("last-event-id:"));
            noted.lock().unwrap().push(cursor.map(|cursor| cursor.trim().to_owned()));
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            let answer = [head.as_bytes(), &body].concat();
            // A client that failed at it has closed the connection.
            let _ = stream.write_all(&answer).await;
        }
    });
    (port, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f7_a_block_that_tells_a_position_alone_is_no_event_to_them() {
    let event = |n: u32| format!(r#"{{"type":"metric_changed","value":{n}}}"#);
    let moved = silent_heartbeat(Some(EntryId::parse("7-0").unwrap()));
    let blocks = [
        format!("retry: 50\nid: 5-0\ndata: {}\n\n", event(1)).into_bytes(),
        moved.to_vec(),
        format!("data: {}\n\n", event(2)).into_bytes(),
    ];
    for name in CLIENTS {
        let (port, asked) = repeat(blocks.concat()).await;
        let client = Client::start(name, port).await;
        eventually(name, async || asked.lock().unwrap().len() > 2).await;
        let printed = client.printed.lock().unwrap().clone();
        let of_event = |n: usize| printed[n].split_once(' ').unwrap().1.to_owned();
        assert_eq!([of_event(0), of_event(1)], [event(1), event(2)], "{name}: {printed:?}");
        // Those that hand it on keep what it tells; the others pass over it altogether.
        let hands_it_on = ["fetch-event-source.mjs", "httpx_sse_client.py"].contains(&name);
        let cursor = if hands_it_on { "7-0" } else { "5-0" };
        assert_eq!(asked.lock().unwrap()[..2], [None, Some(cursor.to_owned())], "{name}");
    }
}
