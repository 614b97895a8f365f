//! The past of the teams: what happened to their items since the beginning of the window, those among them that left
//! before anybody looked.
//!
//! The feed of revisions is read from there, page by page, beside the one that tells what happens now. What it finds of items
//! that are or ever were a team's is kept, and with it how far it was read, so a process that dies leaves it to the next
//! one. Then the sprints that are over are listed, for what did not change since, and what is still missing of lives is asked
//! for (`lives`). A check gives it a slice of its time: boards go on being fresh.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Source;
use super::compare::{BoardError, of_items};
use super::discovery::Discovered;
use super::feed::token_after;
use super::fetch::Doubted;
use crate::devops::{FeedStart, ProjectRef, TeamRef};
use crate::domain::record::past::PastReading;
use crate::domain::scope::TeamKey;
use crate::domain::sprint::teams::looked_back_at;
use crate::domain::sprint::work_item::{Observation, WorkItemId};
use crate::domain::stored::hash_of;
use crate::domain::wire::event::Cause;
use crate::write::ingest::ReadTo;

/// For how long a check reads the past; the next one follows at once.
const SLICE: Duration = Duration::from_secs(20);

/// What is noted of the past by this instance alone. Whoever takes over finds it again by a few calls.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Whether there is more to be read, and nothing speaks against going on.
    goes_on: AtomicBool,
    /// The teams whose past sprints were listed.
    listed: Mutex<BTreeSet<TeamKey>>,
    /// Items that the feed tells of and that nobody may see now.
    unseen: Mutex<BTreeSet<WorkItemId>>,
}

