//! Sprints that are over: their boards are kept as they were told when nothing of them changed any more, and told so from
//! then on, whatever becomes of the items and of the definitions.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::archive::{Archive, ArchiveError, FinishedSprint};
use crate::board::figures::knows_past;
use crate::board::past::{AskedPast, NoPast};
use crate::board::snapshot::Snapshots;
use crate::domain::metrics::{AskedIdeal, AskedNumber, DEFINITION, is_settled, kept_ideal, review_number};
use crate::domain::sprint::catalogue::SprintState;
use crate::domain::{Level, Scope, TeamKey, Timestamp};
use crate::ops::instance::Instance;

/// How often it is looked for sprints that are settled.
const POLL_INTERVAL: Duration = Duration::from_mins(10);

/// How long a reader waits for the archive.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// How large a board is kept with its items, in bytes of JSON: an entity of Table storage has 1 MiB at most, in UTF-16.
const BOARD_BYTES_MAX: usize = 400_000;

/// What freezes the boards of sprints that are over, and finds them again.
pub struct FinishedSprints {
    /// Where they are kept; without one nothing is frozen, and every past is computed.
    pub archive: Option<Arc<dyn Archive>>,
    /// This instance: one freezes for all.
    pub instance: Instance,
    /// Computes them.
    pub snapshots: Arc<Snapshots>,
    frozen: Mutex<HashSet<Scope>>,
}

impl FinishedSprints {
    pub(crate) fn new(
        archive: Option<Arc<dyn Archive>>,
        instance: Instance,
        snapshots: Arc<Snapshots>,
    ) -> Self {
        Self { archive, instance, snapshots, frozen: Mutex::default() }
    }

