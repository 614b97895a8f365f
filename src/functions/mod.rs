//! The HTTP adapter: one module for each function folder, and the table of them by which requests are routed.
//!
//! One warp filter takes a request apart and one table sends it on: warp's own rejections (404, 405, 411, 413)
//! would put a service hook on probation, and a long chain of filters costs more to compile and to run.

pub(crate) mod body;
mod cors;
pub(crate) mod dashboard;
mod doctor;
mod health_check;
pub(crate) mod invocation;
mod operator;
mod origin;
pub(crate) mod reply;
mod sign_in;
pub mod snapshot;
mod sse_stream;
mod sync_timer;
mod tile;
pub(crate) mod work_item_webhook;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use bytes::{Buf, Bytes};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;
use warp::Filter;
use warp::filters::path::FullPath;
use warp::reply::Response;

use crate::app::App;
use crate::board::filter::ScopeFilter;
use crate::domain::scope::NameOrId;

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

    /// The boards that are asked for by `project` and `team`, each repeatable. A blank one matches nothing: it is that of a
    /// page whose variable is empty, which did not mean to ask for every board.
    pub fn scope_filter(&self) -> ScopeFilter {
        let named = |text| NameOrId::parse(text).unwrap_or(NameOrId::Name(String::new()));
        let names = |name| self.all(name).map(named).collect();
        ScopeFilter { projects: names("project"), teams: names("team") }
    }

    /// An address with this query.
    fn behind(&self, address: &str) -> String {
        if self.0.is_empty() {
            return address.to_owned();
        }
        form_urlencoded::Serializer::for_suffix(format!("{address}?"), address.len() + 1)
            .extend_pairs(&self.0)
            .finish()
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The routes, as a filter that never rejects.
pub fn routes(app: App) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone {
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
    warp::path::full().and(request).then(move |path: FullPath, request: Request| {
        let app = app.clone();
        async move {
            let origin = request.headers.get(http::header::ORIGIN).cloned();
            let response = respond(&app, path.as_str(), request).await;
            let response = cors::allow(response, &app.config.allowed_origins, origin.as_ref());
            // What a board holds comes from people, and no browser is to take any of it for a page or a script.
            reply::with_header(response, http::header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        }
    })
}

fn whole_chunks<Chunk: Buf>(
    body: impl Stream<Item = Result<Chunk, warp::Error>> + Send + 'static,
) -> BodyStream {
    Box::pin(body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining()))))
}

/// A function of the host's, as the routing table sees it. Each module has one, and a row in `FUNCTIONS`.
pub struct Function {
    /// Its folder, which is its name for the host.
    folder: &'static str,
    /// How it is called.
    trigger: Trigger,
    /// What its requests are counted under; nothing for streams, which have no duration.
    counted_as: Option<&'static str>,
    /// Whether it answers a request with that method for that path.
    takes: fn(&Method, &[&str]) -> bool,
    /// Answers such a request.
    handle: for<'a> fn(&'a App, &'a [&'a str], Request) -> BoxFuture<'a, Response>,
    /// The answer to a request whose handler panicked, as its caller can bear it.
    after_panic: fn() -> Response,
}

/// How a function is called.
enum Trigger {
    /// By HTTP; the host passes such requests on as they are.
    Http {
        /// The segment after `/api` of the paths that pages of other origins may ask for; `None` where they may not.
        area: Option<&'static str>,
        /// Whether a path is one of its addresses, with whatever method.
        is_at: fn(&[&str]) -> bool,
    },
    /// By a timer of the host's, which posts an envelope. It takes as long as Azure DevOps does, and nobody waits for it.
    Timer,
}

/// Every function, in the order in which they are counted.
const FUNCTIONS: [Function; 6] = [
    work_item_webhook::FUNCTION,
    snapshot::FUNCTION,
    health_check::FUNCTION,
    dashboard::FUNCTION,
    sync_timer::FUNCTION,
    sse_stream::FUNCTION,
];

/// Everything that requests are counted under.
pub fn endpoints() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.into_iter().filter_map(|function| function.counted_as)
}

