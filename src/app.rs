//! The composition root: the one file that names the parts together and wires them up.

use std::error::Error;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::archive::Archive;
use crate::archive::table::{self, Credential, TableArchive, TableSettings};
use crate::board::figures::Calculator;
use crate::board::snapshot::Snapshots;
use crate::config::{Config, Organization, OrganizationLogin, Redis, TableAccess, Tables};
use crate::devops::AzureDevOps;
use crate::devops::client::{self, ClientSettings, RestClient};
use crate::devops::subscriptions::ServiceHooks;
use crate::domain::degradation::Policy;
use crate::journal::memory::MemoryJournal;
use crate::journal::redis::{self, RedisJournal, RedisSettings};
use crate::journal::{Journal, Store};
use crate::ops::freshness;
use crate::ops::instance::Instance;
use crate::ops::instances::Instances;
use crate::ops::pulse::Pulse;
use crate::platform::clock::{self, Clock};
use crate::platform::identity::{EntraIdentity, IdentitySettings};
use crate::platform::outbound::RootCertificates;
use crate::stream::hub::{Hub, RingLimits};
use crate::stream::relay::Relay;
use crate::stream::{Sources, Streams};
use crate::sync::source::{Source, SourceSettings};
use crate::sync::subscriptions::HookKeeper;
use crate::sync::timer::Synchronisation;
use crate::write::announce::Deriver;
use crate::write::archiver::Archiver;
use crate::write::finished::FinishedSprints;
use crate::write::inbox::Inbox;
use crate::write::ingest::Ingest;
use crate::write::probe::Probe;
use crate::write::retention::Retention;
use crate::write::teams::TeamKeeper;

/// Everything that a request needs. Cheap to clone.
pub type App = Arc<Parts>;

/// The parts of the application.
pub struct Parts {
    /// The settings.
    pub config: Config,
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
    /// Boards of sprints that are over.
    pub finished: Arc<FinishedSprints>,
    /// The instances that share the journal.
    pub instances: Arc<Instances>,
    /// A permit for each hook that may be answered at the same time.
    pub hooks_in_flight: Semaphore,
    stopping: watch::Sender<bool>,
}

