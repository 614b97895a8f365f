//! One pass over the digests of a board: the sums from which every metric is read off.

use super::digest::Digest;
use super::frame::{Moment, SprintContext};
use super::rounded_quotient;
use super::rules::{Exclusion, ItemRule, in_scope, lead_time, open, task};
use crate::domain::{CataloguePart, History, Hundredths, Member, Timestamp};

/// From how many completed items on lead time has percentiles.
pub(super) const LEAD_ITEMS_MIN: usize = 5;

/// The sum of one metric's contributions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) amount: Hundredths,
    /// Why the sum cannot be known, when there is an item of which nobody can tell whether it counts.
    pub(super) unknown: Option<&'static str>,
}

/// The tasks of the sprint, those that were removed left out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tasks {
    pub(super) all: u32,
    pub(super) open: u32,
    pub(super) open_with_hours: u32,
}

/// What is known after one pass over the digests.
pub(super) struct Tallies<'a> {
    pub(super) moment: Moment<'a>,
    /// What the metrics come to that are sums, each with its id and its rule.
    sums: Vec<(&'static str, ItemRule, Sum)>,
    pub(super) tasks: Tasks,
    /// Whether any item of the scope has an estimate.
    pub(super) estimated: bool,
    /// Lead times in days, ascending.
    pub(super) lead_times: Vec<Hundredths>,
    pub(super) history: History,
}

impl<'a> Tallies<'a> {
    pub(super) fn of<'d>(
        frame: &'a SprintContext<'a>,
        sums: impl Iterator<Item = (&'static str, ItemRule)>,
        digests: impl Iterator<Item = &'d Digest>,
        now: Timestamp,
    ) -> Self {
        let mut tallies = Self {
            moment: Moment::new(frame, now),
            sums: sums.map(|(id, rule)| (id, rule, Sum::default())).collect(),
            tasks: Tasks::default(),
            estimated: false,
            lead_times: Vec::new(),
            history: History::Complete,
        };
        for digest in digests {
            tallies.add(digest);
        }
        tallies.lead_times.sort_unstable();
        tallies
    }

    fn add(&mut self, digest: &Digest) {
        if let Ok(contribution) = lead_time(digest, &self.moment) {
            self.lead_times.push(contribution.amount);
        }
        if !digest.concerns_sprint() {
            return;
        }
        if digest.history == History::Partial {
            self.history = History::Partial;
        }
        self.add_task(digest);
        self.estimated |= digest.effort.is_some() && in_scope(digest).is_ok();
        for (_, rule, sum) in &mut self.sums {
            match rule(digest, &self.moment) {
                Ok(contribution) => sum.amount = sum.amount + contribution.amount,
                Err(Exclusion::Unknown(reason)) => sum.unknown = Some(reason),
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
            self.tasks.open_with_hours +=
                u32::from(digest.remaining_work.is_some() || digest.has_unkept_remaining_work);
        }
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

    /// The amount of an additive metric; 0 for any other.
    pub(super) fn amount(&self, id: &str) -> Hundredths {
        self.sum(id).amount
    }

    /// The same; `None` where there is an item of which nobody can tell whether it counts.
    pub(super) fn known(&self, id: &str) -> Option<Hundredths> {
        let sum = self.sum(id);
        sum.unknown.is_none().then_some(sum.amount)
    }

    /// The lead time that so many percent of the items do not exceed, by nearest rank: that of a real item, and no
    /// interpolation.
    pub(super) fn lead_percentile(&self, percent: usize) -> Option<Hundredths> {
        let rank = (percent * self.lead_times.len()).div_ceil(100);
        self.lead_times.get(rank.checked_sub(1)?).copied()
    }

    /// Hours that the team's members can still work in the sprint; `None` while no capacity was entered.
    pub(super) fn capacity(&self) -> Option<Hundredths> {
        let members = self.member_hours();
        let entered = members.iter().any(|member| member.per_day != Hundredths::default());
        entered.then(|| members.iter().map(|member| member.hours).sum())
    }

    /// What each member can still work in the sprint. Today counts wholly until it ends, and a day that the team and
    /// the member both have off counts once.
    pub(super) fn member_hours(&self) -> Vec<MemberHours<'a>> {
        let Moment { frame, today, .. } = self.moment;
        let calendar = frame.catalogue.calendar();
        let Some(span) = frame.span else { return Vec::new() };
        let members = frame.catalogue.capacities.get(&frame.sprint.id).map(Vec::as_slice).unwrap_or_default();
        let left = calendar.left(span, today);
        let is_left = |day| span.contains(day) && day >= today && calendar.is_working(day);
        let hours = |member: &'a Member| {
            let off = member.days_off.iter().filter(|day| is_left(**day)).count();
            let days = left.saturating_sub(u32::try_from(off).unwrap_or(u32::MAX));
            let hundredths = member.per_day.hundredths().saturating_mul(i64::from(days));
            MemberHours {
                name: &member.name,
                per_day: member.per_day,
                days,
                hours: Hundredths::from_hundredths(hundredths),
            }
        };
        members.iter().map(hours).collect()
    }

    /// The working days of the sprint that are over; at least 1, for an average over them.
    pub(super) fn days_elapsed(&self) -> Option<u32> {
        let Moment { frame, today, .. } = self.moment;
        Some(frame.catalogue.calendar().elapsed(frame.span?, today).max(1))
    }

    /// The working days of the sprint that are left, today among them until it ends.
    pub(super) fn days_left(&self) -> Option<u32> {
        let Moment { frame, today, .. } = self.moment;
        Some(frame.catalogue.calendar().left(frame.span?, today))
    }
}

/// What a member of the team can still work in a sprint.
pub(super) struct MemberHours<'a> {
    pub(super) name: &'a str,
    /// Hours on a working day.
    pub(super) per_day: Hundredths,
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
