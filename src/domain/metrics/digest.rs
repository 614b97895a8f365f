//! What metrics need of one work item, worked out once and kept until the item, the catalogue or the sprint changes.

use super::frame::SprintContext;
use super::life::flow::{self, BlockedTime, Happened};
use super::life::parts::{self, PartInSprint};
use super::life::scope_change::{ScopeChanges, changes};
use super::life::{Life, SprintMembership, Stage, TaskStanding};
use super::reading::{effort, is_of_team, remaining_work};
use crate::domain::sprint::blocked::BlockedRule;
use crate::domain::sprint::work_item::Details;
use crate::domain::{
    BacklogLevel, CivilDate, Facts, History, Hundredths, Identity, RevisionTold, StateCategory, Text,
    Timestamp, WorkItem, WorkItemId,
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
    /// Whether it is a bug that was found after a release, by a tag that a setting names.
    pub(super) escaped: Option<bool>,
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
    /// Whose it is, of a task on the board.
    pub(super) assigned_to: Option<Identity>,
    /// Why it counts as blocked, if it does.
    pub(super) blocked: Option<&'static str>,
    pub(super) created_at: Option<Timestamp>,
    /// The day of that in the team's zone.
    pub(super) created_day: Option<CivilDate>,
    /// The last entry into a Completed state; `None` unless it is in one, and where nobody can tell.
    pub(super) completed_at: Option<Timestamp>,
    /// The day of that in the team's zone.
    pub(super) completed_day: Option<CivilDate>,
    /// Whether that is what a field says, because a revision is missing.
    pub(super) is_completed_by_field: bool,
    /// The first entry into an `InProgress` or Resolved state.
    pub(super) started: Happened,
    pub(super) changed_at: Timestamp,
    pub(super) history: History,
    /// Whether it may have stood otherwise already: a revision is missing.
    pub(super) is_unknown: bool,
    /// Whether nobody can tell if it was blocked.
    pub(super) has_unknown_block: bool,
    /// How it stood at the end of the sprint's days; days on which it was not in the scope are left out.
    pub(super) stretches: Box<[Stretch<SprintMembership>]>,
    /// How it came to stand otherwise on the days of the sprint.
    pub(super) steps: Box<[Step<SprintMembership>]>,
    /// The same as a task of the sprint.
    pub(super) task_stretches: Box<[Stretch<TaskStanding>]>,
    pub(super) task_steps: Box<[Step<TaskStanding>]>,
    pub(super) title: Text,
    /// How it stood to the sprint when that was planned.
    pub(super) original: SprintMembership,
    /// When, and by whom, it came into the sprint that it was in then.
    pub(super) entered: Option<(Timestamp, Option<Identity>)>,
    pub(super) scope_changes: ScopeChanges,
    /// Its parts in the sprints before.
    pub(super) parts: Box<[PartInSprint]>,
    /// How often it was reopened on the days of the sprint; `None` where nobody can tell.
    pub(super) reopened: Option<u32>,
    pub(super) blocked_time: BlockedTime,
}

/// Neighbouring days of the sprint at whose ends an item stood alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch<S> {
    /// The index of the first of these days.
    pub(super) from: usize,
    /// The index behind the last of them.
    pub(super) to: usize,
    pub(super) stood: S,
}

/// An instant of the sprint at which an item came to stand otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step<S> {
    pub(super) at: Timestamp,
    pub(super) before: S,
    pub(super) after: S,
}

impl Digest {
    /// What metrics need of `item`.
    pub fn of(item: &WorkItem, frame: &SprintContext<'_>) -> Self {
        Self::told(item, RevisionTold::Newest, frame)
    }

