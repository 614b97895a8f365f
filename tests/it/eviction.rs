//! A store that drops keys of its own accord: that the items are gone is noticed and mended, and a store that may do so is
//! none to rely on.

use std::sync::Arc;
use std::time::Duration;

use boardcast::domain::degradation::Failure;
use boardcast::journal::Store;
use boardcast::journal::redis::RedisJournal;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::eventually;
use crate::support::faults::FaultyJournal;
use crate::support::hooks::updated;
use crate::support::redis::{self, RedisServer};
use crate::support::source::{Organization, boards};

/// Where the items lie.
fn items_key() -> String {
    redis::key("default", "items")
}

fn journal(server: &RedisServer) -> Arc<RedisJournal> {
    redis::journal(redis::settings(&server.url(), "default"))
}

#[tokio::test]
async fn fault_b11_items_that_vanish_are_put_back_by_who_has_them() {
    let server = RedisServer::start(&[]);
    let [one, two] = [journal(&server), journal(&server)];
    let app = TestApp::builder().layer(move |_| Store::of(one.clone())).start().await;
    let other = TestApp::builder().layer(move |_| Store::of(two.clone())).start().await;
    for id in [13, 14] {
        assert_eq!(app.hook(&updated(id, 1, "New")).await.status, 200);
    }
    app.quiet().await;
    let mut reader = other.stream("").await;
    reader.next_of("snapshot").await;
    let () = server.command(&["DEL", &items_key()]).await;
    // A hook that comes before anybody noticed begins no new hash with its item alone.
    let _ = app.hook(&updated(13, 2, "Active")).await;
    eventually("the items are not put back", async || {
        server.command::<bool>(&["HEXISTS", &items_key(), "14"]).await
    })
    .await;
    assert_eq!(reader.next_of("closing").await["reason"], "lost");
    eventually("no hook is taken", async || app.hook(&updated(13, 2, "Active")).await.status == 200).await;
    for app in [&app, &other] {
        eventually("a board is not whole", async || {
            let board = app.get("/api/snapshot?project=fabrikam&team=-").await.json();
            let revs =
                board["items"].as_array().map(|items| items.iter().map(|item| item["rev"].clone()).collect());
            (board["level"] == "full").then_some(revs).flatten() == Some(vec![json!(2), json!(1)])
        })
        .await;
    }
}

#[tokio::test]
async fn fault_b11_who_starts_on_a_journal_without_its_items_claims_nothing_until_it_has_compared() {
    let server = RedisServer::start(&[]);
    let organization = Organization::start().await;
    let start = async || {
        let store = Store::of(journal(&server));
        let faults = FaultyJournal::over(&store);
        let store = faults.in_front_of(store);
        let builder = organization.builder();
        (builder.layer(move |_| store.clone()).start().await, faults)
    };
    let full = async |app: &TestApp| {
        let boards = boards(app).await;
        (boards.len() == 3 && boards.values().all(|board| board["level"] == "full")).then_some(boards)
    };
    let (first, way_of_the_first) = start().await;
    let before = organization.until(async || full(&first).await).await;
    // From here on it is as good as dead.
    way_of_the_first.set_down(true);
    let () = server.command(&["DEL", &items_key()]).await;
    *organization.way.refused.lock().unwrap() = Some(Failure::Server);
    let (second, _) = start().await;
    eventually("nothing is loaded", async || second.app.instance.fold.position().is_some()).await;
    for (team, board) in boards(&second).await {
        assert_eq!((&board["level"], &board["items"]), (&json!("none"), &json!([])), "{team}");
    }
    assert_eq!(second.get("/api/health/ready").await.status, 503, "there is nothing to show");
    *organization.way.refused.lock().unwrap() = None;
    let after = organization.until(async || full(&second).await).await;
    for (team, board) in &before {
        assert_eq!(after[team]["items"], board["items"], "{team}");
    }
    assert_eq!(second.get("/api/health/ready").await.status, 200);
}

#[tokio::test]
async fn fault_b11_a_redis_that_may_drop_any_key_is_not_ready() {
    let server = RedisServer::start(&[]);
    let journal = journal(&server);
    let app = TestApp::builder().layer(move |_| Store::of(journal.clone())).start().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.status, 200);
    app.quiet().await;
    let ready = async || app.get("/api/health/ready").await;
    assert_eq!(ready().await.status, 200);
    let policy = async |policy: &str| {
        let () = server.command(&["CONFIG", "SET", "maxmemory-policy", policy]).await;
    };
    policy("allkeys-lru").await;
    eventually("it is ready", async || ready().await.status == 503).await;
    let told = ready().await.json()["journal"].as_str().unwrap().to_owned();
    assert!(told.contains("allkeys-lru") && told.contains("maxmemory-policy noeviction"), "{told}");
    let board = app.get("/api/snapshot?project=fabrikam&team=-").await.json();
    assert_eq!(board["level"], "full", "nothing is lost yet, and what is shown is true");
    assert_eq!(app.hook(&updated(13, 2, "Active")).await.status, 200);
    policy("volatile-lru").await;
    eventually("it is not ready", async || ready().await.status == 200).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(ready().await.status, 200, "what has an expiry can be had again");
}
