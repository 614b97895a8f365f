//! What is put back into a journal, over a memory journal that holds all, a part or something else.

use super::*;
use crate::domain::amount::Hundredths;
use crate::domain::metrics::threshold::AnnouncedValue;
use crate::domain::record::source_check::SourceCheck;
use crate::domain::record::todo::Todo;
use crate::domain::scope::CollectionId;
use crate::domain::sprint::catalogue::tests::{catalogue, other_sprint_id, sprint_id};
use crate::domain::sprint::work_item::WorkItemId;
use crate::domain::stored::Stored;
use crate::domain::testing::{item, project};
use crate::domain::time::Timestamp;
use crate::journal::memory::MemoryJournal;
use crate::journal::{LoadedRecords, LogRetention, NewEntry, Versioned};

fn journal() -> Arc<MemoryJournal> {
    let clock: crate::platform::clock::Clock = Arc::new(|| Timestamp::from_epoch_ms(1_795_608_000_000));
    Arc::new(MemoryJournal::new(clock, LogRetention::DEFAULT))
}

async fn state(journal: &MemoryJournal) -> Projection {
    Projection::load(journal).await.unwrap().0
}

async fn restore(journal: &Arc<MemoryJournal>, ours: &Projection) -> Projection {
    let restore = Restore {
        journal: journal.clone(),
        leases: journal.clone(),
        id: "one".into(),
        allowed: Arc::default(),
    };
    restore.run(ours).await.unwrap().0
}

/// Writes a record whatever version it has.
async fn write(journal: &MemoryJournal, key: RecordKey, value: Vec<u8>) {
    let silent = NewEntry { audience: Audience::Everyone, event: None, delta: None };
    let commit =
        Commit { checks: Vec::new(), writes: vec![(key, Some(value.into()))], entries: vec![silent] };
    journal.commit(commit).await.unwrap();
}

fn metric(scope: Scope, value: u32, at: EntryId) -> AnnouncedRecord {
    let said = AnnouncedValue::Number(Hundredths::whole(value));
    AnnouncedRecord {
        scope,
        statement: Announced::Metric { metric: "points.total".into(), value: said, unit: None, detail: None },
        at,
    }
}

async fn say(journal: &MemoryJournal, record: AnnouncedRecord) {
    write(journal, RecordKey::announced(record.scope, record.statement.name()), record.encode()).await;
}

fn board() -> Scope {
    catalogue().key().scope(Some(sprint_id()))
}

/// Everything that there can be, of an epoch.
async fn filled(epoch: &str) -> Arc<MemoryJournal> {
    let journal = journal();
    let team = catalogue().key();
    write(&journal, RecordKey::epoch(), epoch.into()).await;
    let collection = CollectionId::parse("c12d0eb8-e382-443b-9f9c-c52cba5014c2").unwrap();
    write(&journal, RecordKey::collection(), collection.to_string().into()).await;
    write(&journal, RecordKey::team(team), catalogue().encode()).await;
    write(&journal, RecordKey::teams_of_project(team.project), b"1".to_vec()).await;
    let current = CurrentSprint { team, sprint: Some(sprint_id()) };
    write(&journal, RecordKey::current_sprint(team), current.encode()).await;
    for number in 1..=250 {
        let item = item(number, 2, |_| {});
        write(&journal, RecordKey::item(item.id), item.encode()).await;
    }
    let projects = [(project(), Timestamp::from_epoch_ms(5))].into();
    let checked = SourceCheck { projects, ..SourceCheck::default() };
    write(&journal, RecordKey::feed(), checked.encode()).await;
    for item in [None, WorkItemId::new(7)] {
        let at = Timestamp::from_epoch_ms(6);
        let todo = Todo { item, project: None, received_at: at, told_at: at.into(), deleted: false };
        write(&journal, RecordKey::todo(item), todo.encode()).await;
    }
    let position = journal.load().await.unwrap().position;
    say(&journal, metric(board(), 5, position)).await;
    let keys = Announced::Keys { changed: position };
    say(&journal, AnnouncedRecord { scope: board(), statement: keys, at: position }).await;
    journal
}

