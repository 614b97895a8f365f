//! The instances that share a journal, as each was last heard of. They never speak to each other: each says in the
//! journal, in the background, how it is doing, and learns there what the others say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::domain::time::Timestamp;
use crate::journal::Reports;
use crate::ops::instance::Instance;

/// How often an instance says how it is doing.
const EVERY: Duration = Duration::from_secs(10);

/// How soon it says so again where that failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// For how long that counts.
const EXPIRY: Duration = Duration::from_secs(30);

/// The parts of a report whose numbers can be added up over instances.
const SUMMED: [&str; 4] = ["streams", "hooks", "reads", "lists"];

/// This instance among those that share its journal.
pub struct Instances {
    /// This one.
    pub(super) instance: Instance,
    reports: Arc<dyn Reports>,
    /// When this process started.
    pub(crate) started_at: Timestamp,
    heard: Mutex<Heard>,
    /// Why the last report was not taken.
    refused: Mutex<Option<String>>,
}

/// What was heard of the others.
#[derive(Clone, Default)]
struct Heard {
    at: Option<Timestamp>,
    others: Vec<Value>,
}

/// The instances, and what they add up to.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// A report of each: this one's as it is now, the others' as they were last heard of, none older than 30 s.
    pub instances: Vec<Value>,
    /// Their number, and the sums of what they count.
    pub total: Value,
    /// When the others were last heard of; `None` while they never were.
    pub heard_at: Option<Timestamp>,
}

