//! What holds of every board.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::testing::{claim, details};
use super::testing::{EFFORT, as_they_are, figures_of, frame};
use super::*;
use crate::domain::scope::Text;
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::work_item::{Claim, ClaimKind, Details, Facts, WorkItem, WorkItemId};
use crate::domain::wire::view::Unit;

const TYPES: [&str; 4] = ["User Story", "Bug", "Task", "Epic"];
pub(super) const STATES: [&str; 6] = ["New", "Active", "Resolved", "Closed", "Removed", "Odd"];
const PATHS: [&str; 4] =
    ["Fabrikam", "Fabrikam\\Sprint 1", "Fabrikam\\Sprint 1\\Week 1", "Fabrikam\\Sprint 2"];
const AREAS: [&str; 3] = ["Fabrikam", "Fabrikam\\Web", "Contoso"];
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Some days before the sprint of the tests begins.
const BEGINNING: i64 = 1_794_700_000_000;

/// An instant within 25 days around the sprint.
pub(super) fn instant() -> impl Strategy<Value = Timestamp> {
    (0..25 * DAY_MS).prop_map(|ms| Timestamp::from_epoch_ms(BEGINNING + ms))
}

fn hundredths() -> impl Strategy<Value = Option<Hundredths>> {
    proptest::option::of((0..2_000_i64).prop_map(Hundredths::from_hundredths))
}

pub(super) fn facts(states: &'static [&'static str]) -> impl Strategy<Value = Facts> {
    let one_of = |texts: &'static [&'static str]| proptest::sample::select(texts);
    let place = (one_of(&TYPES), one_of(states), one_of(&PATHS), one_of(&AREAS));
    let amounts = (hundredths(), hundredths());
    (place, amounts, any::<bool>(), proptest::bool::weighted(0.1)).prop_map(
        |((work_item_type, state, path, area), (effort, remaining_work), blocked, deleted)| Facts {
            work_item_type: work_item_type.into(),
            state: state.into(),
            iteration_path: path.into(),
            area_path: area.into(),
            effort: Arc::new(effort.map(|effort| (EFFORT.into(), effort)).into_iter().collect()),
            remaining_work,
            blocked,
            deleted,
            ..super::super::testing::facts()
        },
    )
}

/// A life of up to five revisions; `step` is how far their numbers may lie apart, so 1 leaves none out.
pub(super) fn item(states: &'static [&'static str], step: u32) -> impl Strategy<Value = WorkItem> {
    let revision = (1..=step, 0..6 * DAY_MS, facts(states));
    let dates = (proptest::option::of(instant()), proptest::option::of(instant()));
    (1..1_000_000_u32, instant(), dates, proptest::collection::vec(revision, 1..6)).prop_map(
        |(number, start, (created_at, closed_at), revisions)| {
            let details = Details { created_at, closed_at, ..details() };
            let (mut rev, mut ms) = (0, start.epoch_ms());
            let one = |(step, pause, facts): (u32, i64, Facts)| {
                (rev, ms) = (rev + step, ms + pause);
                let mut claim = claim(ClaimKind::Fetched, Timestamp::from_epoch_ms(ms));
                claim.facts = facts.into();
                WorkItem::new(WorkItemId::new(number).unwrap(), rev, claim, details.clone())
            };
            revisions.into_iter().map(one).reduce(|item, other| item.merge(&other)).unwrap()
        },
    )
}

fn items() -> impl Strategy<Value = Vec<WorkItem>> {
    proptest::collection::vec(item(&STATES, 2), 0..25)
}

/// Everything that figures say, so that two can be compared.
fn said(figures: &Figures) -> String {
    serde_json::to_string(&(&figures.metrics, &figures.burndown, figures.history)).unwrap()
}

fn renamed_states(catalogue: &Catalogue) -> Catalogue {
    let renamed = |states: &BTreeMap<Text, _>| {
        states.iter().map(|(name, category)| (new_name(name), *category)).collect::<BTreeMap<_, _>>()
    };
    let states = catalogue.states.iter().map(|(name, states)| (name.clone(), renamed(states))).collect();
    Catalogue { states, ..catalogue.clone() }
}

/// The names turned about, so that `Closed` is what `Active` was: a name says nothing.
fn new_name(name: &str) -> Text {
    let position = STATES.iter().position(|known| *known == name).unwrap();
    STATES[(position + 2) % STATES.len()].into()
}

fn with_renamed_states(item: &WorkItem) -> WorkItem {
    let details = item.present().details;
    let one = |(rev, claim): (u32, &Claim)| {
        let mut claim = claim.clone();
        claim.facts.state = new_name(&claim.facts.state);
        WorkItem::new(item.id, rev, claim, details.clone())
    };
    item.revisions().map(one).reduce(|item, other| item.merge(&other)).unwrap()
}

/// An item without the revisions that were not there yet; `None` when that leaves nothing.
pub(super) fn as_it_was(item: &WorkItem, end: Timestamp) -> Option<WorkItem> {
    let details = item.present().details;
    let there = item.revisions().filter(|(_, claim)| claim.changed_at < end);
    there
        .map(|(rev, claim)| WorkItem::new(item.id, rev, claim.clone(), details.clone()))
        .reduce(|item, other| item.merge(&other))
}

