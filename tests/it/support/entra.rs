//! A Microsoft Entra on loopback, and a platform with a managed identity in one: whoever asks is given the next token.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use boardcast::platform::clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::platform::token;

/// The object id of whoever asks.
pub const OBJECT_ID: &str = "3f2c0000-0000-4000-8000-000000000001";

/// Gives tokens.
pub struct Entra {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    refusal: Arc<Mutex<Option<(u16, String)>>>,
}

impl Entra {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, refusal) =
            (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Option<(u16, String)>>>::default());
        let entra = Self { address, asked: asked.clone(), refusal: refusal.clone() };
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let request = whole(&mut socket).await;
                let is_platform = request.starts_with("GET ");
                let number = {
                    let mut asked = asked.lock().unwrap();
                    asked.push(request);
                    asked.len()
                };
                let (status, body) =
                    refusal.lock().unwrap().clone().unwrap_or_else(|| (200, given(number, is_platform)));
                let head =
                    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}", body.len());
                let _ = socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
            }
        });
        entra
    }

    /// As an authority of applications.
    pub fn authority(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// As the endpoint of a managed identity.
    pub fn endpoint(&self) -> String {
        format!("http://{}/msi/token", self.address)
    }

    /// What it was asked, whole requests.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// From now on it gives no token.
    pub fn refuse(&self, status: u16, description: &str) {
        let body = serde_json::json!({ "error": "invalid_client", "error_description": description });
        *self.refusal.lock().unwrap() = Some((status, body.to_string()));
    }
}

/// The token that it gives to the request of that number, as it is sent to whom it is for.
pub fn bearer(number: usize) -> String {
    format!("Bearer {}", token(OBJECT_ID, &format!("hunter2 {number}")))
}

/// Each writes the end of a token in its own way.
fn given(number: usize, is_platform: bool) -> String {
    let token = token(OBJECT_ID, &format!("hunter2 {number}"));
    let ends = (clock::system())().epoch_ms() / 1_000 + 3_600;
    let ends =
        if is_platform { format!(r#""expires_on":"{ends}""#) } else { r#""expires_in":3599"#.to_owned() };
    format!(r#"{{"token_type":"Bearer","access_token":"{token}",{ends}}}"#)
}

async fn whole(socket: &mut TcpStream) -> String {
    let (mut request, mut chunk) = (String::new(), [0; 4096]);
    loop {
        let length = socket.read(&mut chunk).await.unwrap();
        request.push_str(&String::from_utf8_lossy(&chunk[..length]));
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let said = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= said.map_or(0, |length| length.parse().unwrap()) {
            return request;
        }
    }
}
