//! How the host passes an HTTP request on to the handler, and the answer back.
//!
//! Every read from the handler becomes a write to the client, at once. The head of an answer waits for the first
//! byte of its body, so a handler that sends headers and then nothing leaves a browser connecting.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming};
use tokio::sync::mpsc;

use super::state::{Ending, HOST_VERSION, Shared, StreamRecord};
use super::wire::{self, Connection, Framing, Head};

/// How often a request is sent in all when the handler is gone before it answers.
const ATTEMPTS_MAX: u32 = 10;

/// How long the first pause between attempts is; each later one is longer, up to the bound.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// What belongs to a connection and not to the message, in either direction.
const HOP_BY_HOP: [&str; 17] = [
    "alpn",
    "alt-svc",
    "close",
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "proxy-features",
    "proxy-instruction",
    "security-scheme",
    "te",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
];

/// What the host says itself, whatever the client said.
const OF_THE_HOST: [&str; 8] = [
    "host",
    "x-azure-functions-hostversion",
    "x-azure-functions-invocationid",
    "x-ms-invocation-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "expect",
];

/// Only the host itself promises that it is reached over TLS.
const HSTS: &str = "strict-transport-security";

/// An answer broke off, so the client's connection must not end properly either.
#[derive(Debug)]
pub struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the handler's answer broke off")
    }
}

impl std::error::Error for BrokenOff {}

/// The body of an answer to a client.
#[derive(Default)]
pub struct AnswerBody {
    first: Option<Bytes>,
    rest: Option<mpsc::Receiver<Result<Bytes, BrokenOff>>>,
}

impl AnswerBody {
    pub fn of(bytes: Bytes) -> Self {
        Self { first: Some(bytes), rest: None }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        rest.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_none()
    }
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::default());
    *response.status_mut() = status;
    response
}

/// The record of an exchange while it goes on. Dropped before it ended, it was the client who went.
struct Recording {
    shared: Arc<Shared>,
    index: usize,
    function: String,
    ended: bool,
}

impl Recording {
    fn begin(shared: &Arc<Shared>, function: &str) -> Self {
        let record = StreamRecord {
            status: None,
            is_event_stream: false,
            attempts: 0,
            head_at: None,
            writes: Vec::new(),
            bytes: 0,
            ended: None,
        };
        let index = shared.update(|state| {
            state.exchanges.push(record);
            state.exchanges.len() - 1
        });
        Self { shared: shared.clone(), index, function: function.to_owned(), ended: false }
    }

    fn update(&self, update: impl FnOnce(&mut StreamRecord)) {
        self.shared.update(|state| update(&mut state.exchanges[self.index]));
    }

    fn write(&self, part: &Bytes) {
        self.update(|record| {
            record.writes.push(Instant::now());
            record.bytes += part.len() as u64;
        });
    }

    fn end(&mut self, ending: Ending) {
        self.ended = true;
        let verdict = match ending {
            Ending::Finished | Ending::ClientGone => "Succeeded",
            Ending::CutIdle | Ending::HandlerGone => "Failed",
        };
        self.shared.log(format!("Executed 'Functions.{}' ({verdict})", self.function));
        self.update(|record| record.ended = Some(ending));
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Ending::ClientGone);
        }
    }
}

/// A request's body on its way to the handler.
enum Payload {
    /// A body of announced length is read before the function is invoked.
    Whole(Bytes),
    /// Any other is passed on as it comes.
    Chunked(Incoming),
}

/// Passes a request on and answers as the handler does.
pub async fn forward(
    shared: &Arc<Shared>,
    function: &str,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut recording = Recording::begin(shared, function);
    let announced = parts.headers.contains_key(CONTENT_LENGTH);
    let mut payload = if announced || body.is_end_stream() {
        match collect(body).await {
            Ok(body) => Payload::Whole(body),
            Err(_) => return empty(StatusCode::BAD_REQUEST),
        }
    } else {
        Payload::Chunked(body)
    };
    let mut head = request_head(shared, peer, parts.method.as_str(), target, &parts.headers);
    match &payload {
        Payload::Whole(body) if announced => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
        Payload::Whole(_) => {}
        Payload::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
    }
    head.push_str("\r\n");
    shared.started().await;
    let Some((connection, head)) = answer(shared, &recording, head.as_bytes(), &mut payload).await else {
        recording.end(Ending::HandlerGone);
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let is_event_stream =
        head.header("content-type").is_some_and(|value| value.starts_with("text/event-stream"));
    recording.update(|record| {
        record.head_at = Some(Instant::now());
        record.status = Some(head.status());
        record.is_event_stream = is_event_stream;
    });
    let framing = head.response_framing(parts.method.as_str());
    Copying { connection, framing, head, recording }.begin().await
}

/// The head of the request that the handler gets, but for the end that depends on the body.
fn request_head(shared: &Shared, peer: IpAddr, method: &str, target: &str, headers: &HeaderMap) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", shared.handler_address());
    for (name, value) in headers {
        let is_ours = OF_THE_HOST.contains(&name.as_str()) || name == CONTENT_LENGTH;
        if !is_ours && !HOP_BY_HOP.contains(&name.as_str()) {
            head.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes())));
        }
    }
    let asked = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let id = &uuid::Uuid::new_v4().to_string();
    for (name, value) in [
        ("X-Azure-Functions-HostVersion", HOST_VERSION),
        ("X-Azure-Functions-InvocationId", id),
        ("x-ms-invocation-id", id),
        ("X-Forwarded-For", &peer.to_string()),
        ("X-Forwarded-Host", asked),
        ("X-Forwarded-Proto", "http"),
    ] {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head
}

