//! The domain: work items, boards, changes and events as values.
//!
//! What is deliberately absent: input and output, clocks, randomness, the environment, logging, anything
//! asynchronous. Whatever is a decision lives here as a pure function; whatever is an action lives elsewhere.

pub mod amount;
pub mod authorise;
pub(crate) mod change;
pub mod degradation;
pub mod entry_id;
pub mod level;
pub mod metrics;
pub mod owner;
pub mod record;
pub mod schedule;
pub mod scope;
pub mod sprint;
pub mod time;
pub mod wire;

#[cfg(test)]
pub(crate) mod testing;
