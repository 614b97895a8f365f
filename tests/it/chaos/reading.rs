//! Judges what one reader was sent by itself: each item, level and number as of the moment at which it was sent.

use std::collections::{BTreeMap, BTreeSet};

use boardcast::domain::entry_id::EntryId;
use serde_json::Value;

use super::truth::{BoardName, NUMBERS, Truth, number};
use crate::support::witness::{Connection, summary};

/// A board as a client has it.
#[derive(Default)]
struct Held {
    items: BTreeMap<u32, Value>,
    /// What each number was since the reader has the board, in hundredths.
    were: BTreeMap<&'static str, BTreeSet<i64>>,
    /// The numbers that were announced since then.
    announced: BTreeSet<String>,
}

impl Held {
    fn follow(&mut self, truth: &Truth, event: &Value) {
        let whose = (&event["projectId"], &event["teamId"]);
        for (name, value) in truth.numbers(whose, self.items.values()) {
            self.were.entry(name).or_default().insert(hundredths(value));
        }
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

fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}

/// Reads everything that a reader was sent.
pub fn check(truth: &Truth, connections: &[Connection]) -> Result<(), String> {
    let mut boards = BTreeMap::<String, Held>::new();
    let mut cursor: Option<EntryId> = None;
    for connection in connections {
        let resumed = connection.connected().is_some_and(|connected| connected["resumed"] == true);
        if !resumed {
            boards.clear();
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
        for event in connection.blocks.iter().filter_map(|block| block.json()) {
            follow(truth, &mut boards, &event)?;
        }
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
            check_board(truth, data, &event["level"], &event["dataAsOf"])?;
            let Some(items) = data["items"].as_array() else {
                boards.remove(&name);
                return Ok(());
            };
            let mut held = Held::default();
            for item in items {
                held.take(item)?;
            }
            held.follow(truth, event);
            boards.insert(name, held);
        }
        "workitem_changed" => {
            let item = &event["item"];
            if !item.is_null() {
                truth.check_item(item)?;
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
                held.follow(truth, event);
            }
        }
        "workitems_updated" => {
            let data = event["data"].as_array();
            for item in data.into_iter().flatten() {
                truth.check_item(item)?;
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
            held.follow(truth, event);
        }
        "metric_changed" => {
            let metric = event["metric"].as_str().unwrap();
            let Some(held) = boards.get_mut(&name) else { return Ok(()) };
            // The first that is announced may be that of a moment before the reader had the board.
            let is_first = held.announced.insert(metric.to_owned());
            let Some(known) = NUMBERS.iter().find(|known| **known == metric) else { return Ok(()) };
            let (Some(value), Some(were)) = (event["value"].as_f64(), held.were.get(known)) else {
                return Ok(());
            };
            if !is_first && !were.contains(&hundredths(value)) {
                return Err(format!("a number that was never true: {event}; it was {were:?}"));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Judges a board by itself.
pub fn check_board(truth: &Truth, data: &Value, level: &Value, as_of: &Value) -> Result<(), String> {
    if level == "mock" || data["demo"] == true {
        return Err(format!("nobody asked for simulated boards: {data}"));
    }
    for item in data["items"].as_array().into_iter().flatten() {
        truth.check_item(item)?;
    }
    truth.check_numbers(data)?;
    truth.check_full(data, level, as_of)
}

/// Judges the log by itself: each change of an item is told once, and each number begins where it last ended.
pub fn check_log(log: &[(EntryId, Option<String>)]) -> Result<(), String> {
    let (mut told, mut numbers) = (BTreeSet::new(), BTreeMap::<(String, String), Value>::new());
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
                let last = numbers.insert((name, metric), event["value"].clone());
                if last.is_some_and(|last| last != event["previous"]) {
                    return Err(format!("the chain is broken: {event}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
