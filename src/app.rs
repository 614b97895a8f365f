//! The composition root: the one file that names the parts together and wires them up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::archive::Archive;
use crate::archive::table::{self, Credential, TableArchive, TableSettings};
use crate::board::figures::Calculator;
use crate::board::snapshot::Snapshots;
use crate::config::{AllowedOrigins, Config, OperatorAccess, Organization, RedisAccess, TableAccess, Tables};
use crate::devops::AzureDevOps;
use crate::devops::client::{ClientSettings, ClientSetupError, RestClient};
use crate::devops::credentials::HookAccess;
use crate::domain::degradation::Policy;
use crate::domain::owner::Owner;
use crate::journal::Store;
use crate::journal::memory::MemoryJournal;
use crate::journal::redis::{self, RedisJournal, RedisSettings};
use crate::ops::instance::Instance;
use crate::ops::instances::Instances;
use crate::platform::clock::{self, Clock};
use crate::platform::identity::{ManagedIdentity, TokenSource};
use crate::stream::hub::{Hub, RingLimits};
use crate::stream::relay::Relay;
use crate::stream::{Sources, Streams};
use crate::sync::source::{Source, SourceSettings};
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
    /// This instance: its id, journal, boards, clock and counters.
    pub instance: Instance,
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
    /// The instances that share the journal.
    pub instances: Arc<Instances>,
    /// Who may post hooks.
    pub hook_access: HookAccess,
    /// Who may see health details and metrics.
    pub operator_access: OperatorAccess,
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
        self.under_host && !self.instance.journal.is_shared()
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

/// What an application is put together from: the adapters, and what a test may want otherwise.
pub struct Adapters {
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// How much of what was published the hub remembers.
    pub ring: RingLimits,
    /// The organisation to compare boards with; without one hooks alone feed them.
    pub azure: Option<Arc<dyn AzureDevOps>>,
    /// Where copies and the inbox are; without one a hook that the journal cannot take is refused.
    pub archive: Option<Arc<dyn Archive>>,
}

impl Adapters {
    /// The adapters that are configured, by the machine's clock. What is away is no error: it is connected to in the
    /// background.
    ///
    /// Errors: the organisation, the store or the archive cannot even be asked.
    pub fn configured(config: &Config) -> Result<Self, StartError> {
        let clock = clock::system();
        let organization = config.organization.as_ref();
        let azure = organization.map(rest_client).transpose();
        let archive =
            config.tables.as_ref().map(|tables| table_archive(tables, &config.owner, &clock)).transpose();
        Ok(Self {
            store: store(config, &clock)?,
            ring: RingLimits::DEFAULT,
            azure: azure.map_err(StartError::Organization)?.map(|client| Arc::new(client) as _),
            archive: archive.map_err(StartError::Archive)?.map(|archive| Arc::new(archive) as _),
            clock,
        })
    }
}

impl App {
    /// The application over these adapters. Starts what runs for as long as the process, so it needs a runtime.
    pub fn new(config: &Config, adapters: Adapters) -> Self {
        let Adapters { store, clock, ring, azure, archive } = adapters;
        let instance = Instance {
            projects: Arc::new(config.projects.clone()),
            ..Instance::new(&store, config.owner.clone(), clock, config.demo && azure.is_some())
        };
        let hub = Arc::new(Hub::new(ring, config.streams.coalesce));
        let calculator = Arc::new(Calculator::new(config.metrics));
        let Instance { fold, clock, demo, .. } = instance.clone();
        let snapshots = Snapshots::new(fold, calculator.clone(), clock, config.projects.clone(), demo);
        let snapshots = Arc::new(snapshots);
        let ingest = Arc::new(Ingest { instance: instance.clone() });
        let teams = TeamKeeper { instance: instance.clone() };
        let deriver = Deriver { instance: instance.clone(), calculator, teams, settings: config.derive };
        let deriver = Arc::new(deriver);
        let source = azure.map(|azure| Source::new(azure, ingest.clone(), &store, source_settings(config)));
        let source = source.map(Arc::new);
        let instances = Arc::new(Instances::new(instance.clone(), store.reports.clone()));
        let inbox = archive.clone().map(|archive| Arc::new(Inbox::new(archive, ingest.clone())));
        let archiver = archive.map(|archive| Archiver {
            archive,
            instance: instance.clone(),
            settle: config.derive.settle,
            has_source: source.is_some(),
        });
        let (stopping, stopping_seen) = watch::channel(false);
        let sources = Sources {
            instance: instance.clone(),
            hub: hub.clone(),
            snapshots: snapshots.clone(),
            stopping: stopping_seen,
        };
        let sync = Synchronisation {
            instance: instance.clone(),
            window: config.sync_window.clone(),
            deadline: config.sync_deadline,
            source: source.clone(),
            deriver: Some(deriver.clone()),
        };
        let app = Self(Arc::new(Parts {
            instance,
            ingest,
            inbox,
            deriver,
            source,
            snapshots,
            streams: Arc::new(Streams::new(sources, config.streams)),
            sync: Arc::new(sync),
            instances,
            hook_access: config.hook_access.clone(),
            operator_access: config.operator_access.clone(),
            under_host: config.under_host,
            allowed_origins: config.allowed_origins.clone(),
            write_timeout: config.write_timeout,
            idle_timeout: config.idle_timeout,
            hooks_in_flight: Semaphore::new(config.hooks_in_flight_max),
            stopping,
        }));
        app.run_in_background(hub, archiver.map(Arc::new));
        app
    }

