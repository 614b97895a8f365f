//! The synchronisation: what a timer sets off. It judges the window, does within its deadline what there is to do,
//! and says in one line what came of it.
//!
//! Boards are compared with the organisation, and the numbers that follow are announced. Where there is no organisation
//! to ask, hooks alone feed the boards, and what can be found out without one is found out: whether the journal can be
//! read, and what the boards then show. A process that the Functions host starts for its timer alone has no other way to
//! say that its journal is out of reach.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;

use crate::domain::metrics::threshold::AnnounceAt;
use crate::domain::wire::event;
use crate::domain::{JournalStatus, SyncWindow, Timestamp};
use crate::journal::{EntryId, JournalError, RecordKey};
use crate::ops::instance::Instance;
use crate::sync::source::{Check, Source};
use crate::write::announce::Deriver;

/// How long the schedule sleeps at most before it looks at the clock again. Clocks are set, and machines sleep: a
/// timer that was set for tomorrow morning knows of neither.
const POLL_INTERVAL: Duration = Duration::from_mins(1);

/// Synchronises: everything that it takes.
pub struct Synchronisation {
    /// This instance.
    pub instance: Instance,
    /// When to synchronise.
    pub window: SyncWindow,
    /// After how long a run gives up.
    pub deadline: Duration,
    /// The organisation that boards are compared with, if there is one.
    pub source: Option<Arc<Source>>,
    /// What announces the numbers that follow: this process may end as soon as the timer is answered.
    pub deriver: Option<Arc<Deriver>>,
    /// The run that was begun last.
    pub under_way: UnderWay,
}

/// What came of a run, once it has ended.
pub type UnderWay = Mutex<Option<watch::Receiver<Option<SyncReport>>>>;

/// What came of a run. It is displayed in one line, for the log of what set it off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncReport {
    /// Nothing was done, because the time is outside the window.
    Skipped {
        /// What of it is outside.
        reason: String,
    },
    /// Boards were compared with the organisation; not all of them, where something failed.
    Compared(Check),
    /// The journal can be read, and there is no organisation to ask.
    Checked {
        /// How many items are known.
        items: usize,
        /// The newest change on the boards.
        newest_change: Option<Timestamp>,
    },
    /// It could not be done.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was not done in time.
    TimedOut {
        /// The deadline.
        after: Duration,
    },
}

impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped { reason } => write!(f, "skipped: {reason}"),
            Self::Compared(Check { scopes, changed, failed, error }) => {
                write!(f, "compared: {scopes} boards, {changed} work items had changed")?;
                if !failed.is_empty() {
                    write!(f, "; {} projects could not be compared", failed.len())?;
                }
                error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Self::Checked { items, newest_change } => {
                write!(f, "checked: the journal can be read, items: {items}")?;
                if let Some(at) = newest_change {
                    write!(f, ", newest change: {at}")?;
                }
                f.write_str("; no organisation is configured, hooks alone feed the boards")
            }
            Self::Failed { reason } => write!(f, "failed: {reason}"),
            Self::TimedOut { after } => {
                write!(f, "timed out: not done within {} ms; the next run begins anew", after.as_millis())
            }
        }
    }
}

impl SyncReport {
    /// Tells the log, as a warning when the next run had better do better.
    pub fn log(&self) {
        match self {
            Self::Compared(Check { error: Some(_), .. }) | Self::Failed { .. } | Self::TimedOut { .. } => {
                tracing::warn!(outcome = %self, "synchronisation");
            }
            Self::Compared(_) | Self::Skipped { .. } | Self::Checked { .. } => {
                tracing::info!(outcome = %self, "synchronisation");
            }
        }
    }
}

