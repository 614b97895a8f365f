//! Cross-origin reading, standalone only. Under the Functions host a preflight never reaches the handler and CORS is
//! the platform's; a second `Access-Control-Allow-Origin` would break the browser.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::reply;
use crate::config::AllowedOrigins;

/// Answers a preflight. `last-event-id` is among the headers because a cursor may be one that needs a preflight.
pub(super) fn preflight(allowed: &AllowedOrigins, headers: &HeaderMap) -> Response {
    if allowed.answer(headers.get(ORIGIN)).is_none() {
        return reply::method_not_allowed();
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "last-event-id, cache-control, if-none-match, x-functions-key"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        response = reply::with_header(response, name, value);
    }
    response
}

/// The response with the headers that let the page of an allowed origin read it.
pub(super) fn allow(response: Response, allowed: &AllowedOrigins, origin: Option<&HeaderValue>) -> Response {
    let Some(answer) = allowed.answer(origin) else { return vary(response, allowed) };
    let mut response = vary(response, allowed);
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, answer);
    reply::with_header(response, ACCESS_CONTROL_EXPOSE_HEADERS, "etag, x-boardcast-data-as-of")
}

/// A cache must not hand one origin's answer to another.
fn vary(response: Response, allowed: &AllowedOrigins) -> Response {
    match allowed {
        AllowedOrigins::These(origins) if !origins.is_empty() => reply::with_header(response, VARY, "Origin"),
        _ => response,
    }
}

impl AllowedOrigins {
    /// The value of `Access-Control-Allow-Origin` for a request, if its origin may read.
    fn answer(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let origin = origin?;
        match self {
            Self::Platform => None,
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::These(origins) => {
                origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
            }
        }
    }
}
