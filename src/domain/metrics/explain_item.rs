//! Why a work item is on a board and in its sprint's scope, or is not: each rule, with what of the item and of the team's
//! own settings decides.

use serde_json::{Value, json};

use crate::domain::wire::item_explanation::{ItemExplanation, RuleApplied};
use crate::domain::wire::view::OTHER_TEAM_FIELD;
use crate::domain::{
    BacklogLevel, Catalogue, CataloguePart, Facts, Iteration, Scope, StateCategory, Teams, WorkItem,
    WorkItemId,
};

const IN_SCOPE: &str = "is on the board and in the sprint's scope";
const ON_BOARD: &str = "is on the board";

/// What is told of a number of which nothing may be told: the same whether there is no such item or it is none of ours.
const UNKNOWN: &str = "no work item with this number is known here: it does not exist, may not be read, is of a project \
                       or team that is not served, or was never seen on a board";

/// The same of one that was on boards of this team: their readers were told that it left.
const LEFT: &str = "was once one of the team's, and is now in no project or area that is served here";

/// Explains an item that some board shows which its reader may see, or would if it were not deleted.
pub fn explain_item(board: Scope, item: &WorkItem, teams: &Teams) -> ItemExplanation {
    let present = item.present();
    let facts = &present.claim.facts;
    let catalogue = teams.catalogue_of(board);
    let mut rules = vec![deleted(facts), project(board, &present.details.project_name, facts, catalogue)];
    match catalogue {
        Some(catalogue) => rules.extend([area(facts, catalogue), iteration(board, facts, catalogue)]),
        None => rules.push(no_team(item, teams)),
    }
    let on_board = all(&rules);
    // Between two sprints, and on a board of no team, nothing counts.
    let counted = catalogue.filter(|_| board.sprint.is_some());
    let of_scope = counted.map(|catalogue| [level(facts, catalogue), category(facts, catalogue)]);
    rules.extend(of_scope.into_iter().flatten());
    let counts = counted.and_then(|_| all(&rules));
    let decides = rules.iter().find(|rule| rule.holds != Some(true)).map(|rule| rule.why);
    let why = decides.unwrap_or(if counted.is_some() { IN_SCOPE } else { ON_BOARD });
    let title = Some(present.details.title.clone());
    ItemExplanation { item: item.id, title, on_board, counts, why: why.into(), rules, elsewhere: Vec::new() }
}

/// Explains a number of which nothing may be shown; `was_ours` says whether the item was ever one of the board's team.
pub fn explain_unknown(item: WorkItemId, was_ours: bool) -> ItemExplanation {
    ItemExplanation::without_item(item, Some(false), if was_ours { LEFT } else { UNKNOWN }.into())
}

/// Whether all rules hold; where one does not it does not matter what cannot be told.
fn all(rules: &[RuleApplied]) -> Option<bool> {
    if rules.iter().any(|rule| rule.holds == Some(false)) {
        return Some(false);
    }
    rules.iter().all(|rule| rule.holds.is_some()).then_some(true)
}

fn deleted(facts: &Facts) -> RuleApplied {
    let why = if facts.deleted { "is in the recycle bin" } else { "is not in the recycle bin" };
    let item = json!({ "deleted": facts.deleted });
    RuleApplied { rule: "notDeleted", holds: Some(!facts.deleted), why, item, board: Value::Null }
}

fn project(
    board: Scope,
    name: &str,
    facts: &Facts,
    catalogue: Option<&std::sync::Arc<Catalogue>>,
) -> RuleApplied {
    let holds = facts.project == board.project;
    RuleApplied {
        rule: "project",
        holds: Some(holds),
        why: if holds { "is in the board's project" } else { "is in another project" },
        item: json!({ "projectId": facts.project, "project": Some(name).filter(|name| !name.is_empty()) }),
        board: json!({
            "projectId": board.project,
            "project": catalogue.map(|catalogue| &catalogue.project_name),
        }),
    }
}

