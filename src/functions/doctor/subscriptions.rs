//! The subscriptions, and whether a notification arrives.

use std::collections::BTreeSet;
use std::time::Duration;

use super::failed::refused;
use super::{ANSWER_MAX, DELIVERY_MAX, in_time};
use crate::app::App;
use crate::config::Place;
use crate::devops::subscriptions::Notification;
use crate::devops::subscriptions::probe::ProbeAnswer;
use crate::devops::{CallError, ProjectRef};
use crate::domain::degradation::Failure;
use crate::domain::subscription::plan::{self, HookStep};
use crate::domain::subscription::{HookEvent, SubscriptionStatus, WantedHook};
use crate::ops::finding::Finding;
use crate::sync::source::Source;
use crate::sync::subscriptions::HookKeeper;

/// How often it is asked what has become of a test notification.
const TEST_POLL: Duration = Duration::from_secs(1);

const REPAIR: &str = "boardcast hooks repair";
const STATUS: &str = "boardcast hooks status";

pub(super) async fn subscriptions(
    app: &App,
    source: &Source,
    projects: &[ProjectRef],
    place: &Place,
) -> Vec<Finding> {
    let Some(keeper) = source.hook_keeper() else {
        let says = "nobody is told to look after subscriptions";
        return vec![Finding::unknown("hooks", says, place.set_public_address())];
    };
    let allowed = &app.config.allowed;
    let served = projects.iter().filter(|project| allowed.allows_project(project.id, Some(&project.name)));
    let served: BTreeSet<_> = served.map(|project| project.id).collect();
    let some = served.first().map_or_else(|| "<project GUID>".to_owned(), ToString::to_string);
    let late = |words: String| {
        Finding::unknown(
            "hooks.list",
            format!("Azure DevOps gave {words} to which subscriptions there are"),
            STATUS,
        )
    };
    let mut findings = match in_time(ANSWER_MAX, keeper.found(), late).await {
        Ok(Ok(found)) => {
            // Where a project is not seen, subscriptions of others may be its own.
            let there = projects.iter().map(|project| (project.id, &*project.name));
            let sees_all = !projects.is_empty() && allowed.unknown_projects(there).is_empty();
            let steps = plan::steps(&served, &found, sees_all);
            let mut findings: Vec<Finding> = steps.iter().map(|step| finding(step, projects)).collect();
            if steps.is_empty() {
                let says = format!("{} subscriptions, all as they should be", found.len());
                findings.push(Finding::ok("hooks.status", says));
            }
            findings
        }
        Ok(Err(error)) => return vec![no_list(&error, &some, place)],
        Err(late) => vec![late],
    };
    if let Some(trouble) = source.trouble_with_hooks() {
        findings.push(Finding::warning("hooks.upkeep", trouble, REPAIR));
    }
    if let Some(project) = served.first() {
        let wanted = WantedHook { project: *project, event: HookEvent::Updated };
        findings.push(test(app, keeper, wanted, place).await);
    }
    findings
}

/// What is said where it is not known which projects there are.
pub(super) fn not_asked() -> Finding {
    let says = "how subscriptions are was not asked: which projects there are is not known";
    Finding::unknown("hooks.status", says, STATUS)
}

/// Why subscriptions are not listed: who asks lacks a permission or is not known, or something is on the way.
fn no_list(error: &CallError, project: &str, place: &Place) -> Finding {
    match error.failure {
        Failure::Forbidden => {
            Finding::fault("hooks.permission", error.to_string(), place.grant_hooks(project))
        }
        Failure::Unauthorised => refused(error, project, place),
        Failure::Throttled { .. } | Failure::Server => {
            Finding::fault("hooks.list", error.to_string(), Place::ask_status())
        }
        _ => Finding::fault("hooks.list", error.to_string(), place.ask_organization()),
    }
}

