//! Snapshots: encoded once while nothing changes, bounded, and never older than their position says.

use super::*;
use crate::board::projection::Projection;
use crate::domain::record::delta::Delta;
use crate::domain::scope::Audience;
use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};
use crate::domain::sprint::work_item::WorkItem;
use crate::domain::stored::Stored;
use crate::domain::testing::{item, other_project, project, with_details};
use crate::domain::{CurrentSprint, EFFORT_FIELDS, Hundredths, NameOrId};
use crate::journal::{Entry, LoadedRecords, NewEntry};

fn id(seq: u64) -> EntryId {
    EntryId { ms: 1, seq }
}

fn apply(fold: &Fold, seq: u64, observation: &WorkItem) {
    let delta = Delta { observations: vec![observation.clone()], ..Delta::default() };
    let audience = Audience::Scope(Scope::project(project()));
    let content = NewEntry { audience, event: None, delta: Some(delta.encode().into()) };
    fold.apply(&[Entry { id: id(seq), ends_commit: true, content }]);
}

fn snapshots() -> (Arc<Fold>, Snapshots) {
    snapshots_at(Timestamp::from_epoch_ms(5))
}

fn snapshots_at(now: Timestamp) -> (Arc<Fold>, Snapshots) {
    let fold = Arc::new(Fold::default());
    fold.reset(
        Projection::from_records(LoadedRecords { records: vec![], position: id(0), whole_at: id(0) }).0,
    );
    let clock: Clock = Arc::new(move || now);
    (fold.clone(), Snapshots::new(fold, Arc::default(), clock, AllowedBoards::default(), false))
}

fn take(snapshots: &Snapshots, filter: &ScopeFilter) -> Taken {
    snapshots.take(|state| snapshots.scopes(state, filter)).0
}

fn json(bytes: &Bytes) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn a_snapshot_is_encoded_once_until_its_board_changes() {
    let (fold, snapshots) = snapshots();
    apply(&fold, 1, &item(13, 1, |_| {}));
    let (first, again) =
        (take(&snapshots, &ScopeFilter::default()), take(&snapshots, &ScopeFilter::default()));
    assert_eq!(first.boards[0].as_ptr(), again.boards[0].as_ptr());
    apply(&fold, 2, &item(14, 1, |facts| facts.project = other_project()));
    let beside = take(
        &snapshots,
        &ScopeFilter { projects: vec![NameOrId::parse("fabrikam").unwrap()], ..Default::default() },
    );
    assert_eq!(beside.position, id(2));
    apply(&fold, 3, &item(13, 2, |_| {}));
    let changed = take(&snapshots, &ScopeFilter::default());
    assert!(changed.boards.iter().any(|board| json(board)["data"]["items"][0]["rev"] == 2));
}

