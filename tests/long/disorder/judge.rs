//! What may be said of the organisation: at any time, and when it is quiet.

use std::collections::{BTreeMap, BTreeSet};

use boardcast::demo::simulation::item::{Item, Revision};
use boardcast::demo::simulation::model::Model;
use boardcast::demo::simulation::organisation::{Project, Sprint, Team};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::sprint::catalogue::BugsBehaviour;
use boardcast::domain::time::CivilDate;
use chrono::DateTime;
use chrono_tz::Tz;
use serde_json::{Value, json};

/// When what was done.
#[derive(Default)]
pub struct Record {
    /// Of each revision that was made since the month began.
    pub made: BTreeMap<(u32, u32), i64>,
    /// When the hook of a revision was last delivered.
    pub delivered: BTreeMap<(u32, u32), i64>,
    /// The items that were changed without a revision since it was quiet: no feed tells of them, and a hook may be late.
    pub unsaid: BTreeSet<u32>,
    /// Whether lists changed since it was quiet: what is known of them may be half an hour old.
    pub lists_changed: bool,
    /// The paths that were renamed, and what they are called instead.
    pub renamed: BTreeMap<String, String>,
}

impl Record {
    /// A path by the name that it has now: that it has another makes no revision of the items that bear it.
    fn now_called(&self, path: &Value) -> Value {
        let mut path = path.as_str().unwrap_or_default();
        while let Some(next) = self.renamed.get(path) {
            path = next;
        }
        json!(path)
    }
}

pub struct Judge<'a> {
    pub model: &'a Model,
    pub record: &'a Record,
    pub zones: &'a BTreeMap<String, Tz>,
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// The differences between what is shown and what is true, in words.
fn differences<const N: usize>(pairs: [(&str, &Value, Value); N]) -> Vec<String> {
    let differing = pairs.into_iter().filter(|(_, shown, is)| **shown != *is);
    differing.map(|(name, shown, is)| format!("{name} is shown as {shown} and is {is}")).collect()
}

