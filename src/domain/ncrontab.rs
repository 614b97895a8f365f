//! The schedule by which the Functions host fires its timer, as the host reads it: NCRONTAB, whose fields are seconds, minutes,
//! hours, days, months and weekdays. Of a day both the number and the weekday have to fit, ranges may run backwards, names are
//! told by their first letters, and weekdays are 0 to 6.

use std::fmt;

use chrono::{DateTime, Datelike, Days, TimeZone, Timelike};
use chrono_tz::Tz;

use super::schedule::SyncWindow;
use super::time::Timestamp;

/// How far into the future it is looked for a firing: a year, in which every month and weekday comes, and a leap day's grace.
const DAYS: u64 = 367;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// A field: its name, its least and its greatest value, and the names of its values.
type Field = (&'static str, u32, u32, &'static [&'static str]);

const FIELDS: [Field; 6] = [
    ("second", 0, 59, &[]),
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day", 1, 31, &[]),
    ("month", 1, 12, &MONTHS),
    ("weekday", 0, 6, &WEEKDAYS),
];

/// Why a schedule says nothing of when the timer fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerError {
    /// It is a period, such as `00:15:00`, which counts from when the host started, and which not every plan takes.
    Period,
    /// The host cannot read it either, and why.
    Unreadable(String),
}

impl fmt::Display for TimerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Period => f.write_str("it is a period and no pattern"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// When a timer fires: of each field the values that fit, a bit for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerSchedule([u64; 6]);

impl TimerSchedule {
    /// Reads a schedule of six fields, or of five where it says no seconds.
    ///
    /// Errors: it is a period, or the host does not take it.
    pub fn parse(text: &str) -> Result<Self, TimerError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let given = match fields.as_slice() {
            [_, _, _, _, _] => std::iter::once("0").chain(fields.iter().copied()).collect(),
            [_, _, _, _, _, _] => fields,
            [period] if is_period(period) => return Err(TimerError::Period),
            _ => return Err(TimerError::Unreadable("it has not six fields".into())),
        };
        let mut values = [0; 6];
        for ((values, field), text) in values.iter_mut().zip(&FIELDS).zip(given) {
            let why = || TimerError::Unreadable(format!("`{text}` is no {}", field.0));
            for part in text.split(',') {
                *values |= part_values(part, field).ok_or_else(why)?;
            }
        }
        Ok(Self(values))
    }

    fn has(&self, field: usize, value: u32) -> bool {
        self.0.get(field).is_some_and(|values| values >> value & 1 == 1)
    }

    /// Whether it fires at a moment that the window lets pass, within a year, where the host reads it in that zone. Windows
    /// do not mind the minute, so the first firing of each hour tells of the others.
    pub fn fires_inside(&self, zone: Tz, window: &SyncWindow, now: Timestamp) -> bool {
        let Some(today) = DateTime::from_timestamp_millis(now.epoch_ms()) else { return false };
        let today = today.with_timezone(&zone).date_naive();
        let days = (0..DAYS).filter_map(|after| today.checked_add_days(Days::new(after)));
        let fits = |day: &chrono::NaiveDate| {
            self.has(3, day.day())
                && self.has(4, day.month())
                && self.has(5, day.weekday().num_days_from_sunday())
        };
        let (minute, second) = (self.0[1].trailing_zeros(), self.0[0].trailing_zeros());
        let hours = (0..24).filter(|hour| self.has(2, *hour));
        days.filter(fits).any(|day| {
            hours.clone().any(|hour| {
                // A clock that is set forward shows no such hour, and one that is set back shows it twice.
                let local = day.and_hms_opt(hour, minute, second).map(|at| zone.from_local_datetime(&at));
                let at = local.and_then(|at| at.earliest()).filter(|at| at.hour() == hour);
                at.is_some_and(|at| window.gate(Timestamp::from_epoch_ms(at.timestamp_millis())).is_ok())
            })
        })
    }
}

/// Whether it is `hh:mm:ss`, or `d.hh:mm:ss`.
fn is_period(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '.']).collect();
    text.contains(':')
        && parts.iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
}

