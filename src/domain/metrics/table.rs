//! The table of metrics: one row for each, in the order in which a reader learns them.

use super::ids::{
    BUGS_CLOSED, BUGS_OPEN, BUGS_OPENED, BURNDOWN_AVERAGE, HOURS_CAPACITY, HOURS_REMAINING, ITEMS_BLOCKED,
    ITEMS_COMPLETED, ITEMS_REMAINING, ITEMS_STALE, ITEMS_TOTAL, ITEMS_UNESTIMATED, ITEMS_WIP, LEAD_P50,
    LEAD_P85, LEAD_P95, PERCENT_COMPLETE, POINTS_COMPLETED, POINTS_REMAINING, POINTS_TOTAL, SPRINT_DAYS_LEFT,
};
use super::metric::{Formula, Metric, Need, Significance};
use super::rules::{self, Rule};
use super::tally::{Tallies, percent, share};
use crate::domain::amount::Hundredths;
use crate::domain::wire::view::Unit;

const BURNDOWN_WIDGET: &str = "Azure DevOps, Configure a burndown or burnup widget";
const SPRINT_BURNDOWN: &str = "Azure DevOps, Configure and monitor sprint burndown";
const SPRINT_CAPACITY: &str = "Azure DevOps, Set sprint capacity";
const STATE_CATEGORIES: &str = "Azure DevOps, About workflow states and state categories";
const LEAD_TIME: &str = "Azure DevOps, Cumulative flow, lead time, and cycle time guidance";
const KANBAN_GUIDE: &str = "The Kanban Guide, Flow Metrics";
const PRACTICE: &str = "Common practice of Scrum and Kanban teams; no standard defines it";

const BY_ONE: Significance = Significance::Relative { minimum: Hundredths::whole(1) };
const BY_HALF: Significance = Significance::Relative { minimum: Hundredths::from_hundredths(50) };
const BY_TENTH: Significance = Significance::Relative { minimum: Hundredths::from_hundredths(10) };

/// The metrics that are sums over the items, with the rule by which each item counts.
pub(super) fn sums() -> impl Iterator<Item = (&'static str, Rule)> {
    METRICS.iter().filter_map(|metric| match metric.formula {
        Formula::Sum(rule) => Some((metric.id, rule)),
        Formula::Other { .. } => None,
    })
}

/// The metric with this id.
pub fn metric(id: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.id == id)
}

fn percent_complete(tallies: &Tallies<'_>) -> Option<Hundredths> {
    percent(tallies.amount(POINTS_COMPLETED), tallies.amount(POINTS_TOTAL))
}

fn average_burndown(tallies: &Tallies<'_>) -> Option<Hundredths> {
    share(tallies.amount(POINTS_COMPLETED), tallies.days_elapsed()?)
}

fn days_left(tallies: &Tallies<'_>) -> Option<Hundredths> {
    tallies.days_left().map(Hundredths::whole)
}

