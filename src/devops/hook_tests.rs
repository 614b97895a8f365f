//! Payloads in the shapes that Azure DevOps publishes and delivers, and everything that is not one.

use serde_json::json;

use super::*;
use crate::devops::fields::{FIELDS_MAX, RANKS_MAX, TAGS_MAX, TITLE_CHARS_MAX, identity};
use crate::domain::amount::Hundredths;
use crate::domain::sprint::facts::KeptTags;
use crate::domain::sprint::rank::ORDER_FIELDS;
use crate::domain::sprint::rank::Rank;
use crate::domain::sprint::work_item::{Identity, Present};
use crate::domain::time::Timestamp;

const PROJECT: &str = "be9b3917-87e6-42a4-a549-2bc06a7a878f";

fn item_fields() -> Value {
    json!({
        "System.AreaPath": "Fabrikam\\Web",
        "System.TeamProject": "Fabrikam Fiber",
        "System.IterationPath": "Fabrikam\\Sprint 12",
        "System.WorkItemType": "User Story",
        "System.State": "New",
        "System.CreatedDate": "2026-11-01T08:00:00Z",
        "System.CreatedBy": "Jamal Hartnett <jamal@example.com>",
        "System.ChangedDate": "2026-11-23T08:00:00.663Z",
        "System.ChangedBy": { "displayName": "Johnnie McLeod", "id": "abc", "uniqueName": "johnnie@example.com" },
        "System.Title": "A title",
        "System.Tags": "ui; urgent ;;",
        "Microsoft.VSTS.Scheduling.StoryPoints": 5.0,
        "Microsoft.VSTS.Scheduling.RemainingWork": "2.5"
    })
}

fn flat(event_type: &str) -> Value {
    json!({
        "subscriptionId": "7d0b3cd3-8f5f-4f1c-8f0a-9f1b6d2f3c11",
        "eventType": event_type,
        "resource": {
            "id": 13, "rev": 1, "fields": item_fields(),
            "url": "https://dev.azure.com/fabrikam/_apis/wit/workItems/13"
        },
        "resourceContainers": { "collection": { "id": "c12d0eb8-e382-443b-9f9c-c52cba5014c2" }, "project": { "id": PROJECT } },
        "createdDate": "2026-11-23T08:00:07.1234567Z"
    })
}

fn updated() -> Value {
    let mut payload = flat("workitem.updated");
    payload["resource"] = json!({
        "id": 2, "workItemId": 13, "rev": 4,
        "fields": {
            "System.State": { "oldValue": "New", "newValue": "Active" },
            "System.AssignedTo": { "newValue": "Jamal Hartnett <jamal@example.com>" },
            "Microsoft.VSTS.Scheduling.StoryPoints": { "oldValue": 5.0 },
            "System.Reason": {}
        },
        "revision": { "id": 13, "rev": 4, "fields": item_fields(), "url": "https://dev.azure.com/fabrikam/_apis/wit/workItems/13/revisions/4" }
    });
    payload
}

fn content_of(payload: &Value) -> Content {
    parse(payload.to_string().as_bytes(), None, &KeptTags::default()).content
}

fn observed(payload: &Value) -> WorkItem {
    match content_of(payload) {
        Content::Observation(observation) => *observation,
        other => panic!("{other:?}"),
    }
}

