//! The vitals in Prometheus' text format (version 0.0.4).

use std::fmt::Write as _;
use std::time::Duration;

use super::{
    DEAD_LETTERS, DELIVERY, ExportedMetric, Histogram, INSTANCE, INSTANCES, JOURNAL_LAG, LAST_DATA_UPDATE,
    LAST_HOOK, LAST_SYNC, LIST_READS, OLDEST_ENTRY, READS, READY, REQUESTS, ReadOutcome, STARTED, STREAMS,
    TimeGauge, Vitals,
};
use crate::domain::time::Timestamp;

/// The media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is told beside the vitals.
#[derive(Clone, Copy, Debug)]
pub struct InstanceFacts<'a> {
    /// The random id of this process.
    pub id: &'a str,
    /// The version of boardcast.
    pub version: &'a str,
    /// When it started.
    pub started_at: Timestamp,
    /// Whether the journal was loaded.
    pub ready: bool,
    /// How many instances share the journal, as last seen.
    pub instances: usize,
    /// How far the fold is behind the log, in milliseconds, if that is known.
    pub journal_lag_ms: Option<u64>,
    /// When the oldest entry was written that the log was last seen to hold.
    pub log_reaches_back_to: Option<Timestamp>,
    /// Every reason for which a payload can be of no use.
    pub dead_letter_reasons: &'a [&'static str],
    /// Everything that requests are counted under.
    pub endpoints: &'a [&'static str],
}

/// Everything, each metric once and in the order of the table.
pub fn text(vitals: &Vitals, instance: &InstanceFacts<'_>) -> String {
    let mut text = Text::default();
    for (metric, value) in vitals.counters() {
        text.head(metric);
        text.sample(metric.name, &[], value);
    }
    text.head(&INSTANCE);
    text.sample(INSTANCE.name, &[("version", instance.version), ("instance", instance.id)], 1);
    text.optional(&STARTED, Some(seconds(instance.started_at)));
    text.optional(&READY, Some(f64::from(u8::from(instance.ready))));
    text.optional(&INSTANCES, Some(instance.instances as f64));
    text.head(&STREAMS);
    text.sample(STREAMS.name, &[], vitals.streams.value());
    text.optional(&JOURNAL_LAG, instance.journal_lag_ms.map(|ms| Duration::from_millis(ms).as_secs_f64()));
    text.optional(&OLDEST_ENTRY, instance.log_reaches_back_to.map(seconds));
    text.optional(&LAST_DATA_UPDATE, moment(&vitals.last_data_update));
    text.optional(&LAST_HOOK, moment(&vitals.last_hook));
    text.optional(&LAST_SYNC, moment(&vitals.last_sync));
    text.head(&DEAD_LETTERS);
    for (reason, count) in vitals.dead_letters.by_reason(instance.dead_letter_reasons) {
        text.sample(DEAD_LETTERS.name, &[("reason", reason)], count);
    }
    for (metric, reads) in [(&READS, &vitals.reads), (&LIST_READS, &vitals.list_reads)] {
        text.head(metric);
        let total = reads.total();
        for outcome in ReadOutcome::ALL {
            text.sample(metric.name, &[("outcome", outcome.as_str())], total.of(outcome));
        }
    }
    text.head(&REQUESTS);
    for endpoint in instance.endpoints {
        text.histogram(&REQUESTS, &[("endpoint", endpoint)], &vitals.requests.of(endpoint));
    }
    text.head(&DELIVERY);
    text.histogram(&DELIVERY, &[], &vitals.delivery);
    text.0
}

fn moment(moment: &TimeGauge) -> Option<f64> {
    moment.value().map(seconds)
}

/// Prometheus counts in seconds; milliseconds since 1970 are exact in this form for a long time to come.
fn seconds(at: Timestamp) -> f64 {
    at.epoch_ms() as f64 / 1_000.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, metric: &ExportedMetric) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {} {}", metric.name, metric.help);
        let _ = writeln!(self.0, "# TYPE {} {}", metric.name, metric.kind.as_str());
    }

    /// A metric without a value has no sample: no number stands for "not known".
    fn optional(&mut self, metric: &ExportedMetric, value: Option<f64>) {
        self.head(metric);
        if let Some(value) = value {
            self.sample(metric.name, &[], value);
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn histogram(&mut self, metric: &ExportedMetric, labels: &[(&str, &str)], histogram: &Histogram) {
        let (cumulative, total) = histogram.cumulative();
        let bucket = format!("{}_bucket", metric.name);
        let bounded = cumulative
            .iter()
            .map(|(ms, count)| (Duration::from_millis(*ms).as_secs_f64().to_string(), count));
        for (bound, count) in bounded.chain([("+Inf".to_owned(), &total)]) {
            self.sample(&bucket, &[labels, &[("le", &bound)]].concat(), count);
        }
        self.sample(&format!("{}_sum", metric.name), labels, histogram.sum().as_secs_f64());
        self.sample(&format!("{}_count", metric.name), labels, total);
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::METRICS;
    use super::*;

    const INSTANCE_OF_TEST: InstanceFacts<'_> = InstanceFacts {
        id: "a\"b\\c\nd",
        version: "1.2.3",
        started_at: Timestamp::from_epoch_ms(1_500),
        ready: true,
        instances: 2,
        journal_lag_ms: Some(250),
        log_reaches_back_to: Some(Timestamp::from_epoch_ms(2_500)),
        dead_letter_reasons: &["empty"],
        endpoints: &["webhook"],
    };

    #[test]
    fn every_metric_of_the_table_is_told_once_and_in_its_order() {
        let text = text(&Vitals::default(), &INSTANCE_OF_TEST);
        let told: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let table: Vec<_> =
            METRICS.iter().map(|metric| format!("{} {}", metric.name, metric.kind.as_str())).collect();
        assert_eq!(told, table);
    }

    #[test]
    fn values_are_in_seconds_and_labels_are_escaped() {
        let vitals = Vitals::default();
        vitals.delivery.record_ms(3);
        vitals.last_hook.set(Timestamp::from_epoch_ms(1_795_420_800_663));
        let text = text(&vitals, &INSTANCE_OF_TEST);
        for line in [
            "boardcast_instance_info{version=\"1.2.3\",instance=\"a\\\"b\\\\c\\nd\"} 1",
            "boardcast_start_time_seconds 1.5",
            "boardcast_ready 1",
            "boardcast_instances 2",
            "boardcast_journal_lag_seconds 0.25",
            "boardcast_journal_oldest_entry_time_seconds 2.5",
            "boardcast_last_hook_time_seconds 1795420800.663",
            "boardcast_dead_letters_total{reason=\"empty\"} 0",
            "boardcast_delivery_latency_seconds_bucket{le=\"0.002\"} 0",
            "boardcast_delivery_latency_seconds_bucket{le=\"0.003\"} 1",
            "boardcast_delivery_latency_seconds_bucket{le=\"+Inf\"} 1",
            "boardcast_delivery_latency_seconds_sum 0.003",
            "boardcast_delivery_latency_seconds_count 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
        }
        assert!(!text.contains("\nboardcast_last_data_update_time_seconds "), "never is no sample");
    }
}
