//! The timer trigger. A tick is fired by hand; what the host makes of it, of a handler that is slow and of one that
//! does not answer, is its own.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::config::{Function, TimerTrigger, Trigger};
use super::envelope::{self, Verdict};
use super::state::{Invocation, Shared};

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
    Succeeded {
        logs: Vec<String>,
    },
    Failed {
        reason: String,
    },
    /// The reply was empty: the invocation does not end, and no tick fires until the handler is killed for it.
    NeverEnds,
    /// An invocation is running and another tick already waits for its end; that one stands for this one too.
    Collapsed,
    /// An earlier invocation never ended.
    NotFired,
}

/// What the timer is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Idle,
    Running { waiting: bool },
    Hanging,
}

enum Entry {
    Run,
    Wait,
    Refused(TimerOutcome),
}

/// Fires the timer of the app, and waits for what becomes of it.
pub async fn fire(shared: &Arc<Shared>, tick: TimerTick) -> TimerOutcome {
    match shared.update(|state| enter(&mut state.timer)) {
        Entry::Refused(outcome) => return outcome,
        Entry::Run => {}
        Entry::Wait => {
            let take_over = |stage: &mut Stage| match stage {
                Stage::Idle => {
                    *stage = Stage::Running { waiting: false };
                    Some(true)
                }
                Stage::Hanging => Some(false),
                Stage::Running { .. } => None,
            };
            loop {
                shared.until(|state| (!matches!(state.timer, Stage::Running { .. })).then_some(())).await;
                match shared.update(|state| take_over(&mut state.timer)) {
                    Some(true) => break,
                    Some(false) => return TimerOutcome::NotFired,
                    None => {}
                }
            }
        }
    }
    run(shared, tick).await
}

fn enter(stage: &mut Stage) -> Entry {
    match stage {
        Stage::Idle => {
            *stage = Stage::Running { waiting: false };
            Entry::Run
        }
        Stage::Running { waiting: true } => Entry::Refused(TimerOutcome::Collapsed),
        Stage::Running { waiting } => {
            *waiting = true;
            Entry::Wait
        }
        Stage::Hanging => Entry::Refused(TimerOutcome::NotFired),
    }
}

async fn run(shared: &Arc<Shared>, tick: TimerTick) -> TimerOutcome {
    let timer = shared.config.functions.iter().find_map(|function| match &function.trigger {
        Trigger::Timer(timer) => Some((function, timer)),
        Trigger::Http(_) => None,
    });
    let (function, timer) = timer.expect("the app has a timer");
    let invocation = Invocation::begin(shared, &function.name);
    let due = tick.due.unwrap_or_else(envelope::now);
    let last = shared.look(|state| state.timer_last);
    let body = timer_envelope(function, timer, tick.past_due, due, last);
    let verdict = envelope::invoke(shared, &invocation, &function.name, &body).await;
    let (stage, outcome) = match verdict {
        Verdict::Succeeded(reply) => {
            reply.logs.iter().for_each(|line| shared.log(line));
            (Stage::Idle, TimerOutcome::Succeeded { logs: reply.logs })
        }
        Verdict::Failed(reason) => (Stage::Idle, TimerOutcome::Failed { reason }),
        Verdict::NeverEnds => {
            hang(shared.clone(), invocation);
            (Stage::Hanging, TimerOutcome::NeverEnds)
        }
    };
    shared.log(format!("Executed 'Functions.{}' ({outcome:?})", function.name));
    shared.update(|state| {
        state.timer = stage;
        state.timer_last = Some(due);
    });
    outcome
}

/// Keeps an invocation until the handler is killed for it; then the timer goes on.
fn hang(shared: Arc<Shared>, invocation: Invocation) {
    let timeouts = shared.look(|state| state.timeouts);
    tokio::spawn(async move {
        shared.until(|state| (state.timeouts > timeouts).then_some(())).await;
        shared.update(|state| state.timer = Stage::Idle);
        drop(invocation);
    });
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::scripted::{self, script};
    use super::*;

    #[tokio::test]
    async fn a_timer_succeeds_with_an_object_and_fails_with_anything_else() {
        let host = scripted::builder().start().await;
        let logs = vec!["a line".to_owned(), "another".to_owned()];
        let succeeded = TimerOutcome::Succeeded { logs };
        assert_eq!(host.fire_timer(TimerTick::default()).await, succeeded);
        assert!(host.log().contains("a line\nanother"), "{}", host.log());
        for failing in ["text", "500"] {
            script(&host, &format!("timer&reply={failing}")).await;
            let outcome = host.fire_timer(TimerTick::default()).await;
            assert!(matches!(outcome, TimerOutcome::Failed { .. }), "{failing}: {outcome:?}");
        }
        script(&host, "timer&reply=object").await;
        let late = TimerTick { past_due: true, ..TimerTick::default() };
        assert_eq!(host.fire_timer(late).await, succeeded, "the next tick comes as usual");
        let facts = scripted::facts(&host).await;
        assert!(facts["seen"]["timer"]["body"].as_str().unwrap().contains(r#""IsPastDue":true"#));
    }

    #[tokio::test]
    async fn ticks_that_a_slow_timer_misses_become_one() {
        let host = scripted::builder().start().await;
        script(&host, "timer&reply=hold").await;
        let ticks = async || host.fire_timer(TimerTick::default()).await;
        let release = async {
            scripted::eventually(&host, "timersCalled", 1).await;
            script(&host, "timer&reply=object").await;
        };
        let (first, second, third, fourth, ()) = tokio::join!(ticks(), ticks(), ticks(), ticks(), release);
        assert!(matches!(first, TimerOutcome::Succeeded { .. }), "{first:?}");
        assert!(matches!(second, TimerOutcome::Succeeded { .. }), "{second:?}");
        assert_eq!((third, fourth), (TimerOutcome::Collapsed, TimerOutcome::Collapsed));
        let facts = scripted::facts(&host).await;
        assert_eq!((&facts["timersCalled"], &facts["timersMost"]), (&2.into(), &1.into()));
    }

    #[tokio::test]
    async fn an_empty_reply_stops_the_timer_until_the_handler_is_killed_for_it() {
        let timeout = Duration::from_millis(800);
        let host = scripted::builder().function_timeout(timeout).timeout_grace(Duration::ZERO).start().await;
        script(&host, "timer&reply=empty").await;
        assert_eq!(host.fire_timer(TimerTick::default()).await, TimerOutcome::NeverEnds);
        assert_eq!(host.fire_timer(TimerTick::default()).await, TimerOutcome::NotFired);
        host.restarted(1).await;
        assert!(matches!(host.fire_timer(TimerTick::default()).await, TimerOutcome::Succeeded { .. }));
    }
}
