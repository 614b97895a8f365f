//! The days off of sprints that are over: numbers look back over them. They come after everything that boards wait for.

use futures_util::{StreamExt as _, stream};

use super::compare::{BoardError, of_items};
use super::discovery::Discovered;
use super::{Source, TEAMS_AT_ONCE};
use crate::devops::{ProjectRef, TeamRef};
use crate::domain::scope::TeamKey;
use crate::domain::sprint::teams::SPRINTS_BACK;
use crate::domain::wire::event::Cause;

impl Source {
    /// Reads the days off of each team's last sprints, and keeps them.
    pub(super) async fn read_calendars(&self, found: &Discovered, cause: Cause) -> Result<(), BoardError> {
        let teams =
            found.teams.iter().flat_map(|(project, teams)| teams.iter().map(move |team| (project, team)));
        let read = |(project, team): (&ProjectRef, &TeamRef)| {
            let (project, team) = (project.clone(), team.clone());
            async move { self.read_calendar(&project, &team, cause).await }
        };
        let futures: Vec<_> = teams.map(read).collect();
        let results: Vec<_> = stream::iter(futures).buffer_unordered(TEAMS_AT_ONCE as usize).collect().await;
        results.into_iter().collect()
    }

    async fn read_calendar(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        cause: Cause,
    ) -> Result<(), BoardError> {
        let key = TeamKey { project: project.id, team: team.id };
        let Some(catalogue) = self.instance.fold.read().teams().catalogue(key).cloned() else {
            return Ok(());
        };
        let over = catalogue.past_sprints((self.instance.clock)()).take(SPRINTS_BACK);
        let sprints: Vec<_> = over.map(|(_, sprint)| sprint.clone()).collect();
        if sprints.is_empty() {
            return Ok(());
        }
        let days_off = of_items(self.lists.days_off(project, team, sprints).await)?;
        let learnt =
            (*catalogue).clone().with_days_off(days_off.iter().map(|(sprint, days)| (*sprint, days)));
        if learnt != *catalogue {
            self.teams.learn(learnt, cause).await?;
        }
        Ok(())
    }
}
