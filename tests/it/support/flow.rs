//! A sender of hooks that repeats what was not acknowledged, as Azure DevOps does, only sooner.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::app::DEADLINE;
use super::http;
use super::team::story;

/// How many items a flow changes, in turn.
pub const ITEMS: u32 = 20;

/// How long is waited before a hook is sent again, at first and at most.
const REPEAT_AFTER: Duration = Duration::from_millis(100);
const REPEAT_AFTER_MAX: Duration = Duration::from_millis(500);

/// Where instances are: what a balancer knows. An instance that is started again has another address.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<Vec<SocketAddr>>>);

impl Places {
    pub fn of(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self(Arc::new(Mutex::new(addresses.into_iter().collect())))
    }

    /// One of them: they take turns.
    pub fn nth(&self, n: usize) -> SocketAddr {
        let places = self.0.lock().unwrap();
        places[n % places.len()]
    }

    pub fn all(&self) -> Vec<SocketAddr> {
        self.0.lock().unwrap().clone()
    }

    pub fn set(&self, index: usize, address: SocketAddr) {
        self.0.lock().unwrap()[index] = address;
    }
}

/// Revisions, by item.
pub type Revisions = BTreeMap<u32, BTreeSet<u32>>;

/// What became of the hooks that were sent.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Item and revision of each that was sent.
    pub sent: Vec<(u32, u32)>,
    /// Item, revision and outcome of each that was acknowledged.
    pub acknowledged: Vec<(u32, u32, String)>,
    /// How many answers were 503.
    pub refused: usize,
    /// How often there was no answer: whoever was asked had died.
    pub unanswered: usize,
    /// How long the slowest answer took.
    pub slowest: Duration,
}

impl Book {
    /// The revisions of each item that were acknowledged.
    pub fn revisions(&self) -> Revisions {
        by_item(self.acknowledged.iter().map(|(id, rev, _)| (*id, *rev)))
    }

    /// The revisions of each item that were sent.
    pub fn revisions_sent(&self) -> Revisions {
        by_item(self.sent.iter().copied())
    }

    /// How many were acknowledged with that outcome.
    pub fn count(&self, outcome: &str) -> usize {
        self.acknowledged.iter().filter(|(_, _, how)| how == outcome).count()
    }
}

fn by_item(revisions: impl Iterator<Item = (u32, u32)>) -> Revisions {
    let mut items = Revisions::new();
    for (id, rev) in revisions {
        items.entry(id).or_default().insert(rev);
    }
    items
}

/// Posts a payload, at first to that place and then to the next ones, until it is acknowledged.
async fn deliver(places: Places, first: usize, payload: Value, book: Arc<Mutex<Book>>) {
    let number = |member: &str| u32::try_from(payload["resource"][member].as_u64().unwrap()).unwrap();
    let (id, rev) = (number("workItemId"), number("rev"));
    let (path, body) = ("/api/webhooks/azure-devops/workitem.updated", payload.to_string());
    let request = http::request("POST", path, &[("content-type", "application/json")], body.as_bytes());
    book.lock().unwrap().sent.push((id, rev));
    let mut pause = REPEAT_AFTER;
    for attempt in 0.. {
        let began = Instant::now();
        let answer = http::attempt(places.nth(first + attempt), &request).await;
        {
            let mut book = book.lock().unwrap();
            match answer {
                Ok(answer) if answer.status == 200 => {
                    book.slowest = book.slowest.max(began.elapsed());
                    let outcome = answer.json()["outcome"].as_str().unwrap().to_owned();
                    assert!(["applied", "known", "kept"].contains(&&*outcome), "{outcome}");
                    book.acknowledged.push((id, rev, outcome));
                    return;
                }
                Ok(answer) => {
                    assert_eq!(answer.status, 503, "{answer:?}");
                    book.slowest = book.slowest.max(began.elapsed());
                    book.refused += 1;
                }
                Err(_) => book.unanswered += 1,
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(REPEAT_AFTER_MAX);
    }
}

/// Posts payloads all at once, each to its place at first, until all are acknowledged.
pub async fn deliver_all(places: &Places, payloads: impl IntoIterator<Item = (usize, Value)>) -> Book {
    let book = Arc::<Mutex<Book>>::default();
    let mut posting = JoinSet::new();
    for (first, payload) in payloads {
        posting.spawn(deliver(places.clone(), first, payload, book.clone()));
    }
    tokio::time::timeout(DEADLINE, posting.join_all()).await.expect("not all hooks are acknowledged");
    let book = book.lock().unwrap();
    book.clone()
}

/// The hook number `n` of a flow: the items are changed in turn, and with each their numbers.
pub fn hook(n: u32) -> Value {
    let (id, rev) = (1 + n % ITEMS, 1 + n / ITEMS);
    let state = ["New", "Active", "Closed"][(id + rev) as usize % 3];
    story(id, rev, 1, state, Some(f64::from(1 + (id * 7 + rev * 3) % 13)))
}

/// A steady flow of hooks, sent to the places in turn.
pub struct Flow {
    book: Arc<Mutex<Book>>,
    stop: watch::Sender<bool>,
    sending: JoinHandle<JoinSet<()>>,
}

impl Flow {
    pub fn begin(places: &Places, every: Duration) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let (book, places) = (Arc::<Mutex<Book>>::default(), places.clone());
        let written = book.clone();
        let sending = tokio::spawn(async move {
            let mut posting = JoinSet::new();
            for n in 0.. {
                let payload = hook(n);
                posting.spawn(deliver(places.clone(), n as usize, payload, written.clone()));
                if tokio::time::timeout(every, stopped.wait_for(|stop| *stop)).await.is_ok() {
                    break;
                }
            }
            posting
        });
        Self { book, stop, sending }
    }

    /// What became of the hooks so far.
    pub fn so_far(&self) -> Book {
        self.book.lock().unwrap().clone()
    }

    /// Sends no more, and waits until all that was sent is acknowledged.
    pub async fn end(self) -> Book {
        self.stop.send_replace(true);
        let posting = self.sending.await.unwrap().join_all();
        tokio::time::timeout(DEADLINE, posting).await.expect("not all hooks are acknowledged");
        let book = self.book.lock().unwrap();
        book.clone()
    }
}
