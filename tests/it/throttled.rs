//! Azure DevOps asks to be asked less: readers see it, and until when, whatever is known of their boards.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use boardcast::domain::degradation::{Failure, Policy};
use boardcast::domain::sprint::blocked::BlockedRules;
use boardcast::domain::sprint::zones::TeamZones;
use boardcast::domain::time::Timestamp;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::Store;
use boardcast::sync::source::{Source, SourceSettings};
use serde_json::{Value, json};

use crate::support::app::{DEADLINE, TestApp};
use crate::support::crowd;
use crate::support::eventually;
use crate::support::organisation::{Answer, SimulatedFailure};
use crate::support::source::{NOW_MS, Organization, Way};
use crate::support::sse::SseReader;

const WEB: &str = "/api/snapshot?project=Fabrikam%20Fiber&team=Web";
const TEAMS: [&str; 3] = ["Web", "Mobile%20Apps", "Clinic"];

/// It asks to wait for a minute.
const THROTTLED: Failure = Failure::Throttled { retry_after_ms: Some(60_000) };

fn refuse(organization: &Organization, failure: Option<Failure>) {
    *organization.way.refused.lock().unwrap() = failure;
}

fn now_ms(organization: &Organization) -> i64 {
    (organization.clock.clock())().epoch_ms()
}

/// The boards of all teams, level and outage alone.
async fn standing(app: &TestApp) -> Vec<(Value, Value)> {
    let mut standing = Vec::new();
    for team in TEAMS {
        let board = app.get(&format!("/api/snapshot?team={team}")).await.json();
        standing.push((board["level"].clone(), board["outage"].clone()));
    }
    standing
}

async fn all_full(app: &TestApp) {
    let is_full = |(level, outage): &(Value, Value)| level == "full" && outage.is_null();
    eventually("not every board is full", async || standing(app).await.iter().all(is_full)).await;
}

/// A check that began since the clock was last set is over: what is told while it goes on is told before it is noted
/// when it ended, and who sets the clock in between is not asked again before the clock is set once more.
async fn check_ended(organization: &Organization, app: &TestApp) {
    let has_ended = || {
        let ended = app.app.instance.fold.read().checked().ended;
        ended.is_some_and(|at| at.epoch_ms() == now_ms(organization))
    };
    eventually("no check ended", async || has_ended()).await;
}

/// An organisation all of whose boards were read.
async fn all_read() -> (Organization, TestApp) {
    let organization = Organization::start().await;
    let app = organization.app().await;
    all_full(&app).await;
    (organization, app)
}

/// A reader of the board of the team Web, who has it.
async fn reader(app: &TestApp) -> SseReader {
    let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    reader.next_of("snapshot").await;
    reader
}

/// A check of lists that are no longer fresh, which the organisation refuses.
async fn check_refused(organization: &Organization, app: &TestApp, failure: Failure) {
    refuse(organization, Some(failure));
    organization.check_after(Duration::from_mins(31), app).await;
}

#[tokio::test]
async fn f19_before_anything_was_read_readers_are_told_to_wait_and_until_when() {
    let organization = Organization::start().await;
    refuse(&organization, Some(THROTTLED));
    let app = organization.builder().start().await;
    let directory = async || app.get("/api/snapshot").await.json();
    let is_told = async || directory().await["outage"]["reason"] == "throttled";
    eventually("nobody is told", is_told).await;
    let told = directory().await;
    assert_eq!((&told["level"], &told["outage"]["retryAt"]), (&json!("none"), &json!(NOW_MS + 60_000)));
    let connected = app.stream("").await.next_of("connected").await;
    assert_eq!(connected["outage"]["reason"], "throttled");
    // It asks again.
    check_ended(&organization, &app).await;
    organization.clock.advance(Duration::from_mins(1));
    let is_told_anew = async || directory().await["outage"]["retryAt"] == NOW_MS + 120_000;
    eventually("nobody is told that it goes on", is_told_anew).await;
    check_ended(&organization, &app).await;
    refuse(&organization, None);
    organization.clock.advance(Duration::from_mins(1));
    all_full(&app).await;
}

