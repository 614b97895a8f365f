//! What the organisation answered, as a record: when each board was last compared with it, and which of its parts do not
//! answer. Every instance derives the levels of boards from it, so all of them say the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::calls_wait::CallsWait;
use crate::domain::conditions::Conditions;
use crate::domain::degradation::{CallOutcome, Condition, DataSource, Policy};
pub use crate::domain::record::feed_position::FeedPosition;
use crate::domain::record::past::{KnownPast, PastReading};
pub use crate::domain::record::whole_level::{MockAsked, WholeLevel};
use crate::domain::subscription::health::HookHealth;
use crate::domain::{
    Level, ProjectId, Scope, SprintId, Stored, TeamId, TeamKey, Text, Timestamp, WorkItemId,
};

/// What the organisation answered, whichever instance asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceCheck {
    /// When each project's own board, of what is no team's, was last found equal; in a record without teams, when all
    /// boards of the project were.
    pub projects: BTreeMap<ProjectId, Timestamp>,
    /// When each project's own board was last compared as a whole, but for those where that left something open.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub projects_whole_at: BTreeMap<ProjectId, Timestamp>,
    /// The boards of each project's teams.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<ProjectId, BTreeMap<TeamId, BoardCheck>>,
    /// The names of the projects that do not say which teams they have: nothing else that is kept names them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub closed: BTreeMap<ProjectId, Text>,
    /// When the last check ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// When a check last began in which the organisation said which projects there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    /// Whether the organisation says which projects there are.
    #[serde(skip_serializing_if = "crate::domain::stored::is_default")]
    pub organization: Condition,
    /// Until when nobody makes a call.
    #[serde(skip_serializing_if = "crate::domain::stored::is_default")]
    pub calls_wait: CallsWait,
    /// Its parts that do not answer: the list of a project's teams, a team's sprints, the items of a board.
    #[serde(skip_serializing_if = "crate::domain::stored::is_default")]
    pub parts: Conditions,
    /// How far the feed of revisions was read; `None` before the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedPosition>,
    /// How far the past of the teams is read, while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub past: Option<PastReading>,
    /// The level of the organisation as a whole that was told last: all there is to say while no board is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole: Option<WholeLevel>,
    /// When the organisation as a whole was last left at level `mock`: until then simulated boards may have been shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mock_until: Option<Timestamp>,
    /// Whether simulated boards are asked for, where anybody ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mock_asked: Option<MockAsked>,
    /// How the subscriptions of service hooks do, where they are looked after.
    #[serde(skip_serializing_if = "crate::domain::stored::is_default")]
    pub hooks: HookHealth,
}

/// What is known of the comparison of one team's board.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BoardCheck {
    /// The sprint that was compared; `None` between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sprint: Option<SprintId>,
    /// When that board was last found equal, by an answer about it; `None` before the first whole comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When a board of the team was first found equal: what left a sprint before that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// From when on the lives of the team's items are known; `None` before they were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub past: Option<KnownPast>,
    /// When it was last compared as a whole, whatever the feed told since; `None` while that left something open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_at: Option<Timestamp>,
    /// How many items a comparison that is under way has to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<usize>,
    /// Of when what is known of the team's sprints is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sprints_as_of: Option<Timestamp>,
    /// Items of which the organisation's answer could not be read: they are missing on the board.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<WorkItemId>,
    /// As of when a list of the project's teams did not name the team: one of a later moment decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<Timestamp>,
    /// The same of a list of the team's sprints that did not name the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sprint_missed: Option<Timestamp>,
}

/// After how many milliseconds a board is compared as a whole again.
const WHOLE_EVERY_MS: i64 = 60 * 60_000;

/// By how much the clocks of the store and of an instance that follows it may differ.
const CLOCKS_APART_MS: i64 = 1_000;

impl Stored for SourceCheck {}

impl SourceCheck {
    /// What is known of the comparison of a team's board.
    pub fn team(&self, team: TeamKey) -> Option<&BoardCheck> {
        self.teams.get(&team.project)?.get(&team.team)
    }

    /// The same, to be changed; begun where there is nothing yet.
    pub fn team_mut(&mut self, team: TeamKey) -> &mut BoardCheck {
        self.teams.entry(team.project).or_default().entry(team.team).or_default()
    }

