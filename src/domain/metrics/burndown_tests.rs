//! Past days, today, the ideal line, and days that nobody knows.

use super::super::testing::details;
use super::testing::{at, figures_of, frame, life, life_with, points, sprint, state, story, task};
use super::*;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::work_item::{Details, Facts, WorkItem};
use crate::domain::wire::view::{Burndown, BurndownDay, Unit};

/// The burndown on Thursday the 19th, the fourth of the nine working days.
fn burndown(items: &[WorkItem]) -> Burndown {
    figures_of(&catalogue(), items, thursday()).burndown.unwrap()
}

fn thursday() -> Timestamp {
    at("2026-11-19T17:00:00Z")
}

fn units(amounts: impl IntoIterator<Item = Option<Hundredths>>) -> Vec<Option<f64>> {
    amounts.into_iter().map(|amount| amount.map(Hundredths::units)).collect()
}

/// What was left on the days reached.
fn remaining(burndown: &Burndown) -> Vec<Option<f64>> {
    units(burndown.days.iter().take(4).map(|day| day.remaining))
}

fn ideal(burndown: &Burndown) -> Vec<Option<f64>> {
    units(burndown.days.iter().map(|day| day.ideal))
}

fn at_path(path: &'static str) -> impl Fn(&mut Facts) {
    move |facts| {
        points("New", 3.0)(facts);
        facts.iteration_path = path.into();
    }
}

#[test]
fn each_day_has_what_was_left_done_and_asked_for_at_its_end() {
    let items = [
        life(
            1,
            &[
                (1, "2026-11-10T12:00:00Z", &points("New", 5.0)),
                (2, "2026-11-17T12:00:00Z", &points("Active", 8.0)),
                (3, "2026-11-18T12:00:00Z", &points("Closed", 8.0)),
            ],
        ),
        life(2, &[(1, "2026-11-18T12:00:00Z", &points("New", 2.0))]),
    ];
    let burndown = burndown(&items);
    let column = |of: fn(&BurndownDay) -> Option<Hundredths>| units(burndown.days.iter().take(5).map(of));
    assert_eq!(column(|day| day.remaining), [Some(5.0), Some(8.0), Some(2.0), Some(2.0), None]);
    assert_eq!(column(|day| day.completed), [Some(0.0), Some(0.0), Some(8.0), Some(8.0), None]);
    assert_eq!(column(|day| day.scope), [Some(5.0), Some(8.0), Some(10.0), Some(10.0), None]);
    assert_eq!((burndown.days.len(), burndown.unit), (12, Unit::Points));
    assert_eq!(today(&burndown), [("2026-11-19T05:00:00.000Z".into(), 2.0), (thursday().to_string(), 2.0)]);
}

/// The points of today's line.
fn today(burndown: &Burndown) -> Vec<(String, f64)> {
    burndown.today.iter().map(|point| (point.at.to_string(), point.remaining.units())).collect()
}

#[test]
fn today_has_what_was_left_after_each_change_and_ends_where_the_number_is() {
    let items = [
        life(
            1,
            &[
                (1, "2026-11-10T12:00:00Z", &points("New", 5.0)),
                (2, "2026-11-19T12:00:00Z", &points("New", 8.0)),
                (3, "2026-11-19T13:00:00Z", &points("Active", 8.0)),
                (4, "2026-11-19T14:00:00Z", &points("Closed", 8.0)),
            ],
        ),
        life(2, &[(1, "2026-11-19T15:30:00Z", &points("New", 2.0))]),
    ];
    let line = today(&burndown(&items));
    let line: Vec<(&str, f64)> = line.iter().map(|(at, left)| (&at[11..16], *left)).collect();
    // 5 in the morning; re-estimated to 8; started, which changes nothing; done; and 2 more.
    assert_eq!(line, [("05:00", 5.0), ("12:00", 8.0), ("14:00", 0.0), ("15:30", 2.0), ("17:00", 2.0)]);
}

#[test]
fn where_a_revision_of_today_is_missing_there_is_now_alone() {
    let item = life(
        1,
        &[(1, "2026-11-10T12:00:00Z", &points("New", 5.0)), (3, "2026-11-19T14:00:00Z", &points("New", 8.0))],
    );
    assert_eq!(today(&burndown(&[item])), [(thursday().to_string(), 8.0)]);
}

#[test]
fn a_change_at_midnight_belongs_to_the_day_that_begins() {
    let closed_at = |date: &str| {
        let item =
            life(1, &[(1, "2026-11-10T12:00:00Z", &points("New", 5.0)), (2, date, &points("Closed", 5.0))]);
        remaining(&burndown(&[item]))
    };
    assert_eq!(closed_at("2026-11-18T04:59:59.999Z"), [Some(5.0), Some(0.0), Some(0.0), Some(0.0)]);
    assert_eq!(closed_at("2026-11-18T05:00:00Z"), [Some(5.0), Some(5.0), Some(0.0), Some(0.0)]);
}

