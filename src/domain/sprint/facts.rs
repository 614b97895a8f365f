//! What is kept of one revision of a work item for metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{Hundredths, ProjectId, Text};

/// The reference names of the effort fields of the published processes (Agile, Scrum, CMMI), in the order in which
/// one is chosen while no team's catalogue says which counts.
pub const EFFORT_FIELDS: [&str; 3] = [
    "Microsoft.VSTS.Scheduling.StoryPoints",
    "Microsoft.VSTS.Scheduling.Effort",
    "Microsoft.VSTS.Scheduling.Size",
];

/// The reference name of the field of remaining work of the published processes.
pub const REMAINING_WORK: &str = "Microsoft.VSTS.Scheduling.RemainingWork";

/// The tag that means blocked where no setting says otherwise.
pub(super) const TAG_DEFAULT: &str = "Blocked";

/// The field of the published processes for it.
pub(super) const FIELD_DEFAULT: &str = "Microsoft.VSTS.CMMI.Blocked";

/// How many numbers are kept of a revision beside those of the fields that teams are known to estimate in: which these are
/// may only be learnt later.
const NUMBERS_MAX: usize = 32;

/// A number may have been there and is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKept;

/// What metrics need to know of one revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// The project it was in.
    pub project: ProjectId,
    /// `System.WorkItemType`.
    #[serde(rename = "type")]
    pub work_item_type: Text,
    /// `System.State`. Its category is the process's business and is looked up when metrics are computed.
    pub state: Text,
    /// `System.IterationPath`, with backslashes; the project's root means: in no sprint.
    pub iteration_path: Text,
    /// `System.AreaPath`.
    pub area_path: Text,
    /// Effort by the reference name of its field; the team's process says which counts, so all that may be one are here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effort: Arc<BTreeMap<Text, Hundredths>>,
    /// `Microsoft.VSTS.Scheduling.RemainingWork`, in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_work: Option<Hundredths>,
    /// Whether it bore the tag `Blocked`, or the field of the published processes for it said yes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// Whether it had more numbers than are kept: one that is not among them may have been there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_more_numbers: bool,
    /// Whether it was in the recycle bin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The reference names of the fields that say yes: which of them mean that it is blocked a setting says. And of the tags
    /// that settings name, `tag:` with the name of one that it bore, `-tag:` with that of one that it did not. After the
    /// rest, as the column is, so that of one revision what was kept with them wins over what was kept without.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub flags: Arc<BTreeSet<Text>>,
    /// `System.BoardColumn`: the column of its team's board that it was in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board_column: Option<Text>,
}

/// The tags of which is kept whether each revision bore them: numbers about the past ask for them. The default one for blocked
/// is always kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptTags(Arc<[Text]>);

const BORE: &str = "tag:";
const BORE_NOT: &str = "-tag:";

impl KeptTags {
    /// These tags.
    pub fn new(tags: impl IntoIterator<Item = Text>) -> Self {
        Self(tags.into_iter().filter(|tag| !is_same(tag, TAG_DEFAULT)).collect())
    }

    /// What is kept of a revision that bore these tags, among its flags.
    pub fn flags<'t>(&'t self, borne: &'t [Text]) -> impl Iterator<Item = Text> + 't {
        self.0.iter().map(|tag| {
            let is_borne = borne.iter().any(|borne| is_same(borne, tag));
            format!("{}{tag}", if is_borne { BORE } else { BORE_NOT }).into()
        })
    }
}

/// Whether two names are the same, in any case.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// Facts that revisions and items share where they are alike. Whoever changes them gets some of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SharedFacts(pub(super) Arc<Facts>);

impl From<Facts> for SharedFacts {
    fn from(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }
}

impl Deref for SharedFacts {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl DerefMut for SharedFacts {
    fn deref_mut(&mut self) -> &mut Facts {
        Arc::make_mut(&mut self.0)
    }
}

impl Facts {
    /// Whether there are more numbers than are kept.
    pub(super) fn has_too_many_numbers(&self) -> bool {
        self.effort.len() > NUMBERS_MAX + EFFORT_FIELDS.len()
    }

