//! Chaos: two processes over one Redis, one Azurite and one organisation, to all of which everything happens that
//! they are said to survive, in an order that a seed decides. In the end nothing that was acknowledged is lost, every
//! board is what the organisation has, and nobody was told anything that was never true.
//!
//! `BOARDCAST_TEST_CHAOS_S` says for how many seconds, `BOARDCAST_TEST_CHAOS_SEED` by which seed. The same seed makes
//! the same trouble; what the machine makes of it differs from run to run.

mod ending;
mod faults;
mod figures;
mod hooks;
mod levels;
mod looking;
mod numbers;
mod reading;
mod shown;
mod stage;
mod tables;
mod trouble;
mod truth;

use std::time::Duration;

use tokio::time::Instant;

use self::hooks::Book;
use self::stage::Stage;
use self::trouble::Trouble;
use crate::support::redis::RedisServer;
use crate::support::witness::Connection;

/// How many seconds of trouble there are unless the environment says otherwise.
const SECONDS: u64 = 60;

/// How fast the organisation lives, at most: its changes are some three seconds apart, and dated so.
const FASTER: i64 = 20;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    let number = text.to_str().and_then(|text| text.parse().ok());
    Some(number.unwrap_or_else(|| panic!("{name} is a number, not {text:?}")))
}

async fn run(is_compared: bool) {
    let seed = setting("BOARDCAST_TEST_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(0..1_000_000));
    let seconds = setting("BOARDCAST_TEST_CHAOS_S").unwrap_or(SECONDS);
    println!("chaos by seed {seed} for {seconds} s");
    let mut redis = RedisServer::start(&[("appendfsync", "always")]);
    let behind_ms = i64::try_from(seconds).unwrap() * 1_000 * FASTER;
    let stage = Stage::begin(seed, behind_ms, is_compared, redis.port).await;
    let told = play(&stage, &mut redis, seed, Duration::from_secs(seconds)).await;
    println!("{:?}", stage.counted());
    let connections: usize = told.iter().map(Vec::len).sum();
    println!("{} readers over {connections} connections", told.len());
    let findings = stage.findings.all();
    if !findings.is_empty() {
        let logs = stage.keep_logs().await;
        let shown = findings.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
        panic!(
            "BOARDCAST_TEST_CHAOS_SEED={seed} (of {seconds} s) found {} things; logs are in {}:\n\n{shown}",
            findings.len(),
            logs.display()
        );
    }
}

/// Everything at once for that long, and then the verdict; returns what each reader was sent.
async fn play(stage: &Stage, redis: &mut RedisServer, seed: u64, time: Duration) -> Vec<Vec<Connection>> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let until = Instant::now() + time;
    let mut part = || Trouble { stage, until, rng: rng.fork() };
    let parts = [(); 5].map(|()| part());
    let book = Book::default();
    let (living, reading) = (rng.fork(), rng.fork());
    let [of_redis, of_tables, of_organisation, of_instances, of_clocks] = parts;
    let trouble = async {
        tokio::join!(
            of_redis.of_redis(redis),
            of_tables.of_tables(),
            of_organisation.of_the_organisation(),
            of_instances.of_instances(),
            of_clocks.of_clocks(),
        );
    };
    let looks = async {
        tokio::join!(looking::looks(stage, 0, until), looking::looks(stage, 1, until));
    };
    let hooks = async {
        let all = hooks::live(stage, &book, until, living);
        if tokio::time::timeout(time + ending::WHOLE_WITHIN, all).await.is_err() {
            stage.findings.report("not all hooks were acknowledged, though everything is there again");
        }
    };
    let ((), (), (), (left, still)) =
        tokio::join!(trouble, looks, hooks, looking::readers(stage, until, reading));
    if stage.findings.any() {
        return left;
    }
    ending::judge(stage, redis, &book, left, still).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_chaos_over_an_organisation_loses_nothing_and_tells_nothing_false() {
    run(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_chaos_by_hooks_alone_loses_nothing_and_tells_nothing_false() {
    run(false).await;
}
