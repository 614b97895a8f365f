//! What a stream says of itself: that it lives, whether this instance reaches the journal, and how it ends. None of it
//! was ever in the log.

use bytes::Bytes;

use super::{Phase, RETRY_MS, Reader};
use crate::board::snapshot::Snapshots;
use crate::domain::entry_id::EntryId;
use crate::domain::level::Level;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, ClosingReason, Envelope};
use crate::domain::wire::level_change::level_change;
use crate::domain::wire::view::Outage;
use crate::stream::hub::frame::silent_heartbeat;

/// Half the shortest time after which entries may leave the log, in milliseconds.
const TOLD_AGE_MS_MAX: i64 = 30 * 60_000;

impl Reader {
    /// Owes an event about the connection itself. It has an id only where it tells a position.
    pub(super) fn owe(
        &mut self,
        id: Option<EntryId>,
        level: Level,
        data_as_of: Option<Timestamp>,
        body: &Body,
    ) {
        let json = self.encode(level, data_as_of, body);
        self.owed.push_event(id, json);
    }

    /// An event about the connection itself.
    pub(super) fn encode(&self, level: Level, data_as_of: Option<Timestamp>, body: &Body) -> Bytes {
        let envelope = Envelope {
            demo: self.streams.instance.demo,
            ..Envelope::connection((self.streams.instance.clock)(), level, data_as_of)
        };
        event::encode(&envelope, body)
    }

    /// That this instance lost the journal, or has it back: of each board that it makes a difference to. It cannot pass
    /// through the log, so it has no id, and each instance tells its own readers. Says whether there is something to tell.
    pub(super) fn tell_journal_status(&mut self) -> bool {
        let streams = self.streams.clone();
        let since = self.journal_status.borrow_and_update().cut_off();
        let told = std::mem::replace(&mut self.told_cut_off, since);
        if since.is_some() == told.is_some() {
            return false;
        }
        let now = (streams.instance.clock)();
        let state = streams.instance.fold.read();
        let concerned = streams.snapshots.scopes(&state, &self.request.filter);
        // A board that is only archived is cached whatever the journal does.
        let concerns = |scope: &Scope| state.level(*scope) == Level::Full && state.archived(*scope).is_none();
        let mut is_concerned = false;
        for scope in concerned.into_iter().filter(concerns) {
            let (from, to) = match since {
                Some(_) => (Level::Full, Level::Cached),
                None => (Level::Cached, Level::Full),
            };
            let outage = since.map(Outage::of_journal);
            let envelope =
                Envelope { level: to, ..state.envelope(scope, now, Cause::System, streams.instance.demo) };
            let body = level_change(from, to, outage.as_ref(), told, now);
            self.owed.push_event(None, event::encode(&envelope, &body));
            // What the board waits for was put aside while it was less than full.
            if let Some(waits) = state.outage_here(scope).filter(|_| since.is_none()) {
                let body = level_change(to, to, Some(&waits), None, now);
                self.owed.push_event(None, event::encode(&envelope, &body));
            }
            is_concerned = true;
        }
        is_concerned
    }

    /// Tells that the stream lives. A browser hides the silent heartbeat from scripts, so a client that wants to notice
    /// silence asks for events instead, which also tell the position where it has moved. The silent one tells it only
    /// where a reader could not resume much longer from what it was told last.
    pub(super) fn heartbeat(&mut self, position: EntryId) {
        let moved = (position > self.told).then_some(position);
        if !self.request.heartbeat {
            let moved = moved.filter(|_| self.is_soon_forgotten(self.told));
            self.told = moved.unwrap_or(self.told);
            return self.owed.push(silent_heartbeat(moved));
        }
        self.told = position;
        let (level, data_as_of) = {
            let state = self.streams.instance.fold.read();
            let scopes = self.streams.snapshots.scopes(&state, &self.request.filter);
            let (level, data_as_of) = Snapshots::summary(&state, &scopes);
            let whole = scopes.is_empty().then(|| self.streams.instance.whole(&state).0);
            (level.max(whole.unwrap_or_default()), data_as_of)
        };
        let body = Body::Heartbeat { cursor: position.to_string() };
        self.owe(moved, level, data_as_of, &body);
    }

    /// Whether a reader cannot go on from a position much longer: too much has followed it, or it is too old.
    fn is_soon_forgotten(&self, position: EntryId) -> bool {
        let age_ms = (self.streams.instance.clock)().ms_since(position.appended_at());
        self.streams.hub.forgets_soon(position) || age_ms > TOLD_AGE_MS_MAX
    }

    /// Says why the stream ends, in place of whatever was owed; after that it does. The reader's cursor stays good.
    pub(super) fn close(&mut self, reason: ClosingReason) {
        self.phase = Phase::Closed;
        self.owed.clear();
        self.streams.instance.vitals.streams_ended.add(u64::from(reason == ClosingReason::Lifetime));
        let body = Body::Closing { reason, reconnect_after_ms: fastrand::u64(RETRY_MS) };
        self.owe(None, Level::Full, None, &body);
    }
}
