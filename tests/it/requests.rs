//! Every request that is made of Azure DevOps is one that is published for the version that it names, with parameters of
//! the published names and types, and every response that is published is understood.
//!
//! `tests/fixtures/rest/requests.json` says what is published of the calls that are made. Where `BOARDCAST_TEST_REST_SPECS`
//! names a folder with Microsoft's own files (`swagger/*.json`, `rest/*.json`), that table is compared with them, and their
//! examples are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use boardcast::demo::simulation::item::Event;
use boardcast::demo::simulation::organisation::NAME;
use boardcast::devops::subscriptions::ServiceHooks;
use boardcast::devops::subscriptions::endpoint::HookEndpoint;
use boardcast::devops::{AzureDevOps as _, FeedStart, ProjectRef, TeamRef};
use boardcast::domain::scope::{ProjectId, SprintId};
use boardcast::domain::sprint::work_item::WorkItemId;
use boardcast::domain::subscription::{HookEvent, WantedHook};
use boardcast::domain::time::Timestamp;
use boardcast::domain::wire::event::Cause;
use boardcast::platform::secret::Secret;
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use crate::support::host::root;
use crate::support::organisation::{Answer, Asked, SimulatedFailure};
use crate::support::source::{NOW_MS, Organization};

/// A call as it is published.
#[derive(Deserialize)]
struct Published {
    method: String,
    /// Its path below the organisation. The last parameter may be left out where it is `{path}`.
    path: String,
    version: String,
    /// The types of the parameters of its query, or the values that they may have.
    query: BTreeMap<String, String>,
    /// The same of the members of its body.
    #[serde(default)]
    body: BTreeMap<String, String>,
}

fn table() -> Vec<Published> {
    serde_json::from_str(include_str!("../fixtures/rest/requests.json")).unwrap()
}

impl Published {
    fn is_of(&self, method: &str, path: &[&str]) -> bool {
        let template: Vec<&str> = self.path.split('/').collect();
        let template = match template.as_slice() {
            [all @ .., "{path}"] if all.len() == path.len() => all,
            all => all,
        };
        let fits = |(part, given): (&&str, &&str)| part.starts_with('{') || part.eq_ignore_ascii_case(given);
        self.method == method && template.len() == path.len() && template.iter().zip(path).all(fits)
    }
}

/// Whether a value is one of a published type.
fn is_a(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        "integer" => value.is_i64() || text.is_some_and(|text| text.parse::<i32>().is_ok()),
        "boolean" => value.is_boolean() || matches!(text, Some("true" | "false")),
        "string" => text.is_some_and(|text| !text.is_empty()),
        "array" => value.as_array().is_some_and(|all| !all.is_empty()),
        "object" => value.as_object().is_some_and(|all| !all.is_empty()),
        values => text.is_some_and(|text| values.split('|').any(|of| of == text)),
    }
}

/// The call that a request is; what of it is not published.
fn judge<'t>(table: &'t [Published], asked: &Asked) -> Result<&'t Published, String> {
    let path =
        asked.uri.path().strip_prefix(&format!("/{NAME}/")).ok_or("it is not below the organisation")?;
    let segments: Vec<&str> = path.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err("a part of its path is empty".into());
    }
    let published = table.iter().find(|row| row.is_of(asked.method.as_str(), &segments));
    let published = published.ok_or("no such call is published")?;
    let query: Vec<(String, String)> =
        form_urlencoded::parse(asked.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let mut seen = BTreeSet::new();
    for (name, value) in &query {
        if !seen.insert(name.as_str()) {
            return Err(format!("{name} is there twice"));
        }
        let fits = match (name.as_str(), published.query.get(name)) {
            ("api-version", _) => *value == published.version,
            (_, Some(kind)) => is_a(kind, &Value::from(value.as_str())),
            (_, None) => return Err(format!("it has no parameter {name}")),
        };
        if !fits {
            return Err(format!("{name} cannot be {value}"));
        }
    }
    if !seen.contains("api-version") {
        return Err("it does not name its version".into());
    }
    if seen.contains("continuationToken") && seen.contains("startDateTime") {
        return Err("continuationToken and startDateTime exclude each other".into());
    }
    if published.body.is_empty() != asked.body.is_empty() {
        return Err(format!("its body is {} bytes long", asked.body.len()));
    }
    if !asked.body.is_empty() {
        let is_json = asked.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        let body: BTreeMap<String, Value> =
            serde_json::from_slice(&asked.body).map_err(|error| error.to_string())?;
        let is_published =
            |(name, value): (&String, &Value)| published.body.get(name).is_some_and(|kind| is_a(kind, value));
        if !is_json || !body.iter().all(is_published) {
            return Err(format!("its body is {body:?}"));
        }
        if body.get("ids").and_then(Value::as_array).is_some_and(|ids| ids.len() > 200) {
            return Err("it asks for more than 200 items".into());
        }
    }
    Ok(published)
}

