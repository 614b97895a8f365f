//! That a board is of another level, as an event.

use crate::domain::wire::event::Body;
use crate::domain::wire::outage::{LOADING, Outage};
use crate::domain::{Level, Timestamp};

/// The event that tells of another level, or that a board which stays full waits; `down_since` is since when it was less.
pub(crate) fn level_change(
    from: Level,
    to: Level,
    outage: Option<&Outage>,
    down_since: Option<Timestamp>,
    now: Timestamp,
) -> Body {
    match to {
        Level::Full if outage.is_none() => {
            // A clock that was set back meanwhile tells of no time.
            Body::Recovered { from, down_for_ms: down_since.map_or(0, |since| now.ms_since(since).max(0)) }
        }
        level => Body::Degraded {
            from,
            to: level,
            reason: outage.map_or_else(|| LOADING.into(), |outage| outage.reason.clone()),
            since: outage.and_then(|outage| outage.since).unwrap_or(now),
            retry_at: outage.and_then(|outage| outage.retry_at),
            remedy: outage.and_then(|outage| outage.remedy.clone()),
        },
    }
}
