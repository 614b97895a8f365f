//! While the journal is away hooks are kept in the archive, and they are on the board when it is back: once each.

use std::sync::Arc;
use std::time::Duration;

use boardcast::archive::{Archive, Deposit};
use boardcast::board::projection::Projection;
use boardcast::domain::scope::CollectionId;
use boardcast::domain::time::Timestamp;
use boardcast::journal::{EntryId, Journal, JournalError};
use boardcast::write::inbox::{Inbox, Round};
use boardcast::write::ingest::Provenance;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::archive::FaultyArchive;
use crate::support::azurite::Azurite;
use crate::support::eventually;
use crate::support::faults::{Fault, FaultyJournal};
use crate::support::hooks::{observation, provenance, updated};
use crate::support::team::events;

async fn with_archive(archive: Arc<dyn Archive>) -> (TestApp, Arc<FaultyJournal>) {
    TestApp::builder().archive(archive).start_over_faults().await
}

async fn revisions(app: &TestApp) -> Vec<(u64, u64)> {
    let board = app.get("/api/snapshot?project=fabrikam").await.json();
    let items = board["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| (item["id"].as_u64().unwrap(), item["rev"].as_u64().unwrap())).collect()
}

/// The revisions that were announced, in order.
async fn announced(app: &TestApp) -> Vec<Value> {
    let journal: Arc<dyn Journal> = app.journal.clone();
    let mut told = Vec::new();
    for (_, event) in events(&journal, first(&journal).await).await {
        if event["type"] == "workitem_changed" {
            told.push(json!([event["workItemId"], event["rev"]]));
        }
    }
    told
}

/// The entry that begins the log.
async fn first(journal: &Arc<dyn Journal>) -> EntryId {
    let records = journal.load().await.unwrap().records;
    let epoch = boardcast::journal::RecordKey::epoch();
    records.into_iter().find(|(key, _)| *key == epoch).unwrap().1.version
}

#[tokio::test]
async fn hooks_during_an_outage_of_the_journal_are_kept_and_on_the_board_after_it() {
    for archive in
        [FaultyArchive::new() as Arc<dyn Archive>, Azurite::shared().await.archive(&Azurite::fresh_prefix())]
    {
        let (app, journal) = with_archive(archive.clone()).await;
        app.hook(&updated(13, 1, "New")).await;
        journal.set_down(true);
        for (id, rev) in [(13, 3), (14, 1), (13, 2)] {
            let answer = app.hook(&updated(id, rev, "Active")).await;
            assert_eq!((answer.status, &answer.json()["outcome"]), (200, &json!("kept")));
        }
        assert_eq!(archive.waiting(None, 10).await.unwrap().len(), 3);
        let details = app.get("/api/health").await.json();
        assert!(details["inbox"]["oldestRowMs"].is_u64(), "{}", details["inbox"]);
        journal.set_down(false);
        eventually("the inbox is not drained", async || archive.waiting(None, 1).await.unwrap().is_empty())
            .await;
        app.settled().await;
        assert_eq!(revisions(&app).await, [(13, 3), (14, 1)]);
        eventually("the details do not tell", async || {
            let inbox = app.get("/api/health").await.json()["inbox"].clone();
            inbox == json!({ "oldestRowMs": null, "deposited": 3, "drained": 3 })
        })
        .await;
    }
}

#[tokio::test]
async fn a_hook_whose_commit_lost_its_reply_is_kept_and_announced_once() {
    let archive = FaultyArchive::new();
    let (app, journal) = with_archive(archive.clone()).await;
    journal.plan([Fault::FailAfter]);
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "kept");
    eventually("the inbox is not drained", async || archive.waiting(None, 1).await.unwrap().is_empty()).await;
    app.settled().await;
    assert_eq!(announced(&app).await, [json!([13, 1])]);
}

