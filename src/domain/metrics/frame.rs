//! Within what a metric is computed: a team's catalogue, one of its sprints, the settings, and the time.

use std::sync::Arc;

use super::periods::sprints::{EarlierSprint, planned_until, sprints_before};
use super::periods::throughput::WorkedDays;
use crate::domain::wire::view::Unit;
use crate::domain::{Calendar, Catalogue, CivilDate, Facts, Hundredths, Iteration, Span, Text, Timestamp};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSettings {
    /// After how many whole working days without a change an open item is stale; at least 1.
    pub stale_working_days: u32,
    /// How many calendar days after the first working day still belong to planning.
    pub grace_days: u32,
    /// By which tags a bug is marked that was found after a release, in any case; none where nobody does.
    pub escaped_tags: Arc<[Text]>,
    /// By which tag, in any case, the work item is marked whose title is a sprint's goal.
    pub goal_tag: Text,
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self {
            stale_working_days: STALE_WORKING_DAYS_DEFAULT,
            grace_days: GRACE_DAYS_DEFAULT,
            escaped_tags: Arc::default(),
            goal_tag: Self::goal_tag_default(),
        }
    }
}

impl MetricSettings {
    /// The tag that marks a sprint's goal where no setting says otherwise.
    pub fn goal_tag_default() -> Text {
        "Sprint Goal".into()
    }

    /// Whether a work item bears the tag of a sprint's goal.
    pub(crate) fn is_goal(&self, tags: &[Text]) -> bool {
        tags.iter().any(|tag| tag.to_lowercase() == self.goal_tag.to_lowercase())
    }

    /// Whether a tag says that a bug was found after a release.
    pub(super) fn is_escaped(&self, tag: &str) -> bool {
        self.escaped_tags.iter().any(|escaped| escaped.to_lowercase() == tag.to_lowercase())
    }

    /// Whether an earlier revision bore such a tag; `None` where that is not kept.
    pub(super) fn was_escaped(&self, facts: &Facts) -> Option<bool> {
        let borne: Vec<Option<bool>> = self.escaped_tags.iter().map(|tag| facts.bore(tag)).collect();
        let is_one = borne.contains(&Some(true));
        (is_one || !borne.contains(&None)).then_some(is_one)
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
    /// The first instant at which the sprint is planned: what comes or goes from then on is a change of its scope. `None`
    /// while it has no dates.
    pub(super) planned_until: Option<Timestamp>,
    /// The sprints before this one, oldest first; which of them are over depends on the time.
    pub(super) before: Vec<EarlierSprint<'a>>,
    /// Whether the team's past was read as far back as numbers look.
    pub(super) past: Past,
    /// From when on that is known; `None` where it is from the beginning, or nobody can tell.
    pub(super) known_from: Option<Timestamp>,
    /// The first day from which on the team's days off are known.
    pub(super) days_off_from: Option<CivilDate>,
    /// Whether the sprint before this one began before the past that is known.
    pub(super) lacks_sprint_before: bool,
    /// Whether any sprint before this one did.
    pub(super) lacks_earlier_sprints: bool,
}

/// How much is known of what was before this process, or the journal, began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// As far back as numbers look.
    Read,
    /// It is still being read: work items may be missing that left the sprint, or the team, since.
    BeingRead,
}

impl<'a> SprintContext<'a> {
    /// The frame of one of the catalogue's sprints.
    pub fn new(catalogue: &'a Catalogue, sprint: &'a Iteration, settings: MetricSettings) -> Self {
        let (calendar, span) = (catalogue.calendar(), sprint.span());
        let grace_days = settings.grace_days;
        let drawn = span.filter(|span| span.len_days() <= BURNDOWN_DAYS_MAX);
        let planned = |span| planned_until(calendar, span, grace_days);
        let day = |date| Day { date, end: calendar.end_of(date), working: calendar.is_working(date) };
        Self {
            catalogue,
            sprint,
            settings,
            span,
            bounds: span.map(|span| (calendar.start_of(span.first()), calendar.end_of(span.last()))),
            days: drawn.into_iter().flat_map(Span::days).map(day).collect(),
            planned_until: span.map(planned),
            before: sprints_before(catalogue, sprint, grace_days),
            past: Past::Read,
            known_from: None,
            days_off_from: catalogue.days_off_known_from(),
            lacks_sprint_before: false,
            lacks_earlier_sprints: false,
        }
    }

    /// The same where the past is known from a moment on: sprints that began before are not told of, nor those before the ones
    /// of which the days off are known, because when they were planned depends on these.
    #[must_use]
    pub fn with_known_from(
        mut self,
        known_from: Option<Timestamp>,
        days_off_from: Option<CivilDate>,
    ) -> Self {
        let calendar = self.catalogue.calendar();
        let begins_before = |sprint: &EarlierSprint<'_>| {
            let first = sprint.iteration.span().map(|span| span.first());
            first.map(|first| calendar.start_of(first)) < known_from || first < days_off_from
        };
        self.lacks_sprint_before = self.before.last().is_some_and(begins_before);
        self.lacks_earlier_sprints = self.before.iter().any(begins_before);
        self.before.retain(|sprint| !begins_before(sprint));
        Self { known_from, days_off_from, ..self }
    }

    /// The same where so much is known of the past.
    #[must_use]
    pub fn with_past(self, past: Past) -> Self {
        Self { past, ..self }
    }

    /// Whether an instant falls on one of the sprint's days; never while it has none.
    pub(super) fn contains(&self, at: Timestamp) -> bool {
        self.bounds.is_some_and(|(start, end)| start <= at && at < end)
    }
}

