//! Reading the payload of a service hook: of the JSON only what is looked at becomes a value. A payload of four megabytes
//! of small objects would else take a hundred times that in memory, and what nobody reads cannot make it unreadable.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::fields::{FIELDS_MAX, is_read, may_be_estimate, says_yes};

/// What is looked at of a value.
#[derive(Clone, Copy)]
enum Shape {
    /// Itself, where it is a text, a number, a truth or nothing.
    Plain,
    /// These members, where it is an object.
    Members(&'static [(&'static str, Self)]),
    /// The fields of a work item that anything is made of.
    Fields,
    /// A field that a process may estimate in, or say in that an item is blocked: a number or a yes, or by what an update
    /// replaced one. Nothing else is kept.
    Estimate,
    /// Itself, where it is a number, a truth or a yes.
    Number,
}

use Shape::{Estimate, Fields, Members, Number, Plain};

const IDENTITY: Shape = Members(&[("displayName", Plain), ("uniqueName", Plain), ("id", Plain)]);

/// A field's value, or what an update did to it.
const FIELD: Shape = Members(&[
    ("displayName", Plain),
    ("uniqueName", Plain),
    ("id", Plain),
    ("newValue", IDENTITY),
    ("oldValue", Plain),
]);

const REVISION: Shape = Members(&[("rev", Plain), ("url", Plain), ("fields", Fields)]);

const CONTAINER: Shape = Members(&[("id", Plain), ("baseUrl", Plain)]);

const PAYLOAD: Shape = Members(&[
    ("eventType", Plain),
    ("subscriptionId", Plain),
    ("createdDate", Plain),
    (
        "resource",
        Members(&[
            ("id", Plain),
            ("workItemId", Plain),
            ("rev", Plain),
            ("url", Plain),
            ("fields", Fields),
            ("revision", REVISION),
        ]),
    ),
    (
        "resourceContainers",
        Members(&[
            ("collection", CONTAINER),
            ("project", CONTAINER),
            ("account", CONTAINER),
            ("server", CONTAINER),
        ]),
    ),
]);

/// Reads a payload. What is not looked at is left out, and a list or an object where neither is looked at is `null`.
///
/// Errors: it is not JSON.
pub(super) fn read(body: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let payload = PAYLOAD.deserialize(&mut reader)?;
    reader.end()?;
    Ok(payload)
}

impl Shape {
    /// What is looked at of the member with that name; `None` for nothing.
    fn member(self, name: &str) -> Option<Self> {
        match self {
            Plain | Number => None,
            Estimate => matches!(name, "newValue" | "oldValue").then_some(Number),
            Members(members) => members.iter().find(|(member, _)| *member == name).map(|(_, shape)| *shape),
            Fields if is_read(name) => Some(FIELD),
            Fields => may_be_estimate(name).then_some(Estimate),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        let is_of_no_use = matches!(self, Estimate | Number) && !value.eq_ignore_ascii_case("yes");
        Ok(if is_of_no_use { Value::Null } else { Value::String(value.to_owned()) })
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (mut read, mut estimates) = (Map::new(), 0);
        while let Some(member) = members.next_key_seed(MemberOf(self))? {
            match member {
                Some((name, Estimate)) if estimates < FIELDS_MAX => {
                    let value = members.next_value_seed(Estimate)?;
                    if is_of_use(&value) {
                        estimates += 1;
                        read.insert(name, value);
                    }
                }
                None | Some((_, Estimate)) => drop(members.next_value::<IgnoredAny>()?),
                Some((name, shape)) => drop(read.insert(name, members.next_value_seed(shape)?)),
            }
        }
        Ok(if matches!(self, Plain | Number) { Value::Null } else { Value::Object(read) })
    }
}

/// Whether it is a number or a yes, or says of one that it was replaced.
fn is_of_use(value: &Value) -> bool {
    let is_it = |value: &Value| value.is_number() || says_yes(value);
    is_it(value) || value.as_object().is_some_and(|update| update.values().any(is_it))
}

/// A member's name, where the member is looked at.
struct MemberOf(Shape);

impl<'de> DeserializeSeed<'de> for MemberOf {
    type Value = Option<(String, Shape)>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberOf {
    type Value = Option<(String, Shape)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.member(name).map(|shape| (name.to_owned(), shape)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fault_e4_only_what_is_looked_at_becomes_a_value() {
        let fields = json!({
            "System.Title": "a", "System.Tags": ["b"], "Custom.Other": "c",
            "System.AssignedTo": { "displayName": "d", "imageUrl": "e", "_links": { "f": {} } },
            "System.State": { "oldValue": "g", "newValue": "h", "i": 1 },
        });
        let payload = json!({
            "eventType": "workitem.updated", "message": { "text": "j" }, "createdDate": {},
            "resource": { "rev": 7, "revision": { "id": 8, "fields": fields }, "relations": [[{}]] },
        });
        let expected = json!({
            "eventType": "workitem.updated", "createdDate": null,
            "resource": { "rev": 7, "revision": { "fields": {
                "System.Title": "a", "System.Tags": null, "System.AssignedTo": { "displayName": "d" },
                "System.State": { "oldValue": "g", "newValue": "h" },
            } } },
        });
        assert_eq!(read(payload.to_string().as_bytes()).unwrap(), expected);
    }

    #[test]
    fn fault_e4_what_nobody_reads_cannot_make_a_payload_unreadable() {
        for unread in ["1e999", r#""\ud800""#, "[1e999, {\"a\": \"\\udfff\"}]"] {
            let payload = format!(r#"{{"eventType":"x","message":{unread}}}"#);
            assert_eq!(read(payload.as_bytes()).unwrap(), json!({ "eventType": "x" }), "{unread}");
        }
        for broken in ["{\"a\":", "{} {}", "{\"a\":tru}", "{\"a\" 1}"] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
