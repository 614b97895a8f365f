//! Lists that were fetched, kept in memory: read through, one load at a time for each, served while it is renewed.
//!
//! The generation of a list is the number of the load that may store it. To invalidate a list takes that right from
//! the load under way, which began before the change and may have read what was there before it.

mod kind;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::vitals::ReadOutcome;

pub use kind::{Kind, NEGATIVE_TTL_MS};

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
#[derive(Clone, Debug)]
pub struct Loaded<V> {
    /// The list; `None` when there is none.
    pub value: Option<Arc<V>>,
    /// About how many bytes it takes.
    pub bytes: usize,
}

/// A list as it is served.
#[derive(Debug)]
pub struct Served<V> {
    /// The list; `None` when there is none.
    pub value: Option<Arc<V>>,
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

impl<E: fmt::Display> fmt::Display for CacheError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::Abandoned => f.write_str("a list's load ended without a result"),
        }
    }
}

/// A number from 0 to 1 at each call, by which lists that were stored together expire apart.
pub type Jitter = Box<dyn Fn() -> f64 + Send + Sync>;

type Result<V, E> = std::result::Result<Served<V>, CacheError<E>>;
type Waiting<V, E> = watch::Receiver<Option<Result<V, E>>>;

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
}

struct State<K, V, E> {
    entries: HashMap<(Kind, K), Entry<V>>,
    /// The entries by when they were last used, the least recent first.
    by_use: BTreeMap<u64, (Kind, K)>,
    bytes: usize,
    /// The load under way for each list, if it may still store what it brings.
    loads: HashMap<(Kind, K), Load<V, E>>,
    /// Counts uses and loads.
    counter: u64,
}

struct Entry<V> {
    value: Option<Arc<V>>,
    bytes: usize,
    as_of: Timestamp,
    soft_ms: i64,
    hard_ms: i64,
    /// It was invalidated: what it says may no longer be so.
    outdated: bool,
    /// Not to be renewed before, because that failed just now.
    retry_at: Option<Timestamp>,
    used: u64,
}

struct Load<V, E> {
    generation: u64,
    waiting: Waiting<V, E>,
}

impl<V> Entry<V> {
    fn age_ms(&self, now: Timestamp) -> i64 {
        now.ms_since(self.as_of)
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        !self.outdated && self.age_ms(now) < self.soft_ms
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        self.age_ms(now) < self.hard_ms
    }

    fn may_be_renewed(&self, now: Timestamp) -> bool {
        // A clock that was set back must not put it off for long.
        self.retry_at.is_none_or(|at| now >= at || at.ms_since(now) > RETRY_MS)
    }
}

