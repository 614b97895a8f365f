//! What became of the sprints before.

use boardcast::demo::simulation::item::Revision;
use boardcast::demo::simulation::organisation::Sprint;

use super::expected::{Board, Numbers, divided, percent};
use super::lives::effort;

/// A sum of what was planned or done, in points and in items.
#[derive(Clone, Copy, Default)]
pub struct Amount {
    points: i64,
    items: i64,
    estimated: usize,
}

impl Amount {
    fn add(&mut self, revision: &Revision) {
        self.points += effort(revision).unwrap_or(0);
        self.items += 100;
        self.estimated += usize::from(effort(revision).is_some());
    }

    pub const fn of(self, is_in_points: bool) -> i64 {
        if is_in_points { self.points } else { self.items }
    }
}

/// What became of a sprint.
pub struct Reviewed<'a> {
    pub sprint: &'a Sprint,
    pub planned: Amount,
    pub completed: Amount,
    pub late: Amount,
    pub incomplete: Amount,
    pub in_progress: Amount,
    pub kept: Amount,
}

pub fn review<'a>(board: &Board<'a>, sprint: &'a Sprint, follower: &Sprint) -> Reviewed<'a> {
    let none = Amount::default();
    let mut told = Reviewed {
        sprint,
        planned: none,
        completed: none,
        late: none,
        incomplete: none,
        in_progress: none,
        kept: none,
    };
    let (planned_at, end) = (board.days.planned(sprint), board.days.end(sprint.finish));
    let settled = board.days.end(follower.finish.max(sprint.finish));
    let is_in = |revision: &&Revision| board.owner.is_in_scope(revision, sprint);
    for life in &board.lives {
        let planned = life.then(planned_at).filter(is_in);
        let at_end = life.then(end);
        let in_at_end = at_end.filter(is_in);
        let later = life.then(settled).filter(is_in);
        if let Some(planned) = planned {
            told.planned.add(planned);
            let at_end = at_end.unwrap();
            if !board.owner.is_completed(at_end) && !board.owner.is_removed(at_end) && !at_end.deleted {
                told.incomplete.add(planned);
            }
            if in_at_end.is_some_and(|one| board.owner.is_completed(one)) {
                told.kept.add(planned);
            }
        }
        match in_at_end {
            Some(done) if board.owner.is_completed(done) => told.completed.add(done),
            Some(open) => {
                if board.owner.is_started(open) {
                    told.in_progress.add(open);
                }
                if let Some(late) = later.filter(|later| board.owner.is_completed(later)) {
                    told.late.add(late);
                }
            }
            None => {}
        }
    }
    told
}

/// Whether anything planned for these sprints, or completed in them, has an estimate.
pub fn is_in_points(finished: &[Reviewed<'_>]) -> bool {
    finished.iter().any(|one| one.planned.estimated + one.completed.estimated > 0)
}

pub fn numbers(board: &Board<'_>) -> Numbers {
    let finished = board.finished();
    let unit = is_in_points(&finished);
    let last = finished.last();
    let of = |amount: fn(&Reviewed<'_>) -> Amount| last.map(|last| amount(last).of(unit));
    let all: i64 = finished.iter().map(|one| one.completed.of(unit)).sum();
    Numbers::from([
        ("velocity.planned", of(|last| last.planned)),
        ("velocity.completed", of(|last| last.completed)),
        ("velocity.late", of(|last| last.late)),
        ("velocity.incomplete", of(|last| last.incomplete)),
        ("velocity.average", last.map(|_| divided(all, finished.len() as i64))),
        ("percent.say_do", last.and_then(|last| percent(last.kept.of(unit), last.planned.of(unit)))),
    ])
}
