//! What happened on a board since an instant, from the lives of its team's items.

use serde_json::{Value as Json, json};

use super::{Life, Stage};
use crate::domain::metrics::frame::SprintContext;
use crate::domain::wire::since::{Happening, HappeningKind};
use crate::domain::{Facts, RevisionTold, StateCategory, Timestamp, WorkItem};

/// How many changes are told; of more the newest.
const TOLD_MAX: usize = 200;

/// What happened on a board, and what of that is not told.
#[derive(Clone, Debug, Default)]
pub struct HappenedSince {
    /// Oldest first.
    pub(crate) changes: Vec<Happening>,
    /// How many older ones there are.
    pub(crate) left_out: usize,
    /// Items of which a revision is missing that was made since.
    pub(crate) unknown_items: u32,
}

/// What happened since an instant, itself among it, on the board of the frame's sprint.
pub fn happened_since<'i>(
    frame: &SprintContext<'_>,
    items: impl Iterator<Item = &'i WorkItem>,
    since: Timestamp,
    now: Timestamp,
) -> HappenedSince {
    let mut all = HappenedSince::default();
    for item in items {
        let life = Life::of(item, RevisionTold::Newest, frame.catalogue);
        let told = Told { frame, item };
        let mut is_unknown = false;
        for (place, stage) in life.stages.iter().enumerate() {
            if stage.from < since || stage.from > now {
                continue;
            }
            let before = place.checked_sub(1).and_then(|before| life.stages.get(before));
            match told.changes(before, stage) {
                Some(changes) => all.changes.extend(changes),
                None => {
                    is_unknown |= told.is_there(stage) || before.is_some_and(|before| told.is_there(before))
                }
            }
        }
        all.unknown_items += u32::from(is_unknown);
    }
    all.changes.sort_by_key(|change| (change.at, change.id, change.kind));
    all.left_out = all.changes.len().saturating_sub(TOLD_MAX);
    all.changes.drain(..all.left_out);
    all
}

/// An item of which it is told what happened to it.
struct Told<'t> {
    frame: &'t SprintContext<'t>,
    item: &'t WorkItem,
}

impl Told<'_> {
    /// What one revision changed; `None` where another is missing that may have been the one.
    fn changes(&self, before: Option<&Stage<'_>>, stage: &Stage<'_>) -> Option<Vec<Happening>> {
        let Some(before) = before else {
            let is_first = self.item.revisions().next().is_some_and(|(rev, _)| rev == 1);
            // Until it could be seen it was on no board.
            let kind = match self.item.unseen_since() {
                _ if is_first => HappeningKind::Created,
                Some(_) => HappeningKind::Added,
                None => return None,
            };
            let state = json!(stage.claim.facts.state);
            let came = self.is_there(stage).then(|| self.one(stage, kind, Json::Null, state));
            return Some(came.into_iter().collect());
        };
        if !before.is_followed {
            return None;
        }
        let mut changes = Vec::new();
        match (self.is_there(before), self.is_there(stage)) {
            (false, false) => return Some(changes),
            (false, true) => {
                let kind =
                    if self.is_left_open(before) { HappeningKind::CarriedOver } else { HappeningKind::Added };
                changes.push(self.moved(before, stage, kind));
            }
            (true, false) => {
                changes.push(self.moved(before, stage, HappeningKind::Removed));
                return Some(changes);
            }
            (true, true) => {}
        }
        let states =
            |kind| self.one(stage, kind, json!(before.claim.facts.state), json!(stage.claim.facts.state));
        changes.extend(Self::progress(before, stage).map(states));
        let estimates = before.effort.ok().zip(stage.effort.ok()).filter(|(was, is)| was != is);
        if let Some((was, is)) =
            estimates.filter(|_| self.is_requirement(before) && self.is_requirement(stage))
        {
            changes.push(self.one(stage, HappeningKind::Reestimated, json!(was), json!(is)));
        }
        changes.extend(self.block(before, stage));
        Some(changes)
    }

    /// Whether the board counts it, as a requirement or as a task.
    fn is_there(&self, stage: &Stage<'_>) -> bool {
        let sprint = Some(self.frame.sprint.id);
        (stage.sprint == sprint || stage.task_sprint == sprint)
            && stage.category != Some(StateCategory::Removed)
    }

    fn is_requirement(&self, stage: &Stage<'_>) -> bool {
        stage.sprint == Some(self.frame.sprint.id)
    }

    /// Whether it was in the sprint before, and not completed there.
    fn is_left_open(&self, stage: &Stage<'_>) -> bool {
        let before = self.frame.before.last().map(|sprint| sprint.iteration.id);
        let is_open = !matches!(stage.category, Some(StateCategory::Completed | StateCategory::Removed));
        before.is_some() && (stage.sprint == before || stage.task_sprint == before) && is_open
    }

    /// What became of its state.
    fn progress(before: &Stage<'_>, stage: &Stage<'_>) -> Option<HappeningKind> {
        use StateCategory::{Completed, InProgress, Proposed, Resolved};
        match (before.category?, stage.category?) {
            (Completed, Completed) => None,
            (_, Completed) => Some(HappeningKind::Completed),
            (Completed, _) => Some(HappeningKind::Reopened),
            (Proposed, InProgress | Resolved) => Some(HappeningKind::Started),
            _ => None,
        }
    }

    /// Whether it was blocked, or is no longer; that of one that is done is no news.
    fn block(&self, before: &Stage<'_>, stage: &Stage<'_>) -> Option<Happening> {
        let rules = &self.frame.catalogue.blocked_by;
        let present = self.item.present();
        let is_newest = std::ptr::eq(stage.claim, present.claim);
        let by = if is_newest { rules.told(present) } else { None };
        let is = if is_newest { Some(by.is_some()) } else { rules.held_earlier(&stage.claim.facts) };
        let is_open = stage.category != Some(StateCategory::Completed);
        match (rules.held_earlier(&before.claim.facts)?, is?) {
            (false, true) if is_open => Some(self.one(stage, HappeningKind::Blocked, Json::Null, json!(by))),
            (true, false) if is_open => {
                Some(self.one(stage, HappeningKind::Unblocked, Json::Null, Json::Null))
            }
            _ => None,
        }
    }

    /// That it came or went: from which path to which, or from which state to which where no path tells.
    fn moved(&self, before: &Stage<'_>, stage: &Stage<'_>, kind: HappeningKind) -> Happening {
        let (was, is) = (&before.claim.facts, &stage.claim.facts);
        let (from, to) = if was.deleted || is.deleted {
            let path = |facts: &Facts| (!facts.deleted).then(|| facts.iteration_path.clone());
            (json!(path(was)), json!(path(is)))
        } else if was.iteration_path != is.iteration_path {
            (json!(was.iteration_path), json!(is.iteration_path))
        } else if was.area_path != is.area_path {
            (json!(was.area_path), json!(is.area_path))
        } else if was.state != is.state {
            (json!(was.state), json!(is.state))
        } else {
            (json!(was.work_item_type), json!(is.work_item_type))
        };
        self.one(stage, kind, from, to)
    }

    fn one(&self, stage: &Stage<'_>, kind: HappeningKind, from: Json, to: Json) -> Happening {
        Happening {
            id: self.item.id,
            title: self.item.present().details.title.clone(),
            backlog: self.frame.catalogue.level_of(&self.item.present().claim.facts.work_item_type),
            kind,
            from,
            to,
            by: stage.claim.changed_by.clone(),
            at: stage.from,
        }
    }
}
