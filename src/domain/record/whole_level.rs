//! What is recorded of the organisation as a whole: its level, and whether simulated boards may stand in.

use serde::{Deserialize, Serialize};

use crate::domain::wire::view::Outage;
use crate::domain::{Level, Timestamp};

/// Whether an instance asks for simulated boards, and since when: its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MockAsked {
    /// Whether it does.
    pub on: bool,
    /// When it started.
    pub since: Timestamp,
}

/// The level of the organisation as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeLevel {
    /// The level.
    pub level: Level,
    /// Why it is less than full; `None` when it is not.
    pub outage: Option<Outage>,
}
