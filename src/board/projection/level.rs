//! What this instance may claim of a board: its level, why it is less than full, and of when its data are. Three things
//! bear on it: what was announced of the board's source, whether the journal answers this instance, and whether a copy
//! from the archive stands in.

use super::Projection;
use crate::domain::record::last_announced::{self, Announced};
use crate::domain::wire::view::Outage;
use crate::domain::{Level, Scope, Timestamp};

impl Projection {
    /// The level of a board that was announced last.
    pub fn level(&self, scope: Scope) -> Level {
        match self.last_announced(scope, last_announced::LEVEL).map(|said| &said.statement) {
            Some(Announced::Level { level, .. }) => *level,
            _ => Level::Full,
        }
    }

    /// The level that this instance tells its readers: no better than the board's source allows, and not full while
    /// nobody here knows what the journal holds.
    pub fn level_here(&self, scope: Scope) -> Level {
        let of_archive = if self.archived(scope).is_some() { Level::Cached } else { Level::Full };
        self.level(scope).max(self.level_by_journal()).max(of_archive)
    }

    /// The best level that this instance may claim of any board: less than full while it is cut off from the journal.
    pub const fn level_by_journal(&self) -> Level {
        if self.cut_off.is_some() { Level::Cached } else { Level::Full }
    }

    /// Why a board is less than full, for this instance's readers; `None` when it is full.
    pub fn outage_here(&self, scope: Scope) -> Option<Outage> {
        if let Some(board) = self.archived(scope) {
            return Some(self.outage_of_archived(board));
        }
        match self.last_announced(scope, last_announced::LEVEL).map(|said| &said.statement) {
            Some(Announced::Level { reason: Some(reason), since, retry_at, .. }) => {
                Some(Outage { reason: reason.clone(), since: *since, retry_at: *retry_at })
            }
            _ => self.cut_off.map(Outage::of_journal),
        }
    }

    /// Since when this instance is cut off from the journal; `None` when it is not.
    pub const fn cut_off(&self) -> Option<Timestamp> {
        self.cut_off
    }

    /// When a board was last found equal to its source, be it in another life; its newest change, where there was never
    /// a source to compare it with.
    pub fn data_as_of(&self, scope: Scope) -> Option<Timestamp> {
        let checked = self.checked.projects.get(&scope.project).copied();
        let changed = || self.board(scope).and_then(|board| board.changed_at);
        checked.or_else(|| self.archived(scope).map(|board| board.as_of)).or_else(changed)
    }
}
