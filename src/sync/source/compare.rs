//! Comparing one board with the organisation: what is known of the team, and the items of its sprint.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures_util::{StreamExt as _, stream};

use super::Source;
use crate::devops::{CallError, ProjectRef, TeamRef};
use crate::domain::degradation::{CallOutcome, DataSource, Failure, Permit};
use crate::domain::scope::{ProjectId, Scope, SprintId, TeamKey};
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::refuted::{ClaimKey, HeadRevision};
use crate::domain::sprint::work_item::{History, Observation, REVISIONS_MAX, WorkItem, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::write::commit::CommitError;
use crate::write::ingest::Provenance;

/// How many items are fetched at the same time.
const ITEMS_AT_ONCE: usize = 8;

/// How many items go into one commit.
const ITEMS_PER_COMMIT: usize = 50;

/// Why a board could not be compared.
pub(super) enum BoardError {
    /// The organisation did not answer.
    Call(DataSource, CallError),
    /// What it answered could not be kept.
    Kept(String),
    /// It is not to be asked now.
    Waiting,
}

impl From<CommitError> for BoardError {
    fn from(error: CommitError) -> Self {
        Self::Kept(error.to_string())
    }
}

/// Claims that are in doubt, by their items.
type Doubted = BTreeMap<WorkItemId, BTreeSet<ClaimKey>>;

/// What fetching items came to.
#[derive(Default)]
struct Fetched {
    /// How many there were.
    items: u32,
    /// Those of which the answer cannot be read. They cost the board themselves, and no more.
    unreadable: Vec<WorkItemId>,
}

impl Source {
    /// Compares one team's board and returns how many of its items had changed.
    pub(super) async fn compare_team(
        &self,
        projects: &[ProjectRef],
        project: &ProjectRef,
        team: &TeamRef,
        cause: Cause,
    ) -> Result<u32, BoardError> {
        let key = TeamKey { project: project.id, team: team.id };
        let result = match self.levels.permit(Some((DataSource::WorkItems, key.scope(None)))) {
            Permit::Wait(_) => return Err(BoardError::Waiting),
            Permit::Ask | Permit::Probe => self.compare_board_of(projects, project, team, cause).await,
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
    ) -> Result<u32, BoardError> {
        let scope = Scope::project(project.id);
        if let Permit::Wait(_) = self.levels.permit(Some((DataSource::WorkItems, scope))) {
            return Err(BoardError::Waiting);
        }
        let began = (self.instance.clock)();
        let ids = self.instance.fold.read().items_of(scope).into_iter().map(|item| item.id).collect();
        let fetched = self.compare_items(projects, project.id, &ids, cause).await;
        let fetched = fetched.map(|fetched| {
            self.levels.found(move |check| check.advance(scope.project, began));
            (fetched.items, began)
        });
        self.judge(scope, fetched).await
    }

    /// Takes in how the comparison of a board ended. A board's first one is recorded at once: it is what its readers wait
    /// for.
    async fn judge(
        &self,
        scope: Scope,
        compared: Result<(u32, Timestamp), BoardError>,
    ) -> Result<u32, BoardError> {
        let items = (DataSource::WorkItems, scope);
        match &compared {
            Ok((_, answered_at)) => self.levels.observe(Some(items), CallOutcome::Success, *answered_at),
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
        compared.map(|(changed, _)| changed)
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
    ) -> Result<(u32, Timestamp), BoardError> {
        let key = TeamKey { project: project.id, team: team.id };
        let listed_at = self.learn(project, team, cause).await?;
        self.levels.found(move |check| check.team_mut(key).sprints_as_of = Some(listed_at));
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
        // Between two sprints nothing may have been asked but which sprints there are.
        let at = if sprint.is_none() && ids.is_empty() { listed_at } else { began };
        self.levels.found(move |check| check.compared(key, sprint, at, fetched.unreadable.clone()));
        Ok((fetched.items, at))
    }

    /// Reads what is known of a team, and keeps it; returns of when it is.
    async fn learn(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        cause: Cause,
    ) -> Result<Timestamp, BoardError> {
        let zone = self.settings.zones.of(team.id, &team.name);
        let key = TeamKey { project: project.id, team: team.id };
        let sprints = (DataSource::Sprints, key.scope(None));
        let missed = self.levels.known(|check| check.team(key).and_then(|check| check.sprint_missed));
        // What was kept from before a failure says nothing about it.
        let is_gone = self.levels.known(|check| check.is_gone(sprints));
        let again = missed.is_some() || is_gone || self.lacks_a_part(key);
        let catalogue = self.lists.catalogue(project, team, zone, again).await;
        let (catalogue, as_of, failed) =
            catalogue.map_err(|error| BoardError::Call(DataSource::Sprints, error))?;
        // Sprints that cannot be read now keep nobody from comparing items by those that are known.
        let (outcome, at) = match &failed {
            None => (CallOutcome::Success, as_of),
            Some(error) => (CallOutcome::Failed(error.failure), (self.instance.clock)()),
        };
        if let Some(error) = failed {
            tracing::warn!(project = %project.name, team = %team.name, %error, "a team's sprints cannot be read");
        }
        self.levels.observe(Some(sprints), outcome, at);
        let lacks_sprint = self.lacks_current_sprint(&catalogue);
        let is_confirmed = missed.is_some_and(|missed| missed < as_of);
        if lacks_sprint && !is_confirmed {
            tracing::warn!(
                project = %project.name, team = %team.name,
                "a team's list of sprints lacks the current one; it is looked at once more before it is believed"
            );
            self.levels.found(move |check| {
                let check = check.team_mut(key);
                check.sprint_missed = check.sprint_missed.or(Some(as_of));
            });
            return Ok(as_of);
        }
        if missed.is_some() {
            self.levels.found(move |check| check.team_mut(key).sprint_missed = None);
        }
        self.teams.learn((*catalogue).clone(), cause).await?;
        Ok(as_of)
    }

    /// Whether something of what is known of a team could not be read.
    fn lacks_a_part(&self, team: TeamKey) -> bool {
        let state = self.instance.fold.read();
        state.teams().catalogue(team).is_some_and(|known| !known.unread.is_empty())
    }

    /// Whether a team is in a sprint that this list of its sprints does not name, or had areas and has none by it.
    fn lacks_current_sprint(&self, catalogue: &Catalogue) -> bool {
        let state = self.instance.fold.read();
        let current = state.teams().current(catalogue.key()).flatten();
        let known = state.teams().catalogue(catalogue.key());
        current.is_some_and(|sprint| catalogue.sprint(sprint).is_none())
            || catalogue.areas.is_empty() && known.is_some_and(|known| !known.areas.is_empty())
    }

    /// The items of the board that is served, and the sprint that it is of.
    fn items_to_compare(&self, team: TeamKey) -> (BTreeSet<WorkItemId>, Option<SprintId>) {
        let state = self.instance.fold.read();
        let scope = state.teams().served_scope(team);
        (state.items_of(scope).into_iter().map(|item| item.id).collect(), scope.sprint)
    }

    /// Fetches those of these items that are behind.
    async fn compare_items(
        &self,
        projects: &[ProjectRef],
        project: ProjectId,
        ids: &BTreeSet<WorkItemId>,
        cause: Cause,
    ) -> Result<Fetched, BoardError> {
        if ids.is_empty() {
            return Ok(Fetched::default());
        }
        let ids: Vec<WorkItemId> = ids.iter().copied().collect();
        // What is known is noted before the organisation is asked: a hook that comes meanwhile may be ahead of its answer.
        let known: HashMap<WorkItemId, Arc<WorkItem>> = {
            let state = self.instance.fold.read();
            ids.iter().filter_map(|id| Some((*id, state.item(*id)?.item))).collect()
        };
        let heads = of_items(self.azure.heads(&ids).await)?;
        let doubted = self.doubted(&known, &heads);
        let omitted = omitted(&known, &heads);
        let mut stale = self.stale(heads, &doubted);
        stale.extend(omitted);
        self.fetch(projects, project, &stale, &doubted, cause).await
    }

    /// The claims that the organisation was found not to have before, too, by their items.
    fn doubted(
        &self,
        known: &HashMap<WorkItemId, Arc<WorkItem>>,
        heads: &[(WorkItemId, HeadRevision)],
    ) -> Doubted {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        let look = |(id, head): &(WorkItemId, HeadRevision)| Some((*id, doubts.look(known.get(id)?, *head)));
        heads.iter().filter_map(look).filter(|(_, claims)| !claims.is_empty()).collect()
    }

    /// What the organisation tells of an item; as a correction, where it proves wrong what is known.
    fn told(&self, told: Observation, doubted: &Doubted) -> Observation {
        let none = BTreeSet::new();
        let doubt = doubted.get(&told.id).unwrap_or(&none);
        let known = self.instance.fold.read().item(told.id);
        let Some(corrected) = known.and_then(|known| known.item.corrected(&told, doubt)) else { return told };
        tracing::warn!(
            work_item = %told.id, rev = told.present().rev,
            "what is known of a work item is not what the organisation has; its own revisions are taken instead"
        );
        self.instance.vitals.items_corrected.add(1);
        corrected
    }

    /// Whether an item is in one of these projects. One that names another is of nobody knows which: it is left out, and
    /// the list is read again.
    fn is_listed(&self, projects: &[ProjectRef], item: &Observation) -> bool {
        let name = item.present().details.project_name.to_lowercase();
        let is_listed = name.is_empty() || projects.iter().any(|project| project.name.to_lowercase() == name);
        if !is_listed {
            tracing::warn!(work_item = %item.id, "a work item names a project that is not listed, and is left out");
            self.has_met_a_stranger.store(true, Ordering::SeqCst);
        }
        is_listed
    }

    /// Those that are behind, or in doubt. Whether an item is on the board does not matter: with a sprint the organisation
    /// also names the parents of its tasks, which are often in no sprint or in another.
    fn stale(&self, heads: Vec<(WorkItemId, HeadRevision)>, doubted: &Doubted) -> Vec<WorkItemId> {
        let state = self.instance.fold.read();
        let is_behind = |(id, head): &(WorkItemId, HeadRevision)| {
            doubted.contains_key(id) || is_stale(state.item(*id).map(|known| known.item), *head)
        };
        heads.into_iter().filter(is_behind).map(|(id, _)| id).collect()
    }

    /// Fetches these items with all their revisions and commits them.
    async fn fetch(
        &self,
        projects: &[ProjectRef],
        project: ProjectId,
        ids: &[WorkItemId],
        doubted: &Doubted,
        cause: Cause,
    ) -> Result<Fetched, BoardError> {
        let (mut fetched, mut failed) = (Fetched::default(), Vec::new());
        for batch in ids.chunks(ITEMS_PER_COMMIT) {
            let received_at = (self.instance.clock)();
            let fetch = |id| async move { (id, self.azure.revisions(project, projects, id).await) };
            let futures: Vec<_> = batch.iter().map(|id| fetch(*id)).collect();
            let answers: Vec<_> = stream::iter(futures).buffer_unordered(ITEMS_AT_ONCE).collect().await;
            let mut observations: Vec<Observation> = Vec::with_capacity(answers.len());
            for (id, answer) in answers {
                match answer {
                    Ok(Some(item)) if self.is_listed(projects, &item) => {
                        observations.push(self.told(item, doubted));
                    }
                    // The board shows it, and cannot answer for it.
                    Ok(None) if self.instance.fold.read().item(id).is_some() => fetched.unreadable.push(id),
                    Ok(_) => {}
                    Err(error) => failed.push((id, error)),
                }
            }
            observations.sort_by_key(|item| item.id);
            fetched.items += u32::try_from(observations.len()).unwrap_or(u32::MAX);
            let provenance = Provenance { source: cause, received_at, collection: None, trace_id: None };
            if !observations.is_empty() {
                self.ingest.observe_all(&observations, &provenance).await?;
                let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
                observations.iter().for_each(|item| doubts.answered(item.id));
            }
            if let Some((_, error)) = failed.iter().find(|(_, error)| !is_of_one_item(error, fetched.items)) {
                return Err(BoardError::Call(DataSource::WorkItems, error.clone()));
            }
        }
        for (id, error) in failed {
            tracing::warn!(work_item = %id, %error, "a work item cannot be read; it is missing on its board");
            fetched.unreadable.push(id);
        }
        Ok(fetched)
    }
}

/// Whether that an item cannot be fetched says nothing of the others: its answer cannot be read, or others were answered.
fn is_of_one_item(error: &CallError, answered: u32) -> bool {
    match error.failure {
        Failure::Unreadable | Failure::Gone => true,
        Failure::Server | Failure::Forbidden => answered > 0,
        Failure::Unauthorised | Failure::Throttled { .. } | Failure::TimedOut | Failure::Unsupported => false,
    }
}

fn of_items<T>(result: Result<T, CallError>) -> Result<T, BoardError> {
    result.map_err(|error| BoardError::Call(DataSource::WorkItems, error))
}

/// The items that are known here and that the organisation did not name: they are in its recycle bin, or may not be read
/// any more. Their revisions tell.
fn omitted(
    known: &HashMap<WorkItemId, Arc<WorkItem>>,
    heads: &[(WorkItemId, HeadRevision)],
) -> Vec<WorkItemId> {
    let named: BTreeSet<WorkItemId> = heads.iter().map(|(id, _)| *id).collect();
    let is_omitted = |item: &&Arc<WorkItem>| !named.contains(&item.id) && !item.present().claim.facts.deleted;
    known.values().filter(is_omitted).map(|item| item.id).collect()
}

/// Whether the organisation has revisions of an item that are not known here. Where some in between are missing they
/// are fetched too, as far back as any are kept.
fn is_stale(known: Option<Arc<WorkItem>>, head: HeadRevision) -> bool {
    let Some(item) = known else { return true };
    let rev = item.present().rev;
    let kept = usize::try_from(rev.min(REVISIONS_MAX)).unwrap_or(usize::MAX);
    rev < head.rev || item.history() == History::Partial && item.revisions().count() < kept
}
