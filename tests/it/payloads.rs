//! Payloads of service hooks as four kinds of server have sent them over the years: what of them differs is the address of
//! the item, how people and dates are written, where the fields are, and what is missing.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::hooks::FABRIKAM;

/// A site, and how it writes.
struct Site {
    name: &'static str,
    /// What precedes `/_apis/` in the address of an item.
    api: &'static str,
    /// What the payload says that its collection is.
    base: Option<&'static str>,
    /// The project's name.
    project: &'static str,
    /// What the page of an item is expected to begin with.
    page: &'static str,
    resource_version: &'static str,
    /// Whom items are assigned to, as it writes people, and by which name they are shown.
    assigned_to: fn() -> Value,
    person: &'static str,
    /// A date as it writes them: 2026-11-23, 08:00 UTC.
    date: &'static str,
}

fn object() -> Value {
    json!({
        "displayName": "Mia Berg", "id": "a1d6b9c8-6f0e-4c39-9a43-0f2a0f0b7c11", "uniqueName": "mia@example.org",
        "url": "https://spsprodeus21.vssps.visualstudio.com/x/_apis/Identities/a1d6b9c8", "descriptor": "aad.x",
        "_links": { "avatar": { "href": "https://dev.azure.com/x" } }
    })
}

const SITES: &[Site] = &[
    Site {
        name: "Services, 2016",
        api: "https://fabrikam.visualstudio.com/DefaultCollection",
        base: None,
        project: "Fabrikam",
        page: "https://fabrikam.visualstudio.com/DefaultCollection/Fabrikam/",
        resource_version: "1.0",
        assigned_to: || json!("Mia Berg <mia@example.org>"),
        person: "Mia Berg",
        date: "2026-11-23T08:00:00.047Z",
    },
    Site {
        name: "Services under the old domain",
        api: "https://fabrikam.visualstudio.com/be9b3917-87e6-42a4-a549-2bc06a7a878f",
        base: Some("https://fabrikam.visualstudio.com/"),
        project: "Fabrikam",
        page: "https://fabrikam.visualstudio.com/Fabrikam/",
        resource_version: "1.0",
        assigned_to: object,
        person: "Mia Berg",
        date: "2026-11-23T08:00:00.0470000Z",
    },
    Site {
        name: "Services, 2018",
        api: "https://dev.azure.com/fabrikam/be9b3917-87e6-42a4-a549-2bc06a7a878f",
        base: Some("https://dev.azure.com/fabrikam/"),
        project: "Fabrikam Fiber",
        page: "https://dev.azure.com/fabrikam/Fabrikam%20Fiber/",
        resource_version: "5.1-preview.3",
        assigned_to: object,
        person: "Mia Berg",
        date: "2026-11-23T08:00:00Z",
    },
    Site {
        name: "Services, with the project's name",
        api: "https://dev.azure.com/fabrikam/Fabrikam%20Fiber",
        base: Some("https://dev.azure.com/fabrikam/"),
        project: "Fabrikam Fiber",
        page: "https://dev.azure.com/fabrikam/Fabrikam%20Fiber/",
        resource_version: "7.1-preview.3",
        assigned_to: object,
        person: "Mia Berg",
        date: "2026-11-23T08:00:00.47Z",
    },
    Site {
        name: "Services, a project named in Japanese",
        api: "https://dev.azure.com/fabrikam/BE9B3917-87E6-42A4-A549-2BC06A7A878F",
        base: Some("https://dev.azure.com/fabrikam/"),
        project: "製品",
        page: "https://dev.azure.com/fabrikam/%E8%A3%BD%E5%93%81/",
        resource_version: "7.1",
        assigned_to: || json!("美咲 <misaki@example.org>"),
        person: "美咲",
        date: "2026-11-23T08:00:00.0000001Z",
    },
    Site {
        name: "Team Foundation Server 2018",
        api: "http://tfs.fabrikam.local:8080/tfs/DefaultCollection",
        base: None,
        project: "Fabrikam",
        page: "http://tfs.fabrikam.local:8080/tfs/DefaultCollection/Fabrikam/",
        resource_version: "1.0",
        assigned_to: || json!(r"Mia Berg <FABRIKAM\mia>"),
        person: "Mia Berg",
        date: "2026-11-23T08:00:00.047Z",
    },
    Site {
        name: "Azure DevOps Server 2019",
        api: "https://tfs.fabrikam.com/tfs/Main%20Collection/be9b3917-87e6-42a4-a549-2bc06a7a878f",
        base: Some("https://tfs.fabrikam.com/tfs/Main Collection/"),
        project: "Fabrikam",
        page: "https://tfs.fabrikam.com/tfs/Main%20Collection/Fabrikam/",
        resource_version: "5.0-preview.3",
        assigned_to: || json!({ "displayName": "Mia Berg", "uniqueName": r"FABRIKAM\mia" }),
        person: "Mia Berg",
        date: "2026-11-23T09:00:00+01:00",
    },
    Site {
        name: "Azure DevOps Server 2022",
        api: "https://devops.fabrikam.com/DefaultCollection/be9b3917-87e6-42a4-a549-2bc06a7a878f",
        base: Some("https://devops.fabrikam.com/DefaultCollection/"),
        project: "DefaultCollection",
        page: "https://devops.fabrikam.com/DefaultCollection/DefaultCollection/",
        resource_version: "7.0",
        assigned_to: object,
        person: "Mia Berg",
        date: "2026-11-23T08:00:00.047Z",
    },
];

