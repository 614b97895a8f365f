//! What the REST API answers to the calls that boardcast makes, as a pure function of the model and the request. The
//! shapes are those of the contract of version 7.1; where a published example differs from it, the contract is followed.

mod feed;
mod tracking;
mod types;
mod work;

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::Model;
use super::organisation::{NAME, Project, Team};
use crate::domain::time::CivilDate;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

/// The body of an answer, or what is answered instead.
type Answered = Result<Value, Answer>;

fn list(values: Vec<Value>) -> Value {
    json!({ "count": values.len(), "value": values })
}

fn refused(status: StatusCode, type_key: &str, message: &str) -> Answer {
    let body = json!({
        "$id": "1",
        "innerException": null,
        "message": message,
        "typeName": format!("Microsoft.TeamFoundation.{type_key}, Microsoft.TeamFoundation"),
        "typeKey": type_key,
        "errorCode": 0,
        "eventId": 3000,
    });
    Answer { status, body }
}

fn not_found(type_key: &str, message: &str) -> Answer {
    refused(StatusCode::NOT_FOUND, type_key, message)
}

/// A request, taken apart.
struct Call<'a> {
    model: &'a Model,
    query: Vec<(String, String)>,
    body: Value,
}

impl Call<'_> {
    /// A value in the query, where it is not empty; the case of its name does not matter.
    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &**value).filter(|value| !value.is_empty())
    }

    /// A number in the query.
    fn number(&self, name: &str) -> Option<usize> {
        self.parameter(name)?.parse().ok()
    }

    /// `$skip` and `$top`.
    fn page(&self, values: impl Iterator<Item = Value>) -> Value {
        let (skip, top) = (self.number("$skip").unwrap_or(0), self.number("$top").unwrap_or(usize::MAX));
        list(values.skip(skip).take(top).collect())
    }

    /// An address below that of the organisation.
    fn url(&self, rest: &str) -> String {
        format!("{}/{rest}", self.model.base_url)
    }

    fn item_url(&self, id: u32) -> String {
        self.url(&format!("_apis/wit/workItems/{id}"))
    }

    fn field_url(&self, name: &str) -> String {
        self.url(&format!("_apis/wit/fields/{name}"))
    }
}

/// A date as the API writes it: midnight in UTC, and meant as a date.
fn midnight(day: CivilDate) -> String {
    format!("{day}T00:00:00Z")
}

/// Answers a request. The path may begin with the name of the organisation; the query is as it stands in the address.
pub fn answer(model: &Model, method: &str, path: &str, query: &str, body: &[u8]) -> Answer {
    let call = Call {
        model,
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        body: serde_json::from_slice(body).unwrap_or_default(),
    };
    match answered(&call, method, path) {
        Ok(body) => Answer { status: StatusCode::OK, body },
        Err(answer) => answer,
    }
}

fn answered(call: &Call<'_>, method: &str, path: &str) -> Answered {
    let nowhere = || {
        let text =
            format!("The controller for path '/{path}' was not found or does not implement IController.");
        not_found("HttpException", &text)
    };
    let decode =
        |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let segments: Vec<String> = path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
    let at = segments.iter().position(|segment| segment == "_apis").ok_or_else(nowhere)?;
    let (scope, rest) = segments.split_at(at);
    let scope = match scope {
        [first, scope @ ..] if first.eq_ignore_ascii_case(NAME) => scope,
        scope => scope,
    };
    let rest: Vec<String> = rest.iter().skip(1).map(|segment| segment.to_ascii_lowercase()).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let project = scope.first().map(|name| named_project(call.model, name)).transpose()?;
    // The first team of the project where none is named.
    let team = match (project, scope.get(1)) {
        (Some(project), Some(name)) => Some(named_team(project, name)?),
        (project, _) => project.and_then(|project| project.teams.first()),
    };
    match (method, rest.as_slice(), project, team) {
        ("GET", ["projects"], ..) => Ok(work::projects(call)),
        ("GET", ["projects", project, "teams"], ..) => work::teams(call, project),
        ("GET", ["work", "backlogconfiguration"], Some(project), _) => {
            Ok(types::backlog_configuration(call, project))
        }
        ("GET", ["work", "teamsettings", rest @ ..], Some(project), Some(team)) => {
            work::settings(call, project, team, rest).unwrap_or_else(|| Err(nowhere()))
        }
        ("GET", ["wit", "classificationnodes", "areas"], Some(project), _) => Ok(types::areas(call, project)),
        ("GET", ["wit", "workitemtypes"], Some(project), _) => Ok(types::types(call, project)),
        ("GET", ["wit", "workitemtypes", name, "states"], Some(project), _) => types::states(project, name),
        ("GET", ["wit", "workitemtypecategories"], Some(project), _) => Ok(types::categories(call, project)),
        ("POST", ["wit", "workitemsbatch"], ..) => tracking::batch(call),
        ("GET", ["wit", "workitems", id, "revisions"], ..) => tracking::revisions(call, id),
        ("GET", ["wit", "reporting", "workitemrevisions"], None, _) => feed::revisions(call),
        _ => Err(nowhere()),
    }
}

fn named_project<'a>(model: &'a Model, name: &str) -> Result<&'a Project, Answer> {
    let is_it = |project: &&Project| project.name.eq_ignore_ascii_case(name) || is(project.id, name);
    model.organisation.projects.iter().find(is_it).ok_or_else(|| {
        let text =
            format!("VS800075: The project with id '{name}' does not exist, or you do not have permission.");
        not_found("ProjectDoesNotExistException", &text)
    })
}

fn named_team<'a>(project: &'a Project, name: &str) -> Result<&'a Team, Answer> {
    let is_it = |team: &&Team| team.name.eq_ignore_ascii_case(name) || is(team.id, name);
    project.teams.iter().find(is_it).ok_or_else(|| {
        let text = format!("The team with id '{name}' does not exist, or you do not have permission.");
        not_found("TeamNotFoundException", &text)
    })
}

fn is(id: Uuid, text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|other| other == id)
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
