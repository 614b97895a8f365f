//! The feed of revisions: everything that happened, page by page, in the order in which it happened.

use http::StatusCode;
use serde_json::{Value, json};

use super::tracking::written;
use super::{Answer, Answered, Call, refused};
use crate::domain::time::Timestamp;

/// How many revisions a page has where nothing else is asked for, and at most.
const PAGE: usize = 200;
const PAGE_MAX: usize = 1_000;

pub(super) fn revisions(call: &Call<'_>) -> Answered {
    let log = &call.model.log;
    let begin = begin(call)?;
    let page = call.number("$maxPageSize").unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let end = log.len().min(begin + page);
    let rows = log.get(begin..end).unwrap_or_default().iter();
    let values: Vec<Value> = rows.filter_map(|(id, rev)| row(call, *id, *rev)).collect();
    let (id, rev) = end.checked_sub(1).and_then(|last| log.get(last)).copied().unwrap_or_default();
    let token = format!("{end};{id};{rev}");
    Ok(json!({
        "values": values,
        "nextLink": next_link(call, &token),
        "continuationToken": token,
        "isLastBatch": end >= log.len(),
    }))
}

/// How many changes lie before the page that is asked for.
fn begin(call: &Call<'_>) -> Result<usize, Answer> {
    let log = &call.model.log;
    let invalid = |text| refused(StatusCode::BAD_REQUEST, "VssPropertyValidationException", text);
    match (call.parameter("continuationToken"), call.parameter("startDateTime")) {
        (Some(_), Some(_)) => Err(invalid("continuationToken and startDateTime exclude each other.")),
        (Some(token), None) => {
            let watermark = token.split(';').next().and_then(|number| number.parse().ok());
            watermark
                .filter(|begin| *begin <= log.len())
                .ok_or_else(|| invalid("The continuationToken is not one of this feed."))
        }
        (None, Some(start)) => {
            let at = Timestamp::parse(start).ok_or_else(|| invalid("startDateTime is not a date."))?;
            Ok(log.partition_point(|(id, rev)| {
                let revision = call.model.item(*id).and_then(|item| item.revision(*rev));
                revision.is_some_and(|revision| revision.changed_at < at)
            }))
        }
        (None, None) => Ok(0),
    }
}

fn row(call: &Call<'_>, id: u32, rev: u32) -> Option<Value> {
    let item = call.model.item(id)?;
    let revision = item.revision(rev)?;
    let is_asked_for = |name| call.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if revision.deleted && !is_asked_for("includeDeleted") {
        return None;
    }
    let mut row = written(call, item, revision, "");
    row.as_object_mut()?.remove("url");
    Some(row)
}

/// The address of the next page: the same request with another token.
fn next_link(call: &Call<'_>, token: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let kept = call.query.iter().filter(|(name, _)| {
        !name.eq_ignore_ascii_case("continuationToken") && !name.eq_ignore_ascii_case("startDateTime")
    });
    query.extend_pairs(kept);
    query.append_pair("continuationToken", token);
    format!("{}?{}", call.url("_apis/wit/reporting/workItemRevisions"), query.finish())
}
