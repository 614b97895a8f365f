//! What expires: leases and the lists that instances share, plain keys which the server lets expire; and what instances
//! say of themselves, in one hash whose fields carry their own end.

use std::time::Duration;

use super::{EXPIRING, LEASE, REPORT, RedisJournal, codec, not_understood, read};
use crate::journal::{
    ExpiringValues, JournalError, Leases, Reports, Said, Versioned, refuse_oversized,
    refuse_oversized_report, whole_ms,
};
use async_trait::async_trait;
use bytes::Bytes;

#[async_trait]
impl Leases for RedisJournal {
    async fn lease(&self, name: &str, holder: &str, duration: Duration) -> Result<bool, JournalError> {
        let key = self.parts.keys.lease(name);
        let (answer, _) =
            self.parts.run(&LEASE, &[&key, &self.parts.keys.records], (holder, whole_ms(duration))).await?;
        match answer.as_str() {
            "taken" => Ok(true),
            "held" => Ok(false),
            _ => Err(not_understood()),
        }
    }
}

#[async_trait]
impl ExpiringValues for RedisJournal {
    async fn get(&self, name: &str) -> Result<Option<Versioned>, JournalError> {
        let key = self.parts.keys.list(name);
        let (answer, found) = self.parts.run(&EXPIRING, &[&key], "get").await?;
        match (answer.as_str(), read::<Vec<_>>(found)?.first()) {
            ("found", Some(bytes)) => match codec::versioned(bytes) {
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
        let key = self.parts.keys.list(name);
        let arguments = ("put", value.version.to_string(), value.value.as_ref(), whole_ms(expiry));
        let (answer, _) = self.parts.run(&EXPIRING, &[&key], arguments).await?;
        match answer.as_str() {
            "put" => Ok(true),
            "later" => Ok(false),
            _ => Err(not_understood()),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), JournalError> {
        self.parts.run(&EXPIRING, &[&self.parts.keys.list(name)], "delete").await.map(drop)
    }
}

#[async_trait]
impl Reports for RedisJournal {
    async fn report(&self, instance: &str, report: Bytes, expiry: Duration) -> Result<Said, JournalError> {
        refuse_oversized_report(&report)?;
        let arguments = (instance, report.as_ref(), whole_ms(expiry));
        let (_, reports) = self.parts.run(&REPORT, &[&self.parts.keys.instances], arguments).await?;
        let mut reports: Vec<_> = read(reports)?;
        reports.sort_unstable();
        Ok(reports)
    }
}
