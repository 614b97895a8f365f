//! The level of a board as far as one source of it goes: what the source's answers make of it, and when the source is
//! asked again.

use serde::{Deserialize, Serialize};

use crate::domain::level::Level;
use crate::domain::time::Timestamp;

/// Where a board's data comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataSource {
    /// The work items.
    WorkItems,
    /// Sprints, their dates and capacities.
    Sprints,
    /// Which teams a project has.
    Teams,
}

/// How a question to a source failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It does not know us: 401, or a sign-in page.
    Unauthorised,
    /// It does not let us: 403.
    Forbidden,
    /// What was asked for is gone: 404 where there must be something, such as a project.
    Gone,
    /// It wants to be asked less: 429, or a delay that it asks for.
    Throttled {
        /// For how long, if it says so.
        retry_after_ms: Option<u32>,
    },
    /// It did not answer in time, or could not be reached.
    TimedOut,
    /// It failed: 5xx.
    Server,
    /// Its answer could not be understood.
    Unreadable,
    /// It knows no version of the API that is understood here.
    Unsupported,
    /// Its answer is that a team selects its work items by a field other than the area path.
    TeamField,
}

impl Failure {
    /// Whether a setting or a permission is wrong, which no waiting mends.
    const fn is_configuration(self) -> bool {
        matches!(
            self,
            Self::Unauthorised | Self::Forbidden | Self::Gone | Self::Unsupported | Self::TeamField
        )
    }

    /// Whether it says nothing of other calls: we are known and understood, and may ask.
    pub const fn is_of_one_call(self) -> bool {
        !matches!(self, Self::Unauthorised | Self::Throttled { .. } | Self::Unsupported)
    }

    /// The word that readers and logs are given.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorised => "unauthorised",
            Self::Forbidden => "forbidden",
            Self::Gone => "not_found",
            Self::Throttled { .. } => "throttled",
            Self::TimedOut => "timed_out",
            Self::Server => "server_error",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
            Self::TeamField => "team_field",
        }
    }

    /// What the operator can do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Unauthorised => {
                "check that AZURE_DEVOPS_PAT is set, has not expired and belongs to this organisation; without it, that the \
                 identity of boardcast is a user of the organisation"
            }
            Self::Forbidden => {
                "give AZURE_DEVOPS_PAT the scopes vso.project (Project and Team: read) and vso.work (Work Items: read), and its \
                 owner, or the identity of boardcast, the permission to read the project"
            }
            Self::Gone => {
                "check BOARDCAST_ORGANIZATION_URL, and that the project or team exists and the owner of \
                 AZURE_DEVOPS_PAT, or the identity of boardcast, can see it"
            }
            Self::Throttled { .. } => "no action needed: boardcast tries again later",
            Self::TimedOut => "if it lasts, check BOARDCAST_ORGANIZATION_URL and the network",
            Self::Server => "usually temporary; if it lasts, see the status page of Azure DevOps",
            Self::Unreadable => {
                "check that no proxy answers in place of Azure DevOps; otherwise report a bug in boardcast"
            }
            Self::Unsupported => {
                "boardcast knows the API of Azure DevOps from version 5.0 to 7.1: use Azure DevOps Services or Azure DevOps \
                 Server 2019, 2020 or 2022; for a newer server, use a newer boardcast"
            }
            Self::TeamField => "let the project's process select the work items of teams by area path",
        }
    }
}

/// How a question to a source ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// With an answer. That there is nothing, where there may be nothing, is one: a team between two sprints.
    Success,
    /// Without one.
    Failed(Failure),
}

/// The numbers that the decisions depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many failures in a row it takes until what is known is called old.
    pub failures_max: u32,
    /// How long after its last check what is known may still be shown.
    pub hard_ttl_ms: i64,
    /// For how long a probe may be under way before another is allowed.
    pub probe_deadline_ms: i64,
    /// Whether simulated data stands in where nothing is known.
    pub mock: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { failures_max: 3, hard_ttl_ms: 24 * 60 * 60_000, probe_deadline_ms: 30_000, mock: false }
    }
}

