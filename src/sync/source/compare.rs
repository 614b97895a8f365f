//! Comparing one team's board with the organisation: what is known of the team, and the items of its sprint.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::Source;
use crate::devops::{CallError, ProjectRef, TeamRef};
use crate::domain::degradation::{CallOutcome, DataSource, Permit};
use crate::domain::scope::{ProjectId, SprintId, TeamKey};
use crate::domain::sprint::work_item::{History, Observation, REVISIONS_MAX, Rev, WorkItem, WorkItemId};
use crate::domain::wire::event::Cause;
use crate::write::commit::CommitError;
use crate::write::ingest::Provenance;

/// How many items are fetched at the same time.
const ITEMS_AT_ONCE: usize = 8;

/// How many items go into one commit.
const ITEMS_PER_COMMIT: usize = 50;

/// Why a team could not be compared.
pub(super) enum TeamError {
    /// The organisation did not answer.
    Call(DataSource, CallError),
    /// What it answered could not be kept.
    Kept(String),
    /// It is not to be asked now.
    Waiting,
}

impl From<CommitError> for TeamError {
    fn from(error: CommitError) -> Self {
        Self::Kept(error.to_string())
    }
}

impl Source {
    /// Compares one team's board and returns how many of its items had changed.
    pub(super) async fn compare_team(
        &self,
        projects: &[ProjectRef],
        project: &ProjectRef,
        team: &TeamRef,
        cause: Cause,
    ) -> Result<u32, TeamError> {
        let key = TeamKey { project: project.id, team: team.id };
        if let Permit::Wait(_) = self.levels.permit(DataSource::WorkItems, key) {
            return Err(TeamError::Waiting);
        }
        let result = self.compare_permitted(projects, project, team, cause).await;
        match &result {
            Ok(_) => self.levels.observe(DataSource::WorkItems, key, CallOutcome::Success),
            Err(TeamError::Call(source, error)) => {
                self.levels.observe(*source, key, CallOutcome::Failed(error.failure));
                if *source != DataSource::WorkItems {
                    // The items were not asked for, so nothing is known of them either way.
                    self.levels.release(DataSource::WorkItems, key);
                }
            }
            Err(TeamError::Kept(_) | TeamError::Waiting) => self.levels.release(DataSource::WorkItems, key),
        }
        result
    }

    async fn compare_permitted(
        &self,
        projects: &[ProjectRef],
        project: &ProjectRef,
        team: &TeamRef,
        cause: Cause,
    ) -> Result<u32, TeamError> {
        let zone = self.settings.zones.of(team.id, &team.name);
        let catalogue = self.lists.catalogue(project, team, zone).await;
        let (catalogue, failed) = catalogue.map_err(|error| TeamError::Call(DataSource::Sprints, error))?;
        let key = TeamKey { project: project.id, team: team.id };
        // Sprints that cannot be read now keep nobody from comparing items by those that are known.
        self.levels.observe(
            DataSource::Sprints,
            key,
            failed.map_or(CallOutcome::Success, |error| CallOutcome::Failed(error.failure)),
        );
        self.teams.learn((*catalogue).clone(), cause).await?;
        let (mut ids, sprint) = self.items_to_compare(key);
        if let Some(sprint) = sprint {
            ids.extend(self.items(self.azure.sprint_items(project.id, team.id, sprint).await)?);
        }
        if ids.is_empty() {
            return Ok(0);
        }
        let ids: Vec<WorkItemId> = ids.into_iter().collect();
        let heads = self.items(self.azure.heads(&ids).await)?;
        let stale = self.stale(heads);
        self.fetch(projects, project.id, &stale, cause).await
    }

    fn items<T>(&self, result: Result<T, CallError>) -> Result<T, TeamError> {
        result.map_err(|error| TeamError::Call(DataSource::WorkItems, error))
    }

    /// The items of the board that is served, and the sprint that it is of.
    fn items_to_compare(&self, team: TeamKey) -> (BTreeSet<WorkItemId>, Option<SprintId>) {
        let state = self.instance.fold.read();
        let scope = state.teams().served_scope(team);
        let items = match scope.sprint {
            Some(_) => state.items_of(scope),
            // Between two sprints there is a whole backlog, and nothing of it is counted.
            None => Vec::new(),
        };
        (items.into_iter().map(|item| item.id).collect(), scope.sprint)
    }

    /// Those that are behind. Whether an item is on the board does not matter: with a sprint the organisation also
    /// names the parents of its tasks, which are often in no sprint or in another.
    fn stale(&self, heads: Vec<(WorkItemId, Rev)>) -> Vec<WorkItemId> {
        let state = self.instance.fold.read();
        let is_behind =
            |(id, rev): &(WorkItemId, Rev)| is_stale(state.item(*id).map(|known| known.item), *rev);
        heads.into_iter().filter(is_behind).map(|(id, _)| id).collect()
    }

    /// Fetches these items with all their revisions and commits them; returns how many there were.
    async fn fetch(
        &self,
        projects: &[ProjectRef],
        project: ProjectId,
        ids: &[WorkItemId],
        cause: Cause,
    ) -> Result<u32, TeamError> {
        let mut fetched = 0;
        for batch in ids.chunks(ITEMS_PER_COMMIT) {
            let received_at = (self.instance.clock)();
            let futures: Vec<_> =
                batch.iter().map(|id| self.azure.revisions(project, projects, *id)).collect();
            let answers: Vec<_> = stream::iter(futures).buffer_unordered(ITEMS_AT_ONCE).collect().await;
            let mut observations: Vec<Observation> = Vec::with_capacity(answers.len());
            for answer in answers {
                observations.extend(self.items(answer)?);
            }
            observations.sort_by_key(|item| item.id);
            fetched += u32::try_from(observations.len()).unwrap_or(u32::MAX);
            let provenance = Provenance { source: cause, received_at, collection: None, trace_id: None };
            self.ingest.observe_all(&observations, &provenance).await?;
        }
        Ok(fetched)
    }
}

/// Whether the organisation has revisions of an item that are not known here. Where some in between are missing they
/// are fetched too, as far back as any are kept.
fn is_stale(known: Option<Arc<WorkItem>>, head: Rev) -> bool {
    let Some(item) = known else { return true };
    let rev = item.present().rev;
    let kept = usize::try_from(rev.min(REVISIONS_MAX)).unwrap_or(usize::MAX);
    rev < head || item.history() == History::Partial && item.revisions().count() < kept
}
