//! A load under way: where a list comes from, in the order store, source, and where it goes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::shared::Found;
use super::state::{Entry, State, due_after_ms};
use super::{Cache, CacheError, Key, Kind, Load, Loaded, RETRY_MS, Result, Second, Served, Shareable};
use crate::domain::{EntryId, Timestamp};
use crate::ops::vitals::ReadOutcome;

/// How long another instance is waited for that loads the same list.
const WAIT_MAX: Duration = Duration::from_secs(15);

/// How often it is looked whether it is done.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// By how much another instance's clock may be ahead of ours before its lists replace none of ours.
const AHEAD_MS_MAX: i64 = 5_000;

/// What those who wait for a load can do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Anything that may be shown: where that is old, what is newer comes behind.
    Any,
    /// What is new.
    Newer,
}

/// Where those who wait for a load are told.
pub(super) type Tell<V, E> = watch::Sender<Option<Result<V, E>>>;

/// A load under way. However it ends, even in a panic, its place is free afterwards.
pub(super) struct UnderWay<K: Key, V: Shareable, E: Shareable> {
    pub(super) cache: Cache<K, V, E>,
    pub(super) key: (Kind, K),
    pub(super) generation: u64,
}

/// What came from the source and is to be kept for others, or was not to be had.
struct Ours<V> {
    /// The lease to give back.
    mark: EntryId,
    list: Option<Found<V>>,
}

impl<K: Key, V: Shareable, E: Shareable> UnderWay<K, V, E> {
    /// Brings the list, tells those who wait, and lets the other instances have it.
    pub(super) async fn run(self, asked_at: Timestamp, need: Need, load: impl Load<V, E>, tell: Tell<V, E>) {
        let (cache, key) = (self.cache.clone(), self.key.clone());
        let (result, ours) = match &cache.0.second {
            None => (self.stored(load.await, asked_at), None),
            Some(second) => self.bring(second, need, load, &tell).await,
        };
        // The place is free before anybody is told, so the next reader begins anew.
        drop(self);
        tell.send_replace(Some(result));
        if let (Some(second), Some(ours)) = (&cache.0.second, ours) {
            cache.share(second, &key, ours).await;
        }
    }

    /// What another instance keeps, or will when it has loaded it; else what the source says.
    async fn bring(
        &self,
        second: &Second<K, V>,
        need: Need,
        load: impl Load<V, E>,
        tell: &Tell<V, E>,
    ) -> (Result<V, E>, Option<Ours<V>>) {
        let inner = &self.cache.0;
        let (mark, is_usable) = {
            let (state, now) = (self.cache.state(), (inner.clock)());
            let is_usable = state.entries.get(&self.key).is_some_and(|entry| entry.is_usable(now));
            (state.mark(&self.key), is_usable)
        };
        if let Some(served) = self.cache.look(second, &self.key).await {
            // Where nothing was to be shown, what is fresh will do; what is to be renewed is not renewed by what is due.
            let is_fresh = served.outcome == ReadOutcome::HitRedis;
            if if is_usable { self.is_of_late(&served) } else { is_fresh } {
                return (Ok(served), None);
            }
            if need == Need::Any && !is_usable {
                tell.send_replace(Some(Ok(served)));
            }
        }
        let name = (second.form.name)(&self.key.1);
        if let Some(served) = self.wait_for_turn(second, &name, mark).await {
            return (Ok(served), None);
        }
        let (as_of, position) = ((inner.clock)(), second.shared.position());
        let loaded = tokio::select! {
            loaded = load => loaded,
            never = second.shared.keep_turn(&name, mark) => match never {},
        };
        let list = loaded.as_ref().ok().map(|loaded| Found { loaded: loaded.clone(), as_of, position });
        (self.stored(loaded, as_of), Some(Ours { mark, list }))
    }

