//! Where this deployment's subscriptions lead, with what, and how one that is listed is told from one as it should be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hmac::{Hmac, Mac as _};
use http::HeaderValue;
use reqwest::Url;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{ListedSubscription, WrittenSubscription};
use crate::domain::subscription::{Difference, HookEvent, HookSubscription, SubscriptionStatus, WantedHook};
use crate::domain::{ProjectId, Text, Timestamp};
use crate::platform::is_this_machine;
use crate::platform::secret::Secret;

/// The publisher of work item events, and the consumer and the action of a web hook.
const PUBLISHER: &str = "tfs";
pub(in crate::devops) const CONSUMER: &str = "webHooks";
pub(in crate::devops) const ACTION: &str = "httpRequest";

/// The version of what is sent. Without one Azure DevOps takes the newest, which may be another tomorrow; this is the one
/// that every organisation and server has.
const RESOURCE_VERSION: &str = "1.0";

/// The path of the webhook below the address of a deployment.
pub const PATH: &str = "/api/webhooks/azure-devops";

/// The header in which the Functions host takes the key of a function.
pub const KEY_HEADER: &str = "x-functions-key";

/// What Azure DevOps answers in place of what is confidential.
const MASK: &str = "********";

/// What narrows a subscription to less than a project has. `projectId` is the project, the others are Azure DevOps' own.
const NO_FILTERS: [&str; 3] = ["projectId", "hostId", "tfsSubscriptionId"];

/// Reads the address of a deployment, to which secrets and keys may be sent: by https, or on this machine, and with nothing in
/// it that is a secret itself.
///
/// Errors: it is none such.
pub fn public_address(text: &str) -> Result<Url, EndpointError> {
    let address = Url::parse(text.trim()).map_err(|_| EndpointError::Address)?;
    let is_bare = address.has_host()
        && address.username().is_empty()
        && address.password().is_none()
        && address.query().is_none()
        && address.fragment().is_none();
    let is_safe = address.scheme() == "https"
        || address.scheme() == "http" && address.host_str().is_some_and(is_this_machine);
    if is_bare && is_safe { Ok(address) } else { Err(EndpointError::Address) }
}

/// Where subscriptions lead, and what they present there.
#[derive(Clone, Debug)]
pub struct HookEndpoint {
    base: Url,
    secret: Secret,
    key: Option<Secret>,
}

impl HookEndpoint {
    /// The webhook of a deployment at that address, which takes this secret and, behind a Functions host, this key.
    ///
    /// Errors: what is wrong with the address, the secret or the key.
    pub fn new(public: &str, secret: &Secret, key: Option<&Secret>) -> Result<Self, EndpointError> {
        let mut base = public_address(public)?;
        // Azure DevOps takes neither as a password nor in a header what has white space in it.
        let is_plain = |secret: &Secret| {
            HeaderValue::from_str(secret.expose()).is_ok()
                && secret.expose().chars().all(|c| c.is_ascii_graphic())
        };
        if !is_plain(secret) {
            return Err(EndpointError::Secret);
        }
        if key.is_some_and(|key| !is_plain(key)) {
            return Err(EndpointError::Key);
        }
        let path = format!("{}{PATH}", base.path().trim_end_matches('/'));
        base.set_path(&path);
        Ok(Self { base, secret: secret.clone(), key: key.cloned() })
    }

