//! What happened on a board since an instant.

use serde_json::{Value, json};

use super::testing::{at, frame, life, points, state, story, task};
use super::*;
use crate::domain::WorkItemId;
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::work_item::{Facts, WorkItem};

const BEFORE: &str = "2026-11-17T12:00:00Z";
const SINCE: &str = "2026-11-18T14:30:00Z";
const AFTER: &str = "2026-11-18T15:00:00Z";

fn happened(items: &[WorkItem]) -> HappenedSince {
    let catalogue = catalogue();
    happened_since(&frame(&catalogue), items.iter(), at(SINCE), at("2026-11-18T17:00:00Z"))
}

/// What is told of one item: kind, from and to of each change.
fn told(item: WorkItem) -> Vec<Value> {
    let happened = happened(&[item]);
    assert_eq!((happened.left_out, happened.unknown_items), (0, 0));
    happened.changes.iter().map(|change| json!([change.kind, change.from, change.to])).collect()
}

fn in_sprint(path: &'static str) -> impl Fn(&mut Facts) {
    move |facts| facts.iteration_path = path.into()
}

fn two(before: impl Fn(&mut Facts), after: impl Fn(&mut Facts)) -> WorkItem {
    life(1, &[(1, BEFORE, &before), (2, AFTER, &after)])
}

#[test]
fn a_change_of_state_says_what_it_means() {
    for (was, is, kind) in [
        ("New", "Active", Some("started")),
        ("New", "Resolved", Some("started")),
        ("Active", "Resolved", None),
        ("Resolved", "Closed", Some("completed")),
        ("New", "Closed", Some("completed")),
        ("Closed", "Active", Some("reopened")),
        ("Active", "New", None),
        ("Active", "Removed", Some("removed")),
        ("Removed", "New", Some("added")),
    ] {
        let expected: Vec<Value> = kind.map(|kind| json!([kind, was, is])).into_iter().collect();
        assert_eq!(told(two(state(was), state(is))), expected, "{was} to {is}");
    }
}

#[test]
fn what_comes_and_goes_says_from_where_and_to_where() {
    let (here, there) = ("Fabrikam\\Sprint 1", "Fabrikam\\Sprint 2");
    assert_eq!(told(two(in_sprint("Fabrikam"), in_sprint(here))), [json!(["added", "Fabrikam", here])]);
    assert_eq!(told(two(in_sprint(here), in_sprint(there))), [json!(["removed", here, there])]);
    assert_eq!(told(two(|_| {}, |facts| facts.deleted = true)), [json!(["removed", here, null])]);
    assert_eq!(told(two(|facts| facts.deleted = true, |_| {})), [json!(["added", null, here])]);
    let area = |path: &'static str| move |facts: &mut Facts| facts.area_path = path.into();
    assert_eq!(told(two(area("Else"), area("Fabrikam"))), [json!(["added", "Else", "Fabrikam"])]);
    assert_eq!(told(two(in_sprint("Fabrikam"), in_sprint(there))), Vec::<Value>::new());
    assert_eq!(told(life(1, &[(1, AFTER, &points("Active", 3.0))])), [json!(["created", null, "Active"])]);
    assert_eq!(told(life(1, &[(1, AFTER, &in_sprint(there))])), Vec::<Value>::new());
}

#[test]
fn what_the_sprint_before_left_open_is_carried_over() {
    let mut catalogue = catalogue();
    let before =
        catalogue.iterations.iter_mut().find(|sprint| &*sprint.name == "Fabrikam\\Sprint 2").unwrap();
    before.start = Some("2026-11-02".parse().unwrap());
    before.finish = Some("2026-11-13".parse().unwrap());
    let kinds = |was: &'static str| {
        let from = move |facts: &mut Facts| {
            facts.state = was.into();
            facts.iteration_path = "Fabrikam\\Sprint 2".into();
        };
        let items = [two(from, state(was))];
        let happened =
            happened_since(&frame(&catalogue), items.iter(), at(SINCE), at("2026-11-18T17:00:00Z"));
        happened.changes.iter().map(|change| json!(change.kind)).collect::<Vec<_>>()
    };
    assert_eq!((kinds("Active"), kinds("Closed")), (vec![json!("carried_over")], vec![json!("added")]));
}

