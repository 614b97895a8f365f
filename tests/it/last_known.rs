//! What was last said survives the journal: a board that begins anew goes on from the values that readers know.

use std::sync::Arc;
use std::time::Duration;

use boardcast::archive::Archive;
use boardcast::domain::metrics::threshold::{AnnounceAt, AnnouncedValue};
use boardcast::domain::record::source_check::SourceCheck;
use boardcast::domain::scope::{Audience, Scope};
use boardcast::domain::time::Timestamp;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::{CommitOutcome, EntryId, LogRetention, RecordKey, Store};
use boardcast::write::archiver::{Archiver, Copied};
use boardcast::write::commit::{Change, CommitBuilder};
use serde_json::{Value, json};

use crate::support::app::HandClock;
use crate::support::archive::FaultyArchive;
use crate::support::azurite::{Azurite, KEY};
use crate::support::eventually;
use crate::support::hooks::updated;
use crate::support::process::Process;
use crate::support::team::{NOW_MS, TestInstance, board, catalogue, events, story};

struct Fixture {
    archive: Arc<FaultyArchive>,
    clock: HandClock,
}

/// An instance over a journal of its own, with what copies its values.
struct Life {
    instance: TestInstance,
    values: Archiver,
}

impl Fixture {
    fn new() -> Self {
        Self { archive: FaultyArchive::new(), clock: HandClock::at(NOW_MS) }
    }

    /// Begins with an empty journal; an organisation is there to be asked, or not.
    async fn begin(&self, has_source: bool) -> Life {
        let retention = LogRetention { entries_max: 1_000_000, age_max: Duration::from_hours(10_000) };
        let store = Store::of(Arc::new(MemoryJournal::new(self.clock.clock(), retention)));
        let instance = TestInstance::over(&store, self.clock.clock()).await;
        let values = Archiver {
            archive: self.archive.clone(),
            instance: instance.instance.clone(),
            settle: Duration::from_millis(100),
            has_source,
        };
        Life { instance, values }
    }

    /// What the archive holds of a metric of the current board.
    async fn value(&self, metric: &str) -> Option<AnnouncedValue> {
        let values = self.archive.inner.saved_values().await.unwrap();
        values
            .into_iter()
            .find(|known| known.scope == board(1) && &*known.metric == metric)
            .map(|it| it.value)
    }
}

impl Life {
    /// Derives, and returns how many metrics were announced since the log began.
    async fn derive(&self) -> usize {
        self.instance.settled().await;
        self.instance.deriver.derive(board(1), AnnounceAt::Now).await.unwrap();
        self.instance.settled().await;
        let told = self.events().await;
        told.iter().filter(|event| event["type"] == "metric_changed").count()
    }

    /// The events since the log began.
    async fn events(&self) -> Vec<Value> {
        let records = self.instance.instance.journal.load().await.unwrap().records;
        let begin = records.into_iter().find(|(key, _)| *key == RecordKey::epoch()).unwrap().1.version;
        events(&self.instance.instance.journal, begin).await.into_iter().map(|(_, event)| event).collect()
    }

    /// Makes what was said a copy in the archive.
    async fn copy(&self) -> usize {
        let mut copied = Copied::of(&self.instance.instance.fold);
        self.values.copy(&mut copied).await.unwrap()
    }

    /// The organisation was compared with the boards, as a synchronisation does last.
    async fn compared(&self) {
        let at = Timestamp::from_epoch_ms(NOW_MS);
        let checked = SourceCheck { projects: [(board(1).project, at)].into(), ..SourceCheck::default() };
        let mut commit = CommitBuilder::new();
        commit.put(Change::Checked(Box::new(checked)), None);
        let commit = commit.build(Audience::Scope(Scope::project(board(1).project))).unwrap();
        let outcome = self.instance.instance.journal.commit(commit).await.unwrap();
        assert!(matches!(outcome, CommitOutcome::Committed(_)), "{outcome:?}");
        self.instance.settled().await;
    }

    async fn told(&self, metric: &str) -> Vec<(Value, Value)> {
        let of_metric = self.events().await.into_iter().filter(|event| event["metric"] == metric);
        of_metric.map(|event| (event["previous"].clone(), event["value"].clone())).collect()
    }
}

