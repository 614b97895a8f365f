//! `WorkItemWebhook`: which payload means what, and that every answer is 200, 401 or 503.

use std::path::Path;

use boardcast::domain::wire::event::Cause;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::hooks::{CONTOSO, FABRIKAM, updated, updated_in};
use crate::support::http::{self, Answer};
use crate::support::team::catalogue;

async fn post(app: &TestApp, body: &[u8]) -> Answer {
    app.request("POST", "/api/webhooks/azure-devops/workitem.updated", &[], body).await
}

#[tokio::test]
async fn k2_every_spelling_of_the_route_works_and_the_body_decides() {
    let app = TestApp::start().await;
    let paths = [
        "/api/webhooks/azure-devops/workitem-updated",
        "/api/webhooks/azure-devops/workitem.updated",
        "/api/webhooks/azure-devops/another-word",
        "/API/Webhooks/Azure-DevOps/WorkItem.Updated",
        "/api/webhooks/azure-devops",
        "/api/webhooks/azure-devops/",
        "/webhooks/azure-devops/workitem-updated",
        "/webhooks/azure-devops",
    ];
    for (id, path) in (1..).zip(paths) {
        let body = updated(id, 1, "New").to_string();
        let answer = app.request("POST", path, &[], body.as_bytes()).await;
        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"applied".into()), "{path}");
    }
    assert_eq!(
        app.app.instance.vitals.hooks_mislabelled.value(),
        1,
        "a label that differs from the body is counted"
    );
}

#[tokio::test]
async fn a_repeated_or_lower_revision_is_acknowledged_and_tells_nothing_new() {
    let app = TestApp::start().await;
    assert_eq!(app.hook(&updated(13, 4, "Active")).await.json()["outcome"], "applied");
    app.settled().await;
    assert_eq!(app.hook(&updated(13, 4, "Active")).await.json()["outcome"], "known");
    assert_eq!(app.hook(&updated(13, 3, "New")).await.status, 200);
    app.settled().await;
    let board = app.get(&format!("/api/snapshot?project={FABRIKAM}")).await.json();
    assert_eq!((&board["items"][0]["rev"], &board["items"][0]["state"]), (&4.into(), &"Active".into()));
}

#[tokio::test]
async fn w1_with_a_secret_set_only_who_knows_it_is_let_in() {
    let app = TestApp::builder()
        .setting("BOARDCAST_WEBHOOK_SECRET", "now")
        .setting("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "before")
        .start()
        .await;
    let body = updated(13, 1, "New").to_string();
    let status = async |headers: &[(&str, &str)]| {
        app.request("POST", "/api/webhooks/azure-devops", headers, body.as_bytes()).await.status
    };
    assert_eq!(status(&[]).await, 401);
    assert_eq!(status(&[("x-boardcast-secret", "never")]).await, 401);
    assert_eq!(status(&[("x-boardcast-secret", "now")]).await, 200);
    assert_eq!(status(&[("x-boardcast-secret", "before")]).await, 200);
    // base64 of "hook:now"
    assert_eq!(status(&[("authorization", "Basic aG9vazpub3c=")]).await, 200);
    assert_eq!(app.app.instance.vitals.hooks_denied.value(), 2);
}

#[tokio::test]
async fn w1_under_the_host_without_a_secret_nobody_is_let_in() {
    let app = TestApp::builder().setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1").start().await;
    let answer = post(&app, updated(13, 1, "New").to_string().as_bytes()).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["remedy"]),
        (503, &"set BOARDCAST_WEBHOOK_SECRET".into())
    );
    let ready = app.get("/api/health/ready").await;
    assert!(ready.text().contains("set BOARDCAST_WEBHOOK_SECRET"), "{}", ready.text());
}

#[tokio::test]
async fn w1_a_foreign_project_is_a_dead_letter() {
    let app = TestApp::builder().setting("BOARDCAST_PROJECTS", "contoso").start().await;
    let answer = post(&app, updated(13, 1, "New").to_string().as_bytes()).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (200, &"foreign_project".into()));
}

