//! Projects, teams and what a team has settled: its sprints, areas, capacities and days off.

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::fields::{People, person};
use super::super::organisation::{Person, Project, Sprint, Team, later};
use super::super::process::ItemRank;
use super::{Answer, Call, is, midnight, named_project, types};
use crate::domain::time::CivilDate;

pub(super) fn projects(call: &Call<'_>) -> Answer {
    let base = &call.model.base_url;
    let project = |project: &Project| {
        json!({
            "id": project.id,
            "name": project.name,
            "description": format!("A project that works with the {} process.", project.process.name),
            "url": format!("{base}/_apis/projects/{}", project.id),
            "state": "wellFormed",
            "revision": 11,
            "visibility": "private",
            "lastUpdateTime": "2026-01-05T09:00:00Z",
        })
    };
    call.page(call.model.organisation.projects.iter().map(project).collect())
}

pub(super) fn teams(call: &Call<'_>, project: &str) -> Answer {
    let Some(project) = named_project(call.model, project) else { return Answer::no_such_project(project) };
    let base = &call.model.base_url;
    let team = |team: &Team| {
        json!({
            "id": team.id,
            "name": team.name,
            "url": format!("{base}/_apis/projects/{}/teams/{}", project.id, team.id),
            "description": "",
            "identityUrl": format!("{base}/_apis/Identities/{}", team.id),
            "projectName": project.name,
            "projectId": project.id,
        })
    };
    call.page(project.teams.iter().map(team).collect())
}

pub(super) fn route(call: &Call<'_>, path: &[&str]) -> Option<Answer> {
    let (project, team) = (call.project?, call.team?);
    let settings = Settings { call, project, team };
    match path {
        ["teamsettings"] => Some(settings.team_settings()),
        ["teamsettings", "teamfieldvalues"] => Some(settings.team_field_values()),
        ["teamsettings", "iterations"] => Some(settings.iterations()),
        ["teamsettings", "iterations", id] => {
            Some(settings.with_sprint(id, |sprint| Answer::ok(settings.iteration(sprint))))
        }
        ["teamsettings", "iterations", id, "workitems"] => {
            Some(settings.with_sprint(id, |sprint| settings.work_items(sprint)))
        }
        ["teamsettings", "iterations", id, "capacities"] => {
            Some(settings.with_sprint(id, |sprint| settings.capacities(sprint)))
        }
        ["teamsettings", "iterations", id, "teamdaysoff"] => {
            Some(settings.with_sprint(id, |sprint| settings.team_days_off(sprint)))
        }
        ["backlogconfiguration"] => Some(types::backlog_configuration(call, project)),
        _ => None,
    }
}

struct Settings<'a> {
    call: &'a Call<'a>,
    project: &'a Project,
    team: &'a Team,
}

