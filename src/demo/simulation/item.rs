//! A simulated work item with all its revisions.

use std::collections::BTreeSet;

use super::process::{ItemType, SimulatedState};
use crate::domain::scope::Text;
use crate::domain::sprint::catalogue::StateCategory;
use crate::domain::time::Timestamp;

/// What happened to a work item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was put into the recycle bin.
    Deleted,
    /// It was taken out of the recycle bin.
    Restored,
}

impl Event {
    /// The type of the service hook.
    pub const fn hook(self) -> &'static str {
        match self {
            Self::Created => "workitem.created",
            Self::Updated => "workitem.updated",
            Self::Deleted => "workitem.deleted",
            Self::Restored => "workitem.restored",
        }
    }
}

/// What people write into a work item.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemContent {
    /// `System.TeamProject` and `System.AreaPath`: the indices of the project and of the team in it.
    pub home: (usize, usize),
    /// `System.WorkItemType`.
    pub item_type: &'static ItemType,
    /// `System.Title`.
    pub title: Text,
    /// `System.State`.
    pub state: &'static SimulatedState,
    /// `System.IterationPath`.
    pub iteration_path: Text,
    /// `System.AssignedTo`: the number of a member of the team.
    pub assigned_to: Option<usize>,
    /// Story points or effort.
    pub effort: Option<f64>,
    /// `Microsoft.VSTS.Scheduling.RemainingWork`.
    pub remaining_work: Option<f64>,
    /// Whether it bears the tag `Blocked`.
    pub blocked: bool,
    /// The other tags that it bears.
    pub tags: BTreeSet<Text>,
    /// `System.Parent`.
    pub parent: Option<u32>,
    /// Where it stands in the backlog.
    pub rank: f64,
}

/// A revision of a work item.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// `System.Rev`.
    pub rev: u32,
    /// `System.Watermark`: the number of the change among all of the organisation, from 1.
    pub watermark: u64,
    /// What made it.
    pub event: Event,
    /// `System.ChangedDate`.
    pub changed_at: Timestamp,
    /// `System.ChangedBy`: the number of a member of the team.
    pub changed_by: usize,
    /// `Microsoft.VSTS.Common.StateChangeDate`.
    pub state_changed_at: Timestamp,
    /// `Microsoft.VSTS.Common.ClosedDate`.
    pub closed_at: Option<Timestamp>,
    /// Whether it is in the recycle bin.
    pub deleted: bool,
    /// Everything else.
    pub content: ItemContent,
}

/// A work item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its number, unique in the organisation.
    pub id: u32,
    /// The index of the project that it is in.
    pub project: usize,
    /// The index of its team in the project.
    pub team: usize,
    /// The type that it has.
    pub item_type: &'static ItemType,
    /// The first revision.
    pub first: Revision,
    /// The others, the oldest first.
    pub later: Vec<Revision>,
}

impl Item {
    /// Its revisions, the oldest first.
    pub fn revisions(&self) -> impl Iterator<Item = &Revision> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// The revision with this number.
    pub fn revision(&self, rev: u32) -> Option<&Revision> {
        match rev {
            0 => None,
            1 => Some(&self.first),
            _ => self.later.get(rev as usize - 2),
        }
    }

    /// The revision that holds.
    pub fn newest(&self) -> &Revision {
        self.later.last().unwrap_or(&self.first)
    }

    /// Adds a revision with new content.
    pub fn change(
        &mut self,
        event: Event,
        at: Timestamp,
        by: usize,
        watermark: u64,
        content: ItemContent,
    ) -> &Revision {
        let old = self.newest();
        let moved = content.state != old.content.state;
        let at = at.max(old.changed_at);
        let completed = content.state.category == StateCategory::Completed;
        let revision = Revision {
            rev: old.rev + 1,
            watermark,
            event,
            changed_at: at,
            changed_by: by,
            state_changed_at: if moved { at } else { old.state_changed_at },
            closed_at: if completed { old.closed_at.or(Some(at)) } else { None },
            deleted: match event {
                Event::Deleted => true,
                Event::Restored => false,
                Event::Created | Event::Updated => old.deleted,
            },
            content,
        };
        ((self.project, self.team), self.item_type) = (revision.content.home, revision.content.item_type);
        self.later.push(revision);
        self.newest()
    }
}

/// The reason that Azure DevOps gives for a new state.
pub(crate) const fn reason(state: &SimulatedState) -> &'static str {
    match state.category {
        StateCategory::Proposed => "New",
        StateCategory::InProgress => "Implementation started",
        StateCategory::Resolved => "Fixed",
        StateCategory::Completed => "Acceptance tests pass",
        StateCategory::Removed => "Removed from the backlog",
    }
}