impl<K, V, E> Cache<K, V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// An empty cache.
    pub fn new(limits: Limits, clock: Clock, jitter: Jitter) -> Self {
        let state = State {
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            bytes: 0,
            loads: HashMap::new(),
            counter: 0,
        };
        Self(Arc::new(Inner { limits, clock, jitter, state: Mutex::new(state) }))
    }

    /// Reads a list. What is fresh is served; what is older is served too, and renewed behind the reader's back; for
    /// what is missing or too old the reader waits. Whoever needs a load that is under way waits for that one.
    ///
    /// A load brings its own deadline: readers wait for as long as it takes.
    ///
    /// Errors: it had to be loaded, and that failed. Nothing is forgotten by it.
    pub async fn read<F>(
        &self,
        kind: Kind,
        key: &K,
        load: impl FnOnce() -> F + Send + 'static,
    ) -> std::result::Result<Served<V>, CacheError<E>>
    where
        F: Future<Output = std::result::Result<Loaded<V>, E>> + Send + 'static,
    {
        let waiting = {
            let now = (self.0.clock)();
            let key = (kind, key.clone());
            let mut state = self.state();
            let served = state.serve(&key, now);
            match served {
                Some(served) if served.outcome == ReadOutcome::HitMemory => return Ok(served),
                Some(served) => {
                    if state.entries.get(&key).is_some_and(|entry| entry.may_be_renewed(now)) {
                        self.load(&mut state, key, now, load);
                    }
                    return Ok(served);
                }
                None => self.load(&mut state, key, now, load),
            }
        };
        self.result(waiting).await
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
    pub async fn refresh<F>(
        &self,
        kind: Kind,
        key: &K,
        load: impl FnOnce() -> F + Send + 'static,
    ) -> std::result::Result<Served<V>, CacheError<E>>
    where
        F: Future<Output = std::result::Result<Loaded<V>, E>> + Send + 'static,
    {
        let now = (self.0.clock)();
        let waiting = self.load(&mut self.state(), (kind, key.clone()), now, load);
        self.result(waiting).await
    }

    /// Whether a list that somebody watches is due to be renewed, ahead of the moment when it is no longer fresh.
    pub fn wants_refresh(&self, kind: Kind, key: &K) -> bool {
        let now = (self.0.clock)();
        let state = self.state();
        let key = (kind, key.clone());
        !state.loads.contains_key(&key)
            && state.entries.get(&key).is_none_or(|entry| {
                let due = entry.outdated || entry.age_ms(now) >= entry.soft_ms / 5 * 4;
                due && entry.may_be_renewed(now)
            })
    }

    /// Something changed: what there is of the list is no longer fresh, though it is served until something newer is
    /// there, and what a load under way brings is not kept.
    pub fn invalidate(&self, kind: Kind, key: &K) {
        self.invalidate_where(|of, named| of == kind && named == key);
    }

    /// The same for every list that `is_concerned`.
    pub fn invalidate_where(&self, is_concerned: impl Fn(Kind, &K) -> bool) {
        let mut state = self.state();
        state.loads.retain(|(kind, key), _| !is_concerned(*kind, key));
        for ((kind, key), entry) in &mut state.entries {
            if is_concerned(*kind, key) {
                entry.outdated = true;
                entry.retry_at = None;
            }
        }
    }

    /// Removes what is too old to be shown.
    pub fn sweep(&self) {
        let now = (self.0.clock)();
        self.state().sweep(now);
    }

    /// How much is kept now.
    pub fn size(&self) -> Limits {
        let state = self.state();
        Limits { entries: state.entries.len(), bytes: state.bytes }
    }

    fn state(&self) -> MutexGuard<'_, State<K, V, E>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn result(&self, mut waiting: Waiting<V, E>) -> std::result::Result<Served<V>, CacheError<E>> {
        match waiting.wait_for(Option::is_some).await {
            Ok(result) => match &*result {
                Some(result) => {
                    let now = (self.0.clock)();
                    result.clone().map(|served| Served { age_ms: now.ms_since(served.as_of), ..served })
                }
                None => Err(CacheError::Abandoned),
            },
            Err(_) => Err(CacheError::Abandoned),
        }
    }

    /// The load under way, or a new one. It is a task of its own: a reader who gives up takes it from nobody.
    fn load<F>(
        &self,
        state: &mut State<K, V, E>,
        key: (Kind, K),
        now: Timestamp,
        load: impl FnOnce() -> F + Send + 'static,
    ) -> Waiting<V, E>
    where
        F: Future<Output = std::result::Result<Loaded<V>, E>> + Send + 'static,
    {
        if let Some(load) = state.loads.get(&key) {
            return load.waiting.clone();
        }
        let generation = state.count();
        let (tell, waiting) = watch::channel(None);
        state.loads.insert(key.clone(), Load { generation, waiting: waiting.clone() });
        let under_way = UnderWay { cache: self.clone(), key, generation };
        tokio::spawn(async move {
            let result = match load().await {
                Ok(loaded) => Ok(under_way.store(loaded, now)),
                Err(error) => {
                    under_way.failed();
                    Err(CacheError::Load(Arc::new(error)))
                }
            };
            // The place is free before anybody is told, so whoever reads next begins anew.
            drop(under_way);
            tell.send_replace(Some(result));
        });
        waiting
    }
}

/// A load under way. However it ends, even in a panic, its place is free afterwards.
struct UnderWay<K, V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    cache: Cache<K, V, E>,
    key: (Kind, K),
    generation: u64,
}

