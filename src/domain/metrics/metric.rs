//! What a metric is: what it needs, how it is computed, and by how much it has to move.

use super::ids::POINTS_TOTAL;
use super::rules::ItemRule;
use super::tally::{LEAD_ITEMS_MIN, Tallies};
use super::threshold::Rule;
use crate::domain::CataloguePart::{Areas, Backlogs, BugTypes, Capacities};
use crate::domain::Hundredths;
use crate::domain::wire::view::{MetricView, OTHER_TEAM_FIELD, Unit};

/// What has to be there for a metric to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// That the team selects its items by area path.
    AreaPath,
    Areas,
    Backlogs,
    /// Which types are on which backlog.
    Levels,
    EffortField,
    BugTypesRead,
    BugTypes,
    Dates,
    WorkingDays,
    WorkingWeek,
    CapacityRead,
    Capacity,
    Tasks,
    HoursOnTasks,
    Points,
    Completions,
}

impl Need {
    /// Whether it is met, and why a metric that needs it has no value otherwise.
    fn terms(self) -> (fn(&Tallies<'_>) -> bool, &'static str) {
        match self {
            Self::AreaPath => (|all| all.moment.frame.catalogue.team_field.is_none(), OTHER_TEAM_FIELD),
            Self::Areas => (|all| all.has_read(Areas), "the team's areas cannot be read"),
            Self::Backlogs => (|all| all.has_read(Backlogs), "what is on the team's backlogs cannot be read"),
            Self::Levels => (|all| all.moment.frame.catalogue.knows_levels(), NO_BUG_TYPES),
            Self::EffortField => (
                |all| all.moment.frame.catalogue.effort_field.is_some(),
                "the team's process has no effort field",
            ),
            Self::BugTypesRead => (|all| all.has_read(BugTypes), NO_BUG_TYPES),
            Self::BugTypes => {
                (|all| !all.moment.frame.catalogue.bug_types.is_empty(), "the team's process has no bugs")
            }
            Self::Dates => (|all| all.moment.frame.span.is_some(), "the sprint has no dates"),
            Self::WorkingDays => (
                |all| all.moment.frame.catalogue.knows_working_days(),
                "the team's working days or days off cannot be read",
            ),
            Self::WorkingWeek => (|all| all.moment.stale_before.is_some(), "the team has no working days"),
            Self::CapacityRead => (
                |all| all.has_read(Capacities) || all.capacity().is_some(),
                "the team's capacities cannot be read",
            ),
            Self::Capacity => (|all| all.capacity().is_some(), "no capacity is entered for the sprint"),
            Self::Tasks => (|all| all.tasks.all > 0, "the sprint has no tasks"),
            // Where every task is completed, nothing remains, and that is known.
            Self::HoursOnTasks => (
                |all| all.tasks.open == 0 || all.tasks.open_with_hours > 0,
                "no open task has remaining work entered",
            ),
            Self::Points => {
                (|all| all.known(POINTS_TOTAL) != Some(Hundredths::default()), "the sprint has no points")
            }
            Self::Completions => (
                |all| all.lead_times.len() >= LEAD_ITEMS_MIN,
                "fewer than 5 items were completed in the last 90 days",
            ),
        }
    }
}

const NO_BUG_TYPES: &str = "which types are bugs cannot be read";

/// How a metric that is no sum is computed.
pub(super) type Value = fn(&Tallies<'_>) -> Option<Hundredths>;

/// A metric: a row of the table.
pub struct Metric {
    /// Its name on the wire.
    pub id: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// By how much it has to move to be announced at once.
    pub significance: Rule,
    /// What it says, in a sentence.
    pub definition: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    /// Whether it rests on fields known to mislead.
    pub approximate: bool,
    pub(super) needs: &'static [Need],
    /// `None` for the sum of what each item contributes.
    pub(super) value: Option<Value>,
    /// The rule by which its items count and are shown, if there are any to show.
    pub(super) items: Option<ItemRule>,
}

impl Metric {
    /// A metric that is the sum of what each item contributes by `rule`.
    pub(super) const fn sum(id: &'static str, unit: Unit, significance: Rule, rule: ItemRule) -> Self {
        let (definition, source, needs, approximate) = ("", "", &[], false);
        let items = Some(rule);
        Self { id, unit, significance, definition, source, approximate, needs, value: None, items }
    }

    /// Computed by `value`: no sum of what its items contribute.
    pub(super) const fn computed(id: &'static str, unit: Unit, significance: Rule, value: Value) -> Self {
        let (definition, source, needs, approximate) = ("", "", &[], false);
        let value = Some(value);
        Self { id, unit, significance, definition, source, approximate, needs, value, items: None }
    }

    /// The items of which it is computed count by `rule`.
    pub(super) const fn of(self, rule: ItemRule) -> Self {
        Self { items: Some(rule), ..self }
    }

    pub(super) const fn needs(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn approximate(self) -> Self {
        Self { approximate: true, ..self }
    }

    /// What it says, and where that comes from.
    pub(super) const fn says(self, definition: &'static str, source: &'static str) -> Self {
        Self { definition, source, ..self }
    }

    /// The rule of announcing it, where a metric has to move by `fraction` of its last announced value (0.05 is five
    /// percent) unless anything counts.
    pub const fn rule(&self, fraction: f64) -> Rule {
        match self.significance {
            Rule::Relative { minimum, .. } => Rule::Relative { fraction, minimum },
            Rule::AnyChange => Rule::AnyChange,
        }
    }

    /// Every reason for which it can have no value, except that something of one of the items is not known.
    pub fn reasons(&self) -> impl Iterator<Item = &'static str> {
        self.all_needs().map(|need| need.terms().1)
    }

    fn all_needs(&self) -> impl Iterator<Item = Need> {
        let of_items = [Need::AreaPath, Need::Areas, Need::Backlogs, Need::Levels];
        let of_items = of_items.into_iter().filter(|_| self.items.is_some());
        of_items.chain(self.needs.iter().copied())
    }

    /// Its value, or the first reason for which there is none.
    pub(super) fn view(&self, tallies: &Tallies<'_>) -> MetricView {
        let unmet = self.all_needs().map(Need::terms).find(|(is_met, _)| !is_met(tallies));
        if let Some((_, reason)) = unmet {
            return self.view_of(None, Some(reason));
        }
        let Some(value) = self.value else {
            let sum = tallies.sum(self.id);
            return self.view_of(sum.unknown.is_none().then_some(sum.amount), sum.unknown);
        };
        let value = value(tallies);
        let unknown = tallies.sum(POINTS_TOTAL).unknown.unwrap_or("the number is out of range");
        self.view_of(value, value.is_none().then_some(unknown))
    }

    /// The value, or why there is none, as a reader is shown it.
    pub(crate) fn view_of(&self, value: Option<Hundredths>, reason: Option<&'static str>) -> MetricView {
        let reason = reason.map(Into::into);
        MetricView { value, unit: self.unit, reason, approximate: self.approximate, detail: None }
    }
}
