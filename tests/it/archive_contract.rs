//! What every archive must do, written once, over memory and over a real Azurite; then what only tables can do wrong.

use std::sync::Arc;

use boardcast::archive::{Archive, ArchiveError, ArchivedValue, Deposit, FinishedSprint};
use boardcast::domain::amount::Hundredths;
use boardcast::domain::metrics::threshold::AnnouncedValue;
use boardcast::domain::owner::Owner;
use boardcast::domain::record::archived_board::About;
use boardcast::domain::scope::{CollectionId, Scope};
use boardcast::domain::time::Timestamp;
use boardcast::journal::EntryId;

use crate::support::azurite::Azurite;
use crate::support::hooks::{observation, updated};
use crate::support::memory_archive::MemoryArchive;
use crate::support::team::{board, catalogue};

/// The views that two instances of one owner and an instance of another owner have of one archive.
type Views = [Arc<dyn Archive>; 3];

async fn in_memory() -> Views {
    let archive = MemoryArchive::default();
    let foreign = Arc::new(archive.of("another"));
    let archive = Arc::new(archive);
    [archive.clone(), archive, foreign]
}

async fn on_tables() -> Views {
    let (azurite, prefix) = (Azurite::shared().await, Azurite::fresh_prefix());
    let foreign = azurite.archive_of(&prefix, Owner::demo(None));
    [azurite.archive(&prefix), azurite.archive(&prefix), foreign]
}