const EVENTS: [&str; 5] =
    ["workitem.created", "workitem.updated", "workitem.commented", "workitem.deleted", "workitem.restored"];

impl Site {
    fn fields(&self, state: &str) -> Value {
        json!({
            "System.AreaPath": self.project, "System.TeamProject": self.project,
            "System.IterationPath": format!(r"{}\Sprint 12", self.project), "System.WorkItemType": "Bug",
            "System.State": state, "System.Reason": "New", "System.CreatedDate": self.date,
            "System.CreatedBy": (self.assigned_to)(), "System.ChangedDate": self.date,
            "System.ChangedBy": (self.assigned_to)(), "System.AssignedTo": (self.assigned_to)(),
            "System.Title": "Half a \u{1f600} is no title", "System.Tags": "blocked; ui",
            "System.Description": "<div>…</div>", "Microsoft.VSTS.Scheduling.StoryPoints": 5.0,
            "Microsoft.VSTS.Common.Severity": "3 - Medium", "WEF_6CB513B6E70E43499D9FC94E5BBFB784_Kanban.Column": "New"
        })
    }

    /// An event about work item `id` in its third revision.
    fn payload(&self, event: &str, id: u32) -> Value {
        let address = format!("{}/_apis/wit/workItems/{id}", self.api);
        let resource = match event {
            "workitem.updated" => json!({
                "id": 2, "workItemId": id, "rev": 3,
                "revisedBy": if self.resource_version == "1.0" { Value::Null } else { object() },
                "revisedDate": "9999-01-01T00:00:00Z",
                "fields": {
                    "System.Rev": { "oldValue": 2, "newValue": 3 },
                    "System.State": { "oldValue": "New", "newValue": "Active" },
                    "System.AssignedTo": { "newValue": (self.assigned_to)() }
                },
                "_links": { "self": { "href": format!("{address}/updates/2") } },
                "url": format!("{address}/updates/2"),
                "revision": {
                    "id": id, "rev": 3, "fields": self.fields("Active"), "url": format!("{address}/revisions/3")
                }
            }),
            "workitem.deleted" | "workitem.restored" => json!({
                "id": id, "rev": 3, "fields": self.fields("Active"),
                "url": format!("{}/_apis/wit/recyclebin/{id}", self.api)
            }),
            _ => json!({
                "id": id, "rev": 3, "fields": self.fields("Active"), "url": address,
                "_links": { "html": { "href": "https://web.example/" } }
            }),
        };
        let mut collection = json!({ "id": "c12d0eb8-e382-443b-9f9c-c52cba5014c2" });
        if let Some(base) = self.base {
            collection["baseUrl"] = base.into();
        }
        json!({
            "subscriptionId": "00000000-1111-0000-0000-000000000000", "notificationId": 3,
            "id": "d2d46fb1-dba5-403c-9373-427583f19e8c", "eventType": event, "publisherId": "tfs",
            "message": { "text": "Bug #5 changed", "html": "…", "markdown": "…" }, "resource": resource,
            "resourceVersion": self.resource_version,
            "resourceContainers": { "collection": collection, "project": { "id": FABRIKAM } },
            "createdDate": self.date
        })
    }
}

