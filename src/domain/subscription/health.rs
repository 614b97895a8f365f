//! How the subscriptions of this deployment do, as a record that all instances share: what was seen of each, and the hole
//! that one leaves which did not work. A hole is open until the feed of revisions was read past its end.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{HookEvent, HookSubscription, SubscriptionStatus, WantedHook};
use crate::domain::{ProjectId, Text, Timestamp, WorkItem};

/// How a subscription does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookStatus {
    /// What happens is sent.
    Enabled,
    /// A delivery failed, and what happens meanwhile is lost.
    Probation,
    /// It is switched off.
    Disabled,
    /// Somebody changed it, so that it does not send everything, or not all of it, or elsewhere.
    Altered,
    /// There is none.
    Missing,
}

impl HookStatus {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Enabled, Self::Probation, Self::Disabled, Self::Altered, Self::Missing];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Probation => "probation",
            Self::Disabled => "disabled",
            Self::Altered => "altered",
            Self::Missing => "missing",
        }
    }
}

impl From<&HookSubscription> for HookStatus {
    fn from(subscription: &HookSubscription) -> Self {
        match subscription.status {
            SubscriptionStatus::Enabled if subscription.tells_less() => Self::Altered,
            SubscriptionStatus::Enabled => Self::Enabled,
            SubscriptionStatus::OnProbation => Self::Probation,
            SubscriptionStatus::DisabledByUser
            | SubscriptionStatus::DisabledBySystem
            | SubscriptionStatus::DisabledByInactiveIdentity
            | SubscriptionStatus::Unknown => Self::Disabled,
        }
    }
}

/// What was seen of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHook {
    /// Its id; `None` where there is none.
    pub id: Option<Text>,
    /// How it does.
    pub status: HookStatus,
}

/// What is known of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookState {
    /// Its id, or that of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// How it does.
    pub status: HookStatus,
    /// Since when, as far as was seen.
    pub since: Timestamp,
    /// How many changes the feed has told so far that it should have told; `None` where it left no hole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hole: Option<u32>,
    /// How many changes the last hole had, once it was filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u32>,
}

/// The subscriptions by project and event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HookHealth(BTreeMap<ProjectId, BTreeMap<HookEvent, HookState>>);

/// Something that is told of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookNews {
    /// What the subscription is for.
    pub wanted: WantedHook,
    /// Its id, where there is or was one.
    pub id: Option<Text>,
    /// A word of [`HookStatus`], or `backfilled`.
    pub status: &'static str,
    /// How many changes had been missed, where the hole was filled.
    pub missed: Option<u32>,
}

/// The word for a hole that was filled.
pub const BACKFILLED: &str = "backfilled";

impl HookHealth {
    /// What is known of each.
    pub fn all(&self) -> impl Iterator<Item = (WantedHook, &HookState)> {
        self.0.iter().flat_map(|(project, events)| {
            events.iter().map(|(event, state)| (WantedHook { project: *project, event: *event }, state))
        })
    }

    /// Whether any has a hole that is not filled.
    pub fn has_holes(&self) -> bool {
        self.all().any(|(_, state)| state.hole.is_some())
    }

    /// What is known of one.
    pub fn get(&self, wanted: WantedHook) -> Option<&HookState> {
        self.0.get(&wanted.project)?.get(&wanted.event)
    }

    /// Takes in what was seen of all of them, and forgets those of projects that are not among `projects`.
    pub fn see(
        &mut self,
        projects: &BTreeSet<ProjectId>,
        seen: &BTreeMap<WantedHook, SeenHook>,
        now: Timestamp,
    ) {
        self.0.retain(|project, _| projects.contains(project));
        let nothing = SeenHook { id: None, status: HookStatus::Missing };
        for wanted in WantedHook::all(projects) {
            self.see_one(wanted, seen.get(&wanted).unwrap_or(&nothing), now);
        }
    }

