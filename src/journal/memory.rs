//! The journal in memory: the laptop's store, and the measure that every other adapter is held to.
//!
//! It survives nothing. After a restart `holds` says no to every old cursor, so readers get a gap and a snapshot.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::{
    Commit, CommitOutcome, Entry, EntryId, ExpiringValues, Journal, JournalCondition, JournalError, Leases,
    LoadedRecords, LogRetention, MISSED_ENTRIES, NewEntry, RecordKey, Reports, Said, Version, Versioned,
    refuse_defects, refuse_oversized, refuse_oversized_report, whole_ms,
};
use crate::platform::clock::Clock;

/// Versioned records and a log, in this process.
pub struct MemoryJournal {
    state: Mutex<State>,
    /// Told of every append and every loss, so that tails wake.
    changed: watch::Sender<()>,
    clock: Clock,
    retention: LogRetention,
    /// With which sequence number a millisecond begins. It is random, so that a cursor from before a restart, or from
    /// another process, is not taken for one of ours when clocks were set back.
    first_seq: u64,
}

#[derive(Default)]
struct State {
    records: HashMap<RecordKey, Versioned>,
    log: VecDeque<Entry>,
    /// The id of the last entry ever appended, which `holds` even when the log was trimmed to nothing.
    last: EntryId,
    leases: HashMap<String, (String, u64)>,
    /// Values that expire, and until when.
    values: HashMap<String, (Versioned, u64)>,
    /// What instances say of themselves, and until when.
    reports: BTreeMap<String, (Bytes, u64)>,
}

impl MemoryJournal {
    /// An empty journal that dates its entries by `clock`.
    pub fn new(clock: Clock, retention: LogRetention) -> Self {
        let first_seq = fastrand::u64(0..1 << 16);
        Self { state: Mutex::default(), changed: watch::Sender::new(()), clock, retention, first_seq }
    }

    /// Loses everything, as a store does that was emptied.
    pub fn lose_everything(&self) {
        *self.lock() = State::default();
        self.changed.send_replace(());
    }

    /// Forgets every entry after `id`, as a store does that was restored from an older copy. Records keep their
    /// values; their versions may then name entries that are no more.
    pub fn set_back_to(&self, id: EntryId) {
        let mut state = self.lock();
        state.log.retain(|entry| entry.id <= id);
        state.last = id;
        drop(state);
        self.changed.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made in one go, so even a panic elsewhere leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from((self.clock)().epoch_ms()).unwrap_or(0)
    }
}

impl State {
    fn next_id(&self, now_ms: u64, first_seq: u64) -> EntryId {
        // A clock that steps back must not make ids go back.
        if now_ms > self.last.ms {
            EntryId { ms: now_ms, seq: first_seq }
        } else {
            EntryId { ms: self.last.ms, seq: self.last.seq + 1 }
        }
    }

    fn holds(&self, cursor: EntryId) -> bool {
        cursor == self.last || self.log.binary_search_by_key(&cursor, |entry| entry.id).is_ok()
    }

    /// What follows `after`: about `limit` entries, up to the end of a commit.
    fn following(&self, after: EntryId, limit: usize) -> Vec<Entry> {
        let start = self.log.partition_point(|entry| entry.id <= after);
        let mut entries = Vec::new();
        for entry in self.log.range(start..) {
            entries.push(entry.clone());
            if entries.len() >= limit && entry.ends_commit {
                break;
            }
        }
        entries
    }

    fn conflicts(&self, commit: &Commit) -> Vec<(RecordKey, Option<Versioned>)> {
        let conflict = |(key, expected): &(RecordKey, Option<Version>)| {
            let current = self.records.get(key);
            let is_as_expected = current.map(|record| record.version) == *expected;
            (!is_as_expected).then(|| (key.clone(), current.cloned()))
        };
        commit.checks.iter().filter_map(conflict).collect()
    }

    fn apply(&mut self, commit: Commit, now_ms: u64, first_seq: u64) -> Vec<EntryId> {
        let last_index = commit.entries.len().saturating_sub(1);
        let mut ids = Vec::with_capacity(commit.entries.len());
        for (index, content) in commit.entries.into_iter().enumerate() {
            let id = self.next_id(now_ms, first_seq);
            self.last = id;
            self.log.push_back(Entry { id, ends_commit: index == last_index, content });
            ids.push(id);
        }
        for (key, value) in commit.writes {
            match value {
                Some(value) => drop(self.records.insert(key, Versioned { version: self.last, value })),
                None => drop(self.records.remove(&key)),
            }
        }
        ids
    }

