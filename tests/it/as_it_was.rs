//! Boards as they once were: any day, and sprints that are over, which are frozen when nothing of them changes any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use boardcast::domain::sprint::catalogue::StateCategory;
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

/// The burndown of a board, in each of its units.
fn lines_of(board: &Value) -> impl Iterator<Item = &Value> {
    let burndown = &board["burndown"];
    std::iter::once(burndown).chain(burndown["others"].as_array().unwrap())
}

/// Every number of a board of the past can be asked, and where it came from comes to it.
async fn assert_explained(app: &TestApp, past: &str, then: &Value) {
    let metrics = then["metrics"].as_object().unwrap();
    assert!(metrics.len() > 40, "{past}");
    for (id, metric) in metrics {
        let told = app.get(&format!("{past}&explain={id}")).await.json();
        let what = |told: &Value| (told["asOf"].clone(), told["day"].clone());
        assert_eq!(
            (&told["metric"], &told["value"], &told["unit"]),
            (&json!(id), &metric["value"], &metric["unit"]),
            "{past}"
        );
        assert_eq!(what(&told), what(then), "{id} of {past}");
        for why in ["reason", "partial"] {
            assert_eq!(told[why], metric[why], "{why} of {id} of {past}");
        }
        if ["items.total", "items.completed", "points.total", "points.remaining"].contains(&&**id) {
            let counted = told["counted"].as_array().unwrap();
            let sum: f64 = counted.iter().map(|item| item["amount"].as_f64().unwrap()).sum();
            assert!(Some(sum) == told["value"].as_f64(), "{id} of {past}: {told}");
        }
    }
    for line in lines_of(then) {
        let unit = line["unit"].as_str().unwrap();
        let days = line["days"].as_array().unwrap().iter();
        let ideals =
            days.map(|day| (format!("ideal.{unit}:{}", day["date"].as_str().unwrap()), &day["ideal"]));
        for (id, value) in ideals.chain([(format!("original.{unit}"), &line["original"])]) {
            let told = app.get(&format!("{past}&explain=burndown.{id}")).await.json();
            assert_eq!(
                (&told["value"], &told["unit"], told["reason"].is_null(), &told["metric"]),
                (value, &line["unit"], !value.is_null(), &json!(format!("burndown.{id}"))),
                "{id} of {past}"
            );
        }
    }
}

#[tokio::test]
async fn every_number_of_a_past_day_and_of_a_sprint_that_is_over_can_be_asked() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let (board, address) = web(&app).await;
    let first = board["burndown"]["days"][0]["date"].as_str().unwrap();
    let sprints = board["metrics"]["velocity.completed"]["detail"]["sprints"].as_array().unwrap();
    let (last, running) = (&sprints.last().unwrap()["id"], &board["sprint"]["id"]);
    let sprint = |id: &Value| format!("{address}&sprint={}", id.as_str().unwrap());
    for past in [format!("{address}&day={first}"), sprint(last), sprint(running), address.clone()] {
        assert_explained(&app, &past, &app.get(&past).await.json()).await;
    }
    assert_refused(&app, &format!("{address}&day={first}&explain=items.many"), 404, "unknown_metric").await;
    assert_refused(&app, &format!("{address}&day=2999-01-01&explain=items.total"), 404, "no_past").await;
}

async fn assert_refused(app: &TestApp, question: &str, status: u16, code: &str) {
    let answer = app.get(question).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (status, &json!(code)), "{question}");
}

/// What was left after each change of a day can be asked as of that instant, of the sprint that the day was of.
#[tokio::test]
async fn each_number_within_a_past_day_can_be_asked_in_whatever_sprint_that_was() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let (board, address) = web(&app).await;
    let first = board["burndown"]["days"][1]["date"].as_str().unwrap();
    let last = &board["metrics"]["velocity.completed"]["detail"]["sprints"][5]["id"];
    let last = format!("sprint={}", last.as_str().unwrap());
    let mut asked = BTreeMap::new();
    for past in [format!("day={first}"), last.clone()] {
        let then = app.get(&format!("{address}&{past}")).await.json();
        let sprint = then["sprint"]["id"].as_str().unwrap();
        for line in lines_of(&then) {
            for point in line["today"].as_array().unwrap() {
                let since = point["at"].as_i64().unwrap() + 1;
                let id = format!("{}.remaining", line["unit"].as_str().unwrap());
                let question = format!("{address}&sprint={sprint}&since={since}&explain={id}");
                let told = app.get(&question).await.json();
                assert_eq!(
                    (&told["value"], &told["asOf"]),
                    (&point["remaining"], &json!(since)),
                    "{question}: {told}"
                );
                *asked.entry(past.clone()).or_insert(0) += 1;
            }
        }
    }
    assert!(asked.len() == 2 && asked.values().all(|count| *count > 3), "{asked:?}");
    assert_refused(&app, &format!("{address}&{last}&since=0"), 400, "malformed_past").await;
    assert_refused(&app, &format!("{address}&{last}&since=0&explain=items.total"), 404, "no_past").await;
    let nobodys = "sprint=00000000-0000-4000-8000-000000000001";
    assert_refused(&app, &format!("{address}&{nobodys}&since=0&explain=items.total"), 404, "no_past").await;
}

