//! An item's page in Azure DevOps, made from the address of its collection. A payload names that in many ways: in addresses
//! of the API with the project's GUID, its name or no project; on the service, under the old domain of the service or on
//! a server, whose collections lie under any path.

use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::fields::cut;
use super::site;
use crate::domain::scope::Text;
use crate::domain::sprint::work_item::WorkItemId;

/// The greatest number of characters of an address that is kept.
const PAGE_CHARS_MAX: usize = 2_000;

/// The directories under which a server's collections lie, where its installation named them. Others are not told from
/// collections by their names.
const VIRTUAL_DIRECTORIES: [&str; 2] = ["tfs", "azuredevops"];

/// What a payload tells of where its item is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    /// An address of the item in the API.
    pub(super) api: Option<&'a str>,
    /// What is said to be the address of the collection.
    pub(super) collection: Option<&'a str>,
    /// What is said to be the address of the server; its collections lie right under it.
    pub(super) server: Option<&'a str>,
    /// The project's name, as it is now.
    pub(super) project_name: &'a str,
}

/// The address of the collection that an item is of. The host is that of the API's address, where there is one. `None` where
/// nothing is the address of a collection.
pub(super) fn collection(told: &Told<'_>) -> Option<Url> {
    let named = told.collection.and_then(site);
    let Some(mut url) = told.api.and_then(|api| site(api.split_once("/_apis/")?.0)) else { return named };
    let all: Vec<String> = segments(&url).map(|segment| segment.to_lowercase()).collect();
    let kept = match url.host_str()? {
        "dev.azure.com" if all.is_empty() => return named,
        "dev.azure.com" => 1,
        host if host.ends_with(".visualstudio.com") => of_old_domain(&all, told.project_name),
        _ => of_server(&all, told, named.as_ref()),
    };
    let mut path = url.path_segments_mut().ok()?;
    path.pop_if_empty();
    for _ in kept..all.len() {
        path.pop();
    }
    drop(path);
    Some(url)
}

/// How many segments of a path are the collection's under the old domain of the service, where it may be left out.
fn of_old_domain(all: &[String], project_name: &str) -> usize {
    match all {
        // Only an old project can have that name: it is reserved since.
        [only] if project_name.to_lowercase() == *only => 0,
        [first, ..] => usize::from(first == "defaultcollection"),
        [] => 0,
    }
}

/// How many segments of a path are the collection's on a server: what is certain decides first, and what nothing speaks
/// against is the collection, since no server is without one.
fn of_server(all: &[String], told: &Told<'_>, named: Option<&Url>) -> usize {
    let Some((last, before)) = all.split_last() else { return 0 };
    let is_project_id = |segment: &String| uuid::Uuid::try_parse(segment).is_ok();
    if let Some(found) = all.iter().position(is_project_id) {
        return found;
    }
    if let Some(kept) = named.and_then(|named| by_collection(all, named)) {
        return kept;
    }
    if let Some(under) = told.server.and_then(site).and_then(|server| by_prefix(all, &server)) {
        return all.len().min(under + 1);
    }
    let directories = VIRTUAL_DIRECTORIES.map(|name| before.iter().position(|segment| segment == name));
    if let Some(directory) = directories.into_iter().flatten().next() {
        return directory + 2;
    }
    if !before.is_empty() && *last == told.project_name.to_lowercase() {
        return before.len();
    }
    let says_so = before.iter().position(|segment| segment.contains("collection"));
    says_so.map_or(all.len(), |found| found + 1)
}

/// How many segments are a collection's that is named: its own, or all up to its name, where it lies elsewhere for whoever
/// is outside. Neither host nor scheme matters: behind a proxy they are not those that the server knows.
fn by_collection(all: &[String], named: &Url) -> Option<usize> {
    let is_named = |name: String| all.iter().position(|segment| *segment == name.to_lowercase());
    by_prefix(all, named).filter(|kept| *kept > 0).or_else(|| Some(is_named(segments(named).last()?)? + 1))
}

/// How many segments that address has, where it is above these.
fn by_prefix(all: &[String], above: &Url) -> Option<usize> {
    let above: Vec<String> = segments(above).map(|segment| segment.to_lowercase()).collect();
    all.starts_with(&above).then_some(above.len())
}

fn segments(url: &Url) -> impl Iterator<Item = String> {
    let segments = url.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty());
    segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
}

/// The page of an item of that collection, whose address is that of a `site`. `None` where the project's name is not known.
pub(super) fn page(mut collection: Url, project_name: &str, id: WorkItemId) -> Option<Text> {
    if project_name.is_empty() {
        return None;
    }
    let number = id.to_string();
    collection.path_segments_mut().ok()?.pop_if_empty().extend([project_name, "_workitems", "edit", &number]);
    Some(cut(collection.as_str(), PAGE_CHARS_MAX))
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
