//! Sprints that nobody knows yet: an item that a hook moved into one bears its path before the team's list is read again.

use std::collections::{BTreeSet, HashMap};

use crate::domain::scope::Text;
use crate::domain::teams::TeamKey;
use crate::fold::State;
use crate::store::EntryId;

/// The iteration paths that were met and that no known sprint of the team has.
#[derive(Default)]
pub(super) struct Misses {
    met: HashMap<TeamKey, Met>,
}

#[derive(Default)]
struct Met {
    /// Up to where the team's items in no sprint were looked at.
    until: EntryId,
    /// Each is a reason to read the list once, and no more: a path may well be none of the team's sprints.
    paths: BTreeSet<Text>,
}

impl Misses {
    /// The teams one of whose items bears a path that was not met before and that none of their sprints has.
    pub(super) fn look(&mut self, state: &State) -> Vec<TeamKey> {
        let teams = state.teams().all().map(|catalogue| catalogue.key());
        teams.filter(|team| self.is_new(state, *team)).collect()
    }

    fn is_new(&mut self, state: &State, team: TeamKey) -> bool {
        let scope = team.scope(None);
        let met = self.met.entry(team).or_default();
        let Some(board) = state.board(scope).filter(|board| board.changed > met.until) else { return false };
        met.until = board.changed;
        let mut is_new = false;
        for item in state.items_of(scope) {
            let path = &item.present().claim.facts.iteration_path;
            // A path without a backslash is the project's root: in no sprint.
            if path.contains('\\') && !met.paths.contains(path) {
                met.paths.insert(path.clone());
                is_new = true;
            }
        }
        is_new
    }
}
