//! Why a board is less than full, as readers are told.

use serde::{Deserialize, Serialize};

use crate::domain::degradation::Failure;
use crate::domain::{Text, Timestamp};

/// Why a board is less than full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outage {
    /// What is wrong, in a word.
    pub reason: Text,
    pub since: Option<Timestamp>,
    pub retry_at: Option<Timestamp>,
    /// What the operator can do, where somebody has to do something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Text>,
    /// How far the first comparison is, while that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

/// How far a comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How many items are known.
    pub done: usize,
    /// How many there are.
    pub of: usize,
}

/// The reason of a board of which nothing is claimed yet, because it was not wholly compared with its source.
pub(super) const LOADING: &str = "loading";

/// Why a number of a team has no value that selects its items in a way that is not followed, for people.
pub(crate) const OTHER_TEAM_FIELD: &str =
    "the team selects its work items by a field other than the area path";

/// The reason of an outage of the journal: the one that each instance tells its own readers.
const JOURNAL: &str = "journal";

/// What is wrong where a source asks to be left alone.
const THROTTLED: Failure = Failure::Throttled { retry_after_ms: None };

impl Outage {
    /// The journal has not answered this instance since then. It is asked all the time.
    pub fn of_journal(since: Timestamp) -> Self {
        Self { since: Some(since), ..Self::of(JOURNAL) }
    }

    /// The board is being compared with its source for the first time.
    pub fn of_loading(progress: Option<Progress>) -> Self {
        Self { progress, ..Self::of(LOADING) }
    }

    /// The source answers and asks to be left alone until then.
    pub fn of_waiting(until: Timestamp) -> Self {
        Self { retry_at: Some(until), ..Self::of(THROTTLED.as_str()) }
    }

    /// Whether a reason says that the source asks to be left alone.
    pub fn is_waiting(reason: &str) -> bool {
        reason == THROTTLED.as_str()
    }

    /// Why there is no number, for people.
    pub fn without_numbers(&self) -> Text {
        match (self.progress, self.since) {
            (Some(Progress { done, of }), _) => {
                format!("Azure DevOps is being read: {done} of {of} work items").into()
            }
            (None, _) if &*self.reason == LOADING => "Azure DevOps is being read".into(),
            (None, _) if Self::is_waiting(&self.reason) => match self.retry_at {
                Some(until) => format!("Azure DevOps asks to wait until {until}").into(),
                None => "Azure DevOps asks to wait".into(),
            },
            (None, _) if &*self.reason == Failure::TeamField.as_str() => OTHER_TEAM_FIELD.into(),
            (None, Some(since)) => format!("Azure DevOps has not answered since {since}").into(),
            (None, None) => "Azure DevOps does not answer".into(),
        }
    }

    fn of(reason: &str) -> Self {
        Self { reason: reason.into(), since: None, retry_at: None, remedy: None, progress: None }
    }

    /// The board is as it was when it was last found equal to its source.
    pub fn of_archive(as_of: Timestamp) -> Self {
        Self { since: Some(as_of), ..Self::of(REMEMBERED) }
    }
}

/// The reason of a board that the archive holds, and of which nothing was heard since this process started.
const REMEMBERED: &str = "remembered";
