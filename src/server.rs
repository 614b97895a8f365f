//! The accept loop: HTTP/1.1 connections on loopback, served by the routes of `functions`.
//!
//! `warp::serve` has no knobs for `TCP_NODELAY`, buffer sizes and time-outs, and logs every reader that goes away
//! as an error; so the loop is our own, around `warp::service`.

use std::collections::VecDeque;
use std::error::Error as _;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;

use crate::app::App;
use crate::functions;
use crate::ops::failpoints::{self, Failpoint};

/// How many connections may wait to be accepted: a thousand readers come back in the same second.
const BACKLOG: i32 = 4_096;

/// The greatest size of a connection's buffers, and so of a request's head. The Functions host passes heads of 32 KiB on
/// and adds headers of its own. What a slow reader does not take stays in the shared ring.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// How many headers a request may have: more than the Functions host lets through.
const HEADERS_MAX: usize = 256;

/// How many connections of which no request was read yet a standalone process keeps when others come.
const UNREAD_MAX: usize = 128;

/// How long such a connection is kept in any case: a thousand readers come in the same second, and are read one after the
/// other.
const UNREAD_GRACE: Duration = Duration::from_secs(2);

/// How often it is said at most that connections cannot be accepted.
const ACCEPT_WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// How long open requests get to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(3);

/// How long what was accepted last has for its request to be read before the server goes on to stop.
const FIRST_READ: Duration = Duration::from_millis(100);

/// Listens on a loopback address. Errors: the port is taken, or not ours to take.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves until `shutdown` resolves, then ends the streams and lets open requests finish.
pub async fn serve(app: App, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let service = warp::service(functions::routes(app.clone()));
    let graceful = GracefulShutdown::new();
    let serve_one = |stream: TcpStream| {
        let first_head = Arc::<FirstHead>::default();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection closed before it was served");
            return first_head;
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(app.config.write_timeout));
        let (service, head) = (TowerToHyperService::new(service.clone()), first_head.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // It bounds how long the head of a request may take, and with it how long a connection may lie idle.
            .header_read_timeout(app.config.idle_timeout)
            .max_buf_size(BUFFER_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(
                TokioIo::new(Box::pin(stream)),
                service_fn(move |request| {
                    head.is_read.store(true, Ordering::Relaxed);
                    service.call(request)
                }),
            );
        let connection = graceful.watch(connection);
        let (vitals, limit, head) =
            (app.instance.vitals.clone(), app.config.first_head_timeout, first_head.clone());
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended,
                () = head.given_up(limit) => return tracing::debug!("a connection sent no request in time"),
            };
            failpoints::reached(Failpoint::Answered);
            if let Err(error) = ended {
                // Every reader that goes away ends like this; it is no fault of anybody.
                tracing::debug!(%error, "a connection ended");
                // A reader that takes no bytes is never asked for again by hyper, so only the socket can tell.
                vitals.writes_timed_out.add(u64::from(took_no_bytes(&error)));
            }
        });
        first_head
    };
    let mut shutdown = std::pin::pin!(shutdown);
    let (mut unread, mut warned_at) = (Unread::default(), None::<Instant>);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => unread.add(&serve_one(stream), UNREAD_MAX),
                Err(error) => {
                    // Who has sent nothing for a while makes room for who will.
                    unread.give_up_beyond(0);
                    if warned_at.is_none_or(|at| at.elapsed() >= ACCEPT_WARNING_INTERVAL) {
                        warned_at = Some(Instant::now());
                        tracing::warn!(%error, "cannot accept connections; raise the limit on open files if this lasts");
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = &mut shutdown => break,
        }
    }
    waiting(listener).for_each(|stream| drop(serve_one(stream)));
    app.stop();
    // To shut down a connection of which nothing was read yet is to close it, with its request unanswered.
    tokio::time::sleep(FIRST_READ).await;
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("stopped before some requests had finished");
    }
}

/// The head of a connection's first request.
#[derive(Default)]
struct FirstHead {
    is_read: AtomicBool,
    give_up: Notify,
}

impl FirstHead {
    /// Resolves when it was not read in time, or was given up before; never, where nothing bounds that time.
    async fn given_up(&self, limit: Option<Duration>) {
        if let Some(limit) = limit {
            let _ = tokio::time::timeout(limit, self.give_up.notified()).await;
            if !self.is_read.load(Ordering::Relaxed) {
                return;
            }
        }
        std::future::pending().await
    }
}

/// The connections of which no request was read yet, oldest first. Without a bound, some hundreds that send half a head
/// take every descriptor that the process may have.
#[derive(Default)]
struct Unread(VecDeque<(Instant, Weak<FirstHead>)>);

impl Unread {
    fn add(&mut self, first_head: &Arc<FirstHead>, max: usize) {
        self.0.push_back((Instant::now(), Arc::downgrade(first_head)));
        if self.0.len() > max {
            self.give_up_beyond(max);
        }
    }

    /// Gives up the oldest until no more than `max` are left, but for those that have only just come.
    fn give_up_beyond(&mut self, max: usize) {
        let is_unread =
            |head: &Weak<FirstHead>| head.upgrade().is_some_and(|head| !head.is_read.load(Ordering::Relaxed));
        self.0.retain(|(_, head)| is_unread(head));
        while self.0.len() > max && self.0.front().is_some_and(|(since, _)| since.elapsed() >= UNREAD_GRACE) {
            if let Some(head) = self.0.pop_front().and_then(|(_, head)| head.upgrade()) {
                head.give_up.notify_one();
            }
        }
    }
}

/// The connections that wait to be accepted. To the peer that made one it is open, and closing the listener would cut it off
/// with its request unanswered.
fn waiting(listener: TcpListener) -> impl Iterator<Item = TcpStream> {
    let listener = listener.into_std().ok();
    std::iter::from_fn(move || {
        let (stream, _) = listener.as_ref()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    })
}

fn took_no_bytes(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}
