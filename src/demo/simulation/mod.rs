//! A simulated Azure DevOps organisation: what it keeps, how it changes, which service hooks it sends and what its
//! REST API answers. It is an Azure DevOps to talk to, not a part of the product: its readers go through the
//! same shapes and the same parsers as with a real one.

pub(crate) mod fields;
mod history;
pub mod hooks;
pub mod item;
pub mod model;
pub mod organisation;
pub mod process;
pub mod rest;
pub mod server;
mod step;
pub(crate) mod titles;
