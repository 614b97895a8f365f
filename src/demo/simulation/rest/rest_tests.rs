//! What the simulated API answers, held against small expectations of our own and against the published answers.

use std::path::Path;

use super::*;
use crate::demo::simulation::item::Event;
use crate::demo::simulation::model::tests::{NOW, organisation};
use crate::demo::simulation::process::ItemRank;
use crate::domain::time::Timestamp;

const WEB: &str = "/fabrikam/Fabrikam%20Fiber/Web/_apis";

fn get(model: &Model, path: &str) -> Answer {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    answer(model, "GET", path, query, b"")
}

fn ok(model: &Model, path: &str) -> Value {
    let answer = get(model, path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

fn post(model: &Model, path: &str, body: &Value) -> Answer {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    answer(model, "POST", path, query, body.to_string().as_bytes())
}

fn current(model: &Model) -> String {
    let list = ok(model, &format!("{WEB}/work/teamsettings/iterations?api-version=7.1"));
    let mut sprints = list["value"].as_array().unwrap().iter();
    let current = sprints.find(|sprint| sprint["attributes"]["timeFrame"] == "current").unwrap();
    current["id"].as_str().unwrap().to_owned()
}

fn names(list: &Value, key: &str) -> Vec<String> {
    let values = list["value"].as_array().unwrap();
    values.iter().map(|value| value[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn projects_and_teams_are_listed_page_by_page_and_found_by_name_or_id() {
    let (model, _) = organisation(1);
    let projects = ok(&model, "/fabrikam/_apis/projects?stateFilter=wellFormed&$top=100");
    assert_eq!(names(&projects, "name"), ["Fabrikam Fiber", "Contoso Clinic"]);
    assert_eq!(names(&ok(&model, "/_apis/projects?$top=1&$skip=1"), "name"), ["Contoso Clinic"]);
    let id = projects["value"][0]["id"].as_str().unwrap();
    let teams = ok(&model, &format!("/fabrikam/_apis/projects/{id}/teams"));
    assert_eq!(names(&teams, "name"), ["Web", "Mobile Apps"]);
    assert_eq!(teams, ok(&model, "/_apis/projects/fabrikam%20fiber/teams"));
}

#[test]
fn sprints_are_past_current_and_future_and_their_dates_are_dates() {
    let (model, _) = organisation(1);
    let all = ok(&model, &format!("{WEB}/work/teamsettings/iterations"));
    let frames: Vec<&str> = all["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sprint| sprint["attributes"]["timeFrame"].as_str().unwrap())
        .collect();
    assert_eq!(frames, ["past", "past", "past", "past", "past", "past", "current", "future"]);
    let sprint = &all["value"][6];
    assert_eq!(sprint["path"], "Fabrikam Fiber\\Sprint 7");
    assert!(sprint["attributes"]["startDate"].as_str().unwrap().ends_with("T00:00:00Z"));
    assert_eq!(sprint["id"], current(&model));
}

#[test]
fn a_team_without_sprints_has_an_empty_list_and_no_default() {
    let (mut model, _) = organisation(1);
    model.organisation.projects[0].teams[0].sprints.clear();
    assert_eq!(ok(&model, &format!("{WEB}/work/teamsettings/iterations"))["count"], 0);
    assert_eq!(ok(&model, &format!("{WEB}/work/teamsettings"))["defaultIteration"], Value::Null);
}

#[test]
fn the_current_sprint_follows_the_clock() {
    let (model, hand) = organisation(1);
    let before = current(&model);
    hand.fetch_add(14 * 86_400_000, std::sync::atomic::Ordering::Relaxed);
    assert_ne!(current(&model), before);
}

#[test]
fn capacities_and_days_off_have_the_shape_of_version_7_1() {
    let (model, _) = organisation(1);
    let sprint = format!("{WEB}/work/teamsettings/iterations/{}", current(&model));
    let capacities = ok(&model, &format!("{sprint}/capacities"));
    assert_eq!(capacities["teamMembers"].as_array().unwrap().len(), 4);
    assert_eq!(capacities["totalCapacityPerDay"], 21.0);
    assert_eq!(capacities["totalDaysOff"], 1);
    assert_eq!(capacities["teamMembers"][0]["activities"][0]["capacityPerDay"], 6.0);
    let days_off = ok(&model, &format!("{sprint}/teamdaysoff"));
    assert_eq!(days_off["daysOff"].as_array().unwrap().len(), 1);
    assert_eq!(get(&model, &format!("{WEB}/work/teamsettings/iterations/nonsense/capacities")).status, 404);
}

#[test]
fn the_processes_differ_in_types_states_and_fields() {
    let (model, _) = organisation(1);
    let scrum = ok(&model, &format!("{WEB}/work/backlogconfiguration"));
    let agile = ok(&model, "/Contoso%20Clinic/Clinic/_apis/work/backlogconfiguration");
    let effort = |configuration: &Value| configuration["backlogFields"]["typeFields"]["Effort"].clone();
    assert_eq!(effort(&scrum), "Microsoft.VSTS.Scheduling.Effort");
    assert_eq!(effort(&agile), "Microsoft.VSTS.Scheduling.StoryPoints");
    let types = |level: &Value| -> Vec<String> {
        level["workItemTypes"].as_array().unwrap().iter().map(|name| name["name"].to_string()).collect()
    };
    assert_eq!(types(&scrum["requirementBacklog"]), ["\"Product Backlog Item\"", "\"Bug\""]);
    assert_eq!(types(&agile["taskBacklog"]), ["\"Task\"", "\"Bug\""]);
    let states = |name: &str| ok(&model, &format!("/Contoso%20Clinic/_apis/wit/workitemtypes/{name}/states"));
    let category = |states: Value| -> String {
        let values = states["value"].as_array().unwrap();
        let resolved = values.iter().find(|state| state["name"] == "Resolved").unwrap();
        resolved["category"].as_str().unwrap().to_owned()
    };
    assert_eq!(category(states("Bug")), "Resolved");
    assert_eq!(category(states("User%20Story")), "InProgress");
    let categories = ok(&model, "/Contoso%20Clinic/_apis/wit/workitemtypecategories");
    assert!(names(&categories, "referenceName").contains(&"Microsoft.BugCategory".to_owned()));
}

#[test]
fn areas_have_children_to_the_depth_that_is_asked_for_and_paths_with_one_more_segment() {
    let (model, _) = organisation(1);
    let shallow = ok(&model, "/Fabrikam%20Fiber/_apis/wit/classificationnodes/Areas");
    assert_eq!((shallow["hasChildren"].clone(), shallow.get("children")), (json!(true), None));
    let areas = ok(&model, "/Fabrikam%20Fiber/_apis/wit/classificationnodes/areas?$depth=1");
    assert_eq!(areas["children"][1]["name"], "Mobile Apps");
    assert_eq!(areas["children"][1]["path"], "\\Fabrikam Fiber\\Area\\Mobile Apps");
}

#[test]
fn the_sprints_items_can_be_fetched_in_batches_of_200() {
    let (model, _) = organisation(1);
    let path = format!("{WEB}/work/teamsettings/iterations/{}/workitems", current(&model));
    let relations = ok(&model, &path)["workItemRelations"].clone();
    let ids: Vec<Value> = relations.as_array().unwrap().iter().map(|of| of["target"]["id"].clone()).collect();
    assert!(ids.len() > 15, "{}", ids.len());
    let body = json!({ "ids": ids, "fields": ["System.Id", "System.State"], "errorPolicy": "omit" });
    let batch = post(&model, "/fabrikam/_apis/wit/workitemsbatch", &body).body;
    assert_eq!(batch["count"], ids.len());
    assert_eq!(batch["value"][0]["fields"].as_object().unwrap().len(), 2);
    let many = json!({ "ids": vec![1; 201] });
    assert_eq!(post(&model, "/_apis/wit/workitemsbatch", &many).status, 400);
}

#[test]
fn what_is_in_the_recycle_bin_is_null_in_a_batch_that_omits_and_fails_one_that_does_not() {
    let (mut model, _) = organisation(1);
    model.change(5, Event::Deleted, Timestamp::from_epoch_ms(NOW), 0, |_| {}).unwrap();
    let body = |policy: &str| json!({ "ids": [5, 6, 999_999], "errorPolicy": policy });
    let omitted = post(&model, "/_apis/wit/workitemsbatch", &body("omit"));
    assert_eq!((&omitted.body["value"][0], &omitted.body["value"][2]), (&Value::Null, &Value::Null));
    assert_eq!(omitted.body["value"][1]["id"], 6);
    assert_eq!(post(&model, "/_apis/wit/workitemsbatch", &body("fail")).status, 404);
}

#[test]
fn an_item_has_all_its_revisions() {
    let (model, _) = organisation(1);
    let task = model.items().values().find(|item| item.item_type.level == ItemRank::Task).unwrap();
    let revisions = ok(&model, &format!("/_apis/wit/workItems/{}/revisions", task.id));
    assert_eq!(revisions["count"], task.newest().rev);
    assert!(revisions["value"][0]["fields"]["System.AssignedTo"]["id"].is_string());
    let page = ok(&model, &format!("/_apis/wit/workItems/{}/revisions?$top=1&$skip=1", task.id));
    assert_eq!((&page["count"], &page["value"][0]["rev"]), (&json!(1), &json!(2)));
}

#[test]
fn what_is_unknown_is_404_in_the_shape_of_azure_devops() {
    let (model, _) = organisation(1);
    for path in [
        "/",
        "/fabrikam",
        "/_apis/nonsense",
        "/Nowhere/_apis/work/teamsettings",
        "/Fabrikam%20Fiber/Nobody/_apis/work/teamsettings",
    ] {
        let answer = get(&model, path);
        assert_eq!(answer.status, 404, "{path}");
        for member in ["$id", "innerException", "message", "typeName", "typeKey", "errorCode", "eventId"] {
            assert!(answer.body.get(member).is_some(), "{path}: {member}");
        }
    }
    assert_eq!(answer(&model, "POST", "/_apis/projects", "", b"").status, 404);
}

/// The body of a published answer, where the published answers lie beside the checkout.
fn published(name: &str) -> Option<Value> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("shared");
    let folder = beside.join("azure-devops").join("rest");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).ok()?;
    let file: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    Some(file["responses"]["200"]["body"].clone())
}

/// Every member of `theirs`, and of the first element of each list in it, is in `ours`, apart from `without`.
fn compare(name: &str, theirs: &Value, ours: &Value, without: &[&str]) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (member, value) in theirs.iter().filter(|(member, _)| !without.contains(&member.as_str())) {
                let own = ours.get(member).unwrap_or_else(|| panic!("{name}: there is no `{member}`"));
                if let (Value::Array(theirs), Value::Array(own)) = (value, own)
                    && let (Some(theirs), Some(own)) = (theirs.first(), own.first())
                {
                    compare(&format!("{name}.{member}"), theirs, own, without);
                }
            }
        }
        (Value::String(_) | Value::Number(_), _) => {}
        (theirs, ours) => panic!("{name}: {theirs} is not like {ours}"),
    }
}

#[test]
fn answers_have_the_members_that_published_answers_have() {
    let (model, _) = organisation(1);
    let sprint = format!("{WEB}/work/teamsettings/iterations/{}", current(&model));
    let none: &[&str] = &[];
    let calls = [
        ("projects-list", "/_apis/projects".to_owned(), none),
        ("teams-list", "/_apis/projects/Fabrikam%20Fiber/teams".to_owned(), none),
        // The published list is called `values`, against the contract.
        ("team-iterations-current", format!("{WEB}/work/teamsettings/iterations"), &["values"]),
        ("teamsettings", format!("{WEB}/work/teamsettings"), none),
        ("teamfieldvalues", format!("{WEB}/work/teamsettings/teamfieldvalues"), none),
        ("backlogconfiguration", format!("{WEB}/work/backlogconfiguration"), none),
        // The published answer is of an older version, in which members were a list.
        ("iteration-capacities", format!("{sprint}/capacities"), &["count", "value"]),
        ("iteration-teamdaysoff-nonempty", format!("{sprint}/teamdaysoff"), none),
        ("iteration-workitems", format!("{sprint}/workitems"), none),
        ("workitem-revisions-list", "/_apis/wit/workitems/6/revisions".to_owned(), none),
        ("workitemtype-states", "/Fabrikam%20Fiber/_apis/wit/workitemtypes/Bug/states".to_owned(), none),
        (
            "workitemtypecategories-list",
            "/Fabrikam%20Fiber/_apis/wit/workitemtypecategories".to_owned(),
            none,
        ),
    ];
    for (name, path, without) in calls {
        if let Some(theirs) = published(name) {
            compare(name, &theirs, &ok(&model, &path), without);
        }
    }
    if let Some(batch) = published("workitemsbatch") {
        let ours = post(&model, "/_apis/wit/workitemsbatch", &json!({ "ids": [1] })).body;
        compare("workitemsbatch", &batch, &ours, &[]);
    }
}
