//! A sprint ends and the next begins: the current sprint of a team is a record, which changes when the team's dates and
//! the clock say so. Folds change with the record, never by clocks of their own.

use crate::domain::scope::TeamKey;
use crate::domain::wire::event::Cause;
use crate::write::commit::CommitError;
use crate::write::teams::TeamKeeper;

impl TeamKeeper {
    /// Commits the current sprint of every team whose dates and the clock say that it is another one; returns how many.
    ///
    /// Errors: the journal failed, or other writers came first each time. Teams before that one rolled over.
    pub async fn roll_over(&self) -> Result<usize, CommitError> {
        let teams: Vec<TeamKey> =
            self.instance.fold.read().teams().all().map(|catalogue| catalogue.key()).collect();
        let mut rolled = 0;
        for team in teams {
            let committed = self.commit(|state| self.commit_of(state, None, team, Cause::System)).await?;
            rolled += usize::from(committed);
        }
        Ok(rolled)
    }
}
