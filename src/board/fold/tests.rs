//! The fold: what it makes of the log does not depend on where it began.

use super::*;
use crate::board::projection::Board;
use crate::domain::record::delta::Delta;
use crate::domain::scope::{Audience, Scope};
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::catalogue::tests::{catalogue, other_sprint_id, sprint_id};
use crate::domain::sprint::teams::CurrentSprint;
use crate::domain::sprint::work_item::{WorkItem, WorkItemId};
use crate::domain::stored::Stored;
use crate::domain::testing::{item, other_project, project};
use crate::journal::{LoadedRecords, NewEntry, RecordKey, Versioned};

fn id(seq: u64) -> EntryId {
    EntryId { ms: 1, seq }
}

fn entry(seq: u64, observation: &WorkItem) -> Entry {
    let delta = Delta { observations: vec![observation.clone()], ..Delta::default() };
    let audience = Audience::Scope(Scope::project(project()));
    Entry {
        id: id(seq),
        ends_commit: true,
        content: NewEntry { audience, event: None, delta: Some(delta.encode().into()) },
    }
}

fn loaded(records: &[(u32, EntryId, &WorkItem)], position: EntryId) -> LoadedRecords {
    let record = |(number, version, item): &(u32, EntryId, &WorkItem)| {
        let key = RecordKey::item(WorkItemId::new(*number).unwrap());
        (key, Versioned { version: *version, value: item.encode().into() })
    };
    LoadedRecords { records: records.iter().map(record).collect(), position, whole_at: position }
}

#[test]
fn folding_the_log_and_loading_the_records_come_to_the_same() {
    let (first, second) = (item(13, 1, |_| {}), item(13, 2, |facts| facts.state = "Active".into()));
    let folded = Fold::default();
    folded.reset(Projection::from_records(loaded(&[], id(0))).0);
    folded.apply(&[entry(1, &first), entry(2, &second)]);
    let merged = first.merge(&second);
    let fresh = Fold::default();
    fresh.reset(Projection::from_records(loaded(&[(13, id(2), &merged)], id(2))).0);
    let of = |fold: &Fold| {
        let known = fold.read().item(merged.id).unwrap();
        ((*known.item).clone(), known.version, fold.position())
    };
    assert_eq!(of(&folded), of(&fresh));
    assert_eq!(of(&folded), (merged, id(2), Some(id(2))));
}

#[test]
fn folding_an_entry_that_a_load_already_had_changes_nothing() {
    let merged = item(13, 1, |_| {}).merge(&item(13, 2, |_| {}));
    let fold = Fold::default();
    fold.reset(Projection::from_records(loaded(&[(13, id(2), &merged)], id(0))).0);
    fold.apply(&[entry(1, &item(13, 1, |_| {})), entry(2, &item(13, 2, |_| {}))]);
    assert_eq!(*fold.read().item(merged.id).unwrap().item, merged);
    assert_eq!(fold.read().item(merged.id).unwrap().version, id(2));
}

#[test]
fn an_item_is_on_the_board_where_it_is_and_on_no_other() {
    let fold = Fold::default();
    fold.reset(Projection::from_records(loaded(&[], id(0))).0);
    let boards = |fold: &Fold| {
        fold.read().boards().map(|(scope, board)| (scope.project, board.items.len())).collect::<Vec<_>>()
    };
    fold.apply(&[entry(1, &item(13, 1, |_| {})), entry(2, &item(14, 1, |_| {}))]);
    assert_eq!(boards(&fold), [(project(), 2)]);
    fold.apply(&[entry(3, &item(13, 2, |facts| facts.project = other_project()))]);
    assert_eq!(boards(&fold), [(other_project(), 1), (project(), 1)]);
    assert_eq!(
        fold.read().board(Scope::project(project())).unwrap().touched,
        id(3),
        "leaving touches a board too"
    );
    fold.apply(&[entry(4, &item(14, 2, |facts| facts.deleted = true))]);
    assert_eq!(boards(&fold), [(other_project(), 1)]);
    assert_eq!(fold.read().items_len(), 2, "a deleted item stays as a tombstone");
}