    /// The same of an item as it once was, of which that revision is told as the newest.
    pub fn told(item: &WorkItem, told: RevisionTold, frame: &SprintContext<'_>) -> Self {
        let catalogue = frame.catalogue;
        let life = Life::of(item, told, catalogue);
        let present = item.present();
        let (facts, details) = (&present.claim.facts, present.details);
        let of_team = is_of_team(facts, catalogue) && !facts.deleted;
        let sprint = frame.sprint.id;
        let was_in_sprint = life.stages.iter().any(|stage| stage.sprint() == Some(sprint));
        let (stretches, steps) = if was_in_sprint { lines_in_scope(&life, frame) } else { Lines::default() };
        let (task_stretches, task_steps) = lines_in_hours(&life, frame);
        let category = catalogue.category_of(&facts.work_item_type, &facts.state);
        let is_bug = catalogue.bug_types.contains(&facts.work_item_type);
        let blocked = catalogue.blocked_by.of(present).map(BlockedRule::reason);
        let is_blocked = match told {
            RevisionTold::Newest => Some(blocked.is_some()),
            RevisionTold::Earlier | RevisionTold::BeforeGap => catalogue.blocked_by.held_earlier(facts),
        };
        let completed = completed(&life, details).filter(|_| category == StateCategory::Completed);
        let on_board = of_team && is_in_sprint(facts, frame);
        let level = catalogue.level_of(&facts.work_item_type);
        let is_task = level == Some(BacklogLevel::Task);
        let created_at = details.created_at.or(life.created_at);
        let escaped = match told {
            RevisionTold::Newest => Some(details.tags.iter().any(|tag| frame.settings.is_escaped(tag))),
            RevisionTold::Earlier | RevisionTold::BeforeGap => frame.settings.was_escaped(facts),
        };
        Self {
            id: item.id,
            of_team,
            on_board,
            was_in_sprint,
            level,
            is_bug,
            escaped: if is_bug { escaped } else { Some(false) },
            can_be_estimated: !catalogue.types_without_effort.contains(&facts.work_item_type),
            state: facts.state.clone(),
            category,
            has_unread_state: catalogue.category_read(&facts.work_item_type, &facts.state).is_none(),
            effort: effort(facts, catalogue).unwrap_or_default(),
            has_unkept_effort: effort(facts, catalogue).is_err(),
            remaining_work: remaining_work(facts, catalogue).unwrap_or_default(),
            has_unkept_remaining_work: remaining_work(facts, catalogue).is_err(),
            assigned_to: if on_board && is_task { details.assigned_to.clone() } else { None },
            blocked,
            created_at,
            created_day: created_at.map(|at| catalogue.calendar().day_of(at)),
            completed_at: completed.map(|(at, _)| at),
            completed_day: completed.map(|(at, _)| catalogue.calendar().day_of(at)),
            is_completed_by_field: completed.is_some_and(|(_, by_field)| by_field),
            started: flow::started(&life),
            changed_at: present.claim.changed_at,
            history: life.history,
            is_unknown: told == RevisionTold::BeforeGap,
            has_unknown_block: is_blocked.is_none(),
            stretches,
            steps,
            task_stretches,
            task_steps,
            title: details.title.clone(),
            original: original(&life, frame).filter(|_| was_in_sprint).unwrap_or(SprintMembership::Out),
            entered: if was_in_sprint { entered(&life, frame) } else { None },
            scope_changes: if was_in_sprint { changes(&life, frame) } else { ScopeChanges::default() },
            parts: parts::parts(&life, frame),
            reopened: if is_bug && on_board { flow::reopened(&life, frame) } else { Some(0) },
            blocked_time: if on_board { flow::blocked(&life, is_blocked, frame) } else { Default::default() },
        }
    }

    /// Whether there is a sum in which it may count.
    pub(super) fn has_part(&self) -> bool {
        self.concerns_sprint() || !self.parts.is_empty() || self.completed_day.is_some()
    }

    /// Whether it is on the board, or has part in the burndown's past.
    pub(super) const fn concerns_sprint(&self) -> bool {
        self.on_board || self.was_in_sprint
    }
}

