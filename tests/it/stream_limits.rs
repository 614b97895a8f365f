//! What bounds a stream: its lifetime, its number, its reader's pace, and who may read it from where.

use std::time::Duration;

use boardcast::stream::hub::RingLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::app::TestApp;
use crate::support::hooks::{CONTOSO, FABRIKAM, observation, provenance, updated, updated_in};
use crate::support::sse::SseReader;

#[tokio::test]
async fn e12_a_stream_ends_at_its_lifetime_and_its_reader_loses_nothing_over_twenty_of_them() {
    let app = TestApp::builder().setting("BOARDCAST_STREAM_LIFETIME_MS", "100").start().await;
    app.settled().await;
    let mut at = app.app.instance.fold.position().unwrap().to_string();
    let mut seen = Vec::new();
    let mut rev = 0;
    for _ in 0..20 {
        let begin = Instant::now();
        let mut reader = app.stream(&format!("lastEventId={at}")).await;
        assert_eq!(reader.next_of("connected").await["resumed"], true);
        rev += 1;
        app.hook(&updated(13, rev, "Active")).await;
        let mut closing = None;
        while let Some(block) = reader.next().await {
            at = block.id().unwrap_or(at);
            match block.kind().as_deref() {
                Some("workitem_changed") => seen.push(block.json().unwrap()["rev"].as_u64().unwrap()),
                Some("closing") => closing = block.json(),
                _ => {}
            }
        }
        let closing = closing.expect("a stream says why it ends");
        assert_eq!(closing["reason"], "lifetime");
        assert!(closing["reconnectAfterMs"].as_u64().is_some());
        assert!(begin.elapsed() >= Duration::from_millis(90), "a tenth early at most: {:?}", begin.elapsed());
    }
    assert_eq!(seen, (1..=20).collect::<Vec<_>>());
    assert_eq!(app.app.instance.vitals.streams_ended.value(), 20);
}

#[tokio::test]
async fn e12_standalone_a_stream_has_no_lifetime_and_under_the_host_it_ends_before_the_hosts_time_out() {
    let config = |settings: &[(&str, &str)]| {
        let settings: std::collections::HashMap<_, _> = settings.iter().copied().collect();
        boardcast::config::Config::from_lookup(|name| settings.get(name).map(ToString::to_string)).unwrap()
    };
    assert_eq!(config(&[]).streams.lifetime, None);
    let longest = config(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "1")]).streams.lifetime.unwrap().mul_f64(1.1);
    assert!(longest < Duration::from_secs(30 * 60));
}

