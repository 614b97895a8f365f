//! What hooks told of without its details. Of an item they name its revisions are fetched; what they do not name the next
//! comparison of all boards has to find.
//!
//! One instance at a time does it, by a lease. What is to be fetched is a record, so whoever dies over it leaves it to the
//! next one, and an item that was told of a hundred times is one record and one answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout};

use super::Source;
use super::fetch::Doubted;
use super::lists::Look;
use crate::devops::hook::Bare;
use crate::devops::{CallError, ProjectRef};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::record::todo::Todo;
use crate::domain::scope::ProjectId;
use crate::domain::sprint::work_item::{Claim, ClaimKind, Facts, Observation, WorkItem, WorkItemId};
use crate::domain::time::Ticks;
use crate::domain::wire::event::Cause;
use crate::journal::{EntryId, Version};
use crate::write::commit::CommitError;
use crate::write::ingest::{Ingested, Provenance};

/// How many items are fetched at the same time.
const ITEMS_AT_ONCE: usize = 8;

/// How long others wait for an instance that died over it.
const LEASE: Duration = Duration::from_secs(15);

/// How often it is looked whether something may be fetched that could not be before.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long after a failure it is tried again, at first; each failure doubles it.
const RETRY_FIRST: Duration = Duration::from_secs(1);

/// The longest wait after failures that say that nothing can be fetched, and after those of one item.
const RETRY_MAX: Duration = Duration::from_mins(1);
const RETRY_ITEM_MAX: Duration = Duration::from_mins(10);

/// What became of a hook without details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is kept, and what it told of is fetched.
    Kept,
    /// It comes from another collection than what is on the boards.
    ForeignCollection,
    /// It is of a project that is not served.
    ForeignProject,
}

/// Why something was not fetched.
enum Unfetched {
    /// The organisation did not answer.
    Call(CallError),
    /// What it answered could not be kept.
    Kept(CommitError),
}

impl From<CallError> for Unfetched {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<CommitError> for Unfetched {
    fn from(error: CommitError) -> Self {
        Self::Kept(error)
    }
}

/// When to try again what failed.
#[derive(Default)]
pub(super) struct Retries {
    all: Retry,
    of_items: HashMap<WorkItemId, Retry>,
}

#[derive(Clone, Copy, Default)]
struct Retry {
    failures: u32,
    at: Option<Instant>,
}

impl Retry {
    fn is_due(&self, now: Instant) -> bool {
        self.at.is_none_or(|at| at <= now)
    }

    fn failed(&mut self, now: Instant, most: Duration) {
        let pause = RETRY_FIRST.saturating_mul(1 << self.failures.min(16)).min(most);
        self.failures = self.failures.saturating_add(1);
        // Instances that were refused together do not come back together.
        self.at = Some(now + pause.mul_f64(0.75 + fastrand::f64() / 4.0));
    }
}

impl Source {
    /// Notes what a hook told of without its details, unless it is of another collection or of a project that is not
    /// served, as far as it says. When this returns `Kept`, it is fetched whatever dies.
    ///
    /// Errors: it is not kept.
    pub async fn note(&self, bare: &Bare, provenance: &Provenance) -> Result<Noted, CommitError> {
        let (is_told_of, ours, mut name) = {
            let state = self.instance.fold.read();
            let is_told_of = |project| state.teams().of_project(project).next().is_some();
            let name = bare.project.and_then(|project| state.project_name(project).cloned());
            (bare.project.is_some_and(is_told_of), state.collection(), name)
        };
        if ours.is_some() && provenance.collection != ours && !is_told_of {
            return Ok(Noted::ForeignCollection);
        }
        if let Some(project) = bare.project {
            let listed = self.lists.projects_as_known().map(|(projects, _)| projects);
            let of_list = || Some(listed?.iter().find(|listed| listed.id == project)?.name.clone());
            name = name.or_else(of_list);
            // One of which not even the name is known may be new; what is fetched tells.
            if name.is_some() && !self.instance.allowed.allows_project(project, name.as_deref()) {
                return Ok(Noted::ForeignProject);
            }
        }
        let received_at = provenance.received_at;
        let told_at = bare.told_at.unwrap_or(Ticks::from(received_at));
        let Bare { item, project, deleted, .. } = *bare;
        let todo = Todo { item, project, received_at, told_at, deleted };
        let taught = provenance.collection.filter(|told| is_told_of && ours != Some(*told));
        self.todo.note(todo, taught).await?;
        Ok(Noted::Kept)
    }

