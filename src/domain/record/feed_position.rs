//! How far the feed of revisions was read.

use serde::{Deserialize, Serialize};

use crate::domain::{Text, Timestamp};

/// How far the feed of revisions was read. It is written together with what was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedPosition {
    /// Where to read on, as the organisation calls it.
    pub token: Text,
    /// From when on what it tells is kept of items that are not known, too, and before when no board counts as compared as a
    /// whole. Until its end was first reached, when that began; then, when it was: somebody may have dated a change back
    /// meanwhile.
    pub live_from: Timestamp,
    /// When the feed was last read to its end: all revisions that were made since boards began, and before that moment, are
    /// known. `None` before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_to_end: Option<Timestamp>,
}
