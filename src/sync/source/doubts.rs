//! Claims on revisions that the organisation does not have, or has with another date. One look proves nothing: a hook may
//! be ahead of the answer that it overtook, and a copy of the organisation's store behind it. What a second check does not
//! find either is fetched, and refuted by what that brings.
//!
//! Doubts are this instance's alone, and a process that ends takes them along: that costs one look more. Checks of one
//! instance do not overlap, so that its second look began after its first one ended needs no record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::sprint::refuted::{ClaimKey, HeadRevision};
use crate::domain::sprint::work_item::{Claim, ClaimKind, Rev, WorkItem, WorkItemId};

/// What is in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// The number of the check under way.
    check: u64,
    of_items: HashMap<WorkItemId, Doubt>,
    /// The newest claim on each item, where the organisation was seen to have that very revision.
    cleared: HashMap<WorkItemId, ClaimKey>,
    /// Items of which the feed of revisions has another revision than is known.
    denied: BTreeSet<WorkItemId>,
}

#[derive(Debug, Default)]
struct Doubt {
    /// The check that looked last.
    check: u64,
    /// What it did not find.
    now: BTreeSet<ClaimKey>,
    /// What the one before did not find.
    before: BTreeSet<ClaimKey>,
    /// What the organisation said then.
    head: Option<HeadRevision>,
    /// What stayed when the item was fetched: until the organisation says something else it is not fetched for that again.
    answered: BTreeSet<ClaimKey>,
}

impl Doubts {
    /// A check begins that looks at items. What the last one did not look at is in doubt no longer.
    pub(super) fn begin(&mut self) {
        let last = self.check;
        self.of_items.retain(|_, doubt| doubt.check == last);
        self.check += 1;
    }

    /// Takes in which revision the organisation says is an item's newest, when it was asked after the item was `known` so.
    /// Returns what of that neither this check found nor an earlier one.
    pub(super) fn look(&mut self, known: &WorkItem, head: HeadRevision) -> BTreeSet<ClaimKey> {
        let mut against = known.claims_against(head);
        let present = known.present();
        if present.rev == head.rev && present.claim.facts.deleted {
            // What is in the recycle bin is not named, and it may have come out of it without a revision.
            against.insert(known.newest_claim());
        }
        if against.is_empty() {
            self.of_items.remove(&known.id);
            if present.rev <= head.rev {
                self.clear(known);
            }
            return against;
        }
        self.weigh(known, against, Some(head))
    }

    /// The same where the organisation does not name an item that is `known` not to be in its recycle bin.
    pub(super) fn look_in_vain(&mut self, known: &WorkItem) -> BTreeSet<ClaimKey> {
        self.weigh(known, [known.newest_claim()].into(), None)
    }

    fn weigh(
        &mut self,
        known: &WorkItem,
        mut against: BTreeSet<ClaimKey>,
        head: Option<HeadRevision>,
    ) -> BTreeSet<ClaimKey> {
        let doubt = self.of_items.entry(known.id).or_default();
        if doubt.check != self.check {
            doubt.before = std::mem::take(&mut doubt.now);
            doubt.check = self.check;
        }
        if std::mem::replace(&mut doubt.head, head) != head {
            doubt.answered.clear();
        }
        against.retain(|claim| !doubt.answered.contains(claim));
        let confirmed = against.intersection(&doubt.before).copied().collect();
        doubt.now.extend(against);
        confirmed
    }

    fn clear(&mut self, item: &WorkItem) {
        self.cleared.insert(item.id, item.newest_claim());
    }

    /// The items of which something is in doubt, on a board or not.
    pub(super) fn items(&self) -> Vec<WorkItemId> {
        self.of_items.keys().copied().collect()
    }

    /// The feed of revisions told that of an item which is `known` so.
    pub(super) fn read(&mut self, told: &WorkItem, known: &WorkItem) {
        let told: BTreeMap<Rev, &Claim> = told.revisions().collect();
        let denies = |(rev, claim): (Rev, &Claim)| {
            let told = told.get(&rev).map(|told| HeadRevision { rev, changed_at: Some(told.changed_at) });
            told.is_some_and(|told| told.denies(rev, claim.changed_at, claim.claimed_at))
        };
        if known.revisions().any(denies) {
            self.denied.insert(known.id);
        } else if told.contains_key(&known.present().rev) {
            self.clear(known);
        }
    }

