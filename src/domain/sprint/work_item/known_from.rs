//! From when on the life of a work item is known.
//!
//! Nobody needs what happened years ago. A life begins with the revision that was in force at some moment, whatever its
//! number, and is whole where every revision from that one on is known.

use serde::{Deserialize, Serialize};

use super::{Claim, History, Rev, WorkItem};
use crate::domain::Timestamp;

/// From when on the life of a work item is asked for, and with which revision it begins.
///
/// It says something of the world and not of what is known, so of two that differ both are right, and the smaller one, which
/// reaches back further, says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct KnownFrom {
    /// From that moment on.
    pub at: Timestamp,
    /// The revision that was in force then. Where it was made later nobody could see the item before: it was in the recycle
    /// bin, or in a project that is not served.
    pub rev: Rev,
    /// Whether nothing tells that its state was changed before that revision or by it. Last, and `false` the smaller, so that
    /// of two that differ in this alone the one that was told of a change stays.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub is_first_state: bool,
}

const fn yes() -> bool {
    true
}

/// What is missing of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lack {
    /// How the item was when that time began.
    Beginning,
    /// A revision in between.
    Between,
}

impl WorkItem {
    /// Whether every revision up to the newest is known, from the first or from the beginning of its known life on.
    pub fn history(&self) -> History {
        let first = self.known_from.map_or(1, |from| from.rev);
        let counts = self.revisions().filter(|(rev, _)| *rev >= first).count();
        let all = (self.present().rev + 1).checked_sub(first);
        let is_whole = all.is_some_and(|all| usize::try_from(all) == Ok(counts));
        if is_whole { History::Complete } else { History::Partial }
    }

    /// What is missing of its life from that moment on; `None` where nothing is.
    pub(crate) fn lacks_from(&self, at: Timestamp) -> Option<Lack> {
        let begins_with = self.known_from.filter(|from| from.at <= at).map(|from| from.rev);
        let mut before = begins_with.and_then(|first| first.checked_sub(1));
        let mut is_begun = begins_with.is_some();
        for (rev, claim) in self.revisions().filter(|(rev, _)| begins_with.is_none_or(|first| *rev >= first))
        {
            if before.is_some_and(|before| rev != before + 1) && claim.changed_at > at {
                return Some(Lack::Between);
            }
            is_begun |= rev == 1 || claim.changed_at <= at;
            before = Some(rev);
        }
        (!is_begun).then_some(Lack::Beginning)
    }

    /// Since when, up to its first revision that is known, nobody could see it; `None` where that is not known, it was made
    /// then, or all that was before it is known after all.
    pub fn unseen_since(&self) -> Option<Timestamp> {
        let from = self.known_from?;
        let (rev, claim) = self.revisions().find(|(rev, _)| *rev >= from.rev)?;
        let is_unseen = rev == from.rev && claim.changed_at > from.at && !self.is_whole();
        is_unseen.then_some(from.at)
    }

    /// Whether every revision is known, from the first on.
    fn is_whole(&self) -> bool {
        let is_first = self.revisions().next().is_some_and(|(first, _)| first == 1);
        is_first && self.lacks_from(Timestamp::from_epoch_ms(i64::MIN)).is_none()
    }

    /// Whether it is written that its life is known from that moment on, or it is by itself because its first revision is.
    pub fn says_from(&self, at: Timestamp) -> bool {
        self.known_from.is_some_and(|from| from.at <= at)
            || self.known_from.is_none() && self.history() == History::Complete
    }

    /// Whether something of what was before its known life may tell when it was started or completed: it was in a state
    /// then that says yes to `is_telling`, its state had been changed before and was changed since, or it came out of the
    /// recycle bin, or from where nobody asks, and not as what it was made as.
    pub fn may_have_begun_before(&self, is_telling: impl Fn(&Claim) -> bool) -> bool {
        let Some(from) = self.known_from else { return false };
        let mut known = self.revisions().skip_while(|(rev, _)| *rev < from.rev);
        let Some((rev, first)) = known.next().filter(|(rev, _)| *rev == from.rev) else { return false };
        if rev == 1 || self.is_whole() {
            return false;
        }
        let state = &first.facts.state;
        let came_into_sight = first.changed_at > from.at;
        let was_changed_before = !from.is_first_state;
        came_into_sight
            || is_telling(first)
            || was_changed_before && known.any(|(_, claim)| claim.facts.state != *state)
    }

    /// The item, of which one revision is told, with that as the one that was in force at that moment; `is_first_state` says
    /// whether it was in the state then that it was made with, as far as that is told.
    #[must_use]
    pub fn in_force_at(mut self, at: Timestamp, is_first_state: bool) -> Self {
        self.known_from = Some(KnownFrom { at, rev: self.present().rev, is_first_state });
        self
    }

    /// That its life from that moment on begins with the first revision that is known of it, as an observation that tells
    /// nothing else: that in force at that moment or, where nobody could see it then, the first one after it.
    #[must_use]
    pub fn beginning_at(&self, at: Timestamp) -> Self {
        let in_force = self.revisions().rfind(|(_, claim)| claim.changed_at <= at);
        let present = self.present();
        let rev = in_force.or_else(|| self.revisions().next()).map_or(present.rev, |(rev, _)| rev);
        let known = self.known_from.filter(|known| known.rev == rev);
        let mut told = self.clone();
        told.forget_before_newest();
        told.known_from =
            Some(KnownFrom { at, rev, is_first_state: known.is_none_or(|known| known.is_first_state) });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Stored as _;
    use crate::domain::testing::item;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_epoch_ms(second * 1_000)
    }

