//! Derived numbers: what a change of items makes of a board's metrics, and of that what is worth telling. What was told
//! is kept as records that change in the same step as the announcement, so each change is told once, whatever the number
//! of instances, and the chain from one value to the next never breaks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::board::figures::{Calculator, Inputs};
use crate::board::projection::Projection;
use crate::domain::metrics;
use crate::domain::metrics::threshold::{self, AnnounceAt, AnnouncedValue, Announcement, Reading};
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::record::last_announced::{Announced, AnnouncedRecord, KEYS, OUTLOOK};
use crate::domain::scope::{Audience, Scope};
use crate::domain::stored::hash_of;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, EVENT_BYTES_MAX, MetricReason};
use crate::domain::wire::view::{MetricView, Outlook, SprintVerdict, board_url};
use crate::domain::{Hundredths, Level, Text};
use crate::journal::{Commit, EntryId, Version};
use crate::ops::failpoints::{self, Failpoint};
use crate::ops::instance::Instance;
use crate::ops::vitals::Vitals;
use crate::write::commit::{Change, CommitBuilder, CommitError, commit_unheld};
use crate::write::teams::TeamKeeper;

/// How numbers are announced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeriveSettings {
    /// By which fraction of what was last said a metric has to move to be announced at once: 0.05 is five percent.
    pub fraction: f64,
    /// How long it takes at least from one look at changed boards to the next.
    pub pause: Duration,
    /// After how long what has not moved by enough is announced nevertheless.
    pub settle: Duration,
}

impl Default for DeriveSettings {
    fn default() -> Self {
        Self {
            fraction: threshold::FRACTION_DEFAULT,
            pause: Duration::from_millis(100),
            settle: Duration::from_secs(10),
        }
    }
}

/// How many bytes of an event the detail of a metric takes at most.
const DETAIL_BYTES_MAX: usize = EVENT_BYTES_MAX / 2;

/// What derives.
pub struct Deriver {
    /// This instance.
    pub instance: Instance,
    /// Computes figures.
    pub calculator: Arc<Calculator>,
    /// Keeps the records of teams: with the settle tick, sprints begin and end.
    pub teams: TeamKeeper,
    /// How numbers are announced.
    pub settings: DeriveSettings,
}

impl Deriver {
    /// Derives a board as soon as it changes, and then at most once in a pause; never returns.
    pub async fn follow(self: Arc<Self>) {
        let (mut moved, mut contact) =
            (self.instance.fold.watch(), self.instance.fold.watch_journal_status());
        let mut derived = HashMap::new();
        loop {
            let _ = contact.wait_for(|contact| *contact == JournalStatus::Following).await;
            self.derive_changed(&mut derived).await;
            tokio::time::sleep(self.settings.pause).await;
            // The sender lives as long as the fold, so waiting cannot fail.
            let _ = moved.changed().await;
        }
    }

    /// Announces at every settle tick what stayed below the threshold, and what another instance left underived when
    /// it died; never returns. One instance does it for all.
    pub async fn settle(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.settings.settle).await;
            if self.instance.fold.journal_status() != JournalStatus::Following {
                continue;
            }
            let lease =
                self.instance.leases.lease("settle", &self.instance.id, self.settings.settle * 2).await;
            if lease == Ok(true) {
                self.settle_once().await;
            }
        }
    }

    /// One settle tick: sprints that began or ended, then every board.
    pub async fn settle_once(&self) {
        if let Err(error) = self.teams.roll_over().await {
            tracing::warn!(%error, "a sprint's beginning could not be announced; the next tick tries again");
        }
        self.derive_all(AnnounceAt::Settle).await;
        let state = self.instance.fold.read();
        self.calculator.retain(|scope| state.is_served(scope));
    }

    /// Announces what is to be said of every board. What fails is left to the next settle tick.
    pub async fn derive_all(&self, at: AnnounceAt) {
        let scopes: Vec<Scope> = self.instance.fold.read().scopes().map(|(scope, _)| scope).collect();
        for scope in scopes {
            self.derive_logged(scope, at).await;
        }
    }

    async fn derive_changed(&self, derived: &mut HashMap<Scope, EntryId>) {
        let changed: Vec<(Scope, EntryId)> = {
            let state = self.instance.fold.read();
            let is_new = |(scope, changed): &(Scope, EntryId)| derived.get(scope) != Some(changed);
            state.scopes().map(|(scope, board)| (scope, board.changed)).filter(is_new).collect()
        };
        derived.retain(|scope, _| self.instance.fold.read().board(*scope).is_some());
        for (scope, changed) in changed {
            failpoints::reached(Failpoint::Folded);
            self.derive_logged(scope, AnnounceAt::Now).await;
            derived.insert(scope, changed);
        }
    }

    async fn derive_logged(&self, scope: Scope, at: AnnounceAt) {
        if let Err(error) = self.derive(scope, at).await {
            tracing::warn!(%error, "numbers could not be announced; the next settle tick tries again");
        }
    }

    /// Announces what is to be said of a board; returns how many events that were.
    ///
    /// Errors: the journal failed, or other instances came first each time. What was not announced is announced by the
    /// next settle tick.
    pub async fn derive(&self, scope: Scope, at: AnnounceAt) -> Result<usize, CommitError> {
        let committed = commit_unheld(&self.instance, || self.commit_of(scope, at)).await?;
        Ok(committed.map_or(0, |committed| committed.events))
    }

    /// The commit that says what is to be said of a board now; `None` when that is nothing.
    fn commit_of(&self, scope: Scope, at: AnnounceAt) -> Option<Commit> {
        if self.instance.fold.journal_status() != JournalStatus::Following {
            // What cannot be said now is still to be said at the settle tick that follows.
            return None;
        }
        let now = (self.instance.clock)();
        let (inputs, mut draft) = {
            let state = self.instance.fold.read();
            let is_due =
                state.is_served(scope) && !state.awaits_source(scope) && !state.awaits_comparison(scope);
            let inputs = is_due.then(|| Inputs::of(&state, scope, now));
            (inputs, Draft::new(&state, scope, now, self))
        };
        // The fold is not held while this is computed; the draft has what was said as of the same position.
        if let Some(inputs) = inputs {
            let figures = self.calculator.figures(&inputs, now);
            draft.announce_metrics(&figures, at, &self.instance.vitals);
            draft.announce_outlook(figures.outlook, at);
        }
        draft.announce_stale_keys();
        draft.commit()
    }
}

