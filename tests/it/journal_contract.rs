//! What every journal must do, written once. An adapter's tests are this suite with its own harness.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use boardcast::domain::scope::{Audience, ProjectId, Scope};
use boardcast::domain::wire::event::EVENT_BYTES_MAX;
use boardcast::journal::{
    Commit, CommitOutcome, EXPIRING_BYTES_MAX, Entry, EntryId, Journal, JournalError, LogRetention, NewEntry,
    RECORD_BYTES_MAX, REPORT_BYTES_MAX, RecordKey, Store, Version, Versioned,
};
use bytes::Bytes;

/// A journal, and the power over what lies behind it.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A fresh journal with that retention.
    async fn with(retention: LogRetention) -> Self
    where
        Self: Sized;
    /// The store: the journal, and the smaller ports beside it.
    fn store(&self) -> Store;
    /// The journal.
    fn journal(&self) -> Arc<dyn Journal> {
        self.store().journal
    }
    /// Makes that much time pass for the store.
    async fn let_pass(&self, time: Duration);
    /// Makes the store's clock earlier than its last entry.
    async fn step_clock_back(&self);
    /// Empties the store.
    async fn lose_everything(&self);
    /// Forgets the entries after `id`.
    async fn set_back_to(&self, id: EntryId);
}

/// Declares the suite's tests for one harness.
macro_rules! journal_contract {
    ($name:ident, $harness:ty) => {
        mod $name {
            $crate::journal_contract::journal_contract!(@tests $harness:
                a_commit_writes_and_appends_in_one_step,
                a_conflict_changes_nothing_and_returns_what_is_there,
                a_record_that_was_only_read_is_checked_too,
                a_deleted_record_is_absent,
                of_racing_commits_on_one_version_one_wins,
                commits_on_different_records_do_not_conflict,
                the_version_is_the_id_of_the_commits_last_entry,
                ids_strictly_increase_when_the_clock_steps_back,
                a_commit_without_an_entry_is_refused,
                an_event_above_the_limit_is_refused,
                a_record_above_the_limit_is_refused,
                a_load_holds_everything_and_a_position_to_follow,
                a_load_is_whole_once_what_was_written_meanwhile_is_followed,
                the_condition_tells_how_far_back_the_log_reaches,
                a_tail_follows_commits_whole_and_in_order,
                a_tail_waits_and_wakes,
                a_cancelled_tail_loses_nothing,
                a_tail_from_the_middle_of_a_commit_goes_on_there,
                fault_e1_what_a_reader_missed_is_bounded_and_leaves_out_what_the_fold_needs,
                fault_e1_the_entry_that_so_many_follow_is_found,
                the_log_is_trimmed_by_count,
                the_log_is_trimmed_by_age,
                a_position_that_was_trimmed_is_lost,
                foreign_positions_are_not_held,
                the_end_of_a_log_that_was_trimmed_to_nothing_is_held,
                a_log_that_was_emptied_is_an_error_even_to_a_tail_that_waits,
                a_log_that_was_set_back_is_an_error_even_to_a_tail_that_waits,
                a_lease_has_one_holder_until_it_ends,
                a_lease_is_given_back_by_renewing_it_for_a_millisecond,
                c1_what_is_kept_for_1500_ms_is_there_for_that_long_and_no_longer,
                c7_what_is_kept_is_replaced_by_what_is_as_new_or_newer_and_by_nothing_older,
                c11_what_is_forgotten_is_gone,
                c14_what_is_too_large_is_not_kept,
                p6_every_instance_sees_what_all_say_of_themselves,
                p6_an_instance_that_says_nothing_more_is_gone_after_its_time,
            );
        }
    };
    (@tests $harness:ty: $($test:ident,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                $crate::journal_contract::$test::<$harness>().await;
            }
        )*
    };
}
pub(crate) use journal_contract;

const DEADLINE: Duration = Duration::from_secs(60);

fn key(name: &str) -> RecordKey {
    RecordKey::from(name)
}

