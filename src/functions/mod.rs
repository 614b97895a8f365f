//! The HTTP adapter: the whole routing table on one screen, and one module for each function folder.
//!
//! One warp filter takes a request apart and one `match` sends it on: warp's own rejections (404, 405, 411, 413)
//! would put a service hook on probation, and a long chain of filters costs more to compile and to run.

pub mod body;
pub mod dashboard;
pub mod health_check;
pub mod invocation;
pub mod reply;
pub mod snapshot;
pub mod sse_stream;
pub mod sync_timer;
pub mod work_item_webhook;

use std::convert::Infallible;
use std::pin::Pin;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, Method};
use warp::Filter;
use warp::filters::path::FullPath;
use warp::reply::Response;

use crate::app::App;
use crate::domain::scope::NameOrId;
use crate::snapshot::ScopeFilter;

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
        .then(move |path: FullPath, request| {
            let app = app.clone();
            async move { dispatch(&app, path.as_str(), request).await }
        })
        .recover(|_| std::future::ready(Ok::<_, Infallible>(reply::not_found())))
        .unify()
}

fn whole_chunks<Chunk: Buf>(
    body: impl Stream<Item = Result<Chunk, warp::Error>> + Send + 'static,
) -> BodyStream {
    Box::pin(body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining()))))
}

/// The routing table. By itself the server answers the webhook without the prefix `/api` as well; the Functions
/// host sends nothing there.
async fn dispatch(app: &App, path: &str, request: Request) -> Response {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    match segments.as_slice() {
        // The host asks this every 25 ms until it is answered, and again as a health check.
        [] => reply::text("boardcast"),
        ["api", "webhooks", "azure-devops", rest @ ..] | ["webhooks", "azure-devops", rest @ ..] => {
            work_item_webhook::handle(app, rest.first().copied(), request).await
        }
        ["SyncTimer"] if request.method == Method::POST => sync_timer::handle(app, request).await,
        ["api", "sse", "dashboard"] if request.method == Method::GET => sse_stream::handle(app, &request),
        ["api", "snapshot"] if reads => snapshot::handle(app, request).await,
        ["api", "health", rest @ ..] if reads && rest.len() <= 1 => {
            health_check::handle(app, rest.first().copied())
        }
        ["api", "dashboard", rest @ ..] if reads && rest.len() <= 1 => {
            dashboard::handle(rest.first().copied(), &request)
        }
        [name] if request.method == Method::POST && invocation::is_http_function(name) => {
            invocation::not_proxied(name, &request.headers)
        }
        ["api", "sse", "dashboard"] | ["api", "snapshot" | "health" | "dashboard", ..] if !reads => {
            reply::method_not_allowed()
        }
        ["api", "sse", "dashboard"] => reply::method_not_allowed(),
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
}