#[test]
fn estimates_and_blocks_are_told_of_what_is_open() {
    let estimated = |effort| points("Active", effort);
    assert_eq!(told(two(estimated(3.0), estimated(5.0))), [json!(["reestimated", 3, 5])]);
    assert_eq!(told(two(state("Active"), estimated(5.0))), [json!(["reestimated", null, 5])]);
    let column = |blocked: bool| {
        move |facts: &mut Facts| {
            facts.state = "Active".into();
            facts.blocked = blocked;
            if blocked {
                facts.flags = std::sync::Arc::new(["Microsoft.VSTS.CMMI.Blocked".into()].into());
            }
        }
    };
    let by = "field Microsoft.VSTS.CMMI.Blocked";
    let blocked = told(two(column(false), column(true)));
    assert_eq!(blocked, [json!(["blocked", null, by])]);
    let by_field = "field:Microsoft.VSTS.CMMI.Blocked";
    let own = crate::domain::BlockedRules::parse(by_field).unwrap();
    let catalogue = Catalogue { blocked_by: own, ..catalogue() };
    let items = [two(column(true), column(false))];
    let happened = happened_since(&frame(&catalogue), items.iter(), at(SINCE), at("2026-11-18T17:00:00Z"));
    assert_eq!(json!(happened.changes[0].kind), "unblocked");
}

#[test]
fn tasks_are_told_and_what_is_on_no_backlog_is_not() {
    let as_a = |name: &'static str, work_item_type: &'static str| {
        move |facts: &mut Facts| {
            facts.state = name.into();
            facts.work_item_type = work_item_type.into();
        }
    };
    assert_eq!(told(two(as_a("New", "Task"), as_a("Active", "Task"))), [json!(["started", "New", "Active"])]);
    assert_eq!(told(two(as_a("New", "Epic"), as_a("Active", "Epic"))), Vec::<Value>::new());
    let left = two(as_a("New", "Task"), |facts| {
        facts.work_item_type = "Task".into();
        facts.iteration_path = "Fabrikam".into();
    });
    let levels = |item: WorkItem| json!(happened(&[item]).changes[0].backlog);
    assert_eq!(
        (levels(left), levels(two(state("New"), state("Active")))),
        (json!("task"), json!("requirement"))
    );
}

#[test]
fn who_and_when_are_those_of_the_revision_and_what_was_before_is_not_told() {
    let item =
        life(1, &[(1, BEFORE, &state("New")), (2, SINCE, &state("Active")), (3, AFTER, &state("Closed"))]);
    let happened = happened(&[item, story(2, |_| {}), task(3, |_| {})]);
    let at_of: Vec<_> = happened.changes.iter().map(|change| (change.id.number(), change.at)).collect();
    assert_eq!(
        at_of,
        [(1, at(SINCE)), (1, at(AFTER))],
        "the instant itself is in, and what was made before is not"
    );
    assert_eq!(&*happened.changes[0].title, "A title");
}

#[test]
fn where_a_revision_is_missing_nothing_is_told_and_the_item_is_counted() {
    let gap = |first: &'static str| life(1, &[(1, BEFORE, &state(first)), (3, AFTER, &state("Closed"))]);
    let late = life(2, &[(5, AFTER, &state("Closed"))]);
    let elsewhere = life(3, &[(5, AFTER, &in_sprint("Fabrikam"))]);
    let happened = happened(&[gap("New"), late, elsewhere]);
    assert_eq!((happened.changes.len(), happened.unknown_items), (0, 2));
}

#[test]
fn of_more_than_two_hundred_changes_the_newest_are_told() {
    let items: Vec<WorkItem> = (1..=203).map(|number| life(number, &[(1, AFTER, &state("New"))])).collect();
    let happened = happened(&items);
    assert_eq!((happened.changes.len(), happened.left_out), (200, 3));
    assert_eq!(happened.changes[0].id, WorkItemId::new(4).unwrap());
}
