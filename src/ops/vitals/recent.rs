//! The mean of the last few durations.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many durations are remembered.
const REMEMBERED: usize = 100;

/// The last 100 durations.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<Duration>>);

impl Recent {
    /// Remembers a duration and forgets the oldest one.
    pub(super) fn record(&self, duration: Duration) {
        let mut durations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if durations.len() == REMEMBERED {
            durations.pop_front();
        }
        durations.push_back(duration);
    }

    /// The mean in milliseconds; `None` while there is nothing to take it of.
    pub(super) fn mean_ms(&self) -> Option<f64> {
        let durations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = u32::try_from(durations.len()).ok().filter(|count| *count > 0)?;
        let sum: Duration = durations.iter().sum();
        Some((sum / count).as_secs_f64() * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p2_the_mean_of_nothing_is_none() {
        assert_eq!(Recent::default().mean_ms(), None);
    }

    #[test]
    fn p4_the_mean_is_that_of_the_last_hundred() {
        let recent = Recent::default();
        recent.record(Duration::from_secs(3_600));
        for ms in 1..=99 {
            recent.record(Duration::from_millis(ms));
        }
        assert_eq!(recent.mean_ms(), Some((3_600_000.0 + 4_950.0) / 100.0));
        recent.record(Duration::from_millis(100));
        assert_eq!(recent.mean_ms(), Some(50.5));
    }
}
