//! What Azure DevOps is asked, and how long it takes: a start, a check while nothing changed, and one item that changed.
//!
//! `cargo bench --bench sync` measures 6, 50 and 200 teams, `cargo bench --bench sync -- 50` those alone. The
//! organisation is simulated in this process and answers each call after 100 ms; boardcast is a process of its own, so
//! that its memory is its own. Nothing is judged.

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
    reason = "a benchmark says what it measured and may stop, and of the shared helpers only some are used here"
)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::Event;
use boardcast::demo::simulation::model::{Model, SimulatedChange};
use boardcast::domain::time::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use support::crowd;
use support::organisation::Server;
use support::process::{Process, memory_kb};
use support::redis::RedisServer;
use support::sse::SseReader;

const TEAMS: [usize; 3] = [6, 50, 200];
const ITEMS: usize = 200;

/// How many stories each of the six sprints before had: with their tasks and bugs these are 97 items.
const STORIES_BEFORE: usize = 30;
const LATENCY: Duration = Duration::from_millis(100);

/// From one check to the next while somebody watches.
const INTERVAL: Duration = Duration::from_secs(10);

/// How many checks and changes are measured.
const QUIET_CHECKS: u64 = 3;
const CHANGES: usize = 5;

/// How long anything may take before this stops.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long an instance gets to compute what it computes once its boards are full.
const QUIET: Duration = Duration::from_secs(15);

/// The items were made a day ago.
const AGE_MS: i64 = 86_400_000;

fn main() {
    // Cargo adds options of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let asked: Vec<usize> = words.iter().map(|word| word.parse().expect("a number of teams")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().unwrap();
    println!("{cores} cores, load average {} at the start", load.split(' ').next().unwrap_or_default());
    for teams in if asked.is_empty() { TEAMS.to_vec() } else { asked } {
        runtime.block_on(measure(teams));
    }
}

struct Measured {
    server: Server,
    process: Process,
    /// What a reader of all boards is sent.
    events: UnboundedReceiver<Value>,
}

/// Reads all boards from now on; a stream that ends is opened anew, as every client does.
async fn watch(process: &Process) -> UnboundedReceiver<Value> {
    let address = process.address;
    let mut reader = SseReader::open(address, "/api/sse/dashboard", &[]).await;
    let (sender, events) = unbounded_channel();
    tokio::spawn(async move {
        while !sender.is_closed() {
            while let Some(block) = reader.next().await {
                let _ = block.json().map(|event| sender.send(event));
            }
            // It may have ended with all the rest.
            tokio::time::sleep(Duration::from_millis(200)).await;
            if sender.is_closed() {
                return;
            }
            println!("a stream ended; opening another");
            reader = SseReader::open(address, "/api/sse/dashboard", &[]).await;
        }
    });
    events
}

async fn measure(teams: usize) {
    let (offset, system) = (Arc::new(AtomicI64::new(-AGE_MS)), boardcast::platform::clock::system());
    let turned = offset.clone();
    let clock = move || Timestamp::from_epoch_ms(system().epoch_ms() + turned.load(Ordering::SeqCst));
    let mut model = Model::empty(7, Arc::new(clock));
    crowd::grow_with_past(&mut model, teams, STORIES_BEFORE, ITEMS);
    let (projects, all) = (model.organisation.projects.len(), model.items().len());
    let revisions: usize = model.items().values().map(|item| item.revisions().count()).sum();
    offset.store(0, Ordering::SeqCst);
    println!(
        "\n{teams} teams of {projects} projects, with {ITEMS} items each in the sprint under way and six sprints before; \
         {all} items with {revisions} revisions; each call is answered after {LATENCY:?}"
    );

    let server = Server::start(Arc::new(Mutex::new(model))).await.unwrap();
    server.answer_after(LATENCY);
    let began = Instant::now();
    let interval = INTERVAL.as_millis().to_string();
    let redis = RedisServer::start(&[]);
    let settings = [
        ("BOARDCAST_ORGANIZATION_URL", &*server.base_url()),
        ("BOARDCAST_CHECK_MS", &interval),
        ("BOARDCAST_REDIS_URL", &redis.url()),
    ];
    let process = Process::start(&settings).await;
    let events = watch(&process).await;
    let mut of = Measured { server, process, events };

    timeout(PATIENCE, of.until_full(teams)).await.expect("the boards do not become full");
    row("a start until all boards are full", began.elapsed(), &of, &BTreeMap::new());
    let before = of.server.calls_by_route();
    timeout(PATIENCE, of.until_quiet()).await.expect("it does not become quiet");
    row("a start until nothing is left to be read", began.elapsed(), &of, &before);
    println!("most calls in flight: {}", of.server.most_in_flight());
    println!("{}", of.over_the_same(&settings, teams).await);
    let info: String = redis.command(&["INFO", "memory"]).await;
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse::<u64>().ok());
    println!("Redis then: {} MiB", used.unwrap() / 1024 / 1024);

    let before = of.server.calls_by_route();
    for _ in 0..QUIET_CHECKS {
        of.until_compared().await;
    }
    println!("{QUIET_CHECKS} checks while nothing changed: {}", told(&of.server, &before));

    let before = of.server.calls_by_route();
    let mut times = Vec::new();
    for number in 0..CHANGES {
        let (change, payload) = of.change(number);
        let began = Instant::now();
        assert_eq!(of.process.hook(&payload.unwrap()).await.status, 200);
        of.until_told(change.item).await;
        times.push(began.elapsed());
    }
    let begun = of.server.calls_by_route();
    println!("an item that changed, by its hook: {times:.1?}; {}", told(&of.server, &before));
    of.until_quiet().await;
    println!("the checks that follow these hooks: {}", told(&of.server, &begun));

    let before = of.server.calls_by_route();
    let mut times = Vec::new();
    for number in 0..CHANGES {
        let (change, _) = of.change(CHANGES + number);
        let began = Instant::now();
        of.until_told(change.item).await;
        times.push(began.elapsed());
    }
    println!(
        "an item that changed without a hook, with a check every {INTERVAL:?}: {times:.1?}; {}",
        told(&of.server, &before)
    );
}

