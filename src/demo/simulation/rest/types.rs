//! Types of work items, their states and categories, and the trees of areas and iterations.

use serde_json::{Map, Value, json};

use super::super::fields::type_fields;
use super::super::organisation::Project;
use super::super::process::{ItemRank, ItemType};
use super::{Answer, Call, midnight};

pub(super) fn states(call: &Call<'_>, name: &str) -> Option<Answer> {
    let project = call.project?;
    let Some(item_type) = project.process.types.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    else {
        let text = format!("VS402323: Work item type {name} does not exist in project {}.", project.name);
        return Some(Answer::error(404, "WorkItemTypeNotFoundException", &text));
    };
    let states = item_type.states.iter().map(
        |state| json!({ "name": state.name, "color": state.color, "category": state.category.as_str() }),
    );
    Some(Answer::list(states.collect()))
}

pub(super) fn categories(call: &Call<'_>) -> Option<Answer> {
    let project = call.project?;
    let base = &call.model.base_url;
    let category = |item_type: &&ItemType| {
        let reference_name = item_type.level.reference_name();
        let name = reference_name.trim_start_matches("Microsoft.").trim_end_matches("Category");
        let reference = type_reference(call, project, item_type);
        json!({
            "name": format!("{name} Category"),
            "referenceName": reference_name,
            "defaultWorkItemType": reference,
            "workItemTypes": [reference],
            "url": format!("{base}/{}/_apis/wit/workItemTypeCategories/{reference_name}", project.id),
        })
    };
    Some(Answer::list(project.process.types.iter().map(category).collect()))
}

fn type_reference(call: &Call<'_>, project: &Project, item_type: &ItemType) -> Value {
    let name = item_type.name.replace(' ', "%20");
    let url = format!("{}/{}/_apis/wit/workItemTypes/{name}", call.model.base_url, project.id);
    json!({ "name": item_type.name, "url": url })
}

pub(super) fn backlog_configuration(call: &Call<'_>, project: &Project) -> Answer {
    let process = project.process;
    let base = &call.model.base_url;
    let field = |name: &str, label: &str| json!({ "referenceName": name, "name": label, "url": format!("{base}/_apis/wit/fields/{name}") });
    let level = |level: ItemRank, name: &str, rank: u32, kind: &str, color: &str| {
        let default = process.item_type(level);
        let mut types = vec![type_reference(call, project, default)];
        let bugs = match level {
            ItemRank::Requirement => "asRequirements",
            ItemRank::Task => "asTasks",
            ItemRank::Epic | ItemRank::Feature | ItemRank::Bug => "",
        };
        if process.bugs_behavior == bugs {
            types.push(type_reference(call, project, process.item_type(ItemRank::Bug)));
        }
        json!({
            "id": level.reference_name(),
            "name": name,
            "rank": rank,
            "workItemCountLimit": 1000,
            "addPanelFields": [field("System.Title", "Title")],
            "columnFields": [{ "columnFieldReference": field("System.Title", "Title"), "width": 400 }],
            "workItemTypes": types,
            "defaultWorkItemType": type_reference(call, project, default),
            "color": color,
            "isHidden": level == ItemRank::Epic,
            "type": kind,
        })
    };
    let mapped = |item_type: &&ItemType| {
        let states: Map<String, Value> = item_type
            .states
            .iter()
            .map(|state| (state.name.to_owned(), json!(state.category.as_str())))
            .collect();
        json!({ "workItemTypeName": item_type.name, "states": states })
    };
    let requirements = if process.name == "Scrum" { "Backlog items" } else { "Stories" };
    Answer::ok(json!({
        "taskBacklog": level(ItemRank::Task, "Tasks", 1, "task", "F2CB1D"),
        "requirementBacklog": level(ItemRank::Requirement, requirements, 2, "requirement", "009CCC"),
        "portfolioBacklogs": [
            level(ItemRank::Feature, "Features", 3, "portfolio", "773B93"),
            level(ItemRank::Epic, "Epics", 4, "portfolio", "FF7B00"),
        ],
        "workItemTypeMappedStates": process.types.iter().map(mapped).collect::<Vec<_>>(),
        "backlogFields": { "typeFields": type_fields(process) },
        "bugsBehavior": process.bugs_behavior,
        "hiddenBacklogs": [ItemRank::Epic.reference_name()],
        "isBugsBehaviorConfigured": true,
        "url": format!("{base}/{}/_apis/work/backlogconfiguration", project.id),
    }))
}

/// The tree of areas or of iterations. Its paths begin with a backslash and have a segment that the paths of items
/// do not have.
pub(super) fn classification_nodes(call: &Call<'_>, path: &[&str]) -> Option<Answer> {
    let project = call.project?;
    let depth = call.number("$depth").unwrap_or(0);
    match path {
        [] => Some(Answer::list(vec![areas(call, project, depth), iterations(call, project, depth)])),
        ["areas"] => Some(Answer::ok(areas(call, project, depth))),
        ["iterations"] => Some(Answer::ok(iterations(call, project, depth))),
        _ => None,
    }
}

fn node(
    call: &Call<'_>,
    project: &Project,
    structure: &str,
    (id, identifier): (u32, uuid::Uuid),
    name: &str,
) -> Value {
    let segment = if structure == "area" { "Area" } else { "Iteration" };
    let (base, project_id) = (&call.model.base_url, project.id);
    let root = format!("{base}/{project_id}/_apis/wit/classificationNodes/{segment}s");
    let (path, url) = if name == project.name {
        (format!("\\{name}\\{segment}"), root)
    } else {
        (format!("\\{}\\{segment}\\{name}", project.name), format!("{root}/{}", name.replace(' ', "%20")))
    };
    json!({
        "id": id,
        "identifier": identifier,
        "name": name,
        "structureType": structure,
        "hasChildren": false,
        "path": path,
        "_links": { "self": { "href": url } },
        "url": url,
    })
}

fn with_children(mut root: Value, children: Vec<Value>, depth: usize) -> Value {
    if let Some(members) = root.as_object_mut() {
        members.insert("hasChildren".to_owned(), json!(!children.is_empty()));
        if depth > 0 {
            members.insert("children".to_owned(), json!(children));
        }
    }
    root
}

fn areas(call: &Call<'_>, project: &Project, depth: usize) -> Value {
    let first = project.sprints.first().map_or(0, |sprint| sprint.node);
    let root = node(call, project, "area", (first - first % 100, project.area_id), project.name);
    let child = |team: &super::super::organisation::Team| {
        node(call, project, "area", (team.area_node, team.area_id), team.name)
    };
    with_children(root, project.teams.iter().map(child).collect(), depth)
}

fn iterations(call: &Call<'_>, project: &Project, depth: usize) -> Value {
    let first = project.sprints.first().map_or(0, |sprint| sprint.node);
    let root =
        node(call, project, "iteration", (first - first % 100 + 1, project.iteration_id), project.name);
    let child = |sprint: &super::super::organisation::Sprint| {
        let mut node = node(call, project, "iteration", (sprint.node, sprint.id), &sprint.name);
        if let Some(members) = node.as_object_mut() {
            let attributes =
                json!({ "startDate": midnight(sprint.start), "finishDate": midnight(sprint.finish) });
            members.insert("attributes".to_owned(), attributes);
        }
        node
    };
    with_children(root, project.sprints.iter().map(child).collect(), depth)
}
