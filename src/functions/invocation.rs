//! The Functions host's JSON envelope: what it sends for every trigger but a proxied HTTP request, and the reply
//! without which an invocation fails, or never ends.

use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use warp::reply::Response;

use super::reply;

/// What a function answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InvocationReply {
    /// Values of output bindings.
    pub outputs: Value,
    /// Lines for the host's log.
    pub logs: Vec<String>,
    /// The return value.
    pub return_value: Value,
}

impl InvocationReply {
    /// A reply that only logs.
    pub(crate) fn logging(line: impl Into<String>) -> Self {
        Self { outputs: json!({}), logs: vec![line.into()], return_value: Value::Null }
    }

    /// 200 with a JSON object: any other reply fails the invocation, and an empty one makes it never end, so that
    /// a timer does not fire again.
    pub(crate) fn into_response(self) -> Response {
        reply::value(StatusCode::OK, &self)
    }
}

/// Answers a host that sends an envelope for an HTTP function, and tells the log what is wrong with it.
pub(crate) fn not_proxied(function: &str, headers: &HeaderMap) -> Response {
    let host =
        headers.get("x-azure-functions-hostversion").and_then(|version| version.to_str().ok()).unwrap_or("?");
    tracing::error!(
        function,
        host,
        "this Functions host does not proxy HTTP requests; 4.1042 or later does, with enableProxyingHttpRequest"
    );
    let message = "boardcast needs a Functions host that proxies HTTP requests (4.1042 or later)";
    InvocationReply {
        outputs: json!({ "res": { "statusCode": 501, "body": message } }),
        logs: vec![message.into()],
        return_value: Value::Null,
    }
    .into_response()
}

/// A timer's envelope, as far as it matters. It is read leniently: members come and go between host versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimerEnvelope {
    /// Whether the run is later than its schedule.
    pub is_past_due: bool,
}

impl TimerEnvelope {
    /// Reads an envelope; `None` when it is not one.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let envelope: Value = serde_json::from_slice(body).ok()?;
        let timer = envelope.get("Data")?.as_object()?.values().next()?;
        // Some hosts wrap the trigger's data in a string of JSON.
        let timer = match timer {
            Value::String(text) => serde_json::from_str(text).ok()?,
            other => other.clone(),
        };
        let is_past_due = timer.get("IsPastDue").and_then(Value::as_bool).unwrap_or(false);
        Some(Self { is_past_due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timers_envelope_is_read_in_each_of_its_forms() {
        let parse = |body: &str| TimerEnvelope::parse(body.as_bytes());
        let past_due = Some(TimerEnvelope { is_past_due: true });
        assert_eq!(
            parse(r#"{"Data":{"timer":{"ScheduleStatus":null,"IsPastDue":true}},"Metadata":{}}"#),
            past_due
        );
        assert_eq!(parse(r#"{"Data":{"timer":"{\"IsPastDue\":true}"}}"#), past_due);
        assert_eq!(parse(r#"{"Data":{"other":{}}}"#), Some(TimerEnvelope { is_past_due: false }));
        for odd in ["", "{}", "[]", r#"{"Data":[]}"#, r#"{"Data":{}}"#, r#"{"Data":{"timer":"no json"}}"#] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_reply_has_the_hosts_names() {
        let reply = serde_json::to_value(InvocationReply::logging("done")).unwrap();
        assert_eq!(reply, json!({ "Outputs": {}, "Logs": ["done"], "ReturnValue": null }));
    }
}
