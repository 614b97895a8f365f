//! What instances share of what they fetched, over a real Redis: one call for all of them, and never an old list for a
//! new one.

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::Event;
use boardcast::demo::simulation::model::Model;
use boardcast::devops::client::{ClientSettings, RestClient};
use boardcast::domain::degradation::Policy;
use boardcast::domain::entry_id::EntryId;
use boardcast::domain::sprint::blocked::BlockedRules;
use boardcast::domain::sprint::work_item::WorkItemId;
use boardcast::domain::sprint::zones::TeamZones;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::{EXPIRING_BYTES_MAX, ExpiringValues as _, Store};
use boardcast::ops::instance::Instance;
use boardcast::ops::vitals::{ReadOutcome, Vitals};
use boardcast::sync::cache::{Cache, Form, Kind, Limits, Loaded, Shared};
use boardcast::sync::source::{Source, SourceSettings};
use boardcast::write::ingest::Ingest;
use tokio::sync::Notify;

use crate::support::app::{DEADLINE, TestApp};
use crate::support::eventually;
use crate::support::organisation::Server;
use crate::support::proxy::Proxy;
use crate::support::redis::{self, RedisServer, fresh_organisation};

const KIND: Kind = Kind::Sprints;
const KEY: u32 = 7;

/// Tests share two processors with a compiler; the product is less patient.
const TIMEOUT: Duration = Duration::from_secs(5);

const FORM: Form<u32, String> = Form {
    name: |key| format!("sprints:{key}"),
    encode: |list| list.clone().into_bytes(),
    decode: |bytes| Some((String::from_utf8(bytes.to_vec()).ok()?, bytes.len())),
};

type Lists = Cache<u32, String, &'static str>;
type Fetched = Result<Loaded<String>, &'static str>;

/// The source of the lists, which counts how often it is asked.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// A load that takes that long and brings `text`.
    fn load(&self, takes: Duration, text: &str) -> impl Future<Output = Fetched> + Send + use<> {
        self.load_after(async move { tokio::time::sleep(takes).await }, text)
    }

    /// A load that brings `text` once something has come to pass.
    fn load_after<F>(&self, passed: F, text: &str) -> impl Future<Output = Fetched> + Send + use<F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (calls, text) = (self.0.clone(), text.to_owned());
        async move {
            calls.fetch_add(1, Ordering::SeqCst);
            passed.await;
            Ok(Loaded { bytes: text.len(), value: Arc::new(text) })
        }
    }

    fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// An instance, which has folded the log as far as the test says.
struct ListsOfInstance {
    lists: Lists,
    position: Arc<AtomicU64>,
    vitals: Arc<Vitals>,
}

impl ListsOfInstance {
    fn over(url: &str, organisation: &str, name: &str, timeout: Duration) -> Self {
        let store = Store::of(redis::journal(redis::settings(url, organisation)));
        let (position, vitals) = (Arc::new(AtomicU64::new(1)), Arc::new(Vitals::default()));
        let folded = position.clone();
        let position_of = move || EntryId { ms: folded.load(Ordering::SeqCst), seq: 0 };
        let shared = Shared::new(&store, position_of, name.into(), vitals.clone(), timeout);
        let limits = Limits { entries: 100, bytes: 10_000_000 };
        let clock = boardcast::platform::clock::system();
        let lists = Cache::new(limits, clock, Box::new(|| 0.5), Some(Arc::new(shared)), FORM);
        Self { lists, position, vitals }
    }

    fn invalidate(&self, ms: u64) {
        self.position.store(ms, Ordering::SeqCst);
        self.lists.invalidate(KIND, &KEY, EntryId { ms, seq: 0 });
    }

    async fn read(&self, source: &Counted, text: &str) -> (String, ReadOutcome) {
        let served = self.lists.read(KIND, &KEY, source.load(Duration::ZERO, text)).await.unwrap();
        (served.value.to_string(), served.outcome)
    }
}

fn instances<const N: usize>(organisation: &str) -> [ListsOfInstance; N] {
    let url = RedisServer::shared().url();
    std::array::from_fn(|n| ListsOfInstance::over(&url, organisation, &format!("instance {n}"), TIMEOUT))
}

fn key(organisation: &str) -> String {
    redis::key(organisation, &format!("list:sprints:{KEY}"))
}

