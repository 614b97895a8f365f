//! The feed of revisions: everything that happened in the organisation, page by page.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::items::{self, Home};
use super::transport::{Refused, Transport};
use crate::devops::{FeedStart, ProjectRef, RevisionPage};
use crate::domain::scope::Text;
use crate::domain::sprint::facts::KeptTags;
use crate::domain::sprint::work_item::{Observation, WorkItemId};

/// How many revisions a page has; the organisation gives no more at once.
const PAGE: usize = 1_000;

/// The route of the organisation: that of a project lacks the items that were moved to another one.
const ROUTE: &str = "_apis/wit/reporting/workitemrevisions";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeedAnswer {
    values: Vec<Value>,
    continuation_token: Option<Text>,
    next_link: Option<String>,
    // Where it is missing, this is an answer to something else.
    is_last_batch: bool,
}

impl FeedAnswer {
    /// Where to read on. The published example of a first page has it in the address of the next one alone.
    fn token(&self) -> Option<Text> {
        let in_link = || {
            let link = Url::parse(self.next_link.as_deref()?).ok()?;
            let mut query = link.query_pairs();
            let (_, token) = query.find(|(name, _)| name.eq_ignore_ascii_case("continuationToken"))?;
            Some(Text::from(&*token))
        };
        self.continuation_token.clone().or_else(in_link).filter(|token| !token.is_empty())
    }
}

pub(super) async fn page(
    transport: &Transport,
    from: &FeedStart,
    known: &[ProjectRef],
    fields: &[&str],
    kept: &KeptTags,
) -> Result<RevisionPage, Refused> {
    let request = transport.request(ROUTE, &[]);
    // The two exclude each other.
    let request = match from {
        FeedStart::At(at) => request.with("startDateTime", at),
        FeedStart::After(token) => request.with("continuationToken", token),
    };
    let request = request
        .with("fields", fields.join(","))
        .with("includeIdentityRef", true)
        .with("includeDeleted", true)
        .with("$maxPageSize", PAGE);
    let answer: FeedAnswer = request.send().await?;
    Ok(read(&answer, transport.organisation(), known, kept))
}

fn read(answer: &FeedAnswer, organisation: &Url, known: &[ProjectRef], kept: &KeptTags) -> RevisionPage {
    let mut page = RevisionPage {
        revisions: answer.values.len(),
        token: answer.token(),
        is_last: answer.is_last_batch,
        ..RevisionPage::default()
    };
    let mut of_items = BTreeMap::<WorkItemId, Vec<Observation>>::new();
    for row in &answer.values {
        let Some(id) = items::id(row) else { continue };
        page.names_parents |= row.pointer("/fields/System.Parent").is_some_and(|parent| !parent.is_null());
        let name = row.pointer("/fields/System.TeamProject").and_then(Value::as_str).unwrap_or_default();
        let Some(project) = items::project_named(known, name) else {
            page.strangers.insert(name.into());
            continue;
        };
        match items::revision(id, row, &Home { organisation, project, known, kept }) {
            Some(revision) => of_items.entry(id).or_default().push(revision),
            None => drop(page.unreadable.insert(id)),
        }
    }
    page.items = of_items.into_values().filter_map(items::union).collect();
    page
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
