//! Every function of boardcast behind the Functions host that the tests play. What that host sends is proved against
//! recordings of the real one, in `support/host/recorded.rs`.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::support::hooks::{FABRIKAM, updated};
use crate::support::host::{Ending, Host, IDLE_CUT, Reply, TimerOutcome, TimerTick};
use crate::support::sse::SseReader;

/// Sends a handler a signal; whether there is such a process.
async fn kill(signal: &str, pid: u32) -> bool {
    let command = format!("kill -{signal} {pid} 2>/dev/null");
    let status = tokio::process::Command::new("sh").args(["-c", &command]).status().await;
    status.unwrap().success()
}

/// boardcast behind the host, with a secret for its hooks.
async fn boardcast() -> Host {
    Host::builder().setting("BOARDCAST_WEBHOOK_SECRET", "s3cret").start().await
}

/// Delivers a hook as Azure DevOps does: the key in the address, the secret as Basic authentication.
async fn hook(host: &Host, payload: &Value) -> Reply {
    let path = format!("/api/webhooks/azure-devops/workitem.updated?code={}", host.key());
    let basic = format!("Basic {}", BASE64_STANDARD.encode("hook:s3cret"));
    let headers = [("authorization", basic.as_str()), ("content-type", "application/json; charset=utf-8")];
    host.ask("POST", &path, &headers, payload.to_string().as_bytes()).await
}

/// Opens a stream of boardcast and reads it as a browser does.
async fn read(host: &Host, headers: &[(&str, &str)]) -> SseReader {
    let path = format!("/api/sse/dashboard?project={FABRIKAM}&code={}", host.key());
    SseReader::open(host.address, &path, headers).await
}

#[tokio::test]
async fn k1_sse_stream_begins_with_one_write_and_takes_one_for_a_change() {
    let host = boardcast().await;
    // With no board yet there are bytes at once all the same; without them a browser would still be connecting.
    let mut early = read(&host, &[]).await;
    early.next_of("connected").await;
    assert_eq!(hook(&host, &updated(1, 1, "New")).await.status(), 200);
    early.next_of("snapshot").await;
    let mut reader = read(&host, &[]).await;
    assert!(reader.head.contains("text/event-stream") && reader.head.contains("no-cache"), "{}", reader.head);
    reader.next_of("connected").await;
    reader.next_of("snapshot").await;
    let writes = || host.streams().pop().unwrap().writes.len();
    assert_eq!(writes(), 1, "connected and snapshot are one write");
    assert_eq!(hook(&host, &updated(1, 2, "Active")).await.json()["outcome"], "applied");
    let change = reader.next_of("workitem_changed").await;
    assert_eq!((&change["workItemId"], &change["rev"]), (&1.into(), &2.into()));
    assert_eq!(writes(), 2);
}

#[tokio::test]
async fn sse_stream_is_kept_from_being_cut_by_its_heartbeat() {
    assert_eq!(IDLE_CUT, Duration::from_secs(240));
    let with_heartbeat = |ms: &str| {
        let builder = Host::builder().setting("BOARDCAST_HEARTBEAT_MS", ms);
        builder.idle_cut(Duration::from_secs(5))
    };
    let host = with_heartbeat("1000").start().await;
    let mut reader = read(&host, &[]).await;
    reader.next_of("connected").await;
    // More silence in all than the host bears at once.
    let record = host.seen(|seen| seen.iter().find(|record| record.writes.len() >= 8).cloned()).await;
    assert_eq!(record.ended, None);
    assert!(reader.next().await.is_some());
    let host = with_heartbeat("60000").start().await;
    let mut silent = read(&host, &[]).await;
    silent.next_of("connected").await;
    assert!(silent.next().await.is_none(), "the host does not cut what is silent");
    host.seen(|seen| seen.iter().find(|record| record.ended == Some(Ending::CutIdle)).map(|_| ())).await;
}

#[tokio::test]
async fn sse_stream_goes_on_after_the_handler_was_killed() {
    let host = boardcast().await;
    hook(&host, &updated(1, 1, "New")).await;
    let mut reader = read(&host, &[]).await;
    reader.next_of("connected").await;
    let cursor = reader.next().await.unwrap().id().expect("the snapshot has an id");
    host.kill_handler().await;
    while reader.next().await.is_some() {}
    let connected = read(&host, &[("last-event-id", &cursor)]).await.next_of("connected").await;
    // What the memory journal held has gone with the process, and the reader is told so.
    assert_eq!((&connected["resumed"], &connected["gap"]), (&false.into(), &true.into()));
}

#[tokio::test]
async fn work_item_webhook_needs_the_hosts_key_and_its_own_secret() {
    let host = boardcast().await;
    let payload = updated(1, 1, "New").to_string();
    let path = "/api/webhooks/azure-devops/workitem.updated";
    let post = async |headers: &[(&str, &str)]| host.ask("POST", path, headers, payload.as_bytes()).await;
    let key = ("x-functions-key", host.key());
    let without_key = post(&[("x-boardcast-secret", "s3cret")]).await;
    assert_eq!((without_key.status(), without_key.body.len()), (401, 0), "this is the host's answer");
    let without_secret = post(&[key]).await;
    assert_eq!(without_secret.status(), 401);
    assert_eq!(without_secret.head.header("www-authenticate"), Some("Basic realm=\"boardcast\""));
    assert_eq!(without_secret.json()["error"]["code"], "unauthorised");
    assert_eq!(post(&[key, ("x-boardcast-secret", "s3cret")]).await.json()["outcome"], "applied");
    assert_eq!(hook(&host, &updated(1, 1, "New")).await.json()["outcome"], "known");
}

