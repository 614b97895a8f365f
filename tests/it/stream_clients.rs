//! Clients that others use to read a stream, each with the loop that its documentation shows (`tests/clients`): they
//! receive every event once, whatever becomes of their connection and of the server.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boardcast::domain::entry_id::EntryId;
use boardcast::journal::Store;
use boardcast::stream::hub::frame::silent_heartbeat;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::app::{DEADLINE, TestApp};
use crate::support::eventually;
use crate::support::hooks::updated;
use crate::support::http;
use crate::support::proxy::Proxy;
use crate::support::redis::{self, RedisServer};

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
            true => Command::new(python(root)),
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

    /// Each change of an item that it was told of, and with which id.
    fn changes(&self) -> Vec<(String, u64)> {
        let printed = self.printed.lock().unwrap();
        let events = printed.iter().filter_map(|line| line.split_once(' '));
        let of = |(id, data): (&str, &str)| {
            let data: Value = serde_json::from_str(data).unwrap();
            (data["type"] == "workitem_changed").then(|| (id.to_owned(), data["rev"].as_u64().unwrap()))
        };
        events.filter_map(of).collect()
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

/// The Python that scripts/test brought, or the machine's.
fn python(root: &Path) -> PathBuf {
    assert!(
        root.join(".tools/wheels/httpx_sse").is_dir(),
        "the clients in Python are missing, and what is tested with them is never skipped: run scripts/test once, which \
         brings them"
    );
    let brought = root.join(".tools/python/run");
    if brought.exists() { brought } else { "python3".into() }
}

/// The four of them.
const CLIENTS: [&str; 4] =
    ["eventsource.mjs", "fetch-event-source.mjs", "httpx_sse_client.py", "sseclient_py_client.py"];

async fn start(server: &RedisServer) -> TestApp {
    let journal = redis::journal(redis::settings(&server.url(), "default"));
    let app = TestApp::builder()
        .setting("BOARDCAST_HEARTBEAT_MS", "1000")
        .layer(move |_| Store::of(journal.clone()))
        .start()
        .await;
    app.settled().await;
    app
}

async fn change(app: &TestApp, revisions: impl IntoIterator<Item = u32>) {
    for rev in revisions {
        assert_eq!(
            app.hook(&updated(13, rev, if rev % 2 == 0 { "Active" } else { "New" })).await.status,
            200
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f7_clients_that_others_use_receive_every_event_once() {
    let server = RedisServer::start(&[]);
    let mut app = start(&server).await;
    change(&app, 1..=1).await;
    app.quiet().await;
    let mut clients = Vec::new();
    for name in CLIENTS {
        clients.push(Client::start(name, app.address.port()).await);
    }
    let caught_up = async |rev: u64| {
        for client in &clients {
            let began = std::time::Instant::now();
            while client.changes().last().is_none_or(|last| last.1 < rev) {
                let printed = client.printed.lock().unwrap().join("\n");
                assert!(began.elapsed() < DEADLINE, "{} is not told of {rev}:\n{printed}", client.name);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    for client in &clients {
        let has_board =
            || client.printed.lock().unwrap().iter().any(|line| line.contains(r#""type":"snapshot""#));
        eventually(client.name, async || has_board()).await;
    }
    change(&app, 2..=10).await;
    caught_up(10).await;
    // Cut in the middle of what is written, away while more happens, and replaced by a server that has just begun.
    for round in [10, 30] {
        change(&app, round + 1..=round + 10).await;
        clients.iter().for_each(|client| client.line.cut());
        change(&app, round + 11..=round + 20).await;
        clients.iter().for_each(|client| client.line.restore());
        caught_up(u64::from(round) + 20).await;
    }
    app.stop();
    app = start(&server).await;
    clients.iter().for_each(|client| client.line.lead_to(app.address.port()));
    change(&app, 51..=60).await;
    caught_up(60).await;
    for client in &clients {
        let changes = client.changes();
        let revisions: Vec<u64> = changes.iter().map(|(_, rev)| *rev).collect();
        assert_eq!(revisions, (2..=60).collect::<Vec<u64>>(), "{}", client.name);
        assert_eq!(client.resumptions(), (3, 0), "{}", client.name);
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
