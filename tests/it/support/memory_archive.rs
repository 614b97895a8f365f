//! An archive in memory, for what does not depend on how one is kept. The contract holds it to what Table storage does.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;

use boardcast::archive::{Archive, ArchiveError, ArchivedValue, Deposit, DepositId, FinishedSprint};
use boardcast::domain::scope::{Scope, TeamKey, Text};

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
        self.0.lock().unwrap()
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
        let (Some(team), Some(id)) = (sprint.scope.team, sprint.scope.sprint) else {
            return Err(ArchiveError::Refused("a finished sprint has a team and a sprint".into()));
        };
        let key = (TeamKey { project: sprint.scope.project, team }, id.to_string());
        self.kept().sprints.insert(key, sprint.clone());
        Ok(())
    }

    async fn finished_sprints(&self, team: TeamKey) -> Result<Vec<FinishedSprint>, ArchiveError> {
        let kept = self.kept();
        let of_that_team = kept.sprints.iter().filter(|((of, _), _)| *of == team);
        let mut sprints: Vec<_> = of_that_team.map(|(_, sprint)| sprint.clone()).collect();
        sprints.sort_by_key(|sprint| std::cmp::Reverse((sprint.finish, sprint.scope.sprint)));
        Ok(sprints)
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
