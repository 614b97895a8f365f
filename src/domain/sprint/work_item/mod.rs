//! A work item is the set of its known revisions, and merging is the union of such sets.
//!
//! Azure DevOps numbers the revisions of a work item 1, 2, 3 … Service hooks repeat, overtake each other and get
//! lost. Because union is commutative, associative and idempotent, none of that needs a special case: whatever
//! the order in which claims arrive, every process ends with the same item.
//!
//! A union cannot take away. Where the organisation proves a claim wrong, the item begins anew from what it has itself, and
//! remembers what was refuted: of two items the one that was corrected later stays, and only those that were corrected
//! alike are united. What is taken in is cleared of what is refuted before, under the version of the item's record.

mod known_from;
mod since;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::sprint::interner::Interner;
use crate::domain::sprint::rank::Rank;
use crate::domain::sprint::refuted::{ClaimKey, HeadRevision, Refuted};
use crate::domain::{ProjectId, Stored, Text, Timestamp};

use self::known_from::KnownFrom;
pub(crate) use self::known_from::Lack;
pub use crate::domain::sprint::claim::{Claim, ClaimKind, Details, Identity, Rev, WorkItemId};
pub use crate::domain::sprint::facts::{EFFORT_FIELDS, Facts, KeptTags, REMAINING_WORK, SharedFacts};

/// How many revision numbers below the newest are kept. Older ones leave whenever they arrive, so that what is
/// kept does not depend on the order of arrival.
pub const REVISIONS_MAX: u32 = 500;

/// What a hook or a fetch told us: one or more complete revisions of one work item. A field that is absent in it
/// is known to be empty.
pub type Observation = WorkItem;

/// The set of the known revisions of one work item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// The number of the work item.
    pub id: WorkItemId,
    /// The known revisions. Never empty. Each is kept once, however many copies of the item there are.
    #[serde(deserialize_with = "at_least_one")]
    revisions: BTreeMap<Rev, Arc<Claim>>,
    /// The details that the newest revision's claim came with.
    details: Details,
    /// What the organisation refuted of it; none of that is among the revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refuted: Option<Arc<Refuted>>,
    /// From when on its life is asked for, where what was before it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known_from: Option<KnownFrom>,
}

/// Which revision of an item is told as the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionTold {
    /// The newest.
    Newest,
    /// An earlier one, in force until the next.
    Earlier,
    /// An earlier one, after which one is missing: it may have been in force no longer.
    BeforeGap,
}

/// Whether every revision up to the newest is known, from the first or from the beginning of its known life on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum History {
    /// All of them are known.
    Complete,
    /// Some are missing, and known to be missing.
    Partial,
}

/// The newest revision of a work item: what a board shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present<'a> {
    /// The number of the work item.
    pub id: WorkItemId,
    /// The number of the revision.
    pub rev: Rev,
    /// What was claimed of it.
    pub claim: &'a Claim,
    /// What only the newest revision is asked for.
    pub details: &'a Details,
}

impl Present<'_> {
    /// Where it stands in the backlog by the field with that reference name.
    pub fn rank_by(&self, field: &str) -> Option<Rank> {
        let amount = || self.claim.facts.effort.get(field).copied();
        self.details.ranks.get(field).or_else(|| Rank::new(amount()?.units()))
    }
}

impl WorkItem {
    /// A work item of which one revision is known.
    pub fn new(id: WorkItemId, rev: Rev, claim: Claim, details: Details) -> Self {
        Self {
            id,
            revisions: BTreeMap::from([(rev, Arc::new(claim))]),
            details,
            refuted: None,
            known_from: None,
        }
    }

