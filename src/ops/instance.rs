//! This instance: what the parts of one running process have in common.

use std::sync::Arc;

use crate::board::fold::Fold;
use crate::board::projection::Projection;
use crate::domain::authorise::AllowedBoards;
use crate::domain::level::Level;
use crate::domain::owner::Owner;
use crate::domain::time::Timestamp;
use crate::domain::wire::view::Outage;
use crate::journal::{Journal, Leases, Store};
use crate::ops::tasks::Tasks;
use crate::ops::vitals::Vitals;
use crate::ops::watched::Watched;
use crate::ops::writes::{NotedLeases, Writes};
use crate::platform::clock::Clock;

/// What every part of an instance works with. Cheap to clone.
#[derive(Clone)]
pub struct Instance {
    /// The random id of this process, by which it is told from others in leases, reports and figures.
    pub id: Arc<str>,
    /// Whose boards it keeps.
    pub owner: Arc<Owner>,
    /// The records and the log that it shares with other instances.
    pub journal: Arc<dyn Journal>,
    /// By which instances spare each other double work.
    pub leases: Arc<dyn Leases>,
    /// The boards, as this instance has folded them. Written by the relay alone.
    pub fold: Arc<Fold>,
    /// The time: by the clock that all instances of the journal share, so that none that goes wrong ages, rolls over or
    /// forgets what the others show.
    pub clock: Clock,
    /// Whether the store takes what this instance writes.
    pub writes: Arc<Writes>,
    /// The tasks that live as long as this process.
    pub tasks: Arc<Tasks>,
    /// Counters.
    pub vitals: Arc<Vitals>,
    /// Which boards people watch by this instance.
    pub watched: Arc<Watched>,
    /// Whether the organisation is simulated, which every event then says.
    pub demo: bool,
    /// The boards that are served: nothing of another project is kept, and nothing of another team is shown.
    pub allowed: Arc<AllowedBoards>,
}

impl Instance {
    /// A new instance over that store, which has folded nothing yet.
    pub fn new(store: &Store, owner: Owner, machine: Clock, demo: bool) -> Self {
        let journal = store.journal.clone();
        let ahead_ms = move || journal.clock_ahead_ms().unwrap_or(0);
        let clock: Clock =
            Arc::new(move || Timestamp::from_epoch_ms(machine().epoch_ms().saturating_add(ahead_ms())));
        let writes = Arc::new(Writes::new(clock.clone()));
        let leases = NotedLeases { leases: store.leases.clone(), writes: writes.clone() };
        Self {
            id: uuid::Uuid::new_v4().to_string().into(),
            owner: Arc::new(owner),
            journal: store.journal.clone(),
            leases: Arc::new(leases),
            fold: Arc::default(),
            clock,
            writes,
            tasks: Arc::default(),
            vitals: Arc::default(),
            watched: Arc::default(),
            demo,
            allowed: Arc::default(),
        }
    }

    /// The level of the organisation as a whole, and why it is no better: all there is to say where no board is known.
    pub fn whole(&self, state: &Projection) -> (Level, Option<Outage>) {
        state.whole(self.vitals.source_level.value())
    }

    /// Runs a task for as long as the process; see `Tasks::supervise`.
    pub fn supervise<T: Future<Output = ()> + Send + 'static>(
        &self,
        name: &'static str,
        start: impl Fn() -> T + Send + 'static,
    ) {
        self.tasks.supervise(&self.vitals, name, start);
    }
}
