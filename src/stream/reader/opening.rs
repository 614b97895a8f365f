//! How a stream begins: `connected`, and full boards or the position from which it resumes.

use tokio::time::Instant;

use super::{LOAD_TIMEOUT, Phase, RETRY_MS, Reader};
use crate::board::projection::Projection;
use crate::board::snapshot::Snapshots;
use crate::domain::entry_id::EntryId;
use crate::domain::level::Level;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{Body, EVENT_BYTES_MAX, SCHEMA_VERSION};
use crate::domain::wire::view::ScopeView;
use crate::ops::instance::Instance;
use crate::ops::vitals::ReadOutcome;
use crate::stream::hub::frame::{Block, silent_heartbeat};

/// How long after the event that tells that a board has something to show its snapshot may be written, in milliseconds: for
/// longer no reader is waited for who takes no data.
const SNAPSHOT_WITHIN_MS: u64 = 60_000;

/// How a stream begins.
struct Opening {
    resumed: bool,
    gap: bool,
    cursor: EntryId,
    level: Level,
    data_as_of: Option<Timestamp>,
}

impl Reader {
    /// How a stream begins: everything that a reader needs to show something true.
    pub(super) async fn begin(&mut self) {
        self.phase = Phase::Opening;
        let load_timeout = if self.sent_placeholder { self.streams.settings.heartbeat } else { LOAD_TIMEOUT };
        let gives_up_at = Instant::now() + load_timeout;
        while tokio::time::timeout(LOAD_TIMEOUT, self.streams.instance.fold.passed(EntryId::ZERO))
            .await
            .is_err()
        {
            if self.reason_to_end().is_some() {
                return;
            }
            if self.show_archived_boards() {
                self.sent_placeholder = true;
                return;
            }
            if Instant::now() >= gives_up_at {
                // Headers reach a client behind the Functions host only with the first byte of the body.
                self.sent_placeholder = true;
                return match self.archived_boards_sent {
                    Some(_) => self.heartbeat(EntryId::ZERO),
                    None => self.owed.push(silent_heartbeat(None)),
                };
            }
        }
        let cursor = self.request.cursor.take();
        match self.resumable(cursor.as_deref()).await {
            Some(position) => self.resume(position),
            None => self.start(cursor.is_some()),
        }
    }

    /// What there is for a reader who has nothing yet, while nobody here knows what the journal holds: the boards that the
    /// archive holds, and that the journal is away. It is of no position, so it has no id, and the stream begins once
    /// more when the journal was loaded. Says whether there is any of that to show.
    fn show_archived_boards(&mut self) -> bool {
        let streams = self.streams.clone();
        let shown = {
            let state = streams.instance.fold.read();
            streams.snapshots.scopes(&state, &self.request.filter).len()
        };
        let is_news = match self.archived_boards_sent {
            None => shown > 0 || streams.instance.fold.journal_status().cut_off().is_some(),
            Some(archived_boards_sent) => shown > archived_boards_sent,
        };
        if !is_news || self.request.cursor.is_some() {
            return false;
        }
        let filter = &self.request.filter;
        let (taken, views, (level, data_as_of)) =
            streams.snapshots.take(|state| streams.snapshots.scopes(state, filter));
        self.archived_boards_sent = Some(taken.boards.len());
        let opening = Opening { resumed: false, gap: false, cursor: EntryId::ZERO, level, data_as_of };
        self.owe_connected(opening, views);
        self.load.owe(taken.has_numbers);
        taken.boards.into_iter().for_each(|json| self.owed.push_event(None, json));
        true
    }

    /// The position that a cursor names, if the stream can go on exactly there.
    async fn resumable(&self, cursor: Option<&str>) -> Option<EntryId> {
        let position = EntryId::parse(cursor?).filter(|position| self.streams.hub.replays(*position))?;
        if self.streams.instance.fold.read().may_have_stood_in(position) {
            return None;
        }
        match self.streams.instance.journal.holds(position).await {
            Ok(held) => held.then_some(position),
            Err(error) => {
                tracing::warn!(%error, "the journal does not answer; resuming from memory if possible");
                // A cursor from another log, or from ahead of what was read here, would wait for ever.
                self.streams.hub.holds(position).then_some(position)
            }
        }
    }

