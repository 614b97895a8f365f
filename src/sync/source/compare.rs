//! Comparing one board with the organisation: what is known of the team, and the items of its sprint.

use std::collections::BTreeSet;

use super::Source;
use crate::devops::{CallError, ProjectRef, TeamRef};
use crate::domain::degradation::{CallOutcome, DataSource, Permit};
use crate::domain::scope::{Scope, SprintId, TeamKey};
use crate::domain::sprint::work_item::WorkItemId;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::write::commit::CommitError;

/// Why a board could not be compared.
pub(super) enum BoardError {
    /// The organisation did not answer.
    Call(DataSource, CallError),
    /// What it answered could not be kept.
    Kept(String),
    /// It is not to be asked now.
    Waiting,
    /// What it answered, at that moment, is looked at once more before the board is called equal; by then so many of its
    /// items had changed.
    Undecided(u32, Timestamp),
}

impl From<CommitError> for BoardError {
    fn from(error: CommitError) -> Self {
        Self::Kept(error.to_string())
    }
}

impl Source {
    /// Compares one team's board and returns how many of its items had changed. Where the feed of revisions was read to
    /// its end it is compared as a whole only when that is due.
    pub(super) async fn compare_team(
        &self,
        projects: &[ProjectRef],
        project: &ProjectRef,
        team: &TeamRef,
        cause: Cause,
        is_fed: bool,
    ) -> Result<u32, BoardError> {
        let key = TeamKey { project: project.id, team: team.id };
        let result = match self.levels.permit(Some((DataSource::WorkItems, key.scope(None)))) {
            Permit::Wait(_) => return Err(BoardError::Waiting),
            Permit::Probe => self.compare_board_of(projects, project, team, cause, false).await,
            Permit::Ask => self.compare_board_of(projects, project, team, cause, is_fed).await,
        };
        self.judge(key.scope(None), result).await
    }

    /// Compares what a project's own board shows: the items that are known and no team's. What else there may be no call
    /// tells.
    pub(super) async fn compare_project(
        &self,
        projects: &[ProjectRef],
        project: &ProjectRef,
        cause: Cause,
        is_fed: bool,
    ) -> Result<u32, BoardError> {
        let scope = Scope::project(project.id);
        match self.levels.permit(Some((DataSource::WorkItems, scope))) {
            Permit::Wait(_) => return Err(BoardError::Waiting),
            Permit::Ask
                if is_fed
                    && self.levels.known(|check| !check.is_whole_due(scope, (self.instance.clock)())) =>
            {
                return Ok(0);
            }
            Permit::Ask | Permit::Probe => {}
        }
        let began = (self.instance.clock)();
        let ids = self.instance.fold.read().items_of(scope).into_iter().map(|item| item.id).collect();
        let fetched = match self.compare_items(projects, project.id, &ids, cause).await {
            Ok(fetched) if fetched.is_undecided => {
                self.levels.found(move |check| {
                    check.projects_whole_at.remove(&scope.project);
                });
                Err(BoardError::Undecided(fetched.items, began))
            }
            Ok(fetched) => {
                self.levels.found(move |check| check.compared_project(scope.project, began));
                Ok(Some((fetched.items, began)))
            }
            Err(error) => Err(error),
        };
        self.judge(scope, fetched).await
    }

