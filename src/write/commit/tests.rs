//! The one way to commit, over a memory journal: what the log tells is what the records hold, and contention is told from
//! an outage.

use std::sync::Arc;

use super::*;
use crate::domain::amount::Hundredths;
use crate::domain::metrics::threshold::AnnouncedValue;
use crate::domain::owner::Owner;
use crate::domain::record::last_announced::{Announced, AnnouncedRecord};
use crate::domain::record::source_check::SourceCheck;
use crate::domain::scope::CollectionId;
use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};
use crate::domain::testing::{item, project};
use crate::domain::time::Timestamp;
use crate::journal::memory::MemoryJournal;
use crate::journal::{LogRetention, Store};
use crate::platform::clock::Clock;

fn journal() -> Arc<MemoryJournal> {
    let clock: Clock = Arc::new(|| Timestamp::from_epoch_ms(1_795_608_000_000));
    Arc::new(MemoryJournal::new(clock, LogRetention::DEFAULT))
}

fn board() -> Scope {
    catalogue().key().scope(Some(sprint_id()))
}

fn metric(value: u32) -> AnnouncedRecord {
    let said = AnnouncedValue::Number(Hundredths::whole(value));
    let statement =
        Announced::Metric { metric: "points.total".into(), value: said, unit: None, detail: None };
    AnnouncedRecord { scope: board(), statement, at: EntryId { ms: 1, seq: 0 } }
}

/// A commit with every kind of change that adds something.
fn everything() -> CommitBuilder {
    let empty = Projection::default();
    let mut commit = CommitBuilder::new();
    commit.put(Change::Epoch("e".into()), None);
    commit
        .put(Change::Collection(CollectionId::parse("c12d0eb8-e382-443b-9f9c-c52cba5014c2").unwrap()), None);
    commit.put_team(&empty, catalogue());
    let current = CurrentSprint { team: catalogue().key(), sprint: Some(sprint_id()) };
    commit.put_current_sprint(&empty, current);
    for number in [13, 14] {
        let item = item(number, 2, |_| {});
        commit.put(Change::item(item.clone(), item), None);
    }
    let projects = [(project(), Timestamp::from_epoch_ms(5))].into();
    commit.put(Change::Checked(Box::new(SourceCheck { projects, ..SourceCheck::default() })), None);
    commit.put(Change::Announced(metric(5)), None);
    commit
}

