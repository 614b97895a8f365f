//! The shapes of the answers, as far as they are read. Those of version 7.1 are followed, and the older ones that
//! published examples show are understood as well. Azure DevOps writes `null` for what is empty, or nothing, or an empty
//! value, so lists are optional.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::devops::ItemHead;
use crate::domain::scope::{AreaId, SprintId, Text};
use crate::domain::sprint::catalogue::BugsBehaviour;
use crate::domain::sprint::refuted::HeadRevision;
use crate::domain::sprint::work_item::{Rev, WorkItemId};
use crate::domain::time::{CivilDate, Timestamp};

#[derive(Deserialize)]
pub(super) struct Listed<T> {
    #[serde(alias = "values")]
    pub(super) value: Vec<T>,
}

#[derive(Deserialize)]
pub(super) struct IterationAnswer {
    pub(super) id: SprintId,
    pub(super) name: Text,
    pub(super) path: Option<Text>,
    pub(super) attributes: Option<IterationDates>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IterationDates {
    pub(super) start_date: Option<Day>,
    pub(super) finish_date: Option<Day>,
}

/// A date: midnight in UTC is written, and no instant is meant, so nothing but the date is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day(pub(super) CivilDate);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let date = text.split('T').next().and_then(|date| date.parse().ok());
        date.map(Self).ok_or_else(|| serde::de::Error::custom("not a date"))
    }
}

/// The field by which a team owns items, and its values.
#[derive(Deserialize)]
pub(super) struct TeamFieldValues {
    pub(super) field: FieldReference,
    pub(super) values: Option<Vec<TeamFieldValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FieldReference {
    pub(super) reference_name: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TeamFieldValue {
    pub(super) value: Text,
    #[serde(default)]
    pub(super) include_children: bool,
}

#[derive(Deserialize)]
pub(super) struct Node {
    identifier: AreaId,
    name: Text,
    children: Option<Vec<Self>>,
}

impl Node {
    /// The GUID of each node by its path, as items bear it. A node's own `path` has another form, with a segment that
    /// items' paths lack, so the path is made from the names.
    pub(super) fn ids_by_path(&self) -> BTreeMap<String, AreaId> {
        let mut ids = BTreeMap::new();
        let mut left = vec![(self.name.to_string(), self)];
        while let Some((path, node)) = left.pop() {
            left.extend(
                node.children.iter().flatten().map(|child| (format!("{path}\\{}", child.name), child)),
            );
            ids.insert(path, node.identifier);
        }
        ids
    }
}

/// What is on which backlog; nothing on any, where that cannot be read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BacklogConfiguration {
    pub(super) requirement_backlog: Backlog,
    pub(super) task_backlog: Backlog,
    pub(super) portfolio_backlogs: Option<Vec<Backlog>>,
    pub(super) work_item_type_mapped_states: Option<Vec<MappedStates>>,
    backlog_fields: Option<BacklogFields>,
    pub(super) bugs_behavior: BugsBehaviour,
}

impl BacklogConfiguration {
    /// The field that is of that kind in the process.
    pub(super) fn field(&self, kind: &str) -> Option<Text> {
        self.backlog_fields.as_ref()?.type_fields.as_ref()?.get(kind)?.clone()
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Backlog {
    pub(super) work_item_types: Option<Vec<Named>>,
}

impl Backlog {
    pub(super) fn types(&self) -> BTreeSet<Text> {
        self.work_item_types.iter().flatten().map(|of| of.name.clone()).collect()
    }
}

/// Something of which only the name is read.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: Text,
}

/// The categories of a type's states, without those of the category `Removed`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MappedStates {
    pub(super) work_item_type_name: Text,
    pub(super) states: Option<BTreeMap<Text, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BacklogFields {
    type_fields: Option<BTreeMap<String, Option<Text>>>,
}

/// A work item type, in the list of those of a project. Older servers list neither states nor fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeAnswer {
    pub(super) name: Text,
    pub(super) states: Option<Vec<StateAnswer>>,
    pub(super) fields: Option<Vec<FieldReference>>,
}

#[derive(Deserialize)]
pub(super) struct StateAnswer {
    pub(super) name: Text,
    pub(super) category: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeCategory {
    pub(super) reference_name: String,
    pub(super) work_item_types: Option<Vec<Named>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TeamSettings {
    pub(super) working_days: Vec<String>,
}

/// The capacities of a sprint. The second name is that of versions before 7.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Capacities {
    #[serde(alias = "value")]
    pub(super) team_members: Vec<MemberCapacity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberCapacity {
    pub(super) team_member: Value,
    pub(super) activities: Option<Vec<ActivityCapacity>>,
    pub(super) days_off: Option<Vec<DaysOff>>,
}

/// Hours on a working day for one activity.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityCapacity {
    pub(super) name: Option<String>,
    pub(super) capacity_per_day: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TeamDaysOff {
    pub(super) days_off: Option<Vec<DaysOff>>,
}

/// Days off, from the first to the last.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct DaysOff {
    pub(super) start: Day,
    pub(super) end: Day,
}

/// The items of a sprint, as links between them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relations {
    // It may be `null`. Where it is missing, this is an answer to something else.
    #[serde(deserialize_with = "Option::deserialize")]
    work_item_relations: Option<Vec<Relation>>,
}

#[derive(Deserialize)]
struct Relation {
    source: Option<ItemReference>,
    target: Option<ItemReference>,
}

#[derive(Deserialize)]
struct ItemReference {
    id: WorkItemId,
}

impl Relations {
    /// Every item at an end of a link.
    pub(super) fn ids(&self) -> BTreeSet<WorkItemId> {
        let ends = self.work_item_relations.iter().flatten().flat_map(|link| [&link.source, &link.target]);
        ends.flatten().map(|end| end.id).collect()
    }
}

/// The newest revision of an item, as far as it was asked for.
#[derive(Deserialize)]
pub(super) struct Head {
    id: WorkItemId,
    rev: Option<Rev>,
    fields: Option<HeadFields>,
}

#[derive(Default, Deserialize)]
struct HeadFields {
    #[serde(rename = "System.Rev")]
    rev: Option<Rev>,
    #[serde(rename = "System.ChangedDate")]
    changed_at: Option<String>,
    #[serde(rename = "System.AreaPath")]
    area_path: Option<Text>,
    #[serde(rename = "System.IterationPath")]
    iteration_path: Option<Text>,
}

impl Head {
    pub(super) fn known(self) -> Option<ItemHead> {
        let fields = self.fields.unwrap_or_default();
        let rev = self.rev.or(fields.rev)?;
        let changed_at = fields.changed_at.as_deref().and_then(Timestamp::parse);
        let paths = fields.area_path.zip(fields.iteration_path);
        Some(ItemHead { id: self.id, revision: HeadRevision { rev, changed_at }, paths })
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
