//! One pass over the digests of a board: the sums from which every metric is read off.

use std::collections::HashMap;

use super::digest::Digest;
use super::frame::{Moment, Past, SprintContext};
use super::ids;
use super::periods::forecast::{self, Forecast, ForecastInputs};
use super::periods::sprints::{EarlierSprint, SPRINTS_SHOWN};
use super::rounded_quotient;
use super::rules::{Exclusion, ItemRule, open, task};
use super::statistics::{SprintSums, Statistics};
use crate::domain::wire::view::Unit;
use crate::domain::{CataloguePart, CivilDate, History, Hundredths, Identity, Member, Timestamp};

/// Why a number has no value that is beyond what can be counted.
pub(super) const OUT_OF_RANGE: &str = "the number is out of range";

/// The sum of one metric's contributions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) amount: Hundredths,
    /// The largest of them.
    pub(super) largest: Option<Hundredths>,
    /// Why the sum cannot be known, when there is an item of which nobody can tell whether it counts.
    pub(super) unknown: Option<&'static str>,
    /// How many such items there are.
    pub(super) unknown_items: u32,
}

/// The tasks of the sprint, those that were removed left out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tasks {
    pub(super) all: u32,
    pub(super) open: u32,
    pub(super) open_with_hours: u32,
    /// Open ones that are blocked.
    pub(super) blocked: u32,
}

/// What is known after two passes over the digests: one for what single items are compared with, one for the sums.
pub(super) struct Tallies<'a> {
    pub(super) moment: Moment<'a>,
    /// What the metrics come to that are sums, each with its id and its rule.
    sums: Vec<(&'static str, ItemRule, Sum)>,
    pub(super) tasks: Tasks,
    /// The hours of open tasks by whom they are assigned to, and of those that are nobody's.
    assigned: HashMap<Option<Identity>, Hundredths>,
    pub(super) statistics: Statistics,
    pub(super) forecast: Option<Forecast>,
    pub(super) history: History,
}

impl<'a> Tallies<'a> {
    pub(super) fn of<'d>(
        frame: &'a SprintContext<'a>,
        sums: impl Iterator<Item = (&'static str, ItemRule)>,
        digests: impl Iterator<Item = &'d Digest> + Clone,
        now: Timestamp,
    ) -> Self {
        let mut moment = Moment::new(frame, now);
        let statistics = Statistics::of(&moment, digests.clone());
        moment.first_day = statistics.first_day;
        moment.aging_above = statistics.cycle.percentile(85);
        moment.unit = unit(statistics.estimated);
        let is_estimated = {
            let mut shown = moment.finished().rev().take(SPRINTS_SHOWN);
            let sums = |place: usize| statistics.sprints.get(place);
            shown.any(|(place, _)| sums(place).is_some_and(SprintSums::is_estimated))
        };
        moment.velocity_unit = unit(is_estimated);
        let mut tallies = Self {
            moment,
            sums: sums.map(|(id, rule)| (id, rule, Sum::default())).collect(),
            tasks: Tasks::default(),
            assigned: HashMap::new(),
            statistics,
            forecast: None,
            history: History::Complete,
        };
        for digest in digests {
            tallies.add(digest);
        }
        tallies.forecast = tallies.forecast_inputs().map(|inputs| forecast::run(&inputs));
        tallies
    }

    fn add(&mut self, digest: &Digest) {
        if !digest.has_part() {
            return;
        }
        if digest.history == History::Partial && digest.concerns_sprint() {
            self.history = History::Partial;
        }
        self.add_task(digest);
        for (_, rule, sum) in &mut self.sums {
            match rule(digest, &self.moment) {
                Ok(contribution) => {
                    sum.amount = sum.amount + contribution.amount;
                    sum.largest = sum.largest.max(Some(contribution.amount));
                }
                Err(Exclusion::Unknown(reason)) => {
                    sum.unknown = Some(reason);
                    sum.unknown_items += 1;
                }
                Err(Exclusion::LeftOut(_)) => {}
            }
        }
    }

