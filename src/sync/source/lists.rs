//! The lists that are fetched from the organisation: kept for as long as they are fresh, and served while they are
//! renewed or cannot be. Instances that share a journal share them.

use std::sync::Arc;

use chrono_tz::Tz;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::devops::{AzureDevOps, CallError, ProjectRef, TeamRef};
use crate::domain::degradation::Failure;
use crate::domain::scope::{ProjectId, TeamKey};
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::stored::Stored;
use crate::domain::time::Timestamp;
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

/// A list, and of when it is.
type Answer<V> = Result<(Arc<V>, Timestamp), CallError>;

/// How a list is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// However fresh it is: what it lacked at the last look may be there.
    pub(super) again: bool,
    /// Whether something is known that it has to name.
    pub(super) is_known: bool,
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

    /// The projects that can be seen. That there are none where some are known is no answer.
    pub(super) async fn projects(&self, look: Look) -> Answer<Vec<ProjectRef>> {
        let azure = self.azure.clone();
        let load = async move {
            let projects = listed(azure.projects().await?, look, "the projects")?;
            let bytes = projects.len() * REF_BYTES;
            Ok(Loaded { value: Arc::new(projects), bytes })
        };
        self.value(match look.again {
            true => self.projects.refresh(Kind::Discovery, &(), load).await,
            false => self.projects.read(Kind::Discovery, &(), load).await,
        })
    }

    /// The projects as they were last listed, while nobody may be asked.
    pub(super) fn projects_as_known(&self) -> Option<(Arc<Vec<ProjectRef>>, Timestamp)> {
        let known = self.projects.peek(Kind::Discovery, &())?;
        Some((known.value, known.as_of))
    }

    /// The teams of a project; the same holds.
    pub(super) async fn teams(&self, project: ProjectId, look: Look) -> Answer<Vec<TeamRef>> {
        let azure = self.azure.clone();
        let load = async move {
            let teams = listed(azure.teams(project).await?, look, "the teams of a project")?;
            let bytes = teams.len() * REF_BYTES;
            Ok(Loaded { value: Arc::new(teams), bytes })
        };
        self.value(match look.again {
            true => self.teams.refresh(Kind::Discovery, &project, load).await,
            false => self.teams.read(Kind::Discovery, &project, load).await,
        })
    }

    /// What is known of a team. It is renewed ahead of the moment when it is no longer fresh, because the caller
    /// compares a board with it that somebody watches. Where that fails, what is there is served with the error beside
    /// it. `again` asks however fresh it is.
    ///
    /// Errors: nothing is there that may still be served.
    pub(super) async fn catalogue(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        zone: Tz,
        again: bool,
    ) -> Result<(Arc<Catalogue>, Timestamp, Option<CallError>), CallError> {
        let key = TeamKey { project: project.id, team: team.id };
        let (azure, clock) = (self.azure.clone(), self.clock.clone());
        let (project, team) = (project.clone(), team.clone());
        let load = async move {
            let catalogue = azure.catalogue(&project, &team, zone, clock()).await?;
            let bytes = catalogue.encode().len();
            Ok(Loaded { value: Arc::new(catalogue), bytes })
        };
        if !again && !self.catalogues.wants_refresh(Kind::Sprints, &key) {
            let (catalogue, as_of) = self.value(self.catalogues.read(Kind::Sprints, &key, load).await)?;
            return Ok((in_zone(catalogue, zone), as_of, None));
        }
        let renewed = self.value(self.catalogues.refresh(Kind::Sprints, &key, load).await);
        let ((catalogue, as_of), failed) = match renewed {
            Ok(renewed) => (renewed, None),
            Err(error) => {
                let kept = self.catalogues.peek(Kind::Sprints, &key);
                let kept = kept.map(|served| (served.value, served.as_of));
                (kept.ok_or_else(|| error.clone())?, Some(error))
            }
        };
        Ok((in_zone(catalogue, zone), as_of, failed))
    }

    /// A team's sprints may have changed by that entry of the log: what is kept of them from before it is no longer
    /// fresh.
    pub(super) fn invalidate(&self, team: TeamKey, changed_by: EntryId) {
        self.catalogues.invalidate(Kind::Sprints, &team, changed_by);
    }

    /// Counts a read, and takes it apart: the list, and of when it is.
    fn value<V>(&self, served: Result<Served<V>, CacheError<CallError>>) -> Answer<V> {
        let outcome = served.as_ref().map_or(ReadOutcome::Error, |served| served.outcome);
        self.vitals.list_reads.record((self.clock)(), outcome);
        match served {
            Ok(served) => Ok((served.value, served.as_of)),
            Err(CacheError::Abandoned) => Err(abandoned()),
            Err(CacheError::Load(error)) => Err((*error).clone()),
        }
    }
}

/// The catalogue in that zone, which is a setting of ours: another instance may have loaded it under another one.
fn in_zone(catalogue: Arc<Catalogue>, zone: Tz) -> Arc<Catalogue> {
    if catalogue.zone == zone { catalogue } else { Arc::new(Catalogue { zone, ..(*catalogue).clone() }) }
}

/// What was listed. That it is nothing is a failure where there was something: whoever lost a permission is told that there
/// are no projects.
fn listed<T>(list: Vec<T>, look: Look, call: &'static str) -> Result<Vec<T>, CallError> {
    if !list.is_empty() || !look.is_known {
        return Ok(list);
    }
    let message =
        "the list is empty, and was not before; check what the owner of AZURE_DEVOPS_PAT, or the identity of boardcast, may see".into();
    Err(CallError { failure: Failure::Unreadable, call, status: None, message })
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
