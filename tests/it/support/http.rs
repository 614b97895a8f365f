//! A client that writes exactly the bytes it is given, so that malformed requests can be sent too.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::app::DEADLINE;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A well-formed request.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    [format!("{head}\r\n").as_bytes(), body].concat()
}

/// Sends the bytes and reads one answer.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    attempt(address, request).await.unwrap()
}

/// The same with a server that may die meanwhile.
pub async fn attempt(address: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    tokio::time::timeout(DEADLINE, async {
        let mut stream = TcpStream::connect(address).await?;
        // A server that answers early may close while we still write; its answer is what counts.
        let _ = stream.write_all(request).await;
        try_read_answer(&mut stream, request.starts_with(b"HEAD")).await
    })
    .await
    .expect("no answer in time")
}

/// Reads one answer from a connection that may go on.
pub async fn read_answer(stream: &mut TcpStream, is_head: bool) -> Answer {
    try_read_answer(stream, is_head).await.unwrap()
}

async fn try_read_answer(stream: &mut TcpStream, is_head: bool) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    loop {
        if let Some(answer) = whole(&bytes, is_head) {
            return Ok(answer);
        }
        let mut chunk = [0; 16 * 1024];
        match stream.read(&mut chunk).await? {
            0 => {
                let cut = || io::Error::other(format!("closed in the middle of an answer: {bytes:?}"));
                return whole(&bytes, true).ok_or_else(cut);
            }
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

fn whole(bytes: &[u8], without_body: bool) -> Option<Answer> {
    let end = find(bytes, b"\r\n\r\n")?;
    if bytes.starts_with(b"HTTP/1.1 100") {
        // An interim answer; the one that counts follows it.
        return whole(&bytes[end + 4..], without_body);
    }
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, head, body: Vec::new() };
    let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    if !without_body && status != 304 {
        answer.body = bytes[end + 4..].get(..length)?.to_vec();
    }
    Some(answer)
}

/// Where `needle` begins.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
