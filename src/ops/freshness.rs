//! How fresh the boards are that people watch: looked at every ten seconds, since what is on a wall grows old while nobody
//! asks for it.

use std::sync::Arc;
use std::time::Duration;

use crate::board::snapshot::Snapshots;
use crate::domain::level::Level;
use crate::domain::target::Target;
use crate::domain::time::Timestamp;
use crate::ops::instance::Instance;

/// How often it is looked whether it is time. Clocks are set, and machines sleep.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How often each board that is watched is a sample.
const EVERY_MS: i64 = 10_000;

/// Measures the freshness of what is watched by this instance; never returns.
pub async fn keep_measuring(instance: Instance, snapshots: Arc<Snapshots>) {
    let number = |now: Timestamp| now.epoch_ms().div_euclid(EVERY_MS);
    let mut last = None;
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        if instance.watched.is_idle() {
            last = None;
            continue;
        }
        let now = (instance.clock)();
        if last.replace(number(now)).is_some_and(|last| last != number(now)) {
            measure(&instance, &snapshots, now);
        }
    }
}

/// A board that claims no number shows nothing that could be old, and one that hooks alone tell of has no age.
fn measure(instance: &Instance, snapshots: &Snapshots, now: Timestamp) {
    let (filters, read) = instance.watched.all(now);
    let state = instance.fold.read();
    for scope in state.known().filter(|scope| state.level_here(*scope) <= Level::Cached) {
        let is_shown = || filters.iter().any(|filter| snapshots.admits(&state, filter, scope));
        if !read.contains(&scope) && !is_shown() {
            continue;
        }
        let ages = [
            (Target::WorkItemsFreshness, state.compared_at(scope)),
            (Target::SprintsFreshness, state.sprints_as_of(scope)),
        ];
        for (target, as_of) in ages {
            if let Some(as_of) = as_of {
                instance.vitals.measure(target, now, now.ms_since(as_of));
            }
        }
    }
}
