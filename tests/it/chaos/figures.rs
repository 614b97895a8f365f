//! The numbers of a board, computed from the organisation itself by what docs/METRICS.md says: none of the product's own
//! arithmetic is used.

use std::collections::{BTreeMap, BTreeSet};

use boardcast::demo::simulation::item::{Item, Revision};
use boardcast::demo::simulation::organisation::{Project, Sprint, Team, day_of, later};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::sprint::catalogue::{BugsBehaviour, StateCategory};
use boardcast::domain::time::{CivilDate, Timestamp};
use chrono::{Datelike as _, Days};
use serde_json::{Value, json};

/// A day in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60_000;

/// From how many completed items on there are lead times.
const LEAD_ITEMS_MIN: usize = 5;

/// A revision of an item.
pub type Shown<'a> = (&'a Item, &'a Revision);

/// A team in one of its sprints, on a day.
pub struct Figures<'a> {
    pub project: &'a Project,
    pub team: &'a Team,
    pub sprint: &'a Sprint,
    /// The day, in the team's zone.
    pub today: CivilDate,
    /// How many hours the zone is ahead of UTC.
    pub zone_hours: i64,
}

/// What an item is to a team.
struct Kind {
    is_requirement: bool,
    is_task: bool,
    is_bug: bool,
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// When the revision entered the state category Completed, in which it is; by its predecessors.
fn completed_at(item: &Item, revision: &Revision) -> i64 {
    let before = (1..revision.rev).rev().filter_map(|rev| item.revision(rev));
    let mut streak = before.take_while(|before| before.content.state.category == StateCategory::Completed);
    streak.by_ref().last().unwrap_or(revision).changed_at.epoch_ms()
}

fn is_completed(revision: &Revision) -> bool {
    revision.content.state.category == StateCategory::Completed
}

fn is_removed(revision: &Revision) -> bool {
    revision.content.state.category == StateCategory::Removed
}

fn is_open(revision: &Revision) -> bool {
    !is_completed(revision) && !is_removed(revision)
}

fn is_started(revision: &Revision) -> bool {
    matches!(revision.content.state.category, StateCategory::InProgress | StateCategory::Resolved)
}

/// For how many days an item is under way: since it was first started; nothing while it is not.
pub fn age_days(item: &Item, revision: &Revision, now_ms: i64) -> Option<f64> {
    let started = item.revisions().take_while(|one| one.rev <= revision.rev).find(|one| is_started(one))?;
    is_started(revision).then(|| tenths((now_ms - started.changed_at.epoch_ms()) as f64 / DAY_MS as f64))
}

/// Since when an item is as it is at a revision, in one respect.
pub fn since_ms(item: &Item, revision: &Revision, is_alike: impl Fn(&Revision) -> bool) -> i64 {
    let until: Vec<&Revision> = item.revisions().take_while(|one| one.rev <= revision.rev).collect();
    let alike = until.into_iter().rev().take_while(|one| is_alike(one));
    alike.last().unwrap_or(revision).changed_at.epoch_ms()
}

impl Figures<'_> {
    fn kind(&self, item: &Item) -> Kind {
        let bugs = self.project.process.bugs_behavior;
        let level = item.item_type.level;
        let is_bug = level == ItemRank::Bug;
        Kind {
            is_requirement: level == ItemRank::Requirement || is_bug && bugs == BugsBehaviour::AsRequirements,
            is_task: level == ItemRank::Task || is_bug && bugs == BugsBehaviour::AsTasks,
            is_bug,
        }
    }

    /// When a day begins in the team's zone.
    fn begin_ms(&self, day: CivilDate) -> i64 {
        day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis() - self.zone_hours * 3_600_000
    }

    fn is_of_sprint(&self, ms: i64) -> bool {
        (self.begin_ms(self.sprint.start)..self.begin_ms(later(self.sprint.finish, 1))).contains(&ms)
    }

