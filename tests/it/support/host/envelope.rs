//! The JSON envelope: what the host posts for a timer, and for an HTTP function that it does not proxy; and how it
//! judges the reply.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use serde_json::{Map, Value, json};

use super::proxy::{self, AnswerBody};
use super::state::{HOST_VERSION, Shared};
use super::wire::{self, Head};

/// What a reply makes of its invocation.
#[derive(Debug)]
pub enum Verdict {
    Succeeded(Reply),
    Failed(String),
}

/// The real host waits on after an empty reply, until the function timeout ends the process. Nobody waits for that here.
const NEVER_ENDS: &str = "the reply is empty, so the invocation never ends";

/// A reply that the host can read.
#[derive(Debug, Default)]
pub struct Reply {
    pub outputs: Map<String, Value>,
    pub logs: Vec<String>,
}

/// Now, as the host reads the clock.
pub fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// The part of an envelope that is the same for every trigger.
pub fn sys(function: &str) -> Value {
    let now = now();
    let ticks = now.timestamp_subsec_nanos() / 100;
    json!({
        "MethodName": function,
        "UtcNow": format!("{}.{ticks:07}Z", now.format("%Y-%m-%dT%H:%M:%S")),
        "RandGuid": uuid::Uuid::new_v4().to_string(),
    })
}

/// An instant as the timer's status has it: a schedule is due at whole seconds.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// Posts an envelope to a function and judges the reply.
pub async fn invoke(shared: &Shared, function: &str, envelope: &Value) -> Verdict {
    shared.started().await;
    match post(shared, function, envelope).await {
        Ok((head, body)) => judge(&head, &body),
        Err(error) => Verdict::Failed(format!("the handler did not answer: {error}")),
    }
}

async fn post(shared: &Shared, function: &str, envelope: &Value) -> io::Result<(Head, Vec<u8>)> {
    let head = format!(
        "POST /{function} HTTP/1.1\r\nHost: {}\r\nX-Azure-Functions-HostVersion: {HOST_VERSION}\r\n\
         X-Azure-Functions-InvocationId: {}\r\nUser-Agent: Azure-Functions-Host/{HOST_VERSION}\r\n\
         Transfer-Encoding: chunked\r\nContent-Type: application/json; charset=utf-8\r\n\r\n",
        shared.handler_address(),
        uuid::Uuid::new_v4()
    );
    let mut connection = shared.connection().await?;
    // Several writes, as it takes for a large envelope: a handler that answers without having read its request
    // closes the connection, and the next write may meet that instead of the answer.
    connection.send(head.as_bytes()).await?;
    connection.send(&wire::chunk(envelope.to_string().as_bytes())).await?;
    connection.send(wire::LAST_CHUNK).await?;
    let head = connection.head().await?;
    let body = connection.whole(head.response_framing("POST")).await?;
    shared.keep(connection, &head);
    Ok((head, body))
}

