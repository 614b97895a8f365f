//! What the REST API answers, as a pure function of the model and the request. The shapes are those of the contract
//! of version 7.1; where a published example differs from it, the contract is followed.

mod feed;
mod tracking;
mod types;
mod work;

use std::time::Duration;

use serde_json::{Value, json};

use super::model::Model;
use super::organisation::{NAME, Project, Team};
use crate::domain::time::CivilDate;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body; a text is sent as it is.
    pub body: Value,
}

/// What goes wrong, when something is to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimulatedFailure {
    /// 429: the caller used too much and is to wait as many seconds.
    TooManyRequests(u32),
    /// 503.
    Unavailable,
    /// The answer is right, but late, as throttling makes it; `Retry-After` says so.
    Slow(Duration),
    /// 203 with the page to sign in, which a bad token gets.
    SignIn,
    /// Any other answer.
    Instead(Answer),
}

impl SimulatedFailure {
    /// The answer instead of the right one; `None` when the right one is sent late.
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Self::TooManyRequests(seconds) => {
                let text = "TF400733: The request has been canceled: Request was blocked due to exceeding usage of \
                            resource 'Concurrency' in namespace 'User'.";
                let mut answer = Answer::error(429, "RequestBlockedException", text);
                answer.headers.push(("retry-after", seconds.to_string()));
                Some(answer)
            }
            Self::Unavailable => {
                Some(Answer::error(503, "ServiceUnavailableException", "The service is unavailable."))
            }
            Self::Slow(_) => None,
            Self::Instead(answer) => Some(answer.clone()),
            Self::SignIn => Some(Answer {
                status: 203,
                headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
                body: json!("<html><head><title>Azure DevOps Services | Sign In</title></head></html>"),
            }),
        }
    }
}

impl Answer {
    fn ok(body: Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=utf-8; api-version=7.1".to_owned())];
        Self { status: 200, headers, body }
    }

    fn list(values: Vec<Value>) -> Self {
        Self::ok(json!({ "count": values.len(), "value": values }))
    }

    fn error(status: u16, type_key: &str, message: &str) -> Self {
        let body = json!({
            "$id": "1",
            "innerException": null,
            "message": message,
            "typeName": format!("Microsoft.TeamFoundation.{type_key}, Microsoft.TeamFoundation"),
            "typeKey": type_key,
            "errorCode": 0,
            "eventId": 3000,
        });
        Self { status, ..Self::ok(body) }
    }

    fn no_such_address(path: &str) -> Self {
        let text =
            format!("The controller for path '/{path}' was not found or does not implement IController.");
        Self::error(404, "HttpException", &text)
    }

    fn no_such_project(name: &str) -> Self {
        let text =
            format!("VS800075: The project with id '{name}' does not exist, or you do not have permission.");
        Self::error(404, "ProjectDoesNotExistException", &text)
    }

    fn no_such_team(name: &str) -> Self {
        let text = format!("The team with id '{name}' does not exist, or you do not have permission.");
        Self::error(404, "TeamNotFoundException", &text)
    }

    fn no_such_item(id: &str) -> Self {
        let text =
            format!("TF401232: Work item {id} does not exist, or you do not have permissions to read it.");
        Self::error(404, "WorkItemUnauthorizedAccessException", &text)
    }
}

/// A request, taken apart.
struct Call<'a> {
    model: &'a Model,
    /// The project in front of `_apis`, if there is one.
    project: Option<&'a Project>,
    /// The team in front of `_apis`; the first one of the project where none is named.
    team: Option<&'a Team>,
    query: Vec<(String, String)>,
    body: Value,
}

impl Call<'_> {
    /// A parameter of the query, by its name in any case.
    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.parameter(name)?.parse().ok()
    }

    fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `$skip` and `$top`.
    fn page(&self, values: Vec<Value>) -> Answer {
        let (skip, top) = (self.number("$skip").unwrap_or(0), self.number("$top").unwrap_or(usize::MAX));
        Answer::list(values.into_iter().skip(skip).take(top).collect())
    }
}

/// A date as the API writes it: midnight in UTC, and meant as a date.
fn midnight(day: CivilDate) -> String {
    format!("{day}T00:00:00Z")
}

/// Answers a request. The path may begin with the name of the organisation; the query is as it stands in the address.
pub fn answer(model: &Model, method: &str, path: &str, query: &str, body: &[u8]) -> Answer {
    let decode =
        |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let segments: Vec<String> = path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
    let mut segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if segments.first().is_some_and(|first| first.eq_ignore_ascii_case(NAME)) {
        segments.remove(0);
    }
    let mut halves = segments.splitn(2, |segment| *segment == "_apis");
    let (Some(scope), Some(call)) = (halves.next(), halves.next()) else {
        return Answer::no_such_address(path);
    };
    let project = match scope.first() {
        None => None,
        Some(name) => match named_project(model, name) {
            Some(project) => Some(project),
            None => return Answer::no_such_project(name),
        },
    };
    let team = match (project, scope.get(1)) {
        (Some(project), Some(name)) => match named_team(project, name) {
            Some(team) => Some(team),
            None => return Answer::no_such_team(name),
        },
        (Some(project), None) => project.teams.first(),
        (None, _) => None,
    };
    let request = Call {
        model,
        project,
        team,
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        body: serde_json::from_slice(body).unwrap_or_default(),
    };
    let lower: Vec<String> = call.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    route(&request, method, &lower).unwrap_or_else(|| Answer::no_such_address(path))
}

fn route(call: &Call<'_>, method: &str, path: &[&str]) -> Option<Answer> {
    match (method, path) {
        ("GET", ["projects"]) => Some(work::projects(call)),
        ("GET", ["projects", project, "teams"]) => Some(work::teams(call, project)),
        ("GET", ["work", rest @ ..]) => work::route(call, rest),
        ("GET", ["wit", "classificationnodes", rest @ ..]) => types::classification_nodes(call, rest),
        ("GET", ["wit", "workitemtypes", name, "states"]) => types::states(call, name),
        ("GET", ["wit", "workitemtypecategories"]) => types::categories(call),
        ("POST", ["wit", "workitemsbatch"]) => Some(tracking::batch(call)),
        ("GET", ["wit", "workitems", id]) => Some(tracking::work_item(call, id)),
        ("GET", ["wit", "workitems", id, "revisions"]) => Some(tracking::revisions(call, id)),
        ("POST", ["wit", "wiql"]) => Some(tracking::wiql(call)),
        ("GET" | "POST", ["wit", "reporting", "workitemrevisions"]) => Some(feed::revisions(call)),
        _ => None,
    }
}

fn named_project<'a>(model: &'a Model, name: &str) -> Option<&'a Project> {
    let projects = &model.organisation.projects;
    projects.iter().find(|project| project.name.eq_ignore_ascii_case(name) || is(project.id, name))
}

fn named_team<'a>(project: &'a Project, name: &str) -> Option<&'a Team> {
    project.teams.iter().find(|team| team.name.eq_ignore_ascii_case(name) || is(team.id, name))
}

fn is(id: uuid::Uuid, text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok_and(|other| other == id)
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
