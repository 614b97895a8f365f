//! The subscriptions of an organisation: the part `hooks` of its API, as Microsoft's definitions and examples have it, and
//! the deliveries that it makes. A secret that is written is never told again, and whoever writes asterisks has asterisks
//! for a password from then on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use boardcast::devops::subscriptions::ServiceHooks;
use boardcast::devops::subscriptions::endpoint::HookEndpoint;
use boardcast::platform::outbound::RootCertificates;
use boardcast::platform::secret::Secret;
use boardcast::sync::subscriptions::HookKeeper;
use serde_json::{Value, json};
use uuid::Uuid;

use super::http::{self, request};
use super::organisation::Answer;

const MASK: &str = "********";

/// What the API tells of a subscription beside what was written.
#[derive(Clone, Debug)]
struct Kept {
    /// The whole of what was written, secrets too.
    written: Value,
    status: String,
    probation_retries: u32,
    created: u64,
    notifications: Vec<Value>,
}

#[derive(Default)]
struct State {
    kept: BTreeMap<String, Kept>,
    next: u64,
    /// Whose subscriptions may not be written: no permission.
    forbidden: Vec<String>,
    /// Notifications of tests, by their number.
    tests: BTreeMap<u64, Value>,
    /// Events that were lost because a subscription did not work.
    lost: u32,
    /// An input that every subscription is told with, whatever was written: its name and value.
    added: Option<(&'static str, &'static str)>,
}

/// The subscriptions of an organisation. Clones are the same.
#[derive(Clone, Default)]
pub struct FakeHooks(Arc<Mutex<State>>);

/// What keeps the subscriptions of an organisation that lead to an app at that address.
pub fn keeper(hooks: Arc<dyn ServiceHooks>, public: &str, secret: &str) -> HookKeeper {
    let endpoint = HookEndpoint::new(public, &Secret::new(secret), None).unwrap();
    HookKeeper { hooks, endpoint, roots: RootCertificates::default() }
}

/// A request, taken apart.
pub struct Asked<'a> {
    pub method: &'a str,
    /// What follows `_apis/hooks/`.
    pub path: &'a str,
    pub query: &'a str,
    pub body: &'a [u8],
}

fn answer(status: u16, body: Value) -> Answer {
    let headers = vec![("content-type", "application/json; charset=utf-8; api-version=7.1".to_owned())];
    Answer { status, headers, body }
}

/// A refusal in Azure DevOps' own words.
pub fn refused(status: u16, type_key: &str, message: &str) -> Answer {
    answer(status, json!({ "$id": "1", "innerException": null, "message": message, "typeKey": type_key }))
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && !text.contains(char::is_whitespace)
}

/// What of a subscription the API does not take: the inputs that the publisher and the consumer describe.
fn complaint(body: &Value) -> Option<&'static str> {
    let inputs = &body["consumerInputs"];
    let (user, password) = (text(inputs, "/basicAuthUsername"), text(inputs, "/basicAuthPassword"));
    let details = text(inputs, "/resourceDetailsToSend");
    let headers = text(inputs, "/httpHeaders");
    let is_header =
        |line: &str| line.split_once(':').is_some_and(|(name, value)| is_plain(name) && is_plain(value));
    if text(body, "/publisherId") != "tfs" {
        Some("The publisher does not exist.")
    } else if text(body, "/consumerId") != "webHooks" || text(body, "/consumerActionId") != "httpRequest" {
        Some("The consumer action does not exist.")
    } else if Uuid::try_parse(text(body, "/publisherInputs/projectId")).is_err() {
        Some("Project ID is not a valid GUID.")
    } else if !text(inputs, "/url").starts_with("http") {
        Some("URL is required.")
    } else if [user, password].iter().any(|text| !text.is_empty() && !is_plain(text)) {
        Some("Basic authentication is not valid.")
    } else if !["", "all", "minimal", "none"].contains(&details) {
        Some("Resource details to send is not valid.")
    } else if !headers.is_empty() && !headers.lines().all(is_header) {
        Some("HTTP headers are not valid.")
    } else {
        None
    }
}

