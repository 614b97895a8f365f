//! Where a metric's number comes from: what went in, which items were counted, and which were left out by which rule.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::digest::Digest;
use super::frame::{LEAD_DAYS, SprintContext};
use super::ideal::{self, AskedIdeal};
use super::ids;
use super::metric::Metric;
use super::periods::forecast::RUNS;
use super::sort_out::sort_out;
use super::table::{self, metric};
use super::tally::{MemberHours, Tallies};
use super::values;
use crate::domain::wire::explanation::{Counted, Explanation, LeftOut};
use crate::domain::{Hundredths, Member, RevisionTold, Timestamp, WorkItem};

type Inputs = BTreeMap<&'static str, Value>;

/// Explains a metric, or a number of the ideal line; `None` when there is nothing of that name.
///
/// The value of a metric that is a sum is exactly the sum of the amounts counted. For a quotient the items counted are
/// those of its dividend. What is left out are items that are, or once were, in the sprint that it tells of, or that it might
/// have counted. Each item comes with which of its revisions is told as the newest.
pub fn explain<'i>(
    id: &str,
    frame: &SprintContext<'_>,
    items: impl Iterator<Item = (&'i WorkItem, RevisionTold)>,
    now: Timestamp,
) -> Option<Explanation> {
    let asked = Asked::parse(id)?;
    let digests: Vec<(Digest, &WorkItem)> =
        items.map(|(item, told)| (Digest::told(item, told, frame), item)).collect();
    let tallies = Tallies::of(frame, table::sums(), digests.iter().map(|(digest, _)| digest), now);
    Some(match asked {
        Asked::Metric(metric) => of_metric(metric, &tallies, &digests),
        Asked::Ideal(asked) => ideal::explain(id, asked, &tallies, &digests),
    })
}

