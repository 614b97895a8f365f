//! Boards as they once were: any day, and sprints that are over, which are frozen when nothing of them changes any more.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::archive::FaultyArchive;
use crate::support::source::{Organization, boards};

/// A board with an estimated burndown, and the address of its past.
async fn web(app: &TestApp) -> (Value, String) {
    let board = boards(app).await.remove("Web").unwrap();
    let id = |what: &str| board[what]["id"].as_str().unwrap().to_owned();
    let address = format!("/api/snapshot?project={}&team={}", id("project"), id("team"));
    (board, address)
}

fn value(board: &Value, metric: &str) -> Value {
    board["metrics"][metric]["value"].clone()
}

#[tokio::test]
async fn a_day_that_is_over_is_the_burndowns_row_with_all_numbers_and_items() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let (board, address) = web(&app).await;
    let days = board["burndown"]["days"].as_array().unwrap();
    let over: Vec<&Value> = days.iter().filter(|day| !day["remaining"].is_null()).collect();
    assert!(over.len() > 2, "{over:?}");
    for day in &over[..over.len() - 1] {
        let date = day["date"].as_str().unwrap();
        let then = app.get(&format!("{address}&day={date}")).await.json();
        let unit = board["burndown"]["unit"].as_str().unwrap();
        for what in ["remaining", "completed"] {
            assert_eq!(value(&then, &format!("{unit}.{what}")), day[what], "{what} on {date}");
        }
        assert_lines(&board, &then, date);
        assert_eq!((&then["day"], &then["sprint"]["id"]), (&json!(date), &board["sprint"]["id"]));
        let items = then["items"].as_array().unwrap();
        let as_of = then["asOf"].as_i64().unwrap();
        assert!(!items.is_empty(), "{date}");
        assert!(items.iter().all(|item| item["changedAt"].as_i64().unwrap() <= as_of));
        assert_eq!(then["sprint"]["state"], "current");
    }
    let today = over.last().unwrap()["date"].as_str().unwrap();
    let now = app.get(&format!("{address}&day={today}")).await.json();
    assert_eq!(now["metrics"], board["metrics"], "today is the board as it is");
}

