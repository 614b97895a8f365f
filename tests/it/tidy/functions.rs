//! The function folders and the files that the Functions host and its tools read.

use std::collections::BTreeSet;

use boardcast::functions::is_http_function;
use serde_json::{Value, json};

use super::{Violations, exists, numbered, read, read_json, repository_files};

struct HttpFunction {
    folder: &'static str,
    route: &'static str,
    auth_level: &'static str,
    /// What the host lets through; it answers anything else with 404, `HEAD` included.
    methods: &'static [&'static str],
}

const HTTP_FUNCTIONS: &[HttpFunction] = &[
    HttpFunction { folder: "SseStream", route: "sse/dashboard", auth_level: "function", methods: &["get"] },
    HttpFunction {
        folder: "WorkItemWebhook",
        route: "webhooks/azure-devops/{event?}",
        auth_level: "function",
        methods: &["post"],
    },
    HttpFunction {
        folder: "HealthCheck",
        route: "health/{probe?}",
        auth_level: "anonymous",
        methods: &["get", "head"],
    },
    HttpFunction {
        folder: "Dashboard",
        route: "dashboard/{file?}",
        auth_level: "anonymous",
        methods: &["get", "head"],
    },
    HttpFunction { folder: "Snapshot", route: "snapshot", auth_level: "function", methods: &["get", "head"] },
];

const TIMER: &str = "SyncTimer";

/// The modules of `src/functions/` that are no functions.
const SHARED_BY_FUNCTIONS: &[&str] =
    &["body", "cors", "doctor", "invocation", "operator", "origin", "mod", "reply", "sign_in", "tile"];

fn function_folders() -> BTreeSet<String> {
    let folder = |path: String| path.strip_suffix("/function.json").map(str::to_owned);
    repository_files().into_iter().filter_map(folder).collect()
}