#[tokio::test]
async fn work_item_webhook_without_a_secret_takes_nothing() {
    let host = Host::start().await;
    assert_eq!(hook(&host, &updated(1, 1, "New")).await.status(), 503);
}

#[tokio::test]
async fn snapshot_is_not_sent_again_when_nothing_changed() {
    let host = boardcast().await;
    hook(&host, &updated(1, 1, "New")).await;
    let mut reader = read(&host, &[]).await;
    reader.next_of("snapshot").await;
    let path = format!("/api/snapshot?project={FABRIKAM}");
    let get = async |headers: &[(&str, &str)]| host.ask("GET", &path, headers, b"").await;
    let key = ("x-functions-key", host.key());
    let first = get(&[key]).await;
    assert_eq!((first.status(), &first.json()["items"][0]["id"]), (200, &1.into()));
    let etag = first.head.header("etag").expect("an entity tag");
    let second = get(&[key, ("if-none-match", etag)]).await;
    assert_eq!((second.status(), second.body.len(), second.head.header("etag")), (304, 0, Some(etag)));
}

#[tokio::test]
async fn health_check_and_dashboard_need_no_key() {
    let host = boardcast().await;
    for path in ["/api/health/live", "/api/health/ready", "/api/dashboard", "/api/dashboard/page.js"] {
        let get = host.get(path).await;
        assert_eq!(get.status(), 200, "{path}");
        let head = host.ask("HEAD", path, &[], b"").await;
        assert_eq!((head.status(), head.body.len()), (200, 0), "{path}");
        assert_eq!(head.head.header("content-length"), get.head.header("content-length"), "{path}");
    }
    assert!(host.get("/api/dashboard").await.head.header("content-security-policy").is_some());
}

#[tokio::test]
async fn sync_timer_always_succeeds_and_logs() {
    let host = boardcast().await;
    for past_due in [false, true, false] {
        let outcome = host.fire_timer(TimerTick { past_due, due: None }).await;
        let TimerOutcome::Succeeded { logs } = outcome else { panic!("{outcome:?}") };
        assert_eq!(logs.len(), 1, "{logs:?}");
        assert_eq!(logs[0].contains("past due"), past_due, "{logs:?}");
    }
}

#[tokio::test]
async fn boardcast_that_is_told_to_stop_asks_to_be_started_again() {
    let host = boardcast().await;
    let mut reader = read(&host, &[]).await;
    reader.next_of("connected").await;
    let pid = host.handler_pid().unwrap();
    assert!(kill("TERM", pid).await);
    reader.next_of("closing").await;
    host.restarted(1).await;
    assert!(host.log().contains("The handler asked to be started again"), "{}", host.log());
    assert_eq!(host.streams()[0].ended, Some(Ending::Finished));
}

#[tokio::test]
async fn boardcast_logs_lines_of_json_to_standard_output_alone() {
    let host = Host::builder().local_settings().start().await;
    hook(&host, &updated(1, 1, "New")).await;
    host.fire_timer(TimerTick::default()).await;
    host.stop(Duration::ZERO).await;
    let log = host.handler_log();
    assert!(log.lines().count() >= 2, "{log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{line}");
    }
    assert_eq!(host.handler_errors(), "");
    assert!(!log.contains(host.key()) && !log.contains("s3cret"), "a secret is in the log");
}

#[tokio::test]
async fn with_the_settings_of_a_laptop_a_demo_lives_behind_the_host() {
    let host = Host::builder().local_settings().start().await;
    let path = format!("/api/sse/dashboard?code={}", host.key());
    let mut reader = SseReader::open(host.address, &path, &[]).await;
    assert_eq!(reader.next_of("connected").await["demo"], true);
    // Until the boards are loaded, items may come from the first look at the organisation too.
    let told = loop {
        let told = reader.next_of("workitem_changed").await;
        if told["source"] == "webhook" {
            break told;
        }
    };
    assert_eq!((&told["demo"], &told["level"]), (&true.into(), &"full".into()));
}

#[tokio::test]
async fn boardcast_tells_a_host_that_does_not_proxy() {
    let host = Host::builder()
        .edit(|files| files.host["customHandler"]["enableProxyingHttpRequest"] = false.into())
        .start()
        .await;
    let reply = host.get("/api/health/live").await;
    assert_eq!(reply.status(), 501, "{}", host.log());
    assert!(String::from_utf8_lossy(&reply.body).contains("proxies HTTP requests"));
}

#[tokio::test]
async fn no_request_ends_boardcast() {
    let host = boardcast().await;
    let before = host.handler_pid();
    let code = format!("code={}", host.key());
    let deep = "[".repeat(100_000);
    for (method, target, body) in [
        ("GET", format!("/api/sse/../health/live?{code}"), &b""[..]),
        ("GET", format!("/api/snapshot?{code}&project=%ff%00&team={}", "x".repeat(4_000)), b""),
        ("GET", format!("/api/snapshot?{code}&at=18446744073709551616-1"), b""),
        ("HEAD", format!("/api/snapshot?{code}&at=-&explain=%00"), b""),
        ("GET", "/api/dashboard/%2e%2e%2f%2e%2e".into(), b""),
        ("GET", "/api/health/%F0%9F%92%A5".into(), b""),
        ("POST", format!("/api/webhooks/azure-devops?{code}"), deep.as_bytes()),
        ("POST", format!("/api/webhooks/azure-devops/%00?{code}"), &[0xff; 5_000_000]),
    ] {
        let secret = [("x-boardcast-secret", "s3cret"), ("last-event-id", "\u{e9}"), ("traceparent", "00--")];
        let reply = host.ask(method, &target, &secret, body).await;
        assert!(reply.status() < 500, "{method} {target}: {}", reply.status());
    }
    assert_eq!((host.handler_pid(), host.restarts()), (before, 0));
}
