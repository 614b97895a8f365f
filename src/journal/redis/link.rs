//! A connection that is always being kept: opened in the background, replaced when it breaks, and never waited for
//! longer than a command may take.
//!
//! The client's own connection manager makes commands wait for a reconnect without a bound, and gives up for ever when
//! nobody sends a command; neither may happen to a hook or to the log.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, Pipeline, RedisConnectionInfo, RedisError, RedisFuture, RedisResult,
    ServerErrorKind, TlsCertificates, Value,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::RedisSettings;
use crate::domain::time::Timestamp;
use crate::journal::JournalError;
use crate::journal::address::Address;
use crate::platform::clock::Clock;
use crate::platform::secret::Secret;

/// How long opening a connection may take, TLS and authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long is waited between two attempts to connect, at first and at most.
const RETRY_AFTER: Duration = Duration::from_millis(50);
const RETRY_AFTER_MAX: Duration = Duration::from_millis(500);

/// How long a command must have gone without a reply for its connection to be suspected: a caller that went away at
/// once says nothing about it.
const SUSPECTED_AFTER: Duration = Duration::from_millis(200);

/// For how long at most one waits before the end of a token is looked at again: a machine that slept has another time.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// How often the cluster client follows a slot that moved, within the time of the command.
const CLUSTER_RETRIES: u32 = 2;

/// Opens connections. Making one connects nowhere.
pub(super) struct Connector {
    settings: RedisSettings,
    clock: Clock,
    reply_timeout: Duration,
}

/// A client of the one node, or of a cluster.
enum Connecting {
    One(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// A connection, and when the token ends that it was opened with, if it was one.
type Opened = (Connection, Option<Timestamp>);

impl Connector {
    /// Errors: an address or a certificate that the client does not take, in words of ours.
    pub(super) fn new(
        settings: &RedisSettings,
        clock: &Clock,
        reply_timeout: Duration,
    ) -> Result<Self, &'static str> {
        let connector = Self { settings: settings.clone(), clock: clock.clone(), reply_timeout };
        match connector.client(&settings.address) {
            Ok(_) => Ok(connector),
            Err(_) => Err("the client takes no such address or root certificate"),
        }
    }

    fn client(&self, address: &Address) -> RedisResult<Connecting> {
        let nodes = address.nodes.iter().map(|node| connection_info(address, node));
        let nodes: Vec<_> = nodes.collect::<RedisResult<_>>()?;
        let certificates =
            TlsCertificates { client_tls: None, root_cert: self.settings.root_certificate.clone() };
        match <[_; 1]>::try_from(nodes) {
            Ok([node]) if !address.is_encrypted => Client::open(node).map(Box::new).map(Connecting::One),
            Ok([node]) => Client::build_with_tls(node, certificates).map(Box::new).map(Connecting::One),
            Err(nodes) => cluster(nodes, address.is_encrypted.then_some(certificates), self.reply_timeout),
        }
    }

    /// The address with what to log in with now, and when that ends.
    async fn login(&self) -> Result<(Address, Option<Timestamp>), String> {
        let address = self.settings.address.clone();
        let Some(tokens) = &self.settings.tokens else { return Ok((address, None)) };
        let token = tokens.token().await.map_err(|error| error.to_string())?;
        let user = address.user.clone().or_else(|| token.object_id());
        let user = user.ok_or("the token names no object id; give it as the user in BOARDCAST_REDIS_URL")?;
        Ok((Address { user: Some(user), password: Some(token.secret), ..address }, Some(token.ends)))
    }

    async fn open(&self, address: &Address) -> Result<Connection, String> {
        let connect = async {
            match self.client(address)? {
                Connecting::One(client) => {
                    // Every command has its own time; the client's default would cut off a read that blocks for longer.
                    let config = AsyncConnectionConfig::new()
                        .set_connection_timeout(Some(CONNECT_TIMEOUT))
                        .set_response_timeout(None);
                    client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::One)
                }
                Connecting::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
            }
        };
        match timeout(CONNECT_TIMEOUT, connect).await {
            Ok(connection) => connection.map_err(|error| told(&error, self.login_remedy())),
            Err(_) => Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())),
        }
    }

    async fn connect(&self) -> Result<Opened, String> {
        let (address, ends) = self.login().await?;
        Ok((self.open(&address).await?, ends))
    }

    /// Waits until the token of a connection has so little time left that another connection should take over, and
    /// returns that one. Where there is no token it waits for ever.
    async fn successor(&self, ends: Option<Timestamp>) -> Opened {
        let Some(ends) = ends else { return std::future::pending().await };
        let renew_before = self.settings.renew_before;
        let mut told_last = None;
        loop {
            let left = u64::try_from(ends.ms_since((self.clock)())).unwrap_or(0);
            let due_in = Duration::from_millis(left).saturating_sub(renew_before);
            if due_in.is_zero() {
                match self.connect_after(ends).await {
                    Ok(Some(opened)) => return opened,
                    Ok(None) => {}
                    Err(why) => {
                        if told_last.as_ref() != Some(&why) {
                            tracing::warn!(why, "no connection with a new token; the old one serves on");
                        }
                        told_last = Some(why);
                    }
                }
                tokio::time::sleep((renew_before / 20).clamp(RETRY_AFTER, POLL_INTERVAL)).await;
            } else {
                tokio::time::sleep(due_in.min(POLL_INTERVAL)).await;
            }
        }
    }

    /// Connects with a token that ends later. There may be none yet: the platform gives the same one for a while.
    async fn connect_after(&self, ends: Timestamp) -> Result<Option<Opened>, String> {
        let (address, next) = self.login().await?;
        if next <= Some(ends) {
            return Ok(None);
        }
        Ok(Some((self.open(&address).await?, next)))
    }

    /// What to see to when the server does not take what we log in with.
    const fn login_remedy(&self) -> &'static str {
        match self.settings.tokens {
            None => "; see to user and password in BOARDCAST_REDIS_URL",
            Some(_) => "; give the managed identity an access policy of this Redis, by its object id",
        }
    }
}

