//! `WorkItemWebhook`: a service hook of Azure DevOps.
//!
//! Every answer is 200, 401 or 503, whatever is sent. Azure DevOps repeats a 503; any other failure puts the
//! subscription on probation and the events that follow are lost. So a payload that is authentic but of no use is
//! answered with 200 and counted, and 200 for an observation means that it is kept.

use http::StatusCode;
use serde_json::json;
use warp::reply::Response;

use super::body::{self, Read};
use super::{BodyStream, Function, Request, Trigger, reply};
use crate::app::App;
use crate::devops::credentials::Verdict;
use crate::devops::hook::{self, Bare, Content, DeadLetter, Delivery, Ignored};
use crate::domain::scope::Text;
use crate::domain::sprint::work_item::Observation;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::functions::reply::ErrorBody;
use crate::journal::JournalError;
use crate::ops::failpoints::{self, Failpoint};
use crate::sync::source::{Noted, Source};
use crate::write::commit::CommitError;
use crate::write::ingest::{Ingested, Provenance};

/// The greatest body that is read: twice what Azure DevOps sends at most.
pub(crate) const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// By how much a hook may be dated ahead of when it comes, in milliseconds: clocks differ by minutes, zones by a day.
const AHEAD_MS_MAX: i64 = 24 * 60 * 60_000;

/// The function. By itself the server answers without the prefix `/api` as well; the Functions host sends nothing
/// there.
pub(super) const FUNCTION: Function = Function {
    folder: "WorkItemWebhook",
    trigger: Trigger::Http { area: None, is_at },
    counted_as: Some("webhook"),
    takes: |_, path| is_at(path),
    handle: |app, path, request| {
        Box::pin(async move {
            let label = path.iter().skip_while(|segment| **segment != "azure-devops").nth(1);
            let response = handle(app, label.copied(), request).await;
            if response.status() == StatusCode::OK {
                app.instance.vitals.last_hook.raise(Some((app.instance.clock)()));
            }
            response
        })
    },
    // Azure DevOps repeats a 503 and nothing else.
    after_panic: || super::failed(StatusCode::SERVICE_UNAVAILABLE),
};

pub(super) fn is_at(path: &[&str]) -> bool {
    matches!(path, ["api", "webhooks", "azure-devops", ..] | ["webhooks", "azure-devops", ..])
}

/// Answers a delivery. `label` is the last segment of the route; it is for people, the body's `eventType` decides.
async fn handle(app: &App, label: Option<&str>, request: Request) -> Response {
    let received_at = (app.instance.clock)();
    match app.config.hook_access.judge(&request.headers) {
        Verdict::Authentic => {}
        Verdict::Denied => {
            app.instance.vitals.hooks_denied.add(1);
            tracing::warn!("a hook with no or a wrong secret was refused");
            drain(request.body).await;
            return denied();
        }
        Verdict::NotConfigured => {
            app.instance.vitals.hooks_refused.add(1);
            drain(request.body).await;
            return unavailable("no secret is configured", "set BOARDCAST_WEBHOOK_SECRET");
        }
    }
    // Taken before the body, which is what fills the memory, and given back with the answer. A sender without
    // the secret gets none, and so cannot keep the others out.
    let Ok(_permit) = app.hooks_in_flight.try_acquire() else {
        app.instance.vitals.hooks_overloaded.add(1);
        drain(request.body).await;
        return unavailable("too many hooks are being answered", "send it again");
    };
    let (delivery, size) = match body::read(request.body, BODY_BYTES_MAX).await {
        Read::Whole(body) => {
            let organisation = app.config.organization.as_ref().map(|organization| &*organization.url);
            (hook::parse(&body, organisation, &app.config.kept_tags()), body.len() as u64)
        }
        Read::TooLarge { size } => (Delivery::dead_letter(DeadLetter::TooLarge), size),
        Read::BrokenOff => {
            app.instance.vitals.hooks_refused.add(1);
            return unavailable("the body broke off", "send it again");
        }
    };
    failpoints::reached(Failpoint::HookRead);
    if mislabelled(label, &delivery) {
        app.instance.vitals.hooks_mislabelled.add(1);
    }
    let letter = Letter { received_at, size, event_type: delivery.event_type.clone() };
    let (collection, trace_id) = (delivery.collection, trace_id(&request.headers));
    let provenance = Provenance { source: Cause::Webhook, received_at, collection, trace_id };
    act_on(app, delivery.content, &provenance, &letter).await
}

/// Takes a body that is of no interest: a connection that is closed under a sender who still writes is reset, and
/// the answer is lost with it.
async fn drain(body: BodyStream) {
    let _ = body::read(body, 0).await;
}

/// What is kept of a payload that turns out to be of no use. The payload itself is not: it may hold anything.
struct Letter {
    received_at: Timestamp,
    size: u64,
    event_type: Option<Text>,
}

