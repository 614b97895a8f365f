//! Derived numbers: announced once, whatever the number of instances and whenever one dies, and never out of order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use boardcast::domain::metrics::threshold::AnnounceAt;
use boardcast::domain::record::delta::Delta;
use boardcast::domain::record::last_announced::Announced;
use boardcast::domain::scope::Scope;
use boardcast::domain::stored::Stored;
use boardcast::journal::memory::MemoryJournal;
use boardcast::journal::{EntryId, Journal, LogRetention, Store};
use boardcast::platform::clock::Clock;
use serde_json::{Value, json};

use crate::support::app::HandClock;
use crate::support::faults::{Fault, FaultyJournal};
use crate::support::team::{NOW_MS, TestInstance, board, catalogue, events, sprint, story};

struct Fixture {
    store: Store,
    clock: HandClock,
    instance: TestInstance,
    /// After the team became known and before anything else happened.
    begin: EntryId,
}

impl Fixture {
    async fn new() -> Self {
        let clock = HandClock::at(NOW_MS);
        let store = Store::of(memory(&clock));
        let instance = TestInstance::over(&store, clock.clock()).await;
        instance.learn(catalogue()).await;
        instance.settled().await;
        let begin = instance.instance.fold.position().unwrap();
        Self { store, clock, instance, begin }
    }

    async fn derive(&self, scope: Scope, moment: AnnounceAt) -> usize {
        self.instance.settled().await;
        let told = self.instance.deriver.derive(scope, moment).await.unwrap();
        self.instance.settled().await;
        told
    }

    /// The events of a type since the beginning.
    async fn told(&self, kind: &str) -> Vec<Value> {
        let events = events(&self.store.journal, self.begin).await;
        events.into_iter().map(|(_, event)| event).filter(|event| event["type"] == kind).collect()
    }
}

fn memory(clock: &HandClock) -> Arc<MemoryJournal> {
    // The ids of a journal whose clock stands still differ in their sequence numbers alone.
    let retention = LogRetention { entries_max: 1_000_000, age_max: Duration::from_hours(10_000) };
    Arc::new(MemoryJournal::new(clock.clock(), retention))
}

#[tokio::test]
async fn d10_first_values_are_recorded_silently_and_a_restart_announces_nothing() {
    let fixture = Fixture::new().await;
    fixture.instance.hook(&story(1, 1, 1, "New", Some(5.0))).await;
    assert_eq!(fixture.derive(board(1), AnnounceAt::Now).await, 0, "the snapshot shows them");
    assert_eq!(fixture.derive(board(1), AnnounceAt::Now).await, 0);
    let restarted = TestInstance::over(&fixture.store, fixture.clock.clock()).await;
    restarted.settled().await;
    for moment in [AnnounceAt::Now, AnnounceAt::Settle] {
        assert_eq!(restarted.deriver.derive(board(1), moment).await, Ok(0));
    }
    assert_eq!(fixture.told("metric_changed").await, [] as [Value; 0]);
    // What changes from then on is told with the value from before the restart.
    restarted.hook(&story(1, 2, 1, "New", Some(8.0))).await;
    restarted.settled().await;
    assert!(restarted.deriver.derive(board(1), AnnounceAt::Now).await.unwrap() > 0);
    let told = fixture.told("metric_changed").await;
    let total = told.iter().find(|event| event["metric"] == "points.total").unwrap();
    assert_eq!((&total["previous"], &total["value"]), (&json!(5), &json!(8)));
    assert_eq!((&total["unit"], &total["reason"]), (&json!("points"), &json!("threshold")));
    assert_eq!((&total["changePercent"], &total["threshold"]), (&json!(60), &json!(0.05)));
}

#[tokio::test]
async fn d10_a_metric_that_gets_its_first_number_later_says_so() {
    let fixture = Fixture::new().await;
    fixture.derive(board(1), AnnounceAt::Now).await;
    // Percentages have no value while there are no points.
    fixture.instance.hook(&story(1, 1, 1, "New", Some(5.0))).await;
    fixture.derive(board(1), AnnounceAt::Now).await;
    let told = fixture.told("metric_changed").await;
    let percent = told.iter().find(|event| event["metric"] == "percent.complete").unwrap();
    assert_eq!((&percent["previous"], &percent["value"]), (&Value::Null, &json!(0)));
    assert_eq!((&percent["reason"], &percent["changePercent"]), (&json!("first"), &Value::Null));
}