/// What the lines in other units say of a day is what the numbers were then, and the board of then has the same lines up to it.
fn assert_lines(board: &Value, then: &Value, date: &str) {
    let units = |board: &Value| {
        let others = board["burndown"]["others"].as_array().unwrap().iter();
        others.map(|line| line["unit"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((units(board), units(then)), (vec!["items".into(), "hours".into()], units(board)), "{date}");
    for (now, before) in board["burndown"]["others"].as_array().unwrap().iter().zip(0..) {
        let rows = |line: &Value| {
            let days = line["days"].as_array().unwrap();
            let until = days.iter().position(|day| day["date"] == date).unwrap();
            days[..=until].iter().map(|day| json!([day["remaining"], day["completed"]])).collect::<Vec<_>>()
        };
        let unit = now["unit"].as_str().unwrap();
        let told = rows(now);
        assert_eq!(rows(&then["burndown"]["others"][before]), told, "{unit} until {date}");
        assert_eq!(told.last().unwrap()[0], value(then, &format!("{unit}.remaining")), "{unit} on {date}");
    }
}

#[tokio::test]
async fn a_sprint_that_is_over_has_its_review_and_is_told_as_it_was_at_its_end() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let (board, address) = web(&app).await;
    let rows = board["metrics"]["velocity.completed"]["detail"]["sprints"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 6, "{rows:?}");
    for row in &rows {
        let then = app.get(&format!("{address}&sprint={}", row["id"].as_str().unwrap())).await.json();
        assert_eq!(then["sprint"]["name"], row["name"]);
        for what in ["planned", "completed", "late", "incomplete"] {
            assert_eq!(then["review"][what], row[what], "{what} of {}", row["name"]);
        }
        assert_eq!((&then["review"]["unknownItems"], &then["frozen"]), (&json!(0), &Value::Null));
        assert_eq!(value(&then, "points.completed"), row["completed"], "as it was at its end");
        assert_eq!(
            value(&then, "sprint.days_left"),
            1,
            "its last day is not over a millisecond before it ends"
        );
    }
    let running =
        app.get(&format!("{address}&sprint={}", board["sprint"]["id"].as_str().unwrap())).await.json();
    assert_eq!((&running["review"], &running["metrics"]), (&Value::Null, &board["metrics"]));
}

#[tokio::test]
async fn a_settled_sprint_is_frozen_once_and_never_computed_anew() {
    let organization = Organization::start().await;
    let archive = FaultyArchive::new();
    let app = organization.builder().archive(archive.clone()).start().await;
    organization
        .until(async || (app.app.instance.fold.read().checked().projects.len() == 2).then_some(()))
        .await;
    app.settled().await;
    let (board, address) = web(&app).await;
    let rows = board["metrics"]["velocity.completed"]["detail"]["sprints"].as_array().unwrap().clone();
    let of = |row: &Value| format!("{address}&sprint={}", row["id"].as_str().unwrap());
    archive.set_down(true);
    assert!(app.app.finished.freeze().await.is_err());
    archive.set_down(false);
    assert!(app.app.finished.freeze().await.unwrap() > 0);
    assert_eq!(app.app.finished.freeze().await, Ok(0), "once");
    // The last one may still be completed late, and the one before it is over for good.
    let (settled, last) = (&rows[4], &rows[5]);
    assert_eq!(app.get(&of(last)).await.json()["frozen"], Value::Null);
    let frozen = app.get(&of(settled)).await.json();
    assert_eq!(
        (&frozen["frozen"]["definition"], &frozen["review"]["completed"]),
        (&json!(1), &settled["completed"])
    );

    // Somebody edits what was done then.
    let item =
        frozen["items"].as_array().unwrap().iter().find(|item| item["stateCategory"] == "Completed").unwrap();
    let item = u32::try_from(item["id"].as_u64().unwrap()).unwrap();
    app.hook(&organization.edit(item, |content| content.effort = Some(99.0))).await;
    app.settled().await;
    assert_eq!(app.get(&of(settled)).await.json(), frozen);
    // Where the archive cannot tell, nothing else is told in its place.
    archive.set_down(true);
    let away = app.get(&of(settled)).await;
    assert_eq!((away.status, &away.json()["error"]["code"]), (503, &json!("archive_away")));
}

#[tokio::test]
async fn what_is_no_past_is_refused_with_a_remedy() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let (board, address) = web(&app).await;
    let sprint = board["sprint"]["id"].as_str().unwrap();
    let (other, project) = ("00000000-0000-4000-8000-000000000001", board["project"]["id"].as_str().unwrap());
    for (query, status, code) in [
        (format!("{address}&day=yesterday"), 400, "malformed_past"),
        (format!("{address}&day=2026-02-30"), 400, "malformed_past"),
        (format!("{address}&sprint=12"), 400, "malformed_past"),
        (format!("{address}&sprint={sprint}&day=2026-11-16"), 400, "malformed_past"),
        ("/api/snapshot?day=2026-11-16".to_owned(), 400, "malformed_past"),
        (format!("/api/snapshot?project={project}&day=2026-11-16"), 400, "malformed_past"),
        (format!("{address}&day=2026-11-16&explain=points.total"), 400, "malformed_past"),
        (format!("{address}&day=2001-01-01"), 404, "no_past"),
        (format!("{address}&day=2999-01-01"), 404, "no_past"),
        (format!("{address}&sprint={other}"), 404, "no_past"),
    ] {
        let answer = app.get(&query).await;
        assert_eq!(answer.status, status, "{query}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], code, "{query}");
        assert!(!error["remedy"].as_str().unwrap().is_empty());
    }
}
