//! What metrics need to know of a revision of a work item.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{Hundredths, ProjectId, Text};

/// What metrics need to know of one revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Whether it was marked as blocked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// Whether it was in the recycle bin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

impl Facts {
    fn texts(&self) -> [&Text; 4] {
        [&self.work_item_type, &self.state, &self.iteration_path, &self.area_path]
    }

    /// Whether something is equal in both and kept twice.
    pub(super) fn has_twice(&self, other: &Self) -> bool {
        let mut texts = self.texts().into_iter().zip(other.texts());
        texts.any(|(text, of_other)| is_twice(text, of_other)) || is_twice(&self.effort, &other.effort)
    }

    /// Keeps once what is equal in both.
    pub(super) fn share_with(&mut self, other: &Self) {
        let Self { work_item_type, state, iteration_path, area_path, effort, .. } = self;
        let texts = [work_item_type, state, iteration_path, area_path];
        for (text, of_other) in texts.into_iter().zip(other.texts()) {
            if is_twice(text, of_other) {
                *text = of_other.clone();
            }
        }
        if is_twice(effort, &other.effort) {
            *effort = other.effort.clone();
        }
    }
}

fn is_twice<T: ?Sized + PartialEq>(one: &Arc<T>, other: &Arc<T>) -> bool {
    !Arc::ptr_eq(one, other) && one == other
}