fn dead_letter(payload: &Value) -> DeadLetter {
    match content_of(payload) {
        Content::DeadLetter(reason) | Content::Bare(Bare { lacks: reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flat_payload_is_the_item_itself() {
    let item = observed(&flat("workitem.created"));
    let Present { id, rev, claim, details } = item.present();
    assert_eq!((id.number(), rev, claim.kind), (13, 1, ClaimKind::Created));
    assert_eq!(claim.facts.project.to_string(), PROJECT);
    assert_eq!((&*claim.facts.state, &*claim.facts.iteration_path), ("New", "Fabrikam\\Sprint 12"));
    assert_eq!(
        claim.facts.effort.values().copied().collect::<Vec<_>>(),
        [Hundredths::from_units(5.0).unwrap()]
    );
    assert_eq!(claim.facts.remaining_work, Hundredths::from_units(2.5));
    assert_eq!(claim.changed_at, Timestamp::parse("2026-11-23T08:00:00.663Z").unwrap());
    assert_eq!(claim.claimed_at, Ticks::parse("2026-11-23T08:00:07.1234567Z").unwrap());
    assert_eq!(details.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["ui", "urgent"]);
    assert_eq!(
        details.url.as_deref(),
        Some("https://dev.azure.com/fabrikam/Fabrikam%20Fiber/_workitems/edit/13")
    );
}

#[test]
fn w2_an_update_is_of_the_work_item_and_not_of_the_update_number() {
    let item = observed(&updated());
    assert_eq!((item.id.number(), item.present().rev), (13, 4));
}

#[test]
fn w3_a_changed_fields_new_value_wins_over_the_revision() {
    let item = observed(&updated());
    let present = item.present();
    assert_eq!(&*present.claim.facts.state, "Active");
    assert_eq!(&*present.details.assigned_to.as_ref().unwrap().name, "Jamal Hartnett");
    assert!(present.claim.facts.effort.is_empty(), "a field with only an old value was cleared");
    assert_eq!(
        &*present.claim.facts.iteration_path, "Fabrikam\\Sprint 12",
        "an unchanged field is the revision's"
    );
}

#[test]
fn d3_an_amount_that_is_not_finite_or_is_absurd_counts_as_not_set() {
    const EFFORT: &str = "Microsoft.VSTS.Scheduling.StoryPoints";
    for absurd in [json!("NaN"), json!("inf"), json!("-inf"), json!(1e300), json!("1e400"), json!(-1e10)] {
        let mut payload = updated();
        payload["resource"]["fields"][EFFORT] = json!({ "oldValue": 5.0, "newValue": absurd });
        payload["resource"]["revision"]["fields"]["Microsoft.VSTS.Scheduling.RemainingWork"] = absurd.clone();
        let facts = observed(&payload).present().claim.facts.clone();
        assert_eq!((facts.effort.len(), facts.remaining_work), (0, None), "{absurd}");
    }
}

#[test]
fn w4_identities_are_texts_or_objects() {
    let of = |value: Value| identity(&value);
    let name = |name: &str, id: Option<&str>| Some(Identity { id: id.map(Text::from), name: name.into() });
    assert_eq!(of(json!("Jamal Hartnett <jamal@example.com>")), name("Jamal Hartnett", None));
    assert_eq!(of(json!("Jamal Hartnett")), name("Jamal Hartnett", None));
    // No mail address is kept, wherever somebody wrote one.
    for (text, expected) in [
        (" Jamal Hartnett <jamal@example.com> ", "Jamal Hartnett"),
        ("Jamal Hartnett <FABRIKAM\\jamal>", "Jamal Hartnett"),
        ("<only@mail>", "only"),
        ("jamal@example.com", "jamal"),
        ("jamal@example.com <jamal@example.com>", "jamal"),
        ("Jamal Hartnett (jamal@example.com)", "Jamal Hartnett"),
        ("Jamal @ Fabrikam", "Jamal @ Fabrikam"),
    ] {
        assert_eq!(of(json!(text)), name(expected, None), "{text}");
        let object = json!({ "displayName": text, "id": "x", "uniqueName": "jamal@example.com" });
        assert_eq!(of(object), name(expected, Some("x")), "{text}");
    }
    assert_eq!(
        of(json!({ "displayName": "Jamal", "id": "x", "uniqueName": "j@e" })),
        name("Jamal", Some("x"))
    );
    assert_eq!(of(json!({ "displayName": "Jamal" })), name("Jamal", None));
    for display in [json!(null), json!("  "), json!(7)] {
        let by_unique_name =
            |id: Option<&str>| of(json!({ "displayName": display, "id": id, "uniqueName": " CORP\\jamal " }));
        assert_eq!(by_unique_name(None), name("CORP\\jamal", None));
        assert_eq!(by_unique_name(Some("x")), name("CORP\\jamal", Some("x")));
    }
    assert_eq!(of(json!({ "uniqueName": "jamal@example.com" })), name("jamal", None));
    for odd in [json!(null), json!(""), json!({}), json!(5), json!({ "uniqueName": "" })] {
        assert_eq!(of(odd), None);
    }
}

#[test]
fn deleting_and_restoring_are_claims_on_the_item() {
    assert!(observed(&flat("workitem.deleted")).present().claim.facts.deleted);
    assert!(!observed(&flat("workitem.restored")).present().claim.facts.deleted);
}

#[test]
fn w9_created_deleted_and_restored_at_one_revision_end_alike_in_all_six_orders() {
    let at = |event_type: &str, date: &str| {
        let mut payload = flat(event_type);
        payload["createdDate"] = json!(date);
        observed(&payload)
    };
    let claims = [
        at("workitem.created", "2016-09-19T13:03:29.7688022Z"),
        at("workitem.deleted", "2016-09-19T13:03:30.0657064Z"),
        at("workitem.restored", "2016-09-19T13:03:30.1456784Z"),
    ];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let ends = orders.map(|[a, b, c]| claims[a].merge(&claims[b]).merge(&claims[c]));
    assert!(ends.iter().all(|end| *end == ends[0]));
    assert!(!ends[0].present().claim.facts.deleted, "the restoring is the latest claim");
}

#[test]
fn w10_a_comment_changes_no_board() {
    assert_eq!(content_of(&flat("workitem.commented")), Content::Ignored(Ignored::Commented));
    assert_eq!(content_of(&flat("git.push")), Content::Ignored(Ignored::OtherEvent));
}

#[test]
fn w15_test_notifications_are_recognised() {
    let mut nil = updated();
    nil["subscriptionId"] = json!("00000000-0000-0000-0000-000000000000");
    assert_eq!(content_of(&nil), Content::TestNotification);
    nil["eventType"] = json!("workitem.commented");
    assert_eq!(content_of(&nil), Content::TestNotification);
    let mut zero = updated();
    zero["resource"]["workItemId"] = json!(0);
    assert_eq!(content_of(&zero), Content::TestNotification);
    let mut flat_update = flat("workitem.updated");
    flat_update["subscriptionId"] = Value::Null;
    assert_eq!(
        dead_letter(&flat_update),
        DeadLetter::NoWorkItemId,
        "a flat update is a wrong sample, not item 13"
    );
}

#[test]
fn numbers_may_be_texts_and_a_byte_order_mark_is_passed_over() {
    let mut payload = updated();
    payload["resource"]["workItemId"] = json!("13");
    payload["resource"]["revision"]["rev"] = json!("4");
    assert_eq!(observed(&payload).present().rev, 4);
    let with_mark = [b"\xEF\xBB\xBF".as_slice(), payload.to_string().as_bytes()].concat();
    assert!(matches!(parse(&with_mark, None, &KeptTags::default()).content, Content::Observation(_)));
}

#[test]
fn w5_a_minimal_payload_is_no_observation() {
    let mut minimal = updated();
    minimal["resource"] = json!({ "id": 2, "workItemId": 13, "rev": 4 });
    assert_eq!(dead_letter(&minimal), DeadLetter::Minimal);
    let mut without_state = flat("workitem.created");
    without_state["resource"]["fields"].as_object_mut().unwrap().remove("System.State");
    assert_eq!(dead_letter(&without_state), DeadLetter::Minimal);
}

#[test]
fn w5_the_item_is_named_by_its_number_or_its_address_and_never_by_the_number_of_an_update() {
    let at = |path: &str| format!("https://dev.azure.com/fabrikam/_apis/wit/{path}");
    let cases = [
        ("workitem.updated", json!({ "id": 2, "workItemId": 13 }), Some(13)),
        ("workitem.updated", json!({ "id": 2, "url": at("workItems/13/updates/2") }), Some(13)),
        ("workitem.updated", json!({ "id": 2 }), None),
        ("workitem.created", json!({ "id": 13, "url": at("workItems/13") }), Some(13)),
        ("workitem.created", json!({ "url": at("workItems/13?api-version=7.1") }), Some(13)),
        ("workitem.deleted", json!({ "id": 13, "url": at("recyclebin/13") }), Some(13)),
        ("workitem.restored", json!({ "url": at("recyclebin/no") }), None),
        ("workitem.deleted", Value::Null, None),
    ];
    for (event, resource, item) in cases {
        let mut payload = updated();
        (payload["eventType"], payload["resource"]) = (json!(event), resource);
        let Content::Bare(bare) = content_of(&payload) else { panic!("{payload}") };
        let deleted = event == "workitem.deleted";
        assert_eq!((bare.item.map(WorkItemId::number), bare.deleted), (item, deleted), "{payload}");
        assert_eq!(bare.project.unwrap().to_string(), PROJECT);
        assert_eq!(bare.told_at, Ticks::parse("2026-11-23T08:00:07.1234567Z"));
    }
}

/// A payload, changed in one place, and what it is then.
type Case = (&'static str, fn(&mut Value), DeadLetter);

#[test]
fn every_missing_part_has_its_reason() {
    let cases: [Case; 8] = [
        ("no event type", |p| p["eventType"] = Value::Null, DeadLetter::NoEventType),
        ("an event type that is no text", |p| p["eventType"] = json!(7), DeadLetter::NoEventType),
        ("no resource", |p| p["resource"] = Value::Null, DeadLetter::NoResource),
        ("a resource that is no object", |p| p["resource"] = json!([]), DeadLetter::NoResource),
        ("no item number", |p| p["resource"]["workItemId"] = json!(-3), DeadLetter::NoWorkItemId),
        (
            "no project",
            |p| p["resourceContainers"] = json!({ "project": { "id": "Fabrikam" } }),
            DeadLetter::NoProject,
        ),
        (
            "no revision",
            |p| (p["resource"]["rev"], p["resource"]["revision"]["rev"]) = (json!(0), json!(0)),
            DeadLetter::NoRevision,
        ),
        (
            "no date",
            |p| {
                p["createdDate"] = json!("soon");
                p["resource"]["revision"]["fields"]["System.ChangedDate"] = Value::Null;
            },
            DeadLetter::NoDate,
        ),
    ];
    for (name, change, reason) in cases {
        let mut payload = updated();
        change(&mut payload);
        assert_eq!(dead_letter(&payload), reason, "{name}");
    }
}

#[test]
fn the_remedy_is_of_what_is_missing() {
    for (reason, remedy) in [
        (DeadLetter::Minimal, "Resource details to send"),
        // How much of the resource is sent has nothing to do with it.
        (DeadLetter::NoProject, "resourceContainers.project.id"),
    ] {
        assert!(reason.remedy().contains(remedy), "{}: {}", reason.as_str(), reason.remedy());
    }
    assert!(!DeadLetter::NoProject.remedy().contains("Resource details"));
}

#[test]
fn what_is_no_payload_has_its_reason() {
    let of = |body: &[u8]| parse(body, None, &KeptTags::default()).content;
    assert_eq!(of(b""), Content::DeadLetter(DeadLetter::Empty));
    assert_eq!(of(b" \n\xEF"), Content::DeadLetter(DeadLetter::NotJson));
    assert_eq!(of(b"{"), Content::DeadLetter(DeadLetter::NotJson));
    assert_eq!(of(b"[1]"), Content::DeadLetter(DeadLetter::NotAnObject));
    assert_eq!(of("[".repeat(100_000).as_bytes()), Content::DeadLetter(DeadLetter::NotJson), "it never ends");
    assert_eq!(
        of(br#"{"a":1e999}"#),
        Content::DeadLetter(DeadLetter::NoEventType),
        "nobody reads that number"
    );
}

#[test]
fn texts_are_cut_and_not_inside_a_character() {
    let mut payload = flat("workitem.created");
    payload["resource"]["fields"]["System.Title"] = json!("ü".repeat(TITLE_CHARS_MAX + 5));
    payload["resource"]["fields"]["System.State"] = json!("s".repeat(10_000));
    payload["resource"]["fields"]["System.Tags"] = json!("t;".repeat(1_000));
    let item = observed(&payload);
    assert_eq!(item.present().details.title.chars().count(), TITLE_CHARS_MAX);
    assert_eq!(item.present().claim.facts.state.len(), TEXT_CHARS_MAX);
    assert_eq!(item.present().details.tags.len(), TAGS_MAX);
}

#[test]
fn an_item_is_blocked_by_its_field_or_by_a_whole_tag_in_any_case() {
    let blocked = |field: &str, value: Value| {
        let mut payload = flat("workitem.created");
        payload["resource"]["fields"][field] = value;
        observed(&payload).present().claim.facts.blocked
    };
    assert!(blocked("Microsoft.VSTS.CMMI.Blocked", json!("Yes")));
    assert!(blocked("System.Tags", json!("ui; BLOCKED")));
    assert!(
        !blocked("Microsoft.VSTS.CMMI.Blocked", json!("No")) && !blocked("System.Tags", json!("unblocked"))
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_have_an_answer(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = parse(&body, None, &KeptTags::default());
    }

    /// One value of a good payload is replaced by another kind of value, anywhere in it.
    #[test]
    fn any_damage_to_a_payload_has_an_answer(place in 0usize..60, kind in 0usize..7) {
        let mut payload = updated();
        let damage = [json!(null), json!(-1), json!(1.5e300), json!(""), json!([]), json!({}), json!("9999-99-99T99:99:99Z")];
        let mut left = place;
        replace(&mut payload, &mut left, &damage[kind]);
        let _ = content_of(&payload);
    }
}

/// Replaces the value that a walk through the payload comes to after `left` steps.
fn replace(value: &mut Value, left: &mut usize, by: &Value) -> bool {
    if *left == 0 {
        *value = by.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::Object(members) => members.values_mut().any(|member| replace(member, left, by)),
        Value::Array(elements) => elements.iter_mut().any(|element| replace(element, left, by)),
        _ => false,
    }
}

/// The page of an item whose payload names that address of the API, that address of the collection and this project.
fn page_of(api: &str, collection: Option<&str>, project_name: &str) -> Option<String> {
    let mut payload = flat("workitem.created");
    payload["resource"]["url"] = json!(format!("{api}/_apis/wit/workItems/13"));
    payload["resource"]["fields"]["System.TeamProject"] = json!(project_name);
    payload["resourceContainers"]["collection"]["baseUrl"] = json!(collection);
    observed(&payload).present().details.url.as_deref().map(str::to_owned)
}

#[test]
fn w21_fault_f1_the_page_is_made_from_whatever_shape_the_address_has() {
    const GUID: &str = "5d2c1f0e-6b7a-4c88-9a3e-1f2e3d4c5b6a";
    let server = "http://tfs:8080/tfs/Main";
    for (api, base, page) in [
        (format!("https://dev.azure.com/contoso/{GUID}"), None, "https://dev.azure.com/contoso"),
        ("https://dev.azure.com/contoso/Old name".to_owned(), None, "https://dev.azure.com/contoso"),
        ("https://dev.azure.com/Kitchen".to_owned(), None, "https://dev.azure.com/Kitchen"),
        ("https://contoso.visualstudio.com".to_owned(), None, "https://contoso.visualstudio.com"),
        (format!("https://contoso.visualstudio.com/{GUID}"), None, "https://contoso.visualstudio.com"),
        ("https://contoso.visualstudio.com/Kitchen".to_owned(), None, "https://contoso.visualstudio.com"),
        (
            format!("https://contoso.visualstudio.com/DefaultCollection/{GUID}"),
            None,
            "https://contoso.visualstudio.com/DefaultCollection",
        ),
        (server.to_owned(), None, server),
        (format!("{server}/{GUID}"), None, server),
        (format!("{server}/kitchen"), None, server),
        ("http://tfs:8080/tfs/Kitchen".to_owned(), None, "http://tfs:8080/tfs/Kitchen"),
        ("https://devops.contoso.com/Kitchen".to_owned(), None, "https://devops.contoso.com/Kitchen"),
        (format!("{server}/Old%20name"), Some("http://tfs:8080/tfs/Main/"), server),
        (format!("http://tfs/My Collection/{GUID}"), None, "http://tfs/My%20Collection"),
        (
            format!("http://tfs/My%20Collection/{GUID}"),
            Some("http://tfs/My Collection/"),
            "http://tfs/My%20Collection",
        ),
        (format!("{server}/{GUID}"), Some("https://elsewhere/tfs/Main/"), server),
        ("https://dev/azuredevops/Kitchen".to_owned(), None, "https://dev/azuredevops/Kitchen"),
        (format!("https://dev/azuredevops/Kitchen/{GUID}"), None, "https://dev/azuredevops/Kitchen"),
        ("https://dev/azuredevops/Kitchen/Kitchen".to_owned(), None, "https://dev/azuredevops/Kitchen"),
        ("https://dev/DefaultCollection/Kitchen".to_owned(), None, "https://dev/DefaultCollection"),
        ("https://dev/My Collection/kitchen".to_owned(), None, "https://dev/My%20Collection"),
    ] {
        let found = page_of(&api, base, "Kitchen");
        assert_eq!(found, Some(format!("{page}/Kitchen/_workitems/edit/13")), "{api}");
    }
    let page = page_of("https://dev.azure.com/contoso", None, "A & B/Küche 100%");
    let page = page.unwrap();
    assert_eq!(page, "https://dev.azure.com/contoso/A%20&%20B%2FK%C3%BCche%20100%25/_workitems/edit/13");
    for nowhere in ["javascript:alert(1)/", "ftp://dev.azure.com/contoso", "contoso", ""] {
        assert_eq!(page_of(nowhere, None, "Kitchen"), None, "{nowhere}");
    }
    assert_eq!(page_of("https://dev.azure.com/contoso", None, ""), None);
}

#[test]
fn w21_without_the_address_of_the_item_the_page_is_made_from_that_of_the_collection() {
    let service = "https://dev.azure.com/contoso/";
    let server = "https://dev/azuredevops/My Collection/";
    for (containers, page) in [
        (json!({ "collection": { "baseUrl": service } }), Some("https://dev.azure.com/contoso")),
        (
            json!({ "collection": {}, "project": { "baseUrl": service } }),
            Some("https://dev.azure.com/contoso"),
        ),
        (json!({ "account": { "baseUrl": service } }), Some("https://dev.azure.com/contoso")),
        (
            json!({ "collection": { "baseUrl": server }, "server": { "baseUrl": "https://dev/azuredevops/" } }),
            Some("https://dev/azuredevops/My%20Collection"),
        ),
        // The address of a server is that of no collection.
        (json!({ "server": { "baseUrl": "https://dev/azuredevops/" } }), None),
        (json!({ "collection": { "baseUrl": "javascript:alert(1)/" } }), None),
        (json!({ "collection": { "baseUrl": 7 } }), None),
    ] {
        for (resource_url, event) in [(json!(null), "workitem.created"), (json!("a/b"), "workitem.restored")]
        {
            let mut payload = flat(event);
            payload["resource"]["url"] = resource_url;
            for (name, container) in containers.as_object().unwrap() {
                let known = &mut payload["resourceContainers"][name];
                known["baseUrl"] = container["baseUrl"].clone();
            }
            let expected = page.map(|page| format!("{page}/Fabrikam%20Fiber/_workitems/edit/13"));
            assert_eq!(
                observed(&payload).present().details.url.as_deref(),
                expected.as_deref(),
                "{containers}"
            );
        }
    }
}

#[test]
fn w21_the_address_that_is_set_makes_the_page_whatever_a_payload_says() {
    let payload = flat("workitem.created");
    for (organisation, page) in [
        (
            "https://dev.azure.com/contoso",
            "https://dev.azure.com/contoso/Fabrikam%20Fiber/_workitems/edit/13",
        ),
        (
            "http://user:pass@tfs:8080/a/tfs/Main/",
            "http://tfs:8080/a/tfs/Main/Fabrikam%20Fiber/_workitems/edit/13",
        ),
    ] {
        match parse(payload.to_string().as_bytes(), Some(organisation), &KeptTags::default()).content {
            Content::Observation(item) => assert_eq!(item.present().details.url.as_deref(), Some(page)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn fault_a_number_is_whole_however_it_is_written() {
    for whole in [json!(13), json!(13.0), json!("13"), json!(" 13 "), json!("13.0"), json!(1.3e1)] {
        let mut payload = updated();
        payload["resource"]["workItemId"] = whole.clone();
        payload["resource"]["revision"]["rev"] = whole.clone();
        let item = observed(&payload);
        assert_eq!((item.id.number(), item.present().rev), (13, 13), "{whole}");
    }
    for none in [
        json!(13.5),
        json!("13.5"),
        json!(-13),
        json!(1e10),
        json!("1e400"),
        json!("NaN"),
        json!(""),
        json!(true),
    ] {
        let mut payload = updated();
        payload["resource"]["workItemId"] = none.clone();
        assert_eq!(dead_letter(&payload), DeadLetter::NoWorkItemId, "{none}");
    }
}

/// A payload with this instead of its title, and with this in a field that no board keeps.
fn with_raw(title: &[u8], unread: &[u8]) -> Content {
    let mut payload = flat("workitem.created");
    payload["resource"]["fields"]["System.Title"] = json!("TITLE");
    payload["resource"]["fields"]["System.Description"] = json!("UNREAD");
    let text = payload.to_string();
    let (before, rest) = text.split_once("\"UNREAD\"").unwrap();
    let (between, after) = rest.split_once("\"TITLE\"").unwrap();
    parse(
        &[before.as_bytes(), unread, between.as_bytes(), title, after.as_bytes()].concat(),
        None,
        &KeptTags::default(),
    )
    .content
}

#[test]
fn w19_fault_a4_what_cannot_be_a_text_or_a_number_costs_no_change() {
    let cut = "an emoji \\ud83d cut in half \\\\ud83d, a whole one \\ud83d\\ude00, \\udc00 and \\ud83d\\u0041 \\ud800";
    let kept =
        "an emoji \u{fffd} cut in half \\ud83d, a whole one \u{1f600}, \u{fffd} and \u{fffd}A \u{fffd}";
    let title = |title: &[u8], unread: &[u8]| match with_raw(title, unread) {
        Content::Observation(item) => item.present().details.title.to_string(),
        other => panic!("{other:?}"),
    };
    let quoted = format!("\"{cut}\"");
    assert_eq!(title(quoted.as_bytes(), b"\"\""), kept);
    assert_eq!(title(b"\"caf\xe9 \xff\"", b"\"\""), "caf\u{fffd} \u{fffd}");
    assert_eq!(title(b"1e999", b"\"\""), "", "what is no text is none");
    for unread in [quoted.as_bytes(), b"\"\xe9\"", b"1e999", b"[-1E+400, {\"\\ud800\": 1e999}]"] {
        assert_eq!(title(b"\"A title, 1e999\"", unread), "A title, 1e999");
    }
    let mut payload = flat("workitem.created").to_string();
    payload = payload.replace("\"2.5\"", "1e999").replace("5.0", &"9".repeat(400));
    let Content::Observation(item) = parse(payload.as_bytes(), None, &KeptTags::default()).content else {
        panic!("{payload}")
    };
    let facts = &item.present().claim.facts;
    assert_eq!((facts.remaining_work, facts.effort.len()), (None, 0));
    for broken in [&b"{\"a\": \"\\ud83d\""[..], b"{\"a\": 1e999", b"\"\\ud8", b"\"\\u", b"\"\\"] {
        assert_eq!(parse(broken, None, &KeptTags::default()), Delivery::dead_letter(DeadLetter::NotJson));
    }
}

#[test]
fn w22_the_rank_is_kept_as_exactly_as_it_is_written_whatever_field_a_process_orders_by() {
    let rank_of = |payload: &Value, field: &str| {
        observed(payload).present().rank_by(field).and_then(|rank| rank.number()?.as_f64())
    };
    let [stack_rank, priority] = ORDER_FIELDS;
    let mut payload = updated();
    let complete = &mut payload["resource"]["revision"]["fields"];
    complete[stack_rank] = json!(1_999_999_843.0);
    complete["Custom.Order"] = json!(1_999_999_995.5);
    complete["Custom.Fine"] = json!(0.1234);
    complete["Custom.Coarse"] = json!(7.5);
    complete["Custom.Long"] = json!(1_000_034_513.054_687_5);
    assert_eq!(rank_of(&payload, "Custom.Long"), Some(1_000_034_513.054_687_5), "to the last digit");
    assert_eq!(rank_of(&payload, stack_rank), Some(1_999_999_843.0));
    assert_eq!(rank_of(&payload, "Custom.Order"), Some(1_999_999_995.5));
    assert_eq!(
        (rank_of(&payload, "Custom.Fine"), rank_of(&payload, "Custom.Coarse")),
        (Some(0.1234), Some(7.5))
    );
    assert_eq!(rank_of(&payload, priority), None);
    let ranks: std::collections::BTreeMap<Text, Rank> =
        observed(&payload).present().details.ranks.clone().into();
    assert_eq!(
        ranks.keys().map(|name| &**name).collect::<Vec<_>>(),
        ["Custom.Fine", "Custom.Long", "Custom.Order", stack_rank],
        "what is kept as an amount is not kept twice"
    );
    payload["resource"]["fields"][stack_rank] = json!({ "oldValue": 1_999_999_843.0, "newValue": 12.25 });
    payload["resource"]["fields"]["Custom.Order"] = json!({ "oldValue": 1_999_999_995.5 });
    assert_eq!((rank_of(&payload, stack_rank), rank_of(&payload, "Custom.Order")), (Some(12.25), None));
    let mut flat = flat("workitem.created");
    flat["resource"]["fields"][priority] = json!("1000");
    assert_eq!(rank_of(&flat, priority), Some(1000.0));
    for odd in [json!("first"), json!("NaN"), json!({}), Value::Null] {
        flat["resource"]["fields"][priority] = odd.clone();
        assert_eq!(rank_of(&flat, priority), None, "{odd}");
    }
    for number in 0..5_000 {
        flat["resource"]["fields"][format!("Custom.N{number:04}")] = json!(f64::from(number) + 0.001);
    }
    let ranks: std::collections::BTreeMap<Text, Rank> =
        observed(&flat).present().details.ranks.clone().into();
    assert_eq!(ranks.len(), RANKS_MAX);
}

#[test]
fn w20_fault_f5_every_number_is_kept_that_a_process_may_estimate_in() {
    let mut payload = updated();
    let complete = &mut payload["resource"]["revision"]["fields"];
    complete["Custom.Points"] = json!(8);
    complete["Custom.Size"] = json!(3.5);
    complete["Custom.Cleared"] = json!(1);
    complete["Custom.Text"] = json!("5");
    complete["Microsoft.VSTS.Scheduling.OriginalEstimate"] = json!(2);
    complete["Microsoft.VSTS.Common.StackRank"] = json!(1_999_999_911.0);
    complete["System.Watermark"] = json!(4);
    let changed = &mut payload["resource"]["fields"];
    changed["Custom.Points"] = json!({ "oldValue": 8, "newValue": 13 });
    changed["Custom.New"] = json!({ "newValue": 1 });
    changed["Custom.Cleared"] = json!({ "oldValue": 1 });
    let kept = |payload: &Value| {
        let effort = observed(payload).present().claim.facts.effort.clone();
        effort.iter().map(|(name, amount)| (name.to_string(), amount.units())).collect::<Vec<_>>()
    };
    let expected = [
        ("Custom.New", 1.0),
        ("Custom.Points", 13.0),
        ("Custom.Size", 3.5),
        ("Microsoft.VSTS.Scheduling.OriginalEstimate", 2.0),
    ];
    assert_eq!(kept(&payload), expected.map(|(name, amount)| (name.to_owned(), amount)));
    let mut flat = flat("workitem.created");
    for number in 0..5_000 {
        flat["resource"]["fields"][format!("Custom.N{number:04}")] = json!(number);
    }
    assert_eq!(kept(&flat).len(), FIELDS_MAX + 1, "and the story points");
    assert!(observed(&flat).present().claim.facts.has_more_numbers);
}
