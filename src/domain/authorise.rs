//! Which projects and teams are served. Everybody whom the Functions host lets in may read all of their boards.

use crate::domain::scope::{NameOrId, ProjectId, Scope, TeamId};

/// The projects and teams that are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedBoards {
    /// None named means all.
    projects: Vec<NameOrId>,
    /// None named means all of these projects.
    teams: Vec<NamedTeam>,
}

/// A team as a setting names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedTeam {
    /// The project that it is to be of; `None` for any that is served.
    project: Option<NameOrId>,
    team: NameOrId,
    /// As it was written.
    text: String,
}

impl NamedTeam {
    /// Reads `team` or `project/team`, each by name or GUID: no name in Azure DevOps has a slash. `None` where one of them is
    /// blank.
    fn parse(text: &str) -> Option<Self> {
        let (project, team) = match text.split_once('/') {
            Some((project, team)) => (Some(NameOrId::parse(project)?), team),
            None => (None, text),
        };
        Some(Self { project, team: NameOrId::parse(team)?, text: text.trim().to_owned() })
    }

    fn may_be_of(&self, id: ProjectId, name: Option<&str>) -> bool {
        self.project.as_ref().is_none_or(|wanted| wanted.is_project(id, name))
    }

    fn is(&self, project: (ProjectId, Option<&str>), team: (TeamId, Option<&str>)) -> bool {
        self.team.is_team(team.0, team.1) && self.may_be_of(project.0, project.1)
    }
}

impl AllowedBoards {
    /// All teams of the projects so named; none named means all projects.
    pub const fn projects(projects: Vec<NameOrId>) -> Self {
        Self { projects, teams: Vec::new() }
    }