    /// Takes in what was seen of one. Where none ever was, that there is none is no loss.
    pub fn see_one(&mut self, wanted: WantedHook, seen: &SeenHook, now: Timestamp) {
        let known = self.get(wanted);
        let was_never = known.is_none_or(|known| known.id.is_none() && known.status == HookStatus::Missing);
        let is_loss = match seen.status {
            HookStatus::Enabled => false,
            HookStatus::Missing => !was_never,
            HookStatus::Probation | HookStatus::Disabled | HookStatus::Altered => true,
        };
        let hole = known.and_then(|known| known.hole);
        let state = HookState {
            id: seen.id.clone().or_else(|| known?.id.clone()),
            status: seen.status,
            since: known.filter(|known| known.status == seen.status).map_or(now, |known| known.since),
            hole: hole.or(is_loss.then_some(0)),
            missed: known.and_then(|known| known.missed).filter(|_| !is_loss || hole.is_some()),
        };
        self.0.entry(wanted.project).or_default().insert(wanted.event, state);
    }

    /// Counts changes that the feed told, of those that have a hole.
    pub fn count(&mut self, told: &BTreeMap<WantedHook, u32>) {
        for (wanted, count) in told {
            let state = self.0.get_mut(&wanted.project).and_then(|events| events.get_mut(&wanted.event));
            if let Some(hole) = state.and_then(|state| state.hole.as_mut()) {
                *hole = hole.saturating_add(*count);
            }
        }
    }

    /// The feed was read to its end: the holes of those that work again are filled.
    pub fn fill(&mut self) {
        let states = self.0.values_mut().flat_map(BTreeMap::values_mut);
        for state in states.filter(|state| state.status == HookStatus::Enabled) {
            state.missed = state.hole.take().or(state.missed);
        }
    }

    /// What is to be told where `before` has become this. That one is there which was never seen before is no news, nor that
    /// there is none.
    pub fn news_since(&self, before: &Self) -> Vec<HookNews> {
        let mut news = Vec::new();
        for (wanted, state) in self.all() {
            let known = before.get(wanted);
            let is_begin = matches!(state.status, HookStatus::Enabled | HookStatus::Missing);
            let told = |status, missed| HookNews { wanted, id: state.id.clone(), status, missed };
            if known.map_or(!is_begin, |known| known.status != state.status) {
                news.push(told(state.status.as_str(), None));
            }
            if known.is_some_and(|known| known.hole.is_some()) && state.hole.is_none() {
                news.push(told(BACKFILLED, state.missed));
            }
        }
        news
    }
}

