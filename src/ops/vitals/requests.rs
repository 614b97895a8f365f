//! How long requests took.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::histogram::Histogram;

/// Of how many requests the mean is taken.
const REMEMBERED: usize = 100;

/// How long requests took, by a word for what they asked for. A stream is none of them: it has a lifetime, not a
/// duration.
#[derive(Debug, Default)]
pub struct Requests(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    histograms: BTreeMap<&'static str, Arc<Histogram>>,
    /// The last that somebody waited for, newest first.
    recent: VecDeque<Duration>,
}

impl Requests {
    /// A request for `endpoint` was answered after `duration`; `is_waited_for` says whether somebody waited for it.
    pub fn record(&self, endpoint: &'static str, duration: Duration, is_waited_for: bool) {
        self.of(endpoint).record(duration);
        if is_waited_for {
            let recent = &mut self.lock().recent;
            recent.push_front(duration);
            recent.truncate(REMEMBERED);
        }
    }

    /// How long requests for an endpoint took.
    pub fn of(&self, endpoint: &'static str) -> Arc<Histogram> {
        self.lock().histograms.entry(endpoint).or_default().clone()
    }

    /// The mean duration of the last 100 requests that somebody waited for, in milliseconds; `None` without one.
    pub fn recent_mean_ms(&self) -> Option<f64> {
        let recent = &self.lock().recent;
        let sum: Duration = recent.iter().sum();
        Some(sum.checked_div(recent.len() as u32)?.as_secs_f64() * 1_000.0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_nobody_waited_for_is_not_in_the_mean() {
        let requests = Requests::default();
        requests.record("timer", Duration::from_secs(200), false);
        assert_eq!(requests.recent_mean_ms(), None);
        requests.record("health", Duration::from_millis(4), true);
        assert_eq!(requests.recent_mean_ms(), Some(4.0));
        assert_eq!(
            ["webhook", "health", "timer"].map(|endpoint| requests.of(endpoint).quantiles().count),
            [0, 1, 1]
        );
    }

    #[test]
    fn p2_the_mean_of_nothing_is_none() {
        assert_eq!(Requests::default().recent_mean_ms(), None);
    }

    #[test]
    fn p4_the_mean_is_that_of_the_last_hundred() {
        let requests = Requests::default();
        requests.record("health", Duration::from_secs(3_600), true);
        for ms in 1..=99 {
            requests.record("health", Duration::from_millis(ms), true);
        }
        assert_eq!(requests.recent_mean_ms(), Some((3_600_000.0 + 4_950.0) / 100.0));
        requests.record("health", Duration::from_millis(100), true);
        assert_eq!(requests.recent_mean_ms(), Some(50.5));
    }
}
