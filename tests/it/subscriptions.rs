//! The app looks after its own subscriptions: it sees with each check how they do, mends them, tells operators, and counts
//! what they did not tell meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use boardcast::demo::simulation::hooks as payloads;
use boardcast::demo::simulation::item::Event;
use boardcast::domain::sprint::work_item::WorkItemId;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::Store;
use serde_json::{Value, json};

use crate::support::app::{Builder, TestApp};
use crate::support::eventually;
use crate::support::organisation::SimulatedFailure;
use crate::support::proxy::Proxy;
use crate::support::redis;
use crate::support::service_hooks::{self, FakeHooks};
use crate::support::source::Organization;
use crate::support::sse::SseReader;

const SECRET: &str = "hunter2-of-the-webhook";
const FEED: &str = "GET wit/reporting/workitemrevisions";
const LIST: &str = "GET hooks/subscriptions";

/// An app whose subscriptions lead to it by a way that can be led elsewhere.
struct Setup {
    organization: Organization,
    hooks: FakeHooks,
    way: Proxy,
    app: TestApp,
}

fn builder(organization: &Organization, way: &Proxy) -> Builder {
    let public = format!("http://{}", way.address);
    organization
        .builder()
        .setting("BOARDCAST_WEBHOOK_SECRET", SECRET)
        .setting("BOARDCAST_OPERATOR_KEY", "key")
        .subscriptions(service_hooks::keeper(organization.way.client.clone(), &public, SECRET))
}

impl Setup {
    /// The app has made its subscriptions and has compared every board.
    async fn start() -> Self {
        let organization = Organization::start().await;
        let hooks = organization.hooks().await;
        let way = Proxy::to(1).await;
        let app = builder(&organization, &way).start().await;
        way.lead_to(app.address.port());
        let is_read = || app.app.instance.fold.read().checked().is_fed();
        organization.until(async || is_read().then_some(())).await;
        let setup = Self { organization, hooks, way, app };
        // So little time that no list is due.
        for _ in 0..3 {
            setup.check_after(Duration::from_secs(15)).await;
        }
        setup
    }

    async fn check_after(&self, time: Duration) {
        self.organization.check_after(time, &self.app).await;
    }

    async fn check(&self) {
        self.check_after(Duration::from_mins(2)).await;
    }

    async fn operator(&self, query: &str) -> SseReader {
        let path = format!("/api/sse/dashboard?{query}");
        SseReader::open(self.app.address, &path, &[("x-boardcast-key", "key")]).await
    }

    /// No subscription may be written from now on.
    fn forbid_all(&self) {
        self.organization.model(|model| {
            model.organisation.projects.iter().for_each(|of| self.hooks.forbid(&of.id.to_string()));
        });
    }

    /// Changes an item, and has Azure DevOps tell it.
    async fn change(&self, event: Event) {
        let payload = self.change_in_silence(event);
        self.hooks.tell(&payload).await;
    }

    /// Changes an item, which no subscription tells; returns what one would.
    fn change_in_silence(&self, event: Event) -> Value {
        let payload = self.organization.model(|model| {
            let at = model.now();
            let id = *model.items().keys().next().unwrap();
            let title = format!("Changed at {at}").into();
            let change = model.change(id, event, at, 0, |content| content.title = title).unwrap();
            payloads::payload(model, change).unwrap()
        });
        self.organization.clock.advance(Duration::from_secs(1));
        payload
    }

    async fn health(&self) -> Value {
        self.app.request("GET", "/api/health", &[("x-boardcast-key", "key")], b"").await.json()
    }

    /// How many calls a check makes, by route.
    async fn calls_of_a_check(&self, after: Duration) -> BTreeMap<String, u64> {
        let before = self.organization.calls().await;
        self.check_after(after).await;
        let mut calls = self.organization.calls().await;
        calls.iter_mut().for_each(|(route, calls)| *calls -= before.get(route).copied().unwrap_or_default());
        calls.retain(|_, calls| *calls > 0);
        calls
    }
}

