//! Sprints that nobody knows yet: an item that a hook moved into one bears its path before the team's list is read again.

use std::collections::{BTreeSet, HashMap};

use crate::board::projection::Projection;
use crate::domain::scope::{TeamKey, Text};
use crate::journal::EntryId;

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
    /// The teams one of whose items bears a path that was not met before and that none of their sprints has, each with
    /// the latest entry of the log that wrote such an item.
    pub(super) fn look(&mut self, state: &Projection) -> Vec<(TeamKey, EntryId)> {
        let teams = state.teams().all().map(|catalogue| catalogue.key());
        teams.filter_map(|team| Some((team, self.met_now(state, team)?))).collect()
    }

    fn met_now(&mut self, state: &Projection, team: TeamKey) -> Option<EntryId> {
        let scope = team.scope(None);
        let met = self.met.entry(team).or_default();
        let board = state.board(scope).filter(|board| board.changed > met.until)?;
        met.until = board.changed;
        let mut met_by = None;
        for item in state.items_of(scope) {
            let path = &item.present().claim.facts.iteration_path;
            // A path without a backslash is the project's root: in no sprint.
            if path.contains('\\') && !met.paths.contains(path) {
                met.paths.insert(path.clone());
                // Of this entry, not of the board's last one: an instance that starts takes a list that was loaded
                // since, however much else has happened on the board.
                met_by = met_by.max(state.item(item.id).map(|known| known.version));
            }
        }
        met_by
    }
}
