//! The laws of the merge, held by generated items, and the decisions that make them hold.

use proptest::prelude::*;

use super::*;
use crate::domain::sprint::rank::{ORDER_FIELDS, Ranks};
use crate::domain::testing::{claim, details, item, with_details};
use crate::domain::{Hundredths, Timestamp};

/// Claims that collide on purpose: few revisions, few dates, few states, so that ties on each level are common.
fn any_claim() -> impl Strategy<Value = Claim> {
    let kinds = prop::sample::select(vec![
        ClaimKind::Fetched,
        ClaimKind::Created,
        ClaimKind::Updated,
        ClaimKind::Deleted,
        ClaimKind::Restored,
    ]);
    (0i64..3, kinds, 0usize..3, any::<bool>()).prop_map(|(at, kind, state, deleted)| {
        // So far apart that two dates are of two revisions.
        let mut claim = claim(kind, Timestamp::from_epoch_ms(at * 1_000));
        claim.facts.state = ["New", "Active", "Closed"][state].into();
        claim.facts.deleted = deleted;
        claim
    })
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let rev = prop_oneof![4 => 1u32..6, 1 => 495u32..510, 1 => 990u32..1100];
    (rev, any_claim(), 0usize..3, ranks()).prop_map(|(rev, claim, title, ranks)| {
        let mut details = details();
        details.title = ["a", "b", "c"][title].into();
        details.ranks = ranks;
        WorkItem::new(WorkItemId::new(13).unwrap(), rev, claim, details)
    })
}

/// Those of an item that was kept before they were, and some that differ by less than an amount can.
fn ranks() -> impl Strategy<Value = Ranks> {
    let rank = prop::sample::select(vec![-3.0, 0.1 + 0.2, 1_999_999_995.5, 1_999_999_995.500_001]);
    let rank = rank.prop_map(|number| Rank::new(number).unwrap());
    let ranks =
        prop::collection::btree_map(prop::sample::select(&ORDER_FIELDS).prop_map(Text::from), rank, 0..3);
    ranks.prop_map(Ranks::from)
}

/// Some that were corrected by the organisation, and some that were not.
fn any_item() -> impl Strategy<Value = WorkItem> {
    let told = prop::collection::vec(any_observation(), 1..4);
    let observations = prop::collection::vec(any_observation(), 1..6);
    let from = (0i64..3, 1u32..6, any::<bool>());
    let from = from.prop_map(|(at, rev, is_first_state)| KnownFrom {
        at: Timestamp::from_epoch_ms(at),
        rev,
        is_first_state,
    });
    (observations, prop::option::of(told), prop::option::of(from)).prop_map(|(observations, told, from)| {
        let mut item = union(&observations);
        item.known_from = from;
        let corrected = told.and_then(|told| item.corrected(&union(&told), &item.claims_against(head(0))));
        corrected.unwrap_or(item)
    })
}

const fn head(rev: Rev) -> HeadRevision {
    HeadRevision { rev, changed_at: None }
}

/// What the organisation says is the newest of what it told.
fn head_of(told: &WorkItem) -> HeadRevision {
    HeadRevision { changed_at: Some(told.present().claim.changed_at), ..head(told.present().rev) }
}

fn union(observations: &[Observation]) -> WorkItem {
    let (first, rest) = observations.split_first().unwrap();
    rest.iter().fold(first.clone(), |item, observation| item.merge(observation))
}

#[test]
fn w20_of_many_numbers_those_that_teams_estimate_in_are_kept() {
    let many = |facts: &mut Facts| {
        let numbers =
            (0..99).map(|number| (Text::from(format!("Custom.N{number:02}")), Hundredths::whole(number)));
        facts.effort = Arc::new(numbers.chain([(EFFORT_FIELDS[0].into(), Hundredths::whole(5))]).collect());
    };
    let few = item(13, 1, many).bounded(|| [Text::from("Custom.N98")].into());
    let facts = &few.present().claim.facts;
    assert_eq!((facts.effort.len(), facts.has_more_numbers), (34, true));
    assert_eq!(facts.number(&"Custom.N98".into()), Ok(Some(Hundredths::whole(98))));
    assert_eq!(facts.number(&EFFORT_FIELDS[0].into()), Ok(Some(Hundredths::whole(5))));
    assert!(facts.number(&"Custom.N97".into()).is_err());
    assert_eq!(facts.number(&EFFORT_FIELDS[1].into()), Ok(None), "these are always kept");
    let whole = item(13, 1, |_| {}).bounded(|| unreachable!("nobody asks"));
    assert_eq!(whole.present().claim.facts.number(&"Custom.N97".into()), Ok(None));
}

