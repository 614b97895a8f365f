//! Every number of a team's board, by what docs/METRICS.md says, from the revisions of the work items and nothing else.

use std::collections::BTreeMap;

use boardcast::demo::simulation::item::Revision;
use boardcast::demo::simulation::model::Model;
use boardcast::demo::simulation::organisation::{Project, Sprint, later};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::time::CivilDate;

use super::days::{TeamDays, back};
use super::forecast::{self, Forecast};
use super::lives::{Life, Owner, at, effort};
use super::people::ESCAPED;
use super::velocity::{self, Reviewed};

/// Numbers in hundredths, by their names; `None` where there is none.
pub type Numbers = BTreeMap<&'static str, Option<i64>>;

/// A team in its sprint, at a moment.
pub struct Board<'a> {
    pub days: TeamDays<'a>,
    pub owner: Owner,
    pub sprint: &'a Sprint,
    pub now: i64,
    pub today: CivilDate,
    /// All items that are or ever were the team's.
    pub lives: Vec<Life<'a>>,
    /// Whether items are blocked by a tag of the organisation's own.
    pub blocks: fn(&Revision) -> bool,
    /// Whether the scope is counted in points: in items where no item of it has an estimate.
    pub is_in_points: bool,
    pub forecast: Option<Forecast>,
    projects: &'a [Project],
}

/// Divided and rounded, half away from zero.
pub fn divided(numerator: i64, denominator: i64) -> i64 {
    let half = denominator / 2;
    let signed = if numerator < 0 { numerator - half } else { numerator + half };
    signed / denominator
}

/// In percent with one decimal; `None` of nothing.
pub fn percent(part: i64, whole: i64) -> Option<i64> {
    (whole != 0).then(|| divided(part * 1_000, whole) * 10)
}

/// In days with one decimal.
fn elapsed(from: i64, to: i64) -> i64 {
    divided(to - from, 8_640_000) * 10
}

/// The one with number ⌈p · n / 100⌉ of at least five.
fn percentile(times: &[i64], percent: usize) -> Option<i64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    (sorted.len() >= 5).then(|| sorted[(percent * sorted.len()).div_ceil(100) - 1])
}

fn count(number: usize) -> Option<i64> {
    Some(100 * number as i64)
}

impl<'a> Board<'a> {
    /// `None` where the team is between two sprints.
    pub fn of(
        model: &'a Model,
        days: TeamDays<'a>,
        owner: Owner,
        now: i64,
        blocks: fn(&Revision) -> bool,
    ) -> Option<Self> {
        let today = days.day_of(now);
        let sprint = days.current(today)?;
        let was_own = |life: &Life<'_>| life.revisions.iter().any(|one| one.content.home == owner.home);
        let lives = model.items.values().filter_map(|item| Life::before(item, owner, now + 1));
        let lives = lives.filter(was_own).collect();
        let (is_in_points, forecast, projects) = (false, None, &*model.organisation.projects);
        let mut board =
            Self { days, owner, sprint, now, today, lives, blocks, is_in_points, forecast, projects };
        board.is_in_points = board.scope().iter().any(|life| effort(life.newest()).is_some());
        board.forecast = board.forecast();
        Some(board)
    }

