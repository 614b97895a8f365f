//! A simulated organisation that boards are compared with, and what a test does to the way there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::{Event, ItemContent};
use boardcast::demo::simulation::model::Model;
use boardcast::devops::client::{ClientSettings, RestClient};
use boardcast::devops::project::ProjectCatalogue;
use boardcast::devops::{
    AzureDevOps, CallError, FeedStart, ItemBatch, ItemHead, ProjectRef, RevisionPage, TeamRef,
};
use boardcast::domain::degradation::Failure;
use boardcast::domain::scope::{ProjectId, SprintId, TeamId, Text};
use boardcast::domain::sprint::catalogue::{Catalogue, Iteration};
use boardcast::domain::sprint::work_item::{Observation, WorkItemId};
use boardcast::domain::time::{CivilDate, Timestamp};
use boardcast::domain::wire::event::Cause;
use boardcast::sync::source::Check;
use chrono_tz::Tz;
use serde_json::Value;

use super::app::{Builder, DEADLINE, HandClock, TestApp};
use super::organisation::{Asked, Server, SimulatedFailure};
use super::service_hooks::FakeHooks;
use super::sse::SseReader;

/// A Wednesday, 15:00 in New York.
pub const NOW_MS: i64 = 1_795_636_800_000;

/// A simulated organisation, and what a test does to the way there.
pub struct Organization {
    server: tokio::sync::Mutex<Server>,
    pub model: Arc<Mutex<Model>>,
    pub way: Arc<Way>,
    pub clock: HandClock,
}

/// What goes wrong on the way to an organisation: what the simulated server cannot do itself.
#[derive(Default)]
pub struct Faults {
    /// Teams whose sprints' items cannot be had.
    pub broken: Mutex<BTreeSet<TeamId>>,
    /// Teams of which the items of sprints are never answered.
    pub silent: Mutex<BTreeSet<TeamId>>,
    /// Projects whose teams cannot be listed, and why.
    pub closed_projects: Mutex<BTreeMap<ProjectId, Failure>>,
    /// Work items whose revisions cannot be read.
    pub unreadable: Mutex<BTreeSet<WorkItemId>>,
    /// What every call fails with.
    pub refused: Mutex<Option<Failure>>,
    /// How many of the next questions about a team fail.
    pub stumbles: AtomicU32,
    pub sprints_broken: AtomicBool,
    /// Answers never come.
    pub hangs: AtomicBool,
    /// Items never come.
    pub items_are_silent: AtomicBool,
    /// What the feed of revisions fails with.
    pub no_feed: Mutex<Option<Failure>>,
    /// How many pages of the feed are answered before it fails, where it does.
    pub feed_pages: Mutex<Option<u32>>,
    /// The list of projects is empty.
    pub no_projects: AtomicBool,
    /// Teams that the list of their project leaves out.
    pub unlisted: Mutex<BTreeSet<TeamId>>,
    /// No team has any sprint.
    pub no_sprints: AtomicBool,
}

/// The client, and what goes wrong on the way.
pub struct Way {
    pub client: Arc<RestClient>,
    pub faults: Faults,
}

impl std::ops::Deref for Way {
    type Target = Faults;

    fn deref(&self) -> &Faults {
        &self.faults
    }
}

impl Way {
    async fn pass(&self, team: Option<TeamId>) -> Result<(), CallError> {
        while self.hangs.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if let Some(failure) = *self.refused.lock().unwrap() {
            return Err(error(failure));
        }
        let stumbled =
            || self.stumbles.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match team {
            Some(team) if self.broken.lock().unwrap().contains(&team) || stumbled().is_ok() => {
                Err(error(Failure::Server))
            }
            _ => Ok(()),
        }
    }
}

fn error(failure: Failure) -> CallError {
    CallError { failure, call: "a call", status: Some(503), message: "a planned fault".into() }
}

#[async_trait]
impl AzureDevOps for Way {
    fn is_scarce(&self) -> bool {
        self.client.is_scarce()
    }

    async fn asked_to_wait(&self) -> Duration {
        self.client.asked_to_wait().await
    }

    fn hold_calls(&self, pause: Duration) {
        self.client.hold_calls(pause);
    }

    async fn projects(&self) -> Result<Vec<ProjectRef>, CallError> {
        self.pass(None).await?;
        if self.no_projects.load(Ordering::SeqCst) {
            return Ok(Vec::new());
        }
        self.client.projects().await
    }

