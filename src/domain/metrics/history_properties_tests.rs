//! What holds of the past of every board: it is the board as it was, and every number follows from its explanation.

use std::cell::RefCell;

use chrono::{Datelike as _, TimeDelta};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRng, TestRunner};
use serde_json::Value;

use super::super::testing::{claim, details};
use super::metric::Kind;
use super::properties::{STATES, as_it_was, instant, item};
use super::testing::{EFFORT, as_they_are, figures_of, frame, sprint};
use super::*;
use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::sprint::work_item::{ClaimKind, Details, Facts, WorkItem, WorkItemId};
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::Unit;
use crate::domain::{CivilDate, SprintId};

/// The team's own sprint comes after one whose items lie under the path of the second, a week before it.
fn with_sprint_before() -> Catalogue {
    let own = catalogue();
    let mut iterations = own.iterations.clone();
    for sprint in &mut iterations {
        if sprint.id != sprint_id() {
            (sprint.start, sprint.finish) =
                (Some("2026-11-09".parse().unwrap()), Some("2026-11-13".parse().unwrap()));
        }
    }
    Catalogue { iterations, ..own }
}

fn items(step: u32) -> impl Strategy<Value = Vec<WorkItem>> {
    proptest::collection::vec(item(&STATES, step), 0..25)
}

/// The board of a sprint as it was just before an instant.
fn then(catalogue: &Catalogue, sprint: &Iteration, items: &[WorkItem], end: Timestamp) -> Figures {
    let there: Vec<WorkItem> = items.iter().filter_map(|item| as_it_was(item, end)).collect();
    let frame = SprintContext::new(catalogue, sprint, MetricSettings::default());
    let digests: Vec<Digest> = there.iter().map(|item| Digest::of(item, &frame)).collect();
    compute(&frame, digests.iter(), end)
}

fn amount(figures: &Figures, id: &str) -> Option<Hundredths> {
    figures.metrics[id].value
}

fn input(explanation: &Explanation, name: &str) -> f64 {
    explanation.inputs[name].as_f64().unwrap()
}

/// The value that an explanation comes to by the formula that the metric has.
fn recomputed(explanation: &Explanation, frame: &SprintContext<'_>, now: Timestamp) -> f64 {
    let counted: Vec<f64> = explanation.counted.iter().map(|counted| counted.amount.units()).collect();
    let sum: f64 = counted.iter().sum();
    let share = |part: &str, whole: &str| percent(input(explanation, part), input(explanation, whole));
    match &*explanation.metric {
        "percent.complete" => share("points.completed", "points.total"),
        "percent.of_original" => share("points.completed", "points.original"),
        "percent.escaped" => share("bugs.escaped", "bugs.total"),
        "percent.say_do" => percent(sum, input(explanation, "planned")),
        "burndown.average" => sum / input(explanation, "workingDaysElapsed"),
        "velocity.average" => {
            let sprints = explanation.inputs["sprints"].as_array().unwrap();
            let completed = sprints.iter().map(|sprint| sprint["completed"].as_f64().unwrap());
            completed.sum::<f64>() / f64::from(u32::try_from(sprints.len()).unwrap())
        }
        "throughput.day" => {
            let days = explanation.inputs["days"].as_array().unwrap();
            let items: u32 =
                days.iter().map(|day| u32::try_from(day["items"].as_u64().unwrap()).unwrap()).sum();
            f64::from(items) / f64::from(u32::try_from(days.len()).unwrap())
        }
        "hours.capacity" => {
            let members = explanation.inputs["members"].as_array().unwrap();
            members.iter().map(|member| member["hours"].as_f64().unwrap()).sum()
        }
        "age.max" => counted.iter().copied().fold(0.0, f64::max),
        id if id.starts_with("cycle.p") || id.starts_with("lead.p") => {
            let percent: usize = id[id.len() - 2..].parse().unwrap();
            let mut sorted = counted;
            sorted.sort_by(f64::total_cmp);
            sorted[(percent * sorted.len()).div_ceil(100) - 1]
        }
        id if id.starts_with("forecast.") => forecast_of(id, explanation, frame, now),
        "sprint.days_left" => days_told(explanation),
        _ => sum,
    }
}

