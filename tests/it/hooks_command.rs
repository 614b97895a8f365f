//! `boardcast hooks`: the executable against an organisation with subscriptions, and an app that these lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::time::Duration;

use boardcast::demo::simulation::hooks as payloads;
use boardcast::demo::simulation::item::Event;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::app::TestApp;
use crate::support::entra::Entra;
use crate::support::organisation::{Answer, SimulatedFailure};
use crate::support::proxy::Proxy;
use crate::support::service_hooks::FakeHooks;
use crate::support::source::Organization;

const SECRET: &str = "hunter2-of-the-webhook";
const KEY: &str = "hunter2-of-the-function";
const EVENTS: [&str; 4] = ["workitem.created", "workitem.updated", "workitem.deleted", "workitem.restored"];

/// An organisation, and what the command is told.
struct Setup {
    organization: Organization,
    hooks: FakeHooks,
    settings: BTreeMap<&'static str, String>,
}

/// What the command said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {}{}", self.out, self.err))
    }
}

impl Setup {
    async fn new(public: &str) -> Self {
        let organization = Organization::start().await;
        let hooks = organization.hooks().await;
        let settings = [
            ("BOARDCAST_ORGANIZATION_URL", organization.url()),
            ("BOARDCAST_PUBLIC_URL", public.to_owned()),
            ("BOARDCAST_WEBHOOK_SECRET", SECRET.to_owned()),
            ("BOARDCAST_WEBHOOK_KEY", KEY.to_owned()),
        ];
        Self { organization, hooks, settings: settings.into() }
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.settings.insert(name, value.to_owned());
    }

    /// Runs `boardcast hooks` with these arguments. No secret is ever in what it says.
    async fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardcast"));
        command.arg("hooks").args(arguments).env_clear().envs(&self.settings);
        let Output { status, stdout, stderr } = command.output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said = Said { code: status.code().unwrap(), out: text(stdout), err: text(stderr) };
        let all = format!("{}{}", said.out, said.err);
        assert!(!all.contains("hunter2"), "a secret is told: {all}");
        said
    }

    fn projects(&self) -> Vec<String> {
        self.organization
            .model(|model| model.organisation.projects.iter().map(|of| of.id.to_string()).collect())
    }

    fn name_of_first(&self) -> String {
        self.organization.model(|model| model.organisation.projects[0].name.to_string())
    }

    /// The calls that changed a subscription.
    async fn writes(&self) -> u64 {
        let calls = self.organization.calls().await;
        let is_write = |route: &&String| route.contains(" hooks/subscriptions") && !route.starts_with("GET ");
        calls.keys().filter(is_write).map(|route| calls[route]).sum()
    }

    /// Whether each project has its four, all sound, with the real secret and key.
    fn assert_sound(&self) {
        let all = self.hooks.all();
        let kinds: BTreeSet<(String, String)> = all
            .iter()
            .map(|(_, _, of)| {
                (
                    of["publisherInputs"]["projectId"].as_str().unwrap().into(),
                    of["eventType"].as_str().unwrap().into(),
                )
            })
            .collect();
        let wanted: BTreeSet<(String, String)> = self
            .projects()
            .into_iter()
            .flat_map(|of| EVENTS.map(|event| (of.clone(), event.to_owned())))
            .collect();
        assert_eq!((kinds, all.len()), (wanted.clone(), wanted.len()));
        for (id, status, of) in all {
            let inputs = &of["consumerInputs"];
            assert_eq!(status, "enabled", "{id}");
            assert_eq!(inputs["basicAuthPassword"], *self.settings["BOARDCAST_WEBHOOK_SECRET"], "{id}");
            assert_eq!(
                inputs["httpHeaders"],
                format!("x-functions-key:{}", self.settings["BOARDCAST_WEBHOOK_KEY"])
            );
            let public = &self.settings["BOARDCAST_PUBLIC_URL"];
            let url = format!("{public}/api/webhooks/azure-devops/{}", of["eventType"].as_str().unwrap());
            assert_eq!(inputs["url"], url);
            let controls = [
                &inputs["resourceDetailsToSend"],
                &inputs["messagesToSend"],
                &inputs["detailedMessagesToSend"],
            ];
            assert_eq!(controls, ["all", "none", "none"]);
            assert_eq!(of["resourceVersion"], "1.0");
        }
    }
}

