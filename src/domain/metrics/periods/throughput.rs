//! How much a team completes on a working day: the days that are looked at, and what was completed on each.

use super::forecast::DAYS_DRAWN_FROM;
use crate::domain::{Calendar, CivilDate};

/// Over how many working days before today the mean is taken.
pub(crate) const MEAN_DAYS: usize = 30;

/// The working days before today, as many as are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkedDays {
    /// Oldest first.
    days: Vec<CivilDate>,
    /// The first day whose completions count on the oldest of them: a day off before it may be one.
    first: Option<CivilDate>,
}

impl WorkedDays {
    /// The last working days before `today`.
    pub(crate) fn before(today: CivilDate, calendar: Calendar<'_>) -> Self {
        // A week without a day off comes within as many weeks as there are days off, so the walk is short.
        let enough = (DAYS_DRAWN_FROM + 1).saturating_add(calendar.days_off.len()).saturating_mul(7);
        let over = today.iter_days().rev().skip(1).take(enough).filter(|day| calendar.is_working(*day));
        let mut days: Vec<CivilDate> = over.take(DAYS_DRAWN_FROM + 1).collect();
        let one_more = (days.len() > DAYS_DRAWN_FROM).then(|| days.pop()).flatten();
        days.reverse();
        Self { first: one_more.and_then(|day| day.succ_opt()).or_else(|| days.first().copied()), days }
    }

    /// The place of the day on which a completion counts: that one, or the working day that follows a day off. `None` where
    /// that is before these days, or not before today.
    pub(crate) fn place_of(&self, day: CivilDate) -> Option<usize> {
        let place = self.days.partition_point(|working| *working < day);
        (place < self.days.len() && self.first.is_some_and(|first| first <= day)).then_some(place)
    }

    /// The place of the first day that counts where at most the last `wanted` do, and none before `since`, on which there was
    /// nothing to complete yet.
    pub(crate) fn from(&self, wanted: usize, since: Option<CivilDate>) -> usize {
        let young = since.map_or(0, |since| self.days.partition_point(|day| *day < since));
        self.days.len().saturating_sub(wanted).max(young)
    }

    pub(crate) fn days(&self) -> &[CivilDate] {
        &self.days
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sprint::catalogue::tests::catalogue;

    fn day(text: &str) -> CivilDate {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_completed_on_a_day_off_counts_on_the_next_working_day() {
        let catalogue = catalogue();
        // A Monday; Thursday the 26th was off.
        let worked = WorkedDays::before(day("2026-11-30"), catalogue.calendar());
        assert_eq!(worked.days().len(), DAYS_DRAWN_FROM);
        let place = |text: &str| worked.place_of(day(text)).map(|place| worked.days()[place].to_string());
        assert_eq!(place("2026-11-27").as_deref(), Some("2026-11-27"));
        assert_eq!(place("2026-11-26").as_deref(), Some("2026-11-27"));
        assert_eq!(place("2026-11-22").as_deref(), Some("2026-11-23"));
        // The next working day is today, which is not over.
        assert_eq!(place("2026-11-28"), None);
        assert_eq!(place("2026-11-30"), None);
    }

    #[test]
    fn the_days_end_sixty_working_days_ago() {
        let catalogue = catalogue();
        let worked = WorkedDays::before(day("2026-11-18"), catalogue.calendar());
        assert_eq!(worked.days()[0], day("2026-08-26"));
        assert_eq!(worked.place_of(day("2026-08-26")), Some(0));
        assert_eq!(worked.place_of(day("2026-08-25")), None);
        // A Monday, before which two days off count on it.
        let worked = WorkedDays::before(day("2026-11-23"), catalogue.calendar());
        assert_eq!(worked.days()[0], day("2026-08-31"));
        assert_eq!(worked.place_of(day("2026-08-29")), Some(0));
        assert_eq!(worked.place_of(day("2026-08-28")), None);
    }

    #[test]
    fn a_young_team_has_fewer_days() {
        let catalogue = catalogue();
        let worked = WorkedDays::before(day("2026-11-18"), catalogue.calendar());
        assert_eq!(worked.days().len() - worked.from(MEAN_DAYS, None), 30);
        assert_eq!(worked.days().len() - worked.from(MEAN_DAYS, Some(day("2026-11-15"))), 2);
        assert_eq!(worked.days().len() - worked.from(MEAN_DAYS, Some(day("2026-11-18"))), 0);
    }

    #[test]
    fn a_team_without_working_days_has_none() {
        let catalogue = crate::domain::Catalogue { weekdays: Vec::new(), ..catalogue() };
        assert_eq!(WorkedDays::before(day("2026-11-18"), catalogue.calendar()), WorkedDays::default());
    }
}
