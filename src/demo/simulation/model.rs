//! The organisation as it stands: its items and the one order in which everything happened.

use std::collections::{BTreeMap, BTreeSet};

use super::item::{Event, Item, ItemContent, Revision};
use super::organisation::{NAME, Organisation, Project, Team, day_of};
use super::process::ItemRank;
use crate::domain::scope::Text;
use crate::domain::sprint::catalogue::StateCategory;
use crate::domain::time::{CivilDate, Timestamp};
use crate::platform::clock::Clock;

/// How long after the start the first change is due.
const FIRST_CHANGE_MS: i64 = 500;

/// Where ranks begin, about as great as those of Azure DevOps, and how far apart items are ranked at first.
const FIRST_RANK: f64 = 1_000_000_000.0;
pub(super) const RANKS_APART: f64 = 64.0;

/// A simulated organisation. Two with the same seed that are stepped at the same instants have the same history.
#[derive(Clone)]
pub struct Model {
    /// What does not change.
    pub organisation: Organisation,
    /// Where it is reached, with the organisation's name and without a slash at the end.
    pub base_url: String,
    pub(super) seed: u64,
    pub(super) rng: fastrand::Rng,
    /// When the next change is due.
    pub(super) due: Timestamp,
    clock: Clock,
    /// The items, deleted ones too, by number.
    pub items: BTreeMap<u32, Item>,
    /// Every revision in the order in which they were made, as numbers of item and revision.
    pub(super) log: Vec<(u32, u32)>,
    notifications: BTreeMap<(usize, Event), u32>,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedChange {
    /// The number of the item.
    pub item: u32,
    /// The number of the revision that it made.
    pub rev: u32,
    /// What happened.
    pub event: Event,
    /// How many notifications the subscription to such events has sent with this one.
    pub notification: u32,
}

impl Model {
    /// An organisation of a seed in which nothing has happened yet, as of the day that the clock tells.
    pub fn empty(seed: u64, clock: Clock) -> Self {
        let now = clock();
        Self {
            organisation: Organisation::new(seed, day_of(now)),
            base_url: format!("https://dev.azure.com/{NAME}"),
            seed,
            rng: fastrand::Rng::with_seed(seed),
            due: Timestamp::from_epoch_ms(now.epoch_ms() + FIRST_CHANGE_MS),
            clock,
            items: BTreeMap::new(),
            log: Vec::new(),
            notifications: BTreeMap::new(),
        }
    }

    /// What the clock tells.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The day that the clock tells, in UTC.
    pub fn today(&self) -> CivilDate {
        day_of(self.now())
    }

    /// The items, deleted ones too, by number.
    pub const fn items(&self) -> &BTreeMap<u32, Item> {
        &self.items
    }

    /// The item with a number.
    pub fn item(&self, id: u32) -> Option<&Item> {
        self.items.get(&id)
    }

    /// The project with an index.
    pub fn project(&self, index: usize) -> Option<&Project> {
        self.organisation.projects.get(index)
    }

    /// An item's project and team.
    pub fn home(&self, item: &Item) -> Option<(&Project, &Team)> {
        let project = self.project(item.project)?;
        Some((project, project.teams.get(item.team)?))
    }

    /// The project and the team that an item with this content is of.
    pub(super) fn home_of(&self, content: &ItemContent) -> Option<(&Project, &Team)> {
        let (project, team) = content.home;
        let project = self.project(project)?;
        Some((project, project.teams.get(team)?))
    }

    /// Makes an item. `None` when there is no such project or team.
    pub fn create(&mut self, draft: Draft, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let item_type = self.project(draft.project)?.process.item_type(draft.level);
        let id = self.items.keys().next_back().map_or(1, |last| last + 1);
        let content = ItemContent {
            home: (draft.project, draft.team),
            item_type,
            title: draft.title.into(),
            state: item_type.states.first()?,
            iteration_path: draft.iteration_path,
            assigned_to: draft.assigned_to,
            effort: draft.effort,
            remaining_work: draft.remaining_work,
            blocked: false,
            tags: BTreeSet::new(),
            parent: draft.parent,
            // What is new goes to the end, with room for what is put in between.
            rank: FIRST_RANK + RANKS_APART * f64::from(id),
        };
        let first = Revision {
            rev: 1,
            watermark: self.log.len() as u64 + 1,
            event: Event::Created,
            changed_at: at,
            changed_by: by,
            state_changed_at: at,
            closed_at: None,
            deleted: false,
            content,
        };
        let (project, team) = (draft.project, draft.team);
        self.items.insert(id, Item { id, project, team, item_type, first, later: Vec::new() });
        Some(self.record(id, 1, Event::Created, project))
    }

    /// Changes an item: `edit` is handed what it holds. `None` when there is no such item.
    pub fn change(
        &mut self,
        id: u32,
        event: Event,
        at: Timestamp,
        by: usize,
        edit: impl FnOnce(&mut ItemContent),
    ) -> Option<SimulatedChange> {
        let watermark = self.log.len() as u64 + 1;
        let item = self.items.get_mut(&id)?;
        let mut content = item.newest().content.clone();
        let state = content.state;
        edit(&mut content);
        if content.state != state && content.state.category == StateCategory::Completed {
            // A closed task has nothing left to do, and the process empties the field.
            content.remaining_work = None;
        }
        let rev = item.change(event, at, by, watermark, content).rev;
        let project = item.project;
        Some(self.record(id, rev, event, project))
    }

    fn record(&mut self, id: u32, rev: u32, event: Event, project: usize) -> SimulatedChange {
        self.log.push((id, rev));
        let sent = self.notifications.entry((project, event)).or_default();
        *sent += 1;
        SimulatedChange { item: id, rev, event, notification: *sent }
    }
}

/// An item to be made.
pub struct Draft {
    /// The index of its project.
    pub project: usize,
    /// The index of its team in the project.
    pub team: usize,
    /// Its type, by where that stands in the backlog.
    pub level: ItemRank,
    /// `System.Title`.
    pub title: String,
    /// `System.IterationPath`.
    pub iteration_path: Text,
    /// `System.AssignedTo`: the number of a member of the team.
    pub assigned_to: Option<usize>,
    /// Story points or effort.
    pub effort: Option<f64>,
    /// `Microsoft.VSTS.Scheduling.RemainingWork`.
    pub remaining_work: Option<f64>,
    /// `System.Parent`.
    pub parent: Option<u32>,
}

impl Draft {
    /// An item of a team of a project, both by their index.
    pub const fn new(
        (project, team): (usize, usize),
        level: ItemRank,
        title: String,
        iteration_path: Text,
    ) -> Self {
        Self {
            project,
            team,
            level,
            title,
            iteration_path,
            assigned_to: None,
            effort: None,
            remaining_work: None,
            parent: None,
        }
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
pub(crate) mod tests;