fn row(what: &str, time: Duration, of: &Measured, before: &BTreeMap<String, u64>) {
    println!("{what}: {:.1} s, {}", time.as_secs_f64(), told(&of.server, before));
    println!("{}", memory(&of.process));
}

fn memory(process: &Process) -> String {
    let mib = |name| memory_kb(process.pid(), name) / 1024;
    format!("  memory: {} MiB, greatest {} MiB", mib("VmRSS"), mib("VmHWM"))
}

/// The calls since then, by route.
fn told(server: &Server, before: &BTreeMap<String, u64>) -> String {
    let mut calls = server.calls_by_route();
    calls.iter_mut().for_each(|(route, calls)| *calls -= before.get(route).copied().unwrap_or_default());
    calls.retain(|_, calls| *calls > 0);
    let all: u64 = calls.values().sum();
    let by_route: String = calls.iter().map(|(route, calls)| format!("\n  {calls:>6} {route}")).collect();
    format!("{all} calls{by_route}")
}

async fn until_full(process: &Process, teams: usize) {
    loop {
        let directory = process.get("/api/snapshot").await.json();
        let rows = directory["scopes"].as_array().unwrap();
        let full = rows.iter().filter(|row| row["level"] == "full" && row["team"].is_string()).count();
        if full == teams {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Measured {
    async fn until_full(&self, teams: usize) {
        until_full(&self.process, teams).await;
    }

    /// What another instance takes that begins now, over the same Redis, and whose boards are all watched.
    async fn over_the_same(&self, settings: &[(&str, &str)], teams: usize) -> String {
        let other = Process::start(settings).await;
        let began = Instant::now();
        let _events = watch(&other).await;
        timeout(PATIENCE, until_full(&other, teams)).await.expect("the boards do not become full");
        let time = began.elapsed();
        tokio::time::sleep(QUIET).await;
        let full_s = time.as_secs_f64();
        format!("another instance over the same Redis: full after {full_s:.1} s\n{}", memory(&other))
    }

    /// Waits for a check that is one call.
    async fn until_quiet(&mut self) {
        loop {
            // What is told already is of earlier checks.
            while self.events.try_recv().is_ok() {}
            let before = self.server.calls();
            self.until_compared().await;
            if self.server.calls() == before + 1 {
                return;
            }
        }
    }

    async fn until_compared(&mut self) {
        self.until(|event| event["type"] == "sync_completed").await;
    }

    async fn until(&mut self, is_it: impl Fn(&Value) -> bool) {
        let listening = async { while !is_it(&self.events.recv().await.expect("the stream ended")) {} };
        timeout(PATIENCE, listening).await.expect("it is not told");
    }

    /// Changes an item of a board; returns the payload of its hook.
    fn change(&self, number: usize) -> (SimulatedChange, Option<Value>) {
        let model = self.server.model();
        let mut model = model.lock().unwrap();
        let at = model.now();
        let last = *model.items().keys().next_back().unwrap();
        let rename = |content: &mut boardcast::demo::simulation::item::ItemContent| {
            content.title = format!("Changed {number}").into();
        };
        let change = model.change(last - number as u32, Event::Updated, at, 0, rename).unwrap();
        let payload = hooks::payload(&model, change);
        (change, payload)
    }

    async fn until_told(&mut self, id: u32) {
        let names = |event: &Value| event["type"] == "workitem_changed" && event["workItemId"] == id;
        self.until(names).await;
    }
}
