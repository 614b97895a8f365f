//! Days by the team's own clock, which is not that of UTC and changes twice a year. Each has its arithmetic beside it.

use super::history_tests::{A, OWN, in_sprint, with_sprints_before};
use super::testing::{at, figures_of, life, noon};
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::catalogue::tests::catalogue;
use crate::domain::sprint::work_item::Facts;

/// The clocks of New York went back on 1 November. Sprint A ends with that Sunday, at 05:00 in UTC; by the clocks of summer, by
/// which it began, it would have ended at 04:00. An item done at 23:30 there was done in sprint A, though it was Monday in UTC;
/// an hour later it is late.
#[test]
fn a_sprint_ends_by_the_teams_own_clock() {
    let mut catalogue = with_sprints_before();
    catalogue.iterations[0].finish = Some("2026-11-01".parse().unwrap());
    let done_at = |date: &str| {
        let item = life(
            1,
            &[
                (1, "2026-10-19T15:00:00Z", &in_sprint(A, "New", 4.0)),
                (2, date, &in_sprint(A, "Closed", 4.0)),
            ],
        );
        let figures = figures_of(&catalogue, &[item], noon());
        let detail = figures.metrics["velocity.completed"].detail.clone().unwrap();
        (detail["sprints"][0]["completed"].as_f64().unwrap(), detail["sprints"][0]["late"].as_f64().unwrap())
    };
    assert_eq!(done_at("2026-11-02T04:30:00Z"), (4.0, 0.0));
    assert_eq!(done_at("2026-11-02T05:30:00Z"), (0.0, 4.0));
}

/// The team's own sprint alone, from one day to another.
fn with_sprint(first: &str, last: &str) -> Catalogue {
    let mut catalogue = catalogue();
    catalogue.iterations.truncate(1);
    catalogue.iterations[0].start = Some(first.parse().unwrap());
    catalogue.iterations[0].finish = Some(last.parse().unwrap());
    catalogue
}

/// An item was blocked long before each sprint, and long after it. By the clocks of New York 1 November had 25 hours, from
/// 04:00 in UTC to 05:00 of the next day, and 8 March had 23, from 05:00 to 04:00. A sprint of 14 days around them has
/// 14 · 24 = 336 hours and one more, or one less; every other day has 24.
#[test]
fn the_days_on_which_the_clocks_change_have_25_hours_and_23() {
    let blocked = |facts: &mut Facts| {
        in_sprint(OWN, "New", 1.0)(facts);
        facts.blocked = true;
    };
    let item = life(
        1,
        &[(1, "2026-01-01T12:00:00Z", &blocked), (2, "2026-12-24T12:00:00Z", &in_sprint(OWN, "New", 1.0))],
    );
    let sprints = [
        ("2026-10-31", "2026-10-31", 24.0),
        ("2026-11-01", "2026-11-01", 25.0),
        ("2026-11-02", "2026-11-02", 24.0),
        ("2026-10-26", "2026-11-08", 337.0),
        ("2026-03-07", "2026-03-07", 24.0),
        ("2026-03-08", "2026-03-08", 23.0),
        ("2026-03-09", "2026-03-09", 24.0),
        ("2026-03-02", "2026-03-15", 335.0),
    ];
    for (first, last, hours) in sprints {
        let catalogue = with_sprint(first, last);
        let figures = figures_of(&catalogue, std::slice::from_ref(&item), at("2026-12-31T12:00:00Z"));
        assert_eq!(figures.value("blocked.hours"), Some(hours), "{first} to {last}");
    }
}

/// Done on Saturday at 23:30, on Sunday at 00:30 and at 23:30, and on Monday at 00:30, all by the clocks of New York, which
/// change on the Sunday: 1 on the Saturday, 1 + 2 + 4 = 7 on the Sunday, and 7 + 8 = 15 on the Monday. With the hours that are
/// right before the change the last or the third would be on another day, with those that are right after it the first or the
/// second.
#[test]
fn what_is_done_around_the_change_of_the_clocks_is_of_its_own_day() {
    let autumn =
        ["2026-11-01T03:30:00Z", "2026-11-01T04:30:00Z", "2026-11-02T04:30:00Z", "2026-11-02T05:30:00Z"];
    let spring =
        ["2026-03-08T04:30:00Z", "2026-03-08T05:30:00Z", "2026-03-09T03:30:00Z", "2026-03-09T04:30:00Z"];
    let sprints = [(autumn, "2026-10-31", "2026-11-02"), (spring, "2026-03-07", "2026-03-09")];
    for (done, first, last) in sprints {
        let items: Vec<_> = (1..)
            .zip([1.0, 2.0, 4.0, 8.0])
            .zip(done)
            .map(|((number, effort), done)| {
                let (new, closed) = (in_sprint(OWN, "New", effort), in_sprint(OWN, "Closed", effort));
                life(number, &[(1, "2026-01-01T12:00:00Z", &new), (2, done, &closed)])
            })
            .collect();
        let burndown = figures_of(&with_sprint(first, last), &items, noon()).burndown.unwrap();
        let completed: Vec<f64> = burndown.days.iter().map(|day| day.completed.unwrap().units()).collect();
        assert_eq!(completed, [1.0, 7.0, 15.0], "{first} to {last}");
    }
}

/// A team in Auckland begins its Tuesday when it is Monday noon in UTC.
#[test]
fn a_team_in_another_zone_plans_on_another_day() {
    let item = life(1, &[(1, "2026-11-16T11:30:00Z", &in_sprint(OWN, "New", 4.0))]);
    let auckland = Catalogue { zone: chrono_tz::Tz::Pacific__Auckland, ..with_sprints_before() };
    let added = |catalogue: &Catalogue| {
        figures_of(catalogue, std::slice::from_ref(&item), noon()).value("scope.added")
    };
    assert_eq!((added(&auckland), added(&with_sprints_before())), (Some(4.0), Some(0.0)));
}
