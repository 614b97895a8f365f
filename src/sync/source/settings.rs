//! How the source is asked.

use std::time::Duration;

use crate::domain::degradation::Policy;
use crate::domain::sprint::blocked::BlockedRules;
use crate::domain::sprint::zones::TeamZones;

/// How the source is asked.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// In which zones the days of teams begin and end.
    pub zones: TeamZones,
    /// By what work items are blocked.
    pub blocked_by: BlockedRules,
    /// How long after a check the next one is due while somebody watches.
    pub interval: Duration,
    /// After how long a check gives up.
    pub deadline: Duration,
    /// When to call what is known old, and what to do then.
    pub policy: Policy,
    /// How long the store may take that lists are shared in.
    pub list_timeout: Duration,
}

impl SourceSettings {
    /// A list is not worth more: it can be had from the organisation too.
    pub const LIST_TIMEOUT_DEFAULT: Duration = Duration::from_millis(100);
}
