//! Where the ideal line's number on a day comes from.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::properties::instant;
use super::testing::{
    Change, EFFORT, as_they_are, at, figures_of, frame, hours, life, noon, points, sprint, state, story, task,
};
use super::*;
use crate::domain::CataloguePart;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::sprint::work_item::{Facts, Rev, WorkItem};
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::Unit;

/// Nine points and two tasks of 8 and 3 hours.
fn items() -> [WorkItem; 4] {
    [
        story(1, points("New", 5.0)),
        story(2, points("Closed", 4.0)),
        task(3, hours("New", 8.0)),
        task(4, hours("New", 3.0)),
    ]
}

fn asked(id: &str, catalogue: &Catalogue, items: &[WorkItem]) -> Explanation {
    let frame = SprintContext::new(catalogue, sprint(catalogue), MetricSettings::default());
    explain(id, &frame, as_they_are(items), noon()).unwrap()
}

/// The catalogue with another sprint of the tests.
fn with_sprint(change: impl Fn(&mut Iteration)) -> Catalogue {
    let mut catalogue = catalogue();
    let id = sprint(&catalogue).id;
    catalogue.iterations.iter_mut().filter(|sprint| sprint.id == id).for_each(change);
    catalogue
}

#[test]
fn the_ideal_of_a_day_is_what_was_planned_less_a_share_for_each_working_day_that_is_over() {
    let told = asked("burndown.ideal:2026-11-21", &catalogue(), &items());
    assert_eq!(
        (&*told.metric, told.value.map(Hundredths::units), told.unit),
        ("burndown.ideal:2026-11-21", Some(4.0), Unit::Points)
    );
    let inputs = ["day", "planned", "workingDays", "workingDaysElapsed", "daysOff"]
        .map(|name| told.inputs[name].clone());
    assert_eq!(inputs, [json!("2026-11-21"), json!(9), json!(9), json!(5), json!(["2026-11-26"])]);
    let counted: Vec<f64> = told.counted.iter().map(|counted| counted.amount.units()).collect();
    assert_eq!((told.reason, counted), (None, vec![5.0, 4.0]));
}

#[test]
fn what_the_line_falls_from_is_the_sum_of_what_was_there_when_the_sprint_was_planned() {
    let left = life(
        5,
        &[
            (1, "2026-11-16T15:00:00Z", &points("New", 3.0)),
            (2, "2026-11-17T15:00:00Z", &|facts| facts.iteration_path = "Fabrikam".into()),
        ],
    );
    let later = life(6, &[(1, "2026-11-17T15:00:00Z", &points("New", 2.0))]);
    let done = task(7, hours("Closed", 2.0));
    let items: Vec<WorkItem> = items()
        .into_iter()
        .chain([left, later, done, story(8, state("New")), task(9, state("New"))])
        .collect();
    let told = |id: &str| {
        let told = asked(id, &catalogue(), &items);
        let counted: Vec<_> =
            told.counted.iter().map(|counted| (counted.id.number(), counted.amount.units())).collect();
        let left_out: Vec<_> =
            told.left_out.iter().map(|item| (item.id.number(), item.rule.to_string())).collect();
        (told.value.map(Hundredths::units), counted, left_out)
    };
    let then = |number, rule: &str| (number, rule.to_owned());
    let not_in_it = "was not in the sprint when it was planned";
    let (value, counted, left_out) = told("burndown.original");
    assert_eq!((value, counted), (Some(12.0), vec![(1, 5.0), (2, 4.0), (5, 3.0)]));
    let tasks = [3, 4].map(|number| then(number, "is on the task backlog"));
    let rest = [
        then(6, not_in_it),
        then(7, "is on the task backlog"),
        then(8, "was not estimated when the sprint was planned"),
        then(9, "is on the task backlog"),
    ];
    assert_eq!(left_out, tasks.into_iter().chain(rest).collect::<Vec<_>>());
    let (value, counted, _) = told("burndown.original.items");
    assert_eq!((value, counted), (Some(4.0), vec![(1, 1.0), (2, 1.0), (5, 1.0), (8, 1.0)]));
    let (value, counted, left_out) = told("burndown.original.hours");
    assert_eq!((value, counted), (Some(11.0), vec![(3, 8.0), (4, 3.0)]));
    assert!(left_out.contains(&then(7, "was completed when the sprint was planned")));
    assert!(left_out.contains(&then(9, "had no remaining work entered when the sprint was planned")));
    assert!(left_out.contains(&then(1, "was no task of the sprint when it was planned")));
}

