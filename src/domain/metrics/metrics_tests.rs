//! What each metric counts, what it leaves out, and when it has no value.

use std::collections::BTreeSet;

use super::super::testing::{details, other_project, with_details};
use super::testing::{
    amount, at, bug, figures, figures_of, frame, hours, life, life_with, noon, points, sprint, state, story,
    task,
};
use super::*;
use crate::domain::metrics::threshold::Rule;
use crate::domain::sprint::catalogue::tests::{catalogue, other_sprint_id, sprint_id};
use crate::domain::sprint::catalogue::{BugsBehaviour, Catalogue, Member, StateCategory};
use crate::domain::sprint::rank::{ORDER_FIELDS, Rank};
use crate::domain::sprint::work_item::{Details, Facts, History, WorkItem};
use crate::domain::wire::view::{ItemView, StateCount};

/// A story of each category, of 1, 2, 4, 8 and 16 points.
fn one_of_each() -> Vec<WorkItem> {
    let states = [("New", 1.0), ("Active", 2.0), ("Resolved", 4.0), ("Closed", 8.0), ("Removed", 16.0)];
    (1..).zip(states).map(|(number, (state, effort))| story(number, points(state, effort))).collect()
}

fn with_field(items: impl IntoIterator<Item = WorkItem>, id: &str) -> Option<f64> {
    figures(&items.into_iter().collect::<Vec<_>>()).value(id)
}

#[test]
fn the_scope_is_what_is_completed_and_what_remains_and_removed_is_in_neither() {
    let figures = figures(&one_of_each());
    for (id, value) in [
        ("items.total", 4.0),
        ("items.completed", 1.0),
        ("items.remaining", 3.0),
        ("points.total", 15.0),
        ("points.completed", 8.0),
        ("points.remaining", 7.0),
        ("items.wip", 2.0),
        ("percent.complete", 53.3),
    ] {
        assert_eq!(figures.value(id), Some(value), "{id}");
    }
}

#[test]
fn a_state_that_nothing_is_known_of_is_neither_started_nor_completed() {
    let figures = figures(&[story(1, points("Odd", 3.0))]);
    assert_eq!(figures.value("points.remaining"), Some(3.0));
    assert_eq!((figures.value("items.wip"), figures.value("items.completed")), (Some(0.0), Some(0.0)));
}

#[test]
fn an_item_is_in_the_sprint_by_iteration_area_project_and_type() {
    let total = |item: WorkItem| with_field([item], "items.total");
    assert_eq!(
        total(story(1, |facts| facts.iteration_path = "Fabrikam\\Sprint 1\\Week 1".into())),
        Some(1.0)
    );
    assert_eq!(total(story(1, |facts| facts.iteration_path = "Fabrikam".into())), Some(0.0));
    assert_eq!(total(story(1, |facts| facts.iteration_path = "Fabrikam\\Sprint 2".into())), Some(0.0));
    assert_eq!(total(story(1, |facts| facts.area_path = "Contoso".into())), Some(0.0));
    assert_eq!(total(story(1, |facts| facts.project = other_project())), Some(0.0));
    assert_eq!(total(story(1, |facts| facts.deleted = true)), Some(0.0));
    assert_eq!(total(story(1, |facts| facts.work_item_type = "Epic".into())), Some(0.0));
    assert_eq!(total(task(1, |_| {})), Some(0.0));
    assert_eq!(total(bug(1, |_| {})), Some(1.0));
}

#[test]
fn of_sprints_within_each_other_only_the_inner_one_counts_an_item() {
    let mut catalogue = catalogue();
    catalogue.iterations[1].paths = vec!["Fabrikam\\Sprint 1\\Week 2".into()];
    let items = [story(1, |facts| facts.iteration_path = "Fabrikam\\Sprint 1\\Week 2".into())];
    assert_eq!(figures_of(&catalogue, &items, noon()).value("items.total"), Some(0.0));
    let inner = catalogue.sprint(other_sprint_id()).unwrap();
    let frame = SprintContext::new(&catalogue, inner, MetricSettings::default());
    let digests = [Digest::of(&items[0], &frame)];
    assert_eq!(compute(&frame, digests.iter(), noon()).value("items.total"), Some(1.0));
}

