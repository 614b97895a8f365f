//! The lives of the teams' items, whole from the beginning of the window on. The feed of revisions brings most of them; how an
//! item was when the window began, what is missing in between, and what was before it where that may tell when something was
//! started or completed, is asked for here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Source;
use super::compare::{BoardError, of_items};
use super::fetch::Doubted;
use crate::board::projection::Projection;
use crate::devops::{ItemBatch, ProjectRef};
use crate::domain::scope::ProjectId;
use crate::domain::sprint::catalogue::{Catalogue, StateCategory};
use crate::domain::sprint::work_item::{Lack, Observation, WorkItem, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;

/// Of how many items a check reads all revisions, one call for each, while the past is not being read.
const ONE_BY_ONE_MAX: usize = 20;

/// Of how many items how they were is asked for at once.
const ITEMS_AT_ONCE: usize = 200;

/// What is asked for of an item's life, once by each instance: what cannot be had is not asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// How it was when the window began.
    Beginning,
    /// All of its revisions, because one is missing in between, or because what was before the window may tell when it began.
    Whole,
}

/// What is open of lives.
#[derive(Default)]
struct Open {
    /// Items of which it is not known how they were at a moment, by that moment.
    beginning: BTreeMap<Timestamp, Vec<(ProjectId, WorkItemId)>>,
    /// What is known of a life, and not written yet.
    unsaid: Vec<Observation>,
    /// Items of which all revisions are asked for.
    whole: Vec<(ProjectId, WorkItemId)>,
}

impl Source {
    /// Asks for what is missing of the lives of the teams' items since `from`; without it, of the teams whose past was read,
    /// since the beginning of theirs. Says whether nothing is left to be asked for.
    pub(super) async fn complete_lives(
        &self,
        projects: &[ProjectRef],
        from: Option<Timestamp>,
        ends: Instant,
    ) -> Result<bool, BoardError> {
        let open = self.open_lives(from);
        for (at, items) in &open.beginning {
            for items in items.chunks(ITEMS_AT_ONCE) {
                if Instant::now() >= ends {
                    return Ok(false);
                }
                self.ask_for_beginning(projects, *at, items).await?;
            }
        }
        self.keep_told(&open.unsaid, &self.provenance(Cause::Backfill)).await?;
        // What was just told of how items were tells more of what is missing.
        let open = if open.beginning.is_empty() { open } else { self.open_lives(from) };
        let most = if from.is_some() { usize::MAX } else { ONE_BY_ONE_MAX };
        let whole: Vec<_> = open.whole.into_iter().take(most).collect();
        for items in whole.chunks(super::fetch::ITEMS_AT_ONCE) {
            if Instant::now() >= ends {
                return Ok(false);
            }
            let ids: Vec<WorkItemId> = items.iter().map(|(_, id)| *id).collect();
            let Some((project, _)) = items.first() else { continue };
            self.fetch(projects, *project, &ids, &Doubted::default(), Cause::Backfill).await?;
            self.looked_back().extend(ids.into_iter().map(|id| (id, Asked::Whole)));
        }
        Ok(true)
    }

    fn looked_back(&self) -> MutexGuard<'_, BTreeSet<(WorkItemId, Asked)>> {
        self.looked_back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is open of the lives of all teams' items, and was not asked for.
    fn open_lives(&self, from: Option<Timestamp>) -> Open {
        let (state, looked_back) = (self.instance.fold.read(), self.looked_back());
        let (mut open, mut seen) = (Open::default(), BTreeSet::new());
        for team in state.teams().all() {
            let known = state.checked().past_of(team.key()).map(|past| past.from);
            let Some(from) = from.or(known) else { continue };
            for item in items_of(&state, team, &mut seen) {
                let project = item.present().claim.facts.project;
                match (item.lacks_from(from), may_have_begun_before(&item, team)) {
                    (Some(Lack::Beginning), _) if !looked_back.contains(&(item.id, Asked::Beginning)) => {
                        open.beginning.entry(from).or_default().push((project, item.id));
                    }
                    (Some(Lack::Between), _) | (None, true)
                        if !looked_back.contains(&(item.id, Asked::Whole)) =>
                    {
                        open.whole.push((project, item.id));
                    }
                    (None, _) if !item.says_from(from) => open.unsaid.push(item.beginning_at(from)),
                    _ => {}
                }
            }
        }
        open
    }

    /// Asks how these items were at that moment. Of one that was not there, or not in a project that is served, it is written
    /// that its life begins with what is known.
    async fn ask_for_beginning(
        &self,
        projects: &[ProjectRef],
        at: Timestamp,
        items: &[(ProjectId, WorkItemId)],
    ) -> Result<(), BoardError> {
        let Some((project, _)) = items.first() else { return Ok(()) };
        let ids: Vec<WorkItemId> = items.iter().map(|(_, id)| *id).collect();
        let batch = self.azure.items(*project, projects, &ids, &self.named_fields(), Some(at)).await;
        let ItemBatch { items, of_later_state, unreadable } = of_items(batch)?;
        let is_served = |item: &Observation| {
            let of = item.present().claim.facts.project;
            self.is_listed(projects, item)
                && projects.iter().any(|project| project.id == of && self.serves(project))
        };
        let told: BTreeMap<WorkItemId, Observation> = items
            .into_iter()
            .filter(|item| is_served(item))
            .map(|item| {
                let is_first_state = !of_later_state.contains(&item.id);
                (item.id, item.in_force_at(at, is_first_state))
            })
            .collect();
        let observations: Vec<Observation> = {
            let state = self.instance.fold.read();
            let unasked = |id: &WorkItemId| Some(state.item(*id)?.item.beginning_at(at));
            let readable = ids.iter().filter(|id| !unreadable.contains(id));
            readable.filter_map(|id| told.get(id).cloned().or_else(|| unasked(id))).collect()
        };
        self.keep_told(&observations, &self.provenance(Cause::Backfill)).await?;
        self.looked_back().extend(ids.into_iter().map(|id| (id, Asked::Beginning)));
        Ok(())
    }
}

/// The items that are or ever were a team's, but for those that were seen before.
fn items_of<'a>(
    state: &'a Projection,
    team: &Catalogue,
    seen: &'a mut BTreeSet<WorkItemId>,
) -> impl Iterator<Item = std::sync::Arc<WorkItem>> + 'a {
    let items = state.items_of_team(team.key());
    items.filter(|known| seen.insert(known.item.id)).map(|known| known.item.clone())
}

/// Whether when an item was started or completed may be told by what was before its known life.
fn may_have_begun_before(item: &WorkItem, team: &Catalogue) -> bool {
    item.may_have_begun_before(|claim| {
        let category = team.category_of(&claim.facts.work_item_type, &claim.facts.state);
        matches!(category, StateCategory::InProgress | StateCategory::Resolved)
    })
}