impl Synchronisation {
    /// Runs once, if the time is inside the window, and returns within the deadline whatever happens. A run that is under
    /// way is joined: whoever asks for several at once gets one. It is finished even when nobody waits for it any longer.
    pub async fn run(self: &Arc<Self>) -> SyncReport {
        let mut report = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            match under_way.as_ref().filter(|report| report.borrow().is_none()) {
                Some(report) => report.clone(),
                None => {
                    let (tell, told) = watch::channel(None);
                    let sync = self.clone();
                    tokio::spawn(async move { tell.send_replace(Some(sync.run_alone().await)) });
                    under_way.insert(told).clone()
                }
            }
        };
        let told = report.wait_for(Option::is_some).await.ok().and_then(|report| report.clone());
        told.unwrap_or_else(|| SyncReport::Failed { reason: "it was cut off".into() })
    }

    /// Runs once.
    ///
    /// Whether a run is late does not matter, only whether it still is inside: at its start the Functions host makes
    /// up for a run that it missed, at any hour and on any day.
    async fn run_alone(&self) -> SyncReport {
        // A timer that is not answered never fires again, so not even a defect may take the answer away. There is
        // nothing here that a panic could leave half done: what is kept changes in atomic steps only.
        let attempt = AssertUnwindSafe(self.attempt()).catch_unwind();
        match tokio::time::timeout(self.deadline, attempt).await {
            Ok(Ok(Ok(report))) => report,
            Ok(Ok(Err(error))) => SyncReport::Failed { reason: error.to_string() },
            Ok(Err(_)) => {
                SyncReport::Failed { reason: "a defect of boardcast; standard error says where".into() }
            }
            Err(_) => SyncReport::TimedOut { after: self.deadline },
        }
    }

    async fn attempt(&self) -> Result<SyncReport, JournalError> {
        if let Err(reason) = self.window.gate((self.instance.clock)()) {
            let reason = format!("the {reason} is outside {}", self.window);
            return Ok(SyncReport::Skipped { reason });
        }
        self.instance.journal.read(&[RecordKey::epoch()]).await?;
        if let JournalStatus::Lost(_) = self.instance.fold.journal_status() {
            return Err(JournalError::Lost);
        }
        // A process may be started for this very run; before its boards are loaded they would be reported as empty.
        self.instance.fold.passed(EntryId::ZERO).await;
        if let Some(source) = &self.source {
            let check = source.check(event::Cause::Timer).await;
            if check.scopes == 0 && (check.error.is_some() || !check.failed.is_empty()) {
                let reason = check.error.unwrap_or_else(|| "no project could be compared".into());
                return Ok(SyncReport::Failed { reason });
            }
            if let Some(deriver) = &self.deriver {
                deriver.derive_all(AnnounceAt::Now).await;
            }
            self.instance.vitals.last_sync.raise(Some((self.instance.clock)()));
            return Ok(SyncReport::Compared(check));
        }
        let state = self.instance.fold.read();
        let newest_change = state.boards().filter_map(|(_, board)| board.changed_at).max();
        self.instance.vitals.last_sync.raise(Some((self.instance.clock)()));
        Ok(SyncReport::Checked { items: state.items_len(), newest_change })
    }
}

/// Runs whenever the pattern comes to pass, and tells `tell` what came of it; never returns.
///
/// Runs do not overlap: what falls due during one is done with it. What falls due while the machine sleeps is made up
/// for by one run when it wakes, if that is inside the window.
pub async fn run_on_schedule(sync: Arc<Synchronisation>, mut tell: impl FnMut(&SyncReport)) {
    // Up to when everything that was due is done.
    let mut done = (sync.instance.clock)();
    loop {
        let due = sync.window.next_after(done);
        let now = (sync.instance.clock)();
        match due {
            Some(due) if due <= now => {
                tell(&sync.run().await);
                done = (sync.instance.clock)();
            }
            _ => {
                // Nothing was due until now. A clock that was set back is followed back: else nothing would be done
                // until it has caught up.
                done = now;
                let wait = due.map(|due| Duration::from_millis(due.ms_since(now).unsigned_abs()));
                tokio::time::sleep(wait.unwrap_or(POLL_INTERVAL).min(POLL_INTERVAL)).await;
            }
        }
    }
}