    /// Whether the team works on a day. Its days off are read of the sprint under way and of the next one.
    fn is_working(&self, day: CivilDate) -> bool {
        let chosen = self.team.sprints.iter().filter_map(|index| self.project.sprints.get(*index));
        let read = chosen.filter(|sprint| sprint.start >= self.sprint.start);
        let is_off = read.into_iter().any(|sprint| later(sprint.start, self.team.day_off) == day);
        day.weekday().num_days_from_monday() < 5 && !is_off
    }

    fn working_days(&self, from: CivilDate, to: CivilDate) -> Vec<CivilDate> {
        from.iter_days().take_while(|day| *day <= to).filter(|day| self.is_working(*day)).collect()
    }

    /// What is left of the sprint, today among it.
    fn days_left(&self) -> Vec<CivilDate> {
        self.working_days(self.today.max(self.sprint.start), self.sprint.finish)
    }

    fn capacity(&self) -> f64 {
        let left = self.days_left();
        let members = self.team.members.iter().map(|who| {
            let is_there =
                |day: &&CivilDate| who.day_off.is_none_or(|off| later(self.sprint.start, off) != **day);
            who.capacity_per_day * left.iter().filter(is_there).count() as f64
        });
        members.sum()
    }

    /// What nobody changed since then is stale: five whole working days have passed.
    fn stale_before_ms(&self) -> i64 {
        let before = self.today.iter_days().rev().skip(1).filter(|day| self.is_working(*day));
        self.begin_ms(before.take(5).last().unwrap())
    }

