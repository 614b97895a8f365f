//! The server's clock between two looks at it: it goes on by the machine's monotonic clock, so that a machine whose clock is
//! set is not believed until the next look.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::time::Timestamp;

/// By how many milliseconds the machine's two clocks may differ until one of them is taken to have been set.
const DIFFERENCE_MS_MAX: u64 = 2_000;

/// What was last seen of the server's clock.
#[derive(Default)]
pub(super) struct ServerClock {
    seen: Mutex<Option<Seen>>,
    moved: Notify,
}

struct Seen {
    ahead_ms: i64,
    machine: Timestamp,
    at: Instant,
}

impl ServerClock {
    /// It is that much ahead of the machine's clock, which says `machine` now.
    pub(super) fn see(&self, ahead_ms: i64, machine: Timestamp) {
        let seen = Seen { ahead_ms, machine, at: Instant::now() };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// By how much it is ahead of the machine's clock, which says `machine` now; `None` where it was never seen.
    pub(super) fn ahead_ms(&self, machine: Timestamp) -> Option<i64> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Seen { ahead_ms, machine: then, at } = seen.as_ref()?;
        let passed_ms = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let moved_ms = passed_ms.saturating_sub(machine.epoch_ms().saturating_sub(then.epoch_ms()));
        if moved_ms.unsigned_abs() <= DIFFERENCE_MS_MAX {
            return Some(*ahead_ms);
        }
        // The monotonic clock stands still while some machines sleep, so a look decides.
        self.moved.notify_one();
        Some(ahead_ms.saturating_add(moved_ms))
    }

    /// Waits until the machine's clock was found to have been set.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fault_c1_a_machine_whose_clock_is_set_is_not_believed() {
        let (clock, at) = (ServerClock::default(), Timestamp::from_epoch_ms);
        assert_eq!(clock.ahead_ms(at(5)), None);
        clock.see(500, at(1_000_000));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(clock.ahead_ms(at(1_030_000)), Some(500));
        // Whatever it says, with what it is behind it makes the same time.
        for machine in [0, 1_000_000, 1_100_000, 99_000_000_000] {
            assert_eq!(clock.ahead_ms(at(machine)).unwrap() + machine, 1_030_500);
        }
        clock.moved().await;
        clock.see(-7_000, at(1_100_000));
        assert_eq!(clock.ahead_ms(at(1_100_000)), Some(-7_000));
    }
}
