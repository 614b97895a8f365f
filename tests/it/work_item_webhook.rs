//! `WorkItemWebhook`: which payload means what, and that every answer is 200, 401 or 503.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::hooks::{FABRIKAM, updated};
use crate::support::http::{self, Answer};

async fn post(app: &TestApp, body: &[u8]) -> Answer {
    app.request("POST", "/api/webhooks/azure-devops/workitem.updated", &[], body).await
}

#[tokio::test]
async fn k2_every_spelling_of_the_route_works_and_the_body_decides() {
    let app = TestApp::start().await;
    let paths = [
        "/api/webhooks/azure-devops/workitem-updated",
        "/api/webhooks/azure-devops/workitem.updated",
        "/api/webhooks/azure-devops/another-word",
        "/api/webhooks/azure-devops",
        "/api/webhooks/azure-devops/",
        "/webhooks/azure-devops/workitem-updated",
        "/webhooks/azure-devops",
    ];
    for (id, path) in (1..).zip(paths) {
        let body = updated(id, 1, "New").to_string();
        let answer = app.request("POST", path, &[], body.as_bytes()).await;
        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"applied".into()), "{path}");
    }
    assert_eq!(app.app.vitals.hooks_mislabelled.value(), 1, "a label that differs from the body is counted");
}

#[tokio::test]
async fn a_repeated_or_lower_revision_is_acknowledged_and_tells_nothing_new() {
    let app = TestApp::start().await;
    assert_eq!(app.hook(&updated(13, 4, "Active")).await.json()["outcome"], "applied");
    app.settled().await;
    assert_eq!(app.hook(&updated(13, 4, "Active")).await.json()["outcome"], "known");
    assert_eq!(app.hook(&updated(13, 3, "New")).await.status, 200);
    app.settled().await;
    let board = app.get(&format!("/api/snapshot?project={FABRIKAM}")).await.json();
    assert_eq!((&board["items"][0]["rev"], &board["items"][0]["state"]), (&4.into(), &"Active".into()));
}

#[tokio::test]
async fn w1_with_a_secret_set_only_who_knows_it_is_let_in() {
    let app = TestApp::builder()
        .setting("BOARDCAST_WEBHOOK_SECRET", "now")
        .setting("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "before")
        .start()
        .await;
    let body = updated(13, 1, "New").to_string();
    let status = async |headers: &[(&str, &str)]| {
        app.request("POST", "/api/webhooks/azure-devops", headers, body.as_bytes()).await.status
    };
    assert_eq!(status(&[]).await, 401);
    assert_eq!(status(&[("x-boardcast-secret", "never")]).await, 401);
    assert_eq!(status(&[("x-boardcast-secret", "now")]).await, 200);
    assert_eq!(status(&[("x-boardcast-secret", "before")]).await, 200);
    // base64 of "hook:now"
    assert_eq!(status(&[("authorization", "Basic aG9vazpub3c=")]).await, 200);
    assert_eq!(app.app.vitals.hooks_denied.value(), 2);
}

#[tokio::test]
async fn w1_under_the_host_without_a_secret_nobody_is_let_in() {
    let app = TestApp::builder().setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1").start().await;
    let answer = post(&app, updated(13, 1, "New").to_string().as_bytes()).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["remedy"]),
        (503, &"set BOARDCAST_WEBHOOK_SECRET".into())
    );
    let ready = app.get("/api/health/ready").await;
    assert!(ready.text().contains("set BOARDCAST_WEBHOOK_SECRET"), "{}", ready.text());
}

#[tokio::test]
async fn w1_a_foreign_project_is_a_dead_letter() {
    let app = TestApp::builder().setting("BOARDCAST_PROJECTS", "contoso").start().await;
    let answer = post(&app, updated(13, 1, "New").to_string().as_bytes()).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (200, &"foreign_project".into()));
}

#[tokio::test]
async fn w8_two_megabytes_are_taken_chunked_or_not_and_more_than_four_are_a_dead_letter() {
    let app = TestApp::start().await;
    let sized = |id: u32, bytes: usize| {
        let mut payload = updated(id, 1, "New");
        payload["detailedMessage"] = json!({ "text": "x".repeat(bytes) });
        payload.to_string().into_bytes()
    };
    assert_eq!(post(&app, &sized(1, 2 * 1024 * 1024)).await.json()["outcome"], "applied");
    let chunked = |body: &[u8]| {
        let mut request = b"POST /api/webhooks/azure-devops HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(100_000) {
            request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        request
    };
    assert_eq!(
        http::exchange(app.address, &chunked(&sized(2, 2 * 1024 * 1024))).await.json()["outcome"],
        "applied"
    );
    let large = sized(3, 5 * 1024 * 1024);
    assert_eq!(post(&app, &large).await.json()["reason"], "too_large");
    assert_eq!(http::exchange(app.address, &chunked(&large)).await.json()["reason"], "too_large");
}

