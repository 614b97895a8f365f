//! The targets that boardcast is measured by: each with its limit, and the share of samples that has to keep it.

/// Work items are fresh while they are younger than this.
pub const WORK_ITEMS_FRESH_MS: i64 = 5 * 60_000;

/// Sprints are fresh while they are younger than this.
pub const SPRINTS_FRESH_MS: i64 = 30 * 60_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// How old the work items are of a board that somebody watches.
    WorkItemsFreshness,
    /// How old the sprints are of a board that somebody watches.
    SprintsFreshness,
    /// How long a dashboard waits for its first board.
    Load,
    /// Whether a board that is read is fresh.
    HitRate,
    /// How long news take to a reader.
    Delivery,
}

impl Target {
    /// Every target there is.
    pub const ALL: [Self; 5] =
        [Self::WorkItemsFreshness, Self::SprintsFreshness, Self::Load, Self::HitRate, Self::Delivery];

    /// The word used in health and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorkItemsFreshness => "workItemsFreshness",
            Self::SprintsFreshness => "sprintsFreshness",
            Self::Load => "load",
            Self::HitRate => "hitRate",
            Self::Delivery => "delivery",
        }
    }

    /// A sample is good while it is below this; `None` where a sample is good or not by itself.
    pub const fn below_ms(self) -> Option<i64> {
        match self {
            Self::WorkItemsFreshness => Some(WORK_ITEMS_FRESH_MS),
            Self::SprintsFreshness => Some(SPRINTS_FRESH_MS),
            Self::Load => Some(2_000),
            Self::HitRate => None,
            Self::Delivery => Some(1_000),
        }
    }

    /// The share of good samples that it takes.
    pub const fn share(self) -> f64 {
        match self {
            Self::WorkItemsFreshness | Self::SprintsFreshness => 0.99,
            Self::Load | Self::Delivery => 0.95,
            Self::HitRate => 0.8,
        }
    }

    /// Whether that share itself is enough. A hit rate has to be above it.
    pub const fn is_share_enough(self) -> bool {
        !matches!(self, Self::HitRate)
    }

    /// Whether a share of good samples meets the target.
    pub fn is_met_by(self, share: f64) -> bool {
        share > self.share() || self.is_share_enough() && share >= self.share()
    }

    /// What one sample is.
    pub const fn sample(self) -> &'static str {
        match self {
            Self::WorkItemsFreshness => {
                "every 10 s each board with numbers that a stream shows or that was read in the last 5 minutes: \
                 time since its work items were last compared with the organisation"
            }
            Self::SprintsFreshness => {
                "every 10 s each board with numbers of a team that a stream shows or that was read in the last 5 \
                 minutes: time since the organisation last told the team's sprints"
            }
            Self::Load => {
                "each board that GET snapshot answered whole, from the request to the answer, 503 included; each \
                 stream that began anew and whose boards there are, from its request until the first with numbers \
                 were handed to its socket"
            }
            Self::HitRate => {
                "each read of a board by GET snapshot, 304 included, and each board that a stream began with: a hit \
                 where its work items were compared within 5 minutes; not there or without numbers is none; boards \
                 that hooks alone tell of do not count"
            }
            Self::Delivery => {
                "each write of live events to a reader: from the receipt of the first event's hook, or of the \
                 organisation's answer, until it is handed to the reader's socket"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p7_a_share_that_is_just_enough_is_enough_but_of_a_hit_rate() {
        for target in Target::ALL {
            let exactly = f64::from((target.share() * 100.0) as u32) / 100.0;
            assert_eq!(target.is_met_by(exactly), target != Target::HitRate, "{target:?}");
            assert!(target.is_met_by(1.0) && !target.is_met_by(target.share() - 0.01), "{target:?}");
        }
    }
}
