//! Durations, counted by their size without a lock: recording one is three additions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// The upper bounds of the buckets in milliseconds, inclusive; a last bucket takes what is longer. 1,000 is one of
/// them because it is the target of the delivery.
const BOUNDS_MS: [u64; 20] =
    [1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 200, 300, 500, 700, 1_000, 2_000, 5_000, 20_000, 60_000];

const MICROS_PER_MS: u64 = 1_000;

/// Durations by size, over the life of the process.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_MS.len()],
    above: AtomicU64,
    sum_micros: AtomicU64,
    max_micros: AtomicU64,
}

/// What a histogram says, in milliseconds; `None` where nothing was recorded, which is `null` and never a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// How many durations were recorded.
    pub count: u64,
    /// Half of them were at most this long.
    pub p50: Option<f64>,
    /// 95 of 100 were at most this long.
    pub p95: Option<f64>,
    /// 99 of 100 were at most this long.
    pub p99: Option<f64>,
}

/// The counts of one moment, each with the upper bound of its bucket; `None` is the last bucket's.
struct Counts(Vec<(Option<u64>, u64)>);

impl Histogram {
    /// Counts a duration in milliseconds. A negative one counts as 0: its two ends may be told by the clocks of two
    /// machines.
    pub fn record_ms(&self, ms: i64) {
        self.record(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    }

    /// Counts a duration.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let index = BOUNDS_MS.partition_point(|bound| bound * MICROS_PER_MS < micros);
        self.buckets.get(index).unwrap_or(&self.above).fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
        self.max_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.counts().total()
    }

    /// The sum of all durations.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed))
    }

    /// Count and percentiles.
    pub fn quantiles(&self) -> Quantiles {
        let counts = self.counts();
        let max_micros = self.max_micros.load(Ordering::Relaxed);
        let of = |per_cent| counts.quantile_ms(per_cent, max_micros);
        Quantiles { count: counts.total(), p50: of(50), p95: of(95), p99: of(99) }
    }

    /// For each bound in milliseconds how many durations were at most as long, and in the end how many there were.
    pub fn cumulative(&self) -> (Vec<(u64, u64)>, u64) {
        let mut total = 0;
        let mut cumulative = Vec::with_capacity(BOUNDS_MS.len());
        for (bound, count) in self.counts().0 {
            total += count;
            cumulative.extend(bound.map(|bound| (bound, total)));
        }
        (cumulative, total)
    }

    /// Every bucket, read once: what is made of it agrees with itself while others go on recording.
    fn counts(&self) -> Counts {
        let load = |bucket: &AtomicU64| bucket.load(Ordering::Relaxed);
        let bounded = BOUNDS_MS.iter().zip(&self.buckets).map(|(bound, bucket)| (Some(*bound), load(bucket)));
        Counts(bounded.chain([(None, load(&self.above))]).collect())
    }
}

impl Counts {
    fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The duration that `per_cent` of all are at most as long as, taken as evenly spread within a bucket.
    fn quantile_ms(&self, per_cent: u64, max_micros: u64) -> Option<f64> {
        let max_ms = max_micros as f64 / MICROS_PER_MS as f64;
        let rank = (self.total() * per_cent).div_ceil(100);
        let (mut below, mut lower) = (0, 0);
        for (bound, count) in &self.0 {
            if *count > 0 && below + count >= rank {
                let Some(upper) = bound else { return Some(max_ms) };
                let share = (rank - below) as f64 / *count as f64;
                let within = lower as f64 + (upper - lower) as f64 * share;
                // A microsecond is as exact as what was recorded.
                return Some((within.min(max_ms) * 1_000.0).round() / 1_000.0);
            }
            below += count;
            lower = bound.unwrap_or(lower);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(ms: impl IntoIterator<Item = i64>) -> Histogram {
        let histogram = Histogram::default();
        ms.into_iter().for_each(|ms| histogram.record_ms(ms));
        histogram
    }

    #[test]
    fn p1_p2_an_empty_histogram_has_no_percentiles() {
        let json = serde_json::to_string(&Histogram::default().quantiles()).unwrap();
        assert_eq!(json, r#"{"count":0,"p50":null,"p95":null,"p99":null}"#);
        assert_eq!(Histogram::default().sum(), Duration::ZERO);
    }

    #[test]
    fn p4_percentiles_are_those_of_what_was_recorded() {
        let quantiles = recorded(1..=100).quantiles();
        assert_eq!(quantiles, Quantiles { count: 100, p50: Some(50.0), p95: Some(95.0), p99: Some(99.0) });
    }

    #[test]
    fn p4_percentiles_are_never_above_the_longest_duration() {
        for ms in [0, 1, 2, 4, 999, 1_000, 1_001, 300_000] {
            let value = Some(ms as f64);
            let expected = Quantiles { count: 1, p50: value, p95: value, p99: value };
            assert_eq!(recorded([ms]).quantiles(), expected, "{ms}");
        }
        let quantiles = recorded([1, 1, 1, 1, 1, 1, 1, 1, 1, 90_000]).quantiles();
        assert_eq!((quantiles.p95, quantiles.p50 <= Some(1.0)), (Some(90_000.0), true));
    }

    #[test]
    fn p4_the_target_of_the_delivery_is_a_bound() {
        let (cumulative, total) = recorded([1_000, 1_001]).cumulative();
        let at_most = |ms| cumulative.iter().find(|(bound, _)| *bound == ms).unwrap().1;
        assert_eq!((at_most(700), at_most(1_000), at_most(2_000), total), (0, 1, 2, 2));
    }

    #[test]
    fn a_duration_below_a_millisecond_is_no_zero_and_a_negative_one_is() {
        let histogram = recorded([-5]);
        histogram.record(Duration::from_micros(250));
        assert_eq!((histogram.count(), histogram.sum()), (2, Duration::from_micros(250)));
        assert_eq!(histogram.quantiles().p99, Some(0.25));
    }

    #[test]
    fn threads_that_record_at_once_lose_nothing() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|ms| histogram.record_ms(ms)));
            }
        });
        assert_eq!((histogram.count(), histogram.sum()), (4_000, Duration::from_millis(4 * 499_500)));
    }
}
