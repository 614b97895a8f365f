//! An archive in memory, for what does not depend on how one is kept. The contract holds it to what Table storage does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use boardcast::archive::{Archive, ArchiveError, ArchivedValue, Deposit, DepositId, FinishedSprint};
use boardcast::domain::scope::{Scope, Text};
use boardcast::domain::time::Timestamp;

/// One owner's view of an archive in memory.
#[derive(Default)]
pub struct MemoryArchive {
    of_owners: Arc<Mutex<BTreeMap<String, Kept>>>,
    owner: String,
}

#[derive(Default)]
struct Kept {
    values: BTreeMap<(Scope, Text), ArchivedValue>,
    sprints: BTreeMap<Scope, FinishedSprint>,
    inbox: BTreeMap<DepositId, Deposit>,
    set_aside: BTreeMap<DepositId, Deposit>,
}

impl MemoryArchive {
    /// Another owner's view of the same archive.
    pub fn of(&self, owner: &str) -> Self {
        Self { of_owners: self.of_owners.clone(), owner: owner.into() }
    }

    /// What was set aside.
    pub fn all_set_aside(&self) -> Vec<Deposit> {
        self.kept(|kept| kept.set_aside.values().cloned().collect())
    }

    fn kept<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(self.of_owners.lock().unwrap().entry(self.owner.clone()).or_default())
    }
}

#[async_trait]
impl Archive for MemoryArchive {
    async fn save_values(&self, values: &[ArchivedValue]) -> Result<(), ArchiveError> {
        self.kept(|kept| {
            for value in values {
                let key = (value.scope, value.metric.clone());
                if kept.values.get(&key).is_none_or(|stored| value.supersedes(stored)) {
                    kept.values.insert(key, value.clone());
                }
            }
        });
        Ok(())
    }

    async fn saved_values(&self) -> Result<Vec<ArchivedValue>, ArchiveError> {
        Ok(self.kept(|kept| kept.values.values().cloned().collect()))
    }

    async fn drop_values(&self, before: Timestamp) -> Result<usize, ArchiveError> {
        Ok(self.kept(|kept| {
            let known = kept.values.len();
            kept.values.retain(|_, value| value.as_of >= before);
            known - kept.values.len()
        }))
    }

    async fn keep_sprint(&self, sprint: &FinishedSprint) -> Result<(), ArchiveError> {
        if sprint.scope.team.is_none() || sprint.scope.sprint.is_none() {
            return Err(ArchiveError::Refused("a finished sprint has a team and a sprint".into()));
        }
        self.kept(|kept| _ = kept.sprints.entry(sprint.scope).or_insert_with(|| sprint.clone()));
        Ok(())
    }

    async fn finished_sprint(&self, scope: Scope) -> Result<Option<FinishedSprint>, ArchiveError> {
        Ok(self.kept(|kept| kept.sprints.get(&scope).cloned()))
    }

    async fn deposit(&self, deposit: &Deposit) -> Result<DepositId, ArchiveError> {
        let id = DepositId::new(deposit.received_at);
        self.kept(|kept| kept.inbox.insert(id.clone(), deposit.clone()));
        Ok(id)
    }

    async fn waiting(
        &self,
        after: Option<&DepositId>,
        limit: usize,
    ) -> Result<Vec<(DepositId, Deposit)>, ArchiveError> {
        Ok(self.kept(|kept| {
            let later = kept.inbox.iter().filter(|(id, _)| after.is_none_or(|after| *id > after));
            later.take(limit).map(|(id, deposit)| (id.clone(), deposit.clone())).collect()
        }))
    }

    async fn set_aside(&self, id: &DepositId, deposit: &Deposit) -> Result<(), ArchiveError> {
        self.kept(|kept| {
            kept.inbox.remove(id);
            kept.set_aside.insert(id.clone(), deposit.clone());
        });
        Ok(())
    }

    async fn remove(&self, id: &DepositId) -> Result<(), ArchiveError> {
        self.kept(|kept| kept.inbox.remove(id));
        Ok(())
    }

    async fn probe(&self) -> Result<(), ArchiveError> {
        Ok(())
    }
}
