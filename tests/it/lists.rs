//! What instances share of what they fetched, over a real Redis: one call for all of them, and never an old list for a
//! new one.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use boardcast::cache::{Cache, Form, Kind, Limits, Loaded, Shared};
use boardcast::devops::client::{RestClient, Settings};
use boardcast::domain::authorise::AllowedProjects;
use boardcast::domain::degradation::Policy;
use boardcast::domain::entry_id::EntryId;
use boardcast::domain::event::Source as Because;
use boardcast::domain::zones::TeamZones;
use boardcast::simulation::model::Model;
use boardcast::simulation::server::Server;
use boardcast::source::{Parts, Source, SourceSettings};
use boardcast::store::{Journal, KEPT_BYTES_MAX};
use boardcast::vitals::{ReadOutcome, Vitals};

use crate::support::app::TestApp;
use crate::support::proxy::Proxy;
use crate::support::redis::{self, RedisServer, fresh_organisation};

const KIND: Kind = Kind::Sprints;
const KEY: u32 = 7;

/// Tests share two processors with a compiler; the product is less patient.
const PATIENCE: Duration = Duration::from_secs(5);

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
    fn load(&self, takes: Duration, text: &str) -> impl FnOnce() -> Load + Send + use<> {
        let (calls, text) = (self.0.clone(), text.to_owned());
        move || {
            Box::pin(async move {
                calls.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(takes).await;
                Ok(Loaded { bytes: text.len(), value: Some(Arc::new(text)) })
            })
        }
    }

    fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

type Load = std::pin::Pin<Box<dyn Future<Output = Fetched> + Send>>;

/// An instance, which has folded the log as far as the test says.
struct Instance {
    lists: Lists,
    position: Arc<AtomicU64>,
    vitals: Arc<Vitals>,
}

impl Instance {
    fn over(url: &str, organisation: &str, name: &str, patience: Duration) -> Self {
        let journal: Arc<dyn Journal> = redis::journal(redis::settings(url, organisation));
        let (position, vitals) = (Arc::new(AtomicU64::new(1)), Arc::new(Vitals::default()));
        let folded = position.clone();
        let position_of = move || EntryId { ms: folded.load(Ordering::SeqCst), seq: 0 };
        let shared = Shared::new(journal, position_of, name.into(), vitals.clone(), patience);
        let limits = Limits { entries: 100, bytes: 10_000_000 };
        let clock = boardcast::clock::system();
        let lists = Cache::over_shared(limits, clock, Box::new(|| 0.5), Some(Arc::new(shared)), FORM);
        Self { lists, position, vitals }
    }

    fn invalidate(&self, ms: u64) {
        self.position.store(ms, Ordering::SeqCst);
        self.lists.invalidate(KIND, &KEY, EntryId { ms, seq: 0 });
    }

    async fn read(&self, source: &Counted, text: &str) -> (String, ReadOutcome) {
        let served = self.lists.read(KIND, &KEY, source.load(Duration::ZERO, text)).await.unwrap();
        (served.value.unwrap().to_string(), served.outcome)
    }
}

fn instances<const N: usize>(organisation: &str) -> [Instance; N] {
    let url = RedisServer::shared().url();
    std::array::from_fn(|n| Instance::over(&url, organisation, &format!("instance {n}"), PATIENCE))
}

fn key(organisation: &str) -> String {
    format!("bc:{{{organisation}}}:1:list:sprints:{KEY}")
}

