//! What happened on a board since an instant, as it is told to readers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::domain::wire::unit::Unit;
use crate::domain::{
    BacklogLevel, History, Hundredths, Identity, Level, SprintId, Text, Timestamp, WorkItemId,
};

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HappeningKind {
    /// It was made, and in the sprint at once.
    Created,
    /// It came from the sprint before, open.
    CarriedOver,
    /// It came from elsewhere.
    Added,
    Removed,
    /// Work on it began.
    Started,
    Completed,
    Reopened,
    Reestimated,
    Blocked,
    Unblocked,
}

/// Something that happened to an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Happening {
    pub id: WorkItemId,
    /// Its title of now.
    pub title: Text,
    /// The backlog that its type of now is on; `null` where that is neither.
    pub backlog: Option<BacklogLevel>,
    pub kind: HappeningKind,
    /// A state, a path or an estimate, by the kind; `null` where there is none.
    pub from: Value,
    pub to: Value,
    pub by: Option<Identity>,
    pub at: Timestamp,
}

/// A number before and after.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ThenAndNow {
    pub then: Option<Hundredths>,
    pub now: Option<Hundredths>,
    pub unit: Unit,
}

/// What happened on a board since an instant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SinceAnswer {
    pub since: Timestamp,
    /// Until when it is told.
    pub until: Timestamp,
    pub sprint_id: SprintId,
    /// Oldest first.
    pub changes: Vec<Happening>,
    /// How many older ones are left out.
    pub left_out: usize,
    pub metrics: BTreeMap<&'static str, ThenAndNow>,
    pub history: History,
    /// What of that time is not known; absent where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<Text>,
    /// From when on the past of the team is known; absent where it is from the beginning, or is being read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_from: Option<Timestamp>,
    pub level: Level,
    pub data_as_of: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub demo: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mock: bool,
    pub cursor: String,
}
