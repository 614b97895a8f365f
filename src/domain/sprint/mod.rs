//! A sprint as values: work items, teams, what is known of a team, working days and time zones.

pub mod calendar;
pub mod catalogue;
pub mod teams;
pub mod work_item;
pub mod zones;
