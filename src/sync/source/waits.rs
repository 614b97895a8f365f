//! What one instance is asked to wait for all of them wait for: Azure DevOps counts what an identity uses, and they have the
//! same. What answers ask for is told in the record of the check, at once and not when a check ends: its next call waits
//! for as long as was asked, so by then it is over.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Source;
use crate::domain::time::Timestamp;
use crate::journal::EntryId;

/// What is over sooner is not told: it would be before others heard of it.
const TOLD_FROM: Duration = Duration::from_millis(500);

impl Source {
    /// Tells other instances for how long this one is asked to make no call, and makes none while another was asked so;
    /// never returns.
    pub async fn keep_waits(self: Arc<Self>) {
        let mut moves = self.instance.fold.watch();
        self.instance.fold.passed(EntryId::ZERO).await;
        loop {
            // Before it is looked: what is told meanwhile is a move.
            moves.mark_unchanged();
            self.wait_as_told();
            tokio::select! {
                _ = moves.changed() => {}
                pause = self.azure.asked_to_wait() => self.tell_to_wait(pause).await,
            }
        }
    }

    /// Holds calls back for as long as another instance was asked to make none.
    pub(super) fn wait_as_told(&self) {
        let now = (self.instance.clock)();
        let Some(until) = self.instance.fold.read().checked().calls_wait.until(now) else { return };
        // Once for each: a clock that is set back meanwhile would else make it longer again and again.
        let held_for = self.held_for.lock().unwrap_or_else(PoisonError::into_inner).replace(until);
        if held_for != Some(until) {
            let left = u64::try_from(until.ms_since(now)).unwrap_or_default();
            self.azure.hold_calls(Duration::from_millis(left));
        }
    }

    async fn tell_to_wait(&self, pause: Duration) {
        if pause < TOLD_FROM {
            return;
        }
        let now = (self.instance.clock)();
        let ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp::from_epoch_ms(now.epoch_ms().saturating_add(ms));
        // The client holds its calls back already.
        *self.held_for.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        self.levels.found(move |check| check.calls_wait.ask(until, now));
        if let Err(error) = self.levels.record(None).await {
            tracing::warn!(%error, "that Azure DevOps asks to wait could not be told to other instances yet");
        }
    }
}
