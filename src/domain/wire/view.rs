//! The objects that events and snapshots carry: the wire shapes of boards, items, metrics and sprints.
//!
//! Absent is `null`, never missing, unless a field says otherwise. Dates are calendar dates, instants epoch ms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::domain::sprint::rank::{ORDER_FIELDS, Rank};
pub(crate) use crate::domain::wire::backfill::{PastProgress, RevisionsRead};
pub(crate) use crate::domain::wire::burndown::{Burndown, BurndownDay, BurndownPoint};
pub(crate) use crate::domain::wire::goal::SprintGoal;
pub(crate) use crate::domain::wire::last_change::LastChange;
pub(crate) use crate::domain::wire::outage::{OTHER_TEAM_FIELD, Outage, Progress};
pub(crate) use crate::domain::wire::unit::Unit;
use crate::domain::{
    BacklogLevel, BlockedRules, Catalogue, CivilDate, EFFORT_FIELDS, EntryId, History, Hundredths, Identity,
    Iteration, Level, People, Present, ProjectId, Scope, Span, SprintId, SprintState, StateCategory, TeamId,
    Text, Timestamp, WorkItem, WorkItemId,
};

/// A work item as a board shows it. The same shape in `snapshot`, `workitems_updated` and `workitem_changed`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemView {
    pub id: WorkItemId,
    pub rev: u32,
    #[serde(rename = "type")]
    pub work_item_type: Text,
    /// Its title, at most 1,000 characters.
    pub title: Text,
    pub state: Text,
    /// The category of its state; `null` while no catalogue of a team is known.
    pub state_category: Option<StateCategory>,
    /// When it came into its state; absent where nobody can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_since: Option<Timestamp>,
    pub assigned_to: Option<Identity>,
    /// Its effort, in the unit of the team's process; `null` means not estimated, which is not 0.
    pub effort: Option<Hundredths>,
    pub remaining_work: Option<Hundredths>,
    pub iteration_path: Text,
    pub area_path: Text,
    pub tags: Vec<Text>,
    pub blocked: bool,
    /// By what it is blocked, such as `tag Blocked`; `null` where it is not.
    pub blocked_by: Option<Text>,
    /// Since when it is blocked; absent where it is not, or nobody can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_since: Option<Timestamp>,
    /// When the revision was made.
    pub changed_at: Timestamp,
    pub url: Option<Text>,
    /// Elapsed days since it was started, one decimal; `null` when it is not in progress or nobody can tell.
    pub age_days: Option<f64>,
    /// The item that it is a part of.
    pub parent: Option<WorkItemId>,
    /// Where it stands in the backlog, the smallest first; `null` where it has no place there.
    pub rank: Option<Number>,
    /// The backlog that its type is on; `null` where that is neither, or the team's backlogs are not known.
    pub backlog: Option<BacklogLevel>,
}

impl ItemView {
    /// The view of an item on a board: as the team's catalogue sees it, or as far as the item alone can tell.
    pub fn shown(item: &WorkItem, catalogue: Option<&Catalogue>, people: &People, now: Timestamp) -> Self {
        let view = match catalogue {
            Some(catalogue) => Self::on_board(item, catalogue, now),
            None => Self { blocked_since: BlockedRules::default().since(item), ..Self::of(item.present()) },
        };
        let assigned_to = view.assigned_to.map(|who| people.known(&who));
        Self { assigned_to, state_since: item.state_since(), ..view }
    }

    /// The view of an item's newest revision, as far as the item alone can tell.
    pub fn of(present: Present<'_>) -> Self {
        let facts = &present.claim.facts;
        let blocked_by = BlockedRules::default().told(present);
        Self {
            id: present.id,
            rev: present.rev,
            work_item_type: facts.work_item_type.clone(),
            title: present.details.title.clone(),
            state: facts.state.clone(),
            state_category: None,
            state_since: None,
            assigned_to: present.details.assigned_to.clone(),
            effort: EFFORT_FIELDS.iter().find_map(|field| facts.effort.get(*field)).copied(),
            remaining_work: facts.remaining_work,
            iteration_path: facts.iteration_path.clone(),
            area_path: facts.area_path.clone(),
            tags: present.details.tags.clone(),
            blocked: blocked_by.is_some(),
            blocked_by,
            blocked_since: None,
            changed_at: present.claim.changed_at,
            url: present.details.url.clone(),
            age_days: None,
            parent: present.details.parent,
            rank: ORDER_FIELDS.iter().find_map(|field| present.rank_by(field)).and_then(Rank::number),
            backlog: None,
        }
    }
}