#[test]
fn a_board_knows_since_when_it_is_known() {
    let fold = Fold::default();
    fold.reset(Projection::from_records(loaded(&[(13, id(2), &item(13, 1, |_| {}))], id(2))).0);
    let since = |fold: &Fold, project| fold.read().board(Scope::project(project)).unwrap().since;
    assert_eq!(since(&fold, project()), EntryId::ZERO, "nobody can tell when it became known");
    fold.apply(&[entry(3, &item(14, 1, |facts| facts.project = other_project()))]);
    assert_eq!(since(&fold, other_project()), id(3));
}

#[test]
fn what_cannot_be_decoded_is_named_and_stops_nothing() {
    let fold = Fold::default();
    let mut broken = loaded(&[(13, id(1), &item(13, 1, |_| {}))], id(1));
    broken.records[0].1.value = "{".into();
    let (state, undecodable) = Projection::from_records(broken);
    assert_eq!(undecodable, ["item/13"]);
    fold.reset(state);
    let mut undecodable = entry(2, &item(13, 1, |_| {}));
    undecodable.content.delta = Some("?".into());
    assert_eq!(fold.apply(&[undecodable, entry(3, &item(14, 1, |_| {}))]), [id(2)]);
    assert_eq!((fold.position(), fold.read().items_len()), (Some(id(3)), 1));
}

#[tokio::test]
async fn waiting_for_a_position_ends_when_the_fold_has_passed_it() {
    let fold = Fold::default();
    let waiting = fold.passed(id(2));
    let mut waiting = std::pin::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    fold.reset(Projection::from_records(loaded(&[], id(0))).0);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    fold.apply(&[entry(2, &item(13, 1, |_| {}))]);
    waiting.await;
}

#[test]
fn dropped_items_leave_their_boards() {
    let fold = Fold::default();
    fold.reset(Projection::from_records(loaded(&[(13, id(1), &item(13, 1, |_| {}))], id(1))).0);
    let mut dropping = entry(2, &item(13, 1, |_| {}));
    let delta = Delta { dropped: vec![WorkItemId::new(13).unwrap()], ..Delta::default() };
    dropping.content.delta = Some(delta.encode().into());
    fold.apply(&[dropping]);
    let state = fold.read();
    assert_eq!((state.items_len(), state.boards().count()), (0, 0));
}

/// The entry that tells of a team, and of the sprint it is in.
fn team_entry(seq: u64, catalogue: &Catalogue, current: bool) -> Entry {
    let team = catalogue.key();
    let delta = Delta {
        writes: vec![RecordKey::teams_of_project(team.project).to_string()],
        catalogues: vec![catalogue.clone()],
        sprints: vec![CurrentSprint { team, sprint: current.then(sprint_id) }],
        ..Delta::default()
    };
    let audience = Audience::Scope(team.scope(None));
    let content = NewEntry { audience, event: None, delta: Some(delta.encode().into()) };
    Entry { id: id(seq), ends_commit: true, content }
}

fn numbers(fold: &Fold, scope: Scope) -> Vec<u32> {
    fold.read().items_of(scope).iter().map(|item| item.id.number()).collect()
}

