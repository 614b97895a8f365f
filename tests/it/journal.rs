//! The contract suite over each journal.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boardcast::store::memory::MemoryJournal;
use boardcast::store::{EntryId, Journal, Retention};

use crate::journal_contract::{Harness, journal_contract};
use crate::support::app::HandClock;
use crate::support::faults::FaultyJournal;

/// The memory adapter, on a clock that the suite turns.
struct Memory {
    journal: Arc<MemoryJournal>,
    clock: HandClock,
}

#[async_trait]
impl Harness for Memory {
    async fn with(retention: Retention) -> Self {
        let clock = HandClock::at(1_795_449_600_000);
        Self { journal: Arc::new(MemoryJournal::new(clock.clock(), retention)), clock }
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.journal.clone()
    }

    async fn let_pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    async fn step_clock_back(&self) {
        self.clock.set(1_000);
    }

    async fn lose_everything(&self) {
        self.journal.lose_everything();
    }

    async fn set_back_to(&self, id: EntryId) {
        self.journal.set_back_to(id);
    }
}

/// The same under the layer of faults while nothing is planned: the layer must not change what a journal does.
struct Faultless(Memory);

#[async_trait]
impl Harness for Faultless {
    async fn with(retention: Retention) -> Self {
        Self(Memory::with(retention).await)
    }

    fn journal(&self) -> Arc<dyn Journal> {
        FaultyJournal::over(self.0.journal())
    }

    async fn let_pass(&self, time: Duration) {
        self.0.let_pass(time).await;
    }

    async fn step_clock_back(&self) {
        self.0.step_clock_back().await;
    }

    async fn lose_everything(&self) {
        self.0.lose_everything().await;
    }

    async fn set_back_to(&self, id: EntryId) {
        self.0.set_back_to(id).await;
    }
}

journal_contract!(memory, super::Memory);
journal_contract!(memory_under_faults, super::Faultless);
