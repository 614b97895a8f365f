//! The journal on Redis: what instances share, and what outlives them.
//!
//! Two hashes hold the records, one stream is the log, and each operation that must be one step is one script. All
//! keys of an owner lie in one slot, so that a cluster runs the scripts too.

mod background;
mod codec;
mod connector;
mod expiring;
mod findings;
mod link;
mod server_clock;
mod settings;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use redis::{FromRedisValue, ToRedisArgs, Value};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::timeout;

use self::background::{BLOCK, listen, tend};
use self::codec::{CommitArguments, ITEM_PREFIX, Keys, SCHEMA};
use self::connector::Connector;
use self::link::{Link, Script};
use self::server_clock::ServerClock;
pub use self::settings::RedisSettings;
use super::{
    Commit, CommitOutcome, Entry, EntryId, Journal, JournalCondition, JournalError, LoadedRecords,
    MISSED_ENTRIES, RecordKey, Versioned, refuse_defects,
};
use crate::platform::clock::Clock;

/// What tokens for Redis are asked for.
pub const RESOURCE: &str = "https://redis.azure.com/";

/// How many records are read at once when everything is loaded: enough to be quick, and few enough that other
/// commands are not held up.
const SCAN_RECORDS: usize = 500;

/// A script, which goes no further where a newer version writes the store.
macro_rules! guarded {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("guard.lua"), include_str!($file))))
    };
}

static COMMIT: LazyLock<Script> = guarded!("commit.lua");
static FOLLOW: LazyLock<Script> = guarded!("follow.lua");
static EXPIRING: LazyLock<Script> = guarded!("expiring.lua");
static LEASE: LazyLock<Script> = guarded!("lease.lua");
static READ: LazyLock<Script> = guarded!("read.lua");
static REPORT: LazyLock<Script> = guarded!("report.lua");
static TEND: LazyLock<Script> = guarded!("tend.lua");

/// What a script answered: what it is called, and the rest.
type Answer = (String, Vec<Value>);

/// What the journal and its work in the background share.
struct Parts {
    link: Link,
    keys: Keys,
    settings: RedisSettings,
    clock: Clock,
    /// The epoch's record as it was when everything was last loaded, by which a store that was emptied and begun anew
    /// is told from the one that was followed.
    epoch: Mutex<Option<Vec<u8>>>,
    /// As it was last tended.
    condition: Mutex<JournalCondition>,
    /// The server's clock, as it is seen whenever the log is tended.
    server_clock: ServerClock,
    /// Whether it is known that the store holds nothing of this owner in the first form.
    is_first_form_gone: AtomicBool,
}

/// The journal on Redis.
pub struct RedisJournal {
    parts: Arc<Parts>,
    /// A read that blocks holds up whatever else goes over its connection, so it has one of its own. Locked by what runs
    /// in the background.
    listener: AsyncMutex<Link>,
    /// Told whenever the log may have more, or may be gone.
    changed: watch::Sender<()>,
}

impl RedisJournal {
    /// A journal that connects as soon as it [runs](Journal::run): its operations fail until the store is there, and none
    /// waits for one that is away.
    ///
    /// Errors: an address or certificate that the client does not take.
    pub fn new(settings: RedisSettings, clock: Clock) -> Result<Self, &'static str> {
        // It is already installed when the process has another client that speaks TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let link = |reply_timeout| Connector::new(&settings, &clock, reply_timeout).map(Link::new);
        let (listener, link) = (link(BLOCK + settings.timeout)?, link(settings.timeout)?);
        let parts = Arc::new(Parts {
            link,
            keys: Keys::of(&settings.owner),
            settings,
            clock,
            epoch: Mutex::default(),
            condition: Mutex::new(JournalCondition { kind: "redis", ..JournalCondition::default() }),
            server_clock: ServerClock::default(),
            is_first_form_gone: AtomicBool::new(false),
        });
        Ok(Self { parts, listener: AsyncMutex::new(listener), changed: watch::Sender::default() })
    }
}

fn not_understood() -> JournalError {
    JournalError::Unavailable("its answer is not one of Redis'".into())
}

