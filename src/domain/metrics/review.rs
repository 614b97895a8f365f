//! What became of one sprint: what was planned, completed in time, completed late, and not completed.

use super::frame::{MetricSettings, SprintContext};
use super::life::Life;
use super::life::parts::part;
use super::periods::sprints::{EarlierSprint, settled_at};
use super::statistics::SprintSums;
use super::tally::percent;
use crate::domain::wire::view::{SprintReview, Unit};
use crate::domain::{Catalogue, Iteration, RevisionTold, Timestamp, WorkItem};

/// What is to be changed with every change of a formula by which a finished sprint is told: what was frozen by another is not
/// computed anew.
pub const DEFINITION: u32 = 1;

/// What became of a sprint, from the lives of the team's items; `None` where it has no dates.
pub fn review<'i>(
    catalogue: &Catalogue,
    sprint: &Iteration,
    settings: &MetricSettings,
    items: impl Iterator<Item = &'i WorkItem>,
) -> Option<SprintReview> {
    let frame = SprintContext::new(catalogue, sprint, settings.clone());
    let earlier = EarlierSprint {
        iteration: sprint,
        planned_until: frame.planned_until?,
        ends_at: frame.bounds?.1,
        settled_at: settled_at(catalogue, sprint)?,
    };
    let mut sums = SprintSums::default();
    for item in items {
        sums.add(&part(&Life::of(item, RevisionTold::Newest, catalogue), 0, &earlier));
    }
    let unit = if sums.is_estimated() { Unit::Points } else { Unit::Items };
    Some(SprintReview {
        unit,
        planned: sums.planned.in_unit(unit),
        completed: sums.completed.in_unit(unit),
        late: sums.late.in_unit(unit),
        incomplete: sums.incomplete.in_unit(unit),
        say_do: percent(sums.kept.in_unit(unit), sums.planned.in_unit(unit)),
        settled_at: earlier.settled_at,
        unknown_items: sums.unknown,
    })
}

/// Whether a sprint of a team is over for good: nothing of it is completed late any more.
pub fn is_settled(catalogue: &Catalogue, sprint: &Iteration, now: Timestamp) -> bool {
    settled_at(catalogue, sprint).is_some_and(|settled| settled <= now)
}