    /// Waits until the load is ours, for a while; or until another instance has brought the list.
    async fn wait_for_turn(&self, second: &Second<K, V>, name: &str, mark: EntryId) -> Option<Served<V>> {
        let give_up_at = Instant::now() + WAIT_MAX;
        loop {
            let is_ours = second.shared.is_our_turn(name, mark).await;
            // The instance that had the turn before us may have kept the list since we looked.
            let found = self.cache.look(second, &self.key).await.filter(|served| self.is_of_late(served));
            if let Some(served) = found {
                if is_ours {
                    second.shared.done(name, mark).await;
                }
                return Some(served);
            }
            if is_ours || Instant::now() >= give_up_at {
                return None;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Whether a list is so new that nobody would renew it.
    fn is_of_late(&self, served: &Served<V>) -> bool {
        served.age_ms < due_after_ms(self.key.0.soft_ttl_ms())
    }

    fn stored(&self, loaded: std::result::Result<Loaded<V>, E>, as_of: Timestamp) -> Result<V, E> {
        match loaded {
            Ok(loaded) => Ok(self.store(loaded, as_of)),
            Err(error) => {
                self.failed();
                Err(CacheError::Load(Arc::new(error)))
            }
        }
    }

    fn is_current(&self, state: &State<K, V, E>) -> bool {
        state.loads.get(&self.key).is_some_and(|load| load.generation == self.generation)
    }

    /// Keeps what was loaded, unless the list was invalidated meanwhile. It is as of the moment it was asked for.
    fn store(&self, loaded: Loaded<V>, as_of: Timestamp) -> Served<V> {
        let inner = &self.cache.0;
        let (now, jitter) = ((inner.clock)(), (inner.jitter)());
        let (value, age_ms) = (loaded.value.clone(), now.ms_since(as_of));
        let served = Served { value, as_of, age_ms, outcome: ReadOutcome::Miss };
        let mut state = self.cache.state();
        if self.is_current(&state) {
            let entry = Entry::new(self.key.0, loaded, as_of, jitter, state.count());
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

impl<K: Key, V: Shareable, E: Shareable> Cache<K, V, E> {
    /// Takes over what another instance keeps, if it is newer than what is kept here, and returns it then.
    pub(super) async fn look(&self, second: &Second<K, V>, key: &(Kind, K)) -> Option<Served<V>> {
        let found = second.shared.find(&second.form, &key.1).await?;
        self.adopt(key, found)
    }

    fn adopt(&self, key: &(Kind, K), found: Found<V>) -> Option<Served<V>> {
        let (now, jitter) = ((self.0.clock)(), (self.0.jitter)());
        // Another instance's clock may be ahead of ours. Its list is not from the future, and must not be fresh again
        // each time it is looked at.
        let as_of = found.as_of.min(now);
        let is_ahead = found.as_of.ms_since(now) > AHEAD_MS_MAX;
        let mut state = self.state();
        let is_newer = state.entries.get(key).is_none_or(|entry| {
            entry.outdated || !entry.is_usable(now) || (entry.as_of < as_of && !is_ahead)
        });
        if found.position < state.mark(key) || !is_newer {
            return None;
        }
        let value = found.loaded.value.clone();
        let entry = Entry { looked_at: now, ..Entry::new(key.0, found.loaded, as_of, jitter, state.count()) };
        if !entry.is_usable(now) {
            return None;
        }
        let outcome = if entry.is_fresh(now) { ReadOutcome::HitRedis } else { ReadOutcome::Stale };
        let served = Served { value, as_of, age_ms: entry.age_ms(now), outcome };
        state.insert(key.clone(), entry, self.0.limits, now);
        Some(served)
    }

    /// Lets the other instances have what was loaded, unless it was invalidated meanwhile, and their turn.
    async fn share(&self, second: &Second<K, V>, key: &(Kind, K), ours: Ours<V>) {
        if let Some(list) = ours.list {
            let age_ms = (self.0.clock)().ms_since(list.as_of);
            let left_ms = u64::try_from(key.0.hard_ttl_ms() - age_ms).unwrap_or(0);
            let is_wanted = list.position >= self.state().mark(key);
            if is_wanted && left_ms > 0 {
                second.shared.keep(&second.form, &key.1, &list, Duration::from_millis(left_ms)).await;
            }
        }
        second.shared.done(&(second.form.name)(&key.1), ours.mark).await;
    }
}

impl<K: Key, V: Shareable, E: Shareable> Drop for UnderWay<K, V, E> {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        if self.is_current(&state) {
            state.loads.remove(&self.key);
        }
    }
}
