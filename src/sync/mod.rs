//! The organisation as a source: what is asked of it, when, and what the answers say of the boards. `timer` is the
//! use case behind the host's timer, `source` compares boards with the organisation, `subscriptions` keeps the service hooks
//! as they should be, `cache` keeps what was fetched.

pub mod cache;
pub mod source;
pub mod subscriptions;
pub mod timer;