    /// Starts what runs for as long as the process.
    fn run_in_background(&self, hub: Arc<Hub>, archiver: Option<Arc<Archiver>>) {
        let instance = self.instance.clone();
        tokio::spawn(Relay { instance: instance.clone(), hub: hub.clone() }.run());
        tokio::spawn(async move { hub.pace().await });
        tokio::spawn(self.instances.clone().keep_reporting());
        tokio::spawn(Retention { instance }.keep());
        tokio::spawn(self.deriver.clone().settle());
        if let Some(source) = &self.source {
            tokio::spawn(source.clone().keep_fresh());
        }
        if let Some(inbox) = &self.inbox {
            tokio::spawn(inbox.clone().drain());
        }
        if let Some(archiver) = archiver.clone() {
            tokio::spawn(async move { archiver.load_archived_boards().await });
        }
        let deriver = self.deriver.clone();
        tokio::spawn(async move {
            // What was last announced of a board is looked up before anything is derived from what is known of it now.
            if let Some(archiver) = archiver {
                archiver.begin().await;
                tokio::spawn(archiver.follow());
            }
            deriver.follow().await;
        });
    }

    /// Ends every stream.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }
}

/// The store that is configured. One that is away is no error: it is connected to in the background.
fn store(config: &Config, clock: &Clock) -> Result<Store, StartError> {
    let Some(configured) = &config.redis else {
        return Ok(Store::of(Arc::new(MemoryJournal::new(clock.clone(), config.retention))));
    };
    let tokens = match &configured.access {
        RedisAccess::Password => None,
        RedisAccess::Identity(identity) => {
            let identity = ManagedIdentity::new(identity.clone(), redis::RESOURCE, clock.clone());
            let identity = identity.map_err(|error| StartError::Identity(error.to_string()))?;
            Some(Arc::new(identity) as Arc<dyn TokenSource>)
        }
    };
    let settings = RedisSettings {
        retention: config.retention,
        tokens,
        ..RedisSettings::new(configured.address.clone(), config.owner.clone())
    };
    let adapter = RedisJournal::new(settings, clock.clone()).map_err(StartError::Redis)?;
    Ok(Store::of(Arc::new(adapter)))
}

fn table_archive(
    tables: &Tables,
    owner: &Owner,
    clock: &Clock,
) -> Result<TableArchive, table::ArchiveSetupError> {
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
    let endpoint = tables.endpoint.clone();
    TableArchive::new(TableSettings { endpoint, credential, prefix, owner: owner.clone() })
}

fn rest_client(organization: &Organization) -> Result<RestClient, ClientSetupError> {
    RestClient::new(&ClientSettings {
        token: organization.token.clone(),
        ..ClientSettings::new(&organization.url)
    })
}

fn source_settings(config: &Config) -> SourceSettings {
    SourceSettings {
        zones: config.team_zones.clone(),
        interval: config.check_interval,
        deadline: config.sync_deadline,
        policy: Policy { mock: config.mock, ..Policy::default() },
        list_timeout: SourceSettings::LIST_TIMEOUT_DEFAULT,
    }
}