#[tokio::test]
async fn e13_a_reader_too_many_is_told_when_to_come_back_and_held_silent_until_then() {
    let app = TestApp::builder()
        .setting("BOARDCAST_STREAMS_MAX", "1")
        .config(|config| config.streams.shed = Duration::from_secs(2))
        .setting("BOARDCAST_HEARTBEAT_MS", "1000")
        .start()
        .await;
    app.settled().await;
    let mut first = app.stream("").await;
    first.next_of("connected").await;
    let begin = Instant::now();
    let mut second = app.stream("").await;
    assert!(second.head.starts_with("HTTP/1.1 200"), "any other status closes a native source for good");
    let closing = second.next_with("closing").await;
    let retry: u64 = closing.field("retry").unwrap().parse().unwrap();
    let closing = closing.json().unwrap();
    assert_eq!((&closing["reason"], &closing["reconnectAfterMs"]), (&"shed".into(), &retry.into()));
    assert!(begin.elapsed() < Duration::from_millis(1_000), "it is told at once");
    assert_eq!(second.next().await, None, "not even a heartbeat comes");
    let held = begin.elapsed();
    assert!((1_300..2_900).contains(&held.as_millis()), "held for {held:?}");
    assert_eq!(app.app.instance.vitals.streams_shed.value(), 1);
    let status = app.get("/api/sse/dashboard?shed=503").await;
    assert_eq!((status.status, status.json()["error"]["code"].as_str()), (503, Some("too_many_streams")));
    assert!(status.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    drop(first);
    let begin = Instant::now();
    while app.stream("").await.next_of_either("connected", "closing").await != "connected" {
        assert!(begin.elapsed() < Duration::from_secs(10), "a stream that ended made no room");
    }
}

#[tokio::test]
async fn e13_under_the_host_only_a_twentieth_is_held_and_the_rest_is_ended_at_once() {
    let app = TestApp::builder()
        .setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1")
        .setting("BOARDCAST_STREAMS_MAX", "20")
        .start()
        .await;
    app.settled().await;
    let mut open = Vec::new();
    for _ in 0..20 {
        let mut reader = app.stream("").await;
        reader.next_of("connected").await;
        open.push(reader);
    }
    let mut held = app.stream("").await;
    held.next_of("closing").await;
    let begin = Instant::now();
    let mut ended = app.stream("").await;
    ended.next_of("closing").await;
    assert_eq!(ended.next().await, None);
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert!(tokio::time::timeout(Duration::from_millis(100), held.next()).await.is_err(), "still held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e11_a_reader_that_takes_nothing_is_closed_and_delays_nobody() {
    let app = TestApp::builder()
        .config(|config| config.write_timeout = Duration::from_secs(1))
        .ring(RingLimits { frames_max: 200, bytes_max: usize::MAX, ..RingLimits::DEFAULT })
        .start()
        .await;
    app.settled().await;
    let mut stalled = TcpStream::connect(app.address).await.unwrap();
    stalled.write_all(b"GET /api/sse/dashboard HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut witness = app.stream("").await;
    witness.next_of("connected").await;
    let mut rev = 0;
    let begin = Instant::now();
    while app.app.instance.vitals.streams.value() > 1 || rev < 10 {
        assert!(begin.elapsed() < Duration::from_secs(15), "the stalled reader is still there");
        rev += 1;
        app.app.ingest.observe(&observation(&large(rev)), &provenance()).await.unwrap();
        let told = witness.next_of("workitem_changed").await;
        assert_eq!(told["rev"], rev, "the other reader is told each change as it comes");
    }
    let closed =
        app.app.instance.vitals.readers_slow.value() + app.app.instance.vitals.writes_timed_out.value();
    assert_eq!(closed, 1, "it is counted");
    drop(stalled);
}

/// A change whose event is large, so that a socket is soon full.
fn large(rev: u32) -> serde_json::Value {
    let mut payload = updated(13, rev, "Active");
    let tags: Vec<String> = (0..90).map(|n| format!("{n}{rev}{}", "t".repeat(200))).collect();
    payload["resource"]["revision"]["fields"]["System.Tags"] = tags.join("; ").into();
    payload
}

#[tokio::test]
async fn e11_p9_a_reader_who_was_closed_for_being_slow_comes_back_to_a_gap_or_goes_on() {
    let app = TestApp::builder()
        .ring(RingLimits { frames_max: 2, bytes_max: usize::MAX, ..RingLimits::DEFAULT })
        .start()
        .await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let at = app.app.instance.fold.position().unwrap().to_string();
    for rev in 2..=9 {
        app.hook(&updated(13, rev, "Active")).await;
    }
    app.settled().await;
    let mut back = app.stream(&format!("lastEventId={at}")).await;
    assert_eq!(back.next_of("connected").await["resumed"], true, "the log remembers more than the ring");
    for rev in 2..=9 {
        assert_eq!(back.next_of("workitem_changed").await["rev"], rev);
    }
    assert!(app.app.instance.vitals.events_replayed.value() >= 6, "what the log told is counted");
}

#[tokio::test]
async fn frames_are_written_together_within_the_window_and_a_lone_one_at_once() {
    let app = TestApp::builder()
        .config(|config| config.streams.coalesce = Duration::from_millis(200))
        .start()
        .await;
    app.hook(&updated(13, 1, "New")).await;
    app.quiet().await;
    let mut reader = app.stream("").await;
    reader.next_of("snapshot").await;
    assert_eq!(reader.chunks, 1, "retry, connected and snapshot are one write");
    // The window that the first hook opened has to be over: the test is about a quiet board.
    tokio::time::sleep(Duration::from_millis(250)).await;
    let begin = Instant::now();
    app.hook(&updated(13, 2, "Active")).await;
    reader.next_of("workitem_changed").await;
    assert!(begin.elapsed() < Duration::from_millis(150), "it waited for the window: {:?}", begin.elapsed());
    for rev in 3..=42 {
        app.hook(&updated(13, rev, "Active")).await;
    }
    while reader.next_of("workitem_changed").await["rev"] != 42 {}
    let windows = begin.elapsed().as_millis().div_ceil(200) as usize;
    assert!(reader.chunks <= 2 + windows, "{} writes in {windows} windows", reader.chunks);
}

#[tokio::test]
async fn a_coalesced_write_holds_only_what_its_reader_may_see() {
    let app = TestApp::builder()
        .config(|config| config.streams.coalesce = Duration::from_millis(200))
        .start()
        .await;
    app.hook(&updated_in(FABRIKAM, 13, 1, "New")).await;
    app.hook(&updated_in(CONTOSO, 14, 1, "New")).await;
    app.settled().await;
    let mut reader = app.stream("project=contoso").await;
    reader.next_of("snapshot").await;
    for rev in 2..=20 {
        app.hook(&updated_in(FABRIKAM, 13, rev, "Active")).await;
        app.hook(&updated_in(CONTOSO, 14, rev, "Active")).await;
    }
    for rev in 2..=20 {
        let told = reader.next_of("workitem_changed").await;
        assert_eq!((&told["workItemId"], &told["rev"]), (&14.into(), &rev.into()));
    }
}

#[tokio::test]
async fn e8_only_allowed_origins_may_read_and_by_default_none() {
    let origin = [("origin", "https://wall.example")];
    let closed = TestApp::start().await;
    let answer = closed.request("GET", "/api/snapshot", &origin, b"").await;
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (None, None));
    assert_eq!(closed.request("OPTIONS", "/api/snapshot", &origin, b"").await.status, 405);

    let app = TestApp::builder().setting("BOARDCAST_ALLOWED_ORIGINS", "https://wall.example").start().await;
    let reader = SseReader::open(app.address, "/api/sse/dashboard", &origin).await;
    assert!(reader.head.contains("access-control-allow-origin: https://wall.example\r\n"), "{}", reader.head);
    assert!(reader.head.contains("vary: Origin\r\n"), "{}", reader.head);
    let preflight = app.request("OPTIONS", "/api/sse/dashboard", &origin, b"").await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("last-event-id"));
    let other = app.request("GET", "/api/snapshot", &[("origin", "https://wall.example.evil")], b"").await;
    assert_eq!((other.header("access-control-allow-origin"), other.header("vary")), (None, Some("Origin")));

    let any = TestApp::builder().setting("BOARDCAST_ALLOWED_ORIGINS", "*").start().await;
    assert_eq!(
        any.request("GET", "/api/snapshot", &origin, b"").await.header("access-control-allow-origin"),
        Some("*")
    );
}

#[tokio::test]
async fn e8_under_the_host_no_cors_header_is_ever_sent() {
    let app = TestApp::builder()
        .setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1")
        .setting("BOARDCAST_ALLOWED_ORIGINS", "*")
        .start()
        .await;
    let reader =
        SseReader::open(app.address, "/api/sse/dashboard", &[("origin", "https://wall.example")]).await;
    assert!(!reader.head.contains("access-control"), "{}", reader.head);
}

#[tokio::test]
async fn e16_head_and_other_methods_on_the_stream() {
    let app = TestApp::start().await;
    let head = app.request("HEAD", "/api/sse/dashboard", &[], b"").await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(app.request("POST", "/api/sse/dashboard", &[], b"{}").await.status, 405);
    assert_eq!(app.app.instance.vitals.streams_opened.value(), 0, "HEAD opens no stream");
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_a_quarter_of_an_hour() {
    let brief =
        TestApp::builder().config(|config| config.idle_timeout = Duration::from_secs(1)).start().await;
    let mut stream = TcpStream::connect(brief.address).await.unwrap();
    let request = b"GET /api/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    assert_eq!(crate::support::http::read_answer(&mut stream, false).await.status, 200);
    let begin = Instant::now();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the time-out for a head bounds an idle connection as well");
    assert!(begin.elapsed() >= Duration::from_millis(900), "{:?}", begin.elapsed());

    let app = TestApp::start().await;
    assert_eq!(
        app.app.config.idle_timeout,
        Duration::from_secs(15 * 60),
        "the host keeps its connections for reuse"
    );
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(request).await.unwrap();
        assert_eq!(crate::support::http::read_answer(&mut stream, false).await.status, 200);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
}
