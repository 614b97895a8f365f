//! Azure DevOps as we hear it: service-hook payloads, and the secret they come with.

pub mod credentials;
pub mod hook;
