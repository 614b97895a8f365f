//! What outlives the process: the port `Journal`, versioned records and one log, changed in one atomic step, and the
//! smaller ports of the same store: leases, values that expire, and what instances say of themselves.
//!
//! Everything that boardcast knows lies in records; everything that happened lies in the log, and the id of a log
//! entry is the id of its server-sent event. Because both change together or not at all, an instance that has
//! folded the log up to some entry knows every record as of that entry.

pub mod address;
mod key;
pub mod memory;
pub mod redis;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::key::RecordKey;
pub use crate::domain::entry_id::EntryId;
use crate::domain::scope::Audience;
use crate::domain::wire::event::EVENT_BYTES_MAX;

/// The version of a record: the id of the last entry of the commit that wrote it.
pub type Version = EntryId;

/// A record's value with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The version.
    pub version: Version,
    /// The value: JSON, opaque to the store.
    pub value: Bytes,
}

/// An entry to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Who may receive the event.
    pub audience: Audience,
    /// The event's JSON exactly as readers will receive it; `None` for a silent entry.
    pub event: Option<Bytes>,
    /// What the fold needs, in the last entry of a commit.
    pub delta: Option<Bytes>,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Whether it is the last of its commit. Entries of one commit are folded together.
    pub ends_commit: bool,
    /// Its content.
    pub content: NewEntry,
}

/// One atomic change.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Records that must have this version, or be absent. Records that were only read belong here too.
    pub checks: Vec<(RecordKey, Option<Version>)>,
    /// Records to write; `None` deletes.
    pub writes: Vec<(RecordKey, Option<Bytes>)>,
    /// Entries to append: at least one, silent if need be, because its id becomes the version of what is written.
    pub entries: Vec<NewEntry>,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Everything was written and appended; the ids of the entries, in order.
    Committed(Vec<EntryId>),
    /// Nothing was changed; what the checked records that conflicted really hold.
    Conflict(Vec<(RecordKey, Option<Versioned>)>),
}

/// The position at which a log holds everything that a commit conflicted with; `ZERO` where none of it is there.
pub fn position_of(conflicts: &[(RecordKey, Option<Versioned>)]) -> EntryId {
    let versions = conflicts.iter().filter_map(|(_, record)| record.as_ref().map(|record| record.version));
    versions.max().unwrap_or(EntryId::ZERO)
}

/// Every record, and between which two positions they were read.
#[derive(Clone, Debug)]
pub struct LoadedRecords {
    /// The records. Others may write while they are read, so of a commit some may be here and some not.
    pub records: Vec<(RecordKey, Versioned)>,
    /// An entry of the log, or its end, that they are at least as new as. Folding what follows it is safe: merging is
    /// idempotent.
    pub position: EntryId,
    /// Where the log ended when the last of them had been read. Once everything up to here is folded they are the
    /// journal's at one moment, and not before.
    pub whole_at: EntryId,
}

/// How a journal was last seen to be, for an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalCondition {
    /// What it is kept in: one word.
    pub kind: &'static str,
    /// What should be known of it, as sentences, with a remedy where there is one.
    pub findings: Vec<String>,
    /// What the server does not tell of itself, and so nobody can look at: a managed one keeps some of it back.
    pub untold: Vec<&'static str>,
    /// Which of these makes it unfit to keep what has to last.
    pub unfit: Option<String>,
    /// The oldest entry that the log holds; `None` where it holds none or was not seen yet.
    pub oldest: Option<EntryId>,
    /// How many entries it holds; `None` where it was not seen yet.
    pub entries: Option<u64>,
}

/// Why the journal could not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It cannot be reached, or did not answer in time. The operation may or may not have run; trying again is
    /// right, because a repeated commit finds its own effect.
    #[error("the journal is unavailable: {0}")]
    Unavailable(String),
    /// The log no longer holds the position that was to be followed: it was trimmed, emptied or set back; or a part of what
    /// it tells of is gone, such as all items.
    #[error("the journal's log no longer holds the position that was followed")]
    Lost,
    /// The commit is one that no correct caller makes.
    #[error("the journal refused what it was given: {0}")]
    Refused(&'static str),
    /// A newer boardcast writes the store in a form that this one does not know, so this one must not write, nor
    /// show what it reads.
    #[error("the journal is written in form {found} and only {known} is known here: update this instance")]
    Newer {
        /// The number of the form that was found.
        found: String,
        /// The number of the form that is known here.
        known: u64,
    },
    /// The store holds what this instance must neither change nor show: what that is, and what to do about it.
    #[error("the journal cannot be used: {0}")]
    Foreign(String),
}