fn area(facts: &Facts, catalogue: &Catalogue) -> RuleApplied {
    let (holds, why) = match &catalogue.team_field {
        Some(_) => (None, OTHER_TEAM_FIELD),
        None if facts.project == catalogue.project && catalogue.is_own_area(&facts.area_path) => {
            (Some(true), "its area is one of the team's")
        }
        None if catalogue.unread.contains(&CataloguePart::Areas) => (None, "the team's areas cannot be read"),
        None => (Some(false), "its area is none of the team's"),
    };
    let areas = catalogue
        .areas
        .iter()
        .map(|area| json!({ "path": area.paths.first(), "includeChildren": area.include_children }));
    RuleApplied {
        rule: "area",
        holds,
        why,
        item: json!({ "path": facts.area_path }),
        board: json!({ "areas": areas.collect::<Vec<_>>(), "teamField": catalogue.team_field }),
    }
}

fn iteration(board: Scope, facts: &Facts, catalogue: &Catalogue) -> RuleApplied {
    let own = catalogue.sprint_of(&facts.iteration_path).filter(|_| facts.project == catalogue.project);
    let is_read = !catalogue.unread.contains(&CataloguePart::Sprints);
    let (holds, why) = match (own.map(|sprint| sprint.id) == board.sprint, own, board.sprint) {
        (true, Some(_), _) => (Some(true), "its iteration is the board's sprint, or lies under it"),
        (_, None, _) if !is_read => (None, "the team's sprints cannot be read"),
        (true, None, _) => (Some(true), "is in none of the team's sprints, as what is shown between two"),
        (false, Some(_), Some(_)) => (Some(false), "is in another sprint of the team"),
        (false, Some(_), None) => (Some(false), "is in a sprint of the team, which is between two"),
        (false, None, _) => (Some(false), "is in none of the team's sprints"),
    };
    let named = |sprint: Option<&Iteration>| sprint.map(|sprint| sprint.name.clone());
    let shown = board.sprint.and_then(|sprint| catalogue.sprint(sprint));
    RuleApplied {
        rule: "iteration",
        holds,
        why,
        item: json!({ "path": facts.iteration_path, "sprint": named(own) }),
        board: json!({ "sprint": named(shown), "path": shown.and_then(|sprint| sprint.paths.first()) }),
    }
}

/// A project's own board shows what is in no team's area.
fn no_team(item: &WorkItem, teams: &Teams) -> RuleApplied {
    let facts = &item.present().claim.facts;
    let holds = teams.homes_of(item).iter().all(|home| home.team.is_none());
    RuleApplied {
        rule: "noTeam",
        holds: Some(holds),
        why: if holds { "its area is no team's" } else { "its area is a team's" },
        item: json!({ "path": facts.area_path }),
        board: Value::Null,
    }
}

fn level(facts: &Facts, catalogue: &Catalogue) -> RuleApplied {
    let level = catalogue.level_of(&facts.work_item_type);
    let (holds, why, backlog) = match level {
        Some(BacklogLevel::Requirement) => (Some(true), "is on the requirement backlog", Some("requirement")),
        Some(BacklogLevel::Task) => (Some(false), "is on the task backlog", Some("task")),
        None if !catalogue.knows_levels() => {
            (None, "which types are on the team's backlogs cannot be read", None)
        }
        None => (Some(false), "is on no backlog of a sprint", None),
    };
    RuleApplied {
        rule: "backlog",
        holds,
        why,
        item: json!({ "type": facts.work_item_type, "backlog": backlog }),
        board: json!({
            "requirementTypes": catalogue.requirement_types,
            "taskTypes": catalogue.task_types,
            "bugTypes": catalogue.bug_types,
            "bugsBehaviour": catalogue.bugs_behaviour,
        }),
    }
}

fn category(facts: &Facts, catalogue: &Catalogue) -> RuleApplied {
    let category = catalogue.category_read(&facts.work_item_type, &facts.state);
    let (holds, why) = match category {
        Some(StateCategory::Removed) => (Some(false), "is in a Removed state"),
        Some(_) => (Some(true), "is in no Removed state"),
        None => (None, "the states of its type cannot be read"),
    };
    RuleApplied {
        rule: "stateCategory",
        holds,
        why,
        item: json!({ "state": facts.state, "category": category }),
        board: json!({ "states": catalogue.states.get(&facts.work_item_type) }),
    }
}

#[cfg(test)]
#[path = "explain_item_tests.rs"]
mod tests;
