//! The table of metrics: one row for each, in the order in which a reader learns them.

use serde_json::json;

use super::capacity;
use super::ids;
use super::metric::{Metric, Value};
use super::need;
use super::rules::{self, ItemRule, past};
use super::statistics::Times;
use super::tally::{OUT_OF_RANGE, Tallies, percent, share};
use super::threshold::{FRACTION_DEFAULT, Rule};
use super::values;
use crate::domain::amount::Hundredths;
use crate::domain::wire::view::Unit;

const BURNDOWN_WIDGET: &str = "Azure DevOps, Configure a burndown or burnup widget";
pub(super) const SPRINT_BURNDOWN: &str = "Azure DevOps, Configure and monitor sprint burndown";
const SPRINT_CAPACITY: &str = "Azure DevOps, Set sprint capacity";
const STATE_CATEGORIES: &str = "Azure DevOps, About workflow states and state categories";
const LEAD_TIME: &str = "Azure DevOps, Cumulative flow, lead time, and cycle time guidance";
const KANBAN_GUIDE: &str = "The Kanban Guide, Flow Metrics";
const SCOPE_CHANGE: &str = "Azure DevOps, Configure a burndown or burnup widget: total scope increase";
pub(super) const VELOCITY: &str = "Azure DevOps, View and configure team velocity";
const FORECAST: &str = "Daniel Vacanti, Actionable Agile Metrics for Predictability: Monte Carlo simulation";
pub(super) const PRACTICE: &str = "Common practice of Scrum and Kanban teams; no standard defines it";

const BY_ONE: Rule = Rule::Relative { fraction: FRACTION_DEFAULT, minimum: Hundredths::whole(1) };
const BY_HALF: Rule = Rule::Relative { fraction: FRACTION_DEFAULT, minimum: Hundredths::from_hundredths(50) };
const BY_TENTH: Rule =
    Rule::Relative { fraction: FRACTION_DEFAULT, minimum: Hundredths::from_hundredths(10) };

/// The metrics for which what the items contribute is summed, with the rule by which each item counts.
pub(super) fn sums() -> impl Iterator<Item = (&'static str, ItemRule)> {
    let sums = METRICS.iter().filter(|metric| metric.is_summed());
    sums.filter_map(|metric| Some((metric.id, metric.items?)))
}

/// The metric with this id.
pub fn metric(id: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.id == id)
}

type Computed = Result<Hundredths, &'static str>;

fn percent_complete(tallies: &Tallies<'_>) -> Computed {
    let completed = tallies.summed(ids::POINTS_COMPLETED)?;
    percent(completed, tallies.summed(ids::POINTS_TOTAL)?).ok_or(OUT_OF_RANGE)
}

fn average_burndown(tallies: &Tallies<'_>) -> Computed {
    let completed = tallies.summed(ids::POINTS_COMPLETED)?;
    tallies.days_elapsed().and_then(|days| share(completed, days)).ok_or(OUT_OF_RANGE)
}

fn days_left(tallies: &Tallies<'_>) -> Computed {
    tallies.days_left().map(Hundredths::whole).ok_or(OUT_OF_RANGE)
}

const fn lead(id: &'static str, value: Value) -> Metric {
    Metric::computed(id, Unit::Days, BY_TENTH, value)
        .of(rules::lead_time)
        .needs(&[need::COMPLETIONS])
        .of_past_but(|tallies| tallies.statistics.lead.unknown)
        .by_closed_date()
}

const fn cycle(id: &'static str, value: Value) -> Metric {
    Metric::computed(id, Unit::Days, BY_TENTH, value)
        .of(past::cycle_time)
        .needs(&[need::CYCLE_TIMES])
        .of_past_but(|tallies| tallies.statistics.cycle.unknown)
        .by_closed_date()
}

const fn scope(id: &'static str, rule: ItemRule) -> Metric {
    Metric::sum(id, Unit::Points, BY_HALF, rule)
        .needs(&[need::DATES, need::WORKING_DAYS, need::PAST_IF_PLANNED])
        .of_past()
        .counted_as_scope()
}