/// Versioned records and one log.
#[async_trait]
pub trait Journal: Send + Sync {
    /// All records with their versions, and between which positions they were read.
    ///
    /// Errors: `Lost` when the log was emptied or set back meanwhile; loading again is right.
    async fn load(&self) -> Result<LoadedRecords, JournalError>;

    /// Some records, in the order asked for; `None` where there is none.
    async fn read(&self, keys: &[RecordKey]) -> Result<Vec<Option<Versioned>>, JournalError>;

    /// If every checked record still has the expected version: writes all, appends all, returns the entries' ids.
    /// Else changes nothing and returns the current values of what conflicted.
    ///
    /// Errors: `Refused` for a commit without an entry, with an event above [`EVENT_BYTES_MAX`] or with a record above
    /// [`RECORD_BYTES_MAX`]; `Lost` where a part of the records is gone; `Newer`, as for every operation; `Unavailable`, after which nobody can tell whether it ran.
    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, JournalError>;

    /// Waits until the log has entries after `after`, and returns them in order: at least one, about `limit`, and
    /// never a part of a commit only, unless `after` lies inside it.
    ///
    /// Dropping the future loses nothing: the position is the caller's. Errors: `Lost` when the log does not hold
    /// `after` (see [`holds`](Self::holds)), at once or when that comes to pass while waiting.
    async fn tail(&self, after: EntryId, limit: usize) -> Result<Vec<Entry>, JournalError>;

    /// What a reader who was away missed after `after`, in order: events without what the fold alone needs, at most
    /// `bytes_max` of them or one entry, perhaps a part of a commit. Waits for nothing: there is none where nothing follows.
    ///
    /// Errors: `Lost`, as for `tail`.
    async fn missed(&self, after: EntryId, bytes_max: usize) -> Result<Vec<Entry>, JournalError>;

    /// The entry that so many others follow; `ZERO` where the log has no more than that.
    async fn entry_before(&self, entries: usize) -> Result<EntryId, JournalError>;

    /// Whether that very entry is still in the log, or is its end.
    async fn holds(&self, cursor: EntryId) -> Result<bool, JournalError>;

    /// What it does in the background for as long as the process lives; whoever has the journal sees to it that it runs.
    /// Without it a store that has to be connected to stays away. A second run waits for the end of the first.
    async fn run(&self);

    /// Whether other instances have the same journal. To share lists through one that nobody else has would only be to
    /// have them in memory twice.
    fn is_shared(&self) -> bool;

    /// By how many milliseconds the clock that instances share by it is ahead of this machine's, as last seen; `None` while
    /// it was not seen yet.
    fn clock_ahead_ms(&self) -> Option<i64>;

    /// How it was last seen to be. Waits for nothing, so it may be a minute old.
    fn condition(&self) -> JournalCondition;
}

/// Leases: they save double work and are never needed for correctness.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes the lease `name` for a while, or renews it for the same `holder`; `false` while somebody else has it.
    async fn lease(&self, name: &str, holder: &str, duration: Duration) -> Result<bool, JournalError>;
}

/// Values that expire: what instances share of lists that can be fetched again.
#[async_trait]
pub trait ExpiringValues: Send + Sync {
    /// The value of that name; `None` where there is none. What is not in the form of this version is deleted and
    /// counts as none.
    async fn get(&self, name: &str) -> Result<Option<Versioned>, JournalError>;

    /// Puts a value under `name` until `expiry` has passed, in whole milliseconds and at least one. Its version is a
    /// position of the log that it is at least as new as. Says whether it was put: it is not where a later one is.
    ///
    /// Errors: `Refused` for a value above [`EXPIRING_BYTES_MAX`].
    async fn put(&self, name: &str, value: Versioned, expiry: Duration) -> Result<bool, JournalError>;

