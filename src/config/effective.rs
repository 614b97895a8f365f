//! The effective configuration: every setting with the value that is in force and where it comes from.

use serde::Serialize;

use super::{
    BOARD_METRICS, CHECK, CLIENT_SECRET, Config, DEMO, GRACE_DAYS, HEARTBEAT, HOST_PORT, IDENTITY_HEADER,
    LIFETIME, LOG_ENTRIES, LOG_FILTER, MOCK, OPERATOR_KEY, PAT, PORT, REDIS_URL, SECRET, SECRET_PREVIOUS,
    SETTINGS, SETTLE, STALE_DAYS, STREAMS_MAX, Setting, TABLES, THRESHOLD, WEBHOOK_KEY,
};

/// Where the value of a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The environment; on the Functions host that is an application setting, or the host itself.
    Environment,
    /// The `host.json` beside the executable.
    HostJson,
    /// What is set is more than `functionTimeout` allows, and so is the default.
    FunctionTimeout,
    /// It is not set.
    Default,
    /// It is set, and means nothing the way this process runs.
    Ignored,
}

impl Origin {
    /// What it is called in a table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::HostJson => "host.json",
            Self::FunctionTimeout => "limited by functionTimeout",
            Self::Default => "default",
            Self::Ignored => "environment, ignored",
        }
    }
}

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectiveSetting {
    /// The name of the environment variable.
    pub name: &'static str,
    /// Its value, or in words what holds without one; `[redacted]` in place of a secret.
    pub value: String,
    /// Where that comes from.
    pub from: Origin,
}

/// Whether a setting is a secret or may contain one.
pub(super) fn is_secret(name: &str) -> bool {
    [
        PAT,
        CLIENT_SECRET,
        SECRET,
        SECRET_PREVIOUS,
        WEBHOOK_KEY,
        OPERATOR_KEY,
        REDIS_URL,
        TABLES,
        IDENTITY_HEADER,
    ]
    .contains(&name)
}