#[test]
fn an_item_without_effort_adds_no_points_and_zero_is_an_estimate() {
    let figures = figures(&[story(1, points("New", 0.0)), story(2, state("New")), story(3, state("Closed"))]);
    assert_eq!(figures.value("points.total"), Some(0.0));
    assert_eq!(figures.value("items.unestimated"), Some(1.0));
    assert_eq!(figures.value("percent.complete"), None);
    assert_eq!(figures.reason("percent.complete"), Some("the sprint has no points"));
}

#[test]
fn a_type_without_effort_field_is_not_unestimated() {
    let mut catalogue = catalogue();
    catalogue.types_without_effort = BTreeSet::from(["Bug".into()]);
    let items = [bug(1, |_| {}), story(2, |_| {})];
    assert_eq!(figures_of(&catalogue, &items, noon()).value("items.unestimated"), Some(1.0));
}

#[test]
fn a_process_without_effort_has_no_points_and_says_so() {
    let mut catalogue = catalogue();
    catalogue.effort_field = None;
    let figures = figures_of(&catalogue, &one_of_each(), noon());
    for id in [
        "points.total",
        "points.completed",
        "points.remaining",
        "percent.complete",
        "burndown.average",
        "items.unestimated",
    ] {
        assert_eq!(figures.reason(id), Some("the team's process has no effort field"), "{id}");
    }
    assert_eq!(figures.value("items.total"), Some(4.0));
}

#[test]
fn w20_an_estimate_that_may_not_be_kept_is_no_estimate_of_nothing() {
    let mut catalogue = catalogue();
    catalogue.effort_field = Some("Custom.Points".into());
    catalogue.remaining_work_field = Some("Custom.Hours".into());
    let cut = |facts: &mut Facts| facts.has_more_numbers = true;
    let board = |items: &[WorkItem]| figures_of(&catalogue, items, noon());
    let figures = board(&[story(1, cut), story(2, |_| {}), task(3, cut)]);
    for id in ["points.total", "points.remaining", "items.unestimated", "percent.complete"] {
        assert_eq!(figures.reason(id), Some("a work item has more number fields than are kept"), "{id}");
    }
    assert_eq!((figures.value("items.total"), figures.states[0].points), (Some(2.0), None));
    assert_eq!(figures.value("hours.remaining"), None);
    // The number itself is there, or there never were too many.
    let has_points = |facts: &mut Facts| {
        cut(facts);
        std::sync::Arc::make_mut(&mut facts.effort).insert("Custom.Points".into(), amount(3.0));
    };
    let figures = board(&[story(1, has_points), story(2, |_| {})]);
    assert_eq!((figures.value("points.total"), figures.value("items.unestimated")), (Some(3.0), Some(1.0)));
}

#[test]
fn percent_has_one_decimal_and_half_is_rounded_away_from_zero() {
    // 1/16 is 6.25 %, 2/3 is 66.666… %.
    let shares = |done: f64, open: f64| {
        with_field([story(1, points("Closed", done)), story(2, points("New", open))], "percent.complete")
    };
    assert_eq!(shares(1.0, 15.0), Some(6.3));
    assert_eq!(shares(2.0, 1.0), Some(66.7));
    assert_eq!(shares(3.0, 0.0), Some(100.0));
}

#[test]
fn quotients_are_rounded_half_away_from_zero_on_both_sides() {
    for (numerator, denominator, expected) in [
        (1, 2, Some(1)),
        (-1, 2, Some(-1)),
        (1, -2, Some(-1)),
        (1, 3, Some(0)),
        (2, 3, Some(1)),
        (5, 0, None),
    ] {
        assert_eq!(rounded_quotient(numerator, denominator), expected, "{numerator}/{denominator}");
    }
}