#[tokio::test]
async fn everything_that_is_known_is_put_into_a_journal_that_holds_nothing() {
    let ours = state(&*filled("old").await).await;
    let emptied = journal();
    write(&emptied, RecordKey::epoch(), b"new".to_vec()).await;
    let begin = emptied.load().await.unwrap().position;
    let restored = restore(&emptied, &ours).await;
    assert_eq!((restored.items_len(), restored.collection()), (250, ours.collection()));
    assert_eq!(restored.teams(), ours.teams());
    assert_eq!(restored.checked(), ours.checked());
    let todo = |state: &Projection| state.todo().map(|(todo, _)| todo).collect::<Vec<_>>();
    assert_eq!((todo(&restored), todo(&restored).len()), (todo(&ours), 2));
    assert_eq!(restored.items_of(board()), ours.items_of(board()));
    assert_eq!(restored.epoch(), Some("new"));
    let said = restored.last_announced(board(), "points.total").unwrap();
    assert_eq!(said.statement, metric(board(), 5, EntryId::ZERO).statement);
    assert!(said.at > begin, "it is true of the boards that were put back");
    match restored.last_announced(board(), "keys").unwrap().statement {
        Announced::Keys { changed } => assert!(changed >= restored.board(board()).unwrap().changed),
        ref other => panic!("{other:?}"),
    }
    let entries = emptied.tail(begin, 1_000).await.unwrap();
    assert!(entries.iter().all(|entry| entry.content.event.is_none()), "nothing is announced");
    let sizes = entries.iter().map(|entry| entry.content.delta.as_ref().map_or(0, bytes::Bytes::len));
    assert!(entries.len() > 4 && sizes.max() < Some(2 * BYTES_MAX), "in pieces");
}

#[tokio::test]
async fn what_the_log_comes_to_is_what_the_records_hold() {
    let ours = state(&*filled("old").await).await;
    let emptied = journal();
    write(&emptied, RecordKey::epoch(), b"new".to_vec()).await;
    let fold = crate::board::fold::Fold::default();
    let begin = emptied.load().await.unwrap();
    fold.reset(Projection::from_records(begin.clone()).0);
    let restored = restore(&emptied, &ours).await;
    assert!(fold.apply(&emptied.tail(begin.position, 1_000).await.unwrap()).is_empty());
    let folded = fold.read();
    assert_eq!((folded.items_len(), folded.teams()), (restored.items_len(), restored.teams()));
    for known in restored.items() {
        let theirs = folded.item(known.item.id).unwrap();
        assert_eq!((theirs.item, theirs.version), (known.item.clone(), known.version));
    }
    assert!(folded.todo().eq(restored.todo()));
    for (scope, name, said) in restored.all_announced() {
        let theirs = folded.last_announced(scope, name).unwrap();
        assert_eq!((&theirs.statement, theirs.version), (&said.statement, said.version));
    }
    let team = catalogue().key();
    for key in [RecordKey::feed(), RecordKey::team(team), RecordKey::current_sprint(team)] {
        assert_eq!(folded.version(&key), restored.version(&key), "{key}");
    }
}

#[tokio::test]
async fn where_nothing_is_missing_nothing_is_written() {
    let journal = filled("old").await;
    let before = state(&journal).await;
    let after = restore(&journal, &before).await;
    assert_eq!(after.position(), before.position());
}