fn newer(found: String) -> JournalError {
    JournalError::Newer { found, known: SCHEMA }
}

/// Reads what a script answered.
fn read<T: FromRedisValue>(answer: Vec<Value>) -> Result<T, JournalError> {
    T::from_redis_value(Value::Array(answer)).map_err(|_| not_understood())
}

impl Parts {
    /// Runs a script over those keys.
    async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: impl ToRedisArgs,
    ) -> Result<Answer, JournalError> {
        self.refuse_first_form().await?;
        let keys = [keys, &[&self.keys.schema]].concat();
        let answer = self.link.run(script, &keys, (SCHEMA, arguments)).await?;
        let Value::Array(mut name) = answer else { return Err(not_understood()) };
        let rest = name.split_off(name.len().min(1));
        match read(name)? {
            (name,) if name == "newer" => Err(newer(read::<Vec<String>>(rest)?.concat())),
            (name,) => Ok((name, rest)),
        }
    }

    /// Refuses a store that holds boards of this owner in the first form, in which two servers with one path were taken
    /// for the same organisation: whose boards those are cannot be told.
    async fn refuse_first_form(&self) -> Result<(), JournalError> {
        if self.is_first_form_gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        let first = &self.keys.first_schema;
        if self.link.query::<bool>(redis::cmd("EXISTS").arg(first)).await? {
            let keys = first.trim_end_matches("schema");
            return Err(JournalError::Foreign(format!(
                "Redis holds boards that an older boardcast wrote under {keys}*; end the instances that write them, \
                 delete these keys (the boards are read from Azure DevOps again) and start this one again"
            )));
        }
        self.is_first_form_gone.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn epoch(&self) -> Vec<u8> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Where the log ends, and the epoch's record as it is written.
    async fn log_end(&self) -> Result<(EntryId, Option<Vec<u8>>), JournalError> {
        let (last, epoch, _): (_, _, Value) = read(self.end(0).await?)?;
        Ok((codec::id(&last).ok_or_else(not_understood)?, epoch))
    }

    /// What there is to say of the log's end, and of the entry that so many others follow.
    ///
    /// Errors: `Lost` when the items that it tells of are gone.
    async fn end(&self, entries: usize) -> Result<Vec<Value>, JournalError> {
        match self.follow("", entries, b"", 0).await? {
            (name, _) if name == "lost" => Err(JournalError::Lost),
            (_, end) => Ok(end),
        }
    }

    /// What follows a position that the log holds: about `limit` entries, up to the end of a commit.
    ///
    /// Errors: `Lost` when it does not hold it.
    async fn following(&self, position: EntryId, limit: usize) -> Result<Vec<Entry>, JournalError> {
        Self::held(self.follow(&position.to_string(), limit, &self.epoch(), 0).await?)
    }

    /// The entries of an answer about a position.
    fn held((name, rest): Answer) -> Result<Vec<Entry>, JournalError> {
        match name.as_str() {
            "held" => rest.into_iter().next().and_then(codec::entries).ok_or_else(not_understood),
            "lost" => Err(JournalError::Lost),
            _ => Err(not_understood()),
        }
    }

    async fn follow(
        &self,
        position: &str,
        limit: usize,
        epoch: &[u8],
        bytes_max: usize,
    ) -> Result<Answer, JournalError> {
        let arguments = (position, limit, epoch, bytes_max);
        self.run(&FOLLOW, &[&self.keys.log, &self.keys.records, &self.keys.items], arguments).await
    }

    /// Reads a whole hash, piece by piece, so that other commands run in between. What is written meanwhile may be
    /// read before or after. A record's key is its field with `prefix`.
    async fn scan(&self, hash: &str, prefix: &str) -> Result<HashMap<RecordKey, Versioned>, JournalError> {
        let mut records = HashMap::new();
        let mut cursor = String::from("0");
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(hash).arg(&cursor).arg("COUNT").arg(SCAN_RECORDS);
            let (next, found): (String, Vec<(String, Bytes)>) = self.link.query(&scan).await?;
            for (field, value) in found {
                let key = RecordKey::from(format!("{prefix}{field}").as_str());
                if let Some(record) = codec::record(&key, &value) {
                    records.insert(key, record);
                }
            }
            cursor = next;
            if cursor == "0" {
                return Ok(records);
            }
        }
    }
}

