//! What happened on a board since an instant: its changes, and its numbers then and now.

use std::collections::BTreeMap;

use crate::board::figures::Inputs;
use crate::board::past::NoPast;
use crate::board::snapshot::{Snapshots, Stand};
use crate::board::stand_in::no_numbers;
use crate::domain::metrics::{Figures, SINCE_METRICS};
use crate::domain::wire::since::{SinceAnswer, ThenAndNow};
use crate::domain::{History, Hundredths, Level, Scope, Text, Timestamp};

/// What happened, or that a client has it.
pub struct Since {
    /// `None` where the client has it already.
    pub answer: Option<SinceAnswer>,
    /// Its entity tag.
    pub etag: String,
}

impl Snapshots {
    /// What happened on the board of a team's sprint since an instant, unless the client has what there is.
    ///
    /// Errors: the scope has no team, or that is between two sprints.
    pub fn since(
        &self,
        scope: Scope,
        since: Timestamp,
        has: impl FnOnce(&str) -> bool,
    ) -> Result<Since, NoPast> {
        let until = (self.clock)();
        let state = self.fold.read();
        let level = state.level_here(scope);
        let stand = Stand::of(&state, scope);
        let etag = format!("\"{}-since-{}\"", stand.etag(level).trim_matches('"'), since.epoch_ms());
        if has(&etag) {
            return Ok(Since { answer: None, etag });
        }
        let sprint_id = scope.team.and(scope.sprint).ok_or(match scope.team {
            None => NoPast::WithoutTeam,
            Some(_) => NoPast::BetweenSprints,
        })?;
        let (inputs, teams) = (Inputs::of(&state, scope, until), state.teams().clone());
        let known_from = inputs.known_from;
        let (cursor, data_as_of) = (state.position().to_string(), state.data_as_of(scope));
        let untold = match level {
            _ if state.archived(scope).is_some() => {
                Some("of this board only numbers are remembered, and no work items".into())
            }
            Level::Mock => Some("the board is simulated".into()),
            Level::None => Some(no_numbers(state.outage_here(scope).as_ref())),
            Level::Full | Level::Cached => None,
        };
        drop(state);
        let empty = SinceAnswer {
            since,
            until,
            sprint_id,
            changes: Vec::new(),
            left_out: 0,
            metrics: BTreeMap::new(),
            history: History::Partial,
            partial: untold,
            known_from,
            level,
            data_as_of,
            demo: self.demo,
            mock: level == Level::Mock,
            cursor,
        };
        let answer = match empty.partial {
            Some(_) => empty,
            None => {
                let now = self.calculator.figures(&inputs, until);
                let happened = self.calculator.happened(&inputs, since, until).unwrap_or_default();
                let (then, told) = inputs.as_of(scope.sprint, since, &teams);
                let is_known = inputs.knows_past() && known_from.is_none_or(|known| known <= since);
                let then = is_known.then(|| self.calculator.figures_once(&then, &told, since));
                SinceAnswer {
                    partial: partial(&inputs, since, happened.unknown_items),
                    changes: happened.changes,
                    left_out: happened.left_out,
                    metrics: compared(then.as_ref(), &now),
                    history: now.history,
                    ..empty
                }
            }
        };
        Ok(Since { answer: Some(answer), etag })
    }
}

/// What is not known of that time.
fn partial(inputs: &Inputs, since: Timestamp, unknown_items: u32) -> Option<Text> {
    match (inputs.known_from, unknown_items) {
        _ if !inputs.knows_past() => Some("the team's past is still being read".into()),
        (Some(known), _) if since < known => Some(format!("what was before {known} is not known").into()),
        (_, 0) => None,
        (_, 1) => Some("a revision of one work item is missing".into()),
        (_, items) => Some(format!("revisions of {items} work items are missing").into()),
    }
}

/// The numbers before and after. Where what they are counted in changed, that of before says nothing beside that of now.
fn compared(then: Option<&Figures>, now: &Figures) -> BTreeMap<&'static str, ThenAndNow> {
    let value = |figures: &Figures, id: &str| -> Option<(Hundredths, _)> {
        let metric = figures.metrics.get(id)?;
        Some((metric.value?, metric.unit))
    };
    let pair = |id: &&'static str| {
        let unit = now.metrics.get(*id)?.unit;
        let then =
            then.and_then(|then| value(then, id)).filter(|(_, of)| *of == unit).map(|(value, _)| value);
        Some((*id, ThenAndNow { then, now: value(now, id).map(|(value, _)| value), unit }))
    };
    SINCE_METRICS.iter().filter_map(pair).collect()
}
