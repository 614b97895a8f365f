//! What is known of teams, and in which sprints they are, as records: committed where it is new, together with what
//! readers of the boards concerned are told.

use std::sync::Arc;
use std::time::Duration;

use crate::board::fold::Fold;
use crate::board::projection::Projection;
use crate::domain::record::delta::Delta;
use crate::domain::scope::{Audience, Scope, SprintId};
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::sprint::teams::{CurrentSprint, TeamKey, Teams};
use crate::domain::sprint::work_item::WorkItem;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, EVENT_BYTES_MAX, Envelope};
use crate::domain::wire::view::{ItemView, board_url};
use crate::journal::{Commit, CommitOutcome, Journal, JournalError, NewEntry, RecordKey};
use crate::platform::clock::Clock;

/// How often a commit that conflicted is built anew.
const CONFLICT_RETRIES_MAX: u32 = 5;

/// How long a writer waits until its own fold knows what it committed.
const FOLD_TIMEOUT: Duration = Duration::from_secs(1);

/// Keeps the records of teams.
pub struct TeamKeeper {
    /// Where they are kept.
    pub journal: Arc<dyn Journal>,
    /// This instance's boards.
    pub fold: Arc<Fold>,
    /// The time, which decides on current sprints.
    pub clock: Clock,
    /// Whether the organisation is simulated.
    pub demo: bool,
}

impl TeamKeeper {
    /// Commits what is now known of a team, unless that is what was known; says whether something was new.
    ///
    /// Errors: the journal failed, or other writers came first time after time.
    pub async fn learn(&self, catalogue: Catalogue, cause: Cause) -> Result<bool, JournalError> {
        let team = catalogue.key();
        self.commit(|state| {
            let known = state.teams().catalogue(team).map(|known| &**known);
            let learnt = match known {
                Some(known) => catalogue.clone().succeeding(known),
                None => catalogue.clone(),
            };
            let is_new = known != Some(&learnt);
            self.commit_of(state, is_new.then_some(learnt), team, cause)
        })
        .await
    }

    /// Commits the current sprint of every team whose dates and the clock say that it is another one; returns how many.
    ///
    /// Errors: as above.
    pub async fn roll_over(&self) -> Result<usize, JournalError> {
        let teams: Vec<TeamKey> = self.fold.read().teams().all().map(|catalogue| catalogue.key()).collect();
        let mut rolled = 0;
        for team in teams {
            let committed = self.commit(|state| self.commit_of(state, None, team, Cause::System)).await?;
            rolled += usize::from(committed);
        }
        Ok(rolled)
    }

    /// Commits that a team is no more; says whether it was known.
    ///
    /// Errors: as above.
    pub async fn forget(&self, team: TeamKey, cause: Cause) -> Result<bool, JournalError> {
        self.commit(|state| self.removal_commit(state, team, cause)).await
    }

    /// The commit by which a team is forgotten; `None` when nobody knows it.
    fn removal_commit(&self, state: &Projection, team: TeamKey, cause: Cause) -> Option<Commit> {
        let known = state.teams().catalogue(team)?;
        let said = state.teams().current(team).flatten();
        let mut commit = Commit::default();
        let mut delta = Delta { forgotten: vec![team], ..Delta::default() };
        for (key, value) in [
            (RecordKey::team(team), None),
            (RecordKey::current_sprint(team), None),
            (RecordKey::teams_of_project(team.project), Some("1".into())),
        ] {
            state.write(&mut commit, &mut delta, key, value);
        }
        // No board follows this one: whoever shows that of `from` takes it off.
        let envelope = state.envelope(team.scope(None), (self.clock)(), cause, self.demo);
        commit.entries.push(begins(&envelope, known, said, None));
        Some(commit.telling(&delta, Audience::Scope(team.scope(None))))
    }

    /// Commits what `build` makes of the fold, anew whenever another instance came first. `false` when there is
    /// nothing to commit.
    async fn commit(&self, build: impl Fn(&Projection) -> Option<Commit>) -> Result<bool, JournalError> {
        for _ in 0..=CONFLICT_RETRIES_MAX {
            let Some(commit) = build(&self.fold.read()) else { return Ok(false) };
            match self.journal.commit(commit).await? {
                CommitOutcome::Committed(ids) => {
                    // Whoever compares items next needs to know the team.
                    if let Some(last) = ids.last() {
                        let _ = tokio::time::timeout(FOLD_TIMEOUT, self.fold.passed(*last)).await;
                    }
                    return Ok(true);
                }
                CommitOutcome::Conflict(conflicts) => self.fold.caught_up(&conflicts).await,
            }
        }
        Err(JournalError::Unavailable("other writers of a team came first, time after time".into()))
    }