fn connection_info(address: &Address, (host, port): &(String, u16)) -> RedisResult<ConnectionInfo> {
    let host = host.clone();
    let place = if address.is_encrypted {
        ConnectionAddr::TcpTls { host, port: *port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, *port)
    };
    let mut login = RedisConnectionInfo::default();
    if let Some(user) = &address.user {
        login = login.set_username(user);
    }
    if let Some(password) = address.password.as_ref().map(Secret::expose) {
        login = login.set_password(password);
    }
    Ok(place.into_connection_info()?.set_redis_settings(login).set_tcp_settings(at_once()))
}

/// Commands are small and each is waited for, so none may be held back to be sent together with the next.
fn at_once() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn cluster(
    nodes: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
    reply_timeout: Duration,
) -> RedisResult<Connecting> {
    let mut builder = ClusterClientBuilder::new(nodes)
        .retries(CLUSTER_RETRIES)
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(reply_timeout)
        .tcp_settings(at_once());
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates);
    }
    builder.build().map(Box::new).map(Connecting::Cluster)
}

/// A connection to the one node, or to a cluster.
#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        0
    }
}

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
    /// The first attempt since the last connection broke is under way: worth waiting for.
    Connecting,
    Up(Connection, u64),
    /// The last attempt failed, so commands fail at once instead of queueing up.
    Down(String),
}

/// A connection that is always being kept. Dropping it ends the work in the background.
pub(super) struct Link {
    state: watch::Receiver<State>,
    /// The newest connection that was seen to be broken.
    broken: watch::Sender<u64>,
    /// How long a command may take, the wait for a connection included.
    timeout: Duration,
    login_remedy: &'static str,
    keeper: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Link {
    /// Starts to connect, and returns at once.
    pub(super) fn keep(connector: Connector) -> Self {
        let (timeout, login_remedy) = (connector.reply_timeout, connector.login_remedy());
        let (told, state) = watch::channel(State::Connecting);
        let (broken, seen_broken) = watch::channel(0);
        let keeper = tokio::spawn(keep(connector, told, seen_broken));
        Self { state, broken, timeout, login_remedy, keeper }
    }

    /// Sends a command and reads its reply.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, JournalError> {
        self.with_connection(async |mut connection| command.query_async(&mut connection).await).await
    }

