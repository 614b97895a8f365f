//! What every event carries beside its own fields.

use serde::{Deserialize, Serialize};

use crate::domain::{Level, Scope, Text, Timestamp};

/// Where the news came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// A service hook.
    Webhook,
    /// The timer's synchronisation.
    Timer,
    /// Somebody asked for it.
    Manual,
    /// A back-fill of history.
    Backfill,
    /// boardcast itself.
    System,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A board: the three ids are on the wire, `null` where not known.
    Scope(Scope),
    /// The whole organisation: the three ids are on the wire, all `null`.
    Organization,
    /// This connection: no ids on the wire.
    Connection,
}

/// What every event carries beside its own fields.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// When the event was appended; for events without an id, when it was written.
    pub timestamp: Timestamp,
    pub subject: Subject,
    /// Where the news came from; `None` for events about the connection.
    pub source: Option<Cause>,
    pub level: Level,
    pub demo: bool,
    pub data_as_of: Option<Timestamp>,
    pub changed_at: Option<Timestamp>,
    pub received_at: Option<Timestamp>,
    /// The W3C trace id of the request that told us.
    pub trace_id: Option<Text>,
}

impl Envelope {
    /// An envelope for an event about the connection itself.
    pub const fn connection(timestamp: Timestamp, level: Level, data_as_of: Option<Timestamp>) -> Self {
        Self {
            timestamp,
            subject: Subject::Connection,
            source: None,
            level,
            demo: false,
            data_as_of,
            changed_at: None,
            received_at: None,
            trace_id: None,
        }
    }
}