/// Calls everything that the port has, in every way.
async fn call_everything(organization: &Organization) {
    let way = &organization.way;
    let projects = way.projects().await.unwrap();
    let now = Timestamp::from_epoch_ms(NOW_MS);
    let fields = ["Custom.Size".into()].into();
    for project in &projects {
        // A server that does not list the types is asked for the states of each by itself.
        organization.fail_next_on("GET wit/workitemtypes", SimulatedFailure::Empty).await;
        way.project(project).await.unwrap();
        let shared = way.project(project).await.unwrap();
        for team in way.teams(project.id).await.unwrap() {
            let sprint = sprint(organization, project, &team);
            way.catalogue(project, &shared, &team, Tz::UTC, now).await.unwrap();
            let mut ids = way.sprint_items(project.id, team.id, sprint).await.unwrap();
            ids.extend((1..300).filter_map(WorkItemId::new));
            way.heads(&ids).await.unwrap();
            for as_of in [None, Some(now)] {
                way.items(project.id, &projects, &ids, &fields, as_of).await.unwrap();
            }
            way.revisions(project.id, &projects, ids[0]).await.unwrap();
        }
    }
    let page = way.revision_page(&FeedStart::At(now), &projects, &fields).await.unwrap();
    way.revision_page(&FeedStart::After(page.token.unwrap()), &projects, &fields).await.unwrap();
    call_hooks(way.client.as_ref(), projects[0].id).await;
}

/// Calls everything that there is about subscriptions.
async fn call_hooks(hooks: &dyn ServiceHooks, project: ProjectId) {
    let (secret, key) = (Secret::new("secret"), Secret::new("key"));
    let endpoint = HookEndpoint::new("https://boards.example", &secret, Some(&key)).unwrap();
    let wanted = WantedHook { project, event: HookEvent::Updated };
    let made = hooks.subscribe(&endpoint.subscription(wanted)).await.unwrap();
    hooks.replace(&made.id, &endpoint.subscription(wanted)).await.unwrap();
    let listed = hooks.subscriptions().await.unwrap();
    assert_eq!(listed.iter().filter(|of| endpoint.recognise(of).is_some_and(|of| of.is_sound())).count(), 1);
    let test = hooks.send_test(&endpoint.test(wanted)).await.unwrap();
    hooks.notification(&test.subscription_id.unwrap(), test.id).await.unwrap();
    assert!(hooks.last_notifications(std::slice::from_ref(&made.id)).await.unwrap().is_empty());
    hooks.unsubscribe(&made.id).await.unwrap();
    hooks.unsubscribe(&made.id).await.expect("that there is none any more is as it should be");
}

fn sprint(organization: &Organization, project: &ProjectRef, team: &TeamRef) -> SprintId {
    organization.model(|model| {
        let known = model.organisation.projects.iter().find(|known| *known.name == *project.name).unwrap();
        let team = known.teams.iter().find(|known| *known.name == *team.name).unwrap();
        known.current_sprint(team, model.today()).unwrap().id.into()
    })
}

