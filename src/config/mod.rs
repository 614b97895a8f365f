//! Every setting in one table, read by a pure function that reports all errors at once.

mod allowed_hosts;
mod board_access;
mod effective;
mod function_timeout;
mod host_facts;
mod kept_tags;
mod organization;
mod origins;
mod place;
mod reading;
mod redis;
mod removed;
mod service_hooks;
mod tables;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::devops::credentials::HookAccess;
use crate::devops::subscriptions::endpoint::HookEndpoint;
use crate::domain::authorise::AllowedBoards;
use crate::domain::metrics::MetricSettings;
use crate::domain::owner::Owner;
use crate::domain::schedule::SyncWindow;
use crate::domain::sprint::blocked::BlockedRules;
use crate::domain::sprint::zones::TeamZones;
use crate::journal::LogRetention;
use crate::platform::secret::Secret;
use crate::stream::StreamSettings;
use crate::write::announce::DeriveSettings;
use reading::Reading;

pub use allowed_hosts::AllowedHosts;
pub use board_access::BoardAccess;
pub use effective::EffectiveSetting;
pub use function_timeout::FunctionTimeout;
pub use host_facts::HostFacts;
pub use organization::{Organization, OrganizationLogin};
pub use origins::{AllowedOrigins, FrameAncestors};
pub use place::Place;
pub use redis::Redis;
pub use tables::{TableAccess, Tables};

/// Which table of `docs/OPERATIONS.md` lists a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingGroup {
    /// What an installation decides: where its data is, who may see it, when it synchronises.
    Common,
    /// What has a good default, and what the platform sets.
    Tuning,
}

/// One row of the tables of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The table it is listed in.
    pub group: SettingGroup,
    /// The name of the environment variable.
    pub name: &'static str,
    /// The unit or form of its value.
    pub unit: &'static str,
    /// The default of a standalone process.
    pub standalone: &'static str,
    /// The default under the Functions host.
    pub functions_host: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! settings {
    ($($group:ident: $constant:ident = $name:literal, $unit:literal, $standalone:literal, $host:literal, $meaning:literal;)*) => {
        $(const $constant: &str = $name;)*

        /// Every setting there is.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            group: SettingGroup::$group,
            name: $constant,
            unit: $unit,
            standalone: $standalone,
            functions_host: $host,
            meaning: $meaning,
        }),*];
    };
}