const fn velocity(id: &'static str, rule: ItemRule) -> Metric {
    Metric::sum(id, Unit::Points, BY_HALF, rule)
        .needs(&[need::DATES, need::WORKING_DAYS, need::PAST, need::SPRINT_BEFORE, need::EARLIER_SPRINT])
        .of_past()
        .counted_as_velocity()
        .over_sprints()
        .concerning(past::was_in_last_sprint)
}

const fn forecast(id: &'static str, unit: Unit, value: Value) -> Metric {
    Metric::computed(id, unit, BY_ONE, value)
        .of(past::forecast_days)
        .needs(&[
            need::DATES,
            need::WORKING_DAYS,
            need::RUNNING,
            need::KNOWN_DAYS_DRAWN_FROM,
            need::DAYS_DRAWN_FROM,
            need::ITEMS_DRAWN_FROM,
        ])
        .of_past_but(|tallies| tallies.statistics.undated)
        .over_days()
        .concerning(past::may_have_been_completed_lately)
}

fn percentile(times: &Times, percent: usize) -> Computed {
    times.percentile(percent).ok_or(OUT_OF_RANGE)
}

/// Every metric, in the order in which a reader learns them.
pub const METRICS: &[Metric] = &[
    Metric::sum(ids::ITEMS_TOTAL, Unit::Items, BY_ONE, rules::items_total)
        .says("How many requirement-level items the sprint holds, completed ones included.", BURNDOWN_WIDGET),
    Metric::sum(ids::POINTS_TOTAL, Unit::Points, BY_HALF, rules::points_total)
        .needs(&[need::EFFORT_FIELD])
        .says("The effort of all items in the sprint, completed ones included.", BURNDOWN_WIDGET),
    Metric::sum(ids::ITEMS_COMPLETED, Unit::Items, BY_ONE, rules::items_completed)
        .says("How many items of the sprint are in a Completed state.", BURNDOWN_WIDGET),
    Metric::sum(ids::POINTS_COMPLETED, Unit::Points, BY_HALF, rules::points_completed)
        .needs(&[need::EFFORT_FIELD])
        .says("The effort of the sprint's items that are in a Completed state.", BURNDOWN_WIDGET),
    Metric::sum(ids::ITEMS_REMAINING, Unit::Items, BY_ONE, rules::items_remaining)
        .says("How many items of the sprint are not completed yet.", BURNDOWN_WIDGET),
    Metric::sum(ids::POINTS_REMAINING, Unit::Points, BY_HALF, rules::points_remaining)
        .needs(&[need::EFFORT_FIELD])
        .says("The effort of the sprint's items that are not completed yet.", BURNDOWN_WIDGET),
    Metric::sum(ids::HOURS_REMAINING, Unit::Hours, BY_HALF, rules::hours_remaining)
        .needs(&[need::TASKS, need::HOURS_ON_TASKS])
        .says(
            "The hours of work that the sprint's open tasks still need, as entered on them.",
            SPRINT_BURNDOWN,
        ),
    Metric::computed(ids::HOURS_CAPACITY, Unit::Hours, BY_HALF, |all| all.capacity().ok_or(OUT_OF_RANGE))
        .needs(&[need::DATES, need::WORKING_DAYS, need::CAPACITY_READ, need::CAPACITY_ASKED, need::CAPACITY])
        .detailed(capacity::detail)
        .says(
            "The hours that the team's members can still work on the days left in the sprint.",
            SPRINT_CAPACITY,
        ),
    Metric::computed(ids::PERCENT_COMPLETE, Unit::Percent, BY_HALF, percent_complete)
        .of(rules::points_completed)
        .needs(&[need::EFFORT_FIELD, need::POINTS])
        .says("The share of the sprint's effort that is completed.", BURNDOWN_WIDGET),
    Metric::computed(ids::PERCENT_OF_ORIGINAL, Unit::Percent, BY_HALF, values::percent_of_original)
        .of(rules::points_completed)
        .needs(&[
            need::EFFORT_FIELD,
            need::DATES,
            need::WORKING_DAYS,
            need::PAST_IF_PLANNED,
            need::POINTS_PLANNED,
        ])
        .of_past_but(|all| all.sum(ids::POINTS_ORIGINAL).unknown_items)
        .says("The effort completed, as a share of what the sprint was planned with.", BURNDOWN_WIDGET),
    Metric::sum(ids::POINTS_ORIGINAL, Unit::Points, BY_HALF, past::points_original)
        .needs(&[need::EFFORT_FIELD, need::DATES, need::WORKING_DAYS, need::PAST_IF_PLANNED])
        .of_past()
        .says("The effort that the sprint was planned with (original scope).", BURNDOWN_WIDGET),
    scope(ids::SCOPE_ADDED, past::scope_added)
        .says("The effort that came into the sprint after it was planned.", SCOPE_CHANGE),
    scope(ids::SCOPE_REMOVED, past::scope_removed)
        .says("The effort that left the sprint after it was planned.", SCOPE_CHANGE),
    scope(ids::SCOPE_REESTIMATED, past::scope_reestimated)
        .says("By how much the sprint's items were estimated anew after it was planned.", SCOPE_CHANGE),
    scope(ids::SCOPE_NET, past::scope_net).says(
        "By how much the scope grew after the sprint was planned: added, less removed, and re-estimated.",
        SCOPE_CHANGE,
    ),
    Metric::sum(ids::ITEMS_CARRIED_OVER, Unit::Items, BY_ONE, past::items_carried_over)
        .needs(&[need::DATES, need::WORKING_DAYS, need::PAST, need::SPRINT_BEFORE])
        .of_past()
        .says("How many items the sprint was planned with that the sprint before left open.", VELOCITY),
    velocity(ids::VELOCITY_COMPLETED, past::velocity_completed)
        .detailed(|all| Some(json!({ "sprints": values::sprints(all) })))
        .says(
            "The effort completed in the last finished sprint, as it was estimated when that ended.",
            VELOCITY,
        ),
    Metric::computed(ids::VELOCITY_AVERAGE, Unit::Points, BY_HALF, values::velocity_average)
        .needs(&[
            need::AREA_PATH,
            need::AREAS,
            need::BACKLOGS,
            need::LEVELS,
            need::DATES,
            need::WORKING_DAYS,
            need::PAST,
            need::SPRINT_BEFORE,
            need::EARLIER_SPRINT,
        ])
        .counted_as_velocity()
        .over_sprints()
        .of_past_but(|all| all.finished().iter().map(|(_, sums)| sums.unknown).sum())
        .detailed(|all| Some(json!({ "sprints": values::sprints(all) })))
        .says("The mean of what was completed in each of the last six finished sprints.", VELOCITY),
    velocity(ids::VELOCITY_PLANNED, past::velocity_planned)
        .says("The effort that the last finished sprint was planned with.", VELOCITY),
    velocity(ids::VELOCITY_LATE, past::velocity_late).says(
        "The effort of the last finished sprint that was completed after it, until the next ends.",
        VELOCITY,
    ),
    velocity(ids::VELOCITY_INCOMPLETE, past::velocity_incomplete).says(
        "The effort planned for the last finished sprint that was not completed when it ended.",
        VELOCITY,
    ),
    Metric::computed(ids::PERCENT_SAY_DO, Unit::Percent, BY_HALF, values::say_do)
        .of(past::kept)
        .needs(&[
            need::DATES,
            need::WORKING_DAYS,
            need::PAST,
            need::SPRINT_BEFORE,
            need::EARLIER_SPRINT,
            need::PLANNED_BEFORE,
        ])
        .of_past_but(|all| all.sum(ids::VELOCITY_PLANNED).unknown_items)
        .over_sprints()
        .concerning(past::was_in_last_sprint)
        .says(
            "The share of the effort planned for the last finished sprint that was completed in it.",
            PRACTICE,
        ),
    Metric::computed(ids::BURNDOWN_AVERAGE, Unit::Points, BY_HALF, average_burndown)
        .of(rules::points_completed)
        .needs(&[need::EFFORT_FIELD, need::DATES, need::WORKING_DAYS])
        .says(
            "The effort completed per working day of the sprint so far, today not counted as a day.",
            BURNDOWN_WIDGET,
        ),
    Metric::computed(ids::SPRINT_DAYS_LEFT, Unit::Days, BY_ONE, days_left)
        .needs(&[need::DATES, need::WORKING_DAYS])
        .says("How many working days are left in the sprint, today among them.", SPRINT_BURNDOWN),
    Metric::sum(ids::ITEMS_WIP, Unit::Items, BY_ONE, rules::items_wip)
        .says("How many items of the sprint are started and not completed (work in progress).", KANBAN_GUIDE),
    Metric::sum(ids::ITEMS_BLOCKED, Unit::Items, Rule::AnyChange, rules::items_blocked)
        .says("How many open items of the sprint are marked as blocked.", PRACTICE),
    Metric::sum(ids::BLOCKED_HOURS, Unit::Hours, BY_ONE, past::blocked_hours)
        .needs(&[need::DATES])
        .of_past()
        .says(
            "For how many hours the sprint's items were blocked in the sprint while they were open.",
            PRACTICE,
        ),
    Metric::largest(ids::AGE_MAX, Unit::Days, BY_TENTH, past::age)
        .needs(&[need::STARTED])
        .of_past()
        .says("How long ago the oldest item of the sprint was started that is in progress.", KANBAN_GUIDE),
    Metric::sum(ids::ITEMS_AGING, Unit::Items, Rule::AnyChange, past::items_aging)
        .needs(&[need::CYCLE_TIMES])
        .of_past()
        .over_days()
        .says(
            "How many items in progress are older than 85 of 100 items were when they were completed.",
            PRACTICE,
        ),
    Metric::sum(ids::ITEMS_STALE, Unit::Items, BY_ONE, rules::items_stale)
        .needs(&[need::WORKING_DAYS, need::WORKING_WEEK])
        .says("How many open items of the sprint nobody has changed for five whole working days, or as many as are set.", PRACTICE),
    Metric::sum(ids::ITEMS_UNESTIMATED, Unit::Items, BY_ONE, rules::items_unestimated)
        .needs(&[need::EFFORT_FIELD])
        .says(
            "How many open items of the sprint have no effort, though their type has a field for it.",
            BURNDOWN_WIDGET,
        ),
    Metric::sum(ids::BUGS_OPEN, Unit::Bugs, Rule::AnyChange, rules::bugs_open)
        .needs(&[need::BUG_TYPES_READ, need::BUG_TYPES])
        .says("How many bugs in the sprint are not completed yet.", STATE_CATEGORIES),
    Metric::sum(ids::BUGS_OPENED, Unit::Bugs, Rule::AnyChange, rules::bugs_opened)
        .needs(&[need::BUG_TYPES_READ, need::BUG_TYPES, need::DATES])
        .says("How many bugs in the sprint were created on one of its days.", STATE_CATEGORIES),
    Metric::sum(ids::BUGS_CLOSED, Unit::Bugs, Rule::AnyChange, rules::bugs_closed)
        .needs(&[need::BUG_TYPES_READ, need::BUG_TYPES, need::DATES])
        .says("How many bugs in the sprint were completed on one of its days.", STATE_CATEGORIES),
    Metric::sum(ids::BUGS_REOPENED, Unit::Bugs, Rule::AnyChange, past::bugs_reopened)
        .needs(&[need::BUG_TYPES_READ, need::BUG_TYPES, need::DATES])
        .of_past()
        .says("How often bugs in the sprint were reopened on one of its days.", STATE_CATEGORIES),
    Metric::sum(ids::BUGS_TOTAL, Unit::Bugs, Rule::AnyChange, past::bugs_total)
        .needs(&[need::BUG_TYPES_READ, need::BUG_TYPES])
        .says("How many bugs the sprint has, completed ones included.", STATE_CATEGORIES),
    Metric::sum(ids::BUGS_ESCAPED, Unit::Bugs, Rule::AnyChange, past::bugs_escaped)
        .needs(&[need::BUG_TYPES_READ, need::BUG_TYPES, need::ESCAPED_TAGS])
        .says("How many bugs in the sprint were found after a release.", PRACTICE),
    Metric::computed(ids::PERCENT_ESCAPED, Unit::Percent, BY_HALF, values::percent_escaped)
        .of(past::bugs_escaped)
        .needs(&[need::BUG_TYPES_READ, need::BUG_TYPES, need::ESCAPED_TAGS, need::BUGS])
        .says("The share of the sprint's bugs that were found after a release.", PRACTICE),
    cycle(ids::CYCLE_P50, |all| percentile(&all.statistics.cycle, 50)).says(
        "Half of the items completed in the last 90 days took at most this long since they were started.",
        LEAD_TIME,
    ),
    cycle(ids::CYCLE_P85, |all| percentile(&all.statistics.cycle, 85)).says(
        "85 of 100 items completed in the last 90 days took at most this long since they were started.",
        LEAD_TIME,
    ),
    cycle(ids::CYCLE_P95, |all| percentile(&all.statistics.cycle, 95)).says(
        "95 of 100 items completed in the last 90 days took at most this long since they were started.",
        LEAD_TIME,
    ),
    lead(ids::LEAD_P50, |all| percentile(&all.statistics.lead, 50)).says(
        "Half of the items completed in the last 90 days took at most this long since they were created.",
        LEAD_TIME,
    ),
    lead(ids::LEAD_P85, |all| percentile(&all.statistics.lead, 85)).says(
        "85 of 100 items completed in the last 90 days took at most this long since they were created.",
        LEAD_TIME,
    ),
    lead(ids::LEAD_P95, |all| percentile(&all.statistics.lead, 95)).says(
        "95 of 100 items completed in the last 90 days took at most this long since they were created.",
        LEAD_TIME,
    ),
    Metric::computed(ids::THROUGHPUT_WEEK, Unit::Items, BY_ONE, |all| {
        Ok(Hundredths::whole(all.statistics.week))
    })
    .of(past::throughput_week)
    .of_past_but(|all| all.statistics.undated)
    .over_week()
    .says("How many of the team's items were completed today and on the six days before.", KANBAN_GUIDE),
    Metric::computed(ids::THROUGHPUT_DAY, Unit::Items, BY_TENTH, values::throughput_day)
        .of(past::throughput_days)
        .needs(&[need::WORKING_DAYS, need::WORKED_DAYS])
        .of_past_but(|all| all.statistics.undated)
        .detailed(|all| Some(json!({ "days": values::days(all) })))
        .over_days()
        .concerning(past::may_have_been_completed_lately)
        .says(
            "The mean of what the team completed on each of the last 30 working days before today.",
            KANBAN_GUIDE,
        ),
    forecast(ids::FORECAST_ITEMS_P85, Unit::Items, values::forecast_items).says(
        "As many items or more are completed by the end of the sprint, in 85 of 100 simulated runs.",
        FORECAST,
    ),
    forecast(ids::FORECAST_PROBABILITY, Unit::Percent, values::forecast_probability).says(
        "In how many of 100 simulated runs all of the sprint's items are completed by its end.",
        FORECAST,
    ),
    forecast(ids::FORECAST_WHEN_P50, Unit::Days, values::forecast_p50).detailed(values::date_p50).says(
        "After how many working days, today among them, all items are completed in half of the runs.",
        FORECAST,
    ),
    forecast(ids::FORECAST_WHEN_P85, Unit::Days, values::forecast_p85).detailed(values::date_p85).says(
        "After how many working days, today among them, all items are completed in 85 of 100 runs.",
        FORECAST,
    ),
];
