//! `SyncTimer`: whatever the host sends, the reply is 200 with a JSON object that it can read.

use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn invoke(app: &TestApp, body: &[u8]) -> Value {
    let answer = app.request("POST", "/SyncTimer", &[("content-type", "application/json")], body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let reply = answer.json();
    assert!(reply["Outputs"].is_object() && reply["Logs"].is_array(), "{reply}");
    reply
}

#[tokio::test]
async fn s1_an_invocation_is_answered_with_an_object() {
    let app = TestApp::start().await;
    let envelope = json!({
        "Data": { "timer": { "Schedule": { "AdjustForDST": true }, "ScheduleStatus": null, "IsPastDue": true } },
        "Metadata": { "sys": { "MethodName": "SyncTimer", "UtcNow": "2026-11-23T20:37:55.0625576Z" } }
    });
    let reply = invoke(&app, envelope.to_string().as_bytes()).await;
    assert!(reply["Logs"][0].as_str().unwrap().contains("past due"), "{reply}");
}

#[tokio::test]
async fn s1_so_is_anything_else() {
    let app = TestApp::start().await;
    for body in [&b""[..], b"{}", b"\xff", b"null", &vec![b' '; 100_000]] {
        let reply = invoke(&app, body).await;
        assert!(reply["Logs"][0].as_str().unwrap().starts_with("failed"), "{reply}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_proxy_is_told_so() {
    let app = TestApp::start().await;
    let answer = app.request("POST", "/SseStream", &[], b"{\"Data\":{},\"Metadata\":{}}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["Outputs"]["res"]["statusCode"], 501);
}
