//! The keys of records.

use std::fmt;

use crate::domain::scope::{ProjectId, Scope, TeamKey};
use crate::domain::sprint::work_item::WorkItemId;

/// The key of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(String);

impl RecordKey {
    /// A work item. One space for the organisation: numbers are unique there, and items move between projects.
    pub fn item(id: WorkItemId) -> Self {
        Self(format!("item/{id}"))
    }

    /// What is known of a team.
    pub fn team(team: TeamKey) -> Self {
        Self(format!("team/{}/{}", team.project, team.team))
    }

    /// Written together with the record of any team of the project, so that a writer that places an item by what is known
    /// of its project's teams has one record to check.
    pub fn teams_of_project(project: ProjectId) -> Self {
        Self(format!("teams/{project}"))
    }

    /// The sprint that a team is in.
    pub fn current_sprint(team: TeamKey) -> Self {
        Self(format!("sprint/{}/{}", team.project, team.team))
    }

    /// What was last announced of a board under a name: a metric's value, its level, the keys that are stale.
    pub fn announced(scope: Scope, name: &str) -> Self {
        Self(format!("announced/{scope}/{name}"))
    }

    /// When the source was last found equal.
    pub fn feed() -> Self {
        Self("feed".into())
    }

    /// Random, set once: a change means that the store was lost.
    pub fn epoch() -> Self {
        Self("epoch".into())
    }

    /// Whose the store is.
    pub fn owner() -> Self {
        Self("owner".into())
    }

    /// Lies among the items from the beginning on, so that they are there even while there is none: a store that drops keys
    /// of its own accord drops them all at once.
    pub fn items() -> Self {
        Self("item/begun".into())
    }

    /// Lies among the other records, and says that [`items`](Self::items) has to be there.
    pub fn items_expected() -> Self {
        Self("items".into())
    }

    /// What a hook told of an item without its details; without an item, that a comparison has to find what it told of.
    pub fn todo(item: Option<WorkItemId>) -> Self {
        Self(item.map_or_else(|| "todo/comparison".into(), |id| format!("todo/{id}")))
    }

    /// The collection whose hooks are taken.
    pub fn collection() -> Self {
        Self("collection".into())
    }

    /// The key as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is what is known of a team.
    pub fn is_team(&self) -> bool {
        self.0.starts_with("team/")
    }

    /// Whether it is the guard of a project's teams.
    pub fn is_teams_of_project(&self) -> bool {
        self.0.starts_with("teams/")
    }

    /// The project whose teams it is the guard of, if it is one.
    pub fn as_teams_of_project(&self) -> Option<ProjectId> {
        ProjectId::parse(self.0.strip_prefix("teams/")?)
    }

    /// Whether it is the sprint that a team is in.
    pub fn is_current_sprint(&self) -> bool {
        self.0.starts_with("sprint/")
    }

    /// Whether it is something that was announced of a board.
    pub fn is_announced(&self) -> bool {
        self.0.starts_with("announced/")
    }

    /// Whether it is something that is to be fetched.
    pub fn is_todo(&self) -> bool {
        self.0.starts_with("todo/")
    }

    /// The work item that this key is the record of, if it is one.
    pub fn as_item(&self) -> Option<WorkItemId> {
        self.0.strip_prefix("item/").and_then(|number| number.parse().ok()).and_then(WorkItemId::new)
    }
}

impl From<&str> for RecordKey {
    fn from(key: &str) -> Self {
        Self(key.into())
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_key_names_its_item() {
        let id = WorkItemId::new(13).unwrap();
        assert_eq!(RecordKey::item(id).as_str(), "item/13");
        assert_eq!(RecordKey::item(id).as_item(), Some(id));
        assert_eq!(RecordKey::epoch().as_item(), None);
        assert_eq!(RecordKey::items().as_item(), None);
    }
}