    /// The items in the scope as they are now.
    pub fn scope(&self) -> Vec<&Life<'a>> {
        self.lives.iter().filter(|life| self.owner.is_in_scope(life.newest(), self.sprint)).collect()
    }

    /// Who made a revision: people are those of the team that the item was of then.
    pub fn person(&self, revision: &Revision) -> &'static str {
        let (project, team) = revision.content.home;
        self.projects[project].teams[team].person(revision.changed_by).unwrap().name
    }

    /// What a revision in the scope is worth.
    pub fn worth(&self, revision: &Revision) -> i64 {
        if self.is_in_points { effort(revision).unwrap_or(0) } else { 100 }
    }

    pub fn bounds(&self) -> (i64, i64) {
        (self.days.begin(self.sprint.start), self.days.end(self.sprint.finish))
    }

    /// The team's sprints that began before this one, oldest first.
    fn before(&self) -> Vec<&'a Sprint> {
        self.days.sprints().into_iter().take_while(|sprint| sprint.start < self.sprint.start).collect()
    }

    /// The last six of them that are over.
    pub fn finished(&self) -> Vec<Reviewed<'a>> {
        let before = self.before();
        let followers = before.iter().skip(1).copied().chain([self.sprint]);
        let over =
            before.iter().zip(followers).filter(|(sprint, _)| self.days.end(sprint.finish) <= self.now);
        let reviewed = over.map(|(sprint, follower)| velocity::review(self, sprint, follower));
        let all: Vec<_> = reviewed.collect();
        all.into_iter().rev().take(6).rev().collect()
    }

    /// Whether the original scope does not change any more, and since when.
    pub fn planned(&self) -> (bool, i64) {
        let planned = self.days.planned(self.sprint);
        (planned <= self.now, planned)
    }

    pub fn original(&self) -> i64 {
        let (is_planned, planned) = self.planned();
        let then = |life: &Life<'a>| if is_planned { life.then(planned) } else { Some(life.newest()) };
        let was_in = |revision: &&Revision| self.owner.is_in_scope(revision, self.sprint);
        self.lives.iter().filter_map(then).filter(was_in).map(|revision| self.worth(revision)).sum()
    }

    pub fn days_left(&self) -> Vec<CivilDate> {
        self.days.working(self.today.max(self.sprint.start), self.sprint.finish)
    }

    /// How many items were completed on each of the last working days, those of days off on the day that follows.
    pub fn completed_on(&self, wanted: usize) -> Vec<(CivilDate, u32)> {
        let is_meant = |life: &&Life<'a>| {
            let newest = life.newest();
            self.owner.is_own(newest) && self.owner.is_requirement(newest)
        };
        let own: Vec<&Life<'a>> = self.lives.iter().filter(is_meant).collect();
        let counted = own.iter().filter(|life| !self.owner.is_removed(life.newest()));
        let first = counted.map(|life| self.days.day_of(life.created())).min();
        let days = self.days.working_before(self.today, wanted);
        // Nothing looks back over more than 90 days.
        let first = first.map(|first| first.max(back(self.today, 89)));
        let days = days.into_iter().filter(|day| first.is_none_or(|first| first <= *day));
        let counted_on =
            |done: i64| self.days.day_of(done).iter_days().find(|day| self.days.is_working(*day));
        let on: Vec<Option<CivilDate>> =
            own.iter().filter_map(|life| life.completed()).map(counted_on).collect();
        days.map(|day| (day, on.iter().filter(|on| **on == Some(day)).count() as u32)).collect()
    }

    fn forecast(&self) -> Option<Forecast> {
        let drawn: Vec<u32> = self.completed_on(60).into_iter().map(|(_, items)| items).collect();
        let remaining = self.scope().iter().filter(|life| self.owner.is_open(life.newest())).count();
        let seed = format!("{}/{}/{}", self.days.team.id, self.sprint.id, self.today);
        let is_enough = drawn.len() >= 10 && drawn.iter().sum::<u32>() >= 5;
        is_enough.then(|| forecast::run(&drawn, self.days_left().len(), remaining as u32, &seed))
    }

    /// Every number.
    pub fn numbers(&self) -> Numbers {
        let mut numbers = self.present();
        numbers.extend(self.of_bugs());
        numbers.extend(self.of_scope());
        numbers.extend(self.of_flow());
        numbers.extend(velocity::numbers(self));
        numbers.extend(self.of_forecast());
        numbers
    }

    fn present(&self) -> Numbers {
        let scope = self.scope();
        let newest: Vec<&Revision> = scope.iter().map(|life| life.newest()).collect();
        let those = |fits: &dyn Fn(&Revision) -> bool| newest.iter().filter(|one| fits(one)).count();
        let points = |fits: &dyn Fn(&Revision) -> bool| -> i64 {
            newest.iter().filter(|one| fits(one)).filter_map(|one| effort(one)).sum()
        };
        let (total, done) = (points(&|_| true), points(&|one| self.owner.is_completed(one)));
        let over = self.days.working(self.sprint.start, back(self.today, 1)).len().max(1);
        let stale_before = self.days.begin(self.days.working_before(self.today, 5)[0]);
        let stale = newest.iter().filter(|one| self.owner.is_open(one) && at(one) < stale_before).count();
        let blocked = newest.iter().filter(|one| self.owner.is_open(one) && (self.blocks)(one)).count();
        let days_left = self.days_left();
        let members = self.days.team.members.iter().map(|who| {
            let off = who.day_off.map(|off| later(self.sprint.start, off));
            let days = days_left.iter().filter(|day| off != Some(**day)).count();
            (who.capacity_per_day * 100.0).round() as i64 * days as i64
        });
        Numbers::from([
            ("items.total", count(newest.len())),
            ("items.completed", count(those(&|one| self.owner.is_completed(one)))),
            ("items.remaining", count(those(&|one| self.owner.is_open(one)))),
            ("points.total", Some(total)),
            ("points.completed", Some(done)),
            ("points.remaining", Some(total - done)),
            ("percent.complete", percent(done, total)),
            ("burndown.average", Some(divided(done, over as i64))),
            ("items.wip", count(those(&|one| self.owner.is_started(one)))),
            (
                "items.unestimated",
                count(those(&|one| self.owner.is_open(one) && one.content.effort.is_none())),
            ),
            ("items.stale", count(stale)),
            ("items.blocked", count(blocked)),
            ("sprint.days_left", count(days_left.len())),
            ("hours.capacity", Some(members.sum())),
            ("hours.remaining", self.hours()),
        ])
    }

    fn hours(&self) -> Option<i64> {
        let newest = self.lives.iter().map(Life::newest);
        let is_task = |one: &&Revision| {
            self.owner.is_in_sprint(one, self.sprint)
                && self.owner.is_task(one)
                && !self.owner.is_removed(one)
        };
        let tasks: Vec<&Revision> = newest.filter(is_task).collect();
        let open: Vec<&&Revision> = tasks.iter().filter(|one| self.owner.is_open(one)).collect();
        let hours: Vec<f64> = open.iter().filter_map(|one| one.content.remaining_work).collect();
        let is_known = !tasks.is_empty() && (open.is_empty() || !hours.is_empty());
        is_known.then(|| hours.iter().map(|hours| (hours * 100.0).round() as i64).sum())
    }

    fn of_bugs(&self) -> Numbers {
        let (start, end) = self.bounds();
        let is_within = |ms: i64| start <= ms && ms < end;
        let is_bug = |life: &&Life<'a>| {
            let newest = life.newest();
            newest.content.item_type.level == ItemRank::Bug
                && self.owner.is_in_sprint(newest, self.sprint)
                && !self.owner.is_removed(newest)
        };
        let bugs: Vec<&Life<'a>> = self.lives.iter().filter(is_bug).collect();
        let those = |fits: &dyn Fn(&Life<'a>) -> bool| bugs.iter().filter(|life| fits(life)).count();
        let reopened = |life: &&Life<'a>| {
            let is_reopening = |(was, is): &(Option<&Revision>, &Revision)| {
                is_within(at(is))
                    && was.is_some_and(|one| self.owner.is_completed(one))
                    && self.owner.is_open(is)
            };
            life.changes().filter(is_reopening).count()
        };
        let escaped = those(&|life| life.newest().content.tags.iter().any(|tag| &**tag == ESCAPED));
        let has_bugs = !self.days.project.process.item_type(ItemRank::Bug).states.is_empty();
        let numbers = [
            ("bugs.total", count(bugs.len())),
            ("bugs.open", count(those(&|life| self.owner.is_open(life.newest())))),
            ("bugs.opened", count(those(&|life| is_within(life.created())))),
            ("bugs.closed", count(those(&|life| life.completed().is_some_and(is_within)))),
            ("bugs.reopened", count(bugs.iter().map(reopened).sum())),
            ("bugs.escaped", count(escaped)),
            ("percent.escaped", percent(escaped as i64, bugs.len() as i64)),
        ];
        numbers.into_iter().map(|(name, value)| (name, value.filter(|_| has_bugs))).collect()
    }

    fn of_scope(&self) -> Numbers {
        let changes = super::scope::changes(self);
        let sum = |kind: &str| -> i64 {
            changes.iter().filter(|change| change.kind == kind).map(|change| change.amount).sum()
        };
        let (added, removed, reestimated) = (sum("added"), -sum("removed"), sum("reestimated"));
        let was_in = |revision: &&Revision| self.owner.is_in_scope(revision, self.sprint);
        let (is_planned, planned) = self.planned();
        let then = |life: &Life<'a>| if is_planned { life.then(planned) } else { Some(life.newest()) };
        let in_points = self.lives.iter().filter_map(then).filter(was_in).filter_map(effort);
        let original: i64 = in_points.sum();
        let newest = self.scope().into_iter().map(Life::newest);
        let done: i64 = newest.filter(|one| self.owner.is_completed(one)).filter_map(effort).sum();
        Numbers::from([
            ("points.original", Some(original)),
            ("percent.of_original", percent(done, original)),
            ("scope.added", Some(added)),
            ("scope.removed", Some(removed)),
            ("scope.reestimated", Some(reestimated)),
            ("scope.net", Some(added - removed + reestimated)),
            (
                "items.carried_over",
                count(super::scope::carried_over(self, self.before().last().copied()).len()),
            ),
        ])
    }

    fn of_flow(&self) -> Numbers {
        let (start, end) = self.bounds();
        let since = back(self.today, 89);
        let is_meant = |life: &&Life<'a>| {
            let newest = life.newest();
            self.owner.is_own(newest) && self.owner.is_requirement(newest)
        };
        let own: Vec<&Life<'a>> = self.lives.iter().filter(is_meant).collect();
        let done = own.iter().filter_map(|life| Some((*life, life.completed()?)));
        let done: Vec<_> = done.filter(|(_, done)| self.days.day_of(*done) >= since).collect();
        let lead: Vec<i64> = done.iter().map(|(life, done)| elapsed(life.created(), *done)).collect();
        let cycle = done.iter().filter_map(|(life, done)| Some(elapsed(life.started()?, *done)));
        let cycle: Vec<i64> = cycle.collect();
        let week = back(self.today, 6);
        let of_week = done.iter().filter(|(_, done)| self.days.day_of(*done) >= week).count();
        let by_day = self.completed_on(30);
        let all: u32 = by_day.iter().map(|(_, items)| items).sum();
        let scope = self.scope();
        let started = scope.iter().filter(|life| self.owner.is_started(life.newest()));
        let ages: Vec<i64> = started.map(|life| elapsed(life.started().unwrap(), self.now)).collect();
        let above = percentile(&cycle, 85);
        let aging = above.and_then(|above| count(ages.iter().filter(|age| **age > above).count()));
        let blocked = scope.iter().map(|life| life.blocked_hours((start, end, self.now), self.blocks));
        let per_day = (!by_day.is_empty()).then(|| divided(i64::from(all) * 100, by_day.len() as i64));
        Numbers::from([
            ("lead.p50", percentile(&lead, 50)),
            ("lead.p85", percentile(&lead, 85)),
            ("lead.p95", percentile(&lead, 95)),
            ("cycle.p50", percentile(&cycle, 50)),
            ("cycle.p85", above),
            ("cycle.p95", percentile(&cycle, 95)),
            ("age.max", ages.iter().max().copied()),
            ("items.aging", aging),
            ("blocked.hours", Some(100 * blocked.sum::<i64>())),
            ("throughput.week", count(of_week)),
            ("throughput.day", per_day),
        ])
    }

    fn of_forecast(&self) -> Numbers {
        let of = |value: fn(&Forecast) -> Option<i64>| self.forecast.as_ref().and_then(value);
        Numbers::from([
            ("forecast.items.p85", of(|told| Some(100 * i64::from(told.items_p85)))),
            ("forecast.probability", of(|told| percent(told.runs_done, 10_000))),
            ("forecast.when.p50", of(|told| Some(100 * i64::from(told.days_p50?)))),
            ("forecast.when.p85", of(|told| Some(100 * i64::from(told.days_p85?)))),
        ])
    }
}
