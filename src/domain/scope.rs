//! What a board is about: a project, a team and a sprint, each known by its GUID.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Shared text: names, paths and states repeat across thousands of items.
pub type Text = Arc<str>;

macro_rules! guids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads a GUID in any case; `None` when the text is not one.
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text.trim()).ok().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )*};
}

guids! {
    /// A project's GUID, which stays when the project is renamed.
    ProjectId;
    /// A team's GUID.
    TeamId;
    /// A sprint: the GUID of an iteration.
    SprintId;
    /// An area: the GUID of its node in the project's tree, which stays when the area is renamed.
    AreaId;
    /// A project collection (an organisation): work item numbers are unique within one, and only there.
    CollectionId;
}

/// What a board is about. What is not known is `None`: (project, team, –) outside any sprint,
/// (project, –, –) where no team is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The project.
    pub project: ProjectId,
    /// The team, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The sprint, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sprint: Option<SprintId>,
}

impl Scope {
    /// The scope of a whole project, used where no team is known.
    pub const fn project(project: ProjectId) -> Self {
        Self { project, team: None, sprint: None }
    }
}

impl fmt::Display for Scope {
    /// The three ids, with a hyphen for what is not known: no character that a key of any store forbids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.project)?;
        match self.team {
            Some(team) => write!(f, "{team}/")?,
            None => f.write_str("-/")?,
        }
        match self.sprint {
            Some(sprint) => write!(f, "{sprint}"),
            None => f.write_str("-"),
        }
    }
}

/// A team of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TeamKey {
    /// The project.
    pub project: ProjectId,
    /// The team.
    pub team: TeamId,
}

impl TeamKey {
    /// The team's board of a sprint; of what is in no sprint, where none is named.
    pub const fn scope(self, sprint: Option<SprintId>) -> Scope {
        Scope { project: self.project, team: Some(self.team), sprint }
    }

    /// The team of a scope, if it has one.
    pub fn of(scope: Scope) -> Option<Self> {
        scope.team.map(|team| Self { project: scope.project, team })
    }
}

/// Who may receive a log entry's event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Readers of this scope.
    Scope(Scope),
    /// Every reader of the organisation.
    Everyone,
    /// Readers who have shown the operator's key and asked for what is meant for operators.
    Operators,
}

/// How a person names a project or a team: by GUID, or by name in any case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NameOrId {
    /// The GUID, as it was written.
    Id(Uuid),
    /// The name, in lower case.
    Name(String),
}

impl NameOrId {
    /// Reads a name or a GUID; `None` for text that is blank.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        Some(match Uuid::try_parse(text) {
            Ok(id) => Self::Id(id),
            Err(_) => Self::Name(text.to_lowercase()),
        })
    }

    /// Whether this is that name, in any case.
    pub fn is_named(&self, name: &str) -> bool {
        matches!(self, Self::Name(wanted) if *wanted == name.to_lowercase())
    }

    /// Whether it is the name of nothing.
    pub const fn is_blank(&self) -> bool {
        matches!(self, Self::Name(name) if name.is_empty())
    }

    /// Whether this names the project with that id and that name.
    pub fn is_project(&self, id: ProjectId, name: Option<&str>) -> bool {
        self.is(id.0, name)
    }

    /// Whether this names the team with that id and that name.
    pub fn is_team(&self, id: TeamId, name: Option<&str>) -> bool {
        self.is(id.0, name)
    }

    fn is(&self, id: Uuid, name: Option<&str>) -> bool {
        match self {
            Self::Id(wanted) => *wanted == id,
            // No name is blank: where one is not known, that is no name to be asked for.
            Self::Name(wanted) => {
                !wanted.is_empty() && name.is_some_and(|name| name.to_lowercase() == *wanted)
            }
        }
    }
}

impl fmt::Display for NameOrId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "be9b3917-87e6-42a4-a549-2bc06a7a878f";

    #[test]
    fn a_guid_is_the_same_in_any_case() {
        assert_eq!(ProjectId::parse(ID), ProjectId::parse(&ID.to_uppercase()));
        assert_eq!(ProjectId::parse(ID).unwrap().to_string(), ID);
        assert_eq!(ProjectId::parse("FabrikamCloud"), None);
    }

    #[test]
    fn a_project_is_named_by_id_or_by_name_in_any_case() {
        let id = ProjectId::parse(ID).unwrap();
        let named = |text: &str| NameOrId::parse(text).unwrap().is_project(id, Some("Fabrikam Übung"));
        assert!(named(ID) && named("fabrikam übung") && named(" FABRIKAM ÜBUNG "));
        assert!(!named("fabrikam"));
        assert_eq!(NameOrId::parse("  "), None);
    }
}
