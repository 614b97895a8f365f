//! Tokens of Microsoft Entra, by which Azure knows this application: as an application with a secret or with a token of
//! somebody whom Entra trusts, or as the managed identity that the platform gives it.

mod answer;
mod entra;
mod managed;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Url;
use serde::Deserialize;

use self::answer::NoToken;
use crate::domain::time::Timestamp;
use crate::platform::clock::Clock;
use crate::platform::outbound::{RootCertificates, http_client};
use crate::platform::secret::Secret;

/// How long before its end a token is renewed, in milliseconds. Until then the old one goes on serving, so that nobody
/// waits for a renewal.
const RENEW_BEFORE_MS: i64 = 10 * 60_000;

/// How long before its end a token is no longer used, in milliseconds: clocks differ, and a request takes its time.
const UNUSED_BEFORE_MS: i64 = 30_000;

/// For how long a failure is the answer to everybody who needs a token, in milliseconds: who waited for the same request
/// does not make another one.
const FAILED_FOR_MS: i64 = 1_000;

/// How long after a failure a token that still serves is tried to be renewed again, in milliseconds.
const RENEW_AGAIN_MS: i64 = 15_000;

/// How long after a token was replaced because it was refused no other is, in milliseconds: an identity that may not do
/// something may not do it with any token.
const REPLACED_FOR_MS: i64 = 60_000;

/// Timeout for a request for a token.
const DEADLINE: Duration = Duration::from_secs(5);

/// Gives tokens.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is good for some time yet.
    async fn token(&self) -> Result<Token, TokenError>;

    /// Another token than this one, which was refused although it has not ended: it may have been revoked. `None` where
    /// there is no other.
    async fn instead_of(&self, refused: &Token) -> Result<Option<Token>, TokenError>;
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
#[error("{} got no token: {}", .who, .why.text)]
pub struct TokenError {
    who: &'static str,
    why: NoToken,
}

impl TokenError {
    /// Whether the identity was refused, which waiting does not mend.
    pub const fn is_refusal(&self) -> bool {
        self.why.is_refusal
    }
}

/// By what Microsoft Entra knows this application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentitySettings {
    /// As an application that has a secret.
    ClientSecret {
        /// The application.
        application: Application,
        /// `AZURE_CLIENT_SECRET`.
        secret: Secret,
    },
    /// As an application that trusts whoever writes a file, such as a cluster of Kubernetes (workload identity federation).
    FederatedToken {
        /// The application.
        application: Application,
        /// `AZURE_FEDERATED_TOKEN_FILE`, which is written anew before the token in it ends.
        file: PathBuf,
    },
    /// As the identity that the platform gives it.
    Managed(ManagedEndpoint),
}

impl IdentitySettings {
    /// What it is called, in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client secret",
            Self::FederatedToken { .. } => "federated token",
            Self::Managed(_) => "managed identity",
        }
    }

    /// Who it is, in an error, by the setting that says so.
    const fn who(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "the application with AZURE_CLIENT_SECRET",
            Self::FederatedToken { .. } => "the application with AZURE_FEDERATED_TOKEN_FILE",
            Self::Managed(_) => "the managed identity",
        }
    }

    /// Whom it asks, where that is not the platform.
    const fn authority(&self) -> Option<&Url> {
        match self {
            Self::ClientSecret { application, .. } | Self::FederatedToken { application, .. } => {
                Some(&application.authority)
            }
            Self::Managed(_) => None,
        }
    }
}

/// An application that is registered in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// `AZURE_AUTHORITY_HOST`: who gives out tokens.
    pub authority: Url,
    /// `AZURE_TENANT_ID`: the directory.
    pub tenant: String,
    /// `AZURE_CLIENT_ID`: the application.
    pub client_id: String,
}

/// Where the platform gives out tokens, by the variables that it sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedEndpoint {
    /// `IDENTITY_ENDPOINT`; `None` asks the virtual machine's metadata service.
    pub endpoint: Option<String>,
    /// `IDENTITY_HEADER`, which proves that the request comes from this application.
    pub header: Option<Secret>,
    /// `AZURE_CLIENT_ID`: which of several identities; `None` asks for the application's own.
    pub client_id: Option<String>,
}

