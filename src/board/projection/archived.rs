//! Boards that the archive holds and that nothing here knows better: no part of the log, but shown
//! in the place of what it does not tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Projection;
use crate::domain::wire::view::Outage;
use crate::domain::{ArchivedBoard, Scope, TeamKey};

/// Boards by their scope.
pub(in crate::board) type ArchivedBoards = Arc<BTreeMap<Scope, ArchivedBoard>>;

impl Projection {
    /// The board of that scope as it was last known; `None` where none is archived, and as soon as anything better
    /// is known: the board itself, another sprint of its team, or that the organisation was asked and has no such
    /// board.
    pub fn archived(&self, scope: Scope) -> Option<&ArchivedBoard> {
        let check = &self.checked;
        let is_known = || {
            // A team that one list did not name may be named by the next.
            let is_named = TeamKey::of(scope).is_some_and(|team| check.team(team).is_some());
            let was_asked = check.answered.is_some() || check.projects.contains_key(&scope.project);
            // One that is still being compared for the first time has nothing better to show.
            let is_better = |board: Scope| board != scope || !self.awaits_comparison(board);
            was_asked && !is_named
                || self.boards().map(|(board, _)| board).any(|board| {
                    (board.project, board.team) == (scope.project, scope.team) && is_better(board)
                })
        };
        self.archived.get(&scope).filter(|_| !is_known())
    }

    /// The teams of which something is archived.
    pub fn archived_teams(&self) -> impl Iterator<Item = TeamKey> {
        self.archived.keys().filter_map(|scope| TeamKey::of(*scope))
    }

    /// The scopes of which something is known: the boards that are served, and those that are archived instead.
    pub fn known(&self) -> impl Iterator<Item = Scope> {
        let archived = self.archived.keys().filter(|scope| self.archived(**scope).is_some());
        let boards = self.boards().map(|(scope, _)| scope).filter(|scope| self.archived(*scope).is_none());
        boards.chain(archived.copied())
    }

    /// Why an archived board is no more than that, and since when.
    pub(super) fn outage_of_archived(&self, board: &ArchivedBoard) -> Outage {
        self.cut_off.map_or_else(|| Outage::of_archive(board.as_of), Outage::of_journal)
    }
}
