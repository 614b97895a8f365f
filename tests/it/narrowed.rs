//! Where a setting names teams, Azure DevOps is asked about these alone, and nobody is shown the items of others.

use std::collections::BTreeSet;
use std::time::Duration;

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::ItemContent;
use boardcast::demo::simulation::model::Draft;
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::authorise::AllowedBoards;
use boardcast::domain::degradation::Failure;
use boardcast::domain::sprint::work_item::WorkItemId;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::source::{Organization, boards};

/// An application that serves these teams.
async fn serving(organization: &Organization, teams: &str) -> TestApp {
    let allowed = AllowedBoards::default().with_teams(teams.split(',')).unwrap();
    organization.builder().config(|config| config.allowed = allowed).start().await
}

/// Waits until the boards of these teams are full and no others are there.
async fn are_full(organization: &Organization, app: &TestApp, teams: &[&str]) {
    let full = async || {
        let boards = boards(app).await;
        let is_full = boards.values().all(|board| board["level"] == "full");
        (is_full && boards.keys().eq(teams)).then_some(())
    };
    organization.until(full).await;
}

/// A story under way of the second team of the first project.
fn story_of_mobile(organization: &Organization) -> u32 {
    organization.model(|model| {
        let project = &model.organisation.projects[0];
        let sprint = project.current_sprint(&project.teams[1], model.today()).unwrap().path.clone();
        let is_meant = |content: &ItemContent| content.home == (0, 1) && content.iteration_path == sprint;
        let stories = model.items.values().filter(|item| item.item_type.level == ItemRank::Requirement);
        stories
            .filter(|item| !item.newest().deleted && is_meant(&item.newest().content))
            .map(|item| item.id)
            .min()
            .unwrap()
    })
}

/// How long after the last check the next one is, so that no list is due.
const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn o6_azure_devops_is_asked_about_the_teams_alone_that_are_named() {
    let organization = Organization::start().await;
    organization.keep_requests().await;
    let app = serving(&organization, "Fabrikam Fiber/web").await;
    are_full(&organization, &app, &["Web"]).await;
    let (project, team) = organization.model(|model| {
        let project = &model.organisation.projects[0];
        (project.id.to_string(), project.teams[0].id.to_string())
    });
    let mut asked = BTreeSet::new();
    for request in organization.requests().await {
        let path = request.uri.path().to_owned();
        // What is asked about a team bears its id behind that of its project.
        if let [_, _, of, about, "_apis", "work", ..] = path.split('/').collect::<Vec<_>>().as_slice() {
            asked.insert(((*of).to_owned(), (*about).to_owned()));
        }
    }
    assert_eq!(asked, [(project, team)].into());
    // Of the other project nothing is asked but which teams it has.
    assert_eq!(organization.calls_on("GET wit/classificationnodes/areas").await, 1);
}

#[tokio::test]
async fn o6_items_of_other_teams_are_shown_to_nobody_until_they_come_to_a_served_one_with_their_past() {
    let organization = Organization::start().await;
    let app = serving(&organization, "Web,Clinic").await;
    are_full(&organization, &app, &["Clinic", "Web"]).await;
    // The past is read, so that the feed tells what is new.
    organization.check_after(SOON, &app).await;
    let item = story_of_mobile(&organization);
    for title in ["Not ours", "Not ours yet"] {
        app.hook(&organization.edit(item, |content| content.title = title.into())).await;
    }
    app.settled().await;
    are_full(&organization, &app, &["Clinic", "Web"]).await;
    assert_eq!(app.get("/api/snapshot?project=Fabrikam%20Fiber&team=-").await.status, 404);
    let health = app.get("/api/health").await.json();
    assert!(health["boards"].as_array().unwrap().iter().all(|board| board["team"].is_string()), "{health}");
    let is_on_board = async || {
        let board = boards(&app).await["Web"].clone();
        board["items"].as_array().unwrap().iter().any(|shown| shown["id"] == item)
    };
    assert!(!is_on_board().await);
    let payload = organization.edit(item, |content| content.home = (0, 0));
    assert_eq!(app.hook(&payload).await.json()["outcome"], "applied");
    app.settled().await;
    assert!(is_on_board().await);
    let revisions = organization.model(|model| model.item(item).unwrap().newest().rev);
    let known = app.app.instance.fold.read().item(WorkItemId::new(item).unwrap()).unwrap();
    let last: Vec<u32> =
        known.item.revisions().map(|(rev, _)| rev).filter(|rev| *rev > revisions - 3).collect();
    assert_eq!(last, [revisions - 2, revisions - 1, revisions]);
    app.hook(&organization.edit(item, |content| content.home = (0, 1))).await;
    app.settled().await;
    assert!(!is_on_board().await);
}

#[tokio::test]
async fn o6_an_item_in_an_area_of_a_new_name_is_on_its_board() {
    let organization = Organization::start().await;
    let app = serving(&organization, "Web").await;
    let _watching = app.stream("").await;
    are_full(&organization, &app, &["Web"]).await;
    organization.check_after(SOON, &app).await;
    let item = organization.model(|model| {
        model.organisation.projects[0].teams[0].area_path = "Fabrikam Fiber\\Site".into();
        let project = &model.organisation.projects[0];
        let path = project.current_sprint(&project.teams[0], model.today()).unwrap().path.clone();
        let draft = Draft::new((0, 0), ItemRank::Requirement, "New in Site".into(), path);
        let at = model.now();
        let made = model.create(draft, at, 0).unwrap();
        hooks::payload(model, made).unwrap()
    });
    let began = (organization.clock.clock())();
    app.hook(&item).await;
    let is_shown = async || {
        let board = boards(&app).await["Web"].clone();
        let shown = board["items"].as_array().unwrap().iter().any(|item| item["title"] == "New in Site");
        shown.then_some(())
    };
    organization.until(is_shown).await;
    let passed_ms = (organization.clock.clock())().ms_since(began);
    assert!(passed_ms < 8 * 60_000, "after {passed_ms} ms");
    // An area that others have is no reason to read the lists again.
    let looks = async || {
        for _ in 0..2 {
            // Longer than it takes until the next look at what bears a name that no list has.
            tokio::time::sleep(Duration::from_millis(800)).await;
            organization.check_after(SOON, &app).await;
        }
        organization.calls_on("GET wit/classificationnodes/areas").await
    };
    let asked = looks().await;
    app.hook(&organization.edit(story_of_mobile(&organization), |content| content.title = "Other".into()))
        .await;
    assert_eq!(looks().await, asked);
}

#[tokio::test]
async fn o6_a_project_that_no_named_team_can_be_of_is_not_asked_and_a_name_that_no_team_has_is_told() {
    let organization = Organization::start().await;
    let clinic = organization.model(|model| model.organisation.projects[1].id);
    organization.way.closed_projects.lock().unwrap().insert(clinic.into(), Failure::Forbidden);
    let app = serving(&organization, "Fabrikam Fiber/Web,Fabrikam Fiber/Wbe").await;
    are_full(&organization, &app, &["Web"]).await;
    assert_eq!(organization.calls_on("GET projects/*/teams").await, 1);
    let health = app.get("/api/health").await.json();
    assert_eq!(health["source"]["unknownTeams"], json!(["Fabrikam Fiber/Wbe"]));
    let of_clinic =
        organization.model(|model| model.items.values().find(|item| item.project == 1).unwrap().id);
    let answer = app.hook(&organization.edit(of_clinic, |content| content.title = "Not ours".into())).await;
    assert_eq!(answer.json()["reason"], "foreign_project", "{}", answer.json());
}