    /// Every team of which something is known.
    pub fn all_teams(&self) -> impl Iterator<Item = (TeamKey, &BoardCheck)> {
        let of_project = |(project, teams): (&ProjectId, _)| (*project, teams);
        self.teams.iter().map(of_project).flat_map(|(project, teams): (_, &BTreeMap<TeamId, BoardCheck>)| {
            teams.iter().map(move |(team, check)| (TeamKey { project, team: *team }, check))
        })
    }

    /// When a board was last found equal to the organisation, by an answer about that board.
    pub fn compared_at(&self, scope: Scope) -> Option<Timestamp> {
        let of_project = || self.projects.get(&scope.project).copied();
        let Some(team) = scope.team else { return of_project() };
        match self.teams.get(&scope.project) {
            None => of_project(),
            Some(teams) => teams.get(&team).filter(|check| check.sprint == scope.sprint)?.at,
        }
    }

    /// Whether a board waits for its first whole comparison: the organisation is asked about its team, and not all that it
    /// has of this sprint is known. Hooks alone make no board wait.
    pub fn awaits_comparison(&self, scope: Scope) -> bool {
        let of_team = TeamKey::of(scope).and_then(|team| self.team(team));
        of_team.is_some_and(|check| check.sprint != scope.sprint || check.at.is_none())
    }

    /// Whether simulated boards are asked for. Instances that were told otherwise go by the one that started last: else
    /// each would take back what the other announces.
    pub fn asks_for_mock(&self) -> bool {
        self.mock_asked.is_some_and(|asked| asked.on)
    }

    /// Takes in what an instance was told.
    pub fn ask_for_mock(&mut self, asked: MockAsked) {
        let is_older = self.mock_asked.is_some_and(|known| known.since >= asked.since);
        if asked.on != self.asks_for_mock() && !is_older {
            self.mock_asked = Some(asked);
        }
    }

    /// Whether nothing is known of the organisation, and simulated data stands in where that is asked for.
    pub fn is_mock(&self) -> bool {
        self.whole.as_ref().is_some_and(|whole| whole.level == Level::Mock)
    }

    /// Whether that was so at a moment that the log names, or shortly after it: its clock and ours differ a little.
    pub fn was_mock_at(&self, moment: Timestamp) -> bool {
        self.is_mock() || self.mock_until.is_some_and(|until| moment.ms_since(until) <= CLOCKS_APART_MS)
    }

    /// When any board of a project was last found equal; of any project, where none is named.
    pub fn last_compared(&self, project: Option<ProjectId>) -> Option<Timestamp> {
        let is_meant = |of: ProjectId| project.is_none_or(|project| project == of);
        let of_teams = self.all_teams().filter(|(team, _)| is_meant(team.project));
        let own = self.projects.iter().filter(|(of, _)| is_meant(**of)).map(|(_, at)| *at);
        own.chain(of_teams.filter_map(|(_, check)| check.at)).max()
    }

    /// A project's own board is known to have been equal at `at`; no comparison ever gets older.
    pub fn advance(&mut self, project: ProjectId, at: Timestamp) {
        let known = self.projects.entry(project).or_insert(at);
        *known = at.max(*known);
    }

    /// A project's own board was compared as a whole, by answers that are of `at`.
    pub fn compared_project(&mut self, project: ProjectId, at: Timestamp) {
        self.advance(project, at);
        self.projects_whole_at.insert(project, at);
    }

    /// A team's board of that sprint was found equal, but for these items, by answers that are of `at`.
    pub fn compared(
        &mut self,
        team: TeamKey,
        sprint: Option<SprintId>,
        at: Timestamp,
        unreadable: Vec<WorkItemId>,
    ) {
        let check = self.team_mut(team);
        let before = check.at.filter(|_| check.sprint == sprint);
        *check = BoardCheck {
            sprint,
            at: before.max(Some(at)),
            since: check.since.or(Some(at)),
            whole_at: check.whole_at.max(Some(at)),
            items: None,
            unreadable,
            ..*check
        };
    }

    /// From when on the lives of a team's items are known; `None` before they were read.
    pub fn past_of(&self, team: TeamKey) -> Option<KnownPast> {
        self.team(team)?.past
    }

    /// The past of these teams was read, by these areas.
    pub fn read_past(&mut self, from: Timestamp, teams: &[(TeamKey, u64)]) {
        self.past = None;
        for (team, areas) in teams {
            self.team_mut(*team).past = Some(KnownPast { from, areas: *areas });
        }
    }

