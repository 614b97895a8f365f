//! The figures of boards: metrics, burndown and states, computed from the fold. What one item contributes is kept until
//! the item or what is known of its team changes, so that one change costs one item and the sums.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::board::projection::{KnownItem, Projection};
use crate::domain::metrics::{
    self, AskedNumber, Digest, Figures, HappenedSince, MetricSettings, Past, SprintContext,
};
use crate::domain::sprint::teams::looked_back_at;
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::{BoardView, ItemView, Missing, Named, SprintGoal, SprintView, StateCount};
use crate::domain::{
    Catalogue, CivilDate, History, Iteration, People, RevisionTold, Scope, SprintId, StateCategory, TeamKey,
    Teams, Text, Timestamp, WorkItem, WorkItemId,
};
use crate::journal::Version;

/// What a board's figures are made of, copied out of the fold so that computing does not hold it.
#[derive(Clone)]
pub struct Inputs {
    /// The board.
    pub scope: Scope,
    /// What is known of its team, if it has one.
    pub catalogue: Option<Arc<Catalogue>>,
    /// The items it shows, by number.
    pub items: Vec<Arc<WorkItem>>,
    /// The items that are or ever were its team's, by number; empty for a board without a sprint.
    team_items: Vec<KnownItem>,
    people: Arc<People>,
    past: Past,
    /// From when on the past of the team is known, where it was read.
    pub(super) known_from: Option<Timestamp>,
    /// The first day from which on its days off are known.
    pub(super) days_off_from: Option<CivilDate>,
    /// What is known to be missing.
    pub missing: Vec<Missing>,
}

impl Inputs {
    /// What the board of `scope` is made of now.
    pub fn of(state: &Projection, scope: Scope, now: Timestamp) -> Self {
        let sprint = scope.sprint.and_then(|_| TeamKey::of(scope));
        Self {
            scope,
            catalogue: state.teams().catalogue_of(scope).cloned(),
            items: state.items_of(scope),
            team_items: sprint.into_iter().flat_map(|team| state.items_of_team(team)).cloned().collect(),
            people: state.people().clone(),
            past: if knows_past(state, scope) { Past::Read } else { Past::BeingRead },
            known_from: known_from(state, scope, now),
            days_off_from: state.teams().catalogue_of(scope).and_then(|team| days_off_from(team, now)),
            missing: missing(state, scope),
        }
    }
}

impl Inputs {
    /// The same with the lives of its team's items, also between two sprints.
    pub(super) fn with_lives(state: &Projection, scope: Scope, now: Timestamp) -> Self {
        let team_items = TeamKey::of(scope).into_iter().flat_map(|team| state.items_of_team(team)).cloned();
        Self { team_items: team_items.collect(), ..Self::of(state, scope, now) }
    }

    /// What the board of one of the team's sprints, or of none, was made of just before `end`, as far as revisions tell; and
    /// which revision of each of the team's items that is.
    pub(super) fn as_of(
        &self,
        sprint: Option<SprintId>,
        end: Timestamp,
        teams: &Teams,
    ) -> (Self, Vec<RevisionTold>) {
        let scope = Scope { sprint, ..self.scope };
        let then = |known: &KnownItem| {
            let (item, told) = known.item.as_of(end)?;
            Some((KnownItem { item: Arc::new(item), ..known.clone() }, told))
        };
        let (team_items, told): (Vec<KnownItem>, Vec<RevisionTold>) =
            self.team_items.iter().filter_map(then).unzip();
        let is_shown =
            |item: &WorkItem| !item.present().claim.facts.deleted && teams.homes_of(item).contains(&scope);
        let was_there = |item: &WorkItem| {
            let first = item.revisions().next().map(|(_, claim)| claim.changed_at);
            let created = item.present().details.created_at;
            let is_known = item.unseen_since().is_some() || item.history() == History::Complete;
            first >= Some(end) && created.is_none_or(|created| created < end) && !is_known
        };
        let unknown = self.lives().filter(|item| was_there(item)).count()
            + told.iter().filter(|told| **told == RevisionTold::BeforeGap).count();
        let mut missing = self.missing.clone();
        if unknown > 0 {
            let reason = format!("how {unknown} work items stood then is not known").into();
            missing.push(Missing { work_item_id: None, reason });
        }
        let shown = team_items.iter().filter(|known| is_shown(&known.item));
        let items = shown.map(|known| known.item.clone()).collect();
        (Self { scope, items, team_items, missing, ..self.clone() }, told)
    }

