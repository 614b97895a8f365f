//! The journal on Redis: what instances share, and what outlives them.
//!
//! Two hashes hold the records, one stream is the log, and each operation that must be one step is one script. All
//! keys of an organisation lie in one slot, so that a cluster runs the scripts too.

mod codec;
mod committing;
mod expiring;
mod findings;
mod link;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, FromRedisValue as _, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::codec::{Hash, Keys, SCHEMA};
use self::link::{Connector, Link, Script};
use super::address::Address;
use super::{
    Commit, CommitOutcome, Entry, EntryId, Journal, JournalCondition, JournalError, LoadedRecords,
    LogRetention, RecordKey, Versioned, refuse_defects,
};
use crate::platform::clock::Clock;
use crate::platform::identity::TokenSource;

/// What tokens for Redis are asked for.
pub const RESOURCE: &str = "https://redis.azure.com/";

/// How long one read of the log blocks. Short, because a connection that died without a sign is noticed no sooner.
const BLOCK: Duration = Duration::from_secs(1);

/// How long the listener waits before it asks again for a connection that is not there.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How many records are read at once when everything is loaded: enough to be quick, and few enough that other
/// commands are not held up.
const SCAN_RECORDS: usize = 500;

/// What the journal needs to know.
#[derive(Clone)]
pub struct RedisSettings {
    /// Where the store is.
    pub address: Address,
    /// Which organisation's journal it is; part of every key. Letters, digits, `-`, `_` and `.`.
    pub organisation: String,
    /// How much of the log is kept.
    pub retention: LogRetention,
    /// How long a command may take, the wait for a connection included.
    pub timeout: Duration,
    /// After how long without entries a tail looks whether the log is still there.
    pub check_every: Duration,
    /// How often entries are dropped by age and the server is looked at.
    pub tend_every: Duration,
    /// A root certificate to trust instead of the machine's, in PEM.
    pub root_certificate: Option<Vec<u8>>,
    /// What to log in with instead of the address's password. The user is the address's, or else the object that the
    /// token names.
    pub tokens: Option<Arc<dyn TokenSource>>,
    /// How long before the end of its token a connection is replaced by one with the next token.
    pub renew_before: Duration,
}

impl RedisSettings {
    /// How long a command may take.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_millis(500);

    /// A store that was emptied is filled again soon after this. One script a second, of about 20 µs, for each instance.
    pub const CHECK_EVERY_DEFAULT: Duration = Duration::from_secs(1);

    /// Some time for a platform that fails or has no later token yet. The server closes a connection whose token ended.
    pub const RENEW_BEFORE_DEFAULT: Duration = Duration::from_mins(5);

    /// The defaults for a store and an organisation.
    pub const fn new(address: Address, organisation: String) -> Self {
        Self {
            address,
            organisation,
            retention: LogRetention::DEFAULT,
            timeout: Self::TIMEOUT_DEFAULT,
            check_every: Self::CHECK_EVERY_DEFAULT,
            tend_every: Duration::from_secs(60),
            root_certificate: None,
            tokens: None,
            renew_before: Self::RENEW_BEFORE_DEFAULT,
        }
    }
}

struct Scripts {
    commit: Script,
    follow: Script,
    expiring: Script,
    lease: Script,
    report: Script,
    tend: Script,
}

/// The text of a script, which goes no further where a newer version writes the store.
macro_rules! guarded {
    ($file:literal) => {
        concat!(include_str!("guard.lua"), include_str!($file))
    };
}

/// What the journal and its work in the background share.
struct Parts {
    link: Link,
    keys: Keys,
    scripts: Scripts,
    settings: RedisSettings,
    clock: Clock,
    /// The epoch's record as it was when everything was last loaded, by which a store that was emptied and begun anew
    /// is told from the one that was followed.
    epoch: Mutex<Option<Vec<u8>>>,
    /// As it was last tended.
    condition: Mutex<JournalCondition>,
}

/// The journal on Redis.
pub struct RedisJournal {
    parts: Arc<Parts>,
    /// Told whenever the log may have more, or may be gone.
    changed: watch::Receiver<()>,
    background: [JoinHandle<()>; 2],
}

impl Drop for RedisJournal {
    fn drop(&mut self) {
        for task in &self.background {
            task.abort();
        }
    }
}

impl RedisJournal {
    /// A journal that connects in the background: it never waits for a store that is away, its operations fail until
    /// the store is there. Needs a runtime.
    ///
    /// Errors: an address or certificate that the client does not take.
    pub fn new(settings: RedisSettings, clock: Clock) -> Result<Self, &'static str> {
        // It is already installed when the process has another client that speaks TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let link = |reply_timeout| Connector::new(&settings, &clock, reply_timeout).map(Link::keep);
        // A read that blocks holds up whatever else goes over its connection, so it has one of its own.
        let (listener, link) = (link(BLOCK + settings.timeout)?, link(settings.timeout)?);
        let parts = Arc::new(Parts {
            link,
            keys: Keys::of(&settings.organisation),
            scripts: Scripts {
                commit: Script::new(guarded!("commit.lua")),
                follow: Script::new(guarded!("follow.lua")),
                expiring: Script::new(guarded!("expiring.lua")),
                lease: Script::new(guarded!("lease.lua")),
                report: Script::new(guarded!("report.lua")),
                tend: Script::new(guarded!("tend.lua")),
            },
            settings,
            clock,
            epoch: Mutex::default(),
            condition: Mutex::new(JournalCondition { kind: "redis", ..JournalCondition::default() }),
        });
        let (told, changed) = watch::channel(());
        let background =
            [tokio::spawn(listen(listener, parts.keys.log.clone(), told)), tokio::spawn(tend(parts.clone()))];
        Ok(Self { parts, changed, background })
    }
}

