//! What the process stands on: the time, secrets that never print, the identity by which Azure knows it, and how
//! requests that carry a secret leave it.

pub mod clock;
pub mod identity;
pub mod outbound;
pub mod secret;

use std::net::IpAddr;

/// Whether a host, by name or by address, is this machine: what is sent to it reaches nobody else.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
