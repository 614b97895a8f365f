//! Boards that people watch, on a stream or by asking again and again: they are kept fresh, and the targets of their
//! freshness, of reads, of loads and of the delivery are measured on them alone.

use std::sync::atomic::Ordering;
use std::time::Duration;

use boardcast::domain::degradation::Failure;
use boardcast::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::support::app::{HandClock, TestApp};
use crate::support::eventually;
use crate::support::hooks::updated;
use crate::support::source::{NOW_MS, Organization};

/// The addresses of two teams' boards.
const WEB: &str = "/api/snapshot?project=Fabrikam%20Fiber&team=Web";
const MOBILE: &str = "/api/snapshot?project=Fabrikam%20Fiber&team=Mobile%20Apps";

/// Every target there is.
const TARGETS: [&str; 5] = ["workItemsFreshness", "sprintsFreshness", "load", "hitRate", "delivery"];

/// Longer than it takes to look whether a check is due.
const A_LOOK: Duration = Duration::from_millis(1_200);

fn checked(app: &TestApp) -> Option<Timestamp> {
    app.app.instance.fold.read().checked().ended
}

async fn targets(app: &TestApp) -> Value {
    app.get("/api/health").await.json()["targets"].clone()
}

/// A metric of a target as it is scraped; `None` where there is no sample.
async fn scraped(app: &TestApp, name: &str, target: &str) -> Option<f64> {
    let text = app.get("/api/health/metrics").await.text().to_owned();
    let sample = format!("boardcast_target_{name}{{target=\"{target}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&sample)?.parse().ok())
}

#[tokio::test]
async fn fault_b14_a_board_that_is_polled_is_watched_until_its_last_read_is_as_old_as_data_may_be() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    app.get(WEB).await;
    let before = checked(&app);
    organization.clock.advance(Duration::from_secs(250));
    eventually("a board that is polled grows old", async || checked(&app) > before).await;
    app.quiet().await;

    // The answer that nothing changed is a read like any other.
    let etag = app.get(WEB).await.header("etag").unwrap().to_owned();
    organization.clock.advance(Duration::from_secs(200));
    let answer = app.request("GET", WEB, &[("if-none-match", &etag)], b"").await;
    assert_eq!(answer.status, 304);
    let before = checked(&app);
    organization.clock.advance(Duration::from_secs(250));
    eventually("304 is no reading", async || checked(&app) > before).await;

    let before = checked(&app);
    organization.clock.advance(Duration::from_secs(310));
    assert_eq!(app.get("/api/snapshot").await.status, 200);
    tokio::time::sleep(A_LOOK).await;
    assert_eq!(checked(&app), before, "nobody reads any more, and a directory shows no board");
}

#[tokio::test]
async fn fault_b15_a_read_is_a_hit_where_the_board_is_younger_than_its_soft_ttl() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    app.get("/api/snapshot").await;
    for _ in 0..3 {
        app.get(WEB).await;
    }
    let health = app.get("/api/health").await.json();
    assert_eq!((&health["cacheHitRate"], &health["reads"]["hitsMemory"]), (&json!(1.0), &json!(3)));
    *organization.way.refused.lock().unwrap() = Some(Failure::Server);
    organization.clock.advance(Duration::from_mins(6));
    app.get(WEB).await;
    let health = app.get("/api/health").await.json();
    assert_eq!((&health["cacheHitRate"], &health["reads"]["stale"]), (&json!(0.75), &json!(1)), "{health}");
    let rate = &health["targets"]["hitRate"];
    assert_eq!(
        (&rate["share"], &rate["met"], &rate["population"]["count"]),
        (&json!(0.75), &json!(false), &json!(4))
    );
    app.get("/api/snapshot?project=nobody").await;
    assert_eq!(app.get("/api/health").await.json()["cacheHitRate"], 0.6, "what is not there is a miss");
}

#[tokio::test]
async fn fault_b15_of_a_board_that_hooks_alone_tell_of_nobody_can_say_how_old_it_is() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    assert_eq!(app.get("/api/snapshot?project=fabrikam").await.status, 200);
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    let health = app.get("/api/health").await.json();
    assert_eq!((&health["cacheHitRate"], &health["reads"]["undated"]), (&Value::Null, &json!(2)));
    assert_eq!(health["targets"]["hitRate"]["met"], Value::Null);
}

#[tokio::test]
async fn fault_b15_p7_a_target_of_which_nothing_was_measured_is_not_met() {
    let app = TestApp::start().await;
    app.settled().await;
    let targets = targets(&app).await;
    for name in TARGETS {
        let target = &targets[name];
        assert_eq!((&target["met"], &target["share"]), (&Value::Null, &Value::Null), "{name}: {target}");
        assert_eq!(
            (&target["population"]["count"], &target["population"]["windowMs"]),
            (&json!(0), &json!(3_600_000))
        );
        assert!(target["population"]["of"].as_str().is_some_and(|of| of.len() > 20), "{target}");
        assert_eq!(scraped(&app, "met", name).await, None);
        assert_eq!(scraped(&app, "samples", name).await, Some(0.0));
    }
    let limits = TARGETS.map(|name| targets[name]["target"].clone());
    let expected = [
        json!({ "belowMs": 300_000, "shareAtLeast": 0.99 }),
        json!({ "belowMs": 1_800_000, "shareAtLeast": 0.99 }),
        json!({ "belowMs": 2_000, "shareAtLeast": 0.95 }),
        json!({ "shareAbove": 0.8 }),
        json!({ "belowMs": 1_000, "shareAtLeast": 0.95 }),
    ];
    assert_eq!(limits, expected);
}

