//! Burndown and burnup of a sprint: what was left, done and asked for at the end of each day, and the ideal line; in points or
//! items, and in whatever else the team's items can be counted in.

use super::digest::{Digest, Step, Stretch};
use super::frame::{Day, SprintContext};
use super::ids;
use super::life::{SprintMembership, TaskStanding};
use super::rounded_quotient;
use super::tally::Tallies;
use crate::domain::wire::view::{Burndown, BurndownDay, BurndownPoint, Unit};
use crate::domain::{CivilDate, Hundredths, Timestamp};

/// What items come to together.
trait Sums: Copy + Default {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    /// Of how many items nobody knows how they stood. One is enough for a day to have no values.
    fn unknown(self) -> i64;
    /// What is shown of it; `None` where that is not known.
    fn values(self, unit: Unit) -> Option<Values>;
}

/// What the scope comes to, in points and in items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ScopeSums {
    points: ScopeSum,
    items: ScopeSum,
    unknown: i64,
}

/// The same in one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ScopeSum {
    scope: Hundredths,
    completed: Hundredths,
}

impl ScopeSum {
    fn of(scope: Hundredths, completed: bool) -> Self {
        Self { scope, completed: if completed { scope } else { Hundredths::default() } }
    }
}

impl From<SprintMembership> for ScopeSums {
    fn from(membership: SprintMembership) -> Self {
        match membership {
            SprintMembership::Out => Self::default(),
            SprintMembership::Unknown => Self { unknown: 1, ..Self::default() },
            SprintMembership::In { effort, completed } => Self {
                points: ScopeSum::of(effort.unwrap_or_default(), completed),
                items: ScopeSum::of(Hundredths::whole(1), completed),
                unknown: 0,
            },
        }
    }
}

impl Sums for ScopeSums {
    fn plus(self, other: Self) -> Self {
        let both = |one: ScopeSum, other: ScopeSum| ScopeSum {
            scope: one.scope + other.scope,
            completed: one.completed + other.completed,
        };
        Self {
            points: both(self.points, other.points),
            items: both(self.items, other.items),
            unknown: self.unknown + other.unknown,
        }
    }

    fn minus(self, other: Self) -> Self {
        let less = |one: ScopeSum, other: ScopeSum| ScopeSum {
            scope: one.scope - other.scope,
            completed: one.completed - other.completed,
        };
        Self {
            points: less(self.points, other.points),
            items: less(self.items, other.items),
            unknown: self.unknown - other.unknown,
        }
    }

    fn unknown(self) -> i64 {
        self.unknown
    }

    fn values(self, unit: Unit) -> Option<Values> {
        let ScopeSum { scope, completed } = match unit {
            Unit::Points => self.points,
            _ => self.items,
        };
        let values = Values { remaining: scope - completed, completed: Some(completed), scope: Some(scope) };
        (self.unknown == 0).then_some(values)
    }
}

/// What the tasks come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TaskSums {
    hours: Hundredths,
    all: i64,
    open: i64,
    open_with_hours: i64,
    unknown: i64,
}

impl From<TaskStanding> for TaskSums {
    fn from(standing: TaskStanding) -> Self {
        match standing {
            TaskStanding::Out => Self::default(),
            TaskStanding::Unknown => Self { unknown: 1, ..Self::default() },
            TaskStanding::Completed => Self { all: 1, ..Self::default() },
            TaskStanding::Open(hours) => Self {
                hours: hours.unwrap_or_default(),
                all: 1,
                open: 1,
                open_with_hours: i64::from(hours.is_some()),
                unknown: 0,
            },
        }
    }
}

impl Sums for TaskSums {
    fn plus(self, other: Self) -> Self {
        Self {
            hours: self.hours + other.hours,
            all: self.all + other.all,
            open: self.open + other.open,
            open_with_hours: self.open_with_hours + other.open_with_hours,
            unknown: self.unknown + other.unknown,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            hours: self.hours - other.hours,
            all: self.all - other.all,
            open: self.open - other.open,
            open_with_hours: self.open_with_hours - other.open_with_hours,
            unknown: self.unknown - other.unknown,
        }
    }

    fn unknown(self) -> i64 {
        self.unknown
    }

    /// Where no open task has hours nothing is known of what is left, unless all of them are completed: as the metric has it.
    fn values(self, _: Unit) -> Option<Values> {
        let is_entered = self.all > 0 && (self.open == 0 || self.open_with_hours > 0);
        let values = Values { remaining: self.hours, completed: None, scope: None };
        (self.unknown == 0 && is_entered).then_some(values)
    }
}

