//! What a metric is: what it needs, how it is computed, and by how much it has to move.

use super::ids::POINTS_TOTAL;
use super::rules::Rule;
use super::tally::{LEAD_ITEMS_MIN, Tallies};
use crate::domain::amount::Hundredths;
use crate::domain::metrics::threshold::Rule as AnnouncementRule;
use crate::domain::wire::view::{MetricView, Unit};

/// By how much a metric has to move to be announced at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Significance {
    /// By a fraction of its last announced value, the same for every metric, and by at least this amount.
    Relative {
        /// The amount below which no move counts, in the metric's unit.
        minimum: Hundredths,
    },
    /// By anything.
    AnyChange,
}

/// What has to be there for a metric to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    EffortField,
    BugTypes,
    Dates,
    WorkingWeek,
    Capacity,
    Tasks,
    HoursOnTasks,
    Points,
    Completions,
}

impl Need {
    fn is_met(self, tallies: &Tallies<'_>) -> bool {
        let frame = tallies.moment.frame;
        match self {
            Self::EffortField => frame.catalogue.effort_field.is_some(),
            Self::BugTypes => !frame.catalogue.bug_types.is_empty(),
            Self::Dates => frame.span.is_some(),
            Self::WorkingWeek => tallies.moment.stale_before.is_some(),
            Self::Capacity => tallies.capacity().is_some(),
            Self::Tasks => tallies.tasks.all > 0,
            // Where every task is completed, nothing remains, and that is known.
            Self::HoursOnTasks => tallies.tasks.open == 0 || tallies.tasks.open_with_hours > 0,
            Self::Points => tallies.amount(POINTS_TOTAL) != Hundredths::default(),
            Self::Completions => tallies.lead_times.len() >= LEAD_ITEMS_MIN,
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::EffortField => "the team's process has no effort field",
            Self::BugTypes => "the team's process has no bugs",
            Self::Dates => "the sprint has no dates",
            Self::WorkingWeek => "the team has no working days",
            Self::Capacity => "no capacity is entered for the sprint",
            Self::Tasks => "the sprint has no tasks",
            Self::HoursOnTasks => "no open task has remaining work entered",
            Self::Points => "the sprint has no points",
            Self::Completions => "fewer than 5 items were completed in the last 90 days",
        }
    }
}

/// How a metric is computed.
#[derive(Clone, Copy)]
pub(super) enum Formula {
    /// The sum of what each item contributes.
    Sum(Rule),
    /// Anything else.
    Other {
        value: fn(&Tallies<'_>) -> Option<Hundredths>,
        /// The items that an explanation shows, if there are any to show.
        items: Option<Rule>,
    },
}

/// A metric: a row of the table.
pub struct Metric {
    /// Its name on the wire.
    pub id: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// By how much it has to move to be announced at once.
    pub significance: Significance,
    /// What it says, in a sentence.
    pub definition: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    /// Whether it rests on fields known to mislead.
    pub approximate: bool,
    pub(super) needs: &'static [Need],
    pub(super) formula: Formula,
}

impl Metric {
    /// The rule of announcing it, where a metric has to move by `fraction` of its last announced value (0.05 is five
    /// percent) unless anything counts.
    pub const fn rule(&self, fraction: f64) -> AnnouncementRule {
        match self.significance {
            Significance::Relative { minimum } => AnnouncementRule::Relative { fraction, minimum },
            Significance::AnyChange => AnnouncementRule::AnyChange,
        }
    }

    /// Every reason for which it can have no value, except that something of one of the items is not known.
    pub fn reasons(&self) -> impl Iterator<Item = &'static str> {
        self.needs.iter().map(|need| need.reason())
    }

    /// The rule by which its items are shown, if there are any to show.
    pub(super) const fn items(&self) -> Option<Rule> {
        match self.formula {
            Formula::Sum(rule) => Some(rule),
            Formula::Other { items, .. } => items,
        }
    }

    /// Its value, or the first reason for which there is none.
    pub(super) fn view(&self, tallies: &Tallies<'_>) -> MetricView {
        let unmet = self.needs.iter().find(|need| !need.is_met(tallies)).map(|need| need.reason());
        if unmet.is_some() {
            return self.view_of(None, unmet);
        }
        match self.formula {
            Formula::Sum(_) => {
                let sum = tallies.sum(self.id);
                self.view_of(sum.unknown.is_none().then_some(sum.amount), sum.unknown)
            }
            Formula::Other { value, .. } => {
                let value = value(tallies);
                self.view_of(value, value.is_none().then_some("the number is out of range"))
            }
        }
    }

    pub(super) fn view_of(&self, value: Option<Hundredths>, reason: Option<&'static str>) -> MetricView {
        MetricView {
            value,
            unit: self.unit,
            reason: reason.map(Into::into),
            approximate: self.approximate,
            detail: None,
        }
    }
}
