//! The calls of `hooks`: subscriptions of service hooks, and what became of their notifications.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::RestClient;
use super::answers::Listed;
use super::transport::Refused;
use crate::devops::CallError;
use crate::devops::subscriptions::endpoint::{ACTION, CONSUMER};
use crate::devops::subscriptions::{
    GRANT_COMMAND, ListedSubscription, Notification, ServiceHooks, WrittenSubscription,
};
use crate::domain::Text;
use crate::domain::degradation::Failure;

/// What whoever is refused lacks.
const PERMISSION: &str =
    "the identity needs the permissions to view, edit and delete the subscriptions of each project";

/// The results of a question about notifications.
#[derive(Deserialize)]
struct Notifications {
    results: Option<Vec<Notification>>,
}

/// A refusal, with what the identity lacks.
fn explained(refused: Refused) -> CallError {
    let mut error = refused.error;
    if error.failure == Failure::Forbidden {
        let separator = if error.message.is_empty() { "" } else { "; " };
        error.message = format!("{}{separator}{PERMISSION}: {GRANT_COMMAND}", error.message);
    }
    error
}

#[async_trait]
impl ServiceHooks for RestClient {
    async fn subscriptions(&self) -> Result<Vec<ListedSubscription>, CallError> {
        let request = self.transport.request("_apis/hooks/subscriptions", &[]);
        let request = request.with("consumerId", CONSUMER).with("consumerActionId", ACTION);
        let listed: Listed<ListedSubscription> = request.send().await.map_err(explained)?;
        Ok(listed.value)
    }

    async fn subscribe(&self, subscription: &WrittenSubscription) -> Result<ListedSubscription, CallError> {
        let request = self.transport.request("_apis/hooks/subscriptions", &[]).posting(&subscription.0);
        request.send().await.map_err(explained)
    }

    async fn replace(
        &self,
        id: &str,
        subscription: &WrittenSubscription,
    ) -> Result<ListedSubscription, CallError> {
        let request = self.transport.request("_apis/hooks/subscriptions/*", &[&id]);
        request.putting(&subscription.0).send().await.map_err(explained)
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), CallError> {
        let request = self.transport.request("_apis/hooks/subscriptions/*", &[&id]).deleting();
        match request.send::<Option<serde_json::Value>>().await {
            Ok(_) => Ok(()),
            Err(refused) if refused.error.failure == Failure::Gone => Ok(()),
            Err(refused) => Err(explained(refused)),
        }
    }

    async fn send_test(&self, notification: &WrittenSubscription) -> Result<Notification, CallError> {
        let request = self.transport.request("_apis/hooks/testnotifications", &[]);
        request.with("useRealData", false).posting(&notification.0).send().await.map_err(explained)
    }

    async fn notification(&self, subscription: &str, number: i64) -> Result<Notification, CallError> {
        let route = "_apis/hooks/subscriptions/*/notifications/*";
        self.transport.request(route, &[&subscription, &number]).send().await.map_err(explained)
    }

    async fn last_notifications(
        &self,
        subscriptions: &[Text],
    ) -> Result<BTreeMap<Text, Notification>, CallError> {
        if subscriptions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let body = json!({
            "subscriptionIds": subscriptions,
            "maxResultsPerSubscription": 1,
            "maxResults": subscriptions.len(),
            "includeDetails": true,
        });
        let request = self.transport.request("_apis/hooks/notificationsquery", &[]).posting(&body);
        let told: Notifications = request.send().await.map_err(explained)?;
        let mut newest = BTreeMap::<Text, Notification>::new();
        for notification in told.results.into_iter().flatten() {
            let Some(id) = notification.subscription_id.clone() else { continue };
            let known = newest.entry(id).or_insert_with(|| notification.clone());
            if known.id < notification.id {
                *known = notification;
            }
        }
        Ok(newest)
    }
}
