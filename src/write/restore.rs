//! What is done when the log was lost, be it that the journal was emptied or that it was set back: what this
//! instance's boards hold is put into the journal that there is now, silently. Nothing is lost that any instance still
//! knows, and nothing is announced as new that readers were told before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::board::projection::Projection;
use crate::domain::authorise::AllowedBoards;
use crate::domain::entry_id::EntryId;
use crate::domain::record::last_announced::{Announced, AnnouncedRecord};
use crate::domain::scope::{Audience, ProjectId, Scope};
use crate::domain::sprint::teams::CurrentSprint;
use crate::journal::{Commit, CommitOutcome, Journal, JournalError, Leases, RecordKey, Version};
use crate::write::commit::{Change, CommitBuilder, commit_once};

/// For how long an instance has the others wait, so that they find done what it does.
const LEASE: Duration = Duration::from_secs(1);

/// How often it is looked whether it is this instance's turn.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often what is missing is looked for. One round puts back what boards are made of, the next what was said of
/// them, and one finds nothing missing; other instances that do the same may make further ones necessary.
const ROUNDS_MAX: u32 = 10;

/// How many items one commit puts back, and about how many bytes: no other command waits for long.
const ITEMS_MAX: usize = 100;
const BYTES_MAX: usize = 256 * 1024;

/// Puts back what a journal has lost.
pub(crate) struct Restore {
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// By which one instance at a time does it.
    pub leases: Arc<dyn Leases>,
    /// Who this instance is, for the lease.
    pub id: Arc<str>,
    /// The boards that are served: what is known of another project stays lost.
    pub allowed: Arc<AllowedBoards>,
}

impl Restore {
    /// Puts everything that `ours` holds and the journal does not into the journal; returns what that
    /// then holds, and the names of what in it cannot be decoded.
    ///
    /// Errors: the journal failed. What was put back by then stays, and is found there by the next attempt.
    pub(crate) async fn run(&self, ours: &Projection) -> Result<(Projection, Vec<String>), JournalError> {
        self.wait_for_our_turn().await?;
        let mut restored = 0;
        for _ in 0..ROUNDS_MAX {
            let there = Projection::load(&*self.journal).await?;
            let missing = missing(ours, &there.0, &self.allowed);
            if missing.is_empty() {
                tracing::info!(restored, "the journal holds what is known here");
                return Ok(there);
            }
            for commit in missing {
                let records = commit.writes.len();
                // What another instance wrote meanwhile is looked at in the next round.
                if let CommitOutcome::Committed(_) = commit_once(&*self.journal, commit).await? {
                    restored += records;
                }
            }
        }
        tracing::warn!(
            restored,
            "other instances keep changing what this one restores; giving up until the journal is lost again"
        );
        Projection::load(&*self.journal).await
    }

