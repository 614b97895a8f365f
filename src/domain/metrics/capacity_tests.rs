//! What each member can still work, and how much work is theirs.

use serde_json::{Value, json};

use super::super::testing::details;
use super::testing::{amount, as_they_are, figures_of, frame, hours, life_with, noon, story};
use super::*;
use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};
use crate::domain::sprint::catalogue::{Catalogue, Member};
use crate::domain::sprint::work_item::{Details, Facts, Identity, WorkItem};

/// Jamal, of whom no id is known, six hours a day, and Anna, three.
fn team() -> Catalogue {
    let mut catalogue = catalogue();
    let members = catalogue.capacities.get_mut(&sprint_id()).unwrap();
    let jamal = members[0].clone();
    members.push(Member {
        id: Some("a".into()),
        name: "Anna".into(),
        activities: vec!["Testing".into(), "Design".into()],
        per_day: amount(3.0),
        ..jamal
    });
    catalogue
}

fn who(id: Option<&str>, name: &str) -> Option<Identity> {
    Some(Identity { id: id.map(Into::into), name: name.into() })
}

fn task_of(number: u32, who: Option<Identity>, left: f64) -> WorkItem {
    let details = Details { assigned_to: who, ..details() };
    let change = |facts: &mut Facts| {
        facts.work_item_type = "Task".into();
        hours("Active", left)(facts);
    };
    life_with(number, details, &[(1, "2026-11-16T15:00:00Z", &change)])
}

fn detail(catalogue: &Catalogue, items: &[WorkItem]) -> Value {
    figures_of(catalogue, items, noon()).metrics["hours.capacity"].detail.clone().unwrap()
}

/// Name, hours, remaining and over of each.
fn rows(detail: &Value) -> Vec<Value> {
    let members = detail["members"].as_array().unwrap().iter();
    members.map(|row| json!([row["name"], row["hours"], row["remaining"], row["over"]])).collect()
}

#[test]
fn each_member_is_told_with_what_is_left_to_work_and_the_work_that_is_theirs() {
    let items = [
        task_of(1, who(None, "Jamal"), 30.0),
        task_of(2, who(None, "Jamal"), 6.0),
        task_of(3, who(Some("a"), "Anna of late"), 18.25),
        task_of(4, None, 2.5),
        story(5, hours("Active", 100.0)),
    ];
    let figures = figures_of(&team(), &items, noon());
    let detail = detail(&team(), &items);
    // Seven days are left of which each has one off; the work of exactly as many hours as there are is not too much.
    let expected = [json!(["Jamal", 36, 36, false]), json!(["Anna", 18, 18.25, true])];
    assert_eq!((rows(&detail), &detail["unassigned"]), (expected.into(), &json!(2.5)));
    assert_eq!(detail["members"][1]["activities"], json!(["Testing", "Design"]));
    let sum = |what: &str| {
        detail["members"].as_array().unwrap().iter().map(|row| row[what].as_f64().unwrap()).sum::<f64>()
    };
    assert_eq!(Some(sum("hours")), figures.value("hours.capacity"));
    assert_eq!(Some(sum("remaining") + 2.5), figures.value("hours.remaining"));
}

#[test]
fn whoever_has_work_and_no_capacity_is_told_without_hours() {
    let items = [
        task_of(1, who(Some("b"), "Anna"), 1.0),
        task_of(2, who(None, "Zoe"), 2.0),
        task_of(3, who(Some("z"), "Zoe"), 4.0),
        task_of(4, who(Some("j"), "Jamal"), 8.0),
    ];
    let expected = [
        json!(["Jamal", 36, 8, false]),
        json!(["Anna", 18, 0, false]),
        // Another Anna, by her id; and Zoe, whose name alone a hook told.
        json!(["Anna", null, 1, false]),
        json!(["Zoe", null, 6, false]),
    ];
    assert_eq!(rows(&detail(&team(), &items)), expected);
}

#[test]
fn a_name_that_two_have_is_nobodys_in_particular() {
    let mut team = team();
    team.capacities.get_mut(&sprint_id()).unwrap()[0].name = "Anna".into();
    let rows = rows(&detail(&team, &[task_of(1, who(None, "Anna"), 1.0)]));
    assert_eq!(
        rows,
        [json!(["Anna", 36, 0, false]), json!(["Anna", 18, 0, false]), json!(["Anna", null, 1, false])]
    );
}

#[test]
fn where_hours_are_not_known_nobody_is_told_to_have_too_many() {
    let team = Catalogue { remaining_work_field: Some("Custom.Hours".into()), ..team() };
    let unkept = life_with(
        1,
        details(),
        &[(1, "2026-11-16T15:00:00Z", &|facts: &mut Facts| {
            facts.work_item_type = "Task".into();
            facts.has_more_numbers = true;
        })],
    );
    let detail = detail(&team, &[unkept]);
    assert_eq!(rows(&detail), [json!(["Jamal", 36, null, false]), json!(["Anna", 18, null, false])]);
    assert_eq!(detail["unassigned"], Value::Null);
}

#[test]
fn the_explanation_has_a_row_of_plain_values_for_each_member() {
    let team = team();
    let explained = explain("hours.capacity", &frame(&team), as_they_are([]), noon()).unwrap();
    let jamal =
        json!({ "name": "Jamal", "activities": "Development", "perDay": 6, "daysLeft": 6, "hours": 36 });
    let anna =
        json!({ "name": "Anna", "activities": "Testing, Design", "perDay": 3, "daysLeft": 6, "hours": 18 });
    assert_eq!(explained.inputs["members"], json!([jamal, anna]));
}
