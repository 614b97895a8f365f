//! Judges what one reader was sent by itself: each item, level and number as of the moment at which it was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use boardcast::domain::entry_id::EntryId;
use serde_json::Value;

use super::levels::{Claim, Levels, whose};
use super::shown::{Known, LEAD};
use super::stage::Stage;
use super::truth::{BoardName, Truth, number};
use crate::support::sse::Block;
use crate::support::witness::{Connection, summary};

/// A board as a client has it.
#[derive(Default)]
struct Held {
    /// Whose it is, and what is missing on it.
    about: Value,
    items: BTreeMap<u32, Value>,
}

impl Held {
    /// Judges whether it is as fresh as is said.
    fn check_followed(&self, truth: &Truth, as_of: Option<i64>) -> Result<(), String> {
        let is_compared = truth.is_compared && !self.about["team"].is_null();
        let Some(as_of) = as_of.filter(|_| is_compared) else { return Ok(()) };
        let shown = self.items.iter().map(|(id, item)| (*id, number(&item["rev"]))).collect();
        truth.check_followed(&self.about, &shown, as_of)
    }

    fn take(&mut self, item: &Value) -> Result<(), String> {
        let before = self.items.insert(number(&item["id"]), item.clone());
        match before {
            Some(before) if number(&before["rev"]) > number(&item["rev"]) => {
                Err(format!("an item went back from {before} to {item}"))
            }
            _ => Ok(()),
        }
    }
}

/// Reads everything that a reader was sent; returns the boards that are less than full, as far as it knows.
pub fn check(stage: &Stage, connections: &[Connection]) -> Result<BTreeSet<String>, String> {
    Ok(read(stage, connections)?.1)
}

/// The items of each board as a reader has them by all that it was sent.
pub fn held(
    stage: &Stage,
    connections: &[Connection],
) -> Result<BTreeMap<String, BTreeMap<u32, Value>>, String> {
    let (boards, _) = read(stage, connections)?;
    Ok(boards.into_iter().map(|(name, held)| (name, held.items)).collect())
}

fn read(
    stage: &Stage,
    connections: &[Connection],
) -> Result<(BTreeMap<String, Held>, BTreeSet<String>), String> {
    let truth = &stage.truth;
    let (mut boards, mut levels) = (BTreeMap::<String, Held>::new(), Levels::default());
    // Boards that were announced and have to be sent before the next heartbeat.
    let mut awaited = BTreeSet::<String>::new();
    let mut cursor: Option<EntryId> = None;
    for connection in connections {
        let resumed = connection.connected().is_some_and(|connected| connected["resumed"] == true);
        if !resumed {
            boards.clear();
            awaited.clear();
            cursor = None;
        }
        for id in connection.ids() {
            if cursor >= Some(id) {
                let blocks: Vec<_> =
                    connection.blocks.iter().map(|block| (block.id(), block.kind())).collect();
                let summary = summary(connections);
                return Err(format!("{id} came after {cursor:?}: {blocks:?} of {summary:?}"));
            }
            cursor = Some(id);
        }
        levels.connect();
        for (block, at) in connection.blocks.iter().zip(&connection.arrivals) {
            let event = block.json();
            let is_heartbeat = event.as_ref().is_none_or(|event| event["type"] == "heartbeat");
            for claim in levels.due(is_heartbeat, *at)? {
                check_claim(truth, &boards, &claim)?;
            }
            if is_heartbeat && !awaited.is_empty() {
                return Err(format!(
                    "boards were announced and not sent: {awaited:?}{}",
                    tail(connections, block)
                ));
            }
            let Some(event) = event else { continue };
            let about = whose(&event["projectId"], &event["teamId"]);
            match event["type"].as_str() {
                Some("connected") if event["resumed"] != true => {
                    let scopes = event["scopes"].as_array().into_iter().flatten();
                    awaited = scopes.map(|scope| whose(&scope["projectId"], &scope["teamId"])).collect();
                }
                Some("snapshot") => drop(awaited.remove(&about)),
                Some("recovered") if event["from"] == "none" => drop(awaited.insert(about)),
                _ => {}
            }
            levels.take(stage, &event, block.id().is_some(), (connection.place, *at))?;
            follow(truth, &mut boards, &event)?;
        }
    }
    Ok((boards, levels.less()))
}

/// What a reader was sent before that block, from the two connections before its own on.
fn tail(connections: &[Connection], until: &Block) -> String {
    let place = connections
        .iter()
        .position(|connection| connection.blocks.iter().any(|block| std::ptr::eq(block, until)));
    let place = place.unwrap_or(connections.len() - 1);
    let mut told = String::new();
    for connection in &connections[place.saturating_sub(2)..=place] {
        let _ = write!(told, "\nasked {:?} at place {}:", connection.cursor, connection.place);
        for block in &connection.blocks {
            let event = block.json().unwrap_or_default();
            let (from, to, team, resumed) =
                (&event["from"], &event["to"], &event["teamId"], &event["resumed"]);
            let _ = write!(told, "\n  {:?} {:?} {from} {to} {team} {resumed}", block.id(), block.kind());
            if std::ptr::eq(block, until) {
                return told;
            }
        }
    }
    told
}

