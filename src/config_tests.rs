//! Settings: defaults, the two ways to run, and errors that help.

use super::*;

fn config(settings: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let settings: std::collections::HashMap<_, _> = settings.iter().copied().collect();
    Config::from_lookup(|name| settings.get(name).map(ToString::to_string))
}

#[test]
fn with_no_setting_it_runs_by_itself_on_loopback() {
    let config = config(&[]).unwrap();
    assert_eq!(config.address, "127.0.0.1:7071".parse().unwrap());
    assert!(!config.under_host && matches!(config.hook_access, HookAccess::Open));
    assert_eq!(config.heartbeat, Duration::from_secs(15));
    assert_eq!(config.retention, Retention::DEFAULT);
}

#[test]
fn under_the_host_its_port_decides_and_hooks_need_a_secret() {
    let config = config(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "45339"), ("BOARDCAST_PORT", "1")]).unwrap();
    assert_eq!(config.address.port(), 45339);
    assert!(config.under_host && matches!(config.hook_access, HookAccess::Closed));
    assert_eq!(config.heartbeat, Duration::from_secs(30));
}

#[test]
fn all_errors_are_reported_at_once_with_name_value_and_remedy() {
    let errors = config(&[
        ("BOARDCAST_PORT", "http"),
        ("BOARDCAST_HEARTBEAT_MS", "5"),
        ("BOARDCAST_DEMO", "yes"),
        ("BOARDCAST_LOG", "a=b=c"),
        ("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "hunter2"),
    ])
    .unwrap_err()
    .to_string();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines[0], "BOARDCAST_PORT=http: give a whole number from 0 to 65535");
    assert_eq!(lines[1], "BOARDCAST_DEMO=yes: say `on` or `off`");
    assert!(errors.contains("BOARDCAST_HEARTBEAT_MS=5: give a whole number from 1000 to 200000"));
    assert!(errors.contains("BOARDCAST_LOG=a=b=c: give a tracing filter"));
    assert!(errors.contains("BOARDCAST_WEBHOOK_SECRET_PREVIOUS=[redacted]"));
    assert_eq!(lines.len(), 5, "{errors}");
}

#[test]
fn secrets_show_in_no_error_and_in_no_debug_output() {
    let config =
        config(&[("BOARDCAST_WEBHOOK_SECRET", "hunter2"), ("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "hunter1")]);
    let config = config.unwrap();
    assert!(!format!("{config:?}").contains("hunter"));
    let long = "x".repeat(257);
    let error = self::config(&[("BOARDCAST_WEBHOOK_SECRET", &long)]).unwrap_err().to_string();
    assert!(!error.contains("xxx") && error.contains("[redacted]"), "{error}");
}

#[test]
fn an_empty_setting_is_not_set() {
    assert_eq!(config(&[("BOARDCAST_PORT", " ")]).unwrap().address.port(), 7071);
}

#[test]
fn a_misspelt_setting_is_noticed() {
    let names = ["BOARDCAST_PORT", "BOARDCAST_WEBHOOK_SECERT", "PATH"].map(str::to_owned);
    assert_eq!(Config::unknown(names), ["BOARDCAST_WEBHOOK_SECERT"]);
}

#[test]
fn a_project_may_be_named_or_numbered() {
    let config =
        config(&[("BOARDCAST_PROJECTS", "Fabrikam, be9b3917-87e6-42a4-a549-2bc06a7a878f,")]).unwrap();
    let id = crate::domain::testing::project();
    assert!(config.projects.allow(id, Some("Contoso")));
    assert!(config.projects.allow(crate::domain::testing::other_project(), Some("fabrikam")));
    assert!(!config.projects.allow(crate::domain::testing::other_project(), Some("Contoso")));
}