impl Kept {
    /// As it is told: what is confidential is masked.
    fn told(&self, id: &str) -> Value {
        let mut told = self.written.clone();
        if let Some(password) = told.pointer_mut("/consumerInputs/basicAuthPassword") {
            *password = MASK.into();
        }
        let created = format!("2026-11-20T10:00:{:02}.87Z", self.created % 60);
        told["publisherInputs"]["hostId"] = "d81542e4-cdfa-4333-b082-1ae2d6c3ad16".into();
        told["publisherInputs"]["tfsSubscriptionId"] = "3e8b33e7-426d-4c92-9bf9-58e163dd7dd5".into();
        told["id"] = id.into();
        told["url"] = format!("https://dev.azure.com/fabrikam/_apis/hooks/subscriptions/{id}").into();
        told["status"] = self.status.clone().into();
        if self.probation_retries > 0 {
            told["probationRetries"] = self.probation_retries.to_string().into();
        }
        told["createdBy"] =
            json!({ "id": "00ca946b-2fe9-4f2a-ae2f-40d5c48001bc", "displayName": "boardcast" });
        told["createdDate"] = created.clone().into();
        told["modifiedDate"] = created.into();
        told
    }

    fn is_of(&self, payload: &Value) -> bool {
        text(&self.written, "/eventType") == text(payload, "/eventType")
            && text(&self.written, "/publisherInputs/projectId")
                == text(payload, "/resourceContainers/project/id")
    }
}

impl FakeHooks {
    /// Answers a request.
    pub fn answer(&self, asked: &Asked<'_>) -> Answer {
        let body: Value = serde_json::from_slice(asked.body).unwrap_or_default();
        let mut state = self.0.lock().unwrap();
        let path: Vec<&str> = asked.path.split('/').collect();
        match (asked.method, path.as_slice()) {
            ("GET", ["subscriptions"]) => {
                let query: BTreeMap<String, String> =
                    form_urlencoded::parse(asked.query.as_bytes()).into_owned().collect();
                let is_asked = |told: &Value| {
                    ["publisherId", "eventType", "consumerId", "consumerActionId"]
                        .iter()
                        .all(|name| query.get(*name).is_none_or(|value| told[name] == **value))
                };
                let mut told: Vec<Value> =
                    state.kept.iter().map(|(id, kept)| kept.told(id)).filter(is_asked).collect();
                if let Some((name, value)) = state.added {
                    told.iter_mut().for_each(|told| told["publisherInputs"][name] = value.into());
                }
                answer(200, json!({ "count": told.len(), "value": told }))
            }
            ("POST", ["subscriptions"]) => state.create(body),
            ("PUT", ["subscriptions", id]) => state.replace(id, body),
            ("DELETE", ["subscriptions", id]) => match state.kept.remove(*id) {
                Some(_) => Answer { status: 204, headers: Vec::new(), body: Value::String(String::new()) },
                None => nowhere(id),
            },
            ("GET", ["subscriptions", id]) => {
                state.kept.get(*id).map_or_else(|| nowhere(id), |kept| answer(200, kept.told(id)))
            }
            ("GET", ["subscriptions", _, "notifications", number]) => {
                let number: u64 = number.parse().unwrap();
                state
                    .tests
                    .get(&number)
                    .map_or_else(|| nowhere("notification"), |told| answer(200, told.clone()))
            }
            ("POST", ["notificationsquery"]) => state.notifications(&body),
            ("POST", ["testnotifications"]) => state.test(&body),
            _ => refused(404, "HttpException", "The controller was not found."),
        }
    }

    /// Subscriptions of that project may not be written.
    pub fn forbid(&self, project: &str) {
        self.0.lock().unwrap().forbidden.push(project.to_owned());
    }

    /// Every subscription may be written again.
    pub fn permit(&self) {
        self.0.lock().unwrap().forbidden.clear();
    }

    /// Makes a subscription past the API, as somebody does by hand.
    pub fn put(&self, written: Value) -> String {
        let answer = self.0.lock().unwrap().create(written);
        assert_eq!(answer.status, 200, "{}", answer.body);
        text(&answer.body, "/id").to_owned()
    }