/// A metric as it was just computed.
#[derive(Clone, Copy)]
struct Computed<'f> {
    metric: &'static metrics::Metric,
    view: &'f MetricView,
    /// A hash of its detail.
    detail: Option<u64>,
}

/// A commit of announcements while it is built.
struct Draft {
    scope: Scope,
    envelope: event::Envelope,
    position: EntryId,
    changed: EntryId,
    /// What was last announced, by name, with the versions.
    last: HashMap<String, (Announced, Version)>,
    fraction: f64,
    records: Vec<(AnnouncedRecord, Option<Version>)>,
    events: Vec<Bytes>,
}

impl Draft {
    fn new(state: &Projection, scope: Scope, now: Timestamp, deriver: &Deriver) -> Self {
        let board = state.board(scope);
        let last = state.announced_of(scope);
        let envelope = event::Envelope {
            changed_at: board.and_then(|board| board.changed_at),
            ..state.envelope(scope, now, Cause::System, deriver.instance.demo)
        };
        Self {
            scope,
            envelope,
            position: state.position(),
            changed: board.map(|board| board.changed).unwrap_or_default(),
            last: last
                .map(|(name, last)| (name.to_owned(), (last.statement.clone(), last.version)))
                .collect(),
            fraction: deriver.settings.fraction,
            records: Vec::new(),
            events: Vec::new(),
        }
    }

    fn announce_metrics(&mut self, figures: &metrics::Figures, at: AnnounceAt, vitals: &Vitals) {
        let known = figures.metrics.iter().filter_map(|(id, view)| Some((metrics::metric(id)?, view)));
        let computed: Vec<Computed<'_>> = known
            .map(|(metric, view)| Computed { metric, view, detail: view.detail.as_ref().map(hash_of) })
            .collect();
        for metric in &computed {
            self.announce_metric(metric, at, vitals);
        }
        for metric in &computed {
            self.announce_detail(metric, at);
        }
    }

    fn announce_metric(&mut self, computed: &Computed<'_>, at: AnnounceAt, vitals: &Vitals) {
        let Computed { metric, view, detail } = *computed;
        let (last, known) = match self.last.get(metric.id) {
            Some((Announced::Metric { value, detail, .. }, _)) => (Some(*value), *detail),
            _ => (None, None),
        };
        let reading = Reading { value: view.value, level: self.envelope.level };
        match threshold::decide(last, reading, metric.rule(self.fraction), at) {
            Announcement::Nothing => return,
            Announcement::Later => {
                vitals.changes_suppressed.add(1);
                return;
            }
            Announcement::Record => {}
            Announcement::Announce { reason, change_percent } => {
                let previous = last.and_then(AnnouncedValue::value);
                self.tell_metric(computed, previous, change_percent, reason, detail != known);
            }
        }
        self.record_metric(computed, AnnouncedValue::after(last, view.value));
    }

