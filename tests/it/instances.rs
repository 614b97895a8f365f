//! Several instances over one Redis are one: what one is told all tell, once, in one order, and whole.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boardcast::demo::simulation::item::{Event, ItemContent};
use boardcast::demo::simulation::model::Model;
use serde_json::{Value, json};

use crate::support::app::DEADLINE;
use crate::support::fleet::Fleet;
use crate::support::flow::{Flow, deliver_all};
use crate::support::organisation::Server;
use crate::support::process::Process;
use crate::support::redis::{self as redis_keys, RedisServer, fresh_organisation};
use crate::support::sse::SseReader;
use crate::support::team::story;
use crate::support::verdict::{History, judge};
use crate::support::witness::{Connection, Witness};
use crate::support::{eventually, free_port, http};

/// How often the same hook comes to all instances at the same moment.
const REPEATS: u32 = 50;

async fn fleet(count: usize) -> Fleet {
    Fleet::start(count, RedisServer::shared().port, &fresh_organisation(), None).await
}

/// How many changes of items a reader was told.
fn changes(connections: &[Connection]) -> usize {
    let events = connections.iter().flat_map(Connection::events);
    events.filter(|(_, event)| event.contains(r#""type":"workitem_changed""#)).count()
}

async fn until_changes(witnesses: &[Witness], count: usize) {
    for witness in witnesses {
        let what = format!("a reader is not told of {count} changes");
        witness.until(&what, |connections| changes(connections) >= count).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c11_e6_what_one_instance_commits_reaches_the_readers_of_all() {
    let fleet = fleet(3).await;
    let witnesses = fleet.witnesses().await;
    let mut slowest = Duration::ZERO;
    for rev in 1..=9 {
        let began = Instant::now();
        let answer = fleet.instances[rev % 3].app.hook(&story(13, rev as u32, 1, "Active", Some(5.0))).await;
        assert_eq!(answer.json()["outcome"], "applied");
        until_changes(&witnesses, rev).await;
        slowest = slowest.max(began.elapsed());
    }
    println!("the slowest of 9 changes was with all readers of 3 instances after {slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_the_same_hook_at_all_instances_at_the_same_moment_is_announced_once() {
    let fleet = fleet(3).await;
    let witnesses = fleet.witnesses().await;
    let mut book = deliver_all(&fleet.places, []).await;
    for rev in 1..=REPEATS {
        let hook = story(13, rev, 1, "Active", Some(5.0));
        let answered = deliver_all(&fleet.places, (0..3).map(|n| (n, hook.clone()))).await;
        assert!(answered.acknowledged.len() == 3 && answered.count("applied") <= 1, "{answered:?}");
        book.acknowledged.extend(answered.acknowledged);
    }
    let store = (RedisServer::shared(), fleet.organisation.as_str());
    for told in judge(store, &fleet.addresses(), &book, witnesses, History::Whole).await {
        assert_eq!(changes(&told), REPEATS as usize);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w9_two_bulk_edits_at_two_instances_at_once_lose_nothing_and_are_told_once() {
    let fleet = fleet(2).await;
    let witnesses = fleet.witnesses().await;
    let one = (1..=200).map(|id| (0, story(id, 2, 1, "Active", Some(3.0))));
    let other = (101..=300).map(|id| (1, story(id, 3, 1, "Closed", Some(8.0))));
    let began = Instant::now();
    let book = deliver_all(&fleet.places, one.chain(other)).await;
    println!(
        "400 hooks at two instances were answered in {:?}, {} of them again",
        began.elapsed(),
        book.refused
    );
    assert_eq!(book.acknowledged.len(), 400);
    let store = (RedisServer::shared(), fleet.organisation.as_str());
    let told = judge(store, &fleet.addresses(), &book, witnesses, History::Whole).await;
    // Where the later revision came first the earlier one is history, and no news.
    assert!(told.iter().all(|told| (300..=400).contains(&changes(told))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e3_a_reader_who_goes_from_instance_to_instance_has_the_same_bytes_as_one_who_stays() {
    let fleet = fleet(2).await;
    let witnesses = fleet.witnesses().await;
    let flow = Flow::begin(&fleet.places, Duration::from_millis(5));
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        witnesses[1].go_on_elsewhere();
    }
    let book = flow.end().await;
    let store = (RedisServer::shared(), fleet.organisation.as_str());
    let told = judge(store, &fleet.addresses(), &book, witnesses, History::Whole).await;
    let [stayed, went] = told.try_into().unwrap();
    assert!(went.len() > 10, "it came back {} times only", went.len() - 1);
    let all =
        |connections: &[Connection]| connections.iter().flat_map(Connection::events).collect::<Vec<_>>();
    assert!(all(&stayed) == all(&went), "the bytes differ");
    for connection in went[1..].iter().filter_map(Connection::connected) {
        assert_eq!((&connection["resumed"], &connection["gap"]), (&json!(true), &json!(false)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e3_instances_are_replaced_one_after_the_other_without_a_gap_or_a_hook_that_is_refused() {
    let mut fleet = fleet(2).await;
    let witnesses = fleet.witnesses().await;
    let flow = Flow::begin(&fleet.places, Duration::from_millis(10));
    for index in [0, 1, 0, 1] {
        tokio::time::sleep(Duration::from_millis(200)).await;
        fleet.replace(index).await;
    }
    let book = flow.end().await;
    assert_eq!((book.refused, book.unanswered), (0, 0));
    let store = (RedisServer::shared(), fleet.organisation.as_str());
    let told = judge(store, &fleet.addresses(), &book, witnesses, History::Whole).await;
    assert!(told.iter().all(|told| told.len() == 3), "each reader lost its instance twice");
    assert_eq!(told[0][0].closing().as_deref(), Some("shutdown"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_numbers_are_announced_once_by_three_instances_and_follow_from_each_other() {
    let fleet = fleet(3).await;
    let witnesses = fleet.witnesses().await;
    let flow = Flow::begin(&fleet.places, Duration::from_millis(10));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let book = flow.end().await;
    let store = (RedisServer::shared(), fleet.organisation.as_str());
    let told = judge(store, &fleet.addresses(), &book, witnesses, History::Whole).await;
    let numbers = |connections: &[Connection]| {
        let events = connections.iter().flat_map(Connection::events);
        events.filter(|(_, event)| event.contains(r#""type":"metric_changed""#)).count()
    };
    let counts: Vec<_> = told.iter().map(|told| numbers(told)).collect();
    println!("numbers that were announced: {counts:?}");
    assert!(counts[0] > 10 && counts.iter().all(|count| *count == counts[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c12_a_rolling_update_stops_the_older_instances_before_they_can_split_the_board() {
    let server = RedisServer::shared();
    let fleet = fleet(2).await;
    let witnesses = fleet.witnesses().await;
    let hook = |rev| story(13, rev, 1, "Active", Some(5.0));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let sending = async {
        let (mut rev, mut last_taken) = (0, 0);
        while !stop.load(std::sync::atomic::Ordering::SeqCst) {
            rev += 1;
            let answer = fleet.instances[rev as usize % 2].app.hook(&hook(rev)).await;
            match answer.status {
                200 => last_taken = rev,
                status => assert_eq!(status, 503),
            }
        }
        last_taken
    };
    let updating = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let schema = redis_keys::schema_key(&fleet.organisation);
        let () = server.command(&["SET", &schema, "3"]).await;
        let end = server.log(&fleet.organisation).await.last().unwrap().0;
        for instance in &fleet.instances {
            assert_eq!(instance.app.hook(&hook(100_000)).await.status, 503);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        end
    };
    let (taken, end) = tokio::join!(sending, updating);
    assert!(taken > 0);
    let log = server.log(&fleet.organisation).await;
    assert_eq!(log.last().unwrap().0, end, "nothing is committed any more");
    for witness in witnesses {
        let is_over = |connections: &[Connection]| connections[0].closing().is_some();
        witness.until("a stream goes on although a newer boardcast writes the store", is_over).await;
        let connections = witness.end().await;
        println!("the stream ended with {:?}", connections[0].closing());
        assert!(connections[0].ids().last() <= Some(end));
    }
}

/// Starts the executable as the Functions host does, on a port that is given to it.
async fn under_host(settings: &[(&str, &str)]) -> Process {
    let port = free_port().to_string();
    let mut all = vec![("FUNCTIONS_CUSTOMHANDLER_PORT", port.as_str())];
    all.extend(settings);
    Process::start(&all).await
}

/// On Flex Consumption the timer has a process of its own, which serves nobody and ends when it has answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s11_what_a_timer_in_a_process_of_its_own_finds_reaches_the_readers_of_another() {
    let model = Arc::new(Mutex::new(Model::new(7, boardcast::platform::clock::system())));
    let organisation = Server::start(model.clone()).await.unwrap();
    let redis = RedisServer::start(&[]);
    let (url, redis_url) = (organisation.base_url(), redis.url());
    let settings = [
        ("BOARDCAST_ORGANIZATION_URL", url.as_str()),
        ("BOARDCAST_REDIS_URL", &redis_url),
        // Nobody but the timer looks a second time, and it does at any hour.
        ("BOARDCAST_CHECK_MS", "86400000"),
        ("BOARDCAST_SYNC_CRON", "* * * * *"),
    ];
    let began = boardcast::platform::clock::system()().epoch_ms();
    let serving = under_host(&settings).await;
    // The first look is the serving process' own, and may be over before a reader comes.
    // It is over when nothing is asked any more.
    let (mut directory, mut asked) = (Value::Null, 0);
    eventually("the serving process does not look at the organisation", async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        directory = serving.get("/api/snapshot").await.json();
        let rows = directory["scopes"].as_array().unwrap();
        let was_asked = std::mem::replace(&mut asked, organisation.calls());
        rows.len() == 3
            && rows.iter().all(|row| row["dataAsOf"].as_i64() >= Some(began))
            && asked == was_asked
    })
    .await;
    let board = serving.get(directory["scopes"][0]["url"].as_str().unwrap()).await.json();
    let mut reader = SseReader::open(serving.address, "/api/sse/dashboard", &[]).await;
    reader.next_of("connected").await;
    let number = u32::try_from(board["items"][0]["id"].as_u64().unwrap()).unwrap();
    let change = {
        let at = boardcast::platform::clock::system()();
        let title = |content: &mut ItemContent| content.title = "Told by nobody".into();
        model.lock().unwrap().change(number, Event::Updated, at, 0, title).unwrap()
    };
    let timer = under_host(&settings).await;
    let envelope = json!({
        "Data": { "timer": { "Schedule": {}, "ScheduleStatus": null, "IsPastDue": false } },
        "Metadata": { "sys": { "MethodName": "SyncTimer" } }
    });
    let headers = [("content-type", "application/json")];
    let request = http::request("POST", "/SyncTimer", &headers, envelope.to_string().as_bytes());
    let reply = http::exchange(timer.address, &request).await.json();
    let line = reply["Logs"][0].as_str().unwrap();
    assert!(line.starts_with("compared: ") && line.contains(" 1 work items had changed"), "{line}");
    drop(timer);
    let told = reader.next_of("workitem_changed").await;
    assert_eq!((&told["workItemId"], &told["rev"]), (&json!(number), &json!(change.rev)));
    assert_eq!((&told["title"], &told["source"]), (&json!("Told by nobody"), &json!("timer")));
    let completed = reader.next_of("sync_completed").await;
    assert_eq!((&completed["source"], &completed["changed"]), (&json!("timer"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p6_each_of_two_instances_shows_both_and_what_they_add_up_to() {
    let fleet = fleet(2).await;
    let witnesses = fleet.witnesses().await;
    for (n, instance) in fleet.instances.iter().enumerate() {
        let answer = instance.app.hook(&story(13, n as u32 + 1, 1, "Active", Some(5.0))).await;
        assert_eq!(answer.json()["outcome"], "applied");
    }
    let mut ids: Vec<_> =
        fleet.instances.iter().map(|instance| instance.app.app.instance.id.to_string()).collect();
    ids.sort();
    for instance in &fleet.instances {
        let began = Instant::now();
        // Each says how it is doing every ten seconds.
        let details = loop {
            let details = instance.app.get("/api/health").await.json();
            if details["instances"].as_array().unwrap().len() == 2 {
                break details;
            }
            assert!(began.elapsed() < DEADLINE, "{}", details["instances"]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let rows = details["instances"].as_array().unwrap();
        let mut seen: Vec<_> = rows.iter().map(|row| row["instance"].as_str().unwrap().to_owned()).collect();
        assert_eq!(seen[0], *instance.app.app.instance.id, "its own comes first");
        assert_eq!((&rows[0]["hooks"]["applied"], &rows[0]["streams"]["open"]), (&json!(1), &json!(1)));
        seen.sort();
        assert_eq!(seen, ids);
        for row in rows {
            assert_eq!(row["version"], env!("CARGO_PKG_VERSION"));
            assert!(row["startedAt"].as_i64() <= row["reportedAt"].as_i64(), "{row}");
        }
        let (total, sum) = (&details["total"], |part: &str, name: &str| {
            rows.iter().map(|row| row[part][name].as_u64().unwrap()).sum::<u64>()
        });
        assert_eq!((&total["instances"], &total["panics"]), (&json!(2), &json!(0)));
        assert_eq!(total["hooks"]["applied"], sum("hooks", "applied"));
        assert_eq!(total["streams"]["opened"], sum("streams", "opened"));
        let metrics = instance.app.get("/api/health/metrics").await;
        assert!(metrics.text().lines().any(|line| line == "boardcast_instances 2"));
    }
    let key = redis_keys::key(&fleet.organisation, "instances");
    let left: i64 = RedisServer::shared().command(&["PTTL", &key]).await;
    assert!((1..=30_000).contains(&left), "{left}");
    drop(witnesses);
}
