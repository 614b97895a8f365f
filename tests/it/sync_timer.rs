//! `SyncTimer`: whatever the host sends, the reply is 200 with a JSON object that it can read, and inside the window
//! of the synchronisation it says what was found. By itself the server keeps the same schedule without a host.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use boardcast::board::projection::Projection;
use boardcast::domain::owner::Owner;
use boardcast::domain::schedule::SyncWindow;
use boardcast::domain::time::Timestamp;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::{LogRetention, Store};
use boardcast::ops::instance::Instance;
use boardcast::platform::clock::Clock;
use boardcast::sync::timer::{SyncReport, Synchronisation, run_on_schedule};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::app::{Builder, DEADLINE, HandClock, TestApp};
use crate::support::faults::FaultyJournal;
use crate::support::hooks::updated;
use crate::support::redis;

/// A Monday, 12:07 in New York.
const INSIDE: &str = "2026-11-23T12:07:00-05:00";

/// The day before, at the same time.
const SUNDAY: &str = "2026-11-22T12:07:00-05:00";

fn ms(time: &str) -> i64 {
    Timestamp::parse(time).unwrap().epoch_ms()
}

fn app_at(time: &str) -> (Builder, HandClock) {
    let clock = HandClock::at(ms(time));
    (TestApp::builder().clock(clock.clone()), clock)
}