#[tokio::test]
async fn w6_w7_whatever_is_sent_the_answer_is_200_and_the_process_lives() {
    let app = TestApp::start().await;
    let good = updated(13, 1, "New").to_string();
    let bodies: [&[u8]; 10] = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{\"eventType\":",
        b"\"workitem.updated\"",
        b"{\"eventType\":{}}",
        &good.as_bytes()[..good.len() - 1],
        b"{\"eventType\":\"workitem.updated\",\"resource\":{\"workItemId\":1e400}}",
    ];
    for body in bodies {
        assert_eq!(
            post(&app, body).await.json()["outcome"],
            "dead_letter",
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        assert_eq!(app.request(method, "/api/webhooks/azure-devops", &[], b"").await.status, 200, "{method}");
    }
    let deep = "[".repeat(1_000_000);
    assert_eq!(post(&app, deep.as_bytes()).await.json()["reason"], "not_json");
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "applied");
}

/// What each published sample is. `(file, outcome)`; the first group has a work item number of 5.
const PUBLISHED: [(&str, &str); 30] = [
    ("workitem.created.json", "applied"),
    ("workitem.deleted.json", "applied"),
    ("workitem.restored.json", "applied"),
    ("workitem.commented.json", "ignored"),
    ("workitem.updated.json", "test_notification"),
    ("workitem.updated.docs-2023-03-06.json", "dead_letter"),
    ("build.complete.json", "ignored"),
    ("build.complete.v2.json", "ignored"),
    ("git.push.json", "ignored"),
    ("git.pullrequest.created.json", "ignored"),
    ("git.pullrequest.merged.json", "ignored"),
    ("git.pullrequest.updated.json", "ignored"),
    ("message.posted.json", "ignored"),
    ("tfvc.checkin.json", "ignored"),
    ("ms.vss-release.deployment-approval-completed-event.json", "ignored"),
    ("ms.vss-release.deployment-approval-pending-event.json", "ignored"),
    ("ms.vss-release.deployment-completed-event.json", "ignored"),
    ("ms.vss-release.deployment-started-event.json", "ignored"),
    ("ms.vss-release.release-abandoned-event.json", "ignored"),
    ("ms.vss-release.release-created-event.json", "ignored"),
    ("aspnet-webhooks/build.complete.json", "ignored"),
    ("aspnet-webhooks/git.pullrequest.created.json", "ignored"),
    ("aspnet-webhooks/git.pullrequest.merged.json", "ignored"),
    ("aspnet-webhooks/git.pullrequest.updated.json", "ignored"),
    ("aspnet-webhooks/git.push.json", "ignored"),
    ("aspnet-webhooks/tfvc.checkin.json", "ignored"),
    ("aspnet-webhooks/workitem.commented.json", "test_notification"),
    ("aspnet-webhooks/workitem.created.json", "test_notification"),
    ("aspnet-webhooks/workitem.deleted.json", "test_notification"),
    ("aspnet-webhooks/workitem.updated.json", "test_notification"),
];

/// The published samples lie beside a checkout where they are to be had. The shapes that they show are tested
/// without them, with payloads of our own, beside the parser.
fn published() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/azure-devops/webhooks");
    folder.is_dir().then_some(folder)
}

#[tokio::test]
async fn each_published_sample_is_what_the_table_says() {
    let Some(folder) = published() else { return };
    for (file, outcome) in PUBLISHED {
        let app = TestApp::start().await;
        let answer = post(&app, &std::fs::read(folder.join(file)).unwrap()).await;
        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &outcome.into()), "{file}");
    }
    let files =
        std::fs::read_dir(&folder).unwrap().chain(std::fs::read_dir(folder.join("aspnet-webhooks")).unwrap());
    let samples =
        files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "json"));
    // The restored message of the second folder is in the table by its twin.
    assert_eq!(samples.count(), PUBLISHED.len() + 1, "a sample is missing from the table");
}

#[tokio::test]
async fn the_published_update_with_a_real_number_reaches_the_board() {
    let Some(folder) = published() else { return };
    let text = std::fs::read_to_string(folder.join("workitem.updated.json")).unwrap();
    let mut payload: Value = serde_json::from_str(&text).unwrap();
    payload["resource"]["workItemId"] = json!(5);
    payload["subscriptionId"] = json!("7d0b3cd3-8f5f-4f1c-8f0a-9f1b6d2f3c11");
    let app = TestApp::start().await;
    let project = payload["resourceContainers"]["project"]["id"].as_str().unwrap().to_owned();
    let mut reader = app.stream(&format!("project={project}")).await;
    let mut other = app.stream("project=11111111-1111-1111-1111-111111111111").await;
    assert_eq!(app.hook(&payload).await.json()["outcome"], "applied");
    let changed = reader.next_of("workitem_changed").await;
    assert_eq!((&changed["workItemId"], &changed["item"]["state"]), (&5.into(), &"Approved".into()));
    assert_eq!(changed["sprintId"], Value::Null);
    app.settled().await;
    other.next_of("connected").await;
    assert!(other.arrived().is_empty(), "a reader of another project sees nothing");
}

#[tokio::test]
async fn w9_the_published_samples_of_one_item_end_alike_in_all_six_orders() {
    let Some(folder) = published() else { return };
    let read = |name: &str| std::fs::read(folder.join(format!("workitem.{name}.json"))).unwrap();
    let samples = ["created", "deleted", "restored"].map(read);
    let mut boards = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let app = TestApp::start().await;
        for index in order {
            post(&app, &samples[index]).await;
        }
        app.settled().await;
        boards.push(app.get("/api/snapshot?project=fabrikamcloud").await.json()["items"].clone());
    }
    assert_eq!(boards[0][0]["id"], 5);
    assert!(boards.iter().all(|board| *board == boards[0]), "{boards:?}");
}
