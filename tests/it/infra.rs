//! The templates in `infra/`: what a deployment creates, read from its committed snapshots, and the compiler's word on the
//! sources where there is a compiler.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use boardcast::config::{Config, SETTINGS};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The deployments whose snapshots are committed.
const SNAPSHOTS: [&str; 4] = ["default", "dedicated", "no-redis", "sign-in"];

/// What the host and the platform read; everything else is boardcast's.
const OF_THE_HOST: &[&str] = &[
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
    "WEBSITE_RUN_FROM_PACKAGE",
];

/// What a Flex Consumption app must not be told: the plan itself says it, or does not have it.
const NOT_ON_FLEX: &[&str] = &[
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "TZ",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
];

/// Each type with the version of its API that the templates were checked against, and how long a name may be.
const TYPES: &[(&str, &str, usize)] = &[
    ("Microsoft.Authorization/roleAssignments", "2022-04-01", 0),
    ("Microsoft.Cache/redisEnterprise", "2025-07-01", 60),
    ("Microsoft.Cache/redisEnterprise/databases", "2025-07-01", 0),
    ("Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments", "2025-07-01", 60),
    ("Microsoft.Consumption/budgets", "2023-11-01", 63),
    ("Microsoft.Insights/actionGroups", "2023-01-01", 260),
    ("Microsoft.Insights/components", "2020-02-02", 260),
    ("Microsoft.Insights/scheduledQueryRules", "2023-12-01", 260),
    ("Microsoft.KeyVault/vaults", "2024-11-01", 24),
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "2024-11-30", 128),
    ("Microsoft.OperationalInsights/workspaces", "2023-09-01", 63),
    ("Microsoft.Resources/resourceGroups", "2024-11-01", 90),
    ("Microsoft.Storage/storageAccounts", "2025-01-01", 24),
    ("Microsoft.Storage/storageAccounts/blobServices", "2025-01-01", 0),
    ("Microsoft.Storage/storageAccounts/blobServices/containers", "2025-01-01", 63),
    ("Microsoft.Storage/storageAccounts/tableServices", "2025-01-01", 0),
    ("Microsoft.Storage/storageAccounts/tableServices/tables", "2025-01-01", 63),
    ("Microsoft.Web/serverfarms", "2024-11-01", 60),
    // The host takes 32 characters of the name for its locks, and the slot's name has to differ within them.
    ("Microsoft.Web/sites", "2024-11-01", 31),
    ("Microsoft.Web/sites/basicPublishingCredentialsPolicies", "2024-11-01", 0),
    ("Microsoft.Web/sites/config", "2024-11-01", 0),
    ("Microsoft.Web/sites/slots", "2024-11-01", 59),
    ("Microsoft.Web/sites/slots/basicPublishingCredentialsPolicies", "2024-11-01", 0),
    ("Microsoft.Web/sites/slots/config", "2024-11-01", 0),
];

