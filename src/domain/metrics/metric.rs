//! What a metric is: what it needs, how it is computed, and by how much it has to move.

use serde_json::Value as Json;

use super::digest::Digest;
use super::frame::Moment;
use super::need::{self, Need};
use super::rules::ItemRule;
use super::tally::{OUT_OF_RANGE, Tallies};
use super::threshold::Rule;
use crate::domain::wire::view::{MetricView, Unit};
use crate::domain::{Hundredths, Text};

/// How a metric that is no sum is computed. Errors say why it has no value.
pub(super) type Value = fn(&Tallies<'_>) -> Result<Hundredths, &'static str>;

/// How a metric comes from what its items contribute.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// It is the sum of that.
    Sum,
    /// It is the largest of that.
    Largest,
    /// It is computed otherwise.
    Computed(Value),
}

/// What a metric is counted in that does not always have the same unit.
#[derive(Clone, Copy)]
enum Counted {
    Always,
    /// In points, or in items where nothing in the sprint's scope is estimated.
    AsScope,
    /// The same of the sprints before.
    AsVelocity,
}

/// How far a metric looks back beyond its sprint.
#[derive(Clone, Copy, Debug)]
enum LooksBack {
    Nowhere,
    /// Over the last seven days.
    Week,
    /// Over the last 90 days, or nearly as many.
    Days,
    /// Over the last six finished sprints.
    Sprints,
}

