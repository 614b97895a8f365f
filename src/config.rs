//! Every setting in one table, read by a pure function that reports all errors at once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::devops::credentials::HookAccess;
use crate::domain::authorise::AllowedProjects;
use crate::domain::schedule::{SyncWindow, WindowError};
use crate::domain::scope::NameOrId;
use crate::secret::Secret;
use crate::store::Retention;
use crate::stream::StreamSettings;

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
            &[$(Setting { name: $constant, unit: $unit, default: $default, meaning: $meaning }),*];
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
    OPERATOR_KEY = "BOARDCAST_OPERATOR_KEY", "text", "not set",
        "Opens health details and metrics, as `Authorization: Bearer` or `X-Boardcast-Key`. Not set: by itself they are open, under the host closed";
    ALLOWED_ORIGINS = "BOARDCAST_ALLOWED_ORIGINS", "origins, comma-separated, or `*`", "none",
        "Pages of which other origins may read, by itself; under the host CORS is the platform's";
    HEARTBEAT = "BOARDCAST_HEARTBEAT_MS", "ms, 1000 to 200000", "15000; 30000 under the host",
        "After how much silence a stream is sent a heartbeat";
    COALESCE = "BOARDCAST_COALESCE_MS", "ms, 0 to 5000", "20; 100 under the host",
        "What arrives within this time after a write is written together; 0 writes each by itself";
    LIFETIME = "BOARDCAST_STREAM_LIFETIME_MS", "ms, 0 to 86400000", "0; 1200000 under the host",
        "After how long, give or take a tenth, the server ends a stream; 0 never. Under the host it must end before `functionTimeout`";
    STREAMS_MAX = "BOARDCAST_STREAMS_MAX", "streams, 1 to 1000000", "10000; 1000 under the host",
        "Streams of this instance; further ones are shed";
    STREAMS_PER_KEY_MAX = "BOARDCAST_STREAMS_PER_KEY_MAX", "streams, 1 to 1000000", "as BOARDCAST_STREAMS_MAX",
        "Streams that one function key may hold on this instance";
    STREAMS_PER_SCOPE_MAX = "BOARDCAST_STREAMS_PER_SCOPE_MAX", "streams, 1 to 1000000", "as BOARDCAST_STREAMS_MAX",
        "Streams with the same filter on this instance";
    SHED = "BOARDCAST_SHED_MS", "ms, 2000 to 600000", "15000",
        "After how long, give or take a third, a reader who was shed is to come back";
    WRITE_TIMEOUT = "BOARDCAST_WRITE_TIMEOUT_MS", "ms, 1000 to 600000", "20000",
        "After how long a connection that takes no more bytes is closed";
    IDLE_TIMEOUT = "BOARDCAST_IDLE_TIMEOUT_MS", "ms, 1000 to 86400000", "900000",
        "How long a connection without a request is kept; the Functions host reuses its connections, and one that is closed in the moment it is reused loses a hook";
    HOOKS_IN_FLIGHT_MAX = "BOARDCAST_HOOKS_IN_FLIGHT_MAX", "hooks, 1 to 10000", "64",
        "Hooks that are answered at the same time; further ones are told to come again";
    SYNC_SCHEDULE = "SYNC_SCHEDULE", "NCRONTAB, six fields, UTC", "`0 */15 12-23 * * 1-5`",
        "When the Functions host fires the timer; read by the host alone";
    SYNC_CRON = "BOARDCAST_SYNC_CRON", "cron, five fields", "`*/15 8-18 * * 1-5`",
        "The window of the synchronisation: hours and weekdays under the host, where the minutes are the timer's business; the schedule itself when run by itself";
    SYNC_ZONE = "BOARDCAST_SYNC_ZONE", "IANA time zone", "America/New_York",
        "The zone of that window";
    SYNC_DEADLINE = "BOARDCAST_SYNC_DEADLINE_MS", "ms, 1000 to 1500000", "240000",
        "After how long a synchronisation gives up; the timer is always answered";
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
    /// Opens health details and metrics.
    pub operator_access: OperatorAccess,
    /// Pages of which other origins may read.
    pub allowed_origins: AllowedOrigins,
    /// How streams are run.
    pub streams: StreamSettings,
    /// After how long a connection that takes no more bytes is closed.
    pub write_timeout: Duration,
    /// How long a connection without a request is kept.
    pub idle_timeout: Duration,
    /// Hooks that are answered at the same time.
    pub hooks_in_flight_max: usize,
    /// The window of the synchronisation.
    pub sync_window: SyncWindow,
    /// After how long a synchronisation gives up.
    pub sync_deadline: Duration,
    /// How much of the log is kept.
    pub retention: Retention,
    /// The log filter.
    pub log_filter: String,
}

/// Who may see health details and metrics.
#[derive(Clone, Debug)]
pub enum OperatorAccess {
    /// Anybody: the server runs by itself on loopback and no key is set.
    Open,
    /// Nobody: under the Functions host the folder's auth level is anonymous, so without a key they stay closed.
    Closed,
    /// Whoever has this key.
    Key(Secret),
}

