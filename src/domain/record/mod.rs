//! What is kept: the values of records and of log entries, and how an instance stands with the journal that holds them.

pub mod archived_board;
pub(crate) mod calls_wait;
pub mod delta;
pub mod feed_position;
pub(crate) mod journal_status;
pub mod last_announced;
pub mod past;
pub mod source_check;
pub mod todo;
pub(crate) mod whole_level;
