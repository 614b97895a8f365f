//! What was last said of metrics, copied to the archive, so that a journal that was lost begins with it and nothing is
//! announced as new.
//!
//! It follows the fold beside the path of announcements: no announcement waits for the archive, or fails with it.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::archive::{Archive, ArchiveError, ArchivedValue};
use crate::board::fold::Fold;
use crate::board::projection::Projection;
use crate::domain::level::Level;
use crate::domain::record::archived_board::{About, ArchivedBoard};
use crate::domain::record::last_announced::{Announced, AnnouncedRecord};
use crate::domain::scope::{Audience, Scope, Text};
use crate::domain::time::Timestamp;
use crate::journal::{Commit, EntryId};
use crate::ops::failpoints::{self, Failpoint};
use crate::ops::instance::Instance;
use crate::write::commit::{self, Change, CommitBuilder};

/// How long it takes at least from one copy to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the first derive waits for the archive at most.
const SEED_BUDGET: Duration = Duration::from_secs(3);

/// By how much the age of a value that did not change is out of date in the archive at most, in milliseconds.
const AGE_SLACK_MS: i64 = 60 * 60_000;

/// How old what is taken from the archive is at most, in milliseconds: boards of sprints that are over need it no more.
const SEED_AGE_MAX_MS: i64 = 30 * 24 * 60 * 60_000;

/// How often what is older is deleted.
const CLEAR_EVERY: Duration = Duration::from_hours(24);

/// How long after a failure the archive is asked again for what it remembers, at first and at most.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Copies what was announced to the archive, and back into a journal that holds nothing.
pub struct Archiver {
    /// Where the copy is.
    pub archive: Arc<dyn Archive>,
    /// This instance: one copies for all.
    pub instance: Instance,
    /// After how long what could not be copied is tried again.
    pub settle: Duration,
    /// Whether there is a source that makes boards whole again. Without one a journal that was lost begins with boards
    /// that hold less than was announced of them, and to announce the difference would be wrong.
    pub has_source: bool,
}

/// What was copied of one log: to write it again would be for nothing.
pub struct Copied {
    epoch: Text,
    values: HashMap<(Scope, Text), (EntryId, Timestamp)>,
}

impl Copied {
    /// Nothing yet of the log that was folded.
    pub fn of(fold: &Fold) -> Self {
        Self { epoch: fold.read().epoch().unwrap_or_default().into(), values: HashMap::new() }
    }
}

