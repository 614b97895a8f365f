//! The Functions host that the tests play: what was seen of the real one, behaviour by behaviour, against a handler
//! that does what it is asked; then every function of boardcast behind it. What the app's files, timers and the ends of
//! a process are to the host is tested beside them.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::app::DEADLINE;
use crate::support::hooks::{FABRIKAM, updated};
use crate::support::host::scripted::{self, script};
use crate::support::host::wire::{LAST_CHUNK, chunk};
use crate::support::host::{Ending, Host, IDLE_CUT, Open, Reply, StreamRecord, TimerOutcome, TimerTick};
use crate::support::sse::SseReader;

/// How long something that must not come is waited for.
const LULL: Duration = Duration::from_millis(100);

/// Opens a stream that the scripted handler holds: its head is flushed, and nothing follows until it is told.
async fn hold(host: &Host) -> Open {
    let before = host.streams().len();
    let path = format!("/api/sse/dashboard?do=hold&code={}", host.key());
    let open = host.open("GET", &path, &[], b"").await.unwrap();
    host.seen(|seen| (seen.iter().filter(|record| record.is_event_stream).count() > before).then_some(()))
        .await;
    open
}

/// Sends a handler a signal; whether there is such a process.
async fn kill(signal: &str, pid: u32) -> bool {
    let command = format!("kill -{signal} {pid} 2>/dev/null");
    let status = tokio::process::Command::new("sh").args(["-c", &command]).status().await;
    status.unwrap().success()
}

/// Waits for the end of the first stream.
async fn ended(host: &Host) -> StreamRecord {
    host.seen(|seen| seen.iter().find(|record| record.is_event_stream && record.ended.is_some()).cloned())
        .await
}

#[tokio::test]
async fn every_write_of_a_stream_arrives_by_itself() {
    let host = scripted::builder().start().await;
    let mut stream = hold(&host).await;
    for (count, text) in ["one", "two", "three"].into_iter().enumerate() {
        script(&host, &format!("tell&text={text}")).await;
        assert_eq!(stream.part().await.unwrap().as_deref(), Some(text));
        let record = host.streams().remove(0);
        assert_eq!(record.writes.len(), count + 1);
    }
    // Two chunks that come together are read together, and cost one write.
    script(&host, "tell&text=four&text=five").await;
    assert_eq!(stream.part().await.unwrap().as_deref(), Some("fourfive"));
    script(&host, "tell").await;
    assert_eq!(stream.part().await.unwrap(), None);
    let record = ended(&host).await;
    assert_eq!((record.ended, record.writes.len(), record.bytes), (Some(Ending::Finished), 4, 19));
    assert!(record.writes.is_sorted() && record.writes.first() > record.head_at.as_ref());
}

#[tokio::test]
async fn headers_reach_the_client_with_the_first_byte_of_the_body() {
    let host = scripted::builder().start().await;
    let mut stream = hold(&host).await;
    assert!(
        tokio::time::timeout(LULL, stream.connection.head()).await.is_err(),
        "headers came by themselves"
    );
    script(&host, "tell&text=first").await;
    assert_eq!(stream.part().await.unwrap().as_deref(), Some("first"));
}

#[tokio::test]
async fn a_client_that_goes_takes_the_handlers_connection_along() {
    let host = scripted::builder().start().await;
    let mut reading = hold(&host).await;
    script(&host, "tell&text=first").await;
    reading.part().await.unwrap();
    drop(reading);
    scripted::eventually(&host, "closed", 1).await;
    // The same before the first byte.
    drop(hold(&host).await);
    scripted::eventually(&host, "closed", 2).await;
    assert!(host.streams().iter().all(|record| record.ended == Some(Ending::ClientGone)));
    assert!(host.log().contains("Executed 'Functions.SseStream' (Succeeded)"));
}

#[tokio::test]
async fn a_silent_stream_is_cut_without_a_proper_end() {
    assert_eq!(IDLE_CUT, Duration::from_secs(240));
    let idle_cut = Duration::from_millis(700);
    let host = scripted::builder().idle_cut(idle_cut).start().await;
    let mut stream = hold(&host).await;
    script(&host, "tell&text=first").await;
    stream.part().await.unwrap();
    assert!(stream.part().await.is_err(), "the stream ended properly");
    let record = ended(&host).await;
    assert_eq!(record.ended, Some(Ending::CutIdle));
    assert!(record.writes[0].elapsed() >= idle_cut);
}