impl Parts {
    /// Puts the application together over these adapters and starts what runs for as long as the process, so it needs a
    /// runtime.
    pub fn start(config: &Config, adapters: Adapters) -> App {
        let Adapters { store, clock, ring, azure, hooks, archive } = adapters;
        let instance = Instance {
            allowed: Arc::new(config.allowed.clone()),
            ..Instance::new(&store, config.owner.clone(), clock, config.demo && azure.is_some())
        };
        let replayed_max = ring.replayed_max.min(config.retention.entries_max);
        let hub = Arc::new(Hub::new(RingLimits { replayed_max, ..ring }, config.streams.coalesce));
        let calculator = Arc::new(Calculator::new(config.metrics.clone()));
        let Instance { fold, clock, demo, .. } = instance.clone();
        let snapshots = Snapshots::new(fold, calculator.clone(), clock, config.allowed.clone(), demo);
        let snapshots = Arc::new(snapshots);
        let ingest = Arc::new(Ingest { instance: instance.clone() });
        let teams = TeamKeeper { instance: instance.clone() };
        let deriver = Deriver { instance: instance.clone(), calculator, teams, settings: config.derive };
        let deriver = Arc::new(deriver);
        let source_settings = SourceSettings {
            zones: config.team_zones.clone(),
            blocked_by: config.blocked_by.clone(),
            interval: config.check_interval,
            deadline: config.sync_deadline,
            policy: Policy { mock: config.mock, ..Policy::default() },
            list_timeout: SourceSettings::LIST_TIMEOUT_DEFAULT,
        };
        let source = azure.map(|azure| {
            let source = Source::new(azure, ingest.clone(), &store, source_settings);
            let may_write = config.organization.as_ref().is_none_or(|of| !of.login.is_personal());
            Arc::new(match hooks {
                Some(keeper) => source.with_hooks(keeper, may_write),
                None => source,
            })
        });
        let finished = FinishedSprints::new(archive.clone(), instance.clone(), snapshots.clone());
        let inbox = archive.clone().map(|archive| Arc::new(Inbox::new(archive, ingest.clone())));
        let (settle, has_source) = (config.derive.settle, source.is_some());
        let archiver = archive
            .map(|archive| Arc::new(Archiver { archive, instance: instance.clone(), settle, has_source }));
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
            under_way: Default::default(),
        };
        let app = Arc::new(Self {
            config: config.clone(),
            instances: Arc::new(Instances::new(instance.clone(), store.reports)),
            instance,
            ingest,
            inbox,
            deriver,
            source,
            snapshots,
            finished: Arc::new(finished),
            streams: Arc::new(Streams::new(sources, config.streams)),
            sync: Arc::new(sync),
            hooks_in_flight: Semaphore::new(config.hooks_in_flight_max),
            stopping,
        });
        app.run_in_background(hub, archiver);
        app
    }

    /// Starts what runs for as long as the process.
    fn run_in_background(&self, hub: Arc<Hub>, archiver: Option<Arc<Archiver>>) {
        let instance = &self.instance;
        let journal = |journal: Arc<dyn Journal>| async move { journal.run().await };
        instance.supervise("journal", on_each(instance.journal.clone(), journal));
        let relay = Relay { instance: instance.clone(), hub: hub.clone() };
        instance.supervise("relay", move || relay.clone().run());
        instance.supervise("pace", on_each(hub, |hub| async move { hub.pace().await }));
        let probed = instance.clone();
        instance.supervise("probe", move || Probe::keep(probed.clone()));
        instance.supervise("report", on_each(self.instances.clone(), Instances::keep_reporting));
        let (measured, snapshots) = (instance.clone(), self.snapshots.clone());
        instance
            .supervise("freshness", move || freshness::keep_measuring(measured.clone(), snapshots.clone()));
        let pulse = Pulse {
            instance: instance.clone(),
            streams_max: self.config.streams.max,
            window: self.config.sync_window.clone(),
        };
        instance.supervise("pulse", move || pulse.clone().keep_beating());
        instance.supervise("finished", on_each(self.finished.clone(), FinishedSprints::keep));
        let retention = Retention::new(instance.clone());
        instance.supervise("retention", move || retention.clone().keep());
        instance.supervise("settle", on_each(self.deriver.clone(), Deriver::settle));
        if let Some(source) = self.source.clone() {
            instance.supervise("check", on_each(source.clone(), Source::keep_fresh));
            instance.supervise("waits", on_each(source.clone(), Source::keep_waits));
            instance.supervise("fetch", on_each(source, Source::keep_fetching));
        }
        if let Some(inbox) = self.inbox.clone() {
            instance.supervise("inbox", on_each(inbox, Inbox::drain));
        }
        if let Some(archiver) = archiver.clone() {
            let load = |archiver: Arc<Archiver>| async move { archiver.load_archived_boards().await };
            instance.supervise("archive load", on_each(archiver.clone(), load));
            instance.supervise("archive", on_each(archiver, Archiver::follow));
        }
        let deriver = self.deriver.clone();
        instance.supervise("derive", move || {
            let (archiver, deriver) = (archiver.clone(), deriver.clone());
            async move {
                // What was last announced of a board is looked up before anything is derived from what is known of it now.
                if let Some(archiver) = archiver {
                    archiver.begin().await;
                }
                deriver.follow().await;
            }
        });
    }

    /// Ends every stream.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether the host may run other processes of which each has a journal of its own: a hook reaches the readers of
    /// one, and nobody sees what a timer finds in another.
    pub fn is_alone_under_the_host(&self) -> bool {
        self.config.under_host && !self.instance.journal.is_shared()
    }

    /// Whether this process synchronises when it is time to, and not when the host's timer says so.
    pub fn has_own_schedule(&self) -> bool {
        !self.config.under_host || self.is_alone_under_the_host()
    }
}

/// Starts a task on a part that is shared, as often as it has to be started.
fn on_each<P: ?Sized, T>(part: Arc<P>, start: impl Fn(Arc<P>) -> T) -> impl Fn() -> T {
    move || start(part.clone())
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
    /// What keeps the subscriptions of service hooks as they should be; without one they are somebody else's business.
    pub hooks: Option<HookKeeper>,
    /// Where copies and the inbox are; without one a hook that the journal cannot take is refused.
    pub archive: Option<Arc<dyn Archive>>,
}

impl Adapters {
    /// The adapters that are configured, by the machine's clock. What is away is no error: it is connected to in the
    /// background.
    ///
    /// Errors: the organisation, the store or the archive cannot even be asked.
    pub fn configured(config: &Config) -> Result<Self, Box<dyn Error>> {
        let clock = clock::system();
        let roots = root_certificates(config)?;
        let store = store(config, &roots, &clock)?;
        let (azure, hooks) = organisation(config, &clock)?.map_or((None, None), |(azure, hooks)| {
            let keeper = hook_keeper(config, hooks, &roots);
            (Some(azure), keeper)
        });
        let mut adapters = Self { store, ring: RingLimits::DEFAULT, azure, hooks, archive: None, clock };
        if let Some(Tables { endpoint, access }) = config.tables.clone() {
            let credential = match access {
                TableAccess::Key { account, key } => Credential::SharedKey { account, key },
                TableAccess::Identity(identity) => {
                    Credential::Tokens(tokens(identity, table::RESOURCE, &roots, &adapters.clock)?)
                }
            };
            let (prefix, owner) = (table::PREFIX_DEFAULT.into(), config.owner.clone());
            let settings = TableSettings { endpoint, credential, prefix, owner };
            adapters.archive = Some(Arc::new(TableArchive::new(settings)?));
        }
        Ok(adapters)
    }
}

