//! The relay: follows the log and hands each commit to the fold and then to the hub. Nobody else publishes, and nobody
//! else knows how this instance stands with the journal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::board::projection::{Projection, TAIL_ENTRIES};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::record::source_check::SourceCheck;
use crate::domain::scope::Audience;
use crate::domain::stored::Stored as _;
use crate::domain::time::Timestamp;
use crate::journal::{CommitOutcome, Entry, EntryId, JournalError, RecordKey, Versioned};
use crate::ops::failpoints::{self, Failpoint};
use crate::ops::instance::Instance;
use crate::stream::hub::Hub;
use crate::stream::hub::frame::Frame;
use crate::write::commit::{Change, CommitBuilder, commit_once};
use crate::write::restore::Restore;

/// How long the relay waits before it tries a journal again that did not answer.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// How long it waits before it looks again whether a newer version still writes the journal.
const OUTDATED_RETRY_AFTER: Duration = Duration::from_secs(5);

/// For how long the journal must not have answered before readers are told. A store that hands over to its replica is
/// away for about as long, and nobody is helped by a board that flickers.
const AWAY_AFTER: Duration = Duration::from_secs(1);

/// Follows a journal for as long as the process lives.
#[derive(Clone)]
pub struct Relay {
    /// This instance: its journal is followed, and its boards are written.
    pub instance: Instance,
    /// This instance's readers.
    pub hub: Arc<Hub>,
}

/// Has readers told that a relay died: what they see does not move until there is another one.
struct CutOffByPanic<'a>(&'a Instance);

impl Drop for CutOffByPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let now = (self.0.clock)();
            self.0.fold.change_journal_status(|status| {
                status.cut_off().is_none().then_some(JournalStatus::Away(now))
            });
        }
    }
}

/// Since when the journal does not answer; `None` while it does. How long that is must not depend on the clock, which
/// somebody may set back meanwhile.
type Silence = Option<(Timestamp, Instant)>;

impl Relay {
    /// Loads the journal and follows its log; begins anew whenever the log was lost.
    pub async fn run(self) {
        let _guard = CutOffByPanic(&self.instance);
        let mut silence = Silence::None;
        loop {
            let error = self.follow(&mut silence).await;
            let pause = self.failed(&error, &mut silence);
            tokio::time::sleep(pause).await;
        }
    }

    /// Returns when the log cannot be followed any further.
    async fn follow(&self, silence: &mut Silence) -> JournalError {
        let mut position = match self.begin().await {
            Ok(position) => position,
            Err(error) => return error,
        };
        self.answered(silence);
        loop {
            let entries = match self.instance.journal.tail(position, TAIL_ENTRIES).await {
                Ok(entries) => entries,
                Err(error @ (JournalError::Lost | JournalError::Newer { .. } | JournalError::Foreign(_))) => {
                    return error;
                }
                Err(error) => {
                    // The position is still good: an outage is waited out, not answered with a reset.
                    tokio::time::sleep(self.failed(&error, silence)).await;
                    // A tail is silent while nothing happens, so it does not tell that the log can be read again.
                    match self.instance.journal.holds(position).await {
                        Ok(true) => {
                            self.answered(silence);
                            self.instance.vitals.log_seen(position);
                        }
                        Ok(false) => return JournalError::Lost,
                        Err(_) => {}
                    }
                    continue;
                }
            };
            failpoints::reached(Failpoint::Relayed);
            let is_whole = self.hand_on(&entries);
            if let Some(last) = entries.last() {
                position = last.id;
            }
            if !is_whole {
                // The records may be decodable where an entry that tells of them is not.
                position = match self.begin().await {
                    Ok(position) => position,
                    Err(error) => return error,
                };
            }
        }
    }

    /// Hands entries to the fold and to the hub; `false` where the fold lacks what some of them tell.
    fn hand_on(&self, entries: &[Entry]) -> bool {
        if let Some(last) = entries.last() {
            self.instance.vitals.log_seen(last.id);
        }
        if let Some(told) = entries.iter().rev().find(|entry| entry.content.event.is_some()) {
            self.instance.vitals.board_changed(told.id);
        }
        // The fold comes first, so that a snapshot is never older than what its reader was already sent.
        let undecodable = self.instance.fold.apply(entries);
        for id in &undecodable {
            self.instance.vitals.entries_undecodable.add(1);
            tracing::error!(entry = %id, "a log entry cannot be decoded; the records are loaded instead");
        }
        self.hub.publish(entries.iter().map(frame));
        undecodable.is_empty()
    }

    /// Takes note of a failure; returns how long to wait before the next attempt.
    fn failed(&self, error: &JournalError, silence: &mut Silence) -> Duration {
        let now = (self.instance.clock)();
        let status = self.instance.fold.journal_status();
        match error {
            JournalError::Lost => {
                self.instance.vitals.logs_lost.add(1);
                tracing::error!(
                    "the log was emptied or set back: the boards of this instance are being restored into it"
                );
                self.instance.fold.set_journal_status(JournalStatus::Lost(status.cut_off().unwrap_or(now)));
                return RETRY_AFTER;
            }
            JournalError::Newer { .. } | JournalError::Foreign(_) => {
                self.instance.vitals.log_unreadable();
                if !matches!(status, JournalStatus::Outdated(_)) {
                    tracing::error!(%error, "hooks are refused and streams are closed");
                    self.instance.fold.set_journal_status(JournalStatus::Outdated(now));
                }
                return OUTDATED_RETRY_AFTER;
            }
            JournalError::Unavailable(_) | JournalError::Refused(_) => self.instance.vitals.log_unreadable(),
        }
        let (since, began) = *silence.get_or_insert_with(|| {
            tracing::warn!(%error, "the journal does not answer; trying again until it does");
            (now, Instant::now())
        });
        if status.is_read() && began.elapsed() >= AWAY_AFTER {
            self.instance.fold.set_journal_status(JournalStatus::Away(since));
        }
        RETRY_AFTER
    }

