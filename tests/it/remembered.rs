//! The journal is empty or away at the start, and the organisation is gone: boards are painted from what the archive
//! remembers, with its age, until something better is known.

use std::sync::Arc;
use std::time::Duration;

use boardcast::archive::{Archive, ArchivedValue};
use boardcast::demo::simulation::model::Model;
use boardcast::domain::amount::Hundredths;
use boardcast::domain::entry_id::EntryId;
use boardcast::domain::metrics::threshold::AnnouncedValue;
use boardcast::domain::owner::Owner;
use boardcast::domain::record::archived_board::About;
use boardcast::domain::record::source_check::SourceCheck;
use boardcast::domain::scope::{Audience, Scope};
use boardcast::domain::time::Timestamp;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::{Journal as _, Store};
use boardcast::write::commit::{Change, CommitBuilder};
use serde_json::{Value, json};

use crate::support::app::{DEADLINE, TestApp};
use crate::support::archive::FaultyArchive;
use crate::support::azurite::{Azurite, connection_string_at};
use crate::support::eventually;
use crate::support::faults::FaultyJournal;
use crate::support::hooks::{FABRIKAM, updated};
use crate::support::memory_archive::MemoryArchive;
use crate::support::organisation::Server;
use crate::support::process::Process;
use crate::support::redis::RedisServer;
use crate::support::team::{board, catalogue_of_today};

const WEB: &str = "/api/snapshot?project=Fabrikam&team=Web";

fn now() -> Timestamp {
    boardcast::platform::clock::system()()
}

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_epoch_ms(now().epoch_ms() - hours * 3_600_000)
}

fn value(scope: Scope, metric: &str, number: u32, as_of: Timestamp) -> ArchivedValue {
    let team = catalogue_of_today();
    let catalogue = scope.team.map(|_| &team);
    ArchivedValue {
        scope,
        metric: metric.into(),
        value: AnnouncedValue::Number(Hundredths::whole(number)),
        unit: None,
        position: EntryId { ms: 1_795_000_000_000, seq: 1 },
        epoch: "another life".into(),
        as_of,
        about: Some(About::of(scope, Some(&"Fabrikam".into()), catalogue)),
    }
}

/// An archive that remembers the board of the sprint that is under way, and the one of the sprint before.
async fn archive() -> Arc<MemoryArchive> {
    let archive = Arc::new(MemoryArchive::default());
    let values = [
        value(board(0), "points.total", 13, hours_ago(200)),
        value(board(1), "points.total", 40, hours_ago(3)),
        value(board(1), "points.completed", 8, hours_ago(2)),
        ArchivedValue { about: None, ..value(board(2), "points.total", 1, hours_ago(1)) },
    ];
    archive.save_values(&values).await.unwrap();
    archive
}

fn check_remembered(envelope: &Value, board: &Value) {
    assert_eq!(envelope["level"], "cached");
    assert_eq!(envelope["outage"]["reason"], "remembered");
    let age = now().epoch_ms() - envelope["dataAsOf"].as_i64().unwrap();
    assert!((7_000_000..7_500_000).contains(&age), "as old as what was true last: {age}");
    assert_eq!(board["metrics"]["points.total"]["value"], 40);
    assert_eq!(board["metrics"]["points.completed"]["value"], 8);
    assert_eq!((&board["items"], &board["history"]), (&json!([]), &json!("partial")));
    assert_eq!((&board["team"]["name"], &board["sprint"]["name"]), (&json!("Web"), &json!("Sprint 1")));
}

/// Waits until it answers with a board.
async fn shown(app: &TestApp) -> Value {
    eventually("no board is shown", async || app.get(WEB).await.status == 200).await;
    app.get(WEB).await.json()
}

