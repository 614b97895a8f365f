//! Whole sprints of kinds that are seldom, worked out by hand: two that overlap, bugs among the tasks, types that are on no
//! backlog or change, and days off in the middle. Each has its arithmetic beside it.

use super::history_tests::{B, NEXT, OWN, in_sprint, told, with_sprints_before};
use super::testing::{amount, at, figures_of, life, noon};
use super::*;
use crate::domain::sprint::catalogue::{BugsBehaviour, Catalogue};
use crate::domain::sprint::work_item::{Facts, WorkItem};
use crate::domain::wire::view::{Burndown, BurndownDay, ScopeChangeKind};

const PLANNED_BEFORE: &str = "2026-11-02T15:00:00Z";
const BEFORE: &str = "2026-11-10T15:00:00Z";
const MONDAY: &str = "2026-11-16T15:00:00Z";
const TUESDAY: &str = "2026-11-17T15:00:00Z";
const TUESDAY_LATER: &str = "2026-11-17T16:00:00Z";
const WEDNESDAY: &str = "2026-11-18T15:00:00Z";
const THURSDAY: &str = "2026-11-19T15:00:00Z";

/// These metrics have these values.
#[track_caller]
fn assert_values<const N: usize>(figures: &Figures, expected: [(&str, f64); N]) {
    for (id, value) in expected {
        assert_eq!(figures.value(id), Some(value), "{id}: {:?}", figures.metrics[id].reason);
    }
}

/// A column of the days that have one.
fn column(line: &Burndown, of: fn(&BurndownDay) -> Option<Hundredths>) -> Vec<f64> {
    line.days.iter().map_while(|day| Some(of(day)?.units())).collect()
}

/// Sprint B lasts from 2 to 18 November, and the next begins on the 16th: for three days both run.
fn with_sprints_that_overlap() -> Catalogue {
    let mut catalogue = with_sprints_before();
    catalogue.iterations[1].finish = Some("2026-11-18".parse().unwrap());
    catalogue
}

/// What was in sprint B when that was planned, and in the next when that was, each with the points by which it is told.
fn items_of_sprints_that_overlap() -> [WorkItem; 7] {
    [
        // Completed in B while the next was running.
        life(
            1,
            &[(1, PLANNED_BEFORE, &in_sprint(B, "New", 5.0)), (2, TUESDAY, &in_sprint(B, "Closed", 5.0))],
        ),
        // Moved on while both ran, when the next was planned already.
        life(
            2,
            &[
                (1, PLANNED_BEFORE, &in_sprint(B, "Active", 3.0)),
                (2, TUESDAY, &in_sprint(OWN, "Active", 3.0)),
            ],
        ),
        // Moved on when the next was planned.
        life(3, &[(1, PLANNED_BEFORE, &in_sprint(B, "New", 8.0)), (2, MONDAY, &in_sprint(OWN, "New", 8.0))]),
        // Completed in B on the day after its end.
        life(
            4,
            &[(1, PLANNED_BEFORE, &in_sprint(B, "New", 2.0)), (2, THURSDAY, &in_sprint(B, "Closed", 2.0))],
        ),
        life(5, &[(1, BEFORE, &in_sprint(OWN, "New", 13.0))]),
        // Moved back to B while both ran, and completed there before its end.
        life(
            6,
            &[
                (1, BEFORE, &in_sprint(OWN, "New", 1.0)),
                (2, TUESDAY_LATER, &in_sprint(B, "Active", 1.0)),
                (3, WEDNESDAY, &in_sprint(B, "Closed", 1.0)),
            ],
        ),
        life(7, &[(1, BEFORE, &in_sprint(OWN, "New", 4.0)), (2, WEDNESDAY, &in_sprint(OWN, "Closed", 4.0))]),
    ]
}

