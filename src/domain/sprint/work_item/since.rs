//! Since when a work item is as it is, as far as its known revisions tell.

use super::{Claim, WorkItem};
use crate::domain::Timestamp;

impl WorkItem {
    /// When it came into the state that it is in; `None` where a revision is missing that may tell.
    pub fn state_since(&self) -> Option<Timestamp> {
        let state = &self.present().claim.facts.state;
        self.since(|claim| Some(claim.facts.state == *state))
    }

    /// Since when something holds of all of its revisions; `None` where that is not known of one, or where one is missing that
    /// may tell, and where it does not hold now.
    pub(crate) fn since(&self, holds: impl Fn(&Claim) -> Option<bool>) -> Option<Timestamp> {
        let mut first = None;
        for (rev, claim) in self.revisions().rev() {
            if first.is_some_and(|(next, _)| rev + 1 != next) {
                return None;
            }
            if !holds(claim)? {
                return first.map(|(_, at)| at);
            }
            first = Some((rev, claim.changed_at));
        }
        // What was before the first revision that is known nobody can tell, unless it is the one that made the item.
        first.filter(|(rev, _)| *rev == 1).map(|(_, at)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Rev;
    use crate::domain::testing::item;

    /// An item with these revisions, each made at its number in seconds.
    fn lived(revisions: &[(Rev, &str)]) -> WorkItem {
        let one = |(rev, state): &(Rev, &str)| item(13, *rev, |facts| facts.state = (*state).into());
        revisions.iter().map(one).reduce(|one, other| one.merge(&other)).unwrap()
    }

    fn seconds(at: Option<Timestamp>) -> Option<i64> {
        at.map(|at| at.epoch_ms() / 1_000)
    }

    #[test]
    fn a_state_is_as_old_as_the_last_revision_that_came_into_it() {
        for (revisions, since) in [
            (&[(1, "New")][..], Some(1)),
            (&[(1, "New"), (2, "Active"), (3, "Active")], Some(2)),
            (&[(1, "Active"), (2, "New"), (3, "Active")], Some(3)),
            (&[(2, "New"), (3, "Active")], Some(3)),
            (&[(2, "Active"), (3, "Active")], None),
            (&[(1, "New"), (3, "Active")], None),
            (&[(1, "Active"), (3, "Active")], None),
            (&[(1, "New"), (3, "New"), (4, "Active")], Some(4)),
        ] {
            assert_eq!(seconds(lived(revisions).state_since()), since, "{revisions:?}");
        }
    }
}
