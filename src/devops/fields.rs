//! The fields of a work item's revision, as a service hook and the REST API write them, become what is kept of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::amount::Hundredths;
use crate::domain::scope::{ProjectId, Text};
use crate::domain::sprint::blocked::BOARD_COLUMN;
use crate::domain::sprint::facts::KeptTags;
use crate::domain::sprint::rank::{ORDER_FIELDS, Rank, Ranks};
use crate::domain::sprint::work_item::{Details, EFFORT_FIELDS, Facts, Identity, REMAINING_WORK, WorkItemId};
use crate::domain::time::{Ticks, Timestamp};

/// The greatest number of characters that is kept of a title.
pub(super) const TITLE_CHARS_MAX: usize = 1_000;
/// The greatest number of characters that is kept of an area or iteration path.
const PATH_CHARS_MAX: usize = 2_000;
/// The greatest number of characters that is kept of any other text.
pub(crate) const TEXT_CHARS_MAX: usize = 256;
/// The greatest number of tags that is kept; Azure DevOps allows 100 on an item.
pub(super) const TAGS_MAX: usize = 100;

/// The field of the published processes that says that an item is blocked.
const BLOCKED: &str = "Microsoft.VSTS.CMMI.Blocked";

/// How many fields are kept by their names because they say yes.
const FLAGS_MAX: usize = 32;

/// How many fields a type of work items may have in Azure DevOps: so many numbers are read of a revision at most.
pub(super) const FIELDS_MAX: usize = 1_024;

/// How many numbers are kept of a revision for what a backlog may be ordered by, beside the usual fields.
pub(super) const RANKS_MAX: usize = 32;

/// When the state was changed last; of an item that is in the state that it was made with, when it was made.
pub(super) const STATE_CHANGED: &str = "Microsoft.VSTS.Common.StateChangeDate";

/// The names of fields of which something is made, those of estimates aside.
const READ: [&str; 20] = [
    BLOCKED,
    "Microsoft.VSTS.Common.BacklogPriority",
    "Microsoft.VSTS.Common.ClosedDate",
    "Microsoft.VSTS.Common.StackRank",
    REMAINING_WORK,
    STATE_CHANGED,
    "System.AreaPath",
    "System.AssignedTo",
    "System.ChangedBy",
    "System.ChangedDate",
    "System.CreatedDate",
    "System.IsDeleted",
    "System.IterationPath",
    "System.Parent",
    "System.Rev",
    "System.State",
    "System.Tags",
    "System.TeamProject",
    "System.Title",
    "System.WorkItemType",
];

/// Whether anything is made of the field with that name.
pub(super) fn is_read(name: &str) -> bool {
    READ.contains(&name) || EFFORT_FIELDS.contains(&name) || name == BOARD_COLUMN
}

/// The names of the fields that are asked for: those that are always read, and those that processes name beside them.
pub(super) fn read_with(named: &BTreeSet<Text>) -> Vec<&str> {
    let named = named.iter().map(|name| &**name).filter(|name| !READ.contains(name));
    let named = named.filter(|name| !EFFORT_FIELDS.contains(name));
    READ.into_iter().chain(EFFORT_FIELDS).chain(named).collect()
}

/// Whether a process may estimate in the field with that name, or order its backlog by it, if it holds a number. A process
/// names its own fields for effort, remaining work and order, and a hook comes before anybody has asked which: so their
/// numbers are kept, whatever their names. A priority is a number too, and neither.
pub(super) fn may_be_estimate(name: &str) -> bool {
    EFFORT_FIELDS.contains(&name)
        || !READ.contains(&name) && !name.starts_with("System.") && name != "Microsoft.VSTS.Common.Priority"
}

/// Whether a process may estimate in the field with that name. Some count the hours that remain as effort.
pub(super) fn may_be_effort(name: &str) -> bool {
    may_be_estimate(name) || name == REMAINING_WORK
}

