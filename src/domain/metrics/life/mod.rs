//! A work item's life: how it stood to the team's sprints after each of its revisions, and what is not known of that.

pub(crate) mod flow;
pub(crate) mod happened;
pub(crate) mod parts;
pub(crate) mod scope_change;

use super::reading::{effort, is_of_team, remaining_work};
use crate::domain::sprint::facts::NotKept;
use crate::domain::{
    BacklogLevel, Catalogue, Claim, History, Hundredths, RevisionTold, SprintId, StateCategory, Timestamp,
    WorkItem,
};

/// How an item stood at an instant of the past, to one sprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SprintMembership {
    /// Not in the scope.
    Out,
    /// A revision that may have been in force then is missing.
    Unknown,
    /// In the scope: on the requirement backlog, in the sprint, one of the team's, and not Removed.
    In { effort: Option<Hundredths>, completed: bool },
}

/// How an item stood at an instant of the past to the hours of one sprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskStanding {
    /// Not one of its tasks: on another backlog, not in the sprint, none of the team's, or Removed.
    Out,
    /// A revision that may have been in force then is missing, or what it says is not known.
    Unknown,
    Completed,
    /// With its remaining work, where some is entered.
    Open(Option<Hundredths>),
}

/// What one revision made of an item, until the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) from: Timestamp,
    pub(crate) claim: &'a Claim,
    /// Whether the next known revision follows it directly, or it is the newest: else one is missing that may have been in
    /// force at any moment until the next.
    pub(crate) is_followed: bool,
    /// The sprint that its path is in, if it is the team's, on the requirement backlog and not deleted.
    sprint: Option<SprintId>,
    /// The same on the task backlog.
    task_sprint: Option<SprintId>,
    /// `None` where the states of its type cannot be read.
    pub(crate) category: Option<StateCategory>,
    effort: Result<Option<Hundredths>, NotKept>,
    remaining_work: Result<Option<Hundredths>, NotKept>,
}

impl Stage<'_> {
    /// How it stands to a sprint while it lasts.
    pub(crate) fn membership(&self, sprint: SprintId) -> SprintMembership {
        if self.sprint != Some(sprint) {
            return SprintMembership::Out;
        }
        match (self.category, self.effort) {
            (Some(StateCategory::Removed), _) => SprintMembership::Out,
            (None, _) | (_, Err(NotKept)) => SprintMembership::Unknown,
            (Some(category), Ok(effort)) => {
                SprintMembership::In { effort, completed: category == StateCategory::Completed }
            }
        }
    }

    /// How it stands to the hours of a sprint while it lasts.
    fn task_standing(&self, sprint: SprintId) -> TaskStanding {
        if self.task_sprint != Some(sprint) {
            return TaskStanding::Out;
        }
        match (self.category, self.remaining_work) {
            (Some(StateCategory::Removed), _) => TaskStanding::Out,
            (Some(StateCategory::Completed), _) => TaskStanding::Completed,
            (None, _) | (_, Err(NotKept)) => TaskStanding::Unknown,
            (Some(_), Ok(hours)) => TaskStanding::Open(hours),
        }
    }

    /// The same, where a missing revision makes all of it doubtful.
    pub(crate) fn known_task_standing(&self, sprint: SprintId) -> TaskStanding {
        if self.is_followed { self.task_standing(sprint) } else { TaskStanding::Unknown }
    }

    /// The sprint that it is a task of, if any.
    pub(crate) const fn task_sprint(&self) -> Option<SprintId> {
        self.task_sprint
    }

    /// The sprint that it is in the scope of, if any, also where it is not known how.
    pub(crate) const fn sprint(&self) -> Option<SprintId> {
        self.sprint
    }

    /// The same as [`Self::membership`], where a missing revision makes all of it doubtful.
    pub(crate) fn known_membership(&self, sprint: SprintId) -> SprintMembership {
        if self.is_followed { self.membership(sprint) } else { SprintMembership::Unknown }
    }
}