/// How many items a metric leaves out because a revision of them is missing.
#[derive(Clone, Copy)]
enum Lacks {
    /// None: it tells of the present alone.
    Nothing,
    /// Those of which its own sum does not know whether they count.
    OfItsSum,
    /// So many.
    Counted(fn(&Tallies<'_>) -> u32),
}

/// A metric: a row of the table.
pub struct Metric {
    /// Its name on the wire.
    pub id: &'static str,
    /// Its unit; that of scope changes and velocity is items where nothing is estimated.
    pub unit: Unit,
    /// By how much it has to move to be announced at once.
    pub significance: Rule,
    /// What it says, in a sentence.
    pub definition: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) kind: Kind,
    /// The rule by which its items count and are shown, if there are any to show.
    pub(super) items: Option<ItemRule>,
    counted: Counted,
    lacks: Lacks,
    /// Whether it rests on Closed Date, which some processes set in ways of their own, where a revision is missing.
    by_closed_date: bool,
    looks_back: LooksBack,
    /// Of which items it is said that, and why, they are left out.
    pub(super) concerns: fn(&Digest, &Moment<'_>) -> bool,
    /// Its parts and series.
    detail: Option<fn(&Tallies<'_>) -> Option<Json>>,
}

impl Metric {
    const fn new(id: &'static str, unit: Unit, significance: Rule, kind: Kind) -> Self {
        Self {
            id,
            unit,
            significance,
            definition: "",
            source: "",
            needs: &[],
            kind,
            items: None,
            counted: Counted::Always,
            lacks: Lacks::Nothing,
            by_closed_date: false,
            looks_back: LooksBack::Nowhere,
            concerns: |digest, _| digest.concerns_sprint(),
            detail: None,
        }
    }

    /// A metric that is the sum of what each item contributes by `rule`.
    pub(super) const fn sum(id: &'static str, unit: Unit, significance: Rule, rule: ItemRule) -> Self {
        Self::new(id, unit, significance, Kind::Sum).of(rule)
    }

    /// The largest of what each item contributes by `rule`.
    pub(super) const fn largest(id: &'static str, unit: Unit, significance: Rule, rule: ItemRule) -> Self {
        Self::new(id, unit, significance, Kind::Largest).of(rule)
    }

    /// Computed by `value`: no sum of what its items contribute.
    pub(super) const fn computed(id: &'static str, unit: Unit, significance: Rule, value: Value) -> Self {
        Self::new(id, unit, significance, Kind::Computed(value))
    }

    /// The items of which it is computed count by `rule`.
    pub(super) const fn of(self, rule: ItemRule) -> Self {
        Self { items: Some(rule), ..self }
    }

    pub(super) const fn needs(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    /// It tells of the past, and its sum leaves out items of which a revision is missing.
    pub(super) const fn of_past(self) -> Self {
        Self { lacks: Lacks::OfItsSum, ..self }
    }

    /// It tells of the past, and leaves out so many items of which a revision is missing.
    pub(super) const fn of_past_but(self, lacking: fn(&Tallies<'_>) -> u32) -> Self {
        Self { lacks: Lacks::Counted(lacking), ..self }
    }

    /// It looks back over the last 90 days, and at Closed Date where a revision is missing.
    pub(super) const fn by_closed_date(self) -> Self {
        Self { by_closed_date: true, ..self }.over_days()
    }

    /// It looks back over the last 90 days, or nearly as many.
    pub(super) const fn over_days(self) -> Self {
        Self { looks_back: LooksBack::Days, ..self }
    }

    /// It looks back over the last seven days.
    pub(super) const fn over_week(self) -> Self {
        Self { looks_back: LooksBack::Week, ..self }
    }

    /// It looks back over the last six finished sprints, if only for the unit that all of them are counted in.
    pub(super) const fn over_sprints(self) -> Self {
        Self { looks_back: LooksBack::Sprints, ..self }
    }

    /// In points, or in items where nothing in the sprint's scope is estimated.
    pub(super) const fn counted_as_scope(self) -> Self {
        Self { counted: Counted::AsScope, ..self }
    }

    /// It tells of other items than those that are, or once were, in the sprint.
    pub(super) const fn concerning(self, concerns: fn(&Digest, &Moment<'_>) -> bool) -> Self {
        Self { concerns, ..self }
    }

    /// The same of the sprints before.
    pub(super) const fn counted_as_velocity(self) -> Self {
        Self { counted: Counted::AsVelocity, ..self }
    }

    /// Its parts and series come with it.
    pub(super) const fn detailed(self, detail: fn(&Tallies<'_>) -> Option<Json>) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// What it says, and where that comes from.
    pub(super) const fn says(self, definition: &'static str, source: &'static str) -> Self {
        Self { definition, source, ..self }
    }

    /// Whether sums have to be made for it.
    pub(super) const fn is_summed(&self) -> bool {
        !matches!(self.kind, Kind::Computed(_))
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
        self.all_needs().map(|need| need.reason)
    }

    fn all_needs(&self) -> impl Iterator<Item = Need> {
        let of_items = [need::AREA_PATH, need::AREAS, need::BACKLOGS, need::LEVELS];
        let of_items = of_items.into_iter().filter(|_| self.items.is_some());
        of_items.chain(self.needs.iter().copied())
    }

    /// Its value, or the first reason for which there is none.
    pub(super) fn view(&self, tallies: &Tallies<'_>) -> MetricView {
        let value = self.value(tallies);
        let is_known = value.is_ok();
        MetricView {
            unit: self.unit_of(tallies),
            partial: self.partial(tallies),
            approximate: is_known && self.by_closed_date && tallies.statistics.by_field,
            detail: self.detail.filter(|_| is_known).and_then(|detail| detail(tallies)),
            ..self.view_of(value.ok(), value.err())
        }
    }

    fn value(&self, tallies: &Tallies<'_>) -> Result<Hundredths, &'static str> {
        if let Some(unmet) = self.all_needs().find(|need| !(need.is_met)(tallies)) {
            return Err(unmet.reason);
        }
        match self.kind {
            Kind::Sum => tallies.summed(self.id),
            Kind::Largest => {
                let sum = tallies.sum(self.id);
                sum.largest.ok_or(sum.unknown.unwrap_or(OUT_OF_RANGE))
            }
            Kind::Computed(value) => value(tallies),
        }
    }

    fn unit_of(&self, tallies: &Tallies<'_>) -> Unit {
        match self.counted {
            Counted::Always => self.unit,
            Counted::AsScope => tallies.moment.unit,
            Counted::AsVelocity => tallies.moment.velocity_unit,
        }
    }

    /// What a number about the past does not know; `None` where that is nothing, and for numbers of the present.
    fn partial(&self, tallies: &Tallies<'_>) -> Option<Text> {
        let unknown = match self.lacks {
            Lacks::Nothing => return None,
            Lacks::OfItsSum => tallies.sum(self.id).unknown_items,
            Lacks::Counted(lacking) => lacking(tallies),
        };
        let short = match self.looks_back {
            LooksBack::Week if tallies.lacks_days_of_week() => Some(need::SHORT_WEEK),
            LooksBack::Days if tallies.looks_beyond() => Some(need::SHORT_PAST),
            LooksBack::Sprints if tallies.lacks_finished() => Some(need::SHORT_OF_SPRINTS),
            LooksBack::Nowhere | LooksBack::Week | LooksBack::Days | LooksBack::Sprints => None,
        };
        match (tallies.has_read_past(), unknown) {
            (false, _) => Some(need::PAST.reason.into()),
            (true, _) if short.is_some() => short.map(Into::into),
            (true, 0) => None,
            (true, 1) => Some("a revision of one work item is missing".into()),
            (true, items) => Some(format!("revisions of {items} work items are missing").into()),
        }
    }

    /// The value, or why there is none, as a reader is shown it.
    pub(crate) fn view_of(&self, value: Option<Hundredths>, reason: Option<&'static str>) -> MetricView {
        let reason = reason.map(Into::into);
        MetricView { value, unit: self.unit, reason, approximate: false, partial: None, detail: None }
    }
}
