//! The domain: work items, boards, changes and events as values.
//!
//! What is deliberately absent: input and output, clocks, randomness, the environment, logging, anything
//! asynchronous. Whatever is a decision lives here as a pure function; whatever is an action lives elsewhere.

pub mod amount;
pub mod authorise;
pub mod calendar;
pub mod catalogue;
pub mod change;
pub mod contact;
pub mod degradation;
pub mod entry_id;
pub mod event;
pub mod level;
pub mod log;
pub mod metrics;
pub mod remembered;
pub mod said;
pub mod schedule;
pub mod scope;
pub mod teams;
pub mod threshold;
pub mod time;
pub mod view;
pub mod work_item;
pub mod zones;

#[cfg(test)]
pub(crate) mod testing;
