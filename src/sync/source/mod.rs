//! The organisation as a source of boards: what it knows of teams and of the items of their sprints is read, compared
//! with what the boards show, and committed where it is new. Hooks keep a board fresh; this is how it begins, how it
//! catches up with hooks that never came, and how it is known to be as fresh as it looks.

mod compare;
mod discovery;
mod doubts;
mod levels;
mod lists;
mod misses;
mod periodic;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::devops::{AzureDevOps, ProjectRef, TeamRef};
use crate::domain::degradation::Policy;
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::ProjectId;
use crate::domain::sprint::zones::TeamZones;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{Body, Cause};
use crate::journal::{EntryId, Store};
use crate::ops::failpoints::{self, Failpoint};
use crate::ops::instance::Instance;
use crate::sync::cache::Shared;
use crate::write::ingest::Ingest;
use crate::write::teams::TeamKeeper;
use compare::BoardError;
use doubts::Doubts;
use levels::Ended;
pub use levels::Levels;
use lists::Lists;
use misses::Misses;

/// How many teams are compared at the same time; the client bounds its calls on its own.
const TEAMS_AT_ONCE: usize = 4;

/// How many projects that could not be compared are told of at most.
const FAILED_MAX: usize = 1_000;

/// How the source is asked.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// In which zones the days of teams begin and end.
    pub zones: TeamZones,
    /// How long after a check the next one is due while somebody watches.
    pub interval: Duration,
    /// After how long a check gives up.
    pub deadline: Duration,
    /// When to call what is known old, and what to do then.
    pub policy: Policy,
    /// How long the store may take that lists are shared in.
    pub list_timeout: Duration,
}

impl SourceSettings {
    /// A list is not worth more: it can be had from the organisation too.
    pub const LIST_TIMEOUT_DEFAULT: Duration = Duration::from_millis(100);
}

/// An organisation that boards are compared with.
pub struct Source {
    instance: Instance,
    azure: Arc<dyn AzureDevOps>,
    ingest: Arc<Ingest>,
    settings: SourceSettings,
    lists: Lists,
    teams: TeamKeeper,
    levels: Levels,
    /// Held by the check that is under way: checks do not overlap.
    checking: tokio::sync::Mutex<Option<Timestamp>>,
    misses: Mutex<Misses>,
    doubts: Mutex<Doubts>,
    /// Whether an item named a project that is not listed: the list is read again.
    has_met_a_stranger: AtomicBool,
}

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Boards that were compared.
    pub scopes: u32,
    /// Work items that had changed.
    pub changed: u32,
    /// Projects of which something could not be compared; those boards keep their age.
    pub failed: Vec<ProjectId>,
    /// The first thing that went wrong.
    pub error: Option<String>,
}

impl Source {
    /// The organisation behind `azure`. What is new there goes through `ingest`; lists are shared with the instances
    /// that have the same store, unless it is this one's alone or the organisation is simulated.
    pub fn new(
        azure: Arc<dyn AzureDevOps>,
        ingest: Arc<Ingest>,
        store: &Store,
        settings: SourceSettings,
    ) -> Self {
        let instance = ingest.instance.clone();
        let shared = shared(&instance, store, settings.list_timeout);
        Self {
            lists: Lists::new(
                azure.clone(),
                instance.clock.clone(),
                instance.vitals.clone(),
                shared.as_ref(),
            ),
            levels: Levels::new(instance.clone(), settings.policy),
            teams: TeamKeeper { instance: instance.clone() },
            checking: tokio::sync::Mutex::default(),
            misses: Mutex::default(),
            doubts: Mutex::default(),
            has_met_a_stranger: AtomicBool::default(),
            instance,
            azure,
            ingest,
            settings,
        }
    }

    /// The levels of the boards, as the organisation answers.
    pub const fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Compares every board with the organisation, commits what is new and tells that it was done. It gives up after
    /// the deadline; what was compared by then stays so.
    pub async fn check(&self, cause: Cause) -> Check {
        let mut last = self.checking.lock().await;
        let began = (self.instance.clock)();
        let under_way = Mutex::<Check>::default();
        let comparing = async {
            self.instance.fold.passed(EntryId::ZERO).await;
            self.levels.begin();
            self.compare_all(cause, &under_way).await
        };
        let was_answered = tokio::time::timeout(self.settings.deadline, comparing).await;
        let now = (self.instance.clock)();
        *last = Some(now);
        let mut check = std::mem::take(&mut *under_way.lock().unwrap_or_else(PoisonError::into_inner));
        check.failed = unique(std::mem::take(&mut check.failed));
        if was_answered.is_err() {
            check.error = Some(format!("not done within {} ms", self.settings.deadline.as_millis()));
        }
        let ended = Ended {
            completed: (check.scopes > 0).then(|| self.completed(&check, began, now)),
            cause,
            began,
            was_answered: was_answered.unwrap_or(false),
        };
        match self.levels.record(Some(ended)).await {
            Ok(()) => failpoints::reached(Failpoint::Checked),
            Err(error) => check.error = check.error.or(Some(error.to_string())),
        }
        drop(last);
        self.instance.vitals.source_level.set(self.levels.worst());
        check
    }

