//! The write path: an observation is merged into its item, and the item, the log and what readers are told change
//! in one step. Hooks, synchronisation and the inbox all come this way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Clock;
use crate::domain::change::{Change, changes};
use crate::domain::event::{self, Body, EVENT_BYTES_MAX, Envelope, Source, Subject};
use crate::domain::level::Level;
use crate::domain::log::Delta;
use crate::domain::scope::{Audience, CollectionId, Scope, Text};
use crate::domain::time::Timestamp;
use crate::domain::view::board_url;
use crate::domain::work_item::{Observation, WorkItem};
use crate::fold::Fold;
use crate::store::{Commit, Journal, JournalError, NewEntry, Outcome, RecordKey, Version, Versioned};

/// How often a commit that conflicted is tried again from the value that won.
pub const CONFLICT_RETRIES_MAX: u32 = 5;

/// How long one commit may take.
pub const COMMIT_BUDGET: Duration = Duration::from_millis(300);

/// The greatest pause before a commit that conflicted is tried again, in milliseconds.
const CONFLICT_PAUSE_MS_MAX: u64 = 8;

/// The write path to one journal.
pub struct Ingest {
    /// Where it goes.
    pub journal: Arc<dyn Journal>,
    /// This instance's boards: what the journal most likely holds, without asking it.
    pub fold: Arc<Fold>,
    /// Dates the events.
    pub clock: Clock,
    /// Whether the organisation is simulated.
    pub demo: bool,
}

/// Where an observation came from.
#[derive(Clone, Debug)]
pub struct News {
    /// By which way.
    pub source: Source,
    /// When it reached us.
    pub received_at: Timestamp,
    /// The collection it comes from, if it says so.
    pub collection: Option<CollectionId>,
    /// The W3C trace id of the request that brought it.
    pub trace_id: Option<Text>,
}

/// What became of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// It was new: committed, and so many events were announced.
    Committed {
        /// Events appended to the log.
        events: usize,
    },
    /// All of it was known already.
    Known,
    /// It comes from another collection than what is on the boards; numbers of work items are unique only within
    /// one, so it cannot be taken.
    ForeignCollection,
}

/// Why an observation was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngestError {
    /// The journal failed.
    Journal(JournalError),
    /// Other writers of the same item came first, time after time.
    Contended,
}

impl fmt::Display for IngestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Contended => write!(f, "other writers came first {CONFLICT_RETRIES_MAX} times"),
        }
    }
}

impl std::error::Error for IngestError {}

/// What a commit builds on, as the journal holds it, as far as we know.
struct Base {
    item: Option<Arc<WorkItem>>,
    version: Option<Version>,
    collection: Option<CollectionId>,
}

