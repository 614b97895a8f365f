//! What stands in where the organisation is gone and nothing is known that may still be shown, if `BOARDCAST_MOCK` asks
//! for it: boards of a simulated organisation, made from its model. They are marked as such in every payload, shown and
//! never learnt: nothing of them gets into the journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Weekday;
use chrono_tz::Tz;

use super::SEED;
use super::simulation::item::{Item, Revision};
use super::simulation::model::Model;
use super::simulation::organisation::{Person, Project, Sprint, Team, later};
use super::simulation::process::{ItemRank, ItemType};
use crate::board::filter::{self, ScopeFilter};
use crate::board::fold::Fold;
use crate::board::projection::Projection;
use crate::board::snapshot::Snapshots;
use crate::board::stand_in::StandIn;
use crate::domain::amount::Hundredths;
use crate::domain::authorise::AllowedBoards;
use crate::domain::record::delta::Delta;
use crate::domain::scope::{Scope, Text};
use crate::domain::sprint::catalogue::{Area, Catalogue, Iteration, Member};
use crate::domain::sprint::rank::Rank;
use crate::domain::sprint::teams::CurrentSprint;
use crate::domain::sprint::work_item::{Claim, ClaimKind, Details, Facts, Identity, WorkItem, WorkItemId};
use crate::domain::wire::explanation::Explanation;
use crate::domain::wire::view::{BoardView, ScopeView};
use crate::platform::clock::Clock;

/// The boards of an organisation as it is now. It stays as it is: it is a picture, and nobody is to take it for life.
pub fn stand_in(clock: Clock) -> Arc<dyn StandIn> {
    let fold = Arc::new(Fold::default());
    fold.reset(Projection::of(picture(&Model::new(SEED, clock.clone()))));
    let snapshots = Snapshots::new(fold.clone(), Arc::default(), clock, AllowedBoards::default(), true);
    let scopes = snapshots.scopes(&fold.read(), &ScopeFilter::default());
    Arc::new(Picture { fold, snapshots, scopes })
}

struct Picture {
    fold: Arc<Fold>,
    snapshots: Snapshots,
    scopes: Vec<Scope>,
}

impl Picture {
    fn in_place_of(&self, scope: Scope) -> Scope {
        let is_ours = self.scopes.contains(&scope);
        if is_ours { scope } else { filter::pick(&self.scopes, &scope.to_string()).unwrap_or(scope) }
    }
}

impl StandIn for Picture {
    fn boards(&self) -> Vec<(Scope, ScopeView)> {
        let views = Snapshots::views(&self.fold.read(), &self.scopes);
        self.scopes.iter().copied().zip(views).collect()
    }

    fn board(&self, scope: Scope) -> BoardView {
        self.snapshots.view(self.in_place_of(scope))
    }

    fn explain(&self, scope: Scope, metric: &str) -> Option<Explanation> {
        Some(self.snapshots.explain(self.in_place_of(scope), metric)?.explanation)
    }
}

/// All that there is in the organisation, as what one commit would bring.
fn picture(model: &Model) -> Delta {
    let projects = model.organisation.projects.iter();
    let catalogues: Vec<Catalogue> =
        projects.flat_map(|project| project.teams.iter().map(|team| catalogue(project, team))).collect();
    let current = |catalogue: &Catalogue| CurrentSprint {
        team: catalogue.key(),
        sprint: catalogue.current_sprint(model.now()).map(|sprint| sprint.id),
    };
    Delta {
        sprints: catalogues.iter().map(current).collect(),
        catalogues,
        observations: model.items().values().filter_map(|item| work_item(model, item)).collect(),
        ..Delta::default()
    }
}

fn catalogue(project: &Project, team: &Team) -> Catalogue {
    let process = project.process;
    let states = |of: &ItemType| of.states.iter().map(|state| (state.name.into(), state.category)).collect();
    let types_of = |rank| BTreeSet::from([Text::from(process.item_type(rank).name)]);
    let sprints: Vec<&Sprint> = team.sprints.iter().filter_map(|index| project.sprints.get(*index)).collect();
    Catalogue {
        project: project.id.into(),
        project_name: project.name.into(),
        team: team.id.into(),
        team_name: team.name.into(),
        zone: Tz::UTC,
        iterations: sprints.iter().map(|sprint| iteration(sprint)).collect(),
        areas: vec![Area {
            id: Some(team.area_id.into()),
            paths: vec![team.area_path.clone()],
            include_children: true,
        }],
        requirement_types: types_of(ItemRank::Requirement),
        task_types: types_of(ItemRank::Task),
        bug_types: types_of(ItemRank::Bug),
        bugs_behaviour: process.bugs_behavior,
        effort_field: Some(process.effort_field.into()),
        remaining_work_field: None,
        order_field: Some(process.order_field.into()),
        types_without_effort: BTreeSet::new(),
        blocked_by: Default::default(),
        unread: BTreeSet::new(),
        team_field: None,
        failed: None,
        states: process.types.iter().map(|of| (of.name.into(), states(of))).collect(),
        weekdays: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
        days_off: sprints.iter().map(|sprint| later(sprint.start, team.day_off)).collect(),
        days_off_by: sprints
            .iter()
            .map(|sprint| (sprint.id.into(), [later(sprint.start, team.day_off)].into()))
            .collect(),
        capacities: sprints.iter().map(|sprint| (sprint.id.into(), members(team, sprint))).collect(),
    }
}