/// A frame at an instant, with what follows from both, and from all items together, and is asked for every item.
#[derive(Clone, Debug)]
pub(super) struct Moment<'a> {
    pub(super) frame: &'a SprintContext<'a>,
    pub(super) now: Timestamp,
    /// The day of `now` in the team's zone.
    pub(super) today: CivilDate,
    /// The first day that is not over: today, or tomorrow where `now` is the last millisecond of today, as of which a day is
    /// told that is over.
    pub(super) first_left: CivilDate,
    /// An open item that was last changed before this is stale; `None` when the team has no working days.
    pub(super) stale_before: Option<Timestamp>,
    /// The first of the days over which lead and cycle time look back.
    pub(super) lead_from: CivilDate,
    /// The first of them of which all is known.
    pub(super) counted_from: CivilDate,
    /// The first of them of which it is also known whether it was a working day: not those of sprints whose days off are not
    /// known.
    pub(super) worked_from: CivilDate,
    /// The first of seven days, of which today is the last, or of those of them of which all is known.
    pub(super) week_from: CivilDate,
    /// The working days that are over, which throughput and forecast look at.
    pub(super) worked: WorkedDays,
    /// Whether the sprint is planned: its original scope does not change any more.
    pub(super) is_planned: bool,
    /// From which age on an item in progress is aging: the team's own 85th percentile of cycle time, in days.
    pub(super) aging_above: Option<Hundredths>,
    /// The first day of which it is known what was completed on it, where that is not from the beginning.
    pub(super) first_day: Option<CivilDate>,
    /// What the scope and its changes are counted in: points, or items where nothing is estimated.
    pub(super) unit: Unit,
    /// The same of the sprints before.
    pub(super) velocity_unit: Unit,
}

impl<'a> Moment<'a> {
    pub(super) fn new(frame: &'a SprintContext<'a>, now: Timestamp) -> Self {
        let calendar = frame.catalogue.calendar();
        let today = calendar.day_of(now);
        let is_over = now.epoch_ms() + 1 >= calendar.end_of(today).epoch_ms();
        let first_left = today.succ_opt().filter(|_| is_over).unwrap_or(today);
        let back = |days: u32| today - chrono::TimeDelta::days(i64::from(days) - 1);
        // What was completed before that some know and some do not.
        let first_known = frame.known_from.and_then(|from| calendar.day_of(from).succ_opt());
        let known = |day: CivilDate| first_known.map_or(day, |first| first.max(day));
        let counted_from = known(back(LEAD_DAYS));
        let unread = frame.catalogue.dated().map(|(span, _)| span);
        let unread = unread.filter(|span| Some(span.first()) < frame.days_off_from);
        let worked_from = unread.filter_map(|span| span.last().succ_opt()).fold(counted_from, CivilDate::max);
        Self {
            frame,
            now,
            today,
            first_left,
            stale_before: stale_before(calendar, today, frame.settings.stale_working_days.max(1)),
            lead_from: back(LEAD_DAYS),
            counted_from,
            worked_from,
            week_from: known(back(7)),
            worked: WorkedDays::before(first_left, calendar),
            is_planned: frame.planned_until.is_some_and(|planned| planned <= now),
            aging_above: None,
            first_day: None,
            unit: Unit::Points,
            velocity_unit: Unit::Points,
        }
    }

    /// The sprints before that are over, oldest first, with their places among those before.
    pub(super) fn finished(&self) -> impl DoubleEndedIterator<Item = (usize, &'a EarlierSprint<'a>)> {
        let now = self.now;
        self.frame.before.iter().enumerate().filter(move |(_, sprint)| sprint.ends_at <= now)
    }

    /// The place of the last of them.
    pub(super) fn last_finished(&self) -> Option<usize> {
        self.finished().next_back().map(|(place, _)| place)
    }
}

/// The first instant after the latest day that `wanted` whole working days followed before `today`.
fn stale_before(calendar: Calendar<'_>, today: CivilDate, wanted: u32) -> Option<Timestamp> {
    let wanted = usize::try_from(wanted).ok()?;
    // A week without a day off comes within as many weeks as there are days off, so the walk is short.
    let enough = wanted.saturating_add(calendar.days_off.len() + 1).saturating_mul(7);
    let over = today.iter_days().rev().skip(1).take(enough);
    let first_unchanged = over.filter(|day| calendar.is_working(*day)).nth(wanted - 1)?;
    Some(calendar.start_of(first_unchanged))
}
