//! Until when no instance makes a call, as a part of the record of the check.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// For how long calls wait at most for what another instance was asked, in milliseconds: an answer asks for ten minutes
/// at most, and the clocks of two instances may differ by a minute. What is further off was said by a clock that was wrong.
const WAIT_MS_MAX: i64 = 11 * 60_000;

/// Until when an answer asked one instance to make no call. Azure DevOps counts what an identity uses, which is that of all
/// instances, so none of them does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallsWait(Option<Timestamp>);

impl CallsWait {
    /// Until when nobody is to make a call, while that is yet to come.
    pub fn until(self, now: Timestamp) -> Option<Timestamp> {
        self.0.filter(|until| (1..=WAIT_MS_MAX).contains(&until.ms_since(now)))
    }

    /// An answer asked at `now` for no call to be made before `until`.
    pub fn ask(&mut self, until: Timestamp, now: Timestamp) {
        self.0 = self.until(now).max(Some(until));
    }

    /// Takes over what another record knows.
    pub fn absorb(&mut self, other: Self) {
        self.0 = self.0.max(other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_epoch_ms(ms)
    }

    #[test]
    fn s10_calls_wait_for_as_long_as_anybody_was_asked_and_not_for_what_a_wrong_clock_said() {
        let mut wait = CallsWait::default();
        assert_eq!(wait.until(at(0)), None);
        wait.ask(at(30_000), at(0));
        wait.ask(at(20_000), at(5_000));
        assert_eq!(wait.until(at(29_999)), Some(at(30_000)), "no answer shortens what another asked for");
        assert_eq!(wait.until(at(30_000)), None, "it is over");
        let day = 24 * 60 * 60_000;
        wait.ask(at(day + 30_000), at(day));
        assert_eq!(wait.until(at(0)), None, "whoever said that was a day ahead");
        wait.ask(at(40_000), at(0));
        assert_eq!(wait.until(at(0)), Some(at(40_000)));
        assert_eq!(wait.until(at(40_000 - WAIT_MS_MAX)), Some(at(40_000)));
        assert_eq!(wait.until(at(39_999 - WAIT_MS_MAX)), None);
    }

    #[test]
    fn s10_of_two_records_the_longer_wait_counts() {
        for (ours, theirs) in [(None, Some(9)), (Some(9), None), (Some(9), Some(5)), (Some(5), Some(9))] {
            let [mut ours, theirs] = [ours, theirs].map(|until| CallsWait(until.map(at)));
            ours.absorb(theirs);
            assert_eq!(ours, CallsWait(Some(at(9))));
        }
    }
}
