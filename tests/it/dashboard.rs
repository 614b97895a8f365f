//! `Dashboard`: the page and its files.

use crate::support::app::TestApp;

#[tokio::test]
async fn the_page_and_every_file_that_it_names_are_served() {
    let app = TestApp::start().await;
    let page = app.get("/api/dashboard").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let text = page.text().to_owned();
    let is_file = |part: &&str| part.ends_with(".css") || part.ends_with(".js");
    let files: Vec<_> = text.split('"').filter(is_file).collect();
    assert!(files.contains(&"page.css") && files.contains(&"page.js"), "{files:?}");
    for file in files {
        let answer = app.get(&format!("/api/dashboard/{file}")).await;
        let media_type = if file.ends_with(".css") { "text/css" } else { "text/javascript" };
        assert_eq!(answer.status, 200, "{file}");
        assert!(answer.header("content-type").unwrap().starts_with(media_type), "{file}");
    }
    assert_eq!(app.get("/api/dashboard/..%2f..%2fCargo.toml").await.status, 404);
    assert_eq!(app.get("/api/dashboard/a/b").await.status, 404);
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let app = TestApp::start().await;
    let tag = app.get("/api/dashboard/page.js").await.header("etag").unwrap().to_owned();
    assert_eq!(
        app.request("GET", "/api/dashboard/page.js", &[("if-none-match", &tag)], b"").await.status,
        304
    );
    assert_eq!(
        app.request("GET", "/api/dashboard/page.js", &[("if-none-match", "\"x\"")], b"").await.status,
        200
    );
}
