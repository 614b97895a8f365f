//! The window of the synchronisation: a cron pattern in a time zone. An instant goes in, yes or no comes out.

use std::fmt;

use chrono::{DateTime, Datelike};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};
use croner::{Cron, CronDateTime, CronPattern};

use crate::domain::time::Timestamp;

/// How many fields a pattern has: minute, hour, day of the month, month, weekday.
const FIELDS: usize = 5;

/// The years that patterns are searched in. Beyond them neither the calendar nor the search has an answer to every
/// question, and a clock that says so is wrong anyway.
const YEARS: std::ops::Range<i32> = 2..4_999;

/// When to synchronise: a cron pattern, read in a time zone.
///
/// The same pattern is read in two ways. A caller that keeps time by it asks [`next_after`](Self::next_after), and is told
/// the minute. One that is woken by another timer asks [`gate`](Self::gate), which does not mind the minute.
#[derive(Clone, PartialEq, Eq)]
pub struct SyncWindow {
    cron: Cron,
    zone: Tz,
}

/// Why a window cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowError {
    /// The pattern is none, and why.
    Cron(String),
    /// The zone is none.
    Zone,
}

/// What of an instant is outside a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// The year: the instant is none that a sane clock shows.
    Year,
    /// The month.
    Month,
    /// The day: of the month, or of the month and the week where the pattern names both.
    Day,
    /// The weekday.
    Weekday,
    /// The hour.
    Hour,
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
        })
    }
}

impl SyncWindow {
    /// The zone that the pattern is read in.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// Every quarter of an hour from 08:00 up to and including 18:45, Monday to Friday.
    pub const DEFAULT_CRON: &str = "*/15 8-18 * * 1-5";

    /// Where those hours and weekdays are judged.
    pub const DEFAULT_ZONE: &str = "America/New_York";

    /// Reads a pattern of five fields and the IANA name of a zone.
    ///
    /// Errors: the pattern is none or never comes to pass, or else the zone is none. Seconds, years and nicknames such
    /// as `@daily` are refused: the Functions host has its own dialect with seconds, and a pattern that was copied
    /// from there must not silently mean something else here.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, WindowError> {
        let cron = cron.trim();
        if cron.starts_with('@') {
            return Err(WindowError::Cron("a nickname names no hours".into()));
        }
        let fields = cron.split_whitespace().count();
        if fields != FIELDS {
            return Err(WindowError::Cron(match fields {
                1 => "it has 1 field".into(),
                _ => format!("it has {fields} fields"),
            }));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(cron).map_err(|error| WindowError::Cron(error.to_string()))?;
        let zone = zone.trim().parse().map_err(|_| WindowError::Zone)?;
        let window = Self { cron, zone };
        // Any instant would do to begin from: calendars repeat, and the search goes on for thousands of years.
        match window.next_after(Timestamp::default()) {
            Some(_) => Ok(window),
            None => Err(WindowError::Cron("there is no such day".into())),
        }
    }

    /// Whether work that is due at `at` may be done.
    ///
    /// Zone, month, day, weekday and hour are judged, and the minute is not: it is the business of the timer that keeps
    /// time, and a tick that comes late or past due is as good as one that comes when it should.
    ///
    /// Errors: what of the instant is outside.
    pub fn gate(&self, at: Timestamp) -> Result<(), Outside> {
        match self.outside(&self.local(at).ok_or(Outside::Year)?) {
            // In spring a clock passes over an hour, and what was due in it is due right afterwards, in an hour that
            // the pattern need not name.
            Some(reason) if !self.is_due_in_minute_of(at) => Err(reason),
            _ => Ok(()),
        }
    }

    /// When the pattern comes to pass next, strictly after `at`; `None` when it never does.
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&self.local(at)?, false).ok()?;
        Some(Timestamp::from_epoch_ms(next.timestamp_millis()))
    }

    /// What clocks in the zone show, down to the second: patterns know nothing smaller.
    fn local(&self, at: Timestamp) -> Option<DateTime<Tz>> {
        let utc = DateTime::from_timestamp(at.epoch_ms().div_euclid(1_000), 0)?;
        YEARS.contains(&utc.year()).then(|| utc.with_timezone(&self.zone))
    }

    fn outside(&self, local: &DateTime<Tz>) -> Option<Outside> {
        let (pattern, civil) = (&self.cron.pattern, local.to_civil());
        // Errors are for dates and hours that no clock shows.
        let month = pattern.month_match(civil.month()).unwrap_or(false);
        let day = pattern
            .day_match(civil.year(), civil.month(), civil.day(), local.civil_weekday())
            .unwrap_or(false);
        let hour = pattern.hour_match(civil.hour()).unwrap_or(false);
        match (month, day, hour) {
            (false, ..) => Some(Outside::Month),
            (_, false, _) if pattern.is_dom_wildcard() => Some(Outside::Weekday),
            (_, false, _) => Some(Outside::Day),
            (.., false) => Some(Outside::Hour),
            (true, true, true) => None,
        }
    }

    fn is_due_in_minute_of(&self, at: Timestamp) -> bool {
        let minute = Timestamp::from_epoch_ms(at.epoch_ms().div_euclid(60_000).saturating_mul(60_000));
        let before = Timestamp::from_epoch_ms(minute.epoch_ms().saturating_sub(1));
        self.next_after(before) == Some(minute)
    }
}

impl Default for SyncWindow {
    fn default() -> Self {
        Self::parse(Self::DEFAULT_CRON, Self::DEFAULT_ZONE).unwrap_or_else(|_| {
            // A test keeps this from being reached. A pattern that was never parsed never comes to pass.
            Self { cron: Cron { pattern: CronPattern::new(Self::DEFAULT_CRON) }, zone: Tz::UTC }
        })
    }
}

impl fmt::Display for SyncWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in {}", self.cron, self.zone)
    }
}

/// As it is displayed: a parsed pattern holds a bit for every year.
impl fmt::Debug for SyncWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyncWindow({self})")
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
