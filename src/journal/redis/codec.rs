//! What lies in Redis in which form: names of keys, values of records, texts of entries.

use std::collections::HashMap;

use bytes::Bytes;
use redis::{FromRedisValue as _, RedisWrite, ToRedisArgs, Value};

use crate::domain::owner::Owner;
use crate::domain::scope::Audience;
use crate::journal::{Commit, Entry, EntryId, NewEntry, RecordKey, Versioned};

/// The form that this version writes and reads, and the place of everything in it.
pub(super) const SCHEMA: u64 = 2;

/// What a record of a work item is called by everybody but Redis, where the hash says it.
pub(super) const ITEM_PREFIX: &str = "item/";

/// The hashes of records, numbered as `commit.lua` has them.
const ITEMS: usize = 1;
const RECORDS: usize = 2;

/// The names of an owner's keys. The braces are a hash tag: in a cluster all of them are in one slot, without
/// which no script may touch more than one.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// A hash: the number of a work item → its record.
    pub(super) items: String,
    /// A hash: the key of any other record → its record.
    pub(super) records: String,
    /// A hash: the name of an instance → until when it counts, and what it says of itself.
    pub(super) instances: String,
    /// A stream.
    pub(super) log: String,
    /// The number of the form in which all of it is written.
    pub(super) schema: String,
    /// The same number in the first form, whose keys named an organisation by a part of its address alone.
    pub(super) first_schema: String,
    lease_prefix: String,
    list_prefix: String,
}

impl Keys {
    pub(super) fn of(owner: &Owner) -> Self {
        let tag = owner.key();
        let key = |name: &str| format!("bc:{{{tag}}}:{SCHEMA}:{name}");
        Self {
            items: key("items"),
            records: key("records"),
            instances: key("instances"),
            log: key("log"),
            lease_prefix: key("lease:"),
            list_prefix: key("list:"),
            schema: format!("bc:{{{tag}}}:schema"),
            first_schema: format!("bc:{{{}}}:schema", owner.slug()),
        }
    }

    pub(super) fn lease(&self, name: &str) -> String {
        format!("{}{name}", self.lease_prefix)
    }

    pub(super) fn list(&self, name: &str) -> String {
        format!("{}{name}", self.list_prefix)
    }
}

/// A record's hash and its field there.
pub(super) fn place(key: &RecordKey) -> (usize, &str) {
    match key.as_str().strip_prefix(ITEM_PREFIX) {
        Some(number) => (ITEMS, number),
        None => (RECORDS, key.as_str()),
    }
}

/// Reads a record: its version, a blank, its value. What is not in that form counts as absent, there as here: it can
/// be written anew.
pub(super) fn record(key: &RecordKey, value: &Bytes) -> Option<Versioned> {
    let record = versioned(value);
    if record.is_none() {
        tracing::error!(%key, "a record in the store is not in the form of this version; it counts as absent");
    }
    record
}

/// Reads a version, a blank and a value; `None` where it is something else.
pub(super) fn versioned(bytes: &Bytes) -> Option<Versioned> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let version = EntryId::parse(std::str::from_utf8(bytes.get(..blank)?).ok()?)?;
    Some(Versioned { version, value: bytes.slice(blank + 1..) })
}

/// What `commit.lua` takes: a commit, and how many entries the log keeps.
pub(super) struct CommitArguments<'a>(pub(super) &'a Commit, pub(super) usize);

impl ToRedisArgs for CommitArguments<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let Self(commit, entries_max) = self;
        (*entries_max.max(&1), commit.checks.len()).write_redis_args(out);
        for (key, version) in &commit.checks {
            let version = version.map(|version| version.to_string()).unwrap_or_default();
            (place(key), version).write_redis_args(out);
        }
        commit.writes.len().write_redis_args(out);
        for (key, value) in &commit.writes {
            match value {
                Some(value) => (place(key), "1", value.as_ref()).write_redis_args(out),
                None => (place(key), "0").write_redis_args(out),
            }
        }
        commit.entries.len().write_redis_args(out);
        for (index, entry) in commit.entries.iter().enumerate() {
            let texts = texts(entry, index + 1 == commit.entries.len());
            (texts.len() * 2).write_redis_args(out);
            for (name, text) in texts {
                (name, text.as_ref()).write_redis_args(out);
            }
        }
    }
}