    /// Takes in how the comparison of a board ended. A board's first one is recorded at once: it is what its readers wait
    /// for.
    async fn judge(
        &self,
        scope: Scope,
        compared: Result<Option<(u32, Timestamp)>, BoardError>,
    ) -> Result<u32, BoardError> {
        let items = (DataSource::WorkItems, scope);
        match &compared {
            Ok(None) => self.levels.release(items),
            Ok(Some((_, answered_at))) | Err(BoardError::Undecided(_, answered_at)) => {
                self.levels.observe(Some(items), CallOutcome::Success, *answered_at)
            }
            Err(BoardError::Call(source, error)) => {
                let failed = CallOutcome::Failed(error.failure);
                self.levels.observe(Some((*source, scope)), failed, (self.instance.clock)());
                if *source != DataSource::WorkItems {
                    // The items were not asked for, so nothing is known of them either way.
                    self.levels.release(items);
                }
            }
            Err(BoardError::Kept(_) | BoardError::Waiting) => self.levels.release(items),
        }
        if let Some(team) = TeamKey::of(scope)
            && self.is_first_comparison(team)
        {
            self.levels.record(None).await?;
        }
        compared.map(|compared| compared.map_or(0, |(changed, _)| changed))
    }

    fn is_first_comparison(&self, team: TeamKey) -> bool {
        let state = self.instance.fold.read();
        state.checked().awaits_comparison(state.teams().served_scope(team))
    }

    async fn compare_board_of(
        &self,
        projects: &[ProjectRef],
        project: &ProjectRef,
        team: &TeamRef,
        cause: Cause,
        is_fed: bool,
    ) -> Result<Option<(u32, Timestamp)>, BoardError> {
        let key = TeamKey { project: project.id, team: team.id };
        let (listed_at, is_known_otherwise) = self.learn(project, team, cause).await?;
        self.levels.found(move |check| check.team_mut(key).sprints_as_of = Some(listed_at));
        if is_fed && !is_known_otherwise && !self.is_whole_due(key) {
            return Ok(None);
        }
        let (mut ids, sprint) = self.items_to_compare(key);
        let began = (self.instance.clock)();
        if let Some(sprint) = sprint {
            ids.extend(of_items(self.azure.sprint_items(project.id, team.id, sprint).await)?);
        }
        if self.is_first_comparison(key) {
            let items = ids.len();
            self.levels.found(move |check| {
                let check = check.team_mut(key);
                (check.items, check.at) = (Some(items), check.at.filter(|_| check.sprint == sprint));
                check.sprint = sprint;
            });
            self.levels.record(None).await?;
        }
        let fetched = self.compare_items(projects, project.id, &ids, cause).await?;
        if fetched.is_undecided {
            self.levels.found(move |check| check.team_mut(key).whole_at = None);
            return Err(BoardError::Undecided(fetched.items, began));
        }
        // Between two sprints nothing may have been asked but which sprints there are.
        let at = if sprint.is_none() && ids.is_empty() { listed_at } else { began };
        self.levels.found(move |check| check.compared(key, sprint, at, fetched.unreadable.clone()));
        Ok(Some((fetched.items, at)))
    }

    /// Whether a team's board is to be compared as a whole, though all revisions that were made are known: the feed tells
    /// nothing of what was destroyed, of what may not be read any more, and of what was moved without a revision.
    fn is_whole_due(&self, key: TeamKey) -> bool {
        let now = (self.instance.clock)();
        let scope = self.instance.fold.read().teams().served_scope(key);
        let begins_a_day = |at: Timestamp| {
            let state = self.instance.fold.read();
            let catalogue = state.teams().catalogue(key);
            catalogue.is_some_and(|of| of.calendar().day_of(at) != of.calendar().day_of(now))
        };
        self.levels.known(|check| {
            check.is_whole_due(scope, now)
                || check.team(key).and_then(|check| check.whole_at).is_some_and(begins_a_day)
        })
    }

    /// The items of the board that is served, and the sprint that it is of.
    fn items_to_compare(&self, team: TeamKey) -> (BTreeSet<WorkItemId>, Option<SprintId>) {
        let state = self.instance.fold.read();
        let scope = state.teams().served_scope(team);
        (state.items_of(scope).into_iter().map(|item| item.id).collect(), scope.sprint)
    }
}

pub(super) fn of_items<T>(result: Result<T, CallError>) -> Result<T, BoardError> {
    result.map_err(|error| BoardError::Call(DataSource::WorkItems, error))
}
