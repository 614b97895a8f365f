//! Sends a call and judges what comes back: an answer of the type that was asked for, or the failure that it is a
//! sign of. Whatever comes back, the result is a value.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Method, Response, StatusCode};
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::gate::{Gate, asked_pause, pause_for_others};
use super::login::{Credentials, Login};
use super::version::{Versions, is_of_version};
use super::{ClientSettings, ClientSetupError};
use crate::devops::{CallError, json, site};
use crate::domain::degradation::Failure;
use crate::platform::identity::TokenError;
use crate::platform::outbound::http_client;

/// How many characters of what the organisation said are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// How many bytes are read of an answer that is no success: enough for what it says.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Transport {
    http: reqwest::Client,
    organisation: Url,
    login: Login,
    deadline: Duration,
    body_bytes_max: usize,
    turns: Semaphore,
    versions: Versions,
    pub(super) gate: Gate,
}

/// What stands in a path in place of a `*`.
pub(super) type Argument<'a> = &'a (dyn fmt::Display + Sync);

#[derive(Clone)]
pub(super) struct Request<'a> {
    transport: &'a Transport,
    route: &'static str,
    url: Url,
    method: Method,
    body: Option<String>,
}

/// Why a call brought no answer, with the name that Azure DevOps has for it: some of what it refuses is normal.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: CallError,
    pub(super) type_key: String,
}

impl Refused {
    /// What an answer or the lack of one comes to; which call it was, `send` says.
    fn new(failure: Failure, message: impl Into<String>) -> Self {
        let error = CallError { failure, call: "", status: None, message: message.into() };
        Self { error, type_key: String::new() }
    }
}

impl From<Refused> for CallError {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

type Answer = Response<Vec<u8>>;

/// The body of an answer that is no success.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Complaint {
    message: Option<String>,
    type_key: Option<String>,
}

impl Transport {
    /// Errors: the address is none, or the token may not be sent there, or there are no certificates to know the
    /// organisation by.
    pub(super) fn new(settings: &ClientSettings) -> Result<Self, ClientSetupError> {
        let organisation = site(&settings.organisation).ok_or(ClientSetupError::Address)?;
        let http = http_client(&organisation, &settings.roots).build();
        Ok(Self {
            login: Login::new(settings, &organisation)?,
            http: http.map_err(|error| ClientSetupError::Tls(told(&error)))?,
            organisation,
            deadline: settings.deadline,
            body_bytes_max: settings.body_bytes_max,
            turns: Semaphore::new(settings.parallel_max.clamp(1, Semaphore::MAX_PERMITS)),
            versions: Versions::new(),
            gate: Gate::new(settings.pause_max),
        })
    }

    /// The address of the organisation.
    pub(super) const fn organisation(&self) -> &Url {
        &self.organisation
    }

    /// A call: each `*` of the route stands for one of the arguments, in order.
    pub(super) fn request(&self, route: &'static str, arguments: &[Argument<'_>]) -> Request<'_> {
        let mut url = self.organisation.clone();
        let mut arguments = arguments.iter();
        // It is an address of http or https, and those have segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            for segment in route.split('/') {
                match segment {
                    "*" => segments.extend(arguments.next().map(ToString::to_string)),
                    literal => segments.push(literal),
                };
            }
        }
        Request { transport: self, route, url, method: Method::GET, body: None }
    }
}