#[tokio::test]
async fn f19_a_board_that_is_not_read_yet_says_that_it_waits_and_the_others_are_full() {
    let organization = Organization::start().await;
    let answer = Answer { status: 429, headers: Vec::new(), body: json!({ "message": "TF400733" }) };
    let items = "GET work/teamsettings/iterations/*/workitems";
    organization.fail_next_on(items, SimulatedFailure::Instead(answer)).await;
    let app = organization.builder().start().await;
    let waits = |(level, outage): &(Value, Value)| level == "none" && outage["reason"] == "throttled";
    let full = |(level, outage): &(Value, Value)| level == "full" && outage.is_null();
    let are_told = async || {
        let standing = standing(&app).await;
        standing.iter().filter(|board| waits(board)).count() == 1
            && standing.iter().filter(|board| full(board)).count() == 2
    };
    eventually("one board does not say that it waits", are_told).await;
    let standing = standing(&app).await;
    let (_, outage) = standing.iter().find(|board| waits(board)).unwrap();
    assert!(outage["retryAt"].as_i64().unwrap() >= NOW_MS + 5_000, "{outage}");
    check_ended(&organization, &app).await;
    organization.clock.advance(Duration::from_secs(15));
    all_full(&app).await;
}

#[tokio::test]
async fn f19_boards_that_were_read_stay_full_and_say_until_when_nothing_is_compared() {
    let (organization, app) = all_read().await;
    let mut reader = reader(&app).await;
    check_refused(&organization, &app, THROTTLED).await;
    let now = now_ms(&organization);
    let told = reader.next_of("degraded").await;
    assert_eq!(
        (&told["from"], &told["to"], &told["level"]),
        (&json!("full"), &json!("full"), &json!("full"))
    );
    assert_eq!((&told["reason"], &told["retryAt"]), (&json!("throttled"), &json!(now + 60_000)));
    let board = app.get(WEB).await.json();
    assert_eq!((&board["level"], &board["outage"]["reason"]), (&json!("full"), &json!("throttled")));
    assert_eq!(board["outage"]["retryAt"], now + 60_000);
    assert!(board["metrics"]["items.total"]["value"].is_number(), "{board}");
    // What it asked for is over by itself.
    refuse(&organization, None);
    organization.clock.advance(Duration::from_mins(1));
    let told = reader.next_of("recovered").await;
    assert_eq!((&told["from"], &told["level"]), (&json!("full"), &json!("full")));
    all_full(&app).await;
}

/// A board that waits is full; where it is less than that, something else is why.
#[tokio::test]
async fn f19_a_board_that_waits_is_less_than_full_because_of_the_journal_alone_and_waits_on_when_it_is_back()
{
    let organization = Organization::start().await;
    let (app, journal) = organization.builder().start_over_faults().await;
    all_full(&app).await;
    let mut there = reader(&app).await;
    check_refused(&organization, &app, THROTTLED).await;
    let until = json!(now_ms(&organization) + 60_000);
    assert_eq!(there.next_of("degraded").await["reason"], "throttled");
    check_ended(&organization, &app).await;
    journal.set_down(true);
    let told = there.next_of("degraded").await;
    assert_eq!((&told["level"], &told["reason"]), (&json!("cached"), &json!("journal")));
    let board = app.get(WEB).await.json();
    assert_eq!((&board["level"], &board["outage"]["reason"]), (&json!("cached"), &json!("journal")));
    let mut newcomer = app.stream("project=Fabrikam%20Fiber&team=Web").await;
    let snapshot = newcomer.next_of("snapshot").await;
    assert_eq!((&snapshot["level"], &snapshot["outage"]["reason"]), (&json!("cached"), &json!("journal")));
    journal.set_down(false);
    for reader in [&mut there, &mut newcomer] {
        assert_eq!(reader.next_of("recovered").await["level"], "full");
        let told = reader.next_with("degraded").await;
        assert_eq!(told.id(), None, "the log has told it before");
        let told = told.json().unwrap();
        let levels = json!([told["from"], told["to"], told["level"]]);
        assert_eq!(levels, json!(["full", "full", "full"]));
        assert_eq!((&told["reason"], &told["retryAt"]), (&json!("throttled"), &until));
    }
    let board = app.get(WEB).await.json();
    assert_eq!((&board["level"], &board["outage"]["retryAt"]), (&json!("full"), &until));
}

