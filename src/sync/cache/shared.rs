//! The second layer: lists that instances share, kept in the journal for a while.
//!
//! A list is kept with the position of the log at which its load began. Whatever invalidates a list is an entry of the
//! log, and an instance that has folded that entry takes no list from before it: so an invalidated list comes back from nowhere,
//! no matter how late it was stored and by which instance.
//!
//! A store that is slow or away is a miss.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Loaded;
use crate::domain::{EntryId, Timestamp};
use crate::journal::{EXPIRING_BYTES_MAX, ExpiringValues, JournalError, Leases, Store, Versioned};
use crate::ops::vitals::Vitals;

/// The form in which this version writes lists.
const FORM: &str = "1";

/// How long the store is left alone when it did not answer.
const BACKOFF: Duration = Duration::from_secs(1);

/// How long a load is one instance's own. That instance renews it; when it dies the others take over after this time.
const LEASE: Duration = Duration::from_secs(5);

/// Reads how far this instance has folded the log.
pub type Position = Box<dyn Fn() -> EntryId + Send + Sync>;

/// What instances share.
pub struct Shared {
    values: Arc<dyn ExpiringValues>,
    leases: Arc<dyn Leases>,
    position: Position,
    /// Who this instance is, for leases.
    instance: String,
    vitals: Arc<Vitals>,
    /// How long the store may take.
    timeout: Duration,
    /// Until when the store is left alone, while it does not answer.
    away_until: Mutex<Option<Instant>>,
}

/// How one kind of list is named, written and read.
pub struct Form<K, V> {
    /// A name of GUIDs and fixed words: names of keys are seen by those who administer the store.
    pub name: fn(&K) -> String,
    /// Its bytes.
    pub encode: fn(&V) -> Vec<u8>,
    /// The list of these bytes, and about how many it takes in memory; `None` where they are not what is written here.
    pub decode: fn(&[u8]) -> Option<(V, usize)>,
}

/// A list that some instance kept, or is to keep for the others.
pub(super) struct Found<V> {
    pub(super) loaded: Loaded<V>,
    pub(super) as_of: Timestamp,
    /// Where the log was when its load began.
    pub(super) position: EntryId,
}

impl Shared {
    /// What is shared by all that have this store. `position` tells how far this instance has folded its log, and
    /// `timeout` is how long the store may take to answer.
    pub fn new(
        store: &Store,
        position: impl Fn() -> EntryId + Send + Sync + 'static,
        instance: String,
        vitals: Arc<Vitals>,
        timeout: Duration,
    ) -> Self {
        let (position, away_until) = (Box::new(position), Mutex::default());
        let (values, leases) = (store.values.clone(), store.leases.clone());
        Self { values, leases, position, instance, vitals, timeout, away_until }
    }

    pub(super) fn position(&self) -> EntryId {
        (self.position)()
    }

    /// What is kept of a list. What cannot be read is deleted and counts as nothing.
    pub(super) async fn find<K, V>(&self, form: &Form<K, V>, key: &K) -> Option<Found<V>> {
        let name = (form.name)(key);
        let kept = self.ask(self.values.get(&name)).await??;
        let found = decode(form, &kept);
        if found.is_none() {
            self.vitals.lists_undecodable.add(1);
            tracing::warn!(
                list = name,
                "a list in the store is not in the form of this version; it is deleted"
            );
            self.ask(self.values.delete(&name)).await;
        }
        found
    }

    /// Keeps a list for the others.
    pub(super) async fn keep<K, V>(&self, form: &Form<K, V>, key: &K, list: &Found<V>, expiry: Duration) {
        let mut bytes = format!("{FORM} {} ", list.as_of.epoch_ms()).into_bytes();
        bytes.extend((form.encode)(&list.loaded.value));
        if bytes.len() > EXPIRING_BYTES_MAX {
            self.vitals.lists_too_large.add(1);
            return;
        }
        let value = Versioned { version: list.position, value: bytes.into() };
        self.ask(self.values.put(&(form.name)(key), value, expiry)).await;
    }

    /// Whether the load of the list is this instance's, of those that are to be at least as new as `mark`. It is where
    /// the store does not say: to ask the source twice is better than not to ask it.
    pub(super) async fn is_our_turn(&self, name: &str, mark: EntryId) -> bool {
        let name = lease_name(name, mark);
        self.ask(self.leases.lease(&name, &self.instance, LEASE)).await.unwrap_or(true)
    }

    /// Renews our turn for as long as it is waited for.
    pub(super) async fn keep_turn(&self, name: &str, mark: EntryId) -> Infallible {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            self.is_our_turn(name, mark).await;
        }
    }

    /// Lets others have their turn.
    pub(super) async fn done(&self, name: &str, mark: EntryId) {
        self.ask(self.leases.lease(&lease_name(name, mark), &self.instance, Duration::ZERO)).await;
    }

    /// Asks the store for as long as the timeout lasts, and not while it is left alone.
    async fn ask<T>(&self, ask: impl Future<Output = Result<T, JournalError>>) -> Option<T> {
        let until = *self.away_until();
        if until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let why = match tokio::time::timeout(self.timeout, ask).await {
            Ok(Ok(answer)) => {
                if self.away_until().take().is_some() {
                    tracing::info!("the store answers again; lists are shared");
                }
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", self.timeout.as_millis()),
        };
        self.vitals.lists_unshared.add(1);
        if self.away_until().replace(Instant::now() + BACKOFF).is_none() {
            tracing::warn!(why, "lists are not shared with other instances until the store answers");
        }
        None
    }

    fn away_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads that must be of different news are different work: nobody waits for one that began too early to be of use.
fn lease_name(name: &str, mark: EntryId) -> String {
    format!("list:{name}@{mark}")
}

/// Reads the form, when it was asked for, and the list.
fn decode<K, V>(form: &Form<K, V>, kept: &Versioned) -> Option<Found<V>> {
    let mut parts = kept.value.splitn(3, |byte| *byte == b' ');
    let number = parts.next().filter(|number| *number == FORM.as_bytes());
    let as_of = number.and_then(|_| std::str::from_utf8(parts.next()?).ok()?.parse().ok())?;
    let (value, bytes) = (form.decode)(parts.next()?)?;
    let loaded = Loaded { value: Arc::new(value), bytes };
    Some(Found { loaded, as_of: Timestamp::from_epoch_ms(as_of), position: kept.version })
}