/// An id with a name for display.
#[derive(Clone, Debug, Serialize)]
pub struct Named<Id> {
    pub id: Id,
    pub name: Option<Text>,
}

/// A sprint of a team.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SprintView {
    pub id: SprintId,
    pub name: Text,
    pub path: Text,
    pub start_date: Option<CivilDate>,
    pub finish_date: Option<CivilDate>,
    /// Its working days; `null` while they cannot be read, as is what is left of them.
    pub working_days: Option<u32>,
    /// Working days left, today among them.
    pub days_left: Option<u32>,
    pub state: SprintState,
    /// Its goal; absent where none is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<SprintGoal>,
}

impl SprintView {
    /// A sprint of a team, as it lies relative to an instant's day in the team's zone.
    pub fn of(catalogue: &Catalogue, sprint: &Iteration, now: Timestamp) -> Self {
        let calendar = catalogue.calendar();
        let span = sprint.span();
        let days =
            |count: &dyn Fn(Span) -> u32| catalogue.knows_working_days().then(|| span.map_or(0, count));
        Self {
            id: sprint.id,
            name: sprint.name.clone(),
            path: sprint.paths.first().cloned().unwrap_or_default(),
            start_date: sprint.start,
            finish_date: sprint.finish,
            working_days: days(&|span| calendar.working_days(span)),
            days_left: days(&|span| calendar.left(span, calendar.day_of(now))),
            // A sprint without dates is one that nobody has scheduled yet.
            state: catalogue.sprint_state(sprint, now).unwrap_or(SprintState::Future),
            goal: None,
        }
    }
}

/// The sprint that a team without a current one looks forward to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextSprint {
    pub name: Text,
    pub start_date: CivilDate,
}

/// A metric's value, with what is needed to trust it.
#[derive(Clone, Debug, Serialize)]
pub struct MetricView {
    /// The value; `null` when it cannot be computed, never a guessed 0.
    pub value: Option<Hundredths>,
    pub unit: Unit,
    /// Why the value is `null`; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Present only when the value rests on a field known to mislead, because a revision is missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
    /// What is not known of the past that the number tells of; absent where that is nothing. A value beside it is of what is
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<Text>,
    /// Series and parts of `hours.capacity`, `velocity.*`, `throughput.*` and `forecast.*`; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// How many items are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateCount {
    pub name: Text,
    /// Its category; `null` while no catalogue is known.
    pub category: Option<StateCategory>,
    pub items: usize,
    /// Their effort; `null` while nobody can tell which field counts.
    pub points: Option<Hundredths>,
}

/// Whether a sprint is going to be completed in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SprintVerdict {
    OnTrack,
    AtRisk,
    Behind,
    Unknown,
}

/// What is to be said of a sprint: "will we make it?"
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outlook {
    pub verdict: SprintVerdict,
    /// The verdict in a sentence, or why there is none.
    pub text: Text,
    /// What of the past it does not know that it would rest on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<Text>,
    /// The numbers that it rests on.
    pub inputs: Value,
}

/// What became of a sprint that is over, in points or in items.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SprintReview {
    pub unit: Unit,
    /// What it was planned with.
    pub planned: Hundredths,
    /// What was completed, and in it, when it ended.
    pub completed: Hundredths,
    /// What was completed after its end, still in it.
    pub late: Hundredths,
    /// What was planned and not completed when it ended.
    pub incomplete: Hundredths,
    /// The share of what was planned that was completed in it, in percent; `null` where nothing was planned.
    pub say_do: Option<Hundredths>,
    /// From when on nothing is completed late any more.
    pub settled_at: Timestamp,
    /// Items of which it is not known what became of them.
    pub unknown_items: u32,
}