fn silent() -> NewEntry {
    NewEntry { audience: Audience::Everyone, event: None, delta: None }
}

fn event(text: &str) -> NewEntry {
    let scope = Scope::project(ProjectId::parse("be9b3917-87e6-42a4-a549-2bc06a7a878f").unwrap());
    let event = Some(Bytes::from(format!("{{\"type\":\"{text}\"}}")));
    NewEntry { audience: Audience::Scope(scope), event, delta: Some(Bytes::from(format!("delta of {text}"))) }
}

fn write(name: &str, value: &'static str) -> (RecordKey, Option<Bytes>) {
    (key(name), Some(Bytes::from_static(value.as_bytes())))
}

fn commit(
    checks: &[(&str, Option<Version>)],
    writes: &[(RecordKey, Option<Bytes>)],
    entries: &[NewEntry],
) -> Commit {
    Commit {
        checks: checks.iter().map(|(name, version)| (key(name), *version)).collect(),
        writes: writes.to_vec(),
        entries: entries.to_vec(),
    }
}

async fn committed(journal: &Arc<dyn Journal>, commit: Commit) -> Vec<EntryId> {
    match journal.commit(commit).await.unwrap() {
        CommitOutcome::Committed(ids) => ids,
        CommitOutcome::Conflict(conflicts) => panic!("a conflict: {conflicts:?}"),
    }
}

/// Appends entries, one commit each, and returns their ids.
async fn append(journal: &Arc<dyn Journal>, texts: &[&str]) -> Vec<EntryId> {
    let mut ids = Vec::new();
    for text in texts {
        ids.extend(committed(journal, commit(&[], &[], &[event(text)])).await);
    }
    ids
}

async fn value(journal: &Arc<dyn Journal>, name: &str) -> Option<Versioned> {
    journal.read(&[key(name)]).await.unwrap().remove(0)
}

async fn tail(journal: &Arc<dyn Journal>, after: EntryId) -> Result<Vec<Entry>, JournalError> {
    tokio::time::timeout(DEADLINE, journal.tail(after, 100))
        .await
        .expect("a tail that should have had something")
}

async fn fresh<H: Harness>() -> (H, Arc<dyn Journal>) {
    let harness = H::with(LogRetention::DEFAULT).await;
    let journal = harness.journal();
    (harness, journal)
}

pub async fn a_commit_writes_and_appends_in_one_step<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let begin = append(&journal, &["begin"]).await[0];
    let ids = committed(
        &journal,
        commit(&[("a", None)], &[write("a", "1"), write("b", "2")], &[event("x"), event("y")]),
    )
    .await;
    assert_eq!(ids.len(), 2);
    let found = journal.read(&[key("b"), key("none"), key("a")]).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().value, "2");
    assert_eq!(found[1], None);
    assert_eq!(found[2].as_ref().unwrap().value, "1");
    let entries = tail(&journal, begin).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), ids);
    assert_eq!(
        entries.iter().map(|entry| entry.content.clone()).collect::<Vec<_>>(),
        [event("x"), event("y")]
    );
    assert_eq!(entries.iter().map(|entry| entry.ends_commit).collect::<Vec<_>>(), [false, true]);
}

pub async fn a_conflict_changes_nothing_and_returns_what_is_there<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let begin = append(&journal, &["begin"]).await[0];
    let version = committed(&journal, commit(&[], &[write("a", "1")], &[silent()])).await[0];
    let checks = [("a", None), ("b", Some(version)), ("c", None)];
    let conflicting = commit(&checks, &[write("a", "2"), write("c", "3")], &[event("x")]);
    let CommitOutcome::Conflict(conflicts) = journal.commit(conflicting).await.unwrap() else {
        panic!("no conflict")
    };
    let there = Versioned { version, value: Bytes::from_static(b"1") };
    assert_eq!(conflicts, [(key("a"), Some(there)), (key("b"), None)]);
    assert_eq!(value(&journal, "a").await.unwrap().value, "1");
    assert_eq!(value(&journal, "c").await, None);
    assert_eq!(tail(&journal, begin).await.unwrap().len(), 1, "nothing was appended");
}

