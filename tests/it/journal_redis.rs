//! The journal on Redis where it is more than the contract: outages, lost and newer stores, and two instances.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use boardcast::domain::scope::Audience;
use boardcast::journal::redis::{RedisJournal, RedisSettings};
use boardcast::journal::{
    Commit, CommitOutcome, EntryId, Journal, JournalError, Leases as _, LogRetention, NewEntry,
    RECORD_BYTES_MAX, RecordKey, Store,
};
use bytes::Bytes;

use crate::support::app::{DEADLINE, TestApp};
use crate::support::hooks::{FABRIKAM, updated};
use crate::support::process::Process;
use crate::support::proxy::Proxy;
use crate::support::redis::{self, RedisServer, TlsServer, fresh_organisation, settings};
use crate::support::sse::SseReader;
use crate::support::{eventually, http};

fn silent() -> NewEntry {
    NewEntry { audience: Audience::Everyone, event: None, delta: None }
}

/// A commit that writes one record, unconditionally.
fn write(key: &str, value: impl Into<Bytes>) -> Commit {
    Commit {
        checks: vec![],
        writes: vec![(RecordKey::from(key), Some(value.into()))],
        entries: vec![silent()],
    }
}

async fn committed(journal: &dyn Journal, commit: Commit) -> EntryId {
    match journal.commit(commit).await.unwrap() {
        CommitOutcome::Committed(ids) => *ids.last().unwrap(),
        CommitOutcome::Conflict(conflicts) => panic!("a conflict: {conflicts:?}"),
    }
}

