//! The stretches of time that numbers about the past look at, and what is drawn from them.

pub(crate) mod forecast;
pub(crate) mod sprints;
pub(crate) mod throughput;
