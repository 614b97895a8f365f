//! What a check came to, board by board.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::Source;
use super::compare::BoardError;
use crate::devops::{ProjectRef, TeamRef};
use crate::domain::scope::{ProjectId, Scope};

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Boards that were compared.
    pub scopes: u32,
    /// Work items that had changed.
    pub changed: u32,
    /// Projects of which some board was not compared, for whatever reason; those boards keep their age.
    pub failed: Vec<ProjectId>,
    /// The first thing that went wrong.
    pub error: Option<String>,
}

/// A check that is under way.
#[derive(Default)]
pub(super) struct UnderWay {
    /// What it came to so far.
    pub(super) check: Check,
    /// The boards that were compared, whatever the sprint.
    pub(super) compared: BTreeSet<Scope>,
}

impl Source {
    /// The first thing that went wrong in the last check of this instance; `None` where nothing did, or there was none.
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Check {
    /// Something that concerns all boards went wrong.
    pub(super) fn failed_to(&mut self, what: &str, error: BoardError) {
        let error = match error {
            BoardError::Call(_, error) => error.to_string(),
            BoardError::Kept(error) => error,
            BoardError::Waiting => "it is not asked now".into(),
            BoardError::Undecided(..) => "it is looked at once more".into(),
        };
        tracing::warn!(error, "could not {what}");
        self.error = self.error.take().or_else(|| Some(format!("could not {what}: {error}")));
    }
}

impl UnderWay {
    /// Counts how the comparison of a board ended: a team's, or, without a team, a project's own.
    pub(super) fn count(
        &mut self,
        project: &ProjectRef,
        team: Option<&TeamRef>,
        result: Result<u32, BoardError>,
    ) {
        let check = &mut self.check;
        let error = match result {
            Ok(changed) => {
                check.scopes += u32::from(team.is_some());
                check.changed = check.changed.saturating_add(changed);
                let team = team.map(|team| team.id);
                self.compared.insert(Scope { project: project.id, team, sprint: None });
                return;
            }
            Err(BoardError::Call(_, error)) => error.to_string(),
            Err(BoardError::Kept(error)) => error,
            Err(BoardError::Waiting) => return check.failed.push(project.id),
            // It is not among those that were compared, so its project is told as one that got no younger.
            Err(BoardError::Undecided(changed, _)) => {
                check.scopes += u32::from(team.is_some());
                check.changed = check.changed.saturating_add(changed);
                return;
            }
        };
        let team = team.map_or("-", |team| &*team.name);
        tracing::warn!(project = %project.name, team, error, "a board could not be compared");
        check.failed.push(project.id);
        let told = || format!("project {}, team {team}: {error}", project.name);
        check.error = check.error.take().or_else(|| Some(told()));
    }
}