    /// Whether the past was read as far back as numbers look.
    pub(super) fn knows_past(&self) -> bool {
        self.past == Past::Read
    }

    /// The items that are or ever were the team's.
    pub(super) fn lives(&self) -> impl Iterator<Item = &WorkItem> {
        self.team_items.iter().map(|known| &*known.item)
    }

    /// The figures with people's ids, and what is known of the board's history.
    fn completed(&self, mut figures: Figures) -> Figures {
        for change in &mut figures.scope_changes {
            change.by = change.by.as_ref().map(|who| self.people.known(who));
        }
        Figures { history: self.history(figures.history), ..figures }
    }

    /// What is known of the history of the items that are there is the board's, unless something is missing.
    fn history(&self, of_items: History) -> History {
        if self.missing.is_empty() { of_items } else { History::Partial }
    }
}

/// From when on the past of a board's team is known, where it was read. What was before the window over which lives are kept
/// is let go, and nobody who comes today reads it: so all tell the same, whenever they began.
fn known_from(state: &Projection, scope: Scope, now: Timestamp) -> Option<Timestamp> {
    let past = TeamKey::of(scope).and_then(|team| state.checked().past_of(team))?;
    Some(past.from.max(state.teams().window_start(now)))
}

/// The first day from which on a team's days off are known to everybody: those of sprints that numbers look back at no more are
/// known to who was there alone.
fn days_off_from(team: &Catalogue, now: Timestamp) -> Option<CivilDate> {
    let asked = looked_back_at(team, now).filter_map(|sprint| Some(sprint.span()?.first())).min();
    team.days_off_known_from().map(|known| asked.map_or(known, |asked| known.max(asked)))
}

/// Whether the past of a board was read as far back as numbers look. Where no organisation is compared, what hooks told is all
/// that there is, and each life says itself what is missing of it.
pub(crate) fn knows_past(state: &Projection, scope: Scope) -> bool {
    let team = TeamKey::of(scope).filter(|team| state.checked().team(*team).is_some());
    team.is_none_or(|team| state.checked().past_of(team).is_some())
}

/// What is known to be missing on a team's board: items that cannot be read, and, until the past was read, those that left
/// the sprint before anybody compared it.
fn missing(state: &Projection, scope: Scope) -> Vec<Missing> {
    let of_team = TeamKey::of(scope).and_then(|team| state.checked().team(team));
    let Some(check) = of_team.filter(|check| check.sprint == scope.sprint) else { return Vec::new() };
    let unreadable = |id: &WorkItemId| Missing { work_item_id: Some(*id), reason: "unreadable".into() };
    let mut missing: Vec<Missing> = check.unreadable.iter().map(unreadable).collect();
    let began = state.teams().catalogue_of(scope).and_then(|catalogue| {
        let (first, calendar) = (catalogue.sprint(scope.sprint?)?.span()?.first(), catalogue.calendar());
        let since = calendar.day_of(check.since?);
        let is_known = check.past.is_some_and(|past| calendar.day_of(past.from) < first);
        (first < since && !is_known).then_some(since)
    });
    missing.extend(began.map(|since| Missing {
        work_item_id: None,
        reason: format!("work items that left the sprint before {since} are not known").into(),
    }));
    missing
}

/// Computes figures, and keeps what does not change.
#[derive(Default)]
pub struct Calculator {
    settings: MetricSettings,
    boards: Mutex<HashMap<Scope, Arc<Mutex<Kept>>>>,
}

/// What is kept of a board: the digests of its team's items, by number, as of what was known of the team, and of its past.
#[derive(Default)]
struct Kept {
    catalogue: Option<Arc<Catalogue>>,
    known_from: (Option<Timestamp>, Option<CivilDate>),
    digests: Vec<(Version, Digest)>,
}

