//! What the process stands on: the time, secrets that never print, and the identity that the platform gives it.

pub mod clock;
pub mod identity;
pub mod secret;
