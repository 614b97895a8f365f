//! The teams of an organisation, and whose an item is: which boards show it, and which are served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{Catalogue, ProjectId, Scope, SprintId, Stored, TeamKey, Text, WorkItem};

/// A team's current sprint, as a record and as what a log entry tells: it changes by an entry, never by a clock, so
/// that every instance changes at the same position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentSprint {
    #[serde(flatten)]
    pub team: TeamKey,
    /// Its sprint; `None` between two.
    pub sprint: Option<SprintId>,
}

impl Stored for CurrentSprint {}

/// What is known of the teams of an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teams {
    catalogues: BTreeMap<TeamKey, Arc<Catalogue>>,
    current: BTreeMap<TeamKey, Option<SprintId>>,
}

impl Teams {
    /// Takes in what is now known of a team.
    pub fn learn(&mut self, catalogue: Arc<Catalogue>) {
        self.catalogues.insert(catalogue.key(), catalogue);
    }

    pub fn set_current(&mut self, current: CurrentSprint) {
        self.current.insert(current.team, current.sprint);
    }

    pub fn forget(&mut self, team: TeamKey) {
        self.catalogues.remove(&team);
        self.current.remove(&team);
    }

    pub fn catalogue(&self, team: TeamKey) -> Option<&Arc<Catalogue>> {
        self.catalogues.get(&team)
    }

