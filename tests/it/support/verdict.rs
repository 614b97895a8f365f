//! What has to hold in the end, whatever happened to instances and stores meanwhile: nothing that was acknowledged is
//! lost, nothing is told twice, and whoever missed something was told so.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use boardcast::domain::entry_id::EntryId;
use boardcast::domain::sprint::work_item::WorkItem;
use boardcast::domain::stored::Stored;
use serde_json::Value;

use super::app::DEADLINE;
use super::flow::{Book, Revisions};
use super::http;
use super::redis::{self, RedisServer};
use super::witness::{Connection, Witness, summary};

/// A log that is no longer written to: each entry with its event, if it has one.
pub type Log = Vec<(EntryId, Option<String>)>;

/// What may have become of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// It is whole, so no reader has to hear of a gap.
    Whole,
    /// It is whole, but could not always be asked, so a reader who came back meanwhile may have been told of a gap.
    Unreachable,
    /// It was lost or set back, so readers had to be told, and only what came after that can be compared with it.
    Lost,
}

/// A board as an instance shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Board {
    /// The revision of each item.
    pub revisions: BTreeMap<u32, u32>,
    /// The value of each metric.
    pub metrics: BTreeMap<String, Value>,
    cursor: Option<EntryId>,
}

impl Board {
    /// The board of the team, as that instance shows it; an empty one where it does not.
    pub async fn of(instance: SocketAddr) -> Self {
        let request = http::request("GET", "/api/snapshot?project=Fabrikam&team=Web", &[], b"");
        let Ok(answer) = http::attempt(instance, &request).await else { return Self::default() };
        if answer.status != 200 {
            return Self::default();
        }
        let board = answer.json();
        let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let items = board["items"].as_array().cloned().unwrap_or_default();
        let metrics = board["metrics"].as_object().cloned().unwrap_or_default();
        Self {
            revisions: items.iter().map(|item| (number(&item["id"]), number(&item["rev"]))).collect(),
            metrics: metrics.into_iter().map(|(name, metric)| (name, metric["value"].clone())).collect(),
            cursor: board["cursor"].as_str().and_then(EntryId::parse),
        }
    }

    fn has(&self, revisions: &Revisions) -> bool {
        revisions.iter().all(|(id, revisions)| self.revisions.get(id) >= revisions.last())
    }
}

