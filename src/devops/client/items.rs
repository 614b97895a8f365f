//! The revisions of a work item become one observation.

use reqwest::Url;
use serde_json::Value;

use crate::devops::fields::{Fields, STATE_CHANGED, integer};
use crate::devops::page::page;
use crate::devops::{ItemBatch, ProjectRef};
use crate::domain::scope::ProjectId;
use crate::domain::sprint::facts::KeptTags;
use crate::domain::sprint::work_item::{Claim, ClaimKind, Observation, Rev, WorkItem, WorkItemId};

/// Where an item comes from.
pub(super) struct Home<'a> {
    /// The address of the organisation.
    pub(super) organisation: &'a Url,
    /// The project that it is taken to be in where it says nothing that is known.
    pub(super) project: ProjectId,
    pub(super) known: &'a [ProjectRef],
    /// The tags of which is kept whether a revision bore them.
    pub(super) kept: &'a KeptTags,
}

impl Home<'_> {
    fn project_named(&self, name: &str) -> ProjectId {
        project_named(self.known, name).unwrap_or(self.project)
    }
}

/// The project with this name. Names are unique in an organisation, in any case of letters.
pub(super) fn project_named(known: &[ProjectRef], name: &str) -> Option<ProjectId> {
    let exactly = known.iter().find(|project| &*project.name == name);
    let found = exactly.or_else(|| {
        let name = name.to_lowercase();
        known.iter().find(|project| project.name.to_lowercase() == name)
    });
    found.map(|project| project.id)
}

/// The number of a revision; `None` when it has none.
pub(super) fn number(row: &Value) -> Option<Rev> {
    row.get("rev").and_then(integer).filter(|rev| *rev > 0)
}

/// All revisions of an item that can be read; `None` when there are none. One that lacks its type, state or date is
/// left out, and is then known to be missing.
pub(super) fn observation(id: WorkItemId, rows: &[Value], home: &Home<'_>) -> Option<Observation> {
    union(rows.iter().filter_map(|row| revision(id, row, home)).collect())
}

/// What a batch of items tells.
pub(super) fn batch(rows: impl Iterator<Item = Value>, home: &Home<'_>) -> ItemBatch {
    let mut batch = ItemBatch::default();
    for row in rows {
        let Some(id) = id(&row) else { continue };
        match revision(id, &row, home) {
            Some(item) => {
                if is_of_later_state(&row) {
                    batch.of_later_state.insert(id);
                }
                batch.items.push(item);
            }
            None => drop(batch.unreadable.insert(id)),
        }
    }
    batch
}

/// Whether a row tells that its item's state was changed after it was made.
fn is_of_later_state(row: &Value) -> bool {
    let Some(fields) = row.get("fields").and_then(Value::as_object).map(Fields::complete) else {
        return false;
    };
    let (made, changed) = (fields.date("System.CreatedDate"), fields.date(STATE_CHANGED));
    made.zip(changed).is_some_and(|(made, changed)| made < changed)
}

/// The number of the item that a row is of.
pub(super) fn id(row: &Value) -> Option<WorkItemId> {
    row.get("id").and_then(integer).and_then(WorkItemId::new)
}

pub(super) fn revision(id: WorkItemId, row: &Value, home: &Home<'_>) -> Option<WorkItem> {
    let fields = Fields::complete(row.get("fields")?.as_object()?);
    let changed_at = fields.ticks("System.ChangedDate")?;
    let project_name = fields.project_name();
    let claim = Claim {
        claimed_at: changed_at,
        kind: ClaimKind::Fetched,
        changed_at: changed_at.timestamp(),
        changed_by: fields.identity("System.ChangedBy"),
        facts: fields
            .facts(home.project_named(&project_name), fields.is_yes("System.IsDeleted"), home.kept)?
            .into(),
    };
    let details = fields.details(page(home.organisation.clone(), &project_name, id));
    Some(WorkItem::new(id, number(row)?, claim, details))
}

/// The union, formed in rounds of pairs: one by one would copy what was joined so far for every revision.
pub(super) fn union(mut items: Vec<WorkItem>) -> Option<WorkItem> {
    while items.len() > 1 {
        let joined = items.chunks(2).filter_map(|pair| match pair {
            [one, other] => Some(one.merge(other)),
            [last] => Some(last.clone()),
            _ => None,
        });
        items = joined.collect();
    }
    items.pop()
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
