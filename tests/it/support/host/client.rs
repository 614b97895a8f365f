//! A client of the host: it reads any framing, and a body in the parts in which it arrives.

use std::io;

use serde_json::Value;

use super::wire::{Connection, Framing, Head};
use super::{Host, within};
use crate::support::http;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub head: Head,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Host {
    /// Sends a request and reads the answer. Errors: the connection ended before the answer did.
    pub async fn try_ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut open = self.open(method, path, headers, body).await?;
        within("an answer", async {
            let head = open.connection.head().await?;
            let body = open.connection.whole(head.response_framing(method)).await?;
            Ok(Reply { head, body })
        })
        .await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let reply = self.try_ask(method, path, headers, body).await;
        reply.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], b"").await
    }

    /// Sends a request and leaves the answer to be read.
    pub async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Open> {
        let mut connection = Connection::open(self.address).await?;
        connection.send(&http::request(method, path, headers, body)).await?;
        Ok(Open { connection, framing: None })
    }
}

/// An answer that is being read.
pub struct Open {
    pub connection: Connection,
    framing: Option<Framing>,
}

impl Open {
    /// The next part of the body; `None` at its proper end, an error when it was cut.
    pub async fn part(&mut self) -> io::Result<Option<String>> {
        within("a part of the answer", async {
            if self.framing.is_none() {
                self.framing = Some(self.connection.head().await?.response_framing("GET"));
            }
            let Some(framing) = &mut self.framing else { return Ok(None) };
            let part = self.connection.part(framing).await?;
            Ok(part.map(|part| String::from_utf8_lossy(&part).into_owned()))
        })
        .await
    }
}
