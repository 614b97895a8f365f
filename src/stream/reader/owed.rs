//! What a reader is still to be written, handed out in pieces.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::domain::entry_id::EntryId;
use crate::stream::hub::PIECE_BYTES_MAX;
use crate::stream::hub::frame::Block;

/// What is to be written, in order. Events are shared with every other reader who is owed them until they are written,
/// so a reader that takes nothing holds one piece of its own and no more.
#[derive(Default)]
pub(super) struct Owed(VecDeque<Item>);

enum Item {
    Block(Bytes),
    Event(Option<EntryId>, Bytes),
}

impl Owed {
    /// A block as it goes over the wire.
    pub(super) fn push(&mut self, block: Bytes) {
        self.0.push_back(Item::Block(block));
    }

    /// An event, and the id that it is to have.
    pub(super) fn push_event(&mut self, id: Option<EntryId>, json: Bytes) {
        self.0.push_back(Item::Event(id, json));
    }

    /// The next bytes: at most [`PIECE_BYTES_MAX`] or one block, in one buffer for one write. A lone block is passed on
    /// as it is, shared by all its readers.
    pub(super) fn next_piece(&mut self, named: bool) -> Option<Bytes> {
        let (mut blocks, mut size) = (Vec::new(), 0);
        while let Some(item) = self.0.pop_front() {
            let block = match item {
                Item::Block(block) => block,
                Item::Event(id, json) => Block::new(id, &json).bytes(named),
            };
            if size > 0 && size + block.len() > PIECE_BYTES_MAX {
                self.0.push_front(Item::Block(block));
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
