//! Boards that the archive holds and that nothing here knows better: no part of the log, but shown
//! in the place of what it does not tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Projection;
use crate::domain::wire::view::Outage;
use crate::domain::{ArchivedBoard, Scope};

/// Boards by their scope.
pub(in crate::board) type ArchivedBoards = Arc<BTreeMap<Scope, ArchivedBoard>>;

impl Projection {
    /// The board of that scope as it was last known; `None` where none is archived, and as soon as anything better
    /// is known: the board itself, another sprint of its team, or that the organisation was asked and has no such
    /// board.
    pub fn archived(&self, scope: Scope) -> Option<&ArchivedBoard> {
        let is_known = || {
            self.checked.projects.contains_key(&scope.project)
                || self.boards().any(|(board, _)| (board.project, board.team) == (scope.project, scope.team))
        };
        self.archived.get(&scope).filter(|_| !is_known())
    }

    /// The scopes that have something to show: the boards that are served, and those that are archived instead.
    pub fn shown(&self) -> impl Iterator<Item = Scope> {
        let archived = self.archived.keys().filter(|scope| self.archived(**scope).is_some());
        self.boards().map(|(scope, _)| scope).chain(archived.copied())
    }

    /// Why an archived board is no more than that, and since when.
    pub(super) fn outage_of_archived(&self, board: &ArchivedBoard) -> Outage {
        self.cut_off.map_or_else(|| Outage::of_archive(board.as_of), Outage::of_journal)
    }
}
