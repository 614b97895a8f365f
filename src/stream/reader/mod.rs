//! One reader, from the first byte to the last: `connected`, `snapshot` or what was missed, then live.
//!
//! Correctness rests on one number, the position up to which this reader was written all that it may see. Every
//! block with an id moves it, the silent heartbeat tells it, and a reader who comes back with it goes on exactly
//! there. Nothing depends on a proper end: the process may be killed at any moment.

mod connection;
mod opening;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use tokio::time::Instant;

use super::admission::Ticket;
use super::{StreamRequest, Streams};
use crate::domain::entry_id::EntryId;
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::ClosingReason;
use crate::journal::JournalError;
use crate::ops::vitals::OpenStream;
use crate::stream::hub::frame::{Block, Frame};
use crate::stream::hub::{Batch, Subscription};

/// The bounds of the random time after which a browser reconnects, in milliseconds.
const RETRY_MS: std::ops::RangeInclusive<u64> = 2_000..=4_000;

/// How many entries are read from the log at once for a reader who comes back.
const REPLAY_ENTRIES: usize = 128;

/// How long a stream waits for this instance's first load before it says something.
const LOAD_TIMEOUT: Duration = Duration::from_millis(500);

/// Where a stream is in its life.
enum Phase {
    /// Nothing was written.
    Opening,
    /// Reading from the log what the hub no longer has.
    Replaying(EntryId),
    /// Reading from the hub.
    Live(Subscription),
    /// `closing` was written.
    Closed,
}

pub(super) struct Reader {
    /// What this stream is counted by for as long as it lives.
    #[expect(dead_code, reason = "guards, which count when they are dropped")]
    guards: (OpenStream, Ticket),
    streams: Arc<Streams>,
    request: StreamRequest,
    phase: Phase,
    /// Which scopes this reader may see; decided when one is first met.
    scopes: HashMap<Scope, bool>,
    /// Scopes that became known while the stream was open and whose snapshot is still to be written.
    pending_snapshots: Vec<Scope>,
    /// Whether something was written while this instance was still loading.
    sent_placeholder: bool,
    /// How many boards this reader was given while this instance was still loading; `None` if it was told nothing.
    archived_boards_sent: Option<usize>,
    /// Boards of which this reader was only given what the archive holds.
    archived: Vec<Scope>,
    last_write: Instant,
    /// The last id that was written.
    told: EntryId,
    /// Since when this instance is cut off from the journal, as this reader knows it.
    told_cut_off: Option<Timestamp>,
    journal_status: watch::Receiver<JournalStatus>,
    stopping: watch::Receiver<bool>,
    /// When the server ends the stream.
    ends_at: Option<Instant>,
}

impl Reader {
    pub(super) fn new(streams: Arc<Streams>, request: StreamRequest, ticket: Ticket) -> Self {
        // A tenth more or less, so that streams which began together do not end together.
        let lifetime = streams.settings.lifetime.map(|time| time.mul_f64(0.9 + 0.2 * fastrand::f64()));
        Self {
            guards: (OpenStream::count(&streams.instance.vitals), ticket),
            stopping: streams.stopping.clone(),
            ends_at: lifetime.map(|time| Instant::now() + time),
            last_write: Instant::now(),
            told: EntryId::ZERO,
            told_cut_off: None,
            journal_status: streams.instance.fold.watch_journal_status(),
            scopes: HashMap::new(),
            pending_snapshots: Vec::new(),
            sent_placeholder: false,
            archived_boards_sent: None,
            archived: Vec::new(),
            request,
            phase: Phase::Opening,
            streams,
        }
    }

