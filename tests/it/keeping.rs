//! Acknowledged means kept: what a sender is told when the journal fails, and what is there afterwards.

use std::sync::Arc;
use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::faults::{Fault, FaultyJournal};
use crate::support::hooks::updated;

async fn with_faults() -> (TestApp, Arc<FaultyJournal>) {
    TestApp::builder().start_over_faults().await
}

#[tokio::test]
async fn a_hook_that_cannot_be_kept_is_answered_with_503_and_kept_when_it_comes_again() {
    let (app, faults) = with_faults().await;
    faults.plan([Fault::FailBefore]);
    let refused = app.hook(&updated(13, 1, "New")).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["error"]["remedy"], "send it again");
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "applied");
}

#[tokio::test]
async fn a_commit_whose_reply_was_lost_is_found_by_the_repetition() {
    let (app, faults) = with_faults().await;
    let mut reader = app.stream("").await;
    faults.plan([Fault::FailAfter]);
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 503);
    app.settled().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "known");
    app.hook(&updated(14, 1, "New")).await;
    let numbers = [reader.next_of("workitem_changed").await, reader.next_of("workitem_changed").await];
    assert_eq!(numbers.map(|event| event["workItemId"].as_u64().unwrap()), [13, 14], "announced once");
}

#[tokio::test]
async fn a_commit_over_its_budget_is_refused_rather_than_waited_for() {
    let (app, faults) = with_faults().await;
    faults.plan([Fault::Delay(Duration::from_secs(3_600))]);
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 503);
}

#[tokio::test]
async fn a_reader_resumes_from_memory_while_the_journal_is_away_and_goes_on_when_it_is_back() {
    let (app, faults) = with_faults().await;
    app.hook(&updated(13, 1, "New")).await;
    app.hook(&updated(13, 2, "Active")).await;
    app.settled().await;
    let cursor = app.app.instance.fold.position().unwrap().to_string();
    faults.set_down(true);
    let mut reader = app.stream(&format!("lastEventId={cursor}")).await;
    assert_eq!(reader.next_of("connected").await["resumed"], true);
    assert_eq!(app.hook(&updated(13, 3, "Closed")).await.status, 503);
    faults.set_down(false);
    assert_eq!(app.hook(&updated(13, 3, "Closed")).await.status, 200);
    assert_eq!(reader.next_of("workitem_changed").await["rev"], 3);
}

#[tokio::test]
async fn hooks_for_one_item_that_arrive_at_once_lose_nothing_to_each_other() {
    let (app, _) = with_faults().await;
    let app = Arc::new(app);
    let senders: Vec<_> = (1..=5)
        .map(|rev| {
            let app = app.clone();
            tokio::spawn(async move { app.hook(&updated(13, rev, "Active")).await.status })
        })
        .collect();
    for sender in senders {
        assert_eq!(sender.await.unwrap(), 200);
    }
    app.settled().await;
    let board = app.get("/api/snapshot?project=fabrikam").await.json();
    assert_eq!((&board["items"][0]["rev"], &board["history"]), (&5.into(), &"complete".into()));
}