#[test]
fn each_line_of_the_burndown_can_be_asked_in_its_unit() {
    let value = |id: &str| asked(id, &catalogue(), &items()).value.map(Hundredths::units);
    assert_eq!(value("burndown.ideal.points:2026-11-16"), Some(8.0));
    assert_eq!(value("burndown.ideal.items:2026-11-16"), Some(1.78));
    assert_eq!(value("burndown.ideal.hours:2026-11-16"), Some(9.78));
}

#[test]
fn what_is_no_line_or_no_day_is_no_number_of_the_board() {
    let catalogue = catalogue();
    let frame = frame(&catalogue);
    for id in [
        "burndown.ideal",
        "burndown.ideal:",
        "burndown.ideal:2026-13-01",
        "burndown.ideal.bugs:2026-11-16",
        "burndown.ideals:2026-11-16",
    ] {
        assert!(explain(id, &frame, as_they_are(&items()), noon()).is_none(), "{id}");
    }
}

#[test]
fn where_there_is_no_ideal_the_reason_is_told() {
    let id = "burndown.ideal:2026-11-17";
    let unread = |part| Catalogue { unread: [part].into(), ..catalogue() };
    let dated = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|day| Some(day.parse().unwrap()));
        with_sprint(move |sprint| (sprint.start, sprint.finish) = (from, to))
    };
    let weekend = dated("2026-11-21", "2026-11-22");
    let saturday = "burndown.ideal:2026-11-21";
    for (id, catalogue, reason) in [
        (id, with_sprint(|sprint| (sprint.start, sprint.finish) = (None, None)), "the sprint has no dates"),
        (id, dated("2026-11-16", "2062-11-27"), "the sprint lasts more than 366 days"),
        (id, unread(CataloguePart::BugTypes), "which types are bugs cannot be read"),
        (id, unread(CataloguePart::DaysOff), "the team's working days or days off cannot be read"),
        (id, weekend.clone(), "that is not a day of the sprint"),
        (saturday, weekend, "the sprint has no working days"),
    ] {
        let told = asked(id, &catalogue, &items());
        assert_eq!((told.value, told.reason.as_deref()), (None, Some(reason)));
    }
    let told = asked("burndown.ideal.hours:2026-11-17", &catalogue(), &[story(1, state("New"))]);
    assert_eq!(told.reason.as_deref(), Some("the burndown has no line in that unit"));
    // When the first working day ended one revision was in force, or another.
    let gap = [life(
        7,
        &[(1, "2026-11-10T12:00:00Z", &points("New", 5.0)), (3, "2026-11-17T12:00:00Z", &points("New", 4.0))],
    )];
    let told = asked(id, &catalogue(), &gap);
    assert_eq!((told.value, told.reason.as_deref()), (None, Some("how much was planned is not known")));
    let told = asked("burndown.original", &catalogue(), &gap);
    assert_eq!((told.value, told.reason.as_deref()), (None, Some("how much was planned is not known")));
}

#[test]
fn until_the_sprint_is_planned_the_line_falls_from_the_scope_of_now() {
    let catalogue = catalogue();
    let (early, id) = (at("2026-11-16T17:00:00Z"), "burndown.ideal:2026-11-16");
    let told = explain(id, &frame(&catalogue), as_they_are(&items()), early).unwrap();
    let shown = figures_of(&catalogue, &items(), early).burndown.unwrap();
    assert_eq!((told.value, told.inputs["planned"].clone()), (shown.days[0].ideal, json!(shown.original)));
    assert!(told.value.is_some());
}

