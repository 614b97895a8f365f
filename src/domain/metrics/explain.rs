//! Where a metric's number comes from: what went in, which items were counted, and which were left out by which rule.

use serde_json::json;

use super::digest::Digest;
use super::frame::SprintContext;
use super::ideal::{self, AskedIdeal};
use super::inputs::inputs;
use super::metric::Metric;
use super::sort_out::sort_out;
use super::table::{self, metric};
use super::tally::Tallies;
use crate::domain::wire::explanation::{Counted, Explanation, LeftOut};
use crate::domain::{RevisionTold, Timestamp, WorkItem};

/// Explains a metric, or a number of the ideal line; `None` when there is nothing of that name.
///
/// The value of a metric that is a sum is exactly the sum of the amounts counted. For a quotient the items counted are
/// those of its dividend. What is left out are items that are, or once were, in the sprint that it tells of, or that it might
/// have counted. Each item comes with which of its revisions is told as the newest.
pub fn explain<'i>(
    id: &str,
    frame: &SprintContext<'_>,
    items: impl Iterator<Item = (&'i WorkItem, RevisionTold)>,
    now: Timestamp,
) -> Option<Explanation> {
    let asked = Asked::parse(id)?;
    let digests: Vec<(Digest, &WorkItem)> =
        items.map(|(item, told)| (Digest::told(item, told, frame), item)).collect();
    let tallies = Tallies::of(frame, table::sums(), digests.iter().map(|(digest, _)| digest), now);
    Some(match asked {
        Asked::Metric(metric) => of_metric(metric, &tallies, &digests),
        Asked::Ideal(asked) => ideal::explain(id, asked, &tallies, &digests),
    })
}

/// What of a board can be asked where it comes from.
enum Asked {
    Metric(&'static Metric),
    Ideal(AskedIdeal),
}

impl Asked {
    fn parse(id: &str) -> Option<Self> {
        metric(id).map(Self::Metric).or_else(|| AskedIdeal::parse(id).map(Self::Ideal))
    }
}

fn of_metric(metric: &Metric, tallies: &Tallies<'_>, digests: &[(Digest, &WorkItem)]) -> Explanation {
    let view = metric.view(tallies);
    let mut inputs = inputs(metric, tallies);
    let (counted, left_out) = items_of(metric, tallies, digests);
    inputs.insert("counted", json!(counted.len()));
    Explanation {
        metric: metric.id.into(),
        value: view.value,
        unit: view.unit,
        definition: metric.definition,
        source: metric.source,
        reason: view.reason,
        partial: view.partial,
        inputs,
        counted,
        left_out,
        history: tallies.history,
    }
}

fn items_of(
    metric: &Metric,
    tallies: &Tallies<'_>,
    digests: &[(Digest, &WorkItem)],
) -> (Vec<Counted>, Vec<LeftOut>) {
    let Some(rule) = metric.items else { return (Vec::new(), Vec::new()) };
    sort_out(rule, metric.concerns, tallies, digests)
}
