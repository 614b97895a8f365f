//! An organisation of the size that boards are meant for: items with a life of five revisions in the sprints of three
//! teams.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use boardcast::domain::amount::Hundredths;
use boardcast::domain::scope::{Audience, ProjectId, SprintId, TeamId, Text};
use boardcast::domain::sprint::catalogue::{Area, Catalogue, Iteration};
use boardcast::domain::sprint::rank::Rank;
use boardcast::domain::sprint::work_item::{
    Claim, ClaimKind, Details, Facts, Identity, WorkItem, WorkItemId,
};
use boardcast::domain::stored::Stored;
use boardcast::domain::time::Timestamp;
use boardcast::journal::redis::{RedisJournal, RedisSettings};
use boardcast::journal::{Commit, CommitOutcome, Journal, NewEntry, RecordKey, Store};

use super::support::hooks::FABRIKAM;
use super::support::redis::{RedisServer, settings};
use super::support::team::{TestInstance, catalogue_of_today};

/// The revisions of each item.
pub const REVISIONS: u32 = 5;

const TEAMS: [&str; 3] = ["Web", "Mobile", "Platform"];
const SPRINTS: u32 = 12;
const STATES: [&str; 4] = ["New", "Active", "Active", "Closed"];
const TYPES: [&str; 3] = ["User Story", "Bug", "Task"];
const EFFORT: &str = "Microsoft.VSTS.Scheduling.StoryPoints";
const TITLES: [&str; 4] = [
    "Show the delivery date on the order confirmation page",
    "Basket loses its discount after signing in again",
    "Export of invoices takes longer than a minute",
    "Let customers choose a pick-up point on the map",
];
const PEOPLE: [&str; 4] = ["Jamal Hartnett", "Raisa Pokrovskaya", "Christie Church", "Johnnie McLeod"];
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How many records one commit writes when a store is filled.
const FILL_RECORDS: usize = 500;

/// What is known of the teams: twelve sprints of two weeks each, of which the eighth is under way.
pub fn catalogues() -> Vec<Catalogue> {
    let of_today = catalogue_of_today();
    let current = of_today.iterations[1].start.unwrap();
    let iteration = |number: u32| {
        let start = current + chrono::TimeDelta::days(14 * (i64::from(number) - 8));
        Iteration {
            id: SprintId::parse(&format!("a589a806-bf11-4d4f-a031-{number:012x}")).unwrap(),
            paths: vec![sprint_path(number).into()],
            name: format!("Sprint {number}").into(),
            start: Some(start),
            finish: Some(start + chrono::TimeDelta::days(13)),
        }
    };
    let of_team = |(index, name): (usize, &&str)| Catalogue {
        team: TeamId::parse(&format!("c589a806-bf11-4d4f-a031-{index:012x}")).unwrap(),
        team_name: (**name).into(),
        iterations: (1..=SPRINTS).map(iteration).collect(),
        areas: vec![Area { id: None, paths: vec![area_path(index).into()], include_children: true }],
        capacities: BTreeMap::new(),
        ..of_today.clone()
    };
    TEAMS.iter().enumerate().map(of_team).collect()
}

fn sprint_path(number: u32) -> String {
    format!("Fabrikam\\Release 3\\Sprint {number}")
}

fn area_path(team: usize) -> String {
    format!("Fabrikam\\{}", TEAMS[team])
}

/// One revision of an item, as a hook brings it.
pub fn observation(number: u32, rev: u32) -> WorkItem {
    let which = |count: usize, salt: u32| {
        (number.wrapping_add(salt).wrapping_mul(2_654_435_761) >> 8) as usize % count
    };
    let now = boardcast::platform::clock::system()().epoch_ms();
    let at = Timestamp::from_epoch_ms(
        now - (i64::from(REVISIONS) - i64::from(rev) + 1) * DAY_MS + i64::from(number),
    );
    let person = |salt| {
        let index = which(PEOPLE.len(), salt);
        let id: Text = format!("8c8c7d32-6b1b-47f4-b2e9-30b4775ab{index:03}").into();
        Identity { id: Some(id), name: PEOPLE[index].into() }
    };
    let claim = Claim {
        claimed_at: at.into(),
        kind: ClaimKind::Updated,
        changed_at: at,
        changed_by: Some(person(rev)),
        facts: Facts {
            project: ProjectId::parse(FABRIKAM).unwrap(),
            work_item_type: TYPES[which(TYPES.len(), 1)].into(),
            state: STATES[(rev as usize - 1) % STATES.len()].into(),
            iteration_path: sprint_path(1 + u32::try_from(which(SPRINTS as usize, 2)).unwrap()).into(),
            area_path: area_path(which(TEAMS.len(), 3)).into(),
            effort: Arc::new(BTreeMap::from([(EFFORT.into(), Hundredths::whole(1 + rev % 8))])),
            remaining_work: None,
            blocked: false,
            has_more_numbers: false,
            deleted: false,
            flags: Arc::default(),
            board_column: None,
        }
        .into(),
    };
    let rank = Rank::new(1e9 + 64.0 * f64::from(number)).unwrap();
    let details = Details {
        title: TITLES[which(TITLES.len(), 4)].into(),
        assigned_to: Some(person(5)),
        tags: vec!["checkout".into(), "customer request".into()],
        parent: WorkItemId::new(1 + number / 10),
        project_name: "Fabrikam".into(),
        created_at: Some(Timestamp::from_epoch_ms(now - 30 * DAY_MS)),
        closed_at: None,
        url: Some(format!("https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/{number}").into()),
        ranks: [("Microsoft.VSTS.Common.StackRank".into(), rank)].into(),
    };
    WorkItem::new(WorkItemId::new(number).unwrap(), rev, claim, details)
}

/// An item with all its revisions.
pub fn item(number: u32) -> WorkItem {
    let revisions = (1..=REVISIONS).map(|rev| observation(number, rev));
    revisions.reduce(|item, other| item.merge(&other)).unwrap()
}

/// A journal with the settings of the product, but for a time-out that a busy machine does not reach.
pub async fn journal(server: &RedisServer, organisation: &str) -> Arc<RedisJournal> {
    let defaults = settings(&server.url(), organisation);
    let settings = RedisSettings {
        timeout: Duration::from_secs(60),
        ..RedisSettings::new(defaults.address, defaults.owner)
    };
    let journal = Arc::new(RedisJournal::new(settings, boardcast::platform::clock::system()).unwrap());
    let running = journal.clone();
    tokio::spawn(async move { running.run().await });
    while journal.load().await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    journal
}

/// Puts items into a store, with all their revisions and next to no log: what matters is what is loaded.
pub async fn fill(journal: &dyn Journal, items: u32) {
    let numbers: Vec<u32> = (1..=items).collect();
    for numbers in numbers.chunks(FILL_RECORDS) {
        let write = |number: &u32| {
            let item = item(*number);
            (RecordKey::item(item.id), Some(item.encode().into()))
        };
        let entry = NewEntry { audience: Audience::Everyone, event: None, delta: None };
        let commit =
            Commit { checks: Vec::new(), writes: numbers.iter().map(write).collect(), entries: vec![entry] };
        assert!(matches!(journal.commit(commit).await.unwrap(), CommitOutcome::Committed(_)));
    }
}

/// The same, with teams on whose boards they are.
pub async fn fill_boards(journal: &Arc<RedisJournal>, items: u32) {
    let instance =
        TestInstance::over(&Store::of(journal.clone()), boardcast::platform::clock::system()).await;
    for catalogue in catalogues() {
        instance.learn(catalogue).await;
    }
    drop(instance);
    fill(&**journal, items).await;
}
