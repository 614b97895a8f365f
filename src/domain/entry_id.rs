//! The id of a log entry, which is the id of its server-sent event and a reader's cursor. The journal's adapters make
//! ids when they append: `src/journal/memory.rs` (`next_id`), and Redis in `src/journal/redis/commit.lua` (`XADD *`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// Milliseconds and a sequence number, as Redis streams make them: ordered, comparable, opaque to clients, and in
/// characters that need no preflight in a `Last-Event-ID` header (Fetch, "CORS-unsafe request-header byte").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EntryId {
    /// Epoch milliseconds of the append, by the clock of the store, never going back.
    pub ms: u64,
    /// Counts the entries of one millisecond from 0.
    pub seq: u64,
}

impl EntryId {
    /// Before every entry. No reader is ever given it.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };

    /// When the entry was appended, by the clock of the store.
    pub fn appended_at(self) -> Timestamp {
        Timestamp::from_epoch_ms(i64::try_from(self.ms).unwrap_or(i64::MAX))
    }

    /// Reads an id in its one canonical form; `None` for anything else, so that a foreign cursor is never taken
    /// for one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (ms, seq) = text.split_once('-')?;
        let id = Self { ms: ms.parse().ok()?, seq: seq.parse().ok()? };
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for EntryId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the id of a log entry")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_id_has_one_form() {
        let id = EntryId { ms: 1_795_449_600_000, seq: 7 };
        assert_eq!(EntryId::parse("1795449600000-7"), Some(id));
        assert_eq!(id.to_string(), "1795449600000-7");
        let foreign =
            ["", "-", "1795449600000", "1795449600000-", "01-0", "1-00", "+1-0", "1-0 ", "1-0-0", "a-b"];
        for text in foreign.into_iter().chain(["99999999999999999999-0"]) {
            assert_eq!(EntryId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn ids_are_ordered_by_number_and_not_as_text() {
        assert!(EntryId::parse("9-10").unwrap() > EntryId::parse("9-9").unwrap());
        assert!(EntryId::parse("10-0").unwrap() > EntryId::parse("9-99").unwrap());
    }
}
