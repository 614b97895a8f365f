//! What `boardcast hooks` prints: a line for each subscription, and for each step.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Errand;
use crate::devops::subscriptions::Notification;
use crate::domain::scope::Text;
use crate::domain::subscription::plan::HookStep;
use crate::domain::subscription::{HookSubscription, SubscriptionStatus, WantedHook};
use crate::domain::time::Timestamp;

/// A line of the status.
pub(super) struct Row<'a> {
    pub(super) wanted: WantedHook,
    pub(super) found: Option<&'a HookSubscription>,
    pub(super) last: Option<&'a Notification>,
}

impl Row<'_> {
    fn status(&self) -> &'static str {
        self.found.map_or("missing", |found| found.status.as_str())
    }

    /// Whether its last delivery failed: Azure DevOps tries that one again, and calls the subscription enabled meanwhile.
    pub(super) fn has_failed_last(&self) -> bool {
        self.last.is_some_and(|last| last.result.as_deref() == Some("failed"))
    }

    /// Why the last delivery failed.
    fn error(&self, errand: &Errand<'_>) -> Option<String> {
        let error = self.last?.details.as_ref()?.error_message.as_deref()?;
        Some(errand.keeper.endpoint.redacted(error))
    }

    /// When the last delivery ended, and how long that was after it was put into the queue, in ms.
    fn delivery(&self) -> (Option<Text>, Option<i64>) {
        let details = self.last.and_then(|last| last.details.as_ref());
        let at = details.and_then(|details| details.completed_date.clone());
        let began = details.and_then(|details| details.queued_date.clone());
        let began = began.or_else(|| self.last?.created_date.clone());
        let lag = at.as_deref().and_then(Timestamp::parse).zip(began.as_deref().and_then(Timestamp::parse));
        let at = at.or_else(|| self.last?.created_date.clone());
        (at, lag.map(|(ended, began)| ended.ms_since(began)))
    }

    pub(super) fn json(&self, errand: &Errand<'_>, removed: &BTreeMap<&str, &'static str>) -> Value {
        let (at, lag_ms) = self.delivery();
        let result = self.last.and_then(|last| last.result.clone());
        let found = self.found;
        json!({
            "project": errand.name(self.wanted.project),
            "projectId": self.wanted.project,
            "event": self.wanted.event.event_type(),
            "id": found.map(|found| &found.id),
            "status": self.status(),
            "probationRetries": found.and_then(|found| found.probation_retries),
            "differences": found.map(|found| &found.differences),
            "owner": found.and_then(|found| found.owner.as_ref()),
            "superfluous": found.and_then(|found| removed.get(&*found.id)),
            "lastDelivery": self.last.map(|_| json!({
                "at": at,
                "result": result,
                "lagMs": lag_ms,
                "error": self.error(errand),
            })),
        })
    }

    pub(super) fn cells(&self, errand: &Errand<'_>, removed: &BTreeMap<&str, &'static str>) -> Vec<String> {
        let (at, lag_ms) = self.delivery();
        let result = self.last.and_then(|last| last.result.as_deref());
        let found = self.found;
        let retries = found.and_then(|found| found.probation_retries).filter(|retries| *retries > 0);
        let mut remarks: Vec<String> =
            retries.map(|retries| format!("tried again {retries} times")).into_iter().collect();
        remarks
            .extend(found.into_iter().flat_map(|found| &found.differences).map(|of| of.as_str().to_owned()));
        remarks.extend(found.and_then(|found| removed.get(&*found.id)).map(|why| (*why).to_owned()));
        if self.has_failed_last() {
            let why = self.error(errand).unwrap_or_else(|| "it is not said why".into());
            remarks.push(format!("last delivery failed: {why}"));
        }
        vec![
            errand.name(self.wanted.project),
            self.wanted.event.event_type().into(),
            self.status().into(),
            at.map_or_else(|| "-".into(), |at| format!("{at} {}", result.unwrap_or("unknown"))),
            lag_ms.map_or_else(|| "-".into(), |ms| format!("{ms} ms")),
            found.and_then(|found| found.owner.as_deref()).unwrap_or("-").into(),
            remarks.join(", "),
        ]
    }
}

/// The subscription that a step removes, and why.
pub(super) fn superfluous(step: &HookStep) -> Option<(&str, &'static str)> {
    match step {
        HookStep::Remove { id, why, .. } => Some((id, why.as_str())),
        _ => None,
    }
}

/// What a step does, in a word, and why.
pub(super) fn step_words(step: &HookStep) -> (&'static str, String) {
    match step {
        HookStep::Create(_) => ("create", "there is none".into()),
        HookStep::Renew { .. } => ("renew", "its owner is gone".into()),
        HookStep::Remove { why, .. } => ("remove", why.as_str().into()),
        HookStep::Replace { status, differences, .. } => {
            let differences = differences.iter().map(|difference| difference.as_str());
            let is_enabled = *status == SubscriptionStatus::Enabled;
            let status = Some(status.as_str()).filter(|_| !is_enabled);
            ("replace", status.into_iter().chain(differences).collect::<Vec<_>>().join(", "))
        }
    }
}