#[tokio::test]
async fn fault_b10_a_hook_that_is_dated_more_than_a_day_ahead_is_a_dead_letter() {
    let app = TestApp::start().await;
    let dated = |id: u32, hours: i64| {
        let mut payload = updated(id, 1, "New");
        payload["createdDate"] = json!(
            chrono::DateTime::from_timestamp_millis(
                boardcast::platform::clock::system()().epoch_ms() + hours * 3_600_000
            )
            .unwrap()
            .to_rfc3339()
        );
        payload.to_string().into_bytes()
    };
    let answer = post(&app, &dated(13, 25)).await.json();
    assert_eq!((&answer["outcome"], &answer["reason"]), (&json!("dead_letter"), &json!("dated_ahead")));
    assert_eq!(post(&app, &dated(14, 23)).await.json()["outcome"], "applied", "clocks and zones differ");
}

#[tokio::test]
async fn w8_two_megabytes_are_taken_chunked_or_not_and_more_than_four_are_a_dead_letter() {
    let app = TestApp::start().await;
    let sized = |id: u32, bytes: usize| {
        let mut payload = updated(id, 1, "New");
        payload["detailedMessage"] = json!({ "text": "x".repeat(bytes) });
        payload.to_string().into_bytes()
    };
    assert_eq!(post(&app, &sized(1, 2 * 1024 * 1024)).await.json()["outcome"], "applied");
    let chunked = |body: &[u8]| {
        let mut request = b"POST /api/webhooks/azure-devops HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(100_000) {
            request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        request
    };
    assert_eq!(
        http::exchange(app.address, &chunked(&sized(2, 2 * 1024 * 1024))).await.json()["outcome"],
        "applied"
    );
    let large = sized(3, 5 * 1024 * 1024);
    assert_eq!(post(&app, &large).await.json()["reason"], "too_large");
    assert_eq!(http::exchange(app.address, &chunked(&large)).await.json()["reason"], "too_large");
}

