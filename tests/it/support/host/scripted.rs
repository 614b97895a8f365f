//! A handler that does what it is asked, misbehaviour included: the test's own executable, started by the host a
//! second time as a process of its own. The parameter `do` of a request says what to do.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{broadcast, watch};

use super::wire::{Connection, Head, LAST_CHUNK, chunk};
use super::{Builder, Host, Reply, recorded, within};

/// The setting by which the test's executable knows that it is to play.
const VARIABLE: &str = "SCRIPTED_HANDLER";

/// What the handler writes when it gets a signal.
pub const SIGNALLED: &str = "got a signal";

/// The reply that `SyncTimer` gives, by name.
const TIMER_REPLIES: [(&str, &str, &str, &str); 4] = [
    (
        "object",
        "200 OK",
        "application/json",
        r#"{"Outputs":{},"Logs":["a line","another"],"ReturnValue":null}"#,
    ),
    ("text", "200 OK", "text/plain", "done"),
    (
        "500",
        "500 Internal Server Error",
        "application/json",
        r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#,
    ),
    ("empty", "200 OK", "application/json", ""),
];

/// A host whose handler is this one.
pub fn builder() -> Builder {
    let program = std::env::current_exe().expect("the test's own executable");
    let module = module_path!().split_once("::").map_or("", |(_, module)| module);
    let entry = format!("{module}::the_handler_is_started_as_recorded");
    Host::builder().handler(program, &["--exact", &entry, "--nocapture"]).setting(VARIABLE, "1")
}

/// Asks the handler to do something.
pub async fn script(host: &Host, what: &str) -> Reply {
    host.get(&format!("/api/health/live?do={what}")).await
}

/// What the handler knows of itself.
pub async fn facts(host: &Host) -> Value {
    script(host, "facts").await.json()
}

/// Waits until the handler counts that many of something.
pub async fn eventually(host: &Host, what: &str, count: u64) {
    within(what, async { while facts(host).await[what] != count {} }).await;
}

/// Begins as the handler, when the host started this process to play it.
#[tokio::test]
async fn the_handler_is_started_as_recorded() {
    if std::env::var_os(VARIABLE).is_some() {
        return play().await;
    }
    recorded::compare_start(&builder()).await;
}

async fn play() {
    let port = std::env::var_os("FUNCTIONS_CUSTOMHANDLER_PORT").expect("the host's port");
    let port: u16 = port.to_str().and_then(|port| port.parse().ok()).expect("a port");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("the port is free");
    // Whoever kills the tests kills no handler of theirs, so a handler without a host ends by itself.
    let host = std::os::unix::process::parent_id();
    tokio::spawn(async move {
        while std::os::unix::process::parent_id() == host {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        std::process::exit(1);
    });
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        let mut signals = signal(kind).expect("signals can be caught");
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                println!("{SIGNALLED}");
            }
        });
    }
    let script = Arc::new(Script {
        told: broadcast::Sender::new(64),
        timer_reply: watch::Sender::new("object".into()),
        seen: Mutex::default(),
        connections: AtomicUsize::new(0),
        open: AtomicUsize::new(0),
        closed: AtomicUsize::new(0),
        timers: AtomicUsize::new(0),
        timers_called: AtomicUsize::new(0),
        timers_most: AtomicUsize::new(0),
    });
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        script.connections.fetch_add(1, Ordering::SeqCst);
        let script = script.clone();
        tokio::spawn(async move {
            let mut connection = Connection::over(stream)?;
            while script.serve(&mut connection).await? {}
            Ok::<_, io::Error>(())
        });
    }
}

struct Script {
    /// What every held answer writes next. Nothing at all ends it.
    told: broadcast::Sender<Vec<u8>>,
    timer_reply: watch::Sender<String>,
    /// The first request without a script, and the last one of the timer.
    seen: Mutex<BTreeMap<&'static str, Value>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    closed: AtomicUsize,
    timers: AtomicUsize,
    timers_called: AtomicUsize,
    timers_most: AtomicUsize,
}

