//! What a change sends is understood by the parser of service hooks, and means what the model means.

use std::collections::BTreeSet;

use super::*;
use crate::demo::simulation::model::tests::{organisation, run};
use crate::devops::hook::{Content, parse};
use crate::domain::amount::Hundredths;
use crate::domain::sprint::facts::KeptTags;
use crate::domain::sprint::work_item::ClaimKind;
use crate::domain::time::Ticks;

#[test]
fn every_payload_is_understood_and_says_what_the_model_says() {
    let (mut model, _) = organisation(4);
    let mut sent = BTreeSet::new();
    for _ in 0..2_000 {
        let change = run(&mut model, 1)[0];
        let payload = payload(&model, change).unwrap();
        let delivery = parse(payload.to_string().as_bytes(), None, &KeptTags::default());
        let Content::Observation(observation) = delivery.content else {
            panic!("{change:?}: {:?}", delivery.content)
        };
        let item = model.item(change.item).unwrap();
        let revision = item.revision(change.rev).unwrap();
        let (project, team) = model.home(item).unwrap();
        let present = observation.present();
        assert_eq!((present.id.number(), present.rev), (change.item, change.rev));
        let facts = &present.claim.facts;
        assert_eq!(facts.project.to_string(), project.id.to_string());
        assert_eq!(&*facts.work_item_type, item.item_type.name);
        assert_eq!(&*facts.state, revision.content.state.name);
        assert_eq!(facts.iteration_path, revision.content.iteration_path);
        assert_eq!(facts.area_path, team.area_path);
        let effort = revision.content.effort.and_then(Hundredths::from_units);
        assert_eq!(facts.effort.get(project.process.effort_field).copied(), effort);
        assert_eq!(facts.effort.len(), usize::from(effort.is_some()));
        assert_eq!(facts.remaining_work, revision.content.remaining_work.and_then(Hundredths::from_units));
        assert_eq!(facts.blocked, revision.content.blocked);
        assert_eq!(facts.deleted, change.event == Event::Deleted);
        assert_eq!(present.claim.changed_at, revision.changed_at);
        assert_eq!(present.claim.claimed_at.timestamp(), revision.changed_at);
        let kind = match change.event {
            Event::Created => ClaimKind::Created,
            Event::Updated => ClaimKind::Updated,
            Event::Deleted => ClaimKind::Deleted,
            Event::Restored => ClaimKind::Restored,
        };
        assert_eq!(present.claim.kind, kind);
        assert_eq!(present.details.title, revision.content.title);
        assert_eq!(present.details.closed_at, revision.closed_at);
        assert_eq!(present.details.parent.map(|parent| parent.number()), revision.content.parent);
        let rank = present.rank_by(project.process.order_field).and_then(|rank| rank.number()?.as_f64());
        assert_eq!(rank, Some(revision.content.rank));
        let name = present.details.assigned_to.as_ref().map(|who| who.name.to_string());
        let who = revision.content.assigned_to.and_then(|number| team.person(number));
        assert_eq!(name.as_deref(), who.map(|who| who.name));
        let number = (payload["subscriptionId"].to_string(), payload["notificationId"].to_string());
        assert!(sent.insert(number), "a notification is numbered once");
    }
}

#[test]
fn the_date_of_the_event_has_seven_fractional_digits() {
    let (mut model, _) = organisation(4);
    for change in run(&mut model, 50) {
        let payload = payload(&model, change).unwrap();
        let date = payload["createdDate"].as_str().unwrap();
        let (_, fraction) = date.split_once('.').unwrap();
        assert_eq!(fraction.len(), "1234567Z".len(), "{date}");
        assert!(Ticks::parse(date).is_some());
    }
}

#[test]
fn an_update_holds_what_changed_and_the_other_events_are_flat() {
    let (mut model, _) = organisation(4);
    let changes = run(&mut model, 600);
    let of = |event| *changes.iter().find(|change| change.event == event).unwrap();
    let update = of(Event::Updated);
    let updated = payload(&model, update).unwrap();
    let resource = &updated["resource"];
    assert_eq!((&resource["id"], &resource["workItemId"]), (&json!(update.rev), &json!(update.item)));
    assert_eq!(resource["revision"]["rev"], json!(update.rev));
    let rev = &resource["fields"]["System.Rev"];
    assert_eq!(*rev, json!({ "oldValue": update.rev - 1, "newValue": update.rev }));
    assert_eq!(resource["fields"].get("System.AreaPath"), None);
    for event in [Event::Created, Event::Deleted, Event::Restored] {
        let change = of(event);
        let payload = payload(&model, change).unwrap();
        let resource = &payload["resource"];
        assert_eq!(resource["id"], json!(change.item));
        assert!(resource["fields"]["System.State"].is_string());
        assert_eq!(resource.get("workItemId"), None);
        let in_the_bin = resource["url"].as_str().unwrap().contains("/recyclebin/");
        assert_eq!(in_the_bin, event == Event::Deleted);
    }
    for container in ["collection", "account", "project"] {
        assert_eq!(updated["resourceContainers"][container]["baseUrl"], "https://dev.azure.com/fabrikam/");
    }
}

#[test]
fn a_field_that_was_cleared_has_only_an_old_value_and_one_that_was_set_only_a_new_one() {
    let was = json!({ "kept": 1, "cleared": 2, "changed": 3 });
    let is = json!({ "kept": 1, "set": 4, "changed": 5 });
    let changed = differences(was.as_object().unwrap(), is.as_object().unwrap());
    let expected = json!({
        "cleared": { "oldValue": 2 }, "set": { "newValue": 4 }, "changed": { "oldValue": 3, "newValue": 5 }
    });
    assert_eq!(Value::Object(changed), expected);
}
