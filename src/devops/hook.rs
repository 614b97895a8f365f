//! A service-hook payload becomes an observation, or a reason why it is none. Pure and total: whatever is posted,
//! the answer is a value.
//!
//! `workitem.updated` has a shape of its own: `resource.id` is the number of the *update*, the item is
//! `resource.workItemId`; `resource.fields` holds changed fields only, as `{oldValue, newValue}`, and the whole
//! item is `resource.revision`. In the other work item events `resource` is the item and `fields` is flat.

use serde_json::Value;

use super::fields::{Fields, TEXT_CHARS_MAX, cut, integer, str_at};
use super::page::{Told, collection, page};
use super::{json, payload, site};
use crate::domain::scope::{CollectionId, ProjectId, Text};
use crate::domain::sprint::facts::KeptTags;
use crate::domain::sprint::work_item::{Claim, ClaimKind, Observation, Rev, WorkItem, WorkItemId};
use crate::domain::time::Ticks;

/// A payload, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The collection it comes from, if it says so.
    pub collection: Option<CollectionId>,
    /// The W3C trace id it came with is the request's business; this is the body's `eventType`.
    pub event_type: Option<Text>,
    /// What it means for the boards.
    pub content: Content,
}

/// What a payload means for the boards.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A complete revision of a work item.
    Observation(Box<Observation>),
    /// Something happened to a work item, and what it is now is left out.
    Bare(Bare),
    /// The "Test" button of Azure DevOps sent it; nothing is announced.
    TestNotification,
    /// An authentic event that changes no board.
    Ignored(Ignored),
    /// Authentic but of no use; counted and kept with the reason, and answered like a success, because any other
    /// answer puts the subscription on probation and loses the events that follow.
    DeadLetter(DeadLetter),
}

/// What a payload tells of which the details are missing: the subscription sends minimal ones, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bare {
    /// The item that it is about, if it names one.
    pub item: Option<WorkItemId>,
    /// The project that it comes from, if it says so.
    pub project: Option<ProjectId>,
    /// When it was sent, if it says so.
    pub told_at: Option<Ticks>,
    /// Whether the item went into the recycle bin.
    pub deleted: bool,
    /// What is missing: why it is of no use where there is nobody to ask.
    pub lacks: DeadLetter,
}

/// Why an event changes no board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// A comment; boards show none.
    Commented,
    /// Not about a work item.
    OtherEvent,
}

/// Why a payload is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeadLetter {
    /// The body is empty.
    Empty,
    /// The body is not JSON.
    NotJson,
    /// The body is JSON, but no object.
    NotAnObject,
    /// There is no `eventType`.
    NoEventType,
    /// There is no `resource`.
    NoResource,
    /// There is no number of a work item where the event type has it.
    NoWorkItemId,
    /// There is no number of the revision.
    NoRevision,
    /// There is no project.
    NoProject,
    /// The fields are missing: the subscription sends minimal details.
    Minimal,
    /// There is no date to order it by.
    NoDate,
    /// It is dated more than a day ahead of when it came: it would win over whatever follows.
    DatedAhead,
    /// The body is larger than any that Azure DevOps sends.
    TooLarge,
    /// It comes from another collection than the one that is served.
    ForeignCollection,
    /// It is of a project that is not served.
    ForeignProject,
}

