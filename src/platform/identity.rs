//! Tokens by which Azure knows this application without any secret of ours: its managed identity, asked of the platform.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::time::Timestamp;
use crate::platform::clock::Clock;
use crate::platform::secret::Secret;

/// How long before its end a token is renewed, in milliseconds. Until then the old one goes on serving, so that nobody
/// waits for a renewal.
const RENEW_BEFORE_MS: i64 = 10 * 60_000;

/// How long before its end a token is no longer used, in milliseconds: clocks differ, and a request takes its time.
const UNUSED_BEFORE_MS: i64 = 30_000;

/// Timeout for a request to the platform.
const DEADLINE: Duration = Duration::from_secs(5);

/// Where a virtual machine asks for tokens, and a container that knows no better.
const INSTANCE_METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// What is said where the endpoint does not answer: on a machine of its own nobody does.
const NO_RESPONSE: &str = "no response from the identity endpoint; if this machine has no managed identity, put a \
                           password into BOARDCAST_REDIS_URL or an account key into BOARDCAST_TABLES";

/// Gives tokens.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is good for some time yet.
    async fn token(&self) -> Result<Token, TokenError>;
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// When it ends.
    pub ends: Timestamp,
}

impl Token {
    /// The object id of the identity in its directory, which is its name as a user. The token is our own and came
    /// from the platform, so its signature is not looked at; `None` when it is not of the form that has one.
    pub fn object_id(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Claims {
            oid: String,
        }
        let payload = self.secret.expose().split('.').nth(1)?;
        let claims: Claims = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        Some(claims.oid).filter(|oid| !oid.is_empty())
    }
}

/// Why there is no token, with a remedy where there is one. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the managed identity got no token: {0}")]
pub struct TokenError(String);

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
    /// Held by the caller that asks the platform, so that one asks for all.
    asking: tokio::sync::Mutex<()>,
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
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(DEADLINE);
        // The header is a secret of this machine, which no redirect may carry elsewhere.
        let http = http.redirect(reqwest::redirect::Policy::none()).build()?;
        let (given, asking) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Inner { http, settings, resource, clock, given, asking })))
    }
}

#[async_trait]
impl TokenSource for ManagedIdentity {
    async fn token(&self) -> Result<Token, TokenError> {
        if let Some(given) = self.0.good_for(RENEW_BEFORE_MS) {
            return Ok(given);
        }
        if let Some(given) = self.0.good_for(UNUSED_BEFORE_MS) {
            let inner = self.0.clone();
            tokio::spawn(async move {
                if let Ok(_asking) = inner.asking.try_lock()
                    && let Err(error) = inner.renew().await
                {
                    tracing::warn!(%error, "cannot renew the token of the managed identity; the current one is still valid");
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
    fn good_for(&self, ms: i64) -> Option<Token> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.clone().filter(|token| token.ends.ms_since((self.clock)()) > ms)
    }

    async fn renew(&self) -> Result<Token, TokenError> {
        let IdentitySettings { endpoint, header, client_id } = &self.settings;
        let (address, version) = match endpoint {
            Some(endpoint) => (endpoint.as_str(), "2019-08-01"),
            None => (INSTANCE_METADATA, "2018-02-01"),
        };
        let mut query = vec![("api-version", version), ("resource", self.resource)];
        query.extend(client_id.as_deref().map(|client_id| ("client_id", client_id)));
        let url = reqwest::Url::parse_with_params(address, query).map_err(|_| {
            no_token("IDENTITY_ENDPOINT is not a valid URL; leave it as the platform sets it")
        })?;
        let mut request = self.http.get(url).header("metadata", "true");
        if let Some(header) = header {
            request = request.header("x-identity-header", header.expose());
        }
        let answer = request.send().await.map_err(|_| no_token(NO_RESPONSE))?;
        let status = answer.status();
        if status.is_client_error() && status != reqwest::StatusCode::TOO_MANY_REQUESTS {
            let remedy = "assign a managed identity to this application, and set AZURE_CLIENT_ID to its client ID if it is user-assigned";
            return Err(no_token(&format!("{status}; {remedy}")));
        }
        if !status.is_success() {
            return Err(no_token(status.as_str()));
        }
        let body = answer.bytes().await.map_err(|_| no_token("the response was cut short"))?;
        let token = read(&body).ok_or_else(|| no_token("the response holds no token"))?;
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }
}

fn read(body: &[u8]) -> Option<Token> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let seconds = match &answer.expires_on {
        Value::String(text) => text.parse().ok()?,
        number => number.as_i64()?,
    };
    let ends = Timestamp::from_epoch_ms(seconds.checked_mul(1_000)?);
    Some(Token { secret: Secret::new(answer.access_token), ends })
}

fn no_token(why: &str) -> TokenError {
    TokenError(why.to_owned())
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
