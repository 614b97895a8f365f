//! Subscriptions of service hooks: the port by which they are listed, made and removed, and how each is to look.
//!
//! A subscription sends the webhook's secret as the password of Basic authentication, and the key of the function in a
//! header. Neither is in its address, which is shown to everybody who may look at subscriptions. Azure DevOps answers a
//! password with asterisks, so a subscription is only ever written as a whole that was built anew: what was read and is
//! written back would have the asterisks for a password.

pub mod endpoint;
pub mod probe;

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::CallError;
use crate::domain::Text;

/// The command by which an identity may look after the subscriptions of a project. It is a permission of each project that
/// none but its administrators have by default (security namespace `ServiceHooks`: view 1, edit 2, delete 4).
pub const GRANT_COMMAND: &str = "az devops security permission update --namespace-id cb594ebe-87dd-4fc9-ac2c-6a10a4c92046 \
                                 --subject <descriptor of the identity> --token PublisherSecurity/<project GUID> --allow-bit 7";

/// A subscription as Azure DevOps lists it, whoever it is of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedSubscription {
    /// Its id.
    pub id: Text,
    /// Its status; older answers leave `enabled` out.
    pub status: Option<Text>,
    /// Who tells: `tfs` for work items.
    pub publisher_id: Option<Text>,
    /// What is told.
    pub event_type: Option<Text>,
    /// The version of what is sent.
    pub resource_version: Option<Text>,
    /// Who is told.
    pub consumer_id: Option<Text>,
    /// How.
    pub consumer_action_id: Option<Text>,
    /// What narrows the events.
    pub publisher_inputs: Option<BTreeMap<Text, Option<Text>>>,
    /// Where they are sent, and with what.
    pub consumer_inputs: Option<BTreeMap<Text, Option<Text>>>,
    /// How often it was tried again on probation: the API writes the number as a text.
    pub probation_retries: Option<Value>,
    /// Who made it.
    pub created_by: Option<ListedIdentity>,
    /// When.
    pub created_date: Option<Text>,
}

/// Who made a subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedIdentity {
    /// The identity's id.
    pub id: Option<Text>,
    /// How it is shown.
    pub display_name: Option<Text>,
}

/// A subscription as it is written. It holds secrets, and does not print.
#[derive(Clone, PartialEq)]
pub struct WrittenSubscription(pub(super) Value);

impl fmt::Debug for WrittenSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A notification, as far as it is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Its number within the subscription.
    pub id: i64,
    /// The subscription that it is of.
    pub subscription_id: Option<Text>,
    /// `queued`, `processing`, `requestInProgress` or `completed`.
    pub status: Option<Text>,
    /// `pending`, `succeeded`, `failed` or `filtered`.
    pub result: Option<Text>,
    /// When it was made.
    pub created_date: Option<Text>,
    /// What became of it, where that was asked for.
    pub details: Option<NotificationDetails>,
}

/// What became of a notification.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationDetails {
    /// When it was put into the queue.
    pub queued_date: Option<Text>,
    /// When the last attempt ended.
    pub completed_date: Option<Text>,
    /// What went wrong.
    pub error_message: Option<Text>,
    /// What was answered: the head of the response.
    pub response: Option<Text>,
}

/// The subscriptions of an organisation.
///
/// Errors of every call: the organisation cannot be asked, refuses it, or is not understood.
#[async_trait]
pub trait ServiceHooks: Send + Sync {
    /// All web hooks of work items that may be seen.
    async fn subscriptions(&self) -> Result<Vec<ListedSubscription>, CallError>;

    /// Makes one.
    async fn subscribe(&self, subscription: &WrittenSubscription) -> Result<ListedSubscription, CallError>;

    /// Writes one as a whole.
    async fn replace(
        &self,
        id: &str,
        subscription: &WrittenSubscription,
    ) -> Result<ListedSubscription, CallError>;

    /// Removes one. That there is none is no error: somebody else was faster.
    async fn unsubscribe(&self, id: &str) -> Result<(), CallError>;

    /// Has Azure DevOps send its own example of the event to where the subscription leads.
    async fn send_test(&self, notification: &WrittenSubscription) -> Result<Notification, CallError>;

    /// A notification as it is by now.
    async fn notification(&self, subscription: &str, number: i64) -> Result<Notification, CallError>;

    /// The newest notification of each of these, by their ids; none of those that never sent any. One call for all.
    async fn last_notifications(
        &self,
        subscriptions: &[Text],
    ) -> Result<BTreeMap<Text, Notification>, CallError>;
}
