//! An archive in memory: it survives nothing, and is for tests and for trying boardcast out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Archive, ArchiveError, ArchivedValue, Deposit, DepositId, FinishedSprint, last_first, of_team};
use crate::domain::scope::{Scope, TeamKey, Text};

/// An archive in memory.
#[derive(Default)]
pub struct MemoryArchive(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    values: BTreeMap<(Scope, Text), ArchivedValue>,
    sprints: BTreeMap<(TeamKey, String), FinishedSprint>,
    inbox: BTreeMap<DepositId, Deposit>,
}

impl MemoryArchive {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Archive for MemoryArchive {
    async fn save_values(&self, values: &[ArchivedValue]) -> Result<(), ArchiveError> {
        let mut kept = self.kept();
        for value in values {
            let key = (value.scope, value.metric.clone());
            if kept.values.get(&key).is_none_or(|stored| value.supersedes(stored)) {
                kept.values.insert(key, value.clone());
            }
        }
        Ok(())
    }

    async fn saved_values(&self) -> Result<Vec<ArchivedValue>, ArchiveError> {
        Ok(self.kept().values.values().cloned().collect())
    }

    async fn keep_sprint(&self, sprint: &FinishedSprint) -> Result<(), ArchiveError> {
        self.kept().sprints.insert(of_team(sprint)?, sprint.clone());
        Ok(())
    }

    async fn finished_sprints(&self, team: TeamKey) -> Result<Vec<FinishedSprint>, ArchiveError> {
        let kept = self.kept();
        let of_that_team = kept.sprints.iter().filter(|((of, _), _)| *of == team);
        Ok(last_first(of_that_team.map(|(_, sprint)| sprint.clone()).collect()))
    }

    async fn deposit(&self, deposit: &Deposit) -> Result<DepositId, ArchiveError> {
        let id = DepositId::new(deposit.received_at);
        self.kept().inbox.insert(id.clone(), deposit.clone());
        Ok(id)
    }

    async fn waiting(&self, limit: usize) -> Result<Vec<(DepositId, Deposit)>, ArchiveError> {
        let kept = self.kept();
        Ok(kept.inbox.iter().take(limit).map(|(id, deposit)| (id.clone(), deposit.clone())).collect())
    }

    async fn remove(&self, id: &DepositId) -> Result<(), ArchiveError> {
        self.kept().inbox.remove(id);
        Ok(())
    }
}
