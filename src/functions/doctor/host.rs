//! The Functions host: its version, and whether its timer fires when boards are to be compared.

use chrono_tz::Tz;

use crate::app::App;
use crate::config::Place;
use crate::domain::ncrontab::{TimerError, TimerSchedule};
use crate::ops::finding::Finding;

/// The major version of the Functions host that proxies streams to a custom handler.
const HOST_VERSION: &str = "~4";

pub(super) fn host(app: &App, place: &Place) -> Vec<Finding> {
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
            place.set(&[("FUNCTIONS_EXTENSION_VERSION", HOST_VERSION)]),
        ),
        None => Finding::unknown(
            "host.version",
            "the platform does not say which Functions host this is",
            place.list_setting("FUNCTIONS_EXTENSION_VERSION"),
        ),
    }];
    if let Some(zone) = &host.time_zone {
        findings.push(Finding::warning(
            "host.time_zone",
            format!(
                "WEBSITE_TIME_ZONE is {zone}: where the plan has a zone, the host reads SYNC_SCHEDULE, which is meant in UTC, in it"
            ),
            place.remove("WEBSITE_TIME_ZONE"),
        ));
    }
    findings.push(timer(app, place));
    findings
}

/// Whether the timer fires inside the window. Not every plan knows the zone that a setting names, so where it would make a
/// difference nobody here can tell.
fn timer(app: &App, place: &Place) -> Finding {
    const CHECK: &str = "host.timer";
    let (host, window) = (&app.config.host, &app.config.sync_window);
    let Some(text) = host.timer.as_deref() else {
        let says = "SYNC_SCHEDULE is not set, so the host does not start the function SyncTimer";
        return Finding::fault(CHECK, says, place.set_schedule());
    };
    let timer = match TimerSchedule::parse(text) {
        Ok(timer) => timer,
        Err(TimerError::Period) => {
            let says = format!(
                "SYNC_SCHEDULE is {text}: a period counts from when the host started, and no plan but Dedicated takes one"
            );
            return Finding::unknown(CHECK, says, place.set_schedule());
        }
        Err(error @ TimerError::Unreadable(_)) => {
            let says = format!(
                "SYNC_SCHEDULE is {text}, which the host cannot read, so nothing is compared: {error}"
            );
            return Finding::fault(CHECK, says, place.set_schedule());
        }
    };
    let fires = |zone: Tz| timer.fires_inside(zone, window, (app.instance.clock)());
    let zone = host.time_zone.as_deref().map(|zone| zone.parse::<Tz>());
    let (is_inside, zones) = match zone {
        None => (Some(fires(Tz::UTC)), "UTC".to_owned()),
        Some(Ok(zone)) => {
            let (in_utc, in_zone) = (fires(Tz::UTC), fires(zone));
            ((in_utc == in_zone).then_some(in_utc), format!("UTC or {zone}"))
        }
        Some(Err(_)) => (None, "a zone that is not known here".to_owned()),
    };
    match is_inside {
        Some(true) => Finding::ok(CHECK, format!("the timer ({text}, {zones}) fires inside {window}")),
        Some(false) => Finding::fault(
            CHECK,
            format!("the timer ({text}, {zones}) never fires inside {window}, so it never compares anything"),
            place.set_schedule(),
        ),
        None => Finding::unknown(
            CHECK,
            format!(
                "whether the timer ({text}, {zones}) fires inside {window} depends on whether the plan has WEBSITE_TIME_ZONE"
            ),
            place.remove("WEBSITE_TIME_ZONE"),
        ),
    }
}
