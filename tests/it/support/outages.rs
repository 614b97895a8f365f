//! Stores that go away and come back while hooks flow to two instances, and what has to hold meanwhile and after it.

use std::sync::Arc;
use std::time::Duration;

use boardcast::archive::Archive;
use boardcast::domain::owner::Owner;

use super::azurite::{Azurite, KEY, archive_at};
use super::fleet::Fleet;
use super::flow::{Book, Flow};
use super::memory_archive::MemoryArchive;
use super::proxy::Proxy;
use super::redis::RedisServer;
use super::verdict::{History, judge, whole_again};
use super::witness::Witness;

/// One hook in that time: twenty a second.
pub const EVERY: Duration = Duration::from_millis(50);

/// How long hooks flow before something happens, and after it.
const CALM: Duration = Duration::from_millis(600);

/// How a Redis is away.
#[derive(Clone, Copy, Debug)]
pub enum Away {
    /// The connections are closed, and new ones too.
    Cut,
    /// The server is killed, and started again with what it has on disk.
    Killed,
    /// Nothing arrives, and nothing is closed.
    Stalled,
}

/// Where hooks wait for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbox {
    /// Nowhere: whoever sends them has to repeat them.
    None,
    /// In the memory of the tests.
    Memory,
    /// In tables, over a line that can be cut.
    Tables,
}

/// Two instances with a reader each, and hooks that flow.
pub struct Scene {
    pub server: RedisServer,
    pub fleet: Fleet,
    pub witnesses: Vec<Witness>,
    pub flow: Flow,
    /// The line to the tables.
    pub tables: Proxy,
}

impl Scene {
    pub async fn begin(inbox: Inbox) -> Self {
        // What was acknowledged is on disk, so that a server which was killed has it.
        let server = RedisServer::start(&[("appendfsync", "always")]);
        let azurite_port = if inbox == Inbox::Tables { Azurite::shared().await.port() } else { server.port };
        let tables = Proxy::to(azurite_port).await;
        let archive: Option<Arc<dyn Archive>> = match inbox {
            Inbox::None => None,
            Inbox::Memory => Some(Arc::new(MemoryArchive::default())),
            Inbox::Tables => Some(archive_at(
                tables.address.port(),
                &Azurite::fresh_prefix(),
                KEY,
                Owner::hooks_alone(None),
            )),
        };
        let fleet = Fleet::start(2, server.port, "own", archive).await;
        let witnesses = fleet.witnesses().await;
        let flow = Flow::begin(&fleet.places, EVERY);
        tokio::time::sleep(CALM).await;
        Self { server, fleet, witnesses, flow, tables }
    }

    /// Redis goes away for a while; ends when it is back.
    pub async fn redis_away(&mut self, how: Away, time: Duration) {
        match how {
            Away::Cut => self.fleet.lines(Proxy::cut),
            Away::Stalled => self.fleet.lines(Proxy::stall),
            Away::Killed => self.server.kill(),
        }
        tokio::time::sleep(time).await;
        match how {
            Away::Cut | Away::Stalled => self.fleet.lines(Proxy::restore),
            Away::Killed => self.server.restart(),
        }
    }

    /// Waits until store and boards have everything that was sent so far, and tells how long that took.
    pub async fn recovered(&self, after: &str) {
        let store = (&self.server, self.fleet.organisation.as_str());
        let sent = self.flow.so_far().revisions_sent();
        let time = whole_again(store, &self.fleet.addresses(), &sent).await;
        println!("recovered after {} ms: {after}", time.as_millis());
    }

    /// Hooks flow for a while longer; then everything is compared.
    pub async fn end(self, history: History) -> Book {
        tokio::time::sleep(CALM).await;
        let book = self.flow.end().await;
        let store = (&self.server, self.fleet.organisation.as_str());
        judge(store, &self.fleet.addresses(), &book, self.witnesses, history).await;
        println!(
            "{} applied, {} known, {} kept, {} refused; the slowest answer took {} ms",
            book.count("applied"),
            book.count("known"),
            book.count("kept"),
            book.refused,
            book.slowest.as_millis()
        );
        book
    }
}

/// Redis is away for that long: with an inbox every hook is acknowledged all the same, without one those that come
/// meanwhile are repeated.
pub async fn of_redis(how: Away, time: Duration, inbox: Inbox) {
    let mut scene = Scene::begin(inbox).await;
    scene.redis_away(how, time).await;
    scene.recovered(&format!("{how:?} for {time:?}, inbox {inbox:?}")).await;
    let book = scene.end(History::Whole).await;
    if inbox == Inbox::None {
        assert!(book.refused > 0, "who has nowhere to keep a hook says so");
        assert_eq!(book.count("kept"), 0);
    } else {
        assert_eq!(book.refused, 0, "hooks are acknowledged throughout");
        assert!(book.count("kept") > 0, "what came while Redis was away was kept");
    }
}
