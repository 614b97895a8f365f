//! What the Functions host reads before it starts anything: `host.json`, every `function.json`, the settings.
//!
//! The host would go on without a function that it cannot index. Here any such function is refused, because a
//! function that silently does not exist is what a test of the folders is there to notice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use http::Method;
use serde_json::Value;

use super::route::Route;

/// The settings of the app: what `local.settings.json` holds on a laptop and the portal in Azure.
pub type Settings = BTreeMap<String, String>;

/// An app, read and accepted.
#[derive(Debug)]
pub struct AppConfig {
    pub root: PathBuf,
    pub executable: String,
    pub arguments: Vec<String>,
    pub working_directory: PathBuf,
    pub functions: Vec<Function>,
}

#[derive(Debug)]
pub struct Function {
    pub name: String,
    /// The name of the trigger's binding, under which an envelope holds its data.
    pub binding: String,
    pub trigger: Trigger,
}

#[derive(Debug)]
pub enum Trigger {
    Http(HttpTrigger),
    Timer(TimerTrigger),
}

#[derive(Debug)]
pub struct HttpTrigger {
    pub route: Route,
    /// Empty: all.
    pub methods: Vec<Method>,
    pub level: AuthLevel,
    /// Whether requests are passed on as they are. Otherwise the handler gets a JSON envelope.
    pub proxied: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthLevel {
    Anonymous,
    Function,
    Admin,
}

#[derive(Debug)]
pub struct TimerTrigger {
    /// Whether the host keeps a status, which the envelope then holds. It does not for a schedule that may fire
    /// more often than once a minute.
    pub monitored: bool,
}

/// The files of an app, as JSON that a test may still change.
#[derive(Clone, Debug)]
pub struct AppFiles {
    pub root: PathBuf,
    pub host: Value,
    pub functions: BTreeMap<String, Value>,
}

impl AppFiles {
    /// Reads the files below `root`. Errors: a file is missing or is no JSON.
    pub fn read(root: &Path) -> Result<Self, String> {
        let host = read_json(&root.join("host.json"))?;
        let mut functions = BTreeMap::new();
        for entry in std::fs::read_dir(root).map_err(|error| error.to_string())?.flatten() {
            let file = entry.path().join("function.json");
            if file.exists() {
                functions.insert(entry.file_name().to_string_lossy().into_owned(), read_json(&file)?);
            }
        }
        Ok(Self { root: root.to_owned(), host, functions })
    }

    /// Reads them as the host does. Errors: everything that it would refuse.
    pub fn accept(&self, settings: &Settings) -> Result<AppConfig, Vec<String>> {
        let mut complaints = Vec::new();
        let handler = &self.host["customHandler"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if self.host["version"] != "2.0" {
            complaints.push("host.json: version is not 2.0".into());
        }
        let executable = text(&handler["description"]["defaultExecutablePath"]);
        if executable.is_empty() {
            complaints.push("host.json: customHandler names no defaultExecutablePath".into());
        }
        let is_set = |flag: &str| handler[flag] == true;
        if is_set("enableForwardingHttpRequest") && !is_set("enableProxyingHttpRequest") {
            complaints.push("host.json: forwarding holds every answer back until its end".into());
        }
        complaints.extend(timeout(&self.host["functionTimeout"]).err());
        let reader = FunctionReader {
            settings,
            prefix: self.host["extensions"]["http"]["routePrefix"].as_str().unwrap_or("api"),
            proxying: is_set("enableProxyingHttpRequest"),
        };
        let mut functions = Vec::new();
        for (name, file) in &self.functions {
            match reader.read(name, file) {
                Ok(function) => functions.push(function),
                Err(complaint) => complaints.push(format!("{name}: {complaint}")),
            }
        }
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let arguments = handler["description"]["arguments"].as_array();
        Ok(AppConfig {
            root: self.root.clone(),
            executable,
            arguments: arguments.into_iter().flatten().map(text).collect(),
            working_directory: self.root.join(text(&handler["description"]["workingDirectory"])),
            functions,
        })
    }
}

/// The settings in a file like `local.settings.json`.
pub fn read_settings(path: &Path) -> Result<Settings, String> {
    serde_json::from_value(read_json(path)?["Values"].take()).map_err(|error| error.to_string())
}

pub fn read_json(path: &Path) -> Result<Value, String> {
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// `-1` or `HH:MM:SS`.
fn timeout(value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str().filter(|text| *text != "-1") else { return Ok(()) };
    let numbers: Vec<u64> = text.split(':').filter_map(|part| part.parse().ok()).collect();
    match numbers.as_slice() {
        [_, minutes, seconds] if *minutes < 60 && *seconds < 60 => Ok(()),
        _ => Err(format!("host.json: functionTimeout {text} is not HH:MM:SS")),
    }
}

struct FunctionReader<'a> {
    settings: &'a Settings,
    prefix: &'a str,
    proxying: bool,
}

impl FunctionReader<'_> {
    fn read(&self, name: &str, file: &Value) -> Result<Function, String> {
        let bindings = file["bindings"].as_array().ok_or("there are no bindings")?;
        let of_kind = |binding: &&Value, suffix: &str| {
            binding["type"].as_str().is_some_and(|kind| kind.to_lowercase().ends_with(suffix))
        };
        let mut triggers = bindings.iter().filter(|binding| of_kind(binding, "trigger"));
        let (Some(trigger), None) = (triggers.next(), triggers.next()) else {
            return Err("a function has exactly one trigger".into());
        };
        if let Some(binding) =
            bindings.iter().find(|binding| binding["name"].as_str().is_none_or(str::is_empty))
        {
            return Err(format!("a binding has no name: {binding}"));
        }
        if trigger["direction"] != "in" {
            return Err("the trigger's direction is not `in`".into());
        }
        let kind = trigger["type"].as_str().unwrap_or_default();
        let trigger_read = match kind {
            "httpTrigger" => Trigger::Http(self.http(name, trigger, bindings)?),
            "timerTrigger" => Trigger::Timer(self.timer(trigger)?),
            other => return Err(format!("there is no trigger `{other}` without an extension bundle")),
        };
        let binding = trigger["name"].as_str().unwrap_or_default().to_owned();
        Ok(Function { name: name.to_owned(), binding, trigger: trigger_read })
    }

