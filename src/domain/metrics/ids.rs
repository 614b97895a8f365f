//! The ids of the metrics, as they are on the wire.

pub(super) const ITEMS_TOTAL: &str = "items.total";
pub(super) const POINTS_TOTAL: &str = "points.total";
pub(super) const ITEMS_COMPLETED: &str = "items.completed";
pub(super) const POINTS_COMPLETED: &str = "points.completed";
pub(super) const ITEMS_REMAINING: &str = "items.remaining";
pub(super) const POINTS_REMAINING: &str = "points.remaining";
pub(super) const HOURS_REMAINING: &str = "hours.remaining";
pub(super) const HOURS_CAPACITY: &str = "hours.capacity";
pub(super) const PERCENT_COMPLETE: &str = "percent.complete";
pub(super) const PERCENT_OF_ORIGINAL: &str = "percent.of_original";
pub(super) const POINTS_ORIGINAL: &str = "points.original";
pub(super) const SCOPE_ADDED: &str = "scope.added";
pub(super) const SCOPE_REMOVED: &str = "scope.removed";
pub(super) const SCOPE_REESTIMATED: &str = "scope.reestimated";
pub(super) const SCOPE_NET: &str = "scope.net";
pub(super) const ITEMS_CARRIED_OVER: &str = "items.carried_over";
pub(super) const BURNDOWN_AVERAGE: &str = "burndown.average";
pub(super) const VELOCITY_COMPLETED: &str = "velocity.completed";
pub(super) const VELOCITY_AVERAGE: &str = "velocity.average";
pub(super) const VELOCITY_PLANNED: &str = "velocity.planned";
pub(super) const VELOCITY_LATE: &str = "velocity.late";
pub(super) const VELOCITY_INCOMPLETE: &str = "velocity.incomplete";
pub(super) const PERCENT_SAY_DO: &str = "percent.say_do";
/// The working days that are left of the sprint: the one metric that follows from the calendar alone.
pub const SPRINT_DAYS_LEFT: &str = "sprint.days_left";
/// The numbers that are held against each other where it is told what happened since an instant.
pub const SINCE_METRICS: &[&str] = &[
    ITEMS_TOTAL,
    POINTS_TOTAL,
    ITEMS_COMPLETED,
    POINTS_COMPLETED,
    ITEMS_REMAINING,
    POINTS_REMAINING,
    HOURS_REMAINING,
    ITEMS_BLOCKED,
    SCOPE_ADDED,
    SCOPE_REMOVED,
    SCOPE_REESTIMATED,
    SCOPE_NET,
];
/// The numbers of what is left, which the outlook names.
pub const OUTLOOK_NAMES: &[&str] = &[POINTS_REMAINING, ITEMS_REMAINING];
pub(super) const ITEMS_WIP: &str = "items.wip";
pub(super) const ITEMS_BLOCKED: &str = "items.blocked";
pub(super) const ITEMS_STALE: &str = "items.stale";
pub(super) const ITEMS_UNESTIMATED: &str = "items.unestimated";
pub(super) const BLOCKED_HOURS: &str = "blocked.hours";
pub(super) const AGE_MAX: &str = "age.max";
pub(super) const ITEMS_AGING: &str = "items.aging";
pub(super) const BUGS_OPEN: &str = "bugs.open";
pub(super) const BUGS_OPENED: &str = "bugs.opened";
pub(super) const BUGS_CLOSED: &str = "bugs.closed";
pub(super) const BUGS_REOPENED: &str = "bugs.reopened";
pub(super) const BUGS_ESCAPED: &str = "bugs.escaped";
pub(super) const BUGS_TOTAL: &str = "bugs.total";
pub(super) const PERCENT_ESCAPED: &str = "percent.escaped";
pub(super) const CYCLE_P50: &str = "cycle.p50";
pub(super) const CYCLE_P85: &str = "cycle.p85";
pub(super) const CYCLE_P95: &str = "cycle.p95";
pub(super) const LEAD_P50: &str = "lead.p50";
pub(super) const LEAD_P85: &str = "lead.p85";
pub(super) const LEAD_P95: &str = "lead.p95";
pub(super) const THROUGHPUT_WEEK: &str = "throughput.week";
pub(super) const THROUGHPUT_DAY: &str = "throughput.day";
pub(super) const FORECAST_ITEMS_P85: &str = "forecast.items.p85";
pub(super) const FORECAST_PROBABILITY: &str = "forecast.probability";
pub(super) const FORECAST_WHEN_P50: &str = "forecast.when.p50";
pub(super) const FORECAST_WHEN_P85: &str = "forecast.when.p85";
