//! When a metric's change is worth an announcement. The threshold decides between now and soon, never between soon
//! and never: what stays below it is announced by the next settle tick.

use serde::{Deserialize, Serialize};

use crate::domain::wire::event::MetricReason;
use crate::domain::{Hundredths, Level};

/// The fraction of its last announced value by which a metric has to move, unless it says otherwise.
pub const FRACTION_DEFAULT: f64 = 0.05;

/// What a quotient of two doubles may fall short of the threshold that it is meant to be.
const TOLERANCE: f64 = 1e-9;

/// What was last announced of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnouncedValue {
    /// It has never had a number.
    NoNumberYet,
    /// It had one, and has none now.
    NumberGone,
    /// Its number. Zero is one.
    Number(Hundredths),
}

impl AnnouncedValue {
    /// What there is to remember once `value` was announced, or recorded, after `last`.
    pub const fn after(last: Option<Self>, value: Option<Hundredths>) -> Self {
        match (value, last) {
            (Some(number), _) => Self::Number(number),
            (None, None | Some(Self::NoNumberYet)) => Self::NoNumberYet,
            (None, Some(Self::NumberGone | Self::Number(_))) => Self::NumberGone,
        }
    }

    /// The number, as it was announced.
    pub const fn value(self) -> Option<Hundredths> {
        match self {
            Self::Number(number) => Some(number),
            Self::NoNumberYet | Self::NumberGone => None,
        }
    }
}

/// By how much a metric has to move to be announced at once. It is declared with the metric; its name says nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// By at least this fraction of the last announced value, and by at least this amount.
    Relative {
        /// The fraction: 0.05 is five percent.
        fraction: f64,
        /// The amount below which no move counts, however large it is as a fraction.
        minimum: Hundredths,
    },
    /// By anything.
    AnyChange,
}

/// A metric as it was just computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its value; `None` when it cannot be computed.
    pub value: Option<Hundredths>,
    /// The level of the data that it was computed from.
    pub level: Level,
}

/// When the question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnounceAt {
    /// Something changed just now.
    Now,
    /// The settle tick: whatever differs is told.
    Settle,
}

/// What is to be said of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Announce it, and remember [`AnnouncedValue::after`].
    Announce {
        /// Why.
        reason: MetricReason,
        /// 100·|value − previous| / |previous|, one decimal, no sign; `None` when there is no such number.
        change_percent: Option<Hundredths>,
    },
    /// Remember [`AnnouncedValue::after`] and announce nothing: these are a board's first values, and its snapshot shows them.
    Record,
    /// It differs, but not by enough: the settle tick announces it.
    Later,
    /// Nothing is to be said, and nothing to be remembered.
    Nothing,
}

/// Decides what is to be said of a metric of which `last` was said last; `None` when nothing was ever recorded.
pub fn decide(
    last: Option<AnnouncedValue>,
    reading: Reading,
    rule: Rule,
    moment: AnnounceAt,
) -> Announcement {
    // What is stale or stands in for a source may not become what was last known.
    if reading.level != Level::Full {
        return Announcement::Nothing;
    }
    let announce = |reason, change_percent| Announcement::Announce { reason, change_percent };
    let (old, new) = match (last, reading.value) {
        (None, _) => return Announcement::Record,
        (Some(AnnouncedValue::NoNumberYet | AnnouncedValue::NumberGone), None) => {
            return Announcement::Nothing;
        }
        (Some(AnnouncedValue::NoNumberYet), Some(_)) => return announce(MetricReason::First, None),
        (Some(AnnouncedValue::NumberGone), Some(_)) | (Some(AnnouncedValue::Number(_)), None) => {
            return announce(MetricReason::AnyChange, None);
        }
        (Some(AnnouncedValue::Number(old)), Some(new)) => (old, new),
    };
    if old == new {
        return Announcement::Nothing;
    }
    match significance(old, new, rule) {
        Some(reason) => announce(reason, change_percent(old, new)),
        None => match moment {
            AnnounceAt::Now => Announcement::Later,
            AnnounceAt::Settle => announce(MetricReason::Settle, change_percent(old, new)),
        },
    }
}

/// Why a move from `old` to another `new` is to be announced at once; `None` when it can wait.
fn significance(old: Hundredths, new: Hundredths, rule: Rule) -> Option<MetricReason> {
    let zero = Hundredths::default();
    match rule {
        Rule::AnyChange => Some(MetricReason::AnyChange),
        Rule::Relative { .. } if old == zero || new == zero => Some(MetricReason::ZeroCrossing),
        Rule::Relative { fraction, minimum } => {
            let moved = distance(old, new);
            let enough = moved >= minimum.hundredths().unsigned_abs();
            let relative = as_f64(moved) / as_f64(distance(zero, old));
            (enough && relative >= fraction - TOLERANCE).then_some(MetricReason::Threshold)
        }
    }
}

/// By how many percent of its size `old` moved, with one decimal; `None` from zero, and where the number is absurd.
pub fn change_percent(old: Hundredths, new: Hundredths) -> Option<Hundredths> {
    let base = u128::from(distance(Hundredths::default(), old));
    // Tenths of a percent in integers, half away from zero: a double would show 4.9 where five percent were moved.
    let tenths = (u128::from(distance(old, new)) * 2_000 + base).checked_div(base * 2)?;
    Hundredths::from_units(f64::from(u32::try_from(tenths).ok()?) / 10.0)
}

fn distance(a: Hundredths, b: Hundredths) -> u64 {
    a.hundredths().abs_diff(b.hundredths())
}

#[expect(clippy::cast_precision_loss, reason = "amounts stay far below 2^53 hundredths")]
const fn as_f64(hundredths: u64) -> f64 {
    hundredths as f64
}

#[cfg(test)]
#[path = "threshold_tests.rs"]
mod tests;
