//! What outlives the journal: the port `Archive`. It holds copies (the last values of metrics, finished sprints) and
//! the inbox, in which observations wait while the journal is away.
//!
//! The archive is slow, dear and optional: nobody reads it to serve a board that the journal knows, and nothing but a
//! hook that the journal could not take ever waits for it.

pub mod table;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::entry_id::EntryId;
use crate::domain::metrics::threshold::AnnouncedValue;
use crate::domain::record::archived_board::About;
use crate::domain::scope::{CollectionId, Scope, TeamKey, Text};
use crate::domain::sprint::work_item::Observation;
use crate::domain::time::Timestamp;
use crate::domain::wire::view::Unit;

/// The last value of a metric of a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedValue {
    /// The board, its sprint included.
    pub scope: Scope,
    /// The metric's id.
    pub metric: Text,
    /// What was last said of it.
    pub value: AnnouncedValue,
    /// What it is counted in, where that is another unit than the metric's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The entry of the log that said it.
    pub position: EntryId,
    /// The epoch of that log: positions of two logs cannot be compared.
    pub epoch: Text,
    /// When the board was last found equal to its source.
    pub as_of: Timestamp,
    /// What the board is called; absent in rows that were written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

impl ArchivedValue {
    /// Whether this takes the place of what is stored: of one log the later, of another log always.
    pub fn supersedes(&self, stored: &Self) -> bool {
        self.epoch != stored.epoch || (self.position, self.as_of) > (stored.position, stored.as_of)
    }
}

/// The board of a sprint that is over, as it was told when nothing of it changed any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishedSprint {
    /// The board it was: its team and sprint are known.
    pub scope: Scope,
    /// When it was frozen.
    pub frozen_at: Timestamp,
    /// By which version of the definitions of metrics.
    pub definition: u32,
    /// The board, as it is answered.
    pub board: Value,
}

/// An observation that waits for the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deposit {
    /// The observation, reduced to what an item keeps.
    pub observation: Observation,
    /// When it reached us.
    pub received_at: Timestamp,
    /// The collection it comes from, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionId>,
    /// The W3C trace id of the request that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Text>,
    /// The epoch of the journal that could not take it, where the instance knew one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Text>,
}

/// The name of a deposit. In the order of names, what came first is first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DepositId(String);

impl DepositId {
    /// A name of its own for something that was received then: instances need not agree on one.
    pub fn new(received_at: Timestamp) -> Self {
        Self(format!("{:015}-{}", received_at.epoch_ms().max(0), uuid::Uuid::new_v4().simple()))
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why the archive could not do as asked. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveError {
    /// It cannot be reached, or did not answer in time; trying again is right.
    Unavailable(String),
    /// It does not take this, or not from us; trying again is of no use until somebody changes something.
    Refused(String),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the archive is unavailable: {why}"),
            Self::Refused(why) => write!(f, "the archive refused: {why}"),
        }
    }
}

impl std::error::Error for ArchiveError {}

impl ArchiveError {
    /// Whether somebody has to change something before trying again is of use.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// One owner's copies and inbox: what others keep in the same place is neither read, nor changed, nor deleted.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Keeps the last values of metrics; of each the one that [supersedes](ArchivedValue::supersedes) the other stays,
    /// by any writer and in any order. Some may be kept although an error is returned.
    async fn save_values(&self, values: &[ArchivedValue]) -> Result<(), ArchiveError>;

    /// The last values of all metrics of all boards, in no order.
    async fn saved_values(&self) -> Result<Vec<ArchivedValue>, ArchiveError>;

    /// Deletes the values that were true last before that moment; one that is written anew meanwhile stays. Returns how
    /// many. Some may be deleted although an error is returned.
    async fn drop_values(&self, before: Timestamp) -> Result<usize, ArchiveError>;

    /// Keeps a finished sprint, unless one is kept of that board already: what was told of it once stays.
    ///
    /// Errors: `Refused` for a board without a team or a sprint, and for one that is too large.
    async fn keep_sprint(&self, sprint: &FinishedSprint) -> Result<(), ArchiveError>;

    /// The finished sprint of a board; `None` where none is kept.
    async fn finished_sprint(&self, scope: Scope) -> Result<Option<FinishedSprint>, ArchiveError>;

    /// Puts an observation into the inbox. When this returns `Ok`, it is kept.
    async fn deposit(&self, deposit: &Deposit) -> Result<DepositId, ArchiveError>;

    /// What waits in the inbox, the oldest first, at most `limit`, and none up to `after`.
    async fn waiting(
        &self,
        after: Option<&DepositId>,
        limit: usize,
    ) -> Result<Vec<(DepositId, Deposit)>, ArchiveError>;

    /// Puts a deposit that cannot be taken out of the way of others; it is kept for whoever looks into it.
    async fn set_aside(&self, id: &DepositId, deposit: &Deposit) -> Result<(), ArchiveError>;

    /// Takes a deposit out of the inbox. That it is there no longer is no error: another instance took it.
    async fn remove(&self, id: &DepositId) -> Result<(), ArchiveError>;

    /// Whether everything can be written, read and deleted: it is tried, with something that nobody else reads.
    async fn probe(&self) -> Result<(), ArchiveError>;
}

/// The team and sprint of a finished sprint, by which it is kept.
fn of_team(scope: Scope) -> Result<(TeamKey, String), ArchiveError> {
    match (TeamKey::of(scope), scope.sprint) {
        (Some(team), Some(id)) => Ok((team, id.to_string())),
        _ => Err(ArchiveError::Refused("a finished sprint has a team and a sprint".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::project;

    #[test]
    fn a_deposit_that_came_later_has_a_later_name() {
        let ids = [-5, 0, 9, 10, 1_795_608_000_000].map(|ms| DepositId::new(Timestamp::from_epoch_ms(ms)));
        assert!(ids[1..].is_sorted() && ids[0].as_str() < ids[2].as_str(), "{ids:?}");
        let again = DepositId::new(Timestamp::from_epoch_ms(9));
        assert!(again != ids[2] && again < ids[3], "two at once have two names");
    }

    #[test]
    fn d12_the_later_value_of_one_log_stays_and_that_of_another_log_is_replaced() {
        let value = |epoch: &str, seq, as_of| ArchivedValue {
            scope: Scope::project(project()),
            metric: "points.total".into(),
            value: AnnouncedValue::NoNumberYet,
            unit: None,
            position: EntryId { ms: 5, seq },
            epoch: epoch.into(),
            as_of: Timestamp::from_epoch_ms(as_of),
            about: None,
        };
        let stored = value("a", 1, 7);
        assert!(value("a", 2, 6).supersedes(&stored) && value("a", 1, 8).supersedes(&stored));
        assert!(!value("a", 0, 9).supersedes(&stored) && !value("a", 1, 7).supersedes(&stored));
        assert!(value("b", 0, 0).supersedes(&stored));
    }
}
