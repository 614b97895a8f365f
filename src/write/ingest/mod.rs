//! The write path: an observation is merged into its item, and the item, the log and what readers are told change
//! in one step. Hooks, synchronisation and the inbox all come this way.

mod build;

pub(super) use build::encode_bounded;

use std::time::Duration;

use build::Base;

use crate::domain::record::journal_status::JournalStatus;
use crate::domain::record::past::PastReading;
use crate::domain::record::source_check::FeedPosition;
use crate::domain::scope::{CollectionId, Text};
use crate::domain::sprint::work_item::{Observation, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::journal::{self, Commit, EntryId, JournalError};
use crate::ops::failpoints::{self, Failpoint};
use crate::ops::instance::Instance;
use crate::write::commit::{CommitError, Committed, Conflicts, Proposal, commit_proposal};

/// How often observations are committed anew because the log that held them was lost before they were read.
pub(super) const LOST_RETRIES_MAX: u32 = 5;

/// How long an acknowledgement waits for this instance's boards: longer than it takes to tell that the journal is away.
const FOLDED_TIMEOUT: Duration = Duration::from_millis(1_500);

/// How long a writer waits for its own fold to reach what another instance committed about a team.
const FOLD_TIMEOUT: Duration = Duration::from_millis(250);

/// The write path of items.
pub struct Ingest {
    /// This instance: its boards are what the journal most likely holds, without asking it.
    pub instance: Instance,
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

/// How far the feed of revisions was read.
#[derive(Clone, Copy, Debug)]
pub enum ReadTo<'a> {
    /// Of what happens since boards began.
    Now(&'a FeedPosition),
    /// Of what happened before.
    Past(&'a PastReading),
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
    /// It is of a project that is not served, and so is kept nowhere.
    ForeignProject,
    /// It comes from another collection than what is on the boards; numbers of work items are unique only within
    /// one, so it cannot be taken.
    ForeignCollection,
}

impl Ingest {
    /// Merges an observation into its item and commits what that changes. When this returns `Ok`, it is kept.
    pub async fn observe(
        &self,
        observation: &Observation,
        provenance: &Provenance,
    ) -> Result<Ingested, CommitError> {
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
    ) -> Result<Ingested, CommitError> {
        self.observe_read(observations, provenance, None).await
    }

    /// The same; where it was read of the feed of revisions, how far that was read, which is kept with it.
    pub async fn observe_read(
        &self,
        observations: &[Observation],
        provenance: &Provenance,
        read_to: Option<ReadTo<'_>>,
    ) -> Result<Ingested, CommitError> {
        let mut ingested = Ingested::Known;
        for _ in 0..=LOST_RETRIES_MAX {
            let loads = self.instance.fold.loads();
            let (now, position) = self.commit_all(observations, provenance, read_to).await?;
            if now != Ingested::Known {
                ingested = now;
            }
            if self.is_folded(position, loads).await? {
                return Ok(ingested);
            }
        }
        Err(CommitError::Journal(JournalError::Lost))
    }

    /// Commits what is new, and returns which position of the log holds everything.
    async fn commit_all(
        &self,
        observations: &[Observation],
        provenance: &Provenance,
        read_to: Option<ReadTo<'_>>,
    ) -> Result<(Ingested, EntryId), CommitError> {
        self.refuse_while_lost()?;
        let ids: Vec<WorkItemId> = observations.iter().map(|observation| observation.id).collect();
        let mut base = Base::folded(&self.instance.fold.read(), &ids);
        if read_to.is_some() {
            base.take_checked(&self.instance.fold.read());
        }
        let found = EntryId::ZERO;
        let mut proposal = Observed { ingest: self, observations, provenance, read_to, base, found };
        match commit_proposal(&self.instance, &mut proposal).await? {
            Some(Committed { position, events }) => {
                failpoints::reached(Failpoint::Committed);
                Ok((Ingested::Committed { events }, position))
            }
            None if proposal.is_foreign() => Ok((Ingested::ForeignCollection, proposal.found)),
            None if proposal.is_of_no_served_project() => Ok((Ingested::ForeignProject, proposal.found)),
            // It was in the fold or in what conflicted, so the journal holds it too.
            None => Ok((Ingested::Known, proposal.found)),
        }
    }

    /// Errors: the boards are of another log than there is now, and an item that this one does not hold yet would look
    /// like a new one.
    pub(super) fn refuse_while_lost(&self) -> Result<(), CommitError> {
        match self.instance.fold.journal_status() {
            JournalStatus::Lost(_) => {
                let why = "its log was lost and is being put together again";
                Err(CommitError::Journal(JournalError::Unavailable(why.into())))
            }
            _ => Ok(()),
        }
    }

    /// Whether this instance's boards hold what the log held up to that position; not where they were loaded anew
    /// meanwhile. `loads` is how often they had been loaded before.
    ///
    /// Errors: the journal is away, and nobody can tell with what it will come back. A relay that is only slow is none:
    /// what it has yet to read lies in the journal.
    pub(super) async fn is_folded(&self, position: EntryId, loads: u64) -> Result<bool, CommitError> {
        let fold = &self.instance.fold;
        let passed = fold.passed_in_the_same_load(position, loads);
        match tokio::time::timeout(FOLDED_TIMEOUT, passed).await {
            Ok(is_same) => Ok(is_same),
            Err(_) if fold.journal_status() == JournalStatus::Following => Ok(true),
            Err(_) => {
                let why = "it went away before what was committed could be read";
                Err(CommitError::Journal(JournalError::Unavailable(why.into())))
            }
        }
    }
}

/// Observations to commit, over what the journal holds as far as is known here.
struct Observed<'a> {
    ingest: &'a Ingest,
    observations: &'a [Observation],
    provenance: &'a Provenance,
    read_to: Option<ReadTo<'a>>,
    base: Base,
    /// The position at which the log holds everything that conflicted so far.
    found: EntryId,
}

impl Observed<'_> {
    /// Whether they come from another collection than what is on the boards, or from nobody knows where. What
    /// concerns projects that the organisation told us of does not.
    fn is_foreign(&self) -> bool {
        self.provenance.source == Cause::Webhook
            && self.base.collection.is_some()
            && self.provenance.collection != self.base.collection
            && !self.base.is_told_of(self.observations)
    }

    /// Whether all of them are of projects that are not served.
    fn is_of_no_served_project(&self) -> bool {
        let is_served = |observation: &Observation| self.ingest.serves(observation);
        !self.observations.is_empty() && !self.observations.iter().any(is_served)
    }
}

impl Proposal for Observed<'_> {
    fn build(&mut self) -> Option<Commit> {
        if self.is_foreign() {
            return None;
        }
        self.ingest.commit_of(&self.base, self.observations, self.provenance, self.read_to)
    }

    async fn rebase(&mut self, conflicts: &Conflicts) {
        self.found = self.found.max(journal::position_of(conflicts));
        if let Some(position) = self.base.update(conflicts) {
            // Teams, and what the organisation answered, are only ever taken from the fold, which knows them all as of one
            // position. Where it does not get there in time, the next attempt finds the same conflict.
            let fold = &self.ingest.instance.fold;
            let _ = tokio::time::timeout(FOLD_TIMEOUT, fold.passed(position)).await;
            let state = fold.read();
            self.base.take_teams(&state);
            if self.read_to.is_some() {
                self.base.take_checked(&state);
            }
        }
    }
}

#[cfg(test)]
mod tests;
