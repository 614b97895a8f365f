//! The sprints before a sprint: when each was planned, when it ended, and when what is said of it no longer changes.

use crate::domain::{Calendar, Catalogue, CivilDate, Iteration, Span, SprintId, Timestamp};

/// Of how many finished sprints velocity tells. Source: Azure DevOps, "View and configure team velocity", whose widget
/// shows as many unless it is told otherwise.
pub(crate) const SPRINTS_SHOWN: usize = 6;

/// How many sprints before one are looked at: one of them may still be running, where sprints overlap.
const SPRINTS_KEPT: usize = SPRINTS_SHOWN + 1;

/// A sprint of the team that began before the one that a board is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EarlierSprint<'a> {
    pub(crate) iteration: &'a Iteration,
    /// The first instant at which it was planned: what was in it just before is its original scope.
    pub(crate) planned_until: Timestamp,
    /// The first instant after it.
    pub(crate) ends_at: Timestamp,
    /// The first instant after the sprint that followed it: until then its items may be completed late.
    pub(crate) settled_at: Timestamp,
}

/// The sprints that began before `sprint`, oldest first, no more than numbers look at. None where it has no dates.
pub(crate) fn sprints_before<'a>(
    catalogue: &'a Catalogue,
    sprint: &Iteration,
    grace_days: u32,
) -> Vec<EarlierSprint<'a>> {
    let Some(own) = sprint.span() else { return Vec::new() };
    let calendar = catalogue.calendar();
    let mut before: Vec<(Span, &Iteration)> =
        catalogue.dated().filter(|(span, other)| order(*span, other) < order(own, sprint)).collect();
    before.sort_by_key(|(span, sprint)| order(*span, sprint));
    let followers = before.iter().map(|(span, _)| *span).skip(1).chain([own]);
    let described = before.iter().zip(followers).map(|((span, iteration), follower)| EarlierSprint {
        iteration,
        planned_until: planned_until(calendar, *span, grace_days),
        ends_at: calendar.end_of(span.last()),
        settled_at: calendar.end_of(follower.last().max(span.last())),
    });
    let described: Vec<_> = described.collect();
    let skipped = described.len().saturating_sub(SPRINTS_KEPT);
    described.into_iter().skip(skipped).collect()
}

/// Sprints follow each other by their first days.
const fn order(span: Span, sprint: &Iteration) -> (CivilDate, SprintId) {
    (span.first(), sprint.id)
}

/// The first instant after the sprint that follows one: until then its items may be completed late. Where none follows yet
/// that is as long after it as it lasted. `None` where it has no dates.
pub(crate) fn settled_at(catalogue: &Catalogue, sprint: &Iteration) -> Option<Timestamp> {
    let own = sprint.span()?;
    let later = catalogue.dated().filter(|(span, other)| order(*span, other) > order(own, sprint));
    let follower = later.min_by_key(|(span, other)| order(*span, other)).map(|(span, _)| span.last());
    let as_long = || own.last().checked_add_signed(chrono::TimeDelta::days(own.len_days()));
    Some(catalogue.calendar().end_of(follower.or_else(as_long).map_or(own.last(), |day| day.max(own.last()))))
}

/// The first instant at which a sprint is planned: the end of its first working day, on which planning and roll-over
/// happen, and of the days of grace, but within the sprint. One without a working day is planned on its first day.
pub(crate) fn planned_until(calendar: Calendar<'_>, span: Span, grace_days: u32) -> Timestamp {
    // A sprint without a working day may be thousands of years long by a mistyped date.
    let enough = calendar.days_off.len() + 7;
    let first_working =
        span.days().take(enough).find(|day| calendar.is_working(*day)).unwrap_or(span.first());
    let grace = chrono::Days::new(u64::from(grace_days));
    let last = first_working.checked_add_days(grace).unwrap_or(span.last()).min(span.last());
    calendar.end_of(last)
}
