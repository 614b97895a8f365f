//! What does not change while the organisation works: projects, teams, people, sprints.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Days};
use serde::Deserialize;
use uuid::Uuid;

use super::process::Process;
use super::titles::Titles;
use crate::domain::scope::Text;
use crate::domain::time::{CivilDate, Timestamp};

/// How many sprints are over when the organisation begins.
pub const SPRINTS_PAST: u32 = 6;

/// The name of the organisation, as it stands in addresses.
pub const NAME: &str = "fabrikam";

/// A GUID that depends on nothing but the seed and what it is for.
pub fn guid(seed: u64, kind: &str, number: u64) -> Uuid {
    let salt = kind.bytes().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut rng = fastrand::Rng::with_seed(salt.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid()
}

/// A person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The identity's id.
    pub id: Uuid,
    /// The display name.
    pub name: &'static str,
    /// The name to sign in with.
    pub unique_name: String,
    /// What the person does in a sprint.
    pub activity: &'static str,
    /// Hours a day.
    pub capacity_per_day: f64,
    /// The day of the sprint, counted from 0, that the person is away.
    pub day_off: Option<u64>,
}

/// A sprint: a node of a project's tree of iterations.
#[derive(Clone, Debug, PartialEq)]
pub struct Sprint {
    /// The node's GUID, which is also the id of the team's iteration.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its path, as items bear it.
    pub path: Text,
    /// The first day.
    pub start: CivilDate,
    /// The last day, which belongs to it.
    pub finish: CivilDate,
}

/// A team.
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: &'static str,
    /// The GUID of its area.
    pub area_id: Uuid,
    /// The number of its area.
    pub area_node: u32,
    /// The area that it owns, with everything below.
    pub area_path: Text,
    /// Who is in it.
    pub members: Vec<Person>,
    /// The sprints it has chosen, as indices into those of the project.
    pub sprints: Vec<usize>,
    /// The day of each sprint, counted from 0, on which the team does not work.
    pub day_off: u64,
    /// What its work is called.
    pub titles: &'static Titles,
}

/// A project.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: &'static str,
    /// How it works.
    pub process: &'static Process,
    /// The number of the root of its areas.
    pub node: u32,
    /// The GUID of the root of its areas.
    pub area_id: Uuid,
    /// The GUID of the root of its iterations.
    pub iteration_id: Uuid,
    /// The path of both roots.
    pub root: Text,
    /// Its sprints, the oldest first.
    pub sprints: Vec<Sprint>,
    /// Its teams.
    pub teams: Vec<Team>,
}

/// The whole organisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Organisation {
    /// The collection's id.
    pub collection: Uuid,
    /// The account's id.
    pub account: Uuid,
    /// Its projects.
    pub projects: Vec<Project>,
}

/// The day of an instant, in UTC.
pub fn day_of(at: Timestamp) -> CivilDate {
    DateTime::from_timestamp_millis(at.epoch_ms()).unwrap_or_default().date_naive()
}

/// The instant `minutes` after midnight of a day, in UTC.
pub fn instant(day: CivilDate, minutes: i64) -> Timestamp {
    let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
    Timestamp::from_epoch_ms(midnight.timestamp_millis() + minutes * 60_000)
}

/// The day `days` after another.
pub fn later(day: CivilDate, days: u64) -> CivilDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}

/// The Monday on which the sprint under way on `today` began: today is then never near one of its ends, so that it
/// has a past and a future. Weekends are part of it.
fn start_of_current(today: CivilDate) -> CivilDate {
    let weekday = u64::from(today.weekday().num_days_from_monday());
    let back = if weekday >= 3 { weekday } else { weekday + 7 };
    today.checked_sub_days(Days::new(back)).unwrap_or(today)
}

/// What every organisation has, whatever its seed.
static PLANS: LazyLock<Vec<ProjectPlan>> =
    LazyLock::new(|| serde_json::from_str(include_str!("organisation.json")).unwrap_or_default());