/// What hooks should have told of the revisions of an item that are newer than those that are known, one event for each.
pub fn untold(known: Option<&WorkItem>, told: &WorkItem) -> Vec<WantedHook> {
    let newest = known.map_or(0, |known| known.present().rev);
    let mut was_deleted = known.is_some_and(|known| known.present().claim.facts.deleted);
    let newer = told.revisions().filter(|(rev, _)| *rev > newest);
    newer
        .map(|(rev, claim)| {
            let is_deleted = claim.facts.deleted;
            let event = match (std::mem::replace(&mut was_deleted, is_deleted), is_deleted) {
                (false, true) => HookEvent::Deleted,
                (true, false) => HookEvent::Restored,
                _ if rev == 1 => HookEvent::Created,
                _ => HookEvent::Updated,
            };
            WantedHook { project: claim.facts.project, event }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subscription::Difference;
    use crate::domain::testing::{item, project};

    const UPDATED: HookEvent = HookEvent::Updated;

    fn wanted() -> WantedHook {
        WantedHook { project: project(), event: UPDATED }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_epoch_ms(ms)
    }

    fn seen(status: HookStatus) -> SeenHook {
        SeenHook { id: (status != HookStatus::Missing).then(|| "a".into()), status }
    }

    /// What is told when it is next seen so.
    fn see(health: &mut HookHealth, status: HookStatus, ms: i64) -> Vec<(&'static str, Option<u32>)> {
        let before = health.clone();
        health.see_one(wanted(), &seen(status), at(ms));
        told(health, &before)
    }

    fn told(health: &HookHealth, before: &HookHealth) -> Vec<(&'static str, Option<u32>)> {
        health.news_since(before).into_iter().map(|news| (news.status, news.missed)).collect()
    }

    fn fill(health: &mut HookHealth) -> Vec<(&'static str, Option<u32>)> {
        let before = health.clone();
        health.fill();
        told(health, &before)
    }

    #[test]
    fn what_begins_is_told_only_where_it_does_not_work() {
        for (status, told) in [
            (HookStatus::Enabled, vec![]),
            (HookStatus::Missing, vec![]),
            (HookStatus::Probation, vec![("probation", None)]),
            (HookStatus::Disabled, vec![("disabled", None)]),
            (HookStatus::Altered, vec![("altered", None)]),
        ] {
            let mut health = HookHealth::default();
            assert_eq!(see(&mut health, status, 1), told);
            assert_eq!(health.has_holes(), !told.is_empty(), "{status:?}");
            assert_eq!(see(&mut health, status, 2), [], "it is told once");
            assert_eq!(health.get(wanted()).unwrap().since, at(1));
        }
        let mut health = HookHealth::default();
        see(&mut health, HookStatus::Missing, 1);
        assert_eq!(see(&mut health, HookStatus::Enabled, 2), [("enabled", None)]);
        assert!(!health.has_holes(), "nothing was lost before the first one");
    }

    #[test]
    fn a_hole_is_filled_once_it_works_again_and_the_feed_was_read() {
        let mut health = HookHealth::default();
        see(&mut health, HookStatus::Enabled, 1);
        health.count(&[(wanted(), 5)].into());
        assert_eq!(see(&mut health, HookStatus::Probation, 2), [("probation", None)]);
        health.count(&[(wanted(), 2)].into());
        assert_eq!(fill(&mut health), [], "it goes on losing events");
        assert_eq!(see(&mut health, HookStatus::Enabled, 3), [("enabled", None)]);
        health.count(&[(wanted(), 1)].into());
        assert_eq!(fill(&mut health), [("backfilled", Some(3))]);
        assert_eq!((fill(&mut health), health.has_holes()), (vec![], false));
        assert_eq!(health.get(wanted()).unwrap().missed, Some(3));
        // The next hole is counted anew.
        see(&mut health, HookStatus::Missing, 4);
        assert_eq!(health.get(wanted()).unwrap().missed, None);
        assert_eq!(health.get(wanted()).unwrap().id.as_deref(), Some("a"), "which one is missing is known");
        see(&mut health, HookStatus::Enabled, 5);
        assert_eq!(fill(&mut health), [("backfilled", Some(0))]);
    }

    #[test]
    fn what_somebody_changed_is_altered_unless_nothing_is_lost_by_it() {
        let of = |differences: &[Difference], status| {
            HookStatus::from(&HookSubscription {
                id: "a".into(),
                project: project(),
                event: UPDATED,
                status,
                probation_retries: None,
                differences: differences.to_vec(),
                owner: None,
                created_at: None,
            })
        };
        let enabled = SubscriptionStatus::Enabled;
        for less in [Difference::Address, Difference::Details, Difference::Version, Difference::Filter] {
            assert_eq!(of(&[Difference::Messages, less], enabled), HookStatus::Altered, "{less:?}");
            assert_eq!(of(&[less], SubscriptionStatus::OnProbation), HookStatus::Probation, "{less:?}");
        }
        // A rotation is a difference of these: what they present is taken, or Azure DevOps puts them on probation.
        let same = [Difference::Secret, Difference::Headers, Difference::Messages];
        assert_eq!(of(&same, enabled), HookStatus::Enabled);
    }

    #[test]
    fn a_project_that_is_not_served_any_more_is_forgotten() {
        let mut health = HookHealth::default();
        health.see(&[project()].into(), &BTreeMap::new(), at(1));
        assert_eq!(health.all().count(), 4);
        health.see(&BTreeSet::new(), &BTreeMap::new(), at(2));
        assert_eq!(health, HookHealth::default());
    }

    #[test]
    fn each_newer_revision_is_an_event_that_was_not_told() {
        let revision = |rev, is_deleted| item(1, rev, |facts| facts.deleted = is_deleted);
        let told = [(2, false), (3, true), (4, false)];
        let told = told.iter().fold(revision(1, false), |told, (rev, is)| told.merge(&revision(*rev, *is)));
        let events = |known: Option<&WorkItem>| -> Vec<HookEvent> {
            untold(known, &told).into_iter().map(|wanted| wanted.event).collect()
        };
        assert_eq!(events(None), [HookEvent::Created, UPDATED, HookEvent::Deleted, HookEvent::Restored]);
        assert_eq!(events(Some(&revision(3, true))), [HookEvent::Restored]);
        assert_eq!(events(Some(&told)), []);
    }
}
