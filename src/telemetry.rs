//! The tracing subscriber: JSON under the Functions host, lines for people in a terminal. Always standard output:
//! the host takes every line on standard error for an error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Installs the subscriber for this process.
///
/// Errors: the filter is none, or a subscriber is installed already.
pub fn init(under_host: bool, filter: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter)?;
    // Colours are for people; a file or a pipe gets plain text.
    let colours = io::stdout().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stdout).with_ansi(colours);
    if under_host { builder.json().flatten_event(true).try_init() } else { builder.try_init() }
}
