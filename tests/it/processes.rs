//! Teams of every published process, of an inherited one and of one that a server's administrator wrote: from what Azure
//! DevOps answers about types, states and backlogs to the numbers of the board. Nothing is known of a process but what
//! these answers say.

use std::time::Duration;

use boardcast::demo::simulation::organisation::Project;
use boardcast::domain::wire::event::Cause;
use serde_json::{Map, Value, json};

use crate::support::eventually;
use crate::support::organisation::{Answer, SimulatedFailure};
use crate::support::source::Organization;

const WEB: &str = "/api/snapshot?project=Fabrikam%20Fiber&team=Web";

const POINTS: &str = "Microsoft.VSTS.Scheduling.StoryPoints";
const EFFORT: &str = "Microsoft.VSTS.Scheduling.Effort";
const SIZE: &str = "Microsoft.VSTS.Scheduling.Size";
const HOURS: &str = "Microsoft.VSTS.Scheduling.RemainingWork";

const REQUIREMENT: &str = "Microsoft.RequirementCategory";
const TASK: &str = "Microsoft.TaskCategory";
const BUG: &str = "Microsoft.BugCategory";
const EPIC: &str = "Microsoft.EpicCategory";
const NONE: &str = "";

struct Type {
    name: &'static str,
    /// The category of types, which is the backlog too where it is none of bugs.
    category: &'static str,
    /// Each state and its category.
    states: &'static [(&'static str, &'static str)],
    /// The fields that it has beside those that every type has.
    fields: &'static [&'static str],
}