/// With one decimal, half rounded away from zero: by whole hundredths, of which fractions of two have not all.
fn percent(part: f64, whole: f64) -> f64 {
    let [part, whole] = [part, whole].map(|units| Hundredths::from_units(units).unwrap().hundredths());
    let tenths = (2_000 * part + whole) / (2 * whole);
    Hundredths::from_hundredths(10 * tenths).units()
}

/// The working days that are left by what an explanation says of the sprint's days.
fn days_told(explanation: &Explanation) -> f64 {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let [first, last, from] = ["startDate", "finishDate", "leftFrom"]
        .map(|name| text(&explanation.inputs[name]).parse::<CivilDate>().unwrap());
    let [weekdays, off] = ["weekdays", "daysOff"]
        .map(|name| explanation.inputs[name].as_array().unwrap().iter().map(text).collect::<Vec<_>>());
    let days = first.iter_days().take_while(|day| *day <= last).filter(|day| *day >= from);
    let is_working =
        |day: &CivilDate| weekdays.contains(&day.weekday().to_string()) && !off.contains(&day.to_string());
    days.filter(is_working).map(|_| 1.0).sum()
}

/// The day in New York, where the team of the tests is.
fn today(now: Timestamp) -> CivilDate {
    let at = chrono::DateTime::from_timestamp_millis(now.epoch_ms()).unwrap();
    at.with_timezone(&chrono_tz::America::New_York).date_naive()
}

/// The days from today to 27 November, Mondays to Fridays but for Thursday the 26th, none before the 16th.
fn days_left(catalogue: &Catalogue, now: Timestamp) -> usize {
    let on = |day: u32| CivilDate::from_ymd_opt(2026, 11, day).unwrap();
    let sprint = sprint(catalogue);
    assert_eq!((sprint.start, sprint.finish), (Some(on(16)), Some(on(27))));
    let is_left = |day: &u32| on(*day) >= today(now) && on(*day).weekday().number_from_monday() <= 5;
    (16..=27).filter(|day| *day != 26).filter(is_left).count()
}

/// How many runs a forecast has.
const RUNS: u64 = 10_000;