#[tokio::test]
async fn fault_b15_p7_freshness_is_that_of_the_boards_that_people_watch() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let sampled = async || {
        tokio::time::sleep(A_LOOK).await;
        organization.clock.advance(Duration::from_secs(10));
        tokio::time::sleep(A_LOOK).await;
        let targets = targets(&app).await;
        ["workItemsFreshness", "sprintsFreshness"]
            .map(|name| targets[name]["population"]["count"].as_u64().unwrap())
    };
    assert_eq!(sampled().await, [0, 0], "nobody watches");
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    reader.next_of("snapshot").await;
    assert_eq!(sampled().await, [1, 1], "one watches one of three boards");
    app.get(MOBILE).await;
    assert_eq!(sampled().await, [3, 3], "somebody polls another");
    let met = targets(&app).await;
    assert_eq!(
        (&met["workItemsFreshness"]["met"], &met["sprintsFreshness"]["met"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(scraped(&app, "met", "workItemsFreshness").await, Some(1.0));

    *organization.way.refused.lock().unwrap() = Some(Failure::Server);
    organization.clock.advance(Duration::from_mins(6));
    assert_eq!(sampled().await, [5, 5], "two looks at one board: who polled is gone");
    let targets = targets(&app).await;
    let old = &targets["workItemsFreshness"];
    assert_eq!((&old["met"], &old["share"]), (&json!(false), &json!(0.6)), "{old}");
    assert_eq!(targets["sprintsFreshness"]["met"], true, "sprints may be half an hour old");
    assert_eq!(scraped(&app, "met", "workItemsFreshness").await, Some(0.0));
    assert_eq!(scraped(&app, "share", "workItemsFreshness").await, Some(0.6));
}

#[tokio::test]
async fn fault_b15_p7_a_load_lasts_until_there_is_a_board_with_numbers() {
    let organization = Organization::start().await;
    organization.way.items_are_silent.store(true, Ordering::SeqCst);
    let app = organization.builder().start().await;
    eventually("no board is known", async || app.get(WEB).await.status == 200).await;
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    assert_eq!(reader.next_of("snapshot").await["level"], "none");
    assert_eq!(
        targets(&app).await["load"]["population"]["count"],
        0,
        "a board without numbers is none to look at"
    );
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    organization.way.items_are_silent.store(false, Ordering::SeqCst);
    while reader.next_of("snapshot").await["level"] != "full" {}
    eventually("the load is not measured", async || targets(&app).await["load"]["population"]["count"] == 1)
        .await;
    assert_eq!(targets(&app).await["load"]["met"], false, "it took more than two seconds");
    app.quiet().await;
    for _ in 0..19 {
        let answer = app.get(WEB).await;
        let etag = answer.header("etag").unwrap();
        assert_eq!(app.request("GET", WEB, &[("if-none-match", etag)], b"").await.status, 304);
    }
    let load = &targets(&app).await["load"];
    assert_eq!(
        (&load["population"]["count"], &load["met"]),
        (&json!(20), &json!(true)),
        "nineteen of twenty: {load}"
    );
    assert_eq!(scraped(&app, "share", "load").await, Some(0.95));
}

#[tokio::test]
async fn fault_b15_p7_the_delivery_is_that_of_the_last_hour() {
    let clock = HandClock::at(NOW_MS);
    let app = TestApp::builder().clock(clock.clone()).start().await;
    let mut reader = app.stream("").await;
    reader.next_of("connected").await;
    app.hook(&updated(13, 1, "New")).await;
    reader.next_of("workitem_changed").await;
    let delivery = &targets(&app).await["delivery"];
    assert!(delivery["population"]["count"].as_u64() >= Some(1) && delivery["met"] == true, "{delivery}");
    clock.advance(Duration::from_mins(70));
    assert_eq!(targets(&app).await["delivery"]["met"], Value::Null);
}

#[tokio::test]
async fn fault_b15_p7_what_a_reader_missed_is_neither_a_delivery_nor_a_load() {
    let clock = HandClock::at(NOW_MS);
    let app = TestApp::builder().clock(clock.clone()).start().await;
    let nobody = app.stream("").await;
    app.settled().await;
    let before = app.app.instance.fold.position().unwrap();
    drop(nobody);
    app.hook(&updated(13, 1, "New")).await;
    app.quiet().await;
    clock.advance(Duration::from_mins(10));
    let missed = targets(&app).await;
    let mut back = app.stream_from(&before.to_string()).await;
    assert_eq!(back.next_of("connected").await["resumed"], true);
    back.next_of("workitem_changed").await;
    back.next_of("snapshot").await;
    let now = targets(&app).await;
    assert_eq!((&now["delivery"], &now["load"]), (&missed["delivery"], &missed["load"]));
    app.hook(&updated(13, 2, "Active")).await;
    back.next_of("workitem_changed").await;
    assert_eq!(targets(&app).await["delivery"]["met"], true);
}
