//! A month: what happens in it, hour by hour, and the instances that live through it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boardcast::demo::simulation::model::Model;
use boardcast::devops::client::{ClientSettings, RestClient};
use boardcast::domain::time::Timestamp;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::{LogRetention, Store};
use boardcast::sync::source::Check;
use chrono_tz::Tz;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::judge::{Judge, Record};
use super::people::{Hook, People, plan_sprints};
use super::served::{Served, Told};
use crate::support::app::{HandClock, TestApp};
use crate::support::organisation::{Answer, Server, SimulatedFailure};

const DAYS: u32 = 30;
const STEPS_OF_DAY: u32 = 6;
const INSTANCES: usize = 2;

/// Months in which clocks are changed, and zones in which they are, and one in which they never are.
const BEGINNINGS: [&str; 3] = ["2026-03-04T09:00:00Z", "2026-10-14T09:00:00Z", "2026-09-16T09:00:00Z"];
const ZONES: [Tz; 6] = [
    Tz::America__New_York,
    Tz::Europe__Berlin,
    Tz::Pacific__Auckland,
    Tz::Asia__Kolkata,
    Tz::America__Los_Angeles,
    Tz::Australia__Lord_Howe,
];

/// How long a client of this test waits at most where it is asked to wait.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// How many items of others an instance is asked about when it is quiet.
const ASKED_ABOUT: usize = 5;

/// How often boards are compared until they have to equal the organisation.
const COMPARISONS_MAX: u32 = 30;

/// An instance with threads of its own, so that it can be killed.
struct Instance {
    app: TestApp,
    runtime: Runtime,
}

struct Month {
    seed: u64,
    rng: fastrand::Rng,
    clock: HandClock,
    model: Arc<Mutex<Model>>,
    server: Server,
    store: Store,
    zones: BTreeMap<String, Tz>,
    /// The teams that are served.
    served: Served,
    /// What readers were told since it was quiet.
    told: Told,
    instances: Vec<Option<Instance>>,
    /// The hooks that are on their way, with the moments at which they come.
    hooks: Vec<(i64, Hook)>,
    record: Record,
    /// What was done lately, for whoever looks for the reason of a failure.
    deeds: Vec<String>,
}

pub async fn live(seed: u64) {
    let mut month = Month::begin(seed).await;
    month.quiet().await;
    for _ in 0..DAYS {
        for _ in 0..STEPS_OF_DAY {
            month.step().await;
        }
        month.quiet().await;
    }
    for instance in month.instances.into_iter().flatten() {
        instance.runtime.shutdown_background();
    }
}

impl Month {
    async fn begin(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let begin = Timestamp::parse(rng.choice(BEGINNINGS).unwrap()).unwrap();
        let clock = HandClock::at(begin.epoch_ms());
        let mut model = Model::new(seed, clock.clock());
        plan_sprints(&mut model);
        let teams = model.organisation.projects.iter().flat_map(|project| &project.teams);
        let zones = teams.map(|team| (team.id.to_string(), rng.choice(ZONES).unwrap())).collect();
        let served = Served::of(seed, &model);
        let model = Arc::new(Mutex::new(model));
        let server = Server::start(model.clone()).await.unwrap();
        let journal = Arc::new(MemoryJournal::new(clock.clock(), LogRetention::DEFAULT));
        let store = Store::of(journal);
        let (hooks, record, deeds, told) = Default::default();
        let instances = (0..INSTANCES).map(|_| None).collect();
        let mut month = Self {
            seed,
            rng,
            clock,
            model,
            server,
            store,
            zones,
            served,
            told,
            instances,
            hooks,
            record,
            deeds,
        };
        (0..INSTANCES).for_each(|number| month.start(number));
        month
    }

