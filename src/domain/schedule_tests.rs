//! The window, about the days on which New York's clocks change and at its edges.

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn parse(cron: &str) -> SyncWindow {
    SyncWindow::parse(cron, SyncWindow::DEFAULT_ZONE).unwrap()
}

fn closed(reason: Outside) -> Result<(), Outside> {
    Err(reason)
}

/// How often a pattern comes to pass after `from` and before `until`.
fn firings(window: &SyncWindow, from: &str, until: &str) -> Vec<Timestamp> {
    let firings = std::iter::successors(window.next_after(at(from)), |last| window.next_after(*last));
    firings.take_while(|firing| *firing < at(until)).collect()
}

#[test]
fn k11_the_default_is_this_pattern_in_this_zone_to_the_letter() {
    assert_eq!(SyncWindow::DEFAULT_CRON, "*/15 8-18 * * 1-5");
    assert_eq!(SyncWindow::DEFAULT_ZONE, "America/New_York");
    assert_eq!(SyncWindow::parse("*/15 8-18 * * 1-5", "America/New_York"), Ok(SyncWindow::default()));
    assert_eq!(SyncWindow::default().to_string(), "`*/15 8-18 * * 1-5` in America/New_York");
    assert_eq!(format!("{:?}", SyncWindow::default()), "SyncWindow(`*/15 8-18 * * 1-5` in America/New_York)");
}

#[test]
fn s2_a_day_begins_at_eight_and_its_last_run_is_at_a_quarter_to_seven() {
    let day = firings(&SyncWindow::default(), "2026-11-23T00:00:00-05:00", "2026-11-24T00:00:00-05:00");
    assert_eq!(day.len(), 44);
    assert_eq!(day.first(), Some(&at("2026-11-23T08:00:00-05:00")));
    assert_eq!(day.last(), Some(&at("2026-11-23T18:45:00-05:00")));
    let next = SyncWindow::default().next_after(at("2026-11-27T18:45:00-05:00"));
    assert_eq!(next, Some(at("2026-11-30T08:00:00-05:00")), "from Friday to Monday");
}

#[test]
fn s2_the_gate_minds_the_hour_and_not_the_minute() {
    let gate = |time: &str| SyncWindow::default().gate(at(&format!("2026-11-23T{time}-05:00")));
    assert_eq!(gate("07:59:59.999"), closed(Outside::Hour));
    for inside in ["08:00:00", "08:07:31.5", "12:01:00", "18:45:00", "18:59:59.999"] {
        assert_eq!(gate(inside), Ok(()), "{inside}");
    }
    assert_eq!(gate("19:00:00"), closed(Outside::Hour));
}

#[test]
fn s3_the_window_keeps_to_new_yorks_clocks_when_they_change() {
    let window = SyncWindow::default();
    // The first Mondays after the clocks went back and forward, and the Fridays before.
    let days = [("2026-10-30", -4), ("2026-11-02", -5), ("2027-03-12", -5), ("2027-03-15", -4)];
    for (day, offset) in days {
        let local = |time: &str| at(&format!("{day}T{time}-{:02}:00", -offset));
        assert_eq!(window.gate(local("07:59:59")), closed(Outside::Hour), "{day}");
        for inside in ["08:00:00", "18:45:00", "18:59:59"] {
            assert_eq!(window.gate(local(inside)), Ok(()), "{day} {inside}");
        }
        assert_eq!(window.gate(local("19:00:00")), closed(Outside::Hour), "{day}");
        assert_eq!(window.next_after(local("00:00:00")), Some(local("08:00:00")), "{day}");
    }
    assert_eq!(window.gate(at("2026-11-02T12:30:00Z")), closed(Outside::Hour), "07:30 in winter");
    assert_eq!(window.gate(at("2027-03-15T12:30:00Z")), Ok(()), "08:30 in summer");
}