#[tokio::test]
async fn f19_that_it_asks_to_wait_takes_the_place_of_the_failure_before() {
    let (organization, app) = all_read().await;
    check_refused(&organization, &app, Failure::Unauthorised).await;
    let is_told = async |reason: &str| {
        let board = app.get(WEB).await.json();
        board["level"] == "cached" && board["outage"]["reason"] == reason
    };
    eventually("the first failure is not told", async || is_told("unauthorised").await).await;
    let mut reader = reader(&app).await;
    refuse(&organization, Some(THROTTLED));
    organization.clock.advance(Duration::from_mins(5));
    let told = reader.next_of("degraded").await;
    assert_eq!((&told["reason"], &told["to"]), (&json!("throttled"), &json!("cached")));
    assert_eq!(told["retryAt"], now_ms(&organization) + 60_000);
    assert!(is_told("throttled").await);
    check_ended(&organization, &app).await;
    refuse(&organization, None);
    organization.clock.advance(Duration::from_mins(5));
    all_full(&app).await;
}

/// The boards are those of five teams. What is asked about a team bears its number.
#[tokio::test]
async fn s10_while_the_quota_is_short_boards_begin_one_after_the_other_and_first_those_that_are_watched() {
    let organization = Organization::with_client(
        |model| crowd::grow(model, 5, 10),
        |settings| settings.pause_max = Duration::from_millis(10),
    )
    .await;
    organization.fail_on("*", SimulatedFailure::Slow(Duration::from_millis(1))).await;
    organization.keep_requests().await;
    // Nobody is asked before somebody watches.
    organization.way.hangs.store(true, Ordering::SeqCst);
    let app = organization.builder().start().await;
    let _reader = app.stream("project=Contoso%20Clinic&team=Clinic").await;
    organization.way.hangs.store(false, Ordering::SeqCst);
    let has_begun = || app.app.instance.fold.read().checked().projects.len() == 2;
    organization.until(async || has_begun().then_some(())).await;
    let mut order = Vec::<String>::new();
    for asked in organization.requests().await {
        let path: Vec<&str> = asked.uri.path().split('/').collect();
        if let [_, _, _, team, "_apis", "work", ..] = path.as_slice()
            && order.last().is_none_or(|last| last != team)
        {
            assert!(!order.iter().any(|begun| begun == team), "{team} was asked about before: {path:?}");
            order.push((*team).to_owned());
        }
        if order.len() == 5 {
            break;
        }
    }
    let clinic = organization.model(|model| model.organisation.projects[1].teams[0].id.to_string());
    assert_eq!((order.len(), &order[0]), (5, &clinic));
}

const FEED: &str = "GET wit/reporting/workitemrevisions";

/// An instance beside that one, with a client of its own.
async fn another_instance(organization: &Organization, beside: &TestApp) -> (TestApp, Arc<Way>) {
    let (store, way) = (Store::of(beside.journal.clone()), organization.another_way().await);
    let builder = TestApp::builder().clock(organization.clock.clone()).organization(way.clone());
    (builder.layer(move |_| store.clone()).start().await, way)
}

/// Until when everybody is told to make no call.
fn told(app: &TestApp) -> Option<Timestamp> {
    app.app.instance.fold.read().checked().calls_wait.until((app.app.instance.clock)())
}

