//! What a log entry tells the fold: everything that its commit changed, so that other instances need no other read.

use serde::{Deserialize, Serialize};

use crate::domain::{
    AnnouncedRecord, Catalogue, CollectionId, CurrentSprint, Observation, Scope, SourceCheck, Stored,
    TeamKey, Todo, WorkItemId,
};

/// The content of a commit's last entry. Its id is the version of every record that the commit wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The keys of the records that were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// What was merged into items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<Observation>,
    /// Items whose record was deleted because they left the board's horizon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<WorkItemId>,
    /// What is now known of teams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalogues: Vec<Catalogue>,
    /// Teams that are no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forgotten: Vec<TeamKey>,
    /// The sprints that teams are now in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sprints: Vec<CurrentSprint>,
    /// What was announced about boards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub announced: Vec<AnnouncedRecord>,
    /// Boards of which nothing is kept any longer: their sprint or team is no more, and so are their items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Scope>,
    /// What hooks told of without its details.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noted: Vec<Todo>,
    /// What of that was fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<Option<WorkItemId>>,
    /// What the organisation answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<SourceCheck>,
    /// The collection whose hooks are taken from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionId>,
    /// The journal's epoch, in the entry that begins a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
}

impl Stored for Delta {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry_id::EntryId;
    use crate::domain::record::last_announced::Announced;
    use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};
    use crate::domain::testing::{item, project};
    use crate::domain::time::Timestamp;

    #[test]
    fn a_delta_comes_back_as_it_was() {
        let delta = Delta {
            writes: vec!["item/13".into()],
            observations: vec![item(13, 2, |_| {})],
            dropped: vec![WorkItemId::new(7).unwrap()],
            catalogues: vec![catalogue()],
            forgotten: vec![catalogue().key()],
            sprints: vec![CurrentSprint { team: catalogue().key(), sprint: Some(sprint_id()) }],
            announced: vec![AnnouncedRecord {
                scope: Scope::project(project()),
                statement: Announced::Keys { changed: EntryId { ms: 1, seq: 0 } },
                at: EntryId { ms: 2, seq: 0 },
            }],
            left: vec![Scope::project(project())],
            checked: Some(SourceCheck {
                projects: [(project(), Timestamp::from_epoch_ms(5))].into(),
                ..SourceCheck::default()
            }),
            noted: vec![Todo {
                item: None,
                project: Some(project()),
                received_at: Timestamp::from_epoch_ms(6),
                told_at: Timestamp::from_epoch_ms(5).into(),
                deleted: false,
            }],
            settled: vec![None, WorkItemId::new(7)],
            collection: CollectionId::parse("c12d0eb8-e382-443b-9f9c-c52cba5014c2"),
            epoch: Some("e".into()),
        };
        assert_eq!(Delta::decode(&delta.encode()).unwrap(), delta);
        assert_eq!(Delta::decode(b"{}").unwrap(), Delta::default());
    }
}
