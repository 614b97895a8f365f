//! Judges items and numbers as they are shown, each by itself and on its board: by what the organisation had.

use std::collections::{BTreeMap, BTreeSet};

use boardcast::demo::simulation::item::Revision;
use boardcast::demo::simulation::model::Model;
use boardcast::demo::simulation::organisation::{Project, Team};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::sprint::catalogue::BugsBehaviour;
use serde_json::{Value, json};

use super::figures::{Figures, Shown, age_days, day_at, is_near, since_ms};
use super::truth::{Truth, is_remembered, now_ms, number};
use crate::support::flow::Revisions;

/// The numbers of lead time rest on every item that the team ever had and that is known here, on the board or not. Which
/// these are nobody but the store can tell, so while there is trouble each has to be the lead time of one of the team's
/// items; in the end it is computed from what the store has.
/// The metrics that tell of the past, or of what comes: they are held against each other.
pub const PAST: [&str; 29] = [
    "age.max",
    "blocked.hours",
    "bugs.escaped",
    "bugs.reopened",
    "bugs.total",
    "cycle.p50",
    "cycle.p85",
    "cycle.p95",
    "forecast.items.p85",
    "forecast.probability",
    "forecast.when.p50",
    "forecast.when.p85",
    "items.aging",
    "items.carried_over",
    "percent.escaped",
    "percent.of_original",
    "percent.say_do",
    "points.original",
    "scope.added",
    "scope.net",
    "scope.reestimated",
    "scope.removed",
    "throughput.day",
    "throughput.week",
    "velocity.average",
    "velocity.completed",
    "velocity.incomplete",
    "velocity.late",
    "velocity.planned",
];

pub const LEAD: [&str; 3] = ["lead.p50", "lead.p85", "lead.p95"];

/// By how much the age of an item may differ, in days: it is as old as what it was told with, and was told in tenths.
const AGE_APART_DAYS: f64 = 0.2;

/// How much of the organisation an instance can know.
#[derive(Clone, Copy)]
pub enum Known<'a> {
    /// Calls may have failed, and the past may not be read yet.
    SoFar,
    /// All is read; the store has these revisions.
    All(&'a Revisions),
}

/// What numbers come to, each by its name; nothing where it has no value.
pub type Numbers = BTreeMap<&'static str, Option<f64>>;

impl Truth {
    /// Whether something that calls tell may be missing.
    fn may_lack(&self, known: Known<'_>) -> bool {
        matches!(known, Known::SoFar) && self.faults.any()
    }

