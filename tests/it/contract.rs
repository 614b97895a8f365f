//! The contract for programs, `docs/api`: that the schema has the words of the code, and that it is served.

use std::collections::BTreeSet;

use boardcast::domain::metrics::METRICS;
use boardcast::domain::wire::event::TYPE_NAMES;
use serde_json::Value;

use crate::support::app::TestApp;

async fn document(app: &TestApp, name: &str) -> Value {
    let answer = app.get(&format!("/api/dashboard/{name}.json")).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json; charset=utf-8"))
    );
    answer.json()
}

/// The values of `const` and `enum` below a definition.
fn words(value: &Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn the_schema_has_every_event_and_every_metric_of_the_code_and_no_other() {
    let app = TestApp::start().await;
    let schema = document(&app, "schema").await;
    let definitions = &schema["$defs"];
    let events = definitions["Event"]["oneOf"].as_array().unwrap();
    let name = |event: &Value| event["$ref"].as_str().unwrap().trim_start_matches("#/$defs/").to_owned();
    let types: Vec<_> = events
        .iter()
        .map(|event| definitions[name(event)]["properties"]["type"]["const"].as_str().unwrap().to_owned())
        .collect();
    let remedy = "change docs/api/schema.json and run scripts/contract.mjs";
    assert_eq!(types, TYPE_NAMES, "{remedy}");
    let metrics: BTreeSet<_> = METRICS.iter().map(|metric| metric.id).collect();
    assert_eq!(words(&definitions["MetricId"]["enum"]), metrics, "{remedy}");
}

#[tokio::test]
async fn the_documents_describe_the_routes_and_the_events() {
    let app = TestApp::start().await;
    let openapi = document(&app, "openapi").await;
    assert_eq!(openapi["info"]["version"], env!("CARGO_PKG_VERSION"), "run scripts/contract.mjs");
    for (path, statuses) in
        [("/api/snapshot", &["200", "304", "400", "404", "503"][..]), ("/api/health/live", &["200"])]
    {
        let responses = &openapi["paths"][path]["get"]["responses"];
        for status in statuses {
            assert!(responses[status].is_object(), "{path} answers {status}");
        }
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
    let asyncapi = document(&app, "asyncapi").await;
    assert_eq!(asyncapi["components"]["messages"].as_object().unwrap().len(), TYPE_NAMES.len());
    assert_eq!(asyncapi["channels"]["stream"]["address"], "/api/sse/dashboard");
}
