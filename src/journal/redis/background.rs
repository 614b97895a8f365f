//! What the journal on Redis does in the background: it listens for entries, and tends the log.

use std::sync::PoisonError;
use std::time::Duration;

use redis::{FromRedisValue as _, Value};
use tokio::sync::watch;

use super::link::Link;
use super::{Parts, TEND, codec, findings, not_understood};
use crate::journal::JournalError;

/// How long one read of the log blocks. Short, because a connection that died without a sign is noticed no sooner.
pub(super) const BLOCK: Duration = Duration::from_secs(1);

/// Up to which difference two clocks are taken for equal, in seconds.
const CLOCK_SLACK_S: u64 = 2;

/// How long the listener waits before it asks again for a connection that is not there.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Waits for entries on a connection of its own and tells `changed`. It hands nothing on: what it saw may already be
/// gone, so each follower of the log reads it itself, in one step with the check that it is still the same log.
pub(super) async fn listen(link: &Link, log: &str, changed: &watch::Sender<()>) {
    let (mut end, mut reachable) = (String::from("0-0"), false);
    loop {
        match next_end(link, log, &end, changed).await {
            Ok(next) => {
                // After an outage those who wait have to look, even if the log did not grow.
                if next != end || !reachable {
                    changed.send_replace(());
                }
                (end, reachable) = (next, true);
            }
            Err(_) => {
                if std::mem::take(&mut reachable) {
                    // Those who wait learn of the outage by asking.
                    changed.send_replace(());
                }
                tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
            }
        }
    }
}

/// Waits for entries after `end`, for a while, and returns where the log ends then: later, or earlier if it was set
/// back, or where it was. That there are some is told before it is asked where they end.
async fn next_end(
    link: &Link,
    log: &str,
    end: &str,
    changed: &watch::Sender<()>,
) -> Result<String, JournalError> {
    let mut wait = redis::cmd("XREAD");
    // One entry is enough to know that there are some.
    wait.arg("COUNT").arg(1).arg("BLOCK").arg(BLOCK.as_millis().to_string());
    wait.arg("STREAMS").arg(log).arg(end);
    if link.query::<Value>(&wait).await? != Value::Nil {
        changed.send_replace(());
    }
    let mut last = redis::cmd("XREVRANGE");
    last.arg(log).arg("+").arg("-").arg("COUNT").arg(1);
    let last: Vec<(String, Value)> = link.query(&last).await?;
    Ok(last.into_iter().next().map_or_else(|| end.to_owned(), |(id, _)| id))
}

/// Drops entries by age, notes how things are, and says what an operator should know of the server whenever that has
/// changed.
pub(super) async fn tend(parts: &Parts) {
    let mut is_told = false;
    loop {
        match parts.tend().await {
            Ok(()) => {
                is_told = false;
                tokio::select! {
                    () = tokio::time::sleep(parts.settings.tend_every) => {}
                    () = parts.server_clock.moved() => {}
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(%error, "neither the age of the log nor the clock of Redis can be seen to");
                }
                tokio::time::sleep(parts.settings.tend_every.min(Duration::from_secs(1))).await;
            }
        }
    }
}

/// By how much a clock is ahead of ours, where that is more than comes of whole seconds and of the way there and back.
const fn clock_ahead_ms(their_epoch_s: i64, our_epoch_s: i64) -> i64 {
    let ahead_s = their_epoch_s.saturating_sub(our_epoch_s);
    if ahead_s.unsigned_abs() <= CLOCK_SLACK_S { 0 } else { ahead_s.saturating_mul(1_000) }
}

impl Parts {
    async fn tend(&self) -> Result<(), JournalError> {
        let age_max_ms = self.settings.retention.age_max.as_millis().to_string();
        let (_, rest) = self.run(&TEND, &[&self.keys.log], age_max_ms).await?;
        let [entries, oldest, server_epoch_s, info @ ..] = rest.as_slice() else {
            return Err(not_understood());
        };
        let server_epoch_s = i64::from_redis_value_ref(server_epoch_s).ok();
        let info: Vec<_> = info.iter().filter_map(|text| String::from_redis_value_ref(text).ok()).collect();
        let machine = (self.clock)();
        let our_epoch_s = machine.epoch_ms() / 1_000;
        if let Some(theirs) = server_epoch_s {
            self.server_clock.see(clock_ahead_ms(theirs, our_epoch_s), machine);
        }
        let info = info.join("\n");
        let found = findings::findings(&info, server_epoch_s, our_epoch_s);
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        for finding in found.iter().filter(|finding| !condition.findings.contains(finding)) {
            tracing::warn!("{finding}");
        }
        condition.findings = found;
        condition.untold = findings::untold(&info, server_epoch_s);
        condition.unfit = findings::unfit(&info);
        condition.oldest = codec::id(oldest);
        condition.entries = u64::from_redis_value_ref(entries).ok();
        Ok(())
    }
}
