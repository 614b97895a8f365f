//! `SseStream`: what a reader receives, in which order, and with which ids.

use std::time::Duration;

use boardcast::domain::entry_id::EntryId;
use boardcast::stream::hub::RingLimits;

use crate::support::app::TestApp;
use crate::support::hooks::{CONTOSO, FABRIKAM, updated, updated_in};
use crate::support::sse::SseReader;

#[tokio::test]
async fn e2_e9_e10_a_stream_opens_with_retry_connected_and_snapshot() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 2, "Active")).await;
    app.settled().await;
    let mut reader = app.stream("").await;
    assert!(reader.head.starts_with("HTTP/1.1 200 OK\r\n"));
    for line in [
        "content-type: text/event-stream\r\n",
        "cache-control: no-cache, no-transform\r\n",
        "x-accel-buffering: no\r\n",
    ] {
        assert!(reader.head.contains(line), "{}", reader.head);
    }
    for absent in ["connection:", "access-control", "content-encoding"] {
        assert!(!reader.head.contains(absent), "{}", reader.head);
    }
    let connected = reader.next().await.unwrap();
    let retry: u64 = connected.field("retry").unwrap().parse().unwrap();
    assert!((2_000..=4_000).contains(&retry), "{retry}");
    assert_eq!((connected.kind().as_deref(), connected.id()), (Some("connected"), None));
    let connected = connected.json().unwrap();
    assert_eq!(connected["scopes"][0]["projectId"], FABRIKAM);
    assert_eq!(connected["scopes"][0]["project"], "Fabrikam");
    assert_eq!((&connected["resumed"], &connected["gap"]), (&false.into(), &false.into()));
    assert_eq!(connected["heartbeatMs"], 15_000);
    let snapshot = reader.next().await.unwrap();
    assert_eq!(snapshot.id().as_deref(), connected["cursor"].as_str());
    assert_eq!(snapshot.json().unwrap()["data"]["items"][0]["id"], 13);
}

#[tokio::test]
async fn k3_the_first_event_is_connected_with_an_epoch_in_milliseconds() {
    let app = TestApp::start().await;
    let before = (app.app.instance.clock)().epoch_ms();
    let mut reader = app.stream("").await;
    let first = loop {
        if let Some(event) = reader.next().await.unwrap().json() {
            break event;
        }
    };
    assert_eq!(first["type"], "connected");
    let timestamp = first["timestamp"].as_i64().expect("a number");
    assert!((before..=(app.app.instance.clock)().epoch_ms()).contains(&timestamp));
}

#[tokio::test]
async fn e5_of_several_snapshots_only_the_last_has_an_id() {
    let app = TestApp::start().await;
    app.hook(&updated_in(FABRIKAM, 13, 1, "New")).await;
    app.hook(&updated_in(CONTOSO, 14, 1, "New")).await;
    app.settled().await;
    let mut reader = app.stream("").await;
    let mut snapshots = Vec::new();
    while snapshots.len() < 2 {
        let block = reader.next().await.unwrap();
        if block.kind().as_deref() == Some("snapshot") {
            snapshots.push(block.id());
        }
    }
    assert_eq!(snapshots[0], None, "a reader who is cut off here must get both again");
    assert!(snapshots[1].is_some());
}

#[tokio::test]
async fn a_change_reaches_its_readers_once_and_no_other() {
    let app = TestApp::start().await;
    app.settled().await;
    let mut everybody = app.stream("").await;
    let mut fabrikam = app.stream(&format!("project={FABRIKAM}")).await;
    let mut contoso = app.stream("project=contoso").await;
    app.hook(&updated_in(FABRIKAM, 13, 2, "Active")).await;
    app.hook(&updated_in(FABRIKAM, 13, 2, "Active")).await;
    app.hook(&updated_in(FABRIKAM, 13, 1, "New")).await;
    app.hook(&updated_in(CONTOSO, 7, 1, "New")).await;
    app.hook(&updated_in(FABRIKAM, 14, 1, "New")).await;
    let numbers = async |reader: &mut SseReader, last: u64| {
        let mut numbers = Vec::new();
        while numbers.last() != Some(&last) {
            numbers.push(reader.next_of("workitem_changed").await["workItemId"].as_u64().unwrap());
        }
        numbers
    };
    assert_eq!(numbers(&mut everybody, 14).await, [13, 7, 14]);
    assert_eq!(numbers(&mut fabrikam, 14).await, [13, 14]);
    assert_eq!(numbers(&mut contoso, 7).await, [7]);
}

