//! What the identity may read of each project that is served, by asking for it now: the last comparison may be of yesterday.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::ANSWER_MAX;
use super::failed::remedy;
use crate::app::App;
use crate::config::Place;
use crate::devops::{CallError, FeedStart, ProjectRef};
use crate::ops::finding::Finding;
use crate::sync::source::Source;

/// How many projects are asked about, and how many at a time.
const PROJECTS_MAX: usize = 20;
const PROJECTS_AT_ONCE: usize = 4;

const CHECK: &str = "roles";

/// Whether teams, their settings, types and areas, and work items can be read.
pub(super) async fn roles(
    app: &App,
    source: &Source,
    projects: &[ProjectRef],
    place: &Place,
) -> Vec<Finding> {
    let allowed = &app.config.allowed;
    let is_served = |of: &&ProjectRef| allowed.allows_project(of.id, Some(&of.name));
    let served: Vec<&ProjectRef> = projects.iter().filter(is_served).take(PROJECTS_MAX).collect();
    let Some(first) = served.first() else { return Vec::new() };
    let until = Instant::now() + ANSWER_MAX;
    let mut asked = Vec::new();
    for project in &served {
        asked.push(async move {
            let answer = timeout_at(until, of_project(app, source, project)).await;
            let what = format!("teams, settings and areas of project {}", project.name);
            finding(answer.ok(), &what, project, place)
        });
    }
    let items = async {
        let from = FeedStart::At((app.instance.clock)());
        let (azure, no_fields) = (source.organisation(), BTreeSet::new());
        let answer = timeout_at(until, azure.revision_page(&from, projects, &no_fields)).await;
        let answer = answer.map(|page| page.map(drop));
        finding(answer.ok(), "work items", first, place)
    };
    let (of_projects, of_items) =
        tokio::join!(stream::iter(asked).buffered(PROJECTS_AT_ONCE).collect::<Vec<_>>(), items);
    let found: Vec<Finding> = of_projects.into_iter().chain([of_items]).flatten().collect();
    match found.is_empty() {
        true => {
            let says = format!(
                "teams, settings, areas and work items can be read; asked of {} projects",
                served.len()
            );
            vec![Finding::ok(CHECK, says)]
        }
        false => found,
    }
}

/// What is said where it is not known of which projects to ask.
pub(super) fn not_asked(place: &Place) -> Finding {
    let says = "what may be read was not asked: which projects there are is not known";
    Finding::unknown(CHECK, says, place.list_projects())
}

/// Asks for what a comparison needs, of the project and of one of its teams.
async fn of_project(app: &App, source: &Source, project: &ProjectRef) -> Result<(), CallError> {
    let azure = source.organisation();
    let teams = azure.teams(project.id).await?;
    let shared = azure.project(project).await?;
    let allowed = &app.config.allowed;
    let of = (project.id, Some(&*project.name));
    if let Some(team) = teams.iter().find(|team| allowed.allows_team(of, (team.id, Some(&*team.name)))) {
        let zone = app.config.team_zones.of(team.id, &team.name);
        azure.catalogue(project, &shared, team, zone, (app.instance.clock)()).await?;
    }
    Ok(())
}

/// What is to be said of an answer; `None` where it is right. No answer is one that did not come in time.
fn finding(
    answer: Option<Result<(), CallError>>,
    what: &str,
    project: &ProjectRef,
    place: &Place,
) -> Option<Finding> {
    match answer {
        Some(Ok(())) => None,
        Some(Err(error)) => {
            let remedy = remedy(error.failure, &project.id.to_string(), place);
            Some(Finding::fault(CHECK, format!("{what} cannot be read: {error}"), remedy))
        }
        None => {
            let says = format!(
                "whether {what} can be read is not known: no answer within {} s",
                ANSWER_MAX.as_secs()
            );
            Some(Finding::unknown(CHECK, says, place.ask_organization()))
        }
    }
}
