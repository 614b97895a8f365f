//! A cold load of everything, and how long others wait for Redis meanwhile; the baseline reads everything at once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use boardcast::board::projection::Projection;
use boardcast::journal::Journal as _;
use redis::Value;

use super::figures::{DURABLE, ms, percentile, table, thousands};
use super::organisation;
use super::support::redis::RedisServer;

const RUNS: usize = 5;

/// From one `PING` to the next.
const PING_EVERY: Duration = Duration::from_micros(500);

pub async fn run() {
    let mut rows = Vec::new();
    for items in [10_000, 100_000] {
        let server = RedisServer::start(DURABLE);
        let journal = organisation::journal(&server, "load").await;
        organisation::fill_boards(&journal, items).await;
        let nothing = Run::of(&server, async || tokio::time::sleep(Duration::from_secs(1)).await).await;
        let load = Run::of(&server, async || {
            let (state, undecodable) = Projection::load(&*journal).await.unwrap();
            assert!(state.items_len() == items as usize && undecodable.is_empty());
        })
        .await;
        let records =
            Run::of(&server, async || assert!(journal.load().await.unwrap().records.len() >= items as usize))
                .await;
        let client = redis::Client::open(server.url()).unwrap();
        let no_limit = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let mut connection = client.get_multiplexed_async_connection_with_config(&no_limit).await.unwrap();
        let at_once = Run::of(&server, async || {
            let all: Value =
                redis::cmd("HGETALL").arg("bc:{load}:1:items").query_async(&mut connection).await.unwrap();
            std::hint::black_box(all);
        })
        .await;
        for (what, run) in [
            ("`Projection::load`: read and folded", &load),
            ("of that: read, by `HSCAN`", &records),
            ("baseline: one `HGETALL`, not decoded", &at_once),
            ("nothing", &nothing),
        ] {
            rows.push(vec![
                thousands(items.into()),
                what.into(),
                if what == "nothing" { "–".into() } else { ms(run.time) },
                run.command.map_or_else(|| "–".into(), ms),
                ms(run.waits.1),
                ms(run.waits.0),
            ]);
        }
    }
    let head =
        ["items", "what", "ms", "longest command in Redis, ms", "`PING` meanwhile: p99 ms", "longest ms"];
    table(&format!("Cold load, median of {RUNS}; waits over all {RUNS}"), &head, &rows);
}

struct Run {
    /// The median time.
    time: Duration,
    /// The longest of the commands by which records are read, by Redis' own account: no other ran meanwhile.
    command: Option<Duration>,
    /// What `PING`s waited meanwhile: the longest, and what 99 of 100 stayed below.
    waits: (Duration, Duration),
}

impl Run {
    async fn of(server: &RedisServer, mut work: impl AsyncFnMut()) -> Self {
        for (name, value) in [("slowlog-log-slower-than", "0"), ("slowlog-max-len", "100000")] {
            let () = server.command(&["CONFIG", "SET", name, value]).await;
        }
        let () = server.command(&["SLOWLOG", "RESET"]).await;
        let (mut times, mut waits) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let stop = Arc::new(AtomicBool::new(false));
            let pinging = std::thread::spawn({
                let (stop, port) = (stop.clone(), server.port);
                move || ping(port, &stop)
            });
            let begin = Instant::now();
            work().await;
            times.push(begin.elapsed());
            stop.store(true, Ordering::Relaxed);
            waits.extend(pinging.join().unwrap());
        }
        let () = server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"]).await;
        let slow: Vec<(i64, i64, u64, Vec<Value>, Value, Value)> =
            server.command(&["SLOWLOG", "GET", "100000"]).await;
        let reads = slow.iter().filter(|entry| {
            let name =
                entry.3.first().and_then(|name| redis::FromRedisValue::from_redis_value_ref(name).ok());
            name.is_some_and(|name: String| ["HSCAN", "HGETALL"].contains(&name.to_uppercase().as_str()))
        });
        let command = reads.map(|entry| Duration::from_micros(entry.2)).max();
        times.sort_unstable();
        waits.sort_unstable();
        Self {
            time: times[times.len() / 2],
            command,
            waits: (percentile(&waits, 1.0), percentile(&waits, 0.99)),
        }
    }
}

/// Sends `PING` after `PING` over a connection of its own; returns how long each was waited for.
fn ping(port: u16, stop: &AtomicBool) -> Vec<Duration> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection.set_nodelay(true).unwrap();
    let (mut waits, mut answer) = (Vec::new(), [0; 7]);
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        connection.write_all(b"PING\r\n").unwrap();
        connection.read_exact(&mut answer).unwrap();
        waits.push(begin.elapsed());
        std::thread::sleep(PING_EVERY);
    }
    waits
}
