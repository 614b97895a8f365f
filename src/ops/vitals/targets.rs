//! What is measured of late, held against the targets.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::Vitals;
use crate::domain::target::Target;
use crate::domain::time::Timestamp;

/// The longest window that samples are remembered for.
pub const HOUR: Duration = Duration::from_hours(1);

/// Samples are counted by slots of this many milliseconds, which is how exact the edge of a window is.
const SLOT_MS: i64 = 10_000;

/// Samples of the last hour, each good or not: by the number of a slot how many were good, and how many there were.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<BTreeMap<i64, (u64, u64)>>);

/// The samples of each target that nothing else remembers.
#[derive(Debug, Default)]
pub struct Targets {
    work_items: Window,
    sprints: Window,
    load: Window,
    delivery: Window,
}

/// How a target is kept, as far as anybody knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// How many samples there are in the last hour.
    pub samples: u64,
    /// The share of good ones; `None` without a sample.
    pub share: Option<f64>,
    /// Whether that is enough; `None` without a sample.
    pub met: Option<bool>,
}

impl Window {
    pub(super) fn record(&self, at: Timestamp, is_good: bool) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest slot is counted on when the clock was set back, so that nothing is forgotten early.
        let newest = slots.last_key_value().map_or(i64::MIN, |(number, _)| *number);
        let number = newest.max(slot(at));
        let (good, all) = slots.entry(number).or_default();
        (*good, *all) = (*good + u64::from(is_good), *all + 1);
        if number > newest {
            *slots = slots.split_off(&(number - slots_of(HOUR) + 1));
        }
    }

    /// How many samples were good, and how many there were, in the window that ends at `now`.
    pub(super) fn counts(&self, now: Timestamp, window: Duration) -> (u64, u64) {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let within = slots.range(slot(now) - slots_of(window) + 1..);
        within.fold((0, 0), |sum, (_, slot)| (sum.0 + slot.0, sum.1 + slot.1))
    }
}

/// The share of good samples; `None` without a sample.
pub(super) fn share((good, all): (u64, u64)) -> Option<f64> {
    (all > 0).then(|| good as f64 / all as f64)
}

/// The number of the slot of a moment.
const fn slot(at: Timestamp) -> i64 {
    at.epoch_ms().div_euclid(SLOT_MS)
}

/// How many slots a window has.
const fn slots_of(window: Duration) -> i64 {
    window.as_millis() as i64 / SLOT_MS
}

impl Vitals {
    /// Counts a sample of a target that has a limit.
    pub fn measure(&self, target: Target, at: Timestamp, ms: i64) {
        let is_good = target.below_ms().is_some_and(|limit| ms < limit);
        self.window(target).record(at, is_good);
    }

    /// How a target was kept in the hour that ends at `now`.
    pub fn figure(&self, target: Target, now: Timestamp) -> Figure {
        let counts = self.window(target).counts(now, HOUR);
        let share = share(counts);
        Figure { samples: counts.1, share, met: share.map(|share| target.is_met_by(share)) }
    }

    /// The same of every target, as it is told in the details of health.
    pub fn figures(&self, now: Timestamp) -> Value {
        let row = |target: Target| {
            let Figure { samples, share, met } = self.figure(target, now);
            let wanted = if target.is_share_enough() { "shareAtLeast" } else { "shareAbove" };
            let mut limits = json!({ wanted: target.share() });
            if let (Some(limits), Some(ms)) = (limits.as_object_mut(), target.below_ms()) {
                limits.insert("belowMs".into(), ms.into());
            }
            let window_ms = u64::try_from(HOUR.as_millis()).unwrap_or(u64::MAX);
            let population = json!({ "count": samples, "of": target.sample(), "windowMs": window_ms });
            let row = json!({ "share": share, "met": met, "target": limits, "population": population });
            (target.as_str().to_owned(), row)
        };
        Value::Object(Target::ALL.map(row).into_iter().collect())
    }

    const fn window(&self, target: Target) -> &Window {
        match target {
            Target::WorkItemsFreshness => &self.targets.work_items,
            Target::SprintsFreshness => &self.targets.sprints,
            Target::Load => &self.targets.load,
            Target::HitRate => self.reads.window(),
            Target::Delivery => &self.targets.delivery,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_epoch_ms(ms)
    }

    #[test]
    fn p7_a_sample_is_good_below_the_limit_and_not_at_it() {
        let vitals = Vitals::default();
        assert_eq!(vitals.figure(Target::Load, at(0)), Figure { samples: 0, share: None, met: None });
        vitals.measure(Target::Load, at(0), 1_999);
        assert_eq!(vitals.figure(Target::Load, at(0)).met, Some(true));
        vitals.measure(Target::Load, at(0), 2_000);
        let figure = vitals.figure(Target::Load, at(0));
        assert_eq!(figure, Figure { samples: 2, share: Some(0.5), met: Some(false) });
        assert_eq!(vitals.figure(Target::Delivery, at(0)).met, None, "each has samples of its own");
        assert_eq!(vitals.figure(Target::Load, at(60 * MINUTE_MS)).met, None, "an hour later");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let window = Window::default();
        (0..10_000).for_each(|slot| window.record(at(slot * SLOT_MS), true));
        assert_eq!(window.0.lock().unwrap().len(), 360);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let window = Window::default();
        window.record(at(60 * MINUTE_MS), true);
        window.record(at(0), false);
        for now in [0, 60 * MINUTE_MS] {
            assert_eq!(window.counts(at(now), Duration::from_mins(5)), (1, 2));
        }
    }
}