/// Forty forms of a request that no correct sender makes, each a whole request.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let good = updated(13, 1, "New").to_string();
    let post = |headers: &[(&str, &str)], body: &[u8]| http::request("POST", WEBHOOK, headers, body);
    let changed = |change: fn(&mut Value)| {
        let mut payload = updated(13, 1, "New");
        change(&mut payload);
        post(&[], payload.to_string().as_bytes())
    };
    let chunked = |body: &str| {
        let head = format!(
            "POST {WEBHOOK} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        format!("{head}{body}").into_bytes()
    };
    let mut forms = vec![
        ("no body", post(&[], b"")),
        ("an empty object", post(&[], b"{}")),
        ("an array", post(&[], b"[]")),
        ("null", post(&[], b"null")),
        ("a text", post(&[], b"\"workitem.updated\"")),
        ("a number", post(&[], b"7")),
        ("no UTF-8", post(&[], b"\xff\xfe\x00{")),
        ("UTF-16", post(&[], b"\xfe\xff\x00{\x00}")),
        ("half an object", post(&[], b"{\"eventType\":")),
        ("cut off before its end", post(&[], &good.as_bytes()[..good.len() - 1])),
        ("two objects", post(&[], format!("{good}{good}").as_bytes())),
        ("a lone surrogate", post(&[], br#"{"eventType":"\ud800"}"#)),
        (
            "a number out of range",
            post(&[], br#"{"eventType":"workitem.updated","resource":{"workItemId":1e400}}"#),
        ),
        ("a million brackets", post(&[], "[".repeat(1_000_000).as_bytes())),
        ("nested objects", post(&[], "{\"a\":".repeat(100_000).as_bytes())),
        ("an event type that is an object", post(&[], br#"{"eventType":{}}"#)),
        ("a body said to be compressed", post(&[("content-encoding", "gzip")], b"\x1f\x8b\x08\x00")),
        ("a form", post(&[("content-type", "application/x-www-form-urlencoded")], b"payload=%7B%7D")),
        ("a media type that is none", post(&[("content-type", "///")], good.as_bytes())),
        ("no media type asked for", post(&[("accept", "image/png")], good.as_bytes())),
        ("an expectation", post(&[("expect", "100-continue")], good.as_bytes())),
        ("a range", post(&[("range", "bytes=0-1")], good.as_bytes())),
        ("a condition", post(&[("if-match", "\"x\"")], good.as_bytes())),
        ("an empty chunked body", chunked("0\r\n\r\n")),
        ("a chunk with an extension and trailers", chunked("2;x=y\r\n{}\r\n0\r\nx-trailer: 1\r\n\r\n")),
        ("a negative number", changed(|p| p["resource"]["workItemId"] = json!(-13))),
        ("a fraction for a number", changed(|p| p["resource"]["workItemId"] = json!(13.5))),
        ("a number beyond 32 bits", changed(|p| p["resource"]["workItemId"] = json!(1_u64 << 40))),
        ("revision 0", changed(|p| p["resource"]["revision"]["rev"] = json!(0))),
        ("fields that are a text", changed(|p| p["resource"]["revision"]["fields"] = json!("x"))),
        ("a resource that is an array", changed(|p| p["resource"] = json!([1]))),
        (
            "a project that is no GUID",
            changed(|p| p["resourceContainers"]["project"]["id"] = json!("Fabrikam")),
        ),
        ("a date that is none", changed(|p| p["createdDate"] = json!("99999-99-99"))),
        (
            "a query of nonsense",
            http::request("POST", &format!("{WEBHOOK}?%ff=%&&=&code"), &[], good.as_bytes()),
        ),
        ("a label of nonsense", http::request("POST", &format!("{WEBHOOK}/%00%2e%2e%ff"), &[], b"{")),
        ("a path below the route", http::request("POST", &format!("{WEBHOOK}/a/b/c"), &[], b"{")),
    ];
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        forms.push((method, http::request(method, WEBHOOK, &[], b"")));
    }
    forms
}

const WEBHOOK: &str = "/api/webhooks/azure-devops";

#[tokio::test]
async fn w6_w7_whatever_is_sent_the_answer_is_200_401_or_503_and_the_process_lives() {
    let (open, secured) = (TestApp::start().await, secured().await);
    let forms = malformed();
    assert!(forms.len() >= 40, "{} forms", forms.len());
    for (name, form) in &forms {
        let answer = http::exchange(open.address, form).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.head);
        assert_eq!(http::exchange(secured.address, form).await.status, 401, "{name}");
    }
    assert_eq!(
        open.app.instance.vitals.hooks_refused.value() + open.app.instance.vitals.hooks_overloaded.value(),
        0
    );
    assert_eq!(open.hook(&updated(99, 1, "New")).await.json()["outcome"], "applied");
    open.settled().await;
    let board = open.get("/api/snapshot?project=fabrikam").await.json();
    let numbers: Vec<_> =
        board["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect();
    assert!(numbers.contains(&99) && numbers.contains(&13), "nothing that was whole is lost: {numbers:?}");
}

#[tokio::test]
async fn w6_a_body_that_breaks_off_is_not_acknowledged_and_the_process_lives() {
    use tokio::io::AsyncWriteExt;
    let app = TestApp::start().await;
    for cut in [0, 1, 100] {
        let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
        let whole = http::request("POST", WEBHOOK, &[], updated(13, 1, "New").to_string().as_bytes());
        let head = http::find(&whole, b"\r\n\r\n").unwrap() + 4;
        stream.write_all(&whole[..head + cut]).await.unwrap();
        drop(stream);
    }
    assert_eq!(app.hook(&updated(14, 1, "New")).await.json()["outcome"], "applied");
    app.settled().await;
    let items = app.get("/api/snapshot?project=fabrikam").await.json()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1);
}

async fn secured() -> TestApp {
    TestApp::builder().setting("BOARDCAST_WEBHOOK_SECRET", "now").start().await
}

#[tokio::test]
async fn w17_too_many_hooks_at_once_are_told_to_come_again_and_who_has_no_secret_takes_no_place() {
    use tokio::io::AsyncWriteExt;
    let app = TestApp::builder()
        .setting("BOARDCAST_WEBHOOK_SECRET", "now")
        .config(|config| config.hooks_in_flight_max = 1)
        .start()
        .await;
    let unfinished = async |headers: &[(&str, &str)]| {
        let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
        let whole = http::request("POST", WEBHOOK, headers, b"{\"eventType\":1}");
        stream.write_all(&whole[..whole.len() - 1]).await.unwrap();
        stream
    };
    let secret = [("x-boardcast-secret", "now")];
    let body = updated(13, 1, "New").to_string();
    let post = async || app.request("POST", WEBHOOK, &secret, body.as_bytes()).await;
    let _stranger = unfinished(&[]).await;
    assert_eq!(post().await.status, 200);
    let mut slow = unfinished(&secret).await;
    let begin = tokio::time::Instant::now();
    while post().await.status != 503 {
        assert!(begin.elapsed().as_secs() < 10, "a second hook was never one too many");
    }
    assert!(app.app.instance.vitals.hooks_overloaded.value() >= 1);
    slow.write_all(b"}").await.unwrap();
    assert_eq!(http::read_answer(&mut slow, false).await.status, 200);
    assert_eq!(post().await.status, 200);
}

#[tokio::test]
async fn w1_a_hook_of_another_collection_than_the_first_is_a_dead_letter() {
    let app = TestApp::start().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "applied");
    app.settled().await;
    let mut foreign = updated(13, 2, "Closed");
    foreign["resourceContainers"]["collection"]["id"] = json!("00000000-1111-2222-3333-444444444444");
    assert_eq!(app.hook(&foreign).await.json()["reason"], "foreign_collection");
    foreign["resourceContainers"]["collection"] = Value::Null;
    assert_eq!(app.hook(&foreign).await.json()["reason"], "foreign_collection", "it may be anybody's");
    app.settled().await;
    let board = app.get("/api/snapshot?project=fabrikam").await.json();
    assert_eq!(board["items"][0]["rev"], 1);
}

#[tokio::test]
async fn w1_of_two_collections_whose_first_hooks_race_one_wins() {
    let app = std::sync::Arc::new(TestApp::start().await);
    let racers: Vec<_> = (0..8)
        .map(|n| {
            let app = app.clone();
            let mut payload = updated(100 + n, 1, "New");
            payload["resourceContainers"]["collection"]["id"] =
                json!(format!("0000000{}-1111-2222-3333-444444444444", n % 2));
            tokio::spawn(async move {
                (n % 2, app.hook(&payload).await.json()["outcome"].as_str().unwrap().to_owned())
            })
        })
        .collect();
    let mut taken = Vec::new();
    for racer in racers {
        let (collection, outcome) = racer.await.unwrap();
        if outcome == "applied" {
            taken.push(collection);
        }
    }
    assert_eq!(taken.len(), 4);
    assert!(taken.iter().all(|collection| *collection == taken[0]), "{taken:?}");
}

#[tokio::test]
async fn w11_an_item_of_no_known_sprint_is_announced_at_project_scope_with_nulls() {
    let app = TestApp::start().await;
    app.settled().await;
    let mut reader = app.stream("").await;
    app.hook(&updated(13, 1, "New")).await;
    let changed = reader.next_of("workitem_changed").await;
    let ids = [&changed["projectId"], &changed["teamId"], &changed["sprintId"]];
    assert_eq!(ids, [&json!(FABRIKAM), &Value::Null, &Value::Null]);
    assert!(changed.as_object().unwrap().contains_key("sprintId"), "null, never absent");
}

#[tokio::test]
async fn w12_a_renamed_project_is_the_same_board_under_its_new_name() {
    let app = TestApp::start().await;
    app.hook(&updated(13, 1, "New")).await;
    let mut renamed = updated(14, 1, "New");
    renamed["resource"]["revision"]["fields"]["System.TeamProject"] = json!("Fabrikam Next");
    app.hook(&renamed).await;
    app.settled().await;
    let directory = app.get("/api/snapshot").await.json();
    assert_eq!(directory["scopes"].as_array().unwrap().len(), 1);
    assert_eq!(directory["scopes"][0]["project"], "Fabrikam Next");
    assert_eq!(
        app.get(&format!("/api/snapshot?project={FABRIKAM}")).await.json()["items"].as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn w16_when_it_was_changed_and_when_we_were_told_are_kept_with_the_event() {
    let app = TestApp::start().await;
    app.settled().await;
    let mut reader = app.stream("").await;
    let before = (app.app.instance.clock)().epoch_ms();
    app.hook(&updated(13, 1, "New")).await;
    let changed = reader.next_of("workitem_changed").await;
    assert_eq!(changed["changedAt"], 1_795_420_800_663_i64);
    let received = changed["receivedAt"].as_i64().unwrap();
    assert!((before..=changed["timestamp"].as_i64().unwrap()).contains(&received));
}

/// Payloads of the shapes that are published, and what each is.
const PUBLISHED: [(&str, &str); 12] = [
    ("workitem.created", "applied"),
    ("workitem.deleted", "applied"),
    ("workitem.restored", "applied"),
    ("workitem.commented", "ignored"),
    // Of item 0, and at odds with itself: the update tells another state than the revision.
    ("workitem.updated", "test_notification"),
    // The same words over the body of another event: no update, and so not item 318 either.
    ("workitem.updated.flat", "dead_letter"),
    ("build.complete", "ignored"),
    ("git.push", "ignored"),
    ("git.pullrequest.updated", "ignored"),
    ("message.posted", "ignored"),
    ("ms.vss-release.deployment-completed-event", "ignored"),
    ("tfvc.checkin", "ignored"),
];

const WEBHOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/webhooks");

fn published(name: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(WEBHOOKS).join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn each_published_sample_is_what_the_table_says() {
    for (name, outcome) in PUBLISHED {
        let app = TestApp::start().await;
        assert_eq!(app.hook(&published(name)).await.json()["outcome"], outcome, "{name}");
    }
    let samples = std::fs::read_dir(WEBHOOKS).unwrap().count();
    assert_eq!(samples, PUBLISHED.len(), "a sample is missing from the table");
}

#[tokio::test]
async fn w15_a_sample_that_a_button_sends_is_a_test_notification_byte_order_mark_and_all() {
    let app = TestApp::start().await;
    for name in ["workitem.created", "workitem.deleted", "workitem.commented", "workitem.updated"] {
        let mut payload = published(name);
        payload["subscriptionId"] = json!(uuid::Uuid::nil());
        payload["notificationId"] = json!(5);
        let answer = post(&app, format!("\u{feff}{payload}").as_bytes()).await;
        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"test_notification".into()), "{name}");
    }
}

#[tokio::test]
async fn the_published_update_with_a_real_number_reaches_the_board() {
    let mut payload = published("workitem.updated");
    payload["resource"]["workItemId"] = json!(318);
    payload["subscriptionId"] = json!("7d0b3cd3-8f5f-4f1c-8f0a-9f1b6d2f3c11");
    let app = TestApp::start().await;
    let project = payload["resourceContainers"]["project"]["id"].as_str().unwrap().to_owned();
    let mut reader = app.stream(&format!("project={project}")).await;
    let mut other = app.stream("project=11111111-1111-1111-1111-111111111111").await;
    assert_eq!(app.hook(&payload).await.json()["outcome"], "applied");
    let changed = reader.next_of("workitem_changed").await;
    assert_eq!((&changed["workItemId"], &changed["item"]["state"]), (&318.into(), &"Committed".into()));
    assert_eq!(changed["sprintId"], Value::Null);
    app.settled().await;
    other.next_of("connected").await;
    assert!(other.arrived().is_empty(), "a reader of another project sees nothing");
}

#[tokio::test]
async fn w9_the_published_samples_of_one_item_end_alike_in_all_six_orders() {
    let samples = ["workitem.created", "workitem.deleted", "workitem.restored"].map(published);
    let mut boards = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let app = TestApp::start().await;
        for index in order {
            app.hook(&samples[index]).await;
        }
        app.settled().await;
        boards.push(app.get("/api/snapshot?project=northwind").await.json()["items"].clone());
    }
    assert_eq!(boards[0][0]["id"], 318);
    assert!(boards.iter().all(|board| *board == boards[0]), "{boards:?}");
}

#[tokio::test]
async fn fault_a3_by_hooks_alone_one_without_a_collection_does_not_pass_once_one_is_known() {
    let app = TestApp::start().await;
    app.settled().await;
    let mut nameless = updated(14, 1, "New");
    nameless["resourceContainers"].as_object_mut().unwrap().remove("collection");
    assert_eq!(app.hook(&nameless).await.json()["outcome"], "applied", "nobody knows better yet");
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "applied");
    app.settled().await;
    let collection = app.get("/api/health").await.json()["collection"].clone();
    assert_eq!(
        collection,
        updated(13, 1, "New")["resourceContainers"]["collection"]["id"],
        "health says which"
    );
    nameless["resource"]["rev"] = 2.into();
    nameless["resource"]["revision"]["rev"] = 2.into();
    assert_eq!(app.hook(&nameless).await.json()["reason"], "foreign_collection");
}

#[tokio::test]
async fn fault_a3_with_an_organisation_the_first_hook_decides_nothing_and_its_projects_hooks_do() {
    const FOREIGN: &str = "d12d0eb8-e382-443b-9f9c-c52cba5014c2";
    let app =
        TestApp::builder().setting("BOARDCAST_ORGANIZATION_URL", "http://127.0.0.1:1/fabrikam").start().await;
    app.settled().await;
    let collection = || app.app.instance.fold.read().collection().map(|known| known.to_string());
    let mut foreign = updated_in(CONTOSO, 99, 1, "New");
    foreign["resourceContainers"]["collection"]["id"] = FOREIGN.into();
    app.hook(&foreign).await;
    app.settled().await;
    assert_eq!(collection(), None, "nobody but the organisation says which collection it is");
    assert!(app.app.deriver.teams.learn(catalogue(), Cause::Timer).await.unwrap());
    app.settled().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "applied");
    app.settled().await;
    assert_eq!(
        collection().as_deref(),
        updated(13, 1, "New")["resourceContainers"]["collection"]["id"].as_str()
    );
    foreign["resource"]["workItemId"] = 98.into();
    assert_eq!(app.hook(&foreign).await.json()["reason"], "foreign_collection");
    // A collection that was moved to another server keeps its projects' ids, and theirs are believed.
    let mut moved = updated(13, 2, "Active");
    moved["resourceContainers"]["collection"]["id"] = FOREIGN.into();
    assert_eq!(app.hook(&moved).await.json()["outcome"], "applied");
    app.settled().await;
    assert_eq!(collection().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn hooks_of_a_project_whose_last_team_is_gone_are_taken() {
    let app = TestApp::start().await;
    app.settled().await;
    let teams = &app.app.deriver.teams;
    assert!(teams.learn(catalogue(), Cause::Timer).await.unwrap());
    app.settled().await;
    assert!(teams.forget(catalogue().key(), Cause::Timer).await.unwrap());
    app.settled().await;
    assert_eq!(app.hook(&updated(13, 1, "New")).await.json()["outcome"], "applied");
}
