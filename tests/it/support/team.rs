//! A team of the tests, and instances that share a journal: each with its own fold, relay and deriver.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use boardcast::board::figures::{Calculator, Inputs};
use boardcast::domain::owner::Owner;
use boardcast::domain::scope::{ProjectId, Scope, SprintId, TeamId, Text};
use boardcast::domain::sprint::catalogue::{
    Area, BugsBehaviour, Catalogue, Iteration, Member, StateCategory,
};
use boardcast::domain::wire::event::Cause;
use boardcast::journal::{EntryId, Journal, Store};
use boardcast::ops::instance::Instance;
use boardcast::platform::clock::Clock;
use boardcast::stream::hub::{Hub, RingLimits};
use boardcast::stream::relay::Relay;
use boardcast::write::announce::{DeriveSettings, Deriver};
use boardcast::write::ingest::Ingest;
use boardcast::write::teams::TeamKeeper;
use chrono::Weekday;
use chrono_tz::Tz;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::hooks::FABRIKAM;

/// A Wednesday in the middle of the first sprint.
pub const NOW_MS: i64 = 1_795_608_000_000;

pub fn sprint(number: u8) -> SprintId {
    SprintId::parse(&format!("a589a806-bf11-4d4f-a031-c1981333155{number}")).unwrap()
}

pub fn team() -> TeamId {
    TeamId::parse("c589a806-bf11-4d4f-a031-c19813331553").unwrap()
}

/// The board of one of the team's sprints.
pub fn board(number: u8) -> Scope {
    let project = ProjectId::parse(FABRIKAM).unwrap();
    Scope { project, team: Some(team()), sprint: Some(sprint(number)) }
}

/// Fabrikam's only team: `Sprint 0` is over, `Sprint 1` is under way until 27 November 2026, `Sprint 2` follows.
pub fn catalogue() -> Catalogue {
    use StateCategory::{Completed, InProgress, Proposed, Removed};
    let texts = |texts: &[&str]| texts.iter().map(|text| Text::from(*text)).collect::<BTreeSet<_>>();
    let day = |text: &str| Some(text.parse().unwrap());
    let iteration = |number: u8, start, finish| Iteration {
        id: sprint(number),
        paths: vec![format!("Fabrikam\\Sprint {number}").into()],
        name: format!("Sprint {number}").into(),
        start: day(start),
        finish: day(finish),
    };
    let states: BTreeMap<Text, StateCategory> =
        [("New", Proposed), ("Active", InProgress), ("Closed", Completed), ("Removed", Removed)]
            .map(|(name, category)| (name.into(), category))
            .into();
    Catalogue {
        project: ProjectId::parse(FABRIKAM).unwrap(),
        project_name: "Fabrikam".into(),
        team: team(),
        team_name: "Web".into(),
        zone: Tz::America__New_York,
        iterations: vec![
            iteration(0, "2026-11-02", "2026-11-13"),
            iteration(1, "2026-11-16", "2026-11-27"),
            iteration(2, "2026-11-30", "2026-12-11"),
        ],
        areas: vec![Area { id: None, paths: vec!["Fabrikam".into()], include_children: true }],
        requirement_types: texts(&["User Story"]),
        task_types: texts(&["Task"]),
        bug_types: texts(&["Bug"]),
        bugs_behaviour: BugsBehaviour::AsRequirements,
        effort_field: Some("Microsoft.VSTS.Scheduling.StoryPoints".into()),
        remaining_work_field: None,
        order_field: Some("Microsoft.VSTS.Common.StackRank".into()),
        types_without_effort: BTreeSet::new(),
        blocked_by: Default::default(),
        unread: BTreeSet::new(),
        team_field: None,
        failed: None,
        states: ["User Story", "Task", "Bug"].map(|name| (name.into(), states.clone())).into(),
        weekdays: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
        days_off: BTreeSet::new(),
        days_off_by: BTreeMap::new(),
        capacities: BTreeMap::from([(sprint(1), Vec::<Member>::new())]),
    }
}