/// The next sprint was planned on the Monday with the 8 that came that day, 13, 1 and 4: 26. On the Tuesday 3 came from B and
/// 1 went there: 26 + 3 − 1 = 28, of which 4 were completed on the Wednesday. Carried over is the 8 alone: the 3 came when it was
/// planned already, and the 2 never came.
///
/// Sprint B was planned with 5 + 3 + 8 + 2 = 18. Completed were 5 and, unplanned, 1: 6. The 2 were late. Incomplete were
/// 3 + 8 + 2 = 13, and kept 5 of 18, 27.77… %. Sprint A before it completed nothing: (0 + 6) / 2 = 3 on average.
#[test]
fn of_two_sprints_that_overlap_the_later_one_has_its_own_scope_and_the_other_its_velocity() {
    let figures = figures_of(
        &with_sprints_that_overlap(),
        &items_of_sprints_that_overlap(),
        at("2026-11-19T17:00:00Z"),
    );
    assert_values(
        &figures,
        [
            ("points.original", 26.0),
            ("scope.added", 3.0),
            ("scope.removed", 1.0),
            ("scope.reestimated", 0.0),
            ("scope.net", 2.0),
            ("points.total", 28.0),
            ("points.completed", 4.0),
            ("points.remaining", 24.0),
            ("items.total", 4.0),
            ("items.carried_over", 1.0),
            ("velocity.planned", 18.0),
            ("velocity.completed", 6.0),
            ("velocity.late", 2.0),
            ("velocity.incomplete", 13.0),
            ("velocity.average", 3.0),
            ("percent.say_do", 27.8),
        ],
    );
    let expected = [
        (3, ScopeChangeKind::CarriedOver, 8.0, "the sprint before left it open"),
        (2, ScopeChangeKind::Added, 3.0, "it was moved into the sprint"),
        (6, ScopeChangeKind::Removed, -1.0, "it was moved to another sprint"),
    ];
    assert_eq!(told(&figures), expected);
    let burndown = figures.burndown.unwrap();
    assert_eq!(column(&burndown, |day| day.scope), [26.0, 28.0, 28.0, 28.0]);
    assert_eq!(column(&burndown, |day| day.completed), [0.0, 0.0, 4.0, 4.0]);
}

/// The same seen from sprint B, which was planned on 2 November with 18. On the 16th it lost 8, on the 17th 3, and 1 came:
/// 18 − 8 − 3 + 1 = 8, which are the 5, the 2 and the 1. When it ended, 5 + 1 = 6 of them were completed, and since then all are.
#[test]
fn of_two_sprints_that_overlap_the_earlier_one_loses_what_went_to_the_later() {
    let catalogue = with_sprints_that_overlap();
    let items = items_of_sprints_that_overlap();
    let frame = SprintContext::new(&catalogue, &catalogue.iterations[1], MetricSettings::default());
    let digests: Vec<Digest> = items.iter().map(|item| Digest::of(item, &frame)).collect();
    let figures = compute(&frame, digests.iter(), at("2026-11-19T17:00:00Z"));
    assert_values(
        &figures,
        [
            ("points.original", 18.0),
            ("scope.added", 1.0),
            ("scope.removed", 11.0),
            ("scope.net", -10.0),
            ("points.total", 8.0),
            ("points.completed", 8.0),
            ("items.total", 3.0),
            ("items.carried_over", 0.0),
        ],
    );
    let expected = [
        (3, ScopeChangeKind::Removed, -8.0, "it was moved to another sprint"),
        (2, ScopeChangeKind::Removed, -3.0, "it was moved to another sprint"),
        (6, ScopeChangeKind::Added, 1.0, "it was moved into the sprint"),
    ];
    assert_eq!(told(&figures), expected);
    let burndown = figures.burndown.unwrap();
    // From Friday the 13th on, with the weekend.
    assert_eq!(column(&burndown, |day| day.scope)[11..], [18.0, 18.0, 18.0, 10.0, 8.0, 8.0]);
    assert_eq!(column(&burndown, |day| day.completed)[11..], [0.0, 0.0, 0.0, 0.0, 5.0, 6.0]);
}