    /// Every number of the team's board that holds these revisions, but for those of lead time.
    pub fn numbers(&self, shown: &[Shown<'_>]) -> BTreeMap<&'static str, Option<f64>> {
        let of = |fits: &dyn Fn(&Kind, &Revision) -> bool| {
            let fitting = shown
                .iter()
                .filter(|(item, revision)| !is_removed(revision) && fits(&self.kind(item), revision));
            fitting.collect::<Vec<_>>()
        };
        let count = |fits: &dyn Fn(&Kind, &Revision) -> bool| Some(of(fits).len() as f64);
        let effort = |fits: &dyn Fn(&Kind, &Revision) -> bool| -> f64 {
            of(fits).iter().filter_map(|(_, revision)| revision.content.effort).sum()
        };
        let stale_before = self.stale_before_ms();
        let is_stale = |revision: &Revision| revision.changed_at.epoch_ms() < stale_before;
        let total = effort(&|kind, _| kind.is_requirement);
        let completed = effort(&|kind, revision| kind.is_requirement && is_completed(revision));
        let open = |kind: &Kind, revision: &Revision| kind.is_requirement && is_open(revision);
        let over = self.working_days(self.sprint.start, self.today - Days::new(1)).len();
        let closed = of(&|kind, revision| kind.is_bug && is_completed(revision));
        let closed = closed.iter().filter(|(item, revision)| self.is_of_sprint(completed_at(item, revision)));
        let opened = of(&|kind, _| kind.is_bug);
        let opened = opened.iter().filter(|(item, _)| self.is_of_sprint(item.first.changed_at.epoch_ms()));
        BTreeMap::from([
            ("items.total", count(&|kind, _| kind.is_requirement)),
            ("points.total", Some(total)),
            ("items.completed", count(&|kind, revision| kind.is_requirement && is_completed(revision))),
            ("points.completed", Some(completed)),
            ("items.remaining", count(&open)),
            ("points.remaining", Some(total - completed)),
            ("hours.remaining", self.hours(&of(&|kind, _| kind.is_task))),
            ("hours.capacity", Some(self.capacity())),
            ("percent.complete", (total > 0.0).then(|| tenths(100.0 * completed / total))),
            ("burndown.average", Some(hundredths(completed / over.max(1) as f64))),
            ("sprint.days_left", Some(self.days_left().len() as f64)),
            ("items.wip", count(&|kind, revision| kind.is_requirement && is_started(revision))),
            ("items.blocked", count(&|kind, revision| open(kind, revision) && revision.content.blocked)),
            ("items.stale", count(&|kind, revision| open(kind, revision) && is_stale(revision))),
            (
                "items.unestimated",
                count(&|kind, revision| open(kind, revision) && revision.content.effort.is_none()),
            ),
            ("bugs.open", count(&|kind, revision| kind.is_bug && is_open(revision))),
            ("bugs.opened", Some(opened.count() as f64)),
            ("bugs.closed", Some(closed.count() as f64)),
        ])
    }

    fn hours(&self, tasks: &[&Shown<'_>]) -> Option<f64> {
        let open: Vec<_> = tasks.iter().filter(|(_, revision)| is_open(revision)).collect();
        let entered: Vec<f64> =
            open.iter().filter_map(|(_, revision)| revision.content.remaining_work).collect();
        let is_known = !tasks.is_empty() && (open.is_empty() || !entered.is_empty());
        is_known.then(|| entered.iter().sum())
    }

    /// How long an item took that is completed in that revision, as far as lead time looks back.
    pub fn lead_time(&self, (item, revision): Shown<'_>) -> Option<f64> {
        let is_meant = self.kind(item).is_requirement && is_completed(revision) && !revision.deleted;
        let completed = is_meant.then(|| completed_at(item, revision))?;
        let took = completed - item.first.changed_at.epoch_ms();
        let is_lately = completed >= self.begin_ms(self.today - Days::new(89));
        is_lately.then(|| tenths(took as f64 / DAY_MS as f64))
    }

    /// The lead times of the team's items, known in these revisions.
    pub fn lead_times<'a>(
        &self,
        known: impl Iterator<Item = Shown<'a>>,
    ) -> BTreeMap<&'static str, Option<f64>> {
        let mut times: Vec<f64> = known.filter_map(|known| self.lead_time(known)).collect();
        times.sort_by(f64::total_cmp);
        let nth = |percent: usize| {
            let rank = (percent * times.len()).div_ceil(100);
            (times.len() >= LEAD_ITEMS_MIN).then(|| times[rank - 1])
        };
        BTreeMap::from([("lead.p50", nth(50)), ("lead.p85", nth(85)), ("lead.p95", nth(95))])
    }

    /// How many of the scope's items are in each state, with their points.
    pub fn states(&self, shown: &[Shown<'_>]) -> Value {
        let mut states = BTreeMap::<(StateCategory, &str), (usize, f64)>::new();
        let in_scope =
            |(item, revision): &&Shown<'_>| self.kind(item).is_requirement && !is_removed(revision);
        for (_, revision) in shown.iter().filter(in_scope) {
            let state = revision.content.state;
            let (items, points) = states.entry((state.category, state.name)).or_default();
            *items += 1;
            *points += revision.content.effort.unwrap_or_default();
        }
        let row = |((category, name), (items, points))| json!({ "name": name, "category": category, "items": items, "points": points });
        states.into_iter().map(row).collect()
    }

    /// What was asked for and done at the end of each day of the sprint that is over, of the items that are known with all
    /// these revisions; nothing of a day of which a revision is missing.
    pub fn past(&self, known: &[(&Item, BTreeSet<u32>)], is_in_points: bool) -> Vec<Option<(f64, f64)>> {
        let over = self
            .sprint
            .start
            .iter_days()
            .take_while(|day| *day < self.today.min(later(self.sprint.finish, 1)));
        over.map(|day| self.end_of(day, known, is_in_points)).collect()
    }

    fn end_of(
        &self,
        day: CivilDate,
        known: &[(&Item, BTreeSet<u32>)],
        is_in_points: bool,
    ) -> Option<(f64, f64)> {
        let end = self.begin_ms(later(day, 1));
        let is_in_sprint = |item: &Item, revision: &Revision| {
            self.kind(item).is_requirement && revision.content.iteration_path == self.sprint.path
        };
        let (mut scope, mut done) = (0.0, 0.0);
        for (item, revs) in known {
            let was_in_sprint = revs
                .iter()
                .filter_map(|rev| item.revision(*rev))
                .any(|revision| is_in_sprint(item, revision));
            if !was_in_sprint || item.first.changed_at.epoch_ms() >= end {
                continue;
            }
            let before = revs.iter().rev().copied();
            let in_force =
                before.filter_map(|rev| item.revision(rev)).find(|one| one.changed_at.epoch_ms() < end)?;
            let is_newest = revs.last() == Some(&in_force.rev);
            if !is_newest && !revs.contains(&(in_force.rev + 1)) {
                return None;
            }
            if in_force.deleted || is_removed(in_force) || !is_in_sprint(item, in_force) {
                continue;
            }
            let amount = if is_in_points { in_force.content.effort.unwrap_or_default() } else { 1.0 };
            scope += amount;
            done += if is_completed(in_force) { amount } else { 0.0 };
        }
        Some((scope, done))
    }

    /// Checks the line of a board with these numbers; its past, too, where the revisions that are known are told.
    pub fn check_burndown(
        &self,
        burndown: &Value,
        shown: &[Shown<'_>],
        known: Option<&[(&Item, BTreeSet<u32>)]>,
    ) -> Result<(), String> {
        let is_in_points = shown.iter().any(|(item, revision)| {
            self.kind(item).is_requirement && !is_removed(revision) && revision.content.effort.is_some()
        });
        let (unit, of) = if is_in_points { ("points", "points") } else { ("items", "items") };
        let numbers = self.numbers(shown);
        let live = ["total", "completed"].map(|name| numbers[&*format!("{of}.{name}")].unwrap());
        let days = burndown["days"].as_array().ok_or("no days")?;
        let mut finished = 0.0;
        let all = self.working_days(self.sprint.start, self.sprint.finish).len() as f64;
        let past = known.map(|known| self.past(known, is_in_points));
        let planned = past.as_ref().and_then(|past| past.first()).map(|first| first.map(|(scope, _)| scope));
        if planned.is_some_and(|planned| !is_near(burndown["original"].as_f64(), planned)) {
            return Err(format!("the original scope should be {planned:?}"));
        }
        let dates = self.sprint.start.iter_days().take_while(|day| *day <= self.sprint.finish);
        if burndown["unit"] != unit || days.len() != dates.clone().count() {
            return Err(format!("unit or days are wrong: {unit}"));
        }
        for (index, (date, row)) in dates.zip(days).enumerate() {
            finished += f64::from(u8::from(self.is_working(date)));
            let ideal = burndown["original"].as_f64().map(|scope| hundredths(scope * (all - finished) / all));
            let mut differs = row["date"] != date.to_string() || row["working"] != self.is_working(date);
            differs |= !is_near(row["ideal"].as_f64(), ideal);
            let sums = match (&past, date.cmp(&self.today)) {
                (_, std::cmp::Ordering::Equal) => Some(Some((live[0], live[1]))),
                (_, std::cmp::Ordering::Greater) => Some(None),
                (Some(past), _) => Some(past[index]),
                (None, _) => None,
            };
            for (name, value) in sums
                .map(|sums| {
                    [
                        ("scope", sums.map(|(scope, _)| scope)),
                        ("completed", sums.map(|(_, done)| done)),
                        ("remaining", sums.map(|(scope, done)| scope - done)),
                    ]
                })
                .into_iter()
                .flatten()
            {
                differs |= !is_near(row[name].as_f64(), value);
            }
            if differs {
                return Err(format!("{date} is {row}, and should be {sums:?} with {ideal:?}"));
            }
        }
        Ok(())
    }
}

/// Whether a number is what it should be, or missing where it should be.
pub fn is_near(shown: Option<f64>, expected: Option<f64>) -> bool {
    match (shown, expected) {
        (Some(shown), Some(expected)) => (shown - expected).abs() < 0.006,
        (None, None) => true,
        _ => false,
    }
}

/// The day of an instant, so many hours ahead of UTC.
pub fn day_at(ms: i64, zone_hours: i64) -> CivilDate {
    day_of(Timestamp::from_epoch_ms(ms + zone_hours * 3_600_000))
}
