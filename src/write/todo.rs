//! What hooks told of without its details: noted as records before they are answered, so that it outlives whoever took
//! them, and taken off when it was fetched.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::domain::record::todo::Todo;
use crate::domain::scope::{Audience, CollectionId};
use crate::domain::sprint::work_item::WorkItemId;
use crate::domain::stored::Stored;
use crate::journal::{Commit, EntryId, JournalError, RecordKey, Version};
use crate::write::commit::{
    self, Change, CommitBuilder, CommitError, Conflicts, Proposal, commit_proposal, unless_contended,
};
use crate::write::ingest::{Ingest, LOST_RETRIES_MAX};

/// A note that waits for its commit, with the collection that it teaches; and whom to tell how that ended.
type Waiting = (Todo, Option<CollectionId>, oneshot::Sender<Result<(), CommitError>>);

/// Keeps the records of what is to be fetched.
pub struct TodoKeeper {
    ingest: Arc<Ingest>,
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever commits. What comes meanwhile is committed together: many hooks of one item would otherwise all
    /// conflict over its one record.
    writing: tokio::sync::Mutex<()>,
}

impl TodoKeeper {
    /// A keeper that writes as `ingest` does.
    pub fn new(ingest: Arc<Ingest>) -> Self {
        Self { ingest, waiting: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    /// Notes something that is to be fetched. When this returns `Ok`, it is kept, and is fetched anew even where an
    /// answer to an earlier note is under way. `collection` is known to be ours from then on.
    ///
    /// Errors: it is not kept.
    pub async fn note(&self, todo: Todo, collection: Option<CollectionId>) -> Result<(), CommitError> {
        let (tell, told) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((todo, collection, tell));
        let writing = self.writing.lock().await;
        let batch = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if !batch.is_empty() {
            let result = self.commit(&batch).await;
            for (_, _, tell) in batch {
                // Whoever went away meanwhile is not waiting for it.
                let _ = tell.send(result.clone());
            }
        }
        drop(writing);
        // The sender of the hook whose turn it was went away, and the commit with him.
        let cut_off = || JournalError::Unavailable("a commit was broken off".into());
        told.await.unwrap_or_else(|_| Err(CommitError::Journal(cut_off())))
    }

    async fn commit(&self, batch: &[Waiting]) -> Result<(), CommitError> {
        let instance = &self.ingest.instance;
        let mut notes = BTreeMap::<Option<WorkItemId>, Todo>::new();
        for (todo, ..) in batch {
            notes.entry(todo.item).and_modify(|noted| *noted = noted.join(*todo)).or_insert(*todo);
        }
        for _ in 0..=LOST_RETRIES_MAX {
            self.ingest.refuse_while_lost()?;
            let loads = instance.fold.loads();
            let mut proposal = {
                let state = instance.fold.read();
                let collection = batch.iter().find_map(|(_, collection, _)| *collection);
                Noting {
                    known: notes.keys().filter_map(|item| Some((*item, state.todo_of(*item)?))).collect(),
                    notes: &notes,
                    collection: collection
                        .map(|collection| (collection, state.version(&RecordKey::collection()))),
                }
            };
            let committed = commit_proposal(instance, &mut proposal).await?;
            let position = committed.map_or(EntryId::ZERO, |committed| committed.position);
            if self.ingest.is_folded(position, loads).await? {
                return Ok(());
            }
        }
        Err(CommitError::Journal(JournalError::Lost))
    }

    /// Takes off what was fetched. What was noted anew since it had that version stays.
    ///
    /// Errors: the journal failed.
    pub async fn settle(&self, item: Option<WorkItemId>, version: Version) -> Result<(), CommitError> {
        let instance = &self.ingest.instance;
        let committed = commit::commit(instance, |state| {
            state.todo_of(item).filter(|(_, now)| *now == version)?;
            let mut commit = CommitBuilder::new();
            commit.put(Change::Settled(item), Some(version));
            commit.build(Audience::Everyone)
        });
        if let Some(committed) = unless_contended(committed.await)? {
            commit::wait_until_folded(instance, committed.position).await;
        }
        Ok(())
    }
}

/// Notes to commit, over what the journal holds as far as is known here.
struct Noting<'a> {
    notes: &'a BTreeMap<Option<WorkItemId>, Todo>,
    known: BTreeMap<Option<WorkItemId>, (Todo, Version)>,
    collection: Option<(CollectionId, Option<Version>)>,
}

impl Proposal for Noting<'_> {
    fn build(&mut self) -> Option<Commit> {
        let mut commit = CommitBuilder::new();
        for (item, note) in self.notes {
            let known = self.known.get(item);
            // Written anew even where nothing in it changes: what was asked for before the hook came does not settle it.
            let note = known.map_or(*note, |(known, _)| known.join(*note));
            commit.put(Change::Noted(note), known.map(|(_, version)| *version));
        }
        if let Some((collection, version)) = self.collection {
            commit.put(Change::Collection(collection), version);
        }
        commit.build(Audience::Everyone)
    }

    async fn rebase(&mut self, conflicts: &Conflicts) {
        for (key, record) in conflicts {
            if *key == RecordKey::collection() {
                // Somebody else taught it.
                self.collection = None;
            }
            for item in self.notes.keys().filter(|item| RecordKey::todo(**item) == *key) {
                let known = record.as_ref().and_then(|record| {
                    // One that nobody can read is written anew.
                    let note = self.notes.get(item)?;
                    Some((Todo::decode(&record.value).unwrap_or(*note), record.version))
                });
                match known {
                    Some(known) => drop(self.known.insert(*item, known)),
                    None => drop(self.known.remove(item)),
                }
            }
        }
    }
}