#[tokio::test]
async fn d8_what_stays_below_the_threshold_waits_for_the_settle_tick() {
    let fixture = Fixture::new().await;
    for id in 1..=40 {
        fixture.instance.hook(&story(id, 1, 1, "New", Some(1.0))).await;
    }
    fixture.derive(board(1), AnnounceAt::Now).await;
    fixture.instance.hook(&story(1, 2, 0, "New", Some(1.0))).await;
    fixture.derive(board(1), AnnounceAt::Now).await;
    let total = |told: Vec<Value>| {
        told.into_iter().filter(|event| event["metric"] == "items.total").collect::<Vec<_>>()
    };
    assert_eq!(total(fixture.told("metric_changed").await), [] as [Value; 0], "40 to 39 is 2.5 percent");
    fixture.derive(board(1), AnnounceAt::Settle).await;
    let told = total(fixture.told("metric_changed").await);
    assert_eq!(
        (&told[0]["value"], &told[0]["previous"], &told[0]["reason"]),
        (&json!(39), &json!(40), &json!("settle"))
    );
    assert_eq!(fixture.derive(board(1), AnnounceAt::Settle).await, 0);
}

#[tokio::test]
async fn the_outlook_moves_together_with_the_numbers_that_it_names() {
    let fixture = Fixture::new().await;
    for id in 1..=20 {
        fixture.instance.hook(&story(id, 1, 1, "New", Some(5.0))).await;
    }
    fixture.derive(board(1), AnnounceAt::Now).await;
    let remaining = async || {
        let told = fixture.told("metric_changed").await;
        let told = told.iter().filter(|event| event["metric"] == "points.remaining");
        told.map(|event| event["value"].clone()).collect::<Vec<_>>()
    };
    let named = async || {
        let told = fixture.told("outlook_changed").await;
        told.iter().map(|event| event["outlook"]["inputs"]["remaining"].clone()).collect::<Vec<_>>()
    };
    // Far more than the tile may be off by: at once, in the tile and in the sentence.
    fixture.instance.hook(&story(1, 2, 1, "New", Some(25.0))).await;
    fixture.derive(board(1), AnnounceAt::Now).await;
    assert_eq!((remaining().await, named().await), (vec![json!(120)], vec![json!(120)]));
    // So little that both wait for the settle tick.
    fixture.instance.hook(&story(1, 3, 1, "New", Some(26.0))).await;
    fixture.derive(board(1), AnnounceAt::Now).await;
    assert_eq!((remaining().await.len(), named().await.len()), (1, 1));
    fixture.derive(board(1), AnnounceAt::Settle).await;
    assert_eq!(
        (remaining().await[1..].to_vec(), named().await[1..].to_vec()),
        (vec![json!(121)], vec![json!(121)])
    );
}

#[tokio::test]
async fn d12_what_was_said_is_kept_in_the_step_that_says_it() {
    let clock = HandClock::at(NOW_MS);
    let memory = Store::of(memory(&clock));
    let faults = FaultyJournal::over(&memory);
    let store = faults.in_front_of(memory);
    let (journal, instance) = (&store.journal, TestInstance::over(&store, clock.clock()).await);
    instance.learn(catalogue()).await;
    instance.settled().await;
    let begin = instance.instance.fold.position().unwrap();
    instance.deriver.derive(board(1), AnnounceAt::Now).await.unwrap();
    for (rev, fault) in [(1, Fault::FailBefore), (2, Fault::FailAfter)] {
        instance.hook(&story(1, rev, 1, "New", Some(f64::from(rev) * 5.0))).await;
        instance.settled().await;
        faults.plan([fault]);
        instance.deriver.derive(board(1), AnnounceAt::Now).await.unwrap_err();
        instance.settled().await;
        // Whether the failed attempt ran or not, the next one finds out.
        instance.deriver.derive(board(1), AnnounceAt::Now).await.unwrap();
        instance.settled().await;
    }
    let told: Vec<(Value, Value)> = events(journal, begin)
        .await
        .into_iter()
        .filter(|(_, event)| event["metric"] == "points.total")
        .map(|(_, event)| (event["previous"].clone(), event["value"].clone()))
        .collect();
    assert_eq!(told, [(json!(0), json!(5)), (json!(5), json!(10))]);
}

