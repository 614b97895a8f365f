//! What numbers are counted in.

use serde::{Deserialize, Serialize};

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Items,
    /// Story points, effort or size.
    Points,
    Hours,
    /// Percent, 0–100, one decimal.
    Percent,
    Days,
    Bugs,
}
