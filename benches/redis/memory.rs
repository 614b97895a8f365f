//! What an item takes in the memory of an instance: of a fold alone, and of a whole instance that loaded it from Redis.

use std::process::Command;
use std::time::Duration;

use boardcast::board::projection::Projection;
use boardcast::domain::record::delta::Delta;
use boardcast::domain::scope::Audience;
use boardcast::domain::sprint::work_item::WorkItem;
use boardcast::domain::stored::Stored;
use boardcast::journal::{Entry, EntryId, NewEntry};

use super::figures::{DURABLE, table, thousands};
use super::organisation;
use super::support::process::{Process, memory_kb};
use super::support::redis::RedisServer;

/// The word by which this program is told to be the process whose memory is looked at.
pub const CHILD: &str = "fold-alone";

/// How many items are folded from one entry.
const ITEMS_OF_ENTRY: u32 = 500;

/// How long an instance gets to compute what it computes after its load.
const QUIET: Duration = Duration::from_secs(15);

pub async fn run() {
    let mut rows = Vec::new();
    let empty = instance_over(0).await;
    for items in [10_000, 100_000] {
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program).args([CHILD, &items.to_string()]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let alone: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        let whole = instance_over(items).await;
        let mut row = |what: &str, kb: u64, peak: Option<u64>| {
            let mib = |kb: u64| format!("{:.0} MiB", Kib(kb).mib());
            rows.push(vec![
                thousands(items.into()),
                what.into(),
                mib(kb),
                format!("{} bytes", thousands(kb * 1024 / u64::from(items))),
                peak.map_or_else(|| "–".into(), mib),
            ]);
        };
        row("the fold alone, from its log", alone, None);
        row(
            "an instance after a cold load, above one without items",
            whole.now - empty.now,
            Some(whole.peak),
        );
    }
    let record = organisation::item(1).encode().len();
    let title = format!(
        "Resident memory (VmRSS) of items of {} revisions, whose records have {record} bytes; an instance without items \
         takes {} MiB",
        organisation::REVISIONS,
        empty.now / 1024,
    );
    table(&title, &["items", "where", "resident", "an item", "greatest until then (VmHWM)"], &rows);
}

struct Kib(u64);

impl Kib {
    #[expect(clippy::cast_precision_loss, reason = "some gigabytes at most")]
    fn mib(&self) -> f64 {
        self.0 as f64 / 1024.0
    }
}

/// In a process of its own, where nothing was freed before: folds so many items, decoded as an instance decodes them,
/// and prints by how many kB that made it grow.
pub fn fold_alone(items: u32) {
    let pid = std::process::id();
    let mut state = Projection::default();
    // What every process does once is no item's.
    state.apply(&[entry(1, 1)]);
    let before = memory_kb(pid, "VmRSS");
    for first in (2..=items).step_by(ITEMS_OF_ENTRY as usize) {
        state.apply(&[entry(first, (first + ITEMS_OF_ENTRY - 1).min(items))]);
    }
    println!("{}", memory_kb(pid, "VmRSS") - before);
    assert_eq!(state.items_len(), items as usize);
}

fn entry(first: u32, last: u32) -> Entry {
    let observations: Vec<WorkItem> = (first..=last).map(organisation::item).collect();
    let catalogues = if first == 1 { organisation::catalogues() } else { Vec::new() };
    let delta = Delta { observations, catalogues, ..Delta::default() }.encode();
    let content = NewEntry { audience: Audience::Everyone, event: None, delta: Some(delta.into()) };
    Entry { id: EntryId { ms: first.into(), seq: 1 }, ends_commit: true, content }
}

struct Memory {
    now: u64,
    peak: u64,
}

/// The memory of the product that has loaded so many items from Redis, in kB.
async fn instance_over(items: u32) -> Memory {
    let server = RedisServer::start(DURABLE);
    let journal = organisation::journal(&server, "default").await;
    organisation::fill_boards(&journal, items).await;
    drop(journal);
    let process = Process::start(&[("BOARDCAST_REDIS_URL", &server.url())]).await;
    while process.get("/api/health/ready").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(QUIET).await;
    Memory { now: process.memory_kb(), peak: memory_kb(process.pid(), "VmHWM") }
}