impl Judge<'_> {
    fn day(&self, team: &Team) -> CivilDate {
        let at = DateTime::from_timestamp_millis(self.model.now().epoch_ms()).unwrap();
        at.with_timezone(&self.zones[&team.id.to_string()]).date_naive()
    }

    fn current<'m>(&self, project: &'m Project, team: &Team) -> Option<&'m Sprint> {
        let today = self.day(team);
        let under_way =
            project.sprints.iter().filter(|sprint| (sprint.start..=sprint.finish).contains(&today));
        under_way.max_by_key(|sprint| sprint.start)
    }

    /// The team that a board is of.
    fn home<'m>(&'m self, board: &Value) -> Option<(&'m Project, &'m Team)> {
        let projects = &self.model.organisation.projects;
        let project = projects.iter().find(|project| board["project"]["id"] == project.id.to_string())?;
        let team = project.teams.iter().find(|team| board["team"]["id"] == team.id.to_string())?;
        Some((project, team))
    }

    /// How an item that is shown differs from that revision of it.
    fn item(&self, shown: &Value, item: &Item, revision: &Revision) -> Vec<String> {
        let content = &revision.content;
        let (_, team) = self.model.home(item).unwrap();
        let who = content.assigned_to.and_then(|number| team.person(number)).map(|person| person.name);
        let is_of_another_team = content.home != (item.project, item.team);
        let who = if is_of_another_team { shown["assignedTo"]["name"].clone() } else { json!(who) };
        let number = |value: Option<f64>| json!(value);
        let amount = |name: &str| json!(shown[name].as_f64());
        differences([
            ("type", &shown["type"], json!(content.item_type.name)),
            ("title", &shown["title"], json!(content.title)),
            ("state", &shown["state"], json!(content.state.name)),
            ("effort", &amount("effort"), number(content.effort)),
            ("remainingWork", &amount("remainingWork"), number(content.remaining_work)),
            ("assignedTo", &shown["assignedTo"]["name"], who),
        ])
    }

    /// What is false of a board while anything may be under way.
    pub fn meanwhile(&self, board: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some(items) = board["items"].as_array() else { return wrong };
        for shown in items {
            let id = number(&shown["id"]).unwrap();
            let Some(item) = self.model.item(id) else {
                wrong.push(format!("there is no item {id}"));
                continue;
            };
            match number(&shown["rev"]).and_then(|rev| item.revision(rev)) {
                Some(revision) => {
                    wrong.extend(self.item(shown, item, revision).into_iter().map(|of| format!("{id}: {of}")))
                }
                None => wrong.push(format!("{id}: there is no revision {}", shown["rev"])),
            }
        }
        wrong.extend(self.numbers(board));
        if board["level"] == "full" && !self.record.lists_changed {
            wrong.extend(self.freshness(board, items));
        }
        wrong
    }

    /// What a full board lacks of what was so when it says it was compared.
    fn freshness(&self, board: &Value, items: &[Value]) -> Vec<String> {
        let Some(as_of) = board["dataAsOf"].as_i64() else { return vec!["full, and of no time".into()] };
        if as_of > self.model.now().epoch_ms() {
            return vec![format!("compared in the future, at {as_of}")];
        }
        let Some((project, team)) = self.home(board) else { return Vec::new() };
        let sprint = project.sprints.iter().find(|sprint| board["sprint"]["id"] == sprint.id.to_string());
        let Some(sprint) = sprint else { return Vec::new() };
        let rev_of = |shown: &Value| Some((number(&shown["id"])?, number(&shown["rev"])?));
        let shown: BTreeMap<u32, u32> = items.iter().filter_map(rev_of).collect();
        let missing = board["missing"].as_array().into_iter().flatten();
        let missing: BTreeSet<u32> = missing.filter_map(|of| number(&of["workItemId"])).collect();
        let judged = self
            .model
            .items
            .values()
            .filter(|item| !self.record.unsaid.contains(&item.id) && !missing.contains(&item.id));
        judged
            .filter_map(|item| {
                let made = |revision: &&Revision| {
                    self.record.made.get(&(item.id, revision.rev)).is_none_or(|at| *at < as_of)
                };
                let known = item.revisions().filter(made).last()?;
                let is_newest = known.rev == item.newest().rev;
                let is_on = is_on(self.model, known, (project, team, sprint));
                let is_late = |rev: u32| self.record.delivered.get(&(item.id, rev)).is_some_and(|at| *at >= as_of);
                let is_wrong = match shown.get(&item.id) {
                    Some(rev) if *rev < known.rev => !is_late(*rev),
                    Some(rev) => is_newest && *rev == known.rev && !is_on,
                    None => is_newest && is_on,
                };
                is_wrong.then(|| {
                    format!(
                        "full as of {as_of}: of item {} revision {:?} is shown, and {} was there (on this board: {is_on})",
                        item.id, shown.get(&item.id), known.rev
                    )
                })
            })
            .collect()
    }

    /// What of a board is not what the organisation has now.
    pub fn quiet(&self, board: &Value) -> Vec<String> {
        let Some((project, team)) = self.home(board) else { return vec!["a board of no team".into()] };
        let current = self.current(project, team);
        let mut wrong = differences([
            ("level", &board["level"], json!("full")),
            ("outage", &board["outage"], Value::Null),
            ("project", &board["project"]["name"], json!(project.name)),
            ("team", &board["team"]["name"], json!(team.name)),
            ("sprint", &board["sprint"]["id"], json!(current.map(|sprint| sprint.id))),
            ("its name", &board["sprint"]["name"], json!(current.map(|sprint| &sprint.name))),
            ("its path", &board["sprint"]["path"], json!(current.map(|sprint| &sprint.path))),
            ("its first day", &board["sprint"]["startDate"], json!(current.map(|sprint| sprint.start))),
            ("its last day", &board["sprint"]["finishDate"], json!(current.map(|sprint| sprint.finish))),
        ]);
        let Some(sprint) = current else { return wrong };
        let items = board["items"].as_array().into_iter().flatten();
        let mut shown: BTreeMap<u32, &Value> =
            items.filter_map(|of| Some((number(&of["id"])?, of))).collect();
        for item in self.model.items.values() {
            let newest = item.newest();
            match (shown.remove(&item.id), is_on(self.model, newest, (project, team, sprint))) {
                (None, false) => {}
                (None, true) => wrong.push(format!("item {} is missing", item.id)),
                (Some(_), false) => wrong.push(format!("item {} is shown and is elsewhere", item.id)),
                (Some(row), true) => {
                    let path = &newest.content.iteration_path;
                    let more = differences([
                        ("rev", &row["rev"], json!(newest.rev)),
                        ("iterationPath", &self.record.now_called(&row["iterationPath"]), json!(path)),
                        ("areaPath", &self.record.now_called(&row["areaPath"]), json!(team.area_path)),
                        ("stateCategory", &row["stateCategory"], json!(newest.content.state.category)),
                    ]);
                    let all = more.into_iter().chain(self.item(row, item, newest));
                    wrong.extend(all.map(|of| format!("{}: {of}", item.id)));
                }
            }
        }
        wrong.extend(shown.keys().map(|id| format!("item {id} is shown and is none")));
        wrong.extend(self.numbers(board));
        wrong
    }

    /// The numbers of a board that are not those of the items beside them.
    fn numbers(&self, board: &Value) -> Vec<String> {
        let (Some((project, _)), Some(items)) = (self.home(board), board["items"].as_array()) else {
            return Vec::new();
        };
        let mut numbers = BTreeMap::<&str, f64>::new();
        let mut add = |name, value: f64| *numbers.entry(name).or_default() += value;
        let bugs_are_requirements = project.process.bugs_behavior == BugsBehaviour::AsRequirements;
        for name in ["items.total", "points.total", "points.remaining", "hours.remaining", "bugs.open"] {
            add(name, 0.0);
        }
        for item in items.iter().filter(|item| item["stateCategory"] != "Removed") {
            let kind = project.process.types.iter().find(|kind| item["type"] == kind.name);
            let Some(kind) = kind else { return Vec::new() };
            let is_done = item["stateCategory"] == "Completed";
            let is_bug = kind.level == ItemRank::Bug;
            if kind.level == ItemRank::Requirement || is_bug && bugs_are_requirements {
                let effort = item["effort"].as_f64().unwrap_or_default();
                add("items.total", 1.0);
                add("points.total", effort);
                add("points.remaining", if is_done { 0.0 } else { effort });
            }
            if (kind.level == ItemRank::Task || is_bug && !bugs_are_requirements) && !is_done {
                add("hours.remaining", item["remainingWork"].as_f64().unwrap_or_default());
            }
            add("bugs.open", if is_bug && !is_done { 1.0 } else { 0.0 });
        }
        let differs = |(name, value): (&str, f64)| {
            let shown = board["metrics"][name]["value"].as_f64()?;
            ((shown - value).abs() > 0.005).then(|| format!("{name} is {shown}, and its items make {value}"))
        };
        numbers.into_iter().filter_map(differs).collect()
    }
}

/// Whether a revision belongs on the board of that team's sprint.
fn is_on(model: &Model, revision: &Revision, (project, team, sprint): (&Project, &Team, &Sprint)) -> bool {
    let (of_project, of_team) = revision.content.home;
    let home = model.organisation.projects.get(of_project).map(|of| (of.id, of.teams[of_team].id));
    !revision.deleted && home == Some((project.id, team.id)) && revision.content.iteration_path == sprint.path
}
