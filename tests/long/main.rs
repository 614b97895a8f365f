//! What takes minutes: run by `scripts/long`.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking, and of the shared helpers only some are used here"
)]

mod disorder;
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
        stream.write_all(b"GET /api/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(support::http::read_answer(&mut stream, false).await.status, 200);
    }
}

/// The demo as it is served by itself, by the machine's clock and with its own settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_twenty_seconds_is_told_and_so_is_its_end() {
    use boardcast::demo::simulation::model::Model;
    use boardcast::devops::client::{ClientSettings, RestClient};
    use std::sync::{Arc, Mutex};
    use support::organisation::Server;

    let model = Model::new(7, boardcast::platform::clock::system());
    let mut server = Server::start(Arc::new(Mutex::new(model))).await.unwrap();
    let client = RestClient::new(&ClientSettings::new(server.base_url())).unwrap();
    let app = TestApp::builder().setting("BOARDCAST_DEMO", "on").organization(Arc::new(client)).start().await;
    let mut reader = app.stream("team=Web&project=Fabrikam%20Fiber").await;
    reader.next_of("sync_completed").await;
    server.close().await;
    let began = tokio::time::Instant::now();
    let fallen = reader.next_of("degraded").await;
    println!("degraded after {:?}: {fallen}", began.elapsed());
    tokio::time::sleep_until(began + Duration::from_secs(20)).await;
    server.reopen().await.unwrap();
    let back = tokio::time::Instant::now();
    let recovered = reader.next_of("recovered").await;
    println!("recovered {:?} after it was back: {recovered}", back.elapsed());
    assert_eq!((&fallen["to"], &recovered["from"]), (&"cached".into(), &"cached".into()));
    assert_eq!(recovered["level"], "full");
}

/// What a restart of Redis takes, and what a failover takes at worst.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_redis_that_is_away_for_longer_costs_nothing() {
    use support::outages::{Away, Inbox, of_redis};
    for (how, seconds, inbox) in [
        (Away::Cut, 13, Inbox::Tables),
        (Away::Stalled, 13, Inbox::Memory),
        (Away::Killed, 60, Inbox::Tables),
        (Away::Cut, 60, Inbox::None),
    ] {
        of_redis(how, Duration::from_secs(seconds), inbox).await;
    }
}
