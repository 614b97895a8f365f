//! The Azure Functions host, played: it starts the executable as the host does and stands between it and its
//! clients as the host does, with this repository's own `host.json` and function folders.
//!
//! What it does was seen of version 4 of the real one. It is a second implementation of the contract, so a handler
//! that works here and not there shows a defect of one of the two.

mod client;
mod config;
mod envelope;
mod front;
mod process;
mod proxy;
mod recorded;
mod route;
pub mod scripted;
mod state;
mod timer;
pub mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use client::Reply;
pub use config::{AppFiles, read_json};
pub use state::{Ending, StreamRecord};
pub use timer::{TimerOutcome, TimerTick};

use self::config::Settings;
use self::front::Stop;
use self::state::{Command, Fixed, Kill, Phase, Shared};
use super::app::DEADLINE;

/// After how much silence the host cuts a proxied exchange.
pub const IDLE_CUT: Duration = Duration::from_secs(240);

/// The executable under test, when it is not the one of the test profile.
const BINARY_VARIABLE: &str = "BOARDCAST_TEST_BINARY";

/// The folder of the app, when it is not the repository: a package that was staged, with its executable.
const APP_VARIABLE: &str = "BOARDCAST_TEST_APP";

/// A running host. The handler is killed when it is dropped.
pub struct Host {
    /// Where clients reach it.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
    stop: std::sync::Mutex<Option<oneshot::Sender<Stop>>>,
    /// Keeps the handler's port from being taken by others while the handler is started again.
    _reservation: Socket,
}

#[derive(Clone)]
pub struct Builder {
    files: Result<AppFiles, String>,
    settings: Settings,
    command: Option<Command>,
    idle_cut: Duration,
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The root of the app that the host starts.
fn app() -> PathBuf {
    std::env::var_os(APP_VARIABLE).map_or_else(|| root().to_owned(), PathBuf::from)
}

impl Host {
    /// A host over the repository's app, with no more settings than it needs to start.
    pub fn builder() -> Builder {
        let settings = [
            ("FUNCTIONS_WORKER_RUNTIME", "custom"),
            ("AzureWebJobsStorage", "UseDevelopmentStorage=true"),
            ("SYNC_SCHEDULE", "0 */15 12-23 * * 1-5"),
        ];
        Builder {
            files: AppFiles::read(&app()),
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            command: None,
            idle_cut: IDLE_CUT,
        }
    }

    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// The function key, for `?code=` or `x-functions-key`.
    pub fn key(&self) -> &str {
        &self.shared.key
    }

    /// Fires the timer and waits for what becomes of the tick.
    pub async fn fire_timer(&self, tick: TimerTick) -> TimerOutcome {
        within("the timer's outcome", timer::fire(&self.shared, tick)).await
    }

    /// Every proxied exchange so far.
    pub fn exchanges(&self) -> Vec<StreamRecord> {
        self.shared.look(|state| state.exchanges.clone())
    }

    /// The exchanges that are event streams.
    pub fn streams(&self) -> Vec<StreamRecord> {
        self.exchanges().into_iter().filter(|exchange| exchange.is_event_stream).collect()
    }

    /// Waits until `look` finds something among the exchanges.
    pub async fn seen<T>(&self, look: impl Fn(&[StreamRecord]) -> Option<T>) -> T {
        within("what is looked for", self.shared.until(|state| look(&state.exchanges))).await
    }

    pub fn handler_pid(&self) -> Option<u32> {
        self.shared.look(|state| state.pid)
    }

    /// Kills the handler, as somebody who is not the host. The host sees it end and starts it again.
    pub async fn kill_handler(&self) {
        let before = self.handler_pid();
        let _ = self.shared.orders.send(Kill::Stranger);
        within("the handler's end", self.shared.until(|state| (state.pid != before).then_some(()))).await;
    }

    /// How often the handler was started again.
    pub fn restarts(&self) -> usize {
        self.shared.look(|state| state.starts.saturating_sub(1))
    }

    /// Waits until the handler was started again that often, and answers.
    pub async fn restarted(&self, times: usize) {
        let ready =
            self.shared.until(|state| (state.starts > times && state.phase == Phase::Ready).then_some(()));
        within("a restart", ready).await;
    }

    /// What the handler wrote to standard output.
    pub fn handler_log(&self) -> String {
        self.shared.look(|state| state.output.clone())
    }

    /// What it wrote to standard error, each line of which the real host shows as an error.
    pub fn handler_errors(&self) -> String {
        self.shared.look(|state| state.errors.clone())
    }

