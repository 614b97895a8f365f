//! "Will we make it?": one verdict on a sprint, with the numbers that it rests on.

use serde_json::{Value as Json, json};

use super::ids;
use super::need;
use super::periods::forecast::{Forecast, RUNS};
use super::tally::Tallies;
use super::values;
use crate::domain::wire::view::{Burndown, Outlook, SprintVerdict, Unit};
use crate::domain::{CivilDate, Hundredths};

/// What is to be said of the sprint.
///
/// The forecast decides where there is one, by the chance as it is shown: on track if all is completed in time in at least 85 of
/// 100 runs, behind if in fewer than half. Otherwise the ideal line does: on track if no more is left than it has at the end of the last working
/// day that is over, at risk if no more than it had a working day earlier.
pub(super) fn of(tallies: &Tallies<'_>, burndown: Option<&Burndown>) -> Outlook {
    let said = Said::of(tallies, burndown);
    let (verdict, text) = match &said {
        Err(reason) => (SprintVerdict::Unknown, (*reason).to_owned()),
        Ok(said) => said.judge(),
    };
    let partial = said.as_ref().ok().and_then(|said| said.lacks(tallies)).map(Into::into);
    let inputs =
        said.map(|said| said.inputs()).unwrap_or_else(|reason| json!({ "by": null, "reason": reason }));
    Outlook { verdict, text: text.into(), partial, inputs }
}

/// What a verdict rests on.
struct Said {
    unit: Unit,
    remaining: Hundredths,
    scope: Hundredths,
    items: Hundredths,
    days_left: u32,
    by: By,
    velocity: Option<Hundredths>,
}

enum By {
    /// Nothing is left.
    Done,
    /// With the day on which all is completed in 85 of 100 runs.
    Forecast(Forecast, Option<CivilDate>),
    /// The ideal line at the end of the last working day that is over, and of the one before.
    IdealLine { ideal: Hundredths, before: Hundredths },
}