#[tokio::test]
async fn f6_with_an_empty_journal_and_no_organisation_boards_are_what_the_archive_remembers() {
    let app = TestApp::builder().archive(archive().await).start().await;
    let answer = shown(&app).await;
    check_remembered(&answer, &answer);
    let directory = app.get("/api/snapshot").await.json();
    let row = &directory["scopes"][0];
    assert_eq!((&row["team"], &row["level"]), (&json!("Web"), &json!("cached")));
    assert_eq!(directory["scopes"].as_array().unwrap().len(), 1, "of each team the newest: {directory}");
    let health = app.get("/api/health").await.json();
    assert_eq!((&health["boards"][0]["level"], &health["level"]), (&json!("cached"), &json!("cached")));

    let mut reader = app.stream("").await;
    let connected = reader.next_of("connected").await;
    assert_eq!((&connected["level"], &connected["scopes"][0]["team"]), (&json!("cached"), &json!("Web")));
    let snapshot = reader.next_of("snapshot").await;
    check_remembered(&snapshot, &snapshot["data"]);

    // A hook puts an item on the project's own board; the team's stays as it was remembered.
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
    let snapshot = reader.next_of("snapshot").await;
    assert_eq!((&snapshot["teamId"], &snapshot["level"]), (&Value::Null, &json!("full")));
    check_remembered(&shown(&app).await, &shown(&app).await);

    // The organisation tells what the team is: the board begins.
    let teams = &app.app.deriver.teams;
    assert!(teams.learn(catalogue_of_today(), Cause::Timer).await.unwrap());
    assert_eq!(reader.next_of("sprint_changed").await["to"], board(1).sprint.unwrap().to_string());
    let snapshot = loop {
        let snapshot = reader.next_of("snapshot").await;
        if snapshot["teamId"].is_string() {
            break snapshot;
        }
    };
    assert_eq!((&snapshot["level"], &snapshot["outage"]), (&json!("full"), &Value::Null));
    assert_ne!(snapshot["data"]["metrics"]["points.total"]["value"], 40, "its numbers are its own");
}

#[tokio::test]
async fn f6_with_the_journal_away_at_the_start_boards_are_remembered_until_it_is_there() {
    let layer = Arc::new(std::sync::Mutex::new(None));
    let keep = layer.clone();
    let app = TestApp::builder().archive(archive().await).layer(move |store: Store| {
        let faulty = FaultyJournal::over(&store);
        faulty.set_down(true);
        *keep.lock().unwrap() = Some(faulty.clone());
        faulty.in_front_of(store)
    });
    let app = app.start().await;
    let journal = layer.lock().unwrap().take().unwrap();
    let mut reader = app.stream("").await;
    let connected = reader.next_of("connected").await;
    assert_eq!((&connected["level"], &connected["cursor"]), (&json!("cached"), &json!("0-0")));
    let snapshot = reader.next_with("snapshot").await;
    assert_eq!(snapshot.id(), None, "it is of no position");
    check_numbers(&snapshot.json().unwrap()["data"]);
    check_numbers(&shown(&app).await);
    let ready = app.get("/api/health/ready").await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ready")));
    let mut old_hand = app.stream_from("1795000000000-0").await;

    journal.set_down(false);
    let connected = reader.next_of("connected").await;
    assert_eq!((&connected["resumed"], &connected["gap"]), (&json!(false), &json!(false)));
    let snapshot = reader.next_with("snapshot").await;
    assert!(snapshot.id().is_some());
    check_remembered(&snapshot.json().unwrap(), &snapshot.json().unwrap()["data"]);
    // Who shows a board already is not given less in its place.
    let connected = old_hand.next_of("connected").await;
    assert_eq!((&connected["gap"], &connected["level"]), (&json!(true), &json!("cached")));
}

fn check_numbers(board: &Value) {
    assert_eq!((&board["metrics"]["points.total"]["value"], &board["items"]), (&json!(40), &json!([])));
}

#[tokio::test]
async fn f6_a_remembered_board_that_the_organisation_does_not_have_is_gone() {
    let app = TestApp::builder().archive(archive().await).start().await;
    shown(&app).await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    let checked = SourceCheck { projects: [(board(1).project, now())].into(), ..SourceCheck::default() };
    let mut commit = CommitBuilder::new();
    commit.put(Change::Checked(Box::new(checked)), None);
    app.journal.commit(commit.build(Audience::Everyone).unwrap()).await.unwrap();
    assert_eq!(reader.next_of("closing").await["reason"], "lost", "who shows it comes back to the truth");
    assert_eq!(app.get(WEB).await.status, 404);
}

#[tokio::test]
async fn f6_an_archive_that_is_away_at_the_start_is_asked_again() {
    let archive = FaultyArchive::new();
    archive.inner.save_values(&[value(board(1), "points.total", 40, hours_ago(2))]).await.unwrap();
    archive.set_down(true);
    let app = TestApp::builder().archive(archive.clone()).start().await;
    assert_eq!(app.get(WEB).await.status, 404);
    archive.set_down(false);
    check_numbers(&shown(&app).await);
}

