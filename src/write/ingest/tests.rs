//! The write path over the memory journal: once, whatever is repeated, late or raced for.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::*;
use crate::board::projection::Projection;
use crate::domain::owner::Owner;
use crate::domain::record::delta::Delta;
use crate::domain::scope::Audience;
use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};
use crate::domain::sprint::work_item::WorkItem;
use crate::domain::stored::Stored;
use crate::domain::testing::{item, other_project, project, with_details};
use crate::journal::memory::MemoryJournal;
use crate::journal::{CommitOutcome, EntryId, Journal as _, LogRetention, NewEntry, RecordKey, Store};
use crate::platform::clock::Clock;

struct Fixture {
    ingest: Ingest,
    journal: Arc<MemoryJournal>,
    /// The entry that the log begins with, so that there is a position to follow it from.
    begin: EntryId,
}

/// Appends a silent entry; returns its id.
async fn begin_log(journal: &MemoryJournal) -> EntryId {
    let entries = vec![NewEntry { audience: Audience::Everyone, event: None, delta: None }];
    journal.commit(Commit { entries, ..Commit::default() }).await.unwrap();
    journal.load().await.unwrap().position
}

impl Fixture {
    async fn new() -> Self {
        let clock: Clock = Arc::new(|| Timestamp::from_epoch_ms(1_000_000));
        let journal = Arc::new(MemoryJournal::new(clock.clone(), LogRetention::DEFAULT));
        let begin = begin_log(&journal).await;
        let instance = Instance::new(&Store::of(journal.clone()), Owner::hooks_alone(None), clock, false);
        let ingest = Ingest { instance };
        Self { ingest, journal, begin }
    }

    /// Loads what the journal holds into the fold, as the relay does when it begins.
    async fn load(&self) {
        let loaded = self.journal.load().await.unwrap();
        self.ingest.instance.fold.reset(Projection::from_records(loaded).0);
    }

    async fn observe(&self, observation: &Observation) -> Ingested {
        self.try_observe(observation).await.unwrap()
    }

    async fn try_observe(&self, observation: &Observation) -> Result<Ingested, CommitError> {
        let provenance = Provenance {
            source: Cause::Webhook,
            received_at: Timestamp::from_epoch_ms(7),
            collection: None,
            trace_id: None,
        };
        self.ingest.observe(observation, &provenance).await
    }

