//! `boardcast hooks`: looks after subscriptions as whatever identity the settings name.

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use self::report::{Row, step_words, superfluous};
use super::arguments::{HooksAction, HooksCommand};
use super::{fail, pretty, print, table};
use crate::app;
use crate::config::{Config, OrganizationLogin};
use crate::devops::ProjectRef;
use crate::devops::credentials::HookAccess;
use crate::devops::subscriptions::probe::ProbeAnswer;
use crate::domain::scope::{NameOrId, ProjectId};
use crate::domain::subscription::plan::{self, HookStep, Superfluous};
use crate::domain::subscription::{HookSubscription, WantedHook};
use crate::sync::subscriptions::{HookKeeper, StepFailure, StepOutcome};

/// Something is not as it should be.
pub(super) const UNSOUND: u8 = 3;

/// It could not be done at all.
const FAILED: u8 = 1;

/// What was asked for is refused, and nothing was changed.
pub(super) const REFUSED: u8 = 4;

/// How often what is listed is compared again with what should be after it was changed: somebody else may have changed it
/// at the same time.
const ROUNDS_MAX: usize = 3;

/// Does what is asked, and returns the exit code that says what came of it.
pub fn hooks(config: &Config, command: &HooksCommand) -> ExitCode {
    if let Some(refusal) = refusal(config, command) {
        return ExitCode::from(failed(command, REFUSED, refusal));
    }
    let (azure, keeper) = match app::subscriptions(config) {
        Ok(Some(parts)) => parts,
        Ok(None) => {
            let why = "it is not known where subscriptions are to lead: set BOARDCAST_PUBLIC_URL to the address under which Azure \
                       DevOps reaches boardcast, BOARDCAST_WEBHOOK_SECRET and BOARDCAST_ORGANIZATION_URL";
            return ExitCode::from(failed(command, FAILED, why));
        }
        Err(error) => return ExitCode::from(failed(command, FAILED, &error.to_string())),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let done = runtime.block_on(async {
        let projects = azure.projects().await.map_err(|error| error.to_string())?;
        let errand = Errand { config, command, keeper: &keeper, projects: &projects };
        errand.run().await
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => ExitCode::from(failed(command, FAILED, &error)),
    }
}

/// Says why nothing is done, to people and to scripts; returns the exit code.
fn failed(command: &HooksCommand, code: u8, why: &str) -> u8 {
    let _ = writeln!(std::io::stderr(), "{why}");
    if command.json {
        print(&pretty(&match command.action {
            HooksAction::Status => json!({ "sound": false, "error": why, "hooks": [] }),
            _ => json!({ "done": false, "error": why, "steps": [] }),
        }));
    }
    code
}

/// Why a command is not even begun.
fn refusal(config: &Config, command: &HooksCommand) -> Option<&'static str> {
    let login = config.organization.as_ref().map(|organization| &organization.login);
    let is_person = login.is_some_and(OrganizationLogin::is_personal);
    (is_person && command.action.writes() && !command.as_person).then_some(
        "AZURE_DEVOPS_PAT is a person's token: the subscriptions would belong to that person, and die with the account. Log in \
         with the identity of the app instead (remove AZURE_DEVOPS_PAT, set AZURE_TENANT_ID, AZURE_CLIENT_ID and \
         AZURE_CLIENT_SECRET), let the app make them (BOARDCAST_PUBLIC_URL on the app), or say --as-person",
    )
}

/// A command that is carried out.
struct Errand<'a> {
    config: &'a Config,
    command: &'a HooksCommand,
    keeper: &'a HookKeeper,
    projects: &'a [ProjectRef],
}