pub async fn a_record_that_was_only_read_is_checked_too<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let first = committed(&journal, commit(&[], &[write("read", "1")], &[silent()])).await[0];
    committed(&journal, commit(&[], &[write("read", "2")], &[silent()])).await;
    let outcome =
        journal.commit(commit(&[("read", Some(first))], &[write("a", "1")], &[silent()])).await.unwrap();
    assert!(matches!(outcome, CommitOutcome::Conflict(_)));
    assert_eq!(value(&journal, "a").await, None);
}

pub async fn a_deleted_record_is_absent<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let version = committed(&journal, commit(&[], &[write("a", "1")], &[silent()])).await[0];
    committed(&journal, commit(&[("a", Some(version))], &[(key("a"), None)], &[silent()])).await;
    assert_eq!(value(&journal, "a").await, None);
    committed(&journal, commit(&[("a", None)], &[write("a", "2")], &[silent()])).await;
}

pub async fn of_racing_commits_on_one_version_one_wins<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let racers: Vec<_> = (0..16)
        .map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move {
                journal.commit(commit(&[("a", None)], &[write("a", "1")], &[silent()])).await
            })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        won += usize::from(matches!(racer.await.unwrap().unwrap(), CommitOutcome::Committed(_)));
    }
    assert_eq!(won, 1);
}

pub async fn commits_on_different_records_do_not_conflict<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let journal = journal.clone();
            let name = format!("item/{n}");
            tokio::spawn(async move {
                journal.commit(commit(&[(&name, None)], &[write(&name, "1")], &[silent()])).await
            })
        })
        .collect();
    for writer in writers {
        assert!(matches!(writer.await.unwrap().unwrap(), CommitOutcome::Committed(_)));
    }
}

pub async fn the_version_is_the_id_of_the_commits_last_entry<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let ids = committed(&journal, commit(&[], &[write("a", "1")], &[event("x"), event("y"), silent()])).await;
    assert_eq!(value(&journal, "a").await.unwrap().version, ids[2]);
}

pub async fn ids_strictly_increase_when_the_clock_steps_back<H: Harness>() {
    let (harness, journal) = fresh::<H>().await;
    let before = append(&journal, &["a", "b"]).await;
    harness.step_clock_back().await;
    let after = append(&journal, &["c", "d"]).await;
    let ids = [before, after].concat();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

pub async fn a_commit_without_an_entry_is_refused<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let refused = journal.commit(commit(&[], &[write("a", "1")], &[])).await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
    assert_eq!(value(&journal, "a").await, None);
}

pub async fn an_event_above_the_limit_is_refused<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let sized = |size| NewEntry { event: Some(Bytes::from("x".repeat(size))), ..silent() };
    let refused = journal.commit(commit(&[], &[], &[sized(EVENT_BYTES_MAX + 1)])).await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
    committed(&journal, commit(&[], &[], &[sized(EVENT_BYTES_MAX)])).await;
}

pub async fn a_record_above_the_limit_is_refused<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let sized = |size| commit(&[], &[(key("a"), Some(Bytes::from("x".repeat(size))))], &[silent()]);
    let refused = journal.commit(sized(RECORD_BYTES_MAX + 1)).await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
    committed(&journal, sized(RECORD_BYTES_MAX)).await;
}

pub async fn a_load_holds_everything_and_a_position_to_follow<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let last = committed(&journal, commit(&[], &[write("a", "1"), write("b", "2")], &[silent()])).await[0];
    let loaded = journal.load().await.unwrap();
    let mut names: Vec<_> =
        loaded.records.iter().map(|(key, record)| (key.to_string(), record.version)).collect();
    names.sort();
    assert_eq!(names, [("a".to_owned(), last), ("b".to_owned(), last)]);
    assert_eq!(loaded.position, last);
    let next = append(&journal, &["x"]).await[0];
    assert_eq!(tail(&journal, loaded.position).await.unwrap()[0].id, next);
}