async fn invoke(app: &TestApp, body: &[u8]) -> Value {
    let answer = app.request("POST", "/SyncTimer", &[("content-type", "application/json")], body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let reply = answer.json();
    assert!(reply["Outputs"].is_object() && reply["Logs"].is_array(), "{reply}");
    reply
}

/// Fires the timer as the host does, and returns the line for its log.
async fn fire(app: &TestApp, is_past_due: bool) -> String {
    let envelope = json!({
        "Data": { "timer": {
            "Schedule": { "AdjustForDST": true }, "ScheduleStatus": null, "IsPastDue": is_past_due
        } },
        "Metadata": { "sys": { "MethodName": "SyncTimer", "UtcNow": "2026-11-23T20:37:55.0625576Z" } }
    });
    let reply = invoke(app, envelope.to_string().as_bytes()).await;
    assert_eq!(reply["Logs"].as_array().unwrap().len(), 1, "{reply}");
    let line = reply["Logs"][0].as_str().unwrap().to_owned();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[tokio::test]
async fn s1_inside_the_window_it_says_what_is_on_the_boards() {
    let app = app_at(INSIDE).0.start().await;
    let nothing = fire(&app, false).await;
    assert!(nothing.starts_with("checked: the journal can be read, items: 0;"), "{nothing}");
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let one = fire(&app, false).await;
    let expected = "checked: the journal can be read, items: 1, newest change: 2026-11-23T08:00:00.663Z; \
                    no organisation is configured, hooks alone feed the boards";
    assert_eq!(one, expected);
}

#[tokio::test]
async fn s11_under_the_host_without_a_shared_journal_the_timer_leaves_it_to_each_process() {
    let (builder, _) = app_at(INSIDE);
    let app = builder.setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1").start().await;
    let line = fire(&app, false).await;
    assert!(line.starts_with("skipped: no shared journal"), "{line}");
    assert!(app.app.has_own_schedule(), "who leaves it to itself does it");
    let ready = app.get("/api/health/ready").await;
    assert_eq!(ready.status, 200);
    assert!(ready.json()["status"].as_str().unwrap().starts_with("degraded: no shared journal"));
    let redis = TestApp::builder()
        .setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1")
        .layer(|_| Store::of(redis::journal(redis::settings("redis://127.0.0.1:1", "own"))))
        .start()
        .await;
    assert!(!redis.app.has_own_schedule(), "with one the timer is kept to one instance for all");
}

#[tokio::test]
async fn s1_anything_else_is_answered_with_an_object_too() {
    let app = TestApp::start().await;
    for body in [&b""[..], b"{}", b"\xff", b"null", &vec![b' '; 100_000]] {
        let reply = invoke(&app, body).await;
        assert!(reply["Logs"][0].as_str().unwrap().starts_with("failed"), "{reply}");
    }
}

#[tokio::test]
async fn s1_a_run_that_is_past_due_is_made_up_for_inside_the_window_alone() {
    let (builder, clock) = app_at(INSIDE);
    let app = builder.start().await;
    let inside = fire(&app, true).await;
    assert!(inside.starts_with("checked") && inside.ends_with("(past due)"), "{inside}");
    clock.set(ms(SUNDAY));
    let outside = fire(&app, true).await;
    let expected = "skipped: the weekday is outside `*/15 8-18 * * 1-5` in America/New_York (past due)";
    assert_eq!(outside, expected);
}

#[tokio::test]
async fn s2_the_day_is_from_eight_to_just_before_seven() {
    let (builder, clock) = app_at(INSIDE);
    let app = builder.start().await;
    for (time, expected) in [
        ("07:59:59.999", "skipped: the hour"),
        ("08:00:00", "checked"),
        ("18:45:00", "checked"),
        ("18:59:59.999", "checked"),
        ("19:00:00", "skipped: the hour"),
    ] {
        clock.set(ms(&format!("2026-11-23T{time}-05:00")));
        let line = fire(&app, false).await;
        assert!(line.starts_with(expected), "{time}: {line}");
    }
}

#[tokio::test]
async fn s3_hour_and_weekday_are_new_yorks_when_clocks_change_too() {
    let (builder, clock) = app_at(INSIDE);
    let app = builder.start().await;
    for (time, expected) in [
        // Winter has begun: 08:00 there is 13:00 in UTC.
        ("2026-11-02T12:59:00Z", "skipped: the hour"),
        ("2026-11-02T13:00:00Z", "checked"),
        ("2026-11-02T23:45:00Z", "checked"),
        ("2026-11-03T00:00:00Z", "skipped: the hour"),
        // Summer has begun: it is 12:00.
        ("2027-03-15T11:59:00Z", "skipped: the hour"),
        ("2027-03-15T12:00:00Z", "checked"),
        ("2027-03-15T22:45:00Z", "checked"),
        ("2027-03-15T23:00:00Z", "skipped: the hour"),
        // A Monday in UTC, and Sunday evening there.
        ("2026-11-02T00:30:00Z", "skipped: the weekday"),
    ] {
        clock.set(ms(time));
        let line = fire(&app, false).await;
        assert!(line.starts_with(expected), "{time}: {line}");
    }
}

#[tokio::test]
async fn k11_the_window_and_its_zone_are_settings() {
    let (builder, clock) = app_at("2026-11-22T04:30:00Z");
    let builder = builder.setting("BOARDCAST_SYNC_CRON", "0 10 * * SUN");
    let app = builder.setting("BOARDCAST_SYNC_ZONE", "Asia/Kolkata").start().await;
    let sunday = fire(&app, false).await;
    assert!(sunday.starts_with("checked"), "{sunday}");
    clock.set(ms(INSIDE));
    assert_eq!(fire(&app, false).await, "skipped: the weekday is outside `0 10 * * 0` in Asia/Kolkata");
}

#[tokio::test]
async fn s1_a_journal_that_is_away_is_a_reply_like_any_other() {
    let (app, faults) = app_at(INSIDE).0.start_over_faults().await;
    faults.set_down(true);
    assert_eq!(fire(&app, false).await, "failed: the journal is unavailable: a planned fault");
    faults.set_down(false);
    let line = fire(&app, false).await;
    assert!(line.starts_with("checked"), "{line}");
}

#[tokio::test]
async fn s1_a_journal_that_hangs_is_given_up_at_the_deadline() {
    let (app, faults) = app_at(INSIDE)
        .0
        .config(|config| config.sync_deadline = Duration::from_secs(1))
        .start_over_faults()
        .await;
    faults.set_read_delay(Duration::from_hours(1));
    assert_eq!(fire(&app, false).await, "timed out: not done within 1000 ms; the next run begins anew");
}

#[tokio::test]
async fn a_host_that_does_not_proxy_is_told_so() {
    let app = TestApp::start().await;
    let answer = app.request("POST", "/SseStream", &[], b"{\"Data\":{},\"Metadata\":{}}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["Outputs"]["res"]["statusCode"], 501);
}

/// A synchronisation in the runtime's paused time, which jumps to the next timer whenever nothing else is to do.
struct Paused {
    sync: Arc<Synchronisation>,
    faults: Arc<FaultyJournal>,
    /// What the clock was set forward by, in all.
    set_by: Arc<AtomicI64>,
}

impl Paused {
    /// Begins at that time, with loaded boards and a deadline of four minutes.
    async fn at(time: &str) -> Self {
        let paused = Self::unloaded_at(time);
        paused.sync.instance.fold.reset(Projection::load(&*paused.faults).await.unwrap().0);
        paused
    }

    fn unloaded_at(time: &str) -> Self {
        let (start, began, set_by) = (ms(time), Instant::now(), Arc::new(AtomicI64::new(0)));
        let set = set_by.clone();
        let clock: Clock = Arc::new(move || {
            let elapsed = i64::try_from(began.elapsed().as_millis()).unwrap();
            Timestamp::from_epoch_ms(start + elapsed + set.load(Ordering::SeqCst))
        });
        let memory = Store::of(Arc::new(MemoryJournal::new(clock.clone(), LogRetention::DEFAULT)));
        let faults = FaultyJournal::over(&memory);
        let sync = Arc::new(Synchronisation {
            source: None,
            deriver: None,
            instance: Instance::new(&faults.in_front_of(memory), Owner::hooks_alone(None), clock, false),
            window: SyncWindow::default(),
            deadline: Duration::from_mins(4),
            under_way: Default::default(),
        });
        Self { sync, faults, set_by }
    }

    fn set_clock_to(&self, time: &str) {
        self.set_by.fetch_add(ms(time) - (self.sync.instance.clock)().epoch_ms(), Ordering::SeqCst);
    }

    /// Keeps the schedule in the background. What is reported comes with the time at which it was.
    fn schedule(&self) -> mpsc::UnboundedReceiver<(Timestamp, String)> {
        let (tell, told) = mpsc::unbounded_channel();
        let clock = self.sync.instance.clock.clone();
        tokio::spawn(run_on_schedule(self.sync.clone(), move |report| {
            let _ = tell.send((clock(), report.to_string()));
        }));
        told
    }
}

/// Asserts that the next report is of exactly that time and begins with those words.
async fn reported(told: &mut mpsc::UnboundedReceiver<(Timestamp, String)>, time: &str, words: &str) {
    let (at, report) =
        tokio::time::timeout(Duration::from_hours(24 * 7), told.recv()).await.unwrap().unwrap();
    assert!(report.starts_with(words), "{report}");
    assert_eq!(at, Timestamp::parse(time).unwrap(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn s1_by_itself_the_server_keeps_the_schedule_to_the_minute() {
    // A Friday.
    let mut told = Paused::at("2026-11-27T18:20:31.5-05:00").await.schedule();
    reported(&mut told, "2026-11-27T18:30:00-05:00", "checked").await;
    reported(&mut told, "2026-11-27T18:45:00-05:00", "checked").await;
    reported(&mut told, "2026-11-30T08:00:00-05:00", "checked").await;
    reported(&mut told, "2026-11-30T08:15:00-05:00", "checked").await;
}

#[tokio::test(start_paused = true)]
async fn s3_a_clock_that_is_set_forward_has_one_run_made_up_for() {
    let paused = Paused::at("2026-11-23T10:00:10-05:00").await;
    let mut told = paused.schedule();
    tokio::time::sleep(Duration::from_secs(1)).await;
    paused.set_clock_to("2026-11-23T12:07:00-05:00");
    // It looks at the clock every minute, and last did a second ago.
    reported(&mut told, "2026-11-23T12:07:59-05:00", "checked").await;
    reported(&mut told, "2026-11-23T12:15:00-05:00", "checked").await;
    paused.set_clock_to("2026-11-23T21:00:00-05:00");
    reported(&mut told, "2026-11-23T21:01:00-05:00", "skipped: the hour").await;
    reported(&mut told, "2026-11-24T08:00:00-05:00", "checked").await;
}

#[tokio::test(start_paused = true)]
async fn s3_a_clock_that_is_set_back_is_followed_back() {
    let paused = Paused::at("2026-11-25T10:00:10-05:00").await;
    let mut told = paused.schedule();
    tokio::time::sleep(Duration::from_secs(1)).await;
    paused.set_clock_to("2026-11-23T09:05:00-05:00");
    reported(&mut told, "2026-11-23T09:15:00-05:00", "checked").await;
}

#[tokio::test(start_paused = true)]
async fn s1_runs_that_hang_end_at_the_deadline_and_do_not_overlap() {
    let paused = Paused::at("2026-11-23T07:30:00-05:00").await;
    paused.faults.set_read_delay(Duration::from_hours(1));
    let mut told = paused.schedule();
    reported(&mut told, "2026-11-23T08:04:00-05:00", "timed out").await;
    reported(&mut told, "2026-11-23T08:19:00-05:00", "timed out").await;
    paused.faults.set_read_delay(Duration::ZERO);
    paused.faults.set_down(true);
    reported(&mut told, "2026-11-23T08:30:00-05:00", "failed").await;
    paused.faults.set_down(false);
    reported(&mut told, "2026-11-23T08:45:00-05:00", "checked").await;
}

#[tokio::test(start_paused = true)]
async fn s1_what_falls_due_during_a_long_run_is_done_with_it() {
    let mut paused = Paused::at("2026-11-23T07:59:00-05:00").await;
    Arc::get_mut(&mut paused.sync).unwrap().deadline = Duration::from_mins(25);
    paused.faults.set_read_delay(Duration::from_mins(20));
    let mut told = paused.schedule();
    reported(&mut told, "2026-11-23T08:20:00-05:00", "checked").await;
    reported(&mut told, "2026-11-23T08:50:00-05:00", "checked").await;
}

#[tokio::test]
async fn fault_d3_whoever_asks_for_a_synchronisation_while_one_runs_joins_it() {
    let (builder, _clock) = app_at(INSIDE);
    let (app, faults) = builder.start_over_faults().await;
    faults.set_read_delay(Duration::from_secs(1));
    let before = faults.readings();
    let envelope = br#"{"Data":{"timer":{"IsPastDue":false}}}"#;
    let replies = futures_util::future::join_all((0..30).map(|_| invoke(&app, envelope))).await;
    assert!(
        replies.iter().all(|reply| reply["Logs"][0].as_str().unwrap().starts_with("checked")),
        "{replies:?}"
    );
    assert_eq!(faults.readings() - before, 1, "thirty runs queue where one is enough");
    invoke(&app, envelope).await;
    assert_eq!(faults.readings() - before, 2, "one that has ended is not joined");
}

#[tokio::test(start_paused = true)]
async fn boards_that_are_not_loaded_yet_are_waited_for_and_not_called_empty() {
    let paused = Paused::unloaded_at(INSIDE);
    let never = tokio::time::timeout(Duration::from_hours(1), paused.sync.run()).await.unwrap();
    assert_eq!(never, SyncReport::TimedOut { after: Duration::from_mins(4) });
    let sync = paused.sync.clone();
    let run = tokio::spawn(async move { sync.run().await });
    tokio::time::sleep(Duration::from_secs(10)).await;
    paused.sync.instance.fold.reset(Projection::load(&*paused.faults).await.unwrap().0);
    assert_eq!(run.await.unwrap(), SyncReport::Checked { items: 0, newest_change: None });
}

#[tokio::test]
async fn s1_not_even_a_defect_takes_the_answer_away() {
    let paused = Paused::unloaded_at(INSIDE);
    let sync = Arc::new(Synchronisation {
        source: None,
        deriver: None,
        instance: Instance { clock: Arc::new(|| panic!("a planned defect")), ..paused.sync.instance.clone() },
        window: SyncWindow::default(),
        deadline: DEADLINE,
        under_way: Default::default(),
    });
    let report = sync.run().await.to_string();
    assert!(report.starts_with("failed: a defect"), "{report}");
}
