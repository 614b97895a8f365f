//! The simulated organisation behind a layer of the tests: calls are counted, some fail as planned, and it can be made
//! unreachable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boardcast::demo::simulation::model::Model;
use boardcast::demo::simulation::organisation::NAME;
use boardcast::demo::simulation::server::routes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use warp::reply::Response;

/// An answer that the tests make up.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// A text is sent as it is.
    pub body: Value,
}

/// What goes wrong, when something is to go wrong.
#[derive(Clone)]
pub enum SimulatedFailure {
    /// 429: the caller used too much and is to wait as many seconds.
    TooManyRequests(u32),
    /// 503.
    Unavailable,
    /// The answer is right, but late, as throttling makes it; `Retry-After` says so.
    Slow(Duration),
    /// 203 with the page to sign in, which a bad token gets.
    SignIn,
    /// Any other answer.
    Instead(Answer),
}

impl SimulatedFailure {
    /// The answer instead of the right one; `None` when the right one is sent late.
    fn answer(&self) -> Option<Answer> {
        let complaint = |status, headers, type_key: &str, message: &str| {
            let body = json!({ "$id": "1", "innerException": null, "message": message, "typeKey": type_key });
            Some(Answer { status, headers, body })
        };
        match self {
            Self::TooManyRequests(seconds) => {
                let text = "TF400733: The request has been canceled: Request was blocked due to exceeding usage of \
                            resource 'Concurrency' in namespace 'User'.";
                let headers = vec![("retry-after", seconds.to_string())];
                complaint(429, headers, "RequestBlockedException", text)
            }
            Self::Unavailable => {
                complaint(503, Vec::new(), "ServiceUnavailableException", "The service is unavailable.")
            }
            Self::Slow(_) => None,
            Self::Instead(answer) => Some(answer.clone()),
            Self::SignIn => Some(Answer {
                status: 203,
                headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
                body: json!("<html><head><title>Azure DevOps Services | Sign In</title></head></html>"),
            }),
        }
    }
}

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
    broken: Mutex<BTreeMap<String, SimulatedFailure>>,
    /// The only version of the API that is known, where it is not every one, and the routes that are previews in it.
    version: Mutex<Option<(&'static str, &'static [&'static str])>>,
    /// What calls may be logged in with, where it is not anything.
    admitted: Mutex<Option<BTreeSet<String>>>,
    /// What each call was logged in with.
    logins: Mutex<Vec<String>>,
}

/// A failure that is to come, of the next call on a route or of the next one at all.
struct Planned {
    route: Option<String>,
    failure: SimulatedFailure,
}

impl Server {
    /// Listens on a free port and serves the model, whose addresses are from then on those of the server.
    pub async fn start(model: Arc<Mutex<Model>>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (calls, failures, broken, version) = Default::default();
        let (admitted, logins) = Default::default();
        let shared = Arc::new(Shared { model, calls, failures, broken, version, admitted, logins });
        let accepting = Some(tokio::spawn(accept(listener, shared.clone())));
        let server = Self { shared, address, accepting };
        server.model().lock().unwrap().base_url = server.base_url();
        Ok(server)
    }

    /// Where the organisation is reached, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}/{NAME}", self.address)
    }

    /// The model that is served.
    pub fn model(&self) -> Arc<Mutex<Model>> {
        self.shared.model.clone()
    }

    /// How many calls were answered, failures included.
    pub fn calls(&self) -> u64 {
        self.shared.calls.lock().unwrap().values().sum()
    }

    /// How many calls were answered, by method and what follows `_apis/`; `*` stands for numbers and ids.
    pub fn calls_by_route(&self) -> BTreeMap<String, u64> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Makes the next call fail, after those for which a failure is already planned.
    pub fn fail_next(&self, failure: SimulatedFailure) {
        self.shared.failures.lock().unwrap().push_back(Planned { route: None, failure });
    }

    /// Makes the next call on a route fail, after those on it for which a failure is already planned. Routes are named
    /// as `calls_by_route` names them.
    pub fn fail_next_on(&self, route: &str, failure: SimulatedFailure) {
        let planned = Planned { route: Some(route.to_owned()), failure };
        self.shared.failures.lock().unwrap().push_back(planned);
    }

    /// Knows the API in that version alone; the calls whose paths end so are previews in it.
    pub fn know_only(&self, version: &'static str, previews: &'static [&'static str]) {
        *self.shared.version.lock().unwrap() = Some((version, previews));
    }

    /// Refuses every call that is logged in with anything else than these values of `Authorization`.
    pub fn admit_only(&self, logins: &[&str]) {
        *self.shared.admitted.lock().unwrap() = Some(logins.iter().map(ToString::to_string).collect());
    }

    /// The values of `Authorization` that calls came with, in their order.
    pub fn logins(&self) -> Vec<String> {
        self.shared.logins.lock().unwrap().clone()
    }

    /// Makes every call on a route fail, or on any route: `*`.
    pub fn fail_on(&self, route: &str, failure: SimulatedFailure) {
        self.shared.broken.lock().unwrap().insert(route.to_owned(), failure);
    }

    /// Makes every call succeed again.
    pub fn mend(&self) {
        self.shared.broken.lock().unwrap().clear();
        self.shared.failures.lock().unwrap().clear();
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

impl Shared {
    /// The refusal of a version that is not known.
    fn refusal(&self, uri: &http::Uri) -> Option<SimulatedFailure> {
        let (known, previews) = (*self.version.lock().unwrap())?;
        let asked = uri.query()?.split('&').find_map(|pair| pair.strip_prefix("api-version="))?;
        let is_preview = previews.iter().any(|path| uri.path().ends_with(path));
        let (type_key, message) = match asked
            .split_once("-preview")
            .map_or((asked, false), |(v, _)| (v, true))
        {
            (version, _) if version != known => (
                "VssVersionOutOfRangeException",
                format!(
                    "The requested REST API version of {version} is out of range for this server. The latest REST API \
                     version this server supports is {known}."
                ),
            ),
            (version, false) if is_preview => (
                "VssInvalidPreviewVersionException",
                format!(
                    "The requested version \"{version}\" of the resource is under preview. The -preview flag must be \
                     supplied in the api-version for such requests. For example: \"{version}-preview\""
                ),
            ),
            _ => return None,
        };
        let body = json!({ "$id": "1", "message": message, "typeKey": type_key });
        Some(SimulatedFailure::Instead(Answer { status: 400, headers: Vec::new(), body }))
    }

    /// The refusal of a login that is not admitted, which is kept.
    fn denial(&self, headers: &HeaderMap) -> Option<SimulatedFailure> {
        let login = headers.get(AUTHORIZATION).map_or("", |value| value.to_str().unwrap()).to_owned();
        let is_admitted = self.admitted.lock().unwrap().as_ref().is_none_or(|all| all.contains(&login));
        self.logins.lock().unwrap().push(login);
        let message = "TF400813: The user '' is not authorized to access this resource.";
        let body = json!({ "$id": "1", "message": message, "typeKey": "UnauthorizedRequestException" });
        (!is_admitted).then(|| SimulatedFailure::Instead(Answer { status: 401, headers: Vec::new(), body }))
    }

    /// Counts a call; the first failure that is planned for it.
    fn count(&self, method: &Method, path: &str) -> Option<SimulatedFailure> {
        let route = route(method, path);
        let mut failures = self.failures.lock().unwrap();
        let first = failures.iter().position(|planned| planned.route.as_ref().is_none_or(|of| *of == route));
        let planned = first.and_then(|first| failures.remove(first)).map(|planned| planned.failure);
        let failure = planned.or_else(|| {
            let broken = self.broken.lock().unwrap();
            broken.get(&route).or_else(|| broken.get("*")).cloned()
        });
        *self.calls.lock().unwrap().entry(route).or_default() += 1;
        failure
    }
}

/// Accepts until it is aborted; its connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let simulated = TowerToHyperService::new(warp::service(routes(shared.model.clone())));
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, simulated) = (shared.clone(), simulated.clone());
        async move {
            let failure = shared.count(request.method(), request.uri().path());
            let denial = shared.denial(request.headers());
            let failure = failure.or(denial).or_else(|| shared.refusal(request.uri()));
            if let Some(answer) = failure.as_ref().and_then(SimulatedFailure::answer) {
                return Ok::<_, Infallible>(response(answer));
            }
            let Some(SimulatedFailure::Slow(delay)) = failure else { return simulated.call(request).await };
            tokio::time::sleep(delay).await;
            let mut answer = simulated.call(request).await?;
            answer.headers_mut().insert("retry-after", HeaderValue::from(delay.as_secs().max(1)));
            let told = HeaderValue::from_str(&format!("{:.3}", delay.as_secs_f64())).unwrap();
            answer.headers_mut().insert("x-ratelimit-delay", told);
            Ok(answer)
        }
    });
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
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()));
    }
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
    builder.body(text.into()).unwrap()
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
