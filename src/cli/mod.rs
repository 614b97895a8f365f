//! The command line. Without a command the executable serves.

mod arguments;
mod doctor;
mod hooks;
mod table;

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::os::unix::process::parent_id;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{Adapters, Parts};
use crate::config::{
    BoardAccess, Config, EffectiveSetting, FunctionTimeout, Organization, OrganizationLogin,
};
use crate::demo::{Demo, stand_in};
use crate::devops::credentials::HookAccess;
use crate::platform::clock;
use crate::platform::secret::Secret;
use crate::server;
use crate::sync::timer;

pub use arguments::Command;
pub use doctor::doctor;
pub use hooks::hooks;

/// The exit code that makes the Functions host start us again. It never restarts a handler that ends with 0.
const RESTART: u8 = 200;

/// How often it is looked whether the Functions host still lives.
const PARENT_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Prints what is said of a command line that asks for help or is not understood, and returns the exit code.
pub fn explain(answer: &clap::Error) -> ExitCode {
    // Nothing is left to be told if nobody reads it.
    let _ = answer.print();
    ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(1))
}

/// Prints every setting as it is in force, as a table or as JSON; `environment` has what is set, and `unknown` are the
/// names that look like settings and are none.
pub fn print_config(
    config: &Config,
    json: bool,
    environment: impl Fn(&str) -> Option<String>,
    unknown: &[String],
) -> ExitCode {
    for name in unknown {
        let _ = writeln!(std::io::stderr(), "{name} is no setting and ignored; is it misspelt?");
    }
    let settings = config.effective(environment, from_host_json);
    let text = match json {
        true => pretty(&settings),
        false => settings_table(&settings),
    };
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A row for each setting: name, where it comes from, value.
fn settings_table(settings: &[EffectiveSetting]) -> String {
    let row = |one: &EffectiveSetting| vec![one.name.into(), one.from.as_str().into(), one.value.clone()];
    table::aligned(&settings.iter().map(row).collect::<Vec<_>>())
}

/// Listens and serves until the process is told to stop.
pub fn run(config: &Config) -> ExitCode {
    let served = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(config.clone())),
        Err(error) => Err(error.into()),
    };
    match served {
        Err(error) => fail(&error),
        Ok(()) if config.under_host => ExitCode::from(RESTART),
        Ok(()) => ExitCode::SUCCESS,
    }
}

async fn serve(mut config: Config) -> Result<(), Box<dyn Error>> {
    let parent = config.under_host.then(parent_id);
    let address = config.address;
    let listener = server::listen(address).map_err(|error| {
        format!("cannot listen on {address}: {error}; {}", port_remedy(config.under_host))
    })?;
    announce(&config, &listener);
    let demo = begin_demo(&mut config).await.map_err(|error| {
        format!("the demo cannot start: {error}; set BOARDCAST_DEMO=off to start without it")
    })?;
    let app = Parts::start(&config, Adapters::configured(&config)?);
    if config.mock {
        app.snapshots.set_stand_in(stand_in::stand_in(clock::system()));
    }
    if let (Some(demo), Ok(address)) = (demo, listener.local_addr()) {
        let (demo, secret) = (Arc::new(demo), config.hook_access.any_secret().cloned());
        app.instance.supervise("demo", move || demo.clone().live(address, secret.clone()));
    }
    if app.has_own_schedule() {
        // Else the host's timer does it, which is kept to one instance; a second one would do everything twice.
        let sync = app.sync.clone();
        app.instance
            .supervise("schedule", move || timer::run_on_schedule(sync.clone(), timer::SyncReport::log));
    }
    server::serve(app, listener, told_to_stop(parent)).await;
    Ok(())
}

/// What to do about a port that cannot be had.
const fn port_remedy(under_host: bool) -> &'static str {
    if under_host {
        "the Functions host chose this port (FUNCTIONS_CUSTOMHANDLER_PORT); end the process that has it, such as a handler \
         that an earlier host left behind, and the host starts this one again"
    } else {
        "set BOARDCAST_PORT to a free port"
    }
}

/// Where a demo is asked for, begins the simulated organisation and makes it the one that is asked.
async fn begin_demo(config: &mut Config) -> std::io::Result<Option<Demo>> {
    if !config.demo {
        return Ok(None);
    }
    let demo = Demo::start(clock::system()).await?;
    config.organization =
        Some(Organization { url: demo.organization(), login: OrganizationLogin::Anonymous });
    if matches!(config.hook_access, HookAccess::Closed) {
        // Under the Functions host no secret means that nobody may post. The demo may: it makes up its own.
        config.hook_access = HookAccess::Secrets(vec![Secret::new(uuid::Uuid::new_v4().to_string())]);
    }
    Ok(Some(demo))
}