impl Ingest {
    /// Merges an observation into its item and commits what that changes. When this returns `Ok`, it is kept.
    pub async fn observe(&self, observation: &Observation, news: &News) -> Result<Ingested, IngestError> {
        let mut base = self.folded(observation);
        for attempt in 0..=CONFLICT_RETRIES_MAX {
            if let (Some(theirs), Some(ours)) = (news.collection, base.collection)
                && theirs != ours
            {
                return Ok(Ingested::ForeignCollection);
            }
            let merged = match &base.item {
                Some(item) => item.merge(observation),
                None => observation.clone(),
            };
            if base.item.as_deref() == Some(&merged) {
                // What the fold holds the journal holds too, so nothing more is needed to keep it.
                return Ok(Ingested::Known);
            }
            let commit = self.commit_of(&base, &merged, observation, news);
            let events = commit.entries.iter().filter(|entry| entry.event.is_some()).count();
            match self.within_budget(commit).await? {
                Outcome::Committed(_) => return Ok(Ingested::Committed { events }),
                Outcome::Conflict(conflicts) => {
                    base.update(conflicts);
                    if attempt > 0 {
                        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=CONFLICT_PAUSE_MS_MAX)))
                            .await;
                    }
                }
            }
        }
        Err(IngestError::Contended)
    }

    fn folded(&self, observation: &Observation) -> Base {
        let state = self.fold.read();
        let known = state.item(observation.id);
        let version = known.as_ref().map(|known| known.version);
        Base { item: known.map(|known| known.item), version, collection: state.collection() }
    }

    async fn within_budget(&self, commit: Commit) -> Result<Outcome, IngestError> {
        let outcome = tokio::time::timeout(COMMIT_BUDGET, self.journal.commit(commit)).await;
        outcome
            .unwrap_or_else(|_| Err(JournalError::Unavailable("a commit took too long".into())))
            .map_err(IngestError::Journal)
    }

    /// One entry for each board that is told, and at least one; the last carries what the fold needs.
    fn commit_of(&self, base: &Base, merged: &WorkItem, observation: &Observation, news: &News) -> Commit {
        let key = RecordKey::item(merged.id);
        let changed_at = merged.present().claim.changed_at;
        let announced = changes(base.item.as_deref(), merged);
        let mut entries: Vec<NewEntry> = announced
            .into_iter()
            .map(|Change { scope, body }| NewEntry {
                audience: Audience::Scope(scope),
                event: Some(self.encode(scope, body, changed_at, news)),
                delta: None,
            })
            .collect();
        if entries.is_empty() {
            let scope = Scope::project(merged.present().claim.facts.project);
            entries.push(NewEntry { audience: Audience::Scope(scope), event: None, delta: None });
        }
        let mut delta = Delta {
            writes: vec![key.to_string()],
            observations: vec![observation.clone()],
            ..Delta::default()
        };
        let mut checks = vec![(key.clone(), base.version)];
        let mut writes = vec![(key, Some(merged.encode().into()))];
        // The first hook decides whose board this is, in the same step that puts its item there.
        if let (Some(collection), None) = (news.collection, base.collection) {
            let key = RecordKey::collection();
            delta.writes.push(key.to_string());
            delta.collection = Some(collection);
            checks.push((key.clone(), None));
            writes.push((key, Some(collection.to_string().into())));
        }
        if let Some(last) = entries.last_mut() {
            last.delta = Some(delta.encode().into());
        }
        Commit { checks, writes, entries }
    }

    fn encode(&self, scope: Scope, body: Body, changed_at: Timestamp, news: &News) -> Bytes {
        // Hooks alone feed the board, so what is shown is as of its newest change.
        let known = self.fold.read().board(scope).and_then(|board| board.changed_at);
        let envelope = Envelope {
            timestamp: (self.clock)(),
            subject: Subject::Scope(scope),
            source: Some(news.source),
            level: Level::Full,
            demo: self.demo,
            mock: false,
            data_as_of: known.max(Some(changed_at)),
            changed_at: Some(changed_at),
            received_at: Some(news.received_at),
            trace_id: news.trace_id.clone(),
        };
        let json = event::encode(&envelope, &body);
        if json.len() <= EVENT_BYTES_MAX {
            json
        } else {
            event::encode(&envelope, &without_contents(body, scope))
        }
    }
}

/// The same event for readers who then fetch the board, because its contents are too large for an event.
fn without_contents(body: Body, scope: Scope) -> Body {
    match body {
        Body::WorkitemChanged { work_item_id, rev, change_type, state_category, title, .. } => {
            Body::WorkitemChanged {
                work_item_id,
                rev,
                change_type,
                fields: std::collections::BTreeMap::new(),
                state_category,
                title,
                item: None,
                url: Some(board_url(scope, None)),
            }
        }
        other => other,
    }
}

impl Base {
    /// Takes over the values that won, as the journal returned them.
    fn update(&mut self, conflicts: Vec<(RecordKey, Option<Versioned>)>) {
        for (key, record) in conflicts {
            if key == RecordKey::collection() {
                let value = record.as_ref().and_then(|record| std::str::from_utf8(&record.value).ok());
                self.collection = value.and_then(CollectionId::parse);
                continue;
            }
            self.version = record.as_ref().map(|record| record.version);
            self.item = record.and_then(|record| match WorkItem::decode(&record.value) {
                Ok(item) => Some(Arc::new(item)),
                Err(error) => {
                    // A record that nobody can read must not stop its item for ever: it is written anew.
                    tracing::error!(%key, %error, "a record cannot be decoded and is replaced");
                    None
                }
            });
        }
    }
}

#[cfg(test)]
#[path = "ingest_tests.rs"]
mod tests;