/// Success takes a status of 2xx and a JSON object.
fn judge(head: &Head, body: &[u8]) -> Verdict {
    if !(200..300).contains(&head.status()) {
        return Verdict::Failed(format!("the status is {}", head.status()));
    }
    if body.is_empty() {
        return Verdict::Failed(NEVER_ENDS.into());
    }
    let media_type =
        head.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type != "application/json" && !media_type.ends_with("+json") {
        return Verdict::Failed(format!("the media type is `{media_type}`"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Null) => Verdict::Failed(NEVER_ENDS.into()),
        Ok(Value::Object(reply)) => read(&reply),
        Ok(_) => Verdict::Failed("the reply is no object".into()),
        Err(error) => Verdict::Failed(format!("the reply is no JSON: {error}")),
    }
}

fn read(object: &Map<String, Value>) -> Verdict {
    let member = |wanted: &str| {
        object
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map_or(&Value::Null, |(_, value)| value)
    };
    let mut reply = Reply::default();
    match member("Outputs") {
        Value::Null => {}
        Value::Object(outputs) => reply.outputs = outputs.clone(),
        _ => return Verdict::Failed("Outputs is no object".into()),
    }
    match member("Logs") {
        Value::Null => {}
        logs => match serde_json::from_value(logs.clone()) {
            Ok(logs) => reply.logs = logs,
            Err(_) => return Verdict::Failed("Logs is no list of texts".into()),
        },
    }
    Verdict::Succeeded(reply)
}

/// Answers a client for a function that is not proxied: the request goes in an envelope, and only what the reply
/// has under the name of the output binding comes back.
pub async fn answer(
    shared: &Arc<Shared>,
    function: &super::config::Function,
    parameters: BTreeMap<String, String>,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let (parts, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    let Ok(body) = proxy::collect(body).await else { return proxy::empty(StatusCode::BAD_REQUEST) };
    let text = has_body.then(|| String::from_utf8_lossy(&body).into_owned());
    let envelope = http_envelope(function, &parts, &parameters, text);
    match invoke(shared, &function.name, &envelope).await {
        Verdict::Succeeded(reply) => {
            reply.logs.iter().for_each(|line| shared.log(line));
            from_output(reply.outputs.values().next().unwrap_or(&Value::Null))
        }
        Verdict::Failed(reason) => {
            shared.log(format!("Executed 'Functions.{}' (Failed): {reason}", function.name));
            proxy::empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn http_envelope(
    function: &super::config::Function,
    parts: &http::request::Parts,
    parameters: &BTreeMap<String, String>,
    body: Option<String>,
) -> Value {
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let query: BTreeMap<String, String> = form_urlencoded::parse(query).into_owned().collect();
    let joined = headers(&parts.headers);
    let lists: BTreeMap<_, _> = joined.iter().map(|(name, value)| (name, [value])).collect();
    let mut data = json!({
        "Url": format!("http://{host}{}", parts.uri),
        "Method": parts.method.as_str(),
        "Query": query,
        "Headers": lists,
        "Params": parameters,
        "Identities": [{
            "AuthenticationType": null,
            "IsAuthenticated": false,
            "Actor": null,
            "BootstrapContext": null,
            "Claims": [],
            "Label": null,
            "Name": null,
            "NameClaimType": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
            "RoleClaimType": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
        }],
    });
    if let Some(body) = body {
        data["Body"] = body.into();
    }
    // Parameters are there a second time, each as a text of JSON.
    let quoted = |text: &String| Value::from(Value::from(text.clone()).to_string());
    let mut metadata: Map<String, Value> =
        query.iter().chain(parameters).map(|(name, value)| (name.clone(), quoted(value))).collect();
    metadata.insert("Query".into(), json!(query));
    metadata.insert("Headers".into(), json!(joined));
    metadata.insert("sys".into(), sys(&function.name));
    json!({ "Data": { function.binding.clone(): data }, "Metadata": metadata })
}

/// Names in the case that the host knows them by, with the repeated ones joined.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let words = name.as_str().split('-').map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        });
        joined
            .entry(words.collect::<Vec<_>>().join("-"))
            .and_modify(|joined| joined.push_str(&format!(", {value}")))
            .or_insert(value);
    }
    joined
}

fn from_output(output: &Value) -> Response<AnswerBody> {
    let status = &output["statusCode"];
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok()).unwrap_or(200);
    let body = match &output["body"] {
        Value::Null => Bytes::new(),
        Value::String(text) => text.clone().into(),
        value => value.to_string().into(),
    };
    let length = body.len();
    let mut response = Response::new(AnswerBody::of(body));
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    *response.status_mut() =
        u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or_default();
    response
}

#[test]
fn only_an_object_with_2xx_succeeds_and_an_empty_reply_never_ends() {
    let verdict = |status: u16, media_type: &str, body: &str| {
        let headers = HeaderMap::from_iter([("content-type".parse().unwrap(), media_type.parse().unwrap())]);
        match judge(&Head { start: format!("HTTP/1.1 {status} -"), headers }, body.as_bytes()) {
            Verdict::Succeeded(reply) => format!("succeeded {:?}", reply.logs),
            Verdict::Failed(reason) if reason == NEVER_ENDS => "never".into(),
            Verdict::Failed(_) => "failed".into(),
        }
    };
    let json = "application/json; charset=utf-8";
    assert_eq!(
        verdict(200, json, r#"{"Outputs":{},"Logs":["a","b"],"ReturnValue":null}"#),
        r#"succeeded ["a", "b"]"#
    );
    assert_eq!(verdict(202, json, r#"{"logs":null}"#), "succeeded []");
    assert_eq!(verdict(200, json, ""), "never");
    assert_eq!(verdict(204, json, ""), "never");
    assert_eq!(verdict(200, json, "null"), "never");
    for (status, media_type, body) in [
        (500, json, "{}"),
        (302, json, "{}"),
        (500, json, ""),
        (200, "text/plain", "{}"),
        (200, json, "[]"),
        (200, json, "{"),
        (200, json, r#"{"Outputs":[]}"#),
        (200, json, r#"{"Logs":"a"}"#),
        (200, json, r#"{"Logs":[1]}"#),
    ] {
        assert_eq!(verdict(status, media_type, body), "failed", "{status} {media_type} {body}");
    }
}