    /// Begins to observe the first revision of an item, and gets as far as it can.
    async fn begin_to_observe(self: &Arc<Self>) -> JoinHandle<Result<Ingested, CommitError>> {
        let fixture = self.clone();
        let observing = tokio::spawn(async move { fixture.try_observe(&item(13, 1, |_| {})).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        observing
    }

    /// The log: for each entry its events as JSON, or null for a silent one.
    async fn log(&self) -> Vec<serde_json::Value> {
        let entries = self.ingest.instance.journal.tail(self.begin, 10_000).await;
        let json = |event: &Option<Bytes>| {
            event.as_ref().map_or(serde_json::Value::Null, |json| serde_json::from_slice(json).unwrap())
        };
        entries.unwrap_or_default().iter().map(|entry| json(&entry.content.event)).collect()
    }

    async fn record(&self) -> WorkItem {
        let record =
            self.ingest.instance.journal.read(&[RecordKey::item(item(13, 1, |_| {}).id)]).await.unwrap();
        WorkItem::decode(&record[0].as_ref().unwrap().value).unwrap()
    }
}

// The fold of the fixture stays empty, so every commit after the first of an item conflicts and has to be built anew
// from the value that won.

#[tokio::test(start_paused = true)]
async fn a_change_is_announced_once() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.observe(&item(13, 2, |_| {})).await, Ingested::Committed { events: 1 });
    assert_eq!(fixture.observe(&item(13, 2, |_| {})).await, Ingested::Known);
    let journal = fixture.ingest.instance.journal.load().await.unwrap();
    assert_eq!(journal.records.len(), 1);
    assert_eq!(
        journal.records[0].1.version, journal.position,
        "the version is the id of the commit's last entry"
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_revision_is_kept_and_not_announced() {
    let fixture = Fixture::new().await;
    fixture.observe(&item(13, 3, |_| {})).await;
    assert_eq!(fixture.observe(&item(13, 2, |_| {})).await, Ingested::Committed { events: 0 });
    assert_eq!(fixture.record().await.revisions().map(|(rev, _)| rev).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_move_is_one_entry_for_each_board_in_one_commit() {
    let fixture = Fixture::new().await;
    fixture.observe(&item(13, 1, |_| {})).await;
    let moved = item(13, 2, |facts| facts.project = other_project());
    assert_eq!(fixture.observe(&moved).await, Ingested::Committed { events: 2 });
}

#[tokio::test(start_paused = true)]
async fn writers_of_one_item_lose_nothing_to_each_other() {
    let fixture = Arc::new(Fixture::new().await);
    let writers: Vec<_> = (1..=6)
        .map(|rev| {
            let fixture = fixture.clone();
            tokio::spawn(async move { fixture.observe(&item(13, rev, |_| {})).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(fixture.record().await.revisions().count(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_event_says_when_and_where_from() {
    let fixture = Fixture::new().await;
    fixture.observe(&item(13, 2, |_| {})).await;
    let log = fixture.log().await;
    assert_eq!(log[0]["timestamp"], 1_000_000);
    assert_eq!(log[0]["changedAt"], 2_000);
    assert_eq!(log[0]["receivedAt"], 7);
    assert_eq!(log[0]["source"], "webhook");
    assert_eq!(log[0]["dataAsOf"], 2_000);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_would_be_too_large_sends_its_readers_to_the_board() {
    let fixture = Fixture::new().await;
    let large =
        with_details(&item(13, 1, |_| {}), |details| details.tags = vec!["t".repeat(40_000).as_str().into()]);
    assert_eq!(fixture.observe(&large).await, Ingested::Committed { events: 1 });
    let log = fixture.log().await;
    assert_eq!(log[0]["fields"], serde_json::json!({}));
    assert_eq!(log[0]["item"], serde_json::Value::Null);
    assert_eq!(log[0]["url"], "/api/snapshot?project=be9b3917-87e6-42a4-a549-2bc06a7a878f&team=-");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_decoded_is_replaced() {
    let fixture = Fixture::new().await;
    let key = RecordKey::item(item(13, 1, |_| {}).id);
    let entries = vec![NewEntry { audience: Audience::Everyone, event: None, delta: None }];
    let broken = Commit { checks: vec![], writes: vec![(key, Some("{".into()))], entries };
    fixture.ingest.instance.journal.commit(broken).await.unwrap();
    assert_eq!(fixture.observe(&item(13, 1, |_| {})).await, Ingested::Committed { events: 1 });
    assert_eq!(fixture.record().await, item(13, 1, |_| {}));
}

/// Writes what is known of the tests' team, as a synchronisation does.
async fn commit_team(fixture: &Fixture) -> EntryId {
    let team = catalogue().key();
    let guard = RecordKey::teams_of_project(team.project);
    let delta = Delta { writes: vec![guard.to_string()], catalogues: vec![catalogue()], ..Delta::default() };
    let commit = Commit {
        checks: vec![],
        writes: vec![(guard, Some("1".into())), (RecordKey::team(team), Some(catalogue().encode().into()))],
        entries: vec![NewEntry {
            audience: Audience::Scope(team.scope(None)),
            event: None,
            delta: Some(delta.encode().into()),
        }],
    };
    let CommitOutcome::Committed(ids) = fixture.ingest.instance.journal.commit(commit).await.unwrap() else {
        panic!("a conflict")
    };
    ids[0]
}

/// Follows the log into the fixture's fold, as the relay does.
async fn follow(fixture: &Fixture, after: EntryId) {
    let entries = fixture.ingest.instance.journal.tail(after, 10_000).await.unwrap();
    fixture.ingest.instance.fold.apply(&entries);
}

#[tokio::test(start_paused = true)]
async fn an_item_is_placed_by_the_team_as_it_is_known_when_it_is_committed() {
    let fixture = Arc::new(Fixture::new().await);
    fixture.load().await;
    commit_team(&fixture).await;
    // The fold does not know the team yet, and the commit must not be made without it.
    let observing = fixture.begin_to_observe().await;
    follow(&fixture, fixture.begin).await;
    assert_eq!(observing.await.unwrap(), Ok(Ingested::Committed { events: 1 }));
    let log = fixture.log().await;
    assert_eq!(log[1]["sprintId"], sprint_id().to_string());
    assert_eq!(log[1]["stateCategory"], serde_json::json!({ "old": null, "new": "Proposed" }));
    assert_eq!(log[1]["item"]["stateCategory"], "Proposed");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_before_this_instance_has_read_it() {
    let fixture = Arc::new(Fixture::new().await);
    fixture.load().await;
    let observing = fixture.begin_to_observe().await;
    let committed = fixture.record().await;
    assert!(!observing.is_finished());
    // Another hook of the same change finds it in the journal, and has to wait as well.
    let repeated = fixture.begin_to_observe().await;
    assert!(!repeated.is_finished());
    follow(&fixture, fixture.begin).await;
    assert_eq!(observing.await.unwrap(), Ok(Ingested::Committed { events: 1 }));
    assert_eq!(repeated.await.unwrap(), Ok(Ingested::Known));
    assert_eq!(committed, item(13, 1, |_| {}));
}

#[tokio::test(start_paused = true)]
async fn what_a_journal_lost_before_anybody_had_read_it_is_committed_again() {
    let fixture = Arc::new(Fixture::new().await);
    fixture.load().await;
    let observing = fixture.begin_to_observe().await;
    fixture.journal.lose_everything();
    let begin = begin_log(&fixture.journal).await;
    fixture.load().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(fixture.record().await, item(13, 1, |_| {}));
    follow(&fixture, begin).await;
    assert_eq!(observing.await.unwrap(), Ok(Ingested::Committed { events: 1 }));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_by_a_journal_that_went_away_before_it_could_be_read() {
    let fixture = Arc::new(Fixture::new().await);
    fixture.load().await;
    let observing = fixture.begin_to_observe().await;
    fixture.ingest.instance.fold.set_journal_status(JournalStatus::Away(Timestamp::from_epoch_ms(1)));
    let refused = observing.await.unwrap();
    assert!(matches!(refused, Err(CommitError::Journal(JournalError::Unavailable(_)))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_only_slow_is_not_waited_for_for_ever() {
    let fixture = Arc::new(Fixture::new().await);
    fixture.load().await;
    let observing = fixture.begin_to_observe().await;
    assert_eq!(observing.await.unwrap(), Ok(Ingested::Committed { events: 1 }));
}

#[tokio::test(start_paused = true)]
async fn many_changes_of_one_board_are_one_event() {
    let fixture = Fixture::new().await;
    fixture.observe(&item(1, 1, |_| {})).await;
    follow(&fixture, fixture.begin).await;
    let mut observations: Vec<WorkItem> = (2..=21).map(|number| item(number, 1, |_| {})).collect();
    let provenance = Provenance {
        source: Cause::Timer,
        received_at: Timestamp::default(),
        collection: None,
        trace_id: None,
    };
    let observe = |observations: Vec<WorkItem>| {
        let (ingest, provenance) = (&fixture.ingest, provenance.clone());
        async move { ingest.observe_all(&observations, &provenance).await.unwrap() }
    };
    assert_eq!(observe(observations.clone()).await, Ingested::Committed { events: 20 }, "each by itself");
    assert_eq!(observe(observations.clone()).await, Ingested::Known);
    // The 21 on one board are told at once, the one on the other board by itself.
    observations = (22..=41).map(|number| item(number, 1, |_| {})).collect();
    observations.push(item(1, 2, |facts| facts.project = other_project()));
    assert_eq!(observe(observations).await, Ingested::Committed { events: 2 });
    let log = fixture.log().await;
    let ids = |value: &serde_json::Value| {
        value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect::<BTreeSet<_>>()
    };
    let many = log.iter().find(|event| event["type"] == "workitems_updated").unwrap();
    assert_eq!(many["projectId"], project().to_string());
    assert_eq!((ids(&many["added"]), ids(&many["removed"])), ((22..=41).collect(), BTreeSet::from([1])));
    assert_eq!(many["changed"], serde_json::json!([]));
    assert_eq!(many["data"].as_array().unwrap().len(), 20);
}
