//! Reads: how many there were, where they were served from, and the share of hits of late.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::targets::{Window, share};
use crate::domain::level::Level;
use crate::domain::target::WORK_ITEMS_FRESH_MS;
use crate::domain::time::Timestamp;

/// What the hit rate means, word for word as it is told beside it.
pub const HIT_RATE_DEFINITION: &str = "(hitsMemory + hitsRedis) / (hitsMemory + hitsRedis + stale + misses) of the \
     reads of boards in the window; a hit is a board that was compared with the organisation less than 5 minutes \
     before; undated, which are boards that hooks alone tell of, and errors are counted apart; null without a read \
     that counts";

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
    /// Not there, or without a number.
    #[serde(rename = "misses")]
    Miss,
    /// Served, and nobody can say how old it is.
    #[serde(rename = "undated")]
    Undated,
    /// Failed.
    #[serde(rename = "errors")]
    Error,
}

impl ReadOutcome {
    const ALL: [Self; 6] =
        [Self::HitMemory, Self::HitRedis, Self::Stale, Self::Miss, Self::Undated, Self::Error];

    /// How a read of a board ended at `now`, that has this level and was last compared with its source then.
    pub const fn of_board(level: Level, compared_at: Option<Timestamp>, now: Timestamp) -> Self {
        match (level, compared_at) {
            (Level::Mock | Level::None, _) => Self::Miss,
            (_, None) => Self::Undated,
            (_, Some(at)) if now.ms_since(at) < WORK_ITEMS_FRESH_MS => Self::HitMemory,
            (_, Some(_)) => Self::Stale,
        }
    }

    /// Whether it counts as a hit; `None` where it is not counted.
    const fn is_hit(self) -> Option<bool> {
        match self {
            Self::HitMemory | Self::HitRedis => Some(true),
            Self::Stale | Self::Miss => Some(false),
            Self::Undated | Self::Error => None,
        }
    }

    /// The word used in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HitMemory => "hit_memory",
            Self::HitRedis => "hit_redis",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Undated => "undated",
            Self::Error => "error",
        }
    }
}

/// Counts reads, over the life of the process and of late.
#[derive(Debug, Default)]
pub struct Reads {
    total: Mutex<BTreeMap<ReadOutcome, u64>>,
    window: Window,
}

impl Reads {
    /// A read ended at `at`.
    pub fn record(&self, at: Timestamp, outcome: ReadOutcome) {
        *self.lock().entry(outcome).or_default() += 1;
        if let Some(is_hit) = outcome.is_hit() {
            self.window.record(at, is_hit);
        }
    }

    /// All reads since the process started, by every outcome there is.
    pub fn total(&self) -> BTreeMap<ReadOutcome, u64> {
        let mut total = BTreeMap::from(ReadOutcome::ALL.map(|outcome| (outcome, 0)));
        total.extend(&*self.lock());
        total
    }

    /// The share of hits, from 0 to 1, in the window that ends at `now`; `None` without a read that counts.
    pub fn rate(&self, now: Timestamp, window: Duration) -> Option<f64> {
        share(self.window.counts(now, window))
    }

    /// The reads of late, as samples.
    pub(super) const fn window(&self) -> &Window {
        &self.window
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ReadOutcome, u64>> {
        self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::HOUR;
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
        assert_eq!(total.into_values().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        let total = reads.total();
        let json = r#"{"hitsMemory":1,"hitsRedis":2,"stale":3,"misses":4,"undated":5,"errors":6}"#;
        assert_eq!(serde_json::to_string(&total).unwrap(), json);
    }

    #[test]
    fn p3_the_rate_is_hits_of_hits_stale_ones_and_misses() {
        let reads = Reads::default();
        for outcome in ReadOutcome::ALL {
            reads.record(at(0), outcome);
        }
        assert_eq!(reads.rate(at(0), FIVE_MINUTES), Some(0.5));
    }

    #[test]
    fn p2_p3_without_a_read_that_counts_there_is_no_rate() {
        let reads = Reads::default();
        assert_eq!(reads.rate(at(0), HOUR), None);
        reads.record(at(0), ReadOutcome::Undated);
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
    fn fault_b15_a_read_is_a_hit_while_the_board_is_younger_than_its_soft_ttl() {
        let read = |level, compared: Option<i64>| ReadOutcome::of_board(level, compared.map(at), at(300_000));
        assert_eq!(read(Level::Full, Some(1)), ReadOutcome::HitMemory);
        assert_eq!(read(Level::Full, Some(0)), ReadOutcome::Stale);
        assert_eq!(read(Level::Cached, Some(1)), ReadOutcome::HitMemory);
        assert_eq!(read(Level::Full, None), ReadOutcome::Undated);
        for level in [Level::Mock, Level::None] {
            assert_eq!(read(level, Some(1)), ReadOutcome::Miss, "{level:?}");
        }
    }
}
