//! Lists that were fetched: read through, in the order memory, store, source; one load at a time for each, of all
//! instances where they share a store; served while they are renewed.
//!
//! The generation of a list is the number of the load that may store it. To invalidate a list takes that right from
//! the load under way, which began before the change and may have read what was there before it. Between instances the
//! position of the log does the same (see `shared`).

mod kind;
mod load;
mod shared;
mod state;

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::{EntryId, Timestamp};
use crate::ops::vitals::ReadOutcome;
use crate::platform::clock::Clock;

pub use kind::Kind;
use load::{Need, UnderWay};
pub use shared::{Form, Position, Shared};
use state::{State, Waited, due_after_ms};

/// How long after a load that failed a list that is there is served without another attempt.
pub const RETRY_MS: i64 = 5_000;

/// What an entry takes beside its value.
const ENTRY_BYTES: usize = 256;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lists.
    pub entries: usize,
    /// Bytes, of values and of what goes with them.
    pub bytes: usize,
}

/// What a load brings.
#[derive(Debug)]
pub struct Loaded<V> {
    /// The list. That the source has nothing is an empty one.
    pub value: Arc<V>,
    /// About how many bytes it takes.
    pub bytes: usize,
}

impl<V> Clone for Loaded<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ..*self }
    }
}

/// A list as it is served.
#[derive(Debug)]
pub struct Served<V> {
    /// The list.
    pub value: Arc<V>,
    /// When it was asked for at its source.
    pub as_of: Timestamp,
    /// How old it is.
    pub age_ms: i64,
    /// How it was served.
    pub outcome: ReadOutcome,
}

impl<V> Clone for Served<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ..*self }
    }
}

/// Why a list could not be served.
#[derive(Debug)]
pub enum CacheError<E> {
    /// Its load failed.
    Load(Arc<E>),
    /// Its load ended without a result.
    Abandoned,
}

impl<E> Clone for CacheError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(error.clone()),
            Self::Abandoned => Self::Abandoned,
        }
    }
}

/// A number from 0 to 1 at each call, by which lists that were stored together expire apart.
pub type Jitter = Box<dyn Fn() -> f64 + Send + Sync>;

type Result<V, E> = std::result::Result<Served<V>, CacheError<E>>;
type Waiting<V, E> = watch::Receiver<Option<Result<V, E>>>;

/// What threads may share for as long as they like.
pub trait Shareable: Send + Sync + 'static {}
impl<T: Send + Sync + 'static> Shareable for T {}

/// What names a list among those of its kind.
pub trait Key: Clone + Eq + Hash + Shareable {}
impl<T: Clone + Eq + Hash + Shareable> Key for T {}

/// A load that has not begun. It brings its own deadline: readers wait for as long as it takes.
pub trait Load<V, E>: Future<Output = std::result::Result<Loaded<V>, E>> + Send + 'static {}
impl<V, E, F: Future<Output = std::result::Result<Loaded<V>, E>> + Send + 'static> Load<V, E> for F {}

/// The cache. It is cheap to clone, and all clones are the same one.
pub struct Cache<K, V, E>(Arc<Inner<K, V, E>>);

impl<K, V, E> Clone for Cache<K, V, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<K, V, E> {
    limits: Limits,
    clock: Clock,
    jitter: Jitter,
    state: Mutex<State<K, V, E>>,
    second: Option<Second<K, V>>,
}

/// Where lists are shared with other instances, and in which form.
struct Second<K, V> {
    shared: Arc<Shared>,
    form: Form<K, V>,
}

impl<K: Key, V: Shareable, E: Shareable> Cache<K, V, E> {
    /// An empty cache over what instances share, if they share anything.
    pub fn new(
        limits: Limits,
        clock: Clock,
        jitter: Jitter,
        shared: Option<Arc<Shared>>,
        form: Form<K, V>,
    ) -> Self {
        let second = shared.map(|shared| Second { shared, form });
        Self(Arc::new(Inner { limits, clock, jitter, state: Mutex::new(State::new()), second }))
    }

