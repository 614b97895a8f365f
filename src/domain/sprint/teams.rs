//! The teams of an organisation, and whose an item is: which boards show it, and which are served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Days;
use serde::{Deserialize, Serialize};

use crate::domain::stored::hash_of;
use crate::domain::{
    Catalogue, Iteration, ProjectId, Scope, Span, SprintId, Stored, TeamKey, Text, Timestamp, WorkItem,
};

/// How many of a team's finished sprints numbers look back over: as many as Azure DevOps shows in a chart of velocity
/// unless somebody chooses otherwise.
pub(crate) const SPRINTS_BACK: usize = 6;

/// How many days back a team's sprints are known, where that is more: numbers look back over 90 days, and over 30 working
/// days, which are less than that.
const DAYS_BACK: u64 = 90;

/// The team's finished sprints that numbers look back at, of which days off and items are asked for.
pub(crate) fn looked_back_at(team: &Catalogue, now: Timestamp) -> impl Iterator<Item = &Iteration> {
    let since = team.calendar().day_of(now).checked_sub_days(Days::new(DAYS_BACK));
    let is_looked_at = move |place: usize, span: Span| place < SPRINTS_BACK || Some(span.last()) >= since;
    let over = team.past_sprints(now).enumerate();
    over.take_while(move |(place, (span, _))| is_looked_at(*place, *span)).map(|(_, (_, sprint))| sprint)
}

/// How long the window is at least over which lives are known, and at most, in milliseconds: teams that plan by the quarter
/// would otherwise have years of revisions read.
const WINDOW_MS: i64 = 90 * DAY_MS;
const WINDOW_MS_MAX: i64 = 400 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60_000;

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
        let own = self.owners(project, area);
        own.map(move |team| team.key().scope(team.sprint_of(iteration).map(|sprint| sprint.id)))
    }

    /// The teams whose area that is.
    fn owners(&self, project: ProjectId, area: &str) -> impl Iterator<Item = &Arc<Catalogue>> {
        self.of_project(project).filter(move |team| team.is_own_area(area))
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

    /// The beginning of the window over which the lives of the teams' items are kept at that moment: 90 days, and as much
    /// more as the last six finished sprints of each team take, 400 days at most. By days in UTC, so that instances which look
    /// on one day see the same.
    pub fn window_start(&self, now: Timestamp) -> Timestamp {
        let first_day = |team: &Arc<Catalogue>| {
            let (span, _) = team.past_sprints(now).take(SPRINTS_BACK).last()?;
            Some(team.calendar().start_of(span.first()))
        };
        let ago = |ms| Timestamp::from_epoch_ms(now.epoch_ms().saturating_sub(ms));
        let earliest = self.all().filter_map(first_day).min();
        let start =
            earliest.map_or(ago(WINDOW_MS), |first| first.min(ago(WINDOW_MS))).max(ago(WINDOW_MS_MAX));
        Timestamp::from_epoch_ms(start.epoch_ms().div_euclid(DAY_MS) * DAY_MS)
    }

    /// The teams of whose items it can be told that they are, each with a hash of its areas.
    pub fn with_areas(&self) -> Vec<(TeamKey, u64)> {
        let of_team = |team: &Arc<Catalogue>| {
            let areas = team.areas.iter().map(|area| {
                // A name that is changed makes no other area of it.
                let path = area.paths.first().filter(|_| area.id.is_none()).cloned();
                (area.id, path, area.include_children)
            });
            (team.key(), hash_of(&areas.collect::<Vec<_>>()))
        };
        self.all().filter(|team| team.without_items().is_none()).map(of_team).collect()
    }

    /// Whether an item is or ever was a team's, as far as its revisions are known.
    pub fn has_ever_had(&self, item: &WorkItem) -> bool {
        self.owners_ever(item).next().is_some()
    }

    /// The teams whose item this is or ever was, as far as its revisions are known.
    pub fn ever_of(&self, item: &WorkItem) -> BTreeSet<TeamKey> {
        self.owners_ever(item).map(|team| team.key()).collect()
    }

    /// The same, each as often as the item came into an area of it.
    fn owners_ever(&self, item: &WorkItem) -> impl Iterator<Item = &Arc<Catalogue>> {
        let mut before = None;
        let places = item.revisions().map(|(_, claim)| (claim.facts.project, &claim.facts.area_path));
        let moves = places.filter(move |place| before.replace(*place) != Some(*place));
        moves.flat_map(|(project, area)| self.owners(project, area))
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
        assert!(teams.has_ever_had(&moved));
        assert_eq!(teams.boards_of(&moved), [Scope::project(project())]);
        let elsewhere = item(13, 1, |facts| facts.project = other_project());
        assert_eq!(teams.ever_of(&elsewhere), BTreeSet::new());
        assert!(!teams.has_ever_had(&elsewhere));
    }

    #[test]
    fn the_window_holds_90_days_and_the_last_six_sprints_and_400_days_at_most() {
        let day = |day: &str| Timestamp::parse(&format!("{day}T00:00:00Z")).unwrap();
        let now = day("2027-01-20");
        let days_back = |teams: &Teams| (now.epoch_ms() - teams.window_start(now).epoch_ms()) / DAY_MS;
        assert_eq!((days_back(&Teams::default()), days_back(&teams([catalogue()]))), (90, 90));
        // Both sprints of the team are over: the first began on the 16th of November, at midnight in New York.
        let late = day("2027-04-20");
        assert_eq!(teams([catalogue()]).window_start(late), day("2026-11-16"));
        assert_eq!(
            teams([catalogue()]).window_start(day("2028-04-20")),
            Timestamp::from_epoch_ms(day("2028-04-20").epoch_ms() - 400 * DAY_MS)
        );
        let mut often = catalogue();
        let sprint = often.iterations[1].clone();
        for _ in 0..SPRINTS_BACK - 1 {
            often.iterations.push(sprint.clone());
        }
        assert_eq!(
            teams([often]).window_start(late),
            day("2027-04-20")
                .min(Timestamp::from_epoch_ms(late.epoch_ms() - 90 * DAY_MS))
                .min(day("2026-11-30")),
            "six of them are the later ones"
        );
        assert_eq!(teams([catalogue(), second_team()]).window_start(late), day("2026-11-16"));
    }

    #[test]
    fn teams_have_other_areas_when_one_comes_and_not_when_one_is_renamed() {
        let of = |change: fn(&mut Catalogue)| {
            let mut team = catalogue();
            change(&mut team);
            teams([team]).with_areas()
        };
        let known = of(|_| {});
        assert_eq!(known.len(), 1);
        assert_eq!(of(|team| team.areas[0].paths = vec!["Other".into()]), known);
        assert_ne!(of(|team| team.areas[0].include_children = false), known);
        assert_ne!(of(|team| team.areas.extend(second_team().areas)), known);
        assert_eq!(of(|team| team.team_field = Some("Custom.Team".into())), [], "its items are not known");
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
