//! Stores that fail under a flow of hooks: nothing that was acknowledged is lost, nothing is told twice, and whoever
//! missed something is told so.

use std::time::Duration;

use crate::support::outages::{self, Away, Inbox, Scene};
use crate::support::proxy::Proxy;
use crate::support::verdict::History;
use crate::support::witness::Witness;

const ONE: Duration = Duration::from_secs(1);
const THREE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_redis_that_is_unreachable_for_a_second_costs_nothing() {
    outages::of_redis(Away::Cut, ONE, Inbox::Memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_redis_that_is_unreachable_for_three_seconds_costs_nothing() {
    outages::of_redis(Away::Cut, THREE, Inbox::Tables).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_redis_that_is_killed_and_back_after_a_second_costs_nothing() {
    outages::of_redis(Away::Killed, ONE, Inbox::Memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_redis_that_is_killed_and_back_after_three_seconds_costs_nothing() {
    outages::of_redis(Away::Killed, THREE, Inbox::Tables).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_redis_that_stalls_for_three_seconds_costs_nothing() {
    outages::of_redis(Away::Stalled, THREE, Inbox::Memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w7_without_an_inbox_hooks_are_refused_while_redis_is_unreachable_and_repeated() {
    outages::of_redis(Away::Cut, ONE, Inbox::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w7_without_an_inbox_hooks_are_refused_while_redis_is_dead_and_repeated() {
    outages::of_redis(Away::Killed, THREE, Inbox::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_unreachable_are_not_noticed_by_hooks() {
    let scene = Scene::begin(Inbox::Tables).await;
    scene.tables.cut();
    tokio::time::sleep(ONE).await;
    scene.tables.restore();
    scene.recovered("tables that were away").await;
    let book = scene.end(History::Whole).await;
    assert_eq!((book.refused, book.unanswered), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w7_with_redis_and_tables_unreachable_hooks_are_refused_and_repeated() {
    let mut scene = Scene::begin(Inbox::Tables).await;
    scene.tables.cut();
    scene.redis_away(Away::Cut, ONE).await;
    scene.tables.restore();
    scene.recovered("both that were away").await;
    assert!(scene.end(History::Whole).await.refused > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e4_readers_who_come_back_while_redis_is_away_go_on_or_are_told_of_a_gap() {
    let scene = Scene::begin(Inbox::Memory).await;
    scene.fleet.lines(Proxy::cut);
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        scene.witnesses.iter().for_each(Witness::go_on_elsewhere);
    }
    scene.fleet.lines(Proxy::restore);
    scene.recovered("Redis that was away from readers").await;
    scene.end(History::Unreachable).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_a_redis_that_is_slow_is_waited_for() {
    let scene = Scene::begin(Inbox::Memory).await;
    scene.fleet.lines(|line| line.delay(Duration::from_millis(40)));
    tokio::time::sleep(ONE).await;
    scene.fleet.lines(Proxy::restore);
    scene.recovered("a line that was slow").await;
    assert_eq!(scene.end(History::Whole).await.refused, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_redis_that_was_emptied_has_everything_again_and_readers_are_told_of_the_gap() {
    let scene = Scene::begin(Inbox::Memory).await;
    let () = scene.server.command(&["FLUSHALL"]).await;
    scene.recovered("a Redis that was emptied").await;
    scene.end(History::Lost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_redis_that_was_set_back_has_everything_again_and_readers_are_told_of_the_gap() {
    let mut scene = Scene::begin(Inbox::Memory).await;
    scene.server.kill();
    let copy = scene.server.copy_of_data();
    scene.server.restart();
    scene.recovered("a Redis that was down for a moment").await;
    tokio::time::sleep(ONE).await;
    scene.server.kill();
    scene.server.put_back(&copy);
    scene.server.restart();
    scene.recovered("a Redis that was set back").await;
    scene.end(History::Lost).await;
}