    /// Where an event is sent. The last part is for people and logs; what the event is, its body says.
    pub fn url(&self, event: HookEvent) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{}", self.base.path(), event.event_type()));
        url
    }

    /// The webhook's address without an event.
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// The secret.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The function key, where there is one.
    pub const fn key(&self) -> Option<&Secret> {
        self.key.as_ref()
    }

    /// The same with another secret.
    pub fn with_secret(&self, secret: &Secret) -> Self {
        Self { secret: secret.clone(), ..self.clone() }
    }

    /// The user name, which tells by which secret and key a subscription was written: neither can be read back. It has 16
    /// bits of their HMAC: enough to tell one secret from the next, too few for anybody to know that a guess is right.
    pub fn user_name(&self) -> String {
        let mut name = "boardcast".to_owned();
        // A key of any length is one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes()) else {
            return name;
        };
        mac.update(self.key.as_ref().map_or("", Secret::expose).as_bytes());
        name.push('-');
        for byte in mac.finalize().into_bytes().iter().take(2) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }

    /// A text without the secret and the key.
    pub fn redacted(&self, text: &str) -> String {
        let secrets = [Some(&self.secret), self.key.as_ref()];
        let secrets = secrets.into_iter().flatten().filter(|secret| !secret.expose().is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "[redacted]"))
    }

    fn headers(&self) -> Option<String> {
        self.key.as_ref().map(|key| format!("{KEY_HEADER}:{}", key.expose()))
    }

    fn consumer_inputs(&self, event: HookEvent) -> Value {
        let mut inputs = json!({
            "url": self.url(event).as_str(),
            "basicAuthUsername": self.user_name(),
            "basicAuthPassword": self.secret.expose(),
            "resourceDetailsToSend": "all",
            "messagesToSend": "none",
            "detailedMessagesToSend": "none",
        });
        if let (Some(headers), Some(inputs)) = (self.headers(), inputs.as_object_mut()) {
            inputs.insert("httpHeaders".into(), headers.into());
        }
        inputs
    }

    /// A subscription as it is to be, as a whole.
    pub fn subscription(&self, wanted: WantedHook) -> WrittenSubscription {
        WrittenSubscription(json!({
            "publisherId": PUBLISHER,
            "eventType": wanted.event.event_type(),
            "resourceVersion": RESOURCE_VERSION,
            "consumerId": CONSUMER,
            "consumerActionId": ACTION,
            "status": "enabled",
            "publisherInputs": {
                "projectId": wanted.project.to_string(),
            },
            "consumerInputs": self.consumer_inputs(wanted.event),
        }))
    }

    /// A test of such a subscription.
    pub fn test(&self, wanted: WantedHook) -> WrittenSubscription {
        WrittenSubscription(json!({
            "details": {
                "publisherId": PUBLISHER,
                "eventType": wanted.event.event_type(),
                "consumerId": CONSUMER,
                "consumerActionId": ACTION,
                "publisherInputs": { "projectId": wanted.project.to_string() },
                "consumerInputs": self.consumer_inputs(wanted.event),
            },
        }))
    }

    /// A listed subscription where it leads here and tells one of the events that a board needs; `None` for any other, which
    /// is somebody else's business.
    pub fn recognise(&self, listed: &ListedSubscription) -> Option<HookSubscription> {
        let is = |text: &Option<Text>, wanted: &str| text.as_deref() == Some(wanted);
        if !is(&listed.publisher_id, PUBLISHER)
            || !is(&listed.consumer_id, CONSUMER)
            || !is(&listed.consumer_action_id, ACTION)
        {
            return None;
        }
        let event = HookEvent::of(listed.event_type.as_deref()?)?;
        let inputs = Inputs(listed.consumer_inputs.as_ref()?);
        let filters = Inputs(listed.publisher_inputs.as_ref()?);
        if !self.leads_here(inputs.get("url")) {
            return None;
        }
        let retries = listed.probation_retries.as_ref();
        let retries = retries.and_then(|of| of.as_u64().or_else(|| of.as_str()?.trim().parse().ok()));
        let owner = listed.created_by.as_ref();
        Some(HookSubscription {
            id: listed.id.clone(),
            project: ProjectId::parse(filters.get("projectId"))?,
            event,
            status: SubscriptionStatus::read(listed.status.as_deref()),
            probation_retries: retries.and_then(|retries| retries.try_into().ok()),
            differences: self.differences(listed, event, &inputs, &filters),
            owner: owner.and_then(|owner| owner.display_name.clone().or_else(|| owner.id.clone())),
            created_at: listed.created_date.as_deref().and_then(Timestamp::parse),
        })
    }

    /// Whether an address is one of this webhook, whatever event and key it names. The host takes paths in any case.
    fn leads_here(&self, address: &str) -> bool {
        let Ok(url) = Url::parse(address) else { return false };
        let (path, base) = (url.path().to_ascii_lowercase(), self.base.path().to_ascii_lowercase());
        let below = path.strip_prefix(&base).map(|below| below.trim_matches('/'));
        url.origin() == self.base.origin()
            && below.is_some_and(|below| !below.contains('/'))
            && path.get(base.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn differences(
        &self,
        listed: &ListedSubscription,
        event: HookEvent,
        inputs: &Inputs<'_>,
        filters: &Inputs<'_>,
    ) -> Vec<Difference> {
        let headers = inputs.get("httpHeaders").trim();
        let wanted = self.headers();
        let checks = [
            (Difference::Address, inputs.get("url") != self.url(event).as_str()),
            (Difference::Secret, inputs.get("basicAuthUsername") != self.user_name()),
            // Where it is masked the user name tells whether it is the right one.
            (Difference::Headers, headers != MASK && headers != wanted.as_deref().unwrap_or_default()),
            (Difference::Details, !matches!(inputs.get("resourceDetailsToSend"), "" | "all")),
            (
                Difference::Messages,
                ["messagesToSend", "detailedMessagesToSend"].iter().any(|name| inputs.get(name) != "none"),
            ),
            (Difference::Version, listed.resource_version.as_deref() != Some(RESOURCE_VERSION)),
            (Difference::Filter, filters.names_other_than(&NO_FILTERS)),
        ];
        checks.into_iter().filter(|(_, differs)| *differs).map(|(difference, _)| difference).collect()
    }
}

/// The inputs of a subscription: what is missing, `null` or empty is all the same.
struct Inputs<'a>(&'a BTreeMap<Text, Option<Text>>);

