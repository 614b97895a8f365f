//! Which projects and teams there are. What one list does not name any more is looked for a second time before its board
//! is taken off.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};

use super::compare::BoardError;
use super::lists::Look;
use super::{Source, TEAMS_AT_ONCE};
use crate::devops::{CallError, ProjectRef, TeamRef};
use crate::domain::degradation::{CallOutcome, DataSource, Permit};
use crate::domain::scope::{ProjectId, Scope, SprintId, TeamKey};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::write::commit::CommitError;

/// The teams of a project, and as of when.
type ListOfTeams = (Arc<Vec<TeamRef>>, Timestamp);

/// What the organisation lists.
pub(super) struct Discovered {
    /// Every project that can be seen, served or not.
    pub(super) projects: Arc<Vec<ProjectRef>>,
    /// The projects that are served and say which teams they have.
    pub(super) teams: Vec<(ProjectRef, Arc<Vec<TeamRef>>)>,
    /// The projects that are served and do not say it; why the first of them does not.
    pub(super) failed: Vec<ProjectId>,
    pub(super) error: Option<String>,
}

impl Discovered {
    /// Each team with its project.
    pub(super) fn all_teams(&self) -> impl Iterator<Item = (&ProjectRef, &TeamRef)> {
        self.teams.iter().flat_map(|(project, teams)| teams.iter().map(move |team| (project, team)))
    }
}

impl Source {
    /// Does something for every team, for some at the same time. Errors: that of the first team for which it fails; it is
    /// done for the others all the same.
    pub(super) async fn for_each_team<F>(
        &self,
        found: &Discovered,
        one: impl Fn(ProjectRef, TeamRef) -> F,
    ) -> Result<(), BoardError>
    where
        F: Future<Output = Result<(), BoardError>>,
    {
        let futures: Vec<_> =
            found.all_teams().map(|(project, team)| one(project.clone(), team.clone())).collect();
        let results: Vec<_> = stream::iter(futures).buffer_unordered(TEAMS_AT_ONCE as usize).collect().await;
        results.into_iter().collect()
    }

    /// The projects and their teams. A project that does not say which teams it has costs its own teams alone.
    ///
    /// Errors: nobody says which projects there are.
    pub(super) async fn discover(&self) -> Result<Discovered, String> {
        let known = self.known_teams();
        let (projects, as_of) = self.projects(!known.is_empty()).await?;
        let served = projects.iter().filter(|project| self.serves(project)).cloned();
        let listed = join_all(served.map(|project| async {
            let has = |(team, _): &(TeamKey, _)| team.project == project.id;
            let part = (DataSource::Teams, Scope::project(project.id));
            let teams = match self.levels.permit(Some(part)) {
                Permit::Wait(until) => Err(format!("it is not asked before {until}")),
                permit => {
                    // What was kept from before a failure says nothing about it.
                    let again = permit == Permit::Probe || self.is_doubtful(Some(project.id));
                    let look = Look { again, is_known: known.iter().any(has) };
                    let teams = self.lists.teams(project.id, look).await;
                    self.observe_list(Some(part), &teams);
                    teams.map_err(|error| error.to_string())
                }
            };
            (project, teams)
        }))
        .await;
        let mut found =
            Discovered { projects: projects.clone(), teams: Vec::new(), failed: Vec::new(), error: None };
        let (mut looked, mut closed) = (BTreeMap::new(), BTreeMap::new());
        self.note_unknown_teams(&listed);
        for (project, teams) in listed {
            match teams {
                Ok((teams, as_of)) => {
                    looked.insert(project.id, as_of);
                    let teams = self.served_of(&project, teams);
                    found.teams.push((project, teams));
                }
                Err(error) => {
                    tracing::warn!(project = %project.name, error, "the teams of a project cannot be listed");
                    found.failed.push(project.id);
                    closed.insert(project.id, project.name.clone());
                    found.error = found.error.or(Some(format!("project {}: {error}", project.name)));
                }
            }
        }
        // The teams of a project that is listed no more are as good as left out by a list of their own.
        let of_known = known.iter().map(|(team, _)| team.project);
        let recorded: Vec<ProjectId> = self.levels.known(|check| check.teams.keys().copied().collect());
        for project in of_known.chain(recorded).filter(|project| !found.failed.contains(project)) {
            looked.entry(project).or_insert(as_of);
        }
        let key = |project: &ProjectRef, team: &TeamRef| TeamKey { project: project.id, team: team.id };
        let teams: BTreeSet<TeamKey> = found.all_teams().map(|(project, team)| key(project, team)).collect();
        self.levels.found(move |check| {
            check.closed.clone_from(&closed);
            check.listed(&teams, &looked, &known);
        });
        Ok(found)
    }

