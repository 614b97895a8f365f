//! Numbers and moments that any thread may change at any time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::level::Level;
use crate::domain::time::Timestamp;

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

/// When something last happened. It never goes back, in whatever order the times are reported.
#[derive(Debug)]
pub struct TimeGauge(AtomicI64);

/// No instant that ever happens, so that "never" needs no lock.
const NEVER: i64 = i64::MIN;

impl Default for TimeGauge {
    fn default() -> Self {
        Self(AtomicI64::new(NEVER))
    }
}

impl TimeGauge {
    /// It happened at `at`.
    pub fn set(&self, at: Timestamp) {
        self.0.fetch_max(at.epoch_ms(), Ordering::Relaxed);
    }

    /// When it last happened; `None` while it never did.
    pub fn value(&self) -> Option<Timestamp> {
        Some(self.0.load(Ordering::Relaxed)).filter(|ms| *ms != NEVER).map(Timestamp::from_epoch_ms)
    }
}

/// The worst level of the organisation's parts, where there is no board to say it.
#[derive(Debug, Default)]
pub struct SourceLevel(Mutex<Level>);

impl SourceLevel {
    /// The level is `level` now.
    pub fn set(&self, level: Level) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = level;
    }

    /// The level as it was last set.
    pub fn value(&self) -> Level {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When something was, as it was last seen; unlike a [`TimeGauge`] it may go back, or be nothing again.
#[derive(Debug)]
pub struct Latest(AtomicI64);

impl Default for Latest {
    fn default() -> Self {
        Self(AtomicI64::new(NEVER))
    }
}

impl Latest {
    /// It is `at` now.
    pub fn set(&self, at: Option<Timestamp>) {
        self.0.store(at.map_or(NEVER, Timestamp::epoch_ms), Ordering::Relaxed);
    }

    /// What it is.
    pub fn value(&self) -> Option<Timestamp> {
        Some(self.0.load(Ordering::Relaxed)).filter(|ms| *ms != NEVER).map(Timestamp::from_epoch_ms)
    }
}
