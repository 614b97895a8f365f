//! Working days against a plain count, and the ends of days about the days on which clocks change.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

static WEEK: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
static NONE_OFF: BTreeSet<CivilDate> = BTreeSet::new();

fn day(text: &str) -> CivilDate {
    text.parse().unwrap()
}

fn new_york() -> Calendar<'static> {
    Calendar { zone: Tz::America__New_York, weekdays: &WEEK, days_off: &NONE_OFF }
}

#[test]
fn an_instant_falls_on_the_day_of_the_teams_zone() {
    let at = |text: &str| new_york().day_of(Timestamp::parse(text).unwrap());
    assert_eq!(at("2026-11-24T04:59:59Z"), day("2026-11-23"));
    assert_eq!(at("2026-11-24T05:00:00Z"), day("2026-11-24"));
    let end = new_york().end_of(day("2026-11-01"));
    assert_eq!(end, Timestamp::parse("2026-11-02T05:00:00Z").unwrap());
}

#[test]
fn no_instant_and_no_date_is_too_far() {
    for ms in [i64::MIN, i64::MAX] {
        let far = new_york().day_of(Timestamp::from_epoch_ms(ms));
        let _ = new_york().end_of(far);
    }
    for text in ["0001-01-01", "9999-12-31"] {
        let date = day(text);
        let works = u32::from(new_york().is_working(date));
        assert_eq!(new_york().working_days(Span::new(date, date).unwrap()), works, "{text}");
    }
    assert_eq!(Span::new(day("2026-11-25"), day("2026-11-24")), None);
    for date in [CivilDate::MIN, CivilDate::MAX] {
        let _ = new_york().end_of(date);
        assert_eq!(Span::new(date, date), None);
    }
}

proptest! {
    #[test]
    fn working_days_are_those_that_one_would_count(
        first in 0i64..800, length in 0i64..60, off in prop::collection::btree_set(0i64..900, 0..9), today in 0i64..900,
    ) {
        let date = |n: i64| day("2026-01-01") + TimeDelta::days(n);
        let days_off: BTreeSet<_> = off.into_iter().map(date).collect();
        let calendar = Calendar { days_off: &days_off, ..new_york() };
        let span = Span::new(date(first), date(first + length)).unwrap();
        let works = |day: &CivilDate| calendar.is_working(*day);
        prop_assert_eq!(calendar.working_days(span) as usize, span.days().filter(works).count());
        let today = date(today);
        prop_assert_eq!(calendar.elapsed(span, today) + calendar.left(span, today), calendar.working_days(span));
    }

    #[test]
    fn a_day_ends_where_the_next_begins(n in 0i64..4000, zone in 0usize..5) {
        let zone = [Tz::America__New_York, Tz::Europe__Berlin, Tz::Africa__Cairo, Tz::America__Havana, Tz::Asia__Beirut][zone];
        let calendar = Calendar { zone, ..new_york() };
        let date = day("2020-01-01") + TimeDelta::days(n);
        let end = calendar.end_of(date);
        prop_assert_eq!(calendar.day_of(Timestamp::from_epoch_ms(end.epoch_ms() - 1)), date);
        prop_assert_eq!(calendar.day_of(end), date + TimeDelta::days(1));
    }
}
