//! What is claimed of one revision of a work item, and by which numbers both are known.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::domain::sprint::facts::SharedFacts;
use crate::domain::sprint::interner::Interner;
use crate::domain::sprint::rank::Ranks;
use crate::domain::{Text, Ticks, Timestamp};

/// The number of a work item, unique within its collection. None has 0, which a test notification carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkItemId(NonZeroU32);

impl WorkItemId {
    /// The work item with this number; `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for WorkItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a revision (`System.Rev`): 1 for the first.
pub type Rev = u32;

/// How a claim came to us. The order decides between two claims on one revision that bear the same date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// A row of the revision feed, or a fetched work item.
    Fetched,
    /// The hook `workitem.created`.
    Created,
    /// The hook `workitem.updated`.
    Updated,
    /// The hook `workitem.deleted`.
    Deleted,
    /// The hook `workitem.restored`.
    Restored,
}

/// A person, as a board shows one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The identity's id; old resource versions carry none.
    pub id: Option<Text>,
    /// The display name; the unique name of who has none. Other mail addresses are not kept.
    pub name: Text,
}

/// What somebody claimed of one revision.
///
/// The fields are in the order in which two claims on the same revision are compared: date, event kind, then
/// everything else. That is a total order, so the laws of the union hold for conflicting claims as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// When it was claimed: a hook's `createdDate`; for a row or a fetched item its `System.ChangedDate`.
    pub claimed_at: Ticks,
    /// How it came to us.
    pub kind: ClaimKind,
    /// `System.ChangedDate`: when the revision was made.
    pub changed_at: Timestamp,
    /// `System.ChangedBy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<Identity>,
    /// What metrics need.
    pub facts: SharedFacts,
}

/// What only the newest revision is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Details {
    /// `System.Title`.
    pub title: Text,
    /// `System.AssignedTo`.
    pub assigned_to: Option<Identity>,
    /// `System.Tags`, in the order given.
    pub tags: Vec<Text>,
    /// `System.Parent`.
    pub parent: Option<WorkItemId>,
    /// `System.TeamProject`: the project's name, for display.
    pub project_name: Text,
    /// `System.CreatedDate`.
    pub created_at: Option<Timestamp>,
    /// `Microsoft.VSTS.Common.ClosedDate`; only to be believed while the state is a completed one.
    pub closed_at: Option<Timestamp>,
    /// The page of the work item in Azure DevOps.
    pub url: Option<Text>,
    /// Where it stands in the backlog, by the reference name of the field; the team's process says which counts. What is
    /// exact as an amount is among the efforts already and not here. The last of all, so that of one revision an item
    /// that was kept with ranks wins over one that was kept without.
    #[serde(default, skip_serializing_if = "Ranks::is_empty")]
    pub ranks: Ranks,
}

impl Identity {
    fn texts(&self) -> impl Iterator<Item = &Text> {
        std::iter::once(&self.name).chain(&self.id)
    }

    fn keep_once(&mut self, interner: &mut Interner) {
        std::iter::once(&mut self.name).chain(&mut self.id).for_each(|text| interner.text(text));
    }
}

impl Claim {
    /// Keeps once what other items have as well.
    pub(super) fn keep_once(&mut self, interner: &mut Interner) {
        self.changed_by.iter_mut().for_each(|who| who.keep_once(interner));
        interner.facts(&mut self.facts);
    }

    /// Whether that was done.
    pub(super) fn is_kept_once(&self, interner: &Interner) -> bool {
        interner.has(self.changed_by.iter().flat_map(Identity::texts)) && interner.has_facts(&self.facts)
    }
}

impl Details {
    /// Keeps once what other items have as well.
    pub(super) fn keep_once(&mut self, interner: &mut Interner) {
        self.assigned_to.iter_mut().for_each(|who| who.keep_once(interner));
        self.tags.iter_mut().chain([&mut self.project_name]).for_each(|text| interner.text(text));
        self.tags.shrink_to_fit();
        self.ranks.names_mut().for_each(|name| interner.text(name));
    }
}
