//! What instances share, over a store in memory whose time, like everybody's here, is the runtime's.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::shared::Shared;
use super::*;
use crate::journal::memory::MemoryJournal;
use crate::journal::{
    EXPIRING_BYTES_MAX, ExpiringValues, JournalError, Leases, LogRetention, Store, Versioned,
};
use crate::ops::vitals::Vitals;

const KIND: Kind = Kind::Sprints;
const KEY: u32 = 7;
const NAME: &str = "sprints:7";
const SOFT_MS: u64 = KIND.soft_ttl_ms().unsigned_abs();
const PLENTY: Limits = Limits { entries: 1_000, bytes: 100_000_000 };

const FORM: Form<u32, String> = Form {
    name: |key| format!("sprints:{key}"),
    encode: |list| list.clone().into_bytes(),
    decode: |bytes| Some((String::from_utf8(bytes.to_vec()).ok()?, bytes.len())),
};

type Fetched = std::result::Result<Loaded<String>, &'static str>;

/// Instances over one store, and a source that counts how often it was asked.
struct Bench {
    journal: Arc<MemoryJournal>,
    clock: Clock,
    calls: Arc<AtomicUsize>,
}

/// One instance, which has folded the log as far as the test says.
struct Instance {
    lists: Cache<u32, String, &'static str>,
    position: Arc<AtomicU64>,
    vitals: Arc<Vitals>,
}

/// An entry of the log.
fn entry(ms: u64) -> EntryId {
    EntryId { ms, seq: 0 }
}

fn list(text: &str) -> Fetched {
    Ok(Loaded { value: Arc::new(text.to_owned()), bytes: text.len() })
}

fn text(served: &Served<String>) -> &str {
    &served.value
}

async fn let_pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

impl Bench {
    fn new() -> Self {
        let began = tokio::time::Instant::now();
        let clock: Clock = Arc::new(move || {
            Timestamp::from_epoch_ms(1_000_000 + i64::try_from(began.elapsed().as_millis()).unwrap())
        });
        let journal = Arc::new(MemoryJournal::new(clock.clone(), LogRetention::DEFAULT));
        Self { journal, clock, calls: Arc::default() }
    }

    fn instance(&self, name: &str) -> Instance {
        self.instance_over(&Store::of(self.journal.clone()), name)
    }

    fn instance_over(&self, store: &Store, name: &str) -> Instance {
        let (position, vitals) = (Arc::new(AtomicU64::new(1)), Arc::new(Vitals::default()));
        let folded = position.clone();
        let position_of = move || entry(folded.load(Ordering::SeqCst));
        let shared =
            Shared::new(store, position_of, name.to_owned(), vitals.clone(), Duration::from_millis(100));
        let lists = Cache::new(PLENTY, self.clock.clone(), Box::new(|| 0.5), Some(Arc::new(shared)), FORM);
        Instance { lists, position, vitals }
    }

    /// A load that is counted, takes that long, and brings `result`.
    fn loader(&self, takes_ms: u64, result: Fetched) -> impl Future<Output = Fetched> + Send + 'static {
        let calls = self.calls.clone();
        async move {
            calls.fetch_add(1, Ordering::SeqCst);
            let_pass(takes_ms).await;
            result
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn read(&self, instance: &Instance, result: Fetched) -> Result<String, &'static str> {
        let read = instance.lists.read(KIND, &KEY, self.loader(50, result)).await;
        // What is kept for others is kept right after whoever waited was told.
        let_pass(5).await;
        read
    }

