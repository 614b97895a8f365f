//! The laws that a simulated organisation keeps, whatever its seed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::demo::simulation::organisation::SPRINTS_PAST;

/// A Wednesday.
pub(crate) const NOW: i64 = 1_795_600_800_000;

/// A clock to be turned, and the organisation that goes by it.
pub(crate) fn organisation(seed: u64) -> (Model, Arc<AtomicI64>) {
    let hand = Arc::new(AtomicI64::new(NOW));
    let read = hand.clone();
    let clock: Clock = Arc::new(move || Timestamp::from_epoch_ms(read.load(Ordering::Relaxed)));
    (Model::new(seed, clock), hand)
}

/// Makes the next `count` changes.
pub(crate) fn run(model: &mut Model, count: usize) -> Vec<SimulatedChange> {
    (0..count).map(|_| model.step(model.due()).expect("a change is due")).collect()
}

#[test]
fn the_same_seed_has_the_same_history_and_another_seed_has_another() {
    let (mut one, mut same, mut other) = (organisation(7).0, organisation(7).0, organisation(8).0);
    assert_eq!(run(&mut one, 500), run(&mut same, 500));
    assert_eq!(one.items(), same.items());
    assert_eq!(one.organisation, same.organisation);
    run(&mut other, 500);
    assert_ne!(one.items(), other.items());
    assert_ne!(one.organisation.collection, other.organisation.collection);
}

#[test]
fn how_often_the_clock_is_read_does_not_change_the_history() {
    let (mut often, mut seldom) = (organisation(7).0, organisation(7).0);
    for ms in (0..50_000).step_by(100) {
        while often.step(Timestamp::from_epoch_ms(NOW + ms)).is_some() {}
    }
    while seldom.step(Timestamp::from_epoch_ms(NOW + 49_900)).is_some() {}
    assert_eq!(often.items(), seldom.items());
}

#[test]
fn the_first_change_comes_within_a_second_and_the_others_every_few_seconds() {
    let (mut model, _) = organisation(1);
    assert!(model.step(Timestamp::from_epoch_ms(NOW + 1_000)).is_some());
    let mut before = model.due();
    for _ in 0..200 {
        model.step(before).unwrap();
        assert!((1_500..5_000).contains(&model.due().ms_since(before)));
        before = model.due();
    }
}

#[test]
fn after_a_night_asleep_there_is_one_change_and_not_thousands() {
    let (mut model, _) = organisation(1);
    let morning = Timestamp::from_epoch_ms(NOW + 8 * 3_600_000);
    let change = model.step(morning).unwrap();
    let revision = model.item(change.item).unwrap().revision(change.rev).unwrap();
    assert_eq!(revision.changed_at, morning);
    assert_eq!(model.step(morning), None);
}

#[test]
fn revisions_have_no_gaps_and_their_dates_never_go_back() {
    for seed in 0..5 {
        let (mut model, _) = organisation(seed);
        run(&mut model, 2_000);
        for item in model.items().values() {
            let revisions: Vec<&Revision> = item.revisions().collect();
            for (index, revision) in revisions.iter().enumerate() {
                assert_eq!(revision.rev as usize, index + 1);
                assert_eq!(item.revision(revision.rev), Some(*revision));
                let known = item.item_type.states.contains(revision.content.state);
                assert!(known, "{} is no state of {}", revision.content.state.name, item.item_type.name);
                let completed = revision.content.state.category == StateCategory::Completed;
                assert_eq!(revision.closed_at.is_some(), completed);
            }
            for pair in revisions.windows(2) {
                assert!(pair[0].changed_at <= pair[1].changed_at);
                assert!(pair[0].watermark < pair[1].watermark);
                assert_eq!(pair[1].event == Event::Restored, pair[0].deleted && !pair[1].deleted);
                assert_eq!(pair[1].event == Event::Deleted, !pair[0].deleted && pair[1].deleted);
            }
        }
    }
}

#[test]
fn watermarks_number_every_revision_once_in_the_order_of_its_date() {
    let (mut model, _) = organisation(3);
    run(&mut model, 1_000);
    let mut revisions: Vec<&Revision> = model.items().values().flat_map(Item::revisions).collect();
    revisions.sort_by_key(|revision| revision.watermark);
    assert!(revisions.iter().map(|revision| revision.watermark).eq(1..=revisions.len() as u64));
    assert!(revisions.is_sorted_by_key(|revision| revision.changed_at));
}

