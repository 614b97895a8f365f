//! Why a work item is on a board, or is not: the answer of `GET snapshot?explain=item:<number>`.

use serde::Serialize;
use serde_json::Value;

use crate::domain::wire::view::ScopeView;
use crate::domain::{Level, Text, Timestamp, WorkItemId};

/// Why a work item is on a board, or is not.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemExplanation {
    /// The number that was asked about.
    pub item: WorkItemId,
    /// Its title; absent where nothing is known of it that may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// Whether the board shows it; `null` where that cannot be told.
    pub on_board: Option<bool>,
    /// Whether it is in the sprint's scope, which `items.total` counts; `null` where the board has no sprint, or that cannot
    /// be told.
    pub counts: Option<bool>,
    /// What decides, in a sentence.
    pub why: Text,
    /// Every rule, in the order in which they are applied; none where nothing may be shown.
    pub rules: Vec<RuleApplied>,
    /// The boards of teams' sprints, and of what is no team's, that it is on instead or as well.
    pub elsewhere: Vec<Elsewhere>,
}

/// A rule that an item was held against.
#[derive(Clone, Debug, Serialize)]
pub struct RuleApplied {
    /// The name of the rule.
    pub rule: &'static str,
    /// Whether the item meets it; `null` where that cannot be told.
    pub holds: Option<bool>,
    /// The same, in a sentence.
    pub why: &'static str,
    /// What of the item it looks at.
    pub item: Value,
    /// What of the board, or of the team's own settings, decides.
    pub board: Value,
}

/// A board that an item is on.
#[derive(Clone, Debug, Serialize)]
pub struct Elsewhere {
    /// The board.
    #[serde(flatten)]
    pub scope: ScopeView,
    /// Where it is read; absent for that of a sprint which is not the team's current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// An explanation, and what may be claimed of the board that it is about.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedItem {
    #[serde(flatten)]
    pub(crate) explanation: ItemExplanation,
    pub(crate) level: Level,
    pub(crate) data_as_of: Option<Timestamp>,
    pub(crate) demo: bool,
    /// Whether the board is simulated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mock: bool,
}

impl ItemExplanation {
    /// Says nothing but why.
    pub(crate) fn without_item(item: WorkItemId, on_board: Option<bool>, why: Text) -> Self {
        Self { item, title: None, on_board, counts: None, why, rules: Vec::new(), elsewhere: Vec::new() }
    }
}
