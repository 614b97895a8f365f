//! This instance: what the parts of one running process have in common.

use std::sync::Arc;

use crate::board::fold::Fold;
use crate::domain::authorise::AllowedProjects;
use crate::domain::owner::Owner;
use crate::journal::{Journal, Leases, Store};
use crate::ops::vitals::Vitals;
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
    /// The time: the machine's, or a test's.
    pub clock: Clock,
    /// Counters.
    pub vitals: Arc<Vitals>,
    /// Whether the organisation is simulated, which every event then says.
    pub demo: bool,
    /// The projects that are served: nothing of another one is kept.
    pub projects: Arc<AllowedProjects>,
}

impl Instance {
    /// A new instance over that store, which has folded nothing yet.
    pub fn new(store: &Store, owner: Owner, clock: Clock, demo: bool) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string().into(),
            owner: Arc::new(owner),
            journal: store.journal.clone(),
            leases: store.leases.clone(),
            fold: Arc::default(),
            clock,
            vitals: Arc::default(),
            demo,
            projects: Arc::default(),
        }
    }
}