impl Said {
    fn of(tallies: &Tallies<'_>, burndown: Option<&Burndown>) -> Result<Self, &'static str> {
        let moment = &tallies.moment;
        if !moment.frame.catalogue.knows_levels() {
            return Err("what is in the sprint is not known");
        }
        let span = moment.frame.span.ok_or("the sprint has no dates")?;
        if !span.contains(moment.today) {
            return Err("today is not a day of the sprint");
        }
        if !moment.frame.catalogue.knows_working_days() {
            return Err("the team's working days or days off cannot be read");
        }
        let unit = moment.unit;
        let (total, left) = match unit {
            Unit::Points => (ids::POINTS_TOTAL, ids::POINTS_REMAINING),
            _ => (ids::ITEMS_TOTAL, ids::ITEMS_REMAINING),
        };
        let (scope, remaining) = (tallies.summed(total)?, tallies.summed(left)?);
        let items = tallies.summed(ids::ITEMS_REMAINING)?;
        if tallies.is_zero(ids::ITEMS_TOTAL) {
            return Err("nothing is planned for the sprint");
        }
        if remaining == Hundredths::default() && items != remaining && tallies.forecast.is_none() {
            return Err("the items that are left are not estimated, or with 0");
        }
        let velocity = values::velocity_average(tallies).ok();
        let is_known = tallies.has_read_past() && !tallies.finished().is_empty();
        let velocity = velocity.filter(|_| is_known && moment.velocity_unit == unit);
        Ok(Self {
            unit,
            remaining,
            scope,
            items,
            days_left: tallies.days_left().unwrap_or_default(),
            by: by(tallies, burndown, items)?,
            velocity,
        })
    }

    /// What it would rest on and does not: the past is not read, or not known as far back as a forecast looks.
    fn lacks(&self, tallies: &Tallies<'_>) -> Option<&'static str> {
        match self.by {
            By::Done => None,
            _ if !tallies.has_read_past() => Some(need::PAST.reason),
            By::Forecast(..) if tallies.looks_beyond() => Some(need::SHORT_PAST),
            By::Forecast(..) | By::IdealLine { .. } => None,
        }
    }

    fn judge(&self) -> (SprintVerdict, String) {
        let left = self.amount(self.remaining);
        match self.by {
            By::Done => (SprintVerdict::OnTrack, "Everything is completed.".to_owned()),
            By::Forecast(Forecast { runs_done, items_p85, .. }, date_p85) => {
                let percent = values::chance(runs_done).unwrap_or_default();
                let verdict = match percent {
                    percent if percent >= Hundredths::whole(85) => SprintVerdict::OnTrack,
                    percent if percent >= Hundredths::whole(50) => SprintVerdict::AtRisk,
                    _ => SprintVerdict::Behind,
                };
                let when = date_p85.map_or_else(String::new, |date| format!("; all of it by {date}"));
                let percent = percent.units();
                let points = if self.unit == Unit::Points { format!(" ({left})") } else { String::new() };
                let text = format!(
                    "{percent} % likely to complete all {} items{points} on the {} left. In 85 of 100 runs at least {items_p85}{when}.",
                    self.items.units(),
                    days(self.days_left),
                );
                (verdict, text)
            }
            By::IdealLine { ideal, before } => {
                let verdict = match self.remaining {
                    remaining if remaining <= ideal => SprintVerdict::OnTrack,
                    remaining if remaining <= before => SprintVerdict::AtRisk,
                    _ => SprintVerdict::Behind,
                };
                let over = self.remaining - ideal;
                let compared = match verdict {
                    SprintVerdict::OnTrack => "no more than the ideal line has".to_owned(),
                    _ => format!("{} more than the ideal line has", self.amount(over)),
                };
                (verdict, format!("{left} left with {} to go, {compared}.", days(self.days_left)))
            }
        }
    }

    fn amount(&self, amount: Hundredths) -> String {
        let unit = if self.unit == Unit::Points { "points" } else { "items" };
        format!("{} {unit}", amount.units())
    }

    fn inputs(&self) -> Json {
        let mut inputs = json!({
            "unit": self.unit,
            "scope": self.scope,
            "remaining": self.remaining,
            "itemsRemaining": self.items,
            "daysLeft": self.days_left,
            "velocity": self.velocity,
        });
        let more = match self.by {
            By::Done => json!({ "by": "done" }),
            By::Forecast(Forecast { runs_done, items_p85, days_p85, .. }, date_p85) => json!({
                "by": "forecast",
                "runs": RUNS,
                "runsDone": runs_done,
                "itemsP85": items_p85,
                "daysP85": days_p85,
                "dateP85": date_p85,
            }),
            By::IdealLine { ideal, before } => {
                json!({ "by": "ideal", "ideal": ideal, "idealDayBefore": before })
            }
        };
        if let (Some(inputs), Json::Object(more)) = (inputs.as_object_mut(), more) {
            inputs.extend(more);
        }
        inputs
    }
}

fn by(tallies: &Tallies<'_>, burndown: Option<&Burndown>, items: Hundredths) -> Result<By, &'static str> {
    if items == Hundredths::default() {
        return Ok(By::Done);
    }
    if let Some(forecast) = tallies.forecast.filter(|_| tallies.has_read_past()) {
        return Ok(By::Forecast(forecast, forecast.days_p85.and_then(|days| tallies.working_day(days))));
    }
    let no_line = match tallies.has_read_past() {
        true => "there is neither a forecast nor an ideal line yet",
        false => need::PAST.reason,
    };
    let burndown = burndown.ok_or(no_line)?;
    let original = burndown.original.ok_or(no_line)?;
    let over = burndown.days.iter().take_while(|day| day.date < tallies.moment.first_left);
    let mut worked: Vec<Hundredths> = vec![original, original];
    worked.extend(over.filter(|day| day.working).filter_map(|day| day.ideal));
    match worked.as_slice() {
        [.., before, ideal] => Ok(By::IdealLine { ideal: *ideal, before: *before }),
        _ => Err(no_line),
    }
}

fn days(days: u32) -> String {
    if days == 1 { "1 working day".to_owned() } else { format!("{days} working days") }
}
