//! The recent frames, bounded by count and by bytes. Pure.

use std::collections::VecDeque;

use super::frame::Frame;
use crate::domain::entry_id::EntryId;

/// How many recent frames are held, how many bytes of them, and how far back the log is read for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingLimits {
    /// Frames.
    pub frames_max: usize,
    /// Bytes of their blocks.
    pub bytes_max: usize,
    /// How many entries a reader is replayed about, half as many at least: beyond that a snapshot is less to send, and
    /// asks less of the store.
    pub replayed_max: usize,
}

impl RingLimits {
    /// Half a minute of a very busy organisation, in at most 16 MiB.
    pub const DEFAULT: Self = Self { frames_max: 8_192, bytes_max: 16 * 1024 * 1024, replayed_max: 20_000 };
}

/// Recent frames, oldest first. Every frame after `base` is in it, so a reader at `base` or later misses nothing.
#[derive(Debug)]
pub(super) struct Ring {
    base: EntryId,
    frames: VecDeque<Frame>,
    bytes: usize,
    limits: RingLimits,
    /// From where on readers are replayed what they missed.
    replayed_from: EntryId,
    /// Where that will be when half of what is replayed at most has followed it, and how much has.
    mark: (EntryId, usize),
}

impl Ring {
    /// An empty ring that begins after `base`. Readers are replayed what follows `replayed_from`.
    pub(super) fn new(base: EntryId, replayed_from: EntryId, limits: RingLimits) -> Self {
        Self { base, frames: VecDeque::new(), bytes: 0, limits, replayed_from, mark: (base, 0) }
    }

    /// Whether a reader at `position` is replayed what it missed.
    pub(super) fn replays(&self, position: EntryId) -> bool {
        position >= self.replayed_from || self.covers(position)
    }

    /// Whether a reader at `position` will not be for much longer: for a quarter of what is replayed at most.
    pub(super) fn forgets_soon(&self, position: EntryId) -> bool {
        let (mark, followed) = self.mark;
        !self.replays(position) || position < mark && followed >= self.limits.replayed_max / 4
    }

    /// Adds a frame, and lets the oldest go where a limit is passed. The newest always stays.
    pub(super) fn push(&mut self, frame: Frame) {
        self.mark.1 += 1;
        if self.mark.1 >= self.limits.replayed_max / 2 {
            self.replayed_from = self.replayed_from.max(self.mark.0);
            self.mark = (frame.id, 0);
        }
        self.bytes += size(&frame);
        self.frames.push_back(frame);
        while self.frames.len() > 1
            && (self.frames.len() > self.limits.frames_max || self.bytes > self.limits.bytes_max)
        {
            if let Some(oldest) = self.frames.pop_front() {
                self.bytes -= size(&oldest);
                self.base = oldest.id;
            }
        }
    }

    /// Whether every frame after `position` is here.
    pub(super) fn covers(&self, position: EntryId) -> bool {
        position >= self.base
    }

    /// Whether `position` is that of an entry that is remembered, or of the one before all that are.
    pub(super) fn holds(&self, position: EntryId) -> bool {
        position == self.base || self.frames.binary_search_by_key(&position, |frame| frame.id).is_ok()
    }

    /// The frames after `position`; `None` when some of them have left.
    pub(super) fn after(&self, position: EntryId) -> Option<impl Iterator<Item = &Frame>> {
        if !self.covers(position) {
            return None;
        }
        let start = self.frames.partition_point(|frame| frame.id <= position);
        Some(self.frames.range(start..))
    }
}

fn size(frame: &Frame) -> usize {
    frame.block.as_ref().map_or(0, super::frame::Block::len)
}

#[cfg(test)]
mod tests {
    use super::super::frame::Block;
    use super::*;
    use crate::domain::scope::Audience;

    fn frame(seq: u64) -> Frame {
        let id = EntryId { ms: 1, seq };
        Frame {
            id,
            audience: Audience::Everyone,
            block: Some(Block::new(Some(id), b"{\"type\":\"x\"}")),
            received_at: None,
            begins_board: false,
        }
    }

    fn ids(ring: &Ring, after: u64) -> Option<Vec<u64>> {
        Some(ring.after(EntryId { ms: 1, seq: after })?.map(|frame| frame.id.seq).collect())
    }

    #[test]
    fn a_reader_gets_what_follows_its_position() {
        let mut ring = Ring::new(
            EntryId { ms: 1, seq: 0 },
            EntryId::ZERO,
            RingLimits { frames_max: 3, bytes_max: 1_000, ..RingLimits::DEFAULT },
        );
        (1..=3).for_each(|seq| ring.push(frame(seq)));
        assert_eq!(ids(&ring, 0), Some(vec![1, 2, 3]));
        assert_eq!(ids(&ring, 2), Some(vec![3]));
        assert_eq!(ids(&ring, 9), Some(vec![]), "a reader that is ahead of this instance waits");
        let held = |seq| ring.holds(EntryId { ms: 1, seq });
        assert!(held(0) && held(2) && held(3) && !held(9), "what is ahead of it is not known to be there");
    }

    #[test]
    fn a_reader_behind_the_oldest_is_told_so() {
        let mut ring = Ring::new(
            EntryId { ms: 1, seq: 0 },
            EntryId::ZERO,
            RingLimits { frames_max: 3, bytes_max: 1_000, ..RingLimits::DEFAULT },
        );
        (1..=5).for_each(|seq| ring.push(frame(seq)));
        assert_eq!(ids(&ring, 1), None);
        assert_eq!(
            ids(&ring, 2),
            Some(vec![3, 4, 5]),
            "the last that left is a position from which nothing is missing"
        );
    }

    #[test]
    fn fault_e1_replays_go_back_a_bounded_number_of_entries() {
        let limits = RingLimits { frames_max: 1, bytes_max: 1_000, replayed_max: 200 };
        let at = |seq| EntryId { ms: 1, seq };
        let mut ring = Ring::new(at(5), at(2), limits);
        assert!(ring.replays(at(2)) && !ring.replays(at(1)), "what the log says at the beginning counts");
        let half = 100;
        for seq in 1..=5 * half {
            ring.push(frame(5 + seq));
            let replayed = 5 + seq - ring.replayed_from.seq;
            assert!(replayed <= 2 * half + 5 && (replayed >= half || seq < half), "{replayed} after {seq}");
            // Whoever is told in time where the log ends is never told too late.
            let forgets_soon = |back: u64| seq < 2 * half || ring.forgets_soon(at(5 + seq - back));
            assert!(forgets_soon(2 * half), "after {seq}");
            assert!(seq < 2 * half || !forgets_soon(half / 2), "after {seq}");
        }
    }

    #[test]
    fn bytes_are_bounded_and_the_newest_stays() {
        let size = size(&frame(1));
        let mut ring = Ring::new(
            EntryId::ZERO,
            EntryId::ZERO,
            RingLimits { frames_max: 100, bytes_max: 2 * size, ..RingLimits::DEFAULT },
        );
        (1..=5).for_each(|seq| ring.push(frame(seq)));
        assert_eq!(ids(&ring, 3), Some(vec![4, 5]));
        let mut tiny = Ring::new(
            EntryId::ZERO,
            EntryId::ZERO,
            RingLimits { frames_max: 100, bytes_max: 1, ..RingLimits::DEFAULT },
        );
        (1..=2).for_each(|seq| tiny.push(frame(seq)));
        assert_eq!(ids(&tiny, 1), Some(vec![2]));
    }
}
