//! What checks find, as one record that all instances share, and the boards' levels, which follow from it. A change of
//! level is told by the commit that records what it follows from; by whoever notices first, where time alone makes it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hooks;
use crate::board::projection::Projection;
use crate::domain::degradation::{CallOutcome, Condition, DataSource, Failure, Permit, Policy};
use crate::domain::level::Level;
use crate::domain::record::last_announced::{Announced, AnnouncedRecord, LEVEL};
use crate::domain::record::source_check::{MockAsked, SourceCheck, WholeLevel};
use crate::domain::scope::{Audience, Scope, TeamKey, Text};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, Envelope, Subject};
use crate::domain::wire::level_change::level_change;
use crate::domain::wire::view::{Outage, PastProgress, board_url};
use crate::journal::{Commit, RecordKey};
use crate::ops::instance::Instance;
use crate::write::commit::{self, Change, CommitBuilder, CommitError};

/// By how much younger what is known has to be to be shown again once it was too old: the clocks of two instances differ.
const CLOCKS_APART_MS: i64 = 60_000;

/// Something that a check found, as what it changes in the record. It is done anew where another instance came first.
type Finding = Arc<dyn Fn(&mut SourceCheck) + Send + Sync>;

/// What the organisation answers, and the levels that follow.
pub struct Levels {
    asking: Mutex<Asking>,
    /// Held while findings are recorded: each is recorded once.
    recording: tokio::sync::Mutex<()>,
    policy: Policy,
    /// Whether this instance is to ask for simulated boards.
    asks_for_mock: MockAsked,
    /// Whether the log has that others ask otherwise.
    has_told_of_others: AtomicBool,
    instance: Instance,
}

/// What a check goes by, and what it found that is not recorded yet.
#[derive(Default)]
struct Asking {
    check: SourceCheck,
    found: Vec<Finding>,
}

/// A check that ended.
pub(super) struct Ended {
    /// What everybody is told of it, where anything was compared.
    pub(super) completed: Option<Body>,
    /// Who set it off, and when it began.
    pub(super) cause: Cause,
    pub(super) began: Timestamp,
    /// Whether the organisation said which projects there are.
    pub(super) was_answered: bool,
}