    /// Fetches what is noted whenever something is; never returns.
    pub async fn keep_fetching(self: Arc<Self>) {
        let mut moves = self.instance.fold.watch();
        self.instance.fold.passed(EntryId::ZERO).await;
        let mut retries = Retries::default();
        loop {
            // Before it is looked: what is noted meanwhile is a move.
            moves.mark_unchanged();
            self.settle_what_was_compared().await;
            let due = self.due(&mut retries);
            if due.is_empty() {
                let _ = timeout(POLL_INTERVAL, moves.changed()).await;
                continue;
            }
            if !self.is_ours_to_fetch().await {
                tokio::time::sleep(POLL_INTERVAL).await;
                continue;
            }
            tokio::select! {
                () = self.fetch_noted(&due, &mut retries) => {}
                () = self.stay_the_fetcher() => {}
            }
        }
    }

    /// What may be fetched now. Nothing is while the organisation is gone: when it is asked again a check says.
    fn due(&self, retries: &mut Retries) -> Vec<(WorkItemId, Todo, Version)> {
        let state = self.instance.fold.read();
        let named: Vec<_> =
            state.todo().filter_map(|(todo, version)| Some((todo.item?, todo, version))).collect();
        if retries.of_items.len() > named.len() {
            retries.of_items.retain(|item, _| state.todo_of(Some(*item)).is_some());
        }
        let now = Instant::now();
        if named.is_empty() || !retries.all.is_due(now) || state.checked().organization.since().is_some() {
            return Vec::new();
        }
        let is_due = |item: &WorkItemId| retries.of_items.get(item).is_none_or(|retry| retry.is_due(now));
        let mut due: Vec<_> = named.into_iter().filter(|(item, ..)| is_due(item)).collect();
        due.sort_unstable_by_key(|(item, _, version)| (*version, *item));
        due
    }

    async fn is_ours_to_fetch(&self) -> bool {
        // What is fetched could not be kept while the journal is away.
        self.instance.fold.journal_status() == JournalStatus::Following
            && self.instance.leases.lease("todo", &self.instance.id, LEASE).await.unwrap_or(false)
    }

    /// Renews the lease for as long as fetching takes; never returns.
    async fn stay_the_fetcher(&self) {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            self.is_ours_to_fetch().await;
        }
    }

    /// Fetches these items, a few at a time. A failure that is not of one item alone ends it.
    async fn fetch_noted(&self, due: &[(WorkItemId, Todo, Version)], retries: &mut Retries) {
        let fetch = |(item, todo, version)| async move { (item, self.fetch_todo(item, todo, version).await) };
        let futures: Vec<_> = due.iter().copied().map(fetch).collect();
        let mut ended = stream::iter(futures).buffer_unordered(ITEMS_AT_ONCE);
        while let Some((item, fetched)) = ended.next().await {
            let now = Instant::now();
            let (is_of_all, why) = match fetched {
                Ok(()) => {
                    retries.all = Retry::default();
                    retries.of_items.remove(&item);
                    continue;
                }
                Err(Unfetched::Call(error)) => (!error.failure.is_of_one_call(), error.to_string()),
                Err(Unfetched::Kept(CommitError::Contended)) => (false, CommitError::Contended.to_string()),
                Err(Unfetched::Kept(error)) => (true, error.to_string()),
            };
            tracing::warn!(work_item = %item, why, "a work item that a hook names cannot be fetched yet");
            retries.of_items.entry(item).or_default().failed(now, RETRY_ITEM_MAX);
            if is_of_all {
                return retries.all.failed(now, RETRY_MAX);
            }
        }
    }