proptest! {
    #[test]
    fn merging_is_commutative(a in any_item(), b in any_item()) {
        prop_assert_eq!(a.merge(&b), b.merge(&a));
    }

    #[test]
    fn merging_is_associative(a in any_item(), b in any_item(), c in any_item()) {
        prop_assert_eq!(a.merge(&b).merge(&c), a.merge(&b.merge(&c)));
    }

    #[test]
    fn merging_is_idempotent(a in any_item(), b in any_item()) {
        prop_assert_eq!(&a.merge(&a), &a);
        let ab = a.merge(&b);
        prop_assert_eq!(ab.merge(&b), ab);
    }

    #[test]
    fn the_order_and_the_number_of_deliveries_do_not_matter(
        observations in prop::collection::vec(any_observation(), 1..8),
        shuffle in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let mut shuffled = observations.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        shuffled.push(shuffled[shuffle.index(shuffled.len())].clone());
        prop_assert_eq!(union(&observations), union(&shuffled));
    }

    #[test]
    fn fault_b10_what_was_refuted_does_not_come_back(
        known in prop::collection::vec(any_observation(), 1..6),
        told in prop::collection::vec(any_observation(), 1..4),
        late in prop::collection::vec(any_observation(), 0..4),
    ) {
        let (hooks, known, told) = (known.clone(), union(&known), union(&told));
        let refuted = known.claims_against(head_of(&told));
        prop_assume!(!refuted.is_empty());
        let correction = known.corrected(&told, &refuted).unwrap();
        let (mut item, news) = known.join(&correction);
        prop_assert_eq!(&known.merge(&news), &item);
        prop_assert_eq!(item.present(), told.present());
        for observation in late.iter().chain(&hooks) {
            let (joined, news) = item.join(observation);
            prop_assert_eq!(&item.merge(&news), &joined, "a fold comes to the same");
            prop_assert!(joined.claims_against(head(0)).is_disjoint(&refuted));
            prop_assert_eq!(&joined.join(observation).0, &joined);
            item = joined;
        }
    }

    #[test]
    fn fault_b10_whatever_was_claimed_a_correction_leaves_nothing_that_the_organisation_denies(
        known in prop::collection::vec(any_observation(), 1..6),
        told in prop::collection::vec(any_observation(), 1..4),
    ) {
        let (known, told) = (union(&known), union(&told));
        let item = match known.corrected(&told, &known.claims_against(head_of(&told))) {
            Some(correction) => known.join(&correction).0,
            None => known.join(&told).0,
        };
        prop_assert_eq!(item.claims_against(head_of(&told)), BTreeSet::new());
        prop_assert_eq!(item.present().rev, told.present().rev);
    }

    #[test]
    fn a_record_comes_back_as_it_was(a in any_item()) {
        prop_assert_eq!(WorkItem::decode(&a.encode()).unwrap(), a);
    }
}

#[test]
fn a_late_revision_fills_in_history_and_leaves_the_present_alone() {
    let newest = item(13, 3, |facts| facts.state = "Closed".into());
    let late = item(13, 2, |facts| facts.state = "Active".into());
    let merged = newest.merge(&late);
    assert_eq!(merged.present().rev, 3);
    assert_eq!(&*merged.present().claim.facts.state, "Closed");
    assert_eq!(
        merged.revisions().map(|(rev, claim)| (rev, &*claim.facts.state)).collect::<Vec<_>>(),
        [(2, "Active"), (3, "Closed")]
    );
}

#[test]
fn missing_revisions_are_known_to_be_missing() {
    let third = item(13, 3, |_| {});
    assert_eq!(third.history(), History::Partial);
    let all = third.merge(&item(13, 1, |_| {})).merge(&item(13, 2, |_| {}));
    assert_eq!(all.history(), History::Complete);
}

#[test]
fn five_hundred_revisions_are_kept() {
    let all = union(&(1..=REVISIONS_MAX + 1).map(|rev| item(13, rev, |_| {})).collect::<Vec<_>>());
    assert_eq!(all.revisions().count(), REVISIONS_MAX as usize);
    assert_eq!(all.revisions().next().unwrap().0, 2);
    assert_eq!(all.history(), History::Partial);
    assert_eq!(all.merge(&item(13, 1, |_| {})), all, "a revision that left does not come back");
}

