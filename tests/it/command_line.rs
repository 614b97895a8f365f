//! The command line of the executable itself.

use std::process::{Command, Output};

use boardcast::config::SETTINGS;
use serde_json::Value;

/// What the executable says to these arguments, with these settings and no others.
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boardcast"));
    command.args(arguments).env_clear().envs(settings.iter().copied());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn x1_an_argument_that_is_not_understood_starts_no_server() {
    for arguments in [&["--nonsense"][..], &["confg"], &["7071"], &["config", "--jsn"]] {
        let output = run(arguments, &[("BOARDCAST_PORT", "0")]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains("Usage:") && said.contains("--help"), "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn x1_help_and_version_are_told_whatever_the_settings_are() {
    let wrong = [("BOARDCAST_PORT", "http")];
    let version = run(&["--version"], &wrong);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(text(&version.stdout).trim(), concat!("boardcast ", env!("CARGO_PKG_VERSION")));
    let help = run(&["--help"], &wrong);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Exit codes"), "{help:?}");
}

#[test]
fn x2_the_configuration_names_every_setting_with_its_origin_and_shows_no_secret() {
    let settings = [
        ("BOARDCAST_WEBHOOK_SECRET", "hunter2"),
        ("BOARDCAST_PORT", "8080"),
        ("BOARDCAST_REDIS_URL", "rediss://user:hunter2@store.example:6380"),
        ("BOARDCAST_SECRT", "x"),
    ];
    let output = run(&["config"], &settings);
    assert_eq!(output.status.code(), Some(0));
    let table = text(&output.stdout);
    for setting in SETTINGS {
        assert!(table.lines().any(|line| line.split_whitespace().next() == Some(setting.name)), "{table}");
    }
    let port = table.lines().find(|line| line.starts_with("BOARDCAST_PORT ")).unwrap();
    assert_eq!(port.split_whitespace().collect::<Vec<_>>(), ["BOARDCAST_PORT", "environment", "8080"]);
    let said = format!("{table}{}", text(&output.stderr));
    assert!(!said.contains("hunter2"), "{said}");
    assert!(text(&output.stderr).contains("BOARDCAST_SECRT"), "a misspelt setting is named: {said}");

    let output = run(&["config", "--json"], &settings);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let secret = json.as_array().unwrap().iter().find(|one| one["name"] == "BOARDCAST_WEBHOOK_SECRET");
    let expected = serde_json::json!({ "name": "BOARDCAST_WEBHOOK_SECRET", "value": "[redacted]", "from": "environment" });
    assert_eq!(secret, Some(&expected));
}

#[test]
fn x2_settings_that_cannot_be_used_are_told_with_their_remedies() {
    let output = run(&["config"], &[("BOARDCAST_PORT", "http"), ("BOARDCAST_DEMO", "yes")]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("BOARDCAST_PORT=http: must be") && said.contains("BOARDCAST_DEMO=yes"), "{said}");
}

#[test]
fn local_settings_are_settings_that_can_be_used() {
    /// Those that the Functions host reads itself.
    const OF_THE_HOST: [&str; 2] = ["FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"];
    let file: Value = serde_json::from_str(include_str!("../../local.settings.json")).unwrap();
    let mut settings = vec![("FUNCTIONS_CUSTOMHANDLER_PORT", "45339")];
    for (name, value) in file["Values"].as_object().unwrap() {
        let is_known = SETTINGS.iter().any(|setting| setting.name == name);
        assert!(is_known || OF_THE_HOST.contains(&name.as_str()), "{name} is no setting");
        settings.push((name, value.as_str().unwrap()));
    }
    let output = run(&["config", "--json"], &settings);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let demo = shown.as_array().unwrap().iter().find(|one| one["name"] == "BOARDCAST_DEMO").unwrap();
    assert_eq!((&demo["value"], &demo["from"]), (&file["Values"]["BOARDCAST_DEMO"], &"environment".into()));
}
