//! From a hook at one instance to the sockets of readers of another one: two processes over one Redis.

use boardcast::journal::Store;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::figures::{DURABLE, cpu_of_process, ms, percentile, table, thousands};
use super::support::hooks::FABRIKAM;
use super::support::http::{self, find};
use super::support::process::Process;
use super::support::proxy::Proxy;
use super::support::redis::{self, RedisServer};
use super::support::team::{TestInstance, catalogue_of_today, story};

/// The items that are changed, in turn.
const ITEMS: u32 = 100;

/// From one hook to the next: 20 a second, and so few that each finds everybody waiting.
const OFTEN: Duration = Duration::from_millis(50);
const SELDOM: Duration = Duration::from_millis(1_300);

/// How long is waited for what is under way at the end.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Files that the readers and this process need.
const FILES: u64 = 2_500;

#[derive(Clone, Copy)]
struct Plan {
    what: &'static str,
    readers: usize,
    /// Whether the readers are at the instance that is posted to: without Redis between a hook and its readers, but for
    /// the commit.
    at_the_writer: bool,
    /// How much later everything arrives on the lines to Redis, each way.
    delay: Duration,
    /// From one hook to the next.
    every: Duration,
    /// Hooks before anything is measured, and hooks that are.
    warm_up: u32,
    measured: u32,
}

impl Plan {
    const OF_ALL: Self = Self {
        what: "another instance",
        readers: 1_000,
        at_the_writer: false,
        delay: Duration::ZERO,
        every: OFTEN,
        warm_up: 60,
        measured: 400,
    };
    const AWAY: Self = Self { delay: Duration::from_millis(100), ..Self::OF_ALL };
}

const PLANS: [Plan; 5] = [
    Plan::OF_ALL,
    Plan { what: "baseline: the same instance", at_the_writer: true, ..Plan::OF_ALL },
    Plan { what: "baseline: another instance", readers: 1, ..Plan::OF_ALL },
    Plan::AWAY,
    Plan { every: SELDOM, warm_up: 3, measured: 15, ..Plan::AWAY },
];

pub async fn run() {
    let files = files_max();
    assert!(files >= FILES, "{files} open files are allowed; run `ulimit -n {FILES}` before");
    let mut rows = Vec::new();
    for plan in PLANS {
        rows.push(measure(plan).await);
    }
    let head = [
        "readers",
        "at",
        "hooks a second",
        "Redis",
        "p50 ms",
        "p99 ms",
        "longest ms",
        "hook answered, p50 ms",
        "hooks not answered with 200",
        "deliveries",
        "CPU of the reading instance per delivery",
        "of one core",
    ];
    table("From the moment a hook is written to the moment its event is read", &head, &rows);
}

fn files_max() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap_or(u64::MAX)
}

/// What the sender and the readers share.
struct Shared {
    plan: Plan,
    begin: Instant,
    /// When each hook was written, in µs after the beginning; 0 for one that was not.
    sent: Vec<AtomicU64>,
    greeted: AtomicUsize,
    /// Whether deliveries are counted.
    counting: AtomicBool,
    deliveries: AtomicU64,
    /// Measured hooks that arrived, over all readers.
    arrived: AtomicU64,
    end: watch::Sender<bool>,
}

impl Shared {
    fn now_us(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_micros()).unwrap()
    }
}

