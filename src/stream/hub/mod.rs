//! Fan-out inside one process. The hub knows bytes, ids and scopes; it does not know what a work item is.
//!
//! Frames lie once in a ring that all readers share, and a reader is little more than a position in it. Nobody but
//! the relay publishes, so the order of frames is the order of the log.

pub mod frame;
mod ring;

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::domain::entry_id::EntryId;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::BLOCK_BYTES_MAX;
use frame::Frame;
use ring::Ring;
pub use ring::RingLimits;

/// The recent frames, and the readers that wait for more.
pub struct Hub {
    ring: RwLock<Ring>,
    limits: RingLimits,
    /// How far readers are woken, and how often the log was lost.
    head: watch::Sender<Head>,
    /// How far frames were published. It runs ahead of `head` by one window at most.
    published: watch::Sender<EntryId>,
    window: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Head {
    position: EntryId,
    generation: u64,
}

impl Hub {
    /// A hub without a position: readers wait until it has one. Readers are woken at most once in each `window`;
    /// zero wakes them for every commit.
    pub fn new(limits: RingLimits, window: Duration) -> Self {
        Self {
            ring: RwLock::new(Ring::new(EntryId::ZERO, EntryId::ZERO, limits)),
            limits,
            head: watch::Sender::new(Head::default()),
            published: watch::Sender::new(EntryId::ZERO),
            window,
        }
    }

    /// Wakes the readers: at once when it was quiet, then once in each window for all that came in it. Behind the
    /// Functions host a write on a stream costs thirty times what it costs us, so it is writes that are saved. Runs
    /// for as long as the process lives.
    pub async fn pace(&self) {
        if self.window.is_zero() {
            return;
        }
        let mut published = self.published.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        while published.changed().await.is_ok() {
            let position = *published.borrow_and_update();
            self.release(position);
            tokio::time::sleep(self.window).await;
        }
    }

    fn release(&self, position: EntryId) {
        self.head.send_modify(|head| head.position = head.position.max(position));
    }

    /// Begins at `position`, in a log of which readers are replayed what follows `replayed_from`. Readers of an earlier log
    /// are told that it is lost.
    pub fn reset(&self, position: EntryId, replayed_from: EntryId) {
        let ring = Ring::new(position, replayed_from, self.limits);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        self.head.send_modify(|head| *head = Head { position, generation: head.generation + 1 });
    }

    /// Hands frames to every reader. They follow, in order, what was published before.
    pub fn publish(&self, frames: impl IntoIterator<Item = Frame>) {
        let mut last = None;
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        for frame in frames {
            last = Some(frame.id);
            ring.push(frame);
        }
        drop(ring);
        if let Some(position) = last {
            if self.window.is_zero() {
                self.release(position);
            } else {
                self.published.send_replace(position);
            }
        }
    }

    /// Whether a reader at `position` misses nothing by reading from here.
    pub fn covers(&self, position: EntryId) -> bool {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).covers(position)
    }

    /// Whether `position` is known here to be one of the log.
    pub fn holds(&self, position: EntryId) -> bool {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).holds(position)
    }

    /// Whether a reader at `position`, which the log holds, is replayed what it missed, and not sent boards anew.
    pub fn replays(&self, position: EntryId) -> bool {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).replays(position)
    }

    /// Whether a reader at `position` will not be replayed what it missed for much longer.
    pub fn forgets_soon(&self, position: EntryId) -> bool {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).forgets_soon(position)
    }

    /// How many entries a reader is replayed at least, where the log holds them.
    pub const fn replayed_min(&self) -> usize {
        self.limits.replayed_max / 2
    }

    /// A reader that has everything up to `position`.
    pub fn subscribe(&self, position: EntryId) -> Subscription {
        let head = self.head.subscribe();
        let generation = head.borrow().generation;
        Subscription { position, generation, head }
    }
}

/// One reader's place in the ring.
#[derive(Debug)]
pub struct Subscription {
    position: EntryId,
    generation: u64,
    head: watch::Receiver<Head>,
}

