//! What this instance may claim of a board: its level, why it is less than full, and of when its data are. Three things
//! bear on it: what was announced of the board's source, whether the journal answers this instance, and whether a copy
//! from the archive stands in.

use super::Projection;
use crate::domain::degradation::Condition;
use crate::domain::record::last_announced::{self, Announced};
use crate::domain::wire::view::{Outage, Progress};
use crate::domain::{EntryId, Level, Scope, TeamKey, Timestamp};

impl Projection {
    /// The level of a board that was announced last; without anything to claim before its first whole comparison.
    pub fn level(&self, scope: Scope) -> Level {
        let announced = match self.last_announced(scope, last_announced::LEVEL).map(|last| &last.statement) {
            Some(Announced::Level { level, .. }) => *level,
            _ => Level::Full,
        };
        match self.awaits_comparison(scope) {
            true if announced != Level::Mock => Level::None,
            _ => announced,
        }
    }

    /// Whether a board that is served waits for its first whole comparison with the organisation.
    pub fn awaits_comparison(&self, scope: Scope) -> bool {
        self.teams.serves(scope) && self.checked.awaits_comparison(scope)
    }

    /// The level that this instance tells its readers: no better than the board's source allows, and not full while
    /// nobody here knows what the journal holds.
    pub fn level_here(&self, scope: Scope) -> Level {
        let of_board = if self.archived(scope).is_some() { Level::Cached } else { self.level(scope) };
        self.level_if_simulated(scope).unwrap_or(of_board).max(self.level_by_journal())
    }

    /// The best level that this instance may claim of any board: less than full while it is cut off from the journal.
    pub const fn level_by_journal(&self) -> Level {
        if self.cut_off.is_some() { Level::Cached } else { Level::Full }
    }

    /// The entry that told last which level a board with something to show has; `None` where none did. It may be the one
    /// by which it had something to show at last, or one that told since that it is old.
    pub fn level_told_at(&self, scope: Scope) -> Option<EntryId> {
        let told = self.last_announced(scope, last_announced::LEVEL)?;
        let has_something = |level| matches!(level, Level::Full | Level::Cached);
        let is_meant = matches!(told.statement, Announced::Level { level, .. } if has_something(level));
        is_meant.then_some(told.version)
    }

    /// Why a board is less than full, for this instance's readers; `None` when it is full.
    pub fn outage_here(&self, scope: Scope) -> Option<Outage> {
        if let Some(board) = self.archived(scope) {
            return Some(self.outage_of_archived(board));
        }
        if self.simulated(scope).is_some() {
            return self.whole(Level::Full).1;
        }
        let gone = self.checked.gone(scope);
        match self.last_announced(scope, last_announced::LEVEL).map(|last| &last.statement) {
            _ if gone.is_none() && self.awaits_comparison(scope) => {
                Some(Outage::of_loading(self.progress(scope)))
            }
            // A board that stays full while its source asks to wait is less than that for another reason here.
            Some(Announced::Level { reason: Some(reason), level, since, retry_at })
                if *level != Level::Full || self.cut_off.is_none() =>
            {
                Some(Outage {
                    reason: reason.clone(),
                    since: *since,
                    retry_at: *retry_at,
                    remedy: gone.and_then(Condition::reason).map(|reason| reason.remedy().into()),
                    progress: None,
                })
            }
            _ => self.cut_off.map(Outage::of_journal),
        }
    }

    /// How far the first comparison of a board is, once it is known how many items it has.
    fn progress(&self, scope: Scope) -> Option<Progress> {
        let check = self.checked.team(TeamKey::of(scope)?).filter(|check| check.sprint == scope.sprint)?;
        let known = self.board(scope).map_or(0, |board| board.items.len());
        check.items.map(|of| Progress { done: known.min(of), of })
    }

    /// The level of the organisation as a whole, and why; `unrecorded` where nothing was recorded of it yet.
    pub fn whole(&self, unrecorded: Level) -> (Level, Option<Outage>) {
        match &self.checked.whole {
            Some(whole) => (whole.level, whole.outage.clone()),
            None if unrecorded == Level::Full => (Level::Full, None),
            None => {
                // What cannot be kept is not read.
                let outage = self.cut_off.map_or_else(|| Outage::of_loading(None), Outage::of_journal);
                (unrecorded, Some(outage))
            }
        }
    }

    /// Since when this instance is cut off from the journal; `None` when it is not.
    pub const fn cut_off(&self) -> Option<Timestamp> {
        self.cut_off
    }

    /// When a board was last found equal to its source, be it in another life; `None` where hooks alone tell of it.
    pub fn compared_at(&self, scope: Scope) -> Option<Timestamp> {
        let archived = || self.archived(scope).map(|board| board.as_of);
        self.checked.compared_at(scope).or_else(archived)
    }

    /// When the source last told which sprints the team of a board has.
    pub fn sprints_as_of(&self, scope: Scope) -> Option<Timestamp> {
        self.checked.team(TeamKey::of(scope)?)?.sprints_as_of
    }

    /// When a board was last found equal to its source, be it in another life; its newest change, where there was never
    /// a source to compare it with; nothing before the first comparison.
    pub fn data_as_of(&self, scope: Scope) -> Option<Timestamp> {
        let changed = || self.board(scope).filter(|_| !self.awaits_comparison(scope))?.changed_at;
        self.compared_at(scope).or_else(changed)
    }
}