pub async fn a_load_is_whole_once_what_was_written_meanwhile_is_followed<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    // So many that they are not read in one go. The delta of a commit says what it writes.
    let pair = |n: usize| [format!("item/{n}"), format!("item/{}", n + 1_000)];
    let of_pair = |n: usize, round: usize| {
        let value = Bytes::from(round.to_string());
        let delta = Some(Bytes::from(format!("{n}={round}")));
        Commit {
            checks: vec![],
            writes: pair(n).map(|name| (key(&name), Some(value.clone()))).into(),
            entries: vec![NewEntry { delta, ..silent() }],
        }
    };
    let writes = (0..1_000).flat_map(|n| of_pair(n, 0).writes).collect::<Vec<_>>();
    committed(&journal, commit(&[], &writes, &[silent()])).await;
    let is_over = AtomicBool::new(false);
    let write_on = async {
        for round in (1..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
            committed(&journal, of_pair(round * 7 % 1_000, round)).await;
        }
    };
    let load = async {
        let mut loads = Vec::new();
        for _ in 0..10 {
            loads.push(journal.load().await.unwrap());
        }
        is_over.store(true, Ordering::Relaxed);
        loads
    };
    let (loads, ()) = tokio::join!(load, write_on);
    for loaded in loads {
        assert!(loaded.position <= loaded.whole_at);
        let end = loaded.whole_at;
        assert!(loaded.records.iter().all(|(_, record)| record.version <= end), "newer than the end");
        let mut values: HashMap<_, _> =
            loaded.records.into_iter().map(|(key, record)| (key, record.value)).collect();
        let mut position = loaded.position;
        while position < end {
            let entries = journal.tail(position, 100).await.unwrap();
            for entry in entries.iter().filter(|entry| entry.id <= end) {
                let delta = entry.content.delta.clone().unwrap();
                let (n, value) = std::str::from_utf8(&delta).unwrap().split_once('=').unwrap();
                let value = Bytes::copy_from_slice(value.as_bytes());
                for name in pair(n.parse().unwrap()) {
                    values.insert(key(&name), value.clone());
                }
            }
            position = entries.last().unwrap().id;
        }
        // What one commit wrote is together, so this is how the journal was at one moment.
        for n in 0..1_000 {
            let [one, other] = pair(n).map(|name| values[&key(&name)].clone());
            assert_eq!(one, other, "a commit is there by half");
        }
    }
}

pub async fn the_condition_tells_how_far_back_the_log_reaches<H: Harness>() {
    let harness = H::with(LogRetention { entries_max: 3, ..LogRetention::DEFAULT }).await;
    let journal = harness.journal();
    let condition_with = async |oldest, entries| {
        let begin = Instant::now();
        loop {
            let condition = journal.condition();
            assert!(["memory", "redis"].contains(&condition.kind), "{condition:?}");
            if (condition.oldest, condition.entries) == (oldest, Some(entries)) {
                return;
            }
            assert!(begin.elapsed() < DEADLINE, "not {oldest:?}, {entries}: {condition:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    condition_with(None, 0).await;
    let ids = append(&journal, &["a", "b", "c", "d", "e"]).await;
    condition_with(Some(ids[2]), 3).await;
    harness.lose_everything().await;
    condition_with(None, 0).await;
}

pub async fn a_tail_follows_commits_whole_and_in_order<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let mut position = append(&journal, &["begin"]).await[0];
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.extend(committed(&journal, commit(&[], &[], &[event("x"), event("y"), event("z")])).await);
    }
    let mut found = Vec::new();
    while found.len() < expected.len() {
        let entries = journal.tail(position, 2).await.unwrap();
        assert!(entries.last().unwrap().ends_commit, "a commit was cut");
        assert!(entries.len() <= 4, "the limit of 2 and the rest of a commit");
        position = entries.last().unwrap().id;
        found.extend(entries.into_iter().map(|entry| entry.id));
    }
    assert_eq!(found, expected);
}

pub async fn a_tail_waits_and_wakes<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let begin = append(&journal, &["begin"]).await[0];
    let waiting = tokio::spawn({
        let journal = journal.clone();
        async move { tail(&journal, begin).await }
    });
    tokio::task::yield_now().await;
    let id = append(&journal, &["x"]).await[0];
    assert_eq!(waiting.await.unwrap().unwrap()[0].id, id);
}

