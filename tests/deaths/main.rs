//! Instances that die at a named step, over and over, while hooks flow: what was acknowledged is on every board, and
//! no reader is told anything twice or misses it untold. Needs the feature `failpoints`.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking, and of the shared helpers only some are used here"
)]

#[path = "../it/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boardcast::archive::Archive as _;
use boardcast::demo::simulation::model::Model;
use boardcast::domain::owner::Owner;
use boardcast::journal::Store;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use support::azurite::{Azurite, connection_string_at};
use support::eventually;
use support::flow::{Flow, Places};
use support::http;
use support::organisation::Server;
use support::process::Process;
use support::proxy::Proxy;
use support::redis::{self, RedisServer};
use support::team::{TestInstance, catalogue_of_today};
use support::verdict::{self, History, judge};
use support::witness::Witness;

/// How often an instance dies at each step, unless `BOARDCAST_TEST_DEATHS` says how often.
const DEATHS: u32 = 5;

/// On which pass of the step an instance dies, at most.
const PASSES_MAX: u32 = 6;

/// One hook in that time.
const EVERY: Duration = Duration::from_millis(15);

fn deaths() -> u32 {
    let number = std::env::var_os("BOARDCAST_TEST_DEATHS");
    number.map_or(DEATHS, |number| number.to_str().unwrap().parse().unwrap())
}

/// What happens to Redis meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Redis {
    /// Nothing.
    There,
    /// It is away whenever an instance dies, and back in the end.
    Away,
    /// It goes and comes back all the time.
    ComesAndGoes,
}

