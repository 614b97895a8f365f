//! A revision as the API and the service hooks write it.

use serde_json::{Map, Value, json};

use super::item::{Item, Revision, reason};
use super::model::Model;
use super::organisation::Person;
use super::process::{ItemRank, Process};
use crate::domain::time::Timestamp;

/// The reference name of the field of remaining work.
const REMAINING_WORK: &str = "Microsoft.VSTS.Scheduling.RemainingWork";

/// A person, as an object with an id.
pub(crate) fn person(base: &str, person: &Person) -> Value {
    json!({
        "displayName": person.name,
        "url": format!("{base}/_apis/Identities/{}", person.id),
        "_links": { "avatar": { "href": format!("{base}/_apis/GraphProfile/MemberAvatars/{}", person.id) } },
        "id": person.id,
        "uniqueName": person.unique_name,
        "imageUrl": format!("{base}/_api/_common/identityImage?id={}", person.id),
        "descriptor": format!("aad.{}", person.id.simple()),
    })
}

/// The fields of a revision that a service hook writes: people are texts.
pub(crate) fn hook_fields(model: &Model, item: &Item, revision: &Revision) -> Map<String, Value> {
    fields(model, item, revision, |who| json!(format!("{} <{}>", who.name, who.unique_name)))
}

/// The fields of a revision that are not empty; what is empty is left out, as Azure DevOps does.
fn fields(
    model: &Model,
    item: &Item,
    revision: &Revision,
    person: impl Fn(&Person) -> Value,
) -> Map<String, Value> {
    let content = &revision.content;
    let Some((project, team)) = model.home_of(content) else { return Map::new() };
    let who = |number: usize| team.person(number).map(&person);
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    let date = |at: Timestamp| Some(json!(at.to_string()));
    put("System.AreaPath", Some(json!(team.area_path)));
    put("System.TeamProject", Some(json!(project.name)));
    put("System.IterationPath", Some(json!(content.iteration_path)));
    put("System.WorkItemType", Some(json!(content.item_type.name)));
    put("System.State", Some(json!(content.state.name)));
    put("System.Reason", Some(json!(reason(content.state))));
    put("System.AssignedTo", content.assigned_to.and_then(who));
    put("System.CreatedDate", date(item.first.changed_at));
    put("System.CreatedBy", who(item.first.changed_by));
    put("System.ChangedDate", date(revision.changed_at));
    put("System.ChangedBy", who(revision.changed_by));
    put("System.Title", Some(json!(content.title)));
    let tags: Vec<&str> = content
        .blocked
        .then_some("Blocked")
        .into_iter()
        .chain(content.tags.iter().map(|tag| &**tag))
        .collect();
    put("System.Tags", (!tags.is_empty()).then(|| json!(tags.join("; "))));
    put("System.Parent", content.parent.map(|parent| json!(parent)));
    put("Microsoft.VSTS.Common.StateChangeDate", date(revision.state_changed_at));
    put("Microsoft.VSTS.Common.ClosedDate", revision.closed_at.and_then(date));
    put("Microsoft.VSTS.Common.Priority", Some(json!(2)));
    if content.item_type.level == ItemRank::Bug {
        put("Microsoft.VSTS.Common.Severity", Some(json!("3 - Medium")));
    }
    put(project.process.order_field, Some(json!(content.rank)));
    put(project.process.effort_field, content.effort.map(|effort| json!(effort)));
    put(REMAINING_WORK, content.remaining_work.map(|hours| json!(hours)));
    fields
}

/// The fields of a revision that the REST API writes: people are objects, and some fields are in no hook.
pub(crate) fn rest_fields(model: &Model, item: &Item, revision: &Revision) -> Map<String, Value> {
    let mut fields = fields(model, item, revision, |who| person(&model.base_url, who));
    fields.insert("System.Id".to_owned(), json!(item.id));
    fields.insert("System.Rev".to_owned(), json!(revision.rev));
    fields.insert("System.Watermark".to_owned(), json!(revision.watermark));
    fields.insert("System.RevisedDate".to_owned(), json!(revised_date(item, revision)));
    if revision.deleted {
        fields.insert("System.IsDeleted".to_owned(), json!(true));
    }
    fields
}

/// When the next revision was made; the end of time for the newest.
pub(crate) fn revised_date(item: &Item, revision: &Revision) -> String {
    let next = item.revision(revision.rev + 1);
    next.map_or_else(|| "9999-01-01T00:00:00Z".to_owned(), |next| next.changed_at.to_string())
}

/// The reference names of the estimates that a process has.
pub(crate) fn type_fields(process: &Process) -> Value {
    json!({
        "Order": process.order_field,
        "Effort": process.effort_field,
        "RemainingWork": REMAINING_WORK,
        "Activity": "Microsoft.VSTS.Common.Activity",
    })
}
