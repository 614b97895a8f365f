//! `boardcast doctor`: what the app finds out about itself, and what can only be seen from outside.

mod outside;

use std::process::ExitCode;

use serde_json::json;

use super::arguments::DoctorCommand;
use super::hooks::UNSOUND;
use super::{pretty, print, table};
use crate::config::{Config, Place, SETTINGS};
use crate::devops::subscriptions::endpoint::{PATH, public_address};
use crate::ops::finding::{Diagnosis, Finding};
use outside::Outside;

/// The command that says where the app is.
const SAY_WHERE: &str = "boardcast doctor --url https://<host of the app>";

/// Examines, prints what was found, and returns the exit code that says whether anything is amiss. `unknown` are the names that
/// look like settings and are none.
pub fn doctor(settings: &Result<Config, String>, unknown: &[String], command: &DoctorCommand) -> ExitCode {
    let mut findings = of_settings(settings, unknown);
    let base = match &command.url {
        Some(url) => given(url),
        None => base(settings.as_ref().ok())
            .ok_or_else(|| Finding::unknown("app", "it is not known where the app is", SAY_WHERE)),
    };
    match &base {
        Ok(base) => match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let outside = Outside::new(base, settings.as_ref().ok());
                findings.extend(runtime.block_on(outside.examine()));
            }
            Err(error) => return super::fail(&error),
        },
        Err(finding) => findings.push(finding.clone()),
    }
    let is_well = findings.iter().all(|finding| finding.diagnosis != Diagnosis::Fault);
    let text = match command.json {
        true => {
            let told = json!({ "url": base.ok(), "sound": is_well, "findings": findings });
            pretty(&told)
        }
        false => lines(&findings),
    };
    print(&text);
    if is_well { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) }
}

/// Where the app is by what was given, without a slash at its end.
fn given(url: &str) -> Result<String, Finding> {
    // What was given may be a secret, or have one in it.
    let refused = |_| {
        let says = "--url must be an address such as https://boards.contoso.example, without user, query or fragment: keys are \
                    sent to https:// and to this machine alone";
        Finding::fault("app", says, SAY_WHERE)
    };
    Ok(public_address(url).map_err(refused)?.as_str().trim_end_matches('/').to_owned())
}

/// Where the app is by its settings: the address that it is reached under, or this machine.
fn base(config: Option<&Config>) -> Option<String> {
    let config = config?;
    match &config.hook_endpoint {
        Some(endpoint) => {
            let base = endpoint.base().as_str();
            base.strip_suffix(PATH).map(str::to_owned)
        }
        None if config.under_host => None,
        None => Some(format!("http://{}", config.address)),
    }
}

fn of_settings(settings: &Result<Config, String>, unknown: &[String]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = match settings {
        Ok(_) => vec![Finding::ok("settings", "the settings of this command can be used")],
        Err(errors) => errors
            .lines()
            .map(|error| {
                let name = error.split('=').next().unwrap_or_default();
                Finding::fault("settings", error, Place::of_shell().set(&[(name, &wanted(name))]))
            })
            .collect(),
    };
    findings.extend(unknown.iter().map(|name| {
        let says = format!("{name} is no setting and ignored; `boardcast config` lists all");
        Finding::fault("settings.unknown", says, Place::of_shell().remove(name))
    }));
    findings
}

/// What a setting takes, as something that is yet to be replaced: only whoever sets it knows what it is to be.
fn wanted(name: &str) -> String {
    let unit = SETTINGS.iter().find(|setting| setting.name == name).map_or("value", |setting| setting.unit);
    format!("<{}>", unit.replace(['`', '<', '>'], ""))
}

/// A line for each finding, and below it its remedy.
fn lines(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        vec![finding.diagnosis.as_str().to_owned(), finding.check.to_string(), finding.says.clone()]
    };
    let rows = table::aligned(&findings.iter().map(row).collect::<Vec<_>>());
    let mut text = String::new();
    for (line, finding) in rows.lines().zip(findings) {
        text.push_str(line);
        text.push('\n');
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("         → {}\n", table::on_one_line(remedy)));
        }
    }
    let count = findings.iter().filter(|finding| finding.diagnosis == Diagnosis::Fault).count();
    text + &match count {
        0 => "\nno fault was found".to_owned(),
        1 => "\n1 fault was found".to_owned(),
        _ => format!("\n{count} faults were found"),
    }
}
