//! Payloads of service hooks, in the shapes that Azure DevOps delivers.

use boardcast::devops::hook::{self, Content};
use boardcast::domain::sprint::work_item::KeptTags;
use boardcast::domain::sprint::work_item::Observation;
use boardcast::domain::time::Timestamp;
use boardcast::domain::wire::event::Cause;
use boardcast::write::ingest::Provenance;
use serde_json::{Value, json};

pub const FABRIKAM: &str = "be9b3917-87e6-42a4-a549-2bc06a7a878f";
pub const CONTOSO: &str = "11111111-87e6-42a4-a549-2bc06a7a878f";
pub const NORTHWIND: &str = "22222222-87e6-42a4-a549-2bc06a7a878f";

/// An update of work item `id` to revision `rev` and that state, in that project.
pub fn updated_in(project: &str, id: u32, rev: u32, state: &str) -> Value {
    let name = match project {
        FABRIKAM => "Fabrikam",
        CONTOSO => "Contoso",
        _ => "Northwind",
    };
    json!({
        "subscriptionId": "7d0b3cd3-8f5f-4f1c-8f0a-9f1b6d2f3c11",
        "notificationId": 1,
        "eventType": "workitem.updated",
        "publisherId": "tfs",
        "resource": {
            "id": rev,
            "workItemId": id,
            "rev": rev,
            "fields": { "System.State": { "oldValue": "New", "newValue": state } },
            "revision": {
                "id": id,
                "rev": rev,
                "fields": {
                    "System.AreaPath": name,
                    "System.TeamProject": name,
                    "System.IterationPath": format!("{name}\\Sprint 12"),
                    "System.WorkItemType": "User Story",
                    "System.State": state,
                    "System.ChangedDate": "2026-11-23T08:00:00.663Z",
                    "System.Title": format!("Story {id}"),
                    "System.Tags": format!("revision {rev}"),
                    "Microsoft.VSTS.Scheduling.StoryPoints": 5.0
                },
                "url": format!("https://dev.azure.com/example/_apis/wit/workItems/{id}/revisions/{rev}")
            }
        },
        "resourceContainers": {
            "collection": { "id": "c12d0eb8-e382-443b-9f9c-c52cba5014c2" },
            "project": { "id": project }
        },
        "createdDate": format!("2026-11-23T08:00:{:02}.1234567Z", rev % 60)
    })
}

/// An update of work item `id` in Fabrikam.
pub fn updated(id: u32, rev: u32, state: &str) -> Value {
    updated_in(FABRIKAM, id, rev, state)
}

/// The observation in a payload.
pub fn observation(payload: &Value) -> Observation {
    match hook::parse(payload.to_string().as_bytes(), None, &KeptTags::default()).content {
        Content::Observation(observation) => *observation,
        other => panic!("{other:?}"),
    }
}

/// Provenance from a hook.
pub fn provenance() -> Provenance {
    Provenance {
        source: Cause::Webhook,
        received_at: Timestamp::from_epoch_ms(1),
        collection: None,
        trace_id: None,
    }
}
