//! A sprint as values: work items, teams, what is known of a team, working days and time zones.

pub mod blocked;
pub(crate) mod calendar;
pub mod catalogue;
pub(crate) mod claim;
pub(crate) mod facts;
pub(crate) mod interner;
pub(crate) mod people;
pub mod rank;
pub mod refuted;
pub(crate) mod teams;
pub mod work_item;
pub mod zones;
