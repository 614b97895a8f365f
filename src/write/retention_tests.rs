//! Old items leave, by one commit that every fold follows; what a sprint needs, or what changes meanwhile, stays.

use std::sync::Arc;

use super::*;
use crate::domain::owner::Owner;
use crate::domain::record::last_announced::{Announced, AnnouncedRecord};
use crate::domain::scope::{SprintId, TeamKey};
use crate::domain::sprint::catalogue::tests::{catalogue, other_sprint_id, sprint_id};
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::sprint::teams::CurrentSprint;
use crate::domain::sprint::work_item::WorkItem;
use crate::domain::testing::{item, other_project, project};
use crate::journal::memory::MemoryJournal;
use crate::journal::{EntryId, Journal as _, LogRetention, Store};
use crate::platform::clock::Clock;

const DAY_MS: i64 = 24 * 60 * 60_000;

/// How many items there are beside those of a test.
const OTHERS: u32 = 20;

struct Fixture {
    journal: Arc<MemoryJournal>,
    retention: Retention,
    begin: EntryId,
}

impl Fixture {
    /// Boards of that team, if there is one, with these items; the clock says so many days after they changed last.
    async fn new(team: Option<&Catalogue>, items: &[WorkItem], now: Timestamp) -> Self {
        let clock: Clock = Arc::new(move || now);
        let retention = LogRetention { age_max: Duration::from_hours(1_000_000), ..LogRetention::DEFAULT };
        let journal = Arc::new(MemoryJournal::new(clock.clone(), retention));
        let empty = Projection::default();
        let mut commit = CommitBuilder::new();
        // Of few items a tenth is none: these have only just changed.
        let rev = u32::try_from(now.epoch_ms() / 1_000).unwrap();
        let others = (0..OTHERS)
            .map(|number| item(1_000 + number, rev, |facts| facts.iteration_path = "Fabrikam".into()));
        for item in items.iter().cloned().chain(others) {
            commit.put(Change::item(item.clone(), item), None);
        }
        if let Some(team) = team {
            commit.put_team(&empty, team.clone());
            let sprint = Some(sprint_id());
            commit.put_current_sprint(&empty, CurrentSprint { team: team.key(), sprint });
        }
        journal.commit(commit.build(Audience::Everyone).unwrap()).await.unwrap();
        let instance = Instance::new(&Store::of(journal.clone()), Owner::hooks_alone(None), clock, false);
        instance.fold.reset(Projection::load(&*journal).await.unwrap().0);
        let begin = instance.fold.position().unwrap();
        Self { journal, retention: Retention::new(instance), begin }
    }

    /// Lets items leave; returns how many left.
    async fn pass(&self) -> usize {
        self.following(async || self.retention.pass().await.unwrap()).await
    }

    /// Lets boards leave; returns how many left.
    async fn drop_boards(&self) -> usize {
        let end = self.journal.load().await.unwrap().position;
        let act = async || {
            self.retention.instance.fold.passed(end).await;
            self.retention.drop_boards().await.unwrap()
        };
        self.following(act).await
    }

    /// Does that while the log is followed from its begin.
    async fn following<T>(&self, act: impl AsyncFnOnce() -> T) -> T {
        let fold = self.retention.instance.fold.clone();
        let (journal, begin) = (self.journal.clone(), fold.position().unwrap());
        let relay = tokio::spawn(async move {
            let mut position = begin;
            loop {
                let entries = journal.tail(position, 100).await.unwrap();
                fold.apply(&entries);
                position = entries.last().unwrap().id;
            }
        });
        let result = act().await;
        relay.abort();
        result
    }

    fn numbers(&self) -> Vec<u32> {
        let state = self.retention.instance.fold.read();
        let numbers = state.items().map(|known| known.item.id.number());
        let mut numbers: Vec<u32> = numbers.filter(|number| *number < 1_000).collect();
        numbers.sort_unstable();
        numbers
    }
}

fn days_after_change(item: &WorkItem, days: i64) -> Timestamp {
    Timestamp::from_epoch_ms(item.present().claim.changed_at.epoch_ms() + days * DAY_MS)
}