/// Waits until the store has these revisions and every board the last of each item; returns how long that took.
pub async fn whole_again(
    (server, organisation): (&RedisServer, &str),
    instances: &[SocketAddr],
    expected: &Revisions,
) -> Duration {
    let began = Instant::now();
    loop {
        // A store that lost something is noticed a moment later; until then boards still show it.
        let kept = revisions(server, organisation).await;
        let is_kept = |(id, revisions): (&u32, &BTreeSet<u32>)| {
            kept.get(id).is_some_and(|kept| kept.is_superset(revisions))
        };
        let mut lacking = (!expected.iter().all(is_kept)).then(|| format!("the store has {kept:?}"));
        for instance in instances {
            let board = Board::of(*instance).await;
            if !board.has(expected) {
                lacking = Some(format!("a board has {:?}", board.revisions));
            }
        }
        let Some(lacking) = lacking else { return began.elapsed() };
        assert!(began.elapsed() < DEADLINE, "{expected:?} were acknowledged, and {lacking}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until nothing more is written and every instance shows what was; returns the log.
pub async fn quiet(server: &RedisServer, organisation: &str, instances: &[SocketAddr]) -> Log {
    let (began, mut end) = (Instant::now(), None);
    loop {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let log = server.log(organisation).await;
        let before = std::mem::replace(&mut end, log.last().map(|(id, _)| *id));
        let mut shown = true;
        for instance in instances {
            shown &= Board::of(*instance).await.cursor >= end;
        }
        if shown && before == end {
            return log;
        }
        assert!(began.elapsed() < DEADLINE, "it does not become quiet");
    }
}

/// Compares what a reader was sent with the log.
pub fn compare(connections: &[Connection], log: &Log, history: History) {
    read_in_order(connections);
    told_once_and_whole(connections, log, history);
}

/// The end of a story: everything is waited for, then everything is compared.
pub async fn judge(
    (server, organisation): (&RedisServer, &str),
    instances: &[SocketAddr],
    book: &Book,
    witnesses: Vec<Witness>,
    history: History,
) -> Vec<Vec<Connection>> {
    let expected = book.revisions();
    whole_again((server, organisation), instances, &expected).await;
    let log = quiet(server, organisation, instances).await;
    let last = log.iter().rev().find(|(_, event)| event.is_some()).map(|(id, _)| *id).unwrap();
    let mut told = Vec::new();
    for witness in witnesses {
        witness.passed(last).await;
        told.push(witness.end().await);
    }
    let restated = server.restated(organisation).await;
    let of_entry = |(id, event)| restated.get(id).into_iter().flatten().map(String::as_str).chain(event);
    let said = announced(log.iter().map(|(id, event)| (id, event.as_deref())).flat_map(of_entry));
    told.iter().for_each(|connections| compare(connections, &log, history));
    for instance in instances {
        let board = Board::of(*instance).await;
        let newest = expected.iter().map(|(id, revisions)| (*id, *revisions.last().unwrap())).collect();
        assert!(board.revisions == newest, "acknowledged {newest:?}, shown {:?}", board.revisions);
        for (metric, value) in &said {
            assert_eq!(board.metrics.get(metric), Some(value), "{metric} is not what was announced last");
        }
    }
    told
}

/// The revisions of each item that the store holds.
async fn revisions(server: &RedisServer, organisation: &str) -> Revisions {
    revisions_at(server, &redis::key(organisation, "items")).await
}

/// The revisions of each item that are under that key.
pub async fn revisions_at(server: &RedisServer, key: &str) -> Revisions {
    let items: Vec<(String, Vec<u8>)> = server.command(&["HGETALL", key]).await;
    let revisions = |record: &[u8]| {
        // The version comes first, and then the item.
        let item = record.splitn(2, |byte| *byte == b' ').nth(1).unwrap();
        let item = WorkItem::decode(item).unwrap();
        item.revisions().map(|(rev, _)| rev).collect()
    };
    // One field is the mark that they have begun.
    items.iter().filter_map(|(id, record)| Some((id.parse().ok()?, revisions(record)))).collect()
}

/// Checks that events follow from each other: each change of an item is told once, and each metric begins where it
/// last ended. Returns what metrics came to.
pub fn announced<'a>(events: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Value> {
    let (mut items, mut metrics) = (BTreeSet::new(), BTreeMap::<String, Value>::new());
    for event in events {
        let event: Value = serde_json::from_str(event).unwrap();
        match event["type"].as_str().unwrap() {
            "workitem_changed" => {
                let change = (event["workItemId"].as_u64(), event["rev"].as_u64());
                assert!(items.insert(change), "told twice: {event}");
            }
            "metric_changed" => {
                let metric = event["metric"].as_str().unwrap().to_owned();
                let last = metrics.insert(metric, event["value"].clone());
                assert!(last.is_none_or(|last| last == event["previous"]), "the chain is broken: {event}");
            }
            // What a log had lost was put back into it, for readers who were told that they missed something.
            "restated" => {
                metrics.insert(event["metric"].as_str().unwrap().to_owned(), event["value"].clone());
            }
            _ => {}
        }
    }
    metrics
}

/// Checks that ids only ever increase on a connection, and that one which resumed goes on exactly where it was asked to.
fn read_in_order(connections: &[Connection]) {
    for connection in connections {
        let Some(connected) = connection.connected() else { continue };
        let mut last = connection.cursor.filter(|_| connected["resumed"] == true);
        for id in connection.ids() {
            assert!(last < Some(id), "{id} after {last:?}: {:?}", summary(connections));
            last = Some(id);
        }
        if let Some(cursor) = connection.cursor {
            assert!(
                connected["resumed"] == true || connected["gap"] == true,
                "it did not go on from {cursor} and says of no gap: {connected}"
            );
        }
    }
}

/// Events that were read without a gap, from a snapshot on.
struct Stretch {
    from: EntryId,
    to: EntryId,
    events: Vec<(EntryId, String)>,
}

/// Checks that between two gaps a reader has exactly the events of the log, each byte of them, and none twice.
fn told_once_and_whole(connections: &[Connection], log: &Log, history: History) {
    let mut stretches: Vec<Stretch> = Vec::new();
    for connection in connections {
        let (Some(connected), Some(to)) = (connection.connected(), connection.ids().last()) else {
            assert!(connection.events().is_empty());
            continue;
        };
        if connected["resumed"] == true {
            let stretch = stretches.last_mut().expect("whoever resumes was there before");
            assert_eq!(Some(stretch.to), connection.cursor);
            stretch.events.extend(connection.events());
            stretch.to = to;
        } else {
            let from = EntryId::parse(connected["cursor"].as_str().unwrap()).unwrap();
            stretches.push(Stretch { from, to, events: connection.events() });
        }
    }
    if history == History::Whole {
        assert_eq!(stretches.len(), 1, "a gap that nothing explains: {:?}", summary(connections));
    }
    if history == History::Lost {
        // What was told of a log that is lost can be compared with nothing, except that it follows from itself.
        for stretch in &stretches {
            announced(stretch.events.iter().map(|(_, event)| event.as_str()));
        }
        stretches.drain(..stretches.len() - 1);
    }
    for Stretch { from, to, events } in &stretches {
        let inside = |id: EntryId| *from < id && id <= *to;
        let expected: Vec<_> = log
            .iter()
            .filter_map(|(id, event)| Some((*id, event.clone().filter(|_| inside(*id))?)))
            .collect();
        let differs = events.iter().zip(&expected).find(|(one, other)| one != other);
        assert!(
            *events == expected,
            "{} events were told and {} happened; the first that differs: {differs:?}; {:?}",
            events.len(),
            expected.len(),
            summary(connections)
        );
    }
}
