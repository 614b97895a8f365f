//! What became of the sprints before: what of them was planned, completed in time, completed late, and not completed.

use super::{Life, SprintMembership};
use crate::domain::metrics::frame::SprintContext;
use crate::domain::metrics::periods::sprints::EarlierSprint;
use crate::domain::{Hundredths, StateCategory};

/// An item's estimate; `None` without one.
pub(crate) type Estimate = Option<Hundredths>;

/// An item's part in a sprint before. What it was worth stands with each, because it may have been estimated anew meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartInSprint {
    /// The index of the sprint among those before.
    pub(crate) sprint: usize,
    /// It was in the scope when the sprint was planned.
    pub(crate) planned: Option<Estimate>,
    /// It was completed, and in the sprint, when that ended.
    pub(crate) completed: Option<Estimate>,
    /// It was planned and not completed when the sprint ended, with its estimate as planned.
    pub(crate) incomplete: Option<Estimate>,
    /// It was in progress, and in the sprint, when that ended: what Azure DevOps shows as incomplete.
    pub(crate) in_progress: Option<Estimate>,
    /// It was still in the sprint when it was completed after the end of that.
    pub(crate) late: Option<Estimate>,
    /// It was planned, and completed in the sprint when that ended, with its estimate as planned.
    pub(crate) kept: Option<Estimate>,
    /// It was in the sprint once that was planned, and was neither completed nor removed when it left, or when the sprint
    /// ended.
    pub(crate) was_left_open: bool,
    /// How it stood is not known at one of these moments.
    pub(crate) is_unknown: bool,
}

/// The parts that an item had in the sprints before; those that it had nothing to do with are left out.
pub(crate) fn parts(life: &Life<'_>, frame: &SprintContext<'_>) -> Box<[PartInSprint]> {
    let parts = frame.before.iter().enumerate().map(|(index, sprint)| part(life, index, sprint));
    let nothing = |part: &PartInSprint| PartInSprint { sprint: 0, ..*part } == PartInSprint::default();
    parts.filter(|part| !nothing(part)).collect()
}

/// The part that an item had in a sprint, which is the one with that place.
pub(crate) fn part(life: &Life<'_>, index: usize, sprint: &EarlierSprint<'_>) -> PartInSprint {
    let id = sprint.iteration.id;
    let was_ever_in = life.stages.iter().any(|stage| stage.sprint() == Some(id));
    let none = PartInSprint { sprint: index, ..PartInSprint::default() };
    if !was_ever_in {
        return none;
    }
    let at_plan = life.membership_at(sprint.planned_until, id);
    let at_end = life.membership_at(sprint.ends_at, id);
    let settled = life.membership_at(sprint.settled_at, id);
    let is_unknown = [at_plan, at_end, settled].contains(&SprintMembership::Unknown);
    let planned = estimate(at_plan, |_| true);
    let completed = estimate(at_end, |completed| completed);
    let late = match at_end {
        SprintMembership::In { completed: false, .. } => estimate(settled, |completed| completed),
        _ => None,
    };
    let category = life.category_at(sprint.ends_at);
    let is_done = matches!(category, Some(StateCategory::Completed | StateCategory::Removed));
    let is_in_progress = matches!(category, Some(StateCategory::InProgress | StateCategory::Resolved));
    let is_gone = is_done || life.is_deleted_at(sprint.ends_at);
    PartInSprint {
        planned,
        completed,
        incomplete: planned.filter(|_| !is_gone),
        in_progress: estimate(at_end, |_| is_in_progress),
        late,
        kept: planned.filter(|_| completed.is_some()),
        was_left_open: was_left_open(life, sprint),
        is_unknown: is_unknown || planned.is_some() && category.is_none(),
        ..none
    }
}

fn estimate(membership: SprintMembership, counts: impl Fn(bool) -> bool) -> Option<Estimate> {
    match membership {
        SprintMembership::In { effort, completed } if counts(completed) => Some(effort),
        _ => None,
    }
}

/// Teams roll over before the end of a sprint, on its last day or the day before, so what left it then counts as well.
fn was_left_open(life: &Life<'_>, sprint: &EarlierSprint<'_>) -> bool {
    let id = sprint.iteration.id;
    let is_open = |membership| matches!(membership, SprintMembership::In { completed: false, .. });
    let mut before = life.membership_at(sprint.planned_until, id);
    for stage in life.stages.iter().filter(|stage| sprint.planned_until <= stage.from) {
        if stage.from >= sprint.ends_at {
            break;
        }
        let after = stage.membership(id);
        let is_removed = stage.category == Some(StateCategory::Removed) || stage.claim.facts.deleted;
        if is_open(before) && after == SprintMembership::Out && !is_removed {
            return true;
        }
        before = after;
    }
    is_open(before)
}
