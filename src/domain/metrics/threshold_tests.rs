//! When a metric is announced, and as what.

use proptest::prelude::*;

use super::*;

fn five_percent() -> Rule {
    Rule::Relative { fraction: FRACTION_DEFAULT, minimum: Hundredths::default() }
}

fn amount(units: f64) -> Hundredths {
    Hundredths::from_units(units).unwrap()
}

fn said(units: f64) -> Option<AnnouncedValue> {
    Some(AnnouncedValue::Number(amount(units)))
}

fn full(units: f64) -> Reading {
    Reading { value: Some(amount(units)), level: Level::Full }
}

const UNKNOWN: Reading = Reading { value: None, level: Level::Full };

fn now(old: f64, new: f64, rule: Rule) -> Announcement {
    decide(said(old), full(new), rule, AnnounceAt::Now)
}

fn announce(reason: MetricReason, percent: Option<f64>) -> Announcement {
    Announcement::Announce { reason, change_percent: percent.map(amount) }
}

#[test]
fn d1_zero_is_a_value_and_not_the_first_time() {
    for rule in [five_percent(), Rule::AnyChange] {
        for moment in [AnnounceAt::Now, AnnounceAt::Settle] {
            assert_eq!(decide(said(0.0), full(0.0), rule, moment), Announcement::Nothing);
        }
    }
    assert_eq!(decide(None, full(0.0), five_percent(), AnnounceAt::Now), Announcement::Record);
    let first = decide(Some(AnnouncedValue::NoNumberYet), full(0.0), five_percent(), AnnounceAt::Now);
    assert_eq!(first, announce(MetricReason::First, None));
}

#[test]
fn d1_the_first_number_is_first_once() {
    let never = AnnouncedValue::after(None, None);
    assert_eq!(never, AnnouncedValue::NoNumberYet);
    assert_eq!(decide(Some(never), UNKNOWN, five_percent(), AnnounceAt::Settle), Announcement::Nothing);
    let gone = AnnouncedValue::after(said(3.0), None);
    assert_eq!(AnnouncedValue::after(Some(gone), None), gone);
    assert_eq!(
        decide(Some(gone), full(3.0), five_percent(), AnnounceAt::Now),
        announce(MetricReason::AnyChange, None)
    );
    assert_eq!(
        decide(said(3.0), UNKNOWN, five_percent(), AnnounceAt::Now),
        announce(MetricReason::AnyChange, None)
    );
    assert_eq!(
        (gone.value(), AnnouncedValue::after(Some(gone), Some(amount(2.0))).value()),
        (None, Some(amount(2.0)))
    );
}

#[test]
fn d2_from_zero_there_is_no_percentage() {
    assert_eq!(now(0.0, 0.01, five_percent()), announce(MetricReason::ZeroCrossing, None));
    assert_eq!(now(0.01, 0.0, five_percent()), announce(MetricReason::ZeroCrossing, Some(100.0)));
    assert_eq!(change_percent(amount(0.0), amount(7.0)), None);
}

#[test]
fn d4_a_negative_base_counts_by_its_size() {
    assert_eq!(now(-10.0, 5.0, five_percent()), announce(MetricReason::Threshold, Some(150.0)));
    assert_eq!(now(-100.0, -96.0, five_percent()), Announcement::Later);
}

#[test]
fn d5_k10_five_percent_itself_is_announced() {
    for (old, new) in [(3.0, 3.15), (7.0, 7.35), (100.0, 95.0), (40.0, 42.0), (0.2, 0.21)] {
        assert_eq!(
            now(old, new, five_percent()),
            announce(MetricReason::Threshold, Some(5.0)),
            "{old} {new}"
        );
    }
    assert_eq!(now(100.0, 104.99, five_percent()), Announcement::Later);
}

#[test]
fn k10_the_percentage_has_one_decimal_and_no_sign() {
    for (old, new, percent) in [(3.0, 2.0, 33.3), (3.0, 5.0, 66.7), (80.0, 90.0, 12.5), (-4.0, -8.0, 100.0)] {
        assert_eq!(change_percent(amount(old), amount(new)), Some(amount(percent)), "{old} {new}");
    }
    // Half away from zero: 0.25 % is 0.3 %.
    assert_eq!(change_percent(amount(400.0), amount(401.0)), Some(amount(0.3)));
    assert_eq!(change_percent(amount(0.01), amount(1e9)), None);
}

#[test]
fn d6_d16_the_rule_is_declared_for_each_metric() {
    assert_eq!(now(100.0, 101.0, Rule::AnyChange), announce(MetricReason::AnyChange, Some(1.0)));
    let coarse = Rule::Relative { fraction: 0.1, minimum: amount(2.0) };
    assert_eq!(now(10.0, 11.5, coarse), Announcement::Later);
    assert_eq!(now(10.0, 12.0, coarse), announce(MetricReason::Threshold, Some(20.0)));
    assert_eq!(now(100.0, 109.0, coarse), Announcement::Later);
}