    /// What is written of each, secrets too, with the status.
    pub fn all(&self) -> Vec<(String, String, Value)> {
        let state = self.0.lock().unwrap();
        state.kept.iter().map(|(id, kept)| (id.clone(), kept.status.clone(), kept.written.clone())).collect()
    }

    /// The ids of the subscriptions of an event.
    pub fn of_event(&self, event: &str) -> Vec<String> {
        self.all().into_iter().filter(|(.., of)| text(of, "/eventType") == event).map(|(id, ..)| id).collect()
    }

    /// Has those of an event be of a status.
    pub fn set_status(&self, event: &str, status: &str) {
        let mut state = self.0.lock().unwrap();
        for kept in state.kept.values_mut().filter(|kept| text(&kept.written, "/eventType") == event) {
            kept.status = status.to_owned();
            kept.probation_retries = u32::from(status == "onProbation");
        }
    }

    /// Changes what is written of one.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Value)) {
        change(&mut self.0.lock().unwrap().kept.get_mut(id).unwrap().written);
    }

    /// Removes those of an event, as somebody does by hand.
    pub fn remove_of(&self, event: &str) {
        self.0.lock().unwrap().kept.retain(|_, kept| text(&kept.written, "/eventType") != event);
    }

    /// From now on every subscription is listed with this input, whatever is written.
    pub fn add_input(&self, name: &'static str, value: &'static str) {
        self.0.lock().unwrap().added = Some((name, value));
    }

    /// How many events were lost.
    pub fn lost(&self) -> u32 {
        self.0.lock().unwrap().lost
    }

    /// Sends an event to every subscription that works, and treats each by what is answered, as Azure DevOps does: 2xx is a
    /// success, 410 the end, 408, 502, 503 and 504 are tried again a moment later, anything else is probation. What a
    /// subscription does not send that does not work is lost.
    pub async fn tell(&self, payload: &Value) {
        let subscriptions: Vec<(String, Kept)> = {
            let state = self.0.lock().unwrap();
            let told = state.kept.iter().filter(|(_, kept)| kept.is_of(payload));
            told.map(|(id, kept)| (id.clone(), kept.clone())).collect()
        };
        let works = |(_, kept): &&(String, Kept)| kept.status == "enabled";
        if !subscriptions.iter().any(|one| works(&one)) {
            self.0.lock().unwrap().lost += 1;
        }
        for (id, kept) in subscriptions.iter().filter(works) {
            let mut payload = payload.clone();
            payload["subscriptionId"] = id.clone().into();
            let status = send(&kept.written, &payload).await;
            self.0.lock().unwrap().note(id, status);
        }
    }

    /// Sends what tests were asked for and not sent yet.
    pub async fn send_tests(&self) {
        let due: Vec<(u64, Value)> = {
            let state = self.0.lock().unwrap();
            let due = state.tests.iter().filter(|(_, told)| told["status"] == "queued");
            due.map(|(number, told)| (*number, told.clone())).collect()
        };
        for (number, told) in due {
            let payload = json!({
                "subscriptionId": Uuid::nil(), "notificationId": number, "eventType": told["details"]["eventType"],
                "publisherId": "tfs", "resource": { "id": 2, "workItemId": 0, "rev": 2 },
            });
            let status = send(&told["details"], &payload).await;
            let mut state = self.0.lock().unwrap();
            let told = state.tests.get_mut(&number).unwrap();
            told["status"] = "completed".into();
            told["result"] = if status == 200 { "succeeded" } else { "failed" }.into();
            told["details"]["errorMessage"] =
                if status == 200 { Value::Null } else { format!("({status})").into() };
        }
    }
}

fn nowhere(what: &str) -> Answer {
    refused(404, "SubscriptionNotFoundException", &format!("VS403275: {what} does not exist."))
}

