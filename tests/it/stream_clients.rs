//! Clients that others use to read a stream, each with the loop that its documentation shows (`tests/clients`): they
//! receive every event once, whatever becomes of their connection and of the server.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boardcast::journal::Store;
use serde_json::Value;

use crate::support::app::{DEADLINE, TestApp};
use crate::support::eventually;
use crate::support::hooks::updated;
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
    for name in ["eventsource.mjs", "fetch-event-source.mjs", "httpx_sse_client.py", "sseclient_py_client.py"]
    {
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
