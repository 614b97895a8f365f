//! What is announced, and in which word.

use std::sync::Arc;

use super::super::testing::{item, other_project, project, with_details};
use super::*;
use crate::domain::scope::Scope;
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::work_item::Identity;
use crate::domain::time::Timestamp;

/// The changes as "board: word" in order, where the board is `here` or `there`.
fn words(before: Option<&WorkItem>, after: &WorkItem) -> Vec<(&'static str, ChangeType)> {
    changes(before, after, &Teams::default(), &People::default(), Timestamp::default())
        .into_iter()
        .map(|change| {
            let board = if change.scope == Scope::project(project()) { "here" } else { "there" };
            let Body::WorkitemChanged { change_type, .. } = change.body else { panic!("another event") };
            (board, change_type)
        })
        .collect()
}

fn moved(before: &WorkItem, change: impl FnOnce(&mut crate::domain::sprint::work_item::Facts)) -> WorkItem {
    before.merge(&item(13, before.present().rev + 1, change))
}

#[test]
fn the_first_of_the_words_that_are_true_is_used() {
    let first = item(13, 2, |_| {});
    let cases: [(&str, WorkItem, ChangeType); 6] = [
        ("deleted", moved(&first, |f| (f.deleted, f.state) = (true, "Closed".into())), ChangeType::Deleted),
        (
            "state",
            moved(&first, |f| (f.state, f.remaining_work) = ("Active".into(), points(3.0))),
            ChangeType::State,
        ),
        (
            "estimate",
            moved(&first, |f| f.effort = Arc::new([(POINTS.into(), points(3.0).unwrap())].into())),
            ChangeType::Estimate,
        ),
        ("remaining work", moved(&first, |f| f.remaining_work = points(3.0)), ChangeType::Estimate),
        ("assigned", first.merge(&assigned(&item(13, 3, |_| {}))), ChangeType::Assigned),
        ("iteration", moved(&first, |f| f.iteration_path = "Fabrikam".into()), ChangeType::Updated),
    ];
    for (name, after, expected) in cases {
        assert_eq!(words(Some(&first), &after), [("here", expected)], "{name}");
    }
}

const POINTS: &str = "Microsoft.VSTS.Scheduling.StoryPoints";

fn points(units: f64) -> Option<crate::domain::amount::Hundredths> {
    crate::domain::amount::Hundredths::from_units(units)
}

fn assigned(item: &WorkItem) -> WorkItem {
    with_details(item, |details| details.assigned_to = Some(Identity { id: None, name: "Jamal".into() }))
}

#[test]
fn the_first_sight_of_an_item_is_named_by_what_it_is() {
    assert_eq!(words(None, &item(13, 1, |_| {})), [("here", ChangeType::Created)]);
    assert_eq!(words(None, &item(13, 2, |_| {})), [("here", ChangeType::Updated)]);
    assert_eq!(words(None, &item(13, 2, |facts| facts.deleted = true)), [], "no board shows it");
}

#[test]
fn a_deleted_item_comes_back_as_restored() {
    let deleted = item(13, 2, |facts| facts.deleted = true);
    assert_eq!(words(Some(&deleted), &moved(&deleted, |_| {})), [("here", ChangeType::Restored)]);
    assert_eq!(words(Some(&deleted), &moved(&deleted, |facts| facts.deleted = true)), []);
}

#[test]
fn a_move_is_told_to_both_boards() {
    let before = item(13, 2, |_| {});
    let after = moved(&before, |facts| (facts.project, facts.state) = (other_project(), "Active".into()));
    assert_eq!(
        words(Some(&before), &after),
        [("here", ChangeType::MovedOut), ("there", ChangeType::MovedIn)]
    );
    let bodies: Vec<_> =
        changes(Some(&before), &after, &Teams::default(), &People::default(), Timestamp::default())
            .into_iter()
            .map(|change| change.body)
            .collect();
    assert!(matches!(&bodies[0], Body::WorkitemChanged { item: None, .. }));
    assert!(matches!(&bodies[1], Body::WorkitemChanged { item: Some(_), .. }));
}

#[test]
fn a_repeated_and_a_late_revision_announce_nothing() {
    let newest = item(13, 3, |facts| facts.state = "Closed".into());
    assert_eq!(words(Some(&newest), &newest.merge(&newest)), []);
    assert_eq!(words(Some(&newest), &newest.merge(&item(13, 2, |_| {}))), []);
}

