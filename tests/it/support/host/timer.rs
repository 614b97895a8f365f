//! The timer trigger. A tick is fired by hand; what the host makes of the handler's reply is its own.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::config::{Function, TimerTrigger, Trigger};
use super::envelope::{self, Verdict};
use super::state::Shared;

/// The earliest instant there is in .NET, which stands for "never".
const NEVER: &str = "0001-01-01T00:00:00+00:00";

/// One tick of the schedule.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimerTick {
    /// The host was away when it was due.
    pub past_due: bool,
    /// When it is due; now, if not said.
    pub due: Option<DateTime<Utc>>,
}

/// What became of a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerOutcome {
    Succeeded { logs: Vec<String> },
    Failed { reason: String },
}

/// Fires the timer of the app, and waits for what becomes of it.
pub async fn fire(shared: &Shared, tick: TimerTick) -> TimerOutcome {
    let timer = shared.config.functions.iter().find_map(|function| match &function.trigger {
        Trigger::Timer(timer) => Some((function, timer)),
        Trigger::Http(_) => None,
    });
    let (function, timer) = timer.expect("the app has a timer");
    let due = tick.due.unwrap_or_else(envelope::now);
    let last = shared.look(|state| state.timer_last);
    let body = timer_envelope(function, timer, tick.past_due, due, last);
    let verdict = envelope::invoke(shared, &function.name, &body).await;
    let outcome = match verdict {
        Verdict::Succeeded(reply) => {
            reply.logs.iter().for_each(|line| shared.log(line));
            TimerOutcome::Succeeded { logs: reply.logs }
        }
        Verdict::Failed(reason) => TimerOutcome::Failed { reason },
    };
    shared.log(format!("Executed 'Functions.{}' ({outcome:?})", function.name));
    shared.update(|state| state.timer_last = Some(due));
    outcome
}

fn timer_envelope(
    function: &Function,
    timer: &TimerTrigger,
    past_due: bool,
    due: DateTime<Utc>,
    last: Option<DateTime<Utc>>,
) -> Value {
    let last = last.map_or(NEVER.into(), envelope::instant);
    let status = match timer.monitored {
        false => Value::Null,
        true => json!({ "Last": last, "Next": envelope::instant(due), "LastUpdated": last }),
    };
    json!({
        "Data": {
            function.binding.clone(): {
                "Schedule": { "AdjustForDST": true },
                "ScheduleStatus": status,
                "IsPastDue": past_due,
            }
        },
        "Metadata": { "sys": envelope::sys(&function.name) },
    })
}