async fn measure(plan: Plan) -> Vec<String> {
    let server = RedisServer::start(DURABLE);
    let (writer_line, reader_line) = (Proxy::to(server.port).await, Proxy::to(server.port).await);
    let (writer, reading) =
        tokio::join!(start(&server, &writer_line, plan), start(&server, &reader_line, plan));
    let reading = if plan.at_the_writer { &writer } else { &reading };
    let teacher = TestInstance::over(
        &Store::of(redis::journal(redis::settings(&server.url(), "default"))),
        boardcast::platform::clock::system(),
    )
    .await;
    teacher.learn(catalogue_of_today()).await;
    for id in 1..=ITEMS {
        teacher.hook(&story(id, 1, 1, "New", Some(3.0))).await;
    }
    drop(teacher);
    let shared = Arc::new(Shared {
        plan,
        begin: Instant::now(),
        sent: (0..plan.warm_up + plan.measured).map(|_| AtomicU64::new(0)).collect(),
        greeted: AtomicUsize::new(0),
        counting: AtomicBool::new(false),
        deliveries: AtomicU64::new(0),
        arrived: AtomicU64::new(0),
        end: watch::Sender::new(false),
    });
    let mut readers = JoinSet::new();
    for n in 0..plan.readers {
        readers.spawn(read(reading.address, shared.clone()));
        // A few at a time: what is measured is not how many may come at once.
        while shared.greeted.load(Ordering::Relaxed) + 50 < n {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    while shared.greeted.load(Ordering::Relaxed) < plan.readers {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    writer_line.delay(plan.delay);
    reader_line.delay(plan.delay);
    let (answers, cpu, time) = send(writer.address, reading.pid(), &shared).await;
    shared.end.send_replace(true);
    let mut latencies: Vec<u32> = readers.join_all().await.into_iter().flatten().collect();
    latencies.sort_unstable();
    let expected = plan.readers * plan.measured as usize;
    let missing = expected - latencies.len();
    let refused = answers.iter().filter(|(status, _)| *status != 200).count();
    let mut answered: Vec<Duration> = answers.iter().map(|(_, took)| *took).collect();
    answered.sort_unstable();
    if missing > 0 {
        println!("{missing} of {expected} deliveries did not come");
    }
    let deliveries = shared.deliveries.load(Ordering::Relaxed);
    let of = |share| ms(Duration::from_micros(percentile(&latencies, share).into()));
    let redis = match plan.delay {
        Duration::ZERO => "on the same machine".to_owned(),
        delay => format!("{} ms away, each way", delay.as_millis()),
    };
    vec![
        thousands(plan.readers as u64),
        plan.what.into(),
        format!("{:.1}", 1.0 / plan.every.as_secs_f64()),
        redis,
        of(0.5),
        of(0.99),
        of(1.0),
        ms(percentile(&answered, 0.5)),
        refused.to_string(),
        thousands(deliveries),
        format!("{:.1} µs", cpu.as_secs_f64() * 1e6 / f64::from(u32::try_from(deliveries).unwrap())),
        format!("{:.0} %", cpu.as_secs_f64() / time.as_secs_f64() * 100.0),
    ]
}

/// An instance that reaches Redis by that line, where there is to be a delay, and directly otherwise.
async fn start(server: &RedisServer, line: &Proxy, plan: Plan) -> Process {
    let url = if plan.delay.is_zero() { server.url() } else { format!("redis://{}", line.address) };
    Process::start(&[("BOARDCAST_REDIS_URL", &url)]).await
}

/// Sends the hooks at their rate, whatever becomes of them. Returns how each that was measured was answered and after
/// how long, and the processor time of the reading process while they were measured, and how long that was.
async fn send(
    address: SocketAddr,
    reading: u32,
    shared: &Arc<Shared>,
) -> (Vec<(u16, Duration)>, Duration, Duration) {
    let (mut posting, plan) = (JoinSet::new(), shared.plan);
    let begin = Instant::now();
    let (mut cpu, mut since) = (Duration::ZERO, begin);
    for n in 0..plan.warm_up + plan.measured {
        tokio::time::sleep_until(begin + plan.every * n).await;
        if n == plan.warm_up {
            (cpu, since) = (cpu_of_process(reading), Instant::now());
            shared.counting.store(true, Ordering::Relaxed);
        }
        let shared = shared.clone();
        posting.spawn(async move { (n, post(address, n, &shared).await) });
    }
    let answers = posting.join_all().await;
    let expected = plan.readers as u64 * u64::from(plan.measured);
    let patience = Instant::now() + TIMEOUT;
    while shared.arrived.load(Ordering::Relaxed) < expected && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    shared.counting.store(false, Ordering::Relaxed);
    let cpu = cpu_of_process(reading) - cpu;
    (
        answers.into_iter().filter(|(n, _)| *n >= plan.warm_up).map(|(_, answer)| answer).collect(),
        cpu,
        since.elapsed(),
    )
}

/// Posts a hook. Its time begins when its bytes are written.
async fn post(address: SocketAddr, n: u32, shared: &Shared) -> (u16, Duration) {
    let (id, rev) = (1 + n % ITEMS, 2 + n / ITEMS);
    let state = ["New", "Active", "Closed"][(id + rev) as usize % 3];
    let body = story(id, rev, 1, state, Some(f64::from(1 + (id * 7 + rev * 3) % 13))).to_string();
    let path = "/api/webhooks/azure-devops/workitem.updated";
    let request = http::request("POST", path, &[("content-type", "application/json")], body.as_bytes());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    shared.sent[n as usize].store(shared.now_us(), Ordering::Relaxed);
    stream.write_all(&request).await.unwrap();
    let status = http::read_answer(&mut stream, false).await.status;
    (status, began.elapsed())
}

/// Reads one stream to the end; returns how long each measured hook took to come here, in µs.
async fn read(address: SocketAddr, shared: Arc<Shared>) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let path = format!("/api/sse/dashboard?project={FABRIKAM}");
    stream.write_all(&http::request("GET", &path, &[], b"")).await.unwrap();
    let mut ended = shared.end.subscribe();
    let (mut bytes, mut latencies) =
        (Vec::with_capacity(16 * 1024), Vec::with_capacity(shared.plan.measured as usize));
    let mut is_greeted = false;
    loop {
        let count = tokio::select! {
            count = stream.read_buf(&mut bytes) => count.unwrap(),
            _ = ended.changed() => return latencies,
        };
        assert!(count > 0, "a stream ended");
        let at = shared.now_us();
        while let Some(end) = find(&bytes, b"\n\n") {
            let block = &bytes[..end];
            if !is_greeted && find(block, br#""type":"snapshot""#).is_some() {
                is_greeted = true;
                shared.greeted.fetch_add(1, Ordering::Relaxed);
            }
            if find(block, b"data: ").is_some() && shared.counting.load(Ordering::Relaxed) {
                shared.deliveries.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(n) = hook_of(block).filter(|n| *n >= shared.plan.warm_up) {
                let sent = shared.sent[n as usize].load(Ordering::Relaxed);
                latencies.push(u32::try_from(at - sent).unwrap());
                shared.arrived.fetch_add(1, Ordering::Relaxed);
            }
            bytes.drain(..end + 2);
        }
    }
}

/// Which hook a change was made by: read off the number of the item and of its revision.
fn hook_of(block: &[u8]) -> Option<u32> {
    let number = |name: &[u8], from: usize| {
        let at = from + find(block.get(from..)?, name)? + name.len();
        let digits = block[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        Some((std::str::from_utf8(&block[at..at + digits]).ok()?.parse::<u32>().ok()?, at))
    };
    let change = find(block, br#""type":"workitem_changed""#)?;
    let (id, at) = number(br#""workItemId":"#, change)?;
    let (rev, _) = number(br#""rev":"#, at)?;
    Some((rev.checked_sub(2)? * ITEMS) + id - 1)
}
