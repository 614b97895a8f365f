//! Numbers and moments that any thread may change at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many of something there are. It can only be raised by a guard, which lowers it when it is dropped, so it
/// returns to 0 whatever ends what was counted.
#[derive(Debug, Default)]
pub struct Gauge(pub(super) AtomicU64);

impl Gauge {
    /// How many there are.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A value as it was last said.
#[derive(Debug, Default)]
pub struct Latest<Value>(Mutex<Value>);

impl<Value: Copy + Ord> Latest<Value> {
    /// It is `value` now.
    pub fn set(&self, value: Value) {
        *self.lock() = value;
    }

    /// It is `value` now unless it is greater: what is told late does not set it back.
    pub fn raise(&self, value: Value) {
        let mut latest = self.lock();
        *latest = value.max(*latest);
    }

    /// What it is.
    pub fn value(&self) -> Value {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
