//! Azure DevOps as we hear it, service-hook payloads and the secret they come with; and as we ask it, behind the port
//! `AzureDevOps`.

pub mod client;
pub(crate) mod credentials;
pub(crate) mod fields;
pub mod hook;
mod json;
mod page;
mod payload;
pub mod project;
pub mod subscriptions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use self::project::ProjectCatalogue;
use crate::domain::degradation::Failure;
use crate::domain::scope::{ProjectId, SprintId, TeamId, Text};
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::sprint::refuted::HeadRevision;
use crate::domain::sprint::work_item::{Observation, WorkItemId};
use crate::domain::time::{CivilDate, Timestamp};

/// Whether a host is of Azure DevOps Services, and not of a server of one's own.
pub(crate) fn is_of_services(host: &str) -> bool {
    host == "dev.azure.com" || host.ends_with(".visualstudio.com")
}

/// An address of the web, and nothing of it but what leads there: what stands before the host is a password, and addresses
/// to clone from have one. `None` for anything else.
pub(crate) fn site(text: &str) -> Option<Url> {
    let mut url = Url::parse(text.trim()).ok()?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return None;
    }
    url.set_username("").and_then(|()| url.set_password(None)).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// A project of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRef {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: Text,
}

/// A team of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamRef {
    /// Its id.
    pub id: TeamId,
    /// Its name.
    pub name: Text,
}

/// From where the feed of revisions is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedStart {
    /// From what was changed at that moment on.
    At(Timestamp),
    /// After what a page said that it ends with.
    After(Text),
}

/// A page of the feed of revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevisionPage {
    /// What it tells of each item, in the order of their numbers.
    pub items: Vec<Observation>,
    /// How many revisions there are on it, of whatever item.
    pub revisions: usize,
    /// Items of which a revision cannot be read.
    pub unreadable: BTreeSet<WorkItemId>,
    /// Projects that revisions name and that are not known: what they tell is not among the items.
    pub strangers: BTreeSet<Text>,
    /// Whether any revision named the parent of its item. The published examples do not, so none may.
    pub names_parents: bool,
    /// Where to read on; `None` where the answer does not say it.
    pub token: Option<Text>,
    /// Whether there is nothing more to be read now.
    pub is_last: bool,
}

impl RevisionPage {
    /// Whether there is any revision on it.
    pub fn tells_something(&self) -> bool {
        !self.items.is_empty() || !self.strangers.is_empty() || !self.unreadable.is_empty()
    }
}

/// What is asked of an item to see whether it is known as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemHead {
    /// The number of the item.
    pub id: WorkItemId,
    /// Its newest revision.
    pub revision: HeadRevision,
    /// Its area and its iteration by the paths of now, where both are told: what is renamed makes no revision.
    pub paths: Option<(Text, Text)>,
}

/// What a batch of items tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemBatch {
    /// The newest revision of each item, or the one that was asked for.
    pub items: Vec<Observation>,
    /// Those of them of which it tells that their state was changed after they were made.
    pub of_later_state: BTreeSet<WorkItemId>,
    /// Items that are there and cannot be read.
    pub unreadable: BTreeSet<WorkItemId>,
}

/// An Azure DevOps organisation, to be asked.
///
/// An empty answer is an answer: a project without teams, a team without sprints, a sprint without items. The caller
/// says for how long it can wait: a call may take long when the organisation wants to be asked less.
#[async_trait]
pub trait AzureDevOps: Send + Sync {
    /// Whether the organisation wants to be asked less, or did a moment ago.
    fn is_scarce(&self) -> bool {
        false
    }

    /// Waits until an answer asks for no call to be made for longer than those before it did; for how long it is yet. Each
    /// time it is asked is returned once. What is never asked, such as to wait for less than others were, waits for ever.
    async fn asked_to_wait(&self) -> Duration;