fn check_claim(truth: &Truth, boards: &BTreeMap<String, Held>, claim: &Claim) -> Result<(), String> {
    let is_meant = |held: &&Held| {
        let whose = whose(&held.about["project"]["id"], &held.about["team"]["id"]);
        claim.boards.contains(&whose)
    };
    for held in boards.values().filter(is_meant) {
        let judged = held.check_followed(truth, claim.as_of());
        judged.map_err(|why| format!("{why}, by {claim:?}"))?;
    }
    Ok(())
}

/// The board that an event is about.
pub fn board(event: &Value) -> BoardName {
    (event["projectId"].clone(), event["teamId"].clone(), event["sprintId"].clone())
}

fn follow(truth: &Truth, boards: &mut BTreeMap<String, Held>, event: &Value) -> Result<(), String> {
    let name = format!("{:?}", board(event));
    match event["type"].as_str().unwrap() {
        "snapshot" => {
            let data = &event["data"];
            check_board(truth, data, (&event["level"], &event["dataAsOf"]), Known::SoFar)?;
            let Some(items) = data["items"].as_array() else {
                boards.remove(&name);
                return Ok(());
            };
            let mut about = data.clone();
            about
                .as_object_mut()
                .unwrap()
                .retain(|name, _| ["project", "team", "missing"].contains(&name.as_str()));
            let mut held = Held { about, ..Held::default() };
            for item in items {
                held.take(item)?;
            }
            boards.insert(name, held);
        }
        "workitem_changed" => {
            let item = &event["item"];
            if !item.is_null() {
                truth.check_item(item, !event["teamId"].is_null(), Known::SoFar)?;
                if ["rev", "title"].iter().any(|name| event[*name] != item[*name]) {
                    return Err(format!("an event says otherwise than its item: {event}"));
                }
            }
            let Some(held) = boards.get_mut(&name) else { return Ok(()) };
            if !event["url"].is_null() {
                boards.remove(&name);
            } else {
                if item.is_null() {
                    held.items.remove(&number(&event["workItemId"]));
                } else {
                    held.take(item)?;
                }
            }
        }
        "workitems_updated" => {
            let data = event["data"].as_array();
            for item in data.into_iter().flatten() {
                truth.check_item(item, !event["teamId"].is_null(), Known::SoFar)?;
            }
            let (Some(held), Some(data)) = (boards.get_mut(&name), data) else {
                boards.remove(&name);
                return Ok(());
            };
            for item in data {
                held.take(item)?;
            }
            for removed in event["removed"].as_array().into_iter().flatten() {
                held.items.remove(&number(removed));
            }
        }
        "recovered" if event["from"] == "none" || event["from"] == "mock" => {
            // The board follows.
            boards.remove(&name);
        }
        "recovered" => {
            if let Some(held) = boards.get(&name) {
                let judged = held.check_followed(truth, event["dataAsOf"].as_i64());
                judged.map_err(|why| format!("{why}, by {event}"))?;
            }
        }
        "sprint_changed" => {
            let whose = [&event["projectId"], &event["teamId"]];
            boards.retain(|_, held| [&held.about["project"]["id"], &held.about["team"]["id"]] != whose);
        }
        // The other numbers are judged by the log.
        "metric_changed" if LEAD.contains(&event["metric"].as_str().unwrap()) => {
            let whose = (&event["projectId"], &event["teamId"]);
            if event["value"].as_f64().is_some_and(|value| !truth.is_lead_time(whose, value)) {
                return Err(format!("no item of the team took that long: {event}"));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Judges a board by itself.
pub fn check_board(
    truth: &Truth,
    data: &Value,
    (level, as_of): (&Value, &Value),
    known: Known<'_>,
) -> Result<(), String> {
    if level == "mock" || data["demo"] == true {
        return Err(format!("nobody asked for simulated boards: {data}"));
    }
    for item in data["items"].as_array().into_iter().flatten() {
        truth.check_item(item, !data["team"].is_null(), known)?;
    }
    truth.check_numbers(data, level, known)?;
    truth.check_age(data, level, as_of)
}

/// What was said of each number of each board, in its order: what it was before, and what it became then.
pub type Said = BTreeMap<(String, String), Vec<Value>>;

/// Judges the log by itself: each change of an item is told once, and each number begins where it last ended.
pub fn check_log(log: &[(EntryId, Option<String>)]) -> Result<Said, String> {
    let (mut told, mut said) = (BTreeSet::new(), Said::new());
    for event in log.iter().filter_map(|(_, event)| event.as_deref()) {
        let event: Value = serde_json::from_str(event).unwrap();
        let name = format!("{:?}", board(&event));
        match event["type"].as_str().unwrap() {
            "workitem_changed"
                if !told.insert((name.clone(), event["workItemId"].as_u64(), event["rev"].as_u64())) =>
            {
                return Err(format!("told twice: {event}"));
            }
            "metric_changed" => {
                let metric = event["metric"].as_str().unwrap().to_owned();
                let said = said.entry((name, metric)).or_insert_with(|| vec![event["previous"].clone()]);
                if said.last() != Some(&event["previous"]) {
                    return Err(format!("the chain is broken: {event}"));
                }
                said.push(event["value"].clone());
            }
            _ => {}
        }
    }
    Ok(said)
}