impl Errand<'_> {
    async fn run(&self) -> Result<u8, String> {
        let unknown = self.unknown_projects();
        for name in &unknown {
            let _ = writeln!(
                std::io::stderr(),
                "there is no project {name}, or this identity may not see it; correct the name, or add the identity to the \
                 project's Readers"
            );
        }
        let sees_none = self.projects.is_empty() && self.command.action != HooksAction::Remove;
        if sees_none {
            let _ = writeln!(
                std::io::stderr(),
                "this identity sees no project; add it to the Readers of each that is to be served"
            );
        }
        let sees_all = unknown.is_empty() && !sees_none;
        let code = match self.command.action {
            HooksAction::Status => self.status(sees_all).await?,
            HooksAction::Install => self.reconcile(false, sees_all).await?,
            HooksAction::Repair => self.reconcile(true, sees_all).await?,
            HooksAction::Remove => self.remove().await?,
            HooksAction::Rotate => self.rotate(sees_all).await?,
        };
        Ok(if code == 0 && !sees_all { UNSOUND } else { code })
    }

    /// Whether subscriptions of other projects than those that it is about are superfluous. That cannot be told where a
    /// project is not seen: theirs may be among them, and work.
    const fn is_about_all(&self, sees_all: bool) -> bool {
        self.command.projects.is_empty() && sees_all
    }

    fn asked(&self) -> &[NameOrId] {
        &self.command.projects
    }

    /// The projects that are named, on the command line or else by the settings, and that there are not.
    fn unknown_projects(&self) -> Vec<String> {
        let there = self.projects.iter().map(|project| (project.id, &*project.name));
        let asked = self.asked();
        if asked.is_empty() {
            return self.config.allowed.unknown_projects(there);
        }
        let is_there = |named: &&NameOrId| there.clone().any(|(id, name)| named.is_project(id, Some(name)));
        // One that was removed may still be named by its GUID, to remove what is left of it.
        let removes = self.command.action == HooksAction::Remove;
        let is_left = |named: &NameOrId| removes && matches!(named, NameOrId::Id(_));
        let unknown = asked.iter().filter(|named| !is_there(named) && !is_left(named));
        unknown.map(ToString::to_string).collect()
    }

    /// The projects that it is about.
    fn wanted(&self) -> BTreeSet<ProjectId> {
        let asked = self.asked();
        let is_wanted = |project: &&ProjectRef| match asked.is_empty() {
            true => self.config.allowed.allows_project(project.id, Some(&project.name)),
            false => asked.iter().any(|named| named.is_project(project.id, Some(&project.name))),
        };
        self.projects.iter().filter(is_wanted).map(|project| project.id).collect()
    }

    fn name(&self, project: ProjectId) -> String {
        let known = self.projects.iter().find(|known| known.id == project);
        known.map_or_else(|| project.to_string(), |known| known.name.to_string())
    }

    async fn found(&self) -> Result<Vec<HookSubscription>, String> {
        self.keeper.found().await.map_err(|error| error.to_string())
    }

    async fn status(&self, sees_all: bool) -> Result<u8, String> {
        let (found, wanted) = (self.found().await?, self.wanted());
        let last = self.keeper.last_notifications(&found).await.map_err(|error| error.to_string())?;
        let steps = plan::steps(&wanted, &found, self.is_about_all(sees_all));
        let row =
            |one| Row { wanted: HookSubscription::wanted(one), found: Some(one), last: last.get(&one.id) };
        let mut rows: Vec<Row<'_>> = Vec::new();
        for wanted in WantedHook::all(&wanted) {
            let before = rows.len();
            rows.extend(found.iter().filter(|one| one.wanted() == wanted).map(row));
            if rows.len() == before {
                rows.push(Row { wanted, found: None, last: None });
            }
        }
        let is_other =
            |one: &&HookSubscription| self.command.projects.is_empty() && !wanted.contains(&one.project);
        rows.extend(found.iter().filter(is_other).map(row));
        let removed: BTreeMap<&str, &'static str> = steps.iter().filter_map(superfluous).collect();
        let failed = rows.iter().filter(|row| row.has_failed_last()).count();
        let is_sound = steps.is_empty() && failed == 0 && sees_all;
        let text = match self.command.json {
            true => {
                let hooks: Vec<Value> = rows.iter().map(|row| row.json(self, &removed)).collect();
                let url = self.keeper.endpoint.base().as_str();
                pretty(&json!({ "url": url, "sound": is_sound, "hooks": hooks }))
            }
            false => {
                let head = ["project", "event", "status", "last delivery", "lag", "owner", "remark"];
                let mut lines = vec![head.map(str::to_owned).to_vec()];
                lines.extend(rows.iter().map(|row| row.cells(self, &removed)));
                let end = match (steps.is_empty(), failed) {
                    (false, _) => "run `boardcast hooks repair`".to_owned(),
                    (true, 0) if sees_all => "all are as they should be".to_owned(),
                    (true, 0) => "not all projects are seen".to_owned(),
                    (true, _) => {
                        format!(
                            "{failed} of the last deliveries failed: run `boardcast doctor`, which sends another"
                        )
                    }
                };
                format!("{}\n\n{end}", table::aligned(&lines))
            }
        };
        print(&text);
        Ok(if is_sound { 0 } else { UNSOUND })
    }

    /// Has the subscriptions be as they should be. What is listed afterwards is looked at again, and what two made at the same
    /// time is removed.
    async fn reconcile(&self, with_others: bool, sees_all: bool) -> Result<u8, String> {
        let (wanted, with_others) = (self.wanted(), with_others && self.is_about_all(sees_all));
        let mut outcomes: Vec<StepOutcome> = Vec::new();
        for round in 0..=ROUNDS_MAX {
            let mut steps = plan::steps(&wanted, &self.found().await?, with_others);
            // What failed once fails again.
            steps.retain(|step| {
                !outcomes.iter().any(|done| done.step.wanted() == step.wanted() && done.failure.is_some())
            });
            if steps.is_empty() {
                break;
            }
            outcomes.extend(match round {
                // What is still to be done after every round is not done, whatever was answered.
                ROUNDS_MAX => steps.into_iter().map(StepOutcome::remaining).collect(),
                _ => self.keeper.carry_out(steps, None).await,
            });
        }
        let nothing = match sees_all {
            true => "nothing to do: all are as they should be",
            false => "nothing to do for the projects that are seen",
        };
        Ok(self.tell(&outcomes, nothing))
    }

    async fn remove(&self) -> Result<u8, String> {
        let asked = self.asked();
        let is_asked = |one: &&HookSubscription| {
            let name = self.projects.iter().find(|project| project.id == one.project).map(|of| &*of.name);
            asked.is_empty() || asked.iter().any(|named| named.is_project(one.project, name))
        };
        let found = self.found().await?;
        let steps = found.iter().filter(is_asked).map(|one| plan::remove(one, Superfluous::Asked)).collect();
        let outcomes = self.keeper.carry_out(steps, None).await;
        Ok(self.tell(&outcomes, "there is none to remove"))
    }

    /// Moves what has another secret or key than is set, and nothing before the app has answered both that and the one before
    /// it with 200: what is on its way still has the old one.
    async fn rotate(&self, sees_all: bool) -> Result<u8, String> {
        let mut steps = plan::steps(&self.wanted(), &self.found().await?, false);
        steps.retain(|step| matches!(step, HookStep::Replace { differences, .. } if !differences.is_empty()));
        if !steps.is_empty() {
            let new = self.keeper.probe().await;
            if new != ProbeAnswer::Taken {
                return Ok(self.refused(&new.told()));
            }
            match &self.config.hook_access {
                HookAccess::Secrets(secrets) if secrets.len() > 1 => {
                    for previous in secrets.iter().skip(1) {
                        if self.keeper.probe_with(previous).await != ProbeAnswer::Taken {
                            return Ok(self.refused(
                                "the app does not take the previous secret any more, and what is on its way still has it: set \
                                 BOARDCAST_WEBHOOK_SECRET_PREVIOUS on the app until the subscriptions are moved",
                            ));
                        }
                    }
                }
                _ => {
                    let _ = writeln!(
                        std::io::stderr(),
                        "BOARDCAST_WEBHOOK_SECRET_PREVIOUS is not set here, so it was not asked whether the app still takes the \
                         old secret, which what is on its way has"
                    );
                }
            }
        }
        let outcomes = self.keeper.carry_out(steps, None).await;
        let nothing = match sees_all {
            true => "nothing to do: all have the secret and the key that are set",
            false => "nothing to do for the projects that are seen",
        };
        let code = self.tell(&outcomes, nothing);
        if code == 0 && !outcomes.is_empty() {
            let _ = writeln!(
                std::io::stderr(),
                "in ten minutes, when nothing is on its way with the old secret, remove BOARDCAST_WEBHOOK_SECRET_PREVIOUS from the app"
            );
        }
        Ok(code)
    }

    /// Prints what became of the steps, and returns the exit code for it.
    fn tell(&self, outcomes: &[StepOutcome], nothing: &str) -> u8 {
        let is_done = outcomes.iter().all(|outcome| outcome.failure.is_none());
        let text = match self.command.json {
            true => {
                let steps: Vec<Value> = outcomes.iter().map(|outcome| self.step_json(outcome)).collect();
                pretty(
                    &json!({ "url": self.keeper.endpoint.base().as_str(), "done": is_done, "steps": steps }),
                )
            }
            false if outcomes.is_empty() => nothing.to_owned(),
            false => {
                table::aligned(&outcomes.iter().map(|outcome| self.step_cells(outcome)).collect::<Vec<_>>())
            }
        };
        print(&text);
        let is_refused = |outcome: &StepOutcome| matches!(outcome.failure, Some(StepFailure::NotTaken(_)));
        match is_done {
            true => 0,
            false if outcomes.iter().all(is_refused) => REFUSED,
            false => UNSOUND,
        }
    }

    fn refused(&self, why: &str) -> u8 {
        failed(self.command, REFUSED, &format!("nothing was moved: {why}"))
    }

    fn step_json(&self, StepOutcome { step, id, failure }: &StepOutcome) -> Value {
        let WantedHook { project, event } = step.wanted();
        let (word, why) = step_words(step);
        json!({
            "step": word,
            "why": why,
            "project": self.name(project),
            "projectId": project,
            "event": event.event_type(),
            "id": id,
            "done": failure.is_none(),
            "error": failure.as_ref().map(ToString::to_string),
        })
    }

    fn step_cells(&self, StepOutcome { step, failure, .. }: &StepOutcome) -> Vec<String> {
        let WantedHook { project, event } = step.wanted();
        let (word, why) = step_words(step);
        let outcome =
            failure.as_ref().map_or_else(|| "done".to_owned(), |failure| format!("FAILED: {failure}"));
        vec![self.name(project), event.event_type().into(), word.into(), why, outcome]
    }
}
