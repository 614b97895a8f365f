//! The composition root: the one file that names the parts together and wires them up.

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::{self, Clock};
use crate::config::Config;
use crate::devops::credentials::HookAccess;
use crate::domain::authorise::AllowedProjects;
use crate::fold::Fold;
use crate::hub::{Hub, RingLimits};
use crate::ingest::Ingest;
use crate::relay::Relay;
use crate::snapshot::Snapshots;
use crate::store::Journal;
use crate::store::memory::MemoryJournal;
use crate::stream::Streams;
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
    /// Counters.
    pub vitals: Arc<Vitals>,
    /// Who may post hooks.
    pub hook_access: HookAccess,
    /// The projects that are served.
    pub projects: AllowedProjects,
    /// The time.
    pub clock: Clock,
    /// Whether the Functions host runs us.
    pub under_host: bool,
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
        let hub = Arc::new(Hub::new(ring));
        let vitals = Arc::new(Vitals::default());
        let demo = false;
        let snapshots = Arc::new(Snapshots::new(fold.clone(), clock.clone(), config.projects.clone(), demo));
        let (stopping, stopping_seen) = watch::channel(false);
        let relay =
            Relay { journal: journal.clone(), fold: fold.clone(), hub: hub.clone(), vitals: vitals.clone() };
        tokio::spawn(relay.run());
        Self(Arc::new(Parts {
            ingest: Ingest { journal: journal.clone(), fold: fold.clone(), clock: clock.clone(), demo },
            streams: Arc::new(Streams {
                journal: journal.clone(),
                fold: fold.clone(),
                hub,
                snapshots: snapshots.clone(),
                vitals: vitals.clone(),
                clock: clock.clone(),
                heartbeat: config.heartbeat,
                demo,
                stopping: stopping_seen,
            }),
            journal,
            fold,
            snapshots,
            vitals,
            hook_access: config.hook_access.clone(),
            projects: config.projects.clone(),
            clock,
            under_host: config.under_host,
            stopping,
        }))
    }

    /// Ends every stream.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }
}
