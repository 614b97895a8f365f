//! What the identity of the app finds in Azure DevOps: whether it gets in, what it sees, and whether hooks arrive.

use std::collections::BTreeSet;

use super::{PART_MAX, TEST_POLL};
use crate::app::App;
use crate::config::OrganizationLogin;
use crate::devops::subscriptions::GRANT_COMMAND;
use crate::devops::{CallError, ProjectRef};
use crate::domain::degradation::Failure;
use crate::domain::subscription::plan::{self, HookStep};
use crate::domain::subscription::{HookEvent, SubscriptionStatus, WantedHook};
use crate::ops::finding::{Finding, remove_setting, set_setting};
use crate::sync::source::Source;
use crate::sync::subscriptions::HookKeeper;

/// The identity step by step, and then what it is for.
pub(super) async fn organisation(app: &App) -> Vec<Finding> {
    let (Some(source), Some(organization)) = (&app.source, &app.config.organization) else {
        let says = "no organisation is configured: boards are built from service hooks alone";
        return vec![Finding::ok("organisation", says)];
    };
    let login = &organization.login;
    let mut findings = vec![if login.is_personal() {
        Finding::warning(
            "identity.login",
            "a personal access token: it belongs to a person, and ends with the account",
            format!(
                "{}; and set AZURE_CLIENT_ID for a user-assigned identity",
                remove_setting("AZURE_DEVOPS_PAT")
            ),
        )
    } else {
        Finding::ok("identity.login", format!("login: {}", login.name()))
    }];
    findings.extend(checks(app, source));
    let projects = match source.organisation().projects().await {
        Ok(projects) => projects,
        Err(error) => {
            findings.push(no_organisation(&error, login));
            return findings;
        }
    };
    findings.push(Finding::ok("identity.token", "the identity gets a token, and the organisation takes it"));
    findings.extend(boards(app, &projects));
    match source.hook_keeper() {
        Some(keeper) => findings.extend(hooks(app, keeper, &projects, login).await),
        None => findings.push(Finding::unknown(
            "hooks",
            "nobody is told to look after subscriptions",
            set_setting("BOARDCAST_PUBLIC_URL", "https://<app>.azurewebsites.net"),
        )),
    }
    findings
}

/// Why the organisation does not answer: no token, a token that it does not take, or something on the way.
fn no_organisation(error: &CallError, login: &OrganizationLogin) -> Finding {
    let says = error.to_string();
    match (error.failure, error.status) {
        (Failure::Unauthorised, None) => Finding::fault(
            "identity.token",
            says,
            "az functionapp identity show --resource-group <group> --name <app>; for a user-assigned identity set AZURE_CLIENT_ID: \
             az functionapp config appsettings set --resource-group <group> --name <app> --settings AZURE_CLIENT_ID=<client ID>",
        ),
        (Failure::Unauthorised, Some(_)) if login.is_personal() => Finding::fault(
            "identity.organisation",
            says,
            set_setting("AZURE_DEVOPS_PAT", "<a new token for this organisation>"),
        ),
        (Failure::Unauthorised | Failure::Forbidden, _) => Finding::fault(
            "identity.organisation",
            says,
            "az rest --method post --resource 499b84ac-1321-427f-aa17-267ca6975798 --url \
             'https://vsaex.dev.azure.com/<organisation>/_apis/serviceprincipalentitlements?api-version=7.1-preview.1' --body \
             '{\"accessLevel\":{\"accountLicenseType\":\"express\"},\"servicePrincipal\":{\"origin\":\"aad\",\"originId\":\"<object \
             ID>\",\"subjectKind\":\"servicePrincipal\"}}'",
        ),
        _ => Finding::fault(
            "organisation",
            says,
            "curl -sS -m 10 -o /dev/null -w '%{http_code}\\n' $BOARDCAST_ORGANIZATION_URL/_apis/projects",
        ),
    }
}