    /// Announces levels that changed because time passed, and what could not be recorded before.
    async fn reconcile(&self) {
        self.instance.vitals.source_level.set(self.levels.worst());
        if self.instance.fold.journal_status() != JournalStatus::Following {
            return;
        }
        if let Err(error) = self.levels.record(None).await {
            tracing::warn!(%error, "a change of level could not be announced; trying again");
        }
    }

    /// Compares every board, and counts in `check`; says whether the organisation said which projects there are.
    async fn compare_all(&self, cause: Cause, check: &Mutex<Check>) -> bool {
        let counted = || check.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match self.discover().await {
            Ok(found) => found,
            Err(error) => {
                let failed = self.instance.fold.read().teams().all().map(|team| team.project).collect();
                *counted() = Check { failed, error: Some(error), ..Check::default() };
                return false;
            }
        };
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).begin();
        counted().failed.extend(&found.failed);
        counted().error.clone_from(&found.error);
        // Boards that begin wait for their first comparison from their first moment on.
        let recorded = self.levels.record(None).await;
        let recorded = match recorded {
            Ok(()) => self.forget_the_gone(cause).await,
            error => error,
        };
        if let Err(error) = recorded {
            tracing::warn!(%error, "what projects and teams there are could not be kept; the next check tries again");
        }
        let teams =
            found.teams.iter().flat_map(|(project, teams)| teams.iter().map(move |team| (project, team)));
        let compare = |(project, team): (&ProjectRef, &TeamRef)| {
            let (project, team, projects) = (project.clone(), team.clone(), found.projects.clone());
            async move {
                let result = self.compare_team(&projects, &project, &team, cause).await;
                counted().count(&project, Some(&team), result);
            }
        };
        let futures: Vec<_> = teams.map(compare).collect();
        stream::iter(futures).buffer_unordered(TEAMS_AT_ONCE).collect::<()>().await;
        for (project, _) in &found.teams {
            let result = self.compare_project(&found.projects, project, cause).await;
            counted().count(project, None, result);
        }
        true
    }

    /// Tells every reader that the source was compared: this is how a quiet board stays fresh on the screen.
    fn completed(&self, check: &Check, began: Timestamp, now: Timestamp) -> Body {
        let interval = i64::try_from(self.settings.interval.as_millis()).unwrap_or(i64::MAX);
        Body::SyncCompleted {
            scopes: check.scopes,
            changed: check.changed,
            // An event is bounded, whatever the number of projects.
            failed: check.failed.iter().take(FAILED_MAX).copied().collect(),
            duration_ms: now.ms_since(began),
            next: Some(Timestamp::from_epoch_ms(now.epoch_ms().saturating_add(interval))),
        }
    }
}

impl Check {
    /// Counts how the comparison of a board ended: a team's, or, without a team, a project's own.
    fn count(&mut self, project: &ProjectRef, team: Option<&TeamRef>, result: Result<u32, BoardError>) {
        let error = match result {
            Ok(changed) => {
                self.scopes += u32::from(team.is_some());
                self.changed = self.changed.saturating_add(changed);
                return;
            }
            Err(BoardError::Call(_, error)) => error.to_string(),
            Err(BoardError::Kept(error)) => error,
            Err(BoardError::Waiting) => return self.failed.push(project.id),
        };
        let team = team.map_or("-", |team| &*team.name);
        tracing::warn!(project = %project.name, team, error, "a board could not be compared");
        self.failed.push(project.id);
        self.error =
            self.error.take().or_else(|| Some(format!("project {}, team {team}: {error}", project.name)));
    }
}

/// What instances share lists in: the store, where they share that. A simulated organisation is each instance's own.
fn shared(instance: &Instance, store: &Store, timeout: Duration) -> Option<Arc<Shared>> {
    let Instance { id, fold, vitals, .. } = instance.clone();
    let position = move || fold.position().unwrap_or(EntryId::ZERO);
    (store.journal.is_shared() && !instance.demo)
        .then(|| Arc::new(Shared::new(store, position, id.to_string(), vitals, timeout)))
}

fn unique(mut projects: Vec<ProjectId>) -> Vec<ProjectId> {
    projects.sort_unstable();
    projects.dedup();
    projects
}
