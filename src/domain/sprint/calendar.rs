//! Working days: which days of a sprint a team works on, and on which day an instant falls.
//!
//! A day is a calendar day in the team's zone, and a change at exactly midnight belongs to the day that begins. A
//! working day is a day of the team's working week that the team has not taken off. The end of a sprint is the end of
//! its last day.

use chrono::{DateTime, Datelike, Days, NaiveTime, TimeDelta, TimeZone, Weekday};
use chrono_tz::Tz;

use crate::domain::time::{CivilDate, Timestamp};

/// From the first day to the last, both included; never reversed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    first: CivilDate,
    last: CivilDate,
}

impl Span {
    /// The days from `first` to `last`; `None` when they are the wrong way round or outside the years that Azure DevOps
    /// can write, 1 to 9999.
    pub fn new(first: CivilDate, last: CivilDate) -> Option<Self> {
        (first <= last && first.year() >= 1 && last.year() <= 9999).then_some(Self { first, last })
    }

    pub const fn first(self) -> CivilDate {
        self.first
    }

    pub const fn last(self) -> CivilDate {
        self.last
    }

    pub fn contains(self, day: CivilDate) -> bool {
        self.first <= day && day <= self.last
    }

    pub fn len_days(self) -> i64 {
        (self.last - self.first).num_days() + 1
    }

    pub fn days(self) -> impl Iterator<Item = CivilDate> {
        self.first.iter_days().take_while(move |day| *day <= self.last)
    }
}

/// A team's calendar.
#[derive(Clone, Copy, Debug)]
pub struct Calendar<'a> {
    pub zone: Tz,
    pub weekdays: &'a [Weekday],
    /// Days the whole team has off.
    pub days_off: &'a std::collections::BTreeSet<CivilDate>,
}

/// Instants that every zone can write as a date: the years 2 to 9998. What lies outside is drawn to their edge, for
/// a date that far away is a mistake of somebody's, and no reason to stop.
const DATED_MS: std::ops::RangeInclusive<i64> = -62_104_060_800_000..=253_370_764_800_000;

/// In which steps the first instant of a day is sought when its midnight was skipped by the clocks, and how many. A
/// day and an hour: islands have skipped a whole day to cross the date line.
const STEP_MINUTES: i64 = 15;
const STEPS: i64 = 100;

impl Calendar<'_> {
    /// The day on which an instant falls.
    pub fn day_of(&self, at: Timestamp) -> CivilDate {
        let ms = at.epoch_ms().clamp(*DATED_MS.start(), *DATED_MS.end());
        DateTime::from_timestamp_millis(ms).unwrap_or_default().with_timezone(&self.zone).date_naive()
    }

    /// The instant at which a day is over: the first one that no longer belongs to it.
    pub fn end_of(&self, day: CivilDate) -> Timestamp {
        let day = day.clamp(self.day_of(Timestamp::from_epoch_ms(i64::MIN)), self.day_of(FAR_AWAY));
        let midnight = (day + TimeDelta::days(1)).and_time(NaiveTime::MIN);
        (0..=STEPS)
            .map(|step| midnight + TimeDelta::minutes(STEP_MINUTES * step))
            .find_map(|local| self.zone.from_local_datetime(&local).earliest())
            .map_or(FAR_AWAY, |instant| Timestamp::from_epoch_ms(instant.timestamp_millis()))
    }

    /// The first instant of a day.
    pub fn start_of(&self, day: CivilDate) -> Timestamp {
        self.end_of(day.pred_opt().unwrap_or(day))
    }

    /// Whether the team works on a day.
    pub fn is_working(&self, day: CivilDate) -> bool {
        self.weekdays.contains(&day.weekday()) && !self.days_off.contains(&day)
    }

    /// How many of these days the team works on.
    pub fn working_days(&self, span: Span) -> u32 {
        // Whole weeks by multiplication: a mistyped year must not cost a walk through thousands of them.
        let is_of_week = |day: CivilDate| self.weekdays.contains(&day.weekday());
        let (weeks, rest) = (span.len_days() / 7, span.len_days() % 7);
        let per_week = span.first.iter_days().take(7).filter(|day| is_of_week(*day)).count();
        let rest = usize::try_from(rest).unwrap_or(0);
        let in_rest = span.first.iter_days().take(rest).filter(|day| is_of_week(*day)).count();
        let off = self.days_off.range(span.first..=span.last).filter(|day| is_of_week(**day)).count();
        let whole = u32::try_from(weeks).unwrap_or(u32::MAX).saturating_mul(count(per_week));
        whole.saturating_add(count(in_rest)).saturating_sub(count(off))
    }

    /// The working days of `span` that are over when `today` begins.
    pub fn elapsed(&self, span: Span, today: CivilDate) -> u32 {
        let yesterday = today.checked_sub_days(Days::new(1)).unwrap_or(CivilDate::MIN);
        Span::new(span.first, yesterday.min(span.last)).map_or(0, |over| self.working_days(over))
    }

    /// The working days of `span` that are left, `today` among them until it ends.
    pub fn left(&self, span: Span, today: CivilDate) -> u32 {
        Span::new(today.max(span.first), span.last).map_or(0, |left| self.working_days(left))
    }
}

const FAR_AWAY: Timestamp = Timestamp::from_epoch_ms(*DATED_MS.end());

fn count(days: usize) -> u32 {
    u32::try_from(days).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
