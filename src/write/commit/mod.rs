//! The one way to commit: what changes is named once, and the record, its expected version and what the log tells the
//! folds all follow from it. So nothing can be written that a fold does not hear of.
//!
//! Commits are optimistic. One that conflicts with another writer's is built anew from what won, a few times; that it is
//! then given up is contention, not an outage of the journal.

mod change;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

pub use self::change::Change;
use crate::board::projection::Projection;
use crate::domain::record::delta::Delta;
use crate::domain::scope::{Audience, ProjectId, Scope, TeamKey};
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::teams::CurrentSprint;
use crate::domain::stored::Stored;
use crate::journal::{
    Commit, CommitOutcome, EntryId, Journal, JournalError, NewEntry, REPLY_TIMEOUT, RecordKey, Version,
    Versioned,
};
use crate::ops::instance::Instance;
use crate::ops::writes::COMMIT;

/// How often a commit is built before contention is reported.
const ATTEMPTS_MAX: u32 = 6;

/// The greatest pause before a commit that conflicted more than once is built anew, in milliseconds.
const CONFLICT_PAUSE_MS_MAX: u64 = 8;

/// How long a writer waits until its own boards hold what it committed.
const FOLD_TIMEOUT: Duration = Duration::from_secs(1);

/// The value of a record of which only that it is there, or its version, means something.
const MARK: &[u8] = b"1";

/// A commit while it is built.
#[derive(Default)]
pub struct CommitBuilder {
    commit: Commit,
    delta: Delta,
    /// The guards of the projects whose teams change, with their versions: written once each, when all changes are in.
    guards: BTreeMap<ProjectId, Option<Version>>,
}

impl CommitBuilder {
    /// A commit that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes a record if it still has the version `expected`; `None` where there must be none.
    pub fn put(&mut self, change: Change, expected: Option<Version>) {
        let key = change.key();
        let value = change.into_value(&mut self.delta);
        self.write(key, expected, value);
    }

    /// Changes what is known of a team, if that is still what `known` holds, and the guard of its project.
    pub fn put_team(&mut self, known: &Projection, catalogue: Catalogue) {
        let team = catalogue.key();
        let value = Some(catalogue.encode().into());
        self.delta.catalogues.push(catalogue);
        self.write_known(known, RecordKey::team(team), value);
        self.guard(known, team.project);
    }

    /// Removes a team and its current sprint, if they are still what `known` holds, and changes the guard of its
    /// project.
    pub fn remove_team(&mut self, known: &Projection, team: TeamKey) {
        self.delta.forgotten.push(team);
        self.write_known(known, RecordKey::team(team), None);
        self.write_known(known, RecordKey::current_sprint(team), None);
        self.guard(known, team.project);
    }

    /// Changes the sprint that a team is in, if that is still what `known` holds.
    pub fn put_current_sprint(&mut self, known: &Projection, current: CurrentSprint) {
        let change = Change::CurrentSprint(current);
        let expected = known.version(&change.key());
        self.put(change, expected);
    }

    /// Removes what was announced of a board, if that is still what `known` holds, and the board where nothing is on it.
    pub fn remove_board(&mut self, known: &Projection, scope: Scope) {
        self.delta.left.push(scope);
        for (name, last) in known.announced_of(scope) {
            self.write(RecordKey::announced(scope, name), Some(last.version), None);
        }
    }

    /// Makes the commit depend on a record that it does not change.
    pub fn check(&mut self, key: RecordKey, expected: Option<Version>) {
        self.commit.checks.push((key, expected));
    }

    /// Announces an event to the readers of a board.
    pub fn announce(&mut self, scope: Scope, event: Bytes) {
        self.announce_to(Audience::Scope(scope), event);
    }

    /// Announces an event to an audience.
    pub fn announce_to(&mut self, audience: Audience, event: Bytes) {
        self.commit.entries.push(NewEntry { audience, event: Some(event), delta: None });
    }

    /// How many records change so far, guards not counted.
    pub const fn records(&self) -> usize {
        self.commit.writes.len()
    }

    /// How large their values are so far, in bytes.
    pub fn bytes(&self) -> usize {
        self.commit.writes.iter().flat_map(|(_, value)| value).map(Bytes::len).sum()
    }

    /// The commit; `None` where nothing changes. Where nothing is announced its one entry is silent, for `audience`.
    pub fn build(mut self, audience: Audience) -> Option<Commit> {
        if self.commit.writes.is_empty() {
            return None;
        }
        for (project, expected) in std::mem::take(&mut self.guards) {
            self.write(RecordKey::teams_of_project(project), expected, Some(Bytes::from_static(MARK)));
        }
        let delta = Some(self.delta.encode().into());
        match self.commit.entries.last_mut() {
            Some(last) => last.delta = delta,
            None => self.commit.entries.push(NewEntry { audience, event: None, delta }),
        }
        Some(self.commit)
    }

    fn guard(&mut self, known: &Projection, project: ProjectId) {
        self.guards.insert(project, known.version(&RecordKey::teams_of_project(project)));
    }

    fn write_known(&mut self, known: &Projection, key: RecordKey, value: Option<Bytes>) {
        let expected = known.version(&key);
        self.write(key, expected, value);
    }

