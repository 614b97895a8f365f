//! Within what a metric is computed: a team's catalogue, one of its sprints, the settings, and the time.

use crate::domain::{Calendar, Catalogue, CivilDate, Iteration, Span, Timestamp};

/// After how many whole working days without a change an open item is stale, unless a setting says otherwise.
pub const STALE_WORKING_DAYS_DEFAULT: u32 = 5;

/// How many calendar days after the first working day still belong to planning, unless a setting says otherwise.
pub const GRACE_DAYS_DEFAULT: u32 = 0;

/// The longest sprint whose burndown is drawn, in calendar days. A longer one is a mistyped year, and must not cost
/// a row for each day of it.
const BURNDOWN_DAYS_MAX: i64 = 366;

/// Over how many calendar days lead time looks back, today among them.
pub(super) const LEAD_DAYS: u32 = 90;

/// What a team may set about its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricSettings {
    /// After how many whole working days without a change an open item is stale; at least 1.
    pub stale_working_days: u32,
    /// How many calendar days after the first working day still belong to planning.
    pub grace_days: u32,
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self { stale_working_days: STALE_WORKING_DAYS_DEFAULT, grace_days: GRACE_DAYS_DEFAULT }
    }
}

/// A calendar day of the sprint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    pub(super) date: CivilDate,
    /// The first instant that no longer belongs to it.
    pub(super) end: Timestamp,
    /// Whether the team works on it.
    pub(super) working: bool,
}

/// A team's catalogue, one of its sprints and the settings: everything but the items and the time.
///
/// The instants at which the sprint's days end are worked out once here, and not for every item.
#[derive(Clone, Debug)]
pub struct SprintContext<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) sprint: &'a Iteration,
    pub(super) settings: MetricSettings,
    pub(super) span: Option<Span>,
    /// The first instant of the sprint, and the first one after it.
    pub(super) bounds: Option<(Timestamp, Timestamp)>,
    /// Empty while the sprint has no dates, and when it has more days than a burndown is drawn for.
    pub(super) days: Vec<Day>,
}

impl<'a> SprintContext<'a> {
    /// The frame of one of the catalogue's sprints.
    pub fn new(catalogue: &'a Catalogue, sprint: &'a Iteration, settings: MetricSettings) -> Self {
        let (calendar, span) = (catalogue.calendar(), sprint.span());
        let drawn = span.filter(|span| span.len_days() <= BURNDOWN_DAYS_MAX);
        let day = |date| Day { date, end: calendar.end_of(date), working: calendar.is_working(date) };
        Self {
            catalogue,
            sprint,
            settings,
            span,
            bounds: span.map(|span| (start_of(calendar, span.first()), calendar.end_of(span.last()))),
            days: drawn.into_iter().flat_map(Span::days).map(day).collect(),
        }
    }

    /// Whether an instant falls on one of the sprint's days; never while it has none.
    pub(super) fn contains(&self, at: Timestamp) -> bool {
        self.bounds.is_some_and(|(start, end)| start <= at && at < end)
    }
}

/// A frame at an instant, with what follows from both and is asked for every item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) frame: &'a SprintContext<'a>,
    pub(super) now: Timestamp,
    /// The day of `now` in the team's zone.
    pub(super) today: CivilDate,
    /// An open item that was last changed before this is stale; `None` when the team has no working days.
    pub(super) stale_before: Option<Timestamp>,
    /// The first instant of the days over which lead time looks back.
    pub(super) lead_from: Timestamp,
}

impl<'a> Moment<'a> {
    pub(super) fn new(frame: &'a SprintContext<'a>, now: Timestamp) -> Self {
        let calendar = frame.catalogue.calendar();
        let today = calendar.day_of(now);
        let first_day = today - chrono::TimeDelta::days(i64::from(LEAD_DAYS) - 1);
        Self {
            frame,
            now,
            today,
            stale_before: stale_before(calendar, today, frame.settings.stale_working_days.max(1)),
            lead_from: start_of(calendar, first_day),
        }
    }
}

/// The first instant after the latest day that `wanted` whole working days followed before `today`.
fn stale_before(calendar: Calendar<'_>, today: CivilDate, wanted: u32) -> Option<Timestamp> {
    let wanted = usize::try_from(wanted).ok()?;
    // A week without a day off comes within as many weeks as there are days off, so the walk is short.
    let enough = wanted.saturating_add(calendar.days_off.len() + 1).saturating_mul(7);
    let over = today.iter_days().rev().skip(1).take(enough);
    let first_unchanged = over.filter(|day| calendar.is_working(*day)).nth(wanted - 1)?;
    Some(start_of(calendar, first_unchanged))
}

fn start_of(calendar: Calendar<'_>, day: CivilDate) -> Timestamp {
    calendar.end_of(day.pred_opt().unwrap_or(day))
}
