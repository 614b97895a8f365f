//! The settings of the app: what is missing, and the time zones that it goes by.

use crate::app::App;
use crate::config::Place;
use crate::devops::credentials::HookAccess;
use crate::ops::finding::Finding;

pub(super) fn settings(app: &App, place: &Place) -> Vec<Finding> {
    let config = &app.config;
    let mut findings = vec![match config.hook_access {
        HookAccess::Secrets(_) => Finding::ok("settings.secret", "the webhook has a secret"),
        HookAccess::Open => Finding::warning(
            "settings.secret",
            "whoever reaches this port may post hooks",
            place.make_secrets(),
        ),
        HookAccess::Closed => Finding::fault(
            "settings.secret",
            "every hook is answered with 503, because there is no secret",
            place.make_secrets(),
        ),
    }];
    if app.is_alone_under_the_host() {
        findings.push(Finding::fault(
            "settings.redis",
            "every process of the app has boards of its own: a hook reaches the readers of one",
            place.set(&[("BOARDCAST_REDIS_URL", "rediss://<name>.<region>.redis.azure.net:10000")]),
        ));
    }
    if config.organization.is_some() && config.hook_endpoint.is_none() {
        findings.push(Finding::warning(
            "settings.public_url",
            "nobody looks after the subscriptions of service hooks",
            place.set_public_address(),
        ));
    }
    findings.extend(zones(app, place));
    findings
}

/// The zones of the synchronisation and of teams. A zone that cannot be read keeps the app from starting.
fn zones(app: &App, place: &Place) -> Vec<Finding> {
    let config = &app.config;
    let window = &config.sync_window;
    let next = window.next_after((app.instance.clock)());
    let next = next.map_or_else(String::new, |next| format!(", next at {next}"));
    let mut findings = vec![Finding::ok("zones.sync", format!("boards are compared by {window}{next}"))];
    let state = app.instance.fold.read();
    let known: Vec<_> = state.teams().all().collect();
    let (there, gone): (Vec<_>, Vec<_>) = config.team_zones.named().into_iter().partition(|(named, _)| {
        known.iter().any(|team| team.team_name.to_lowercase() == *named || team.team.to_string() == *named)
    });
    // Before any team is known nothing can be said of their names.
    if known.is_empty() || gone.is_empty() {
        let zones = known.iter().map(|team| team.zone.name()).collect::<std::collections::BTreeSet<_>>();
        let zones = zones.into_iter().collect::<Vec<_>>().join(", ");
        let says = format!("the days of {} teams begin and end in: {zones}", known.len());
        findings.push(Finding::ok(
            "zones.teams",
            if known.is_empty() { "no team is known yet".into() } else { says },
        ));
    }
    let left = there.iter().map(|(team, zone)| format!("{team}={zone}")).collect::<Vec<_>>().join(",");
    for (named, zone) in gone.iter().filter(|_| !known.is_empty()) {
        let remedy = match left.is_empty() {
            true => place.remove("BOARDCAST_TEAM_ZONES"),
            false => place.set(&[("BOARDCAST_TEAM_ZONES", &left)]),
        };
        let says = format!("BOARDCAST_TEAM_ZONES gives the zone {zone} to {named}, which no team is called");
        findings.push(Finding::warning("zones.teams", says, remedy));
    }
    findings
}