settings! {
    Common: ORGANIZATION_URL = "BOARDCAST_ORGANIZATION_URL", "URL", "not set", "not set",
        "URL of the Azure DevOps organisation, such as `https://dev.azure.com/contoso`, or of a collection on Azure DevOps Server. Not set: boards are built from service hooks alone";
    Common: PAT = "AZURE_DEVOPS_PAT", "text", "not set", "not set",
        "Personal access token for that organisation, with the scopes `vso.project` (Project and Team: read) and `vso.work` (Work Items: read). Not set: boardcast logs in to Azure DevOps Services with its identity in Microsoft Entra";
    Common: PROJECTS = "BOARDCAST_PROJECTS", "names or GUIDs, comma-separated", "all", "all",
        "Projects to serve. Service hooks of other projects are counted as dead letters";
    Common: TEAMS = "BOARDCAST_TEAMS", "names or GUIDs, or `project/team`, comma-separated", "all", "all",
        "Teams of these projects to serve, by GUID if they may be renamed. Azure DevOps is not asked about other teams, whose work items are shown to nobody, as are those of no team";
    Common: SECRET = "BOARDCAST_WEBHOOK_SECRET", "text, up to 256 characters", "not set: every hook is accepted", "not set: every hook is answered with 503",
        "Secret that service hooks must present, as the password of Basic authentication or in the header `X-Boardcast-Secret`";
    Common: SECRET_PREVIOUS = "BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "text, up to 256 characters", "not set", "not set",
        "Second secret that is also accepted, for the time it takes to move subscriptions to a new one";
    Common: PUBLIC_URL = "BOARDCAST_PUBLIC_URL", "URL", "not set", "not set",
        "Address under which Azure DevOps reaches boardcast, such as `https://<app>.azurewebsites.net`. With it boardcast makes the service hook subscriptions of the projects that it serves, watches over them and repairs them. Not set: they are made by hand, or with `boardcast hooks`";
    Common: WEBHOOK_KEY = "BOARDCAST_WEBHOOK_KEY", "text", "not set", "not set",
        "Key of the function `WorkItemWebhook` alone, which subscriptions send in the header `x-functions-key`. Needed behind a Functions host";
    Common: OPERATOR_KEY = "BOARDCAST_OPERATOR_KEY", "text", "not set: open to everybody", "not set: closed to everybody",
        "Key for status details and metrics, sent as `Authorization: Bearer` or `X-Boardcast-Key`";
    Common: REDIS_URL = "BOARDCAST_REDIS_URL", "`redis://` or `rediss://`, then `user:password@` if needed, host and port", "not set", "not set",
        "Redis that stores the boards for all instances and across restarts; two or more comma-separated nodes mean a cluster. `rediss://` without a password logs in with the managed identity, `redis://` without one does not log in. Not set: boards are kept in memory and lost when the process ends";
    Common: TABLES = "BOARDCAST_TABLES", "connection string or URL", "not set", "not set",
        "Table storage for the hook inbox and archived boards: a connection string with an account key, an account's Table endpoint (accessed with the managed identity), or `UseDevelopmentStorage=true` for Azurite. Not set: no archive";
    Common: DEPLOYMENT = "BOARDCAST_DEPLOYMENT", "text, up to 60 characters", "not set", "not set; without an organisation the site's name",
        "Name by which this deployment's data is told apart from that of others in the same Redis and storage account. Instances of one deployment have the same name. Not set: all deployments of one organisation share their data";
    Common: CLIENT_ID = "AZURE_CLIENT_ID", "GUID", "not set", "not set",
        "Client ID of a user-assigned managed identity, or of the application that `AZURE_CLIENT_SECRET` or `AZURE_FEDERATED_TOKEN_FILE` is of. Not set: the system-assigned identity";
    Common: TENANT_ID = "AZURE_TENANT_ID", "GUID or domain", "not set", "not set",
        "Directory (tenant) of that application";
    Common: CLIENT_SECRET = "AZURE_CLIENT_SECRET", "text", "not set", "not set",
        "Client secret of that application, with which boardcast logs in to Azure DevOps Services, Redis and Table storage instead of the managed identity";
    Common: ROOT_CERTIFICATES = "BOARDCAST_ROOT_CERTIFICATES", "path of a PEM file", "not set", "not set",
        "Root certificates that are trusted beside those of the machine, for Azure DevOps and Microsoft Entra: that of an Azure DevOps Server, or of a proxy that inspects TLS";
    Common: DEMO = "BOARDCAST_DEMO", "`on` or `off`", "`on` without an organisation, else `off`", "`off`",
        "Serve a simulated organisation, labelled DEMO. Cannot be `on` together with `BOARDCAST_ORGANIZATION_URL`";
    Common: MOCK = "BOARDCAST_MOCK", "`on` or `off`", "`off`", "`off`",
        "Show simulated boards, labelled as such, when Azure DevOps is unreachable and no cached data is available";
    Common: PORT = "BOARDCAST_PORT", "port", "7071", "ignored",
        "Port on the loopback interface; 0 picks a free one and logs it";
    Common: ALLOWED_ORIGINS = "BOARDCAST_ALLOWED_ORIGINS", "origins, comma-separated, or `*`", "none", "ignored: configure CORS on the Function App",
        "Origins whose pages may read the API and the stream (CORS)";
    Common: ALLOWED_HOSTS = "BOARDCAST_ALLOWED_HOSTS", "host names, comma-separated", "none", "ignored: the platform decides",
        "Names under which a reverse proxy serves boardcast. Requests for any other host but this machine are refused, because a web page could have its own name point to this machine and read the boards";
    Common: FRAME_ANCESTORS = "BOARDCAST_FRAME_ANCESTORS", "`'none'`, or `'self'` and origins, blanks between them", "`'self'`", "`'self'`",
        "Origins whose pages may show the page in a frame, such as `'self' https://wiki.example`";
    Common: SYNC_SCHEDULE = "SYNC_SCHEDULE", "NCRONTAB, six fields, UTC", "ignored", "`0 */15 12-23 * * 1-5`",
        "When the Functions host fires the timer; read by the host, not by boardcast";
    Common: SYNC_CRON = "BOARDCAST_SYNC_CRON", "cron, five fields", "`*/15 8-18 * * 1-5`", "`*/15 8-18 * * 1-5`",
        "Schedule of the synchronisation with Azure DevOps. Under the Functions host the timer sets the minutes, and only the hours and days of this schedule count";
    Common: SYNC_ZONE = "BOARDCAST_SYNC_ZONE", "IANA time zone", "America/New_York", "America/New_York",
        "Time zone of that schedule";
    Common: TEAM_ZONES = "BOARDCAST_TEAM_ZONES", "`team=zone`, comma-separated", "`BOARDCAST_SYNC_ZONE`", "`BOARDCAST_SYNC_ZONE`",
        "Time zones in which the days of teams begin and end; teams by name or GUID";
    Common: BLOCKED_BY = "BOARDCAST_BLOCKED_BY", "`tag:`, `field:` or `column:` and a name, comma-separated", "`tag:Blocked,field:Microsoft.VSTS.CMMI.Blocked`", "`tag:Blocked,field:Microsoft.VSTS.CMMI.Blocked`",
        "What marks a work item as blocked: a tag, a field (by its reference name) that says yes, or a column of the team's board. Boards of service hooks alone take the default";
    Common: LOG_FILTER = "BOARDCAST_LOG", "tracing filter", "info", "info",
        "Log filter, such as `debug` or `boardcast=debug,warn`";
    Tuning: THRESHOLD = "BOARDCAST_THRESHOLD", "fraction, 0 to 1", "0.05", "0.05",
        "Relative change of a metric since its last announcement that is announced at once";
    Tuning: SETTLE = "BOARDCAST_SETTLE_MS", "ms, 100 to 3600000", "10000", "10000",
        "Delay before a smaller change of a metric is announced";
    Tuning: STALE_DAYS = "BOARDCAST_STALE_WORKING_DAYS", "working days, 1 to 250", "5", "5",
        "Whole working days without a change after which an open work item counts as stale";
    Tuning: GRACE_DAYS = "BOARDCAST_GRACE_DAYS", "calendar days, 0 to 30", "0", "0",
        "Days after the first working day of a sprint that still count as its planning";
    Tuning: ESCAPED_TAGS = "BOARDCAST_ESCAPED_TAGS", "tags, comma-separated", "none", "none",
        "Tags, in any case, that mark a bug as found after a release";
    Tuning: GOAL_TAG = "BOARDCAST_GOAL_TAG", "tag", "Sprint Goal", "Sprint Goal",
        "Tag, in any case, of the work item of a sprint whose title is the sprint's goal; Azure DevOps has no other place for one";
    Tuning: CHECK = "BOARDCAST_CHECK_MS", "ms, 1000 to 86400000", "240000; 5000 in a demo", "240000; 5000 in a demo",
        "Interval between comparisons with Azure DevOps while anybody is watching: a stream is open, or a board was read within five minutes";
    Tuning: HEARTBEAT = "BOARDCAST_HEARTBEAT_MS", "ms, 1000 to 200000", "15000", "30000",
        "Silence on a stream before a heartbeat is sent";
    Tuning: LIFETIME = "BOARDCAST_STREAM_LIFETIME_MS", "ms, 0 to 86400000", "0", "1200000",
        "Age, give or take a tenth, at which the server ends a stream so that its client reconnects; 0 means never. Under the Functions host at most three quarters of `functionTimeout`";
    Tuning: STREAMS_MAX = "BOARDCAST_STREAMS_MAX", "streams, 1 to 1000000", "10000", "1000",
        "Limit on open streams per instance; readers over the limit are told to come back later";
    Tuning: LOG_ENTRIES = "BOARDCAST_LOG_ENTRIES_MAX", "entries, 1 to 10000000", "50000", "50000",
        "Limit on entries in the event log; a client that reconnects can resume from the newest ten thousand at least";
    Tuning: BOARD_METRICS = "BOARDCAST_BOARD_METRICS", "`on` or `off`", "`off`", "`off`",
        "Add the metrics of every board to the Prometheus metrics, as gauges with the names of project and team";
    Tuning: HOST_PORT = "FUNCTIONS_CUSTOMHANDLER_PORT", "port", "not set", "set by the Functions host",
        "Port that the Functions host forwards requests to. boardcast behaves as under the Functions host when it is set";
    Tuning: SITE_NAME = "WEBSITE_SITE_NAME", "text", "not set", "set by the platform",
        "Name of the function app, which tells apart deployments that have neither an organisation nor `BOARDCAST_DEPLOYMENT`";
    Tuning: RESOURCE_GROUP = "WEBSITE_RESOURCE_GROUP", "text", "ignored", "set by the platform",
        "Resource group of the function app, which `boardcast doctor` names in its commands";
    Tuning: AUTH_ENABLED = "WEBSITE_AUTH_ENABLED", "`True` or `False`", "ignored", "set by the platform",
        "Whether App Service's authentication is on. The package that people sign in to hands out no board while it is not; the one that needs function keys does not ask";
    Tuning: EXTENSION_VERSION = "FUNCTIONS_EXTENSION_VERSION", "text", "ignored", "set by the deployment",
        "Version of the Functions host, which `boardcast doctor` looks at";
    Tuning: WEBSITE_TIME_ZONE = "WEBSITE_TIME_ZONE", "time zone", "ignored", "not set",
        "Time zone in which the Functions host reads `SYNC_SCHEDULE`; not to be set, and looked at by `boardcast doctor`";
    Tuning: FUNCTION_TIMEOUT = "AzureFunctionsJobHost__functionTimeout", "`hh:mm:ss` or `-1`", "ignored", "`functionTimeout` of the `host.json` beside the executable",
        "When the Functions host kills a process that is still answering a request, all its streams with it";
    Tuning: IDENTITY_ENDPOINT = "IDENTITY_ENDPOINT", "URL", "not set", "set by the platform",
        "Endpoint that issues tokens of the managed identity. Not set: the metadata service of the virtual machine";
    Tuning: IDENTITY_HEADER = "IDENTITY_HEADER", "text", "not set", "set by the platform",
        "Secret that authenticates boardcast to that endpoint";
    Tuning: FEDERATED_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE", "path", "not set", "not set",
        "File with a token that the application `AZURE_CLIENT_ID` trusts, used where there is no `AZURE_CLIENT_SECRET`; Kubernetes sets it (workload identity federation)";
    Tuning: AUTHORITY_HOST = "AZURE_AUTHORITY_HOST", "URL", "`https://login.microsoftonline.com`", "`https://login.microsoftonline.com`",
        "Who gives out tokens to that application, in other clouds than the public one; Kubernetes sets it";
}

