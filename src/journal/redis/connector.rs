//! Opens connections to Redis: to one node or to a cluster, with a password or with tokens that end.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
};
use tokio::time::timeout;

use super::settings::RedisSettings;
use crate::domain::time::Timestamp;
use crate::journal::address::Address;
use crate::platform::clock::Clock;
use crate::platform::secret::Secret;

/// How long opening a connection may take, TLS and authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long is waited at least until a token that ends is asked for again.
const RENEW_AFTER: Duration = Duration::from_millis(50);

/// For how long at most one waits before the end of a token is looked at again: a machine that slept has another time.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// How often the cluster client follows a slot that moved, within the time of the command.
const CLUSTER_RETRIES: u32 = 2;

/// Opens connections. Making one connects nowhere.
pub(super) struct Connector {
    settings: RedisSettings,
    clock: Clock,
    pub(super) reply_timeout: Duration,
}

enum Connecting {
    One(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// A connection, and when the token ends that it was opened with, if it was one.
pub(super) type Opened = (Connection, Option<Timestamp>);

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
            Err(nodes) => {
                let mut builder = ClusterClientBuilder::new(nodes)
                    .retries(CLUSTER_RETRIES)
                    .connection_timeout(CONNECT_TIMEOUT)
                    .response_timeout(self.reply_timeout)
                    .tcp_settings(tcp_settings());
                if address.is_encrypted {
                    builder = builder.certs(certificates);
                }
                builder.build().map(Box::new).map(Connecting::Cluster)
            }
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
            Ok(connection) => connection.map_err(|error| describe(&error, self.login_remedy())),
            Err(_) => Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())),
        }
    }

    pub(super) async fn connect(&self) -> Result<Opened, String> {
        let (address, ends) = self.login().await?;
        Ok((self.open(&address).await?, ends))
    }

    /// Waits until the token of a connection has so little time left that another connection should take over, and
    /// returns that one. Where there is no token it waits for ever.
    pub(super) async fn successor(&self, ends: Option<Timestamp>) -> Opened {
        let Some(ends) = ends else { return std::future::pending().await };
        let renew_before = self.settings.renew_before;
        let mut last_why = None;
        loop {
            let left = u64::try_from(ends.ms_since((self.clock)())).unwrap_or(0);
            let due_in = Duration::from_millis(left).saturating_sub(renew_before);
            if due_in.is_zero() {
                match self.connect_after(ends).await {
                    Ok(Some(opened)) => return opened,
                    Ok(None) => {}
                    Err(why) if last_why.as_ref() == Some(&why) => {}
                    Err(why) => {
                        tracing::warn!(why, "no connection with a new token; the old one serves on");
                        last_why = Some(why);
                    }
                }
                tokio::time::sleep((renew_before / 20).clamp(RENEW_AFTER, POLL_INTERVAL)).await;
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
    pub(super) const fn login_remedy(&self) -> &'static str {
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
    Ok(place.into_connection_info()?.set_redis_settings(login).set_tcp_settings(tcp_settings()))
}

/// Commands are small and each is waited for, so none may be held back to be sent together with the next.
fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(super) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// What to see to when the user may not do all that an instance does: with these rules it may.
const MAY_NOT: &str = "; its user may not run all commands: give it the rules \
    `~bc:* +@read +@write +@scripting +time +info`, on a cluster `+cluster|slots` as well; or on Azure the access policy `default`";

/// An error in words that are safe to log. What the server says may repeat what it was sent, a password for instance,
/// so only its code is told; what the machine says of the line is told as it is.
pub(super) fn describe(error: &RedisError, login_remedy: &'static str) -> String {
    if error.is_io_error() {
        let text = error.to_string();
        // The client of a cluster has only a text of why no node could be logged in to.
        let remedy = if text.contains("AuthenticationFailed") { login_remedy } else { "" };
        return text + remedy;
    }
    let code = error.code().map(|code| format!(" ({code})")).unwrap_or_default();
    let remedy = match (error.kind(), error.code()) {
        // Which command it is that a script may not run is not in the code.
        (_, Some("ERR")) if error.to_string().contains("can't run this command") => MAY_NOT,
        (_, Some("NOPERM")) => MAY_NOT,
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => login_remedy,
        (_, Some("MOVED" | "CLUSTERDOWN")) => {
            "; for a cluster name its nodes in BOARDCAST_REDIS_URL, comma-separated"
        }
        (_, Some("OOM")) => "; its memory is full: raise maxmemory, or lower BOARDCAST_LOG_ENTRIES_MAX",
        (_, Some("READONLY")) => "; it is a replica: name the primary in BOARDCAST_REDIS_URL",
        (_, Some("NOREPLICAS")) => "; it has fewer replicas than its min-replicas-to-write asks for",
        (_, Some("MISCONF")) => "; it cannot write to its disk: see to the disk and to its log",
        _ => "",
    };
    format!("{}{code}{remedy}", error.category())
}
