//! Small work items for tests.

use std::sync::Arc;

use crate::domain::scope::ProjectId;
use crate::domain::sprint::rank::Ranks;
use crate::domain::sprint::work_item::{Claim, ClaimKind, Details, Facts, Rev, WorkItem, WorkItemId};
use crate::domain::time::Timestamp;

pub(crate) fn project() -> ProjectId {
    ProjectId::parse("be9b3917-87e6-42a4-a549-2bc06a7a878f").unwrap()
}

pub(crate) fn other_project() -> ProjectId {
    ProjectId::parse("11111111-87e6-42a4-a549-2bc06a7a878f").unwrap()
}

pub(crate) fn facts() -> Facts {
    Facts {
        project: project(),
        work_item_type: "Bug".into(),
        state: "New".into(),
        iteration_path: "Fabrikam\\Sprint 1".into(),
        area_path: "Fabrikam".into(),
        effort: Arc::default(),
        remaining_work: None,
        blocked: false,
        has_more_numbers: false,
        deleted: false,
        flags: Arc::default(),
        board_column: None,
    }
}

pub(crate) fn claim(kind: ClaimKind, at: Timestamp) -> Claim {
    Claim { claimed_at: at.into(), kind, changed_at: at, changed_by: None, facts: facts().into() }
}

pub(crate) fn details() -> Details {
    Details {
        title: "A title".into(),
        assigned_to: None,
        tags: Vec::new(),
        parent: None,
        project_name: "Fabrikam".into(),
        created_at: None,
        closed_at: None,
        url: None,
        ranks: Ranks::default(),
    }
}

/// Work item `number` with one revision, made at `1000 * rev` ms.
pub(crate) fn item(number: u32, rev: Rev, change: impl FnOnce(&mut Facts)) -> WorkItem {
    let mut claim = claim(ClaimKind::Updated, Timestamp::from_epoch_ms(i64::from(rev) * 1000));
    change(&mut claim.facts);
    WorkItem::new(WorkItemId::new(number).unwrap(), rev, claim, details())
}

/// The same with other details.
pub(crate) fn with_details(item: &WorkItem, change: impl FnOnce(&mut Details)) -> WorkItem {
    let present = item.present();
    let mut details = present.details.clone();
    change(&mut details);
    WorkItem::new(item.id, present.rev, present.claim.clone(), details)
}
