//! `SyncTimer`: the host's timer. Whatever happens, the reply is 200 with a JSON object.

use http::Method;
use warp::reply::Response;

use super::body::{self, Read};
use super::invocation::{InvocationReply, TimerEnvelope};
use super::{Function, Request, Trigger};
use crate::app::App;
use crate::sync::timer::SyncReport;

/// The greatest envelope that is read; the host's are some hundred bytes.
const ENVELOPE_BYTES_MAX: usize = 64 * 1024;

/// Why the timer has nothing to do where every process has a journal of its own.
const NOT_SHARED: &str = "no shared journal: every instance synchronises on its own; set BOARDCAST_REDIS_URL";

/// The function.
pub(super) const FUNCTION: Function = Function {
    folder: "SyncTimer",
    trigger: Trigger::Timer,
    counted_as: Some("timer"),
    takes: |method, path| method == Method::POST && matches!(path, ["synctimer"]),
    handle: |app, _, request| Box::pin(handle(app, request)),
    // The host wants a JSON object.
    after_panic: || InvocationReply::logging("failed: a panic; see the log").into_response(),
};

/// Answers an invocation.
async fn handle(app: &App, request: Request) -> Response {
    let envelope = match body::read(request.body, ENVELOPE_BYTES_MAX).await {
        Read::Whole(body) => TimerEnvelope::parse(&body),
        Read::TooLarge { .. } | Read::BrokenOff => None,
    };
    let line = match envelope {
        None => {
            let line = "failed: the body is not a timer's envelope";
            tracing::warn!(outcome = line, "synchronisation");
            line.to_owned()
        }
        Some(TimerEnvelope { is_past_due }) => {
            let report = match app.is_alone_under_the_host() {
                true => SyncReport::Skipped { reason: NOT_SHARED.into() },
                false => app.sync.run().await,
            };
            report.log();
            if is_past_due { format!("{report} (past due)") } else { report.to_string() }
        }
    };
    InvocationReply::logging(line).into_response()
}