const ELSEWHERE: &str = "https://boards.contoso.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_four_subscriptions_are_made_for_each_project_and_never_twice() {
    let setup = Setup::new(ELSEWHERE).await;
    let made = setup.run(&["install", "--json"]).await;
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let steps = made.json();
    assert_eq!(steps["steps"].as_array().unwrap().len(), 4 * setup.projects().len());
    assert!(
        steps["steps"]
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["step"] == "create" && step["done"] == true)
    );
    setup.assert_sound();
    let before = (setup.writes().await, setup.hooks.all());
    for action in ["install", "repair"] {
        let again = setup.run(&[action]).await;
        assert_eq!((again.code, again.out.trim()), (0, "nothing to do: all are as they should be"));
    }
    assert_eq!((setup.writes().await, setup.hooks.all()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_only_projects_that_are_served_or_asked_for_get_subscriptions() {
    let mut setup = Setup::new(ELSEWHERE).await;
    let (first, name) = (setup.projects()[0].clone(), setup.name_of_first());
    setup.set("BOARDCAST_PROJECTS", &name);
    assert_eq!(setup.run(&["install"]).await.code, 0);
    let projects: BTreeSet<String> = setup
        .hooks
        .all()
        .iter()
        .map(|(_, _, of)| of["publisherInputs"]["projectId"].as_str().unwrap().into())
        .collect();
    assert_eq!(projects, [first].into());
    setup.set("BOARDCAST_PROJECTS", &format!("{name}, Nowhere"));
    let said = setup.run(&["install"]).await;
    assert!(said.code == 3 && said.err.contains("there is no project nowhere"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_the_status_tells_what_each_does_and_when_it_last_delivered() {
    let app = TestApp::builder().setting("BOARDCAST_WEBHOOK_SECRET", SECRET).start().await;
    let setup = Setup::new(&format!("http://{}", app.address)).await;
    assert_eq!(setup.run(&["install"]).await.code, 0);
    let sound = setup.run(&["status"]).await;
    assert!(sound.code == 0 && sound.out.ends_with("all are as they should be\n"), "{}", sound.out);

    let payload = setup.organization.edit(1, |content| content.title = "Told".into());
    setup.hooks.tell(&payload).await;
    setup.hooks.set_status("workitem.deleted", "onProbation");
    setup.hooks.set_status("workitem.restored", "disabledBySystem");
    setup.hooks.remove_of("workitem.created");
    let said = setup.run(&["status", "--json"]).await;
    assert_eq!(said.code, 3);
    let status = said.json();
    assert_eq!(status["sound"], false);
    let rows = status["hooks"].as_array().unwrap();
    let project = payload["resourceContainers"]["project"]["id"].as_str().unwrap();
    let row =
        |event: &str| rows.iter().find(|row| row["event"] == *event && row["projectId"] == *project).unwrap();
    assert_eq!(row("workitem.created")["status"], "missing");
    assert_eq!(
        (&row("workitem.deleted")["status"], &row("workitem.deleted")["probationRetries"]),
        (&"onProbation".into(), &1.into())
    );
    assert_eq!(row("workitem.restored")["status"], "disabledBySystem");
    let updated = row("workitem.updated");
    assert_eq!((&updated["status"], &updated["owner"]), (&"enabled".into(), &"boardcast".into()));
    let delivery =
        json!({ "at": "2026-11-25T20:00:01.25Z", "result": "succeeded", "lagMs": 750, "error": null });
    assert_eq!(updated["lastDelivery"], delivery);
    let table = setup.run(&["status"]).await;
    assert!(table.code == 3 && table.out.contains("boardcast hooks repair"), "{}", table.out);
    for word in [
        "missing",
        "onProbation",
        "tried again 1 times",
        "disabledBySystem",
        "2026-11-25T20:00:01.25Z succeeded",
        "750 ms",
    ] {
        assert!(table.out.contains(word), "{word}: {}", table.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_repair_mends_whatever_is_wrong_and_writes_no_asterisks() {
    let app = TestApp::builder().setting("BOARDCAST_WEBHOOK_SECRET", SECRET).start().await;
    let setup = Setup::new(&format!("http://{}", app.address)).await;
    assert_eq!(setup.run(&["install"]).await.code, 0);
    let of = |event: &str| setup.hooks.of_event(event);
    // On probation, because somebody read it and wrote it back.
    setup.hooks.change(&of("workitem.updated")[0], |written| {
        written["consumerInputs"]["basicAuthPassword"] = "********".into();
    });
    setup.hooks.set_status("workitem.updated", "onProbation");
    setup.hooks.set_status("workitem.deleted", "disabledBySystem");
    let gone = of("workitem.restored");
    setup.hooks.set_status("workitem.restored", "disabledByInactiveIdentity");
    let (lost, narrowed) = (of("workitem.created")[0].clone(), of("workitem.created")[1].clone());
    setup.hooks.change(&narrowed, |written| {
        written["publisherInputs"]["areaPath"] = "Fabrikam\\Web".into();
        written["consumerInputs"]["resourceDetailsToSend"] = "minimal".into();
    });
    // One by hand that tells the same twice, with the key in its address; one of a project that is no more; one of others.
    let mut by_hand = setup.hooks.all().into_iter().find(|(id, ..)| *id == lost).unwrap().2;
    by_hand["consumerInputs"]["url"] =
        format!("http://{}/api/webhooks/azure-devops/x?code=k", app.address).into();
    setup.hooks.put(by_hand.clone());
    by_hand["publisherInputs"]["projectId"] = "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c".into();
    setup.hooks.put(by_hand.clone());
    by_hand["consumerInputs"]["url"] = "https://other.example/hook".into();
    let others = setup.hooks.put(by_hand);

    let said = setup.run(&["repair", "--json"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let left = setup.hooks.all();
    assert!(left.iter().any(|(id, ..)| *id == others), "what leads elsewhere is somebody else's");
    assert!(!left.iter().any(|(id, ..)| gone.contains(id)), "those whose owner is gone are made anew");
    setup.hooks.change(&others, |written| written["eventType"] = "to be removed".into());
    setup.hooks.remove_of("to be removed");
    setup.assert_sound();
    assert_eq!(setup.run(&["status"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_no_subscription_comes_to_belong_to_a_person_unless_that_is_said() {
    let mut setup = Setup::new(ELSEWHERE).await;
    setup.set("AZURE_DEVOPS_PAT", "hunter2-of-a-person");
    for action in ["install", "repair", "rotate"] {
        let refused = setup.run(&[action]).await;
        assert_eq!(refused.code, 4, "{action}: {}", refused.err);
        assert!(
            refused.err.contains("--as-person") && refused.err.contains("AZURE_CLIENT_ID"),
            "{}",
            refused.err
        );
        assert_eq!(refused.out, "", "people are told once");
        let refused = setup.run(&[action, "--json"]).await;
        let told = json!({ "done": false, "error": refused.err.trim_end(), "steps": [] });
        assert_eq!((refused.code, refused.json()), (4, told));
    }
    assert_eq!(setup.organization.calls().await, BTreeMap::new(), "nobody was asked");
    assert_eq!(setup.run(&["status"]).await.code, 3, "who only looks needs no identity");
    assert_eq!(setup.run(&["install", "--as-person"]).await.code, 0);
    setup.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_the_identity_of_the_app_makes_them() {
    let mut setup = Setup::new(ELSEWHERE).await;
    let entra = Entra::start().await;
    setup.set("IDENTITY_ENDPOINT", &entra.endpoint());
    setup.set("IDENTITY_HEADER", "hunter2-of-the-platform");
    assert_eq!(setup.run(&["install"]).await.code, 0);
    setup.assert_sound();
    entra.refuse(400, "Identity not found");
    let refused = setup.run(&["status"]).await;
    assert!(refused.code == 1 && refused.err.contains("got no token"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_subscriptions_are_removed_by_project_or_all() {
    let setup = Setup::new(ELSEWHERE).await;
    assert_eq!(setup.run(&["install"]).await.code, 0);
    assert_eq!(setup.run(&["remove", "--project", &setup.name_of_first()]).await.code, 0);
    let left = setup.hooks.all();
    assert_eq!(left.len(), 4 * (setup.projects().len() - 1));
    assert!(left.iter().all(|(_, _, of)| of["publisherInputs"]["projectId"] != *setup.projects()[0]));
    // By its GUID also one that is not listed any more.
    assert_eq!(setup.run(&["remove", "--project", &setup.projects()[1]]).await.code, 0);
    assert_eq!(setup.run(&["remove"]).await.code, 0);
    assert_eq!(setup.hooks.all().len(), 0);
    assert_eq!(setup.run(&["remove"]).await.out.trim(), "there is none to remove");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_who_lacks_the_permission_of_one_project_is_told_it_and_serves_the_others() {
    let setup = Setup::new(ELSEWHERE).await;
    setup.hooks.forbid(&setup.projects()[0]);
    let said = setup.run(&["install"]).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.out.contains("az devops security permission update"), "{}", said.out);
    assert_eq!(said.out.matches("not tried").count(), 3, "one refusal is enough: {}", said.out);
    assert_eq!(setup.hooks.all().len(), 4 * (setup.projects().len() - 1));
    setup.hooks.permit();
    assert_eq!(setup.run(&["install"]).await.code, 0);
    setup.assert_sound();
    setup.organization.fail_on("GET hooks/subscriptions", SimulatedFailure::Unavailable).await;
    let away = setup.run(&["status"]).await;
    assert!(away.code == 1 && away.out.is_empty() && !away.err.is_empty(), "{}{}", away.out, away.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_a_new_secret_is_moved_to_only_when_the_app_takes_it_and_nothing_is_lost() {
    const NEW: &str = "hunter2-the-next";
    let old = TestApp::builder().setting("BOARDCAST_WEBHOOK_SECRET", SECRET).start().await;
    let way = Proxy::to(old.address.port()).await;
    let mut setup = Setup::new(&format!("http://{}", way.address)).await;
    assert_eq!(setup.run(&["install"]).await.code, 0);

    setup.set("BOARDCAST_WEBHOOK_SECRET", NEW);
    let before = setup.hooks.all();
    for action in ["rotate", "install", "repair"] {
        let refused = setup.run(&[action]).await;
        assert_eq!(refused.code, 4, "{action}: {}{}", refused.out, refused.err);
        assert!(format!("{}{}", refused.out, refused.err).contains("BOARDCAST_WEBHOOK_SECRET"), "{action}");
    }
    assert_eq!(setup.hooks.all(), before, "nothing was moved");

    // An app that takes the new one alone would refuse what is on its way with the old one.
    let hasty = TestApp::builder().setting("BOARDCAST_WEBHOOK_SECRET", NEW).start().await;
    way.lead_to(hasty.address.port());
    setup.set("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", SECRET);
    let refused = setup.run(&["rotate"]).await;
    assert!(
        refused.code == 4 && refused.err.contains("BOARDCAST_WEBHOOK_SECRET_PREVIOUS"),
        "{}",
        refused.err
    );
    let refused = setup.run(&["rotate", "--json"]).await;
    let told = json!({ "done": false, "error": refused.err.trim_end(), "steps": [] });
    assert_eq!((refused.code, refused.json()), (4, told));
    assert!(refused.err.starts_with("nothing was moved: "), "{}", refused.err);
    assert_eq!(setup.hooks.all(), before);

    let both = TestApp::builder()
        .setting("BOARDCAST_WEBHOOK_SECRET", NEW)
        .setting("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", SECRET)
        .start()
        .await;
    way.lead_to(both.address.port());
    // While they are moved, items go on changing.
    let told = async {
        let mut told = 0;
        loop {
            let payload = setup.organization.model(|model| {
                let (id, at) = (*model.items().keys().next().unwrap(), model.now());
                let change = model
                    .change(id, Event::Updated, at, 0, |content| content.title = format!("{told}").into());
                payloads::payload(model, change.unwrap()).unwrap()
            });
            setup.hooks.tell(&payload).await;
            told += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
            if told > 5
                && setup.hooks.all().iter().all(|(.., of)| of["consumerInputs"]["basicAuthPassword"] == NEW)
            {
                return told;
            }
        }
    };
    let (rotated, told) = tokio::join!(setup.run(&["rotate"]), told);
    assert_eq!(rotated.code, 0, "{}{}", rotated.out, rotated.err);
    assert!(rotated.err.contains("remove BOARDCAST_WEBHOOK_SECRET_PREVIOUS"), "{}", rotated.err);
    setup.assert_sound();
    assert_eq!(setup.hooks.lost(), 0, "of {told} events");
    let vitals = &both.app.instance.vitals;
    assert_eq!(
        (vitals.hooks_applied.value() + vitals.hooks_known.value(), vitals.hooks_denied.value()),
        (told, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_a_command_that_is_not_told_where_subscriptions_lead_says_what_to_set() {
    let mut setup = Setup::new(ELSEWHERE).await;
    setup.settings.remove("BOARDCAST_WEBHOOK_KEY");
    setup.settings.remove("BOARDCAST_PUBLIC_URL");
    let said = setup.run(&["status"]).await;
    assert!(said.code == 1 && said.err.contains("BOARDCAST_PUBLIC_URL"), "{}", said.err);
    let said = setup.run(&["status", "--json"]).await;
    let told = json!({ "sound": false, "error": said.err.trim_end(), "hooks": [] });
    assert_eq!((said.code, said.json()), (1, told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_a_name_with_a_line_break_does_not_break_the_table() {
    let setup = Setup::new(ELSEWHERE).await;
    setup.organization.model(|model| model.organisation.projects[0].name = "Web\nsite \u{1b}[31m");
    for (action, lines) in [("install", 8), ("status", 11)] {
        let said = setup.run(&[action]).await;
        assert_eq!(said.out.lines().count(), lines, "{action}: {}", said.out);
        assert!(said.out.contains("Web site  [31m  workitem.created"), "{action}: {}", said.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_a_script_is_told_of_an_organisation_that_does_not_answer() {
    let setup = Setup::new(ELSEWHERE).await;
    setup.organization.fail_on("GET projects", SimulatedFailure::Unavailable).await;
    let said = setup.run(&["repair", "--json"]).await;
    let told = json!({ "done": false, "error": said.err.trim_end(), "steps": [] });
    assert_eq!((said.code, said.json()), (1, told));
    assert!(said.err.contains("server_error (503)"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_a_project_that_is_none_is_refused_and_never_taken_for_all() {
    let setup = Setup::new(ELSEWHERE).await;
    assert_eq!(setup.run(&["install"]).await.code, 0);
    let before = setup.hooks.all();
    for blank in ["", "  ", "\t"] {
        for action in ["remove", "repair", "status", "install", "rotate"] {
            let said = setup.run(&[action, "--project", blank]).await;
            assert!(said.code == 2 && said.err.contains("--project"), "{action}: {}{}", said.code, said.err);
        }
        // One that is right does not make up for it.
        let said = setup.run(&["remove", "--project", &setup.name_of_first(), "--project", blank]).await;
        assert_eq!(said.code, 2, "{}", said.err);
    }
    assert_eq!(setup.hooks.all(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_nothing_is_removed_of_projects_that_are_merely_not_seen() {
    let mut setup = Setup::new(ELSEWHERE).await;
    assert_eq!(setup.run(&["install"]).await.code, 0);
    let before = setup.hooks.all();
    setup.set("BOARDCAST_PROJECTS", "Misspelt");
    for action in ["repair", "status"] {
        let said = setup.run(&[action]).await;
        assert!(
            said.code == 3 && said.err.contains("there is no project misspelt"),
            "{action}: {}",
            said.err
        );
        assert!(!said.out.contains("not served"), "{action}: {}", said.out);
        assert!(!said.out.contains("all are as they should be"), "{action}: {}", said.out);
        assert_eq!(setup.hooks.all(), before, "{action}");
    }
    setup.settings.remove("BOARDCAST_PROJECTS");
    let none = Answer { status: 200, headers: Vec::new(), body: json!({ "count": 0, "value": [] }) };
    setup.organization.fail_on("GET projects", SimulatedFailure::Instead(none)).await;
    for action in ["repair", "install", "rotate", "status"] {
        let said = setup.run(&[action]).await;
        assert!(
            said.code == 3 && said.err.contains("sees no project"),
            "{action}: {}{}",
            said.code,
            said.err
        );
        assert!(!said.out.contains("all are as they should be"), "{action}: {}", said.out);
        assert_eq!(setup.hooks.all(), before, "{action}");
    }
    setup.organization.mend().await;
    // What is not served by what is rightly written goes.
    setup.set("BOARDCAST_PROJECTS", &setup.name_of_first());
    assert_eq!(setup.run(&["repair"]).await.code, 0);
    assert_eq!(setup.hooks.all().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_a_guid_that_no_project_has_is_exempt_where_what_is_left_of_it_is_removed() {
    const NOWHERE: &str = "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c";
    let setup = Setup::new(ELSEWHERE).await;
    assert_eq!(setup.run(&["install"]).await.code, 0);
    for action in ["status", "install", "repair", "rotate"] {
        let said = setup.run(&[action, "--project", NOWHERE]).await;
        assert!(said.code == 3 && said.err.contains(NOWHERE), "{action}: {}{}", said.code, said.err);
        assert!(!said.out.contains("all are as they should be"), "{action}: {}", said.out);
    }
    let mut left = setup.hooks.all()[0].2.clone();
    left["publisherInputs"]["projectId"] = NOWHERE.into();
    let id = setup.hooks.put(left);
    assert_eq!(setup.run(&["remove", "--project", NOWHERE]).await.code, 0);
    assert!(!setup.hooks.all().iter().any(|(of, ..)| *of == id));
    setup.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_what_remains_to_be_done_after_it_was_done_is_told() {
    let setup = Setup::new(ELSEWHERE).await;
    // As Azure DevOps lists a filter that was not chosen.
    setup.hooks.add_input("linksChanged", "false");
    assert_eq!(setup.run(&["install"]).await.code, 0);
    assert_eq!(setup.run(&["status"]).await.code, 0);
    setup.hooks.add_input("areaPath", "Fabrikam\\Web");
    for action in ["install", "repair"] {
        let said = setup.run(&[action, "--json"]).await;
        let told = said.json();
        assert_eq!((said.code, &told["done"]), (3, &false.into()), "{action}: {}", said.out);
        let failed = told["steps"].as_array().unwrap().iter().filter(|step| step["done"] == false);
        let all = failed.map(|step| step["error"].as_str().unwrap().contains("not as it should be"));
        assert_eq!(all.collect::<Vec<_>>(), vec![true; 4 * setup.projects().len()], "{action}: {}", said.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_a_delivery_that_failed_last_is_told_and_is_not_sound() {
    let closed = TestApp::builder().setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1").start().await;
    let setup = Setup::new(&format!("http://{}", closed.address)).await;
    assert_eq!(setup.run(&["install"]).await.code, 0);
    let payload = setup.organization.edit(1, |content| content.title = "Lost".into());
    setup.hooks.tell(&payload).await;
    assert!(setup.hooks.all().iter().all(|(_, status, _)| status == "enabled"), "503 is tried again");
    let said = setup.run(&["status"]).await;
    assert_eq!(said.code, 3, "{}", said.out);
    for words in ["last delivery failed: (503)", "1 of the last deliveries failed", "boardcast doctor"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(!said.out.contains("all are as they should be"), "{}", said.out);
    let said = setup.run(&["status", "--json"]).await;
    assert_eq!((said.code, &said.json()["sound"]), (3, &false.into()));
}