#[test]
fn a_board_without_a_team_has_items_and_counts_and_no_other_metric() {
    let (fold, snapshots) = snapshots();
    apply(&fold, 1, &item(13, 1, |_| {}));
    apply(&fold, 2, &item(14, 2, |facts| facts.state = "Active".into()));
    let board = json(&take(&snapshots, &ScopeFilter::default()).boards[0]);
    let data = &board["data"];
    assert_eq!((&data["sprint"], &data["nextSprint"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(data["metrics"], serde_json::json!({ "items.total": { "value": 2, "unit": "items" } }));
    assert_eq!(data["states"][0]["name"], "Active");
    assert_eq!(data["history"], "partial", "of item 14 only the second revision is known");
    assert_eq!((&board["level"], &board["dataAsOf"]), (&"full".into(), &2_000.into()));
}

#[test]
fn a_board_too_large_for_an_event_leaves_its_items_to_a_fetch() {
    let (fold, snapshots) = snapshots();
    for number in 1..=200 {
        let item =
            with_details(&item(number, 1, |_| {}), |details| details.title = "t".repeat(400).as_str().into());
        apply(&fold, u64::from(number), &item);
    }
    let taken = take(&snapshots, &ScopeFilter::default());
    let board = json(&taken.boards[0]);
    assert!(taken.boards[0].len() <= EVENT_BYTES_MAX);
    assert!(board["data"].get("items").is_none());
    assert_eq!(board["url"], format!("/api/snapshot?project={}&team=-&at=1-200", project()));
    let answer = snapshots.board(Scope::project(project()), |_| false);
    assert_eq!(board["etag"], answer.etag);
    assert_eq!(json(&answer.json.unwrap())["items"].as_array().unwrap().len(), 200);
}

#[test]
fn a_sprint_of_a_year_leaves_its_lines_in_other_units_to_a_fetch() {
    let (fold, snapshots) = snapshots_at(Timestamp::parse("2027-11-16T17:00:00Z").unwrap());
    let mut catalogue = catalogue();
    catalogue.iterations[0].finish = Some("2027-11-16".parse().unwrap());
    let scope = catalogue.key().scope(Some(sprint_id()));
    let work = |number, work_item_type: &str, points| {
        item(number, 1, |facts| {
            facts.work_item_type = work_item_type.into();
            facts.remaining_work = Hundredths::from_units(1_234.25);
            let effort = (EFFORT_FIELDS[0].into(), Hundredths::from_units(points).unwrap());
            facts.effort = Arc::new([effort].into());
        })
    };
    let delta = Delta {
        observations: vec![work(1, "Bug", 1_234.25), work(2, "Task", 0.0)],
        sprints: vec![CurrentSprint { team: catalogue.key(), sprint: Some(sprint_id()) }],
        catalogues: vec![catalogue],
        ..Delta::default()
    };
    let content =
        NewEntry { audience: Audience::Scope(scope), event: None, delta: Some(delta.encode().into()) };
    fold.apply(&[Entry { id: id(1), ends_commit: true, content }]);
    let event = snapshots.take(|_| vec![scope]).0.boards.remove(0);
    let told = json(&event);
    assert!(event.len() <= EVENT_BYTES_MAX, "{}", event.len());
    assert_eq!(told["data"]["burndown"]["days"].as_array().unwrap().len(), 366);
    assert_eq!((told["data"].get("items"), told["data"]["burndown"].get("others")), (None, None));
    assert!(told["url"].is_string());
    let answer = json(&snapshots.board(scope, |_| false).json.unwrap());
    assert_eq!(answer["burndown"]["others"].as_array().unwrap().len(), 2);
}

#[test]
fn the_entity_tag_moves_with_the_board_and_not_with_others() {
    let (fold, snapshots) = snapshots();
    apply(&fold, 1, &item(13, 1, |_| {}));
    let tag = || snapshots.board(Scope::project(project()), |_| false).etag;
    assert_eq!(tag(), "\"1-1-full\"");
    apply(&fold, 2, &item(14, 1, |facts| facts.project = other_project()));
    assert_eq!(tag(), "\"1-1-full\"");
    apply(&fold, 3, &item(13, 2, |_| {}));
    assert_eq!(tag(), "\"1-3-full\"");
}

#[test]
fn fault_e6_what_a_client_has_is_not_put_together_again() {
    let (fold, snapshots) = snapshots();
    apply(&fold, 1, &item(13, 1, |_| {}));
    let scope = Scope::project(project());
    let first = snapshots.board(scope, |_| false);
    let again = snapshots.board(scope, |etag| etag == first.etag);
    assert!(first.json.is_some() && again.json.is_none());
    assert_eq!((again.etag, again.data_as_of), (first.etag, first.data_as_of));
}

#[test]
fn a_filter_names_projects_by_name_or_id_and_a_team_that_nobody_knows_matches_nothing() {
    let (fold, snapshots) = snapshots();
    apply(&fold, 1, &item(13, 1, |_| {}));
    let count = |projects: &[&str], teams: &[&str]| {
        let names = |names: &[&str]| names.iter().filter_map(|name| NameOrId::parse(name)).collect();
        take(&snapshots, &ScopeFilter { projects: names(projects), teams: names(teams) }).boards.len()
    };
    assert_eq!(count(&[], &[]), 1);
    assert_eq!(count(&["FABRIKAM"], &[]), 1);
    assert_eq!(count(&["contoso", &project().to_string()], &[]), 1);
    assert_eq!(count(&["contoso"], &[]), 0);
    assert_eq!(count(&[], &["web"]), 0);
}

#[test]
fn only_projects_that_are_served_are_seen() {
    let fold = Arc::new(Fold::default());
    fold.reset(
        Projection::from_records(LoadedRecords { records: vec![], position: id(0), whole_at: id(0) }).0,
    );
    apply(&fold, 1, &item(13, 1, |_| {}));
    apply(&fold, 2, &item(14, 1, |facts| facts.project = other_project()));
    let allowed = AllowedBoards::projects(vec![NameOrId::parse(&other_project().to_string()).unwrap()]);
    let snapshots = Snapshots::new(fold, Arc::default(), Arc::new(Timestamp::default), allowed, false);
    let directory = snapshots.directory(&ScopeFilter::default());
    assert_eq!(
        directory.scopes.iter().map(|row| row.scope.project_id).collect::<Vec<_>>(),
        [other_project()]
    );
    assert_eq!(take(&snapshots, &ScopeFilter::default()).boards.len(), 1);
}
