//! Boards that the archive remembers and that nothing here knows better: no part of what the log comes to, but shown
//! in the place of what it does not tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::State;
use crate::domain::record::archived_board::RememberedBoard;
use crate::domain::scope::Scope;
use crate::domain::wire::view::Outage;

/// Boards by their scope.
pub(in crate::board::fold) type Remembered = Arc<BTreeMap<Scope, RememberedBoard>>;

impl State {
    /// The board of that scope as it was last known; `None` where none is remembered, and as soon as anything better
    /// is known: the board itself, another sprint of its team, or that the organisation was asked and has no such
    /// board.
    pub fn remembered(&self, scope: Scope) -> Option<&RememberedBoard> {
        let is_known = || {
            self.checked.projects.contains_key(&scope.project)
                || self.boards().any(|(board, _)| (board.project, board.team) == (scope.project, scope.team))
        };
        self.remembered.get(&scope).filter(|_| !is_known())
    }

    /// The scopes that have something to show: the boards that are served, and those that are remembered instead.
    pub fn shown(&self) -> impl Iterator<Item = Scope> {
        let remembered = self.remembered.keys().filter(|scope| self.remembered(**scope).is_some());
        self.boards().map(|(scope, _)| scope).chain(remembered.copied())
    }

    /// Why a remembered board is no more than that, and since when.
    pub(super) fn outage_of_remembered(&self, board: &RememberedBoard) -> Outage {
        self.cut_off.map_or_else(|| Outage::of_memory(board.as_of), Outage::of_journal)
    }

    pub(in crate::board::fold) fn set_remembered(&mut self, remembered: Remembered) {
        self.remembered = remembered;
    }

    pub(in crate::board::fold) const fn all_remembered(&self) -> &Remembered {
        &self.remembered
    }
}
