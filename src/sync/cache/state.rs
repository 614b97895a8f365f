//! What is kept in memory, and which loads are under way.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use super::{ENTRY_BYTES, Kind, Limits, Loaded, RETRY_MS, Served, Waiting};
use crate::domain::{EntryId, Timestamp};
use crate::ops::vitals::ReadOutcome;

/// How long what is kept in memory is served before it is looked whether another instance has something newer.
const LOOK_MS: i64 = 30_000;

/// The lists of a cache.
pub(super) struct State<K, V, E> {
    pub(super) entries: HashMap<(Kind, K), Entry<V>>,
    /// The entries by when they were last used, the least recent first.
    pub(super) by_use: BTreeMap<u64, (Kind, K)>,
    pub(super) bytes: usize,
    /// The load under way for each list, if it may still store what it brings.
    pub(super) loads: HashMap<(Kind, K), Waited<V, E>>,
    /// Lists that were invalidated: as of which position of the log a load must have begun to be of use, and when that
    /// came up.
    pub(super) marks: HashMap<(Kind, K), (EntryId, Timestamp)>,
    /// Counts uses and loads.
    pub(super) counter: u64,
}

/// A list in memory.
pub(super) struct Entry<V> {
    pub(super) value: Arc<V>,
    pub(super) bytes: usize,
    pub(super) as_of: Timestamp,
    pub(super) soft_ms: i64,
    pub(super) hard_ms: i64,
    /// It was invalidated: what it says may no longer be so.
    pub(super) outdated: bool,
    /// Not to be renewed before, because that failed just now.
    pub(super) retry_at: Option<Timestamp>,
    /// When it was last known that no other instance has something newer.
    pub(super) looked_at: Timestamp,
    pub(super) used: u64,
}

/// A load under way, for those who wait for it.
pub(super) struct Waited<V, E> {
    pub(super) generation: u64,
    pub(super) waiting: Waiting<V, E>,
}

impl<V> Entry<V> {
    /// A list that was asked for at `as_of`. `jitter` is how it expires apart from others, `used` its last use.
    pub(super) fn new(kind: Kind, loaded: Loaded<V>, as_of: Timestamp, jitter: f64, used: u64) -> Self {
        let (soft, hard) = (kind.soft_ttl_ms(), kind.hard_ttl_ms());
        Self {
            value: loaded.value,
            bytes: loaded.bytes.saturating_add(ENTRY_BYTES),
            as_of,
            soft_ms: spread_out(soft, jitter),
            hard_ms: spread_out(hard, jitter).max(hard),
            outdated: false,
            retry_at: None,
            looked_at: as_of,
            used,
        }
    }

    pub(super) fn age_ms(&self, now: Timestamp) -> i64 {
        now.ms_since(self.as_of)
    }

    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        !self.outdated && self.age_ms(now) < self.soft_ms
    }

    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        self.age_ms(now) < self.hard_ms
    }

    pub(super) fn may_be_renewed(&self, now: Timestamp) -> bool {
        // A clock that was set back must not put it off for long.
        self.retry_at.is_none_or(|at| now >= at || at.ms_since(now) > RETRY_MS)
    }

    /// Whether it is to be looked whether another instance has something newer. The caller that is told so looks, and nobody
    /// else does meanwhile.
    pub(super) fn look_is_due(&mut self, now: Timestamp) -> bool {
        let is_due = now.ms_since(self.looked_at) >= LOOK_MS;
        if is_due {
            self.looked_at = now;
        }
        is_due
    }
}

impl<K: Clone + Eq + Hash, V, E> State<K, V, E> {
    pub(super) fn new() -> Self {
        Self {
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            bytes: 0,
            loads: HashMap::new(),
            marks: HashMap::new(),
            counter: 0,
        }
    }

    /// As of which position of the log a load of the list must have begun to be of use.
    pub(super) fn mark(&self, key: &(Kind, K)) -> EntryId {
        self.marks.get(key).map_or(EntryId::ZERO, |(mark, _)| *mark)
    }

    /// The list was changed by the entry `changed_by`: what there is of it is outdated.
    pub(super) fn invalidate(&mut self, key: &(Kind, K), changed_by: EntryId, now: Timestamp) {
        let mark = self.mark(key).max(changed_by);
        self.marks.insert(key.clone(), (mark, now));
        self.loads.remove(key);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.outdated = true;
            entry.retry_at = None;
        }
    }

    pub(super) const fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// What is kept of a list, unless it is too old to be shown.
    pub(super) fn serve(&mut self, key: &(Kind, K), now: Timestamp) -> Option<Served<V>> {
        let used = self.count();
        let entry = self.entries.get_mut(key).filter(|entry| entry.is_usable(now))?;
        self.by_use.remove(&entry.used);
        entry.used = used;
        self.by_use.insert(used, key.clone());
        let outcome = if entry.is_fresh(now) { ReadOutcome::HitMemory } else { ReadOutcome::Stale };
        Some(Served { value: entry.value.clone(), as_of: entry.as_of, age_ms: entry.age_ms(now), outcome })
    }

    pub(super) fn insert(&mut self, key: (Kind, K), entry: Entry<V>, limits: Limits, now: Timestamp) {
        self.remove(&key);
        if entry.bytes > limits.bytes || limits.entries == 0 {
            // It would push out everything else, and then itself.
            return;
        }
        self.bytes += entry.bytes;
        self.by_use.insert(entry.used, key.clone());
        self.entries.insert(key, entry);
        if self.is_over(limits) {
            self.sweep(now);
        }
        while self.is_over(limits) {
            let Some((_, least_recent)) = self.by_use.pop_first() else { return };
            self.remove(&least_recent);
        }
    }

    fn is_over(&self, limits: Limits) -> bool {
        self.entries.len() > limits.entries || self.bytes > limits.bytes
    }

    fn remove(&mut self, key: &(Kind, K)) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        let expired = self.entries.iter().filter(|(_, entry)| !entry.is_usable(now));
        for key in expired.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.remove(&key);
        }
        // No list from before it lasts longer anywhere.
        self.marks.retain(|(kind, _), (_, at)| now.ms_since(*at) < 2 * kind.hard_ttl_ms());
    }
}

/// At which age a list that somebody watches is due to be renewed, where it is fresh for `soft_ms`.
pub(super) const fn due_after_ms(soft_ms: i64) -> i64 {
    soft_ms / 5 * 4
}

/// `ms`, or up to a tenth less or more.
fn spread_out(ms: i64, jitter: f64) -> i64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "it is at most a few days, and what is no number becomes 0"
    )]
    let more = (ms as f64 * 0.2 * jitter.clamp(0.0, 1.0)) as i64;
    ms - ms / 10 + more
}
