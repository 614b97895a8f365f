//! The subscriptions of service hooks, looked at with every check: one that does not work is switched on again or replaced,
//! and what it did not tell meanwhile the feed of revisions brings, which is counted.
//!
//! A check in which all is well costs one call for the list. What cannot be mended is tried again ever more seldom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Source;
use super::discovery::Discovered;
use crate::domain::level::Level;
use crate::domain::record::source_check::SourceCheck;
use crate::domain::scope::{Audience, ProjectId, Scope};
use crate::domain::sprint::work_item::WorkItem;
use crate::domain::subscription::health::{BACKFILLED, HookStatus, SeenHook, untold};
use crate::domain::subscription::plan::{self, HookStep};
use crate::domain::subscription::{HookSubscription, WantedHook};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, Envelope, Subject};
use crate::sync::subscriptions::HookKeeper;
use crate::write::commit::CommitBuilder;

/// How soon a step is taken again that was taken, at first and at most, in milliseconds: what is switched on again and fails
/// again is not switched on with every check.
const AGAIN_MS: i64 = 60_000;
const AGAIN_MS_MAX: i64 = 60 * 60_000;

/// What looks after the subscriptions.
pub(super) struct Upkeep {
    keeper: HookKeeper,
    /// Whether this instance may write: what a person's token makes dies with that account.
    may_write: bool,
    attempts: Mutex<BTreeMap<WantedHook, Attempts>>,
    /// What keeps the subscriptions from being as they should be, as last seen.
    trouble: Mutex<Option<String>>,
    /// What the check under way has met that hooks should have told.
    untold: Mutex<BTreeMap<WantedHook, u32>>,
}

/// How often something was done about a subscription since it was last sound, and when last.
#[derive(Clone, Copy)]
struct Attempts {
    last: Timestamp,
    times: u32,
}

impl Attempts {
    fn next(self) -> Timestamp {
        let pause = AGAIN_MS.saturating_mul(1 << self.times.saturating_sub(1).min(16)).min(AGAIN_MS_MAX);
        Timestamp::from_epoch_ms(self.last.epoch_ms().saturating_add(pause))
    }
}

/// The subscription that is kept for each that there should be, and for those of other projects.
type Kept<'a> = BTreeMap<WantedHook, &'a HookSubscription>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a look found.
pub(super) struct Looked {
    projects: BTreeSet<ProjectId>,
    steps: Vec<HookStep>,
}

impl Upkeep {
    pub(super) fn new(keeper: HookKeeper, may_write: bool) -> Self {
        let (attempts, trouble, untold) = Default::default();
        Self { keeper, may_write, attempts, trouble, untold }
    }

    /// Of the steps those that it is time for.
    fn due(&self, steps: Vec<HookStep>, kept: &Kept<'_>, now: Timestamp) -> Vec<HookStep> {
        let mut attempts = lock(&self.attempts);
        attempts.retain(|wanted, _| !kept.get(wanted).is_some_and(|kept| kept.is_sound()));
        // A clock that was ahead must not keep anything from being mended for as long as it was.
        let is_due = |of: &Attempts| now >= of.next() || now < of.last;
        steps.into_iter().filter(|step| attempts.get(&step.wanted()).is_none_or(is_due)).collect()
    }

    fn note_attempt(&self, wanted: WantedHook, now: Timestamp) {
        let mut attempts = lock(&self.attempts);
        let times = attempts.get(&wanted).map_or(0, |of| of.times).saturating_add(1);
        attempts.insert(wanted, Attempts { last: now, times });
    }
}

/// What is seen of each subscription.
fn seen(kept: &Kept<'_>) -> BTreeMap<WantedHook, SeenHook> {
    let seen = |kept: &HookSubscription| SeenHook { id: Some(kept.id.clone()), status: kept.into() };
    kept.iter().map(|(wanted, kept)| (*wanted, seen(kept))).collect()
}

impl Source {
    /// Looks after the subscriptions, too; without leave to write it only tells how they do.
    #[must_use]
    pub fn with_hooks(self, keeper: HookKeeper, may_write: bool) -> Self {
        Self { hooks: Some(Upkeep::new(keeper, may_write)), ..self }
    }

    /// Whether subscriptions are looked after.
    pub const fn looks_after_hooks(&self) -> bool {
        self.hooks.is_some()
    }

    /// What looks after the subscriptions.
    pub fn hook_keeper(&self) -> Option<&HookKeeper> {
        self.hooks.as_ref().map(|upkeep| &upkeep.keeper)
    }

    /// What keeps subscriptions from being as they should be, as this instance last saw it.
    pub fn trouble_with_hooks(&self) -> Option<String> {
        lock(&self.hooks.as_ref()?.trouble).clone()
    }

