//! **boardcast** is a live sprint board for Azure DevOps: a change shows on every open dashboard within a second.
//!
//! Data flows one way, and the journal is in the middle:
//!
//! ```text
//! hook ─► devops::hook ─► write::ingest: merge, detect changes ─► journal::Journal (records and one log)
//!                                                                      │ tail, in every instance
//!                            board::snapshot ◄── board::fold ◄── stream::relay
//!                                   │                                  └──► stream::hub ─► functions::sse_stream
//! ```
//!
//! Read from top to bottom, the modules below are that flow: what starts and answers, what reads the organisation, what
//! delivers, what writes, what is known, and what all of it stands on. `docs/ARCHITECTURE.md` is the map, and says what
//! a module may name; a test holds it.

pub mod cli;
pub mod server;

pub mod app;
pub mod config;
pub mod functions;

pub mod stream;
pub mod sync;
pub mod write;

pub mod board;
pub mod ops;

pub mod archive;
pub mod devops;
pub mod journal;

pub mod demo;
pub mod domain;
pub mod platform;