/// An organisation, to be asked for what it has and for its subscriptions.
type Organisation = (Arc<dyn AzureDevOps>, Arc<dyn ServiceHooks>);

/// The organisation that is configured, if one is.
///
/// Errors: it cannot even be asked.
fn organisation(config: &Config, clock: &Clock) -> Result<Option<Organisation>, Box<dyn Error>> {
    let Some(Organization { url, login }) = &config.organization else { return Ok(None) };
    let roots = root_certificates(config)?;
    let kept_tags = config.kept_tags();
    let mut settings = ClientSettings { roots: roots.clone(), kept_tags, ..ClientSettings::new(url) };
    match login.clone() {
        OrganizationLogin::Anonymous => {}
        OrganizationLogin::PersonalToken(token) => settings.token = Some(token),
        OrganizationLogin::Identity(identity) => {
            settings.tokens = Some(tokens(identity, client::RESOURCE, &roots, clock)?);
        }
    }
    let client = Arc::new(RestClient::new(&settings)?);
    Ok(Some((client.clone(), client)))
}

/// An organisation, and what keeps the subscriptions that lead here.
type OrganisationWithKeeper = (Arc<dyn AzureDevOps>, HookKeeper);

/// The organisation and what keeps its subscriptions, for the command line; `None` where it is not said where they are to
/// lead.
///
/// Errors: the organisation cannot even be asked.
pub fn subscriptions(config: &Config) -> Result<Option<OrganisationWithKeeper>, Box<dyn Error>> {
    let Some((azure, hooks)) = organisation(config, &clock::system())? else { return Ok(None) };
    let roots = root_certificates(config)?;
    Ok(hook_keeper(config, hooks, &roots).map(|keeper| (azure, keeper)))
}

/// What keeps the subscriptions of a deployment, where it is said at which address it is reached.
fn hook_keeper(
    config: &Config,
    hooks: Arc<dyn ServiceHooks>,
    roots: &RootCertificates,
) -> Option<HookKeeper> {
    let endpoint = config.hook_endpoint.clone().filter(|_| !config.demo)?;
    Some(HookKeeper { hooks, endpoint, roots: roots.clone() })
}

/// What gives out tokens for one service.
fn tokens(
    identity: IdentitySettings,
    resource: &'static str,
    roots: &RootCertificates,
    clock: &Clock,
) -> Result<Arc<EntraIdentity>, Box<dyn Error>> {
    let name = identity.name();
    let identity = EntraIdentity::new(identity, resource, roots, clock.clone()).map_err(|error| {
        format!("the {name} cannot be used to log in: {error}; install the package ca-certificates")
    })?;
    Ok(Arc::new(identity))
}

/// The root certificates that are trusted beside those of the machine.
fn root_certificates(config: &Config) -> Result<RootCertificates, Box<dyn Error>> {
    let Some(path) = &config.root_certificates else { return Ok(RootCertificates::default()) };
    let name = format!("BOARDCAST_ROOT_CERTIFICATES={}", path.display());
    let text = std::fs::read(path).map_err(|error| {
        format!("{name}: cannot be read ({error}); let it name a file that this user may read")
    })?;
    let roots = RootCertificates::from_pem(&text);
    Ok(roots.ok_or_else(|| {
        format!("{name}: must hold certificates in PEM, each between BEGIN and END CERTIFICATE")
    })?)
}

/// The store that is configured.
fn store(config: &Config, roots: &RootCertificates, clock: &Clock) -> Result<Store, Box<dyn Error>> {
    let Some(Redis { address, identity }) = config.redis.clone() else {
        return Ok(Store::of(Arc::new(MemoryJournal::new(clock.clone(), config.retention))));
    };
    let mut settings = RedisSettings::new(address, config.owner.clone());
    settings.retention = config.retention;
    if let Some(identity) = identity {
        settings.tokens = Some(tokens(identity, redis::RESOURCE, roots, clock)?);
    }
    let journal = RedisJournal::new(settings, clock.clone())
        .map_err(|why| format!("BOARDCAST_REDIS_URL cannot be used: {why}"))?;
    Ok(Store::of(Arc::new(journal)))
}