    /// Checks an item as it is shown, on a team's board or without one, against the revision that it claims to be.
    pub fn check_item(&self, shown: &Value, has_team: bool, known: Known<'_>) -> Result<(), String> {
        let model = self.model.lock().unwrap();
        let rev = number(&shown["rev"]);
        let item =
            model.item(number(&shown["id"])).ok_or_else(|| format!("there is no such item: {shown}"))?;
        let revision = item.revision(rev).ok_or_else(|| format!("there is no such revision: {shown}"))?;
        let (project, team) = model.home(item).unwrap();
        let content = &revision.content;
        let assigned = content.assigned_to.and_then(|who| team.members.get(who));
        let page = format!("{}/{}/_workitems/edit/{}", model.base_url, escaped(project.name), item.id);
        let mut expected = json!({
            "id": item.id,
            "rev": rev,
            "type": item.item_type.name,
            "title": content.title,
            "state": content.state.name,
            "stateCategory": content.state.category,
            "assignedTo": assigned.map(|who| json!({ "id": who.id, "name": who.name })),
            "iterationPath": content.iteration_path,
            "areaPath": team.area_path,
            "tags": if content.blocked { vec!["Blocked"] } else { Vec::new() },
            "blocked": content.blocked,
            "blockedBy": content.blocked.then_some("tag Blocked"),
            "changedAt": revision.changed_at,
            "url": page,
            "parent": content.parent,
            "backlog": backlog_of(item.item_type.level, project.process.bugs_behavior),
        });
        let numbers = [
            ("effort", content.effort),
            ("remainingWork", content.remaining_work),
            ("rank", Some(content.rank)),
        ];
        let has_catalogue = has_team && self.is_compared;
        if !has_catalogue || shown["stateCategory"].is_null() && self.may_lack(known) {
            expected["stateCategory"] = Value::Null;
        }
        if !has_catalogue || shown["backlog"].is_null() && self.may_lack(known) {
            expected["backlog"] = Value::Null;
        }
        // A hook has no ids of people; whoever was read from the organisation has one.
        if shown["assignedTo"]["id"].is_null() && !(self.is_compared && matches!(known, Known::All(_))) {
            expected["assignedTo"].as_object_mut().map(|who| who.insert("id".into(), Value::Null));
        }
        let age = age_days(item, revision, now_ms()).filter(|_| has_catalogue);
        let is_age_known = match known {
            Known::SoFar => false,
            Known::All(kept) => kept.get(&item.id).is_some_and(|revs| revs.len() == rev as usize),
        };
        let is_age_right = match (shown["ageDays"].as_f64(), age) {
            (Some(shown), Some(age)) => (shown - age).abs() <= AGE_APART_DAYS,
            (None, Some(_)) => !is_age_known,
            (shown, None) => shown.is_none(),
        };
        let is_state = |one: &Revision| one.content.state.name == content.state.name;
        let since = [
            ("stateSince", Some(since_ms(item, revision, is_state))),
            ("blockedSince", content.blocked.then(|| since_ms(item, revision, |one| one.content.blocked))),
        ];
        let is_since_wrong = |(name, since): &(&str, Option<i64>)| match shown[*name].as_i64() {
            Some(told) => Some(told) != *since,
            None => since.is_some() && is_age_known,
        };
        let members = shown.as_object().unwrap();
        let names = expected.as_object().unwrap().keys().map(String::as_str);
        let mut names: BTreeSet<&str> = names.chain(numbers.map(|(name, _)| name)).collect();
        names.insert("ageDays");
        let mut differs: Vec<&str> =
            names.iter().copied().filter(|name| !members.contains_key(*name)).collect();
        let is_other = |name: &&str| !names.contains(name) && since.iter().all(|(since, _)| since != name);
        differs.extend(members.keys().map(String::as_str).filter(is_other));
        differs.extend(since.iter().filter(|since| is_since_wrong(since)).map(|(name, _)| *name));
        let texts = expected.as_object().unwrap().iter();
        differs.extend(texts.filter(|(name, value)| shown[*name] != **value).map(|(name, _)| &**name));
        let amounts = numbers.iter().filter(|(name, value)| shown[*name].as_f64() != *value);
        differs.extend(amounts.map(|(name, _)| *name));
        differs.extend((!is_age_right).then_some("ageDays"));
        match differs.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "{differs:?} are wrong: shown is {shown}, true was {revision:?}, {expected}, {age:?} days old"
            )),
        }
    }

    /// A team with its sprint under way.
    fn figures<'a>(&self, model: &'a Model, project: &Value, team: &Value) -> Option<Figures<'a>> {
        let (project, team) = named(model, project, team)?;
        let sprint = project.current_sprint(team, model.today())?;
        let (today, zone_hours) = (day_at(now_ms(), self.zone_hours), self.zone_hours);
        Some(Figures { project, team, sprint, today, zone_hours })
    }

    /// What the numbers of a board are that has these revisions, but for those of lead time.
    pub fn numbers(
        &self,
        (project, team): (&Value, &Value),
        items: impl Iterator<Item = (u32, u32)>,
    ) -> Numbers {
        let model = self.model.lock().unwrap();
        let shown = revisions(&model, items);
        match self.figures(&model, project, team) {
            Some(figures) => figures.numbers(&shown),
            // Without a team nobody can say what a state means.
            None => Numbers::from([("items.total", Some(shown.len() as f64))]),
        }
    }

    /// Whether that is the lead time of an item that was the team's.
    pub fn is_lead_time(&self, (project, team): (&Value, &Value), value: f64) -> bool {
        let model = self.model.lock().unwrap();
        let Some(figures) = self.figures(&model, project, team) else { return false };
        let home = |project, team| (std::ptr::from_ref::<Project>(project), std::ptr::from_ref::<Team>(team));
        let own = home(figures.project, figures.team);
        let items = model.items().values();
        let items =
            items.filter(|item| model.home(item).is_some_and(|(project, team)| home(project, team) == own));
        let mut all = items.flat_map(|item| item.revisions().map(move |revision| (item, revision)));
        all.any(|one| is_near(figures.lead_time(one), Some(value)))
    }

    /// Checks a board's numbers, states and line against its own items.
    pub fn check_numbers(&self, data: &Value, level: &Value, known: Known<'_>) -> Result<(), String> {
        let (whose, metrics) = ((&data["project"]["id"], &data["team"]["id"]), &data["metrics"]);
        if level == "none" {
            let has_any = metrics.as_object().unwrap().values().any(|metric| !metric["value"].is_null());
            let has_items = data["items"].as_array().is_some_and(|items| !items.is_empty());
            return match has_any || has_items {
                true => Err(format!("a board of level none that has something: {data}")),
                false => Ok(()),
            };
        }
        if is_remembered(data) {
            self.note_remembered(data);
            return Ok(());
        }
        let Some(items) = data["items"].as_array() else { return Ok(()) };
        let pairs = || items.iter().map(|item| (number(&item["id"]), number(&item["rev"])));
        let mut numbers = self.numbers(whose, pairs());
        if self.is_compared && !whose.1.is_null() {
            numbers.extend(self.lead(whose, metrics, known)?);
        }
        if numbers.len() > 1 {
            check_past(metrics)?;
        }
        let names: BTreeSet<&str> = metrics.as_object().unwrap().keys().map(String::as_str).collect();
        let names: BTreeSet<&str> = names.into_iter().filter(|name| !PAST.contains(name)).collect();
        if names != numbers.keys().copied().collect() {
            return Err(format!("nobody knows these numbers, or some are missing: {names:?}"));
        }
        for (name, value) in numbers {
            let shown = metrics[name]["value"].as_f64();
            let reason = metrics[name]["reason"].as_str();
            let is_unread = || reason.is_some_and(|reason| reason.ends_with("cannot be read"));
            let is_excused = shown.is_none() && is_unread() && self.may_lack(known);
            if !is_near(shown, value) && !is_excused || shown.is_none() != reason.is_some() {
                return Err(format!("{name} is {} where it should be {value:?}: {data}", metrics[name]));
            }
        }
        self.check_lines(data, known).map_err(|why| format!("{why}: {data}"))
    }

    /// What the numbers of lead time are, as far as anybody can tell.
    fn lead(&self, whose: (&Value, &Value), metrics: &Value, known: Known<'_>) -> Result<Numbers, String> {
        if let Known::All(kept) = known {
            let model = self.model.lock().unwrap();
            let figures = self.figures(&model, whose.0, whose.1).unwrap();
            let of_team = kept_of(&model, &figures, kept);
            let newest =
                of_team.iter().filter_map(|(item, revs)| Some((*item, item.revision(*revs.last()?)?)));
            return Ok(figures.lead_times(newest));
        }
        let shown = LEAD.map(|name| (name, metrics[name]["value"].as_f64()));
        match shown.iter().find(|(_, value)| value.is_some_and(|value| !self.is_lead_time(whose, value))) {
            Some(wrong) => Err(format!("no item of the team took that long: {wrong:?}")),
            None => Ok(shown.into()),
        }
    }

    /// Checks what a board shows of its states and of its days.
    fn check_lines(&self, data: &Value, known: Known<'_>) -> Result<(), String> {
        let model = self.model.lock().unwrap();
        let items = data["items"].as_array().unwrap();
        let has_unread = items.iter().any(|item| item["stateCategory"].is_null());
        let Some(figures) = self.figures(&model, &data["project"]["id"], &data["team"]["id"]) else {
            return Ok(());
        };
        if has_unread || self.may_lack(known) && data["burndown"].is_null() {
            return Ok(());
        }
        let shown = revisions(&model, items.iter().map(|item| (number(&item["id"]), number(&item["rev"]))));
        let states = figures.states(&shown);
        let rows = |states: &Value| {
            let row = |row: &Value| {
                let points = row["points"].as_f64().map(|points| (points * 100.0).round() as i64);
                (row["name"].clone(), row["category"].clone(), row["items"].clone(), points)
            };
            states.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
        };
        if rows(&states) != rows(&data["states"]) {
            return Err(format!("the states should be {states}"));
        }
        // Whether days are worked on may not have been read.
        if self.may_lack(known) {
            return Ok(());
        }
        let kept = match known {
            Known::SoFar => None,
            Known::All(kept) => Some(kept_of(&model, &figures, kept)),
        };
        figures.check_burndown(&data["burndown"], &shown, kept.as_deref())
    }
}