async fn act_on(app: &App, content: Content, provenance: &Provenance, letter: &Letter) -> Response {
    match content {
        Content::Observation(observation) => observe(app, &observation, provenance, letter).await,
        Content::Bare(bare) => match &app.source {
            Some(source) => note(app, source, &bare, provenance, letter).await,
            None => dead_letter(app, bare.lacks, letter),
        },
        Content::TestNotification => {
            app.instance.vitals.hooks_test.add(1);
            tracing::info!("a test notification of Azure DevOps arrived");
            accepted("test_notification", None)
        }
        Content::Ignored(reason) => {
            app.instance.vitals.hooks_ignored.add(1);
            accepted("ignored", Some(ignored(reason)))
        }
        Content::DeadLetter(reason) => dead_letter(app, reason, letter),
    }
}

async fn observe(app: &App, observation: &Observation, provenance: &Provenance, letter: &Letter) -> Response {
    let present = observation.present();
    let dated = present.claim.changed_at.max(present.claim.claimed_at.timestamp());
    if is_dated_ahead(dated, letter) {
        return dead_letter(app, DeadLetter::DatedAhead, letter);
    }
    match app.ingest.observe(observation, provenance).await {
        Ok(Ingested::Committed { events }) => {
            app.instance.vitals.hooks_applied.add(1);
            tracing::debug!(work_item = %observation.id, rev = present.rev, events, "a hook was applied");
            accepted("applied", None)
        }
        Ok(Ingested::Known) => {
            app.instance.vitals.hooks_known.add(1);
            accepted("known", None)
        }
        Ok(Ingested::ForeignCollection) => foreign_collection(app, provenance, letter),
        Ok(Ingested::ForeignProject) => dead_letter(app, DeadLetter::ForeignProject, letter),
        Err(error) => keep(app, observation, provenance, &error).await,
    }
}

/// Keeps what a hook told of without its details, which are then fetched. While the journal is away the hook is refused: what
/// the inbox keeps are observations, and Azure DevOps repeats it.
async fn note(app: &App, source: &Source, bare: &Bare, provenance: &Provenance, letter: &Letter) -> Response {
    if bare.told_at.is_some_and(|told_at| is_dated_ahead(told_at.timestamp(), letter)) {
        return dead_letter(app, DeadLetter::DatedAhead, letter);
    }
    match source.note(bare, provenance).await {
        Ok(Noted::Kept) => {
            failpoints::reached(Failpoint::Committed);
            app.instance.vitals.hooks_without_details.add(1);
            accepted("fetching", Some(bare.lacks.as_str()))
        }
        Ok(Noted::ForeignCollection) => foreign_collection(app, provenance, letter),
        Ok(Noted::ForeignProject) => dead_letter(app, DeadLetter::ForeignProject, letter),
        Err(error) => {
            app.instance.vitals.hooks_refused.add(1);
            let work_item = bare.item.map(tracing::field::display);
            tracing::error!(work_item, %error, "a hook without details could not be kept; Azure DevOps repeats it");
            unavailable("the change could not be kept", "send it again")
        }
    }
}

/// Whether a hook is dated further ahead of its arrival than clocks differ.
fn is_dated_ahead(dated: Timestamp, letter: &Letter) -> bool {
    let is_ahead = dated.epoch_ms().saturating_sub(letter.received_at.epoch_ms()) > AHEAD_MS_MAX;
    if is_ahead {
        tracing::warn!(%dated, "a hook is dated more than a day ahead");
    }
    is_ahead
}

fn foreign_collection(app: &App, provenance: &Provenance, letter: &Letter) -> Response {
    let ours = app.instance.fold.read().collection();
    tracing::warn!(
        ours = ours.map(tracing::field::display),
        theirs = provenance.collection.map(tracing::field::display),
        "a hook of another collection than this deployment's, whose boards it cannot join"
    );
    dead_letter(app, DeadLetter::ForeignCollection, letter)
}

/// What the journal cannot take now waits in the inbox, where there is one. What it refuses for what it is would wait
/// there for ever; and where a newer version writes the journal the sender had better come to an instance of that.
async fn keep(
    app: &App,
    observation: &Observation,
    provenance: &Provenance,
    error: &CommitError,
) -> Response {
    let refused = matches!(
        error,
        CommitError::Journal(
            JournalError::Refused(_) | JournalError::Newer { .. } | JournalError::Foreign(_)
        )
    );
    if let Some(inbox) = app.inbox.as_ref().filter(|_| !refused) {
        match inbox.keep(observation, provenance).await {
            Ok(()) => {
                tracing::warn!(work_item = %observation.id, %error, "a hook waits in the inbox for the journal");
                return accepted("kept", None);
            }
            Err(error) => {
                tracing::error!(work_item = %observation.id, %error, "the inbox cannot take a hook")
            }
        }
    }
    app.instance.vitals.hooks_refused.add(1);
    tracing::error!(work_item = %observation.id, %error, "a hook could not be kept; Azure DevOps repeats it");
    unavailable("the change could not be kept", "send it again")
}

fn dead_letter(app: &App, reason: DeadLetter, letter: &Letter) -> Response {
    app.instance.vitals.dead_letter(
        letter.received_at,
        reason.as_str(),
        letter.size,
        letter.event_type.as_deref(),
    );
    let (event, remedy) = (letter.event_type.as_deref(), reason.remedy());
    tracing::warn!(reason = reason.as_str(), event, size = letter.size, remedy, "a hook is a dead letter");
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
