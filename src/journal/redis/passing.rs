//! What is kept for a while only: lists that instances share, plain keys which the server lets expire by itself; and what
//! instances say of themselves, in one hash whose fields carry their own end.

use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, FromRedisValue as _, Value};

use super::{Parts, codec, not_understood};
use crate::journal::{JournalError, Versioned, refuse_oversized, refuse_oversized_report, whole_ms};

impl Parts {
    /// What is kept under that name. What cannot be read is deleted: it would be in the way for as long as it lasts.
    pub(super) async fn kept(&self, name: &str) -> Result<Option<Versioned>, JournalError> {
        let (answer, rest) = self.of_list(name, "get", |_| {}).await?;
        match (answer.as_str(), rest.first()) {
            ("kept", Some(Value::BulkString(bytes))) => match codec::versioned(bytes) {
                Some(value) => Ok(Some(value)),
                None => self.forget(name).await.map(|()| None),
            },
            ("none", _) => Ok(None),
            _ => Err(not_understood()),
        }
    }

    /// Keeps a value, and says whether it did: not where a later one is.
    pub(super) async fn keep(
        &self,
        name: &str,
        value: &Versioned,
        expiry: Duration,
    ) -> Result<bool, JournalError> {
        refuse_oversized(value)?;
        let (version, ms) = (value.version.to_string(), whole_ms(expiry));
        let fill = |command: &mut Cmd| {
            command.arg(&version).arg(value.value.as_ref()).arg(ms);
        };
        match self.of_list(name, "keep", fill).await?.0.as_str() {
            "kept" => Ok(true),
            "later" => Ok(false),
            _ => Err(not_understood()),
        }
    }

    /// Deletes what is kept.
    pub(super) async fn forget(&self, name: &str) -> Result<(), JournalError> {
        self.of_list(name, "forget", |_| {}).await.map(drop)
    }

    /// Notes what an instance says of itself, and returns what all say.
    pub(super) async fn report(
        &self,
        instance: &str,
        report: &Bytes,
        expiry: Duration,
    ) -> Result<Vec<(String, Bytes)>, JournalError> {
        refuse_oversized_report(report)?;
        let ms = whole_ms(expiry);
        let fill = |command: &mut Cmd| {
            command.arg(instance).arg(report.as_ref()).arg(ms);
        };
        let (_, rest) = self.run(&self.scripts.report, &[&self.keys.instances], fill).await?;
        let pair = |pair: &[Value]| match pair {
            [name, Value::BulkString(report)] => {
                Some((String::from_redis_value_ref(name).ok()?, Bytes::copy_from_slice(report)))
            }
            _ => None,
        };
        let reports = rest.chunks(2).map(pair).collect::<Option<Vec<_>>>();
        let mut reports = reports.ok_or_else(not_understood)?;
        reports.sort_unstable();
        Ok(reports)
    }

    async fn of_list(
        &self,
        name: &str,
        operation: &str,
        fill: impl Fn(&mut Cmd),
    ) -> Result<(String, Vec<Value>), JournalError> {
        let fill = |command: &mut Cmd| {
            command.arg(operation);
            fill(command);
        };
        self.run(&self.scripts.kept, &[&self.keys.list(name)], fill).await
    }
}
