//! The app as others see it: whether it is reached, what its webhook answers, what its keys open, and what it says of itself.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use reqwest::{Client, Response, Url};
use serde::Deserialize;

use super::SAY_WHERE;
use crate::config::{Config, OperatorAccess, Place};
use crate::devops::subscriptions::endpoint::{KEY_HEADER, PATH};
use crate::devops::subscriptions::probe::{ProbeAnswer, probe};
use crate::domain::time::Timestamp;
use crate::ops::finding::{EXAMINATION_MAX, Finding};
use crate::platform::clock;
use crate::platform::outbound::{RootCertificates, http_client};

/// How long an answer may take, and the first, for which the platform may have to start the app.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const FIRST_ANSWER_MAX: Duration = Duration::from_secs(30);

/// How much longer than the examination itself its answer may take.
const ON_THE_WAY: Duration = Duration::from_secs(15);

/// By how much the clock of the app may differ from that of this machine, in milliseconds.
const CLOCKS_APART_MS: u64 = 5_000;

/// An app, looked at from outside.
pub(super) struct Outside<'a> {
    base: String,
    config: Option<&'a Config>,
    place: Place,
}

/// What the app says of itself.
#[derive(Deserialize)]
struct Told {
    at: Timestamp,
    findings: Vec<Finding>,
}

impl<'a> Outside<'a> {
    /// The one at that address, without a slash at its end.
    pub(super) fn new(base: &str, config: Option<&'a Config>) -> Self {
        let place = config.map_or_else(Place::of_shell, Config::place).at(base);
        Self { base: base.to_owned(), config, place }
    }

    /// Everything that can be found from here. Where the app is not reached, that is all there is to say.
    pub(super) async fn examine(&self) -> Vec<Finding> {
        let client = Url::parse(&self.base).ok().and_then(|url| {
            let roots = RootCertificates::default();
            http_client(&url, &roots).timeout(ANSWER_MAX).build().ok()
        });
        let Some(client) = client else {
            let says = format!("{} is no address that can be asked", self.base);
            return vec![Finding::fault("app", says, SAY_WHERE)];
        };
        match self.reached(&client).await {
            Ok(finding) => {
                let (ready, webhook, key) =
                    tokio::join!(self.ready(&client), self.webhook(&client), self.key(&client));
                // Not before: it counts the test notifications that arrive, and what asks the webhook is one.
                let of_itself = self.of_itself(&client).await;
                [vec![finding, ready], webhook, key.into_iter().collect(), of_itself].concat()
            }
            Err(finding) => vec![finding],
        }
    }

    async fn reached(&self, client: &Client) -> Result<Finding, Finding> {
        const CHECK: &str = "app";
        let url = format!("{}/api/health/live", self.base);
        let ask = format!("curl -sS -m 30 -i {url}");
        match client.get(&url).timeout(FIRST_ANSWER_MAX).send().await {
            // What is between here and the app answers so while that does not run.
            Ok(answer) if answer.status().is_server_error() => {
                let says = format!(
                    "at {} the answer is {}: the app does not run",
                    self.base,
                    answer.status().as_u16()
                );
                Err(Finding::fault(CHECK, says, self.place.show_log()))
            }
            Ok(answer) => match is_boardcast(answer).await {
                true => Ok(Finding::ok(CHECK, format!("{} answers", self.base))),
                false => Err(Finding::fault(
                    CHECK,
                    format!("at {} something else than boardcast answers", self.base),
                    ask,
                )),
            },
            Err(error) if error.is_timeout() => {
                Err(Finding::fault(CHECK, format!("{} does not answer", self.base), self.place.show_app()))
            }
            Err(_) => Err(Finding::fault(
                CHECK,
                format!("{} cannot be connected to", self.base),
                self.place.show_app(),
            )),
        }
    }

    async fn ready(&self, client: &Client) -> Finding {
        const CHECK: &str = "app.ready";
        let remedy = format!(
            "curl -sS -m 30 -H \"X-Boardcast-Key: $BOARDCAST_OPERATOR_KEY\" {}/api/health",
            self.base
        );
        match client.get(format!("{}/api/health/ready", self.base)).send().await {
            Ok(answer) if answer.status().is_success() => Finding::ok(CHECK, "there are boards to show"),
            Ok(answer) => {
                let told: serde_json::Value =
                    serde_json::from_slice(&answer.bytes().await.unwrap_or_default()).unwrap_or_default();
                let journal = told.get("journal").and_then(serde_json::Value::as_str).unwrap_or("unknown");
                Finding::fault(CHECK, format!("there are no boards to show; journal: {journal}"), remedy)
            }
            Err(_) => Finding::unknown(CHECK, "no answer to whether there are boards to show", remedy),
        }
    }