/// Declares each check as a test of each archive.
macro_rules! archive_contract {
    ($($check:ident,)*) => {
        mod memory { $(#[tokio::test] async fn $check() { super::$check(super::in_memory().await).await; })* }
        mod table { $(#[tokio::test] async fn $check() { super::$check(super::on_tables().await).await; })* }
    };
}

archive_contract! {
    an_empty_archive_answers_nothing,
    d12_of_one_log_the_later_value_stays_whoever_writes_it_and_when,
    d12_a_value_of_another_log_is_replaced,
    d12_of_racing_writers_the_latest_stays,
    d13_values_of_different_boards_and_metrics_stand_beside_each_other,
    fault_e7_values_that_were_true_last_before_a_moment_are_dropped,
    a_finished_sprint_stays_as_it_was_kept_first,
    a_deposit_comes_back_as_it_was,
    deposits_come_back_oldest_first_and_stay_until_they_are_removed,
    fault_a5_deposits_are_read_page_by_page_and_set_aside,
    fault_a1_what_one_owner_keeps_no_other_sees_or_deletes,
    x3_what_is_written_to_see_whether_it_can_be_is_left_for_nobody,
}

fn value(scope: Scope, metric: &str, seq: u64, number: u32) -> ArchivedValue {
    ArchivedValue {
        scope,
        metric: metric.into(),
        value: AnnouncedValue::Number(Hundredths::whole(number)),
        unit: None,
        position: EntryId { ms: 1_795_608_000_000, seq },
        epoch: "epoch 1".into(),
        as_of: Timestamp::from_epoch_ms(1_795_608_000_000),
        about: Some(About::of(scope, Some(&"Fabrikam".into()), Some(&catalogue()))),
    }
}

fn deposit(id: u32, ms: i64) -> Deposit {
    Deposit {
        observation: observation(&updated(id, 1, "New")),
        received_at: Timestamp::from_epoch_ms(ms),
        collection: None,
        trace_id: None,
        epoch: None,
    }
}

async fn known(archive: &Arc<dyn Archive>) -> Vec<ArchivedValue> {
    let mut values = archive.saved_values().await.unwrap();
    values.sort_by_key(|value| (value.scope, value.metric.clone()));
    values
}

async fn an_empty_archive_answers_nothing([archive, ..]: Views) {
    assert_eq!(archive.saved_values().await, Ok(vec![]));
    assert_eq!(archive.waiting(None, 10).await, Ok(vec![]));
    assert_eq!(archive.finished_sprint(board(1)).await, Ok(None));
    assert_eq!(archive.save_values(&[]).await, Ok(()));
}

async fn d12_of_one_log_the_later_value_stays_whoever_writes_it_and_when([one, other, _]: Views) {
    let of = |seq, number| value(board(1), "points.total", seq, number);
    one.save_values(&[of(9, 5)]).await.unwrap();
    other.save_values(&[of(10, 8)]).await.unwrap();
    one.save_values(&[of(9, 5)]).await.unwrap();
    assert_eq!(known(&other).await, [of(10, 8)]);
    let fresher = ArchivedValue { as_of: Timestamp::from_epoch_ms(1_795_608_000_001), ..of(10, 8) };
    one.save_values(std::slice::from_ref(&fresher)).await.unwrap();
    other.save_values(&[of(10, 8)]).await.unwrap();
    assert_eq!(known(&one).await, [fresher], "when it was last found true goes forward, too");
}

async fn d12_a_value_of_another_log_is_replaced([one, other, _]: Views) {
    let of_old_log = value(board(1), "points.total", 9, 5);
    let of_new_log = ArchivedValue { epoch: "epoch 2".into(), ..value(board(1), "points.total", 1, 8) };
    one.save_values(&[of_old_log]).await.unwrap();
    other.save_values(std::slice::from_ref(&of_new_log)).await.unwrap();
    assert_eq!(known(&one).await, [of_new_log]);
}

async fn d12_of_racing_writers_the_latest_stays([one, other, _]: Views) {
    // In the first round there is no row yet, then there is one. The latest is sent first, so that whoever writes
    // without looking again puts an older value over it.
    for round in 0..5_u64 {
        let writers = (1..=6_u32).rev().map(|number| {
            let archive = if number % 2 == 0 { one.clone() } else { other.clone() };
            // Whoever gives up because others came first is one of those whose value is not the latest.
            tokio::spawn(async move {
                let value = value(board(1), "points.total", round * 10 + u64::from(number), number);
                let written = archive.save_values(&[value]).await;
                assert!(number < 6 || written.is_ok(), "{written:?}");
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(known(&one).await, [value(board(1), "points.total", round * 10 + 6, 6)]);
    }
}

async fn d13_values_of_different_boards_and_metrics_stand_beside_each_other([archive, ..]: Views) {
    let project = Scope::project(board(1).project);
    let values = [
        value(project, "items.total", 1, 1),
        value(Scope { team: board(1).team, ..project }, "items.total", 2, 2),
        value(board(1), "items.total", 3, 3),
        value(board(1), "odd/\\#?%'|\u{1}ü", 4, 4),
        value(board(1), "points.total", 5, 5),
        value(board(2), "points.total", 6, 6),
    ];
    archive.save_values(&values).await.unwrap();
    assert_eq!(known(&archive).await, values);
}

async fn fault_e7_values_that_were_true_last_before_a_moment_are_dropped([one, other, foreign]: Views) {
    let at = |board_number, metric, as_of| ArchivedValue {
        as_of: Timestamp::from_epoch_ms(as_of),
        ..value(board(board_number), metric, 1, 5)
    };
    let kept = [at(1, "points.done", 20), at(2, "points.total", 21)];
    let old: Vec<_> = (3..=9).map(|number| at(number, "points.total", 19)).collect();
    one.save_values(&[&kept[..], &old[..]].concat()).await.unwrap();
    foreign.save_values(&old).await.unwrap();
    assert_eq!(other.drop_values(Timestamp::from_epoch_ms(20)).await, Ok(old.len()));
    assert_eq!(other.drop_values(Timestamp::from_epoch_ms(20)).await, Ok(0));
    assert_eq!(known(&one).await, kept);
    assert_eq!(known(&foreign).await.len(), old.len(), "what is another owner's is not dropped");
}

async fn a_finished_sprint_stays_as_it_was_kept_first([one, other, foreign]: Views) {
    let finished = |number: u8, completed: u32| FinishedSprint {
        scope: board(number),
        frozen_at: Timestamp::from_epoch_ms(1_795_608_000_000),
        definition: 1,
        // More than one property of an entity holds.
        board: serde_json::json!({ "completed": completed, "text": "x".repeat(100_000) }),
    };
    let (first, second) = (finished(1, 20), finished(2, 25));
    for sprint in [&first, &second, &finished(1, 21)] {
        one.keep_sprint(sprint).await.unwrap();
    }
    assert_eq!(other.finished_sprint(board(1)).await, Ok(Some(first.clone())));
    assert_eq!(other.finished_sprint(board(2)).await, Ok(Some(second)));
    assert_eq!(other.finished_sprint(board(3)).await, Ok(None));
    assert_eq!(foreign.finished_sprint(board(1)).await, Ok(None));
    let nowhere = FinishedSprint { scope: Scope { sprint: None, ..board(1) }, ..first };
    assert!(matches!(one.keep_sprint(&nowhere).await, Err(ArchiveError::Refused(_))));
}

async fn a_deposit_comes_back_as_it_was([archive, ..]: Views) {
    let mut payload = updated(13, 7, "Active");
    payload["resource"]["revision"]["fields"]["System.Title"] = "Grüße aus \"Köln\" 𝄞 \\".into();
    let deposit = Deposit {
        observation: observation(&payload),
        received_at: Timestamp::from_epoch_ms(1_795_608_000_123),
        collection: CollectionId::parse("c12d0eb8-e382-443b-9f9c-c52cba5014c2"),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
        epoch: Some("epoch 1".into()),
    };
    let id = archive.deposit(&deposit).await.unwrap();
    assert_eq!(archive.waiting(None, 10).await, Ok(vec![(id, deposit)]));
}

async fn deposits_come_back_oldest_first_and_stay_until_they_are_removed([one, other, _]: Views) {
    for (id, ms) in [(3, 30), (1, 9), (2, 10)] {
        other.deposit(&deposit(id, ms)).await.unwrap();
    }
    let waiting = one.waiting(None, 2).await.unwrap();
    assert_eq!(waiting.iter().map(|(_, it)| it.clone()).collect::<Vec<_>>(), [deposit(1, 9), deposit(2, 10)]);
    assert_eq!(other.waiting(None, 2).await.unwrap(), waiting, "to read is not to take");
    one.remove(&waiting[0].0).await.unwrap();
    other.remove(&waiting[0].0).await.unwrap();
    let left = one.waiting(None, 10).await.unwrap();
    assert_eq!(left.into_iter().map(|(_, it)| it).collect::<Vec<_>>(), [deposit(2, 10), deposit(3, 30)]);
}

async fn fault_a5_deposits_are_read_page_by_page_and_set_aside([archive, ..]: Views) {
    for n in 1..=3 {
        archive.deposit(&deposit(n, n.into())).await.unwrap();
    }
    let page = archive.waiting(None, 2).await.unwrap();
    let rest = archive.waiting(Some(&page[1].0), 2).await.unwrap();
    assert_eq!(rest.iter().map(|(_, it)| it.clone()).collect::<Vec<_>>(), [deposit(3, 3)]);
    archive.set_aside(&page[0].0, &page[0].1).await.unwrap();
    let left = archive.waiting(None, 9).await.unwrap();
    assert_eq!(left.into_iter().map(|(_, it)| it).collect::<Vec<_>>(), [deposit(2, 2), deposit(3, 3)]);
}

async fn fault_a1_what_one_owner_keeps_no_other_sees_or_deletes([archive, _, foreign]: Views) {
    let ours = value(board(1), "points.total", 1, 8);
    archive.save_values(std::slice::from_ref(&ours)).await.unwrap();
    let id = archive.deposit(&deposit(1, 1)).await.unwrap();
    assert_eq!((foreign.saved_values().await, foreign.waiting(None, 9).await), (Ok(vec![]), Ok(vec![])));
    let theirs = value(board(1), "points.total", 9, 13);
    foreign.save_values(std::slice::from_ref(&theirs)).await.unwrap();
    foreign.remove(&id).await.unwrap();
    assert_eq!((known(&archive).await, known(&foreign).await), (vec![ours], vec![theirs]));
    assert_eq!(archive.waiting(None, 9).await, Ok(vec![(id, deposit(1, 1))]));
}

async fn x3_what_is_written_to_see_whether_it_can_be_is_left_for_nobody([archive, _, foreign]: Views) {
    let ours = value(board(1), "points.total", 1, 8);
    archive.save_values(std::slice::from_ref(&ours)).await.unwrap();
    let (one, other) = tokio::join!(archive.probe(), foreign.probe());
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert_eq!(known(&archive).await, vec![ours]);
    assert_eq!((foreign.saved_values().await, archive.waiting(None, 9).await), (Ok(vec![]), Ok(vec![])));
}

#[tokio::test]
async fn fault_a1_an_inbox_of_the_first_form_is_refused_with_what_to_do() {
    let (azurite, prefix) = (Azurite::shared().await, Azurite::fresh_prefix());
    azurite.archive(&prefix).waiting(None, 1).await.unwrap();
    azurite.plant(&format!("{prefix}inbox"), "waiting", "000000000000001-0", "{}").await;
    let error = azurite.archive(&prefix).waiting(None, 1).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Refused(_)), "{error}");
    assert!(error.to_string().contains("older boardcast kept"), "{error}");
}

#[tokio::test]
async fn a_long_observation_is_split_and_more_than_a_row_holds_is_refused() {
    let [archive, ..] = on_tables().await;
    let named = |length: usize| {
        let mut deposit = deposit(1, 1);
        // Azurite reads a long body in pieces, and breaks what is more than one byte where two of them meet.
        deposit.trace_id = Some("x".repeat(length).into());
        deposit
    };
    archive.deposit(&named(200_000)).await.unwrap();
    assert!(archive.waiting(None, 1).await.unwrap()[0].1 == named(200_000), "it came back otherwise");
    assert!(matches!(archive.deposit(&named(600_000)).await, Err(ArchiveError::Refused(_))));
}

#[tokio::test]
async fn more_rows_than_a_page_holds_are_all_read() {
    let [archive, ..] = on_tables().await;
    let values: Vec<_> =
        (0..1_100_u32).map(|n| value(board(1), &format!("metric.{n:04}"), u64::from(n), n)).collect();
    // A few at a time: what one call writes has a deadline, which a slow machine reaches.
    for some in values.chunks(200) {
        archive.save_values(some).await.unwrap();
    }
    assert_eq!(known(&archive).await, values);
}

#[tokio::test]
async fn rows_that_nobody_here_can_read_stand_in_nobodys_way_and_stay() {
    let azurite = Azurite::shared().await;
    let prefix = Azurite::fresh_prefix();
    let archive = azurite.archive(&prefix);
    archive.deposit(&deposit(1, 2)).await.unwrap();
    let table = format!("{prefix}inbox");
    let waiting = format!("{}|waiting", Owner::hooks_alone(None).key());
    for n in 0..5 {
        azurite.plant(&table, &waiting, &format!("{:015}-{n}", 1), "{\"of\":\"a newer version\"}").await;
    }
    let waiting = archive.waiting(None, 1).await.unwrap();
    assert_eq!(waiting.iter().map(|(_, deposit)| deposit.clone()).collect::<Vec<_>>(), [deposit(1, 2)]);
    archive.remove(&waiting[0].0).await.unwrap();
    assert_eq!(archive.waiting(None, 10).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_told_without_the_key() {
    let wrong = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==";
    let archive = Azurite::shared().await.archive_with("wrong", wrong);
    let error = archive.waiting(None, 1).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ArchiveError::Refused(_)) && text.contains("403"), "{text}");
    assert!(!text.contains(wrong) && !text.contains("SharedKey"), "{text}");
    assert!(matches!(archive.probe().await, Err(ArchiveError::Refused(_))));
}

#[tokio::test]
async fn an_account_that_is_away_is_unavailable() {
    let mut azurite = Azurite::start().await;
    let archive = azurite.archive("away");
    archive.deposit(&deposit(1, 1)).await.unwrap();
    azurite.kill();
    for result in
        [archive.waiting(None, 1).await.map(|_| ()), archive.deposit(&deposit(2, 2)).await.map(|_| ())]
    {
        assert!(matches!(result, Err(ArchiveError::Unavailable(_))), "{result:?}");
    }
}
