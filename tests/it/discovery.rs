//! What there is in an organisation: each list is read once for all who need it, what is new appears within minutes, and
//! what bears another name is followed by its id.

use std::collections::BTreeSet;
use std::time::Duration;

use boardcast::demo::simulation::model::{Draft, Model};
use boardcast::demo::simulation::organisation::{Project, Team, guid};
use boardcast::demo::simulation::process::{ItemRank, SimulatedState};
use boardcast::domain::degradation::Failure;
use boardcast::domain::sprint::catalogue::StateCategory;
use boardcast::domain::sprint::work_item::WorkItemId;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::eventually;
use crate::support::organisation::SimulatedFailure;
use crate::support::source::{NOW_MS, Organization, boards};

/// What is asked of a project, whatever its teams.
const OF_A_PROJECT: [&str; 3] =
    ["GET wit/workitemtypes", "GET wit/workitemtypecategories", "GET wit/classificationnodes/areas"];

async fn asked_of_projects(organization: &Organization) -> Vec<u64> {
    let calls = organization.calls().await;
    OF_A_PROJECT.map(|route| calls.get(route).copied().unwrap_or_default()).to_vec()
}

/// The time since the test began.
fn passed(organization: &Organization) -> Duration {
    let now = (organization.clock.clock())().epoch_ms();
    Duration::from_millis(u64::try_from(now - NOW_MS).unwrap())
}