    /// Deletes the value of that name, if there is one.
    async fn delete(&self, name: &str) -> Result<(), JournalError>;
}

/// What each instance said of itself, with its name.
pub type Said = Vec<(String, Bytes)>;

/// What the instances that share a store say of themselves.
#[async_trait]
pub trait Reports: Send + Sync {
    /// Notes what an instance says of itself until `expiry` has passed, and returns what every instance has said, each
    /// with its name and in the order of the names, and none whose time is over.
    ///
    /// Errors: `Refused` for a report above [`REPORT_BYTES_MAX`].
    async fn report(&self, instance: &str, report: Bytes, expiry: Duration) -> Result<Said, JournalError>;
}

/// One store behind each of its ports.
#[derive(Clone)]
pub struct Store {
    /// The log and its records.
    pub journal: Arc<dyn Journal>,
    /// Leases.
    pub leases: Arc<dyn Leases>,
    /// Values that expire.
    pub values: Arc<dyn ExpiringValues>,
    /// What instances say of themselves.
    pub reports: Arc<dyn Reports>,
}

impl Store {
    /// The store that an adapter is of all ports.
    pub fn of<T: Journal + Leases + ExpiringValues + Reports + 'static>(adapter: Arc<T>) -> Self {
        Self { journal: adapter.clone(), leases: adapter.clone(), values: adapter.clone(), reports: adapter }
    }
}

/// How much of the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRetention {
    /// Entries.
    pub entries_max: usize,
    /// Their age.
    pub age_max: Duration,
}

impl LogRetention {
    /// Some 150 MB of Redis when every entry is the change of an item, and two days.
    pub const DEFAULT: Self = Self { entries_max: 50_000, age_max: Duration::from_hours(48) };
}

/// How long the store may take to answer, whatever it is asked: one bound for what is read and for what is written, so that
/// a store that is slow is slow to everybody, or away for everybody.
pub const REPLY_TIMEOUT: Duration = Duration::from_millis(500);

/// How many entries are looked through at once for a reader who was away, so that no step of a store takes long.
const MISSED_ENTRIES: usize = 512;

/// How large a record may be, in bytes. The longest life of an item that is kept is far below it.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How large a value that expires may be, in bytes: some thousands of projects or teams.
pub const EXPIRING_BYTES_MAX: usize = 1024 * 1024;

/// How large the report of an instance may be, in bytes: many times what it needs.
pub const REPORT_BYTES_MAX: usize = 16 * 1024;

/// Checks what every adapter checks before it notes a report.
fn refuse_oversized_report(report: &Bytes) -> Result<(), JournalError> {
    refuse_above(REPORT_BYTES_MAX, Some(report), "a report is above 16 kB")
}

/// A time as the stores count it: whole milliseconds, at least one.
fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Checks what every adapter checks before it keeps a value.
fn refuse_oversized(value: &Versioned) -> Result<(), JournalError> {
    refuse_above(EXPIRING_BYTES_MAX, Some(&value.value), "a value that expires is above 1 MB")
}

/// Checks what every adapter checks before it touches the store.
fn refuse_defects(commit: &Commit) -> Result<(), JournalError> {
    if commit.entries.is_empty() {
        return Err(JournalError::Refused("it has no entry, so what it writes would have no version"));
    }
    for entry in &commit.entries {
        refuse_above(
            EVENT_BYTES_MAX,
            entry.event.as_ref(),
            "an event is above what a block of 64 KiB holds",
        )?;
    }
    for (_, value) in &commit.writes {
        refuse_above(RECORD_BYTES_MAX, value.as_ref(), "a record is above 4 MB")?;
    }
    Ok(())
}

fn refuse_above(bytes_max: usize, bytes: Option<&Bytes>, why: &'static str) -> Result<(), JournalError> {
    match bytes {
        Some(bytes) if bytes.len() > bytes_max => Err(JournalError::Refused(why)),
        _ => Ok(()),
    }
}
