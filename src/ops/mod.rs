//! What an operator sees and sets off: counters, logging, the instances that share a journal, and the failpoints of
//! builds for tests.

pub(crate) mod failpoints;
pub mod finding;
pub mod freshness;
pub mod instance;
pub(crate) mod instances;
pub(crate) mod prometheus;
pub(crate) mod pulse;
pub(crate) mod tasks;
pub mod telemetry;
pub mod vitals;
pub mod watched;
pub mod writes;
