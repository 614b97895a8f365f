//! The lists that are fetched from the organisation: kept for as long as they are fresh, and served while they are
//! renewed or cannot be. Instances that share a journal share them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono_tz::Tz;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::devops::project::ProjectCatalogue;
use crate::devops::{AzureDevOps, CallError, ProjectRef, TeamRef};
use crate::domain::degradation::Failure;
use crate::domain::scope::{ProjectId, SprintId, TeamKey};
use crate::domain::sprint::blocked::BlockedRules;
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::stored::Stored;
use crate::domain::time::{CivilDate, Timestamp};
use crate::journal::EntryId;
use crate::ops::vitals::{ReadOutcome, Vitals};
use crate::platform::clock::Clock;
use crate::sync::cache::{
    Cache, CacheError, Form, Key, Kind, Limits, Load, Loaded, Served, Shareable, Shared,
};

/// How much of each kind of list is kept.
const LIMITS: Limits = Limits { entries: 2_000, bytes: 32 * 1024 * 1024 };

/// About what a project or a team takes in memory, in bytes.
const REF_BYTES: usize = 128;

/// How soon something is asked for again that could not be read of a project or of a team, in milliseconds. A permission
/// may be missing for good, and the rest of the board is as ever meanwhile.
const PARTIAL_RETRY_MS: i64 = 2 * 60_000;

/// For how long a tree of areas is not asked for again because of a path that it does not have, in milliseconds: a team
/// may well own an area that is gone.
const TREE_OF_NOW_MS: i64 = 60_000;

const PROJECTS: Form<(), Vec<ProjectRef>> =
    Form { name: |()| "projects".into(), encode: encode_refs, decode: decode_refs };

const TEAMS: Form<ProjectId, Vec<TeamRef>> =
    Form { name: |project| format!("teams:{project}"), encode: encode_refs, decode: decode_refs };

const CATALOGUES: Form<TeamKey, Catalogue> = Form {
    name: |key| format!("catalogue:{}:{}", key.project, key.team),
    encode: Catalogue::encode,
    decode: |bytes| Some((Catalogue::decode(bytes).ok()?, bytes.len())),
};

const SHARED: Form<ProjectId, ProjectCatalogue> = Form {
    name: |project| format!("project:{project}"),
    // Names and identifiers cannot fail to serialise.
    encode: |shared| serde_json::to_vec(shared).unwrap_or_default(),
    decode: |bytes| Some((serde_json::from_slice(bytes).ok()?, bytes.len())),
};

const DAYS_OFF: Form<TeamKey, DaysOff> = Form {
    name: |key| format!("daysoff:{}:{}", key.project, key.team),
    // Identifiers and dates cannot fail to serialise.
    encode: |days| serde_json::to_vec(days).unwrap_or_default(),
    decode: |bytes| Some((serde_json::from_slice(bytes).ok()?, bytes.len())),
};

/// The days off of a team's finished sprints, as far as they can be read.
pub(super) type DaysOff = BTreeMap<SprintId, BTreeSet<CivilDate>>;

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
    blocked_by: BlockedRules,
    projects: Cache<(), Vec<ProjectRef>, CallError>,
    teams: Cache<ProjectId, Vec<TeamRef>, CallError>,
    shared: Cache<ProjectId, ProjectCatalogue, CallError>,
    catalogues: Cache<TeamKey, Catalogue, CallError>,
    days_off: Cache<TeamKey, DaysOff, CallError>,
}