proptest! {
    #[test]
    fn a_sum_is_the_sum_of_what_its_explanation_counts(items in items(), now in instant()) {
        let catalogue = catalogue();
        let frame = frame(&catalogue);
        let figures = figures_of(&catalogue, &items, now);
        for metric in METRICS {
            let explanation = explain(metric.id, &frame, as_they_are(&items), now).unwrap();
            prop_assert_eq!(explanation.value, figures.metrics[metric.id].value);
            let is_sum = matches!(metric.kind, metric::Kind::Sum);
            if let Some(value) = explanation.value.filter(|_| is_sum) {
                let counted: Hundredths = explanation.counted.iter().map(|counted| counted.amount).sum();
                prop_assert_eq!(value, counted, "{}", metric.id);
            }
        }
    }

    #[test]
    fn the_whole_is_what_is_completed_and_what_remains(items in items(), now in instant()) {
        let figures = figures_of(&catalogue(), &items, now);
        let value = |id: &str| figures.metrics[id].value.unwrap();
        prop_assert_eq!(value("items.total"), value("items.completed") + value("items.remaining"));
        prop_assert_eq!(value("points.total"), value("points.completed") + value("points.remaining"));
        for day in figures.burndown.unwrap().days {
            if let (Some(scope), Some(completed), Some(remaining)) = (day.scope, day.completed, day.remaining) {
                prop_assert_eq!(scope, completed + remaining);
            }
        }
    }

    #[test]
    fn the_order_of_items_does_not_matter(
        (items, shuffled) in items().prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle())),
        now in instant(),
    ) {
        let catalogue = catalogue();
        prop_assert_eq!(said(&figures_of(&catalogue, &items, now)), said(&figures_of(&catalogue, &shuffled, now)));
    }

    #[test]
    fn digests_that_were_kept_say_the_same_as_new_ones(items in items(), now in instant(), later in instant()) {
        let catalogue = catalogue();
        let frame = frame(&catalogue);
        let kept: Vec<Digest> = items.iter().map(|item| Digest::of(item, &frame)).collect();
        let _ = compute(&frame, kept.iter(), now);
        let from_kept = compute(&frame, kept.iter(), later);
        prop_assert_eq!(said(&from_kept), said(&figures_of(&catalogue, &items, later)));
    }

    #[test]
    fn removed_items_never_matter(
        items in items(),
        removed in proptest::collection::vec(item(&["Removed"], 1), 0..5),
        now in instant(),
    ) {
        let catalogue = catalogue();
        let with: Vec<WorkItem> = items.iter().chain(&removed).cloned().collect();
        prop_assert_eq!(said(&figures_of(&catalogue, &with, now)), said(&figures_of(&catalogue, &items, now)));
    }

    #[test]
    fn the_names_of_states_do_not_matter(items in items(), now in instant()) {
        let (catalogue, renamed) = (catalogue(), renamed_states(&catalogue()));
        let items_renamed: Vec<WorkItem> = items.iter().map(with_renamed_states).collect();
        prop_assert_eq!(
            said(&figures_of(&catalogue, &items, now)),
            said(&figures_of(&renamed, &items_renamed, now))
        );
    }

    #[test]
    fn states_add_up_to_the_scope(items in items(), now in instant()) {
        let catalogue = catalogue();
        let frame = frame(&catalogue);
        let digests: Vec<Digest> = items.iter().map(|item| Digest::of(item, &frame)).collect();
        let states = board::states(&frame, digests.iter());
        let figures = compute(&frame, digests.iter(), now);
        let items: usize = states.iter().map(|state| state.items).sum();
        let points: Hundredths = states.iter().filter_map(|state| state.points).sum();
        prop_assert_eq!(Some(Hundredths::whole(u32::try_from(items).unwrap())), figures.metrics["items.total"].value);
        prop_assert_eq!(Some(points), figures.metrics["points.total"].value);
    }

    #[test]
    fn a_past_day_is_the_board_as_it_was_when_that_day_ended(
        items in proptest::collection::vec(item(&STATES, 1), 0..25),
        now in instant(),
    ) {
        let catalogue = catalogue();
        let calendar = catalogue.calendar();
        let burndown = figures_of(&catalogue, &items, now).burndown.unwrap();
        let unit = if burndown.unit == Unit::Points { "points" } else { "items" };
        for day in burndown.days.iter().filter(|day| day.date < calendar.day_of(now)) {
            let end = calendar.end_of(day.date);
            let then: Vec<WorkItem> = items.iter().filter_map(|item| as_it_was(item, end)).collect();
            let then = figures_of(&catalogue, &then, end);
            let value = |what: &str| then.metrics[format!("{unit}.{what}").as_str()].value;
            prop_assert_eq!(day.remaining, value("remaining"));
            prop_assert_eq!(day.completed, value("completed"));
            prop_assert_eq!(day.scope, value("total"));
        }
    }

    #[test]
    fn where_every_revision_is_known_so_is_every_day(
        items in proptest::collection::vec(item(&STATES, 1), 0..25),
        now in instant(),
    ) {
        let catalogue = catalogue();
        let today = catalogue.calendar().day_of(now);
        let figures = figures_of(&catalogue, &items, now);
        prop_assert_eq!(figures.history, History::Complete);
        for day in figures.burndown.unwrap().days {
            prop_assert_eq!(day.remaining.is_some(), day.date <= today);
        }
    }
}
