//! The accept loop: HTTP/1.1 connections on loopback, served by the routes of `functions`.
//!
//! `warp::serve` has no knobs for `TCP_NODELAY`, buffer sizes and time-outs, and logs every reader that goes away
//! as an error; so the loop is our own, around `warp::service`.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::app::App;
use crate::functions;

/// How many connections may wait to be accepted: a thousand readers come back in the same second.
const BACKLOG: i32 = 4_096;

/// How long a connection may take to send the head of a request. It also bounds how long an idle connection is
/// kept, and the Functions host keeps its connections for reuse: one that we close in the moment it is reused
/// loses a hook, so this is far longer than any pool keeps one.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The greatest size of a connection's buffers. What a slow reader does not take stays in the shared ring.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

/// How long open requests get to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(3);

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
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it was served");
            continue;
        }
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ_TIMEOUT)
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Every reader that goes away ends like this; it is no fault of anybody.
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    app.stop();
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}
