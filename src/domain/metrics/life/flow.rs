//! How an item flowed: when it was started and completed, how often it was reopened, and for how long it was blocked.

use super::{Life, Stage};
use crate::domain::metrics::frame::SprintContext;
use crate::domain::{History, StateCategory, Timestamp};

/// When something first happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It did not.
    Never,
    /// A revision is missing that may tell.
    Unknown,
    At(Timestamp),
}

/// For how long an item was blocked on the days of the sprint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockedTime {
    /// By intervals that are over, in milliseconds.
    pub(crate) over_ms: i64,
    /// Since when it is blocked, no earlier than the sprint began.
    pub(crate) since: Option<Timestamp>,
    /// A revision is missing, or what says so is not kept of earlier ones.
    pub(crate) is_unknown: bool,
}

/// When the item first entered an `InProgress` or Resolved state.
pub(crate) fn started(life: &Life<'_>) -> Happened {
    let mut is_gap_behind = life.history == History::Partial
        && life.stages.first().is_none_or(|first| life.created_at.is_none_or(|created| created < first.from));
    for stage in &life.stages {
        match stage.category {
            None => return Happened::Unknown,
            Some(StateCategory::InProgress | StateCategory::Resolved) => {
                return if is_gap_behind { Happened::Unknown } else { Happened::At(stage.from) };
            }
            Some(_) => is_gap_behind |= !stage.is_followed,
        }
    }
    if is_gap_behind { Happened::Unknown } else { Happened::Never }
}

/// When an item that is completed entered a Completed state for the last time. `Unknown` when the revisions cannot
/// tell, because one is missing before the entry would be seen.
pub(crate) fn completed(life: &Life<'_>) -> Happened {
    let is_completed = |stage: &Stage<'_>| stage.category == Some(StateCategory::Completed);
    let mut earliest: Option<&Stage<'_>> = None;
    for stage in life.stages.iter().rev() {
        if earliest.is_some() && !stage.is_followed {
            return Happened::Unknown;
        }
        if !is_completed(stage) {
            return earliest.map_or(Happened::Never, |stage| Happened::At(stage.from));
        }
        earliest = Some(stage);
    }
    let is_whole = life.history == History::Complete;
    earliest
        .map_or(Happened::Never, |stage| if is_whole { Happened::At(stage.from) } else { Happened::Unknown })
}

/// How often the item went from a Completed state to another that is not Removed, on the days of the sprint; `None` where a
/// revision is missing that may tell.
pub(crate) fn reopened(life: &Life<'_>, frame: &SprintContext<'_>) -> Option<u32> {
    let Some((start, end)) = frame.bounds else { return Some(0) };
    let mut times = 0;
    for pair in life.stages.windows(2) {
        let [before, after] = pair else { continue };
        let is_within = start <= after.from && after.from < end;
        if !before.is_followed && start <= after.from && before.from < end {
            return None;
        }
        let (was, is) = (before.category, after.category);
        if is_within && (was.is_none() || is.is_none()) {
            return None;
        }
        let is_open = !matches!(is, Some(StateCategory::Completed | StateCategory::Removed));
        times += u32::from(is_within && was == Some(StateCategory::Completed) && is_open);
    }
    let first = life.stages.first().map(|stage| stage.from);
    let begins_late = life.history == History::Partial && first.is_none_or(|first| first >= start);
    let was_before = life.created_at.is_none_or(|created| Some(created) < first);
    (!(begins_late && was_before)).then_some(times)
}

/// For how long the item was blocked on the days of the sprint while it was open; `is_blocked` says whether it is now, as far as
/// that is known.
pub(crate) fn blocked(life: &Life<'_>, is_blocked: Option<bool>, frame: &SprintContext<'_>) -> BlockedTime {
    let Some((start, end)) = frame.bounds else { return BlockedTime::default() };
    let mut time = BlockedTime::default();
    let mut stages = life.stages.iter().peekable();
    while let Some(stage) = stages.next() {
        let until = stages.peek().map_or(end, |next| next.from.min(end));
        let from = stage.from.max(start);
        if until <= from {
            continue;
        }
        let is_newest = stages.peek().is_none();
        let is_open = !matches!(stage.category, Some(StateCategory::Completed | StateCategory::Removed));
        let is_blocked = match is_newest {
            true => is_blocked,
            false => frame.catalogue.blocked_by.held_earlier(&stage.claim.facts),
        };
        match is_blocked {
            Some(blocked) if blocked && is_open && is_newest => time.since = Some(from),
            Some(blocked) if blocked && is_open => time.over_ms += until.ms_since(from),
            Some(_) => {}
            None => time.is_unknown |= is_open,
        }
        time.is_unknown |= !stage.is_followed || stage.category.is_none();
    }
    let first = life.stages.first().map(|stage| stage.from);
    time.is_unknown |= life.history == History::Partial
        && first.is_none_or(|first| first > start)
        && life.created_at.is_none_or(|created| Some(created) < first);
    time
}