impl Instances {
    /// An instance that began now. It says nothing until it [keeps reporting](Self::keep_reporting).
    pub fn new(instance: Instance, reports: Arc<dyn Reports>) -> Self {
        Self {
            started_at: (instance.clock)(),
            instance,
            reports,
            heard: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// Says every ten seconds how this instance is doing; never returns.
    pub async fn keep_reporting(self: Arc<Self>) {
        loop {
            let pause = if self.report().await { EVERY } else { RETRY_AFTER };
            sleep(pause).await;
        }
    }

    /// Says how this instance is doing, and hears what the others say; `false` where it could not. That says nothing about
    /// whether changes can be kept, which only those who write them know.
    async fn report(&self) -> bool {
        let own = self.own().to_string();
        match self.reports.report(&self.instance.id, own.into(), EXPIRY).await {
            Ok(reports) => {
                let others = reports.iter().filter(|(instance, _)| **instance != *self.instance.id);
                let others = others.filter_map(|(_, report)| serde_json::from_slice::<Value>(report).ok());
                let others = others.filter(Value::is_object).collect();
                *self.heard() = Heard { at: Some((self.instance.clock)()), others };
                *self.refused() = None;
                true
            }
            Err(error) => {
                let why = format!("a report was not taken: {error}");
                let mut refused = self.refused();
                if refused.as_ref() != Some(&why) {
                    tracing::warn!("{why}");
                    *refused = Some(why);
                }
                false
            }
        }
    }

    /// What of this instance the journal does not take, and why.
    pub fn refusals(&self) -> Vec<String> {
        self.instance.writes.findings().into_iter().chain(self.refused().clone()).collect()
    }

    fn refused(&self) -> MutexGuard<'_, Option<String>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which instances there are, this one among them. Waits for nothing.
    pub fn seen(&self) -> Seen {
        let Heard { at: heard_at, others } = self.heard().clone();
        // While the journal is away nobody hears who has died since.
        let age_ms = heard_at.map(|at| (self.instance.clock)().ms_since(at));
        let counts = age_ms.is_some_and(|ms| Duration::from_millis(ms.unsigned_abs()) < EXPIRY);
        let mut instances = vec![self.own()];
        instances.extend(others.into_iter().filter(|_| counts));
        Seen { total: total(&instances), instances, heard_at }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How this instance is doing now.
    fn own(&self) -> Value {
        let (vitals, position) = (&*self.instance.vitals, self.instance.fold.position());
        let report = json!({
            "instance": self.instance.id,
            "version": env!("CARGO_PKG_VERSION"),
            "startedAt": self.started_at,
            "reportedAt": (self.instance.clock)(),
            "position": position.map(|position| position.to_string()),
            "lagMs": vitals.journal_lag_ms(position),
            "lastHook": vitals.last_hook.value(),
            "lastSync": vitals.last_sync.value(),
            "reads": vitals.reads.total(),
            "lists": vitals.list_reads.total(),
        });
        let Value::Object(mut report) = report else { return report };
        vitals.add_to_report(&mut report);
        report.into()
    }
}

/// What reports add up to. An instance of another version may count more or less than this one does.
fn total(reports: &[Value]) -> Value {
    let mut total = Map::new();
    total.insert("instances".into(), reports.len().into());
    for part in SUMMED {
        let mut sums = BTreeMap::<_, u64>::new();
        for (name, number) in reports.iter().filter_map(|report| report.get(part)?.as_object()).flatten() {
            if let Some(number) = number.as_u64() {
                let sum = sums.entry(name).or_default();
                *sum = sum.saturating_add(number);
            }
        }
        total.insert(part.into(), json!(sums));
    }
    let numbers = |name| reports.iter().filter_map(move |report| report.get(name)?.as_u64());
    total.insert("panics".into(), numbers("panics").sum::<u64>().into());
    // Lags do not add up: the board that is the furthest behind is.
    total.insert("lagMs".into(), numbers("lagMs").max().into());
    total.into()
}

#[cfg(test)]
mod tests {
    use crate::domain::owner::Owner;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::journal::memory::MemoryJournal;
    use crate::journal::{LogRetention, Store};
    use crate::ops::vitals::OpenStream;
    use crate::platform::clock::Clock;

    /// Instances over one journal, on a clock that the test turns.
    struct Bench {
        now: Arc<AtomicI64>,
        journal: Arc<MemoryJournal>,
    }

    impl Bench {
        fn new() -> Self {
            let now = Arc::new(AtomicI64::new(1_000_000));
            let journal = Arc::new(MemoryJournal::new(clock(&now), LogRetention::DEFAULT));
            Self { now, journal }
        }

        fn instance(&self, name: &str) -> Instances {
            let store = Store::of(self.journal.clone());
            let instance = Instance {
                id: name.into(),
                ..Instance::new(&store, Owner::demo(None), clock(&self.now), false)
            };
            Instances::new(instance, store.reports)
        }

        fn wait_s(&self, s: i64) {
            self.now.fetch_add(s * 1_000, Ordering::SeqCst);
        }
    }

    fn clock(now: &Arc<AtomicI64>) -> Clock {
        let now = now.clone();
        Arc::new(move || Timestamp::from_epoch_ms(now.load(Ordering::SeqCst)))
    }

    fn names(instances: &Instances) -> Vec<String> {
        let seen = instances.seen().instances;
        seen.iter().map(|report| report["instance"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn p6_each_instance_sees_all_and_what_they_add_up_to() {
        let bench = Bench::new();
        let [one, two] = ["one", "two"].map(|name| bench.instance(name));
        assert_eq!((names(&one), one.seen().heard_at), (vec!["one".to_owned()], None));
        two.instance.vitals.hooks_applied.add(3);
        two.instance.vitals.panics.add(1);
        two.report().await;
        bench.wait_s(5);
        one.report().await;
        one.instance.vitals.hooks_applied.add(4);
        let _open = OpenStream::count(&one.instance.vitals);
        let seen = one.seen();
        assert_eq!(names(&one), ["one", "two"]);
        assert_eq!(seen.instances[1]["reportedAt"], 1_000_000);
        assert_eq!(seen.heard_at, Some(Timestamp::from_epoch_ms(1_005_000)));
        let total = seen.total;
        assert_eq!((&total["instances"], &total["panics"]), (&json!(2), &json!(1)));
        assert_eq!((&total["hooks"]["applied"], &total["streams"]["open"]), (&json!(7), &json!(1)));
        assert_eq!((&total["reads"]["hitsMemory"], &total["lagMs"]), (&json!(0), &Value::Null));
        assert_eq!(names(&two), ["two"], "it has not heard of the other yet");
    }

    #[tokio::test]
    async fn p6_an_instance_that_dies_is_gone_after_30_s() {
        let bench = Bench::new();
        let [lives, dies] = ["lives", "dies"].map(|name| bench.instance(name));
        dies.report().await;
        for _ in 0..2 {
            bench.wait_s(10);
            lives.report().await;
            assert_eq!(names(&lives), ["lives", "dies"]);
        }
        bench.wait_s(10);
        lives.report().await;
        assert_eq!(names(&lives), ["lives"]);
    }

    #[tokio::test]
    async fn p6_what_was_heard_before_the_journal_went_away_does_not_last() {
        let bench = Bench::new();
        let [one, two] = ["one", "two"].map(|name| bench.instance(name));
        two.report().await;
        one.report().await;
        bench.wait_s(29);
        assert_eq!(names(&one), ["one", "two"]);
        bench.wait_s(1);
        assert_eq!(names(&one), ["one"]);
        assert_eq!(one.seen().heard_at, Some(Timestamp::from_epoch_ms(1_000_000)));
    }

    #[tokio::test]
    async fn p6_reports_of_another_version_are_shown_and_added_up_as_far_as_they_go() {
        let bench = Bench::new();
        let one = bench.instance("one");
        one.instance.vitals.hooks_applied.add(1);
        let other =
            json!({ "instance": "other", "hooks": { "applied": 2, "new": 5, "odd": "x" }, "streams": 7 });
        for (name, report) in
            [("other", other.to_string()), ("rubbish", "{".into()), ("text", "\"x\"".into())]
        {
            bench.journal.report(name, report.into(), EXPIRY).await.unwrap();
        }
        one.report().await;
        let seen = one.seen();
        assert_eq!(names(&one), ["one", "other"]);
        let hooks = &seen.total["hooks"];
        assert_eq!((&hooks["applied"], &hooks["new"], hooks.get("odd")), (&json!(3), &json!(5), None));
    }

    #[tokio::test]
    async fn p6_a_report_is_small() {
        let own = Bench::new().instance(&uuid::Uuid::new_v4().to_string()).own().to_string();
        assert!(own.len() < 2_000, "{} bytes", own.len());
    }
}
