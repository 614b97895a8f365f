//! Instants and calendar dates as values. No clock is read here: the caller passes the time in.

use std::fmt;

use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Serialize};

/// A calendar date of a team's zone, written `YYYY-MM-DD`. Sprint dates are dates, never instants:
/// converted to a zone as if they were midnight UTC they would slip by a day.
pub use chrono::NaiveDate as CivilDate;

/// An instant in epoch milliseconds, the unit of every instant on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `ms` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_epoch_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn epoch_ms(self) -> i64 {
        self.0
    }

    /// Reads a date as Azure DevOps writes it; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        Ticks::parse(text).map(Ticks::timestamp)
    }

    /// Milliseconds from `earlier` to `self`; 0 when the clocks of two machines put them the wrong way round.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        let ms = self.0.saturating_sub(earlier.0);
        if ms < 0 { 0 } else { ms }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_millis(self.0) {
            Some(instant) => write!(f, "{}", instant.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// An instant in units of 100 ns since 1970-01-01T00:00:00Z.
///
/// Azure DevOps dates its events with seven fractional digits. Two claims on one revision are ordered by that
/// date, so what lies below the millisecond must not be rounded away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticks(i64);

const TICKS_PER_MS: i64 = 10_000;
const TICKS_PER_SECOND: i64 = 1_000 * TICKS_PER_MS;
const NANOS_PER_TICK: i64 = 100;

impl Ticks {
    /// Reads an RFC 3339 date, or one without a zone, which Azure DevOps means as UTC; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let instant = DateTime::parse_from_rfc3339(text)
            .map(|zoned| zoned.to_utc())
            .or_else(|_| text.parse::<NaiveDateTime>().map(|naive| naive.and_utc()))
            .ok()?;
        let nanos = i64::from(instant.timestamp_subsec_nanos());
        let ticks = instant.timestamp().checked_mul(TICKS_PER_SECOND)?.checked_add(nanos / NANOS_PER_TICK)?;
        Some(Self(ticks))
    }

    /// The same instant in whole milliseconds, rounded towards the past.
    pub const fn timestamp(self) -> Timestamp {
        Timestamp(self.0.div_euclid(TICKS_PER_MS))
    }
}

impl From<Timestamp> for Ticks {
    fn from(at: Timestamp) -> Self {
        Self(at.0.saturating_mul(TICKS_PER_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_fractional_digits_are_kept() {
        let earlier = Ticks::parse("2016-09-19T13:03:30.6438543Z").unwrap();
        let later = Ticks::parse("2016-09-19T13:03:30.6438544Z").unwrap();
        assert!(earlier < later);
        assert_eq!(earlier.timestamp(), later.timestamp());
        assert_eq!(later.timestamp().to_string(), "2016-09-19T13:03:30.643Z");
    }

    #[test]
    fn offsets_and_missing_zones_are_read() {
        assert_eq!(Timestamp::parse("2026-11-23T13:00:00-05:00"), Timestamp::parse("2026-11-23T18:00:00Z"));
        assert_eq!(Timestamp::parse("2026-11-23T18:00:00"), Timestamp::parse("2026-11-23T18:00:00Z"));
    }

    #[test]
    fn years_at_the_edge_and_nonsense_do_not_panic() {
        assert!(Timestamp::parse("0001-01-01T00:00:00").unwrap() < Timestamp::default());
        assert!(Timestamp::parse("9999-01-01T00:00:00Z").is_some());
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "+262142-12-31T23:59:59Z", "2026-11-23"] {
            let _ = Timestamp::parse(text);
        }
        assert_eq!(Timestamp::parse("2026-11-23"), None);
    }

    #[test]
    fn an_age_is_never_negative() {
        let (a, b) = (Timestamp::from_epoch_ms(5), Timestamp::from_epoch_ms(9));
        assert_eq!((b.ms_since(a), a.ms_since(b)), (4, 0));
    }
}
