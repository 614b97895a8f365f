//! The read side: what this instance knows, and the boards and numbers that it comes to. Nothing here writes.

pub mod figures;
pub mod fold;
pub mod projection;
pub(crate) mod snapshot;
