//! With what the organisation is logged in to: a personal access token, which lasts, or tokens of this application's
//! identity, which end and may be revoked before.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use reqwest::Url;

use super::{ClientSettings, ClientSetupError};
use crate::devops::is_of_services;
use crate::domain::degradation::Failure;
use crate::platform::identity::{Token, TokenError, TokenSource};
use crate::platform::is_this_machine;
use crate::platform::secret::Secret;

/// The number of what the organisation says to those whom it does not know.
const NOT_A_USER: &str = "TF400813";

/// What stands in a message in place of a secret.
const REDACTED: &str = "[redacted]";

/// With what the organisation is logged in to.
pub(super) enum Login {
    /// With nothing, or always with the same.
    Constant(Credentials),
    /// With tokens that end.
    Tokens(Arc<dyn TokenSource>),
}

/// What is sent to log in, and what must not be told.
#[derive(Clone, Default)]
pub(super) struct Credentials {
    pub(super) header: Option<HeaderValue>,
    secrets: Vec<Secret>,
    token: Option<Token>,
}

impl Credentials {
    fn personal(token: &Secret) -> Option<Self> {
        let encoded = BASE64_STANDARD.encode(format!(":{}", token.expose()));
        let header = sensitive(&format!("Basic {encoded}"))?;
        Some(Self { header: Some(header), secrets: vec![token.clone(), Secret::new(encoded)], token: None })
    }

    fn bearer(token: Token) -> Self {
        let header = sensitive(&format!("Bearer {}", token.secret.expose()));
        Self { header, secrets: vec![token.secret.clone()], token: Some(token) }
    }

    /// A text without what must not be told.
    pub(super) fn redacted(&self, text: String) -> String {
        let secrets = self.secrets.iter().map(Secret::expose).filter(|secret| !secret.is_empty());
        secrets.fold(text, |text, secret| text.replace(secret, REDACTED))
    }

    /// What a refusal of an identity comes to, beside what the organisation says: its own words name no remedy.
    pub(super) fn explained(&self, failure: Failure, message: String) -> String {
        let Some(token) = &self.token else { return message };
        let object_id = token.object_id();
        let who = object_id
            .map_or_else(|| "the identity".to_owned(), |id| format!("the identity with object ID {id}"));
        let is_unknown = failure == Failure::Unauthorised || message.contains(NOT_A_USER);
        let remedy = match failure {
            Failure::Unauthorised | Failure::Forbidden if is_unknown => {
                "has to be a user of this organisation (Organization settings, Users, access level Basic), which has to be \
                 connected to the identity's directory"
            }
            Failure::Forbidden => {
                "has to be in a group of the project that may view project-level information and work items, such as Readers"
            }
            _ => return message,
        };
        if message.is_empty() { format!("{who} {remedy}") } else { format!("{message} ({who} {remedy})") }
    }
}

impl Login {
    /// Errors: what would log in may not be sent there, or not at all.
    pub(super) fn new(settings: &ClientSettings, organisation: &Url) -> Result<Self, ClientSetupError> {
        let host = organisation.host_str().unwrap_or_default();
        let is_sent = settings.token.is_some() || settings.tokens.is_some();
        if is_sent && organisation.scheme() == "http" && !is_this_machine(host) {
            return Err(ClientSetupError::InTheClear);
        }
        match (&settings.token, &settings.tokens) {
            (Some(token), _) => {
                Ok(Self::Constant(Credentials::personal(token).ok_or(ClientSetupError::Token)?))
            }
            (None, Some(_)) if !(is_of_services(host) || is_this_machine(host)) => {
                Err(ClientSetupError::NotOfServices)
            }
            (None, Some(tokens)) => Ok(Self::Tokens(tokens.clone())),
            (None, None) => Ok(Self::Constant(Credentials::default())),
        }
    }

    /// What to log in with now.
    pub(super) async fn credentials(&self) -> Result<Credentials, TokenError> {
        match self {
            Self::Constant(credentials) => Ok(credentials.clone()),
            Self::Tokens(tokens) => tokens.token().await.map(Credentials::bearer),
        }
    }

    /// What to log in with where these were refused; `None` where there is nothing else.
    pub(super) async fn instead_of(&self, refused: &Credentials) -> Result<Option<Credentials>, TokenError> {
        let (Self::Tokens(tokens), Some(token)) = (self, &refused.token) else { return Ok(None) };
        Ok(tokens.instead_of(token).await?.map(Credentials::bearer))
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
