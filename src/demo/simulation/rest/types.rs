//! Types of work items, their states and categories, and the tree of areas.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::fields::type_fields;
use super::super::organisation::{Project, Team};
use super::super::process::{ItemRank, ItemType};
use super::{Answered, Call, list, not_found};
use crate::domain::sprint::catalogue::{BugsBehaviour, StateCategory};

pub(super) fn states(project: &Project, name: &str) -> Answered {
    let item_type = project.process.existing_types().find(|known| known.name.eq_ignore_ascii_case(name));
    let item_type = item_type.ok_or_else(|| {
        let text = format!("VS402323: Work item type {name} does not exist in project {}.", project.name);
        not_found("WorkItemTypeNotFoundException", &text)
    })?;
    Ok(list(item_type.states.iter().map(|state| json!(state)).collect()))
}

/// The work item types of a project, with their fields and states.
pub(super) fn types(call: &Call<'_>, project: &Project) -> Value {
    let field =
        |name: &str| json!({ "referenceName": name, "alwaysRequired": false, "url": call.field_url(name) });
    let item_type = |item_type: &ItemType| {
        let estimate = match item_type.level {
            ItemRank::Requirement | ItemRank::Bug => Some(project.process.effort_field),
            ItemRank::Epic | ItemRank::Feature | ItemRank::Task => None,
        };
        let fields =
            ["System.Title", "System.State", "Microsoft.VSTS.Common.Priority"].into_iter().chain(estimate);
        let fields: Vec<Value> = fields.map(field).collect();
        let mut of = type_reference(call, project, item_type);
        if let Some(members) = of.as_object_mut() {
            members.insert("isDisabled".to_owned(), json!(false));
            members.insert("xmlForm".to_owned(), json!("<FORM />"));
            members.insert("fields".to_owned(), json!(fields));
            members.insert("fieldInstances".to_owned(), json!(fields));
            members.insert("states".to_owned(), json!(item_type.states));
        }
        of
    };
    list(project.process.existing_types().map(item_type).collect())
}

pub(super) fn categories(call: &Call<'_>, project: &Project) -> Value {
    let category = |item_type: &ItemType| {
        let reference_name = item_type.level.reference_name();
        let name = reference_name.trim_start_matches("Microsoft.").trim_end_matches("Category");
        let reference = type_reference(call, project, item_type);
        json!({
            "name": format!("{name} Category"),
            "referenceName": reference_name,
            "defaultWorkItemType": reference,
            "workItemTypes": [reference],
            "url": call.url(&format!("{}/_apis/wit/workItemTypeCategories/{reference_name}", project.id)),
        })
    };
    list(project.process.existing_types().map(category).collect())
}

fn type_reference(call: &Call<'_>, project: &Project, item_type: &ItemType) -> Value {
    let name = item_type.name.replace(' ', "%20");
    let url = call.url(&format!("{}/_apis/wit/workItemTypes/{name}", project.id));
    json!({ "name": item_type.name, "url": url })
}

pub(super) fn backlog_configuration(call: &Call<'_>, project: &Project) -> Value {
    let process = project.process;
    let title =
        json!({ "referenceName": "System.Title", "name": "Title", "url": call.field_url("System.Title") });
    let level = |level: ItemRank, name: &str, rank: u32, kind: &str, color: &str| {
        let reference = |level| type_reference(call, project, process.item_type(level));
        let mut types = vec![reference(level)];
        let has_bugs = match process.bugs_behavior {
            BugsBehaviour::AsRequirements => level == ItemRank::Requirement,
            BugsBehaviour::AsTasks => level == ItemRank::Task,
            BugsBehaviour::Off => false,
        };
        if has_bugs && !process.item_type(ItemRank::Bug).states.is_empty() {
            types.push(reference(ItemRank::Bug));
        }
        json!({
            "id": level.reference_name(),
            "name": name,
            "rank": rank,
            "workItemCountLimit": 1000,
            "addPanelFields": [title],
            "columnFields": [{ "columnFieldReference": title, "width": 400 }],
            "workItemTypes": types,
            "defaultWorkItemType": reference(level),
            "color": color,
            "isHidden": level == ItemRank::Epic,
            "type": kind,
        })
    };
    // As on the service, the map lacks the category Removed.
    let mapped = |item_type: &ItemType| {
        let states = item_type.states.iter().filter(|state| state.category != StateCategory::Removed);
        let states = states.map(|state| (state.name.to_owned(), json!(state.category)));
        json!({ "workItemTypeName": item_type.name, "states": states.collect::<Map<_, _>>() })
    };
    json!({
        "taskBacklog": level(ItemRank::Task, "Tasks", 1, "task", "F2CB1D"),
        "requirementBacklog": level(ItemRank::Requirement, process.requirements, 2, "requirement", "009CCC"),
        "portfolioBacklogs": [
            level(ItemRank::Feature, "Features", 3, "portfolio", "773B93"),
            level(ItemRank::Epic, "Epics", 4, "portfolio", "FF7B00"),
        ],
        "workItemTypeMappedStates": process.existing_types().map(mapped).collect::<Vec<_>>(),
        "backlogFields": { "typeFields": type_fields(process) },
        "bugsBehavior": process.bugs_behavior,
        "hiddenBacklogs": [ItemRank::Epic.reference_name()],
        "isBugsBehaviorConfigured": true,
        "url": call.url(&format!("{}/_apis/work/backlogconfiguration", project.id)),
    })
}

/// The tree of areas. Its paths begin with a backslash and have a segment that the paths of items do not have.
pub(super) fn areas(call: &Call<'_>, project: &Project) -> Value {
    let root = format!("\\{}\\Area", project.name);
    let url = call.url(&format!("{}/_apis/wit/classificationNodes/Areas", project.id));
    let node = |id: u32, identifier: Uuid, name: &str, path: &str, url: &str| {
        json!({
            "id": id,
            "identifier": identifier,
            "name": name,
            "structureType": "area",
            "hasChildren": false,
            "path": path,
            "_links": { "self": { "href": url } },
            "url": url,
        })
    };
    let child = |team: &Team| {
        let url = format!("{url}/{}", team.name.replace(' ', "%20"));
        let name = team.area_path.rsplit('\\').next().unwrap_or(team.name);
        node(team.area_node, team.area_id, name, &format!("{root}\\{name}"), &url)
    };
    let mut tree = node(project.node, project.area_id, project.name, &root, &url);
    if let Some(members) = tree.as_object_mut() {
        members.insert("hasChildren".to_owned(), json!(true));
        if call.number("$depth").unwrap_or(0) > 0 {
            members.insert("children".to_owned(), project.teams.iter().map(child).collect());
        }
    }
    tree
}
