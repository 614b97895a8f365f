//! What Azure DevOps is asked: every call of a start, of a check while nothing changed, and of a change.

use std::collections::BTreeMap;
use std::time::Duration;

use boardcast::demo::simulation::item::Item;
use boardcast::demo::simulation::model::Model;

use crate::support::app::TestApp;
use crate::support::crowd;
use crate::support::eventually;
use crate::support::source::{Organization, boards};

const TEAMS: u64 = 5;
const ITEMS: u64 = 210;

const FEED: &str = "GET wit/reporting/workitemrevisions";
const SPRINT_ITEMS: &str = "GET work/teamsettings/iterations/*/workitems";
const BATCH: &str = "POST wit/workitemsbatch";

/// What is read of the feed of the past at first, in days that begin in UTC, and how many revisions a page has.
const DAYS: i64 = 90;
const PAGE: usize = 1_000;

/// From how many minutes before it begins an instance reads what happens.
const NOW_MINUTES: i64 = 10;

/// How many calls may be under way at once.
const IN_FLIGHT_MAX: usize = 8;

/// The calls since then, by route.
async fn since(organization: &Organization, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut calls = organization.calls().await;
    calls.iter_mut().for_each(|(route, calls)| *calls -= before.get(route).copied().unwrap_or_default());
    calls.retain(|_, calls| *calls > 0);
    calls
}

fn calls<const N: usize>(calls: [(&str, u64); N]) -> BTreeMap<String, u64> {
    calls.map(|(route, calls)| (route.to_owned(), calls)).into()
}

/// How many pages the feed has since then.
fn pages(model: &Model, since: i64) -> u64 {
    let revisions = model.items().values().flat_map(Item::revisions);
    revisions.filter(|revision| revision.changed_at.epoch_ms() >= since).count().div_ceil(PAGE) as u64
}

async fn check(organization: &Organization, app: &TestApp) {
    // So little that no list is due, however much time the start took.
    let check = organization.check_after(Duration::from_secs(15), app).await;
    assert_eq!((check.scopes, check.error), (TEAMS as u32, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s13_every_call_of_a_start_a_quiet_check_and_a_change_is_accounted_for() {
    let organization = Organization::with(|model| crowd::grow(model, TEAMS as usize, ITEMS as usize)).await;
    organization.answer_after(Duration::from_millis(20)).await;
    let app = organization.builder().start().await;
    let is_read = || {
        let state = app.app.instance.fold.read();
        let teams = state.checked().all_teams();
        teams.filter(|(_, check)| check.past.is_some()).count() == TEAMS as usize
    };
    // So slowly that no list is due again.
    eventually("the past is not read", async || {
        organization.clock.advance(Duration::from_millis(100));
        is_read()
    })
    .await;
    app.settled().await;
    let shown = boards(&app).await;
    let items: Vec<usize> = shown.values().map(|board| board["items"].as_array().unwrap().len()).collect();
    assert!(items.iter().all(|items| *items as u64 >= ITEMS), "{items:?}");
    // Lists, once for each project or team; the items of each board; and the feed, 1,000 revisions at once, of now and of the
    // past. Of what the past tells of the items are asked for as they are, 200 at once for each page, and as they were once.
    let (projects, now, past) = organization.model(|model| {
        let (now, day) = (model.now().epoch_ms(), 24 * 3_600_000);
        let since = (now - DAYS * day).div_euclid(day) * day;
        (
            model.organisation.projects.len() as u64,
            pages(model, now - NOW_MINUTES * 60_000),
            pages(model, since),
        )
    });
    let mut asked = organization.calls().await;
    let batches = asked.remove(BATCH).unwrap();
    let of_boards = TEAMS * ITEMS.div_ceil(200);
    assert!(
        (of_boards + past..=of_boards + 3 * past).contains(&batches),
        "{batches} of {of_boards} and {past}"
    );
    assert_eq!(
        asked,
        calls([
            ("GET projects", 1),
            ("GET projects/*/teams", projects),
            ("GET wit/classificationnodes/areas", projects),
            ("GET wit/workitemtypecategories", projects),
            ("GET wit/workitemtypes", projects),
            ("GET work/backlogconfiguration", TEAMS),
            ("GET work/teamsettings", TEAMS),
            ("GET work/teamsettings/iterations", TEAMS),
            ("GET work/teamsettings/iterations/*/capacities", 2 * TEAMS),
            ("GET work/teamsettings/iterations/*/teamdaysoff", 8 * TEAMS),
            ("GET work/teamsettings/teamfieldvalues", TEAMS),
            (SPRINT_ITEMS, TEAMS + 6 * TEAMS),
            (FEED, now + past),
        ])
    );
    assert_eq!(organization.most_in_flight().await, IN_FLIGHT_MAX);

    // Boards are compared once more when their past was read: of each 200 items what is their newest revision.
    let before = organization.calls().await;
    check(&organization, &app).await;
    let pull = since(&organization, &before).await;
    let batches = ITEMS.div_ceil(200);
    assert_eq!((pull[SPRINT_ITEMS], pull[BATCH], pull[FEED]), (TEAMS, TEAMS * batches, 1), "{pull:?}");

    // Nothing changed, and no list is due.
    let before = organization.calls().await;
    check(&organization, &app).await;
    assert_eq!(since(&organization, &before).await, calls([(FEED, 1)]));

    // An item changed: its hook costs nothing, and the check that follows tells that the organisation has it too, and that
    // nothing follows that.
    let before = organization.calls().await;
    let item = organization.model(|model| *model.items().keys().next_back().unwrap());
    let payload = organization.edit(item, |content| content.title = "Told".into());
    assert_eq!(app.hook(&payload).await.status, 200);
    assert_eq!(since(&organization, &before).await, calls([]));
    check(&organization, &app).await;
    assert_eq!(since(&organization, &before).await, calls([(FEED, 2)]));
}
