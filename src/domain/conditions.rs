//! The sources of boards that do not answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::degradation::{Condition, DataSource};
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;

/// The sources of boards that failed. One that is not among them is full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Row>", into = "Vec<Row>")]
pub struct Conditions(BTreeMap<(DataSource, Scope), Condition>);

/// A condition as it is written: a pair is no key of an object in JSON.
#[derive(Serialize, Deserialize)]
struct Row {
    source: DataSource,
    scope: Scope,
    #[serde(flatten)]
    condition: Condition,
}

impl From<Vec<Row>> for Conditions {
    fn from(rows: Vec<Row>) -> Self {
        Self(rows.into_iter().map(|row| ((row.source, row.scope), row.condition)).collect())
    }
}

impl From<Conditions> for Vec<Row> {
    fn from(conditions: Conditions) -> Self {
        let row = |((source, scope), condition)| Row { source, scope, condition };
        conditions.0.into_iter().map(row).collect()
    }
}

impl Conditions {
    /// One source of one board, to be changed.
    pub fn of(&mut self, source: DataSource, scope: Scope) -> &mut Condition {
        self.0.entry((source, scope)).or_default()
    }

    /// What is known of one source of one board; `None` where nothing failed.
    pub fn get(&self, source: DataSource, scope: Scope) -> Option<&Condition> {
        self.0.get(&(source, scope))
    }

    /// Those that are gone, and of what.
    pub fn gone(&self) -> impl Iterator<Item = (Scope, &Condition)> {
        let of_scope = self.0.iter().map(|((_, scope), condition)| (*scope, condition));
        of_scope.filter(|(_, condition)| condition.since().is_some())
    }

    /// Until when any source that a board depends on asks to be left alone, while that is yet to come.
    pub fn asked_to_wait(&self, scope: Scope, now: Timestamp) -> Option<Timestamp> {
        let (team, project) = (Scope { sprint: None, ..scope }, Scope::project(scope.project));
        let parts =
            [(DataSource::WorkItems, team), (DataSource::Sprints, team), (DataSource::Teams, project)];
        parts.into_iter().filter_map(|(source, scope)| self.get(source, scope)?.asked_to_wait(now)).max()
    }

    /// Forgets those of which nothing failed, and those of scopes that `keep` does not name.
    pub fn tidy(&mut self, keep: impl Fn(Scope) -> bool) {
        self.0.retain(|(_, scope), condition| *condition != Condition::default() && keep(*scope));
    }

    /// When to ask next because something failed; `None` when nothing did.
    pub fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.values().filter_map(|condition| condition.next_try(now)).min()
    }
}
