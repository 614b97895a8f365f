//! Each rule with what decides it, and all of them against the boards and their numbers.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::domain::metrics::{self, MetricSettings, SprintContext};
use crate::domain::sprint::catalogue::BugsBehaviour;
use crate::domain::sprint::catalogue::tests::{catalogue, other_sprint_id, sprint_id};
use crate::domain::testing::{item, other_project, project};
use crate::domain::{SprintId, Timestamp};

fn teams(catalogue: Catalogue) -> Teams {
    let mut teams = Teams::default();
    teams.learn(Arc::new(catalogue));
    teams
}

fn of(teams: &Teams, sprint: Option<SprintId>, change: impl FnOnce(&mut Facts)) -> ItemExplanation {
    explain_item(catalogue().key().scope(sprint), &item(13, 1, change), teams)
}

fn story(facts: &mut Facts) {
    facts.work_item_type = "User Story".into();
}

fn rule<'e>(explanation: &'e ItemExplanation, name: &str) -> &'e RuleApplied {
    explanation.rules.iter().find(|rule| rule.rule == name).unwrap()
}

/// Whether it is on the board, whether it counts, and what decides.
fn told(explanation: &ItemExplanation) -> (Option<bool>, Option<bool>, &str) {
    (explanation.on_board, explanation.counts, &explanation.why)
}

#[test]
fn o8_each_rule_says_why_an_item_is_on_a_board_or_not() {
    let teams = teams(catalogue());
    let of = |change: fn(&mut Facts)| {
        of(&teams, Some(sprint_id()), |facts| {
            story(facts);
            change(facts);
        })
    };
    let (on, off) = (Some(true), Some(false));
    let cases: [(fn(&mut Facts), _); 9] = [
        (|_| {}, (on, on, "is on the board and in the sprint's scope")),
        (|facts| facts.deleted = true, (off, off, "is in the recycle bin")),
        (|facts| facts.project = other_project(), (off, off, "is in another project")),
        (|facts| facts.area_path = "Fabrikam2".into(), (off, off, "its area is none of the team's")),
        (
            |facts| facts.iteration_path = "Fabrikam\\Sprint 2\\Week 1".into(),
            (off, off, "is in another sprint of the team"),
        ),
        (|facts| facts.iteration_path = "Fabrikam".into(), (off, off, "is in none of the team's sprints")),
        (|facts| facts.work_item_type = "Task".into(), (on, off, "is on the task backlog")),
        (|facts| facts.work_item_type = "Epic".into(), (on, off, "is on no backlog of a sprint")),
        (|facts| facts.state = "Removed".into(), (on, off, "is in a Removed state")),
    ];
    for (change, expected) in cases {
        assert_eq!(told(&of(change)), expected);
    }
    let all = of(|_| {});
    assert_eq!((all.title.as_deref(), all.item.number()), (Some("A title"), 13));
    let names: Vec<&str> = all.rules.iter().map(|rule| rule.rule).collect();
    assert_eq!(names, ["notDeleted", "project", "area", "iteration", "backlog", "stateCategory"]);
    assert!(all.rules.iter().all(|rule| rule.holds == on));
    let guide = include_str!("../../../docs/METRICS.md");
    for (change, (on_board, counts, why)) in cases {
        let decides = of(change).rules.into_iter().find(|rule| rule.holds == off);
        let row = decides.map_or("`noTeam`".into(), |rule| format!("| `{}` |", rule.rule));
        assert!(guide.contains(&row), "{row} is not in docs/METRICS.md");
        assert!(counts == on || guide.contains(why), "`{why}` is not in docs/METRICS.md: {on_board:?}");
    }
}

#[test]
fn o8_each_rule_shows_what_of_the_item_and_of_the_teams_settings_decides() {
    let mut own = catalogue();
    own.bugs_behaviour = BugsBehaviour::AsTasks;
    let teams = teams(own);
    let explanation = of(&teams, Some(sprint_id()), |facts| {
        facts.iteration_path = "Fabrikam\\Sprint 2\\Week 1".into();
    });
    let shown = |name| {
        let rule = rule(&explanation, name);
        (rule.item.clone(), rule.board.clone())
    };
    assert_eq!(shown("notDeleted"), (json!({ "deleted": false }), Value::Null));
    let project_of = json!({ "projectId": project(), "project": "Fabrikam" });
    assert_eq!(shown("project"), (project_of.clone(), project_of));
    assert_eq!(
        shown("area"),
        (
            json!({ "path": "Fabrikam" }),
            json!({ "areas": [{ "path": "Fabrikam", "includeChildren": true }], "teamField": null })
        )
    );
    assert_eq!(
        shown("iteration"),
        (
            json!({ "path": "Fabrikam\\Sprint 2\\Week 1", "sprint": "Fabrikam\\Sprint 2" }),
            json!({ "sprint": "Fabrikam\\Sprint 1", "path": "Fabrikam\\Sprint 1" })
        )
    );
    assert_eq!(
        shown("backlog"),
        (
            json!({ "type": "Bug", "backlog": "task" }),
            json!({
                "requirementTypes": ["User Story"], "taskTypes": ["Task"], "bugTypes": ["Bug"],
                "bugsBehaviour": "asTasks",
            })
        )
    );
    let (state, states) = shown("stateCategory");
    assert_eq!(state, json!({ "state": "New", "category": "Proposed" }));
    assert_eq!(states["states"]["Removed"], "Removed");
}

