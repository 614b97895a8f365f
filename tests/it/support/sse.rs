//! A reader of event streams, written from the HTML standard and knowing nothing of the encoder: the bytes of a
//! chunked body, cut into blocks at empty lines.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::app::DEADLINE;
use super::http::find;

/// A block of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its bytes with the empty line that ends it.
    pub raw: Vec<u8>,
}

impl Block {
    /// The value of a field, joined over its lines as the standard says.
    pub fn field(&self, name: &str) -> Option<String> {
        let text = std::str::from_utf8(&self.raw).unwrap();
        let values: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(|value| value.strip_prefix(' ').unwrap_or(value))
            .collect();
        (!values.is_empty()).then(|| values.join("\n"))
    }

    pub fn id(&self) -> Option<String> {
        self.field("id")
    }

    pub fn json(&self) -> Option<Value> {
        Some(serde_json::from_str(&self.field("data")?).unwrap())
    }

    pub fn kind(&self) -> Option<String> {
        Some(self.json()?["type"].as_str()?.to_owned())
    }
}

/// An open stream.
pub struct SseReader {
    stream: TcpStream,
    pub head: String,
    /// Bytes as they came over the wire, not yet cut out of their chunks.
    wire: Vec<u8>,
    /// The body so far, after the last whole block.
    body: Vec<u8>,
    blocks: VecDeque<Block>,
    ended: bool,
    /// Bytes of the body that were received in all.
    pub received: usize,
    /// Chunks of the body: the server makes one for each write.
    pub chunks: usize,
    /// The size of the largest of them.
    pub largest_chunk: usize,
}

impl SseReader {
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::attempt(address, path, headers).await.unwrap()
    }

    /// The same at a server that may die meanwhile.
    pub async fn attempt(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let mut reader = Self {
            stream,
            head: String::new(),
            wire: Vec::new(),
            body: Vec::new(),
            blocks: VecDeque::new(),
            ended: false,
            received: 0,
            chunks: 0,
            largest_chunk: 0,
        };
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        reader.stream.write_all(format!("{request}\r\n").as_bytes()).await?;
        while find(&reader.wire, b"\r\n\r\n").is_none() {
            if !reader.fill().await {
                return Err(io::Error::other("closed before the head was whole"));
            }
        }
        let end = find(&reader.wire, b"\r\n\r\n").unwrap();
        reader.head = String::from_utf8(reader.wire.drain(..end + 4).collect()).unwrap();
        reader.unchunk();
        Ok(reader)
    }

    /// The next block; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Block> {
        tokio::time::timeout(DEADLINE, async {
            loop {
                if let Some(block) = self.blocks.pop_front() {
                    return Some(block);
                }
                if self.ended || !self.fill().await {
                    return None;
                }
                self.unchunk();
            }
        })
        .await
        .expect("no block in time")
    }

    /// The next event of that type, passing over others.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        self.next_with(kind).await.json().unwrap()
    }

    /// The block of the next event of that type, passing over others.
    pub async fn next_with(&mut self, kind: &str) -> Block {
        self.next_of_any(&[kind]).await
    }

    /// The type of the next event that is one of the two.
    pub async fn next_of_either(&mut self, one: &str, other: &str) -> String {
        self.next_of_any(&[one, other]).await.kind().unwrap()
    }

    /// Heartbeats keep a stream from falling silent, so the whole wait has a deadline, not each block alone.
    async fn next_of_any(&mut self, kinds: &[&str]) -> Block {
        tokio::time::timeout(DEADLINE, async {
            loop {
                let block = self.next().await.unwrap_or_else(|| panic!("the stream ended before {kinds:?}"));
                if block.kind().is_some_and(|kind| kinds.contains(&kind.as_str())) {
                    return block;
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("none of {kinds:?} in time"))
    }

    /// The blocks that have arrived whole, without waiting for more.
    pub fn arrived(&mut self) -> Vec<Block> {
        self.blocks.drain(..).collect()
    }

    /// Reads until that many bytes of the body have come, and cuts the connection there, wherever that is. Returns
    /// the blocks that were whole: a browser forgets an unfinished one.
    pub async fn cut_after(mut self, bytes: usize) -> Vec<Block> {
        while self.received < bytes {
            let filled = tokio::time::timeout(DEADLINE, self.fill()).await.expect("no bytes in time");
            assert!(filled, "the stream ended by itself");
            self.unchunk();
        }
        // Whatever arrived beyond the cut did not arrive.
        let mut body: Vec<u8> =
            self.blocks.iter().flat_map(|block| block.raw.clone()).chain(self.body).collect();
        body.truncate(bytes);
        blocks(&mut body)
    }

    /// Takes the next bytes and forgets them; `false` at the end of the stream.
    pub async fn bytes(&mut self) -> bool {
        let filled = self.fill().await;
        self.wire.clear();
        filled
    }

    /// Whether more bytes came.
    async fn fill(&mut self) -> bool {
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => {
                self.ended = true;
                false
            }
            Ok(count) => {
                self.wire.extend_from_slice(&chunk[..count]);
                true
            }
        }
    }

    /// Cuts whole chunks out of the wire's bytes, and whole blocks out of theirs.
    fn unchunk(&mut self) {
        let mut at = 0;
        while let Some(line) = find(&self.wire[at..], b"\r\n") {
            let size = std::str::from_utf8(&self.wire[at..at + line]).unwrap();
            let size = usize::from_str_radix(size, 16).expect("a chunk's size");
            let start = at + line + 2;
            if self.wire.len() < start + size + 2 {
                break;
            }
            self.body.extend_from_slice(&self.wire[start..start + size]);
            self.received += size;
            self.chunks += usize::from(size > 0);
            self.largest_chunk = self.largest_chunk.max(size);
            at = start + size + 2;
            if size == 0 {
                self.ended = true;
                break;
            }
        }
        self.wire.drain(..at);
        self.blocks.extend(blocks(&mut self.body));
    }
}

/// Takes the whole blocks off the front of `body`; a comment is one by itself.
pub fn blocks(body: &mut Vec<u8>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut from = 0;
    loop {
        let end = if body[from..].starts_with(b":") { &b"\n"[..] } else { b"\n\n" };
        let Some(at) = find(&body[from..], end) else { break };
        let next = from + at + end.len();
        blocks.push(Block { raw: body[from..next].to_vec() });
        from = next;
    }
    body.drain(..from);
    blocks
}
