//! What the organisation refuted of a work item: claims that were taken in good faith and that it does not have.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::stored::hash_of;
use crate::domain::time::{Ticks, Timestamp};

/// How many refuted claims of an item are remembered. Whatever brings one back that was forgotten is refuted anew.
const REFUTED_MAX: usize = 100;

/// How far apart two dates of one revision may lie, in milliseconds: hooks and the API need not round alike.
const ROUNDED_MS: u64 = 1_000;

/// How long after a revision was made, in milliseconds, a claim is still taken to be of it. Azure DevOps makes a hook
/// within seconds; what is dated hours ahead would otherwise win over whatever the organisation says.
const CLAIMED_WITHIN_MS: i64 = 3_600_000;

/// What the organisation says of a revision: its number, and when it was made, where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadRevision {
    /// `System.Rev`.
    pub rev: u32,
    /// `System.ChangedDate`.
    pub changed_at: Option<Timestamp>,
}

impl HeadRevision {
    /// Whether a claim on the revision `rev`, with these dates, is of a later one than this or of another with its number.
    pub fn denies(self, rev: u32, changed_at: Timestamp, claimed_at: Ticks) -> bool {
        let is_another = |made: Timestamp| {
            changed_at.epoch_ms().abs_diff(made.epoch_ms()) >= ROUNDED_MS
                || claimed_at.timestamp().ms_since(made) > CLAIMED_WITHIN_MS
        };
        rev > self.rev || rev == self.rev && self.changed_at.is_some_and(is_another)
    }
}

/// What one claim is told from another by: the number of its revision, and a hash of all that it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClaimKey(pub u32, pub u64);

impl ClaimKey {
    /// What that claim, on that revision, is told from others by.
    pub fn of(rev: u32, claim: &impl Serialize) -> Self {
        Self(rev, hash_of(claim))
    }
}

/// The claims on an item that are refuted, as they were after so many corrections of it.
///
/// Of two that differ the greater is what the organisation said later. That is a total order, which is all that the laws
/// of the merge need.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refuted {
    corrections: u32,
    claims: BTreeSet<ClaimKey>,
}

impl Refuted {
    /// Whether that claim is refuted.
    pub fn holds(&self, claim: ClaimKey) -> bool {
        self.claims.contains(&claim)
    }

    /// With one correction more: what is `wrong` from now on, and without what turned out to be right after all. `None`
    /// where that changes nothing.
    pub fn corrected(
        &self,
        wrong: impl Iterator<Item = ClaimKey>,
        is_right: impl Fn(ClaimKey) -> bool,
    ) -> Option<Self> {
        let mut wrong: BTreeSet<_> = wrong.filter(|claim| !is_right(*claim) && !self.holds(*claim)).collect();
        let mut claims: BTreeSet<_> =
            self.claims.iter().filter(|claim| !is_right(**claim)).copied().collect();
        if wrong.is_empty() && claims.len() == self.claims.len() {
            return None;
        }
        // Those that were refuted before make room first: what is wrong now has to go in any case.
        while claims.len() + wrong.len() > REFUTED_MAX
            && (claims.pop_first().or_else(|| wrong.pop_first())).is_some()
        {}
        claims.append(&mut wrong);
        Some(Self { corrections: self.corrections.saturating_add(1), claims })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_b10_dates_that_are_written_with_other_digits_are_of_one_revision() {
        let ticks = |text: &str| Ticks::parse(text).unwrap();
        let dated = |text: &str| HeadRevision { rev: 3, changed_at: Timestamp::parse(text) };
        let (hook, told) = ("2026-11-23T10:00:00.9996667Z", "2026-11-23T10:00:01.7Z");
        let denies = |head: HeadRevision, rev, made: &str, told: &str| {
            head.denies(rev, ticks(made).timestamp(), ticks(told))
        };
        for head in
            ["2026-11-23T10:00:00.9996667Z", "2026-11-23T10:00:00.999Z", "2026-11-23T10:00:01Z", "none"]
        {
            assert!(!denies(dated(head), 3, hook, told), "{head}");
            assert!(denies(dated(head), 4, hook, told), "{head}");
        }
        for head in ["2026-11-23T09:59:59Z", "2026-11-23T10:00:02Z"] {
            assert!(denies(dated(head), 3, hook, told), "{head}");
            assert!(!denies(dated(head), 2, hook, told), "nothing is said of revisions before it");
        }
        assert!(denies(dated(hook), 3, hook, "2026-11-23T13:00:00Z"));
    }

    #[test]
    fn what_is_refuted_is_a_union_that_is_bounded() {
        let none = |_| false;
        let keys = |range: std::ops::Range<u32>| range.map(|rev| ClaimKey(rev, 7));
        let first = Refuted::default().corrected(keys(1..3), none).unwrap();
        assert!(first.holds(ClaimKey(2, 7)) && !first.holds(ClaimKey(2, 8)), "another claim on it is not");
        assert_eq!(first.corrected(keys(1..3), none), None);
        let second = first.corrected(keys(3..4), none).unwrap();
        assert!(second > first && second.holds(ClaimKey(1, 7)));
        let third = second.corrected(keys(0..0), |claim| claim.0 == 1).unwrap();
        assert!(third > second && !third.holds(ClaimKey(1, 7)));
        let many = third.corrected(keys(10..1_000), none).unwrap();
        assert_eq!((many.claims.len(), many.holds(ClaimKey(999, 7))), (REFUTED_MAX, true));
        let low = many.corrected(keys(5..6), none).unwrap();
        assert_eq!((low.claims.len(), low.holds(ClaimKey(5, 7))), (REFUTED_MAX, true));
    }
}
