//! `boardcast doctor`: the executable finds each planted fault, in the app, in the organisation and on the way, and names a
//! command that mends it; and finds nothing where nothing is planted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use boardcast::app::Adapters;
use boardcast::config::Config;
use boardcast::journal::Store;
use serde_json::Value;
use tokio::process::Command;

use crate::support::app::{Builder, TestApp};
use crate::support::archive::FaultyArchive;
use crate::support::entra::Entra;
use crate::support::organisation::SimulatedFailure;
use crate::support::proxy::Proxy;
use crate::support::redis::{self, RedisServer};
use crate::support::service_hooks::{self, FakeHooks, refused};
use crate::support::source::Organization;

const SECRET: &str = "hunter2-of-the-webhook";
const OPERATOR: &str = "hunter2-of-the-operator";

/// An app that is as it should be, until something is planted.
struct Patient {
    organization: Organization,
    hooks: FakeHooks,
    way: Proxy,
    settings: BTreeMap<&'static str, String>,
}

/// What the command said: the findings that are no `ok`, by what was looked at.
struct Said {
    code: i32,
    found: Vec<(String, String, String, String)>,
    checked: usize,
    text: String,
}

impl Said {
    /// Whether that was found, with that remedy.
    fn has(&self, check: &str, diagnosis: &str, remedy: &str) -> bool {
        self.found.iter().any(|(of, is, _, command)| of == check && is == diagnosis && command == remedy)
    }
}

/// Whether a shell takes that, once what stands in angle brackets is replaced, and knows what it begins with.
fn is_command(remedy: &str) -> bool {
    const PROGRAMS: [&str; 12] = [
        "az",
        "boardcast",
        "curl",
        "export",
        "unset",
        "redis-cli",
        "timedatectl",
        "witadmin",
        "git",
        "cargo",
        "scripts",
        "BOARDCAST_LOG=debug",
    ];
    let filled = remedy.replace(" <", " filled_").replace(['<', '>'], "");
    let begins_well = remedy.split(" && ").all(|part| {
        let program = part.split(' ').next().unwrap().split('/').next().unwrap();
        PROGRAMS.contains(&program)
    });
    let shell = std::process::Command::new("bash").args(["-n", "-c", &filled]).output().unwrap();
    begins_well && shell.status.success() && !remedy.contains('\n')
}

impl Patient {
    async fn new() -> Self {
        let organization = Organization::start().await;
        // The examination compares clocks.
        organization.clock.set((boardcast::platform::clock::system())().epoch_ms());
        let hooks = organization.hooks().await;
        let way = Proxy::to(1).await;
        let settings = [
            ("BOARDCAST_ORGANIZATION_URL", organization.url()),
            ("BOARDCAST_PUBLIC_URL", format!("http://{}", way.address)),
            ("BOARDCAST_WEBHOOK_SECRET", SECRET.to_owned()),
            ("BOARDCAST_OPERATOR_KEY", OPERATOR.to_owned()),
        ];
        Self { organization, hooks, way, settings: settings.into() }
    }

    fn builder(&self) -> Builder {
        let (hooks, public) = (self.organization.way.client.clone(), &self.settings["BOARDCAST_PUBLIC_URL"]);
        let builder = TestApp::builder()
            .organization(self.organization.way.clone())
            .archive(FaultyArchive::new())
            .subscriptions(service_hooks::keeper(hooks, public, SECRET));
        self.settings.iter().fold(builder, |builder, (name, value)| builder.setting(name, value))
    }

    /// Starts the app, and lets it make its subscriptions.
    async fn admit(&self, builder: Builder) -> TestApp {
        let app = builder.start().await;
        self.way.lead_to(app.address.port());
        let fold = &app.app.instance.fold;
        let is_there = || fold.read().checked().ended.is_some();
        self.organization.until(async || is_there().then_some(())).await;
        app.settled().await;
        self.organization.clock.set((boardcast::platform::clock::system())().epoch_ms());
        app
    }

    async fn examine(&self) -> Said {
        self.examine_with(&[]).await
    }