#[tokio::test]
async fn d13_d14_what_is_said_is_said_of_one_board_and_its_sprint() {
    let fixture = Fixture::new().await;
    for id in 1..=10 {
        fixture.instance.hook(&story(id, 1, 1, "New", Some(1.0))).await;
    }
    fixture.instance.hook(&story(11, 1, 2, "New", Some(1.0))).await;
    fixture.derive(board(1), AnnounceAt::Now).await;
    // Monday: the next sprint begins with one item, which is no fall by ninety percent.
    fixture.clock.set(NOW_MS + 5 * 86_400_000);
    assert_eq!(fixture.instance.deriver.teams.roll_over().await, Ok(1));
    fixture.derive(board(2), AnnounceAt::Now).await;
    assert_eq!(fixture.told("metric_changed").await, [] as [Value; 0]);
    let changed = fixture.told("sprint_changed").await;
    assert_eq!((&changed[0]["from"], &changed[0]["to"]), (&json!(sprint(1)), &json!(sprint(2))));
    assert_eq!(
        (&changed[0]["startDate"], &changed[0]["finishDate"]),
        (&json!("2026-11-30"), &json!("2026-12-11"))
    );
    assert_eq!(fixture.instance.deriver.teams.roll_over().await, Ok(0), "once");
    let records = fixture.store.journal.load().await.unwrap().records;
    let said: Vec<String> =
        records.iter().map(|(key, _)| key.to_string()).filter(|key| key.ends_with("/items.total")).collect();
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|key| !key.contains(['\\', '#', '?'])), "{said:?}");
}

#[tokio::test]
async fn i4_i6_k6_a_move_makes_the_keys_of_both_sprints_stale_after_the_items() {
    let fixture = Fixture::new().await;
    fixture.instance.hook(&story(1, 1, 1, "New", Some(5.0))).await;
    fixture.instance.hook(&story(2, 1, 2, "New", Some(5.0))).await;
    for number in [1, 2] {
        fixture.derive(board(number), AnnounceAt::Now).await;
    }
    assert_eq!(
        fixture.told("cache_invalidated").await,
        [] as [Value; 0],
        "first values are recorded silently"
    );
    fixture.instance.hook(&story(1, 2, 2, "New", Some(5.0))).await;
    fixture.instance.hook(&story(2, 2, 2, "Active", Some(5.0))).await;
    for number in [1, 2] {
        fixture.derive(board(number), AnnounceAt::Now).await;
        fixture.derive(board(number), AnnounceAt::Now).await;
    }
    let told = fixture.told("cache_invalidated").await;
    assert_eq!(told.len(), 2, "once for each sprint and look, not for each item");
    for (event, number) in told.iter().zip([1, 2]) {
        let (project, sprint) = (event["projectId"].as_str().unwrap(), sprint(number));
        assert_eq!(
            event["keys"],
            json!([
                format!("workitems-{project}-{sprint}"),
                format!("sprint-{sprint}"),
                format!("kpis-{project}-{sprint}")
            ])
        );
        assert_eq!((&event["sprintId"], &event["teamId"]), (&json!(sprint), &json!(catalogue().team)));
    }
    let kinds: Vec<Value> = events(&fixture.store.journal, fixture.begin)
        .await
        .into_iter()
        .map(|(_, event)| event["type"].clone())
        .collect();
    let last = |kind: &str| kinds.iter().rposition(|told| told == kind).unwrap();
    assert!(
        last("cache_invalidated") > last("workitem_changed"),
        "after the new data is in place: {kinds:?}"
    );
}

#[tokio::test]
async fn i3_a_completion_in_a_past_sprint_makes_its_figures_stale() {
    let fixture = Fixture::new().await;
    fixture.instance.hook(&story(1, 1, 0, "Active", Some(5.0))).await;
    fixture.derive(board(0), AnnounceAt::Now).await;
    fixture.instance.hook(&story(1, 2, 0, "Closed", Some(5.0))).await;
    assert_eq!(
        fixture.derive(board(0), AnnounceAt::Now).await,
        1,
        "a past sprint's metrics are not announced"
    );
    let told = fixture.told("cache_invalidated").await;
    let keys: Vec<String> = serde_json::from_value(told[0]["keys"].clone()).unwrap();
    assert!(keys.iter().any(|key| key.starts_with("kpis-") && key.ends_with(&sprint(0).to_string())));
}

