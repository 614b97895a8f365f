//! Boards as they once were, computed from the lives of the team's items: of any day, and of sprints that are over.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use crate::board::figures::{Inputs, board_view};
use crate::board::snapshot::Snapshots;
use crate::domain::metrics::Figures;
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::{BoardView, ItemView, SprintReview};
use crate::domain::{
    Catalogue, CivilDate, Iteration, RevisionTold, Scope, SprintId, Text, Timestamp, WorkItemId, metrics,
};

/// Which past is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedPast {
    /// The end of a day in the team's zone, or now, where that is today.
    Day(CivilDate),
    /// The end of one of the team's sprints, or now, while that is running.
    Sprint(SprintId),
    /// The board of one of the team's sprints as of an instant; without one that of the sprint under way.
    Instant { at: Timestamp, sprint: Option<SprintId> },
}

/// Why there is no such board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPast {
    /// A board without a team has no past.
    WithoutTeam,
    /// The team is between two sprints.
    BetweenSprints,
    /// The team has no such sprint, or that has no dates.
    UnknownSprint,
    /// It is yet to come.
    Future,
    /// It was before the past that is known.
    Unknown,
    /// The past of the team is still being read.
    BeingRead,
}

/// A board as it once was.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PastBoard {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub demo: bool,
    /// The instant that it is told of.
    pub as_of: Timestamp,
    /// The day of that in the team's zone.
    pub day: CivilDate,
    /// By which version of the definitions it was computed.
    pub definition: u32,
    /// What became of the sprint; absent until it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<SprintReview>,
    #[serde(flatten)]
    pub board: BoardView,
}

/// Where a number of a board as it once was came from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PastExplanation {
    /// The instant that it is told of.
    pub as_of: Timestamp,
    /// The day of that in the team's zone.
    pub day: CivilDate,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub demo: bool,
    #[serde(flatten)]
    pub explanation: Explanation,
}

/// What a board as it once was is made of.
struct Then {
    catalogue: Arc<Catalogue>,
    project_name: Option<Text>,
    wanted: Wanted,
    /// The instant that it is told of.
    as_of: Timestamp,
    /// As it was known to be since.
    since: Inputs,
    inputs: Inputs,
    /// Which revision of each of the team's items is told.
    told: Vec<RevisionTold>,
}

impl Snapshots {
    /// The board of a scope's team as it once was.
    ///
    /// Errors: see [`NoPast`].
    pub fn past(&self, scope: Scope, asked: AskedPast) -> Result<PastBoard, NoPast> {
        let Then { catalogue, project_name, wanted, as_of, since, inputs, told } = self.then(scope, asked)?;
        let settings = self.calculator.settings();
        let to_review = wanted.to_review.and_then(|sprint| catalogue.sprint(sprint));
        let review = to_review.and_then(|of| metrics::review(&catalogue, of, settings, since.lives()));
        let figures = self.calculator.figures_once(&inputs, &told, as_of);
        // Of earlier revisions no tags are kept, so the goal is what bears the tag now, as titles are those of now.
        let goals = since.lives().filter(|item| settings.is_goal(&item.present().details.tags));
        let goals: BTreeSet<WorkItemId> = goals.map(|item| item.id).collect();
        let is_goal = |item: &ItemView| goals.contains(&item.id);
        // Whether it will be made is no question any more.
        let outlook = figures.outlook.filter(|_| review.is_none());
        let figures = Figures { outlook, ..figures };
        Ok(PastBoard {
            demo: self.demo,
            as_of,
            day: catalogue.calendar().day_of(as_of),
            definition: metrics::DEFINITION,
            review,
            board: board_view(&inputs, project_name, figures, as_of, is_goal),
        })
    }

    /// Where a number of that board comes from, or of the review of a sprint that is over, by what is known of it now; `None`
    /// when it has no such number.
    ///
    /// Errors: see [`NoPast`].
    pub fn explain_past(
        &self,
        scope: Scope,
        asked: AskedPast,
        metric: &str,
    ) -> Result<Option<PastExplanation>, NoPast> {
        let Then { catalogue, wanted, as_of, since, inputs, told, .. } = self.then(scope, asked)?;
        let explanation = match metrics::review_number(metric) {
            None => self.calculator.explain_as_told(&inputs, told, metric, as_of),
            Some(asked) => wanted
                .to_review
                .and_then(|sprint| self.calculator.explain_review(&since, catalogue.sprint(sprint)?, asked)),
        };
        let day = catalogue.calendar().day_of(as_of);
        Ok(explanation.map(|explanation| PastExplanation { as_of, day, demo: self.demo, explanation }))
    }