    /// Runs the command with these arguments, while the organisation sends the tests that it is asked for.
    async fn examine_with(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardcast"));
        command.args(["doctor", "--json"]).args(arguments).env_clear().envs(&self.settings);
        let sending = async {
            loop {
                self.hooks.send_tests().await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let output = tokio::select! {
            output = command.output() => output.unwrap(),
            () = sending => unreachable!(),
        };
        let text = String::from_utf8([output.stdout.clone(), output.stderr].concat()).unwrap();
        assert!(!text.contains("hunter2"), "a secret is told: {text}");
        let told: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {text}"));
        let findings = told["findings"].as_array().unwrap();
        let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let found: Vec<_> = findings
            .iter()
            .filter(|finding| finding["diagnosis"] != "ok")
            .map(|of| (word(of, "check"), word(of, "diagnosis"), word(of, "says"), word(of, "remedy")))
            .collect();
        let code = output.status.code().unwrap();
        let has_fault = found.iter().any(|(_, diagnosis, ..)| diagnosis == "fault");
        assert_eq!((code, &told["sound"]), (if has_fault { 3 } else { 0 }, &(!has_fault).into()));
        for (check, _, says, remedy) in &found {
            assert!(is_command(remedy), "{check}: {says}: `{remedy}` cannot be run");
        }
        Said { code, found, checked: findings.len(), text }
    }
}

const FAULT: &str = "fault";
const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

/// The command that lets the identity look after the subscriptions of a project.
fn grant(patient: &Patient, project: &str) -> String {
    format!(
        "az devops security permission update --organization {} --namespace-id cb594ebe-87dd-4fc9-ac2c-6a10a4c92046 --subject \
         \"$(az rest --method post --resource 499b84ac-1321-427f-aa17-267ca6975798 --url \
         'https://vssps.dev.azure.com/<organisation>/_apis/graph/serviceprincipals?api-version=7.1-preview.1' --body \
         \"{{\\\"originId\\\":\\\"$(az ad sp show --id {CLIENT} --query id --output tsv)\\\"}}\" --query descriptor --output tsv)\" \
         --token PublisherSecurity/{project} --allow-bit 7",
        patient.organization.url()
    )
}

/// The command that makes the identity a user who may read a project.
fn admit(project: &str) -> String {
    let body = format!(
        r#"{{"accessLevel":{{"accountLicenseType":"express"}},"servicePrincipal":{{"origin":"aad","originId":"$(az ad sp show --id {CLIENT} --query id --output tsv)","subjectKind":"servicePrincipal"}},"projectEntitlements":[{{"group":{{"groupType":"projectReader"}},"projectRef":{{"id":"{project}"}}}}]}}"#
    );
    format!(
        "az rest --method post --resource 499b84ac-1321-427f-aa17-267ca6975798 --url \
         'https://vsaex.dev.azure.com/<organisation>/_apis/serviceprincipalentitlements?api-version=7.1-preview.1' --body \"{}\"",
        body.replace('"', "\\\"")
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_a_healthy_app_is_examined_from_inside_and_outside_and_nothing_is_found() {
    let patient = Patient::new().await;
    let _app = patient.admit(patient.builder()).await;
    let said = patient.examine().await;
    // A journal in memory is no fault of a process on its own, and is said.
    let found: Vec<&str> = said.found.iter().map(|(check, ..)| &**check).collect();
    assert_eq!((said.code, found), (0, vec!["journal.server"]), "{}", said.text);
    assert!(said.checked >= 15, "{}", said.text);
    for check in [
        "app",
        "app.ready",
        "webhook.strangers",
        "webhook.secret",
        "clocks",
        "identity.token",
        "hooks.delivery",
        "tables",
    ] {
        assert!(said.text.contains(&format!("\"check\": \"{check}\"")), "{check}: {}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_faults_on_the_way_to_the_app_are_found_from_outside() {
    let mut patient = Patient::new().await;
    let app = patient.admit(patient.builder()).await;
    // 1: a setting is misspelt.
    patient.settings.insert("BOARDCAST_SECRT", "x".into());
    assert!(patient.examine().await.has("settings.unknown", FAULT, "unset BOARDCAST_SECRT"));
    patient.settings.remove("BOARDCAST_SECRT");
    // 2: the app is not reached under its public address.
    patient.way.lead_to(1);
    assert!(patient.examine().await.has("app", FAULT, "boardcast"));
    // 3: something else is there.
    let other = patient.organization.url();
    let ask = format!("curl -sS -m 30 -i {}/api/health/live", other.trim_end_matches('/'));
    let said = patient.examine_with(&["--url", &other]).await;
    assert!(said.has("app", FAULT, &ask), "{:?}", said.found);
    patient.way.lead_to(app.address.port());
    // 4: subscriptions present a secret that the app does not have.
    patient.settings.insert("BOARDCAST_WEBHOOK_SECRET", "hunter2-another".into());
    let of_vault = |setting: &str, name: &str| {
        format!(
            "export {setting}=\"$(az keyvault secret show --vault-name <vault> --name {name} --query value --output tsv)\""
        )
    };
    let remedy = of_vault("BOARDCAST_WEBHOOK_SECRET", "webhook-secret");
    assert!(patient.examine().await.has("webhook.secret", FAULT, &remedy));
    patient.settings.insert("BOARDCAST_WEBHOOK_SECRET", SECRET.into());
    // 5: the operator's key is another.
    patient.settings.insert("BOARDCAST_OPERATOR_KEY", "hunter2-another".into());
    let remedy = of_vault("BOARDCAST_OPERATOR_KEY", "operator-key");
    assert!(patient.examine().await.has("app.operator_key", FAULT, &remedy));
    patient.settings.insert("BOARDCAST_OPERATOR_KEY", OPERATOR.into());
    // 6: the clock of the app is wrong.
    let earlier = patient.builder().clock_fn(|| {
        let now = (boardcast::platform::clock::system())();
        boardcast::domain::time::Timestamp::from_epoch_ms(now.epoch_ms() - 3_600_000)
    });
    let _late = patient.admit(earlier).await;
    assert!(patient.examine().await.has("clocks", FAULT, "timedatectl set-ntp true"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_faults_of_the_organisation_and_its_subscriptions_are_found_by_the_app() {
    let patient = Patient::new().await;
    let builder = patient
        .builder()
        .setting("BOARDCAST_PROJECTS", "Nowhere,Fabrikam Fiber")
        .setting("BOARDCAST_TEAMS", "Nobody,Web")
        .setting("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi")
        .setting("IDENTITY_HEADER", "hunter2-of-the-platform")
        .setting("AZURE_CLIENT_ID", CLIENT);
    let _app = patient.admit(builder).await;
    let said = patient.examine().await;
    // 7 and 8: a project and a team that there are not.
    assert!(said.has("projects", FAULT, "export BOARDCAST_PROJECTS='Fabrikam Fiber'"), "{:?}", said.found);
    assert!(said.has("teams", FAULT, "export BOARDCAST_TEAMS=Web"), "{:?}", said.found);
    // What a subscription is for that is not seen cannot be told while a name is wrong: it may be that one's.
    let mut of_unseen = patient.hooks.all()[0].2.clone();
    of_unseen["publisherInputs"]["projectId"] = "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c".into();
    patient.hooks.put(of_unseen);
    let said = patient.examine().await;
    assert!(!said.text.contains("superfluous"), "{:?}", said.found);
    // 9: a subscription does not work, another is not there.
    patient.hooks.set_status("workitem.updated", "onProbation");
    patient.hooks.remove_of("workitem.created");
    let said = patient.examine().await;
    let of_hooks: Vec<&str> = said
        .found
        .iter()
        .filter(|(check, ..)| check == "hooks.status")
        .map(|(_, _, says, _)| &**says)
        .collect();
    assert!(of_hooks.iter().any(|says| says.contains("onProbation")), "{:?}", said.found);
    assert!(of_hooks.iter().any(|says| says.contains("there is no subscription")), "{:?}", said.found);
    assert!(said.has("hooks.status", FAULT, "boardcast hooks repair"));
    // 10: the identity may not look at subscriptions.
    let refusal = SimulatedFailure::Instead(refused(403, "AccessDeniedException", "TF50309: no"));
    patient.organization.fail_on("GET hooks/subscriptions", refusal).await;
    let project = patient.organization.model(|model| model.organisation.projects[0].id.to_string());
    let said = patient.examine().await;
    assert!(said.has("hooks.permission", FAULT, &grant(&patient, &project)), "{:?}", said.found);
    patient.organization.mend().await;
    // What is no refusal is no lack of a permission.
    patient.organization.fail_on("GET hooks/subscriptions", SimulatedFailure::Unavailable).await;
    let said = patient.examine().await;
    let status =
        "curl -sS -m 30 'https://status.dev.azure.com/_apis/status/health?api-version=7.1-preview.1'";
    assert!(said.has("hooks.list", FAULT, status), "{:?}", said.found);
    assert!(!said.found.iter().any(|(check, ..)| check == "hooks.permission"), "{:?}", said.found);
    patient.organization.fail_on("GET hooks/subscriptions", SimulatedFailure::SignIn).await;
    let said = patient.examine().await;
    assert!(said.has("identity.organisation", FAULT, &admit(&project)), "{:?}", said.found);
    assert!(!said.found.iter().any(|(check, ..)| check == "hooks.permission"), "{:?}", said.found);
    patient.organization.mend().await;
    // 11: the organisation does not know the identity.
    let answer = refused(401, "UnauthorizedRequestException", "TF400813: not authorized");
    let refusal = SimulatedFailure::Instead(answer);
    patient.organization.fail_on("GET projects", refusal).await;
    assert!(patient.examine().await.has("identity.organisation", FAULT, &admit("<project GUID>")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_an_identity_that_gets_no_token_is_found() {
    // 12: the platform gives none.
    let patient = Patient::new().await;
    let entra = Entra::start().await;
    entra.refuse(400, "Identity not found");
    let mut settings = patient.settings.clone();
    settings.insert("IDENTITY_ENDPOINT", entra.endpoint());
    settings.insert("IDENTITY_HEADER", "hunter2-of-the-platform".into());
    let config = Config::from_lookup(|name| settings.get(name).cloned()).unwrap();
    let azure = Adapters::configured(&config).unwrap().azure.unwrap();
    let builder =
        settings.iter().fold(TestApp::builder(), |builder, (name, value)| builder.setting(name, value));
    let app = builder.organization(azure).start().await;
    patient.way.lead_to(app.address.port());
    assert!(patient.examine().await.has(
        "identity.token",
        FAULT,
        "az functionapp identity assign --resource-group <group> --name <app>"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_faults_of_the_host_and_of_what_keeps_the_boards_are_found_by_the_app() {
    let patient = Patient::new().await;
    let options = [("maxmemory-policy", "allkeys-lru")];
    let server = RedisServer::start(&options);
    let journal = redis::journal(redis::settings(&server.url(), &redis::fresh_organisation()));
    let archive: Arc<FaultyArchive> = FaultyArchive::new();
    archive.set_read_only(true);
    let builder = patient
        .builder()
        .archive(archive)
        .layer(move |_| Store::of(journal.clone()))
        .setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1")
        .setting("WEBSITE_SITE_NAME", "func-boards")
        .setting("WEBSITE_RESOURCE_GROUP", "rg-boards")
        .setting("BOARDCAST_TABLES", "https://stboards.table.core.windows.net")
        .setting("FUNCTIONS_EXTENSION_VERSION", "~3")
        .setting("WEBSITE_TIME_ZONE", "America/New_York")
        .setting("SYNC_SCHEDULE", "0 */15 3-5 * * 1-5");
    let app = builder.start().await;
    patient.way.lead_to(app.address.port());
    let journal = app.app.instance.journal.clone();
    crate::support::eventually("the server is looked at", async || !journal.condition().findings.is_empty())
        .await;
    let said = patient.examine().await;
    let app = "--resource-group rg-boards --name func-boards";
    let set = |setting: &str| format!("az functionapp config appsettings set {app} --settings {setting}");
    let no_zone = format!("az functionapp config appsettings delete {app} --setting-names WEBSITE_TIME_ZONE");
    let tables = format!(
        "az role assignment create --role 'Storage Table Data Contributor' --assignee-object-id \"$(az functionapp identity show \
         {app} --query principalId --output tsv)\" --assignee-principal-type ServicePrincipal --scope \"$(az storage account show \
         --name stboards --query id --output tsv)\""
    );
    for (check, diagnosis, remedy) in [
        // 13: the host cannot stream.
        ("host.version", FAULT, &*set("FUNCTIONS_EXTENSION_VERSION='~4'")),
        // 14: the timer never fires inside the window.
        ("host.timer", FAULT, &*set("SYNC_SCHEDULE='0 */15 12-23 * * 1-5'")),
        ("host.time_zone", "warning", &*no_zone),
        // 15: Redis drops boards when its memory is full.
        (
            "journal.server",
            FAULT,
            "redis-cli -u \"$BOARDCAST_REDIS_URL\" config set maxmemory-policy noeviction",
        ),
        // 16: the tables can be read, and not written.
        ("tables", FAULT, &*tables),
    ] {
        assert!(said.has(check, diagnosis, remedy), "{check}: {:?}", said.found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_an_app_without_a_secret_or_a_journal_of_all_is_found() {
    // 17 and 18: nobody may post, and each process has boards of its own.
    let patient = Patient::new().await;
    let app = TestApp::builder()
        .setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1")
        .setting("BOARDCAST_OPERATOR_KEY", OPERATOR)
        .start()
        .await;
    patient.way.lead_to(app.address.port());
    let said = patient.examine().await;
    let secrets = "scripts/secrets <vault> && scripts/refresh <group> <app>";
    let redis = "az functionapp config appsettings set --resource-group <group> --name <app> --settings \
                 BOARDCAST_REDIS_URL=rediss://<name>.<region>.redis.azure.net:10000";
    assert!(said.has("settings.secret", FAULT, secrets), "{:?}", said.found);
    assert!(said.has("settings.redis", FAULT, redis), "{:?}", said.found);
    // Who asks knows of a process on this machine alone, whose settings come from a shell.
    let secret = "export BOARDCAST_WEBHOOK_SECRET=\"$(openssl rand -hex 32)\"";
    assert!(said.has("webhook.strangers", FAULT, secret), "{:?}", said.found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_settings_that_cannot_be_used_are_findings_with_their_remedies() {
    let mut patient = Patient::new().await;
    patient.settings.insert("BOARDCAST_PORT", "http".into());
    patient.settings.insert("BOARDCAST_DEMO", "yes".into());
    patient.settings.insert("BOARDCAST_SYNC_ZONE", "Eastern Standard Time".into());
    patient.settings.insert("BOARDCAST_TEAM_ZONES", "Web=Mars".into());
    let said = patient.examine().await;
    let of_settings: Vec<_> = said.found.iter().filter(|(check, ..)| check == "settings").collect();
    assert_eq!((said.code, of_settings.len()), (3, 4), "{:?}", said.found);
    for remedy in [
        "export BOARDCAST_PORT=<port>",
        "export BOARDCAST_DEMO='<on or off>'",
        "export BOARDCAST_SYNC_ZONE='<IANA time zone>'",
        "export BOARDCAST_TEAM_ZONES='<team=zone, comma-separated>'",
    ] {
        assert!(said.has("settings", FAULT, remedy), "{remedy}: {:?}", said.found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_the_examination_of_the_app_is_the_operators_alone() {
    let patient = Patient::new().await;
    let app = patient.admit(patient.builder()).await;
    assert_eq!(app.get("/api/health/doctor").await.status, 401);
    let answer = app.request("GET", "/api/health/doctor", &[("x-boardcast-key", OPERATOR)], b"").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_keys_and_passwords_are_sent_nowhere_that_they_can_be_read() {
    let patient = Patient::new().await;
    let app = patient.admit(patient.builder()).await;
    let port = app.address.port();
    for address in [
        "http://boards.contoso.example".to_owned(),
        format!("http://nancy:hunter2-of-nancy@127.0.0.1:{port}"),
        format!("http://hunter2-of-nancy@127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}/?code=hunter2-of-nancy"),
        format!("http://127.0.0.1:{port}/#hunter2-of-nancy"),
        "hunter2-of-nancy".to_owned(),
        "ftp://nancy:hunter2-of-nancy@127.0.0.1/".to_owned(),
        String::new(),
    ] {
        let said = patient.examine_with(&["--url", &address]).await;
        let refused = said.found.iter().find(|(check, ..)| check == "app");
        let Some((_, diagnosis, says, remedy)) = refused else { panic!("{address}: {:?}", said.found) };
        assert!(diagnosis == FAULT && says.contains("--url must be"), "{address}: {says}");
        assert_eq!(remedy, "boardcast doctor --url https://<host of the app>", "{address}");
        assert!(!said.text.contains("webhook.strangers"), "{address}: nothing is asked there");
    }
    let said = patient.examine_with(&["--url", &format!("http://127.0.0.1:{port}/")]).await;
    assert_eq!(said.code, 0, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_what_does_not_answer_and_a_check_that_failed_are_faults() {
    let patient = Patient::new().await;
    let refusal = SimulatedFailure::Instead(refused(403, "AccessDeniedException", "TF400409: no"));
    patient.organization.fail_on("GET projects/*/teams", refusal).await;
    let app = patient.admit(patient.builder()).await;
    let gone = app.app.instance.fold.read().checked().parts.gone().count();
    let said = patient.examine().await;
    let of = |check: &str| said.found.iter().filter(|(of, ..)| of == check).collect::<Vec<_>>();
    assert!(gone > 0);
    assert_eq!((said.code, of("source.gone").len()), (3, gone), "{:?}", said.found);
    for (_, diagnosis, says, remedy) in of("source.gone") {
        assert!(diagnosis == FAULT && says.contains("forbidden"), "{says}");
        assert_eq!(remedy, "export AZURE_DEVOPS_PAT='<new token with the scopes vso.project and vso.work>'");
    }
    assert!(said.has("source.check", FAULT, "BOARDCAST_LOG=debug boardcast"), "{:?}", said.found);
    // The same is found by asking now, of each project.
    let roles: Vec<_> =
        of("roles").iter().map(|(_, diagnosis, says, _)| (&**diagnosis, says.contains("TF400409"))).collect();
    assert_eq!(roles, [(FAULT, true); 2], "{:?}", said.found);
}

/// What the app says of itself, by what was looked at: how it is, in which words, and the remedy.
async fn of_itself(app: &TestApp, check: &str) -> Vec<(String, String, String)> {
    let answer = app.request("GET", "/api/health/doctor", &[("x-boardcast-key", OPERATOR)], b"").await;
    let told = answer.json();
    let of = told["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == check);
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    of.map(|of| (word(of, "diagnosis"), word(of, "says"), word(of, "remedy"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_the_timer_is_judged_by_its_schedule_and_where_that_cannot_be_nobody_says_anything() {
    let set = "az functionapp config appsettings set --resource-group <group> --name func-boards --settings \
               SYNC_SCHEDULE='0 */15 12-23 * * 1-5'";
    let unset = "az functionapp config appsettings delete --resource-group <group> --name func-boards --setting-names \
                 WEBSITE_TIME_ZONE";
    for (timer, zone, diagnosis, words, remedy) in [
        ("0 * * * * *", "", "ok", "UTC) fires inside", ""),
        ("*/30 * * * * *", "", "ok", "UTC) fires inside", ""),
        ("0 */15 12-23 * * 1-5", "America/New_York", "ok", "UTC or America/New_York) fires inside", ""),
        ("0 0 9 * * 1-5", "America/New_York", "unknown", "depends on whether the plan has", unset),
        ("0 0 9 * * 1-5", "Eastern Standard Time", "unknown", "depends on whether the plan has", unset),
        ("0 0 9 * * 1-5", "", FAULT, "never fires inside", set),
        ("0 0 3 * * 0", "Europe/Berlin", FAULT, "never fires inside", set),
        ("0 0 14 ? * MON-FRI", "", FAULT, "cannot read, so nothing is compared: `?` is no day", set),
        ("every quarter", "", FAULT, "it has not six fields", set),
        ("00:15:00", "", "unknown", "a period", set),
        ("", "", FAULT, "is not set", set),
    ] {
        let app = TestApp::builder()
            .setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1")
            .setting("BOARDCAST_OPERATOR_KEY", OPERATOR)
            .setting("WEBSITE_SITE_NAME", "func-boards")
            .setting("WEBSITE_TIME_ZONE", zone)
            .setting("SYNC_SCHEDULE", timer)
            .start()
            .await;
        let [(is, says, command)] = &of_itself(&app, "host.timer").await[..] else { panic!("{timer}") };
        assert!(is == diagnosis && says.contains(words), "{timer} in {zone:?}: {is}: {says}");
        assert_eq!(command, remedy, "{timer} in {zone:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_zones_are_told_and_one_of_a_team_that_there_is_not_is_found() {
    let patient = Patient::new().await;
    let builder = patient
        .builder()
        .setting("BOARDCAST_SYNC_ZONE", "Europe/Berlin")
        .setting("BOARDCAST_TEAM_ZONES", "Wbe=Asia/Tokyo,Web=Europe/Paris");
    let _app = patient.admit(builder).await;
    let said = patient.examine().await;
    assert!(
        said.text.contains("boards are compared by `*/15 8-18 * * 1-5` in Europe/Berlin, next at 20"),
        "{}",
        said.text
    );
    let of_zones: Vec<_> = said.found.iter().filter(|(check, ..)| check == "zones.teams").collect();
    let [(_, diagnosis, says, remedy)] = of_zones[..] else { panic!("{:?}", said.found) };
    assert_eq!((&**diagnosis, &**remedy), ("warning", "export BOARDCAST_TEAM_ZONES=web=Europe/Paris"));
    assert_eq!(says, "BOARDCAST_TEAM_ZONES gives the zone Asia/Tokyo to wbe, which no team is called");
    assert_eq!(said.code, 0, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_what_azure_devops_does_not_say_in_time_is_unknown_and_what_was_found_is_told() {
    let patient = Patient::new().await;
    let archive = FaultyArchive::new();
    let app = patient.admit(patient.builder().archive(archive.clone())).await;
    patient.hooks.set_status("workitem.updated", "onProbation");
    let hangs = || SimulatedFailure::Slow(Duration::from_mins(10));
    let ask = format!(
        "curl -sS -m 30 -o /dev/null -w '%{{http_code}} %{{time_total}}s\\n' {}/_apis/projects",
        patient.organization.url()
    );
    // The teams do not come, so what may be read is not known; the subscriptions are looked at, and a notification arrives.
    patient.organization.fail_on("GET projects/*/teams", hangs()).await;
    archive.set_silent(true);
    let said = patient.examine().await;
    assert!(said.has("roles", "unknown", &ask), "{:?}", said.found);
    assert!(said.has("hooks.status", FAULT, "boardcast hooks repair"), "{:?}", said.found);
    let tables = "curl -sS -m 30 -o /dev/null -w '%{http_code} %{time_total}s\\n' https://<account>.table.core.windows.net/";
    assert!(said.has("tables", "unknown", tables), "{:?}", said.found);
    assert!(said.text.contains("\"check\": \"hooks.delivery\""), "{}", said.text);
    // The list of subscriptions does not come.
    archive.set_silent(false);
    patient.organization.fail_on("GET projects/*/teams", SimulatedFailure::Headed(Vec::new())).await;
    patient.organization.fail_on("GET hooks/subscriptions", hangs()).await;
    let said = patient.examine().await;
    assert!(said.has("hooks.list", "unknown", "boardcast hooks status"), "{:?}", said.found);
    assert!(said.text.contains("\"check\": \"roles\""), "{}", said.text);
    // Nothing comes at all. What was found before that is told, and soon enough for whoever asks.
    patient.organization.fail_on("GET projects", hangs()).await;
    let began = std::time::Instant::now();
    let said = patient.examine().await;
    assert!(said.has("organisation", "unknown", &ask), "{:?}", said.found);
    assert!(said.has("hooks.status", "unknown", "boardcast hooks status"), "{:?}", said.found);
    let list = format!(
        "az devops project list --organization {} --query 'value[].name' --output tsv",
        patient.organization.url()
    );
    assert!(said.has("roles", "unknown", &list), "{:?}", said.found);
    for check in ["tables", "zones.sync", "settings.secret", "webhook.secret", "source.check"] {
        assert!(said.text.contains(&format!("\"check\": \"{check}\"")), "{check}: {}", said.text);
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    drop(app);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_faults_are_counted_in_words() {
    let patient = Patient::new().await;
    let told = async |url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardcast"));
        let output = command.args(["doctor", "--url", url]).env_clear().output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let text = told("http://127.0.0.1:1").await;
    assert!(text.ends_with("\n1 fault was found\n"), "{text}");
    let app = patient.admit(patient.builder()).await;
    let text = told(&format!("http://{}", app.address)).await;
    // The operator's key is not given.
    assert!(text.contains("app.operator_key") && text.ends_with("\n1 fault was found\n"), "{text}");
}
