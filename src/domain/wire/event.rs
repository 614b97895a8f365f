//! The wire contract: every event that a reader can receive, and the envelope around it.
//!
//! An event is encoded once, when it is appended to the log, and every reader gets these bytes, live or replayed.
//! On the default stream there are no `event:` lines: one JSON object a message, told apart by `type`, because a
//! client that only sets `onmessage` never sees a named event (HTML, server-sent events, "dispatch the event").

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

pub use crate::domain::wire::envelope::Cause;
pub(crate) use crate::domain::wire::envelope::{Envelope, Subject};
use crate::domain::wire::view::{BoardView, ItemView, Outage, Outlook, PastProgress, ScopeView, Unit};
use crate::domain::{
    CivilDate, Hundredths, Identity, Level, ProjectId, SprintId, StateCategory, TeamId, Text, Timestamp,
    WorkItemId,
};

/// The major version of the schema. Additive changes keep it.
pub const SCHEMA_VERSION: u32 = 1;

/// The greatest size of a block on a stream, in bytes: common clients refuse a line of 64 KiB, time after time.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;

/// The greatest size of an event, in bytes of JSON, which leaves room for what is around it in a block. Larger contents
/// are fetched from `url`.
pub const EVENT_BYTES_MAX: usize = BLOCK_BYTES_MAX - 128;

/// Before and after; `null` for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OldNew<T> {
    pub old: T,
    pub new: T,
}

/// What happened to a work item on a board, in one word. Where several are true the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangeType {
    /// It went to the recycle bin.
    Deleted,
    /// It came back from the recycle bin.
    Restored,
    Created,
    /// It left this board for another.
    MovedOut,
    /// It came to this board from another.
    MovedIn,
    State,
    /// Its effort or remaining work changed.
    Estimate,
    /// It was given to somebody else.
    Assigned,
    Updated,
}

/// Why a metric is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricReason {
    /// It has a number for the first time.
    First,
    /// It moved by the threshold or more.
    Threshold,
    /// It is a metric of which any change counts.
    AnyChange,
    /// It came to or left zero.
    ZeroCrossing,
    /// It had moved by less, and that stood.
    Settle,
    /// What it is made of changed, and its value did not.
    Detail,
}

/// Why the server ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosingReason {
    /// It reached its lifetime.
    Lifetime,
    /// There are too many.
    Shed,
    /// The reader fell too far behind.
    Slow,
    /// The server stops.
    Shutdown,
    /// The log was lost; the reader comes back to a gap and a snapshot.
    Lost,
}