#[tokio::test]
async fn the_inbox_is_drained_while_commits_are_taken_though_the_store_is_not_well() {
    let archive = FaultyArchive::new();
    let (app, journal) = with_archive(archive.clone()).await;
    let instance = &app.app.instance;
    let no_lease: Result<(), _> = Err(JournalError::Unavailable("a planned fault".into()));
    let is_told_unwell = || {
        instance.writes.note("a lease", &no_lease);
        instance.fold.journal_status().cut_off().is_some()
    };
    eventually("readers are not told", async || is_told_unwell()).await;
    // Of more than one commit, because some are of those who try whether they are taken.
    journal.plan([Fault::FailBefore; 3]);
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "kept");
    eventually("the inbox is not drained", async || {
        assert!(is_told_unwell(), "it waited until all was well");
        archive.waiting(None, 1).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_drainer_that_dies_between_ingesting_and_removing_applies_once() {
    let archive = FaultyArchive::new();
    let (app, _) = with_archive(FaultyArchive::new()).await;
    let vitals = app.app.instance.vitals.clone();
    let inbox = Inbox::new(archive.clone(), app.app.ingest.clone());
    inbox.keep(&observation(&updated(13, 1, "New")), &provenance()).await.unwrap();
    archive.set_keeps_deposits(true);
    assert_eq!(inbox.drain_once().await, Round::Stuck);
    app.settled().await;
    assert_eq!(revisions(&app).await, [(13, 1)], "it is ingested before it is removed");
    assert_eq!((archive.waiting(None, 1).await.unwrap().len(), vitals.inbox_drained.value()), (1, 0));
    // Another instance, later.
    archive.set_keeps_deposits(false);
    let other = Inbox::new(archive.clone(), app.app.ingest.clone());
    assert_eq!(other.drain_once().await, Round::Empty);
    assert_eq!(archive.waiting(None, 1).await, Ok(vec![]));
    app.settled().await;
    assert_eq!(announced(&app).await, [json!([13, 1])]);
}

#[tokio::test]
async fn what_cannot_be_ingested_stays_where_it_is() {
    let archive = FaultyArchive::new();
    let (app, journal) = with_archive(FaultyArchive::new()).await;
    let inbox = Inbox::new(archive.clone(), app.app.ingest.clone());
    for (id, ms) in [(13, 1), (14, 2)] {
        let provenance = Provenance { received_at: Timestamp::from_epoch_ms(ms), ..provenance() };
        inbox.keep(&observation(&updated(id, 1, "New")), &provenance).await.unwrap();
    }
    journal.set_down(true);
    assert_eq!(inbox.drain_once().await, Round::Stuck);
    assert_eq!((archive.waiting(None, 9).await.unwrap().len(), archive.calls("remove")), (2, 0));
    journal.set_down(false);
    assert_eq!(inbox.drain_once().await, Round::Empty);
    assert_eq!(archive.waiting(None, 9).await, Ok(vec![]));
}

#[tokio::test]
async fn a_deposit_of_another_collection_is_a_dead_letter_and_stops_nothing() {
    let archive = FaultyArchive::new();
    let (app, _) = with_archive(FaultyArchive::new()).await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let vitals = app.app.instance.vitals.clone();
    let inbox = Inbox::new(archive.clone(), app.app.ingest.clone());
    let collection = CollectionId::parse("d12d0eb8-e382-443b-9f9c-c52cba5014c2");
    let foreign = Provenance { collection, ..provenance() };
    inbox.keep(&observation(&updated(14, 1, "New")), &foreign).await.unwrap();
    let ours = Provenance { collection: app.app.instance.fold.read().collection(), ..provenance() };
    inbox.keep(&observation(&updated(15, 1, "New")), &ours).await.unwrap();
    assert_eq!(inbox.drain_once().await, Round::Empty);
    app.settled().await;
    assert_eq!(revisions(&app).await, [(13, 1), (15, 1)]);
    assert_eq!((archive.waiting(None, 1).await, vitals.hooks_dead_letter.value()), (Ok(vec![]), 1));
}

#[tokio::test]
async fn w7_with_journal_and_archive_away_a_hook_is_answered_with_503_in_time() {
    let archive = FaultyArchive::new();
    let (app, journal) = with_archive(archive.clone()).await;
    journal.set_down(true);
    archive.set_down(true);
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 503);
    archive.set_down(false);
    archive.set_silent(true);
    let began = std::time::Instant::now();
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 503);
    // It is the budgets of both that end it: what is silent answers never.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(app.app.instance.vitals.hooks_deposited.value(), 0);
    archive.set_silent(false);
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "kept");
}

