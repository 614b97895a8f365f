//! The items of boards: those that are behind what the organisation has are fetched, many at once where their newest
//! revision is enough, and kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures_util::{StreamExt as _, stream};

use super::Source;
use super::compare::{BoardError, of_items};
use crate::devops::{CallError, ItemBatch, ItemHead, ProjectRef};
use crate::domain::degradation::{DataSource, Failure};
use crate::domain::scope::{ProjectId, Text};
use crate::domain::sprint::refuted::ClaimKey;
use crate::domain::sprint::work_item::{Observation, WorkItem, WorkItemId};
use crate::domain::wire::event::Cause;
use crate::write::ingest::Provenance;

/// How many items are fetched at the same time.
pub(super) const ITEMS_AT_ONCE: usize = 8;

/// How many items go into one commit.
const ITEMS_PER_COMMIT: usize = 50;

/// Claims that are in doubt, by their items.
pub(super) type Doubted = BTreeMap<WorkItemId, BTreeSet<ClaimKey>>;

/// What fetching items came to.
#[derive(Default)]
pub(super) struct Fetched {
    /// How many there were.
    pub(super) items: u32,
    /// Those of which the answer cannot be read. They cost the board themselves, and no more.
    pub(super) unreadable: Vec<WorkItemId>,
    /// Projects that items name and that are not listed: these items were left out.
    strangers: BTreeSet<Text>,
    /// Whether something is not as the organisation has it, and a second look decides.
    pub(super) is_undecided: bool,
}

impl Fetched {
    fn add(&mut self, more: Self) {
        self.items += more.items;
        self.unreadable.extend(more.unreadable);
        self.strangers.extend(more.strangers);
        self.is_undecided |= more.is_undecided;
    }
}

impl Source {
    /// Fetches those of these items that are behind. Where one names a project that is not listed, the list is read again
    /// first: it may be of before the project was renamed, and whoever left the item out would call its board equal.
    pub(super) async fn compare_items(
        &self,
        projects: &[ProjectRef],
        project: ProjectId,
        ids: &BTreeSet<WorkItemId>,
        cause: Cause,
    ) -> Result<Fetched, BoardError> {
        let fetched = self.compare_listed(projects, project, ids, cause).await?;
        let Some(projects) = of_items(self.look_for(&fetched.strangers).await)? else { return Ok(fetched) };
        let mut again = self.compare_listed(&projects, project, ids, cause).await?;
        again.items += fetched.items;
        Ok(again)
    }

    /// The same for items of projects that are listed.
    async fn compare_listed(
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
        let (there, new): (Vec<WorkItemId>, Vec<WorkItemId>) =
            ids.into_iter().partition(|id| known.contains_key(id));
        let heads = if there.is_empty() { Vec::new() } else { of_items(self.azure.heads(&there).await)? };
        let mut doubted = self.doubted(&known, &heads);
        let omitted = omitted(&known, &heads);
        doubted.extend(self.doubted_in_vain(&known, &omitted));
        for (id, claim) in self.misplaced(&known, &heads) {
            doubted.entry(id).or_default().insert(claim);
        }
        let undecided = self.undecided(&known, &heads, &omitted);
        let mut stale = self.stale(&heads, &doubted);
        stale.extend(new);
        let (doubtful, stale): (Vec<WorkItemId>, Vec<WorkItemId>) =
            stale.into_iter().partition(|id| doubted.contains_key(id));
        let mut fetched = self.fetch_as_they_are(projects, project, &stale, cause).await?;
        // What the organisation refutes or omits, only its revisions can tell.
        let one_by_one: Vec<WorkItemId> = doubtful.into_iter().chain(omitted).collect();
        fetched.add(self.fetch(projects, project, &one_by_one, &doubted, cause).await?);
        let state = self.instance.fold.read();
        // What was fetched may have decided it. What cannot be read is known to be missing.
        fetched.is_undecided |= undecided.into_iter().any(|(id, claim)| {
            !fetched.unreadable.contains(&id)
                && state.item(id).is_some_and(|known| known.item.newest_claim() == claim)
        });
        Ok(fetched)
    }

