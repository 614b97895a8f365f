//! Asks the webhook whether it takes a secret, as Azure DevOps would: before a subscription that works is moved to it.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use serde_json::json;

use super::endpoint::{HookEndpoint, KEY_HEADER};
use crate::domain::subscription::HookEvent;
use crate::platform::outbound::{RootCertificates, http_client};

/// How often it is asked, each time over a connection of its own: there may be several instances, and some may not have the
/// new secret yet.
const TIMES: usize = 5;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the webhook answered to a secret and a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeAnswer {
    /// 200, each time.
    Taken,
    /// The secret is not the one that is set there.
    SecretRefused,
    /// The host refuses the function key, before boardcast is asked.
    KeyRefused,
    /// Anything else: a status, or why there is none.
    Other(String),
}

impl ProbeAnswer {
    /// What was answered, with what to do about it.
    pub fn told(&self) -> String {
        match self {
            Self::Taken => "the app takes the secret".into(),
            Self::SecretRefused => "the app answers 401 to the secret: it has another BOARDCAST_WEBHOOK_SECRET, or was not \
                                    restarted since it was set"
                .into(),
            Self::KeyRefused => {
                "the Functions host answers 401 to the key: set BOARDCAST_WEBHOOK_KEY to a key of the function WorkItemWebhook"
                    .into()
            }
            Self::Other(answer) => {
                format!("the app does not answer the webhook with 200 ({answer}): check BOARDCAST_PUBLIC_URL and that it runs")
            }
        }
    }
}

/// Asks until an answer is not 200, at most as often as it takes to meet several instances. The body is that of a test
/// notification, of which nothing is announced.
pub async fn probe(endpoint: &HookEndpoint, roots: &RootCertificates) -> ProbeAnswer {
    let client = http_client(endpoint.base(), roots).pool_max_idle_per_host(0).timeout(DEADLINE).build();
    let Ok(client) = client else {
        return ProbeAnswer::Other("no TLS; install the package ca-certificates".into());
    };
    for _ in 0..TIMES {
        let answer = ask(&client, endpoint).await;
        if answer != ProbeAnswer::Taken {
            return answer;
        }
    }
    ProbeAnswer::Taken
}

async fn ask(client: &reqwest::Client, endpoint: &HookEndpoint) -> ProbeAnswer {
    let body = json!({
        "subscriptionId": uuid::Uuid::nil(),
        "notificationId": 0,
        "eventType": HookEvent::Updated.event_type(),
        "publisherId": "tfs",
        "resource": { "id": 0, "workItemId": 0, "rev": 0 },
    });
    let mut request = client
        .post(endpoint.url(HookEvent::Updated))
        .header(CONTENT_TYPE, "application/json")
        .basic_auth(endpoint.user_name(), Some(endpoint.secret().expose()))
        .body(body.to_string());
    if let Some(key) = endpoint.key() {
        request = request.header(KEY_HEADER, key.expose());
    }
    match request.send().await {
        Ok(response) => {
            let is_of_boardcast = response
                .headers()
                .get(WWW_AUTHENTICATE)
                .is_some_and(|challenge| challenge.as_bytes().starts_with(b"Basic realm=\"boardcast\""));
            match response.status() {
                StatusCode::OK => ProbeAnswer::Taken,
                StatusCode::UNAUTHORIZED if is_of_boardcast => ProbeAnswer::SecretRefused,
                StatusCode::UNAUTHORIZED => ProbeAnswer::KeyRefused,
                status => ProbeAnswer::Other(format!("status {}", status.as_u16())),
            }
        }
        Err(error) if error.is_timeout() => {
            ProbeAnswer::Other(format!("no answer within {} s", DEADLINE.as_secs()))
        }
        Err(error) if error.is_connect() => ProbeAnswer::Other("it cannot be connected to".into()),
        Err(_) => ProbeAnswer::Other("the connection broke off".into()),
    }
}