/// Every metric, in the order in which a reader learns them.
pub const METRICS: &[Metric] = &[
    Metric {
        id: ITEMS_TOTAL,
        unit: Unit::Items,
        significance: BY_ONE,
        definition: "How many requirement-level items the sprint holds, completed ones included.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[],
        formula: Formula::Sum(rules::items_total),
    },
    Metric {
        id: POINTS_TOTAL,
        unit: Unit::Points,
        significance: BY_HALF,
        definition: "The effort of all items in the sprint, completed ones included.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[Need::EffortField],
        formula: Formula::Sum(rules::points_total),
    },
    Metric {
        id: ITEMS_COMPLETED,
        unit: Unit::Items,
        significance: BY_ONE,
        definition: "How many items of the sprint are in a Completed state.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[],
        formula: Formula::Sum(rules::items_completed),
    },
    Metric {
        id: POINTS_COMPLETED,
        unit: Unit::Points,
        significance: BY_HALF,
        definition: "The effort of the sprint's items that are in a Completed state.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[Need::EffortField],
        formula: Formula::Sum(rules::points_completed),
    },
    Metric {
        id: ITEMS_REMAINING,
        unit: Unit::Items,
        significance: BY_ONE,
        definition: "How many items of the sprint are not completed yet.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[],
        formula: Formula::Sum(rules::items_remaining),
    },
    Metric {
        id: POINTS_REMAINING,
        unit: Unit::Points,
        significance: BY_HALF,
        definition: "The effort of the sprint's items that are not completed yet.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[Need::EffortField],
        formula: Formula::Sum(rules::points_remaining),
    },
    Metric {
        id: HOURS_REMAINING,
        unit: Unit::Hours,
        significance: BY_HALF,
        definition: "The hours of work that the sprint's open tasks still need, as entered on them.",
        source: SPRINT_BURNDOWN,
        approximate: false,
        needs: &[Need::Tasks, Need::HoursOnTasks],
        formula: Formula::Sum(rules::hours_remaining),
    },
    Metric {
        id: HOURS_CAPACITY,
        unit: Unit::Hours,
        significance: BY_HALF,
        definition: "The hours that the team's members can still work on the days left in the sprint.",
        source: SPRINT_CAPACITY,
        approximate: false,
        needs: &[Need::Dates, Need::Capacity],
        formula: Formula::Other { value: |tallies| tallies.capacity(), items: None },
    },
    Metric {
        id: PERCENT_COMPLETE,
        unit: Unit::Percent,
        significance: BY_HALF,
        definition: "The share of the sprint's effort that is completed.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[Need::EffortField, Need::Points],
        formula: Formula::Other { value: percent_complete, items: Some(rules::points_completed) },
    },
    Metric {
        id: BURNDOWN_AVERAGE,
        unit: Unit::Points,
        significance: BY_HALF,
        definition: "The effort completed per working day of the sprint so far, today not counted as a day.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[Need::EffortField, Need::Dates],
        formula: Formula::Other { value: average_burndown, items: Some(rules::points_completed) },
    },
    Metric {
        id: SPRINT_DAYS_LEFT,
        unit: Unit::Days,
        significance: BY_ONE,
        definition: "How many working days are left in the sprint, today among them.",
        source: SPRINT_BURNDOWN,
        approximate: false,
        needs: &[Need::Dates],
        formula: Formula::Other { value: days_left, items: None },
    },
    Metric {
        id: ITEMS_WIP,
        unit: Unit::Items,
        significance: BY_ONE,
        definition: "How many items of the sprint are started and not completed (work in progress).",
        source: KANBAN_GUIDE,
        approximate: false,
        needs: &[],
        formula: Formula::Sum(rules::items_wip),
    },
    Metric {
        id: ITEMS_BLOCKED,
        unit: Unit::Items,
        significance: Significance::AnyChange,
        definition: "How many open items of the sprint are marked as blocked.",
        source: PRACTICE,
        approximate: false,
        needs: &[],
        formula: Formula::Sum(rules::items_blocked),
    },
    Metric {
        id: ITEMS_STALE,
        unit: Unit::Items,
        significance: BY_ONE,
        definition: "How many open items of the sprint nobody has changed for five whole working days.",
        source: PRACTICE,
        approximate: false,
        needs: &[Need::WorkingWeek],
        formula: Formula::Sum(rules::items_stale),
    },
    Metric {
        id: ITEMS_UNESTIMATED,
        unit: Unit::Items,
        significance: BY_ONE,
        definition: "How many open items of the sprint have no effort, though their type has a field for it.",
        source: BURNDOWN_WIDGET,
        approximate: false,
        needs: &[Need::EffortField],
        formula: Formula::Sum(rules::items_unestimated),
    },
    Metric {
        id: BUGS_OPEN,
        unit: Unit::Bugs,
        significance: Significance::AnyChange,
        definition: "How many bugs in the sprint are not completed yet.",
        source: STATE_CATEGORIES,
        approximate: false,
        needs: &[Need::BugTypes],
        formula: Formula::Sum(rules::bugs_open),
    },
    Metric {
        id: BUGS_OPENED,
        unit: Unit::Bugs,
        significance: Significance::AnyChange,
        definition: "How many bugs in the sprint were created on one of its days.",
        source: STATE_CATEGORIES,
        approximate: false,
        needs: &[Need::BugTypes, Need::Dates],
        formula: Formula::Sum(rules::bugs_opened),
    },
    Metric {
        id: BUGS_CLOSED,
        unit: Unit::Bugs,
        significance: Significance::AnyChange,
        definition: "How many bugs in the sprint were completed on one of its days.",
        source: STATE_CATEGORIES,
        approximate: false,
        needs: &[Need::BugTypes, Need::Dates],
        formula: Formula::Sum(rules::bugs_closed),
    },
    Metric {
        id: LEAD_P50,
        unit: Unit::Days,
        significance: BY_TENTH,
        definition: "Half of the items completed in the last 90 days took at most this long since they were created.",
        source: LEAD_TIME,
        approximate: true,
        needs: &[Need::Completions],
        formula: Formula::Other {
            value: |tallies| tallies.lead_percentile(50),
            items: Some(rules::lead_time),
        },
    },
    Metric {
        id: LEAD_P85,
        unit: Unit::Days,
        significance: BY_TENTH,
        definition: "85 of 100 items completed in the last 90 days took at most this long since they were created.",
        source: LEAD_TIME,
        approximate: true,
        needs: &[Need::Completions],
        formula: Formula::Other {
            value: |tallies| tallies.lead_percentile(85),
            items: Some(rules::lead_time),
        },
    },
    Metric {
        id: LEAD_P95,
        unit: Unit::Days,
        significance: BY_TENTH,
        definition: "95 of 100 items completed in the last 90 days took at most this long since they were created.",
        source: LEAD_TIME,
        approximate: true,
        needs: &[Need::Completions],
        formula: Formula::Other {
            value: |tallies| tallies.lead_percentile(95),
            items: Some(rules::lead_time),
        },
    },
];
