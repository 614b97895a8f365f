//! Which boards people watch: on a stream, or by reading one again and again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::board::filter::ScopeFilter;
use crate::domain::scope::Scope;
use crate::domain::target::WORK_ITEMS_FRESH_MS;
use crate::domain::time::Timestamp;

/// Who watches boards by this instance.
#[derive(Debug, Default)]
pub struct Watched(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many open streams ask for the same boards.
    streams: HashMap<ScopeFilter, usize>,
    /// When each board was last read, as long as its reader counts as watching.
    reads: BTreeMap<Scope, Timestamp>,
}

impl State {
    fn forget(&mut self, now: Timestamp) {
        self.reads.retain(|_, read_at| now.ms_since(*read_at) < WORK_ITEMS_FRESH_MS);
    }
}

/// A stream that shows boards for as long as it lives.
#[derive(Debug)]
pub struct WatchingStream {
    watched: Arc<Watched>,
    filter: ScopeFilter,
}

impl Watched {
    /// A stream is open that asks for these boards.
    pub fn stream(self: &Arc<Self>, filter: ScopeFilter) -> WatchingStream {
        *self.lock().streams.entry(filter.clone()).or_default() += 1;
        WatchingStream { watched: self.clone(), filter }
    }

    /// A board was read. Its reader counts as watching it until that is as long ago as work items may be old: who asks
    /// again before that never sees them older, and who does not has gone.
    pub fn read(&self, scope: Scope, now: Timestamp) {
        self.lock().reads.insert(scope, now);
    }

    /// Whether nobody is remembered to watch anything.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.streams.is_empty() && state.reads.is_empty()
    }

    /// Whether anybody watches any board.
    pub fn is_any(&self, now: Timestamp) -> bool {
        let mut state = self.lock();
        state.forget(now);
        !state.streams.is_empty() || !state.reads.is_empty()
    }

    /// What open streams ask for, and the boards that were read of late.
    pub fn all(&self, now: Timestamp) -> (Vec<ScopeFilter>, Vec<Scope>) {
        let mut state = self.lock();
        state.forget(now);
        (state.streams.keys().cloned().collect(), state.reads.keys().copied().collect())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WatchingStream {
    fn drop(&mut self) {
        let mut state = self.watched.lock();
        if let Some(count) = state.streams.get_mut(&self.filter) {
            *count -= 1;
            if *count == 0 {
                state.streams.remove(&self.filter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::NameOrId;
    use crate::domain::testing::project;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_epoch_ms(ms)
    }

    #[test]
    fn s12_a_stream_watches_until_it_ends_and_a_reader_for_as_long_as_data_may_be_old() {
        let watched = Arc::new(Watched::default());
        assert!(!watched.is_any(at(0)));
        let web =
            ScopeFilter { teams: NameOrId::parse("Web").into_iter().collect(), ..ScopeFilter::default() };
        let streams = [web.clone(), web.clone()].map(|filter| watched.stream(filter));
        assert_eq!(watched.all(at(0)), (vec![web], vec![]));
        drop(streams);
        assert!(!watched.is_any(at(0)));
        let scope = Scope::project(project());
        watched.read(scope, at(5));
        assert_eq!(watched.all(at(300_004)), (vec![], vec![scope]));
        assert!(!watched.is_any(at(300_005)));
    }
}