#[test]
fn of_two_claims_on_one_revision_the_later_stays_whole() {
    let created = WorkItem::new(
        WorkItemId::new(5).unwrap(),
        1,
        claim(ClaimKind::Created, Timestamp::from_epoch_ms(10)),
        details(),
    );
    let mut deleted = claim(ClaimKind::Deleted, Timestamp::from_epoch_ms(20));
    deleted.facts.deleted = true;
    let deleted = WorkItem::new(WorkItemId::new(5).unwrap(), 1, deleted, details());
    let merged = deleted.merge(&created);
    assert!(merged.present().claim.facts.deleted);
    assert_eq!(merged.revisions().count(), 1);
}

#[test]
fn fault_b10_a_correction_takes_nothing_that_is_not_in_doubt_and_gives_back_what_is_right() {
    let known = item(13, 2, |_| {}).merge(&item(13, 9, |_| {}));
    let told = item(13, 3, |_| {});
    let doubt = known.claims_against(head(3));
    assert_eq!(known.corrected(&told, &BTreeSet::new()), None);
    let revisions = |item: &WorkItem| item.revisions().map(|(rev, _)| rev).collect::<Vec<_>>();
    let correction = known.corrected(&told, &doubt).unwrap();
    // Before the correction is committed another hook comes, which nothing speaks against.
    let more = known.merge(&item(13, 10, |_| {}));
    let corrected = more.join(&correction).0;
    assert_eq!(revisions(&corrected), [2, 3, 10]);
    assert_eq!(corrected.corrected(&item(13, 10, |_| {}), &BTreeSet::new()), None);
    let after_all = corrected.corrected(&item(13, 9, |_| {}), &BTreeSet::new()).unwrap();
    assert_eq!(revisions(&corrected.join(&after_all).0), [2, 3, 9, 10]);
    // It went to a project that is not served: what is known of it there is refuted all the same.
    let elsewhere = known.gone_with(&correction).unwrap();
    let gone = known.join(&elsewhere).0;
    assert_eq!((revisions(&gone), gone.present().claim.facts.deleted), (vec![3], true));
}

#[test]
fn d1_of_an_item_that_went_to_a_project_that_is_not_served_only_what_it_was_before_is_told() {
    let all = union(&[
        item(13, 1, |_| {}),
        item(13, 2, |facts| facts.state = "Active".into()),
        with_details(
            &item(13, 3, |facts| facts.project = crate::domain::testing::other_project()),
            |details| (details.title, details.project_name) = ("A secret".into(), "Other".into()),
        ),
    ]);
    let left = all.left_behind(|of| of == crate::domain::testing::project()).unwrap();
    assert_eq!(left.revisions().map(|(rev, _)| rev).collect::<Vec<_>>(), [1, 2, 3]);
    let present = left.present();
    assert_eq!((&*present.claim.facts.state, present.claim.facts.deleted), ("Active", true));
    assert_eq!((&*present.details.title, &*present.details.project_name), ("", ""));
    assert_eq!(all.left_behind(|_| false), None);
}

#[test]
fn a_record_without_revisions_is_refused() {
    let mut record: serde_json::Value = serde_json::from_slice(&item(13, 1, |_| {}).encode()).unwrap();
    record["revisions"] = serde_json::json!({});
    assert!(WorkItem::decode(record.to_string().as_bytes()).is_err());
    assert!(WorkItem::decode(b"not json").is_err());
}

#[test]
fn a_record_from_before_ranks_were_kept_is_read_and_gives_way_to_the_same_revision_with_one() {
    let record = br#"{"id":13,"revisions":{"4":{"claimed_at":17954208000000000,"kind":"fetched",
        "changed_at":1795420800000,"facts":{"project":"be9b3917-87e6-42a4-a549-2bc06a7a878f","type":"Bug","state":"New",
        "iteration_path":"Fabrikam\\Sprint 1","area_path":"Fabrikam"}}},"details":{"title":"A title","assigned_to":null,
        "tags":[],"parent":7,"project_name":"Fabrikam","created_at":null,"closed_at":null,"url":null}}"#;
    let kept = WorkItem::decode(record).unwrap();
    assert_eq!(kept.present().details.parent, WorkItemId::new(7));
    assert_eq!(kept.present().rank_by(ORDER_FIELDS[0]), None);
    let rank = Rank::new(-1_999_999_843.25).unwrap();
    let fetched = with_details(&kept, |details| details.ranks = [(ORDER_FIELDS[0].into(), rank)].into());
    for merged in [kept.merge(&fetched), fetched.merge(&kept)] {
        assert_eq!(merged.present().rank_by(ORDER_FIELDS[0]), Some(rank));
    }
    assert!(!String::from_utf8(kept.encode().to_vec()).unwrap().contains("ranks"));
}