    /// An item of which these revisions are known; each was made at its number in seconds.
    fn known(revisions: &[Rev]) -> WorkItem {
        let items = revisions.iter().map(|rev| item(13, *rev, |_| {}));
        items.reduce(|one, other| one.merge(&other)).unwrap()
    }

    fn from(second: i64, rev: Rev, revisions: &[Rev]) -> WorkItem {
        let mut item = known(revisions);
        item.known_from = Some(KnownFrom { at: at(second), rev, is_first_state: true });
        item
    }

    #[test]
    fn a_life_reaches_back_to_a_moment_without_a_gap() {
        let lacks = |revisions: &[Rev], second| known(revisions).lacks_from(at(second));
        assert_eq!(lacks(&[1, 2, 3], 0), None, "it was made later");
        assert_eq!(lacks(&[4, 5], 4), None);
        assert_eq!(lacks(&[4, 5], 3), Some(Lack::Beginning));
        assert_eq!(lacks(&[2, 5], 3), Some(Lack::Between));
        assert_eq!(lacks(&[2, 4, 5], 4), None, "what is missing was before");
        assert_eq!(lacks(&[9], 20), None);
    }

    #[test]
    fn what_was_before_a_life_begins_is_not_missing() {
        for (item, lack, history) in [
            (from(3, 4, &[4, 5]), None, History::Complete),
            (from(5, 4, &[4, 5]), Some(Lack::Beginning), History::Complete),
            (from(3, 3, &[4, 5]), Some(Lack::Between), History::Partial),
            (from(3, 4, &[4, 6]), Some(Lack::Between), History::Partial),
            (from(2, 4, &[1, 4, 5]), None, History::Complete),
            (known(&[4, 5]), Some(Lack::Beginning), History::Partial),
            (known(&[1, 2]), None, History::Complete),
        ] {
            assert_eq!((item.lacks_from(at(3)), item.history()), (lack, history), "{item:?}");
        }
    }

    #[test]
    fn until_an_item_could_be_seen_it_was_nowhere() {
        assert_eq!(from(3, 4, &[4, 5]).unseen_since(), Some(at(3)));
        assert_eq!(from(4, 4, &[4, 5]).unseen_since(), None, "that revision was in force then");
        assert_eq!(from(3, 4, &[5]).unseen_since(), None);
        assert_eq!(known(&[4, 5]).unseen_since(), None);
        assert_eq!(from(3, 4, &[1, 2, 3, 4]).unseen_since(), None, "all of it is known");
    }

    fn in_state(rev: Rev, state: &str) -> WorkItem {
        item(13, rev, |facts| facts.state = state.into())
    }

    #[test]
    fn what_was_before_a_known_life_may_tell_when_it_began() {
        let may = |item: &WorkItem| item.may_have_begun_before(|claim| claim.changed_at == at(4));
        assert!(may(&from(5, 4, &[4, 6])), "it was under way then");
        assert!(!may(&from(5, 5, &[5, 6])), "it was not");
        assert!(may(&from(3, 5, &[5])), "it came out of the recycle bin");
        assert!(!may(&from(0, 1, &[1, 2])), "it was made then");
        assert!(!may(&from(5, 4, &[1, 2, 3, 4, 5])), "all of it is known");
        assert!(may(&from(5, 4, &[1, 4, 5])), "not all of it is known");
        assert!(!may(&known(&[4, 5])), "from when on is not known");
        assert!(!may(&from(5, 4, &[5])), "its beginning is missing, which is asked for by itself");
    }

    #[test]
    fn a_state_that_had_been_changed_before_counts_once_it_is_changed_again() {
        let may = |item: &WorkItem| item.may_have_begun_before(|_| false);
        for is_first_state in [true, false] {
            let told = in_state(4, "New").in_force_at(at(9), is_first_state);
            assert!(!may(&told));
            assert!(!may(&told.merge(&in_state(5, "New"))));
            assert_eq!(may(&told.merge(&in_state(5, "Active"))), !is_first_state);
            let other = told.beginning_at(at(10));
            assert_eq!(told.merge(&other).known_from, told.known_from);
            let later = in_state(4, "New").in_force_at(at(9), !is_first_state);
            assert_eq!(told.merge(&later), later.merge(&told));
            assert!(
                may(&told.merge(&later).merge(&in_state(5, "Active"))),
                "one of them was told of a change"
            );
        }
    }

    #[test]
    fn the_beginning_of_a_life_is_told_by_the_newest_revision_alone() {
        for (revisions, second, first) in [(&[4, 5, 6], 5, 5), (&[4, 5, 6], 4, 4), (&[4, 5, 6], 2, 4)] {
            let item = known(revisions);
            let told = item.beginning_at(at(second));
            assert_eq!(told.revisions().map(|(rev, _)| rev).collect::<Vec<_>>(), [6]);
            let merged = item.merge(&told);
            assert_eq!(
                merged.known_from,
                Some(KnownFrom { at: at(second), rev: first, is_first_state: true })
            );
            assert_eq!((merged.lacks_from(at(second)), merged.history()), (None, History::Complete));
            assert!(merged.says_from(at(second)) && !merged.says_from(at(second - 1)));
            assert_eq!(WorkItem::decode(&merged.encode()).unwrap(), merged);
        }
        assert!(known(&[1, 2]).says_from(at(0)) && !known(&[2, 3]).says_from(at(9)));
    }
}