/// What a day shows, in the unit of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Values {
    remaining: Hundredths,
    /// `None` in hours, as is the scope: of work that is done nobody enters how much it was.
    completed: Option<Hundredths>,
    scope: Option<Hundredths>,
}

/// The burndown; `None` while the sprint has no days to draw.
pub(super) fn of<'d>(
    tallies: &Tallies<'_>,
    digests: impl Iterator<Item = &'d Digest> + Clone,
) -> Option<Burndown> {
    let frame = tallies.moment.frame;
    // Without the levels nobody knows which items there are.
    if frame.days.is_empty() || !frame.catalogue.knows_levels() {
        return None;
    }
    let past = ends_of_days(frame.days.len(), digests.clone().flat_map(|digest| &digest.stretches));
    let changes = changes_of_today(tallies, digests.clone().flat_map(|digest| &digest.steps));
    let in_scope = |unit| line(tallies, unit, &past, live(tallies, unit), &changes);
    // Where nothing is estimated there is nothing to tell in points.
    let in_items = (tallies.moment.unit == Unit::Points).then(|| in_scope(Unit::Items));
    let others = in_items.into_iter().chain(in_hours(tallies, digests)).collect();
    Some(Burndown { others, ..in_scope(tallies.moment.unit) })
}

/// The burndown of remaining work; `None` where no task of the sprint has any entered, nor had at the end of one of its days.
fn in_hours<'d>(
    tallies: &Tallies<'_>,
    digests: impl Iterator<Item = &'d Digest> + Clone,
) -> Option<Burndown> {
    let days = tallies.moment.frame.days.len();
    let past: Vec<TaskSums> = ends_of_days(days, digests.clone().flat_map(|digest| &digest.task_stretches));
    let (tasks, hours) = (tallies.tasks, tallies.sum(ids::HOURS_REMAINING));
    let live = TaskSums {
        hours: hours.amount,
        all: tasks.all.into(),
        open: tasks.open.into(),
        open_with_hours: tasks.open_with_hours.into(),
        unknown: hours.unknown_items.into(),
    };
    if past.iter().chain([&live]).all(|sums| sums.open_with_hours == 0) {
        return None;
    }
    let changes = changes_of_today(tallies, digests.flat_map(|digest| &digest.task_steps));
    Some(line(tallies, Unit::Hours, &past, Some(live), &changes))
}

/// A line, from the sums at the end of each day, those of now, and the changes of today.
fn line<S: Sums>(
    tallies: &Tallies<'_>,
    unit: Unit,
    past: &[S],
    live: Option<S>,
    changes: &[(Timestamp, S)],
) -> Burndown {
    let (frame, today) = (tallies.moment.frame, tallies.moment.today);
    let now = live.and_then(|live| live.values(unit));
    let reached = frame.days.iter().zip(past).filter(|(day, _)| day.date <= today);
    let reached: Vec<Option<Values>> =
        reached.map(|(day, sums)| if day.date == today { now } else { sums.values(unit) }).collect();
    let original =
        original_scope(frame, &reached, today, now).filter(|_| frame.catalogue.knows_working_days());
    let ideal = ideal_line(&frame.days, original);
    let values = reached.into_iter().chain(std::iter::repeat(None));
    let rows = frame.days.iter().zip(ideal).zip(values);
    let row = |((day, ideal), values): ((&Day, _), Option<Values>)| BurndownDay {
        date: day.date,
        working: day.working,
        ideal,
        remaining: values.map(|values| values.remaining),
        completed: values.and_then(|values| values.completed),
        scope: values.and_then(|values| values.scope),
    };
    let days = rows.map(row).collect();
    let today = live.map(|live| within_today(tallies, unit, live, changes)).unwrap_or_default();
    Burndown { unit, original, days, today, others: Vec::new() }
}

/// How many points today's line has at most: of more changes the newest.
const POINTS_MAX: usize = 200;

/// When today began, if it is one of the sprint's days.
fn began(tallies: &Tallies<'_>) -> Option<Timestamp> {
    let frame = tallies.moment.frame;
    let day = frame.days.iter().position(|day| day.date == tallies.moment.today)?;
    match day.checked_sub(1).and_then(|before| frame.days.get(before)) {
        Some(before) => Some(before.end),
        None => frame.bounds.map(|(start, _)| start),
    }
}

