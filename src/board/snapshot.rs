//! The read path: a board as it is in the fold, with its age and level.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use crate::board::figures::{Calculator, Inputs, board_view};
use crate::board::filter::ScopeFilter;
use crate::board::fold::Fold;
use crate::board::projection::Projection;
use crate::board::stand_in::{StandIn, no_numbers, without_numbers};
use crate::domain::wire::event::{self, Body, Cause, EVENT_BYTES_MAX, Envelope, Subject};
use crate::domain::wire::explanation::Explained;
use crate::domain::wire::view::{
    BoardView, Directory, DirectoryRow, ItemView, LastChange, NextSprint, Outage, PastProgress, ScopeView,
    board_url,
};
use crate::domain::{AllowedBoards, ArchivedBoard, EntryId, Level, Scope, Text, Timestamp};
use crate::platform::clock::Clock;

/// For how long a snapshot that was encoded is as good as new while nothing happens to its board: what depends on the
/// time alone, such as the age of an item, is that old at most.
const ENCODED_FOR_MS: i64 = 10_000;

/// Makes snapshots from the fold. An encoded one is kept until its board changes, so that a thousand readers who
/// come at once cost one encoding.
pub struct Snapshots {
    pub(super) fold: Arc<Fold>,
    pub(super) calculator: Arc<Calculator>,
    pub(super) clock: Clock,
    allowed: AllowedBoards,
    pub(super) demo: bool,
    encoded: Mutex<HashMap<Scope, Encoded>>,
    stand_in: OnceLock<Arc<dyn StandIn>>,
}

struct Encoded {
    stand: Stand,
    at: Timestamp,
    json: Bytes,
}

/// How a board stands: while that stays the same, an encoded snapshot says what a new one would.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    touched: EntryId,
    data_as_of: Option<Timestamp>,
    cut_off: Option<Timestamp>,
}

/// Boards that were taken in one moment.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The position of the fold at that moment: what follows it is not in.
    pub position: EntryId,
    /// The `snapshot` event of each board, as JSON, in the order asked for.
    pub boards: Vec<Bytes>,
    /// Whether any of them has numbers of its own.
    pub has_numbers: bool,
}

/// A board as `GET snapshot` answers it.
#[derive(Clone, Debug)]
pub struct BoardAnswer {
    /// `None` where the client has it already.
    pub json: Option<Bytes>,
    /// Its entity tag: the last entry that touched the board, and the level.
    pub etag: String,
    pub data_as_of: Option<Timestamp>,
}

enum Part {
    /// The board has not changed since it was encoded.
    Kept(Bytes),
    Changed(Box<Parts>),
}

/// What a board is made of, copied out of the fold so that encoding does not hold it.
struct Parts {
    inputs: Inputs,
    project_name: Option<Text>,
    level: Level,
    outage: Option<Outage>,
    stand: Stand,
    archived: Option<ArchivedBoard>,
    is_simulated: bool,
    backfill: Option<PastProgress>,
    last_change: Option<LastChange>,
}

impl Snapshots {
    /// Snapshots of the boards in `fold`.
    pub fn new(
        fold: Arc<Fold>,
        calculator: Arc<Calculator>,
        clock: Clock,
        allowed: AllowedBoards,
        demo: bool,
    ) -> Self {
        Self { fold, calculator, clock, allowed, demo, encoded: Mutex::default(), stand_in: OnceLock::new() }
    }

    /// Whether a reader with that filter may see the board of `scope`.
    pub fn admits(&self, state: &Projection, filter: &ScopeFilter, scope: Scope) -> bool {
        let name = state.project_name(scope.project).map(|name| &**name);
        let team_name = state.team_name(scope).map(|name| &**name);
        filter.admits(scope, name, team_name) && self.allowed.allows_board(scope, name, team_name)
    }

    /// The boards that exist or are archived, and that a reader with that filter may see; without any, those that stand in.
    pub fn scopes(&self, state: &Projection, filter: &ScopeFilter) -> Vec<Scope> {
        if state.stands_in() {
            return filter.simulated(state);
        }
        state.known().filter(|scope| self.admits(state, filter, *scope)).collect()
    }

    /// Scopes with the names that people know them by.
    pub fn views(state: &Projection, scopes: &[Scope]) -> Vec<ScopeView> {
        let view = |scope: &Scope| {
            if let Some(board) = state.archived(*scope) {
                return board.scope_view();
            }
            if let Some(simulated) = state.simulated(*scope) {
                return simulated.clone();
            }
            let catalogue = state.teams().catalogue_of(*scope).map(|catalogue| &**catalogue);
            ScopeView::of(*scope, state.project_name(scope.project).cloned(), catalogue)
        };
        scopes.iter().map(view).collect()
    }

    /// The worst level and the oldest age of some boards: what a stream says of itself.
    pub fn summary(state: &Projection, scopes: &[Scope]) -> (Level, Option<Timestamp>) {
        let ages = scopes.iter().filter_map(|scope| state.data_as_of(*scope));
        let level = scopes.iter().map(|scope| state.level_here(*scope)).max().unwrap_or_default();
        (level.max(state.level_by_journal()), ages.min())
    }