/// Waits until the list is kept: that is done right after whoever waited for it was told.
async fn until_kept(organisation: &str, text: &str) {
    let began = Instant::now();
    loop {
        let kept: Option<String> = RedisServer::shared().command(&["GET", &key(organisation)]).await;
        if kept.is_some_and(|kept| kept.ends_with(text)) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{text:?} is not kept");
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
        assert_eq!(*reader.await.unwrap().unwrap().value.unwrap(), "one");
    }
    source.calls()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_a_hundred_readers_who_miss_on_each_of_several_instances_are_one_call() {
    assert_eq!(miss_at_once::<2>().await, 1);
    assert_eq!(miss_at_once::<3>().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_three_instances_that_compare_at_once_ask_the_organisation_for_its_lists_once() {
    let clock = boardcast::clock::system();
    let model = Arc::new(std::sync::Mutex::new(Model::new(3, clock.clone())));
    let server = Server::start(model).await.unwrap();
    let organisation = fresh_organisation();
    let mut sources = Vec::new();
    let mut apps = Vec::new();
    for _ in 0..3 {
        let journal = redis::journal(redis::settings(&RedisServer::shared().url(), &organisation));
        let app = TestApp::builder().layer(move |_| journal.clone() as Arc<dyn Journal>).start().await;
        let parts = Parts {
            azure: Arc::new(RestClient::new(&Settings::new(server.base_url())).unwrap()),
            ingest: app.app.ingest.clone(),
            journal: app.app.journal.clone(),
            fold: app.app.fold.clone(),
            clock: clock.clone(),
            vitals: app.app.vitals.clone(),
            instance: app.app.instance.clone(),
            demo: false,
        };
        let settings = SourceSettings {
            projects: AllowedProjects::default(),
            zones: TeamZones::all_in(chrono_tz::Tz::America__New_York),
            interval: Duration::from_secs(240),
            deadline: Duration::from_secs(60),
            policy: Policy::default(),
            list_patience: PATIENCE,
        };
        sources.push(Arc::new(Source::new(parts, settings)));
        apps.push(app);
    }
    let checks: Vec<_> = sources
        .iter()
        .map(|source| {
            let source = source.clone();
            tokio::spawn(async move { source.check(Because::System).await })
        })
        .collect();
    for check in checks {
        let check = check.await.unwrap();
        assert_eq!((check.scopes, check.error), (3, None));
    }
    let calls = server.calls_by_route();
    let asked = |route: &str| calls.get(route).copied().unwrap_or_default();
    assert_eq!(asked("GET work/teamsettings/iterations"), 3, "of three teams, once each: {calls:?}");
    let total = |outcome| apps.iter().map(|app| app.app.vitals.list_reads.total().of(outcome)).sum::<u64>();
    // The projects; the teams of two projects; three catalogues.
    assert_eq!((total(ReadOutcome::Miss), total(ReadOutcome::HitRedis)), (6, 12));
    // Names of keys are GUIDs and words of ours.
    let keys: Vec<String> =
        RedisServer::shared().command(&["KEYS", &format!("bc:{{{organisation}}}:1:list:*")]).await;
    assert_eq!(keys.len(), 6);
    let prefix = format!("bc:{{{organisation}}}:1:list:");
    for key in keys {
        let mut parts = key.strip_prefix(&prefix).unwrap().split(':');
        assert!(["projects", "teams", "catalogue"].contains(&parts.next().unwrap()), "{key}");
        assert!(parts.all(|part| uuid::Uuid::parse_str(part).is_ok()), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_of_an_instance_that_dies_over_a_load_another_takes_over() {
    let organisation = fresh_organisation();
    let [survivor] = instances(&organisation);
    let source = Counted::default();
    let dying = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (load, of) = (source.load(Duration::from_hours(1), "never"), organisation.clone());
    dying.spawn(async move {
        let instance = Instance::over(&RedisServer::shared().url(), &of, "dying", PATIENCE);
        instance.lists.read(KIND, &KEY, load).await
    });
    let began = Instant::now();
    while source.calls() == 0 {
        assert!(began.elapsed() < PATIENCE, "it does not begin");
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
    assert!(died_at.elapsed() < Duration::from_secs(8), "{:?}", died_at.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c10_c11_a_list_that_is_invalidated_while_another_instance_loads_it_stays_invalidated() {
    let organisation = fresh_organisation();
    let [one, other, third] = instances(&organisation);
    let source = Counted::default();
    let early = tokio::spawn({
        let (lists, load) = (one.lists.clone(), source.load(Duration::from_secs(1), "old"));
        async move { lists.read(KIND, &KEY, load).await }
    });
    while source.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    other.invalidate(9);
    assert_eq!(other.read(&source, "new").await, ("new".into(), ReadOutcome::Miss));
    assert!(!early.is_finished(), "the load from before the change was waited for");
    until_kept(&organisation, " new").await;
    assert_eq!(*early.await.unwrap().unwrap().value.unwrap(), "old");
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
        assert_eq!(one.read(&source, "mine").await, ("mine".into(), ReadOutcome::Miss), "{rubbish:?}");
        until_kept(&organisation, " mine").await;
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
        let one = Instance::over(&url, &organisation, "one", patience);
        one.lists.refresh(KIND, &KEY, source.load(Duration::ZERO, "before")).await.unwrap();
        if stalls {
            line.stall()
        } else {
            line.cut()
        }
        let began = Instant::now();
        let load = source.load(Duration::ZERO, "meanwhile");
        let served = one.lists.refresh(KIND, &KEY, load).await.unwrap();
        assert_eq!((served.value.unwrap().as_str(), served.outcome), ("meanwhile", ReadOutcome::Miss));
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
            assert!(began.elapsed() < Duration::from_secs(20), "not found again; {unshared} times unshared");
        }
    }
}

#[tokio::test]
async fn c1_the_store_is_told_whole_milliseconds() {
    let organisation = fresh_organisation();
    let journal = redis::journal(redis::settings(&RedisServer::shared().url(), &organisation));
    let value = boardcast::store::Versioned { version: EntryId { ms: 1, seq: 0 }, value: "x".into() };
    for (expiry, most) in [(Duration::from_micros(1_500_900), 1_500), (Duration::from_nanos(1), 1)] {
        assert!(journal.keep("sprints:7", value.clone(), expiry).await.unwrap());
        let left: i64 = RedisServer::shared().command(&["PTTL", &key(&organisation)]).await;
        assert!(left <= most && (left > 0 || most == 1), "{left} of {most}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c14_a_list_above_the_limit_is_served_and_not_kept() {
    let organisation = fresh_organisation();
    let ([one, other], source) = (instances(&organisation), Counted::default());
    let large = "x".repeat(KEPT_BYTES_MAX);
    assert_eq!(one.read(&source, &large).await.1, ReadOutcome::Miss);
    assert_eq!(other.read(&source, &large).await.1, ReadOutcome::Miss);
    assert_eq!(one.read(&source, &large).await.1, ReadOutcome::HitMemory);
    let kept: bool = RedisServer::shared().command(&["EXISTS", &key(&organisation)]).await;
    assert!(!kept && one.vitals.lists_too_large.value() == 1 && one.vitals.lists_unshared.value() == 0);
}
