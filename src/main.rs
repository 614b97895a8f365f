//! The executable: settings, logging, port, run.

use std::process::ExitCode;

use boardcast::config::Config;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let lookup = |name: &str| std::env::var(name).ok().or_else(|| boardcast::cli::from_host_json(name));
    let config = match Config::from_lookup(lookup) {
        Ok(config) => config,
        Err(errors) => return boardcast::cli::fail(&errors),
    };
    if let Err(error) = boardcast::ops::telemetry::init(config.under_host, &config.log_filter) {
        return boardcast::cli::fail(&error);
    }
    for name in Config::unknown(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        tracing::warn!(name, "unknown setting, ignored; docs/OPERATIONS.md lists all settings");
    }
    boardcast::cli::run(&config)
}
