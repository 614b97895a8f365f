//! The numbers that tell of the past and are no sums, with their parts and series.

use serde_json::{Value as Json, json};

use super::ids;
use super::periods::forecast::{Forecast, RUNS};
use super::periods::sprints::EarlierSprint;
use super::periods::throughput::MEAN_DAYS;
use super::rules::past::PART_UNKNOWN;
use super::statistics::SprintSums;
use super::tally::{OUT_OF_RANGE, Tallies, percent, share};
use crate::domain::{CivilDate, Hundredths};

/// Why "when" has no value.
pub(crate) const TOO_FAR: &str = "that is more than 130 working days from now";

const SPRINT_UNKNOWN: &str = "how a work item stood in one of the sprints before is not known";

type Value = Result<Hundredths, &'static str>;

pub(crate) fn percent_of_original(tallies: &Tallies<'_>) -> Value {
    let completed = tallies.summed(ids::POINTS_COMPLETED)?;
    percent(completed, tallies.summed(ids::POINTS_ORIGINAL)?).ok_or(OUT_OF_RANGE)
}

/// The mean of what was completed in the last finished sprints.
pub(crate) fn velocity_average(tallies: &Tallies<'_>) -> Value {
    let finished = tallies.finished();
    if finished.iter().any(|(_, sums)| sums.unknown > 0) {
        return Err(SPRINT_UNKNOWN);
    }
    let all = finished.iter().map(|(_, sums)| sums.completed.in_unit(tallies.moment.velocity_unit)).sum();
    share(all, u32::try_from(finished.len()).unwrap_or(u32::MAX)).ok_or(OUT_OF_RANGE)
}

pub(crate) fn say_do(tallies: &Tallies<'_>) -> Value {
    let unit = tallies.moment.velocity_unit;
    let finished = tallies.finished();
    let (_, last) = finished.last().ok_or(OUT_OF_RANGE)?;
    if last.unknown > 0 {
        return Err(PART_UNKNOWN);
    }
    percent(last.kept.in_unit(unit), last.planned.in_unit(unit)).ok_or(OUT_OF_RANGE)
}

pub(crate) fn throughput_day(tallies: &Tallies<'_>) -> Value {
    let (days, items) = tallies.statistics.mean_of(&tallies.moment.worked);
    share(Hundredths::whole(items), days).ok_or(OUT_OF_RANGE)
}

pub(crate) fn percent_escaped(tallies: &Tallies<'_>) -> Value {
    let escaped = tallies.summed(ids::BUGS_ESCAPED)?;
    percent(escaped, tallies.summed(ids::BUGS_TOTAL)?).ok_or(OUT_OF_RANGE)
}

pub(crate) fn forecast_items(tallies: &Tallies<'_>) -> Value {
    forecast(tallies).map(|forecast| Hundredths::whole(forecast.items_p85))
}

/// In percent, with one decimal.
pub(crate) fn forecast_probability(tallies: &Tallies<'_>) -> Value {
    chance(forecast(tallies)?.runs_done).ok_or(OUT_OF_RANGE)
}

/// In how many of 100 runs, with one decimal.
pub(crate) fn chance(runs_done: u32) -> Option<Hundredths> {
    percent(Hundredths::whole(runs_done), Hundredths::whole(RUNS))
}

pub(crate) fn forecast_p50(tallies: &Tallies<'_>) -> Value {
    forecast(tallies)?.days_p50.map(Hundredths::whole).ok_or(TOO_FAR)
}

pub(crate) fn forecast_p85(tallies: &Tallies<'_>) -> Value {
    forecast(tallies)?.days_p85.map(Hundredths::whole).ok_or(TOO_FAR)
}

fn forecast<'t>(tallies: &'t Tallies<'_>) -> Result<&'t Forecast, &'static str> {
    let unknown = || tallies.sum(ids::ITEMS_REMAINING).unknown.unwrap_or(OUT_OF_RANGE);
    tallies.forecast.as_ref().ok_or_else(unknown)
}

/// What became of the last finished sprints, oldest first.
pub(crate) fn sprints(tallies: &Tallies<'_>) -> Json {
    tallies.finished().into_iter().map(|(sprint, sums)| sprint_row(tallies, sprint, sums)).collect()
}

fn sprint_row(tallies: &Tallies<'_>, sprint: &EarlierSprint<'_>, sums: SprintSums) -> Json {
    let unit = tallies.moment.velocity_unit;
    if sums.unknown > 0 {
        let (id, name) = (sprint.iteration.id, &sprint.iteration.name);
        return json!({ "id": id, "name": name, "reason": SPRINT_UNKNOWN });
    }
    json!({
        "id": sprint.iteration.id,
        "name": sprint.iteration.name,
        "planned": sums.planned.in_unit(unit),
        "completed": sums.completed.in_unit(unit),
        "late": sums.late.in_unit(unit),
        "incomplete": sums.incomplete.in_unit(unit),
        "ado": { "incomplete": sums.in_progress.in_unit(unit) },
    })
}

/// What was completed on each of the working days over which the mean is taken.
pub(crate) fn days(tallies: &Tallies<'_>) -> Json {
    let worked = &tallies.moment.worked;
    let days = worked.days().iter().skip(worked.from(MEAN_DAYS, tallies.statistics.first_day));
    let items = tallies.statistics.completed_on(worked, MEAN_DAYS);
    days.zip(items).map(|(date, items)| json!({ "date": date, "items": items })).collect()
}

pub(crate) fn date_p50(tallies: &Tallies<'_>) -> Option<Json> {
    date_after(tallies, tallies.forecast?.days_p50?)
}

pub(crate) fn date_p85(tallies: &Tallies<'_>) -> Option<Json> {
    date_after(tallies, tallies.forecast?.days_p85?)
}

/// The day on which so many working days are over, today among them where it is one.
fn date_after(tallies: &Tallies<'_>, days: u32) -> Option<Json> {
    let date: CivilDate = tallies.working_day(days)?;
    Some(json!({ "date": date }))
}
