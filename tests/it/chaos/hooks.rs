//! The organisation lives, and tells of it by hooks: shuffled, doubled, repeated, and never given up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use boardcast::demo::simulation::hooks::payload;
use boardcast::demo::simulation::model::SimulatedChange;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until};

use super::stage::{INSTANCES, Stage};
use crate::support::http;

/// How far apart changes are, in ms.
const EVERY_MS: std::ops::Range<u64> = 100..500;

/// What was acknowledged: the revisions of each item.
#[derive(Default)]
pub struct Book(Mutex<BTreeMap<u32, BTreeSet<u32>>>);

impl Book {
    pub fn acknowledged(&self) -> BTreeMap<u32, BTreeSet<u32>> {
        self.0.lock().unwrap().clone()
    }
}

/// How often, how late and where a hook is delivered.
struct Posting {
    change: SimulatedChange,
    after: Duration,
    place: usize,
}

/// Makes changes until then, and delivers the hooks of each, until all are acknowledged.
pub async fn live(stage: &Stage, book: &Book, until: Instant, mut rng: fastrand::Rng) {
    let mut posting = FuturesUnordered::new();
    let mut next = Instant::now();
    loop {
        tokio::select! {
            Some(()) = posting.next() => {}
            () = sleep_until(next), if next < until => {
                next = Instant::now() + Duration::from_millis(rng.u64(EVERY_MS));
                // Now and then much happens at once.
                for _ in 0..if rng.u8(0..20) == 0 { rng.u8(5..30) } else { 1 } {
                    let change = stage.truth.step();
                    stage.count("change");
                    // What no hook tells, a comparison finds.
                    if stage.truth.is_compared && rng.u8(0..30) == 0 {
                        stage.count("hook that is never sent");
                        continue;
                    }
                    for _ in 0..*rng.choice(&[1, 1, 1, 2, 2, 3]).unwrap() {
                        let after = match rng.u8(0..10) {
                            0..6 => rng.u64(0..50),
                            6..9 => rng.u64(0..2_000),
                            _ => rng.u64(0..15_000),
                        };
                        let after = Duration::from_millis(after);
                        posting.push(deliver(stage, book, Posting { change, after, place: rng.usize(0..INSTANCES) }));
                    }
                }
            }
            else => return,
        }
        if stage.findings.any() {
            return;
        }
    }
}

async fn deliver(stage: &Stage, book: &Book, Posting { change, after, place }: Posting) {
    sleep(after).await;
    let payload = payload(&stage.truth.model.lock().unwrap(), change).unwrap();
    let path = format!("/api/webhooks/azure-devops/{}", change.event.hook());
    let headers = [("content-type", "application/json")];
    let request = http::request("POST", &path, &headers, payload.to_string().as_bytes());
    let mut pause = Duration::from_millis(100);
    for attempt in place.. {
        let instance = &stage.instances[attempt % INSTANCES];
        let life = instance.lives.load(Ordering::SeqCst);
        let answer = http::attempt(stage.places.nth(attempt), &request).await;
        stage.truth.note_hook(change.item, change.rev, false);
        match answer {
            Ok(answer) if answer.status == 200 => {
                let outcome = answer.json()["outcome"].as_str().unwrap().to_owned();
                if !["applied", "known", "kept"].contains(&outcome.as_str()) {
                    stage
                        .findings
                        .report(format!("a hook of {change:?} was answered with {}", answer.json()));
                }
                stage.count(format!("hook {outcome}"));
                book.0.lock().unwrap().entry(change.item).or_default().insert(change.rev);
                stage.truth.note_hook(change.item, change.rev, outcome == "kept");
                if outcome != "kept" {
                    let mut answered = instance.answered.lock().unwrap();
                    if instance.lives.load(Ordering::SeqCst) == life {
                        let newest =
                            answered.entry(change.item).or_insert((change.rev, std::time::Instant::now()));
                        if newest.0 < change.rev {
                            *newest = (change.rev, std::time::Instant::now());
                        }
                    }
                }
                return;
            }
            Ok(answer) if answer.status == 503 => stage.count("hook refused"),
            Ok(answer) => return stage.findings.report(format!("a hook was answered with {answer:?}")),
            Err(_) => stage.count("hook unanswered"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(800));
    }
}
