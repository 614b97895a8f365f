//! What changed a sprint's scope after it was planned: what came, what left, and what was estimated anew.

use super::{Life, SprintMembership, Stage};
use crate::domain::metrics::frame::SprintContext;
use crate::domain::wire::view::{ScopeChangeKind, Unit};
use crate::domain::{Hundredths, Identity, StateCategory, Timestamp};

/// A change of a sprint's scope by one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeChange {
    pub(crate) at: Timestamp,
    pub(crate) by: Option<Identity>,
    pub(crate) kind: ScopeChangeKind,
    /// What the item was worth before: `None` where it was not in the scope, `Some(None)` without an estimate.
    before: Option<Option<Hundredths>>,
    after: Option<Option<Hundredths>>,
    pub(crate) reason: &'static str,
}

/// What is known of an item's part in the changes of a sprint's scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScopeChanges {
    pub(crate) changes: Box<[ScopeChange]>,
    /// Whether there may be more: a revision is missing.
    pub(crate) may_be_more: bool,
}

impl ScopeChange {
    /// By how much the scope grew, or shrank, in points or in items. In points an item without an estimate is worth nothing.
    pub(crate) fn amount(&self, unit: Unit) -> Hundredths {
        let worth = |side: Option<Option<Hundredths>>| match unit {
            Unit::Points => side.flatten().unwrap_or_default(),
            _ => Hundredths::whole(u32::from(side.is_some())),
        };
        worth(self.after) - worth(self.before)
    }
}

/// The changes of the sprint's scope that an item made, from when the sprint was planned until it ends.
pub(crate) fn changes(life: &Life<'_>, frame: &SprintContext<'_>) -> ScopeChanges {
    let (Some(planned), Some((_, end))) = (frame.planned_until, frame.bounds) else {
        return ScopeChanges::default();
    };
    let sprint = frame.sprint.id;
    let mut before = life.membership_at(planned, sprint);
    let mut last: Option<&Stage<'_>> = life.stages.iter().rev().find(|stage| stage.from < planned);
    let mut told = Vec::new();
    let mut may_be_more = before == SprintMembership::Unknown;
    // In the order of revisions, as the board knew them one after the other.
    for stage in life.stages.iter().filter(|stage| planned <= stage.from && stage.from < end) {
        let after = stage.membership(sprint);
        match (worth(before), worth(after)) {
            (Some(before), Some(after)) if before != after => {
                let by = stage.claim.changed_by.clone();
                let (kind, reason) = kind(before.is_some(), after.is_some(), last, stage);
                told.push(ScopeChange { at: stage.from, by, kind, before, after, reason });
            }
            (Some(_), Some(_)) => {}
            _ => may_be_more = true,
        }
        before = if stage.is_followed { after } else { SprintMembership::Unknown };
        may_be_more |= before == SprintMembership::Unknown;
        last = Some(stage);
    }
    ScopeChanges { changes: told.into_boxed_slice(), may_be_more }
}

/// What an item was worth to the sprint; `None` where that is not known.
const fn worth(membership: SprintMembership) -> Option<Option<Option<Hundredths>>> {
    match membership {
        SprintMembership::Unknown => None,
        SprintMembership::Out => Some(None),
        SprintMembership::In { effort, .. } => Some(Some(effort)),
    }
}

fn kind(
    was_in: bool,
    is_in: bool,
    last: Option<&Stage<'_>>,
    stage: &Stage<'_>,
) -> (ScopeChangeKind, &'static str) {
    match (was_in, is_in) {
        (true, true) => (ScopeChangeKind::Reestimated, "its estimate was changed"),
        (true, false) => (ScopeChangeKind::Removed, left_by(last, stage)),
        _ => (ScopeChangeKind::Added, came_by(last, stage)),
    }
}

fn came_by(last: Option<&Stage<'_>>, stage: &Stage<'_>) -> &'static str {
    let Some(last) = last else { return "it was created" };
    let (was, is) = (&last.claim.facts, &stage.claim.facts);
    if was.deleted && !is.deleted {
        "it was restored"
    } else if was.project != is.project {
        "it came from another project"
    } else if was.iteration_path != is.iteration_path {
        "it was moved into the sprint"
    } else if was.area_path != is.area_path {
        "it was moved to the team"
    } else if was.work_item_type != is.work_item_type {
        "its type was changed"
    } else if last.category == Some(StateCategory::Removed) {
        "it is no longer in a Removed state"
    } else {
        "it came into the scope"
    }
}

fn left_by(last: Option<&Stage<'_>>, stage: &Stage<'_>) -> &'static str {
    let is = &stage.claim.facts;
    let Some(was) = last.map(|last| &last.claim.facts) else { return "it left the scope" };
    if is.deleted {
        "it was deleted"
    } else if was.project != is.project {
        "it went to another project"
    } else if was.iteration_path != is.iteration_path && stage.sprint().is_some() {
        "it was moved to another sprint"
    } else if was.iteration_path != is.iteration_path {
        "it was moved out of the sprint"
    } else if was.area_path != is.area_path {
        "it was moved to another team"
    } else if was.work_item_type != is.work_item_type {
        "its type was changed"
    } else if stage.category == Some(StateCategory::Removed) {
        "it was put into a Removed state"
    } else {
        "it left the scope"
    }
}
