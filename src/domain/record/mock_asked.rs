//! Whether simulated boards are asked for, as a part of the record of the check.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// Whether an instance asks for simulated boards, and since when: its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MockAsked {
    /// Whether it does.
    pub on: bool,
    /// When it started.
    pub since: Timestamp,
}
