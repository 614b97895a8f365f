//! The text format of server-sent events (HTML standard, "event stream interpretation"), written once per event.

use bytes::{BufMut, Bytes, BytesMut};

use crate::domain::entry_id::EntryId;
use crate::domain::scope::Audience;
use crate::domain::time::Timestamp;
use crate::domain::wire::event;

/// A log entry as the hub holds it: its position, and the bytes that every reader shares.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The entry's id.
    pub id: EntryId,
    /// Who may receive it.
    pub audience: Audience,
    /// The block for the wire; `None` for a silent entry, which only moves the position.
    pub block: Option<Block>,
    /// When the news that the event tells reached us, for measuring how long it took to a reader.
    pub received_at: Option<Timestamp>,
    /// Whether it tells that its board is to be taken anew: it is the one that is served from now on, or has something
    /// to show at last.
    pub begins_board: bool,
}

/// One event on the wire, in both forms of the stream.
#[derive(Clone, Debug)]
pub struct Block {
    bytes: Bytes,
    /// Where the default form begins: the `event:` line before it is for named streams only.
    unnamed_from: usize,
}

impl Frame {
    /// The frame of a log entry with that event; without one it is silent.
    pub fn new(id: EntryId, audience: Audience, json: Option<&[u8]>) -> Self {
        let received_at = json.and_then(event::received_at_of);
        let begins_board = json.is_some_and(begins_board);
        let block = json.map(|json| Block::new(Some(id), json));
        Self { id, audience, block, received_at, begins_board }
    }
}