/// What of a board can be asked where it comes from.
enum Asked {
    Metric(&'static Metric),
    Ideal(AskedIdeal),
}

impl Asked {
    fn parse(id: &str) -> Option<Self> {
        metric(id).map(Self::Metric).or_else(|| AskedIdeal::parse(id).map(Self::Ideal))
    }
}

fn of_metric(metric: &Metric, tallies: &Tallies<'_>, digests: &[(Digest, &WorkItem)]) -> Explanation {
    let view = metric.view(tallies);
    let mut inputs = inputs(metric, tallies);
    let (counted, left_out) = items_of(metric, tallies, digests);
    inputs.insert("counted", json!(counted.len()));
    Explanation {
        metric: metric.id.into(),
        value: view.value,
        unit: view.unit,
        definition: metric.definition,
        source: metric.source,
        reason: view.reason,
        partial: view.partial,
        inputs,
        counted,
        left_out,
        history: tallies.history,
    }
}

fn items_of(
    metric: &Metric,
    tallies: &Tallies<'_>,
    digests: &[(Digest, &WorkItem)],
) -> (Vec<Counted>, Vec<LeftOut>) {
    let Some(rule) = metric.items else { return (Vec::new(), Vec::new()) };
    sort_out(rule, metric.concerns, tallies, digests)
}

/// The numbers that went into a metric apart from its items.
fn inputs(metric: &Metric, tallies: &Tallies<'_>) -> Inputs {
    let frame = tallies.moment.frame;
    let sprint = || {
        let span = frame.span;
        [
            ("startDate", json!(span.map(|span| span.first()))),
            ("finishDate", json!(span.map(|span| span.last()))),
        ]
    };
    let today = ("today", json!(tallies.moment.today));
    match metric.id {
        ids::PERCENT_COMPLETE => {
            Inputs::from([amount(ids::POINTS_COMPLETED, tallies), amount(ids::POINTS_TOTAL, tallies)])
        }
        ids::BURNDOWN_AVERAGE => Inputs::from([
            amount(ids::POINTS_COMPLETED, tallies),
            ("workingDaysElapsed", json!(tallies.days_elapsed())),
            today,
        ])
        .into_iter()
        .chain(sprint())
        .chain(values::working_days(frame))
        .collect(),
        ids::POINTS_TOTAL | ids::POINTS_COMPLETED | ids::POINTS_REMAINING | ids::ITEMS_UNESTIMATED => {
            Inputs::from([("effortField", json!(frame.catalogue.effort_field))])
        }
        ids::HOURS_REMAINING => {
            let tasks = tallies.tasks;
            Inputs::from([
                ("tasks", json!(tasks.all)),
                ("openTasks", json!(tasks.open)),
                ("openTasksWithHours", json!(tasks.open_with_hours)),
            ])
        }
        ids::HOURS_CAPACITY => {
            let members = ("members", members(tallies));
            sprint().into_iter().chain(values::working_days(frame)).chain([members, today]).collect()
        }
        ids::SPRINT_DAYS_LEFT => {
            let all = frame.span.map(|span| frame.catalogue.calendar().working_days(span));
            let left = [("workingDays", json!(all)), ("leftFrom", json!(tallies.moment.first_left)), today];
            sprint().into_iter().chain(values::working_days(frame)).chain(left).collect()
        }
        ids::ITEMS_BLOCKED => Inputs::from([("tasks", json!(tallies.tasks.blocked))]),
        ids::ITEMS_STALE => Inputs::from([
            ("staleWorkingDays", json!(frame.settings.stale_working_days)),
            ("unchangedSinceBefore", json!(tallies.moment.stale_before)),
        ]),
        ids::BUGS_OPENED | ids::BUGS_CLOSED => {
            sprint().into_iter().chain([("zone", json!(frame.catalogue.zone.name()))]).collect()
        }
        ids::LEAD_P50 | ids::LEAD_P85 | ids::LEAD_P95 => {
            Inputs::from([("lastDays", json!(LEAD_DAYS)), today])
        }
        _ => inputs_of_past(metric, tallies),
    }
}

/// The same of a metric that tells of the past.
fn inputs_of_past(metric: &Metric, tallies: &Tallies<'_>) -> Inputs {
    let frame = tallies.moment.frame;
    let today = ("today", json!(tallies.moment.today));
    match metric.id {
        ids::PERCENT_OF_ORIGINAL => {
            Inputs::from([amount(ids::POINTS_COMPLETED, tallies), amount(ids::POINTS_ORIGINAL, tallies)])
        }
        ids::POINTS_ORIGINAL
        | ids::SCOPE_ADDED
        | ids::SCOPE_REMOVED
        | ids::SCOPE_REESTIMATED
        | ids::SCOPE_NET
        | ids::ITEMS_CARRIED_OVER => Inputs::from([
            ("plannedUntil", json!(frame.planned_until)),
            ("graceDays", json!(frame.settings.grace_days)),
            ("sprintBefore", json!(frame.before.last().map(|sprint| &sprint.iteration.name))),
        ]),
        ids::VELOCITY_COMPLETED | ids::VELOCITY_PLANNED | ids::VELOCITY_LATE | ids::VELOCITY_INCOMPLETE => {
            Inputs::from([("sprint", last_sprint(tallies))])
        }
        ids::VELOCITY_AVERAGE => Inputs::from([("sprints", values::sprints(tallies))]),
        ids::PERCENT_SAY_DO => Inputs::from([
            ("sprint", last_sprint(tallies)),
            ("planned", json!(tallies.known(ids::VELOCITY_PLANNED))),
        ]),
        ids::PERCENT_ESCAPED => {
            Inputs::from([amount(ids::BUGS_ESCAPED, tallies), amount(ids::BUGS_TOTAL, tallies)])
        }
        ids::ITEMS_AGING => Inputs::from([("cycle.p85", json!(tallies.moment.aging_above))]),
        ids::CYCLE_P50 | ids::CYCLE_P85 | ids::CYCLE_P95 => {
            Inputs::from([("lastDays", json!(LEAD_DAYS)), today])
        }
        ids::THROUGHPUT_DAY => Inputs::from([("days", values::days(tallies)), today]),
        ids::THROUGHPUT_WEEK => Inputs::from([("from", json!(tallies.moment.week_from)), today]),
        ids::FORECAST_PROBABILITY => {
            let more = [ids::FORECAST_ITEMS_P85, ids::FORECAST_WHEN_P85];
            forecast(tallies).into_iter().chain(more.map(|id| (id, json!(computed(id, tallies))))).collect()
        }
        ids::FORECAST_ITEMS_P85 | ids::FORECAST_WHEN_P50 | ids::FORECAST_WHEN_P85 => forecast(tallies),
        _ => Inputs::new(),
    }
}

fn amount(id: &'static str, tallies: &Tallies<'_>) -> (&'static str, Value) {
    (id, json!(tallies.amount(id)))
}

/// What another metric says.
fn computed(id: &str, tallies: &Tallies<'_>) -> Option<Hundredths> {
    metric(id).and_then(|metric| metric.view(tallies).value)
}

fn members(tallies: &Tallies<'_>) -> Value {
    let row = |MemberHours { member, days, hours }: MemberHours<'_>| {
        let activities = member.activities.join(", ");
        let Member { name, per_day, .. } = member;
        json!({ "name": name, "activities": activities, "perDay": per_day, "daysLeft": days, "hours": hours })
    };
    tallies.member_hours().into_iter().map(row).collect()
}

fn last_sprint(tallies: &Tallies<'_>) -> Value {
    json!(tallies.finished().last().map(|(sprint, _)| &sprint.iteration.name))
}

/// All that is needed to run the same forecast: the seed is a text, because not every reader has whole numbers of 64 bits.
fn forecast(tallies: &Tallies<'_>) -> Inputs {
    let Some(inputs) = tallies.forecast_inputs() else { return Inputs::new() };
    Inputs::from([
        ("completedPerDay", json!(inputs.completed)),
        ("daysLeft", json!(inputs.days_left)),
        ("itemsRemaining", json!(inputs.remaining)),
        ("runs", json!(RUNS)),
        ("seed", json!(inputs.seed.to_string())),
    ])
}
