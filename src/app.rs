//! The composition root: the one file that names the parts together and wires them up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::archive::Archive;
use crate::archive::table::{self, Credential, TableArchive, TableSettings};
use crate::board::figures::Calculator;
use crate::board::fold::Fold;
use crate::board::snapshot::Snapshots;
use crate::config::{AllowedOrigins, Config, OperatorAccess, Organization, RedisAccess, TableAccess, Tables};
use crate::devops::AzureDevOps;
use crate::devops::client::{ClientSettings, ClientSetupError, RestClient};
use crate::devops::credentials::HookAccess;
use crate::domain::authorise::AllowedProjects;
use crate::domain::degradation::Policy;
use crate::domain::time::Timestamp;
use crate::journal::Journal;
use crate::journal::memory::MemoryJournal;
use crate::journal::redis::{self, RedisJournal, RedisSettings};
use crate::ops::instances::Instances;
use crate::ops::vitals::Vitals;
use crate::platform::clock::{self, Clock};
use crate::platform::identity::{ManagedIdentity, TokenSource};
use crate::stream::hub::{Hub, RingLimits};
use crate::stream::relay::Relay;
use crate::stream::{Sources, Streams};
use crate::sync::source::{self, Source, SourceSettings};
use crate::sync::timer::Synchronisation;
use crate::write::announce::Deriver;
use crate::write::archiver::Archiver;
use crate::write::inbox::Inbox;
use crate::write::ingest::Ingest;
use crate::write::retention::Retention;
use crate::write::teams::TeamKeeper;

