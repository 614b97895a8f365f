//! `HealthCheck`: is the process alive, and does it have a board to serve? Two questions with two answers.

use http::StatusCode;
use serde_json::json;
use warp::reply::Response;

use super::reply;
use crate::app::App;
use crate::devops::credentials::HookAccess;

/// Answers a probe: `live` asks nothing but this process, `ready` whether it can do its work.
pub fn handle(app: &App, probe: Option<&str>) -> Response {
    match probe {
        Some("live") => reply::value(StatusCode::OK, &json!({ "status": "live" })),
        Some("ready") => ready(app),
        _ => reply::not_found(),
    }
}

fn ready(app: &App) -> Response {
    let journal = match app.fold.position() {
        Some(_) => "loaded",
        None => "not loaded yet",
    };
    let webhook = match app.hook_access {
        HookAccess::Closed => "closed: set BOARDCAST_WEBHOOK_SECRET",
        HookAccess::Open | HookAccess::Secrets(_) => "open",
    };
    let ready = app.fold.position().is_some();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not ready" };
    reply::value(status, &json!({ "status": word, "journal": journal, "webhook": webhook }))
}