    /// Whether the past of a team is known otherwise than it was.
    pub fn has_read_past_of(&self, team: TeamKey, before: &Self) -> bool {
        let past = self.past_of(team);
        past.is_some() && past != before.past_of(team)
    }

    /// Whether the feed of revisions was read to its end, since boards began.
    pub fn is_fed(&self) -> bool {
        self.feed.as_ref().is_some_and(|feed| feed.read_to_end.is_some())
    }

    /// Whether a board is to be compared as a whole by now: it never was, that left something open, or was an hour ago.
    pub fn is_whole_due(&self, scope: Scope, now: Timestamp) -> bool {
        let live_from = self.feed.as_ref().map(|feed| feed.live_from);
        let is_old = |at: Option<Timestamp>| {
            at.is_none_or(|at| now.ms_since(at) >= WHOLE_EVERY_MS || Some(at) < live_from)
        };
        match TeamKey::of(scope) {
            Some(team) => self.team(team).is_none_or(|check| {
                let is_open = check.items.is_some() || !check.unreadable.is_empty();
                check.sprint != scope.sprint || check.at.is_none() || is_open || is_old(check.whole_at)
            }),
            None => is_old(self.projects_whole_at.get(&scope.project).copied()),
        }
    }

    /// The feed of revisions was read to its end by an answer of `at`: all boards that were compared as a whole, and of
    /// which nothing fails, are known to have been equal then.
    pub fn read_to_end(&mut self, at: Timestamp) {
        let Some(feed) = &mut self.feed else { return };
        if feed.read_to_end.replace(at).is_none() {
            feed.live_from = at;
            return;
        }
        let parts = &self.parts;
        let is_gone =
            |scope| parts.get(DataSource::WorkItems, scope).is_some_and(|part| part.since().is_some());
        for (project, teams) in &mut self.teams {
            for (team, check) in teams {
                let team = TeamKey { project: *project, team: *team };
                if check.items.is_none() && check.whole_at.is_some() && !is_gone(team.scope(None)) {
                    check.at = check.at.map(|before| before.max(at));
                }
            }
        }
        for (project, compared) in &mut self.projects {
            if self.projects_whole_at.contains_key(project) && !is_gone(Scope::project(*project)) {
                *compared = at.max(*compared);
            }
        }
    }

    /// Takes in how it ended to ask for a part, or, without one, for which projects there are. `asked_at` is of when the
    /// answer is: one that was kept from before a failure says nothing about it.
    pub fn observe(
        &mut self,
        part: Option<(DataSource, Scope)>,
        outcome: CallOutcome,
        asked_at: Timestamp,
        policy: &Policy,
        jitter: f64,
    ) {
        let known = match part {
            None => self.last_compared(None),
            Some((_, scope)) => match TeamKey::of(scope) {
                Some(team) => self.team(team).map_or_else(|| self.compared_at(scope), |check| check.at),
                None => self.last_compared(Some(scope.project)),
            },
        };
        let condition = self.condition(part);
        let is_from_before = condition.since().is_some_and(|since| asked_at < since);
        match outcome {
            CallOutcome::Success if is_from_before => condition.release(),
            outcome => condition.observe(policy, outcome, asked_at, known, jitter),
        }
    }

    /// How a part answers, or, without one, which projects there are.
    pub fn condition(&mut self, part: Option<(DataSource, Scope)>) -> &mut Condition {
        match part {
            None => &mut self.organization,
            Some((source, scope)) => self.parts.of(source, scope),
        }
    }

    /// What is left of it where the items are gone that were compared: as if nothing had been.
    pub fn without_comparisons(mut self) -> Self {
        for check in self.teams.values_mut().flat_map(BTreeMap::values_mut) {
            *check = BoardCheck { sprint: check.sprint, ..BoardCheck::default() };
        }
        self.projects.clear();
        self.projects_whole_at.clear();
        Self { ended: None, answered: None, feed: None, past: None, ..self }
    }

    /// Whether the last question to a part failed.
    pub fn has_failed(&self, (source, scope): (DataSource, Scope)) -> bool {
        self.parts.get(source, scope).is_some_and(Condition::has_failed)
    }

