//! How long the metrics of a large sprint take: one that holds 10,000 items, all metrics, forecast and burndown included.
//!
//! Three quarters of them are stories and bugs, which the sprint before left open, and the rest are tasks. Half as many items were
//! completed in the eleven sprints before it, so that every metric has a value. Each has five revisions.
//!
//! `cargo bench --bench metrics` prints the median of 50 runs of each step. The baseline is what every change would
//! cost if nothing were kept of the items between two computations.

#![allow(clippy::print_stdout, reason = "a benchmark says what it measured")]
#![allow(clippy::indexing_slicing, reason = "a benchmark that fails may stop")]
#![allow(clippy::unwrap_used, reason = "a benchmark that fails may stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use boardcast::domain::amount::Hundredths;
use boardcast::domain::metrics::{Digest, Figures, METRICS, MetricSettings, SprintContext, compute};
use boardcast::domain::scope::{ProjectId, SprintId, TeamId, Text};
use boardcast::domain::sprint::catalogue::{
    Area, BugsBehaviour, Catalogue, Iteration, Member, StateCategory,
};
use boardcast::domain::sprint::work_item::{Claim, ClaimKind, Details, Facts, WorkItem, WorkItemId};
use boardcast::domain::time::{CivilDate, Timestamp};
use chrono::TimeDelta;

/// How many items the sprint holds of which every step is measured.
const ITEMS: u32 = 10_000;
const REVISIONS: u32 = 5;
const RUNS: usize = 50;
const SPRINTS: u32 = 12;
const EFFORT: &str = "Microsoft.VSTS.Scheduling.StoryPoints";
const STATES: [(&str, StateCategory); 5] = [
    ("New", StateCategory::Proposed),
    ("Active", StateCategory::InProgress),
    ("Resolved", StateCategory::Resolved),
    ("Closed", StateCategory::Completed),
    ("Removed", StateCategory::Removed),
];
const TYPES: [&str; 3] = ["User Story", "Bug", "Task"];

/// The first day of the newest sprint, a Monday. It lasts for twelve days, and there is one every two weeks.
const START: &str = "2026-11-16";
const START_MS: i64 = 1_794_805_200_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const SPRINT_DAYS: i64 = 14;

/// The tag of bugs that were found after a release.
const ESCAPED: &str = "prod";

fn project() -> ProjectId {
    ProjectId::parse("be9b3917-87e6-42a4-a549-2bc06a7a878f").unwrap()
}

fn sprint_id(number: u32) -> SprintId {
    SprintId::parse(&format!("a589a806-bf11-4d4f-a031-{number:012x}")).unwrap()
}

/// How many days before the newest sprint one begins; that one has the greatest number.
fn days_before(number: u32) -> i64 {
    SPRINT_DAYS * i64::from(SPRINTS - number)
}

fn iteration(number: u32) -> Iteration {
    let start = START.parse::<CivilDate>().unwrap() - TimeDelta::days(days_before(number));
    let name: Text = format!("Sprint {number}").into();
    let paths = vec![format!("Fabrikam\\{name}").into()];
    let finish = start + TimeDelta::days(11);
    Iteration { id: sprint_id(number), paths, name, start: Some(start), finish: Some(finish) }
}

fn catalogue() -> Catalogue {
    let texts = |texts: &[&str]| texts.iter().map(|text| Text::from(*text)).collect::<BTreeSet<_>>();
    let states: BTreeMap<Text, _> =
        STATES.iter().map(|(name, category)| ((*name).into(), *category)).collect();
    let member = Member {
        id: None,
        name: "Jamal".into(),
        activities: Vec::new(),
        per_day: Hundredths::whole(6),
        days_off: BTreeSet::new(),
    };
    Catalogue {
        project: project(),
        project_name: "Fabrikam".into(),
        team: TeamId::parse("c589a806-bf11-4d4f-a031-c19813331553").unwrap(),
        team_name: "Web".into(),
        zone: "America/New_York".parse().unwrap(),
        iterations: (1..=SPRINTS).map(iteration).collect(),
        areas: vec![Area { id: None, paths: vec!["Fabrikam".into()], include_children: true }],
        requirement_types: texts(&["User Story"]),
        task_types: texts(&["Task"]),
        bug_types: texts(&["Bug"]),
        bugs_behaviour: BugsBehaviour::AsRequirements,
        effort_field: Some(EFFORT.into()),
        remaining_work_field: None,
        order_field: None,
        types_without_effort: BTreeSet::new(),
        blocked_by: Default::default(),
        unread: BTreeSet::new(),
        failed: None,
        team_field: None,
        states: TYPES.iter().map(|name| ((*name).into(), states.clone())).collect(),
        weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri"].map(|day| day.parse().unwrap()).into(),
        days_off: BTreeSet::from(["2026-11-26".parse().unwrap()]),
        days_off_by: BTreeMap::new(),
        capacities: BTreeMap::from([(sprint_id(SPRINTS), vec![member])]),
    }
}