/// A team with six sprints of a day each so many days after the first one, and the moment at which they are over.
fn six_sprints_later(team: &Catalogue, days: i64) -> (Catalogue, Timestamp) {
    let day = team.sprint(sprint_id()).unwrap().finish.unwrap() + chrono::TimeDelta::days(days);
    let mut later = team.clone();
    later.iterations.extend((0..6).map(|number| Iteration {
        id: SprintId::parse(&format!("00000000-0000-4000-8000-00000000000{number}")).unwrap(),
        paths: vec![format!("Fabrikam\\Day {number}").into()],
        name: "Day".into(),
        start: Some(day),
        finish: Some(day),
    }));
    let now = later.calendar().end_of(day);
    (later, now)
}

#[tokio::test]
async fn an_item_that_changed_last_over_90_days_ago_leaves_and_readers_are_told() {
    let (old, deleted) = (item(13, 1, |_| {}), item(14, 1, |facts| facts.deleted = true));
    let now = days_after_change(&old, 91);
    let recent = item(15, u32::try_from(now.epoch_ms() / 1000 - 60).unwrap(), |_| {});
    let fixture = Fixture::new(None, &[old, deleted, recent], now).await;
    assert_eq!(fixture.pass().await, 2);
    assert_eq!(fixture.numbers(), [15]);
    let fresh = Projection::load(&*fixture.journal).await.unwrap().0;
    assert_eq!(fresh.items_len(), 1 + OTHERS as usize, "the records are gone too");
    let entries = fixture.journal.tail(fixture.begin, 10).await.unwrap();
    let events: Vec<_> = entries.iter().filter_map(|entry| entry.content.event.as_ref()).collect();
    let event: serde_json::Value = serde_json::from_slice(events[0]).unwrap();
    assert_eq!(
        (events.len(), &event["removed"]),
        (1, &serde_json::json!([13])),
        "a deleted one is on no board"
    );
    assert_eq!(fixture.pass().await, 0);
}

#[tokio::test]
async fn an_item_leaves_the_moment_after_90_days_and_not_before() {
    let old = item(13, 1, |_| {});
    let fixture = Fixture::new(None, std::slice::from_ref(&old), days_after_change(&old, 90)).await;
    assert_eq!(fixture.pass().await, 0);
}

#[tokio::test]
async fn what_a_sprint_under_way_or_to_come_holds_stays() {
    let mut team = catalogue();
    let path = |id| team.sprint(id).unwrap().paths[0].clone();
    let (current, other) = (path(sprint_id()), path(other_sprint_id()));
    let items = [
        item(13, 1, |facts| facts.iteration_path = current),
        item(14, 1, |facts| facts.iteration_path = other.clone()),
        item(15, 1, |facts| facts.iteration_path = "Fabrikam".into()),
    ];
    let during = team.sprint(sprint_id()).unwrap().start.unwrap();
    let now = team.calendar().end_of(during);
    assert!(now.ms_since(items[0].present().claim.changed_at) > 90 * DAY_MS);
    let fixture = Fixture::new(Some(&team), &items, now).await;
    fixture.pass().await;
    assert_eq!(fixture.numbers(), [13, 14]);
    // Once it is over it is looked back at for 90 days, and until six others are over since; then what is in it may leave.
    let over = team.calendar().end_of(team.sprint(sprint_id()).unwrap().finish.unwrap());
    let fixture = Fixture::new(Some(&team), &items, over).await;
    fixture.pass().await;
    assert_eq!(fixture.numbers(), [13, 14]);
    for (days, stays) in [(1, &[13, 14][..]), (91, &[14][..])] {
        let (team_then, later) = six_sprints_later(&team, days);
        let fixture = Fixture::new(Some(&team_then), &items, later).await;
        fixture.pass().await;
        assert_eq!(fixture.numbers(), stays, "{days} days later");
    }
    // Without dates a sprint may be one to come.
    for sprint in &mut team.iterations {
        (sprint.start, sprint.finish) = (None, None);
    }
    let fixture = Fixture::new(Some(&team), &items, now).await;
    fixture.pass().await;
    assert_eq!(fixture.numbers(), [13, 14]);
}