#[async_trait]
impl Journal for RedisJournal {
    async fn load(&self) -> Result<LoadedRecords, JournalError> {
        let parts = &self.parts;
        // The end is noted before anything is read: whatever changes from here on is in an entry after it.
        let (position, epoch) = parts.log_end().await?;
        let mut records = parts.scan(&parts.keys.items, ITEM_PREFIX).await?;
        records.extend(parts.scan(&parts.keys.records, "").await?);
        let (whole_at, epoch_then) = parts.log_end().await?;
        // Then some records may be of one history and some of another.
        if epoch_then != epoch || whole_at < position {
            return Err(JournalError::Lost);
        }
        *parts.epoch.lock().unwrap_or_else(PoisonError::into_inner) = epoch;
        Ok(LoadedRecords { records: records.into_iter().collect(), position, whole_at })
    }

    async fn read(&self, keys: &[RecordKey]) -> Result<Vec<Option<Versioned>>, JournalError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let Keys { items, records, .. } = &self.parts.keys;
        let places = keys.iter().map(codec::place).collect::<Vec<_>>();
        let (_, values) = self.parts.run(&READ, &[items, records], places).await?;
        let values = read::<Vec<Option<Bytes>>>(values)?;
        Ok(keys.iter().zip(values).map(|(key, value)| codec::record(key, &value?)).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, JournalError> {
        refuse_defects(&commit)?;
        let parts = &self.parts;
        let Keys { items, records, log, .. } = &parts.keys;
        let arguments = CommitArguments(&commit, parts.settings.retention.entries_max);
        let (name, rest) = parts.run(&COMMIT, &[items, records, log], arguments).await?;
        match name.as_str() {
            "committed" => rest.iter().map(codec::id).collect::<Option<_>>().map(CommitOutcome::Committed),
            "conflict" => {
                // A check is named by its place, counted from 1.
                let conflict = |(place, current): (usize, Option<Bytes>)| {
                    let (key, _) = commit.checks.get(place.checked_sub(1)?)?;
                    Some((key.clone(), current.and_then(|current| codec::record(key, &current))))
                };
                let conflicts = read::<Vec<_>>(rest)?.into_iter().map(conflict);
                conflicts.collect::<Option<_>>().map(CommitOutcome::Conflict)
            }
            "lost" => return Err(JournalError::Lost),
            _ => None,
        }
        .ok_or_else(not_understood)
    }

    async fn tail(&self, after: EntryId, limit: usize) -> Result<Vec<Entry>, JournalError> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let entries = self.parts.following(after, limit.max(1)).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            // An emptied log is silent, so silence is looked into.
            let _ = timeout(self.parts.settings.check_every, changed.changed()).await;
        }
    }

    async fn missed(&self, after: EntryId, bytes_max: usize) -> Result<Vec<Entry>, JournalError> {
        let parts = &self.parts;
        let answer =
            parts.follow(&after.to_string(), MISSED_ENTRIES, &parts.epoch(), bytes_max.max(1)).await?;
        Parts::held(answer)
    }

    async fn entry_before(&self, entries: usize) -> Result<EntryId, JournalError> {
        let end = self.parts.end(entries.max(1)).await?;
        end.get(2).and_then(codec::id).ok_or_else(not_understood)
    }

    async fn holds(&self, cursor: EntryId) -> Result<bool, JournalError> {
        match self.parts.following(cursor, 0).await {
            Ok(_) => Ok(true),
            Err(JournalError::Lost) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn run(&self) {
        let listener = self.listener.lock().await;
        tokio::join!(
            self.parts.link.keep(),
            listener.keep(),
            listen(&listener, &self.parts.keys.log, &self.changed),
            tend(&self.parts),
        );
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn clock_ahead_ms(&self) -> Option<i64> {
        self.parts.server_clock.ahead_ms((self.parts.clock)())
    }

    fn condition(&self) -> JournalCondition {
        self.parts.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