    /// One instance after the other, so that the later ones have little to do. They do it all the same: each may know
    /// something that the others do not.
    async fn wait_for_our_turn(&self) -> Result<(), JournalError> {
        let until = Instant::now() + LEASE;
        while !self.leases.lease("restore", &self.id, LEASE).await? && Instant::now() < until {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }
}

/// The commits that put back what `there` has not, or has in an older version than `ours`. What was announced comes last,
/// when the boards that it was announced of are whole: else the difference would look like news.
fn missing(ours: &Projection, there: &Projection, allowed: &AllowedBoards) -> Vec<Commit> {
    let mut commits = collection(ours, there).into_iter().collect::<Vec<_>>();
    commits.extend(teams(ours, there, allowed));
    commits.extend(items(ours, there, allowed));
    commits.extend(checked(ours, there));
    commits.extend(todo(ours, there));
    if commits.is_empty() { announced(ours, there) } else { commits }
}

fn collection(ours: &Projection, there: &Projection) -> Option<Commit> {
    let collection = ours.collection().filter(|_| there.collection().is_none())?;
    let mut commit = CommitBuilder::new();
    commit.put(Change::Collection(collection), None);
    commit.build(Audience::Everyone)
}

/// One commit for each project, because all its teams share a guard.
fn teams(ours: &Projection, there: &Projection, allowed: &AllowedBoards) -> Vec<Commit> {
    let known =
        ours.teams().all().filter(|team| allowed.allows_project(team.project, Some(&team.project_name)));
    let projects: BTreeSet<ProjectId> = known.map(|catalogue| catalogue.project).collect();
    projects.into_iter().filter_map(|project| teams_of(ours, there, project)).collect()
}

fn teams_of(ours: &Projection, there: &Projection, project: ProjectId) -> Option<Commit> {
    let is_behind = |key: &RecordKey| is_behind(ours, there, ours.version(key), there.version(key));
    let mut commit = CommitBuilder::new();
    for catalogue in ours.teams().of_project(project) {
        let team = catalogue.key();
        if is_behind(&RecordKey::team(team)) {
            commit.put_team(there, (**catalogue).clone());
        }
        if let Some(sprint) = ours.teams().current(team)
            && is_behind(&RecordKey::current_sprint(team))
        {
            commit.put_current_sprint(there, CurrentSprint { team, sprint });
        }
    }
    commit.build(Audience::Scope(Scope::project(project)))
}

fn items(ours: &Projection, there: &Projection, allowed: &AllowedBoards) -> Vec<Commit> {
    let mut commits = Vec::new();
    let mut commit = CommitBuilder::new();
    for known in ours.items() {
        let item = &*known.item;
        let present = item.present();
        // That an item went elsewhere tells nothing of it, and keeps it from coming back.
        if !present.claim.facts.deleted
            && !allowed.allows_project(present.claim.facts.project, Some(&present.details.project_name))
        {
            continue;
        }
        let counterpart = there.item(item.id);
        let (merged, told) = match &counterpart {
            Some(theirs) => theirs.item.join(item),
            None => (item.clone(), item.clone()),
        };
        if counterpart.as_ref().is_some_and(|theirs| *theirs.item == merged) {
            continue;
        }
        let change = Change::item(merged, told);
        commit.put(change, counterpart.map(|theirs| theirs.version));
        if commit.records() >= ITEMS_MAX || commit.bytes() >= BYTES_MAX {
            commits.extend(std::mem::take(&mut commit).build(Audience::Everyone));
        }
    }
    commits.extend(commit.build(Audience::Everyone));
    commits
}

fn checked(ours: &Projection, there: &Projection) -> Option<Commit> {
    let mut checked = there.checked().clone();
    checked.absorb(ours.checked());
    if checked == *there.checked() {
        return None;
    }
    let mut commit = CommitBuilder::new();
    commit.put(Change::Checked(Box::new(checked)), there.version(&RecordKey::feed()));
    commit.build(Audience::Everyone)
}

fn todo(ours: &Projection, there: &Projection) -> Option<Commit> {
    let mut commit = CommitBuilder::new();
    for (todo, _) in ours.todo().filter(|(todo, _)| there.todo_of(todo.item).is_none()) {
        commit.put(Change::Noted(todo), None);
    }
    commit.build(Audience::Everyone)
}

/// One commit for each board: what was announced of it, as true of the boards that were put back.
fn announced(ours: &Projection, there: &Projection) -> Vec<Commit> {
    let mut of_boards = BTreeMap::<Scope, CommitBuilder>::new();
    for (scope, name, last) in ours.all_announced() {
        let theirs = there.last_announced(scope, name);
        // What comes from the archive gives way to what a log has borne out.
        let is_seed = theirs.is_some_and(|theirs| theirs.at == EntryId::ZERO) && last.at != EntryId::ZERO;
        if !is_seed && !is_behind(ours, there, Some(last.version), theirs.map(|theirs| theirs.version)) {
            continue;
        }
        let at = if last.at == EntryId::ZERO { last.at } else { there.position() };
        let statement = match &last.statement {
            // The changes that it covered are those of the log that was lost.
            Announced::Keys { .. } => Announced::Keys { changed: there.position() },
            statement => statement.clone(),
        };
        let record = AnnouncedRecord { scope, statement, at };
        let commit = of_boards.entry(scope).or_default();
        commit.put(Change::Announced(record), theirs.map(|theirs| theirs.version));
    }
    of_boards.into_iter().filter_map(|(scope, commit)| commit.build(Audience::Scope(scope))).collect()
}

/// Whether a record is missing there, or older: versions of two logs cannot be compared, so one that was begun anew is
/// right wherever it says something.
fn is_behind(ours: &Projection, there: &Projection, our: Option<Version>, their: Option<Version>) -> bool {
    our.is_some() && (their.is_none() || ours.epoch() == there.epoch() && their < our)
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
