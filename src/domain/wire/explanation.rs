//! Where a number on a board comes from: the answer of `GET snapshot?explain=<metric>`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::domain::wire::view::Unit;
use crate::domain::{History, Hundredths, Level, Text, Timestamp, WorkItemId};

/// An item that was counted by a metric.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    pub id: WorkItemId,
    pub title: Text,
    pub amount: Hundredths,
    pub why: Text,
}

/// An item that a metric left out.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    pub id: WorkItemId,
    pub title: Text,
    /// The rule that left it out.
    pub rule: Text,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// By what it is asked.
    pub metric: Text,
    pub value: Option<Hundredths>,
    pub unit: Unit,
    pub definition: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// What of its past the number does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<Text>,
    /// The numbers that went in.
    pub inputs: BTreeMap<&'static str, Value>,
    pub counted: Vec<Counted>,
    pub left_out: Vec<LeftOut>,
    /// Whether the history it rests on is complete.
    pub history: History,
}

/// Where a number comes from, and what may be claimed of the board that it stands on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    #[serde(flatten)]
    pub(crate) explanation: Explanation,
    pub(crate) level: Level,
    pub(crate) data_as_of: Option<Timestamp>,
    pub(crate) demo: bool,
    /// Whether the number is that of a simulated board.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mock: bool,
}

impl Explanation {
    /// Keeps the definition and takes away what is not known.
    pub(crate) fn withhold(&mut self, reason: Text) {
        self.value = None;
        self.reason = Some(reason);
        self.partial = None;
        self.inputs.clear();
        self.counted.clear();
        self.left_out.clear();
    }
}
