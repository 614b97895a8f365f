//! The organisation as a source of boards: what it knows of teams and of the items of their sprints is read, compared
//! with what the boards show, and committed where it is new. Hooks keep a board fresh; this is how it begins, how it
//! catches up with hooks that never came, and how it is known to be as fresh as it looks.

mod calendars;
mod check;
mod compare;
mod discovery;
mod doubts;
mod feed;
mod fetch;
mod hooks;
mod learn;
mod levels;
mod lists;
mod lives;
mod misses;
mod past;
mod periodic;
mod settings;
mod todo;
mod waits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::Semaphore;

use crate::board::filter::ScopeFilter;
use crate::devops::{AzureDevOps, ProjectRef, TeamRef};
use crate::domain::degradation::{CallOutcome, Failure};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::{ProjectId, Scope, TeamKey, Text};
use crate::domain::sprint::work_item::WorkItemId;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{Body, Cause};
use crate::journal::{EntryId, Store};
use crate::ops::failpoints::{self, Failpoint};
use crate::ops::instance::Instance;
use crate::sync::cache::Shared;
use crate::write::ingest::Ingest;
use crate::write::teams::TeamKeeper;
use crate::write::todo::TodoKeeper;
pub use check::Check;
use check::UnderWay;
use compare::BoardError;
use discovery::Discovered;
use doubts::Doubts;
use hooks::Upkeep;
use levels::Ended;
pub use levels::Levels;
use lists::Lists;
use lives::Asked;
use misses::Misses;
pub use settings::SourceSettings;
pub use todo::Noted;

/// How many teams are compared at the same time; the client bounds its calls on its own.
const TEAMS_AT_ONCE: u32 = 8;

/// How many projects that could not be compared an event names at most. Where there are more nothing is told: a board whose
/// project is not among them takes the check for its own.
const FAILED_MAX: usize = 1_000;

/// An organisation that boards are compared with.
pub struct Source {
    instance: Instance,
    azure: Arc<dyn AzureDevOps>,
    ingest: Arc<Ingest>,
    settings: SourceSettings,
    lists: Lists,
    teams: TeamKeeper,
    todo: TodoKeeper,
    levels: Levels,
    /// Held by the check that is under way: checks do not overlap.
    checking: tokio::sync::Mutex<Option<Timestamp>>,
    misses: Mutex<Misses>,
    doubts: Mutex<Doubts>,
    /// Whether an item named a project that is not listed: the list is read again.
    has_met_a_stranger: AtomicBool,
    /// Until when calls were last held back for what another instance was asked.
    held_for: Mutex<Option<Timestamp>>,
    /// The projects that the feed named and that were not listed: each is looked for once.
    strangers: Mutex<BTreeSet<Text>>,
    /// The teams that a setting names and that no served project has, by the last lists.
    unknown_teams: Mutex<Vec<String>>,
    /// Whether the feed of revisions was seen to name parents.
    feed_names_parents: AtomicBool,
    /// What was asked for of histories that have gaps: nobody asks for the same again.
    looked_back: Mutex<BTreeSet<(WorkItemId, Asked)>>,
    /// What was found of the past that goes by in memory alone.
    past: past::Noted,
    last_error: Mutex<Option<String>>,
    /// What looks after the subscriptions of service hooks, where they are this deployment's business.
    hooks: Option<Upkeep>,
}

