//! A service-hook payload becomes an observation, or a reason why it is none. Pure and total: whatever is posted,
//! the answer is a value.
//!
//! `workitem.updated` has a shape of its own: `resource.id` is the number of the *update*, the item is
//! `resource.workItemId`; `resource.fields` holds changed fields only, as `{oldValue, newValue}`, and the whole
//! item is `resource.revision`. In the other work item events `resource` is the item and `fields` is flat.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::amount::Hundredths;
use crate::domain::scope::{CollectionId, ProjectId, Text};
use crate::domain::time::{Ticks, Timestamp};
use crate::domain::work_item::{
    Claim, ClaimKind, Details, Facts, Identity, Observation, Rev, WorkItem, WorkItemId,
};

/// The greatest number of characters that is kept of a title.
pub const TITLE_CHARS_MAX: usize = 1_000;
/// The greatest number of characters that is kept of an area or iteration path.
pub const PATH_CHARS_MAX: usize = 2_000;
/// The greatest number of characters that is kept of any other text.
pub const TEXT_CHARS_MAX: usize = 256;
/// The greatest number of tags that is kept; Azure DevOps allows 100 on an item.
pub const TAGS_MAX: usize = 100;

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
    /// The "Test" button of Azure DevOps sent it; nothing is announced.
    TestNotification,
    /// An authentic event that changes no board.
    Ignored(Ignored),
    /// Authentic but of no use; counted and kept with the reason, and answered like a success, because any other
    /// answer puts the subscription on probation and loses the events that follow.
    DeadLetter(DeadLetter),
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
    /// The body is not JSON, or is nested too deeply.
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
    /// The fields are missing: the subscription sends minimal details. It must send all.
    Minimal,
    /// There is no date to order it by.
    NoDate,
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
            Self::TooLarge => "too_large",
            Self::ForeignCollection => "foreign_collection",
            Self::ForeignProject => "foreign_project",
        }
    }

    /// Every reason there is.
    pub const ALL: [Self; 13] = [
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

/// Understands a payload.
pub fn parse(body: &[u8]) -> Delivery {
    match envelope(body) {
        Ok(payload) => Delivery {
            collection: guid_at(&payload, &["resourceContainers", "collection", "id"], CollectionId::parse),
            event_type: str_at(&payload, &["eventType"]).map(|name| cut(name, TEXT_CHARS_MAX)),
            content: content(&payload),
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
    let payload: Value = serde_json::from_slice(body).map_err(|_| DeadLetter::NotJson)?;
    if payload.is_object() { Ok(payload) } else { Err(DeadLetter::NotAnObject) }
}

fn content(payload: &Value) -> Content {
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
    match observation(payload, kind) {
        Ok(Some(observation)) => Content::Observation(Box::new(observation)),
        Ok(None) => Content::TestNotification,
        Err(reason) => Content::DeadLetter(reason),
    }
}

/// Test notifications bear the subscription id that no subscription has.
fn is_test(payload: &Value) -> bool {
    str_at(payload, &["subscriptionId"])
        .and_then(|id| uuid::Uuid::try_parse(id).ok())
        .is_some_and(|id| id.is_nil())
}

/// The observation in a work item event; `None` when the item's number is 0, as in a test notification.
fn observation(payload: &Value, kind: ClaimKind) -> Result<Option<Observation>, DeadLetter> {
    let resource =
        payload.get("resource").filter(|resource| resource.is_object()).ok_or(DeadLetter::NoResource)?;
    let (id_name, revision) = match kind {
        ClaimKind::Updated => ("workItemId", resource.get("revision")),
        _ => ("id", Some(resource)),
    };
    let number = resource.get(id_name).and_then(integer).ok_or(DeadLetter::NoWorkItemId)?;
    let Some(id) = WorkItemId::new(number) else { return Ok(None) };
    let fields = Fields::new(resource, revision, kind).ok_or(DeadLetter::Minimal)?;
    let rev = revision
        .and_then(|revision| revision.get("rev"))
        .or_else(|| resource.get("rev"))
        .or_else(|| fields.get("System.Rev"))
        .and_then(integer)
        .filter(|rev| *rev > 0)
        .ok_or(DeadLetter::NoRevision)?;
    let project = guid_at(payload, &["resourceContainers", "project", "id"], ProjectId::parse)
        .ok_or(DeadLetter::NoProject)?;
    let changed_at = fields.date("System.ChangedDate");
    let created = str_at(payload, &["createdDate"]).and_then(Ticks::parse);
    let claimed_at = created.or(changed_at.map(Ticks::from)).ok_or(DeadLetter::NoDate)?;
    let claim = Claim {
        claimed_at,
        kind,
        changed_at: changed_at.unwrap_or_else(|| claimed_at.timestamp()),
        changed_by: fields.identity("System.ChangedBy"),
        facts: fields.facts(project, kind == ClaimKind::Deleted).ok_or(DeadLetter::Minimal)?,
    };
    let details = fields.details(id, resource);
    Ok(Some(WorkItem::new(id, rev as Rev, claim, details)))
}

/// The fields of a complete revision. For an update, a changed field's `newValue` wins over the revision's value:
/// the published sample disagrees with itself there, and the update is the news.
struct Fields<'a> {
    complete: &'a Map<String, Value>,
    changed: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    fn new(resource: &'a Value, revision: Option<&'a Value>, kind: ClaimKind) -> Option<Self> {
        let complete = revision?.get("fields")?.as_object()?;
        let changed = match kind {
            ClaimKind::Updated => resource.get("fields").and_then(Value::as_object),
            _ => None,
        };
        Some(Self { complete, changed })
    }

    /// The value of a field; a field that is absent in a complete payload is known to be empty.
    fn get(&self, name: &str) -> Option<&'a Value> {
        let value = match self.changed.and_then(|changed| changed.get(name)).and_then(Value::as_object) {
            // An update without either member says nothing; one with only the old value says that it was cleared.
            Some(update) if update.contains_key("newValue") => update.get("newValue"),
            Some(update) if update.contains_key("oldValue") => None,
            _ => self.complete.get(name),
        };
        value.filter(|value| !value.is_null())
    }

    fn text(&self, name: &str, chars_max: usize) -> Option<Text> {
        self.get(name).and_then(Value::as_str).map(|text| cut(text, chars_max))
    }

    fn date(&self, name: &str) -> Option<Timestamp> {
        self.get(name).and_then(Value::as_str).and_then(Timestamp::parse)
    }

    fn amount(&self, name: &str) -> Option<Hundredths> {
        amount(self.get(name)?)
    }

    fn identity(&self, name: &str) -> Option<Identity> {
        identity(self.get(name)?)
    }

    /// `None` when even the type or the state is missing, which no complete revision lacks.
    fn facts(&self, project: ProjectId, deleted: bool) -> Option<Facts> {
        let tags = self.tags();
        Some(Facts {
            project,
            work_item_type: self.text("System.WorkItemType", TEXT_CHARS_MAX)?,
            state: self.text("System.State", TEXT_CHARS_MAX)?,
            iteration_path: self.text("System.IterationPath", PATH_CHARS_MAX).unwrap_or_default(),
            area_path: self.text("System.AreaPath", PATH_CHARS_MAX).unwrap_or_default(),
            effort: crate::domain::view::EFFORT_FIELDS
                .iter()
                .filter_map(|name| Some((Text::from(*name), self.amount(name)?)))
                .collect::<BTreeMap<_, _>>(),
            remaining_work: self.amount("Microsoft.VSTS.Scheduling.RemainingWork"),
            blocked: self.is_yes("Microsoft.VSTS.CMMI.Blocked") || tags.iter().any(|tag| is_blocked_tag(tag)),
            deleted,
        })
    }

    fn details(&self, id: WorkItemId, resource: &Value) -> Details {
        let project_name = self.text("System.TeamProject", TEXT_CHARS_MAX).unwrap_or_default();
        Details {
            title: self.text("System.Title", TITLE_CHARS_MAX).unwrap_or_default(),
            assigned_to: self.identity("System.AssignedTo"),
            tags: self.tags(),
            parent: self.get("System.Parent").and_then(integer).and_then(WorkItemId::new),
            created_at: self.date("System.CreatedDate"),
            closed_at: self.date("Microsoft.VSTS.Common.ClosedDate"),
            url: page(resource, &project_name, id),
            project_name,
        }
    }

    fn tags(&self) -> Vec<Text> {
        let tags = self.get("System.Tags").and_then(Value::as_str).unwrap_or_default();
        let tags = tags.split(';').map(str::trim).filter(|tag| !tag.is_empty());
        tags.take(TAGS_MAX).map(|tag| cut(tag, TEXT_CHARS_MAX)).collect()
    }

    fn is_yes(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::String(text)) => text.eq_ignore_ascii_case("yes"),
            Some(Value::Bool(flag)) => *flag,
            _ => false,
        }
    }
}

