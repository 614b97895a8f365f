//! What expires: leases and the lists that instances share, plain keys which the server lets expire; and what instances
//! say of themselves, in one hash whose fields carry their own end.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, FromRedisValue as _, Value};

use super::{Parts, RedisJournal, codec, not_understood};
use crate::journal::{
    ExpiringValues, JournalError, Leases, Reports, Versioned, refuse_oversized, refuse_oversized_report,
    whole_ms,
};

#[async_trait]
impl Leases for RedisJournal {
    async fn lease(&self, name: &str, holder: &str, duration: Duration) -> Result<bool, JournalError> {
        let parts = &self.parts;
        let key = parts.keys.lease(name);
        let ms = whole_ms(duration);
        let fill = |command: &mut Cmd| {
            command.arg(holder).arg(ms);
        };
        match parts.run(&parts.scripts.lease, &[&key, &parts.keys.records], fill).await?.0.as_str() {
            "taken" => Ok(true),
            "held" => Ok(false),
            _ => Err(not_understood()),
        }
    }
}

#[async_trait]
impl ExpiringValues for RedisJournal {
    async fn get(&self, name: &str) -> Result<Option<Versioned>, JournalError> {
        let (answer, rest) = self.parts.expiring(name, "get", |_| {}).await?;
        match (answer.as_str(), rest.first()) {
            ("found", Some(Value::BulkString(bytes))) => match codec::versioned(bytes) {
                Some(value) => Ok(Some(value)),
                // What cannot be read would be in the way for as long as it lasts.
                None => self.delete(name).await.map(|()| None),
            },
            ("none", _) => Ok(None),
            _ => Err(not_understood()),
        }
    }

    async fn put(&self, name: &str, value: Versioned, expiry: Duration) -> Result<bool, JournalError> {
        refuse_oversized(&value)?;
        let (version, ms) = (value.version.to_string(), whole_ms(expiry));
        let fill = |command: &mut Cmd| {
            command.arg(&version).arg(value.value.as_ref()).arg(ms);
        };
        match self.parts.expiring(name, "put", fill).await?.0.as_str() {
            "put" => Ok(true),
            "later" => Ok(false),
            _ => Err(not_understood()),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), JournalError> {
        self.parts.expiring(name, "delete", |_| {}).await.map(drop)
    }
}

#[async_trait]
impl Reports for RedisJournal {
    async fn report(
        &self,
        instance: &str,
        report: Bytes,
        expiry: Duration,
    ) -> Result<Vec<(String, Bytes)>, JournalError> {
        refuse_oversized_report(&report)?;
        let ms = whole_ms(expiry);
        let fill = |command: &mut Cmd| {
            command.arg(instance).arg(report.as_ref()).arg(ms);
        };
        let parts = &self.parts;
        let (_, rest) = parts.run(&parts.scripts.report, &[&parts.keys.instances], fill).await?;
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
}

impl Parts {
    async fn expiring(
        &self,
        name: &str,
        operation: &str,
        fill: impl Fn(&mut Cmd),
    ) -> Result<(String, Vec<Value>), JournalError> {
        let fill = |command: &mut Cmd| {
            command.arg(operation);
            fill(command);
        };
        self.run(&self.scripts.expiring, &[&self.keys.list(name)], fill).await
    }
}