/// What of the organisation did not answer when boards were last compared, and whether that went wrong as a whole.
fn checks(app: &App, source: &Source) -> Vec<Finding> {
    let state = app.instance.fold.read();
    let mut findings: Vec<Finding> = Vec::new();
    for (scope, condition) in state.checked().parts.gone() {
        let Some(reason) = condition.reason() else { continue };
        let of = state.project_name(scope.project);
        let team = state.team_name(scope).map(|team| format!(", team {team}")).unwrap_or_default();
        let project = of.map_or_else(|| scope.project.to_string(), |of| of.to_string());
        let says = format!("project {project}{team} does not answer: {}", reason.as_str());
        findings.push(Finding::fault("source.gone", says, reason.remedy()));
    }
    // Another instance may be the one that compares, and of it the record tells whether the organisation answered.
    let of_whole = || state.checked().organization.reason().map(|reason| reason.as_str().to_owned());
    if let Some(error) = source.last_error().or_else(of_whole) {
        findings.push(Finding::fault(
            "source.check",
            format!("the last comparison of the boards failed: {error}"),
            "az functionapp log tail --resource-group <group> --name <app>",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("source.check", "nothing failed when boards were last compared"));
    }
    findings
}

/// The projects and teams that are to be served, and what of them could not be read.
fn boards(app: &App, projects: &[ProjectRef]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let there = projects.iter().map(|project| (project.id, &*project.name));
    let names = || projects.iter().map(|project| &*project.name).collect::<Vec<_>>().join(", ");
    for name in app.config.allowed.unknown_projects(there) {
        findings.push(Finding::fault(
            "projects",
            format!("BOARDCAST_PROJECTS names {name}, which there is not, or which this identity may not see; it sees {}", names()),
            set_setting("BOARDCAST_PROJECTS", "<names>"),
        ));
    }
    if projects.is_empty() {
        findings.push(Finding::fault(
            "projects",
            "the identity sees no project",
            "az devops security group membership add --group-id <descriptor of the project's Readers> --member-id <object ID>",
        ));
    }
    let unknown_teams = app.source.as_ref().map(|source| source.unknown_teams()).unwrap_or_default();
    for name in unknown_teams {
        findings.push(Finding::fault(
            "teams",
            format!("BOARDCAST_TEAMS names {name}, which no served project has"),
            set_setting("BOARDCAST_TEAMS", "<names>"),
        ));
    }
    let state = app.instance.fold.read();
    for team in state.teams().all().filter(|team| !team.unread.is_empty()) {
        findings.push(Finding::warning(
            "process",
            format!(
                "of team {} of project {} could not be read: {:?}",
                team.team_name, team.project_name, team.unread
            ),
            "az devops user update --user <object ID> --license-type express",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("projects", format!("projects and teams are there: {}", names())));
    }
    findings
}

/// Why subscriptions are not listed: who asks lacks a permission or is not known, or something is on the way.
fn no_hooks(error: &CallError, login: &OrganizationLogin) -> Finding {
    match error.failure {
        Failure::Forbidden => Finding::fault("hooks.permission", error.to_string(), GRANT_COMMAND),
        Failure::Unauthorised => no_organisation(error, login),
        _ => Finding::fault(
            "hooks.list",
            error.to_string(),
            "curl -sS -m 10 -o /dev/null -w '%{http_code}\\n' $BOARDCAST_ORGANIZATION_URL/_apis/hooks/subscriptions; where it \
             asks to wait, or fails, try again later: https://status.dev.azure.com",
        ),
    }
}

/// The subscriptions, and whether a notification arrives.
async fn hooks(
    app: &App,
    keeper: &HookKeeper,
    projects: &[ProjectRef],
    login: &OrganizationLogin,
) -> Vec<Finding> {
    const REPAIR: &str = "boardcast hooks repair";
    let allowed = &app.config.allowed;
    let served = projects.iter().filter(|project| allowed.allows_project(project.id, Some(&project.name)));
    let served: BTreeSet<_> = served.map(|project| project.id).collect();
    let found = match keeper.found().await {
        Ok(found) => found,
        Err(error) => return vec![no_hooks(&error, login)],
    };
    let name = |wanted: WantedHook| {
        let project = projects.iter().find(|project| project.id == wanted.project);
        format!("{} of {}", wanted.event.event_type(), project.map_or("?", |project| &project.name))
    };
    // Where a project is not seen, subscriptions of others may be its own.
    let there = projects.iter().map(|project| (project.id, &*project.name));
    let sees_all = !projects.is_empty() && allowed.unknown_projects(there).is_empty();
    let steps = plan::steps(&served, &found, sees_all);
    let mut findings: Vec<Finding> = Vec::new();
    for step in &steps {
        let name = name(step.wanted());
        findings.push(match step {
            HookStep::Create(_) => {
                Finding::fault("hooks.status", format!("{name}: there is no subscription"), REPAIR)
            }
            HookStep::Renew { .. } => Finding::fault(
                "hooks.status",
                format!("{name}: its owner is no longer in the organisation"),
                REPAIR,
            ),
            HookStep::Remove { why, .. } => {
                Finding::warning("hooks.status", format!("{name}: superfluous, {}", why.as_str()), REPAIR)
            }
            HookStep::Replace { status: SubscriptionStatus::Enabled, differences, .. } => {
                let differences: Vec<_> = differences.iter().map(|of| of.as_str()).collect();
                Finding::warning("hooks.status", format!("{name}: {}", differences.join(", ")), REPAIR)
            }
            HookStep::Replace { status, .. } => {
                Finding::fault("hooks.status", format!("{name}: {}", status.as_str()), REPAIR)
            }
        });
    }
    if steps.is_empty() {
        findings.push(Finding::ok(
            "hooks.status",
            format!("{} subscriptions, all as they should be", found.len()),
        ));
    }
    if let Some(trouble) = app.source.as_ref().and_then(|source| source.trouble_with_hooks()) {
        findings.push(Finding::warning("hooks.upkeep", trouble, REPAIR));
    }
    if let Some(project) = served.first() {
        let wanted = WantedHook { project: *project, event: HookEvent::Updated };
        findings.push(test(app, keeper, wanted).await);
    }
    findings
}

/// Has Azure DevOps send a test here, and waits for what becomes of it: Azure DevOps says it, or it arrives at this very
/// instance.
async fn test(app: &App, keeper: &HookKeeper, wanted: WantedHook) -> Finding {
    const CHECK: &str = "hooks.delivery";
    let arrived = || app.instance.vitals.hooks_test.value();
    let before = arrived();
    let sent = match keeper.send_test(wanted).await {
        Ok(sent) => sent,
        Err(error) => return Finding::fault(CHECK, error.to_string(), "boardcast hooks status"),
    };
    let waiting = async {
        loop {
            let told = keeper.test_sent(&sent).await.unwrap_or_else(|_| sent.clone());
            match told.result.as_deref() {
                Some("succeeded") => {
                    return Finding::ok(CHECK, "a test notification was sent, and answered with 200");
                }
                Some("failed") => {
                    let why = told.details.and_then(|details| details.error_message).unwrap_or_default();
                    let answer = keeper.probe().await.told();
                    let says =
                        format!("a test notification failed: {} ({answer})", keeper.endpoint.redacted(&why));
                    return Finding::fault(
                        CHECK,
                        says,
                        "boardcast hooks rotate; boardcast doctor looks at the way from outside",
                    );
                }
                _ if arrived() > before => {
                    return Finding::ok(CHECK, "a test notification was sent, and arrived");
                }
                _ => tokio::time::sleep(TEST_POLL).await,
            }
        }
    };
    tokio::time::timeout(PART_MAX, waiting).await.unwrap_or_else(|_| {
        let says = format!("a test notification did not arrive within {} s", PART_MAX.as_secs());
        Finding::unknown(
            CHECK,
            says,
            "boardcast hooks status; Azure DevOps may queue them for minutes: https://status.dev.azure.com",
        )
    })
}
