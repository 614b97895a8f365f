//! What is read of a page of the feed of revisions.

use super::*;
use crate::domain::testing::project;

/// As the first page of the published example is, which has its token in the address of the next page alone.
const PAGE: &str = r#"{
    "values": [
        {"id": 7, "rev": 2, "fields": {"System.TeamProject": "Fabrikam", "System.WorkItemType": "Bug", "System.State":
            "Done", "System.ChangedDate": "2026-11-24T10:00:00Z", "System.IsDeleted": true}},
        {"id": 7, "rev": 1, "fields": {"System.TeamProject": "fabrikam", "System.WorkItemType": "Bug", "System.State":
            "New", "System.ChangedDate": "2026-11-23T10:00:00Z",
            "System.ChangedBy": {"displayName": "Jamal", "id": "8", "uniqueName": "j@x"}}},
        {"id": 8, "rev": 1, "fields": {"System.TeamProject": "Fabrikam", "System.WorkItemType": "Bug"}},
        {"id": 9, "rev": 1, "fields": {"System.TeamProject": "Elsewhere", "System.WorkItemType": "Bug", "System.State":
            "New", "System.ChangedDate": "2026-11-23T10:00:00Z"}}
    ],
    "nextLink": "https://dev.azure.com/fabrikam/_apis/wit/reporting/workItemRevisions?continuationToken=813;350;1&x=1",
    "isLastBatch": false
}"#;

fn pages(json: &str) -> RevisionPage {
    let organisation = "https://dev.azure.com/fabrikam".parse().unwrap();
    let known = [ProjectRef { id: project(), name: "Fabrikam".into() }];
    read(&serde_json::from_str(json).unwrap(), &organisation, &known, &KeptTags::default())
}

#[test]
fn a_page_tells_of_each_item_all_its_revisions_and_where_to_read_on() {
    let page = pages(PAGE);
    assert_eq!((page.token.as_deref(), page.is_last), (Some("813;350;1"), false));
    let [item] = page.items.as_slice() else { panic!("{:?}", page.items) };
    let revisions: Vec<_> = item.revisions().map(|(rev, claim)| (rev, claim.facts.deleted)).collect();
    assert_eq!((item.id.number(), revisions), (7, vec![(1, false), (2, true)]));
    let by = item.revisions().next().unwrap().1.changed_by.clone().unwrap();
    assert_eq!((by.id.as_deref(), &*by.name), (Some("8"), "Jamal"));
    assert_eq!(page.unreadable, [WorkItemId::new(8).unwrap()].into());
    assert_eq!(page.strangers, ["Elsewhere".into()].into());
}

#[test]
fn the_token_is_that_of_the_answer_before_that_of_the_link() {
    let with = |token: &str| {
        let json = format!(
            r#"{{"values": [], "isLastBatch": true, "nextLink": "{token}", "continuationToken": "9;9;9"}}"#
        );
        pages(&json)
    };
    assert_eq!(with("https://x/?continuationToken=1").token.as_deref(), Some("9;9;9"));
    assert!(with("").is_last);
    assert_eq!(pages(r#"{"values": [], "isLastBatch": true}"#).token, None);
    assert!(
        serde_json::from_str::<FeedAnswer>(r#"{"values": []}"#).is_err(),
        "it is an answer to something else"
    );
}
