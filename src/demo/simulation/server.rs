//! Serves the REST API of a simulated organisation on a free loopback port, and can be made unreachable.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use warp::Filter;
use warp::filters::path::FullPath;
use warp::reply::Response;

use super::model::Model;
use super::organisation::NAME;
use super::rest::{self, Answer, SimulatedFailure};

/// The greatest body that is read.
const BODY_BYTES_MAX: u64 = 1024 * 1024;

/// A running server. It ends when it is dropped.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    model: Arc<Mutex<Model>>,
    calls: Mutex<BTreeMap<String, u64>>,
    failures: Mutex<VecDeque<Planned>>,
}

/// A failure that is to come, of the next call on a route or of the next one at all.
struct Planned {
    route: Option<String>,
    failure: SimulatedFailure,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Listens on a free port and serves the model, whose addresses are from then on those of the server.
    pub async fn start(model: Arc<Mutex<Model>>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        lock(&model).base_url = format!("http://{address}/{NAME}");
        let shared = Arc::new(Shared {
            model,
            calls: Mutex::new(BTreeMap::new()),
            failures: Mutex::new(VecDeque::new()),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { shared, address, accepting: Some(accepting) })
    }

    /// Where the organisation is reached, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}/{NAME}", self.address)
    }

    /// The model that is served.
    pub fn model(&self) -> Arc<Mutex<Model>> {
        self.shared.model.clone()
    }
}

/// What tests do to the organisation, and ask it. The demo uses none of it.
impl Server {
    /// How many calls were answered, failures included.
    pub fn calls(&self) -> u64 {
        lock(&self.shared.calls).values().sum()
    }

    /// How many calls were answered, by method and what follows `_apis/`; `*` stands for numbers and ids.
    pub fn calls_by_route(&self) -> BTreeMap<String, u64> {
        lock(&self.shared.calls).clone()
    }

    /// Makes the next call fail, after those for which a failure is already planned.
    pub fn fail_next(&self, failure: SimulatedFailure) {
        lock(&self.shared.failures).push_back(Planned { route: None, failure });
    }

    /// Makes the next call on a route fail, after those on it for which a failure is already planned. Routes are named
    /// as `calls_by_route` names them.
    pub fn fail_next_on(&self, route: &str, failure: SimulatedFailure) {
        lock(&self.shared.failures).push_back(Planned { route: Some(route.to_owned()), failure });
    }

    /// Stops listening and drops every connection: the organisation cannot be reached.
    pub async fn close(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // It was cancelled, which is what it is awaited for.
            let _ = accepting.await;
        }
    }

    /// Listens on the same port again. Errors: somebody else has taken it meanwhile.
    pub async fn reopen(&mut self) -> io::Result<()> {
        if self.accepting.is_none() {
            let listener = TcpListener::bind(self.address).await?;
            self.accepting = Some(tokio::spawn(accept(listener, self.shared.clone())));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

/// Accepts until it is aborted; its connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let service = warp::service(routes(shared));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            tokio::task::yield_now().await;
            continue;
        };
        let service = TowerToHyperService::new(service.clone());
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the simulated organisation ended");
            }
        });
    }
}

fn routes(shared: Arc<Shared>) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let body = warp::body::content_length_limit(BODY_BYTES_MAX)
        .and(warp::body::bytes())
        .or(warp::any().map(Bytes::new))
        .unify();
    warp::method().and(warp::path::full()).and(query).and(body).then(
        move |method: Method, path: FullPath, query: String, body: Bytes| {
            let shared = shared.clone();
            async move { respond(&shared, &method, path.as_str(), &query, &body).await }
        },
    )
}

async fn respond(shared: &Shared, method: &Method, path: &str, query: &str, body: &[u8]) -> Response {
    let route = route(method, path);
    let failure = planned(shared, &route);
    *lock(&shared.calls).entry(route).or_default() += 1;
    if let Some(answer) = failure.as_ref().and_then(SimulatedFailure::answer) {
        return response(answer);
    }
    let mut late = None;
    if let Some(SimulatedFailure::Slow(delay)) = failure {
        tokio::time::sleep(delay).await;
        late = Some(delay);
    }
    let mut answer = rest::answer(&lock(&shared.model), method.as_str(), path, query, body);
    if let Some(delay) = late {
        answer.headers.push(("retry-after", delay.as_secs().max(1).to_string()));
        answer.headers.push(("x-ratelimit-delay", format!("{:.3}", delay.as_secs_f64())));
    }
    response(answer)
}

/// The first failure that is planned for a call on a route.
fn planned(shared: &Shared, route: &str) -> Option<SimulatedFailure> {
    let mut failures = lock(&shared.failures);
    let of_route = |planned: &Planned| planned.route.as_ref().is_none_or(|of| of == route);
    let first = failures.iter().position(of_route)?;
    failures.remove(first).map(|planned| planned.failure)
}

fn response(answer: Answer) -> Response {
    let text = match answer.body {
        Value::String(text) => text,
        body => body.to_string(),
    };
    let mut builder = http::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(text.into()).unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(String::new().into());
    *response.status_mut() = status;
    response
}

/// A call without what differs from item to item, so that calls can be counted.
fn route(method: &Method, path: &str) -> String {
    let (_, call) = path.split_once("/_apis/").unwrap_or(("", path));
    let segments = call.split('/').map(|segment| {
        let is_number = segment.parse::<u64>().is_ok();
        if is_number || uuid::Uuid::try_parse(segment).is_ok() { "*" } else { segment }
    });
    format!("{method} {}", segments.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
