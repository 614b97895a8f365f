//! `Dashboard`: the page and its files.

use crate::support::app::TestApp;

#[tokio::test]
async fn the_page_and_every_file_that_it_names_are_served() {
    let app = TestApp::start().await;
    let page = app.get("/api/dashboard").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let text = page.text().to_owned();
    let files: Vec<_> = text.split(['"']).filter(|part| part.starts_with("page.")).collect();
    assert_eq!(files, ["page.css", "page.js"]);
    for file in files {
        assert_eq!(app.get(&format!("/api/dashboard/{file}")).await.status, 200, "{file}");
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
