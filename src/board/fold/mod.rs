//! The fold: the log, folded into this instance's boards. Its position is exact, and a snapshot's id *is* that
//! position: there is no gap and no race between a snapshot and what follows it.

mod held;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;

pub use self::held::HeldFold;
use crate::board::projection::Projection;
use crate::domain::wire::view::ScopeView;
use crate::domain::{ArchivedBoard, JournalStatus, Scope};
use crate::journal::{self, Entry, EntryId, RecordKey, Versioned};

/// How long a writer waits for the fold to reach what another instance committed.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// This instance's boards. Written by the relay alone, read by everybody.
#[derive(Default)]
pub struct Fold {
    state: RwLock<Projection>,
    position: watch::Sender<Option<EntryId>>,
    journal_status: watch::Sender<JournalStatus>,
    loads: AtomicU64,
    /// What the boards say of it: each stream asks whenever it wakes.
    stands_in: AtomicBool,
}

impl Fold {
    /// What is known now, consistent in itself. Hold it briefly: the relay waits meanwhile. A thread takes one at a time:
    /// a second one waits for the relay, which waits for the first.
    pub fn read(&self) -> HeldFold<'_> {
        HeldFold::of(&self.state)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Projection> {
        held::refuse_second();
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The position, once the fold was loaded.
    pub fn position(&self) -> Option<EntryId> {
        *self.position.borrow()
    }

    /// How often the boards were loaded. While that stays the same, whatever the position has passed is in them.
    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    /// Tells of every move of the position.
    pub fn watch(&self) -> watch::Receiver<Option<EntryId>> {
        self.position.subscribe()
    }

    /// Whether simulated boards are all that is shown. Nobody waits for it.
    pub fn stands_in(&self) -> bool {
        self.stands_in.load(Ordering::SeqCst)
    }

    /// Lets go of boards that were written.
    fn written(&self, state: RwLockWriteGuard<'_, Projection>) {
        self.stands_in.store(state.stands_in(), Ordering::SeqCst);
    }

    /// How this instance stands with the journal.
    pub fn journal_status(&self) -> JournalStatus {
        *self.journal_status.borrow()
    }

    /// Tells of every change of how this instance stands with the journal.
    pub fn watch_journal_status(&self) -> watch::Receiver<JournalStatus> {
        self.journal_status.subscribe()
    }

    /// From now on this instance stands so with the journal. Boards tell it from the same moment on.
    pub fn set_journal_status(&self, status: JournalStatus) {
        self.change_journal_status(|_| Some(status));
    }

    /// The same, by how it stood until now; `None` changes nothing. Several tell of it, each of what it sees.
    pub fn change_journal_status(&self, next: impl FnOnce(JournalStatus) -> Option<JournalStatus>) {
        let mut state = self.write();
        let Some(status) = next(self.journal_status()) else { return };
        state.cut_off = status.cut_off();
        self.journal_status.send_if_modified(|known| std::mem::replace(known, status) != status);
    }

    /// From now on these boards are shown where nothing better is known. Readers who are there already are not told.
    pub fn show_archived(&self, boards: impl IntoIterator<Item = ArchivedBoard>) {
        let boards = boards.into_iter().map(|board| (board.scope, board)).collect();
        let mut state = self.write();
        state.archived = Arc::new(boards);
        self.written(state);
    }

    /// From now on these boards stand in where the organisation is gone and nothing is known.
    pub fn show_simulated(&self, boards: impl IntoIterator<Item = (Scope, ScopeView)>) {
        let boards = boards.into_iter().collect();
        let mut state = self.write();
        state.simulated = Arc::new(boards);
        self.written(state);
    }

    /// Waits until the fold has passed `position`; `ZERO` waits for the first load.
    pub async fn passed(&self, position: EntryId) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.position.subscribe().wait_for(|at| at.is_some_and(|at| at >= position)).await;
    }

    /// Waits until the fold has passed `position`; `false` where it was loaded anew meanwhile, and so may have passed it
    /// without what it held. `loads` is how often it had been loaded before.
    pub async fn passed_in_the_same_load(&self, position: EntryId, loads: u64) -> bool {
        let mut moves = self.position.subscribe();
        let come = |at: &Option<EntryId>| self.loads() != loads || at.is_some_and(|at| at >= position);
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = moves.wait_for(come).await;
        self.loads() == loads
    }

    /// Waits, for a while, until the fold has passed what a commit conflicted with, so that the next attempt builds on
    /// it.
    pub async fn caught_up(&self, conflicts: &[(RecordKey, Option<Versioned>)]) {
        // An instance that lags further behind than this finds the same conflict, and gives up after some attempts.
        let _ = tokio::time::timeout(CATCH_UP_TIMEOUT, self.passed(journal::position_of(conflicts))).await;
    }

    /// Begins anew.
    pub fn reset(&self, mut state: Projection) {
        let position = state.position();
        state.cut_off = self.journal_status().cut_off();
        let mut ours = self.write();
        state.archived = ours.archived.clone();
        state.simulated = ours.simulated.clone();
        *ours = state;
        self.written(ours);
        // Counted first: a reader of the new position sees that it is one of another load.
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.position.send_replace(Some(position));
    }

    /// Folds the entries of whole commits. Undecodable entries are passed over and returned by id.
    pub fn apply(&self, entries: &[Entry]) -> Vec<EntryId> {
        let Some(last) = entries.last() else { return Vec::new() };
        let mut state = self.write();
        let undecodable = state.apply(entries);
        self.written(state);
        self.position.send_replace(Some(last.id));
        undecodable
    }
}

#[cfg(test)]
mod tests;