pub async fn a_cancelled_tail_loses_nothing<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let mut position = append(&journal, &["begin"]).await[0];
    let mut expected = Vec::new();
    let mut found = Vec::new();
    for round in 0..20 {
        // The tail is given up while it waits, or in the very moment of the append.
        let cancelled =
            tokio::time::timeout(Duration::from_micros(round * 50), journal.tail(position, 100)).await;
        if let Ok(entries) = cancelled {
            let entries = entries.unwrap();
            position = entries.last().unwrap().id;
            found.extend(entries.into_iter().map(|entry| entry.id));
        }
        expected.extend(append(&journal, &["x"]).await);
    }
    while found.len() < expected.len() {
        let entries = tail(&journal, position).await.unwrap();
        position = entries.last().unwrap().id;
        found.extend(entries.into_iter().map(|entry| entry.id));
    }
    assert_eq!(found, expected);
}

pub async fn a_tail_from_the_middle_of_a_commit_goes_on_there<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let ids = committed(&journal, commit(&[], &[], &[event("x"), event("y"), event("z")])).await;
    assert!(journal.holds(ids[0]).await.unwrap());
    let entries = tail(&journal, ids[0]).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), ids[1..]);
}

pub async fn fault_e1_what_a_reader_missed_is_bounded_and_leaves_out_what_the_fold_needs<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let begin = append(&journal, &["begin"]).await[0];
    let sized = |size| NewEntry { event: Some(Bytes::from("x".repeat(size))), ..event("") };
    let mut ids =
        committed(&journal, commit(&[], &[], &[sized(300), silent(), sized(300), sized(300)])).await;
    for _ in 0..40 {
        ids.extend(committed(&journal, commit(&[], &[], &[sized(10)])).await);
    }
    let expected = tail(&journal, begin).await.unwrap();
    let ids_of = |entries: &[Entry]| entries.iter().map(|entry| entry.id).collect::<Vec<_>>();
    let missed = async |after, bytes_max| journal.missed(after, bytes_max).await.unwrap();
    let first = missed(begin, 600).await;
    assert_eq!(ids_of(&first), ids[..3], "a part of a commit is enough");
    for (missed, whole) in first.iter().zip(&expected) {
        let content = NewEntry { delta: None, ..whole.content.clone() };
        assert_eq!(*missed, Entry { content, ..whole.clone() });
    }
    assert_eq!(ids_of(&missed(begin, 1).await), ids[..1], "one is given however large it is");
    assert_eq!(ids_of(&missed(ids[2], 100_000).await), ids[3..]);
    assert_eq!(missed(*ids.last().unwrap(), 1).await, []);
    let foreign = EntryId { ms: begin.ms, seq: begin.seq + 1_000_000 };
    assert_eq!(journal.missed(foreign, 1).await, Err(JournalError::Lost));
    committed(&journal, commit(&[], &[], &vec![silent(); 1_000])).await;
    let silent = missed(*ids.last().unwrap(), 1).await.len();
    assert!((100..1_000).contains(&silent), "{silent} are looked through in one step");
}

pub async fn fault_e1_the_entry_that_so_many_follow_is_found<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    assert_eq!(journal.entry_before(1).await, Ok(EntryId::ZERO));
    let ids = committed(&journal, commit(&[], &[], &vec![silent(); 450])).await;
    for entries in [1, 99, 100, 101, 250, 449] {
        assert_eq!(journal.entry_before(entries).await, Ok(ids[449 - entries]), "{entries}");
    }
    for entries in [450, 500, 10_000] {
        assert_eq!(journal.entry_before(entries).await, Ok(EntryId::ZERO), "{entries}");
    }
}

