//! Every counter and gauge by name. Whatever is lost, refused or left out is counted here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
pub struct Gauge(AtomicU64);

impl Gauge {
    /// How many there are.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of this process.
#[derive(Debug, Default)]
pub struct Vitals {
    /// Open streams.
    pub streams: Gauge,
    /// Streams that were opened.
    pub streams_opened: Counter,
    /// Streams that went on from their cursor.
    pub streams_resumed: Counter,
    /// Streams that came with a cursor from which they could not go on.
    pub gaps: Counter,
    /// Readers that were too slow and were closed.
    pub readers_slow: Counter,
    /// Times the log no longer held our position.
    pub logs_lost: Counter,
    /// Records and entries that could not be decoded.
    pub entries_undecodable: Counter,
    /// Hooks that were committed.
    pub hooks_applied: Counter,
    /// Hooks that told nothing new.
    pub hooks_known: Counter,
    /// Hooks that change no board.
    pub hooks_ignored: Counter,
    /// Test notifications.
    pub hooks_test: Counter,
    /// Payloads of no use.
    pub hooks_dead_letter: Counter,
    /// Hooks with no or a wrong secret.
    pub hooks_denied: Counter,
    /// Hooks that could not be kept and were answered with 503.
    pub hooks_refused: Counter,
    /// Hooks whose route said another event than their body.
    pub hooks_mislabelled: Counter,
}

/// Keeps a gauge raised for as long as it lives.
#[derive(Debug)]
pub struct OpenStream(Arc<Vitals>);

impl OpenStream {
    /// Counts a stream as open until the guard is dropped.
    pub fn count(vitals: &Arc<Vitals>) -> Self {
        vitals.streams.0.fetch_add(1, Ordering::Relaxed);
        vitals.streams_opened.add(1);
        Self(vitals.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_returns_to_zero_when_its_guards_are_gone() {
        let vitals = Arc::new(Vitals::default());
        let guards: Vec<_> = (0..3).map(|_| OpenStream::count(&vitals)).collect();
        assert_eq!(vitals.streams.value(), 3);
        drop(guards);
        assert_eq!((vitals.streams.value(), vitals.streams_opened.value()), (0, 3));
    }
}
