//! What is known of teams, and in which sprints they are, as records: committed where it is new, together with what
//! readers of the boards concerned are told. When a sprint ends and the next begins is in `rollover`.

use std::sync::Arc;

use bytes::Bytes;

use crate::board::projection::Projection;
use crate::domain::level::Level;
use crate::domain::scope::{Audience, Scope, SprintId, TeamKey};
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::sprint::teams::{CurrentSprint, Teams};
use crate::domain::sprint::work_item::WorkItem;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, Envelope};
use crate::domain::wire::view::ItemView;
use crate::journal::Commit;
use crate::ops::instance::Instance;
use crate::write::commit::{self, CommitBuilder, CommitError};
use crate::write::ingest::encode_bounded;

/// Keeps the records of teams.
pub struct TeamKeeper {
    /// This instance. Its clock decides on current sprints.
    pub instance: Instance,
}

impl TeamKeeper {
    /// Commits what is now known of a team, unless that is what was known; says whether something was new.
    ///
    /// Errors: the journal failed, or other writers came first each time.
    pub async fn learn(&self, catalogue: Catalogue, cause: Cause) -> Result<bool, CommitError> {
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

    /// Commits that a team is no more; says whether it was known.
    ///
    /// Errors: as above.
    pub async fn forget(&self, team: TeamKey, cause: Cause) -> Result<bool, CommitError> {
        self.commit(|state| self.removal_commit(state, team, cause)).await
    }

    /// The commit by which a team is forgotten; `None` when nobody knows it.
    fn removal_commit(&self, state: &Projection, team: TeamKey, cause: Cause) -> Option<Commit> {
        let known = state.teams().catalogue(team)?;
        let current = state.teams().current(team).flatten();
        let mut commit = CommitBuilder::new();
        commit.remove_team(state, team);
        // No board follows this one: a client that shows that of `from` takes it off.
        let envelope = self.envelope(state, team.scope(None), (self.instance.clock)(), cause);
        commit.announce(team.scope(None), begins(&envelope, known, current, None));
        commit.build(Audience::Scope(team.scope(None)))
    }

    /// Commits what `build` makes of the boards; `false` when there is nothing to commit.
    pub(super) async fn commit(
        &self,
        build: impl FnMut(&Projection) -> Option<Commit> + Send,
    ) -> Result<bool, CommitError> {
        let committed = commit::commit(&self.instance, build).await?;
        if let Some(committed) = committed {
            // What compares items next needs to know the team.
            commit::wait_until_folded(&self.instance, committed.position).await;
        }
        Ok(committed.is_some())
    }

    fn envelope(&self, state: &Projection, scope: Scope, now: Timestamp, cause: Cause) -> Envelope {
        state.envelope(scope, now, cause, self.instance.demo)
    }

    /// The commit by which a team is known as `learnt`, or as it is, and is in the sprint that the clock says; `None`
    /// when that is how it is.
    pub(super) fn commit_of(
        &self,
        state: &Projection,
        learnt: Option<Catalogue>,
        team: TeamKey,
        cause: Cause,
    ) -> Option<Commit> {
        let now = (self.instance.clock)();
        let known = state.teams().catalogue(team);
        let catalogue = learnt.as_ref().or(known.map(|known| &**known))?;
        let current = state.teams().current(team);
        let sprint = catalogue.current_sprint(now).map(|sprint| sprint.id);
        let rolled = current != Some(sprint);
        if learnt.is_none() && !rolled {
            return None;
        }
        let mut commit = CommitBuilder::new();
        if rolled {
            commit.put_current_sprint(state, CurrentSprint { team, sprint });
        }
        if rolled || known.is_none_or(|known| !shows_the_same(known, catalogue, sprint)) {
            let begun = team.scope(sprint);
            let level = match state.checked().awaits_comparison(begun) {
                true => Level::None,
                false => state.level(begun),
            };
            let envelope = Envelope { level, ..self.envelope(state, begun, now, cause) };
            commit.announce(team.scope(sprint), begins(&envelope, catalogue, current.flatten(), sprint));
        }
        if let Some(learnt) = learnt {
            if let Some(event) = self.moves_of_project(state, &learnt, cause, now) {
                commit.announce(Scope::project(learnt.project), event);
            }
            commit.put_team(state, learnt);
        }
        commit.build(Audience::Scope(team.scope(sprint)))
    }

    /// The event that tells readers of the project's own board which items come to it and which leave it, because
    /// they are no team's, or a team's now.
    fn moves_of_project(
        &self,
        state: &Projection,
        learnt: &Catalogue,
        cause: Cause,
        now: Timestamp,
    ) -> Option<Bytes> {
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
                    data.push(ItemView::shown(item, None, state.people(), now));
                }
                (true, false) => removed.push(item.id),
                _ => {}
            }
        }
        if added.is_empty() && removed.is_empty() {
            return None;
        }
        added.sort_unstable();
        removed.sort_unstable();
        let body =
            Body::WorkitemsUpdated { data: Some(data), url: None, added, removed, changed: Vec::new() };
        Some(encode_bounded(&self.envelope(state, scope, now, cause), body, scope))
    }
}

/// Whether the board of a sprint looks the same by two catalogues. Capacities, and days off of other sprints, are in metrics
/// alone, which are announced on their own.
fn shows_the_same(one: &Catalogue, other: &Catalogue, sprint: Option<SprintId>) -> bool {
    let span = sprint.and_then(|id| other.sprint(id)).and_then(Iteration::span);
    let without = |catalogue: &Catalogue| {
        let mut catalogue = Catalogue {
            capacities: Default::default(),
            days_off_by: Default::default(),
            ..catalogue.clone()
        };
        catalogue.days_off.retain(|day| span.is_some_and(|span| span.contains(*day)));
        catalogue
    };
    without(one) == without(other)
}

/// The event that a team's board is from now on that of `to`, or is to be taken anew. Streams send the board after it.
fn begins(envelope: &Envelope, catalogue: &Catalogue, from: Option<SprintId>, to: Option<SprintId>) -> Bytes {
    let sprint = to.and_then(|id| catalogue.sprint(id));
    let body = Body::SprintChanged {
        from,
        to,
        start_date: sprint.and_then(|sprint| sprint.start),
        finish_date: sprint.and_then(|sprint| sprint.finish),
    };
    event::encode(envelope, &body)
}