impl Settings<'_> {
    /// The address of a setting of the team.
    fn url(&self, rest: &str) -> String {
        format!("{}/{}/{}/_apis/work/{rest}", self.call.model.base_url, self.project.id, self.team.id)
    }

    fn links(&self, this: &str) -> Value {
        let base = &self.call.model.base_url;
        let (project, team) = (self.project.id, self.team.id);
        let nodes = format!("{base}/{project}/_apis/wit/classificationNodes");
        json!({
            "self": { "href": self.url(this) },
            "project": { "href": format!("{base}/_apis/projects/{project}") },
            "team": { "href": format!("{base}/_apis/projects/{project}/teams/{team}") },
            "teamSettings": { "href": self.url("teamsettings") },
            "teamIterations": { "href": self.url("teamsettings/iterations") },
            "teamFieldValues": { "href": self.url("teamsettings/teamfieldvalues") },
            "areaPathClassificationNodes": { "href": format!("{nodes}/Areas") },
            "classificationNode": [{ "href": format!("{nodes}/Iterations") }],
        })
    }

    fn chosen(&self) -> impl Iterator<Item = &Sprint> {
        self.team.sprints.iter().filter_map(|index| self.project.sprints.get(*index))
    }

    fn current(&self) -> Option<&Sprint> {
        self.project.current_sprint(self.team, self.call.model.today())
    }

    fn with_sprint(&self, id: &str, answer: impl FnOnce(&Sprint) -> Answer) -> Answer {
        match self.chosen().find(|sprint| is(sprint.id, id)) {
            Some(sprint) => answer(sprint),
            None => Answer::error(
                404,
                "InvalidTeamSettingsIterationException",
                &format!("The iteration '{id}' is not one of the team's."),
            ),
        }
    }

    fn iteration(&self, sprint: &Sprint) -> Value {
        // A sprint that has ended stays the current one until the next begins.
        let current = self.current().map(|current| current.start);
        let time_frame = match current.map(|current| sprint.start.cmp(&current)) {
            Some(std::cmp::Ordering::Less) => "past",
            Some(std::cmp::Ordering::Equal) => "current",
            Some(std::cmp::Ordering::Greater) | None => "future",
        };
        json!({
            "id": sprint.id,
            "name": sprint.name,
            "path": sprint.path,
            "attributes": {
                "startDate": midnight(sprint.start),
                "finishDate": midnight(sprint.finish),
                "timeFrame": time_frame,
            },
            "url": self.url(&format!("teamsettings/iterations/{}", sprint.id)),
        })
    }

    fn iterations(&self) -> Answer {
        match self.call.parameter("$timeframe") {
            None => Answer::list(self.chosen().map(|sprint| self.iteration(sprint)).collect()),
            Some(frame) if frame.eq_ignore_ascii_case("current") => match self.current() {
                Some(sprint) => Answer::list(vec![self.iteration(sprint)]),
                None => Answer::error(
                    404,
                    "CurrentIterationDoesNotExistException",
                    &format!("There is no current iteration for the team '{}'.", self.team.name),
                ),
            },
            Some(frame) => Answer::error(
                400,
                "VssPropertyValidationException",
                &format!("The value '{frame}' of $timeframe is not supported; only 'current' is."),
            ),
        }
    }

    fn team_settings(&self) -> Answer {
        let node = |id: Uuid, name: &str, path: &str| {
            let base = &self.call.model.base_url;
            let url = format!("{base}/{}/_apis/wit/classificationNodes/Iterations", self.project.id);
            json!({ "id": id, "name": name, "path": path, "url": url })
        };
        let default =
            self.current().map(|sprint| node(sprint.id, &sprint.name, &format!("\\{}", sprint.name)));
        Answer::ok(json!({
            "backlogIteration": node(self.project.iteration_id, self.project.name, ""),
            "bugsBehavior": self.project.process.bugs_behavior,
            "workingDays": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "backlogVisibilities": {
                (ItemRank::Epic.reference_name()): false,
                (ItemRank::Feature.reference_name()): true,
                (ItemRank::Requirement.reference_name()): true,
            },
            "defaultIteration": default,
            "defaultIterationMacro": "@currentIteration",
            "url": self.url("teamsettings"),
            "_links": self.links("teamsettings"),
        }))
    }

    fn team_field_values(&self) -> Answer {
        let base = &self.call.model.base_url;
        Answer::ok(json!({
            "field": {
                "referenceName": "System.AreaPath",
                "url": format!("{base}/_apis/wit/fields/System.AreaPath"),
            },
            "defaultValue": self.team.area_path,
            "values": [{ "value": self.team.area_path, "includeChildren": true }],
            "url": self.url("teamsettings/teamfieldvalues"),
            "_links": self.links("teamsettings/teamfieldvalues"),
        }))
    }

    fn capacities(&self, sprint: &Sprint) -> Answer {
        let this = format!("teamsettings/iterations/{}/capacities", sprint.id);
        let base = &self.call.model.base_url;
        let member = |who: &Person| {
            json!({
                "teamMember": person(base, who, People::Object),
                "activities": [{ "capacityPerDay": who.capacity_per_day, "name": who.activity }],
                "daysOff": who.day_off.map(|day| range(later(sprint.start, day))).into_iter().collect::<Vec<_>>(),
                "url": self.url(&format!("{this}/{}", who.id)),
            })
        };
        let members = &self.team.members;
        let days_off = members.iter().filter(|who| who.day_off.is_some()).count();
        Answer::ok(json!({
            "teamMembers": members.iter().map(member).collect::<Vec<_>>(),
            "totalCapacityPerDay": members.iter().map(|who| who.capacity_per_day).sum::<f64>(),
            "totalDaysOff": days_off,
            "url": self.url(&this),
            "_links": self.links(&this),
        }))
    }

    fn team_days_off(&self, sprint: &Sprint) -> Answer {
        let this = format!("teamsettings/iterations/{}/teamdaysoff", sprint.id);
        Answer::ok(json!({
            "daysOff": [range(later(sprint.start, self.team.day_off))],
            "url": self.url(&this),
            "_links": self.links(&this),
        }))
    }

    /// The sprint's backlog: roots first, and below them what hangs on them. Parents of lower levels are named even
    /// if they are in another sprint, as Azure DevOps does.
    fn work_items(&self, sprint: &Sprint) -> Answer {
        let this = format!("teamsettings/iterations/{}/workitems", sprint.id);
        let model = self.call.model;
        let reference =
            |id: u32| json!({ "id": id, "url": format!("{}/_apis/wit/workItems/{id}", model.base_url) });
        let mut roots = std::collections::BTreeSet::new();
        let mut children = Vec::new();
        for item in model.items().values() {
            let newest = item.newest();
            let ours = model.home(item).is_some_and(|(_, team)| team.id == self.team.id);
            if !ours || newest.deleted || newest.content.iteration_path != sprint.path {
                continue;
            }
            match newest.content.parent {
                Some(parent) if item.item_type.level == ItemRank::Task => {
                    roots.insert(parent);
                    children.push(json!({
                        "rel": "System.LinkTypes.Hierarchy-Forward",
                        "source": reference(parent),
                        "target": reference(item.id),
                    }));
                }
                _ => {
                    roots.insert(item.id);
                }
            }
        }
        let roots = roots.into_iter();
        let mut relations: Vec<Value> =
            roots.map(|id| json!({ "rel": null, "source": null, "target": reference(id) })).collect();
        relations.append(&mut children);
        Answer::ok(json!({
            "workItemRelations": relations,
            "url": self.url(&this),
            "_links": {
                "self": { "href": self.url(&this) },
                "iteration": { "href": self.url(&format!("teamsettings/iterations/{}", sprint.id)) },
            },
        }))
    }
}

fn range(day: CivilDate) -> Value {
    json!({ "start": midnight(day), "end": midnight(day) })
}
