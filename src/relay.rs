//! The relay: follows the log and hands each commit to the fold and then to the hub. Nobody else publishes.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::log::Delta;
use crate::domain::scope::Audience;
use crate::fold::Fold;
use crate::hub::Hub;
use crate::hub::frame::Frame;
use crate::store::{Commit, Entry, EntryId, Journal, JournalError, NewEntry, Outcome, RecordKey};
use crate::vitals::Vitals;

/// How many entries are read from the log at once.
const TAIL_ENTRIES: usize = 512;

/// How long the relay waits before it tries a journal again that did not answer.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Follows a journal for as long as the process lives.
pub struct Relay {
    /// What is followed.
    pub journal: Arc<dyn Journal>,
    /// This instance's boards.
    pub fold: Arc<Fold>,
    /// This instance's readers.
    pub hub: Arc<Hub>,
    /// Counters.
    pub vitals: Arc<Vitals>,
}

impl Relay {
    /// Loads the journal and follows its log; begins anew whenever the log was lost.
    pub async fn run(self) {
        loop {
            match self.follow().await {
                JournalError::Lost => {
                    self.vitals.logs_lost.add(1);
                    tracing::error!(
                        "the log no longer holds our position; readers start again from a snapshot"
                    );
                }
                error => {
                    self.vitals.log_unreadable();
                    tracing::warn!(%error, "the journal does not answer; trying again");
                }
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Returns when the log cannot be followed any further.
    async fn follow(&self) -> JournalError {
        let mut position = match self.begin().await {
            Ok(position) => position,
            Err(error) => return error,
        };
        loop {
            let entries = match self.journal.tail(position, TAIL_ENTRIES).await {
                Ok(entries) => entries,
                Err(JournalError::Lost) => return JournalError::Lost,
                Err(error) => {
                    // The position is still good: an outage is waited out, not answered with a reset.
                    self.vitals.log_unreadable();
                    tracing::warn!(%error, "the log cannot be read; trying again");
                    tokio::time::sleep(RETRY_AFTER).await;
                    // A tail is silent while nothing happens, so it does not tell that the log can be read again.
                    if self.journal.holds(position).await.is_ok() {
                        self.vitals.log_seen(position);
                    }
                    continue;
                }
            };
            if let Some(last) = entries.last() {
                self.vitals.log_seen(last.id);
            }
            if let Some(told) = entries.iter().rev().find(|entry| entry.content.event.is_some()) {
                self.vitals.board_changed(told.id);
            }
            // The fold comes first, so that a snapshot is never older than what its reader was already sent.
            for id in self.fold.apply(&entries) {
                self.vitals.entries_undecodable.add(1);
                tracing::error!(entry = %id, "a log entry cannot be decoded and was passed over");
            }
            if let Some(last) = entries.last() {
                position = last.id;
            }
            self.hub.publish(entries.iter().map(frame));
        }
    }

    async fn begin(&self) -> Result<EntryId, JournalError> {
        self.ensure_epoch().await?;
        let loaded = self.journal.load().await?;
        let position = loaded.position;
        for key in self.fold.reset(loaded) {
            self.vitals.entries_undecodable.add(1);
            tracing::error!(key, "a record cannot be decoded and was left out");
        }
        self.vitals.log_followed_from(position);
        if let Some(touched) = self.fold.read().boards().map(|(_, board)| board.touched).max() {
            self.vitals.board_changed(touched);
        }
        self.hub.reset(position);
        Ok(position)
    }

    /// A log begins with a silent entry that names its epoch, so no reader is ever given the position 0-0.
    async fn ensure_epoch(&self) -> Result<(), JournalError> {
        let key = RecordKey::epoch();
        if let [Some(_)] = self.journal.read(std::slice::from_ref(&key)).await?.as_slice() {
            return Ok(());
        }
        let epoch = uuid::Uuid::new_v4().to_string();
        let delta = Delta { writes: vec![key.to_string()], epoch: Some(epoch.clone()), ..Delta::default() };
        let commit = Commit {
            checks: vec![(key.clone(), None)],
            writes: vec![(key, Some(epoch.into()))],
            entries: vec![NewEntry {
                audience: Audience::Everyone,
                event: None,
                delta: Some(delta.encode().into()),
            }],
        };
        match self.journal.commit(commit).await? {
            Outcome::Committed(_) => {}
            Outcome::Conflict(_) => tracing::debug!("another instance set the epoch first"),
        }
        Ok(())
    }
}

fn frame(entry: &Entry) -> Frame {
    Frame::new(entry.id, entry.content.audience, entry.content.event.as_deref())
}
