//! The write side: every commit to the journal is built and made here.

pub mod announce;
pub mod archiver;
pub mod commit;
pub mod finished;
pub mod inbox;
pub mod ingest;
pub(crate) mod probe;
pub(crate) mod restore;
pub(crate) mod retention;
mod rollover;
pub mod teams;
pub mod todo;
