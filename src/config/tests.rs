//! Settings: defaults, the two ways to run, and errors that help.

use super::*;
use crate::config::removed::REMOVED;

fn config(settings: &[(&str, &str)]) -> Result<Config, String> {
    let settings: std::collections::HashMap<_, _> = settings.iter().copied().collect();
    Config::from_lookup(|name| settings.get(name).map(ToString::to_string))
}

#[test]
fn with_no_setting_it_runs_standalone_on_loopback() {
    let config = config(&[]).unwrap();
    assert_eq!(config.address, "127.0.0.1:7071".parse().unwrap());
    assert!(!config.under_host && matches!(config.hook_access, HookAccess::Open));
    assert_eq!(config.streams.heartbeat, Duration::from_secs(15));
    assert_eq!((config.streams.coalesce, config.streams.lifetime), (Duration::from_millis(20), None));
    assert_eq!(config.streams.shed_held_max, config.streams.max);
    assert_eq!(self::config(&[("BOARDCAST_STREAMS_MAX", "1")]).unwrap().streams.shed_held_max, 1_000);
    assert!(matches!(config.operator_access, OperatorAccess::Open));
    assert_eq!(config.allowed_origins, AllowedOrigins::These(vec![]));
    assert_eq!(config.retention, LogRetention::DEFAULT);
}

#[test]
fn under_the_host_its_port_decides_and_hooks_need_a_secret() {
    let config = config(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "45339"), ("BOARDCAST_PORT", "1")]).unwrap();
    assert_eq!(config.address.port(), 45339);
    assert!(config.under_host && matches!(config.hook_access, HookAccess::Closed));
    assert_eq!(config.streams.heartbeat, Duration::from_secs(30));
    assert_eq!(config.streams.coalesce, Duration::from_millis(100));
    assert_eq!(config.streams.lifetime, Some(Duration::from_secs(20 * 60)));
    assert_eq!((config.streams.max, config.streams.shed_held_max), (1_000, 50), "at most 5 % are held");
    assert!(matches!(config.operator_access, OperatorAccess::Closed));
    assert_eq!(config.allowed_origins, AllowedOrigins::Platform);
}

#[test]
fn all_errors_are_reported_at_once_with_name_value_and_remedy() {
    let errors = config(&[
        ("BOARDCAST_PORT", "http"),
        ("BOARDCAST_HEARTBEAT_MS", "5"),
        ("BOARDCAST_DEMO", "yes"),
        ("BOARDCAST_ORGANIZATION_URL", "contoso:hunter2@dev.azure.com"),
        ("BOARDCAST_LOG", "a=b=c"),
        ("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "hunter2"),
    ])
    .unwrap_err();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines[0], "BOARDCAST_PORT=http: must be a whole number from 0 to 65535");
    assert_eq!(lines[2], "BOARDCAST_DEMO=yes: must be `on` or `off`");
    assert!(errors.contains("BOARDCAST_HEARTBEAT_MS=5: must be a whole number from 1000 to 200000"));
    assert!(errors.contains("BOARDCAST_LOG=a=b=c: must be a tracing filter"));
    assert!(errors.contains("BOARDCAST_WEBHOOK_SECRET_PREVIOUS=[redacted]"));
    assert!(
        errors.contains("BOARDCAST_ORGANIZATION_URL=[redacted]: must be a URL")
            && !errors.contains("hunter2")
    );
    assert_eq!(lines.len(), 6, "{errors}");
}

#[test]
fn a_frame_that_is_no_origin_is_refused_with_what_to_write() {
    let error = config(&[("BOARDCAST_FRAME_ANCESTORS", "self https://wiki.example")]).unwrap_err();
    let start =
        "BOARDCAST_FRAME_ANCESTORS=self https://wiki.example: `self` is not an origin; write 'none' alone";
    assert!(error.starts_with(start), "{error}");
    assert_eq!(config(&[]).unwrap().frame_ancestors.sources(), "'self'");
}

