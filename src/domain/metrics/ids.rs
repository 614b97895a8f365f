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
