//! What a stream says of itself: that it lives, whether this instance reaches the journal, and how it ends. None of it
//! was ever in the log.

use bytes::{Bytes, BytesMut};

use super::{Phase, RETRY_MS, Reader};
use crate::board::snapshot::Snapshots;
use crate::domain::entry_id::EntryId;
use crate::domain::level::Level;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, ClosingReason, Envelope};
use crate::domain::wire::view::JOURNAL;
use crate::stream::hub::frame::{Block, silent_heartbeat};

impl Reader {
    /// Writes an event about the connection itself. It has an id only where it tells a position.
    pub(super) fn write(
        &self,
        out: &mut BytesMut,
        id: Option<EntryId>,
        level: Level,
        data_as_of: Option<Timestamp>,
        body: &Body,
    ) {
        let envelope = Envelope {
            demo: self.streams.instance.demo,
            ..Envelope::connection((self.streams.instance.clock)(), level, data_as_of)
        };
        out.extend_from_slice(&Block::new(id, &event::encode(&envelope, body)).bytes(self.request.named));
    }

    /// That this instance lost the journal, or has it back: of each board that it makes a difference to. It cannot pass
    /// through the log, so it has no id, and each instance tells its own readers.
    pub(super) fn tell_journal_status(&mut self) -> Option<Bytes> {
        let streams = self.streams.clone();
        let since = self.journal_status.borrow_and_update().cut_off();
        let told = std::mem::replace(&mut self.told_cut_off, since);
        if since.is_some() == told.is_some() {
            return None;
        }
        let now = (streams.instance.clock)();
        let state = streams.instance.fold.read();
        let concerned = streams.snapshots.scopes(&state, &self.request.filter);
        // A board that is only archived is cached whatever the journal does.
        let concerns = |scope: &Scope| state.level(*scope) == Level::Full && state.archived(*scope).is_none();
        let mut out = BytesMut::new();
        for scope in concerned.into_iter().filter(concerns) {
            let body = match since {
                Some(since) => Body::Degraded {
                    from: Level::Full,
                    to: Level::Cached,
                    reason: JOURNAL.into(),
                    since,
                    retry_at: None,
                },
                None => Body::Recovered {
                    from: Level::Cached,
                    down_for_ms: told.map_or(0, |told| now.ms_since(told)),
                },
            };
            let level = if since.is_some() { Level::Cached } else { Level::Full };
            let envelope =
                Envelope { level, ..state.envelope(scope, now, Cause::System, streams.instance.demo) };
            out.extend_from_slice(
                &Block::new(None, &event::encode(&envelope, &body)).bytes(self.request.named),
            );
        }
        (!out.is_empty()).then(|| out.freeze())
    }

    /// Tells the position where it has moved. A browser hides the silent heartbeat from scripts, so a client that
    /// wants to notice silence asks for events instead.
    pub(super) fn heartbeat(&mut self, position: EntryId) -> Bytes {
        let moved = (position > self.told).then_some(position);
        self.told = position;
        if !self.request.heartbeat {
            return silent_heartbeat(moved);
        }
        let (level, data_as_of) = {
            let state = self.streams.instance.fold.read();
            let scopes = self.streams.snapshots.scopes(&state, &self.request.filter);
            Snapshots::summary(&state, &scopes)
        };
        let body = Body::Heartbeat { cursor: position.to_string() };
        let mut out = BytesMut::new();
        self.write(&mut out, moved, level, data_as_of, &body);
        out.freeze()
    }

    /// Says why the stream ends; after these bytes it does. The reader's cursor stays good.
    pub(super) fn close(&mut self, reason: ClosingReason) -> Bytes {
        self.phase = Phase::Closed;
        let mut out = BytesMut::new();
        let body = Body::Closing { reason, reconnect_after_ms: fastrand::u64(RETRY_MS) };
        self.write(&mut out, None, Level::Full, None, &body);
        out.freeze()
    }
}
