//! Whether this instance works: what it reads, what it writes and whether its tasks live decide together what readers are
//! told, whether it is ready, and what health says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use boardcast::domain::scope::Audience;
use boardcast::domain::time::Timestamp;
use boardcast::journal::redis::{RedisJournal, RedisSettings};
use boardcast::journal::{
    Commit, ExpiringValues as _, Journal as _, JournalError, Leases as _, NewEntry, RecordKey, Reports as _,
    Store, Versioned,
};
use bytes::Bytes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::archive::FaultyArchive;
use crate::support::eventually;
use crate::support::faults::FaultyJournal;
use crate::support::hooks::updated;
use crate::support::proxy::Proxy;
use crate::support::redis::{self, RedisCluster, RedisServer};

/// An application over a journal that can go wrong.
async fn over_faults(archive: Option<Arc<FaultyArchive>>) -> (TestApp, Arc<FaultyJournal>) {
    let builder = TestApp::builder();
    let builder = match archive {
        Some(archive) => builder.archive(archive),
        None => builder,
    };
    let (app, journal) = builder.start_over_faults().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
    app.quiet().await;
    (app, journal)
}

async fn is_ready(app: &TestApp) -> bool {
    app.get("/api/health/ready").await.status == 200
}

/// A store that answers what is read and refuses what is written, and what an operator is told of it.
async fn refuses_writes(refuse: &[&[&str]], allow: &[&[&str]], told: &str) {
    let server = RedisServer::start(&[]);
    let journal = redis::journal(redis::settings(&server.url(), "default"));
    let app = TestApp::builder().layer(move |_| Store::of(journal.clone())).start().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
    app.quiet().await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    for command in refuse {
        let () = server.command(command).await;
    }
    assert_eq!(app.hook(&updated(13, 2, "Active")).await.status, 503);
    let degraded = reader.next_of("degraded").await;
    assert_eq!((&degraded["to"], &degraded["level"]), (&json!("cached"), &json!("cached")), "{told}");
    assert!(!is_ready(&app).await, "{told}: it is ready and keeps no hook");
    let findings = app.get("/api/health").await.json()["journal"]["findings"].to_string();
    assert!(findings.contains(told), "{findings}");
    for command in allow {
        let () = server.command(command).await;
    }
    assert_eq!(reader.next_of("recovered").await["from"], "cached");
    eventually("it is not ready again", async || is_ready(&app).await).await;
    assert_eq!(app.hook(&updated(13, 2, "Active")).await.status, 200);
}

#[tokio::test]
async fn fault_b2_a_redis_that_is_out_of_memory_is_away() {
    let limit = |bytes| ["CONFIG", "SET", "maxmemory", bytes];
    refuses_writes(&[&limit("1")], &[&limit("0")], "maxmemory").await;
}

#[tokio::test]
async fn fault_b2_a_redis_that_lacks_the_replicas_it_asks_for_is_away() {
    let replicas = |count| ["CONFIG", "SET", "min-replicas-to-write", count];
    refuses_writes(&[&replicas("1")], &[&replicas("0")], "min-replicas-to-write").await;
}

#[tokio::test]
async fn fault_b2_a_replica_is_away() {
    let of_nobody = ["REPLICAOF", "127.0.0.1", "1"];
    refuses_writes(&[&of_nobody], &[&["REPLICAOF", "NO", "ONE"]], "replica").await;
}

#[tokio::test]
async fn fault_b2_a_user_who_may_not_write_is_told_so() {
    let deny = ["ACL", "SETUSER", "default", "-@write"];
    refuses_writes(&[&deny], &[&["ACL", "SETUSER", "default", "+@all"]], "may not").await;
}

#[tokio::test]
async fn fault_b2_a_user_who_may_not_append_alone_keeps_no_hook_and_is_told_so() {
    let deny = ["ACL", "SETUSER", "default", "-xadd"];
    refuses_writes(&[&deny], &[&["ACL", "SETUSER", "default", "+xadd"]], "a commit was not taken").await;
}

/// The findings of the details, as one text.
async fn findings(app: &TestApp) -> String {
    app.get("/api/health").await.json()["journal"]["findings"].to_string()
}

#[tokio::test]
async fn fault_b2_a_user_who_may_not_take_a_lease_is_told_so() {
    let server = RedisServer::start(&[]);
    let journal = redis::journal(redis::settings(&server.url(), "default"));
    let app = TestApp::builder()
        .config(|config| config.derive.settle = Duration::from_millis(100))
        .layer(move |_| Store::of(journal.clone()))
        .start()
        .await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
    assert!(is_ready(&app).await);
    let () = server.command(&["ACL", "SETUSER", "default", "-set"]).await;
    eventually("it is ready and compares nothing", async || !is_ready(&app).await).await;
    let told = findings(&app).await;
    assert!(told.contains("a lease was not taken") && told.contains("+@write"), "{told}");
    let () = server.command(&["ACL", "SETUSER", "default", "+set"]).await;
    eventually("it is not ready again", async || is_ready(&app).await).await;
    assert_eq!(findings(&app).await, "[]");
}

