//! Where a number on a board comes from: the answer of `GET snapshot?explain=<metric>`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::domain::amount::Hundredths;
use crate::domain::scope::Text;
use crate::domain::sprint::work_item::{History, WorkItemId};
use crate::domain::wire::view::Unit;

/// An item that was counted by a metric.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    /// The work item.
    pub id: WorkItemId,
    /// Its title.
    pub title: Text,
    /// What it contributed.
    pub amount: Hundredths,
    /// Why.
    pub why: Text,
}

/// An item that a metric left out.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// The work item.
    pub id: WorkItemId,
    /// Its title.
    pub title: Text,
    /// The rule that left it out.
    pub rule: Text,
}

/// Where a number comes from: the answer of `GET snapshot?explain=<metric>`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The metric's id.
    pub metric: &'static str,
    /// Its value.
    pub value: Option<Hundredths>,
    /// Its unit.
    pub unit: Unit,
    /// Its definition, in a sentence.
    pub definition: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    /// The numbers that went in.
    pub inputs: BTreeMap<&'static str, Value>,
    /// What was counted.
    pub counted: Vec<Counted>,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
    /// Whether the history it rests on is complete.
    pub history: History,
}
