//! How an item stood: read off its revisions one by one.

use boardcast::demo::simulation::item::{Item, Revision};
use boardcast::demo::simulation::organisation::Sprint;
use boardcast::demo::simulation::process::{ItemRank, Process};
use boardcast::domain::sprint::catalogue::{BugsBehaviour, StateCategory};

/// A team, as items bear it: its project and its place there; and the process of that.
#[derive(Clone, Copy)]
pub struct Owner {
    pub home: (usize, usize),
    pub process: &'static Process,
}

pub fn at(revision: &Revision) -> i64 {
    revision.changed_at.epoch_ms()
}

/// Points in hundredths; `None` without an estimate.
pub fn effort(revision: &Revision) -> Option<i64> {
    revision.content.effort.map(|effort| (effort * 100.0).round() as i64)
}

impl Owner {
    /// What a state means to the team. One that its process does not have for that type, as items bear it that were in another
    /// project, counts as not started.
    pub fn category(&self, revision: &Revision) -> StateCategory {
        let content = &revision.content;
        let kind = self.process.types.iter().find(|of| of.name == content.item_type.name);
        let mut states = kind.into_iter().flat_map(|of| &of.states);
        let state = states.find(|state| state.name == content.state.name);
        state.map_or(StateCategory::Proposed, |state| state.category)
    }

    pub fn is_completed(&self, revision: &Revision) -> bool {
        self.category(revision) == StateCategory::Completed
    }

    pub fn is_removed(&self, revision: &Revision) -> bool {
        self.category(revision) == StateCategory::Removed
    }

    pub fn is_open(&self, revision: &Revision) -> bool {
        !self.is_completed(revision) && !self.is_removed(revision)
    }

    pub fn is_started(&self, revision: &Revision) -> bool {
        matches!(self.category(revision), StateCategory::InProgress | StateCategory::Resolved)
    }

    pub fn is_own(&self, revision: &Revision) -> bool {
        revision.content.home == self.home && !revision.deleted
    }

    pub fn is_requirement(&self, revision: &Revision) -> bool {
        match revision.content.item_type.level {
            ItemRank::Requirement => true,
            ItemRank::Bug => self.process.bugs_behavior == BugsBehaviour::AsRequirements,
            _ => false,
        }
    }

    pub fn is_task(&self, revision: &Revision) -> bool {
        match revision.content.item_type.level {
            ItemRank::Task => true,
            ItemRank::Bug => self.process.bugs_behavior == BugsBehaviour::AsTasks,
            _ => false,
        }
    }

    pub fn is_in_sprint(&self, revision: &Revision, sprint: &Sprint) -> bool {
        self.is_own(revision) && revision.content.iteration_path == sprint.path
    }

    /// Whether it is in the scope of a sprint.
    pub fn is_in_scope(&self, revision: &Revision, sprint: &Sprint) -> bool {
        self.is_in_sprint(revision, sprint) && self.is_requirement(revision) && !self.is_removed(revision)
    }
}

/// An item as far as it has happened.
#[derive(Clone)]
pub struct Life<'a> {
    pub item: &'a Item,
    /// Whose life it is.
    owner: Owner,
    pub revisions: Vec<&'a Revision>,
}

impl<'a> Life<'a> {
    /// The item as it was just before that; `None` where it was not there.
    pub fn before(item: &'a Item, owner: Owner, end: i64) -> Option<Self> {
        let revisions: Vec<&Revision> = item.revisions().filter(|revision| at(revision) < end).collect();
        (!revisions.is_empty()).then_some(Self { item, owner, revisions })
    }

    pub fn newest(&self) -> &'a Revision {
        self.revisions[self.revisions.len() - 1]
    }

    /// The revision in force just before a moment.
    pub fn then(&self, end: i64) -> Option<&'a Revision> {
        self.revisions.iter().rfind(|revision| at(revision) < end).copied()
    }

    pub fn created(&self) -> i64 {
        at(&self.item.first)
    }

    pub fn started(&self) -> Option<i64> {
        self.revisions.iter().find(|revision| self.owner.is_started(revision)).map(|revision| at(revision))
    }

    /// The last entry into a Completed state, where it is in one.
    pub fn completed(&self) -> Option<i64> {
        let streak = self.revisions.iter().rev().take_while(|revision| self.owner.is_completed(revision));
        streak.last().map(|revision| at(revision))
    }

    /// Each change: the revision before, if there was one, and the revision.
    pub fn changes(&self) -> impl Iterator<Item = (Option<&'a Revision>, &'a Revision)> + '_ {
        let before = std::iter::once(None).chain(self.revisions.iter().copied().map(Some));
        before.zip(self.revisions.iter().copied())
    }

    /// For how long it was blocked and open between two moments, up to now, in whole hours.
    pub fn blocked_hours(
        &self,
        (start, end, now): (i64, i64, i64),
        blocks: impl Fn(&Revision) -> bool,
    ) -> i64 {
        let mut ms = 0;
        for (place, revision) in self.revisions.iter().enumerate() {
            let until = self.revisions.get(place + 1).map_or(i64::MAX, |next| at(next)).min(end).min(now);
            if blocks(revision) && self.owner.is_open(revision) {
                ms += (until - at(revision).max(start)).max(0);
            }
        }
        (ms + 1_800_000) / 3_600_000
    }
}