    pub fn catalogue_of(&self, scope: Scope) -> Option<&Arc<Catalogue>> {
        self.catalogue(TeamKey::of(scope)?)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Catalogue>> {
        self.catalogues.values()
    }

    pub fn of_project(&self, project: ProjectId) -> impl Iterator<Item = &Arc<Catalogue>> {
        self.all().filter(move |catalogue| catalogue.project == project)
    }

    /// The fields that teams' processes name for effort and remaining work.
    pub fn estimate_fields(&self) -> BTreeSet<Text> {
        let fields = self.all().flat_map(|team| [&team.effort_field, &team.remaining_work_field]);
        fields.flatten().cloned().collect()
    }

    /// The sprint that a team is in; the outer `None` says that nobody has decided yet.
    pub fn current(&self, team: TeamKey) -> Option<Option<SprintId>> {
        self.current.get(&team).copied()
    }

    /// The team's board that is served: that of its current sprint, or of what is in no sprint while there is none.
    pub fn served_scope(&self, team: TeamKey) -> Scope {
        team.scope(self.current(team).flatten())
    }

    /// Whether a team's board is the one that is served.
    pub fn serves(&self, scope: Scope) -> bool {
        TeamKey::of(scope)
            .is_some_and(|team| self.catalogues.contains_key(&team) && self.served_scope(team) == scope)
    }

    /// The boards that show an item: those of every team in one of whose areas it is; its project's where there is no
    /// such team; none while it is deleted.
    pub fn boards_of(&self, item: &WorkItem) -> Vec<Scope> {
        if item.present().claim.facts.deleted { Vec::new() } else { self.homes_of(item) }
    }

    /// The boards that would show an item if it were not deleted.
    pub fn homes_of(&self, item: &WorkItem) -> Vec<Scope> {
        let facts = &item.present().claim.facts;
        let scopes: Vec<Scope> =
            self.boards_by(facts.project, &facts.area_path, &facts.iteration_path).collect();
        if scopes.is_empty() { vec![Scope::project(facts.project)] } else { scopes }
    }

    /// The boards of teams that show what has these paths.
    fn boards_by(&self, project: ProjectId, area: &str, iteration: &str) -> impl Iterator<Item = Scope> {
        let own = self.of_project(project).filter(move |team| team.is_own_area(area));
        own.map(move |team| team.key().scope(team.sprint_of(iteration).map(|sprint| sprint.id)))
    }

    /// Whether an item that is not deleted is on a board by the paths that it has now, and not by those that are known of
    /// its newest revision: areas and iterations are renamed without one. A path that no list has says nothing, because
    /// it may be a name that is newer than the lists.
    pub fn is_misplaced(&self, item: &WorkItem, area: &str, iteration: &str) -> bool {
        let facts = &item.present().claim.facts;
        let is_known = |scope: &Scope| {
            scope.sprint.is_some() || iteration == &*facts.iteration_path || !iteration.contains('\\')
        };
        let shown = self.boards_of(item);
        let mut now = self.boards_by(facts.project, area, iteration).filter(is_known);
        !facts.deleted && now.any(|scope| !shown.contains(&scope))
    }

    /// The teams whose item this is or ever was, as far as its revisions are known.
    pub fn ever_of(&self, item: &WorkItem) -> BTreeSet<TeamKey> {
        let mut teams = BTreeSet::new();
        let mut before = None;
        for (_, claim) in item.revisions() {
            let place = (claim.facts.project, &claim.facts.area_path);
            if before != Some(place) {
                let own = self.of_project(place.0).filter(|team| team.is_own_area(place.1));
                teams.extend(own.map(|team| team.key()));
                before = Some(place);
            }
        }
        teams
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::TeamId;
    use crate::domain::sprint::catalogue::tests::{catalogue, other_sprint_id, sprint_id};
    use crate::domain::testing::{item, other_project, project};

    fn teams(catalogues: impl IntoIterator<Item = Catalogue>) -> Teams {
        let mut teams = Teams::default();
        catalogues.into_iter().for_each(|catalogue| teams.learn(Arc::new(catalogue)));
        teams
    }

    fn second_team() -> Catalogue {
        let mut second = catalogue();
        second.team = TeamId::parse("e589a806-bf11-4d4f-a031-c19813331553").unwrap();
        second.areas[0].paths = vec!["Fabrikam\\Mobile".into()];
        second
    }

    #[test]
    fn an_item_is_on_the_board_of_every_team_in_whose_area_it_is() {
        let teams = teams([catalogue(), second_team()]);
        let boards =
            |change: fn(&mut crate::domain::sprint::work_item::Facts)| teams.boards_of(&item(13, 1, change));
        let (first, second) = (catalogue().key(), second_team().key());
        assert_eq!(boards(|_| {}), [first.scope(Some(sprint_id()))]);
        assert_eq!(
            boards(|facts| facts.area_path = "Fabrikam\\Mobile\\iOS".into()),
            [first.scope(Some(sprint_id())), second.scope(Some(sprint_id()))]
        );
        assert_eq!(boards(|facts| facts.iteration_path = "Fabrikam".into()), [first.scope(None)]);
        assert_eq!(
            boards(|facts| facts.iteration_path = "Fabrikam\\Sprint 2\\Week 1".into()),
            [first.scope(Some(other_sprint_id()))]
        );
        assert_eq!(boards(|facts| facts.area_path = "Other".into()), [Scope::project(project())]);
        assert_eq!(boards(|facts| facts.project = other_project()), [Scope::project(other_project())]);
        assert_eq!(boards(|facts| facts.deleted = true), []);
        assert_eq!(Teams::default().boards_of(&item(13, 1, |_| {})), [Scope::project(project())]);
    }

    #[test]
    fn o3_an_item_is_misplaced_where_the_lists_tell_its_board_by_the_paths_of_now_alone() {
        let teams = teams([catalogue(), second_team()]);
        let (area, sprint) = ("Fabrikam", "Fabrikam\\Sprint 1");
        let misplaced = |change: fn(&mut crate::domain::sprint::work_item::Facts), area, iteration| {
            teams.is_misplaced(&item(13, 1, change), area, iteration)
        };
        assert!(!misplaced(|_| {}, area, sprint));
        assert!(misplaced(|facts| facts.iteration_path = "Fabrikam\\Between".into(), area, sprint));
        assert!(!misplaced(|facts| facts.iteration_path = "Fabrikam\\Between".into(), area, "Fabrikam"));
        assert!(misplaced(|facts| facts.area_path = "Between".into(), area, sprint));
        assert!(misplaced(|_| {}, "Fabrikam\\Mobile", sprint), "the other team's as well");
        assert!(!misplaced(|facts| facts.deleted = true, "Fabrikam\\Mobile", sprint));
        // What is newer than the lists takes nothing away.
        assert!(!misplaced(|_| {}, area, "Fabrikam\\Newer"));
        assert!(!misplaced(|_| {}, "Newer", sprint));
        assert!(!misplaced(|facts| facts.area_path = "Between".into(), area, "Fabrikam\\Newer"));
        // In no sprint by either.
        let elsewhere = |facts: &mut crate::domain::sprint::work_item::Facts| {
            (facts.area_path, facts.iteration_path) = ("Between".into(), "Fabrikam\\Later".into());
        };
        assert!(misplaced(elsewhere, area, "Fabrikam\\Later"));
    }

    #[test]
    fn a_team_remembers_what_was_its_own() {
        let teams = teams([catalogue(), second_team()]);
        let (first, second) = (catalogue().key(), second_team().key());
        let mobile = item(13, 1, |facts| facts.area_path = "Fabrikam\\Mobile".into());
        let moved = mobile.merge(&item(13, 2, |facts| facts.area_path = "Other".into()));
        assert_eq!(teams.ever_of(&moved), BTreeSet::from([first, second]));
        assert_eq!(teams.boards_of(&moved), [Scope::project(project())]);
        let elsewhere = item(13, 1, |facts| facts.project = other_project());
        assert_eq!(teams.ever_of(&elsewhere), BTreeSet::new());
    }

    #[test]
    fn one_board_of_a_team_is_served() {
        let mut teams = teams([catalogue()]);
        let team = catalogue().key();
        assert_eq!((teams.current(team), teams.served_scope(team)), (None, team.scope(None)));
        teams.set_current(CurrentSprint { team, sprint: Some(sprint_id()) });
        assert!(teams.serves(team.scope(Some(sprint_id()))));
        assert!(!teams.serves(team.scope(Some(other_sprint_id()))) && !teams.serves(team.scope(None)));
        assert!(!teams.serves(Scope::project(project())));
        teams.set_current(CurrentSprint { team, sprint: None });
        assert!(teams.serves(team.scope(None)) && teams.current(team) == Some(None));
        let stranger = second_team().key();
        assert!(!teams.serves(stranger.scope(None)));
    }
}