#[test]
fn hours_are_those_of_open_tasks_and_not_of_stories() {
    let items = [
        task(1, hours("Active", 3.5)),
        task(2, hours("Closed", 8.0)),
        task(3, hours("Removed", 8.0)),
        story(4, hours("Active", 8.0)),
        bug(5, hours("Active", 8.0)),
        task(6, state("New")),
    ];
    assert_eq!(figures(&items).value("hours.remaining"), Some(3.5));
    let mut catalogue = catalogue();
    catalogue.bugs_behaviour = BugsBehaviour::AsTasks;
    assert_eq!(figures_of(&catalogue, &items, noon()).value("hours.remaining"), Some(11.5));
}

#[test]
fn hours_are_unknown_without_tasks_or_entries_and_zero_when_every_task_is_completed() {
    let of = |item: WorkItem| figures(&[item]);
    assert_eq!(of(story(1, |_| {})).reason("hours.remaining"), Some("the sprint has no tasks"));
    assert_eq!(of(task(1, state("Removed"))).reason("hours.remaining"), Some("the sprint has no tasks"));
    let reason = "no open task has remaining work entered";
    assert_eq!(of(task(1, state("New"))).reason("hours.remaining"), Some(reason));
    assert_eq!(of(task(1, state("Closed"))).value("hours.remaining"), Some(0.0));
}

#[test]
fn capacity_is_what_is_left_of_each_members_days_today_among_them() {
    // Jamal works six hours a day, and has the 27th off; the 26th the whole team has.
    let capacity = |now: &str| figures_of(&catalogue(), &[], at(now)).value("hours.capacity");
    assert_eq!(capacity("2026-11-10T12:00:00Z"), Some(48.0));
    assert_eq!(capacity("2026-11-18T17:00:00Z"), Some(36.0));
    assert_eq!(capacity("2026-11-25T17:00:00Z"), Some(6.0));
    assert_eq!(capacity("2026-11-26T17:00:00Z"), Some(0.0));
    assert_eq!(capacity("2026-12-02T17:00:00Z"), Some(0.0));
}

#[test]
fn no_capacity_entered_is_no_value() {
    let reason = Some("no capacity is entered for the sprint");
    let mut catalogue = catalogue();
    let jamal = catalogue.capacities[&sprint_id()][0].clone();
    let idle = Member { name: "Anna".into(), per_day: amount(0.0), days_off: BTreeSet::new(), ..jamal };
    catalogue.capacities.insert(sprint_id(), vec![idle]);
    assert_eq!(figures_of(&catalogue, &[], noon()).reason("hours.capacity"), reason);
    catalogue.capacities.clear();
    assert_eq!(figures_of(&catalogue, &[], noon()).reason("hours.capacity"), reason);
}

#[test]
fn days_left_are_working_days_and_today_is_one_until_it_ends() {
    let left = |now: &str| figures_of(&catalogue(), &[], at(now)).value("sprint.days_left");
    assert_eq!(left("2026-11-18T17:00:00Z"), Some(7.0));
    assert_eq!(left("2026-11-28T04:59:59Z"), Some(1.0));
    assert_eq!(left("2026-11-28T05:00:00Z"), Some(0.0));
    assert_eq!(left("2026-11-01T12:00:00Z"), Some(9.0));
}

#[test]
fn average_burndown_is_over_finished_working_days_and_at_least_one() {
    let items = [story(1, points("Closed", 5.0)), story(2, points("New", 5.0))];
    let average = |now: &str| figures_of(&catalogue(), &items, at(now)).value("burndown.average");
    assert_eq!(average("2026-11-16T17:00:00Z"), Some(5.0));
    assert_eq!(average("2026-11-17T17:00:00Z"), Some(5.0));
    assert_eq!(average("2026-11-18T17:00:00Z"), Some(2.5));
    assert_eq!(average("2026-11-19T17:00:00Z"), Some(1.67));
    // Nine working days, because one is off.
    assert_eq!(average("2026-12-10T17:00:00Z"), Some(0.56));
}

