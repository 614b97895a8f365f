//! What a hook told of without its details: it is kept until the details are fetched.

use serde::{Deserialize, Serialize};

use crate::domain::{ProjectId, Stored, Ticks, Timestamp, WorkItemId};

/// Something that happened, of which nothing is known yet but that it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Todo {
    /// The work item that is to be fetched; without one a comparison of all boards has to find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<WorkItemId>,
    /// The project that it happened in, where the hook says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// When it was told: what was asked for before may lack it.
    pub received_at: Timestamp,
    /// When it happened, as far as the hook says.
    pub told_at: Ticks,
    /// Whether the item went into the recycle bin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

impl Stored for Todo {}

impl Todo {
    /// Both as one, which one answer serves: what happened last decides, in whatever order it was told.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let order = |todo: &Self| (todo.told_at, todo.deleted, todo.received_at, todo.project);
        let (earlier, later) = if order(&self) <= order(&other) { (self, other) } else { (other, self) };
        Self {
            project: later.project.or(earlier.project),
            received_at: later.received_at.max(earlier.received_at),
            ..later
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::project;

    #[test]
    fn w5_of_two_that_were_told_what_happened_last_decides() {
        let told = |ms: i64, deleted, received: i64, project| Todo {
            item: WorkItemId::new(13),
            project,
            received_at: Timestamp::from_epoch_ms(received),
            told_at: Timestamp::from_epoch_ms(ms).into(),
            deleted,
        };
        let (deleted, restored) = (told(1, true, 9, Some(project())), told(2, false, 8, None));
        let joined = told(2, false, 9, Some(project()));
        assert_eq!((deleted.join(restored), restored.join(deleted)), (joined, joined));
        assert_eq!(Todo::decode(&joined.encode()).unwrap(), joined);
    }
}