/// The numbers of the items that are counted, or left out, where a number comes from.
async fn sorted_out(app: &TestApp, address: &str, metric: &str) -> [BTreeSet<u64>; 2] {
    let told = app.get(&format!("{address}&explain={metric}")).await.json();
    ["counted", "leftOut"].map(|which| {
        let items = told[which].as_array().unwrap().iter();
        items.map(|item| item["id"].as_u64().unwrap()).collect()
    })
}

#[tokio::test]
async fn a_number_of_the_last_finished_sprint_tells_of_each_of_its_items_and_of_no_others() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let (board, address) = web(&app).await;
    let [planned, not_planned] = sorted_out(&app, &address, "velocity.planned").await;
    assert!(planned.len() > 2, "{planned:?}");
    let all: BTreeSet<u64> = planned.union(&not_planned).copied().collect();
    for metric in ["velocity.completed", "velocity.late", "velocity.incomplete", "percent.say_do"] {
        let [counted, left_out] = sorted_out(&app, &address, metric).await;
        assert!(counted.is_disjoint(&left_out), "{metric}");
        assert_eq!(counted.union(&left_out).copied().collect::<BTreeSet<_>>(), all, "{metric}");
    }
    let tasks = board["items"].as_array().unwrap().iter().filter(|item| item["backlog"] == "task");
    let tasks: BTreeSet<u64> = tasks.map(|item| item["id"].as_u64().unwrap()).collect();
    assert!(
        !tasks.is_empty() && tasks.is_disjoint(&all),
        "tasks of this sprint were no part of the last one"
    );
    // What was completed lately is counted in the mean of a day, or left out by a rule.
    let [lately, _] = sorted_out(&app, &address, "lead.p50").await;
    let [counted, left_out] = sorted_out(&app, &address, "throughput.day").await;
    assert!(lately.iter().all(|id| counted.contains(id) || left_out.contains(id)));
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
        for what in ["planned", "completed", "late", "incomplete", "say_do"] {
            let sprint = row["id"].as_str().unwrap();
            let told = app.get(&format!("{address}&sprint={sprint}&explain=review.{what}")).await.json();
            let shown = &then["review"][if what == "say_do" { "sayDo" } else { what }];
            assert_eq!((&told["value"], &told["asOf"]), (shown, &then["asOf"]), "{what}: {told}");
            assert_eq!(told["inputs"]["sprint"], row["name"]);
            if what != "say_do" {
                let counted = told["counted"].as_array().unwrap();
                let sum: f64 = counted.iter().map(|item| item["amount"].as_f64().unwrap()).sum();
                assert_eq!(Some(sum), shown.as_f64(), "{what} of {}: {told}", row["name"]);
            }
        }
        assert_eq!(value(&then, "points.completed"), row["completed"], "as it was at its end");
        assert_eq!(then["outlook"], Value::Null, "whether it will be made is no question any more");
        let capacity = then["metrics"]["hours.capacity"]["reason"].as_str().unwrap();
        assert!(capacity.ends_with("not of one that is over"), "{capacity}");
        assert_eq!(value(&then, "sprint.days_left"), 0, "what is told of its end is told of it as over");
    }
    let running =
        app.get(&format!("{address}&sprint={}", board["sprint"]["id"].as_str().unwrap())).await.json();
    assert_eq!((&running["review"], &running["metrics"]), (&Value::Null, &board["metrics"]));
    let asked =
        format!("{address}&sprint={}&explain=review.planned", board["sprint"]["id"].as_str().unwrap());
    assert_eq!(app.get(&asked).await.status, 404, "a sprint that is running has no review");
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
        (&json!(2), &settled["completed"])
    );

    // Somebody edits what was done then.
    let item =
        frozen["items"].as_array().unwrap().iter().find(|item| item["stateCategory"] == "Completed").unwrap();
    let item = u32::try_from(item["id"].as_u64().unwrap()).unwrap();
    app.hook(&organization.edit(item, |content| content.effort = Some(99.0))).await;
    app.settled().await;
    assert_eq!(app.get(&of(settled)).await.json(), frozen);
    // Where a number comes from is told by what is known now, beside what was kept.
    let explained = app.get(&format!("{}&explain=points.completed", of(settled))).await.json();
    let (kept, now) = (&explained["frozen"], explained["value"].as_f64().unwrap());
    assert_eq!(kept["value"], value(&frozen, "points.completed"));
    assert_eq!(
        (&kept["at"], &kept["definition"]),
        (&frozen["frozen"]["at"], &frozen["frozen"]["definition"])
    );
    assert_eq!(Some(now), kept["value"].as_f64(), "an estimate of later does not count");
    let unit = frozen["review"]["unit"].as_str().unwrap();
    let other = if unit == "points" { "items" } else { "points" };
    let counted = app.get(&format!("{}&explain=review.completed.{other}", of(settled))).await.json();
    assert_eq!((&counted["unit"], &counted["frozen"]["value"]), (&json!(other), &Value::Null));
    let alike = app.get(&format!("{}&explain=review.completed.{unit}", of(settled))).await.json();
    assert_eq!(alike["frozen"]["value"], frozen["review"]["completed"]);
    let reviewed = app.get(&format!("{}&explain=review.completed", of(settled))).await.json();
    assert_eq!(
        (&reviewed["frozen"]["value"], &reviewed["frozen"]["at"]),
        (&frozen["review"]["completed"], &kept["at"])
    );
    let line = &frozen["burndown"];
    let ideal = format!("ideal.{unit}:{}", line["days"][1]["date"].as_str().unwrap());
    for (id, kept) in [(ideal, &line["days"][1]["ideal"]), ("original".into(), &line["original"])] {
        let told = app.get(&format!("{}&explain=burndown.{id}", of(settled))).await.json();
        assert_eq!((&told["frozen"]["value"], kept.is_number()), (kept, true), "{id}");
    }
    // Where the archive cannot tell, nothing else is told in its place.
    archive.set_down(true);
    let away = app.get(&of(settled)).await;
    assert_eq!((away.status, &away.json()["error"]["code"]), (503, &json!("archive_away")));
    // A sprint that is running is in no archive.
    let running = format!("{address}&sprint={}", board["sprint"]["id"].as_str().unwrap());
    assert_eq!(app.get(&running).await.status, 200);
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
        (format!("{address}&day=2026-11-16&explain=item:1"), 400, "malformed_past"),
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