/// A change of a sprint's scope after it was planned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScopeChangeView {
    pub id: WorkItemId,
    pub title: Text,
    pub kind: ScopeChangeKind,
    /// By how much the scope grew, in the unit of the burndown; negative where it shrank. Of what was carried over, what it
    /// was worth when the sprint was planned.
    pub amount: Hundredths,
    /// What made it, in words.
    pub reason: &'static str,
    pub by: Option<Identity>,
    pub at: Timestamp,
}

/// What a change of scope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeChangeKind {
    /// It was in the sprint when that was planned, left open by the sprint before; no change of the scope.
    CarriedOver,
    Added,
    Removed,
    Reestimated,
}

/// A board as a client receives it: full truth, replacing what the client held.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardView {
    pub project: Named<ProjectId>,
    pub team: Option<Named<TeamId>>,
    /// The sprint; `null` between two sprints and where no team is known.
    pub sprint: Option<SprintView>,
    /// The sprint to come; absent unless `sprint` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_sprint: Option<Option<NextSprint>>,
    pub metrics: BTreeMap<&'static str, MetricView>,
    pub states: Vec<StateCount>,
    /// The items, by number; absent when the whole would be above 64 kB, with `url` and `etag` beside `data` then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<ItemView>>,
    /// Burndown; `null` outside a sprint.
    pub burndown: Option<Burndown>,
    /// Whether the sprint is going to be completed in time; `null` outside a sprint.
    pub outlook: Option<Outlook>,
    /// What changed the scope after the sprint was planned, oldest first; of more than a hundred changes the newest.
    pub scope_changes: Vec<ScopeChangeView>,
    /// How the newest change came here; absent where none was told since this instance began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LastChange>,
    /// Whether every revision of every item is known.
    pub history: History,
    /// What is missing on the board, and why; absent where nothing is known to be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// How far the past of the team is read; absent unless it is being read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backfill: Option<PastProgress>,
}

/// Something that is missing on a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The work item that is missing; `None` where it is history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_item_id: Option<WorkItemId>,
    pub reason: Text,
}

/// A scope with the names a person knows it by.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScopeView {
    pub project_id: ProjectId,
    pub project: Option<Text>,
    pub team_id: Option<TeamId>,
    pub team: Option<Text>,
    pub sprint_id: Option<SprintId>,
    pub sprint: Option<Text>,
}

impl ScopeView {
    /// A scope with its project's name, and with those of its team and its sprint where there is a team.
    pub fn of(scope: Scope, project: Option<Text>, catalogue: Option<&Catalogue>) -> Self {
        let sprint = scope.sprint.and_then(|id| catalogue?.sprint(id));
        Self {
            project_id: scope.project,
            project,
            team_id: scope.team,
            team: catalogue.map(|catalogue| catalogue.team_name.clone()),
            sprint_id: scope.sprint,
            sprint: sprint.map(|sprint| sprint.name.clone()),
        }
    }
}

/// What is written in the place of a team for the board of what is no team's.
pub(crate) const NO_TEAM: &str = "-";

/// Where the board of a scope is; `at` is a position that the answer must have reached.
pub(crate) fn board_url(scope: Scope, at: Option<EntryId>) -> String {
    let team = scope.team.map_or_else(|| NO_TEAM.to_owned(), |team| team.to_string());
    let at = at.map(|at| format!("&at={at}")).unwrap_or_default();
    format!("/api/snapshot?project={}&team={team}{at}", scope.project)
}

/// A row of the directory.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryRow {
    #[serde(flatten)]
    pub scope: ScopeView,
    pub level: Level,
    /// Whether it is a simulated board.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mock: bool,
    pub data_as_of: Option<Timestamp>,
    pub url: String,
}

/// What there is: the answer of `GET snapshot` without a filter.
#[derive(Clone, Debug, Serialize)]
pub struct Directory {
    /// Every scope that has a board.
    pub scopes: Vec<DirectoryRow>,
    /// The worst level of all.
    pub level: Level,
    /// Whether any of them is simulated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mock: bool,
    /// While no board is known: why there is none, as far as the organisation is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    /// The position of the log that this is the state of.
    pub cursor: String,
}
