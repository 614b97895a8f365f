//! A line to a server on loopback that can be cut, stalled and slowed down, without the server knowing.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// How many pieces may be under way, each way. A sender who is ahead by more has to wait.
const CHUNKS_UNDER_WAY: usize = 1_024;

/// A line. What is connected to its address is connected to the server, as far as its condition allows.
pub struct Proxy {
    pub address: SocketAddr,
    condition: watch::Sender<Condition>,
}

#[derive(Clone, Copy, Default)]
struct Condition {
    /// Where the server listens.
    port: u16,
    is_cut: bool,
    is_stalled: bool,
    /// How much later everything arrives, each way.
    delay: Duration,
    /// Connections before this one were closed.
    first_open: usize,
    /// Connections before this one are dead without a sign.
    first_alive: usize,
    /// How many connections there were.
    count: usize,
    /// What whoever asks is answered in the server's place, as a gateway does while the server is away.
    instead: Option<&'static [u8]>,
    /// How many were answered so.
    answered: usize,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let condition = watch::Sender::new(Condition { port, ..Condition::default() });
        tokio::spawn({
            let condition = condition.clone();
            async move {
                while let Ok((near, _)) = listener.accept().await {
                    let Condition { is_cut, port, count: number, instead, .. } = *condition.borrow();
                    if is_cut {
                        continue;
                    }
                    if let Some(answer) = instead {
                        tokio::spawn(answer_instead(near, answer, condition.clone()));
                        continue;
                    }
                    condition.send_modify(|condition| condition.count += 1);
                    tokio::spawn(both_ways(near, port, number, condition.subscribe()));
                }
            }
        });
        Self { address, condition }
    }

    /// Closes what is connected, and whoever connects from now on is closed at once.
    pub fn cut(&self) {
        self.condition.send_modify(|condition| {
            condition.is_cut = true;
            condition.first_open = condition.count;
        });
    }

    /// Nothing arrives any more, either way, and nothing is closed: what a lost route looks like. What was under way
    /// arrives when the line is restored, as TCP would send it again.
    pub fn stall(&self) {
        self.condition.send_modify(|condition| condition.is_stalled = true);
    }

    /// Everything arrives that much later, each way.
    pub fn delay(&self, time: Duration) {
        self.condition.send_modify(|condition| condition.delay = time);
    }

    /// Whoever connects from now on is connected to another server.
    pub fn lead_to(&self, port: u16) {
        self.condition.send_modify(|condition| condition.port = port);
    }

    /// Whoever connects from now on and asks something is given that answer, whole with its head, and closed; `None` to
    /// lead to the server again.
    pub fn answer(&self, answer: Option<&'static [u8]>) {
        self.condition.send_modify(|condition| condition.instead = answer);
    }

    /// How many were answered in the server's place.
    pub fn answered(&self) -> usize {
        self.condition.borrow().answered
    }

    /// Makes the line whole. What was closed stays closed.
    pub fn restore(&self) {
        self.condition.send_modify(|condition| {
            (condition.is_cut, condition.is_stalled, condition.delay) = (false, false, Duration::ZERO);
        });
    }

    /// Stops for ever what is connected, without closing it. Whoever connects from now on gets through.
    pub fn forget_connections(&self) {
        self.condition.send_modify(|condition| condition.first_alive = condition.count);
    }
}

async fn answer_instead(mut near: TcpStream, answer: &[u8], condition: watch::Sender<Condition>) {
    let mut head = Vec::new();
    while super::http::find(&head, b"\r\n\r\n").is_none() {
        if near.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    condition.send_modify(|condition| condition.answered += 1);
    let _ = near.write_all(answer).await;
}

async fn both_ways(near: TcpStream, port: u16, number: usize, condition: watch::Receiver<Condition>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let mut closed = condition.clone();
    // Whichever end closes first closes the other.
    tokio::select! {
        () = carry(near_in, far_out, number, condition.clone()) => {}
        () = carry(far_in, near_out, number, condition) => {}
        _ = closed.wait_for(|condition| number < condition.first_open) => {}
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: usize,
    mut condition: watch::Receiver<Condition>,
) {
    let (under_way, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS_UNDER_WAY);
    let sent = condition.clone();
    // A delay holds up each piece by itself, as distance does, and none behind it for longer.
    let reading = async move {
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut chunk).await {
            let at = Instant::now() + sent.borrow().delay;
            if under_way.send((at, chunk[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some((at, bytes)) = arriving.recv().await {
            tokio::time::sleep_until(at).await;
            let passes = |condition: &Condition| !condition.is_stalled && number >= condition.first_alive;
            if condition.wait_for(passes).await.is_err() || to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    // When nothing more is read, what was read still arrives.
    let reading = async {
        reading.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = writing => {}
        () = reading => {}
    }
}

/// Whether a byte that is sent comes back within a short time; an error where the connection is closed.
#[cfg(test)]
async fn echoes(connection: &mut TcpStream) -> std::io::Result<bool> {
    connection.write_all(b"x").await?;
    let answer = tokio::time::timeout(Duration::from_millis(100), connection.read_u8()).await;
    answer.map_or(Ok(false), |read| read.map(|_| true))
}

#[tokio::test]
async fn a_line_does_what_it_is_told() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = server.accept().await {
            let (mut from, mut to) = connection.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
        }
    });
    let line = Proxy::to(port).await;
    let mut connection = TcpStream::connect(line.address).await.unwrap();
    assert!(echoes(&mut connection).await.unwrap());
    line.stall();
    assert!(!echoes(&mut connection).await.unwrap());
    line.restore();
    assert_eq!(connection.read_u8().await.unwrap(), b'x', "what was under way arrives");
    line.delay(Duration::from_millis(20));
    let began = std::time::Instant::now();
    assert!(echoes(&mut connection).await.unwrap() && began.elapsed() >= Duration::from_millis(40));
    line.cut();
    assert!(echoes(&mut connection).await.is_err());
    let mut refused = TcpStream::connect(line.address).await.unwrap();
    assert!(echoes(&mut refused).await.is_err());
    line.restore();
    let mut again = TcpStream::connect(line.address).await.unwrap();
    assert!(echoes(&mut again).await.unwrap());
    line.answer(Some(b"HTTP/1.1 503 Gone\r\n\r\n"));
    let mut refused = TcpStream::connect(line.address).await.unwrap();
    refused.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    refused.read_to_end(&mut answer).await.unwrap();
    assert_eq!((&*answer, line.answered()), (&b"HTTP/1.1 503 Gone\r\n\r\n"[..], 1));
    assert!(echoes(&mut again).await.unwrap(), "what is connected stays");
}
