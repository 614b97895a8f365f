//! Replies: the only place where a status meets an error.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use warp::Reply as _;
use warp::reply::Response;

/// An error as a client receives it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    /// A word for programs.
    pub code: &'a str,
    /// A sentence for people.
    pub message: &'a str,
    /// What to do about it.
    pub remedy: &'a str,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    error: ErrorBody<'a>,
}

/// Any bytes with a media type.
pub(crate) fn bytes(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// JSON that is encoded already.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    bytes(status, "application/json; charset=utf-8", body)
}

/// A value as JSON.
pub(crate) fn value(status: StatusCode, value: &impl Serialize) -> Response {
    // Strings, numbers and maps with string keys cannot fail to serialise.
    json(status, serde_json::to_vec(value).unwrap_or_default())
}

/// 200 with a short text.
pub(crate) fn text(text: &'static str) -> Response {
    bytes(StatusCode::OK, "text/plain; charset=utf-8", text)
}

/// 307: what is asked for is at another address for now.
pub(crate) fn see(address: &str) -> Response {
    with_header(StatusCode::TEMPORARY_REDIRECT.into_response(), LOCATION, address)
}

/// An error with its status.
pub(crate) fn error(status: StatusCode, error: ErrorBody<'_>) -> Response {
    value(status, &Wrapped { error })
}

/// 404.
pub(crate) fn not_found() -> Response {
    let error = ErrorBody {
        code: "not_found",
        message: "there is nothing at this address",
        remedy: "the routes are /api/dashboard, /api/sse/dashboard, /api/snapshot, /api/health and \
                 /api/webhooks/azure-devops",
    };
    self::error(StatusCode::NOT_FOUND, error)
}

/// 405.
pub(crate) fn method_not_allowed() -> Response {
    let error = ErrorBody {
        code: "method_not_allowed",
        message: "this address is only read",
        remedy: "send a GET request",
    };
    // RFC 9110 §15.5.6 wants the methods named.
    with_header(self::error(StatusCode::METHOD_NOT_ALLOWED, error), ALLOW, "GET, HEAD")
}

/// The response with one header more. Values are made of digits, words and ids, all legal in a header.
pub(crate) fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// 304: what the client has is still right.
pub(crate) fn not_modified() -> Response {
    StatusCode::NOT_MODIFIED.into_response()
}

/// Whether `If-None-Match` names this entity tag (RFC 9110 §13.1.2, weak comparison).
pub(crate) fn matches(headers: &http::HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(http::header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|tag| {
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag.strip_prefix("W/").unwrap_or(etag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_is_found_in_a_list() {
        let headers =
            |value: &str| http::HeaderMap::from_iter([(http::header::IF_NONE_MATCH, value.parse().unwrap())]);
        assert!(matches(&headers("\"a\", W/\"b\""), "\"b\""));
        assert!(matches(&headers("*"), "\"b\""));
        assert!(!matches(&headers("\"bb\""), "\"b\""));
        assert!(!matches(&http::HeaderMap::new(), "\"b\""));
    }
}
