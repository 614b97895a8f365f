//! The lists that are fetched from the organisation: kept for as long as they are fresh, and served while they are
//! renewed or cannot be. Instances that share a journal share them.

use std::sync::Arc;

use chrono_tz::Tz;
use futures_util::future;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::devops::{AzureDevOps, CallError, ProjectRef, TeamRef};
use crate::domain::authorise::AllowedProjects;
use crate::domain::degradation::Failure;
use crate::domain::scope::{ProjectId, TeamKey};
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::stored::Stored;
use crate::journal::EntryId;
use crate::ops::vitals::{ReadOutcome, Vitals};
use crate::platform::clock::Clock;
use crate::sync::cache::{Cache, CacheError, Form, Kind, Limits, Loaded, Served, Shared};

/// How much of each kind of list is kept.
const LIMITS: Limits = Limits { entries: 2_000, bytes: 32 * 1024 * 1024 };

/// About what a project or a team takes in memory, in bytes.
const REF_BYTES: usize = 128;

const PROJECTS: Form<(), Vec<ProjectRef>> =
    Form { name: |()| "projects".into(), encode: encode_refs, decode: decode_refs };

const TEAMS: Form<ProjectId, Vec<TeamRef>> =
    Form { name: |project| format!("teams:{project}"), encode: encode_refs, decode: decode_refs };

const CATALOGUES: Form<TeamKey, Catalogue> = Form {
    name: |key| format!("catalogue:{}:{}", key.project, key.team),
    encode: Catalogue::encode,
    decode: |bytes| Some((Catalogue::decode(bytes).ok()?, bytes.len())),
};

fn encode_refs<T: Serialize>(refs: &Vec<T>) -> Vec<u8> {
    // Identifiers and names cannot fail to serialise.
    serde_json::to_vec(refs).unwrap_or_default()
}

fn decode_refs<T: DeserializeOwned>(bytes: &[u8]) -> Option<(Vec<T>, usize)> {
    let refs: Vec<T> = serde_json::from_slice(bytes).ok()?;
    let bytes = refs.len() * REF_BYTES;
    Some((refs, bytes))
}

/// The lists of one organisation.
pub(super) struct Lists {
    azure: Arc<dyn AzureDevOps>,
    clock: Clock,
    vitals: Arc<Vitals>,
    projects: Cache<(), Vec<ProjectRef>, CallError>,
    teams: Cache<ProjectId, Vec<TeamRef>, CallError>,
    catalogues: Cache<TeamKey, Catalogue, CallError>,
}

impl Lists {
    /// The lists of that organisation, shared with other instances where there is something to share them in.
    pub(super) fn new(
        azure: Arc<dyn AzureDevOps>,
        clock: Clock,
        vitals: Arc<Vitals>,
        shared: Option<&Arc<Shared>>,
    ) -> Self {
        let jitter = || Box::new(fastrand::f64);
        let shared = || shared.cloned();
        Self {
            azure,
            vitals,
            projects: Cache::new(LIMITS, clock.clone(), jitter(), shared(), PROJECTS),
            teams: Cache::new(LIMITS, clock.clone(), jitter(), shared(), TEAMS),
            catalogues: Cache::new(LIMITS, clock.clone(), jitter(), shared(), CATALOGUES),
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
        let load = async move {
            let projects = azure.projects().await?;
            let bytes = projects.len() * REF_BYTES;
            Ok(Loaded { value: Arc::new(projects), bytes })
        };
        self.value(self.projects.read(Kind::Discovery, &(), load).await)
    }

    async fn teams(&self, project: ProjectId) -> Result<Arc<Vec<TeamRef>>, CallError> {
        let azure = self.azure.clone();
        let load = async move {
            let teams = azure.teams(project).await?;
            let bytes = teams.len() * REF_BYTES;
            Ok(Loaded { value: Arc::new(teams), bytes })
        };
        self.value(self.teams.read(Kind::Discovery, &project, load).await)
    }

    /// What is known of a team. It is renewed ahead of the moment when it is no longer fresh, because the caller
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
        let load = async move {
            let catalogue = azure.catalogue(&project, &team, zone, clock()).await?;
            let bytes = catalogue.encode().len();
            Ok(Loaded { value: Arc::new(catalogue), bytes })
        };
        if self.catalogues.wants_refresh(Kind::Sprints, &key) {
            let renewed = self.value(self.catalogues.refresh(Kind::Sprints, &key, load).await);
            let (catalogue, failed) = match renewed {
                Ok(catalogue) => (catalogue, None),
                Err(error) => {
                    let kept = self.catalogues.peek(Kind::Sprints, &key).map(|served| served.value);
                    (kept.ok_or_else(|| error.clone())?, Some(error))
                }
            };
            return Ok((in_zone(catalogue, zone), failed));
        }
        let catalogue = self.value(self.catalogues.read(Kind::Sprints, &key, load).await)?;
        Ok((in_zone(catalogue, zone), None))
    }

    /// A team's sprints may have changed by that entry of the log: what is kept of them from before it is no longer
    /// fresh.
    pub(super) fn invalidate(&self, team: TeamKey, changed_by: EntryId) {
        self.catalogues.invalidate(Kind::Sprints, &team, changed_by);
    }

    /// Counts a read, and takes it apart.
    fn value<V>(&self, served: Result<Served<V>, CacheError<CallError>>) -> Result<Arc<V>, CallError> {
        let outcome = served.as_ref().map_or(ReadOutcome::Error, |served| served.outcome);
        self.vitals.list_reads.record((self.clock)(), outcome);
        match served {
            Ok(served) => Ok(served.value),
            Err(CacheError::Abandoned) => Err(abandoned()),
            Err(CacheError::Load(error)) => Err((*error).clone()),
        }
    }
}

/// The catalogue in that zone, which is a setting of ours: another instance may have loaded it under another one.
fn in_zone(catalogue: Arc<Catalogue>, zone: Tz) -> Arc<Catalogue> {
    if catalogue.zone == zone { catalogue } else { Arc::new(Catalogue { zone, ..(*catalogue).clone() }) }
}

fn abandoned() -> CallError {
    CallError {
        failure: Failure::Unreadable,
        call: "a list",
        status: None,
        message: "its load ended without a result".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sprint::catalogue::tests::catalogue;

    #[test]
    fn a_catalogue_that_another_instance_loaded_is_in_our_zone() {
        let (theirs, zone) = (Arc::new(catalogue()), Tz::Pacific__Auckland);
        assert_ne!(theirs.zone, zone);
        assert_eq!(*in_zone(theirs.clone(), zone), Catalogue { zone, ..catalogue() });
        assert!(Arc::ptr_eq(&in_zone(theirs.clone(), theirs.zone), &theirs));
    }

    #[test]
    fn lists_come_back_as_they_were_written() {
        let project = ProjectRef { id: catalogue().project, name: "Fabrikam".into() };
        let (read, bytes) = (PROJECTS.decode)(&(PROJECTS.encode)(&vec![project.clone()])).unwrap();
        assert_eq!((read, bytes), (vec![project], REF_BYTES));
        let (read, _) = (CATALOGUES.decode)(&(CATALOGUES.encode)(&catalogue())).unwrap();
        assert_eq!(read, catalogue());
        assert!((PROJECTS.decode)(b"{}").is_none() && (CATALOGUES.decode)(b"[]").is_none());
    }
}