/// The same team by the machine's clock: whatever day it is, `Sprint 1` is under way.
pub fn catalogue_of_today() -> Catalogue {
    let now = boardcast::platform::clock::system()().epoch_ms();
    let today = chrono::DateTime::from_timestamp_millis(now).unwrap().date_naive();
    let mut catalogue = catalogue();
    for (iteration, begins) in catalogue.iterations.iter_mut().zip([-21, -7, 7]) {
        let start = today + chrono::TimeDelta::days(begins);
        (iteration.start, iteration.finish) = (Some(start), Some(start + chrono::TimeDelta::days(13)));
    }
    catalogue
}

/// A hook by which item `id` is a story of the sprint with that number, in that state and with that effort.
pub fn story(id: u32, rev: u32, sprint: u8, state: &str, points: Option<f64>) -> Value {
    let mut payload = super::hooks::updated(id, rev, state);
    let fields = &mut payload["resource"]["revision"]["fields"];
    fields["System.IterationPath"] = json!(format!("Fabrikam\\Sprint {sprint}"));
    fields["Microsoft.VSTS.Scheduling.StoryPoints"] = json!(points);
    payload["createdDate"] = json!(format!("2026-11-23T08:{:02}:{:02}.1234567Z", rev / 60 % 60, rev % 60));
    payload
}

/// One instance of several that share a store.
pub struct TestInstance {
    pub instance: Instance,
    pub ingest: Arc<Ingest>,
    pub deriver: Arc<Deriver>,
    relay: JoinHandle<()>,
}

impl TestInstance {
    /// An instance that follows the journal and derives nothing unless it is told to.
    pub async fn over(store: &Store, clock: Clock) -> Self {
        let instance = Instance::new(store, Owner::hooks_alone(None), clock, false);
        let hub = Arc::new(Hub::new(RingLimits::DEFAULT, Duration::ZERO));
        let relay = tokio::spawn(Relay { instance: instance.clone(), hub }.run());
        let ingest = Arc::new(Ingest { instance: instance.clone() });
        let settings = DeriveSettings {
            pause: Duration::from_millis(5),
            settle: Duration::from_millis(100),
            ..DeriveSettings::default()
        };
        let deriver = Arc::new(Deriver {
            instance: instance.clone(),
            calculator: Arc::new(Calculator::default()),
            teams: TeamKeeper { instance: instance.clone() },
            settings,
        });
        instance.fold.passed(EntryId::ZERO).await;
        Self { instance, ingest, deriver, relay }
    }

    /// Makes the team known, as a synchronisation does.
    pub async fn learn(&self, catalogue: Catalogue) {
        assert!(self.deriver.teams.learn(catalogue, Cause::Timer).await.unwrap());
    }

    /// Applies a hook's payload.
    pub async fn hook(&self, payload: &Value) {
        let observation = super::hooks::observation(payload);
        self.ingest.observe(&observation, &super::hooks::provenance()).await.unwrap();
    }

    /// Waits until the fold has everything that the journal has.
    pub async fn settled(&self) {
        let position = self.instance.journal.load().await.unwrap().position;
        self.instance.fold.passed(position).await;
    }

    /// A board's figures, computed from nothing but the fold.
    pub fn figures(&self, scope: Scope) -> boardcast::domain::metrics::Figures {
        let now = (self.instance.clock)();
        let inputs = Inputs::of(&self.instance.fold.read(), scope, now);
        Calculator::default().figures(&inputs, now)
    }
}

impl Drop for TestInstance {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

/// The events of the log after a position, as JSON, with their ids.
pub async fn events(journal: &Arc<dyn Journal>, mut after: EntryId) -> Vec<(EntryId, Value)> {
    let end = journal.load().await.unwrap().position;
    let mut events = Vec::new();
    while after < end {
        for entry in journal.tail(after, 1_000).await.unwrap() {
            after = entry.id;
            let json = entry.content.event.as_ref().map(|json| serde_json::from_slice(json).unwrap());
            events.extend(json.map(|json| (entry.id, json)));
        }
    }
    events
}
