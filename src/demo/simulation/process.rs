//! Two of the processes that Azure DevOps comes with. They differ in the names of types and states and in the field
//! that holds effort; and one state name has different categories in different types.

use Category::{Completed, InProgress, Proposed, Removed, Resolved};

/// What a state means, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Not begun.
    Proposed,
    /// Begun.
    InProgress,
    /// Solved, and not yet confirmed.
    Resolved,
    /// Done.
    Completed,
    /// Given up.
    Removed,
}

impl Category {
    /// The category as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "Proposed",
            Self::InProgress => "InProgress",
            Self::Resolved => "Resolved",
            Self::Completed => "Completed",
            Self::Removed => "Removed",
        }
    }
}

/// A state of a type, in the order of the workflow.
#[derive(Debug, PartialEq, Eq)]
pub struct SimulatedState {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub category: Category,
    /// Its colour, in hexadecimal digits.
    pub color: &'static str,
}

/// The level of the backlog that a type belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemRank {
    /// Portfolio, the upper of two.
    Epic,
    /// Portfolio, the lower of two.
    Feature,
    /// Stories or product backlog items.
    Requirement,
    /// Bugs, which a team puts where it likes.
    Bug,
    /// Tasks.
    Task,
}

impl ItemRank {
    /// The reference name of the category of types.
    pub const fn reference_name(self) -> &'static str {
        match self {
            Self::Epic => "Microsoft.EpicCategory",
            Self::Feature => "Microsoft.FeatureCategory",
            Self::Requirement => "Microsoft.RequirementCategory",
            Self::Bug => "Microsoft.BugCategory",
            Self::Task => "Microsoft.TaskCategory",
        }
    }
}

/// A type of work items.
#[derive(Debug, PartialEq, Eq)]
pub struct ItemType {
    /// Its name.
    pub name: &'static str,
    /// Where it stands in the backlog.
    pub level: ItemRank,
    /// Its states, in the order of the workflow.
    pub states: &'static [SimulatedState],
}

impl ItemType {
    /// The state that a new item has.
    pub fn first_state(&'static self) -> &'static SimulatedState {
        self.states.first().unwrap_or(&NO_STATE)
    }

    /// The state after `name` on the way to completion; `None` when it is completed or removed.
    pub fn next_state(&'static self, name: &str) -> Option<&'static SimulatedState> {
        let at = self.states.iter().position(|state| state.name == name)?;
        self.states.get(at + 1).filter(|state| state.category != Removed)
    }

    /// The first state of a category.
    pub fn state_of(&'static self, category: Category) -> Option<&'static SimulatedState> {
        self.states.iter().find(|state| state.category == category)
    }
}

const NO_STATE: SimulatedState = state("New", Proposed, "b2b2b2");

/// How a project works.
#[derive(Debug, PartialEq, Eq)]
pub struct Process {
    /// Its name.
    pub name: &'static str,
    /// The field that holds effort.
    pub effort_field: &'static str,
    /// What a team does with bugs, as the API writes it.
    pub bugs_behavior: &'static str,
    /// Its types: epic, feature, requirement, bug, task.
    pub types: [&'static ItemType; 5],
}

impl Process {
    /// The type of a level.
    pub fn item_type(&self, level: ItemRank) -> &'static ItemType {
        let [epic, feature, requirement, bug, task] = self.types;
        match level {
            ItemRank::Epic => epic,
            ItemRank::Feature => feature,
            ItemRank::Requirement => requirement,
            ItemRank::Bug => bug,
            ItemRank::Task => task,
        }
    }
}

const fn state(name: &'static str, category: Category, color: &'static str) -> SimulatedState {
    SimulatedState { name, category, color }
}

const fn item_type(name: &'static str, level: ItemRank, states: &'static [SimulatedState]) -> ItemType {
    ItemType { name, level, states }
}

const SCRUM_PORTFOLIO: &[SimulatedState] = &[
    state("New", Proposed, "b2b2b2"),
    state("In Progress", InProgress, "007acc"),
    state("Done", Completed, "339933"),
    state("Removed", Removed, "ffffff"),
];
const SCRUM_BACKLOG: &[SimulatedState] = &[
    state("New", Proposed, "b2b2b2"),
    state("Approved", Proposed, "b2b2b2"),
    state("Committed", InProgress, "007acc"),
    state("Done", Completed, "339933"),
    state("Removed", Removed, "ffffff"),
];
const SCRUM_TASK: &[SimulatedState] = &[
    state("To Do", Proposed, "b2b2b2"),
    state("In Progress", InProgress, "007acc"),
    state("Done", Completed, "339933"),
    state("Removed", Removed, "ffffff"),
];
const AGILE_STORY: &[SimulatedState] = &[
    state("New", Proposed, "b2b2b2"),
    state("Active", InProgress, "007acc"),
    state("Resolved", InProgress, "ff9d00"),
    state("Closed", Completed, "339933"),
    state("Removed", Removed, "ffffff"),
];
const AGILE_BUG: &[SimulatedState] = &[
    state("New", Proposed, "b2b2b2"),
    state("Active", InProgress, "007acc"),
    state("Resolved", Resolved, "ff9d00"),
    state("Closed", Completed, "339933"),
];
const AGILE_TASK: &[SimulatedState] = &[
    state("New", Proposed, "b2b2b2"),
    state("Active", InProgress, "007acc"),
    state("Closed", Completed, "339933"),
    state("Removed", Removed, "ffffff"),
];

static SCRUM_EPIC_TYPE: ItemType = item_type("Epic", ItemRank::Epic, SCRUM_PORTFOLIO);
static SCRUM_FEATURE_TYPE: ItemType = item_type("Feature", ItemRank::Feature, SCRUM_PORTFOLIO);
static SCRUM_ITEM_TYPE: ItemType = item_type("Product Backlog Item", ItemRank::Requirement, SCRUM_BACKLOG);
static SCRUM_BUG_TYPE: ItemType = item_type("Bug", ItemRank::Bug, SCRUM_BACKLOG);
static SCRUM_TASK_TYPE: ItemType = item_type("Task", ItemRank::Task, SCRUM_TASK);
static AGILE_EPIC_TYPE: ItemType = item_type("Epic", ItemRank::Epic, AGILE_STORY);
static AGILE_FEATURE_TYPE: ItemType = item_type("Feature", ItemRank::Feature, AGILE_STORY);
static AGILE_STORY_TYPE: ItemType = item_type("User Story", ItemRank::Requirement, AGILE_STORY);
static AGILE_BUG_TYPE: ItemType = item_type("Bug", ItemRank::Bug, AGILE_BUG);
static AGILE_TASK_TYPE: ItemType = item_type("Task", ItemRank::Task, AGILE_TASK);

/// Scrum: product backlog items, `Effort`, bugs beside the requirements.
pub static SCRUM: Process = Process {
    name: "Scrum",
    effort_field: "Microsoft.VSTS.Scheduling.Effort",
    bugs_behavior: "asRequirements",
    types: [&SCRUM_EPIC_TYPE, &SCRUM_FEATURE_TYPE, &SCRUM_ITEM_TYPE, &SCRUM_BUG_TYPE, &SCRUM_TASK_TYPE],
};

/// Agile: user stories, `StoryPoints`, bugs beside the tasks.
pub static AGILE: Process = Process {
    name: "Agile",
    effort_field: "Microsoft.VSTS.Scheduling.StoryPoints",
    bugs_behavior: "asTasks",
    types: [&AGILE_EPIC_TYPE, &AGILE_FEATURE_TYPE, &AGILE_STORY_TYPE, &AGILE_BUG_TYPE, &AGILE_TASK_TYPE],
};
