//! Retention: items that nobody has changed within the window over which numbers look back, 90 days at least, and that no
//! sprint needs leave the journal, and with the last of them what was announced of their board, so that it does not grow for
//! ever.
//!
//! They leave by a commit, which every fold follows: no instance drops an item by its own clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::board::projection::{KnownItem, Projection};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::{Audience, Scope};
use crate::domain::sprint::catalogue::SprintState;
use crate::domain::sprint::teams::looked_back_at;
use crate::domain::sprint::work_item::WorkItemId;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause};
use crate::journal::Commit;
use crate::ops::instance::Instance;
use crate::write::commit::{self, Change, CommitBuilder, CommitError};

/// How often it is looked for such items.
const POLL_INTERVAL: Duration = Duration::from_hours(1);

/// How many items leave in one commit.
const ITEMS_MAX: usize = 100;

/// Of how many boards what was announced is forgotten in one commit.
const BOARDS_MAX: usize = 10;

/// By how many milliseconds clocks may differ while items are let go.
const CLOCK_DIFFERENCE_MS_MAX: u64 = 60_000;

/// How many of the items leave in one pass at most: a tenth.
const DUE_PART: usize = 10;

/// How many passes one after the other let none go because too many are due: a day.
const REFUSALS: u32 = 24;

/// Removes items whose time is over.
#[derive(Clone)]
pub(crate) struct Retention {
    /// This instance: one looks for all.
    pub instance: Instance,
    /// How many passes let none go because too many were due.
    refused: Arc<AtomicU32>,
}

impl Retention {
    pub(crate) fn new(instance: Instance) -> Self {
        Self { instance, refused: Arc::default() }
    }

    /// Looks every hour; never returns.
    pub(crate) async fn keep(self) {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            if self.instance.fold.journal_status() != JournalStatus::Following {
                continue;
            }
            if let Err(why) = may_judge(self.instance.journal.clock_ahead_ms()) {
                tracing::error!(why, "no item is let go");
                continue;
            }
            let is_ours = self.instance.leases.lease("horizon", &self.instance.id, POLL_INTERVAL / 2).await;
            if is_ours != Ok(true) {
                continue;
            }
            match self.pass().await {
                Ok(0) => {}
                Ok(items) => {
                    tracing::info!(
                        items,
                        "items that changed last before the window of numbers left the journal"
                    )
                }
                Err(error) => tracing::warn!(%error, "old items stay for another hour"),
            }
            if let Err(error) = self.drop_boards().await {
                tracing::warn!(%error, "what was announced of boards that are no more stays for another hour");
            }
        }
    }

    /// Lets all items leave that may; returns how many did. One that changes meanwhile stays.
    ///
    /// Errors: the journal failed. Some may have left.
    pub(crate) async fn pass(&self) -> Result<usize, CommitError> {
        let now = (self.instance.clock)();
        let due: Vec<KnownItem> = {
            let state = self.instance.fold.read();
            let from = state.teams().window_start(now);
            state.items().filter(|known| may_leave(&state, known, from, now)).cloned().collect()
        };
        let due = self.bounded(due);
        let mut left = 0;
        for items in due.chunks(ITEMS_MAX) {
            let mut removed = 0;
            // An item that changed meanwhile stays; the next look finds it as it is then.
            let build = |state: &Projection| {
                let is_as_it_was = |known: &&KnownItem| {
                    state.item(known.item.id).is_some_and(|there| there.version == known.version)
                };
                let items: Vec<&KnownItem> = items.iter().filter(is_as_it_was).collect();
                removed = items.len();
                self.removal_commit(state, &items, now)
            };
            let committed = commit::unless_contended(commit::commit(&self.instance, build).await)?;
            if let Some(committed) = committed {
                left += removed;
                self.instance.fold.passed(committed.position).await;
            }
        }
        Ok(left)
    }

    /// Forgets what was announced of boards that nobody is shown any more; returns of how many.
    ///
    /// Errors: the journal failed. Some may be forgotten.
    pub(crate) async fn drop_boards(&self) -> Result<usize, CommitError> {
        let now = (self.instance.clock)();
        let due: Vec<Scope> = {
            let state = self.instance.fold.read();
            let announced: BTreeSet<Scope> = state.all_announced().map(|(scope, ..)| scope).collect();
            announced.into_iter().filter(|scope| is_over(&state, *scope, now)).collect()
        };
        let mut dropped = 0;
        for scopes in due.chunks(BOARDS_MAX) {
            let mut left = 0;
            let build = |state: &Projection| {
                let mut commit = CommitBuilder::new();
                let scopes = scopes.iter().filter(|scope| is_over(state, **scope, now));
                left = scopes.map(|scope| commit.remove_board(state, *scope)).count();
                commit.build(Audience::Everyone)
            };
            let committed = commit::unless_contended(commit::commit(&self.instance, build).await)?;
            if let Some(committed) = committed {
                dropped += left;
                self.instance.fold.passed(committed.position).await;
            }
        }
        Ok(dropped)
    }

    /// Of what is due what may leave now. More than a tenth is a sign of a clock that is wrong, so for a day nothing
    /// leaves; if it still is so then, a tenth leaves with each pass.
    fn bounded(&self, mut due: Vec<KnownItem>) -> Vec<KnownItem> {
        let known = self.instance.fold.read().items_len();
        let most = known.div_ceil(DUE_PART);
        if due.len() <= most {
            self.refused.store(0, Ordering::Relaxed);
            return due;
        }
        self.instance.vitals.retention_refused.add(1);
        let may_leave = if self.refused.fetch_add(1, Ordering::Relaxed) < REFUSALS { 0 } else { most };
        tracing::error!(
            due = due.len(),
            known,
            may_leave,
            "far more items than ever are due to leave the journal; see to the clock of Redis, and to when this \
             deployment last heard of Azure DevOps. After a day a tenth leaves every hour"
        );
        due.sort_unstable_by_key(|known| known.item.present().claim.changed_at);
        due.truncate(may_leave);
        due
    }

    /// The commit that removes items; `None` where there are none. Readers who show them on a board that is served are
    /// told.
    fn removal_commit(&self, state: &Projection, items: &[&KnownItem], now: Timestamp) -> Option<Commit> {
        let mut commit = CommitBuilder::new();
        let mut shown = BTreeMap::<Scope, Vec<WorkItemId>>::new();
        for KnownItem { item, version } in items {
            commit.put(Change::ItemRemoved(item.id), Some(*version));
            for scope in state.teams().boards_of(item).into_iter().filter(|scope| state.is_served(*scope)) {
                shown.entry(scope).or_default().push(item.id);
            }
        }
        for (scope, mut removed) in shown {
            removed.sort_unstable();
            let (data, added, changed) = (Some(Vec::new()), Vec::new(), Vec::new());
            let body = Body::WorkitemsUpdated { data, url: None, added, removed, changed };
            let envelope = state.envelope(scope, now, Cause::System, self.instance.demo);
            commit.announce(scope, event::encode(&envelope, &body));
        }
        commit.build(Audience::Everyone)
    }
}

