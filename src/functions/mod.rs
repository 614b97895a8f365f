//! The HTTP adapter: the whole routing table on one screen, and one module for each function folder.
//!
//! One warp filter takes a request apart and one `match` sends it on: warp's own rejections (404, 405, 411, 413)
//! would put a service hook on probation, and a long chain of filters costs more to compile and to run.

pub mod body;
pub mod cors;
pub mod dashboard;
pub mod health_check;
pub mod invocation;
pub mod reply;
pub mod snapshot;
pub mod sse_stream;
pub mod sync_timer;
pub mod work_item_webhook;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use bytes::{Buf, Bytes};
use futures_util::{FutureExt, Stream, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;
use warp::Filter;
use warp::filters::path::FullPath;
use warp::reply::Response;

use crate::app::App;
use crate::board::snapshot::ScopeFilter;
use crate::domain::scope::NameOrId;
use crate::ops::vitals::Endpoint;

/// The body of a request as it arrives.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

/// A request, taken apart.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The decoded query.
    pub query: Query,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, unread.
    pub body: BodyStream,
}

/// The parameters of a query, decoded, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string. Whatever it holds, there is a result: bytes that are not UTF-8 are replaced.
    pub fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The first value of a parameter that is not empty.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// Whether a parameter is set to `1`.
    pub fn flag(&self, name: &str) -> bool {
        self.first(name) == Some("1")
    }

    /// The boards that are asked for by `project` and `team`, each repeatable.
    pub fn scope_filter(&self) -> ScopeFilter {
        let names = |name| self.all(name).filter_map(NameOrId::parse).collect();
        ScopeFilter { projects: names("project"), teams: names("team") }
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The routes, as a filter that never rejects.
pub fn routes(app: App) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let request =
        warp::method().and(query).and(warp::header::headers_cloned()).and(warp::body::stream()).map(
            |method, query: String, headers, body| Request {
                method,
                query: Query::parse(&query),
                headers,
                body: whole_chunks(body),
            },
        );
    warp::path::full()
        .and(request)
        .then(move |path: FullPath, request: Request| {
            let app = app.clone();
            async move {
                let origin = request.headers.get(http::header::ORIGIN).cloned();
                let response = answer(&app, path.as_str(), request).await;
                cors::allow(response, &app.allowed_origins, origin.as_ref())
            }
        })
        .recover(|_| std::future::ready(Ok::<_, Infallible>(reply::not_found())))
        .unify()
}

fn whole_chunks<Chunk: Buf>(
    body: impl Stream<Item = Result<Chunk, warp::Error>> + Send + 'static,
) -> BodyStream {
    Box::pin(body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining()))))
}

/// Answers a request, whatever its handler does, and counts it. The Functions host repeats a request that was never
/// answered and gives up after three deaths, so a panic ends neither the process nor the connection.
async fn answer(app: &App, path: &str, request: Request) -> Response {
    // The host matches routes in any case and passes the path on as it came. A hook whose address was typed by hand
    // must not be answered with 404, which would put its subscription on probation.
    let path = path.to_ascii_lowercase();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let endpoint = endpoint(&request.method, &segments);
    let began = Instant::now();
    // Handlers share atomics and locks alone, and whoever takes a lock takes it after a panic too.
    let response = match AssertUnwindSafe(dispatch(app, &segments, request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            app.instance.vitals.panics.add(1);
            let word = endpoint.map_or("other", Endpoint::as_str);
            tracing::error!(endpoint = word, "a handler panicked; its request was answered as failed");
            after_panic(endpoint, &segments)
        }
    };
    if let Some(endpoint) = endpoint {
        app.instance.vitals.requests.record(endpoint, began.elapsed());
    }
    response
}

/// What a request is counted under; nothing for streams, which have no duration, and for what is at no address.
fn endpoint(method: &Method, segments: &[&str]) -> Option<Endpoint> {
    match segments {
        ["api", "webhooks", "azure-devops", ..] | ["webhooks", "azure-devops", ..] => Some(Endpoint::Webhook),
        ["synctimer"] if method == Method::POST => Some(Endpoint::Timer),
        ["api", ..] if !matches!(*method, Method::GET | Method::HEAD) => None,
        ["api", "snapshot"] => Some(Endpoint::Snapshot),
        ["api", "health"] | ["api", "health", _] => Some(Endpoint::Health),
        ["api", "dashboard"] | ["api", "dashboard", _] => Some(Endpoint::Dashboard),
        _ => None,
    }
}

