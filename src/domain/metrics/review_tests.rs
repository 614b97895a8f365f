//! The numbers of a review follow from where they came from.

use proptest::prelude::*;

use super::history_properties::{lived_board, with_many_sprints_before};
use super::review::NUMBERS;
use super::*;
use crate::domain::wire::view::Unit;

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_number_of_a_review_follows_from_its_explanation(items in lived_board()) {
        let catalogue = with_many_sprints_before();
        let settings = MetricSettings::default();
        for (_, sprint) in catalogue.dated() {
            let told = review(&catalogue, sprint, &settings, items.iter()).unwrap();
            let mut sorted: Option<Vec<_>> = None;
            for number in &NUMBERS {
                let explained = explain_review(AskedNumber { number, unit: None }, &catalogue, sprint, &settings, items.iter()).unwrap();
                let counted: Hundredths = explained.counted.iter().map(|item| item.amount).sum();
                let (sum, value) = (counted.units(), explained.value.map(Hundredths::units));
                let (is, unit) = match number.field {
                    "planned" => (Some(told.planned), told.unit),
                    "completed" => (Some(told.completed), told.unit),
                    "late" => (Some(told.late), told.unit),
                    "incomplete" => (Some(told.incomplete), told.unit),
                    _ => (told.say_do, Unit::Percent),
                };
                prop_assert_eq!((explained.value, explained.unit), (is, unit), "{}", number.id);
                let comes_to = match number.field {
                    "sayDo" if told.planned == Hundredths::default() => None,
                    "sayDo" => Some((sum * 1_000.0 / told.planned.units()).round() / 10.0),
                    _ => Some(sum),
                };
                let is_close = value.zip(comes_to).is_none_or(|(value, sum)| (value - sum).abs() < 0.005_1);
                prop_assert!(value.is_some() == comes_to.is_some() && is_close, "{}: {value:?}, {comes_to:?}", number.id);
                // Each item that had a part in the sprint is told of by every number.
                let mut all: Vec<_> = explained.counted.iter().map(|item| item.id).collect();
                all.extend(explained.left_out.iter().map(|item| item.id));
                all.sort_unstable();
                prop_assert_eq!(sorted.get_or_insert_with(|| all.clone()), &all, "{}", number.id);
            }
        }
    }
}

#[test]
fn the_guide_says_what_each_number_of_a_review_is() {
    let guide = include_str!("../../../docs/METRICS.md");
    for number in &NUMBERS {
        let row = format!("| `{}` | `{}` | {} |", number.id, number.field, number.definition);
        assert!(guide.contains(&row), "{row} is not in docs/METRICS.md");
    }
}
