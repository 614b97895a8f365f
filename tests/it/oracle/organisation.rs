//! An organisation in which five processes are used, with a past in which everything happened that happens to work items.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use boardcast::demo::simulation::model::Model;
use boardcast::demo::simulation::organisation::{Project, Sprint, guid, later};
use boardcast::demo::simulation::process::Process;
use boardcast::domain::time::CivilDate;
use chrono::Days;
use chrono_tz::Tz;

use super::people::People;
use crate::support::app::HandClock;

/// For how many days before the beginning of the story people have worked already.
const DAYS_BEFORE: u64 = 130;

/// How far apart deeds are at most.
const APART_MS: u64 = 2 * 3_200_000;

const ZONES: [Tz; 6] = [
    Tz::America__New_York,
    Tz::Europe__Berlin,
    Tz::Pacific__Auckland,
    Tz::Asia__Kolkata,
    Tz::America__Los_Angeles,
    Tz::Australia__Lord_Howe,
];

/// The processes beside Scrum and Agile, which the simulation has: CMMI, Basic, and one with types, states and fields of its own.
static MORE: LazyLock<Vec<Process>> =
    LazyLock::new(|| serde_json::from_str(include_str!("processes.json")).unwrap());

/// When the sprints of a project are: how many days one lasts, and how many lie between the first days of two.
struct Rhythm {
    lasts: u64,
    every: u64,
}

/// Without a gap, with weekends between them, with two that share two days, short ones, and short ones with a gap.
const RHYTHMS: [Rhythm; 5] = [
    Rhythm { lasts: 14, every: 14 },
    Rhythm { lasts: 12, every: 14 },
    Rhythm { lasts: 16, every: 14 },
    Rhythm { lasts: 7, every: 7 },
    Rhythm { lasts: 19, every: 21 },
];

/// The zone of each team, by its id.
pub type Zones = BTreeMap<String, Tz>;

/// Five projects with a process each, and what happened in them until now.
pub fn begin(seed: u64, clock: &HandClock, rng: &mut fastrand::Rng) -> (Model, Zones) {
    let now = (clock.clock())();
    let mut model = Model::empty(seed, clock.clock());
    let today = model.today();
    let mut projects = model.organisation.projects.clone();
    for (process, number) in MORE.iter().zip(2..) {
        projects.push(another(seed, number, process, &projects[1]));
    }
    for (project, rhythm) in projects.iter_mut().zip(RHYTHMS) {
        plan(seed, project, &rhythm, today, rng);
    }
    let teams = projects.iter().flat_map(|project| &project.teams);
    let zones = teams.map(|team| (team.id.to_string(), rng.choice(ZONES).unwrap())).collect();
    model.organisation.projects = projects;
    let first = now.epoch_ms() - i64::try_from(DAYS_BEFORE).unwrap() * 24 * 3_600_000;
    clock.set(first);
    while (clock.clock())() < now {
        (People { model: &mut model, rng }).act();
        clock.advance(Duration::from_millis(rng.u64(1..APART_MS)));
    }
    clock.set(now.epoch_ms());
    (model, zones)
}

/// A project like another one, with its own process and one team.
fn another(seed: u64, number: u64, process: &'static Process, like: &Project) -> Project {
    let mut project = Project { process, ..like.clone() };
    project.id = guid(seed, "project", number);
    project.name = format!("{} {number}", process.name.split(',').next().unwrap()).leak();
    project.root = project.name.into();
    project.node = 100 * (number as u32 + 1);
    project.area_id = guid(seed, "areas", number);
    project.iteration_id = guid(seed, "iterations", number);
    for (team, index) in project.teams.iter_mut().zip(0..) {
        let number = number * 100 + index;
        team.id = guid(seed, "team", number);
        team.area_id = guid(seed, "area", number + 1);
        team.area_node = project.node + 50 + index as u32;
        team.area_path = format!("{}\\{}", project.name, team.name).into();
        for (member, place) in team.members.iter_mut().zip(0..) {
            member.id = guid(seed, "person", number * 10 + place);
        }
    }
    project
}

/// Gives a project its sprints: enough are over, one is under way, and two are to come.
fn plan(seed: u64, project: &mut Project, rhythm: &Rhythm, today: CivilDate, rng: &mut fastrand::Rng) {
    let number = u64::from(project.node);
    let since = rng.u64(0..rhythm.every);
    let over = DAYS_BEFORE / rhythm.every;
    let first = today - Days::new(since + over * rhythm.every);
    let sprint = |at: u64| {
        let (name, start) = (format!("Sprint {}", at + 1), later(first, at * rhythm.every));
        Sprint {
            id: guid(seed, "sprint of the oracle", number * 100 + at),
            path: format!("{}\\{name}", project.name).into(),
            name,
            start,
            finish: later(start, rhythm.lasts - 1),
        }
    };
    project.sprints = (0..over + 3).map(sprint).collect();
    let all: Vec<usize> = (0..project.sprints.len()).collect();
    for team in &mut project.teams {
        team.sprints.clone_from(&all);
        team.day_off = rng.u64(0..rhythm.lasts.min(rhythm.every));
        for member in &mut team.members {
            member.day_off = rng.bool().then(|| rng.u64(0..rhythm.lasts));
        }
    }
}
