//! An item's page in Azure DevOps, made from an address of the API. Those have many shapes: with the project's GUID, its
//! name or no project; on the service, under the old domain of the service or on a server, whose collections lie at any
//! path.

use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::fields::cut;
use crate::domain::scope::Text;
use crate::domain::sprint::work_item::WorkItemId;

/// The greatest number of characters of an address that is kept.
const PAGE_CHARS_MAX: usize = 2_000;

/// The address of the collection that an address of the API is of. `named` is what a payload says that it is; it is
/// believed where the address of the API lies under it, or is none. `None` where neither is the address of a site.
pub(super) fn collection(api: Option<&str>, named: Option<&str>, project_name: &str) -> Option<Url> {
    let named = named.and_then(|named| Url::parse(named).ok());
    let under_api = api.and_then(|api| Url::parse(api.split_once("/_apis/")?.0).ok());
    let Some(mut url) = under_api else { return named };
    let kept = kept_segments(&url, named.as_ref(), project_name)?;
    let all = segments(&url).count();
    let mut path = url.path_segments_mut().ok()?;
    path.pop_if_empty();
    for _ in kept..all {
        path.pop();
    }
    drop(path);
    Some(url)
}

/// How many segments of the path are the collection's; what follows is the project's.
fn kept_segments(url: &Url, named: Option<&Url>, project_name: &str) -> Option<usize> {
    let host = url.host_str()?;
    let all: Vec<String> = segments(url).collect();
    if host == "dev.azure.com" {
        return Some(all.len().min(1));
    }
    if host.ends_with(".visualstudio.com") {
        let is_collection = |segment: &String| segment.eq_ignore_ascii_case("DefaultCollection");
        return Some(usize::from(all.first().is_some_and(is_collection)));
    }
    if let Some(named) = named.filter(|named| named.origin() == url.origin()) {
        let of_named: Vec<String> = segments(named).collect();
        if !of_named.is_empty() && all.starts_with(&of_named) {
            return Some(of_named.len());
        }
    }
    let (last, before) = all.split_last()?;
    // A collection may have the name of a project, and then is not to be taken for it: no server is without one. It lies
    // at the root or under a directory of any name, so of two segments the first is only taken for it where it says so.
    let follows_collection = match before {
        [] => false,
        [first] => first.to_lowercase().contains("collection"),
        _ => true,
    };
    let is_project = uuid::Uuid::try_parse(last).is_ok()
        || follows_collection && last.to_lowercase() == project_name.to_lowercase();
    Some(all.len() - usize::from(is_project))
}

fn segments(url: &Url) -> impl Iterator<Item = String> {
    let segments = url.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty());
    segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
}

/// The page of an item of that collection; `None` where that is no address of a site, or the project's name is not known.
pub(super) fn page(mut collection: Url, project_name: &str, id: WorkItemId) -> Option<Text> {
    if !matches!(collection.scheme(), "https" | "http") || project_name.is_empty() {
        return None;
    }
    let number = id.to_string();
    collection.path_segments_mut().ok()?.pop_if_empty().extend([project_name, "_workitems", "edit", &number]);
    Some(cut(collection.as_str(), PAGE_CHARS_MAX))
}
