//! Boards as they once were, computed from the lives of the team's items: of any day, and of sprints that are over.

use serde::Serialize;

use crate::board::figures::{Inputs, item_views};
use crate::board::snapshot::Snapshots;
use crate::domain::wire::view::{BoardView, Named, SprintReview, SprintView};
use crate::domain::{CivilDate, Scope, SprintId, Timestamp, metrics};

/// Which past is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedPast {
    /// The end of a day in the team's zone, or now, where that is today.
    Day(CivilDate),
    /// The end of one of the team's sprints, or now, while that is running.
    Sprint(SprintId),
}

/// Why there is no such board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPast {
    /// A board without a team has no past.
    WithoutTeam,
    /// The team has no such sprint, or that has no dates.
    UnknownSprint,
    /// It is yet to come.
    Future,
    /// It was before the past that is known.
    Unknown,
}

/// A board as it once was.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PastBoard {
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

impl Snapshots {
    /// The board of a scope's team as it once was.
    ///
    /// Errors: see [`NoPast`].
    pub fn past(&self, scope: Scope, asked: AskedPast) -> Result<PastBoard, NoPast> {
        let now = (self.clock)();
        let (inputs, teams, project_name) = {
            let state = self.fold.read();
            let name = state.project_name(scope.project).cloned();
            (Inputs::with_lives(&state, scope), state.teams().clone(), name)
        };
        let catalogue = inputs.catalogue.clone().ok_or(NoPast::WithoutTeam)?;
        let calendar = catalogue.calendar();
        let (sprint, end) = match asked {
            AskedPast::Day(day) if day > calendar.day_of(now) => return Err(NoPast::Future),
            AskedPast::Day(day) => {
                let end = calendar.end_of(day).min(now);
                (catalogue.current_sprint(last_instant_before(end)), end)
            }
            AskedPast::Sprint(id) => {
                let sprint = catalogue.sprint(id).ok_or(NoPast::UnknownSprint)?;
                let span = sprint.span().ok_or(NoPast::UnknownSprint)?;
                if calendar.day_of(now) < span.first() {
                    return Err(NoPast::Future);
                }
                (Some(sprint), calendar.end_of(span.last()).min(now))
            }
        };
        let began = match asked {
            AskedPast::Sprint(_) => {
                sprint.and_then(|sprint| sprint.span()).map(|span| calendar.start_of(span.first()))
            }
            AskedPast::Day(_) => Some(end),
        };
        if inputs.known_from.is_some() && began < inputs.known_from {
            return Err(NoPast::Unknown);
        }
        let as_of = last_instant_before(end);
        let (then, told) = inputs.as_of(sprint.map(|sprint| sprint.id), end, &teams);
        let figures = self.calculator.figures_once(&then, &told, as_of);
        let settings = self.calculator.settings();
        let review = sprint.and_then(|sprint| metrics::review(&catalogue, sprint, settings, inputs.lives()));
        let ended =
            sprint.and_then(|sprint| sprint.span()).is_some_and(|span| calendar.end_of(span.last()) <= now);
        Ok(PastBoard {
            as_of,
            day: calendar.day_of(as_of),
            definition: metrics::DEFINITION,
            review: review.filter(|_| ended && matches!(asked, AskedPast::Sprint(_))),
            board: BoardView {
                project: Named { id: scope.project, name: project_name },
                team: scope.team.map(|id| Named { id, name: Some(catalogue.team_name.clone()) }),
                sprint: sprint.map(|sprint| SprintView::of(&catalogue, sprint, as_of)),
                next_sprint: None,
                metrics: figures.metrics,
                states: figures.states,
                items: Some(item_views(&then, as_of)),
                burndown: figures.burndown,
                outlook: figures.outlook,
                scope_changes: figures.scope_changes,
                history: figures.history,
                missing: then.missing.clone(),
                backfill: None,
            },
        })
    }
}

/// The last millisecond before an instant: the day that ends then is still that one.
const fn last_instant_before(end: Timestamp) -> Timestamp {
    Timestamp::from_epoch_ms(end.epoch_ms() - 1)
}
