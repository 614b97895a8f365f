//! Streams: which readers get one, and what the others are answered.

mod admission;
pub mod hub;
mod reader;
pub mod relay;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::{Semaphore, watch};

use crate::board::filter::ScopeFilter;
use crate::board::snapshot::Snapshots;
use crate::domain::level::Level;
use crate::domain::wire::event::{self, Body, ClosingReason, Envelope};
use crate::ops::instance::Instance;
use crate::stream::hub::Hub;
use crate::stream::hub::frame::Block;
use admission::{Admission, Held, Verdict};
use reader::Reader;

/// How streams are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// After how much silence a heartbeat is sent.
    pub heartbeat: Duration,
    /// What arrives within this time after a write is written together.
    pub coalesce: Duration,
    /// After how long the server ends a stream, give or take a tenth.
    pub lifetime: Option<Duration>,
    /// Streams of this instance.
    pub max: usize,
    /// After how long a reader who was shed is to come back, give or take a third.
    pub shed: Duration,
    /// How many readers who were shed are held open until then.
    pub shed_held_max: usize,
}

impl StreamSettings {
    /// The window of a standalone process: shorter than anybody sees, and a burst of hooks is still one write.
    pub const COALESCE_STANDALONE: Duration = Duration::from_millis(20);

    /// The window under the Functions host, where every write costs the host's proxy as well.
    pub const COALESCE_UNDER_HOST: Duration = Duration::from_millis(100);

    /// When a reader who was shed comes back: long enough to make room, short enough to wait for.
    pub const SHED: Duration = Duration::from_secs(15);
}

/// What a reader asks for.
#[derive(Clone, Debug, Default)]
pub struct StreamRequest {
    /// Which boards.
    pub filter: ScopeFilter,
    /// Whether events are named.
    pub named: bool,
    /// Whether it wants to hear heartbeats, as events.
    pub heartbeat: bool,
    /// Whether it is told what is meant for operators; whoever opens it has looked at the key.
    pub ops: bool,
    /// The cursor it comes back with, as it was given.
    pub cursor: Option<String>,
}

/// What a reader gets.
pub enum Opened {
    /// A stream, to be sent with status 200 whatever it says: a native `EventSource` closes for good on any other.
    Stream(ByteStream),
    /// Too many streams are open, to be said in one of two ways.
    Shed {
        /// After how long to come back, for a client that says it can take a 503.
        by_status: Duration,
        /// A stream that says so itself, for every other.
        by_stream: ByteStream,
    },
}

/// The bytes of a stream.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send + Sync>>;

/// Opens streams.
pub struct Streams {
    instance: Instance,
    hub: Arc<Hub>,
    snapshots: Arc<Snapshots>,
    settings: StreamSettings,
    stopping: watch::Receiver<bool>,
    admission: Admission,
    /// A permit for each reading of the log for a reader who comes back.
    replays: Semaphore,
}

/// How many readings of the log for readers who come back are under way at once: when all come back together, what the
/// journal is there for must not wait behind them.
const REPLAYS_MAX: usize = 4;

/// What streams are made of.
pub struct Sources {
    /// This instance: its boards, and its journal for readers who were away longer than the hub remembers.
    pub instance: Instance,
    /// What is published.
    pub hub: Arc<Hub>,
    /// For readers who begin.
    pub snapshots: Arc<Snapshots>,
    /// Becomes `true` when the server stops.
    pub stopping: watch::Receiver<bool>,
}

impl Streams {
    /// Streams of these sources, run by these settings.
    pub fn new(sources: Sources, settings: StreamSettings) -> Self {
        let Sources { instance, hub, snapshots, stopping } = sources;
        Self {
            instance,
            hub,
            snapshots,
            settings,
            stopping,
            admission: Admission::new(&settings),
            replays: Semaphore::new(REPLAYS_MAX),
        }
    }

    /// Opens a stream, or sheds the reader. A stream is counted as open until it is dropped.
    pub fn open(self: &Arc<Self>, request: StreamRequest) -> Opened {
        match self.admission.judge() {
            Verdict::Admitted(ticket) => {
                let reader = Reader::new(self.clone(), request, ticket);
                Opened::Stream(byte_stream(futures_util::stream::unfold(reader, |mut reader| async move {
                    let bytes = reader.next().await?;
                    Some((bytes, reader))
                })))
            }
            Verdict::Shed(held) => {
                self.instance.vitals.streams_shed.add(1);
                let retry_after = self.settings.shed.mul_f64(2.0 / 3.0 + 2.0 / 3.0 * fastrand::f64());
                Opened::Shed { by_status: retry_after, by_stream: self.shed(&request, retry_after, held) }
            }
        }
    }

    /// The whole stream of a reader that was shed: it says when to come back, and is held open and silent until then. A
    /// client that opens a new source as soon as one ends would otherwise ask hundreds of times a second.
    fn shed(&self, request: &StreamRequest, retry_after: Duration, held: Option<Held>) -> ByteStream {
        let reconnect_after_ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
        let body = Body::Closing { reason: ClosingReason::Shed, reconnect_after_ms };
        let envelope = Envelope {
            demo: self.instance.demo,
            ..Envelope::connection((self.instance.clock)(), Level::Full, None)
        };
        let json = event::encode(&envelope, &body);
        let bytes = Block::first(None, reconnect_after_ms, &json).bytes(request.named);
        byte_stream(futures_util::stream::unfold(Some((bytes, held)), move |state| async move {
            let (bytes, held) = state?;
            if bytes.is_empty() {
                tokio::time::sleep(retry_after).await;
                return None;
            }
            let rest = held.map(|held| (Bytes::new(), Some(held)));
            Some((bytes, rest))
        }))
    }
}

fn byte_stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> ByteStream {
    Box::pin(Shared(Mutex::new(Box::pin(stream))))
}

/// Makes a stream `Sync`, as warp wants it. It is only ever polled by its one owner, so nothing is ever locked.
struct Shared<S>(Mutex<Pin<Box<S>>>);

impl<S: Stream<Item = Bytes>> Stream for Shared<S> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        stream.as_mut().poll_next(cx).map(|bytes| bytes.map(Ok))
    }
}