#[tokio::test]
async fn d10_a_board_whose_journal_was_lost_goes_on_from_what_was_last_said() {
    let fixture = Fixture::new();
    let before = fixture.begin(true).await;
    before.instance.learn(catalogue()).await;
    before.instance.hook(&story(1, 1, 1, "New", Some(5.0))).await;
    before.derive().await;
    assert!(before.copy().await > 0);
    drop(before);
    let after = fixture.begin(true).await;
    assert_eq!(after.values.seed().await, Ok(1));
    assert_eq!(after.values.seed().await, Ok(0), "once");
    // What is known is a part of what was known, until the organisation was compared.
    after.instance.learn(catalogue()).await;
    assert_eq!(after.derive().await, 0);
    after.instance.hook(&story(1, 1, 1, "New", Some(5.0))).await;
    assert_eq!(after.derive().await, 0);
    assert_eq!(after.copy().await, 0, "what came from the archive is not written back");
    after.compared().await;
    assert_eq!(after.derive().await, 0, "nothing is announced as new");
    after.instance.hook(&story(1, 2, 1, "New", Some(8.0))).await;
    after.derive().await;
    assert_eq!(after.told("points.total").await, [(json!(5), json!(8))], "the chain goes on");
}

#[tokio::test]
async fn d10_an_archive_that_knows_nothing_makes_no_storm() {
    let fixture = Fixture::new();
    let life = fixture.begin(true).await;
    assert_eq!(life.values.seed().await, Ok(0));
    life.instance.learn(catalogue()).await;
    life.instance.hook(&story(1, 1, 1, "New", Some(5.0))).await;
    assert_eq!(life.derive().await, 0, "first values are recorded silently");
}

#[tokio::test]
async fn d10_without_a_source_or_with_a_journal_that_holds_something_nothing_is_seeded() {
    let fixture = Fixture::new();
    let before = fixture.begin(true).await;
    before.instance.learn(catalogue()).await;
    before.derive().await;
    before.copy().await;
    let hooks_only = fixture.begin(false).await;
    assert_eq!(hooks_only.values.seed().await, Ok(0));
    assert_eq!(before.values.seed().await, Ok(0));
    fixture.clock.advance(Duration::from_hours(31 * 24));
    assert_eq!(fixture.begin(true).await.values.seed().await, Ok(0), "what is too old is of no use");
}

#[tokio::test]
async fn d12_what_was_said_is_copied_and_what_was_copied_is_not_written_again() {
    let fixture = Fixture::new();
    let life = fixture.begin(true).await;
    life.instance.learn(catalogue()).await;
    life.instance.hook(&story(1, 1, 1, "New", Some(5.0))).await;
    life.derive().await;
    let mut copied = Copied::of(&life.instance.instance.fold);
    let first = life.values.copy(&mut copied).await.unwrap();
    assert!(first > 1);
    assert_eq!(life.values.copy(&mut copied).await, Ok(0));
    life.instance.hook(&story(1, 2, 1, "New", Some(8.0))).await;
    life.derive().await;
    fixture.archive.set_down(true);
    life.values.copy(&mut copied).await.unwrap_err();
    fixture.archive.set_down(false);
    let second = life.values.copy(&mut copied).await.unwrap();
    assert!((1..first).contains(&second), "{second} of {first}");
    let eight = AnnouncedValue::Number(boardcast::domain::amount::Hundredths::whole(8));
    assert_eq!(fixture.value("points.total").await, Some(eight));
}

#[tokio::test]
async fn d12_copies_are_made_beside_the_announcements_which_never_wait_for_them() {
    let fixture = Fixture::new();
    fixture.archive.set_silent(true);
    let life = fixture.begin(true).await;
    life.instance.learn(catalogue()).await;
    let values = Arc::new(life.values);
    let copying = tokio::spawn(values.clone().follow());
    life.instance.hook(&story(1, 1, 1, "New", Some(5.0))).await;
    life.instance.settled().await;
    life.instance.deriver.derive(board(1), AnnounceAt::Now).await.unwrap();
    life.instance.settled().await;
    assert!(life.instance.instance.fold.read().last_announced(board(1), "points.total").is_some());
    assert!(life.instance.instance.fold.position() > Some(EntryId::ZERO));
    copying.abort();
    fixture.archive.set_silent(false);
    let copying = tokio::spawn(values.follow());
    while fixture.value("points.total").await.is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    copying.abort();
}

#[tokio::test]
async fn d12_the_executable_copies_to_the_tables_it_is_given_and_logs_no_secret() {
    let azurite = Azurite::shared().await;
    let process = Process::start(&[
        ("BOARDCAST_TABLES", &azurite.connection_string()),
        ("BOARDCAST_SETTLE_MS", "100"),
        ("BOARDCAST_LOG", "trace,azure_core=trace"),
    ])
    .await;
    assert_eq!(process.hook(&updated(13, 1, "New")).await.status, 200);
    let archive = azurite.archive("boardcast");
    eventually("nothing is copied", async || !archive.saved_values().await.unwrap().is_empty()).await;
    let log = process.log();
    assert!(log.contains("TRACE"), "nothing is logged in detail, so it proves nothing");
    for secret in [KEY, "SharedKey", "azure_core::"] {
        assert!(!log.contains(secret), "{:?}", log.lines().find(|line| line.contains(secret)));
    }
}
