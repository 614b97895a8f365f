//! The line `vitals` of the log: once at the start and then once a minute each instance says how it is doing, in fields
//! that alerts are made of (`infra/queries`). A log is all that the platform keeps of a process that is gone.

use std::time::Duration;

use crate::domain::level::Level;
use crate::domain::schedule::SyncWindow;
use crate::domain::time::Timestamp;
use crate::ops::instance::Instance;

/// How often it is looked whether it is time. Clocks are set, and machines sleep.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How often the line is written.
const EVERY_MS: i64 = 60_000;

/// What is written of an instance, and when.
#[derive(Clone)]
pub(crate) struct Pulse {
    /// The instance.
    pub(crate) instance: Instance,
    /// How many streams it may have open.
    pub(crate) streams_max: usize,
    /// When boards are compared with the organisation.
    pub(crate) window: SyncWindow,
}

impl Pulse {
    /// Writes the line for as long as the process lives.
    pub(crate) async fn keep_beating(self) {
        let minute = |now: Timestamp| now.epoch_ms().div_euclid(EVERY_MS);
        let (mut last, mut open_since) = (None, None);
        loop {
            let now = (self.instance.clock)();
            if last.replace(minute(now)) != Some(minute(now)) {
                self.write(age_s(&self.window, now, self.oldest(), &mut open_since));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// When the board that waits longest was compared; `None` where none was.
    fn oldest(&self) -> Option<Timestamp> {
        let state = self.instance.fold.read();
        let is_served = |scope: &_| state.level_here(*scope) <= Level::Cached;
        state.known().filter(is_served).filter_map(|scope| state.compared_at(scope)).min()
    }

    /// The counters are those since the start, so that a line which the platform drops takes no count with it.
    fn write(&self, sync_age_s: Option<i64>) {
        let Instance { id, vitals, .. } = &self.instance;
        tracing::info!(
            instance = %id,
            streams_open = vitals.streams.value(),
            streams_max = self.streams_max,
            streams_shed = vitals.streams_shed.value(),
            hooks_denied = vitals.hooks_denied.value(),
            hooks_refused = vitals.hooks_refused.value(),
            hooks_overloaded = vitals.hooks_overloaded.value(),
            dead_letters = vitals.hooks_dead_letter.value(),
            sync_age_s,
            "vitals"
        );
    }
}

/// For how many seconds a board that was compared at `oldest` has waited for the next comparison while there should have
/// been one. Outside the window nobody compares, so there is no age, and at its opening the age begins anew. `open_since`
/// is since when the caller has seen the window open without a break.
fn age_s(
    window: &SyncWindow,
    now: Timestamp,
    oldest: Option<Timestamp>,
    open_since: &mut Option<Timestamp>,
) -> Option<i64> {
    if window.gate(now).is_err() {
        *open_since = None;
        return None;
    }
    let open_since = *open_since.get_or_insert(now);
    oldest.map(|oldest| now.ms_since(oldest.max(open_since)).max(0) / 1_000)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::domain::owner::Owner;
    use crate::journal::memory::MemoryJournal;
    use crate::journal::{LogRetention, Store};
    use crate::ops::telemetry::tests::Written;
    use crate::platform::clock::Clock;

    /// The lines, as the Functions host gets them.
    fn lines_of(written: &Written) -> Vec<serde_json::Value> {
        written.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn subscriber(written: &Written) -> impl tracing::Subscriber + Send + Sync + use<> {
        let writer = written.clone();
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish()
    }

    fn pulse(now: &Arc<AtomicI64>) -> Pulse {
        let now = now.clone();
        let clock: Clock = Arc::new(move || Timestamp::from_epoch_ms(now.load(Ordering::SeqCst)));
        let store = Store::of(Arc::new(MemoryJournal::new(clock.clone(), LogRetention::DEFAULT)));
        Pulse {
            instance: Instance::new(&store, Owner::hooks_alone(None), clock, false),
            streams_max: 900,
            window: SyncWindow::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_is_written_at_the_start_and_in_every_minute_of_the_clock() {
        let (now, written) = (Arc::new(AtomicI64::new(59_000)), Written::default());
        let pulse = pulse(&now);
        pulse.instance.vitals.dead_letter(Timestamp::default(), "a word", 5, None);
        let _guard = tracing::subscriber::set_default(subscriber(&written));
        // Where there is one subscriber alone, what other threads do without one turns the event off for all.
        let _other = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
        let beating = pulse.keep_beating();
        tokio::pin!(beating);
        for (at, lines) in [(59_000, 1), (59_900, 1), (60_000, 2), (119_900, 2), (180_000, 3)] {
            now.store(at, Ordering::SeqCst);
            let _ = tokio::time::timeout(Duration::from_secs(5), &mut beating).await;
            assert_eq!(lines_of(&written).len(), lines, "at {at}");
        }
        let line = &lines_of(&written)[0];
        assert_eq!((&line["message"], &line["level"]), (&"vitals".into(), &"INFO".into()));
        assert_eq!((&line["streams_max"], &line["dead_letters"]), (&900.into(), &1.into()));
    }

    /// The fields that a query asks the line for: what follows `v.`.
    fn asked(query: &str) -> BTreeSet<&str> {
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
        words.filter_map(|word| word.strip_prefix("v.")).collect()
    }

    #[test]
    fn every_alert_asks_for_fields_that_the_line_has() {
        let written = Written::default();
        let _other = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
        let pulse = pulse(&Arc::default());
        tracing::subscriber::with_default(subscriber(&written), || pulse.write(Some(5)));
        let line = &lines_of(&written)[0];
        for (name, query) in [
            ("streams", include_str!("../../infra/queries/streams.kql")),
            ("webhook", include_str!("../../infra/queries/webhook.kql")),
            ("sync", include_str!("../../infra/queries/sync.kql")),
            ("dead-letters", include_str!("../../infra/queries/dead-letters.kql")),
        ] {
            assert!(query.contains("'\"message\":\"vitals\"'"), "{name}: how the line is found");
            let fields = asked(query);
            assert!(fields.len() > 1, "{name}: {fields:?}");
            for field in fields {
                assert!(line.get(field).is_some(), "{name}: the line has no {field}: {line}");
            }
        }
    }

    #[test]
    fn a_comparison_is_overdue_only_while_the_window_is_open() {
        let (window, hour) = (SyncWindow::parse("*/15 8-18 * * *", "UTC").unwrap(), 3_600_000);
        let at = |hours: f64| Timestamp::from_epoch_ms((hours * f64::from(hour)) as i64);
        let mut open_since = None;
        let mut age = |now, oldest: f64| age_s(&window, at(now), Some(at(oldest)), &mut open_since);
        assert_eq!(age(7.9, 1.0), None, "nobody compares at night");
        assert_eq!(age(8.0, 1.0), Some(0), "the age begins with the day");
        assert_eq!(age(9.0, 1.0), Some(3_600));
        assert_eq!(age(9.5, 9.25), Some(900));
        assert_eq!(age(9.5, 9.75), Some(0), "compared by an instance whose clock is ahead");
        assert_eq!(age(19.0, 9.25), None);
        assert_eq!(age(32.0, 9.25), Some(0));
        assert_eq!(age_s(&window, at(9.0), None, &mut None), None, "hooks alone tell of the boards");
    }
}