fn iteration(sprint: &Sprint) -> Iteration {
    Iteration {
        id: sprint.id.into(),
        paths: vec![sprint.path.clone()],
        name: sprint.name.as_str().into(),
        start: Some(sprint.start),
        finish: Some(sprint.finish),
    }
}

fn members(team: &Team, sprint: &Sprint) -> Vec<Member> {
    let member = |who: &Person| Member {
        id: Some(who.id.to_string().into()),
        name: who.name.into(),
        activities: vec![who.activity.into()],
        per_day: Hundredths::from_units(who.capacity_per_day).unwrap_or_default(),
        days_off: who.day_off.map(|day| later(sprint.start, day)).into_iter().collect(),
    };
    team.members.iter().map(member).collect()
}

/// An item with all its revisions.
fn work_item(model: &Model, item: &Item) -> Option<WorkItem> {
    let (project, team) = model.home(item)?;
    let id = WorkItemId::new(item.id)?;
    let identity = |number: usize| {
        team.person(number).map(|who| Identity { id: Some(who.id.to_string().into()), name: who.name.into() })
    };
    let revision = |revision: &Revision| {
        let content = &revision.content;
        let effort = content.effort.and_then(Hundredths::from_units);
        let facts = Facts {
            project: project.id.into(),
            work_item_type: item.item_type.name.into(),
            state: content.state.name.into(),
            iteration_path: content.iteration_path.clone(),
            area_path: team.area_path.clone(),
            effort: Arc::new(
                effort.map(|effort| (project.process.effort_field.into(), effort)).into_iter().collect(),
            ),
            remaining_work: content.remaining_work.and_then(Hundredths::from_units),
            blocked: content.blocked,
            has_more_numbers: false,
            deleted: revision.deleted,
            flags: Arc::default(),
            board_column: None,
        };
        let claim = Claim {
            claimed_at: revision.changed_at.into(),
            kind: ClaimKind::Fetched,
            changed_at: revision.changed_at,
            changed_by: identity(revision.changed_by),
            facts: facts.into(),
        };
        let details = Details {
            title: content.title.clone(),
            assigned_to: content.assigned_to.and_then(identity),
            tags: content.blocked.then(|| "Blocked".into()).into_iter().collect(),
            parent: content.parent.and_then(WorkItemId::new),
            project_name: project.name.into(),
            created_at: Some(item.first.changed_at),
            closed_at: revision.closed_at,
            // There is no page of it anywhere.
            url: None,
            ranks: Rank::new(content.rank)
                .map(|rank| (project.process.order_field.into(), rank))
                .into_iter()
                .collect(),
        };
        WorkItem::new(id, revision.rev, claim, details)
    };
    item.revisions().map(revision).reduce(|known, next| known.merge(&next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::ProjectId;
    use crate::domain::time::Timestamp;

    fn at(ms: i64) -> Clock {
        Arc::new(move || Timestamp::from_epoch_ms(ms))
    }

    /// A Wednesday.
    const NOW_MS: i64 = 1_795_636_800_000;

    #[test]
    fn f9_a_board_stands_in_with_a_sprint_under_way_and_numbers_that_are_known() {
        let stand_in = stand_in(at(NOW_MS));
        let projects: Vec<ProjectId> = (1..20).map(|number| uuid::Uuid::from_u128(number).into()).collect();
        let mut teams = BTreeSet::new();
        for project in &projects {
            let board = stand_in.board(Scope::project(*project));
            let sprint = board.sprint.as_ref().unwrap();
            assert!((Some(1)..sprint.working_days).contains(&sprint.days_left), "{sprint:?}");
            // By which tags bugs are marked that escaped is a setting, and not made.
            let can_be_known = |id: &str| !id.ends_with(".escaped");
            let unknown = board.metrics.iter().filter(|(_, metric)| metric.value.is_none());
            let unknown: Vec<_> = unknown.filter(|(id, _)| can_be_known(id)).collect();
            assert!(unknown.is_empty(), "{unknown:?}");
            assert!(board.items.as_ref().unwrap().len() > 10);
            assert!(board.burndown.is_some());
            let again = stand_in.board(Scope::project(*project));
            assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&board).unwrap());
            teams.insert(board.team.unwrap().id);
        }
        assert_eq!(teams.len(), 3, "every team of the organisation stands in for some");
    }

    #[test]
    fn fault_b13_each_simulated_board_stands_in_for_itself_and_its_numbers_are_explained() {
        let stand_in = stand_in(at(NOW_MS));
        let boards = stand_in.boards();
        assert_eq!(boards.len(), 3);
        for (scope, view) in boards {
            let board = stand_in.board(scope);
            assert_eq!((Some(board.project.id), board.team.unwrap().name), (Some(scope.project), view.team));
            let explained = stand_in.explain(scope, "items.total").unwrap();
            assert_eq!(explained.value, board.metrics["items.total"].value);
        }
    }
}