/// An event's own fields, as `docs/EVENTS.md` describes them.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum Body {
    /// First on every stream.
    Connected {
        /// Random, for logs.
        connection_id: String,
        server_version: &'static str,
        /// Schema majors on offer.
        versions: &'static [u32],
        /// After how much silence a heartbeat is sent.
        heartbeat_ms: u64,
        /// Whether the stream goes on exactly where the cursor was.
        resumed: bool,
        /// Whether a cursor was given from which the stream cannot go on.
        gap: bool,
        /// The position from which events follow.
        cursor: String,
        scopes: Vec<ScopeView>,
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<&'static str>,
        /// While no board is known: why there is none, as far as the organisation is the reason.
        #[serde(skip_serializing_if = "Option::is_none")]
        outage: Option<Outage>,
    },
    /// Full truth of one board; replaces what the client held.
    Snapshot {
        data: Box<BoardView>,
        /// Why it is less than full; absent when it is not.
        #[serde(skip_serializing_if = "Option::is_none")]
        outage: Option<Outage>,
        /// Where the whole board is, when its items are too many for an event.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The `ETag` that `url` will have.
        #[serde(skip_serializing_if = "Option::is_none")]
        etag: Option<String>,
    },
    /// A synchronisation or a change of the catalogue changed the set of items.
    WorkitemsUpdated {
        /// The items; absent above 64 kB.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Vec<ItemView>>,
        /// Where the board is, when `data` is absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        added: Vec<WorkItemId>,
        removed: Vec<WorkItemId>,
        changed: Vec<WorkItemId>,
    },
    /// One work item changed.
    WorkitemChanged {
        work_item_id: WorkItemId,
        rev: u32,
        change_type: ChangeType,
        /// The changed fields by reference name, of those that an item keeps.
        fields: BTreeMap<Text, OldNew<serde_json::Value>>,
        state_category: OldNew<Option<StateCategory>>,
        title: Text,
        /// Who made the revision; `null` where nobody said.
        changed_by: Option<Identity>,
        /// The item as the board now shows it; `null` when it left the board.
        item: Option<Box<ItemView>>,
        /// Where the board is, when the change is too large for an event and `fields` and `item` are empty.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// A metric moved significantly, or what it is made of did.
    MetricChanged {
        metric: &'static str,
        value: Option<Hundredths>,
        /// The value announced before.
        previous: Option<Hundredths>,
        /// 100·|value − previous| / |previous|, one decimal, no sign; `null` when there is no such number.
        change_percent: Option<Hundredths>,
        unit: Unit,
        reason: MetricReason,
        /// The threshold, as a fraction.
        threshold: f64,
        /// What it is made of, as in a board's metrics; absent where that is as it was, or there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<serde_json::Value>,
        /// Where the board is, when the detail is too large for an event.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// What is to be said of a sprint changed: the verdict, or, a little later, the numbers that it rests on.
    OutlookChanged { outlook: Outlook },
    /// New data is in place; kept for clients that cache by these keys.
    CacheInvalidated {
        /// `workitems-<project>-<sprint>`, `sprint-<sprint>`, `kpis-<project>-<sprint>`.
        keys: Vec<String>,
        reason: Text,
    },
    /// A team's sprint rolled over, or its dates were edited.
    SprintChanged {
        from: Option<SprintId>,
        to: Option<SprintId>,
        start_date: Option<CivilDate>,
        finish_date: Option<CivilDate>,
    },
    /// A board's level fell.
    Degraded {
        from: Level,
        to: Level,
        reason: Text,
        since: Timestamp,
        /// When the source is tried again.
        retry_at: Option<Timestamp>,
        /// What can be done, where anything can.
        #[serde(skip_serializing_if = "Option::is_none")]
        remedy: Option<Text>,
    },
    /// A board is live again.
    Recovered { from: Level, down_for_ms: i64 },
    /// The source was checked; this is how a quiet board stays fresh on the screen.
    SyncCompleted {
        /// Boards checked.
        scopes: u32,
        /// Work items that had changed.
        changed: u32,
        /// Projects that could not be checked; their boards keep their age.
        failed: Vec<ProjectId>,
        duration_ms: i64,
        next: Option<Timestamp>,
        /// How far the past is read, while it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        backfill: Option<PastProgress>,
    },
    /// A service-hook subscription changed; only on streams of operators.
    WebhookHealth {
        subscription: Text,
        /// What of the project it tells, as Azure DevOps calls it.
        event_type: &'static str,
        /// `enabled`, `probation`, `disabled`, `altered`, `missing` or `backfilled`.
        status: &'static str,
        /// How many changes had been missed, once the hole was filled.
        missed: Option<u32>,
    },
    /// Nothing was written for a while; sent instead of the silent heartbeat where asked for.
    Heartbeat {
        /// The position up to which this connection has been written everything.
        cursor: String,
    },
    /// The last event of a stream that the server ends.
    Closing {
        reason: ClosingReason,
        /// When to come back.
        reconnect_after_ms: u64,
    },
}

impl Body {
    /// The same event; where it tells of a check that ended, with how far the past is read.
    #[must_use]
    pub(crate) fn with_backfill(mut self, progress: Option<PastProgress>) -> Self {
        if let Self::SyncCompleted { backfill, .. } = &mut self {
            *backfill = progress;
        }
        self
    }

    /// The value of `type`, which is also the event's name on a stream opened with `named=1`.
    const fn type_name(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connected",
            Self::Snapshot { .. } => "snapshot",
            Self::WorkitemsUpdated { .. } => "workitems_updated",
            Self::WorkitemChanged { .. } => "workitem_changed",
            Self::MetricChanged { .. } => "metric_changed",
            Self::OutlookChanged { .. } => "outlook_changed",
            Self::CacheInvalidated { .. } => "cache_invalidated",
            Self::SprintChanged { .. } => "sprint_changed",
            Self::Degraded { .. } => "degraded",
            Self::Recovered { .. } => "recovered",
            Self::SyncCompleted { .. } => "sync_completed",
            Self::WebhookHealth { .. } => "webhook_health",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Closing { .. } => "closing",
        }
    }
}

