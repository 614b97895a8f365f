//! Who may ask what of a standalone server, and what a browser makes of its answers.

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::hooks::{FABRIKAM, updated};
use crate::support::http;
use crate::support::process::Process;

const HOOK: &str = "/api/webhooks/azure-devops/workitem.updated";

/// Sends a request for that host, perhaps from a page of that origin.
async fn ask(app: &TestApp, method: &str, path: &str, host: &str, origin: Option<&str>) -> http::Answer {
    let body = if method == "POST" { updated(13, 1, "Active").to_string() } else { String::new() };
    let origin = origin.map(|origin| format!("origin: {origin}\r\n")).unwrap_or_default();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{origin}");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    http::exchange(app.address, request.as_bytes()).await
}

#[tokio::test]
async fn fault_d2_a_standalone_server_answers_for_this_machine_and_names_that_are_set() {
    let app = TestApp::builder().setting("BOARDCAST_ALLOWED_HOSTS", "board.example").start().await;
    app.settled().await;
    for path in ["/", "/api/dashboard", "/api/snapshot", "/api/health", "/api/sse/dashboard", "/nowhere"] {
        let answer = ask(&app, "GET", path, "evil.example:7071", None).await;
        assert_eq!(answer.status, 421, "{path}");
        assert!(answer.text().contains("BOARDCAST_ALLOWED_HOSTS"), "{}", answer.text());
    }
    assert_eq!(ask(&app, "POST", HOOK, "evil.example", None).await.status, 503, "it comes again");
    assert_eq!(app.app.instance.fold.read().items_len(), 0);
    for host in ["localhost:7071", "127.0.0.1", "[::1]:7071", "board.example", "BOARD.example:443"] {
        assert_eq!(ask(&app, "GET", "/api/snapshot", host, None).await.status, 200, "{host}");
    }
    assert_eq!(ask(&app, "POST", HOOK, "board.example", None).await.status, 200);
}

#[tokio::test]
async fn fault_d2_a_page_of_another_origin_changes_nothing_even_if_it_may_read() {
    let app = TestApp::builder().setting("BOARDCAST_ALLOWED_ORIGINS", "https://wall.example").start().await;
    app.settled().await;
    for origin in ["https://wall.example", "http://localhost:3000", "null", "http://127.0.0.1:7071"] {
        assert_eq!(ask(&app, "POST", HOOK, "localhost:7071", Some(origin)).await.status, 401, "{origin}");
        let timer = ask(&app, "POST", "/SyncTimer", "localhost:7071", Some(origin)).await;
        assert_eq!(timer.status, 403, "{origin}");
    }
    assert_eq!(app.app.instance.fold.read().items_len(), 0);
    let own = ask(&app, "POST", HOOK, "localhost:7071", Some("http://localhost:7071")).await;
    assert_eq!(own.status, 200, "its own page may");
}

#[tokio::test]
async fn fault_d2_under_the_host_neither_is_asked() {
    let app = TestApp::builder().setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1").start().await;
    app.settled().await;
    assert_eq!(ask(&app, "GET", "/api/snapshot", "app.example", None).await.status, 200);
    let timer = ask(&app, "POST", "/SyncTimer", "app.example", Some("https://portal.example")).await;
    assert_eq!(timer.status, 200);
}

#[tokio::test]
async fn fault_d4_a_page_with_an_empty_variable_gets_no_board() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "Active")).await;
    app.settled().await;
    for query in ["project=", "project=%20", "team=", &format!("project={FABRIKAM}&team=")] {
        let connected = app.stream(query).await.next_of("connected").await;
        assert_eq!(connected["scopes"], serde_json::json!([]), "{query}");
        assert_eq!(app.get(&format!("/api/snapshot?{query}")).await.status, 404, "{query}");
    }
    let both = app.stream(&format!("project=&project={FABRIKAM}")).await.next_of("connected").await;
    assert_eq!(both["scopes"].as_array().unwrap().len(), 1, "another value still counts");
}

#[tokio::test]
async fn fault_d6_no_answer_is_taken_for_what_it_is_not() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "Active")).await;
    app.settled().await;
    let board = format!("/api/snapshot?project={FABRIKAM}");
    for path in ["/", "/api/snapshot", &board, "/api/health/live", "/api/dashboard", "/nowhere"] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.head.matches("nosniff").count(), 1, "{path}");
    }
    assert!(app.stream("").await.head.contains("x-content-type-options: nosniff\r\n"));
}

/// A port that was free a moment ago.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[tokio::test]
async fn fault_h1_a_handler_ends_with_the_host_that_started_it() {
    let port = free_port();
    let settings = [("FUNCTIONS_CUSTOMHANDLER_PORT", port.as_str())];
    let mut host = Process::start_by("\"$0\" & echo handler=$!; wait", &settings).await;
    // The shell may say it only after the handler said that it listens.
    let named = async {
        loop {
            let log = host.log();
            match log.split("handler=").nth(1).and_then(|rest| rest.lines().next()) {
                Some(handler) => break handler.to_owned(),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let handler = tokio::time::timeout(Duration::from_secs(20), named).await.expect("no handler is named");
    let is_alive = || std::path::Path::new(&format!("/proc/{handler}")).exists();
    assert!(is_alive());
    host.kill().await;
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        while is_alive() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let ended = ended.await.is_ok();
    if !ended {
        std::process::Command::new("kill").args(["-9", &handler]).status().unwrap();
    }
    assert!(ended, "it goes on for nobody");
}

#[tokio::test]
async fn fault_h2_the_lifetime_of_streams_keeps_clear_of_the_functions_timeout() {
    let port = free_port();
    let settings = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", port.as_str()),
        ("AzureFunctionsJobHost__functionTimeout", "00:00:02"),
    ];
    let process = Process::start(&settings).await;
    let mut reader = crate::support::sse::SseReader::open(process.address, "/api/sse/dashboard", &[]).await;
    let closing = tokio::time::timeout(Duration::from_secs(20), reader.next_of("closing")).await;
    assert_eq!(closing.expect("it outlives the host's time-out")["reason"], "lifetime");
    let log = process.log();
    assert_eq!(
        log.matches("functionTimeout is too short for BOARDCAST_STREAM_LIFETIME_MS").count(),
        1,
        "{log}"
    );
}