    fn resume(&mut self, position: EntryId) {
        let streams = self.streams.clone();
        streams.instance.vitals.streams_resumed.add(1);
        self.load.is_over();
        let (scopes, views, (level, data_as_of)) = {
            let state = streams.instance.fold.read();
            self.live_from = state.position();
            let scopes = streams.snapshots.scopes(&state, &self.request.filter);
            // A scope that became known after the cursor, or by the very entry that it names, has a snapshot due. So may one
            // that had something to show at last shortly before the cursor: what was told until its snapshot has ids, too.
            // Only the newest level is known, so each that was told as late may hide that one.
            let known = scopes
                .iter()
                .filter(|scope| state.board(**scope).is_some_and(|board| board.since <= position));
            self.scopes.extend(known.map(|scope| (*scope, true)));
            let is_due = |scope: &&Scope| {
                // What a commit tells has ids up to its own, which is what is known of it.
                let told = state.level_told_at(**scope);
                state.board(**scope).is_some_and(|board| board.since == position)
                    || told.is_some_and(|told| position.ms.saturating_sub(told.ms) <= SNAPSHOT_WITHIN_MS)
            };
            self.pending_snapshots.extend(scopes.iter().filter(is_due));
            (scopes.clone(), Snapshots::views(&state, &scopes), Snapshots::summary(&state, &scopes))
        };
        self.scopes.extend(self.pending_snapshots.iter().map(|scope| (*scope, true)));
        tracing::debug!(cursor = %position, scopes = scopes.len(), "a stream resumes");
        self.owe_connected(Opening { resumed: true, gap: false, cursor: position, level, data_as_of }, views);
        self.told = position;
        self.phase = match streams.hub.covers(position) {
            true => Phase::Live(streams.hub.subscribe(position)),
            false => Phase::Replaying(position),
        };
    }

    pub(super) fn start(&mut self, gap: bool) {
        let streams = self.streams.clone();
        streams.instance.vitals.gaps.add(u64::from(gap));
        let filter = &self.request.filter;
        let (mut chosen, mut archived, mut cut_off) = (Vec::<Scope>::new(), Vec::new(), None);
        let (mut stood_in, mut is_without_board) = (false, false);
        let (taken, views, (level, data_as_of)) = streams.snapshots.take(|state| {
            // The snapshots say so.
            cut_off = state.cut_off();
            stood_in = state.stands_in();
            let whole = streams.instance.whole(state).0;
            let scopes = streams.snapshots.scopes(state, filter);
            scopes.iter().for_each(|scope| count_read(&streams.instance, state, *scope));
            is_without_board = scopes.is_empty() && whole == Level::Full;
            // Of what is only archived the snapshot is due again when the board itself becomes known.
            (archived, chosen) = scopes.iter().partition(|scope| state.archived(**scope).is_some());
            scopes
        });
        self.told_cut_off = cut_off;
        (self.archived, self.stood_in) = (archived, stood_in);
        (self.pending_snapshots, self.due) = (Vec::new(), None);
        if is_without_board {
            // There is no such board, and nothing to wait for.
            self.load.is_over();
        }
        self.scopes.extend(chosen.iter().map(|scope| (*scope, true)));
        let opening = Opening { resumed: false, gap, cursor: taken.position, level, data_as_of };
        self.owe_connected(opening, views);
        self.phase = Phase::Live(streams.hub.subscribe(taken.position));
        self.owe_snapshots(taken);
    }

    fn owe_connected(&mut self, opening: Opening, scopes: Vec<ScopeView>) {
        // Where no board is known, the organisation's own level is all there is to say.
        let (whole, outage) = match scopes.is_empty() || self.stood_in {
            true => {
                let instance = &self.streams.instance;
                instance.whole(&instance.fold.read())
            }
            false => (Level::Full, None),
        };
        let level = opening.level.max(whole);
        let mut body = Body::Connected {
            connection_id: format!("{:08x}", fastrand::u32(..)),
            server_version: env!("CARGO_PKG_VERSION"),
            versions: &[SCHEMA_VERSION],
            heartbeat_ms: u64::try_from(self.streams.settings.heartbeat.as_millis()).unwrap_or(u64::MAX),
            resumed: opening.resumed,
            gap: opening.gap,
            cursor: opening.cursor.to_string(),
            scopes,
            url: None,
            outage,
        };
        let mut json = self.encode(level, opening.data_as_of, &body);
        if json.len() > EVENT_BYTES_MAX
            && let Body::Connected { scopes, url, .. } = &mut body
        {
            scopes.clear();
            *url = Some("/api/snapshot");
            json = self.encode(level, opening.data_as_of, &body);
        }
        let id = opening.resumed.then_some(opening.cursor);
        self.owed.push(Block::first(id, fastrand::u64(RETRY_MS), &json).bytes(self.request.named));
    }
}

/// Counts that a stream begins with that board.
fn count_read(instance: &Instance, state: &Projection, scope: Scope) {
    let now = (instance.clock)();
    let outcome = ReadOutcome::of_board(state.level_here(scope), state.compared_at(scope), now);
    instance.vitals.reads.record(now, outcome);
}
