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
    buckets: [AtomicU64; BOUNDS_MS.len() + 1],
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
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
        self.max_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// The sum of all durations.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed))
    }

    /// For each bound in milliseconds how many durations were at most as long, and last, without a bound, how many there
    /// were. Every bucket is read once, so the numbers agree with each other while others go on recording.
    pub fn cumulative(&self) -> Vec<(Option<u64>, u64)> {
        let bounds = BOUNDS_MS.into_iter().map(Some).chain([None]);
        let counts = self.buckets.iter().scan(0, |total, bucket| {
            *total += bucket.load(Ordering::Relaxed);
            Some(*total)
        });
        bounds.zip(counts).collect()
    }

    /// Count and percentiles.
    pub fn quantiles(&self) -> Quantiles {
        let cumulative = self.cumulative();
        let max_ms = self.max_micros.load(Ordering::Relaxed) as f64 / MICROS_PER_MS as f64;
        let count = cumulative.last().map_or(0, |(_, total)| *total);
        let of = |per_cent: u64| quantile_ms(&cumulative, (count * per_cent).div_ceil(100), max_ms);
        Quantiles { count, p50: of(50), p95: of(95), p99: of(99) }
    }
}

/// The duration that `rank` of all are at most as long as, taken as evenly spread within a bucket.
fn quantile_ms(cumulative: &[(Option<u64>, u64)], rank: u64, max_ms: f64) -> Option<f64> {
    let (mut lower, mut below) = (0, 0);
    for (bound, total) in cumulative {
        if *total > below && *total >= rank {
            let Some(upper) = bound else { return Some(max_ms) };
            let share = (rank - below) as f64 / (total - below) as f64;
            let within = lower as f64 + (upper - lower) as f64 * share;
            // A microsecond is as exact as what was recorded.
            return Some((within.min(max_ms) * 1_000.0).round() / 1_000.0);
        }
        (lower, below) = (bound.unwrap_or(lower), *total);
    }
    None
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
        let cumulative = recorded([1_000, 1_001]).cumulative();
        let at_most = |ms| cumulative.iter().find(|(bound, _)| *bound == ms).unwrap().1;
        assert_eq!([Some(700), Some(1_000), Some(2_000), None].map(at_most), [0, 1, 2, 2]);
    }

    #[test]
    fn a_duration_below_a_millisecond_is_no_zero_and_a_negative_one_is() {
        let histogram = recorded([-5]);
        histogram.record(Duration::from_micros(250));
        assert_eq!((histogram.quantiles().count, histogram.sum()), (2, Duration::from_micros(250)));
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
        assert_eq!(
            (histogram.quantiles().count, histogram.sum()),
            (4_000, Duration::from_millis(4 * 499_500))
        );
    }
}