/// `SseStream` as `sse_stream`.
fn snake_case(folder: &str) -> String {
    let mut name = String::new();
    for c in folder.chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

#[test]
fn every_function_has_a_folder_a_module_and_a_test() {
    let mut violations = Violations::of(
        "A function is three things of one name: <Name>/function.json, src/functions/<name>.rs, tests/it/<name>.rs.",
    );
    let folders = function_folders();
    let modules: BTreeSet<String> = repository_files()
        .iter()
        .filter_map(|path| path.strip_prefix("src/functions/")?.strip_suffix(".rs"))
        // What lies in a folder is of the module that the folder is named for.
        .map(|path| path.split('/').next().unwrap_or(path))
        .filter(|name| !SHARED_BY_FUNCTIONS.contains(name) && !name.ends_with("_tests"))
        .map(str::to_owned)
        .collect();
    for folder in &folders {
        let name = snake_case(folder);
        let declared = folder == TIMER || HTTP_FUNCTIONS.iter().any(|function| function.folder == folder);
        if !declared {
            let text = "add its trigger to the table in tests/it/tidy/functions.rs";
            violations.of_file(&format!("{folder}/function.json"), text);
        }
        for path in [format!("src/functions/{name}.rs"), format!("tests/it/{name}.rs")] {
            if !exists(&path) {
                violations.of_file(&path, format!("is missing: write it, or remove the folder {folder}/"));
            }
        }
    }
    for module in &modules {
        if !folders.iter().any(|folder| snake_case(folder) == *module) {
            let text = "no folder has this function's name: add <Name>/function.json, or list the module in \
                        SHARED_BY_FUNCTIONS in tests/it/tidy/functions.rs";
            violations.of_file(&format!("src/functions/{module}.rs"), text);
        }
    }
    violations.report();
}

#[test]
fn function_folders_hold_their_triggers_and_nothing_else() {
    let mut violations = Violations::of(
        "An HTTP function has one httpTrigger and one http output: with any other binding the host buffers, and \
         streams are lost.",
    );
    let mut expect = |folder: &str, expected: Value| {
        let path = format!("{folder}/function.json");
        let found = read_json(&path);
        if found != expected {
            violations.of_file(&path, format!("holds {found}, but should hold {expected}"));
        }
        for file in repository_files() {
            if file.starts_with(&format!("{folder}/")) && file != path {
                violations.of_file(&file, "a function folder holds function.json alone: move this elsewhere");
            }
        }
    };
    for function in HTTP_FUNCTIONS {
        let trigger = json!({
            "type": "httpTrigger", "direction": "in", "name": "req",
            "authLevel": function.auth_level, "methods": function.methods, "route": function.route,
        });
        let output = json!({ "type": "http", "direction": "out", "name": "res" });
        expect(function.folder, json!({ "bindings": [trigger, output] }));
    }
    let timer = json!({
        "type": "timerTrigger", "direction": "in", "name": "timer",
        "schedule": "%SYNC_SCHEDULE%", "useMonitor": true, "runOnStartup": false,
    });
    expect(TIMER, json!({ "bindings": [timer] }));
    violations.report();
}

#[test]
fn the_handler_knows_which_functions_are_http_functions() {
    let mut violations = Violations::of(
        "An envelope for an HTTP function is the sign of a host that does not proxy, so the handler knows them.",
    );
    for folder in function_folders() {
        let is_http = HTTP_FUNCTIONS.iter().any(|function| function.folder == folder);
        if is_http_function(&folder) != is_http {
            let text = format!("its FUNCTION and HTTP_FUNCTIONS here disagree about {folder}");
            violations.of_file(&format!("src/functions/{}.rs", snake_case(&folder)), text);
        }
    }
    violations.report();
}

#[test]
fn the_host_is_configured_to_stream() {
    let mut violations =
        Violations::of("host.json holds the values without which streams are cut, buffered or refused.");
    let host = read_json("host.json");
    let expected = [
        ("/version", json!("2.0")),
        // A stream ends itself after 20 minutes, give or take 10 %; one that outlives this time-out ends the process.
        ("/functionTimeout", json!("00:30:00")),
        ("/extensions/http/routePrefix", json!("api")),
        ("/extensions/http/maxOutstandingRequests", json!(-1)),
        ("/extensions/http/maxConcurrentRequests", json!(-1)),
        ("/extensions/http/dynamicThrottlesEnabled", json!(false)),
        // The packaging tool makes the file executable only when the path is its plain name.
        ("/customHandler/description/defaultExecutablePath", json!(env!("CARGO_PKG_NAME"))),
        ("/customHandler/description/workingDirectory", json!("")),
        ("/customHandler/enableProxyingHttpRequest", json!(true)),
    ];
    for (pointer, value) in expected {
        let found = host.pointer(pointer);
        if found != Some(&value) {
            let found = found.map_or("is missing".into(), |found| format!("is {found}"));
            violations.of_file("host.json", format!("{pointer} {found}; set it to {value}"));
        }
    }
    for (line, text) in numbered(&read("host.json")) {
        if text.contains("enableForwardingHttpRequest") {
            violations.at(
                "host.json",
                line,
                "forwarding buffers whole responses: remove it, proxying replaces it",
            );
        }
        if text.contains("extensionBundle") {
            violations.at(
                "host.json",
                line,
                "no binding needs a bundle, and it costs start-up time: remove it",
            );
        }
    }
    violations.report();
}

#[test]
fn local_settings_hold_nothing_but_emulator_values() {
    let mut violations = Violations::of(
        "local.settings.json is committed, so it holds known values of emulators and no secret.",
    );
    let expected = json!({
        "IsEncrypted": false,
        "Values": {
            "FUNCTIONS_WORKER_RUNTIME": "custom",
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "SYNC_SCHEDULE": "0 */15 12-23 * * 1-5",
            "BOARDCAST_WEBHOOK_SECRET": "local-development-only",
            "BOARDCAST_DEMO": "on",
        },
    });
    if read_json("local.settings.json") != expected {
        let text = format!(
            "should hold {expected}: set a value of your own in the environment, and add one that everybody needs to \
             the expected ones in tests/it/tidy/functions.rs"
        );
        violations.of_file("local.settings.json", text);
    }
    violations.report();
}

#[test]
fn nothing_but_the_handler_is_deployed() {
    let mut violations = Violations::of(
        ".funcignore names everything at the top of the repository but host.json and the function folders.",
    );
    let ignored = read(".funcignore");
    let ignored: Vec<_> = numbered(&ignored)
        .map(|(line, text)| (line, text.trim()))
        .filter(|(_, text)| !text.is_empty() && !text.starts_with('#'))
        .collect();
    let folders = function_folders();
    let deployed =
        |name: &str| name == "host.json" || name == env!("CARGO_PKG_NAME") || folders.contains(name);
    // Core Tools match a line as a prefix of a path.
    let covers = |line: &str, name: &str| name.starts_with(line);
    for path in repository_files() {
        let name = path.split('/').next().unwrap_or(&path);
        if !deployed(name) && !ignored.iter().any(|(_, line)| covers(line, name)) {
            violations.of_file(&path, format!("would be deployed: add `{name}` to .funcignore"));
        }
    }
    for (line, text) in &ignored {
        let plain = text.chars().all(|c| c.is_alphanumeric() || ".-_".contains(c));
        let kept_back = folders
            .iter()
            .map(String::as_str)
            .chain(["host.json", env!("CARGO_PKG_NAME")])
            .find(|name| covers(text, name));
        if !plain {
            violations.at(
                ".funcignore",
                *line,
                "give the plain name of a file or folder at the top of the repository",
            );
        } else if let Some(name) = kept_back {
            violations.at(
                ".funcignore",
                *line,
                format!("keeps {name} from being deployed: give a longer name"),
            );
        }
    }
    violations.report();
}

#[test]
fn a_panic_ends_a_request_and_not_the_process() {
    let mut violations = Violations::of(
        "Panics are caught per request, which takes unwinding: the host gives up after a handler died three times.",
    );
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let profiles = manifest.get("profile").and_then(toml::Value::as_table).into_iter().flatten();
    for (name, profile) in profiles {
        if profile.get("panic").is_some_and(|panic| panic.as_str() != Some("unwind")) {
            violations.of_file("Cargo.toml", format!("remove `panic` from the profile `{name}`"));
        }
    }
    violations.report();
}
