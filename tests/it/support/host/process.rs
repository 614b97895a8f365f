//! The handler's process: how the host starts it, takes it for ready, and judges its end.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::state::{Kill, Phase, Shared};
use super::wire::Connection;

/// How often the host asks whether the handler answers yet.
const PROBE_INTERVAL: Duration = Duration::from_millis(25);

/// How long a handler may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// How many failed ends the host takes before it ends itself.
const FAILURES_MAX: usize = 3;

/// After how much time without a failure the earlier ones are forgotten.
const FAILURE_MEMORY: Duration = Duration::from_secs(30 * 60);

/// The exit code by which a handler asks to be started again.
const INTENTIONAL_RESTART: i32 = 200;

/// How a process came to its end.
enum End {
    Exited(i32),
    Stopped,
    NeverReady,
}

/// Keeps a handler running until the host gives up or stops.
pub async fn supervise(shared: Arc<Shared>, mut orders: mpsc::UnboundedReceiver<Kill>) {
    let mut failures: Vec<Instant> = Vec::new();
    loop {
        let mut child = match spawn(&shared) {
            Ok(child) => child,
            Err(error) => {
                let program = shared.command.program.display();
                shared.log(format!("Failed to start process {program}: {error}"));
                return finish(&shared, Phase::ShutDown);
            }
        };
        let outputs = capture(&shared, &mut child);
        let end = live(&shared, &mut child, &mut orders).await;
        for output in outputs {
            // A process that the handler started may hold its output open; nobody waits for that one.
            let _ = tokio::time::timeout(Duration::from_secs(1), output).await;
        }
        shared.update(|state| state.pid = None);
        match end {
            End::Stopped => return finish(&shared, Phase::Stopped),
            End::Exited(INTENTIONAL_RESTART) => shared.log("The handler asked to be started again"),
            End::Exited(0) => {
                shared.log("The handler ended with 0");
                shared.update(|state| state.phase = Phase::Deserted);
                while !matches!(orders.recv().await, Some(Kill::Stop) | None) {}
                return finish(&shared, Phase::Stopped);
            }
            End::Exited(code) => {
                shared.log(format!("The handler ended with {code}"));
                if failures.last().is_some_and(|last| last.elapsed() > FAILURE_MEMORY) {
                    failures.clear();
                }
                failures.push(Instant::now());
                if failures.len() >= FAILURES_MAX {
                    shared.log("Exceeded http worker restart retry count. Shutting down Functions Host");
                    return finish(&shared, Phase::ShutDown);
                }
            }
            End::NeverReady => {
                shared.log(format!("The handler did not answer within {START_DEADLINE:?}"));
                return finish(&shared, Phase::ShutDown);
            }
        }
    }
}

fn finish(shared: &Shared, phase: Phase) {
    shared.update(|state| {
        state.pid = None;
        state.phase = phase;
    });
}

fn spawn(shared: &Shared) -> std::io::Result<Child> {
    let root = shared.config.root.display().to_string();
    let (port, worker) = (shared.handler_port.to_string(), uuid::Uuid::new_v4().to_string());
    let mut command = Command::new(&shared.command.program);
    command
        .args(&shared.command.arguments)
        .current_dir(&shared.config.working_directory)
        // The host's own environment would be inherited; that of the tests must not be.
        .env_clear()
        .envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .envs(&shared.settings)
        .env("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        .env("FUNCTIONS_EXTENSION_VERSION", "~4")
        .env("AzureWebJobsScriptRoot", &root)
        .env("WEBSITE_HOSTNAME", format!("localhost:{}", shared.address.port()))
        .env("FUNCTIONS_HTTPWORKER_PORT", &port)
        .env("FUNCTIONS_HTTPWORKER_ID", &worker)
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", &port)
        .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", &worker)
        .env("FUNCTIONS_APP_ROOT_PATH", &root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let child = command.spawn()?;
    shared.update(|state| {
        state.phase = Phase::Starting;
        state.pid = child.id();
        state.starts += 1;
    });
    Ok(child)
}

/// Watches a process until it ends or is killed. The host sends no signal that a handler could catch.
async fn live(shared: &Shared, child: &mut Child, orders: &mut mpsc::UnboundedReceiver<Kill>) -> End {
    let mut ready = std::pin::pin!(tokio::time::timeout(START_DEADLINE, answering(shared)));
    let mut is_ready = false;
    loop {
        tokio::select! {
            status = child.wait() => return End::Exited(status.map_or(-1, code)),
            order = orders.recv() => match order.unwrap_or(Kill::Stop) {
                Kill::Stranger => drop(child.start_kill()),
                Kill::Stop => {
                    let _ = child.kill().await;
                    return End::Stopped;
                }
            },
            answered = &mut ready, if !is_ready => {
                if answered.is_err() {
                    let _ = child.kill().await;
                    return End::NeverReady;
                }
                is_ready = true;
                shared.update(|state| state.phase = Phase::Ready);
            }
        }
    }
}

/// The exit code as .NET reports it.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// Resolves when the handler gives any answer at all.
async fn answering(shared: &Shared) {
    let probe = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", shared.handler_address());
    loop {
        if let Ok(mut connection) = Connection::open(shared.handler_address()).await
            && connection.send(probe.as_bytes()).await.is_ok()
            && let Ok(head) = connection.head().await
            && connection.whole(head.response_framing("GET")).await.is_ok()
        {
            return shared.keep(connection, &head);
        }
        tokio::time::sleep(PROBE_INTERVAL).await;
    }
}

fn capture(shared: &Arc<Shared>, child: &mut Child) -> Vec<JoinHandle<()>> {
    let output = child.stdout.take().map(|output| tokio::spawn(read_lines(shared.clone(), output, false)));
    let errors = child.stderr.take().map(|errors| tokio::spawn(read_lines(shared.clone(), errors, true)));
    output.into_iter().chain(errors).collect()
}

async fn read_lines(shared: Arc<Shared>, stream: impl AsyncRead + Unpin, is_error: bool) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        shared.update(|state| {
            let text = if is_error { &mut state.errors } else { &mut state.output };
            text.push_str(&line);
            text.push('\n');
        });
    }
}
