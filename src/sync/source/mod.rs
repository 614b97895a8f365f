//! The organisation as a source of boards: what it knows of teams and of the items of their sprints is read, compared
//! with what the boards show, and committed where it is new. Hooks keep a board fresh; this is how it begins, how it
//! catches up with hooks that never came, and how it is known to be as fresh as it looks.

mod compare;
mod levels;
mod lists;
mod misses;
mod periodic;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::board::projection::Projection;
use crate::devops::{AzureDevOps, ProjectRef, TeamRef};
use crate::domain::authorise::AllowedProjects;
use crate::domain::degradation::{CallOutcome, Permit, Policy};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::{Audience, ProjectId, TeamKey};
use crate::domain::sprint::zones::TeamZones;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, Envelope, Subject};
use crate::journal::{EntryId, RecordKey, Store};
use crate::ops::failpoints::{self, Failpoint};
use crate::ops::instance::Instance;
use crate::sync::cache::Shared;
use crate::write::commit::{self, Change, CommitBuilder, CommitError};
use crate::write::ingest::Ingest;
use crate::write::teams::TeamKeeper;
use compare::TeamError;
pub use levels::Levels;
use lists::Lists;
use misses::Misses;

/// How many teams are compared at the same time; the client bounds its calls on its own.
const TEAMS_AT_ONCE: usize = 4;