    /// Keeps the numbers of the usual fields, those that are `named`, and as many of the others as are kept.
    pub(super) fn keep_numbers(&mut self, named: &BTreeSet<Text>) {
        let mut others = 0;
        Arc::make_mut(&mut self.effort).retain(|name, _| {
            let is_other = !EFFORT_FIELDS.contains(&&**name) && !named.contains(name);
            others += usize::from(is_other);
            !is_other || others <= NUMBERS_MAX
        });
        self.has_more_numbers |= others > NUMBERS_MAX;
    }

    /// The number in that field; an error where there may have been one that is not kept.
    pub fn number(&self, field: &Text) -> Result<Option<Hundredths>, NotKept> {
        if &**field == REMAINING_WORK {
            return Ok(self.remaining_work);
        }
        match self.effort.get(field) {
            None if self.has_more_numbers && !EFFORT_FIELDS.contains(&&**field) => Err(NotKept),
            number => Ok(number.copied()),
        }
    }

    /// The tags that the revision is known to have borne.
    pub(super) fn kept_tags(&self) -> impl Iterator<Item = Text> {
        let default = self.blocked && !self.flags.contains(FIELD_DEFAULT);
        let others = self.flags.iter().filter_map(|flag| flag.strip_prefix(BORE));
        default.then_some(TAG_DEFAULT).into_iter().chain(others).map(Text::from)
    }

    /// Whether the revision bore a tag; `None` where that is not kept.
    pub fn bore(&self, tag: &str) -> Option<bool> {
        if is_same(tag, TAG_DEFAULT) {
            // The field of the published processes is kept together with it.
            return (!self.blocked || !self.flags.contains(FIELD_DEFAULT)).then_some(self.blocked);
        }
        let is_it = |flag: &Text, mark| flag.strip_prefix(mark).is_some_and(|own| is_same(own, tag));
        self.flags.iter().find_map(|flag| match () {
            () if is_it(flag, BORE) => Some(true),
            () if is_it(flag, BORE_NOT) => Some(false),
            () => None,
        })
    }

    /// What says on which board it was, and may change without a revision.
    pub(super) fn place(&self) -> (bool, &str, &str) {
        (self.deleted, &self.area_path, &self.iteration_path)
    }

    fn texts(&self) -> [&Text; 4] {
        [&self.work_item_type, &self.state, &self.iteration_path, &self.area_path]
    }

    /// Whether something is equal in both and kept twice.
    pub(super) fn has_twice(&self, other: &Self) -> bool {
        let mut texts = self.texts().into_iter().zip(other.texts());
        texts.any(|(text, of_other)| is_twice(text, of_other))
            || is_twice(&self.effort, &other.effort)
            || is_twice(&self.flags, &other.flags)
            || is_column_twice(&self.board_column, &other.board_column)
    }

    /// Keeps once what is equal in both.
    pub(super) fn share_with(&mut self, other: &Self) {
        let Self { work_item_type, state, iteration_path, area_path, effort, flags, board_column, .. } = self;
        let texts = [work_item_type, state, iteration_path, area_path];
        for (text, of_other) in texts.into_iter().zip(other.texts()) {
            if is_twice(text, of_other) {
                *text = of_other.clone();
            }
        }
        if is_twice(effort, &other.effort) {
            *effort = other.effort.clone();
        }
        if is_twice(flags, &other.flags) {
            *flags = other.flags.clone();
        }
        if is_column_twice(board_column, &other.board_column) {
            board_column.clone_from(&other.board_column);
        }
    }
}

fn is_twice<T: ?Sized + PartialEq>(one: &Arc<T>, other: &Arc<T>) -> bool {
    !Arc::ptr_eq(one, other) && one == other
}

fn is_column_twice(one: &Option<Text>, other: &Option<Text>) -> bool {
    one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| is_twice(one, other))
}
