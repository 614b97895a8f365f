//! Days of a team: when each begins, and on which of them it works.

use boardcast::demo::simulation::organisation::{Project, Sprint, Team, later};
use boardcast::domain::time::CivilDate;
use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

/// The days of a team.
#[derive(Clone, Copy)]
pub struct TeamDays<'a> {
    pub project: &'a Project,
    pub team: &'a Team,
    pub zone: Tz,
}

impl<'a> TeamDays<'a> {
    pub fn day_of(&self, ms: i64) -> CivilDate {
        DateTime::from_timestamp_millis(ms).unwrap().with_timezone(&self.zone).date_naive()
    }

    /// When a day begins, which need not be at midnight: clocks may be put forward then.
    pub fn begin(&self, day: CivilDate) -> i64 {
        let midnight = day.and_time(NaiveTime::MIN);
        let minutes = (0..24 * 60).map(|minute| midnight + TimeDelta::minutes(minute));
        let mut there = minutes.filter_map(|at| self.zone.from_local_datetime(&at).earliest());
        there.next().unwrap().timestamp_millis()
    }

    pub fn end(&self, day: CivilDate) -> i64 {
        self.begin(later(day, 1))
    }

    /// The team's sprints in the order in which they begin.
    pub fn sprints(&self) -> Vec<&'a Sprint> {
        let mut sprints: Vec<&Sprint> =
            self.team.sprints.iter().map(|at| &self.project.sprints[*at]).collect();
        sprints.sort_by_key(|sprint| sprint.start);
        sprints
    }

    /// The sprint that contains a day: of two the one that starts later.
    pub fn current(&self, today: CivilDate) -> Option<&'a Sprint> {
        self.sprints().into_iter().rfind(|sprint| sprint.start <= today && today <= sprint.finish)
    }

    /// Whether the team works on a day: from Monday to Friday, but on its days off.
    pub fn is_working(&self, day: CivilDate) -> bool {
        let is_off = self.sprints().iter().any(|sprint| later(sprint.start, self.team.day_off) == day);
        day.weekday().num_days_from_monday() < 5 && !is_off
    }

    /// The working days from one day to another, both among them.
    pub fn working(&self, from: CivilDate, to: CivilDate) -> Vec<CivilDate> {
        from.iter_days().take_while(|day| *day <= to).filter(|day| self.is_working(*day)).collect()
    }

    /// The last working days before a day, oldest first.
    pub fn working_before(&self, today: CivilDate, count: usize) -> Vec<CivilDate> {
        let back = today.iter_days().rev().skip(1);
        let mut days: Vec<CivilDate> = back.filter(|day| self.is_working(*day)).take(count).collect();
        days.reverse();
        days
    }

    /// When a sprint was planned: at the end of its first working day, or of its first day where it has none.
    pub fn planned(&self, sprint: &Sprint) -> i64 {
        let worked = self.working(sprint.start, sprint.finish);
        self.end(worked.first().copied().unwrap_or(sprint.start))
    }
}

/// So many days before a day.
pub fn back(day: CivilDate, days: u64) -> CivilDate {
    day - Days::new(days)
}
