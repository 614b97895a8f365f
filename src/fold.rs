//! The fold: the log, folded into this instance's boards. Its position is exact, and a snapshot's id *is* that
//! position: there is no gap and no race between a snapshot and what follows it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::watch;

use crate::domain::authorise::AllowedProjects;
use crate::domain::change::boards_of;
use crate::domain::log::Delta;
use crate::domain::scope::{CollectionId, ProjectId, Scope, Text};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{WorkItem, WorkItemId};
use crate::store::{Entry, EntryId, Loaded, RecordKey, Version};

/// This instance's boards. Written by the relay alone, read by everybody.
pub struct Fold {
    state: RwLock<State>,
    position: watch::Sender<Option<EntryId>>,
}

/// What the log comes to, up to a position.
#[derive(Default)]
pub struct State {
    position: EntryId,
    epoch: Option<String>,
    collection: Option<CollectionId>,
    items: HashMap<WorkItemId, Known>,
    boards: BTreeMap<Scope, Board>,
    project_names: HashMap<ProjectId, Text>,
}

/// An item with its record's version.
#[derive(Clone)]
pub struct Known {
    /// The item.
    pub item: Arc<WorkItem>,
    /// The version of its record.
    pub version: Version,
}

/// What is known of a scope beside its items.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// The items it shows.
    pub items: BTreeSet<WorkItemId>,
    /// The entry by which it became known; `ZERO` when that was before this instance began to fold.
    pub since: EntryId,
    /// The last entry that touched it.
    pub touched: EntryId,
    /// The newest change that any of its items ever had.
    pub changed_at: Option<Timestamp>,
}

impl Default for Fold {
    fn default() -> Self {
        Self { state: RwLock::default(), position: watch::Sender::new(None) }
    }
}

impl Fold {
    /// What is known now, consistent in itself. Hold it briefly: the relay waits meanwhile.
    pub fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The position, once the fold was loaded.
    pub fn position(&self) -> Option<EntryId> {
        *self.position.borrow()
    }

    /// Waits until the fold has passed `position`; `ZERO` waits for the first load.
    pub async fn passed(&self, position: EntryId) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.position.subscribe().wait_for(|at| at.is_some_and(|at| at >= position)).await;
    }

    /// Begins anew from all records of the journal. Undecodable records are left out and returned by key.
    pub fn reset(&self, loaded: Loaded) -> Vec<String> {
        let (state, undecodable) = State::from_records(loaded);
        let position = state.position;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.position.send_replace(Some(position));
        undecodable
    }

    /// Folds the entries of whole commits. Undecodable entries are passed over and returned by id.
    pub fn apply(&self, entries: &[Entry]) -> Vec<EntryId> {
        let Some(last) = entries.last() else { return Vec::new() };
        let mut undecodable = Vec::new();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            if let Some(delta) = &entry.content.delta {
                match Delta::decode(delta) {
                    Ok(delta) => state.fold(entry.id, delta),
                    Err(_) => undecodable.push(entry.id),
                }
            }
        }
        state.position = last.id;
        drop(state);
        self.position.send_replace(Some(last.id));
        undecodable
    }
}

impl State {
    fn from_records(loaded: Loaded) -> (Self, Vec<String>) {
        let mut state = Self { position: loaded.position, ..Self::default() };
        let mut undecodable = Vec::new();
        for (key, record) in loaded.records {
            if key.as_item().is_some() {
                match WorkItem::decode(&record.value) {
                    Ok(item) => state.place(item, record.version),
                    Err(_) => undecodable.push(key.to_string()),
                }
            } else if key == RecordKey::epoch() {
                state.epoch = std::str::from_utf8(&record.value).ok().map(str::to_owned);
            } else if key == RecordKey::collection() {
                state.collection = std::str::from_utf8(&record.value).ok().and_then(CollectionId::parse);
            }
        }
        for board in state.boards.values_mut() {
            board.since = EntryId::ZERO;
        }
        (state, undecodable)
    }

    fn fold(&mut self, id: EntryId, delta: Delta) {
        if delta.epoch.is_some() {
            self.epoch = delta.epoch;
        }
        if delta.collection.is_some() {
            self.collection = delta.collection;
        }
        for observation in delta.observations {
            let item = match self.items.get(&observation.id) {
                Some(known) => known.item.merge(&observation),
                None => observation,
            };
            self.place(item, id);
        }
        for id in delta.dropped {
            if let Some(known) = self.items.remove(&id) {
                self.take_off_boards(&known.item);
            }
        }
    }

    /// Puts an item where it now belongs, and takes it from where it was.
    fn place(&mut self, item: WorkItem, version: Version) {
        let present = item.present();
        let changed_at = present.claim.changed_at;
        if !present.details.project_name.is_empty() {
            self.project_names.insert(present.claim.facts.project, present.details.project_name.clone());
        }
        let shown = boards_of(&item);
        if let Some(known) = self.items.get(&item.id).cloned() {
            for scope in self.take_off_boards(&known.item) {
                if let Some(board) = self.boards.get_mut(&scope) {
                    board.touched = board.touched.max(version);
                }
            }
        }
        for scope in shown {
            let board =
                self.boards.entry(scope).or_insert_with(|| Board { since: version, ..Board::default() });
            board.items.insert(item.id);
            board.touched = board.touched.max(version);
            board.changed_at = board.changed_at.max(Some(changed_at));
        }
        self.items.insert(item.id, Known { item: Arc::new(item), version });
    }

    fn take_off_boards(&mut self, item: &WorkItem) -> Vec<Scope> {
        let scopes = boards_of(item);
        for scope in &scopes {
            if let Some(board) = self.boards.get_mut(scope) {
                board.items.remove(&item.id);
            }
        }
        scopes
    }

    /// The position: every entry up to it is in, and none after it.
    pub fn position(&self) -> EntryId {
        self.position
    }

    /// The journal's epoch.
    pub fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// The collection whose hooks are taken.
    pub fn collection(&self) -> Option<CollectionId> {
        self.collection
    }

    /// An item with its record's version.
    pub fn item(&self, id: WorkItemId) -> Option<Known> {
        self.items.get(&id).cloned()
    }

    /// How many items are known, deleted ones among them.
    pub fn items_len(&self) -> usize {
        self.items.len()
    }

    /// The boards that exist: those that show an item.
    pub fn boards(&self) -> impl Iterator<Item = (Scope, &Board)> {
        self.boards.iter().filter(|(_, board)| !board.items.is_empty()).map(|(scope, board)| (*scope, board))
    }

    /// What is known of a scope, if it ever had an item.
    pub fn board(&self, scope: Scope) -> Option<&Board> {
        self.boards.get(&scope)
    }

    /// The items of a scope, by number.
    pub fn items_of(&self, scope: Scope) -> Vec<Arc<WorkItem>> {
        let ids = self.boards.get(&scope).map(|board| &board.items);
        ids.into_iter()
            .flatten()
            .filter_map(|id| self.items.get(id))
            .map(|known| known.item.clone())
            .collect()
    }

    /// A project's name, for display.
    pub fn project_name(&self, project: ProjectId) -> Option<&Text> {
        self.project_names.get(&project)
    }

    /// Whether the project is one of those served.
    pub fn serves(&self, project: ProjectId, allowed: &AllowedProjects) -> bool {
        allowed.allow(project, self.project_name(project).map(|name| &**name))
    }
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
