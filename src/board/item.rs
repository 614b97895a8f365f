//! Why a board shows a work item, or does not, for a reader who may see the boards that are served and no others.

use crate::board::filter::ScopeFilter;
use crate::board::projection::Projection;
use crate::board::snapshot::Snapshots;
use crate::board::stand_in::no_numbers;
use crate::domain::wire::item_explanation::{Elsewhere, ExplainedItem, ItemExplanation};
use crate::domain::wire::view::board_url;
use crate::domain::{Level, Scope, TeamKey, WorkItemId, metrics};

impl Snapshots {
    /// Why the board of `scope` shows an item, or does not. Of an item that is on no board that is served nothing is told but
    /// that it is not known.
    pub fn explain_item(&self, scope: Scope, id: WorkItemId) -> ExplainedItem {
        let state = self.fold.read();
        let level = state.level_here(scope);
        let mock = level == Level::Mock;
        let has_numbers = matches!(level, Level::Full | Level::Cached);
        let why = if mock {
            Some("the board is simulated".into())
        } else if !has_numbers {
            Some(no_numbers(state.outage_here(scope).as_ref()))
        } else {
            state
                .archived(scope)
                .map(|_| "of this board only numbers are remembered, and no work items".into())
        };
        ExplainedItem {
            explanation: match why {
                Some(why) => ItemExplanation::without_item(id, None, why),
                None => self.explained(&state, scope, id),
            },
            level,
            data_as_of: state.data_as_of(scope),
            demo: self.demo,
            mock,
        }
    }

    fn explained(&self, state: &Projection, scope: Scope, id: WorkItemId) -> ItemExplanation {
        let teams = state.teams();
        let Some(item) = state.item(id).map(|known| known.item) else {
            return metrics::explain_unknown(id, false);
        };
        let all = ScopeFilter::default();
        let homes: Vec<Scope> =
            teams.homes_of(&item).into_iter().filter(|home| self.admits(state, &all, *home)).collect();
        if homes.is_empty() {
            let was_ours = TeamKey::of(scope).is_some_and(|team| teams.ever_of(&item).contains(&team));
            return metrics::explain_unknown(id, was_ours);
        }
        let is_deleted = item.present().claim.facts.deleted;
        let others = homes.into_iter().filter(|home| *home != scope && !is_deleted);
        let elsewhere = others.flat_map(|home| {
            let url = state.is_served(home).then(|| board_url(home, None));
            let views = Self::views(state, &[home]);
            views.into_iter().map(move |scope| Elsewhere { scope, url: url.clone() })
        });
        let elsewhere = elsewhere.collect();
        ItemExplanation { elsewhere, ..metrics::explain_item(scope, &item, teams) }
    }
}
