//! The feed of revisions: everything that happened, page by page, in the order in which it happened.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::fields::{People, rest_fields};
use super::tracking::field_names;
use super::{Answer, Call};
use crate::domain::time::Timestamp;

/// How many revisions a page has where nothing else is asked for; Azure DevOps gives up to 1,000.
const PAGE: usize = 200;

pub(super) fn revisions(call: &Call<'_>) -> Answer {
    let log = call.model.log();
    let token = call.parameter("continuationToken").filter(|token| !token.is_empty());
    let start = call.parameter("startDateTime");
    let refused = |text: &str| Answer::error(400, "VssPropertyValidationException", text);
    let begin = match (token, start) {
        (Some(_), Some(_)) => return refused("continuationToken and startDateTime exclude each other."),
        (Some(token), None) => match watermark(token).filter(|begin| *begin <= log.len()) {
            Some(begin) => begin,
            None => return refused("The continuationToken is not one of this feed."),
        },
        (None, Some(start)) => match Timestamp::parse(start) {
            Some(at) => first_since(call, at),
            None => return refused("startDateTime is not a date."),
        },
        (None, None) => 0,
    };
    let page = call.number("$maxPageSize").unwrap_or(PAGE).clamp(1, 1_000);
    let names: Option<BTreeSet<String>> = match call.parameter("fields") {
        Some(names) => Some(names.split(',').map(|name| name.trim().to_lowercase()).collect()),
        None => field_names(&call.body),
    };
    let people = if call.flag("includeIdentityRef") { People::Object } else { People::Text };
    let mut end = begin;
    let mut values = Vec::new();
    for (id, rev) in log.iter().skip(begin) {
        if values.len() >= page {
            break;
        }
        end += 1;
        values.extend(row(call, *id, *rev, names.as_ref(), people));
    }
    let (id, rev) = end.checked_sub(1).and_then(|last| log.get(last)).copied().unwrap_or_default();
    let token = format!("{end};{id};{rev}");
    Answer::ok(json!({
        "values": values,
        "nextLink": next_link(call, &token),
        "continuationToken": token,
        "isLastBatch": end >= log.len(),
    }))
}

fn row(
    call: &Call<'_>,
    id: u32,
    rev: u32,
    names: Option<&BTreeSet<String>>,
    people: People,
) -> Option<Value> {
    let item = call.model.item(id)?;
    let revision = item.revision(rev)?;
    let (project, _) = call.model.home(item)?;
    let asked = call.project.is_none_or(|of| of.id == project.id)
        && (!revision.deleted || call.flag("includeDeleted"))
        && (!call.flag("includeLatestOnly") || rev == item.newest().rev);
    if !asked {
        return None;
    }
    let mut fields = rest_fields(call.model, item, revision, people);
    if let Some(names) = names {
        fields = fields.into_iter().filter(|(name, _)| names.contains(&name.to_lowercase())).collect();
    }
    Some(json!({ "id": id, "rev": rev, "fields": fields }))
}

/// How many changes lie before the page that a token names.
fn watermark(token: &str) -> Option<usize> {
    token.split(';').next()?.parse().ok()
}

/// How many changes were made before an instant.
fn first_since(call: &Call<'_>, at: Timestamp) -> usize {
    let before = |(id, rev): &(u32, u32)| {
        let revision = call.model.item(*id).and_then(|item| item.revision(*rev));
        revision.is_some_and(|revision| revision.changed_at < at)
    };
    call.model.log().partition_point(before)
}

/// The address of the next page: the same request with another token.
fn next_link(call: &Call<'_>, token: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let kept = call.query.iter().filter(|(name, _)| {
        !name.eq_ignore_ascii_case("continuationToken") && !name.eq_ignore_ascii_case("startDateTime")
    });
    query.extend_pairs(kept);
    query.append_pair("continuationToken", token);
    let project = call.project.map(|project| format!("/{}", project.id)).unwrap_or_default();
    let base = &call.model.base_url;
    format!("{base}{project}/_apis/wit/reporting/workItemRevisions?{}", query.finish())
}