/// An item: its type, its state, and a field with a number.
type Item = (&'static str, &'static str, Option<(&'static str, f64)>);

struct Process {
    name: &'static str,
    /// What the backlog configuration names as the fields of effort and of remaining work.
    effort: Option<&'static str>,
    hours: &'static str,
    bugs: &'static str,
    /// Whether the list of types tells their states and fields; a server may not.
    lists_states: bool,
    types: &'static [Type],
    items: &'static [Item],
    /// Items in all, completed, in progress and without estimate; points in all and completed; open bugs; hours left.
    expected: [Option<f64>; 8],
}

const NUMBERS: [&str; 8] = [
    "items.total",
    "items.completed",
    "items.wip",
    "items.unestimated",
    "points.total",
    "points.completed",
    "bugs.open",
    "hours.remaining",
];

const OF_AGILE: &[(&str, &str)] = &[
    ("New", "Proposed"),
    ("Active", "InProgress"),
    ("Resolved", "Resolved"),
    ("Closed", "Completed"),
    ("Removed", "Removed"),
];
const OF_SCRUM: &[(&str, &str)] = &[
    ("New", "Proposed"),
    ("Approved", "Proposed"),
    ("Committed", "InProgress"),
    ("Done", "Completed"),
    ("Removed", "Removed"),
];
const OF_TASKS: &[(&str, &str)] =
    &[("To Do", "Proposed"), ("In Progress", "InProgress"), ("Done", "Completed"), ("Removed", "Removed")];
const OF_BASIC: &[(&str, &str)] = &[("To Do", "Proposed"), ("Doing", "InProgress"), ("Done", "Completed")];
const OF_CMMI: &[(&str, &str)] =
    &[("Proposed", "Proposed"), ("Active", "InProgress"), ("Resolved", "Resolved"), ("Closed", "Completed")];
/// As an inherited process may have them: of its own beside those that are hidden.
const OF_WORKSHOP: &[(&str, &str)] = &[
    ("New", "Proposed"),
    ("In the workshop", "InProgress"),
    ("Sold", "Completed"),
    ("Melted down", "Removed"),
];
const OF_OWN: &[(&str, &str)] =
    &[("Neu", "Proposed"), ("In Arbeit", "InProgress"), ("Fertig", "Completed"), ("Verworfen", "Removed")];

const AGILE: Process = Process {
    name: "Agile",
    effort: Some(POINTS),
    hours: HOURS,
    bugs: "asTasks",
    lists_states: true,
    types: &[
        Type { name: "Feature", category: EPIC, states: OF_AGILE, fields: &[EFFORT] },
        Type { name: "User Story", category: REQUIREMENT, states: OF_AGILE, fields: &[POINTS] },
        Type { name: "Bug", category: BUG, states: OF_AGILE, fields: &[POINTS, HOURS] },
        Type { name: "Task", category: TASK, states: OF_AGILE, fields: &[HOURS] },
    ],
    items: &[
        ("User Story", "New", Some((POINTS, 3.0))),
        ("User Story", "Resolved", Some((POINTS, 5.0))),
        ("User Story", "Closed", Some((POINTS, 8.0))),
        ("User Story", "Removed", Some((POINTS, 13.0))),
        ("User Story", "Active", None),
        ("Bug", "Active", Some((HOURS, 1.5))),
        ("Task", "Active", Some((HOURS, 4.0))),
        ("Feature", "Active", Some((EFFORT, 40.0))),
    ],
    expected: [Some(4.0), Some(1.0), Some(2.0), Some(1.0), Some(16.0), Some(8.0), Some(1.0), Some(5.5)],
};

const SCRUM: Process = Process {
    name: "Scrum",
    effort: Some(EFFORT),
    bugs: "asRequirements",
    types: &[
        Type { name: "Product Backlog Item", category: REQUIREMENT, states: OF_SCRUM, fields: &[EFFORT] },
        Type { name: "Bug", category: BUG, states: OF_SCRUM, fields: &[EFFORT, HOURS] },
        Type { name: "Task", category: TASK, states: OF_TASKS, fields: &[HOURS] },
    ],
    items: &[
        ("Product Backlog Item", "New", Some((EFFORT, 3.0))),
        ("Product Backlog Item", "Committed", Some((EFFORT, 5.0))),
        ("Product Backlog Item", "Done", Some((EFFORT, 8.0))),
        ("Product Backlog Item", "Removed", Some((EFFORT, 1.0))),
        ("Bug", "Committed", Some((EFFORT, 2.0))),
        ("Bug", "Approved", None),
        ("Task", "In Progress", Some((HOURS, 4.0))),
        ("Task", "Done", None),
    ],
    expected: [Some(5.0), Some(1.0), Some(2.0), Some(1.0), Some(18.0), Some(8.0), Some(2.0), Some(4.0)],
    ..AGILE
};

/// It has no category of bugs.
const BASIC: Process = Process {
    name: "Basic",
    effort: Some(EFFORT),
    bugs: "off",
    types: &[
        Type { name: "Epic", category: EPIC, states: OF_BASIC, fields: &[] },
        Type { name: "Issue", category: REQUIREMENT, states: OF_BASIC, fields: &[EFFORT] },
        Type { name: "Task", category: TASK, states: OF_BASIC, fields: &[HOURS] },
    ],
    items: &[
        ("Issue", "To Do", Some((EFFORT, 3.0))),
        ("Issue", "Doing", None),
        ("Issue", "Done", Some((EFFORT, 2.0))),
        ("Task", "Doing", Some((HOURS, 2.0))),
        ("Epic", "Doing", None),
    ],
    expected: [Some(3.0), Some(1.0), Some(1.0), Some(1.0), Some(5.0), Some(2.0), None, Some(2.0)],
    ..AGILE
};

const WITHOUT_EFFORT: Process = Process {
    name: "Basic, estimating in no field",
    effort: None,
    expected: [Some(3.0), Some(1.0), Some(1.0), None, None, None, None, Some(2.0)],
    ..BASIC
};

/// Its bugs have no size, and change requests are on no backlog.
const CMMI: Process = Process {
    name: "CMMI",
    effort: Some(SIZE),
    bugs: "asRequirements",
    types: &[
        Type { name: "Requirement", category: REQUIREMENT, states: OF_CMMI, fields: &[SIZE] },
        Type { name: "Bug", category: BUG, states: OF_CMMI, fields: &[HOURS] },
        Type { name: "Change Request", category: NONE, states: OF_CMMI, fields: &[HOURS] },
        Type { name: "Task", category: TASK, states: OF_CMMI, fields: &[HOURS] },
    ],
    items: &[
        ("Requirement", "Proposed", Some((SIZE, 5.0))),
        ("Requirement", "Active", None),
        ("Requirement", "Closed", Some((SIZE, 3.0))),
        ("Requirement", "Resolved", Some((SIZE, 1.0))),
        ("Bug", "Active", None),
        ("Change Request", "Active", None),
        ("Task", "Active", Some((HOURS, 6.0))),
    ],
    expected: [Some(5.0), Some(1.0), Some(3.0), Some(1.0), Some(9.0), Some(3.0), Some(1.0), Some(6.0)],
    ..AGILE
};

/// A type of its own on the backlog of stories, which has no story points; a portfolio level and states of its own.
const INHERITED: Process = Process {
    name: "inherited from Agile",
    bugs: "off",
    types: &[
        Type { name: "Initiative", category: "Custom.5a1f7c20", states: OF_WORKSHOP, fields: &[POINTS] },
        Type { name: "User Story", category: REQUIREMENT, states: OF_WORKSHOP, fields: &[POINTS] },
        Type { name: "Complaint", category: REQUIREMENT, states: OF_AGILE, fields: &[] },
        Type { name: "Bug", category: BUG, states: OF_AGILE, fields: &[POINTS, HOURS] },
        Type { name: "Task", category: TASK, states: OF_AGILE, fields: &[HOURS] },
    ],
    items: &[
        ("User Story", "In the workshop", Some((POINTS, 5.0))),
        ("User Story", "Sold", Some((POINTS, 3.0))),
        ("User Story", "Melted down", Some((POINTS, 8.0))),
        ("User Story", "New", None),
        ("Complaint", "Active", None),
        ("Bug", "Active", Some((POINTS, 2.0))),
        ("Task", "Active", Some((HOURS, 3.0))),
        ("Initiative", "In the workshop", Some((POINTS, 100.0))),
    ],
    expected: [Some(4.0), Some(1.0), Some(2.0), Some(1.0), Some(8.0), Some(3.0), Some(1.0), Some(3.0)],
    ..AGILE
};

/// Every name is its own, also those of fields, and its server tells the states of a type by themselves alone.
const OWN: Process = Process {
    name: "written by an administrator",
    effort: Some("Custom.Aufwand"),
    hours: "Custom.Rest",
    lists_states: false,
    types: &[
        Type { name: "Anforderung", category: REQUIREMENT, states: OF_OWN, fields: &["Custom.Aufwand"] },
        Type { name: "Fehler", category: BUG, states: OF_OWN, fields: &["Custom.Rest"] },
        Type { name: "Aufgabe", category: TASK, states: OF_OWN, fields: &["Custom.Rest"] },
    ],
    items: &[
        ("Anforderung", "Neu", Some(("Custom.Aufwand", 2.5))),
        ("Anforderung", "In Arbeit", None),
        ("Anforderung", "Fertig", Some(("Custom.Aufwand", 4.0))),
        ("Anforderung", "Verworfen", Some(("Custom.Aufwand", 9.0))),
        ("Aufgabe", "In Arbeit", Some(("Custom.Rest", 7.0))),
        ("Fehler", "In Arbeit", Some(("Custom.Rest", 1.0))),
    ],
    expected: [Some(3.0), Some(1.0), Some(1.0), Some(1.0), Some(6.5), Some(4.0), Some(1.0), Some(8.0)],
    ..AGILE
};

fn named(of: &Type) -> Value {
    json!({ "name": of.name, "url": format!("https://dev.azure.com/x/_apis/wit/workItemTypes/{}", of.name) })
}

fn states(of: &Type) -> Value {
    let state =
        |(name, category): &(&str, &str)| json!({ "name": name, "color": "b2b2b2", "category": category });
    of.states.iter().map(state).collect()
}

fn list(values: Vec<Value>) -> Value {
    json!({ "count": values.len(), "value": values })
}

impl Process {
    fn types(&self) -> Value {
        let told = |of: &Type| {
            let fields = ["System.Title", "System.State"].into_iter().chain(of.fields.iter().copied());
            let fields: Vec<Value> = fields.map(|name| json!({ "referenceName": name })).collect();
            let mut told = named(of);
            if self.lists_states {
                (told["states"], told["fields"]) = (states(of), json!(fields));
            }
            told
        };
        list(self.types.iter().map(told).collect())
    }

    fn of_category(&self, category: &str) -> Vec<Value> {
        self.types.iter().filter(|of| of.category == category).map(named).collect()
    }

    fn categories(&self) -> Value {
        let mut names: Vec<&str> = self.types.iter().map(|of| of.category).collect();
        names.retain(|name| *name != NONE);
        names.sort_unstable();
        names.dedup();
        let category = |name: &&str| json!({ "referenceName": name, "workItemTypes": self.of_category(name), "name": name });
        list(names.iter().map(category).collect())
    }

    fn backlogs(&self) -> Value {
        let level = |category: &str| json!({ "id": category, "workItemTypes": self.of_category(category) });
        let is_of_portfolio = |of: &&Type| ![REQUIREMENT, TASK, BUG, NONE].contains(&of.category);
        let portfolio: Vec<Value> =
            self.types.iter().filter(is_of_portfolio).map(|of| level(of.category)).collect();
        // The map has the states of what is on a backlog, without those in the category Removed.
        let mapped = |of: &Type| {
            let states = of.states.iter().filter(|(_, category)| *category != "Removed");
            let states: Map<String, Value> =
                states.map(|(name, category)| ((*name).to_owned(), json!(category))).collect();
            json!({ "workItemTypeName": of.name, "states": states })
        };
        let on_map = self.types.iter().filter(|of| of.category != NONE);
        let mut fields = json!({ "Order": "Microsoft.VSTS.Common.StackRank", "RemainingWork": self.hours });
        if let Some(effort) = self.effort {
            fields["Effort"] = json!(effort);
        }
        json!({
            "taskBacklog": level(TASK),
            "requirementBacklog": level(REQUIREMENT),
            "portfolioBacklogs": portfolio,
            "workItemTypeMappedStates": on_map.map(mapped).collect::<Vec<_>>(),
            "backlogFields": { "typeFields": fields },
            "bugsBehavior": self.bugs,
        })
    }

    fn items(&self, project: &Project, sprint: &str) -> Vec<Value> {
        let item = |(id, (of, state, number)): (u32, &Item)| {
            let mut fields = json!({
                "System.Id": id, "System.Rev": 1, "System.Title": format!("{of} {id}"), "System.WorkItemType": of,
                "System.State": state, "System.TeamProject": project.name, "System.IterationPath": sprint,
                "System.AreaPath": project.teams[0].area_path, "System.CreatedDate": "2026-11-20T08:00:00Z",
                "System.ChangedDate": "2026-11-24T08:00:00Z",
            });
            if let Some((field, number)) = number {
                fields[*field] = json!(number);
            }
            json!({ "id": id, "rev": 1, "fields": fields })
        };
        (1..).zip(self.items).map(item).collect()
    }

    /// An organisation of one team that works so.
    async fn organization(&self) -> Organization {
        let organization = Organization::with(|model| {
            model.organisation.projects.truncate(1);
            model.organisation.projects[0].teams.truncate(1);
        })
        .await;
        let items = organization.model(|model| {
            let project = &model.organisation.projects[0];
            let sprint = project.current_sprint(&project.teams[0], model.today()).unwrap();
            self.items(project, &sprint.path)
        });
        let in_sprint: Vec<Value> = items
            .iter()
            .map(|item| json!({ "rel": null, "source": null, "target": { "id": item["id"] } }))
            .collect();
        let mut answers = vec![
            ("GET wit/workitemtypes".to_owned(), self.types()),
            ("GET wit/workitemtypecategories".to_owned(), self.categories()),
            ("GET work/backlogconfiguration".to_owned(), self.backlogs()),
            (
                "GET work/teamsettings/iterations/*/workitems".to_owned(),
                json!({ "workItemRelations": in_sprint }),
            ),
            ("POST wit/workitemsbatch".to_owned(), list(items.clone())),
            (
                "GET wit/reporting/workitemrevisions".to_owned(),
                json!({ "values": items, "continuationToken": "8", "isLastBatch": true }),
            ),
        ];
        for of in self.types {
            answers.push((
                format!("GET wit/workitemtypes/{}/states", of.name),
                list(states(of).as_array().unwrap().clone()),
            ));
        }
        for (route, body) in answers {
            let answer = Answer { status: 200, headers: Vec::new(), body };
            organization.fail_on(&route, SimulatedFailure::Instead(answer)).await;
        }
        organization
    }
}

#[tokio::test]
async fn o4_the_numbers_of_a_board_are_right_whatever_process_its_team_follows() {
    for process in [AGILE, SCRUM, BASIC, WITHOUT_EFFORT, CMMI, INHERITED, OWN] {
        let organization = process.organization().await;
        let app = organization.builder().start().await;
        eventually("the board is not full", async || app.get(WEB).await.json()["level"] == "full").await;
        let board = app.get(WEB).await.json();
        assert_eq!(board["items"].as_array().unwrap().len(), process.items.len(), "{}", process.name);
        for (id, expected) in NUMBERS.into_iter().zip(process.expected) {
            let metric = &board["metrics"][id];
            assert_eq!(metric["value"].as_f64(), expected, "{}: {id}: {metric}", process.name);
            assert_eq!(metric["reason"].is_string(), expected.is_none(), "{}: {id}: {metric}", process.name);
        }
        for item in board["items"].as_array().unwrap() {
            let of = process.types.iter().find(|of| item["type"] == of.name).unwrap();
            let (_, category) = of.states.iter().find(|(name, _)| item["state"] == *name).unwrap();
            assert_eq!(item["stateCategory"], *category, "{}: {item}", process.name);
        }
    }
}

#[tokio::test]
async fn o4_f17_what_was_known_of_a_process_is_not_lost_when_it_cannot_be_read_later() {
    let organization = CMMI.organization().await;
    let app = organization.builder().start().await;
    eventually("the board is not full", async || app.get(WEB).await.json()["level"] == "full").await;
    let before = app.get(WEB).await.json()["metrics"].clone();
    // Longer than each is fresh.
    for (route, time) in [
        ("GET wit/workitemtypes", Duration::from_hours(25)),
        ("GET work/backlogconfiguration", Duration::from_mins(31)),
    ] {
        let body = json!({ "message": "VS0: a planned fault", "typeKey": "PlannedFault" });
        let refused = Answer { status: 500, headers: Vec::new(), body };
        organization.fail_on(route, SimulatedFailure::Instead(refused)).await;
        for time in [time, Duration::from_mins(31)] {
            organization.clock.advance(time);
            app.app.source.clone().unwrap().check(Cause::Timer).await;
        }
        app.settled().await;
        let after = app.get(WEB).await.json()["metrics"].clone();
        for id in ["items.total", "items.unestimated", "points.total", "bugs.open"] {
            assert_eq!(after[id]["value"], before[id]["value"], "{route}: {id}: {}", after[id]);
        }
    }
}

/// A hook of revision `rev` of an item, which changed one field.
fn hook(organization: &Organization, item: &Value, rev: u32, field: &str, value: Value) -> Value {
    let project = organization.model(|model| model.organisation.projects[0].id);
    let mut revision = item.clone();
    (revision["rev"], revision["fields"]["System.Rev"]) = (json!(rev), json!(rev));
    revision["fields"]["System.ChangedDate"] = json!(format!("2026-11-25T20:{rev:02}:00Z"));
    revision["fields"][field] = value.clone();
    json!({
        "eventType": "workitem.updated",
        "resource": {
            "id": rev, "workItemId": item["id"], "rev": rev, "revision": revision,
            "fields": { field: { "newValue": value } },
        },
        "resourceContainers": { "project": { "id": project } },
        "createdDate": format!("2026-11-25T20:{rev:02}:01Z"),
    })
}

#[tokio::test]
async fn o5_an_item_is_blocked_by_what_the_setting_says_and_the_board_tells_by_what() {
    let organization = CMMI.organization().await;
    let mut items = organization.model(|model| {
        let project = &model.organisation.projects[0];
        CMMI.items(project, &project.current_sprint(&project.teams[0], model.today()).unwrap().path)
    });
    items[0]["fields"]["System.Tags"] = json!("ui; stuck");
    items[1]["fields"]["Custom.OnHold"] = json!(true);
    // It is closed, and so does not count.
    items[2]["fields"]["System.BoardColumn"] = json!("Waiting");
    items[3]["fields"]["System.BoardColumn"] = json!("waiting");
    items[4]["fields"]["System.Tags"] = json!("Blocked");
    let feed = json!({ "values": items, "continuationToken": "8", "isLastBatch": true });
    for (route, body) in
        [("POST wit/workitemsbatch", list(items.clone())), ("GET wit/reporting/workitemrevisions", feed)]
    {
        let answer = Answer { status: 200, headers: Vec::new(), body };
        organization.fail_on(route, SimulatedFailure::Instead(answer)).await;
    }
    let own = "tag:Stuck, field:Custom.OnHold=Yes, column:Waiting";
    for (setting, expected, count) in [
        (
            own,
            [
                Some("tag Stuck"),
                Some("field Custom.OnHold"),
                Some("column Waiting"),
                Some("column Waiting"),
                None,
            ],
            3,
        ),
        ("", [None, None, None, None, Some("tag Blocked")], 1),
    ] {
        let app = organization.builder().setting("BOARDCAST_BLOCKED_BY", setting).start().await;
        eventually("the board is not full", async || app.get(WEB).await.json()["level"] == "full").await;
        let blocked = async || {
            let board = app.get(WEB).await.json();
            let mut items = board["items"].as_array().unwrap().clone();
            items.sort_by_key(|item| item["id"].as_u64());
            items
                .iter()
                .for_each(|item| assert_eq!(item["blocked"], item["blockedBy"].is_string(), "{item}"));
            items.iter().map(|item| item["blockedBy"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(blocked().await[..5], expected.map(|by| json!(by)), "{setting}");
        app.quiet().await;
        assert_eq!(app.get(WEB).await.json()["metrics"]["items.blocked"]["value"], count, "{setting}");
        if setting != own {
            continue;
        }
        let explained = app.get(&format!("{WEB}&explain=items.blocked")).await.json().to_string();
        for why in ["blocked by a tag", "blocked by a field", "blocked by its column on the board"] {
            assert!(explained.contains(why), "{explained}");
        }
        let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
        reader.next_of("snapshot").await;
        for (rev, field, value, old, by) in [
            (2, "Custom.OnHold", json!(true), Value::Null, json!("field Custom.OnHold")),
            (3, "System.BoardColumn", json!("Waiting"), Value::Null, json!("column Waiting")),
        ] {
            app.hook(&hook(&organization, &items[4], rev, field, value.clone())).await;
            let told = reader.next_of("workitem_changed").await;
            assert_eq!((&told["item"]["blocked"], &told["item"]["blockedBy"]), (&json!(true), &by), "{told}");
            let new = if value.is_boolean() { json!("Yes") } else { value };
            assert_eq!(told["fields"][field], json!({ "old": old, "new": new }), "{told}");
        }
        assert_eq!(blocked().await[4], json!("column Waiting"));
    }
}
