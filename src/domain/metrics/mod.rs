//! The metrics of a team's sprint, computed from its work items, its catalogue and the time.
//!
//! `docs/METRICS.md` explains each of them to a reader. A metric is one row of the table [`METRICS`]. What one item
//! contributes to a metric is decided in one place, the module `rules`. Both the sum and its explanation are made from
//! it, so the two cannot disagree.
//!
//! What an item contributes rests on its [`Digest`], which changes only with the item, the catalogue or the sprint.
//! A caller that keeps the digests of a board recomputes all its metrics after one change in a few milliseconds.

mod board;
mod burndown;
mod capacity;
mod digest;
mod explain;
mod explain_item;
mod frame;
mod ideal;
mod ids;
mod inputs;
mod life;
mod metric;
mod need;
mod outlook;
mod periods;
mod reading;
mod review;
mod rules;
mod scope_changes;
mod sort_out;
mod statistics;
mod table;
mod tally;
pub mod threshold;
mod values;

use std::collections::BTreeMap;

pub use digest::Digest;
pub use explain::explain;
pub use explain_item::{explain_item, explain_unknown};
pub use frame::{GRACE_DAYS_DEFAULT, MetricSettings, Past, STALE_WORKING_DAYS_DEFAULT, SprintContext};
pub use ideal::{AskedIdeal, kept_ideal};
pub use ids::{OUTLOOK_NAMES, SINCE_METRICS, SPRINT_DAYS_LEFT};
pub use life::happened::{HappenedSince, happened_since};
pub use metric::Metric;
pub use review::{AskedNumber, DEFINITION, explain_review, is_settled, review, review_number};
pub use table::{METRICS, metric};

use crate::domain::wire::view::{Burndown, MetricView, Outlook, ScopeChangeView, StateCount};
use crate::domain::{History, Hundredths, Timestamp};
use tally::Tallies;

/// What a board shows in numbers.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Every metric of the table, by id; none for a team between two sprints.
    pub metrics: BTreeMap<&'static str, MetricView>,
    /// Items by state.
    pub states: Vec<StateCount>,
    /// The burndown; `None` while the sprint has no dates, or ones too far apart to draw.
    pub burndown: Option<Burndown>,
    /// Whether the sprint is going to be completed in time; `None` for a team between two sprints.
    pub outlook: Option<Outlook>,
    /// What changed the scope after the sprint was planned.
    pub scope_changes: Vec<ScopeChangeView>,
    /// Whether every revision is known of every item that is or ever was in the sprint.
    pub history: History,
}

/// Computes every metric of a team's sprint.
///
/// The digests are those of all the items that are known of the team, whatever sprint they are in: lead time looks
/// at all of them, and past days of the burndown count what has left the sprint since.
pub fn compute<'d>(
    frame: &SprintContext<'_>,
    digests: impl Iterator<Item = &'d Digest> + Clone,
    now: Timestamp,
) -> Figures {
    let tallies = Tallies::of(frame, table::sums(), digests.clone(), now);
    let metrics = METRICS.iter().map(|metric| (metric.id, metric.view(&tallies))).collect();
    let states = board::states(frame, digests.clone());
    let burndown = burndown::of(&tallies, digests.clone());
    let outlook = Some(outlook::of(&tallies, burndown.as_ref()));
    let scope_changes = scope_changes::told(&tallies.moment, digests);
    Figures { metrics, states, burndown, outlook, scope_changes, history: tallies.history }
}

/// The metrics of a project's board without a team: how many items it has. Nothing else can be known without a
/// catalogue, which alone says what a state, a type or an iteration means.
pub fn of_project(items: usize) -> BTreeMap<&'static str, MetricView> {
    let value = u32::try_from(items).ok().map(Hundredths::whole);
    metric(ids::ITEMS_TOTAL).map(|metric| (metric.id, metric.view_of(value, None))).into_iter().collect()
}

/// `numerator / denominator` rounded to the nearest integer, half away from zero; `None` when nothing is to be
/// divided by, or when the quotient is absurd.
fn rounded_quotient(numerator: i128, denominator: i128) -> Option<i64> {
    let doubled = numerator.checked_mul(2)?;
    let half = if (numerator < 0) == (denominator < 0) { denominator } else { -denominator };
    i64::try_from((doubled + half).checked_div(denominator * 2)?).ok()
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "burndown_tests.rs"]
mod burndown_tests;

#[cfg(test)]
#[path = "ideal_tests.rs"]
mod ideal_tests;

#[cfg(test)]
#[path = "burndown_units_tests.rs"]
mod burndown_units_tests;

#[cfg(test)]
#[path = "capacity_tests.rs"]
mod capacity_tests;

#[cfg(test)]
#[path = "explain_tests.rs"]
mod explain_tests;

#[cfg(test)]
#[path = "properties_tests.rs"]
mod properties;

#[cfg(test)]
#[path = "happened_tests.rs"]
mod happened_tests;

#[cfg(test)]
#[path = "clocks_tests.rs"]
mod clocks_tests;

#[cfg(test)]
#[path = "history_tests.rs"]
mod history_tests;

#[cfg(test)]
#[path = "history_properties_tests.rs"]
mod history_properties;

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
#[path = "review_tests.rs"]
mod review_numbers;

#[cfg(test)]
#[path = "whole_sprints_tests.rs"]
mod whole_sprints_tests;
