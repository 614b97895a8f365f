//! The inbox: what the journal cannot take waits in the archive, and is ingested when the journal answers again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::archive::{Archive, ArchiveError, Deposit, DepositId};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::Text;
use crate::domain::sprint::work_item::{Observation, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::journal::JournalError;
use crate::ops::failpoints::{self, Failpoint};
use crate::ops::writes::COMMIT;
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

/// How often the journal may refuse a deposit before it is set aside.
const REFUSALS_MAX: u32 = 5;

/// How long a deposit for another journal of the same owner is left for whoever follows that, in milliseconds. After
/// this nobody does: the journal was lost.
const FOREIGN_KEPT_MS: i64 = 7 * 24 * 60 * 60_000;

/// The inbox of one archive. Every instance drains it: that two take the same deposit does no harm, because it is merged.
pub struct Inbox {
    archive: Arc<dyn Archive>,
    ingest: Arc<Ingest>,
    deposited: Notify,
    memory: Mutex<Memory>,
}

/// What is known of deposits that stay in the inbox.
#[derive(Default)]
struct Memory {
    /// The epochs of the journal that this instance has followed.
    epochs: HashSet<Text>,
    /// Deposits for another journal of the same owner, which were ingested and left for those who follow that.
    left_to_others: HashMap<DepositId, Timestamp>,
    /// How often the journal refused a deposit.
    refusals: HashMap<DepositId, u32>,
}

/// The journal or the archive does not answer.
struct Unanswered;

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Nothing is left that could be taken.
    Empty,
    /// The journal or the archive does not answer, or something could not be taken.
    Stuck,
}

impl Inbox {
    /// Whether the archive can be written, read and deleted from now. Errors: why not.
    pub async fn probe(&self) -> Result<(), ArchiveError> {
        self.archive.waiting(None, 1).await?;
        self.archive.probe().await
    }

    /// The inbox of that archive, drained into that write path.
    pub fn new(archive: Arc<dyn Archive>, ingest: Arc<Ingest>) -> Self {
        Self { archive, ingest, deposited: Notify::new(), memory: Mutex::default() }
    }