/// The fields of a complete revision. For an update, a changed field's `newValue` wins over the revision's value:
/// the published sample disagrees with itself there, and the update is the news.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    complete: &'a Map<String, Value>,
    changed: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The fields of a revision as they stand.
    pub(crate) const fn complete(complete: &'a Map<String, Value>) -> Self {
        Self { complete, changed: None }
    }

    /// The fields of a revision, and what an update says that it changed.
    pub(crate) const fn updated(
        complete: &'a Map<String, Value>,
        changed: Option<&'a Map<String, Value>>,
    ) -> Self {
        Self { complete, changed }
    }

    /// The value of a field; a field that is absent in a complete payload is known to be empty.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        debug_assert!(
            is_read(name) || may_be_estimate(name),
            "{name} is not among the fields that are read of a payload"
        );
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

    /// A date, to the millisecond.
    pub(crate) fn date(&self, name: &str) -> Option<Timestamp> {
        self.ticks(name).map(Ticks::timestamp)
    }

    /// A date, as exactly as it is written.
    pub(crate) fn ticks(&self, name: &str) -> Option<Ticks> {
        self.get(name).and_then(Value::as_str).and_then(Ticks::parse)
    }

    fn amount(&self, name: &str) -> Option<Hundredths> {
        amount(self.get(name)?)
    }

    /// A person.
    pub(crate) fn identity(&self, name: &str) -> Option<Identity> {
        identity(self.get(name)?)
    }

    /// What metrics need to know of the revision. `None` when even the type or the state is missing, which no complete
    /// revision lacks.
    pub(crate) fn facts(&self, project: ProjectId, deleted: bool, kept: &KeptTags) -> Option<Facts> {
        let tags = self.tags();
        let (effort, has_more_numbers) = self.efforts();
        Some(Facts {
            project,
            work_item_type: self.text("System.WorkItemType", TEXT_CHARS_MAX)?,
            state: self.text("System.State", TEXT_CHARS_MAX)?,
            iteration_path: self.text("System.IterationPath", PATH_CHARS_MAX).unwrap_or_default(),
            area_path: self.text("System.AreaPath", PATH_CHARS_MAX).unwrap_or_default(),
            effort: Arc::new(effort),
            remaining_work: self.amount(REMAINING_WORK),
            flags: Arc::new(self.flags().into_iter().chain(kept.flags(&tags)).collect()),
            board_column: self.text(BOARD_COLUMN, TEXT_CHARS_MAX),
            blocked: self.is_yes(BLOCKED) || tags.iter().any(|tag| is_blocked_tag(tag)),
            has_more_numbers,
            deleted,
        })
    }

    /// The numbers that may be an estimate, and whether there may be more.
    fn efforts(&self) -> (BTreeMap<Text, Hundredths>, bool) {
        let known = EFFORT_FIELDS.iter().filter_map(|name| Some((*name, self.amount(name)?)));
        let others = self.other_numbers().filter_map(|(name, value)| Some((name, amount(value)?)));
        let others: Vec<_> = others.take(FIELDS_MAX).collect();
        let has_more = others.len() == FIELDS_MAX;
        (known.chain(others).map(|(name, amount)| (Text::from(name), amount)).collect(), has_more)
    }

    /// The numbers that a backlog may be ordered by, other than those that are exact as amounts and kept as such.
    fn ranks(&self) -> Ranks {
        let known = ORDER_FIELDS.iter().filter_map(|name| Some((*name, self.get(name)?)));
        let is_exact = |value: &Value| amount(value).map(Hundredths::units) == value.as_f64();
        let others = self.other_numbers().filter(|(_, value)| !is_exact(value));
        let ranks = known.chain(others.take(RANKS_MAX));
        ranks.filter_map(|(name, value)| Some((Text::from(name), Rank::new(number(value)?)?))).collect()
    }

    /// The names of the fields, in their order.
    fn names(&self) -> BTreeSet<&'a str> {
        let changed = self.changed.into_iter().flat_map(Map::keys);
        self.complete.keys().chain(changed).map(String::as_str).collect()
    }

    /// The names of the fields that say yes. A hook comes before anybody has asked which of them mean that an item is
    /// blocked.
    fn flags(&self) -> BTreeSet<Text> {
        let names = self.names().into_iter().filter(|name| may_be_estimate(name) || *name == BLOCKED);
        names.filter(|name| self.is_yes(name)).take(FLAGS_MAX).map(Text::from).collect()
    }

    /// The numbers of the fields that are some process's own.
    fn other_numbers(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let others =
            self.names().into_iter().filter(|name| may_be_estimate(name) && !EFFORT_FIELDS.contains(name));
        others.filter_map(|name| Some((name, self.get(name).filter(|value| value.is_number())?)))
    }

    /// What only the newest revision is asked for. `url` is the item's page.
    pub(crate) fn details(&self, url: Option<Text>) -> Details {
        Details {
            title: self.text("System.Title", TITLE_CHARS_MAX).unwrap_or_default(),
            assigned_to: self.identity("System.AssignedTo"),
            tags: self.tags(),
            parent: self.get("System.Parent").and_then(integer).and_then(WorkItemId::new),
            project_name: self.project_name(),
            created_at: self.date("System.CreatedDate"),
            closed_at: self.date("Microsoft.VSTS.Common.ClosedDate"),
            url,
            ranks: self.ranks(),
        }
    }

    /// The name of the project that the item was in; empty where the revision does not say.
    pub(crate) fn project_name(&self) -> Text {
        self.text("System.TeamProject", TEXT_CHARS_MAX).unwrap_or_default()
    }

    fn tags(&self) -> Vec<Text> {
        let tags = self.get("System.Tags").and_then(Value::as_str).unwrap_or_default();
        let tags = tags.split(';').map(str::trim).filter(|tag| !tag.is_empty());
        tags.take(TAGS_MAX).map(|tag| cut(tag, TEXT_CHARS_MAX)).collect()
    }

    /// Whether a field says yes, in one of the ways in which processes write it.
    pub(crate) fn is_yes(&self, name: &str) -> bool {
        self.get(name).is_some_and(says_yes)
    }
}

