//! The contract suite over each journal.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boardcast::domain::owner::Owner;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::redis::{RedisJournal, RedisSettings};
use boardcast::journal::{EntryId, LogRetention, Store};

use crate::journal_contract::{Harness, journal_contract};
use crate::support::app::HandClock;
use crate::support::faults::FaultyJournal;
use crate::support::redis::{self, RedisCluster, RedisServer, TlsServer};

/// The memory adapter, on a clock that the suite turns.
struct Memory {
    journal: Arc<MemoryJournal>,
    clock: HandClock,
}

#[async_trait]
impl Harness for Memory {
    async fn with(retention: LogRetention) -> Self {
        let clock = HandClock::at(1_795_449_600_000);
        Self { journal: Arc::new(MemoryJournal::new(clock.clock(), retention)), clock }
    }

    fn store(&self) -> Store {
        Store::of(self.journal.clone())
    }

    async fn let_pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    async fn step_clock_back(&self) {
        self.clock.set(1_000);
    }

    async fn lose_everything(&self) {
        self.journal.lose_everything();
    }

    async fn set_back_to(&self, id: EntryId) {
        self.journal.set_back_to(id);
    }
}

/// The same under the layer of faults while nothing is planned: the layer must not change what a journal does.
struct Faultless(Memory);

#[async_trait]
impl Harness for Faultless {
    async fn with(retention: LogRetention) -> Self {
        Self(Memory::with(retention).await)
    }

    fn store(&self) -> Store {
        let store = self.0.store();
        FaultyJournal::over(&store).in_front_of(store)
    }

    async fn let_pass(&self, time: Duration) {
        self.0.let_pass(time).await;
    }

    async fn step_clock_back(&self) {
        self.0.step_clock_back().await;
    }

    async fn lose_everything(&self) {
        self.0.lose_everything().await;
    }

    async fn set_back_to(&self, id: EntryId) {
        self.0.set_back_to(id).await;
    }
}

/// The adapter on a real Redis. Tests share the servers and keep to an organisation each.
struct Redis {
    journal: Arc<RedisJournal>,
    owner: Owner,
    server: Server,
}

#[derive(Clone, Copy)]
enum Server {
    Alone(&'static RedisServer),
    Cluster(&'static RedisCluster),
}

impl Redis {
    fn over(server: Server, settings: RedisSettings) -> Self {
        let owner = settings.owner.clone();
        Self { journal: redis::journal(settings), owner, server }
    }

    fn log(&self) -> String {
        format!("bc:{{{}}}:2:log", self.owner.key())
    }

    /// The server that has this organisation's slot.
    async fn holder(&self) -> &'static RedisServer {
        match self.server {
            Server::Alone(server) => server,
            Server::Cluster(cluster) => cluster.holder(&self.log()).await,
        }
    }

    async fn let_pass(&self, time: Duration) {
        // Redis dates by the machine's clock, which nobody turns. The age is looked at in turns, so it takes two.
        tokio::time::sleep(time + 4 * redis::settings("redis://x", "x").tend_every).await;
    }

    async fn step_clock_back(&self) {
        // An id of tomorrow is what a log holds whose server's clock was a day ahead.
        let tomorrow = (boardcast::platform::clock::system())().epoch_ms() + 86_400_000;
        let () = self.holder().await.command(&["XSETID", &self.log(), &format!("{tomorrow}-0")]).await;
    }

    async fn lose_everything(&self) {
        let server = self.holder().await;
        let keys: Vec<String> = server.command(&["KEYS", &format!("bc:{{{}}}:*", self.owner.key())]).await;
        assert!(keys.len() > 1, "there was nothing to lose: {keys:?}");
        let words: Vec<_> = ["DEL"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let () = server.command(&words).await;
    }

    async fn set_back_to(&self, id: EntryId) {
        redis::set_back(self.holder().await, &self.log(), &id.to_string()).await;
    }
}

/// How the three kinds of server are reached; everything else is alike.
macro_rules! redis_harness {
    ($(#[$doc:meta])* $name:ident, $start:expr) => {
        $(#[$doc])*
        struct $name(Redis);

        #[async_trait]
        impl Harness for $name {
            async fn with(retention: LogRetention) -> Self {
                let (server, settings) = $start;
                Self(Redis::over(server, RedisSettings { retention, ..settings }))
            }

            fn store(&self) -> Store {
                Store::of(self.0.journal.clone())
            }

            async fn let_pass(&self, time: Duration) {
                self.0.let_pass(time).await;
            }

            async fn step_clock_back(&self) {
                self.0.step_clock_back().await;
            }

            async fn lose_everything(&self) {
                self.0.lose_everything().await;
            }

            async fn set_back_to(&self, id: EntryId) {
                self.0.set_back_to(id).await;
            }
        }
    };
}

redis_harness! {
    /// One server.
    OneRedis, {
        let server = RedisServer::shared();
        (Server::Alone(server), redis::settings(&server.url(), &redis::fresh_organisation()))
    }
}
redis_harness! {
    /// A cluster, in which the organisations lie on different nodes.
    ClusterRedis, {
        let cluster = RedisCluster::shared();
        (Server::Cluster(cluster), redis::settings(&cluster.url(), &redis::fresh_organisation()))
    }
}
redis_harness! {
    /// One server that speaks TLS and wants a password.
    TlsRedis, {
        let tls = TlsServer::shared();
        let settings = redis::settings(&tls.url(redis::TLS_PASSWORD), &redis::fresh_organisation());
        (Server::Alone(&tls.server), RedisSettings { root_certificate: Some(tls.root.clone()), ..settings })
    }
}

journal_contract!(memory, super::Memory);
journal_contract!(memory_under_faults, super::Faultless);
journal_contract!(redis_alone, super::OneRedis);
journal_contract!(redis_cluster, super::ClusterRedis);
journal_contract!(redis_tls, super::TlsRedis);