fn begins_board(json: &[u8]) -> bool {
    match event::type_of(json) {
        Some("sprint_changed") => true,
        Some("recovered") => [&br#""from":"none""#[..], br#""from":"mock""#]
            .iter()
            .any(|from| json.windows(from.len()).any(|window| window == *from)),
        _ => false,
    }
}

impl Block {
    /// Writes a block with an id, or without one so that the client keeps the id it has. `json` is one line.
    pub fn new(id: Option<EntryId>, json: &[u8]) -> Self {
        Self::whole(&id_line(id), json)
    }

    /// The block that a stream begins with. It also tells a browser how long to wait before it reconnects: in a block
    /// without data some clients take that for an event. Digits only, or it is ignored. With the id at which the stream
    /// goes on, a client that knows only of the ids of this connection has one from the beginning.
    pub fn first(id: Option<EntryId>, retry_ms: u64, json: &[u8]) -> Self {
        Self::whole(&format!("{}retry: {retry_ms}\n", id_line(id)), json)
    }

    /// What `new` writes, in three pieces, of which the one in the middle is not copied.
    pub fn pieces(id: Option<EntryId>, json: Bytes, named: bool) -> [Bytes; 3] {
        let (head, unnamed_from) = head(&id_line(id), &json, 0);
        let head = head.freeze();
        [if named { head } else { head.slice(unnamed_from..) }, json, Bytes::from_static(END)]
    }

    fn whole(line: &str, json: &[u8]) -> Self {
        let (mut bytes, unnamed_from) = head(line, json, json.len() + END.len());
        bytes.put_slice(json);
        bytes.put_slice(END);
        Self { bytes: bytes.freeze(), unnamed_from }
    }

    /// The bytes for a stream: shared, not copied.
    pub fn bytes(&self, named: bool) -> Bytes {
        if named { self.bytes.clone() } else { self.bytes.slice(self.unnamed_from..) }
    }

    /// The size in memory, in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it; no block is ever empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// What ends a block.
const END: &[u8] = b"\n\n";

fn id_line(id: Option<EntryId>) -> String {
    id.map(|id| format!("id: {id}\n")).unwrap_or_default()
}

/// A block up to its data, with room for more, and where the default form begins.
fn head(line: &str, json: &[u8], room: usize) -> (BytesMut, usize) {
    debug_assert!(!json.contains(&b'\n') && !json.contains(&b'\r'), "an event is one line");
    let mut bytes = BytesMut::with_capacity(room + 80);
    if let Some(name) = event::type_of(json) {
        bytes.put_slice(b"event: ");
        bytes.put_slice(name.as_bytes());
        bytes.put_u8(b'\n');
    }
    let unnamed_from = bytes.len();
    bytes.put_slice(line.as_bytes());
    bytes.put_slice(b"data: ");
    (bytes, unnamed_from)
}

/// The silent heartbeat: a comment, without the empty line that would end a block: after one some clients dispatch an
/// event, though there was nothing in it. With a position to tell it is a block that has an id and no data, which moves
/// the last event id of a client that keeps to the standard and dispatches nothing.
pub fn silent_heartbeat(position: Option<EntryId>) -> Bytes {
    match position {
        Some(id) => Bytes::from(format!("id: {id}\n\n")),
        None => Bytes::from_static(b":\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &[u8] = br#"{"type":"workitem_changed","v":1}"#;
    const ID: EntryId = EntryId { ms: 7, seq: 1 };

    #[test]
    fn a_block_has_an_event_line_only_where_asked_for() {
        let block = Block::new(Some(ID), JSON);
        assert_eq!(block.bytes(false), &b"id: 7-1\ndata: {\"type\":\"workitem_changed\",\"v\":1}\n\n"[..]);
        assert!(block.bytes(true).starts_with(b"event: workitem_changed\nid: 7-1\ndata: "));
        assert!(block.bytes(true).ends_with(&block.bytes(false)));
    }

    #[test]
    fn fault_e8_the_largest_event_makes_a_block_of_at_most_64_kib() {
        let longest = event::TYPE_NAMES.into_iter().max_by_key(|name| name.len()).unwrap();
        let mut json = format!("{{\"type\":\"{longest}\",\"x\":\"").into_bytes();
        json.resize(event::EVENT_BYTES_MAX, b'x');
        let block = Block::new(Some(EntryId { ms: u64::MAX, seq: u64::MAX }), &json);
        assert!(block.len() <= 64 * 1024, "{}", block.len());
    }

    #[test]
    fn a_block_without_id_leaves_the_clients_id_alone() {
        assert!(Block::new(None, JSON).bytes(false).starts_with(b"data: "));
    }

    #[test]
    fn both_forms_share_one_buffer() {
        let block = Block::new(Some(ID), JSON);
        let (named, default) = (block.bytes(true), block.bytes(false));
        assert_eq!(named[block.unnamed_from..].as_ptr(), default.as_ptr());
        assert_eq!(default.as_ptr(), block.bytes(false).as_ptr());
    }

    #[test]
    fn a_silent_heartbeat_dispatches_nothing() {
        assert_eq!(silent_heartbeat(Some(ID)), &b"id: 7-1\n\n"[..]);
        assert_eq!(silent_heartbeat(None), &b":\n"[..]);
    }

    #[test]
    fn fault_f7_no_block_says_when_to_reconnect_and_nothing_else() {
        let block = Block::first(None, 2740, JSON);
        assert!(block.bytes(false).starts_with(b"retry: 2740\ndata: {"));
        assert!(block.bytes(true).starts_with(b"event: workitem_changed\nretry: 2740\ndata: {"));
        assert!(
            Block::first(Some(ID), 2740, JSON).bytes(false).starts_with(b"id: 7-1\nretry: 2740\ndata: {")
        );
    }

    #[test]
    fn fault_e6_a_block_in_pieces_is_the_block_and_its_data_is_not_copied() {
        let json = Bytes::from_static(JSON);
        for (id, named) in [(Some(ID), false), (Some(ID), true), (None, false), (None, true)] {
            let pieces = Block::pieces(id, json.clone(), named);
            assert_eq!(pieces.concat(), Block::new(id, JSON).bytes(named));
            assert_eq!(pieces[1].as_ptr(), json.as_ptr());
        }
    }
}
