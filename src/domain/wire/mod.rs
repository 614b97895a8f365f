//! The wire contract: events and the JSON shapes of what a board shows. `docs/EVENTS.md` is its text.

pub mod event;
pub mod view;