/// What an item is to the sprint that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// One of the stories and bugs that it holds.
    Held,
    /// One of its tasks.
    Task,
    /// It was completed in one of the sprints before.
    Past,
}

/// Of six items three are held, one is a task, and two are past: for two in the sprint there is one before it.
const fn place(number: u32) -> Place {
    match number % 6 {
        0..=2 => Place::Held,
        3 => Place::Task,
        _ => Place::Past,
    }
}

/// Which of the types an item is of. Of the stories and bugs one in three is a bug.
const fn item_type(number: u32) -> usize {
    match (place(number), number % 3) {
        (Place::Task, _) => 2,
        (_, 0) => 1,
        _ => 0,
    }
}

/// Where an item is with a revision: the number of the sprint, how many half days after that began, and the state.
///
/// What is in the newest sprint begins in the one before, is moved on with its third revision, and half of it is completed with
/// its last, on one of five days. What is past is completed so in the sprint in which it began.
const fn stage(number: u32, rev: u32) -> (u32, i64, usize) {
    let turn = number / 6;
    let past = 1 + turn % (SPRINTS - 1);
    let half_days = 3 * (rev as i64 - 1);
    let last = half_days + 2 * (turn % 5) as i64;
    match (place(number), rev) {
        (Place::Past, REVISIONS) => (past, last, 3),
        (Place::Past, _) => (past, half_days, (rev / 2) as usize),
        (_, 1 | 2) => (SPRINTS - 1, half_days, (rev - 1) as usize),
        (_, REVISIONS) => (SPRINTS, last - 6, [1, 2, 3, 3][(turn % 4) as usize]),
        (_, _) => (SPRINTS, half_days - 6, (rev - 2) as usize),
    }
}

/// A life of five revisions.
fn item(number: u32, texts: &Texts) -> WorkItem {
    let at = |rev: u32| {
        let (sprint, half_days, _) = stage(number, rev);
        let began = START_MS - days_before(sprint) * DAY_MS;
        Timestamp::from_epoch_ms(began + half_days * DAY_MS / 2 + i64::from(number))
    };
    let details = Details {
        title: "A title".into(),
        assigned_to: None,
        tags: if number.is_multiple_of(5) { vec![texts.escaped.clone()] } else { Vec::new() },
        parent: None,
        project_name: "Fabrikam".into(),
        created_at: Some(at(1)),
        closed_at: None,
        url: None,
        ranks: Default::default(),
    };
    let revision = |rev: u32| {
        let (sprint, _, state) = stage(number, rev);
        let claim = Claim {
            claimed_at: at(rev).into(),
            kind: ClaimKind::Fetched,
            changed_at: at(rev),
            changed_by: None,
            facts: Facts {
                project: project(),
                work_item_type: texts.types[item_type(number)].clone(),
                state: texts.states[state].clone(),
                iteration_path: texts.paths[sprint as usize - 1].clone(),
                area_path: texts.area.clone(),
                effort: Arc::new(BTreeMap::from([(texts.effort.clone(), Hundredths::whole(rev))])),
                remaining_work: Some(Hundredths::whole(number % 8)),
                blocked: number.is_multiple_of(17),
                has_more_numbers: false,
                deleted: false,
                flags: Arc::default(),
                board_column: None,
            }
            .into(),
        };
        WorkItem::new(WorkItemId::new(number).unwrap(), rev, claim, details.clone())
    };
    (1..=REVISIONS).map(revision).reduce(|item, other| item.merge(&other)).unwrap()
}

