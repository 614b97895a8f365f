//! What the played host sends, against what was recorded of the real one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Builder, TimerTick, read_json, root, scripted};

/// What a real client may say and a recording therefore holds, but the host adds by itself.
const ADDED: [&str; 7] = [
    "host",
    "x-azure-functions-hostversion",
    "x-azure-functions-invocationid",
    "x-ms-invocation-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

fn recording(name: &str) -> Value {
    read_json(&root().join("tests/fixtures/host").join(name)).unwrap()
}

/// Headers by name, with what differs from run to run replaced.
fn headers(request: &Value) -> BTreeMap<String, String> {
    let list = request["headers"].as_array().unwrap();
    let plain = list.iter().map(|header| {
        let (name, value) = (header[0].as_str().unwrap().to_lowercase(), header[1].as_str().unwrap());
        let value = match name.as_str() {
            "host" => {
                assert!(value.starts_with("127.0.0.1:"), "{value}");
                "127.0.0.1:<port>".to_owned()
            }
            "x-azure-functions-hostversion" => "<version>".to_owned(),
            "user-agent" if value.starts_with("Azure-Functions-Host/") => {
                "Azure-Functions-Host/<version>".to_owned()
            }
            "x-azure-functions-invocationid" | "x-ms-invocation-id" => guid(value),
            _ => value.to_owned(),
        };
        (name, value)
    });
    plain.collect()
}

fn guid(text: &str) -> String {
    assert!(uuid::Uuid::parse_str(text).is_ok(), "{text} is no GUID");
    "<guid>".to_owned()
}

fn assert_same_request(seen: &Value, recorded: &Value) {
    assert_eq!(headers(seen), headers(recorded), "the headers of {}", recorded["target"]);
    for member in ["method", "target", "httpVersion", "body", "bodyBytes"] {
        if !recorded[member].is_null() {
            assert_eq!(seen[member], recorded[member], "{member} of {}", recorded["target"]);
        }
    }
}

/// An envelope with what differs from run to run replaced.
fn envelope(request: &Value) -> Value {
    let mut envelope: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    let sys = &mut envelope["Metadata"]["sys"];
    sys["RandGuid"] = guid(sys["RandGuid"].as_str().unwrap()).into();
    sys["UtcNow"] = instant(&sys["UtcNow"]);
    envelope
}

/// Digits replaced, so that what is left is the form.
fn instant(value: &Value) -> Value {
    value.as_str().unwrap().replace(|c: char| c.is_ascii_digit(), "0").into()
}

/// Compares how the handler is started.
pub async fn compare_start(builder: &Builder) {
    let recorded = recording("proxying-requests.json");
    let host = builder.clone().start().await;
    let facts = scripted::facts(&host).await;
    let (seen, wanted) = (&facts["environment"], &recorded["start"]["environment"]);
    let names = |environment: &Value| -> BTreeSet<String> {
        let extra = ["PATH", "HOME", "SCRIPTED_HANDLER"];
        let names = environment.as_object().unwrap().keys().cloned();
        names.filter(|name| !extra.contains(&name.as_str())).collect()
    };
    assert_eq!(names(seen), names(wanted));
    for same in ["AZURE_FUNCTIONS_ENVIRONMENT", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME"] {
        assert_eq!(seen[same], wanted[same], "{same}");
    }
    assert_eq!(seen["FUNCTIONS_CUSTOMHANDLER_PORT"], seen["FUNCTIONS_HTTPWORKER_PORT"]);
    assert_eq!(seen["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"], seen["FUNCTIONS_HTTPWORKER_ID"]);
    guid(seen["FUNCTIONS_HTTPWORKER_ID"].as_str().unwrap());
    let root = json!(root());
    for path in [&seen["AzureWebJobsScriptRoot"], &seen["FUNCTIONS_APP_ROOT_PATH"], &facts["cwd"]] {
        assert_eq!(path, &root);
    }
    assert_same_request(&facts["seen"]["readiness"], &recorded["readiness"]);
}

#[tokio::test]
async fn a_proxied_request_reaches_the_handler_as_recorded() {
    let without_keys = |builder: Builder| {
        builder.edit(|files| {
            for file in
                files.functions.values_mut().filter(|file| file["bindings"][0]["authLevel"].is_string())
            {
                file["bindings"][0]["authLevel"] = "anonymous".into();
            }
        })
    };
    let host = without_keys(scripted::builder()).start().await;
    let recorded = recording("proxying-requests.json");
    for request in recorded["http"].as_array().unwrap() {
        let list = headers(request);
        let asked = list["x-forwarded-host"].clone();
        let sent =
            list.iter().filter(|(name, _)| !ADDED.contains(&name.as_str()) && *name != "content-length");
        let mut sent: Vec<_> = sent.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // What a client says of these is replaced.
        sent.extend([("x-forwarded-for", "203.0.113.7"), ("x-ms-invocation-id", "of the client")]);
        let (method, target) = (request["method"].as_str().unwrap(), request["target"].as_str().unwrap());
        let bytes = crate::support::http::request(
            method,
            target,
            &sent,
            request["body"].as_str().unwrap().as_bytes(),
        );
        let bytes =
            String::from_utf8(bytes).unwrap().replacen("host: 127.0.0.1", &format!("host: {asked}"), 1);
        let seen = crate::support::http::exchange(host.address, bytes.as_bytes()).await.json();
        assert_same_request(&seen, request);
    }
}

#[tokio::test]
async fn a_timers_envelope_is_the_recorded_one() {
    let host = scripted::builder().setting("SYNC_SCHEDULE", "*/5 * * * * *").start().await;
    host.fire_timer(TimerTick::default()).await;
    let facts = scripted::facts(&host).await;
    let seen = &facts["seen"]["timer"];
    for recorded in recording("timer-requests.json").as_array().unwrap() {
        assert_eq!(headers(seen), headers(recorded));
        assert_eq!(envelope(seen), envelope(recorded));
        assert_eq!(seen["target"], recorded["target"]);
    }
}

#[tokio::test]
async fn the_first_run_of_a_timer_has_a_last_one_in_the_year_1() {
    let host = scripted::builder().setting("SYNC_SCHEDULE", "0 */1 * * * *").start().await;
    let timer = async || {
        host.fire_timer(TimerTick::default()).await;
        let facts = scripted::facts(&host).await;
        envelope(&facts["seen"]["timer"])["Data"]["timer"].clone()
    };
    let first = timer().await;
    let recorded = recording("timer-first-run.json");
    let mut wanted = recorded["data"]["timer"].clone();
    assert_eq!(first["ScheduleStatus"]["Last"], wanted["ScheduleStatus"]["Last"]);
    let mut seen = first.clone();
    for status in [&mut seen["ScheduleStatus"], &mut wanted["ScheduleStatus"]] {
        status["Next"] = instant(&status["Next"]);
    }
    assert_eq!(seen, wanted);
    let second = timer().await;
    assert_eq!(second["ScheduleStatus"]["Last"], first["ScheduleStatus"]["Next"]);
}

#[tokio::test]
async fn a_host_that_does_not_proxy_sends_the_recorded_envelope() {
    let host = scripted::builder()
        .edit(|files| {
            drop(files.host["customHandler"].as_object_mut().unwrap().remove("enableProxyingHttpRequest"))
        })
        .start()
        .await;
    let recorded = recording("envelope-for-http.json");
    let wanted = envelope(&recorded);
    let asked = wanted["Metadata"]["Headers"].as_object().unwrap();
    let request =
        asked.iter().fold("GET /api/health/live?x=1 HTTP/1.1\r\n".to_owned(), |head, (name, value)| {
            format!("{head}{name}: {}\r\n", value.as_str().unwrap())
        });
    let answer = crate::support::http::exchange(host.address, format!("{request}\r\n").as_bytes()).await;
    assert_eq!(answer.status, 203, "the status in the reply's output is the answer's");
    let seen = answer.json();
    assert_eq!(headers(&seen), headers(&recorded));
    assert_eq!(envelope(&seen), wanted);
    assert_eq!(seen["target"], recorded["target"]);
    assert!(host.log().contains("read"), "the reply's logs are in the host's");
}