    /// The part that is gone and that a board depends on, the one that is nearest to it first. That nobody says which
    /// projects or teams there are costs a board nothing that was compared since.
    pub fn gone(&self, scope: Scope) -> Option<&Condition> {
        let team = Scope { sprint: None, ..scope };
        let own = [DataSource::WorkItems, DataSource::Sprints].map(|source| self.parts.get(source, team));
        let lists =
            [self.parts.get(DataSource::Teams, Scope::project(scope.project)), Some(&self.organization)];
        let compared = self.compared_at(scope);
        let matters = |condition: &&Condition| condition.since() > compared;
        let gone = own.into_iter().flatten().filter(|condition| condition.since().is_some());
        gone.chain(lists.into_iter().flatten().filter(matters)).next()
    }

    /// Takes in which teams there are, by lists that are of `looked`. What a list does not name is gone once a list of a
    /// later moment does not name it either. `known` are the teams whose boards are known, with their sprints.
    pub fn listed(
        &mut self,
        teams: &BTreeSet<TeamKey>,
        looked: &BTreeMap<ProjectId, Timestamp>,
        known: &[(TeamKey, Option<SprintId>)],
    ) {
        // A record of projects alone was written before those of teams were.
        let of_projects: BTreeMap<ProjectId, Timestamp> = self
            .projects
            .iter()
            .filter(|(project, _)| !self.teams.contains_key(project))
            .map(|(p, at)| (*p, *at))
            .collect();
        for (team, sprint) in known {
            let at = of_projects.get(&team.project).copied();
            let of_project = self.teams.entry(team.project).or_default();
            of_project.entry(team.team).or_insert(BoardCheck {
                sprint: *sprint,
                at,
                since: at,
                ..BoardCheck::default()
            });
        }
        teams.iter().for_each(|team| self.team_mut(*team).missed = None);
        for (project, as_of) in looked {
            let of_project = self.teams.entry(*project).or_default();
            of_project.retain(|team, check| {
                let is_listed = teams.contains(&TeamKey { project: *project, team: *team });
                let is_gone = !is_listed && check.missed.is_some_and(|missed| missed < *as_of);
                check.missed = check.missed.or_else(|| (!is_listed).then_some(*as_of));
                !is_gone
            });
        }
    }

    /// Whether something was not found again, and a second look decides whether it is gone.
    pub fn has_doubts(&self) -> bool {
        self.all_teams().any(|(_, check)| check.missed.is_some() || check.sprint_missed.is_some())
    }

