//! The composition root: the one file that names the parts together and wires them up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::clock::{self, Clock};
use crate::config::{AllowedOrigins, Config, OperatorAccess};
use crate::devops::credentials::HookAccess;
use crate::domain::authorise::AllowedProjects;
use crate::domain::time::Timestamp;
use crate::fold::Fold;
use crate::hub::{Hub, RingLimits};
use crate::ingest::Ingest;
use crate::relay::Relay;
use crate::snapshot::Snapshots;
use crate::store::Journal;
use crate::store::memory::MemoryJournal;
use crate::stream::{Sources, Streams};
use crate::sync::Synchronisation;
use crate::vitals::Vitals;

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
    pub ingest: Ingest,
    /// The read path.
    pub snapshots: Arc<Snapshots>,
    /// Readers' streams.
    pub streams: Arc<Streams>,
    /// What the timer sets off.
    pub sync: Arc<Synchronisation>,
    /// Counters.
    pub vitals: Arc<Vitals>,
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

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// The application over a journal in memory, by the machine's clock.
    pub fn new(config: &Config) -> Self {
        let clock = clock::system();
        let journal = Arc::new(MemoryJournal::new(clock.clone(), config.retention));
        Self::over(config, journal, clock, RingLimits::DEFAULT)
    }

    /// The application over any journal, with any clock. Starts the relay, so it needs a runtime.
    pub fn over(config: &Config, journal: Arc<dyn Journal>, clock: Clock, ring: RingLimits) -> Self {
        let fold = Arc::new(Fold::default());
        let hub = Arc::new(Hub::new(ring, config.streams.coalesce));
        let vitals = Arc::new(Vitals::default());
        let demo = false;
        let snapshots = Arc::new(Snapshots::new(fold.clone(), clock.clone(), config.projects.clone(), demo));
        let (stopping, stopping_seen) = watch::channel(false);
        let relay =
            Relay { journal: journal.clone(), fold: fold.clone(), hub: hub.clone(), vitals: vitals.clone() };
        tokio::spawn(relay.run());
        tokio::spawn({
            let hub = hub.clone();
            async move { hub.pace().await }
        });
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
            ingest: Ingest { journal: journal.clone(), fold: fold.clone(), clock: clock.clone(), demo },
            streams: Arc::new(Streams::new(sources, config.streams)),
            sync: Arc::new(Synchronisation {
                journal: journal.clone(),
                fold: fold.clone(),
                clock: clock.clone(),
                window: config.sync_window.clone(),
                deadline: config.sync_deadline,
                vitals: vitals.clone(),
            }),
            journal,
            fold,
            snapshots,
            vitals,
            hook_access: config.hook_access.clone(),
            operator_access: config.operator_access.clone(),
            instance: uuid::Uuid::new_v4().to_string(),
            started_at: clock(),
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
