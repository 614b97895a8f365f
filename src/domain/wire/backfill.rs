//! How far the past is read, as readers are told.

use serde::Serialize;

use crate::domain::Timestamp;

/// How far the past is read: the revisions of the organisation since the beginning of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PastProgress {
    /// The beginning of the window.
    pub from: Timestamp,
    pub revisions: RevisionsRead,
    /// How long the rest takes, in milliseconds; `null` while nobody can tell.
    pub left_ms: Option<u64>,
}

/// How many revisions were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RevisionsRead {
    pub read: u64,
    /// Of about how many; `null` while nobody can tell.
    pub of: Option<u64>,
}