#[tokio::test]
async fn i5_two_hundred_hooks_are_two_hundred_changes_and_few_announcements() {
    let fixture = Fixture::new().await;
    fixture.derive(board(1), AnnounceAt::Now).await;
    let following = tokio::spawn(fixture.instance.deriver.clone().follow());
    for id in 1..=200 {
        fixture.instance.hook(&story(id, 1, 1, "New", Some(1.0))).await;
    }
    loop {
        fixture.instance.settled().await;
        let told = fixture.told("metric_changed").await;
        let last = told.iter().rfind(|event| event["metric"] == "items.total");
        // The last ones may stay below the threshold.
        if last.is_some_and(|event| event["value"].as_u64() >= Some(190)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    following.abort();
    assert_eq!(fixture.told("workitem_changed").await.len(), 200);
    let (stale, totals) = (
        fixture.told("cache_invalidated").await.len(),
        fixture.told("metric_changed").await.iter().filter(|event| event["metric"] == "items.total").count(),
    );
    assert!(stale < 100 && totals < 100, "{stale} and {totals}");
}

#[tokio::test]
async fn c11_what_one_instance_is_told_every_other_shows() {
    let fixture = Fixture::new().await;
    let other = TestInstance::over(&fixture.store, fixture.clock.clock()).await;
    fixture.instance.hook(&story(1, 1, 1, "Active", Some(3.0))).await;
    other.settled().await;
    assert_eq!(other.instance.fold.read().items_of(board(1)).len(), 1);
    assert_eq!(other.figures(board(1)).metrics["points.total"].value.unwrap().units(), 3.0);
}

#[tokio::test]
async fn i2_a_board_that_cannot_be_announced_keeps_none_of_the_others_back() {
    let clock = HandClock::at(NOW_MS);
    let memory = Store::of(memory(&clock));
    let faults = FaultyJournal::over(&memory);
    let store = faults.in_front_of(memory);
    let (journal, instance) = (&store.journal, TestInstance::over(&store, clock.clock()).await);
    instance.learn(catalogue()).await;
    let hooks =
        |rev| [0, 1, 2].map(|number| story(u32::from(number) + 1, rev, number, "New", Some(f64::from(rev))));
    for hook in hooks(1) {
        instance.hook(&hook).await;
    }
    instance.settled().await;
    instance.deriver.settle_once().await;
    let begin = journal.load().await.unwrap().position;
    for hook in hooks(2) {
        instance.hook(&hook).await;
    }
    instance.settled().await;
    faults.plan([Fault::FailBefore]);
    instance.deriver.settle_once().await;
    let boards = async || {
        let events = events(journal, begin).await;
        let stale = events.iter().filter(|(_, event)| event["type"] == "cache_invalidated");
        stale.map(|(_, event)| event["sprintId"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(boards().await.len(), 2, "one failed, and the others were told");
    instance.settled().await;
    instance.deriver.settle_once().await;
    assert_eq!(boards().await.len(), 3, "the next tick tells it");
}

/// A random change of one of the items of the sprint.
fn change(rng: &mut fastrand::Rng, revs: &mut BTreeMap<u32, u32>) -> Value {
    let id = rng.u32(1..=40);
    let rev = revs.entry(id).and_modify(|rev| *rev += 1).or_insert(1);
    let state = ["New", "Active", "Closed", "Removed"][rng.usize(0..4)];
    let points = [None, Some(1.0), Some(2.5), Some(8.0)][rng.usize(0..4)];
    story(id, *rev, u8::from(rng.u8(0..6) > 0), state, points)
}

/// Follows the chain of what was said of each metric through the log: each value goes on from the one before.
async fn assert_chains_are_unbroken(journal: &Arc<dyn Journal>, begin: EntryId) -> BTreeMap<String, Value> {
    let mut last = BTreeMap::<String, Value>::new();
    let (mut after, end) = (begin, journal.load().await.unwrap().position);
    while after < end {
        for entry in journal.tail(after, 1_000).await.unwrap() {
            after = entry.id;
            if let Some(json) = &entry.content.event {
                let event: Value = serde_json::from_slice(json).unwrap();
                if event["type"] == "metric_changed" {
                    let metric = event["metric"].as_str().unwrap().to_owned();
                    let before = last.insert(metric.clone(), event["value"].clone());
                    assert_eq!(before.as_ref(), Some(&event["previous"]), "{metric} at {after}");
                    let is_of_its_parts = event["reason"] == "detail";
                    assert_eq!(event["previous"] == event["value"], is_of_its_parts, "{metric} at {after}");
                    assert!(!is_of_its_parts || event["detail"].is_object(), "{event}");
                }
            }
            let said = entry.content.delta.as_ref().map(|delta| Delta::decode(delta).unwrap().announced);
            for record in said.unwrap_or_default() {
                if let Announced::Metric { metric, value: said, .. } = record.statement {
                    let value = json!(said.value());
                    let told = last.entry(metric.to_string()).or_insert_with(|| value.clone());
                    assert_eq!(*told, value, "what is kept of {metric} is what was told");
                }
            }
        }
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_three_derivers_announce_each_of_500_changes_once_however_often_one_dies() {
    let clock: Clock = boardcast::platform::clock::system();
    let hand = HandClock::at(NOW_MS);
    let retention = LogRetention { entries_max: 1_000_000, ..LogRetention::DEFAULT };
    let memory = Store::of(Arc::new(MemoryJournal::new(clock, retention)));
    let faults = FaultyJournal::over(&memory);
    let store = faults.in_front_of(memory);
    let (journal, first) = (&store.journal, TestInstance::over(&store, hand.clock()).await);
    first.learn(catalogue()).await;
    let begin = journal.load().await.unwrap().position;
    let instances = [
        first,
        TestInstance::over(&store, hand.clock()).await,
        TestInstance::over(&store, hand.clock()).await,
    ];
    let run = |instance: &TestInstance| {
        let (deriver, settling) = (instance.deriver.clone(), instance.deriver.clone());
        [tokio::spawn(deriver.follow()), tokio::spawn(settling.settle())]
    };
    let mut running: Vec<_> = instances.iter().map(run).collect();
    let mut rng = fastrand::Rng::with_seed(11);
    let mut revs = BTreeMap::new();
    for number in 0..500 {
        // Hooks go to two of the instances, and some to both at the same time.
        let payload = change(&mut rng, &mut revs);
        tokio::join!(instances[number % 2].hook(&payload), async {
            if number % 5 == 0 {
                instances[(number + 1) % 2].hook(&payload).await;
            }
        });
        if number % 3 == 0 {
            // One dies wherever it is and begins anew.
            let dies = rng.usize(0..instances.len());
            running[dies].iter().for_each(tokio::task::JoinHandle::abort);
            running[dies] = run(&instances[dies]);
        }
        if number % 7 == 0 {
            tokio::time::sleep(Duration::from_millis(rng.u64(0..12))).await;
        }
    }
    for tasks in running {
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
    for instance in &instances {
        instance.settled().await;
        instance.deriver.settle_once().await;
    }
    let said = assert_chains_are_unbroken(journal, begin).await;
    for instance in &instances {
        instance.settled().await;
        for (id, view) in instance.figures(board(1)).metrics {
            assert_eq!(said.get(id), Some(&json!(view.value)), "{id}");
        }
    }
    assert!(said.len() >= 20, "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_a_deriver_that_dies_before_or_after_its_commit_breaks_no_chain() {
    let hand = HandClock::at(NOW_MS);
    let memory = MemoryJournal::new(boardcast::platform::clock::system(), LogRetention::DEFAULT);
    let memory = Store::of(Arc::new(memory));
    let writer = TestInstance::over(&memory, hand.clock()).await;
    writer.learn(catalogue()).await;
    let begin = memory.journal.load().await.unwrap().position;
    let mut rng = fastrand::Rng::with_seed(12);
    let mut revs = BTreeMap::new();
    for round in 0..120 {
        writer.hook(&change(&mut rng, &mut revs)).await;
        // Each deriver is new, and what it does next is cut off at one of the steps.
        let faults = FaultyJournal::over(&memory);
        let dying = TestInstance::over(&faults.in_front_of(memory.clone()), hand.clock()).await;
        dying.settled().await;
        let fault = match round % 4 {
            0 => Fault::FailBefore,
            1 => Fault::FailAfter,
            2 => Fault::Delay(Duration::from_millis(5)),
            _ => Fault::Delay(Duration::ZERO),
        };
        faults.plan([fault]);
        let moment = if round % 3 == 0 { AnnounceAt::Settle } else { AnnounceAt::Now };
        let deriving = dying.deriver.derive(board(1), moment);
        let _ = tokio::time::timeout(Duration::from_millis(rng.u64(1..8)), deriving).await;
    }
    writer.settled().await;
    writer.deriver.settle_once().await;
    let said = assert_chains_are_unbroken(&memory.journal, begin).await;
    writer.settled().await;
    for (id, view) in writer.figures(board(1)).metrics {
        assert_eq!(said.get(id), Some(&json!(view.value)), "{id}");
    }
}