    /// Sends several commands, which run together or not at all, and reads their replies.
    pub(super) async fn query_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, JournalError> {
        self.with_connection(async |mut connection| commands.query_async(&mut connection).await).await
    }

    /// Runs a script by its hash, or by its text where the server does not know it: it forgets them when it restarts.
    /// One time-out bounds both.
    pub(super) async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        fill: impl Fn(&mut Cmd),
    ) -> Result<Value, JournalError> {
        let command = |name: &str, text: &str| {
            let mut command = redis::cmd(name);
            command.arg(text).arg(keys.len()).arg(keys);
            fill(&mut command);
            command
        };
        self.with_connection(async |mut connection| {
            let by_hash = command("EVALSHA", &script.hash).query_async(&mut connection).await;
            match by_hash {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    command("EVAL", script.text).query_async(&mut connection).await
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
            outcome.map_err(|error| JournalError::Unavailable(told(&error, self.login_remedy)))
        })
        .await;
        outcome.unwrap_or_else(|_| {
            Err(JournalError::Unavailable(format!("no reply within {} ms", self.timeout.as_millis())))
        })
    }

    async fn connection(&self) -> Result<(Connection, u64), JournalError> {
        let mut state = self.state.clone();
        // A connection that was just seen to be broken is still there until its keeper comes to replace it.
        let is_settled = |state: &State| match state {
            State::Connecting => false,
            State::Up(_, number) => *number > *self.broken.borrow(),
            State::Down(_) => true,
        };
        let settled = state.wait_for(is_settled).await;
        match settled.as_deref() {
            Ok(State::Up(connection, number)) => Ok((connection.clone(), *number)),
            Ok(State::Down(why)) => Err(JournalError::Unavailable(why.clone())),
            Ok(State::Connecting) | Err(_) => Err(JournalError::Unavailable("it is being closed".into())),
        }
    }

    fn replace(&self, number: u64) {
        self.broken.send_if_modified(|newest| {
            let is_news = *newest < number;
            *newest = number.max(*newest);
            is_news
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

/// Connects, waits until the connection is broken, and begins again. Before the token of a connection ends, another one
/// takes its place; what is under way on the old one finishes there, and then it is closed.
async fn keep(connector: Connector, state: watch::Sender<State>, mut broken: watch::Receiver<u64>) {
    let mut number = 0;
    loop {
        let (mut connection, mut ends) = first(&connector, &state).await;
        loop {
            number += 1;
            state.send_replace(State::Up(connection, number));
            tokio::select! {
                seen = broken.wait_for(|newest| *newest >= number) => match seen {
                    Ok(_) => break,
                    Err(_) => return,
                },
                next = connector.successor(ends) => (connection, ends) = next,
            }
        }
        state.send_replace(State::Connecting);
    }
}

/// Tries until there is a connection.
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

/// An error in words that are safe to log. What the server says may repeat what it was sent, a password for instance,
/// so only its code is told; what the machine says of the line is told as it is.
fn told(error: &RedisError, login_remedy: &'static str) -> String {
    if error.is_io_error() {
        let text = error.to_string();
        // The client of a cluster has only a text of why no node could be logged in to.
        let remedy = if text.contains("AuthenticationFailed") { login_remedy } else { "" };
        return text + remedy;
    }
    let code = error.code().map(|code| format!(" ({code})")).unwrap_or_default();
    let remedy = match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => login_remedy,
        (_, Some("MOVED" | "CLUSTERDOWN")) => {
            "; for a cluster name its nodes in BOARDCAST_REDIS_URL, comma-separated"
        }
        (_, Some("OOM")) => "; its memory is full: see to maxmemory",
        _ => "",
    };
    format!("{}{code}{remedy}", error.category())
}
