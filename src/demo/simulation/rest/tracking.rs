//! Work items: one, many, their revisions, and flat queries.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::fields::{People, rest_fields};
use super::super::item::{Item, Revision};
use super::{Answer, Call};
use crate::domain::time::Timestamp;

/// How many items one batch may ask for.
const BATCH_MAX: usize = 200;

/// An item at a revision, with the fields that were asked for, or all.
fn written(call: &Call<'_>, item: &Item, revision: &Revision, names: Option<&BTreeSet<String>>) -> Value {
    let mut fields = rest_fields(call.model, item, revision, People::Object);
    if let Some(names) = names {
        fields = fields.into_iter().filter(|(name, _)| names.contains(&name.to_lowercase())).collect();
    }
    let url = format!("{}/_apis/wit/workItems/{}", call.model.base_url, item.id);
    json!({ "id": item.id, "rev": revision.rev, "fields": fields, "url": url })
}

/// The names of fields in a request's body.
pub(super) fn field_names(body: &Value) -> Option<BTreeSet<String>> {
    let names = body.get("fields")?.as_array()?;
    Some(names.iter().filter_map(Value::as_str).map(str::to_lowercase).collect())
}

pub(super) fn batch(call: &Call<'_>) -> Answer {
    let Some(ids) = call.body.get("ids").and_then(Value::as_array) else {
        let text = "The request's body must hold ids.";
        return Answer::error(400, "VssPropertyValidationException", text);
    };
    if ids.len() > BATCH_MAX {
        let text = "VS403474: You requested more than the limit of 200 work items. Decrease the number of work items.";
        return Answer::error(400, "VssPropertyValidationException", text);
    }
    let text_of = |name: &str| call.body.get(name).and_then(Value::as_str);
    let omit = text_of("errorPolicy").is_some_and(|policy| policy.eq_ignore_ascii_case("omit"));
    let as_of = text_of("asOf").and_then(Timestamp::parse);
    let names = field_names(&call.body);
    let mut values = Vec::new();
    for id in ids {
        let item = id.as_u64().and_then(|id| u32::try_from(id).ok()).and_then(|id| call.model.item(id));
        let found = item.and_then(|item| {
            let revision = match as_of {
                Some(at) => item.as_of(at)?,
                None => item.newest(),
            };
            (!revision.deleted).then(|| written(call, item, revision, names.as_ref()))
        });
        match found {
            Some(value) => values.push(value),
            None if omit => values.push(Value::Null),
            None => return Answer::no_such_item(&id.to_string()),
        }
    }
    Answer::list(values)
}

pub(super) fn work_item(call: &Call<'_>, id: &str) -> Answer {
    let item = id.parse().ok().and_then(|id| call.model.item(id));
    let Some(item) = item.filter(|item| !item.newest().deleted) else { return Answer::no_such_item(id) };
    let revision = match call.parameter("asOf").and_then(Timestamp::parse) {
        Some(at) => item.as_of(at),
        None => Some(item.newest()),
    };
    let Some(revision) = revision else { return Answer::no_such_item(id) };
    let mut value = written(call, item, revision, None);
    let expand = call.parameter("$expand").unwrap_or("none").to_ascii_lowercase();
    let Some(members) = value.as_object_mut() else { return Answer::ok(value) };
    if matches!(expand.as_str(), "all" | "relations") {
        members.insert("relations".to_owned(), relations(call, item, revision));
    }
    if matches!(expand.as_str(), "all" | "links") {
        let url = format!("{}/_apis/wit/workItems/{}", call.model.base_url, item.id);
        let links = json!({
            "self": { "href": url },
            "workItemUpdates": { "href": format!("{url}/updates") },
            "workItemRevisions": { "href": format!("{url}/revisions") },
        });
        members.insert("_links".to_owned(), links);
    }
    Answer::ok(value)
}

fn relations(call: &Call<'_>, item: &Item, revision: &Revision) -> Value {
    let relation = |kind: &str, name: &str, id: u32| {
        json!({
            "rel": format!("System.LinkTypes.Hierarchy-{kind}"),
            "url": format!("{}/_apis/wit/workItems/{id}", call.model.base_url),
            "attributes": { "isLocked": false, "name": name },
        })
    };
    let parent = revision.content.parent.map(|id| relation("Reverse", "Parent", id));
    let children = call.model.items().values().filter(|other| {
        let newest = other.newest();
        newest.content.parent == Some(item.id) && !newest.deleted
    });
    parent.into_iter().chain(children.map(|child| relation("Forward", "Child", child.id))).collect()
}

