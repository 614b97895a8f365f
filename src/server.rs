//! The accept loop: HTTP/1.1 connections on loopback, served by the routes of `functions`.
//!
//! `warp::serve` has no knobs for `TCP_NODELAY`, buffer sizes and time-outs, and logs every reader that goes away
//! as an error; so the loop is our own, around `warp::service`.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

use crate::app::App;
use crate::functions;
use crate::ops::failpoints::{self, Failpoint};

/// How many connections may wait to be accepted: a thousand readers come back in the same second.
const BACKLOG: i32 = 4_096;

/// The greatest size of a connection's buffers. What a slow reader does not take stays in the shared ring.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

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
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection closed before it was served");
            return;
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(app.config.write_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // It bounds how long the head of a request may take, and with it how long a connection may lie idle.
            .header_read_timeout(app.config.idle_timeout)
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service.clone()));
        let connection = graceful.watch(connection);
        let vitals = app.instance.vitals.clone();
        tokio::spawn(async move {
            let ended = connection.await;
            failpoints::reached(Failpoint::Answered);
            if let Err(error) = ended {
                // Every reader that goes away ends like this; it is no fault of anybody.
                tracing::debug!(%error, "a connection ended");
                // A reader that takes no bytes is never asked for again by hyper, so only the socket can tell.
                vitals.writes_timed_out.add(u64::from(took_no_bytes(&error)));
            }
        });
    };
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => serve_one(stream),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = &mut shutdown => break,
        }
    }
    waiting(listener).for_each(serve_one);
    app.stop();
    // To shut down a connection of which nothing was read yet is to close it, with its request unanswered.
    tokio::time::sleep(FIRST_READ).await;
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("stopped before some requests had finished");
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
