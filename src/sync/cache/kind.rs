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
    /// Which projects and teams there are.
    Discovery,
    /// What the teams of a project share.
    Project,
    /// The days off of a team's finished sprints.
    DaysOff,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 7] = [
        Self::WorkItems,
        Self::Sprints,
        Self::Velocity,
        Self::Kpis,
        Self::Discovery,
        Self::Project,
        Self::DaysOff,
    ];

    /// How long a list is fresh.
    pub const fn soft_ttl_ms(self) -> i64 {
        match self {
            Self::WorkItems | Self::Kpis => WORK_ITEMS_FRESH_MS,
            Self::Sprints => SPRINTS_FRESH_MS,
            Self::Velocity => HOUR_MS,
            // No hook tells that there is a new team.
            Self::Discovery => HOUR_MS / 6,
            // Somebody may enter a day off late, and hardly anybody does.
            Self::Project | Self::DaysOff => DAY_MS,
        }
    }

    /// How long a list is shown where there is nothing newer.
    pub const fn hard_ttl_ms(self) -> i64 {
        match self {
            Self::WorkItems | Self::Kpis => DAY_MS,
            Self::Sprints | Self::Velocity | Self::Discovery | Self::Project | Self::DaysOff => 7 * DAY_MS,
        }
    }
}

const HOUR_MS: i64 = 60 * 60_000;
const DAY_MS: i64 = 24 * HOUR_MS;
