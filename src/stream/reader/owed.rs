//! What a reader is still to be written, handed out in pieces.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::domain::entry_id::EntryId;
use crate::stream::hub::PIECE_BYTES_MAX;
use crate::stream::hub::frame::Block;

/// From which size on the data of an event is handed out as it is, shared by all its readers. Smaller ones are copied
/// together, so that many go out in one write.
const SHARED_FROM: usize = 4 * 1024;

/// What is to be written, in order. Events are shared with every other reader who is owed them, so a reader that takes
/// nothing holds one piece of small ones of its own and no more.
#[derive(Default)]
pub(super) struct Owed {
    items: VecDeque<Item>,
    /// The rest of a block of which the first piece was handed out: whatever comes next, the wire has to see its end.
    begun: VecDeque<Bytes>,
}

enum Item {
    Block(Bytes),
    Event(Option<EntryId>, Bytes),
}

impl Owed {
    /// A block as it goes over the wire.
    pub(super) fn push(&mut self, block: Bytes) {
        self.items.push_back(Item::Block(block));
    }

    /// An event, and the id that it is to have.
    pub(super) fn push_event(&mut self, id: Option<EntryId>, json: Bytes) {
        self.items.push_back(Item::Event(id, json));
    }

    /// Whether there is nothing more.
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.items.is_empty()
    }

    /// Forgets what is not begun yet.
    pub(super) fn clear(&mut self) {
        self.items.clear();
    }

    /// The next bytes: a piece of a large block, one block, or several up to [`PIECE_BYTES_MAX`] in one buffer for one
    /// write. A lone block is passed on as it is, shared by all its readers.
    pub(super) fn next_piece(&mut self, named: bool) -> Option<Bytes> {
        if let Some(rest) = self.begun.pop_front() {
            return Some(rest);
        }
        let (mut blocks, mut size) = (Vec::new(), 0);
        while let Some(item) = self.items.pop_front() {
            let block = match item {
                Item::Event(id, json) if json.len() >= SHARED_FROM => {
                    if size > 0 {
                        self.items.push_front(Item::Event(id, json));
                        break;
                    }
                    self.begun.extend(Block::pieces(id, json, named));
                    return self.begun.pop_front();
                }
                Item::Event(id, json) => Block::new(id, &json).bytes(named),
                Item::Block(block) => block,
            };
            if size > 0 && size + block.len() > PIECE_BYTES_MAX {
                self.items.push_front(Item::Block(block));
                break;
            }
            size += block.len();
            blocks.push(block);
        }
        if blocks.len() <= 1 {
            return blocks.pop();
        }
        let mut out = BytesMut::with_capacity(size);
        blocks.iter().for_each(|block| out.extend_from_slice(block));
        Some(out.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_e2_small_blocks_are_handed_out_together_up_to_the_size_of_a_piece() {
        let mut owed = Owed::default();
        (0..100).for_each(|_| owed.push(Bytes::from(vec![b'x'; 1_000])));
        let pieces: Vec<usize> =
            std::iter::from_fn(|| owed.next_piece(false)).map(|piece| piece.len()).collect();
        assert_eq!(pieces.iter().sum::<usize>(), 100_000);
        assert!(pieces.len() == 2 && pieces.iter().all(|size| *size <= PIECE_BYTES_MAX), "{pieces:?}");
    }

    #[test]
    fn fault_e6_the_data_of_a_large_event_is_handed_out_as_it_is_and_never_cut_off_in_the_middle() {
        let large = Bytes::from(vec![b'x'; SHARED_FROM]);
        let mut owed = Owed::default();
        owed.push(Bytes::from_static(b":\n"));
        owed.push_event(None, Bytes::from_static(b"{}"));
        owed.push_event(None, large.clone());
        owed.push_event(None, Bytes::from_static(b"{}"));
        assert_eq!(owed.next_piece(false).unwrap(), ":\ndata: {}\n\n");
        assert_eq!(owed.next_piece(false).unwrap(), "data: ");
        owed.clear();
        let shared = owed.next_piece(false).unwrap();
        assert_eq!((shared.as_ptr(), shared.len()), (large.as_ptr(), large.len()));
        assert_eq!(owed.next_piece(false).unwrap(), "\n\n");
        assert_eq!(owed.next_piece(false), None);
    }
}