impl Archiver {
    /// Has boards shown as the archive holds them wherever nothing better is known; asks until it answers.
    pub async fn load_archived_boards(&self) {
        let mut pause = RETRY_FIRST;
        loop {
            match self.archive.saved_values().await {
                Ok(values) => {
                    return self.instance.fold.show_archived(boards_of(values, (self.instance.clock)()));
                }
                Err(error) => tracing::warn!(%error, "the archive cannot tell how boards were; trying again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// Waits for the first load, then seeds a journal that holds nothing. It gives the archive a few seconds: boards are
    /// more urgent than what was said of them once.
    pub async fn begin(&self) {
        self.instance.fold.passed(EntryId::ZERO).await;
        match timeout(SEED_BUDGET, self.seed()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(boards)) => tracing::info!(boards, "the last announced values were read from the archive"),
            Ok(Err(error)) => tracing::warn!(
                error,
                "the last announced values cannot be read from the archive; the boards begin without them"
            ),
            Err(_) => tracing::warn!(
                "the archive did not answer in time; the boards begin without the last announced values"
            ),
        }
    }

    /// Copies what is said for as long as the process lives, and begins again with every other log; never returns.
    pub async fn follow(self: Arc<Self>) {
        let mut moved = self.instance.fold.watch();
        self.instance.fold.passed(EntryId::ZERO).await;
        let mut copied = Copied::of(&self.instance.fold);
        let mut cleared_at = None;
        loop {
            // Another log: the one that was followed is lost.
            if self.instance.fold.read().epoch() != Some(&copied.epoch) {
                self.begin().await;
                copied = Copied::of(&self.instance.fold);
            }
            match self.instance.leases.lease("last_known", &self.instance.id, self.settle * 2).await {
                Ok(true) => {
                    if cleared_at.is_none_or(|at: Instant| at.elapsed() >= CLEAR_EVERY) {
                        cleared_at = Some(Instant::now());
                        self.clear().await;
                    }
                    if let Err(error) = self.copy(&mut copied).await {
                        tracing::warn!(%error, "announced values cannot be copied to the archive; trying again");
                        tokio::time::sleep(self.settle).await;
                    }
                }
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "nothing is copied while the journal is away"),
            }
            tokio::time::sleep(PAUSE).await;
            let _ = timeout(self.settle, moved.changed()).await;
        }
    }

    /// Deletes what is too old for anybody to be shown, or to begin with.
    async fn clear(&self) {
        let now = (self.instance.clock)().epoch_ms();
        match self.archive.drop_values(Timestamp::from_epoch_ms(now - SEED_AGE_MAX_MS)).await {
            Ok(0) => {}
            Ok(values) => tracing::info!(values, "values of boards that are no more left the archive"),
            Err(error) => tracing::warn!(%error, "old values stay in the archive for another day"),
        }
    }

    /// Copies what was not copied yet; returns how many values that were.
    pub async fn copy(&self, copied: &mut Copied) -> Result<usize, ArchiveError> {
        let due = {
            let state = self.instance.fold.read();
            let is_served = |scope: Scope| {
                let name = state.project_name(scope.project).map(|name| &**name);
                let team_name = state.team_name(scope).map(|name| &**name);
                self.instance.allowed.allows_board(scope, name, team_name)
            };
            let mut due = due(&state, copied);
            due.retain(|value| is_served(value.scope));
            due
        };
        if due.is_empty() {
            return Ok(0);
        }
        failpoints::reached(Failpoint::Announced);
        self.archive.save_values(&due).await?;
        for value in &due {
            let key = (value.scope, value.metric.clone());
            copied.values.insert(key, (value.position, value.as_of));
        }
        Ok(due.len())
    }

    /// Seeds a journal in which nothing was ever said, one silent commit for each board; returns how many boards. What
    /// another instance said meanwhile stays.
    pub async fn seed(&self) -> Result<usize, String> {
        if !self.has_source || self.instance.fold.read().is_anything_announced() {
            return Ok(0);
        }
        let now = (self.instance.clock)();
        let mut of_boards = BTreeMap::<Scope, Vec<ArchivedValue>>::new();
        for value in self.archive.saved_values().await.map_err(|error| error.to_string())? {
            let about = value.about.as_ref();
            let name = about.and_then(|about| about.project.as_deref());
            let team_name = about.and_then(|about| about.team.as_ref()).map(|team| &*team.team_name);
            let is_served = self.instance.allowed.allows_board(value.scope, name, team_name);
            if is_served && now.ms_since(value.as_of) < SEED_AGE_MAX_MS {
                of_boards.entry(value.scope).or_default().push(value);
            }
        }
        let mut seeded = 0;
        let mut last = EntryId::ZERO;
        for (scope, values) in of_boards {
            let build = |state: &Projection| {
                let is_known = state.announced_of(scope).next().is_some();
                (!is_known).then(|| seed_of(scope, &values)).flatten()
            };
            let committed = commit::unless_contended(commit::commit(&self.instance, build).await);
            let committed = committed.map_err(|error| error.to_string())?;
            if let Some(committed) = committed {
                seeded += 1;
                last = last.max(committed.position);
            }
        }
        self.instance.fold.passed(last).await;
        Ok(seeded)
    }
}

/// What was announced and is true, and not in the archive yet.
fn due(state: &Projection, copied: &Copied) -> Vec<ArchivedValue> {
    let mut due = Vec::new();
    for (scope, _) in state.scopes().filter(|(scope, _)| state.level(*scope) == Level::Full) {
        let is_served = state.is_served(scope);
        let catalogue = state.teams().catalogue_of(scope).map(|catalogue| &**catalogue);
        // Of most boards nothing is due, and to copy what is known of a team for nothing would be dear.
        let about = LazyCell::new(|| About::of(scope, state.project_name(scope.project), catalogue));
        for (_, last) in state.announced_of(scope) {
            let Announced::Metric { metric, value, unit, .. } = &last.statement else { continue };
            // What came from the archive is there already, and nothing of this log has borne it out.
            if last.at == EntryId::ZERO {
                continue;
            }
            let as_of = state.data_as_of(scope).unwrap_or(last.version.appended_at());
            let is_copied = copied.values.get(&(scope, metric.clone())).is_some_and(|(position, age)| {
                // The age of a board that nobody is shown any more is of no use to anybody.
                *position == last.version && (!is_served || as_of.ms_since(*age) < AGE_SLACK_MS)
            });
            if !is_copied {
                due.push(ArchivedValue {
                    scope,
                    metric: metric.clone(),
                    value: *value,
                    unit: *unit,
                    position: last.version,
                    epoch: copied.epoch.clone(),
                    as_of,
                    about: Some((*about).clone()),
                });
            }
        }
    }
    due
}

fn seed_of(scope: Scope, values: &[ArchivedValue]) -> Option<Commit> {
    let mut commit = CommitBuilder::new();
    for ArchivedValue { metric, value, unit, .. } in values {
        let statement =
            Announced::Metric { metric: metric.clone(), value: *value, unit: *unit, detail: None };
        // It is true of no position of this log.
        commit.put(Change::Announced(AnnouncedRecord { scope, statement, at: EntryId::ZERO }), None);
    }
    commit.build(Audience::Scope(scope))
}

/// The boards that these values are of: of each team the one that was true last, unless it is too old.
fn boards_of(values: Vec<ArchivedValue>, now: Timestamp) -> Vec<ArchivedBoard> {
    let mut boards = BTreeMap::<Scope, ArchivedBoard>::new();
    for ArchivedValue { scope, metric, value, unit, as_of, about, .. } in values {
        let Some(about) = about.filter(|_| now.ms_since(as_of) < SEED_AGE_MAX_MS) else { continue };
        let new = || ArchivedBoard { scope, about: about.clone(), values: BTreeMap::new(), as_of };
        let board = boards.entry(scope).or_insert_with(new);
        board.values.insert(metric, (value, unit));
        if as_of > board.as_of {
            (board.as_of, board.about) = (as_of, about);
        }
    }
    let mut of_teams = BTreeMap::<_, ArchivedBoard>::new();
    for (scope, board) in boards {
        let team = (scope.project, scope.team);
        if of_teams.get(&team).is_none_or(|known| known.as_of < board.as_of) {
            of_teams.insert(team, board);
        }
    }
    of_teams.into_values().collect()
}
