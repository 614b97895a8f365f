//! The burndown in other units: items beside points, and hours of remaining work.

use super::testing::{at, figures_of, hours, life, points, story, task};
use super::*;
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::work_item::{Facts, Rev, WorkItem};
use crate::domain::wire::view::{Burndown, BurndownDay, Unit};

type Column = fn(&BurndownDay) -> Option<Hundredths>;

/// The figures on Thursday the 19th, the fourth of the nine working days.
fn thursday(items: &[WorkItem]) -> Figures {
    figures_of(&catalogue(), items, at("2026-11-19T17:00:00Z"))
}

fn lines(items: &[WorkItem]) -> Vec<Burndown> {
    thursday(items).burndown.unwrap().others
}

fn units(lines: &[Burndown]) -> Vec<Unit> {
    lines.iter().map(|line| line.unit).collect()
}

/// A column of the days reached.
fn column(line: &Burndown, of: Column) -> Vec<Option<f64>> {
    line.days.iter().take(4).map(|day| of(day).map(Hundredths::units)).collect()
}

fn remaining(line: &Burndown) -> Vec<Option<f64>> {
    column(line, |day| day.remaining)
}

fn today(line: &Burndown) -> Vec<(String, f64)> {
    line.today
        .iter()
        .map(|point| (point.at.to_string()[11..16].to_owned(), point.remaining.units()))
        .collect()
}

