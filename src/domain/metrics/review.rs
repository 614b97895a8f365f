//! What became of one sprint: what was planned, completed in time, completed late, and not completed.

use std::collections::BTreeMap;

use serde_json::json;

use super::frame::{MetricSettings, SprintContext};
use super::life::Life;
use super::life::parts::{PartInSprint, part};
use super::periods::sprints::{EarlierSprint, settled_at};
use super::rules::past::{Became, COMPLETED, INCOMPLETE, KEPT, LATE, PLANNED};
use super::sort_out::sorted;
use super::statistics::SprintSums;
use super::table::{PRACTICE, VELOCITY};
use super::tally::percent;
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::{SprintReview, Unit};
use crate::domain::{Catalogue, History, Iteration, RevisionTold, Timestamp, WorkItem};

/// What is to be changed with every change of a formula by which a finished sprint is told: what was frozen by another is not
/// computed anew.
pub const DEFINITION: u32 = 2;

/// A number of a review, by which it can be asked where that came from.
pub struct ReviewNumber {
    /// Its id in questions.
    pub id: &'static str,
    /// What it is called in the review.
    pub field: &'static str,
    pub(super) definition: &'static str,
    source: &'static str,
    became: Became,
}

/// The share of what was planned that was completed in time; the only one that is no sum.
const SAY_DO: &str = "review.say_do";

/// The numbers of a review.
pub(super) const NUMBERS: [ReviewNumber; 5] = [
    ReviewNumber {
        id: "review.planned",
        field: "planned",
        definition: "The effort that the sprint was planned with.",
        source: VELOCITY,
        became: PLANNED,
    },
    ReviewNumber {
        id: "review.completed",
        field: "completed",
        definition: "The effort completed in the sprint, as it was estimated when that ended.",
        source: VELOCITY,
        became: COMPLETED,
    },
    ReviewNumber {
        id: "review.late",
        field: "late",
        definition: "The effort of the sprint that was completed after it, until the next ends.",
        source: VELOCITY,
        became: LATE,
    },
    ReviewNumber {
        id: "review.incomplete",
        field: "incomplete",
        definition: "The effort planned for the sprint that was not completed when it ended.",
        source: VELOCITY,
        became: INCOMPLETE,
    },
    ReviewNumber {
        id: SAY_DO,
        field: "sayDo",
        definition: "The share of what the sprint was planned with that was completed in it.",
        source: PRACTICE,
        became: KEPT,
    },
];

/// A number of a review that is asked for, and in which unit, where it is not to be the review's own: velocity tells of several
/// sprints in one unit.
#[derive(Clone, Copy)]
pub struct AskedNumber {
    /// Which number.
    pub number: &'static ReviewNumber,
    /// Points or items.
    pub unit: Option<Unit>,
}

/// The number of a review with that id, which may end with `.points` or `.items`.
pub fn review_number(id: &str) -> Option<AskedNumber> {
    let units = [("", None), (".points", Some(Unit::Points)), (".items", Some(Unit::Items))];
    let with = |(end, unit): (&str, Option<Unit>)| {
        let number = NUMBERS.iter().find(|number| id.strip_prefix(number.id) == Some(end))?;
        Some(AskedNumber { number, unit })
    };
    units.into_iter().find_map(with)
}

/// The items that had a part in one sprint, and what became of them.
struct Parts<'a, 'i> {
    sprint: EarlierSprint<'a>,
    items: Vec<(&'i WorkItem, PartInSprint)>,
    sums: SprintSums,
    unit: Unit,
}

impl<'a, 'i> Parts<'a, 'i> {
    /// From the lives of the team's items; `None` where the sprint has no dates.
    fn of(
        catalogue: &'a Catalogue,
        sprint: &'a Iteration,
        settings: &MetricSettings,
        items: impl Iterator<Item = &'i WorkItem>,
    ) -> Option<Self> {
        let frame = SprintContext::new(catalogue, sprint, settings.clone());
        let sprint = EarlierSprint {
            iteration: sprint,
            planned_until: frame.planned_until?,
            ends_at: frame.bounds?.1,
            settled_at: settled_at(catalogue, sprint)?,
        };
        let part = |item| (item, part(&Life::of(item, RevisionTold::Newest, catalogue), 0, &sprint));
        let items: Vec<_> = items.map(part).filter(|(_, part)| *part != PartInSprint::default()).collect();
        let mut sums = SprintSums::default();
        items.iter().for_each(|(_, part)| sums.add(part));
        let unit = if sums.is_estimated() { Unit::Points } else { Unit::Items };
        Some(Self { sprint, items, sums, unit })
    }

    fn review(&self) -> SprintReview {
        let (sums, unit) = (&self.sums, self.unit);
        SprintReview {
            unit,
            planned: sums.planned.in_unit(unit),
            completed: sums.completed.in_unit(unit),
            late: sums.late.in_unit(unit),
            incomplete: sums.incomplete.in_unit(unit),
            say_do: percent(sums.kept.in_unit(unit), sums.planned.in_unit(unit)),
            settled_at: self.sprint.settled_at,
            unknown_items: sums.unknown,
        }
    }
}

/// What became of a sprint, from the lives of the team's items; `None` where it has no dates.
pub fn review<'i>(
    catalogue: &Catalogue,
    sprint: &Iteration,
    settings: &MetricSettings,
    items: impl Iterator<Item = &'i WorkItem>,
) -> Option<SprintReview> {
    Some(Parts::of(catalogue, sprint, settings, items)?.review())
}

/// Where a number of the review came from; `None` where the sprint has no dates.
pub fn explain_review<'i>(
    AskedNumber { number, unit }: AskedNumber,
    catalogue: &Catalogue,
    sprint: &Iteration,
    settings: &MetricSettings,
    items: impl Iterator<Item = &'i WorkItem>,
) -> Option<Explanation> {
    let mut parts = Parts::of(catalogue, sprint, settings, items)?;
    parts.unit = unit.unwrap_or(parts.unit);
    let review = parts.review();
    let judged = parts.items.iter().map(|(item, part)| (*item, number.became.of(part, parts.unit)));
    let (counted, left_out) = sorted(judged);
    let mut inputs = BTreeMap::from([
        ("sprint", json!(sprint.name)),
        ("plannedUntil", json!(parts.sprint.planned_until)),
        ("endsAt", json!(parts.sprint.ends_at)),
        ("settledAt", json!(parts.sprint.settled_at)),
        ("counted", json!(counted.len())),
    ]);
    let is_share = number.id == SAY_DO;
    if is_share {
        inputs.insert("planned", json!(review.planned));
    }
    let value = if is_share { review.say_do } else { Some(counted.iter().map(|item| item.amount).sum()) };
    let unknown = review.unknown_items;
    Some(Explanation {
        metric: number.id.into(),
        value,
        unit: if is_share { Unit::Percent } else { parts.unit },
        definition: number.definition,
        source: number.source,
        reason: value.is_none().then(|| "nothing was planned".into()),
        partial: (unknown > 0)
            .then(|| format!("how {unknown} work items stood in the sprint is not known").into()),
        inputs,
        counted,
        left_out,
        history: if unknown > 0 { History::Partial } else { History::Complete },
    })
}

/// Whether a sprint of a team is over for good: nothing of it is completed late any more.
pub fn is_settled(catalogue: &Catalogue, sprint: &Iteration, now: Timestamp) -> bool {
    settled_at(catalogue, sprint).is_some_and(|settled| settled <= now)
}
