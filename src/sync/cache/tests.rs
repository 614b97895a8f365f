//! What is served, what is loaded, and what is kept, on a clock that the tests turn.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use tokio::sync::oneshot;

use super::*;

type Lists = Cache<u32, String, &'static str>;
type Fetched = std::result::Result<Loaded<String>, &'static str>;

const PLENTY: Limits = Limits { entries: 1_000, bytes: 1_000_000 };
const KEY: u32 = 7;
const SOFT_MS: i64 = Kind::WorkItems.soft_ttl_ms();

/// A cache, its clock, and how often anything was loaded.
struct Bench {
    lists: Lists,
    now: Arc<AtomicI64>,
    loads: Arc<AtomicUsize>,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self::with_jitter(limits, || 0.5)
    }

    fn with_jitter(limits: Limits, jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let clock: Clock = {
            let now = now.clone();
            Arc::new(move || Timestamp::from_epoch_ms(now.load(Ordering::SeqCst)))
        };
        Self {
            lists: Cache::new(limits, clock, Box::new(jitter), None, UNSHARED),
            now,
            loads: Arc::default(),
        }
    }

    fn wait_ms(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// How much is kept now.
    fn size(&self) -> Limits {
        let state = self.lists.state();
        Limits { entries: state.entries.len(), bytes: state.bytes }
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// A load that is counted and brings `result` as soon as `when` is.
    fn loader<W>(&self, when: W, result: Fetched) -> impl Future<Output = Fetched> + Send + 'static
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let loads = self.loads.clone();
        async move {
            loads.fetch_add(1, Ordering::SeqCst);
            when.await;
            result
        }
    }

    async fn read(&self, key: u32, result: Fetched) -> Result<String, &'static str> {
        self.lists.read(Kind::WorkItems, &key, self.loader(async {}, result)).await
    }

    /// Reads what must be there already.
    async fn peek(&self, key: u32) -> Served<String> {
        self.read(key, Err("it was not there")).await.unwrap()
    }
}

fn list(text: &str) -> Fetched {
    Ok(Loaded { value: Arc::new(text.to_owned()), bytes: text.len() })
}

/// In which form lists would be shared, if they were.
const UNSHARED: Form<u32, String> =
    Form { name: |_| String::new(), encode: |_| Vec::new(), decode: |_| None };

fn text(served: &Served<String>) -> &str {
    &served.value
}

fn fails(result: &Result<String, &'static str>) -> bool {
    matches!(result, Err(CacheError::Load(_)))
}

