//! The domain: work items, boards, changes and events as values.
//!
//! What is deliberately absent: input and output, clocks, randomness, the environment, logging, anything
//! asynchronous. Whatever is a decision lives here as a pure function; whatever is an action lives elsewhere.

pub mod amount;
pub mod authorise;
pub(crate) mod change;
pub(crate) mod conditions;
pub mod degradation;
pub mod entry_id;
pub mod level;
pub mod metrics;
pub mod ncrontab;
pub mod owner;
pub mod record;
pub mod schedule;
pub mod scope;
pub mod sprint;
pub mod stored;
pub mod subscription;
pub mod target;
pub mod time;
pub mod wire;

pub use amount::Hundredths;
pub use authorise::AllowedBoards;
pub use entry_id::EntryId;
pub use level::Level;
pub use record::archived_board::ArchivedBoard;
pub use record::delta::Delta;
pub(crate) use record::journal_status::JournalStatus;
pub use record::last_announced::{Announced, AnnouncedRecord};
pub use record::source_check::SourceCheck;
pub use record::todo::Todo;
pub use schedule::SyncWindow;
pub use scope::{
    AreaId, Audience, CollectionId, NameOrId, ProjectId, Scope, SprintId, TeamId, TeamKey, Text,
};
pub use sprint::blocked::BlockedRules;
pub(crate) use sprint::calendar::{Calendar, Span};
pub use sprint::catalogue::{
    BacklogLevel, Catalogue, CataloguePart, Iteration, Member, SprintState, StateCategory,
};
pub(crate) use sprint::people::People;
pub(crate) use sprint::teams::{CurrentSprint, Teams};
pub use sprint::work_item::{
    Claim, ClaimKind, EFFORT_FIELDS, Facts, History, Identity, Observation, Present,
};
pub use sprint::work_item::{Rev, RevisionTold, WorkItem, WorkItemId};
pub use stored::Stored;
pub use time::{CivilDate, Ticks, Timestamp};

#[cfg(test)]
pub(crate) mod testing;
