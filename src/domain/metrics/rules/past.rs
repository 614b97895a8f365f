//! What one item contributes to the numbers that tell of the past.

use super::{
    Check, Contribution, Exclusion, ON_TASK_BACKLOG, Outcome, bug, completed, effort, elapsed_days,
    hours_remaining, in_scope, lately_completed, one, require, team_requirement,
};
use crate::domain::metrics::digest::Digest;
use crate::domain::metrics::frame::Moment;
use crate::domain::metrics::life::flow::Happened;
use crate::domain::metrics::life::parts::{Estimate, PartInSprint};
use crate::domain::metrics::life::scope_change::ScopeChange;
use crate::domain::metrics::life::{SprintMembership, TaskStanding};
use crate::domain::metrics::periods::{forecast, throughput};
use crate::domain::wire::view::{ScopeChangeKind, Unit};
use crate::domain::{BacklogLevel, CivilDate, Hundredths, StateCategory};

const HOUR_MS: i64 = 60 * 60 * 1000;

const NOT_KNOWN_THEN: Exclusion =
    Exclusion::Unknown("how a work item stood when the sprint was planned is not known");
/// Why nothing is told of a sprint before.
pub(crate) const PART_UNKNOWN: &str = "how a work item stood in the sprint before is not known";

const WAS_PLANNED: &str = "was in the sprint when it was planned";

pub(crate) fn points_original(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    if !moment.is_planned {
        in_scope(digest)?;
        return effort(digest, "is in the scope of a sprint that is being planned");
    }
    match in_original_scope(digest)? {
        None => Err(Exclusion::LeftOut("was not estimated when the sprint was planned")),
        Some(amount) => Ok(Contribution { amount, why: WAS_PLANNED }),
    }
}

pub(crate) fn items_original(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    if !moment.is_planned {
        in_scope(digest)?;
        return one("is in the scope of a sprint that is being planned");
    }
    in_original_scope(digest)?;
    one(WAS_PLANNED)
}

/// The effort of an item that was in the scope when the sprint was planned, if it was estimated then.
fn in_original_scope(digest: &Digest) -> Result<Option<Hundredths>, Exclusion> {
    match digest.original {
        SprintMembership::Unknown => Err(NOT_KNOWN_THEN),
        SprintMembership::Out if digest.level == Some(BacklogLevel::Task) => {
            Err(Exclusion::LeftOut(ON_TASK_BACKLOG))
        }
        SprintMembership::Out => Err(Exclusion::LeftOut("was not in the sprint when it was planned")),
        SprintMembership::In { effort, .. } => Ok(effort),
    }
}

/// The remaining work of a task when the sprint was planned.
pub(crate) fn hours_original(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let frame = moment.frame;
    let planned = frame.days.iter().position(|day| Some(day.end) == frame.planned_until);
    let Some(planned) = planned.filter(|_| moment.is_planned) else {
        return hours_remaining(digest, moment);
    };
    let then = digest.task_stretches.iter().find(|days| (days.from..days.to).contains(&planned));
    let left_out = |rule| Err(Exclusion::LeftOut(rule));
    match then.map_or(TaskStanding::Out, |days| days.stood) {
        TaskStanding::Unknown => Err(NOT_KNOWN_THEN),
        TaskStanding::Out => left_out("was no task of the sprint when it was planned"),
        TaskStanding::Completed => left_out("was completed when the sprint was planned"),
        TaskStanding::Open(None) => left_out("had no remaining work entered when the sprint was planned"),
        TaskStanding::Open(Some(amount)) => {
            Ok(Contribution { amount, why: "was an open task when the sprint was planned" })
        }
    }
}

pub(crate) fn scope_added(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let amount = changes(digest, moment, |change| change.kind == ScopeChangeKind::Added)?;
    Ok(Contribution { amount, why: "came into the sprint after it was planned" })
}

pub(crate) fn scope_removed(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let amount = changes(digest, moment, |change| change.kind == ScopeChangeKind::Removed)?;
    let amount = Hundredths::default() - amount;
    Ok(Contribution { amount, why: "left the sprint after it was planned" })
}

pub(crate) fn scope_reestimated(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let amount = changes(digest, moment, |change| change.kind == ScopeChangeKind::Reestimated)?;
    Ok(Contribution { amount, why: "was estimated anew after the sprint was planned" })
}

pub(crate) fn scope_net(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let amount = changes(digest, moment, |_| true)?;
    Ok(Contribution { amount, why: "changed the scope after the sprint was planned" })
}