    /// The union of what is known and what `other` knows, where both were corrected alike; else the one that was
    /// corrected later.
    ///
    /// Of two claims on one revision the greater stays, whole. `Details` are compared last and only between equal
    /// claims on the newest revision: those of older revisions are not kept, so they must never decide.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if self.refuted != other.refuted {
            return if self.refuted > other.refuted { self.clone() } else { other.clone() };
        }
        let (mine, theirs) = (self.newest(), other.newest());
        let details =
            if (mine, &self.details) >= (theirs, &other.details) { &self.details } else { &other.details };
        let mut revisions = self.revisions.clone();
        for (rev, claim) in &other.revisions {
            match revisions.get_mut(rev) {
                Some(known) if *known >= *claim => {}
                Some(known) => *known = claim.clone(),
                None => {
                    revisions.insert(*rev, claim.clone());
                }
            }
        }
        let oldest_kept = mine.0.max(theirs.0).saturating_sub(REVISIONS_MAX - 1);
        let mut revisions = revisions.split_off(&oldest_kept);
        share_alike(&mut revisions);
        // Each is true by itself, and the one that reaches back further says more.
        let known_from = [self.known_from, other.known_from].into_iter().flatten().min();
        Self { id: self.id, revisions, details: details.clone(), refuted: self.refuted.clone(), known_from }
    }

    /// What is known once `told` was told, without what either of them refutes; and what to tell whoever knows this item:
    /// merging that comes to the same.
    pub fn join(&self, told: &Self) -> (Self, Self) {
        if self.refuted == told.refuted {
            return (self.merge(told), told.clone());
        }
        let refuted = (&self.refuted).max(&told.refuted);
        let joined = match (self.cleared_of(refuted), told.cleared_of(refuted)) {
            (Some(mine), Some(theirs)) => mine.merge(&theirs),
            (Some(alone), None) | (None, Some(alone)) => alone.into_owned(),
            // One of both was corrected so itself.
            (None, None) => self.clone(),
        };
        (joined.clone(), joined)
    }

    /// The item without what is refuted. `None` where that is the newest claim: what lies beneath it came with details
    /// that are not known any more, and the organisation tells it again.
    fn cleared_of(&self, refuted: &Option<Arc<Refuted>>) -> Option<Cow<'_, Self>> {
        if self.refuted == *refuted {
            return Some(Cow::Borrowed(self));
        }
        let is_refuted = |key: ClaimKey| refuted.as_ref().is_some_and(|refuted| refuted.holds(key));
        let (rev, newest) = self.newest();
        if is_refuted(ClaimKey::of(rev, newest)) {
            return None;
        }
        let mut cleared = Self { refuted: refuted.clone(), ..self.clone() };
        cleared.revisions.retain(|rev, claim| !is_refuted(ClaimKey::of(*rev, &**claim)));
        Some(Cow::Owned(cleared))
    }

    /// The claims that cannot be right where `head` is the newest revision.
    pub fn claims_against(&self, head: HeadRevision) -> BTreeSet<ClaimKey> {
        let claims = self.revisions.range(head.rev..);
        let wrong = claims.filter(|(rev, claim)| head.denies(**rev, claim.changed_at, claim.claimed_at));
        wrong.map(|(rev, claim)| ClaimKey::of(*rev, &**claim)).collect()
    }

    /// What the claim on the newest revision is told from others by.
    pub fn newest_claim(&self) -> ClaimKey {
        let (rev, claim) = self.newest();
        ClaimKey::of(rev, claim)
    }

    /// The item as the organisation told it, and as a correction of this one: refuted are claims that are of another
    /// revision than the one told, those that are in `doubt` and above all told or wrong about what may change without a
    /// revision, the recycle bin and the names of paths, and none that it has after all. `None` where it corrects nothing.
    pub fn corrected(&self, told: &Self, doubt: &BTreeSet<ClaimKey>) -> Option<Self> {
        let dated = |rev, right: &Claim| HeadRevision { rev, changed_at: Some(right.changed_at) };
        let is_in_doubt = |rev, claim: &Claim| doubt.contains(&ClaimKey::of(rev, claim));
        let is_wrong = |(rev, claim): &(Rev, &Claim)| match told.revisions.get(rev) {
            Some(right) => {
                dated(*rev, right).denies(*rev, claim.changed_at, claim.claimed_at)
                    || claim.facts.place() != right.facts.place() && is_in_doubt(*rev, claim)
            }
            None => *rev > told.newest().0 && is_in_doubt(*rev, claim),
        };
        let wrong = self.revisions().filter(is_wrong).map(|(rev, claim)| ClaimKey::of(rev, claim));
        let is_right = |key: ClaimKey| {
            told.revisions.get(&key.0).is_some_and(|claim| ClaimKey::of(key.0, &**claim) == key)
        };
        let none = Refuted::default();
        let refuted = self.refuted.as_deref().unwrap_or(&none).corrected(wrong, is_right)?;
        Some(Self { refuted: Some(Arc::new(refuted)), ..told.clone() })
    }

    /// That the item went where `other`, a newer revision, has it, as an observation that tells nothing else of that
    /// revision; `None` where it is not newer.
    pub fn gone_with(&self, other: &Self) -> Option<Self> {
        let ((rev, mine), (there, theirs)) = (self.newest(), other.newest());
        if there <= rev && other.refuted <= self.refuted {
            return None;
        }
        let claim = Claim {
            changed_by: None,
            facts: Facts { project: theirs.facts.project, deleted: true, ..(*mine.facts).clone() }.into(),
            ..*theirs
        };
        let details = Details { project_name: Text::default(), url: None, ..self.details.clone() };
        Some(Self { refuted: other.refuted.clone(), ..Self::new(self.id, there, claim, details) })
    }

    /// What this item, which is in a project that is not served, was in those that are, and that it went; `None` where it was
    /// in none. Nothing else is told of what it is now.
    pub fn left_behind(&self, is_served: impl Fn(ProjectId) -> bool) -> Option<Self> {
        let served = |(_, claim): &(&Rev, &Arc<Claim>)| is_served(claim.facts.project);
        let revisions = self.revisions.iter().filter(served).map(|(rev, claim)| (*rev, claim.clone()));
        let revisions: BTreeMap<_, _> = revisions.collect();
        let (rev, newest) = revisions.last_key_value()?;
        let details = Details { created_at: self.details.created_at, ..Details::default() };
        let newest = Self::new(self.id, *rev, (**newest).clone(), details);
        let gone = newest.gone_with(self)?;
        Some(Self { revisions, ..newest }.merge(&gone))
    }

    /// Keeps once what other items have as well.
    pub fn keep_once(&mut self, interner: &mut Interner) {
        // What is shared with another copy of this item was kept once with that, and is not copied.
        let claims = self.revisions.values_mut().filter(|claim| !claim.is_kept_once(interner));
        let claims: Vec<&mut Arc<Claim>> = claims.collect();
        claims.into_iter().for_each(|claim| Arc::make_mut(claim).keep_once(interner));
        self.details.keep_once(interner);
    }

    /// The same item without a link to its page, where it has none that anybody could open.
    #[must_use]
    pub fn unlinked(self) -> Self {
        Self { details: Details { url: None, ..self.details }, ..self }
    }

    /// The same item without the numbers beyond those that are kept of a revision; with those that a team estimates in,
    /// which `named` tells.
    #[must_use]
    pub fn bounded(mut self, named: impl Fn() -> BTreeSet<Text>) -> Self {
        if self.revisions.values().any(|claim| claim.facts.has_too_many_numbers()) {
            let named = named();
            let claims = self.revisions.values_mut().filter(|claim| claim.facts.has_too_many_numbers());
            claims.for_each(|claim| Arc::make_mut(claim).facts.keep_numbers(&named));
        }
        self
    }

    /// The item as it was just before `end`, and what is known of that; `None` where no revision is known that was there. The
    /// title and the person are those of now; of tags a revision keeps those that settings name.
    pub fn as_of(&self, end: Timestamp) -> Option<(Self, RevisionTold)> {
        let (rev, claim) = self.revisions().rfind(|(_, claim)| claim.changed_at < end)?;
        if rev == self.newest().0 {
            return Some((self.clone(), RevisionTold::Newest));
        }
        let next = self.revisions.range(rev + 1..).next().map(|(next, _)| *next);
        let told = if next == Some(rev + 1) { RevisionTold::Earlier } else { RevisionTold::BeforeGap };
        let tags = claim.facts.kept_tags().collect();
        let mut then = Self { details: Details { tags, ..self.details.clone() }, ..self.clone() };
        then.revisions.retain(|kept, _| *kept <= rev);
        Some((then, told))
    }

    /// The newest known revision.
    pub fn present(&self) -> Present<'_> {
        let (rev, claim) = self.newest();
        Present { id: self.id, rev, claim, details: &self.details }
    }

    /// The known revisions, oldest first.
    pub fn revisions(&self) -> impl DoubleEndedIterator<Item = (Rev, &Claim)> {
        self.revisions.iter().map(|(rev, claim)| (*rev, &**claim))
    }

    /// Keeps the newest revision alone.
    fn forget_before_newest(&mut self) {
        let newest = self.newest().0;
        self.revisions = self.revisions.split_off(&newest);
    }

    #[expect(
        clippy::expect_used,
        reason = "no constructor makes an item without a revision, and decoding checks it"
    )]
    fn newest(&self) -> (Rev, &Claim) {
        let (rev, claim) = self.revisions.last_key_value().expect("a work item has at least one revision");
        (*rev, claim)
    }
}

impl Stored for WorkItem {
    /// Errors also when it is one without any revision.
    fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut item: Self = serde_json::from_slice(bytes)?;
        share_alike(&mut item.revisions);
        Ok(item)
    }
}

/// Reads revisions. Errors where there are none: everything relies on there being a newest.
fn at_least_one<'de, D: Deserializer<'de>>(data: D) -> Result<BTreeMap<Rev, Arc<Claim>>, D::Error> {
    let revisions = BTreeMap::deserialize(data)?;
    if revisions.is_empty() {
        return Err(D::Error::custom("a work item without any revision"));
    }
    Ok(revisions)
}

/// Has revisions that follow each other keep once what they have alike, which is most of what one takes in memory.
fn share_alike(revisions: &mut BTreeMap<Rev, Arc<Claim>>) {
    let mut last: Option<&Arc<Claim>> = None;
    for claim in revisions.values_mut() {
        if let Some(last) = last
            && claim.facts.has_twice(&last.facts)
        {
            Arc::make_mut(claim).facts.share_with(&last.facts);
        }
        last = Some(claim);
    }
}

#[cfg(test)]
mod tests;
