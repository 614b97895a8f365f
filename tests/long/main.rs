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

#[path = "../it/support/mod.rs"]
mod support;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use boardcast::domain::scope::Audience;
use boardcast::store::{Commit, Journal, NewEntry, Outcome, RecordKey, Version};
use bytes::Bytes;

use support::app::TestApp;
use support::redis::RedisServer;

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

/// What a hook commits: the record of one item, checked, an event and an observation.
fn hook_of(key: &RecordKey, version: Option<Version>) -> Commit {
    let entry = NewEntry {
        audience: Audience::Everyone,
        event: Some(Bytes::from(vec![b'e'; 600])),
        delta: Some(Bytes::from(vec![b'd'; 400])),
    };
    Commit {
        checks: vec![(key.clone(), version)],
        writes: vec![(key.clone(), Some(Bytes::from(vec![b'v'; 800])))],
        entries: vec![entry],
    }
}

/// How much processor time a server has used, in seconds.
async fn cpu_seconds(server: &RedisServer) -> f64 {
    let info: String = server.command(&["INFO", "cpu"]).await;
    let of = |name: &str| -> f64 {
        info.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap()
    };
    of("used_cpu_user:") + of("used_cpu_sys:")
}

/// Lets that many writers commit for a while. Returns commits a second, and processor time of Redis for each in µs.
async fn commit_rate(server: &RedisServer, writers: u32, time: Duration) -> (f64, f64) {
    let journal = support::redis::journal(support::redis::settings(&server.url(), "rate"));
    while journal.load().await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (cpu, begin) = (cpu_seconds(server).await, tokio::time::Instant::now());
    let work = (0..writers).map(|writer| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let (mut done, mut versions) = (0_u32, vec![None; 1_000]);
            while begin.elapsed() < time {
                let (slot, number) = (done as usize % versions.len(), done % 1_000);
                let key = RecordKey::from(format!("item/{}", writer * 1_000 + number).as_str());
                match journal.commit(hook_of(&key, versions[slot])).await.unwrap() {
                    Outcome::Committed(ids) => versions[slot] = ids.last().copied(),
                    // What an earlier run of writers left.
                    Outcome::Conflict(there) => {
                        versions[slot] = there[0].1.as_ref().map(|there| there.version)
                    }
                }
                done += 1;
            }
            done
        })
    });
    let mut done = 0;
    for writer in work.collect::<Vec<_>>() {
        done += writer.await.unwrap();
    }
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = cpu_seconds(server).await - cpu;
    (f64::from(done) / seconds, cpu * 1e6 / f64::from(done))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_takes_five_thousand_commits_a_second() {
    let server = RedisServer::start(&[]);
    let (one, cpu_of_one) = commit_rate(&server, 1, Duration::from_secs(5)).await;
    println!("1 in flight: {one:.0} commits/s, {cpu_of_one:.0} µs of Redis each");
    let (many, cpu_of_many) = commit_rate(&server, 16, Duration::from_secs(5)).await;
    println!("16 in flight: {many:.0} commits/s, {cpu_of_many:.0} µs of Redis each");
    assert!(many >= 5_000.0 && cpu_of_many <= 50.0);
}

/// The demo as it is served by itself, by the machine's clock and with its own settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_twenty_seconds_is_told_and_so_is_its_end() {
    use boardcast::devops::client::{RestClient, Settings};
    use boardcast::simulation::{model::Model, server::Server};
    use std::sync::{Arc, Mutex};

    let model = Model::new(7, boardcast::clock::system());
    let mut server = Server::start(Arc::new(Mutex::new(model))).await.unwrap();
    let client = RestClient::new(&Settings::new(server.base_url())).unwrap();
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