#[derive(Deserialize)]
struct ProjectPlan {
    name: &'static str,
    process: Process,
    teams: Vec<TeamPlan>,
}

#[derive(Deserialize)]
struct TeamPlan {
    name: &'static str,
    /// Name, activity and hours a day of each member.
    members: Vec<(&'static str, &'static str, f64)>,
    titles: Titles,
}

impl Organisation {
    /// The organisation of a seed, as it stands on a day.
    pub fn new(seed: u64, today: CivilDate) -> Self {
        let current = start_of_current(today);
        Self {
            collection: guid(seed, "collection", 0),
            account: guid(seed, "account", 0),
            projects: PLANS
                .iter()
                .zip(0..)
                .map(|(plan, number)| project(seed, number, plan, current))
                .collect(),
        }
    }
}

fn project(seed: u64, number: u64, plan: &'static ProjectPlan, current: CivilDate) -> Project {
    let name = plan.name;
    let node = 100 * (number as u32 + 1);
    let first = current.checked_sub_days(Days::new(14 * u64::from(SPRINTS_PAST))).unwrap_or(current);
    let sprint = |sprint: u32| {
        let start = later(first, 14 * u64::from(sprint));
        let label = format!("Sprint {}", sprint + 1);
        Sprint {
            id: guid(seed, "sprint", number * 100 + u64::from(sprint)),
            path: format!("{name}\\{label}").into(),
            name: label,
            start,
            finish: later(start, 11),
        }
    };
    // One more than is under way: where work goes that does not fit.
    let sprints: Vec<Sprint> = (0..SPRINTS_PAST + 2).map(sprint).collect();
    let team = |(index, plan): (u32, &'static TeamPlan)| {
        let number = number * 100 + u64::from(index);
        Team {
            id: guid(seed, "team", number),
            name: plan.name,
            area_id: guid(seed, "area", number + 1),
            area_node: node + 50 + index,
            area_path: format!("{name}\\{}", plan.name).into(),
            members: people(seed, number, plan),
            sprints: (0..sprints.len()).collect(),
            day_off: 10,
            titles: &plan.titles,
        }
    };
    Project {
        id: guid(seed, "project", number),
        name,
        process: &plan.process,
        node,
        area_id: guid(seed, "areas", number),
        iteration_id: guid(seed, "iterations", number),
        root: name.into(),
        teams: (0..).zip(&plan.teams).map(team).collect(),
        sprints,
    }
}

fn people(seed: u64, team: u64, plan: &'static TeamPlan) -> Vec<Person> {
    let person = |(index, (name, activity, capacity_per_day)): (u64, &(&'static str, &'static str, f64))| {
        let mailbox = name.to_lowercase().replace(' ', ".");
        Person {
            id: guid(seed, "person", team * 10 + index),
            name,
            unique_name: format!("{mailbox}@example.com"),
            activity,
            capacity_per_day: *capacity_per_day,
            day_off: (index == 1).then_some(8),
        }
    };
    (0..).zip(&plan.members).map(person).collect()
}

impl Project {
    /// The sprint under way on a day: the one that holds it, or, in the days between two, the one before.
    pub fn current_sprint(&self, team: &Team, today: CivilDate) -> Option<&Sprint> {
        let chosen = team.sprints.iter().filter_map(|index| self.sprints.get(*index));
        chosen.filter(|sprint| sprint.start <= today).max_by_key(|sprint| sprint.start)
    }

    /// The sprint after another.
    pub fn sprint_after(&self, path: &str) -> Option<&Sprint> {
        let at = self.sprints.iter().position(|sprint| &*sprint.path == path)?;
        self.sprints.get(at + 1)
    }
}

impl Team {
    /// The person with this number among the members; numbers start over.
    pub fn person(&self, number: usize) -> Option<&Person> {
        self.members.get(number.checked_rem(self.members.len())?)
    }
}
