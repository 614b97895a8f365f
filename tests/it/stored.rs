//! What version 0.1.0 stored, in Redis and in tables, as `tests/fixtures/stored` has it. These files are never written
//! anew: what they hold lies in the stores of those who run boardcast.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use boardcast::archive::{ArchivedValue, Deposit};
use boardcast::domain::scope::Audience;
use boardcast::domain::{AnnouncedRecord, Catalogue, Delta, SourceCheck, Stored, Todo, WorkItem};

use crate::support::host::root;

/// Reads values and writes them, and what else a later version of the same form may have written beside them.
fn reads_and_writes<T>(stored: &mut Value, kind: &str, read: impl Fn(&[u8]) -> serde_json::Result<T>)
where
    T: Serialize,
{
    let values = stored.as_object_mut().unwrap().remove(kind).unwrap_or_else(|| panic!("no {kind}"));
    for value in values.as_array().unwrap() {
        let bytes = |value: &Value| serde_json::to_vec(value).unwrap();
        let found = read(&bytes(value)).unwrap_or_else(|error| panic!("{kind}: {error}: {value}"));
        assert_eq!(
            serde_json::to_value(found).unwrap(),
            *value,
            "{kind} is written otherwise than before, so an earlier version may not understand it: leave out what is \
             absent, or give the form another number (docs/VERSIONS.md)"
        );
        if value.is_object() {
            let mut later = value.clone();
            later["ofALaterVersion"] = json!({ "any": ["thing"] });
            // The name of an audience is all that there is of one.
            assert!(
                read(&bytes(&later)).is_ok() || kind == "audiences",
                "{kind}: a new member is not passed over"
            );
        }
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes)
}

#[test]
fn v3_what_was_stored_by_an_earlier_version_is_read_and_written_as_it_was() {
    let file = std::fs::read(root().join("tests/fixtures/stored/form-2.json")).unwrap();
    let mut stored: Value = serde_json::from_slice(&file).unwrap();
    reads_and_writes(&mut stored, "items", WorkItem::decode);
    reads_and_writes(&mut stored, "teams", Catalogue::decode);
    reads_and_writes(&mut stored, "announced", AnnouncedRecord::decode);
    reads_and_writes(&mut stored, "checks", SourceCheck::decode);
    reads_and_writes(&mut stored, "todo", Todo::decode);
    reads_and_writes(&mut stored, "deltas", Delta::decode);
    reads_and_writes(&mut stored, "audiences", json::<Audience>);
    reads_and_writes(&mut stored, "archivedValues", json::<ArchivedValue>);
    reads_and_writes(&mut stored, "deposits", json::<Deposit>);
    assert_eq!(stored, json!({}), "what nobody reads");
}
