//! How an instance stands with the journal: what its own readers have to know, and what may be built on its boards.

use crate::domain::time::Timestamp;

/// How this instance stands with the journal. Whatever it is, the boards are a consistent prefix of the log that was
/// followed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JournalStatus {
    /// The log is followed, or is about to be for the first time.
    #[default]
    Following,
    /// The journal has not answered since then.
    Away(Timestamp),
    /// The log is followed, but nothing that was to be written since then was taken.
    ReadOnly(Timestamp),
    /// The log was found to be lost then. Nothing may be built on the boards before what they hold is in the new one.
    Lost(Timestamp),
    /// A newer version was found to write the journal then: this instance can neither write it nor tell what it holds.
    Outdated(Timestamp),
}

impl JournalStatus {
    /// Whether the log is followed, as far as is known.
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::Following | Self::ReadOnly(_))
    }

    /// Since when the boards may be behind the journal without anybody here being able to tell; `None` when they are
    /// not.
    pub const fn cut_off(self) -> Option<Timestamp> {
        match self {
            Self::Following => None,
            Self::Away(since) | Self::ReadOnly(since) | Self::Lost(since) | Self::Outdated(since) => {
                Some(since)
            }
        }
    }
}
