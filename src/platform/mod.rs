//! What the process stands on: the time, secrets that never print, and the identity that the platform gives it.

pub mod clock;
pub mod identity;
pub mod secret;

use std::net::IpAddr;

/// Whether a host, by name or by address, is this machine: what is sent to it reaches nobody else.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