/// Pages of which other origins may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// CORS is not ours: under the host the platform answers for it, and two answers break a browser.
    Platform,
    /// Any.
    Any,
    /// These, exactly as a browser writes them.
    These(Vec<String>),
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
        let config = Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            under_host,
            projects: AllowedProjects::new(read.list(PROJECTS)),
            hook_access: read.hook_access(under_host),
            operator_access: read.operator_access(under_host),
            allowed_origins: read.allowed_origins(under_host),
            streams: read.stream_settings(under_host),
            write_timeout: read.ms(WRITE_TIMEOUT, 1_000..=600_000, 20_000),
            idle_timeout: read.ms(IDLE_TIMEOUT, 1_000..=86_400_000, 900_000),
            hooks_in_flight_max: read.count(HOOKS_IN_FLIGHT_MAX, 1..=10_000, 64),
            sync_window: read.sync_window(),
            sync_deadline: read.ms(SYNC_DEADLINE, 1_000..=1_500_000, 240_000),
            retention: Retention {
                entries_max: read.count(LOG_ENTRIES, 1..=10_000_000, Retention::DEFAULT.entries_max),
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

/// How many readers who were shed are held open by itself at least, however few streams are allowed: one tab of a
/// careless client takes several places.
const SHED_HELD_BY_ITSELF: usize = 1_000;

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

    fn ms(&mut self, name: &'static str, range: std::ops::RangeInclusive<u64>, default: u64) -> Duration {
        Duration::from_millis(self.number(name, range).unwrap_or(default))
    }

    fn count(&mut self, name: &'static str, range: std::ops::RangeInclusive<u64>, default: usize) -> usize {
        self.number(name, range).and_then(|count| usize::try_from(count).ok()).unwrap_or(default)
    }

    fn stream_settings(&mut self, under_host: bool) -> StreamSettings {
        let or = |by_itself: u64, host: u64| if under_host { host } else { by_itself };
        let lifetime = self.ms(LIFETIME, 0..=86_400_000, or(0, 1_200_000));
        let max = self.count(STREAMS_MAX, 1..=1_000_000, if under_host { 1_000 } else { 10_000 });
        StreamSettings {
            heartbeat: self.ms(HEARTBEAT, 1_000..=200_000, or(15_000, 30_000)),
            coalesce: self.ms(COALESCE, 0..=5_000, or(20, 100)),
            lifetime: (!lifetime.is_zero()).then_some(lifetime),
            max,
            per_key_max: self.count(STREAMS_PER_KEY_MAX, 1..=1_000_000, max),
            per_scope_max: self.count(STREAMS_PER_SCOPE_MAX, 1..=1_000_000, max),
            shed: self.ms(SHED, 2_000..=600_000, 15_000),
            // Each stream that is held open costs the host as much as one that is of use.
            // By itself it costs a socket and a timer.
            shed_held_max: if under_host { max.div_ceil(20) } else { max.max(SHED_HELD_BY_ITSELF) },
        }
    }

    fn operator_access(&mut self, under_host: bool) -> OperatorAccess {
        match (self.text(OPERATOR_KEY), under_host) {
            (Some(key), _) => OperatorAccess::Key(Secret::new(key)),
            (None, true) => OperatorAccess::Closed,
            (None, false) => OperatorAccess::Open,
        }
    }

    fn allowed_origins(&mut self, under_host: bool) -> AllowedOrigins {
        let Some(text) = self.text(ALLOWED_ORIGINS).filter(|_| !under_host) else {
            return if under_host { AllowedOrigins::Platform } else { AllowedOrigins::These(Vec::new()) };
        };
        if text.trim() == "*" {
            return AllowedOrigins::Any;
        }
        let origins: Vec<_> = text.split(',').map(|origin| origin.trim().to_owned()).collect();
        if let Some(origin) = origins.iter().find(|origin| !is_origin(origin)) {
            let remedy = format!(
                "`{origin}` is no origin; write scheme and host, such as https://wall.example, or `*`"
            );
            self.refuse(ALLOWED_ORIGINS, &text, remedy);
        }
        AllowedOrigins::These(origins)
    }

    fn sync_window(&mut self) -> SyncWindow {
        let cron = self.text(SYNC_CRON).unwrap_or_else(|| SyncWindow::DEFAULT_CRON.into());
        let zone = self.text(SYNC_ZONE).unwrap_or_else(|| SyncWindow::DEFAULT_ZONE.into());
        match SyncWindow::parse(&cron, &zone) {
            Ok(window) => window,
            Err(WindowError::Cron(why)) => {
                self.refuse(
                    SYNC_CRON,
                    &cron,
                    format!("give five fields such as `{}` ({why})", SyncWindow::DEFAULT_CRON),
                );
                SyncWindow::default()
            }
            Err(WindowError::Zone) => {
                self.refuse(
                    SYNC_ZONE,
                    &zone,
                    format!("give an IANA zone such as {}", SyncWindow::DEFAULT_ZONE),
                );
                SyncWindow::default()
            }
        }
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

/// Scheme, host and perhaps a port: what a browser sends as `Origin`, which has neither path nor final slash.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*']))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