/// The texts of an entry: names and values in turn. The mark of a commit's end comes first, where `follow.lua` looks.
fn texts(entry: &NewEntry, ends_commit: bool) -> Vec<(&'static str, Bytes)> {
    // An audience is a few identifiers, whose encoding cannot fail.
    let audience = serde_json::to_vec(&entry.audience).unwrap_or_default();
    let mut texts = Vec::with_capacity(4);
    if ends_commit {
        texts.push(("end", Bytes::from_static(b"1")));
    }
    texts.push(("to", audience.into()));
    texts.extend(entry.event.clone().map(|event| ("event", event)));
    texts.extend(entry.delta.clone().map(|delta| ("delta", delta)));
    texts
}

/// Reads an id as Redis writes it.
pub(super) fn id(value: &Value) -> Option<EntryId> {
    EntryId::parse(&String::from_redis_value_ref(value).ok()?)
}

/// Reads entries as `XRANGE` returns them; `None` when it returned something else.
pub(super) fn entries(value: Value) -> Option<Vec<Entry>> {
    let entries = Vec::<(Value, HashMap<Bytes, Bytes>)>::from_redis_value(value).ok()?;
    entries.into_iter().map(|(entry_id, texts)| Some(entry(id(&entry_id)?, texts))).collect()
}

fn entry(id: EntryId, mut texts: HashMap<Bytes, Bytes>) -> Entry {
    let mut text = |name: &str| texts.remove(name.as_bytes());
    let audience = text("to").and_then(|audience| serde_json::from_slice(&audience).ok());
    if audience.is_none() {
        tracing::error!(entry = %id, "a log entry has no readable audience and was not sent to readers");
    }
    // Where it cannot be told whom it is for, nobody is told; the fold still gets what it needs.
    let event = text("event").filter(|_| audience.is_some());
    let content = NewEntry { audience: audience.unwrap_or(Audience::Everyone), event, delta: text("delta") };
    Entry { id, ends_commit: text("end").is_some(), content }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn c12_keys_are_named_by_owner_and_form_under_one_hash_tag() {
        let owner = Owner::organization("https://dev.azure.com/contoso", None);
        let (keys, tag) = (Keys::of(&owner), owner.key());
        assert_eq!(keys.items, format!("bc:{{{tag}}}:2:items"));
        assert_eq!(keys.lease("sync"), format!("bc:{{{tag}}}:2:lease:sync"));
        assert_eq!(keys.list("projects"), format!("bc:{{{tag}}}:2:list:projects"));
        assert_eq!(keys.schema, format!("bc:{{{tag}}}:schema"));
        assert_eq!(keys.first_schema, "bc:{contoso}:schema");
    }

    #[test]
    fn a_record_has_one_place() {
        for name in ["item/13", "item/013", "item/", "epoch", "team/a/b", "items/13"] {
            let key = RecordKey::from(name);
            let (hash, field) = place(&key);
            let prefix = if hash == ITEMS { ITEM_PREFIX } else { "" };
            assert_eq!(RecordKey::from(format!("{prefix}{field}").as_str()), key);
        }
        assert_eq!(place(&RecordKey::from("item/13")), (ITEMS, "13"));
    }

    #[test]
    fn c4_a_record_that_cannot_be_read_counts_as_absent() {
        let read = |text: &str| record(&RecordKey::epoch(), &Bytes::copy_from_slice(text.as_bytes()));
        let whole = read("5-1 {\"a\": 1}").unwrap();
        assert_eq!(
            (whole.version, whole.value),
            (EntryId { ms: 5, seq: 1 }, Bytes::from_static(b"{\"a\": 1}"))
        );
        assert_eq!(read("5-1 ").unwrap().value, "");
        for wrong in ["", " ", "5-1", "5 x", "05-1 x", "x"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was_written_and_reaches_nobody_when_it_does_not_say_whom() {
        let content = NewEntry {
            audience: Audience::Everyone,
            event: Some(Bytes::from_static(b"{}")),
            delta: Some(Bytes::from_static(b"\xff")),
        };
        let read = |texts: Vec<(&str, Bytes)>| {
            let pairs =
                texts.into_iter().flat_map(|(name, text)| [bulk(name), Value::BulkString(text.to_vec())]);
            let entry = Value::Array(vec![bulk("5-1"), Value::Array(pairs.collect())]);
            entries(Value::Array(vec![entry])).unwrap().remove(0)
        };
        let whole = read(texts(&content, true));
        assert_eq!(
            whole,
            Entry { id: EntryId { ms: 5, seq: 1 }, ends_commit: true, content: content.clone() }
        );
        assert!(!read(texts(&content, false)).ends_commit);
        let mut unknown = texts(&content, true);
        unknown[1].1 = Bytes::from_static(b"\"somebody\"");
        assert_eq!(read(unknown).content, NewEntry { event: None, ..content });
    }
}