    /// Lists the subscriptions and takes in how they do; `None` where nothing is known of them. One call.
    pub(super) async fn look_at_hooks(&self, discovered: &Discovered) -> Option<Looked> {
        let upkeep = self.hooks.as_ref()?;
        lock(&upkeep.untold).clear();
        let served = discovered.projects.iter().filter(|project| self.serves(project));
        let projects: BTreeSet<ProjectId> = served.map(|project| project.id).collect();
        let found = match upkeep.keeper.found().await {
            Ok(found) => found,
            Err(error) => {
                upkeep.note_trouble(Some(format!("the subscriptions cannot be listed: {error}")));
                return None;
            }
        };
        let now = (self.instance.clock)();
        let all = plan::steps(&projects, &found, false);
        if all.is_empty() {
            upkeep.note_trouble(None);
        }
        let kept = plan::kept(&found);
        let steps = upkeep.due(all, &kept, now);
        let (seen, of) = (seen(&kept), projects.clone());
        self.levels.found(move |check| check.hooks.see(&of, &seen, now));
        Some(Looked { projects, steps })
    }

    /// Has the subscriptions be as they should be. One instance does it, by a lease, and by a list that it read under it; so
    /// none is made twice.
    pub(super) async fn mend_hooks(&self, looked: Looked) {
        let Some(upkeep) = self.hooks.as_ref().filter(|_| !looked.steps.is_empty()) else { return };
        if !upkeep.may_write {
            return upkeep.note_trouble(Some(
                "subscriptions are not as they should be, and AZURE_DEVOPS_PAT is a person's, to whom they would belong: run \
                 `boardcast hooks repair` as the identity of the app, or with --as-person"
                    .into(),
            ));
        }
        if !HookKeeper::is_its_turn(Some(&self.instance)).await {
            return;
        }
        let mut steps = looked.steps;
        if self.instance.journal.is_shared() {
            // Another instance may have mended them since.
            let Ok(found) = upkeep.keeper.found().await else { return };
            let all = plan::steps(&looked.projects, &found, false);
            steps = upkeep.due(all, &plan::kept(&found), (self.instance.clock)());
        }
        let (mut trouble, mut mended) = (None, Vec::new());
        for outcome in upkeep.keeper.carry_out(steps, Some(&self.instance)).await {
            let wanted = outcome.step.wanted();
            upkeep.note_attempt(wanted, (self.instance.clock)());
            match outcome.failure {
                None => {
                    tracing::info!(%wanted, step = ?outcome.step, "a subscription of service hooks was mended");
                    self.instance.vitals.hooks_mended.add(1);
                    mended.extend(outcome.id.map(|id| (wanted, id)));
                }
                Some(failure) => trouble = trouble.or(Some(format!("{wanted}: {failure}"))),
            }
        }
        upkeep.note_trouble(trouble);
        let now = (self.instance.clock)();
        self.levels.found(move |check| {
            for (wanted, id) in &mended {
                check.hooks.see_one(
                    *wanted,
                    &SeenHook { id: Some(id.clone()), status: HookStatus::Enabled },
                    now,
                );
            }
        });
    }

    /// Takes in that the feed tells of an item what hooks should have told.
    pub(super) fn note_untold(&self, known: Option<&WorkItem>, told: &WorkItem) {
        let Some(upkeep) = &self.hooks else { return };
        let mut counts = lock(&upkeep.untold);
        for wanted in untold(known, told) {
            *counts.entry(wanted).or_default() += 1;
        }
    }

    /// The check has read what it could: what hooks should have told is counted, and, where the feed was `read_to_end`, the
    /// holes of those that work again are filled.
    pub(super) fn fill_holes(&self, read_to_end: bool) {
        let Some(upkeep) = &self.hooks else { return };
        let counts = std::mem::take(&mut *lock(&upkeep.untold));
        if !self.levels.known(|check| check.hooks.has_holes()) {
            return;
        }
        self.levels.found(move |check| {
            check.hooks.count(&counts);
            if read_to_end {
                check.hooks.fill();
            }
        });
    }
}

impl Upkeep {
    /// Notes what keeps subscriptions from being as they should be, and warns of it where it is another than before.
    fn note_trouble(&self, trouble: Option<String>) {
        let mut known = lock(&self.trouble);
        if let Some(trouble) = trouble.as_ref().filter(|trouble| known.as_ref() != Some(trouble)) {
            tracing::warn!(trouble, "the subscriptions of service hooks are not as they should be");
        }
        *known = trouble;
    }
}

/// Announces to operators what has become of subscriptions between two records.
pub(super) fn announce(
    commit: &mut CommitBuilder,
    (before, after): (&SourceCheck, &SourceCheck),
    (now, level, demo): (Timestamp, Level, bool),
) {
    for news in after.hooks.news_since(&before.hooks) {
        let source = if news.status == BACKFILLED { Cause::Backfill } else { Cause::System };
        let envelope = Envelope {
            subject: Subject::Scope(Scope::project(news.wanted.project)),
            source: Some(source),
            demo,
            ..Envelope::connection(now, level, after.last_compared(Some(news.wanted.project)))
        };
        let body = Body::WebhookHealth {
            subscription: news.id.unwrap_or_default(),
            event_type: news.wanted.event.event_type(),
            status: news.status,
            missed: news.missed,
        };
        commit.announce_to(Audience::Operators, event::encode(&envelope, &body));
    }
}
