//! How long the metrics of a large board take: 10,000 work items of five revisions each, all metrics, burndown
//! included.
//!
//! Half of the items are in the sprint, where the sprint before left them open. The others were completed in the eleven
//! sprints before it, so that every metric has a value.
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

/// Where an item is with a revision: the number of the sprint, how many days after that began, and the state.
///
/// Every other item begins in the sprint before the newest, is moved on with its third revision, and goes from state to state.
/// The others are completed in the sprint in which they began.
const fn stage(number: u32, rev: u32) -> (u32, i64, usize) {
    let (state, halves) = (((number + rev) % 4) as usize, rev as i64 - 1);
    match (number.is_multiple_of(2), rev) {
        (true, 1 | 2) => (SPRINTS - 1, halves, (rev - 1) as usize),
        (true, _) => (SPRINTS, halves - 2, state),
        (false, REVISIONS) => (1 + number / 2 % (SPRINTS - 1), halves, 3),
        (false, _) => (1 + number / 2 % (SPRINTS - 1), halves, (rev / 2) as usize),
    }
}

/// A life of five revisions, one every day and a half of a sprint.
fn item(number: u32, texts: &Texts) -> WorkItem {
    let at = |rev: u32| {
        let (sprint, halves, _) = stage(number, rev);
        let began = START_MS - days_before(sprint) * DAY_MS;
        Timestamp::from_epoch_ms(began + halves * DAY_MS * 3 / 2 + i64::from(number))
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
                work_item_type: texts.types[number as usize % TYPES.len()].clone(),
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

fn main() {
    let catalogue = catalogue();
    let sprint = catalogue.sprint(sprint_id(SPRINTS)).unwrap();
    let texts = Texts::new();
    let items: Vec<WorkItem> = (1..=ITEMS).map(|number| item(number, &texts)).collect();
    let now = Timestamp::from_epoch_ms(START_MS + 8 * DAY_MS);
    let settings = MetricSettings { escaped_tags: [ESCAPED.into()].into(), ..MetricSettings::default() };
    let frame = || SprintContext::new(&catalogue, sprint, settings.clone());
    let all = |digests: &[Digest]| -> Figures { compute(&frame(), digests.iter(), now) };

    let figures = all(&digests(&items, &frame()));
    for metric in METRICS {
        let view = &figures.metrics[metric.id];
        assert!(view.value.is_some(), "{} has no value: {:?}", metric.id, view.reason);
    }

    println!("{ITEMS} items of {REVISIONS} revisions, median of {RUNS} runs");
    report("load: digests of all items", median(|| digests(&items, &frame())));
    let mut kept = digests(&items, &frame());
    report("compute all metrics from kept digests", median(|| all(&kept)));
    let mut changed = 0;
    let after_a_change = median(|| {
        changed = (changed + 7_919) % items.len();
        kept[changed] = Digest::of(&items[changed], &frame());
        all(&kept)
    });
    report("after a change: digest of one item, all metrics", after_a_change);
    report("baseline: digests of all items, all metrics", median(|| all(&digests(&items, &frame()))));

    println!("after a change, by the number of items");
    for count in [100, 1_000, ITEMS, 10 * ITEMS] {
        let items: Vec<WorkItem> = (1..=count).map(|number| item(number, &texts)).collect();
        let mut kept = digests(&items, &frame());
        let mut changed = 0;
        let after_a_change = median(|| {
            changed = (changed + 7_919) % items.len();
            kept[changed] = Digest::of(&items[changed], &frame());
            all(&kept)
        });
        report(&format!("{count} items"), after_a_change);
    }
}
