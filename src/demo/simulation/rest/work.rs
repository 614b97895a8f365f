//! Projects, teams and what a team has settled: its sprints, areas, capacities and days off.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::fields::person;
use super::super::organisation::{Person, Project, Sprint, Team, later};
use super::super::process::ItemRank;
use super::{Answered, Call, is, list, midnight, named_project, not_found};
use crate::domain::time::CivilDate;

pub(super) fn projects(call: &Call<'_>) -> Value {
    let project = |project: &Project| {
        json!({
            "id": project.id,
            "name": project.name,
            "description": format!("A project that works with the {} process.", project.process.name),
            "url": call.url(&format!("_apis/projects/{}", project.id)),
            "state": "wellFormed",
            "revision": 11,
            "visibility": "private",
            "lastUpdateTime": "2026-01-05T09:00:00Z",
        })
    };
    call.page(call.model.organisation.projects.iter().map(project))
}

pub(super) fn teams(call: &Call<'_>, project: &str) -> Answered {
    let project = named_project(call.model, project)?;
    let team = |team: &Team| {
        json!({
            "id": team.id,
            "name": team.name,
            "url": call.url(&format!("_apis/projects/{}/teams/{}", project.id, team.id)),
            "description": "",
            "identityUrl": call.url(&format!("_apis/Identities/{}", team.id)),
            "projectName": project.name,
            "projectId": project.id,
        })
    };
    Ok(call.page(project.teams.iter().map(team)))
}

/// What lies below `teamsettings`; `None` where nothing does.
pub(super) fn settings(call: &Call<'_>, project: &Project, team: &Team, path: &[&str]) -> Option<Answered> {
    let this = ["teamsettings"].iter().chain(path).copied().collect::<Vec<_>>().join("/");
    let settings = Settings { call, project, team, this };
    match path {
        [] => Some(Ok(settings.team_settings())),
        ["teamfieldvalues"] => Some(Ok(settings.team_field_values())),
        ["iterations"] => Some(Ok(settings.iterations())),
        ["iterations", id, what @ ("workitems" | "capacities" | "teamdaysoff")] => {
            Some(settings.sprint(id).map(|sprint| match *what {
                "workitems" => settings.work_items(sprint),
                "capacities" => settings.capacities(sprint),
                _ => settings.team_days_off(sprint),
            }))
        }
        _ => None,
    }
}

struct Settings<'a> {
    call: &'a Call<'a>,
    project: &'a Project,
    team: &'a Team,
    /// The path of what is asked for, below that of the team's work.
    this: String,
}

