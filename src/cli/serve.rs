//! Serves: what the executable does without a command.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use crate::app::{Adapters, App};
use crate::config::{Config, Organization, RedisAccess};
use crate::demo::{Demo, stand_in};
use crate::devops::credentials::HookAccess;
use crate::platform::clock;
use crate::platform::secret::Secret;
use crate::server;
use crate::sync::timer;

/// The exit code that makes the Functions host start us again. It never restarts a handler that ends with 0.
const RESTART: u8 = 200;

/// Listens and serves until the process is told to stop.
pub fn run(config: &Config) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    runtime.block_on(async {
        let listener = match server::listen(config.address) {
            Ok(listener) => listener,
            Err(error) => {
                let address = config.address;
                return fail(&format!(
                    "cannot listen on {address}: {error}; set BOARDCAST_PORT to a free port"
                ));
            }
        };
        announce(config, &listener);
        let mut config = config.clone();
        let demo = match begin_demo(&mut config).await {
            Ok(demo) => demo,
            Err(error) => {
                return fail(&format!(
                    "the demo cannot start: {error}; set BOARDCAST_DEMO=off to start without it"
                ));
            }
        };
        let app = match Adapters::configured(&config) {
            Ok(adapters) => App::new(&config, adapters),
            Err(error) => return fail(&error),
        };
        if config.mock {
            app.snapshots.set_stand_in(stand_in::stand_in(clock::system()));
        }
        if let (Some(demo), Ok(address)) = (demo, listener.local_addr()) {
            tokio::spawn(demo.live(address, config.hook_access.any_secret().cloned()));
        }
        if app.has_own_schedule() {
            // Else the host's timer does it, which is kept to one instance; a second one would do everything twice.
            tokio::spawn(timer::run_on_schedule(app.sync.clone(), timer::SyncReport::log));
        }
        server::serve(app, listener, told_to_stop()).await;
        if config.under_host { ExitCode::from(RESTART) } else { ExitCode::SUCCESS }
    })
}

/// Where a demo is asked for, begins the simulated organisation and makes it the one that is asked.
async fn begin_demo(config: &mut Config) -> std::io::Result<Option<Demo>> {
    if !config.demo {
        return Ok(None);
    }
    let demo = Demo::start(clock::system()).await?;
    config.organization = Some(Organization { url: demo.organization(), token: None });
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
        HookAccess::Open => {
            tracing::warn!(
                "BOARDCAST_WEBHOOK_SECRET is not set: every service hook that reaches this port is accepted"
            )
        }
        HookAccess::Closed => {
            tracing::error!(
                "BOARDCAST_WEBHOOK_SECRET is not set: every service hook is answered with 503; set it to the password of the \
                 subscriptions"
            )
        }
        HookAccess::Secrets(_) => {}
    }
    if !config.under_host {
        tracing::info!("open http://localhost:{}/", address.port());
        if config.demo {
            tracing::info!(
                "showing a simulated organisation (DEMO); set BOARDCAST_ORGANIZATION_URL to show a real one"
            );
        }
    }
    match &config.redis {
        Some(redis) => {
            let login = match (&redis.access, &redis.address.password) {
                (RedisAccess::Identity(_), _) => "managed identity",
                (RedisAccess::Password, Some(_)) => "password",
                (RedisAccess::Password, None) => "none",
            };
            tracing::info!(nodes = ?redis.address.nodes, login, "boards are stored in Redis");
        }
        None => tracing::info!(
            "boards are kept in memory until this process ends; set BOARDCAST_REDIS_URL to keep them in Redis"
        ),
    }
}

/// Resolves on SIGINT or SIGTERM. Under the Functions host neither may ever come: it kills.
async fn told_to_stop() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
    tracing::info!("stopping");
}

/// Says on standard error why the process cannot run, and returns the exit code that says so too.
pub fn fail(error: &dyn fmt::Display) -> ExitCode {
    // Nothing is left to be told if standard error is gone as well.
    let _ = writeln!(std::io::stderr(), "boardcast cannot start:\n{error}");
    ExitCode::FAILURE
}
