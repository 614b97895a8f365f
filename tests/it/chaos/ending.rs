//! The verdict: when it is over, every board is what the organisation has, and the store, the log, the archive and every
//! reader agree with it.

use std::collections::BTreeMap;
use std::time::Duration;

use boardcast::archive::Archive as _;
use boardcast::domain::entry_id::EntryId;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::hooks::Book;
use super::reading::{self, Said};
use super::shown::Known;
use super::stage::{INSTANCES, Stage};
use super::{looking, numbers, truth};
use crate::support::flow::Revisions;
use crate::support::redis::RedisServer;
use crate::support::verdict::{History, compare, revisions_at};
use crate::support::witness::{Connection, Witness};

/// How long it may take after the trouble until everything is as it should be: a board that was gone for long is asked about
/// every five minutes.
pub const WHOLE_WITHIN: Duration = Duration::from_mins(6);

/// What of an item no event tells when it changes.
const UNTOLD: [&str; 6] = ["rev", "changedAt", "stateSince", "blockedSince", "ageDays", "assignedTo"];

/// How long it may take then until every reader was told so, and the archive has it.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// Judges how it ended, for readers that left and those that are still there; returns what each was sent.
pub async fn judge(
    stage: &Stage,
    redis: &RedisServer,
    book: &Book,
    left: Vec<Vec<Connection>>,
    still: Vec<Witness>,
) -> Vec<Vec<Connection>> {
    let key = |name: &str| format!("bc:{{{}}}:2:{name}", stage.owner.key());
    let kept = async || revisions_at(redis, &key("items")).await;
    let (began, within) = (Instant::now(), WHOLE_WITHIN);
    for number in 0..INSTANCES {
        let is_whole = async || whole(stage, book, number, &kept().await).await;
        until(stage, &format!("instance {number} does not become whole"), within, is_whole).await;
    }
    println!("whole again after {} ms", began.elapsed().as_millis());
    let kept = kept().await;
    for (id, revisions) in book.acknowledged() {
        if kept.get(&id).is_none_or(|kept| !kept.is_superset(&revisions)) {
            let kept = kept.get(&id);
            stage
                .findings
                .report(format!("of item {id} {revisions:?} were acknowledged, and kept is {kept:?}"));
        }
    }
    let log = async || redis.log_at(&key("log")).await;
    let is_said = async || said(stage, &reading::check_log(&log().await)?).await;
    until(stage, "boards are not what was announced last", TOLD_WITHIN, is_said).await;
    let is_archived = async || archived(stage).await;
    until(stage, "the archive does not have what it should", TOLD_WITHIN, is_archived).await;
    let last = log().await.iter().rev().find(|(_, event)| event.is_some()).map(|(id, _)| *id).unwrap();
    // The first of those who are there still was there from the beginning.
    let (first, mut told) = (left.len(), left);
    for witness in still {
        witness.passed(last).await;
        let is_told = async || match reading::check(stage, &witness.so_far()) {
            Ok(less) if less.is_empty() => followed(stage, &witness.so_far()).await,
            // What is wrong now stays wrong.
            less => Err(format!("{less:?}")),
        };
        until(stage, "a reader was not told that boards are full again", TOLD_WITHIN, is_told).await;
        let connections = witness.end().await;
        stage.findings.note(reading::check(stage, &connections).map(drop));
        told.push(connections);
    }
    // What came meanwhile is in the log by now.
    let log = log().await;
    println!("{} entries in the log", log.len());
    match reading::check_log(&log) {
        Ok(said) => stage.findings.note(remembered(stage, &said).await),
        Err(finding) => stage.findings.report(finding),
    }
    match numbers::check(&stage.truth, &told[first], &log) {
        Ok(judged) => println!("{judged} numbers in it are judged"),
        Err(finding) => stage.findings.report(finding),
    }
    for connections in &told {
        stage.findings.note(whole_between_gaps(connections, &log));
    }
    told
}

/// Whether a reader has by events what an instance shows, but for what no event tells.
async fn followed(stage: &Stage, connections: &[Connection]) -> Result<(), String> {
    let held = reading::held(stage, connections)?;
    let plain = |item: &Value| {
        let mut item = item.clone();
        let members = item.as_object_mut().unwrap();
        members.retain(|name, _| !UNTOLD.contains(&name.as_str()));
        item
    };
    for board in looking::boards(stage, 0).await.ok_or("an instance does not answer")? {
        let items = board["items"].as_array().ok_or("a board has no items")?;
        let shown: BTreeMap<u32, Value> =
            items.iter().map(|item| (truth::number(&item["id"]), plain(item))).collect();
        let name = format!("{:?}", (&board["project"]["id"], &board["team"]["id"], &board["sprint"]["id"]));
        // Of a board that an event was too large for a reader has an address, and asks there.
        let Some(has) = held.get(&name) else { continue };
        let has: BTreeMap<u32, Value> = has.iter().map(|(id, item)| (*id, plain(item))).collect();
        let differs = |(id, item): &(&u32, &Value)| shown.get(id) != Some(item);
        let wrong: Vec<_> = has.iter().filter(differs).map(|(id, item)| (item, shown.get(id))).collect();
        let less: Vec<_> = shown.keys().filter(|id| !has.contains_key(id)).collect();
        if !wrong.is_empty() || !less.is_empty() {
            return Err(format!("a reader has otherwise {wrong:?}, and lacks {less:?}: {name}"));
        }
    }
    Ok(())
}

