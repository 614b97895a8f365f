//! The read path: a board as it is in the fold, with its age and level.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use crate::clock::Clock;
use crate::domain::amount::Hundredths;
use crate::domain::authorise::{AllowedProjects, Principal, authorise};
use crate::domain::entry_id::EntryId;
use crate::domain::event::{self, Body, EVENT_BYTES_MAX, Envelope, Source, Subject};
use crate::domain::level::Level;
use crate::domain::scope::{NameOrId, Scope, Text};
use crate::domain::time::Timestamp;
use crate::domain::view::{
    BoardView, Directory, DirectoryRow, ItemView, MetricView, Named, ScopeView, StateCount, Unit, board_url,
};
use crate::domain::work_item::{History, WorkItem};
use crate::fold::{Fold, State};

/// Which boards a reader asks for. Nothing named means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeFilter {
    /// Projects, by name or id.
    pub projects: Vec<NameOrId>,
    /// Teams, by name or id.
    pub teams: Vec<NameOrId>,
}

impl ScopeFilter {
    /// Whether nothing was named.
    pub fn is_empty(&self) -> bool {
        self.projects.is_empty() && self.teams.is_empty()
    }

    fn admits(&self, scope: Scope, project_name: Option<&str>) -> bool {
        let project = self.projects.is_empty()
            || self.projects.iter().any(|wanted| wanted.is_project(scope.project, project_name));
        let team = self.teams.is_empty()
            || scope.team.is_some_and(|team| self.teams.iter().any(|wanted| wanted.is_team(team, None)));
        project && team
    }
}

/// Makes snapshots from the fold. An encoded one is kept until its board changes, so that a thousand readers who
/// come at once cost one encoding.
pub struct Snapshots {
    fold: Arc<Fold>,
    clock: Clock,
    allowed: AllowedProjects,
    demo: bool,
    encoded: Mutex<HashMap<Scope, Encoded>>,
}

#[derive(Clone)]
struct Encoded {
    touched: EntryId,
    json: Bytes,
}

/// Boards that were taken in one moment.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The position of the fold at that moment: what follows it is not in.
    pub position: EntryId,
    /// The `snapshot` event of each board, as JSON, in the order asked for.
    pub boards: Vec<Bytes>,
}

/// A board as `GET snapshot` answers it.
#[derive(Clone, Debug)]
pub struct BoardAnswer {
    /// The JSON.
    pub json: Bytes,
    /// Its entity tag: the last entry that touched the board, and the level.
    pub etag: String,
    /// When the source was last found equal.
    pub data_as_of: Option<Timestamp>,
}

enum Part {
    /// The board has not changed since it was encoded.
    Kept(Bytes),
    Changed(Parts),
}

/// What a board is made of, copied out of the fold so that encoding does not hold it.
struct Parts {
    scope: Scope,
    project_name: Option<Text>,
    items: Vec<Arc<WorkItem>>,
    touched: EntryId,
    data_as_of: Option<Timestamp>,
}

impl Snapshots {
    /// Snapshots of the boards in `fold`.
    pub fn new(fold: Arc<Fold>, clock: Clock, allowed: AllowedProjects, demo: bool) -> Self {
        Self { fold, clock, allowed, demo, encoded: Mutex::default() }
    }

    /// Whether a reader with that filter may see the board of `scope`.
    pub fn admits(&self, state: &State, filter: &ScopeFilter, scope: Scope) -> bool {
        let name = state.project_name(scope.project).map(|name| &**name);
        filter.admits(scope, name) && authorise(Principal::Viewer, scope, name, &self.allowed)
    }

    /// The boards that exist and that a reader with that filter may see.
    pub fn scopes(&self, state: &State, filter: &ScopeFilter) -> Vec<Scope> {
        state.boards().map(|(scope, _)| scope).filter(|scope| self.admits(state, filter, *scope)).collect()
    }

    /// Scopes with the names that people know them by.
    pub fn views(state: &State, scopes: &[Scope]) -> Vec<ScopeView> {
        scopes
            .iter()
            .map(|scope| ScopeView::of_project(*scope, state.project_name(scope.project).cloned()))
            .collect()
    }

    /// The worst level and the oldest age of some boards: what a stream says of itself.
    pub fn standing(state: &State, scopes: &[Scope]) -> (Level, Option<Timestamp>) {
        let ages = scopes.iter().filter_map(|scope| state.board(*scope).and_then(|board| board.changed_at));
        (Level::Full, ages.min())
    }

    /// The `snapshot` events of the boards that `choose` picks, all of one moment.
    pub fn take(
        &self,
        choose: impl FnOnce(&State) -> Vec<Scope>,
    ) -> (Taken, Vec<ScopeView>, Option<Timestamp>) {
        let (position, views, data_as_of, parts) = {
            let state = self.fold.read();
            let scopes = choose(&state);
            let parts: Vec<_> = scopes.iter().map(|scope| self.part(&state, *scope)).collect();
            let (_, data_as_of) = Self::standing(&state, &scopes);
            (state.position(), Self::views(&state, &scopes), data_as_of, parts)
        };
        let json = |part| match part {
            Part::Kept(json) => json,
            Part::Changed(parts) => self.encode(&parts),
        };
        let boards = parts.into_iter().map(json).collect();
        (Taken { position, boards }, views, data_as_of)
    }