#[tokio::test]
async fn an_item_that_changes_meanwhile_stays() {
    let old = item(13, 1, |_| {});
    let fixture = Fixture::new(None, std::slice::from_ref(&old), days_after_change(&old, 91)).await;
    let known = fixture.retention.instance.fold.read().item(old.id).unwrap();
    let newer = known.item.merge(&item(13, 2, |_| {}));
    let mut commit = CommitBuilder::new();
    commit.put(Change::item(newer.clone(), newer), Some(known.version));
    fixture.journal.commit(commit.build(Audience::Everyone).unwrap()).await.unwrap();
    // The fold has not read that yet.
    assert_eq!(fixture.pass().await, 0);
    assert_eq!(Projection::load(&*fixture.journal).await.unwrap().0.items_len(), 1 + OTHERS as usize);
}

#[tokio::test]
async fn fault_e7_a_board_of_the_past_leaves_with_its_last_item() {
    let (team, over) = six_sprints_later(&catalogue(), 91);
    let sprint = |id| team.key().scope(Some(id));
    let in_sprint = |number, id| {
        item(number, 1, |facts| facts.iteration_path = team.sprint(id).unwrap().paths[0].clone())
    };
    let fixture =
        Fixture::new(Some(&team), &[in_sprint(13, sprint_id()), in_sprint(14, other_sprint_id())], over)
            .await;
    let announced = |scope| AnnouncedRecord {
        scope,
        statement: Announced::Keys { changed: EntryId { ms: 1, seq: 0 } },
        at: EntryId { ms: 1, seq: 0 },
    };
    let gone = TeamKey { project: other_project(), ..team.key() }.scope(Some(sprint_id()));
    let instance = &fixture.retention.instance;
    let mut commit = CommitBuilder::new();
    for scope in [sprint(sprint_id()), sprint(other_sprint_id()), gone, Scope::project(project())] {
        commit.put(Change::Announced(announced(scope)), None);
    }
    let next = CurrentSprint { team: team.key(), sprint: Some(other_sprint_id()) };
    commit.put_current_sprint(&instance.fold.read(), next);
    fixture.journal.commit(commit.build(Audience::Everyone).unwrap()).await.unwrap();
    assert_eq!(
        fixture.drop_boards().await,
        1,
        "of a team that is no more; what is still on a board keeps it"
    );
    assert_eq!(fixture.pass().await, 1);
    assert_eq!(fixture.drop_boards().await, 1);
    assert_eq!(fixture.drop_boards().await, 0);
    let fresh = Projection::load(&*fixture.journal).await.unwrap().0;
    for state in [&*instance.fold.read(), &fresh] {
        let announced: BTreeSet<Scope> = state.all_announced().map(|(scope, ..)| scope).collect();
        assert_eq!(announced, [sprint(other_sprint_id()), Scope::project(project())].into());
        assert!(state.board(sprint(sprint_id())).is_none());
    }
}

#[test]
fn fault_c1_no_item_is_let_go_by_clocks_that_differ() {
    assert_eq!(may_judge(Some(60_000)), Ok(()));
    assert_eq!(may_judge(Some(-60_000)), Ok(()));
    assert!(may_judge(None).is_err());
    assert!(may_judge(Some(61_000)).unwrap_err().contains("61 s ahead of"));
    assert!(may_judge(Some(-61_000)).unwrap_err().contains("61 s behind"));
}

#[tokio::test]
async fn fault_c1_a_pass_that_would_drop_more_than_a_tenth_drops_nothing() {
    let items: Vec<WorkItem> = (1..=80).map(|id| item(id, 1, |_| {})).collect();
    let now = days_after_change(&items[0], 91);
    for due in [80, 4] {
        let fixture = Fixture::new(None, &items[..due], now).await;
        for _ in 0..REFUSALS {
            assert_eq!(fixture.pass().await, 0, "of {due}");
        }
        assert_eq!(fixture.retention.instance.vitals.retention_refused.value(), u64::from(REFUSALS));
        let tenth = (due + OTHERS as usize).div_ceil(10);
        assert_eq!(fixture.pass().await, tenth, "clocks that are right for a day are believed");
    }
    assert_eq!(Fixture::new(None, &items[..2], now).await.pass().await, 2);
}