#[test]
fn a_sprint_without_dates_has_counts_and_no_days() {
    let mut catalogue = catalogue();
    catalogue.iterations[0].finish = None;
    let figures = figures_of(&catalogue, &[story(1, points("Closed", 1.0)), bug(2, |_| {})], noon());
    for id in ["sprint.days_left", "hours.capacity", "burndown.average", "bugs.opened", "bugs.closed"] {
        assert_eq!(figures.reason(id), Some("the sprint has no dates"), "{id}");
    }
    assert_eq!(figures.value("points.completed"), Some(1.0));
    assert!(figures.burndown.is_none());
}

#[test]
fn an_item_is_stale_after_five_whole_working_days() {
    // Changed on Monday the 16th: Tuesday to Friday and the next Monday are five.
    let stale = |item: WorkItem, now: &str| figures_of(&catalogue(), &[item], at(now)).value("items.stale");
    let item = || story(1, state("Active"));
    assert_eq!(stale(item(), "2026-11-24T04:59:59Z"), Some(0.0));
    assert_eq!(stale(item(), "2026-11-24T05:00:00Z"), Some(1.0));
    assert_eq!(stale(story(1, state("Closed")), "2026-11-25T12:00:00Z"), Some(0.0));
    // Thursday the 26th is off, so of a change on Friday the 20th the fifth day is Monday the 30th.
    let late = || life(1, &[(1, "2026-11-20T15:00:00Z", &|_| {})]);
    assert_eq!(stale(late(), "2026-11-30T12:00:00Z"), Some(0.0));
    assert_eq!(stale(late(), "2026-12-01T12:00:00Z"), Some(1.0));
}

#[test]
fn staleness_can_be_set_and_needs_working_days() {
    let mut catalogue = catalogue();
    let items = [story(1, |_| {})];
    let settings = MetricSettings { stale_working_days: 1, ..MetricSettings::default() };
    let strict = SprintContext::new(&catalogue, sprint(&catalogue), settings);
    let digests = [Digest::of(&items[0], &strict)];
    assert_eq!(compute(&strict, digests.iter(), noon()).value("items.stale"), Some(1.0));
    assert_eq!(figures_of(&catalogue, &items, noon()).value("items.stale"), Some(0.0));
    catalogue.weekdays.clear();
    assert_eq!(
        figures_of(&catalogue, &items, noon()).reason("items.stale"),
        Some("the team has no working days")
    );
}

#[test]
fn blocked_are_open_items_of_the_requirement_backlog() {
    let blocked = |name: &'static str| {
        move |facts: &mut Facts| {
            facts.state = name.into();
            facts.blocked = true;
        }
    };
    let items = [
        story(1, blocked("Active")),
        story(2, blocked("Closed")),
        story(3, blocked("Removed")),
        task(4, blocked("Active")),
        story(5, state("Active")),
    ];
    assert_eq!(figures(&items).value("items.blocked"), Some(1.0));
}

fn with_dates(created: Option<&str>, closed: Option<&str>) -> Details {
    Details { created_at: created.map(at), closed_at: closed.map(at), ..details() }
}

/// A bug of which only the ninth revision is known.
fn bug_of_late(number: u32, name: &'static str, created: Option<&str>, closed: Option<&str>) -> WorkItem {
    let is_bug = move |facts: &mut Facts| {
        facts.work_item_type = "Bug".into();
        facts.state = name.into();
    };
    life_with(number, with_dates(created, closed), &[(9, "2026-11-17T12:00:00Z", &is_bug)])
}

#[test]
fn bugs_are_opened_and_closed_on_the_days_of_the_sprint_in_the_teams_zone() {
    let before = Some("2026-11-16T04:59:59Z");
    let first = Some("2026-11-16T05:00:00Z");
    let last = Some("2026-11-28T04:59:59Z");
    let after = Some("2026-11-28T05:00:00Z");
    let items = [
        bug_of_late(1, "New", before, None),
        bug_of_late(2, "New", first, None),
        bug_of_late(3, "Closed", before, last),
        bug_of_late(4, "Closed", last, after),
        // What it says of its closing is left over from before it was reopened.
        bug_of_late(5, "Active", before, first),
        bug_of_late(6, "Removed", first, first),
    ];
    let figures = figures(&items);
    assert_eq!(figures.value("bugs.open"), Some(3.0));
    assert_eq!(figures.value("bugs.opened"), Some(2.0));
    assert_eq!(figures.value("bugs.closed"), Some(1.0));
}