/// Items of the type Bug, and one task, in the sprint and in the one before.
fn items_with_bugs() -> [WorkItem; 9] {
    let typed = |work_item_type: &'static str, path, name, effort, left: Option<f64>| {
        move |facts: &mut Facts| {
            in_sprint(path, name, effort)(facts);
            facts.work_item_type = work_item_type.into();
            facts.remaining_work = left.map(amount);
        }
    };
    let bug = |name, effort, left| typed("Bug", OWN, name, effort, left);
    let done_before = |work_item_type, number, effort| {
        let stands = |name| typed(work_item_type, B, name, effort, None);
        life(number, &[(1, PLANNED_BEFORE, &stands("New")), (2, BEFORE, &stands("Closed"))])
    };
    [
        life(1, &[(1, BEFORE, &in_sprint(OWN, "New", 5.0)), (2, TUESDAY, &in_sprint(OWN, "Closed", 5.0))]),
        life(2, &[(1, BEFORE, &in_sprint(OWN, "Active", 3.0))]),
        life(3, &[(1, BEFORE, &typed("Task", OWN, "Active", 0.0, Some(4.0)))]),
        // Found in the sprint, closed too early, and reopened.
        life(
            4,
            &[
                (1, MONDAY, &bug("New", 2.0, Some(6.0))),
                (2, "2026-11-16T20:00:00Z", &bug("Closed", 2.0, Some(6.0))),
                (3, TUESDAY, &bug("Active", 2.0, Some(6.0))),
            ],
        ),
        life(
            5,
            &[(1, BEFORE, &bug("New", 1.0, Some(3.0))), (2, TUESDAY_LATER, &bug("Closed", 1.0, Some(3.0)))],
        ),
        life(6, &[(1, BEFORE, &bug("Removed", 8.0, Some(9.0)))]),
        done_before("User Story", 7, 10.0),
        done_before("Bug", 8, 4.0),
        life(9, &[(1, PLANNED_BEFORE, &typed("Bug", B, "Active", 6.0, None))]),
    ]
}

/// On the requirement backlog are the stories of 5 and 3 points and the bugs of 2 and 1: 11, of which 5 + 1 = 6 are completed.
/// Hours are those of the task, 4. Without bugs there are 5 + 3 = 8 points, of which 5 are completed; where they are tasks, the
/// open one has 6 more hours, 4 + 6 = 10, and the closed one none that are left. The removed one counts nowhere.
///
/// Sprint B was planned with a story of 10 and bugs of 4 and 6: 20, of which 10 + 4 = 14 were completed, 70 %, and 6 were not.
/// Without bugs 10 were planned and completed. The sprint before that completed nothing: 14 / 2 = 7, or 10 / 2 = 5, on average.
///
/// Bugs are counted whatever a team does with them: two are in the sprint, one of them open; one was created on its Monday, and
/// reopened on its Tuesday; one is closed.
#[test]
fn a_team_plans_its_bugs_as_requirements_as_tasks_or_not_at_all() {
    let values = [
        ("items.total", [4.0, 2.0, 2.0]),
        ("items.completed", [2.0, 1.0, 1.0]),
        ("items.remaining", [2.0, 1.0, 1.0]),
        ("items.wip", [2.0, 1.0, 1.0]),
        ("points.total", [11.0, 8.0, 8.0]),
        ("points.completed", [6.0, 5.0, 5.0]),
        ("points.remaining", [5.0, 3.0, 3.0]),
        ("points.original", [11.0, 8.0, 8.0]),
        ("hours.remaining", [4.0, 10.0, 4.0]),
        ("velocity.planned", [20.0, 10.0, 10.0]),
        ("velocity.completed", [14.0, 10.0, 10.0]),
        ("velocity.incomplete", [6.0, 0.0, 0.0]),
        ("velocity.average", [7.0, 5.0, 5.0]),
        ("percent.say_do", [70.0, 100.0, 100.0]),
        ("bugs.total", [2.0; 3]),
        ("bugs.open", [1.0; 3]),
        ("bugs.opened", [1.0; 3]),
        ("bugs.closed", [1.0; 3]),
        ("bugs.reopened", [1.0; 3]),
    ];
    let behaviours = [BugsBehaviour::AsRequirements, BugsBehaviour::AsTasks, BugsBehaviour::Off];
    for (place, bugs_behaviour) in behaviours.into_iter().enumerate() {
        let catalogue = Catalogue { bugs_behaviour, ..with_sprints_before() };
        let figures = figures_of(&catalogue, &items_with_bugs(), noon());
        for (id, expected) in values {
            assert_eq!(figures.value(id), Some(expected[place]), "{id} of bugs {bugs_behaviour:?}");
        }
    }
}