/// What the store has of a team's items.
fn kept_of<'a>(
    model: &'a Model,
    figures: &Figures<'_>,
    kept: &Revisions,
) -> Vec<(&'a boardcast::demo::simulation::item::Item, BTreeSet<u32>)> {
    let items = kept.iter().filter_map(|(id, revs)| Some((model.item(*id)?, revs.clone())));
    let is_own = |item| model.home(item).is_some_and(|(_, team)| team.id == figures.team.id);
    items.filter(|(item, _)| is_own(item)).collect()
}

/// A project and its team by their ids.
fn named<'a>(model: &'a Model, project: &Value, team: &Value) -> Option<(&'a Project, &'a Team)> {
    let projects = &model.organisation.projects;
    let project = projects.iter().find(|known| *project == known.id.to_string())?;
    Some((project, project.teams.iter().find(|known| *team == known.id.to_string())?))
}

fn revisions(model: &Model, items: impl Iterator<Item = (u32, u32)>) -> Vec<Shown<'_>> {
    let shown = |(id, rev)| {
        let item = model.item(id)?;
        Some((item, item.revision(rev)?))
    };
    items.filter_map(shown).collect()
}

fn escaped(name: &str) -> String {
    name.replace(' ', "%20")
}

/// Whether the numbers about the past fit each other and those of the present.
fn check_past(metrics: &Value) -> Result<(), String> {
    let value = |name: &str| metrics[name]["value"].as_f64();
    for name in PAST {
        let (is_null, has_reason) = (metrics[name]["value"].is_null(), metrics[name]["reason"].is_string());
        if is_null != has_reason {
            return Err(format!("{name} is {}", metrics[name]));
        }
    }
    let net = value("scope.added").zip(value("scope.removed")).zip(value("scope.reestimated"));
    let net = net.map(|((added, removed), reestimated)| added - removed + reestimated);
    if !is_near(net, value("scope.net")) {
        return Err(format!("the scope grew by {net:?} in parts, and by {} in all", metrics["scope.net"]));
    }
    let is_in_points = metrics["scope.net"]["unit"] == "points";
    let planned = value("points.original").zip(net).map(|(original, net)| original + net);
    let total = value("points.total");
    if is_in_points && planned.is_some() && total.is_some() && !is_near(planned, total) {
        return Err(format!("planned and changed come to {planned:?}, and the scope is {total:?}"));
    }
    let completed = value("points.completed").zip(value("points.original"));
    let share = completed.filter(|(_, original)| *original > 0.0).map(|(done, all)| 100.0 * done / all);
    let shown = value("percent.of_original");
    if share.zip(shown).is_some_and(|(share, shown)| (share - shown).abs() > 0.051) {
        return Err(format!("{share:?} % of what was planned, and {shown:?} is shown"));
    }
    Ok(())
}

/// The backlog that a type of a level is on, for a team that does so with bugs.
fn backlog_of(level: ItemRank, bugs: BugsBehaviour) -> Option<&'static str> {
    match (level, bugs) {
        (ItemRank::Requirement, _) | (ItemRank::Bug, BugsBehaviour::AsRequirements) => Some("requirement"),
        (ItemRank::Task, _) | (ItemRank::Bug, BugsBehaviour::AsTasks) => Some("task"),
        _ => None,
    }
}