/// Whether a folder holds an HTTP function. Its requests are proxied; an envelope for one is the sign of a host that
/// cannot do that.
pub fn is_http_function(folder: &str) -> bool {
    let has_name = |function: &Function| function.folder.eq_ignore_ascii_case(folder);
    FUNCTIONS.iter().any(|function| matches!(function.trigger, Trigger::Http { .. }) && has_name(function))
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Responds to a request, whatever its handler does, and counts it. The Functions host repeats a request that was never
/// answered and gives up after three deaths, so a panic ends neither the process nor the connection.
async fn respond(app: &App, path: &str, request: Request) -> Response {
    // The host matches routes in any case and passes the path on as it came. A hook whose address was typed by hand
    // must not be answered with 404, which would put its subscription on probation.
    let path = path.to_ascii_lowercase();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let function = FUNCTIONS.into_iter().find(|function| (function.takes)(&request.method, &segments));
    let began = Instant::now();
    let handling = async {
        match (origin::judge(app, &request), &function) {
            (Err(refusal), _) => {
                origin::refuse(app, refusal, work_item_webhook::is_at(&segments), request).await
            }
            (Ok(()), Some(function)) => {
                match sign_in::refusal(&app.config, function.folder, &request.headers) {
                    Some(refusal) => refusal,
                    None => (function.handle)(app, &segments, request).await,
                }
            }
            (Ok(()), None) => elsewhere(app, &segments, request).await,
        }
    };
    // Handlers share atomics and locks alone, and every lock is taken after a panic too.
    let response = AssertUnwindSafe(handling).catch_unwind().await.unwrap_or_else(|_| {
        app.instance.vitals.panics.add(1);
        let folder = function.as_ref().map_or("none", |function| function.folder);
        tracing::error!(function = folder, "a handler panicked; its request was answered as failed");
        match &function {
            Some(function) => (function.after_panic)(),
            None => failed(StatusCode::INTERNAL_SERVER_ERROR),
        }
    });
    if let Some((endpoint, trigger)) =
        function.and_then(|function| Some((function.counted_as?, function.trigger)))
    {
        let is_waited_for = matches!(trigger, Trigger::Http { .. });
        app.instance.vitals.requests.record(endpoint, began.elapsed(), is_waited_for);
    }
    response
}

/// Responds to a request that no function takes.
async fn elsewhere(app: &App, segments: &[&str], request: Request) -> Response {
    let of_pages = || {
        FUNCTIONS.into_iter().filter_map(|function| match function.trigger {
            Trigger::Http { area, is_at } => Some((area?, is_at)),
            Trigger::Timer => None,
        })
    };
    match segments {
        // The host asks this every 25 ms until it is answered, and again as a health check.
        [] if app.config.under_host || !is_read(&request.method) => reply::text("boardcast"),
        [] => reply::see(&request.query.behind("/api/dashboard")),
        ["api", second, ..]
            if request.method == Method::OPTIONS && of_pages().any(|(area, _)| area == *second) =>
        {
            cors::preflight(&app.config.allowed_origins, &request.headers)
        }
        [name] if request.method == Method::POST && is_http_function(name) => {
            // A host that is still writing when it is answered loses the answer with the connection.
            let _ = body::read(request.body, 0).await;
            invocation::not_proxied(name, &request.headers)
        }
        _ if !is_read(&request.method) && of_pages().any(|(_, is_at)| is_at(segments)) => {
            reply::method_not_allowed()
        }
        _ => reply::not_found(),
    }
}

/// What a caller is told where the server made a mistake.
fn failed(status: StatusCode) -> Response {
    let error = reply::ErrorBody {
        code: "internal",
        message: "the server made a mistake",
        remedy: "try again; the operator finds the place in the log, under panic",
    };
    reply::error(status, error)
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
        assert!(query.flag("named") && !query.flag("heartbeat"));
        assert_eq!(query.first("x"), Some("\u{fffd}"));
        assert_eq!(Query::parse(""), Query::default());
    }

    #[test]
    fn fault_d4_a_blank_name_is_a_filter_that_matches_nothing() {
        let filter = |query: &str| Query::parse(query).scope_filter();
        assert!(filter("x=1").is_empty());
        for query in ["project=", "team=", "project=%20&x=1"] {
            assert!(!filter(query).is_empty(), "{query}");
        }
    }

    #[test]
    fn after_a_panic_each_caller_is_answered_as_it_can_bear() {
        let answered = |method: Method, path: &str| {
            let segments: Vec<&str> = path.split('/').collect();
            let function = FUNCTIONS.into_iter().find(|function| (function.takes)(&method, &segments));
            let response = (function.unwrap().after_panic)();
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
        ] {
            assert_eq!(answered(method, path), (status, media_type.to_owned()), "{path}");
        }
    }
}