    /// Those of these items that are to be looked at though the feed of revisions was read to its end: a hook told a revision
    /// of them that the feed did not, or they are in doubt already.
    pub(super) fn suspects<'a>(&mut self, items: impl Iterator<Item = &'a WorkItem>) -> BTreeSet<WorkItemId> {
        let denied = std::mem::take(&mut self.denied);
        let is_suspect = |item: &&WorkItem| {
            let present = item.present();
            let is_cleared = self.cleared.get(&item.id) == Some(&item.newest_claim());
            present.claim.kind != ClaimKind::Fetched && !is_cleared
                || self.of_items.contains_key(&item.id)
                || denied.contains(&item.id)
        };
        items.filter(is_suspect).map(|item| item.id).collect()
    }

    /// Whether this check was the first that did not find an item as it is `known`, so that the next one decides. What is
    /// only ahead of the organisation's answer is taken for right until then.
    pub(super) fn is_undecided(&self, known: &WorkItem, head: Option<HeadRevision>) -> bool {
        let is_ahead = head.is_some_and(|head| known.present().rev > head.rev);
        let claim = known.newest_claim();
        let is_first = |doubt: &Doubt| doubt.now.contains(&claim) && !doubt.before.contains(&claim);
        !is_ahead && self.of_items.get(&known.id).is_some_and(is_first)
    }

    /// An item was fetched: of what two checks did not find, it decides.
    pub(super) fn answered(&mut self, item: WorkItemId) {
        if let Some(doubt) = self.of_items.get_mut(&item) {
            doubt.answered.extend(doubt.now.intersection(&doubt.before));
        }
    }

    /// Whether something was looked for once, and a second look decides.
    pub(super) fn are_open(&self) -> bool {
        self.of_items.values().any(|doubt| doubt.before.is_empty() && !doubt.now.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::item;
    use crate::domain::time::Timestamp;

    const fn head(rev: u32) -> HeadRevision {
        HeadRevision { rev, changed_at: None }
    }

    #[test]
    fn fault_b10_what_stays_when_it_is_fetched_is_not_fetched_again() {
        let (mut doubts, known) = (Doubts::default(), item(13, 9, |_| {}));
        let dated = |ms| HeadRevision { rev: 9, changed_at: Some(Timestamp::from_epoch_ms(ms)) };
        let looks = |doubts: &mut Doubts, head| {
            doubts.begin();
            doubts.look(&known, head).len()
        };
        assert_eq!([5, 5].map(|ms| looks(&mut doubts, dated(ms))), [0, 1]);
        doubts.answered(known.id);
        assert_eq!([5, 5, 5].map(|ms| looks(&mut doubts, dated(ms))), [0, 0, 0]);
        assert!(!doubts.are_open());
        assert_eq!(
            [6, 6].map(|ms| looks(&mut doubts, dated(ms))),
            [0, 1],
            "the organisation says something else"
        );
        doubts.answered(known.id);
        assert_eq!(looks(&mut doubts, dated(9_000)), 0);
        assert_eq!([6, 6].map(|ms| looks(&mut doubts, dated(ms))), [0, 1], "doubt begins anew");
    }

    #[test]
    fn w18_fault_b10_what_two_checks_do_not_find_is_refuted_and_no_less() {
        let (mut doubts, known) = (Doubts::default(), item(13, 9, |_| {}));
        let claim = known.claims_against(head(8));
        doubts.begin();
        assert!(doubts.look(&known, head(9)).is_empty() && !doubts.are_open());
        assert!(doubts.look(&known, head(8)).is_empty() && doubts.are_open());
        assert!(doubts.look(&known, head(8)).is_empty(), "the same check is no second look");
        doubts.begin();
        assert_eq!(doubts.look(&known, head(8)), claim);
        assert_eq!(doubts.look(&known, head(8)), claim, "nor is it a third one");
        assert!(!doubts.are_open());
        assert!(doubts.look(&known, head(9)).is_empty(), "the organisation has it after all");
        doubts.begin();
        assert!(doubts.look(&known, head(8)).is_empty(), "so doubt begins anew");
    }

    #[test]
    fn s13_what_comes_out_of_the_recycle_bin_and_goes_into_it_without_a_revision_is_in_doubt() {
        let (mut doubts, there) = (Doubts::default(), item(13, 9, |_| {}));
        let gone = item(13, 9, |facts| facts.deleted = true);
        let claim = |item: &WorkItem| BTreeSet::from([item.newest_claim()]);
        doubts.begin();
        assert!(doubts.look(&gone, head(9)).is_empty() && doubts.are_open());
        doubts.begin();
        assert_eq!((doubts.items(), doubts.look(&gone, head(9))), (vec![gone.id], claim(&gone)));
        doubts.begin();
        assert!(doubts.look(&there, head(9)).is_empty() && doubts.items().is_empty());
        assert!(doubts.look_in_vain(&there).is_empty());
        doubts.begin();
        assert_eq!(doubts.look_in_vain(&there), claim(&there));
        doubts.begin();
        assert!(doubts.look(&gone, head(10)).is_empty(), "a later revision is fetched anyway");
    }

    #[test]
    fn s13_what_is_looked_at_once_more_is_undecided_unless_it_is_ahead() {
        let mut doubts = Doubts::default();
        let [gone, there] = [true, false].map(|deleted| item(13, 9, |facts| facts.deleted = deleted));
        let mut look = |known: &WorkItem, rev| {
            doubts.begin();
            doubts.look(known, head(rev));
            doubts.is_undecided(known, Some(head(rev)))
        };
        assert_eq!([look(&there, 9), look(&gone, 9), look(&gone, 9)], [false, true, false]);
        assert_eq!([look(&there, 8), look(&there, 8)], [false; 2], "a hook may be ahead");
        doubts.begin();
        doubts.look_in_vain(&there);
        assert!(!doubts.is_undecided(&there, None), "it was denied before");
        doubts.look(&there, head(9));
        doubts.begin();
        doubts.look_in_vain(&there);
        assert!(doubts.is_undecided(&there, None));
    }

    #[test]
    fn fault_b10_what_came_after_the_first_look_was_looked_for_once() {
        let (mut doubts, known) = (Doubts::default(), item(13, 9, |_| {}));
        doubts.begin();
        doubts.look(&known, head(7));
        let known = known.merge(&item(13, 8, |_| {}));
        doubts.begin();
        assert_eq!(doubts.look(&known, head(7)), known.claims_against(head(8)));
        doubts.begin();
        assert_eq!(doubts.look(&known, head(7)), known.claims_against(head(7)));
        doubts.begin();
        doubts.begin();
        assert!(doubts.look(&known, head(7)).is_empty(), "a check that did not look is none");
    }
}