#[test]
fn d7_equal_values_are_equal() {
    assert_eq!(now(2.345, 2.35, Rule::AnyChange), Announcement::Nothing);
}

#[test]
fn d8_what_stays_below_the_threshold_is_announced_by_the_settle_tick() {
    assert_eq!(now(40.0, 39.0, five_percent()), Announcement::Later);
    let settled = decide(said(40.0), full(39.0), five_percent(), AnnounceAt::Settle);
    assert_eq!(settled, announce(MetricReason::Settle, Some(2.5)));
    // A threshold that is no number only makes everything wait.
    let broken = Rule::Relative { fraction: f64::NAN, minimum: Hundredths::default() };
    assert_eq!(now(1.0, 9.0, broken), Announcement::Later);
}

#[test]
fn d9_slow_drift_is_measured_from_what_was_announced() {
    assert_eq!(now(100.0, 96.0, five_percent()), Announcement::Later);
    assert_eq!(now(100.0, 92.0, five_percent()), announce(MetricReason::Threshold, Some(8.0)));
}

#[test]
fn d15_only_what_is_full_is_learnt() {
    for level in [Level::Cached, Level::Mock, Level::None] {
        for last in [None, Some(AnnouncedValue::NoNumberYet), said(1.0)] {
            for moment in [AnnounceAt::Now, AnnounceAt::Settle] {
                let reading = Reading { value: Some(amount(9.0)), level };
                assert_eq!(decide(last, reading, Rule::AnyChange, moment), Announcement::Nothing);
            }
        }
    }
}

fn a_value() -> impl Strategy<Value = Option<Hundredths>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Hundredths::default())),
        4 => (-50_i32..50).prop_map(|tenths| Some(amount(f64::from(tenths) / 10.0))),
        4 => (-1e9_f64..1e9).prop_map(|units| Some(amount(units))),
    ]
}

fn a_rule() -> impl Strategy<Value = Rule> {
    let relative = (0.0_f64..2.0, 0.0_f64..5.0)
        .prop_map(|(fraction, minimum)| Rule::Relative { fraction, minimum: amount(minimum) });
    prop_oneof![Just(Rule::AnyChange), Just(five_percent()), relative]
}

/// What is remembered after a decision.
fn remembered(
    last: Option<AnnouncedValue>,
    value: Option<Hundredths>,
    decision: Announcement,
) -> Option<AnnouncedValue> {
    match decision {
        Announcement::Announce { .. } | Announcement::Record => Some(AnnouncedValue::after(last, value)),
        Announcement::Later | Announcement::Nothing => last,
    }
}

proptest! {
    #[test]
    fn d8_after_a_settle_tick_what_was_announced_is_the_value(
        values in proptest::collection::vec(a_value(), 1..20), rule in a_rule()
    ) {
        let mut last = None;
        for value in &values {
            let reading = Reading { value: *value, level: Level::Full };
            last = remembered(last, *value, decide(last, reading, rule, AnnounceAt::Now));
        }
        let value = values.last().copied().flatten();
        let reading = Reading { value, level: Level::Full };
        last = remembered(last, value, decide(last, reading, rule, AnnounceAt::Settle));
        prop_assert_eq!(last.and_then(AnnouncedValue::value), value);
        prop_assert_eq!(decide(last, reading, rule, AnnounceAt::Settle), Announcement::Nothing);
    }

    #[test]
    fn d9_no_drift_gets_past_the_threshold(
        start in 1_000_i32..100_000, steps in proptest::collection::vec(-300_i32..300, 1..60)
    ) {
        let mut value = f64::from(start) / 100.0;
        let mut last = said(value);
        for step in steps {
            value += f64::from(step) / 100.0;
            let reading = full(value);
            last = remembered(last, reading.value, decide(last, reading, five_percent(), AnnounceAt::Now));
            let old = last.and_then(AnnouncedValue::value).unwrap().units();
            let new = reading.value.unwrap().units();
            prop_assert!((new - old).abs() < old.abs() * 0.05 + 1e-6 || new == old, "{} {}", old, new);
        }
    }

    #[test]
    fn d2_d3_a_percentage_is_finite_and_has_one_decimal(old in a_value(), new in a_value(), rule in a_rule()) {
        let last = Some(AnnouncedValue::after(None, old));
        let reading = Reading { value: new, level: Level::Full };
        for moment in [AnnounceAt::Now, AnnounceAt::Settle] {
            if let Announcement::Announce { change_percent: Some(percent), .. } = decide(last, reading, rule, moment) {
                prop_assert!(percent.units().is_finite() && percent >= Hundredths::default());
                prop_assert_eq!(percent.hundredths() % 10, 0);
            }
        }
    }
}
