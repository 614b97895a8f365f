//! What the identity of the app finds in Azure DevOps: whether it gets in, and whether what the settings name is there.

use super::failed::{refused, remedy};
use super::{ANSWER_MAX, in_time, roles, subscriptions};
use crate::app::App;
use crate::config::{OrganizationLogin, Place};
use crate::devops::ProjectRef;
use crate::ops::finding::Finding;
use crate::sync::source::Source;

/// What stands for the GUID of a project that is not known.
const SOME_PROJECT: &str = "<project GUID>";

/// The identity step by step, and then what it is for.
pub(super) async fn organisation(app: &App, place: &Place) -> Vec<Finding> {
    let (Some(source), Some(organization)) = (&app.source, &app.config.organization) else {
        let says = "no organisation is configured: boards are built from service hooks alone";
        return vec![Finding::ok("organisation", says)];
    };
    let mut findings = vec![login(&organization.login, place)];
    findings.extend(checks(app, source, place));
    let late = |words: String| {
        let says = format!("Azure DevOps gave {words} to which projects there are");
        Finding::unknown("organisation", says, place.ask_organization())
    };
    let projects = match in_time(ANSWER_MAX, source.organisation().projects(), late).await {
        Ok(Ok(projects)) => projects,
        Ok(Err(error)) => {
            findings.push(refused(&error, SOME_PROJECT, place));
            return findings;
        }
        Err(late) => {
            findings.push(late);
            findings.push(roles::not_asked(place));
            findings.push(subscriptions::not_asked());
            return findings;
        }
    };
    findings.push(Finding::ok("identity.token", "the identity gets a token, and the organisation takes it"));
    findings.extend(boards(app, &projects, place));
    let (roles, hooks) = tokio::join!(
        roles::roles(app, source, &projects, place),
        subscriptions::subscriptions(app, source, &projects, place)
    );
    findings.extend(roles);
    findings.extend(hooks);
    findings
}

fn login(login: &OrganizationLogin, place: &Place) -> Finding {
    const CHECK: &str = "identity.login";
    match login.is_personal() {
        true => Finding::warning(
            CHECK,
            "a personal access token: it belongs to a person, and ends with the account; without it the identity of the app is \
             taken",
            place.remove("AZURE_DEVOPS_PAT"),
        ),
        false => Finding::ok(CHECK, format!("login: {}", login.name())),
    }
}

/// What of the organisation did not answer when boards were last compared, and whether that went wrong as a whole.
fn checks(app: &App, source: &Source, place: &Place) -> Vec<Finding> {
    let state = app.instance.fold.read();
    let mut findings: Vec<Finding> = Vec::new();
    for (scope, condition) in state.checked().parts.gone() {
        let Some(reason) = condition.reason() else { continue };
        let of = state.project_name(scope.project);
        let team = state.team_name(scope).map(|team| format!(", team {team}")).unwrap_or_default();
        let project = of.map_or_else(|| scope.project.to_string(), |of| of.to_string());
        let says =
            format!("project {project}{team} does not answer: {}; {}", reason.as_str(), reason.remedy());
        let remedy = remedy(reason, &scope.project.to_string(), place);
        findings.push(Finding::fault("source.gone", says, remedy));
    }
    // Another instance may be the one that compares, and of it the record tells whether the organisation answered.
    let of_whole = || state.checked().organization.reason().map(|reason| reason.as_str().to_owned());
    if let Some(error) = source.last_error().or_else(of_whole) {
        findings.push(Finding::fault(
            "source.check",
            format!("the last comparison of the boards failed: {error}"),
            place.show_log(),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("source.check", "nothing failed when boards were last compared"));
    }
    findings
}

/// The projects and teams that are to be served, and what of them could not be read.
fn boards(app: &App, projects: &[ProjectRef], place: &Place) -> Vec<Finding> {
    let mut findings = Vec::new();
    let allowed = &app.config.allowed;
    let there = projects.iter().map(|project| (project.id, &*project.name));
    let names = projects.iter().map(|project| &*project.name).collect::<Vec<_>>().join(", ");
    let served = projects.iter().filter(|project| allowed.allows_project(project.id, Some(&project.name)));
    let served = served.map(|project| &*project.name).collect::<Vec<_>>().join(",");
    for name in allowed.unknown_projects(there) {
        let says = format!(
            "BOARDCAST_PROJECTS names {name}, which there is not, or which this identity may not see; it sees {}",
            if names.is_empty() { "none" } else { &names }
        );
        let value = if served.is_empty() { "<names>" } else { &served };
        findings.push(Finding::fault("projects", says, place.set(&[("BOARDCAST_PROJECTS", value)])));
    }
    if projects.is_empty() {
        let says = "the identity sees no project";
        findings.push(Finding::fault("projects", says, place.admit(SOME_PROJECT)));
    }
    let unknown = app.source.as_ref().map(|source| source.unknown_teams()).unwrap_or_default();
    let left = allowed.named_teams().filter(|team| !unknown.iter().any(|of| of == team));
    let left = left.collect::<Vec<_>>().join(",");
    for name in &unknown {
        let value = if left.is_empty() { "<names>" } else { &left };
        findings.push(Finding::fault(
            "teams",
            format!("BOARDCAST_TEAMS names {name}, which no served project has"),
            place.set(&[("BOARDCAST_TEAMS", value)]),
        ));
    }
    let state = app.instance.fold.read();
    for team in state.teams().all().filter(|team| !team.unread.is_empty()) {
        let (name, project) = (&team.team_name, &team.project_name);
        let says = format!("of team {name} of project {project} could not be read: {:?}", team.unread);
        findings.push(Finding::warning("process", says, place.admit(&team.project.to_string())));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("projects", format!("projects and teams are there: {names}")));
    }
    findings
}
