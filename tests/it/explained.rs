//! Why an item is on a board, or is not: what is said agrees with the boards, and tells nothing of what is not served.

use std::collections::BTreeSet;

use boardcast::demo::simulation::item::ItemContent;
use boardcast::demo::simulation::process::ItemRank;
use boardcast::demo::stand_in::stand_in;
use boardcast::domain::authorise::AllowedBoards;
use boardcast::domain::degradation::Failure;
use boardcast::domain::scope::NameOrId;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::source::{Organization, boards};

const WEB: &str = "/api/snapshot?project=Fabrikam%20Fiber&team=Web";

/// A number that no item has.
const NOBODY: u32 = 4_000_000_000;

async fn explained(app: &TestApp, board: &str, item: u32) -> Value {
    let answer = app.get(&format!("{board}&explain=item:{item}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let explained = answer.json();
    assert_eq!(explained["item"], item);
    explained
}

/// An application that serves these boards, all of which were read.
async fn serving(organization: &Organization, allowed: AllowedBoards, count: usize) -> TestApp {
    let app = organization.builder().config(|config| config.allowed = allowed).start().await;
    let are_full = async || {
        let boards = boards(&app).await;
        (boards.len() >= count && boards.values().all(|board| board["level"] == "full")).then_some(())
    };
    organization.until(are_full).await;
    app.quiet().await;
    app
}

/// The numbers of items in a list of them.
fn numbers(list: &Value) -> BTreeSet<u32> {
    let number = |item: &Value| u32::try_from(item["id"].as_u64().unwrap()).unwrap();
    list.as_array().unwrap().iter().map(number).collect()
}

/// A story of the team of that index in the first project that is in its current sprint.
fn story_of(organization: &Organization, team: usize) -> u32 {
    organization.model(|model| {
        let project = &model.organisation.projects[0];
        let sprint = project.current_sprint(&project.teams[team], model.today()).unwrap().path.clone();
        let is_meant = |content: &ItemContent| content.home == (0, team) && content.iteration_path == sprint;
        let stories = model.items.values().filter(|item| item.item_type.level == ItemRank::Requirement);
        let there = stories.filter(|item| !item.newest().deleted && is_meant(&item.newest().content));
        there.map(|item| item.id).min().unwrap()
    })
}

#[tokio::test]
async fn o8_what_is_said_of_every_item_agrees_with_every_board() {
    let organization = Organization::start().await;
    let app = serving(&organization, AllowedBoards::default(), 3).await;
    let items: Vec<u32> = organization.model(|model| model.items.keys().copied().collect());
    let mut said = BTreeSet::new();
    for row in app.get("/api/snapshot").await.json()["scopes"].as_array().unwrap() {
        let url = row["url"].as_str().unwrap();
        let board = app.get(url).await.json();
        let shown = numbers(&board["items"]);
        let total = app.get(&format!("{url}&explain=items.total")).await.json();
        let counted = if row["teamId"].is_null() { BTreeSet::new() } else { numbers(&total["counted"]) };
        for item in &items {
            let explained = explained(&app, url, *item).await;
            assert_eq!(explained["onBoard"], shown.contains(item), "{explained}");
            let counts = if row["sprintId"].is_null() { Value::Null } else { counted.contains(item).into() };
            // Of what no board ever showed nothing is said.
            assert!(explained["counts"] == counts || explained["rules"] == json!([]), "{explained}");
            assert_eq!((&explained["level"], &explained["dataAsOf"]), (&board["level"], &board["dataAsOf"]));
            said.insert(explained["why"].as_str().unwrap().to_owned());
        }
    }
    assert!(said.len() > 4, "{said:?}");
}

#[tokio::test]
async fn o8_where_an_item_is_instead_is_told_with_the_way_there() {
    let organization = Organization::start().await;
    let app = serving(&organization, AllowedBoards::default(), 3).await;
    let item = story_of(&organization, 1);
    let of_web = explained(&app, WEB, item).await;
    assert_eq!(
        (&of_web["onBoard"], &of_web["why"]),
        (&json!(false), &json!("its area is none of the team's"))
    );
    let elsewhere = of_web["elsewhere"].as_array().unwrap();
    let [other] = elsewhere.as_slice() else { panic!("{of_web}") };
    assert_eq!((&other["team"], &other["project"]), (&json!("Mobile Apps"), &json!("Fabrikam Fiber")));
    let there = other["url"].as_str().unwrap();
    assert!(numbers(&app.get(there).await.json()["items"]).contains(&item));
    let on_it = explained(&app, there, item).await;
    assert_eq!((&on_it["onBoard"], &on_it["elsewhere"]), (&json!(true), &json!([])));
    // In the sprint that follows: no board of it is served.
    let (next, name) = organization.model(|model| {
        let project = &model.organisation.projects[0];
        let current = project.current_sprint(&project.teams[1], model.today()).unwrap();
        let next = project.sprint_after(&current.path).unwrap();
        (next.path.clone(), next.name.clone())
    });
    app.hook(&organization.edit(item, |content| content.iteration_path = next)).await;
    app.settled().await;
    let left = explained(&app, there, item).await;
    assert_eq!(left["why"], "is in another sprint of the team");
    let [later] = left["elsewhere"].as_array().unwrap().as_slice() else { panic!("{left}") };
    assert_eq!(
        (&later["team"], &later["sprint"], later.get("url")),
        (&json!("Mobile Apps"), &json!(name), None)
    );
}

/// All that is told of such a number, whatever it is of: that it is not known.
async fn is_like_nobody(app: &TestApp, item: u32) {
    let mut nobody = explained(app, WEB, NOBODY).await;
    assert_eq!((&nobody["onBoard"], &nobody["rules"]), (&json!(false), &json!([])), "{nobody}");
    nobody["item"] = item.into();
    assert_eq!(explained(app, WEB, item).await, nobody);
}

#[tokio::test]
async fn o8_of_teams_that_are_not_served_nothing_is_told() {
    let organization = Organization::start().await;
    let allowed = AllowedBoards::default().with_teams(["Fabrikam Fiber/Web"]).unwrap();
    let app = serving(&organization, allowed, 1).await;
    let item = story_of(&organization, 1);
    let payload = organization.edit(item, |content| content.title = "A secret title".into());
    assert_eq!(app.hook(&payload).await.status, 200);
    app.settled().await;
    let is_known = || app.app.instance.fold.read().items().any(|known| known.item.id.number() == item);
    assert!(is_known(), "nothing could be told");
    is_like_nobody(&app, item).await;
    // What readers saw leave they are told that it left, and not where it went.
    let ours = story_of(&organization, 0);
    assert_eq!(explained(&app, WEB, ours).await["onBoard"], true);
    app.hook(&organization.edit(ours, |content| content.home = (0, 1))).await;
    app.settled().await;
    let mut left = explained(&app, WEB, ours).await;
    let why = "was once one of the team's, and is now in no project or area that is served here";
    assert_eq!((&left["onBoard"], &left["why"]), (&json!(false), &json!(why)));
    let mut nobody = explained(&app, WEB, NOBODY).await;
    (left["why"], nobody["why"], nobody["item"]) = (Value::Null, Value::Null, ours.into());
    assert_eq!(left, nobody);
}

#[tokio::test]
async fn o8_of_projects_that_are_not_served_nothing_is_told() {
    let organization = Organization::start().await;
    let allowed = AllowedBoards::projects(vec![NameOrId::parse("Fabrikam Fiber").unwrap()]);
    let app = serving(&organization, allowed, 2).await;
    let item = organization.model(|model| {
        let mut items = model.items.values();
        items.find(|item| item.newest().content.home.0 == 1).unwrap().id
    });
    app.hook(&organization.edit(item, |content| content.title = "A secret title".into())).await;
    app.settled().await;
    is_like_nobody(&app, item).await;
}

#[tokio::test]
async fn o8_what_is_no_number_is_refused() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    for text in ["", "0", "-1", "x", "1.5", "4294967296", "17:18", "%00"] {
        let answer = app.get(&format!("{WEB}&explain=item:{text}")).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!("malformed_item")),
            "{text}"
        );
    }
    assert_eq!(app.get(&format!("{WEB}&explain=item")).await.status, 404, "no metric is called so");
}

#[tokio::test]
async fn o8_a_board_without_items_explains_none_and_says_why() {
    let organization = Organization::start().await;
    *organization.way.refused.lock().unwrap() = Some(Failure::Unauthorised);
    let app = organization.builder().setting("BOARDCAST_MOCK", "on").start().await;
    app.app.snapshots.set_stand_in(stand_in(organization.clock.clock()));
    let row = async || app.get("/api/snapshot").await.json()["scopes"].get(0).cloned();
    let row = organization.until(row).await;
    let url = row["url"].as_str().unwrap();
    let shown = numbers(&app.get(url).await.json()["items"]);
    let explained = explained(&app, url, *shown.first().unwrap()).await;
    assert_eq!((&explained["onBoard"], &explained["mock"]), (&Value::Null, &json!(true)));
    assert_eq!((&explained["why"], &explained["rules"]), (&json!("the board is simulated"), &json!([])));
}