/// The answer to a request whose handler panicked, as each caller can bear it: Azure DevOps repeats a 503 and
/// nothing else, a native `EventSource` comes back after a 200 only, a timer wants JSON.
fn after_panic(endpoint: Option<Endpoint>, segments: &[&str]) -> Response {
    let error = reply::ErrorBody {
        code: "internal",
        message: "the server made a mistake",
        remedy: "try again; the operator finds the place in the log, under panic",
    };
    match (endpoint, segments) {
        (Some(Endpoint::Webhook), _) => reply::error(StatusCode::SERVICE_UNAVAILABLE, error),
        (Some(Endpoint::Timer), _) => {
            invocation::InvocationReply::logging("failed: a panic; see the log").into_response()
        }
        (_, ["api", "sse", "dashboard"]) => {
            reply::bytes(StatusCode::OK, "text/event-stream; charset=utf-8", "retry: 5000\n\n")
        }
        _ => reply::error(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

/// The routing table. By itself the server answers the webhook without the prefix `/api` as well; the Functions
/// host sends nothing there.
async fn dispatch(app: &App, segments: &[&str], request: Request) -> Response {
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    match segments {
        // The host asks this every 25 ms until it is answered, and again as a health check.
        [] => reply::text("boardcast"),
        ["api", "webhooks", "azure-devops", rest @ ..] | ["webhooks", "azure-devops", rest @ ..] => {
            let response = work_item_webhook::handle(app, rest.first().copied(), request).await;
            if response.status() == StatusCode::OK {
                app.instance.vitals.last_hook.set((app.instance.clock)());
            }
            response
        }
        ["synctimer"] if request.method == Method::POST => sync_timer::handle(app, request).await,
        ["api", "sse", "dashboard"] if request.method == Method::GET => sse_stream::handle(app, &request),
        ["api", "sse", "dashboard"] if request.method == Method::HEAD => sse_stream::head(),
        ["api", "sse" | "snapshot" | "health" | "dashboard", ..] if request.method == Method::OPTIONS => {
            cors::preflight(&app.allowed_origins, &request.headers)
        }
        ["api", "snapshot"] if reads => snapshot::handle(app, request).await,
        ["api", "health", rest @ ..] if reads && rest.len() <= 1 => {
            health_check::handle(app, rest.first().copied(), &request)
        }
        ["api", "dashboard", rest @ ..] if reads && rest.len() <= 1 => {
            dashboard::handle(rest.first().copied(), &request)
        }
        [name] if request.method == Method::POST && invocation::is_http_function(name) => {
            // A host that is still writing when it is answered loses the answer with the connection.
            let _ = body::read(request.body, 0).await;
            invocation::not_proxied(name, &request.headers)
        }
        ["api", "sse", "dashboard"] | ["api", "snapshot" | "health" | "dashboard", ..] if !reads => {
            reply::method_not_allowed()
        }
        _ => reply::not_found(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_repeatable() {
        let query = Query::parse("project=Fabrikam+Fiber&project=b%C3%BCro&team=&named=1&x=%ff");
        let filter = query.scope_filter();
        assert_eq!(
            filter.projects.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["fabrikam fiber", "büro"]
        );
        assert!(filter.teams.is_empty() && query.flag("named") && !query.flag("heartbeat"));
        assert_eq!(query.first("x"), Some("\u{fffd}"));
        assert_eq!(Query::parse(""), Query::default());
    }
    #[test]
    fn after_a_panic_each_caller_is_answered_as_it_can_bear() {
        let answered = |method: Method, path: &str| {
            let segments: Vec<&str> = path.split('/').collect();
            let response = after_panic(endpoint(&method, &segments), &segments);
            let media_type = response.headers()[http::header::CONTENT_TYPE].to_str().unwrap();
            (response.status().as_u16(), media_type.split(';').next().unwrap().to_owned())
        };
        for (method, path, status, media_type) in [
            (Method::POST, "api/webhooks/azure-devops/workitem.updated", 503, "application/json"),
            (Method::POST, "webhooks/azure-devops", 503, "application/json"),
            (Method::PUT, "api/webhooks/azure-devops", 503, "application/json"),
            (Method::POST, "synctimer", 200, "application/json"),
            (Method::GET, "api/sse/dashboard", 200, "text/event-stream"),
            (Method::GET, "api/snapshot", 500, "application/json"),
            (Method::GET, "api/health", 500, "application/json"),
            (Method::GET, "api/dashboard/app.js", 500, "application/json"),
            (Method::GET, "nothing", 500, "application/json"),
        ] {
            assert_eq!(answered(method, path), (status, media_type.to_owned()), "{path}");
        }
    }
}