/// Every `type` there is, in the order of the contract.
pub const TYPE_NAMES: [&str; 14] = [
    "connected",
    "snapshot",
    "workitems_updated",
    "workitem_changed",
    "metric_changed",
    "outlook_changed",
    "cache_invalidated",
    "sprint_changed",
    "degraded",
    "recovered",
    "sync_completed",
    "webhook_health",
    "heartbeat",
    "closing",
];

/// The same JSON without the characters that Unicode counts as the end of a line and the standard of event streams does
/// not: clients that split by the former find half an event. In JSON they stand in strings alone, where they may be
/// escaped.
fn one_line(json: String) -> String {
    const ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];
    if !json.contains(ENDS) {
        return json;
    }
    ENDS.into_iter().fold(json, |json, end| json.replace(end, &format!("\\u{:04x}", u32::from(end))))
}

/// Encodes an event as the one line of JSON that readers receive.
pub(crate) fn encode(envelope: &Envelope, body: &Body) -> Bytes {
    let ids = match envelope.subject {
        Subject::Scope(scope) => {
            Some(Ids { project_id: Some(scope.project), team_id: scope.team, sprint_id: scope.sprint })
        }
        Subject::Organization => Some(Ids::default()),
        Subject::Connection => None,
    };
    let wire = Wire {
        kind: body.type_name(),
        v: SCHEMA_VERSION,
        timestamp: envelope.timestamp,
        ids,
        source: envelope.source,
        level: envelope.level,
        demo: envelope.demo,
        // What stands in for a source is marked wherever it is told, so the mark follows from the level.
        mock: envelope.level == Level::Mock,
        data_as_of: envelope.data_as_of,
        changed_at: envelope.changed_at,
        received_at: envelope.received_at,
        trace_id: envelope.trace_id.as_deref(),
        body,
    };
    // Strings, numbers and maps with string keys cannot fail to serialise.
    Bytes::from(one_line(serde_json::to_string(&wire).unwrap_or_default()))
}

/// The value of `type` in an encoded event: its first field, so nothing needs to be parsed.
pub fn type_of(json: &[u8]) -> Option<&str> {
    let rest = json.strip_prefix(br#"{"type":""#)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// The value of `receivedAt` in an encoded event, found without parsing it.
pub fn received_at_of(json: &[u8]) -> Option<Timestamp> {
    const NAME: &[u8] = br#","receivedAt":"#;
    // The envelope comes first and its texts are our own, so the first hit is the envelope's.
    let envelope = json.get(..ENVELOPE_BYTES_MAX.min(json.len()))?;
    let start = envelope.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = envelope.get(start..)?.split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok().map(Timestamp::from_epoch_ms)
}

/// More than any envelope has before its event's own fields.
const ENVELOPE_BYTES_MAX: usize = 512;

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ids {
    project_id: Option<ProjectId>,
    team_id: Option<TeamId>,
    sprint_id: Option<SprintId>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    v: u32,
    timestamp: Timestamp,
    #[serde(flatten)]
    ids: Option<Ids>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Cause>,
    level: Level,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    demo: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mock: bool,
    data_as_of: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(flatten)]
    body: &'a Body,
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
