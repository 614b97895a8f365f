//! What has to be done so that there is one subscription for each event of each project, and each is sound. The same
//! subscriptions always make the same plan, so instances that plan at the same time do not work against each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Difference, HookSubscription, SubscriptionStatus, WantedHook};
use crate::domain::{ProjectId, Text};

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookStep {
    /// There is none: it is made.
    Create(WantedHook),
    /// It is written anew as a whole, which also switches it on again.
    Replace {
        /// The subscription.
        id: Text,
        /// What it is to be.
        wanted: WantedHook,
        /// How it is treated now.
        status: SubscriptionStatus,
        /// In what it is not as it should be.
        differences: Vec<Difference>,
    },
    /// Its owner is gone, so another is made in its place, and then it is removed.
    Renew {
        /// The one to be removed.
        id: Text,
        /// What the other is to be.
        wanted: WantedHook,
    },
    /// It is removed.
    Remove {
        /// The subscription.
        id: Text,
        /// What it is for.
        wanted: WantedHook,
        /// Why.
        why: Superfluous,
    },
}

/// Why a subscription is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superfluous {
    /// Another tells the same.
    Duplicate,
    /// Its project is served no longer.
    NotServed,
    /// It was asked for.
    Asked,
}

impl Superfluous {
    /// Why, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "another tells the same",
            Self::NotServed => "its project is not served",
            Self::Asked => "as asked for",
        }
    }
}

impl HookStep {
    /// What the subscription is for.
    pub const fn wanted(&self) -> WantedHook {
        match self {
            Self::Create(wanted)
            | Self::Replace { wanted, .. }
            | Self::Renew { wanted, .. }
            | Self::Remove { wanted, .. } => *wanted,
        }
    }

    /// Whether it moves a subscription that works to a secret or an address that it does not have yet. Such a step may
    /// lose events, where who is there does not take the new one.
    pub fn moves_what_works(&self) -> bool {
        matches!(self, Self::Replace { status: SubscriptionStatus::Enabled, differences, .. } if differences.iter().any(
            |difference| matches!(difference, Difference::Address | Difference::Secret | Difference::Headers)
        ))
    }
}

/// The subscription that is kept where several tell the same: one that is sound, then one that works, then the oldest.
fn order(subscription: &HookSubscription) -> (bool, SubscriptionStatus, usize, Option<i64>, Text) {
    let created_at = subscription.created_at.map(super::Timestamp::epoch_ms);
    let differences = subscription.differences.len();
    (!subscription.is_sound(), subscription.status, differences, created_at, subscription.id.clone())
}

/// Those that tell the same, the one that is kept first.
fn by_want(found: &[HookSubscription]) -> BTreeMap<WantedHook, Vec<&HookSubscription>> {
    let mut by_want = BTreeMap::<WantedHook, Vec<&HookSubscription>>::new();
    for subscription in found {
        by_want.entry(subscription.wanted()).or_default().push(subscription);
    }
    for same in by_want.values_mut() {
        same.sort_by_cached_key(|subscription| order(subscription));
    }
    by_want
}

/// Of those that tell the same the one that is kept, by what they are for.
pub fn kept(found: &[HookSubscription]) -> BTreeMap<WantedHook, &HookSubscription> {
    let kept = by_want(found).into_iter();
    kept.filter_map(|(wanted, same)| Some((wanted, *same.first()?))).collect()
}

/// The steps after which each of `projects` has its subscriptions. Those of other projects are left alone unless
/// `with_others`.
pub fn steps(projects: &BTreeSet<ProjectId>, found: &[HookSubscription], with_others: bool) -> Vec<HookStep> {
    let mut by_want = by_want(found);
    let mut steps = Vec::new();
    for wanted in WantedHook::all(projects) {
        let same = by_want.remove(&wanted).unwrap_or_default();
        steps.extend(step(wanted, same.first().copied()));
        steps.extend(same.iter().skip(1).map(|other| remove(other, Superfluous::Duplicate)));
    }
    if with_others {
        let others = by_want.into_values().flatten();
        steps.extend(others.map(|other| remove(other, Superfluous::NotServed)));
    }
    steps
}

/// What is to be done about the one that is kept; nothing where it is sound.
fn step(wanted: WantedHook, kept: Option<&HookSubscription>) -> Option<HookStep> {
    match kept {
        None => Some(HookStep::Create(wanted)),
        Some(kept) if kept.is_sound() => None,
        Some(kept) if kept.status == SubscriptionStatus::DisabledByInactiveIdentity => {
            Some(HookStep::Renew { id: kept.id.clone(), wanted })
        }
        Some(kept) => Some(HookStep::Replace {
            id: kept.id.clone(),
            wanted,
            status: kept.status,
            differences: kept.differences.clone(),
        }),
    }
}