/// Tries until it works, and returns what came of it and how long that took.
async fn sooner_or_later<T>(attempt: impl AsyncFn() -> Result<T, JournalError>) -> (T, Duration) {
    let begin = Instant::now();
    loop {
        match attempt().await {
            Ok(value) => return (value, begin.elapsed()),
            Err(error) => assert!(begin.elapsed() < DEADLINE, "never: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A journal over a server of its own.
fn alone(options: &[(&str, &str)]) -> (RedisServer, Arc<RedisJournal>) {
    let server = RedisServer::start(options);
    let journal = redis::journal(settings(&server.url(), "own"));
    (server, journal)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_what_was_acknowledged_is_there_after_redis_was_killed_and_a_tail_goes_on() {
    // With less than `always` a machine that dies may lose a second; a process that is killed loses nothing either way.
    let (mut server, journal) = alone(&[("appendfsync", "always")]);
    let begin = committed(&*journal, write("begin", "1")).await;
    let follower = tokio::spawn({
        let journal = journal.clone();
        async move {
            let (mut position, mut seen, mut outages) = (begin, Vec::new(), 0);
            loop {
                match journal.tail(position, 100).await {
                    Ok(entries) => {
                        position = entries.last().unwrap().id;
                        let is_end =
                            entries.iter().any(|entry| entry.content.delta.as_deref() == Some(b"the end"));
                        seen.extend(entries.into_iter().map(|entry| entry.id));
                        if is_end {
                            return (seen, outages);
                        }
                    }
                    Err(JournalError::Unavailable(_)) => {
                        outages += 1;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (journal, stopped) = (journal.clone(), stopped.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0.. {
                    if *stopped.borrow() {
                        break;
                    }
                    let key = format!("item/{}", writer * 1_000_000 + n);
                    match journal.commit(write(&key, "1")).await {
                        Ok(CommitOutcome::Committed(ids)) => {
                            acknowledged.push((RecordKey::from(key.as_str()), ids[0]))
                        }
                        Ok(outcome) => panic!("{outcome:?}"),
                        Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
                acknowledged
            })
        })
        .collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.restart();
        let (_, time) = sooner_or_later(async || journal.commit(write("probe", "1")).await).await;
        println!("a commit was taken {time:?} after the server was back");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.send_replace(true);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let end = NewEntry { delta: Some(Bytes::from_static(b"the end")), ..silent() };
    committed(&*journal, Commit { entries: vec![end], ..Commit::default() }).await;
    let (seen, outages) = tokio::time::timeout(DEADLINE, follower).await.unwrap().unwrap();
    println!("{} acknowledged, {} followed, {outages} outages told", acknowledged.len(), seen.len());
    assert!(acknowledged.len() > 100 && outages > 0);
    assert!(seen.is_sorted_by(|a, b| a < b), "in order, and none twice");
    for (key, version) in &acknowledged {
        assert!(
            seen.binary_search(version).is_ok(),
            "{key} at {version} was acknowledged and is not in the log"
        );
    }
    let keys: Vec<_> = acknowledged.iter().map(|(key, _)| key.clone()).collect();
    for ((key, version), found) in acknowledged.iter().zip(journal.read(&keys).await.unwrap()) {
        assert_eq!(found.map(|record| record.version), Some(*version), "{key}");
    }
}

#[tokio::test]
async fn a_store_that_was_emptied_is_lost_to_its_follower_within_the_time_of_a_check() {
    let server = RedisServer::start(&[]);
    let defaults = settings(&server.url(), "own");
    // As it runs in earnest: nothing but the check can notice.
    let earnest = RedisSettings { check_every: RedisSettings::CHECK_EVERY_DEFAULT, ..defaults };
    let journal = redis::journal(earnest);
    let position = committed(&*journal, write("a", "1")).await;
    let follower = tokio::spawn({
        let journal = journal.clone();
        async move { journal.tail(position, 100).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let () = server.command(&["FLUSHALL"]).await;
    let time = RedisSettings::CHECK_EVERY_DEFAULT + DEADLINE;
    let lost = tokio::time::timeout(time, follower).await.unwrap().unwrap();
    assert_eq!(lost, Err(JournalError::Lost));
}

#[tokio::test]
async fn what_was_appended_to_a_store_that_was_begun_anew_is_not_taken_for_what_follows() {
    let (server, journal) = alone(&[]);
    let position = committed(&*journal, write("epoch", "one")).await;
    journal.load().await.unwrap();
    let follower = tokio::spawn({
        let journal = journal.clone();
        async move { journal.tail(position, 100).await }
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let other = redis::journal(settings(&server.url(), "own"));
    let () = server.command(&["FLUSHALL"]).await;
    committed(&*other, write("epoch", "two")).await;
    assert_eq!(tokio::time::timeout(DEADLINE, follower).await.unwrap().unwrap(), Err(JournalError::Lost));
    // The very same id, by chance or by a clock that was set back, in another history.
    let log = &redis::key("own", "log");
    let () = server.command(&["DEL", log]).await;
    let _: String =
        server.command(&["XADD", log, &position.to_string(), "end", "1", "to", "\"everyone\""]).await;
    assert!(!journal.holds(position).await.unwrap(), "the epoch is another");
    assert_eq!(journal.tail(position, 100).await, Err(JournalError::Lost));
    assert!(other.holds(position).await.unwrap(), "whoever knows no other epoch finds it");
}

#[tokio::test]
async fn a_store_that_lost_its_end_while_it_was_away_is_lost_to_its_follower() {
    let (mut server, journal) = alone(&[]);
    let first = committed(&*journal, write("a", "1")).await;
    let last = committed(&*journal, write("a", "2")).await;
    let follower = tokio::spawn({
        let journal = journal.clone();
        async move {
            loop {
                match journal.tail(last, 100).await {
                    Err(JournalError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                    other => return other,
                }
            }
        }
    });
    // What a replica does that takes over without the last entries.
    redis::set_back(&server, &redis::key("own", "log"), &first.to_string()).await;
    server.kill();
    server.restart();
    assert_eq!(tokio::time::timeout(DEADLINE, follower).await.unwrap().unwrap(), Err(JournalError::Lost));
    assert!(sooner_or_later(async || journal.holds(first).await).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_a_line_that_stalls_costs_each_command_its_time_out_and_no_more() {
    let server = RedisServer::start(&[]);
    let line = Proxy::to(server.port).await;
    let timeout = Duration::from_millis(300);
    let settings = RedisSettings { timeout, ..settings(&format!("redis://{}", line.address), "own") };
    let journal = redis::journal(settings);
    let begin = committed(&*journal, write("a", "0")).await;
    let follower = tokio::spawn({
        let journal = journal.clone();
        async move {
            loop {
                if let Ok(entries) = journal.tail(begin, 100).await {
                    return entries;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    line.stall();
    let mut slowest = Duration::ZERO;
    let stalled = Instant::now();
    while stalled.elapsed() < timeout * 10 {
        let begin = Instant::now();
        let outcome = journal.read(&[RecordKey::epoch()]).await;
        assert!(matches!(outcome, Err(JournalError::Unavailable(_))), "{outcome:?}");
        slowest = slowest.max(begin.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The bound is the time-out; the rest is for a machine that has more to do. A command that waited for the line
    // would wait as long as the line is stalled.
    assert!(slowest < timeout * 10, "{slowest:?}");
    line.restore();
    let (outcome, time) = sooner_or_later(async || journal.commit(write("a", "1")).await).await;
    let CommitOutcome::Committed(ids) = outcome else { panic!("{outcome:?}") };
    let begin = Instant::now();
    let entries = tokio::time::timeout(DEADLINE, follower).await.unwrap().unwrap();
    assert_eq!(entries[0].id, ids[0]);
    let followed = begin.elapsed();
    println!(
        "slowest command {slowest:?}; {time:?} after its return a commit, {followed:?} later it was followed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_without_a_sign_is_replaced_even_when_callers_give_up_before_its_time_is_up() {
    let server = RedisServer::start(&[]);
    let line = Proxy::to(server.port).await;
    // Nothing but what the test does uses the connection.
    let hour = Duration::from_secs(3_600);
    let url = format!("redis://{}", line.address);
    let settings =
        RedisSettings { timeout: hour, check_every: hour, tend_every: hour, ..settings(&url, "own") };
    let journal = redis::journal(settings);
    let position = committed(&*journal, write("a", "0")).await;
    line.forget_connections();
    let given_up = tokio::time::timeout(Duration::from_millis(300), journal.commit(write("a", "1"))).await;
    assert!(given_up.is_err(), "nothing answers over the old connection");
    let begin = Instant::now();
    tokio::time::timeout(DEADLINE, journal.commit(write("a", "2"))).await.unwrap().unwrap();
    println!("replaced after {:?}", begin.elapsed());
    assert!(journal.holds(position).await.unwrap());
}

#[tokio::test]
async fn a_journal_that_is_not_there_fails_at_once_and_works_when_it_comes() {
    let mut server = RedisServer::start(&[]);
    server.kill();
    // Whatever waits for a time-out waits for an hour.
    let hour = Duration::from_hours(1);
    let journal = redis::journal(RedisSettings { timeout: hour, ..settings(&server.url(), "own") });
    for _ in 0..20 {
        let failing = tokio::time::timeout(DEADLINE, journal.commit(write("a", "1")));
        let error = failing.await.expect("it fails at once").unwrap_err();
        assert!(matches!(&error, JournalError::Unavailable(why) if why.contains("refused")), "{error}");
    }
    server.restart();
    sooner_or_later(async || journal.commit(write("a", "1")).await).await;
}

#[tokio::test]
async fn c14_a_password_that_is_wrong_and_a_certificate_that_is_foreign_are_told_without_the_password() {
    let tls = TlsServer::shared();
    let error = async |password: &str, root: Option<Vec<u8>>| {
        let settings = settings(&tls.url(password), &fresh_organisation());
        let journal = redis::journal(RedisSettings { root_certificate: root, ..settings });
        tokio::time::timeout(DEADLINE, journal.load()).await.unwrap().unwrap_err().to_string()
    };
    let wrong = error("hunter2", Some(tls.root.clone())).await;
    assert!(wrong.contains("BOARDCAST_REDIS_URL") && !wrong.contains("hunter2"), "{wrong}");
    let foreign = error(redis::TLS_PASSWORD, None).await;
    assert!(!foreign.contains(redis::TLS_PASSWORD), "{foreign}");
    assert!(foreign.contains("certificate"), "{foreign}");
}

#[tokio::test]
async fn c12_a_newer_form_of_the_store_is_neither_read_nor_written() {
    let organisation = fresh_organisation();
    let server = RedisServer::shared();
    let journal = redis::journal(settings(&server.url(), &organisation));
    let position = committed(&*journal, write("a", "1")).await;
    assert!(journal.lease("sync", "one", DEADLINE).await.unwrap());
    let schema = redis::schema_key(&organisation);
    let number: String = server.command(&["GET", &schema]).await;
    assert_eq!(number, "2", "whoever writes first says in which form");
    let follower = tokio::spawn({
        let journal = journal.clone();
        async move { journal.tail(position, 100).await }
    });
    let () = server.command(&["SET", &schema, "3"]).await;
    let newer = JournalError::Newer { found: "3".into(), known: 2 };
    assert_eq!(journal.commit(write("a", "2")).await, Err(newer.clone()));
    assert_eq!(journal.load().await.unwrap_err(), newer);
    assert_eq!(journal.holds(position).await, Err(newer.clone()));
    assert_eq!(journal.read(&[RecordKey::from("a")]).await, Err(newer.clone()));
    assert_eq!(journal.lease("sync", "one", DEADLINE).await, Err(newer.clone()));
    assert_eq!(journal.lease("other", "one", DEADLINE).await, Err(newer.clone()));
    assert_eq!(tokio::time::timeout(DEADLINE, follower).await.unwrap().unwrap(), Err(newer));
    let log = redis::key(&organisation, "log");
    assert_eq!(server.command::<u64>(&["XLEN", &log]).await, 1);
}

#[tokio::test]
async fn c12_organisations_that_share_a_store_do_not_see_each_other() {
    let url = RedisServer::shared().url();
    let [one, other] =
        [fresh_organisation(), fresh_organisation()].map(|key| redis::journal(settings(&url, &key)));
    committed(&*one, write("item/13", "1")).await;
    assert!(other.load().await.unwrap().records.is_empty());
    assert_eq!(other.read(&[RecordKey::from("item/13")]).await.unwrap(), [None]);
    assert!(
        one.lease("sync", "a", DEADLINE).await.unwrap() && other.lease("sync", "b", DEADLINE).await.unwrap()
    );
}

#[tokio::test]
async fn fault_a2_a_store_in_the_first_form_is_refused_with_what_to_do() {
    let organisation = fresh_organisation();
    let server = RedisServer::shared();
    let first = format!("bc:{{{organisation}}}:schema");
    let () = server.command(&["SET", &first, "1"]).await;
    let journal = redis::journal(settings(&server.url(), &organisation));
    let refused = |error: JournalError| {
        let text = error.to_string();
        assert!(matches!(error, JournalError::Foreign(_)), "{text}");
        assert!(text.contains(&format!("bc:{{{organisation}}}:*")) && text.contains("delete"), "{text}");
    };
    refused(journal.load().await.unwrap_err());
    refused(journal.read(&[RecordKey::epoch()]).await.unwrap_err());
    refused(journal.commit(write("a", "1")).await.unwrap_err());
    let () = server.command(&["DEL", &first]).await;
    committed(&*journal, write("a", "1")).await;
}

#[tokio::test]
async fn fault_a2_a_journal_that_says_it_is_somebody_elses_is_not_shown() {
    let organisation = fresh_organisation();
    let server = RedisServer::shared();
    let journal = redis::journal(settings(&server.url(), &organisation));
    let owned = Commit {
        writes: vec![(RecordKey::owner(), Some(Bytes::from_static(b"organization http://two.example")))],
        ..write("epoch", "5")
    };
    committed(&*journal, owned).await;
    let app = TestApp::builder().layer(move |_| Store::of(journal.clone())).start().await;
    eventually("an instance works on with a journal that is not its own", async || {
        let health = app.get("/api/health/ready").await;
        health.status == 503 && app.hook(&updated(13, 1, "New")).await.status == 503
    })
    .await;
    assert!(app.app.instance.fold.position().is_none(), "it was loaded");
}

#[tokio::test]
async fn fault_a1_a_lease_is_worth_nothing_in_a_store_that_was_begun_anew() {
    let journal = redis::journal(settings(&RedisServer::shared().url(), &fresh_organisation()));
    committed(&*journal, write("epoch", "1")).await;
    assert!(journal.lease("check", "one", DEADLINE).await.unwrap());
    assert!(!journal.lease("check", "another", DEADLINE).await.unwrap());
    let epoch = journal.read(&[RecordKey::epoch()]).await.unwrap()[0].as_ref().map(|epoch| epoch.version);
    committed(&*journal, Commit { checks: vec![(RecordKey::epoch(), epoch)], ..write("epoch", "2") }).await;
    assert!(journal.lease("check", "another", DEADLINE).await.unwrap());
}

#[tokio::test]
async fn c4_a_record_that_cannot_be_read_is_absent_and_can_be_written_anew() {
    let organisation = fresh_organisation();
    let server = RedisServer::shared();
    let journal = redis::journal(settings(&server.url(), &organisation));
    committed(&*journal, write("item/14", "1")).await;
    let items = redis::key(&organisation, "items");
    let () = server.command(&["HSET", &items, "13", "nonsense"]).await;
    let key = RecordKey::from("item/13");
    assert_eq!(journal.read(std::slice::from_ref(&key)).await.unwrap(), [None]);
    assert_eq!(journal.load().await.unwrap().records.len(), 1);
    let commit = Commit { checks: vec![(key.clone(), None)], ..write("item/13", "1") };
    let version = committed(&*journal, commit).await;
    assert_eq!(journal.read(&[key]).await.unwrap()[0].as_ref().unwrap().version, version);
}

#[tokio::test]
async fn many_and_large_records_are_loaded_while_others_write() {
    let journal = redis::journal(settings(&RedisServer::shared().url(), &fresh_organisation()));
    let writes: Vec<_> = (0..3_000)
        .map(|n| (RecordKey::from(format!("item/{n}").as_str()), Some(Bytes::from(vec![b'x'; 500]))))
        .collect();
    for chunk in writes.chunks(500) {
        committed(&*journal, Commit { writes: chunk.to_vec(), ..write("a", "1") }).await;
    }
    committed(&*journal, write("large", vec![b'x'; RECORD_BYTES_MAX])).await;
    let busy = async {
        let mut last = EntryId::ZERO;
        for n in 0..200 {
            last = committed(&*journal, write(&format!("item/{}", n * 7), "new")).await;
        }
        last
    };
    let (loaded, last) = tokio::join!(journal.load(), busy);
    let loaded = loaded.unwrap();
    assert_eq!(loaded.records.len(), 3_000 + 1, "each once");
    // Whatever the load missed follows its position.
    let mut versions: std::collections::HashMap<_, _> =
        loaded.records.into_iter().map(|(key, record)| (key, record.version)).collect();
    let mut position = loaded.position;
    while position < last {
        position = journal.tail(position, 1_000).await.unwrap().last().unwrap().id;
    }
    let now = journal.load().await.unwrap();
    for (key, record) in now.records {
        let known = versions.remove(&key).unwrap();
        assert!(known == record.version || record.version > loaded.position, "{key} was missed");
    }
}

#[tokio::test]
async fn the_log_is_trimmed_by_age_though_nobody_writes() {
    let organisation = fresh_organisation();
    let server = RedisServer::shared();
    let retention = LogRetention { age_max: Duration::from_millis(200), ..LogRetention::DEFAULT };
    let settings = RedisSettings { retention, ..settings(&server.url(), &organisation) };
    let journal = redis::journal(settings);
    let old = committed(&*journal, write("a", "1")).await;
    let id = committed(&*journal, write("b", "1")).await;
    let log = redis::key(&organisation, "log");
    let begin = Instant::now();
    while server.command::<u64>(&["XLEN", &log]).await > 1 {
        assert!(begin.elapsed() < DEADLINE, "nothing was trimmed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!journal.holds(old).await.unwrap());
    assert!(journal.holds(id).await.unwrap(), "the end of a quiet log stays");
    assert!(!journal.holds(EntryId::ZERO).await.unwrap());
}

#[tokio::test]
async fn what_is_amiss_with_the_server_is_told_as_long_as_it_is_so() {
    let (server, journal) = alone(&[("appendonly", "no"), ("maxmemory-policy", "allkeys-lru")]);
    let findings_are = async |remedies: &[&str]| {
        let begin = Instant::now();
        loop {
            let findings = journal.condition().findings;
            let each = findings.iter().zip(remedies).all(|(finding, remedy)| finding.contains(remedy));
            if findings.len() == remedies.len() && each {
                return;
            }
            assert!(begin.elapsed() < DEADLINE, "{findings:?}, and not {remedies:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    findings_are(&["appendonly yes", "maxmemory-policy noeviction"]).await;
    let () = server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    findings_are(&["appendonly yes"]).await;
    let () = server.command(&["CONFIG", "SET", "appendonly", "yes"]).await;
    findings_are(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_begun_anew_while_it_is_loaded_is_lost() {
    let (server, journal) = alone(&[]);
    let other = redis::journal(settings(&server.url(), "own"));
    let begin_anew = async || {
        let () = server.command(&["FLUSHALL"]).await;
        let writes = (0..3_000).map(|n| (RecordKey::from(format!("item/{n}").as_str()), Some("1".into())));
        let epoch = (RecordKey::epoch(), Some(Bytes::from(uuid::Uuid::new_v4().to_string())));
        let writes = writes.chain([epoch]).collect();
        committed(&*other, Commit { writes, ..write("a", "1") }).await;
    };
    begin_anew().await;
    let is_over = AtomicBool::new(false);
    let load = async {
        let begin = Instant::now();
        while begin.elapsed() < DEADLINE {
            match journal.load().await {
                Ok(loaded) => {
                    let versions: HashSet<_> =
                        loaded.records.iter().map(|(_, record)| record.version).collect();
                    assert!(versions.len() <= 1, "of several histories: {versions:?}");
                }
                Err(JournalError::Lost) => break,
                Err(error) => panic!("{error}"),
            }
        }
        is_over.store(true, Ordering::Relaxed);
        begin.elapsed()
    };
    let emptied = async {
        while !is_over.load(Ordering::Relaxed) {
            begin_anew().await;
        }
    };
    let (time, ()) = tokio::join!(load, emptied);
    assert!(time < DEADLINE, "it was never lost");
}

/// Instances over one journal each, which share a store.
async fn two_instances(organisation: &str) -> [TestApp; 2] {
    let start = async || {
        let journal = redis::journal(settings(&RedisServer::shared().url(), organisation));
        TestApp::builder().layer(move |_| Store::of(journal.clone())).start().await
    };
    let instances = [start().await, start().await];
    for instance in &instances {
        let begin = Instant::now();
        while instance.app.instance.fold.position().is_none() {
            assert!(begin.elapsed() < DEADLINE, "an instance did not load");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    instances
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c11_a_hook_posted_to_one_instance_reaches_a_reader_of_the_other() {
    let [one, other] = two_instances(&fresh_organisation()).await;
    let mut reader = other.stream("").await;
    reader.next_of("connected").await;
    let begin = Instant::now();
    assert_eq!(one.hook(&updated(13, 1, "New")).await.json()["outcome"], "applied");
    let changed = reader.next_of("workitem_changed").await;
    println!("{:?} from one instance to a reader of the other", begin.elapsed());
    assert_eq!((&changed["workItemId"], &changed["projectId"]), (&13.into(), &FABRIKAM.into()));
    assert_eq!(other.hook(&updated(13, 1, "New")).await.json()["outcome"], "known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_hook_delivered_to_both_instances_at_once_is_announced_once() {
    let [one, other] = two_instances(&fresh_organisation()).await;
    let mut readers = [one.stream("").await, other.stream("").await];
    for number in 1..=20 {
        let hook = updated(number, 1, "New");
        let answers = tokio::join!(one.hook(&hook), other.hook(&hook));
        let mut outcomes =
            [answers.0, answers.1].map(|answer| answer.json()["outcome"].as_str().unwrap().to_owned());
        outcomes.sort();
        assert_eq!(outcomes, ["applied", "known"]);
    }
    for reader in &mut readers {
        for number in 1..=20 {
            assert_eq!(reader.next_of("workitem_changed").await["workItemId"], number);
        }
        let more: Vec<_> = reader.arrived().into_iter().filter_map(|block| block.kind()).collect();
        assert!(!more.contains(&"workitem_changed".to_owned()), "{more:?}");
    }
}

#[tokio::test]
async fn processes_share_their_boards_and_one_that_starts_anew_has_them() {
    let server = RedisServer::start(&[]);
    let url = server.url();
    let settings = [("BOARDCAST_REDIS_URL", url.as_str())];
    let (one, other) = tokio::join!(Process::start(&settings), Process::start(&settings));
    let path = "/api/webhooks/azure-devops/workitem.updated";
    let body = updated(13, 1, "New").to_string();
    let post = http::request("POST", path, &[("content-type", "application/json")], body.as_bytes());
    let begin = Instant::now();
    while http::exchange(one.address, &post).await.status != 200 {
        assert!(begin.elapsed() < DEADLINE, "the hook was never taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut reader = SseReader::open(other.address, "/api/sse/dashboard", &[]).await;
    loop {
        let snapshot = reader.next_of("snapshot").await;
        if snapshot["data"]["items"][0]["id"] == 13 {
            break;
        }
    }
    drop((one, other));
    let third = Process::start(&settings).await;
    let begin = Instant::now();
    loop {
        let board = third.get("/api/snapshot?project=fabrikam").await;
        if board.status == 200 && board.json()["items"][0]["id"] == 13 {
            break;
        }
        assert!(begin.elapsed() < DEADLINE, "{board:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let keys: Vec<String> = server.command(&["KEYS", "*"]).await;
    assert!(keys.iter().all(|key| key.starts_with("bc:{default-")), "{keys:?}");
}

#[tokio::test]
async fn a_redis_that_is_away_at_the_start_does_not_keep_the_port_closed() {
    let mut server = RedisServer::start(&[]);
    server.kill();
    let url = server.url();
    let process = Process::start(&[("BOARDCAST_REDIS_URL", &url)]).await;
    assert_eq!(process.get("/api/health/live").await.status, 200);
    assert_eq!(process.get("/api/health/ready").await.status, 503);
    server.restart();
    let begin = Instant::now();
    while process.get("/api/health/ready").await.status != 200 {
        assert!(begin.elapsed() < DEADLINE, "it never became ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("ready {:?} after Redis was there", begin.elapsed());
}
