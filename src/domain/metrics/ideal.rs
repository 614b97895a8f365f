//! The ideal line: what it falls from, and its number on a day, which can be asked where they come from, as a metric can.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::digest::Digest;
use super::inputs::working_days;
use super::need::Need;
use super::rules::{ItemRule, past};
use super::sort_out::sort_out;
use super::tally::Tallies;
use super::{burndown, ids, need, table};
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::{Burndown, Unit};
use crate::domain::{CivilDate, WorkItem};

const ORIGINAL: &str = "burndown.original";
const IDEAL: &str = "burndown.ideal";
const AS_PLANNED: &str = "What the sprint was planned with, from which the ideal line falls.";
const OF_A_DAY: &str = "What was planned, which is what the items come to, less the same share for each working day that \
                        is over when the day ends.";

/// A number of the ideal line that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedIdeal {
    /// In which unit, where it is not to be the burndown's own.
    unit: Option<Unit>,
    /// At the end of which day; `None` for what the line falls from.
    day: Option<CivilDate>,
}

impl AskedIdeal {
    /// What `burndown.original` or `burndown.ideal:<date>` asks for, which may have `.points`, `.items` or `.hours` before the
    /// colon; `None` where the id is another.
    pub fn parse(id: &str) -> Option<Self> {
        let (name, day) = match id.split_once(':') {
            Some((name, day)) => (name.strip_prefix(IDEAL)?, Some(day.parse().ok()?)),
            None => (id.strip_prefix(ORIGINAL)?, None),
        };
        let unit = match name {
            "" => None,
            ".points" => Some(Unit::Points),
            ".items" => Some(Unit::Items),
            ".hours" => Some(Unit::Hours),
            _ => return None,
        };
        Some(Self { unit, day })
    }

    /// The line that is asked of, among those of a board.
    fn line(self, burndown: &Burndown) -> Option<&Burndown> {
        burndown.lines().find(|line| self.unit.is_none_or(|unit| line.unit == unit))
    }
}

/// Where a number of the ideal line comes from. What was planned is the sum of what is counted; that of a day follows from it,
/// from the sprint's working days, and from how many of them are over when the day ends.
pub(super) fn explain(
    id: &str,
    asked: AskedIdeal,
    tallies: &Tallies<'_>,
    digests: &[(Digest, &WorkItem)],
) -> Explanation {
    let frame = tallies.moment.frame;
    let drawn = burndown::of(tallies, digests.iter().map(|(digest, _)| digest));
    let line = drawn.as_ref().and_then(|drawn| asked.line(drawn));
    let unit = line.map(|line| line.unit).or(asked.unit).unwrap_or(tallies.moment.unit);
    let original = line.and_then(|line| line.original);
    let row = asked.day.and_then(|day| frame.days.iter().position(|row| row.date == day));
    let value = match asked.day {
        None => original,
        Some(_) => line.zip(row).and_then(|(line, row)| line.days.get(row)?.ideal),
    };
    let (counted, left_out) = match line {
        Some(_) => sort_out(rule_of(unit), |digest, _| digest.concerns_sprint(), tallies, digests),
        None => (Vec::new(), Vec::new()),
    };
    let mut inputs = BTreeMap::from([
        ("plannedUntil", json!(frame.planned_until)),
        ("graceDays", json!(frame.settings.grace_days)),
        ("counted", json!(counted.len())),
    ]);
    if let Some(day) = asked.day {
        let worked = |days: usize| frame.days.iter().take(days).filter(|day| day.working).count();
        let (all, over) = (json!(worked(usize::MAX)), json!(row.map(|row| worked(row + 1))));
        inputs.extend([("day", json!(day)), ("planned", json!(original))]);
        inputs.extend([("workingDays", all), ("workingDaysElapsed", over)]);
        inputs.extend(working_days(frame));
    }
    let is_known = value.is_some();
    // What is not known of the scope as it was planned is not known of the line that falls from it.
    let planned = table::metric(ids::POINTS_ORIGINAL).filter(|_| is_known && unit != Unit::Hours);
    Explanation {
        metric: id.into(),
        value,
        unit,
        definition: if asked.day.is_some() { OF_A_DAY } else { AS_PLANNED },
        source: table::SPRINT_BURNDOWN,
        reason: (!is_known).then(|| why_unknown(asked, tallies, line, row).into()),
        partial: planned.and_then(|planned| planned.view(tallies).partial),
        inputs,
        counted,
        left_out,
        history: tallies.history,
    }
}

/// By which an item counts in what was planned.
const fn rule_of(unit: Unit) -> ItemRule {
    match unit {
        Unit::Points => past::points_original,
        Unit::Hours => past::hours_original,
        _ => past::items_original,
    }
}

/// Why there is no number.
fn why_unknown(
    asked: AskedIdeal,
    tallies: &Tallies<'_>,
    line: Option<&Burndown>,
    row: Option<usize>,
) -> &'static str {
    let frame = tallies.moment.frame;
    let is_unmet = |need: &&Need| !(need.is_met)(tallies);
    if let Some(unmet) = [need::DATES, need::LEVELS, need::WORKING_DAYS].iter().find(is_unmet) {
        return unmet.reason;
    }
    match line {
        None if frame.days.is_empty() => "the sprint lasts more than 366 days",
        None => "the burndown has no line in that unit",
        Some(_) if asked.day.is_some() && row.is_none() => "that is not a day of the sprint",
        Some(line) if line.original.is_none() => "how much was planned is not known",
        Some(_) => "the sprint has no working days",
    }
}

/// A number of the ideal line in a board that was kept as JSON; `None` where that has none.
pub fn kept_ideal(asked: AskedIdeal, board: &Value) -> Option<&Value> {
    let burndown = board.get("burndown")?;
    let others = burndown.get("others").and_then(Value::as_array);
    let mut lines = std::iter::once(burndown).chain(others.into_iter().flatten());
    let line = lines.find(|line| asked.unit.is_none_or(|unit| line.get("unit") == Some(&json!(unit))))?;
    let Some(day) = asked.day else { return line.get("original") };
    let mut days = line.get("days")?.as_array()?.iter();
    days.find(|row| row.get("date") == Some(&json!(day)))?.get("ideal")
}
