//! The days off of sprints that are over: numbers look back over them. They come after everything that boards wait for.

use super::Source;
use super::compare::{BoardError, of_items};
use super::discovery::Discovered;
use crate::devops::{ProjectRef, TeamRef};
use crate::domain::scope::TeamKey;
use crate::domain::sprint::calendar::Span;
use crate::domain::sprint::teams::looked_back_at;
use crate::domain::wire::event::Cause;

impl Source {
    /// Reads the days off of each team's last sprints, and of shorter ones of as many more as numbers look back over, and keeps
    /// them.
    pub(super) async fn read_calendars(&self, found: &Discovered, cause: Cause) -> Result<(), BoardError> {
        let read = |project, team| async move { self.read_calendar(&project, &team, cause).await };
        self.for_each_team(found, read).await
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
        let now = (self.instance.clock)();
        let today = catalogue.calendar().day_of(now);
        let over = looked_back_at(&catalogue, now);
        // Where sprints overlap, one that began before the one under way may not be over.
        let current = catalogue.current_sprint(now).map(|sprint| sprint.id);
        let is_running = |span: Span| span.contains(today);
        let running =
            catalogue.dated().filter(|(span, sprint)| is_running(*span) && Some(sprint.id) != current);
        let sprints: Vec<_> = over.chain(running.map(|(_, sprint)| sprint)).cloned().collect();
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