/// What a reader finds in the ring.
#[derive(Debug)]
pub enum Batch {
    /// What it may see of the frames that follow its position; perhaps nothing.
    Frames {
        /// The blocks, in order.
        blocks: Vec<Bytes>,
        /// The id of the last of them.
        last: Option<EntryId>,
        /// When the news of the first of them reached us.
        received_at: Option<Timestamp>,
    },
    /// What follows its position has left the ring: the reader was too slow.
    Behind,
    /// The log that it was reading is lost.
    Lost,
}

/// How many bytes a reader is handed at once, whatever they are. What is more waits for the next turn, so that a reader
/// which does not drain its socket holds no more than this beside what all readers share.
pub const PIECE_BYTES_MAX: usize = BLOCK_BYTES_MAX;

impl Subscription {
    /// The position up to which this reader has been handed all that it may see.
    pub fn position(&self) -> EntryId {
        self.position
    }

    /// Takes what follows the position, as far as `admits` lets it through, at most `PIECE_BYTES_MAX` or one
    /// block. `until` stops it at that position.
    pub fn take(
        &mut self,
        hub: &Hub,
        named: bool,
        until: Option<EntryId>,
        mut admits: impl FnMut(&Frame) -> bool,
    ) -> Batch {
        if self.head.borrow_and_update().generation != self.generation {
            return Batch::Lost;
        }
        let ring = hub.ring.read().unwrap_or_else(PoisonError::into_inner);
        let Some(frames) = ring.after(self.position) else { return Batch::Behind };
        let (mut blocks, mut last, mut received_at) = (Vec::new(), None, None);
        let mut size = 0;
        for frame in frames {
            if until.is_some_and(|until| frame.id > until) {
                break;
            }
            if let Some(block) = frame.block.as_ref().filter(|_| admits(frame)) {
                if size > 0 && size + block.len() > PIECE_BYTES_MAX {
                    break;
                }
                size += block.len();
                blocks.push(block.bytes(named));
                last = Some(frame.id);
                received_at = received_at.or(frame.received_at);
            }
            self.position = frame.id;
        }
        Batch::Frames { blocks, last, received_at }
    }