/// Lets the tasks that can run do so.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn c2_k9_every_kind_has_its_times() {
    let soft = [Kind::WorkItems, Kind::Sprints, Kind::Velocity, Kind::Kpis].map(Kind::soft_ttl_ms);
    assert_eq!(soft, [300_000, 1_800_000, 3_600_000, 300_000]);
    for kind in Kind::ALL {
        assert!(
            kind.soft_ttl_ms() < kind.hard_ttl_ms() && kind.hard_ttl_ms() >= 24 * 60 * 60_000,
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn c7_a_hundred_readers_who_miss_are_one_load() {
    let bench = Bench::new(PLENTY);
    let readers = (0..100).map(|_| {
        let (lists, load) = (bench.lists.clone(), bench.loader(tokio::task::yield_now(), list("one")));
        tokio::spawn(async move { lists.read(Kind::WorkItems, &KEY, load).await })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(text(&reader.await.unwrap().unwrap()), "one");
    }
    assert_eq!(bench.loads(), 1);
    let served = bench.peek(KEY).await;
    assert_eq!((served.outcome, bench.loads()), (ReadOutcome::HitMemory, 1));
}

#[tokio::test]
async fn c7_a_reader_who_gives_up_takes_the_load_from_nobody() {
    let bench = Bench::new(PLENTY);
    let (go, gate) = oneshot::channel::<()>();
    let load = bench.loader(async { gate.await.unwrap_or_default() }, list("one"));
    let lists = bench.lists.clone();
    let first = tokio::spawn(async move { lists.read(Kind::WorkItems, &KEY, load).await });
    settle().await;
    first.abort();
    settle().await;
    go.send(()).unwrap();
    assert_eq!(text(&bench.peek(KEY).await), "one");
    assert_eq!(bench.loads(), 1);
}

#[tokio::test]
async fn c6_what_is_no_longer_fresh_is_served_with_its_age_and_renewed_behind() {
    let bench = Bench::new(PLENTY);
    bench.read(KEY, list("old")).await.unwrap();
    bench.wait_ms(SOFT_MS - 1);
    assert_eq!(bench.peek(KEY).await.outcome, ReadOutcome::HitMemory);
    bench.wait_ms(1);
    let served = bench.read(KEY, list("new")).await.unwrap();
    assert_eq!((text(&served), served.age_ms, served.outcome), ("old", SOFT_MS, ReadOutcome::Stale));
    settle().await;
    let served = bench.peek(KEY).await;
    assert_eq!((text(&served), served.age_ms, served.outcome), ("new", 0, ReadOutcome::HitMemory));
    assert_eq!(bench.loads(), 2);
}

#[tokio::test]
async fn c6_what_is_too_old_is_missing() {
    let bench = Bench::new(PLENTY);
    bench.read(KEY, list("old")).await.unwrap();
    bench.wait_ms(Kind::WorkItems.hard_ttl_ms() - 1);
    assert_eq!(text(&bench.peek(KEY).await), "old");
    settle().await;
    bench.wait_ms(1);
    assert!(fails(&bench.read(KEY, Err("gone")).await));
    let served = bench.read(KEY, list("new")).await.unwrap();
    assert_eq!((text(&served), served.outcome), ("new", ReadOutcome::Miss));
}

#[tokio::test]
async fn c6_a_load_that_fails_discards_nothing_and_is_not_repeated_at_once() {
    let bench = Bench::new(PLENTY);
    bench.read(KEY, list("old")).await.unwrap();
    bench.wait_ms(SOFT_MS);
    for _ in 0..10 {
        assert_eq!(text(&bench.read(KEY, Err("down")).await.unwrap()), "old");
        settle().await;
    }
    assert_eq!(bench.loads(), 2);
    assert!(!bench.lists.wants_refresh(Kind::WorkItems, &KEY));
    assert!(fails(&bench.lists.refresh(Kind::WorkItems, &KEY, bench.loader(async {}, Err("down"))).await));
    bench.wait_ms(RETRY_MS);
    assert_eq!(text(&bench.read(KEY, list("new")).await.unwrap()), "old");
    settle().await;
    assert_eq!(text(&bench.peek(KEY).await), "new");
}

#[tokio::test]
async fn c6_a_load_that_panics_frees_its_place() {
    let bench = Bench::new(PLENTY);
    let died =
        bench.lists.read(Kind::WorkItems, &KEY, bench.loader(async { panic!("a defect") }, list(""))).await;
    assert!(matches!(died, Err(CacheError::Abandoned)));
    assert_eq!(text(&bench.read(KEY, list("one")).await.unwrap()), "one");
}

#[tokio::test]
async fn c5_that_there_is_nothing_is_an_answer_and_kept_like_one() {
    let bench = Bench::new(PLENTY);
    assert_eq!(text(&bench.read(KEY, list("")).await.unwrap()), "");
    bench.wait_ms(Kind::WorkItems.soft_ttl_ms() / 2);
    let served = bench.peek(KEY).await;
    assert_eq!((text(&served), served.outcome, bench.loads()), ("", ReadOutcome::HitMemory, 1));
}

#[tokio::test]
async fn c8_a_list_is_due_at_four_fifths_of_its_time() {
    let bench = Bench::new(PLENTY);
    let due = || bench.lists.wants_refresh(Kind::WorkItems, &KEY);
    assert!(due(), "it is not there");
    bench.read(KEY, list("old")).await.unwrap();
    bench.wait_ms(SOFT_MS / 5 * 4 - 1);
    assert!(!due());
    bench.wait_ms(1);
    assert!(due());
    let (go, gate) = oneshot::channel::<()>();
    let load = bench.loader(async { gate.await.unwrap_or_default() }, list("new"));
    let lists = bench.lists.clone();
    let renewed = tokio::spawn(async move { lists.refresh(Kind::WorkItems, &KEY, load).await });
    settle().await;
    assert!(!due(), "it is being renewed");
    let served = bench.peek(KEY).await;
    assert_eq!((text(&served), served.outcome), ("old", ReadOutcome::HitMemory));
    go.send(()).unwrap();
    assert_eq!(text(&renewed.await.unwrap().unwrap()), "new");
    assert_eq!((text(&bench.peek(KEY).await), bench.loads()), ("new", 2));
}

#[tokio::test]
async fn c9_what_was_stored_together_expires_apart() {
    for (jitter, soft_ms) in [(0.0, SOFT_MS / 10 * 9), (1.0, SOFT_MS / 10 * 11), (9.0, SOFT_MS / 10 * 11)] {
        let bench = Bench::with_jitter(PLENTY, move || jitter);
        bench.read(KEY, list("one")).await.unwrap();
        bench.wait_ms(soft_ms - 1);
        assert_eq!(bench.peek(KEY).await.outcome, ReadOutcome::HitMemory, "{jitter}");
        bench.wait_ms(1);
        assert_eq!(bench.peek(KEY).await.outcome, ReadOutcome::Stale, "{jitter}");
    }
}

#[tokio::test]
async fn c10_a_load_from_before_an_invalidation_is_not_kept() {
    for is_there in [false, true] {
        let bench = Bench::new(PLENTY);
        if is_there {
            bench.read(KEY, list("first")).await.unwrap();
        }
        let (go, gate) = oneshot::channel::<()>();
        let load = bench.loader(async { gate.await.unwrap_or_default() }, list("old"));
        let lists = bench.lists.clone();
        let early = tokio::spawn(async move { lists.refresh(Kind::WorkItems, &KEY, load).await });
        settle().await;
        bench.lists.invalidate(Kind::WorkItems, &KEY, EntryId::ZERO);
        // Whoever asks after the invalidation does not join the load from before it.
        let late = bench.lists.refresh(Kind::WorkItems, &KEY, bench.loader(async {}, list("new"))).await;
        assert_eq!(text(&late.unwrap()), "new");
        go.send(()).unwrap();
        assert_eq!(text(&early.await.unwrap().unwrap()), "old");
        settle().await;
        let served = bench.peek(KEY).await;
        assert_eq!((text(&served), served.outcome), ("new", ReadOutcome::HitMemory));
    }
}

#[tokio::test]
async fn c10_a_load_that_is_late_neither_stores_nor_ends_the_one_after_it() {
    let bench = Bench::new(PLENTY);
    let begin = |list: Fetched| {
        let (go, gate) = oneshot::channel::<()>();
        let load = bench.loader(async { gate.await.unwrap_or_default() }, list);
        let lists = bench.lists.clone();
        (go, tokio::spawn(async move { lists.read(Kind::WorkItems, &KEY, load).await }))
    };
    let (end_early, early) = begin(list("old"));
    settle().await;
    bench.lists.invalidate(Kind::WorkItems, &KEY, EntryId::ZERO);
    let (end_late, late) = begin(list("new"));
    settle().await;
    end_early.send(()).unwrap();
    assert_eq!(text(&early.await.unwrap().unwrap()), "old");
    assert_eq!(bench.size().entries, 0);
    assert!(!bench.lists.wants_refresh(Kind::WorkItems, &KEY), "the later load is still under way");
    end_late.send(()).unwrap();
    assert_eq!(text(&late.await.unwrap().unwrap()), "new");
    assert_eq!((text(&bench.peek(KEY).await), bench.loads()), ("new", 2));
}

#[tokio::test]
async fn i1_readers_are_served_the_old_list_until_the_new_one_is_there() {
    let bench = Bench::new(PLENTY);
    for key in [KEY, KEY + 1] {
        bench.read(key, list("old")).await.unwrap();
    }
    bench.lists.invalidate(Kind::WorkItems, &KEY, EntryId::ZERO);
    assert!(bench.lists.wants_refresh(Kind::WorkItems, &KEY));
    assert!(!bench.lists.wants_refresh(Kind::WorkItems, &(KEY + 1)));
    let served = bench.read(KEY, list("new")).await.unwrap();
    assert_eq!((text(&served), served.outcome), ("old", ReadOutcome::Stale));
    settle().await;
    let served = bench.peek(KEY).await;
    assert_eq!((text(&served), served.outcome), ("new", ReadOutcome::HitMemory));
    assert_eq!(bench.peek(KEY + 1).await.outcome, ReadOutcome::HitMemory);
}

#[tokio::test]
async fn c13_an_age_is_never_negative() {
    let bench = Bench::new(PLENTY);
    bench.read(KEY, list("one")).await.unwrap();
    bench.wait_ms(-500_000);
    let served = bench.peek(KEY).await;
    assert_eq!((served.age_ms, served.outcome), (0, ReadOutcome::HitMemory));
    bench.wait_ms(500_000 + SOFT_MS);
    assert_eq!(bench.read(KEY, Err("down")).await.unwrap().age_ms, SOFT_MS);
    settle().await;
    // Nor does a clock that is set back put off the next attempt.
    bench.lists.invalidate(Kind::WorkItems, &KEY, EntryId::ZERO);
    bench.read(KEY, Err("down")).await.unwrap();
    settle().await;
    bench.wait_ms(-SOFT_MS);
    assert!(bench.lists.wants_refresh(Kind::WorkItems, &KEY));
}

#[tokio::test]
async fn c3_the_least_recently_used_make_room() {
    let bench = Bench::new(Limits { entries: 3, bytes: 1_000_000 });
    for key in [1, 2, 3] {
        bench.read(key, list("list")).await.unwrap();
    }
    bench.peek(1).await;
    bench.read(4, list("list")).await.unwrap();
    for key in [1, 3, 4] {
        assert_eq!(bench.peek(key).await.outcome, ReadOutcome::HitMemory);
    }
    assert!(fails(&bench.read(2, Err("it made room")).await));
    assert_eq!(bench.size(), Limits { entries: 3, bytes: 3 * (4 + ENTRY_BYTES) });
}

#[tokio::test]
async fn c3_bytes_are_bounded_too() {
    let bench = Bench::new(Limits { entries: 1_000, bytes: 10_000 });
    for key in 0..500 {
        bench.read(key, list(&"x".repeat(1_000))).await.unwrap();
        assert!(bench.size().bytes <= 10_000);
    }
    assert_eq!(bench.size().entries, 10_000 / (1_000 + ENTRY_BYTES));
    // One that is too large for all of it is served, and pushes nothing out.
    let before = bench.size();
    let large = "x".repeat(10_000);
    assert_eq!(text(&bench.read(KEY, list(&large)).await.unwrap()), large.as_str());
    assert_eq!(bench.size(), before);
}

#[tokio::test]
async fn c3_what_is_too_old_is_swept() {
    let bench = Bench::new(Limits { entries: 20_000, bytes: usize::MAX });
    for key in 0..1_000 {
        bench.read(key, list("list")).await.unwrap();
    }
    bench.wait_ms(Kind::WorkItems.hard_ttl_ms());
    bench.read(1_000, list("list")).await.unwrap();
    bench.lists.state().sweep((bench.lists.0.clock)());
    let state = bench.lists.state();
    assert_eq!((state.entries.len(), state.by_use.len(), state.loads.len()), (1, 1, 0));
    assert_eq!(state.bytes, 4 + ENTRY_BYTES);
}