impl Source {
    /// The organisation behind `azure`. What is new there goes through `ingest`; lists are shared with the instances
    /// that have the same store, unless it is this one's alone or the organisation is simulated.
    pub fn new(
        azure: Arc<dyn AzureDevOps>,
        ingest: Arc<Ingest>,
        store: &Store,
        settings: SourceSettings,
    ) -> Self {
        let instance = ingest.instance.clone();
        let shared = shared(&instance, store, settings.list_timeout);
        Self {
            lists: Lists::new(
                azure.clone(),
                instance.clock.clone(),
                instance.vitals.clone(),
                shared.as_ref(),
                settings.blocked_by.clone(),
            ),
            levels: Levels::new(instance.clone(), settings.policy),
            teams: TeamKeeper { instance: instance.clone() },
            todo: TodoKeeper::new(ingest.clone()),
            checking: tokio::sync::Mutex::default(),
            misses: Mutex::default(),
            doubts: Mutex::default(),
            has_met_a_stranger: AtomicBool::default(),
            held_for: Mutex::default(),
            strangers: Mutex::default(),
            unknown_teams: Mutex::default(),
            feed_names_parents: AtomicBool::default(),
            looked_back: Mutex::default(),
            past: past::Noted::default(),
            last_error: Mutex::default(),
            hooks: None,
            instance,
            azure,
            ingest,
            settings,
        }
    }

    /// The organisation itself.
    pub fn organisation(&self) -> &dyn AzureDevOps {
        self.azure.as_ref()
    }