#[tokio::test]
async fn f18_every_request_is_one_that_is_published() {
    let organization = Organization::start().await;
    organization.keep_requests().await;
    call_everything(&organization).await;
    // And whatever a whole application asks: at its start, of what changed, and of what is gone.
    let app = organization.app().await;
    organization.model(|model| {
        let at = model.now();
        let ids: Vec<u32> = model.items().keys().copied().rev().take(3).collect();
        model.change(ids[0], Event::Updated, at, 0, |content| content.title = "Changed".into());
        model.change(ids[1], Event::Deleted, at, 0, |_| {});
    });
    for minutes in [4, 61] {
        organization.clock.advance(std::time::Duration::from_mins(minutes));
        app.app.source.clone().unwrap().check(Cause::Timer).await;
    }
    let table = table();
    let mut used = BTreeSet::new();
    for asked in organization.requests().await {
        match judge(&table, &asked) {
            Ok(published) => drop(used.insert(&published.path)),
            Err(why) => panic!("{} {}: {why}", asked.method, asked.uri),
        }
    }
    let unused: Vec<&String> =
        table.iter().map(|row| &row.path).filter(|path| !used.contains(path)).collect();
    assert_eq!(unused, Vec::<&String>::new(), "the table names calls that nobody makes");
}

#[test]
fn the_judgement_of_requests_refuses_what_is_not_published() {
    let judged = |method: &str, path: &str, body: &str| {
        let headers = [("content-type".parse().unwrap(), "application/json".parse().unwrap())];
        let asked = Asked {
            method: method.parse().unwrap(),
            uri: format!("/{NAME}/{path}").parse().unwrap(),
            headers: headers.into_iter().collect(),
            body: body.to_owned().into(),
        };
        judge(&table(), &asked).map(|_| ())
    };
    assert_eq!(judged("GET", "_apis/projects?$top=200&$skip=0&api-version=7.1", ""), Ok(()));
    assert_eq!(
        judged("POST", "_apis/wit/workitemsbatch?api-version=7.1", r#"{"ids":[1],"errorPolicy":"omit"}"#),
        Ok(())
    );
    for (method, path, body) in [
        ("GET", "_apis/projects?$top=many&api-version=7.1", ""),
        ("GET", "_apis/projects?$top=200", ""),
        ("GET", "_apis/projects?$first=200&api-version=7.1", ""),
        ("GET", "_apis/projects?$top=1&$top=2&api-version=7.1", ""),
        ("GET", "_apis/projects?stateFilter=wellformed&api-version=7.1", ""),
        ("GET", "_apis/projects?api-version=9.9", ""),
        ("GET", "_apis/nonsense?api-version=7.1", ""),
        ("GET", "_apis//projects?api-version=7.1", ""),
        ("POST", "_apis/projects?api-version=7.1", "{}"),
        (
            "GET",
            "_apis/wit/reporting/workitemrevisions?continuationToken=1&startDateTime=2&api-version=7.1",
            "",
        ),
        ("POST", "_apis/wit/workitemsbatch?api-version=7.1", ""),
        ("POST", "_apis/wit/workitemsbatch?api-version=7.1", r#"{"ids":[1],"errorPolicy":"Omit"}"#),
        ("POST", "_apis/wit/workitemsbatch?api-version=7.1", r#"{"ids":[1],"asOf":null}"#),
    ] {
        assert!(judged(method, path, body).is_err(), "{method} {path} {body}");
    }
}

/// A file of Microsoft's, where the folder is named, or is beside the checkout.
fn specs(path: &str) -> Option<Value> {
    let named = std::env::var_os("BOARDCAST_TEST_REST_SPECS").map(PathBuf::from);
    let beside = || root().parent().map(|folder| folder.join(["sha", "red"].concat()).join("azure-devops"));
    let folder = named.or_else(|| beside().filter(|folder| folder.is_dir()))?;
    Some(json_file(&folder.join(path)))
}

fn json_file(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap()
}

/// The types of parameters by their names; of one with a list of values those.
fn types<'v>(of: impl Iterator<Item = (&'v str, &'v Value)>) -> BTreeMap<String, String> {
    let kind = |value: &Value| match value["enum"].as_array() {
        Some(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
        // What is described elsewhere is an object.
        None => value["type"].as_str().unwrap_or("object").to_owned(),
    };
    of.map(|(name, value)| (name.to_owned(), kind(value))).collect()
}

#[test]
fn the_table_of_requests_is_what_is_published() {
    let areas = ["core", "work", "workItemTracking", "serviceHooks"];
    let files: Vec<Value> =
        areas.iter().filter_map(|area| specs(&format!("swagger/{area}-7.1.json"))).collect();
    for row in table() {
        // What holds without those files: what is sent names a version, and nothing is asked for twice.
        assert_eq!(row.version, "7.1", "{}", row.path);
        let method = row.method.to_lowercase();
        let paths = [
            format!("/{{organization}}/{}", row.path),
            format!("/{{organization}}/{{project}}/{}", row.path),
        ];
        let call = |file| paths.iter().map(move |path| (file, path)).collect::<Vec<(&Value, &String)>>();
        let calls = files.iter().flat_map(call);
        let mut found = calls.map(|(file, path)| (file, &file["paths"][path][&method]));
        let Some((file, call)) = found.find(|(_, call)| call.is_object()) else {
            assert!(files.is_empty(), "{} {} is not published", row.method, row.path);
            continue;
        };
        let parameters = call["parameters"].as_array().unwrap();
        let without_project = !row.path.starts_with("{project}") && paths[1].contains("{project}/_apis");
        let project = parameters.iter().find(|of| of["name"] == "project").filter(|_| without_project);
        assert!(project.is_none_or(|of| of["x-ms-required"] == false), "{} needs a project", row.path);
        let in_query = parameters.iter().filter(|of| of["in"] == "query");
        assert_eq!(types(in_query.map(|of| (of["name"].as_str().unwrap(), of))), row.query, "{}", row.path);
        let body = parameters.iter().find(|of| of["in"] == "body");
        let definition = body.and_then(|of| of["schema"]["$ref"].as_str()?.rsplit('/').next());
        let members = definition.and_then(|name| file["definitions"][name]["properties"].as_object());
        assert_eq!(
            types(members.into_iter().flatten().map(|(name, of)| (&**name, of))),
            row.body,
            "{}",
            row.path
        );
        let version = parameters.iter().find_map(|of| of["$ref"].as_str()?.rsplit('/').next());
        let version = file["parameters"][version.unwrap()]["description"].as_str().unwrap();
        assert!(version.contains(&format!("'{}'", row.version)), "{}: {version}", row.path);
    }
}

/// The published examples, of which those of the feed have no shape that any other call has.
#[tokio::test]
async fn every_published_response_is_understood() {
    let organization = Organization::start().await;
    let projects = organization.way.projects().await.unwrap();
    let team = organization.way.teams(projects[0].id).await.unwrap().remove(0);
    let instead = |name: &str, own: &str| {
        let body = match specs(&format!("rest/{name}.json")) {
            Some(file) => file["responses"]["200"]["body"].clone(),
            None => json_file(
                &Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/rest/{own}.json")),
            ),
        };
        let kind = vec![("content-type", "application/json; charset=utf-8; api-version=7.1".to_owned())];
        SimulatedFailure::Instead(Answer { status: 200, headers: kind, body })
    };
    let plan = async |route: &str, name: &str, own: &str| {
        organization.fail_next_on(route, instead(name, own)).await;
    };
    let way = &organization.way;
    plan("GET hooks/subscriptions", "hooks-subscriptions-list", "hook-subscriptions").await;
    let listed = way.client.subscriptions().await.unwrap();
    let statuses: BTreeSet<&str> = listed.iter().filter_map(|of| of.status.as_deref()).collect();
    assert!(statuses.is_superset(&["disabledBySystem", "onProbation"].into()), "{statuses:?}");
    assert!(listed.iter().any(|of| of.status.is_none()), "an older answer leaves the word out");
    plan("GET projects", "projects-list", "projects").await;
    assert!(!way.projects().await.unwrap().is_empty());
    plan("GET projects/*/teams", "teams-list", "teams").await;
    assert!(!way.teams(projects[0].id).await.unwrap().is_empty());
    plan("GET work/teamsettings/iterations/*/workitems", "iteration-workitems", "iteration-work-items").await;
    let sprint = sprint(&organization, &projects[0], &team);
    assert!(!way.sprint_items(projects[0].id, team.id, sprint).await.unwrap().is_empty());
    let ids = [WorkItemId::new(1).unwrap()];
    plan("POST wit/workitemsbatch", "workitemsbatch", "work-items-batch").await;
    way.heads(&ids).await.unwrap();
    plan("POST wit/workitemsbatch", "workitemsbatch", "work-items-batch").await;
    way.items(projects[0].id, &projects, &ids, &BTreeSet::new(), None).await.unwrap();
    for (name, own) in [
        ("reporting-workitemrevisions-first", "revisions-first"),
        ("reporting-workitemrevisions-identityref", "revisions-identities"),
    ] {
        plan("GET wit/reporting/workitemrevisions", name, own).await;
        let start = FeedStart::At(Timestamp::from_epoch_ms(NOW_MS));
        let known = ["Fabrikam-Fiber-Git", "Northwind-Shop"];
        let known = known.map(|name| ProjectRef { id: projects[0].id, name: name.into() });
        let page = way.revision_page(&start, &known, &BTreeSet::new()).await.unwrap();
        assert!(page.token.is_some_and(|token| !token.is_empty()), "{name}");
        assert_eq!((&page.strangers, &page.unreadable), (&BTreeSet::new(), &BTreeSet::new()), "{name}");
        let changed_by = page.items[0].present().claim.changed_by.as_ref().map(|who| !who.name.contains('<'));
        assert_eq!(changed_by, Some(true), "{name}: a person has a name");
    }
    // Where the types are not listed the states of each are asked for.
    organization.fail_next_on("GET wit/workitemtypes", SimulatedFailure::Empty).await;
    plan("GET wit/workitemtypes/Bug/states", "workitemtype-states", "bug-states").await;
    assert!(way.project(&projects[0]).await.unwrap().unread.is_empty());
    // What the sprints, settings and types of a team are: without any of them it could not be read.
    for (route, name, own) in [
        ("GET work/teamsettings/iterations", "team-iterations-current", "team-iterations"),
        ("GET work/teamsettings/teamfieldvalues", "teamfieldvalues", "team-areas"),
        ("GET work/teamsettings", "teamsettings", "team-settings"),
        ("GET work/backlogconfiguration", "backlogconfiguration", "backlogs"),
        ("GET wit/classificationnodes/areas", "classificationnodes-areas-depth2", "area-tree"),
        ("GET wit/workitemtypecategories", "workitemtypecategories-list", "type-categories"),
        ("GET work/teamsettings/iterations/*/capacities", "iteration-capacities", "iteration-capacities"),
        ("GET work/teamsettings/iterations/*/teamdaysoff", "iteration-teamdaysoff-nonempty", "team-days-off"),
    ] {
        plan(route, name, own).await;
        let now = Timestamp::from_epoch_ms(NOW_MS);
        let shared = way.project(&projects[0]).await.unwrap();
        let catalogue = way.catalogue(&projects[0], &shared, &team, Tz::UTC, now).await.unwrap();
        assert_eq!((shared.unread, catalogue.unread), Default::default(), "{name}");
        organization.mend().await;
    }
}
