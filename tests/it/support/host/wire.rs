//! HTTP/1.1 as it lies on a socket, for either side: heads, and bodies in the parts in which they are read.
//!
//! A part is what one read brought, however many chunks that was, because a read is the unit that costs the
//! Functions host: it passes each on with a write of its own.

use std::io;
use std::net::SocketAddr;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How much is read at once.
const READ_BYTES_MAX: usize = 16 * 1024;

/// The first line of a request or a response, and the headers.
#[derive(Clone, Debug)]
pub struct Head {
    pub start: String,
    pub headers: HeaderMap,
}

impl Head {
    /// A word of the first line: the method and the target of a request, the version and the status of a response.
    pub fn word(&self, index: usize) -> &str {
        self.start.split(' ').nth(index).unwrap_or_default()
    }

    pub fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How the body of this request is framed.
    pub fn request_framing(&self) -> Framing {
        self.announced().unwrap_or(Framing::Length(0))
    }

    /// How the body of this response to a request of that method is framed.
    pub fn response_framing(&self, method: &str) -> Framing {
        match self.status() {
            204 | 304 => Framing::Length(0),
            _ if method == "HEAD" => Framing::Length(0),
            _ => self.announced().unwrap_or(Framing::ToTheEnd { ended: false }),
        }
    }

    fn announced(&self) -> Option<Framing> {
        if self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Some(Framing::Chunked(Chunked::Size));
        }
        self.header("content-length")?.parse().ok().map(Framing::Length)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let start = String::from_utf8(lines.next()?.to_vec()).ok()?;
        let mut headers = HeaderMap::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
        }
        Some(Self { start, headers })
    }
}

/// Where a body ends, and how far it was read.
#[derive(Clone, Debug)]
pub enum Framing {
    /// After that many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked(Chunked),
    /// With the connection.
    ToTheEnd { ended: bool },
}

/// What is expected next in a chunked body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunked {
    Size,
    Data(usize),
    DataEnd,
    Trailer,
    Ended,
}

impl Framing {
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(state) => *state == Chunked::Ended,
            Self::ToTheEnd { ended } => *ended,
        }
    }

    /// Takes what belongs to the body off the front of `buffer`.
    fn take(&mut self, buffer: &mut BytesMut) -> io::Result<Bytes> {
        match self {
            Self::Length(left) => {
                let taken = buffer.split_to(buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                *left -= taken.len() as u64;
                Ok(taken.freeze())
            }
            Self::Chunked(state) => state.take(buffer),
            Self::ToTheEnd { .. } => Ok(buffer.split().freeze()),
        }
    }
}

impl Chunked {
    fn take(&mut self, buffer: &mut BytesMut) -> io::Result<Bytes> {
        let mut data = BytesMut::new();
        loop {
            match self {
                Self::Size => {
                    let Some(line) = take_line(buffer) else { break };
                    let digits = line[..].split(|byte| *byte == b';').next().unwrap_or_default();
                    let size = std::str::from_utf8(digits).ok().map(str::trim);
                    let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
                    *self = match size.ok_or(io::ErrorKind::InvalidData)? {
                        0 => Self::Trailer,
                        size => Self::Data(size),
                    };
                }
                Self::Data(left) => {
                    let taken = buffer.split_to(buffer.len().min(*left));
                    *left -= taken.len();
                    data.extend_from_slice(&taken);
                    if *left > 0 {
                        break;
                    }
                    *self = Self::DataEnd;
                }
                Self::DataEnd if buffer.len() < 2 => break,
                Self::DataEnd => {
                    buffer.advance(2);
                    *self = Self::Size;
                }
                Self::Trailer => match take_line(buffer) {
                    None => break,
                    Some(line) if line.is_empty() => *self = Self::Ended,
                    Some(_) => {}
                },
                Self::Ended => break,
            }
        }
        Ok(data.freeze())
    }
}

/// A line without its end, when it is whole.
fn take_line(buffer: &mut BytesMut) -> Option<BytesMut> {
    let end = buffer.windows(2).position(|window| window == b"\r\n")?;
    let line = buffer.split_to(end);
    buffer.advance(2);
    Some(line)
}

/// One chunk as it is written.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

/// What ends a chunked body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A connection, and what was read from it and not yet taken.
pub struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Connection {
    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::new() })
    }

    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?)
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next head; an error when the connection ends before it is whole.
    pub async fn head(&mut self) -> io::Result<Head> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                return Head::parse(&head).ok_or(io::ErrorKind::InvalidData.into());
            }
            if self.read().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next part of a body; `None` at its proper end, an error when the connection ends before.
    pub async fn part(&mut self, framing: &mut Framing) -> io::Result<Option<Bytes>> {
        loop {
            let part = framing.take(&mut self.buffer)?;
            if !part.is_empty() {
                return Ok(Some(part));
            }
            if framing.has_ended() {
                return Ok(None);
            }
            if self.read().await? == 0 {
                match framing {
                    Framing::ToTheEnd { ended } => *ended = true,
                    _ => return Err(io::ErrorKind::UnexpectedEof.into()),
                }
            }
        }
    }

    /// All of a body.
    pub async fn whole(&mut self, mut framing: Framing) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(part) = self.part(&mut framing).await? {
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// Whether another request can be sent: nothing is left over, and the other side has not closed.
    pub fn is_reusable(&self) -> bool {
        let nothing_yet =
            |read: io::Result<usize>| read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.buffer.is_empty() && nothing_yet(self.stream.try_read(&mut [0]))
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ_BYTES_MAX);
        self.stream.read_buf(&mut self.buffer).await
    }
}

#[test]
fn a_chunked_body_is_the_same_however_it_is_cut() {
    let wire = [&chunk(b"one")[..], b"A;x=y\r\n0123456789\r\n", b"0\r\nTrailer: t\r\n\r\nnext"].concat();
    for cut in 0..wire.len() {
        let (mut framing, mut buffer) = (Framing::Chunked(Chunked::Size), BytesMut::new());
        let mut body = Vec::new();
        for piece in [&wire[..cut], &wire[cut..]] {
            buffer.extend_from_slice(piece);
            body.extend_from_slice(&framing.take(&mut buffer).unwrap());
        }
        assert_eq!((body.as_slice(), &buffer[..]), (&b"one0123456789"[..], &b"next"[..]), "cut at {cut}");
        assert!(framing.has_ended());
    }
}