    async fn teams(&self, project: ProjectId) -> Result<Vec<TeamRef>, CallError> {
        self.pass(None).await?;
        if let Some(failure) = self.closed_projects.lock().unwrap().get(&project) {
            return Err(error(*failure));
        }
        let mut teams = self.client.teams(project).await?;
        let unlisted = self.unlisted.lock().unwrap();
        teams.retain(|team| !unlisted.contains(&team.id));
        Ok(teams)
    }

    async fn project(&self, project: &ProjectRef) -> Result<ProjectCatalogue, CallError> {
        self.pass(None).await?;
        self.client.project(project).await
    }

    async fn catalogue(
        &self,
        project: &ProjectRef,
        shared: &ProjectCatalogue,
        team: &TeamRef,
        zone: Tz,
        now: Timestamp,
    ) -> Result<Catalogue, CallError> {
        self.pass(None).await?;
        if self.sprints_broken.load(Ordering::SeqCst) {
            return Err(error(Failure::Server));
        }
        let mut catalogue = self.client.catalogue(project, shared, team, zone, now).await?;
        if self.no_sprints.load(Ordering::SeqCst) {
            catalogue.iterations.clear();
        }
        Ok(catalogue)
    }

    async fn days_off(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        sprints: &[Iteration],
    ) -> Result<BTreeMap<SprintId, BTreeSet<CivilDate>>, CallError> {
        self.pass(None).await?;
        self.client.days_off(project, team, sprints).await
    }

    async fn sprint_items(
        &self,
        project: ProjectId,
        team: TeamId,
        sprint: SprintId,
    ) -> Result<Vec<WorkItemId>, CallError> {
        self.pass(Some(team)).await?;
        while self.silent.lock().unwrap().contains(&team) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.client.sprint_items(project, team, sprint).await
    }

    async fn heads(&self, ids: &[WorkItemId]) -> Result<Vec<ItemHead>, CallError> {
        self.pass(None).await?;
        self.client.heads(ids).await
    }

    async fn revision_page(
        &self,
        from: &FeedStart,
        known: &[ProjectRef],
        fields: &BTreeSet<Text>,
    ) -> Result<RevisionPage, CallError> {
        self.pass(None).await?;
        if let Some(failure) = *self.no_feed.lock().unwrap() {
            return Err(error(failure));
        }
        if let Some(pages) = &mut *self.feed_pages.lock().unwrap() {
            *pages = pages.checked_sub(1).ok_or_else(|| error(Failure::Server))?;
        }
        self.client.revision_page(from, known, fields).await
    }

    async fn items(
        &self,
        project: ProjectId,
        known: &[ProjectRef],
        ids: &[WorkItemId],
        fields: &BTreeSet<Text>,
        as_of: Option<Timestamp>,
    ) -> Result<ItemBatch, CallError> {
        self.pass(None).await?;
        while self.items_are_silent.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut batch = self.client.items(project, known, ids, fields, as_of).await?;
        let unreadable = self.unreadable.lock().unwrap();
        batch.unreadable.extend(ids.iter().filter(|id| unreadable.contains(id)));
        batch.items.retain(|item| !unreadable.contains(&item.id));
        Ok(batch)
    }

    async fn revisions(
        &self,
        project: ProjectId,
        known: &[ProjectRef],
        id: WorkItemId,
    ) -> Result<Option<Observation>, CallError> {
        self.pass(None).await?;
        if self.unreadable.lock().unwrap().contains(&id) {
            return Err(error(Failure::Unreadable));
        }
        self.client.revisions(project, known, id).await
    }
}