fn announce(config: &Config, listener: &tokio::net::TcpListener) {
    let address = listener.local_addr().unwrap_or(config.address);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, under_host = config.under_host, "listening");
    match config.hook_access {
        HookAccess::Open => tracing::warn!(
            "BOARDCAST_WEBHOOK_SECRET is not set: every service hook that reaches this port is accepted"
        ),
        HookAccess::Closed => tracing::error!(
            "BOARDCAST_WEBHOOK_SECRET is not set: every service hook is answered with 503; set it to the password of the \
             subscriptions"
        ),
        HookAccess::Secrets(_) => {}
    }
    if config.board_access == BoardAccess::SignIn && !config.has_authentication {
        tracing::error!(
            "nobody can sign in: App Service's authentication is not on (WEBSITE_AUTH_ENABLED is not True), so every request \
             for a board is answered with 403; run scripts/provision with BOARDCAST_SIGN_IN set, or deploy the package that \
             needs function keys"
        );
    }
    announce_function_timeout(config);
    if !config.under_host {
        tracing::info!("open http://localhost:{}/", address.port());
        if config.demo {
            tracing::info!(
                "showing a simulated organisation (DEMO); set BOARDCAST_ORGANIZATION_URL to show a real one"
            );
        }
    }
    if let Some(Organization { login, .. }) = &config.organization {
        tracing::info!(login = login.name(), "boards are compared with Azure DevOps");
    }
    match &config.redis {
        Some(redis) => {
            let login = match (&redis.identity, &redis.address.password) {
                (Some(identity), _) => identity.name(),
                (None, Some(_)) => "password",
                (None, None) => "none",
            };
            tracing::info!(nodes = ?redis.address.nodes, login, "boards are stored in Redis");
            if redis.address.sends_a_password_in_the_open() {
                tracing::warn!(
                    "BOARDCAST_REDIS_URL sends its password unencrypted to another machine; write it with rediss:// if \
                     that Redis speaks TLS"
                );
            }
        }
        None => tracing::info!(
            "boards are kept in memory until this process ends; set BOARDCAST_REDIS_URL to keep them in Redis"
        ),
    }
}

/// Resolves on SIGINT or SIGTERM, or when the process that started this one is gone. Under the Functions host no signal
/// may ever come: it kills, and when it is killed itself, whoever it has started would go on for ever, unseen.
async fn told_to_stop(parent: Option<u32>) {
    let terminate = async { signal(SignalKind::terminate()).ok()?.recv().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        Some(()) = terminate => {}
        () = orphaned(parent) => tracing::warn!("the Functions host is gone"),
    }
    tracing::info!("stopping");
}

/// Resolves when the parent is another one than it was. A signal at the parent's death (`PR_SET_PDEATHSIG`) would be
/// bound to the thread that started this process, and the host starts it from one that may end.
async fn orphaned(parent: Option<u32>) {
    let Some(parent) = parent else { return std::future::pending().await };
    while parent_id() == parent {
        tokio::time::sleep(PARENT_POLL_INTERVAL).await;
    }
}

/// Says what is done about the time after which the Functions host kills a process that is still answering.
fn announce_function_timeout(config: &Config) {
    let lifetime_ms = config.streams.lifetime.map(|lifetime| lifetime.as_millis());
    match config.function_timeout {
        FunctionTimeout::Unknown => tracing::warn!(
            lifetime_ms,
            "functionTimeout is not known: host.json beside the executable does not set it. If the plan's default is below \
             BOARDCAST_STREAM_LIFETIME_MS, the host kills this process with all its streams"
        ),
        FunctionTimeout::After(timeout) if config.streams.lifetime == config.function_timeout.limit() => {
            tracing::warn!(
                function_timeout_ms = timeout.as_millis(),
                lifetime_ms,
                "functionTimeout is too short for BOARDCAST_STREAM_LIFETIME_MS: streams end after three quarters of \
                 functionTimeout"
            )
        }
        FunctionTimeout::After(_) | FunctionTimeout::Never => {}
    }
}

/// What the `host.json` beside the executable says in place of a setting: the Functions host does not tell its handler.
pub fn from_host_json(setting: &str) -> Option<String> {
    if setting != FunctionTimeout::SETTING {
        return None;
    }
    let path = std::env::current_exe().ok()?.with_file_name("host.json");
    function_timeout(&std::fs::read_to_string(path).ok()?)
}

/// The `function.json` of a folder, beside the executable or, where that is started from elsewhere, in the working
/// directory, which the Functions host sets to the app's own.
pub fn function_json(folder: &str) -> Option<String> {
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
    let roots = beside.into_iter().chain(std::env::current_dir());
    roots
        .map(|root| root.join(folder).join("function.json"))
        .find_map(|path| std::fs::read_to_string(path).ok())
}

/// `functionTimeout` of a `host.json`.
fn function_timeout(host_json: &str) -> Option<String> {
    let host: serde_json::Value = serde_json::from_str(host_json.trim_start_matches('\u{feff}')).ok()?;
    host.get("functionTimeout")?.as_str().map(str::to_owned)
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn print(text: &str) {
    // Nothing is left to be told if nobody reads it.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Says on standard error why the process cannot run, and returns the exit code that says so too.
pub fn fail(error: &dyn fmt::Display) -> ExitCode {
    // Nothing is left to be told if standard error is gone as well.
    let _ = writeln!(std::io::stderr(), "boardcast cannot start:\n{error}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_h2_the_timeout_is_read_from_host_json() {
        assert_eq!(function_timeout(include_str!("../../host.json")).as_deref(), Some("00:30:00"));
        assert_eq!(function_timeout("\u{feff}{\"functionTimeout\": \"-1\"}").as_deref(), Some("-1"));
        for absent in ["", "{}", "[]", "{\"functionTimeout\": 5}"] {
            assert_eq!(function_timeout(absent), None, "{absent}");
        }
        assert_eq!(from_host_json("BOARDCAST_PORT"), None);
    }

    #[test]
    fn fault_f8_who_finds_a_port_taken_is_told_what_can_be_done_there() {
        let under_host = port_remedy(true);
        assert!(
            under_host.contains("FUNCTIONS_CUSTOMHANDLER_PORT") && !under_host.contains("BOARDCAST_PORT")
        );
        assert!(port_remedy(false).contains("BOARDCAST_PORT"));
    }
}
