//! Who may ask what of a standalone server, and what a browser makes of its answers.

use std::time::Duration;

use crate::support::process::Process;

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
    let log = host.log();
    let handler = log.split("handler=").nth(1).unwrap().lines().next().unwrap().to_owned();
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
