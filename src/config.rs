//! Every setting in one table, read by a pure function that reports all errors at once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::devops::credentials::HookAccess;
use crate::domain::authorise::AllowedProjects;
use crate::domain::scope::NameOrId;
use crate::secret::Secret;
use crate::store::Retention;

/// One row of the table of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name of the environment variable.
    pub name: &'static str,
    /// The unit or form of its value.
    pub unit: &'static str,
    /// What is used when it is not set.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! settings {
    ($($constant:ident = $name:literal, $unit:literal, $default:literal, $meaning:literal;)*) => {
        $(const $constant: &str = $name;)*

        /// Every setting there is.
        pub const SETTINGS: &[Setting] =
            &[$(Setting { name: $name, unit: $unit, default: $default, meaning: $meaning }),*];
    };
}

settings! {
    HOST_PORT = "FUNCTIONS_CUSTOMHANDLER_PORT", "port", "not set",
        "Set by the Functions host, and the sign that we run under it";
    PORT = "BOARDCAST_PORT", "port", "7071",
        "Port on loopback when run by itself; 0 takes a free one";
    PROJECTS = "BOARDCAST_PROJECTS", "names or GUIDs, comma-separated", "all",
        "The projects that are served; hooks of others are dead letters";
    SECRET = "BOARDCAST_WEBHOOK_SECRET", "text, 1 to 256 characters", "not set",
        "Password of Basic authentication, or header `X-Boardcast-Secret`, of the service hooks. Not set: by itself every hook is taken, under the host none";
    SECRET_PREVIOUS = "BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "text, 1 to 256 characters", "not set",
        "A second secret that is taken while subscriptions are moved to the new one";
    DEMO = "BOARDCAST_DEMO", "`on` or `off`", "off",
        "The simulated organisation; there is none yet, so the board lives from hooks alone whatever this says";
    HEARTBEAT = "BOARDCAST_HEARTBEAT_MS", "ms, 1000 to 200000", "15000; 30000 under the host",
        "After how much silence a stream is sent a heartbeat";
    LOG_ENTRIES = "BOARDCAST_LOG_ENTRIES_MAX", "entries, 1 to 10000000", "50000",
        "How many entries of the log are kept; a reader who comes back resumes within them";
    LOG_HOURS = "BOARDCAST_LOG_HOURS_MAX", "hours, 1 to 8760", "48",
        "How long entries of the log are kept";
    LOG_FILTER = "BOARDCAST_LOG", "tracing filter", "info",
        "What is logged, e.g. `debug` or `boardcast=debug,warn`";
}

/// The configuration, complete and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen: always loopback.
    pub address: SocketAddr,
    /// Whether the Functions host runs us.
    pub under_host: bool,
    /// The projects that are served.
    pub projects: AllowedProjects,
    /// Who may post hooks.
    pub hook_access: HookAccess,
    /// After how much silence a heartbeat is sent.
    pub heartbeat: Duration,
    /// How much of the log is kept.
    pub retention: Retention,
    /// The log filter.
    pub log_filter: String,
}

/// One setting that cannot be used: which, what it says, and what it may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    name: &'static str,
    value: String,
    remedy: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}: {}", self.name, self.value, self.remedy)
    }
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<SettingError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&errors.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads the settings through `lookup`. A setting that is empty counts as not set.
    ///
    /// Errors: every setting that cannot be used, all at once.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut read = Reading { lookup, errors: Vec::new() };
        let host_port = read.number(HOST_PORT, 1..=65_535);
        let port = read.number(PORT, 0..=65_535);
        let under_host = host_port.is_some();
        let port = host_port.or(port).and_then(|port| u16::try_from(port).ok()).unwrap_or(7071);
        read.on_off(DEMO);
        let heartbeat_default = if under_host { 30_000 } else { 15_000 };
        let config = Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            under_host,
            projects: AllowedProjects::new(read.list(PROJECTS)),
            hook_access: read.hook_access(under_host),
            heartbeat: Duration::from_millis(
                read.number(HEARTBEAT, 1_000..=200_000).unwrap_or(heartbeat_default),
            ),
            retention: Retention {
                entries_max: read
                    .number(LOG_ENTRIES, 1..=10_000_000)
                    .and_then(|entries| usize::try_from(entries).ok())
                    .unwrap_or(Retention::DEFAULT.entries_max),
                age_max: read
                    .number(LOG_HOURS, 1..=8_760)
                    .map_or(Retention::DEFAULT.age_max, |hours| Duration::from_secs(hours * 3_600)),
            },
            log_filter: read.log_filter(),
        };
        if read.errors.is_empty() { Ok(config) } else { Err(ConfigErrors(read.errors)) }
    }

    /// Of the names of environment variables, those that look like settings of ours and are none: a misspelt
    /// setting is otherwise ignored without a word.
    pub fn unknown(names: impl IntoIterator<Item = String>) -> Vec<String> {
        let ours = |name: &String| name.starts_with("BOARDCAST_");
        let known = |name: &String| SETTINGS.iter().any(|setting| setting.name == name);
        names.into_iter().filter(|name| ours(name) && !known(name)).collect()
    }
}

struct Reading<Lookup> {
    lookup: Lookup,
    errors: Vec<SettingError>,
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    fn refuse(&mut self, name: &'static str, value: &str, remedy: impl Into<String>) {
        self.errors.push(SettingError { name, value: value.into(), remedy: remedy.into() });
    }

    fn number(&mut self, name: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(name)?;
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(
                name,
                &text,
                format!("give a whole number from {} to {}", range.start(), range.end()),
            );
        }
        number
    }

    fn on_off(&mut self, name: &'static str) -> Option<bool> {
        let text = self.text(name)?;
        match text.trim() {
            "on" => Some(true),
            "off" => Some(false),
            _ => {
                self.refuse(name, &text, "say `on` or `off`");
                None
            }
        }
    }

    fn list(&self, name: &str) -> Vec<NameOrId> {
        self.text(name).unwrap_or_default().split(',').filter_map(NameOrId::parse).collect()
    }

    fn secret(&mut self, name: &'static str) -> Option<Secret> {
        let text = self.text(name)?;
        // Azure DevOps takes passwords of at most 256 characters, so a longer one can never match.
        if text.chars().count() > 256 {
            self.refuse(name, "[redacted]", "give at most 256 characters, which is what Azure DevOps takes");
            return None;
        }
        Some(Secret::new(text))
    }

    fn hook_access(&mut self, under_host: bool) -> HookAccess {
        let (current, previous) = (self.secret(SECRET), self.secret(SECRET_PREVIOUS));
        if current.is_none() && previous.is_some() {
            self.refuse(
                SECRET_PREVIOUS,
                "[redacted]",
                format!("set {SECRET} too; this one is for its replacement"),
            );
        }
        let secrets: Vec<_> = current.into_iter().chain(previous).collect();
        match (secrets.is_empty(), under_host) {
            (false, _) => HookAccess::Secrets(secrets),
            (true, true) => HookAccess::Closed,
            (true, false) => HookAccess::Open,
        }
    }

    fn log_filter(&mut self) -> String {
        let text = self.text(LOG_FILTER).unwrap_or_else(|| "info".into());
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&text) {
            self.refuse(LOG_FILTER, &text, format!("give a tracing filter such as `info` ({error})"));
        }
        text
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