impl Request<'_> {
    pub(super) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.url.query_pairs_mut().append_pair(name, &value.to_string());
        self
    }

    /// Makes it a POST with this body.
    pub(super) fn posting(self, body: &Value) -> Self {
        Self { method: Method::POST, body: Some(body.to_string()), ..self }
    }

    /// Makes it a PUT with this body.
    pub(super) fn putting(self, body: &Value) -> Self {
        Self { method: Method::PUT, ..self.posting(body) }
    }

    /// Makes it a DELETE.
    pub(super) fn deleting(self) -> Self {
        Self { method: Method::DELETE, ..self }
    }

    /// Makes the call, when it is its turn, with the version that the server knows. Errors: there was no answer, or none
    /// that can be read as a `T`.
    pub(super) async fn send<T: DeserializeOwned>(self) -> Result<T, Refused> {
        let versions = &self.transport.versions;
        loop {
            let version = versions.of(self.route);
            match self.clone().with("api-version", &version).send_once().await {
                Err(Refused { error, type_key })
                    if versions.learn(self.route, &version, &type_key, &error.message) => {}
                answer => return answer,
            }
        }
    }

    async fn send_once<T: DeserializeOwned>(self) -> Result<T, Refused> {
        let Transport { turns, login, .. } = self.transport;
        // Nobody ever closes it, so this is a turn.
        let _turn = turns.acquire().await;
        let route = self.route;
        let credentials = login.credentials().await.map_err(|error| no_token(&error, route))?;
        let answered = self.clone().ask(&credentials).await;
        // A token may be revoked before its end, and then the next one is as good as ever.
        if answered.as_ref().is_err_and(is_of_the_token)
            && let Some(other) =
                login.instead_of(&credentials).await.map_err(|error| no_token(&error, route))?
        {
            return self.ask(&other).await;
        }
        answered
    }

    async fn ask<T: DeserializeOwned>(self, credentials: &Credentials) -> Result<T, Refused> {
        let (deadline, route) = (self.transport.deadline, self.route);
        let is_removal = self.method == Method::DELETE;
        // As late as can be: what was waited for before, a token too, may have taken long, and the answer before this may
        // have been a refusal that asks to wait.
        self.transport.gate.open().await;
        // What was waited so far is no fault of the organisation, so the deadline begins here.
        let began = Instant::now();
        let answered = timeout(deadline, self.exchange(credentials)).await.unwrap_or_else(|_| {
            let text = format!("no response within {} ms", deadline.as_millis());
            Err(Refused::new(Failure::TimedOut, text))
        });
        let status = answered.as_ref().ok().map(|answer| answer.status().as_u16());
        let ms = began.elapsed().as_millis();
        tracing::debug!(call = route, status, ms, "asked Azure DevOps");
        answered.and_then(|answer| judge(&answer, is_removal)).map_err(|Refused { error, type_key }| {
            let message = credentials.explained(error.failure, credentials.redacted(error.message));
            Refused { error: CallError { call: route, status, message, ..error }, type_key }
        })
    }

    async fn exchange(self, credentials: &Credentials) -> Result<Answer, Refused> {
        let transport = self.transport;
        let mut sent = transport.http.request(self.method, self.url);
        if let Some(body) = self.body {
            sent = sent.header(CONTENT_TYPE, "application/json").body(body);
        }
        // A bad token is otherwise answered with a detour to the page to sign in.
        sent = sent.header(ACCEPT, "application/json").header("x-tfs-fedauthredirect", "Suppress");
        if let Some(header) = &credentials.header {
            sent = sent.header(AUTHORIZATION, header.clone());
        }
        let mut response = sent.send().await.map_err(lost)?;
        let mut answer = Response::new(Vec::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        let pauses = [asked_pause(answer.headers()), pause_for_others(answer.headers())];
        if let Some(pause) = pauses.into_iter().flatten().max() {
            transport.gate.close_for(pause);
        }
        let is_success = answer.status().is_success();
        let bytes_max = if is_success { transport.body_bytes_max } else { REFUSAL_BYTES_MAX };
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if answer.body().len() + chunk.len() <= bytes_max {
                answer.body_mut().extend_from_slice(&chunk);
            } else if is_success {
                let text = format!("the response is larger than {bytes_max} bytes");
                return Err(Refused::new(Failure::Unreadable, text));
            } else {
                break;
            }
        }
        Ok(answer)
    }
}

/// What it comes to that there is no token to make a call with.
fn no_token(error: &TokenError, call: &'static str) -> Refused {
    let failure = if error.is_refusal() { Failure::Unauthorised } else { Failure::TimedOut };
    let mut refused = Refused::new(failure, error.to_string());
    refused.error.call = call;
    refused
}

/// Whether a call failed by what it was logged in with, and not by what a proxy wants.
fn is_of_the_token(refused: &Refused) -> bool {
    let is_of_proxy = refused.error.status == Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED.as_u16());
    refused.error.failure == Failure::Unauthorised && !is_of_proxy
}

