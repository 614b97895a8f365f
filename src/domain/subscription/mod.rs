//! The subscriptions of service hooks that lead to this deployment: which there should be, which there are, and what is
//! to be done about the difference.

pub mod health;
pub mod plan;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{ProjectId, Text, Timestamp};

/// What a subscription tells of a project's work items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// An item is new.
    Created,
    /// An item was changed.
    Updated,
    /// An item went to the recycle bin.
    Deleted,
    /// An item came back from there.
    Restored,
}

impl HookEvent {
    /// Every one that a board needs. Comments change no board.
    pub const ALL: [Self; 4] = [Self::Created, Self::Updated, Self::Deleted, Self::Restored];

    /// The event's id in Azure DevOps.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Created => "workitem.created",
            Self::Updated => "workitem.updated",
            Self::Deleted => "workitem.deleted",
            Self::Restored => "workitem.restored",
        }
    }

    /// The event with that id; `None` for every other.
    pub fn of(event_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.event_type() == event_type)
    }
}

/// How Azure DevOps treats a subscription (`SubscriptionStatus` of its API).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SubscriptionStatus {
    /// What happens is sent.
    Enabled,
    /// A delivery failed for good: it alone is tried again, and what happens meanwhile is lost.
    OnProbation,
    /// Somebody switched it off.
    DisabledByUser,
    /// Too many deliveries failed.
    DisabledBySystem,
    /// Whoever made it is no longer an active user of the organisation. It cannot be switched on again.
    DisabledByInactiveIdentity,
    /// A word that is not known here.
    Unknown,
}

impl SubscriptionStatus {
    /// Reads it. A subscription that names none is enabled: older answers leave the word out then.
    pub fn read(text: Option<&str>) -> Self {
        match text {
            None | Some("enabled") => Self::Enabled,
            Some("onProbation") => Self::OnProbation,
            Some("disabledByUser") => Self::DisabledByUser,
            Some("disabledBySystem") => Self::DisabledBySystem,
            Some("disabledByInactiveIdentity") => Self::DisabledByInactiveIdentity,
            Some(_) => Self::Unknown,
        }
    }

    /// The word that Azure DevOps has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::OnProbation => "onProbation",
            Self::DisabledByUser => "disabledByUser",
            Self::DisabledBySystem => "disabledBySystem",
            Self::DisabledByInactiveIdentity => "disabledByInactiveIdentity",
            Self::Unknown => "unknown",
        }
    }
}

/// In what a subscription is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Its address: another path below this deployment's, or one with a key in it.
    Address,
    /// It has another secret or another function key than is set, as its user name tells.
    Secret,
    /// Its headers.
    Headers,
    /// It leaves details of the work item out.
    Details,
    /// It sends messages for people, which nobody reads here.
    Messages,
    /// The version of what it sends.
    Version,
    /// It is narrowed to an area, a type or a field.
    Filter,
}

impl Difference {
    /// What is wrong, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "another address",
            Self::Secret => "another secret or function key",
            Self::Headers => "other headers",
            Self::Details => "details are left out",
            Self::Messages => "messages are sent",
            Self::Version => "another resource version",
            Self::Filter => "narrowed by a filter",
        }
    }

    /// Whether something that happens is not told for it, or not told here. A secret, a key or headers that are not taken show
    /// as probation, and while they are being rotated they are taken.
    pub const fn tells_less(self) -> bool {
        match self {
            Self::Address | Self::Details | Self::Version | Self::Filter => true,
            Self::Secret | Self::Headers | Self::Messages => false,
        }
    }
}

/// A subscription that leads to this deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSubscription {
    /// Its id.
    pub id: Text,
    /// The project whose events it tells.
    pub project: ProjectId,
    /// Which of them.
    pub event: HookEvent,
    /// How it is treated.
    pub status: SubscriptionStatus,
    /// How often it was tried again while on probation, where that is said.
    pub probation_retries: Option<u32>,
    /// In what it is not as it should be.
    pub differences: Vec<Difference>,
    /// Who made it, where that is said: it dies with that account.
    pub owner: Option<Text>,
    /// When it was made, where that is said.
    pub created_at: Option<Timestamp>,
}

impl HookSubscription {
    /// What it is for.
    pub const fn wanted(&self) -> WantedHook {
        WantedHook { project: self.project, event: self.event }
    }

    /// Whether everything that happens is sent, and as it should be.
    pub fn is_sound(&self) -> bool {
        self.status == SubscriptionStatus::Enabled && self.differences.is_empty()
    }

    /// Whether something that happens is not told for how it is.
    pub fn tells_less(&self) -> bool {
        self.differences.iter().any(|difference| difference.tells_less())
    }
}

/// A subscription that there is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WantedHook {
    /// The project.
    pub project: ProjectId,
    /// What of it is told.
    pub event: HookEvent,
}

impl WantedHook {
    /// All that there are to be of these projects, in order.
    pub fn all(projects: &BTreeSet<ProjectId>) -> impl Iterator<Item = Self> {
        projects.iter().flat_map(|project| HookEvent::ALL.map(|event| Self { project: *project, event }))
    }
}

impl fmt::Display for WantedHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of project {}", self.event.event_type(), self.project)
    }
}