#[test]
fn bugs_count_whatever_the_team_does_with_them() {
    let items = [bug(1, |_| {}), story(2, |_| {})];
    for behaviour in [BugsBehaviour::Off, BugsBehaviour::AsTasks, BugsBehaviour::AsRequirements] {
        let mut catalogue = catalogue();
        catalogue.bugs_behaviour = behaviour;
        assert_eq!(figures_of(&catalogue, &items, noon()).value("bugs.open"), Some(1.0), "{behaviour:?}");
    }
}

#[test]
fn a_process_without_bugs_has_none_rather_than_zero() {
    let mut catalogue = catalogue();
    catalogue.bug_types.clear();
    let figures = figures_of(&catalogue, &[], noon());
    for id in ["bugs.open", "bugs.opened", "bugs.closed"] {
        assert_eq!(figures.reason(id), Some("the team's process has no bugs"), "{id}");
    }
}

#[test]
fn a_date_that_nobody_knows_makes_a_metric_unknown_and_no_other() {
    let figures = figures(&[bug_of_late(1, "Closed", None, None)]);
    assert_eq!(figures.reason("bugs.opened"), Some("when a bug was created is not known"));
    assert_eq!(figures.reason("bugs.closed"), Some("when a bug was completed is not known"));
    assert_eq!(figures.value("items.completed"), Some(1.0));
}

/// Stories that were created on 1 October and completed so many days later.
fn completed_after(days: &[i64]) -> Vec<WorkItem> {
    let created = at("2026-10-01T12:00:00Z");
    let item = |(number, days): (u32, &i64)| {
        let closed = Timestamp::from_epoch_ms(created.epoch_ms() + days * 24 * 60 * 60 * 1000);
        let details = Details { created_at: Some(created), closed_at: Some(closed), ..details() };
        let elsewhere = |facts: &mut Facts| {
            facts.state = "Closed".into();
            facts.iteration_path = "Fabrikam\\Sprint 2".into();
        };
        life_with(number, details, &[(7, "2026-11-17T12:00:00Z", &elsewhere)])
    };
    (1..).zip(days).map(item).collect()
}

#[test]
fn lead_time_percentiles_are_those_of_real_items() {
    let figures = figures(&completed_after(&[10, 2, 30, 4, 20]));
    assert_eq!(figures.value("lead.p50"), Some(10.0));
    assert_eq!(figures.value("lead.p85"), Some(30.0));
    assert_eq!(figures.value("lead.p95"), Some(30.0));
    assert!(figures.metrics["lead.p50"].approximate, "a revision is missing, so a field is believed");
    assert!(!figures.metrics["items.total"].approximate);
    let twenty: Vec<i64> = (1..=20).collect();
    let figures = self::figures(&completed_after(&twenty));
    let values = ["lead.p50", "lead.p85", "lead.p95"].map(|id| figures.value(id));
    assert_eq!(values, [Some(10.0), Some(17.0), Some(19.0)]);
}

#[test]
fn lead_time_needs_five_items_of_the_last_ninety_days() {
    let reason = Some("fewer than 5 items were completed in the last 90 days");
    assert_eq!(figures(&completed_after(&[1, 2, 3, 4])).reason("lead.p50"), reason);
    let items = completed_after(&[1, 2, 3, 4, 5]);
    // The first was completed on 2 October: the 90th day before and with 30 December.
    let at_day = |now: &str| figures_of(&catalogue(), &items, at(now));
    assert_eq!(at_day("2026-12-30T17:00:00Z").value("lead.p50"), Some(3.0));
    assert_eq!(at_day("2026-12-31T17:00:00Z").reason("lead.p50"), reason);
}

