//! Which projects are served. Everybody whom the Functions host lets in may read all of them.

use crate::domain::scope::{NameOrId, ProjectId};

/// The projects that are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedProjects(Vec<NameOrId>);

impl AllowedProjects {
    /// The projects so named; none named means all.
    pub const fn new(projects: Vec<NameOrId>) -> Self {
        Self(projects)
    }

    /// Whether the project with that id and that name is served.
    pub fn allow(&self, id: ProjectId, name: Option<&str>) -> bool {
        self.0.is_empty() || self.0.iter().any(|allowed| allowed.is_project(id, name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{other_project, project};
    use super::*;

    #[test]
    fn every_project_is_served_or_those_that_are_named() {
        let all = AllowedProjects::default();
        let one = AllowedProjects::new(vec![NameOrId::parse("fabrikam").unwrap()]);
        assert!(all.allow(project(), None) && all.allow(other_project(), Some("Contoso")));
        assert!(one.allow(project(), Some("Fabrikam")));
        assert!(!one.allow(other_project(), Some("Contoso")) && !one.allow(project(), None));
    }
}
