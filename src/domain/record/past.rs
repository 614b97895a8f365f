//! How far back the lives of the teams' items are known, and how far that was read, as part of the record of what the
//! organisation answered.

use serde::{Deserialize, Serialize};

use crate::domain::wire::view::{PastProgress, RevisionsRead};
use crate::domain::{Text, Timestamp};

/// From when on the lives of a team's items are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPast {
    /// From that moment on.
    pub from: Timestamp,
    /// Of which areas, as a hash: of one that came later nobody looked for items.
    pub areas: u64,
}

/// How far the past is read, while it is. It is written together with what was read, so whoever dies over it leaves it to the
/// next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastReading {
    /// The beginning of the window.
    pub from: Timestamp,
    /// When reading began: what happens since comes by itself.
    pub until: Timestamp,
    /// The areas of which teams, as a hash: where there are others, reading begins anew.
    pub areas: u64,
    /// Where to read on in the feed of revisions; `None` before its first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Text>,
    /// Whether the feed was read to its end. What it does not tell is asked for then.
    #[serde(default)]
    pub is_through: bool,
    /// How many revisions were read, of whatever item.
    #[serde(default)]
    pub revisions: u64,
    /// When the newest of these was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Timestamp>,
    /// For how long it was read, in milliseconds, pauses left out.
    #[serde(default)]
    pub took_ms: u64,
}

/// How much there is to be read, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastEstimate {
    /// How many revisions there are.
    pub revisions: u64,
    /// How long reading the rest takes, in milliseconds.
    pub left_ms: u64,
}

impl PastReading {
    /// Nothing is read yet.
    pub const fn new(from: Timestamp, areas: u64, now: Timestamp) -> Self {
        Self {
            from,
            until: now,
            areas,
            token: None,
            is_through: false,
            revisions: 0,
            reached: None,
            took_ms: 0,
        }
    }

    /// How much there is to be read. The feed does not say it: it is told in the order of dates, so as much of it is taken to
    /// be left as there is time up to the moment at which reading began. `None` before the first page.
    pub fn estimate(&self) -> Option<PastEstimate> {
        let all = u128::from(self.until.ms_since(self.from).unsigned_abs());
        let read = u128::from(self.reached?.ms_since(self.from).unsigned_abs()).min(all);
        if self.is_through || read == all {
            return Some(PastEstimate { revisions: self.revisions, left_ms: 0 });
        }
        let whole = |part: u64| u64::try_from((u128::from(part) * all).checked_div(read)?).ok();
        let left_ms = whole(self.took_ms)?.saturating_sub(self.took_ms);
        Some(PastEstimate { revisions: whole(self.revisions)?, left_ms })
    }
}

impl From<&PastReading> for PastProgress {
    fn from(reading: &PastReading) -> Self {
        let estimate = reading.estimate();
        Self {
            from: reading.from,
            revisions: RevisionsRead {
                read: reading.revisions,
                of: estimate.map(|estimate| estimate.revisions),
            },
            // Nobody can tell how long it takes to ask for what the feed does not tell.
            left_ms: estimate.filter(|_| !reading.is_through).map(|estimate| estimate.left_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_the_past_is_told_by_its_dates() {
        let at = Timestamp::from_epoch_ms;
        let reading = PastReading::new(at(1_000), 7, at(2_000));
        assert_eq!(reading.estimate(), None);
        let read = |reached, revisions, took_ms| {
            let reached = Some(at(reached));
            PastReading { reached, revisions, took_ms, ..reading.clone() }.estimate().unwrap()
        };
        assert_eq!(read(1_250, 2_000, 100), PastEstimate { revisions: 8_000, left_ms: 300 });
        assert_eq!(read(2_000, 6_800, 400), PastEstimate { revisions: 6_800, left_ms: 0 });
        assert_eq!(read(9_000, 6_900, 400), PastEstimate { revisions: 6_900, left_ms: 0 }, "made since");
        let none = PastReading { reached: Some(at(900)), ..reading.clone() };
        assert_eq!(none.estimate(), None, "a server may begin with what was before");
        let through = PastReading { is_through: true, ..none };
        assert_eq!(through.estimate(), Some(PastEstimate { revisions: 0, left_ms: 0 }));
        let told = PastProgress::from(&through);
        assert_eq!(
            (told.revisions.of, told.left_ms),
            (Some(0), None),
            "lives are completed for a while after it"
        );
    }
}