/// Posts a payload as a subscription says; the status of the answer, 0 where there is none.
async fn send(written: &Value, payload: &Value) -> u16 {
    let inputs = &written["consumerInputs"];
    let url: ::http::Uri = text(inputs, "/url").parse().unwrap();
    let credentials =
        format!("{}:{}", text(inputs, "/basicAuthUsername"), text(inputs, "/basicAuthPassword"));
    let basic = format!("Basic {}", BASE64_STANDARD.encode(credentials));
    let mut headers = vec![("content-type", "application/json"), ("authorization", &basic)];
    headers.extend(text(inputs, "/httpHeaders").lines().filter_map(|line| line.split_once(':')));
    let path = url.path_and_query().unwrap().as_str();
    let bytes = request("POST", path, &headers, payload.to_string().as_bytes());
    let Some(address) = url.authority().and_then(|authority| authority.as_str().parse().ok()) else {
        return 0;
    };
    http::attempt(address, &bytes).await.map_or(0, |answer| answer.status)
}

impl State {
    fn create(&mut self, body: Value) -> Answer {
        if let Some(refusal) = self.refusal(&body) {
            return refusal;
        }
        self.next += 1;
        let id =
            Uuid::from_u128(0x8dea_9aba_3a9a_4ad0_860f_0000_0000_0000 + u128::from(self.next)).to_string();
        let kept = Kept {
            written: body,
            status: "enabled".into(),
            probation_retries: 0,
            created: self.next,
            notifications: Vec::new(),
        };
        let told = kept.told(&id);
        self.kept.insert(id, kept);
        answer(200, told)
    }

    fn replace(&mut self, id: &str, body: Value) -> Answer {
        if let Some(refusal) = self.refusal(&body) {
            return refusal;
        }
        let Some(kept) = self.kept.get_mut(id) else { return nowhere(id) };
        kept.written = body;
        // Whoever owns it stays the owner, and one who is gone does not come back.
        if kept.status != "disabledByInactiveIdentity" {
            kept.status = "enabled".into();
            kept.probation_retries = 0;
        }
        answer(200, kept.told(id))
    }

    fn refusal(&self, body: &Value) -> Option<Answer> {
        let project = text(body, "/publisherInputs/projectId");
        if self.forbidden.iter().any(|forbidden| forbidden == project) {
            let message = "TF50309: The following account does not have sufficient permissions to complete the operation.";
            return Some(refused(403, "AccessDeniedException", message));
        }
        complaint(body).map(|why| refused(400, "SubscriptionInputException", why))
    }

    fn note(&mut self, id: &str, status: u16) {
        let Some(kept) = self.kept.get_mut(id) else { return };
        let number = kept.notifications.len() as u64 + 1;
        let is_success = (200..300).contains(&status);
        kept.notifications.push(json!({
            "id": number, "subscriptionId": id, "eventId": Uuid::nil(),
            "status": "completed", "result": if is_success { "succeeded" } else { "failed" },
            "createdDate": "2026-11-25T20:00:00.5Z",
            "details": {
                "queuedDate": "2026-11-25T20:00:00.5Z", "completedDate": "2026-11-25T20:00:01.25Z",
                "errorMessage": if is_success { Value::Null } else { format!("({status})").into() },
            },
        }));
        match status {
            200..300 => {}
            410 => kept.status = "disabledBySystem".into(),
            408 | 502..=504 => {}
            _ => {
                kept.status = "onProbation".into();
                kept.probation_retries = 1;
            }
        }
        if !is_success {
            self.lost += 1;
        }
    }

    fn notifications(&self, query: &Value) -> Answer {
        let asked: Vec<&str> =
            query["subscriptionIds"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let most = query["maxResultsPerSubscription"].as_u64().unwrap() as usize;
        let of =
            |id: &&str| self.kept.get(*id).map(|kept| kept.notifications.iter().rev().take(most).cloned());
        let results: Vec<Value> = asked.iter().filter_map(of).flatten().collect();
        let mut told = query.clone();
        told["results"] = results.into();
        answer(200, told)
    }

    fn test(&mut self, body: &Value) -> Answer {
        if let Some(refusal) = self.refusal(&body["details"]) {
            return refusal;
        }
        self.next += 1;
        let told = json!({
            "id": self.next, "subscriptionId": Uuid::nil(), "eventId": Uuid::nil(),
            "status": "queued", "result": "pending", "createdDate": "2026-11-25T20:00:00Z", "details": body["details"],
        });
        self.tests.insert(self.next, told.clone());
        answer(200, told)
    }
}
