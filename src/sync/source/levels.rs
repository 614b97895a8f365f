//! The boards' levels: what the organisation's answers make of each, and the events by which
//! readers are told, once for all instances.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::board::projection::Projection;
use crate::domain::degradation::{CallOutcome, Condition, Conditions, DataSource, Permit, Policy};
use crate::domain::level::Level;
use crate::domain::record::last_announced::{Announced, AnnouncedRecord, LEVEL};
use crate::domain::scope::{Audience, Scope, TeamKey};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, Envelope};
use crate::journal::Commit;
use crate::ops::instance::Instance;
use crate::write::commit::{self, Change, CommitBuilder, CommitError};

/// The conditions of the organisation's parts, and what was made of them.
pub struct Levels {
    conditions: Mutex<Conditions>,
    /// That of the organisation as a whole: whether it can be asked at all.
    organization: Mutex<Condition>,
    policy: Policy,
    instance: Instance,
}

/// What a board's level is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BoardLevel {
    level: Level,
    reason: Option<&'static str>,
    since: Option<Timestamp>,
    retry_at: Option<Timestamp>,
}

impl BoardLevel {
    fn of(condition: &Condition) -> Self {
        Self {
            level: condition.level(),
            reason: condition.reason().map(crate::domain::degradation::Failure::as_str),
            since: condition.since(),
            retry_at: condition.retry_at(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Levels {
    pub(super) fn new(instance: Instance, policy: Policy) -> Self {
        Self { conditions: Mutex::default(), organization: Mutex::default(), policy, instance }
    }

    /// Whether the organisation may be asked what there is.
    pub(super) fn permit_organization(&self) -> Permit {
        lock(&self.organization).permit(&self.policy, (self.instance.clock)())
    }

    /// How it ended to ask the organisation what there is.
    pub(super) fn observe_organization(&self, outcome: CallOutcome) {
        let known = self.instance.fold.read().checked().projects.values().copied().max();
        let jitter = fastrand::f64();
        lock(&self.organization).observe(&self.policy, outcome, (self.instance.clock)(), known, jitter);
    }

    /// Whether a source of a team's board may be asked.
    pub(super) fn permit(&self, source: DataSource, team: TeamKey) -> Permit {
        lock(&self.conditions).of(source, team.scope(None)).permit(&self.policy, (self.instance.clock)())
    }

    /// How it ended to ask a source of a team's board.
    pub(super) fn observe(&self, source: DataSource, team: TeamKey, outcome: CallOutcome) {
        let known = {
            let state = self.instance.fold.read();
            state.data_as_of(state.teams().served_scope(team))
        };
        let jitter = fastrand::f64();
        let mut conditions = lock(&self.conditions);
        conditions.of(source, team.scope(None)).observe(
            &self.policy,
            outcome,
            (self.instance.clock)(),
            known,
            jitter,
        );
    }

    /// A question that was permitted was not asked after all.
    pub(super) fn release(&self, source: DataSource, team: TeamKey) {
        lock(&self.conditions).of(source, team.scope(None)).release();
    }

    /// When the organisation is to be asked next because something failed; `None` when nothing did.
    pub(super) fn next_try(&self) -> Option<Timestamp> {
        let of_organization = lock(&self.organization).next_try();
        let of_teams = lock(&self.conditions).next_try();
        [of_organization, of_teams].into_iter().flatten().min()
    }

    /// The worst of all levels, for where there is room for one word.
    pub fn worst(&self) -> Level {
        let of_organization = lock(&self.organization).level();
        lock(&self.conditions).worst().max(of_organization)
    }

    /// Announces the level of every board that is served and of which another was announced last; returns how many.
    ///
    /// Errors: the journal failed. What was not announced is announced next time.
    pub async fn reconcile(&self) -> Result<usize, CommitError> {
        let due = {
            let state = self.instance.fold.read();
            let served: Vec<Scope> = state.boards().map(|(scope, _)| scope).collect();
            let is_due = |scope: &Scope| {
                let wanted = self.wanted(&state, *scope);
                wanted.is_some_and(|wanted| wanted.level != state.level(*scope))
            };
            served.into_iter().filter(is_due).collect::<Vec<_>>()
        };
        let mut announced = 0;
        for scope in due {
            announced += usize::from(self.announce(scope).await?);
        }
        Ok(announced)
    }

    /// What a board's level is to be; `None` while nobody asked for it.
    fn wanted(&self, state: &Projection, scope: Scope) -> Option<BoardLevel> {
        let team = TeamKey::of(scope)?;
        let (now, known) = ((self.instance.clock)(), state.data_as_of(scope));
        let mut organization = lock(&self.organization);
        organization.tick(&self.policy, now, known);
        let mut conditions = lock(&self.conditions);
        let gravest = conditions.gravest(team.scope(None), &self.policy, now, known);
        // A team that was never asked about has the level of the organisation, once that is known to be gone.
        match gravest.filter(|of_team| of_team.level() >= organization.level()) {
            Some(of_team) => Some(BoardLevel::of(of_team)),
            None => (organization.level() != Level::Full).then(|| BoardLevel::of(&organization)),
        }
    }

    /// Announces the level of a board, unless that is what was announced last; says whether it did.
    async fn announce(&self, scope: Scope) -> Result<bool, CommitError> {
        // What another instance announced meanwhile is judged anew, by what the organisation answered by then.
        let build = |state: &Projection| {
            let wanted = self.wanted(state, scope)?;
            (wanted.level != state.level(scope)).then(|| self.commit_of(state, scope, wanted)).flatten()
        };
        let committed = commit::unless_contended(commit::commit(&self.instance, build).await)?;
        Ok(committed.is_some())
    }

    fn commit_of(&self, state: &Projection, scope: Scope, to: BoardLevel) -> Option<Commit> {
        let now = (self.instance.clock)();
        let from = state.level(scope);
        let last = state.last_announced(scope, LEVEL);
        let body = match to.level {
            Level::Full => {
                let since = match last.map(|last| &last.statement) {
                    Some(Announced::Level { since, .. }) => *since,
                    _ => None,
                };
                Body::Recovered { from, down_for_ms: since.map_or(0, |since| now.ms_since(since)) }
            }
            level => Body::Degraded {
                from,
                to: level,
                reason: to.reason.unwrap_or("unknown").into(),
                since: to.since.unwrap_or(now),
                retry_at: to.retry_at,
            },
        };
        let envelope = state.envelope(scope, now, Cause::System, self.instance.demo);
        let envelope = Envelope { level: to.level, ..envelope };
        let statement = Announced::Level {
            level: to.level,
            reason: to.reason.map(Into::into),
            since: to.since,
            retry_at: to.retry_at,
        };
        let mut commit = CommitBuilder::new();
        commit.announce(scope, event::encode(&envelope, &body));
        let record = AnnouncedRecord { scope, statement, at: state.position() };
        commit.put(Change::Announced(record), last.map(|last| last.version));
        commit.build(Audience::Scope(scope))
    }
}
