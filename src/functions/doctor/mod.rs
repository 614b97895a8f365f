//! What the app can find out about itself with its own identity: each thing that has to be right for boards to be fresh, how
//! it is, and the command that mends it. It asks Azure DevOps and the archive, and so takes as long as they do.

mod organisation;

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::App;
use crate::devops::credentials::HookAccess;
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::schedule::SyncWindow;
use crate::domain::time::Timestamp;
use crate::ops::finding::{Finding, remove_setting, set_setting};

/// How long one part of the examination may take.
const PART_MAX: Duration = Duration::from_secs(20);

/// How often it is asked what has become of a test notification.
const TEST_POLL: Duration = Duration::from_secs(1);

/// How many firings of the timer are looked through for one inside the window: a week of one every five minutes.
const FIRINGS_MAX: usize = 2_016;

/// The major version of the Functions host that proxies streams to a custom handler.
const HOST_VERSION: &str = "~4";

/// Everything that was found, with the time here, by which whoever asks can compare clocks.
pub(super) async fn examine(app: &App) -> Value {
    let mut findings = settings(app);
    findings.extend(host(app));
    findings.extend(journal(app));
    findings.push(archive(app).await);
    findings.extend(within("organisation", organisation::organisation(app)).await);
    let now = (app.instance.clock)();
    json!({ "at": now, "version": env!("CARGO_PKG_VERSION"), "instance": app.instance.id, "findings": findings })
}

/// What a part finds, within its time.
async fn within(check: &'static str, part: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    let given_up = || {
        let says = format!("no answer within {} s", PART_MAX.as_secs());
        vec![Finding::fault(
            check,
            says,
            "curl -sS -m 10 -o /dev/null https://dev.azure.com; see the log for the call that hangs",
        )]
    };
    tokio::time::timeout(PART_MAX * 2, part).await.unwrap_or_else(|_| given_up())
}

fn settings(app: &App) -> Vec<Finding> {
    let config = &app.config;
    let mut findings = vec![match config.hook_access {
        HookAccess::Secrets(_) => Finding::ok("settings.secret", "the webhook has a secret"),
        HookAccess::Open => Finding::warning(
            "settings.secret",
            "whoever reaches this port may post hooks",
            "export BOARDCAST_WEBHOOK_SECRET=$(openssl rand -hex 32)",
        ),
        HookAccess::Closed => Finding::fault(
            "settings.secret",
            "every hook is answered with 503, because there is no secret",
            "scripts/secrets <vault> && scripts/refresh <group> <app>",
        ),
    }];
    if app.is_alone_under_the_host() {
        findings.push(Finding::fault(
            "settings.redis",
            "every process of the app has boards of its own: a hook reaches the readers of one",
            set_setting("BOARDCAST_REDIS_URL", "rediss://<name>.<region>.redis.azure.net:10000"),
        ));
    }
    if config.organization.is_some() && config.hook_endpoint.is_none() {
        findings.push(Finding::warning(
            "settings.public_url",
            "nobody looks after the subscriptions of service hooks",
            set_setting(
                "BOARDCAST_PUBLIC_URL",
                "https://<app>.azurewebsites.net BOARDCAST_WEBHOOK_KEY=<key>",
            ),
        ));
    }
    findings.push(Finding::ok(
        "settings.zones",
        format!("synchronisation {}; team days by BOARDCAST_TEAM_ZONES", config.sync_window),
    ));
    findings
}

