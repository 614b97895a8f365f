//! A layer of faults over any archive: it can be down, never answer, or not let go of what was taken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::memory_archive::MemoryArchive;
use async_trait::async_trait;
use boardcast::archive::{Archive, ArchiveError, ArchivedValue, Deposit, DepositId, FinishedSprint};
use boardcast::domain::scope::Scope;
use boardcast::domain::time::Timestamp;

/// An archive that fails when it is told to, and tells what it was asked.
#[derive(Default)]
pub struct FaultyArchive {
    pub inner: MemoryArchive,
    down: AtomicBool,
    silent: AtomicBool,
    keeps_deposits: AtomicBool,
    panics: AtomicBool,
    read_only: AtomicBool,
    calls: Mutex<Vec<&'static str>>,
}

impl FaultyArchive {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Everything fails until it is up again.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Nothing is answered until it is silent no longer.
    pub fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// It can be read and not written, as by an identity whose role is to read.
    pub fn set_read_only(&self, is: bool) {
        self.read_only.store(is, Ordering::SeqCst);
    }

    /// Whoever looks into the inbox next dies of it.
    pub fn plan_panic(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// Deposits cannot be removed, as by an instance that dies after it ingested one.
    pub fn set_keeps_deposits(&self, keeps: bool) {
        self.keeps_deposits.store(keeps, Ordering::SeqCst);
    }

    /// How often it was asked that.
    pub fn calls(&self, operation: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| **call == operation).count()
    }

    async fn check(&self, operation: &'static str) -> Result<(), ArchiveError> {
        self.calls.lock().unwrap().push(operation);
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::SeqCst) { Err(unavailable()) } else { Ok(()) }
    }
}

fn unavailable() -> ArchiveError {
    ArchiveError::Unavailable("a planned fault".into())
}

#[async_trait]
impl Archive for FaultyArchive {
    async fn save_values(&self, values: &[ArchivedValue]) -> Result<(), ArchiveError> {
        self.check("remember").await?;
        self.inner.save_values(values).await
    }

    async fn saved_values(&self) -> Result<Vec<ArchivedValue>, ArchiveError> {
        self.check("last_known").await?;
        self.inner.saved_values().await
    }

    async fn drop_values(&self, before: Timestamp) -> Result<usize, ArchiveError> {
        self.check("drop_values").await?;
        self.inner.drop_values(before).await
    }

    async fn keep_sprint(&self, sprint: &FinishedSprint) -> Result<(), ArchiveError> {
        self.check("keep_sprint").await?;
        self.inner.keep_sprint(sprint).await
    }

    async fn finished_sprint(&self, scope: Scope) -> Result<Option<FinishedSprint>, ArchiveError> {
        self.check("finished_sprint").await?;
        self.inner.finished_sprint(scope).await
    }

    async fn deposit(&self, deposit: &Deposit) -> Result<DepositId, ArchiveError> {
        self.check("deposit").await?;
        self.inner.deposit(deposit).await
    }

    async fn waiting(
        &self,
        after: Option<&DepositId>,
        limit: usize,
    ) -> Result<Vec<(DepositId, Deposit)>, ArchiveError> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "a planned panic");
        self.check("waiting").await?;
        self.inner.waiting(after, limit).await
    }

    async fn set_aside(&self, id: &DepositId, deposit: &Deposit) -> Result<(), ArchiveError> {
        self.check("set_aside").await?;
        self.inner.set_aside(id, deposit).await
    }

    async fn remove(&self, id: &DepositId) -> Result<(), ArchiveError> {
        self.check("remove").await?;
        if self.keeps_deposits.load(Ordering::SeqCst) {
            Err(unavailable())
        } else {
            self.inner.remove(id).await
        }
    }

    async fn probe(&self) -> Result<(), ArchiveError> {
        self.check("probe").await?;
        match self.read_only.load(Ordering::SeqCst) {
            true => Err(ArchiveError::Refused("status 403 (AuthorizationPermissionMismatch)".into())),
            false => self.inner.probe().await,
        }
    }
}