#[test]
fn items_move_to_the_boards_of_a_team_that_becomes_known() {
    let fold = Fold::default();
    fold.reset(Projection::from_records(loaded(&[], id(0))).0);
    fold.apply(&[
        entry(1, &item(13, 1, |_| {})),
        entry(2, &item(14, 1, |facts| facts.area_path = "X".into())),
    ]);
    let (project, team) = (Scope::project(project()), catalogue().key());
    assert_eq!(numbers(&fold, project), [13, 14]);
    fold.apply(&[team_entry(3, &catalogue(), true)]);
    let current = team.scope(Some(sprint_id()));
    assert_eq!((numbers(&fold, project), numbers(&fold, current)), (vec![14], vec![13]));
    let served: Vec<Scope> = fold.read().boards().map(|(scope, _)| scope).collect();
    assert_eq!(served, [project, current]);
    let board = |scope| fold.read().board(scope).unwrap().clone();
    assert_eq!((board(current).since, board(current).changed, board(project).changed), (id(3), id(3), id(3)));
    // Its areas are known otherwise: everything is put where it now belongs.
    let mut other = catalogue();
    other.areas[0].paths = vec!["X".into()];
    fold.apply(&[team_entry(4, &other, true)]);
    assert_eq!(numbers(&fold, project), [13]);
    assert_eq!(numbers(&fold, team.scope(Some(sprint_id()))), [14]);
    let of_team: Vec<u32> = fold.read().items_of_team(team).map(|known| known.item.id.number()).collect();
    assert_eq!(of_team, [14]);
    assert_eq!(board(current).since, id(3), "it is served since then");
}

#[test]
fn an_item_that_left_a_team_stays_in_its_history() {
    let fold = Fold::default();
    fold.reset(Projection::from_records(loaded(&[], id(0))).0);
    fold.apply(&[team_entry(1, &catalogue(), true), entry(2, &item(13, 1, |_| {}))]);
    fold.apply(&[entry(3, &item(13, 2, |facts| facts.project = other_project()))]);
    let team = catalogue().key();
    assert_eq!(numbers(&fold, team.scope(Some(sprint_id()))), [0; 0]);
    assert_eq!(fold.read().items_of_team(team).count(), 1);
}

#[test]
fn the_board_that_is_served_changes_by_an_entry() {
    let fold = Fold::default();
    fold.reset(Projection::from_records(loaded(&[], id(0))).0);
    fold.apply(&[team_entry(1, &catalogue(), true)]);
    let team = catalogue().key();
    let served = |fold: &Fold| fold.read().boards().map(|(scope, _)| scope).collect::<Vec<_>>();
    assert_eq!(served(&fold), [team.scope(Some(sprint_id()))]);
    let delta =
        Delta { sprints: vec![CurrentSprint { team, sprint: Some(other_sprint_id()) }], ..Delta::default() };
    let audience = Audience::Scope(team.scope(Some(other_sprint_id())));
    let content = NewEntry { audience, event: None, delta: Some(delta.encode().into()) };
    fold.apply(&[Entry { id: id(2), ends_commit: true, content }]);
    assert_eq!(served(&fold), [team.scope(Some(other_sprint_id()))]);
    assert_eq!(fold.read().board(team.scope(Some(other_sprint_id()))).unwrap().since, id(2));
    assert!(!fold.read().is_served(team.scope(Some(sprint_id()))));
}

#[test]
fn records_of_teams_come_to_what_their_entries_come_to() {
    let team = catalogue().key();
    let folded = Fold::default();
    folded.reset(Projection::from_records(loaded(&[], id(0))).0);
    folded.apply(&[team_entry(1, &catalogue(), true), entry(2, &item(13, 1, |_| {}))]);
    let record =
        |key: RecordKey, seq, value: Vec<u8>| (key, Versioned { version: id(seq), value: value.into() });
    let current = CurrentSprint { team, sprint: Some(sprint_id()) };
    let records = vec![
        record(RecordKey::item(WorkItemId::new(13).unwrap()), 2, item(13, 1, |_| {}).encode()),
        record(RecordKey::team(team), 1, catalogue().encode()),
        record(RecordKey::teams_of_project(team.project), 1, b"1".to_vec()),
        record(RecordKey::current_sprint(team), 1, serde_json::to_vec(&current).unwrap()),
        record(RecordKey::from("team/odd"), 1, b"{".to_vec()),
    ];
    let fresh = Fold::default();
    let (state, undecodable) =
        Projection::from_records(LoadedRecords { records, position: id(2), whole_at: id(2) });
    assert_eq!(undecodable, ["team/odd"]);
    fresh.reset(state);
    let of = |fold: &Fold| {
        let state = fold.read();
        let served: Vec<Scope> = state.boards().map(|(scope, _)| scope).collect();
        let guard = state.version(&RecordKey::teams_of_project(team.project));
        (state.teams().clone(), served, state.items_of_team(team).count(), guard, state.position())
    };
    assert_eq!(of(&folded), of(&fresh));
}

