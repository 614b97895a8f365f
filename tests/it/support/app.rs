//! An application over a memory journal, served on a free port of loopback.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use boardcast::app::{Adapters, App, Parts};
use boardcast::archive::Archive;
use boardcast::config::Config;
use boardcast::devops::AzureDevOps;
use boardcast::domain::time::Timestamp;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::{Journal as _, LogRetention, Store};
use boardcast::platform::clock::Clock;
use boardcast::stream::hub::RingLimits;
use boardcast::sync::subscriptions::HookKeeper;
use serde_json::Value;
use tokio::sync::oneshot;

use super::faults::FaultyJournal;
use super::http::{self, Answer};
use super::sse::SseReader;

/// How long anything may take before a test gives up. No test waits this long when the code is right.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A clock that tests turn by hand.
#[derive(Clone)]
pub struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub fn at(ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(ms)))
    }

    pub fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let now = self.0.clone();
        Arc::new(move || Timestamp::from_epoch_ms(now.load(Ordering::SeqCst)))
    }
}

/// An application under test. It stops when it is dropped.
pub struct TestApp {
    pub address: SocketAddr,
    pub app: App,
    pub journal: Arc<MemoryJournal>,
    stop: Option<oneshot::Sender<()>>,
}

/// A change to the configuration that no setting makes.
type Adjustment = Box<dyn FnOnce(&mut Config)>;

/// What is put between the application and its store.
type Layer = Box<dyn Fn(Store) -> Store>;

pub struct Builder {
    settings: HashMap<String, String>,
    adjust: Vec<Adjustment>,
    clock: Clock,
    retention: LogRetention,
    ring: RingLimits,
    wrap: Layer,
    azure: Option<Arc<dyn AzureDevOps>>,
    hooks: Option<HookKeeper>,
    archive: Option<Arc<dyn Archive>>,
}

impl TestApp {
    pub fn builder() -> Builder {
        Builder {
            settings: [("BOARDCAST_PORT", "0"), ("BOARDCAST_DEMO", "off")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            adjust: Vec::new(),
            clock: boardcast::platform::clock::system(),
            retention: LogRetention::DEFAULT,
            ring: RingLimits::DEFAULT,
            wrap: Box::new(|store| store),
            azure: None,
            hooks: None,
            archive: None,
        }
    }

    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Ends the server as SIGTERM does.
    pub fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"").await
    }

    pub async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        http::exchange(self.address, &http::request(method, path, headers, body)).await
    }

    /// Posts a payload to the webhook.
    pub async fn hook(&self, payload: &Value) -> Answer {
        let path = "/api/webhooks/azure-devops/workitem.updated";
        self.request("POST", path, &[("content-type", "application/json")], payload.to_string().as_bytes())
            .await
    }

    /// Opens a stream with that query.
    pub async fn stream(&self, query: &str) -> SseReader {
        SseReader::open(self.address, &format!("/api/sse/dashboard?{query}"), &[]).await
    }

    /// Comes back with that cursor.
    pub async fn stream_from(&self, cursor: &str) -> SseReader {
        SseReader::open(self.address, "/api/sse/dashboard", &[("last-event-id", cursor)]).await
    }

    /// Waits until nothing more follows from what was done: derived numbers are recorded a moment after the items.
    pub async fn quiet(&self) {
        loop {
            self.settled().await;
            let before = self.app.instance.fold.position();
            tokio::time::sleep(Duration::from_millis(300)).await;
            if self.app.instance.fold.position() == before {
                return;
            }
        }
    }

    /// Waits until the fold has everything that the journal has.
    pub async fn settled(&self) {
        let position = self.journal.load().await.unwrap().position;
        tokio::time::timeout(DEADLINE, self.app.instance.fold.passed(position)).await.unwrap();
    }
}

impl Builder {
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }

    /// Changes what is no setting: a time or a limit that the product has as a constant.
    pub fn config(mut self, adjust: impl FnOnce(&mut Config) + 'static) -> Self {
        self.adjust.push(Box::new(adjust));
        self
    }

    /// Tells the time by `clock` instead of the machine's.
    pub fn clock(mut self, clock: HandClock) -> Self {
        self.clock = clock.clock();
        self
    }

    /// Tells the time by a function, which may do anything else as well.
    pub fn clock_fn(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    pub fn retention(mut self, retention: LogRetention) -> Self {
        self.retention = retention;
        self
    }

    pub fn ring(mut self, ring: RingLimits) -> Self {
        self.ring = ring;
        self
    }

    /// Compares its boards with that organisation.
    pub fn organization(mut self, azure: Arc<dyn AzureDevOps>) -> Self {
        self.azure = Some(azure);
        self
    }

    /// Looks after the subscriptions of service hooks.
    #[allow(dead_code, reason = "only in tests/it")]
    pub fn subscriptions(mut self, keeper: HookKeeper) -> Self {
        self.hooks = Some(keeper);
        self
    }

    /// Keeps copies and the inbox in that archive.
    pub fn archive(mut self, archive: Arc<dyn Archive>) -> Self {
        self.archive = Some(archive);
        self
    }

    /// Puts a layer between the application and its store.
    pub fn layer(mut self, wrap: impl Fn(Store) -> Store + 'static) -> Self {
        self.wrap = Box::new(wrap);
        self
    }

    /// Starts over a journal that can go wrong, once it has read what there is.
    pub async fn start_over_faults(self) -> (TestApp, Arc<FaultyJournal>) {
        let slot: Arc<OnceLock<Arc<FaultyJournal>>> = Arc::default();
        let filled = slot.clone();
        let layer = move |store: Store| {
            let faulty = FaultyJournal::over(&store);
            let _ = filled.set(faulty.clone());
            faulty.in_front_of(store)
        };
        let app = self.layer(layer).start().await;
        app.settled().await;
        (app, slot.get().unwrap().clone())
    }

    pub async fn start(self) -> TestApp {
        let mut config = Config::from_lookup(|name| self.settings.get(name).cloned()).unwrap();
        for adjust in self.adjust {
            adjust(&mut config);
        }
        let journal = Arc::new(MemoryJournal::new(self.clock.clone(), self.retention));
        let adapters = Adapters {
            store: (self.wrap)(Store::of(journal.clone())),
            clock: self.clock,
            ring: self.ring,
            azure: self.azure,
            hooks: self.hooks,
            archive: self.archive,
        };
        let app = Parts::start(&config, adapters);
        let listener = boardcast::server::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(boardcast::server::serve(app.clone(), listener, async {
            let _ = stopped.await;
        }));
        TestApp { address, app, journal, stop: Some(stop) }
    }
}