/// The configuration, complete and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen: always loopback.
    pub address: SocketAddr,
    /// Whether the Functions host runs us.
    pub under_host: bool,
    /// The boards that are served.
    pub allowed: AllowedBoards,
    /// Who may post hooks.
    pub hook_access: HookAccess,
    /// Where subscriptions are to lead, if boardcast is to make them.
    pub hook_endpoint: Option<HookEndpoint>,
    /// Who decides who may look at boards.
    pub board_access: BoardAccess,
    /// Whether App Service's authentication is on.
    pub has_authentication: bool,
    /// What the platform says of the Functions host.
    pub host: HostFacts,
    /// Opens health details and metrics.
    pub operator_access: OperatorAccess,
    /// Pages of which other origins may read.
    pub allowed_origins: AllowedOrigins,
    /// Which pages may show the page in a frame.
    pub frame_ancestors: FrameAncestors,
    /// For which hosts requests are answered.
    pub allowed_hosts: AllowedHosts,
    /// When the Functions host kills a process that is still answering a request.
    pub function_timeout: FunctionTimeout,
    /// How streams are run.
    pub streams: StreamSettings,
    /// How long a connection may accept no data before it is closed. A phone that changes networks is back sooner.
    pub write_timeout: Duration,
    /// How long a connection is kept open without a request. The Functions host reuses its connections, and one that is
    /// closed at the moment it is reused loses a hook, so this is far longer than any pause of the host's.
    pub idle_timeout: Duration,
    /// How long the head of a connection's first request may take, where that is not as long. The Functions host also
    /// keeps connections in reserve that it has never used.
    pub first_head_timeout: Option<Duration>,
    /// How many hooks are handled at the same time; further ones are answered with 503, which Azure DevOps repeats. Each
    /// may hold a body of some megabytes, so this bounds memory.
    pub hooks_in_flight_max: usize,
    /// Whose boards are kept.
    pub owner: Owner,
    /// Whether a simulated organisation stands in for a real one.
    pub demo: bool,
    /// Whether simulated data stands in where nothing is known.
    pub mock: bool,
    /// The organisation that is asked, if there is one.
    pub organization: Option<Organization>,
    /// A file with root certificates that are trusted beside those of the machine.
    pub root_certificates: Option<PathBuf>,
    /// In which zones the days of teams begin and end.
    pub team_zones: TeamZones,
    /// By what work items are blocked.
    pub blocked_by: BlockedRules,
    /// How numbers are announced.
    pub derive: DeriveSettings,
    /// How metrics are computed.
    pub metrics: MetricSettings,
    /// Whether the operator's metrics have those of every board among them.
    pub board_metrics: bool,
    /// How long after a comparison with the organisation the next one is due while somebody watches.
    pub check_interval: Duration,
    /// The window of the synchronisation.
    pub sync_window: SyncWindow,
    /// How long a synchronisation may take. The Functions host waits for the timer's answer, and the next run is due after
    /// 15 minutes.
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