#[test]
fn fault_d5_an_address_to_clone_from_is_refused_without_its_token() {
    for url in ["https://token-hunter2@dev.azure.com/contoso", "https://me:hunter2@dev.azure.com/contoso"] {
        let error = config(&[("BOARDCAST_ORGANIZATION_URL", url)]).unwrap_err();
        assert!(error.contains("AZURE_DEVOPS_PAT") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn secrets_show_in_no_error_and_in_no_debug_output() {
    let config =
        config(&[("BOARDCAST_WEBHOOK_SECRET", "hunter2"), ("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "hunter1")]);
    let config = config.unwrap();
    assert!(!format!("{config:?}").contains("hunter"));
    let long = "x".repeat(257);
    let error = self::config(&[("BOARDCAST_WEBHOOK_SECRET", &long)]).unwrap_err();
    assert!(!error.contains("xxx") && error.contains("[redacted]"), "{error}");
}

#[test]
fn o5_what_cannot_mark_a_work_item_is_refused_with_what_can() {
    let errors = config(&[("BOARDCAST_BLOCKED_BY", "tag:Stuck,label:Blocked")]).unwrap_err();
    assert!(
        errors.starts_with("BOARDCAST_BLOCKED_BY=tag:Stuck,label:Blocked: `label:Blocked` is nothing"),
        "{errors}"
    );
    assert!(errors.contains("write it like tag:Blocked, field:"), "{errors}");
    assert_eq!(config(&[]).unwrap().blocked_by, BlockedRules::default());
}

#[test]
fn what_is_no_longer_a_setting_is_refused_with_what_holds_now() {
    let errors = config(&[
        ("BOARDCAST_COALESCE_MS", "50"),
        ("BOARDCAST_REDIS_AUTH", "managed_identity"),
        ("BOARDCAST_PORT", "http"),
    ]);
    let errors = errors.unwrap_err();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(
        lines[0],
        "BOARDCAST_COALESCE_MS=50: no longer a setting: events are now always written together within 20 ms, or \
         100 ms under the Functions host; remove it"
    );
    assert!(lines[1].starts_with("BOARDCAST_REDIS_AUTH=managed_identity: no longer a setting: "), "{errors}");
    assert!(lines[2].starts_with("BOARDCAST_PORT=http: "), "{errors}");
    let error = config(&[("BOARDCAST_REDIS_AUTH", "hunter2")]).unwrap_err();
    assert!(error.starts_with("BOARDCAST_REDIS_AUTH=[redacted]: no longer a setting: "), "{error}");
    for (name, _) in REMOVED {
        assert!(config(&[(name, "1")]).is_err(), "{name} is ignored without a word");
        assert!(SETTINGS.iter().all(|setting| setting.name != *name), "{name} is a setting");
        assert!(config(&[(name, " ")]).is_ok(), "{name} is empty, which is not set");
    }
}

#[test]
fn a_refusal_says_the_time_that_holds() {
    let config = config(&[]).unwrap();
    let host = self::config(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "1")]).unwrap();
    let says = |name: &str, what: String| {
        let (_, now) = REMOVED.iter().find(|(removed, _)| *removed == name).unwrap();
        assert!(now.contains(&what), "{name}: {now}");
    };
    says("BOARDCAST_COALESCE_MS", format!("{} ms,", config.streams.coalesce.as_millis()));
    says("BOARDCAST_COALESCE_MS", format!("{} ms under", host.streams.coalesce.as_millis()));
    says("BOARDCAST_SHED_MS", format!("{} s", config.streams.shed.as_secs()));
    says("BOARDCAST_WRITE_TIMEOUT_MS", format!("{} s", config.write_timeout.as_secs()));
    says("BOARDCAST_IDLE_TIMEOUT_MS", format!("{} minutes", config.idle_timeout.as_secs() / 60));
    says("BOARDCAST_HOOKS_IN_FLIGHT_MAX", config.hooks_in_flight_max.to_string());
    says("BOARDCAST_SYNC_DEADLINE_MS", format!("{} s", config.sync_deadline.as_secs()));
    says("BOARDCAST_LOG_HOURS_MAX", format!("{} hours", config.retention.age_max.as_secs() / 3_600));
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
    assert!(config.allowed.allows_project(id, Some("Contoso")));
    assert!(config.allowed.allows_project(crate::domain::testing::other_project(), Some("fabrikam")));
    assert!(!config.allowed.allows_project(crate::domain::testing::other_project(), Some("Contoso")));
}

#[test]
fn o6_teams_may_be_named_where_an_organisation_says_which_there_are() {
    let organization = ("BOARDCAST_ORGANIZATION_URL", "https://dev.azure.com/contoso");
    let config_of = |teams| config(&[organization, ("BOARDCAST_TEAMS", teams)]);
    assert!(config_of("Web, Fabrikam Fiber/Mobile Apps,").unwrap().allowed.names_teams());
    assert!(!config(&[organization]).unwrap().allowed.names_teams());
    let error = config_of("Web,Fabrikam Fiber/").unwrap_err();
    let remedy = "`Fabrikam Fiber/` names no team; write it like Web or Fabrikam Fiber/Web";
    assert_eq!(error, format!("BOARDCAST_TEAMS=Web,Fabrikam Fiber/: {remedy}"));
    assert!(config_of(" , ").unwrap_err().contains("must name something"));
    assert!(config(&[("BOARDCAST_TEAMS", "Web"), ("BOARDCAST_DEMO", "on")]).is_ok());
    let by_hooks = [("BOARDCAST_TEAMS", "Web"), ("BOARDCAST_DEMO", "off")];
    assert!(config(&by_hooks).unwrap_err().contains("set BOARDCAST_ORGANIZATION_URL as well"));
}

#[test]
fn e8_origins_are_exact_or_any_and_never_ours_under_the_host() {
    let origins =
        |text: &str| config(&[("BOARDCAST_ALLOWED_ORIGINS", text)]).map(|config| config.allowed_origins);
    let two = vec!["https://wall.example".to_owned(), "http://localhost:5173".to_owned()];
    assert_eq!(origins("https://wall.example, http://localhost:5173"), Ok(AllowedOrigins::These(two)));
    assert_eq!(origins("*"), Ok(AllowedOrigins::Any));
    for wrong in
        ["wall.example", "https://", "https://wall.example/", "https://*.example", "*,https://wall.example"]
    {
        assert!(origins(wrong).unwrap_err().contains("is not an origin"), "{wrong}");
    }
}

#[test]
fn k11_the_synchronisations_window_is_settable_and_its_errors_help() {
    assert_eq!(config(&[]).unwrap().sync_window, SyncWindow::default());
    let errors = config(&[("BOARDCAST_SYNC_CRON", "every day")]).unwrap_err();
    assert!(
        errors.starts_with("BOARDCAST_SYNC_CRON=every day: must be a cron expression of five fields such as `*/15 8-18 * * 1-5`"),
        "{errors}"
    );
    let errors = config(&[("BOARDCAST_SYNC_ZONE", "New York")]).unwrap_err();
    assert_eq!(errors, "BOARDCAST_SYNC_ZONE=New York: must be an IANA time zone such as America/New_York");
}

#[test]
fn fault_h2_what_takes_long_keeps_clear_of_the_functions_timeout() {
    let limits = |timeout: Option<&str>, lifetime: Option<&str>| {
        let mut settings = vec![("FUNCTIONS_CUSTOMHANDLER_PORT", "1")];
        settings.extend(timeout.map(|timeout| ("AzureFunctionsJobHost__functionTimeout", timeout)));
        settings.extend(lifetime.map(|lifetime| ("BOARDCAST_STREAM_LIFETIME_MS", lifetime)));
        let config = config(&settings).unwrap();
        (config.streams.lifetime.map(|lifetime| lifetime.as_secs()), config.sync_deadline.as_secs())
    };
    assert_eq!(limits(Some("00:30:00"), None), (Some(1_200), 240), "what is short enough stays");
    assert_eq!(limits(Some("00:10:00"), None), (Some(450), 240));
    assert_eq!(limits(Some("00:00:40"), None), (Some(30), 30));
    assert_eq!(limits(Some("1.00:00:00"), Some("0")), (Some(64_800), 240), "never is too long");
    assert_eq!(limits(Some("-1"), Some("0")), (None, 240));
    assert_eq!(limits(None, None), (Some(1_200), 240));
    assert_eq!(
        config(&[("AzureFunctionsJobHost__functionTimeout", "00:00:40")]).unwrap().streams.lifetime,
        None
    );
    for wrong in ["40", "00:00:00", "00:60:00", "24:00:00", "ten", "1:2"] {
        let settings =
            [("FUNCTIONS_CUSTOMHANDLER_PORT", "1"), ("AzureFunctionsJobHost__functionTimeout", wrong)];
        assert!(config(&settings).is_err(), "{wrong}");
    }
}

#[test]
fn fault_d2_hosts_are_names_and_under_the_functions_host_any() {
    let hosts = |text| config(&[("BOARDCAST_ALLOWED_HOSTS", text)]).map(|config| config.allowed_hosts);
    assert_eq!(config(&[]).unwrap().allowed_hosts, AllowedHosts::These(vec![]));
    let names = vec!["board.example".to_owned(), "wall".to_owned()];
    assert_eq!(hosts("Board.example, wall").unwrap(), AllowedHosts::These(names));
    assert!(hosts("https://board.example").is_err() && hosts("*").is_err() && hosts("wall:443").is_err());
    assert_eq!(config(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "1")]).unwrap().allowed_hosts, AllowedHosts::Any);
}

#[test]
fn fault_d4_a_list_of_projects_that_names_none_does_not_mean_all() {
    let error = config(&[("BOARDCAST_PROJECTS", " , ")]).unwrap_err();
    assert_eq!(error, "BOARDCAST_PROJECTS= , : must name something; remove it to mean all");
    assert!(config(&[("BOARDCAST_PROJECTS", "Website,")]).is_ok());
}

#[test]
fn fault_k1_a_reference_that_was_not_resolved_is_no_secret() {
    for name in ["BOARDCAST_WEBHOOK_SECRET", "BOARDCAST_OPERATOR_KEY"] {
        let reference = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/webhook-secret)";
        let errors = config(&[(name, reference), ("FUNCTIONS_CUSTOMHANDLER_PORT", "1")]).unwrap_err();
        assert!(errors.starts_with(name) && errors.contains("Key Vault Secrets User"), "{errors}");
    }
}

const HOOKS: [(&str, &str); 3] = [
    ("BOARDCAST_ORGANIZATION_URL", "https://dev.azure.com/contoso"),
    ("BOARDCAST_WEBHOOK_SECRET", "hunter2"),
    ("BOARDCAST_PUBLIC_URL", "https://boards.contoso.example"),
];

#[test]
fn subscriptions_lead_to_the_public_address_with_the_current_secret() {
    assert!(config(&[]).unwrap().hook_endpoint.is_none());
    let all = [&HOOKS[..], &[("BOARDCAST_WEBHOOK_SECRET_PREVIOUS", "old"), ("BOARDCAST_WEBHOOK_KEY", "key")]]
        .concat();
    let endpoint = config(&all).unwrap().hook_endpoint.unwrap();
    assert_eq!(endpoint.base().as_str(), "https://boards.contoso.example/api/webhooks/azure-devops");
    assert_eq!(endpoint.secret().expose(), "hunter2");
    assert_eq!(endpoint.key().map(Secret::expose), Some("key"));
}

#[test]
fn a_public_address_without_what_subscriptions_need_is_refused_with_its_remedy() {
    let without = |name: &str| {
        let left: Vec<_> = HOOKS.into_iter().filter(|(setting, _)| *setting != name).collect();
        config(&left).unwrap_err()
    };
    assert!(without("BOARDCAST_WEBHOOK_SECRET").contains("set BOARDCAST_WEBHOOK_SECRET as well"));
    assert!(without("BOARDCAST_ORGANIZATION_URL").contains("set BOARDCAST_ORGANIZATION_URL as well"));
    let key = config(&[("BOARDCAST_WEBHOOK_KEY", "hunter2")]).unwrap_err();
    assert!(key.contains("set BOARDCAST_PUBLIC_URL as well") && !key.contains("hunter2"), "{key}");
    for address in
        ["http://boards.contoso.example", "https://u:hunter2@x.example", "https://x.example/?code=hunter2"]
    {
        let error = config(&[&HOOKS[..2], &[("BOARDCAST_PUBLIC_URL", address)]].concat()).unwrap_err();
        assert!(error.starts_with("BOARDCAST_PUBLIC_URL=") && !error.contains("hunter2"), "{error}");
    }
    let blank = [HOOKS[0], HOOKS[2], ("BOARDCAST_WEBHOOK_SECRET", "correct horse")];
    let error = config(&blank).unwrap_err();
    assert!(error.contains("no blanks") && !error.contains("horse"), "{error}");
}
