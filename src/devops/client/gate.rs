//! The gate at which every call waits while the organisation wants to be asked less.
//!
//! Azure DevOps throttles by answering late: the answer is right and its status is 200, but `Retry-After` says for how
//! long to ask nothing more. Who goes on asking is answered ever later, and in the end with 429.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// Which share of a quota is left for others.
const SHARE_FOR_OTHERS: f64 = 0.2;

/// How long nothing is asked where it is not said when the quota is counted anew.
const PAUSE_FOR_OTHERS: Duration = Duration::from_secs(15);

/// For how long after a pause the organisation is taken to want to be asked less.
const SCARCE_AFTER_PAUSE: Duration = Duration::from_mins(1);

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// How long an answer asks to be left alone: `Retry-After` in seconds, or the delay that it says it was given.
pub(super) fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = number(headers, RETRY_AFTER.as_str()).or_else(|| number(headers, "x-ratelimit-delay"))?;
    Duration::try_from_secs_f64(seconds).ok().filter(|pause| !pause.is_zero())
}

/// How long nothing is asked so that a share of what the identity may use is left for the people and pipelines that it
/// shares it with: until the quota is counted anew. Azure DevOps names the quota only where it is nearly used up.
pub(super) fn pause_for_others(headers: &HeaderMap) -> Option<Duration> {
    let (remaining, limit) =
        (number(headers, "x-ratelimit-remaining")?, number(headers, "x-ratelimit-limit")?);
    if remaining >= limit * SHARE_FOR_OTHERS || remaining.is_nan() || limit.is_nan() {
        return None;
    }
    // Both are of the server's clock: ours may be set otherwise.
    let date = headers.get(DATE).and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
    let left = date.and_then(|date| Some(number(headers, "x-ratelimit-reset")? - date.timestamp() as f64));
    let left = left.filter(|left| *left > 0.0).and_then(|left| Duration::try_from_secs_f64(left).ok());
    Some(left.unwrap_or(PAUSE_FOR_OTHERS))
}

#[derive(Debug)]
pub(super) struct Gate {
    until: Mutex<Until>,
    asked: Notify,
    pause_max: Duration,
}

#[derive(Debug, Default)]
struct Until {
    /// Until when it is closed.
    closed: Option<Instant>,
    /// Until when answers asked to wait, where nobody was told of it yet.
    untold: Option<Instant>,
}

impl Gate {
    /// A gate that is never closed for longer than `pause_max` at once.
    pub(super) fn new(pause_max: Duration) -> Self {
        Self { until: Mutex::default(), asked: Notify::new(), pause_max }
    }

    fn until(&self) -> MutexGuard<'_, Until> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer asked to wait: closes for `pause`, if it is not closed for longer already.
    pub(super) fn close_for(&self, pause: Duration) {
        let asked_until = Instant::now().checked_add(pause.min(self.pause_max));
        let mut until = self.until();
        if asked_until > until.closed {
            (until.closed, until.untold) = (asked_until, asked_until);
            self.asked.notify_one();
        }
    }

    /// Somebody else was asked to wait: closes as above, and there is nothing to tell anybody.
    pub(super) fn hold_for(&self, pause: Duration) {
        let held_until = Instant::now().checked_add(pause.min(self.pause_max));
        let mut until = self.until();
        until.closed = until.closed.max(held_until);
    }

    /// Waits until an answer asks to wait for longer than those before it; for how long it is yet. Each is returned once.
    pub(super) async fn asked(&self) -> Duration {
        loop {
            let untold = self.until().untold.take();
            let left = untold.and_then(|until| until.checked_duration_since(Instant::now()));
            if let Some(left) = left.filter(|left| !left.is_zero()) {
                return left;
            }
            // What is asked before this line leaves a permit, so that nothing is missed.
            self.asked.notified().await;
        }
    }

    /// For how long it is closed yet.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        let closed = self.until().closed;
        closed?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Whether it is closed, or was a moment ago.
    pub(super) fn is_scarce(&self) -> bool {
        let closed = self.until().closed;
        let since = |until| Instant::now().checked_duration_since(until).unwrap_or_default();
        closed.is_some_and(|until| since(until) < SCARCE_AFTER_PAUSE)
    }