    /// Keeps an observation that could not be ingested. Errors: it is not kept.
    pub async fn keep(&self, observation: &Observation, provenance: &Provenance) -> Result<(), ArchiveError> {
        let deposit = Deposit {
            observation: observation.clone(),
            received_at: provenance.received_at,
            collection: provenance.collection,
            trace_id: provenance.trace_id.clone(),
            epoch: self.ingest.instance.fold.read().epoch().map(Text::from),
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
            // Nothing can be taken before the journal is back, and then it is taken at once. Where it takes writes only
            // now and then that is when the last one was taken: the probe tries, and hooks do.
            let _ = contact.wait_for(JournalStatus::is_read).await;
            if !self.ingest.instance.writes.are_taken(COMMIT) {
                tokio::time::sleep(RETRY_FIRST).await;
                continue;
            }
            match self.drain_once().await {
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

    /// Takes deposits, the oldest first, ingests each, and only then removes it: an instance that dies in between leaves
    /// a row that the next one merges to nothing. What cannot be taken does not hide what waits behind it.
    pub async fn drain_once(&self) -> Round {
        // Before the boards are loaded nobody knows whose journal this is, and each deposit would be left to others.
        if !self.knows_epoch() {
            return Round::Stuck;
        }
        let (mut left, mut after) = (None, None);
        loop {
            let waiting = match self.archive.waiting(after.as_ref(), ROUND_MAX).await {
                Ok(waiting) => waiting,
                Err(error) => {
                    tracing::warn!(%error, "the inbox cannot be read; trying again");
                    return Round::Stuck;
                }
            };
            let is_last = waiting.len() < ROUND_MAX;
            after = waiting.last().map(|(id, _)| id.clone());
            let ours: Vec<_> = waiting.into_iter().filter(|(id, _)| !self.is_left_to_others(id)).collect();
            let oldest = ours.first().map(|(_, deposit)| deposit.received_at);
            self.ingest.instance.vitals.inbox_oldest.set(left.or(oldest));
            let Ok(left_here) = self.take_page(ours).await else { return Round::Stuck };
            left = left.or(left_here);
            if is_last {
                self.ingest.instance.vitals.inbox_oldest.set(left);
                return if left.is_some() { Round::Stuck } else { Round::Empty };
            }
        }
    }

    /// Takes deposits of several items; returns when the oldest of those was received that could not be taken.
    async fn take_page(&self, page: Vec<(DepositId, Deposit)>) -> Result<Option<Timestamp>, Unanswered> {
        // What is told of one item stays in the order in which it came; other items need not wait for that.
        let mut of_items = BTreeMap::<WorkItemId, Vec<(DepositId, Deposit)>>::new();
        for (id, deposit) in page {
            of_items.entry(deposit.observation.id).or_default().push((id, deposit));
        }
        let futures: Vec<_> = of_items.into_values().map(|deposits| self.take_all(deposits)).collect();
        let taken: Vec<_> = stream::iter(futures).buffer_unordered(ITEMS_AT_ONCE).collect().await;
        let left = taken.into_iter().collect::<Result<Vec<_>, Unanswered>>()?;
        Ok(left.into_iter().flatten().min())
    }

    /// Takes the deposits of one item; returns when the oldest of those was received that could not be taken.
    async fn take_all(&self, deposits: Vec<(DepositId, Deposit)>) -> Result<Option<Timestamp>, Unanswered> {
        let mut left = None;
        for (id, deposit) in deposits {
            match self.take(&deposit).await {
                Ok(()) => failpoints::reached(Failpoint::Drained),
                // It cannot be taken, and those after it may be.
                Err(CommitError::Contended) => {
                    left = left.or(Some(deposit.received_at));
                    continue;
                }
                Err(CommitError::Journal(JournalError::Refused(why))) => {
                    if !self.set_aside_if_hopeless(&id, &deposit, why).await {
                        left = left.or(Some(deposit.received_at));
                    }
                    continue;
                }
                Err(CommitError::Journal(_)) => return Err(Unanswered),
            }
            if self.is_for_another_journal(&deposit) {
                self.memory().left_to_others.insert(id, deposit.received_at);
                continue;
            }
            if let Err(error) = self.archive.remove(&id).await {
                tracing::warn!(%error, "a deposit that was ingested could not be removed; it will be found known");
                return Err(Unanswered);
            }
            self.ingest.instance.vitals.inbox_drained.add(1);
        }
        Ok(left)
    }

    /// Notes which journal is followed now; whether any is known.
    fn knows_epoch(&self) -> bool {
        let now = self.ingest.instance.fold.read().epoch().map(Text::from);
        let mut memory = self.memory();
        memory.epochs.extend(now);
        !memory.epochs.is_empty()
    }

    /// Whether another journal of the same owner could not take it, whose instances have yet to.
    fn is_for_another_journal(&self, deposit: &Deposit) -> bool {
        let is_other = |epoch| !self.memory().epochs.contains(epoch);
        !self.is_too_old(deposit.received_at) && deposit.epoch.as_ref().is_some_and(is_other)
    }

    fn is_left_to_others(&self, id: &DepositId) -> bool {
        let mut memory = self.memory();
        let is_left = memory.left_to_others.get(id).is_some_and(|received_at| !self.is_too_old(*received_at));
        if !is_left {
            memory.left_to_others.remove(id);
        }
        is_left
    }

    /// Whether those for whom it is left would have taken it by now.
    fn is_too_old(&self, received_at: Timestamp) -> bool {
        (self.ingest.instance.clock)().ms_since(received_at) > FOREIGN_KEPT_MS
    }

    /// Counts a refusal, and sets the deposit aside that was refused too often: `true` where it is out of the way.
    async fn set_aside_if_hopeless(&self, id: &DepositId, deposit: &Deposit, why: &str) -> bool {
        let refusals = {
            let mut memory = self.memory();
            let refusals = memory.refusals.entry(id.clone()).or_default();
            *refusals += 1;
            *refusals
        };
        if refusals < REFUSALS_MAX {
            return false;
        }
        if let Err(error) = self.archive.set_aside(id, deposit).await {
            tracing::warn!(%error, "a deposit that the journal refuses could not be set aside; trying again");
            return false;
        }
        self.memory().refusals.remove(id);
        self.ingest.instance.vitals.inbox_set_aside.add(1);
        tracing::error!(
            work_item = %deposit.observation.id, deposit = id.as_str(), why,
            "a kept service hook was set aside because the journal refuses it; please report this as a defect of boardcast"
        );
        true
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
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
            Ok(Ingested::ForeignProject) => {
                self.ingest.instance.vitals.dead_letter(deposit.received_at, "foreign_project", 0, None);
                tracing::warn!(%work_item, "a deposit is of a project that is not served and is a dead letter");
            }
            Err(error) => tracing::warn!(%work_item, %error, "a deposit cannot be ingested yet"),
        }
        ingested.map(|_| ())
    }
}
