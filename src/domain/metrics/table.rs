//! The table of metrics: one row for each, in the order in which a reader learns them.

use super::ids;
use super::metric::{Metric, Need, Value};
use super::rules::{self, ItemRule};
use super::tally::{Tallies, percent, share};
use super::threshold::{FRACTION_DEFAULT, Rule};
use crate::domain::amount::Hundredths;
use crate::domain::wire::view::Unit;

const BURNDOWN_WIDGET: &str = "Azure DevOps, Configure a burndown or burnup widget";
const SPRINT_BURNDOWN: &str = "Azure DevOps, Configure and monitor sprint burndown";
const SPRINT_CAPACITY: &str = "Azure DevOps, Set sprint capacity";
const STATE_CATEGORIES: &str = "Azure DevOps, About workflow states and state categories";
const LEAD_TIME: &str = "Azure DevOps, Cumulative flow, lead time, and cycle time guidance";
const KANBAN_GUIDE: &str = "The Kanban Guide, Flow Metrics";
const PRACTICE: &str = "Common practice of Scrum and Kanban teams; no standard defines it";

const BY_ONE: Rule = Rule::Relative { fraction: FRACTION_DEFAULT, minimum: Hundredths::whole(1) };
const BY_HALF: Rule = Rule::Relative { fraction: FRACTION_DEFAULT, minimum: Hundredths::from_hundredths(50) };
const BY_TENTH: Rule =
    Rule::Relative { fraction: FRACTION_DEFAULT, minimum: Hundredths::from_hundredths(10) };

/// The metrics that are sums over the items, with the rule by which each item counts.
pub(super) fn sums() -> impl Iterator<Item = (&'static str, ItemRule)> {
    let sums = METRICS.iter().filter(|metric| metric.value.is_none());
    sums.filter_map(|metric| Some((metric.id, metric.items?)))
}

/// The metric with this id.
pub fn metric(id: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.id == id)
}

fn percent_complete(tallies: &Tallies<'_>) -> Option<Hundredths> {
    percent(tallies.known(ids::POINTS_COMPLETED)?, tallies.known(ids::POINTS_TOTAL)?)
}

fn average_burndown(tallies: &Tallies<'_>) -> Option<Hundredths> {
    share(tallies.known(ids::POINTS_COMPLETED)?, tallies.days_elapsed()?)
}

fn days_left(tallies: &Tallies<'_>) -> Option<Hundredths> {
    tallies.days_left().map(Hundredths::whole)
}

const fn lead(id: &'static str, value: Value) -> Metric {
    Metric::computed(id, Unit::Days, BY_TENTH, value)
        .of(rules::lead_time)
        .needs(&[Need::Completions])
        .approximate()
}