    /// The host's own log.
    pub fn log(&self) -> String {
        self.shared.look(|state| state.log.join("\n"))
    }

    /// Stops as the host does when it is told to: nobody new is let in, open exchanges may go on for `grace`, and
    /// the handler is killed without having been told anything.
    pub async fn stop(&self, grace: Duration) {
        let (done, is_done) = oneshot::channel();
        let stop = self.stop.lock().unwrap().take().expect("a host stops once");
        let _ = stop.send(Stop { grace, done });
        let _ = within("the last exchange's end", is_done).await;
        let _ = self.shared.orders.send(Kill::Stop);
        let stopped = self.shared.until(|state| (state.phase == Phase::Stopped).then_some(()));
        within("the handler's end", stopped).await;
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The task that owns the process kills it when it is dropped.
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Builder {
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }

    pub fn without_setting(mut self, name: &str) -> Self {
        self.settings.remove(name);
        self
    }

    /// Starts another app than the repository's: a package that was staged.
    pub fn app(mut self, root: &Path) -> Self {
        self.files = AppFiles::read(root);
        self
    }

    /// Takes the settings that Core Tools take on a laptop.
    pub fn local_settings(mut self) -> Self {
        let local = config::read_settings(&root().join("local.settings.json"));
        self.settings.extend(local.expect("local.settings.json"));
        self
    }

    /// Changes the app's files before the host reads them.
    pub fn edit(mut self, edit: impl FnOnce(&mut AppFiles)) -> Self {
        if let Ok(files) = &mut self.files {
            edit(files);
        }
        self
    }

    /// Lets another program play the handler.
    pub fn handler(mut self, program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        self.command = Some(Command { program: program.into(), arguments });
        self
    }

    pub fn idle_cut(mut self, idle_cut: Duration) -> Self {
        self.idle_cut = idle_cut;
        self
    }

    pub async fn start(self) -> Host {
        self.try_start().await.unwrap_or_else(|complaint| panic!("the host does not start: {complaint}"))
    }

    /// Starts the host and waits until the handler answers. Errors: what the host has against the app, or what its
    /// log says when it gave up.
    pub async fn try_start(self) -> Result<Host, String> {
        let files = self.files?;
        let config = files.accept(&self.settings).map_err(|complaints| complaints.join("\n"))?;
        let command = match self.command {
            Some(command) => command,
            None => Command { program: product(&config.executable)?, arguments: config.arguments.clone() },
        };
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (reservation, handler_port) = reserve_port();
        let (orders, ordered) = mpsc::unbounded_channel();
        let fixed = Fixed {
            config,
            settings: self.settings,
            command,
            idle_cut: self.idle_cut,
            address,
            handler_port,
        };
        let shared = Arc::new(Shared::new(fixed, orders));
        let (stop, stopping) = oneshot::channel();
        let tasks = [
            tokio::spawn(process::supervise(shared.clone(), ordered)),
            tokio::spawn(front::serve(shared.clone(), listener, stopping)),
        ];
        let host = Host { address, shared, tasks, stop: Some(stop).into(), _reservation: reservation };
        within("the handler's first answer", host.shared.started()).await;
        match host.shared.look(|state| state.phase) {
            Phase::Ready => Ok(host),
            _ => Err(format!("{}\n{}", host.log(), host.handler_errors())),
        }
    }
}

/// The executable that `host.json` names.
fn product(executable: &str) -> Result<PathBuf, String> {
    if std::env::var_os(APP_VARIABLE).is_some() {
        return Ok(app().join(executable));
    }
    let built = std::env::var_os(BINARY_VARIABLE)
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_boardcast")), |path| root().join(path));
    match built.file_name().is_some_and(|name| name == executable) {
        true => Ok(built),
        false => Err(format!("host.json starts `{executable}`, but what is built is {}", built.display())),
    }
}

/// A free port for the handler, outside the range from which the system gives ports to connections of its own: one
/// of those could otherwise sit on the port while the handler is started again. The socket holds the port without
/// listening, which lets the handler listen; it allows that only once it has the port, because two sockets that
/// allow it from the start could have the same one.
fn reserve_port() -> (Socket, u16) {
    for _ in 0..1_000 {
        let port = fastrand::u16(20_000..32_000);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        if socket.bind(&address.into()).is_ok() {
            socket.set_reuse_address(true).unwrap();
            return (socket, port);
        }
    }
    panic!("no port is free");
}

/// Waits, but not for ever.
async fn within<T>(what: &str, wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, wanted).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
}
