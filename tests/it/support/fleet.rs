//! Several instances over one store: whole applications in one process, each with a line of its own to Redis.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use boardcast::archive::Archive;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::Store;
use boardcast::journal::address::Address;
use boardcast::journal::redis::{RedisJournal, RedisSettings};

use super::app::{DEADLINE, TestApp};
use super::flow::Places;
use super::proxy::Proxy;
use super::redis;
use super::team::catalogue_of_today;
use super::witness::Witness;

/// One instance.
pub struct Instance {
    pub app: TestApp,
    pub line: Proxy,
}

/// Instances of one organisation, which know one team.
pub struct Fleet {
    pub organisation: String,
    pub instances: Vec<Instance>,
    pub places: Places,
    port: u16,
    archive: Option<Arc<dyn Archive>>,
}

impl Fleet {
    /// That many instances over the Redis on that port, with the settings of the product; with what is kept in
    /// `archive`, or with none.
    pub async fn start(
        count: usize,
        port: u16,
        organisation: &str,
        archive: Option<Arc<dyn Archive>>,
    ) -> Self {
        let mut instances = Vec::new();
        for _ in 0..count {
            instances.push(Instance::start(port, organisation, archive.clone()).await);
        }
        let places = Places::of(instances.iter().map(|instance| instance.app.address));
        let fleet = Self { organisation: organisation.to_owned(), instances, places, port, archive };
        let teams = &fleet.instances[0].app.app.deriver.teams;
        assert!(teams.learn(catalogue_of_today(), Cause::Timer).await.unwrap());
        let known = fleet.instances[0].app.app.instance.fold.position().unwrap();
        for instance in &fleet.instances {
            tokio::time::timeout(DEADLINE, instance.app.app.instance.fold.passed(known)).await.unwrap();
        }
        fleet
    }

    /// Starts another instance in the place of that one, as an update does: first the new one is there, then hooks and
    /// readers go to it, then the old one is stopped.
    pub async fn replace(&mut self, index: usize) {
        let successor = Instance::start(self.port, &self.organisation, self.archive.clone()).await;
        self.places.set(index, successor.app.address);
        std::mem::replace(&mut self.instances[index], successor).app.stop();
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.places.all()
    }

    /// A reader at each instance, which has the board.
    pub async fn witnesses(&self) -> Vec<Witness> {
        let witnesses: Vec<_> = (0..self.instances.len()).map(|n| Witness::begin(&self.places, n)).collect();
        for witness in &witnesses {
            witness.greeted().await;
        }
        witnesses
    }

    /// Does that to the line of each instance.
    pub fn lines(&self, act: impl Fn(&Proxy)) {
        self.instances.iter().for_each(|instance| act(&instance.line));
    }
}

impl Instance {
    async fn start(port: u16, organisation: &str, archive: Option<Arc<dyn Archive>>) -> Self {
        let line = Proxy::to(port).await;
        let address = Address::parse(&format!("redis://{}", line.address)).unwrap();
        let settings = RedisSettings::new(address, redis::owner(organisation));
        let journal = Arc::new(RedisJournal::new(settings, boardcast::platform::clock::system()).unwrap());
        let mut builder = TestApp::builder()
            .setting("BOARDCAST_HEARTBEAT_MS", "1000")
            .setting("BOARDCAST_SETTLE_MS", "200")
            .layer(move |_| Store::of(journal.clone()));
        if let Some(archive) = archive {
            builder = builder.archive(archive);
        }
        let app = builder.start().await;
        let began = Instant::now();
        while app.app.instance.fold.position().is_none() {
            assert!(began.elapsed() < DEADLINE, "an instance did not load");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { app, line }
    }
}
