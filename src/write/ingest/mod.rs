//! The write path: an observation is merged into its item, and the item, the log and what readers are told change
//! in one step. Hooks, synchronisation and the inbox all come this way.

mod build;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use build::Base;

use crate::board::fold::Fold;
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::{CollectionId, Text};
use crate::domain::sprint::work_item::{Observation, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::journal::{self, Commit, CommitOutcome, EntryId, Journal, JournalError};
use crate::ops::failpoints::{self, Failpoint};
use crate::platform::clock::Clock;

/// How often a commit that conflicted is tried again from the value that won.
pub const CONFLICT_RETRIES_MAX: u32 = 5;

/// How long one commit may take.
pub const COMMIT_BUDGET: Duration = Duration::from_millis(300);

/// How long an acknowledgement waits for this instance's boards: longer than it takes to tell that the journal is away.
const FOLDED_TIMEOUT: Duration = Duration::from_millis(1_500);

/// How long a writer waits for its own fold to reach what another instance committed about a team.
const FOLD_TIMEOUT: Duration = Duration::from_millis(250);

/// The greatest pause before a commit that conflicted is tried again, in milliseconds.
const CONFLICT_PAUSE_MS_MAX: u64 = 8;

/// The write path to one journal.
pub struct Ingest {
    /// Where it goes.
    pub journal: Arc<dyn Journal>,
    /// This instance's boards: what the journal most likely holds, without asking it.
    pub fold: Arc<Fold>,
    /// Dates the events.
    pub clock: Clock,
    /// Whether the organisation is simulated.
    pub demo: bool,
}

/// Where an observation came from.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// By which way.
    pub source: Cause,
    /// When it reached us.
    pub received_at: Timestamp,
    /// The collection it comes from, if it says so.
    pub collection: Option<CollectionId>,
    /// The W3C trace id of the request that brought it.
    pub trace_id: Option<Text>,
}

/// What became of observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// Something was new: committed, and so many events were announced.
    Committed {
        /// Events appended to the log.
        events: usize,
    },
    /// All of it was known already.
    Known,
    /// It comes from another collection than what is on the boards; numbers of work items are unique only within
    /// one, so it cannot be taken.
    ForeignCollection,
}

/// Why an observation was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngestError {
    /// The journal failed.
    Journal(JournalError),
    /// Other writers of the same item came first, time after time.
    Contended,
}

impl fmt::Display for IngestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Contended => write!(f, "other writers came first {CONFLICT_RETRIES_MAX} times"),
        }
    }
}

impl std::error::Error for IngestError {}

impl Ingest {
    /// Merges an observation into its item and commits what that changes. When this returns `Ok`, it is kept.
    pub async fn observe(
        &self,
        observation: &Observation,
        provenance: &Provenance,
    ) -> Result<Ingested, IngestError> {
        self.observe_all(std::slice::from_ref(observation), provenance).await
    }

    /// The same for several observations of different items, in one commit: all are kept, or none.
    ///
    /// Kept means that the journal holds them and, unless the relay is slow, that this instance's boards do: what a
    /// journal holds that is then set back can be put back only by somebody who has read it.
    pub async fn observe_all(
        &self,
        observations: &[Observation],
        provenance: &Provenance,
    ) -> Result<Ingested, IngestError> {
        let mut ingested = Ingested::Known;
        for _ in 0..=CONFLICT_RETRIES_MAX {
            let loads = self.fold.loads();
            let (now, position) = self.commit_all(observations, provenance).await?;
            if now != Ingested::Known {
                ingested = now;
            }
            if self.is_folded(position, loads).await? {
                return Ok(ingested);
            }
        }
        Err(IngestError::Journal(JournalError::Lost))
    }

    /// Commits what is new, and returns which position of the log holds everything.
    async fn commit_all(
        &self,
        observations: &[Observation],
        provenance: &Provenance,
    ) -> Result<(Ingested, EntryId), IngestError> {
        if let JournalStatus::Lost(_) = self.fold.journal_status() {
            // The boards are of another log: an item that the new one does not hold yet would look like a new one.
            let why = "its log was lost and is being put together again";
            return Err(IngestError::Journal(JournalError::Unavailable(why.into())));
        }
        let ids: Vec<WorkItemId> = observations.iter().map(|observation| observation.id).collect();
        let mut base = Base::folded(&self.fold.read(), &ids);
        let mut found = EntryId::ZERO;
        for attempt in 0..=CONFLICT_RETRIES_MAX {
            if let (Some(theirs), Some(ours)) = (provenance.collection, base.collection)
                && theirs != ours
            {
                return Ok((Ingested::ForeignCollection, found));
            }
            let Some(commit) = self.commit_of(&base, observations, provenance) else {
                // It was in the fold or in what conflicted, so the journal holds it too.
                return Ok((Ingested::Known, found));
            };
            let events = commit.entries.iter().filter(|entry| entry.event.is_some()).count();
            match self.within_budget(commit).await? {
                CommitOutcome::Committed(ids) => {
                    failpoints::reached(Failpoint::Committed);
                    let last = ids.last().copied().unwrap_or(found);
                    return Ok((Ingested::Committed { events }, last));
                }
                CommitOutcome::Conflict(conflicts) => {
                    found = found.max(journal::position_of(&conflicts));
                    if let Some(position) = base.update(conflicts) {
                        // Teams are only ever taken from the fold, which knows them all as of one position. Where it
                        // does not get there in time, the next attempt finds the same conflict.
                        let _ = tokio::time::timeout(FOLD_TIMEOUT, self.fold.passed(position)).await;
                        base.take_teams(&self.fold.read());
                    }
                    if attempt > 0 {
                        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=CONFLICT_PAUSE_MS_MAX)))
                            .await;
                    }
                }
            }
        }
        Err(IngestError::Contended)
    }

    /// Whether this instance's boards hold what the log held up to that position; not where they were loaded anew
    /// meanwhile. `loads` is how often they had been loaded before.
    ///
    /// Errors: the journal is away, and nobody can tell with what it will come back. A relay that is only slow is none:
    /// what it has yet to read lies in the journal.
    async fn is_folded(&self, position: EntryId, loads: u64) -> Result<bool, IngestError> {
        let passed = self.fold.passed_in_the_same_load(position, loads);
        match tokio::time::timeout(FOLDED_TIMEOUT, passed).await {
            Ok(is_same) => Ok(is_same),
            Err(_) if self.fold.journal_status() == JournalStatus::Following => Ok(true),
            Err(_) => {
                let why = "it went away before what was committed could be read";
                Err(IngestError::Journal(JournalError::Unavailable(why.into())))
            }
        }
    }

    async fn within_budget(&self, commit: Commit) -> Result<CommitOutcome, IngestError> {
        let outcome = tokio::time::timeout(COMMIT_BUDGET, self.journal.commit(commit)).await;
        outcome
            .unwrap_or_else(|_| Err(JournalError::Unavailable("a commit took too long".into())))
            .map_err(IngestError::Journal)
    }
}

#[cfg(test)]
mod tests;