/// The values of a part of a field: `*`, a value or a range, with `/` and a step after it.
fn part_values(text: &str, field: &Field) -> Option<u64> {
    let (_, least, greatest, _) = *field;
    let (text, step) = match text.split_once('/') {
        Some((text, step)) => (text, Some(step.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let (first, last) = match text.split_once('-') {
        _ if text == "*" => (least, greatest),
        Some((first, last)) => (value(first, field)?, value(last, field)?),
        None => {
            let first = value(text, field)?;
            (first, if step.is_some() { greatest } else { first })
        }
    };
    let (first, last) = (first.min(last), first.max(last));
    let is_there = first >= least && last <= greatest;
    let step = usize::try_from(step.unwrap_or(1).max(1)).ok()?;
    is_there.then(|| (first..=last).step_by(step).fold(0, |values, value| values | 1 << value))
}

fn value(text: &str, &(_, least, _, names): &Field) -> Option<u32> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return text.parse().ok();
    }
    let text = text.to_ascii_lowercase();
    let place = names.iter().position(|name| !text.is_empty() && name.starts_with(&*text))?;
    Some(least + u32::try_from(place).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Friday evening in New York, after the last hour of the default window.
    fn friday_evening() -> Timestamp {
        Timestamp::parse("2026-11-27T23:59:30Z").unwrap()
    }

    fn fires(timer: &str, zone: Tz, window: &SyncWindow) -> bool {
        TimerSchedule::parse(timer).unwrap().fires_inside(zone, window, friday_evening())
    }

    #[test]
    fn what_fires_inside_the_window_is_found_however_often_it_fires() {
        let window = SyncWindow::default();
        for timer in [
            "0 * * * * *",
            "* * * * * *",
            "0 */15 12-23 * * 1-5",
            "0 */15 23-12 * * Fri-Mon",
            "30 0 13 * Jan *",
            "0 30 14 * * monday",
            "*/5 * * * *",
            "0 5/10 9/1 1,15 */2 *",
        ] {
            assert!(fires(timer, Tz::UTC, &window), "{timer}");
        }
    }

    #[test]
    fn what_never_fires_inside_the_window_is_seen() {
        let window = SyncWindow::default();
        for timer in
            ["0 */15 3-5 * * 1-5", "0 0 14 * * 0,6", "0 0 14 * * Sat,Sun", "0 0 14 31 2 *", "0 0 2 * * *"]
        {
            assert!(!fires(timer, Tz::UTC, &window), "{timer}");
        }
        // Of a day the number and the weekday have to fit, and not one of them.
        let always = SyncWindow::parse("* * * * *", "UTC").unwrap();
        assert!(fires("0 0 12 1 12 Tue", Tz::UTC, &always), "2026-12-01 is one");
        assert!(!fires("0 0 12 1 12 Mon", Tz::UTC, &always));
    }

    #[test]
    fn the_zone_of_the_host_decides() {
        let window = SyncWindow::default();
        assert!(!fires("0 0 5 * * 1-5", Tz::UTC, &window));
        assert!(!fires("0 0 5 * * 1-5", Tz::Europe__Berlin, &window));
        assert!(fires("0 0 9 * * 1-5", Tz::America__New_York, &window));
        assert!(!fires("0 0 9 * * 1-5", Tz::UTC, &window));
        // An hour that clocks in spring pass over.
        let spring = SyncWindow::parse("* 3 8 3 *", "America/New_York").unwrap();
        assert!(!fires("0 30 2 14 3 *", Tz::America__New_York, &spring));
    }

    #[test]
    fn what_the_host_does_not_take_is_refused_and_a_period_is_none_of_it() {
        for (text, why) in [
            ("", "it has not six fields"),
            ("every day", "it has not six fields"),
            ("0 * * * * * *", "it has not six fields"),
            ("0 60 * * * *", "`60` is no minute"),
            ("0 0 24 * * *", "`24` is no hour"),
            ("0 0 0 0 * *", "`0` is no day"),
            ("0 0 0 * 13 *", "`13` is no month"),
            ("0 0 0 * * 7", "`7` is no weekday"),
            ("0 0 0 * * 1-7", "`1-7` is no weekday"),
            ("0 0 0 L * *", "`L` is no day"),
            ("0 0 0 ? * *", "`?` is no day"),
            ("0 */ * * * *", "`*/` is no minute"),
            ("0 1, * * * *", "`1,` is no minute"),
            ("0 0 0 * Janvier *", "`Janvier` is no month"),
            ("0 - * * * *", "`-` is no minute"),
            ("%SYNC_SCHEDULE%", "it has not six fields"),
        ] {
            assert_eq!(TimerSchedule::parse(text), Err(TimerError::Unreadable(why.into())), "{text}");
        }
        for period in ["00:15:00", "1.00:00:00"] {
            assert_eq!(TimerSchedule::parse(period), Err(TimerError::Period), "{period}");
        }
    }
}