fn judge<T: DeserializeOwned>(answer: &Answer, is_removal: bool) -> Result<T, Refused> {
    const NO_JSON: &str = "the response is a page, not JSON";
    if let Some(failure) = failure(answer) {
        let complaint: Complaint = serde_json::from_slice(answer.body()).unwrap_or_default();
        let message = match (complaint.message, location(answer.headers())) {
            (Some(message), _) => cut(&message),
            (None, Some(location)) if answer.status().is_redirection() => {
                format!("redirected to {}", cut(location))
            }
            (None, _) if answer.body().is_empty() => String::new(),
            (None, _) => NO_JSON.to_owned(),
        };
        let type_key = complaint.type_key.unwrap_or_default();
        let failure = if is_of_version(&type_key) { Failure::Unsupported } else { failure };
        return Err(Refused { type_key, ..Refused::new(failure, message) });
    }
    // What is deleted is answered with nothing, which is as good as `null`: with 204, or with 200, which is what Microsoft's
    // definitions declare.
    let has_none = is_removal || answer.status() == StatusCode::NO_CONTENT;
    let is_nothing = has_none && answer.body().is_empty();
    if !is_nothing && !is_json(answer.headers()) {
        return Err(Refused::new(Failure::Unreadable, NO_JSON));
    }
    let body: &[u8] = if is_nothing { b"null" } else { answer.body() };
    json::read(body, |body| serde_json::from_slice(body))
        .map_err(|error| Refused::new(Failure::Unreadable, cut(&error.to_string())))
}

/// What a status is a sign of; `None` for a success.
fn failure(answer: &Answer) -> Option<Failure> {
    Some(match answer.status() {
        // The page to sign in comes with this status when a detour was followed for us. A proxy that changed an answer
        // uses it too, and what it passes on is still JSON.
        StatusCode::NON_AUTHORITATIVE_INFORMATION if !is_json(answer.headers()) => Failure::Unauthorised,
        status if status.is_success() => return None,
        StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT => Failure::Gone,
        status if status.is_redirection() => Failure::Unauthorised,
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => Failure::Unauthorised,
        StatusCode::FORBIDDEN => Failure::Forbidden,
        StatusCode::NOT_FOUND | StatusCode::GONE => Failure::Gone,
        StatusCode::REQUEST_TIMEOUT => Failure::TimedOut,
        StatusCode::TOO_MANY_REQUESTS => Failure::Throttled {
            retry_after_ms: asked_pause(answer.headers())
                .map(|pause| u32::try_from(pause.as_millis()).unwrap_or(u32::MAX)),
        },
        status if status.is_server_error() => Failure::Server,
        // Anything else says that we asked wrongly.
        _ => Failure::Unreadable,
    })
}

/// Whether an answer says that it is JSON, or says nothing.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return true };
    kind.to_str().is_ok_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"))
}

fn location(headers: &HeaderMap) -> Option<&str> {
    // What follows the question mark is long, and may be a secret of the page to sign in.
    headers.get(LOCATION)?.to_str().ok()?.split('?').next()
}

/// What is told of a call that was lost on its way.
#[expect(clippy::needless_pass_by_value, reason = "it stands in for a closure of `map_err`")]
fn lost(error: reqwest::Error) -> Refused {
    let is_parse = |cause: &(dyn Error + 'static)| {
        cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
    };
    let failure = if causes(&error).any(is_parse) { Failure::Unreadable } else { Failure::TimedOut };
    let is_unknown = causes(&error).any(is_of_certificate);
    let remedy =
        "; where the server has a root certificate of its own, name it in BOARDCAST_ROOT_CERTIFICATES";
    Refused::new(failure, told(&error) + if is_unknown { remedy } else { "" })
}

/// Whether a connection was given up because of the certificate of the other side.
fn is_of_certificate(cause: &(dyn Error + 'static)) -> bool {
    match cause.downcast_ref::<std::io::Error>() {
        Some(wrapper) => wrapper.get_ref().is_some_and(|inner| is_of_certificate(inner)),
        None => matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))),
    }
}

/// An error's causes, without the address that was asked.
fn told(error: &reqwest::Error) -> String {
    let causes: Vec<_> = causes(error).map(ToString::to_string).collect();
    cut(&causes.join(": "))
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// What is kept of a text of somebody else's: one line, and not all of it.
fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