impl Lists {
    /// The lists of that organisation, shared with other instances where there is something to share them in.
    pub(super) fn new(
        azure: Arc<dyn AzureDevOps>,
        clock: Clock,
        vitals: Arc<Vitals>,
        shared: Option<&Arc<Shared>>,
        blocked_by: BlockedRules,
    ) -> Self {
        let jitter = || Box::new(fastrand::f64);
        let shared = || shared.cloned();
        Self {
            azure,
            vitals,
            blocked_by,
            projects: Cache::new(LIMITS, clock.clone(), jitter(), shared(), PROJECTS),
            teams: Cache::new(LIMITS, clock.clone(), jitter(), shared(), TEAMS),
            shared: Cache::new(LIMITS, clock.clone(), jitter(), shared(), SHARED),
            catalogues: Cache::new(LIMITS, clock.clone(), jitter(), shared(), CATALOGUES),
            days_off: Cache::new(LIMITS, clock.clone(), jitter(), shared(), DAYS_OFF),
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

    /// Whether a project is known to have an area of that path.
    pub(super) fn has_area(&self, project: ProjectId, path: &str) -> bool {
        let kept = self.shared.peek(Kind::Project, &project);
        kept.is_some_and(|kept| kept.value.areas.contains_key(path))
    }

    /// What the teams of a project share, and of when it is. It is asked for again where it is from before the project
    /// was renamed, or lacks something.
    async fn project(&self, project: &ProjectRef) -> Answer<ProjectCatalogue> {
        let kept = self.shared.peek(Kind::Project, &project.id);
        let again = kept.as_ref().is_some_and(|kept| {
            kept.value.is_partial && kept.age_ms >= PARTIAL_RETRY_MS || kept.value.name != project.name
        });
        let load = shared_by_teams(self.azure.clone(), project.clone(), kept.map(|kept| kept.value));
        let (shared, as_of, _) = self.renewed(&self.shared, Kind::Project, &project.id, again, load).await?;
        Ok((shared, as_of))
    }

    /// What is known of a team. It is renewed ahead of the moment when it is no longer fresh, because the caller
    /// compares a board with it that somebody watches. Where that fails, what is there is served with the error beside
    /// it. `again` asks however fresh it is; so does a new name of the project, of the team or of one of its areas, and,
    /// now and then, what could not be read.
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
        let (shared, shared_as_of) = self.project(project).await?;
        let kept = self.catalogues.peek(Kind::Sprints, &key);
        let is_outdated = kept.as_ref().is_some_and(|Served { value: kept, age_ms, .. }| {
            kept.project_name != project.name
                || kept.team_name != team.name
                || shared.has_renamed_an_area_of(kept)
                || !kept.unread.is_empty() && *age_ms >= PARTIAL_RETRY_MS
        });
        let is_tree_of_now = (self.clock)().ms_since(shared_as_of) < TREE_OF_NOW_MS;
        let load = {
            let (azure, clock, areas) = (self.azure.clone(), self.clock.clone(), self.shared.clone());
            let (project, team) = (project.clone(), team.clone());
            async move {
                let mut catalogue = azure.catalogue(&project, &shared, &team, zone, clock()).await?;
                if !is_tree_of_now && has_other_areas(&catalogue, kept.as_ref().map(|kept| &*kept.value)) {
                    // The tree of areas that is kept may be from before they had these names.
                    let load = shared_by_teams(azure, project.clone(), Some(shared));
                    if let Ok(newer) = areas.refresh(Kind::Project, &project.id, load).await {
                        newer.value.name_areas_of(&mut catalogue);
                    }
                }
                let bytes = catalogue.encode().len();
                Ok(Loaded { value: Arc::new(catalogue), bytes })
            }
        };
        let again = again || is_outdated;
        let found = self.renewed(&self.catalogues, Kind::Sprints, &key, again, load).await?;
        Ok((as_set(found.0, zone, &self.blocked_by), found.1, found.2))
    }

    /// The days off of these sprints of a team, which are over; asked for once a day, and those that could not be read now
    /// and then.
    ///
    /// Errors: nothing is there that may still be served.
    pub(super) async fn days_off(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        sprints: Vec<Iteration>,
    ) -> Result<Arc<DaysOff>, CallError> {
        let key = TeamKey { project: project.id, team: team.id };
        let kept = self.days_off.peek(Kind::DaysOff, &key);
        let lacks = |kept: &Served<DaysOff>| {
            sprints.iter().any(|sprint| !kept.value.contains_key(&sprint.id))
                && kept.age_ms >= PARTIAL_RETRY_MS
        };
        let again = kept.as_ref().is_some_and(lacks);
        let (azure, project, team) = (self.azure.clone(), project.clone(), team.clone());
        let load = async move {
            let days = azure.days_off(&project, &team, &sprints).await?;
            let bytes = (DAYS_OFF.encode)(&days).len();
            Ok(Loaded { value: Arc::new(days), bytes })
        };
        Ok(self.renewed(&self.days_off, Kind::DaysOff, &key, again, load).await?.0)
    }

    /// A list that somebody needs now: renewed ahead of time, or what is kept of it, with the error beside it.
    ///
    /// Errors: nothing is there that may still be served.
    async fn renewed<K: Key, V: Shareable>(
        &self,
        cache: &Cache<K, V, CallError>,
        kind: Kind,
        key: &K,
        again: bool,
        load: impl Load<V, CallError>,
    ) -> Result<(Arc<V>, Timestamp, Option<CallError>), CallError> {
        if !again && !cache.wants_refresh(kind, key) {
            let (value, as_of) = self.value(cache.read(kind, key, load).await)?;
            return Ok((value, as_of, None));
        }
        match self.value(cache.refresh(kind, key, load).await) {
            Ok((value, as_of)) => Ok((value, as_of, None)),
            Err(error) => {
                let kept = cache.peek(kind, key).map(|served| (served.value, served.as_of));
                let (value, as_of) = kept.ok_or_else(|| error.clone())?;
                Ok((value, as_of, Some(error)))
            }
        }
    }

    /// A team's sprints may have changed by that entry of the log: what is kept of them from before it is no longer
    /// fresh.
    pub(super) fn invalidate(&self, team: TeamKey, changed_by: EntryId) {
        self.catalogues.invalidate(Kind::Sprints, &team, changed_by);
    }

    /// The same of what the teams of a project share.
    pub(super) fn invalidate_project(&self, project: ProjectId, changed_by: EntryId) {
        self.shared.invalidate(Kind::Project, &project, changed_by);
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

/// The catalogue with what is a setting of ours: another instance may have loaded it under other ones.
fn as_set(catalogue: Arc<Catalogue>, zone: Tz, blocked_by: &BlockedRules) -> Arc<Catalogue> {
    if catalogue.zone == zone && catalogue.blocked_by == *blocked_by {
        return catalogue;
    }
    Arc::new(Catalogue { zone, blocked_by: blocked_by.clone(), ..(*catalogue).clone() })
}

/// Loads what the teams of a project share; what cannot be read is as it was `known`.
fn shared_by_teams(
    azure: Arc<dyn AzureDevOps>,
    project: ProjectRef,
    known: Option<Arc<ProjectCatalogue>>,
) -> impl Load<ProjectCatalogue, CallError> {
    async move {
        let read = azure.project(&project).await?;
        let value = Arc::new(match known {
            Some(known) => read.succeeding(&known),
            None => read,
        });
        let bytes = (SHARED.encode)(&value).len();
        Ok(Loaded { value, bytes })
    }
}

/// Whether the areas of a team are not those that were known, or one of them is none that is in the tree.
fn has_other_areas(catalogue: &Catalogue, known: Option<&Catalogue>) -> bool {
    let paths = |of: &Catalogue| of.areas.iter().map(|area| area.paths.first().cloned()).collect::<Vec<_>>();
    match known {
        Some(known) => paths(catalogue) != paths(known),
        None => catalogue.areas.iter().any(|area| area.id.is_none()),
    }
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
    fn a_catalogue_that_another_instance_loaded_is_as_we_are_set() {
        let (theirs, zone) = (Arc::new(catalogue()), Tz::Pacific__Auckland);
        assert_ne!(theirs.zone, zone);
        let rules = BlockedRules::parse("column:Waiting").unwrap();
        let ours = Catalogue { zone, blocked_by: rules.clone(), ..catalogue() };
        assert_eq!(*as_set(theirs.clone(), zone, &rules), ours);
        assert!(Arc::ptr_eq(&as_set(theirs.clone(), theirs.zone, &theirs.blocked_by), &theirs));
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
