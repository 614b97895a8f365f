//! Chaos: two processes over one Redis, one Azurite and one organisation, to all of which everything happens that
//! they are said to survive, in an order that a seed decides. In the end nothing that was acknowledged is lost, every
//! board is what the organisation has, and nobody was told anything that was never true.
//!
//! `BOARDCAST_TEST_CHAOS_S` says for how many seconds, `BOARDCAST_TEST_CHAOS_SEED` by which seed. The same seed makes
//! the same trouble; what the machine makes of it differs from run to run.

mod hooks;
mod levels;
mod looking;
mod reading;
mod stage;
mod tables;
mod trouble;
mod truth;

use std::collections::BTreeMap;
use std::time::Duration;

use boardcast::domain::entry_id::EntryId;
use tokio::time::Instant;

use self::hooks::Book;
use self::stage::{INSTANCES, Stage};
use self::trouble::Trouble;
use crate::support::redis::RedisServer;
use crate::support::verdict::{History, compare, revisions_at};
use crate::support::witness::{Connection, Witness};

/// How many seconds of trouble there are unless the environment says otherwise.
const SECONDS: u64 = 60;

/// How fast the organisation lives, at most: its changes are some three seconds apart, and dated so.
const FASTER: i64 = 20;

/// How long it may take after the trouble until everything is as it should be.
const WHOLE_WITHIN: Duration = Duration::from_secs(180);

/// How long it may take then until every reader was told so.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

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
        if tokio::time::timeout(time + WHOLE_WITHIN, all).await.is_err() {
            stage.findings.report("not all hooks were acknowledged, though everything is there again");
        }
    };
    let ((), (), (), (left, still)) =
        tokio::join!(trouble, looks, hooks, looking::readers(stage, until, reading));
    if stage.findings.any() {
        return left;
    }
    end(stage, redis, &book, left, still).await
}

/// The verdict.
async fn end(
    stage: &Stage,
    redis: &RedisServer,
    book: &Book,
    left: Vec<Vec<Connection>>,
    still: Vec<Witness>,
) -> Vec<Vec<Connection>> {
    let began = Instant::now();
    for number in 0..INSTANCES {
        while let Err(lacking) = whole(stage, book, number).await {
            if began.elapsed() > WHOLE_WITHIN {
                stage.findings.report(format!("instance {number} does not become whole: {lacking}"));
                break;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    println!("whole again after {} ms", began.elapsed().as_millis());
    let key = |name: &str| format!("bc:{{{}}}:2:{name}", stage.owner.key());
    let kept = revisions_at(redis, &key("items")).await;
    for (id, revisions) in book.acknowledged() {
        if kept.get(&id).is_none_or(|kept| !kept.is_superset(&revisions)) {
            let kept = kept.get(&id);
            stage
                .findings
                .report(format!("of item {id} {revisions:?} were acknowledged, and kept is {kept:?}"));
        }
    }
    let log = redis.log_at(&key("log")).await;
    let last = log.iter().rev().find(|(_, event)| event.is_some()).map(|(id, _)| *id).unwrap();
    let mut told = left;
    for witness in still {
        witness.passed(last).await;
        stage.findings.note(levels_rise(stage, &witness).await);
        let connections = witness.end().await;
        stage.findings.note(reading::check(stage, &connections).map(drop));
        told.push(connections);
    }
    // What came meanwhile is in the log by now.
    let log = redis.log_at(&key("log")).await;
    println!("{} entries in the log", log.len());
    stage.findings.note(reading::check_log(&log));
    for connections in &told {
        stage.findings.note(whole_between_gaps(connections, &log));
    }
    told
}

/// Waits until a reader was told of every board that it is full.
async fn levels_rise(stage: &Stage, witness: &Witness) -> Result<(), String> {
    let began = Instant::now();
    loop {
        match reading::check(stage, &witness.so_far())? {
            less if less.is_empty() => return Ok(()),
            less if began.elapsed() > TOLD_WITHIN => {
                return Err(format!("a reader was not told that these are full again: {less:?}"));
            }
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

fn whole_between_gaps(
    connections: &[Connection],
    log: &Vec<(EntryId, Option<String>)>,
) -> Result<(), String> {
    let compared = std::panic::catch_unwind(|| compare(connections, log, History::Unreachable));
    compared.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.unwrap_or_else(|| "a reader was not told what the log has".to_owned())
    })
}

/// Whether an instance shows everything that there is, and nothing else.
async fn whole(stage: &Stage, book: &Book, number: usize) -> Result<(), String> {
    let boards = looking::boards(stage, number).await.ok_or("it does not answer")?;
    if boards.len() != stage.truth.boards() {
        return Err(format!("it has {} boards", boards.len()));
    }
    for board in &boards {
        let items = board["items"].as_array().ok_or("a board has no items")?;
        let shown: BTreeMap<u32, u32> =
            items.iter().map(|item| (truth::number(&item["id"]), truth::number(&item["rev"]))).collect();
        let expected = stage.truth.expected(board, &book.acknowledged());
        if shown != expected || board["level"] != "full" {
            let differs = |(id, rev): &(&u32, &u32)| expected.get(id) != Some(rev);
            let more: Vec<_> = shown.iter().filter(differs).collect();
            let less: Vec<_> = expected.iter().filter(|(id, rev)| shown.get(id) != Some(rev)).collect();
            return Err(format!(
                "the board of {} is {} and has {more:?} where it should have {less:?}",
                board["team"], board["level"]
            ));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_chaos_over_an_organisation_loses_nothing_and_tells_nothing_false() {
    run(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_chaos_by_hooks_alone_loses_nothing_and_tells_nothing_false() {
    run(false).await;
}
