//! What a team's board shows of its items apart from its metrics.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::frame::SprintContext;
use super::reading::{effort, remaining_work};
use super::rules::{elapsed_days, in_scope};
use crate::domain::sprint::rank::Rank;
use crate::domain::wire::view::{ItemView, StateCount};
use crate::domain::{Catalogue, Claim, History, Hundredths, StateCategory, Text, Timestamp, WorkItem};

impl ItemView {
    /// The view of an item's newest revision on a team's board.
    pub fn on_board(item: &WorkItem, catalogue: &Catalogue, now: Timestamp) -> Self {
        let facts = &item.present().claim.facts;
        let view = Self::of(item.present());
        let rank = match &catalogue.order_field {
            Some(field) => item.present().rank_by(field).and_then(Rank::number),
            None => view.rank,
        };
        let blocked_by = catalogue.blocked_by.told(item.present());
        Self {
            blocked: blocked_by.is_some(),
            blocked_by,
            blocked_since: catalogue.blocked_by.since(item),
            state_category: catalogue.category_read(&facts.work_item_type, &facts.state),
            effort: effort(facts, catalogue).unwrap_or_default(),
            remaining_work: remaining_work(facts, catalogue).unwrap_or_default(),
            age_days: age(item, catalogue, now).map(Hundredths::units),
            rank,
            backlog: catalogue.level_of(&facts.work_item_type),
            ..view
        }
    }
}

/// How many days ago an item that is in progress was first started. `None` when a revision is missing: an earlier
/// start may be hidden there, as it is where the item was in progress when its known life begins.
fn age(item: &WorkItem, catalogue: &Catalogue, now: Timestamp) -> Option<Hundredths> {
    let is_started = |claim: &Claim| {
        let category = catalogue.category_of(&claim.facts.work_item_type, &claim.facts.state);
        matches!(category, StateCategory::InProgress | StateCategory::Resolved)
    };
    if item.history() != History::Complete || !is_started(item.present().claim) {
        return None;
    }
    let (at, (rev, started)) = item.revisions().enumerate().find(|(_, (_, claim))| is_started(claim))?;
    if at == 0 && rev != 1 {
        return None;
    }
    Some(elapsed_days(started.changed_at, now))
}

/// How many items of the sprint's scope are in each state, in the order of the categories.
///
/// One name may stand for different categories in different types, and then has a row for each.
pub(super) fn states<'d>(
    frame: &SprintContext<'_>,
    digests: impl Iterator<Item = &'d Digest>,
) -> Vec<StateCount> {
    let mut counts: BTreeMap<(StateCategory, &Text), (usize, Option<Hundredths>)> = BTreeMap::new();
    if !frame.catalogue.knows_levels() {
        return Vec::new();
    }
    let none = frame.catalogue.effort_field.as_ref().map(|_| Hundredths::default());
    for digest in digests.filter(|digest| in_scope(digest).is_ok()) {
        let (items, points) = counts.entry((digest.category, &digest.state)).or_insert((0, none));
        *items += 1;
        let known = points.filter(|_| !digest.has_unkept_effort);
        *points = known.map(|points| points + digest.effort.unwrap_or_default());
    }
    let counts = counts.into_iter().map(|((category, name), (items, points))| StateCount {
        name: name.clone(),
        category: Some(category),
        items,
        points,
    });
    counts.collect()
}