/// What was told of subscriptions: which event they are of, their status and what had been missed.
fn of_hooks(events: &[Value]) -> Vec<(String, String, Value)> {
    let of_hooks = events.iter().filter(|event| event["type"] == "webhook_health");
    let told = of_hooks.map(|event| {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        (text("eventType"), text("status"), event["missed"].clone())
    });
    told.collect()
}

/// What a stream tells up to the end of the next check.
async fn until_checked(reader: &mut SseReader) -> Vec<Value> {
    let mut told = Vec::new();
    while told.last().is_none_or(|event: &Value| event["type"] != "sync_completed") {
        told.extend(reader.next().await.expect("the stream ended").json());
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_the_app_makes_its_own_subscriptions_and_a_quiet_check_costs_two_calls() {
    let setup = Setup::start().await;
    let projects = setup.organization.model(|model| model.organisation.projects.len());
    let all = setup.hooks.all();
    assert_eq!(all.len(), 4 * projects);
    assert!(all.iter().all(|(_, status, of)| status == "enabled" && of["consumerInputs"]["basicAuthPassword"] == SECRET));
    let quiet = [(FEED.to_owned(), 1), (LIST.to_owned(), 1)].into();
    for _ in 0..2 {
        assert_eq!(setup.calls_of_a_check(Duration::from_secs(15)).await, quiet);
    }
    let health = setup.health().await;
    let subscriptions = &health["subscriptions"];
    assert_eq!((&subscriptions["watched"], &subscriptions["trouble"]), (&true.into(), &Value::Null));
    assert_eq!(subscriptions["mended"], 4 * projects);
    assert!(
        subscriptions["hooks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|hook| hook["status"] == "enabled" && hook["missed"].is_null())
    );
    assert!(!health.to_string().contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_what_does_not_work_is_told_to_operators_mended_and_what_it_missed_is_counted() {
    let setup = Setup::start().await;
    let first = || {
        setup.organization.model(|model| {
            let (id, item) = model.items().iter().next().unwrap();
            (WorkItemId::new(*id).unwrap(), item.newest().rev)
        })
    };
    let (_, begun) = first();
    let (mut operator, mut reader) = (setup.operator("ops=1").await, setup.app.stream("").await);
    for (status, sees) in [
        ("onProbation", "probation"),
        ("disabledBySystem", "disabled"),
        ("disabledByUser", "disabled"),
        ("disabledByInactiveIdentity", "disabled"),
    ] {
        setup.hooks.set_status("workitem.updated", status);
        let old = setup.hooks.of_event("workitem.updated");
        for _ in 0..3 {
            setup.change(Event::Updated).await;
        }
        setup.check().await;
        let told = of_hooks(&until_checked(&mut operator).await);
        let project_has_changes =
            told.iter().filter(|(_, status, missed)| status == "backfilled" && *missed == 3).count();
        assert_eq!(project_has_changes, 1, "{status}: {told:?}");
        for (word, times) in [(sees, 2), ("enabled", 2), ("backfilled", 2)] {
            let of = told.iter().filter(|(event, status, _)| event == "workitem.updated" && status == word);
            assert_eq!(of.count(), times, "{status}, {word}: {told:?}");
        }
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(of_hooks(&until_checked(&mut reader).await).is_empty(), "it is for operators alone");
        assert!(setup.hooks.all().iter().all(|(_, status, _)| status == "enabled"), "{status}");
        let now = setup.hooks.of_event("workitem.updated");
        assert_eq!(
            now == old,
            status != "disabledByInactiveIdentity",
            "one whose owner is gone is made anew"
        );
        // What happens from now on they tell themselves.
        setup.change(Event::Updated).await;
        setup.check().await;
        assert_eq!(of_hooks(&until_checked(&mut operator).await), []);
        until_checked(&mut reader).await;
        // Long enough for the next to be mended at once.
        setup.organization.clock.advance(Duration::from_hours(2));
        setup.check().await;
        until_checked(&mut operator).await;
        until_checked(&mut reader).await;
    }
    let (id, rev) = first();
    let known = setup.app.app.instance.fold.read().item(id).unwrap().item;
    let known: Vec<u32> = known.revisions().map(|(rev, _)| rev).filter(|rev| *rev > begun).collect();
    assert_eq!((known, rev), ((begun + 1..=begun + 16).collect(), begun + 16), "nothing is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_a_subscription_that_somebody_removed_is_missed_and_made_again() {
    let setup = Setup::start().await;
    let mut operator = setup.operator("ops=1").await;
    setup.hooks.remove_of("workitem.deleted");
    setup.change(Event::Deleted).await;
    setup.check().await;
    let told = of_hooks(&until_checked(&mut operator).await);
    let (event, none) = ("workitem.deleted".to_owned(), Value::Null);
    let of = |status: &str, missed: &Value| (event.clone(), status.to_owned(), missed.clone());
    for one in
        [of("missing", &none), of("enabled", &none), of("backfilled", &1.into()), of("backfilled", &0.into())]
    {
        assert!(told.contains(&one), "{one:?}: {told:?}");
    }
    assert_eq!(setup.hooks.of_event("workitem.deleted").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_what_a_subscription_did_not_tell_that_somebody_changed_is_counted() {
    let setup = Setup::start().await;
    let mut operator = setup.operator("ops=1").await;
    let elsewhere = "http://127.0.0.1:9/api/webhooks/azure-devops/workitem.updated";
    for (path, value, sees) in [
        ("/publisherInputs/areaPath", "Fabrikam\\Web", "altered"),
        ("/publisherInputs/workItemType", "Bug", "altered"),
        ("/publisherInputs/changedFields", "System.State", "altered"),
        ("/consumerInputs/resourceDetailsToSend", "minimal", "altered"),
        ("/resourceVersion", "3.1-preview.3", "altered"),
        (
            "/consumerInputs/url",
            &format!("http://{}/api/webhooks/azure-devops/elsewhere", setup.way.address),
            "altered",
        ),
        ("/consumerInputs/url", elsewhere, "missing"),
        ("/eventType", "workitem.commented", "missing"),
    ] {
        let all = setup.hooks.of_event("workitem.updated");
        let (parent, name) = path.rsplit_once('/').unwrap();
        for id in &all {
            setup.hooks.change(id, |written| written.pointer_mut(parent).unwrap()[name] = value.into());
        }
        for _ in 0..3 {
            setup.change_in_silence(Event::Updated);
        }
        setup.check().await;
        let mut told = of_hooks(&until_checked(&mut operator).await);
        told.sort_by_key(|(_, _, missed)| missed.as_u64());
        let events: Vec<(&str, &str, Option<u64>)> =
            told.iter().map(|(event, status, missed)| (&**event, &**status, missed.as_u64())).collect();
        let of = |status, missed| ("workitem.updated", status, missed);
        let seen = [of(sees, None), of(sees, None), of("enabled", None), of("enabled", None)];
        let ended = [of("backfilled", Some(0)), of("backfilled", Some(3))];
        assert_eq!(events, [&seen[..], &ended[..]].concat(), "{path}: {value}");
        // Those that lead here are as they should be; what leads elsewhere is somebody else's.
        let ours = setup.organization.model(|model| model.organisation.projects.len());
        let is_as_made = |of: &&Value| {
            let (inputs, filters) = (&of["consumerInputs"], of["publisherInputs"].as_object().unwrap());
            let is_here = inputs["url"]
                == format!("http://{}/api/webhooks/azure-devops/workitem.updated", setup.way.address);
            is_here
                && inputs["resourceDetailsToSend"] == "all"
                && filters.len() == 1
                && of["resourceVersion"] == "1.0"
        };
        let all = setup.hooks.all();
        let updated = all.iter().map(|(.., of)| of).filter(|of| of["eventType"] == "workitem.updated");
        assert_eq!(updated.filter(is_as_made).count(), ours, "{path}: {value}");
        setup.organization.clock.advance(Duration::from_hours(2));
        setup.check().await;
        until_checked(&mut operator).await;
    }
    // What changes nothing of what is told leaves no hole.
    for id in setup.hooks.of_event("workitem.updated") {
        setup.hooks.change(&id, |written| written["consumerInputs"]["messagesToSend"] = "all".into());
    }
    setup.change_in_silence(Event::Updated);
    setup.check().await;
    assert_eq!(of_hooks(&until_checked(&mut operator).await), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_a_hole_stays_open_until_the_subscription_works_and_the_feed_was_read() {
    let setup = Setup::start().await;
    let mut operator = setup.operator("ops=1").await;
    setup.forbid_all();
    setup.hooks.set_status("workitem.updated", "onProbation");
    let mut told = Vec::new();
    for _ in 0..2 {
        setup.change(Event::Updated).await;
        setup.check().await;
        told.extend(of_hooks(&until_checked(&mut operator).await));
    }
    assert_eq!(told.len(), 2, "each is on probation, and it is told once: {told:?}");
    let health = setup.health().await;
    let trouble = health["subscriptions"]["trouble"].as_str().unwrap();
    assert!(trouble.contains("az devops security permission update"), "{trouble}");
    let metrics = setup.app.request("GET", "/api/health/metrics", &[("x-boardcast-key", "key")], b"").await;
    for line in ["boardcast_webhook_subscriptions{status=\"probation\"} 2", "boardcast_webhook_missed 2"] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}");
    }

    // It is mended while the feed does not answer.
    setup.hooks.permit();
    setup.organization.clock.advance(Duration::from_hours(2));
    setup.organization.fail_on(FEED, SimulatedFailure::Unavailable).await;
    setup.check().await;
    let told = of_hooks(&until_checked(&mut operator).await);
    assert!(told.len() == 2 && told.iter().all(|(_, status, _)| status == "enabled"), "{told:?}");
    setup.organization.mend().await;
    setup.check().await;
    let told = of_hooks(&until_checked(&mut operator).await);
    let missed: Vec<&Value> = told.iter().map(|(_, _, missed)| missed).collect();
    assert!(missed == [&json!(2), &json!(0)] || missed == [&json!(0), &json!(2)], "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_what_cannot_be_mended_is_tried_ever_more_seldom() {
    let setup = Setup::start().await;
    setup.forbid_all();
    setup.hooks.set_status("workitem.updated", "disabledBySystem");
    let put = "PUT hooks/subscriptions/*";
    let mut tries = Vec::new();
    for _ in 0..15 {
        let calls = setup.calls_of_a_check(Duration::from_mins(2)).await;
        assert_eq!(calls[LIST], 1);
        tries.push(calls.get(put).copied().unwrap_or_default());
    }
    // Every two minutes there is a check; of each of two projects it is tried at once, after 1, 2, 4, 8 and 16 minutes.
    assert_eq!(tries, [2, 2, 2, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_what_works_is_moved_to_another_secret_only_when_the_app_answers_it() {
    let setup = Setup::start().await;
    // These have a secret that another instance was given; this one is not reached under its public address.
    let id = setup.hooks.of_event("workitem.created")[0].clone();
    setup.hooks.change(&id, |written| {
        written["consumerInputs"]["basicAuthUsername"] = "boardcast-0000".into();
        written["consumerInputs"]["basicAuthPassword"] = "another".into();
    });
    setup.way.lead_to(1);
    setup.check().await;
    let password = || {
        setup.hooks.all().into_iter().find(|(of, ..)| *of == id).unwrap().2["consumerInputs"]["basicAuthPassword"].clone()
    };
    assert_eq!(password(), "another");
    let health = setup.health().await;
    assert!(
        health["subscriptions"]["trouble"].as_str().unwrap().contains("BOARDCAST_PUBLIC_URL"),
        "{health}"
    );
    setup.way.lead_to(setup.app.address.port());
    setup.check().await;
    assert_eq!(password(), SECRET);
    setup.check().await;
    assert_eq!(setup.health().await["subscriptions"]["trouble"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_two_instances_that_begin_at_once_make_nothing_twice() {
    let (url, name) = (redis::RedisServer::shared().url(), redis::fresh_organisation());
    let organization = Organization::start().await;
    let hooks = organization.hooks().await;
    organization.answer_after(Duration::from_millis(20)).await;
    let way = Proxy::to(1).await;
    let mut apps = Vec::new();
    for _ in 0..2 {
        let journal = redis::journal(redis::settings(&url, &name));
        let app = builder(&organization, &way).layer(move |_| Store::of(journal.clone())).start().await;
        way.lead_to(app.address.port());
        apps.push(app);
    }
    for _ in 0..3 {
        organization.clock.advance(Duration::from_mins(2));
        let sources: Vec<_> = apps.iter().map(|app| app.app.source.clone().unwrap()).collect();
        tokio::join!(sources[0].check(Cause::Timer), sources[1].check(Cause::Timer));
        let made = organization.calls_on("POST hooks/subscriptions").await;
        assert_eq!((made, hooks.all().len()), (8, 8));
    }
    // Two who each removed what the other left would leave nothing.
    hooks.set_status("workitem.restored", "disabledByInactiveIdentity");
    organization.clock.advance(Duration::from_hours(2));
    let sources: Vec<_> = apps.iter().map(|app| app.app.source.clone().unwrap()).collect();
    tokio::join!(sources[0].check(Cause::Timer), sources[1].check(Cause::Timer));
    eventually("each is made anew once", async || {
        hooks.all().len() == 8 && hooks.all().iter().all(|(_, status, _)| status == "enabled")
    })
    .await;
    assert_eq!(organization.calls_on("POST hooks/subscriptions").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_with_a_persons_token_subscriptions_are_looked_at_and_not_written() {
    let organization = Organization::start().await;
    let hooks = organization.hooks().await;
    let way = Proxy::to(1).await;
    let app = builder(&organization, &way)
        .setting("BOARDCAST_ORGANIZATION_URL", &organization.url())
        .setting("AZURE_DEVOPS_PAT", "hunter2")
        .start()
        .await;
    let trouble = || app.app.source.as_ref().unwrap().trouble_with_hooks();
    organization.until(async || trouble()).await;
    assert!(trouble().unwrap().contains("boardcast hooks repair"), "{:?}", trouble());
    assert_eq!(hooks.all().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_only_an_operator_is_told_of_subscriptions() {
    let setup = Setup::start().await;
    for headers in [&[][..], &[("x-boardcast-key", "another")], &[("authorization", "Bearer another")]] {
        let refused = setup.app.request("GET", "/api/sse/dashboard?ops=1", headers, b"").await;
        assert_eq!(refused.status, 401, "{headers:?}");
    }
    // Who has missed it is told it when he comes back, as of anything else.
    let mut operator = setup.operator("ops=1").await;
    let cursor = operator.next().await.unwrap().json().unwrap()["cursor"].as_str().unwrap().to_owned();
    drop(operator);
    setup.hooks.set_status("workitem.updated", "onProbation");
    setup.check().await;
    let with_key = [("x-boardcast-key", "key"), ("last-event-id", &*cursor)];
    let mut operator = SseReader::open(setup.app.address, "/api/sse/dashboard?ops=1", &with_key).await;
    assert_eq!(of_hooks(&until_checked(&mut operator).await).len(), 6);
    let mut reader = SseReader::open(setup.app.address, "/api/sse/dashboard", &with_key).await;
    assert_eq!(of_hooks(&until_checked(&mut reader).await), []);
}