#[tokio::test]
async fn w21_payloads_of_four_kinds_of_server_are_taken_whatever_they_look_like() {
    let mut number = 0;
    for site in SITES {
        let app = TestApp::start().await;
        app.settled().await;
        let mut expected = Vec::new();
        for event in EVENTS {
            number += 1;
            let answer = app.hook(&site.payload(event, number)).await;
            let outcome = answer.json()["outcome"].as_str().unwrap_or_default().to_owned();
            let right = if event == "workitem.commented" { "ignored" } else { "applied" };
            assert_eq!((answer.status, &*outcome), (200, right), "{}, {event}: {}", site.name, answer.text());
            if matches!(event, "workitem.created" | "workitem.updated" | "workitem.restored") {
                expected.push(number);
            }
        }
        app.settled().await;
        let board = app.get(&format!("/api/snapshot?project={FABRIKAM}&team=-")).await.json();
        let shown: Vec<u64> =
            board["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect();
        assert_eq!(shown, expected.iter().map(|id| u64::from(*id)).collect::<Vec<_>>(), "{}", site.name);
        for item in board["items"].as_array().unwrap() {
            let context = format!("{}: {item}", site.name);
            assert_eq!(item["url"], format!("{}_workitems/edit/{}", site.page, item["id"]), "{context}");
            assert_eq!(item["assignedTo"]["name"], site.person, "{context}");
            assert_eq!((&item["rev"], &item["state"]), (&json!(3), &json!("Active")), "{context}");
            let changed_at = item["changedAt"].as_i64().unwrap();
            assert!((1_795_420_800_000..1_795_420_801_000).contains(&changed_at), "{context}");
        }
    }
    assert_eq!(number, 40);
}

/// What is missing or wrong in an event, and the reason that it is refused for.
type Refusal = (&'static str, &'static str, fn(&mut Value));

fn remove(payload: &mut Value, path: &str) {
    let (parent, member) = path.rsplit_once('/').unwrap();
    payload.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(member).unwrap();
}

const REFUSALS: &[Refusal] = &[
    ("no_event_type", "workitem.created", |p| remove(p, "/eventType")),
    ("no_event_type", "workitem.updated", |p| p["eventType"] = json!(7)),
    ("no_project", "workitem.updated", |p| remove(p, "/resourceContainers")),
    ("no_project", "workitem.created", |p| remove(p, "/resourceContainers/project")),
    ("no_project", "workitem.deleted", |p| p["resourceContainers"]["project"]["id"] = json!("Fabrikam")),
    ("no_resource", "workitem.updated", |p| remove(p, "/resource")),
    ("no_resource", "workitem.created", |p| p["resource"] = Value::Null),
    ("no_resource", "workitem.restored", |p| p["resource"] = json!([])),
    ("no_work_item_id", "workitem.updated", |p| remove(p, "/resource/workItemId")),
    ("no_work_item_id", "workitem.created", |p| p["resource"]["id"] = json!(7.5)),
    ("no_work_item_id", "workitem.deleted", |p| p["resource"]["id"] = json!("seven")),
    // The published sample of an update is the item itself.
    ("no_work_item_id", "workitem.created", |p| p["eventType"] = json!("workitem.updated")),
    ("minimal_payload", "workitem.updated", |p| remove(p, "/resource/revision")),
    ("minimal_payload", "workitem.created", |p| remove(p, "/resource/fields")),
    ("minimal_payload", "workitem.deleted", |p| p["resource"]["fields"] = Value::Null),
    ("no_revision", "workitem.created", |p| remove(p, "/resource/rev")),
    ("no_revision", "workitem.restored", |p| p["resource"]["rev"] = json!("3rd")),
    ("no_date", "workitem.created", |p| {
        p["createdDate"] = json!("/Date(1795420800047)/");
        remove(p, "/resource/fields/System.ChangedDate");
    }),
    ("dated_ahead", "workitem.created", |p| {
        p["resource"]["fields"]["System.ChangedDate"] = json!("9999-01-01T00:00:00Z");
    }),
    ("foreign_collection", "workitem.created", |p| {
        p["resourceContainers"]["collection"]["id"] = json!("d12d0eb8-e382-443b-9f9c-c52cba5014c2");
    }),
];

#[tokio::test]
async fn w5_w21_what_is_missing_is_named_at_every_kind_of_server() {
    for site in SITES {
        let app = TestApp::start().await;
        app.settled().await;
        // The first one says which collection is served.
        assert_eq!(app.hook(&site.payload("workitem.created", 1)).await.json()["outcome"], "applied");
        for (reason, event, change) in REFUSALS {
            let mut payload = site.payload(event, 7);
            change(&mut payload);
            let answer = app.hook(&payload).await;
            let told = answer.json();
            let right = (200, &json!("dead_letter"), &json!(reason));
            assert_eq!((answer.status, &told["outcome"], &told["reason"]), right, "{}: {payload}", site.name);
        }
    }
}

/// A way to write what an event says, and what the item then shows otherwise than usual.
type Writing = (&'static str, fn(&mut Value), fn() -> Value);

const WRITINGS: &[Writing] = &[
    ("workitem.updated", |p| p["resource"]["workItemId"] = json!(f64::from(id_of(p))), || json!({})),
    ("workitem.updated", |p| p["resource"]["workItemId"] = json!(id_of(p).to_string()), || json!({})),
    ("workitem.updated", |p| p["resource"]["revision"]["rev"] = json!(4.0), || json!({ "rev": 4 })),
    ("workitem.updated", |p| remove(p, "/resource/revision/rev"), || json!({})),
    ("workitem.updated", |p| remove(p, "/resource/rev"), || json!({})),
    ("workitem.updated", |p| remove(p, "/resource/_links"), || json!({})),
    ("workitem.updated", |p| remove(p, "/resource/fields"), || json!({})),
    ("workitem.updated", |p| p["resource"]["fields"] = Value::Null, || json!({})),
    ("workitem.updated", |p| p["resource"]["fields"] = json!({ "System.AssignedTo": {} }), || json!({})),
    (
        "workitem.updated",
        |p| p["resource"]["fields"]["System.AssignedTo"] = json!({ "oldValue": "Mia Berg" }),
        || json!({ "assignedTo": null }),
    ),
    (
        "workitem.updated",
        |p| p["resource"]["fields"] = json!({ "System.History": { "newValue": "a comment" } }),
        || json!({}),
    ),
    ("workitem.updated", |p| p["resource"]["revisedDate"] = json!("0001-01-01T00:00:00"), || json!({})),
    ("workitem.updated", |p| p["resource"]["relations"] = json!({ "added": [{ "rel": "x" }] }), || json!({})),
    ("workitem.created", |p| (p["message"], p["detailedMessage"]) = Default::default(), || json!({})),
    ("workitem.created", |p| remove(p, "/message"), || json!({})),
    ("workitem.created", |p| p["message"] = json!({ "text": "Bug #5 由 Mia 创建" }), || json!({})),
    ("workitem.created", |p| remove(p, "/createdDate"), || json!({})),
    ("workitem.created", |p| p["createdDate"] = json!("2026-11-23T10:00:00+02:00"), || json!({})),
    ("workitem.created", |p| p["createdDate"] = json!("2026-11-23T08:00:00"), || json!({})),
    (
        "workitem.created",
        |p| remove(p, "/resource/fields/System.AssignedTo"),
        || json!({ "assignedTo": null }),
    ),
    ("workitem.created", |p| remove(p, "/resourceVersion"), || json!({})),
    ("workitem.created", |p| p["resource"]["commentVersionRef"] = json!({ "commentId": 1 }), || json!({})),
    (
        "workitem.created",
        |p| p["resource"]["fields"]["System.Description"] = json!("<div>&nbsp;</div>".repeat(60_000)),
        || json!({}),
    ),
    (
        "workitem.restored",
        |p| p["resource"]["fields"]["System.Title"] = json!("<b>A &amp; B</b> \u{202e}"),
        || json!({ "title": "<b>A &amp; B</b> \u{202e}" }),
    ),
    (
        "workitem.restored",
        |p| p["resource"]["deep"] = (0..100).fold(json!(1), |inner, _| json!([inner])),
        || json!({}),
    ),
];

fn id_of(payload: &Value) -> u32 {
    u32::try_from(payload["resource"]["workItemId"].as_u64().unwrap()).unwrap()
}

#[tokio::test]
async fn w21_what_an_event_says_is_taken_however_it_is_written_at_every_kind_of_server() {
    for site in SITES {
        let app = TestApp::start().await;
        app.settled().await;
        for (number, (event, change, _)) in (1..).zip(WRITINGS) {
            let mut payload = site.payload(event, number);
            change(&mut payload);
            // Every other one with the mark that some relays put in front.
            let mark: &[u8] = if number % 2 == 0 { b"\xEF\xBB\xBF" } else { b"" };
            let body = [mark, payload.to_string().as_bytes()].concat();
            let answer = app.request("POST", "/api/webhooks/azure-devops/x", &[], &body).await;
            assert_eq!(answer.json()["outcome"], "applied", "{}: {}", site.name, answer.text());
        }
        app.settled().await;
        let board = app.get(&format!("/api/snapshot?project={FABRIKAM}&team=-")).await.json();
        let items = board["items"].as_array().unwrap();
        assert_eq!(items.len(), WRITINGS.len(), "{}", site.name);
        for (item, (_, _, differs)) in items.iter().zip(WRITINGS) {
            let url = format!("{}_workitems/edit/{}", site.page, item["id"]);
            let mut expected =
                json!({ "rev": 3, "state": "Active", "url": url, "blocked": true, "effort": 5 });
            expected["assignedTo"] = item["assignedTo"].clone();
            if differs().get("assignedTo").is_none() {
                assert_eq!(item["assignedTo"]["name"], site.person, "{}: {item}", site.name);
            }
            expected.as_object_mut().unwrap().extend(differs().as_object().unwrap().clone());
            for (member, value) in expected.as_object().unwrap() {
                assert_eq!(&item[member], value, "{}, {member}: {item}", site.name);
            }
        }
    }
}
