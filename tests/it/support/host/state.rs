//! What the parts of the host share: the accepted app, and everything that was seen, which tests wait on.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};

use super::config::AppConfig;
use super::wire::{Connection, Head};

/// What the host calls itself.
pub const HOST_VERSION: &str = "4.1046.100.0";

/// The command that plays the handler.
#[derive(Clone, Debug)]
pub struct Command {
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

/// What the host believes of the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Started, not yet answering.
    Starting,
    /// It answered.
    Ready,
    /// It ended with 0, which the host takes no notice of: requests are sent as before, to nobody.
    Deserted,
    /// The host gave up and ended itself.
    ShutDown,
    /// The host was told to stop, and the handler is gone with it.
    Stopped,
}

/// Why the handler is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// Somebody else did it: the host sees an exit like any other.
    Stranger,
    /// The host stops.
    Stop,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The answer was passed on to its end.
    Finished,
    /// The client closed its connection. The invocation counts as succeeded.
    ClientGone,
    /// Nothing moved for too long.
    CutIdle,
    /// The handler's connection broke in the middle of an answer, or nobody answered at all.
    HandlerGone,
}

/// One proxied exchange, as the host saw it.
#[derive(Clone, Debug)]
pub struct StreamRecord {
    pub status: Option<u16>,
    pub is_event_stream: bool,
    /// How often the request was sent.
    pub attempts: u32,
    /// When the handler's head arrived here; the client has it only with the first write.
    pub head_at: Option<Instant>,
    /// When each write was passed on: one for each read from the handler.
    pub writes: Vec<Instant>,
    pub bytes: u64,
    pub ended: Option<Ending>,
}

/// Everything that changes.
pub struct State {
    pub phase: Phase,
    pub pid: Option<u32>,
    pub starts: usize,
    pub exchanges: Vec<StreamRecord>,
    pub log: Vec<String>,
    pub output: String,
    pub errors: String,
    /// When the timer was last due.
    pub timer_last: Option<DateTime<Utc>>,
}

/// One host.
pub struct Shared {
    pub config: AppConfig,
    pub settings: BTreeMap<String, String>,
    pub command: Command,
    /// How long a proxied exchange may be silent in both directions.
    pub idle_cut: Duration,
    pub key: String,
    pub address: SocketAddr,
    pub handler_port: u16,
    pub orders: mpsc::UnboundedSender<Kill>,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    idle: Mutex<Vec<Connection>>,
}

/// What is fixed when a host starts.
pub struct Fixed {
    pub config: AppConfig,
    pub settings: BTreeMap<String, String>,
    pub command: Command,
    /// How long a proxied exchange may be silent in both directions.
    pub idle_cut: Duration,
    pub address: SocketAddr,
    pub handler_port: u16,
}

impl Shared {
    pub fn new(fixed: Fixed, orders: mpsc::UnboundedSender<Kill>) -> Self {
        Self {
            config: fixed.config,
            settings: fixed.settings,
            command: fixed.command,
            idle_cut: fixed.idle_cut,
            key: uuid::Uuid::new_v4().simple().to_string(),
            address: fixed.address,
            handler_port: fixed.handler_port,
            orders,
            state: Mutex::new(State {
                phase: Phase::Starting,
                pid: None,
                starts: 0,
                exchanges: Vec::new(),
                log: Vec::new(),
                output: String::new(),
                errors: String::new(),
                timer_last: None,
            }),
            changed: watch::Sender::new(()),
            idle: Mutex::default(),
        }
    }

    pub fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap())
    }

    pub fn update<T>(&self, update: impl FnOnce(&mut State) -> T) -> T {
        let result = update(&mut self.state.lock().unwrap());
        self.changed.send_replace(());
        result
    }

    /// Waits until `look` finds something. There is no deadline here; whoever asks has one.
    pub async fn until<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(found) = self.look(&look) {
                return found;
            }
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    pub fn log(&self, line: impl Into<String>) {
        self.update(|state| state.log.push(line.into()));
    }

    /// Waits while the handler is being started. What comes then is tried, whatever state it is in.
    pub async fn started(&self) {
        self.until(|state| (state.phase != Phase::Starting).then_some(())).await;
    }

    pub fn handler_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.handler_port))
    }

    /// A connection to the handler: one that is kept alive, if there is one that still is.
    pub async fn connection(&self) -> io::Result<Connection> {
        loop {
            let kept = self.idle.lock().unwrap().pop();
            match kept {
                Some(connection) if connection.is_reusable() => return Ok(connection),
                Some(_) => {}
                None => return Connection::open(self.handler_address()).await,
            }
        }
    }

    /// Keeps a connection for the next request, unless the handler wants it closed.
    pub fn keep(&self, connection: Connection, head: &Head) {
        let closes = head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !closes && connection.is_reusable() {
            self.idle.lock().unwrap().push(connection);
        }
    }
}