const fn on_off(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

impl Config {
    /// Every setting as it is in force, in the order of the tables: `environment` has what is set, `host_json` what the
    /// `host.json` beside the executable says in its place.
    pub fn effective(
        &self,
        environment: impl Fn(&str) -> Option<String>,
        host_json: impl Fn(&str) -> Option<String>,
    ) -> Vec<EffectiveSetting> {
        let is_set = |text: &String| !text.trim().is_empty();
        let effective = |setting: &Setting| {
            let set = environment(setting.name).filter(is_set);
            let told = host_json(setting.name).filter(is_set);
            let default = if self.under_host { setting.functions_host } else { setting.standalone };
            let is_ignored = default.starts_with("ignored");
            let (text, from) = match (set, told) {
                (Some(_), _) if is_ignored => (None, Origin::Ignored),
                (Some(set), _) => (Some(set.trim().to_owned()), Origin::Environment),
                (None, Some(told)) if !is_ignored => (Some(told), Origin::HostJson),
                (None, _) => (None, Origin::Default),
            };
            let wanted = text.clone().unwrap_or_else(|| default.replace('`', ""));
            let value = match self.in_force(setting.name) {
                _ if from == Origin::Ignored => wanted.clone(),
                _ if text.is_some() && is_secret(setting.name) => "[redacted]".to_owned(),
                Some(value) => value,
                None => wanted.clone(),
            };
            let is_limited = setting.name == LIFETIME && value != wanted;
            let from = if is_limited { Origin::FunctionTimeout } else { from };
            EffectiveSetting { name: setting.name, value, from }
        };
        SETTINGS.iter().map(effective).collect()
    }

    /// The value in force of a setting that always has one.
    fn in_force(&self, name: &str) -> Option<String> {
        Some(match name {
            PORT if !self.under_host => self.address.port().to_string(),
            HOST_PORT if self.under_host => self.address.port().to_string(),
            DEMO => on_off(self.demo).to_owned(),
            MOCK => on_off(self.mock).to_owned(),
            BOARD_METRICS => on_off(self.board_metrics).to_owned(),
            LOG_FILTER => self.log_filter.clone(),
            THRESHOLD => self.derive.fraction.to_string(),
            SETTLE => self.derive.settle.as_millis().to_string(),
            STALE_DAYS => self.metrics.stale_working_days.to_string(),
            GRACE_DAYS => self.metrics.grace_days.to_string(),
            CHECK => self.check_interval.as_millis().to_string(),
            HEARTBEAT => self.streams.heartbeat.as_millis().to_string(),
            LIFETIME => self.streams.lifetime.unwrap_or_default().as_millis().to_string(),
            STREAMS_MAX => self.streams.max.to_string(),
            LOG_ENTRIES => self.retention.entries_max.to_string(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::SettingGroup;
    use super::*;

    const HOST: (&str, &str) = (HOST_PORT, "45339");

    fn effective(settings: &[(&str, &str)], timeout: Option<&str>) -> Vec<EffectiveSetting> {
        let set = |name: &str| {
            settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let told = |name: &str| timeout.filter(|_| name == super::super::FUNCTION_TIMEOUT).map(str::to_owned);
        Config::from_lookup(|name| set(name).or_else(|| told(name))).unwrap().effective(set, told)
    }

    fn one(settings: &[(&str, &str)], timeout: Option<&str>, name: &str) -> (String, Origin) {
        let all = effective(settings, timeout);
        let found = all.iter().find(|setting| setting.name == name).unwrap();
        (found.value.clone(), found.from)
    }

    #[test]
    fn without_settings_what_is_in_force_is_what_the_tables_say() {
        for (settings, is_host) in [(&[][..], false), (&[HOST][..], true)] {
            let all = effective(settings, None);
            assert_eq!(all.len(), SETTINGS.len());
            for (setting, shown) in SETTINGS.iter().zip(&all) {
                let default = if is_host { setting.functions_host } else { setting.standalone };
                let default = default.replace('`', "");
                // What depends on another setting is told with its condition.
                let is_plain = !default.contains([' ', ';']) && setting.group == SettingGroup::Tuning;
                assert!(!is_plain || shown.value == default, "{shown:?} is {default} in the table");
            }
        }
        assert_eq!(one(&[], None, DEMO), ("on".into(), Origin::Default));
        assert_eq!(one(&[HOST], None, DEMO), ("off".into(), Origin::Default));
        assert_eq!(one(&[], None, CHECK).0, "5000", "the demo asks more often");
        assert_eq!(one(&[], None, REDIS_URL), ("not set".into(), Origin::Default));
    }

    #[test]
    fn what_is_set_is_told_with_where_it_comes_from() {
        assert_eq!(one(&[(PORT, " 8080 ")], None, PORT), ("8080".into(), Origin::Environment));
        assert_eq!(one(&[(MOCK, "on")], None, MOCK), ("on".into(), Origin::Environment));
        assert_eq!(one(&[(BOARD_METRICS, "on")], None, BOARD_METRICS), ("on".into(), Origin::Environment));
        assert_eq!(one(&[], None, BOARD_METRICS), ("off".into(), Origin::Default));
        assert_eq!(one(&[(MOCK, " ")], None, MOCK), ("off".into(), Origin::Default));
        assert_eq!(one(&[HOST], None, HOST_PORT), ("45339".into(), Origin::Environment));
        let timeout = super::super::FUNCTION_TIMEOUT;
        assert_eq!(one(&[HOST], Some("01:00:00"), timeout), ("01:00:00".into(), Origin::HostJson));
    }

    #[test]
    fn what_means_nothing_here_is_told_to_be_ignored() {
        assert_eq!(one(&[HOST, (PORT, "1")], None, PORT), ("ignored".into(), Origin::Ignored));
        let timeout = super::super::FUNCTION_TIMEOUT;
        assert_eq!(one(&[], Some("00:30:00"), timeout), ("ignored".into(), Origin::Default));
    }

    #[test]
    fn a_lifetime_that_the_host_does_not_allow_is_told_as_what_it_is_cut_to() {
        let cut = ("450000".to_owned(), Origin::FunctionTimeout);
        assert_eq!(one(&[HOST], Some("00:10:00"), LIFETIME), cut);
        assert_eq!(one(&[HOST, (LIFETIME, "900000")], Some("00:10:00"), LIFETIME), cut);
        let set = ("60000".to_owned(), Origin::Environment);
        assert_eq!(one(&[HOST, (LIFETIME, "60000")], Some("00:10:00"), LIFETIME), set);
        assert_eq!(one(&[HOST], Some("00:30:00"), LIFETIME), ("1200000".into(), Origin::Default));
    }

    #[test]
    fn no_secret_is_shown() {
        let redis = "rediss://user:hunter2@store.example:6380";
        let tables = "AccountName=a;AccountKey=aHVudGVyMg==";
        let settings = [
            (SECRET, "hunter2"),
            (SECRET_PREVIOUS, "hunter2"),
            (OPERATOR_KEY, "hunter2"),
            (WEBHOOK_KEY, "hunter2"),
            (super::super::PUBLIC_URL, "https://boards.example"),
            (REDIS_URL, redis),
            (TABLES, tables),
            (IDENTITY_HEADER, "hunter2"),
            (PAT, "hunter2"),
            (CLIENT_SECRET, "hunter2"),
            ("AZURE_TENANT_ID", "contoso.example"),
            ("AZURE_CLIENT_ID", "5b7b9a3e-0000-4000-8000-000000000001"),
            (super::super::ORGANIZATION_URL, "https://dev.azure.com/contoso"),
        ];
        let all = effective(&settings, None);
        let shown = format!("{all:?}");
        assert!(!shown.contains("hunter") && !shown.contains("aHVudGVy"), "{shown}");
        assert_eq!(all.iter().filter(|setting| setting.value == "[redacted]").count(), 9);
    }
}