impl Organization {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Model)) -> Self {
        Self::with_client(change, |_| {}).await
    }

    /// The same, asked by a client of other settings.
    pub async fn with_client(
        change: impl FnOnce(&mut Model),
        adjust: impl FnOnce(&mut ClientSettings),
    ) -> Self {
        let clock = HandClock::at(NOW_MS);
        let mut model = Model::new(3, clock.clock());
        change(&mut model);
        let model = Arc::new(Mutex::new(model));
        let server = Server::start(model.clone()).await.unwrap();
        let mut settings = ClientSettings::new(server.base_url());
        adjust(&mut settings);
        let client = Arc::new(RestClient::new(&settings).unwrap());
        let way = Way { client, faults: Faults::default() };
        Self { server: tokio::sync::Mutex::new(server), model, way: Arc::new(way), clock }
    }

    /// What an application is built with whose boards are compared with this organisation.
    pub fn builder(&self) -> Builder {
        TestApp::builder().clock(self.clock.clone()).organization(self.way.clone())
    }

    /// An application whose boards are compared with this organisation.
    pub async fn app(&self) -> TestApp {
        let app = self.builder().start().await;
        self.until(async || (app.app.instance.fold.read().checked().projects.len() == 2).then_some(())).await;
        app.settled().await;
        app
    }

    pub fn model<T>(&self, act: impl FnOnce(&mut Model) -> T) -> T {
        act(&mut self.model.lock().unwrap())
    }

    /// Changes an item; returns the hook that tells it.
    pub fn edit(&self, item: u32, edit: impl FnOnce(&mut ItemContent)) -> Value {
        self.model(|model| {
            let at = model.now();
            let change = model.change(item, Event::Updated, at, 0, edit).unwrap();
            hooks::payload(model, change).unwrap()
        })
    }

    /// Another way to this organisation, by a client of its own.
    pub async fn another_way(&self) -> Arc<Way> {
        let settings = ClientSettings::new(self.server.lock().await.base_url());
        Arc::new(Way { client: Arc::new(RestClient::new(&settings).unwrap()), faults: Faults::default() })
    }

    /// A check, that long after the last, and what it announced is on the boards.
    pub async fn check_after(&self, time: Duration, app: &TestApp) -> Check {
        self.clock.advance(time);
        let check = app.app.source.clone().unwrap().check(Cause::Timer).await;
        app.settled().await;
        check
    }

    /// Makes every call on a route fail.
    pub async fn fail_on(&self, route: &str, failure: SimulatedFailure) {
        self.server.lock().await.fail_on(route, failure);
    }

    /// Makes every call succeed again.
    pub async fn mend(&self) {
        self.server.lock().await.mend();
    }

    pub async fn calls_on(&self, route: &str) -> u64 {
        self.server.lock().await.calls_by_route().get(route).copied().unwrap_or_default()
    }

    pub async fn calls(&self) -> BTreeMap<String, u64> {
        self.server.lock().await.calls_by_route()
    }

    /// Keeps every request from now on.
    pub async fn keep_requests(&self) {
        self.server.lock().await.keep_requests();
    }

    /// The requests that were kept.
    pub async fn requests(&self) -> Vec<Asked> {
        self.server.lock().await.requests()
    }

    /// Answers each call after that time.
    pub async fn answer_after(&self, latency: Duration) {
        self.server.lock().await.answer_after(latency);
    }

    /// How many calls were under way at once, at most.
    pub async fn most_in_flight(&self) -> usize {
        self.server.lock().await.most_in_flight()
    }

    /// Makes the next call on a route fail.
    pub async fn fail_next_on(&self, route: &str, failure: SimulatedFailure) {
        self.server.lock().await.fail_next_on(route, failure);
    }

    /// Its subscriptions of service hooks.
    pub async fn hooks(&self) -> FakeHooks {
        self.server.lock().await.hooks()
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        self.model(|model| model.base_url.clone())
    }

    pub async fn close(&self) {
        self.server.lock().await.close().await;
    }

    pub async fn reopen(&self) {
        self.server.lock().await.reopen().await.unwrap();
    }

    /// Lets time pass, three seconds at once, until something is so.
    pub async fn until<T>(&self, mut is_so: impl AsyncFnMut() -> Option<T>) -> T {
        tokio::time::timeout(DEADLINE, async {
            loop {
                if let Some(found) = is_so().await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.clock.advance(Duration::from_secs(3));
            }
        })
        .await
        .expect("it never came to pass")
    }

    /// Lets time pass until an event of that type comes.
    pub async fn until_told(&self, reader: &mut SseReader, kind: &str) -> Value {
        self.all_until_told(reader, kind).await.pop().unwrap()
    }

    /// The same; returns that event and those before it.
    pub async fn all_until_told(&self, reader: &mut SseReader, kind: &str) -> Vec<Value> {
        let mut told = Vec::new();
        let listening = async {
            while told.last().is_none_or(|event: &Value| event["type"] != kind) {
                told.extend(reader.next().await.expect("the stream ended").json());
            }
        };
        let turning = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.clock.advance(Duration::from_secs(3));
            }
        };
        tokio::select! {
            heard = tokio::time::timeout(DEADLINE, listening) => heard.expect("it was never told"),
            () = turning => unreachable!(),
        }
        told
    }
}

/// The boards, by the name of the team.
pub async fn boards(app: &TestApp) -> BTreeMap<String, Value> {
    let directory = app.get("/api/snapshot").await.json();
    let mut boards = BTreeMap::new();
    for row in directory["scopes"].as_array().unwrap() {
        let board = app.get(row["url"].as_str().unwrap()).await.json();
        boards.insert(row["team"].as_str().unwrap_or("none").to_owned(), board);
    }
    boards
}
