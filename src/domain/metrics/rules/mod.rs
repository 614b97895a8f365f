//! What one item contributes to a metric. Sums and explanations are both made from these rules.

pub(super) mod past;

use super::digest::Digest;
use super::frame::Moment;
use crate::domain::{BacklogLevel, Hundredths, StateCategory, Timestamp};

/// Why an item does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exclusion {
    /// A rule leaves it out.
    LeftOut(&'static str),
    /// It may count, and nobody can tell.
    Unknown(&'static str),
}

/// What an item contributes, and why it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contribution {
    pub(super) amount: Hundredths,
    pub(super) why: &'static str,
}

/// What an item contributes to a metric, or why it does not.
pub(super) type ItemRule = fn(&Digest, &Moment<'_>) -> Outcome;

pub(super) type Outcome = Result<Contribution, Exclusion>;
pub(super) type Check = Result<(), Exclusion>;

const ON_TASK_BACKLOG: &str = "is on the task backlog";
const IN_SCOPE: &str = "is in the sprint's scope";
const COMPLETED: &str = "is in a Completed state";
const NOT_COMPLETED: &str = "is not in a Completed state";

pub(super) fn items_total(digest: &Digest, _: &Moment<'_>) -> Outcome {
    in_scope(digest)?;
    one(IN_SCOPE)
}

pub(super) fn points_total(digest: &Digest, _: &Moment<'_>) -> Outcome {
    in_scope(digest)?;
    effort(digest, IN_SCOPE)
}

pub(super) fn items_completed(digest: &Digest, _: &Moment<'_>) -> Outcome {
    in_scope(digest)?;
    completed(digest)?;
    one(COMPLETED)
}

pub(super) fn points_completed(digest: &Digest, _: &Moment<'_>) -> Outcome {
    in_scope(digest)?;
    completed(digest)?;
    effort(digest, COMPLETED)
}

pub(super) fn items_remaining(digest: &Digest, _: &Moment<'_>) -> Outcome {
    open_in_scope(digest)?;
    one(NOT_COMPLETED)
}

pub(super) fn points_remaining(digest: &Digest, _: &Moment<'_>) -> Outcome {
    open_in_scope(digest)?;
    effort(digest, NOT_COMPLETED)
}

pub(super) fn hours_remaining(digest: &Digest, _: &Moment<'_>) -> Outcome {
    task(digest)?;
    open(digest)?;
    kept(!digest.has_unkept_remaining_work)?;
    let amount = digest.remaining_work.ok_or(Exclusion::LeftOut("has no remaining work entered"))?;
    Ok(Contribution { amount, why: "is an open task with remaining work" })
}

pub(super) fn items_wip(digest: &Digest, _: &Moment<'_>) -> Outcome {
    in_scope(digest)?;
    match digest.category {
        StateCategory::InProgress => one("is in an In Progress state"),
        StateCategory::Resolved => one("is in a Resolved state, which counts as in progress"),
        StateCategory::Proposed => Err(Exclusion::LeftOut("is not started")),
        StateCategory::Completed | StateCategory::Removed => Err(Exclusion::LeftOut("is completed")),
    }
}

pub(super) fn items_stale(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    open_in_scope(digest)?;
    let before = moment.stale_before.ok_or(Exclusion::LeftOut("the team has no working days"))?;
    require(digest.changed_at < before, "was changed lately")?;
    one("was not changed for that many whole working days")
}

pub(super) fn items_unestimated(digest: &Digest, _: &Moment<'_>) -> Outcome {
    open_in_scope(digest)?;
    require(digest.can_be_estimated, "its type has no effort field")?;
    kept(!digest.has_unkept_effort)?;
    require(digest.effort.is_none(), "is estimated")?;
    one("is open and has no effort")
}

pub(super) fn items_blocked(digest: &Digest, _: &Moment<'_>) -> Outcome {
    let is_task = task(digest).is_ok() && open(digest).is_ok() && digest.blocked.is_some();
    require(!is_task, "is a task: it counts beside the items")?;
    open_in_scope(digest)?;
    if digest.has_unknown_block {
        return Err(Exclusion::Unknown("whether a work item was blocked then is not known"));
    }
    one(digest.blocked.ok_or(Exclusion::LeftOut("is not blocked"))?)
}

pub(super) fn bugs_open(digest: &Digest, _: &Moment<'_>) -> Outcome {
    bug(digest)?;
    open(digest)?;
    one("is a bug that is not completed")
}

pub(super) fn bugs_opened(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    bug(digest)?;
    let created = digest.created_at.ok_or(Exclusion::Unknown("when a bug was created is not known"))?;
    require(moment.frame.contains(created), "was not created on a day of the sprint")?;
    one("is a bug that was created on a day of the sprint")
}

pub(super) fn bugs_closed(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    bug(digest)?;
    completed(digest)?;
    let closed = digest.completed_at.ok_or(Exclusion::Unknown("when a bug was completed is not known"))?;
    require(moment.frame.contains(closed), "was not completed on a day of the sprint")?;
    one("is a bug that was completed on a day of the sprint")
}

/// Lead time in days. It looks at every sprint of the team.
pub(super) fn lead_time(digest: &Digest, moment: &Moment<'_>) -> Outcome {
    let completed = lately_completed(digest, moment)?;
    let created = digest.created_at.ok_or(Exclusion::Unknown("when it was created is not known"))?;
    Ok(Contribution { amount: elapsed_days(created, completed), why: "was completed in the last 90 days" })
}

/// When one of the team's requirement-level items was completed, if that was in the last 90 days.
pub(super) fn lately_completed(digest: &Digest, moment: &Moment<'_>) -> Result<Timestamp, Exclusion> {
    team_requirement(digest)?;
    completed(digest)?;
    let unknown = Exclusion::Unknown("when it was completed is not known");
    let (at, day) = digest.completed_at.zip(digest.completed_day).ok_or(unknown)?;
    require(day >= moment.lead_from, "was completed before the last 90 days")?;
    require(day >= moment.counted_from, "was completed before the past that is known")?;
    Ok(at)
}

/// One of the team's requirement-level items, whatever its sprint.
pub(super) fn team_requirement(digest: &Digest) -> Check {
    require(digest.of_team, "is not one of the team's")?;
    requirement(digest)
}

/// From one instant to another in days, with one decimal.
pub(super) fn elapsed_days(from: Timestamp, to: Timestamp) -> Hundredths {
    const TENTH_MS: i64 = 24 * 60 * 60 * 100;
    // Never negative, and far from the ends of 64 bits: this is worked out for every item after every change.
    let tenths = to.ms_since(from).saturating_add(TENTH_MS / 2) / TENTH_MS;
    Hundredths::from_hundredths(tenths.saturating_mul(10))
}

/// In the sprint, on the requirement backlog, and not Removed.
pub(super) fn in_scope(digest: &Digest) -> Check {
    on_board(digest)?;
    requirement(digest)?;
    not_removed(digest)
}

pub(super) fn open_in_scope(digest: &Digest) -> Check {
    in_scope(digest)?;
    open(digest)
}

/// The same as the scope, on the task backlog.
pub(super) fn task(digest: &Digest) -> Check {
    on_board(digest)?;
    require(digest.level == Some(BacklogLevel::Task), "is not on the task backlog")?;
    not_removed(digest)
}

/// A bug in the sprint, whatever the team does with bugs otherwise.
pub(super) fn bug(digest: &Digest) -> Check {
    on_board(digest)?;
    require(digest.is_bug, "is not a bug")?;
    not_removed(digest)
}

fn on_board(digest: &Digest) -> Check {
    if digest.is_unknown && digest.concerns_sprint() {
        return Err(Exclusion::Unknown("how a work item stood then is not known"));
    }
    require(digest.on_board, "is no longer in the sprint")
}

fn requirement(digest: &Digest) -> Check {
    require(digest.level != Some(BacklogLevel::Task), ON_TASK_BACKLOG)?;
    require(digest.level.is_some(), "is on no backlog of a sprint")
}

fn not_removed(digest: &Digest) -> Check {
    if digest.has_unread_state {
        return Err(Exclusion::Unknown("the states of its type cannot be read"));
    }
    require(digest.category != StateCategory::Removed, "is in a Removed state")
}

pub(super) fn completed(digest: &Digest) -> Check {
    require(digest.category == StateCategory::Completed, NOT_COMPLETED)
}

/// Neither Completed nor Removed.
pub(super) fn open(digest: &Digest) -> Check {
    not_removed(digest)?;
    require(digest.category != StateCategory::Completed, COMPLETED)
}

pub(super) const fn require(holds: bool, rule: &'static str) -> Check {
    if holds { Ok(()) } else { Err(Exclusion::LeftOut(rule)) }
}

/// Whether the number is kept that the field may hold in which the team estimates.
const fn kept(is_kept: bool) -> Check {
    match is_kept {
        true => Ok(()),
        false => Err(Exclusion::Unknown("a work item has more number fields than are kept")),
    }
}

pub(super) fn effort(digest: &Digest, why: &'static str) -> Outcome {
    kept(!digest.has_unkept_effort)?;
    let amount = digest.effort.ok_or(Exclusion::LeftOut("is not estimated"))?;
    Ok(Contribution { amount, why })
}

pub(super) const fn one(why: &'static str) -> Outcome {
    Ok(Contribution { amount: Hundredths::whole(1), why })
}
