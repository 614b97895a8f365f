//! The numbers of all boards, for whoever keeps them over time.

use std::collections::BTreeMap;

use crate::board::figures::Inputs;
use crate::board::filter::ScopeFilter;
use crate::board::snapshot::Snapshots;
use crate::domain::Level;
use crate::domain::wire::view::{MetricView, ScopeView};

/// The metrics of a board, by their ids.
#[derive(Clone, Debug)]
pub struct BoardNumbers {
    /// The board, with its names.
    pub board: ScopeView,
    /// Its metrics.
    pub metrics: BTreeMap<&'static str, MetricView>,
}

impl Snapshots {
    /// The metrics of the boards that are served, in the order of their ids and no more than `most`, and how many boards are
    /// left out. A board shows none while nothing is known of it; those that stand in for what is not known are not among
    /// them, since nobody sees in a number that it is simulated.
    pub fn numbers(&self, most: usize) -> (Vec<BoardNumbers>, usize) {
        let mut scopes = self.scopes(&self.fold.read(), &ScopeFilter::default());
        scopes.sort_unstable();
        let left_out = scopes.len().saturating_sub(most);
        let now = (self.clock)();
        let numbers = scopes.into_iter().take(most).filter_map(|scope| {
            // One board after the other: whoever folds waits for as long as the fold is held.
            let (board, inputs) = {
                let state = self.fold.read();
                let board = Self::views(&state, &[scope]).pop()?;
                if !matches!(state.level_here(scope), Level::Full | Level::Cached) {
                    return None;
                }
                if let Some(archived) = state.archived(scope) {
                    return Some(BoardNumbers { board, metrics: archived.view(now).metrics });
                }
                (board, Inputs::of(&state, scope, now))
            };
            Some(BoardNumbers { board, metrics: self.calculator.figures(&inputs, now).metrics })
        });
        (numbers.collect(), left_out)
    }
}