/// Who may see health details and metrics.
#[derive(Clone, Debug)]
pub enum OperatorAccess {
    /// Anybody: the server runs standalone on loopback and no key is set.
    Open,
    /// Nobody: under the Functions host the folder's auth level is anonymous, so without a key they stay closed.
    Closed,
    /// Those who have this key.
    Key(Secret),
}

impl Config {
    /// Reads the settings through `lookup`. A setting that is empty counts as not set.
    ///
    /// Errors: every setting that cannot be used, all at once: a line for each with its name, its value and the remedy.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut read = Reading::new(lookup);
        read.refuse_removed();
        let host_port = read.number(HOST_PORT, 1..=65_535);
        let under_host = host_port.is_some();
        let port = host_port.or(read.number(PORT, 0..=65_535)).unwrap_or(7071);
        let organization = read.organization();
        let demo = read.demo(under_host, organization.is_some());
        let allowed = read.allowed(organization.is_some() || demo);
        let sync_window = read.sync_window();
        let function_timeout = read.function_timeout(under_host);
        let hook_access = read.hook_access(under_host);
        let default_retention = LogRetention::DEFAULT;
        let config = Self {
            owner: read.owner(demo, organization.as_ref()),
            demo,
            mock: read.on_off(MOCK).unwrap_or(false),
            organization,
            root_certificates: read.text(ROOT_CERTIFICATES).map(|path| path.trim().into()),
            team_zones: read.team_zones(&sync_window),
            blocked_by: read.blocked_by(),
            derive: read.derive_settings(),
            metrics: read.metric_settings(),
            board_metrics: read.on_off(BOARD_METRICS).unwrap_or(false),
            check_interval: read.ms(CHECK, 1_000..=86_400_000, if demo { 5_000 } else { 240_000 }),
            address: (Ipv4Addr::LOCALHOST, port).into(),
            under_host,
            allowed,
            hook_endpoint: read.hook_endpoint(&hook_access),
            hook_access,
            board_access: if under_host { BoardAccess::Keys } else { BoardAccess::Anybody },
            has_authentication: read.has_authentication(),
            host: read.host_facts(),
            operator_access: read.operator_access(under_host),
            allowed_origins: read.allowed_origins(under_host),
            frame_ancestors: read.frame_ancestors(),
            allowed_hosts: read.allowed_hosts(under_host),
            function_timeout,
            streams: read.stream_settings(under_host, function_timeout),
            write_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_mins(15),
            first_head_timeout: (!under_host).then_some(Duration::from_secs(30)),
            hooks_in_flight_max: 64,
            sync_window,
            sync_deadline: function_timeout.cap(Duration::from_mins(4)),
            redis: read.redis(),
            retention: LogRetention {
                entries_max: read
                    .number(LOG_ENTRIES, 1..=10_000_000)
                    .unwrap_or(default_retention.entries_max),
                ..default_retention
            },
            tables: read.tables(),
            log_filter: read.log_filter(),
        };
        if read.errors.is_empty() { Ok(config) } else { Err(read.errors.join("\n")) }
    }

    /// The same with what the package says, whose `function.json` of a folder `function_json` knows. Standalone that is
    /// nothing.
    ///
    /// Errors: the package is none of the two that there are.
    pub fn with_package(mut self, function_json: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        if self.under_host {
            self.board_access = BoardAccess::of_package(function_json)?;
        }
        Ok(self)
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