/// Waits until that holds, and reports what is lacking where it does not.
async fn until(stage: &Stage, what: &str, within: Duration, holds: impl AsyncFn() -> Result<(), String>) {
    let began = Instant::now();
    while let Err(lacking) = holds().await {
        if began.elapsed() > within {
            return stage.findings.report(format!("{what}: {lacking}"));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
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

/// Whether an instance shows everything that there is, as it is, and nothing else.
async fn whole(stage: &Stage, book: &Book, number: usize, kept: &Revisions) -> Result<(), String> {
    let boards = looking::boards(stage, number).await.ok_or("it does not answer")?;
    if boards.len() != stage.truth.boards() {
        return Err(format!("it has {} boards", boards.len()));
    }
    for board in &boards {
        let items = board["items"].as_array().ok_or("a board has no items")?;
        let shown: BTreeMap<u32, u32> =
            items.iter().map(|item| (truth::number(&item["id"]), truth::number(&item["rev"]))).collect();
        let expected = stage.truth.expected(board, &book.acknowledged());
        let is_missing = |missing: &Value| !missing["workItemId"].is_null();
        let lacks_an_item = board["missing"].as_array().into_iter().flatten().any(is_missing);
        if shown != expected || board["level"] != "full" || lacks_an_item || board.get("outage").is_some() {
            let differs = |(id, rev): &(&u32, &u32)| expected.get(id) != Some(rev);
            let more: Vec<_> = shown.iter().filter(differs).collect();
            let less: Vec<_> = expected.iter().filter(|(id, rev)| shown.get(id) != Some(rev)).collect();
            return Err(format!(
                "the board of {} is {}, lacks {} for {} and has {more:?} where it should have {less:?}",
                board["team"], board["level"], board["missing"], board["outage"]
            ));
        }
        let (level, as_of) = (&board["level"], &board["dataAsOf"]);
        reading::check_board(&stage.truth, board, (level, as_of), Known::All(kept))?;
    }
    Ok(())
}

/// The name of the board of an answer, as the log has it.
fn name_of(board: &Value) -> String {
    format!("{:?}", (&board["project"]["id"], &board["team"]["id"], &board["sprint"]["id"]))
}

/// Whether every number is what was announced last, where anything was.
async fn said(stage: &Stage, said: &Said) -> Result<(), String> {
    for number in 0..INSTANCES {
        for board in looking::boards(stage, number).await.ok_or("an instance does not answer")? {
            for (metric, shown) in board["metrics"].as_object().unwrap() {
                let last = said.get(&(name_of(&board), metric.clone())).and_then(|said| said.last());
                if last.is_some_and(|last| *last != shown["value"]) {
                    return Err(format!("{metric} was announced as {last:?}, shown is {shown}: {board}"));
                }
            }
        }
    }
    Ok(())
}

/// Whether a board that the archive remembered had the numbers that were said of it, at one time or another.
async fn remembered(stage: &Stage, said: &Said) -> Result<(), String> {
    let boards = looking::boards(stage, 0).await.ok_or("an instance does not answer")?;
    for ((board, metric), shown) in stage.truth.remembered() {
        let of_log = said.get(&(board.clone(), metric.clone())).cloned().unwrap_or_default();
        // Of what was never announced the first value stands.
        let now = boards.iter().find(|one| name_of(one) == board);
        let now = now.map(|board| board["metrics"][&metric]["value"].clone());
        let all: Vec<String> = of_log.iter().chain(&now).map(ToString::to_string).collect();
        // A board that is gone, and of which nothing was ever announced, leaves nothing to compare with.
        if let Some(wrong) = shown.iter().find(|value| !all.is_empty() && !all.contains(value)) {
            return Err(format!("{metric} of {board} was remembered as {wrong}, and was {all:?}"));
        }
    }
    Ok(())
}

/// Whether the archive has the numbers of every board, of one log and no other, and nothing waits in it.
async fn archived(stage: &Stage) -> Result<(), String> {
    let told = |error: boardcast::archive::ArchiveError| error.to_string();
    let rows = stage.archive.saved_values().await.map_err(told)?;
    let waiting = stage.archive.waiting(None, 1).await.map_err(told)?;
    if !waiting.is_empty() {
        return Err(format!("in the inbox is {waiting:?}"));
    }
    let epochs: std::collections::BTreeSet<_> = rows.iter().map(|row| row.epoch.clone()).collect();
    if epochs.len() > 1 {
        return Err(format!("it is of several logs: {epochs:?}"));
    }
    let mut values = BTreeMap::new();
    for row in &rows {
        let scope = json!(row.scope);
        let board = format!("{:?}", (&scope["project"], &scope["team"], &scope["sprint"]));
        let name = row.about.as_ref().and_then(|about| about.project.clone());
        // By hooks alone it is of when the organisation says that items changed, and that may live ahead of its time.
        let is_future = stage.truth.is_compared && row.as_of.epoch_ms() > truth::now_ms();
        if is_future || name.is_none() {
            return Err(format!("a row of the future, or without a name: {row:?}"));
        }
        values.insert((board, row.metric.to_string()), json!(row.value.value()));
    }
    for board in looking::boards(stage, 0).await.ok_or("an instance does not answer")? {
        for (metric, shown) in board["metrics"].as_object().unwrap() {
            let kept = values.get(&(name_of(&board), metric.clone()));
            if kept != Some(&shown["value"]) {
                return Err(format!("{metric} is kept as {kept:?}, shown is {shown}: {board}"));
            }
        }
    }
    Ok(())
}
