//! Judges each number that was announced by the log: it was true of its board at some moment, and what is announced next is
//! of no earlier one.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds as _};

use boardcast::domain::entry_id::EntryId;
use serde_json::Value;

use super::reading::board;
use super::shown::{LEAD, PAST};
use super::truth::{BoardName, Truth, number};
use crate::support::sse::Block;
use crate::support::witness::Connection;

/// In hundredths; `None` where there is no value.
type Number = Option<i64>;

/// What a number of a board was.
#[derive(Default)]
struct Course {
    /// One after the other, since the board was first shown.
    was: Vec<Number>,
    /// What was announced since then.
    announced: Vec<Number>,
    /// The place, among what it was, of what was announced last. Who announces may be behind whoever showed the board: up to
    /// the first that was true since, what is announced is of moments before.
    reached: Option<usize>,
}

/// A board as it was first shown, and what the log made of it since.
struct Followed {
    name: BoardName,
    /// From where on the log tells what is not in it.
    since: Bound<EntryId>,
    /// The revision of each item.
    items: BTreeMap<u32, u32>,
    courses: BTreeMap<&'static str, Course>,
}

impl Followed {
    fn shown(name: BoardName, items: &[Value], since: Bound<EntryId>) -> Self {
        let items = items.iter().map(|item| (number(&item["id"]), number(&item["rev"]))).collect();
        Self { name, since, items, courses: BTreeMap::new() }
    }

    /// Takes note of what the numbers are now.
    fn note(&mut self, truth: &Truth) {
        let (project, team, _) = &self.name;
        for (name, value) in truth.numbers((project, team), self.items.iter().map(|(id, rev)| (*id, *rev))) {
            let was = &mut self.courses.entry(name).or_default().was;
            let value = value.map(hundredths);
            if was.last() != Some(&value) {
                was.push(value);
            }
        }
    }

    fn take(&mut self, item: &Value) {
        let known = self.items.entry(number(&item["id"])).or_default();
        *known = number(&item["rev"]).max(*known);
    }

    /// Judges a number that is announced.
    fn announced(&mut self, event: &Value) -> Result<(), String> {
        let metric = event["metric"].as_str().unwrap();
        if LEAD.contains(&metric) || PAST.contains(&metric) {
            return Ok(());
        }
        let course =
            self.courses.get_mut(metric).ok_or_else(|| format!("nobody knows that number: {event}"))?;
        let value = event["value"].as_f64().map(hundredths);
        course.announced.push(value);
        let reached = course.reached.unwrap_or(0);
        // A number may have been the same twice: of the earliest moment that it may be of, all later ones may follow.
        match course.was.iter().skip(reached).position(|was| *was == value) {
            Some(further) => course.reached = Some(reached + further),
            None if course.reached.is_none() => {}
            None => {
                let Course { was, announced, .. } = course;
                return Err(format!(
                    "a number that was not true since the last one, at {reached}: {event}; it was {was:?}, and announced \
                     were {announced:?}"
                ));
            }
        }
        Ok(())
    }
}

/// As whole hundredths.
fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}

/// The boards as a reader was first shown each of them, with the position that this was at.
fn first_shown(truth: &Truth, connections: &[Connection]) -> BTreeMap<String, Followed> {
    let mut boards = BTreeMap::<String, Followed>::new();
    for Connection { blocks, .. } in connections {
        for (place, block) in blocks.iter().enumerate() {
            let Some(event) = block.json().filter(|event| event["type"] == "snapshot") else { continue };
            let Some(items) = event["data"]["items"].as_array() else { continue };
            let since = since(&blocks[place..]);
            let Some(since) = since.filter(|_| event["level"] == "full") else { continue };
            let name = board(&event);
            boards.entry(format!("{name:?}")).or_insert_with(|| Followed::shown(name, items, since));
        }
    }
    for followed in boards.values_mut() {
        followed.note(truth);
    }
    boards
}

/// From where on the log tells what is not in the snapshot that comes first. Of several that are sent at once only the last has
/// the position; where none has, because the board is new, whatever comes next has happened since.
fn since(blocks: &[Block]) -> Option<Bound<EntryId>> {
    let next = blocks.iter().find(|block| block.id().is_some())?;
    let position = EntryId::parse(&next.id()?)?;
    let is_shown = next.json().is_some_and(|event| event["type"] == "snapshot");
    Some(if is_shown { Bound::Excluded(position) } else { Bound::Included(position) })
}

/// Judges every number that the log announces of boards that a reader was shown; returns how many these were.
pub fn check(
    truth: &Truth,
    first: &[Connection],
    log: &[(EntryId, Option<String>)],
) -> Result<usize, String> {
    let mut boards = first_shown(truth, first);
    let mut judged = 0;
    for (id, event) in log {
        let Some(event) = event.as_deref() else { continue };
        let event: Value = serde_json::from_str(event).unwrap();
        let name = format!("{:?}", board(&event));
        let Some(followed) =
            boards.get_mut(&name).filter(|board| (board.since, Bound::Unbounded).contains(id))
        else {
            continue;
        };
        match event["type"].as_str().unwrap() {
            "workitem_changed" | "workitems_updated" if is_elsewhere(&event) => drop(boards.remove(&name)),
            "workitem_changed" => {
                match &event["item"] {
                    Value::Null => drop(followed.items.remove(&number(&event["workItemId"]))),
                    item => followed.take(item),
                }
                followed.note(truth);
            }
            "workitems_updated" => {
                event["data"].as_array().into_iter().flatten().for_each(|item| followed.take(item));
                for removed in event["removed"].as_array().into_iter().flatten() {
                    followed.items.remove(&number(removed));
                }
                followed.note(truth);
            }
            "metric_changed" => {
                followed.announced(&event)?;
                judged += 1;
            }
            _ => {}
        }
    }
    Ok(judged)
}

/// Whether what changed is to be fetched, so that nobody can tell it by the event. That the past was read changes no item.
fn is_elsewhere(event: &Value) -> bool {
    let is_any = |name: &str| event[name].as_array().is_none_or(|changed| !changed.is_empty());
    !event["url"].is_null() && ["added", "changed", "removed"].into_iter().any(is_any)
}