pub async fn the_log_is_trimmed_by_count<H: Harness>() {
    let harness = H::with(LogRetention { entries_max: 3, ..LogRetention::DEFAULT }).await;
    let journal = harness.journal();
    let ids = append(&journal, &["a", "b", "c", "d", "e"]).await;
    let mut held = Vec::new();
    for id in &ids {
        held.push(journal.holds(*id).await.unwrap());
    }
    assert_eq!(held, [false, false, true, true, true]);
}

pub async fn the_log_is_trimmed_by_age<H: Harness>() {
    let age_max = Duration::from_millis(500);
    let harness = H::with(LogRetention { age_max, ..LogRetention::DEFAULT }).await;
    let journal = harness.journal();
    let old = append(&journal, &["a", "b"]).await;
    harness.let_pass(age_max + Duration::from_millis(50)).await;
    let new = append(&journal, &["c"]).await[0];
    assert!(!journal.holds(old[0]).await.unwrap() && journal.holds(new).await.unwrap());
    // However long nothing happened, whoever has followed the log goes on.
    assert!(journal.holds(old[1]).await.unwrap());
    assert_eq!(tail(&journal, old[1]).await.unwrap()[0].id, new);
    harness.let_pass(age_max + Duration::from_millis(50)).await;
    let newer = append(&journal, &["d"]).await[0];
    assert!(!journal.holds(old[1]).await.unwrap());
    assert_eq!(tail(&journal, new).await.unwrap()[0].id, newer);
}

pub async fn a_position_that_was_trimmed_is_lost<H: Harness>() {
    let harness = H::with(LogRetention { entries_max: 2, ..LogRetention::DEFAULT }).await;
    let journal = harness.journal();
    let ids = append(&journal, &["a", "b", "c", "d"]).await;
    assert_eq!(tail(&journal, ids[0]).await, Err(JournalError::Lost));
    assert_eq!(
        tail(&journal, ids[1]).await,
        Err(JournalError::Lost),
        "the entry before the oldest is not held either"
    );
    assert_eq!(tail(&journal, ids[2]).await.unwrap()[0].id, ids[3]);
}

pub async fn foreign_positions_are_not_held<H: Harness>() {
    let (_harness, journal) = fresh::<H>().await;
    let id = append(&journal, &["a", "b"]).await[0];
    let foreign = [
        EntryId::ZERO,
        EntryId { ms: id.ms - 1, seq: 0 },
        EntryId { ms: id.ms, seq: id.seq + 1_000 },
        EntryId { ms: id.ms + 86_400_000, seq: 0 },
        EntryId { ms: u64::MAX, seq: u64::MAX },
    ];
    for position in foreign {
        assert!(!journal.holds(position).await.unwrap(), "{position}");
        assert_eq!(tail(&journal, position).await, Err(JournalError::Lost), "{position}");
    }
}

pub async fn the_end_of_a_log_that_was_trimmed_to_nothing_is_held<H: Harness>() {
    let harness = H::with(LogRetention { entries_max: 1, ..LogRetention::DEFAULT }).await;
    let journal = harness.journal();
    let ids = append(&journal, &["a", "b"]).await;
    assert!(journal.holds(ids[1]).await.unwrap());
    assert!(!journal.holds(ids[0]).await.unwrap());
}

pub async fn a_log_that_was_emptied_is_an_error_even_to_a_tail_that_waits<H: Harness>() {
    let (harness, journal) = fresh::<H>().await;
    let id = append(&journal, &["a"]).await[0];
    let waiting = tokio::spawn({
        let journal = journal.clone();
        async move { tail(&journal, id).await }
    });
    tokio::task::yield_now().await;
    harness.lose_everything().await;
    assert_eq!(waiting.await.unwrap(), Err(JournalError::Lost));
    assert_eq!(tail(&journal, id).await, Err(JournalError::Lost));
    assert!(journal.load().await.unwrap().records.is_empty());
}