    /// Makes no call for so long, since whoever logs in as we do was asked to wait; calls wait meanwhile. It is bounded as
    /// what answers ask for.
    fn hold_calls(&self, pause: Duration);

    /// The projects that can be seen. Errors: the organisation cannot be asked, or not understood.
    async fn projects(&self) -> Result<Vec<ProjectRef>, CallError>;

    /// The teams of a project. Errors as above, and `Gone` where there is no such project.
    async fn teams(&self, project: ProjectId) -> Result<Vec<TeamRef>, CallError>;

    /// What the teams of a project share: its work item types and its tree of areas. Errors as above.
    async fn project(&self, project: &ProjectRef) -> Result<ProjectCatalogue, CallError>;

    /// What is known of a team: its sprints, areas, process and calendar, with the capacities and days off of the
    /// sprint that is under way `now` and of the next one. `shared` is what the teams of its project share, `zone` is
    /// where its days begin and end. Errors as above, and `Gone` where there is no such team.
    async fn catalogue(
        &self,
        project: &ProjectRef,
        shared: &ProjectCatalogue,
        team: &TeamRef,
        zone: Tz,
        now: Timestamp,
    ) -> Result<Catalogue, CallError>;

    /// The days off of these sprints of a team; one of which they cannot be read is left out. Errors
    /// as above.
    async fn days_off(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        sprints: &[Iteration],
    ) -> Result<BTreeMap<SprintId, BTreeSet<CivilDate>>, CallError>;

    /// The items on a sprint's backlog, in the order of their numbers. Parents are among them that lie in another
    /// sprint, so where an item is, only its own iteration path says. Errors as above, and `Gone` where the team has
    /// no such sprint.
    async fn sprint_items(
        &self,
        project: ProjectId,
        team: TeamId,
        sprint: SprintId,
    ) -> Result<Vec<WorkItemId>, CallError>;

    /// The newest revision of each of these items, and where each is now. What is not there, deleted or hidden is left out.
    /// Errors as above.
    async fn heads(&self, ids: &[WorkItemId]) -> Result<Vec<ItemHead>, CallError>;

    /// A page of the feed of all revisions of the organisation, in the order in which they were made, deletions among them.
    /// A revision names its project by name: it is looked up in `known`. `fields` are read beside those that always are.
    /// Errors as above.
    async fn revision_page(
        &self,
        from: &FeedStart,
        known: &[ProjectRef],
        fields: &BTreeSet<Text>,
    ) -> Result<RevisionPage, CallError>;

    /// Those of these items that are there, as they are, or as they were `as_of` a moment. An item names its project by
    /// name: it is looked up in `known`, and is `project` where it is not found there. `fields` as above. Errors as above.
    async fn items(
        &self,
        project: ProjectId,
        known: &[ProjectRef],
        ids: &[WorkItemId],
        fields: &BTreeSet<Text>,
        as_of: Option<Timestamp>,
    ) -> Result<ItemBatch, CallError>;

    /// Every revision of an item; `None` when there is no such item, or none that may be seen. A revision names its
    /// project by name: it is looked up in `known`, and is `project` where it is not found there. Errors as above.
    async fn revisions(
        &self,
        project: ProjectId,
        known: &[ProjectRef],
        id: WorkItemId,
    ) -> Result<Option<Observation>, CallError>;
}

/// Why a call brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What kind of failure it is.
    pub failure: Failure,
    /// The path of the call, with `*` for ids and names.
    pub call: &'static str,
    /// The status code, if there was one.
    pub status: Option<u16>,
    /// What the organisation said, or what went wrong on the way. It never holds the access token.
    pub message: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of which project and team the call is, whoever logs it says.
        let call = self.call.trim_start_matches("*/");
        write!(f, "Azure DevOps, {call}: {}", self.failure.as_str())?;
        if let Some(status) = self.status {
            write!(f, " ({status})")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        write!(f, "; {}", self.failure.remedy())
    }
}

impl std::error::Error for CallError {}
