//! Which boards a reader asks for.

use crate::board::projection::Projection;
use crate::domain::wire::view::NO_TEAM;
use crate::domain::{NameOrId, Scope};

/// Which boards a reader asks for. Nothing named means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeFilter {
    pub projects: Vec<NameOrId>,
    pub teams: Vec<NameOrId>,
}

impl ScopeFilter {
    pub fn is_empty(&self) -> bool {
        self.projects.is_empty() && self.teams.is_empty()
    }

    /// Whether it admits the board of a scope with these names.
    pub fn admits(&self, scope: Scope, project_name: Option<&str>, team_name: Option<&str>) -> bool {
        let project = self.projects.is_empty()
            || self.projects.iter().any(|wanted| wanted.is_project(scope.project, project_name));
        let team = self.teams.is_empty()
            || scope.team.is_none() && self.teams.iter().any(|wanted| wanted.is_named(NO_TEAM))
            || scope.team.is_some_and(|team| self.teams.iter().any(|wanted| wanted.is_team(team, team_name)));
        project && team
    }

    /// The boards to show where simulated ones stand in: those that it names, else one that is always the same. Whoever asks
    /// for a board of which nothing is known is to see that something stands in for it.
    pub(super) fn simulated(&self, state: &Projection) -> Vec<Scope> {
        let shown: Vec<Scope> = state.shown().collect();
        let is_named = |scope: &Scope| {
            let view = state.simulated(*scope);
            let project = view.and_then(|view| view.project.as_deref());
            self.admits(*scope, project, view.and_then(|view| view.team.as_deref()))
        };
        let named: Vec<Scope> = shown.iter().copied().filter(is_named).collect();
        let wanted = || self.projects.iter().chain(&self.teams);
        if !named.is_empty() || wanted().any(NameOrId::is_blank) {
            return named;
        }
        let text: String = wanted().map(NameOrId::to_string).collect();
        pick(&shown, &text).into_iter().collect()
    }
}

/// One of several scopes, for that text always the same.
pub(crate) fn pick(scopes: &[Scope], text: &str) -> Option<Scope> {
    let sum = text.bytes().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    scopes.get(sum.checked_rem(scopes.len())?).copied()
}