#[tokio::test]
async fn e7_a_name_that_nobody_knows_yet_becomes_known() {
    let app = TestApp::start().await;
    app.settled().await;
    let mut reader = app.stream("project=CONTOSO").await;
    assert_eq!(reader.next_of("connected").await["scopes"], serde_json::json!([]));
    app.hook(&updated_in(FABRIKAM, 13, 1, "New")).await;
    app.hook(&updated_in(CONTOSO, 14, 1, "New")).await;
    let changed = reader.next().await.unwrap();
    assert_eq!(changed.json().unwrap()["workItemId"], 14);
    let snapshot = reader.next().await.unwrap();
    assert_eq!(
        snapshot.kind().as_deref(),
        Some("snapshot"),
        "a scope that becomes known brings its snapshot"
    );
    // Without one of its own it is as of the event; what happens meanwhile gives it a later one.
    assert!(changed.id().is_some() && (snapshot.id().is_none() || snapshot.id() > changed.id()));
    assert_eq!(snapshot.json().unwrap()["data"]["items"][0]["id"], 14);
}

#[tokio::test]
async fn named_events_only_where_asked_for() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    for (query, named) in [("", false), ("named=1", true), ("named=0", false)] {
        let mut reader = app.stream(query).await;
        app.hook(&updated(13, 2 + u32::from(named), "Active")).await;
        let mut seen = Vec::new();
        while seen.len() < 2 {
            let block = reader.next().await.unwrap();
            if block.kind().is_some() {
                assert_eq!(block.field("event"), block.kind().filter(|_| named), "{query}");
                seen.push(block);
            }
        }
    }
}

#[tokio::test]
async fn e1_a_silent_stream_has_a_heartbeat_that_tells_the_position_once() {
    let app = TestApp::builder().setting("BOARDCAST_HEARTBEAT_MS", "1000").start().await;
    app.hook(&updated_in(CONTOSO, 7, 1, "New")).await;
    app.quiet().await;
    let mut reader = app.stream(&format!("project={FABRIKAM}")).await;
    reader.next_of("connected").await;
    app.hook(&updated_in(CONTOSO, 7, 2, "Active")).await;
    app.quiet().await;
    let position = app.app.instance.fold.position().unwrap().to_string();
    assert_eq!(reader.next().await.unwrap().raw, format!("id: {position}\n\n").as_bytes());
    assert_eq!(reader.next().await.unwrap().raw, b":\n", "the position has not moved since");
}