/// One of the things that happen, as numbers: an item is known or changes place, or the team is known otherwise.
fn happening(seq: u64, (kind, number, place, area): (u8, u32, u8, u8)) -> Entry {
    let path =
        ["Fabrikam", "Fabrikam\\Sprint 1", "Fabrikam\\Sprint 2", "Fabrikam\\Backlog"][usize::from(place % 4)];
    let areas = ["Fabrikam", "Fabrikam\\Web", "X"];
    let area = areas[usize::from(area % 3)];
    match kind % 6 {
        0 => {
            let mut known = catalogue();
            known.areas[0].paths = vec![area.into()];
            team_entry(seq, &known, place % 2 == 0)
        }
        1 => entry(seq, &item(number, u32::try_from(seq).unwrap(), |facts| facts.deleted = true)),
        2 => entry(seq, &item(number, u32::try_from(seq).unwrap(), |facts| facts.project = other_project())),
        _ => entry(
            seq,
            &item(number, u32::try_from(seq).unwrap(), |facts| {
                (facts.iteration_path, facts.area_path) = (path.into(), area.into());
            }),
        ),
    }
}

/// Everything that a fold holds of boards, so that two can be compared.
fn contents(fold: &Fold) -> Vec<(Scope, Vec<u32>, bool)> {
    let state = fold.read();
    let row = |(scope, board): (Scope, &Board)| {
        (scope, board.items.iter().map(|id| id.number()).collect::<Vec<u32>>(), state.is_served(scope))
    };
    state.scopes().map(row).filter(|(_, items, served)| *served || !items.is_empty()).collect()
}

proptest::proptest! {
    #[test]
    fn boards_are_what_items_and_teams_make_of_them_however_they_came_about(
        happenings in proptest::collection::vec((0u8..12, 1u32..8, 0u8..4, 0u8..3), 0..40),
    ) {
        let fold = Fold::default();
        fold.reset(Projection::from_records(loaded(&[], id(0))).0);
        let mut catalogue_now = None;
        for (index, happening_now) in happenings.iter().enumerate() {
            let seq = index as u64 + 1;
            let told = happening(seq, *happening_now);
            let delta = Delta::decode(told.content.delta.as_ref().unwrap()).unwrap();
            if let (Some(catalogue), Some(current)) = (delta.catalogues.first(), delta.sprints.first()) {
                catalogue_now = Some((catalogue.clone(), *current));
            }
            fold.apply(&[told]);
        }
        // The same items and the same team, from records alone.
        let mut records: Vec<(RecordKey, Versioned)> = fold
            .read()
            .items()
            .map(|known| {
                let value = known.item.encode().into();
                (RecordKey::item(known.item.id), Versioned { version: known.version, value })
            })
            .collect();
        if let Some((catalogue, current)) = catalogue_now {
            let team = catalogue.key();
            let record = |key, value: Vec<u8>| (key, Versioned { version: id(1), value: value.into() });
            records.push(record(RecordKey::team(team), catalogue.encode()));
            records.push(record(RecordKey::current_sprint(team), serde_json::to_vec(&current).unwrap()));
        }
        let fresh = Fold::default();
        let position = fold.position().unwrap();
        fresh.reset(Projection::from_records(LoadedRecords { records, position, whole_at: position }).0);
        proptest::prop_assert_eq!(contents(&fold), contents(&fresh));
        // No item that exists is on no board, and none that is deleted is on one.
        let on_boards: std::collections::BTreeSet<u32> =
            contents(&fold).into_iter().flat_map(|(_, items, _)| items).collect();
        let alive: std::collections::BTreeSet<u32> = fold
            .read()
            .items()
            .filter(|known| !known.item.present().claim.facts.deleted)
            .map(|known| known.item.id.number())
            .collect();
        proptest::prop_assert_eq!(on_boards, alive);
    }
}
