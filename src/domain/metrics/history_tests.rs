//! Sprints worked out by hand: what changed their scope, what became of those before, how items flowed, and what is to be
//! expected. Each has its arithmetic beside it.

use super::super::testing::{details, other_project};
use super::testing::{at, figures_of, life, life_with, noon, points, sprint, state};
use super::*;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::catalogue::{BugsBehaviour, Catalogue, Iteration};
use crate::domain::sprint::work_item::{Details, Facts, Identity, WorkItem};
use crate::domain::wire::view::{ScopeChangeKind, SprintVerdict, Unit};
use crate::domain::{RevisionTold, SprintId};

/// The team of the tests with the two sprints before its own: A from 19 to 30 October, B from 2 to 13 November.
pub(super) fn with_sprints_before() -> Catalogue {
    let before = |number: u32, start: &str, finish: &str| Iteration {
        id: SprintId::parse(&format!("0000000{number}-bf11-4d4f-a031-c19813331553")).unwrap(),
        paths: vec![format!("Fabrikam\\Before {number}").into()],
        name: format!("Before {number}").into(),
        start: Some(start.parse().unwrap()),
        finish: Some(finish.parse().unwrap()),
    };
    let own = catalogue();
    let before = [before(1, "2026-10-19", "2026-10-30"), before(2, "2026-11-02", "2026-11-13")];
    Catalogue { iterations: before.into_iter().chain(own.iterations.clone()).collect(), ..own }
}

pub(super) const A: &str = "Fabrikam\\Before 1";
pub(super) const B: &str = "Fabrikam\\Before 2";
pub(super) const OWN: &str = "Fabrikam\\Sprint 1";
pub(super) const NEXT: &str = "Fabrikam\\Sprint 2";

/// A state, an effort, and the sprint that it is in.
pub(super) fn in_sprint(path: &'static str, name: &'static str, effort: f64) -> impl Fn(&mut Facts) {
    move |facts| {
        points(name, effort)(facts);
        facts.iteration_path = path.into();
    }
}

/// The figures of the own sprint on its third day, a Wednesday.
fn figures(items: &[WorkItem]) -> Figures {
    figures_of(&with_sprints_before(), items, noon())
}

/// What is told of the changes of scope: number of the item, kind, amount, reason.
pub(super) fn told(figures: &Figures) -> Vec<(u32, ScopeChangeKind, f64, &'static str)> {
    let changes = figures.scope_changes.iter();
    changes.map(|change| (change.id.number(), change.kind, change.amount.units(), change.reason)).collect()
}

const BEFORE: &str = "2026-11-10T15:00:00Z";
const FIRST_DAY: &str = "2026-11-16T15:00:00Z";
const SECOND_DAY: &str = "2026-11-17T15:00:00Z";
const THIRD_DAY: &str = "2026-11-18T15:00:00Z";

/// Planned on the Monday: 5 + 3 + 8 = 16. On the Tuesday 2 came, 3 left, and 8 became 13: 16 + 2 − 3 + 5 = 20.
#[test]
fn scope_changes_count_from_the_end_of_the_first_working_day() {
    let items = [
        life(1, &[(1, BEFORE, &in_sprint(OWN, "New", 5.0))]),
        life(
            2,
            &[(1, FIRST_DAY, &in_sprint(OWN, "New", 3.0)), (2, SECOND_DAY, &in_sprint(NEXT, "New", 3.0))],
        ),
        life(
            3,
            &[(1, FIRST_DAY, &in_sprint(OWN, "New", 8.0)), (2, SECOND_DAY, &in_sprint(OWN, "New", 13.0))],
        ),
        life(4, &[(1, BEFORE, &in_sprint(NEXT, "New", 2.0)), (2, SECOND_DAY, &in_sprint(OWN, "New", 2.0))]),
        // Came and left on the day of planning: no change.
        life(
            5,
            &[
                (1, FIRST_DAY, &in_sprint(OWN, "New", 1.0)),
                (2, "2026-11-16T16:00:00Z", &in_sprint(NEXT, "New", 1.0)),
            ],
        ),
    ];
    let figures = figures(&items);
    let value = |id| figures.value(id).unwrap();
    assert_eq!(value("points.original"), 16.0);
    assert_eq!((value("scope.added"), value("scope.removed"), value("scope.reestimated")), (2.0, 3.0, 5.0));
    assert_eq!((value("scope.net"), value("points.total")), (4.0, 20.0));
    assert_eq!(figures.burndown.as_ref().unwrap().original, figures.metrics["points.original"].value);
    let expected = [
        (2, ScopeChangeKind::Removed, -3.0, "it was moved to another sprint"),
        (3, ScopeChangeKind::Reestimated, 5.0, "its estimate was changed"),
        (4, ScopeChangeKind::Added, 2.0, "it was moved into the sprint"),
    ];
    assert_eq!(told(&figures), expected);
}