/// Sends the request until a process answers it. One that dies over a request gets no answer out, so its successor
/// is asked the same; only a body that was begun to be sent cannot be sent again.
async fn answer(
    shared: &Shared,
    recording: &Recording,
    head: &[u8],
    payload: &mut Payload,
) -> Option<(Connection, Head)> {
    let mut pause = PAUSE;
    for attempt in 1..=ATTEMPTS_MAX {
        recording.update(|record| record.attempts = attempt);
        let mut body_begun = false;
        let sent = send(shared, head, payload, &mut body_begun);
        match tokio::time::timeout(shared.idle_cut, sent).await {
            Ok(Ok(answered)) => return Some(answered),
            Ok(Err(_)) if !body_begun && attempt < ATTEMPTS_MAX => {
                pause = PAUSE_MAX.min(pause * attempt);
                tokio::time::sleep(pause).await;
            }
            Ok(Err(_)) | Err(_) => return None,
        }
    }
    None
}

async fn send(
    shared: &Shared,
    head: &[u8],
    payload: &mut Payload,
    body_begun: &mut bool,
) -> io::Result<(Connection, Head)> {
    let mut connection = shared.connection().await?;
    connection.send(head).await?;
    // A handler may answer, and close, before it has taken the whole body; its answer is what counts.
    let _ = match payload {
        Payload::Whole(body) => {
            *body_begun = !body.is_empty();
            connection.send(body).await
        }
        Payload::Chunked(body) => {
            *body_begun = true;
            send_chunks(&mut connection, body).await
        }
    };
    loop {
        let head = connection.head().await?;
        if head.status() >= 200 {
            return Ok((connection, head));
        }
    }
}

async fn send_chunks(connection: &mut Connection, body: &mut Incoming) -> io::Result<()> {
    while let Some(data) = next_data(body).await.map_err(io::Error::other)? {
        connection.send(&wire::chunk(&data)).await?;
    }
    connection.send(wire::LAST_CHUNK).await
}

/// The next bytes of a body that are any.
async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    loop {
        match std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(frame) => match frame?.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                Ok(_) | Err(_) => {}
            },
        }
    }
}

pub async fn collect(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut whole = BytesMut::new();
    while let Some(data) = next_data(&mut body).await? {
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// An answer on its way to the client.
struct Copying {
    connection: Connection,
    framing: Framing,
    head: Head,
    recording: Recording,
}

impl Copying {
    /// Waits for the first part, without which the client does not even get the head.
    async fn begin(mut self) -> Response<AnswerBody> {
        match self.read().await {
            Err(ending) => {
                self.recording.end(ending);
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Ok(None) => {
                let response = self.response(AnswerBody::default());
                self.finish();
                response
            }
            Ok(Some(first)) if self.framing.has_ended() => {
                let response = self.response(AnswerBody::of(first));
                self.finish();
                response
            }
            Ok(Some(first)) => {
                let (sender, rest) = mpsc::channel(1);
                let response = self.response(AnswerBody { first: Some(first), rest: Some(rest) });
                tokio::spawn(self.copy(sender));
                response
            }
        }
    }

    fn response(&self, body: AnswerBody) -> Response<AnswerBody> {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.head.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        for (name, value) in &self.head.headers {
            let is_kept = |name: &HeaderName| !HOP_BY_HOP.contains(&name.as_str()) && name != HSTS;
            if is_kept(name) {
                response.headers_mut().append(name, value.clone());
            }
        }
        response
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Ending> {
        let idle_cut = self.recording.shared.idle_cut;
        let read = tokio::time::timeout(idle_cut, self.connection.part(&mut self.framing)).await;
        let part = read.map_err(|_| Ending::CutIdle)?.map_err(|_| Ending::HandlerGone)?;
        if let Some(part) = &part {
            self.recording.write(part);
        }
        Ok(part)
    }

    /// Passes part after part on. The handler's connection is closed the moment the client has gone.
    async fn copy(mut self, client: mpsc::Sender<Result<Bytes, BrokenOff>>) {
        let ending = loop {
            let part = tokio::select! {
                biased;
                () = client.closed() => break Ending::ClientGone,
                part = self.read() => part,
            };
            let part = match part {
                Ok(None) => return self.finish(),
                Ok(Some(part)) => part,
                Err(ending) => {
                    let _ = client.send(Err(BrokenOff)).await;
                    break ending;
                }
            };
            let sent = client.send(Ok(part));
            match tokio::time::timeout(self.recording.shared.idle_cut, sent).await {
                Ok(Ok(())) if self.framing.has_ended() => return self.finish(),
                Ok(Ok(())) => {}
                Ok(Err(_)) => break Ending::ClientGone,
                Err(_) => break Ending::CutIdle,
            }
        };
        self.recording.end(ending);
    }

    fn finish(mut self) {
        self.recording.end(Ending::Finished);
        if !matches!(self.framing, Framing::ToTheEnd { .. }) {
            self.recording.shared.keep(self.connection, &self.head);
        }
    }
}
