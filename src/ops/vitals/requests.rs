//! How long requests took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::histogram::Histogram;
use super::recent::Recent;

/// How long requests took, by a word for what they asked for. A stream is none of them: it has a lifetime, not a
/// duration.
#[derive(Debug, Default)]
pub struct Requests {
    histograms: Mutex<BTreeMap<&'static str, Arc<Histogram>>>,
    recent: Recent,
}

impl Requests {
    /// A request for `endpoint` was answered after `duration`; `is_waited_for` says whether somebody waited for it.
    pub fn record(&self, endpoint: &'static str, duration: Duration, is_waited_for: bool) {
        self.of(endpoint).record(duration);
        if is_waited_for {
            self.recent.record(duration);
        }
    }

    /// How long requests for an endpoint took.
    pub fn of(&self, endpoint: &'static str) -> Arc<Histogram> {
        let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        histograms.entry(endpoint).or_default().clone()
    }

    /// The mean duration of the last 100 requests that somebody waited for, in milliseconds.
    pub fn recent_mean_ms(&self) -> Option<f64> {
        self.recent.mean_ms()
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
        assert_eq!(["webhook", "health", "timer"].map(|endpoint| requests.of(endpoint).count()), [0, 1, 1]);
    }
}