/// Waits for entries on a connection of its own and tells `changed`. It hands nothing on: what it saw may already be
/// gone, so whoever follows the log reads for himself, in one step with the check that it is still the same log.
async fn listen(link: Link, log: String, changed: watch::Sender<()>) {
    let (mut end, mut reachable) = (String::from("0-0"), false);
    loop {
        match next_end(&link, &log, &end, &changed).await {
            Ok(next) => {
                // After an outage whoever waits has to look, even if the log did not grow.
                if next != end || !reachable {
                    changed.send_replace(());
                }
                (end, reachable) = (next, true);
            }
            Err(_) => {
                if reachable {
                    // Whoever waits learns of the outage by asking.
                    changed.send_replace(());
                }
                reachable = false;
                tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
            }
        }
    }
}

/// Waits for entries after `end`, for a while, and returns where the log ends then: later, or earlier if it was set
/// back, or where it was. That there are some is told before it is asked where they end.
async fn next_end(
    link: &Link,
    log: &str,
    end: &str,
    changed: &watch::Sender<()>,
) -> Result<String, JournalError> {
    let mut wait = redis::cmd("XREAD");
    // One entry is enough to know that there are some.
    wait.arg("COUNT").arg(1).arg("BLOCK").arg(BLOCK.as_millis().to_string());
    wait.arg("STREAMS").arg(log).arg(end);
    if link.query::<Value>(&wait).await? != Value::Nil {
        changed.send_replace(());
    }
    let mut last = redis::cmd("XREVRANGE");
    last.arg(log).arg("+").arg("-").arg("COUNT").arg(1);
    let last =
        codec::entries(&link.query(&last).await?).and_then(|entries| entries.first().map(|last| last.id));
    Ok(last.map_or_else(|| end.to_owned(), |id| id.to_string()))
}

/// Drops entries by age, notes how things are, and says what an operator should know of the server whenever that has
/// changed.
async fn tend(parts: Arc<Parts>) {
    loop {
        match parts.tend().await {
            Ok(()) => tokio::time::sleep(parts.settings.tend_every).await,
            Err(_) => tokio::time::sleep(parts.settings.tend_every.min(Duration::from_secs(1))).await,
        }
    }
}

fn not_understood() -> JournalError {
    JournalError::Unavailable("its answer is not one of Redis'".into())
}

fn newer(found: String) -> JournalError {
    JournalError::Newer { found, known: SCHEMA }
}