/// A task with these revisions: number, date, state and hours of each.
fn worked(number: u32, revisions: &[(Rev, &str, &'static str, Option<f64>)]) -> WorkItem {
    let one = |(rev, date, name, left): &(Rev, &str, &'static str, Option<f64>)| {
        let change = |facts: &mut Facts| {
            facts.work_item_type = "Task".into();
            facts.state = (*name).into();
            facts.remaining_work = left.map(|left| Hundredths::from_units(left).unwrap());
        };
        life(number, &[(*rev, date, &change)])
    };
    revisions.iter().map(one).reduce(|one, other| one.merge(&other)).unwrap()
}

const BEFORE: &str = "2026-11-10T12:00:00Z";

#[test]
fn a_sprint_in_points_has_its_line_in_items_as_well_and_in_hours_where_tasks_have_some() {
    let closed =
        life(1, &[(1, BEFORE, &points("New", 5.0)), (2, "2026-11-17T12:00:00Z", &points("Closed", 5.0))]);
    let items = [closed, story(2, |_| {})];
    let [in_items] = &*lines(&items) else { panic!("items alone") };
    assert_eq!((in_items.unit, in_items.original), (Unit::Items, Some(Hundredths::whole(2))));
    assert_eq!(remaining(in_items), [Some(2.0), Some(1.0), Some(1.0), Some(1.0)]);
    assert_eq!(column(in_items, |day| day.completed), [Some(0.0), Some(1.0), Some(1.0), Some(1.0)]);
    assert_eq!(column(in_items, |day| day.scope), [Some(2.0); 4]);
    assert!(in_items.others.is_empty());
    assert_eq!(units(&lines(&[items[0].clone(), task(3, hours("New", 4.0))])), [Unit::Items, Unit::Hours]);
    // Where nothing is estimated the line is in items, and none is in points.
    assert_eq!(units(&lines(&[story(2, |_| {}), task(3, hours("New", 4.0))])), [Unit::Hours]);
    assert_eq!(units(&lines(&[story(2, |_| {}), worked(3, &[(1, BEFORE, "New", None)])])), []);
}

#[test]
fn hours_are_those_of_the_tasks_that_were_open_then() {
    let items = [
        worked(1, &[(1, BEFORE, "New", Some(8.0)), (2, "2026-11-17T12:00:00Z", "Active", Some(5.5))]),
        worked(2, &[(1, BEFORE, "New", Some(3.0)), (2, "2026-11-18T12:00:00Z", "Closed", Some(3.0))]),
        worked(3, &[(1, BEFORE, "New", Some(2.0)), (2, "2026-11-18T13:00:00Z", "Removed", Some(2.0))]),
        worked(
            4,
            &[(1, "2026-11-19T15:00:00Z", "New", Some(4.0)), (2, "2026-11-19T16:00:00Z", "New", Some(1.0))],
        ),
        story(5, hours("New", 100.0)),
    ];
    let figures = thursday(&items);
    let [line] = &*figures.burndown.clone().unwrap().others else { panic!("hours alone") };
    assert_eq!(remaining(line), [Some(13.0), Some(10.5), Some(5.5), Some(6.5)]);
    assert_eq!(figures.value("hours.remaining"), Some(6.5), "today is the number");
    assert!(line.days.iter().all(|day| day.scope.is_none() && day.completed.is_none()));
    let expected = [("05:00", 5.5), ("15:00", 9.5), ("16:00", 6.5), ("17:00", 6.5)];
    assert_eq!(today(line), expected.map(|(at, left)| (at.to_owned(), left)));
    // From the hours at the end of the first working day in nine steps to 0.
    assert_eq!(line.original, Hundredths::from_units(13.0));
    assert_eq!(line.days[0].ideal, Hundredths::from_units(11.56));
    assert_eq!(line.days[11].ideal, Some(Hundredths::default()));
}

#[test]
fn a_day_on_which_no_open_task_had_hours_has_none_and_one_on_which_all_were_completed_has_0() {
    let entered_late =
        [worked(1, &[(1, BEFORE, "New", None), (2, "2026-11-19T12:00:00Z", "Active", Some(6.0))])];
    let line = lines(&entered_late).remove(0);
    assert_eq!(remaining(&line), [None, None, None, Some(6.0)]);
    assert_eq!(today(&line), [("12:00".into(), 6.0), ("17:00".into(), 6.0)]);
    assert_eq!(line.original, None, "nobody knows what it was planned with");
    let done = [worked(1, &[(1, BEFORE, "New", Some(6.0)), (2, "2026-11-18T12:00:00Z", "Closed", None)])];
    assert_eq!(remaining(&lines(&done)[0]), [Some(6.0), Some(6.0), Some(0.0), Some(0.0)]);
    // What was cleared instead says nothing.
    let cleared = [worked(1, &[(1, BEFORE, "New", Some(6.0)), (2, "2026-11-18T12:00:00Z", "Active", None)])];
    assert_eq!(remaining(&lines(&cleared)[0]), [Some(6.0), Some(6.0), None, None]);
}

#[test]
fn a_task_of_which_a_revision_is_missing_makes_days_unknown_in_hours_alone() {
    let gap = worked(
        1,
        &[
            (1, BEFORE, "New", Some(8.0)),
            (2, "2026-11-17T12:00:00Z", "New", Some(7.0)),
            (4, "2026-11-19T12:00:00Z", "New", Some(5.0)),
        ],
    );
    let figures = thursday(&[gap, life(2, &[(1, BEFORE, &points("New", 3.0))])]);
    let burndown = figures.burndown.unwrap();
    assert_eq!(remaining(&burndown), [Some(3.0); 4]);
    let [in_items, in_hours] = &*burndown.others else { panic!("items and hours") };
    assert_eq!(remaining(in_items), [Some(1.0); 4]);
    assert_eq!(remaining(in_hours), [Some(8.0), None, None, Some(5.0)]);
    assert_eq!(today(in_hours), [("17:00".into(), 5.0)], "now alone is known");
}

#[test]
fn hours_are_read_from_the_field_of_the_teams_process() {
    let own = Catalogue { remaining_work_field: Some("Custom.Hours".into()), ..catalogue() };
    let change = |facts: &mut Facts| {
        facts.work_item_type = "Task".into();
        std::sync::Arc::make_mut(&mut facts.effort).insert("Custom.Hours".into(), Hundredths::whole(4));
    };
    let items = [life(1, &[(1, BEFORE, &change)])];
    let burndown = figures_of(&own, &items, at("2026-11-19T17:00:00Z")).burndown.unwrap();
    assert_eq!(remaining(&burndown.others[0]), [Some(4.0); 4]);
    assert!(lines(&items).is_empty());
}
