//! Where a metric's number comes from: what went in, which items were counted, and which were left out by which rule.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::digest::Digest;
use super::frame::{LEAD_DAYS, SprintContext};
use super::ids::{
    BUGS_CLOSED, BUGS_OPENED, BURNDOWN_AVERAGE, HOURS_CAPACITY, HOURS_REMAINING, ITEMS_STALE,
    ITEMS_UNESTIMATED, LEAD_P50, LEAD_P85, LEAD_P95, PERCENT_COMPLETE, POINTS_COMPLETED, POINTS_REMAINING,
    POINTS_TOTAL, SPRINT_DAYS_LEFT,
};
use super::metric::Metric;
use super::rules::Exclusion;
use super::table::{self, metric};
use super::tally::Tallies;
use crate::domain::sprint::work_item::WorkItem;
use crate::domain::time::Timestamp;
use crate::domain::wire::explanation::{Counted, Explanation, LeftOut};

type Inputs = BTreeMap<&'static str, Value>;

/// Explains a metric; `None` when there is none of that name.
///
/// The value of a metric that is a sum is exactly the sum of the amounts counted. For a quotient the items counted are
/// those of its dividend. What is left out are items that are, or once were, in the sprint.
pub fn explain<'i>(
    id: &str,
    frame: &SprintContext<'_>,
    items: impl Iterator<Item = &'i WorkItem>,
    now: Timestamp,
) -> Option<Explanation> {
    let metric = metric(id)?;
    let digests: Vec<(Digest, &WorkItem)> = items.map(|item| (Digest::of(item, frame), item)).collect();
    let tallies = Tallies::of(frame, table::sums(), digests.iter().map(|(digest, _)| digest), now);
    let view = metric.view(&tallies);
    let mut inputs = inputs(metric, &tallies);
    if let Some(reason) = &view.reason {
        inputs.insert("reason", json!(reason));
    }
    let (counted, left_out) = sort_out(metric, &tallies, &digests);
    inputs.insert("counted", json!(counted.len()));
    Some(Explanation {
        metric: metric.id,
        value: view.value,
        unit: metric.unit,
        definition: metric.definition,
        source: metric.source,
        inputs,
        counted,
        left_out,
        history: tallies.history,
    })
}

fn sort_out(
    metric: &Metric,
    tallies: &Tallies<'_>,
    digests: &[(Digest, &WorkItem)],
) -> (Vec<Counted>, Vec<LeftOut>) {
    let (mut counted, mut left_out) = (Vec::new(), Vec::new());
    let Some(rule) = metric.items() else { return (counted, left_out) };
    for (digest, item) in digests {
        let title = || item.present().details.title.clone();
        match rule(digest, &tallies.moment) {
            Ok(contribution) => counted.push(Counted {
                id: digest.id,
                title: title(),
                amount: contribution.amount,
                why: contribution.why.into(),
            }),
            Err(Exclusion::Unknown(rule)) => {
                left_out.push(LeftOut { id: digest.id, title: title(), rule: rule.into() });
            }
            Err(Exclusion::LeftOut(rule)) if digest.concerns_sprint() => {
                left_out.push(LeftOut { id: digest.id, title: title(), rule: rule.into() });
            }
            Err(Exclusion::LeftOut(_)) => {}
        }
    }
    (counted, left_out)
}

/// The numbers that went into a metric apart from its items.
fn inputs(metric: &Metric, tallies: &Tallies<'_>) -> Inputs {
    let frame = tallies.moment.frame;
    let sprint = || {
        let span = frame.span;
        [
            ("startDate", json!(span.map(|span| span.first()))),
            ("finishDate", json!(span.map(|span| span.last()))),
        ]
    };
    let today = ("today", json!(tallies.moment.today));
    match metric.id {
        PERCENT_COMPLETE => Inputs::from([amount(POINTS_COMPLETED, tallies), amount(POINTS_TOTAL, tallies)]),
        BURNDOWN_AVERAGE => Inputs::from([
            amount(POINTS_COMPLETED, tallies),
            ("workingDaysElapsed", json!(tallies.days_elapsed())),
            today,
        ]),
        POINTS_TOTAL | POINTS_COMPLETED | POINTS_REMAINING | ITEMS_UNESTIMATED => {
            Inputs::from([("effortField", json!(frame.catalogue.effort_field))])
        }
        HOURS_REMAINING => {
            let tasks = tallies.tasks;
            Inputs::from([
                ("tasks", json!(tasks.all)),
                ("openTasks", json!(tasks.open)),
                ("openTasksWithHours", json!(tasks.open_with_hours)),
            ])
        }
        HOURS_CAPACITY => Inputs::from([("members", members(tallies)), today]),
        SPRINT_DAYS_LEFT => sprint().into_iter().chain([today]).collect(),
        ITEMS_STALE => Inputs::from([
            ("staleWorkingDays", json!(frame.settings.stale_working_days)),
            ("unchangedSinceBefore", json!(tallies.moment.stale_before)),
        ]),
        BUGS_OPENED | BUGS_CLOSED => {
            sprint().into_iter().chain([("zone", json!(frame.catalogue.zone.name()))]).collect()
        }
        LEAD_P50 | LEAD_P85 | LEAD_P95 => Inputs::from([("lastDays", json!(LEAD_DAYS)), today]),
        _ => Inputs::new(),
    }
}

fn amount(id: &'static str, tallies: &Tallies<'_>) -> (&'static str, Value) {
    (id, json!(tallies.amount(id)))
}

fn members(tallies: &Tallies<'_>) -> Value {
    let members = tallies.member_hours();
    members
        .iter()
        .map(|member| {
            json!({
                "name": member.name, "perDay": member.per_day, "daysLeft": member.days, "hours": member.hours,
            })
        })
        .collect()
}