/// Texts that the items share, as they do where they are parsed.
struct Texts {
    types: Vec<Text>,
    states: Vec<Text>,
    /// Of the sprints, in their order.
    paths: Vec<Text>,
    area: Text,
    effort: Text,
    escaped: Text,
}

impl Texts {
    fn new() -> Self {
        Self {
            types: TYPES.iter().map(|name| (*name).into()).collect(),
            states: STATES.iter().map(|(name, _)| (*name).into()).collect(),
            paths: (1..=SPRINTS).map(|number| format!("Fabrikam\\Sprint {number}").into()).collect(),
            area: "Fabrikam\\Web".into(),
            effort: EFFORT.into(),
            escaped: ESCAPED.into(),
        }
    }
}

fn digests(items: &[WorkItem], frame: &SprintContext<'_>) -> Vec<Digest> {
    items.iter().map(|item| Digest::of(item, frame)).collect()
}

/// A sprint of so many items, its tasks among them, with half as many that are past.
fn board(in_sprint: u32, texts: &Texts) -> Vec<WorkItem> {
    let all = (1..).map(|number| item(number, texts));
    all.take((in_sprint + in_sprint / 2) as usize).collect()
}

/// The median time of a step.
fn median<T>(mut step: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            black_box(step());
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

fn report(step: &str, took: Duration) {
    println!("{step:<52} {:>9.3} ms", took.as_secs_f64() * 1000.0);
}

/// Says what is wrong with a board that is not the one of which figures are told.
fn check(figures: &Figures, items: &[WorkItem], in_sprint: u32) {
    let held = items.iter().filter(|item| place(item.id.number()) == Place::Held).count();
    let tasks = items.iter().filter(|item| place(item.id.number()) == Place::Task).count();
    assert!((held + tasks).abs_diff(in_sprint as usize) < 4, "{held} and {tasks} of {in_sprint}");
    let held = u32::try_from(held).unwrap();
    for metric in METRICS {
        let view = &figures.metrics[metric.id];
        assert!(view.value.is_some(), "{} has no value: {:?}", metric.id, view.reason);
    }
    assert_eq!(figures.metrics["items.total"].value, Some(Hundredths::whole(held)));
}

fn main() {
    let catalogue = catalogue();
    let sprint = catalogue.sprint(sprint_id(SPRINTS)).unwrap();
    let texts = Texts::new();
    let now = Timestamp::from_epoch_ms(START_MS + 8 * DAY_MS);
    let settings = MetricSettings { escaped_tags: [ESCAPED.into()].into(), ..MetricSettings::default() };
    let frame = || SprintContext::new(&catalogue, sprint, settings.clone());
    let all = |digests: &[Digest]| -> Figures { compute(&frame(), digests.iter(), now) };
    let after_a_change = |items: &[WorkItem], kept: &mut [Digest]| {
        let mut changed = 0;
        median(|| {
            changed = (changed + 7_919) % items.len();
            kept[changed] = Digest::of(&items[changed], &frame());
            all(kept)
        })
    };

    let items = board(ITEMS, &texts);
    println!("a sprint of {ITEMS} items of {REVISIONS} revisions, median of {RUNS} runs");
    report("load: digests of all items", median(|| digests(&items, &frame())));
    let mut kept = digests(&items, &frame());
    check(&all(&kept), &items, ITEMS);
    report("compute all metrics from kept digests", median(|| all(&kept)));
    report("after a change: digest of one item, all metrics", after_a_change(&items, &mut kept));
    report("baseline: digests of all items, all metrics", median(|| all(&digests(&items, &frame()))));

    println!("after a change, by the number of items that the sprint holds");
    for in_sprint in [100, 1_000, ITEMS, 10 * ITEMS] {
        let items = board(in_sprint, &texts);
        let mut kept = digests(&items, &frame());
        check(&all(&kept), &items, in_sprint);
        report(&format!("{in_sprint} items"), after_a_change(&items, &mut kept));
    }
}