/// The Functions host: its version, and whether its timer fires when boards are to be compared.
fn host(app: &App) -> Vec<Finding> {
    let host = &app.config.host;
    if !app.config.under_host {
        return vec![Finding::ok("host", "standalone: there is no Functions host")];
    }
    let mut findings = vec![match host.extension_version.as_deref() {
        Some(version) if version.starts_with(HOST_VERSION) => {
            Finding::ok("host.version", format!("Functions host {version}"))
        }
        Some(version) => Finding::fault(
            "host.version",
            format!(
                "FUNCTIONS_EXTENSION_VERSION is {version}: only {HOST_VERSION} streams from a custom handler"
            ),
            set_setting("FUNCTIONS_EXTENSION_VERSION", HOST_VERSION),
        ),
        None => Finding::unknown(
            "host.version",
            "the platform does not say which Functions host this is",
            "az functionapp config appsettings list --resource-group <group> --name <app> --query \"[?name=='FUNCTIONS_EXTENSION_VERSION']\"",
        ),
    }];
    if let Some(zone) = &host.time_zone {
        findings.push(Finding::warning(
            "host.time_zone",
            format!("WEBSITE_TIME_ZONE is {zone}: the host reads SYNC_SCHEDULE, which is meant in UTC, in that zone"),
            remove_setting("WEBSITE_TIME_ZONE"),
        ));
    }
    let set_schedule = set_setting("SYNC_SCHEDULE", "'0 */15 12-23 * * 1-5'");
    findings.push(match host.timer.as_deref() {
        None => Finding::fault(
            "host.timer",
            "SYNC_SCHEDULE is not set, so the host does not start the function SyncTimer",
            set_schedule,
        ),
        Some(timer) if fires_inside(timer, &app.config.sync_window, (app.instance.clock)()) => Finding::ok(
            "host.timer",
            format!("the timer ({timer}, UTC) fires inside {}", app.config.sync_window),
        ),
        Some(timer) => Finding::fault(
            "host.timer",
            format!(
                "the timer ({timer}, UTC) never fires inside {}, so it never compares anything",
                app.config.sync_window
            ),
            set_schedule,
        ),
    });
    findings
}

/// Whether a schedule of six fields, the first of them seconds, has a firing inside the window within a week or so.
fn fires_inside(timer: &str, window: &SyncWindow, now: Timestamp) -> bool {
    let fields: Vec<&str> = timer.split_whitespace().collect();
    let Some((_, minutes)) = fields.split_first().filter(|_| fields.len() == 6) else { return false };
    let Ok(schedule) = SyncWindow::parse(&minutes.join(" "), "UTC") else { return false };
    let firings = std::iter::successors(schedule.next_after(now), |at| schedule.next_after(*at));
    firings.take(FIRINGS_MAX).any(|at| window.gate(at).is_ok())
}

fn journal(app: &App) -> Vec<Finding> {
    let condition = app.instance.journal.condition();
    let kind = condition.kind;
    let refused = app.instances.refusals();
    let mut findings = Vec::new();
    let remedy_of = |says: &str| match says {
        says if says.contains("maxmemory-policy") => {
            "redis-cli -u <url> config set maxmemory-policy noeviction".to_owned()
        }
        says if says.contains("appendonly") => "redis-cli -u <url> config set appendonly yes".to_owned(),
        says if says.contains("clock") => "timedatectl set-ntp true".to_owned(),
        _ => "redis-cli -u <url> info server".to_owned(),
    };
    for says in &condition.findings {
        let is_unfit = condition.unfit.as_ref() == Some(says);
        let make = if is_unfit { Finding::fault } else { Finding::warning };
        findings.push(make("journal.server", says.clone(), remedy_of(says)));
    }
    let check = "redis-cli -u <url> ping; curl -sH \"X-Boardcast-Key: <key>\" <url of the app>/api/health has journal.findings";
    for says in refused {
        findings.push(Finding::fault("journal.writes", says, check));
    }
    if !condition.untold.is_empty() {
        findings.push(Finding::unknown(
            "journal.server",
            format!("the server does not tell {}", condition.untold.join(", ")),
            "az redisenterprise database show --resource-group <group> --cluster-name <name> --query \"{policy:evictionPolicy,persistence:persistence}\"",
        ));
    }
    findings.push(match (app.instance.fold.position(), app.instance.fold.journal_status()) {
        (Some(_), JournalStatus::Following) => Finding::ok("journal", format!("{kind}: loaded and followed")),
        (Some(_), status) => Finding::fault("journal", format!("{kind}: {status:?}"), check),
        (None, _) => Finding::fault("journal", format!("{kind}: it was never loaded"), check),
    });
    findings
}

async fn archive(app: &App) -> Finding {
    let Some(inbox) = &app.inbox else {
        return Finding::warning(
            "tables",
            "there is no archive: while Redis is away hooks are refused, and Azure DevOps repeats them for three minutes",
            set_setting("BOARDCAST_TABLES", "https://<account>.table.core.windows.net"),
        );
    };
    let reached = tokio::time::timeout(PART_MAX, inbox.reach()).await;
    match reached.unwrap_or_else(|_| Err("no answer in time".into())) {
        Ok(()) => Finding::ok("tables", "the tables can be read"),
        Err(error) => Finding::fault(
            "tables",
            error,
            "az role assignment create --role \"Storage Table Data Contributor\" --assignee <object ID of the identity> --scope <id of the storage account>",
        ),
    }
}