    fn part(&self, state: &State, scope: Scope) -> Part {
        let touched = state.board(scope).map(|board| board.touched).unwrap_or_default();
        let encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        match encoded.get(&scope) {
            Some(kept) if kept.touched == touched => Part::Kept(kept.json.clone()),
            _ => Part::Changed(Parts::of(state, scope)),
        }
    }

    fn encode(&self, parts: &Parts) -> Bytes {
        let envelope = Envelope {
            timestamp: (self.clock)(),
            subject: Subject::Scope(parts.scope),
            source: Some(Source::System),
            level: Level::Full,
            demo: self.demo,
            mock: false,
            data_as_of: parts.data_as_of,
            changed_at: None,
            received_at: None,
            trace_id: None,
        };
        let whole = Body::Snapshot { data: Box::new(parts.board()), url: None, etag: None };
        let mut json = event::encode(&envelope, &whole);
        if json.len() > EVENT_BYTES_MAX {
            let without_items = Body::Snapshot {
                data: Box::new(BoardView { items: None, ..parts.board() }),
                url: Some(board_url(parts.scope, Some(parts.touched))),
                etag: Some(etag(parts.touched, Level::Full)),
            };
            json = event::encode(&envelope, &without_items);
        }
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = encoded
            .entry(parts.scope)
            .or_insert_with(|| Encoded { touched: parts.touched, json: json.clone() });
        if parts.touched > kept.touched {
            *kept = Encoded { touched: parts.touched, json: json.clone() };
        }
        json
    }

    /// What there is, for a reader with that filter.
    pub fn directory(&self, filter: &ScopeFilter) -> Directory {
        let state = self.fold.read();
        let scopes = self.scopes(&state, filter);
        let rows = Self::views(&state, &scopes).into_iter().zip(&scopes).map(|(view, scope)| DirectoryRow {
            scope: view,
            level: Level::Full,
            data_as_of: state.board(*scope).and_then(|board| board.changed_at),
            url: board_url(*scope, None),
        });
        Directory { scopes: rows.collect(), level: Level::Full, cursor: state.position().to_string() }
    }

    /// The board of a scope, whole, as `GET snapshot` answers it.
    pub fn board(&self, scope: Scope) -> BoardAnswer {
        let (position, parts) = {
            let state = self.fold.read();
            (state.position(), Parts::of(&state, scope))
        };
        let answer = Answer {
            level: Level::Full,
            data_as_of: parts.data_as_of,
            demo: self.demo,
            cursor: position.to_string(),
            board: parts.board(),
        };
        BoardAnswer {
            // Strings, numbers and maps with string keys cannot fail to serialise.
            json: serde_json::to_vec(&answer).unwrap_or_default().into(),
            etag: etag(parts.touched, Level::Full),
            data_as_of: parts.data_as_of,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    level: Level,
    data_as_of: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    demo: bool,
    cursor: String,
    #[serde(flatten)]
    board: BoardView,
}

fn etag(touched: EntryId, level: Level) -> String {
    format!("\"{touched}-{}\"", level.as_str())
}

impl Parts {
    fn of(state: &State, scope: Scope) -> Self {
        let board = state.board(scope);
        Self {
            scope,
            project_name: state.project_name(scope.project).cloned(),
            items: state.items_of(scope),
            touched: board.map(|board| board.touched).unwrap_or_default(),
            data_as_of: board.and_then(|board| board.changed_at),
        }
    }

    fn board(&self) -> BoardView {
        let items: Vec<ItemView> = self.items.iter().map(|item| ItemView::of(item.present())).collect();
        let complete = self.items.iter().all(|item| item.history() == History::Complete);
        BoardView {
            project: Named { id: self.scope.project, name: self.project_name.clone() },
            team: None,
            sprint: None,
            next_sprint: Some(None),
            metrics: BTreeMap::from([("items.total", count(items.len()))]),
            states: states(&items),
            items: Some(items),
            burndown: None,
            history: if complete { History::Complete } else { History::Partial },
        }
    }
}

fn count(items: usize) -> MetricView {
    let value = u32::try_from(items).ok().and_then(|count| Hundredths::from_units(f64::from(count)));
    MetricView { value, unit: Unit::Items, reason: None, approximate: false, detail: None }
}

fn states(items: &[ItemView]) -> Vec<StateCount> {
    let mut counts = BTreeMap::<Text, usize>::new();
    for item in items {
        *counts.entry(item.state.clone()).or_default() += 1;
    }
    counts.into_iter().map(|(name, items)| StateCount { name, category: None, items, points: None }).collect()
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