    fn then(&self, scope: Scope, asked: AskedPast) -> Result<Then, NoPast> {
        let now = (self.clock)();
        let state = self.fold.read();
        let catalogue = state.teams().catalogue_of(scope).cloned().ok_or(NoPast::WithoutTeam)?;
        let (since, teams) = (Inputs::with_lives(&state, scope, now), state.teams().clone());
        // Where no organisation is compared, what hooks told is let go as well once it is older than that.
        let known_from = (since.known_from.unwrap_or_else(|| teams.window_start(now)), since.days_off_from);
        let wanted = Wanted::of(&catalogue, scope.sprint, asked, known_from, now)?;
        if !since.knows_past() && wanted.end < now {
            return Err(NoPast::BeingRead);
        }
        let project_name = state.project_name(scope.project).cloned();
        drop(state);
        let (inputs, told) = since.as_of(wanted.sprint, wanted.end, &teams);
        // What happened since an instant is held against the numbers of that very instant.
        let is_instant = matches!(asked, AskedPast::Instant { .. });
        let as_of = if is_instant { wanted.end } else { last_instant_before(wanted.end) };
        Ok(Then { catalogue, project_name, wanted, as_of, since, inputs, told })
    }
}

/// Which board is told, and as of when.
struct Wanted {
    sprint: Option<SprintId>,
    /// The first instant that no longer counts.
    end: Timestamp,
    /// The sprint that is told of as a whole, once it is over.
    to_review: Option<SprintId>,
}

impl Wanted {
    fn of(
        catalogue: &Catalogue,
        under_way: Option<SprintId>,
        asked: AskedPast,
        (known_from, days_off_from): (Timestamp, Option<CivilDate>),
        now: Timestamp,
    ) -> Result<Self, NoPast> {
        let calendar = catalogue.calendar();
        let dated = |id| {
            let sprint = catalogue.sprint(id).ok_or(NoPast::UnknownSprint)?;
            let span = sprint.span().ok_or(NoPast::UnknownSprint)?;
            Ok((sprint, calendar.start_of(span.first()), calendar.end_of(span.last())))
        };
        let (sprint, began, end) = match asked {
            AskedPast::Day(day) => {
                let end = calendar.end_of(day);
                let sprint = catalogue.current_sprint(last_instant_before(end.min(now)));
                // What is told of a day counts from the beginning of its sprint on.
                let first = sprint.and_then(Iteration::span).map(|span| calendar.start_of(span.first()));
                (sprint, first.unwrap_or(end.min(now)), end)
            }
            AskedPast::Sprint(id) => {
                let (sprint, began, end) = dated(id)?;
                (Some(sprint), began, end)
            }
            AskedPast::Instant { at, sprint: None } => {
                let sprint = under_way.and_then(|sprint| catalogue.sprint(sprint));
                (Some(sprint.ok_or(NoPast::BetweenSprints)?), at, at)
            }
            AskedPast::Instant { at, sprint: Some(id) } => {
                let (sprint, began, _) = dated(id)?;
                (Some(sprint), began.min(at), at)
            }
        };
        let is_future = match asked {
            AskedPast::Day(day) => day > calendar.day_of(now),
            AskedPast::Sprint(_) | AskedPast::Instant { .. } => now < began,
        };
        if is_future {
            return Err(NoPast::Future);
        }
        let first = sprint.and_then(Iteration::span).map(|span| span.first());
        let is_before = began < known_from || first.is_some_and(|first| Some(first) < days_off_from);
        // The board of now is told whatever is known of its past, and says what is not.
        if is_before && end < now {
            return Err(NoPast::Unknown);
        }
        let is_of_a_whole = matches!(asked, AskedPast::Sprint(_)) && end <= now;
        let sprint = sprint.map(|sprint| sprint.id);
        Ok(Self { sprint, end: end.min(now), to_review: sprint.filter(|_| is_of_a_whole) })
    }
}

/// The last millisecond before an instant: the day that ends then is still that one.
const fn last_instant_before(end: Timestamp) -> Timestamp {
    Timestamp::from_epoch_ms(end.epoch_ms() - 1)
}
