//! Burndown and burnup of a sprint, as a board shows them.

use serde::Serialize;

use crate::domain::wire::unit::Unit;
use crate::domain::{CivilDate, Hundredths, Timestamp};

/// One calendar day of a burndown.
#[derive(Clone, Debug, Serialize)]
pub struct BurndownDay {
    pub date: CivilDate,
    pub working: bool,
    /// The ideal line at its end.
    pub ideal: Option<Hundredths>,
    /// What was left at its end; absent on days to come, as are the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<Hundredths>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed: Option<Hundredths>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Hundredths>,
}

/// A point on today's line.
#[derive(Clone, Debug, Serialize)]
pub struct BurndownPoint {
    pub at: Timestamp,
    pub remaining: Hundredths,
}

/// Burndown and burnup of a sprint.
#[derive(Clone, Debug, Serialize)]
pub struct Burndown {
    /// Points, or items when nothing is estimated, or hours.
    pub unit: Unit,
    /// The scope that the sprint was planned with, which the ideal line starts from; absent while it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Hundredths>,
    /// One row for each calendar day of the sprint.
    pub days: Vec<BurndownDay>,
    pub today: Vec<BurndownPoint>,
    /// The same in the other units that the team's items have: items, and hours of remaining work, where scope and completed are
    /// not known. Absent where there are none, and in these themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Self>,
}

impl Burndown {
    /// Itself, and the same in the other units.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }
}