#[tokio::test]
async fn items_are_united_and_what_a_journal_that_was_begun_anew_says_stays() {
    let ours = state(&*filled("old").await).await;
    let begun = journal();
    write(&begun, RecordKey::epoch(), b"new".to_vec()).await;
    let newer = item(1, 3, |facts| facts.state = "Active".into());
    write(&begun, RecordKey::item(newer.id), newer.encode()).await;
    let team = catalogue().key();
    let renamed = crate::domain::sprint::catalogue::Catalogue { team_name: "Renamed".into(), ..catalogue() };
    write(&begun, RecordKey::team(team), renamed.encode()).await;
    let current = CurrentSprint { team, sprint: Some(other_sprint_id()) };
    write(&begun, RecordKey::current_sprint(team), current.encode()).await;
    let at = begun.load().await.unwrap().position;
    say(&begun, metric(board(), 8, at)).await;
    let restored = restore(&begun, &ours).await;
    assert_eq!(restored.items_len(), 250);
    assert_eq!(*restored.item(newer.id).unwrap().item, item(1, 2, |_| {}).merge(&newer));
    assert_eq!(&*restored.teams().catalogue(team).unwrap().team_name, "Renamed");
    assert_eq!(restored.teams().current(team), Some(Some(other_sprint_id())));
    let said = restored.last_announced(board(), "points.total").unwrap();
    assert_eq!(said.statement, metric(board(), 8, at).statement);
}

#[tokio::test]
async fn what_was_taken_from_the_archive_gives_way_to_what_was_said_later() {
    let ours = state(&*filled("old").await).await;
    let seeded = journal();
    write(&seeded, RecordKey::epoch(), b"new".to_vec()).await;
    say(&seeded, metric(board(), 3, EntryId::ZERO)).await;
    let restored = restore(&seeded, &ours).await;
    let said = restored.last_announced(board(), "points.total").unwrap();
    assert_eq!(said.statement, metric(board(), 5, EntryId::ZERO).statement);
    assert_ne!(said.at, EntryId::ZERO);
}

#[tokio::test]
async fn a_journal_that_was_set_back_is_brought_forward_again() {
    let ours = state(&*filled("same").await).await;
    // What an older copy holds: the same epoch, and older versions of everything.
    let older = |version: u64| EntryId { ms: 1, seq: version };
    let team = catalogue().key();
    let renamed = crate::domain::sprint::catalogue::Catalogue { team_name: "Before".into(), ..catalogue() };
    let records = [
        (RecordKey::epoch(), b"same".to_vec()),
        (RecordKey::team(team), renamed.encode()),
        (RecordKey::announced(board(), "points.total"), metric(board(), 2, older(1)).encode()),
        (RecordKey::item(item(1, 1, |_| {}).id), item(1, 1, |_| {}).encode()),
    ];
    let records =
        records.into_iter().map(|(key, value)| (key, Versioned { version: older(2), value: value.into() }));
    let loaded = LoadedRecords { records: records.collect(), position: older(2), whole_at: older(2) };
    let there = Projection::from_records(loaded).0;
    let commits = missing(&ours, &there, &AllowedBoards::default());
    let written = |commits: &[Commit], key: &RecordKey| {
        commits.iter().flat_map(|commit| &commit.writes).any(|(written, _)| written == key)
    };
    assert!(written(&commits, &RecordKey::team(team)));
    assert!(written(&commits, &RecordKey::item(item(1, 1, |_| {}).id)));
    assert!(
        !written(&commits, &RecordKey::announced(board(), "points.total")),
        "only when the boards are whole"
    );
    assert!(written(&announced(&ours, &there), &RecordKey::announced(board(), "points.total")));
    let fixed = commits.iter().flat_map(|commit| &commit.checks).find(|(key, _)| key.is_team());
    assert_eq!(fixed.unwrap().1, Some(older(2)), "only over what was looked at");
}

#[tokio::test(start_paused = true)]
async fn another_instance_is_waited_for_but_not_for_ever() {
    let ours = state(&*filled("old").await).await;
    let emptied = journal();
    write(&emptied, RecordKey::epoch(), b"new".to_vec()).await;
    assert!(emptied.lease("restore", "another", Duration::from_hours(1)).await.unwrap());
    let begin = Instant::now();
    assert_eq!(restore(&emptied, &ours).await.items_len(), 250);
    assert!(begin.elapsed() >= LEASE && begin.elapsed() < 2 * LEASE);
}
