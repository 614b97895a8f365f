//! A board as the archive holds it: the numbers that were last said of it, when it was last found equal to its
//! source, and what it is called. It stands in until the journal or the organisation tells what the board is now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::metrics;
use crate::domain::metrics::threshold::AnnouncedValue;
use crate::domain::wire::view::{BoardView, MetricView, Named, ScopeView, SprintView, Unit};
use crate::domain::{Catalogue, History, Hundredths, Scope, Text, Timestamp};

/// What a board is called, and when its sprint is: enough to show it without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// The project's name.
    pub project: Option<Text>,
    /// What is known of the team, as far as it is about this board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Catalogue>,
}

impl About {
    /// What the board of `scope` is called.
    pub fn of(scope: Scope, project: Option<&Text>, team: Option<&Catalogue>) -> Self {
        let of_board = |catalogue: &Catalogue| Catalogue {
            iterations: scope.sprint.and_then(|id| catalogue.sprint(id)).into_iter().cloned().collect(),
            areas: Vec::new(),
            states: BTreeMap::new(),
            capacities: BTreeMap::new(),
            ..catalogue.clone()
        };
        Self { project: project.cloned(), team: team.map(of_board) }
    }
}

/// A board as it was last known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedBoard {
    /// The board, its sprint included.
    pub scope: Scope,
    /// What it is called.
    pub about: About,
    /// What was last said of its metrics, by id, and the unit where that is not the metric's own.
    pub values: BTreeMap<Text, (AnnouncedValue, Option<Unit>)>,
    /// When it was last found equal to its source.
    pub as_of: Timestamp,
}

impl ArchivedBoard {
    /// The name of its team, for display.
    pub fn team_name(&self) -> Option<&Text> {
        self.about.team.as_ref().map(|team| &team.team_name)
    }

    /// The names that people know it by.
    pub fn scope_view(&self) -> ScopeView {
        ScopeView::of(self.scope, self.about.project.clone(), self.about.team.as_ref())
    }

    /// The board: its numbers as they were, and none of its items. The days that are left are those of today, because
    /// the calendar is known.
    pub fn view(&self, now: Timestamp) -> BoardView {
        let team = self.about.team.as_ref();
        let sprint = team.and_then(|team| Some(SprintView::of(team, team.sprint(self.scope.sprint?)?, now)));
        let days_left = sprint.as_ref().and_then(|sprint| sprint.days_left).map(Hundredths::whole);
        let value = |id: &str, said: &AnnouncedValue| match id {
            metrics::SPRINT_DAYS_LEFT => said.value().and(days_left),
            _ => said.value(),
        };
        let metric = |(id, (said, unit)): (&Text, &(AnnouncedValue, Option<Unit>))| {
            let metric = metrics::metric(id)?;
            let value = value(metric.id, said);
            let reason = value.is_none().then_some("it had no number when it was last known");
            let view = metric.view_of(value, reason);
            Some((metric.id, MetricView { unit: unit.unwrap_or(metric.unit), ..view }))
        };
        BoardView {
            project: Named { id: self.scope.project, name: self.about.project.clone() },
            team: self.scope.team.map(|id| Named { id, name: self.team_name().cloned() }),
            next_sprint: sprint.is_none().then_some(None),
            sprint,
            metrics: self.values.iter().filter_map(metric).collect(),
            states: Vec::new(),
            items: Some(Vec::new()),
            burndown: None,
            outlook: None,
            scope_changes: Vec::new(),
            last_change: None,
            history: History::Partial,
            backfill: None,
            missing: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sprint::catalogue::tests::{catalogue, sprint_id};

    #[test]
    fn f6_a_remembered_board_has_its_numbers_and_names_and_no_items() {
        let team = catalogue();
        let scope = team.key().scope(Some(sprint_id()));
        let about = About::of(scope, Some(&"Fabrikam".into()), Some(&team));
        let about: About = serde_json::from_slice(&serde_json::to_vec(&about).unwrap()).unwrap();
        let number = |units| AnnouncedValue::Number(Hundredths::whole(units));
        let values = [
            ("points.total", number(40)),
            ("sprint.days_left", number(9)),
            ("points.completed", AnnouncedValue::NumberGone),
            ("velocity.average", number(5)),
            ("of.a_later_version", number(1)),
        ];
        let unit = |id| (id == "velocity.average").then_some(Unit::Items);
        let values = values.map(|(id, said)| (Text::from(id), (said, unit(id)))).into();
        let board = ArchivedBoard { scope, about, values, as_of: Timestamp::from_epoch_ms(0) };
        assert_eq!(board.scope_view().sprint, Some(team.sprint(sprint_id()).unwrap().name.clone()));
        let sprint = team.sprint(sprint_id()).unwrap();
        let last_day = team.calendar().end_of(sprint.finish.unwrap()).epoch_ms() - 1;
        let view = board.view(Timestamp::from_epoch_ms(last_day));
        let value = |id| view.metrics[id].value;
        assert_eq!(value("points.total"), Some(Hundredths::whole(40)));
        let left = view.sprint.as_ref().unwrap().days_left.unwrap();
        assert!(left < 9, "{left}");
        assert_eq!(value("sprint.days_left"), Some(Hundredths::whole(left)), "as the calendar says today");
        assert_eq!(value("points.completed"), None);
        let unit = |id| view.metrics[id].unit;
        assert_eq!([unit("velocity.average"), unit("points.total")], [Unit::Items, Unit::Points]);
        assert!(view.metrics["points.completed"].reason.is_some());
        assert_eq!(view.metrics.len(), 4, "what nobody here knows is left out");
        assert_eq!(view.items.unwrap().len(), 0);
        assert_eq!(view.team.unwrap().name, Some(team.team_name.clone()));
        assert!(board.about.team.unwrap().areas.is_empty(), "no more is kept than is shown");
    }
}