pub(super) fn revisions(call: &Call<'_>, id: &str) -> Answer {
    let Some(item) = id.parse().ok().and_then(|id| call.model.item(id)) else {
        return Answer::no_such_item(id);
    };
    let revision = |revision: &Revision| {
        let mut value = written(call, item, revision, None);
        let url = format!("{}/_apis/wit/workItems/{id}/revisions/{}", call.model.base_url, revision.rev);
        if let Some(members) = value.as_object_mut() {
            members.insert("url".to_owned(), json!(url));
        }
        value
    };
    call.page(item.revisions().map(revision).collect())
}

/// Answers a flat query whose conditions are joined by `AND` and compare a field with a text, by `=`, `<>` or `UNDER`.
pub(super) fn wiql(call: &Call<'_>) -> Answer {
    let query = call.body.get("query").and_then(Value::as_str).unwrap_or_default();
    let Some(conditions) = conditions(query) else {
        let text = "TF51006: The query statement is missing a clause, or has one that is not understood.";
        return Answer::error(400, "SyntaxException", text);
    };
    let base = &call.model.base_url;
    let matches = |item: &&Item| {
        let revision = item.newest();
        let home = call.model.home(item);
        let in_project = call.project.is_none_or(|of| home.is_some_and(|(project, _)| project.id == of.id));
        let fields = rest_fields(call.model, item, revision, People::Text);
        !revision.deleted && in_project && conditions.iter().all(|condition| condition.holds(&fields))
    };
    let found = call.model.items().values().filter(matches).take(call.number("$top").unwrap_or(20_000));
    let found =
        found.map(|item| json!({ "id": item.id, "url": format!("{base}/_apis/wit/workItems/{}", item.id) }));
    Answer::ok(json!({
        "queryType": "flat",
        "queryResultType": "workItem",
        "asOf": call.model.now().to_string(),
        "columns": [
            { "referenceName": "System.Id", "name": "ID", "url": format!("{base}/_apis/wit/fields/System.Id") }
        ],
        "sortColumns": [],
        "workItems": found.collect::<Vec<_>>(),
    }))
}

struct Condition {
    field: String,
    operator: Operator,
    value: String,
}

enum Operator {
    Equal,
    Different,
    Under,
}

impl Condition {
    fn holds(&self, fields: &Map<String, Value>) -> bool {
        let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(&self.field));
        let actual = found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_lowercase();
        let value = self.value.to_lowercase();
        match self.operator {
            Operator::Equal => actual == value,
            Operator::Different => actual != value,
            Operator::Under => actual == value || actual.starts_with(&format!("{value}\\")),
        }
    }
}

fn conditions(query: &str) -> Option<Vec<Condition>> {
    let lower = query.to_ascii_lowercase();
    if !lower.trim_start().starts_with("select") || !lower.contains("from workitems") {
        return None;
    }
    let Some(begin) = lower.find(" where ") else { return Some(Vec::new()) };
    let end = lower.find(" order by ").unwrap_or(lower.len());
    let mut rest = query.get(begin + " where ".len()..end)?.trim();
    let mut conditions = Vec::new();
    loop {
        let (field, after) = rest.strip_prefix('[')?.split_once(']')?;
        let (operator, after) = after.split_once('\'')?;
        let (value, after) = after.split_once('\'')?;
        let operator = match operator.trim().to_ascii_lowercase().as_str() {
            "=" => Operator::Equal,
            "<>" => Operator::Different,
            "under" => Operator::Under,
            _ => return None,
        };
        conditions.push(Condition { field: field.to_owned(), operator, value: value.to_owned() });
        let after = after.trim();
        if after.is_empty() {
            return Some(conditions);
        }
        let (and, after) = after.split_at_checked(3)?;
        if !and.eq_ignore_ascii_case("and") {
            return None;
        }
        rest = after.trim();
    }
}