    async fn refresh(&self, instance: &Instance, result: Fetched) -> Result<String, &'static str> {
        let read = instance.lists.refresh(KIND, &KEY, self.loader(50, result)).await;
        let_pass(5).await;
        read
    }

    /// Reads what must be there without the source.
    async fn found(&self, instance: &Instance) -> (String, ReadOutcome, i64) {
        let served = self.read(instance, Err("it was not there")).await.unwrap();
        (text(&served).to_owned(), served.outcome, served.age_ms)
    }

    async fn kept(&self) -> Option<Versioned> {
        self.journal.get(NAME).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn c7_what_one_instance_loaded_is_found_by_the_next_with_the_age_it_has() {
    let bench = Bench::new();
    let [one, other] = ["one", "other"].map(|name| bench.instance(name));
    assert_eq!(bench.read(&one, list("a")).await.unwrap().outcome, ReadOutcome::Miss);
    let_pass(60_000).await;
    assert_eq!(bench.found(&other).await, ("a".into(), ReadOutcome::HitRedis, 60_055));
    assert_eq!(bench.found(&other).await, ("a".into(), ReadOutcome::HitMemory, 60_060));
    // It is fresh for as long as it would have been where it was loaded.
    let_pass(SOFT_MS - 60_065 - 20).await;
    assert_eq!(bench.found(&other).await.1, ReadOutcome::HitMemory);
    let_pass(30).await;
    assert_eq!(bench.found(&other).await.1, ReadOutcome::Stale);
    assert_eq!(bench.calls(), 2, "it is renewed once it is no longer fresh");
}

#[tokio::test(start_paused = true)]
async fn c7_c8_a_list_that_is_due_is_renewed_by_one_instance_for_all() {
    let bench = Bench::new();
    let [one, other] = ["one", "other"].map(|name| bench.instance(name));
    bench.read(&one, list("a")).await.unwrap();
    bench.found(&other).await;
    let_pass(SOFT_MS / 5 * 4).await;
    for instance in [&one, &other] {
        assert!(instance.lists.wants_refresh(KIND, &KEY));
        let served = bench.refresh(instance, list("b")).await.unwrap();
        assert_eq!(text(&served), "b");
    }
    assert_eq!(bench.calls(), 2);
    // What is itself due renews nothing, however much newer it is than what there is.
    let third = bench.instance("third");
    bench.found(&third).await;
    let_pass(60_000).await;
    bench.refresh(&one, list("c")).await.unwrap();
    let_pass(SOFT_MS / 5 * 4).await;
    assert_eq!(text(&bench.refresh(&third, list("d")).await.unwrap()), "d");
    assert_eq!(bench.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn c6_c7_what_is_old_in_the_store_is_shown_while_it_is_renewed_or_cannot_be() {
    let bench = Bench::new();
    bench.read(&bench.instance("one"), list("old")).await.unwrap();
    let_pass(SOFT_MS).await;
    // An instance that starts while the source is gone has what another knew.
    let other = bench.instance("other");
    assert!(bench.refresh(&other, Err("down")).await.is_err());
    assert_eq!(text(&other.lists.peek(KIND, &KEY).unwrap()), "old");
    // One that starts while it is there shows that until the new one has come.
    let third = bench.instance("third");
    let served = third.lists.read(KIND, &KEY, bench.loader(50, list("new"))).await.unwrap();
    assert_eq!((text(&served), served.outcome), ("old", ReadOutcome::Stale));
    let_pass(60).await;
    assert_eq!(text(&third.lists.peek(KIND, &KEY).unwrap()), "new");
}

#[tokio::test(start_paused = true)]
async fn c7_a_holder_that_dies_is_waited_for_until_its_lease_ends_and_no_longer() {
    let bench = Bench::new();
    let other = bench.instance("other");
    // It took the lease, and then nothing more was heard of it.
    let lease = format!("list:{NAME}@0-0");
    assert!(bench.journal.lease(&lease, "dead", Duration::from_secs(5)).await.unwrap());
    let began = tokio::time::Instant::now();
    assert_eq!(text(&bench.read(&other, list("mine")).await.unwrap()), "mine");
    assert!((5_000..5_300).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn c7_a_holder_that_lives_is_waited_for_until_it_has_the_list_but_not_for_ever() {
    for (takes_ms, calls, waited) in [(12_000, 1, 12_000..12_300), (60_000, 2, 15_000..15_300)] {
        let bench = Bench::new();
        let [one, other] = ["one", "other"].map(|name| bench.instance(name));
        let slow = tokio::spawn({
            let (lists, load) = (one.lists.clone(), bench.loader(takes_ms, list("slow")));
            async move { lists.read(KIND, &KEY, load).await }
        });
        let_pass(1).await;
        let began = tokio::time::Instant::now();
        other.lists.read(KIND, &KEY, bench.loader(0, list("mine"))).await.unwrap();
        assert!(waited.contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        assert_eq!(bench.calls(), calls);
        slow.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn c7_a_load_that_fails_lets_the_next_instance_have_its_turn_at_once() {
    let bench = Bench::new();
    let [one, other] = ["one", "other"].map(|name| bench.instance(name));
    assert!(bench.read(&one, Err("down")).await.is_err());
    let began = tokio::time::Instant::now();
    assert_eq!(text(&bench.read(&other, list("up")).await.unwrap()), "up");
    assert!(began.elapsed().as_millis() < 500, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn c10_c11_an_invalidated_list_does_not_come_back_from_the_store() {
    let bench = Bench::new();
    let [one, other, third] = ["one", "other", "third"].map(|name| bench.instance(name));
    bench.read(&one, list("old")).await.unwrap();
    bench.found(&other).await;
    // The entry that changes it is folded by two of the three; the list was loaded before it.
    for instance in [&other, &third] {
        instance.position.store(9, Ordering::SeqCst);
        instance.lists.invalidate(KIND, &KEY, entry(9));
    }
    assert!(bench.read(&third, Err("down")).await.is_err(), "the old list came back");
    assert!(other.lists.wants_refresh(KIND, &KEY));
    assert_eq!(text(&bench.refresh(&other, list("new")).await.unwrap()), "new");
    // Whoever knows of the change takes what was loaded after it, and so does whoever does not know yet.
    assert_eq!(bench.found(&third).await.0, "new");
    let_pass(30_000).await;
    assert_eq!(bench.found(&one).await.0, "new");
    assert_eq!(bench.calls(), 3, "the first, the one that failed, the new one");
}

#[tokio::test(start_paused = true)]
async fn c10_a_load_from_before_an_invalidation_is_kept_for_nobody() {
    let bench = Bench::new();
    let [one, other] = ["one", "other"].map(|name| bench.instance(name));
    let (go, gate) = oneshot::channel::<()>();
    let early = tokio::spawn({
        let (lists, load) = (one.lists.clone(), async {
            gate.await.unwrap();
            list("old")
        });
        async move { lists.read(KIND, &KEY, load).await }
    });
    let_pass(10).await;
    // The other instance folds the change while that load is under way; it does not wait for it.
    other.position.store(9, Ordering::SeqCst);
    other.lists.invalidate(KIND, &KEY, entry(9));
    let began = tokio::time::Instant::now();
    assert_eq!(text(&bench.read(&other, list("new")).await.unwrap()), "new");
    assert!(began.elapsed().as_millis() < 500, "{:?}", began.elapsed());
    // The early one ends on an instance that has not folded the change: it is not put over what is newer.
    go.send(()).unwrap();
    assert_eq!(text(&early.await.unwrap().unwrap()), "old");
    let_pass(10).await;
    assert!(bench.kept().await.unwrap().value.ends_with(b" new"));
    // Nor is it kept where nothing is, by an instance that has folded the change meanwhile.
    bench.journal.delete(NAME).await.unwrap();
    let late = bench.instance("late");
    let (go, gate) = oneshot::channel::<()>();
    let early = tokio::spawn({
        let (lists, load) = (late.lists.clone(), async {
            gate.await.unwrap();
            list("old")
        });
        async move { lists.read(KIND, &KEY, load).await }
    });
    let_pass(10).await;
    late.position.store(9, Ordering::SeqCst);
    late.lists.invalidate(KIND, &KEY, entry(9));
    go.send(()).unwrap();
    early.await.unwrap().unwrap();
    let_pass(10).await;
    assert_eq!(bench.kept().await, None);
    assert!(late.lists.peek(KIND, &KEY).is_none());
}

#[tokio::test(start_paused = true)]
async fn c11_memory_is_compared_with_the_store_every_30_s() {
    let bench = Bench::new();
    let [one, other] = ["one", "other"].map(|name| bench.instance(name));
    bench.read(&one, list("a")).await.unwrap();
    bench.found(&other).await;
    bench.refresh(&one, list("b")).await.unwrap();
    // Until then a board is compared by what is fresh for half an hour, and nothing says that it is not.
    let_pass(29_000).await;
    assert_eq!(bench.found(&other).await.0, "a");
    let_pass(1_000).await;
    assert_eq!(bench.found(&other).await.0, "b");
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn c4_what_cannot_be_read_is_a_miss_and_is_deleted() {
    for wrong in ["", "1", "1 x", "1 5", "2 1000000 a", "1 1000000 \u{0}broken"] {
        let bench = Bench::new();
        let undecodable = Form { decode: |bytes| (bytes == b"a").then(|| ("a".into(), 1)), ..FORM };
        let mut instance = bench.instance("one");
        let shared = instance.lists.0.second.as_ref().unwrap().shared.clone();
        let jitter = Box::new(|| 0.5);
        instance.lists = Cache::new(PLENTY, bench.clock.clone(), jitter, Some(shared), undecodable);
        let value = Versioned { version: entry(5), value: Bytes::copy_from_slice(wrong.as_bytes()) };
        assert!(bench.journal.put(NAME, value, Duration::from_secs(60)).await.unwrap());
        let served = instance.lists.read(KIND, &KEY, bench.loader(0, Err("down"))).await;
        assert!(served.is_err(), "{wrong:?}");
        assert_eq!(bench.kept().await, None, "{wrong:?}");
        assert!(instance.vitals.lists_undecodable.value() > 0, "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c14_what_is_too_large_is_served_and_not_kept_and_nobody_waits_for_it() {
    let bench = Bench::new();
    let [one, other] = ["one", "other"].map(|name| bench.instance(name));
    let large = "x".repeat(EXPIRING_BYTES_MAX);
    assert_eq!(bench.read(&one, list(&large)).await.unwrap().outcome, ReadOutcome::Miss);
    assert_eq!((bench.kept().await, one.vitals.lists_too_large.value()), (None, 1));
    let began = tokio::time::Instant::now();
    bench.read(&other, list(&large)).await.unwrap();
    assert!(began.elapsed().as_millis() < 500, "{:?}", began.elapsed());
    assert_eq!((bench.calls(), one.vitals.lists_unshared.value()), (2, 0));
}

/// A store that hangs, or does not.
struct Hanging {
    inner: Arc<MemoryJournal>,
    hangs: AtomicBool,
    asked: AtomicUsize,
}

impl Hanging {
    async fn pass(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Leases for Hanging {
    async fn lease(
        &self,
        name: &str,
        holder: &str,
        time: Duration,
    ) -> std::result::Result<bool, JournalError> {
        self.pass().await;
        self.inner.lease(name, holder, time).await
    }
}

#[async_trait]
impl ExpiringValues for Hanging {
    async fn get(&self, name: &str) -> std::result::Result<Option<Versioned>, JournalError> {
        self.pass().await;
        self.inner.get(name).await
    }

    async fn put(
        &self,
        name: &str,
        value: Versioned,
        expiry: Duration,
    ) -> std::result::Result<bool, JournalError> {
        self.pass().await;
        self.inner.put(name, value, expiry).await
    }

    async fn delete(&self, name: &str) -> std::result::Result<(), JournalError> {
        self.pass().await;
        self.inner.delete(name).await
    }
}

impl Hanging {
    /// The store of which these are the leases and the values.
    fn in_front_of(self: &Arc<Self>, store: Store) -> Store {
        Store { leases: self.clone(), values: self.clone(), ..store }
    }
}

#[tokio::test(start_paused = true)]
async fn c4_a_store_that_hangs_costs_a_read_its_timeout_once_and_is_found_again() {
    let bench = Bench::new();
    let hanging = Arc::new(Hanging {
        inner: bench.journal.clone(),
        hangs: AtomicBool::new(true),
        asked: AtomicUsize::new(0),
    });
    let one = bench.instance_over(&hanging.in_front_of(Store::of(bench.journal.clone())), "one");
    let began = tokio::time::Instant::now();
    let served = one.lists.read(KIND, &KEY, bench.loader(0, list("a"))).await.unwrap();
    assert_eq!((text(&served), served.outcome), ("a", ReadOutcome::Miss));
    assert_eq!(began.elapsed().as_millis(), 100, "the store is asked once, for 100 ms");
    let_pass(10).await;
    assert_eq!((hanging.asked.load(Ordering::SeqCst), one.vitals.lists_unshared.value()), (1, 1));
    // It answers again: what is loaded is shared again.
    hanging.hangs.store(false, Ordering::SeqCst);
    let_pass(1_000).await;
    bench.refresh(&one, list("b")).await.unwrap();
    assert_eq!(bench.found(&bench.instance("other")).await.0, "b");
}

#[tokio::test(start_paused = true)]
async fn c7_what_is_newer_in_memory_is_not_replaced_by_what_is_kept() {
    let bench = Bench::new();
    let hanging = Arc::new(Hanging {
        inner: bench.journal.clone(),
        hangs: AtomicBool::new(false),
        asked: AtomicUsize::new(0),
    });
    let one = bench.instance_over(&hanging.in_front_of(Store::of(bench.journal.clone())), "one");
    bench.read(&one, list("a")).await.unwrap();
    let_pass(1_000).await;
    hanging.hangs.store(true, Ordering::SeqCst);
    bench.refresh(&one, list("b")).await.unwrap();
    hanging.hangs.store(false, Ordering::SeqCst);
    let_pass(40_000).await;
    assert!(bench.kept().await.unwrap().value.ends_with(b" a"));
    assert_eq!(bench.found(&one).await.0, "b");
}

#[tokio::test(start_paused = true)]
async fn c13_a_list_from_an_instance_whose_clock_is_ahead_is_new_and_no_more() {
    let bench = Bench::new();
    let ahead = Versioned { version: entry(1), value: Bytes::from_static(b"1 9000000 a") };
    assert!(bench.journal.put(NAME, ahead, Duration::from_hours(24)).await.unwrap());
    let one = bench.instance("one");
    assert_eq!(bench.found(&one).await, ("a".into(), ReadOutcome::HitRedis, 0));
    let_pass(SOFT_MS / 2).await;
    assert_eq!(bench.found(&one).await.1, ReadOutcome::HitMemory);
    let_pass(SOFT_MS / 2).await;
    assert_eq!(bench.found(&one).await.1, ReadOutcome::Stale);
}

#[tokio::test(start_paused = true)]
async fn c11_what_is_known_of_invalidations_is_bounded() {
    let bench = Bench::new();
    let one = bench.instance("one");
    for key in 0..1_000 {
        one.lists.invalidate(KIND, &key, entry(9));
    }
    assert_eq!(one.lists.state().marks.len(), 1_000);
    let_pass(2 * KIND.hard_ttl_ms().unsigned_abs()).await;
    one.lists.state().sweep((bench.clock)());
    assert_eq!(one.lists.state().marks.len(), 0);
}