/// The whole tag `Blocked`, in any case.
fn is_blocked_tag(tag: &str) -> bool {
    tag.eq_ignore_ascii_case("blocked")
}

/// The item's page, made from the address of the API that the payload names.
fn page(resource: &Value, project_name: &str, id: WorkItemId) -> Option<Text> {
    let api = str_at(resource, &["revision", "url"]).or_else(|| str_at(resource, &["url"]))?;
    let (collection, _) = api.split_once("/_apis/")?;
    if !(collection.starts_with("https://") || collection.starts_with("http://")) || project_name.is_empty() {
        return None;
    }
    let project = percent_encoding::utf8_percent_encode(project_name, percent_encoding::NON_ALPHANUMERIC);
    Some(cut(&format!("{collection}/{project}/_workitems/edit/{id}"), PATH_CHARS_MAX))
}

/// A person as a text `Name <mail>` (resource version 1.0) or as an object (newer ones).
fn identity(value: &Value) -> Option<Identity> {
    let (name, id) = match value {
        Value::String(text) => (text.as_str(), None),
        Value::Object(_) => (str_at(value, &["displayName"])?, str_at(value, &["id"])),
        _ => return None,
    };
    let name = match name.rsplit_once('<') {
        Some((name, mail)) if mail.ends_with('>') && !name.trim().is_empty() => name,
        _ => name,
    };
    let name = name.trim();
    (!name.is_empty())
        .then(|| Identity { id: id.map(|id| cut(id, TEXT_CHARS_MAX)), name: cut(name, TEXT_CHARS_MAX) })
}

/// Numbers are numbers in deliveries and texts in test notifications.
fn amount(value: &Value) -> Option<Hundredths> {
    let units = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    Hundredths::from_units(units)
}

fn integer(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn str_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str()
}

fn guid_at<Id>(value: &Value, path: &[&str], parse: impl Fn(&str) -> Option<Id>) -> Option<Id> {
    parse(str_at(value, path)?)
}

/// The first `chars_max` characters.
fn cut(text: &str, chars_max: usize) -> Text {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => Text::from(text.get(..end).unwrap_or_default()),
        None => Text::from(text),
    }
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