    fn http(&self, name: &str, trigger: &Value, bindings: &[Value]) -> Result<HttpTrigger, String> {
        let route = self.substitute(trigger["route"].as_str().unwrap_or(name))?;
        if ["admin", "runtime"].iter().any(|reserved| route.split('/').next() == Some(reserved)) {
            return Err(format!("the host keeps routes like `{route}` for itself"));
        }
        let mut methods = Vec::new();
        for method in trigger["methods"].as_array().into_iter().flatten() {
            let method = method.as_str().unwrap_or_default().to_uppercase();
            methods.push(method.parse().map_err(|_| format!("`{method}` is no method"))?);
        }
        let level = match trigger["authLevel"].as_str().unwrap_or("function") {
            "anonymous" => AuthLevel::Anonymous,
            "function" => AuthLevel::Function,
            "admin" => AuthLevel::Admin,
            other => return Err(format!("there is no authLevel `{other}`")),
        };
        // With any further binding the host builds an envelope, whatever the flag says.
        let others: Vec<_> = bindings.iter().filter(|binding| *binding != trigger).collect();
        let only_http = matches!(others[..], [out] if out["type"] == "http" && out["direction"] == "out");
        let proxied = self.proxying && only_http;
        Ok(HttpTrigger { route: Route::parse(self.prefix, &route)?, methods, level, proxied })
    }

    fn timer(&self, trigger: &Value) -> Result<TimerTrigger, String> {
        let schedule = self.substitute(trigger["schedule"].as_str().unwrap_or_default())?;
        let fields: Vec<&str> = schedule.split_whitespace().collect();
        let is_field = |field: &&str| field.chars().all(|c| c.is_ascii_alphanumeric() || "*,-/".contains(c));
        if !(5..=6).contains(&fields.len()) || !fields.iter().all(is_field) {
            return Err(format!("`{schedule}` is no schedule"));
        }
        let once_a_minute = fields.len() == 5 || fields[0].parse::<u8>().is_ok();
        let monitored = trigger["useMonitor"].as_bool().unwrap_or(true) && once_a_minute;
        Ok(TimerTrigger { monitored })
    }

    /// Puts settings in the place of their names between percent signs.
    fn substitute(&self, text: &str) -> Result<String, String> {
        let mut whole = String::new();
        for (index, part) in text.split('%').enumerate() {
            if index % 2 == 0 {
                whole.push_str(part);
            } else {
                whole.push_str(self.settings.get(part).ok_or_else(|| format!("`%{part}%` is not set"))?);
            }
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::scripted;

    #[tokio::test]
    async fn an_app_that_the_host_would_not_run_is_refused() {
        for (file, pointer, value, complaint) in [
            ("host", "/version", json!(2), "version"),
            ("host", "/functionTimeout", json!("30 min"), "functionTimeout"),
            ("host", "/customHandler/description", json!({}), "defaultExecutablePath"),
            ("SyncTimer", "/bindings/0/schedule", json!("%NOT_SET%"), "`%NOT_SET%` is not set"),
            ("SyncTimer", "/bindings/0/schedule", json!("hourly"), "is no schedule"),
            ("SyncTimer", "/bindings", json!([]), "exactly one trigger"),
            ("SyncTimer", "/bindings/0/type", json!("queueTrigger"), "queueTrigger"),
            ("Snapshot", "/bindings/0/route", json!("admin/a"), "keeps routes"),
            ("Snapshot", "/bindings/0/authLevel", json!("user"), "authLevel"),
            ("Snapshot", "/bindings/1/name", json!(""), "has no name"),
        ] {
            let edited = scripted::builder().edit(|files| {
                let file = match file {
                    "host" => &mut files.host,
                    name => files.functions.get_mut(name).unwrap(),
                };
                *file.pointer_mut(pointer).unwrap() = value;
            });
            let said = edited.try_start().await.err().unwrap_or_default();
            assert!(said.contains(complaint), "{complaint}: {said:?}");
        }
        let unset = scripted::builder().without_setting("SYNC_SCHEDULE").try_start().await;
        assert!(unset.is_err_and(|complaint| complaint.contains("SYNC_SCHEDULE")));
    }
}
