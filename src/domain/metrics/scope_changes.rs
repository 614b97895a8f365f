//! What a board tells of how its scope changed.

use super::digest::Digest;
use super::frame::Moment;
use super::life::SprintMembership;
use super::rules::past::{items_carried_over, worth};
use crate::domain::wire::view::{ScopeChangeKind, ScopeChangeView};

/// How many changes of scope a board tells; all of them are counted, and an explanation has them all.
const TOLD_MAX: usize = 100;

/// What a board tells of how its scope changed, oldest first: what it began with from the sprint before, and what changed
/// after it was planned.
pub(crate) fn told<'d>(
    moment: &Moment<'_>,
    digests: impl Iterator<Item = &'d Digest>,
) -> Vec<ScopeChangeView> {
    let mut told: Vec<ScopeChangeView> = Vec::new();
    for digest in digests {
        told.extend(carried_over(digest, moment));
        told.extend(digest.scope_changes.changes.iter().map(|change| ScopeChangeView {
            id: digest.id,
            title: digest.title.clone(),
            kind: change.kind,
            amount: change.amount(moment.unit),
            reason: change.reason,
            by: change.by.clone(),
            at: change.at,
        }));
    }
    told.sort_by_key(|change| (change.at, change.id, change.kind));
    let skipped = told.len().saturating_sub(TOLD_MAX);
    told.drain(..skipped);
    told
}

fn carried_over(digest: &Digest, moment: &Moment<'_>) -> Option<ScopeChangeView> {
    let (at, by) = digest.entered.as_ref()?;
    items_carried_over(digest, moment).ok()?;
    let estimate = match digest.original {
        SprintMembership::In { effort, .. } if moment.is_planned => effort,
        _ => digest.effort,
    };
    Some(ScopeChangeView {
        id: digest.id,
        title: digest.title.clone(),
        kind: ScopeChangeKind::CarriedOver,
        amount: worth(estimate, moment.unit).unwrap_or_default(),
        reason: "the sprint before left it open",
        by: by.clone(),
        at: *at,
    })
}
