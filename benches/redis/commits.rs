//! Commits a second in one organisation of 10,000 items, beside what the same client does with bare `SET`s.

use std::sync::Arc;
use std::time::Duration;

use boardcast::domain::scope::ProjectId;
use boardcast::journal::Store;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::redis::RedisJournal;
use boardcast::journal::{
    Commit, CommitOutcome, EntryId, Journal, LogRetention, NewEntry, RecordKey, Version,
};
use bytes::Bytes;
use tokio::time::Instant;

use super::figures::{DURABLE, cpu_of_redis, table, thousands};
use super::organisation::{self, REVISIONS};
use super::support::hooks::{FABRIKAM, provenance};
use super::support::redis::RedisServer;
use super::support::team::TestInstance;

const ITEMS: u32 = 10_000;
const TIME: Duration = Duration::from_secs(8);

pub async fn run() {
    let server = RedisServer::start(DURABLE);
    let journal = organisation::journal(&server, "commits").await;
    organisation::fill(&*journal, ITEMS).await;
    let sample = Sample::take().await;
    let mut rows = Vec::new();
    for in_flight in [1, 16] {
        let sets = sets(&server, in_flight, &sample).await;
        let commits = commits(&server, &journal, in_flight, &sample).await;
        let ratio = |of: f64, to: f64| format!("{:.2}", of / to);
        let row = |what: &str, rate: &Rate| {
            vec![
                what.to_owned(),
                in_flight.to_string(),
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
                thousands(rate.per_second as u64),
                format!("{:.0} µs", rate.cpu_us),
                ratio(rate.per_second, sets.per_second),
                ratio(rate.cpu_us, sets.cpu_us),
            ]
        };
        rows.push(row("commit of one item", &commits));
        rows.push(row("baseline: `SET` of its record", &sets));
    }
    let title = format!(
        "Commits in a hash of {} items, each of a record of {} bytes and an entry of {} bytes, `appendfsync everysec`",
        thousands(ITEMS.into()),
        sample.record.len(),
        sample.entry_bytes(),
    );
    let head = ["what", "in flight", "a second", "CPU of Redis each", "rate to `SET`", "CPU to `SET`"];
    table(&title, &head, &rows);
}

/// What a hook of the product writes: taken from a journal that it was committed to.
struct Sample {
    record: Bytes,
    entry: NewEntry,
}

impl Sample {
    async fn take() -> Self {
        let clock = boardcast::platform::clock::system();
        let instance = TestInstance::over(
            &Store::of(Arc::new(MemoryJournal::new(clock.clone(), LogRetention::DEFAULT))),
            clock,
        )
        .await;
        for catalogue in organisation::catalogues() {
            instance.learn(catalogue).await;
        }
        let mut before = EntryId::ZERO;
        for rev in 1..=REVISIONS {
            instance.settled().await;
            before = instance.instance.fold.position().unwrap();
            instance.ingest.observe(&organisation::observation(7, rev), &provenance()).await.unwrap();
        }
        let key = RecordKey::from("item/7");
        let record = instance.instance.journal.read(&[key]).await.unwrap().remove(0).unwrap();
        let entry = instance.instance.journal.tail(before, 1).await.unwrap().remove(0).content;
        assert!(entry.event.is_some() && entry.delta.is_some());
        Self { record: record.value, entry }
    }

    fn entry_bytes(&self) -> usize {
        [&self.entry.event, &self.entry.delta].into_iter().flatten().map(Bytes::len).sum()
    }

    /// What a hook checks beside its item: the guard of its project's teams, which is absent here.
    fn commit(&self, key: RecordKey, version: Option<Version>) -> Commit {
        let guard = RecordKey::teams_of_project(ProjectId::parse(FABRIKAM).unwrap());
        Commit {
            checks: vec![(key.clone(), version), (guard, None)],
            writes: vec![(key, Some(self.record.clone()))],
            entries: vec![self.entry.clone()],
        }
    }
}

struct Rate {
    per_second: f64,
    cpu_us: f64,
}

impl Rate {
    async fn of(server: &RedisServer, work: impl AsyncFnOnce() -> u64) -> Self {
        let (cpu, begin) = (cpu_of_redis(server).await, Instant::now());
        #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
        let done = work().await as f64;
        let time = begin.elapsed();
        let cpu = cpu_of_redis(server).await - cpu;
        Self { per_second: done / time.as_secs_f64(), cpu_us: cpu.as_secs_f64() * 1e6 / done }
    }
}

async fn commits(server: &RedisServer, journal: &Arc<RedisJournal>, in_flight: u32, sample: &Sample) -> Rate {
    let loaded = journal.load().await.unwrap();
    let mut shares: Vec<Vec<(RecordKey, Version)>> = vec![Vec::new(); in_flight as usize];
    let items = loaded.records.into_iter().filter(|(key, _)| key.as_item().is_some());
    for (index, (key, record)) in items.enumerate() {
        shares[index % in_flight as usize].push((key, record.version));
    }
    Rate::of(server, async || {
        let end = Instant::now() + TIME;
        let writers = shares.into_iter().map(async |mut share| {
            let mut done = 0_usize;
            while Instant::now() < end {
                let at = done % share.len();
                let (key, version) = share[at].clone();
                let CommitOutcome::Committed(ids) =
                    journal.commit(sample.commit(key, Some(version))).await.unwrap()
                else {
                    panic!("nobody else writes, and yet there is a conflict");
                };
                share[at].1 = ids[0];
                done += 1;
            }
            done as u64
        });
        futures_util::future::join_all(writers).await.iter().sum()
    })
    .await
}

async fn sets(server: &RedisServer, in_flight: u32, sample: &Sample) -> Rate {
    let client = redis::Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    Rate::of(server, async || {
        let end = Instant::now() + TIME;
        let writers = (0..in_flight).map(async |writer| {
            let (mut connection, mut done) = (connection.clone(), 0_u64);
            while Instant::now() < end {
                let key =
                    format!("set:{}", (u64::from(writer) + done * u64::from(in_flight)) % u64::from(ITEMS));
                let mut set = redis::cmd("SET");
                let () = set.arg(key).arg(sample.record.as_ref()).query_async(&mut connection).await.unwrap();
                done += 1;
            }
            done
        });
        futures_util::future::join_all(writers).await.iter().sum()
    })
    .await
}
