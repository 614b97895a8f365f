//! What takes minutes: run by `scripts/long`.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking, and of the shared helpers only some are used here"
)]

#[path = "../it/support/mod.rs"]
mod support;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use support::app::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_readers_cost_the_host_ten_writes_a_second_each_at_most() {
    let minute = Duration::from_secs(60);
    let writes = support::writes::measure(2_000, minute, minute + Duration::from_secs(5)).await;
    println!("{writes:?}");
    assert!(writes.events >= 590, "{writes:?}");
    assert!(writes.busy_per_second <= 10.0, "{writes:?}");
    assert!((1..=3).contains(&writes.silent), "one every 30 s when idle: {writes:?}");
}

#[tokio::test]
async fn a_connection_that_was_idle_for_five_minutes_still_answers() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    for pause_seconds in [0, 5 * 60 + 5] {
        tokio::time::sleep(Duration::from_secs(pause_seconds)).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert_eq!(support::http::read_answer(&mut stream, false).await.status, 200);
    }
}