impl Calculator {
    /// Computes by these settings.
    pub fn new(settings: MetricSettings) -> Self {
        Self { settings, boards: Mutex::default() }
    }

    /// The figures of a board.
    pub fn figures(&self, inputs: &Inputs, now: Timestamp) -> Figures {
        let Some(catalogue) = &inputs.catalogue else {
            return Figures { metrics: metrics::of_project(inputs.items.len()), ..without_metrics(inputs) };
        };
        // Between two sprints the team's items count in nothing.
        let sprint = inputs.scope.sprint.and_then(|sprint| catalogue.sprint(sprint));
        let Some(sprint) = sprint else { return without_metrics(inputs) };
        let frame = self.frame(inputs, catalogue, sprint);
        let kept = self.kept(inputs.scope);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.renew(inputs, catalogue, &frame);
        inputs.completed(metrics::compute(&frame, kept.digests.iter().map(|(_, digest)| digest), now))
    }

    /// The figures of a board as it once was, of whose items these revisions are told: nothing of it is kept.
    pub(super) fn figures_once(&self, inputs: &Inputs, told: &[RevisionTold], now: Timestamp) -> Figures {
        let sprint = inputs.catalogue.as_ref().and_then(|catalogue| catalogue.sprint(inputs.scope.sprint?));
        let (Some(catalogue), Some(sprint)) = (&inputs.catalogue, sprint) else {
            return without_metrics(inputs);
        };
        let frame = self.frame(inputs, catalogue, sprint);
        let digest = |(item, told): (&WorkItem, &RevisionTold)| Digest::told(item, *told, &frame);
        let digests: Vec<Digest> = inputs.lives().zip(told).map(digest).collect();
        inputs.completed(metrics::compute(&frame, digests.iter(), now))
    }

    fn frame<'c>(
        &self,
        inputs: &Inputs,
        catalogue: &'c Catalogue,
        sprint: &'c Iteration,
    ) -> SprintContext<'c> {
        let frame = SprintContext::new(catalogue, sprint, self.settings.clone());
        frame.with_past(inputs.past).with_known_from(inputs.known_from, inputs.days_off_from)
    }

    /// What happened on a board since an instant; `None` where it has no sprint.
    pub(super) fn happened(
        &self,
        inputs: &Inputs,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<HappenedSince> {
        let catalogue = inputs.catalogue.as_ref()?;
        let sprint = catalogue.sprint(inputs.scope.sprint?)?;
        let frame = self.frame(inputs, catalogue, sprint);
        let mut happened = metrics::happened_since(&frame, inputs.lives(), since, now);
        for change in &mut happened.changes {
            change.by = change.by.as_ref().map(|who| inputs.people.known(who));
        }
        Some(happened)
    }

    /// By what metrics are computed.
    pub(super) const fn settings(&self) -> &MetricSettings {
        &self.settings
    }

    /// Where a number of a board comes from; `None` when the board has no such metric.
    pub fn explain(&self, inputs: &Inputs, metric: &str, now: Timestamp) -> Option<Explanation> {
        self.explain_as_told(inputs, std::iter::repeat(RevisionTold::Newest), metric, now)
    }

    /// The same of a board of whose items these revisions are told.
    pub(super) fn explain_as_told(
        &self,
        inputs: &Inputs,
        told: impl IntoIterator<Item = RevisionTold>,
        metric: &str,
        now: Timestamp,
    ) -> Option<Explanation> {
        let catalogue = inputs.catalogue.as_deref()?;
        let sprint = catalogue.sprint(inputs.scope.sprint?)?;
        let frame = self.frame(inputs, catalogue, sprint);
        let explanation = metrics::explain(metric, &frame, inputs.lives().zip(told), now)?;
        Some(Explanation { history: inputs.history(explanation.history), ..explanation })
    }

    /// Where a number of the review of one of the team's sprints comes from.
    pub(super) fn explain_review(
        &self,
        inputs: &Inputs,
        sprint: &Iteration,
        asked: AskedNumber,
    ) -> Option<Explanation> {
        let catalogue = inputs.catalogue.as_deref()?;
        let explanation = metrics::explain_review(asked, catalogue, sprint, &self.settings, inputs.lives())?;
        Some(Explanation { history: inputs.history(explanation.history), ..explanation })
    }

    fn kept(&self, scope: Scope) -> Arc<Mutex<Kept>> {
        let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.entry(scope).or_default().clone()
    }

    /// Forgets the boards that `keep` does not name.
    pub fn retain(&self, keep: impl Fn(Scope) -> bool) {
        let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.retain(|scope, _| keep(*scope));
    }
}

