//! What a commit changes: the record, its value and what the log tells the folds follow from it.

use bytes::Bytes;

use super::MARK;
use crate::domain::record::delta::Delta;
use crate::domain::record::last_announced::AnnouncedRecord;
use crate::domain::record::source_check::SourceCheck;
use crate::domain::record::todo::Todo;
use crate::domain::scope::CollectionId;
use crate::domain::sprint::teams::CurrentSprint;
use crate::domain::sprint::work_item::{Observation, WorkItem, WorkItemId};
use crate::domain::stored::Stored;
use crate::journal::RecordKey;

/// A change of one record. Key, value and what the log tells the folds follow from it.
#[derive(Clone, Debug)]
pub enum Change {
    /// An item is known otherwise.
    Item {
        /// The item as it is from now on.
        merged: Box<WorkItem>,
        /// What was merged into it.
        observed: Box<Observation>,
    },
    /// An item leaves the journal.
    ItemRemoved(WorkItemId),
    /// A team is in another sprint.
    CurrentSprint(CurrentSprint),
    /// Something was announced about a board.
    Announced(AnnouncedRecord),
    /// What the organisation answered.
    Checked(Box<SourceCheck>),
    /// The collection whose hooks are taken is known.
    Collection(CollectionId),
    /// A log begins.
    Epoch(String),
    /// It is known whose the journal is.
    Owner(String),
    /// A hook told of something without its details, which are to be fetched.
    Noted(Todo),
    /// That was fetched.
    Settled(Option<WorkItemId>),
    /// A part of a journal has begun: of that record only that it is there means something.
    Begun(RecordKey),
}

impl Change {
    /// An item is `merged` from now on, because that was `observed` of it.
    pub fn item(merged: WorkItem, observed: Observation) -> Self {
        Self::Item { merged: Box::new(merged), observed: Box::new(observed) }
    }

    /// The record that changes.
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Item { merged, .. } => RecordKey::item(merged.id),
            Self::ItemRemoved(id) => RecordKey::item(*id),
            Self::CurrentSprint(current) => RecordKey::current_sprint(current.team),
            Self::Announced(record) => RecordKey::announced(record.scope, record.statement.name()),
            Self::Checked(_) => RecordKey::feed(),
            Self::Collection(_) => RecordKey::collection(),
            Self::Epoch(_) => RecordKey::epoch(),
            Self::Owner(_) => RecordKey::owner(),
            Self::Noted(todo) => RecordKey::todo(todo.item),
            Self::Settled(item) => RecordKey::todo(*item),
            Self::Begun(key) => key.clone(),
        }
    }

    /// The record's value from now on; `None` where it is deleted. The folds are told through `delta`.
    pub(super) fn into_value(self, delta: &mut Delta) -> Option<Bytes> {
        match self {
            Self::Item { merged, observed } => {
                delta.observations.push(*observed);
                Some(merged.encode().into())
            }
            Self::ItemRemoved(id) => {
                delta.dropped.push(id);
                None
            }
            Self::CurrentSprint(current) => {
                let value = current.encode().into();
                delta.sprints.push(current);
                Some(value)
            }
            Self::Announced(record) => {
                let value = record.encode().into();
                delta.announced.push(record);
                Some(value)
            }
            Self::Checked(checked) => {
                let value = checked.encode().into();
                delta.checked = Some(*checked);
                Some(value)
            }
            Self::Collection(collection) => {
                delta.collection = Some(collection);
                Some(collection.to_string().into())
            }
            Self::Epoch(epoch) => {
                delta.epoch = Some(epoch.clone());
                Some(epoch.into())
            }
            // A journal has one owner for good, whom each instance checks before it loads.
            Self::Owner(owner) => Some(owner.into()),
            Self::Noted(todo) => {
                let value = todo.encode().into();
                delta.noted.push(todo);
                Some(value)
            }
            Self::Settled(item) => {
                delta.settled.push(item);
                None
            }
            Self::Begun(_) => Some(Bytes::from_static(MARK)),
        }
    }
}