/// Planned on the Monday were stories of 5, 8 and 2 points: 15. An epic of 20 is on no backlog of a sprint, and a task of 3 is
/// on that of tasks. On the Tuesday that task became a story, and the story of 2 a task with 7 hours; on the Wednesday the
/// story of 8 became an epic: 15 + 3 − 2 = 16 on the Tuesday, and 16 − 8 = 8 on the Wednesday, in 2 items of 5 and 3 points.
///
/// Hours were 4 of the task that became a story and 2 of one that stays: 6 on the Monday. On the Tuesday 4 were no task's any
/// more, and 7 were: 6 − 4 + 7 = 9.
#[test]
fn an_item_counts_by_the_type_that_it_has_and_its_changes_of_type_change_the_scope() {
    let typed = |work_item_type: &'static str, effort, left: Option<f64>| {
        move |facts: &mut Facts| {
            in_sprint(OWN, "New", effort)(facts);
            facts.work_item_type = work_item_type.into();
            facts.remaining_work = left.map(amount);
        }
    };
    let story = |effort| typed("User Story", effort, None);
    let items = [
        life(1, &[(1, BEFORE, &story(5.0))]),
        life(2, &[(1, BEFORE, &typed("Epic", 20.0, None))]),
        life(3, &[(1, BEFORE, &typed("Task", 3.0, Some(4.0))), (2, TUESDAY, &story(3.0))]),
        life(4, &[(1, BEFORE, &story(8.0)), (2, WEDNESDAY, &typed("Epic", 8.0, None))]),
        life(5, &[(1, BEFORE, &typed("Task", 1.0, Some(2.0)))]),
        life(6, &[(1, BEFORE, &story(2.0)), (2, TUESDAY_LATER, &typed("Task", 2.0, Some(7.0)))]),
    ];
    let figures = figures_of(&with_sprints_before(), &items, noon());
    assert_values(
        &figures,
        [
            ("points.original", 15.0),
            ("scope.added", 3.0),
            ("scope.removed", 10.0),
            ("scope.reestimated", 0.0),
            ("scope.net", -7.0),
            ("points.total", 8.0),
            ("points.remaining", 8.0),
            ("items.total", 2.0),
            ("hours.remaining", 9.0),
        ],
    );
    let expected = [
        (3, ScopeChangeKind::Added, 3.0, "its type was changed"),
        (6, ScopeChangeKind::Removed, -2.0, "its type was changed"),
        (4, ScopeChangeKind::Removed, -8.0, "its type was changed"),
    ];
    assert_eq!(told(&figures), expected);
    let burndown = figures.burndown.unwrap();
    assert_eq!(column(&burndown, |day| day.scope), [15.0, 16.0, 8.0]);
    let [in_items, in_hours] = &*burndown.others else { panic!("items and hours") };
    assert_eq!(column(in_items, |day| day.scope), [3.0, 3.0, 2.0]);
    assert_eq!(column(in_hours, |day| day.remaining), [6.0, 9.0, 9.0]);
}

/// The team with these days off.
fn with_days_off<const N: usize>(days: [&str; N]) -> Catalogue {
    Catalogue { days_off: days.map(|day| day.parse().unwrap()).into(), ..with_sprints_before() }
}

/// An item of 2 points for each of the days, begun on 4 November and completed on it.
fn done_on<const N: usize>(path: &'static str, first: u32, days: [u32; N]) -> Vec<WorkItem> {
    let done = (first..).zip(days).map(|(number, day)| {
        let (begun, done) = ("2026-11-04T12:00:00Z", format!("2026-11-{day:02}T16:00:00Z"));
        life(
            number,
            &[(1, begun, &in_sprint(path, "Active", 2.0)), (2, &done, &in_sprint(path, "Closed", 2.0))],
        )
    });
    done.collect()
}

/// So many items of 2 points that nobody has begun.
fn open(count: u32) -> impl Iterator<Item = WorkItem> {
    (50..50 + count).map(|number| life(number, &[(1, BEFORE, &in_sprint(OWN, "New", 2.0))]))
}