impl DeadLetter {
    /// The word used in counters, logs and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::NoEventType => "no_event_type",
            Self::NoResource => "no_resource",
            Self::NoWorkItemId => "no_work_item_id",
            Self::NoRevision => "no_revision",
            Self::NoProject => "no_project",
            Self::Minimal => "minimal_payload",
            Self::NoDate => "no_date",
            Self::DatedAhead => "dated_ahead",
            Self::TooLarge => "too_large",
            Self::ForeignCollection => "foreign_collection",
            Self::ForeignProject => "foreign_project",
        }
    }

    /// What the operator can do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Empty | Self::NotJson | Self::NotAnObject | Self::NoEventType | Self::TooLarge => {
                "Azure DevOps sends nothing like that; check what else posts to this address"
            }
            Self::NoResource | Self::NoWorkItemId | Self::NoRevision | Self::Minimal | Self::NoDate => {
                "set \"Resource details to send\" to \"All\" in the subscription, or BOARDCAST_ORGANIZATION_URL so that what \
                 is missing is fetched"
            }
            // It is beside the resource, and sent however much of that is.
            Self::NoProject => {
                "Azure DevOps always sends resourceContainers.project.id; let what relays the hooks pass it on unchanged"
            }
            Self::DatedAhead => "set the clocks of this machine and of Azure DevOps Server right",
            Self::ForeignCollection => {
                "point the subscription at a deployment with another BOARDCAST_DEPLOYMENT"
            }
            Self::ForeignProject => "add the project to BOARDCAST_PROJECTS, or remove its subscription",
        }
    }

    /// Every reason there is.
    pub const ALL: [Self; 14] = [
        Self::Empty,
        Self::NotJson,
        Self::NotAnObject,
        Self::NoEventType,
        Self::NoResource,
        Self::NoWorkItemId,
        Self::NoRevision,
        Self::NoProject,
        Self::Minimal,
        Self::NoDate,
        Self::DatedAhead,
        Self::TooLarge,
        Self::ForeignCollection,
        Self::ForeignProject,
    ];
}

impl Delivery {
    /// A payload that is of no use, of which nothing else is known.
    pub const fn dead_letter(reason: DeadLetter) -> Self {
        Self { collection: None, event_type: None, content: Content::DeadLetter(reason) }
    }
}

/// Understands a payload. `organisation` is the address that items are linked to; without one the payload names it. Of the tags
/// that are `kept` the observation says whether the item bears them.
pub fn parse(body: &[u8], organisation: Option<&str>, kept: &KeptTags) -> Delivery {
    match envelope(body) {
        Ok(payload) => Delivery {
            collection: guid_at(&payload, &["resourceContainers", "collection", "id"], CollectionId::parse),
            event_type: str_at(&payload, &["eventType"]).map(|name| cut(name, TEXT_CHARS_MAX)),
            content: content(&payload, organisation, kept),
        },
        Err(reason) => Delivery::dead_letter(reason),
    }
}

fn envelope(body: &[u8]) -> Result<Value, DeadLetter> {
    // Some senders put a byte order mark in front, which JSON does not allow.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
    if body.is_empty() {
        return Err(DeadLetter::Empty);
    }
    let payload = json::read(body, payload::read).map_err(|_| DeadLetter::NotJson)?;
    if payload.is_object() { Ok(payload) } else { Err(DeadLetter::NotAnObject) }
}

fn content(payload: &Value, organisation: Option<&str>, kept: &KeptTags) -> Content {
    let kind = match str_at(payload, &["eventType"]) {
        None => return Content::DeadLetter(DeadLetter::NoEventType),
        Some("workitem.created") => ClaimKind::Created,
        Some("workitem.updated") => ClaimKind::Updated,
        Some("workitem.deleted") => ClaimKind::Deleted,
        Some("workitem.restored") => ClaimKind::Restored,
        Some("workitem.commented") if is_test(payload) => return Content::TestNotification,
        Some("workitem.commented") => return Content::Ignored(Ignored::Commented),
        Some(_) => return Content::Ignored(Ignored::OtherEvent),
    };
    if is_test(payload) {
        return Content::TestNotification;
    }
    match observation(payload, kind, organisation, kept) {
        Ok(Some(observation)) => Content::Observation(Box::new(observation)),
        Ok(None) => Content::TestNotification,
        Err(lacks) => Content::Bare(bare(payload, kind, lacks)),
    }
}

/// Test notifications bear the subscription id that no subscription has.
fn is_test(payload: &Value) -> bool {
    str_at(payload, &["subscriptionId"])
        .and_then(|id| uuid::Uuid::try_parse(id).ok())
        .is_some_and(|id| id.is_nil())
}