#[test]
fn completion_is_the_last_entry_that_still_holds() {
    let details = with_dates(Some("2026-11-16T05:00:00Z"), Some("2026-11-01T12:00:00Z"));
    let reopened = life_with(
        1,
        details.clone(),
        &[
            (1, "2026-11-16T05:00:00Z", &state("Closed")),
            (2, "2026-11-17T05:00:00Z", &state("Active")),
            (3, "2026-11-18T05:00:00Z", &state("Closed")),
            (4, "2026-11-19T05:00:00Z", &state("Closed")),
        ],
    );
    let catalogue = catalogue();
    let frame = frame(&catalogue);
    assert_eq!(Digest::of(&reopened, &frame).completed_at, Some(at("2026-11-18T05:00:00Z")));
    // The entry lies in what is missing: the field is all there is.
    let gap = life_with(
        1,
        details,
        &[(2, "2026-11-17T05:00:00Z", &state("Active")), (4, "2026-11-19T05:00:00Z", &state("Closed"))],
    );
    assert_eq!(Digest::of(&gap, &frame).completed_at, Some(at("2026-11-01T12:00:00Z")));
    let born_closed = life(1, &[(1, "2026-11-17T05:00:00Z", &state("Closed"))]);
    assert_eq!(Digest::of(&born_closed, &frame).completed_at, Some(at("2026-11-17T05:00:00Z")));
}

#[test]
fn elapsed_days_have_one_decimal() {
    let days = |ms| rules::elapsed_days(Timestamp::default(), Timestamp::from_epoch_ms(ms)).units();
    assert!((days(4_320_000) - 0.1).abs() < 1e-9 && days(4_319_999).abs() < 1e-9);
    assert!((days(10 * 86_400_000) - 10.0).abs() < 1e-9 && days(-1).abs() < 1e-9);
}

#[test]
fn history_is_partial_when_it_is_so_of_an_item_that_has_part_in_the_sprint() {
    let late = |path: &'static str| {
        life(1, &[(3, "2026-11-17T12:00:00Z", &move |facts| facts.iteration_path = path.into())])
    };
    assert_eq!(figures(&[late("Fabrikam\\Sprint 1")]).history, History::Partial);
    assert_eq!(figures(&[late("Fabrikam\\Sprint 2")]).history, History::Complete);
}

#[test]
fn only_bugs_and_items_that_need_help_are_announced_at_any_change() {
    for metric in METRICS {
        let any = metric.id.starts_with("bugs.") || ["items.blocked", "items.aging"].contains(&metric.id);
        match metric.rule(0.07) {
            Rule::AnyChange => assert!(any, "{}", metric.id),
            Rule::Relative { fraction, minimum } => {
                assert!(
                    !any && (fraction - 0.07).abs() < f64::EPSILON && minimum <= amount(1.0),
                    "{}",
                    metric.id
                );
            }
        }
    }
    let ids: BTreeSet<_> = METRICS.iter().map(|metric| metric.id).collect();
    assert_eq!(ids.len(), METRICS.len());
}

#[test]
fn a_board_without_a_team_has_its_items_and_no_other_metric() {
    let metrics = of_project(3);
    assert_eq!(
        serde_json::to_value(metrics).unwrap(),
        serde_json::json!({"items.total": {"value": 3, "unit": "items"}})
    );
}

#[test]
fn states_count_the_scope_by_category_and_name() {
    let catalogue = catalogue();
    let frame = frame(&catalogue);
    let items: Vec<WorkItem> =
        one_of_each().into_iter().chain([task(9, |_| {}), story(10, state("Active"))]).collect();
    let digests: Vec<Digest> = items.iter().map(|item| Digest::of(item, &frame)).collect();
    let count = |name: &str, category, items, points| StateCount {
        name: name.into(),
        category: Some(category),
        items,
        points: Some(amount(points)),
    };
    let expected = [
        count("New", StateCategory::Proposed, 1, 1.0),
        count("Active", StateCategory::InProgress, 2, 2.0),
        count("Resolved", StateCategory::Resolved, 1, 4.0),
        count("Closed", StateCategory::Completed, 1, 8.0),
    ];
    assert_eq!(board::states(&frame, digests.iter()), expected);
}