    /// Takes over what `other` knows of comparisons of later moments.
    pub fn absorb(&mut self, other: &Self) {
        other.projects.iter().for_each(|(project, at)| self.advance(*project, *at));
        for (team, theirs) in other.all_teams() {
            let ours = self.team_mut(team);
            if ours.at < theirs.at || *ours == BoardCheck::default() {
                *ours = theirs.clone();
            }
        }
        self.answered = self.answered.max(other.answered);
        self.calls_wait.absorb(other.calls_wait);
        // What was read is among the items that come with it.
        self.feed = self.feed.take().or_else(|| other.feed.clone());
        self.past = self.past.take().or_else(|| other.past.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sprint::catalogue::tests::{catalogue, other_sprint_id, sprint_id};
    use crate::domain::testing::project;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_epoch_ms(ms)
    }

    #[test]
    fn f14_f15_an_age_is_that_of_a_comparison_of_that_board_and_before_it_nothing_is_claimed() {
        let (team, mut check) = (catalogue().key(), SourceCheck::default());
        let (first, second) = (team.scope(Some(sprint_id())), team.scope(Some(other_sprint_id())));
        assert!(!check.awaits_comparison(first), "nobody asks about it");
        check.team_mut(team);
        assert!(check.awaits_comparison(first));
        check.compared(team, Some(sprint_id()), at(5), Vec::new());
        assert_eq!((check.compared_at(first), check.awaits_comparison(first)), (Some(at(5)), false));
        assert_eq!((check.compared_at(second), check.awaits_comparison(second)), (None, true));
        assert_eq!(check.compared_at(Scope::project(project())), None);
        check.compared(team, Some(sprint_id()), at(3), Vec::new());
        assert_eq!(check.compared_at(first), Some(at(5)), "no comparison gets older");
        check.compared(team, Some(other_sprint_id()), at(9), Vec::new());
        assert_eq!((check.compared_at(second), check.team(team).unwrap().since), (Some(at(9)), Some(at(5))));
    }

    #[test]
    fn s13_the_feed_makes_no_board_younger_that_was_compared_and_left_something_open() {
        let (team, mut check) = (catalogue().key(), SourceCheck::default());
        let (board, own) = (team.scope(Some(sprint_id())), Scope::project(project()));
        check.feed = Some(FeedPosition { token: "7".into(), live_from: at(1), read_to_end: Some(at(1)) });
        check.compared(team, Some(sprint_id()), at(5), Vec::new());
        check.compared_project(project(), at(5));
        let ages = |check: &SourceCheck| [board, own].map(|scope| check.compared_at(scope));
        check.read_to_end(at(6));
        assert_eq!((ages(&check), check.is_whole_due(board, at(6))), ([Some(at(6)); 2], false));
        check.team_mut(team).whole_at = None;
        check.projects_whole_at.remove(&project());
        check.read_to_end(at(7));
        assert_eq!(ages(&check), [Some(at(6)); 2]);
        assert_eq!([board, own].map(|scope| check.is_whole_due(scope, at(7))), [true; 2]);
    }

    #[test]
    fn f16_what_a_list_does_not_name_is_gone_once_a_later_one_does_not_name_it_either() {
        let (team, mut check) = (catalogue().key(), SourceCheck::default());
        let listed = |check: &mut SourceCheck, teams: &[TeamKey], ms| {
            let looked = BTreeMap::from([(project(), at(ms))]);
            check.listed(&teams.iter().copied().collect(), &looked, &[(team, None)]);
            check.team(team).is_some()
        };
        assert!(listed(&mut check, &[team], 1));
        assert!(listed(&mut check, &[], 2) && check.has_doubts());
        assert!(listed(&mut check, &[], 2), "the same list is no second look");
        assert!(listed(&mut check, &[team], 3) && !check.has_doubts());
        assert!(listed(&mut check, &[], 4));
        let looked = BTreeMap::from([(project(), at(5))]);
        check.listed(&BTreeSet::new(), &looked, &[]);
        assert_eq!(check.team(team), None);
    }

    #[test]
    fn fault_b5_a_list_that_nobody_can_have_costs_a_board_nothing_that_was_compared_since() {
        let (team, mut check, policy) = (catalogue().key(), SourceCheck::default(), Policy::default());
        let board = team.scope(Some(sprint_id()));
        let failed = CallOutcome::Failed(crate::domain::degradation::Failure::Forbidden);
        check.compared(team, Some(sprint_id()), at(5), Vec::new());
        check.observe(None, failed, at(10), &policy, 0.0);
        assert!(check.gone(board).is_some());
        check.observe(None, CallOutcome::Success, at(7), &policy, 0.0);
        assert!(check.gone(board).is_some(), "an answer from before says nothing");
        check.compared(team, Some(sprint_id()), at(12), Vec::new());
        assert!(check.gone(board).is_none());
        let part = Some((DataSource::WorkItems, team.scope(None)));
        check.observe(part, failed, at(20), &policy, 0.0);
        assert_eq!(check.gone(board).and_then(Condition::since), Some(at(20)));
    }

    #[test]
    fn c16_fault_b11_without_its_comparisons_a_record_claims_nothing_of_any_board() {
        let (team, mut check) = (catalogue().key(), SourceCheck::default());
        check.compared(team, Some(sprint_id()), at(5), Vec::new());
        check.advance(project(), at(5));
        check.ended = Some(at(6));
        check.calls_wait.ask(at(8), at(6));
        let left = check.clone().without_comparisons();
        assert!(left.awaits_comparison(team.scope(Some(sprint_id()))));
        assert_eq!((left.last_compared(None), left.ended), (None, None));
        let mut back = SourceCheck { calls_wait: CallsWait::default(), ..left };
        back.absorb(&check);
        assert_eq!(back.calls_wait.until(at(6)), Some(at(8)));
        assert_eq!(
            back.compared_at(team.scope(Some(sprint_id()))),
            Some(at(5)),
            "whoever has the items knows"
        );
    }

    #[test]
    fn a_record_of_projects_alone_is_read() {
        let mut check: SourceCheck =
            serde_json::from_str(&format!(r#"{{"projects":{{"{}":7}}}}"#, project())).unwrap();
        assert_eq!(check.compared_at(catalogue().key().scope(Some(sprint_id()))), Some(at(7)));
        check.compared(catalogue().key(), Some(sprint_id()), at(9), vec![WorkItemId::new(3).unwrap()]);
        check.whole = Some(WholeLevel { level: Level::Full, outage: None });
        check.calls_wait.ask(at(12), at(9));
        assert_eq!(SourceCheck::decode(&check.encode()).unwrap(), check);
    }
}
