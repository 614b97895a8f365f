//! Resume: a reader that is cut off anywhere and comes back has, in the end, the same bytes as one that never was.

use std::collections::BTreeSet;
use std::time::Duration;

use boardcast::domain::entry_id::EntryId;
use boardcast::domain::level::Level;
use boardcast::journal::{Journal, LogRetention};
use boardcast::stream::hub::RingLimits;

use crate::support::app::TestApp;
use crate::support::hooks::{CONTOSO, FABRIKAM, NORTHWIND, observation, provenance, updated_in};
use crate::support::source::Organization;
use crate::support::sse::{Block, SseReader};

const EVENTS: u32 = 10_000;
const CUTS: usize = 200;
/// How soon a reader who comes back has everything, on a busy machine.
const WITHIN: Duration = Duration::from_secs(20);
const PROJECTS: [&str; 3] = [FABRIKAM, CONTOSO, NORTHWIND];

/// Publishes `count` changes, round the projects, so that every one is an event.
async fn publish(app: &TestApp, count: u32) {
    for n in 0..count {
        let project = PROJECTS[n as usize % PROJECTS.len()];
        let payload = updated_in(project, 1 + n % 90, 1 + n / 90, if n % 2 == 0 { "Active" } else { "New" });
        app.app.ingest.observe(&observation(&payload), &provenance()).await.unwrap();
    }
    app.settled().await;
}

/// What must be the same: blocks that have both an id and data, those that begin a stream aside.
fn kept(block: &Block) -> bool {
    let begins = |kind: String| ["connected", "snapshot"].contains(&kind.as_str());
    block.id().is_some() && block.field("data").is_some() && !block.kind().is_some_and(begins)
}

/// The last id in the blocks: an id alone counts, as it does for a browser.
fn cursor(blocks: &[Block]) -> Option<String> {
    blocks.iter().rev().find_map(Block::id)
}

async fn reopen(app: &TestApp, filter: &str, cursor: &str) -> SseReader {
    let headers = [("last-event-id", cursor)];
    SseReader::open(app.address, &format!("/api/sse/dashboard?{filter}"), &headers).await
}

