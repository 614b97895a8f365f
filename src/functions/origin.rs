//! Which requests a standalone server takes at all. It trusts whoever reaches loopback, and a browser there carries the
//! requests of every page that its user opens: a page may have its own name point to this machine, and then reads the
//! answers as its own (DNS rebinding); and it may post anywhere, without reading what is answered.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, StatusCode};
use warp::reply::Response;

use super::{Request, body, is_read, reply};
use crate::app::App;
use crate::config::AllowedHosts;

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is for another host than this server is known as.
    Host,
    /// A page of another origin wants to change something. Those that are allowed to read are not allowed that.
    Origin,
}

/// Judges a request by the host that it is for and the page that it comes from.
pub(super) fn judge(app: &App, request: &Request) -> Result<(), Refusal> {
    let hosts = &app.config.allowed_hosts;
    if *hosts == AllowedHosts::Any {
        return Ok(());
    }
    let host = text(&request.headers, HOST);
    if host.is_some_and(|host| !hosts.admit(host)) {
        return Err(Refusal::Host);
    }
    let changes_nothing = is_read(&request.method) || request.method == Method::OPTIONS;
    if changes_nothing || !request.headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let origin = text(&request.headers, ORIGIN).and_then(|origin| origin.split_once("://"));
    let is_same = origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host));
    if is_same { Ok(()) } else { Err(Refusal::Origin) }
}

fn text(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    // What is no text is no name of ours either.
    Some(headers.get(name)?.to_str().unwrap_or_default())
}

/// Answers a request that is not taken. On the webhook's route there are three answers: a sender who used a name that is
/// not set yet comes again after a 503, and one whose page may not post is as good as one without the secret.
pub(super) async fn refuse(app: &App, refusal: Refusal, is_hook: bool, request: Request) -> Response {
    tracing::warn!(
        ?refusal,
        host = text(&request.headers, HOST),
        origin = text(&request.headers, ORIGIN),
        "a request was refused; docs/OPERATIONS.md has the remedy under BOARDCAST_ALLOWED_HOSTS"
    );
    let _ = body::read(request.body, 0).await;
    let (status, error) = match refusal {
        Refusal::Host => {
            let error = reply::ErrorBody {
                code: "foreign_host",
                message: "this server is not known by that host name",
                remedy: "set BOARDCAST_ALLOWED_HOSTS to the names under which a reverse proxy serves it",
            };
            (if is_hook { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::MISDIRECTED_REQUEST }, error)
        }
        Refusal::Origin => {
            let error = reply::ErrorBody {
                code: "foreign_origin",
                message: "pages of other origins may change nothing here",
                remedy: "send the request from a program, or from a page of this server",
            };
            (if is_hook { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN }, error)
        }
    };
    if is_hook {
        let vitals = &app.instance.vitals;
        (if refusal == Refusal::Host { &vitals.hooks_refused } else { &vitals.hooks_denied }).add(1);
    }
    reply::error(status, error)
}