    /// Starts an instance where none is.
    fn start(&mut self, number: usize) {
        if self.instances[number].is_some() {
            return;
        }
        let mut settings = ClientSettings::new(self.server.base_url());
        settings.pause_max = PAUSE_MAX;
        let zones: Vec<String> = self.zones.iter().map(|(team, zone)| format!("{team}={zone}")).collect();
        let (store, clock, zones) = (self.store.clone(), self.clock.clone(), zones.join(","));
        let (allowed, told) = (self.served.allowed(), self.told.clone());
        let starting = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let app = runtime.block_on(async {
                let builder = TestApp::builder().clock(clock).layer(move |_| store.clone());
                let builder = builder.organization(Arc::new(RestClient::new(&settings).unwrap()));
                let builder = builder.setting("BOARDCAST_TEAM_ZONES", &zones);
                let builder = builder.config(|config| config.allowed = allowed);
                let app = builder.setting("BOARDCAST_SETTLE_MS", "100").start().await;
                told.listen_to(app.address).await;
                app
            });
            Instance { app, runtime }
        });
        self.instances[number] = Some(starting.join().unwrap());
    }

    fn kill(&mut self, number: usize) {
        if let Some(Instance { app, runtime }) = self.instances[number].take() {
            runtime.shutdown_background();
            drop(app);
        }
    }

    /// An instance that is there.
    fn any(&mut self) -> Option<usize> {
        let alive = (0..INSTANCES).filter(|number| self.instances[*number].is_some());
        self.rng.choice(alive.collect::<Vec<_>>())
    }

    fn now(&self) -> i64 {
        (self.clock.clock())().epoch_ms()
    }

    /// A few hours.
    async fn step(&mut self) {
        let ms = self.rng.u64(1..2 * 24 * 3_600_000 / u64::from(STEPS_OF_DAY));
        self.clock.advance(Duration::from_millis(ms));
        for _ in 0..self.rng.u8(1..5) {
            self.people();
            self.clock.advance(Duration::from_millis(self.rng.u64(1..60_000)));
        }
        self.trouble();
        self.deliver().await;
        let kills = self.rng.u8(0..12) == 0;
        if let Some(number) = self.any() {
            let instance = self.instances[number].as_ref().unwrap();
            let source = instance.app.app.source.clone().unwrap();
            let checking = instance.runtime.spawn(async move { source.check(Cause::Timer).await });
            if kills {
                let ms = self.rng.u64(0..60);
                tokio::time::sleep(Duration::from_millis(ms)).await;
                self.deeds.push(format!("instance {number} killed"));
                self.kill(number);
            }
            let _ = checking.await;
        }
        self.look().await;
        for number in 0..INSTANCES {
            if self.rng.bool() {
                self.start(number);
            }
        }
    }

    fn people(&mut self) {
        let model = self.model.clone();
        let mut model = model.lock().unwrap();
        let now = model.now().epoch_ms();
        let Some(deed) = (People { model: &mut model, rng: &mut self.rng }).act() else { return };
        self.record.unsaid.extend(deed.is_unsaid);
        self.record.lists_changed |= deed.is_of_lists;
        self.record.renamed.extend(deed.renamed);
        let (item, rev) = deed.hook.as_ref().map_or((0, 0), |hook| (hook.item, hook.rev));
        let way = self.rng.u8(0..10);
        self.deeds.push(format!("{now} {}: item {item}, revision {rev}, hook {way}", deed.what));
        let Some(hook) = deed.hook else { return };
        if deed.is_unsaid.is_none() {
            self.record.made.insert((hook.item, hook.rev), now);
        }
        let mut late = || now + self.rng.i64(0..8 * 3_600_000);
        match way {
            0 | 1 => {}
            2 => {
                let again = Hook { payload: hook.payload.clone(), ..hook };
                self.hooks.push((late(), again));
                self.hooks.push((late(), hook));
            }
            3 | 4 => self.hooks.push((late(), hook)),
            _ => self.hooks.push((now, hook)),
        }
    }

    /// What goes wrong on the way to the organisation.
    fn trouble(&mut self) {
        const FEED: &str = "GET wit/reporting/workitemrevisions";
        let instead = |status, body| SimulatedFailure::Instead(Answer { status, headers: Vec::new(), body });
        for _ in 0..self.rng.u8(0..4) {
            match self.rng.u8(0..13) {
                0 => self.server.fail_next(SimulatedFailure::TooManyRequests(30)),
                1 => self.server.fail_next(instead(429, json!({ "message": "TF400733" }))),
                2 => self.server.fail_next(SimulatedFailure::Slow(Duration::from_millis(5))),
                3 => self.server.fail_next(SimulatedFailure::Unavailable),
                4 => self.server.fail_next(SimulatedFailure::SignIn),
                5 => self.server.fail_next(instead(401, json!({ "message": "TF400813" }))),
                6 => self.server.fail_next(instead(500, json!("<html>An error</html>"))),
                7 => self.server.fail_next(SimulatedFailure::Reset),
                8 => self.server.fail_next(SimulatedFailure::Truncated),
                9 => self.server.fail_next_on("GET projects", SimulatedFailure::Empty),
                10 => self.server.fail_next_on("GET projects/*/teams", SimulatedFailure::Empty),
                11 => self.server.fail_next_on(FEED, SimulatedFailure::Empty),
                _ => self.server.fail_next_on(FEED, SimulatedFailure::Again),
            }
        }
    }

    /// Delivers the hooks that are due, in any order, to whoever is there; who has no answer posts again.
    async fn deliver(&mut self) {
        let now = self.now();
        let (mut due, later): (Vec<_>, Vec<_>) = self.hooks.drain(..).partition(|(at, _)| *at <= now);
        self.hooks = later;
        self.rng.shuffle(&mut due);
        for (at, hook) in due {
            let Some(number) = self.any() else {
                self.hooks.push((at, hook));
                continue;
            };
            let app = &self.instances[number].as_ref().unwrap().app;
            match app.hook(&hook.payload).await.status {
                200 => drop(self.record.delivered.insert((hook.item, hook.rev), now)),
                503 => self.hooks.push((at, hook)),
                status => panic!("seed {}: a hook was answered with {status}: {}", self.seed, hook.payload),
            }
        }
    }

    /// The boards of an instance.
    async fn boards(&self, number: usize) -> Vec<Value> {
        let app = &self.instances[number].as_ref().unwrap().app;
        let directory = app.get("/api/snapshot").await.json();
        let wrong = self.served.strangers_among(directory["scopes"].as_array().into_iter().flatten());
        self.say_none(number, &directory, &wrong);
        let mut boards = Vec::new();
        for row in directory["scopes"].as_array().into_iter().flatten().filter(|row| row["team"].is_string())
        {
            let answer = app.get(row["url"].as_str().unwrap()).await;
            if answer.status == 200 {
                boards.push(answer.json());
            }
        }
        boards
    }

    /// Looks at all boards while anything may be under way.
    async fn look(&self) {
        for number in (0..INSTANCES).filter(|number| self.instances[*number].is_some()) {
            for board in self.boards(number).await {
                let wrong = self.judge(|judge| judge.meanwhile(&board));
                self.say_none(number, &board, &wrong);
            }
        }
    }

    fn judge<T>(&self, look: impl FnOnce(&Judge<'_>) -> T) -> T {
        let model = self.model.lock().unwrap();
        look(&Judge { model: &model, record: &self.record, zones: &self.zones })
    }

    fn say_none(&self, number: usize, board: &Value, wrong: &[String]) {
        let lately = self.deeds.len().saturating_sub(60);
        assert!(
            wrong.is_empty(),
            "BOARDCAST_TEST_DISORDER_SEED={}: at {} instance {number} shows of {} of {}, as of {}:\n{}\nlately:\n{}",
            self.seed,
            self.now(),
            board["team"],
            board["project"],
            board["dataAsOf"],
            wrong.join("\n"),
            self.deeds[lately..].join("\n"),
        );
    }

    /// No reader was told of a board that is not served since it was quiet last, and none is told anything of items that are
    /// on no board that is.
    async fn nothing_of_others_is_told(&mut self) {
        let told = self.told.take();
        self.say_none(0, &Value::Null, &self.served.strangers_among(told.iter()));
        let others: Vec<u32> = {
            let model = self.model.lock().unwrap();
            let of_others = model.items.values().filter(|item| !self.served.has(&model, item));
            of_others.map(|item| item.id).collect()
        };
        for number in 0..INSTANCES {
            let app = &self.instances[number].as_ref().unwrap().app;
            let directory = app.get("/api/snapshot").await.json();
            let url = directory["scopes"][0]["url"].as_str().unwrap().to_owned();
            let asked = self.rng.choose_multiple(&others, ASKED_ABOUT);
            for item in asked {
                let explained = app.get(&format!("{url}&explain=item:{item}")).await.json();
                let is_silent = explained["rules"] == json!([]) && explained.get("title").is_none();
                let wrong = (!is_silent).then(|| format!("it is told of item {item}: {explained}"));
                self.say_none(number, &Value::Null, &Vec::from_iter(wrong));
            }
        }
    }

    async fn check(&self, number: usize) -> Check {
        let instance = self.instances[number].as_ref().unwrap();
        let source = instance.app.app.source.clone().unwrap();
        instance.runtime.spawn(async move { source.check(Cause::Timer).await }).await.unwrap()
    }

    /// Nothing more goes wrong, every hook that is on its way comes, and time passes until boards are compared as a whole:
    /// they equal the organisation then.
    async fn quiet(&mut self) {
        self.server.mend();
        (0..INSTANCES).for_each(|number| self.start(number));
        self.hooks.iter_mut().for_each(|(at, _)| *at = 0);
        while !self.hooks.is_empty() {
            self.deliver().await;
        }
        let boards = self.served.teams.len();
        for round in 1..=COMPARISONS_MAX {
            self.clock.advance(Duration::from_mins(if round <= 2 { 61 } else { 5 }));
            let checked = self.check(round as usize % INSTANCES).await;
            let mut is_right = true;
            for number in 0..INSTANCES {
                let shown = self.boards(number).await;
                for board in &shown {
                    let wrong = self.judge(|judge| judge.quiet(board));
                    is_right &= wrong.is_empty();
                    if round == COMPARISONS_MAX {
                        self.say_none(number, board, &wrong);
                    }
                }
                is_right &= shown.len() == boards;
                assert!(
                    round < COMPARISONS_MAX || shown.len() == boards,
                    "{} boards, {checked:?}",
                    shown.len()
                );
            }
            if is_right {
                self.nothing_of_others_is_told().await;
                self.record.unsaid.clear();
                self.record.lists_changed = false;
                return;
            }
            // What follows of what was checked takes a moment.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
