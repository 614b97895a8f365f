//! Which tags are kept of each revision of a work item.

use super::Config;
use crate::domain::sprint::facts::KeptTags;

impl Config {
    /// The tags of which is kept whether each revision bore them: those by which items are blocked, and those of bugs that
    /// were found after a release.
    pub fn kept_tags(&self) -> KeptTags {
        KeptTags::new(self.blocked_by.tags().chain(self.metrics.escaped_tags.iter().cloned()))
    }
}