    /// The webhook: closed to strangers, and open to what subscriptions present.
    async fn webhook(&self, client: &Client) -> Vec<Finding> {
        let url = format!("{}{PATH}", self.base);
        let stranger = client.post(&url).header(CONTENT_TYPE, "application/json").body("{}").send().await;
        let mut findings = vec![match stranger.map(|answer| answer.status().as_u16()) {
            Ok(401) => Finding::ok("webhook.strangers", "a hook without a secret is refused"),
            Ok(200) => Finding::warning(
                "webhook.strangers",
                "a hook without a secret is taken",
                self.place.make_secrets(),
            ),
            Ok(503) => Finding::fault(
                "webhook.strangers",
                "the webhook is closed: the app has no secret",
                self.place.make_secrets(),
            ),
            Ok(status) => Finding::fault(
                "webhook.strangers",
                format!("the webhook is not there ({status})"),
                self.place.deploy(),
            ),
            Err(_) => {
                let ask = format!("curl -sS -m 30 -i -X POST -d '{{}}' {url}");
                Finding::unknown("webhook.strangers", "no answer from the webhook", ask)
            }
        }];
        if let Some(endpoint) = self.config.and_then(|config| config.hook_endpoint.as_ref()) {
            let answer = probe(endpoint, &RootCertificates::default()).await;
            findings.push(match &answer {
                ProbeAnswer::Taken => Finding::ok("webhook.secret", answer.told()),
                ProbeAnswer::KeyRefused => {
                    Finding::fault("webhook.key", answer.told(), self.place.export_function_key())
                }
                ProbeAnswer::SecretRefused => Finding::fault(
                    "webhook.secret",
                    answer.told(),
                    Place::export_secret("BOARDCAST_WEBHOOK_SECRET", "webhook-secret"),
                ),
                ProbeAnswer::Other(_) => {
                    Finding::fault("webhook.secret", answer.told(), self.place.show_log())
                }
            });
        }
        findings
    }

    /// What the key of the subscriptions opens beside the webhook: everybody who may look at subscriptions can read it.
    async fn key(&self, client: &Client) -> Option<Finding> {
        let key = self.config?.hook_endpoint.as_ref()?.key()?;
        let boards = || client.get(format!("{}/api/snapshot", self.base));
        let opens = |answer: Result<Response, reqwest::Error>| {
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        if opens(boards().send().await) {
            return Some(Finding::ok("webhook.key", "boards need no key here"));
        }
        Some(match opens(boards().header(KEY_HEADER, key.expose()).send().await) {
            false => Finding::ok("webhook.key", "the key of the subscriptions opens no boards"),
            true => Finding::warning(
                "webhook.key",
                "the key of the subscriptions opens the boards, too: it is one of the host, and not of the function",
                format!("{} && {}", self.place.make_function_key(), self.place.set_public_address()),
            ),
        })
    }

    /// What the app finds out about itself.
    async fn of_itself(&self, client: &Client) -> Vec<Finding> {
        let url = format!("{}/api/health/doctor", self.base);
        let mut request = client.get(&url).timeout(EXAMINATION_MAX + ON_THE_WAY);
        if let Some(OperatorAccess::Key(key)) = self.config.map(|config| &config.operator_access) {
            request = request.header("x-boardcast-key", key.expose());
        }
        let sent = clock::system()();
        let Ok(answer) = request.send().await else {
            let says = "the app did not end its own examination";
            return vec![Finding::fault("app.doctor", says, self.place.show_log())];
        };
        if answer.status().as_u16() == 401 {
            let says = "the app does not take this operator's key, so it does not say what it finds";
            let remedy = Place::export_secret("BOARDCAST_OPERATOR_KEY", "operator-key");
            return vec![Finding::fault("app.operator_key", says, remedy)];
        }
        let body = answer.bytes().await.unwrap_or_default();
        let Ok(told) = serde_json::from_slice::<Told>(&body) else {
            let says = "the app cannot examine itself: it is of an older version";
            return vec![Finding::fault("app.doctor", says, self.place.deploy())];
        };
        let mut findings = vec![clocks(sent, told.at, clock::system()())];
        findings.extend(told.findings);
        findings
    }
}

/// Whether an answer to the question for life is boardcast's.
async fn is_boardcast(answer: Response) -> bool {
    let is_success = answer.status().is_success();
    let body = answer.bytes().await.unwrap_or_default();
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    is_success && told.get("status").is_some_and(|status| status == "live")
}

/// Whether the clock of the app is right, by this machine's: it told the time somewhere between question and answer.
fn clocks(sent: Timestamp, app: Timestamp, received: Timestamp) -> Finding {
    let ahead = app.ms_since(received).max(sent.ms_since(app)).max(0).unsigned_abs();
    if ahead <= CLOCKS_APART_MS {
        return Finding::ok("clocks", "the app and this machine tell the same time");
    }
    let says = format!("the clocks of the app and of this machine differ by {} s", ahead / 1_000);
    Finding::fault("clocks", says, "timedatectl set-ntp true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::finding::Diagnosis;

    #[test]
    fn clocks_differ_only_by_more_than_the_question_took() {
        let at = Timestamp::from_epoch_ms;
        let of = |app| clocks(at(100_000), at(app), at(140_000)).diagnosis;
        for app in [100_000, 120_000, 140_000, 145_000, 95_000] {
            assert_eq!(of(app), Diagnosis::Ok, "{app}");
        }
        for app in [145_001, 94_999, 0] {
            assert_eq!(of(app), Diagnosis::Fault, "{app}");
        }
    }
}
