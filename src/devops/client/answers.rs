//! The shapes of the answers, as far as they are read. Those of version 7.1 are followed, and the older ones that
//! published examples show are understood as well.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::domain::scope::{AreaId, SprintId, Text};
use crate::domain::sprint::catalogue::BugsBehaviour;
use crate::domain::sprint::work_item::{Rev, WorkItemId};
use crate::domain::time::CivilDate;

/// A list.
#[derive(Deserialize)]
pub(super) struct Listed<T> {
    #[serde(alias = "values")]
    pub(super) value: Vec<T>,
}

/// An iteration of a team.
#[derive(Deserialize)]
pub(super) struct IterationAnswer {
    pub(super) id: SprintId,
    pub(super) name: Text,
    pub(super) path: Option<Text>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) attributes: IterationDates,
}

/// The dates of an iteration.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
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
    #[serde(default, deserialize_with = "or_default")]
    pub(super) values: Vec<TeamFieldValue>,
}

/// A field.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FieldReference {
    pub(super) reference_name: Text,
}

/// A value that a team owns.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TeamFieldValue {
    pub(super) value: Text,
    #[serde(default)]
    pub(super) include_children: bool,
}

/// A node of the tree of areas.
#[derive(Deserialize)]
pub(super) struct Node {
    identifier: AreaId,
    name: Text,
    #[serde(default, deserialize_with = "or_default")]
    children: Vec<Self>,
}

impl Node {
    /// The GUID of each node by its path, as items bear it. A node's own `path` has another form, with a segment that
    /// items' paths lack, so the path is made from the names.
    pub(super) fn ids_by_path(&self) -> BTreeMap<String, AreaId> {
        let mut ids = BTreeMap::new();
        let mut left = vec![(self.name.to_string(), self)];
        while let Some((path, node)) = left.pop() {
            left.extend(node.children.iter().map(|child| (format!("{path}\\{}", child.name), child)));
            ids.insert(path, node.identifier);
        }
        ids
    }
}

/// How a team plans.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BacklogConfiguration {
    pub(super) requirement_backlog: Backlog,
    pub(super) task_backlog: Backlog,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) portfolio_backlogs: Vec<Backlog>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) work_item_type_mapped_states: Vec<MappedStates>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) backlog_fields: BacklogFields,
    pub(super) bugs_behavior: BugsBehaviour,
}

/// A level of the backlog.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Backlog {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) work_item_types: Vec<Named>,
}

impl Backlog {
    pub(super) fn types(&self) -> BTreeSet<Text> {
        self.work_item_types.iter().map(|of| of.name.clone()).collect()
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
    #[serde(default, deserialize_with = "or_default")]
    pub(super) states: BTreeMap<Text, String>,
}

/// Which field means what.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BacklogFields {
    #[serde(deserialize_with = "or_default")]
    pub(super) type_fields: BTreeMap<String, Option<Text>>,
}

/// A state of a type.
#[derive(Deserialize)]
pub(super) struct StateAnswer {
    pub(super) name: Text,
    pub(super) category: String,
}

/// A category of types.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeCategory {
    pub(super) reference_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) work_item_types: Vec<Named>,
}

/// What a team has settled.
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

/// What a member can do in a sprint.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberCapacity {
    pub(super) team_member: Value,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) activities: Vec<ActivityCapacity>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) days_off: Vec<DaysOff>,
}

/// Hours on a working day for one activity.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityCapacity {
    #[serde(default)]
    pub(super) capacity_per_day: Value,
}

/// The days a team has off in a sprint.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TeamDaysOff {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) days_off: Vec<DaysOff>,
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
    #[serde(deserialize_with = "or_default")]
    work_item_relations: Vec<Relation>,
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
        let ends = self.work_item_relations.iter().flat_map(|link| [&link.source, &link.target]);
        ends.flatten().map(|end| end.id).collect()
    }
}

/// The newest revision of an item, as far as it was asked for.
#[derive(Deserialize)]
pub(super) struct Head {
    id: WorkItemId,
    rev: Option<Rev>,
    #[serde(default, deserialize_with = "or_default")]
    fields: HeadFields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HeadFields {
    #[serde(rename = "System.Rev")]
    rev: Option<Rev>,
}

impl Head {
    pub(super) fn known(self) -> Option<(WorkItemId, Rev)> {
        Some((self.id, self.rev.or(self.fields.rev)?))
    }
}

/// Azure DevOps writes `null` for what is empty, or nothing, or an empty value.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
