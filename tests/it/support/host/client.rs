//! A client of the host, which reads any framing.

use std::io;

use serde_json::Value;

use super::wire::{Connection, Head};
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
    /// Sends a request and reads the answer.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let asking = async {
            let mut connection = Connection::open(self.address).await?;
            connection.send(&http::request(method, path, headers, body)).await?;
            let head = connection.head().await?;
            let body = connection.whole(head.response_framing(method)).await?;
            Ok::<_, io::Error>(Reply { head, body })
        };
        within("an answer", asking).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], b"").await
    }
}
