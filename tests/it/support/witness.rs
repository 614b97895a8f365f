//! A reader that comes back whenever it is cut off, as a browser does, and keeps everything that it was ever sent.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boardcast::domain::entry_id::EntryId;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::app::DEADLINE;
use super::flow::Places;
use super::sse::{Block, SseReader};

/// How long it waits before it comes back; a browser waits for what `retry` says.
const BACK_AFTER: Duration = Duration::from_millis(30);

/// What came over one connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The cursor that it was asked to go on from.
    pub cursor: Option<EntryId>,
    /// Which place it was at: they take turns.
    #[allow(dead_code, reason = "only in tests/it")]
    pub place: usize,
    pub blocks: Vec<Block>,
    /// When each block arrived.
    #[allow(dead_code, reason = "only in tests/it")]
    pub arrivals: Vec<Instant>,
}

impl Connection {
    /// What it was greeted with, if it lived long enough: where it was greeted before the log was read, and once more
    /// after it, the second greeting.
    pub fn connected(&self) -> Option<Value> {
        let mut greetings = self.blocks.iter().filter(|block| block.kind().as_deref() == Some("connected"));
        greetings.next_back()?.json()
    }

    /// Why it ended, if it was told.
    pub fn closing(&self) -> Option<String> {
        Some(self.first("closing")?["reason"].as_str().unwrap().to_owned())
    }

    fn first(&self, kind: &str) -> Option<Value> {
        self.blocks.iter().find(|block| block.kind().as_deref() == Some(kind))?.json()
    }

    /// The ids that it was told, in order: of events, snapshots and silent heartbeats. That of `connected` is the cursor.
    pub fn ids(&self) -> impl Iterator<Item = EntryId> {
        let news = self.blocks.iter().filter(|block| block.kind().as_deref() != Some("connected"));
        news.filter_map(Block::id).map(|id| EntryId::parse(&id).unwrap())
    }

    /// The events of the log that it was sent, in order.
    pub fn events(&self) -> Vec<(EntryId, String)> {
        let mut events = Vec::new();
        for block in &self.blocks {
            let (Some(id), Some(data)) = (block.id(), block.field("data")) else { continue };
            if !matches!(block.kind().as_deref(), Some("snapshot" | "connected" | "heartbeat")) {
                events.push((EntryId::parse(&id).unwrap(), data));
            }
        }
        events
    }
}

/// A reader of everything.
pub struct Witness {
    connections: Arc<Mutex<Vec<Connection>>>,
    /// How often it was told to go elsewhere; `None` to stop.
    told: watch::Sender<Option<usize>>,
    reading: JoinHandle<()>,
}

impl Witness {
    /// Reads at that place, and at the next one when there nobody answers or it is told to.
    pub fn begin(places: &Places, first: usize) -> Self {
        Self::asking(places, first, "")
    }

    /// The same with a query.
    pub fn asking(places: &Places, first: usize, query: &str) -> Self {
        let path = format!("/api/sse/dashboard?{query}");
        let connections = Arc::<Mutex<Vec<Connection>>>::default();
        let told = watch::Sender::new(Some(first));
        let reading = tokio::spawn(read(places.clone(), path, connections.clone(), told.subscribe()));
        Self { connections, told, reading }
    }

    /// Breaks the connection off, to come back at the next place.
    pub fn go_on_elsewhere(&self) {
        self.told.send_modify(|places| *places = places.map(|places| places + 1));
    }

    /// Waits until that holds of what it was sent.
    pub async fn until(&self, what: &str, holds: impl Fn(&[Connection]) -> bool) {
        let waiting = async {
            while !holds(&self.connections.lock().unwrap()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, waiting).await;
        waited.unwrap_or_else(|_| panic!("{what}: {:?}", summary(&self.connections.lock().unwrap())));
    }

    /// Waits until it is greeted and has the board.
    pub async fn greeted(&self) {
        self.until("a reader has no board", |connections| cursor(connections).is_some()).await;
    }

    /// Waits until it has everything up to that entry.
    pub async fn passed(&self, id: EntryId) {
        let has_it = |connections: &[Connection]| cursor(connections) >= Some(id);
        self.until(&format!("a reader does not come to {id}"), has_it).await;
    }

    /// What it was sent so far.
    #[allow(dead_code, reason = "only in tests/it")]
    pub fn so_far(&self) -> Vec<Connection> {
        self.connections.lock().unwrap().clone()
    }

    /// Stops reading; returns everything that it was sent.
    pub async fn end(self) -> Vec<Connection> {
        let Self { connections, told, reading } = self;
        told.send_replace(None);
        reading.await.unwrap();
        let connections = connections.lock().unwrap();
        connections.clone()
    }
}

/// The last id that was told, by which a browser comes back.
pub fn cursor(connections: &[Connection]) -> Option<EntryId> {
    connections.iter().rev().find_map(|connection| connection.ids().last())
}

/// Of each connection what it asked for, what it was greeted and dismissed with, and how far it came.
pub fn summary(connections: &[Connection]) -> Vec<String> {
    let told = |connection: &Connection| {
        let connected = connection.connected().unwrap_or_default();
        let (asked, last) = (connection.cursor, connection.ids().last());
        let asked = asked.map_or_else(String::new, |id| id.to_string());
        let last = last.map_or_else(String::new, |id| id.to_string());
        let (resumed, gap, closing) = (&connected["resumed"], &connected["gap"], connection.closing());
        format!("asked {asked:?}, resumed {resumed}, gap {gap}, came to {last:?}, closing {closing:?}")
    };
    connections.iter().map(told).collect()
}

async fn read(
    places: Places,
    path: String,
    connections: Arc<Mutex<Vec<Connection>>>,
    mut told: watch::Receiver<Option<usize>>,
) {
    let mut failures = 0;
    loop {
        let Some(place) = *told.borrow_and_update() else { return };
        let cursor = cursor(&connections.lock().unwrap());
        let text = cursor.map(|cursor| cursor.to_string());
        let headers: Vec<_> = text.iter().map(|cursor| ("last-event-id", cursor.as_str())).collect();
        let place = place + failures;
        match SseReader::attempt(places.nth(place), &path, &headers).await {
            Err(_) => failures += 1,
            Ok(mut reader) => {
                let connection = Connection { cursor, place, blocks: Vec::new(), arrivals: Vec::new() };
                connections.lock().unwrap().push(connection);
                loop {
                    tokio::select! {
                        _ = told.changed() => break,
                        block = reader.next() => match block {
                            Some(block) => {
                                let mut connections = connections.lock().unwrap();
                                let connection = connections.last_mut().unwrap();
                                connection.blocks.push(block);
                                connection.arrivals.push(Instant::now());
                            }
                            None => break,
                        },
                    }
                }
            }
        }
        tokio::time::sleep(BACK_AFTER).await;
    }
}
