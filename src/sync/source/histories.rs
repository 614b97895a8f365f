//! The histories of the items on boards, as far back as their sprint began. The feed of revisions brings most of them; what
//! an item was before the feed was read, and what is missing in between, is asked for here.

use std::sync::PoisonError;

use super::Source;
use super::compare::{BoardError, of_items};
use super::fetch::Doubted;
use crate::board::projection::Projection;
use crate::devops::ProjectRef;
use crate::domain::scope::{ProjectId, Scope, TeamKey};
use crate::domain::sprint::work_item::{WorkItem, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;

/// Of how many items a check reads all revisions, one call for each. Only few should ever be left.
const ONE_BY_ONE_MAX: usize = 20;

/// A board whose items have a past that is not known, since its sprint began.
struct Gaps {
    project: ProjectId,
    began: Timestamp,
    /// Items of which it is not known how they were when the sprint began.
    late: Vec<WorkItemId>,
    /// Items of which a revision in between is missing.
    torn: Vec<WorkItemId>,
}

impl Source {
    /// Asks for what is missing of the histories of the items on boards. What cannot be had is not asked for again.
    pub(super) async fn complete_histories(
        &self,
        projects: &[ProjectRef],
        cause: Cause,
    ) -> Result<(), BoardError> {
        let gaps: Vec<Gaps> = {
            let state = self.instance.fold.read();
            let boards = state.boards().map(|(scope, _)| scope);
            boards.filter_map(|scope| gaps(&state, scope)).collect()
        };
        let fields = self.named_fields();
        for board in &gaps {
            let late = self.not_asked_for(&board.late, Missing::Beginning);
            if late.is_empty() {
                continue;
            }
            let batch = self.azure.items(board.project, projects, &late, &fields, Some(board.began)).await;
            self.keep(projects, of_items(batch)?.items, cause).await?;
        }
        let torn: Vec<(ProjectId, WorkItemId)> =
            gaps.iter().flat_map(|board| board.torn.iter().map(|id| (board.project, *id))).collect();
        let mut left = ONE_BY_ONE_MAX;
        for (project, id) in torn {
            if left > 0 && !self.not_asked_for(&[id], Missing::Between).is_empty() {
                left -= 1;
                self.fetch(projects, project, &[id], &Doubted::default(), cause).await?;
            }
        }
        Ok(())
    }

    /// Those of these that were not asked for before; they are now.
    fn not_asked_for(&self, ids: &[WorkItemId], missing: Missing) -> Vec<WorkItemId> {
        let mut looked_back = self.looked_back.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().copied().filter(|id| looked_back.insert((*id, missing))).collect()
    }
}

/// What is missing on a board; `None` where nothing is, or no sprint is under way.
fn gaps(state: &Projection, scope: Scope) -> Option<Gaps> {
    let team = TeamKey::of(scope)?;
    let catalogue = state.teams().catalogue(team)?;
    let first = catalogue.sprint(scope.sprint?)?.span()?.first();
    let began = catalogue.calendar().end_of(first.pred_opt()?);
    let mut gaps = Gaps { project: scope.project, began, late: Vec::new(), torn: Vec::new() };
    for item in state.items_of(scope) {
        match missing_since(&item, began) {
            None => {}
            Some(Missing::Beginning) => gaps.late.push(item.id),
            Some(Missing::Between) => gaps.torn.push(item.id),
        }
    }
    (!gaps.late.is_empty() || !gaps.torn.is_empty()).then_some(gaps)
}

/// What is missing of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Missing {
    /// How the item was when its sprint began.
    Beginning,
    /// A revision in between.
    Between,
}

/// What is missing of an item's history since that moment.
fn missing_since(item: &WorkItem, began: Timestamp) -> Option<Missing> {
    let mut revisions = item.revisions();
    let (first, claim) = revisions.next()?;
    // Of those that held at that moment or later.
    let (mut before, mut held) = (first, claim.changed_at <= began);
    for (rev, claim) in revisions {
        if rev != before + 1 && claim.changed_at > began {
            return Some(Missing::Between);
        }
        held |= claim.changed_at <= began;
        before = rev;
    }
    (!held && first != 1).then_some(Missing::Beginning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::item;

    /// An item of which these revisions are known; each was made at its number in seconds.
    fn known(revisions: &[u32]) -> WorkItem {
        let items = revisions.iter().map(|rev| item(13, *rev, |_| {}));
        items.reduce(|one, other| one.merge(&other)).unwrap()
    }

    #[test]
    fn a_history_reaches_back_to_the_beginning_of_the_sprint_without_a_gap() {
        let since = |revisions: &[u32], second: i64| {
            missing_since(&known(revisions), Timestamp::from_epoch_ms(second * 1_000))
        };
        assert_eq!(since(&[1, 2, 3], 0), None, "it was made in the sprint");
        assert_eq!(since(&[4, 5], 4), None);
        assert_eq!(since(&[4, 5], 3), Some(Missing::Beginning));
        assert_eq!(since(&[2, 5], 3), Some(Missing::Between));
        assert_eq!(since(&[2, 4, 5], 4), None, "what is missing was before the sprint");
        assert_eq!(since(&[9], 20), None);
    }
}