    fn trim(&mut self, retention: LogRetention, now_ms: u64) {
        let age_max_ms = u64::try_from(retention.age_max.as_millis()).unwrap_or(u64::MAX);
        let oldest_ms = now_ms.saturating_sub(age_max_ms);
        while self.log.len() > retention.entries_max
            // The newest of those that are too old stays: a reader that has followed the log up to it goes on from there, however
            // long nothing happened.
            || self.log.get(1).is_some_and(|entry| entry.id.ms < oldest_ms)
        {
            self.log.pop_front();
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn load(&self) -> Result<LoadedRecords, JournalError> {
        let state = self.lock();
        let records = state.records.iter().map(|(key, record)| (key.clone(), record.clone())).collect();
        Ok(LoadedRecords { records, position: state.last, whole_at: state.last })
    }

    async fn run(&self) {
        std::future::pending().await
    }

    async fn read(&self, keys: &[RecordKey]) -> Result<Vec<Option<Versioned>>, JournalError> {
        let state = self.lock();
        Ok(keys.iter().map(|key| state.records.get(key).cloned()).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, JournalError> {
        refuse_defects(&commit)?;
        let now_ms = self.now_ms();
        let ids = {
            let mut state = self.lock();
            let conflicts = state.conflicts(&commit);
            if !conflicts.is_empty() {
                return Ok(CommitOutcome::Conflict(conflicts));
            }
            let ids = state.apply(commit, now_ms, self.first_seq);
            state.trim(self.retention, now_ms);
            ids
        };
        self.changed.send_replace(());
        Ok(CommitOutcome::Committed(ids))
    }

    async fn missed(&self, after: EntryId, bytes_max: usize) -> Result<Vec<Entry>, JournalError> {
        let state = self.lock();
        if !state.holds(after) {
            return Err(JournalError::Lost);
        }
        let start = state.log.partition_point(|entry| entry.id <= after);
        let (mut missed, mut size) = (Vec::new(), 0);
        for entry in state.log.range(start..).take(MISSED_ENTRIES) {
            size += entry.content.event.as_ref().map_or(0, Bytes::len);
            if size > bytes_max && !missed.is_empty() {
                break;
            }
            missed
                .push(Entry { content: NewEntry { delta: None, ..entry.content.clone() }, ..entry.clone() });
        }
        Ok(missed)
    }

    async fn entry_before(&self, entries: usize) -> Result<EntryId, JournalError> {
        let state = self.lock();
        let index = state.log.len().checked_sub(entries + 1);
        Ok(index.and_then(|index| state.log.get(index)).map_or(EntryId::ZERO, |entry| entry.id))
    }

    async fn tail(&self, after: EntryId, limit: usize) -> Result<Vec<Entry>, JournalError> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            {
                let state = self.lock();
                if !state.holds(after) {
                    return Err(JournalError::Lost);
                }
                let entries = state.following(after, limit);
                if !entries.is_empty() {
                    return Ok(entries);
                }
            }
            let closed = |_| JournalError::Unavailable("the journal was closed".into());
            changed.changed().await.map_err(closed)?;
        }
    }

    async fn holds(&self, cursor: EntryId) -> Result<bool, JournalError> {
        Ok(self.lock().holds(cursor))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn clock_ahead_ms(&self) -> Option<i64> {
        Some(0)
    }

    fn condition(&self) -> JournalCondition {
        let state = self.lock();
        JournalCondition {
            untold: Vec::new(),
            kind: "memory",
            findings: vec![
                "what is acknowledged is kept for the life of this process only; set BOARDCAST_REDIS_URL to keep it"
                    .into(),
            ],
            unfit: None,
            oldest: state.log.front().map(|entry| entry.id),
            entries: u64::try_from(state.log.len()).ok(),
        }
    }
}

#[async_trait]
impl Leases for MemoryJournal {
    async fn lease(&self, name: &str, holder: &str, duration: Duration) -> Result<bool, JournalError> {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        let held = state.leases.get(name);
        let is_taken = held.is_some_and(|(owner, until_ms)| owner != holder && *until_ms > now_ms);
        if !is_taken {
            state.leases.insert(name.into(), (holder.into(), now_ms.saturating_add(whole_ms(duration))));
        }
        Ok(!is_taken)
    }
}

#[async_trait]
impl ExpiringValues for MemoryJournal {
    async fn get(&self, name: &str) -> Result<Option<Versioned>, JournalError> {
        let now_ms = self.now_ms();
        let state = self.lock();
        let value = state.values.get(name).filter(|(_, until_ms)| *until_ms > now_ms);
        Ok(value.map(|(value, _)| value.clone()))
    }

    async fn put(&self, name: &str, value: Versioned, expiry: Duration) -> Result<bool, JournalError> {
        refuse_oversized(&value)?;
        let now_ms = self.now_ms();
        let mut state = self.lock();
        state.values.retain(|_, (_, until_ms)| *until_ms > now_ms);
        let is_later = state.values.get(name).is_some_and(|(there, _)| there.version > value.version);
        if !is_later {
            state.values.insert(name.into(), (value, now_ms.saturating_add(whole_ms(expiry))));
        }
        Ok(!is_later)
    }

    async fn delete(&self, name: &str) -> Result<(), JournalError> {
        self.lock().values.remove(name);
        Ok(())
    }
}

#[async_trait]
impl Reports for MemoryJournal {
    async fn report(&self, instance: &str, report: Bytes, expiry: Duration) -> Result<Said, JournalError> {
        refuse_oversized_report(&report)?;
        let now_ms = self.now_ms();
        let mut state = self.lock();
        state.reports.insert(instance.into(), (report, now_ms.saturating_add(whole_ms(expiry))));
        state.reports.retain(|_, (_, until_ms)| *until_ms > now_ms);
        Ok(state.reports.iter().map(|(instance, (report, _))| (instance.clone(), report.clone())).collect())
    }
}
