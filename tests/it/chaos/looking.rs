//! Whoever looks at boards while there is trouble: readers who come and go, and a look at each instance now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::reading;
use super::shown::Known;
use super::stage::{INSTANCES, Stage};
use super::truth::{is_remembered, number};
use crate::support::http;
use crate::support::witness::{Connection, Witness};

/// How many readers there are at most, and at least one.
const READERS_MAX: usize = 5;

/// How long a board may lack what its instance has answered for. As a rule it never does; but a relay that is slow is
/// not waited for, and one that has lost its Redis has to find it again.
const FOLDED_WITHIN: Duration = Duration::from_secs(6);

/// Readers come, change instances and go; returns what those who left were sent, and who is still there.
pub async fn readers(
    stage: &Stage,
    until: Instant,
    mut rng: fastrand::Rng,
) -> (Vec<Vec<Connection>>, Vec<Witness>) {
    let (mut left, mut reading) = (
        Vec::new(),
        vec![Witness::begin(&stage.places, 0), Witness::asking(&stage.places, 1, "heartbeat=1")],
    );
    while Instant::now() < until && !stage.findings.any() {
        sleep(Duration::from_millis(rng.u64(200..3_000))).await;
        let one = rng.usize(0..reading.len());
        match rng.u8(0..10) {
            0 if reading.len() < READERS_MAX => {
                stage.count("reader came");
                let query = if rng.bool() { "heartbeat=1" } else { "" };
                reading.push(Witness::asking(&stage.places, rng.usize(0..INSTANCES), query));
            }
            // The first one stays, so that somebody sees everything.
            1 if one > 0 => {
                stage.count("reader left");
                let connections = reading.swap_remove(one).end().await;
                stage.findings.note(reading::check(stage, &connections).map(drop));
                left.push(connections);
            }
            2..6 => {
                stage.count("reader changed instances");
                reading[one].go_on_elsewhere();
            }
            _ => {}
        }
    }
    (left, reading)
}

/// Looks at all boards of an instance; none while it does not answer.
pub async fn boards(stage: &Stage, number: usize) -> Option<Vec<Value>> {
    let place = stage.places.nth(number);
    let get = async |path: &str| -> Option<Value> {
        let answer = http::attempt(place, &http::request("GET", path, &[], b"")).await.ok()?;
        (answer.status == 200).then(|| answer.json())
    };
    let mut boards = Vec::new();
    for scope in get("/api/snapshot").await?["scopes"].as_array()? {
        boards.push(get(scope["url"].as_str()?).await?);
    }
    Some(boards)
}

/// What a process has shown.
#[derive(Default)]
struct Seen {
    life: usize,
    /// The revision of each item.
    items: BTreeMap<u32, u32>,
    /// The numbers that had a value: of each board its name.
    numbers: BTreeSet<(String, String)>,
}

/// Looks at an instance over and over.
pub async fn looks(stage: &Stage, number: usize, until: Instant) {
    let instance = &stage.instances[number];
    let mut seen = Seen::default();
    while Instant::now() < until && !stage.findings.any() {
        sleep_until((Instant::now() + Duration::from_millis(700)).min(until)).await;
        let life = instance.lives.load(Ordering::SeqCst);
        if seen.life != life {
            seen = Seen { life, ..Seen::default() };
        }
        let mut answered = instance.answered.lock().unwrap().clone();
        let asked_at = std::time::Instant::now();
        if instance.without_redis.was_there(FOLDED_WITHIN, asked_at) {
            answered.retain(|_, (_, at)| at.elapsed() > FOLDED_WITHIN);
        } else {
            answered.clear();
        }
        let Some(boards) = boards(stage, number).await else { continue };
        if instance.lives.load(Ordering::SeqCst) != life {
            continue;
        }
        stage.count("look at all boards");
        for board in &boards {
            let (level, as_of) = (&board["level"], &board["dataAsOf"]);
            stage.count(format!("board seen as {}", level.as_str().unwrap()));
            if *level == "full" {
                let judged = stage.check_full(number, asked_at);
                stage.findings.note(judged.map_err(|why| format!("{why}: {board}")));
            }
            if let Some(outage) = board.get("outage") {
                let judged = stage.truth.faults.check_now(&outage["reason"], &outage["since"]);
                stage.findings.note(judged.map_err(|why| format!("{why}: {board}")));
            }
            stage.findings.note(reading::check_board(&stage.truth, board, (level, as_of), Known::SoFar));
            stage.findings.note(lost_a_number(board, &mut seen.numbers));
        }
        stage.findings.note(went_back(stage, &boards, &answered, &mut seen.items));
    }
}

/// Whether a board has no value any more of what it had one of, because that cannot be read: what was known stays.
fn lost_a_number(board: &Value, seen: &mut BTreeSet<(String, String)>) -> Result<(), String> {
    if board["level"] == "none" || is_remembered(board) {
        return Ok(());
    }
    for (name, metric) in board["metrics"].as_object().unwrap() {
        let number = (format!("{} {}", board["project"]["id"], board["team"]["id"]), name.clone());
        if !metric["value"].is_null() {
            seen.insert(number);
        } else if seen.contains(&number)
            && metric["reason"].as_str().is_some_and(|reason| reason.ends_with("cannot be read"))
        {
            return Err(format!("{name} was known, and is forgotten: {board}"));
        }
    }
    Ok(())
}

/// Whether the boards of a process have less than it had on them before, or than it has answered for.
fn went_back(
    stage: &Stage,
    boards: &[Value],
    answered: &BTreeMap<u32, (u32, std::time::Instant)>,
    seen: &mut BTreeMap<u32, u32>,
) -> Result<(), String> {
    let mut shown = BTreeMap::new();
    for item in boards.iter().filter_map(|board| board["items"].as_array()).flatten() {
        shown.insert(number(&item["id"]), number(&item["rev"]));
    }
    let known: BTreeSet<u32> = seen.keys().chain(answered.keys()).copied().collect();
    let mut judged = Ok(());
    for id in known {
        let (before, answered) = (seen.get(&id).copied(), answered.get(&id).map(|(rev, _)| *rev));
        let is_gone = match shown.get(&id) {
            Some(rev) => before > Some(*rev) || answered > Some(*rev),
            None => stage.truth.belongs((id, before.max(answered).unwrap()), boards),
        };
        if is_gone {
            let rev = shown.get(&id);
            judged = Err(format!(
                "item {id} is shown as of revision {rev:?}, was shown as of {before:?}, and a hook of {answered:?} was \
                 answered with 200: {boards:?}"
            ));
        }
    }
    seen.extend(shown);
    judged
}