#[test]
fn what_left_the_sprint_counts_on_the_days_before_it_left() {
    let moved = life(
        1,
        &[
            (1, "2026-11-10T12:00:00Z", &at_path("Fabrikam\\Sprint 1")),
            (2, "2026-11-18T12:00:00Z", &at_path("Fabrikam\\Sprint 2")),
        ],
    );
    let deleted = life(
        2,
        &[
            (1, "2026-11-10T12:00:00Z", &points("New", 1.0)),
            (2, "2026-11-17T12:00:00Z", &|facts| {
                points("New", 1.0)(facts);
                facts.deleted = true;
            }),
        ],
    );
    let removed = life(
        3,
        &[
            (1, "2026-11-10T12:00:00Z", &points("New", 0.5)),
            (2, "2026-11-17T12:00:00Z", &points("Removed", 0.5)),
        ],
    );
    let stays = story(4, points("New", 8.0));
    let burndown = burndown(&[moved, deleted, removed, stays]);
    assert_eq!(remaining(&burndown), [Some(12.5), Some(11.0), Some(8.0), Some(8.0)]);
}

#[test]
fn tasks_are_not_in_the_line() {
    let burndown = burndown(&[task(1, points("New", 5.0)), story(2, points("New", 1.0))]);
    assert_eq!(remaining(&burndown), [Some(1.0); 4]);
}

#[test]
fn a_missing_revision_makes_unknown_the_days_on_which_it_may_have_been_in_force_and_no_other() {
    let gap = life(
        1,
        &[
            (1, "2026-11-10T12:00:00Z", &points("New", 5.0)),
            (2, "2026-11-17T12:00:00Z", &points("New", 4.0)),
            (4, "2026-11-18T12:00:00Z", &points("New", 3.0)),
        ],
    );
    assert_eq!(remaining(&burndown(&[gap])), [Some(5.0), None, Some(3.0), Some(3.0)]);
}

#[test]
fn before_the_first_known_revision_nothing_is_known_unless_the_item_did_not_exist() {
    let late = |created: Option<&str>| {
        let details = Details { created_at: created.map(at), ..details() };
        life_with(1, details, &[(5, "2026-11-18T12:00:00Z", &points("New", 3.0))])
    };
    assert_eq!(remaining(&burndown(&[late(None)])), [None, None, Some(3.0), Some(3.0)]);
    assert_eq!(
        remaining(&burndown(&[late(Some("2026-11-17T12:00:00Z"))])),
        [Some(0.0), None, Some(3.0), Some(3.0)]
    );
    assert_eq!(
        remaining(&burndown(&[late(Some("2026-11-18T11:00:00Z"))])),
        [Some(0.0), Some(0.0), Some(3.0), Some(3.0)]
    );
}

#[test]
fn the_past_of_an_item_that_was_never_seen_in_the_sprint_makes_nothing_unknown() {
    let elsewhere = life(1, &[(5, "2026-11-18T12:00:00Z", &at_path("Fabrikam\\Sprint 2"))]);
    let was_here = life(
        2,
        &[
            (5, "2026-11-18T12:00:00Z", &at_path("Fabrikam\\Sprint 1")),
            (6, "2026-11-18T13:00:00Z", &at_path("Fabrikam\\Sprint 2")),
        ],
    );
    let stays = || story(3, points("New", 1.0));
    assert_eq!(remaining(&burndown(&[elsewhere, stays()])), [Some(1.0); 4]);
    assert_eq!(remaining(&burndown(&[was_here, stays()])), [None, None, Some(1.0), Some(1.0)]);
}

#[test]
fn the_ideal_line_falls_on_working_days_to_zero() {
    let burndown = burndown(&[life(1, &[(1, "2026-11-10T12:00:00Z", &points("New", 10.0))])]);
    // Nine working days: the weekend and Thursday the 26th are flat.
    let expected = [8.89, 7.78, 6.67, 5.56, 4.44, 4.44, 4.44, 3.33, 2.22, 1.11, 1.11, 0.0];
    assert_eq!(ideal(&burndown), expected.map(Some));
    let working: Vec<bool> = burndown.days.iter().map(|day| day.working).collect();
    assert_eq!(working, [true, true, true, true, true, false, false, true, true, true, false, true]);
}