/// A deposit of an observation that was received then, for the journal of that epoch.
fn deposit(id: u32, received_at: Timestamp, epoch: &str) -> Deposit {
    Deposit {
        observation: observation(&updated(id, 1, "New")),
        received_at,
        collection: None,
        trace_id: None,
        epoch: Some(epoch.into()),
    }
}

#[tokio::test]
async fn fault_a1_what_waits_for_another_journal_is_taken_and_left_for_those_who_follow_that() {
    let archive = FaultyArchive::new();
    let (app, _) = with_archive(FaultyArchive::new()).await;
    let inbox = Inbox::new(archive.clone(), app.app.ingest.clone());
    let now = (app.app.instance.clock)();
    archive.deposit(&deposit(13, now, "another journal")).await.unwrap();
    let lost = Timestamp::from_epoch_ms(now.epoch_ms() - 8 * 24 * 3_600_000);
    archive.deposit(&deposit(14, lost, "a journal of which nobody heard for a week")).await.unwrap();
    inbox.keep(&observation(&updated(15, 1, "New")), &provenance()).await.unwrap();
    assert_eq!(inbox.drain_once().await, Round::Empty);
    app.settled().await;
    assert_eq!(revisions(&app).await, [(13, 1), (14, 1), (15, 1)]);
    let left = archive.waiting(None, 9).await.unwrap();
    assert_eq!(left.iter().map(|(_, left)| left.observation.id.number()).collect::<Vec<_>>(), [13]);
    assert_eq!(app.app.instance.vitals.inbox_oldest.value(), None, "it is not this instance's to take");
    assert_eq!(inbox.drain_once().await, Round::Empty, "and it is not taken again and again");
    assert_eq!(app.app.instance.vitals.inbox_drained.value(), 2);
}

#[tokio::test]
async fn nothing_is_left_to_others_by_who_does_not_know_yet_which_journal_this_is() {
    let archive = FaultyArchive::new();
    let (app, _) = with_archive(FaultyArchive::new()).await;
    let fold = &app.app.instance.fold;
    let inbox = Inbox::new(archive.clone(), app.app.ingest.clone());
    inbox.keep(&observation(&updated(13, 1, "New")), &provenance()).await.unwrap();
    let loaded = fold.read().clone();
    assert!(loaded.epoch().is_some());
    fold.reset(Projection::default());
    assert_eq!(inbox.drain_once().await, Round::Stuck);
    fold.reset(loaded);
    assert_eq!(inbox.drain_once().await, Round::Empty);
    assert_eq!(archive.waiting(None, 1).await, Ok(vec![]));
}

#[tokio::test]
async fn fault_a5_what_stays_refused_hides_nothing_behind_it_and_is_set_aside() {
    let archive = FaultyArchive::new();
    let (app, journal) = with_archive(FaultyArchive::new()).await;
    let inbox = Inbox::new(archive.clone(), app.app.ingest.clone());
    let epoch = app.app.instance.fold.read().epoch().unwrap().to_owned();
    let at = |ms| Timestamp::from_epoch_ms((app.app.instance.clock)().epoch_ms() + ms);
    for n in 0..150_u32 {
        archive.deposit(&deposit(1_000 + n, at(n.into()), &epoch)).await.unwrap();
    }
    archive.deposit(&deposit(13, at(1_000), &epoch)).await.unwrap();
    journal.refuse_items_from(1_000);
    assert_eq!(inbox.drain_once().await, Round::Stuck);
    app.settled().await;
    assert_eq!(revisions(&app).await, [(13, 1)], "what is behind is taken in the first round");
    for _ in 0..4 {
        inbox.drain_once().await;
    }
    assert_eq!(archive.waiting(None, 1).await, Ok(vec![]));
    assert_eq!(archive.inner.all_set_aside().len(), 150);
    assert_eq!(app.app.instance.vitals.inbox_set_aside.value(), 150);
}

#[tokio::test]
async fn fault_a5_a_deposit_without_a_revision_is_not_decoded() {
    let whole = serde_json::to_value(deposit(13, Timestamp::from_epoch_ms(1), "e")).unwrap();
    assert!(serde_json::from_value::<Deposit>(whole.clone()).is_ok());
    let mut empty = whole;
    empty["observation"]["revisions"] = json!({});
    assert!(serde_json::from_value::<Deposit>(empty).is_err());
}