/// The numbers of the items on a team's board.
async fn items(app: &TestApp, team: &str) -> BTreeSet<u64> {
    let board = boards(app).await[team].clone();
    board["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

/// A story of the first team that is in progress.
async fn story(organization: &Organization, app: &TestApp) -> u32 {
    let board = boards(app).await["Web"].clone();
    let shown = board["items"].as_array().unwrap();
    let is_story = |item: &u32| {
        organization.model(|model| {
            let item = model.item(*item).unwrap();
            item.item_type.level == ItemRank::Requirement
                && item.newest().content.state.category == StateCategory::InProgress
        })
    };
    let ids = shown.iter().map(|item| u32::try_from(item["id"].as_u64().unwrap()).unwrap());
    ids.into_iter().find(is_story).unwrap()
}

#[tokio::test]
async fn o1_what_the_teams_of_a_project_share_is_read_once_for_all_of_them_and_a_day_later_again() {
    let organization = Organization::with(|model| {
        let teams = &mut model.organisation.projects[0].teams;
        for number in 0..5 {
            let id = guid(7, "team", number);
            teams.push(Team { id, name: "Another", ..teams[0].clone() });
        }
    })
    .await;
    let app = organization.app().await;
    organization.until(async || (boards(&app).await.len() >= 3).then_some(())).await;
    assert_eq!(asked_of_projects(&organization).await, [2, 2, 2], "two projects with eight teams");
    let calls = organization.calls().await;
    assert_eq!(calls.get("GET wit/workitemtypes/Bug/states"), None, "the list of types tells their states");
    assert_eq!(calls["GET work/teamsettings/iterations"], 8);
    // Sprints are read every half hour while somebody watches, and no check asks for the rest.
    let _watching = app.stream("").await;
    organization.clock.advance(Duration::from_hours(2));
    organization
        .until(async || (organization.calls_on("GET work/teamsettings/iterations").await >= 16).then_some(()))
        .await;
    assert_eq!(asked_of_projects(&organization).await, [2, 2, 2]);
    organization.clock.advance(Duration::from_hours(24));
    organization.until(async || (asked_of_projects(&organization).await == [4, 4, 4]).then_some(())).await;
}

#[tokio::test]
async fn o2_a_team_that_is_new_has_a_board_within_minutes() {
    let organization = Organization::start().await;
    let team = organization.model(|model| model.organisation.projects[0].teams.pop().unwrap());
    let app = organization.app().await;
    let _watching = app.stream("").await;
    let shown = async || boards(&app).await.into_keys().collect::<Vec<_>>();
    assert!(!shown().await.contains(&"Mobile Apps".to_owned()));
    organization.model(|model| model.organisation.projects[0].teams.push(team));
    organization.until(async || shown().await.contains(&"Mobile Apps".to_owned()).then_some(())).await;
    let passed = passed(&organization);
    assert!(passed < Duration::from_mins(20), "after {passed:?}");
}

/// What of the organisation is given another name.
type Rename = fn(&mut Project);

fn rename_area(project: &mut Project) {
    project.teams[0].area_path = "Fabrikam Fiber\\Site".into();
}

fn rename_sprints(project: &mut Project) {
    for sprint in &mut project.sprints {
        (sprint.name, sprint.path) =
            (sprint.name.replace("Sprint", "Lap"), sprint.path.replace("Sprint", "Lap").into());
    }
}

fn rename_project(project: &mut Project) {
    const NAME: &str = "Fabrikam Works";
    let renamed = |path: &str| path.replacen(project.name, NAME, 1).into();
    project.sprints.iter_mut().for_each(|sprint| sprint.path = renamed(&sprint.path));
    project.teams.iter_mut().for_each(|team| team.area_path = renamed(&team.area_path));
    (project.name, project.root) = (NAME, NAME.into());
}

#[tokio::test]
async fn o3_fault_g5_items_stay_on_their_board_when_its_area_sprint_or_project_is_renamed() {
    for (what, rename) in
        [("area", rename_area as Rename), ("sprints", rename_sprints), ("project", rename_project)]
    {
        let organization = Organization::start().await;
        let app = organization.app().await;
        let _watching = app.stream("").await;
        let before = items(&app, "Web").await;
        let item = story(&organization, &app).await;
        let path = |model: &Model| {
            let project = &model.organisation.projects[0];
            project.current_sprint(&project.teams[0], model.today()).unwrap().path.clone()
        };
        let path = organization.model(|model| {
            rename(&mut model.organisation.projects[0]);
            path(model)
        });
        let payload = organization.edit(item, |content| {
            (content.iteration_path, content.title) = (path, "Edited since".into());
        });
        app.hook(&payload).await;
        organization
            .until(async || {
                let board = boards(&app).await["Web"].clone();
                let shown = board["items"].as_array().unwrap().clone();
                shown.iter().any(|shown| shown["title"] == "Edited since").then_some(())
            })
            .await;
        assert!(passed(&organization) < Duration::from_mins(8), "{what}: {:?}", passed(&organization));
        assert_eq!(items(&app, "Web").await, before, "{what}");
        if what == "project" {
            let named = async || boards(&app).await["Web"]["project"]["name"] == "Fabrikam Works";
            organization.until(async || named().await.then_some(())).await;
            assert!(passed(&organization) < Duration::from_mins(20), "{:?}", passed(&organization));
        }
    }
}

/// The sprint that the first team is in bears that name, as do the items in it.
fn name_sprint(model: &mut Model, name: &str) {
    let today = model.today();
    let project = &mut model.organisation.projects[0];
    let current = project.current_sprint(&project.teams[0], today).unwrap().id;
    let sprint = project.sprints.iter_mut().find(|sprint| sprint.id == current).unwrap();
    let before = std::mem::replace(&mut sprint.path, format!("{}\\{name}", project.name).into());
    sprint.name = name.into();
    let path = sprint.path.clone();
    for item in model.items.values_mut() {
        for revision in [&mut item.first].into_iter().chain(&mut item.later) {
            let content = &mut revision.content;
            if content.home.0 == 0 && content.iteration_path == before {
                content.iteration_path = path.clone();
            }
        }
    }
}

/// The area of the first team bears that name.
fn name_area(model: &mut Model, name: &str) {
    model.organisation.projects[0].teams[0].area_path = format!("Fabrikam Fiber\\{name}").into();
}

#[tokio::test]
async fn o3_an_item_that_bears_a_name_from_between_two_lists_is_on_its_board_by_its_name_of_now() {
    for (what, name) in [("sprint", name_sprint as fn(&mut Model, &str)), ("area", name_area)] {
        let organization = Organization::start().await;
        let app = organization.app().await;
        let before = items(&app, "Web").await;
        let item = story(&organization, &app).await;
        // While the organisation does not answer, hooks tell of a name that is another one when it answers again. What it
        // is called at last is less than what it was called meanwhile, so no order of claims puts it right.
        organization.close().await;
        organization.model(|model| name(model, "Zebra"));
        let payload = organization.edit(item, |content| content.title = "Edited meanwhile".into());
        assert_eq!(app.hook(&payload).await.json()["outcome"], "applied");
        app.settled().await;
        assert!(!items(&app, "Web").await.contains(&u64::from(item)), "{what}: the name is known");
        organization.model(|model| name(model, "Antelope"));
        organization.reopen().await;
        let mut reader = app.stream("project=Fabrikam%20Fiber&team=Web").await;
        reader.next_of("snapshot").await;
        organization.until(async || (items(&app, "Web").await == before).then_some(())).await;
        let passed = passed(&organization);
        assert!(passed < Duration::from_mins(70), "{what}: {passed:?}");
        let board = boards(&app).await["Web"].clone();
        let shown =
            board["items"].as_array().unwrap().iter().find(|shown| shown["id"] == item).unwrap().clone();
        assert_eq!(shown["title"], "Edited meanwhile", "{what}");
        // The same hook once more does not take it away again.
        assert_eq!(app.hook(&payload).await.status, 200);
        app.settled().await;
        assert_eq!(items(&app, "Web").await, before, "{what}");
        assert_eq!(app.app.instance.vitals.items_corrected.value(), 1, "{what}");
    }
}

#[tokio::test]
async fn o3_a_state_that_a_type_did_not_have_is_looked_up_once_and_counted_by_its_category() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let _watching = app.stream("").await;
    let item = story(&organization, &app).await;
    let waiting: &SimulatedState = Box::leak(Box::new(SimulatedState {
        name: "Shown to the customer",
        category: StateCategory::Completed,
        color: "339933",
    }));
    organization.model(|model| {
        let project = &mut model.organisation.projects[0];
        let mut process = project.process.clone();
        let of = process.types.iter_mut().find(|of| of.level == ItemRank::Requirement).unwrap();
        of.states.push(waiting.clone());
        project.process = Box::leak(Box::new(process));
    });
    let completed = async || boards(&app).await["Web"]["metrics"]["items.completed"]["value"].as_u64();
    let before = completed().await.unwrap();
    app.hook(&organization.edit(item, |content| content.state = waiting)).await;
    let category = async || {
        let board = boards(&app).await["Web"].clone();
        let shown = board["items"].as_array().unwrap().clone();
        shown.iter().find(|shown| shown["id"] == item).unwrap()["stateCategory"].clone()
    };
    organization.until(async || (category().await == json!("Completed")).then_some(())).await;
    assert!(passed(&organization) < Duration::from_mins(8), "{:?}", passed(&organization));
    organization.until(async || (completed().await == Some(before + 1)).then_some(())).await;
    // A state that no list has is no reason to ask for ever.
    let asked = asked_of_projects(&organization).await;
    let odd: &SimulatedState = Box::leak(Box::new(SimulatedState { name: "Odd", ..waiting.clone() }));
    for title in ["One", "Two", "Three"] {
        let payload = organization.edit(item, |content| (content.state, content.title) = (odd, title.into()));
        app.hook(&payload).await;
        // Longer than it takes until the next look.
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    let asked_since: Vec<u64> =
        asked_of_projects(&organization).await.iter().zip(asked).map(|(now, then)| now - then).collect();
    assert_eq!(asked_since, [1, 1, 1]);
}

#[tokio::test]
async fn s13_a_board_is_not_called_equal_while_an_item_names_a_project_that_cannot_be_looked_for() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    let item = story(&organization, &app).await;
    // Nobody hears of a new name of the project: the list of projects is of before, and cannot be read again.
    *organization.way.no_feed.lock().unwrap() = Some(Failure::Server);
    organization.fail_on("GET projects", SimulatedFailure::Unavailable).await;
    organization.model(|model| rename_project(&mut model.organisation.projects[0]));
    organization.edit(item, |content| content.title = "Edited since".into());
    let changed_at = (organization.clock.clock())().epoch_ms();
    for is_listed in [false, true] {
        if is_listed {
            organization.mend().await;
        }
        for _ in 0..2 {
            organization.check_after(Duration::from_mins(8), &app).await;
        }
        let board = boards(&app).await["Web"].clone();
        let titles: Vec<&Value> =
            board["items"].as_array().unwrap().iter().map(|item| &item["title"]).collect();
        assert_eq!(titles.contains(&&json!("Edited since")), is_listed);
        assert_eq!(board["dataAsOf"].as_i64().unwrap() > changed_at, is_listed, "{}", board["dataAsOf"]);
    }
}

#[tokio::test]
async fn s13_an_item_that_is_new_in_a_project_of_another_name_is_on_its_board_before_that_is_called_equal() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    // The past is read, so that the feed alone tells what is new.
    organization.check_after(Duration::from_secs(15), &app).await;
    let (made, id) = organization.model(|model| {
        rename_project(&mut model.organisation.projects[0]);
        let project = &model.organisation.projects[0];
        let path = project.current_sprint(&project.teams[0], model.today()).unwrap().path.clone();
        let draft = Draft::new((0, 0), ItemRank::Requirement, "New here".into(), path);
        let at = model.now();
        let id = model.create(draft, at, 0).unwrap().item;
        (at.epoch_ms(), id)
    });
    for _ in 0..2 {
        organization.check_after(Duration::from_secs(70), &app).await;
        // It is known at the first check, whether the feed told it or a comparison.
        assert!(app.app.instance.fold.read().item(WorkItemId::new(id).unwrap()).is_some());
    }
    let board = boards(&app).await["Web"].clone();
    assert_eq!(board["project"]["name"], "Fabrikam Works");
    assert!(board["dataAsOf"].as_i64().unwrap() > made, "{}", board["dataAsOf"]);
    let items = board["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["title"] == "New here"), "{:?}", board["level"]);
}

#[tokio::test]
async fn s13_what_the_feed_brings_under_a_name_that_no_list_has_is_on_its_board_once_that_is_as_fresh() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    // The past is read, so that the feed alone tells what is new.
    organization.check_after(Duration::from_secs(15), &app).await;
    let item = story(&organization, &app).await;
    organization.model(|model| rename_area(&mut model.organisation.projects[0]));
    organization.edit(item, |content| content.title = "Edited since".into());
    let edited_at = (organization.clock.clock())().epoch_ms();
    organization.check_after(Duration::from_secs(70), &app).await;
    let board = boards(&app).await["Web"].clone();
    assert!(board["dataAsOf"].as_i64().unwrap() > edited_at, "{}", board["dataAsOf"]);
    let shown = board["items"].as_array().unwrap();
    assert!(shown.iter().any(|shown| shown["title"] == "Edited since"), "it is missing for its name");
}

#[tokio::test]
async fn s13_the_past_is_known_at_once_though_the_feed_brought_a_name_that_no_list_has() {
    let organization = Organization::start().await;
    let (team, item) = organization.model(|model| {
        let homes = model.items.values().filter(|item| item.newest().content.home == (0, 1));
        let item = homes.map(|item| item.id).min().unwrap();
        (model.organisation.projects[0].teams[1].id, item)
    });
    // It is in the area of a team that nobody lists, and changed since the boards began.
    organization.way.unlisted.lock().unwrap().insert(team.into());
    organization.edit(item, |content| content.title = "Edited since".into());
    let app = organization.builder().start().await;
    let is_known = async || app.app.instance.fold.read().checked().is_fed();
    eventually("the past waits for a later check", is_known).await;
}
