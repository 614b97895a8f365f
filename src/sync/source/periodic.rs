//! The periodic comparison with the organisation: when a check is due, and which instance makes it. The timer's checks
//! come beside it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Source;
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::wire::event::Cause;

/// How soon the organisation is asked again after a failure that is sat out, in milliseconds.
const RETRY_MS: i64 = 2_000;

/// How often it is looked whether a check is due. Clocks are set, and machines sleep.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

impl Source {
    /// Checks at once, and then whenever a check is due; never returns.
    pub async fn keep_fresh(self: Arc<Self>) {
        loop {
            // Not short-circuited: what was met has to be forgotten even when a check is due anyway.
            let missed = self.forget_what_is_outdated();
            // What a check finds could not be kept while the journal is away.
            let is_of_use = self.instance.fold.journal_status() == JournalStatus::Following;
            if (self.is_due().await || missed) && is_of_use && self.is_ours().await {
                let check = self.check(Cause::System).await;
                if let Some(error) = &check.error {
                    tracing::warn!(error, "a check of the organisation failed");
                }
            }
            self.reconcile().await;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Where an item bears the path of a sprint that nobody knows, the list of its team's sprints is no longer fresh.
    /// Says whether there was such an item.
    fn forget_what_is_outdated(&self) -> bool {
        let teams = {
            let state = self.instance.fold.read();
            self.misses.lock().unwrap_or_else(PoisonError::into_inner).look(&state)
        };
        teams.iter().for_each(|(team, changed_by)| self.lists.invalidate(*team, *changed_by));
        !teams.is_empty()
    }

    /// Whether this instance is the one to check. Any may: the lease only saves the organisation from being asked the
    /// same by every instance.
    async fn is_ours(&self) -> bool {
        let lease = self.instance.leases.lease("check", &self.instance.id, self.settings.interval).await;
        lease.unwrap_or_else(|error| {
            tracing::warn!(%error, "the journal did not grant the lease for a check of the organisation; the next look tries again");
            false
        })
    }

    /// Whether a check is due: the first one; one after the interval, while somebody watches; and after a failure, when
    /// the organisation may be asked again, whether or not anybody watches.
    async fn is_due(&self) -> bool {
        let Some(last) = *self.checking.lock().await else { return true };
        let now = (self.instance.clock)();
        let since = now.ms_since(last);
        match self.levels.next_try() {
            Some(at) => now >= at && since >= RETRY_MS,
            None => {
                let interval = i64::try_from(self.settings.interval.as_millis()).unwrap_or(i64::MAX);
                self.instance.vitals.streams.value() > 0 && since >= interval
            }
        }
    }
}