    /// The next bytes for the wire; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let bytes = loop {
            if !matches!(self.phase, Phase::Closed)
                && let JournalStatus::Outdated(_) = self.streams.instance.fold.journal_status()
            {
                // What is in the log by now only a newer version can tell.
                break self.close(ClosingReason::Shutdown);
            }
            match &mut self.phase {
                Phase::Opening => break self.begin().await,
                Phase::Replaying(position) => {
                    let position = *position;
                    if let Some(bytes) = self.replay(position).await {
                        break bytes;
                    }
                }
                Phase::Live(_) => {
                    if let Some(bytes) = self.live().await {
                        break bytes;
                    }
                }
                Phase::Closed => return None,
            }
        };
        self.last_write = Instant::now();
        Some(bytes)
    }

    /// What the log has after `position`, until the hub covers the rest; `None` when there was nothing to write.
    async fn replay(&mut self, position: EntryId) -> Option<Bytes> {
        let streams = self.streams.clone();
        if streams.hub.covers(position) {
            self.phase = Phase::Live(streams.hub.subscribe(position));
            return None;
        }
        let entries = match streams.instance.journal.tail(position, REPLAY_ENTRIES).await {
            Ok(entries) => entries,
            Err(JournalError::Lost) => return Some(self.close(ClosingReason::Lost)),
            Err(error) => {
                // The reader comes back with the same cursor and is better off with a server that can read.
                tracing::warn!(%error, "a replay is cut short");
                return Some(self.close(ClosingReason::Lost));
            }
        };
        let mut out = BytesMut::new();
        for entry in &entries {
            let frame = Frame::new(entry.id, entry.content.audience, entry.content.event.as_deref());
            if let Some(block) = &frame.block
                && self.admits(&frame)
            {
                out.extend_from_slice(&block.bytes(self.request.named));
                self.told = frame.id;
                streams.instance.vitals.events_replayed.add(1);
            }
            self.phase = Phase::Replaying(frame.id);
        }
        (!out.is_empty()).then(|| out.freeze())
    }

    /// What the hub has, or a heartbeat; `None` when there is something else to look at first.
    async fn live(&mut self) -> Option<Bytes> {
        let streams = self.streams.clone();
        let Phase::Live(mut subscription) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return None;
        };
        if *self.stopping.borrow() {
            return Some(self.close(ClosingReason::Shutdown));
        }
        if self.ends_at.is_some_and(|at| at <= Instant::now()) {
            streams.instance.vitals.streams_ended.add(1);
            return Some(self.close(ClosingReason::Lifetime));
        }
        if let Some(bytes) = self.tell_journal_status() {
            self.phase = Phase::Live(subscription);
            return Some(bytes);
        }
        if !self.pending_snapshots.is_empty() {
            return self.catch_up(subscription).await;
        }
        let named = self.request.named;
        let batch = subscription.take(&streams.hub, named, None, |frame| self.admits(frame));
        let (blocks, last, received_at) = match batch {
            Batch::Frames { blocks, last, received_at } => (blocks, last, received_at),
            Batch::Behind => {
                streams.instance.vitals.readers_slow.add(1);
                return Some(self.close(ClosingReason::Slow));
            }
            Batch::Lost => return Some(self.close(ClosingReason::Lost)),
        };
        if blocks.is_empty() && self.pending_snapshots.is_empty() {
            if self.shows_what_is_forgotten() {
                return Some(self.close(ClosingReason::Lost));
            }
            return self.wait(subscription).await;
        }
        if let Some(received_at) = received_at {
            streams.instance.vitals.delivery.record_ms((streams.instance.clock)().ms_since(received_at));
        }
        self.told = last.unwrap_or(self.told);
        self.phase = Phase::Live(subscription);
        joined(blocks)
    }

    /// The snapshots of scopes that appeared, at the position they were taken at. What precedes that position is
    /// written first, so that the ids on this stream never go back.
    async fn catch_up(&mut self, mut subscription: Subscription) -> Option<Bytes> {
        let streams = self.streams.clone();
        let named = self.request.named;
        let scopes = std::mem::take(&mut self.pending_snapshots);
        let (taken, _, _) = streams.snapshots.take(|_| scopes);
        let mut out = BytesMut::new();
        while subscription.position() < taken.position {
            let before = subscription.position();
            match subscription.take(&streams.hub, named, Some(taken.position), |frame| self.admits(frame)) {
                Batch::Frames { blocks, last, .. } => {
                    blocks.iter().for_each(|block| out.extend_from_slice(block));
                    self.told = last.unwrap_or(self.told);
                }
                Batch::Behind | Batch::Lost => return Some(self.close(ClosingReason::Lost)),
            }
            if subscription.position() == before {
                // The fold is ahead of the hub for the moment between the two steps of the relay.
                subscription.changed().await;
            }
        }
        let last = taken.boards.len().saturating_sub(1);
        for (index, json) in taken.boards.iter().enumerate() {
            // The event by which the board became known may have told this very position; ids only ever increase.
            let id = (index == last && taken.position > self.told).then_some(taken.position);
            out.extend_from_slice(&Block::new(id, json).bytes(named));
            self.told = id.unwrap_or(self.told);
        }
        self.phase = Phase::Live(subscription);
        Some(out.freeze())
    }

    /// Whether this reader still shows an archived board that is no more: the organisation was asked and has no such
    /// board, so no event tells.
    fn shows_what_is_forgotten(&self) -> bool {
        if self.archived.is_empty() {
            return false;
        }
        let state = self.streams.instance.fold.read();
        self.archived.iter().any(|scope| state.archived(*scope).is_none())
    }

    async fn wait(&mut self, mut subscription: Subscription) -> Option<Bytes> {
        let heartbeat_at = self.last_write + self.streams.settings.heartbeat;
        let is_silent = tokio::select! {
            () = subscription.changed() => false,
            _ = self.stopping.changed() => false,
            _ = self.journal_status.changed() => false,
            () = at(self.ends_at) => false,
            () = tokio::time::sleep_until(heartbeat_at) => true,
        };
        let position = subscription.position();
        self.phase = Phase::Live(subscription);
        is_silent.then(|| self.heartbeat(position))
    }

    /// Whether this reader may see a frame. A scope that is met for the first time is judged once. The snapshot of a
    /// board that is served is due when it is first met, and when it begins to be served.
    fn admits(&mut self, frame: &Frame) -> bool {
        let Some(scope) = frame.scope() else { return true };
        let known = self.scopes.get(&scope).copied();
        if let Some(admitted) = known.filter(|admitted| !(*admitted && frame.begins_board)) {
            return admitted;
        }
        let (admitted, served) = {
            let state = self.streams.instance.fold.read();
            let admitted = self.streams.snapshots.admits(&state, &self.request.filter, scope);
            (admitted, state.is_served(scope))
        };
        self.scopes.insert(scope, admitted);
        self.archived.retain(|shown| (shown.project, shown.team) != (scope.project, scope.team));
        if admitted && served && !self.pending_snapshots.contains(&scope) {
            self.pending_snapshots.push(scope);
        }
        admitted
    }
}

/// Resolves at that moment; never, where there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// One buffer for one write. A lone block is passed on as it is, shared by all its readers.
fn joined(mut blocks: Vec<Bytes>) -> Option<Bytes> {
    if blocks.len() <= 1 {
        return blocks.pop();
    }
    let mut out = BytesMut::with_capacity(blocks.iter().map(Bytes::len).sum());
    blocks.iter().for_each(|block| out.extend_from_slice(block));
    Some(out.freeze())
}
