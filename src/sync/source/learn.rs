//! What is known of a team: read, told where it cannot be, and kept.

use super::Source;
use super::compare::BoardError;
use crate::devops::{CallError, ProjectRef, TeamRef};
use crate::domain::degradation::{CallOutcome, DataSource, Failure};
use crate::domain::scope::TeamKey;
use crate::domain::sprint::catalogue::{Catalogue, CataloguePart};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;

impl Source {
    /// Reads what is known of a team, and keeps it; returns of when it is, and whether it was known otherwise.
    pub(super) async fn learn(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        cause: Cause,
    ) -> Result<(Timestamp, bool), BoardError> {
        let zone = self.settings.zones.of(team.id, &team.name);
        let key = TeamKey { project: project.id, team: team.id };
        let sprints = (DataSource::Sprints, key.scope(None));
        let missed = self.levels.known(|check| check.team(key).and_then(|check| check.sprint_missed));
        // What was kept from before a failure says nothing about it.
        let has_failed = self.levels.known(|check| check.has_failed(sprints));
        let again = missed.is_some() || has_failed;
        let catalogue = self.lists.catalogue(project, team, zone, again).await;
        let (catalogue, as_of, failed) =
            catalogue.map_err(|error| BoardError::Call(DataSource::Sprints, error))?;
        if let Some(error) = &failed {
            tracing::warn!(project = %project.name, team = %team.name, %error, "a team's sprints cannot be read");
        }
        if let Some(failure) = self.with_what_is_known(&catalogue).without_items() {
            // It has a board all the same, which says why nothing is on it.
            self.teams.learn((*catalogue).clone(), cause).await?;
            return Err(BoardError::Call(DataSource::Sprints, without_items(failure, &catalogue)));
        }
        // Sprints that cannot be read now keep nobody from comparing items by those that are known.
        let (outcome, at) = match failed.map(|error| error.failure).or(catalogue.failed) {
            None => (CallOutcome::Success, as_of),
            Some(failure) => (CallOutcome::Failed(failure), (self.instance.clock)()),
        };
        self.levels.observe(Some(sprints), outcome, at);
        let lacks_sprint = self.lacks_current_sprint(&catalogue);
        let is_confirmed = missed.is_some_and(|missed| missed < as_of);
        if lacks_sprint && !is_confirmed {
            tracing::warn!(
                project = %project.name, team = %team.name,
                "a team's list of sprints lacks the current one; it is looked at once more before it is believed"
            );
            self.levels.found(move |check| {
                let check = check.team_mut(key);
                check.sprint_missed = check.sprint_missed.or(Some(as_of));
            });
            return Ok((as_of, false));
        }
        if missed.is_some() {
            self.levels.found(move |check| check.team_mut(key).sprint_missed = None);
        }
        let is_known_otherwise = self.teams.learn((*catalogue).clone(), cause).await?;
        Ok((as_of, is_known_otherwise))
    }

    /// What was read of a team, with what was known of it where that could not be read.
    fn with_what_is_known(&self, read: &Catalogue) -> Catalogue {
        let known = self.instance.fold.read().teams().catalogue(read.key()).cloned();
        known.map_or_else(|| read.clone(), |known| read.clone().succeeding(&known))
    }

    /// Whether a team is in a sprint that this list of its sprints does not name, or had areas and has none by it.
    fn lacks_current_sprint(&self, catalogue: &Catalogue) -> bool {
        let state = self.instance.fold.read();
        let current = state.teams().current(catalogue.key()).flatten();
        let known = state.teams().catalogue(catalogue.key());
        let is_read = |part| !catalogue.unread.contains(&part);
        is_read(CataloguePart::Sprints) && current.is_some_and(|sprint| catalogue.sprint(sprint).is_none())
            || is_read(CataloguePart::Areas)
                && catalogue.areas.is_empty()
                && known.is_some_and(|known| !known.areas.is_empty())
    }
}

/// That nobody can tell which items are a team's.
fn without_items(failure: Failure, catalogue: &Catalogue) -> CallError {
    let message = match &catalogue.team_field {
        Some(field) => format!("the team selects its work items by the field {field}"),
        None => "the team's sprints or areas cannot be read, and were never known".into(),
    };
    CallError { failure, call: "*/*/_apis/work/teamsettings", status: None, message }
}
