//! `WorkItemWebhook`: a service hook of Azure DevOps.
//!
//! Every answer is 200, 401 or 503, whatever is sent. Azure DevOps repeats a 503; any other failure puts the
//! subscription on probation and the events that follow are lost. So a payload that is authentic but of no use is
//! answered with 200 and counted, and 200 for an observation means that it is kept.

use http::StatusCode;
use serde_json::json;
use warp::reply::Response;

use super::body::{self, Read};
use super::{Request, reply};
use crate::app::App;
use crate::devops::credentials::Verdict;
use crate::devops::hook::{self, Content, DeadLetter, Delivery, Ignored};
use crate::domain::event::Source;
use crate::domain::scope::Text;
use crate::domain::work_item::Observation;
use crate::functions::reply::ErrorBody;
use crate::ingest::{Ingested, News};

/// The greatest body that is read: twice what Azure DevOps sends at most.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Answers a delivery. `label` is the last segment of the route; it is for people, the body's `eventType` decides.
pub async fn handle(app: &App, label: Option<&str>, request: Request) -> Response {
    let verdict = app.hook_access.judge(&request.headers);
    let received_at = (app.clock)();
    // The body is taken whoever sent it: a connection that is closed under a sender who still writes is reset, and
    // the answer is lost with it.
    let body = body::read(request.body, BODY_BYTES_MAX).await;
    match verdict {
        Verdict::Authentic => {}
        Verdict::Denied => {
            app.vitals.hooks_denied.add(1);
            tracing::warn!("a hook with no or a wrong secret was refused");
            return denied();
        }
        Verdict::NotConfigured => {
            app.vitals.hooks_refused.add(1);
            return unavailable("no secret is configured", "set BOARDCAST_WEBHOOK_SECRET");
        }
    }
    let delivery = match body {
        Read::Whole(body) => hook::parse(&body),
        Read::TooLarge { size } => {
            tracing::warn!(size, "a hook with a body above {BODY_BYTES_MAX} bytes is a dead letter");
            Delivery {
                collection: None,
                event_type: None,
                content: Content::DeadLetter(DeadLetter::TooLarge),
            }
        }
        Read::BrokenOff => {
            app.vitals.hooks_refused.add(1);
            return unavailable("the body broke off", "send it again");
        }
    };
    if mislabelled(label, &delivery) {
        app.vitals.hooks_mislabelled.add(1);
    }
    let news = News { source: Source::Webhook, received_at, trace_id: trace_id(&request.headers) };
    answer(app, delivery, &news).await
}

async fn answer(app: &App, delivery: Delivery, news: &News) -> Response {
    match delivery.content {
        Content::Observation(observation) => observe(app, &observation, news).await,
        Content::TestNotification => {
            app.vitals.hooks_test.add(1);
            tracing::info!("a test notification of Azure DevOps arrived");
            accepted("test_notification", None)
        }
        Content::Ignored(reason) => {
            app.vitals.hooks_ignored.add(1);
            accepted("ignored", Some(ignored(reason)))
        }
        Content::DeadLetter(reason) => dead_letter(app, reason),
    }
}

async fn observe(app: &App, observation: &Observation, news: &News) -> Response {
    let present = observation.present();
    let project_name = Some(&*present.details.project_name).filter(|name| !name.is_empty());
    if !app.projects.allow(present.claim.facts.project, project_name) {
        return dead_letter(app, DeadLetter::ForeignProject);
    }
    match app.ingest.observe(observation, news).await {
        Ok(Ingested::Committed { events }) => {
            app.vitals.hooks_applied.add(1);
            tracing::debug!(work_item = %observation.id, rev = present.rev, events, "a hook was applied");
            accepted("applied", None)
        }
        Ok(Ingested::Known) => {
            app.vitals.hooks_known.add(1);
            accepted("known", None)
        }
        Err(error) => {
            app.vitals.hooks_refused.add(1);
            tracing::error!(work_item = %observation.id, %error, "a hook could not be kept; Azure DevOps repeats it");
            unavailable("the change could not be kept", "send it again")
        }
    }
}

fn dead_letter(app: &App, reason: DeadLetter) -> Response {
    app.vitals.hooks_dead_letter.add(1);
    tracing::warn!(reason = reason.as_str(), "a hook is a dead letter");
    accepted("dead_letter", Some(reason.as_str()))
}

const fn ignored(reason: Ignored) -> &'static str {
    match reason {
        Ignored::Commented => "comments change no board",
        Ignored::OtherEvent => "not a work item event",
    }
}

/// The label says an event that the body does not: `workitem-updated` and `workitem.updated` are the same word.
fn mislabelled(label: Option<&str>, delivery: &Delivery) -> bool {
    match (label, &delivery.event_type) {
        (Some(label), Some(event_type)) => {
            !label.replace('-', ".").eq_ignore_ascii_case(&event_type.replace('-', "."))
        }
        _ => false,
    }
}

/// The trace id of a W3C `traceparent` header.
fn trace_id(headers: &http::HeaderMap) -> Option<Text> {
    let trace_id = headers.get("traceparent")?.to_str().ok()?.split('-').nth(1)?;
    let valid = trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| Text::from(trace_id))
}

fn accepted(outcome: &str, reason: Option<&str>) -> Response {
    reply::value(StatusCode::OK, &json!({ "outcome": outcome, "reason": reason }))
}

fn denied() -> Response {
    let error = ErrorBody {
        code: "unauthorised",
        message: "no or a wrong secret",
        remedy: "give BOARDCAST_WEBHOOK_SECRET as the password of Basic authentication or in X-Boardcast-Secret",
    };
    reply::with_header(
        reply::error(StatusCode::UNAUTHORIZED, error),
        http::header::WWW_AUTHENTICATE,
        "Basic realm=\"boardcast\"",
    )
}

fn unavailable(message: &str, remedy: &str) -> Response {
    reply::error(StatusCode::SERVICE_UNAVAILABLE, ErrorBody { code: "unavailable", message, remedy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_taken_from_a_valid_traceparent() {
        let of = |value: &str| {
            trace_id(&http::HeaderMap::from_iter([("traceparent".parse().unwrap(), value.parse().unwrap())]))
        };
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(of(&format!("00-{id}-b7ad6b7169203331-01")).as_deref(), Some(id));
        for odd in ["", "00", "00-xyz-1-01", "00-0af7651916cd43dd8448eb211c80319-b7-01"] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }
}