    /// The `snapshot` events of the boards that `choose` picks, all of one moment, with their names and what is said of
    /// all of them together.
    pub fn take(
        &self,
        choose: impl FnOnce(&Projection) -> Vec<Scope>,
    ) -> (Taken, Vec<ScopeView>, (Level, Option<Timestamp>)) {
        let state = self.fold.read();
        let scopes = choose(&state);
        let (position, views) = (state.position(), Self::views(&state, &scopes));
        let summary = Self::summary(&state, &scopes);
        let parts: Vec<_> = scopes.iter().map(|scope| self.part(&state, *scope)).collect();
        let has_numbers = scopes.iter().any(|scope| state.level_here(*scope) <= Level::Cached);
        drop(state);
        let json = |part| match part {
            Part::Kept(json) => json,
            Part::Changed(parts) => self.encode(&parts),
        };
        let boards = parts.into_iter().map(json).collect();
        (Taken { position, boards, has_numbers }, views, summary)
    }

    fn part(&self, state: &Projection, scope: Scope) -> Part {
        let (stand, now) = (Stand::of(state, scope), (self.clock)());
        let is_good = |kept: &&Encoded| kept.stand == stand && now.ms_since(kept.at) < ENCODED_FOR_MS;
        let encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = state.archived(scope).is_none() && state.simulated(scope).is_none();
        match encoded.get(&scope).filter(|_| is_known).filter(is_good) {
            Some(kept) => Part::Kept(kept.json.clone()),
            None => Part::Changed(Box::new(Parts::of(state, scope, now))),
        }
    }

    fn encode(&self, parts: &Parts) -> Bytes {
        let now = (self.clock)();
        let (scope, stand) = (parts.inputs.scope, parts.stand);
        let envelope = Envelope {
            subject: Subject::Scope(scope),
            source: Some(Cause::System),
            demo: self.demo,
            ..Envelope::connection(now, parts.level, stand.data_as_of)
        };
        let (data, outage) = (Box::new(self.board_of(parts, now)), parts.outage.clone());
        let whole = Body::Snapshot { data, outage, url: None, etag: None };
        let mut json = event::encode(&envelope, &whole);
        if json.len() > EVENT_BYTES_MAX
            && let Body::Snapshot { data, .. } = whole
        {
            let mut data = Box::new(BoardView { items: None, ..*data });
            let short = |data: &BoardView| {
                let (outage, url) = (parts.outage.clone(), Some(board_url(scope, Some(stand.touched))));
                let short =
                    Body::Snapshot { data: Box::new(data.clone()), outage, url, etag: Some(parts.etag()) };
                event::encode(&envelope, &short)
            };
            json = short(&data);
            // Of a sprint of a year the lines alone would be too large in every unit.
            if let Some(burndown) = data.burndown.as_mut().filter(|_| json.len() > EVENT_BYTES_MAX) {
                burndown.others.clear();
                json = short(&data);
            }
        }
        if parts.archived.is_some() || parts.is_simulated {
            return json;
        }
        let new = Encoded { stand, at: now, json: json.clone() };
        // Taken before the lock: a reader that copies a board out of the fold holds that and waits for this.
        let served: BTreeSet<Scope> = self.fold.read().boards().map(|(scope, _)| scope).collect();
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        match encoded.get_mut(&scope) {
            // Another reader's was begun later.
            Some(kept) if kept.stand.touched > stand.touched => {}
            Some(kept) => *kept = new,
            None => {
                // A board of another sprint that is served no longer is not asked for again.
                encoded.retain(|scope, _| served.contains(scope));
                encoded.insert(scope, new);
            }
        }
        json
    }

    /// What there is, for a reader with that filter.
    pub fn directory(&self, filter: &ScopeFilter) -> Directory {
        let state = self.fold.read();
        let scopes = self.scopes(&state, filter);
        let level = Self::summary(&state, &scopes).0;
        let rows = Self::views(&state, &scopes).into_iter().zip(&scopes).map(|(view, scope)| DirectoryRow {
            scope: view,
            level: state.level_here(*scope),
            mock: state.level_here(*scope) == Level::Mock,
            data_as_of: state.data_as_of(*scope),
            url: board_url(*scope, None),
        });
        let scopes: Vec<_> = rows.collect();
        let mock = scopes.iter().any(|row| row.mock);
        Directory { scopes, level, mock, outage: None, cursor: state.position().to_string() }
    }

