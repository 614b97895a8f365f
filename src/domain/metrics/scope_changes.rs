//! What a board tells of how its scope changed.

use super::digest::Digest;
use super::frame::Moment;
use super::life::SprintMembership;
use super::life::scope_change::ScopeChange;
use super::rules::past::{items_carried_over, worth};
use crate::domain::wire::view::{ScopeChangeKind, ScopeChangeView};
use crate::domain::{Identity, Timestamp, WorkItemId};

/// How many changes of scope a board tells; all of them are counted, and an explanation has them all.
const TOLD_MAX: usize = 100;

/// What a board tells of how its scope changed, oldest first: what it began with from the sprint before, and what changed
/// after it was planned.
pub(crate) fn told<'d>(
    moment: &Moment<'_>,
    digests: impl Iterator<Item = &'d Digest>,
) -> Vec<ScopeChangeView> {
    let mut found: Vec<Found<'d>> = Vec::new();
    for digest in digests {
        if let Some((at, by)) = digest.entered.as_ref().filter(|_| items_carried_over(digest, moment).is_ok())
        {
            found.push(Found { at: *at, digest, change: None, by: by.as_ref() });
        }
        let changes = digest.scope_changes.changes.iter();
        found.extend(changes.map(|change| Found {
            at: change.at,
            digest,
            change: Some(change),
            by: change.by.as_ref(),
        }));
    }
    // The newest are picked before anything is put in order: a sprint may have thousands.
    if let Some(skipped) = found.len().checked_sub(TOLD_MAX).filter(|skipped| *skipped > 0) {
        found.select_nth_unstable_by_key(skipped, Found::order);
        found.drain(..skipped);
    }
    found.sort_by_key(Found::order);
    found.into_iter().map(|found| found.told(moment)).collect()
}

/// A change of scope, or what was carried over, where that is `None`.
struct Found<'d> {
    at: Timestamp,
    digest: &'d Digest,
    change: Option<&'d ScopeChange>,
    by: Option<&'d Identity>,
}

impl Found<'_> {
    fn kind(&self) -> ScopeChangeKind {
        self.change.map_or(ScopeChangeKind::CarriedOver, |change| change.kind)
    }

    fn order(&self) -> (Timestamp, WorkItemId, ScopeChangeKind) {
        (self.at, self.digest.id, self.kind())
    }

    fn told(self, moment: &Moment<'_>) -> ScopeChangeView {
        let digest = self.digest;
        let carried_over = || {
            let estimate = match digest.original {
                SprintMembership::In { effort, .. } if moment.is_planned => effort,
                _ => digest.effort,
            };
            worth(estimate, moment.unit).unwrap_or_default()
        };
        ScopeChangeView {
            id: digest.id,
            title: digest.title.clone(),
            kind: self.kind(),
            amount: self.change.map_or_else(carried_over, |change| change.amount(moment.unit)),
            reason: self.change.map_or("the sprint before left it open", |change| change.reason),
            by: self.by.cloned(),
            at: self.at,
        }
    }
}
