//! A connection that is always being kept: opened in the background, replaced when it breaks, and never waited for
//! longer than a command may take.
//!
//! The client's own connection manager makes commands wait for a reconnect without a bound, and gives up for ever when
//! nobody sends a command; neither may happen to a hook or to the log.

use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, ToRedisArgs, Value};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::connector::{Connection, Connector, Opened, describe};
use crate::journal::JournalError;

/// How long is waited between two attempts to connect, at first and at most.
const RETRY_AFTER: Duration = Duration::from_millis(50);
const RETRY_AFTER_MAX: Duration = Duration::from_millis(500);

/// How long a command must have gone without a reply for its connection to be suspected: a caller that went away at
/// once says nothing about it.
const SUSPECTED_AFTER: Duration = Duration::from_millis(200);

/// A script with the hash by which a server that has run it knows it.
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }
}

/// How the connection stands. The number tells one connection from the one that replaced it.
enum State {
    /// The first attempt since the last connection broke is due or under way: worth waiting for.
    Connecting,
    Up(Connection, u64),
    /// The last attempt failed, so commands fail at once instead of queueing up.
    Down(String),
}

/// A connection that is always being kept, as long as [`keep`](Self::keep) runs.
pub(super) struct Link {
    connector: Connector,
    state: watch::Sender<State>,
    /// How long a command may take, the wait for a connection included.
    timeout: Duration,
    login_remedy: &'static str,
}

impl Link {
    pub(super) fn new(connector: Connector) -> Self {
        let (timeout, login_remedy) = (connector.reply_timeout, connector.login_remedy());
        Self { connector, state: watch::Sender::new(State::Connecting), timeout, login_remedy }
    }

    /// Connects, waits until the connection is broken, and begins again; never returns. Before the token of a connection
    /// ends, another one takes its place; what is under way on the old one finishes there, and then it is closed.
    pub(super) async fn keep(&self) {
        let mut broken = self.state.subscribe();
        let mut number = 0;
        loop {
            let (mut connection, mut ends) = first(&self.connector, &self.state).await;
            loop {
                number += 1;
                self.state.send_replace(State::Up(connection, number));
                tokio::select! {
                    _ = broken.wait_for(|state| matches!(state, State::Connecting)) => break,
                    next = self.connector.successor(ends) => (connection, ends) = next,
                }
            }
        }
    }

    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, JournalError> {
        self.with_connection(async |mut connection| connection.query(command).await).await
    }

    /// Runs a script by its hash, or by its text where the server does not know it: it forgets them when it restarts.
    /// One time-out bounds both.
    pub(super) async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: impl ToRedisArgs,
    ) -> Result<Value, JournalError> {
        let command = |name: &str, text: &str| {
            let mut command = redis::cmd(name);
            command.arg(text).arg(keys.len()).arg(keys).arg(&arguments);
            command
        };
        self.with_connection(async |mut connection| {
            match connection.query(&command("EVALSHA", &script.hash)).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    connection.query(&command("EVAL", script.text)).await
                }
                answer => answer,
            }
        })
        .await
    }

    async fn with_connection<T>(
        &self,
        work: impl AsyncFnOnce(Connection) -> RedisResult<T>,
    ) -> Result<T, JournalError> {
        let outcome = timeout(self.timeout, async {
            let (connection, number) = self.connection().await?;
            let mut suspicion = Suspicion { link: self, number, since: Instant::now(), is_answered: false };
            let outcome = work(connection).await;
            suspicion.is_answered = true;
            if outcome.as_ref().is_err_and(is_broken) {
                self.replace(number);
            }
            outcome.map_err(|error| JournalError::Unavailable(describe(&error, self.login_remedy)))
        })
        .await;
        outcome.unwrap_or_else(|_| {
            Err(JournalError::Unavailable(format!("no reply within {} ms", self.timeout.as_millis())))
        })
    }

    async fn connection(&self) -> Result<(Connection, u64), JournalError> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Connecting)).await;
        match settled.as_deref() {
            Ok(State::Up(connection, number)) => Ok((connection.clone(), *number)),
            Ok(State::Down(why)) => Err(JournalError::Unavailable(why.clone())),
            Ok(State::Connecting) | Err(_) => Err(JournalError::Unavailable("it is being closed".into())),
        }
    }

    /// Gives up a connection, if no other one has taken its place.
    fn replace(&self, number: u64) {
        self.state.send_if_modified(|state| {
            let is_current = matches!(state, State::Up(_, current) if *current == number);
            if is_current {
                *state = State::Connecting;
            }
            is_current
        });
    }
}

/// A command under way. When it is given up without a reply, be it that its time was up or that its caller would not
/// wait any longer, the connection may be dead without a sign, which is what a lost route looks like: it is replaced.
struct Suspicion<'a> {
    link: &'a Link,
    number: u64,
    since: Instant,
    is_answered: bool,
}

impl Drop for Suspicion<'_> {
    fn drop(&mut self) {
        if !self.is_answered && self.since.elapsed() >= SUSPECTED_AFTER {
            self.link.replace(self.number);
        }
    }
}

async fn first(connector: &Connector, state: &watch::Sender<State>) -> Opened {
    let mut pause = RETRY_AFTER;
    loop {
        match connector.connect().await {
            Ok(opened) => return opened,
            Err(why) => state.send_replace(State::Down(why)),
        };
        // All instances lose the same server at the same time and must not come back in step.
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
        pause = (pause * 2).min(RETRY_AFTER_MAX);
    }
}

/// Whether the next command had better go over another connection. A server that is no longer the one to write to, or
/// is only starting, answers over a connection that is whole.
fn is_broken(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Io
            | ErrorKind::Parse
            | ErrorKind::AuthenticationFailed
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::Server(
                ServerErrorKind::ReadOnly
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::BusyLoading
            )
    ) || error.is_unrecoverable_error()
}