#[test]
fn fault_page_10_the_original_scope_is_told_and_not_left_to_be_worked_out_from_the_line() {
    let burndown = burndown(&[life(1, &[(1, "2026-11-10T12:00:00Z", &points("New", 10.0))])]);
    assert_eq!(units([burndown.original]), [Some(10.0)]);
    let from_the_line = ideal(&burndown)[0].unwrap() * 9.0 / 8.0;
    assert!(from_the_line > 10.001, "{from_the_line}: the line is rounded");
}

#[test]
fn the_ideal_line_begins_with_the_scope_at_the_end_of_the_first_working_day() {
    let items = [
        life(1, &[(1, "2026-11-10T12:00:00Z", &points("New", 9.0))]),
        life(2, &[(1, "2026-11-17T12:00:00Z", &points("New", 9.0))]),
    ];
    let first_ideal = |now: &str, grace_days| {
        let catalogue = catalogue();
        let settings = MetricSettings { grace_days, ..MetricSettings::default() };
        let frame = SprintContext::new(&catalogue, sprint(&catalogue), settings);
        let digests: Vec<Digest> = items.iter().map(|item| Digest::of(item, &frame)).collect();
        let burndown = compute(&frame, digests.iter(), at(now)).burndown.unwrap();
        ideal(&burndown)[0]
    };
    // On the first working day it is the scope as it is now, and the items are all that is known.
    assert_eq!(first_ideal("2026-11-16T17:00:00Z", 0), Some(16.0));
    assert_eq!(first_ideal("2026-11-19T17:00:00Z", 0), Some(8.0));
    assert_eq!(first_ideal("2026-11-19T17:00:00Z", 1), Some(16.0));
    assert_eq!(first_ideal("2026-11-19T17:00:00Z", 1_000_000), Some(16.0));
}

#[test]
fn the_ideal_line_is_unknown_where_its_beginning_is() {
    let burndown = burndown(&[life(1, &[(2, "2026-11-17T12:00:00Z", &points("New", 9.0))])]);
    assert!(ideal(&burndown).iter().all(Option::is_none));
    assert_eq!(burndown.original, None);
    let mut catalogue = catalogue();
    catalogue.weekdays.clear();
    let burndown = figures_of(&catalogue, &[story(1, points("New", 9.0))], thursday()).burndown.unwrap();
    assert!(ideal(&burndown).iter().all(Option::is_none));
    assert_eq!(remaining(&burndown), [Some(9.0); 4]);
}

#[test]
fn items_are_counted_when_none_of_them_is_estimated() {
    let burndown = burndown(&[story(1, state("New")), story(2, state("Closed"))]);
    assert_eq!((burndown.unit, remaining(&burndown)), (Unit::Items, vec![Some(1.0); 4]));
    // An estimate of what is not in the scope is none.
    let burndown = self::burndown(&[story(1, state("New")), task(2, points("New", 5.0))]);
    assert_eq!(burndown.unit, Unit::Items);
}

#[test]
fn a_sprint_to_come_has_its_ideal_line_alone_and_a_past_one_no_today() {
    let items = [story(1, points("New", 9.0))];
    let coming = figures_of(&catalogue(), &items, at("2026-11-15T17:00:00Z")).burndown.unwrap();
    assert!(coming.today.is_empty() && coming.days.iter().all(|day| day.remaining.is_none()));
    assert_eq!(ideal(&coming)[0], Some(8.0));
    let past = figures_of(&catalogue(), &items, at("2026-11-28T17:00:00Z")).burndown.unwrap();
    assert!(past.today.is_empty() && past.days.iter().all(|day| day.remaining.is_some()));
}

#[test]
fn a_mistyped_year_draws_no_line() {
    let mut catalogue = catalogue();
    catalogue.iterations[0].finish = Some("9999-11-27".parse().unwrap());
    assert!(frame(&catalogue).days.is_empty());
    let figures = figures_of(&catalogue, &[story(1, |_| {})], thursday());
    assert!(figures.burndown.is_none());
    assert_eq!(figures.value("items.total"), Some(1.0));
}

#[test]
fn fault_g4_before_an_item_could_be_seen_it_was_in_no_sprint_and_before_that_is_known_nobody_can_tell() {
    let back = life(1, &[(4, "2026-11-18T12:00:00Z", &points("New", 5.0))]);
    let stays = story(2, points("New", 8.0));
    let line = |item: WorkItem| remaining(&burndown(&[item, stays.clone()]));
    assert_eq!(line(back.clone()), [None, None, Some(13.0), Some(13.0)]);
    let known_from = |from: &str| back.merge(&back.beginning_at(at(from)));
    assert_eq!(line(known_from("2026-11-01T00:00:00Z")), [Some(8.0), Some(8.0), Some(13.0), Some(13.0)]);
    assert_eq!(line(known_from("2026-11-17T12:00:00Z")), [None, Some(8.0), Some(13.0), Some(13.0)]);
}