/// How the source is asked.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The projects that are served.
    pub projects: AllowedProjects,
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
}

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Boards that were compared.
    pub scopes: u32,
    /// Work items that had changed.
    pub changed: u32,
    /// Projects that could not be compared; their boards keep their age.
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

    /// Compares every board with the organisation, commits what is new and tells that it was done. It returns within
    /// the deadline whatever happens.
    pub async fn check(&self, cause: Cause) -> Check {
        let mut last = self.checking.lock().await;
        self.instance.fold.passed(EntryId::ZERO).await;
        let began = (self.instance.clock)();
        let check = tokio::time::timeout(self.settings.deadline, self.compare_all(cause, began)).await;
        *last = Some((self.instance.clock)());
        drop(last);
        let check = check.unwrap_or_else(|_| Check {
            error: Some(format!("not done within {} ms", self.settings.deadline.as_millis())),
            ..Check::default()
        });
        self.reconcile().await;
        check
    }

    /// Announces levels that changed.
    async fn reconcile(&self) {
        self.instance.vitals.source_level.set(self.levels.worst());
        if self.instance.fold.journal_status() != JournalStatus::Following {
            return;
        }
        if let Err(error) = self.levels.reconcile().await {
            tracing::warn!(%error, "a change of level could not be announced; trying again");
        }
    }

    async fn compare_all(&self, cause: Cause, began: Timestamp) -> Check {
        let known = match self.discover().await {
            Ok(known) => known,
            Err(error) => {
                let failed = self.instance.fold.read().teams().all().map(|team| team.project).collect();
                return Check { failed: unique(failed), error: Some(error), ..Check::default() };
            }
        };
        if let Err(error) = self.forget_all_but(&known, cause).await {
            tracing::warn!(%error, "a team that is gone could not be forgotten; the next check tries again");
        }
        let projects: Vec<ProjectRef> = known.iter().map(|(project, _)| project.clone()).collect();
        let teams = known.iter().flat_map(|(project, teams)| teams.iter().map(move |team| (project, team)));
        let compare = |(project, team): (&ProjectRef, &TeamRef)| {
            let (project, team, projects) = (project.clone(), team.clone(), projects.clone());
            async move {
                let result = self.compare_team(&projects, &project, &team, cause).await;
                (project.id, result)
            }
        };
        let futures: Vec<_> = teams.map(compare).collect();
        let results: Vec<_> = stream::iter(futures).buffer_unordered(TEAMS_AT_ONCE).collect().await;
        let mut check = Check::default();
        let mut compared: BTreeSet<ProjectId> = projects.iter().map(|project| project.id).collect();
        for (project, result) in results {
            match result {
                Ok(changed) => {
                    check.scopes += 1;
                    check.changed = check.changed.saturating_add(changed);
                }
                Err(error) => {
                    compared.remove(&project);
                    check.failed.push(project);
                    check.error = check.error.or(match error {
                        TeamError::Call(_, error) => Some(error.to_string()),
                        TeamError::Kept(error) => Some(error),
                        TeamError::Waiting => None,
                    });
                }
            }
        }
        check.failed = unique(check.failed);
        if !compared.is_empty()
            && let Err(error) = self.tell_completed(&check, &compared, cause, began).await
        {
            check.error = check.error.or(Some(error.to_string()));
        }
        check
    }

    /// A team that is no more has no board: it would never be compared again, and look as if it were.
    async fn forget_all_but(
        &self,
        known: &[(ProjectRef, Vec<TeamRef>)],
        cause: Cause,
    ) -> Result<(), CommitError> {
        let is_known = |key: &TeamKey| {
            let teams = known.iter().find(|(project, _)| project.id == key.project).map(|(_, teams)| teams);
            teams.is_some_and(|teams| teams.iter().any(|team| team.id == key.team))
        };
        // What is only remembered of a board that is no more would be shown for ever.
        self.instance.fold.retain_archived(|scope| match TeamKey::of(scope) {
            Some(key) => is_known(&key),
            None => known.iter().any(|(project, _)| project.id == scope.project),
        });
        let gone: Vec<TeamKey> = {
            let state = self.instance.fold.read();
            let keys = state.teams().all().map(|catalogue| catalogue.key());
            keys.filter(|key| !is_known(key)).collect()
        };
        for team in gone {
            tracing::info!(project = %team.project, team = %team.team, "a team is gone, and its board with it");
            self.teams.forget(team, cause).await?;
        }
        Ok(())
    }

    /// The projects that are served, each with its teams.
    async fn discover(&self) -> Result<Vec<(ProjectRef, Vec<TeamRef>)>, String> {
        if let Permit::Wait(until) = self.levels.permit_organization() {
            return Err(format!("the organisation is not asked before {until}"));
        }
        let discovered = self.lists.teams_of_projects(&self.settings.projects).await;
        let outcome = match &discovered {
            Ok(_) => CallOutcome::Success,
            Err(error) => CallOutcome::Failed(error.failure),
        };
        self.levels.observe_organization(outcome);
        discovered.map_err(|error| error.to_string())
    }

    /// Tells every reader that the source was compared: this is how a quiet board stays fresh on the screen.
    async fn tell_completed(
        &self,
        check: &Check,
        compared: &BTreeSet<ProjectId>,
        cause: Cause,
        began: Timestamp,
    ) -> Result<(), CommitError> {
        let instance = &self.instance;
        let build = |state: &Projection| {
            let mut checked = state.checked().clone();
            compared.iter().for_each(|project| checked.advance(*project, began));
            let now = (instance.clock)();
            let interval = i64::try_from(self.settings.interval.as_millis()).unwrap_or(i64::MAX);
            let body = Body::SyncCompleted {
                scopes: check.scopes,
                changed: check.changed,
                failed: check.failed.clone(),
                duration_ms: now.ms_since(began),
                next: Some(Timestamp::from_epoch_ms(now.epoch_ms().saturating_add(interval))),
            };
            let envelope = Envelope {
                subject: Subject::Organization,
                source: Some(cause),
                demo: instance.demo,
                ..Envelope::connection(now, self.levels.worst(), Some(began))
            };
            let mut commit = CommitBuilder::new();
            commit.announce_to(Audience::Everyone, event::encode(&envelope, &body));
            commit.put(Change::Checked(checked), state.version(&RecordKey::feed()));
            commit.build(Audience::Everyone)
        };
        if let Some(committed) = commit::commit(instance, build).await? {
            failpoints::reached(Failpoint::Checked);
            // The caller of the check goes on with what it brought.
            commit::wait_until_folded(instance, committed.position).await;
        }
        Ok(())
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
