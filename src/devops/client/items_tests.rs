//! What is made of the revisions of an item.

use serde_json::json;

use super::*;
use crate::domain::sprint::facts::KeptTags;
use crate::domain::sprint::rank::Rank;
use crate::domain::sprint::work_item::{History, REVISIONS_MAX};
use crate::domain::testing::{other_project, project};
use crate::domain::time::Ticks;

fn row(rev: Rev) -> Value {
    json!({
        "id": 9, "rev": rev,
        "fields": {
            "System.WorkItemType": "Bug",
            "System.State": "Active",
            "System.TeamProject": "Northwind",
            "System.IterationPath": "Northwind\\Sprint 1",
            "System.AreaPath": "Northwind\\Shop",
            "System.ChangedDate": format!("2026-11-24T08:00:00.{:07}Z", rev),
            "System.ChangedBy": { "displayName": "Nancy Davolio", "id": "n" },
            "System.Title": format!("Title {rev}"),
            "System.Parent": 4,
            "Microsoft.VSTS.Common.StackRank": 1_999_999_995.5,
            "Microsoft.VSTS.Scheduling.StoryPoints": 3,
        },
        "url": "https://dev.azure.com/northwind/eb6e4656-77fc-42a1-9181-4c6d8e9da5d1/_apis/wit/workItems/9/revisions/1",
    })
}

fn observed(rows: &[Value]) -> Option<Observation> {
    let known = [ProjectRef { id: other_project(), name: "Southwind".into() }];
    let organisation = Url::parse("https://dev.azure.com/northwind/").unwrap();
    let home =
        Home { organisation: &organisation, project: project(), known: &known, kept: &KeptTags::default() };
    observation(WorkItemId::new(9).unwrap(), rows, &home)
}

fn only(change: impl FnOnce(&mut Value)) -> Option<Observation> {
    let mut row = row(1);
    change(&mut row["fields"]);
    observed(&[row])
}

#[test]
fn every_revision_is_a_claim_of_the_date_it_was_made() {
    let item = observed(&[row(2), row(1), row(3)]).unwrap();
    assert_eq!(item.history(), History::Complete);
    for (rev, claim) in item.revisions() {
        let date = Ticks::parse(&format!("2026-11-24T08:00:00.{rev:07}Z")).unwrap();
        assert_eq!((claim.kind, claim.claimed_at), (ClaimKind::Fetched, date));
        assert_eq!(claim.changed_at, date.timestamp());
    }
    let present = item.present();
    assert_eq!((present.rev, &*present.details.title), (3, "Title 3"));
    assert_eq!(present.details.parent, WorkItemId::new(4));
    assert_eq!(present.rank_by("Microsoft.VSTS.Common.StackRank"), Rank::new(1_999_999_995.5));
    assert_eq!(present.claim.changed_by.as_ref().unwrap().id.as_deref(), Some("n"));
}

#[test]
fn the_page_is_one_of_the_organisation_though_the_api_names_the_project_twice() {
    let item = observed(&[row(1)]).unwrap();
    let page = "https://dev.azure.com/northwind/Northwind/_workitems/edit/9";
    assert_eq!(item.present().details.url.as_deref(), Some(page));
}

#[test]
fn a_revision_is_of_the_project_that_it_names_if_that_is_known() {
    let project_of = |name: Value| {
        let item = only(|fields| fields["System.TeamProject"] = name).unwrap();
        item.present().claim.facts.project
    };
    assert_eq!(project_of(json!("Southwind")), other_project());
    assert_eq!(project_of(json!("SOUTHWIND")), other_project());
    assert_eq!(project_of(json!("Northwind")), project());
    assert_eq!(project_of(Value::Null), project());
}

#[test]
fn persons_are_objects_or_texts() {
    let item =
        only(|fields| fields["System.ChangedBy"] = json!("Andrew Fuller <andrew@example.com>")).unwrap();
    assert_eq!(&*item.present().claim.changed_by.as_ref().unwrap().name, "Andrew Fuller");
}

#[test]
fn a_deleted_item_says_so() {
    assert!(!observed(&[row(1)]).unwrap().present().claim.facts.deleted);
    let item = only(|fields| fields["System.IsDeleted"] = json!(true)).unwrap();
    assert!(item.present().claim.facts.deleted);
}

#[test]
fn what_cannot_be_read_is_left_out_and_known_to_be_missing() {
    let mut damaged = row(2);
    damaged["fields"]["System.State"] = Value::Null;
    let item = observed(&[row(1), damaged, row(3), json!(null), json!({ "rev": 4 })]).unwrap();
    assert_eq!(item.revisions().map(|(rev, _)| rev).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(item.history(), History::Partial);
    assert_eq!(only(|fields| fields["System.ChangedDate"] = json!("soon")), None);
    assert_eq!(observed(&[]), None);
}

#[test]
fn of_a_long_life_the_newest_revisions_are_kept() {
    let rows: Vec<Value> = (1..=REVISIONS_MAX + 1).map(row).collect();
    let item = observed(&rows).unwrap();
    let kept: Vec<Rev> = item.revisions().map(|(rev, _)| rev).collect();
    assert_eq!(kept, (2..=REVISIONS_MAX + 1).collect::<Vec<_>>());
}
