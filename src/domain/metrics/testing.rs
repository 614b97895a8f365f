//! Work items and boards for the tests of metrics.

use std::sync::Arc;

use super::super::testing::{claim, details};
use super::{Digest, Figures, MetricSettings, SprintContext, compute};
use crate::domain::amount::Hundredths;
use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::sprint::work_item::{ClaimKind, Details, Facts, Rev, RevisionTold, WorkItem, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::view::MetricView;

pub(crate) const EFFORT: &str = "Microsoft.VSTS.Scheduling.StoryPoints";

/// The items as they are: of each its newest revision is told.
pub(crate) fn as_they_are<'i>(
    items: impl IntoIterator<Item = &'i WorkItem>,
) -> impl Iterator<Item = (&'i WorkItem, RevisionTold)> {
    items.into_iter().map(|item| (item, RevisionTold::Newest))
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn amount(units: f64) -> Hundredths {
    Hundredths::from_units(units).unwrap()
}

/// A Wednesday noon in New York, in the middle of the sprint of the tests.
pub(crate) fn noon() -> Timestamp {
    at("2026-11-18T17:00:00Z")
}

pub(crate) type Change<'a> = &'a dyn Fn(&mut Facts);

/// A story with one revision, the first, made on the Monday on which the sprint begins.
pub(crate) fn story(number: u32, change: impl Fn(&mut Facts)) -> WorkItem {
    life(number, &[(1, "2026-11-16T15:00:00Z", &change)])
}

pub(crate) fn task(number: u32, change: impl Fn(&mut Facts)) -> WorkItem {
    story(number, |facts| {
        facts.work_item_type = "Task".into();
        change(facts);
    })
}

pub(crate) fn bug(number: u32, change: impl Fn(&mut Facts)) -> WorkItem {
    story(number, |facts| {
        facts.work_item_type = "Bug".into();
        change(facts);
    })
}

/// A story with these revisions: number, date and facts of each.
pub(crate) fn life(number: u32, revisions: &[(Rev, &str, Change<'_>)]) -> WorkItem {
    life_with(number, details(), revisions)
}

pub(crate) fn life_with(number: u32, details: Details, revisions: &[(Rev, &str, Change<'_>)]) -> WorkItem {
    let one = |(rev, date, change): &(Rev, &str, Change<'_>)| {
        let mut claim = claim(ClaimKind::Fetched, at(date));
        claim.facts.work_item_type = "User Story".into();
        change(&mut claim.facts);
        WorkItem::new(WorkItemId::new(number).unwrap(), *rev, claim, details.clone())
    };
    revisions.iter().map(one).reduce(|item, other| item.merge(&other)).unwrap()
}

/// A change of the facts: a state.
pub(crate) fn state(name: &'static str) -> impl Fn(&mut Facts) {
    move |facts| facts.state = name.into()
}

/// A change of the facts: a state and an effort.
pub(crate) fn points(name: &'static str, points: f64) -> impl Fn(&mut Facts) {
    move |facts| {
        facts.state = name.into();
        Arc::make_mut(&mut facts.effort).insert(EFFORT.into(), amount(points));
    }
}

/// A change of the facts: a state and remaining work.
pub(crate) fn hours(name: &'static str, hours: f64) -> impl Fn(&mut Facts) {
    move |facts| {
        facts.state = name.into();
        facts.remaining_work = Some(amount(hours));
    }
}

pub(crate) fn sprint(catalogue: &Catalogue) -> &Iteration {
    catalogue.sprint(sprint_id()).unwrap()
}

pub(crate) fn frame(catalogue: &Catalogue) -> SprintContext<'_> {
    SprintContext::new(catalogue, sprint(catalogue), MetricSettings::default())
}

/// The figures of a sprint with these items.
pub(crate) fn figures_of(catalogue: &Catalogue, items: &[WorkItem], now: Timestamp) -> Figures {
    let frame = frame(catalogue);
    let digests: Vec<Digest> = items.iter().map(|item| Digest::of(item, &frame)).collect();
    compute(&frame, digests.iter(), now)
}

pub(crate) fn figures(items: &[WorkItem]) -> Figures {
    figures_of(&catalogue(), items, noon())
}

impl Figures {
    /// A metric's value.
    #[track_caller]
    pub(crate) fn value(&self, id: &str) -> Option<f64> {
        self.metrics[id].value.map(Hundredths::units)
    }

    /// Why a metric has no value.
    #[track_caller]
    pub(crate) fn reason(&self, id: &str) -> Option<&str> {
        let MetricView { value, reason, .. } = &self.metrics[id];
        assert_eq!(value.is_none(), reason.is_some(), "{id} has a value or a reason, and not both");
        reason.as_deref()
    }
}