    /// Waits until it is open. Calls that are under way may close it again meanwhile.
    pub(super) async fn open(&self) {
        while let Some(left) = self.closed_for() {
            sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        asked_pause(&headers.collect())
    }

    #[test]
    fn a_pause_is_read_from_either_header_and_nonsense_is_none() {
        assert_eq!(pause(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(pause(&[("x-ratelimit-delay", "0.250")]), Some(Duration::from_millis(250)));
        assert_eq!(
            pause(&[("retry-after", "3"), ("x-ratelimit-delay", "1.5")]),
            Some(Duration::from_secs(3))
        );
        for nonsense in ["", "soon", "-1", "0", "NaN", "inf", "1e300", "Wed, 25 Nov 2026 08:00:00 GMT"] {
            assert_eq!(pause(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn s10_a_share_of_the_quota_is_left_for_others() {
        let of = |remaining, limit, more: &[(&'static str, &'static str)]| {
            let mut headers = vec![("x-ratelimit-remaining", remaining), ("x-ratelimit-limit", limit)];
            headers.extend(more);
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            pause_for_others(&headers.collect())
        };
        assert_eq!(of("40", "200", &[]), None);
        assert_eq!(of("39", "200", &[]), Some(PAUSE_FOR_OTHERS));
        let date = ("date", "Wed, 25 Nov 2026 08:00:00 GMT");
        assert_eq!(
            of("0", "200", &[date, ("x-ratelimit-reset", "1795593630")]),
            Some(Duration::from_secs(30))
        );
        assert_eq!(of("0", "200", &[date, ("x-ratelimit-reset", "1795593000")]), Some(PAUSE_FOR_OTHERS));
        for nonsense in ["", "NaN", "many"] {
            assert_eq!(of(nonsense, "200", &[]), None);
        }
        assert_eq!(of("1", "0", &[]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_opens_by_itself_and_never_shortens_its_time() {
        let gate = Gate::new(Duration::from_secs(60));
        gate.close_for(Duration::from_secs(5));
        gate.close_for(Duration::from_secs(2));
        assert_eq!(gate.closed_for(), Some(Duration::from_secs(5)));
        let began = Instant::now();
        gate.open().await;
        assert_eq!(began.elapsed().as_secs(), 5);
        assert_eq!(gate.closed_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn s10_what_answers_ask_for_is_told_once_and_what_others_were_asked_for_never() {
        let gate = Gate::new(Duration::from_secs(60));
        let is_told = async || tokio::time::timeout(Duration::from_millis(10), gate.asked()).await.ok();
        gate.hold_for(Duration::from_secs(20));
        assert_eq!((gate.closed_for(), is_told().await), (Some(Duration::from_secs(20)), None));
        gate.close_for(Duration::from_secs(5));
        assert_eq!(is_told().await, None, "everybody waits for longer");
        gate.close_for(Duration::from_secs(30));
        assert_eq!(is_told().await, Some(Duration::from_secs(30)));
        assert_eq!(is_told().await, None, "it is told");
        gate.close_for(Duration::from_secs(40));
        tokio::time::advance(Duration::from_secs(41)).await;
        assert_eq!(is_told().await, None, "it is over");
        gate.hold_for(Duration::MAX);
        assert_eq!(gate.closed_for(), Some(Duration::from_secs(60)));
        let soon = tokio::time::timeout(Duration::from_secs(55), gate.asked());
        let (told, ()) = tokio::join!(soon, async {
            sleep(Duration::from_secs(50)).await;
            gate.close_for(Duration::from_secs(15));
        });
        assert_eq!(told.ok(), Some(Duration::from_secs(15)), "who waits for it is woken");
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_closes_it_for_longer_than_the_most() {
        let gate = Gate::new(Duration::from_secs(60));
        gate.close_for(Duration::MAX);
        assert_eq!(gate.closed_for(), Some(Duration::from_secs(60)));
    }
}