/// Moved out and back: gross, not netted: 5 left and 5 came. Deleted and restored: 3 left and 3 came.
#[test]
fn what_leaves_and_comes_back_is_told_twice() {
    let deleted = |facts: &mut Facts| {
        in_sprint(OWN, "New", 3.0)(facts);
        facts.deleted = true;
    };
    let items = [
        life(
            1,
            &[
                (1, BEFORE, &in_sprint(OWN, "New", 5.0)),
                (2, SECOND_DAY, &in_sprint("Fabrikam", "New", 5.0)),
                (3, THIRD_DAY, &in_sprint(OWN, "New", 5.0)),
            ],
        ),
        life(
            2,
            &[
                (1, BEFORE, &in_sprint(OWN, "New", 3.0)),
                (2, "2026-11-17T16:00:00Z", &deleted),
                (3, "2026-11-18T16:00:00Z", &in_sprint(OWN, "New", 3.0)),
            ],
        ),
    ];
    let figures = figures(&items);
    let value = |id| figures.value(id).unwrap();
    assert_eq!((value("scope.added"), value("scope.removed"), value("scope.net")), (8.0, 8.0, 0.0));
    let reasons: Vec<_> = figures.scope_changes.iter().map(|change| change.reason).collect();
    let expected = [
        "it was moved out of the sprint",
        "it was deleted",
        "it was moved into the sprint",
        "it was restored",
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn each_way_into_and_out_of_the_scope_has_its_reason() {
    type Change = fn(&mut Facts);
    let ways: [(Change, &str, &str); 5] = [
        (
            |facts| facts.area_path = "Contoso".into(),
            "it was moved to another team",
            "it was moved to the team",
        ),
        (
            |facts| facts.project = other_project(),
            "it went to another project",
            "it came from another project",
        ),
        (|facts| facts.work_item_type = "Task".into(), "its type was changed", "its type was changed"),
        (
            |facts| facts.state = "Removed".into(),
            "it was put into a Removed state",
            "it is no longer in a Removed state",
        ),
        (|facts| facts.deleted = true, "it was deleted", "it was restored"),
    ];
    for (change, out, back) in ways {
        let gone = |facts: &mut Facts| {
            in_sprint(OWN, "New", 5.0)(facts);
            change(facts);
        };
        let item = life(
            1,
            &[
                (1, BEFORE, &in_sprint(OWN, "New", 5.0)),
                (2, SECOND_DAY, &gone),
                (3, THIRD_DAY, &in_sprint(OWN, "New", 5.0)),
            ],
        );
        let expected = [(1, ScopeChangeKind::Removed, -5.0, out), (1, ScopeChangeKind::Added, 5.0, back)];
        assert_eq!(told(&figures(&[item])), expected);
    }
    let created = life(1, &[(1, SECOND_DAY, &in_sprint(OWN, "New", 5.0))]);
    assert_eq!(told(&figures(&[created])), [(1, ScopeChangeKind::Added, 5.0, "it was created")]);
}

/// An effort of 0 is an estimate, none is not: from none to 0 nothing is re-estimated, from none to 3 it is by 3.
#[test]
fn a_first_estimate_is_reestimated_from_nothing() {
    let unestimated = |facts: &mut Facts| {
        state("New")(facts);
        facts.iteration_path = OWN.into();
    };
    let items = [
        life(1, &[(1, BEFORE, &unestimated), (2, SECOND_DAY, &in_sprint(OWN, "New", 3.0))]),
        life(2, &[(1, BEFORE, &unestimated), (2, SECOND_DAY, &in_sprint(OWN, "New", 0.0))]),
    ];
    let figures = figures(&items);
    assert_eq!(figures.value("scope.reestimated"), Some(3.0));
    assert_eq!(figures.value("points.original"), Some(0.0));
    assert_eq!(figures.reason("percent.of_original"), Some("the sprint was planned without points"));
}

#[test]
fn where_nothing_is_estimated_scope_changes_and_velocity_count_items() {
    let unestimated = |path: &'static str, name: &'static str| {
        move |facts: &mut Facts| {
            state(name)(facts);
            facts.iteration_path = path.into();
        }
    };
    let items = [
        life(1, &[(1, BEFORE, &unestimated(OWN, "New"))]),
        life(2, &[(1, SECOND_DAY, &unestimated(OWN, "New"))]),
        life(
            3,
            &[(1, "2026-11-02T15:00:00Z", &unestimated(B, "New")), (2, BEFORE, &unestimated(B, "Closed"))],
        ),
    ];
    let figures = figures(&items);
    for id in ["scope.added", "velocity.completed", "velocity.planned", "velocity.average"] {
        assert_eq!((figures.value(id).is_some(), figures.metrics[id].unit), (true, Unit::Items), "{id}");
    }
    assert_eq!((figures.value("scope.added"), figures.value("velocity.completed")), (Some(1.0), Some(1.0)));
}

#[test]
fn before_the_sprint_is_planned_its_scope_is_what_it_is_now() {
    let items =
        [life(1, &[(1, BEFORE, &in_sprint(OWN, "New", 5.0)), (2, FIRST_DAY, &in_sprint(OWN, "New", 8.0))])];
    let monday = figures_of(&with_sprints_before(), &items, at("2026-11-16T17:00:00Z"));
    assert_eq!((monday.value("points.original"), monday.value("scope.net")), (Some(8.0), Some(0.0)));
    assert!(monday.scope_changes.is_empty());
}

/// Sprint B was planned with 5 + 3 + 8 + 2 = 18 points: 5 were completed in time, as 6, because the estimate was changed;
/// 3 were completed after its end and still in it; 8 were moved on unfinished; 2 were deleted. 4 points that nobody had
/// planned were completed. Completed 6 + 4 = 10, late 3, incomplete 3 + 8 = 11, kept of what was planned 5/18.
#[test]
fn a_finished_sprint_has_what_was_planned_completed_late_and_incomplete() {
    let planned = "2026-11-02T15:00:00Z";
    let middle = "2026-11-05T15:00:00Z";
    let deleted = |facts: &mut Facts| {
        in_sprint(B, "New", 2.0)(facts);
        facts.deleted = true;
    };
    let items = [
        life(1, &[(1, planned, &in_sprint(B, "New", 5.0)), (2, middle, &in_sprint(B, "Closed", 6.0))]),
        life(2, &[(1, planned, &in_sprint(B, "New", 3.0)), (2, FIRST_DAY, &in_sprint(B, "Closed", 3.0))]),
        life(
            3,
            &[
                (1, planned, &in_sprint(B, "Active", 8.0)),
                (2, "2026-11-13T15:00:00Z", &in_sprint(OWN, "Active", 8.0)),
            ],
        ),
        life(4, &[(1, planned, &in_sprint(B, "New", 2.0)), (2, middle, &deleted)]),
        life(5, &[(1, middle, &in_sprint(B, "New", 4.0)), (2, BEFORE, &in_sprint(B, "Closed", 4.0))]),
        // The sprint before that: 10 points.
        life(
            6,
            &[
                (1, "2026-10-19T15:00:00Z", &in_sprint(A, "New", 10.0)),
                (2, "2026-10-29T15:00:00Z", &in_sprint(A, "Closed", 10.0)),
            ],
        ),
    ];
    let figures = figures(&items);
    let value = |id| figures.value(id).unwrap();
    assert_eq!((value("velocity.planned"), value("velocity.completed")), (18.0, 10.0));
    assert_eq!((value("velocity.late"), value("velocity.incomplete")), (3.0, 11.0));
    assert_eq!(value("velocity.average"), 10.0);
    // 5 / 18 = 27.77… %
    assert_eq!(value("percent.say_do"), 27.8);
    let detail = figures.metrics["velocity.completed"].detail.as_ref().unwrap();
    let rows = detail["sprints"].as_array().unwrap();
    let row = |index: usize, what: &str| rows[index][what].as_f64().unwrap();
    assert_eq!(
        (rows.len(), rows[0]["name"].as_str(), rows[1]["name"].as_str()),
        (2, Some("Before 1"), Some("Before 2"))
    );
    assert_eq!((row(0, "planned"), row(0, "completed"), row(0, "incomplete")), (10.0, 10.0, 0.0));
    assert_eq!((row(1, "late"), row(1, "incomplete")), (3.0, 11.0));
    // Azure DevOps calls incomplete what is in progress, and in the sprint, at its end: nothing is.
    assert_eq!(rows[1]["ado"]["incomplete"].as_f64(), Some(0.0));
}

/// Three were in B and open: one was moved on before its end, one after it, and one stayed. What was done in B, and what was
/// never in it, is not carried over.
#[test]
fn what_the_sprint_before_left_open_is_carried_over() {
    let planned = "2026-11-02T15:00:00Z";
    let mia = |facts: &mut Facts| in_sprint(OWN, "Active", 3.0)(facts);
    let items = [
        life(1, &[(1, planned, &in_sprint(B, "Active", 3.0)), (2, "2026-11-13T15:00:00Z", &mia)]),
        life(2, &[(1, planned, &in_sprint(B, "New", 5.0)), (2, FIRST_DAY, &in_sprint(OWN, "New", 5.0))]),
        life(3, &[(1, planned, &in_sprint(B, "New", 1.0))]),
        life(
            4,
            &[
                (1, planned, &in_sprint(B, "Closed", 2.0)),
                (2, "2026-11-13T16:00:00Z", &in_sprint(OWN, "Closed", 2.0)),
            ],
        ),
        life(5, &[(1, BEFORE, &in_sprint(OWN, "New", 8.0))]),
        // Moved on when the sprint was planned already: added, and not carried over.
        life(6, &[(1, planned, &in_sprint(B, "New", 13.0)), (2, SECOND_DAY, &in_sprint(OWN, "New", 13.0))]),
    ];
    let figures = figures(&items);
    assert_eq!(figures.value("items.carried_over"), Some(2.0));
    let expected = [
        (1, ScopeChangeKind::CarriedOver, 3.0, "the sprint before left it open"),
        (2, ScopeChangeKind::CarriedOver, 5.0, "the sprint before left it open"),
        (6, ScopeChangeKind::Added, 13.0, "it was moved into the sprint"),
    ];
    assert_eq!(told(&figures), expected);
}

#[test]
fn a_change_of_scope_says_who_made_it_and_when() {
    let who = Identity { id: Some("7".into()), name: "Mia".into() };
    let mut item = life(1, &[(1, BEFORE, &in_sprint(NEXT, "New", 2.0))]);
    let mut claim = super::super::testing::claim(super::super::ClaimKind::Updated, at(SECOND_DAY));
    claim.facts.work_item_type = "User Story".into();
    in_sprint(OWN, "New", 2.0)(&mut claim.facts);
    claim.changed_by = Some(who.clone());
    item = item.merge(&WorkItem::new(item.id, 2, claim, details()));
    let figures = figures(&[item]);
    assert_eq!(
        (figures.scope_changes[0].by.clone(), figures.scope_changes[0].at),
        (Some(who), at(SECOND_DAY))
    );
}

/// Started on 2 November at noon, done on the 4th, reopened on the 5th, done again on the 9th at noon: 7 days, the time
/// between included. Of five such items, with 1, 2, 3 and 4 days, P50 is number 3, P85 number 5.
#[test]
fn cycle_time_is_from_the_first_start_to_the_last_completion() {
    let reopened = life(
        1,
        &[
            (1, "2026-11-01T12:00:00Z", &in_sprint(B, "New", 1.0)),
            (2, "2026-11-02T12:00:00Z", &in_sprint(B, "Active", 1.0)),
            (3, "2026-11-04T12:00:00Z", &in_sprint(B, "Closed", 1.0)),
            (4, "2026-11-05T12:00:00Z", &in_sprint(B, "Active", 1.0)),
            (5, "2026-11-09T12:00:00Z", &in_sprint(B, "Closed", 1.0)),
        ],
    );
    let done: [(u32, &'static str); 4] = [(2, "03"), (3, "04"), (4, "05"), (5, "06")];
    let done = done.map(|(number, day)| {
        let end = format!("2026-11-{day}T12:00:00Z");
        life(
            number,
            &[
                (1, "2026-11-02T12:00:00Z", &in_sprint(B, "Active", 1.0)),
                (2, &end, &in_sprint(B, "Closed", 1.0)),
            ],
        )
    });
    // Completed without ever having been in progress: it has no cycle time, which is not 0.
    let never = life(
        6,
        &[(1, "2026-11-02T12:00:00Z", &in_sprint(B, "New", 1.0)), (2, BEFORE, &in_sprint(B, "Closed", 1.0))],
    );
    let figures = figures(&[vec![reopened, never], done.into()].concat());
    let values = ["cycle.p50", "cycle.p85", "cycle.p95"].map(|id| figures.value(id));
    assert_eq!(values, [Some(3.0), Some(7.0), Some(7.0)]);
    assert_eq!(figures.metrics["cycle.p50"].partial, None);
}

/// P85 is 7 days; the items in progress are 8 and 2 days old.
#[test]
fn an_item_ages_against_the_teams_own_cycle_times() {
    let done = (1..=5).map(|number| {
        life(
            number,
            &[
                (1, "2026-11-02T12:00:00Z", &in_sprint(B, "Active", 1.0)),
                (2, "2026-11-09T12:00:00Z", &in_sprint(B, "Closed", 1.0)),
            ],
        )
    });
    let open = [("2026-11-10T17:00:00Z", 6), ("2026-11-16T17:00:00Z", 7)]
        .map(|(start, number)| life(number, &[(1, start, &in_sprint(OWN, "Resolved", 1.0))]));
    let items: Vec<WorkItem> = done.chain(open).collect();
    let aging = figures(&items);
    assert_eq!((aging.value("age.max"), aging.value("items.aging")), (Some(8.0), Some(1.0)));
    assert_eq!(figures(&items[..4]).reason("age.max"), Some("no item of the sprint is in progress"));
    let reason = "fewer than 5 items that had been in progress were completed in the last 90 days";
    assert_eq!(figures(&items[1..]).reason("items.aging"), Some(reason));
}

/// Blocked from Monday 15:00 to Tuesday 15:00, 24 hours, and since Wednesday 15:00, 2 hours until 17:00. Before the sprint
/// began, and once it is completed, it does not count.
#[test]
fn blocked_hours_are_those_of_the_sprint() {
    let blocked = |name: &'static str| {
        move |facts: &mut Facts| {
            in_sprint(OWN, name, 1.0)(facts);
            facts.blocked = true;
        }
    };
    let now_blocked = Details { tags: vec!["Blocked".into()], ..details() };
    let items = [
        life_with(
            1,
            now_blocked.clone(),
            &[
                (1, "2026-11-12T15:00:00Z", &blocked("New")),
                (2, "2026-11-13T15:00:00Z", &in_sprint(OWN, "New", 1.0)),
                (3, FIRST_DAY, &blocked("New")),
                (4, SECOND_DAY, &in_sprint(OWN, "New", 1.0)),
                (5, THIRD_DAY, &blocked("Active")),
            ],
        ),
        life_with(2, now_blocked, &[(1, FIRST_DAY, &blocked("Closed"))]),
    ];
    assert_eq!(figures(&items).value("blocked.hours"), Some(26.0));
}

#[test]
fn times_of_a_tag_that_is_not_kept_are_not_known() {
    let catalogue = Catalogue {
        blocked_by: crate::domain::BlockedRules::parse("tag:Stuck").unwrap(),
        ..with_sprints_before()
    };
    let item = life(
        1,
        &[(1, FIRST_DAY, &in_sprint(OWN, "New", 1.0)), (2, SECOND_DAY, &in_sprint(OWN, "Active", 1.0))],
    );
    let figures = figures_of(&catalogue, &[item], noon());
    assert_eq!(figures.reason("blocked.hours"), Some("for how long a work item was blocked is not known"));
}

/// Reopened twice in the sprint, and once before it.
#[test]
fn a_bug_that_is_reopened_counts_each_time() {
    let bug = |name: &'static str| {
        move |facts: &mut Facts| {
            in_sprint(OWN, name, 1.0)(facts);
            facts.work_item_type = "Bug".into();
        }
    };
    let dates =
        ["2026-11-10T10:00:00Z", "2026-11-11T10:00:00Z", "2026-11-12T10:00:00Z", "2026-11-16T10:00:00Z"];
    let more =
        ["2026-11-16T11:00:00Z", "2026-11-17T11:00:00Z", "2026-11-17T12:00:00Z", "2026-11-18T12:00:00Z"];
    let (closed, active, removed) = (bug("Closed"), bug("Active"), bug("Removed"));
    let revisions: Vec<(u32, &str, testing::Change<'_>)> = dates
        .into_iter()
        .chain(more)
        .zip(1..)
        .map(|(date, rev)| (rev, date, if rev % 2 == 1 { &closed as testing::Change<'_> } else { &active }))
        .collect();
    let bugs = [
        life(1, &revisions),
        // From Completed to Removed is no reopening.
        life(2, &[(1, BEFORE, &closed), (2, SECOND_DAY, &removed)]),
    ];
    assert_eq!(figures(&bugs).value("bugs.reopened"), Some(3.0));
}

#[test]
fn a_bug_escaped_where_a_tag_says_so() {
    let settings = MetricSettings { escaped_tags: ["prod".into()].into(), ..MetricSettings::default() };
    let bug = |number, tag: &str| {
        let details = Details { tags: vec![tag.into()], ..details() };
        life_with(number, details, &[(1, FIRST_DAY, &|facts| facts.work_item_type = "Bug".into())])
    };
    let items = [bug(1, "PROD"), bug(2, "production"), bug(3, "x")];
    let catalogue = with_sprints_before();
    let frame = SprintContext::new(&catalogue, sprint(&catalogue), settings);
    let digests: Vec<Digest> = items.iter().map(|item| Digest::of(item, &frame)).collect();
    let escaped = compute(&frame, digests.iter(), noon());
    assert_eq!((escaped.value("bugs.escaped"), escaped.value("percent.escaped")), (Some(1.0), Some(33.3)));
    let reason = "no tag says which bugs were found after a release (BOARDCAST_ESCAPED_TAGS)";
    assert_eq!(figures(&items).reason("bugs.escaped"), Some(reason));
}

/// An item that was completed on each working day from 12 October to 17 November.
fn one_a_day(catalogue: &Catalogue) -> Vec<WorkItem> {
    let days = "2026-10-12".parse::<crate::domain::CivilDate>().unwrap().iter_days().take(37);
    let done = days.filter(|day| catalogue.calendar().is_working(*day)).zip(1..).map(|(day, number)| {
        let (created, done) = ("2026-10-12T12:00:00Z", format!("{day}T16:00:00Z"));
        life(number, &[(1, created, &in_sprint(A, "Active", 1.0)), (2, &done, &in_sprint(A, "Closed", 1.0))])
    });
    done.collect()
}

/// One item each working day from 12 October on, so 27 over before Wednesday, 18 November: 1 a day. In the last seven days,
/// from the 12th to the 18th, those of the 12th, 13th, 16th and 17th, and one on Saturday.
#[test]
fn throughput_counts_completions_of_all_sprints() {
    let catalogue = with_sprints_before();
    let mut items = one_a_day(&catalogue);
    assert_eq!(items.len(), 27);
    let all = figures_of(&catalogue, &items, noon());
    assert_eq!((all.value("throughput.day"), all.value("throughput.week")), (Some(1.0), Some(4.0)));
    items.push(life(90, &[(1, "2026-11-14T12:00:00Z", &in_sprint(A, "Closed", 1.0))]));
    let all = figures_of(&catalogue, &items, noon());
    // Saturday's counts on Monday: 28 / 27 = 1.037.
    assert_eq!((all.value("throughput.day"), all.value("throughput.week")), (Some(1.04), Some(5.0)));
    let days = all.metrics["throughput.day"].detail.as_ref().unwrap()["days"].as_array().unwrap().clone();
    assert_eq!(
        (days.len(), days[25]["date"].as_str(), days[25]["items"].as_u64()),
        (27, Some("2026-11-16"), Some(2))
    );
}

/// The team completes one item a day, and eight days are left, of which Thursday the 26th is off: 7 more can be done
/// besides today's, so 8 items are likely, and 9 are not.
#[test]
fn a_forecast_says_what_is_likely_and_the_outlook_in_words() {
    let catalogue = with_sprints_before();
    let done = one_a_day(&catalogue);
    let open = |count: u32| {
        (100..100 + count).map(|number| life(number, &[(1, BEFORE, &in_sprint(OWN, "New", 2.0))]))
    };
    let with =
        |count| figures_of(&catalogue, &done.iter().cloned().chain(open(count)).collect::<Vec<_>>(), noon());
    let seven = with(7);
    let value = |figures: &Figures, id: &str| figures.value(id).unwrap();
    assert_eq!(value(&seven, "sprint.days_left"), 7.0);
    assert_eq!((value(&seven, "forecast.items.p85"), value(&seven, "forecast.probability")), (7.0, 100.0));
    assert_eq!((value(&seven, "forecast.when.p50"), value(&seven, "forecast.when.p85")), (7.0, 7.0));
    assert_eq!(
        seven.metrics["forecast.when.p85"].detail.as_ref().unwrap()["date"].as_str(),
        Some("2026-11-27")
    );
    let outlook = seven.outlook.unwrap();
    assert_eq!(outlook.verdict, SprintVerdict::OnTrack);
    assert_eq!(
        &*outlook.text,
        "100 % likely to complete all 7 items (14 points) on the 7 working days left. In 85 of 100 runs at least 7; all of it by 2026-11-27."
    );
    let eight = with(8);
    assert_eq!(value(&eight, "forecast.probability"), 0.0);
    assert_eq!(eight.outlook.unwrap().verdict, SprintVerdict::Behind);
    let nothing = with(0);
    assert_eq!(nothing.outlook.unwrap().verdict, SprintVerdict::Unknown);
}

/// Without enough completions the ideal line is asked: 10 points planned, nine working days. Two are over on Wednesday:
/// 10 · 7/9 = 7.78, a day before 8.89.
#[test]
fn without_a_forecast_the_ideal_line_decides() {
    let with_left = |left: f64| {
        let items = [
            life(1, &[(1, BEFORE, &in_sprint(OWN, "New", left))]),
            life(
                2,
                &[
                    (1, BEFORE, &in_sprint(OWN, "New", 10.0 - left)),
                    (2, SECOND_DAY, &in_sprint(OWN, "Closed", 10.0 - left)),
                ],
            ),
        ];
        let figures = figures(&items);
        let reason = "fewer than 5 items were completed on the last 60 working days";
        assert!(
            figures
                .reason("forecast.items.p85")
                .is_some_and(|told| told == reason || told.contains("10 working days"))
        );
        figures.outlook.unwrap()
    };
    let on_track = with_left(7.0);
    assert_eq!(on_track.verdict, SprintVerdict::OnTrack);
    assert_eq!(&*on_track.text, "7 points left with 7 working days to go, no more than the ideal line has.");
    let at_risk = with_left(8.0);
    assert_eq!(at_risk.verdict, SprintVerdict::AtRisk);
    assert_eq!(
        &*at_risk.text,
        "8 points left with 7 working days to go, 0.22 points more than the ideal line has."
    );
    assert_eq!(with_left(9.0).verdict, SprintVerdict::Behind);
    assert_eq!(
        (on_track.inputs["by"].as_str(), on_track.inputs["ideal"].as_f64()),
        (Some("ideal"), Some(7.78))
    );
}

#[test]
fn while_the_past_is_being_read_what_rests_on_it_says_so() {
    let catalogue = with_sprints_before();
    let frame = SprintContext::new(&catalogue, sprint(&catalogue), MetricSettings::default())
        .with_past(Past::BeingRead);
    let item = life(1, &[(1, BEFORE, &in_sprint(OWN, "New", 2.0))]);
    let figures = compute(&frame, [Digest::of(&item, &frame)].iter(), noon());
    let reading = Some("the team's past is still being read");
    for id in ["points.original", "scope.added", "velocity.completed", "items.carried_over", "percent.say_do"]
    {
        assert_eq!(figures.reason(id), reading, "{id}");
    }
    for id in
        ["lead.p85", "cycle.p85", "throughput.week", "forecast.items.p85", "bugs.reopened", "points.original"]
    {
        assert_eq!(figures.metrics[id].partial.as_deref(), reading, "{id}");
    }
    assert_eq!((figures.value("points.total"), &figures.metrics["points.total"].partial), (Some(2.0), &None));
}

#[test]
fn where_a_revision_is_missing_the_number_says_of_how_many_items() {
    // Between 2 and 5 anything may have happened.
    let gap = |number| {
        life(number, &[(2, BEFORE, &in_sprint(OWN, "New", 2.0)), (5, THIRD_DAY, &in_sprint(OWN, "New", 3.0))])
    };
    let one = figures(&[gap(1)]);
    assert_eq!(one.reason("scope.added"), Some("how a work item changed the scope is not known"));
    assert_eq!(one.metrics["scope.added"].partial.as_deref(), Some("a revision of one work item is missing"));
    let two = figures(&[gap(1), gap(2)]);
    assert_eq!(two.metrics["scope.added"].partial.as_deref(), Some("revisions of 2 work items are missing"));
}

/// The item of 5 points went to the next sprint on the Tuesday and came back on the Wednesday with 8: 5 left, 8 came, and
/// nothing was re-estimated, for it was not in the sprint meanwhile. Planned 5 + 3 = 8, now 8 − 5 + 8 = 11.
#[test]
fn what_is_moved_to_the_next_sprint_and_back_is_gone_meanwhile() {
    let items = [
        life(
            1,
            &[
                (1, BEFORE, &in_sprint(OWN, "New", 5.0)),
                (2, SECOND_DAY, &in_sprint(NEXT, "New", 5.0)),
                (3, THIRD_DAY, &in_sprint(OWN, "New", 8.0)),
            ],
        ),
        life(2, &[(1, BEFORE, &in_sprint(OWN, "New", 3.0))]),
    ];
    let figures = figures(&items);
    let value = |id| figures.value(id).unwrap();
    assert_eq!((value("scope.added"), value("scope.removed"), value("scope.reestimated")), (8.0, 5.0, 0.0));
    assert_eq!((value("points.original"), value("scope.net"), value("points.total")), (8.0, 3.0, 11.0));
    let expected = [
        (1, ScopeChangeKind::Removed, -5.0, "it was moved to another sprint"),
        (1, ScopeChangeKind::Added, 8.0, "it was moved into the sprint"),
    ];
    assert_eq!(told(&figures), expected);
    let scope: Vec<f64> =
        figures.burndown.unwrap().days.iter().map_while(|day| Some(day.scope?.units())).collect();
    assert_eq!(scope, [8.0, 3.0, 11.0]);
}

/// Sprint B was planned with 5 + 3 + 2 = 10 points. The 5 went to the next sprint and back within B, and were completed
/// there: completed 5, kept 5/10. The 3 went on before B ended, came back when the next sprint was planned, and were completed
/// then: they were not in B when it ended, so incomplete and not late. The 2 came back on the Monday on which the next sprint
/// was planned: incomplete, and as they were completed after B ended but were not in it then, not late either. Incomplete
/// 3 + 2 = 5. The next sprint was planned with the 3, which left it on the Tuesday, and with 1 of its own.
#[test]
fn what_goes_back_to_the_sprint_before_has_its_part_in_both() {
    let planned = "2026-11-02T15:00:00Z";
    let friday = "2026-11-13T15:00:00Z";
    let there_and_back = |number, effort, out, back, done| {
        life(
            number,
            &[
                (1, planned, &in_sprint(B, "New", effort)),
                (2, out, &in_sprint(OWN, "New", effort)),
                (3, back, &in_sprint(B, "New", effort)),
                (4, done, &in_sprint(B, "Closed", effort)),
            ],
        )
    };
    let items = [
        there_and_back(1, 5.0, "2026-11-04T15:00:00Z", "2026-11-06T15:00:00Z", BEFORE),
        there_and_back(2, 3.0, friday, SECOND_DAY, "2026-11-17T16:00:00Z"),
        there_and_back(3, 2.0, friday, FIRST_DAY, "2026-11-16T16:00:00Z"),
        life(4, &[(1, BEFORE, &in_sprint(OWN, "New", 1.0))]),
    ];
    let figures = figures(&items);
    let value = |id| figures.value(id).unwrap();
    assert_eq!((value("velocity.planned"), value("velocity.completed")), (10.0, 5.0));
    assert_eq!((value("velocity.late"), value("velocity.incomplete")), (0.0, 5.0));
    assert_eq!(value("percent.say_do"), 50.0);
    assert_eq!((value("points.original"), value("points.total")), (4.0, 1.0));
    assert_eq!(value("items.carried_over"), 1.0);
    let expected = [
        (2, ScopeChangeKind::CarriedOver, 3.0, "the sprint before left it open"),
        (2, ScopeChangeKind::Removed, -3.0, "it was moved to another sprint"),
    ];
    assert_eq!(told(&figures), expected);
}

/// A process in which a story is Waiting, Done (by whoever makes it, so `InProgress`), Tested (Resolved) and Live (Completed),
/// and Closed is what nobody wants any more. What was completed was called Finished, which is no state any more.
fn with_states_renamed() -> Catalogue {
    use crate::domain::StateCategory::{Completed, InProgress, Proposed, Removed, Resolved};
    let states = [
        ("Waiting", Proposed),
        ("Done", InProgress),
        ("Tested", Resolved),
        ("Live", Completed),
        ("Closed", Removed),
    ];
    let states: BTreeMap<crate::domain::Text, _> =
        states.into_iter().map(|(name, category)| (name.into(), category)).collect();
    let own = with_sprints_before();
    Catalogue { states: own.states.keys().map(|name| (name.clone(), states.clone())).collect(), ..own }
}

/// 1 is Waiting, 2 are Done, 4 are Tested, 8 are Live, 16 are Closed. 32 were Finished, and Live from the Tuesday on; 64 are
/// Finished still. Total 1 + 2 + 4 + 8 + 32 + 64 = 111, completed 8 + 32 = 40, remaining 71, 40/111 = 36.0 %. In progress are
/// the Done and the Tested: 2, the older one since Monday 17:00, 2 days. Until the Tuesday the 32 count as not begun: completed
/// were 8 on the Monday. In sprint B 5 points were Done at its end, and 3 Live: planned 8, completed 3, incomplete 5.
#[test]
fn of_states_that_were_renamed_the_categories_of_now_count() {
    let items = [
        life(1, &[(1, BEFORE, &in_sprint(OWN, "Waiting", 1.0))]),
        life(
            2,
            &[
                (1, BEFORE, &in_sprint(OWN, "Waiting", 2.0)),
                (2, "2026-11-16T17:00:00Z", &in_sprint(OWN, "Done", 2.0)),
            ],
        ),
        life(
            3,
            &[
                (1, BEFORE, &in_sprint(OWN, "Waiting", 4.0)),
                (2, "2026-11-17T17:00:00Z", &in_sprint(OWN, "Tested", 4.0)),
            ],
        ),
        life(4, &[(1, BEFORE, &in_sprint(OWN, "Done", 8.0)), (2, FIRST_DAY, &in_sprint(OWN, "Live", 8.0))]),
        life(5, &[(1, BEFORE, &in_sprint(OWN, "Closed", 16.0))]),
        life(
            6,
            &[(1, BEFORE, &in_sprint(OWN, "Finished", 32.0)), (2, SECOND_DAY, &in_sprint(OWN, "Live", 32.0))],
        ),
        life(7, &[(1, BEFORE, &in_sprint(OWN, "Finished", 64.0))]),
        life(8, &[(1, "2026-11-02T15:00:00Z", &in_sprint(B, "Done", 5.0))]),
        life(
            9,
            &[
                (1, "2026-11-02T15:00:00Z", &in_sprint(B, "Tested", 3.0)),
                (2, BEFORE, &in_sprint(B, "Live", 3.0)),
            ],
        ),
    ];
    let figures = figures_of(&with_states_renamed(), &items, noon());
    let value = |id| figures.value(id).unwrap();
    let points = ["points.total", "points.completed", "points.remaining"].map(value);
    assert_eq!((points, value("percent.complete")), ([111.0, 40.0, 71.0], 36.0));
    assert_eq!((value("items.total"), value("items.wip"), value("age.max")), (6.0, 2.0, 2.0));
    let days = &figures.burndown.as_ref().unwrap().days;
    let completed: Vec<f64> = days.iter().map_while(|day| Some(day.completed?.units())).collect();
    assert_eq!(completed, [8.0, 40.0, 40.0]);
    assert_eq!(
        (value("velocity.planned"), value("velocity.completed"), value("velocity.incomplete")),
        (8.0, 3.0, 5.0)
    );
}

/// Bugs planned like tasks are no part of the scope, and so of no velocity.
#[test]
fn bugs_that_are_tasks_have_no_part_in_velocity() {
    let bug = |facts: &mut Facts| {
        in_sprint(B, "Closed", 4.0)(facts);
        facts.work_item_type = "Bug".into();
    };
    let items = [life(1, &[(1, "2026-11-02T15:00:00Z", &bug)])];
    let velocity = |behaviour| {
        let catalogue = Catalogue { bugs_behaviour: behaviour, ..with_sprints_before() };
        figures_of(&catalogue, &items, noon()).value("velocity.completed")
    };
    assert_eq!(velocity(BugsBehaviour::AsRequirements), Some(4.0));
    assert_eq!(velocity(BugsBehaviour::AsTasks), Some(0.0));
}

/// A sprint that began before and is still running is not one of those that are over.
#[test]
fn a_sprint_that_overlaps_is_finished_when_it_ends() {
    let mut catalogue = with_sprints_before();
    catalogue.iterations[1].finish = Some("2026-11-18".parse().unwrap());
    let item = life(1, &[(1, "2026-11-02T15:00:00Z", &in_sprint(B, "Closed", 4.0))]);
    let names = |now| {
        let detail = figures_of(&catalogue, std::slice::from_ref(&item), now).metrics["velocity.completed"]
            .detail
            .clone();
        let rows = detail.unwrap()["sprints"].as_array().unwrap().clone();
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(noon()), ["Before 1"]);
    assert_eq!(names(at("2026-11-19T17:00:00Z")), ["Before 1", "Before 2"]);
}

#[test]
fn a_team_without_an_earlier_sprint_has_no_velocity() {
    let figures = testing::figures(&[life(1, &[(1, BEFORE, &in_sprint(OWN, "New", 2.0))])]);
    for id in ["velocity.completed", "velocity.average", "percent.say_do"] {
        assert_eq!(figures.reason(id), Some("no sprint of the team is over yet"), "{id}");
    }
    assert_eq!(figures.value("items.carried_over"), Some(0.0));
}

/// Sprint B lasts until the 18th, longer than the sprint that follows it: nothing of it is settled before it has ended.
#[test]
fn a_sprint_is_settled_no_earlier_than_it_ends() {
    let mut catalogue = with_sprints_before();
    catalogue.iterations[0].finish = Some("2026-11-18".parse().unwrap());
    let done = "2026-11-17T15:00:00Z";
    let item = life(
        1,
        &[(1, "2026-10-19T15:00:00Z", &in_sprint(A, "New", 4.0)), (2, done, &in_sprint(A, "Closed", 4.0))],
    );
    let settings = MetricSettings::default();
    let review = review(&catalogue, &catalogue.iterations[0], &settings, [&item].into_iter()).unwrap();
    assert_eq!(review.settled_at, catalogue.calendar().end_of("2026-11-18".parse().unwrap()));
    assert_eq!((review.completed.units(), review.late.units()), (4.0, 0.0));
}

/// An effort of 0 is an estimate, so velocity is in points, and 0.
#[test]
fn a_team_that_estimates_with_0_has_a_velocity_in_points() {
    let item = life(
        1,
        &[(1, "2026-11-02T15:00:00Z", &in_sprint(B, "New", 0.0)), (2, BEFORE, &in_sprint(B, "Closed", 0.0))],
    );
    let open = life(2, &[(1, BEFORE, &in_sprint(OWN, "New", 0.0))]);
    let figures = figures(&[item, open]);
    assert_eq!(figures.metrics["velocity.completed"].unit, Unit::Points);
    assert_eq!(figures.value("velocity.completed"), Some(0.0));
    let outlook = figures.outlook.unwrap();
    assert_eq!(outlook.verdict, SprintVerdict::Unknown, "{}", outlook.text);
}

fn known_from(date: &str, items: &[WorkItem]) -> Figures {
    let catalogue = with_sprints_before();
    let frame = SprintContext::new(&catalogue, sprint(&catalogue), MetricSettings::default());
    let frame = frame.with_known_from(Some(at(date)), catalogue.days_off_known_from());
    let digests: Vec<Digest> = items.iter().map(|item| Digest::of(item, &frame)).collect();
    compute(&frame, digests.iter(), noon())
}

#[test]
fn what_was_before_the_past_that_is_known_is_not_told_as_nothing() {
    let item = life(1, &[(1, "2026-10-19T15:00:00Z", &in_sprint(A, "Closed", 4.0))]);
    let sprints = |figures: &Figures| {
        let detail = figures.metrics["velocity.average"].detail.clone();
        detail.map(|detail| detail["sprints"].as_array().unwrap().len())
    };
    // From before both sprints, between them, and after both.
    let all = known_from("2026-08-01T00:00:00Z", std::slice::from_ref(&item));
    assert_eq!((sprints(&all), all.value("velocity.average")), (Some(2), Some(2.0)));
    for id in ["lead.p50", "throughput.day", "forecast.probability", "velocity.average"] {
        assert_eq!(all.metrics[id].partial, None, "{id}");
    }
    let one = known_from("2026-10-25T00:00:00Z", std::slice::from_ref(&item));
    assert_eq!((sprints(&one), one.value("items.carried_over")), (Some(1), Some(0.0)));
    let short = Some("of the last 90 days not all is known");
    for id in ["lead.p50", "cycle.p50", "throughput.day", "forecast.probability", "items.aging"] {
        assert_eq!(one.metrics[id].partial.as_deref(), short, "{id}");
    }
    let few = Some("of the last six sprints not all are known");
    for id in ["velocity.average", "velocity.completed", "percent.say_do"] {
        assert_eq!(one.metrics[id].partial.as_deref(), few, "{id}");
    }
    let none = known_from("2026-11-10T00:00:00Z", std::slice::from_ref(&item));
    for id in ["velocity.average", "velocity.completed", "percent.say_do"] {
        assert_eq!(none.reason(id), Some("what was in the sprint before is not known"), "{id}");
    }
    assert_eq!(none.reason("items.carried_over"), Some("what was in the sprint before is not known"));
    // It was the 9th in New York: of the working days those from the 10th on, to the 13th, and the 16th and 17th.
    let days = none.metrics["throughput.day"].detail.as_ref().unwrap()["days"].as_array().unwrap().len();
    assert_eq!(days, 6);
}

#[test]
fn an_item_that_may_have_changed_already_makes_the_past_board_unknown() {
    let item = life(
        1,
        &[
            (1, BEFORE, &in_sprint(OWN, "New", 2.0)),
            (3, THIRD_DAY, &in_sprint(OWN, "Closed", 2.0)),
            (4, "2026-11-18T16:00:00Z", &in_sprint(OWN, "Closed", 2.0)),
        ],
    );
    let catalogue = with_sprints_before();
    let frame = SprintContext::new(&catalogue, sprint(&catalogue), MetricSettings::default());
    let on = |date: &str| {
        let (then, told) = item.as_of(at(date)).unwrap();
        (compute(&frame, [Digest::told(&then, told, &frame)].iter(), at(date)), told)
    };
    let (before_gap, told) = on("2026-11-17T17:00:00Z");
    assert_eq!((told, before_gap.history), (RevisionTold::BeforeGap, History::Partial));
    for id in ["items.total", "points.remaining", "items.completed"] {
        assert_eq!(before_gap.reason(id), Some("how a work item stood then is not known"), "{id}");
    }
    let (after_gap, told) = on("2026-11-18T15:30:00Z");
    assert_eq!((told, after_gap.value("items.completed")), (RevisionTold::Earlier, Some(1.0)));
}

/// The tag was put on in the afternoon: that morning it was not there, whatever the item bears now.
#[test]
fn a_past_board_is_blocked_by_what_was_known_then() {
    let blocked = |facts: &mut Facts| {
        in_sprint(OWN, "New", 2.0)(facts);
        facts.blocked = true;
    };
    let tagged = Details { tags: vec!["Blocked".into(), "UI".into()], ..details() };
    let revisions: [(u32, &str, testing::Change<'_>); 3] = [
        (1, BEFORE, &in_sprint(OWN, "New", 2.0)),
        (2, SECOND_DAY, &blocked),
        (3, THIRD_DAY, &in_sprint(OWN, "Active", 2.0)),
    ];
    let item = life_with(1, tagged, &revisions);
    let on = |date: &str, rule: &str| {
        let blocked_by = crate::domain::BlockedRules::parse(rule).unwrap();
        let catalogue = Catalogue { blocked_by, ..with_sprints_before() };
        let frame = SprintContext::new(&catalogue, sprint(&catalogue), MetricSettings::default());
        let (then, told) = item.as_of(at(date)).unwrap();
        let tags: Vec<String> = then.present().details.tags.iter().map(|tag| tag.to_string()).collect();
        let figures = compute(&frame, [Digest::told(&then, told, &frame)].iter(), at(date));
        (figures.value("items.blocked"), figures.value("blocked.hours"), tags)
    };
    assert_eq!(on(FIRST_DAY, "tag:Blocked"), (Some(0.0), Some(0.0), vec![]));
    assert_eq!(on("2026-11-17T18:00:00Z", "tag:Blocked"), (Some(1.0), Some(3.0), vec!["Blocked".to_owned()]));
    // Another tag is not kept of earlier revisions.
    assert_eq!(on("2026-11-17T18:00:00Z", "tag:UI").0, None);
}

#[test]
fn velocity_is_in_the_unit_of_the_sprints_that_it_tells_of() {
    let catalogue = history_properties::with_many_sprints_before();
    let unestimated = |facts: &mut Facts| {
        in_sprint("Fabrikam\\Before 6", "Closed", 0.0)(facts);
        facts.effort = std::sync::Arc::default();
    };
    // The seventh sprint before had 5 points, and of the six that are told of the last had one item without an estimate.
    let items = [
        life(1, &[(1, "2026-08-10T15:00:00Z", &in_sprint("Fabrikam\\Before 0", "Closed", 5.0))]),
        life(2, &[(1, "2026-11-02T15:00:00Z", &unestimated)]),
    ];
    let figures = figures_of(&catalogue, &items, noon());
    let average = &figures.metrics["velocity.average"];
    assert_eq!((average.unit, average.value.map(Hundredths::units)), (Unit::Items, Some(0.17)), "1 / 6");
    // Only where one of the six is estimated are all of them in points.
    let estimated = life(3, &[(1, "2026-10-20T15:00:00Z", &in_sprint("Fabrikam\\Before 5", "Closed", 3.0))]);
    let figures = figures_of(&catalogue, &[items[1].clone(), estimated], noon());
    let average = &figures.metrics["velocity.average"];
    assert_eq!((average.unit, average.value.map(Hundredths::units)), (Unit::Points, Some(0.5)), "3 / 6");
}
