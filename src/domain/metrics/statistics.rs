//! What is known of all items together, and that single items are then compared with.

use super::digest::Digest;
use super::frame::Moment;
use super::life::flow::Happened;
use super::life::parts::{Estimate, PartInSprint};
use super::periods::throughput::{MEAN_DAYS, WorkedDays};
use super::rules::past::{completed_day, cycle_time};
use super::rules::{Exclusion, Outcome, in_scope, lead_time, team_requirement};
use crate::domain::wire::view::Unit;
use crate::domain::{CivilDate, Hundredths, StateCategory};

/// From how many completed items on times have percentiles.
pub(crate) const COMPLETED_MIN: usize = 5;

/// Times in days, ascending once all are in, and of how many items there may be one that nobody knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    pub(crate) days: Vec<Hundredths>,
    pub(crate) unknown: u32,
}

impl Times {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Ok(contribution) => self.days.push(contribution.amount),
            Err(Exclusion::Unknown(_)) => self.unknown += 1,
            Err(Exclusion::LeftOut(_)) => {}
        }
    }

    /// The time that so many percent of the items do not exceed, by nearest rank: that of a real item, and no
    /// interpolation. `None` where there are too few to say so.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Hundredths> {
        if self.days.len() < COMPLETED_MIN {
            return None;
        }
        let rank = (percent * self.days.len()).div_ceil(100);
        self.days.get(rank.checked_sub(1)?).copied()
    }
}

/// What became of one sprint before, in points and in items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SprintSums {
    pub(crate) planned: Amounts,
    pub(crate) completed: Amounts,
    pub(crate) late: Amounts,
    pub(crate) incomplete: Amounts,
    pub(crate) in_progress: Amounts,
    pub(crate) kept: Amounts,
    /// Items of which nobody knows what part they had.
    pub(crate) unknown: u32,
}

/// The same in points and in items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub(crate) points: Hundredths,
    pub(crate) items: Hundredths,
    /// How many of the items have an estimate, 0 included.
    estimated: u32,
}

impl Amounts {
    pub(crate) const fn in_unit(self, unit: Unit) -> Hundredths {
        match unit {
            Unit::Points => self.points,
            _ => self.items,
        }
    }

    fn add(&mut self, estimate: Option<Estimate>) {
        let Some(estimate) = estimate else { return };
        self.points = self.points + estimate.unwrap_or_default();
        self.items = self.items + Hundredths::whole(1);
        self.estimated += u32::from(estimate.is_some());
    }
}

impl SprintSums {
    /// Whether anything that was planned or completed has an estimate.
    pub(crate) const fn is_estimated(&self) -> bool {
        self.planned.estimated > 0 || self.completed.estimated > 0
    }

    pub(crate) fn add(&mut self, part: &PartInSprint) {
        self.unknown += u32::from(part.is_unknown);
        self.planned.add(part.planned);
        self.completed.add(part.completed);
        self.late.add(part.late);
        self.incomplete.add(part.incomplete);
        self.in_progress.add(part.in_progress);
        self.kept.add(part.kept);
    }
}

/// What is known of all items together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) lead: Times,
    pub(crate) cycle: Times,
    /// Whether one of the times rests on the field Closed Date, because a revision is missing.
    pub(crate) by_field: bool,
    /// How many items were completed on each of the working days before today.
    pub(crate) completed: Vec<u32>,
    /// How many items were completed today and on the six days before.
    pub(crate) week: u32,
    /// Completed items of which nobody knows when they were.
    pub(crate) undated: u32,
    /// The day on which the team's first item was created.
    pub(crate) first_day: Option<CivilDate>,
    /// What became of the sprints before, in their order.
    pub(crate) sprints: Vec<SprintSums>,
    /// Whether any item of the scope has an estimate.
    pub(crate) estimated: bool,
}

impl Statistics {
    pub(crate) fn of<'d>(moment: &Moment<'_>, digests: impl Iterator<Item = &'d Digest>) -> Self {
        let mut all = Self {
            completed: vec![0; moment.worked.days().len()],
            sprints: vec![SprintSums::default(); moment.frame.before.len()],
            ..Self::default()
        };
        for digest in digests {
            all.add(digest, moment);
        }
        // Of what was before the past that is known nobody can say that nothing was completed. It may be known from longer ago
        // than 90 days, by who was there, and the same is to be told of it by who was not.
        all.first_day = all.first_day.map(|first| first.max(moment.worked_from));
        all.lead.days.sort_unstable();
        all.cycle.days.sort_unstable();
        all
    }

    fn add(&mut self, digest: &Digest, moment: &Moment<'_>) {
        self.estimated |= digest.effort.is_some() && digest.on_board && in_scope(digest).is_ok();
        for part in &digest.parts {
            if let Some(sprint) = self.sprints.get_mut(part.sprint) {
                sprint.add(part);
            }
        }
        if !digest.of_team {
            return;
        }
        let is_counted = team_requirement(digest).is_ok() && digest.category != StateCategory::Removed;
        if let Some(day) = digest.created_day.filter(|_| is_counted) {
            self.first_day = Some(self.first_day.map_or(day, |first| first.min(day)));
        }
        let lead = lead_time(digest, moment);
        self.by_field |= lead.is_ok() && digest.is_completed_by_field;
        self.lead.add(lead);
        if digest.started != Happened::Never {
            self.cycle.add(cycle_time(digest, moment));
        }
        match completed_day(digest) {
            Ok(day) => {
                self.week += u32::from(day >= moment.week_from);
                let place = moment.worked.place_of(day);
                if let Some(items) = place.and_then(|place| self.completed.get_mut(place)) {
                    *items += 1;
                }
            }
            Err(Exclusion::Unknown(_)) => self.undated += 1,
            Err(Exclusion::LeftOut(_)) => {}
        }
    }

    /// How many items were completed on each of the last working days that a number looks at.
    pub(crate) fn completed_on<'a>(&'a self, worked: &WorkedDays, wanted: usize) -> &'a [u32] {
        self.completed.get(worked.from(wanted, self.first_day)..).unwrap_or_default()
    }

    /// Of how many working days `throughput.day` is the mean, and how many items were completed on them.
    pub(crate) fn mean_of(&self, worked: &WorkedDays) -> (u32, u32) {
        let days = self.completed_on(worked, MEAN_DAYS);
        (u32::try_from(days.len()).unwrap_or(u32::MAX), days.iter().sum())
    }
}