#[test]
fn s3_the_weekday_is_judged_in_new_york() {
    let window = SyncWindow::default();
    assert_eq!(window.gate(at("2026-11-02T00:30:00Z")), closed(Outside::Weekday), "Sunday evening there");
    assert_eq!(window.gate(at("2026-11-07T00:30:00Z")), closed(Outside::Hour), "Friday evening there");
    assert_eq!(window.gate(at("2026-11-07T15:00:00Z")), closed(Outside::Weekday), "a Saturday");
    let evening = SyncWindow::parse("0 20 * * 1", "America/New_York").unwrap();
    assert_eq!(evening.gate(at("2026-11-03T01:30:00Z")), Ok(()), "Monday evening there, Tuesday in UTC");
}

#[test]
fn s3_what_is_due_in_the_hour_that_spring_leaves_out_is_due_right_after_it() {
    let window = parse("30 2 * * *");
    let before = at("2027-03-14T01:59:00-05:00");
    let due = at("2027-03-14T03:00:00-04:00");
    assert_eq!(window.next_after(before), Some(due));
    assert_eq!(window.gate(due), Ok(()));
    assert_eq!(window.gate(at("2027-03-14T03:00:00.7-04:00")), Ok(()), "by the same minute");
    assert_eq!(window.gate(at("2027-03-14T03:01:00-04:00")), closed(Outside::Hour));
    assert_eq!(window.gate(at("2027-03-15T03:00:00-04:00")), closed(Outside::Hour), "on any other day");
    assert_eq!(window.next_after(due), Some(at("2027-03-15T02:30:00-04:00")));
}

#[test]
fn s3_the_hour_that_autumn_repeats_is_an_hour_like_any_other() {
    let (from, until) = ("2026-11-01T00:30:00-04:00", "2026-11-01T02:00:00-05:00");
    let once = firings(&parse("30 1 * * *"), from, until);
    assert_eq!(once, [at("2026-11-01T01:30:00-04:00")], "what has one time has it once");
    assert_eq!(firings(&parse("*/15 1 * * *"), from, until).len(), 8, "what recurs goes on");
    for twice in ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"] {
        assert_eq!(parse("30 1 * * *").gate(at(twice)), Ok(()), "{twice}");
    }
}

#[test]
fn the_gate_says_what_is_outside() {
    let gate = |cron: &str, time: &str| parse(cron).gate(at(time));
    let monday = "2026-11-23T12:00:00-05:00";
    assert_eq!(gate("0 12 * 3 1", monday), closed(Outside::Month));
    assert_eq!(gate("0 12 1 * *", monday), closed(Outside::Day));
    assert_eq!(gate("0 12 1 * 2", monday), closed(Outside::Day));
    assert_eq!(gate("0 12 * * 2", monday), closed(Outside::Weekday));
    assert_eq!(gate("0 13 * * 1", monday), closed(Outside::Hour));
    assert_eq!(gate("0 12 1 * 1", monday), Ok(()), "of two day fields one is enough");
    let words = [Outside::Year, Outside::Month, Outside::Day, Outside::Weekday, Outside::Hour];
    assert_eq!(words.map(|word| word.to_string()), ["year", "month", "day", "weekday", "hour"]);
}

#[test]
fn names_of_weekdays_and_months_are_read_and_blanks_are_not() {
    assert_eq!(parse("*/15 8-18 * * mon-FRI"), SyncWindow::default());
    assert_eq!(SyncWindow::parse("  */15  8-18 * *\t1-5 ", " America/New_York "), Ok(SyncWindow::default()));
    assert_ne!(SyncWindow::parse(SyncWindow::DEFAULT_CRON, "UTC"), Ok(SyncWindow::default()));
}

#[test]
fn a_pattern_of_another_dialect_is_refused_with_the_reason() {
    let refused = |cron: &str| match SyncWindow::parse(cron, SyncWindow::DEFAULT_ZONE) {
        Err(WindowError::Cron(why)) => why,
        other => panic!("{cron}: {other:?}"),
    };
    assert_eq!(refused("0 */15 12-23 * * 1-5"), "it has 6 fields");
    assert_eq!(refused("0 */15 12-23 * * 1-5 2027"), "it has 7 fields");
    assert_eq!(refused("* * * *"), "it has 4 fields");
    assert_eq!(refused("hourly"), "it has 1 field");
    assert_eq!(refused(""), "it has 0 fields");
    assert_eq!(refused("@daily"), "a nickname names no hours");
    assert_eq!(refused("0 0 30 2 *"), "there is no such day");
    for wrong in
        ["60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8", "a b c d e", "0 5-3 * * *"]
    {
        assert!(!refused(wrong).is_empty(), "{wrong}");
    }
}