#[tokio::test]
async fn fault_f7_a_silent_heartbeat_is_a_comment_until_the_cursor_would_soon_be_forgotten() {
    for (entries, tells) in [(1_000, false), (20, true)] {
        let app = TestApp::builder()
            .setting("BOARDCAST_HEARTBEAT_MS", "1000")
            .ring(RingLimits { frames_max: entries, replayed_max: entries, ..RingLimits::DEFAULT })
            .start()
            .await;
        app.hook(&updated_in(FABRIKAM, 7, 1, "New")).await;
        app.quiet().await;
        let mut reader = app.stream(&format!("project={FABRIKAM}")).await;
        reader.next_of("snapshot").await;
        for rev in 1..=40 {
            app.hook(&updated_in(CONTOSO, 8, rev, "Active")).await;
            // Else the reader may be too slow for so small a ring.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut heartbeats = Vec::new();
        while heartbeats.len() < 3 {
            heartbeats.push(reader.next().await.unwrap());
        }
        let told: Vec<String> = heartbeats.iter().filter_map(|block| block.id()).collect();
        assert_eq!(told.len(), usize::from(tells), "of {entries}: {told:?}");
        assert!(heartbeats.iter().all(|block| block.id().is_some() || block.raw == b":\n"));
        if let Some(cursor) = told.first() {
            assert_eq!(app.stream_from(cursor).await.next_of("connected").await["resumed"], true);
        }
    }
}

#[tokio::test]
async fn e1_heartbeats_are_events_where_asked_for() {
    let app = TestApp::builder().setting("BOARDCAST_HEARTBEAT_MS", "1000").start().await;
    app.hook(&updated_in(CONTOSO, 7, 1, "New")).await;
    app.quiet().await;
    let position = app.app.instance.fold.position().unwrap().to_string();
    let mut reader = app.stream(&format!("project={FABRIKAM}&heartbeat=1")).await;
    reader.next_of("connected").await;
    let (first, second) = (reader.next().await.unwrap(), reader.next().await.unwrap());
    assert_eq!((first.kind().as_deref(), first.id()), (Some("heartbeat"), Some(position.clone())));
    assert_eq!(
        (second.kind().as_deref(), second.id()),
        (Some("heartbeat"), None),
        "the position has not moved"
    );
    assert_eq!(second.json().unwrap()["cursor"], position);
}

#[tokio::test]
async fn ids_strictly_increase_on_every_stream() {
    let app = TestApp::start().await;
    app.settled().await;
    let mut reader = app.stream("").await;
    for rev in 1..=50 {
        for project in [FABRIKAM, CONTOSO] {
            let id = if project == FABRIKAM { 13 } else { 14 };
            app.app
                .ingest
                .observe(
                    &crate::support::hooks::observation(&updated_in(project, id, rev, "New")),
                    &crate::support::hooks::provenance(),
                )
                .await
                .unwrap();
        }
    }
    let mut last = EntryId::ZERO;
    let mut events = 0;
    while events < 100 {
        let block = reader.next().await.unwrap();
        if let Some(id) = block.id() {
            let id = EntryId::parse(&id).unwrap();
            assert!(id > last, "{id} after {last}");
            last = id;
        }
        events += usize::from(block.kind().as_deref() == Some("workitem_changed"));
    }
}

#[tokio::test]
async fn e14_a_server_that_stops_says_so_and_ends_its_streams() {
    let mut app = TestApp::start().await;
    app.settled().await;
    let mut reader = app.stream("").await;
    reader.next_of("connected").await;
    app.stop();
    let closing = reader.next_of("closing").await;
    assert_eq!(closing["reason"], "shutdown");
    assert!(closing["reconnectAfterMs"].as_u64().unwrap() >= 1_000);
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn a_lost_log_ends_the_streams_and_the_readers_come_back_to_a_gap() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "New")).await;
    app.settled().await;
    let mut reader = app.stream("").await;
    let cursor = loop {
        if let Some(id) = reader.next().await.unwrap().id() {
            break id;
        }
    };
    app.journal.lose_everything();
    assert_eq!(reader.next_of("closing").await["reason"], "lost");
    let mut back = app.stream(&format!("lastEventId={cursor}")).await;
    let connected = back.next_of("connected").await;
    assert_eq!((&connected["resumed"], &connected["gap"]), (&false.into(), &true.into()));
}

#[tokio::test]
async fn e15_the_gauge_of_streams_returns_to_zero() {
    let app = TestApp::start().await;
    app.settled().await;
    let mut readers = Vec::new();
    for _ in 0..50 {
        let mut reader = app.stream("").await;
        reader.next_of("connected").await;
        readers.push(reader);
    }
    assert_eq!(app.app.instance.vitals.streams.value(), 50);
    drop(readers);
    let begin = tokio::time::Instant::now();
    while app.app.instance.vitals.streams.value() > 0 {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{} are left",
            app.app.instance.vitals.streams.value()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