#[test]
fn every_kind_of_change_occurs() {
    let (mut model, _) = organisation(11);
    let changes = run(&mut model, 2_000);
    for event in [Event::Created, Event::Updated, Event::Deleted, Event::Restored] {
        assert!(changes.iter().any(|change| change.event == event), "{event:?}");
    }
    let (mut reopened, mut blocked, mut unblocked, mut added, mut removed) = (0, 0, 0, 0, 0);
    let (mut estimated, mut burnt, mut reassigned, mut titled, mut moved) = (0, 0, 0, 0, 0);
    for change in changes.iter().filter(|change| change.event == Event::Updated) {
        let item = model.item(change.item).unwrap();
        let (old, new) = (item.revision(change.rev - 1).unwrap(), item.revision(change.rev).unwrap());
        let (was, is) = (&old.content, &new.content);
        let completed = |content: &ItemContent| content.state.category == StateCategory::Completed;
        reopened += usize::from(completed(was) && !completed(is));
        blocked += usize::from(!was.blocked && is.blocked);
        unblocked += usize::from(was.blocked && !is.blocked);
        let (team, day) = (model.home(item).unwrap(), day_of(new.changed_at));
        let current = &team.0.current_sprint(team.1, day).unwrap().path;
        added += usize::from(was.iteration_path != *current && is.iteration_path == *current);
        removed += usize::from(was.iteration_path == *current && is.iteration_path != *current);
        estimated += usize::from(was.effort != is.effort);
        burnt += usize::from(was.remaining_work != is.remaining_work && was.state == is.state);
        reassigned += usize::from(was.assigned_to != is.assigned_to);
        titled += usize::from(was.title != is.title);
        moved += usize::from(was.rank.total_cmp(&is.rank).is_ne());
        assert_ne!(was, is, "an update that changes nothing");
    }
    let counts = [reopened, blocked, unblocked, added, removed, estimated, burnt, reassigned, titled, moved];
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    let of_project = model.items().values().filter(|item| item.project == 0);
    let ranks: BTreeSet<u64> = of_project.clone().map(|item| item.newest().content.rank.to_bits()).collect();
    assert_eq!(ranks.len(), of_project.count(), "no two items have one place");
}

#[test]
fn a_day_of_changes_leaves_sprints_of_a_size_that_a_board_can_show() {
    let (mut model, _) = organisation(5);
    run(&mut model, 20_000);
    for project in &model.organisation.projects {
        for team in &project.teams {
            let sprint = &project.current_sprint(team, day_of(model.due())).unwrap().path;
            let in_sprint = model.items().values().filter(|item| {
                let newest = item.newest();
                let ours = model.home(item).is_some_and(|(_, of)| of.id == team.id);
                ours && !newest.deleted && newest.content.iteration_path == *sprint
            });
            let count = in_sprint.count();
            assert!((15..=60).contains(&count), "{}: {count}", team.name);
        }
    }
}

#[test]
fn six_sprints_are_over_and_one_is_under_way_on_every_day_of_the_week() {
    for day in 0..7 {
        let today = day_of(Timestamp::from_epoch_ms(NOW + day * 86_400_000));
        for project in Organisation::new(1, today).projects {
            let past = project.sprints.iter().filter(|sprint| sprint.finish < today).count();
            assert_eq!(past, SPRINTS_PAST as usize);
            let current =
                project.sprints.iter().filter(|sprint| sprint.start <= today && today <= sprint.finish);
            let current: Vec<_> = current.collect();
            assert_eq!(current.len(), 1);
            assert_eq!(project.current_sprint(&project.teams[0], today), Some(current[0]));
        }
    }
}

#[test]
fn every_team_has_items_in_its_sprint_whenever_the_simulation_begins() {
    for hours in (0..14 * 24).step_by(8) {
        let now = Timestamp::from_epoch_ms(NOW + hours * 3_600_000);
        let model = Model::new(7, Arc::new(move || now));
        for (index, project) in model.organisation.projects.iter().enumerate() {
            for (team, at) in project.teams.iter().zip(0..) {
                let sprint = project.current_sprint(team, model.today()).unwrap();
                let in_sprint = |item: &&Item| {
                    (item.project, item.team) == (index, at)
                        && item.newest().content.iteration_path == sprint.path
                        && !item.newest().deleted
                };
                let count = model.items().values().filter(in_sprint).count();
                assert!(count > 0, "{} at {now}", team.name);
            }
        }
    }
}

#[test]
fn no_two_items_of_a_teams_sprint_have_the_same_title() {
    for seed in 0..5 {
        let (mut model, _) = organisation(seed);
        for _ in 0..10 {
            for project in &model.organisation.projects {
                for team in &project.teams {
                    let sprint = &project.current_sprint(team, day_of(model.due())).unwrap().path;
                    let mut titles = BTreeSet::new();
                    for item in model.items().values() {
                        let newest = item.newest();
                        let ours = model.home(item).is_some_and(|(_, of)| of.id == team.id);
                        if ours && !newest.deleted && newest.content.iteration_path == *sprint {
                            let title = &newest.content.title;
                            assert!(titles.insert(title.clone()), "{}: {title}", team.name);
                        }
                    }
                }
            }
            run(&mut model, 20);
        }
    }
}

#[test]
fn every_past_sprint_has_completed_work_of_every_team_and_some_is_carried_over() {
    let (model, _) = organisation(2);
    let today = day_of(Timestamp::from_epoch_ms(NOW));
    for project in &model.organisation.projects {
        for team in &project.teams {
            for sprint in project.sprints.iter().filter(|sprint| sprint.start <= today) {
                let points: f64 = model
                    .items()
                    .values()
                    .filter(|item| model.home(item).is_some_and(|(_, of)| of.id == team.id))
                    .map(Item::newest)
                    .filter(|newest| newest.content.iteration_path == sprint.path)
                    .filter(|newest| newest.content.state.category == StateCategory::Completed)
                    .filter_map(|newest| newest.content.effort)
                    .sum();
                assert!(points > 0.0 || sprint.finish >= today, "{} {}", team.name, sprint.name);
            }
        }
    }
    let carried = model.items().values().filter(|item| {
        let paths: BTreeSet<_> = item.revisions().map(|revision| &revision.content.iteration_path).collect();
        paths.len() > 2
    });
    assert!(carried.count() > 0);
    let mut revisions = model.items().values().flat_map(Item::revisions);
    assert!(revisions.all(|revision| revision.changed_at.epoch_ms() <= NOW));
}