#[tokio::test]
async fn f6_what_is_too_old_or_of_a_project_that_is_not_served_is_not_shown() {
    let archive = Arc::new(MemoryArchive::default());
    let project = Scope::project(board(1).project);
    let values = [
        value(board(1), "points.total", 40, hours_ago(31 * 24)),
        value(project, "items.total", 3, hours_ago(1)),
    ];
    archive.save_values(&values).await.unwrap();
    let app = TestApp::builder().archive(archive.clone()).start().await;
    let shown =
        async |app: &TestApp| app.get("/api/snapshot").await.json()["scopes"].as_array().unwrap().len();
    eventually("no board is shown", async || shown(&app).await > 0).await;
    let of_project = app.get(&format!("/api/snapshot?project={FABRIKAM}&team=-")).await.json();
    assert_eq!(
        (&of_project["metrics"]["items.total"]["value"], &of_project["level"]),
        (&json!(3), &json!("cached"))
    );
    assert_eq!(shown(&app).await, 1);
    let other = TestApp::builder().archive(archive).setting("BOARDCAST_PROJECTS", "Contoso").start().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(shown(&other).await, 0);
}

/// The whole of it, with the executable: a life in which the boards were known, and one in which only the tables are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_with_redis_empty_and_the_organisation_gone_the_executable_paints_boards_from_tables() {
    let model = Arc::new(std::sync::Mutex::new(Model::new(7, boardcast::platform::clock::system())));
    let organisation = Server::start(model).await.unwrap();
    let url = organisation.base_url();
    let redis = RedisServer::start(&[]);
    let azurite = Azurite::start().await;
    let (redis_url, tables) = (redis.url(), connection_string_at(azurite.port()));
    let settings = [
        ("BOARDCAST_ORGANIZATION_URL", url.as_str()),
        ("BOARDCAST_REDIS_URL", &redis_url),
        ("BOARDCAST_TABLES", &tables),
        ("BOARDCAST_SETTLE_MS", "100"),
    ];
    let began = now().epoch_ms();
    let first = Process::start(&settings).await;
    let archive = azurite.archive_of("boardcast", Owner::organization(&url, None));
    // Until every team's board was compared, and every number of it is in the tables.
    let copied = async {
        'again: loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let directory = first.get("/api/snapshot").await.json();
            let rows: Vec<Value> = directory["scopes"].as_array().cloned().unwrap_or_default();
            let rows: Vec<_> = rows.into_iter().filter(|row| row["sprintId"].is_string()).collect();
            let copied = archive.saved_values().await.unwrap_or_default();
            let mut boards = Vec::new();
            for row in rows {
                let board = first.get(row["url"].as_str().unwrap()).await.json();
                // Until it was compared with the organisation it is as old as its newest change.
                if board["dataAsOf"].as_i64() < Some(began) {
                    continue 'again;
                }
                for (metric, shown) in board["metrics"].as_object().unwrap() {
                    let known = copied.iter().find(|known| is_of(&row, known) && &*known.metric == metric);
                    if value_of(known) != shown["value"] {
                        continue 'again;
                    }
                }
                let has_items = board["items"].as_array().is_some_and(|items| !items.is_empty());
                boards.extend(has_items.then_some((row, board)));
            }
            if !boards.is_empty() {
                return boards;
            }
        }
    };
    let before = tokio::time::timeout(DEADLINE, copied).await.expect("no board was copied");
    drop(first);
    drop(organisation);
    let () = redis.command(&["FLUSHALL"]).await;
    // Now that nobody writes any more: a board may have changed between the last look at it and the end.
    let left = archive.saved_values().await.unwrap();

    let second = Process::start(&settings).await;
    for (row, before) in &before {
        let url = row["url"].as_str().unwrap();
        let left: Vec<_> = left.iter().filter(|known| is_of(row, known)).collect();
        eventually("a board is not painted", async || second.get(url).await.status == 200).await;
        let after = second.get(url).await.json();
        assert_eq!((&after["level"], &after["items"]), (&json!("cached"), &json!([])));
        let as_of = left.iter().map(|known| known.as_of.epoch_ms()).max();
        assert_eq!(after["dataAsOf"].as_i64(), as_of);
        assert_eq!((&after["team"], &after["sprint"]["name"]), (&before["team"], &before["sprint"]["name"]));
        for metric in before["metrics"].as_object().unwrap().keys() {
            let known = left.iter().find(|known| *known.metric == **metric);
            assert_eq!(after["metrics"][metric]["value"], value_of(known.copied()), "{metric}");
        }
        assert!(after["metrics"]["points.total"]["value"].is_number());
    }
}

/// Whether a value is of the board of a row of the directory.
fn is_of(row: &Value, known: &ArchivedValue) -> bool {
    let Scope { team, sprint, .. } = known.scope;
    team.is_some_and(|id| row["teamId"] == id.to_string())
        && sprint.is_some_and(|id| row["sprintId"] == id.to_string())
}

/// A value as a board shows it.
fn value_of(known: Option<&ArchivedValue>) -> Value {
    json!(known.and_then(|known| known.value.value()))
}
