//! The shapes of the answers, read from small ones of our own.

use super::*;

pub(crate) const AREAS: &str = include_str!("../../../tests/fixtures/rest/areas.json");

fn ids(numbers: &[u32]) -> BTreeSet<WorkItemId> {
    numbers.iter().map(|number| WorkItemId::new(*number).unwrap()).collect()
}

fn day(text: &str) -> Option<CivilDate> {
    serde_json::from_value(text.into()).ok().map(|Day(date)| date)
}

#[test]
fn a_date_is_the_date_that_is_written() {
    let expected = CivilDate::from_ymd_opt(2026, 11, 16);
    for text in ["2026-11-16T00:00:00Z", "2026-11-16T00:00:00", "2026-11-16T23:00:00-08:00", "2026-11-16"] {
        assert_eq!(day(text), expected, "{text}");
    }
    for text in ["", "T", "16.11.2026", "2026-13-01T00:00:00Z"] {
        assert_eq!(day(text), None, "{text}");
    }
}

#[test]
fn the_paths_of_areas_are_made_from_their_names() {
    let ids = serde_json::from_str::<Node>(AREAS).unwrap().ids_by_path();
    let paths: Vec<&str> = ids.keys().map(String::as_str).collect();
    assert_eq!(paths, ["Northwind", "Northwind\\Shop", "Northwind\\Shop\\Area", "Northwind\\Stock"]);
    assert_eq!(ids["Northwind\\Shop\\Area"], AreaId::parse("11111111-0000-4000-8000-000000000003").unwrap());
}

#[test]
fn both_ends_of_each_link_are_items_of_a_sprint_once() {
    let text = include_str!("../../../tests/fixtures/rest/sprint-work-items.json");
    assert_eq!(serde_json::from_str::<Relations>(text).unwrap().ids(), ids(&[12, 40, 41]));
    assert_eq!(serde_json::from_str::<Relations>(r#"{"workItemRelations":null}"#).unwrap().ids(), ids(&[]));
    assert!(serde_json::from_str::<Relations>("{}").is_err(), "an answer to something else");
}

#[test]
fn an_omitted_item_and_one_without_a_revision_have_no_head() {
    let text = include_str!("../../../tests/fixtures/rest/heads.json");
    let heads: Listed<Option<Head>> = serde_json::from_str(text).unwrap();
    let heads: Vec<_> = heads.value.into_iter().flatten().filter_map(Head::known).collect();
    let of_12 = HeadRevision { rev: 3, changed_at: Timestamp::parse("2026-11-23T09:30:00.123Z") };
    let of_40 = HeadRevision { rev: 9, changed_at: None };
    let paths = Some(("Northwind\\Shop".into(), "Northwind\\Sprint 1".into()));
    let expected = ids(&[12, 40]).into_iter().zip([(of_12, paths), (of_40, None)]);
    let expected: Vec<_> = expected.map(|(id, (revision, paths))| ItemHead { id, revision, paths }).collect();
    assert_eq!(heads, expected);
}

#[test]
fn a_list_has_one_of_two_names() {
    for text in [r#"{"count":1,"value":[7]}"#, r#"{"values":[7]}"#] {
        assert_eq!(serde_json::from_str::<Listed<u32>>(text).unwrap().value, [7]);
    }
}