/// Every metric, in the order in which a reader learns them.
pub const METRICS: &[Metric] = &[
    Metric::sum(ids::ITEMS_TOTAL, Unit::Items, BY_ONE, rules::items_total)
        .says("How many requirement-level items the sprint holds, completed ones included.", BURNDOWN_WIDGET),
    Metric::sum(ids::POINTS_TOTAL, Unit::Points, BY_HALF, rules::points_total)
        .needs(&[Need::EffortField])
        .says("The effort of all items in the sprint, completed ones included.", BURNDOWN_WIDGET),
    Metric::sum(ids::ITEMS_COMPLETED, Unit::Items, BY_ONE, rules::items_completed)
        .says("How many items of the sprint are in a Completed state.", BURNDOWN_WIDGET),
    Metric::sum(ids::POINTS_COMPLETED, Unit::Points, BY_HALF, rules::points_completed)
        .needs(&[Need::EffortField])
        .says("The effort of the sprint's items that are in a Completed state.", BURNDOWN_WIDGET),
    Metric::sum(ids::ITEMS_REMAINING, Unit::Items, BY_ONE, rules::items_remaining)
        .says("How many items of the sprint are not completed yet.", BURNDOWN_WIDGET),
    Metric::sum(ids::POINTS_REMAINING, Unit::Points, BY_HALF, rules::points_remaining)
        .needs(&[Need::EffortField])
        .says("The effort of the sprint's items that are not completed yet.", BURNDOWN_WIDGET),
    Metric::sum(ids::HOURS_REMAINING, Unit::Hours, BY_HALF, rules::hours_remaining)
        .needs(&[Need::Tasks, Need::HoursOnTasks])
        .says(
            "The hours of work that the sprint's open tasks still need, as entered on them.",
            SPRINT_BURNDOWN,
        ),
    Metric::computed(ids::HOURS_CAPACITY, Unit::Hours, BY_HALF, |tallies| tallies.capacity())
        .needs(&[Need::Dates, Need::WorkingDays, Need::CapacityRead, Need::Capacity])
        .says(
            "The hours that the team's members can still work on the days left in the sprint.",
            SPRINT_CAPACITY,
        ),
    Metric::computed(ids::PERCENT_COMPLETE, Unit::Percent, BY_HALF, percent_complete)
        .of(rules::points_completed)
        .needs(&[Need::EffortField, Need::Points])
        .says("The share of the sprint's effort that is completed.", BURNDOWN_WIDGET),
    Metric::computed(ids::BURNDOWN_AVERAGE, Unit::Points, BY_HALF, average_burndown)
        .of(rules::points_completed)
        .needs(&[Need::EffortField, Need::Dates, Need::WorkingDays])
        .says(
            "The effort completed per working day of the sprint so far, today not counted as a day.",
            BURNDOWN_WIDGET,
        ),
    Metric::computed(ids::SPRINT_DAYS_LEFT, Unit::Days, BY_ONE, days_left)
        .needs(&[Need::Dates, Need::WorkingDays])
        .says("How many working days are left in the sprint, today among them.", SPRINT_BURNDOWN),
    Metric::sum(ids::ITEMS_WIP, Unit::Items, BY_ONE, rules::items_wip)
        .says("How many items of the sprint are started and not completed (work in progress).", KANBAN_GUIDE),
    Metric::sum(ids::ITEMS_BLOCKED, Unit::Items, Rule::AnyChange, rules::items_blocked)
        .says("How many open items of the sprint are marked as blocked.", PRACTICE),
    Metric::sum(ids::ITEMS_STALE, Unit::Items, BY_ONE, rules::items_stale)
        .needs(&[Need::WorkingDays, Need::WorkingWeek])
        .says("How many open items of the sprint nobody has changed for five whole working days.", PRACTICE),
    Metric::sum(ids::ITEMS_UNESTIMATED, Unit::Items, BY_ONE, rules::items_unestimated)
        .needs(&[Need::EffortField])
        .says(
            "How many open items of the sprint have no effort, though their type has a field for it.",
            BURNDOWN_WIDGET,
        ),
    Metric::sum(ids::BUGS_OPEN, Unit::Bugs, Rule::AnyChange, rules::bugs_open)
        .needs(&[Need::BugTypesRead, Need::BugTypes])
        .says("How many bugs in the sprint are not completed yet.", STATE_CATEGORIES),
    Metric::sum(ids::BUGS_OPENED, Unit::Bugs, Rule::AnyChange, rules::bugs_opened)
        .needs(&[Need::BugTypesRead, Need::BugTypes, Need::Dates])
        .says("How many bugs in the sprint were created on one of its days.", STATE_CATEGORIES),
    Metric::sum(ids::BUGS_CLOSED, Unit::Bugs, Rule::AnyChange, rules::bugs_closed)
        .needs(&[Need::BugTypesRead, Need::BugTypes, Need::Dates])
        .says("How many bugs in the sprint were completed on one of its days.", STATE_CATEGORIES),
    lead(ids::LEAD_P50, |tallies| tallies.lead_percentile(50)).says(
        "Half of the items completed in the last 90 days took at most this long since they were created.",
        LEAD_TIME,
    ),
    lead(ids::LEAD_P85, |tallies| tallies.lead_percentile(85)).says(
        "85 of 100 items completed in the last 90 days took at most this long since they were created.",
        LEAD_TIME,
    ),
    lead(ids::LEAD_P95, |tallies| tallies.lead_percentile(95)).says(
        "95 of 100 items completed in the last 90 days took at most this long since they were created.",
        LEAD_TIME,
    ),
];