    /// Fetches these items as they are, many at once.
    pub(super) async fn fetch_as_they_are(
        &self,
        projects: &[ProjectRef],
        project: ProjectId,
        ids: &[WorkItemId],
        cause: Cause,
    ) -> Result<Fetched, BoardError> {
        if ids.is_empty() {
            return Ok(Fetched::default());
        }
        let batch = self.azure.items(project, projects, ids, &self.named_fields(), None).await;
        let ItemBatch { items, unreadable, .. } = of_items(batch)?;
        for id in &unreadable {
            tracing::warn!(work_item = %id, "a work item cannot be read; it is missing on its board");
        }
        let (items, left_out): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| self.is_listed(projects, item));
        let strangers = left_out.iter().map(named_project).collect();
        let items = self.keep(projects, items, cause).await?;
        Ok(Fetched { items, unreadable: unreadable.into_iter().collect(), strangers, ..Fetched::default() })
    }

    /// Whence is what is read of the organisation now.
    pub(super) fn provenance(&self, cause: Cause) -> Provenance {
        let received_at = (self.instance.clock)();
        Provenance { source: cause, received_at, collection: None, trace_id: None }
    }

    /// Keeps items of projects that are listed; returns how many there are.
    pub(super) async fn keep(
        &self,
        projects: &[ProjectRef],
        items: Vec<Observation>,
        cause: Cause,
    ) -> Result<u32, BoardError> {
        let provenance = self.provenance(cause);
        let none = Doubted::default();
        let listed: Vec<Observation> = items
            .into_iter()
            .filter(|item| self.is_listed(projects, item))
            .map(|item| self.told(item, &none))
            .collect();
        for observations in listed.chunks(ITEMS_PER_COMMIT) {
            self.ingest.observe_all(observations, &provenance).await?;
        }
        Ok(u32::try_from(listed.len()).unwrap_or(u32::MAX))
    }

    /// The claims that the organisation was found not to have before, too, by their items.
    fn doubted(&self, known: &HashMap<WorkItemId, Arc<WorkItem>>, heads: &[ItemHead]) -> Doubted {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        let look = |head: &ItemHead| Some((head.id, doubts.look(known.get(&head.id)?, head.revision)));
        heads.iter().filter_map(look).filter(|(_, claims)| !claims.is_empty()).collect()
    }

    /// The newest claims on items that bear names which no list ever had: an area or an iteration was renamed more than
    /// once since the list was read before. By the names of now the lists tell where they are.
    fn misplaced(
        &self,
        known: &HashMap<WorkItemId, Arc<WorkItem>>,
        heads: &[ItemHead],
    ) -> Vec<(WorkItemId, ClaimKey)> {
        let state = self.instance.fold.read();
        let look = |head: &ItemHead| {
            let (item, (area, iteration)) = (known.get(&head.id)?, head.paths.as_ref()?);
            let is_misplaced =
                item.present().rev == head.revision.rev && state.teams().is_misplaced(item, area, iteration);
            is_misplaced.then(|| (head.id, item.newest_claim()))
        };
        heads.iter().filter_map(look).collect()
    }

    /// The newest claims on items that the organisation did not name before either.
    fn doubted_in_vain(&self, known: &HashMap<WorkItemId, Arc<WorkItem>>, omitted: &[WorkItemId]) -> Doubted {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        let look = |id: &WorkItemId| Some((*id, doubts.look_in_vain(known.get(id)?)));
        omitted.iter().filter_map(look).filter(|(_, claims)| !claims.is_empty()).collect()
    }

    /// The newest claims on items which this check was the first not to find so.
    fn undecided(
        &self,
        known: &HashMap<WorkItemId, Arc<WorkItem>>,
        heads: &[ItemHead],
        omitted: &[WorkItemId],
    ) -> Vec<(WorkItemId, ClaimKey)> {
        let doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        let named = heads.iter().map(|head| (head.id, Some(head.revision)));
        let looked_at = named.chain(omitted.iter().map(|id| (*id, None)));
        let look = |(id, head)| {
            let item: &Arc<WorkItem> = known.get(&id)?;
            doubts.is_undecided(item, head).then(|| (id, item.newest_claim()))
        };
        looked_at.filter_map(look).collect()
    }

    /// What the organisation tells of an item; as a correction, where it proves wrong what is known.
    pub(super) fn told(&self, told: Observation, doubted: &Doubted) -> Observation {
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
    pub(super) fn is_listed(&self, projects: &[ProjectRef], item: &Observation) -> bool {
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
    fn stale(&self, heads: &[ItemHead], doubted: &Doubted) -> Vec<WorkItemId> {
        let state = self.instance.fold.read();
        let is_behind = |head: &&ItemHead| {
            doubted.contains_key(&head.id)
                || state.item(head.id).is_none_or(|known| known.item.present().rev < head.revision.rev)
        };
        heads.iter().filter(is_behind).map(|head| head.id).collect()
    }

    /// Fetches these items with all their revisions and commits them.
    pub(super) async fn fetch(
        &self,
        projects: &[ProjectRef],
        project: ProjectId,
        ids: &[WorkItemId],
        doubted: &Doubted,
        cause: Cause,
    ) -> Result<Fetched, BoardError> {
        let (mut fetched, mut failed) = (Fetched::default(), Vec::new());
        for batch in ids.chunks(ITEMS_PER_COMMIT) {
            let provenance = self.provenance(cause);
            let fetch = |id| async move { (id, self.azure.revisions(project, projects, id).await) };
            let futures: Vec<_> = batch.iter().map(|id| fetch(*id)).collect();
            let answers: Vec<_> = stream::iter(futures).buffer_unordered(ITEMS_AT_ONCE).collect().await;
            let mut observations: Vec<Observation> = Vec::with_capacity(answers.len());
            for (id, answer) in answers {
                match answer {
                    Ok(Some(item)) if self.is_listed(projects, &item) => {
                        observations.push(self.told(item, doubted));
                    }
                    Ok(Some(item)) => drop(fetched.strangers.insert(named_project(&item))),
                    // The board shows it, and cannot answer for it.
                    Ok(None) if self.instance.fold.read().item(id).is_some() => fetched.unreadable.push(id),
                    Ok(None) => {}
                    Err(error) => failed.push((id, error)),
                }
            }
            observations.sort_by_key(|item| item.id);
            fetched.items += u32::try_from(observations.len()).unwrap_or(u32::MAX);
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

/// The name of the project that an item is in.
fn named_project(item: &Observation) -> Text {
    item.present().details.project_name.clone()
}

/// Whether that an item cannot be fetched says nothing of the others: its answer cannot be read, or others were answered.
fn is_of_one_item(error: &CallError, answered: u32) -> bool {
    match error.failure {
        Failure::Unreadable | Failure::Gone => true,
        Failure::Server | Failure::Forbidden => answered > 0,
        Failure::Unauthorised
        | Failure::Throttled { .. }
        | Failure::TimedOut
        | Failure::Unsupported
        | Failure::TeamField => false,
    }
}

/// The items that are known here and that the organisation did not name: they are in its recycle bin, or may not be read
/// any more. Their revisions tell.
fn omitted(known: &HashMap<WorkItemId, Arc<WorkItem>>, heads: &[ItemHead]) -> Vec<WorkItemId> {
    let named: BTreeSet<WorkItemId> = heads.iter().map(|head| head.id).collect();
    let is_omitted = |item: &&Arc<WorkItem>| !named.contains(&item.id) && !item.present().claim.facts.deleted;
    known.values().filter(is_omitted).map(|item| item.id).collect()
}