pub async fn a_log_that_was_set_back_is_an_error_even_to_a_tail_that_waits<H: Harness>() {
    let (harness, journal) = fresh::<H>().await;
    let ids = append(&journal, &["a", "b", "c"]).await;
    let waiting = tokio::spawn({
        let (journal, end) = (journal.clone(), ids[2]);
        async move { tail(&journal, end).await }
    });
    tokio::task::yield_now().await;
    harness.set_back_to(ids[0]).await;
    assert_eq!(waiting.await.unwrap(), Err(JournalError::Lost));
    assert!(journal.holds(ids[0]).await.unwrap() && !journal.holds(ids[1]).await.unwrap());
}

pub async fn a_lease_has_one_holder_until_it_ends<H: Harness>() {
    let (harness, _) = fresh::<H>().await;
    let time = Duration::from_millis(1_500);
    let lease =
        async |name: &str, holder: &str| harness.store().leases.lease(name, holder, time).await.unwrap();
    assert!(lease("sync", "one").await);
    assert!(!lease("sync", "two").await);
    assert!(lease("other", "two").await);
    assert!(lease("sync", "one").await, "the holder renews it");
    harness.let_pass(time + Duration::from_millis(50)).await;
    assert!(lease("sync", "two").await);
    assert!(!lease("sync", "one").await);
}

pub async fn a_lease_is_given_back_by_renewing_it_for_a_millisecond<H: Harness>() {
    let (harness, _) = fresh::<H>().await;
    assert!(harness.store().leases.lease("sync", "one", Duration::from_secs(60)).await.unwrap());
    assert!(harness.store().leases.lease("sync", "one", Duration::ZERO).await.unwrap());
    harness.let_pass(Duration::from_millis(5)).await;
    assert!(harness.store().leases.lease("sync", "two", Duration::from_secs(60)).await.unwrap());
}

/// A list as it is kept: at least as new as `(ms, seq)`.
fn list(ms: u64, seq: u64, value: &'static [u8]) -> Versioned {
    Versioned { version: EntryId { ms, seq }, value: Bytes::from_static(value) }
}

pub async fn c1_what_is_kept_for_1500_ms_is_there_for_that_long_and_no_longer<H: Harness>() {
    let (harness, _) = fresh::<H>().await;
    assert_eq!(harness.store().values.get("projects").await.unwrap(), None);
    // Neither a whole number of seconds nor a text: `\0`, line breaks and what is no UTF-8 come back as they were.
    let value = list(5, 1, b"1 2\n\0\xff");
    let begin = Instant::now();
    assert!(
        harness
            .store()
            .values
            .put("projects", value.clone(), Duration::from_micros(1_500_900))
            .await
            .unwrap()
    );
    assert!(harness.store().values.put("teams:x", list(5, 1, b""), Duration::from_secs(60)).await.unwrap());
    harness.let_pass(Duration::from_millis(400)).await;
    let kept = harness.store().values.get("projects").await.unwrap();
    // A machine that is slow may have taken the whole time until here.
    assert!(kept == Some(value) || begin.elapsed() >= Duration::from_millis(1_500), "{kept:?}");
    harness.let_pass(Duration::from_millis(1_150)).await;
    assert_eq!(harness.store().values.get("projects").await.unwrap(), None);
    assert_eq!(harness.store().values.get("teams:x").await.unwrap(), Some(list(5, 1, b"")));
}

