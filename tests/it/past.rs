//! The past that numbers look back over: how far it reaches, and that it is the same whoever tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use boardcast::domain::sprint::catalogue::Catalogue;
use boardcast::domain::time::CivilDate;
use chrono::Days;

use crate::support::app::TestApp;
use crate::support::organisation::{Answer, SimulatedFailure};
use crate::support::source::Organization;

const DAYS_OFF: &str = "GET work/teamsettings/iterations/*/teamdaysoff";

/// What is known of the teams, by their names.
fn teams(app: &TestApp) -> BTreeMap<String, Catalogue> {
    let state = app.app.instance.fold.read();
    state.teams().all().map(|team| (team.team_name.to_string(), (**team).clone())).collect()
}

/// The days off of a team by what the organisation has, from its sixth finished sprint to the next one.
fn days_off(organization: &Organization, name: &str) -> BTreeSet<CivilDate> {
    organization.model(|model| {
        let mut projects = model.organisation.projects.iter();
        let of_project = |project: &boardcast::demo::simulation::organisation::Project| {
            let team = project.teams.iter().find(|team| team.name == name)?.clone();
            Some(team.sprints.iter().map(|at| project.sprints[*at].start + Days::new(team.day_off)).collect())
        };
        projects.find_map(of_project).unwrap()
    })
}

#[tokio::test]
async fn fault_g9_days_off_of_the_last_six_sprints_are_known_and_asked_for_once_a_day() {
    let organization = Organization::start().await;
    let (missing, body) = (404, serde_json::json!({ "message": "no days", "typeKey": "NotFound" }));
    let app = organization.builder().start().await;
    let mut reader = app.stream("").await;
    let told = organization.all_until_told(&mut reader, "sync_completed").await;
    let begun = told.iter().filter(|event| event["type"] == "sprint_changed").count();
    assert!(begun <= 3, "no board is sent once more for days off of other sprints: {begun}");
    let knows = |team: &Catalogue| team.days_off_of.len() == 8;
    let is_known = || teams(&app).len() == 3 && teams(&app).values().all(knows);
    organization.until(async || is_known().then_some(())).await;
    for (name, team) in teams(&app) {
        assert_eq!(team.days_off, days_off(&organization, &name), "{name}");
    }
    let asked = organization.calls_on(DAYS_OFF).await;
    assert_eq!(asked, 3 * 8);
    // What is known of the teams is read anew, and the past stays.
    organization.check_after(Duration::from_mins(31), &app).await;
    assert_eq!(organization.calls_on(DAYS_OFF).await, asked + 3 * 2);
    assert!(is_known());
    // A day later a day off was entered late, and that of one sprint cannot be read.
    organization.model(|model| model.organisation.projects[0].teams[0].day_off = 1);
    let answer = Answer { status: missing, headers: Vec::new(), body };
    organization.clock.advance(Duration::from_hours(24));
    organization.fail_next_on(DAYS_OFF, SimulatedFailure::Instead(answer)).await;
    organization.check_after(Duration::from_mins(4), &app).await;
    let check = organization.check_after(Duration::from_mins(4), &app).await;
    assert_eq!(check.error, None);
    assert_eq!(teams(&app)["Web"].days_off, days_off(&organization, "Web"));
}
