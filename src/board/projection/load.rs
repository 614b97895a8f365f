//! How the boards come out of a journal: its records first, then what the log says from there on.

use std::sync::Arc;

use super::Projection;
use crate::domain::{
    AnnouncedRecord, Catalogue, CollectionId, CurrentSprint, Delta, Stored, Teams, Todo, WorkItem,
};
use crate::journal::{EntryId, Journal, JournalError, LoadedRecords, RecordKey};

/// How many entries are read from the log at once when it is folded.
pub const TAIL_ENTRIES: usize = 512;

impl Projection {
    /// Reads everything that a journal holds, as of one moment: others write while its records are read, so the log is
    /// folded until all of them are of the same age. What cannot be decoded is left out and named.
    ///
    /// Errors: the journal failed, or it was emptied or set back meanwhile ([`JournalError::Lost`]).
    pub async fn load(journal: &dyn Journal) -> Result<(Self, Vec<String>), JournalError> {
        let loaded = journal.load().await?;
        let whole_at = loaded.whole_at;
        let (mut state, mut undecodable) = Self::from_records(loaded);
        while state.position < whole_at {
            let entries = journal.tail(state.position, TAIL_ENTRIES).await?;
            undecodable.extend(state.apply(&entries).iter().map(EntryId::to_string));
        }
        Ok((state, undecodable))
    }

    /// The boards that come of one commit alone.
    pub fn of(delta: Delta) -> Self {
        let first = EntryId { ms: 1, seq: 0 };
        let mut state = Self::default();
        state.fold(first, delta);
        state.position = first;
        state
    }

    /// The state that all records come to. Undecodable ones are left out and returned by key.
    pub fn from_records(loaded: LoadedRecords) -> (Self, Vec<String>) {
        let mut state = Self { position: loaded.position, ..Self::default() };
        let mut undecodable = Vec::new();
        let (mut items, mut teams) = (Vec::new(), Teams::default());
        for (key, record) in loaded.records {
            let value = &record.value;
            let text = std::str::from_utf8(value).ok();
            let understood = if key.as_item().is_some() {
                // At once, so that a load takes no more than what it comes to.
                let keep = |mut item: WorkItem| {
                    item.keep_once(&mut state.interner);
                    items.push((item, record.version));
                };
                WorkItem::decode(value).map(keep).is_ok()
            } else if key.is_team() {
                state.versions.insert(key.clone(), record.version);
                Catalogue::decode(value).map(|catalogue| teams.learn(Arc::new(catalogue))).is_ok()
            } else if key.is_current_sprint() {
                state.versions.insert(key.clone(), record.version);
                CurrentSprint::decode(value).map(|current| teams.set_current(current)).is_ok()
            } else if key.is_teams_of_project() {
                state.versions.insert(key.clone(), record.version);
                true
            } else if key.is_announced() {
                AnnouncedRecord::decode(value).map(|last| state.announce(last, record.version)).is_ok()
            } else if key.is_todo() {
                let todo = Todo::decode(value);
                todo.map(|todo| state.todo.insert(todo.item, (todo, record.version))).is_ok()
            } else if key == RecordKey::feed() {
                state.versions.insert(key.clone(), record.version);
                serde_json::from_slice(value).map(|checked| state.checked = checked).is_ok()
            } else {
                if key == RecordKey::epoch() {
                    state.epoch = text.map(str::to_owned);
                } else if key == RecordKey::collection() {
                    state.collection = text.and_then(CollectionId::parse);
                    state.versions.insert(key.clone(), record.version);
                }
                true
            };
            if !understood {
                undecodable.push(key.to_string());
            }
        }
        state.teams = Arc::new(teams);
        for (item, version) in items {
            state.meet(&item);
            state.place(item, version);
        }
        state.serve_current(EntryId::ZERO);
        for board in state.boards.values_mut() {
            board.since = EntryId::ZERO;
        }
        (state, undecodable)
    }
}
