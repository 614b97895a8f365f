//! How a project works. The processes in `organisation.json` are Scrum and Agile as Azure DevOps comes with them: they
//! differ in the names of types and states and in the field that holds effort; and one state name has different
//! categories in different types.

use serde::{Deserialize, Serialize};

use crate::domain::sprint::catalogue::{BugsBehaviour, StateCategory};

/// A state of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedState {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub category: StateCategory,
    /// Its colour, in hexadecimal digits.
    pub color: &'static str,
}

/// The level of the backlog that a type belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ItemType {
    /// Its name.
    pub name: &'static str,
    /// Where it stands in the backlog.
    pub level: ItemRank,
    /// Its states, in the order of the workflow.
    pub states: Vec<SimulatedState>,
}

impl ItemType {
    /// The state after `name` on the way to completion; `None` when it is completed or removed.
    pub fn next_state(&self, name: &str) -> Option<&SimulatedState> {
        let at = self.states.iter().position(|state| state.name == name)?;
        self.states.get(at + 1).filter(|state| state.category != StateCategory::Removed)
    }

    /// The first state of a category.
    pub fn state_of(&self, category: StateCategory) -> Option<&SimulatedState> {
        self.states.iter().find(|state| state.category == category)
    }
}

/// How a project works.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Process {
    /// Its name.
    pub name: &'static str,
    /// The field that holds effort.
    pub effort_field: &'static str,
    /// The field that holds the order of the backlog.
    pub order_field: &'static str,
    /// What the backlog of requirements is called.
    pub requirements: &'static str,
    /// What a team does with bugs.
    pub bugs_behavior: BugsBehaviour,
    /// Its types: epic, feature, requirement, bug, task.
    pub types: [ItemType; 5],
}

impl Process {
    /// The types that there are: one without states is none, as Basic has no bugs.
    pub fn existing_types(&self) -> impl Iterator<Item = &ItemType> {
        self.types.iter().filter(|of| !of.states.is_empty())
    }

    /// The type of a level.
    pub const fn item_type(&self, level: ItemRank) -> &ItemType {
        let [epic, feature, requirement, bug, task] = &self.types;
        match level {
            ItemRank::Epic => epic,
            ItemRank::Feature => feature,
            ItemRank::Requirement => requirement,
            ItemRank::Bug => bug,
            ItemRank::Task => task,
        }
    }
}
