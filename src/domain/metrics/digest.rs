//! What metrics need of one work item, worked out once and kept until the item, the catalogue or the sprint changes.

use super::frame::SprintContext;
use crate::domain::sprint::blocked::BlockedRule;
use crate::domain::sprint::facts::NotKept;
use crate::domain::{
    BacklogLevel, Catalogue, Claim, Facts, History, Hundredths, Rev, StateCategory, Text, Timestamp,
    WorkItem, WorkItemId,
};

/// What metrics need of one work item. It does not depend on the time, so it may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The number of the work item.
    pub id: WorkItemId,
    /// Whether it is one of the team's now, in whatever sprint: its project and area are the team's, and it is not
    /// deleted.
    pub(super) of_team: bool,
    /// Whether it is one of the team's and in the sprint.
    pub(super) on_board: bool,
    /// Whether a known revision of it was on the team's requirement backlog and in the sprint.
    pub(super) was_in_sprint: bool,
    pub(super) level: Option<BacklogLevel>,
    pub(super) is_bug: bool,
    /// Whether its type has the field that holds effort.
    pub(super) can_be_estimated: bool,
    pub(super) state: Text,
    pub(super) category: StateCategory,
    /// Whether the category of its state is not known, because the states of its type could not be read.
    pub(super) has_unread_state: bool,
    pub(super) effort: Option<Hundredths>,
    /// Whether it may have one that is not kept.
    pub(super) has_unkept_effort: bool,
    /// In hours.
    pub(super) remaining_work: Option<Hundredths>,
    /// The same of that.
    pub(super) has_unkept_remaining_work: bool,
    /// Why it counts as blocked, if it does.
    pub(super) blocked: Option<&'static str>,
    pub(super) created_at: Option<Timestamp>,
    /// The last entry into a Completed state; `None` unless it is in one, and where nobody can tell.
    pub(super) completed_at: Option<Timestamp>,
    pub(super) changed_at: Timestamp,
    pub(super) history: History,
    /// How it stood at the end of the sprint's days; days on which it was not in the scope are left out.
    pub(super) stretches: Box<[Stretch]>,
}

/// Neighbouring days of the sprint at whose ends an item stood alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The index of the first of these days.
    pub(super) from: usize,
    /// The index behind the last of them.
    pub(super) to: usize,
    pub(super) membership: SprintMembership,
}

/// How an item stood at an instant of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SprintMembership {
    /// Not in the scope.
    Out,
    /// A revision that may have been in force then is missing.
    Unknown,
    /// In the scope: on the requirement backlog, in the sprint, one of the team's, and not Removed.
    In { effort: Option<Hundredths>, completed: bool },
}

impl Digest {
    /// What metrics need of `item`.
    pub fn of(item: &WorkItem, frame: &SprintContext<'_>) -> Self {
        let catalogue = frame.catalogue;
        let revisions: Vec<(Rev, &Claim)> = item.revisions().collect();
        let present = item.present();
        let (facts, details) = (&present.claim.facts, present.details);
        let of_team = is_of_team(facts, catalogue) && !facts.deleted;
        let was_in_sprint = revisions.iter().any(|(_, claim)| is_requirement_in_sprint(&claim.facts, frame));
        let category = catalogue.category_of(&facts.work_item_type, &facts.state);
        let created_at = details.created_at.or_else(|| first_change(&revisions));
        let completed_at = || entered_completed(&revisions, catalogue).or(details.closed_at);
        Self {
            id: item.id,
            of_team,
            on_board: of_team && is_in_sprint(facts, frame),
            was_in_sprint,
            level: catalogue.level_of(&facts.work_item_type),
            is_bug: catalogue.bug_types.contains(&facts.work_item_type),
            can_be_estimated: !catalogue.types_without_effort.contains(&facts.work_item_type),
            state: facts.state.clone(),
            category,
            has_unread_state: catalogue.category_read(&facts.work_item_type, &facts.state).is_none(),
            effort: effort(facts, catalogue).unwrap_or_default(),
            has_unkept_effort: effort(facts, catalogue).is_err(),
            remaining_work: remaining_work(facts, catalogue).unwrap_or_default(),
            has_unkept_remaining_work: remaining_work(facts, catalogue).is_err(),
            blocked: catalogue.blocked_by.of(present).map(BlockedRule::reason),
            created_at,
            completed_at: (category == StateCategory::Completed).then(completed_at).flatten(),
            changed_at: present.claim.changed_at,
            history: item.history(),
            stretches: if was_in_sprint { stretches(&revisions, created_at, frame) } else { Box::default() },
        }
    }

    /// Whether it is on the board, or has part in the burndown's past.
    pub(super) const fn concerns_sprint(&self) -> bool {
        self.on_board || self.was_in_sprint
    }
}

fn is_of_team(facts: &Facts, catalogue: &Catalogue) -> bool {
    facts.project == catalogue.project && catalogue.is_own_area(&facts.area_path)
}

