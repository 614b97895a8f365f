//! `Dashboard`: the page and its files.

use std::io::Read as _;

use flate2::read::GzDecoder;

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
async fn who_may_show_the_page_in_a_frame_is_a_setting() {
    let policy = async |app: TestApp| {
        let page = app.get("/api/dashboard").await;
        page.header("content-security-policy").unwrap().rsplit_once("; ").unwrap().1.to_owned()
    };
    assert_eq!(policy(TestApp::start().await).await, "frame-ancestors 'self'");
    let wiki = TestApp::builder().setting("BOARDCAST_FRAME_ANCESTORS", "'self' https://wiki.example");
    assert_eq!(policy(wiki.start().await).await, "frame-ancestors 'self' https://wiki.example");
    let nobody = TestApp::builder().setting("BOARDCAST_FRAME_ANCESTORS", "'none'");
    assert_eq!(policy(nobody.start().await).await, "frame-ancestors 'none'");
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

#[tokio::test]
async fn the_page_is_sent_compressed_to_whoever_takes_that_and_is_small() {
    let app = TestApp::start().await;
    let page = app.get("/api/dashboard").await;
    assert_eq!((page.header("content-encoding"), page.header("vary")), (None, Some("Accept-Encoding")));
    let text = page.text().to_owned();
    let files: Vec<_> =
        text.split('"').filter(|part| part.ends_with(".css") || part.ends_with(".js")).collect();
    let mut bytes = 0;
    for file in files.into_iter().chain([""]) {
        let path = format!("/api/dashboard{}{file}", if file.is_empty() { "" } else { "/" });
        let plain = app.get(&path).await;
        let sent = app.request("GET", &path, &[("accept-encoding", "gzip, br")], b"").await;
        assert_eq!(sent.header("content-encoding"), Some("gzip"), "{path}");
        assert_ne!(sent.header("etag"), plain.header("etag"), "{path}");
        let mut text = String::new();
        GzDecoder::new(sent.body.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text(), "{path}");
        let tag = sent.header("etag").unwrap();
        let headers = [("accept-encoding", "gzip"), ("if-none-match", tag)];
        assert_eq!(app.request("GET", &path, &headers, b"").await.status, 304, "{path}");
        bytes += sent.body.len();
    }
    assert!(bytes < 120_000, "the page has {bytes} bytes, compressed");
}

#[tokio::test]
async fn who_may_not_ask_so_is_told_how_one_may() {
    let app = TestApp::start().await;
    let answer = app.request("POST", "/api/dashboard", &[], b"").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
}
