//! One reader, from the first byte to the last: `connected`, `snapshot` or what was missed, then live.
//!
//! Correctness rests on one number, the position up to which this reader was written all that it may see. Every
//! block with an id moves it, the silent heartbeat tells it, and a reader who comes back with it goes on exactly
//! there. Nothing depends on a proper end: the process may be killed at any moment.

mod connection;
mod load;
mod opening;
mod owed;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use self::load::Load;
use self::owed::Owed;
use super::admission::Ticket;
use super::{StreamRequest, Streams};
use crate::board::snapshot::Taken;
use crate::domain::entry_id::EntryId;
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::{Audience, Scope};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::ClosingReason;
use crate::journal::JournalError;
use crate::ops::vitals::OpenStream;
use crate::ops::watched::WatchingStream;
use crate::stream::hub::frame::Frame;
use crate::stream::hub::{Batch, PIECE_BYTES_MAX, Subscription};

/// The bounds of the random time after which a browser reconnects, in milliseconds.
const RETRY_MS: std::ops::RangeInclusive<u64> = 2_000..=4_000;

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
    guards: (OpenStream, WatchingStream, Ticket),
    streams: Arc<Streams>,
    request: StreamRequest,
    phase: Phase,
    /// Which scopes this reader may see; decided when one is first met.
    scopes: HashMap<Scope, bool>,
    /// What is to be written before anything else is looked at.
    owed: Owed,
    /// Scopes that became known while the stream was open and whose snapshot is still to be taken.
    pending_snapshots: Vec<Scope>,
    /// Snapshots that were taken, and are owed as soon as everything up to their position was written.
    due: Option<Taken>,
    /// Whether something was written while this instance was still loading.
    sent_placeholder: bool,
    /// How many boards this reader was given while this instance was still loading; `None` if it was told nothing.
    archived_boards_sent: Option<usize>,
    /// Boards of which this reader was only given what the archive holds.
    archived: Vec<Scope>,
    /// Whether this reader was shown simulated boards, because nothing is known.
    stood_in: bool,
    /// How long this reader waits for a first board with numbers.
    load: Load,
    last_write: Instant,
    /// Where this stream began: what was told up to there was missed, and is caught up with.
    live_from: EntryId,
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
            guards: (
                OpenStream::count(&streams.instance.vitals),
                streams.instance.watched.stream(request.filter.clone()),
                ticket,
            ),
            stopping: streams.stopping.clone(),
            ends_at: lifetime.map(|time| Instant::now() + time),
            last_write: Instant::now(),
            live_from: EntryId::ZERO,
            told: EntryId::ZERO,
            told_cut_off: None,
            journal_status: streams.instance.fold.watch_journal_status(),
            scopes: HashMap::new(),
            owed: Owed::default(),
            pending_snapshots: Vec::new(),
            due: None,
            sent_placeholder: false,
            archived_boards_sent: None,
            archived: Vec::new(),
            stood_in: false,
            load: Load::begin(),
            request,
            phase: Phase::Opening,
            streams,
        }
    }

    /// The next bytes for the wire; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let (mut stopping, ends_at) = (self.stopping.clone(), self.ends_at);
        loop {
            if let Some(reason) = self.reason_to_end() {
                self.close(reason);
            }
            if let Some(piece) = self.owed.next_piece(self.request.named) {
                self.last_write = Instant::now();
                if self.owed.is_empty()
                    && let Some(waited) = self.load.given()
                {
                    let instance = &self.streams.instance;
                    instance.vitals.loaded((instance.clock)(), waited);
                }
                return Some(piece);
            }
            if let Phase::Closed = self.phase {
                return None;
            }
            // Whatever a step waits for, a turn to read the log among it: what it had not done yet is not told.
            tokio::select! {
                biased;
                () = self.step() => {}
                _ = stopping.wait_for(|stopping| *stopping) => self.close(ClosingReason::Shutdown),
                () = at(ends_at) => self.close(ClosingReason::Lifetime),
            }
        }
    }

    /// Finds something to write, or waits for it.
    async fn step(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Opening => self.begin().await,
            Phase::Replaying(position) => self.replay(position).await,
            Phase::Live(subscription) => self.live(subscription).await,
            Phase::Closed => {}
        }
    }

    /// Why the stream is to end now, in the middle of whatever it is about.
    fn reason_to_end(&self) -> Option<ClosingReason> {
        if matches!(self.phase, Phase::Closed) {
            return None;
        }
        if let JournalStatus::Outdated(_) = self.streams.instance.fold.journal_status() {
            // What is in the log by now only a newer version can tell.
            return Some(ClosingReason::Shutdown);
        }
        if *self.stopping.borrow() {
            return Some(ClosingReason::Shutdown);
        }
        self.ends_at.is_some_and(|at| at <= Instant::now()).then_some(ClosingReason::Lifetime)
    }

    /// What the log has after `position`, until the hub covers the rest.
    async fn replay(&mut self, position: EntryId) {
        let streams = self.streams.clone();
        if streams.hub.covers(position) {
            self.phase = Phase::Live(streams.hub.subscribe(position));
            return;
        }
        let reading = async {
            // The semaphore is never closed.
            let _permit = streams.replays.acquire().await;
            streams.instance.journal.missed(position, PIECE_BYTES_MAX).await
        };
        let entries = match reading.await {
            Ok(entries) => entries,
            Err(JournalError::Lost) => return self.close(ClosingReason::Lost),
            Err(error) => {
                // The reader comes back with the same cursor and is better off with a server that can read.
                tracing::warn!(%error, "a replay is cut short");
                return self.close(ClosingReason::Lost);
            }
        };
        self.phase = Phase::Replaying(position);
        if entries.is_empty() {
            // The log's end, which the hub covers in a moment.
            tokio::task::yield_now().await;
        }
        for entry in &entries {
            let frame = Frame::new(entry.id, entry.content.audience, entry.content.event.as_deref());
            if let Some(block) = &frame.block
                && self.admits(&frame)
            {
                self.owed.push(block.bytes(self.request.named));
                self.told = frame.id;
                streams.instance.vitals.events_replayed.add(1);
            }
            self.phase = Phase::Replaying(frame.id);
        }
    }

    /// What the hub has, or a heartbeat.
    async fn live(&mut self, mut subscription: Subscription) {
        let streams = self.streams.clone();
        if self.tell_journal_status() {
            self.phase = Phase::Live(subscription);
            return;
        }
        if !self.pending_snapshots.is_empty() && self.due.is_none() {
            let scopes = std::mem::take(&mut self.pending_snapshots);
            self.due = Some(streams.snapshots.take(|_| scopes).0);
        }
        let until = self.due.as_ref().map(|due| due.position);
        let named = self.request.named;
        let is_live = subscription.position() >= self.live_from;
        let batch = subscription.take(&streams.hub, named, until, |frame| self.admits(frame));
        let (blocks, last, received_at) = match batch {
            Batch::Frames { blocks, last, received_at } => (blocks, last, received_at),
            Batch::Behind => {
                streams.instance.vitals.readers_slow.add(1);
                return self.close(ClosingReason::Slow);
            }
            Batch::Lost => return self.close(ClosingReason::Lost),
        };
        if let Some(received_at) = received_at.filter(|_| is_live) {
            let now = (streams.instance.clock)();
            streams.instance.vitals.delivered(now, now.ms_since(received_at));
        }
        self.told = last.unwrap_or(self.told);
        let is_quiet = blocks.is_empty();
        blocks.into_iter().for_each(|block| self.owed.push(block));
        // What precedes the position of snapshots is written first, so that the ids on this stream never go back.
        if let Some(due) = self.due.take_if(|due| due.position <= subscription.position()) {
            self.owe_snapshots(due);
        } else if is_quiet && (self.due.is_some() || self.pending_snapshots.is_empty()) {
            if self.shows_what_is_forgotten() {
                return self.close(ClosingReason::Lost);
            }
            if streams.instance.fold.stands_in() != self.stood_in {
                // No event tells of boards that stand in or do so no longer: the stream begins once more.
                return self.start(false);
            }
            // Where snapshots are due, the fold is ahead of the hub for the moment between the two steps of the relay.
            return self.wait(subscription).await;
        }
        self.phase = Phase::Live(subscription);
    }

    /// Owes the snapshots of boards at the position that they were taken at. Only the last of a set has an id: a reader
    /// that is cut off before it gets everything again.
    fn owe_snapshots(&mut self, taken: Taken) {
        self.load.owe(taken.has_numbers);
        let last = taken.boards.len().saturating_sub(1);
        for (index, json) in taken.boards.into_iter().enumerate() {
            // The event by which a board became known may have told this very position; ids only ever increase.
            let id = (index == last && taken.position > self.told).then_some(taken.position);
            self.owed.push_event(id, json);
            self.told = id.unwrap_or(self.told);
        }
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

    async fn wait(&mut self, mut subscription: Subscription) {
        let heartbeat_at = self.last_write + self.streams.settings.heartbeat;
        let is_silent = tokio::select! {
            () = subscription.changed() => false,
            _ = self.journal_status.changed() => false,
            () = tokio::time::sleep_until(heartbeat_at) => true,
        };
        let position = subscription.position();
        self.phase = Phase::Live(subscription);
        if is_silent {
            self.heartbeat(position);
        }
    }

    /// Whether this reader may see a frame. A scope that is met for the first time is judged once. The snapshot of a
    /// board that is served is due when it is first met, and when it begins to be served.
    fn admits(&mut self, frame: &Frame) -> bool {
        let scope = match frame.audience {
            Audience::Scope(scope) => scope,
            Audience::Everyone => return true,
            Audience::Operators => return self.request.ops,
        };
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
