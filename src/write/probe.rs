//! The probe: while writes of this instance are not taken it tries whether they are, and says so to its boards and so to
//! its readers. Nobody else does. While everything is taken it writes nothing.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::commit::{Change, CommitBuilder, CommitError, Conflicts, Proposal, commit_proposal};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::Audience;
use crate::domain::time::Timestamp;
use crate::journal::{Commit, RecordKey, Version};
use crate::ops::instance::Instance;

/// How long after a write that failed it is tried for the first time, and at most between two attempts that fail.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// For how long writes must have failed before readers are told. A store that hands over to its replica refuses them for
/// about as long.
const READ_ONLY_AFTER: Duration = Duration::from_secs(1);

/// For how long nothing must have failed before writes count as taken again: at first, and at most where they fail again
/// and again within [`RELAPSE_WITHIN`], so that readers are not told one thing and then the other.
const STEADY: Duration = Duration::from_secs(1);
const STEADY_MAX: Duration = Duration::from_secs(32);

/// How soon after writes were taken again they must fail for that to be the same trouble.
const RELAPSE_WITHIN: Duration = Duration::from_mins(1);

/// Tries whether writes are taken.
pub(crate) struct Probe {
    instance: Instance,
    steady: Duration,
    recovered: Option<Instant>,
}

/// The owner's record as it is: the same is written again.
struct Again {
    owner: String,
    version: Option<Version>,
}

impl Proposal for Again {
    fn build(&mut self) -> Option<Commit> {
        let version = self.version?;
        let mut commit = CommitBuilder::new();
        commit.put(Change::Owner(self.owner.clone()), Some(version));
        commit.build(Audience::Everyone)
    }

    async fn rebase(&mut self, conflicts: &Conflicts) {
        let (_, record) = conflicts.first().cloned().unzip();
        self.version = record.flatten().map(|record| record.version);
    }
}

impl Probe {
    /// Tries for as long as writes are not taken, whenever some are not; never returns.
    pub(crate) async fn keep(instance: Instance) {
        let mut probe = Self { instance, steady: STEADY, recovered: None };
        loop {
            if probe.instance.writes.refused().is_none() {
                probe.instance.writes.failed.notified().await;
                continue;
            }
            let (mut pause, mut status) = (PAUSE, probe.instance.fold.watch_journal_status());
            while probe.instance.writes.refused().is_some() {
                // A journal that comes back is tried at once.
                let _ = timeout(pause, status.changed()).await;
                pause = probe.look(pause).await;
            }
        }
    }

    /// Looks once; returns when to look again.
    async fn look(&mut self, pause: Duration) -> Duration {
        let Some(is_taken) = self.is_taken().await else { return PAUSE };
        if is_taken && self.instance.writes.forget_after(self.steady) {
            self.tell_taken();
            return PAUSE;
        }
        let Some(refused) = self.instance.writes.refused() else { return PAUSE };
        if refused.lasted() >= READ_ONLY_AFTER {
            self.tell_refused(refused.since);
        }
        match is_taken {
            true => self.steady.saturating_sub(refused.quiet()).max(PAUSE) / 2,
            false => (pause * 2).min(PAUSE_MAX),
        }
    }

    /// Whether a commit and a lease are taken now; `None` where nothing can be read either, which is the relay's to say,
    /// or where nothing may be written yet.
    async fn is_taken(&self) -> Option<bool> {
        let Instance { fold, journal, leases, owner, id, .. } = &self.instance;
        let status = fold.journal_status();
        fold.position().filter(|_| status.is_read())?;
        let version = journal.read(&[RecordKey::owner()]).await.ok()?.pop()??.version;
        let mut again = Again { owner: owner.identity().to_owned(), version: Some(version) };
        let committed = commit_proposal(&self.instance, &mut again).await;
        // Of a name of its own, because a lease that somebody else has is not written.
        let leased = leases.lease(&format!("probe/{id}"), id, PAUSE).await;
        match committed {
            Ok(None) | Err(CommitError::Contended) => None,
            committed => Some(committed.is_ok() && leased.is_ok()),
        }
    }

    fn tell_taken(&mut self) {
        self.instance.fold.change_journal_status(|status| {
            let JournalStatus::ReadOnly(since) = status else { return None };
            let after_ms = (self.instance.clock)().ms_since(since);
            tracing::info!(after_ms, "the journal can be written again");
            self.recovered = Some(Instant::now());
            Some(JournalStatus::Following)
        });
    }

    fn tell_refused(&mut self, since: Timestamp) {
        self.instance.fold.change_journal_status(|status| {
            if status != JournalStatus::Following {
                return None;
            }
            let is_relapse = self.recovered.is_some_and(|at| at.elapsed() < RELAPSE_WITHIN);
            self.steady = if is_relapse { (self.steady * 2).min(STEADY_MAX) } else { STEADY };
            tracing::error!("the journal can be read and not written; GET /api/health says why");
            Some(JournalStatus::ReadOnly(since))
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::advance;

    use super::*;
    use crate::board::projection::Projection;
    use crate::domain::owner::Owner;
    use crate::journal::memory::MemoryJournal;
    use crate::journal::{JournalError, LogRetention, Store};
    use crate::ops::writes::COMMIT;
    use crate::platform::clock;
    use crate::write::commit::commit_once;

    impl Probe {
        /// Writes fail for so long that it counts; whether readers are told.
        async fn fail(&mut self) -> bool {
            for _ in 0..3 {
                let failed: Result<(), _> = Err(JournalError::Unavailable("a planned fault".into()));
                self.instance.writes.note(COMMIT, &failed);
                advance(READ_ONLY_AFTER / 2).await;
                self.look(PAUSE).await;
            }
            self.is_told()
        }

        fn is_told(&self) -> bool {
            matches!(self.instance.fold.journal_status(), JournalStatus::ReadOnly(_))
        }

        /// Whether readers are still told after so many more milliseconds in which nothing failed.
        async fn is_told_after(&mut self, ms: u64) -> bool {
            advance(Duration::from_millis(ms)).await;
            self.look(PAUSE).await;
            self.is_told()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fault_b2_a_store_that_takes_writes_now_and_then_is_well_only_after_ever_longer() {
        let journal = Arc::new(MemoryJournal::new(clock::system(), LogRetention::DEFAULT));
        let store = Store::of(journal.clone());
        let instance = Instance::new(&store, Owner::hooks_alone(None), clock::system(), false);
        let mut commit = CommitBuilder::new();
        commit.put(Change::Owner(instance.owner.identity().to_owned()), None);
        let commit = commit.build(Audience::Everyone).unwrap();
        commit_once(&*journal, commit).await.unwrap();
        instance.fold.reset(Projection::load(&*journal).await.unwrap().0);
        let mut probe = Probe { instance, steady: STEADY, recovered: None };
        for longer_ms in [500, 1_500, 3_500] {
            assert!(probe.fail().await);
            assert!(probe.is_told_after(longer_ms - 100).await);
            assert!(!probe.is_told_after(100).await);
        }
        advance(RELAPSE_WITHIN).await;
        assert!(probe.fail().await);
        assert!(!probe.is_told_after(500).await, "what lasted is forgotten");
    }
}
