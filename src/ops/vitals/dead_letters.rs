//! Payloads of no use: how many for each reason, and what is known of the last ones. Never what they hold.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::domain::time::Timestamp;

/// How many dead letters are remembered.
const REMEMBERED: usize = 100;

/// How many characters are kept of the event type, which is the sender's word.
const EVENT_TYPE_CHARS_MAX: usize = 64;

/// Dead letters by reason, and the last 100 of them.
#[derive(Debug, Default)]
pub struct DeadLetters(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_reason: BTreeMap<&'static str, u64>,
    /// As they are told in the details of health, newest first.
    last: VecDeque<Value>,
}

impl DeadLetters {
    pub(super) fn record(&self, at: Timestamp, reason: &'static str, size: u64, event_type: Option<&str>) {
        let event_type = event_type.map(|text| text.chars().take(EVENT_TYPE_CHARS_MAX).collect::<String>());
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state.by_reason.entry(reason).or_default() += 1;
        state.last.push_front(json!({ "at": at, "reason": reason, "size": size, "eventType": event_type }));
        state.last.truncate(REMEMBERED);
    }

    /// How many there were for each reason. Those of `reasons` that never occurred are in it with 0, so that a
    /// monitor sees their first occurrence as an increase.
    pub fn by_reason(&self, reasons: &[&'static str]) -> BTreeMap<&'static str, u64> {
        let mut counts: BTreeMap<_, _> = reasons.iter().map(|reason| (*reason, 0)).collect();
        counts.extend(&self.0.lock().unwrap_or_else(PoisonError::into_inner).by_reason);
        counts
    }

    /// The last ones, newest first: when each arrived, why it is of no use, its size in bytes and its event.
    pub fn last(&self) -> VecDeque<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Vitals;
    use super::*;

    #[test]
    fn p9_dead_letters_are_counted_by_reason_and_the_last_hundred_remembered() {
        let vitals = Vitals::default();
        for ms in 0..=100 {
            vitals.dead_letter(Timestamp::from_epoch_ms(ms), "empty", 0, None);
        }
        let long = "workitem.".repeat(100);
        vitals.dead_letter(Timestamp::from_epoch_ms(200), "no_date", 12, Some(&long));
        let last = vitals.dead_letters.last();
        assert_eq!((last.len(), &last[99]["at"]), (REMEMBERED, &2.into()));
        assert_eq!(last[0], json!({ "at": 200, "reason": "no_date", "size": 12, "eventType": &long[..64] }));
        let counts = vitals.dead_letters.by_reason(&["too_large"]);
        assert_eq!(counts, BTreeMap::from([("empty", 101), ("no_date", 1), ("too_large", 0)]));
        assert_eq!(vitals.hooks_dead_letter.value(), 102);
    }
}