/// A right answer to one instance asks to wait, by these headers and for these seconds: another one, which compares its
/// boards at that moment, makes no call before. It is told at once: the check of the first is not over before its own next
/// call may be made.
async fn both_wait(headers: &[(&'static str, &str)], seconds: u32) {
    let organization = Organization::start().await;
    let first = organization.app().await;
    let (second, way) = another_instance(&organization, &first).await;
    all_full(&second).await;
    organization.check_after(Duration::ZERO, &second).await;
    first.quiet().await;
    // What is known of teams is read again after the feed.
    organization.clock.advance(Duration::from_mins(31));
    way.hangs.store(true, Ordering::SeqCst);
    let sources = [&first, &second].map(|app| app.app.source.clone().unwrap());
    let [mut of_first, mut of_second] = sources.each_ref().map(|source| Box::pin(source.check(Cause::Timer)));
    let soon = Duration::from_millis(100);
    assert!(tokio::time::timeout(soon, &mut of_second).await.is_err(), "it asks nothing");
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    organization.fail_next_on(FEED, SimulatedFailure::Headed(headers)).await;
    let asked_ms = i64::from(seconds) * 1_000;
    let telling = eventually("nobody is told to wait", async || told(&second).is_some());
    tokio::select! {
        _ = &mut of_first => panic!("the first does not wait, or was told too late"),
        () = telling => {}
    }
    let ms = told(&second).unwrap().epoch_ms() - now_ms(&organization);
    assert!((asked_ms - 500..=asked_ms).contains(&ms), "others are told to wait for {ms} ms");
    let before = organization.calls().await;
    tokio::time::sleep(soon).await;
    way.hangs.store(false, Ordering::SeqCst);
    let most = Duration::from_secs(seconds.into()) - Duration::from_secs(1);
    let both = async { (of_first.await.error, of_second.await.error) };
    let mut both = std::pin::pin!(both);
    assert!(tokio::time::timeout(most, &mut both).await.is_err(), "a check ended before it may");
    assert_eq!(organization.calls().await, before, "a call was made before it may be");
    assert_eq!(both.await, (None, None));
    assert_ne!(organization.calls().await, before, "no call was made");
    first.quiet().await;
    let ended = told(&second).unwrap().epoch_ms() - now_ms(&organization);
    assert_eq!(ended, ms, "what is asked once is told once");
}

#[tokio::test]
async fn s10_what_a_right_answer_asks_one_instance_to_wait_another_waits_too() {
    both_wait(&[("retry-after", "3")], 3).await;
}

#[tokio::test]
async fn s10_for_a_quota_that_is_nearly_used_up_another_instance_waits_too() {
    let date = "Wed, 25 Nov 2026 08:00:00 GMT";
    let quota = [("x-ratelimit-remaining", "10"), ("x-ratelimit-limit", "200")];
    both_wait(&[&quota[..], &[("date", date), ("x-ratelimit-reset", "1795593603")]].concat(), 3).await;
}

/// Before anything else of the instance runs: none of its tasks is there to hold the calls of its first check back.
#[tokio::test]
async fn s10_an_instance_that_begins_later_waits_for_what_another_was_asked() {
    let organization = Organization::start().await;
    let first = organization.app().await;
    let headers = vec![("retry-after", "3".to_owned())];
    organization.fail_next_on(FEED, SimulatedFailure::Headed(headers)).await;
    organization.check_after(Duration::ZERO, &first).await;
    eventually("nobody is told to wait", async || told(&first).is_some()).await;
    let before = organization.calls().await;
    let settings = SourceSettings {
        zones: TeamZones::all_in(chrono_tz::Tz::America__New_York),
        blocked_by: BlockedRules::default(),
        interval: Duration::from_mins(4),
        deadline: Duration::from_mins(4),
        policy: Policy::default(),
        list_timeout: SourceSettings::LIST_TIMEOUT_DEFAULT,
    };
    let (store, azure) = (Store::of(first.journal.clone()), organization.another_way().await);
    let second = Source::new(azure, first.app.ingest.clone(), &store, settings);
    let check = second.check(Cause::Timer);
    let has_ended = tokio::time::timeout(Duration::from_secs(2), check).await.is_ok();
    assert!(!has_ended, "a check ended before it may");
    assert_eq!(organization.calls().await, before, "it called before it may");
}

/// The clock stands still meanwhile, as one that is set back would: what is told once is not begun anew by each entry.
#[tokio::test]
async fn s10_what_is_told_meanwhile_makes_no_wait_longer() {
    let organization = Organization::start().await;
    let first = organization.app().await;
    let (second, _) = another_instance(&organization, &first).await;
    all_full(&second).await;
    let headers = vec![("retry-after", "2".to_owned())];
    organization.fail_next_on(FEED, SimulatedFailure::Headed(headers)).await;
    organization.check_after(Duration::ZERO, &first).await;
    eventually("nobody is told to wait", async || told(&second).is_some()).await;
    let item = organization.model(|model| *model.items.keys().next().unwrap());
    let source = second.app.source.clone().unwrap();
    let telling = async {
        for number in 0.. {
            let hook = organization.edit(item, |content| content.title = format!("Title {number}").into());
            assert_eq!(second.hook(&hook).await.status, 200);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        check = tokio::time::timeout(DEADLINE, source.check(Cause::Timer)) => {
            assert_eq!(check.expect("it waits for ever").error, None);
        }
        () = telling => {}
    }
}
