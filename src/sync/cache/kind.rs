//! What is kept, and for how long.

use crate::domain::target::{SPRINTS_FRESH_MS, WORK_ITEMS_FRESH_MS};

/// What is kept. There are no other kinds, so each has its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The work items of a sprint.
    WorkItems,
    /// A team's sprints.
    Sprints,
    /// A team's finished sprints.
    Velocity,
    /// A sprint's key figures.
    Kpis,
    /// Projects and teams.
    Discovery,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 5] = [Self::WorkItems, Self::Sprints, Self::Velocity, Self::Kpis, Self::Discovery];

    /// How long a list is fresh.
    pub const fn soft_ttl_ms(self) -> i64 {
        match self {
            Self::WorkItems | Self::Kpis => WORK_ITEMS_FRESH_MS,
            Self::Sprints => SPRINTS_FRESH_MS,
            Self::Velocity | Self::Discovery => 3_600_000,
        }
    }

    /// How long a list is shown where there is nothing newer.
    pub const fn hard_ttl_ms(self) -> i64 {
        match self {
            Self::WorkItems | Self::Kpis => DAY_MS,
            Self::Sprints | Self::Velocity | Self::Discovery => 7 * DAY_MS,
        }
    }
}

const DAY_MS: i64 = 24 * 60 * 60_000;