impl Policy {
    /// The level of a source that does not answer, of which something is known as of `known`.
    const fn without_source(&self, now: Timestamp, known: Option<Timestamp>) -> Level {
        match known {
            // Nothing at all may be what is known: zero items are an answer.
            Some(as_of) if now.ms_since(as_of) < self.hard_ttl_ms => Level::Cached,
            _ if self.mock => Level::Mock,
            _ => Level::None,
        }
    }
}

/// The shortest time until a source that failed is asked again.
const PROBE_FIRST_MS: i64 = 5_000;

/// The longest.
const PROBE_MAX_MS: i64 = 5 * 60_000;

/// How long to wait before the probe that follows `failed` earlier ones. Each wait may be up to twice as long as the
/// last may have been; `jitter`, a number from 0 to 1, says where in that range it lies.
fn probe_delay_ms(failed: u32, jitter: f64) -> i64 {
    let doubled = 1_i64.checked_shl(failed.min(32)).unwrap_or(i64::MAX);
    let least = PROBE_FIRST_MS.saturating_mul(doubled).min(PROBE_MAX_MS / 2);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "it is at most 150,000, and what is no number becomes 0"
    )]
    let more = (least as f64 * jitter.clamp(0.0, 1.0)) as i64;
    least + more
}

/// Whether a source may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It may.
    Ask,
    /// It may, and the answer decides whether it is back. Nobody else may ask meanwhile.
    Probe,
    /// Not before this moment.
    Wait(Timestamp),
}

/// What is known of one source of one board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Failures in a row.
    failures: u32,
    /// Until when the source wants to be left alone.
    paused_until: Option<Timestamp>,
    /// Set while the level is not full.
    outage: Option<Outage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outage {
    level: Level,
    reason: Failure,
    since: Timestamp,
    probes_failed: u32,
    retry_at: Timestamp,
    /// A probe is under way, and until then it is the only one of this instance.
    #[serde(skip)]
    probing_until: Option<Timestamp>,
}

impl Outage {
    /// One that begins now and was not probed yet.
    const fn beginning(level: Level, reason: Failure, now: Timestamp, retry_at: Timestamp) -> Self {
        Self { level, reason, since: now, probes_failed: 0, retry_at, probing_until: None }
    }

    /// When it is tried again: now, where that is further off than it ever is, since a clock that was wrong said so.
    fn due_at(&self, now: Timestamp) -> Timestamp {
        if self.retry_at > later(now, PROBE_MAX_MS) { now } else { self.retry_at }
    }
}

impl Condition {
    /// The level of this source's part of the board.
    pub fn level(&self) -> Level {
        self.outage.map_or(Level::Full, |outage| outage.level)
    }

    /// The level of what is known as of `known`, as of `now`.
    pub fn level_at(&self, policy: &Policy, now: Timestamp, known: Option<Timestamp>) -> Level {
        self.outage.map_or(Level::Full, |_| policy.without_source(now, known))
    }

    /// Since when the source is gone.
    pub fn since(&self) -> Option<Timestamp> {
        self.outage.map(|outage| outage.since)
    }

    /// What went wrong.
    pub fn reason(&self) -> Option<Failure> {
        self.outage.map(|outage| outage.reason)
    }

