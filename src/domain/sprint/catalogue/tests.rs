//! A team of the tests, and what its catalogue says of items and days.

use super::*;

pub(crate) fn sprint_id() -> SprintId {
    SprintId::parse("a589a806-bf11-4d4f-a031-c19813331553").unwrap()
}

pub(crate) fn other_sprint_id() -> SprintId {
    SprintId::parse("b589a806-bf11-4d4f-a031-c19813331553").unwrap()
}

fn texts<const N: usize>(texts: [&str; N]) -> BTreeSet<Text> {
    texts.into_iter().map(Text::from).collect()
}

fn iteration(id: SprintId, path: &str, start: &str, finish: &str) -> Iteration {
    let date = |text: &str| Some(text.parse().unwrap());
    Iteration { id, paths: vec![path.into()], name: path.into(), start: date(start), finish: date(finish) }
}

/// Fabrikam's only team: two weeks, Monday 16 to Friday 27 November 2026, Thursday 26 off.
pub(crate) fn catalogue() -> Catalogue {
    use StateCategory::{Completed, InProgress, Proposed, Removed, Resolved};
    let states = [
        ("New", Proposed),
        ("Active", InProgress),
        ("Resolved", Resolved),
        ("Closed", Completed),
        ("Removed", Removed),
    ];
    let states: BTreeMap<Text, StateCategory> =
        states.into_iter().map(|(state, category)| (state.into(), category)).collect();
    let types = ["User Story", "Task", "Bug", "Epic"];
    let member = Member {
        id: None,
        name: "Jamal".into(),
        activities: vec!["Development".into()],
        per_day: Hundredths::from_units(6.0).unwrap(),
        days_off: ["2026-11-26", "2026-11-27"].map(|day| day.parse().unwrap()).into(),
    };
    Catalogue {
        project: crate::domain::testing::project(),
        project_name: "Fabrikam".into(),
        team: TeamId::parse("c589a806-bf11-4d4f-a031-c19813331553").unwrap(),
        team_name: "Web".into(),
        zone: Tz::America__New_York,
        iterations: vec![
            iteration(sprint_id(), "Fabrikam\\Sprint 1", "2026-11-16", "2026-11-27"),
            iteration(other_sprint_id(), "Fabrikam\\Sprint 2", "2026-11-30", "2026-12-11"),
        ],
        areas: vec![Area {
            id: AreaId::parse("d589a806-bf11-4d4f-a031-c19813331553"),
            paths: vec!["Fabrikam".into()],
            include_children: true,
        }],
        requirement_types: texts(["User Story"]),
        task_types: texts(["Task"]),
        bug_types: texts(["Bug"]),
        bugs_behaviour: BugsBehaviour::AsRequirements,
        effort_field: Some("Microsoft.VSTS.Scheduling.StoryPoints".into()),
        remaining_work_field: None,
        order_field: Some("Microsoft.VSTS.Common.StackRank".into()),
        types_without_effort: BTreeSet::new(),
        blocked_by: Default::default(),
        unread: BTreeSet::new(),
        team_field: None,
        failed: None,
        states: types.into_iter().map(|name| (name.into(), states.clone())).collect(),
        weekdays: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
        days_off: BTreeSet::from(["2026-11-26".parse().unwrap()]),
        days_off_by: BTreeMap::new(),
        capacities: BTreeMap::from([(sprint_id(), vec![member])]),
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn a_catalogue_is_read_back_as_it_was_written() {
    let text = serde_json::to_string(&catalogue()).unwrap();
    assert_eq!(serde_json::from_str::<Catalogue>(&text).unwrap(), catalogue());
    assert!(serde_json::from_str::<Catalogue>(&text.replace("America/New_York", "Mars")).is_err());
    // A record from before that field was asked for.
    let earlier = text.replace("order_field", "unknown");
    assert_eq!(
        serde_json::from_str::<Catalogue>(&earlier).unwrap(),
        Catalogue { order_field: None, ..catalogue() }
    );
}

#[test]
fn the_current_sprint_is_that_of_today_in_the_teams_zone() {
    let catalogue = catalogue();
    let current = |text: &str| catalogue.current_sprint(at(text)).map(|sprint| sprint.id);
    assert_eq!(current("2026-11-16T04:59:59Z"), None);
    assert_eq!(current("2026-11-16T05:00:00Z"), Some(sprint_id()));
    assert_eq!(current("2026-11-28T04:59:59Z"), Some(sprint_id()));
    assert_eq!(current("2026-11-28T05:00:00Z"), None);
    let next = catalogue.next_sprint(at("2026-11-28T05:00:00Z")).map(|sprint| sprint.id);
    assert_eq!(next, Some(other_sprint_id()));
    let state = |text: &str| catalogue.sprint_state(&catalogue.iterations[0], at(text)).unwrap();
    assert_eq!(state("2026-11-15T12:00:00Z"), SprintState::Future);
    assert_eq!(state("2026-11-16T12:00:00Z"), SprintState::Current);
    assert_eq!(state("2026-11-28T12:00:00Z"), SprintState::Past);
}

#[test]
fn of_two_sprints_that_contain_today_the_later_start_wins() {
    let mut catalogue = catalogue();
    catalogue.iterations[1].start = Some("2026-11-25".parse().unwrap());
    let current = |text: &str| catalogue.current_sprint(at(text)).map(|sprint| sprint.id);
    assert_eq!(current("2026-11-24T12:00:00Z"), Some(sprint_id()));
    assert_eq!(current("2026-11-25T12:00:00Z"), Some(other_sprint_id()));
}

#[test]
fn a_sprint_without_dates_or_with_reversed_ones_is_never_current() {
    let mut catalogue = catalogue();
    catalogue.iterations[0].finish = None;
    assert!(catalogue.current_sprint(at("2026-11-18T12:00:00Z")).is_none());
    catalogue.iterations[0].finish = Some("2026-11-01".parse().unwrap());
    assert!(catalogue.current_sprint(at("2026-11-18T12:00:00Z")).is_none());
}

#[test]
fn paths_match_whole_names() {
    let mut sprint = catalogue().iterations[0].clone();
    sprint.paths.push("Fabrikam\\Old name".into());
    for path in ["Fabrikam\\Sprint 1", "Fabrikam\\Sprint 1\\Week 1", "Fabrikam\\Old name"] {
        assert!(sprint.contains(path), "{path}");
    }
    for path in ["Fabrikam", "Fabrikam\\Sprint 10", ""] {
        assert!(!sprint.contains(path), "{path}");
    }
    let mut catalogue = catalogue();
    assert!(catalogue.is_own_area("Fabrikam\\Web") && !catalogue.is_own_area("FabrikamX"));
    catalogue.areas[0].include_children = false;
    assert!(catalogue.is_own_area("Fabrikam") && !catalogue.is_own_area("Fabrikam\\Web"));
}

#[test]
fn bugs_are_where_the_team_wants_them_and_nowhere_twice() {
    let mut catalogue = catalogue();
    let level = |catalogue: &Catalogue| catalogue.level_of("Bug");
    assert_eq!(level(&catalogue), Some(BacklogLevel::Requirement));
    catalogue.bugs_behaviour = BugsBehaviour::AsTasks;
    assert_eq!(level(&catalogue), Some(BacklogLevel::Task));
    catalogue.bugs_behaviour = BugsBehaviour::Off;
    assert_eq!((level(&catalogue), catalogue.level_of("Epic")), (None, None));
}

#[test]
fn a_state_that_nothing_is_known_of_counts_as_not_started_and_can_be_listed() {
    let catalogue = catalogue();
    assert_eq!(catalogue.known_category("Bug", "Odd"), None);
    assert_eq!(catalogue.category_of("Bug", "Odd"), StateCategory::Proposed);
    assert_eq!(catalogue.category_of("Bug", "Closed"), StateCategory::Completed);
}

#[test]
fn a_renamed_sprint_or_area_is_found_by_any_of_its_paths() {
    let mut renamed = catalogue();
    renamed.iterations[0].paths = vec!["Fabrikam\\Launch".into()];
    renamed.areas[0].paths = vec!["Contoso".into()];
    let renamed = renamed.succeeding(&catalogue());
    let sprint_of = |path: &str| renamed.sprint_of(path).map(|sprint| sprint.id);
    assert_eq!(sprint_of("Fabrikam\\Launch"), Some(sprint_id()));
    assert_eq!(sprint_of("Fabrikam\\Sprint 1"), Some(sprint_id()));
    assert_eq!(&*renamed.iterations[0].paths[0], "Fabrikam\\Launch");
    assert!(renamed.is_own_area("Contoso\\Web") && renamed.is_own_area("Fabrikam\\Web"));
    assert_eq!(renamed.clone().succeeding(&renamed), renamed);
    // Another sprint that takes over the name of a renamed one is not mistaken for it by what is not its GUID.
    let mut replaced = catalogue();
    replaced.iterations.remove(0);
    assert_eq!(replaced.succeeding(&catalogue()).sprint_of("Fabrikam\\Sprint 1"), None);
}

#[test]
fn of_sprints_within_each_other_the_inner_one_has_the_item() {
    let mut catalogue = catalogue();
    catalogue.iterations[1].paths = vec!["Fabrikam\\Sprint 1\\Week 2".into()];
    let sprint_of = |path: &str| catalogue.sprint_of(path).map(|sprint| sprint.id);
    assert_eq!(sprint_of("Fabrikam\\Sprint 1\\Week 2"), Some(other_sprint_id()));
    assert_eq!(sprint_of("Fabrikam\\Sprint 1\\Week 1"), Some(sprint_id()));
    assert_eq!(sprint_of("Fabrikam"), None);
}

#[test]
fn fault_f3_what_could_not_be_read_stays_as_it_was_known() {
    use CataloguePart::{BugTypes, Capacities, DaysOff, States, WorkingDays};
    let whole = catalogue();
    let mut unread = whole.clone();
    unread.areas[0].id = None;
    unread.states.get_mut("Bug").unwrap().remove("Closed");
    unread.bug_types.clear();
    unread.weekdays.clear();
    unread.days_off.clear();
    unread.capacities.clear();
    unread.unread = BTreeSet::from([BugTypes, Capacities, DaysOff, States, WorkingDays]);
    assert_eq!(unread.clone().succeeding(&whole), whole);
    assert_eq!(unread.clone().succeeding(&unread), unread);
    assert_eq!(whole.clone().succeeding(&unread), whole);
    assert!(!unread.knows_levels() && !unread.knows_working_days());
    assert_eq!(unread.category_read("Bug", "Closed"), None);
}

#[test]
fn the_sprints_that_are_over_come_with_the_last_one_first() {
    let over = |text: &str| {
        let catalogue = catalogue();
        let over = catalogue.past_sprints(at(text)).map(|(span, sprint)| (span.len_days(), sprint.id));
        over.collect::<Vec<_>>()
    };
    assert_eq!(over("2026-11-27T23:00:00Z"), [], "its last day is not over in New York");
    assert_eq!(over("2026-11-28T05:00:00Z"), [(12, sprint_id())]);
    assert_eq!(over("2027-01-01T05:00:00Z"), [(12, other_sprint_id()), (12, sprint_id())]);
}

#[test]
fn fault_g9_days_off_of_sprints_that_were_not_asked_for_stay_and_those_that_were_are_replaced() {
    let days = |days: &[&str]| days.iter().map(|day| day.parse().unwrap()).collect::<BTreeSet<CivilDate>>();
    let read = days(&["2026-11-20", "2026-12-24"]);
    let known = catalogue().with_days_off([(sprint_id(), &read)]);
    assert_eq!(known.days_off, days(&["2026-11-20"]), "in place of the 26th, and no day of another sprint");
    assert_eq!(known.days_off_by, BTreeMap::from([(sprint_id(), days(&["2026-11-20"]))]));
    let later = |days_off: BTreeSet<CivilDate>| {
        Catalogue { days_off: BTreeSet::new(), ..catalogue() }.with_days_off([(other_sprint_id(), &days_off)])
    };
    let both = later(days(&["2026-12-01"])).succeeding(&known);
    assert_eq!(both.days_off, days(&["2026-11-20", "2026-12-01"]));
    assert_eq!(both.days_off_by.len(), 2);
    assert_eq!(later(days(&[])).succeeding(&both).days_off, days(&["2026-11-20"]), "read anew");
    let mut without = later(days(&[]));
    without.iterations.remove(0);
    assert_eq!(without.succeeding(&both).days_off, days(&[]), "it is no sprint of the team any more");
}

#[test]
fn days_off_of_sprints_that_share_days_stay_whichever_is_read_later() {
    let days = |days: &[&str]| days.iter().map(|day| day.parse().unwrap()).collect::<BTreeSet<CivilDate>>();
    let mut overlapping = Catalogue { days_off: BTreeSet::new(), ..catalogue() };
    let last = "2026-12-04".parse().ok();
    overlapping.iterations.iter_mut().find(|sprint| sprint.id == sprint_id()).unwrap().finish = last;
    let (of_one, of_other) = (days(&["2026-11-20", "2026-12-01"]), days(&["2026-12-02", "2026-12-07"]));
    let (one, other) = ((sprint_id(), &of_one), (other_sprint_id(), &of_other));
    let all = days(&["2026-11-20", "2026-12-01", "2026-12-02", "2026-12-07"]);
    for order in [[one, other], [other, one]] {
        let both = overlapping.clone().with_days_off([order[0]]).with_days_off([order[1]]);
        assert_eq!(both.days_off, all, "{order:?}");
        let later = overlapping.clone().with_days_off([order[1]]).succeeding(&both);
        assert_eq!(later.days_off, all, "{order:?}");
    }
    let withdrawn = overlapping.with_days_off([one, other]).with_days_off([(sprint_id(), &days(&[]))]);
    assert_eq!(withdrawn.days_off, of_other, "what only the one had");
}