/// Where sprints lie within each other, an item is in the inner one alone, as everywhere.
fn is_in_sprint(facts: &Facts, frame: &SprintContext<'_>) -> bool {
    let path = &facts.iteration_path;
    frame.sprint.contains(path)
        && frame.catalogue.sprint_of(path).is_none_or(|inner| inner.id == frame.sprint.id)
}

/// When an item was completed that is, and whether that is what a field says.
fn completed(life: &Life<'_>, details: &Details) -> Option<(Timestamp, bool)> {
    match flow::completed(life) {
        Happened::At(at) => Some((at, false)),
        Happened::Never | Happened::Unknown => details.closed_at.map(|at| (at, true)),
    }
}

/// How the item stood to the sprint when that was planned; `None` while that has no dates.
fn original(life: &Life<'_>, frame: &SprintContext<'_>) -> Option<SprintMembership> {
    Some(life.membership_at(frame.planned_until?, frame.sprint.id))
}

/// When, and by whom, the item came into the sprint, as it was when that was planned.
fn entered(life: &Life<'_>, frame: &SprintContext<'_>) -> Option<(Timestamp, Option<Identity>)> {
    let planned = frame.planned_until?;
    let before = life.stages.iter().rev().skip_while(|stage| stage.from >= planned);
    let stay = before.take_while(|stage| stage.sprint() == Some(frame.sprint.id));
    stay.last().map(|stage| (stage.from, stage.claim.changed_by.clone()))
}

/// How an item stood at the ends of days, and how it came to stand otherwise.
type Lines<S> = (Box<[Stretch<S>]>, Box<[Step<S>]>);

/// How an item that was in the sprint stood to its scope.
fn lines_in_scope(life: &Life<'_>, frame: &SprintContext<'_>) -> Lines<SprintMembership> {
    let sprint = frame.sprint.id;
    let at = |end| life.membership_at(end, sprint);
    let from = |stage: &Stage<'_>| stage.known_membership(sprint);
    (stretches(frame, SprintMembership::Out, at), steps(life, frame, at, from))
}

/// How the item stood to the sprint's hours.
fn lines_in_hours(life: &Life<'_>, frame: &SprintContext<'_>) -> Lines<TaskStanding> {
    let sprint = frame.sprint.id;
    if !life.stages.iter().any(|stage| stage.task_sprint() == Some(sprint)) {
        return Lines::default();
    }
    let at = |end| life.task_standing_at(end, sprint);
    let from = |stage: &Stage<'_>| stage.known_task_standing(sprint);
    (stretches(frame, TaskStanding::Out, at), steps(life, frame, at, from))
}

/// How an item stood at the end of each day of the sprint, days on which it was out left out.
fn stretches<S: Copy + PartialEq>(
    frame: &SprintContext<'_>,
    out: S,
    at: impl Fn(Timestamp) -> S,
) -> Box<[Stretch<S>]> {
    let mut stretches: Vec<Stretch<S>> = Vec::new();
    for (day, end) in frame.days.iter().map(|day| day.end).enumerate() {
        let stood = at(end);
        match stretches.last_mut() {
            Some(last) if last.to == day && last.stood == stood => last.to = day + 1,
            _ if stood == out => {}
            _ => stretches.push(Stretch { from: day, to: day + 1, stood }),
        }
    }
    stretches.into_boxed_slice()
}

/// How an item came to stand otherwise on the days of the sprint, in the order of its revisions.
fn steps<S: Copy + PartialEq>(
    life: &Life<'_>,
    frame: &SprintContext<'_>,
    at: impl Fn(Timestamp) -> S,
    from: impl Fn(&Stage<'_>) -> S,
) -> Box<[Step<S>]> {
    let Some((start, end)) = frame.bounds else { return Box::default() };
    let mut before = at(start);
    let mut steps = Vec::new();
    for stage in life.stages.iter().filter(|stage| start <= stage.from && stage.from < end) {
        let after = from(stage);
        if after != before {
            steps.push(Step { at: stage.from, before, after });
        }
        before = after;
    }
    steps.into_boxed_slice()
}
