//! What is shown in the place of boards of whose source nothing is known: simulated ones, or none of the numbers and why.

use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::{BoardView, MetricView, Outage, ScopeView};
use crate::domain::{Scope, Text};

/// A set of boards that are simulated.
pub trait StandIn: Send + Sync {
    /// All of them, with what they are called.
    fn boards(&self) -> Vec<(Scope, ScopeView)>;

    /// The board that stands in for that of a scope: itself, where it is one of them, else one that is always the same.
    fn board(&self, scope: Scope) -> BoardView;

    /// Where a number of that board comes from; `None` when it has no such metric.
    fn explain(&self, scope: Scope, metric: &str) -> Option<Explanation>;
}

/// Why a board that is less than known has no numbers.
pub(super) fn no_numbers(outage: Option<&Outage>) -> Text {
    outage.map_or_else(|| "Azure DevOps does not answer".into(), Outage::without_numbers)
}

/// A board of whose source nothing is known that may still be shown: no numbers, and why.
pub(super) fn without_numbers(view: BoardView, outage: Option<&Outage>) -> BoardView {
    let reason = no_numbers(outage);
    let without = |metric| MetricView { value: None, reason: Some(reason.clone()), detail: None, ..metric };
    let metrics = view.metrics.into_iter().map(|(id, metric)| (id, without(metric))).collect();
    BoardView {
        metrics,
        states: Vec::new(),
        items: Some(Vec::new()),
        burndown: None,
        outlook: None,
        scope_changes: Vec::new(),
        ..view
    }
}