impl Inputs<'_> {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(Option::as_deref).unwrap_or_default()
    }

    fn names_other_than(&self, names: &[&str]) -> bool {
        self.0.iter().any(|(name, value)| {
            // An option that was not chosen, such as `linksChanged`, is written as `false`.
            let is_none = |value: &str| value.is_empty() || value.eq_ignore_ascii_case("false");
            !names.contains(&&**name) && value.as_deref().is_some_and(|value| !is_none(value.trim()))
        })
    }
}

/// Why no subscription can lead to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The address cannot be used.
    #[error(
        "must be an address such as https://boards.contoso.example, without user, query or fragment: Azure DevOps sends a \
         secret to https:// alone"
    )]
    Address,
    /// The secret cannot be sent.
    #[error("must have printable ASCII characters and no blanks to be the password of a subscription")]
    Secret,
    /// The key cannot be sent.
    #[error("must have printable ASCII characters and no blanks to be sent in a header")]
    Key,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "be9b3917-87e6-42a4-a549-2bc06a7a878f";

    fn endpoint() -> HookEndpoint {
        let (secret, key) = (Secret::new("hunter2"), Secret::new("function-key"));
        HookEndpoint::new("https://boards.contoso.example/", &secret, Some(&key)).unwrap()
    }

    fn wanted(event: HookEvent) -> WantedHook {
        WantedHook { project: ProjectId::parse(PROJECT).unwrap(), event }
    }

    /// What Azure DevOps lists of what is written.
    fn listed(endpoint: &HookEndpoint) -> Value {
        let mut body = endpoint.subscription(wanted(HookEvent::Updated)).0;
        body["id"] = "fd672255-8b6b-4769-9260-beea83d752ce".into();
        body["consumerInputs"]["basicAuthPassword"] = MASK.into();
        body["publisherInputs"]["hostId"] = "d81542e4-cdfa-4333-b082-1ae2d6c3ad16".into();
        body["publisherInputs"]["tfsSubscriptionId"] = "3e8b33e7-426d-4c92-9bf9-58e163dd7dd5".into();
        body
    }

    fn recognise(endpoint: &HookEndpoint, listed: &Value) -> Option<HookSubscription> {
        endpoint.recognise(&serde_json::from_value(listed.clone()).unwrap())
    }

    #[test]
    fn what_is_written_is_recognised_as_it_is_listed() {
        let found = recognise(&endpoint(), &listed(&endpoint())).unwrap();
        assert!(found.is_sound(), "{found:?}");
        assert_eq!((found.project, found.event), (wanted(found.event).project, HookEvent::Updated));
    }

    #[test]
    fn neither_secret_nor_key_is_in_the_address_and_nothing_prints_them() {
        let endpoint = endpoint();
        let written = endpoint.subscription(wanted(HookEvent::Created));
        let inputs = &written.0["consumerInputs"];
        assert_eq!(
            inputs["url"],
            "https://boards.contoso.example/api/webhooks/azure-devops/workitem.created"
        );
        assert_eq!(
            (&inputs["basicAuthPassword"], &inputs["httpHeaders"]),
            (&json!("hunter2"), &json!("x-functions-key:function-key"))
        );
        assert_eq!(format!("{written:?}"), "[redacted]");
        assert_eq!(endpoint.redacted("a hunter2 and function-key"), "a [redacted] and [redacted]");
    }

    #[test]
    fn every_difference_is_found_and_no_other() {
        for (path, value, difference) in [
            (
                "/consumerInputs/url",
                "https://boards.contoso.example/api/webhooks/azure-devops?code=k",
                Difference::Address,
            ),
            ("/consumerInputs/basicAuthUsername", "ado", Difference::Secret),
            ("/consumerInputs/httpHeaders", "x-functions-key:other", Difference::Headers),
            ("/consumerInputs/resourceDetailsToSend", "minimal", Difference::Details),
            ("/consumerInputs/messagesToSend", "", Difference::Messages),
            ("/consumerInputs/detailedMessagesToSend", "html", Difference::Messages),
            ("/resourceVersion", "1.0-preview.2", Difference::Version),
            ("/publisherInputs/tfsSubscriptionId", "", Difference::Filter),
        ] {
            let mut listed = listed(&endpoint());
            *listed.pointer_mut(path).unwrap() = value.into();
            if difference == Difference::Filter {
                listed["publisherInputs"]["areaPath"] = "Fabrikam\\Web".into();
            }
            assert_eq!(recognise(&endpoint(), &listed).unwrap().differences, [difference], "{path}");
        }
        let mut masked = listed(&endpoint());
        masked["consumerInputs"]["httpHeaders"] = MASK.into();
        masked["consumerInputs"]["resourceDetailsToSend"] = "".into();
        masked["publisherInputs"]["areaPath"] = "".into();
        masked["publisherInputs"]["linksChanged"] = "false".into();
        masked["publisherInputs"]["commentAdded"] = "False".into();
        assert!(recognise(&endpoint(), &masked).unwrap().is_sound());
    }

    #[test]
    fn another_secret_or_key_has_another_user_name() {
        let endpoint = endpoint();
        let other_secret = endpoint.with_secret(&Secret::new("hunter3"));
        let other_key = HookEndpoint { key: Some(Secret::new("another")), ..endpoint.clone() };
        let names = [endpoint.user_name(), other_secret.user_name(), other_key.user_name()];
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{names:?}");
        assert!(names.iter().all(|name| name.len() == "boardcast-0000".len()), "{names:?}");
        let found = recognise(&other_secret, &listed(&endpoint)).unwrap();
        assert_eq!(found.differences, [Difference::Secret]);
    }

    #[test]
    fn what_leads_elsewhere_or_tells_something_else_is_nobody_of_ours() {
        for (path, value) in [
            ("/consumerInputs/url", "https://other.example/api/webhooks/azure-devops/workitem.updated"),
            ("/consumerInputs/url", "https://boards.contoso.example/api/webhooks/azure-devops-2/x"),
            ("/consumerInputs/url", "https://boards.contoso.example/api/webhooks/azure-devops/x/y"),
            ("/consumerInputs/url", "no address"),
            ("/consumerId", "zapier"),
            ("/consumerActionId", "sendNotification"),
            ("/publisherId", "rm"),
            ("/eventType", "workitem.commented"),
            ("/publisherInputs/projectId", "no guid"),
        ] {
            let mut listed = listed(&endpoint());
            *listed.pointer_mut(path).unwrap() = value.into();
            assert_eq!(recognise(&endpoint(), &listed), None, "{path}: {value}");
        }
        let mut typed = listed(&endpoint());
        typed["consumerInputs"]["url"] = "https://BOARDS.contoso.example/API/Webhooks/azure-devops".into();
        assert_eq!(recognise(&endpoint(), &typed).unwrap().differences, [Difference::Address]);
    }

    #[test]
    fn an_address_that_no_subscription_may_lead_to_is_refused() {
        let secret = Secret::new("hunter2");
        for address in [
            "http://boards.contoso.example",
            "boards",
            "https://u:p@x.example",
            "https://x.example/?code=k",
            "ftp://x.example",
            "https://x.example/#a",
        ] {
            assert_eq!(
                HookEndpoint::new(address, &secret, None).err(),
                Some(EndpointError::Address),
                "{address}"
            );
        }
        let good = HookEndpoint::new("http://127.0.0.1:7071", &secret, None).unwrap();
        assert_eq!(
            good.url(HookEvent::Deleted).as_str(),
            "http://127.0.0.1:7071/api/webhooks/azure-devops/workitem.deleted"
        );
        for odd in ["with blank", "", "zwölf"] {
            let odd = Secret::new(odd);
            let error = HookEndpoint::new("https://x.example", &odd, None).err();
            assert_eq!(error, (!odd.expose().is_empty()).then_some(EndpointError::Secret));
            let error = HookEndpoint::new("https://x.example", &secret, Some(&odd)).err();
            assert_eq!(error, (!odd.expose().is_empty()).then_some(EndpointError::Key));
        }
    }
}