/// Why the application cannot even be put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The organisation cannot be asked.
    Organization(ClientSetupError),
    /// The client of Redis does not take its address; why.
    Redis(&'static str),
    /// The platform cannot be asked for tokens; why.
    Identity(String),
    /// The archive cannot be asked.
    Archive(table::ArchiveSetupError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(error) => error.fmt(f),
            Self::Archive(error) => error.fmt(f),
            Self::Identity(why) => write!(f, "the managed identity cannot be used: {why}"),
            Self::Redis(why) => write!(f, "BOARDCAST_REDIS_URL cannot be used: {why}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Everything that a request needs. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of the application.
pub struct Parts {
    /// Records and the log.
    pub journal: Arc<dyn Journal>,
    /// This instance's boards.
    pub fold: Arc<Fold>,
    /// The write path.
    pub ingest: Arc<Ingest>,
    /// Where what the journal cannot take waits, if there is an archive.
    pub inbox: Option<Arc<Inbox>>,
    /// Derived numbers.
    pub deriver: Arc<Deriver>,
    /// The organisation that boards are compared with, if there is one.
    pub source: Option<Arc<Source>>,
    /// The read path.
    pub snapshots: Arc<Snapshots>,
    /// Readers' streams.
    pub streams: Arc<Streams>,
    /// What the timer sets off.
    pub sync: Arc<Synchronisation>,
    /// Counters.
    pub vitals: Arc<Vitals>,
    /// The instances that share the journal.
    pub instances: Arc<Instances>,
    /// Who may post hooks.
    pub hook_access: HookAccess,
    /// Who may see health details and metrics.
    pub operator_access: OperatorAccess,
    /// The random id of this process, by which its numbers are told from another's.
    pub instance: String,
    /// When this process started.
    pub started_at: Timestamp,
    /// The projects that are served.
    pub projects: AllowedProjects,
    /// The time.
    pub clock: Clock,
    /// Whether the Functions host runs us.
    pub under_host: bool,
    /// Pages of which other origins may read.
    pub allowed_origins: AllowedOrigins,
    /// After how long a connection that takes no more bytes is closed.
    pub write_timeout: Duration,
    /// How long a connection without a request is kept.
    pub idle_timeout: Duration,
    /// A permit for each hook that may be answered at the same time.
    pub hooks_in_flight: Semaphore,
    stopping: watch::Sender<bool>,
}

impl Parts {
    /// Whether the host may run other processes of which each has a journal of its own: a hook reaches the readers of
    /// one, and nobody sees what a timer finds in another.
    pub fn is_alone_under_the_host(&self) -> bool {
        self.under_host && !self.journal.is_shared()
    }

    /// Whether this process synchronises when it is time to, and not when the host's timer says so.
    pub fn has_own_schedule(&self) -> bool {
        !self.under_host || self.is_alone_under_the_host()
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// The application over the journal that is configured, by the machine's clock, with an organisation to ask or
    /// without.
    ///
    /// Errors: the organisation, the journal or the archive cannot even be asked.
    pub fn new(config: &Config, organization: Option<&Organization>) -> Result<Self, StartError> {
        let clock = clock::system();
        let journal = journal(config, organization, &clock)?;
        let client = organization
            .map(|organization| rest_client(config, organization))
            .transpose()
            .map_err(StartError::Organization)?;
        let azure = client.map(|client| Arc::new(client) as Arc<dyn AzureDevOps>);
        let archive = config.tables.as_ref().map(|tables| table_archive(tables, &clock)).transpose();
        let archive = archive.map_err(StartError::Archive)?;
        let archive = archive.map(|archive| Arc::new(archive) as Arc<dyn Archive>);
        Ok(Self::archived(config, journal, clock, RingLimits::DEFAULT, azure, archive))
    }

    /// The application over any journal, with any clock, and without an organisation to ask.
    pub fn over(config: &Config, journal: Arc<dyn Journal>, clock: Clock, ring: RingLimits) -> Self {
        Self::assembled(config, journal, clock, ring, None)
    }

    /// The application over any parts, without an archive.
    pub fn assembled(
        config: &Config,
        journal: Arc<dyn Journal>,
        clock: Clock,
        ring: RingLimits,
        azure: Option<Arc<dyn AzureDevOps>>,
    ) -> Self {
        Self::archived(config, journal, clock, ring, azure, None)
    }

    /// The application over any parts. Starts what runs for as long as the process, so it needs a runtime.
    pub fn archived(
        config: &Config,
        journal: Arc<dyn Journal>,
        clock: Clock,
        ring: RingLimits,
        azure: Option<Arc<dyn AzureDevOps>>,
        archive: Option<Arc<dyn Archive>>,
    ) -> Self {
        let fold = Arc::new(Fold::default());
        let hub = Arc::new(Hub::new(ring, config.streams.coalesce));
        let vitals = Arc::new(Vitals::default());
        let demo = config.demo && azure.is_some();
        let instance = uuid::Uuid::new_v4().to_string();
        let calculator = Arc::new(Calculator::new(config.metrics));
        let snapshots = Arc::new(Snapshots::new(
            fold.clone(),
            calculator.clone(),
            clock.clone(),
            config.projects.clone(),
            demo,
        ));
        let ingest =
            Arc::new(Ingest { journal: journal.clone(), fold: fold.clone(), clock: clock.clone(), demo });
        let deriver = Arc::new(Deriver {
            journal: journal.clone(),
            fold: fold.clone(),
            calculator,
            teams: TeamKeeper { journal: journal.clone(), fold: fold.clone(), clock: clock.clone(), demo },
            clock: clock.clone(),
            vitals: vitals.clone(),
            settings: config.derive,
            instance: instance.clone(),
            demo,
        });
        let instances = instances_of(&deriver);
        let source = azure.map(|azure| source_of(config, azure, ingest.clone(), &deriver));
        keep_running(hub.clone(), &deriver, source.as_ref());
        let inbox = keep_archived(archive, &ingest, &deriver, source.is_some());
        let (stopping, stopping_seen) = watch::channel(false);
        let sources = Sources {
            journal: journal.clone(),
            fold: fold.clone(),
            hub,
            snapshots: snapshots.clone(),
            vitals: vitals.clone(),
            clock: clock.clone(),
            demo,
            stopping: stopping_seen,
        };
        Self(Arc::new(Parts {
            ingest,
            inbox,
            deriver: deriver.clone(),
            streams: Arc::new(Streams::new(sources, config.streams)),
            sync: Arc::new(Synchronisation {
                journal: journal.clone(),
                fold: fold.clone(),
                clock: clock.clone(),
                window: config.sync_window.clone(),
                deadline: config.sync_deadline,
                vitals: vitals.clone(),
                source: source.clone(),
                deriver: Some(deriver),
            }),
            source,
            journal,
            fold,
            snapshots,
            vitals,
            started_at: instances.started_at(),
            instances,
            hook_access: config.hook_access.clone(),
            operator_access: config.operator_access.clone(),
            instance,
            projects: config.projects.clone(),
            clock,
            under_host: config.under_host,
            allowed_origins: config.allowed_origins.clone(),
            write_timeout: config.write_timeout,
            idle_timeout: config.idle_timeout,
            hooks_in_flight: Semaphore::new(config.hooks_in_flight_max),
            stopping,
        }))
    }

    /// Ends every stream.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }
}

/// What compares boards with an organisation, over the same parts as what derives.
fn source_of(
    config: &Config,
    azure: Arc<dyn AzureDevOps>,
    ingest: Arc<Ingest>,
    deriver: &Deriver,
) -> Arc<Source> {
    let parts = source::Parts {
        azure,
        ingest,
        journal: deriver.journal.clone(),
        fold: deriver.fold.clone(),
        clock: deriver.clock.clone(),
        vitals: deriver.vitals.clone(),
        instance: deriver.instance.clone(),
        demo: deriver.demo,
    };
    Arc::new(Source::new(parts, source_settings(config)))
}

/// This instance among those that share the journal, which it tells from now on how it is doing.
fn instances_of(deriver: &Deriver) -> Arc<Instances> {
    let Deriver { journal, fold, vitals, clock, instance, .. } = deriver;
    let instances =
        Instances::new(journal.clone(), fold.clone(), vitals.clone(), clock.clone(), instance.clone());
    let instances = Arc::new(instances);
    tokio::spawn(instances.clone().keep_reporting());
    instances
}

/// Starts what runs for as long as the process.
fn keep_running(hub: Arc<Hub>, deriver: &Arc<Deriver>, source: Option<&Arc<Source>>) {
    let relay = Relay {
        journal: deriver.journal.clone(),
        fold: deriver.fold.clone(),
        hub: hub.clone(),
        vitals: deriver.vitals.clone(),
        clock: deriver.clock.clone(),
        instance: deriver.instance.clone(),
    };
    let horizon = Retention {
        journal: deriver.journal.clone(),
        fold: deriver.fold.clone(),
        clock: deriver.clock.clone(),
        instance: deriver.instance.clone(),
        demo: deriver.demo,
    };
    tokio::spawn(relay.run());
    tokio::spawn(horizon.keep());
    tokio::spawn(async move { hub.pace().await });
    tokio::spawn(deriver.clone().settle());
    if let Some(source) = source {
        tokio::spawn(source.clone().keep_fresh());
    }
}

/// The journal that is configured. One that is away is no error: it is connected to in the background.
fn journal(
    config: &Config,
    organization: Option<&Organization>,
    clock: &Clock,
) -> Result<Arc<dyn Journal>, StartError> {
    let Some(store) = &config.redis else {
        return Ok(Arc::new(MemoryJournal::new(clock.clone(), config.retention)));
    };
    let organisation =
        organisation_key(config.demo, organization.map(|organization| organization.url.as_str()));
    let tokens = match &store.access {
        RedisAccess::Password => None,
        RedisAccess::Identity(identity) => {
            let identity = ManagedIdentity::new(identity.clone(), redis::RESOURCE, clock.clone());
            let identity = identity.map_err(|error| StartError::Identity(error.to_string()))?;
            Some(Arc::new(identity) as Arc<dyn TokenSource>)
        }
    };
    let settings = RedisSettings {
        retention: config.retention,
        timeout: store.timeout,
        tokens,
        ..RedisSettings::new(store.address.clone(), organisation)
    };
    Ok(Arc::new(RedisJournal::new(settings, clock.clone()).map_err(StartError::Redis)?))
}

/// By which name the keys of an organisation are told from those of another in a store that they share: its path
/// below the server, or the server's own name where there is no path (`https://contoso.visualstudio.com`).
fn organisation_key(is_demo: bool, url: Option<&str>) -> String {
    let Some(url) = url.filter(|_| !is_demo) else {
        return if is_demo { "demo" } else { "default" }.into();
    };
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    let name = match place.trim_end_matches('/').split_once('/') {
        Some((_, path)) => path,
        None => place.split(['.', ':', '/']).next().unwrap_or_default(),
    };
    // What is left out of a key's name must not end its hash tag either.
    name.to_lowercase().replace(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)), "-")
}

/// Starts what follows the boards, and keeps the archive if there is one; returns its inbox. What was last said of a
/// board is looked up before anything is derived from what is known of it now.
fn keep_archived(
    archive: Option<Arc<dyn Archive>>,
    ingest: &Arc<Ingest>,
    deriver: &Arc<Deriver>,
    has_source: bool,
) -> Option<Arc<Inbox>> {
    let inbox = archive.clone().map(|archive| Inbox::new(archive, ingest.clone(), deriver.vitals.clone()));
    let inbox = inbox.map(Arc::new);
    if let Some(inbox) = inbox.clone() {
        tokio::spawn(inbox.drain());
    }
    let last_values = archive.map(|archive| Archiver {
        archive,
        journal: deriver.journal.clone(),
        fold: deriver.fold.clone(),
        clock: deriver.clock.clone(),
        instance: deriver.instance.clone(),
        settle: deriver.settings.settle,
        has_source,
    });
    let last_values = last_values.map(Arc::new);
    if let Some(last_values) = last_values.clone() {
        tokio::spawn(async move { last_values.load_archived_boards().await });
    }
    let deriver = deriver.clone();
    tokio::spawn(async move {
        if let Some(last_values) = last_values {
            last_values.begin().await;
            tokio::spawn(last_values.follow());
        }
        deriver.follow().await;
    });
    inbox
}

fn table_archive(tables: &Tables, clock: &Clock) -> Result<TableArchive, table::ArchiveSetupError> {
    let credential = match &tables.access {
        TableAccess::Key { account, key } => {
            Credential::SharedKey { account: account.clone(), key: key.clone() }
        }
        TableAccess::Identity(identity) => {
            let identity = ManagedIdentity::new(identity.clone(), table::RESOURCE, clock.clone());
            let identity = identity.map_err(|error| table::ArchiveSetupError::Tls(error.to_string()))?;
            Credential::Tokens(Arc::new(identity))
        }
    };
    let prefix = table::PREFIX_DEFAULT.to_owned();
    TableArchive::new(TableSettings { endpoint: tables.endpoint.clone(), credential, prefix })
}

fn rest_client(config: &Config, organization: &Organization) -> Result<RestClient, ClientSetupError> {
    RestClient::new(&ClientSettings {
        token: organization.token.clone(),
        deadline: config.call_timeout,
        ..ClientSettings::new(&organization.url)
    })
}

fn source_settings(config: &Config) -> SourceSettings {
    SourceSettings {
        projects: config.projects.clone(),
        zones: config.team_zones.clone(),
        interval: config.check_interval,
        deadline: config.sync_deadline,
        policy: Policy { mock: config.mock, ..Policy::default() },
        list_timeout: SourceSettings::LIST_TIMEOUT_DEFAULT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c12_each_organisation_has_a_name_that_a_key_may_hold() {
        let key = |url| organisation_key(false, Some(url));
        assert_eq!(key("https://dev.azure.com/Contoso"), "contoso");
        assert_eq!(key("https://contoso.visualstudio.com"), "contoso");
        assert_eq!(key("https://tfs.example:8080/tfs/Default{}Collection"), "tfs-default--collection");
        assert_eq!(organisation_key(false, None), "default");
        assert_eq!(organisation_key(true, Some("http://127.0.0.1:4711/demo")), "demo");
    }
}
