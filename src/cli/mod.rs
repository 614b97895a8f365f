//! The command line: one module for each command.

mod serve;

pub use serve::{fail, run};