/// Who has to have which role on what: part of the id of the resource, the role, and whose it is.
const ROLES: &[(&str, &str, &str)] = &[
    ("Microsoft.Storage/storageAccounts", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "identity"),
    ("Microsoft.Storage/storageAccounts", "974c5e8b-45b9-4653-ba55-5f855dd0fb88", "identity"),
    ("Microsoft.Storage/storageAccounts", "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3", "identity"),
    ("Microsoft.KeyVault/vaults", "4633458b-17de-408a-b874-0445c86b69e6", "identity"),
    ("Microsoft.Insights/components", "3913510d-42f4-4e42-8a64-420c390055eb", "identity"),
    ("Microsoft.KeyVault/vaults", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "deployer"),
    ("Microsoft.Storage/storageAccounts", "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "deployer"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("infra")
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn snapshot_in(folder: &Path, name: &str) -> Value {
    read_json(&folder.join("snapshots").join(format!("{name}.snapshot.json")))
}

fn snapshot(name: &str) -> Value {
    snapshot_in(&folder(), name)
}

fn resources(snapshot: &Value) -> impl Iterator<Item = &Value> {
    snapshot["predictedResources"].as_array().expect("resources").iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The resources of one type.
fn of_type<'a>(snapshot: &'a Value, wanted: &str) -> Vec<&'a Value> {
    resources(snapshot).filter(|resource| resource["type"] == wanted).collect()
}

/// The settings of the app and of its slot.
fn settings(snapshot: &Value) -> Vec<BTreeMap<String, String>> {
    let is_settings = |resource: &&Value| text(&resource["name"]).ends_with("/appsettings");
    let read = |resource: &Value| {
        let settings = resource["properties"].as_object().expect("settings are an object");
        settings.iter().map(|(name, value)| (name.clone(), text(value).to_owned())).collect()
    };
    resources(snapshot).filter(is_settings).map(read).collect()
}

fn name_findings(snapshot: &Value, found: &mut Vec<String>) {
    for resource in resources(snapshot) {
        let (kind, name) = (text(&resource["type"]), text(&resource["name"]));
        let Some((_, version, longest)) = TYPES.iter().find(|(known, ..)| *known == kind) else {
            found.push(format!("{kind} is not in the test's list of types"));
            continue;
        };
        if resource["apiVersion"] != *version {
            found.push(format!("{kind} has version {} of its API, not {version}", resource["apiVersion"]));
        }
        let last = name.rsplit('/').next().unwrap_or(name);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if *longest > 0 && (last.len() > *longest || last.is_empty() || !last.chars().all(is_plain)) {
            found.push(format!("{kind} {last}: the name is too long or has letters that are not allowed"));
        }
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if kind.ends_with("/storageAccounts") && !last.chars().all(lower) {
            found.push(format!("{last}: a storage account has small letters and digits alone"));
        }
    }
}

fn role_findings(snapshot: &Value, found: &mut Vec<String>) {
    let assigned = of_type(snapshot, "Microsoft.Authorization/roleAssignments");
    for (scope, role, whose) in ROLES {
        let is_it = |assignment: &&&Value| {
            let (id, properties) = (text(&assignment["id"]), &assignment["properties"]);
            let who = if *whose == "identity" { "identity-" } else { "deployer()" };
            id.contains(&format!("providers/{scope}/"))
                && text(&properties["roleDefinitionId"]).ends_with(role)
                && text(&properties["principalId"]).contains(who)
        };
        if assigned.iter().filter(is_it).count() != 1 {
            found.push(format!("the {whose} has to have the role {role} on {scope} once"));
        }
    }
    if assigned.len() != ROLES.len() {
        found.push(format!("there are {} roles, and {} in the test's list", assigned.len(), ROLES.len()));
    }
    let policies = of_type(snapshot, "Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments");
    if policies.len() != of_type(snapshot, "Microsoft.Cache/redisEnterprise").len() {
        found.push("the identity may not use Redis".into());
    }
}

fn access_findings(snapshot: &Value, found: &mut Vec<String>) {
    let mut demand = |kind: &str, properties: &[(&str, Value)]| {
        for resource in of_type(snapshot, kind) {
            for (pointer, wanted) in properties {
                let has = resource["properties"].pointer(pointer);
                if has != Some(wanted) {
                    found.push(format!("{kind}: {pointer} has to be {wanted}, and is {has:?}"));
                }
            }
        }
    };
    demand(
        "Microsoft.Storage/storageAccounts",
        &[
            ("/allowSharedKeyAccess", json!(false)),
            ("/allowBlobPublicAccess", json!(false)),
            ("/supportsHttpsTrafficOnly", json!(true)),
            ("/minimumTlsVersion", json!("TLS1_2")),
        ],
    );
    demand("Microsoft.Storage/storageAccounts/blobServices/containers", &[("/publicAccess", json!("None"))]);
    demand("Microsoft.Cache/redisEnterprise", &[("/minimumTlsVersion", json!("1.2"))]);
    demand(
        "Microsoft.Cache/redisEnterprise/databases",
        &[
            ("/accessKeysAuthentication", json!("Disabled")),
            ("/clientProtocol", json!("Encrypted")),
            ("/evictionPolicy", json!("NoEviction")),
            ("/clusteringPolicy", json!("NoCluster")),
        ],
    );
    demand("Microsoft.KeyVault/vaults", &[("/enableRbacAuthorization", json!(true))]);
    demand("Microsoft.Insights/components", &[("/DisableLocalAuth", json!(true))]);
    demand("Microsoft.OperationalInsights/workspaces", &[("/workspaceCapping/dailyQuotaGb", json!(1))]);
    for kind in ["Microsoft.Web/sites", "Microsoft.Web/sites/slots"] {
        let tls = ("/siteConfig/minTlsVersion", json!("1.2"));
        demand(kind, &[("/httpsOnly", json!(true)), tls, ("/siteConfig/ftpsState", json!("Disabled"))]);
        demand(&format!("{kind}/basicPublishingCredentialsPolicies"), &[("/allow", json!(false))]);
    }
}

fn setting_findings(snapshot: &Value, found: &mut Vec<String>) {
    let is_flex = of_type(snapshot, "Microsoft.Web/sites")
        .iter()
        .any(|site| site["properties"]["functionAppConfig"].is_object());
    for settings in settings(snapshot) {
        for name in settings.keys() {
            let is_known = SETTINGS.iter().any(|setting| setting.name == name);
            if !is_known && !OF_THE_HOST.contains(&name.as_str()) {
                found.push(format!("{name} is no setting of src/config/mod.rs, nor one of the host's"));
            }
            if is_flex && NOT_ON_FLEX.contains(&name.as_str()) {
                found.push(format!("{name} has no place on Flex Consumption"));
            }
        }
        for name in ["BOARDCAST_WEBHOOK_SECRET", "BOARDCAST_WEBHOOK_KEY", "BOARDCAST_OPERATOR_KEY"] {
            if !settings.get(name).is_some_and(|value| value.contains("@Microsoft.KeyVault(SecretUri=")) {
                found.push(format!("{name} has to be a reference to the key vault"));
            }
        }
        found.extend(config_of(&settings).err());
    }
}

/// What boardcast makes of these settings, with what Azure alone knows replaced by what it would say.
fn config_of(settings: &BTreeMap<String, String>) -> Result<Config, String> {
    Config::from_lookup(|name| {
        let value = settings.get(name).cloned();
        let known =
            |said: &str| value.clone().map(|value| if value.is_empty() { value } else { said.into() });
        match name {
            "FUNCTIONS_CUSTOMHANDLER_PORT" => Some("45339".into()),
            "AZURE_CLIENT_ID" => known("be9b3917-87e6-42a4-a549-2bc06a7a878f"),
            "BOARDCAST_WEBHOOK_SECRET" | "BOARDCAST_WEBHOOK_KEY" | "BOARDCAST_OPERATOR_KEY" => {
                known("s3cret")
            }
            "BOARDCAST_REDIS_URL" => known("rediss://redis-boardcast.westeurope.redis.azure.net:10000"),
            "BOARDCAST_TABLES" => known("https://stboardcast.table.core.windows.net/"),
            _ => value,
        }
    })
}

/// No secret can be read from what a deployment says of itself, or from the parameters that it keeps.
fn secret_findings(template: &Value, found: &mut Vec<String>) {
    let asks_for_secrets = |value: &Value| {
        let told = value.to_string().to_lowercase();
        [
            "listkeys",
            "listsecrets",
            "listaccountsas",
            "connectionstring",
            "getsecret",
            "primarykey",
            "newguid(",
        ]
        .into_iter()
        .find(|word| told.contains(word))
    };
    for (name, output) in template["outputs"].as_object().into_iter().flatten() {
        if let Some(word) = asks_for_secrets(output) {
            found.push(format!("the output {name} may hold a secret: {word}"));
        }
    }
    for (name, parameter) in template["parameters"].as_object().into_iter().flatten() {
        if asks_for_secrets(&parameter["defaultValue"]).is_some() {
            found.push(format!("the parameter {name} makes up a secret: each deployment would change it"));
        }
    }
    let resources = template["resources"].as_object().map(|resources| resources.values());
    for resource in resources.into_iter().flatten() {
        if let Some(inner) = resource["properties"].get("template") {
            secret_findings(inner, found);
        }
    }
}

/// What is wrong with these templates.
fn findings(template: &Value, snapshots: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    secret_findings(template, &mut found);
    for snapshot in snapshots {
        name_findings(snapshot, &mut found);
        role_findings(snapshot, &mut found);
        access_findings(snapshot, &mut found);
        setting_findings(snapshot, &mut found);
        if snapshot["diagnostics"] != json!([]) {
            found.push(format!("the compiler says: {}", snapshot["diagnostics"]));
        }
    }
    found
}

fn template() -> Value {
    read_json(&folder().join("main.json"))
}

#[test]
fn what_a_deployment_creates_is_as_it_should_be() {
    let found = findings(&template(), &SNAPSHOTS.map(snapshot));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_first_deployment_asks_for_a_place_the_organisation_and_the_projects() {
    let parameters = template()["parameters"].as_object().unwrap().clone();
    let asked: BTreeSet<_> = parameters
        .iter()
        .filter(|(_, parameter)| parameter.get("defaultValue").is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(asked, BTreeSet::from(["location", "organizationUrl", "projects"]));
    let azd = read_json(&folder().join("main.parameters.json"))["parameters"].as_object().unwrap().clone();
    assert!(azd.keys().all(|name| parameters.contains_key(name)), "azd gives what there is no parameter for");
    for (name, parameter) in &parameters {
        assert!(parameter["metadata"]["description"].is_string(), "{name}: say what it is for");
    }
}

#[test]
fn the_app_looks_after_its_subscriptions_under_the_address_that_it_has() {
    for name in SNAPSHOTS {
        let snapshot = snapshot(name);
        let [site] = of_type(&snapshot, "Microsoft.Web/sites")[..] else { panic!("{name}: one app") };
        let address = format!("https://{}.azurewebsites.net", text(&site["name"]));
        for settings in settings(&snapshot) {
            let endpoint = config_of(&settings).unwrap().hook_endpoint.unwrap();
            assert_eq!(endpoint.base().as_str(), format!("{address}/api/webhooks/azure-devops"), "{name}");
            assert!(endpoint.key().is_some(), "{name}: the host refuses a hook without a key");
        }
    }
}

#[test]
fn settings_without_a_parameter_of_their_own_are_set_and_win_over_those_that_follow() {
    let all = settings(&snapshot("sign-in"));
    assert_eq!(all.len(), 2, "those of the app and of its slot");
    for of_app in all {
        assert_eq!((&*of_app["BOARDCAST_TEAMS"], &*of_app["BOARDCAST_STREAMS_MAX"]), ("Web", "500"));
        assert_eq!(of_app["BOARDCAST_PROJECTS"], "Website");
    }
    assert!(settings(&snapshot("default")).iter().all(|of_app| !of_app.contains_key("BOARDCAST_TEAMS")));
}

#[test]
fn settings_agree_with_the_table_of_settings() {
    let default_of = |name: &str| {
        let setting = SETTINGS.iter().find(|setting| setting.name == name).expect(name);
        setting.functions_host.trim_matches('`').to_owned()
    };
    for name in SNAPSHOTS {
        for settings in settings(&snapshot(name)) {
            for setting in ["SYNC_SCHEDULE", "BOARDCAST_SYNC_CRON", "BOARDCAST_SYNC_ZONE"] {
                assert_eq!(settings[setting], default_of(setting), "{name}: {setting}");
            }
            let config = config_of(&settings).unwrap();
            assert!(config.organization.is_some() && config.tables.is_some(), "{name}");
            assert_eq!(config.redis.is_some(), name != "no-redis", "{name}");
        }
    }
    let local = read_json(&folder().with_file_name("local.settings.json"));
    for setting in local["Values"].as_object().unwrap().keys() {
        let is_known = SETTINGS.iter().any(|known| known.name == setting);
        assert!(is_known || OF_THE_HOST.contains(&setting.as_str()), "local.settings.json: {setting}");
    }
}

#[test]
fn the_plan_is_what_was_asked_for() {
    let site = |name| of_type(&snapshot(name), "Microsoft.Web/sites")[0]["properties"].clone();
    let scale = |name| site(name)["functionAppConfig"]["scaleAndConcurrency"].clone();
    assert_eq!(scale("default")["triggers"]["http"]["perInstanceConcurrency"], 1000);
    assert_eq!(
        (&scale("default")["maximumInstanceCount"], &scale("no-redis")["maximumInstanceCount"]),
        (&json!(10), &json!(1))
    );
    assert_eq!(site("default")["functionAppConfig"]["runtime"]["name"], "custom");
    // Streams leave room for hooks.
    assert_eq!(settings(&snapshot("default"))[0]["BOARDCAST_STREAMS_MAX"], "900");
    let dedicated = site("dedicated");
    assert_eq!(
        (&dedicated["siteConfig"]["alwaysOn"], dedicated.get("functionAppConfig")),
        (&json!(true), None)
    );
    assert_eq!(settings(&snapshot("dedicated")).len(), 2, "the slot is told the same as the app");
    for name in SNAPSHOTS {
        let budgets = snapshot(name);
        let told = &of_type(&budgets, "Microsoft.Consumption/budgets")[0]["properties"]["notifications"];
        assert_eq!(told["spent"]["contactRoles"], json!(["Owner", "Contributor"]), "{name}");
    }
}

/// Where the authentication of App Service is wrong: what it is of the app and its slot, where people sign in or do not.
fn sign_in_findings(snapshot: &Value, signs_in: bool) -> Vec<String> {
    let sites =
        ["Microsoft.Web/sites", "Microsoft.Web/sites/slots"].map(|kind| of_type(snapshot, kind).len());
    let auth: Vec<_> =
        resources(snapshot).filter(|one| text(&one["name"]).ends_with("/authsettingsV2")).collect();
    let mut found = Vec::new();
    if auth.len() != sites.iter().sum::<usize>() {
        found.push(format!("{} of {sites:?} sites and slots say whether people sign in", auth.len()));
    }
    for one in auth {
        let properties = &one["properties"];
        let mut demand = |pointer: &str, wanted: Value| {
            let has = properties.pointer(pointer);
            if has != Some(&wanted) {
                found.push(format!("{pointer} has to be {wanted}, and is {has:?}"));
            }
        };
        demand("/platform/enabled", json!(signs_in));
        if !signs_in {
            continue;
        }
        demand("/globalValidation/requireAuthentication", json!(true));
        demand("/globalValidation/unauthenticatedClientAction", json!("RedirectToLoginPage"));
        // Of the routes those alone whose callers cannot sign in.
        let excluded =
            ["/api/webhooks/azure-devops", "/api/health"].map(|path| [path.into(), format!("{path}/*")]);
        demand("/globalValidation/excludedPaths", json!(excluded.concat()));
        demand("/login/tokenStore/enabled", json!(true));
        let registration = "/identityProviders/azureActiveDirectory/registration";
        let identity = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID";
        demand(&format!("{registration}/clientSecretSettingName"), json!(identity));
        let issuer =
            text(&properties.pointer(&format!("{registration}/openIdIssuer")).cloned().unwrap_or_default())
                .to_owned();
        if !issuer.contains("00000000-0000-0000-0000-000000000000/v2.0") || issuer.contains("common") {
            found.push(format!("people of another directory may sign in: {issuer}"));
        }
    }
    for settings in settings(snapshot) {
        // By an identity in place of a secret, and of no use where nobody signs in.
        let identity = settings.get("OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID");
        if identity != settings.get("AZURE_CLIENT_ID").filter(|_| signs_in) {
            found.push(format!("the app proves who it is by {identity:?}"));
        }
    }
    if ["clientSecret\"", "AUTHENTICATION_SECRET"].iter().any(|word| snapshot.to_string().contains(word)) {
        found.push("the sign-in has a secret".into());
    }
    found
}

#[test]
fn people_sign_in_where_that_was_asked_for_and_hooks_and_probes_do_not() {
    for name in SNAPSHOTS {
        assert_eq!(sign_in_findings(&snapshot(name), name == "sign-in"), Vec::<String>::new(), "{name}");
    }
    assert_eq!(
        of_type(&snapshot("sign-in"), "Microsoft.Web/sites/slots").len(),
        1,
        "the slot is looked at too"
    );
    // Each of these alone is found.
    let planted = [
        ("/properties/globalValidation/requireAuthentication", json!(false)),
        ("/properties/globalValidation/excludedPaths/0", json!("/api")),
        (
            "/properties/identityProviders/azureActiveDirectory/registration/clientSecretSettingName",
            json!("SECRET"),
        ),
        ("/properties/platform/enabled", json!(false)),
        ("/name", json!("other")),
    ];
    for (pointer, value) in planted {
        for which in 0..2 {
            let mut snapshot = snapshot("sign-in");
            let resources = snapshot["predictedResources"].as_array_mut().unwrap();
            let mut auth = resources.iter_mut().filter(|one| text(&one["name"]).ends_with("/authsettingsV2"));
            *auth.nth(which).unwrap().pointer_mut(pointer).expect(pointer) = value.clone();
            assert_eq!(sign_in_findings(&snapshot, true).len(), 1, "{pointer}");
        }
    }
}

#[test]
fn the_alerts_are_on_the_log_line_of_this_version() {
    let of = |name| {
        let snapshot = snapshot(name);
        let rules = of_type(&snapshot, "Microsoft.Insights/scheduledQueryRules");
        rules
            .iter()
            .map(|rule| text(&rule["properties"]["criteria"]["allOf"][0]["query"]).to_owned())
            .collect()
    };
    let queries: BTreeSet<String> = of("default");
    let files = std::fs::read_dir(folder().join("queries")).unwrap();
    let files = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    assert_eq!(queries, files.collect(), "a unit test of src/ops/pulse.rs ties these files to the line");
    assert_eq!(queries.len(), 4);
}

/// The hash of every file that was compiled or comes of it, as `scripts/infra write` notes them.
fn hashes(folder: &Path) -> String {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut hashes = BTreeMap::new();
    for path in files {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        if !["sources.sha256", "main.parameters.json"].contains(&name.as_str()) {
            let hash = Sha256::digest(std::fs::read(&path).unwrap());
            hashes.insert(name, hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")));
        }
    }
    hashes.iter().fold(String::new(), |mut text, (name, hash)| {
        let _ = writeln!(text, "{hash}  ./{name}");
        text
    })
}

#[test]
fn what_is_committed_was_made_of_these_sources() {
    let noted = std::fs::read_to_string(folder().join("sources.sha256")).unwrap();
    assert_eq!(noted, hashes(&folder()), "run scripts/infra write, which needs the Bicep compiler");
}

/// A Bicep compiler: `BICEP`, the one on the `PATH`, or one beside the checkout.
fn compiler() -> Option<PathBuf> {
    let beside = folder().parent()?.parent()?.join(["sha", "red"].concat()).join("bicep/bicep");
    let runs = |path: &PathBuf| Command::new(path).arg("--version").output().is_ok();
    let named = std::env::var_os("BICEP").map(PathBuf::from);
    named.into_iter().chain(["bicep".into(), beside]).find(runs)
}

/// A copy of the repository's scripts/infra and infra/ with one edit, and what the script says of it.
struct Copy(PathBuf);

impl Copy {
    fn with(name: &str, file: &str, (old, new): (&str, &str)) -> Self {
        let to = std::env::temp_dir().join(format!("boardcast-infra-{}-{name}", std::process::id()));
        let copied = Command::new("sh")
            .args([
                "-c",
                "mkdir -p \"$1/scripts\" && cp scripts/infra \"$1/scripts\" && cp -R infra \"$1\"",
                "-",
            ])
            .arg(&to)
            .current_dir(folder().parent().unwrap())
            .status();
        assert!(copied.unwrap().success());
        let path = to.join("infra").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} does not hold {old}");
        std::fs::write(&path, text.replace(old, new)).unwrap();
        Self(to)
    }

    fn run(&self, compiler: &Path, mode: &str) -> (bool, String) {
        let output =
            Command::new(self.0.join("scripts/infra")).arg(mode).env("BICEP", compiler).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_compiler_has_nothing_to_say_and_makes_what_is_committed() {
    let Some(compiler) = compiler() else {
        return println!("no Bicep compiler was found: the hashes alone hold");
    };
    let script = folder().with_file_name("scripts").join("infra");
    let output = Command::new(script).env("BICEP", compiler).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_compiler_tells_of_a_misspelt_property_and_of_a_wrong_parameter() {
    let Some(compiler) = compiler() else {
        return println!("no Bicep compiler was found: the hashes alone hold");
    };
    let planted = [
        ("property", "modules/storage.bicep", ("allowBlobPublicAccess", "allowBlobPublicAcess"), "BCP089"),
        ("parameter", "main.bicep", ("dailyCapGB: dailyLogCapGB", "dailyCap: dailyLogCapGB"), "BCP089"),
    ];
    for (name, file, edit, code) in planted {
        let copy = Copy::with(name, file, edit);
        assert_ne!(
            hashes(&copy.0.join("infra")),
            hashes(&folder()),
            "{name}: without a compiler the hash tells"
        );
        let (is_fine, said) = copy.run(&compiler, "check");
        assert!(!is_fine && said.contains(code), "{name}: {said}");
    }
}

#[test]
fn a_planted_secret_role_setting_and_key_are_found() {
    let edited = |edit: &dyn Fn(&mut Value, &mut Value)| {
        let (mut template, mut snapshot) = (template(), snapshot("default"));
        edit(&mut template, &mut snapshot);
        findings(&template, &[snapshot])
    };
    let resource = |snapshot: &mut Value, end: &str| -> usize {
        resources(snapshot).position(|resource| text(&resource["id"]).ends_with(end)).expect("a resource")
    };
    let found = edited(&|template, _| {
        let value =
            "[listKeys(resourceId('Microsoft.Storage/storageAccounts', 'x'), '2025-01-01').keys[0].value]";
        template["resources"]["app"]["properties"]["template"]["outputs"]["key"] =
            json!({ "type": "string", "value": value });
    });
    assert!(found.len() == 1 && found[0].contains("the output key may hold a secret"), "{found:?}");
    for index in 0..ROLES.len() {
        let found = edited(&|_, snapshot| {
            let resources = snapshot["predictedResources"].as_array_mut().unwrap();
            let is_role = |resource: &Value| text(&resource["type"]).ends_with("/roleAssignments");
            let places = (0..resources.len()).filter(|place| is_role(&resources[*place]));
            let place = places.collect::<Vec<_>>()[index];
            resources.remove(place);
        });
        assert!(found[0].contains("has to have the role"), "{found:?}");
    }
    let found = edited(&|_, snapshot| {
        let place = resource(snapshot, "/config/appsettings");
        snapshot["predictedResources"][place]["properties"]["BOARDCAST_STREAM_MAX"] = json!("900");
    });
    assert!(found.len() == 1 && found[0].starts_with("BOARDCAST_STREAM_MAX is no setting"), "{found:?}");
    for allowed in [json!(true), Value::Null] {
        let found = edited(&|_, snapshot| {
            let place = snapshot["predictedResources"].as_array().unwrap().iter();
            let place =
                place.clone().position(|it| it["type"] == "Microsoft.Storage/storageAccounts").unwrap();
            snapshot["predictedResources"][place]["properties"]["allowSharedKeyAccess"] = allowed.clone();
        });
        assert!(found.len() == 1 && found[0].contains("/allowSharedKeyAccess"), "{found:?}");
    }
}