impl Noted {
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::SeqCst)
    }

    fn unseen(&self) -> MutexGuard<'_, BTreeSet<WorkItemId>> {
        self.unseen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> MutexGuard<'_, BTreeSet<TeamKey>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    /// Reads on in the past for a while, where not all of it is known, and what is missing of lives that came since.
    pub(super) async fn read_past(&self, found: &Discovered) -> Result<(), BoardError> {
        self.past.goes_on.store(false, Ordering::SeqCst);
        let ends = Instant::now() + SLICE;
        let teams = self.instance.fold.read().teams().with_areas();
        let Some(mut reading) = self.past_to_read(&teams) else {
            return self.complete_lives(&found.projects, None, ends).await.map(drop);
        };
        let mut has_begun_anew = false;
        while !reading.is_through {
            if Instant::now() >= ends {
                self.past.goes_on.store(true, Ordering::SeqCst);
                return Ok(());
            }
            reading = match self.read_past_page(&found.projects, &reading).await? {
                Some(read) => read,
                None if has_begun_anew => return Ok(()),
                None => {
                    has_begun_anew = true;
                    PastReading::new(reading.from, reading.areas, reading.until)
                }
            };
        }
        let from = reading.from;
        self.list_past_sprints(found).await?;
        if self.complete_lives(&found.projects, Some(from), ends).await? {
            self.past.unseen().clear();
            self.levels.found(move |check| check.read_past(from, &teams));
        } else {
            self.past.goes_on.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// How far the past is read; `None` where it is known of all teams. It begins anew where there are other areas, or other
    /// sprints that reach back further.
    fn past_to_read(&self, teams: &[(TeamKey, u64)]) -> Option<PastReading> {
        let now = (self.instance.clock)();
        let state = self.instance.fold.read();
        let from = state.teams().window_start(now);
        let check = state.checked();
        let is_known = |(team, areas): &(TeamKey, u64)| {
            check.past_of(*team).is_some_and(|past| past.areas == *areas && past.from <= from)
        };
        if teams.iter().all(is_known) {
            return None;
        }
        let areas = hash_of(&teams);
        let under_way = check.past.clone().filter(|reading| reading.areas == areas && reading.from <= from);
        Some(under_way.unwrap_or_else(|| {
            tracing::info!(%from, teams = teams.len(), "the past of the teams is read");
            self.past.listed().clear();
            PastReading::new(from, areas, now)
        }))
    }

    /// Reads a page of the past and keeps what it tells of items that are or ever were a team's; returns how far it was read
    /// then. `None` where the organisation does not know the place any more.
    async fn read_past_page(
        &self,
        projects: &[ProjectRef],
        reading: &PastReading,
    ) -> Result<Option<PastReading>, BoardError> {
        let began = Instant::now();
        let from = match &reading.token {
            Some(token) => FeedStart::After(token.clone()),
            None => FeedStart::At(reading.from),
        };
        let (mut page, mut newer) = match self.page(&from, projects).await {
            Err(error) if error.status == Some(400) && reading.token.is_some() => {
                tracing::warn!(%error, "the organisation does not know how far the past was read; it is read anew");
                return Ok(None);
            }
            told => of_items(told)?,
        };
        if page.tells_something() && page.token.is_some() && page.token == reading.token {
            // A cache on the way may have told the page before this one again; asked for once more it is believed.
            (page, newer) = of_items(self.page(&from, projects).await)?;
        }
        let projects = newer.as_deref().map_or(projects, Vec::as_slice);
        let token = of_items(token_after(&page, reading.token.as_ref()))?;
        let (mut told, new) = self.of_teams(&page.items);
        told.extend(self.as_they_are(projects, new).await?);
        let newest = page.items.iter().map(|item| item.present().claim.changed_at).max();
        let read = PastReading {
            token: Some(token),
            is_through: page.is_last,
            revisions: reading.revisions.saturating_add(page.revisions as u64),
            reached: reading.reached.max(newest),
            took_ms: reading.took_ms.saturating_add(u64::try_from(began.elapsed().as_millis()).unwrap_or(0)),
            ..reading.clone()
        };
        self.keep_read(&told, &self.provenance(Cause::Backfill), ReadTo::Past(&read)).await?;
        Ok(Some(read))
    }

    /// What is told of items that are known, and of those that are not and are or ever were a team's.
    fn of_teams(&self, items: &[Observation]) -> (Vec<Observation>, Vec<Observation>) {
        let (state, unseen) = (self.instance.fold.read(), self.past.unseen());
        let is_known = |item: &&Observation| state.item(item.id).is_some();
        let (known, others): (Vec<_>, Vec<_>) = items.iter().partition(is_known);
        let is_new = |item: &&Observation| !unseen.contains(&item.id) && state.teams().has_ever_had(item);
        (known.into_iter().cloned().collect(), others.into_iter().filter(is_new).cloned().collect())
    }

    /// What is told of items that are not known yet, with what they are now: by what they were at some time they would be
    /// shown on boards that they left since.
    async fn as_they_are(
        &self,
        projects: &[ProjectRef],
        told: Vec<Observation>,
    ) -> Result<Vec<Observation>, BoardError> {
        let Some(project) = told.first().map(|item| item.present().claim.facts.project) else {
            return Ok(told);
        };
        let ids: Vec<WorkItemId> = told.iter().map(|item| item.id).collect();
        let batch = of_items(self.azure.items(project, projects, &ids, &self.named_fields(), None).await)?;
        let presents = batch.items.into_iter().filter(|item| self.is_listed(projects, item));
        let presents: BTreeMap<WorkItemId, Observation> = presents.map(|item| (item.id, item)).collect();
        let (mut known, mut left) = (Vec::new(), Vec::new());
        for item in told {
            match presents.get(&item.id) {
                Some(present) => known.push(item.merge(present)),
                None => left.push(item.id),
            }
        }
        if !left.is_empty() {
            // What is in the recycle bin is not named; its revisions tell when it went there.
            self.fetch(projects, project, &left, &Doubted::default(), Cause::Backfill).await?;
            let state = self.instance.fold.read();
            let is_unseen = |id: &WorkItemId| state.item(*id).is_none();
            self.past.unseen().extend(left.into_iter().filter(is_unseen));
        }
        Ok(known)
    }

    /// Lists the items of each team's finished sprints that can be told of: what is in one since before the window began, the
    /// feed does not tell of.
    async fn list_past_sprints(&self, found: &Discovered) -> Result<(), BoardError> {
        let projects = &*found.projects;
        let list = |project, team| async move { self.list_past_sprints_of(projects, &project, &team).await };
        self.for_each_team(found, list).await
    }

    async fn list_past_sprints_of(
        &self,
        projects: &[ProjectRef],
        project: &ProjectRef,
        team: &TeamRef,
    ) -> Result<(), BoardError> {
        let key = TeamKey { project: project.id, team: team.id };
        let catalogue = self.instance.fold.read().teams().catalogue(key).cloned();
        let Some(catalogue) = catalogue.filter(|_| !self.past.listed().contains(&key)) else {
            return Ok(());
        };
        let mut ids = BTreeSet::new();
        for sprint in looked_back_at(&catalogue, (self.instance.clock)()) {
            match self.azure.sprint_items(project.id, team.id, sprint.id).await {
                Ok(items) => ids.extend(items),
                Err(error) if error.failure.is_of_one_call() => tracing::warn!(
                    project = %project.name, team = %team.name, sprint = %sprint.name, %error,
                    "the items of a finished sprint cannot be listed; what did not change since it ended may be missing"
                ),
                Err(error) => return of_items(Err(error)),
            }
        }
        let unknown: Vec<WorkItemId> = {
            let (state, unseen) = (self.instance.fold.read(), self.past.unseen());
            ids.into_iter().filter(|id| state.item(*id).is_none() && !unseen.contains(id)).collect()
        };
        self.fetch_as_they_are(projects, project.id, &unknown, Cause::Backfill).await?;
        self.past.listed().insert(key);
        Ok(())
    }
}
