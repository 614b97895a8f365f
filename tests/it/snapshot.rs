//! `Snapshot`: boards and the directory as JSON.

use crate::support::app::TestApp;
use crate::support::hooks::{CONTOSO, FABRIKAM, updated, updated_in};
use crate::support::source::{Organization, boards};

#[tokio::test]
async fn without_a_filter_it_is_the_directory() {
    let app = TestApp::start().await;
    app.settled().await;
    assert_eq!(app.get("/api/snapshot").await.json()["scopes"], serde_json::json!([]));
    app.hook(&updated_in(FABRIKAM, 13, 1, "New")).await;
    app.hook(&updated_in(CONTOSO, 14, 1, "New")).await;
    app.settled().await;
    let directory = app.get("/api/snapshot").await.json();
    let names: Vec<_> =
        directory["scopes"].as_array().unwrap().iter().map(|row| row["project"].as_str().unwrap()).collect();
    assert_eq!(names, ["Contoso", "Fabrikam"]);
    let board = app.get(directory["scopes"][1]["url"].as_str().unwrap()).await.json();
    assert_eq!((&board["project"]["name"], &board["level"]), (&"Fabrikam".into(), &"full".into()));
}

#[tokio::test]
async fn a_board_has_an_entity_tag_and_an_age() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let path = format!("/api/snapshot?project={FABRIKAM}");
    let first = app.get(&path).await;
    let tag = first.header("etag").unwrap().to_owned();
    let age = first.header("x-boardcast-data-as-of").map(str::to_owned);
    assert_eq!(age.as_deref(), Some("1795420800663"));
    let unchanged = app.request("GET", &path, &[("if-none-match", &tag)], b"").await;
    assert_eq!((unchanged.status, unchanged.header("x-boardcast-data-as-of")), (304, age.as_deref()));
    app.hook(&updated(13, 2, "Active")).await;
    app.settled().await;
    let changed = app.request("GET", &path, &[("if-none-match", &tag)], b"").await;
    assert_eq!((changed.status, &changed.json()["items"][0]["rev"]), (200, &2.into()));
}

#[tokio::test]
async fn an_unknown_scope_and_a_malformed_position_have_clear_answers() {
    let app = TestApp::start().await;
    app.settled().await;
    let unknown = app.get("/api/snapshot?project=nobody").await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &"unknown_scope".into()));
    let malformed = app.get("/api/snapshot?at=yesterday").await;
    assert_eq!((malformed.status, &malformed.json()["error"]["code"]), (400, &"malformed_position".into()));
}

#[tokio::test]
async fn at_waits_until_the_position_is_reached() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let position = app.app.instance.fold.position().unwrap();
    let next = format!("{}-{}", position.ms + 1, 0);
    let path = format!("/api/snapshot?project={FABRIKAM}&at={next}");
    let later = async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        app.hook(&updated(13, 2, "Active")).await
    };
    let (board, _) = tokio::join!(app.get(&path), later);
    assert_eq!(board.json()["items"][0]["rev"], 2);
}

#[tokio::test]
async fn e15_a_number_is_a_picture_for_pages_that_can_show_nothing_else() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let board = boards(&app).await.remove("Web").unwrap();
    let address =
        format!("/api/snapshot?project={}&team=Web&format=svg", board["project"]["id"].as_str().unwrap());
    let path = format!("{address}&tile=points.remaining");
    let tile = app.get(&path).await;
    assert_eq!((tile.status, tile.header("content-type")), (200, Some("image/svg+xml; charset=utf-8")));
    let value = board["metrics"]["points.remaining"]["value"].to_string();
    for part in ["<svg ", &format!(">{value}<"), ">Points remaining<", ">Web · Fabrikam Fiber<", ">live · "]
    {
        assert!(tile.text().contains(part), "{part}: {}", tile.text());
    }
    let policy = tile.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !tile.text().contains("<script"), "{policy}");
    let tag = tile.header("etag").unwrap();
    assert_eq!(app.request("GET", &path, &[("if-none-match", tag)], b"").await.status, 304);
    for (question, status, words) in [
        (format!("{address}&tile=points.left"), 404, "no such metric"),
        (address.clone(), 400, "no metric is named"),
        (format!("{address}&tile=points.remaining&day=2026-11-16"), 400, "a picture is of now"),
        (
            format!("{address}&tile=points.remaining&format=png").replace("&format=svg", ""),
            400,
            "`format` is not svg",
        ),
        ("/api/snapshot?format=svg&tile=points.remaining".to_owned(), 400, "which board?"),
        (
            "/api/snapshot?format=svg&tile=points.remaining&project=Fabrikam%20Fiber".to_owned(),
            400,
            "which board?",
        ),
        ("/api/snapshot?format=svg&tile=points.remaining&team=Nobody".to_owned(), 404, "no such board"),
    ] {
        let answer = app.get(&question).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, tile.header("content-type")),
            "{question}"
        );
        assert!(answer.text().contains(&format!(">{words}<")), "{question}: {}", answer.text());
        assert!(!answer.text().contains('…'), "the remedy is cut off: {}", answer.text());
    }
}

#[tokio::test]
async fn e15_a_picture_of_what_is_simulated_says_so() {
    let organization = Organization::start().await;
    let app = organization.builder().config(|config| config.demo = true).start().await;
    let path = "/api/snapshot?team=Web&format=svg&tile=points.remaining";
    let tile = organization
        .until(async || {
            let tile = app.get(path).await;
            (tile.status == 200).then(|| tile.text().to_owned())
        })
        .await;
    assert!(tile.contains(">DEMO<"), "{tile}");
}

#[tokio::test]
async fn the_newest_change_of_a_board_says_how_it_came_here() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let board = boards(&app).await.remove("Web").unwrap();
    let item = &board["items"][0];
    let id = item["id"].as_u64().unwrap() as u32;
    let mut reader = app.stream("team=Web").await;
    organization.clock.advance(std::time::Duration::from_secs(5));
    app.hook(&organization.edit(id, |content| content.title = "Another".into())).await;
    let told = reader.next_of("workitem_changed").await;
    app.quiet().await;
    let last = boards(&app).await.remove("Web").unwrap()["lastChange"].clone();
    let (changed, received, appended) = (&told["changedAt"], &told["receivedAt"], &told["timestamp"]);
    let chain = [changed, received, appended].map(|at| at.as_i64().unwrap());
    assert!(chain.is_sorted(), "{chain:?}");
    assert_eq!(
        last,
        serde_json::json!({ "changedAt": changed, "receivedAt": received, "appendedAt": appended, "source": "webhook" })
    );
    // Whoever loads the boards later was told of none.
    let fresh = organization.app().await;
    let first = boards(&fresh).await.remove("Web").unwrap();
    assert!(first.get("lastChange").is_none_or(|last| last["source"] != "webhook"), "{first}");
}

#[tokio::test]
async fn a_board_that_hooks_alone_make_says_from_its_first_item_on_how_that_came_here() {
    let app = TestApp::start().await;
    let mut reader = app.stream("").await;
    app.hook(&updated(13, 1, "New")).await;
    let told = reader.next_of("workitem_changed").await;
    app.settled().await;
    let board = app.get(&format!("/api/snapshot?project={FABRIKAM}")).await.json();
    assert_eq!(board["lastChange"]["receivedAt"], told["receivedAt"], "{board}");
}
