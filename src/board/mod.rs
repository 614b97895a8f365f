//! The read side: what this instance knows, and the boards and numbers that it comes to. Nothing here writes.

pub mod figures;
pub(crate) mod filter;
pub mod fold;
pub(crate) mod item;
pub(crate) mod numbers;
pub(crate) mod past;
pub mod projection;
pub(crate) mod since;
pub(crate) mod snapshot;
pub(crate) mod stand_in;