#[tokio::test]
async fn a_stream_that_outlives_the_function_timeout_takes_every_other_along() {
    let (timeout, grace) = (Duration::from_secs(1), Duration::from_millis(100));
    let host = scripted::builder().function_timeout(timeout).timeout_grace(grace).start().await;
    let (before, old) = (host.handler_pid(), scripted::facts(&host).await);
    let mut streams = [hold(&host).await, hold(&host).await];
    script(&host, "tell&text=first").await;
    // Whoever asks meanwhile never notices.
    let others = async {
        loop {
            assert_eq!(script(&host, "echo").await.status(), 200);
        }
    };
    tokio::select! {
        () = host.restarted(1) => {}
        () = others => {}
    }
    for stream in &mut streams {
        assert_eq!(stream.part().await.unwrap().as_deref(), Some("first"));
        assert!(stream.part().await.is_err(), "the stream ended properly");
    }
    let records = host.streams();
    assert!(records.iter().all(|record| record.ended == Some(Ending::HandlerGone)));
    assert!(records[0].head_at.unwrap().elapsed() >= timeout);
    let new = scripted::facts(&host).await;
    assert_ne!(host.handler_pid(), before);
    let of = |facts: &Value, name: &str| facts["environment"][name].clone();
    assert_eq!(of(&new, "FUNCTIONS_CUSTOMHANDLER_PORT"), of(&old, "FUNCTIONS_CUSTOMHANDLER_PORT"));
    assert_ne!(of(&new, "FUNCTIONS_HTTPWORKER_ID"), of(&old, "FUNCTIONS_HTTPWORKER_ID"));
    assert!(!host.handler_log().contains(scripted::SIGNALLED) && !host.is_shut_down());
}

