//! The table of metrics: one row for each, in the order in which a reader learns them.

use super::rules::{self, Rule};
use super::tally::{LEAD_ITEMS_MIN, Tallies, percent, share};
use crate::domain::amount::Hundredths;
use crate::domain::metrics::threshold::Rule as AnnouncementRule;
use crate::domain::wire::view::{MetricView, Unit};

pub(super) const ITEMS_TOTAL: &str = "items.total";
pub(super) const POINTS_TOTAL: &str = "points.total";
pub(super) const ITEMS_COMPLETED: &str = "items.completed";
pub(super) const POINTS_COMPLETED: &str = "points.completed";
pub(super) const ITEMS_REMAINING: &str = "items.remaining";
pub(super) const POINTS_REMAINING: &str = "points.remaining";
pub(super) const HOURS_REMAINING: &str = "hours.remaining";
pub(super) const HOURS_CAPACITY: &str = "hours.capacity";
pub(super) const PERCENT_COMPLETE: &str = "percent.complete";
pub(super) const BURNDOWN_AVERAGE: &str = "burndown.average";
/// The working days that are left of the sprint: the one metric that follows from the calendar alone.
pub const SPRINT_DAYS_LEFT: &str = "sprint.days_left";
pub(super) const ITEMS_WIP: &str = "items.wip";
pub(super) const ITEMS_BLOCKED: &str = "items.blocked";
pub(super) const ITEMS_STALE: &str = "items.stale";
pub(super) const ITEMS_UNESTIMATED: &str = "items.unestimated";
pub(super) const BUGS_OPEN: &str = "bugs.open";
pub(super) const BUGS_OPENED: &str = "bugs.opened";
pub(super) const BUGS_CLOSED: &str = "bugs.closed";
pub(super) const LEAD_P50: &str = "lead.p50";
pub(super) const LEAD_P85: &str = "lead.p85";
pub(super) const LEAD_P95: &str = "lead.p95";

const BURNDOWN_WIDGET: &str = "Azure DevOps, Configure a burndown or burnup widget";
const SPRINT_BURNDOWN: &str = "Azure DevOps, Configure and monitor sprint burndown";
const SPRINT_CAPACITY: &str = "Azure DevOps, Set sprint capacity";
const STATE_CATEGORIES: &str = "Azure DevOps, About workflow states and state categories";
const LEAD_TIME: &str = "Azure DevOps, Cumulative flow, lead time, and cycle time guidance";
const KANBAN_GUIDE: &str = "The Kanban Guide, Flow Metrics";
const PRACTICE: &str = "Common practice of Scrum and Kanban teams; no standard defines it";

/// By how much a metric has to move to be announced at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Significance {
    /// By a fraction of its last announced value, the same for every metric, and by at least this amount.
    Relative {
        /// The amount below which no move counts, in the metric's unit.
        minimum: Hundredths,
    },
    /// By anything.
    AnyChange,
}

const BY_ONE: Significance = Significance::Relative { minimum: Hundredths::whole(1) };
const BY_HALF: Significance = Significance::Relative { minimum: Hundredths::from_hundredths(50) };
const BY_TENTH: Significance = Significance::Relative { minimum: Hundredths::from_hundredths(10) };

/// What has to be there for a metric to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    EffortField,
    BugTypes,
    Dates,
    WorkingWeek,
    Capacity,
    Tasks,
    HoursOnTasks,
    Points,
    Completions,
}

impl Need {
    fn is_met(self, tallies: &Tallies<'_>) -> bool {
        let frame = tallies.moment.frame;
        match self {
            Self::EffortField => frame.catalogue.effort_field.is_some(),
            Self::BugTypes => !frame.catalogue.bug_types.is_empty(),
            Self::Dates => frame.span.is_some(),
            Self::WorkingWeek => tallies.moment.stale_before.is_some(),
            Self::Capacity => tallies.capacity().is_some(),
            Self::Tasks => tallies.tasks.all > 0,
            // Where every task is completed, nothing remains, and that is known.
            Self::HoursOnTasks => tallies.tasks.open == 0 || tallies.tasks.open_with_hours > 0,
            Self::Points => tallies.amount(POINTS_TOTAL) != Hundredths::default(),
            Self::Completions => tallies.lead_times.len() >= LEAD_ITEMS_MIN,
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::EffortField => "the team's process has no effort field",
            Self::BugTypes => "the team's process has no bugs",
            Self::Dates => "the sprint has no dates",
            Self::WorkingWeek => "the team has no working days",
            Self::Capacity => "no capacity is entered for the sprint",
            Self::Tasks => "the sprint has no tasks",
            Self::HoursOnTasks => "no open task has remaining work entered",
            Self::Points => "the sprint has no points",
            Self::Completions => "fewer than 5 items were completed in the last 90 days",
        }
    }
}

/// How a metric is computed.
#[derive(Clone, Copy)]
pub(super) enum Formula {
    /// The sum of what each item contributes.
    Sum(Rule),
    /// Anything else.
    Other {
        value: fn(&Tallies<'_>) -> Option<Hundredths>,
        /// The items that an explanation shows, if there are any to show.
        items: Option<Rule>,
    },
}

/// A metric: a row of the table.
pub struct Metric {
    /// Its name on the wire.
    pub id: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// By how much it has to move to be announced at once.
    pub significance: Significance,
    /// What it says, in a sentence.
    pub definition: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    /// Whether it rests on fields known to mislead.
    pub approximate: bool,
    needs: &'static [Need],
    pub(super) formula: Formula,
}

impl Metric {
    /// The rule of announcing it, where a metric has to move by `fraction` of its last announced value (0.05 is five
    /// percent) unless anything counts.
    pub const fn rule(&self, fraction: f64) -> AnnouncementRule {
        match self.significance {
            Significance::Relative { minimum } => AnnouncementRule::Relative { fraction, minimum },
            Significance::AnyChange => AnnouncementRule::AnyChange,
        }
    }

    /// Every reason for which it can have no value, except that something of one of the items is not known.
    pub fn reasons(&self) -> impl Iterator<Item = &'static str> {
        self.needs.iter().map(|need| need.reason())
    }

    /// The rule by which its items are shown, if there are any to show.
    pub(super) const fn items(&self) -> Option<Rule> {
        match self.formula {
            Formula::Sum(rule) => Some(rule),
            Formula::Other { items, .. } => items,
        }
    }

    /// Its value, or the first reason for which there is none.
    pub(super) fn view(&self, tallies: &Tallies<'_>) -> MetricView {
        let unmet = self.needs.iter().find(|need| !need.is_met(tallies)).map(|need| need.reason());
        if unmet.is_some() {
            return self.view_of(None, unmet);
        }
        match self.formula {
            Formula::Sum(_) => {
                let sum = tallies.sum(self.id);
                self.view_of(sum.unknown.is_none().then_some(sum.amount), sum.unknown)
            }
            Formula::Other { value, .. } => {
                let value = value(tallies);
                self.view_of(value, value.is_none().then_some("the number is out of range"))
            }
        }
    }

    pub(super) fn view_of(&self, value: Option<Hundredths>, reason: Option<&'static str>) -> MetricView {
        MetricView {
            value,
            unit: self.unit,
            reason: reason.map(Into::into),
            approximate: self.approximate,
            detail: None,
        }
    }
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
