//! Which readers get a stream: limits for the instance, for a function key and for a filter. Readers over a limit are
//! shed.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::StreamSettings;
use crate::board::snapshot::ScopeFilter;

/// Counts the streams of this instance.
pub(super) struct Admission {
    counts: Arc<Mutex<Counts>>,
    settings: StreamSettings,
    /// Keys and filters are counted by their hash, so that no key lies in memory.
    hasher: RandomState,
}

#[derive(Default)]
struct Counts {
    open: usize,
    held: usize,
    by_hash: HashMap<u64, usize>,
}

/// What becomes of a reader.
pub(super) enum Verdict {
    /// It gets its stream, and is counted until the ticket is dropped.
    Admitted(Ticket),
    /// It is shed; with a ticket it is held open until it is to come back.
    Shed(Option<Held>),
}

/// Counts an admitted stream for as long as it lives.
pub(super) struct Ticket {
    counts: Arc<Mutex<Counts>>,
    hashes: Vec<u64>,
}

/// Counts a shed stream that is held open.
pub(super) struct Held(Arc<Mutex<Counts>>);

impl Admission {
    pub(super) fn new(settings: StreamSettings) -> Self {
        Self { counts: Arc::default(), settings, hasher: RandomState::new() }
    }

    /// Judges a reader with that function key and that filter.
    pub(super) fn judge(&self, key: Option<&str>, filter: &ScopeFilter) -> Verdict {
        let filter = (self.hash(&("filter", filter)), self.settings.per_scope_max);
        let key = key.map(|key| (self.hash(&("key", key)), self.settings.per_key_max));
        let bounds: Vec<(u64, usize)> = key.into_iter().chain([filter]).collect();
        let mut counts = lock(&self.counts);
        let full = |(hash, max): &(u64, usize)| counts.by_hash.get(hash).is_some_and(|count| count >= max);
        if counts.open >= self.settings.max || bounds.iter().any(full) {
            let held = counts.held < self.settings.shed_held_max;
            counts.held += usize::from(held);
            drop(counts);
            return Verdict::Shed(held.then(|| Held(self.counts.clone())));
        }
        counts.open += 1;
        let hashes: Vec<u64> = bounds.into_iter().map(|(hash, _)| hash).collect();
        for hash in &hashes {
            *counts.by_hash.entry(*hash).or_default() += 1;
        }
        Verdict::Admitted(Ticket { counts: self.counts.clone(), hashes })
    }

    fn hash(&self, value: &impl Hash) -> u64 {
        self.hasher.hash_one(value)
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // Counts are changed in one go, so even a panic elsewhere leaves them whole.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.open = counts.open.saturating_sub(1);
        for hash in &self.hashes {
            if let Some(count) = counts.by_hash.get_mut(hash) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    counts.by_hash.remove(hash);
                }
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = lock(&self.0);
        counts.held = counts.held.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::scope::NameOrId;

    fn admission(max: usize, per_key_max: usize, per_scope_max: usize, shed_held_max: usize) -> Admission {
        Admission::new(StreamSettings {
            heartbeat: Duration::from_secs(15),
            coalesce: Duration::ZERO,
            lifetime: None,
            max,
            per_key_max,
            per_scope_max,
            shed: Duration::from_secs(10),
            shed_held_max,
        })
    }

    fn filter(name: &str) -> ScopeFilter {
        ScopeFilter { projects: NameOrId::parse(name).into_iter().collect(), teams: Vec::new() }
    }

    fn admitted(verdict: Verdict) -> Option<Ticket> {
        match verdict {
            Verdict::Admitted(ticket) => Some(ticket),
            Verdict::Shed(_) => None,
        }
    }

    #[test]
    fn e13_each_bound_holds_and_a_stream_that_ends_makes_room() {
        for (admission, second) in [
            (admission(1, 9, 9, 9), (None, filter("b"))),
            (admission(9, 1, 9, 9), (Some("key"), filter("b"))),
            (admission(9, 9, 1, 9), (Some("other"), filter("a"))),
        ] {
            let first = admitted(admission.judge(Some("key"), &filter("a"))).unwrap();
            assert!(admitted(admission.judge(second.0, &second.1)).is_none());
            drop(first);
            assert!(admitted(admission.judge(second.0, &second.1)).is_some());
        }
    }

    #[test]
    fn e13_without_a_key_only_the_other_bounds_count() {
        let admission = admission(9, 1, 9, 9);
        let tickets: Vec<_> =
            (0..5).map(|_| admitted(admission.judge(None, &filter("a"))).unwrap()).collect();
        assert_eq!(tickets.len(), 5);
    }

    #[test]
    fn e13_only_so_many_of_the_shed_are_held() {
        let admission = admission(1, 9, 9, 2);
        let _open = admitted(admission.judge(None, &filter("a"))).unwrap();
        let shed = || match admission.judge(None, &filter("a")) {
            Verdict::Shed(held) => held,
            Verdict::Admitted(_) => panic!("admitted"),
        };
        let (one, two) = (shed(), shed());
        assert!(one.is_some() && two.is_some() && shed().is_none());
        drop(one);
        assert!(shed().is_some());
    }

    #[test]
    fn nothing_is_left_of_streams_that_ended() {
        let admission = admission(9, 9, 9, 9);
        drop(admission.judge(Some("key"), &filter("a")));
        let counts = lock(&admission.counts);
        assert_eq!((counts.open, counts.held, counts.by_hash.len()), (0, 0, 0));
    }
}