#[test]
fn o8_what_could_not_be_read_of_a_team_is_neither_yes_nor_no() {
    let without = |part| Catalogue { unread: BTreeSet::from([part]), ..catalogue() };
    let cases = [
        (
            Catalogue { areas: Vec::new(), ..without(CataloguePart::Areas) },
            None,
            "the team's areas cannot be read",
        ),
        (
            Catalogue { iterations: Vec::new(), ..without(CataloguePart::Sprints) },
            None,
            "the team's sprints cannot be read",
        ),
        (
            Catalogue { team_field: Some("Custom.Team".into()), areas: Vec::new(), ..catalogue() },
            None,
            OTHER_TEAM_FIELD,
        ),
        (
            Catalogue { requirement_types: BTreeSet::new(), ..without(CataloguePart::Backlogs) },
            Some(true),
            "which types are on the team's backlogs cannot be read",
        ),
        (
            Catalogue { states: Default::default(), ..without(CataloguePart::States) },
            Some(true),
            "the states of its type cannot be read",
        ),
    ];
    for (catalogue, on_board, why) in cases {
        let explanation = of(&teams(catalogue), Some(sprint_id()), story);
        assert_eq!(told(&explanation), (on_board, None, why));
    }
    // What does not hold decides, whatever else cannot be told.
    let unread = Catalogue { areas: Vec::new(), ..without(CataloguePart::Areas) };
    let elsewhere = of(&teams(unread), Some(sprint_id()), |facts| facts.iteration_path = "Fabrikam".into());
    assert_eq!((elsewhere.on_board, elsewhere.counts), (Some(false), Some(false)));
}

#[test]
fn o8_between_two_sprints_and_without_a_team_a_board_shows_what_is_in_none() {
    let teams = teams(catalogue());
    let between = |path: &str| of(&teams, None, |facts| facts.iteration_path = path.into());
    assert_eq!(told(&between("Fabrikam")), (Some(true), None, "is on the board"));
    let planned = between("Fabrikam\\Sprint 2");
    assert_eq!(told(&planned), (Some(false), None, "is in a sprint of the team, which is between two"));
    let of_project = |area: &str| {
        let item = item(13, 1, |facts| facts.area_path = area.into());
        explain_item(Scope::project(project()), &item, &teams)
    };
    assert_eq!(told(&of_project("Other")), (Some(true), None, "is on the board"));
    let of_team = of_project("Fabrikam");
    assert_eq!(told(&of_team), (Some(false), None, "its area is a team's"));
    assert_eq!(of_team.rules.len(), 3);
}

#[test]
fn o8_of_what_may_not_be_shown_nothing_is_told_but_the_number() {
    for was_ours in [false, true] {
        let unknown = explain_unknown(WorkItemId::new(13).unwrap(), was_ours);
        let json = serde_json::to_value(&unknown).unwrap();
        let rest = json!({
            "item": 13, "onBoard": false, "counts": null, "why": json["why"], "rules": [], "elsewhere": [],
        });
        assert_eq!(json, rest);
    }
    let why = [false, true].map(|was| explain_unknown(WorkItemId::new(13).unwrap(), was).why);
    assert_ne!(why[0], why[1]);
}

/// Every combination of the values that rules look at: the board shows what is said to be on it, and its number of items
/// counts what is said to count.
#[test]
fn o8_the_rules_are_those_by_which_boards_show_and_count() {
    let teams = teams(catalogue());
    let own = catalogue();
    let mut seen = BTreeSet::new();
    for deleted in [false, true] {
        for place in [project(), other_project()] {
            for area in ["Fabrikam", "Fabrikam\\Deep", "Fabrikam2"] {
                for iteration in
                    ["Fabrikam", "Fabrikam\\Sprint 1", "Fabrikam\\Sprint 2", "Fabrikam\\Sprint 10"]
                {
                    for work_item_type in ["User Story", "Bug", "Task", "Epic"] {
                        for state in ["New", "Closed", "Removed", "Unheard"] {
                            let item = item(13, 1, |facts| {
                                facts.deleted = deleted;
                                facts.project = place;
                                facts.area_path = area.into();
                                facts.iteration_path = iteration.into();
                                facts.work_item_type = work_item_type.into();
                                facts.state = state.into();
                            });
                            for sprint in [Some(sprint_id()), Some(other_sprint_id()), None] {
                                let board = own.key().scope(sprint);
                                let explanation = explain_item(board, &item, &teams);
                                let is_shown = teams.boards_of(&item).contains(&board);
                                assert_eq!(explanation.on_board, Some(is_shown), "{explanation:?}");
                                let counts = sprint.map(|sprint| {
                                    let frame = SprintContext::new(
                                        &own,
                                        own.sprint(sprint).unwrap(),
                                        MetricSettings::default(),
                                    );
                                    let now = Timestamp::from_epoch_ms(0);
                                    let total = metrics::explain(
                                        "items.total",
                                        &frame,
                                        metrics::testing::as_they_are([&item]),
                                        now,
                                    );
                                    !total.unwrap().counted.is_empty()
                                });
                                assert_eq!(explanation.counts, counts, "{explanation:?}");
                                seen.insert((explanation.on_board, explanation.counts));
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
}
