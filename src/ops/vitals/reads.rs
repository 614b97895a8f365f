//! Reads of boards: how many there were, where they were served from, and the share of hits of late.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::domain::time::Timestamp;

/// What the hit rate means, word for word as it is told beside it.
pub const HIT_RATE_DEFINITION: &str = "(hitsMemory + hitsRedis) / (hitsMemory + hitsRedis + misses) of the reads of \
     boards and of the directory in the window; stale and errors are counted apart; null without a hit or a miss";

/// The longest window that a rate can be asked of.
pub const HOUR: Duration = Duration::from_hours(1);

/// Reads are counted by slots of this many milliseconds, which is how exact the edge of a window is.
const SLOT_MS: i64 = 10_000;

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ReadOutcome {
    /// Served from this instance's memory.
    #[serde(rename = "hitsMemory")]
    HitMemory,
    /// Served from Redis.
    #[serde(rename = "hitsRedis")]
    HitRedis,
    /// Served, but older than it should be.
    #[serde(rename = "stale")]
    Stale,
    /// Not there.
    #[serde(rename = "misses")]
    Miss,
    /// Failed.
    #[serde(rename = "errors")]
    Error,
}

impl ReadOutcome {
    const ALL: [Self; 5] = [Self::HitMemory, Self::HitRedis, Self::Stale, Self::Miss, Self::Error];

    /// The word used in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HitMemory => "hit_memory",
            Self::HitRedis => "hit_redis",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Error => "error",
        }
    }
}

/// Counts reads, over the life of the process and of late.
#[derive(Debug, Default)]
pub struct Reads(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    total: BTreeMap<ReadOutcome, u64>,
    /// Hits and misses in the slots of the last hour, by the number of the slot.
    slots: BTreeMap<i64, (u64, u64)>,
}

impl Reads {
    /// A read ended at `at`.
    pub fn record(&self, at: Timestamp, outcome: ReadOutcome) {
        let mut state = self.lock();
        *state.total.entry(outcome).or_default() += 1;
        // The newest slot is counted on when the clock was set back, so that nothing is forgotten early.
        let newest = state.slots.last_key_value().map_or(i64::MIN, |(number, _)| *number);
        let number = newest.max(slot(at));
        let (hits, misses) = state.slots.entry(number).or_default();
        match outcome {
            ReadOutcome::HitMemory | ReadOutcome::HitRedis => *hits += 1,
            ReadOutcome::Miss => *misses += 1,
            ReadOutcome::Stale | ReadOutcome::Error => {}
        }
        if number > newest {
            state.slots = state.slots.split_off(&(number - slots(HOUR) + 1));
        }
    }

    /// All reads since the process started, by every outcome there is.
    pub fn total(&self) -> BTreeMap<ReadOutcome, u64> {
        let mut total = BTreeMap::from(ReadOutcome::ALL.map(|outcome| (outcome, 0)));
        total.extend(&self.lock().total);
        total
    }

    /// The share of hits, from 0 to 1, in the window that ends at `now`; `None` without a hit or a miss.
    pub fn rate(&self, now: Timestamp, window: Duration) -> Option<f64> {
        let state = self.lock();
        let within = state.slots.range(slot(now) - slots(window) + 1..);
        let (hits, misses) = within.fold((0, 0), |sum, (_, slot)| (sum.0 + slot.0, sum.1 + slot.1));
        (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of the slot of a moment.
const fn slot(at: Timestamp) -> i64 {
    at.epoch_ms().div_euclid(SLOT_MS)
}

/// How many slots a window has.
const fn slots(window: Duration) -> i64 {
    window.as_millis() as i64 / SLOT_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;
    const FIVE_MINUTES: Duration = Duration::from_mins(5);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_epoch_ms(ms)
    }

    #[test]
    fn p3_every_outcome_is_counted_apart() {
        let reads = Reads::default();
        for (times, outcome) in (1..).zip(ReadOutcome::ALL) {
            (0..times).for_each(|_| reads.record(at(0), outcome));
        }
        let total = reads.total();
        assert_eq!(total.into_values().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let total = reads.total();
        let json = r#"{"hitsMemory":1,"hitsRedis":2,"stale":3,"misses":4,"errors":5}"#;
        assert_eq!(serde_json::to_string(&total).unwrap(), json);
    }

    #[test]
    fn p3_the_rate_is_hits_of_hits_and_misses() {
        let reads = Reads::default();
        for outcome in ReadOutcome::ALL {
            reads.record(at(0), outcome);
        }
        assert_eq!(reads.rate(at(0), FIVE_MINUTES), Some(2.0 / 3.0));
    }

    #[test]
    fn p2_p3_without_a_hit_or_a_miss_there_is_no_rate() {
        let reads = Reads::default();
        assert_eq!(reads.rate(at(0), HOUR), None);
        reads.record(at(0), ReadOutcome::Stale);
        reads.record(at(0), ReadOutcome::Error);
        assert_eq!(reads.rate(at(0), HOUR), None);
    }

    #[test]
    fn p3_a_window_forgets() {
        let reads = Reads::default();
        let rates = |now| (reads.rate(at(now), FIVE_MINUTES), reads.rate(at(now), HOUR));
        reads.record(at(0), ReadOutcome::Miss);
        assert_eq!(rates(5 * MINUTE_MS - 1), (Some(0.0), Some(0.0)));
        assert_eq!(rates(5 * MINUTE_MS), (None, Some(0.0)));
        reads.record(at(30 * MINUTE_MS), ReadOutcome::HitMemory);
        assert_eq!(rates(30 * MINUTE_MS), (Some(1.0), Some(0.5)));
        assert_eq!(rates(60 * MINUTE_MS), (None, Some(1.0)));
        assert_eq!(rates(90 * MINUTE_MS), (None, None));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let reads = Reads::default();
        for slot in 0..10_000 {
            reads.record(at(slot * SLOT_MS), ReadOutcome::HitMemory);
        }
        assert_eq!(reads.0.lock().unwrap().slots.len(), 360);
        assert_eq!(reads.total()[&ReadOutcome::HitMemory], 10_000);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let reads = Reads::default();
        reads.record(at(60 * MINUTE_MS), ReadOutcome::HitMemory);
        reads.record(at(0), ReadOutcome::Miss);
        assert_eq!(reads.rate(at(0), FIVE_MINUTES), Some(0.5));
        assert_eq!(reads.rate(at(60 * MINUTE_MS), FIVE_MINUTES), Some(0.5));
    }
}
