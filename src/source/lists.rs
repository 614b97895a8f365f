//! The lists that are fetched from the organisation: kept for as long as they are fresh, and served while they are
//! renewed or cannot be.

use std::sync::Arc;

use chrono_tz::Tz;
use futures_util::future;

use crate::cache::{Cache, CacheError, Kind, Limits, Loaded, Served};
use crate::clock::Clock;
use crate::devops::{AzureDevOps, CallError, ProjectRef, TeamRef};
use crate::domain::authorise::AllowedProjects;
use crate::domain::catalogue::Catalogue;
use crate::domain::degradation::Failure;
use crate::domain::scope::ProjectId;
use crate::domain::teams::TeamKey;

/// How much of each kind of list is kept.
const LIMITS: Limits = Limits { entries: 2_000, bytes: 32 * 1024 * 1024 };

/// About what a project or a team takes in memory, in bytes.
const REF_BYTES: usize = 128;

/// The lists of one organisation.
pub(super) struct Lists {
    azure: Arc<dyn AzureDevOps>,
    clock: Clock,
    projects: Cache<(), Vec<ProjectRef>, CallError>,
    teams: Cache<ProjectId, Vec<TeamRef>, CallError>,
    catalogues: Cache<TeamKey, Catalogue, CallError>,
}

impl Lists {
    pub(super) fn new(azure: Arc<dyn AzureDevOps>, clock: Clock) -> Self {
        let jitter = || Box::new(fastrand::f64);
        Self {
            azure,
            projects: Cache::new(LIMITS, clock.clone(), jitter()),
            teams: Cache::new(LIMITS, clock.clone(), jitter()),
            catalogues: Cache::new(LIMITS, clock.clone(), jitter()),
            clock,
        }
    }

    /// The projects that are served, each with its teams.
    pub(super) async fn teams_of_projects(
        &self,
        allowed: &AllowedProjects,
    ) -> Result<Vec<(ProjectRef, Vec<TeamRef>)>, CallError> {
        let projects = self.projects().await?;
        let served = projects.iter().filter(|project| allowed.allow(project.id, Some(&project.name)));
        let with_teams = served.map(|project| async move {
            let teams = self.teams(project.id).await?;
            Ok((project.clone(), (*teams).clone()))
        });
        future::try_join_all(with_teams).await
    }

    async fn projects(&self) -> Result<Arc<Vec<ProjectRef>>, CallError> {
        let azure = self.azure.clone();
        let load = move || async move {
            let projects = azure.projects().await?;
            let bytes = projects.len() * REF_BYTES;
            Ok(Loaded { value: Some(Arc::new(projects)), bytes })
        };
        value(self.projects.read(Kind::Discovery, &(), load).await)
    }

    async fn teams(&self, project: ProjectId) -> Result<Arc<Vec<TeamRef>>, CallError> {
        let azure = self.azure.clone();
        let load = move || async move {
            let teams = azure.teams(project).await?;
            let bytes = teams.len() * REF_BYTES;
            Ok(Loaded { value: Some(Arc::new(teams)), bytes })
        };
        value(self.teams.read(Kind::Discovery, &project, load).await)
    }

    /// What is known of a team. It is renewed ahead of the moment when it is no longer fresh, because whoever asks
    /// compares a board with it that somebody watches. Where that fails, what is there is served with the error beside
    /// it.
    ///
    /// Errors: nothing is there that may still be served.
    pub(super) async fn catalogue(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        zone: Tz,
    ) -> Result<(Arc<Catalogue>, Option<CallError>), CallError> {
        let key = TeamKey { project: project.id, team: team.id };
        let (azure, clock) = (self.azure.clone(), self.clock.clone());
        let (project, team) = (project.clone(), team.clone());
        let load = move || async move {
            let catalogue = azure.catalogue(&project, &team, zone, clock()).await?;
            let bytes = catalogue.encode().len();
            Ok(Loaded { value: Some(Arc::new(catalogue)), bytes })
        };
        let mut failed = None;
        if self.catalogues.wants_refresh(Kind::Sprints, &key) {
            match value(self.catalogues.refresh(Kind::Sprints, &key, load.clone()).await) {
                Ok(catalogue) => return Ok((catalogue, None)),
                Err(error) => failed = Some(error),
            }
        }
        let kept = self.catalogues.peek(Kind::Sprints, &key).and_then(|served| served.value);
        match (kept, failed) {
            (Some(catalogue), failed) => Ok((catalogue, failed)),
            (None, Some(error)) => Err(error),
            (None, None) => value(self.catalogues.read(Kind::Sprints, &key, load).await)
                .map(|catalogue| (catalogue, None)),
        }
    }

    /// A team's sprints may have changed: what is kept of them is no longer fresh.
    pub(super) fn invalidate(&self, team: TeamKey) {
        self.catalogues.invalidate(Kind::Sprints, &team);
    }
}

fn value<V>(served: Result<Served<V>, CacheError<CallError>>) -> Result<Arc<V>, CallError> {
    match served {
        // The lists of this module are never absent: an empty one is a value.
        Ok(Served { value: Some(value), .. }) => Ok(value),
        Ok(Served { value: None, .. }) | Err(CacheError::Abandoned) => Err(abandoned()),
        Err(CacheError::Load(error)) => Err((*error).clone()),
    }
}

fn abandoned() -> CallError {
    CallError {
        failure: Failure::Unreadable,
        call: "a list",
        status: None,
        message: "its load ended without a result".into(),
    }
}