fn changes(
    digest: &Digest,
    moment: &Moment<'_>,
    counts: impl Fn(&ScopeChange) -> bool,
) -> Result<Hundredths, Exclusion> {
    let told = &digest.scope_changes;
    if told.may_be_more && moment.is_planned {
        return Err(Exclusion::Unknown("how a work item changed the scope is not known"));
    }
    let mut changes = told.changes.iter().filter(|change| counts(change)).peekable();
    if changes.peek().is_none() {
        return Err(Exclusion::LeftOut("did not change the scope so"));
    }
    Ok(changes.map(|change| change.amount(moment.unit)).sum())
}

/// What became of an item in a sprint: which of its estimates tells it, and the words for items of which it is so, and is not.
pub(crate) struct Became {
    choose: fn(&PartInSprint) -> Option<Estimate>,
    is: &'static str,
    is_not: &'static str,
}

pub(crate) const PLANNED: Became = Became {
    choose: |part| part.planned,
    is: WAS_PLANNED,
    is_not: "was not in the sprint when it was planned",
};
pub(crate) const COMPLETED: Became = Became {
    choose: |part| part.completed,
    is: "was completed, and in the sprint, when it ended",
    is_not: "was not completed, or not in the sprint, when it ended",
};
pub(crate) const LATE: Became = Became {
    choose: |part| part.late,
    is: "was completed after the sprint, still in it",
    is_not: "was not completed after the sprint, still in it",
};
pub(crate) const INCOMPLETE: Became = Became {
    choose: |part| part.incomplete,
    is: "was planned and not completed when the sprint ended",
    is_not: "was not planned, or completed when the sprint ended",
};
/// With the estimates as planned.
pub(crate) const KEPT: Became = Became {
    choose: |part| part.kept,
    is: "was planned and completed in the sprint",
    is_not: "was not planned, or not completed in the sprint",
};

impl Became {
    /// Whether it is so of an item by its part in the sprint, and what it counts as then.
    pub(crate) fn of(&self, part: &PartInSprint, unit: Unit) -> Outcome {
        let not = || {
            if part.is_unknown { Exclusion::Unknown(PART_UNKNOWN) } else { Exclusion::LeftOut(self.is_not) }
        };
        let estimate = (self.choose)(part).ok_or_else(not)?;
        let amount = worth(estimate, unit).ok_or(Exclusion::LeftOut("was not estimated"))?;
        Ok(Contribution { amount, why: self.is })
    }

    fn in_last_sprint(&self, digest: &Digest, moment: &Moment<'_>) -> Outcome {
        let none = Exclusion::LeftOut("had no part in the last finished sprint");
        let last = moment.last_finished().ok_or(none)?;
        self.of(part_in(digest, last)?.ok_or(none)?, moment.velocity_unit)
    }
}

/// The items that were planned for the last finished sprint.
pub(crate) fn velocity_planned(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    PLANNED.in_last_sprint(digest, moment)
}

pub(crate) fn velocity_completed(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    COMPLETED.in_last_sprint(digest, moment)
}

pub(crate) fn velocity_late(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    LATE.in_last_sprint(digest, moment)
}

pub(crate) fn velocity_incomplete(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    INCOMPLETE.in_last_sprint(digest, moment)
}

/// What was planned for the last finished sprint and completed in it, with the estimates as planned.
pub(crate) fn kept(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    KEPT.in_last_sprint(digest, moment)
}

/// Whether an item had a part in the last finished sprint.
pub(crate) fn was_in_last_sprint(digest: &Digest, moment: &Moment<'_>) -> bool {
    moment.last_finished().is_some_and(|last| digest.parts.iter().any(|part| part.sprint == last))
}

/// Whether an item concerns the sprint, or was completed in the last 90 days.
pub(crate) fn may_have_been_completed_lately(digest: &Digest, moment: &Moment<'_>) -> bool {
    digest.concerns_sprint() || completed_day(digest).is_ok_and(|day| day >= moment.lead_from)
}

fn part_in(digest: &Digest, sprint: usize) -> Result<Option<&PartInSprint>, Exclusion> {
    let part = digest.parts.iter().find(|part| part.sprint == sprint);
    if part.is_some_and(|part| part.is_unknown) { Err(Exclusion::Unknown(PART_UNKNOWN)) } else { Ok(part) }
}

/// What an estimate is worth in points, or in items; `None` where there is none to count in points.
pub(crate) fn worth(estimate: Estimate, unit: Unit) -> Option<Hundredths> {
    match unit {
        Unit::Points => estimate,
        _ => Some(Hundredths::whole(1)),
    }
}

/// What came over from the sprint before, not completed there.
pub(crate) fn items_carried_over(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let before = moment.frame.before.len().checked_sub(1);
    let not_there = Exclusion::LeftOut("was not left open by the sprint before");
    let was_there = part_in(digest, before.ok_or(not_there)?)?;
    require(was_there.is_some_and(|part| part.was_left_open), "was not left open by the sprint before")?;
    if moment.is_planned {
        match digest.original {
            SprintMembership::Unknown => return Err(NOT_KNOWN_THEN),
            SprintMembership::Out => {
                return Err(Exclusion::LeftOut("was not in the sprint when it was planned"));
            }
            SprintMembership::In { .. } => {}
        }
    } else {
        in_scope(digest)?;
    }
    one("was left open by the sprint before")
}

