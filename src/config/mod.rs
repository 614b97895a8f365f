//! Every setting in one table, read by a pure function that reports all errors at once.

mod reading;
mod redis;
mod tables;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::devops::credentials::HookAccess;
use crate::domain::authorise::AllowedProjects;
use crate::domain::metrics::{self, MetricSettings};
use crate::domain::schedule::SyncWindow;
use crate::domain::sprint::zones::TeamZones;
use crate::journal::LogRetention;
use crate::platform::secret::Secret;
use crate::stream::StreamSettings;
use crate::write::announce::DeriveSettings;
use reading::Reading;

pub use redis::{Redis, RedisAccess};
pub use tables::{TableAccess, Tables};

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
        $(pub(super) const $constant: &str = $name;)*

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
    DEMO = "BOARDCAST_DEMO", "`on` or `off`", "`on` by itself without an organisation, else `off`",
        "A simulated organisation that lives and changes, marked DEMO everywhere; with an organisation it cannot be `on`";
    ORGANIZATION_URL = "BOARDCAST_ORGANIZATION_URL", "URL", "not set",
        "The organisation, such as `https://dev.azure.com/contoso`, or a server's collection. Not set: hooks alone feed the boards";
    MOCK = "BOARDCAST_MOCK", "`on` or `off`", "off",
        "Whether simulated data stands in, marked as such, where the organisation is gone and nothing is known that may still be shown";
    PAT = "AZURE_DEVOPS_PAT", "text", "not set",
        "A personal access token with the scopes `vso.project` and `vso.work`, with which the organisation is asked";
    TEAM_ZONES = "BOARDCAST_TEAM_ZONES", "`team=zone`, comma-separated", "the zone of the synchronisation",
        "In which zone the days of a team begin and end; a team by its name or GUID";
    THRESHOLD = "BOARDCAST_THRESHOLD", "fraction, 0 to 1", "0.05",
        "By which fraction of what was last said a metric has to move to be announced at once";
    SETTLE = "BOARDCAST_SETTLE_MS", "ms, 100 to 3600000", "10000",
        "After how long a metric that moved by less is announced nevertheless";
    STALE_DAYS = "BOARDCAST_STALE_WORKING_DAYS", "working days, 1 to 250", "5",
        "After how many whole working days without a change an open item is stale";
    GRACE_DAYS = "BOARDCAST_GRACE_DAYS", "calendar days, 0 to 30", "0",
        "How many days after the first working day of a sprint still belong to its planning";
    CHECK = "BOARDCAST_CHECK_MS", "ms, 1000 to 86400000", "240000; 5000 in a demo",
        "How long after a comparison with the organisation the next one is due while somebody watches";
    CALL_TIMEOUT = "BOARDCAST_CALL_TIMEOUT_MS", "ms, 100 to 600000", "45000",
        "After how long a call to the organisation gives up; Azure DevOps may hold a good answer back for half a minute";
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
    REDIS_URL = "BOARDCAST_REDIS_URL", "`redis://` or `rediss://`, `user:password@` if need be, host and port", "not set",
        "The Redis that keeps the boards, for all instances and across restarts; of a cluster two nodes or more, comma-separated. Not set: they are kept in memory, for the life of the process";
    REDIS_AUTH = "BOARDCAST_REDIS_AUTH", "`password` or `managed_identity`", "password",
        "With what Redis is logged in to: the password in its URL, if there is one, or tokens of the managed identity. Their user is the URL's, or else the identity's object id";
    REDIS_TIMEOUT = "BOARDCAST_REDIS_TIMEOUT_MS", "ms, 50 to 10000", "500",
        "After how long a command to Redis gives up; a hook waits for 300 ms at most";
    TABLES = "BOARDCAST_TABLES", "connection string or URL", "not set",
        "Table storage for the inbox and last-known values: a connection string with a key, the endpoint of an account to which the managed identity has access, or `UseDevelopmentStorage=true` for Azurite. Not set: no archive";
    IDENTITY_ENDPOINT = "IDENTITY_ENDPOINT", "URL", "not set",
        "Set by the platform: where it gives out tokens of the managed identity. Not set: the virtual machine's metadata service";
    IDENTITY_HEADER = "IDENTITY_HEADER", "text", "not set",
        "Set by the platform: what proves to that endpoint that it is asked by this application";
    CLIENT_ID = "AZURE_CLIENT_ID", "GUID", "not set",
        "The client id of a user-assigned managed identity. Not set: the application's own";
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
    /// Whether a simulated organisation stands in for a real one.
    pub demo: bool,
    /// Whether simulated data stands in where nothing is known.
    pub mock: bool,
    /// The organisation that is asked, if there is one.
    pub organization: Option<Organization>,
    /// In which zones the days of teams begin and end.
    pub team_zones: TeamZones,
    /// How numbers are announced.
    pub derive: DeriveSettings,
    /// How metrics are computed.
    pub metrics: MetricSettings,
    /// How long after a comparison with the organisation the next one is due while somebody watches.
    pub check_interval: Duration,
    /// After how long a call to the organisation gives up.
    pub call_timeout: Duration,
    /// The window of the synchronisation.
    pub sync_window: SyncWindow,
    /// After how long a synchronisation gives up.
    pub sync_deadline: Duration,
    /// The shared store, if there is one.
    pub redis: Option<Redis>,
    /// How much of the log is kept.
    pub retention: LogRetention,
    /// Where the archive is, if there is one.
    pub tables: Option<Tables>,
    /// The log filter.
    pub log_filter: String,
}

/// An organisation, and what it is asked with.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its address, without a slash at the end.
    pub url: String,
    /// A personal access token.
    pub token: Option<Secret>,
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
        let mut read = Reading::new(lookup);
        let host_port = read.number(HOST_PORT, 1..=65_535);
        let port = read.number(PORT, 0..=65_535);
        let under_host = host_port.is_some();
        let port = host_port.or(port).and_then(|port| u16::try_from(port).ok()).unwrap_or(7071);
        let organization = read.organization();
        let demo = read.demo(under_host, organization.is_some());
        let sync_window = read.sync_window();
        let config = Self {
            demo,
            mock: read.on_off(MOCK).unwrap_or(false),
            organization,
            team_zones: read.team_zones(&sync_window),
            derive: read.derive_settings(),
            metrics: MetricSettings {
                stale_working_days: read.small(STALE_DAYS, 1..=250, metrics::STALE_WORKING_DAYS_DEFAULT),
                grace_days: read.small(GRACE_DAYS, 0..=30, metrics::GRACE_DAYS_DEFAULT),
            },
            check_interval: read.ms(CHECK, 1_000..=86_400_000, if demo { 5_000 } else { 240_000 }),
            call_timeout: read.ms(CALL_TIMEOUT, 100..=600_000, 45_000),
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
            sync_window,
            sync_deadline: read.ms(SYNC_DEADLINE, 1_000..=1_500_000, 240_000),
            redis: read.redis(),
            retention: LogRetention {
                entries_max: read.count(LOG_ENTRIES, 1..=10_000_000, LogRetention::DEFAULT.entries_max),
                age_max: read
                    .number(LOG_HOURS, 1..=8_760)
                    .map_or(LogRetention::DEFAULT.age_max, |hours| Duration::from_secs(hours * 3_600)),
            },
            tables: read.tables(),
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

#[cfg(test)]
mod tests;
