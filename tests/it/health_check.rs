//! `HealthCheck`: alive, ready and how it is doing are three questions, and the third is the operator's.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boardcast::devops::hook::DeadLetter;
use boardcast::domain::scope::Audience;
use boardcast::domain::time::Timestamp;
use boardcast::functions::{self, Query, Request};
use boardcast::journal::{Commit, Journal, NewEntry, Store};
use boardcast::ops::vitals::{METRICS, ReadOutcome};
use boardcast::platform::clock;
use serde_json::{Value, json};

use crate::support::app::{Builder, DEADLINE, HandClock, TestApp};
use crate::support::faults::FaultyJournal;
use crate::support::hooks::updated;
use crate::support::http::Answer;

/// A Monday morning in New York, inside the window of the synchronisation.
const START_MS: i64 = 1_795_449_600_000;

async fn details(app: &TestApp) -> Value {
    let answer = app.get("/api/health").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Asks for the details until they hold what is waited for.
async fn details_with(app: &TestApp, holds: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        loop {
            let details = details(app).await;
            if holds(&details) {
                return details;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.expect("the details never held what was waited for")
}

async fn metrics(app: &TestApp) -> Samples {
    Samples::parse(app.get("/api/health/metrics").await.text())
}

#[tokio::test]
async fn live_asks_nothing_and_ready_asks_for_the_board() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/api/health/live").await.json()["status"], "live");
    app.settled().await;
    let ready = app.get("/api/health/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &"ready".into()));
    assert_eq!(ready.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(ready.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn the_root_answers_the_hosts_readiness_probe_and_leads_to_the_page_standalone() {
    let app = TestApp::start().await;
    let page = app.get("/").await;
    assert_eq!((page.status, page.header("location")), (307, Some("/api/dashboard")));
    // Whoever writes what the page is to show behind the shorter address is shown that.
    let page = app.get("/?team=Web&wall=30s").await;
    assert_eq!(page.header("location"), Some("/api/dashboard?team=Web&wall=30s"));
    let under_host = TestApp::builder().setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1").start().await;
    assert_eq!(under_host.get("/").await.status, 200, "the host probes it");
}

#[tokio::test]
async fn e16_head_is_answered_like_get_without_a_body_and_other_methods_are_not_allowed() {
    let app = TestApp::start().await;
    for path in ["/api/health", "/api/health/live", "/api/health/metrics", "/api/dashboard", "/api/snapshot"]
    {
        let head = app.request("HEAD", path, &[], b"").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(app.request("POST", path, &[], b"{}").await.status, 405, "{path}");
    }
    for path in ["/api/nothing", "/api/health/nothing", "/api/health/live/nothing"] {
        let missing = app.get(path).await;
        assert_eq!((missing.status, &missing.json()["error"]["code"]), (404, &"not_found".into()), "{path}");
    }
}

#[tokio::test]
async fn k7_four_numbers_stand_at_the_top_of_the_details() {
    let app = TestApp::start().await;
    app.settled().await;
    let at_first = details(&app).await;
    assert_eq!(at_first["sseConnections"], 0);
    for name in ["cacheHitRate", "avgApiResponseTime", "lastDataUpdate"] {
        assert_eq!(at_first.get(name), Some(&Value::Null), "{name}");
    }
    let mut reader = app.stream("").await;
    reader.next_of("connected").await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    app.get("/api/snapshot?project=nobody").await;
    let now = details(&app).await;
    assert_eq!(now["sseConnections"].as_u64(), Some(1));
    assert_eq!(now["cacheHitRate"], 0.0, "what is not there is no hit");
    assert!(now["avgApiResponseTime"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 20_000.0), "{now}");
    assert_eq!(now["lastDataUpdate"].as_u64(), app.app.instance.fold.position().map(|position| position.ms));
}

#[tokio::test]
async fn k7_the_rest_says_which_instance_this_is_and_what_it_holds() {
    let clock = HandClock::at(START_MS);
    let app = TestApp::builder().clock(clock.clone()).start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    clock.advance(Duration::from_millis(1_234));
    let details = details(&app).await;
    assert_eq!(
        (&details["uptimeMs"], &details["version"]),
        (&1_234.into(), &env!("CARGO_PKG_VERSION").into())
    );
    assert_eq!((&details["level"], &details["status"]), (&"full".into(), &"ready".into()));
    assert_eq!(
        (&details["webhook"], &details["inbox"]),
        (&"open".into(), &json!({ "oldestRowMs": null, "deposited": 0, "drained": 0 }))
    );
    let position = app.app.instance.fold.position().unwrap();
    assert_eq!(details["journal"]["position"], position.to_string());
    assert_eq!(details["journal"]["lagMs"], 0);
    let journal = &details["journal"];
    assert_eq!((&journal["kind"], &journal["reachesBackTo"]), (&"memory".into(), &START_MS.into()));
    assert!(
        journal["entries"].as_u64().is_some_and(|entries| entries >= 2),
        "the epoch and the item: {journal}"
    );
    let findings = journal["findings"].as_array().unwrap();
    assert!(findings[0].as_str().unwrap().contains("set BOARDCAST_REDIS_URL"), "{findings:?}");
    let reaches_back_to = metrics(&app).await.value("boardcast_journal_oldest_entry_time_seconds");
    assert_eq!(reaches_back_to, START_MS as f64 / 1_000.0);
    assert_eq!(details["journal"]["epoch"].as_str().map(str::len), Some(36));
    let board = &details["boards"][0];
    assert_eq!((&board["items"], board["updatedAt"].as_u64()), (&1.into(), Some(position.ms)));
    let other = TestApp::start().await;
    assert_ne!(
        details["instance"],
        self::details(&other).await["instance"],
        "each process has an id of its own"
    );
}

#[tokio::test]
async fn p1_p2_what_was_never_counted_is_null_and_never_a_number() {
    let app = TestApp::start().await;
    app.settled().await;
    let details = details(&app).await;
    let histograms =
        ["webhook", "snapshot", "dashboard", "timer"].map(|endpoint| format!("/requests/{endpoint}"));
    for histogram in histograms.iter().map(String::as_str).chain(["/delivery"]) {
        assert_eq!(details.pointer(&format!("{histogram}/count")), Some(&json!(0)), "{histogram}");
        for quantile in ["p50", "p95", "p99"] {
            assert_eq!(
                details.pointer(&format!("{histogram}/{quantile}")),
                Some(&Value::Null),
                "{histogram}"
            );
        }
    }
    for pointer in [
        "/targets/delivery/met",
        "/reads/rate5m",
        "/reads/rate1h",
        "/updates/data",
        "/updates/hook",
        "/updates/sync",
    ] {
        assert_eq!(details.pointer(pointer), Some(&Value::Null), "{pointer}");
    }
    for (name, value) in metrics(&app).await.values {
        assert!(value.is_finite() && value >= 0.0, "{name} is {value}");
    }
}

#[tokio::test]
async fn p3_reads_are_counted_by_outcome_and_their_rate_forgets() {
    let clock = HandClock::at(START_MS);
    let app = TestApp::builder().clock(clock.clone()).start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    for query in ["", "?project=fabrikam", "?project=fabrikam", "?project=nobody"] {
        app.get(&format!("/api/snapshot{query}")).await;
    }
    for _ in 0..3 {
        app.app.instance.vitals.reads.record(Timestamp::from_epoch_ms(START_MS), ReadOutcome::HitMemory);
    }
    assert_eq!(app.get("/api/snapshot?at=yesterday").await.status, 400);
    let reads = |details: &Value| details["reads"].clone();
    let now = details(&app).await;
    let counted = ["hitsMemory", "hitsRedis", "stale", "misses", "undated", "errors"]
        .map(|name| now["reads"][name].as_u64());
    let expected = [3, 0, 0, 1, 2, 0].map(Some);
    assert_eq!(counted, expected, "a malformed request is no read, and a directory none of a board");
    assert_eq!((&now["reads"]["rate5m"], &now["reads"]["rate1h"]), (&0.75.into(), &0.75.into()));
    assert_eq!(now["cacheHitRate"], 0.75);
    let definition = now["reads"]["definition"].as_str().unwrap().to_owned();
    assert!(
        definition.starts_with("(hitsMemory + hitsRedis) / (hitsMemory + hitsRedis + stale + misses)"),
        "{definition}"
    );
    clock.advance(Duration::from_secs(6 * 60));
    let later = reads(&details(&app).await);
    assert_eq!((&later["rate5m"], &later["rate1h"]), (&Value::Null, &0.75.into()));
    clock.advance(Duration::from_secs(60 * 60));
    let much_later = details(&app).await;
    assert_eq!((&much_later["cacheHitRate"], &much_later["reads"]["hitsMemory"]), (&Value::Null, &3.into()));
    let metrics = metrics(&app).await;
    assert_eq!(metrics.value("boardcast_reads_total{outcome=\"hit_memory\"}"), 3.0);
    assert_eq!(metrics.value("boardcast_reads_total{outcome=\"miss\"}"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn p3_a_read_before_the_journal_was_loaded_is_a_miss() {
    let app = without_a_journal(TestApp::builder()).start().await;
    let request = Request {
        method: http::Method::GET,
        query: Query::parse(""),
        headers: http::HeaderMap::new(),
        body: Box::pin(futures_util::stream::empty()),
    };
    assert_eq!(functions::snapshot::handle(&app.app, request).await.status(), 503);
    let total = app.app.instance.vitals.reads.total();
    assert_eq!((total[&ReadOutcome::Miss], total[&ReadOutcome::HitMemory]), (1, 0));
}

#[tokio::test]
async fn p4_each_endpoint_has_its_own_percentiles_and_a_stream_has_none() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let mut reader = app.stream("").await;
    reader.next_of("connected").await;
    for path in ["/api/snapshot", "/api/snapshot?project=fabrikam", "/api/dashboard", "/api/health/live"] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
    assert_eq!(app.get("/").await.status, 307);
    assert_eq!(app.request("POST", "/SyncTimer", &[], b"{\"Data\":{\"timer\":{}}}").await.status, 200);
    app.request("POST", "/api/snapshot", &[], b"{}").await;
    let requests = &details(&app).await["requests"];
    let counts: BTreeMap<_, _> = requests
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, row)| (name.as_str(), row["count"].as_u64()))
        .collect();
    let expected = [("webhook", 1), ("snapshot", 2), ("health", 1), ("dashboard", 1), ("timer", 1)];
    assert_eq!(counts, expected.into_iter().map(|(name, count)| (name, Some(count))).collect());
    for (endpoint, row) in requests.as_object().unwrap() {
        let quantiles = ["p50", "p95", "p99"].map(|name| row[name].as_f64().unwrap());
        assert!(quantiles.is_sorted() && quantiles[2] < 20_000.0, "{endpoint}: {row}");
    }
    drop(reader);
}

#[tokio::test]
async fn p4_p7_the_delivery_is_measured_against_its_target() {
    let app = TestApp::builder().clock(HandClock::at(START_MS)).start().await;
    let delivered = |ms| app.app.instance.vitals.delivered(Timestamp::from_epoch_ms(START_MS), ms);
    let delivery = async || details(&app).await;
    (0..100).for_each(|_| delivered(40));
    let fast = delivery().await;
    assert_eq!(
        (&fast["delivery"]["count"], &fast["targets"]["delivery"]["met"]),
        (&json!(100), &json!(true))
    );
    (0..100).for_each(|_| delivered(1_001));
    assert_eq!(delivery().await["targets"]["delivery"]["met"], false);
}

#[tokio::test]
async fn p5_open_streams_are_those_that_are_open() {
    let app = TestApp::start().await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        let mut reader = app.stream("").await;
        reader.next_of("connected").await;
        readers.push(reader);
    }
    let open = details(&app).await;
    assert_eq!((&open["sseConnections"], &open["streams"]["open"]), (&3.into(), &3.into()));
    assert_eq!(metrics(&app).await.value("boardcast_streams_open"), 3.0);
    drop(readers);
    let closed = details_with(&app, |details| details["sseConnections"] == 0).await;
    assert_eq!(closed["streams"]["opened"], 3);
}

#[tokio::test]
async fn p5_the_times_of_the_last_change_hook_and_synchronisation_are_told() {
    let clock = HandClock::at(START_MS);
    let app = TestApp::builder().clock(clock.clone()).start().await;
    app.settled().await;
    assert_eq!(details(&app).await["updates"], json!({ "data": null, "hook": null, "sync": null }));
    clock.advance(Duration::from_secs(1));
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "known");
    clock.advance(Duration::from_secs(1));
    let tick = br#"{"Data":{"timer":{"IsPastDue":false}},"Metadata":{}}"#;
    assert_eq!(app.request("POST", "/SyncTimer", &[], tick).await.status, 200);
    let updates = details(&app).await["updates"].clone();
    assert_eq!(
        updates,
        json!({ "data": START_MS + 1_000, "hook": START_MS + 2_000, "sync": START_MS + 3_000 })
    );
    let metrics = metrics(&app).await;
    assert_eq!(metrics.value("boardcast_last_data_update_time_seconds"), (START_MS + 1_000) as f64 / 1_000.0);
}

#[tokio::test]
async fn p5_a_hook_that_was_refused_is_not_the_last_hook() {
    let app = TestApp::builder().setting("BOARDCAST_WEBHOOK_SECRET", "now").start().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 401);
    let details = details(&app).await;
    assert_eq!((&details["updates"]["hook"], &details["hooks"]["denied"]), (&Value::Null, &1.into()));
}

/// An application whose journal never answers.
fn without_a_journal(builder: Builder) -> Builder {
    builder.layer(|store: Store| {
        let faulty = FaultyJournal::over(&store);
        faulty.set_down(true);
        faulty.in_front_of(store)
    })
}

#[tokio::test]
async fn p8_without_a_journal_it_is_alive_and_not_ready_and_says_so() {
    let app = without_a_journal(TestApp::builder()).start().await;
    assert_eq!(app.get("/api/health/live").await.status, 200);
    let ready = app.get("/api/health/ready").await;
    assert_eq!((ready.status, &ready.json()["journal"]), (503, &"not loaded yet".into()));
    let details = details(&app).await;
    assert_eq!((&details["status"], &details["level"]), (&"not ready".into(), &"none".into()));
    assert_eq!((&details["journal"]["position"], &details["journal"]["lagMs"]), (&Value::Null, &Value::Null));
    let metrics = metrics(&app).await;
    assert_eq!(metrics.value("boardcast_ready"), 0.0);
    assert!(!metrics.values.contains_key("boardcast_journal_lag_seconds"), "not known is no number");
}

#[tokio::test]
async fn p8_the_lag_is_not_known_while_the_log_cannot_be_read_and_known_as_soon_as_it_can() {
    let (app, journal) = TestApp::builder().start_over_faults().await;
    assert_eq!(details(&app).await["journal"]["lagMs"], 0);
    journal.set_down(true);
    // The wait for the next entry began before the outage; this entry ends it, and the next wait fails.
    let silent = NewEntry { audience: Audience::Everyone, event: None, delta: None };
    app.journal.commit(Commit { entries: vec![silent], ..Commit::default() }).await.unwrap();
    details_with(&app, |details| details["journal"]["lagMs"].is_null()).await;
    journal.set_down(false);
    details_with(&app, |details| details["journal"]["lagMs"] == 0).await;
}

fn assert_denied(answer: &Answer, remedy: &str, who: &str) {
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{who}");
    let error = answer.json()["error"].clone();
    assert_eq!(error["code"], "unauthorised", "{who}");
    assert!(error["remedy"].as_str().unwrap().contains(remedy), "{who}: {error}");
}

const FOR_THE_OPERATOR: [&str; 2] = ["/api/health", "/api/health/metrics"];
const FOR_EVERYBODY: [&str; 2] = ["/api/health/live", "/api/health/ready"];

#[tokio::test]
async fn p8_details_and_metrics_need_the_operators_key_and_nothing_else_does() {
    let app = TestApp::builder().setting("BOARDCAST_OPERATOR_KEY", "k3y:of=op").start().await;
    app.settled().await;
    for path in FOR_THE_OPERATOR {
        for headers in [
            &[][..],
            &[("authorization", "Bearer k3y:of=o")],
            &[("authorization", "Bearer k3y:of=op2")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Bearer")],
            &[("authorization", "k3y:of=op")],
            &[("authorization", "Basic k3y:of=op")],
            &[("x-boardcast-key", "")],
            &[("x-boardcast-key", "K3Y:OF=OP")],
            &[("x-boardcast-secret", "k3y:of=op")],
        ] {
            let answer = app.request("GET", path, headers, b"").await;
            assert_denied(
                &answer,
                "BOARDCAST_OPERATOR_KEY as `Authorization: Bearer`",
                &format!("{headers:?}"),
            );
        }
        for headers in [
            &[("authorization", "Bearer k3y:of=op")][..],
            &[("authorization", "bEARER   k3y:of=op")],
            &[("x-boardcast-key", "k3y:of=op")],
            &[("authorization", "Basic aG9vazpub3c="), ("x-boardcast-key", "k3y:of=op")],
        ] {
            assert_eq!(app.request("GET", path, headers, b"").await.status, 200, "{headers:?}");
        }
        assert_denied(&app.get(&format!("{path}?code=k3y:of=op&key=k3y:of=op")).await, "Bearer", "the query");
    }
    for path in FOR_EVERYBODY {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn p8_under_the_host_without_a_key_details_and_metrics_stay_closed() {
    let app = TestApp::builder().setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1").start().await;
    app.settled().await;
    for path in FOR_THE_OPERATOR {
        for headers in [&[][..], &[("authorization", "Bearer ")], &[("x-boardcast-key", "")]] {
            assert_denied(&app.request("GET", path, headers, b"").await, "set BOARDCAST_OPERATOR_KEY", path);
        }
    }
    for path in FOR_EVERYBODY {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn p8_health_says_why_the_webhook_is_closed() {
    let app = TestApp::builder()
        .setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1")
        .setting("BOARDCAST_OPERATOR_KEY", "key")
        .start()
        .await;
    let details = app.request("GET", "/api/health", &[("x-boardcast-key", "key")], b"").await.json();
    assert_eq!(details["webhook"], "closed: set BOARDCAST_WEBHOOK_SECRET");
}

#[tokio::test]
async fn p9_whatever_is_lost_refused_or_left_out_is_counted() {
    let clock = HandClock::at(START_MS);
    let app = TestApp::builder().clock(clock).start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let cursor = app.app.instance.fold.position().unwrap();
    app.stream("lastEventId=1-1").await.next_of("connected").await;
    app.stream(&format!("lastEventId={cursor}")).await.next_of("connected").await;
    let path = "/api/webhooks/azure-devops/workitem.updated";
    assert_eq!(app.request("POST", path, &[], b"{}").await.json()["outcome"], "dead_letter");
    let mut minimal = updated(14, 1, "New");
    minimal["resource"]["revision"] = Value::Null;
    assert_eq!(app.hook(&minimal).await.json()["outcome"], "dead_letter");
    let details = details(&app).await;
    assert_eq!((&details["streams"]["gaps"], &details["streams"]["resumed"]), (&1.into(), &1.into()));
    let counted = details["hooks"]["deadLetters"].as_object().unwrap();
    assert_eq!(counted.len(), DeadLetter::ALL.len(), "a reason that never occurred is told with 0");
    assert_eq!(
        (&counted["no_event_type"], &counted["minimal_payload"], &counted["empty"]),
        (&1.into(), &1.into(), &0.into())
    );
    let size = minimal.to_string().len();
    let expected = json!([
        { "at": START_MS, "reason": "minimal_payload", "size": size, "eventType": "workitem.updated" },
        { "at": START_MS, "reason": "no_event_type", "size": 2, "eventType": null },
    ]);
    assert_eq!(details["hooks"]["recentDeadLetters"], expected, "newest first");
    for (object, name) in [
        ("streams", "slow"),
        ("streams", "replayed"),
        ("streams", "shed"),
        ("streams", "endedByLifetime"),
        ("streams", "writesTimedOut"),
        ("journal", "logsLost"),
        ("journal", "undecodable"),
        ("hooks", "denied"),
        ("hooks", "refused"),
        ("hooks", "overloaded"),
        ("hooks", "mislabelled"),
    ] {
        assert_eq!(details[object][name], 0, "{object}.{name}");
    }
    assert_eq!((&details["suppressedChanges"], &details["panics"]), (&0.into(), &0.into()));
    let metrics = metrics(&app).await;
    for (name, value) in [
        ("boardcast_stream_gaps_total", 1.0),
        ("boardcast_streams_resumed_total", 1.0),
        ("boardcast_hooks_applied_total", 1.0),
        ("boardcast_hooks_dead_letter_total", 2.0),
        ("boardcast_dead_letters_total{reason=\"minimal_payload\"}", 1.0),
        ("boardcast_dead_letters_total{reason=\"too_large\"}", 0.0),
    ] {
        assert_eq!(metrics.value(name), value, "{name}");
    }
}

#[tokio::test]
async fn p8_the_metrics_are_a_text_that_prometheus_reads() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let answer = app.get("/api/health/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let samples = Samples::parse(answer.text());
    let told: BTreeSet<_> = samples.families.keys().map(String::as_str).collect();
    assert_eq!(told, METRICS.iter().map(|metric| metric.name).collect(), "the table, whole");
    let version = env!("CARGO_PKG_VERSION");
    let instance = details(&app).await["instance"].as_str().unwrap().to_owned();
    let info = format!("boardcast_instance_info{{version=\"{version}\",instance=\"{instance}\"}}");
    assert_eq!(samples.value(&info), 1.0);
    let of_hooks = "{endpoint=\"webhook\"}";
    assert_eq!(samples.value(&format!("boardcast_request_duration_seconds_count{of_hooks}")), 1.0);
}

#[tokio::test]
async fn p8_no_answer_of_health_holds_a_secret() {
    let (now, before, key, wrong) = ("s3cret-now", "s3cret-before", "s3cret-key", "s3cret-wrong");
    let app = TestApp::builder()
        .setting("BOARDCAST_WEBHOOK_SECRET", now)
        .setting("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", before)
        .setting("BOARDCAST_OPERATOR_KEY", key)
        .start()
        .await;
    let payload = updated(13, 1, "New").to_string();
    for secret in [now, before, wrong] {
        let headers = [("x-boardcast-secret", secret)];
        let path = format!("/api/webhooks/azure-devops/{wrong}?code={wrong}");
        app.request("POST", &path, &headers, payload.as_bytes()).await;
        app.request("POST", &path, &headers, b"{}").await;
    }
    app.settled().await;
    for path in FOR_THE_OPERATOR.into_iter().chain(FOR_EVERYBODY) {
        for offered in [key, wrong] {
            for headers in
                [[("x-boardcast-key", offered)], [("authorization", &*format!("Bearer {offered}"))]]
            {
                let answer = app.request("GET", &format!("{path}?code={wrong}"), &headers, b"").await;
                let all = format!("{}{}", answer.head, answer.text());
                assert!(!all.contains("s3cret"), "{path} tells a secret: {all}");
            }
        }
    }
}

/// A clock that panics once, when it is asked after it was told to. What asks it again and again is no request and goes on, for
/// each request is a task of its own.
fn clock_with_a_trap() -> (Arc<AtomicBool>, impl Fn() -> Timestamp + Send + Sync + 'static) {
    let (trap, clock) = (Arc::new(AtomicBool::new(false)), clock::system());
    let (set, asked_before) = (trap.clone(), Mutex::new(HashSet::new()));
    (trap, move || {
        let is_new = asked_before.lock().unwrap().insert(tokio::task::try_id());
        assert!(!is_new || !set.swap(false, Ordering::SeqCst), "the trap of this test");
        clock()
    })
}

#[tokio::test]
async fn w6_p9_a_panic_is_answered_and_counted_and_the_process_lives() {
    let (trap, clock) = clock_with_a_trap();
    let app = TestApp::builder().clock_fn(clock).start().await;
    app.settled().await;
    let hook = updated(13, 1, "New");
    for path in ["/api/webhooks/azure-devops/x", "/webhooks/azure-devops"] {
        trap.store(true, Ordering::SeqCst);
        let answer = app.request("POST", path, &[], hook.to_string().as_bytes()).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"internal".into()), "{path}");
    }
    for path in ["/api/health", "/api/snapshot?project=nobody"] {
        trap.store(true, Ordering::SeqCst);
        let answer = app.get(path).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (500, &"internal".into()), "{path}");
        assert!(!answer.text().contains("the trap of this test"), "{}", answer.text());
    }
    let details = details(&app).await;
    assert_eq!((&details["panics"], &details["requests"]["webhook"]["count"]), (&4.into(), &2.into()));
    assert_eq!(details["updates"]["hook"], Value::Null);
    assert_eq!(metrics(&app).await.value("boardcast_panics_total"), 4.0);
    assert_eq!(
        app.hook(&hook).await.json()["outcome"],
        "applied",
        "what was refused is taken when it comes again"
    );
}

#[tokio::test]
async fn w6_p9_a_reader_comes_back_after_a_panic() {
    let (trap, clock) = clock_with_a_trap();
    let app = TestApp::builder().setting("BOARDCAST_STREAMS_MAX", "1").clock_fn(clock).start().await;
    let mut reader = app.stream("").await;
    reader.next_of("connected").await;
    trap.store(true, Ordering::SeqCst);
    let answer = app.get("/api/sse/dashboard").await;
    assert_eq!((answer.status, answer.text()), (200, ":\n"), "any other status ends an EventSource");
    assert_eq!(details(&app).await["panics"], 1);
}

/// Prometheus' text format, read as strictly as its description is written and knowing nothing of the writer.
pub struct Samples {
    /// Kind of each metric.
    families: BTreeMap<String, String>,
    /// Value of each sample, by name and labels as they are written.
    values: BTreeMap<String, f64>,
}

impl Samples {
    pub fn parse(text: &str) -> Self {
        let mut samples = Self { families: BTreeMap::new(), values: BTreeMap::new() };
        let (mut helped, mut family) = (String::new(), String::new());
        assert!(text.ends_with('\n'), "the last line ends in a line feed");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, what) = help.split_once(' ').expect("a name and a text");
                assert!(is_name(name) && !what.is_empty(), "{line}");
                helped = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a name and a kind");
                assert_eq!(name, helped, "TYPE follows its HELP");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                family = name.to_owned();
                assert!(
                    samples.families.insert(family.clone(), kind.to_owned()).is_none(),
                    "{name} comes twice"
                );
            } else {
                let (sample, value) = line.rsplit_once(' ').expect("a sample and its value");
                let (name, labels) = sample.split_once('{').map_or((sample, ""), |(name, labels)| {
                    (name, labels.strip_suffix('}').expect("labels end in a brace"))
                });
                assert!(is_name(name), "{line}");
                labels.split_terminator("\",").for_each(|label| assert_label(label, line));
                let suffixes: &[&str] = match samples.families[&family].as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                let belongs = suffixes.iter().any(|suffix| format!("{family}{suffix}") == name);
                assert!(belongs, "`{line}` stands below {family}");
                let value = value.parse().expect("a number");
                assert!(samples.values.insert(sample.to_owned(), value).is_none(), "{sample} comes twice");
            }
        }
        samples.check_histograms();
        samples
    }

    /// Buckets grow with their bound, and the last is the count.
    fn check_histograms(&self) {
        for (name, count) in self.values.iter().filter(|(name, _)| name.contains("_count")) {
            let (family, labels) = name.split_once("_count").unwrap();
            let labels = labels.trim_matches(['{', '}']);
            let separator = if labels.is_empty() { "" } else { "," };
            let prefix = format!("{family}_bucket{{{labels}{separator}le=\"");
            let mut buckets: Vec<(f64, f64)> = self
                .values
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.strip_suffix("\"}")?, *value)))
                .map(|(bound, value)| (bound.parse().unwrap(), value))
                .collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by_key(|(_, value)| *value), "{name}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)), "{name}");
            assert!(self.values.contains_key(&name.replace("_count", "_sum")), "{name}");
        }
    }

    #[track_caller]
    fn value(&self, sample: &str) -> f64 {
        *self.values.get(sample).unwrap_or_else(|| panic!("no {sample} in {:?}", self.values.keys()))
    }
}

fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    name.starts_with(|c: char| legal(c) && !c.is_ascii_digit()) && name.chars().all(legal)
}

fn assert_label(label: &str, line: &str) {
    let (key, value) = label.trim_end_matches('"').split_once("=\"").expect("a key and a quoted value");
    assert!(is_name(key) && !key.contains(':') && !value.contains(['"', '\\', '\n']), "{line}");
}