#[tokio::test]
async fn fault_b2_an_instance_that_keeps_hooks_and_cannot_report_is_ready() {
    let server = RedisServer::start(&[]);
    let journal = redis::journal(redis::settings(&server.url(), "default"));
    let app = TestApp::builder().layer(move |_| Store::of(journal.clone())).start().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
    let () = server.command(&["ACL", "SETUSER", "default", "-time"]).await;
    eventually("nobody is told", async || findings(&app).await.contains("a report was not taken")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(is_ready(&app).await, "it is not ready and keeps hooks");
    assert_eq!(app.hook(&updated(13, 2, "Active")).await.status, 200);
}

#[tokio::test]
async fn fault_b2_a_redis_that_takes_320_ms_to_answer_is_slow_and_not_away() {
    let server = RedisServer::start(&[]);
    let line = Proxy::to(server.port).await;
    let settings = redis::settings(&format!("redis://{}", line.address), "default");
    let journal = redis::journal(RedisSettings { timeout: Duration::from_millis(500), ..settings });
    let app = TestApp::builder().layer(move |_| Store::of(journal.clone())).start().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    line.delay(Duration::from_millis(160));
    for rev in 2..6 {
        assert_eq!(app.hook(&updated(13, rev, "Active")).await.status, 200, "revision {rev}");
    }
    assert!(is_ready(&app).await && app.app.instance.fold.journal_status().cut_off().is_none());
}

/// A journal of a user who may do that and nothing else.
async fn journal_of_a_user(nodes: &[&RedisServer], rules: &[&str]) -> Arc<RedisJournal> {
    let name = redis::fresh_organisation();
    for node in nodes {
        let user = ["ACL", "SETUSER", &name, "reset", "on", ">word"];
        let () = node.command(&[&user, rules].concat()).await;
    }
    let addresses: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    redis::journal(redis::settings(&format!("redis://{name}:word@{}", addresses.join(",")), &name))
}

/// The rules that somebody is told to give to a user who may do nothing.
async fn rules_told(server: &RedisServer) -> String {
    let refused =
        journal_of_a_user(&[server], &["+cluster|slots"]).await.load().await.unwrap_err().to_string();
    refused.split('`').nth(1).unwrap_or_else(|| panic!("{refused}")).to_owned()
}

#[tokio::test]
async fn fault_b2_the_rules_that_are_asked_for_are_enough_and_each_is_needed() {
    // Without its own words nobody learns that it keeps nothing on disk.
    let server = RedisServer::start(&[("appendonly", "no")]);
    let told = rules_told(&server).await;
    let rules = told.split(' ').collect::<Vec<_>>();
    for left_out in std::iter::once(None).chain(rules.iter().copied().map(Some)) {
        let rules = rules.iter().copied().filter(|rule| Some(*rule) != left_out).collect::<Vec<_>>();
        let journal = journal_of_a_user(&[&server], &rules).await;
        let done = everything(&journal).await;
        let is_all = done.is_ok() && is_looked_at(&journal).await;
        assert_eq!(is_all, left_out.is_none(), "without {left_out:?}: {done:?}");
    }
}

#[tokio::test]
async fn fault_b2_the_rules_that_are_asked_for_on_a_cluster_are_enough_there() {
    let nodes = RedisCluster::shared().nodes.iter().collect::<Vec<_>>();
    let told = rules_told(nodes[0]).await;
    let rules = told.split(' ').collect::<Vec<_>>();
    let journal = journal_of_a_user(&nodes, &[&rules[..], &["+cluster|slots"]].concat()).await;
    everything(&journal).await.unwrap();
    let journal = journal_of_a_user(&nodes, &rules).await;
    assert!(everything(&journal).await.is_err());
}

/// Everything that an instance asks of its journal.
async fn everything(journal: &RedisJournal) -> Result<(), JournalError> {
    let entry = NewEntry { audience: Audience::Everyone, event: None, delta: None };
    let key = RecordKey::collection();
    let write = |value: Option<Bytes>| Commit {
        checks: vec![],
        writes: vec![(key.clone(), value)],
        entries: vec![entry.clone()],
    };
    let wait = Duration::from_secs(1);
    journal.commit(write(Some("1".into()))).await?;
    let position = journal.load().await?.position;
    journal.read(std::slice::from_ref(&key)).await?;
    journal.commit(write(None)).await?;
    journal.tail(position, 1).await?;
    journal.missed(position, 1).await?;
    journal.entry_before(1).await?;
    journal.lease("x", "me", wait).await?;
    journal.report("me", "{}".into(), wait).await?;
    let value = Versioned { version: position, value: "1".into() };
    journal.put("x", value, wait).await?;
    journal.get("x").await?;
    journal.delete("x").await?;
    Ok(())
}

/// Whether what the server says of itself becomes known, within a while.
async fn is_looked_at(journal: &RedisJournal) -> bool {
    let begun = Instant::now();
    while journal.condition().findings.is_empty() && begun.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    !journal.condition().findings.is_empty()
}

#[tokio::test]
async fn fault_c2_a_relay_that_dies_is_told_and_replaced() {
    let (app, journal) = over_faults(None).await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    journal.plan_panic();
    assert_eq!(app.hook(&updated(13, 2, "Active")).await.status, 200);
    assert_eq!(reader.next_of("degraded").await["to"], "cached");
    assert_eq!(reader.next_of("recovered").await["from"], "cached");
    eventually("a hook is not on the board", async || {
        app.hook(&updated(14, 1, "New")).await;
        let board = app.get("/api/snapshot?project=fabrikam&team=-").await.json();
        board["items"].as_array().is_some_and(|items| items.len() == 2)
    })
    .await;
    let health = app.get("/api/health").await.json();
    assert_eq!(health["tasks"], json!({ "deaths": 1, "down": [] }));
    assert!(is_ready(&app).await);
}

#[tokio::test]
async fn fault_c2_what_the_journal_does_in_the_background_is_begun_again_when_it_dies() {
    let (app, journal) = over_faults(None).await;
    journal.panic_in_the_background();
    eventually("its death is not told", async || !is_ready(&app).await).await;
    let health = app.get("/api/health").await.json();
    assert_eq!(health["tasks"], json!({ "deaths": 1, "down": ["journal"] }));
    eventually("it is not begun again", async || is_ready(&app).await).await;
}

#[tokio::test]
async fn fault_c2_a_log_that_is_lost_while_no_relay_lives_is_restored() {
    let (app, journal) = over_faults(None).await;
    journal.plan_panic();
    assert_eq!(app.hook(&updated(13, 2, "Active")).await.status, 200);
    eventually("the relay lives on", async || app.app.instance.vitals.task_deaths.value() == 1).await;
    app.journal.lose_everything();
    eventually("what was acknowledged is gone", async || {
        let known = app.journal.load().await.unwrap().records;
        known.iter().any(|(key, _)| key.as_item().is_some_and(|item| item.number() == 13))
    })
    .await;
    let board = app.get("/api/snapshot?project=fabrikam&team=-").await.json();
    assert_eq!(board["items"][0]["rev"], 2);
}

#[tokio::test]
async fn fault_c2_an_inbox_whose_task_died_is_drained() {
    let archive = FaultyArchive::new();
    let (app, journal) = over_faults(Some(archive.clone())).await;
    journal.set_down(true);
    archive.plan_panic();
    assert_eq!(app.hook(&updated(14, 1, "New")).await.json()["outcome"], "kept");
    journal.set_down(false);
    eventually("nobody drains the inbox", async || app.app.instance.vitals.inbox_drained.value() == 1).await;
    assert_eq!(app.app.instance.vitals.task_deaths.value(), 1);
}

#[tokio::test]
async fn fault_b8_with_an_organisation_and_nothing_to_show_an_instance_is_not_ready() {
    let app =
        TestApp::builder().setting("BOARDCAST_ORGANIZATION_URL", "http://127.0.0.1:1/fabrikam").start().await;
    app.settled().await;
    let ready = app.get("/api/health/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("not ready")));
    assert!(app.get("/api/health/live").await.status == 200);
}

#[tokio::test]
async fn fault_c1_of_an_instance_with_a_wrong_clock_the_clock_of_redis_is_believed() {
    let right = boardcast::platform::clock::system();
    for wrong_by_ms in [120 * 86_400_000_i64, -2 * 3_600_000] {
        let server = RedisServer::start(&[]);
        let machine = right.clone();
        let clock = Arc::new(move || Timestamp::from_epoch_ms(machine().epoch_ms() + wrong_by_ms));
        let journal = {
            let settings = redis::settings(&server.url(), "default");
            Arc::new(RedisJournal::new(settings, clock.clone()).unwrap())
        };
        let machine = clock.clone();
        let app = TestApp::builder()
            .clock_fn(move || machine())
            .layer(move |_| Store::of(journal.clone()))
            .start()
            .await;
        eventually("the clock of Redis is not taken", async || {
            (app.app.instance.clock)().epoch_ms().abs_diff(right().epoch_ms()) < 10_000
        })
        .await;
        assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
        app.quiet().await;
        let connected = app.stream("").await.next_of("connected").await;
        let told = connected["timestamp"].as_i64().unwrap();
        assert!(told.abs_diff(right().epoch_ms()) < 60_000, "{connected}");
    }
}
