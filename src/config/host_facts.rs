//! What the platform says of the Functions host and of the app, for a diagnosis.

use super::reading::Reading;
use super::{
    AUTH_ENABLED, CLIENT_ID, EXTENSION_VERSION, RESOURCE_GROUP, SITE_NAME, SYNC_SCHEDULE, WEBSITE_TIME_ZONE,
};

/// What the platform says of the Functions host and of the app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// `FUNCTIONS_EXTENSION_VERSION`: the major version of the host.
    pub extension_version: Option<String>,
    /// `SYNC_SCHEDULE`: when the host fires the timer, as it reads it.
    pub timer: Option<String>,
    /// `WEBSITE_TIME_ZONE`: the zone that the host reads the timer's schedule in, where the plan has one.
    pub time_zone: Option<String>,
    /// `WEBSITE_SITE_NAME`: the name of the app.
    pub site: Option<String>,
    /// `WEBSITE_RESOURCE_GROUP`: the group that it is in.
    pub resource_group: Option<String>,
    /// `AZURE_CLIENT_ID`: the identity that it has.
    pub client: Option<String>,
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    /// As the Functions host reads it, and nothing to complain of: no operator writes it.
    pub(super) fn has_authentication(&self) -> bool {
        self.text(AUTH_ENABLED).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }

    pub(super) fn host_facts(&self) -> HostFacts {
        let text = |name| self.text(name).map(|text| text.trim().to_owned());
        HostFacts {
            extension_version: text(EXTENSION_VERSION),
            timer: text(SYNC_SCHEDULE),
            time_zone: text(WEBSITE_TIME_ZONE),
            site: text(SITE_NAME),
            resource_group: text(RESOURCE_GROUP),
            client: text(CLIENT_ID),
        }
    }
}