/// The observation in a work item event; `None` when the item's number is 0, as in a test notification.
fn observation(
    payload: &Value,
    kind: ClaimKind,
    organisation: Option<&str>,
    kept: &KeptTags,
) -> Result<Option<Observation>, DeadLetter> {
    let resource =
        payload.get("resource").filter(|resource| resource.is_object()).ok_or(DeadLetter::NoResource)?;
    let (id_name, revision) = match kind {
        ClaimKind::Updated => ("workItemId", resource.get("revision")),
        _ => ("id", Some(resource)),
    };
    let number = resource.get(id_name).and_then(integer).ok_or(DeadLetter::NoWorkItemId)?;
    let Some(id) = WorkItemId::new(number) else { return Ok(None) };
    let fields = fields(resource, revision, kind).ok_or(DeadLetter::Minimal)?;
    let rev = revision
        .and_then(|revision| revision.get("rev"))
        .or_else(|| resource.get("rev"))
        .or_else(|| fields.get("System.Rev"))
        .and_then(integer)
        .filter(|rev| *rev > 0)
        .ok_or(DeadLetter::NoRevision)?;
    let project = project(payload).ok_or(DeadLetter::NoProject)?;
    let changed_at = fields.date("System.ChangedDate");
    let claimed_at = sent_at(payload).or(changed_at.map(Ticks::from)).ok_or(DeadLetter::NoDate)?;
    let claim = Claim {
        claimed_at,
        kind,
        changed_at: changed_at.unwrap_or_else(|| claimed_at.timestamp()),
        changed_by: fields.identity("System.ChangedBy"),
        facts: fields.facts(project, kind == ClaimKind::Deleted, kept).ok_or(DeadLetter::Minimal)?.into(),
    };
    let project_name = fields.project_name();
    let told = || collection(&told(payload, resource, &project_name));
    let collection = organisation.and_then(site).or_else(told);
    let details = fields.details(collection.and_then(|collection| page(collection, &project_name, id)));
    Ok(Some(WorkItem::new(id, rev as Rev, claim, details)))
}

/// What a payload tells that is no observation.
fn bare(payload: &Value, kind: ClaimKind, lacks: DeadLetter) -> Bare {
    let resource = payload.get("resource");
    let number = |name| resource?.get(name).and_then(integer);
    let of_address = || number_in(str_at(resource?, &["url"])?);
    let number = match kind {
        // Its `id` is the number of the update.
        ClaimKind::Updated => number("workItemId").or_else(of_address),
        _ => number("id").or_else(of_address),
    };
    Bare {
        item: number.and_then(WorkItemId::new),
        project: project(payload),
        told_at: sent_at(payload),
        deleted: kind == ClaimKind::Deleted,
        lacks,
    }
}

/// The number of the item in an address of the API, such as `…/_apis/wit/workItems/13/updates/4`.
fn number_in(address: &str) -> Option<u32> {
    let mut segments = address.split(['/', '?']).skip_while(|segment| {
        !["workitems", "recyclebin"].iter().any(|name| segment.eq_ignore_ascii_case(name))
    });
    segments.nth(1)?.parse().ok()
}

fn project(payload: &Value) -> Option<ProjectId> {
    guid_at(payload, &["resourceContainers", "project", "id"], ProjectId::parse)
}

fn sent_at(payload: &Value) -> Option<Ticks> {
    str_at(payload, &["createdDate"]).and_then(Ticks::parse)
}

/// The fields of the revision that the event is about; `None` when there are none.
fn fields<'a>(resource: &'a Value, revision: Option<&'a Value>, kind: ClaimKind) -> Option<Fields<'a>> {
    let complete = revision?.get("fields")?.as_object()?;
    let changed = resource.get("fields").and_then(Value::as_object).filter(|_| kind == ClaimKind::Updated);
    Some(Fields::updated(complete, changed))
}

/// What a payload tells of where its item is.
fn told<'a>(payload: &'a Value, resource: &'a Value, project_name: &'a str) -> Told<'a> {
    let base = |container| str_at(payload, &["resourceContainers", container, "baseUrl"]);
    Told {
        api: str_at(resource, &["revision", "url"]).or_else(|| str_at(resource, &["url"])),
        // Each is the address of the collection.
        collection: ["collection", "project", "account"].into_iter().find_map(base),
        server: base("server"),
        project_name,
    }
}

fn guid_at<Id>(value: &Value, path: &[&str], parse: impl Fn(&str) -> Option<Id>) -> Option<Id> {
    parse(str_at(value, path)?)
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