    /// Of these only the teams so named, as `team` or as `project/team`; none named means all.
    ///
    /// Errors: the first text that names no team.
    pub fn with_teams<'a>(self, teams: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let parse = |text: &str| NamedTeam::parse(text).ok_or_else(|| text.trim().to_owned());
        Ok(Self { teams: teams.into_iter().map(parse).collect::<Result<_, _>>()?, ..self })
    }

    /// Whether anything of the project with that id and that name is served: where teams are named, one of them may be its.
    pub fn allows_project(&self, id: ProjectId, name: Option<&str>) -> bool {
        let is_named =
            self.projects.is_empty() || self.projects.iter().any(|served| served.is_project(id, name));
        is_named && (self.teams.is_empty() || self.teams.iter().any(|served| served.may_be_of(id, name)))
    }

    /// The teams that are named, as they were written.
    pub fn named_teams(&self) -> impl Iterator<Item = &str> {
        self.teams.iter().map(|served| served.text.as_str())
    }

    /// Whether only some teams are served.
    pub const fn names_teams(&self) -> bool {
        !self.teams.is_empty()
    }

    /// Whether a team with that id and that name is served, of a project that is.
    pub fn allows_team(&self, project: (ProjectId, Option<&str>), team: (TeamId, Option<&str>)) -> bool {
        self.teams.is_empty() || self.teams.iter().any(|served| served.is(project, team))
    }

    /// Whether a board is served whose project and team have these names. Where teams are named, the board of items of no
    /// team is not: most of them are of teams that nobody asked about.
    pub fn allows_board(&self, scope: Scope, project_name: Option<&str>, team_name: Option<&str>) -> bool {
        let is_team = match scope.team {
            Some(team) => self.allows_team((scope.project, project_name), (team, team_name)),
            None => !self.names_teams(),
        };
        is_team && self.allows_project(scope.project, project_name)
    }

    /// The names of projects, as they were written, that none of these projects has.
    pub fn unknown_projects<'a>(
        &self,
        projects: impl Iterator<Item = (ProjectId, &'a str)> + Clone,
    ) -> Vec<String> {
        let is_there =
            |served: &NameOrId| projects.clone().any(|(id, name)| served.is_project(id, Some(name)));
        self.projects.iter().filter(|served| !is_there(served)).map(ToString::to_string).collect()
    }

    /// The names of teams, as they were written, that none of these teams has, and with them its project. One that may be of
    /// a project of which nobody told the teams is none of them.
    pub fn unknown_teams<'a>(
        &self,
        teams: impl Iterator<Item = ((ProjectId, &'a str), (TeamId, &'a str))> + Clone,
        untold: impl Iterator<Item = (ProjectId, &'a str)> + Clone,
    ) -> Vec<&str> {
        let is_unknown = |served: &&NamedTeam| {
            let mut teams = teams.clone();
            let is_there =
                teams.any(|(project, team)| served.is((project.0, Some(project.1)), (team.0, Some(team.1))));
            !is_there && !untold.clone().any(|(id, name)| served.may_be_of(id, Some(name)))
        };
        self.teams.iter().filter(is_unknown).map(|served| served.text.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{other_project, project};
    use super::*;

    fn team(last: u8) -> TeamId {
        TeamId::parse(&format!("c589a806-bf11-4d4f-a031-c198133315{last:02}")).unwrap()
    }

    fn named(teams: &[&str]) -> AllowedBoards {
        AllowedBoards::default().with_teams(teams.iter().copied()).unwrap()
    }

    #[test]
    fn a_project_that_is_named_and_not_there_is_found() {
        let named =
            ["fabrikam", "Contoso", &other_project().to_string()].map(|name| NameOrId::parse(name).unwrap());
        let named = AllowedBoards::projects(named.to_vec());
        let there = [(project(), "Fabrikam"), (other_project(), "Other")];
        assert_eq!(named.unknown_projects(there.into_iter()), ["contoso"]);
        assert_eq!(AllowedBoards::default().unknown_projects([].into_iter()), Vec::<String>::new());
    }

    #[test]
    fn every_project_is_served_or_those_that_are_named() {
        let all = AllowedBoards::default();
        let one = AllowedBoards::projects(vec![NameOrId::parse("fabrikam").unwrap()]);
        assert!(all.allows_project(project(), None) && all.allows_project(other_project(), Some("Contoso")));
        assert!(one.allows_project(project(), Some("Fabrikam")));
        assert!(
            !one.allows_project(other_project(), Some("Contoso")) && !one.allows_project(project(), None)
        );
    }

    #[test]
    fn o6_teams_are_named_alone_or_with_their_project() {
        let (ours, theirs) = ((project(), Some("Fabrikam")), (other_project(), Some("Contoso")));
        let (web, mobile) = ((team(1), Some("Web")), (team(2), Some("Mobile")));
        assert!(AllowedBoards::default().allows_team(ours, web));
        let served = named(&["web"]);
        assert!(
            served.allows_team(ours, web)
                && served.allows_team(theirs, web)
                && !served.allows_team(ours, mobile)
        );
        let served = named(&[" Fabrikam / Web ", &team(2).to_string()]);
        assert!(served.allows_team(ours, web) && !served.allows_team(theirs, web));
        assert!(served.allows_team(ours, mobile) && served.allows_team(theirs, mobile));
        assert!(served.allows_project(ours.0, ours.1) && served.allows_project(theirs.0, theirs.1));
        let served = named(&["Fabrikam/Web"]);
        assert!(served.allows_project(ours.0, ours.1) && !served.allows_project(theirs.0, theirs.1));
        assert_eq!(AllowedBoards::default().with_teams(["Web", " / Web"]), Err("/ Web".to_owned()));
    }

    #[test]
    fn o6_where_teams_are_named_their_boards_alone_are_served() {
        let board = |team| Scope { project: project(), team, sprint: None };
        let served = named(&["Web"]);
        assert!(served.allows_board(board(Some(team(1))), Some("Fabrikam"), Some("Web")));
        assert!(!served.allows_board(board(Some(team(2))), Some("Fabrikam"), Some("Mobile")));
        assert!(
            !served.allows_board(board(Some(team(1))), Some("Fabrikam"), None),
            "of which no name is known"
        );
        assert!(!served.allows_board(board(None), Some("Fabrikam"), None));
        assert!(AllowedBoards::default().allows_board(board(None), None, None));
    }

    #[test]
    fn o6_a_name_that_no_team_has_is_told_as_it_was_written() {
        let there = [((project(), "Fabrikam"), (team(1), "Web"))];
        let served = named(&["Web", "Wbe", "Contoso/Web"]);
        let unknown = |served: &AllowedBoards, untold: &[(ProjectId, &'static str)]| {
            let unknown = served.unknown_teams(there.into_iter(), untold.iter().copied());
            unknown.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(unknown(&served, &[]), ["Wbe", "Contoso/Web"]);
        assert_eq!(unknown(&served, &[(other_project(), "Contoso")]), Vec::<String>::new());
        assert_eq!(unknown(&served, &[(other_project(), "Northwind")]), ["Contoso/Web"]);
        assert!(unknown(&AllowedBoards::default(), &[]).is_empty());
    }
}
