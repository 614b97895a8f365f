//! What `commit.lua` takes, and what it says of a conflict.

use redis::{Cmd, FromRedisValue as _, Value};

use super::codec;
use crate::journal::{Commit, RecordKey, Versioned};

/// Fills in what `commit.lua` takes.
pub(super) fn fill(command: &mut Cmd, commit: &Commit, entries_max: usize) {
    command.arg(entries_max.max(1));
    command.arg(commit.checks.len());
    for (key, version) in &commit.checks {
        let (hash, field) = codec::place(key);
        let version = version.map(|version| version.to_string()).unwrap_or_default();
        command.arg(hash as usize).arg(field).arg(version);
    }
    command.arg(commit.writes.len());
    for (key, value) in &commit.writes {
        let (hash, field) = codec::place(key);
        command.arg(hash as usize).arg(field);
        match value {
            Some(value) => command.arg("1").arg(value.as_ref()),
            None => command.arg("0"),
        };
    }
    command.arg(commit.entries.len());
    for (index, entry) in commit.entries.iter().enumerate() {
        let texts = codec::texts(entry, index + 1 == commit.entries.len());
        command.arg(texts.len() * 2);
        for (name, text) in texts {
            command.arg(name).arg(text.as_ref());
        }
    }
}

/// The checks that failed: pairs of an index, counted from 1, and what is there.
pub(super) fn conflicts(commit: &Commit, pairs: &[Value]) -> Option<Vec<(RecordKey, Option<Versioned>)>> {
    pairs
        .chunks_exact(2)
        .map(|pair| {
            let [index, current] = pair else { return None };
            let index = usize::from_redis_value_ref(index).ok()?.checked_sub(1)?;
            let (key, _) = commit.checks.get(index)?;
            Some((key.clone(), codec::record(key, current)))
        })
        .collect()
}