/// The removal of a subscription.
pub fn remove(subscription: &HookSubscription, why: Superfluous) -> HookStep {
    HookStep::Remove { id: subscription.id.clone(), wanted: subscription.wanted(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::domain::subscription::HookEvent;

    fn project(number: u8) -> ProjectId {
        ProjectId::parse(&format!("be9b3917-87e6-42a4-a549-2bc06a7a87{number:02x}")).unwrap()
    }

    fn sound(id: &str, event: HookEvent) -> HookSubscription {
        HookSubscription {
            id: id.into(),
            project: project(1),
            event,
            status: SubscriptionStatus::Enabled,
            probation_retries: None,
            differences: Vec::new(),
            owner: None,
            created_at: None,
        }
    }

    fn all_sound() -> Vec<HookSubscription> {
        HookEvent::ALL.into_iter().map(|event| sound(event.event_type(), event)).collect()
    }

    fn plan(found: &[HookSubscription]) -> Vec<HookStep> {
        steps(&[project(1)].into(), found, false)
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_sound_is_left_alone() {
        let made: Vec<HookEvent> = plan(&[]).iter().map(|step| step.wanted().event).collect();
        assert_eq!(made, HookEvent::ALL);
        assert_eq!(plan(&all_sound()), []);
        let mut found = all_sound();
        let gone = found.remove(2);
        assert_eq!(plan(&found), [HookStep::Create(WantedHook { project: project(1), event: gone.event })]);
    }

    #[test]
    fn what_does_not_work_is_replaced_and_what_has_lost_its_owner_renewed() {
        for status in [
            SubscriptionStatus::OnProbation,
            SubscriptionStatus::DisabledByUser,
            SubscriptionStatus::DisabledBySystem,
            SubscriptionStatus::Unknown,
        ] {
            let mut found = all_sound();
            found[0].status = status;
            let plan = plan(&found);
            assert!(matches!(&*plan, [HookStep::Replace { status: of, .. }] if *of == status), "{plan:?}");
            assert!(!plan[0].moves_what_works(), "it does not work anyway");
        }
        let mut found = all_sound();
        found[3].status = SubscriptionStatus::DisabledByInactiveIdentity;
        assert!(matches!(&*plan(&found), [HookStep::Renew { id, .. }] if **id == *"workitem.restored"));
    }

    #[test]
    fn only_another_secret_or_address_of_what_works_is_a_move() {
        for (difference, is_move) in [
            (Difference::Secret, true),
            (Difference::Address, true),
            (Difference::Headers, true),
            (Difference::Details, false),
            (Difference::Messages, false),
            (Difference::Version, false),
            (Difference::Filter, false),
        ] {
            let mut found = all_sound();
            found[1].differences = vec![difference];
            let plan = plan(&found);
            assert_eq!((plan.len(), plan[0].moves_what_works()), (1, is_move), "{difference:?}");
        }
    }

    #[test]
    fn of_several_the_same_one_is_kept_in_whatever_order_they_are_listed() {
        let mut found = all_sound();
        let at = |ms| Some(Timestamp::from_epoch_ms(ms));
        found[1].created_at = at(2_000);
        let older = HookSubscription { id: "zz".into(), created_at: at(1_000), ..found[1].clone() };
        let broken = HookSubscription {
            id: "aa".into(),
            created_at: at(1),
            status: SubscriptionStatus::OnProbation,
            ..found[1].clone()
        };
        found.extend([older, broken]);
        let removed = |found: &[HookSubscription]| {
            let steps = plan(found);
            assert!(
                steps.iter().all(|step| matches!(step, HookStep::Remove { why: Superfluous::Duplicate, .. }))
            );
            steps.into_iter().map(|step| format!("{step:?}")).collect::<BTreeSet<_>>()
        };
        let first = removed(&found);
        assert_eq!(first.len(), 2);
        assert!(
            !first.iter().any(|step| step.contains("\"zz\"")),
            "the oldest that is sound stays: {first:?}"
        );
        found.reverse();
        assert_eq!(removed(&found), first);
    }

    #[test]
    fn subscriptions_of_a_project_that_is_not_served_go_only_where_that_is_asked_for() {
        let found: Vec<_> =
            all_sound().into_iter().map(|one| HookSubscription { project: project(2), ..one }).collect();
        let served = [project(1)].into();
        assert!(steps(&served, &found, false).iter().all(|step| matches!(step, HookStep::Create(_))));
        let steps = steps(&served, &found, true);
        let gone = |step: &&HookStep| matches!(step, HookStep::Remove { why: Superfluous::NotServed, .. });
        assert_eq!(steps.iter().filter(gone).count(), 4);
    }
}
