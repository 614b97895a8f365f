//! What is to be done about a question to Azure DevOps that failed.

use crate::config::Place;
use crate::devops::CallError;
use crate::domain::degradation::Failure;
use crate::ops::finding::Finding;

/// Why the organisation does not answer: no token, a token that it does not take, or something on the way.
pub(super) fn refused(error: &CallError, project: &str, place: &Place) -> Finding {
    let says = error.to_string();
    match (error.failure, error.status) {
        (Failure::Unauthorised, None) => Finding::fault("identity.token", says, place.show_identity()),
        (Failure::Unauthorised | Failure::Forbidden, _) => {
            Finding::fault("identity.organisation", says, place.admit(project))
        }
        _ => Finding::fault("organisation", says, remedy(error.failure, project, place)),
    }
}

/// The command for a failure of a question about a project.
pub(super) fn remedy(failure: Failure, project: &str, place: &Place) -> String {
    match failure {
        Failure::Unauthorised | Failure::Forbidden => place.admit(project),
        Failure::Gone => place.list_projects(),
        Failure::Throttled { .. } | Failure::Server => Place::ask_status(),
        Failure::TimedOut | Failure::Unreadable | Failure::Unsupported => place.ask_organization(),
        Failure::TeamField => place.export_process(project),
    }
}
