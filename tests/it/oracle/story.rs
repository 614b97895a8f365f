//! The story that boards are held against the oracle in.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use boardcast::demo::simulation::item::Revision;
use boardcast::demo::simulation::model::Model;
use boardcast::devops::client::{ClientSettings, RestClient};
use boardcast::domain::sprint::work_item::KeptTags;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::Store;
use serde_json::Value;

use super::compare::differences;
use super::days::TeamDays;
use super::expected::Board;
use super::lives::Owner;
use super::organisation::{Zones, begin};
use super::people::{ESCAPED, People, WAITING};
use crate::support::app::{HandClock, TestApp};
use crate::support::organisation::Server;
use crate::support::source::NOW_MS;

/// Within how many checks, minutes apart, boards have to be what they should be.
const CHECKS_MAX: u32 = 40;

/// How much happens in a story.
#[derive(Clone, Copy)]
pub struct Pace {
    /// For how many hours before the restart.
    hours: u32,
    /// How many weeks pass after it, so that sprints end and others begin: the longest takes three.
    weeks: u32,
    /// For how many hours of a day of these anything happens that hooks tell.
    hours_of_day: u32,
}

impl Pace {
    pub const fn brief() -> Self {
        Self { hours: 8, weeks: 3, hours_of_day: 1 }
    }

    pub const fn at_length() -> Self {
        Self { hours: 48, weeks: 3, hours_of_day: 12 }
    }
}

struct Story {
    seed: u64,
    rng: fastrand::Rng,
    clock: HandClock,
    model: Arc<Mutex<Model>>,
    server: Server,
    zones: Zones,
    /// Whether items are blocked by a tag of the organisation's own.
    has_own_tag: bool,
    /// Hooks that are on their way.
    hooks: Vec<Value>,
}

fn blocks_by_default(revision: &Revision) -> bool {
    revision.content.blocked
}

fn blocks_by_own_tag(revision: &Revision) -> bool {
    revision.content.tags.iter().any(|tag| &**tag == WAITING)
}

/// Tells the story of a seed.
pub async fn tell(seed: u64, pace: Pace) {
    let mut story = Story::begin(seed).await;
    let first = story.app(None).await;
    story.is_right("at the start", &first).await;
    story.live(&[&first], pace.hours).await;
    story.is_right("after hours of shuffled hooks", &first).await;
    // One that was there from the beginning, one over its store, and one that knows nothing but what it asks for.
    let again = story.app(Some(&first)).await;
    let anew = story.app(None).await;
    story.is_right("after a restart with its store", &again).await;
    story.is_right("after a restart without any store", &anew).await;
    drop(again);
    for _ in 0..pace.weeks {
        for _ in 0..7 {
            story.live(&[&first, &anew], pace.hours_of_day).await;
            story.clock.advance(Duration::from_hours(u64::from(24 - pace.hours_of_day)));
        }
        story.is_right("after days in which sprints ended, who saw all of it", &first).await;
        story.is_right("after days in which sprints ended, who came later", &anew).await;
    }
    let late = story.app(None).await;
    story.is_right("who came when sprints had ended", &late).await;
    story.tell_the_same_past(&first, &late).await;
}

impl Story {
    async fn begin(seed: u64) -> Self {
        println!("the oracle's seed is {seed}");
        let mut rng = fastrand::Rng::with_seed(seed);
        // Any time of any day of a year, so that clocks are changed in some of the pasts.
        let clock = HandClock::at(NOW_MS + rng.i64(0..365 * 24 * 3_600_000));
        let (model, zones) = begin(seed, &clock, &mut rng);
        let model = Arc::new(Mutex::new(model));
        let server = Server::start(model.clone()).await.unwrap();
        let has_own_tag = rng.bool();
        Self { seed, rng, clock, model, server, zones, has_own_tag, hooks: Vec::new() }
    }

    /// An instance, over the store of another one where one is named.
    async fn app(&self, over: Option<&TestApp>) -> TestApp {
        let zones: Vec<String> = self.zones.iter().map(|(team, zone)| format!("{team}={zone}")).collect();
        let mut settings = ClientSettings::new(self.server.base_url());
        let waiting = self.has_own_tag.then(|| WAITING.into());
        settings.kept_tags = KeptTags::new([ESCAPED.into()].into_iter().chain(waiting));
        let client = RestClient::new(&settings).unwrap();
        let mut builder = TestApp::builder().clock(self.clock.clone()).organization(Arc::new(client));
        builder = builder.setting("BOARDCAST_TEAM_ZONES", &zones.join(","));
        builder = builder.setting("BOARDCAST_ESCAPED_TAGS", ESCAPED);
        if self.has_own_tag {
            builder = builder.setting("BOARDCAST_BLOCKED_BY", &format!("tag:{WAITING}"));
        }
        if let Some(journal) = over.map(|over| over.journal.clone()) {
            builder = builder.layer(move |_| Store::of(journal.clone()));
        }
        builder.start().await
    }

    /// Lives for some hours; hooks come shuffled, some twice, some never.
    async fn live(&mut self, apps: &[&TestApp], hours: u32) {
        for _ in 0..hours {
            for _ in 0..4 {
                self.clock.advance(Duration::from_secs(self.rng.u64(60..1_740)));
                let hook = (People { model: &mut self.model.lock().unwrap(), rng: &mut self.rng }).act();
                let times = self.rng.choice([0, 1, 1, 1, 2]).unwrap();
                self.hooks.extend(hook.into_iter().flat_map(|hook| std::iter::repeat_n(hook, times)));
            }
            self.rng.shuffle(&mut self.hooks);
            let due = self.rng.usize(0..=self.hooks.len());
            for hook in self.hooks.drain(..due) {
                let app = self.rng.choice(apps).unwrap();
                assert_eq!(app.hook(&hook).await.status, 200);
            }
            for app in apps.iter().filter(|_| self.rng.u8(0..6) == 0) {
                app.app.source.clone().unwrap().check(Cause::Timer).await;
            }
        }
    }