/// Waits until the list is kept: that is done right after whoever waited for it was told.
async fn until_kept(organisation: &str, text: &str) {
    let began = Instant::now();
    loop {
        let kept: Option<String> = RedisServer::shared().command(&["GET", &key(organisation)]).await;
        if kept.is_some_and(|kept| kept.ends_with(text)) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{text:?} is not kept");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A hundred readers at each instance miss the list at the same moment.
async fn miss_at_once<const N: usize>() -> usize {
    let (instances, source) = (instances::<N>(&fresh_organisation()), Counted::default());
    let mut readers = Vec::new();
    for _ in 0..100 {
        for instance in &instances {
            let (lists, load) = (instance.lists.clone(), source.load(Duration::from_millis(200), "one"));
            readers.push(tokio::spawn(async move { lists.read(KIND, &KEY, load).await }));
        }
    }
    for reader in readers {
        assert_eq!(*reader.await.unwrap().unwrap().value, "one");
    }
    source.calls()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_a_hundred_readers_who_miss_on_each_of_several_instances_are_one_call() {
    assert_eq!(miss_at_once::<2>().await, 1);
    assert_eq!(miss_at_once::<3>().await, 1);
}

/// A simulated organisation, and instances that compare their boards with it.
struct Organization {
    server: Server,
    model: Arc<Mutex<Model>>,
    /// Its key in the store.
    name: String,
}

impl Organization {
    async fn start() -> Self {
        let model = Arc::new(Mutex::new(Model::new(3, boardcast::platform::clock::system())));
        let server = Server::start(model.clone()).await.unwrap();
        Self { server, model, name: fresh_organisation() }
    }

    /// An instance that compares when it is told to.
    async fn instance(&self) -> (TestApp, Arc<Source>) {
        self.instance_of(false).await
    }

    /// The same, of an organisation that is simulated for show, or not.
    async fn instance_of(&self, demo: bool) -> (TestApp, Arc<Source>) {
        let journal = redis::journal(redis::settings(&RedisServer::shared().url(), &self.name));
        let store = Store::of(journal);
        let app = TestApp::builder()
            .layer({
                let store = store.clone();
                move |_| store.clone()
            })
            .start()
            .await;
        let azure = Arc::new(RestClient::new(&ClientSettings::new(self.server.base_url())).unwrap());
        let ingest = Ingest { instance: Instance { demo, ..app.app.instance.clone() } };
        let settings = SourceSettings {
            zones: TeamZones::all_in(chrono_tz::Tz::America__New_York),
            blocked_by: BlockedRules::default(),
            interval: Duration::from_secs(240),
            deadline: Duration::from_secs(60),
            policy: Policy::default(),
            list_timeout: TIMEOUT,
        };
        (app, Arc::new(Source::new(azure, Arc::new(ingest), &store, settings)))
    }

    /// How often the sprints of a team were asked for.
    fn asked(&self) -> u64 {
        let calls = self.server.calls_by_route();
        calls.get("GET work/teamsettings/iterations").copied().unwrap_or_default()
    }

    /// A hook of the next revision of a story of the first project, with that path and title.
    fn hook(&self, item: u32, path: &str, title: &str) -> serde_json::Value {
        let mut model = self.model.lock().unwrap();
        let at = model.now();
        let change = model.change(item, Event::Updated, at, 0, |content| {
            (content.iteration_path, content.title) = (path.into(), title.into());
        });
        hooks::payload(&model, change.unwrap()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_three_instances_that_compare_at_once_ask_the_organisation_for_its_lists_once() {
    let organization = Organization::start().await;
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(organization.instance().await);
    }
    let check = |(_, source): &(TestApp, Arc<Source>)| {
        let source = source.clone();
        tokio::spawn(async move { source.check(Cause::System).await })
    };
    for check in instances.iter().map(check).collect::<Vec<_>>() {
        let check = check.await.unwrap();
        assert_eq!((check.scopes, check.error), (3, None));
    }
    assert_eq!(organization.asked(), 3, "of three teams, once each");
    let total = |outcome| -> u64 {
        instances.iter().map(|(app, _)| app.app.instance.vitals.list_reads.total()[&outcome]).sum()
    };
    // The projects; the teams of two projects, and what these share, once for each team; three catalogues, and the days off
    // of three teams' last sprints. Two teams that read at once share a load, and else the second finds it in memory.
    let missed = total(ReadOutcome::Miss);
    let (redis, memory) = (total(ReadOutcome::HitRedis), total(ReadOutcome::HitMemory));
    assert_eq!(missed + redis + memory, 36);
    assert!((11..=12).contains(&missed) && (22..=24).contains(&redis), "{missed} missed, {redis} from Redis");
    // Names of keys are GUIDs and words of ours.
    let prefix = redis::key(&organization.name, "list:");
    let keys: Vec<String> = RedisServer::shared().command(&["KEYS", &format!("{prefix}*")]).await;
    assert_eq!(keys.len(), 11);
    for key in keys {
        let mut parts = key.strip_prefix(&prefix).unwrap().split(':');
        assert!(
            ["projects", "teams", "project", "catalogue", "daysoff"].contains(&parts.next().unwrap()),
            "{key}"
        );
        assert!(parts.all(|part| uuid::Uuid::parse_str(part).is_ok()), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_lists_of_an_organisation_that_is_simulated_for_show_are_each_instances_own() {
    let organization = Organization::start().await;
    for calls in [3, 6] {
        let (_app, source) = organization.instance_of(true).await;
        assert_eq!(source.check(Cause::System).await.error, None);
        assert_eq!(organization.asked(), calls);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c11_a_sprint_that_nobody_knows_is_looked_up_once_for_all_instances_also_for_those_that_start() {
    let organization = Organization::start().await;
    let (app, source) = organization.instance().await;
    source.check(Cause::System).await;
    assert_eq!(organization.asked(), 3);
    tokio::spawn(source.clone().keep_fresh());
    let state = || app.app.instance.fold.read();
    let item = {
        let state = state();
        let scope = state.scopes().find(|(scope, board)| scope.team.is_some() && !board.items.is_empty());
        state.items_of(scope.unwrap().0)[0].id.number()
    };
    app.hook(&organization.hook(item, "Fabrikam Fiber\\Nowhere", "One")).await;
    eventually("nobody asked for the sprint", async || organization.asked() == 4).await;
    let prefix = redis::key(&organization.name, "list:catalogue:*");
    eventually("the new list is not kept", async || {
        let changed_by = state().item(WorkItemId::new(item).unwrap()).unwrap().version;
        let keys: Vec<String> = RedisServer::shared().command(&["KEYS", &prefix]).await;
        for key in keys {
            let kept: String = RedisServer::shared().command(&["GET", &key]).await;
            let position = EntryId::parse(kept.split(' ').next().unwrap()).unwrap();
            if position >= changed_by {
                return true;
            }
        }
        false
    })
    .await;
    // The board of what is in no sprint changes once more, by an item that is in none by right.
    let other = {
        let state = state();
        let ids: Vec<_> =
            state.items().map(|known| known.item.id.number()).filter(|id| *id != item).collect();
        let home =
            state.item(WorkItemId::new(item).unwrap()).unwrap().item.present().claim.facts.area_path.clone();
        *ids.iter()
            .find(|id| {
                let known = state.item(WorkItemId::new(**id).unwrap()).unwrap();
                known.item.present().claim.facts.area_path == home
            })
            .unwrap()
    };
    app.hook(&organization.hook(other, "Fabrikam Fiber", "Two")).await;
    // An instance that starts meets the path for the first time, and so does not trust a list from before it; but the
    // one that was loaded since will do.
    let (_late_app, late) = organization.instance().await;
    tokio::spawn(late.clone().keep_fresh());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let check = late.check(Cause::System).await;
    assert_eq!((check.scopes, check.error), (3, None));
    assert_eq!(organization.asked(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_of_an_instance_that_dies_over_a_load_another_takes_over() {
    let organisation = fresh_organisation();
    let [survivor] = instances(&organisation);
    let source = Counted::default();
    let dying = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (load, of) = (source.load(Duration::from_hours(1), "never"), organisation.clone());
    dying.spawn(async move {
        let instance = ListsOfInstance::over(&RedisServer::shared().url(), &of, "dying", TIMEOUT);
        instance.lists.read(KIND, &KEY, load).await
    });
    let began = Instant::now();
    while source.calls() == 0 {
        assert!(began.elapsed() < DEADLINE, "it does not begin");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It is alive for longer than its lease lasts, and is waited for all the while.
    let reading = survivor.read(&source, "mine");
    let killing = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!(source.calls(), 1, "a holder that renews its lease was not waited for");
        dying.shutdown_background();
        Instant::now()
    };
    let ((text, outcome), died_at) = tokio::join!(reading, killing);
    assert_eq!((&*text, outcome, source.calls()), ("mine", ReadOutcome::Miss, 2));
    assert!(died_at.elapsed() < DEADLINE, "{:?}", died_at.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c10_c11_a_list_that_is_invalidated_while_another_instance_loads_it_stays_invalidated() {
    let organisation = fresh_organisation();
    let [one, other, third] = instances(&organisation);
    let source = Counted::default();
    let release = Arc::new(Notify::new());
    let early = tokio::spawn({
        let released = release.clone();
        let load = source.load_after(async move { released.notified().await }, "old");
        let lists = one.lists.clone();
        async move { lists.read(KIND, &KEY, load).await }
    });
    while source.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    other.invalidate(9);
    assert_eq!(other.read(&source, "new").await, ("new".into(), ReadOutcome::Miss));
    assert!(!early.is_finished(), "the load from before the change was waited for");
    until_kept(&organisation, " new").await;
    release.notify_one();
    assert_eq!(*early.await.unwrap().unwrap().value, "old");
    tokio::time::sleep(Duration::from_millis(200)).await;
    until_kept(&organisation, " new").await;
    // And where the early one was stored last, whoever knows of the change does not take it.
    let old = "1-0 1 1795449600000 old";
    let () = RedisServer::shared().command(&["SET", &key(&organisation), old, "PX", "60000"]).await;
    third.invalidate(9);
    assert_eq!(third.read(&source, "newest").await, ("newest".into(), ReadOutcome::Miss));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_what_is_no_list_counts_as_none_and_is_deleted() {
    let server = RedisServer::shared();
    for rubbish in [
        &["SET", "", "rubbish"][..],
        &["SET", "", ""],
        &["SET", "", "5-1"],
        &["SET", "", "05-1 1 1795449600000 text"],
        &["SET", "", "5-1 2 1795449600000 another form"],
        &["SET", "", "5-1 1 never text"],
        &["HSET", "", "field", "a hash"],
    ] {
        let organisation = fresh_organisation();
        let ([one], source) = (instances(&organisation), Counted::default());
        let mut words = rubbish.to_vec();
        let key = key(&organisation);
        words[1] = &key;
        let () = server.command(&words).await;
        let down = async { Err("the source is down") };
        assert!(one.lists.read(KIND, &KEY, down).await.is_err(), "{rubbish:?}");
        let is_there: bool = server.command(&["EXISTS", &key]).await;
        assert!(!is_there, "{rubbish:?}");
        // Nor is it in the way of what is kept.
        let () = server.command(&words).await;
        assert_eq!(one.read(&source, "mine").await, ("mine".into(), ReadOutcome::Miss), "{rubbish:?}");
        until_kept(&organisation, " mine").await;
        assert_eq!(one.vitals.lists_unshared.value(), 0, "{rubbish:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_a_redis_that_hangs_or_is_away_is_a_miss_and_no_more() {
    let line = Proxy::to(RedisServer::shared().port).await;
    let organisation = fresh_organisation();
    let url = format!("redis://{}", line.address);
    let source = Counted::default();
    for stalls in [true, false] {
        let patience = Duration::from_millis(100);
        let one = ListsOfInstance::over(&url, &organisation, "one", patience);
        one.lists.refresh(KIND, &KEY, source.load(Duration::ZERO, "before")).await.unwrap();
        if stalls {
            line.stall()
        } else {
            line.cut()
        }
        let began = Instant::now();
        let load = source.load(Duration::ZERO, "meanwhile");
        let served = one.lists.refresh(KIND, &KEY, load).await.unwrap();
        assert_eq!((served.value.as_str(), served.outcome), ("meanwhile", ReadOutcome::Miss));
        // Twice the patience would be 200 ms; the rest is for a machine that is busy.
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(one.vitals.lists_unshared.value() > 0);
        line.restore();
        let began = Instant::now();
        while one.vitals.lists_unshared.value() > 0 {
            let unshared = one.vitals.lists_unshared.value();
            one.lists.refresh(KIND, &KEY, source.load(Duration::ZERO, "after")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let kept: Option<String> = RedisServer::shared().command(&["GET", &key(&organisation)]).await;
            if kept.is_some_and(|kept| kept.ends_with("after")) {
                break;
            }
            assert!(began.elapsed() < DEADLINE, "not found again; {unshared} times unshared");
        }
    }
}

#[tokio::test]
async fn c1_the_store_is_told_whole_milliseconds() {
    let organisation = fresh_organisation();
    let journal = redis::journal(redis::settings(&RedisServer::shared().url(), &organisation));
    let value = boardcast::journal::Versioned { version: EntryId { ms: 1, seq: 0 }, value: "x".into() };
    for (expiry, most) in [(Duration::from_micros(1_500_900), 1_500), (Duration::from_nanos(1), 1)] {
        assert!(journal.put("sprints:7", value.clone(), expiry).await.unwrap());
        let left: i64 = RedisServer::shared().command(&["PTTL", &key(&organisation)]).await;
        assert!(left <= most && (left > 0 || most == 1), "{left} of {most}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c14_a_list_above_the_limit_is_served_and_not_kept() {
    let organisation = fresh_organisation();
    let ([one, other], source) = (instances(&organisation), Counted::default());
    let large = "x".repeat(EXPIRING_BYTES_MAX);
    assert_eq!(one.read(&source, &large).await.1, ReadOutcome::Miss);
    assert_eq!(other.read(&source, &large).await.1, ReadOutcome::Miss);
    assert_eq!(one.read(&source, &large).await.1, ReadOutcome::HitMemory);
    let kept: bool = RedisServer::shared().command(&["EXISTS", &key(&organisation)]).await;
    assert!(!kept && one.vitals.lists_too_large.value() == 1 && one.vitals.lists_unshared.value() == 0);
}