    /// Fetches an item and takes in what the organisation has of it. Its record goes last: whoever dies before that leaves
    /// it, and the next answer tells nothing new.
    async fn fetch_todo(&self, id: WorkItemId, todo: Todo, version: Version) -> Result<(), Unfetched> {
        let told = match self.fetch_listed(id, todo.project).await? {
            Some(item) => Some(self.told(item, &Doubted::new())),
            None if todo.deleted => self.gone(id, todo.told_at),
            None => {
                self.instance.vitals.todo_not_found.add(1);
                tracing::warn!(
                    work_item = %id,
                    "a hook names a work item that the organisation does not show; check what the owner of \
                     AZURE_DEVOPS_PAT may see"
                );
                None
            }
        };
        if let Some(told) = told {
            // It is of the organisation that boards are compared with, whatever the hook said.
            let collection = self.instance.fold.read().collection();
            let provenance = Provenance {
                source: Cause::Webhook,
                received_at: todo.received_at,
                collection,
                trace_id: None,
            };
            if self.ingest.observe(&told, &provenance).await? == Ingested::ForeignProject {
                self.instance.vitals.dead_letter(todo.received_at, "foreign_project", 0, None);
                tracing::warn!(work_item = %id, "a work item that a hook names is of a project that is not served");
            }
            self.instance.vitals.todo_fetched.add(1);
        }
        self.todo.settle(Some(id), version).await?;
        Ok(())
    }

    /// An item of a project that is listed; `None` where the organisation shows none.
    async fn fetch_listed(
        &self,
        id: WorkItemId,
        project: Option<ProjectId>,
    ) -> Result<Option<Observation>, CallError> {
        // A project that is not listed may have come since that was done.
        for again in [false, true] {
            let look = Look { again, is_known: !self.known_teams().is_empty() };
            let (projects, _) = self.lists.projects(look).await?;
            let known =
                self.instance.fold.read().item(id).map(|known| known.item.present().claim.facts.project);
            let first = |projects: &[ProjectRef]| projects.first().map(|project| project.id);
            let Some(project) = project.or(known).or_else(|| first(&projects)) else { continue };
            let Some(item) = self.azure.revisions(project, &projects, id).await? else { return Ok(None) };
            if self.is_listed(&projects, &item) {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// That an item is in the recycle bin, which a hook says and the organisation, which shows no such item, bears out. It is
    /// told of the revision that is known, because nobody says the number of another; what happened after it stays.
    fn gone(&self, id: WorkItemId, told_at: Ticks) -> Option<Observation> {
        let known = self.instance.fold.read().item(id)?.item;
        let present = known.present();
        if present.claim.facts.deleted {
            return None;
        }
        let claim = Claim {
            claimed_at: told_at,
            kind: ClaimKind::Deleted,
            changed_at: told_at.timestamp(),
            changed_by: None,
            facts: Facts { deleted: true, ..(*present.claim.facts).clone() }.into(),
        };
        Some(WorkItem::new(id, present.rev, claim, present.details.clone()))
    }

    /// What a hook did not name is found by a check that began after it came.
    async fn settle_what_was_compared(&self) {
        let noted = {
            let state = self.instance.fold.read();
            let is_compared = |todo: &Todo| state.checked().answered > Some(todo.received_at);
            state.todo_of(None).filter(|(todo, _)| is_compared(todo))
        };
        if let Some((_, version)) = noted
            && let Err(error) = self.todo.settle(None, version).await
        {
            tracing::warn!(%error, "that all boards were compared could not be noted; trying again");
        }
    }
}
