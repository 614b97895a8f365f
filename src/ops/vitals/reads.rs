//! Reads of boards: how many there were, where they were served from, and the share of hits of late.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::domain::time::Timestamp;

/// What the hit rate means, word for word as it is told beside it.
pub const HIT_RATE_DEFINITION: &str = "(hitsMemory + hitsRedis) / (hitsMemory + hitsRedis + misses) of the reads of \
     boards and of the directory in the window; stale and errors are counted apart; null without a hit or a miss";

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// Served from this instance's memory.
    HitMemory,
    /// Served from Redis.
    HitRedis,
    /// Served, but older than it should be.
    Stale,
    /// Not there.
    Miss,
    /// Failed.
    Error,
}

impl ReadOutcome {
    /// Every outcome there is.
    pub const ALL: [Self; 5] = [Self::HitMemory, Self::HitRedis, Self::Stale, Self::Miss, Self::Error];

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

/// How far back a rate looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last five minutes.
    FiveMinutes,
    /// The last hour.
    Hour,
}

impl Window {
    const fn slots(self) -> i64 {
        match self {
            Self::FiveMinutes => 5 * 60_000 / SLOT_MS,
            Self::Hour => 60 * 60_000 / SLOT_MS,
        }
    }
}

/// Reads are counted by slots of this many milliseconds, which is how exact the edge of a window is.
const SLOT_MS: i64 = 10_000;

/// Reads by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadCounts {
    /// Served from this instance's memory.
    pub hits_memory: u64,
    /// Served from Redis.
    pub hits_redis: u64,
    /// Served, but older than they should be.
    pub stale: u64,
    /// Not there.
    pub misses: u64,
    /// Failed.
    pub errors: u64,
}

impl ReadCounts {
    /// The number of one outcome.
    pub const fn of(&self, outcome: ReadOutcome) -> u64 {
        match outcome {
            ReadOutcome::HitMemory => self.hits_memory,
            ReadOutcome::HitRedis => self.hits_redis,
            ReadOutcome::Stale => self.stale,
            ReadOutcome::Miss => self.misses,
            ReadOutcome::Error => self.errors,
        }
    }

    fn add(&mut self, outcome: ReadOutcome) {
        let count = match outcome {
            ReadOutcome::HitMemory => &mut self.hits_memory,
            ReadOutcome::HitRedis => &mut self.hits_redis,
            ReadOutcome::Stale => &mut self.stale,
            ReadOutcome::Miss => &mut self.misses,
            ReadOutcome::Error => &mut self.errors,
        };
        *count += 1;
    }
}

/// Counts reads, over the life of the process and of late.
#[derive(Debug, Default)]
pub struct Reads(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    total: ReadCounts,
    /// The slots of the last hour in which there was a read, oldest first.
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
struct Slot {
    number: i64,
    hits: u64,
    misses: u64,
}

impl Reads {
    /// A read ended at `at`.
    pub fn record(&self, at: Timestamp, outcome: ReadOutcome) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.total.add(outcome);
        let slot = state.slot(at);
        match outcome {
            ReadOutcome::HitMemory | ReadOutcome::HitRedis => slot.hits += 1,
            ReadOutcome::Miss => slot.misses += 1,
            ReadOutcome::Stale | ReadOutcome::Error => {}
        }
    }

    /// All reads since the process started.
    pub fn total(&self) -> ReadCounts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    /// The share of hits, from 0 to 1, in the window that ends at `now`; `None` without a hit or a miss.
    pub fn rate(&self, now: Timestamp, window: Window) -> Option<f64> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = number(now) - window.slots() + 1;
        let within = state.slots.iter().filter(|slot| slot.number >= first);
        let (hits, misses) = within.fold((0, 0), |sum, slot| (sum.0 + slot.hits, sum.1 + slot.misses));
        (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64)
    }
}

impl State {
    /// The slot of `at`; the newest one when the clock was set back, so that the slots stay in order.
    fn slot(&mut self, at: Timestamp) -> &mut Slot {
        let number = number(at).max(self.slots.back().map_or(i64::MIN, |newest| newest.number));
        let newest = match self.slots.pop_back() {
            Some(newest) if newest.number == number => newest,
            older => {
                self.slots.extend(older);
                Slot { number, hits: 0, misses: 0 }
            }
        };
        let first = number - Window::Hour.slots() + 1;
        while self.slots.front().is_some_and(|slot| slot.number < first) {
            self.slots.pop_front();
        }
        self.slots.push_back_mut(newest)
    }
}

const fn number(at: Timestamp) -> i64 {
    at.epoch_ms().div_euclid(SLOT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

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
        assert_eq!(ReadOutcome::ALL.map(|outcome| total.of(outcome)), [1, 2, 3, 4, 5]);
        let json = r#"{"hitsMemory":1,"hitsRedis":2,"stale":3,"misses":4,"errors":5}"#;
        assert_eq!(serde_json::to_string(&total).unwrap(), json);
    }

    #[test]
    fn p3_the_rate_is_hits_of_hits_and_misses() {
        let reads = Reads::default();
        for outcome in ReadOutcome::ALL {
            reads.record(at(0), outcome);
        }
        assert_eq!(reads.rate(at(0), Window::FiveMinutes), Some(2.0 / 3.0));
    }

    #[test]
    fn p2_p3_without_a_hit_or_a_miss_there_is_no_rate() {
        let reads = Reads::default();
        assert_eq!(reads.rate(at(0), Window::Hour), None);
        reads.record(at(0), ReadOutcome::Stale);
        reads.record(at(0), ReadOutcome::Error);
        assert_eq!(reads.rate(at(0), Window::Hour), None);
    }

    #[test]
    fn p3_a_window_forgets() {
        let reads = Reads::default();
        let rates = |now| (reads.rate(at(now), Window::FiveMinutes), reads.rate(at(now), Window::Hour));
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
        assert_eq!(reads.total().hits_memory, 10_000);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let reads = Reads::default();
        reads.record(at(60 * MINUTE_MS), ReadOutcome::HitMemory);
        reads.record(at(0), ReadOutcome::Miss);
        assert_eq!(reads.rate(at(0), Window::FiveMinutes), Some(0.5));
        assert_eq!(reads.rate(at(60 * MINUTE_MS), Window::FiveMinutes), Some(0.5));
    }
}
