//! `SseStream`: the board as server-sent events.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{Method, StatusCode};
use warp::Reply as _;
use warp::reply::Response;

use super::reply::ErrorBody;
use super::{Function, Request, Trigger, is_read, operator, reply};
use crate::app::App;
use crate::stream::{ByteStream, Opened, StreamRequest};

/// Without a `charset`: a stream is always UTF-8, and the loop in the documentation of `@microsoft/fetch-event-source`
/// compares the header with exactly this.
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>
const MEDIA_TYPE: &str = "text/event-stream";

/// The function.
pub(super) const FUNCTION: Function = Function {
    folder: "SseStream",
    trigger: Trigger::Http { area: Some("sse"), is_at },
    counted_as: None,
    takes: |method, path| is_read(method) && is_at(path),
    handle: |app, _, request| {
        Box::pin(async move { if request.method == Method::HEAD { head() } else { handle(app, &request) } })
    },
    // A native `EventSource` comes back after a 200 only.
    after_panic: || reply::bytes(StatusCode::OK, MEDIA_TYPE, ":\n"),
};

fn is_at(path: &[&str]) -> bool {
    matches!(path, ["api", "sse", "dashboard"])
}

/// Opens a stream. The status is 200 even for a reader who is shed: a native `EventSource` closes for good on any
/// other. A client that says it can take it (`shed=503`) is told by status. Who asks for what is meant for operators (`ops=1`)
/// without their key is refused: that is no reader whom anything would bring back.
fn handle(app: &App, request: &Request) -> Response {
    let ops = request.query.flag("ops");
    if ops && let Some(refusal) = operator::refusal(&app.config.operator_access, &request.headers) {
        return refusal;
    }
    let opened = app.streams.open(StreamRequest {
        filter: request.query.scope_filter(),
        named: request.query.flag("named"),
        heartbeat: request.query.flag("heartbeat"),
        ops,
        cursor: cursor(request),
    });
    match opened {
        Opened::Shed { by_status, .. } if request.query.first("shed") == Some("503") => too_many(by_status),
        Opened::Shed { by_stream: stream, .. } | Opened::Stream(stream) => event_stream(stream),
    }
}

/// What a `GET` would be answered with, without the stream.
fn head() -> Response {
    with_headers(Response::default())
}

fn event_stream(stream: ByteStream) -> Response {
    with_headers(warp::reply::stream(stream).into_response())
}

fn with_headers(response: Response) -> Response {
    let headers = [
        (CONTENT_TYPE, MEDIA_TYPE),
        // A proxy that compresses holds the first kilobyte back, and `no-transform` forbids it.
        (CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    headers.into_iter().fold(response, |response, (name, value)| reply::with_header(response, name, value))
}

fn too_many(retry_after: Duration) -> Response {
    let error = ErrorBody {
        code: "too_many_streams",
        message: "this instance has as many streams as it may have",
        remedy: "come back after the time in Retry-After",
    };
    let seconds = retry_after.as_secs().max(1).to_string();
    reply::with_header(reply::error(StatusCode::SERVICE_UNAVAILABLE, error), RETRY_AFTER, &seconds)
}

/// The cursor that a reader comes back with. The header wins: a native reconnect repeats the old URL with a newer
/// header, while a new `EventSource` object sends no header at all.
fn cursor(request: &Request) -> Option<String> {
    let header = request.headers.get("last-event-id").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let header = header.filter(|value| !value.is_empty()).map(std::borrow::Cow::into_owned);
    header.or_else(|| request.query.first("lastEventId").map(str::to_owned))
}
