//! The write path: an observation is merged into its item, and the item, the log and what readers are told change
//! in one step. Hooks, synchronisation and the inbox all come this way.

mod build;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use build::Base;

use crate::clock::Clock;
use crate::domain::contact::Contact;
use crate::domain::event::Source;
use crate::domain::scope::{CollectionId, Text};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{Observation, WorkItemId};
use crate::fold::Fold;
use crate::store::{Commit, Journal, JournalError, Outcome};

/// How often a commit that conflicted is tried again from the value that won.
pub const CONFLICT_RETRIES_MAX: u32 = 5;

/// How long one commit may take.
pub const COMMIT_BUDGET: Duration = Duration::from_millis(300);

/// How long a writer waits for its own fold to reach what another instance committed about a team.
const FOLD_PATIENCE: Duration = Duration::from_millis(250);

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
pub struct News {
    /// By which way.
    pub source: Source,
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
    pub async fn observe(&self, observation: &Observation, news: &News) -> Result<Ingested, IngestError> {
        self.observe_all(std::slice::from_ref(observation), news).await
    }

    /// The same for several observations of different items, in one commit: all are kept, or none.
    pub async fn observe_all(
        &self,
        observations: &[Observation],
        news: &News,
    ) -> Result<Ingested, IngestError> {
        if let Contact::Lost(_) = self.fold.contact() {
            // The boards are of another log: an item that the new one does not hold yet would look like a new one.
            let why = "its log was lost and is being put together again";
            return Err(IngestError::Journal(JournalError::Unavailable(why.into())));
        }
        let ids: Vec<WorkItemId> = observations.iter().map(|observation| observation.id).collect();
        let mut base = Base::folded(&self.fold.read(), &ids);
        for attempt in 0..=CONFLICT_RETRIES_MAX {
            if let (Some(theirs), Some(ours)) = (news.collection, base.collection)
                && theirs != ours
            {
                return Ok(Ingested::ForeignCollection);
            }
            let Some(commit) = self.commit_of(&base, observations, news) else {
                // What the fold holds the journal holds too, so nothing more is needed to keep it.
                return Ok(Ingested::Known);
            };
            let events = commit.entries.iter().filter(|entry| entry.event.is_some()).count();
            match self.within_budget(commit).await? {
                Outcome::Committed(_) => return Ok(Ingested::Committed { events }),
                Outcome::Conflict(conflicts) => {
                    if let Some(position) = base.update(conflicts) {
                        // Teams are only ever taken from the fold, which knows them all as of one position. Where it
                        // does not get there in time, the next attempt finds the same conflict.
                        let _ = tokio::time::timeout(FOLD_PATIENCE, self.fold.passed(position)).await;
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

    async fn within_budget(&self, commit: Commit) -> Result<Outcome, IngestError> {
        let outcome = tokio::time::timeout(COMMIT_BUDGET, self.journal.commit(commit)).await;
        outcome
            .unwrap_or_else(|_| Err(JournalError::Unavailable("a commit took too long".into())))
            .map_err(IngestError::Journal)
    }
}

#[cfg(test)]
mod tests;