    /// Everything comes, and the organisation is asked until boards are what they should be.
    async fn is_right(&mut self, when: &str, app: &TestApp) {
        for hook in self.hooks.drain(..) {
            assert_eq!(app.hook(&hook).await.status, 200);
        }
        for check in 1..=CHECKS_MAX {
            self.clock.advance(Duration::from_mins(if check <= 2 { 61 } else { 5 }));
            app.app.source.clone().unwrap().check(Cause::Timer).await;
            app.settled().await;
            let wrong = self.wrong(app).await;
            if wrong.is_empty() {
                return println!("{when}: right after {check} checks");
            }
            assert!(check < CHECKS_MAX, "seed {}, {when}:\n{}", self.seed, wrong.join("\n"));
        }
    }

    /// Who saw all of it and who came later tell of each day of the sprint and of each sprint before it the same.
    async fn tell_the_same_past(&self, saw: &TestApp, came: &TestApp) {
        let (mut wrong, mut told) = (Vec::new(), 0);
        for row in saw.get("/api/snapshot").await.json()["scopes"].as_array().unwrap() {
            let url = row["url"].as_str().unwrap();
            let board = saw.get(url).await.json();
            let over = board["burndown"]["days"].as_array().into_iter().flatten();
            let over = over
                .filter(|day| day["remaining"].is_number())
                .map(|day| format!("day={}", text(&day["date"])));
            let mut moments: Vec<String> = over.collect();
            // Today is as it is now.
            moments.pop();
            let before =
                board["metrics"]["velocity.completed"]["detail"]["sprints"].as_array().into_iter().flatten();
            moments.extend(before.map(|sprint| format!("sprint={}", text(&sprint["id"]))));
            for moment in moments {
                let address = format!("{url}&{moment}");
                let (saw, came) = (saw.get(&address).await.json(), came.get(&address).await.json());
                told += 1;
                let differs = different(&comparable(&saw), &comparable(&came));
                wrong.extend(differs.into_iter().map(|what| format!("{address}: {what}")));
            }
        }
        assert!(told > 40, "{told} moments");
        assert!(
            wrong.is_empty(),
            "seed {}, who came later tells another past:\n{}",
            self.seed,
            wrong.join("\n")
        );
        println!("the same of {told} moments of the past, whoever tells it");
    }

    /// What is wrong of all boards.
    async fn wrong(&self, app: &TestApp) -> Vec<String> {
        let directory = app.get("/api/snapshot").await.json();
        let mut wrong = Vec::new();
        let mut shown = Vec::new();
        for row in directory["scopes"].as_array().unwrap().iter().filter(|row| row["teamId"].is_string()) {
            shown.push(app.get(row["url"].as_str().unwrap()).await.json());
        }
        let model = self.model.lock().unwrap();
        let now = model.now().epoch_ms();
        for (number, project) in model.organisation.projects.iter().enumerate() {
            for (place, team) in project.teams.iter().enumerate() {
                let name = format!("{} of {} ({now})", team.name, project.name);
                let is_it = |board: &&Value| board["team"]["id"] == team.id.to_string();
                let Some(board) = shown.iter().find(is_it) else {
                    wrong.push(format!("{name} has no board"));
                    continue;
                };
                let days = TeamDays { project, team, zone: self.zones[&team.id.to_string()] };
                let owner = Owner { home: (number, place), process: project.process };
                let blocks = if self.has_own_tag { blocks_by_own_tag } else { blocks_by_default };
                match Board::of(&model, days, owner, now, blocks) {
                    Some(expected) => {
                        let differs = differences(board, &expected);
                        wrong.extend(differs.into_iter().map(|of| format!("{name}: {of}")));
                    }
                    None if board["sprint"].is_null() && board["metrics"] == serde_json::json!({}) => {}
                    None => wrong.push(format!("{name} is between two sprints: {board}")),
                }
            }
        }
        wrong
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// What of a board of the past does not depend on how it is known: hooks name people without their ids, and since when a state is
/// may be before the past that is known.
fn comparable(board: &Value) -> Value {
    let mut board = board.clone();
    for change in board["scopeChanges"].as_array_mut().unwrap() {
        change["by"]["id"].take();
    }
    for item in board["items"].as_array_mut().unwrap() {
        item.as_object_mut().unwrap().retain(|name, _| name != "stateSince" && name != "blockedSince");
    }
    board
}

/// What two answers differ in, by their members.
fn different(one: &Value, other: &Value) -> Vec<String> {
    let (one, other) = (one.as_object().unwrap(), other.as_object().unwrap());
    let mut wrong = Vec::new();
    for name in one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))) {
        let (saw, came) = (one.get(name), other.get(name));
        if saw == came {
            continue;
        }
        match (saw, came) {
            (Some(Value::Object(_)), Some(Value::Object(_))) => {
                let within = different(saw.unwrap(), came.unwrap());
                wrong.extend(within.into_iter().map(|what| format!("{name}.{what}")));
            }
            (Some(Value::Array(saw)), Some(Value::Array(came))) => {
                let lacks = |these: &[Value], of: &[Value]| {
                    these.iter().filter(|one| !of.contains(one)).map(Value::to_string).collect::<Vec<_>>()
                };
                wrong.push(format!("{name}: saw {:?}, came {:?}", lacks(saw, came), lacks(came, saw)));
            }
            _ => wrong.push(format!("{name}: saw {saw:?}, came {came:?}")),
        }
    }
    wrong
}