/// Wednesday the 18th and Tuesday the 24th are off, so the sprint has 8 working days, and 8 items of 2 points: 16. The ideal
/// line falls by 16 / 8 = 2 a working day and is flat on days off.
///
/// It is Friday the 20th. One item was completed on each of the three working days that are over: 16 − 2 · 3 = 10 are left, and
/// 6 / 3 = 2 are the average. With the Wednesday a working day the line would fall by 16 / 10 = 1.6, and the average be
/// 6 / 4 = 1.5.
///
/// Before the sprint one was completed on each working day from the 4th to the 13th, which are 8: with the three, 11 on 11 days
/// are 1 a day. With the Wednesday a working day they would be 11 / 12 = 0.92. One more, completed on the Wednesday, counts on
/// the Thursday: 12 / 11 = 1.09.
#[test]
fn a_day_off_is_no_day_of_the_ideal_line_the_average_and_the_throughput() {
    let before = done_on(B, 1, [4, 5, 6, 9, 10, 11, 12, 13]);
    let items = [before, done_on(OWN, 20, [16, 17, 19]), open(5).collect()].concat();
    let on =
        |catalogue: &Catalogue, items: &[WorkItem]| figures_of(catalogue, items, at("2026-11-20T17:00:00Z"));
    let off = with_days_off(["2026-11-18", "2026-11-24"]);
    let figures = on(&off, &items);
    assert_values(
        &figures,
        [
            ("points.original", 16.0),
            ("points.completed", 6.0),
            ("burndown.average", 2.0),
            ("sprint.days_left", 5.0),
            ("throughput.day", 1.0),
        ],
    );
    let burndown = figures.burndown.unwrap();
    let ideal = [14.0, 12.0, 12.0, 10.0, 8.0, 8.0, 8.0, 6.0, 6.0, 4.0, 2.0, 0.0];
    assert_eq!(column(&burndown, |day| day.ideal), ideal);
    assert_eq!(column(&burndown, |day| day.remaining), [14.0, 12.0, 12.0, 10.0, 10.0]);

    let figures = on(&with_days_off([]), &items);
    assert_values(&figures, [("burndown.average", 1.5), ("sprint.days_left", 6.0), ("throughput.day", 0.92)]);
    let ideal = [14.4, 12.8, 11.2, 9.6, 8.0, 8.0, 8.0, 6.4, 4.8, 3.2, 1.6, 0.0];
    assert_eq!(column(&figures.burndown.unwrap(), |day| day.ideal), ideal);

    let figures = on(&off, &[items, done_on(NEXT, 40, [18])].concat());
    assert_values(&figures, [("throughput.day", 1.09)]);
    let days = figures.metrics["throughput.day"].detail.as_ref().unwrap()["days"].as_array().unwrap();
    let last = |back: usize| {
        let day = &days[days.len() - back];
        (day["date"].as_str().unwrap(), day["items"].as_u64().unwrap())
    };
    assert_eq!((days.len(), last(2), last(1)), (11, ("2026-11-17", 1), ("2026-11-19", 2)));
}

/// The same Friday. The team completes one item each working day, so there is no chance in it: 5 items take the Friday, the
/// Monday, and, with the Tuesday off, the Wednesday, the Thursday and the Friday on which the sprint ends. 6 take a day more, the
/// Monday after it. With the Tuesday a working day 5 would be done by Thursday the 26th, and 6 by the end of the sprint.
#[test]
fn a_forecast_leaves_out_the_days_off_to_come() {
    let before = done_on(B, 1, [4, 5, 6, 9, 10, 11, 12, 13]);
    let done = [before, done_on(OWN, 20, [16, 17, 19])].concat();
    let forecast = |catalogue: &Catalogue, left: u32| {
        let items: Vec<WorkItem> = done.iter().cloned().chain(open(left)).collect();
        let figures = figures_of(catalogue, &items, at("2026-11-20T17:00:00Z"));
        let told = ["forecast.items.p85", "forecast.probability", "forecast.when.p50", "forecast.when.p85"]
            .map(|id| figures.value(id).unwrap());
        let detail = figures.metrics["forecast.when.p85"].detail.as_ref().unwrap();
        (told, detail["date"].as_str().unwrap().to_owned())
    };
    let off = with_days_off(["2026-11-18", "2026-11-24"]);
    assert_eq!(forecast(&off, 5), ([5.0, 100.0, 5.0, 5.0], "2026-11-27".to_owned()));
    assert_eq!(forecast(&off, 6), ([5.0, 0.0, 6.0, 6.0], "2026-11-30".to_owned()));
    let tuesday_worked = with_days_off(["2026-11-18"]);
    assert_eq!(forecast(&tuesday_worked, 5), ([6.0, 100.0, 5.0, 5.0], "2026-11-26".to_owned()));
    assert_eq!(forecast(&tuesday_worked, 6), ([6.0, 100.0, 6.0, 6.0], "2026-11-27".to_owned()));
}