    fn write(&mut self, key: RecordKey, expected: Option<Version>, value: Option<Bytes>) {
        self.delta.writes.push(key.to_string());
        self.commit.checks.push((key.clone(), expected));
        self.commit.writes.push((key, value));
    }
}

/// Why a change was not committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// The journal failed.
    Journal(JournalError),
    /// Other writers changed the same records each time; trying again later is right, and the journal is well.
    Contended,
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Contended => write!(
                f,
                "{ATTEMPTS_MAX} attempts to write conflicted with other writers of the same records; try again later"
            ),
        }
    }
}

impl std::error::Error for CommitError {}

impl From<JournalError> for CommitError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// What a commit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The last entry: from here on the log holds everything.
    pub position: EntryId,
    /// How many events were announced.
    pub events: usize,
}

/// Records that were not as expected, with what they really hold.
pub type Conflicts = [(RecordKey, Option<Versioned>)];

/// Something to commit that can be built anew from what another writer committed first.
pub trait Proposal {
    /// The commit, by what is known now; `None` when there is nothing to commit.
    fn build(&mut self) -> Option<Commit>;

    /// Takes in what another writer committed first.
    fn rebase(&mut self, conflicts: &Conflicts) -> impl Future<Output = ()> + Send;
}

/// Commits a proposal, built anew after each conflict; `None` when there was nothing to commit.
///
/// Errors: the journal failed, or other writers came first each time.
pub async fn commit_proposal(
    instance: &Instance,
    proposal: &mut impl Proposal,
) -> Result<Option<Committed>, CommitError> {
    for attempt in 0..ATTEMPTS_MAX {
        let Some(commit) = proposal.build() else { return Ok(None) };
        let events = commit.entries.iter().filter(|entry| entry.event.is_some()).count();
        match within_budget(instance, commit).await? {
            CommitOutcome::Committed(ids) => {
                let position = ids.last().copied().unwrap_or(EntryId::ZERO);
                return Ok(Some(Committed { position, events }));
            }
            CommitOutcome::Conflict(conflicts) => proposal.rebase(&conflicts).await,
        }
        // Two writers that conflicted twice are kept from meeting a third time.
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=CONFLICT_PAUSE_MS_MAX))).await;
        }
    }
    Err(CommitError::Contended)
}

/// Commits what `build` makes of this instance's boards, anew from them after each conflict; `None` when there was
/// nothing to commit. The boards are held while it builds.
///
/// Errors: the journal failed, or other writers came first each time.
pub async fn commit(
    instance: &Instance,
    mut build: impl FnMut(&Projection) -> Option<Commit> + Send,
) -> Result<Option<Committed>, CommitError> {
    commit_unheld(instance, || build(&instance.fold.read())).await
}

/// The same, for what takes long to build and so reads the boards where it needs them.
pub async fn commit_unheld(
    instance: &Instance,
    build: impl FnMut() -> Option<Commit> + Send,
) -> Result<Option<Committed>, CommitError> {
    commit_proposal(instance, &mut FromBoards { instance, build }).await
}

/// Commits once, for as long as the journal takes: what fills a log again, or begins one, is larger than others, and
/// nobody waits for it.
///
/// Errors: the journal failed.
pub async fn commit_once(journal: &dyn Journal, commit: Commit) -> Result<CommitOutcome, JournalError> {
    journal.commit(commit).await
}

/// The sender of a hook waits for it, and is better served by a 503 than by silence.
async fn within_budget(instance: &Instance, commit: Commit) -> Result<CommitOutcome, JournalError> {
    let outcome = match tokio::time::timeout(REPLY_TIMEOUT, instance.journal.commit(commit)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let ms = REPLY_TIMEOUT.as_millis();
            Err(JournalError::Unavailable(format!("a commit was not answered within {ms} ms")))
        }
    };
    instance.writes.note(COMMIT, &outcome);
    outcome
}

/// What was committed, where contention leaves it to the next time: one record that others keep changing must not keep
/// what comes after it from being written.
///
/// Errors: the journal failed.
pub fn unless_contended(
    result: Result<Option<Committed>, CommitError>,
) -> Result<Option<Committed>, CommitError> {
    match result {
        Err(CommitError::Contended) => Ok(None),
        result => result,
    }
}

/// Waits, for a while, until this instance's boards hold what it committed: what is built next is built on it.
pub async fn wait_until_folded(instance: &Instance, position: EntryId) {
    let _ = tokio::time::timeout(FOLD_TIMEOUT, instance.fold.passed(position)).await;
}

/// What is built from nothing but this instance's boards.
struct FromBoards<'a, B> {
    instance: &'a Instance,
    build: B,
}

impl<B: FnMut() -> Option<Commit> + Send> Proposal for FromBoards<'_, B> {
    fn build(&mut self) -> Option<Commit> {
        (self.build)()
    }

    async fn rebase(&mut self, conflicts: &Conflicts) {
        // What another instance wrote is built upon only once it is folded, never as a record that was read past the
        // fold: else an older value could be written over a newer one.
        self.instance.fold.caught_up(conflicts).await;
    }
}

#[cfg(test)]
mod tests;