    /// Waits until something was published after the last [`take`](Self::take). May be cancelled.
    pub async fn changed(&mut self) {
        // The sender lives as long as the hub, which outlives its readers; if it is gone the next take says so.
        let _ = self.head.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::frame::Block;
    use super::*;
    use crate::domain::scope::{Audience, Scope};
    use crate::domain::testing::{other_project, project};

    fn id(seq: u64) -> EntryId {
        EntryId { ms: 1, seq }
    }

    fn frame(seq: u64, scope: Scope) -> Frame {
        let block = Block::new(Some(id(seq)), format!("{{\"type\":\"x\",\"seq\":{seq}}}").as_bytes());
        Frame {
            id: id(seq),
            audience: Audience::Scope(scope),
            block: Some(block),
            received_at: None,
            begins_board: false,
        }
    }

    fn taken(batch: Batch) -> Vec<Bytes> {
        match batch {
            Batch::Frames { blocks, .. } => blocks,
            other => panic!("{other:?}"),
        }
    }

    fn hub() -> Hub {
        let hub = Hub::new(
            RingLimits { frames_max: 4, bytes_max: 1_000_000, ..RingLimits::DEFAULT },
            Duration::ZERO,
        );
        hub.reset(id(0), id(0));
        hub
    }

    #[test]
    fn all_readers_share_the_same_bytes() {
        let hub = hub();
        let (mut a, mut b) = (hub.subscribe(id(0)), hub.subscribe(id(0)));
        hub.publish([frame(1, Scope::project(project()))]);
        let (a, b) = (taken(a.take(&hub, false, None, |_| true)), taken(b.take(&hub, false, None, |_| true)));
        assert_eq!(a[0].as_ptr(), b[0].as_ptr(), "an event is encoded once, not once per reader");
    }

    #[test]
    fn a_reader_receives_only_what_it_may_see_and_its_position_passes_the_rest() {
        let hub = hub();
        let mut reader = hub.subscribe(id(0));
        hub.publish([frame(1, Scope::project(project())), frame(2, Scope::project(other_project()))]);
        let mine = |frame: &Frame| frame.audience == Audience::Scope(Scope::project(project()));
        assert_eq!(taken(reader.take(&hub, false, None, mine)).len(), 1);
        assert_eq!(reader.position(), id(2));
        assert_eq!(taken(reader.take(&hub, false, None, mine)).len(), 0);
    }

    #[test]
    fn a_reader_that_fell_out_of_the_ring_is_behind() {
        let hub = hub();
        let mut reader = hub.subscribe(id(0));
        hub.publish((1..=6).map(|seq| frame(seq, Scope::project(project()))));
        assert!(matches!(reader.take(&hub, false, None, |_| true), Batch::Behind));
        assert!(!hub.covers(id(1)) && hub.covers(id(2)));
    }

    #[test]
    fn a_reset_tells_every_reader_that_its_log_is_lost() {
        let hub = hub();
        let mut reader = hub.subscribe(id(0));
        hub.reset(id(0), id(0));
        assert!(matches!(reader.take(&hub, false, None, |_| true), Batch::Lost));
        assert_eq!(taken(hub.subscribe(id(0)).take(&hub, false, None, |_| true)).len(), 0);
    }

    #[test]
    fn a_batch_is_bounded() {
        let hub = Hub::new(
            RingLimits { frames_max: 100, bytes_max: 100_000_000, ..RingLimits::DEFAULT },
            Duration::ZERO,
        );
        hub.reset(id(0), id(0));
        let big = |seq| Frame {
            id: id(seq),
            audience: Audience::Everyone,
            block: Some(Block::new(Some(id(seq)), &vec![b'x'; PIECE_BYTES_MAX / 2])),
            received_at: None,
            begins_board: false,
        };
        hub.publish((1..=3).map(big));
        let mut reader = hub.subscribe(id(0));
        assert_eq!([1, 1, 1, 0].map(|_| taken(reader.take(&hub, false, None, |_| true)).len()), [1, 1, 1, 0]);
    }

    #[tokio::test]
    async fn a_waiting_reader_wakes_on_what_was_published_meanwhile() {
        let hub = hub();
        let mut reader = hub.subscribe(id(0));
        assert_eq!(taken(reader.take(&hub, false, None, |_| true)).len(), 0);
        hub.publish([frame(1, Scope::project(project()))]);
        reader.changed().await;
        assert_eq!(taken(reader.take(&hub, false, None, |_| true)).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn readers_are_woken_at_once_when_it_was_quiet_and_then_once_in_a_window() {
        const WINDOW: Duration = Duration::from_millis(100);
        let hub = std::sync::Arc::new(Hub::new(RingLimits::DEFAULT, WINDOW));
        hub.reset(id(0), id(0));
        let pacing = tokio::spawn({
            let hub = hub.clone();
            async move { hub.pace().await }
        });
        let mut reader = hub.subscribe(id(0));
        tokio::task::yield_now().await;
        let mut wakes = Vec::new();
        let begin = tokio::time::Instant::now();
        hub.publish([frame(1, Scope::project(project()))]);
        for seq in 2..=40 {
            tokio::select! {
                () = reader.changed() => wakes.push(taken(reader.take(&hub, false, None, |_| true)).len()),
                () = tokio::time::sleep(Duration::from_millis(7)) => hub.publish([frame(seq, Scope::project(project()))]),
            }
        }
        let windows = begin.elapsed().as_millis() / WINDOW.as_millis();
        assert_eq!(wakes.first(), Some(&1), "the first goes out alone and at once");
        assert!(wakes.len() as u128 <= windows + 1, "{wakes:?} in {windows} windows");
        assert!(wakes.iter().skip(1).all(|count| *count > 5), "{wakes:?}");
        pacing.abort();
    }
}