#[test]
fn a_field_by_which_a_process_orders_may_hold_what_is_kept_as_an_amount() {
    let item = item(13, 1, |facts| {
        facts.effort = Arc::new([("Custom.Order".into(), Hundredths::whole(30))].into());
    });
    let exact = Rank::new(30.001).unwrap();
    let both = with_details(&item, |details| details.ranks = [("Custom.Order".into(), exact)].into());
    assert_eq!(item.present().rank_by("Custom.Order"), Rank::new(30.0));
    assert_eq!(both.present().rank_by("Custom.Order"), Some(exact));
    assert_eq!(both.present().rank_by("Custom.Other"), None);
}

#[test]
fn revisions_that_follow_each_other_keep_once_what_they_have_alike() {
    let with_effort = |state: &'static str| {
        move |facts: &mut Facts| {
            facts.state = state.into();
            facts.effort = Arc::new([("Effort".into(), Hundredths::whole(3))].into());
        }
    };
    let (first, second) = (item(13, 1, with_effort("New")), item(13, 2, with_effort("Active")));
    let merged = first.merge(&second);
    let decoded = WorkItem::decode(&merged.encode()).unwrap();
    assert_eq!(decoded, merged);
    for item in [&merged, &decoded] {
        let facts: Vec<&Facts> = item.revisions().map(|(_, claim)| &*claim.facts).collect();
        assert!(Arc::ptr_eq(&facts[0].area_path, &facts[1].area_path));
        assert!(Arc::ptr_eq(&facts[0].effort, &facts[1].effort));
        assert_eq!((&*facts[0].state, &*facts[1].state), ("New", "Active"));
    }
    // A copy shares everything, so a merge costs what is new.
    let again = merged.merge(&second);
    let newest = |item: &WorkItem| Arc::as_ptr(item.revisions.last_key_value().unwrap().1);
    assert_eq!(newest(&again), newest(&merged));
}

#[test]
fn items_keep_once_what_they_have_alike_and_a_copy_is_not_copied_for_it() {
    let mut interner = Interner::default();
    let kept = |number: u32, interner: &mut Interner| {
        let item = item(number, 1, |facts| {
            facts.effort = Arc::new([("Effort".into(), Hundredths::whole(3))].into());
            facts.board_column = Some("Doing".into());
        });
        let mut item = with_details(&item, |details| {
            details.tags = vec!["tag".into()];
            details.assigned_to = Some(Identity { id: Some("id".into()), name: "Mia".into() });
            details.ranks = [(ORDER_FIELDS[0].into(), Rank::new(1.5).unwrap())].into();
        });
        item.keep_once(interner);
        item
    };
    let (one, other) = (kept(13, &mut interner), kept(14, &mut interner));
    let (one, other) = (one.present(), other.present());
    let texts = |of: Present<'_>| {
        let (facts, details) = (&of.claim.facts, of.details);
        let who = details.assigned_to.clone().unwrap();
        [
            facts.state.clone(),
            facts.area_path.clone(),
            facts.board_column.clone().unwrap(),
            details.tags[0].clone(),
            details.project_name.clone(),
            who.name,
            who.id.unwrap(),
        ]
    };
    assert!(texts(one).iter().zip(&texts(other)).all(|(one, other)| Arc::ptr_eq(one, other)));
    assert!(std::ptr::eq(&*one.claim.facts, &*other.claim.facts), "facts that are alike as a whole");
    let mut other_state = item(15, 1, |facts| {
        facts.state = "Closed".into();
        facts.effort = Arc::new([("Effort".into(), Hundredths::whole(3))].into());
    });
    other_state.keep_once(&mut interner);
    let facts = &other_state.present().claim.facts;
    assert!(Arc::ptr_eq(&facts.effort, &one.claim.facts.effort));
    assert!(Arc::ptr_eq(&facts.area_path, &one.claim.facts.area_path));
    // What is merged into an item that was kept once leaves the other revisions where they are.
    let known = kept(13, &mut interner);
    let mut merged = known.merge(&item(13, 2, |_| {}));
    merged.keep_once(&mut interner);
    let first = |item: &WorkItem| Arc::as_ptr(item.revisions.first_key_value().unwrap().1);
    assert_eq!(first(&merged), first(&known));
}
