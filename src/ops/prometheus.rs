//! The vitals in Prometheus' text format (version 0.0.4).

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::board::numbers::BoardNumbers;
use crate::domain::entry_id::EntryId;
use crate::domain::subscription::health::{HookHealth, HookState, HookStatus};
use crate::domain::target::Target;
use crate::domain::time::Timestamp;
use crate::ops::instance::Instance;
use crate::ops::instances::Instances;
use crate::ops::vitals::{
    BOARD_METRIC, BOARDS_LEFT_OUT, DEAD_LETTERS, DELIVERY, ExportedMetric, Figure, Histogram, INSTANCE,
    INSTANCES, JOURNAL_LAG, LAST_DATA_UPDATE, LAST_HOOK, LAST_SYNC, LIST_READS, OLDEST_ENTRY, READS, READY,
    REQUESTS, STARTED, STREAMS, TARGET_MET, TARGET_SAMPLES, TARGET_SHARE, TARGET_WANTED, TO_FETCH, Vitals,
    WEBHOOK_HOLES, WEBHOOKS,
};

/// The media type of the text.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How many boards there are metrics of at most. Each has some twenty series, and whoever scrapes them keeps them all.
pub(crate) const BOARDS_MAX: usize = 500;

/// How many characters of a name stand in a label.
const NAME_CHARS_MAX: usize = 128;