impl Settings<'_> {
    /// The address of something of the project.
    fn of_project(&self, rest: &str) -> String {
        self.call.url(&format!("{}/_apis/{rest}", self.project.id))
    }

    /// The address of a setting of the team.
    fn url(&self, rest: &str) -> String {
        self.call.url(&format!("{}/{}/_apis/work/{rest}", self.project.id, self.team.id))
    }

    fn links(&self) -> Value {
        let project = self.call.url(&format!("_apis/projects/{}", self.project.id));
        json!({
            "self": { "href": self.url(&self.this) },
            "project": { "href": project },
            "team": { "href": format!("{project}/teams/{}", self.team.id) },
            "teamSettings": { "href": self.url("teamsettings") },
            "teamIterations": { "href": self.url("teamsettings/iterations") },
            "teamFieldValues": { "href": self.url("teamsettings/teamfieldvalues") },
            "areaPathClassificationNodes": { "href": self.of_project("wit/classificationNodes/Areas") },
            "classificationNode": [{ "href": self.of_project("wit/classificationNodes/Iterations") }],
        })
    }

    fn chosen(&self) -> impl Iterator<Item = &Sprint> {
        self.team.sprints.iter().filter_map(|index| self.project.sprints.get(*index))
    }

    fn current(&self) -> Option<&Sprint> {
        self.project.current_sprint(self.team, self.call.model.today())
    }

    fn sprint(&self, id: &str) -> Result<&Sprint, super::Answer> {
        self.chosen().find(|sprint| is(sprint.id, id)).ok_or_else(|| {
            let text = format!("The iteration '{id}' is not one of the team's.");
            not_found("InvalidTeamSettingsIterationException", &text)
        })
    }

    fn iterations(&self) -> Value {
        // A sprint that has ended stays the current one until the next begins.
        let current = self.current().map(|current| current.start);
        let iteration = |sprint: &Sprint| {
            let time_frame = match current.map(|current| sprint.start.cmp(&current)) {
                Some(Ordering::Less) => "past",
                Some(Ordering::Equal) => "current",
                Some(Ordering::Greater) | None => "future",
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
        };
        list(self.chosen().map(iteration).collect())
    }

    fn team_settings(&self) -> Value {
        let node = |id: Uuid, name: &str, path: &str| {
            let url = self.of_project("wit/classificationNodes/Iterations");
            json!({ "id": id, "name": name, "path": path, "url": url })
        };
        let default =
            self.current().map(|sprint| node(sprint.id, &sprint.name, &format!("\\{}", sprint.name)));
        json!({
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
            "url": self.url(&self.this),
            "_links": self.links(),
        })
    }

    fn team_field_values(&self) -> Value {
        json!({
            "field": { "referenceName": "System.AreaPath", "url": self.call.field_url("System.AreaPath") },
            "defaultValue": self.team.area_path,
            "values": [{ "value": self.team.area_path, "includeChildren": true }],
            "url": self.url(&self.this),
            "_links": self.links(),
        })
    }

    fn capacities(&self, sprint: &Sprint) -> Value {
        let url = self.url(&self.this);
        let member = |who: &Person| {
            json!({
                "teamMember": person(&self.call.model.base_url, who),
                "activities": [{ "capacityPerDay": who.capacity_per_day, "name": who.activity }],
                "daysOff": who.day_off.iter().map(|day| range(later(sprint.start, *day))).collect::<Vec<_>>(),
                "url": format!("{url}/{}", who.id),
            })
        };
        let members = &self.team.members;
        json!({
            "teamMembers": members.iter().map(member).collect::<Vec<_>>(),
            "totalCapacityPerDay": members.iter().map(|who| who.capacity_per_day).sum::<f64>(),
            "totalDaysOff": members.iter().filter(|who| who.day_off.is_some()).count(),
            "url": url,
            "_links": self.links(),
        })
    }

    fn team_days_off(&self, sprint: &Sprint) -> Value {
        json!({
            "daysOff": [range(later(sprint.start, self.team.day_off))],
            "url": self.url(&self.this),
            "_links": self.links(),
        })
    }

    /// The sprint's backlog: roots first, and below them what hangs on them. Parents of lower levels are named even
    /// if they are in another sprint, as Azure DevOps does.
    fn work_items(&self, sprint: &Sprint) -> Value {
        let model = self.call.model;
        let reference = |id: u32| json!({ "id": id, "url": self.call.item_url(id) });
        let mut roots = BTreeSet::new();
        let mut children = Vec::new();
        for item in model.items().values() {
            let newest = item.newest();
            let ours = model.home(item).is_some_and(|(_, team)| team.id == self.team.id);
            if !ours || newest.deleted || newest.content.iteration_path != sprint.path {
                continue;
            }
            let parent = newest.content.parent.filter(|_| item.item_type.level == ItemRank::Task);
            roots.insert(parent.unwrap_or(item.id));
            children.extend(parent.map(|parent| {
                json!({
                    "rel": "System.LinkTypes.Hierarchy-Forward",
                    "source": reference(parent),
                    "target": reference(item.id),
                })
            }));
        }
        let root = |id| json!({ "rel": null, "source": null, "target": reference(id) });
        json!({
            "workItemRelations": roots.into_iter().map(root).chain(children).collect::<Vec<_>>(),
            "url": self.url(&self.this),
            "_links": {
                "self": { "href": self.url(&self.this) },
                "iteration": { "href": self.url(&format!("teamsettings/iterations/{}", sprint.id)) },
            },
        })
    }
}

fn range(day: CivilDate) -> Value {
    json!({ "start": midnight(day), "end": midnight(day) })
}