/// A revision: when it was made, in minutes since a week before the sprint; what is left or what it is estimated at, in hundredths;
/// whether it is in the sprint; and its state.
type Written = (i64, Option<i64>, bool, &'static str);

/// Stories and tasks that nearly all were in the sprint when it was planned, and changed since.
fn lives() -> impl Strategy<Value = Vec<WorkItem>> {
    let states = proptest::sample::select(vec!["New", "Active", "Closed", "Removed"]);
    let amount = proptest::option::weighted(0.8, 0..900_i64);
    let revision = (0..20 * 24 * 60_i64, amount, proptest::bool::weighted(0.8), states);
    let item = (any::<bool>(), proptest::collection::vec(revision, 1..6));
    let numbered = |items: Vec<(bool, Vec<Written>)>| -> Vec<WorkItem> {
        (1..).zip(items).map(|(number, (is_task, written))| lived(number, is_task, written)).collect()
    };
    proptest::collection::vec(item, 0..12).prop_map(numbered)
}

fn lived(number: u32, is_task: bool, mut written: Vec<Written>) -> WorkItem {
    let began = at("2026-11-09T05:00:00Z").epoch_ms();
    written.sort_by_key(|(minutes, ..)| *minutes);
    let dates =
        written.iter().map(|(minutes, ..)| Timestamp::from_epoch_ms(began + minutes * 60_000).to_string());
    let changes = written.iter().map(|(_, amount, is_in_sprint, state)| {
        let amount = amount.map(Hundredths::from_hundredths);
        let (is_in_sprint, state) = (*is_in_sprint, *state);
        move |facts: &mut Facts| {
            facts.state = state.into();
            facts.work_item_type = if is_task { "Task" } else { "User Story" }.into();
            facts.iteration_path = if is_in_sprint { "Fabrikam\\Sprint 1" } else { "Fabrikam" }.into();
            facts.remaining_work = amount.filter(|_| is_task);
            facts.effort = amount
                .filter(|_| !is_task)
                .map(|effort| (EFFORT.into(), effort))
                .into_iter()
                .collect::<BTreeMap<_, _>>()
                .into();
        }
    });
    let (dates, changes): (Vec<String>, Vec<_>) = (dates.collect(), changes.collect());
    let revisions = (1..).zip(&dates).zip(&changes);
    let revisions: Vec<(Rev, &str, Change<'_>)> =
        revisions.map(|((rev, date), change)| (rev, &**date, change as Change<'_>)).collect();
    life(number, &revisions)
}

proptest! {
    #[test]
    fn each_number_of_the_ideal_line_follows_from_its_explanation(
        items in lives(),
        now in instant(),
        // A Monday, or the Saturday before, on which nothing is planned yet.
        first in proptest::sample::select(vec!["2026-11-16", "2026-11-14"]),
    ) {
        let catalogue = with_sprint(|sprint| sprint.start = Some(first.parse().unwrap()));
        let burndown = figures_of(&catalogue, &items, now).burndown.unwrap();
        for line in burndown.lines() {
            let unit = serde_json::to_value(line.unit).unwrap();
            let asked = format!("burndown.original.{}", unit.as_str().unwrap());
            let original = explain(&asked, &frame(&catalogue), as_they_are(&items), now).unwrap();
            prop_assert_eq!((original.value, original.unit), (line.original, line.unit));
            prop_assert_eq!(original.value.is_none(), original.reason.is_some());
            if let Some(value) = original.value {
                prop_assert_eq!(value, original.counted.iter().map(|counted| counted.amount).sum(), "{}", asked);
            }
            for day in &line.days {
                let id = format!("burndown.ideal.{}:{}", unit.as_str().unwrap(), day.date);
                let told = explain(&id, &frame(&catalogue), as_they_are(&items), now).unwrap();
                prop_assert_eq!((told.value, told.unit), (day.ideal, line.unit), "{}", id);
                prop_assert_eq!(told.counted.len(), original.counted.len());
                prop_assert_eq!(told.value.is_none(), told.reason.is_some());
                let Some(value) = told.value else { continue };
                let input = |name: &str| told.inputs[name].as_f64().unwrap();
                let (all, over) = (input("workingDays"), input("workingDaysElapsed"));
                let formula = input("planned") * (all - over) / all;
                prop_assert!((value.units() - formula).abs() <= 0.005 + f64::EPSILON, "{:?}: {}", value, formula);
            }
        }
    }
}
