//! What clients reach: routes, methods and keys, and the way in for those who pass.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::config::{AuthLevel, HttpTrigger, Trigger};
use super::proxy::AnswerBody;
use super::state::{Phase, Shared};
use super::{envelope, proxy};

/// How much of an answer waits for a client that does not read.
const WAITING_BYTES_MAX: usize = 64 * 1024;

/// Told to the front to stop: how long open exchanges may go on, and whom to tell when nothing is left.
pub struct Stop {
    pub grace: Duration,
    pub done: oneshot::Sender<()>,
}

/// Serves clients until the host stops, or until it gives up, which ends every connection where it stands.
pub async fn serve(shared: Arc<Shared>, listener: TcpListener, stop: oneshot::Receiver<Stop>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let given_up = shared.until(|state| (state.phase == Phase::ShutDown).then_some(()));
    let mut given_up = std::pin::pin!(given_up);
    let mut stop = std::pin::pin!(stop);
    let stop = loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(_) => continue,
            },
            () = &mut given_up => return,
            stop = &mut stop => break stop,
        };
        while connections.try_join_next().is_some() {}
        let _ = stream.set_nodelay(true);
        let shared = shared.clone();
        let service = service_fn(move |request| answer(shared.clone(), peer.ip(), request));
        let connection = http1::Builder::new()
            .max_buf_size(WAITING_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        connections.spawn(graceful.watch(connection));
    };
    drop(listener);
    let Ok(stop) = stop else { return };
    tokio::select! {
        _ = tokio::time::timeout(stop.grace, graceful.shutdown()) => {}
        () = given_up => {}
    }
    connections.shutdown().await;
    let _ = stop.done.send(());
}

async fn answer(
    shared: Arc<Shared>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let path = request.uri().path();
    // A method that is not listed is no route either.
    let matching = shared.config.functions.iter().find_map(|function| match &function.trigger {
        Trigger::Http(trigger) if is_listed(trigger, request.method()) => {
            trigger.route.matches(path).map(|parameters| (function, trigger, parameters))
        }
        Trigger::Http(_) | Trigger::Timer(_) => None,
    });
    let Some((function, trigger, parameters)) = matching else {
        return Ok(proxy::empty(StatusCode::NOT_FOUND));
    };
    if !is_allowed(&shared, trigger, &request) {
        return Ok(proxy::empty(StatusCode::UNAUTHORIZED));
    }
    Ok(match trigger.proxied {
        true => proxy::forward(&shared, &function.name, peer, request).await,
        false => envelope::answer(&shared, function, parameters, request).await,
    })
}

fn is_listed(trigger: &HttpTrigger, method: &Method) -> bool {
    trigger.methods.is_empty() || trigger.methods.contains(method)
}

/// Whether the key fits. A header goes before a parameter, even when it is the wrong one.
fn is_allowed(shared: &Shared, trigger: &HttpTrigger, request: &Request<Incoming>) -> bool {
    let in_header = request.headers().get("x-functions-key").map(|key| key.as_bytes().to_vec());
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let in_query = || {
        let found = form_urlencoded::parse(query).find(|(name, _)| name.eq_ignore_ascii_case("code"));
        found.map(|(_, key)| key.as_bytes().to_vec())
    };
    match trigger.level {
        AuthLevel::Anonymous => true,
        AuthLevel::Function => in_header.or_else(in_query).is_some_and(|key| key == shared.key.as_bytes()),
        // The master key is never given away here.
        AuthLevel::Admin => false,
    }
}