impl<K, V, E> UnderWay<K, V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn is_current(&self, state: &State<K, V, E>) -> bool {
        state.loads.get(&self.key).is_some_and(|load| load.generation == self.generation)
    }

    /// Keeps what was loaded, unless the list was invalidated meanwhile. It is as of the moment it was asked for.
    fn store(&self, loaded: Loaded<V>, as_of: Timestamp) -> Served<V> {
        let inner = &self.cache.0;
        let now = (inner.clock)();
        let spread = (inner.jitter)();
        let served = Served {
            value: loaded.value.clone(),
            as_of,
            age_ms: now.ms_since(as_of),
            outcome: ReadOutcome::Miss,
        };
        let mut state = self.cache.state();
        if self.is_current(&state) {
            let kind = self.key.0;
            let (soft, hard) = match loaded.value {
                Some(_) => (kind.soft_ttl_ms(), kind.hard_ttl_ms()),
                None => (NEGATIVE_TTL_MS, NEGATIVE_TTL_MS),
            };
            let (soft_ms, hard_ms) = (spread_out(soft, spread), spread_out(hard, spread).max(hard));
            let entry = Entry {
                value: loaded.value,
                bytes: loaded.bytes.saturating_add(ENTRY_BYTES),
                as_of,
                soft_ms,
                hard_ms,
                outdated: false,
                retry_at: None,
                used: state.count(),
            };
            state.insert(self.key.clone(), entry, inner.limits, now);
        }
        served
    }

    fn failed(&self) {
        let now = (self.cache.0.clock)();
        let mut state = self.cache.state();
        if self.is_current(&state)
            && let Some(entry) = state.entries.get_mut(&self.key)
        {
            entry.retry_at = Some(Timestamp::from_epoch_ms(now.epoch_ms().saturating_add(RETRY_MS)));
        }
    }
}

impl<K, V, E> Drop for UnderWay<K, V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn drop(&mut self) {
        let mut state = self.cache.state();
        if self.is_current(&state) {
            state.loads.remove(&self.key);
        }
    }
}

/// `ms`, or up to a tenth less or more.
fn spread_out(ms: i64, jitter: f64) -> i64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "it is at most a few days, and what is no number becomes 0"
    )]
    let more = (ms as f64 * 0.2 * jitter.clamp(0.0, 1.0)) as i64;
    ms - ms / 10 + more
}

impl<K: Clone + Eq + Hash, V, E> State<K, V, E> {
    const fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// What is kept of a list, unless it is too old to be shown.
    fn serve(&mut self, key: &(Kind, K), now: Timestamp) -> Option<Served<V>> {
        let used = self.count();
        let entry = self.entries.get_mut(key).filter(|entry| entry.is_usable(now))?;
        self.by_use.remove(&entry.used);
        entry.used = used;
        self.by_use.insert(used, key.clone());
        let outcome = if entry.is_fresh(now) { ReadOutcome::HitMemory } else { ReadOutcome::Stale };
        Some(Served { value: entry.value.clone(), as_of: entry.as_of, age_ms: entry.age_ms(now), outcome })
    }

    fn insert(&mut self, key: (Kind, K), entry: Entry<V>, limits: Limits, now: Timestamp) {
        self.remove(&key);
        if entry.bytes > limits.bytes || limits.entries == 0 {
            // It would push out everything else, and then itself.
            return;
        }
        self.bytes += entry.bytes;
        self.by_use.insert(entry.used, key.clone());
        self.entries.insert(key, entry);
        if self.is_over(limits) {
            self.sweep(now);
        }
        while self.is_over(limits) {
            let Some((_, least_recent)) = self.by_use.first_key_value() else {
                return;
            };
            let least_recent = least_recent.clone();
            self.remove(&least_recent);
        }
    }

    fn is_over(&self, limits: Limits) -> bool {
        self.entries.len() > limits.entries || self.bytes > limits.bytes
    }

    fn remove(&mut self, key: &(Kind, K)) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        let expired = self.entries.iter().filter(|(_, entry)| !entry.is_usable(now));
        for key in expired.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