    /// Freezes what is settled, for as long as the process lives; never returns.
    pub(crate) async fn keep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let lease = self.instance.leases.lease("finished", &self.instance.id, POLL_INTERVAL * 2).await;
            if lease == Ok(true)
                && let Err(error) = self.freeze().await
            {
                tracing::warn!(%error, "a finished sprint cannot be kept in the archive; trying again");
            }
        }
    }

    /// Freezes every sprint that is settled and of which all is known; returns how many that were.
    ///
    /// Errors: the archive failed. What was not kept is kept by the next look.
    pub async fn freeze(&self) -> Result<usize, ArchiveError> {
        let Some(archive) = &self.archive else { return Ok(0) };
        let now = (self.instance.clock)();
        let mut kept = 0;
        for scope in self.candidates(now) {
            if let Some(board) = self.settled(scope, now) {
                let frozen = FinishedSprint { scope, frozen_at: now, definition: DEFINITION, board };
                archive.keep_sprint(&frozen).await?;
                self.frozen.lock().unwrap_or_else(PoisonError::into_inner).insert(scope);
                kept += 1;
            }
        }
        Ok(kept)
    }

    /// The boards of sprints that are settled, of teams of which the past is known, that this instance has not frozen yet.
    fn candidates(&self, now: Timestamp) -> Vec<Scope> {
        let state = self.instance.fold.read();
        let frozen = self.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |team: TeamKey| {
            let served = state.teams().served_scope(team);
            state.level_here(served) == Level::Full && knows_past(&state, served)
        };
        let mut found = Vec::new();
        for catalogue in state.teams().all().filter(|catalogue| is_known(catalogue.key())) {
            let settled = catalogue.iterations.iter().filter(|sprint| is_settled(catalogue, sprint, now));
            found.extend(settled.map(|sprint| catalogue.key().scope(Some(sprint.id))));
        }
        found.retain(|scope| !frozen.contains(scope));
        found
    }

    /// The board of a sprint as it is to be kept; `None` where not all of it is known.
    fn settled(&self, scope: Scope, now: Timestamp) -> Option<Value> {
        let board = self.snapshots.past(scope, AskedPast::Sprint(scope.sprint?)).ok()?;
        let review = board.review.as_ref()?;
        if review.unknown_items > 0 || review.settled_at > now || board.board.metrics.is_empty() {
            return None;
        }
        let mut board = serde_json::to_value(&board).ok()?;
        if board.to_string().len() > BOARD_BYTES_MAX {
            board.as_object_mut()?.remove("items");
        }
        Some(board)
    }

    /// The board of a team as it once was: as it was frozen, where it was, else as it is computed now.
    ///
    /// Errors: there is no such board, or the archive cannot tell whether it was frozen: what was told once is never computed
    /// anew.
    pub async fn past(&self, scope: Scope, asked: AskedPast) -> Result<Value, PastError> {
        if let AskedPast::Sprint(sprint) = asked
            && let Some(frozen) = self.found(Scope { sprint: Some(sprint), ..scope }).await?
        {
            let FinishedSprint { frozen_at, definition, mut board, .. } = frozen;
            tell(&mut board, json!({ "at": frozen_at, "definition": definition }));
            return Ok(board);
        }
        let board = self.snapshots.past(scope, asked).map_err(PastError::NoPast)?;
        // Strings, numbers and maps with string keys cannot fail to serialise.
        Ok(serde_json::to_value(board).unwrap_or_default())
    }

    /// Where a number of that board comes from, by what is known now; with what it was frozen as, where it was: that may be
    /// another number. `None` when there is no such metric.
    ///
    /// Errors: as of the board.
    pub async fn explain(
        &self,
        scope: Scope,
        asked: AskedPast,
        metric: &str,
    ) -> Result<Option<Value>, PastError> {
        let frozen = match asked {
            AskedPast::Sprint(sprint) => self.found(Scope { sprint: Some(sprint), ..scope }).await?,
            AskedPast::Day(_) | AskedPast::Instant { .. } => None,
        };
        let explanation = self.snapshots.explain_past(scope, asked, metric).map_err(PastError::NoPast)?;
        let Some(explanation) = explanation else { return Ok(None) };
        let mut explanation = serde_json::to_value(explanation).unwrap_or_default();
        if let Some(frozen) = frozen {
            let of = |part: &str, name: &str| frozen.board.get(part).and_then(|all| all.get(name));
            let value = match (review_number(metric), AskedIdeal::parse(metric)) {
                (None, None) => of("metrics", metric).and_then(|metric| metric.get("value")),
                (None, Some(ideal)) => kept_ideal(ideal, &frozen.board),
                // In another unit it is no number that was kept.
                (Some(AskedNumber { number, unit }), _) => {
                    let is_kept_in = unit.is_none_or(|unit| of("review", "unit") == Some(&json!(unit)));
                    of("review", number.field).filter(|_| is_kept_in)
                }
            };
            let FinishedSprint { frozen_at, definition, .. } = &frozen;
            tell(&mut explanation, json!({ "at": frozen_at, "definition": definition, "value": value }));
        }
        Ok(Some(explanation))
    }

    /// Whether the board of a sprint may be in the archive: one that is not over is in none.
    fn may_be_kept(&self, scope: Scope) -> bool {
        let (state, now) = (self.instance.fold.read(), (self.instance.clock)());
        let team = state.teams().catalogue_of(scope);
        let found = team.and_then(|team| team.sprint_state(team.sprint(scope.sprint?)?, now));
        scope.team.is_some() && !matches!(found, Some(SprintState::Current | SprintState::Future))
    }

    async fn found(&self, scope: Scope) -> Result<Option<FinishedSprint>, PastError> {
        let Some(archive) = self.archive.as_ref().filter(|_| self.may_be_kept(scope)) else {
            return Ok(None);
        };
        match tokio::time::timeout(READ_TIMEOUT, archive.finished_sprint(scope)).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => tracing::warn!(%error, "the archive cannot tell of a finished sprint"),
            Err(_) => tracing::warn!("the archive does not tell of a finished sprint in time"),
        }
        Err(PastError::ArchiveAway)
    }
}

/// Says on an answer that its board is kept.
fn tell(answer: &mut Value, frozen: Value) {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("frozen".into(), frozen);
    }
}

/// Why a board of the past is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastError {
    /// There is none.
    NoPast(NoPast),
    /// The archive does not answer.
    ArchiveAway,
}
