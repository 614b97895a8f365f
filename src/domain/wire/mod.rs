//! The wire contract: events and the JSON shapes of what a board shows. `docs/EVENTS.md` is its text.

pub(crate) mod backfill;
pub(crate) mod burndown;
mod envelope;
pub mod event;
pub(crate) mod explanation;
pub(crate) mod goal;
pub(crate) mod item_explanation;
pub(crate) mod last_change;
pub(crate) mod level_change;
mod outage;
pub(crate) mod since;
pub(crate) mod tile;
mod titles;
pub(crate) mod unit;
pub(crate) mod view;
