//! Simulated boards, which stand in where nothing is known and the organisation is gone: no part of the log, shown in the
//! place of what it does not tell, and gone as soon as anything is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Projection;
use crate::domain::wire::view::ScopeView;
use crate::domain::{EntryId, Level, Scope};

/// What simulated boards are called, by their scope.
pub(in crate::board) type SimulatedBoards = Arc<BTreeMap<Scope, ScopeView>>;

impl Projection {
    /// Whether simulated boards are all that is shown: they are asked for, the organisation is gone, and no board is known.
    pub fn stands_in(&self) -> bool {
        let is_asked_for = !self.simulated.is_empty() && self.checked.is_mock();
        is_asked_for && self.known().next().is_none()
    }

    /// What a simulated board is called; `None` while none is shown.
    pub fn simulated(&self, scope: Scope) -> Option<&ScopeView> {
        self.simulated.get(&scope).filter(|_| self.stands_in())
    }

    /// Whether readers may have been shown simulated boards at that position, or are now: no event takes them away again,
    /// so a stream cannot go on from there.
    pub fn may_have_stood_in(&self, position: EntryId) -> bool {
        !self.simulated.is_empty() && self.checked.was_mock_at(position.appended_at())
    }

    /// The scopes that have something to show: those of which something is known, and without any the simulated ones.
    pub fn shown(&self) -> impl Iterator<Item = Scope> {
        let simulated = self.stands_in().then(|| self.simulated.keys().copied());
        self.known().chain(simulated.into_iter().flatten())
    }

    /// The level of a board, where it is a simulated one.
    pub(super) fn level_if_simulated(&self, scope: Scope) -> Option<Level> {
        self.simulated(scope).map(|_| Level::Mock)
    }
}
