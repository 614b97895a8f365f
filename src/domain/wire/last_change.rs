//! How the newest change of a board came here: when it was made, when it was heard of, and when it was told.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::domain::wire::envelope::Cause;

/// The newest change of a board that was told since this instance began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastChange {
    /// When it was made in Azure DevOps.
    pub changed_at: Timestamp,
    /// When boardcast was told, or read of it.
    pub received_at: Timestamp,
    /// When its event was appended to the log.
    #[serde(alias = "timestamp")]
    pub appended_at: Timestamp,
    /// Where the news came from.
    pub source: Cause,
}

impl LastChange {
    /// What an event about a board says of that; `None` where it tells of no change.
    pub fn of_event(event: &[u8]) -> Option<Self> {
        serde_json::from_slice(event).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_change_says_how_it_came_and_others_say_nothing() {
        let of = |event: &str| LastChange::of_event(event.as_bytes());
        let change = r#"{"type":"workitem_changed","timestamp":9,"source":"webhook","changedAt":5,"receivedAt":7,"item":{"rev":1}}"#;
        let at = Timestamp::from_epoch_ms;
        let expected =
            LastChange { changed_at: at(5), received_at: at(7), appended_at: at(9), source: Cause::Webhook };
        assert_eq!(of(change), Some(expected));
        assert_eq!(of(r#"{"type":"metric_changed","timestamp":9,"source":"system"}"#), None);
        let written = serde_json::to_string(&expected).unwrap();
        assert_eq!(written, r#"{"changedAt":5,"receivedAt":7,"appendedAt":9,"source":"webhook"}"#);
    }
}