    /// The board of a scope, whole, as `GET snapshot` answers it, unless a client that asks has that entity tag: to put
    /// together what it has would cost as much as what it has not.
    pub fn board(&self, scope: Scope, has: impl FnOnce(&str) -> bool) -> BoardAnswer {
        let now = (self.clock)();
        let (position, parts) = {
            let state = self.fold.read();
            let stand = Stand::of(&state, scope);
            let etag = stand.etag(state.level_here(scope));
            if has(&etag) {
                return BoardAnswer { json: None, etag, data_as_of: stand.data_as_of };
            }
            (state.position(), Parts::of(&state, scope, now))
        };
        let answer = Answer {
            level: parts.level,
            data_as_of: parts.stand.data_as_of,
            demo: self.demo,
            mock: parts.level == Level::Mock,
            outage: parts.outage.clone(),
            cursor: position.to_string(),
            board: self.board_of(&parts, now),
        };
        BoardAnswer {
            // Strings, numbers and maps with string keys cannot fail to serialise.
            json: Some(serde_json::to_vec(&answer).unwrap_or_default().into()),
            etag: parts.etag(),
            data_as_of: parts.stand.data_as_of,
        }
    }

    /// From now on a board of level `mock` is what `stand_in` says, and all of its boards are shown where none is known.
    /// Only the first call counts.
    pub fn set_stand_in(&self, stand_in: Arc<dyn StandIn>) {
        let boards = stand_in.boards();
        if self.stand_in.set(stand_in).is_ok() {
            self.fold.show_simulated(boards);
        }
    }

    pub fn view(&self, scope: Scope) -> BoardView {
        let now = (self.clock)();
        let parts = Parts::of(&self.fold.read(), scope, now);
        self.board_of(&parts, now)
    }

    /// The board of these parts; without numbers, or another in its place, where its level says so.
    fn board_of(&self, parts: &Parts, now: Timestamp) -> BoardView {
        if let Some(board) = &parts.archived {
            return board.view(now);
        }
        let view = parts.board(&self.calculator, now);
        match parts.level {
            Level::Full | Level::Cached => return view,
            Level::Mock => {
                if let Some(stand_in) = self.stand_in.get() {
                    let mock = stand_in.board(parts.inputs.scope);
                    return match parts.is_simulated {
                        true => mock,
                        false => BoardView { project: view.project, team: view.team, ..mock },
                    };
                }
            }
            Level::None => {}
        }
        without_numbers(view, parts.outage.as_ref())
    }

    /// Where a number of a board comes from; `None` when the board has no such metric.
    pub fn explain(&self, scope: Scope, metric: &str) -> Option<Explained> {
        let now = (self.clock)();
        let (inputs, level, data_as_of, outage) = {
            let state = self.fold.read();
            let outage = state.outage_here(scope);
            (Inputs::of(&state, scope, now), state.level_here(scope), state.data_as_of(scope), outage)
        };
        let mock = level == Level::Mock;
        if let Some(stand_in) = self.stand_in.get().filter(|_| mock) {
            let explanation = stand_in.explain(scope, metric)?;
            return Some(Explained { explanation, level, data_as_of, demo: self.demo, mock });
        }
        let mut explanation = self.calculator.explain(&inputs, metric, now)?;
        if !matches!(level, Level::Full | Level::Cached) {
            explanation.withhold(no_numbers(outage.as_ref()));
        }
        Some(Explained { explanation, level, data_as_of, demo: self.demo, mock })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    level: Level,
    data_as_of: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    demo: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mock: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outage: Option<Outage>,
    cursor: String,
    #[serde(flatten)]
    board: BoardView,
}

impl Stand {
    pub(super) fn of(state: &Projection, scope: Scope) -> Self {
        let touched = match state.archived(scope) {
            // Another process may remember something else under no position at all.
            Some(board) => EntryId { ms: u64::try_from(board.as_of.epoch_ms()).unwrap_or_default(), seq: 0 },
            None => state.board(scope).map(|board| board.touched).unwrap_or_default(),
        };
        Self { touched, data_as_of: state.data_as_of(scope), cut_off: state.cut_off() }
    }

    pub(super) fn etag(&self, level: Level) -> String {
        format!("\"{}-{}\"", self.touched, level.as_str())
    }
}

impl Parts {
    fn of(state: &Projection, scope: Scope, now: Timestamp) -> Self {
        Self {
            inputs: Inputs::of(state, scope, now),
            project_name: state.project_name(scope.project).cloned(),
            level: state.level_here(scope),
            outage: state.outage_here(scope),
            stand: Stand::of(state, scope),
            archived: state.archived(scope).cloned(),
            is_simulated: state.simulated(scope).is_some(),
            backfill: state.past_progress(scope),
            last_change: state.board(scope).and_then(|board| board.last_change),
        }
    }

    fn etag(&self) -> String {
        self.stand.etag(self.level)
    }

    fn board(&self, calculator: &Calculator, now: Timestamp) -> BoardView {
        let figures = calculator.figures(&self.inputs, now);
        let is_goal = |item: &ItemView| calculator.settings().is_goal(&item.tags);
        let view = board_view(&self.inputs, self.project_name.clone(), figures, now, is_goal);
        let next = || {
            let next = self.inputs.catalogue.as_ref()?.next_sprint(now)?;
            Some(NextSprint { name: next.name.clone(), start_date: next.start? })
        };
        let next_sprint = view.sprint.is_none().then(next);
        BoardView { next_sprint, backfill: self.backfill, last_change: self.last_change, ..view }
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
