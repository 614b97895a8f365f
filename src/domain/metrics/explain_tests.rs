//! What an explanation says beside its number.

use serde_json::json;

use super::testing::{amount, as_they_are, bug, frame, hours, life, noon, points, state, story, task};
use super::*;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::work_item::{History, WorkItem};
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::Unit;

fn explain(id: &str, items: &[WorkItem]) -> Explanation {
    let catalogue = catalogue();
    super::explain(id, &frame(&catalogue), as_they_are(items), noon()).unwrap()
}

#[test]
fn every_item_of_the_sprint_is_counted_or_left_out_by_a_rule() {
    let items = [
        story(1, points("Closed", 3.0)),
        story(2, points("New", 5.0)),
        story(3, state("Closed")),
        task(4, state("Closed")),
        story(5, points("Removed", 8.0)),
        story(6, |facts| facts.iteration_path = "Fabrikam\\Sprint 2".into()),
        life(
            7,
            &[
                (1, "2026-11-16T15:00:00Z", &points("Closed", 1.0)),
                (2, "2026-11-17T15:00:00Z", &|facts| facts.iteration_path = "Fabrikam\\Sprint 2".into()),
            ],
        ),
    ];
    let explanation = explain("points.completed", &items);
    assert_eq!(explanation.value, Some(amount(3.0)));
    let counted: Vec<_> = explanation.counted.iter().map(|c| (c.id.number(), c.amount, &*c.why)).collect();
    assert_eq!(counted, [(1, amount(3.0), "is in a Completed state")]);
    let left_out: Vec<_> = explanation.left_out.iter().map(|l| (l.id.number(), &*l.rule)).collect();
    let expected = [
        (2, "is not in a Completed state"),
        (3, "is not estimated"),
        (4, "is on the task backlog"),
        (5, "is in a Removed state"),
        (7, "is no longer in the sprint"),
    ];
    assert_eq!(left_out, expected);
    assert_eq!(explanation.inputs["effortField"], json!("Microsoft.VSTS.Scheduling.StoryPoints"));
    assert_eq!((explanation.unit, explanation.history), (Unit::Points, History::Complete));
}

#[test]
fn what_is_no_sum_shows_what_went_in() {
    let items = [story(1, points("Closed", 3.0)), story(2, points("New", 1.0))];
    let percent = explain("percent.complete", &items);
    assert_eq!(percent.value, Some(amount(75.0)));
    assert_eq!(
        (&percent.inputs["points.completed"], &percent.inputs["points.total"]),
        (&json!(3), &json!(4))
    );
    assert_eq!(percent.counted.len(), 1);
    let capacity = explain("hours.capacity", &[]);
    let jamal =
        json!([{ "name": "Jamal", "activities": "Development", "perDay": 6, "daysLeft": 6, "hours": 36 }]);
    assert_eq!((capacity.value, &capacity.inputs["members"]), (Some(amount(36.0)), &jamal));
    let average = explain("burndown.average", &items);
    assert_eq!((average.value, &average.inputs["workingDaysElapsed"]), (Some(amount(1.5)), &json!(2)));
    let days = explain("sprint.days_left", &[]);
    assert_eq!(
        (&days.inputs["finishDate"], &days.inputs["today"]),
        (&json!("2026-11-27"), &json!("2026-11-18"))
    );
}

#[test]
fn a_metric_without_a_value_says_why() {
    let explanation = explain("hours.remaining", &[story(1, hours("New", 4.0))]);
    assert_eq!(explanation.value, None);
    assert_eq!(explanation.reason.as_deref(), Some("the sprint has no tasks"));
    let unknown = explain(
        "bugs.opened",
        &[life(
            1,
            &[(4, "2026-11-17T12:00:00Z", &|facts| {
                facts.work_item_type = "Bug".into();
            })],
        )],
    );
    assert_eq!(unknown.value, None);
    assert_eq!(&*unknown.left_out[0].rule, "when a bug was created is not known");
}

#[test]
fn only_metrics_can_be_explained() {
    let catalogue = catalogue();
    let items = [bug(1, |_| {})];
    for metric in METRICS {
        let explanation = super::explain(metric.id, &frame(&catalogue), as_they_are(&items), noon()).unwrap();
        assert_eq!(
            (&*explanation.metric, explanation.definition, explanation.source),
            (metric.id, metric.definition, metric.source)
        );
        assert!(explanation.reason.is_none() == explanation.value.is_some(), "{}", metric.id);
    }
    for id in ["burndown", "velocity", ""] {
        assert!(super::explain(id, &frame(&catalogue), as_they_are(&items), noon()).is_none(), "{id}");
    }
}
