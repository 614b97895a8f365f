//! What has to be there for a metric to be computed, and why it has no value otherwise.

use super::ids;
use super::periods::forecast::{DAYS_MIN, ITEMS_MIN};
use super::statistics::COMPLETED_MIN;
use super::tally::Tallies;
use crate::domain::CataloguePart::{Areas, Backlogs, BugTypes, Capacities};
use crate::domain::wire::view::OTHER_TEAM_FIELD;

/// Something that has to be there.
#[derive(Clone, Copy)]
pub(super) struct Need {
    pub(super) is_met: fn(&Tallies<'_>) -> bool,
    /// Why a metric that needs it has no value where it is not met.
    pub(super) reason: &'static str,
}

const fn need(reason: &'static str, is_met: fn(&Tallies<'_>) -> bool) -> Need {
    Need { is_met, reason }
}

const NO_BUG_TYPES: &str = "which types are bugs cannot be read";
const PAST_UNREAD: &str = "the team's past is still being read";

/// What a number lacks that looks back further than the past is known.
pub(super) const SHORT_PAST: &str = "of the last 90 days not all is known";
pub(super) const SHORT_WEEK: &str = "of the last seven days not all is known";
pub(super) const SHORT_OF_SPRINTS: &str = "of the last six sprints not all are known";

pub(super) const SPRINT_BEFORE: Need =
    need("what was in the sprint before is not known", |all| !all.moment.frame.lacks_sprint_before);

/// That the team selects its items by area path.
pub(super) const AREA_PATH: Need =
    need(OTHER_TEAM_FIELD, |all| all.moment.frame.catalogue.team_field.is_none());
pub(super) const AREAS: Need = need("the team's areas cannot be read", |all| all.has_read(Areas));
pub(super) const BACKLOGS: Need =
    need("what is on the team's backlogs cannot be read", |all| all.has_read(Backlogs));
/// Which types are on which backlog.
pub(super) const LEVELS: Need = need(NO_BUG_TYPES, |all| all.moment.frame.catalogue.knows_levels());
pub(super) const EFFORT_FIELD: Need =
    need("the team's process has no effort field", |all| all.moment.frame.catalogue.effort_field.is_some());
pub(super) const BUG_TYPES_READ: Need = need(NO_BUG_TYPES, |all| all.has_read(BugTypes));
pub(super) const BUG_TYPES: Need =
    need("the team's process has no bugs", |all| !all.moment.frame.catalogue.bug_types.is_empty());
pub(super) const DATES: Need = need("the sprint has no dates", |all| all.moment.frame.span.is_some());
pub(super) const WORKING_DAYS: Need = need("the team's working days or days off cannot be read", |all| {
    all.moment.frame.catalogue.knows_working_days()
});
pub(super) const WORKING_WEEK: Need =
    need("the team has no working days", |all| all.moment.stale_before.is_some());
pub(super) const CAPACITY_READ: Need =
    need("the team's capacities cannot be read", |all| all.has_read(Capacities) || all.capacity().is_some());
/// Where those of other sprints are known, those of one that is over were not asked for.
pub(super) const CAPACITY_ASKED: Need =
    need("capacities are read of the sprint under way and of the next one, not of one that is over", |all| {
        let frame = all.moment.frame;
        let known = &frame.catalogue.capacities;
        known.is_empty() || known.contains_key(&frame.sprint.id) || all.capacity().is_some()
    });
pub(super) const CAPACITY: Need =
    need("no capacity is entered for the sprint", |all| all.capacity().is_some());
pub(super) const TASKS: Need = need("the sprint has no tasks", |all| all.tasks.all > 0);
/// Where every task is completed, nothing remains, and that is known.
pub(super) const HOURS_ON_TASKS: Need = need("no open task has remaining work entered", |all| {
    all.tasks.open == 0 || all.tasks.open_with_hours > 0
});
pub(super) const POINTS: Need = need("the sprint has no points", |all| !all.is_zero(ids::POINTS_TOTAL));
pub(super) const POINTS_PLANNED: Need =
    need("the sprint was planned without points", |all| !all.is_zero(ids::POINTS_ORIGINAL));
pub(super) const COMPLETIONS: Need = need("fewer than 5 items were completed in the last 90 days", |all| {
    all.statistics.lead.days.len() >= COMPLETED_MIN
});
pub(super) const CYCLE_TIMES: Need =
    need("fewer than 5 items that had been in progress were completed in the last 90 days", |all| {
        all.statistics.cycle.days.len() >= COMPLETED_MIN
    });
pub(super) const STARTED: Need = need("no item of the sprint is in progress", |all| {
    all.sum(ids::AGE_MAX).largest.is_some() || all.sum(ids::AGE_MAX).unknown.is_some()
});
/// The team's past, as far back as numbers look.
pub(super) const PAST: Need = need(PAST_UNREAD, |all| all.has_read_past());
/// The same, unless the sprint is not planned yet: then its scope is what it is now.
pub(super) const PAST_IF_PLANNED: Need =
    need(PAST_UNREAD, |all| all.has_read_past() || !all.moment.is_planned);
pub(super) const EARLIER_SPRINT: Need =
    need("no sprint of the team is over yet", |all| all.moment.last_finished().is_some());
pub(super) const PLANNED_BEFORE: Need =
    need("nothing was planned for the last finished sprint", |all| !all.is_zero(ids::VELOCITY_PLANNED));
pub(super) const RUNNING: Need = need("today is not a day of the sprint", |all| {
    all.moment.frame.span.is_some_and(|span| span.contains(all.moment.today))
});
/// That the days that a forecast draws from are too few because of what is known, and not of what there was.
pub(super) const KNOWN_DAYS_DRAWN_FROM: Need =
    need(SHORT_PAST, |all| !all.looks_beyond() || all.drawn_from().len() >= DAYS_MIN);
pub(super) const DAYS_DRAWN_FROM: Need =
    need("the team's first item is less than 10 working days old", |all| all.drawn_from().len() >= DAYS_MIN);
pub(super) const ITEMS_DRAWN_FROM: Need =
    need("fewer than 5 items were completed on the last 60 working days", |all| {
        all.drawn_from().iter().sum::<u32>() >= ITEMS_MIN
    });
pub(super) const ESCAPED_TAGS: Need =
    need("no tag says which bugs were found after a release (BOARDCAST_ESCAPED_TAGS)", |all| {
        !all.moment.frame.settings.escaped_tags.is_empty()
    });
pub(super) const BUGS: Need = need("the sprint has no bugs", |all| !all.is_zero(ids::BUGS_TOTAL));
pub(super) const WORKED_DAYS: Need = need("no working day before today is known of the team", |all| {
    all.statistics.mean_of(&all.moment.worked).0 > 0
});
