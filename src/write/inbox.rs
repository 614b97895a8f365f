//! The inbox: what the journal cannot take waits in the archive, and is ingested when the journal answers again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::archive::{Archive, ArchiveError, Deposit, DepositId};
use crate::domain::sprint::work_item::{Observation, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::journal::JournalError;
use crate::ops::failpoints::{self, Failpoint};
use crate::write::commit::CommitError;
use crate::write::ingest::{Ingest, Ingested, Provenance};

/// How long a deposit may take. The sender waits meanwhile, and has waited for the journal before.
pub const DEPOSIT_BUDGET: Duration = Duration::from_millis(500);

/// How many deposits are taken at once.
const ROUND_MAX: usize = 100;

/// Of how many items deposits are taken at the same time. A journal that writes to disk before it answers takes many
/// commits in the time of one.
const ITEMS_AT_ONCE: usize = 16;

/// How often the inbox is looked at while nothing is known to wait there: another instance may have died over it.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// How long after a failure the first new attempt is made; each one after that waits twice as long.
const RETRY_FIRST: Duration = Duration::from_millis(250);

/// The longest wait between two attempts, so that the boards are whole soon after the journal is back.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// The inbox of one archive. Every instance drains it: that two take the same deposit does no harm, because it is merged.
pub struct Inbox {
    archive: Arc<dyn Archive>,
    ingest: Arc<Ingest>,
    deposited: Notify,
}

/// The journal or the archive does not answer.
struct Unanswered;

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Nothing is left that could be taken.
    Empty,
    /// More may wait.
    More,
    /// The journal or the archive does not answer, or something could not be taken.
    Stuck,
}

impl Inbox {
    /// The inbox of that archive, drained into that write path.
    pub fn new(archive: Arc<dyn Archive>, ingest: Arc<Ingest>) -> Self {
        Self { archive, ingest, deposited: Notify::new() }
    }

    /// Keeps an observation that could not be ingested. Errors: it is not kept.
    pub async fn keep(&self, observation: &Observation, provenance: &Provenance) -> Result<(), ArchiveError> {
        let deposit = Deposit {
            observation: observation.clone(),
            received_at: provenance.received_at,
            collection: provenance.collection,
            trace_id: provenance.trace_id.clone(),
        };
        let late = |_| Err(ArchiveError::Unavailable("a deposit took too long".into()));
        timeout(DEPOSIT_BUDGET, self.archive.deposit(&deposit)).await.unwrap_or_else(late)?;
        failpoints::reached(Failpoint::Deposited);
        self.ingest.instance.vitals.hooks_deposited.add(1);
        if self.ingest.instance.vitals.inbox_oldest.value().is_none() {
            self.ingest.instance.vitals.inbox_oldest.set(Some(deposit.received_at));
        }
        self.deposited.notify_one();
        Ok(())
    }

    /// Drains the inbox whenever something waits in it; never returns.
    pub async fn drain(self: Arc<Self>) {
        let mut retry = RETRY_FIRST;
        let mut contact = self.ingest.instance.fold.watch_journal_status();
        loop {
            // Nothing can be taken before the journal is back, and then it is taken at once.
            let _ = contact.wait_for(|contact| contact.cut_off().is_none()).await;
            match self.drain_once().await {
                Round::More => retry = RETRY_FIRST,
                Round::Empty => {
                    retry = RETRY_FIRST;
                    let _ = timeout(POLL_INTERVAL, self.deposited.notified()).await;
                }
                Round::Stuck => {
                    // Instances that lost the same journal do not all come back in the same moment.
                    let pause = tokio::time::sleep(retry.mul_f64(0.5 + fastrand::f64()));
                    tokio::select! {
                        () = pause => {}
                        _ = contact.changed() => retry = RETRY_FIRST,
                    }
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Takes the oldest deposits, ingests each, and only then removes it: an instance that dies in between leaves a row that the
    /// next one merges to nothing.
    pub async fn drain_once(&self) -> Round {
        let waiting = match self.archive.waiting(ROUND_MAX).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::warn!(%error, "the inbox cannot be read; trying again");
                return Round::Stuck;
            }
        };
        let oldest = |deposits: &[(_, Deposit)]| deposits.first().map(|(_, deposit)| deposit.received_at);
        self.ingest.instance.vitals.inbox_oldest.set(oldest(&waiting));
        let is_last = waiting.len() < ROUND_MAX;
        // What is told of one item stays in the order in which it came; other items need not wait for that.
        let mut of_items = BTreeMap::<WorkItemId, Vec<(DepositId, Deposit)>>::new();
        for (id, deposit) in waiting {
            of_items.entry(deposit.observation.id).or_default().push((id, deposit));
        }
        let futures: Vec<_> = of_items.into_values().map(|deposits| self.take_all(deposits)).collect();
        let taken: Vec<_> = stream::iter(futures).buffer_unordered(ITEMS_AT_ONCE).collect().await;
        let Ok(left) = taken.into_iter().collect::<Result<Vec<_>, Unanswered>>() else { return Round::Stuck };
        let left = left.into_iter().flatten().min();
        if left.is_some() || is_last {
            self.ingest.instance.vitals.inbox_oldest.set(left);
        }
        match (left, is_last) {
            (Some(_), _) => Round::Stuck,
            (None, true) => Round::Empty,
            (None, false) => Round::More,
        }
    }

    /// Takes the deposits of one item; returns when the oldest of those was received that could not be taken.
    async fn take_all(&self, deposits: Vec<(DepositId, Deposit)>) -> Result<Option<Timestamp>, Unanswered> {
        let mut left = None;
        for (id, deposit) in deposits {
            match self.take(&deposit).await {
                Ok(()) => failpoints::reached(Failpoint::Drained),
                // It cannot be taken, and those after it may be.
                Err(CommitError::Contended | CommitError::Journal(JournalError::Refused(_))) => {
                    left = left.or(Some(deposit.received_at));
                    continue;
                }
                Err(CommitError::Journal(_)) => return Err(Unanswered),
            }
            if let Err(error) = self.archive.remove(&id).await {
                tracing::warn!(%error, "a deposit that was ingested could not be removed; it will be found known");
                return Err(Unanswered);
            }
            self.ingest.instance.vitals.inbox_drained.add(1);
        }
        Ok(left)
    }

    async fn take(&self, deposit: &Deposit) -> Result<(), CommitError> {
        let provenance = Provenance {
            source: Cause::Webhook,
            received_at: deposit.received_at,
            collection: deposit.collection,
            trace_id: deposit.trace_id.clone(),
        };
        let ingested = self.ingest.observe(&deposit.observation, &provenance).await;
        let work_item = deposit.observation.id;
        match &ingested {
            Ok(Ingested::Committed { events }) => {
                tracing::info!(%work_item, events, "drained from the inbox")
            }
            Ok(Ingested::Known) => tracing::debug!(%work_item, "drained from the inbox, and known"),
            Ok(Ingested::ForeignCollection) => {
                self.ingest.instance.vitals.dead_letter(deposit.received_at, "foreign_collection", 0, None);
                tracing::warn!(%work_item, "a deposit comes from another collection and is a dead letter");
            }
            Err(error) => tracing::warn!(%work_item, %error, "a deposit cannot be ingested yet"),
        }
        ingested.map(|_| ())
    }
}
