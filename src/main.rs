//! The executable: command line, settings, logging, port, run.

use std::process::ExitCode;

use boardcast::cli::{self, Command};
use boardcast::config::Config;

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(answer) => return cli::explain(&answer),
    };
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let environment = |name: &str| std::env::var(name).ok();
    let settings = Config::from_lookup(|name| environment(name).or_else(|| cli::from_host_json(name)));
    let settings = settings.and_then(|config| config.with_package(cli::function_json));
    let unknown = Config::unknown(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
    if let Command::Doctor(command) = &command {
        // Settings that cannot be used are something that it finds.
        return cli::doctor(&settings, &unknown, command);
    }
    let config = match settings {
        Ok(config) => config,
        Err(errors) => return cli::fail(&errors),
    };
    match &command {
        Command::Config { json } => return cli::print_config(&config, *json, environment, &unknown),
        Command::Hooks(command) => return cli::hooks(&config, command),
        Command::Serve | Command::Doctor(_) => {}
    }
    if let Err(error) = boardcast::ops::telemetry::init(config.under_host, &config.log_filter) {
        return cli::fail(&error);
    }
    for name in unknown {
        tracing::warn!(name, "unknown setting, ignored; docs/OPERATIONS.md lists all settings");
    }
    cli::run(&config)
}
