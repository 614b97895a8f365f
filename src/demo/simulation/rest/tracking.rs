//! Work items: many at once, and the revisions of one.

use serde_json::{Value, json};

use super::super::fields::rest_fields;
use super::super::item::{Item, Revision};
use super::{Answer, Answered, Call, list, not_found, refused};
use crate::domain::time::Timestamp;

/// How many items one batch may ask for.
const BATCH_MAX: usize = 200;

/// An item at a revision, with the fields that were asked for, or all.
pub(super) fn written(call: &Call<'_>, item: &Item, revision: &Revision, url: &str) -> Value {
    let mut fields = rest_fields(call.model, item, revision);
    let in_body = call.body.get("fields").and_then(Value::as_array);
    let in_body = in_body.map(|names| names.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    let names = in_body.or_else(|| Some(call.parameter("fields")?.split(',').collect()));
    if let Some(names) = names {
        fields.retain(|name, _| names.iter().any(|asked| asked.eq_ignore_ascii_case(name)));
    }
    json!({ "id": item.id, "rev": revision.rev, "fields": fields, "url": url })
}

fn no_such_item(id: &str) -> Answer {
    let text = format!("TF401232: Work item {id} does not exist, or you do not have permissions to read it.");
    not_found("WorkItemUnauthorizedAccessException", &text)
}

pub(super) fn batch(call: &Call<'_>) -> Answered {
    let invalid = |text| refused(http::StatusCode::BAD_REQUEST, "VssPropertyValidationException", text);
    let ids = call.body.get("ids").and_then(Value::as_array);
    let ids = ids.ok_or_else(|| invalid("The request's body must hold ids."))?;
    if ids.len() > BATCH_MAX {
        let text = "VS403474: You requested more than the limit of 200 work items. Decrease the number of work items.";
        return Err(invalid(text));
    }
    let policy = call.body.get("errorPolicy").and_then(Value::as_str);
    let omit = policy.is_some_and(|policy| policy.eq_ignore_ascii_case("omit"));
    let as_of = call.body.get("asOf").and_then(Value::as_str);
    let as_of =
        as_of.map(|at| Timestamp::parse(at).ok_or_else(|| invalid("asOf is not a date."))).transpose()?;
    let value = |id: &Value| {
        let item = id.as_u64().and_then(|id| u32::try_from(id).ok()).and_then(|id| call.model.item(id));
        let revision = |item: &Item| {
            let held = item.revisions().filter(|held| as_of.is_none_or(|at| held.changed_at <= at)).last();
            held.filter(|held| !held.deleted).cloned()
        };
        match item.and_then(|item| Some((item, revision(item)?))) {
            Some((item, revision)) => Ok(written(call, item, &revision, &call.item_url(item.id))),
            None if omit => Ok(Value::Null),
            None => Err(no_such_item(&id.to_string())),
        }
    };
    ids.iter().map(value).collect::<Result<_, _>>().map(list)
}

pub(super) fn revisions(call: &Call<'_>, id: &str) -> Answered {
    let item = id.parse().ok().and_then(|id| call.model.item(id)).ok_or_else(|| no_such_item(id))?;
    let url = call.item_url(item.id);
    let revision = |revision| written(call, item, revision, &format!("{url}/revisions/{}", revision.rev));
    Ok(call.page(item.revisions().map(revision)))
}
