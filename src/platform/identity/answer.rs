//! What comes back from whoever gives out tokens.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::Token;
use crate::domain::time::Timestamp;
use crate::platform::secret::Secret;

/// How many bytes of an answer are read: a token has a few thousand.
const BYTES_MAX: usize = 64 * 1024;

/// How many characters of what a refusal says are kept.
const SAID_CHARS_MAX: usize = 200;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoToken {
    pub(super) text: String,
    /// Whether the identity was refused, which waiting does not mend.
    pub(super) is_refusal: bool,
}

impl NoToken {
    /// Something that passes.
    pub(super) fn for_now(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_refusal: false }
    }

    /// Something that somebody has to mend.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_refusal: true }
    }
}

/// An answer that gives a token. Some write numbers as such, others in quotes; one says how long the token lasts, others
/// when it ends, and of those that say both some count from when they made the token, which may be long ago.
#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_on: Option<Value>,
    expires_in: Option<Value>,
}

/// An answer that gives none, as Entra and as the platform write it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Option<Value>,
    error_description: Option<String>,
    message: Option<String>,
}

/// A refusal, as far as it is understood.
pub(super) struct Refused {
    /// The word of OAuth for what is wrong.
    pub(super) error: String,
    /// The number of Entra for it.
    pub(super) code: Option<u64>,
    /// What it says, without anything that was sent to it in secret.
    pub(super) said: String,
}

/// Sends a request. Errors: there was no whole answer; `no_response` says what that means.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
    no_response: &str,
) -> Result<(StatusCode, Vec<u8>), NoToken> {
    // Errors of the client name the address that was asked and no more of it than that; it is told by its setting.
    let mut answer = request.send().await.map_err(|_| NoToken::for_now(no_response))?;
    let mut body = Vec::new();
    while let Some(chunk) =
        answer.chunk().await.map_err(|_| NoToken::for_now("the response was cut short"))?
    {
        if body.len() + chunk.len() > BYTES_MAX {
            return Err(NoToken::for_now("the response is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status(), body))
}

/// The token in an answer to what was asked at `asked`.
pub(super) fn token(body: &[u8], asked: Timestamp) -> Option<Token> {
    let Given { access_token, expires_on, expires_in } = serde_json::from_slice(body).ok()?;
    let ms = |seconds: &Value| match seconds {
        Value::String(text) => text.parse::<i64>().ok()?.checked_mul(1_000),
        number => number.as_i64()?.checked_mul(1_000),
    };
    let ends_ms = match (expires_on.as_ref().and_then(ms), expires_in.as_ref().and_then(ms)) {
        (Some(ends), _) => ends,
        (None, Some(lasts)) => asked.epoch_ms().checked_add(lasts)?,
        (None, None) => return None,
    };
    let is_token = !access_token.is_empty();
    is_token.then(|| Token { secret: Secret::new(access_token), ends: Timestamp::from_epoch_ms(ends_ms) })
}

/// Whether waiting does not mend what a status says.
pub(super) fn is_refusal(status: StatusCode) -> bool {
    // 404 and 410 are how the metadata service of a machine says that it is being updated.
    let passes =
        [StatusCode::NOT_FOUND, StatusCode::REQUEST_TIMEOUT, StatusCode::GONE, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error() && !passes.contains(&status)
}

/// What a refusal says, in which none of `secrets` is told.
pub(super) fn refused(body: &[u8], secrets: &[&Secret]) -> Refused {
    let Refusal { error, error_description, message } = serde_json::from_slice(body).unwrap_or_default();
    let error = error.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let text = error_description.or(message).unwrap_or_else(|| error.clone());
    let code = text.split_once("AADSTS").map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit));
    let code = code.and_then(|digits| digits.collect::<String>().parse().ok());
    // What follows are the numbers under which the service finds the request in its own log.
    let text = text.split(" Trace ID").next().unwrap_or_default();
    let mut said = text.lines().next().unwrap_or_default().to_owned();
    for secret in secrets.iter().map(|secret| secret.expose()).filter(|secret| !secret.is_empty()) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        said = said.replace(secret, "[redacted]").replace(&encoded, "[redacted]");
    }
    let said: String = said.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
    Refused { error, code, said: said.trim_end_matches(['.', ' ']).to_owned() }
}
