//! What the organisation was made to do wrong, and when: what a board's level is said to be for has to be among it.

use std::sync::Mutex;

use serde_json::Value;

use crate::support::organisation::SimulatedFailure;

/// How long a call may last that was made while something was wrong, and how late that is noticed, in milliseconds.
const NOTICED_WITHIN_MS: i64 = 30_000;

/// How long it may take, without Redis for a while too, until it is noticed that something is mended, in milliseconds: a
/// board that was gone for long is asked about every five minutes.
const MENDED_WITHIN_MS: i64 = 6 * 60_000;

/// By how much the clock by which an instance dates may differ from that of the machine, in milliseconds.
const CLOCKS_APART_MS: i64 = 4_000;

/// Reasons that are not the organisation's.
const OTHERS: [&str; 3] = ["journal", "loading", "remembered"];

/// One thing that went wrong.
struct Fault {
    /// The words for it.
    reasons: &'static [&'static str],
    since_ms: i64,
    /// `None` while it is not over.
    until_ms: Option<i64>,
}

/// Everything that went wrong.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Fault>>);

fn now_ms() -> i64 {
    boardcast::platform::clock::system()().epoch_ms()
}

/// What a board that lacks something because of that may say.
fn reasons(failure: &SimulatedFailure) -> &'static [&'static str] {
    match failure {
        SimulatedFailure::TooManyRequests(_) => &["throttled"],
        SimulatedFailure::Unavailable => &["server_error"],
        // The answer asks to be left alone for a while.
        SimulatedFailure::Slow(_) => &["throttled", "timed_out"],
        SimulatedFailure::SignIn => &["unauthorised"],
        // The others are for months of disorder alone.
        SimulatedFailure::Instead(_)
        | SimulatedFailure::Reset
        | SimulatedFailure::Truncated
        | SimulatedFailure::Empty
        | SimulatedFailure::Headed(_)
        | SimulatedFailure::Again => &[],
    }
}

impl Faults {
    /// Something goes wrong from now on.
    pub fn begin(&self, failure: &SimulatedFailure) {
        self.add(reasons(failure));
    }

    /// Nobody answers from now on.
    pub fn begin_silence(&self) {
        self.add(&["timed_out"]);
    }

    fn add(&self, reasons: &'static [&'static str]) {
        self.0.lock().unwrap().push(Fault { reasons, since_ms: now_ms(), until_ms: None });
    }

    /// Nothing is wrong from now on.
    pub fn end(&self) {
        for fault in self.0.lock().unwrap().iter_mut() {
            fault.until_ms.get_or_insert_with(now_ms);
        }
    }

    /// Whether anything ever was wrong.
    pub fn any(&self) -> bool {
        !self.0.lock().unwrap().is_empty()
    }

    /// Judges what is said now of why a board is less than it should be: nothing that was mended long ago.
    pub fn check_now(&self, reason: &Value, since: &Value) -> Result<(), String> {
        self.judge(reason, since, now_ms() - MENDED_WITHIN_MS)
    }

    /// Judges what was said at one time or another.
    pub fn check(&self, reason: &Value, since: &Value) -> Result<(), String> {
        self.judge(reason, since, i64::MIN)
    }

    fn judge(&self, reason: &Value, since: &Value, not_over_at_ms: i64) -> Result<(), String> {
        let word = reason.as_str().ok_or("a reason that is none")?;
        if OTHERS.contains(&word) {
            return Ok(());
        }
        let known = self.0.lock().unwrap();
        let is_of_late = |fault: &Fault| fault.until_ms.is_none_or(|until| until >= not_over_at_ms);
        let is_named = known.iter().any(|fault| fault.reasons.contains(&word) && is_of_late(fault));
        // What asks to wait has no beginning of its own. What was gone before keeps its own, though something else is wrong
        // by now or was mended in between: where nobody was answered, or nobody could keep the answer, it is one outage.
        let is_dated = word != "throttled" && since.is_i64();
        let since = since.as_i64().unwrap_or_default();
        let began_with = |fault: &Fault| {
            fault.since_ms - CLOCKS_APART_MS <= since
                && fault.until_ms.is_none_or(|until| since <= until + NOTICED_WITHIN_MS)
        };
        let has_begun = !is_dated || known.iter().any(began_with);
        match is_named && has_begun {
            true => Ok(()),
            false => Err(format!("nothing of that kind was wrong: {word} since {since}")),
        }
    }
}