/// The forecast, one run after the other, as docs/METRICS.md says it.
fn forecast_of(id: &str, explanation: &Explanation, frame: &SprintContext<'_>, now: Timestamp) -> f64 {
    let number = |value: &Value| value.as_u64().unwrap();
    let completed: Vec<u64> =
        explanation.inputs["completedPerDay"].as_array().unwrap().iter().map(number).collect();
    let remaining = number(&explanation.inputs["itemsRemaining"]);
    let days_left = u64::try_from(days_left(frame.catalogue, now)).unwrap();
    assert_eq!(number(&explanation.inputs["daysLeft"]), days_left);
    // The first 64 bits of FNV-1a.
    let text = format!("{}/{}/{}", frame.catalogue.team, frame.sprint.id, today(now));
    let hashed = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
    let seed = text.bytes().fold(14_695_981_039_346_656_037, hashed);
    assert_eq!(explanation.inputs["seed"].as_str(), Some(&*seed.to_string()));
    let drawn = |run: u64, day: u64| {
        // SplitMix64 adds the same number at each step, and mixes what it has then.
        let state = seed.wrapping_add((RUNS * day + run + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let place = u128::from(mixed ^ (mixed >> 31)) * completed.len() as u128 / (1 << 64);
        completed[usize::try_from(place).unwrap()]
    };
    let total = |run| (0..days_left).map(|day| drawn(run, day)).sum::<u64>();
    let days_until_done = |run| {
        let mut left = remaining;
        let days = (0..130).take_while(|day| {
            let is_open = left > 0;
            left = left.saturating_sub(if is_open { drawn(run, *day) } else { 0 });
            is_open
        });
        let days = days.count();
        if left == 0 { days } else { usize::MAX }
    };
    let in_order = |mut of_runs: Vec<usize>| {
        of_runs.sort_unstable();
        of_runs
    };
    let told = match id {
        // The smallest total that 15 of 100 runs do not exceed.
        "forecast.items.p85" => {
            in_order((0..RUNS).map(|run| usize::try_from(total(run)).unwrap()).collect())[1_499]
        }
        "forecast.probability" => {
            let done = (0..RUNS).filter(|run| total(*run) >= remaining).count();
            return percent(f64::from(u32::try_from(done).unwrap()), 10_000.0);
        }
        "forecast.when.p50" => in_order((0..RUNS).map(days_until_done).collect())[4_999],
        _ => in_order((0..RUNS).map(days_until_done).collect())[8_499],
    };
    f64::from(u32::try_from(told).unwrap())
}

/// Holds every number against its explanation; calls `with_value` for each that there is.
fn judge(
    frame: &SprintContext<'_>,
    items: &[WorkItem],
    now: Timestamp,
    mut with_value: impl FnMut(&'static str),
) -> TestCaseResult {
    for metric in METRICS {
        let explanation = explain(metric.id, frame, as_they_are(items), now).unwrap();
        let Some(value) = explanation.value else { continue };
        with_value(metric.id);
        let expected = recomputed(&explanation, frame, now);
        prop_assert!(
            (value.units() - expected).abs() < 0.005_1,
            "{}: {} and {expected}",
            metric.id,
            value.units()
        );
        if matches!(metric.kind, Kind::Sum) {
            let counted: Hundredths = explanation.counted.iter().map(|counted| counted.amount).sum();
            prop_assert_eq!(value, counted, "{}", metric.id);
        }
    }
    Ok(())
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The midnight in New York with which the team's own sprint begins.
const OWN_BEGINS: i64 = 1_794_805_200_000;

/// How many sprints the team had before its own, two weeks each: 98 days.
const SPRINTS_BEFORE: u32 = 7;

/// The path of a sprint, the own one with the number that there are before it.
fn path(number: u32) -> String {
    if number == SPRINTS_BEFORE { "Fabrikam\\Sprint 1".into() } else { format!("Fabrikam\\Before {number}") }
}

/// The team after seven sprints.
pub(super) fn with_many_sprints_before() -> Catalogue {
    let own = catalogue();
    let first = sprint(&own).start.unwrap();
    let before = |number: u32| {
        let start = first - TimeDelta::days(14 * i64::from(SPRINTS_BEFORE - number));
        Iteration {
            id: SprintId::parse(&format!("0000000{number}-bf11-4d4f-a031-c19813331553")).unwrap(),
            paths: vec![path(number).into()],
            name: format!("Before {number}").into(),
            start: Some(start),
            finish: Some(start + TimeDelta::days(11)),
        }
    };
    let iterations = (0..SPRINTS_BEFORE).map(before).chain(own.iterations.clone()).collect();
    Catalogue { iterations, ..own }
}

/// What a change makes of an item, and how long after the one before.
#[derive(Clone, Debug)]
struct Step {
    pause_ms: i64,
    state: &'static str,
    estimate: Option<Hundredths>,
    moves_on: bool,
    blocked: bool,
}

fn step() -> impl Strategy<Value = Step> {
    const OFTEN_CLOSED: [&str; 8] =
        ["New", "Active", "Active", "Resolved", "Closed", "Closed", "Closed", "Removed"];
    let estimate = proptest::option::weighted(0.2, (0..2_000_i64).prop_map(Hundredths::from_hundredths));
    let flags = (proptest::bool::weighted(0.1), proptest::bool::weighted(0.1));
    (0..3 * DAY_MS, proptest::sample::select(&OFTEN_CLOSED), estimate, flags).prop_map(
        |(pause_ms, state, estimate, (moves_on, blocked))| Step {
            pause_ms,
            state,
            estimate,
            moves_on,
            blocked,
        },
    )
}

/// An item of which all revisions are known: it begins in one of the sprints, in its first week, and is mostly completed.
fn lived() -> impl Strategy<Value = WorkItem> {
    const TYPES: [&str; 6] = ["User Story", "User Story", "User Story", "User Story", "Bug", "Task"];
    let place = (1..1_000_000_u32, 0..=SPRINTS_BEFORE, proptest::sample::select(&TYPES));
    let amounts = (proptest::option::weighted(0.9, 0..2_000_i64), 0..2_000_i64, any::<bool>());
    let steps = proptest::collection::vec(step(), 1..6);
    // Every other item is there when its sprint begins.
    let start = prop_oneof![Just(0), 0..7 * DAY_MS];
    (place, start, amounts, steps).prop_map(
        |((number, mut home, kind), start, (effort, hours, escaped), steps)| {
            let mut ms = OWN_BEGINS + start - 14 * DAY_MS * i64::from(SPRINTS_BEFORE - home);
            let created_at = Some(Timestamp::from_epoch_ms(ms));
            let tags = if escaped { vec!["prod".into()] } else { Vec::new() };
            let details = Details { created_at, tags, ..details() };
            let mut estimate = effort.map(Hundredths::from_hundredths);
            let first = Step { pause_ms: 0, state: "New", estimate: None, moves_on: false, blocked: false };
            let revision = |(step, rev): (Step, u32)| {
                ms += step.pause_ms;
                home = (home + u32::from(step.moves_on)).min(SPRINTS_BEFORE);
                estimate = step.estimate.or(estimate);
                let mut claim = claim(ClaimKind::Fetched, Timestamp::from_epoch_ms(ms));
                let facts = Facts {
                    work_item_type: kind.into(),
                    state: step.state.into(),
                    iteration_path: path(home).into(),
                    effort: std::sync::Arc::new(
                        estimate.map(|estimate| (EFFORT.into(), estimate)).into_iter().collect(),
                    ),
                    remaining_work: Some(Hundredths::from_hundredths(hours)),
                    blocked: step.blocked,
                    ..super::super::testing::facts()
                };
                claim.facts = facts.into();
                WorkItem::new(WorkItemId::new(number).unwrap(), rev, claim, details.clone())
            };
            let revisions = std::iter::once(first).chain(steps).zip(1..).map(revision);
            revisions.reduce(|item, other| item.merge(&other)).unwrap()
        },
    )
}

/// Many items over a hundred days; of one more, revisions may be missing.
pub(super) fn lived_board() -> impl Strategy<Value = Vec<WorkItem>> {
    let board = (proptest::collection::vec(lived(), 70..110), proptest::option::of(item(&STATES, 2)));
    board.prop_map(|(items, other)| items.into_iter().chain(other).collect())
}

/// On how many boards every number is held against its explanation, and on how many of them it has to have a value.
const LIVED_BOARDS: u32 = 12;
const WITH_VALUE_MIN: u32 = 4;

/// The boards are the same each time, so that none of the metrics is without a value by chance.
#[test]
fn every_metric_is_judged_where_a_team_lived_through_many_sprints() {
    let catalogue = with_many_sprints_before();
    let settings = MetricSettings { escaped_tags: ["prod".into()].into(), ..MetricSettings::default() };
    let frame = SprintContext::new(&catalogue, sprint(&catalogue), settings);
    let judged: RefCell<BTreeMap<&'static str, u32>> = RefCell::default();
    let config =
        Config { cases: LIVED_BOARDS, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let in_sprint = (0..12 * DAY_MS).prop_map(|ms| Timestamp::from_epoch_ms(OWN_BEGINS + ms));
    let boards = (lived_board(), prop_oneof![in_sprint, instant()]);
    let outcome = TestRunner::new_with_rng(config, rng).run(&boards, |(items, now)| {
        judge(&frame, &items, now, |id| *judged.borrow_mut().entry(id).or_default() += 1)
    });
    outcome.unwrap();
    let judged = judged.into_inner();
    let times = |id: &str| judged.get(id).copied().unwrap_or_default();
    let too_few: Vec<_> = METRICS
        .iter()
        .map(|metric| (metric.id, times(metric.id)))
        .filter(|(_, times)| *times < WITH_VALUE_MIN)
        .collect();
    assert!(too_few.is_empty(), "judged on too few of {LIVED_BOARDS} boards: {too_few:?}");
}

proptest! {
    #[test]
    fn every_number_follows_from_its_explanation(items in items(2), now in instant()) {
        judge(&frame(&with_sprint_before()), &items, now, |_| {})?;
    }

    #[test]
    fn the_scope_is_what_was_planned_and_what_changed_since(items in items(1), now in instant()) {
        let catalogue = with_sprint_before();
        let frame = frame(&catalogue);
        let figures = figures_of(&catalogue, &items, now);
        let (planned, (_, end)) = (frame.planned_until.unwrap(), frame.bounds.unwrap());
        let value = |id: &str| amount(&figures, id).unwrap();
        let net = value("scope.net");
        prop_assert_eq!(net, value("scope.added") - value("scope.removed") + value("scope.reestimated"));
        if planned <= now && now < end {
            let there = |at| then(&catalogue, frame.sprint, &items, at);
            let (before, after) = (there(planned), there(end));
            // In the unit of now: a board that had no estimate when it was planned counted items.
            let total = if figures.metrics["scope.net"].unit == Unit::Points { "points.total" } else { "items.total" };
            prop_assert_eq!(amount(&before, total).unwrap() + net, amount(&after, total).unwrap());
            prop_assert_eq!(amount(&figures, "points.original"), amount(&before, "points.total"));
        }
    }

    #[test]
    fn a_finished_sprint_is_its_board_as_it_was(items in items(1), now in instant()) {
        let catalogue = with_sprint_before();
        let frame = frame(&catalogue);
        let figures = figures_of(&catalogue, &items, now);
        let before = &frame.before[0];
        let known = amount(&figures, "velocity.completed");
        prop_assert_eq!(known.is_some(), before.ends_at <= now);
        if known.is_some() {
            let unit = if figures.metrics["velocity.completed"].unit == Unit::Points { "points" } else { "items" };
            let said = |at, what: &str| amount(&then(&catalogue, before.iteration, &items, at), &format!("{unit}.{what}"));
            prop_assert_eq!(amount(&figures, "velocity.planned"), said(before.planned_until, "total"));
            prop_assert_eq!(known, said(before.ends_at, "completed"));
        }
    }

    #[test]
    fn whoever_knows_all_revisions_tells_no_number_in_part(items in items(1), now in instant()) {
        for (id, view) in figures_of(&with_sprint_before(), &items, now).metrics {
            prop_assert_eq!(view.partial, None, "{}", id);
        }
    }

    #[test]
    fn what_is_asked_twice_is_said_twice(items in items(2), now in instant()) {
        let catalogue = with_sprint_before();
        let said = |figures: Figures| {
            let texts: (Value, Value) =
                (serde_json::to_value(&figures.outlook).unwrap(), serde_json::to_value(&figures.scope_changes).unwrap());
            (serde_json::to_value(&figures.metrics).unwrap(), texts)
        };
        let reversed: Vec<WorkItem> = items.iter().rev().cloned().collect();
        prop_assert_eq!(said(figures_of(&catalogue, &items, now)), said(figures_of(&catalogue, &reversed, now)));
    }
}