    /// Reads a list. What is fresh is served; what is older is served too, and renewed behind the reader's back; for
    /// what is missing or too old the reader waits. A reader that needs a load that is under way waits for that one.
    ///
    /// Errors: it had to be loaded, and that failed. Nothing is forgotten by it.
    pub async fn read(&self, kind: Kind, key: &K, load: impl Load<V, E>) -> Result<V, E> {
        let now = (self.0.clock)();
        let key = (kind, key.clone());
        if let Some(second) = self.0.second.as_ref().filter(|_| self.look_is_due(&key, now))
            && let Some(served) = self.look(second, &key).await
        {
            return Ok(served);
        }
        let waiting = {
            let mut state = self.state();
            if let Some(served) = state.serve(&key, now) {
                let is_stale = served.outcome == ReadOutcome::Stale;
                if is_stale && state.entries.get(&key).is_some_and(|entry| entry.may_be_renewed(now)) {
                    self.load(&mut state, key, now, Need::Any, load);
                }
                return Ok(served);
            }
            self.load(&mut state, key, now, Need::Any, load)
        };
        self.result(waiting).await
    }

    /// Whether what is kept here is fresh, and it is time to look whether another instance has something newer all the
    /// same.
    fn look_is_due(&self, key: &(Kind, K), now: Timestamp) -> bool {
        let mut state = self.state();
        state.entries.get_mut(key).is_some_and(|entry| entry.is_fresh(now) && entry.look_is_due(now))
    }

    /// What is kept of a list, however old it may be within its time; nothing is loaded.
    pub fn peek(&self, kind: Kind, key: &K) -> Option<Served<V>> {
        let now = (self.0.clock)();
        self.state().serve(&(kind, key.clone()), now)
    }

    /// Loads a list however fresh it is, or waits for the load under way, and returns what is new. Until then readers
    /// are served what there is.
    ///
    /// Errors: the load failed. Nothing is forgotten by it.
    pub async fn refresh(&self, kind: Kind, key: &K, load: impl Load<V, E>) -> Result<V, E> {
        let now = (self.0.clock)();
        let waiting = self.load(&mut self.state(), (kind, key.clone()), now, Need::Newer, load);
        self.result(waiting).await
    }

    /// Whether a list that somebody watches is due to be renewed, ahead of the moment when it is no longer fresh.
    pub fn wants_refresh(&self, kind: Kind, key: &K) -> bool {
        let now = (self.0.clock)();
        let state = self.state();
        let key = (kind, key.clone());
        !state.loads.contains_key(&key)
            && state.entries.get(&key).is_none_or(|entry| {
                let due = entry.outdated || entry.age_ms(now) >= due_after_ms(entry.soft_ms);
                due && entry.may_be_renewed(now)
            })
    }

    /// Something changed by the entry `changed_by` of the log: what there is of the list is no longer fresh, though it
    /// is served here until something newer is there, and what a load from before it brings is not kept, nor taken over
    /// from an instance that kept it.
    pub fn invalidate(&self, kind: Kind, key: &K, changed_by: EntryId) {
        let now = (self.0.clock)();
        self.state().invalidate(&(kind, key.clone()), changed_by, now);
    }

    fn state(&self) -> MutexGuard<'_, State<K, V, E>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn result(&self, mut waiting: Waiting<V, E>) -> Result<V, E> {
        let result = waiting.wait_for(Option::is_some).await.ok().and_then(|result| result.clone());
        let served = result.unwrap_or(Err(CacheError::Abandoned))?;
        Ok(Served { age_ms: (self.0.clock)().ms_since(served.as_of), ..served })
    }

    /// The load under way, or a new one. It is a task of its own: a reader who gives up takes it from nobody.
    fn load(
        &self,
        state: &mut State<K, V, E>,
        key: (Kind, K),
        now: Timestamp,
        need: Need,
        load: impl Load<V, E>,
    ) -> Waiting<V, E> {
        if let Some(load) = state.loads.get(&key) {
            return load.waiting.clone();
        }
        let generation = state.count();
        let (tell, waiting) = watch::channel(None);
        state.loads.insert(key.clone(), Waited { generation, waiting: waiting.clone() });
        let under_way = UnderWay { cache: self.clone(), key, generation };
        tokio::spawn(under_way.run(now, need, load, tell));
        waiting
    }
}

#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;