/// What changed today, in the order of time.
fn changes_of_today<'d, H: Copy + 'd, S: Sums + From<H>>(
    tallies: &Tallies<'_>,
    steps: impl Iterator<Item = &'d Step<H>>,
) -> Vec<(Timestamp, S)> {
    let (began, now) = (began(tallies), tallies.moment.now);
    let is_today = |step: &&Step<H>| Some(step.at) >= began && step.at <= now;
    let change = |step: &Step<H>| (step.at, S::from(step.after).minus(S::from(step.before)));
    let mut changes: Vec<(Timestamp, S)> = steps.filter(is_today).map(change).collect();
    changes.sort_by_key(|(at, _)| *at);
    changes
}

/// What was left when today began, after each change of today, and now; none outside the sprint.
///
/// Worked out backwards from now, so that the line ends where the number is.
fn within_today<S: Sums>(
    tallies: &Tallies<'_>,
    unit: Unit,
    live: S,
    changes: &[(Timestamp, S)],
) -> Vec<BurndownPoint> {
    let Some(began) = began(tallies) else { return Vec::new() };
    let mut points = Vec::new();
    let mut told = |at, sums: S| {
        let values = sums.values(unit);
        points.extend(values.map(|values| BurndownPoint { at, remaining: values.remaining }));
    };
    told(tallies.moment.now, live);
    if changes.iter().all(|(_, change)| change.unknown() == 0) {
        let mut sums = live;
        for (at, change) in changes.iter().rev().take(POINTS_MAX) {
            told(*at, sums);
            sums = sums.minus(*change);
        }
        if changes.len() <= POINTS_MAX {
            told(began, sums);
        }
    }
    points.reverse();
    points
}

/// Today's values are those of the metrics, so that line and number never differ.
fn live(tallies: &Tallies<'_>, unit: Unit) -> Option<ScopeSums> {
    let (total, completed) = match unit {
        Unit::Points => (ids::POINTS_TOTAL, ids::POINTS_COMPLETED),
        _ => (ids::ITEMS_TOTAL, ids::ITEMS_COMPLETED),
    };
    let sum = ScopeSum { scope: tallies.known(total)?, completed: tallies.known(completed)? };
    Some(match unit {
        Unit::Points => ScopeSums { points: sum, ..ScopeSums::default() },
        _ => ScopeSums { items: sum, ..ScopeSums::default() },
    })
}

/// The sums at the end of each day of the sprint, from how each item stood then.
fn ends_of_days<'d, H: Copy + 'd, S: Sums + From<H>>(
    days: usize,
    stretches: impl Iterator<Item = &'d Stretch<H>>,
) -> Vec<S> {
    // Each stretch is added where it begins and taken away where it ends, so its length costs nothing.
    let mut changes = vec![S::default(); days + 1];
    for stretch in stretches {
        let sums = S::from(stretch.stood);
        if let Some(change) = changes.get_mut(stretch.from) {
            *change = change.plus(sums);
        }
        if let Some(change) = changes.get_mut(stretch.to) {
            *change = change.minus(sums);
        }
    }
    let running = changes.into_iter().scan(S::default(), |running, change| {
        *running = running.plus(change);
        Some(*running)
    });
    running.collect()
}

/// What the ideal line begins with: the scope, or the hours, at the end of its first working day, on which planning and
/// roll-over happen, and of the days of grace. Until then it is that of now.
fn original_scope(
    frame: &SprintContext<'_>,
    reached: &[Option<Values>],
    today: CivilDate,
    now: Option<Values>,
) -> Option<Hundredths> {
    let first_working = frame.days.iter().position(|day| day.working).unwrap_or(0);
    let grace = usize::try_from(frame.settings.grace_days).unwrap_or(usize::MAX);
    let planned = first_working.saturating_add(grace).min(frame.days.len().saturating_sub(1));
    let is_over = frame.days.get(planned).is_some_and(|day| day.date < today);
    let planned = if is_over { reached.get(planned).copied().flatten() } else { now };
    planned.map(|values| values.scope.unwrap_or(values.remaining))
}

/// From the original scope to 0 in equal steps, one at the end of each working day; flat on days off.
fn ideal_line(days: &[Day], original: Option<Hundredths>) -> impl Iterator<Item = Option<Hundredths>> {
    let all = days.iter().filter(|day| day.working).count() as i128;
    days.iter().scan(0, move |finished, day| {
        *finished += i128::from(day.working);
        let left = original.map(|scope| i128::from(scope.hundredths()) * (all - *finished));
        Some(left.and_then(|left| rounded_quotient(left, all)).map(Hundredths::from_hundredths))
    })
}
