//! A platform that gives out tokens of a managed identity, on loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use boardcast::platform::identity::{EntraIdentity, IdentitySettings, ManagedEndpoint};
use boardcast::platform::outbound::RootCertificates;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What the platform answers, and how often it did.
#[derive(Default)]
struct Answers {
    token: String,
    ends_s: i64,
    given: usize,
}

/// A platform that gives the same token to whoever asks, until it has another one. It can be away at first.
pub struct Platform {
    address: SocketAddr,
    answers: Arc<Mutex<Answers>>,
}

impl Platform {
    /// A platform that is not there yet.
    pub fn away() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self { address: listener.local_addr().unwrap(), answers: Arc::default() }
    }

    /// A platform that is there.
    pub async fn start() -> Self {
        let platform = Self::away();
        platform.come().await;
        platform
    }

    /// Begins to answer.
    pub async fn come(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let answers = self.answers.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = socket.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                assert!(request.contains("resource=https%3A%2F%2Fredis.azure.com%2F"), "{request}");
                let body = {
                    let mut answers = answers.lock().unwrap();
                    answers.given += 1;
                    let Answers { token, ends_s, .. } = &*answers;
                    format!(r#"{{"access_token":"{token}","expires_on":"{ends_s}"}}"#)
                };
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}", body.len());
                let _ = socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
            }
        });
    }

    /// From now on it gives that token, which ends after `life` in whole seconds, and later than the one before.
    pub fn give(&self, token: &str, life: Duration) {
        let mut answers = self.answers.lock().unwrap();
        let now_ms = (boardcast::platform::clock::system())().epoch_ms();
        let ends_s = (now_ms + i64::try_from(life.as_millis()).unwrap()) / 1_000;
        answers.ends_s = ends_s.max(answers.ends_s + 1);
        answers.token = token.to_owned();
    }

    /// How often it gave a token.
    pub fn given(&self) -> usize {
        self.answers.lock().unwrap().given
    }

    /// Where it is asked.
    pub fn endpoint(&self) -> String {
        format!("http://{}/msi/token", self.address)
    }

    /// The identity that asks here for what opens Redis.
    pub fn identity(&self) -> EntraIdentity {
        let endpoint = ManagedEndpoint { endpoint: Some(self.endpoint()), ..ManagedEndpoint::default() };
        let (settings, resource) = (IdentitySettings::Managed(endpoint), boardcast::journal::redis::RESOURCE);
        let clock = boardcast::platform::clock::system();
        EntraIdentity::new(settings, resource, &RootCertificates::default(), clock).unwrap()
    }
}

/// A token as Microsoft Entra writes it, for the identity with that object id.
pub fn token(object_id: &str, signature: &str) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let claims = format!(r#"{{"aud":"https://redis.azure.com","oid":"{object_id}"}}"#);
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&claims), part(signature))
}
