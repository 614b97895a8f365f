//! The service hooks that a change sends, of resource version 1.0, with all details and without messages.

use serde_json::{Map, Value, json};

use super::fields::{hook_fields, person, revised_date};
use super::item::{Event, Item, Revision};
use super::model::{Model, SimulatedChange};
use super::organisation::{Project, guid};

/// The payload of a change, as Azure DevOps posts it; `None` when the model has no such change.
pub fn payload(model: &Model, change: SimulatedChange) -> Option<Value> {
    let item = model.item(change.item)?;
    let revision = item.revision(change.rev)?;
    let (project, _) = model.home(item)?;
    let resource = match change.event {
        Event::Updated => updated(model, item, revision, item.revision(change.rev.checked_sub(1)?)?)?,
        Event::Created | Event::Deleted | Event::Restored => flat(model, project, item, revision),
    };
    let base = format!("{}/", model.base_url);
    Some(json!({
        "subscriptionId": guid(model.seed, change.event.hook(), item.project as u64),
        "notificationId": change.notification,
        "id": guid(model.seed, "event", revision.watermark),
        "eventType": change.event.hook(),
        "publisherId": "tfs",
        "message": null,
        "detailedMessage": null,
        "resource": resource,
        "resourceVersion": "1.0",
        "resourceContainers": {
            "collection": { "id": model.organisation.collection, "baseUrl": base },
            "account": { "id": model.organisation.account, "baseUrl": base },
            "project": { "id": project.id, "baseUrl": base },
        },
        "createdDate": created_date(revision),
    }))
}

/// The date of the event: that of the change, with the seven fractional digits of Azure DevOps.
fn created_date(revision: &Revision) -> String {
    let date = revision.changed_at.to_string();
    let below_a_millisecond = revision.watermark.wrapping_mul(7_919) % 10_000;
    format!("{}{below_a_millisecond:04}Z", date.trim_end_matches('Z'))
}

fn flat(model: &Model, project: &Project, item: &Item, revision: &Revision) -> Value {
    let base = &model.base_url;
    let id = item.id;
    let place = if revision.deleted { "recyclebin" } else { "workItems" };
    let url = format!("{base}/_apis/wit/{place}/{id}");
    json!({
        "id": id,
        "rev": revision.rev,
        "fields": hook_fields(model, item, revision),
        "_links": {
            "self": { "href": url },
            "workItemType": {
                "href": format!("{base}/_apis/wit/{}/workItemTypes/{}", project.id, item.item_type.name)
            },
            "fields": { "href": format!("{base}/_apis/wit/fields") },
        },
        "url": url,
    })
}

fn updated(model: &Model, item: &Item, revision: &Revision, old: &Revision) -> Option<Value> {
    let url = format!("{}/_apis/wit/workItems/{}", model.base_url, item.id);
    let (was, is) = (hook_fields(model, item, old), hook_fields(model, item, revision));
    let mut changed = differences(&was, &is);
    let date = revision.changed_at.to_string();
    let mut put = |name: &str, old: Value, new: Value| {
        changed.insert(name.to_owned(), json!({ "oldValue": old, "newValue": new }));
    };
    put("System.Rev", json!(old.rev), json!(revision.rev));
    put("System.AuthorizedDate", json!(old.changed_at.to_string()), json!(date));
    put("System.RevisedDate", json!(date), json!(revised_date(item, revision)));
    put("System.Watermark", json!(old.watermark), json!(revision.watermark));
    let (_, team) = model.home(item)?;
    let rev = revision.rev;
    Some(json!({
        // The number of the update, not of the item.
        "id": rev,
        "workItemId": item.id,
        "rev": rev,
        "revisedBy": team.person(revision.changed_by).map(|who| person(&model.base_url, who)),
        "revisedDate": revised_date(item, revision),
        "fields": changed,
        "_links": {
            "self": { "href": format!("{url}/updates/{rev}") },
            "parent": { "href": url },
            "workItemUpdates": { "href": format!("{url}/updates") },
        },
        "url": format!("{url}/updates/{rev}"),
        "revision": {
            "id": item.id,
            "rev": rev,
            "fields": is,
            "url": format!("{url}/revisions/{rev}"),
        },
    }))
}

/// What changed: both values, or only the old one when a field was cleared, or only the new one when it was empty.
pub(super) fn differences(was: &Map<String, Value>, is: &Map<String, Value>) -> Map<String, Value> {
    let mut changed = Map::new();
    for (name, new) in is.iter().filter(|(name, new)| was.get(*name) != Some(*new)) {
        let update = match was.get(name) {
            Some(old) => json!({ "oldValue": old, "newValue": new }),
            None => json!({ "newValue": new }),
        };
        changed.insert(name.clone(), update);
    }
    for (name, old) in was.iter().filter(|(name, _)| !is.contains_key(*name)) {
        changed.insert(name.clone(), json!({ "oldValue": old }));
    }
    changed
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;