    /// Whether a project is served.
    pub(super) fn serves(&self, project: &ProjectRef) -> bool {
        self.instance.allowed.allows_project(project.id, Some(&project.name))
    }

    /// Those of a project's teams that are served.
    fn served_of(&self, project: &ProjectRef, teams: Arc<Vec<TeamRef>>) -> Arc<Vec<TeamRef>> {
        let allowed = &self.instance.allowed;
        if !allowed.names_teams() {
            return teams;
        }
        let is_served = |team: &&TeamRef| {
            allowed.allows_team((project.id, Some(&project.name)), (team.id, Some(&team.name)))
        };
        Arc::new(teams.iter().filter(is_served).cloned().collect())
    }

    /// Notes the teams that a setting names and that are nowhere, and warns of them whenever they are others than before.
    fn note_unknown_teams(&self, listed: &[(ProjectRef, Result<ListOfTeams, String>)]) {
        let there = listed.iter().flat_map(|(project, teams)| {
            let teams = teams.iter().flat_map(|(teams, _)| teams.iter());
            teams.map(|team| ((project.id, &*project.name), (team.id, &*team.name)))
        });
        let untold = listed.iter().filter(|(_, teams)| teams.is_err());
        let untold = untold.map(|(project, _)| (project.id, &*project.name));
        let unknown = self.instance.allowed.unknown_teams(there.clone(), untold);
        let unknown: Vec<String> = unknown.into_iter().map(str::to_owned).collect();
        let mut noted = self.unknown_teams.lock().unwrap_or_else(PoisonError::into_inner);
        if *noted != unknown && !unknown.is_empty() {
            let there: Vec<&str> = there.map(|(_, (_, name))| name).collect();
            tracing::warn!(
                ?unknown,
                ?there,
                "BOARDCAST_TEAMS names teams that no served project has, so they have no board; correct the names, \
                 or see that this identity may read the teams"
            );
        }
        *noted = unknown;
    }

    /// The teams that a setting names and that no served project has, as they were written.
    pub fn unknown_teams(&self) -> Vec<String> {
        self.unknown_teams.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn projects(&self, is_known: bool) -> Result<(Arc<Vec<ProjectRef>>, Timestamp), String> {
        let permit = self.levels.permit(None);
        if let Permit::Wait(until) = permit {
            // What was listed lately is good enough to compare boards by.
            let known = self.lists.projects_as_known();
            return known.ok_or_else(|| format!("the organisation is not asked before {until}"));
        }
        let has_met_a_stranger = self.has_met_a_stranger.swap(false, Ordering::SeqCst);
        let again = permit == Permit::Probe || has_met_a_stranger || self.is_doubtful(None);
        let projects = self.lists.projects(Look { again, is_known }).await;
        self.observe_list(None, &projects);
        projects.map_err(|error| error.to_string())
    }

    /// Takes in whether a list was answered: of a project's teams, or, without a part, of the projects.
    fn observe_list<T>(&self, part: Option<(DataSource, Scope)>, list: &Result<(T, Timestamp), CallError>) {
        let (outcome, as_of) = match list {
            Ok((_, as_of)) => (CallOutcome::Success, *as_of),
            Err(error) => (CallOutcome::Failed(error.failure), (self.instance.clock)()),
        };
        self.levels.observe(part, outcome, as_of);
    }

    /// The teams that boards show, the archived ones among them, with their sprints.
    pub(super) fn known_teams(&self) -> Vec<(TeamKey, Option<SprintId>)> {
        let state = self.instance.fold.read();
        let known = state.teams().all().map(|catalogue| catalogue.key());
        let sprint = |team| (team, state.teams().current(team).flatten());
        let teams: BTreeSet<TeamKey> = known.chain(state.archived_teams()).collect();
        teams.into_iter().map(sprint).collect()
    }

    /// Whether the last list of a project's teams, or of the projects, did not name one that is known.
    fn is_doubtful(&self, project: Option<ProjectId>) -> bool {
        self.levels.known(|check| {
            let mut of_project =
                check.all_teams().filter(|(team, _)| project.is_none_or(|is| team.project == is));
            of_project.any(|(_, check)| check.missed.is_some())
        })
    }

    /// A team that is no more has no board: it would never be compared again, and look as if it were.
    pub(super) async fn forget_the_gone(&self, cause: Cause) -> Result<(), CommitError> {
        let gone: Vec<TeamKey> = {
            let state = self.instance.fold.read();
            let known = state.teams().all().map(|catalogue| catalogue.key());
            known.filter(|team| state.checked().team(*team).is_none()).collect()
        };
        for team in gone {
            tracing::info!(project = %team.project, team = %team.team, "a team is gone or is served no longer, and its board with it");
            self.teams.forget(team, cause).await?;
        }
        Ok(())
    }
}