/// Two processes over one Redis and one Azurite. One of them is mortal.
struct Stage {
    server: RedisServer,
    line: Arc<Proxy>,
    tables: String,
    more: Vec<(&'static str, String)>,
    places: Places,
    steady: Process,
    mortal: Process,
}

impl Stage {
    async fn begin(azurite: &Azurite, more: Vec<(&'static str, String)>) -> Self {
        let server = RedisServer::start(&[]);
        let line = Arc::new(Proxy::to(server.port).await);
        let tables = connection_string_at(azurite.port());
        let start = || start(line.address, &tables, &more, None);
        let (steady, mortal) = tokio::join!(start(), start());
        let places = Places::of([steady.address, mortal.address]);
        Self { server, line, tables, more, places, steady, mortal }
    }

    /// Puts another instance in the place of the mortal one.
    async fn revive(&mut self, plan: Option<&str>) {
        self.mortal = start(self.line.address, &self.tables, &self.more, plan).await;
        self.places.set(1, self.mortal.address);
    }

    /// Lets instances die at that step, so many of them.
    async fn die(&mut self, step: &str, passes_max: u32) {
        for _ in 0..deaths() {
            let times = fastrand::u32(1..=passes_max);
            self.revive(Some(&format!("{step}:{times}"))).await;
            self.mortal.died().await;
        }
        self.revive(None).await;
    }
}

async fn start(
    redis: SocketAddr,
    tables: &str,
    more: &[(&'static str, String)],
    plan: Option<&str>,
) -> Process {
    let redis = format!("redis://{redis}");
    let mut settings = vec![
        ("BOARDCAST_REDIS_URL", redis.as_str()),
        ("BOARDCAST_TABLES", tables),
        ("BOARDCAST_SETTLE_MS", "100"),
        ("BOARDCAST_HEARTBEAT_MS", "1000"),
        ("BOARDCAST_LOG", "info"),
    ];
    settings.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
    settings.extend(plan.map(|plan| ("BOARDCAST_DIE_AT", plan)));
    Process::start(&settings).await
}

/// A Redis that goes and comes back until this is dropped.
struct ComesAndGoes(tokio::task::JoinHandle<()>);

impl ComesAndGoes {
    fn begin(line: Arc<Proxy>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                line.cut();
                tokio::time::sleep(Duration::from_millis(200)).await;
                line.restore();
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }))
    }
}

impl Drop for ComesAndGoes {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Instances die at that step under a flow of hooks; then everything is compared.
async fn deaths_at(azurite: &Azurite, step: &str, redis: Redis) {
    let began = Instant::now();
    let mut stage = Stage::begin(azurite, Vec::new()).await;
    let teacher = redis::journal(redis::settings(&stage.server.url(), "default"));
    let teacher = TestInstance::over(&Store::of(teacher), boardcast::platform::clock::system()).await;
    teacher.learn(catalogue_of_today()).await;
    let witnesses = [0, 1].map(|n| Witness::begin(&stage.places, n));
    for witness in &witnesses {
        witness.greeted().await;
    }
    let flow = Flow::begin(&stage.places, EVERY);
    let going = (redis == Redis::ComesAndGoes).then(|| ComesAndGoes::begin(stage.line.clone()));
    if redis == Redis::Away {
        stage.line.cut();
    }
    // Copies are made once a second, by whoever has the lease.
    stage.die(step, if step == "Announced" { 1 } else { PASSES_MAX }).await;
    drop(going);
    stage.line.restore();
    let book = flow.end().await;
    // What a hook left in the inbox that was sent again must not come to the next stage.
    let inbox = azurite.archive("boardcast");
    eventually("the inbox is not drained", async || inbox.waiting(None, 1).await == Ok(Vec::new())).await;
    let history = if redis == Redis::There { History::Whole } else { History::Unreachable };
    let store = (&stage.server, "default");
    let told = judge(store, &stage.places.all(), &book, witnesses.into(), history).await;
    println!(
        "{} deaths at {step} in {:?}: {} applied, {} known, {} kept, {} refused, {} unanswered; readers came back {} times",
        deaths(),
        began.elapsed(),
        book.count("applied"),
        book.count("known"),
        book.count("kept"),
        book.refused,
        book.unanswered,
        told.iter().map(|connections| connections.len() - 1).sum::<usize>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_whoever_dies_over_a_hook_nothing_is_lost_or_told_twice() {
    let azurite = Azurite::start().await;
    for step in ["HookRead", "Committed", "Answered", "Relayed", "Folded"] {
        deaths_at(&azurite, step, Redis::There).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d12_whoever_dies_before_numbers_are_copied_nothing_is_lost_or_told_twice() {
    deaths_at(&Azurite::start().await, "Announced", Redis::There).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_whoever_dies_over_the_inbox_nothing_is_lost_or_told_twice() {
    let azurite = Azurite::start().await;
    for (step, redis) in
        [("Deposited", Redis::Away), ("Answered", Redis::Away), ("Drained", Redis::ComesAndGoes)]
    {
        deaths_at(&azurite, step, redis).await;
    }
}

/// The newest revision of each item on all boards of an instance.
async fn all_boards(instance: SocketAddr) -> BTreeMap<u32, u32> {
    let get = async |path: &str| -> Value {
        http::exchange(instance, &http::request("GET", path, &[], b"")).await.json()
    };
    let mut items = BTreeMap::new();
    for scope in get("/api/snapshot").await["scopes"].as_array().unwrap() {
        let board = get(scope["url"].as_str().unwrap()).await;
        for item in board["items"].as_array().unwrap() {
            let number = |name: &str| u32::try_from(item[name].as_u64().unwrap()).unwrap();
            items.insert(number("id"), number("rev"));
        }
    }
    items
}

/// Here no hooks come: what the organisation knows is found by checks, one of which each death follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_whoever_dies_after_a_check_its_findings_are_on_all_boards_and_told_once() {
    let began = Instant::now();
    let model = Arc::new(Mutex::new(Model::new(7, boardcast::platform::clock::system())));
    let organisation = Server::start(model.clone()).await.unwrap();
    let url = organisation.base_url();
    let log = format!("bc:{{{}}}:2:log", Owner::organization(&url, None).key());
    let azurite = Azurite::start().await;
    let settings = [
        ("BOARDCAST_ORGANIZATION_URL", url.as_str()),
        ("BOARDCAST_CHECK_MS", "1000"),
        ("BOARDCAST_SYNC_CRON", "* * * * *"),
    ];
    let more = settings.map(|(name, value)| (name, value.to_owned())).to_vec();
    let mut stage = Stage::begin(&azurite, more).await;
    let witnesses = [0, 1].map(|n| Witness::begin(&stage.places, n));
    for witness in &witnesses {
        witness.greeted().await;
    }
    let living = tokio::spawn({
        let model = model.clone();
        async move {
            loop {
                while model.lock().unwrap().step(boardcast::platform::clock::system()()).is_some() {}
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    // Of two that live one checks for both, so the mortal one is told to, as by the timer.
    for _ in 0..deaths() {
        stage.revive(Some("Checked:1")).await;
        let address = stage.mortal.address;
        let timer = tokio::spawn(async move {
            loop {
                let mut host = TcpStream::connect(address).await.unwrap();
                let body = br#"{"Data":{"timer":{"IsPastDue":true}},"Metadata":{}}"#;
                let request = http::request("POST", "/SyncTimer", &[], body);
                let _ = host.write_all(&request).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        stage.mortal.died().await;
        timer.abort();
    }
    stage.revive(None).await;
    living.abort();
    let _ = living.await;
    let newest: BTreeMap<u32, u32> =
        model.lock().unwrap().items().values().map(|item| (item.id, item.newest().rev)).collect();
    eventually("the boards are not what the organisation has", async || {
        let mut equal = true;
        for instance in stage.places.all() {
            let shown = all_boards(instance).await;
            equal &= !shown.is_empty() && shown.iter().all(|(id, rev)| newest[id] == *rev);
        }
        equal
    })
    .await;
    drop(organisation);
    let end = stage.server.log_at(&log).await.last().unwrap().0;
    let mut told = Vec::new();
    for witness in witnesses {
        witness.passed(end).await;
        told.push(witness.end().await);
    }
    let entries = stage.server.log_at(&log).await;
    told.iter().for_each(|connections| verdict::compare(connections, &entries, History::Whole));
    println!("{} deaths at checked in {:?}: {} entries", deaths(), began.elapsed(), entries.len());
}
