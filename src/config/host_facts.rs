//! What the platform says of the Functions host, for a diagnosis: boardcast goes by none of it.

use super::reading::Reading;
use super::{EXTENSION_VERSION, SYNC_SCHEDULE, WEBSITE_TIME_ZONE};

/// What the platform says of the Functions host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// `FUNCTIONS_EXTENSION_VERSION`: the major version of the host.
    pub extension_version: Option<String>,
    /// `SYNC_SCHEDULE`: when the host fires the timer, as it reads it.
    pub timer: Option<String>,
    /// `WEBSITE_TIME_ZONE`: the zone that the host reads the timer's schedule in, where the plan has one.
    pub time_zone: Option<String>,
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    pub(super) fn host_facts(&self) -> HostFacts {
        let text = |name| self.text(name).map(|text| text.trim().to_owned());
        HostFacts {
            extension_version: text(EXTENSION_VERSION),
            timer: text(SYNC_SCHEDULE),
            time_zone: text(WEBSITE_TIME_ZONE),
        }
    }
}