/// Cycle time in days. It looks at every sprint of the team.
pub(crate) fn cycle_time(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let completed = lately_completed(digest, moment)?;
    match digest.started {
        Happened::Never => Err(Exclusion::LeftOut("was completed without having been in progress")),
        Happened::Unknown => Err(Exclusion::Unknown("when it was started is not known")),
        Happened::At(started) => {
            let amount = elapsed_days(started, completed);
            Ok(Contribution { amount, why: "was completed in the last 90 days" })
        }
    }
}

/// How old an item is that is in progress, in days.
pub(crate) fn age(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    in_scope(digest)?;
    in_progress(digest)?;
    match digest.started {
        Happened::At(started) => {
            Ok(Contribution { amount: elapsed_days(started, moment.now), why: "is in progress" })
        }
        _ => Err(Exclusion::Unknown("when it was started is not known")),
    }
}

pub(crate) fn items_aging(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let Contribution { amount: age, .. } = age(digest, moment)?;
    let above = moment.aging_above.ok_or(Exclusion::LeftOut("there is no age to compare with"))?;
    require(age > above, "is not older than 85 of 100 completed items were")?;
    one("is in progress for longer than 85 of 100 completed items were")
}

fn in_progress(digest: &Digest) -> Check {
    let is = matches!(digest.category, StateCategory::InProgress | StateCategory::Resolved);
    require(is, "is not in progress")
}

/// Whole hours, so that a number that grows by itself is not news every minute.
pub(crate) fn blocked_hours(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    in_scope(digest)?;
    let time = digest.blocked_time;
    if time.is_unknown {
        return Err(Exclusion::Unknown("for how long a work item was blocked is not known"));
    }
    let until = moment.frame.bounds.map_or(moment.now, |(_, end)| moment.now.min(end));
    let ms = time.over_ms + time.since.map_or(0, |since| until.ms_since(since));
    require(ms > 0, "was not blocked in the sprint")?;
    let hours = u32::try_from(ms.saturating_add(HOUR_MS / 2) / HOUR_MS);
    let amount = Hundredths::whole(hours.unwrap_or(u32::MAX));
    Ok(Contribution { amount, why: "was blocked in the sprint while it was open" })
}

pub(crate) fn bugs_reopened(digest: &Digest, _: &Moment<'_>) -> Outcome {
    bug(digest)?;
    let times = digest.reopened.ok_or(Exclusion::Unknown("whether a bug was reopened is not known"))?;
    require(times > 0, "was not reopened on a day of the sprint")?;
    Ok(Contribution { amount: Hundredths::whole(times), why: "was reopened on a day of the sprint" })
}

pub(crate) fn bugs_escaped(digest: &Digest, _: &Moment<'_>) -> Outcome {
    bug(digest)?;
    let unknown = Exclusion::Unknown("whether a bug was found after a release is not known");
    require(digest.escaped.ok_or(unknown)?, "is not marked as found after a release")?;
    one("is marked as found after a release")
}

pub(crate) fn bugs_total(digest: &Digest, _: &Moment<'_>) -> Outcome {
    bug(digest)?;
    one("is a bug in the sprint")
}

/// The items that were completed today and on the six days before.
pub(crate) fn throughput_week(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    completed_since(digest, moment.week_from)
}

/// The items that were completed on the working days over which the mean is taken.
pub(crate) fn throughput_days(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    completed_on(digest, moment, throughput::MEAN_DAYS)
}

/// The items that were completed on the days that a forecast draws from.
pub(crate) fn forecast_days(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    completed_on(digest, moment, forecast::DAYS_DRAWN_FROM)
}

fn completed_on(digest: &Digest, moment: &Moment<'_>, wanted: usize) -> Outcome {
    let place = moment.worked.place_of(completed_day(digest)?);
    let place = place.ok_or(Exclusion::LeftOut("was not completed on one of these days"))?;
    require(place >= moment.worked.from(wanted, moment.first_day), "was completed before")?;
    one("was completed on one of these days, or on a day off before one")
}

fn completed_since(digest: &Digest, from: CivilDate) -> Outcome {
    require(completed_day(digest)? >= from, "was completed before")?;
    one("was completed in these days")
}

/// The day on which one of the team's requirement-level items was completed, whatever its sprint.
pub(crate) fn completed_day(digest: &Digest) -> Result<CivilDate, Exclusion> {
    team_requirement(digest)?;
    completed(digest)?;
    digest.completed_day.ok_or(Exclusion::Unknown("when it was completed is not known"))
}
