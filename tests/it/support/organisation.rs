//! The simulated organisation behind a layer of the tests: calls are counted, some fail as planned, and it can be made
//! unreachable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use boardcast::demo::simulation::model::Model;
use boardcast::demo::simulation::organisation::NAME;
use boardcast::demo::simulation::server::routes;
use bytes::{Bytes, BytesMut};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::service_hooks::{self, FakeHooks};

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
    /// The answer is right, and in time, with these headers.
    #[allow(dead_code, reason = "not in tests/long")]
    Headed(Vec<(&'static str, String)>),
    /// 203 with the page to sign in, which a bad token gets.
    SignIn,
    /// Any other answer.
    Instead(Answer),
    /// The right answer, of which the last part never comes: the connection is reset.
    #[allow(dead_code, reason = "only in tests/long")]
    Reset,
    /// The right answer as far as it goes: the JSON ends in the middle.
    Truncated,
    /// A list with nothing in it.
    Empty,
    /// The answer that was given last on that route.
    Again,
}

impl SimulatedFailure {
    /// The answer instead of the right one; `None` when it is made of that.
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
            Self::Slow(_) | Self::Headed(_) | Self::Reset | Self::Truncated | Self::Again => None,
            Self::Empty => {
                let body = json!({ "count": 0, "value": [], "values": [], "isLastBatch": false });
                Some(Answer { status: 200, headers: Vec::new(), body })
            }
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
    /// How long each answer takes.
    latency: Mutex<Duration>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// The last answer of the model on each route.
    last: Mutex<BTreeMap<String, Bytes>>,
    /// The requests, where they are kept.
    asked: Mutex<Option<Vec<Asked>>>,
    hooks: FakeHooks,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub uri: http::Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A call that is being answered, or was given up.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
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
        let (admitted, logins, latency) = Default::default();
        let (in_flight, most_in_flight, last, asked) = Default::default();
        let shared = Arc::new(Shared {
            model,
            calls,
            failures,
            broken,
            version,
            admitted,
            logins,
            latency,
            in_flight,
            most_in_flight,
            last,
            asked,
            hooks: FakeHooks::default(),
        });
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

    /// Its subscriptions of service hooks.
    pub fn hooks(&self) -> FakeHooks {
        self.shared.hooks.clone()
    }

    /// How many calls were answered, failures included.
    pub fn calls(&self) -> u64 {
        self.shared.calls.lock().unwrap().values().sum()
    }

    /// How many calls were answered, by method and what follows `_apis/`; `*` stands for numbers and ids.
    pub fn calls_by_route(&self) -> BTreeMap<String, u64> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Keeps every request from now on.
    pub fn keep_requests(&self) {
        *self.shared.asked.lock().unwrap() = Some(Vec::new());
    }

    /// The requests that were kept.
    pub fn requests(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone().unwrap_or_default()
    }

    /// Answers each call after that time.
    pub fn answer_after(&self, latency: Duration) {
        *self.shared.latency.lock().unwrap() = latency;
    }

    /// How many calls were under way at once, at most.
    pub fn most_in_flight(&self) -> usize {
        self.shared.most_in_flight.load(Ordering::SeqCst)
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
    /// What is answered to a call about subscriptions; `None` where it is none.
    fn of_hooks(&self, method: &Method, uri: &http::Uri, body: &[u8]) -> Option<Answer> {
        let (_, path) = uri.path().split_once("/_apis/hooks/")?;
        let query = uri.query().unwrap_or_default();
        Some(self.hooks.answer(&service_hooks::Asked { method: method.as_str(), path, query, body }))
    }

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

    /// A call begins: it is in flight until what is returned is dropped.
    fn begin(&self) -> InFlight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        InFlight(&self.in_flight)
    }

    /// Counts a call; the first failure that is planned for it.
    fn count(&self, route: &str) -> Option<SimulatedFailure> {
        let mut failures = self.failures.lock().unwrap();
        let first = failures.iter().position(|planned| planned.route.as_ref().is_none_or(|of| of == route));
        let planned = first.and_then(|first| failures.remove(first)).map(|planned| planned.failure);
        let failure = planned.or_else(|| {
            let broken = self.broken.lock().unwrap();
            broken.get(route).or_else(|| broken.get("*")).cloned()
        });
        *self.calls.lock().unwrap().entry(route.to_owned()).or_default() += 1;
        failure
    }
}

/// Accepts until it is aborted; its connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let simulated = TowerToHyperService::new(warp::service(routes(shared.model.clone())));
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, simulated) = (shared.clone(), simulated.clone());
        async move {
            let _in_flight = shared.begin();
            let of_route = route(request.method(), request.uri().path());
            let failure = shared.count(&of_route);
            let (head, body) = request.into_parts();
            let body = read(body).await;
            if let Some(asked) = shared.asked.lock().unwrap().as_mut() {
                let (method, uri, headers) = (head.method.clone(), head.uri.clone(), head.headers.clone());
                asked.push(Asked { method, uri, headers, body: body.clone() });
            }
            let (method, uri, sent) = (head.method.clone(), head.uri.clone(), body.clone());
            let request = Request::from_parts(head, Sent { left: body, breaks_off: false });
            let latency = *shared.latency.lock().unwrap();
            tokio::time::sleep(latency).await;
            let denial = shared.denial(request.headers());
            let failure = failure.or(denial).or_else(|| shared.refusal(request.uri()));
            if let Some(answer) = failure.as_ref().and_then(SimulatedFailure::answer) {
                return Ok::<_, Infallible>(response(answer));
            }
            if let Some(SimulatedFailure::Slow(delay)) = failure {
                tokio::time::sleep(delay).await;
            }
            if let Some(answer) = shared.of_hooks(&method, &uri, &sent) {
                return Ok(response(answer));
            }
            let (mut head, body) = simulated.call(request).await?.into_parts();
            let mut whole = read(body).await;
            let mut last = shared.last.lock().unwrap();
            let last = last.entry(of_route).or_insert_with(|| whole.clone());
            let half = whole.slice(..whole.len() / 2);
            let mut sent = Sent { left: whole.clone(), breaks_off: false };
            match failure {
                Some(SimulatedFailure::Slow(delay)) => {
                    head.headers.insert("retry-after", HeaderValue::from(delay.as_secs().max(1)));
                    let told = HeaderValue::from_str(&format!("{:.3}", delay.as_secs_f64())).unwrap();
                    head.headers.insert("x-ratelimit-delay", told);
                }
                Some(SimulatedFailure::Headed(headers)) => {
                    for (name, value) in headers {
                        head.headers.insert(name, HeaderValue::from_str(&value).unwrap());
                    }
                }
                // Of a page of the feed on which nothing is nobody can tell of when it is.
                Some(SimulatedFailure::Again) if !String::from_utf8_lossy(last).contains("\"values\":[]") => {
                    sent.left = last.clone();
                }
                Some(SimulatedFailure::Truncated) => sent.left = half,
                Some(SimulatedFailure::Reset) => sent = Sent { left: half, breaks_off: true },
                _ => {}
            }
            std::mem::swap(last, &mut whole);
            head.headers.remove("content-length");
            Ok(http::Response::from_parts(head, sent))
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

/// The body of an answer.
struct Sent {
    left: Bytes,
    /// Whether the connection is reset behind it, where more was to come.
    breaks_off: bool,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.left.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.left)))));
        }
        let breaks_off = std::mem::take(&mut self.breaks_off);
        Poll::Ready(breaks_off.then(|| Err(io::Error::other("this answer is cut off"))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.breaks_off { SizeHint::new() } else { SizeHint::with_exact(self.left.len() as u64) }
    }
}

/// Everything that a body holds.
async fn read<B: Body<Data = Bytes>>(body: B) -> Bytes {
    let mut body = Box::pin(body);
    let mut whole = BytesMut::new();
    while let Some(Ok(frame)) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
        whole.extend(frame.into_data().ok());
    }
    whole.freeze()
}

fn response(answer: Answer) -> http::Response<Sent> {
    let text = match answer.body {
        Value::String(text) => text,
        body => body.to_string(),
    };
    let mut builder = http::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(Sent { left: text.into(), breaks_off: false }).unwrap()
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