#[test]
fn the_view_of_an_item_has_category_effort_and_age_by_the_catalogue() {
    let catalogue = catalogue();
    let started = life(
        1,
        &[
            (1, "2026-11-16T05:00:00Z", &points("New", 3.0)),
            (2, "2026-11-17T05:00:00Z", &points("Active", 3.0)),
            (3, "2026-11-17T06:00:00Z", &points("New", 3.0)),
            (4, "2026-11-18T05:00:00Z", &points("Resolved", 3.0)),
        ],
    );
    let view = ItemView::on_board(&started, &catalogue, noon());
    assert_eq!((view.state_category, view.effort), (Some(StateCategory::Resolved), Some(amount(3.0))));
    assert_eq!(view.age_days, Some(1.5));
    let age = |item: &WorkItem| ItemView::on_board(item, &catalogue, noon()).age_days;
    assert_eq!(age(&story(1, state("New"))), None);
    assert_eq!(age(&story(1, state("Closed"))), None);
    assert_eq!(age(&life(1, &[(2, "2026-11-17T05:00:00Z", &state("Active"))])), None);
    let mut other_field = catalogue.clone();
    other_field.effort_field = Some("Custom.Effort".into());
    assert_eq!(ItemView::on_board(&started, &other_field, noon()).effort, None);
}

#[test]
fn w22_the_rank_is_that_of_the_field_that_the_process_orders_by() {
    let [stack_rank, priority] = ORDER_FIELDS;
    let rank = |number| Rank::new(number).unwrap();
    let plain = story(1, points("New", 3.0));
    let ranked = with_details(&plain, |details| {
        details.ranks = [(priority.into(), rank(2.0)), (stack_rank.into(), rank(1.5))].into();
    });
    let by = |field: Option<&str>| {
        let catalogue = Catalogue { order_field: field.map(Into::into), ..catalogue() };
        ItemView::on_board(&ranked, &catalogue, noon()).rank.and_then(|number| number.as_f64())
    };
    assert_eq!((by(Some(stack_rank)), by(Some(priority))), (Some(1.5), Some(2.0)));
    assert_eq!((by(Some("Custom.Order")), by(None)), (None, Some(1.5)));
    assert_eq!(ItemView::of(plain.present()).rank, None);
}

#[test]
fn fault_f5_the_process_names_the_field_of_remaining_work() {
    let mut own_field = catalogue();
    own_field.remaining_work_field = Some("Custom.Hours".into());
    let set = |facts: &mut Facts| {
        facts.work_item_type = "Task".into();
        facts.remaining_work = Some(amount(9.0));
        std::sync::Arc::make_mut(&mut facts.effort).insert("Custom.Hours".into(), amount(4.0));
    };
    let task = life(1, &[(1, "2026-11-17T05:00:00Z", &set)]);
    assert_eq!(ItemView::on_board(&task, &own_field, noon()).remaining_work, Some(amount(4.0)));
    assert_eq!(ItemView::on_board(&task, &catalogue(), noon()).remaining_work, Some(amount(9.0)));
}

#[test]
fn fault_g4_of_an_item_that_was_in_progress_when_its_known_life_begins_nobody_can_tell_the_age() {
    let age = |item: &WorkItem| ItemView::on_board(item, &catalogue(), noon()).age_days;
    let known = |first: &'static str| {
        let (first, second) = (state(first), state("Active"));
        let item = life(1, &[(4, "2026-11-16T12:00:00Z", &first), (5, "2026-11-17T17:00:00Z", &second)]);
        item.merge(&item.beginning_at(at("2026-11-16T13:00:00Z")))
    };
    assert_eq!(age(&known("Active")), None);
    assert!(age(&known("New")).is_some());
}
