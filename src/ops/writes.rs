//! Whether the store takes what this instance writes: what becomes of its own commits and leases decides that, and no
//! report of somebody who writes something else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::time::Timestamp;
use crate::journal::{JournalError, Leases};
use crate::platform::clock::Clock;

/// A commit, as an operator is told of it.
pub(crate) const COMMIT: &str = "a commit";

/// What became of the writes of this instance.
pub struct Writes {
    clock: Clock,
    refused: Mutex<Option<Refused>>,
    /// Told of each write that was not taken.
    pub(crate) failed: Notify,
}

/// Writes that were not taken, since the store was last seen to take them.
#[derive(Clone)]
pub(crate) struct Refused {
    /// When the first of them was not.
    pub(crate) since: Timestamp,
    first: Instant,
    last: Instant,
    /// What was not taken, and what the store says to that.
    why: BTreeMap<&'static str, String>,
    /// What is not taken now, as last seen.
    failing: BTreeSet<&'static str>,
}

impl Refused {
    /// For how long writes have failed, from the first to the last.
    pub(crate) fn lasted(&self) -> Duration {
        self.last.saturating_duration_since(self.first)
    }

    /// How long ago the last one failed.
    pub(crate) fn quiet(&self) -> Duration {
        self.last.elapsed()
    }
}

impl Writes {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, refused: Mutex::default(), failed: Notify::new() }
    }

    /// Takes note of what became of a write: `what` is told to an operator. What the store refuses for its content, or
    /// cannot take because its log is lost, says nothing about whether it takes anything.
    pub fn note<T>(&self, what: &'static str, outcome: &Result<T, JournalError>) {
        let Err(error @ JournalError::Unavailable(_)) = outcome else {
            if let (Ok(_), Some(refused)) = (outcome, self.lock().as_mut()) {
                refused.failing.remove(what);
            }
            return;
        };
        let now = Instant::now();
        let why = format!("{what} was not taken: {error}");
        {
            let mut refused = self.lock();
            let refused = refused.get_or_insert_with(|| Refused {
                since: (self.clock)(),
                first: now,
                last: now,
                why: BTreeMap::new(),
                failing: BTreeSet::new(),
            });
            refused.last = now;
            refused.failing.insert(what);
            if refused.why.get(what) != Some(&why) {
                tracing::warn!("{why}");
                refused.why.insert(what, why);
            }
        }
        self.failed.notify_one();
    }

    /// Whether the last such write was taken. A store that takes them now and then is not well, and yet what waits for
    /// it is taken whenever that is possible.
    pub(crate) fn are_taken(&self, what: &'static str) -> bool {
        self.lock().as_ref().is_none_or(|refused| !refused.failing.contains(what))
    }

    /// What was not taken; `None` while everything is.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.lock().clone()
    }

    /// Forgets what was not taken, if that is at least so long ago; says whether it did.
    pub(crate) fn forget_after(&self, quiet: Duration) -> bool {
        self.lock().take_if(|refused| refused.quiet() >= quiet).is_some()
    }

    /// What was not taken, and why: for an operator.
    pub(crate) fn findings(&self) -> Vec<String> {
        self.lock().as_ref().map(|refused| refused.why.values().cloned().collect()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leases, of which it is noted whether they could be asked for.
pub(super) struct NotedLeases {
    pub(super) leases: Arc<dyn Leases>,
    pub(super) writes: Arc<Writes>,
}

#[async_trait]
impl Leases for NotedLeases {
    async fn lease(&self, name: &str, holder: &str, duration: Duration) -> Result<bool, JournalError> {
        let outcome = self.leases.lease(name, holder, duration).await;
        self.writes.note("a lease", &outcome);
        outcome
    }
}
