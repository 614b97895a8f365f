//! A handler that answers with what it was sent, so that this can be compared with the recordings: the test's own
//! executable, started by the host a second time as a process of its own.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::wire::{Connection, Head};
use super::{Builder, Host, recorded};

/// The setting by which the test's executable knows that it is to play.
const VARIABLE: &str = "SCRIPTED_HANDLER";

/// A host whose handler is this one.
pub fn builder() -> Builder {
    let program = std::env::current_exe().expect("the test's own executable");
    let module = module_path!().split_once("::").map_or("", |(_, module)| module);
    let entry = format!("{module}::the_handler_is_started_as_recorded");
    Host::builder().handler(program, &["--exact", &entry, "--nocapture"]).setting(VARIABLE, "1")
}

/// What the handler knows of itself.
pub async fn facts(host: &Host) -> Value {
    host.get("/api/health/live?do=facts").await.json()
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
    let seen = Arc::new(Mutex::default());
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let seen = seen.clone();
        tokio::spawn(async move {
            let mut connection = Connection::over(stream)?;
            loop {
                serve(&mut connection, &seen).await?;
            }
            #[expect(unreachable_code, reason = "it names the type of the error")]
            Ok::<_, io::Error>(())
        });
    }
}

/// The first request of a host that asks whether anybody answers, and the last one of the timer.
type Seen = Mutex<BTreeMap<&'static str, Value>>;

/// Serves one request.
async fn serve(connection: &mut Connection, seen: &Seen) -> io::Result<()> {
    let head = connection.head().await?;
    let body = connection.whole(head.request_framing()).await?;
    let received = echo(&head, &body);
    let object = json!({ "Outputs": {}, "Logs": [], "ReturnValue": null });
    match head.word(1) {
        "/" => {
            seen.lock().unwrap().entry("readiness").or_insert(received);
            reply(connection, "text/plain", b"ready").await
        }
        "/SyncTimer" => {
            seen.lock().unwrap().insert("timer", received);
            json_reply(connection, &object).await
        }
        target if head.word(0) == "POST" && target.matches('/').count() == 1 => {
            let output = json!({ "res": { "statusCode": "203", "body": received.to_string() } });
            json_reply(connection, &json!({ "Outputs": output, "Logs": ["read"] })).await
        }
        target if target.contains("do=facts") => json_reply(connection, &facts_of(seen)).await,
        _ => json_reply(connection, &received).await,
    }
}

fn facts_of(seen: &Seen) -> Value {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()))
        .collect();
    json!({
        "cwd": std::env::current_dir().ok(),
        "environment": environment,
        "seen": *seen.lock().unwrap(),
    })
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

async fn reply(connection: &mut Connection, media_type: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n");
    connection.send(&[head.as_bytes(), body].concat()).await
}

async fn json_reply(connection: &mut Connection, value: &Value) -> io::Result<()> {
    reply(connection, "application/json", value.to_string().as_bytes()).await
}