/// Commits, folds the log from where `folded` stands, and sees that a load of the records comes to the same.
async fn commit_and_compare(journal: &MemoryJournal, folded: &mut Projection, commit: CommitBuilder) {
    let commit = commit.build(Audience::Everyone).unwrap();
    assert!(matches!(journal.commit(commit).await.unwrap(), CommitOutcome::Committed(_)));
    let after = folded.position();
    let entries = match journal.tail(after, 100).await {
        Ok(entries) => entries,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(folded.apply(&entries), []);
    let loaded = Projection::load(journal).await.unwrap().0;
    assert_eq!(folded.position(), loaded.position());
    assert_eq!((folded.epoch(), folded.collection()), (loaded.epoch(), loaded.collection()));
    assert_eq!((folded.teams(), folded.checked()), (loaded.teams(), loaded.checked()));
    let items = |state: &Projection| {
        let mut items: Vec<_> = state.items().map(|known| (known.item.clone(), known.version)).collect();
        items.sort_by_key(|(item, _)| item.id);
        items
    };
    assert_eq!(items(folded), items(&loaded));
    let announced = |state: &Projection| {
        let of = |(scope, name, last): (Scope, &str, &crate::board::projection::LastAnnounced)| {
            (scope, name.to_owned(), last.statement.clone(), last.at, last.version)
        };
        state.all_announced().map(of).collect::<Vec<_>>()
    };
    assert_eq!(announced(folded), announced(&loaded));
    let team = catalogue().key();
    for key in [
        RecordKey::team(team),
        RecordKey::current_sprint(team),
        RecordKey::teams_of_project(team.project),
        RecordKey::feed(),
    ] {
        assert_eq!(folded.version(&key), loaded.version(&key), "{key}");
    }
}

#[tokio::test]
async fn whatever_is_changed_the_log_tells_what_the_records_hold() {
    let journal = journal();
    let begin = Commit {
        entries: vec![NewEntry { audience: Audience::Everyone, event: None, delta: None }],
        ..Commit::default()
    };
    journal.commit(begin).await.unwrap();
    let mut folded = Projection::load(&*journal).await.unwrap().0;
    commit_and_compare(&journal, &mut folded, everything()).await;
    let mut commit = CommitBuilder::new();
    let known = folded.item(item(13, 1, |_| {}).id).unwrap();
    commit.put(Change::ItemRemoved(known.item.id), Some(known.version));
    commit.remove_team(&folded, catalogue().key());
    commit_and_compare(&journal, &mut folded, commit).await;
    assert_eq!((folded.items_len(), folded.teams().all().count()), (1, 0));
}

#[test]
fn a_commit_that_changes_nothing_is_none_and_one_that_announces_nothing_has_a_silent_entry() {
    assert!(CommitBuilder::new().build(Audience::Everyone).is_none());
    let commit = everything().build(Audience::Everyone).unwrap();
    let entries: Vec<_> = commit.entries.iter().map(|entry| (&entry.event, entry.delta.is_some())).collect();
    assert_eq!(entries, [(&None, true)]);
    let mut told = everything();
    told.announce(board(), "{}".into());
    told.announce(board(), "{}".into());
    let commit = told.build(Audience::Everyone).unwrap();
    let deltas: Vec<_> = commit.entries.iter().map(|entry| entry.delta.is_some()).collect();
    assert_eq!(deltas, [false, true], "the last entry tells the folds");
}

#[test]
fn the_guard_of_a_projects_teams_is_written_once() {
    let empty = Projection::default();
    let mut commit = CommitBuilder::new();
    let mut other = catalogue();
    other.team = crate::domain::scope::TeamId::parse("a0000000-0000-4000-8000-000000000001").unwrap();
    commit.put_team(&empty, catalogue());
    commit.put_team(&empty, other);
    let commit = commit.build(Audience::Everyone).unwrap();
    let guards = commit.writes.iter().filter(|(key, _)| key.is_teams_of_project()).count();
    assert_eq!((guards, commit.writes.len(), commit.checks.len()), (1, 3, 3));
}

/// Wants what another writer always changes first.
struct Hopeless {
    built: u32,
}

impl Proposal for Hopeless {
    fn build(&mut self) -> Option<Commit> {
        self.built += 1;
        let mut commit = CommitBuilder::new();
        commit.put(Change::Announced(metric(1)), Some(EntryId { ms: 1, seq: 1 }));
        commit.build(Audience::Everyone)
    }

    async fn rebase(&mut self, conflicts: &Conflicts) {
        assert_eq!(conflicts, [(RecordKey::announced(board(), "points.total"), None)]);
    }
}

fn instance_over(journal: &Arc<MemoryJournal>) -> Instance {
    let clock: Clock = Arc::new(|| Timestamp::from_epoch_ms(1));
    Instance::new(&Store::of(journal.clone()), Owner::hooks_alone(None), clock, false)
}

#[tokio::test(start_paused = true)]
async fn contention_is_given_up_after_some_attempts_and_is_no_outage() {
    let mut hopeless = Hopeless { built: 0 };
    let given_up = commit_proposal(&instance_over(&journal()), &mut hopeless).await;
    assert_eq!((given_up, hopeless.built), (Err(CommitError::Contended), ATTEMPTS_MAX));
}

#[tokio::test(start_paused = true)]
async fn what_conflicts_is_built_anew_from_boards_that_hold_what_won() {
    let journal = journal();
    let instance = instance_over(&journal);
    journal.commit(everything().build(Audience::Everyone).unwrap()).await.unwrap();
    instance.fold.reset(Projection::load(&*journal).await.unwrap().0);
    // Another instance is first; this one's relay reads it a moment later.
    let expected = instance.fold.read().last_announced(board(), "points.total").map(|last| last.version);
    let mut first = CommitBuilder::new();
    first.put(Change::Announced(metric(6)), expected);
    let begin = instance.fold.position().unwrap();
    journal.commit(first.build(Audience::Everyone).unwrap()).await.unwrap();
    let relay = tokio::spawn({
        let (instance, journal) = (instance.clone(), journal.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            instance.fold.apply(&journal.tail(begin, 10).await.unwrap());
        }
    });
    let mut seen = Vec::new();
    let committed = commit(&instance, |state| {
        let last = state.last_announced(board(), "points.total")?;
        seen.push(last.statement.clone());
        let mut commit = CommitBuilder::new();
        commit.put(Change::Announced(metric(7)), Some(last.version));
        commit.build(Audience::Everyone)
    });
    assert!(committed.await.unwrap().is_some());
    assert_eq!(seen, [metric(5).statement, metric(6).statement]);
    relay.await.unwrap();
}
