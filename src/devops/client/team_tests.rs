//! What is made of the answers about a team.

use super::super::answers::Node;
use super::*;
use crate::domain::scope::AreaId;
use crate::domain::sprint::catalogue::{BugsBehaviour, StateCategory};

fn fixture<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

fn day(day: u32) -> CivilDate {
    CivilDate::from_ymd_opt(2026, 11, day).unwrap()
}

fn span() -> Span {
    Span::new(day(16), day(27)).unwrap()
}

fn backlogs() -> BacklogConfiguration {
    fixture(include_str!("../../../tests/fixtures/rest/backlog-configuration.json"))
}

#[test]
fn iterations_have_the_dates_that_are_written_or_none() {
    let listed: Listed<IterationAnswer> =
        fixture(include_str!("../../../tests/fixtures/rest/iterations.json"));
    let iterations: Vec<Iteration> = listed.value.into_iter().map(iteration).collect();
    let dates: Vec<_> = iterations.iter().map(|sprint| (sprint.start, sprint.finish)).collect();
    assert_eq!(dates, [(Some(day(16)), Some(day(27))), (None, None), (None, None)]);
    assert!(iterations[0].contains("Northwind\\Release 1\\Sprint 1\\Week 1"));
    assert!(iterations[2].paths.is_empty(), "without a path nothing is in it");
}

#[test]
fn areas_have_the_guid_of_the_tree_where_it_has_them() {
    let ids = fixture::<Node>(include_str!("../../../tests/fixtures/rest/areas.json")).ids_by_path();
    let values = include_str!("../../../tests/fixtures/rest/team-field-values.json");
    let (found, field) = areas(fixture(values), &ids);
    assert_eq!(field, None);
    let parts: Vec<_> = found.iter().map(|area| (area.id, &*area.paths[0], area.include_children)).collect();
    let shop = AreaId::parse("11111111-0000-4000-8000-000000000002");
    assert_eq!(parts, [(shop, "Northwind\\Shop", true), (None, "Northwind\\Closed long ago", false)]);
    let other_field = values.replace("System.AreaPath\",", "Custom.Team\",");
    assert_eq!(areas(fixture(&other_field), &ids), (Vec::new(), Some("Custom.Team".into())));
}

#[test]
fn the_backlog_says_types_effort_bugs_and_states() {
    let backlogs = backlogs();
    let types = |backlog: &super::super::answers::Backlog| backlog.types().into_iter().collect::<Vec<_>>();
    assert_eq!(types(&backlogs.requirement_backlog), [Text::from("Story")]);
    assert_eq!(types(&backlogs.task_backlog), [Text::from("Task"), Text::from("Tech Task")]);
    assert_eq!(backlogs.field("Effort").as_deref(), Some("Custom.Points"));
    assert_eq!(backlogs.field("Order").as_deref(), Some("Microsoft.VSTS.Common.StackRank"));
    assert_eq!(backlogs.bugs_behavior, BugsBehaviour::AsTasks);
    let states = mapped_states(&backlogs);
    assert_eq!(states["Story"]["Doing"], StateCategory::InProgress);
    assert_eq!(states["Bug"]["Doing"], StateCategory::Resolved, "the same name in another type");
    assert!(!states["Story"].contains_key("Odd"), "a category that nobody knows says nothing");
}

#[test]
fn a_member_can_do_what_all_activities_together_say() {
    let capacities: Capacities = fixture(include_str!("../../../tests/fixtures/rest/capacities.json"));
    let members: Vec<Member> =
        capacities.team_members.into_iter().filter_map(|member| of_member(member, span())).collect();
    let parts: Vec<_> = members.iter().map(|member| (&*member.name, member.per_day.hundredths())).collect();
    assert_eq!(parts, [("Nancy Davolio", 575), ("Andrew Fuller", 0)]);
    assert_eq!(members[0].id.as_deref(), Some("33333333-0000-4000-8000-000000000001"));
    assert_eq!(
        (&*members[0].activities, members[1].activities.len()),
        (&["Development", "Testing"].map(Text::from)[..], 0)
    );
    assert_eq!(members[0].days_off, BTreeSet::from([day(19), day(20)]));
    assert!(members[1].days_off.is_empty());
}

#[test]
fn days_off_are_those_of_the_sprint_however_far_a_range_goes() {
    let off = |start: &str, end: &str| {
        let range = format!(r#"[{{"start":"{start}T00:00:00Z","end":"{end}T00:00:00Z"}}]"#);
        days(fixture(&range), span())
    };
    assert_eq!(off("2026-11-26", "9999-12-31"), BTreeSet::from([day(26), day(27)]));
    assert_eq!(off("0001-01-01", "2026-11-16"), BTreeSet::from([day(16)]));
    assert!(off("2026-11-20", "2026-11-19").is_empty());
    assert!(off("2026-12-01", "2026-12-02").is_empty());
}