    fn answered(&self, silence: &mut Silence) {
        if let Some((_, began)) = silence.take() {
            tracing::info!(after_ms = began.elapsed().as_millis(), "the journal answers again");
        }
        // That it can be read does not say that it can be written, which is the probe's to tell.
        self.instance.fold.change_journal_status(|status| match (status, status.cut_off()) {
            (JournalStatus::ReadOnly(_), _) => None,
            (_, Some(since)) if self.instance.writes.refused().is_some() => {
                Some(JournalStatus::ReadOnly(since))
            }
            _ => Some(JournalStatus::Following),
        });
    }

    /// Loads the boards; those of a log that was lost are put into the new one before; and begins the hub there.
    async fn begin(&self) -> Result<EntryId, JournalError> {
        self.ensure_epoch().await?;
        let (state, undecodable) = match self.is_another_log().await? {
            true => self.restore().await?,
            false => Projection::load(&*self.instance.journal).await?,
        };
        for key in undecodable {
            self.instance.vitals.entries_undecodable.add(1);
            tracing::error!(key, "a record or a log entry cannot be decoded and was left out");
        }
        let position = state.position();
        let replayed_from = self.instance.journal.entry_before(self.hub.replayed_min()).await?;
        self.instance.fold.reset(state);
        self.instance.vitals.log_followed_from(position);
        if let Some(touched) = self.instance.fold.read().boards().map(|(_, board)| board.touched).max() {
            self.instance.vitals.board_changed(touched);
        }
        self.hub.reset(position, replayed_from);
        Ok(position)
    }

    /// Whether the boards here are of another log than there is now: what they hold may be nowhere else. Whoever told
    /// last how this instance stands with the journal need not have known.
    async fn is_another_log(&self) -> Result<bool, JournalError> {
        match (self.instance.fold.journal_status(), self.instance.fold.position()) {
            (JournalStatus::Lost(_), _) => Ok(true),
            (_, Some(position)) => Ok(!self.instance.journal.holds(position).await?),
            (_, None) => Ok(false),
        }
    }

    async fn restore(&self) -> Result<(Projection, Vec<String>), JournalError> {
        let ours = self.instance.fold.read().clone();
        let Instance { journal, leases, id, allowed, .. } = self.instance.clone();
        let restore = Restore { journal, leases, id, allowed };
        restore.run(&ours).await
    }

    /// A log begins with a silent entry that names its epoch and whose it is, so no reader is ever given the position
    /// 0-0. It begins anew where the items that it tells of are gone: then every instance puts back what it knows, and one
    /// that knows nothing claims nothing before it has compared.
    ///
    /// Errors: [`JournalError::Foreign`] where it is somebody else's.
    async fn ensure_epoch(&self) -> Result<(), JournalError> {
        let ours = self.instance.owner.identity();
        let keys = [
            RecordKey::epoch(),
            RecordKey::owner(),
            RecordKey::items_expected(),
            RecordKey::items(),
            RecordKey::feed(),
        ];
        let records = self.instance.journal.read(&keys).await?;
        let [epoch, owner, expected, items, feed] = records.as_slice() else {
            return Err(JournalError::Lost);
        };
        if let Some(theirs) = owner.as_ref().filter(|theirs| theirs.value != ours) {
            let theirs = String::from_utf8_lossy(&theirs.value);
            return Err(JournalError::Foreign(format!(
                "it is kept for `{theirs}` and this instance works for `{ours}`; correct BOARDCAST_ORGANIZATION_URL \
                 or BOARDCAST_DEPLOYMENT, or give it a store of its own"
            )));
        }
        if [epoch, owner, expected, items].into_iter().all(Option::is_some) {
            return Ok(());
        }
        let version = |record: &Option<Versioned>| record.as_ref().map(|record| record.version);
        let are_items_gone = expected.is_some() && items.is_none();
        let mut commit = CommitBuilder::new();
        if epoch.is_none() || are_items_gone {
            commit.put(Change::Epoch(uuid::Uuid::new_v4().to_string()), version(epoch));
        }
        commit.put(Change::Owner(ours.to_owned()), version(owner));
        commit.put(Change::Begun(RecordKey::items()), version(items));
        commit.put(Change::Begun(RecordKey::items_expected()), version(expected));
        if are_items_gone {
            tracing::error!(
                "the items are gone from the journal, as where a store drops keys when its memory is full: it is \
                 begun anew, and whoever knows items puts them back"
            );
            // Whoever puts items back knows when they were compared, too.
            let check = feed.as_ref().and_then(|feed| SourceCheck::decode(&feed.value).ok());
            if let Some(check) = check {
                commit.put(Change::Checked(Box::new(check.without_comparisons())), version(feed));
            }
        }
        let Some(commit) = commit.build(Audience::Everyone) else { return Ok(()) };
        match commit_once(&*self.instance.journal, commit).await? {
            CommitOutcome::Committed(_) => {}
            CommitOutcome::Conflict(_) => tracing::debug!("another instance set the epoch first"),
        }
        Ok(())
    }
}

fn frame(entry: &Entry) -> Frame {
    Frame::new(entry.id, entry.content.audience, entry.content.event.as_deref())
}