    /// What a number is made of, where that changed and the number did not: together with any other number, whose parts
    /// it may tell, or with the settle tick.
    fn announce_detail(&mut self, computed: &Computed<'_>, at: AnnounceAt) {
        let Computed { metric, view, detail } = *computed;
        let is_told = |(record, _): &(AnnouncedRecord, _)| record.statement.name() == metric.id;
        let is_due = at == AnnounceAt::Settle || !self.events.is_empty();
        if self.envelope.level != Level::Full || !is_due || self.records.iter().any(is_told) {
            return;
        }
        let Some((Announced::Metric { value, detail: known, .. }, _)) = self.last.get(metric.id) else {
            return;
        };
        let (value, known) = (*value, *known);
        // A number that moved by too little to be told yet is told with its detail.
        if value.value() != view.value || detail == known {
            return;
        }
        if known.is_some() && detail.is_some() {
            self.tell_metric(computed, view.value, None, MetricReason::Detail, true);
        }
        self.record_metric(computed, value);
    }

    fn tell_metric(
        &mut self,
        Computed { metric, view, .. }: &Computed<'_>,
        previous: Option<Hundredths>,
        change_percent: Option<Hundredths>,
        reason: MetricReason,
        is_detail_news: bool,
    ) {
        let detail = view.detail.clone().filter(|_| is_detail_news);
        let is_too_large = |detail: &serde_json::Value| detail.to_string().len() > DETAIL_BYTES_MAX;
        let url = detail.as_ref().filter(|detail| is_too_large(detail)).map(|_| board_url(self.scope, None));
        let body = Body::MetricChanged {
            metric: metric.id,
            value: view.value,
            previous,
            change_percent,
            unit: view.unit,
            reason,
            threshold: self.fraction,
            detail: detail.filter(|_| url.is_none()),
            url,
        };
        self.events.push(event::encode(&self.envelope, &body));
    }

    fn record_metric(&mut self, computed: &Computed<'_>, value: AnnouncedValue) {
        let Computed { metric, view, detail } = *computed;
        let unit = (metric.unit != view.unit).then_some(view.unit);
        self.record(Announced::Metric { metric: metric.id.into(), value, unit, detail });
    }

    /// A new verdict at once, and whatever else changed of its numbers together with what is left, or with the settle tick: a
    /// sentence must not say another number than the tile below it.
    fn announce_outlook(&mut self, outlook: Option<Outlook>, at: AnnounceAt) {
        let Some(outlook) = outlook.filter(|_| self.envelope.level == Level::Full) else { return };
        let last = match self.last.get(OUTLOOK) {
            Some((Announced::Outlook { verdict, text }, _)) => Some((*verdict, text)),
            _ => None,
        };
        let is_left = |statement: &Announced| match statement {
            Announced::Metric { metric, .. } => metrics::OUTLOOK_NAMES.contains(&&**metric),
            _ => false,
        };
        let names_news = self.records.iter().any(|(record, _)| is_left(&record.statement));
        let is_news = |(verdict, text): (SprintVerdict, &Text)| {
            verdict != outlook.verdict || (at == AnnounceAt::Settle || names_news) && *text != outlook.text
        };
        let is_first = last.is_none();
        if !last.is_none_or(is_news) {
            return;
        }
        let said = Announced::Outlook { verdict: outlook.verdict, text: outlook.text.clone() };
        if !is_first {
            self.events.push(event::encode(&self.envelope, &Body::OutlookChanged { outlook }));
        }
        self.record(said);
    }

    /// After the new data, for clients that keep lists by these keys: that what they have is stale. Once for each
    /// sprint and each look at it, not for each item.
    fn announce_stale_keys(&mut self) {
        let Some(sprint) = self.scope.sprint else { return };
        let covered = match self.last.get(KEYS) {
            Some((Announced::Keys { changed }, _)) => Some(*changed),
            _ => None,
        };
        if covered >= Some(self.changed) || self.changed == EntryId::ZERO {
            return;
        }
        if covered.is_some() {
            let project = self.scope.project;
            let keys = vec![
                format!("workitems-{project}-{sprint}"),
                format!("sprint-{sprint}"),
                format!("kpis-{project}-{sprint}"),
            ];
            let body = Body::CacheInvalidated { keys, reason: "work items changed".into() };
            self.events.push(event::encode(&self.envelope, &body));
        }
        self.record(Announced::Keys { changed: self.changed });
    }

    fn record(&mut self, statement: Announced) {
        let version = self.last.get(statement.name()).map(|(_, version)| *version);
        self.records.push((AnnouncedRecord { scope: self.scope, statement, at: self.position }, version));
    }

    fn commit(self) -> Option<Commit> {
        let mut commit = CommitBuilder::new();
        for event in self.events {
            commit.announce(self.scope, event);
        }
        for (record, version) in self.records {
            commit.put(Change::Announced(record), version);
        }
        // Without an event these are a board's first values: its snapshot shows them.
        commit.build(Audience::Scope(self.scope))
    }
}
