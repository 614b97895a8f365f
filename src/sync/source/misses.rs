//! Names that nobody knows yet: an item bears the path of a new sprint, the new name of an area or a new state before the
//! list is read again that says what it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::board::projection::Projection;
use crate::domain::scope::{ProjectId, Scope, TeamKey, Text};
use crate::domain::sprint::catalogue::{Catalogue, CataloguePart};
use crate::domain::sprint::work_item::WorkItem;
use crate::journal::EntryId;

/// The names that were met and that no list has. Each is a reason to read the list once, and no more: a path may well be
/// of no sprint and of no team's area.
#[derive(Default)]
pub(super) struct Misses {
    /// Up to where the items of a scope were looked at.
    until: HashMap<Scope, EntryId>,
    sprints: BTreeSet<(TeamKey, Text)>,
    areas: BTreeSet<(ProjectId, Text)>,
    states: BTreeSet<(TeamKey, Text, Text)>,
}

/// What is to be read again, each with the latest entry of the log that wrote an item with a name that is not known.
#[derive(Default)]
pub(super) struct Outdated {
    pub(super) teams: BTreeMap<TeamKey, EntryId>,
    /// What the teams of these projects share.
    pub(super) projects: BTreeMap<ProjectId, EntryId>,
}

impl Outdated {
    pub(super) fn is_empty(&self) -> bool {
        self.teams.is_empty() && self.projects.is_empty()
    }
}

impl Misses {
    /// The lists that lack a name that was not met before.
    ///
    /// `is_others` says of an area that it is there and belongs to teams that nobody asked about: each of their areas would
    /// else be a reason to look.
    pub(super) fn look(
        &mut self,
        state: &Projection,
        is_others: impl Fn(ProjectId, &str) -> bool,
    ) -> Outdated {
        let mut outdated = Outdated::default();
        let teams = state.teams();
        let own: BTreeSet<Scope> = teams.all().map(|team| Scope::project(team.project)).collect();
        let of_teams = teams.all().flat_map(|of| [of.key().scope(None), teams.served_scope(of.key())]);
        for scope in own.into_iter().chain(of_teams) {
            let until = self.until.entry(scope).or_default();
            let Some(board) = state.board(scope).filter(|board| board.changed > *until) else { continue };
            *until = board.changed;
            for item in state.items_of(scope) {
                // By the entry of the item, not by the board's last one: an instance that starts takes a list that was
                // loaded since, however much else has happened on the board.
                let changed_by = state.item(item.id).map(|known| known.version).unwrap_or_default();
                let team = teams.catalogue_of(scope);
                if team.is_none() && is_others(scope.project, &item.present().claim.facts.area_path) {
                    continue;
                }
                self.look_at(scope, team, &item, changed_by, &mut outdated);
            }
        }
        outdated
    }

    fn look_at(
        &mut self,
        scope: Scope,
        team: Option<&Arc<Catalogue>>,
        item: &WorkItem,
        changed_by: EntryId,
        outdated: &mut Outdated,
    ) {
        let Some(team) = team else {
            if self.is_new_area(scope.project, item) {
                note(&mut outdated.projects, scope.project, changed_by);
            }
            return;
        };
        let is_new_state = self.is_new_state(team, item);
        if is_new_state {
            note(&mut outdated.projects, team.project, changed_by);
        }
        if is_new_state || scope.sprint.is_none() && self.is_new_sprint(team.key(), item) {
            note(&mut outdated.teams, team.key(), changed_by);
        }
    }

    fn is_new_sprint(&mut self, team: TeamKey, item: &WorkItem) -> bool {
        let path = &item.present().claim.facts.iteration_path;
        // A path without a backslash is the project's root: in no sprint.
        path.contains('\\') && self.sprints.insert((team, path.clone()))
    }

    fn is_new_area(&mut self, project: ProjectId, item: &WorkItem) -> bool {
        self.areas.insert((project, item.present().claim.facts.area_path.clone()))
    }

    fn is_new_state(&mut self, catalogue: &Catalogue, item: &WorkItem) -> bool {
        let facts = &item.present().claim.facts;
        let (of, state) = (&facts.work_item_type, &facts.state);
        catalogue.known_category(of, state).is_none()
            && !catalogue.unread.contains(&CataloguePart::States)
            && self.states.insert((catalogue.key(), of.clone(), state.clone()))
    }
}

fn note<K: Ord>(outdated: &mut BTreeMap<K, EntryId>, key: K, changed_by: EntryId) {
    let latest = outdated.entry(key).or_default();
    *latest = (*latest).max(changed_by);
}