/// Since then, on the board at that address: kind, item, from and to of each change.
fn told_of(answer: &Value, id: u32) -> Vec<Value> {
    let changes = answer["changes"].as_array().unwrap().iter().filter(|change| change["id"] == id);
    changes.map(|change| json!([change["kind"], change["from"], change["to"]])).collect()
}

#[tokio::test]
async fn e14_what_happened_since_an_instant_is_told_with_the_numbers_then_and_now() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let (before, address) = web(&app).await;
    let item =
        before["items"].as_array().unwrap().iter().find(|item| item["stateCategory"] == "Completed").unwrap();
    let id = item["id"].as_u64().unwrap() as u32;
    organization.clock.advance(Duration::from_mins(10));
    let since = organization.model(|model| model.now());
    organization.clock.advance(Duration::from_mins(10));
    let ask = async |since: String| app.get(&format!("{address}&since={since}")).await;
    let nothing = ask(since.to_string()).await.json();
    assert_eq!(
        (&nothing["changes"], &nothing["leftOut"], nothing.get("partial")),
        (&json!([]), &json!(0), None)
    );
    let reopened = organization.edit(id, |content| {
        content.state = content.item_type.state_of(StateCategory::InProgress).unwrap_or(content.state);
    });
    app.hook(&reopened).await;
    app.quiet().await;
    let happened = ask(since.to_string()).await;
    let told = happened.json();
    let now = boards(&app).await.remove("Web").unwrap();
    assert_eq!(
        told_of(&told, id),
        [json!([
            "reopened",
            item["state"],
            now["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap()["state"]
        ])],
        "{told}"
    );
    let change = &told["changes"][0];
    assert_eq!((&change["title"], change["by"]["name"].is_string()), (&item["title"], true));
    for (metric, values) in told["metrics"].as_object().unwrap() {
        assert_eq!(values["then"], value(&before, metric), "{metric} then");
        let why = ask(format!("{}&explain={metric}", since.epoch_ms())).await.json();
        assert_eq!(
            (&why["value"], &why["unit"], &why["asOf"]),
            (&values["then"], &values["unit"], &json!(since.epoch_ms())),
            "where {metric} then came from"
        );
    }
    assert_eq!(told["metrics"]["items.completed"]["now"], value(&now, "items.completed"));
    assert_ne!(value(&now, "items.completed"), value(&before, "items.completed"));
    // In any form, and once for whoever has it.
    let dated = chrono::DateTime::from_timestamp_millis(since.epoch_ms()).unwrap();
    let zoned = dated.with_timezone(&chrono::FixedOffset::east_opt(3_600).unwrap()).to_rfc3339();
    assert_eq!(ask(zoned).await.json()["changes"], told["changes"]);
    let tag = happened.header("etag").unwrap();
    let path = format!("{address}&since={since}", since = since.epoch_ms());
    assert_eq!(app.request("GET", &path, &[("if-none-match", tag)], b"").await.status, 304);
    // What was before the past that is known is said to be unknown.
    let long_ago = ask("2001-01-01T00:00:00Z".into()).await.json();
    let known_from = long_ago["knownFrom"].as_i64().unwrap();
    assert!(
        known_from > 0 && long_ago["partial"].as_str().unwrap().starts_with("what was before 20"),
        "{long_ago}"
    );
    assert_eq!(long_ago["metrics"]["items.completed"]["then"], Value::Null);
}