/// What is wrong where there is something to be done.
fn finding(step: &HookStep, projects: &[ProjectRef]) -> Finding {
    const CHECK: &str = "hooks.status";
    let WantedHook { project, event } = step.wanted();
    let project = projects.iter().find(|known| known.id == project).map_or("?", |project| &*project.name);
    let name = format!("{} of {project}", event.event_type());
    match step {
        HookStep::Create(_) => Finding::fault(CHECK, format!("{name}: there is no subscription"), REPAIR),
        HookStep::Renew { .. } => {
            Finding::fault(CHECK, format!("{name}: its owner is no longer in the organisation"), REPAIR)
        }
        HookStep::Remove { why, .. } => {
            Finding::warning(CHECK, format!("{name}: superfluous, {}", why.as_str()), REPAIR)
        }
        HookStep::Replace { status: SubscriptionStatus::Enabled, differences, .. } => {
            let words: Vec<_> = differences.iter().map(|of| of.as_str()).collect();
            let says = format!("{name}: {}", words.join(", "));
            // What does not tell everything does not work.
            let tells_less = differences.iter().any(|of| of.tells_less());
            let make = if tells_less { Finding::fault } else { Finding::warning };
            make(CHECK, says, REPAIR.to_owned())
        }
        HookStep::Replace { status, .. } => {
            Finding::fault(CHECK, format!("{name}: {}", status.as_str()), REPAIR)
        }
    }
}

/// How a test notification ended.
enum TestEnd {
    Arrived(&'static str),
    Failed(String),
    Refused(CallError),
}

/// Has Azure DevOps send a test here, and waits for what becomes of it: Azure DevOps says it, or it arrives at this very
/// instance.
async fn test(app: &App, keeper: &HookKeeper, wanted: WantedHook, place: &Place) -> Finding {
    const CHECK: &str = "hooks.delivery";
    let late = |words: String| {
        let says =
            format!("a test notification did not arrive: {words}; Azure DevOps may queue them for minutes");
        Finding::unknown(CHECK, says, STATUS)
    };
    match in_time(DELIVERY_MAX, sent(app, keeper, wanted), late).await {
        Ok(TestEnd::Arrived(how)) => Finding::ok(CHECK, format!("a test notification was sent, and {how}")),
        Ok(TestEnd::Refused(error)) => {
            let remedy = match error.failure {
                Failure::Forbidden => place.grant_hooks(&wanted.project.to_string()),
                _ => STATUS.to_owned(),
            };
            Finding::fault(CHECK, error.to_string(), remedy)
        }
        Ok(TestEnd::Failed(why)) => {
            let late = |words: String| Finding::unknown(CHECK, words, String::new());
            let answer = in_time(ANSWER_MAX, keeper.probe(), late).await;
            let answer = answer.unwrap_or_else(|late| ProbeAnswer::Other(late.says));
            let says = format!("a test notification failed: {why} ({})", answer.told());
            let url = keeper.endpoint.url(wanted.event);
            let ask = format!("curl -sS -m 30 -i -X POST {url}");
            Finding::fault(CHECK, says, remedy_of(&answer, place).unwrap_or(ask))
        }
        Err(late) => late,
    }
}

/// The command for what the webhook answers to what subscriptions present; `None` where it is to be seen what is on the way.
fn remedy_of(answer: &ProbeAnswer, place: &Place) -> Option<String> {
    match answer {
        ProbeAnswer::SecretRefused => Some(place.refresh()),
        ProbeAnswer::KeyRefused => Some(place.set_public_address()),
        ProbeAnswer::Taken | ProbeAnswer::Other(_) => None,
    }
}

async fn sent(app: &App, keeper: &HookKeeper, wanted: WantedHook) -> TestEnd {
    let arrived = || app.instance.vitals.hooks_test.value();
    let before = arrived();
    let sent: Notification = match keeper.send_test(wanted).await {
        Ok(sent) => sent,
        Err(error) => return TestEnd::Refused(error),
    };
    loop {
        let told = keeper.test_sent(&sent).await.unwrap_or_else(|_| sent.clone());
        match told.result.as_deref() {
            Some("succeeded") => return TestEnd::Arrived("answered with 200"),
            Some("failed") => {
                let why = told.details.and_then(|details| details.error_message).unwrap_or_default();
                return TestEnd::Failed(keeper.endpoint.redacted(&why));
            }
            _ if arrived() > before => return TestEnd::Arrived("arrived"),
            _ => tokio::time::sleep(TEST_POLL).await,
        }
    }
}