impl Kept {
    /// Digests what is new or changed; both lists are in the order of numbers.
    fn renew(&mut self, inputs: &Inputs, catalogue: &Arc<Catalogue>, frame: &SprintContext<'_>) {
        let items = &inputs.team_items;
        let is_of_catalogue = self.catalogue.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, catalogue));
        // Which sprints before are told of, and so where each stands among them, follows from how far back the past is known.
        let known_from = (inputs.known_from, inputs.days_off_from);
        if !is_of_catalogue || self.known_from != known_from {
            (self.catalogue, self.known_from) = (Some(catalogue.clone()), known_from);
            self.digests.clear();
        }
        let mut kept = std::mem::take(&mut self.digests).into_iter().peekable();
        self.digests.reserve(items.len());
        for known in items {
            while kept.next_if(|(_, digest)| digest.id < known.item.id).is_some() {}
            let same = |(version, digest): &(Version, Digest)| {
                digest.id == known.item.id && *version == known.version
            };
            let digest =
                kept.next_if(same).unwrap_or_else(|| (known.version, Digest::of(&known.item, frame)));
            self.digests.push(digest);
        }
    }
}

fn without_metrics(inputs: &Inputs) -> Figures {
    let complete = inputs.items.iter().all(|item| item.history() == History::Complete);
    Figures {
        metrics: BTreeMap::new(),
        states: states(&inputs.items),
        burndown: None,
        outlook: None,
        scope_changes: Vec::new(),
        history: inputs.history(if complete { History::Complete } else { History::Partial }),
    }
}

/// Items by state, as far as the items alone can tell.
fn states(items: &[Arc<WorkItem>]) -> Vec<StateCount> {
    let mut counts = BTreeMap::<&Text, usize>::new();
    for item in items {
        *counts.entry(&item.present().claim.facts.state).or_default() += 1;
    }
    let counts = counts.into_iter().map(|(name, items)| (name.clone(), items));
    counts.map(|(name, items)| StateCount { name, category: None, items, points: None }).collect()
}

/// A board with its figures, as of an instant; without what only a board of now has.
pub(super) fn board_view(
    inputs: &Inputs,
    project_name: Option<Text>,
    figures: Figures,
    at: Timestamp,
    is_goal: impl Fn(&ItemView) -> bool,
) -> BoardView {
    let scope = inputs.scope;
    let catalogue = inputs.catalogue.as_deref();
    let sprint = catalogue.and_then(|catalogue| Some((catalogue, catalogue.sprint(scope.sprint?)?)));
    let items = item_views(inputs, at);
    let goals =
        items.iter().filter(|item| item.state_category != Some(StateCategory::Removed) && is_goal(item));
    let goal = SprintGoal::first_of(goals.map(|item| (item.id, &item.title, item.rank.as_ref())));
    let team_name = catalogue.map(|catalogue| catalogue.team_name.clone());
    BoardView {
        project: Named { id: scope.project, name: project_name },
        team: scope.team.map(|id| Named { id, name: team_name }),
        sprint: sprint
            .map(|(catalogue, sprint)| SprintView { goal, ..SprintView::of(catalogue, sprint, at) }),
        next_sprint: None,
        metrics: figures.metrics,
        states: figures.states,
        items: Some(items),
        burndown: figures.burndown,
        outlook: figures.outlook,
        scope_changes: figures.scope_changes,
        last_change: None,
        history: figures.history,
        missing: inputs.missing.clone(),
        backfill: None,
    }
}

/// The items that a board shows.
fn item_views(inputs: &Inputs, now: Timestamp) -> Vec<ItemView> {
    let catalogue = inputs.catalogue.as_deref();
    inputs.items.iter().map(|item| ItemView::shown(item, catalogue, &inputs.people, now)).collect()
}