/// Reads until there are `count` of the blocks that must be the same.
async fn read_kept(reader: &mut SseReader, count: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    while blocks.len() < count {
        let block = reader.next().await.expect("the stream ended");
        if kept(&block) {
            blocks.push(block);
        }
    }
    blocks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e3_two_hundred_cuts_lose_and_double_nothing_for_any_filter() {
    let ring = RingLimits { frames_max: 1_000, bytes_max: usize::MAX, ..RingLimits::DEFAULT };
    let app = TestApp::builder().ring(ring).start().await;
    app.settled().await;
    let begin = app.app.instance.fold.position().unwrap().to_string();
    let third = EVENTS as usize / 3;
    let filters = [
        (String::new(), EVENTS as usize),
        (format!("project={FABRIKAM}"), third + 1),
        ("project=contoso&project=Northwind".to_owned(), 2 * third),
    ];
    let publishing = publish(&app, EVENTS);
    let reading = async {
        for (filter, events) in &filters {
            cut_and_compare(&app, filter, &begin, *events).await;
        }
    };
    // The first filter's readers are cut while events come, the others' when all lie in ring and log.
    tokio::join!(publishing, reading);
}

async fn cut_and_compare(app: &TestApp, filter: &str, begin: &str, events: usize) {
    let mut uncut = reopen(app, filter, begin).await;
    let whole = tokio::spawn(async move { read_kept(&mut uncut, events).await });
    let mut random = fastrand::Rng::with_seed(events as u64);
    let mut cut: Vec<Block> = Vec::new();
    let mut at = begin.to_owned();
    for _ in 0..CUTS {
        // Some 700 bytes an event: the cuts lie all over the stream, and the last before its end.
        let bytes = random.usize(400..1_300 * events / CUTS);
        let blocks = reopen(app, filter, &at).await.cut_after(bytes).await;
        assert!(resumed(&blocks), "cut off at {at}");
        at = cursor(&blocks).unwrap_or(at);
        cut.extend(blocks.into_iter().filter(kept));
    }
    assert!(cut.len() > events / 2, "the cuts came to {} of {events} events only", cut.len());
    let rest = events - cut.len();
    cut.extend(read_kept(&mut reopen(app, filter, &at).await, rest).await);
    let whole = whole.await.unwrap();
    assert!(cut == whole, "the bytes differ");
    let ids: Vec<_> = whole.iter().map(|block| EntryId::parse(&block.id().unwrap()).unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
}

fn resumed(blocks: &[Block]) -> bool {
    let connected = blocks.iter().find(|block| block.kind().as_deref() == Some("connected"));
    // A cut can come before the first event is whole.
    connected.is_none_or(|connected| connected.json().unwrap()["resumed"] == true)
}

#[tokio::test]
async fn e4_before_at_and_after_the_trimming_edge() {
    // The ring remembers more than the log keeps: only what the log holds may be resumed from.
    let app =
        TestApp::builder().retention(LogRetention { entries_max: 20, ..LogRetention::DEFAULT }).start().await;
    app.settled().await;
    let mut witness = app.stream("").await;
    // One at a time: a relay that is slower than so short a log would lose its own place.
    for n in 0..50 {
        // Revisions of one item change no number of its board, of which the log would tell too, sooner or later.
        let payload = updated_in(FABRIKAM, 1, 1 + n, if n % 2 == 0 { "New" } else { "Active" });
        app.app.ingest.observe(&observation(&payload), &provenance()).await.unwrap();
        match n {
            // A board's first numbers are recorded in the log.
            0 => app.quiet().await,
            _ => app.settled().await,
        }
    }
    let mut ids = Vec::new();
    while ids.len() < 50 {
        let block = witness.next().await.unwrap();
        if kept(&block) {
            ids.push(block.id().unwrap());
        }
    }
    let oldest = 50 - 20;
    for (index, id) in ids.iter().enumerate() {
        let held = app.journal.holds(EntryId::parse(id).unwrap()).await.unwrap();
        assert_eq!(held, index >= oldest, "entry {index}");
        let mut reader = reopen(&app, "", id).await;
        let connected = reader.next_of("connected").await;
        assert_eq!(
            (&connected["resumed"], &connected["gap"]),
            (&held.into(), &(!held).into()),
            "entry {index}"
        );
        if !held {
            assert_eq!(reader.next().await.unwrap().kind().as_deref(), Some("snapshot"));
        } else if let Some(following) = ids.get(index + 1) {
            assert_eq!(
                reader.next().await.unwrap().id().as_ref(),
                Some(following),
                "what follows entry {index}"
            );
        }
    }
}

#[tokio::test]
async fn e4_a_cursor_that_is_not_ours_is_a_gap_and_a_snapshot() {
    let app = TestApp::start().await;
    publish(&app, 5).await;
    let position = app.app.instance.fold.position().unwrap();
    let future = EntryId { ms: position.ms + 60_000, seq: 0 };
    let foreign = [
        "0-0",
        "urn:uuid:7d0b3cd3",
        "1",
        "-",
        "1795449600000-0 ",
        "%00",
        &format!("{}-{}", position.ms, position.seq + 1),
        &future.to_string(),
    ];
    for cursor in foreign {
        let mut reader = reopen(&app, "", cursor).await;
        let connected = reader.next_of("connected").await;
        assert_eq!((&connected["resumed"], &connected["gap"]), (&false.into(), &true.into()), "{cursor:?}");
        assert_eq!(reader.next().await.unwrap().kind().as_deref(), Some("snapshot"), "{cursor:?}");
    }
}

#[tokio::test]
async fn e3_the_header_wins_over_the_parameter() {
    let app = TestApp::start().await;
    publish(&app, 5).await;
    let position = app.app.instance.fold.position().unwrap().to_string();
    let connected = async |path: &str, headers: &[(&str, &str)]| {
        SseReader::open(app.address, path, headers).await.next_of("connected").await
    };
    let parameter = connected(&format!("/api/sse/dashboard?lastEventId={position}"), &[]).await;
    assert_eq!((&parameter["resumed"], &parameter["cursor"]), (&true.into(), &position.as_str().into()));
    let both = connected("/api/sse/dashboard?lastEventId=1-1", &[("last-event-id", &position)]).await;
    assert_eq!(both["resumed"], true);
    let neither = connected("/api/sse/dashboard?lastEventId=", &[]).await;
    assert_eq!((&neither["resumed"], &neither["gap"]), (&false.into(), &false.into()));
}

#[tokio::test]
async fn e4_no_cursor_survives_a_restart_of_the_memory_journal() {
    let before = TestApp::start().await;
    publish(&before, 5).await;
    let cursor = before.app.instance.fold.position().unwrap().to_string();
    let after = TestApp::start().await;
    publish(&after, 5).await;
    let connected = reopen(&after, "", &cursor).await.next_of("connected").await;
    assert_eq!(connected["gap"], true);
}

#[tokio::test]
async fn a_silent_heartbeats_position_is_a_cursor_to_resume_from() {
    let app = TestApp::builder().setting("BOARDCAST_HEARTBEAT_MS", "1000").start().await;
    app.settled().await;
    let mut reader = app.stream(&format!("project={FABRIKAM}")).await;
    reader.next_of("connected").await;
    let payload = updated_in(CONTOSO, 7, 1, "New");
    app.app.ingest.observe(&observation(&payload), &provenance()).await.unwrap();
    let position = reader.next().await.unwrap().id().unwrap();
    let connected = reopen(&app, "", &position).await.next_of("connected").await;
    assert_eq!(connected["resumed"], true);
}

/// The teams of which the blocks have a whole board: a snapshot that has something to show.
fn whole(blocks: &[Block]) -> BTreeSet<String> {
    let snapshots = blocks.iter().filter_map(Block::json).filter(|event| event["type"] == "snapshot");
    snapshots.filter(|event| event["level"] != "none").map(|event| event["teamId"].to_string()).collect()
}

#[tokio::test]
async fn e3_who_is_cut_off_between_the_beginning_of_a_board_and_its_snapshot_is_sent_that() {
    let organization = Organization::start().await;
    organization.close().await;
    let app = organization.builder().start().await;
    let nothing = || async { (app.app.instance.vitals.source_level.value() != Level::Full).then_some(()) };
    organization.until(nothing).await;
    let mut reader = app.stream("").await;
    organization.reopen().await;
    let mut blocks = Vec::new();
    while whole(&blocks).len() < 3 {
        // Time passes as fast as it has to until the first board begins, and then as it does.
        let has_begun = blocks.iter().filter_map(Block::json).any(|event| event["type"] == "recovered");
        let next = async { blocks.push(reader.next().await.expect("the stream ended")) };
        let turning = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                organization.clock.advance(Duration::from_millis(if has_begun { 20 } else { 3_000 }));
            }
        };
        tokio::select! {
            () = next => {}
            () = turning => unreachable!(),
        }
    }
    each_cut_is_made_good(&app, &blocks).await;
    // That the boards are old since does not hide that somebody never had them.
    organization.close().await;
    organization
        .until(async || {
            let is_old = async |team| {
                let board = app.get(&format!("/api/snapshot?team={team}")).await.json();
                board["level"] == "cached"
            };
            (is_old("Web").await && is_old("Mobile%20Apps").await && is_old("Clinic").await).then_some(())
        })
        .await;
    each_cut_is_made_good(&app, &blocks).await;
}

/// Who was cut off after any of these blocks and comes back gets what he has not of the boards of three teams.
async fn each_cut_is_made_good(app: &TestApp, blocks: &[Block]) {
    let last = blocks.len() - 1;
    for cut in (0..last).filter(|cut| blocks[*cut].id().is_some()) {
        let (told, more) = blocks.split_at(cut + 1);
        let mut again = reopen(app, "", &cursor(told).unwrap()).await;
        let mut had: Vec<Block> = told.to_vec();
        let rest = async {
            while whole(&had).len() < 3 {
                had.push(again.next().await.expect("the stream ended"));
            }
        };
        let within = tokio::time::timeout(WITHIN, rest).await;
        assert!(within.is_ok(), "cut off before {:?}", more[0].kind());
    }
}