/// A life: its stages, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Life<'a> {
    pub(crate) stages: Vec<Stage<'a>>,
    /// When the item began; `None` where nobody can tell.
    pub(crate) created_at: Option<Timestamp>,
    /// Since when, up to the first known revision, nobody could see it.
    unseen_since: Option<Timestamp>,
    /// Whether nothing of it is missing from the first known revision on, and what was before that does not matter.
    pub(crate) history: History,
}

impl<'a> Life<'a> {
    /// The life of an item of which that revision is told as the newest.
    pub(crate) fn of(item: &'a WorkItem, told: RevisionTold, catalogue: &Catalogue) -> Self {
        let revisions: Vec<(u32, &Claim)> = item.revisions().collect();
        let follows = |index: usize| match (revisions.get(index), revisions.get(index + 1)) {
            (Some((rev, _)), Some((next, _))) => rev + 1 == *next,
            _ => told != RevisionTold::BeforeGap,
        };
        let stage = |(index, (_, claim)): (usize, &(u32, &'a Claim))| {
            let facts = &claim.facts;
            let level = catalogue.level_of(&facts.work_item_type);
            let is_counted = level.is_some() && !facts.deleted && is_of_team(facts, catalogue);
            let sprint = || catalogue.sprint_of(&facts.iteration_path).map(|sprint| sprint.id);
            let sprint = is_counted.then(sprint).flatten();
            Stage {
                from: claim.changed_at,
                claim,
                is_followed: follows(index),
                sprint: sprint.filter(|_| level == Some(BacklogLevel::Requirement)),
                task_sprint: sprint.filter(|_| level == Some(BacklogLevel::Task)),
                category: catalogue.category_read(&facts.work_item_type, &facts.state),
                effort: effort(facts, catalogue),
                remaining_work: remaining_work(facts, catalogue),
            }
        };
        let first_change = revisions.first().filter(|(rev, _)| *rev == 1).map(|(_, claim)| claim.changed_at);
        Self {
            stages: revisions.iter().enumerate().map(stage).collect(),
            created_at: first_change.or(item.present().details.created_at),
            unseen_since: item.unseen_since(),
            history: if told == RevisionTold::BeforeGap { History::Partial } else { item.history() },
        }
    }

    /// The stage in force just before `end`: a change at exactly midnight belongs to the day that begins. `Err` says
    /// whether it existed then, as far as that is known.
    fn in_force(&self, end: Timestamp) -> Result<&Stage<'a>, SprintMembership> {
        let stage = self.stages.iter().rev().find(|stage| stage.from < end);
        stage.ok_or_else(|| {
            let was_unseen = self.unseen_since.is_some_and(|since| since < end);
            let existed = !was_unseen && self.created_at.is_none_or(|created| created < end);
            if existed { SprintMembership::Unknown } else { SprintMembership::Out }
        })
    }

    /// How the item stood to a sprint just before `end`.
    pub(crate) fn membership_at(&self, end: Timestamp, sprint: SprintId) -> SprintMembership {
        self.in_force(end).map_or_else(|absent| absent, |stage| stage.known_membership(sprint))
    }

    /// How the item stood to the hours of a sprint just before `end`.
    pub(crate) fn task_standing_at(&self, end: Timestamp, sprint: SprintId) -> TaskStanding {
        let absent = |absent| match absent {
            SprintMembership::Unknown => TaskStanding::Unknown,
            SprintMembership::Out | SprintMembership::In { .. } => TaskStanding::Out,
        };
        self.in_force(end).map_or_else(absent, |stage| stage.known_task_standing(sprint))
    }

    /// The category that the item's state was in just before `end`; `None` where that is not known, or it did not exist.
    pub(crate) fn category_at(&self, end: Timestamp) -> Option<StateCategory> {
        self.in_force(end).ok().filter(|stage| stage.is_followed).and_then(|stage| stage.category)
    }

    /// Whether the item was in the recycle bin just before `end`.
    pub(crate) fn is_deleted_at(&self, end: Timestamp) -> bool {
        self.in_force(end).is_ok_and(|stage| stage.claim.facts.deleted)
    }
}
