//! What holds of the past of every board: it is the board as it was, and every number follows from its explanation.

use proptest::prelude::*;
use serde_json::Value;

use super::metric::Kind;
use super::periods::forecast::{self, ForecastInputs};
use super::properties::{STATES, as_it_was, instant, item};
use super::testing::{figures_of, frame};
use super::*;
use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::sprint::work_item::WorkItem;
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::Unit;

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
fn recomputed(explanation: &Explanation) -> f64 {
    let counted: Vec<f64> = explanation.counted.iter().map(|counted| counted.amount.units()).collect();
    let sum: f64 = counted.iter().sum();
    let one_decimal = |value: f64| (value * 10.0).round() / 10.0;
    let percent =
        |part: &str, whole: &str| one_decimal(100.0 * input(explanation, part) / input(explanation, whole));
    match explanation.metric {
        "percent.complete" => percent("points.completed", "points.total"),
        "percent.of_original" => percent("points.completed", "points.original"),
        "percent.escaped" => percent("bugs.escaped", "bugs.total"),
        "percent.say_do" => one_decimal(100.0 * sum / input(explanation, "planned")),
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
        id if id.starts_with("forecast.") => forecast_of(id, explanation),
        "sprint.days_left" => explanation.value.unwrap().units(),
        _ => sum,
    }
}

fn forecast_of(id: &str, explanation: &Explanation) -> f64 {
    let number = |name: &str| u32::try_from(explanation.inputs[name].as_u64().unwrap()).unwrap();
    let days = explanation.inputs["completedPerDay"].as_array().unwrap().iter();
    let completed: Vec<u32> = days.map(|items| u32::try_from(items.as_u64().unwrap()).unwrap()).collect();
    let forecast = forecast::run(&ForecastInputs {
        completed: &completed,
        days_left: number("daysLeft"),
        remaining: number("itemsRemaining"),
        seed: explanation.inputs["seed"].as_str().unwrap().parse().unwrap(),
    });
    match id {
        "forecast.items.p85" => f64::from(forecast.items_p85),
        "forecast.probability" => (f64::from(forecast.runs_done) / 10.0).round() / 10.0,
        "forecast.when.p50" => f64::from(forecast.days_p50.unwrap()),
        _ => f64::from(forecast.days_p85.unwrap()),
    }
}

proptest! {
    #[test]
    fn every_number_follows_from_its_explanation(items in items(2), now in instant()) {
        let catalogue = with_sprint_before();
        let frame = frame(&catalogue);
        for metric in METRICS {
            let explanation = explain(metric.id, &frame, items.iter(), now).unwrap();
            let Some(value) = explanation.value else { continue };
            let expected = recomputed(&explanation);
            prop_assert!((value.units() - expected).abs() < 0.005_1, "{}: {} and {expected}", metric.id, value.units());
            if matches!(metric.kind, Kind::Sum) {
                let counted: Hundredths = explanation.counted.iter().map(|counted| counted.amount).sum();
                prop_assert_eq!(value, counted, "{}", metric.id);
            }
        }
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
