//! Every counter and gauge by name. Whatever is lost, refused or left out is counted here.
//!
//! Nothing here reads a clock: the caller says when, so that windows and ages are tested without waiting.
//!
//! A counter is one row of the table below. The row says under which name it is scraped and where it stands in the
//! details of health and in an instance's report.

mod dead_letters;
mod gauges;
mod histogram;
mod reads;
mod requests;
mod targets;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::entry_id::EntryId;
use crate::domain::level::Level;
use crate::domain::target::Target;
use crate::domain::time::Timestamp;
pub use dead_letters::DeadLetters;
pub use gauges::{Counter, Gauge, Latest};
pub use histogram::Histogram;
pub use reads::{HIT_RATE_DEFINITION, ReadOutcome, Reads};
pub use requests::Requests;
pub use targets::{Figure, HOUR, Targets};

/// One row of the table of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportedMetric {
    /// The name under which it is scraped.
    pub name: &'static str,
    /// What it does over time, as Prometheus names it: `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The unit of its value, or what is counted.
    pub unit: &'static str,
    /// What it means.
    pub help: &'static str,
}

/// Puts a number at a place: its name, or the part that it is in, a dot and its name.
fn put(object: &mut Map<String, Value>, place: &str, number: u64) {
    let (part, name) = place.split_once('.').unwrap_or(("", place));
    let object = match part {
        "" => Some(object),
        part => object.entry(part).or_insert_with(|| Map::new().into()).as_object_mut(),
    };
    if let Some(object) = object {
        object.insert(name.to_owned(), number.into());
    }
}