#[test]
fn a_zone_is_an_iana_name() {
    for wrong in ["", "New York", "Eastern Standard Time", "America/Gotham", "+05:00"] {
        let refused = SyncWindow::parse(SyncWindow::DEFAULT_CRON, wrong);
        assert_eq!(refused, Err(WindowError::Zone), "{wrong}");
    }
}

#[test]
fn a_clock_out_of_its_mind_has_an_answer() {
    for ms in [i64::MIN, -62_135_596_800_000, 95_617_584_000_000, 253_402_300_800_000, i64::MAX] {
        let mad = Timestamp::from_epoch_ms(ms);
        assert_eq!(SyncWindow::default().gate(mad), closed(Outside::Year), "{ms}");
        assert_eq!(SyncWindow::default().next_after(mad), None, "{ms}");
    }
}

/// A field of a pattern: anything, a step, a value or a range.
fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        Just("*".to_owned()),
        (2..=20_u32).prop_map(|step| format!("*/{step}")),
        (min..=max).prop_map(|value| value.to_string()),
        (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
    ]
}

/// Patterns of which each comes to pass.
fn pattern() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

/// Zones whose clocks change at two, at midnight, by half an hour and never.
const ZONES: [&str; 6] = [
    "America/New_York",
    "Europe/London",
    "Africa/Cairo",
    "America/Havana",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
];

proptest! {
    #[test]
    fn s3_the_next_time_is_later_and_inside(
        cron in pattern(),
        zone in proptest::sample::select(&ZONES[..]),
        // 1990 to 2060.
        ms in 631_152_000_000_i64..2_840_140_800_000,
    ) {
        let window = SyncWindow::parse(&cron, zone).unwrap();
        let mut last = Timestamp::from_epoch_ms(ms);
        for _ in 0..20 {
            let next = window.next_after(last).unwrap();
            prop_assert!(next > last, "{next} is not after {last}");
            prop_assert_eq!(next.epoch_ms() % 60_000, 0, "{} is no minute", next);
            prop_assert_eq!(window.gate(next), Ok(()), "{}", next);
            last = next;
        }
    }

    #[test]
    fn s3_about_a_change_of_clocks_nothing_is_left_out(
        cron in pattern(),
        zone in proptest::sample::select(&ZONES[..]),
        // The week about the change in New York, to the second.
        change in proptest::sample::select(&["2026-11-01T06:00:00Z", "2027-03-14T07:00:00Z"][..]),
        seconds in -302_400_i64..302_400,
    ) {
        let window = SyncWindow::parse(&cron, zone).unwrap();
        let start = Timestamp::from_epoch_ms(at(change).epoch_ms() + seconds * 1_000);
        let next = window.next_after(start).unwrap();
        let half_way = Timestamp::from_epoch_ms(start.epoch_ms().midpoint(next.epoch_ms() - 1));
        prop_assert_eq!(window.gate(next), Ok(()), "{}", next);
        prop_assert_eq!(window.next_after(half_way), Some(next), "from half way between {} and {}", start, next);
    }

    #[test]
    fn any_text_has_an_answer(cron in "[0-9*/,@LW#?+ -]{0,20}|.{0,20}", zone in ".{0,20}") {
        let _ = SyncWindow::parse(&cron, &zone);
        let _ = SyncWindow::parse(&cron, "UTC");
    }

    #[test]
    fn any_instant_has_an_answer(
        cron in pattern(),
        zone in proptest::sample::select(&ZONES[..]),
        // Some four thousand years before our era to some eight thousand in it.
        ms in -200_000_000_000_000_i64..200_000_000_000_000,
    ) {
        let (window, at) = (SyncWindow::parse(&cron, zone).unwrap(), Timestamp::from_epoch_ms(ms));
        prop_assert!(window.next_after(at).is_none_or(|next| next > at));
        let _ = window.gate(at);
    }
}