/// Whether a value says yes: a truth, or a value of a list.
pub(super) fn says_yes(value: &Value) -> bool {
    match value {
        Value::String(text) => text.eq_ignore_ascii_case("yes"),
        Value::Bool(flag) => *flag,
        _ => false,
    }
}

/// The whole tag `Blocked`, in any case.
fn is_blocked_tag(tag: &str) -> bool {
    tag.eq_ignore_ascii_case("blocked")
}

/// A person as a text `Name <mail>` (resource version 1.0) or as an object (newer ones). Who has no name for display is
/// known by the unique one.
pub(crate) fn identity(value: &Value) -> Option<Identity> {
    let (name, id) = match value {
        Value::String(text) => (text.as_str(), None),
        Value::Object(_) => {
            let named = |member| str_at(value, &[member]).filter(|name| !name.trim().is_empty());
            (named("displayName").or_else(|| named("uniqueName"))?, str_at(value, &["id"]))
        }
        _ => return None,
    };
    let name = cut(&display_name(name), TEXT_CHARS_MAX);
    (!name.is_empty()).then(|| Identity { id: id.map(|id| cut(id, TEXT_CHARS_MAX)), name })
}

/// A name without mail addresses. Of whoever has no other name it is what stands before the `@`.
fn display_name(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let name = match text.rsplit_once('<') {
        Some((name, mail)) if mail.ends_with('>') && !name.trim().is_empty() => name.trim(),
        _ => text.trim_matches(['<', '>']).trim(),
    };
    let is_mail = |word: &str| word.trim_matches('@').contains('@');
    if !name.split_whitespace().any(is_mail) {
        return name.into();
    }
    let words: Vec<&str> = name.split_whitespace().filter(|word| !is_mail(word)).collect();
    let before = || name.split('@').next().unwrap_or_default();
    if words.is_empty() { before().into() } else { words.join(" ").into() }
}

/// Numbers are numbers in deliveries and texts in test notifications.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An amount, written in one of these ways.
pub(crate) fn amount(value: &Value) -> Option<Hundredths> {
    Hundredths::from_units(number(value)?)
}

/// A whole number from 0, written as a number or as a text, be it with a fraction of nothing, as relays write it that
/// know numbers with a point alone; `None` for anything else.
pub(crate) fn integer(value: &Value) -> Option<u32> {
    let number = number(value).filter(|number| number.fract() == 0.0)?;
    let is_in_range = (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
    is_in_range.then_some(number as u32)
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// The text at a path of member names.
pub(crate) fn str_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str()
}

/// The first `chars_max` characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> Text {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => Text::from(text.get(..end).unwrap_or_default()),
        None => Text::from(text),
    }
}