#[tokio::test]
async fn e14_a_question_that_cannot_be_answered_says_how_to_put_it() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let (_, address) = web(&app).await;
    for (question, word) in [
        ("&since=yesterday", "no instant"),
        ("&since=2101-01-01T00:00:00Z", "yet to come"),
        ("&since=0&day=2026-11-16", "as it is now"),
        ("&since=0&day=2026-11-16&explain=items.total", "as it is now"),
        ("&since=0&explain=item:1", "as it is now"),
    ] {
        let answer = app.get(&format!("{address}{question}")).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"]), (400, &json!("malformed_past")), "{question}");
        assert!(error["message"].as_str().unwrap().contains(word), "{question}: {error}");
    }
    assert_eq!(app.get("/api/snapshot?since=0").await.status, 400);
    let no_team = app.get("/api/snapshot?project=Fabrikam%20Fiber&team=-&since=0").await;
    assert_eq!((no_team.status, no_team.json()["error"]["remedy"].is_string()), (404, true));
}

#[tokio::test]
async fn the_goal_of_a_sprint_is_the_first_item_that_bears_the_tag_also_on_its_past_board() {
    let organization = Organization::start().await;
    // The one tag that items of the simulated organisation bear.
    let app = organization.builder().setting("BOARDCAST_GOAL_TAG", "bLOCKED").start().await;
    organization.until(async || (boards(&app).await.len() > 2).then_some(())).await;
    let first = |board: &Value, of: &dyn Fn(&Value) -> bool| {
        let items = board["items"].as_array().unwrap().iter();
        let mut items: Vec<&Value> =
            items.filter(|item| item["stateCategory"] != "Removed" && of(item)).collect();
        items.sort_by(|one, other| one["rank"].as_f64().unwrap().total_cmp(&other["rank"].as_f64().unwrap()));
        items.first().map(|item| json!({ "id": item["id"], "title": item["title"] }))
    };
    let bears = |item: &Value| item["tags"] == json!(["Blocked"]);
    let (board, address) = web(&app).await;
    assert_eq!(board["sprint"].get("goal"), first(&board, &bears).as_ref());
    let foremost = first(&board, &|_| true).unwrap();
    let id = foremost["id"].as_u64().unwrap() as u32;
    app.hook(&organization.edit(id, |content| content.blocked = true)).await;
    app.quiet().await;
    let board = web(&app).await.0;
    assert_eq!((&board["sprint"]["goal"], first(&board, &bears)), (&foremost, Some(foremost.clone())));
    let yesterday = &board["burndown"]["days"]
        .as_array()
        .unwrap()
        .iter()
        .rfind(|day| !day["remaining"].is_null())
        .unwrap()["date"];
    let yesterday = yesterday.as_str().unwrap().parse::<chrono::NaiveDate>().unwrap().pred_opt().unwrap();
    let then = app.get(&format!("{address}&day={yesterday}")).await.json();
    let ids: Vec<&Value> = board["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| bears(item))
        .map(|item| &item["id"])
        .collect();
    assert_eq!(then["sprint"].get("goal"), first(&then, &|item| ids.contains(&&item["id"])).as_ref());
}
