//! Burndown and burnup of a sprint: what was left, done and asked for at the end of each day, and the ideal line.

use super::digest::{Digest, Step};
use super::frame::{Day, SprintContext};
use super::ids;
use super::life::SprintMembership;
use super::rounded_quotient;
use super::tally::Tallies;
use crate::domain::wire::view::{Burndown, BurndownDay, BurndownPoint, Unit};
use crate::domain::{CivilDate, Hundredths, Timestamp};

/// The sums of one day, in the unit of the burndown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    scope: Hundredths,
    completed: Hundredths,
    /// Items of which nobody knows how they stood. One is enough for the day to have no values.
    unknown: i64,
}

impl Sums {
    fn of(membership: SprintMembership, unit: Unit) -> Self {
        match membership {
            SprintMembership::Out => Self::default(),
            SprintMembership::Unknown => Self { unknown: 1, ..Self::default() },
            SprintMembership::In { effort, completed } => {
                let scope = match unit {
                    Unit::Points => effort.unwrap_or_default(),
                    _ => Hundredths::whole(1),
                };
                let completed = if completed { scope } else { Hundredths::default() };
                Self { scope, completed, unknown: 0 }
            }
        }
    }

    fn plus(self, other: Self) -> Self {
        let (scope, completed) = (self.scope + other.scope, self.completed + other.completed);
        Self { scope, completed, unknown: self.unknown + other.unknown }
    }

    fn minus(self, other: Self) -> Self {
        let (scope, completed) = (self.scope - other.scope, self.completed - other.completed);
        Self { scope, completed, unknown: self.unknown - other.unknown }
    }
}

/// The burndown; `None` while the sprint has no days to draw.
pub(super) fn of<'d>(
    tallies: &Tallies<'_>,
    digests: impl Iterator<Item = &'d Digest> + Clone,
) -> Option<Burndown> {
    let frame = tallies.moment.frame;
    let today = tallies.moment.today;
    // Without the levels nobody knows which items there are.
    if frame.days.is_empty() || !frame.catalogue.knows_levels() {
        return None;
    }
    let unit = tallies.moment.unit;
    let live = live(tallies, unit);
    let past = ends_of_days(frame, digests.clone(), unit);
    let reached = frame.days.iter().zip(past).filter(|(day, _)| day.date <= today);
    let known = |sums: Sums| (sums.unknown == 0).then_some(sums);
    let reached: Vec<Option<Sums>> =
        reached.map(|(day, sums)| if day.date == today { live } else { known(sums) }).collect();
    let original =
        original_scope(frame, &reached, today, live).filter(|_| frame.catalogue.knows_working_days());
    let ideal = ideal_line(&frame.days, original);
    let sums = reached.into_iter().chain(std::iter::repeat(None));
    let rows = frame.days.iter().zip(ideal).zip(sums);
    let row = |((day, ideal), sums): ((&Day, _), Option<Sums>)| BurndownDay {
        date: day.date,
        working: day.working,
        ideal,
        remaining: sums.map(|sums| sums.scope - sums.completed),
        completed: sums.map(|sums| sums.completed),
        scope: sums.map(|sums| sums.scope),
    };
    let days = rows.map(row).collect();
    let today = live.map(|live| within_today(tallies, digests, live)).unwrap_or_default();
    Some(Burndown { unit, original, days, today })
}

/// How many points today's line has at most: of more changes the newest.
const POINTS_MAX: usize = 200;

/// What was left when today began, after each change of today, and now; none outside the sprint.
///
/// Worked out backwards from now, so that the line ends where the number is.
fn within_today<'d>(
    tallies: &Tallies<'_>,
    digests: impl Iterator<Item = &'d Digest>,
    live: Sums,
) -> Vec<BurndownPoint> {
    let (frame, now) = (tallies.moment.frame, tallies.moment.now);
    let Some(day) = frame.days.iter().position(|day| day.date == tallies.moment.today) else {
        return Vec::new();
    };
    let began = match day.checked_sub(1).and_then(|before| frame.days.get(before)) {
        Some(before) => Some(before.end),
        None => frame.bounds.map(|(start, _)| start),
    };
    let left = |sums: Sums| sums.scope - sums.completed;
    let unit = tallies.moment.unit;
    let is_today = |step: &&Step| Some(step.at) >= began && step.at <= now;
    let steps = digests.flat_map(|digest| digest.steps.iter().filter(is_today));
    let change = |step: &Step| (step.at, Sums::of(step.after, unit).minus(Sums::of(step.before, unit)));
    let mut changes: Vec<(Timestamp, Sums)> = steps.map(change).collect();
    let mut points = vec![BurndownPoint { at: now, remaining: left(live) }];
    if changes.iter().any(|(_, change)| change.unknown != 0) {
        return points;
    }
    changes.sort_by_key(|(at, _)| *at);
    let mut remaining = left(live);
    for (at, change) in changes.iter().rev().take(POINTS_MAX) {
        points.push(BurndownPoint { at: *at, remaining });
        remaining = remaining - left(*change);
    }
    points.extend(began.filter(|_| changes.len() <= POINTS_MAX).map(|at| BurndownPoint { at, remaining }));
    points.reverse();
    points
}

/// Today's values are those of the metrics, so that line and number never differ.
fn live(tallies: &Tallies<'_>, unit: Unit) -> Option<Sums> {
    let (total, completed) = match unit {
        Unit::Points => (ids::POINTS_TOTAL, ids::POINTS_COMPLETED),
        _ => (ids::ITEMS_TOTAL, ids::ITEMS_COMPLETED),
    };
    Some(Sums { scope: tallies.known(total)?, completed: tallies.known(completed)?, unknown: 0 })
}

/// The sums at the end of each day of the sprint, from how each item stood then.
fn ends_of_days<'d>(
    frame: &SprintContext<'_>,
    digests: impl Iterator<Item = &'d Digest>,
    unit: Unit,
) -> impl Iterator<Item = Sums> {
    // Each stretch is added where it begins and taken away where it ends, so its length costs nothing.
    let mut changes = vec![Sums::default(); frame.days.len() + 1];
    for stretch in digests.flat_map(|digest| &digest.stretches) {
        let sums = Sums::of(stretch.membership, unit);
        if let Some(change) = changes.get_mut(stretch.from) {
            *change = change.plus(sums);
        }
        if let Some(change) = changes.get_mut(stretch.to) {
            *change = change.minus(sums);
        }
    }
    changes.into_iter().scan(Sums::default(), |running, change| {
        *running = running.plus(change);
        Some(*running)
    })
}

/// The scope that the sprint was planned with: that at the end of its first working day, on which planning and
/// roll-over happen, and of the days of grace. Until then it is the scope as it is now.
fn original_scope(
    frame: &SprintContext<'_>,
    reached: &[Option<Sums>],
    today: CivilDate,
    live: Option<Sums>,
) -> Option<Hundredths> {
    let first_working = frame.days.iter().position(|day| day.working).unwrap_or(0);
    let grace = usize::try_from(frame.settings.grace_days).unwrap_or(usize::MAX);
    let planned = first_working.saturating_add(grace).min(frame.days.len().saturating_sub(1));
    let is_over = frame.days.get(planned).is_some_and(|day| day.date < today);
    let planned = if is_over { reached.get(planned).copied().flatten() } else { live };
    planned.map(|sums| sums.scope)
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
