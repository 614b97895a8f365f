//! What was last announced of a board: records, so that a change is announced once, whatever the number of instances and
//! however often they start.

use serde::{Deserialize, Serialize};

use crate::domain::metrics::threshold::AnnouncedValue;
use crate::domain::wire::view::{SprintVerdict, Unit};
use crate::domain::{EntryId, Level, Scope, Stored, Text, Timestamp};

/// Something that was announced of a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Announced {
    /// The value of a metric.
    Metric {
        /// The metric's id.
        metric: Text,
        /// What was announced of it.
        value: AnnouncedValue,
        /// What it is counted in, where that is another unit than the metric's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<Unit>,
        /// A hash of the detail that was told with it; `None` where it has none, or nobody knows which was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<u64>,
    },
    /// What is to be said of the sprint.
    Outlook {
        /// Whether it is going to be completed in time.
        verdict: SprintVerdict,
        /// The verdict in a sentence, which changes with the numbers that it rests on.
        text: Text,
    },
    /// That what clients keep of the board is stale, up to a change.
    Keys {
        /// The newest change that this covers.
        changed: EntryId,
    },
    /// The level of the board.
    Level {
        /// The level.
        level: Level,
        /// What is wrong, in the word that readers are given; `None` when nothing is.
        reason: Option<Text>,
        /// Since when; `None` when nothing is wrong.
        since: Option<Timestamp>,
        /// When the source is tried again.
        retry_at: Option<Timestamp>,
    },
}

impl Announced {
    /// The name of its record within its board.
    pub fn name(&self) -> &str {
        match self {
            Self::Metric { metric, .. } => metric,
            Self::Outlook { .. } => OUTLOOK,
            Self::Keys { .. } => KEYS,
            Self::Level { .. } => LEVEL,
        }
    }
}

/// The name under which stale keys are announced. No metric's id is a single word.
pub const KEYS: &str = "keys";

/// The name under which an outlook is announced.
pub const OUTLOOK: &str = "outlook";

/// The name under which a level is announced.
pub const LEVEL: &str = "level";

/// A statement about a board, as its record and as what a log entry tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedRecord {
    /// The board, its sprint included: a new sprint begins without a past.
    pub scope: Scope,
    /// What was announced.
    pub statement: Announced,
    /// The position of the log of which it is true.
    pub at: EntryId,
}

impl Stored for AnnouncedRecord {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::amount::Hundredths;
    use crate::domain::testing::project;

    #[test]
    fn what_was_announced_comes_back_as_it_was() {
        let metric =
            |value| Announced::Metric { metric: "points.total".into(), value, unit: None, detail: None };
        let statements = [
            metric(AnnouncedValue::NoNumberYet),
            Announced::Metric {
                metric: "velocity.average".into(),
                value: AnnouncedValue::NumberGone,
                unit: Some(Unit::Items),
                detail: Some(u64::MAX),
            },
            metric(AnnouncedValue::NumberGone),
            metric(AnnouncedValue::Number(Hundredths::from_units(12.5).unwrap())),
            Announced::Outlook { verdict: SprintVerdict::AtRisk, text: "8 points left.".into() },
            Announced::Keys { changed: EntryId { ms: 7, seq: 1 } },
            Announced::Level {
                level: Level::Cached,
                reason: Some("timed_out".into()),
                since: Some(Timestamp::from_epoch_ms(5)),
                retry_at: None,
            },
        ];
        let names: Vec<&str> = statements.iter().map(Announced::name).collect();
        assert_eq!(
            names,
            ["points.total", "velocity.average", "points.total", "points.total", "outlook", "keys", "level"]
        );
        for statement in statements {
            let record = AnnouncedRecord {
                scope: Scope::project(project()),
                statement,
                at: EntryId { ms: 9, seq: 0 },
            };
            assert_eq!(AnnouncedRecord::decode(&record.encode()).unwrap(), record);
        }
        assert!(AnnouncedRecord::decode(b"{}").is_err());
    }
}
