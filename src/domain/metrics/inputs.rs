//! The numbers that go into a metric apart from its items, by the names that an explanation has for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::frame::{LEAD_DAYS, SprintContext};
use super::ids;
use super::metric::Metric;
use super::periods::forecast::RUNS;
use super::table::metric;
use super::tally::{MemberHours, Tallies};
use super::values;
use crate::domain::{CivilDate, Hundredths, Member};

type Inputs = BTreeMap<&'static str, Value>;

/// The numbers that went into a metric apart from its items.
pub(super) fn inputs(metric: &Metric, tallies: &Tallies<'_>) -> Inputs {
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
        .chain(working_days(frame))
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
            sprint().into_iter().chain(working_days(frame)).chain([members, today]).collect()
        }
        ids::SPRINT_DAYS_LEFT => {
            let all = frame.span.map(|span| frame.catalogue.calendar().working_days(span));
            let left = [("workingDays", json!(all)), ("leftFrom", json!(tallies.moment.first_left)), today];
            sprint().into_iter().chain(working_days(frame)).chain(left).collect()
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

/// Which days of the sprint are working days.
pub(super) fn working_days(frame: &SprintContext<'_>) -> [(&'static str, Value); 2] {
    let calendar = frame.catalogue.calendar();
    let is_of_sprint = |day: &&CivilDate| frame.span.is_some_and(|span| span.contains(**day));
    let weekdays: Vec<String> = calendar.weekdays.iter().map(ToString::to_string).collect();
    let off: Vec<&CivilDate> = calendar.days_off.iter().filter(is_of_sprint).collect();
    [("weekdays", json!(weekdays)), ("daysOff", json!(off))]
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