pub async fn c7_what_is_kept_is_replaced_by_what_is_as_new_or_newer_and_by_nothing_older<H: Harness>() {
    let (harness, _) = fresh::<H>().await;
    let keep = async |value: Versioned| {
        let is_kept = harness.store().values.put("projects", value, Duration::from_secs(60)).await.unwrap();
        (is_kept, harness.store().values.get("projects").await.unwrap().unwrap().value)
    };
    assert_eq!(keep(list(9, 10, b"first")).await, (true, "first".into()));
    assert_eq!(keep(list(9, 10, b"as new")).await, (true, "as new".into()));
    for older in [list(9, 9, b"older"), list(8, 99, b"older"), list(0, 0, b"older")] {
        assert_eq!(keep(older).await, (false, "as new".into()));
    }
    assert_eq!(keep(list(9, 11, b"newer")).await, (true, "newer".into()));
    assert_eq!(keep(list(10, 0, b"newest")).await, (true, "newest".into()));
}

pub async fn c11_what_is_forgotten_is_gone<H: Harness>() {
    let (harness, _) = fresh::<H>().await;
    harness.store().values.delete("projects").await.unwrap();
    assert!(harness.store().values.put("projects", list(9, 0, b"x"), Duration::from_secs(60)).await.unwrap());
    harness.store().values.delete("projects").await.unwrap();
    assert_eq!(harness.store().values.get("projects").await.unwrap(), None);
    assert!(harness.store().values.put("projects", list(1, 0, b"y"), Duration::from_secs(60)).await.unwrap());
}

pub async fn c14_what_is_too_large_is_not_kept<H: Harness>() {
    let (harness, _) = fresh::<H>().await;
    let sized = |size| Versioned { value: Bytes::from(vec![b'x'; size]), ..list(1, 0, b"") };
    let refused =
        harness.store().values.put("projects", sized(EXPIRING_BYTES_MAX + 1), Duration::from_secs(60)).await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
    assert_eq!(harness.store().values.get("projects").await.unwrap(), None);
    assert!(
        harness
            .store()
            .values
            .put("projects", sized(EXPIRING_BYTES_MAX), Duration::from_secs(60))
            .await
            .unwrap()
    );
    assert_eq!(
        harness.store().values.get("projects").await.unwrap().unwrap().value.len(),
        EXPIRING_BYTES_MAX
    );
}

pub async fn p6_every_instance_sees_what_all_say_of_themselves<H: Harness>() {
    let (harness, _) = fresh::<H>().await;
    let report = async |instance: &str, report: &'static [u8]| {
        harness
            .store()
            .reports
            .report(instance, Bytes::from_static(report), Duration::from_secs(30))
            .await
            .unwrap()
    };
    let said = |instance: &str, report: &'static [u8]| (instance.to_owned(), Bytes::from_static(report));
    assert_eq!(report("two", b"2").await, [said("two", b"2")]);
    assert_eq!(report("one", b"1 \n\0\xff").await, [said("one", b"1 \n\0\xff"), said("two", b"2")]);
    assert_eq!(report("two", b"").await, [said("one", b"1 \n\0\xff"), said("two", b"")]);
    let large = Bytes::from(vec![b'x'; REPORT_BYTES_MAX + 1]);
    let refused = harness.store().reports.report("three", large, Duration::from_secs(30)).await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
    assert_eq!(report("one", b"1").await.len(), 2);
}

pub async fn p6_an_instance_that_says_nothing_more_is_gone_after_its_time<H: Harness>() {
    let (harness, _) = fresh::<H>().await;
    let report = async |instance: &str, ms: u64| {
        let expiry = Duration::from_millis(ms);
        let reports =
            harness.store().reports.report(instance, Bytes::from_static(b"x"), expiry).await.unwrap();
        reports.into_iter().map(|(instance, _)| instance).collect::<Vec<_>>()
    };
    report("dies", 1_500).await;
    assert_eq!(report("lives", 60_000).await, ["dies", "lives"]);
    harness.let_pass(Duration::from_millis(100)).await;
    assert_eq!(report("lives", 60_000).await, ["dies", "lives"]);
    harness.let_pass(Duration::from_millis(1_450)).await;
    assert_eq!(report("lives", 60_000).await, ["lives"]);
    assert_eq!(report("lives", 600).await, ["lives"]);
    harness.let_pass(Duration::from_millis(650)).await;
    assert_eq!(report("comes", 600).await, ["comes"]);
}