/// Everything, each metric once and in the order of the table. `reasons` are all for which a payload can be of no use,
/// `endpoints` all that requests are counted under; `boards` the metrics of boards, where they are asked for, and how many
/// boards were left out.
pub(crate) fn text(
    instances: &Instances,
    ready: bool,
    reasons: &[&'static str],
    endpoints: impl Iterator<Item = &'static str>,
    boards: Option<&(Vec<BoardNumbers>, usize)>,
) -> String {
    let mut text = Text::default();
    let Instance { id, journal, fold, vitals, .. } = &instances.instance;
    for (metric, value) in vitals.counters() {
        text.head(metric);
        text.sample(metric.name, &[], value);
    }
    text.targets(vitals, (instances.instance.clock)());
    text.head(&INSTANCE);
    text.sample(INSTANCE.name, &[("version", env!("CARGO_PKG_VERSION")), ("instance", id)], 1);
    let lag = vitals.journal_lag_ms(fold.position());
    let oldest = journal.condition().oldest.map(EntryId::appended_at);
    for (metric, value) in [
        (&STARTED, Some(seconds(instances.started_at))),
        (&READY, Some(f64::from(ready))),
        (&INSTANCES, Some(instances.seen().instances.len() as f64)),
        (&STREAMS, Some(vitals.streams.value() as f64)),
        (&JOURNAL_LAG, lag.map(|ms| ms as f64 / 1_000.0)),
        (&TO_FETCH, Some(fold.read().todo().count() as f64)),
        (&OLDEST_ENTRY, oldest.map(seconds)),
    ] {
        text.gauge(metric, value);
    }
    text.webhooks(&fold.read().checked().hooks);
    for (metric, value) in [
        (&LAST_DATA_UPDATE, vitals.last_data_update.value().map(seconds)),
        (&LAST_HOOK, vitals.last_hook.value().map(seconds)),
        (&LAST_SYNC, vitals.last_sync.value().map(seconds)),
    ] {
        text.gauge(metric, value);
    }
    text.head(&DEAD_LETTERS);
    for (reason, count) in vitals.dead_letters.by_reason(reasons) {
        text.sample(DEAD_LETTERS.name, &[("reason", reason)], count);
    }
    for (metric, reads) in [(&READS, &vitals.reads), (&LIST_READS, &vitals.list_reads)] {
        text.head(metric);
        for (outcome, count) in reads.total() {
            text.sample(metric.name, &[("outcome", outcome.as_str())], count);
        }
    }
    text.head(&REQUESTS);
    for endpoint in endpoints {
        text.histogram(&REQUESTS, &[("endpoint", endpoint)], &vitals.requests.of(endpoint));
    }
    text.head(&DELIVERY);
    text.histogram(&DELIVERY, &[], &vitals.delivery);
    text.boards(boards);
    text.0
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
        let _ = writeln!(self.0, "# TYPE {} {}", metric.name, metric.kind);
    }

    fn gauge(&mut self, metric: &ExportedMetric, value: Option<f64>) {
        self.head(metric);
        // A metric without a value has no sample: no number stands for "not known".
        if let Some(value) = value {
            self.sample(metric.name, &[], value);
        }
    }

    /// How subscriptions do. Where none is looked after there is no sample.
    fn webhooks(&mut self, hooks: &HookHealth) {
        let all: Vec<&HookState> = hooks.all().map(|(_, state)| state).collect();
        self.head(&WEBHOOKS);
        for status in HookStatus::ALL.into_iter().filter(|_| !all.is_empty()) {
            let count = all.iter().filter(|state| state.status == status).count();
            self.sample(WEBHOOKS.name, &[("status", status.as_str())], count);
        }
        let missed = all.iter().map(|state| u64::from(state.hole.or(state.missed).unwrap_or(0))).sum::<u64>();
        self.gauge(&WEBHOOK_HOLES, (!all.is_empty()).then_some(missed as f64));
    }

    fn targets(&mut self, vitals: &Vitals, now: Timestamp) {
        let figures = Target::ALL.map(|target| (target, vitals.figure(target, now)));
        let of = |value: fn(Target, &Figure) -> Option<f64>| {
            figures.iter().map(move |(target, figure)| (target.as_str(), value(*target, figure)))
        };
        let rows = [
            (&TARGET_MET, of(|_, figure| figure.met.map(f64::from))),
            (&TARGET_SHARE, of(|_, figure| figure.share)),
            (&TARGET_WANTED, of(|target, _| Some(target.share()))),
            (&TARGET_SAMPLES, of(|_, figure| Some(figure.samples as f64))),
        ];
        for (metric, values) in rows {
            self.head(metric);
            for (target, value) in values {
                if let Some(value) = value {
                    self.sample(metric.name, &[("target", target)], value);
                }
            }
        }
    }

    fn boards(&mut self, boards: Option<&(Vec<BoardNumbers>, usize)>) {
        self.head(&BOARD_METRIC);
        let mut named = BTreeSet::new();
        for BoardNumbers { board, metrics } in boards.into_iter().flat_map(|(boards, _)| boards) {
            let id = board.team_id.map(|team| team.to_string());
            let name = board.team.as_deref().map(cut).or_else(|| id.clone()).unwrap_or_default();
            let project = board.project.as_deref().map_or_else(|| board.project_id.to_string(), cut);
            let mut labels = (project, name);
            // A scrape in which a series comes twice is refused as a whole. For a moment two projects may have one name.
            if !named.insert(labels.clone()) {
                labels = (board.project_id.to_string(), id.unwrap_or_default());
            }
            let (project, team) = &labels;
            for (metric, value) in metrics.iter().filter_map(|(metric, view)| Some((metric, view.value?))) {
                let labels = [("project", &**project), ("team", team), ("metric", metric)];
                self.sample(BOARD_METRIC.name, &labels, value.units());
            }
        }
        self.head(&BOARDS_LEFT_OUT);
        if let Some((_, left_out)) = boards {
            self.sample(BOARDS_LEFT_OUT.name, &[], left_out);
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn histogram(&mut self, metric: &ExportedMetric, labels: &[(&str, &str)], histogram: &Histogram) {
        let bucket = format!("{}_bucket", metric.name);
        let cumulative = histogram.cumulative();
        for (bound, count) in &cumulative {
            let bound =
                bound.map_or("+Inf".to_owned(), |ms| Duration::from_millis(ms).as_secs_f64().to_string());
            self.sample(&bucket, &[labels, &[("le", &bound)]].concat(), count);
        }
        let total = cumulative.last().map_or(0, |(_, total)| *total);
        self.sample(&format!("{}_sum", metric.name), labels, histogram.sum().as_secs_f64());
        self.sample(&format!("{}_count", metric.name), labels, total);
    }
}

/// What of a name stands in a label.
fn cut(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::board::projection::Projection;
    use crate::domain::owner::Owner;
    use crate::domain::wire::view::{MetricView, ScopeView, Unit};
    use crate::domain::{Hundredths, ProjectId, TeamId};
    use crate::journal::memory::MemoryJournal;
    use crate::journal::{LoadedRecords, LogRetention, Store};
    use crate::ops::vitals::{METRICS, Vitals};

    fn text_of(vitals: Vitals) -> String {
        text_with(vitals, None)
    }

    fn text_with(vitals: Vitals, boards: Option<&(Vec<BoardNumbers>, usize)>) -> String {
        let clock: crate::platform::clock::Clock = Arc::new(|| Timestamp::from_epoch_ms(1_500));
        let store = Store::of(Arc::new(MemoryJournal::new(clock.clone(), LogRetention::DEFAULT)));
        let instance = Instance::new(&store, Owner::demo(None), clock, false);
        let position = EntryId { ms: 1_250, seq: 0 };
        let loaded = LoadedRecords { records: Vec::new(), position, whole_at: position };
        instance.fold.reset(Projection::from_records(loaded).0);
        let instance = Instance { id: "a\"b\\c\nd".into(), vitals: Arc::new(vitals), ..instance };
        text(&Instances::new(instance, store.reports), true, &["empty"], ["webhook"].into_iter(), boards)
    }

    /// A board of these names, of the project and team whose ids end in that digit.
    fn board(digit: u32, project: Option<&str>, team: Option<&str>) -> BoardNumbers {
        let id = format!("00000000-0000-0000-0000-00000000000{digit}");
        let value = |value| MetricView {
            value,
            unit: Unit::Points,
            reason: None,
            approximate: false,
            partial: None,
            detail: None,
        };
        BoardNumbers {
            board: ScopeView {
                project_id: ProjectId::parse(&id).unwrap(),
                project: project.map(Into::into),
                team_id: team.map(|_| TeamId::parse(&id).unwrap()),
                team: team.filter(|team| !team.is_empty()).map(Into::into),
                sprint_id: None,
                sprint: None,
            },
            metrics: [("points.total", Some(Hundredths::from_hundredths(1250))), ("lead.p50", None)]
                .map(|(id, of)| (id, value(of)))
                .into(),
        }
    }

    fn samples_of_boards(boards: Vec<BoardNumbers>, left_out: usize) -> Vec<String> {
        let text = text_with(Vitals::default(), Some(&(boards, left_out)));
        text.lines().filter(|line| line.starts_with("boardcast_board_")).map(str::to_owned).collect()
    }

    #[test]
    fn metrics_of_boards_have_a_sample_where_they_have_a_value_and_labels_that_are_escaped() {
        let told =
            samples_of_boards(vec![board(1, Some("A \"b\" \\c"), Some("d\ne")), board(2, None, None)], 3);
        let no_name = "00000000-0000-0000-0000-000000000002";
        assert_eq!(
            told,
            [
                r#"boardcast_board_metric{project="A \"b\" \\c",team="d\ne",metric="points.total"} 12.5"#
                    .to_owned(),
                format!(
                    "boardcast_board_metric{{project=\"{no_name}\",team=\"\",metric=\"points.total\"}} 12.5"
                ),
                "boardcast_board_metrics_left_out 3".to_owned(),
            ]
        );
        let unasked = text_of(Vitals::default());
        assert!(unasked.contains("# TYPE boardcast_board_metric gauge\n"), "the table is the same");
        assert!(!unasked.lines().any(|line| line.starts_with("boardcast_board_metric")));
    }

    #[test]
    fn no_series_of_boards_comes_twice_and_no_label_is_long() {
        let long = "n".repeat(NAME_CHARS_MAX);
        let (one, other) = (format!("{long}1"), format!("{long}2"));
        let boards = [(1, &*one), (2, &*other)].map(|(digit, team)| board(digit, Some("P"), Some(team)));
        let told = samples_of_boards(boards.into(), 0);
        assert!(told[0].contains(&format!("project=\"P\",team=\"{long}\"")), "{told:?}");
        let of_ids = "00000000-0000-0000-0000-000000000002";
        assert!(told[1].contains(&format!("project=\"{of_ids}\",team=\"{of_ids}\"")), "{told:?}");
        let unnamed = samples_of_boards(vec![board(3, Some("P"), Some(""))], 0);
        assert!(unnamed[0].contains("team=\"00000000-0000-0000-0000-000000000003\""), "{unnamed:?}");
    }

    #[test]
    fn every_metric_of_the_table_is_told_once_and_in_its_order() {
        let text = text_of(Vitals::default());
        let told: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let table: Vec<_> = METRICS.iter().map(|metric| format!("{} {}", metric.name, metric.kind)).collect();
        assert_eq!(told, table);
    }

    #[test]
    fn values_are_in_seconds_and_labels_are_escaped() {
        let vitals = Vitals::default();
        vitals.delivery.record_ms(3);
        vitals.last_hook.set(Some(Timestamp::from_epoch_ms(1_795_420_800_663)));
        vitals.log_seen(EntryId { ms: 1_500, seq: 0 });
        let text = text_of(vitals);
        let version = env!("CARGO_PKG_VERSION");
        for line in [
            &*format!("boardcast_instance_info{{version=\"{version}\",instance=\"a\\\"b\\\\c\\nd\"}} 1"),
            "boardcast_start_time_seconds 1.5",
            "boardcast_ready 1",
            "boardcast_instances 1",
            "boardcast_streams_open 0",
            "boardcast_journal_lag_seconds 0.25",
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
