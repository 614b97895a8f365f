//! How the scope of a sprint changed after it was planned, and what the sprint before left open.

use boardcast::demo::simulation::item::Revision;
use boardcast::demo::simulation::organisation::Sprint;

use super::expected::Board;
use super::lives::{Life, at, effort};

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub at: i64,
    pub id: u32,
    pub kind: &'static str,
    pub amount: i64,
    /// Who did it.
    pub by: &'static str,
}

/// What came, left and was estimated anew from when the sprint was planned until it ends.
pub fn changes(board: &Board<'_>) -> Vec<Row> {
    let (planned, (_, end)) = (board.planned().1, board.bounds());
    let is_in = |revision: &Revision| board.owner.is_in_scope(revision, board.sprint);
    let mut rows = Vec::new();
    for life in &board.lives {
        for (was, is) in life.changes().filter(|(_, is)| planned <= at(is) && at(is) < end) {
            let was = was.filter(|was| is_in(was));
            let now_in = is_in(is);
            let (before, after) = (was.map_or(0, |was| board.worth(was)), board.worth(is));
            let (kind, amount) = match (was, now_in) {
                (None, true) => ("added", after),
                (Some(_), false) => ("removed", -before),
                (Some(was), true) if effort(was) != effort(is) => ("reestimated", after - before),
                _ => continue,
            };
            rows.push(Row { at: at(is), id: life.item.id, kind, amount, by: board.person(is) });
        }
    }
    rows.sort();
    rows
}

/// What the sprint before left open and this one began with, each with the revision by which it came into this one.
pub fn carried_over(board: &Board<'_>, before: Option<&Sprint>) -> Vec<Row> {
    let Some(before) = before else { return Vec::new() };
    let (is_planned, planned) = board.planned();
    let mut rows = Vec::new();
    for life in board.lives.iter().filter(|life| was_left_open(board, life, before)) {
        let then = if is_planned { life.then(planned) } else { Some(life.newest()) };
        let Some(then) = then.filter(|then| board.owner.is_in_scope(then, board.sprint)) else { continue };
        let is_here =
            |one: &&Revision| board.owner.is_in_sprint(one, board.sprint) && board.owner.is_requirement(one);
        let until = life.revisions.iter().rev().skip_while(|one| one.rev > then.rev).copied();
        let entered = until.take_while(is_here).last().unwrap();
        rows.push(Row {
            at: at(entered),
            id: life.item.id,
            kind: "carried_over",
            amount: board.worth(then),
            by: board.person(entered),
        });
    }
    rows
}

/// Whether an item was in a sprint once that was planned, and was neither Completed nor Removed when it left it, or when it ended.
fn was_left_open(board: &Board<'_>, life: &Life<'_>, sprint: &Sprint) -> bool {
    let (planned, end) = (board.days.planned(sprint), board.days.end(sprint.finish));
    let is_in = |revision: &Revision| board.owner.is_in_scope(revision, sprint);
    let stood_at_end = life.then(end).is_some_and(|then| is_in(then) && !board.owner.is_completed(then));
    let left = life.changes().any(|(was, is)| {
        let is_of_time = planned <= at(is) && at(is) < end;
        let was_in = was.is_some_and(|was| is_in(was) && !board.owner.is_completed(was));
        is_of_time && was_in && !is_in(is) && board.owner.is_open(is) && !is.deleted
    });
    stood_at_end || left
}