#[test]
fn the_fields_are_the_difference_to_our_own_previous_item() {
    let before = item(13, 2, |_| {});
    let after = moved(&before, |facts| facts.state = "Closed".into());
    let [change] =
        changes(Some(&before), &after, &Teams::default(), &People::default(), Timestamp::default())
            .try_into()
            .unwrap();
    let Body::WorkitemChanged { fields, item, rev, .. } = change.body else { panic!("another event") };
    assert_eq!(
        fields.into_iter().collect::<Vec<_>>(),
        [(
            "System.State".into(),
            OldNew { old: Value::String("New".into()), new: Value::String("Closed".into()) }
        )]
    );
    let item = item.unwrap();
    assert_eq!((rev, item.rev, &*item.state), (3, 3, "Closed"));
    assert_eq!(item.changed_at, Timestamp::from_epoch_ms(3000));
}

fn ranked(item: &WorkItem, field: &str, number: f64) -> WorkItem {
    with_details(item, |details| details.ranks = [(field.into(), Rank::new(number).unwrap())].into())
}

#[test]
fn w22_a_move_in_the_backlog_is_told_of_the_field_that_orders_it_and_who_moved() {
    let mia = Identity { id: Some("m-1".into()), name: "Mia Berg".into() };
    let mut people = People::default();
    people.meet(&with_details(&item(1, 1, |_| {}), |details| details.assigned_to = Some(mia.clone())));
    let [stack_rank, priority] = ORDER_FIELDS;
    let before = ranked(&item(13, 2, |_| {}), stack_rank, 1_999_999_843.0);
    let moved = ranked(&item(13, 3, |_| {}), stack_rank, 1_999_999_995.5);
    let mut claim = moved.present().claim.clone();
    claim.changed_by = Some(Identity { id: None, name: "Mia Berg".into() });
    let moved = WorkItem::new(moved.id, 3, claim, moved.present().details.clone());
    let told = |teams: &Teams, after: &WorkItem| {
        let told = changes(Some(&before), after, teams, &people, Timestamp::default());
        told.into_iter().map(|change| json(&change.body)).collect::<Vec<_>>()
    };
    let [change] = told(&Teams::default(), &before.merge(&moved)).try_into().unwrap();
    assert_eq!(
        change["fields"],
        serde_json::json!({ stack_rank: { "old": 1_999_999_843, "new": 1_999_999_995.5 } })
    );
    assert_eq!((&change["changeType"], &change["changedBy"]), (&"updated".into(), &json(&mia)));
    assert_eq!(change["item"]["rank"], 1_999_999_995.5);

    // A project that is ordered by another field: what a process that it had before left there is nothing to its boards.
    let mut teams = Teams::default();
    teams.learn(Arc::new(Catalogue { order_field: Some(priority.into()), ..catalogue() }));
    assert_eq!(told(&teams, &before.merge(&moved)), Vec::<Value>::new());
    let [change] = told(&teams, &before.merge(&ranked(&moved, priority, 1000.0))).try_into().unwrap();
    assert_eq!(change["fields"], serde_json::json!({ priority: { "old": null, "new": 1000 } }));
    assert_eq!(change["item"]["rank"], 1000);
}

#[test]
fn a_person_whom_one_way_tells_without_an_id_is_the_same_person() {
    let person = |id: Option<&str>, name: &str| {
        with_details(&item(13, 1, |_| {}), |details| {
            details.assigned_to = Some(Identity { id: id.map(Into::into), name: name.into() });
        })
    };
    let is_told = |one: &WorkItem, other: &WorkItem| {
        changed_fields(Some(one.present()), other.present(), &NamedFields::default(), &People::default())
            .contains_key("System.AssignedTo")
    };
    assert!(!is_told(&person(Some("1"), "Jamal"), &person(None, "Jamal")));
    assert!(!is_told(&person(None, "Jamal"), &person(Some("1"), "Jamal")));
    assert!(is_told(&person(Some("1"), "Jamal"), &person(Some("2"), "Jamal")), "two people of one name");
    assert!(is_told(&person(Some("1"), "Jamal"), &person(None, "Raisa")));
    assert!(is_told(&item(13, 1, |_| {}), &person(None, "Raisa")));
}

#[test]
fn w23_fault_b12_nothing_is_told_of_a_revision_that_changed_nothing_a_board_shows() {
    let first = item(13, 2, |_| {});
    assert_eq!(words(Some(&first), &moved(&first, |_| {})), [], "a link was added");
    let unseen =
        moved(&first, |facts| facts.effort = Arc::new([("Custom.Odd".into(), points(3.0).unwrap())].into()));
    assert_eq!(words(Some(&first), &unseen), [], "a number that no board of the item estimates in");
    let earlier = [("here", ChangeType::Updated)];
    assert_eq!(
        words(Some(&moved(&first, |_| {})), &first),
        earlier,
        "the later one was none of the organisation's"
    );
}