    /// The commit by which a team is known as `learnt`, or as it is, and is in the sprint that the clock says; `None`
    /// when that is how it is.
    fn commit_of(
        &self,
        state: &Projection,
        learnt: Option<Catalogue>,
        team: TeamKey,
        cause: Cause,
    ) -> Option<Commit> {
        let now = (self.clock)();
        let known = state.teams().catalogue(team);
        let catalogue = learnt.as_ref().or(known.map(|known| &**known))?;
        let said = state.teams().current(team);
        let sprint = catalogue.current_sprint(now).map(|sprint| sprint.id);
        let rolled = said != Some(sprint);
        if learnt.is_none() && !rolled {
            return None;
        }
        let mut commit = Commit::default();
        let mut delta = Delta::default();
        let mut write =
            |delta: &mut Delta, key, value: Vec<u8>| state.write(&mut commit, delta, key, Some(value.into()));
        if let Some(learnt) = &learnt {
            write(&mut delta, RecordKey::team(team), learnt.encode());
            write(&mut delta, RecordKey::teams_of_project(team.project), b"1".to_vec());
        }
        if rolled {
            let current = CurrentSprint { team, sprint };
            write(&mut delta, RecordKey::current_sprint(team), current.encode());
            delta.sprints.push(current);
        }
        let is_visible = rolled || known.is_none_or(|known| !shows_the_same(known, catalogue));
        if is_visible {
            let envelope = state.envelope(team.scope(sprint), now, cause, self.demo);
            commit.entries.push(begins(&envelope, catalogue, said.flatten(), sprint));
        }
        if let Some(learnt) = &learnt {
            commit.entries.extend(self.moves_of_project(state, learnt, cause, now));
        }
        delta.catalogues.extend(learnt);
        Some(commit.telling(&delta, Audience::Scope(team.scope(sprint))))
    }

    /// The event that tells readers of the project's own board which items come to it and which leave it, because
    /// they are no team's, or a team's now.
    fn moves_of_project(
        &self,
        state: &Projection,
        learnt: &Catalogue,
        cause: Cause,
        now: Timestamp,
    ) -> Option<NewEntry> {
        let scope = Scope::project(learnt.project);
        let mut after: Teams = (**state.teams()).clone();
        after.learn(Arc::new(learnt.clone()));
        let is_shown = |teams: &Teams, item: &WorkItem| teams.boards_of(item).contains(&scope);
        let (mut data, mut added, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for known in state.items() {
            let item = &*known.item;
            match (is_shown(state.teams(), item), is_shown(&after, item)) {
                (false, true) => {
                    added.push(item.id);
                    data.push(ItemView::shown(item, None, now));
                }
                (true, false) => removed.push(item.id),
                _ => {}
            }
        }
        if added.is_empty() && removed.is_empty() {
            return None;
        }
        let (mut added, mut removed) = (added, removed);
        added.sort_unstable();
        removed.sort_unstable();
        let envelope = state.envelope(scope, now, cause, self.demo);
        let body = |data, url| {
            let (added, removed) = (added.clone(), removed.clone());
            Body::WorkitemsUpdated { data, url, added, removed, changed: Vec::new() }
        };
        let whole = event::encode(&envelope, &body(Some(data), None));
        let event = match whole.len() <= EVENT_BYTES_MAX {
            true => whole,
            false => event::encode(&envelope, &body(None, Some(board_url(scope, None)))),
        };
        Some(NewEntry { audience: Audience::Scope(scope), event: Some(event), delta: None })
    }
}

/// Whether a board looks the same by two catalogues. Capacities are in a metric alone, which is announced by itself.
fn shows_the_same(one: &Catalogue, other: &Catalogue) -> bool {
    let without = |catalogue: &Catalogue| Catalogue { capacities: Default::default(), ..catalogue.clone() };
    without(one) == without(other)
}

/// The event that a team's board is from now on that of `to`, or is to be taken anew. Streams send the board after it.
fn begins(
    envelope: &Envelope,
    catalogue: &Catalogue,
    from: Option<SprintId>,
    to: Option<SprintId>,
) -> NewEntry {
    let sprint = to.and_then(|id| catalogue.sprint(id));
    let body = Body::SprintChanged {
        from,
        to,
        start_date: sprint.and_then(|sprint| sprint.start),
        finish_date: sprint.and_then(|sprint| sprint.finish),
    };
    let audience = Audience::Scope(catalogue.key().scope(to));
    NewEntry { audience, event: Some(event::encode(envelope, &body)), delta: None }
}