/// Whether ages may be judged. Errors: why not.
fn may_judge(clock_ahead_ms: Option<i64>) -> Result<(), String> {
    match clock_ahead_ms {
        None => Err("the clock of the store is not known yet".into()),
        Some(ms) if ms.unsigned_abs() > CLOCK_DIFFERENCE_MS_MAX => Err(format!(
            "the clock of the store is {} s {} this machine's; have both set by a time server",
            ms.unsigned_abs() / 1_000,
            if ms > 0 { "ahead of" } else { "behind" },
        )),
        Some(_) => Ok(()),
    }
}

/// Whether an item changed last before the window began, deleted ones too, and is in no sprint that is looked at: one of the
/// team's last, under way or to come.
fn may_leave(state: &Projection, known: &KnownItem, from: Timestamp, now: Timestamp) -> bool {
    known.item.present().claim.changed_at < from
        && !state
            .teams()
            .boards_of(&known.item)
            .into_iter()
            .any(|scope| is_needed(state, scope, now) || is_looked_back_at(state, scope, now))
}

/// Whether a board is that of a sprint that is under way or to come.
fn is_needed(state: &Projection, scope: Scope, now: Timestamp) -> bool {
    let team = state.teams().catalogue_of(scope);
    let sprint = team.and_then(|team| Some((team, team.sprint(scope.sprint?)?)));
    // A sprint without dates may be one to come.
    sprint.is_some_and(|(team, sprint)| team.sprint_state(sprint, now) != Some(SprintState::Past))
}

/// Whether a board is that of one of the team's last sprints.
fn is_looked_back_at(state: &Projection, scope: Scope, now: Timestamp) -> bool {
    let team = state.teams().catalogue_of(scope);
    let mut last = team.into_iter().flat_map(|team| looked_back_at(team, now));
    last.any(|sprint| Some(sprint.id) == scope.sprint)
}

/// Whether a team's board is one of a sprint that is over, or of a team that is no more, and nothing is on it.
fn is_over(state: &Projection, scope: Scope, now: Timestamp) -> bool {
    let is_empty = state.board(scope).is_none_or(|board| !board.is_served && board.items.is_empty());
    scope.team.is_some() && is_empty && !is_needed(state, scope, now)
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
