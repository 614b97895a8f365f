//! The periodic comparison with the organisation: when a check is due, and which instance makes it. The timer's checks
//! come beside it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Check, Source};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::Scope;
use crate::domain::wire::event::Cause;
use crate::journal::EntryId;

/// How soon the organisation is asked again after a failure that is sat out, in milliseconds.
const RETRY_MS: i64 = 2_000;

/// How soon a board that waits for its first comparison is looked at, such as that of a sprint that just began.
const FIRST_MS: i64 = 2_000;

/// How soon something is looked for again that was not found, be it a team or a revision, or that a hook did not name.
const SECOND_LOOK_MS: i64 = 30_000;

/// By how much the end of a check may be ahead, in milliseconds: instances without a common clock differ a little.
const AHEAD_MS_MAX: i64 = 60_000;

/// How long others wait for an instance that died over a check.
const LEASE: Duration = Duration::from_secs(15);

/// How often it is looked whether a check is due. Clocks are set, and machines sleep.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

impl Source {
    /// Checks at once, and then whenever a check is due; never returns.
    pub async fn keep_fresh(self: Arc<Self>) {
        self.instance.fold.passed(EntryId::ZERO).await;
        // What was met before this instance began was a reason to check for those who met it.
        self.forget_what_is_outdated();
        loop {
            // Not short-circuited: what was met has to be forgotten even when a check is due anyway.
            let missed = self.forget_what_is_outdated();
            // What a check finds could not be kept while the journal is away.
            let is_of_use = self.instance.fold.journal_status() == JournalStatus::Following;
            if (self.is_due().await || missed) && is_of_use && self.is_ours().await {
                let check = tokio::select! {
                    check = self.check(Cause::System) => check,
                    never = self.stay_the_one() => never,
                };
                if let Some(error) = &check.error {
                    tracing::warn!(error, "a check of the organisation failed");
                }
            }
            self.reconcile().await;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Where an item bears a name that no list has, be it of a sprint, an area or a state, the list is no longer fresh.
    /// Says whether there was such an item.
    pub(super) fn forget_what_is_outdated(&self) -> bool {
        let outdated = {
            let state = self.instance.fold.read();
            let is_others = |project, area: &str| {
                self.instance.allowed.names_teams() && self.lists.has_area(project, area)
            };
            self.misses.lock().unwrap_or_else(PoisonError::into_inner).look(&state, is_others)
        };
        outdated.projects.iter().for_each(|(of, changed_by)| self.lists.invalidate_project(*of, *changed_by));
        outdated.teams.iter().for_each(|(team, changed_by)| self.lists.invalidate(*team, *changed_by));
        !outdated.is_empty()
    }

    /// Whether this instance is the one to check. Any may: the lease only saves the organisation from being asked the
    /// same by every instance. It is as short as others may wait for one that died; when the next check is due the record
    /// of the last one says.
    async fn is_ours(&self) -> bool {
        self.instance.leases.lease("check", &self.instance.id, LEASE).await.unwrap_or(false)
    }

    /// Renews the lease for as long as a check takes; never returns.
    async fn stay_the_one(&self) -> Check {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            self.is_ours().await;
        }
    }

    /// Whether a check is due, whoever made the last one: the first one; one after the interval, while somebody watches;
    /// soon, where a board waits for its first comparison, there is more of the past to be read or something was not found again; and after a failure, when the
    /// organisation may be asked again, whether or not anybody watches.
    async fn is_due(&self) -> bool {
        let last = *self.checking.lock().await;
        let has_doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner).are_open();
        let state = self.instance.fold.read();
        let check = state.checked();
        let Some(last) = last.max(check.ended) else { return true };
        let now = (self.instance.clock)();
        if last > now {
            // A clock that was wrong said so; to wait until it is right would be to wait for as long as it was ahead.
            return last.ms_since(now) > AHEAD_MS_MAX;
        }
        let since = now.ms_since(last);
        let next_try =
            [check.organization.next_try(now), check.parts.next_try(now)].into_iter().flatten().min();
        let interval = i64::try_from(self.settings.interval.as_millis()).unwrap_or(i64::MAX);
        let waits = |scope: Scope| state.awaits_comparison(scope) && check.gone(scope).is_none();
        let is_watched = self.instance.watched.is_any(now);
        next_try.is_some_and(|at| now >= at && since >= RETRY_MS)
            || since >= FIRST_MS && (state.boards().any(|(scope, _)| waits(scope)) || self.past.goes_on())
            || since >= SECOND_LOOK_MS && (check.has_doubts() || has_doubts || state.todo_of(None).is_some())
            || next_try.is_none() && is_watched && since >= interval
    }
}