impl Parts {
    /// Runs a script over those keys, and takes its answer apart: what it is called, and the rest.
    async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        fill: impl Fn(&mut Cmd),
    ) -> Result<(String, Vec<Value>), JournalError> {
        let keys = [keys, &[&self.keys.schema]].concat();
        let answer = self.link.run(script, &keys, |command| {
            command.arg(SCHEMA);
            fill(command);
        });
        let Value::Array(mut parts) = answer.await? else { return Err(not_understood()) };
        if parts.is_empty() {
            return Err(not_understood());
        }
        let rest = parts.split_off(1);
        let name = parts.pop().and_then(|name| String::from_redis_value(name).ok());
        let name = name.ok_or_else(not_understood)?;
        if name == "newer" {
            let found = rest.first().and_then(|found| String::from_redis_value_ref(found).ok());
            return Err(newer(found.unwrap_or_default()));
        }
        Ok((name, rest))
    }

    async fn tend(&self) -> Result<(), JournalError> {
        let age_max_ms = self.settings.retention.age_max.as_millis().to_string();
        let fill = |command: &mut Cmd| {
            command.arg(&age_max_ms);
        };
        let (_, rest) = self.run(&self.scripts.tend, &[&self.keys.log], fill).await?;
        let [entries, oldest, server_epoch_s, info @ ..] = rest.as_slice() else {
            return Err(not_understood());
        };
        let server_epoch_s = i64::from_redis_value_ref(server_epoch_s).ok();
        let info: Vec<_> = info.iter().filter_map(|text| String::from_redis_value_ref(text).ok()).collect();
        let our_epoch_s = (self.clock)().epoch_ms() / 1_000;
        let found = findings::findings(&info.join("\n"), server_epoch_s, our_epoch_s);
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        for finding in found.iter().filter(|finding| !condition.findings.contains(finding)) {
            tracing::warn!("{finding}");
        }
        condition.findings = found;
        condition.oldest = codec::id(oldest);
        condition.entries = u64::from_redis_value_ref(entries).ok();
        Ok(())
    }

    fn epoch(&self) -> Vec<u8> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Where the log ends, and the epoch's record as it is written.
    async fn standing(&self) -> Result<(EntryId, Option<Vec<u8>>), JournalError> {
        let (_, rest) = self.follow("", 0, b"").await?;
        let last = rest.first().and_then(codec::id).ok_or_else(not_understood)?;
        let epoch = rest.get(1).and_then(|epoch| Option::from_redis_value_ref(epoch).ok()).flatten();
        Ok((last, epoch))
    }

    /// What follows a position that the log holds: about `limit` entries, up to the end of a commit.
    ///
    /// Errors: `Lost` when it does not hold it.
    async fn following(&self, position: EntryId, limit: usize) -> Result<Vec<Entry>, JournalError> {
        let (name, rest) = self.follow(&position.to_string(), limit, &self.epoch()).await?;
        match (name.as_str(), rest.first()) {
            ("held", Some(entries)) => codec::entries(entries).ok_or_else(not_understood),
            ("lost", _) => Err(JournalError::Lost),
            _ => Err(not_understood()),
        }
    }

    async fn follow(
        &self,
        position: &str,
        limit: usize,
        epoch: &[u8],
    ) -> Result<(String, Vec<Value>), JournalError> {
        let fill = |command: &mut Cmd| {
            command.arg(position).arg(limit).arg(epoch);
        };
        self.run(&self.scripts.follow, &[&self.keys.log, &self.keys.records], fill).await
    }

    /// Reads a whole hash, piece by piece, so that other commands run in between. What is written meanwhile may be
    /// read before or after.
    async fn scan(
        &self,
        hash: Hash,
        name: &str,
        into: &mut HashMap<RecordKey, Versioned>,
    ) -> Result<(), JournalError> {
        let mut cursor = String::from("0");
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(name).arg(&cursor).arg("COUNT").arg(SCAN_RECORDS);
            let (next, found): (String, Vec<(String, Vec<u8>)>) = self.link.query(&scan).await?;
            for (field, value) in found {
                let key = hash.record(&field);
                if let Some(record) = codec::record(&key, &Value::BulkString(value)) {
                    into.insert(key, record);
                }
            }
            cursor = next;
            if cursor == "0" {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Journal for RedisJournal {
    async fn load(&self) -> Result<LoadedRecords, JournalError> {
        let parts = &self.parts;
        // The end is noted before anything is read: whatever changes from here on is in an entry after it.
        let (position, epoch) = parts.standing().await?;
        let mut records = HashMap::new();
        parts.scan(Hash::Items, &parts.keys.items, &mut records).await?;
        parts.scan(Hash::Records, &parts.keys.records, &mut records).await?;
        let (whole_at, epoch_then) = parts.standing().await?;
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
        let parts = &self.parts;
        let mut reads = redis::pipe();
        reads.atomic().cmd("GET").arg(&parts.keys.schema);
        for key in keys {
            let (hash, field) = codec::place(key);
            let name = if hash == Hash::Items { &parts.keys.items } else { &parts.keys.records };
            reads.cmd("HGET").arg(name).arg(field);
        }
        let values: Vec<Value> = parts.link.query_all(&reads).await?;
        let (form, values) = values.split_first().ok_or_else(not_understood)?;
        let form = String::from_redis_value_ref(form).unwrap_or_default();
        if form.parse::<u64>().is_ok_and(|form| form > SCHEMA) {
            return Err(newer(form));
        }
        Ok(keys.iter().zip(values).map(|(key, value)| codec::record(key, value)).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, JournalError> {
        refuse_defects(&commit)?;
        let parts = &self.parts;
        let Keys { items, records, log, .. } = &parts.keys;
        let entries_max = parts.settings.retention.entries_max;
        let fill = |command: &mut Cmd| committing::fill(command, &commit, entries_max);
        let (name, rest) = parts.run(&parts.scripts.commit, &[items, records, log], fill).await?;
        match name.as_str() {
            "committed" => rest.iter().map(codec::id).collect::<Option<_>>().map(CommitOutcome::Committed),
            "conflict" => committing::conflicts(&commit, &rest).map(CommitOutcome::Conflict),
            _ => None,
        }
        .ok_or_else(not_understood)
    }

    async fn tail(&self, after: EntryId, limit: usize) -> Result<Vec<Entry>, JournalError> {
        let mut changed = self.changed.clone();
        loop {
            changed.mark_unchanged();
            let entries = self.parts.following(after, limit.max(1)).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            // An emptied log is silent, so silence is looked into.
            if let Ok(Err(_)) = timeout(self.parts.settings.check_every, changed.changed()).await {
                return Err(JournalError::Unavailable("it is being closed".into()));
            }
        }
    }

    async fn holds(&self, cursor: EntryId) -> Result<bool, JournalError> {
        match self.parts.following(cursor, 0).await {
            Ok(_) => Ok(true),
            Err(JournalError::Lost) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn condition(&self) -> JournalCondition {
        self.parts.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