    fn add_task(&mut self, digest: &Digest) {
        if task(digest).is_err() {
            return;
        }
        self.tasks.all += 1;
        if open(digest).is_ok() {
            self.tasks.open += 1;
            self.tasks.blocked += u32::from(digest.blocked.is_some());
            self.tasks.open_with_hours +=
                u32::from(digest.remaining_work.is_some() || digest.has_unkept_remaining_work);
            if let Some(hours) = digest.remaining_work {
                match self.assigned.get_mut(&digest.assigned_to) {
                    Some(others) => *others = *others + hours,
                    None => {
                        self.assigned.insert(digest.assigned_to.clone(), hours);
                    }
                }
            }
        }
    }

    /// What the forecast is made of; `None` where there is too little, or nothing to forecast.
    pub(super) fn forecast_inputs(&self) -> Option<ForecastInputs<'_>> {
        let Moment { frame, today, .. } = self.moment;
        let completed = self.drawn_from();
        let is_enough =
            completed.len() >= forecast::DAYS_MIN && completed.iter().sum::<u32>() >= forecast::ITEMS_MIN;
        let is_running = frame.span.is_some_and(|span| span.contains(today));
        let remaining = self.known(ids::ITEMS_REMAINING)?.hundredths() / 100;
        let inputs = ForecastInputs {
            completed,
            days_left: self.days_left()?,
            remaining: u32::try_from(remaining).ok()?,
            seed: forecast::seed(frame.catalogue.team, frame.sprint.id, today),
        };
        (is_enough && is_running && frame.catalogue.knows_working_days()).then_some(inputs)
    }

    /// How many items were completed on each of the days that a forecast draws from.
    pub(super) fn drawn_from(&self) -> &[u32] {
        self.statistics.completed_on(&self.moment.worked, forecast::DAYS_DRAWN_FROM)
    }

    /// Whether the last 90 days began before the past that is known, or on the day on which that begins and is not known whole,
    /// or hold days of a sprint before those of which the days off are known.
    pub(super) fn looks_beyond(&self) -> bool {
        self.moment.worked_from > self.moment.lead_from
    }

    /// Whether some of the last seven days were before the past that is known.
    pub(super) fn lacks_days_of_week(&self) -> bool {
        self.moment.week_from > self.moment.today - chrono::TimeDelta::days(6)
    }

    /// Whether fewer of the last finished sprints are told of than there are, because they began before the past that is known.
    pub(super) fn lacks_finished(&self) -> bool {
        self.moment.frame.lacks_earlier_sprints && self.finished().len() < SPRINTS_SHOWN
    }

    /// Whether the team's past was read as far back as numbers look.
    pub(super) fn has_read_past(&self) -> bool {
        self.moment.frame.past == Past::Read
    }

    /// Whether that is known of the team, as far as it is entered.
    pub(super) fn has_read(&self, part: CataloguePart) -> bool {
        !self.moment.frame.catalogue.unread.contains(&part)
    }

    /// The sum of an additive metric; an empty one for any other.
    pub(super) fn sum(&self, id: &str) -> Sum {
        let of_id = self.sums.iter().find(|(of, ..)| *of == id);
        of_id.map(|(.., sum)| *sum).unwrap_or_default()
    }

    /// The same amount. Errors say why it is not known.
    pub(super) fn summed(&self, id: &str) -> Result<Hundredths, &'static str> {
        let sum = self.sum(id);
        sum.unknown.map_or(Ok(sum.amount), Err)
    }

    /// Whether the amount of an additive metric is known to be 0.
    pub(super) fn is_zero(&self, id: &str) -> bool {
        self.known(id) == Some(Hundredths::default())
    }

    /// The amount of an additive metric; 0 for any other.
    pub(super) fn amount(&self, id: &str) -> Hundredths {
        self.sum(id).amount
    }

    /// The same; `None` where there is an item of which nobody can tell whether it counts.
    pub(super) fn known(&self, id: &str) -> Option<Hundredths> {
        self.summed(id).ok()
    }

    /// The sprints before that are over, oldest first, as many as velocity tells of, and what became of each.
    pub(super) fn finished(&self) -> Vec<(&EarlierSprint<'a>, SprintSums)> {
        let sums = |place: usize| self.statistics.sprints.get(place).copied().unwrap_or_default();
        let all: Vec<_> = self.moment.finished().map(|(place, sprint)| (sprint, sums(place))).collect();
        let skipped = all.len().saturating_sub(SPRINTS_SHOWN);
        all.into_iter().skip(skipped).collect()
    }

    /// Hours that the team's members can still work in the sprint; `None` while no capacity was entered.
    pub(super) fn capacity(&self) -> Option<Hundredths> {
        let members = self.member_hours();
        let entered = members.iter().any(|hours| hours.member.per_day != Hundredths::default());
        entered.then(|| members.iter().map(|member| member.hours).sum())
    }

    /// What each member can still work in the sprint. Today counts wholly until it ends, and a day that the team and
    /// the member both have off counts once.
    pub(super) fn member_hours(&self) -> Vec<MemberHours<'a>> {
        let Moment { frame, first_left, .. } = self.moment;
        let calendar = frame.catalogue.calendar();
        let Some(span) = frame.span else { return Vec::new() };
        let members = frame.catalogue.capacities.get(&frame.sprint.id).map(Vec::as_slice).unwrap_or_default();
        let left = calendar.left(span, first_left);
        let is_left = |day| span.contains(day) && day >= first_left && calendar.is_working(day);
        let hours = |member: &'a Member| {
            let off = member.days_off.iter().filter(|day| is_left(**day)).count();
            let days = left.saturating_sub(u32::try_from(off).unwrap_or(u32::MAX));
            let hundredths = member.per_day.hundredths().saturating_mul(i64::from(days));
            MemberHours { member, days, hours: Hundredths::from_hundredths(hundredths) }
        };
        members.iter().map(hours).collect()
    }

    /// The hours that open tasks of each person still need, in no order.
    pub(super) fn assigned_hours(&self) -> impl Iterator<Item = (&Identity, Hundredths)> {
        self.assigned.iter().filter_map(|(who, hours)| Some((who.as_ref()?, *hours)))
    }

    /// The same of open tasks that are nobody's.
    pub(super) fn unassigned_hours(&self) -> Hundredths {
        self.assigned.get(&None).copied().unwrap_or_default()
    }

    /// The day on which so many working days from today on are over; today for none.
    pub(super) fn working_day(&self, wanted: u32) -> Option<CivilDate> {
        let Moment { frame, today, .. } = self.moment;
        let calendar = frame.catalogue.calendar();
        let Some(before) = usize::try_from(wanted).ok()?.checked_sub(1) else { return Some(today) };
        // A week without a day off comes within as many weeks as there are days off, so the walk is short.
        let enough = before.saturating_add(calendar.days_off.len() + 2).saturating_mul(7);
        today.iter_days().take(enough).filter(|day| calendar.is_working(*day)).nth(before)
    }

    /// The working days of the sprint that are over; at least 1, for an average over them.
    pub(super) fn days_elapsed(&self) -> Option<u32> {
        let Moment { frame, first_left, .. } = self.moment;
        Some(frame.catalogue.calendar().elapsed(frame.span?, first_left).max(1))
    }

    /// The working days of the sprint that are left, today among them until it ends.
    pub(super) fn days_left(&self) -> Option<u32> {
        let Moment { frame, first_left, .. } = self.moment;
        Some(frame.catalogue.calendar().left(frame.span?, first_left))
    }
}

const fn unit(estimated: bool) -> Unit {
    if estimated { Unit::Points } else { Unit::Items }
}

/// What a member of the team can still work in a sprint.
pub(super) struct MemberHours<'a> {
    pub(super) member: &'a Member,
    /// Working days left.
    pub(super) days: u32,
    /// Hours left.
    pub(super) hours: Hundredths,
}

/// `part / whole` in percent, with one decimal; `None` when the whole is 0.
pub(super) fn percent(part: Hundredths, whole: Hundredths) -> Option<Hundredths> {
    let tenths = rounded_quotient(i128::from(part.hundredths()) * 1_000, i128::from(whole.hundredths()))?;
    Some(Hundredths::from_hundredths(tenths.saturating_mul(10)))
}

/// `amount / divisor`, to the hundredth.
pub(super) fn share(amount: Hundredths, divisor: u32) -> Option<Hundredths> {
    rounded_quotient(i128::from(amount.hundredths()), i128::from(divisor)).map(Hundredths::from_hundredths)
}
