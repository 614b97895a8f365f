//! Tokens by which Azure knows this application without any secret of ours: its managed identity, asked of the platform.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use crate::archive::ArchiveError;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::secret::Secret;

/// How long before its end a token is renewed, in milliseconds. Until then the old one goes on serving, so that nobody
/// waits for a renewal.
const RENEW_BEFORE_MS: i64 = 10 * 60_000;

/// How long before its end a token is no longer used, in milliseconds: clocks differ, and a request takes its time.
const UNUSED_BEFORE_MS: i64 = 30_000;

/// After how long the platform is given up on.
const DEADLINE: Duration = Duration::from_secs(5);

/// Where a virtual machine asks for tokens, and a container that knows no better.
const INSTANCE_METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Gives tokens.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is good for some time yet.
    async fn token(&self) -> Result<Secret, ArchiveError>;
}

/// Where the platform gives out tokens, by the variables that it sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentitySettings {
    /// `IDENTITY_ENDPOINT`; `None` asks the virtual machine's metadata service.
    pub endpoint: Option<String>,
    /// `IDENTITY_HEADER`, which proves that the request comes from this application.
    pub header: Option<Secret>,
    /// `AZURE_CLIENT_ID`: which of several identities; `None` asks for the application's own.
    pub client_id: Option<String>,
}

/// The managed identity of this application, with the token it was last given.
#[derive(Clone)]
pub struct ManagedIdentity(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    settings: IdentitySettings,
    resource: &'static str,
    clock: Clock,
    given: Mutex<Option<Token>>,
    /// Held by whoever asks the platform, so that one asks for all.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Token {
    token: Secret,
    ends: Timestamp,
}

/// The answer of either endpoint; one writes numbers as such, the other in quotes.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_on: Value,
}

impl ManagedIdentity {
    /// An identity to access `resource` with, such as `https://storage.azure.com/`.
    ///
    /// Errors: there can be no HTTP client.
    pub fn new(
        settings: IdentitySettings,
        resource: &'static str,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // It is on this machine or on its link: no proxy and no certificate has anything to do with it.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(DEADLINE).build()?;
        let (given, asking) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Inner { http, settings, resource, clock, given, asking })))
    }
}

#[async_trait]
impl TokenSource for ManagedIdentity {
    async fn token(&self) -> Result<Secret, ArchiveError> {
        if let Some(given) = self.0.good_for(RENEW_BEFORE_MS) {
            return Ok(given);
        }
        if let Some(given) = self.0.good_for(UNUSED_BEFORE_MS) {
            let inner = self.0.clone();
            tokio::spawn(async move {
                if let Ok(_asking) = inner.asking.try_lock()
                    && let Err(error) = inner.renew().await
                {
                    tracing::warn!(%error, "a token could not be renewed; the old one serves on");
                }
            });
            return Ok(given);
        }
        let _asking = self.0.asking.lock().await;
        match self.0.good_for(UNUSED_BEFORE_MS) {
            Some(given) => Ok(given),
            None => self.0.renew().await,
        }
    }
}

impl Inner {
    fn good_for(&self, ms: i64) -> Option<Secret> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let good = given.as_ref().filter(|token| token.ends.ms_since((self.clock)()) > ms);
        good.map(|token| token.token.clone())
    }

    async fn renew(&self) -> Result<Secret, ArchiveError> {
        let IdentitySettings { endpoint, header, client_id } = &self.settings;
        let (address, version) = match endpoint {
            Some(endpoint) => (endpoint.as_str(), "2019-08-01"),
            None => (INSTANCE_METADATA, "2018-02-01"),
        };
        let mut url = reqwest::Url::parse(address)
            .map_err(|_| ArchiveError::Refused("IDENTITY_ENDPOINT is no address".into()))?;
        url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", self.resource);
        if let Some(client_id) = client_id {
            url.query_pairs_mut().append_pair("client_id", client_id);
        }
        let mut request = self.http.get(url).header("metadata", "true");
        if let Some(header) = header {
            request = request.header("x-identity-header", header.expose());
        }
        let answer =
            request.send().await.map_err(|_| unavailable("the platform gives no token: no answer"))?;
        let status = answer.status();
        if status.is_client_error() && status != reqwest::StatusCode::TOO_MANY_REQUESTS {
            return Err(ArchiveError::Refused(format!(
                "the platform gives no token ({status}): assign an identity, and name it in AZURE_CLIENT_ID"
            )));
        }
        if !status.is_success() {
            return Err(unavailable(&format!("the platform gives no token ({status})")));
        }
        let body = answer.bytes().await.map_err(|_| unavailable("the platform's answer broke off"))?;
        let token = read(&body).ok_or_else(|| unavailable("the platform's answer is no token"))?;
        let secret = token.token.clone();
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(secret)
    }
}

fn read(body: &[u8]) -> Option<Token> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let seconds = match &answer.expires_on {
        Value::String(text) => text.parse().ok()?,
        number => number.as_i64()?,
    };
    let ends = Timestamp::from_epoch_ms(seconds.checked_mul(1_000)?);
    Some(Token { token: Secret::new(answer.access_token), ends })
}

fn unavailable(why: &str) -> ArchiveError {
    ArchiveError::Unavailable(why.to_owned())
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