/// What a board's level is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BoardLevel {
    level: Level,
    outage: Option<Outage>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Levels {
    pub(super) fn new(instance: Instance, policy: Policy) -> Self {
        instance.vitals.source_level.set(Level::None);
        Self {
            asking: Mutex::default(),
            recording: tokio::sync::Mutex::default(),
            policy,
            asks_for_mock: MockAsked { on: policy.mock, since: (instance.clock)() },
            has_told_of_others: AtomicBool::default(),
            instance,
        }
    }

    /// A check begins, by what is recorded and what is still to be.
    pub(super) fn begin(&self) {
        let mut check = self.instance.fold.read().checked().clone();
        let mut asking = lock(&self.asking);
        asking.found.iter().for_each(|finding| finding(&mut check));
        asking.check = check;
    }

    /// Takes in what the check found; it is recorded by the next [`Self::record`].
    pub(super) fn found(&self, finding: impl Fn(&mut SourceCheck) + Send + Sync + 'static) {
        let mut asking = lock(&self.asking);
        finding(&mut asking.check);
        asking.found.push(Arc::new(finding));
    }

    /// What is known as the check under way goes.
    pub(super) fn known<T>(&self, look: impl FnOnce(&SourceCheck) -> T) -> T {
        look(&lock(&self.asking).check)
    }

    /// Whether a part may be asked for; without one, which projects there are.
    pub(super) fn permit(&self, part: Option<(DataSource, Scope)>) -> Permit {
        lock(&self.asking).check.condition(part).permit(&self.policy, (self.instance.clock)())
    }

    /// How it ended to ask for a part; `asked_at` is of when the answer is.
    pub(super) fn observe(
        &self,
        part: Option<(DataSource, Scope)>,
        outcome: CallOutcome,
        asked_at: Timestamp,
    ) {
        let (policy, jitter) = (self.policy, fastrand::f64());
        self.found(move |check| check.observe(part, outcome, asked_at, &policy, jitter));
    }

    /// A question that was permitted was not asked after all.
    pub(super) fn release(&self, part: (DataSource, Scope)) {
        lock(&self.asking).check.condition(Some(part)).release();
    }

    /// The worst of all levels that the organisation is the reason of, for where there is room for one word.
    pub fn worst(&self) -> Level {
        let state = self.instance.fold.read();
        let (check, now) = (state.checked(), (self.instance.clock)());
        let failing = state.boards().map(|(scope, _)| scope).filter(|scope| check.gone(*scope).is_some());
        let of_boards = failing.map(|scope| self.wanted(&state, check, scope, now).level).max();
        self.whole(check, now).level.max(of_boards.unwrap_or_default())
    }

    /// Records what was found since the last time, and announces every level that is another by it; in one commit.
    ///
    /// Errors: the journal failed, or other instances came first each time. What was found is kept for the next time.
    pub(super) async fn record(&self, ended: Option<Ended>) -> Result<(), CommitError> {
        let _recording = self.recording.lock().await;
        self.tell_of_others();
        let found: Vec<Finding> = lock(&self.asking).found.clone();
        let build = |state: &Projection| {
            let mut check = state.checked().clone();
            found.iter().for_each(|finding| finding(&mut check));
            self.commit_of(state, check, ended.as_ref())
        };
        let committed = commit::commit(&self.instance, build).await?;
        // Nobody else takes any away, and what came meanwhile is behind.
        lock(&self.asking).found.drain(..found.len());
        if let Some(committed) = committed {
            // What is asked next goes by what was found.
            commit::wait_until_folded(&self.instance, committed.position).await;
        }
        Ok(())
    }

    /// Says once that instances which share the store were told otherwise than this one.
    fn tell_of_others(&self) {
        let asked = self.instance.fold.read().checked().mock_asked;
        let is_of_other = asked.is_some_and(|asked| asked.since > self.asks_for_mock.since);
        if is_of_other
            && asked.is_some_and(|asked| asked.on != self.asks_for_mock.on)
            && !self.has_told_of_others.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                "BOARDCAST_MOCK differs between instances that share a store: the one that started last decides for all; \
                 set it alike"
            );
        }
    }

    fn commit_of(&self, state: &Projection, mut check: SourceCheck, ended: Option<&Ended>) -> Option<Commit> {
        let now = (self.instance.clock)();
        check.ask_for_mock(self.asks_for_mock);
        if let Some(ended) = ended {
            check.ended = Some(now);
            check.answered = check.answered.max(ended.was_answered.then_some(ended.began));
        }
        let teams: BTreeSet<Scope> = check.all_teams().map(|(team, _)| team.scope(None)).collect();
        check.parts.tidy(|scope| scope.team.is_none() || teams.contains(&scope));
        let mut commit = CommitBuilder::new();
        for (scope, _) in state.boards() {
            let wanted = self.wanted(state, &check, scope, now);
            if is_news(state, scope, &wanted) {
                self.announce(&mut commit, state, &check, (scope, wanted), now);
            }
        }
        self.announce_past(&mut commit, state, &check, now);
        self.announce_whole(&mut commit, state, &mut check, now);
        let level = self.whole(&check, now).level;
        hooks::announce(&mut commit, (state.checked(), &check), (now, level, self.instance.demo));
        if let Some(Ended { completed: Some(completed), cause, began, .. }) = ended {
            let envelope = self.of_organization(now, level);
            let envelope = Envelope { source: Some(*cause), data_as_of: Some(*began), ..envelope };
            let told = completed.clone().with_backfill(check.past.as_ref().map(PastProgress::from));
            commit.announce_to(Audience::Everyone, event::encode(&envelope, &told));
        }
        let version = state.version(&RecordKey::feed());
        match check == *state.checked() {
            false => commit.put(Change::Checked(Box::new(check)), version),
            // A level follows from what is recorded now, not from what was.
            true => commit.check(RecordKey::feed(), version),
        }
        commit.build(Audience::Everyone)
    }

    /// The policy of all instances.
    fn policy_by(&self, check: &SourceCheck) -> Policy {
        Policy { mock: check.asks_for_mock(), ..self.policy }
    }

    /// What a board's level is to be by what was found.
    fn wanted(&self, state: &Projection, check: &SourceCheck, scope: Scope, now: Timestamp) -> BoardLevel {
        let compared = check.compared_at(scope);
        let known = match scope.team {
            Some(_) => compared,
            // Hooks alone may have made the board of what is no team's.
            None => compared.max(state.board(scope).and_then(|board| board.changed_at)),
        };
        let was_too_old = state.level(scope) > Level::Cached;
        let now = if was_too_old { later(now, CLOCKS_APART_MS) } else { now };
        match check.gone(scope) {
            Some(gone) => {
                let level = gone.level_at(&self.policy_by(check), now, known);
                let level = if scope.team.is_none() { level.min(Level::Cached) } else { level };
                BoardLevel { level, outage: Some(outage_of(gone)) }
            }
            None if check.awaits_comparison(scope) => BoardLevel { level: Level::None, outage: None },
            // What is known is as good as ever, and is only compared later.
            None => {
                let of_parts = check.parts.asked_to_wait(scope, now);
                let until = of_parts.max(check.organization.asked_to_wait(now));
                BoardLevel { level: Level::Full, outage: until.map(Outage::of_waiting) }
            }
        }
    }

    /// The level of the organisation as a whole.
    fn whole(&self, check: &SourceCheck, now: Timestamp) -> WholeLevel {
        let compared = check.last_compared(None);
        let own = Some(&check.organization).filter(|whole| whole.since() > compared);
        // While nothing is known, whatever is gone is the reason.
        let gone =
            own.or_else(|| check.parts.gone().next().map(|(_, gone)| gone).filter(|_| compared.is_none()));
        let outage = match gone {
            Some(gone) => Some(outage_of(gone)),
            None if compared.is_none() && check.answered.is_none() => Some(Outage::of_loading(None)),
            None => None,
        };
        let level = match gone {
            Some(gone) => gone.level_at(&self.policy_by(check), now, compared),
            None if outage.is_some() => Level::None,
            None => Level::Full,
        };
        WholeLevel { level, outage }
    }

    /// Announces that a board's level is another.
    fn announce(
        &self,
        commit: &mut CommitBuilder,
        state: &Projection,
        check: &SourceCheck,
        (scope, mut to): (Scope, BoardLevel),
        now: Timestamp,
    ) {
        // What comes back is told to be back; for what it is asked to wait is told next.
        to.outage = to.outage.filter(|_| to.level != Level::Full || state.level(scope) == Level::Full);
        let last = state.last_announced(scope, LEVEL);
        let since = match last.map(|last| &last.statement) {
            Some(Announced::Level { since, .. }) => *since,
            _ => None,
        };
        let body = level_change(state.level(scope), to.level, to.outage.as_ref(), since, now);
        let envelope = state.envelope(scope, now, Cause::System, self.instance.demo);
        let data_as_of = check.compared_at(scope).or(envelope.data_as_of);
        commit.announce(scope, event::encode(&Envelope { level: to.level, data_as_of, ..envelope }, &body));
        let statement = Announced::Level {
            level: to.level,
            reason: to.outage.as_ref().map(|outage| outage.reason.clone()),
            since: to.outage.as_ref().and_then(|outage| outage.since),
            retry_at: to.outage.as_ref().and_then(|outage| outage.retry_at),
        };
        let record = AnnouncedRecord { scope, statement, at: state.position() };
        commit.put(Change::Announced(record), last.map(|last| last.version));
    }

    /// Sends readers to the boards, of whose items the past is known from now on: no other event tells of that.
    fn announce_past(
        &self,
        commit: &mut CommitBuilder,
        state: &Projection,
        check: &SourceCheck,
        now: Timestamp,
    ) {
        let is_read = |team| check.has_read_past_of(team, state.checked());
        let boards = state.boards().map(|(scope, _)| scope).filter(|scope| scope.sprint.is_some());
        for scope in boards.filter(|scope| TeamKey::of(*scope).is_some_and(is_read)) {
            let envelope = state.envelope(scope, now, Cause::System, self.instance.demo);
            let (added, removed, changed) = Default::default();
            let url = Some(board_url(scope, None));
            let body = Body::WorkitemsUpdated { data: None, url, added, removed, changed };
            commit.announce(scope, event::encode(&envelope, &body));
        }
    }

    /// Notes the level of the organisation as a whole, and tells it where there is no board to tell it of.
    fn announce_whole(
        &self,
        commit: &mut CommitBuilder,
        state: &Projection,
        check: &mut SourceCheck,
        now: Timestamp,
    ) {
        let whole = self.whole(check, now);
        let told = check.whole.clone().unwrap_or(WholeLevel { level: Level::Full, outage: None });
        if whole.level == told.level && why_of(whole.outage.as_ref()) == why_of(told.outage.as_ref()) {
            return;
        }
        if state.known().next().is_none() {
            let since = told.outage.as_ref().and_then(|outage| outage.since);
            let body = level_change(told.level, whole.level, whole.outage.as_ref(), since, now);
            let envelope = self.of_organization(now, whole.level);
            commit.announce_to(Audience::Everyone, event::encode(&envelope, &body));
        }
        if told.level == Level::Mock && whole.level != Level::Mock {
            check.mock_until = Some(now);
        }
        check.whole = Some(whole);
    }

    fn of_organization(&self, now: Timestamp, level: Level) -> Envelope {
        Envelope {
            subject: Subject::Organization,
            source: Some(Cause::System),
            demo: self.instance.demo,
            ..Envelope::connection(now, level, None)
        }
    }
}