#[tokio::test]
async fn a_request_that_kills_is_sent_again_until_the_host_gives_up() {
    let host = scripted::builder().start().await;
    let mut stream = hold(&host).await;
    script(&host, "tell&text=first").await;
    stream.part().await.unwrap();
    // A process that is slow to start misses some attempts, so the client may have to ask again.
    let asking = async {
        while let Ok(reply) = host.try_ask("GET", "/api/health/live?do=exit&code=1", &[], b"").await {
            assert_eq!(reply.status(), 500);
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.expect("the host gives up");
    host.shut_down().await;
    assert_eq!((host.restarts(), host.handler_pid()), (2, None));
    assert!(host.log().contains("Exceeded http worker restart retry count"), "{}", host.log());
    let is_killer = |exchange: &StreamRecord| exchange.path.ends_with("do=exit&code=1");
    let killer = host.exchanges().into_iter().find(is_killer).unwrap();
    assert!((2..=10).contains(&killer.attempts), "{killer:?}");
    assert!(stream.part().await.is_err());
    assert!(TcpStream::connect(host.address).await.is_err());
}

#[tokio::test]
async fn a_body_that_was_begun_is_not_sent_again() {
    let host = scripted::builder().start().await;
    let path = format!("/api/webhooks/azure-devops?do=exit&code=1&code={}", host.key());
    let headers = [("x-functions-key", host.key())];
    assert_eq!(host.ask("POST", &path, &headers, b"{}").await.status(), 500);
    host.restarted(1).await;
    assert_eq!(host.exchanges()[0].attempts, 1);
    assert_eq!(script(&host, "echo").await.status(), 200);
}

#[tokio::test]
async fn a_handler_that_is_killed_is_started_again() {
    let host = scripted::builder().start().await;
    let (before, mut stream) = (host.handler_pid(), hold(&host).await);
    script(&host, "tell&text=first").await;
    stream.part().await.unwrap();
    // One that has not got a first byte can still be told.
    let mut silent = hold(&host).await;
    host.kill_handler().await;
    assert!(stream.part().await.is_err());
    assert_eq!(silent.connection.head().await.unwrap().status(), 500);
    assert_eq!(script(&host, "echo").await.status(), 200);
    assert_ne!(host.handler_pid(), before);
    assert_eq!(host.restarts(), 1);
}

#[tokio::test]
async fn a_host_that_stops_waits_for_streams_and_tells_the_handler_nothing() {
    let host = scripted::builder().start().await;
    let pid = host.handler_pid().unwrap();
    let mut stream = hold(&host).await;
    script(&host, "tell&text=first").await;
    stream.part().await.unwrap();
    let grace = Duration::from_millis(1_500);
    let begin = Instant::now();
    let nobody_new = async {
        while TcpStream::connect(host.address).await.is_ok() {
            tokio::time::sleep(LULL / 10).await;
        }
        assert!(tokio::time::timeout(LULL, stream.part()).await.is_err(), "the stream did not go on");
        assert!(stream.part().await.is_err(), "the stream ended properly");
        assert!(begin.elapsed() >= grace);
    };
    tokio::join!(host.stop(grace), async { tokio::time::timeout(DEADLINE, nobody_new).await.unwrap() });
    assert!(!host.handler_log().contains(scripted::SIGNALLED));
    assert!(!kill("0", pid).await, "the handler outlived its host");
}

#[tokio::test]
async fn the_handler_would_say_so_if_it_were_told() {
    let host = scripted::builder().start().await;
    let pid = host.handler_pid().unwrap();
    assert!(kill("TERM", pid).await);
    host.wrote(scripted::SIGNALLED).await;
}

#[tokio::test]
async fn without_the_key_there_is_401_and_with_it_the_handler_sees_it_too() {
    let host = scripted::builder().start().await;
    let path = "/api/snapshot?team=a";
    let with_code = format!("{path}&code={}", host.key());
    for (path, header) in [(path, ""), (&with_code, "wrong"), (&format!("{path}&code=wrong"), "")] {
        let headers: &[_] = if header.is_empty() { &[] } else { &[("x-functions-key", header)] };
        let refused = host.ask("GET", path, headers, b"").await;
        assert_eq!((refused.status(), refused.body.len()), (401, 0), "{path}");
        assert!(refused.head.header("content-type").is_none());
    }
    assert!(host.exchanges().is_empty(), "nothing of it reaches the handler");
    assert_eq!(host.get(&with_code).await.json()["target"], with_code);
    let let_in = host.ask("GET", path, &[("x-functions-key", host.key())], b"").await.json();
    let key = json!(["x-functions-key", host.key()]);
    assert!(let_in["headers"].as_array().unwrap().contains(&key));
}

#[tokio::test]
async fn what_is_not_listed_is_not_found() {
    let host = scripted::builder().start().await;
    let stream = format!("/api/sse/dashboard?code={}", host.key());
    for (method, path) in [
        ("HEAD", stream.as_str()),
        ("OPTIONS", &stream),
        ("POST", &stream),
        ("OPTIONS", "/api/health/live"),
        ("POST", "/api/health/live"),
        ("GET", "/api/nothing"),
        ("GET", "/health/live"),
        ("POST", "/SyncTimer"),
        ("POST", "/api/SyncTimer"),
        ("POST", "/SseStream"),
        ("GET", "/"),
    ] {
        let reply = host.ask(method, path, &[], b"").await;
        assert_eq!((reply.status(), reply.body.len()), (404, 0), "{method} {path}");
    }
    assert!(host.exchanges().is_empty(), "nothing of it reaches the handler");
    assert_eq!(host.ask("HEAD", "/api/health/live", &[], b"").await.status(), 200);
}

#[tokio::test]
async fn statuses_and_headers_of_an_answer_pass() {
    let host = scripted::builder().start().await;
    for status in [200, 204, 304, 404, 503] {
        let reply = script(&host, &format!("answer&status={status}")).await;
        assert_eq!(reply.status(), status);
        assert_eq!(reply.body.len(), if matches!(status, 204 | 304) { 0 } else { 4 });
        let cookies: Vec<_> = reply.head.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
        assert_eq!((reply.head.header("x-own"), reply.head.header("etag")), (Some("kept"), Some("\"t\"")));
        for gone in ["strict-transport-security", "keep-alive", "proxy-authenticate", "alt-svc"] {
            assert!(reply.head.header(gone).is_none(), "{gone}");
        }
    }
}

#[tokio::test]
async fn bodies_arrive_whole_and_framed_as_they_were() {
    let host = scripted::builder().start().await;
    let path = format!("/api/webhooks/azure-devops?do=mirror&code={}", host.key());
    let large: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
    let empty = host.ask("POST", &path, &[("content-length", "0")], b"").await;
    assert_eq!((empty.status(), empty.body.len()), (200, 0));
    let reply = host.ask("POST", &path, &[], &large).await;
    assert_eq!(reply.head.header("content-length"), Some("2000000"));
    assert!(reply.body == large);
    let mut open = host.open("POST", &path, &[("transfer-encoding", "chunked")], b"").await.unwrap();
    for piece in large.chunks(300_000) {
        open.connection.send(&chunk(piece)).await.unwrap();
    }
    open.connection.send(LAST_CHUNK).await.unwrap();
    let head = open.connection.head().await.unwrap();
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert!(open.connection.whole(head.response_framing("POST")).await.unwrap() == large);
}

#[tokio::test]
async fn connections_to_the_handler_are_kept_alive() {
    let host = scripted::builder().start().await;
    for _ in 0..5 {
        script(&host, "echo").await;
    }
    assert_eq!(scripted::facts(&host).await["connections"], 1);
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
    let builder =
        Host::builder().setting("BOARDCAST_HEARTBEAT_MS", "1000").idle_cut(Duration::from_millis(2_500));
    let host = builder.start().await;
    let mut reader = read(&host, &[]).await;
    reader.next_of("connected").await;
    let record = host.seen(|seen| seen.iter().find(|record| record.writes.len() >= 4).cloned()).await;
    assert_eq!(record.ended, None);
    assert!(reader.next().await.is_some());
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