    /// The levels of the boards, as the organisation answers.
    pub const fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Compares every board with the organisation, commits what is new and tells that it was done. It gives up after
    /// the deadline; what was compared by then stays so.
    pub async fn check(&self, cause: Cause) -> Check {
        let mut last = self.checking.lock().await;
        let began = (self.instance.clock)();
        let under_way = Mutex::<UnderWay>::default();
        let comparing = async {
            self.instance.fold.passed(EntryId::ZERO).await;
            self.wait_as_told();
            self.levels.begin();
            self.compare_all(cause, &under_way).await
        };
        let was_answered = tokio::time::timeout(self.settings.deadline, comparing).await;
        let now = (self.instance.clock)();
        *last = Some(now);
        let under_way = std::mem::take(&mut *under_way.lock().unwrap_or_else(PoisonError::into_inner));
        let mut check = self.ended(under_way);
        if was_answered.is_err() {
            check.error = Some(format!("not done within {} ms", self.settings.deadline.as_millis()));
        }
        let ended = Ended {
            completed: (check.scopes > 0 && check.failed.len() <= FAILED_MAX)
                .then(|| self.completed(&check, began, now)),
            cause,
            began,
            was_answered: was_answered.unwrap_or(false),
        };
        match self.levels.record(Some(ended)).await {
            Ok(()) => failpoints::reached(Failpoint::Checked),
            Err(error) => check.error = check.error.or(Some(error.to_string())),
        }
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&check.error);
        drop(last);
        self.instance.vitals.source_level.set(self.levels.worst());
        check
    }

    /// Announces levels that changed because time passed, and what could not be recorded before.
    async fn reconcile(&self) {
        self.instance.vitals.source_level.set(self.levels.worst());
        if self.instance.fold.journal_status() != JournalStatus::Following {
            return;
        }
        if let Err(error) = self.levels.record(None).await {
            tracing::warn!(%error, "a change of level could not be announced; trying again");
        }
    }

    /// Compares every board, and counts in `check`; says whether the organisation said which projects there are.
    async fn compare_all(&self, cause: Cause, under_way: &Mutex<UnderWay>) -> bool {
        let counted = || under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let began = (self.instance.clock)();
        let found = match self.discover().await {
            Ok(found) => found,
            Err(error) => {
                counted().check.error = Some(error);
                return false;
            }
        };
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).begin();
        counted().check.failed.extend(&found.failed);
        counted().check.error.clone_from(&found.error);
        let hooks = self.look_at_hooks(&found).await;
        // Boards that begin wait for their first comparison from their first moment on, and operators hear of a subscription
        // that does not work before it is mended.
        let recorded = self.levels.record(None).await;
        let recorded = match recorded {
            Ok(()) => self.forget_the_gone(cause).await,
            error => error,
        };
        if let Err(error) = recorded {
            tracing::warn!(%error, "what projects and teams there are could not be kept; the next check tries again");
        }
        // Before the feed is read: what happens from now on they tell, and what happened before, the feed.
        if let Some(hooks) = hooks {
            self.mend_hooks(hooks).await;
        }
        // What the boards begin with is more urgent than what was before.
        let has_begun = self.instance.fold.read().checked().is_fed();
        let (mut is_fed, mut read_to_end) = (false, None);
        if has_begun {
            (is_fed, read_to_end) = self.feed(&found, began, cause, under_way).await;
            // What it brought may bear names that no list has: it is on no board before they are read again.
            self.forget_what_is_outdated();
        }
        self.compare_boards(&found, cause, under_way, is_fed).await;
        if !has_begun {
            // What this brings under such a name is a reason for the next check, which follows at once.
            (is_fed, read_to_end) = self.feed(&found, began, cause, under_way).await;
        }
        // Not before: a board that an item is missing on for its name is not as fresh as the feed.
        if let Some(at) = read_to_end {
            self.levels.found(move |check| check.read_to_end(at));
        }
        self.fill_holes(read_to_end.is_some());
        if is_fed && let Err(error) = self.follow_up(&found, cause).await {
            counted().check.failed_to("follow up what the feed of revisions told", error);
        }
        if let Err(error) = self.read_calendars(&found, cause).await {
            counted().check.failed_to("read the days off of finished sprints", error);
        }
        if is_fed && let Err(error) = self.read_past(&found).await {
            match error {
                BoardError::Call(_, error) if !matches!(error.failure, Failure::Throttled { .. }) => {
                    tracing::warn!(%error, "the past of the teams cannot be read now; it is read on with the next check");
                }
                error => counted().check.failed_to("read the past of the teams", error),
            }
        }
        true
    }

    /// Compares the boards: where the feed of revisions was read to its end, those of which that is due.
    async fn compare_boards(
        &self,
        found: &Discovered,
        cause: Cause,
        under_way: &Mutex<UnderWay>,
        is_fed: bool,
    ) {
        let counted = || under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = &Semaphore::new(TEAMS_AT_ONCE as usize);
        let compare = |(project, team): (&ProjectRef, &TeamRef)| {
            let (project, team, projects) = (project.clone(), team.clone(), found.projects.clone());
            async move {
                // What is scarce goes to one board after the other, so that the first are there soon instead of all late.
                let needed = if self.azure.is_scarce() { TEAMS_AT_ONCE } else { 1 };
                let _turn = turns.acquire_many(needed).await;
                let result = self.compare_team(&projects, &project, &team, cause, is_fed).await;
                counted().count(&project, Some(&team), result);
            }
        };
        let mut teams: Vec<_> = found.all_teams().collect();
        let watched = self.instance.watched.all((self.instance.clock)());
        teams.sort_by_cached_key(|(project, team)| self.turn_of(project, team, &watched));
        let futures: Vec<_> = teams.into_iter().map(compare).collect();
        stream::iter(futures).buffer_unordered(TEAMS_AT_ONCE as usize).collect::<()>().await;
        for (project, _) in &found.teams {
            let result = self.compare_project(&found.projects, project, cause, is_fed).await;
            counted().count(project, None, result);
        }
    }

    /// When it is a team's turn to be compared: those that never were come first, of these that are watched, and of the
    /// others those whose comparison is longest ago. So a check goes on where the one before had to stop.
    fn turn_of(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        (filters, read): &(Vec<ScopeFilter>, Vec<Scope>),
    ) -> (bool, bool, Option<Timestamp>) {
        let key = TeamKey { project: project.id, team: team.id };
        let is_shown =
            |filter: &ScopeFilter| filter.admits(key.scope(None), Some(&project.name), Some(&team.name));
        let is_watched =
            filters.iter().any(is_shown) || read.iter().any(|scope| TeamKey::of(*scope) == Some(key));
        let at = self.levels.known(|check| check.team(key).and_then(|check| check.at));
        (at.is_some(), !is_watched, at)
    }

    /// Reads the feed of revisions; says whether boards need not be compared as a whole for what changed since, and when its
    /// end was asked for, if it was reached. The first is so too where the organisation wants to be asked less: that makes
    /// them no younger.
    async fn feed(
        &self,
        found: &Discovered,
        began: Timestamp,
        cause: Cause,
        under_way: &Mutex<UnderWay>,
    ) -> (bool, Option<Timestamp>) {
        let counted = || under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let error = match self.read_feed(&found.projects, began, cause).await {
            Ok((changed, asked_at, goes_on)) => {
                let check = &mut counted().check;
                check.changed = check.changed.saturating_add(changed);
                return (goes_on, Some(asked_at));
            }
            Err(BoardError::Call(_, error)) if !matches!(error.failure, Failure::Throttled { .. }) => {
                tracing::warn!(%error, "the feed of revisions cannot be read; every board is compared as a whole");
                return (false, None);
            }
            Err(error) => error,
        };
        if let BoardError::Call(_, error) = &error {
            // Whoever asks to be left alone means all calls, and readers are told of it.
            let asked_to_wait = CallOutcome::Failed(error.failure);
            self.levels.observe(None, asked_to_wait, (self.instance.clock)());
        }
        let mut counted = counted();
        counted.check.failed_to("read the feed of revisions", error);
        // No board is the younger for it, whichever is compared as a whole meanwhile.
        counted.check.failed.extend(found.teams.iter().map(|(project, _)| project.id));
        (true, None)
    }

    /// Looks at what the feed of revisions leaves open: what hooks alone tell.
    async fn follow_up(&self, found: &Discovered, cause: Cause) -> Result<(), BoardError> {
        let mut suspects = BTreeMap::<ProjectId, BTreeSet<WorkItemId>>::new();
        {
            let state = self.instance.fold.read();
            let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
            let mut items: Vec<_> = state.boards().flat_map(|(scope, _)| state.items_of(scope)).collect();
            let doubted = doubts.items();
            items.extend(doubted.into_iter().filter_map(|id| Some(state.item(id)?.item)));
            let ids = doubts.suspects(items.iter().map(|item| &**item));
            for item in items.iter().filter(|item| ids.contains(&item.id)) {
                suspects.entry(item.present().claim.facts.project).or_default().insert(item.id);
            }
        }
        for (project, ids) in suspects {
            self.compare_items(&found.projects, project, &ids, cause).await?;
        }
        Ok(())
    }

    /// What a check came to that ended. A board that it did not get to was not compared, and neither was one that is shown
    /// and that nothing lists any more.
    fn ended(&self, UnderWay { mut check, compared }: UnderWay) -> Check {
        let is_left = |scope: &Scope| !compared.contains(&Scope { sprint: None, ..*scope });
        check.failed.extend(self.instance.fold.read().known().filter(is_left).map(|scope| scope.project));
        check.failed.sort_unstable();
        check.failed.dedup();
        check
    }

    /// Tells every reader that the source was compared: this is how a quiet board stays fresh on the screen.
    fn completed(&self, check: &Check, began: Timestamp, now: Timestamp) -> Body {
        let interval = i64::try_from(self.settings.interval.as_millis()).unwrap_or(i64::MAX);
        Body::SyncCompleted {
            scopes: check.scopes,
            changed: check.changed,
            failed: check.failed.clone(),
            duration_ms: now.ms_since(began),
            next: Some(Timestamp::from_epoch_ms(now.epoch_ms().saturating_add(interval))),
            backfill: None,
        }
    }
}

/// What instances share lists in: the store, where they share that. A simulated organisation is each instance's own.
fn shared(instance: &Instance, store: &Store, timeout: Duration) -> Option<Arc<Shared>> {
    let Instance { id, fold, vitals, .. } = instance.clone();
    let position = move || fold.position().unwrap_or(EntryId::ZERO);
    (store.journal.is_shared() && !instance.demo)
        .then(|| Arc::new(Shared::new(store, position, id.to_string(), vitals, timeout)))
}