/// Whether that is to be told of a board: another level, or another reason for it. That a board is read for the first time
/// is no reason that an event tells.
fn is_news(state: &Projection, scope: Scope, wanted: &BoardLevel) -> bool {
    let announced = match state.last_announced(scope, LEVEL).map(|last| &last.statement) {
        Some(Announced::Level { reason, retry_at, .. }) => why(reason.as_ref(), *retry_at),
        _ => None,
    };
    let has_reason = wanted.outage.is_some() || wanted.level == Level::Full;
    wanted.level != state.level(scope) || has_reason && why_of(wanted.outage.as_ref()) != announced
}

fn why_of(outage: Option<&Outage>) -> Option<(&Text, Option<Timestamp>)> {
    outage.and_then(|outage| why(Some(&outage.reason), outage.retry_at))
}

/// What of an outage is told anew where it is another: the reason, and until when the source asks to wait.
fn why(reason: Option<&Text>, retry_at: Option<Timestamp>) -> Option<(&Text, Option<Timestamp>)> {
    reason.map(|reason| (reason, retry_at.filter(|_| Outage::is_waiting(reason))))
}

fn outage_of(gone: &Condition) -> Outage {
    let reason = gone.reason();
    Outage {
        reason: reason.map_or("unknown", Failure::as_str).into(),
        since: gone.since(),
        retry_at: gone.retry_at(),
        remedy: reason.map(|reason| reason.remedy().into()),
        progress: None,
    }
}

const fn later(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_epoch_ms(now.epoch_ms().saturating_add(ms))
}