/// Where sprints lie within each other, an item is in the inner one alone, as everywhere.
fn is_in_sprint(facts: &Facts, frame: &SprintContext<'_>) -> bool {
    let path = &facts.iteration_path;
    frame.sprint.contains(path)
        && frame.catalogue.sprint_of(path).is_none_or(|inner| inner.id == frame.sprint.id)
}

fn is_requirement_in_sprint(facts: &Facts, frame: &SprintContext<'_>) -> bool {
    is_in_sprint(facts, frame)
        && is_of_team(facts, frame.catalogue)
        && frame.catalogue.level_of(&facts.work_item_type) == Some(BacklogLevel::Requirement)
}

/// The effort by the field that the team's process uses.
pub(super) fn effort(facts: &Facts, catalogue: &Catalogue) -> Result<Option<Hundredths>, NotKept> {
    catalogue.effort_field.as_ref().map_or(Ok(None), |field| facts.number(field))
}

/// The hours that an item still needs, by the field that the team's process uses.
pub(super) fn remaining_work(facts: &Facts, catalogue: &Catalogue) -> Result<Option<Hundredths>, NotKept> {
    catalogue.remaining_work_field.as_ref().map_or(Ok(facts.remaining_work), |field| facts.number(field))
}

/// When revision 1 was made, if it is known.
fn first_change(revisions: &[(Rev, &Claim)]) -> Option<Timestamp> {
    revisions.first().filter(|(rev, _)| *rev == 1).map(|(_, claim)| claim.changed_at)
}

/// When an item that is completed entered a Completed state for the last time. `None` when the revisions cannot
/// tell, because one is missing before the entry would be seen.
fn entered_completed(revisions: &[(Rev, &Claim)], catalogue: &Catalogue) -> Option<Timestamp> {
    let is_completed = |claim: &Claim| {
        let facts = &claim.facts;
        catalogue.category_of(&facts.work_item_type, &facts.state) == StateCategory::Completed
    };
    let mut earliest: Option<(Rev, &Claim)> = None;
    for (rev, claim) in revisions.iter().rev() {
        if earliest.is_some_and(|(later, _)| rev + 1 != later) {
            return None;
        }
        if !is_completed(claim) {
            return earliest.map(|(_, claim)| claim.changed_at);
        }
        earliest = Some((*rev, claim));
    }
    earliest.filter(|(rev, _)| *rev == 1).map(|(_, claim)| claim.changed_at)
}

/// How an item stood at the end of each day of the sprint, days on which it was not in the scope left out.
fn stretches(
    revisions: &[(Rev, &Claim)],
    created_at: Option<Timestamp>,
    frame: &SprintContext<'_>,
) -> Box<[Stretch]> {
    let memberships: Vec<SprintMembership> =
        revisions.iter().map(|(_, claim)| membership(&claim.facts, frame)).collect();
    let mut stretches: Vec<Stretch> = Vec::new();
    for (day, end) in frame.days.iter().map(|day| day.end).enumerate() {
        let membership = membership_at(end, revisions, &memberships, created_at);
        match stretches.last_mut() {
            Some(last) if last.to == day && last.membership == membership => last.to = day + 1,
            _ if membership == SprintMembership::Out => {}
            _ => stretches.push(Stretch { from: day, to: day + 1, membership }),
        }
    }
    stretches.into_boxed_slice()
}

fn membership(facts: &Facts, frame: &SprintContext<'_>) -> SprintMembership {
    if facts.deleted || !is_requirement_in_sprint(facts, frame) {
        return SprintMembership::Out;
    }
    match frame.catalogue.category_read(&facts.work_item_type, &facts.state) {
        None => SprintMembership::Unknown,
        Some(StateCategory::Removed) => SprintMembership::Out,
        Some(category) => match effort(facts, frame.catalogue) {
            Ok(effort) => SprintMembership::In { effort, completed: category == StateCategory::Completed },
            Err(NotKept) => SprintMembership::Unknown,
        },
    }
}

/// How an item stood just before `end`, by the revision that was in force: a change at exactly midnight belongs to the
/// next day. That revision is known only where the next known one follows it directly, or where it is the newest.
fn membership_at(
    end: Timestamp,
    revisions: &[(Rev, &Claim)],
    memberships: &[SprintMembership],
    created_at: Option<Timestamp>,
) -> SprintMembership {
    let Some(index) = revisions.iter().rposition(|(_, claim)| claim.changed_at < end) else {
        let existed = first_change(revisions).or(created_at).is_none_or(|created| created < end);
        return if existed { SprintMembership::Unknown } else { SprintMembership::Out };
    };
    let number = |index: usize| revisions.get(index).map(|(rev, _)| *rev);
    match (number(index), number(index + 1)) {
        (Some(rev), Some(next)) if next != rev + 1 => SprintMembership::Unknown,
        _ => memberships.get(index).copied().unwrap_or(SprintMembership::Unknown),
    }
}