impl Script {
    /// Serves one request; whether the connection goes on.
    async fn serve(&self, connection: &mut Connection) -> io::Result<bool> {
        let head = connection.head().await?;
        let body = connection.whole(head.request_framing()).await?;
        let parameters: Vec<(String, String)> = {
            let query = head.word(1).split_once('?').map_or("", |(_, query)| query);
            form_urlencoded::parse(query.as_bytes()).into_owned().collect()
        };
        let all = |name: &'static str| {
            parameters.iter().filter(move |(key, _)| key == name).map(|(_, value)| value)
        };
        let one = |name: &'static str| all(name).next().map_or("", String::as_str);
        match (head.word(1), one("do")) {
            ("/", _) => {
                self.seen.lock().unwrap().entry("readiness").or_insert_with(|| echo(&head, &body));
                reply(connection, "200 OK", "text/plain", b"ready").await?;
            }
            ("/SyncTimer", _) => self.timer(connection, echo(&head, &body)).await?,
            (target, "") if head.word(0) == "POST" && target.matches('/').count() == 1 => {
                let received = echo(&head, &body).to_string();
                let output = json!({ "Outputs": { "res": { "statusCode": "203", "body": received } }, "Logs": ["read"] });
                reply(connection, "200 OK", "application/json", output.to_string().as_bytes()).await?;
            }
            (_, "exit") => std::process::exit(one("code").parse().expect("an exit code")),
            (_, "hold") => return self.hold(connection).await,
            (_, "tell") => {
                let told = all("text").flat_map(|text| chunk(text.as_bytes())).collect();
                let _ = self.told.send(told);
                reply(connection, "200 OK", "text/plain", b"told").await?;
            }
            (_, "timer") => {
                self.timer_reply.send_replace(one("reply").to_owned());
                reply(connection, "200 OK", "text/plain", b"noted").await?;
            }
            (_, "answer") => answer(connection, one("status")).await?,
            (_, "mirror") => mirror(connection, &head, &body).await?,
            (_, "facts") => json_reply(connection, &self.facts()).await?,
            (_, _) => json_reply(connection, &echo(&head, &body)).await?,
        }
        Ok(true)
    }

    /// Sends a head at once, and then what is told until nothing is.
    async fn hold(&self, connection: &mut Connection) -> io::Result<bool> {
        let mut told = self.told.subscribe();
        self.open.fetch_add(1, Ordering::SeqCst);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut sent = connection.send(head.as_bytes()).await;
        while sent.is_ok() {
            let text = tokio::select! {
                text = told.recv() => text.unwrap_or_default(),
                () = connection.closed() => break,
            };
            if text.is_empty() {
                self.open.fetch_sub(1, Ordering::SeqCst);
                connection.send(LAST_CHUNK).await?;
                return Ok(true);
            }
            sent = connection.send(&text).await;
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
        self.closed.fetch_add(1, Ordering::SeqCst);
        Ok(false)
    }

    async fn timer(&self, connection: &mut Connection, received: Value) -> io::Result<()> {
        self.seen.lock().unwrap().insert("timer", received);
        self.timers_called.fetch_add(1, Ordering::SeqCst);
        let at_once = self.timers.fetch_add(1, Ordering::SeqCst) + 1;
        self.timers_most.fetch_max(at_once, Ordering::SeqCst);
        let wanted = {
            let mut wanted = self.timer_reply.subscribe();
            let wanted = wanted.wait_for(|reply| reply != "hold").await;
            wanted.map(|reply| reply.clone()).unwrap_or_default()
        };
        self.timers.fetch_sub(1, Ordering::SeqCst);
        let found = TIMER_REPLIES.iter().find(|(name, ..)| *name == wanted).expect("a reply of that name");
        reply(connection, found.1, found.2, found.3.as_bytes()).await
    }

    fn facts(&self) -> Value {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()))
            .collect();
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        json!({
            "cwd": std::env::current_dir().ok(),
            "environment": environment,
            "seen": *self.seen.lock().unwrap(),
            "connections": count(&self.connections),
            "open": count(&self.open),
            "closed": count(&self.closed),
            "timersCalled": count(&self.timers_called),
            "timersMost": count(&self.timers_most),
        })
    }
}

/// A request as it was received, in the shape of the recordings.
fn echo(head: &Head, body: &[u8]) -> Value {
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    json!({
        "method": head.word(0),
        "target": head.word(1),
        "httpVersion": head.word(2).trim_start_matches("HTTP/"),
        "headers": headers,
        "body": String::from_utf8_lossy(body),
        "bodyBytes": body.len(),
    })
}

async fn reply(connection: &mut Connection, status: &str, media_type: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n");
    connection.send(&[head.as_bytes(), body].concat()).await
}

async fn json_reply(connection: &mut Connection, value: &Value) -> io::Result<()> {
    reply(connection, "200 OK", "application/json", value.to_string().as_bytes()).await
}

/// An answer of any status, with headers that the host must keep and others that it must not.
async fn answer(connection: &mut Connection, status: &str) -> io::Result<()> {
    let body = if matches!(status, "204" | "304") { "" } else { "Content-Length: 4\r\n\r\nbody" };
    let end = if body.is_empty() { "\r\n" } else { body };
    let head = format!(
        "HTTP/1.1 {status} Any\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nX-Own: kept\r\nETag: \"t\"\r\n\
         Strict-Transport-Security: max-age=1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
         Alt-Svc: clear\r\n{end}"
    );
    connection.send(head.as_bytes()).await
}

/// The body that was received, framed as it was.
async fn mirror(connection: &mut Connection, head: &Head, body: &[u8]) -> io::Result<()> {
    if !head.request_framing().is_chunked() {
        return reply(connection, "200 OK", "application/octet-stream", body).await;
    }
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
    for piece in body.chunks(100_000) {
        connection.send(&chunk(piece)).await?;
    }
    connection.send(LAST_CHUNK).await
}
