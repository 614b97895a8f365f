//! `SseStream`: the board as server-sent events.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use warp::Reply as _;
use warp::reply::Response;

use super::{Request, reply};
use crate::app::App;
use crate::stream::StreamRequest;

/// Opens a stream. The status is always 200: a native `EventSource` closes for good on any other.
pub fn handle(app: &App, request: &Request) -> Response {
    let stream = app.streams.open(StreamRequest {
        filter: request.query.scope_filter(),
        named: request.query.flag("named"),
        heartbeat: request.query.flag("heartbeat"),
        cursor: cursor(request),
    });
    let mut response = warp::reply::stream(stream).into_response();
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response = reply::with_header(response, name, value);
    }
    response
}

/// The cursor that a reader comes back with. The header wins: a native reconnect repeats the old URL with a newer
/// header, while a new `EventSource` object sends no header at all.
fn cursor(request: &Request) -> Option<String> {
    let header = request.headers.get("last-event-id").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let header = header.filter(|value| !value.is_empty()).map(std::borrow::Cow::into_owned);
    header.or_else(|| request.query.first("lastEventId").map(str::to_owned))
}
