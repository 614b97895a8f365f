//! Where a setting names teams, Azure DevOps is asked about these alone, and nothing is kept of the others' items.

use std::collections::BTreeSet;
use std::time::Duration;

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::{Event, ItemContent};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::authorise::AllowedBoards;
use boardcast::domain::sprint::work_item::WorkItemId;
use boardcast::domain::wire::event::Cause;
use serde_json::Value;

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

/// Changes an item; returns the hook that tells it.
fn change(organization: &Organization, item: u32, edit: impl FnOnce(&mut ItemContent)) -> Value {
    organization.model(|model| {
        let at = model.now();
        let change = model.change(item, Event::Updated, at, 0, edit).unwrap();
        hooks::payload(model, change).unwrap()
    })
}

fn is_kept(app: &TestApp, item: u32) -> bool {
    app.app.instance.fold.read().item(WorkItemId::new(item).unwrap()).is_some()
}

/// Compares with the organisation a minute later.
async fn check(organization: &Organization, app: &TestApp) {
    organization.clock.advance(Duration::from_mins(1));
    app.app.source.clone().unwrap().check(Cause::Timer).await;
    app.settled().await;
}

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
async fn o6_items_of_other_teams_are_kept_from_the_moment_on_at_which_they_come_to_a_served_one() {
    let organization = Organization::start().await;
    let app = serving(&organization, "Web,Clinic").await;
    are_full(&organization, &app, &["Clinic", "Web"]).await;
    // The past is read, so that the feed tells what is new.
    check(&organization, &app).await;
    let item = story_of_mobile(&organization);
    let payload = change(&organization, item, |content| content.title = "Told by a hook".into());
    assert_eq!(app.hook(&payload).await.status, 200);
    app.settled().await;
    assert!(!is_kept(&app, item), "by a hook");
    check(&organization, &app).await;
    assert!(!is_kept(&app, item), "by the feed");
    are_full(&organization, &app, &["Clinic", "Web"]).await;
    let payload = change(&organization, item, |content| content.home = (0, 0));
    assert_eq!(app.hook(&payload).await.json()["outcome"], "applied");
    app.settled().await;
    let is_on_board = async || {
        let board = boards(&app).await["Web"].clone();
        board["items"].as_array().unwrap().iter().any(|shown| shown["id"] == item)
    };
    assert!(is_on_board().await);
    // Where it goes from there nobody is shown.
    app.hook(&change(&organization, item, |content| content.home = (0, 1))).await;
    app.settled().await;
    assert!(!is_on_board().await);
    are_full(&organization, &app, &["Clinic", "Web"]).await;
}

#[tokio::test]
async fn o6_the_feed_tells_of_an_item_that_comes_to_a_served_team_with_all_that_was_before() {
    let organization = Organization::start().await;
    let app = serving(&organization, "Web").await;
    are_full(&organization, &app, &["Web"]).await;
    check(&organization, &app).await;
    let item = story_of_mobile(&organization);
    change(&organization, item, |content| content.title = "Not ours yet".into());
    check(&organization, &app).await;
    assert!(!is_kept(&app, item));
    change(&organization, item, |content| content.home = (0, 0));
    for _ in 0..2 {
        check(&organization, &app).await;
    }
    let revisions = organization.model(|model| model.item(item).unwrap().newest().rev);
    let state = app.app.instance.fold.read();
    let known = state.item(WorkItemId::new(item).unwrap()).unwrap();
    assert_eq!(known.item.present().rev, revisions);
}
