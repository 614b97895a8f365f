//! `HealthCheck`: alive and ready are two questions.

use crate::support::app::TestApp;

#[tokio::test]
async fn live_asks_nothing_and_ready_asks_for_the_board() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/api/health/live").await.json()["status"], "live");
    app.settled().await;
    let ready = app.get("/api/health/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &"ready".into()));
    assert_eq!(ready.header("content-type"), Some("application/json; charset=utf-8"));
}

#[tokio::test]
async fn the_root_answers_the_hosts_readiness_probe() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/").await.status, 200);
}

#[tokio::test]
async fn e16_head_is_answered_like_get_without_a_body_and_other_methods_are_not_allowed() {
    let app = TestApp::start().await;
    for path in ["/api/health/live", "/api/dashboard", "/api/snapshot"] {
        let head = app.request("HEAD", path, &[], b"").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(app.request("POST", path, &[], b"{}").await.status, 405, "{path}");
    }
    let missing = app.get("/api/nothing").await;
    assert_eq!((missing.status, &missing.json()["error"]["code"]), (404, &"not_found".into()));
}