macro_rules! vitals {
    (
        counters { $(
            $counter:ident = $name:literal, $unit:literal,
            $(details $details:literal,)? $(report $report:literal,)? $help:literal;
        )* }
        others { $($other:ident: $kind:literal = $other_name:literal, $other_unit:literal, $other_help:literal;)* }
    ) => {
        /// The vitals of this process.
        #[derive(Debug, Default)]
        pub struct Vitals {
            /// Open streams.
            pub streams: Gauge,
            $(#[doc = concat!($help, ".")] pub $counter: Counter,)*
            /// How long requests took, streams excepted.
            pub requests: Requests,
            /// From the receipt of news to the moment at which they are handed to a reader's socket.
            pub delivery: Histogram,
            /// Reads of boards.
            pub reads: Reads,
            /// What is measured of late and held against the targets.
            targets: Targets,
            /// Reads of lists that are fetched from the organisation.
            pub list_reads: Reads,
            /// Payloads of no use. [`Vitals::dead_letter`] counts one.
            pub dead_letters: DeadLetters,
            /// When a board last changed.
            pub last_data_update: Latest<Option<Timestamp>>,
            /// When a hook was last answered with 200.
            pub last_hook: Latest<Option<Timestamp>>,
            /// When a synchronisation last ended well.
            pub last_sync: Latest<Option<Timestamp>>,
            /// The level of the organisation itself.
            pub source_level: Latest<Level>,
            /// When the oldest observation that waits in the inbox was received.
            pub inbox_oldest: Latest<Option<Timestamp>>,
            /// The last entry that the log was seen to hold; `None` while it cannot be read.
            log_end: Latest<Option<EntryId>>,
        }

        $(pub(super) const $other: ExportedMetric = ExportedMetric {
            name: $other_name, kind: $kind, unit: $other_unit, help: $other_help,
        };)*

        /// Every metric there is.
        pub const METRICS: &[ExportedMetric] = &[
            $(ExportedMetric { name: $name, kind: "counter", unit: $unit, help: $help },)*
            $($other,)*
        ];

        impl Vitals {
            /// The plain counters with their rows in the table.
            pub(super) fn counters(&self) -> impl Iterator<Item = (&'static ExportedMetric, u64)> {
                METRICS.iter().zip([$(self.$counter.value()),*])
            }

            /// Puts the counters where they stand in the details of health.
            pub fn add_to_details(&self, details: &mut Map<String, Value>) {
                $($(put(details, $details, self.$counter.value());)?)*
            }

            /// Puts the counters where they stand in the report of an instance, whose numbers are added up over
            /// instances.
            pub fn add_to_report(&self, report: &mut Map<String, Value>) {
                put(report, "streams.open", self.streams.value());
                $($(put(report, $report, self.$counter.value());)?)*
            }
        }
    };
}

vitals! {
    counters {
        streams_opened = "boardcast_streams_opened_total", "streams",
            details "streams.opened", report "streams.opened",
            "Streams that were opened";
        streams_resumed = "boardcast_streams_resumed_total", "streams",
            details "streams.resumed", report "streams.resumed",
            "Streams that went on from their cursor";
        gaps = "boardcast_stream_gaps_total", "streams",
            details "streams.gaps", report "streams.gaps",
            "Streams that came with a cursor from which they could not go on";
        events_replayed = "boardcast_events_replayed_total", "events",
            details "streams.replayed", report "streams.replayed",
            "Events that were sent from the log to readers who came back";
        streams_ended = "boardcast_streams_lifetime_ended_total", "streams",
            details "streams.endedByLifetime",
            "Streams that were ended because they had reached their lifetime";
        streams_shed = "boardcast_streams_shed_total", "streams",
            details "streams.shed", report "streams.shed",
            "Readers who were told to come back later because there were too many";
        readers_slow = "boardcast_readers_slow_total", "readers",
            details "streams.slow", report "streams.slow",
            "Readers that were too slow and were closed";
        writes_timed_out = "boardcast_writes_timed_out_total", "connections",
            details "streams.writesTimedOut",
            "Connections that were closed because they took no more bytes";
        logs_lost = "boardcast_logs_lost_total", "times",
            details "journal.logsLost",
            "Times the log no longer held our position";
        entries_undecodable = "boardcast_entries_undecodable_total", "entries",
            details "journal.undecodable",
            "Records and entries that could not be decoded";
        changes_suppressed = "boardcast_changes_suppressed_total", "changes",
            details "suppressedChanges",
            "Changes of a derived number that were too small to be announced";
        hooks_applied = "boardcast_hooks_applied_total", "hooks",
            details "hooks.applied", report "hooks.applied",
            "Hooks that were committed";
        hooks_known = "boardcast_hooks_known_total", "hooks",
            details "hooks.known", report "hooks.known",
            "Hooks that told nothing new";
        hooks_ignored = "boardcast_hooks_ignored_total", "hooks",
            details "hooks.ignored", report "hooks.ignored",
            "Hooks that change no board";
        hooks_without_details = "boardcast_hooks_without_details_total", "hooks",
            details "hooks.withoutDetails", report "hooks.withoutDetails",
            "Hooks without details, of which what they tell of was noted to be fetched";
        todo_fetched = "boardcast_todo_fetched_total", "items",
            details "todo.fetched", report "todo.fetched",
            "Work items that were fetched because a hook told of them without details";
        todo_not_found = "boardcast_todo_not_found_total", "items",
            details "todo.notFound", report "todo.notFound",
            "Work items that a hook told of without details and that the organisation does not show";
        hooks_test = "boardcast_hooks_test_total", "hooks",
            details "hooks.test",
            "Test notifications";
        hooks_dead_letter = "boardcast_hooks_dead_letter_total", "hooks",
            report "hooks.deadLetters",
            "Payloads of no use, for whatever reason";
        hooks_denied = "boardcast_hooks_denied_total", "hooks",
            details "hooks.denied", report "hooks.denied",
            "Hooks with no or a wrong secret";
        hooks_refused = "boardcast_hooks_refused_total", "hooks",
            details "hooks.refused", report "hooks.refused",
            "Hooks that could not be kept and were answered with 503";
        hooks_deposited = "boardcast_hooks_deposited_total", "hooks",
            details "inbox.deposited", report "hooks.deposited",
            "Hooks that the journal could not take and that wait in the inbox";
        inbox_set_aside = "boardcast_inbox_set_aside_total", "hooks",
            "Hooks that were kept in the inbox and then set aside because the journal refuses them";
        inbox_drained = "boardcast_inbox_drained_total", "hooks",
            details "inbox.drained",
            "Hooks that were taken out of the inbox once the journal had them";
        hooks_overloaded = "boardcast_hooks_overloaded_total", "hooks",
            details "hooks.overloaded",
            "Hooks that were told to come again because too many were being answered";
        hooks_mislabelled = "boardcast_hooks_mislabelled_total", "hooks",
            details "hooks.mislabelled",
            "Hooks whose route said another event than their body";
        hooks_mended = "boardcast_webhook_mended_total", "subscriptions",
            details "subscriptions.mended",
            "Subscriptions of service hooks that were made, switched on again or replaced";
        lists_unshared = "boardcast_lists_unshared_total", "times",
            details "lists.unshared",
            "Times the store was asked about a list and did not answer in time";
        lists_undecodable = "boardcast_lists_undecodable_total", "lists",
            details "lists.undecodable",
            "Lists in the store that could not be decoded and were deleted";
        lists_too_large = "boardcast_lists_too_large_total", "lists",
            details "lists.tooLarge",
            "Lists that were too large to be shared with other instances";
        retention_refused = "boardcast_retention_refused_total", "passes",
            "Passes that would have let more than a tenth of all items go and let none go";
        items_corrected = "boardcast_items_corrected_total", "items",
            "Work items of which what was known gave way to what the organisation has";
        panics = "boardcast_panics_total", "panics",
            details "panics", report "panics",
            "Requests whose handler panicked; each is a defect";
        task_deaths = "boardcast_task_deaths_total", "deaths",
            details "tasks.deaths", report "taskDeaths",
            "Times a task that lives as long as the process panicked and was started again; each is a defect";
    }
    others {
        TARGET_MET: "gauge" = "boardcast_target_met", "0 or 1",
            "Whether a `target` was met in the last hour; absent without a sample";
        TARGET_SHARE: "gauge" = "boardcast_target_share", "0 to 1",
            "The share of good samples of a `target` in the last hour; absent without a sample";
        TARGET_WANTED: "gauge" = "boardcast_target_share_wanted", "0 to 1",
            "The share of good samples that meets a `target`; `hitRate` has to be above it";
        TARGET_SAMPLES: "gauge" = "boardcast_target_samples", "samples",
            "How many samples there were of a `target` in the last hour; health says what one is";
        INSTANCE: "gauge" = "boardcast_instance_info", "always 1",
            "The version and the random id of this process, as labels";
        STARTED: "gauge" = "boardcast_start_time_seconds", "s since 1970",
            "When this process started";
        READY: "gauge" = "boardcast_ready", "0 or 1",
            "Whether the journal was loaded";
        INSTANCES: "gauge" = "boardcast_instances", "instances",
            "Instances that share the journal, this one included, as last seen by it";
        STREAMS: "gauge" = "boardcast_streams_open", "streams",
            "Open streams";
        JOURNAL_LAG: "gauge" = "boardcast_journal_lag_seconds", "s",
            "How much older the last folded commit is than the last one seen; absent while the log cannot be read";
        TO_FETCH: "gauge" = "boardcast_todo", "items",
            "Work items that wait to be fetched because a hook told of them without details";
        OLDEST_ENTRY: "gauge" = "boardcast_journal_oldest_entry_time_seconds", "s since 1970",
            "When the oldest entry that the log holds was written; absent while none is known";
        WEBHOOKS: "gauge" = "boardcast_webhook_subscriptions", "subscriptions",
            "Subscriptions of service hooks that there should be, by `status`";
        WEBHOOK_HOLES: "gauge" = "boardcast_webhook_missed", "changes",
            "Changes that subscriptions did not tell while they did not work, as far as the feed of revisions told them since";
        LAST_DATA_UPDATE: "gauge" = "boardcast_last_data_update_time_seconds", "s since 1970",
            "When a board last changed; absent while none did";
        LAST_HOOK: "gauge" = "boardcast_last_hook_time_seconds", "s since 1970",
            "When a hook was last answered with 200; absent while none was";
        LAST_SYNC: "gauge" = "boardcast_last_sync_time_seconds", "s since 1970",
            "When a synchronisation last ended well; absent while none did";
        DEAD_LETTERS: "counter" = "boardcast_dead_letters_total", "hooks",
            "Payloads of no use, by `reason`";
        READS: "counter" = "boardcast_reads_total", "reads",
            "Reads of boards, by `outcome`";
        LIST_READS: "counter" = "boardcast_list_reads_total", "reads",
            "Reads of projects, teams and catalogues by comparisons, by `outcome`";
        REQUESTS: "histogram" = "boardcast_request_duration_seconds", "s",
            "How long requests took, by `endpoint`, streams excepted";
        DELIVERY: "histogram" = "boardcast_delivery_latency_seconds", "s",
            "From the receipt of a hook, or of what a comparison fetched, to the moment at which it is handed to a reader's socket";
        BOARD_METRIC: "gauge" = "boardcast_board_metric", "that of the metric",
            "The metrics of boards, by `project`, `team` and `metric`; absent without a value, and unless BOARDCAST_BOARD_METRICS is on";
        BOARDS_LEFT_OUT: "gauge" = "boardcast_board_metrics_left_out", "boards",
            "Boards whose metrics are left out because there are more than 500; absent unless BOARDCAST_BOARD_METRICS is on";
    }
}

impl Vitals {
    /// Counts a payload of no use and remembers what is known of it. `reason` is a word of ours, so there are few;
    /// `size` is in bytes; `event_type` is the sender's word and is cut where it is kept.
    pub fn dead_letter(&self, at: Timestamp, reason: &'static str, size: u64, event_type: Option<&str>) {
        self.hooks_dead_letter.add(1);
        self.dead_letters.record(at, reason, size, event_type);
    }

    /// News that were received `ms` before were handed to a reader's socket.
    pub fn delivered(&self, at: Timestamp, ms: i64) {
        self.delivery.record_ms(ms);
        self.measure(Target::Delivery, at, ms);
    }

    /// Somebody waited so long for a board.
    pub fn loaded(&self, at: Timestamp, duration: Duration) {
        self.measure(Target::Load, at, i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    }

    /// A board was changed by the entry `id`, whose time is that of the change.
    pub fn board_changed(&self, id: EntryId) {
        self.last_data_update.raise(Some(id.appended_at()));
    }

    /// The log is followed from `position` on; what was seen of an earlier log no longer counts.
    pub fn log_followed_from(&self, position: EntryId) {
        self.log_end.set(Some(position));
    }

    /// The log was seen to hold `id`.
    pub fn log_seen(&self, id: EntryId) {
        self.log_end.raise(Some(id));
    }

    /// The log cannot be read, so nobody knows what it holds.
    pub fn log_unreadable(&self) {
        self.log_end.set(None);
    }

    /// How many milliseconds older the commit at `folded` is than the last one that was seen: 0 when everything that
    /// was seen is folded, `None` when nobody knows.
    pub fn journal_lag_ms(&self, folded: Option<EntryId>) -> Option<u64> {
        Some(self.log_end.value()?.ms.saturating_sub(folded?.ms))
    }
}

/// Keeps a gauge raised for as long as it lives.
#[derive(Debug)]
pub struct OpenStream(Arc<Vitals>);

impl OpenStream {
    /// Counts a stream as open until the guard is dropped.
    pub fn count(vitals: &Arc<Vitals>) -> Self {
        vitals.streams.0.fetch_add(1, Ordering::Relaxed);
        vitals.streams_opened.add(1);
        Self(vitals.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> EntryId {
        EntryId { ms, seq: 0 }
    }

    #[test]
    fn p5_a_gauge_returns_to_zero_when_its_guards_are_gone() {
        let vitals = Arc::new(Vitals::default());
        let guards: Vec<_> = (0..3).map(|_| OpenStream::count(&vitals)).collect();
        assert_eq!(vitals.streams.value(), 3);
        drop(guards);
        assert_eq!((vitals.streams.value(), vitals.streams_opened.value()), (0, 3));
    }

    #[test]
    fn p5_a_gauge_returns_to_zero_when_its_guard_is_dropped_by_a_panic() {
        let vitals = Arc::new(Vitals::default());
        let counted = vitals.clone();
        let ended = std::thread::spawn(move || {
            let _guard = OpenStream::count(&counted);
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(ended.join().is_err());
        assert_eq!((vitals.streams.value(), vitals.streams_opened.value()), (0, 1));
    }

    #[test]
    fn p5_a_moment_is_never_until_it_is_set_and_never_goes_back() {
        let moment = Latest::default();
        assert_eq!(moment.value(), None);
        for ms in [5, 9, 7] {
            moment.raise(Some(Timestamp::from_epoch_ms(ms)));
        }
        assert_eq!(moment.value(), Some(Timestamp::from_epoch_ms(9)));
    }

    #[test]
    fn the_lag_is_known_only_while_the_log_is_read() {
        let vitals = Vitals::default();
        assert_eq!(vitals.journal_lag_ms(Some(id(5))), None, "nothing was read yet");
        vitals.log_followed_from(id(5));
        assert_eq!(vitals.journal_lag_ms(None), None, "nothing was folded yet");
        assert_eq!(vitals.journal_lag_ms(Some(id(5))), Some(0));
        vitals.log_seen(id(9));
        vitals.log_seen(id(7));
        assert_eq!(vitals.journal_lag_ms(Some(id(5))), Some(4));
        assert_eq!(vitals.journal_lag_ms(Some(id(9))), Some(0));
        vitals.log_unreadable();
        assert_eq!(vitals.journal_lag_ms(Some(id(9))), None);
        vitals.log_followed_from(id(2));
        assert_eq!(vitals.journal_lag_ms(Some(id(2))), Some(0), "a log that was set back is not waited for");
    }

    #[test]
    fn every_name_is_legal_and_stands_in_the_table_once() {
        let names: std::collections::BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for ExportedMetric { name, kind, unit, help } in METRICS {
            let plain =
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            assert!(name.starts_with("boardcast_") && plain, "{name}");
            assert_eq!(*kind == "counter", name.ends_with("_total"), "{name}");
            assert!(!unit.is_empty() && !help.ends_with('.') && !help.contains(['\n', '|', '\\']), "{name}");
        }
    }

    #[test]
    fn a_counter_stands_where_its_row_says() {
        let vitals = Arc::new(Vitals::default());
        let _open = OpenStream::count(&vitals);
        vitals.hooks_deposited.add(3);
        vitals.panics.add(2);
        let (mut details, mut report) = (Map::new(), Map::new());
        details.insert("inbox".into(), serde_json::json!({ "oldestRowMs": null }));
        vitals.add_to_details(&mut details);
        vitals.add_to_report(&mut report);
        assert_eq!(
            details["inbox"],
            serde_json::json!({ "oldestRowMs": null, "deposited": 3, "drained": 0 })
        );
        assert_eq!((&details["panics"], &report["panics"]), (&2.into(), &2.into()));
        assert_eq!((&report["hooks"]["deposited"], report.get("inbox")), (&3.into(), None));
        let streams =
            (&report["streams"]["open"], &report["streams"]["opened"], &details["streams"]["opened"]);
        assert_eq!(streams, (&1.into(), &1.into(), &1.into()));
        assert_eq!(details["streams"].get("open"), None, "no counter");
    }

    #[test]
    fn each_counter_has_the_row_that_bears_its_name() {
        let vitals = Vitals::default();
        vitals.hooks_denied.add(3);
        vitals.panics.add(2);
        let told: Vec<_> = vitals
            .counters()
            .filter(|(_, value)| *value > 0)
            .map(|(metric, value)| (metric.name, value))
            .collect();
        assert_eq!(told, [("boardcast_hooks_denied_total", 3), ("boardcast_panics_total", 2)]);
    }
}