/// The identity of this application, with the token it was last given.
#[derive(Clone)]
pub struct EntraIdentity(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    settings: IdentitySettings,
    resource: &'static str,
    clock: Clock,
    held: Mutex<Held>,
    /// Held by the caller that asks for a token, so that one asks for all.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Held {
    token: Option<Token>,
    /// How the last request failed, and when.
    failure: Option<(Timestamp, TokenError)>,
    /// When a token was last replaced because it was refused.
    replaced_at: Option<Timestamp>,
}

impl EntraIdentity {
    /// An identity to access `resource` with, such as `https://storage.azure.com/`.
    ///
    /// Errors: there can be no HTTP client.
    pub fn new(
        settings: IdentitySettings,
        resource: &'static str,
        roots: &RootCertificates,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = match settings.authority() {
            Some(authority) => http_client(authority, roots),
            None => managed::http_client(),
        };
        let http = http.timeout(DEADLINE).build()?;
        let (held, asking) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Inner { http, settings, resource, clock, held, asking })))
    }
}

#[async_trait]
impl TokenSource for EntraIdentity {
    async fn token(&self) -> Result<Token, TokenError> {
        if let Some(token) = self.0.good_for(RENEW_BEFORE_MS) {
            return Ok(token);
        }
        if let Some(token) = self.0.good_for(UNUSED_BEFORE_MS) {
            let inner = self.0.clone();
            tokio::spawn(async move {
                if let Ok(_asking) = inner.asking.try_lock()
                    && inner.failed_within(RENEW_AGAIN_MS).is_none()
                    && let Err(error) = inner.renew().await
                {
                    tracing::warn!(%error, "cannot renew a token; the current one is still valid");
                }
            });
            return Ok(token);
        }
        let _asking = self.0.asking.lock().await;
        match (self.0.good_for(UNUSED_BEFORE_MS), self.0.failed_within(FAILED_FOR_MS)) {
            (Some(token), _) => Ok(token),
            (None, Some(error)) => Err(error),
            (None, None) => self.0.renew().await,
        }
    }

    async fn instead_of(&self, refused: &Token) -> Result<Option<Token>, TokenError> {
        let is_other = |token: &Token| token.secret != refused.secret;
        let _asking = self.0.asking.lock().await;
        if let Some(token) = self.0.good_for(UNUSED_BEFORE_MS).filter(is_other) {
            return Ok(Some(token));
        }
        let now = (self.0.clock)();
        {
            let mut held = self.0.held();
            if held.replaced_at.is_some_and(|at| now.ms_since(at) < REPLACED_FOR_MS) {
                return Ok(None);
            }
            held.replaced_at = Some(now);
        }
        tracing::info!("a token was refused before its end, and is renewed");
        self.0.renew().await.map(|token| Some(token).filter(is_other))
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn good_for(&self, ms: i64) -> Option<Token> {
        let now = (self.clock)();
        self.held().token.clone().filter(|token| token.ends.ms_since(now) > ms)
    }

    fn failed_within(&self, ms: i64) -> Option<TokenError> {
        let now = (self.clock)();
        let failure = self.held().failure.clone();
        failure.filter(|(at, _)| (0..ms).contains(&now.ms_since(*at))).map(|(_, error)| error)
    }

    async fn renew(&self) -> Result<Token, TokenError> {
        let began = (self.clock)();
        let who = self.settings.who();
        let given = self.ask(began).await.map_err(|why| TokenError { who, why });
        let mut held = self.held();
        match &given {
            Ok(token) => (held.token, held.failure) = (Some(token.clone()), None),
            Err(error) => held.failure = Some(((self.clock)(), error.clone())),
        }
        given
    }

    async fn ask(&self, now: Timestamp) -> Result<Token, NoToken> {
        let (http, resource) = (&self.http, self.resource);
        let body = match &self.settings {
            IdentitySettings::ClientSecret { application, secret } => {
                entra::ask(http, application, entra::Proof::Secret(secret), resource).await?
            }
            IdentitySettings::FederatedToken { application, file } => {
                let token = entra::token_of(file).await?;
                entra::ask(http, application, entra::Proof::Assertion(&token), resource).await?
            }
            IdentitySettings::Managed(endpoint) => managed::ask(http, endpoint, resource).await?,
        };
        answer::token(&body, now).ok_or_else(|| NoToken::for_now("the response holds no token"))
    }
}

#[cfg(test)]
mod tests;