    /// Whether the last question failed, be it sat out.
    pub const fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// When a source that is gone is tried again.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.outage
            .map(|outage| self.paused_until.map_or(outage.retry_at, |until| until.max(outage.retry_at)))
    }

    /// Until when the source asks to be left alone, while that is yet to come, be it gone or not.
    pub fn asked_to_wait(&self, now: Timestamp) -> Option<Timestamp> {
        self.paused_until.filter(|until| now < *until)
    }

    /// Whether the source may be asked now. Returning `Probe` starts the probe.
    pub fn permit(&mut self, policy: &Policy, now: Timestamp) -> Permit {
        if let Some(until) = self.asked_to_wait(now) {
            return Permit::Wait(until);
        }
        let Some(outage) = &mut self.outage else {
            return Permit::Ask;
        };
        let wait = outage.probing_until.unwrap_or(outage.due_at(now));
        if now < wait {
            return Permit::Wait(wait);
        }
        outage.probing_until = Some(later(now, policy.probe_deadline_ms));
        Permit::Probe
    }

    /// Takes in how a question ended, of whose subject something is known as of `known`.
    pub fn observe(
        &mut self,
        policy: &Policy,
        outcome: CallOutcome,
        now: Timestamp,
        known: Option<Timestamp>,
        jitter: f64,
    ) {
        let failure = match outcome {
            CallOutcome::Success => return self.succeeded(now),
            CallOutcome::Failed(Failure::Throttled { retry_after_ms }) => {
                self.throttled(policy, now, known, retry_after_ms, jitter);
                return self.tick(policy, now, known);
            }
            CallOutcome::Failed(failure) => failure,
        };
        self.failures = self.failures.saturating_add(1);
        if let Some(outage) = &mut self.outage {
            // What was asked before the source was found gone comes back late, and says nothing new.
            if outage.probing_until.take().is_some() || now >= outage.due_at(now) {
                outage.reason = failure;
                outage.probes_failed = outage.probes_failed.saturating_add(1);
                outage.retry_at = later(now, probe_delay_ms(outage.probes_failed, jitter));
            }
            return self.tick(policy, now, known);
        }
        let level = policy.without_source(now, known);
        // Failures that pass are sat out, but only on what is known; a wrong setting does not pass.
        let sat_out = !failure.is_configuration() && level == Level::Cached;
        if sat_out && self.failures < policy.failures_max {
            return;
        }
        let retry_at = later(now, probe_delay_ms(0, jitter));
        self.outage = Some(Outage::beginning(level, failure, now, retry_at));
    }

    /// Looks at the time: what is shown while the source is gone becomes too old, or something becomes known.
    pub fn tick(&mut self, policy: &Policy, now: Timestamp, known: Option<Timestamp>) {
        if let Some(outage) = &mut self.outage {
            outage.level = policy.without_source(now, known);
        }
    }

    /// A question that was permitted was not asked after all: the next caller may ask it.
    pub fn release(&mut self) {
        if let Some(outage) = &mut self.outage {
            outage.probing_until = None;
        }
    }

    /// When to ask next because of what failed before: at once where failures are being sat out; `None` when nothing
    /// failed.
    pub fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let paused_until = self.paused_until.unwrap_or_default();
        let sat_out = (self.failures > 0).then_some(paused_until);
        self.outage.map(|outage| outage.due_at(now).max(paused_until)).or(sat_out)
    }

    fn succeeded(&mut self, now: Timestamp) {
        self.failures = 0;
        // To have been answered does not end a pause that another answer asked for.
        self.paused_until = self.paused_until.filter(|until| now < *until);
        self.outage = None;
    }

    /// A source that says when to come back is there: no level falls, it is only asked later. Where nothing was read yet
    /// there is nothing to fall, and readers are told for what they wait.
    fn throttled(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        known: Option<Timestamp>,
        retry_after_ms: Option<u32>,
        jitter: f64,
    ) {
        let until = later(now, retry_after_ms.map_or(0, i64::from).max(probe_delay_ms(0, jitter)));
        self.paused_until = self.paused_until.max(Some(until));
        let reason = Failure::Throttled { retry_after_ms };
        match &mut self.outage {
            Some(outage) => (outage.reason, outage.probing_until) = (reason, None),
            None if known.is_none() => {
                let level = policy.without_source(now, known);
                self.outage = Some(Outage::beginning(level, reason, now, until));
            }
            None => {}
        }
    }
}

const fn later(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_epoch_ms(now.epoch_ms().saturating_add(ms))
}

#[cfg(test)]
#[path = "degradation_tests.rs"]
mod tests;
