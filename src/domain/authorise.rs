//! Who may read what, in one pure function.

use crate::domain::scope::{NameOrId, ProjectId, Scope};

/// Who asks. Whoever the Functions host let in is a viewer of every project that is served; finer principals
/// would be further variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Somebody who may look at the boards.
    Viewer,
}

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

/// Whether `principal` may read the board of `scope`, whose project has that name.
pub fn authorise(
    principal: Principal,
    scope: Scope,
    project_name: Option<&str>,
    allowed: &AllowedProjects,
) -> bool {
    match principal {
        Principal::Viewer => allowed.allow(scope.project, project_name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{other_project, project};
    use super::*;

    #[test]
    fn a_viewer_reads_every_project_that_is_served_and_no_other() {
        let all = AllowedProjects::default();
        let one = AllowedProjects::new(vec![NameOrId::parse("fabrikam").unwrap()]);
        let may =
            |allowed, project, name| authorise(Principal::Viewer, Scope::project(project), name, allowed);
        assert!(may(&all, project(), None) && may(&all, other_project(), Some("Contoso")));
        assert!(may(&one, project(), Some("Fabrikam")));
        assert!(!may(&one, other_project(), Some("Contoso")) && !may(&one, project(), None));
    }
}
