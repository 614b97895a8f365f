//! The client of the REST API against a simulated organisation, and against whatever else may answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::Event;
use boardcast::demo::simulation::model::{Model, SimulatedChange};
use boardcast::demo::simulation::organisation::{Project, Sprint, Team, later};
use boardcast::devops::client::{ClientSettings, RestClient};
use boardcast::devops::{AzureDevOps, CallError, ProjectRef, TeamRef, hook};
use boardcast::domain::amount::Hundredths;
use boardcast::domain::degradation::Failure;
use boardcast::domain::scope::{AreaId, ProjectId, SprintId, TeamId};
use boardcast::domain::sprint::catalogue::{BugsBehaviour, Catalogue, Member, StateCategory};
use boardcast::domain::sprint::rank::Rank;
use boardcast::domain::sprint::work_item::KeptTags;
use boardcast::domain::sprint::work_item::{History, REVISIONS_MAX, WorkItemId};
use boardcast::domain::time::{CivilDate, Timestamp};
use boardcast::platform::secret::Secret;
use chrono_tz::Tz;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::organisation::{Answer, Server, SimulatedFailure};

/// A Wednesday.
const NOW: Timestamp = Timestamp::from_epoch_ms(1_795_600_800_000);

const TOKEN: &str = "hunter2hunter2hunter2";

struct Simulated {
    server: Server,
    client: RestClient,
}

impl Simulated {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut ClientSettings)) -> Self {
        let model = Model::new(1, Arc::new(|| NOW));
        let server = Server::start(Arc::new(Mutex::new(model))).await.unwrap();
        let mut settings = ClientSettings::new(server.base_url());
        settings.token = Some(Secret::new(TOKEN));
        change(&mut settings);
        let client = RestClient::new(&settings).unwrap();
        Self { server, client }
    }

    /// What the organisation is made of, which nothing in these tests changes.
    fn organisation(&self) -> Vec<Project> {
        self.server.model().lock().unwrap().organisation.projects.clone()
    }

    async fn catalogue(&self, project: &Project, team: &Team) -> Result<Catalogue, CallError> {
        catalogue(&self.client, &project_ref(project), &team_ref(team), Tz::America__Los_Angeles, NOW).await
    }

    fn calls_on(&self, route: &str) -> u64 {
        self.server.calls_by_route().get(route).copied().unwrap_or_default()
    }
}

/// What is known of a team, with what its project's teams share.
async fn catalogue(
    client: &RestClient,
    project: &ProjectRef,
    team: &TeamRef,
    zone: Tz,
    now: Timestamp,
) -> Result<Catalogue, CallError> {
    client.catalogue(project, &client.project(project).await?, team, zone, now).await
}

fn project_ref(project: &Project) -> ProjectRef {
    ProjectRef { id: project.id.into(), name: project.name.into() }
}

fn team_ref(team: &Team) -> TeamRef {
    TeamRef { id: team.id.into(), name: team.name.into() }
}

fn item(number: u32) -> WorkItemId {
    WorkItemId::new(number).unwrap()
}

/// The sprint under way and the next one.
fn sprints_near(project: &Project) -> [&Sprint; 2] {
    let [.., current, next] = project.sprints.as_slice() else { panic!("too few sprints") };
    [current, next]
}

fn answer(status: u16, body: Value) -> Answer {
    let kind = if body.is_string() { "text/html; charset=utf-8" } else { "application/json; charset=utf-8" };
    Answer { status, headers: vec![("content-type", kind.to_owned())], body }
}

fn complaint(status: u16, type_key: &str, message: &str) -> SimulatedFailure {
    SimulatedFailure::Instead(answer(status, json!({ "$id": "1", "message": message, "typeKey": type_key })))
}

/// Answers each connection with these bytes, whatever it is asked, and keeps what it was asked.
struct Raw {
    organisation: String,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Raw {
    async fn start(bytes: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let organisation = format!("http://{}/northwind", listener.local_addr().unwrap());
        let (asked, bytes) = (Arc::<Mutex<Vec<u8>>>::default(), bytes.to_vec());
        let kept = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = vec![0; 65_536];
                let length = stream.read(&mut buffer).await.unwrap_or_default();
                kept.lock().unwrap().extend_from_slice(&buffer[..length]);
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { organisation, asked }
    }

    fn client(&self) -> RestClient {
        let token = Some(Secret::new(TOKEN));
        RestClient::new(&ClientSettings {
            token,
            body_bytes_max: 1_000,
            ..ClientSettings::new(&self.organisation)
        })
        .unwrap()
    }

    fn asked(&self) -> String {
        String::from_utf8_lossy(&self.asked.lock().unwrap()).to_ascii_lowercase()
    }
}

#[tokio::test]
async fn projects_and_teams_are_those_of_the_organisation() {
    let simulated = Simulated::start().await;
    let projects = simulated.organisation();
    assert_eq!(
        simulated.client.projects().await.unwrap(),
        projects.iter().map(project_ref).collect::<Vec<_>>()
    );
    for project in &projects {
        let teams = simulated.client.teams(project.id.into()).await.unwrap();
        assert_eq!(teams, project.teams.iter().map(team_ref).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_to_its_end() {
    let simulated = Simulated::start().await;
    let number = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
    let page = |from: u32, to: u32| {
        let projects = (from..to).map(|n| json!({ "id": number(n), "name": format!("Project {n}") }));
        SimulatedFailure::Instead(answer(200, json!({ "value": projects.collect::<Vec<_>>() })))
    };
    // One project came into being between two pages, so the second begins with the last of the first.
    for planned in [page(0, 200), page(199, 399), page(399, 405)] {
        simulated.server.fail_next(planned);
    }
    let projects = simulated.client.projects().await.unwrap();
    assert_eq!(projects.len(), 405);
    assert_eq!(simulated.server.calls(), 3);
    // A server that knows nothing of pages sends the same one for ever.
    for _ in 0..3 {
        simulated.server.fail_next(page(0, 200));
    }
    assert_eq!(simulated.client.projects().await.unwrap().len(), 200);
    assert_eq!(simulated.server.calls(), 5);
}

#[tokio::test]
async fn a_catalogue_is_what_the_team_has_settled() {
    let simulated = Simulated::start().await;
    for project in &simulated.organisation() {
        for team in &project.teams {
            let catalogue = simulated.catalogue(project, team).await.unwrap();
            assert_eq!((catalogue.project, catalogue.team), (project.id.into(), team.id.into()));
            assert_eq!((&*catalogue.project_name, &*catalogue.team_name), (project.name, team.name));
            assert_eq!(catalogue.zone, Tz::America__Los_Angeles);

            let sprints: Vec<_> = catalogue
                .iterations
                .iter()
                .map(|sprint| (sprint.id, &*sprint.name, sprint.paths.clone(), sprint.start, sprint.finish))
                .collect();
            let expected: Vec<_> = project
                .sprints
                .iter()
                .map(|sprint| {
                    let (start, finish) = (Some(sprint.start), Some(sprint.finish));
                    (SprintId::from(sprint.id), &*sprint.name, vec![sprint.path.clone()], start, finish)
                })
                .collect();
            assert_eq!(sprints, expected, "no date slips, though the zone lies west of UTC");

            let [area] = catalogue.areas.as_slice() else { panic!("{:?}", catalogue.areas) };
            assert_eq!(area.id, Some(AreaId::from(team.area_id)));
            assert_eq!((&area.paths, area.include_children), (&vec![team.area_path.clone()], true));

            let states: BTreeMap<_, _> = project
                .process
                .types
                .iter()
                .map(|of| {
                    let states = of.states.iter().map(|state| (state.name.into(), state.category));
                    (of.name.into(), states.collect::<BTreeMap<_, _>>())
                })
                .collect();
            assert_eq!(catalogue.states, states);
            assert_eq!(catalogue.effort_field.as_deref(), Some(project.process.effort_field));
            assert_eq!(catalogue.order_field.as_deref(), Some(project.process.order_field));
            assert_eq!(catalogue.weekdays.len(), 5);
        }
    }
}

#[tokio::test]
async fn bugs_are_where_the_process_puts_them() {
    use boardcast::domain::sprint::catalogue::BacklogLevel::{Requirement, Task};
    let simulated = Simulated::start().await;
    let [scrum, agile] = simulated.organisation().try_into().unwrap();
    for (project, story, behaviour, bugs) in [
        (scrum, "Product Backlog Item", BugsBehaviour::AsRequirements, Requirement),
        (agile, "User Story", BugsBehaviour::AsTasks, Task),
    ] {
        let catalogue = simulated.catalogue(&project, &project.teams[0]).await.unwrap();
        assert_eq!(catalogue.bugs_behaviour, behaviour);
        assert_eq!(catalogue.bug_types, BTreeSet::from(["Bug".into()]));
        assert_eq!(catalogue.level_of("Bug"), Some(bugs));
        assert_eq!((catalogue.level_of(story), catalogue.level_of("Task")), (Some(Requirement), Some(Task)));
        assert_eq!((catalogue.level_of("Epic"), catalogue.level_of("Feature")), (None, None));
    }
}

#[tokio::test]
async fn capacities_and_days_off_are_those_of_the_sprint_under_way_and_the_next() {
    let simulated = Simulated::start().await;
    for project in &simulated.organisation() {
        for team in &project.teams {
            let catalogue = simulated.catalogue(project, team).await.unwrap();
            let near = sprints_near(project);
            assert_eq!(catalogue.current_sprint(NOW).unwrap().id, near[0].id.into());
            let days_off = near.map(|sprint| later(sprint.start, team.day_off));
            assert_eq!(catalogue.days_off, BTreeSet::from(days_off));
            let capacities = near.map(|sprint| {
                let member = |who: &boardcast::demo::simulation::organisation::Person| Member {
                    id: Some(who.id.to_string().into()),
                    name: who.name.into(),
                    activities: vec![who.activity.into()],
                    per_day: Hundredths::from_units(who.capacity_per_day).unwrap(),
                    days_off: who.day_off.map(|day| later(sprint.start, day)).into_iter().collect(),
                };
                (SprintId::from(sprint.id), team.members.iter().map(member).collect::<Vec<_>>())
            });
            assert_eq!(catalogue.capacities, BTreeMap::from(capacities));
        }
    }
}

#[tokio::test]
async fn what_a_type_says_of_its_states_wins_over_the_map() {
    let simulated = Simulated::start().await;
    let project = &simulated.organisation()[0];
    let states = json!({ "value": [
        { "name": "Committed", "category": "Resolved" },
        { "name": "Gone", "category": "Removed" },
        { "name": "Odd", "category": "Unheard" },
    ] });
    let types = json!({ "value": [{ "name": "Bug" }, { "name": "Task", "states": [{ "name": "To Do", "category": "Resolved" }] }] });
    simulated.server.fail_next_on("GET wit/workitemtypes", SimulatedFailure::Instead(answer(200, types)));
    let route = "GET wit/workitemtypes/Bug/states";
    simulated.server.fail_next_on(route, SimulatedFailure::Instead(answer(200, states)));
    let catalogue = simulated.catalogue(project, &project.teams[0]).await.unwrap();
    let of_bugs = |state: &str| catalogue.known_category("Bug", state);
    assert_eq!(of_bugs("Committed"), Some(StateCategory::Resolved));
    assert_eq!(of_bugs("Gone"), Some(StateCategory::Removed));
    assert_eq!(of_bugs("Done"), Some(StateCategory::Completed), "the map still says this one");
    assert_eq!(of_bugs("Odd"), None);
    assert_eq!(catalogue.known_category("Task", "To Do"), Some(StateCategory::Resolved));
    let asked = |of: &str| simulated.calls_on(&format!("GET wit/workitemtypes/{of}/states"));
    assert_eq!((asked("Bug"), asked("Product%20Backlog%20Item"), asked("Task")), (1, 1, 0));
}

#[tokio::test]
async fn what_may_be_missing_is_missing_and_no_failure() {
    let simulated = Simulated::start().await;
    let [scrum, agile] = simulated.organisation().try_into().unwrap();
    let server = &simulated.server;
    server.fail_next_on("GET wit/workitemtypes", complaint(404, "", "there is no such list"));
    server.fail_next_on(
        "GET wit/workitemtypes/Task/states",
        complaint(404, "WorkItemTypeNotFoundException", "VS402323: no such type"),
    );
    server.fail_next_on(
        "GET wit/workitemtypecategories",
        SimulatedFailure::Instead(answer(200, json!({ "count": 0, "value": [] }))),
    );
    server.fail_next_on("GET wit/classificationnodes/areas", complaint(403, "AccessDenied", "VS403: no"));
    let catalogue = simulated.catalogue(&scrum, &scrum.teams[0]).await.unwrap();
    assert_eq!(catalogue.known_category("Task", "To Do"), Some(StateCategory::Proposed), "the map says it");
    assert_eq!(catalogue.bug_types, BTreeSet::new());
    assert_eq!(catalogue.areas[0].id, None);
    assert_eq!(catalogue.areas[0].paths, [scrum.teams[0].area_path.clone()]);

    // A team without a sprint under way is told by 404 what another is told by an empty list.
    server.fail_next_on(
        "GET work/teamsettings/iterations",
        complaint(404, "CurrentIterationDoesNotExistException", "There is no current iteration."),
    );
    assert_eq!(simulated.catalogue(&agile, &agile.teams[0]).await.unwrap().iterations, []);
    server.model().lock().unwrap().organisation.projects[1].teams[0].sprints.clear();
    let catalogue = simulated.catalogue(&agile, &agile.teams[0]).await.unwrap();
    assert_eq!((catalogue.iterations, catalogue.capacities), (Vec::new(), BTreeMap::new()));
}

#[tokio::test]
async fn a_project_team_or_sprint_that_is_not_there_is_gone() {
    let simulated = Simulated::start().await;
    let [project, other] = simulated.organisation().try_into().unwrap();
    let nowhere = ProjectId::parse("99999999-0000-4000-8000-000000000001").unwrap();
    let no_project = ProjectRef { id: nowhere, name: "Nowhere".into() };
    let team = team_ref(&project.teams[0]);
    let client = &simulated.client;
    let error = catalogue(client, &no_project, &team, Tz::UTC, NOW).await.unwrap_err();
    assert_eq!((error.failure, error.status), (Failure::Gone, Some(404)));
    let error = client.teams(nowhere).await.unwrap_err();
    assert_eq!((error.failure, error.call), (Failure::Gone, "_apis/projects/*/teams"));
    let error = catalogue(client, &project_ref(&other), &team, Tz::UTC, NOW).await.unwrap_err();
    assert_eq!(error.failure, Failure::Gone);
    let sprint = other.sprints[0].id.into();
    let error = client.sprint_items(project.id.into(), team.id, sprint).await.unwrap_err();
    assert_eq!(error.failure, Failure::Gone);
    assert!(error.message.contains("is not one of the team's"), "{error}");
}

/// The numbers of the items on a sprint's backlog, with the parents of its tasks, by the model.
fn on_backlog(model: &Model, team: &Team, sprint: &Sprint) -> BTreeSet<WorkItemId> {
    let mut found = BTreeSet::new();
    for (number, of) in model.items() {
        let (newest, ours) = (of.newest(), model.home(of).is_some_and(|(_, home)| home.id == team.id));
        if ours && !newest.deleted && newest.content.iteration_path == sprint.path {
            found.insert(item(*number));
            let is_task = of.item_type.name == "Task";
            found.extend(newest.content.parent.filter(|_| is_task).map(item));
        }
    }
    found
}

#[tokio::test]
async fn the_items_of_a_sprint_have_every_revision_that_the_model_has() {
    let simulated = Simulated::start().await;
    let model = simulated.server.model();
    for _ in 0..150 {
        let mut model = model.lock().unwrap();
        let due = model.due();
        model.step(due);
    }
    let project = simulated.organisation().remove(0);
    let (team, sprint) = (&project.teams[0], sprints_near(&project)[0]);
    let ids =
        simulated.client.sprint_items(project.id.into(), team.id.into(), sprint.id.into()).await.unwrap();
    assert_eq!(ids, on_backlog(&model.lock().unwrap(), team, sprint).into_iter().collect::<Vec<_>>());
    assert!(ids.len() > 10, "{ids:?}");
    for id in ids {
        let found = simulated.client.revisions(project.id.into(), &[], id).await.unwrap().unwrap();
        let model = model.lock().unwrap();
        let of = model.item(id.number()).unwrap();
        assert_eq!((found.id, found.history()), (id, History::Complete));
        assert_eq!(found.revisions().count(), of.revisions().count());
        for ((rev, claim), expected) in found.revisions().zip(of.revisions()) {
            let content = &expected.content;
            assert_eq!((rev, claim.changed_at), (expected.rev, expected.changed_at));
            assert_eq!(claim.claimed_at, expected.changed_at.into());
            let facts = &claim.facts;
            assert_eq!(facts.project, project.id.into());
            assert_eq!((&*facts.work_item_type, &*facts.state), (of.item_type.name, content.state.name));
            assert_eq!((&facts.iteration_path, &facts.area_path), (&content.iteration_path, &team.area_path));
            assert_eq!((facts.blocked, facts.deleted), (content.blocked, expected.deleted));
            let effort = facts.effort.get(project.process.effort_field).copied();
            assert_eq!(effort, content.effort.and_then(Hundredths::from_units));
            assert_eq!(facts.remaining_work, content.remaining_work.and_then(Hundredths::from_units));
            let by = claim.changed_by.as_ref().unwrap();
            let who = team.person(expected.changed_by).unwrap();
            assert_eq!((&*by.name, by.id.as_deref()), (who.name, Some(&*who.id.to_string())));
        }
        let (details, newest) = (found.present().details, of.newest());
        assert_eq!(details.title, newest.content.title);
        assert_eq!(details.parent, newest.content.parent.map(item));
        assert_eq!(found.present().rank_by(project.process.order_field), Rank::new(newest.content.rank));
        let page = format!("{}/Fabrikam%20Fiber/_workitems/edit/{id}", simulated.server.base_url());
        assert_eq!(details.url.as_deref(), Some(&*page));
    }
}

/// The hook that told of the newest revision of an item.
fn hook_of(model: &MutexGuard<'_, Model>, id: u32) -> Value {
    let newest = model.item(id).unwrap().newest();
    let change = SimulatedChange { item: id, rev: newest.rev, event: newest.event, notification: 1 };
    hooks::payload(model, change).unwrap()
}

#[tokio::test]
async fn a_hook_and_a_fetch_of_one_revision_agree_on_its_facts() {
    let simulated = Simulated::start().await;
    let model = simulated.server.model();
    let mut changed = BTreeSet::new();
    for _ in 0..200 {
        let mut model = model.lock().unwrap();
        let due = model.due();
        changed.extend(model.step(due).map(|change| change.item));
    }
    let known = simulated.client.projects().await.unwrap();
    let events: BTreeSet<Event> =
        changed.iter().map(|id| model.lock().unwrap().item(*id).unwrap().newest().event).collect();
    assert!(events.len() >= 3, "{events:?}");
    for id in changed {
        let payload = hook_of(&model.lock().unwrap(), id);
        let hook::Content::Observation(heard) =
            hook::parse(payload.to_string().as_bytes(), None, &KeptTags::default()).content
        else {
            panic!("{payload}")
        };
        // The project is looked up by its name, so whose item it is taken to be does not matter.
        let fetched = simulated.client.revisions(known[1].id, &known, item(id)).await.unwrap().unwrap();
        assert_eq!(fetched.present().rev, heard.present().rev);
        assert_eq!(fetched.present().claim.facts, heard.present().claim.facts);
        let merged = heard.merge(&fetched);
        assert_eq!(merged, fetched.merge(&heard));
        assert_eq!(merged.present().claim, heard.present().claim, "a hook is dated later than its revision");
        assert_eq!(merged.history(), History::Complete);
    }
}

#[tokio::test]
async fn a_long_life_is_fetched_page_by_page() {
    let simulated = Simulated::start().await;
    let model = simulated.server.model();
    let id = *model.lock().unwrap().items().keys().next().unwrap();
    let revisions = |model: &Model| model.item(id).unwrap().newest().rev;
    let missing = 650 - revisions(&model.lock().unwrap());
    for number in 0..missing {
        let mut model = model.lock().unwrap();
        model.change(id, Event::Updated, NOW, 0, |content| content.title = format!("{number}").into());
    }
    let project = simulated.organisation()[0].id.into();
    let found = simulated.client.revisions(project, &[], item(id)).await.unwrap().unwrap();
    assert_eq!(found.present().rev, 650);
    assert_eq!(found.revisions().count(), REVISIONS_MAX as usize);
    assert_eq!(simulated.calls_on("GET wit/workitems/*/revisions"), 4);
}

#[tokio::test]
async fn an_item_that_is_not_there_is_none_and_a_wrong_address_is_gone() {
    let simulated = Simulated::start().await;
    let project = simulated.organisation()[0].id.into();
    assert_eq!(simulated.client.revisions(project, &[], item(4_000_000)).await.unwrap(), None);
    simulated
        .server
        .fail_next(SimulatedFailure::Instead(answer(404, json!("<html>no such organisation</html>"))));
    let error = simulated.client.revisions(project, &[], item(1)).await.unwrap_err();
    assert_eq!(error.failure, Failure::Gone);
    simulated
        .server
        .fail_next(SimulatedFailure::Instead(answer(200, json!({ "value": [{ "id": 1, "rev": 1 }] }))));
    let error = simulated.client.revisions(project, &[], item(1)).await.unwrap_err();
    assert_eq!(error.failure, Failure::Unreadable);
}

#[tokio::test]
async fn heads_come_in_batches_of_two_hundred_and_leave_out_what_is_not_there() {
    let simulated = Simulated::start().await;
    let model = simulated.server.model();
    let (mut expected, deleted): (BTreeMap<u32, u32>, u32) = {
        let mut model = model.lock().unwrap();
        let deleted = *model.items().keys().nth(3).unwrap();
        model.change(deleted, Event::Deleted, NOW, 0, |_| {});
        (model.items().iter().map(|(id, of)| (*id, of.newest().rev)).collect(), deleted)
    };
    let mut asked: Vec<WorkItemId> = expected.keys().copied().map(item).collect();
    asked.push(item(4_000_000));
    expected.remove(&deleted);
    assert!(asked.len() > 401, "{}", asked.len());
    let heads = simulated.client.heads(&asked).await.unwrap();
    assert_eq!(heads.len(), expected.len());
    assert_eq!(
        heads.into_iter().map(|head| (head.id.number(), head.revision.rev)).collect::<BTreeMap<_, _>>(),
        expected
    );
    let batches = asked.len().div_ceil(200) as u64;
    assert_eq!(simulated.calls_on("POST wit/workitemsbatch"), batches);
    assert_eq!(simulated.client.heads(&[]).await.unwrap(), []);
    assert_eq!(simulated.server.calls(), batches, "nothing is asked about nothing");
}

#[tokio::test]
async fn f10_each_failure_is_told_apart() {
    let throttled = Failure::Throttled { retry_after_ms: Some(7_000) };
    let redirected = |status: u16, to: &str| {
        let mut answer = answer(status, json!("<html>Object moved</html>"));
        answer.headers.push(("location", to.to_owned()));
        SimulatedFailure::Instead(answer)
    };
    let page = "<html>an intranet's front page</html>";
    for (planned, failure, status, said) in [
        (SimulatedFailure::TooManyRequests(7), throttled, 429, "TF400733"),
        (SimulatedFailure::Unavailable, Failure::Server, 503, "The service is unavailable."),
        (SimulatedFailure::SignIn, Failure::Unauthorised, 203, "a page, not JSON"),
        (redirected(302, "/_signin?realm=secret"), Failure::Unauthorised, 302, "redirected to /_signin"),
        (redirected(301, "https://dev.azure.com/new"), Failure::Gone, 301, "https://dev.azure.com/new"),
        (complaint(401, "", "TF400813: The user is not authorized."), Failure::Unauthorised, 401, "TF400813"),
        (complaint(403, "AccessDenied", "VS403: no"), Failure::Forbidden, 403, "VS403: no"),
        (complaint(400, "", "VS402881: bad"), Failure::Unreadable, 400, "VS402881"),
        (SimulatedFailure::Instead(answer(200, json!(page))), Failure::Unreadable, 200, "a page, not JSON"),
        (
            SimulatedFailure::Instead(answer(200, json!({ "no": "list" }))),
            Failure::Unreadable,
            200,
            "missing field",
        ),
    ] {
        let simulated = Simulated::start().await;
        simulated.server.fail_next(planned);
        let error = simulated.client.projects().await.unwrap_err();
        assert_eq!((error.failure, error.status), (failure, Some(status)), "{error}");
        assert!(error.message.contains(said), "{error}");
        assert!(!error.message.contains("secret"), "{error}");
        let text = error.to_string();
        let parts = ["_apis/projects", failure.as_str(), &status.to_string(), said, "; "];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        assert_eq!(simulated.server.calls(), 1, "no detour is followed and nothing is asked twice: {text}");
    }
}

#[tokio::test]
async fn f10_whatever_answers_instead_is_a_failure_and_no_panic() {
    // It would be a list of no projects, were it shorter.
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n{:2000}", r#"{"value":[]}"#);
    let endless = "x".repeat(2_000_000);
    for (bytes, failure) in [
        ("", Failure::TimedOut),
        ("SSH-2.0-OpenSSH_9.2\r\n", Failure::Unreadable),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Failure::TimedOut),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{", Failure::Unreadable),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Failure::Unreadable),
        ("HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n", Failure::Unreadable),
        ("HTTP/1.1 200 OK\r\nContent-Type: \u{fc}\r\nContent-Length: 2\r\n\r\n[]", Failure::Unreadable),
        (&*long, Failure::Unreadable),
        (&*format!("HTTP/1.1 500 \r\n\r\n{endless}"), Failure::Server),
    ] {
        let raw = Raw::start(bytes.as_bytes()).await;
        let error = raw.client().projects().await.unwrap_err();
        assert_eq!(error.failure, failure, "{bytes:.60}: {error}");
        assert!(!error.message.contains(&raw.organisation), "{error}");
    }
}

#[tokio::test]
async fn an_organisation_that_cannot_be_reached_is_timed_out_until_it_can() {
    let mut simulated = Simulated::start().await;
    assert_eq!(simulated.client.projects().await.unwrap().len(), 2);
    simulated.server.close().await;
    let error = simulated.client.projects().await.unwrap_err();
    assert_eq!((error.failure, error.status), (Failure::TimedOut, None));
    assert!(error.message.contains("refused"), "{error}");
    simulated.server.reopen().await.unwrap();
    assert_eq!(simulated.client.projects().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_answer_may_not_take_longer_than_the_deadline() {
    let simulated = Simulated::with(|settings| settings.deadline = Duration::from_millis(100)).await;
    let slow = Duration::from_secs(60);
    simulated.server.fail_next(SimulatedFailure::Slow(slow));
    let began = Instant::now();
    let error = simulated.client.projects().await.unwrap_err();
    assert!(began.elapsed() < slow, "{:?}", began.elapsed());
    assert_eq!((error.failure, error.status), (Failure::TimedOut, None));
    assert_eq!(error.message, "no response within 100 ms");
}

#[tokio::test]
async fn after_a_late_answer_calls_are_held_back_for_as_long_as_it_asks() {
    let simulated = Simulated::start().await;
    simulated.server.fail_next(SimulatedFailure::Slow(Duration::from_millis(20)));
    let began = Instant::now();
    assert_eq!(simulated.client.projects().await.unwrap().len(), 2, "the answer is right, only late");
    let project = simulated.organisation()[0].id.into();
    assert_eq!(simulated.client.teams(project).await.unwrap().len(), 2);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_refusal_to_be_asked_more_holds_calls_back_too_but_never_for_longer_than_the_most() {
    // What it asks for is longer than a window of five minutes in no case.
    assert!(ClientSettings::new("https://dev.azure.com/x").pause_max > Duration::from_mins(5));
    let most = Duration::from_millis(700);
    let simulated = Simulated::with(|settings| settings.pause_max = most).await;
    simulated.server.fail_next(SimulatedFailure::TooManyRequests(4_000));
    let began = Instant::now();
    let error = simulated.client.projects().await.unwrap_err();
    assert_eq!(error.failure, Failure::Throttled { retry_after_ms: Some(4_000_000) });
    let next = tokio::time::timeout(Duration::from_secs(60), simulated.client.projects()).await;
    assert_eq!(next.expect("it is asked again long before 4,000 s").unwrap().len(), 2);
    assert!(began.elapsed() >= most, "{:?}", began.elapsed());
}

#[tokio::test]
async fn only_a_few_calls_are_under_way_at_once_and_to_queue_counts_against_no_deadline() {
    let simulated = Simulated::with(|settings| {
        settings.parallel_max = 2;
        settings.deadline = Duration::from_millis(2_500);
        settings.pause_max = Duration::ZERO;
    })
    .await;
    for _ in 0..8 {
        simulated.server.fail_next(SimulatedFailure::Slow(Duration::from_millis(750)));
    }
    let began = Instant::now();
    let calls = (0..8).map(|_| simulated.client.projects());
    for answered in futures_util::future::join_all(calls).await {
        assert_eq!(answered.unwrap().len(), 2);
    }
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_token_is_sent_and_never_told() {
    use base64::Engine as _;
    let encoded = base64::prelude::BASE64_STANDARD.encode(format!(":{TOKEN}"));
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _kept = tracing::subscriber::set_default(subscriber);
    let said = format!(r#"{{"message":"I was sent Basic {encoded}, which is {TOKEN}."}}"#);
    let raw =
        Raw::start(format!("HTTP/1.1 401 \r\nContent-Length: {}\r\n\r\n{said}", said.len()).as_bytes()).await;
    let client = raw.client();
    let error = client.projects().await.unwrap_err();
    let asked = raw.asked();
    let headers = [
        format!("authorization: basic {}", encoded.to_ascii_lowercase()),
        format!("user-agent: boardcast/{}", env!("CARGO_PKG_VERSION")),
        "accept: application/json".into(),
        "x-tfs-fedauthredirect: suppress".into(),
        "get /northwind/_apis/projects?".into(),
        "&api-version=7.1 ".into(),
    ];
    assert!(headers.iter().all(|header| asked.contains(header)), "{asked}");
    assert!(error.message.contains("I was sent Basic [redacted]"), "{error}");

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("asked Azure DevOps"), "{log}");
    for told in [format!("{error}"), format!("{error:?}"), log] {
        assert!(!told.contains(TOKEN) && !told.contains(&encoded), "{told}");
    }
}

/// An answer of the shape that is published, members that nobody here reads included.
fn published(name: &str) -> SimulatedFailure {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/rest/{name}.json"));
    let text = std::fs::read_to_string(file).unwrap();
    SimulatedFailure::Instead(answer(200, serde_json::from_str(&text).unwrap()))
}

#[tokio::test]
async fn the_published_lists_are_understood() {
    let simulated = Simulated::start().await;
    simulated.server.fail_next(published("projects"));
    let projects = simulated.client.projects().await.unwrap();
    let names: Vec<&str> = projects.iter().map(|project| &*project.name).collect();
    assert_eq!(names, ["Northwind-Shop", "Northwind-Stock", "Attic"]);
    let id = projects[0].id;
    simulated.server.fail_next(published("teams"));
    let teams = simulated.client.teams(id).await.unwrap();
    assert_eq!(&*teams[1].name, "Northwind-Shop Team");
    simulated.server.fail_next(published("iteration-work-items"));
    let sprint = SprintId::parse("e4f5a6b7-c8d9-4e0f-8a1b-2c3d4e5f6a01").unwrap();
    let ids = simulated.client.sprint_items(id, teams[1].id, sprint).await.unwrap();
    assert_eq!(ids, [item(61), item(64)]);
    simulated.server.fail_next(published("work-items-batch"));
    let heads = simulated.client.heads(&[item(61), item(64), item(65)]).await.unwrap();
    let revs: Vec<_> = heads.iter().map(|head| (head.id, head.revision.rev)).collect();
    assert_eq!(revs, [(item(61), 2), (item(64), 5), (item(65), 1)]);
    simulated.server.fail_next(published("work-item-revisions"));
    let found = simulated.client.revisions(id, &projects, item(61)).await.unwrap().unwrap();
    assert_eq!(found.revisions().map(|(rev, _)| rev).collect::<Vec<_>>(), [2, 3]);
    let (claim, history) = (found.present().claim, found.history());
    // The name that the project had then is nobody's by now.
    assert_eq!((&*claim.facts.state, claim.facts.project, history), ("Active", id, History::Partial));
}

#[tokio::test]
async fn the_published_settings_of_a_team_are_understood() {
    let simulated = Simulated::start().await;
    for (route, name) in [
        ("work/teamsettings/iterations", "team-iterations"),
        ("work/teamsettings/teamfieldvalues", "team-areas"),
        ("work/teamsettings", "team-settings"),
        ("work/backlogconfiguration", "backlogs"),
        ("wit/classificationnodes/areas", "area-tree"),
        ("wit/workitemtypecategories", "type-categories"),
        ("wit/workitemtypes", "types"),
        ("wit/workitemtypes/Bug/states", "bug-states"),
    ] {
        simulated.server.fail_next_on(&format!("GET {route}"), published(name));
    }
    let project = &simulated.organisation()[1];
    let catalogue = simulated.catalogue(project, &project.teams[0]).await.unwrap();
    let [sprint] = catalogue.iterations.as_slice() else { panic!("{:?}", catalogue.iterations) };
    assert_eq!((&*sprint.name, sprint.start), ("Sprint 9", None));
    assert_eq!(catalogue.areas.len(), 3);
    assert_eq!(catalogue.requirement_types, BTreeSet::from(["Complaint".into(), "User Story".into()]));
    assert_eq!(catalogue.bug_types, BTreeSet::from(["Bug".into()]));
    assert_eq!(catalogue.weekdays.len(), 4);
    assert_eq!(catalogue.known_category("Bug", "In the workshop"), Some(StateCategory::InProgress));
    let of_stories = |state: &str| catalogue.known_category("User Story", state);
    assert_eq!(of_stories("In the workshop"), Some(StateCategory::InProgress));
    assert_eq!(of_stories("Melted down"), Some(StateCategory::Removed));
    assert_eq!(catalogue.types_without_effort, BTreeSet::from(["Bug".into(), "Task".into()]));
    assert!(catalogue.states.contains_key("Complaint"), "of a type that is switched off the map still tells");
}

#[tokio::test]
async fn the_published_capacities_are_understood() {
    let simulated = Simulated::start().await;
    let project = &simulated.organisation()[1];
    let capacities = published("iteration-capacities");
    simulated.server.fail_next_on("GET work/teamsettings/iterations/*/capacities", capacities);
    let days_off = published("team-days-off");
    simulated.server.fail_next_on("GET work/teamsettings/iterations/*/teamdaysoff", days_off);
    let mut iterations = json!({ "value": [{
        "id": project.sprints[0].id, "name": "Sprint 9", "path": "Northwind-Shop\\Sprint 9",
        "attributes": { "startDate": "2020-02-03T00:00:00Z", "finishDate": "2020-02-21T00:00:00Z" },
    }] });
    iterations["count"] = json!(1);
    simulated
        .server
        .fail_next_on("GET work/teamsettings/iterations", SimulatedFailure::Instead(answer(200, iterations)));
    let at = Timestamp::parse("2020-02-10T12:00:00Z").unwrap();
    let team = team_ref(&project.teams[0]);
    let catalogue = catalogue(&simulated.client, &project_ref(project), &team, Tz::UTC, at).await.unwrap();
    let day = |day| CivilDate::from_ymd_opt(2020, 2, day).unwrap();
    assert_eq!(catalogue.days_off, BTreeSet::from([day(13), day(14)]));
    let [member] = catalogue.capacities[&project.sprints[0].id.into()].as_slice() else { panic!() };
    assert_eq!((&*member.name, member.per_day), ("Nancy Davolio", Hundredths::from_units(5.5).unwrap()));
    assert_eq!(catalogue.team, TeamId::from(project.teams[0].id));
}

#[tokio::test]
async fn w19_fault_a4_an_answer_in_which_something_is_no_text_is_read() {
    let body = b"{\"value\":[{\"id\":\"be9b3917-87e6-42a4-a549-2bc06a7a878f\",\"name\":\"caf\xe9 \\ud83d\",\"x\":1e999}]}";
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let raw = Raw::start(&[head.as_bytes(), body].concat()).await;
    let projects = raw.client().projects().await.unwrap();
    assert_eq!((projects.len(), &*projects[0].name), (1, "caf\u{fffd} \u{fffd}"));
}

#[tokio::test]
async fn f18_fault_f4_a_server_is_asked_with_the_version_that_it_names() {
    for (version, previews) in
        [("7.0", &[][..]), ("6.0", &["/states", "/workitems"][..]), ("5.0", &["/states", "/workitems"][..])]
    {
        let simulated = Simulated::start().await;
        let project = simulated.organisation().remove(0);
        let (team, sprint) = (&project.teams[0], sprints_near(&project)[0]);
        let expected = simulated.catalogue(&project, team).await.unwrap();
        simulated.server.know_only(version, previews);
        let client = RestClient::new(&ClientSettings::new(simulated.server.base_url())).unwrap();
        let projects = client.projects().await.unwrap();
        assert_eq!(
            simulated.calls_on("GET projects"),
            2,
            "{version}: it is asked once more, with what it names"
        );
        let found = catalogue(&client, &projects[0], &team_ref(team), expected.zone, NOW).await.unwrap();
        assert_eq!(found, expected, "{version}");
        let items = client.sprint_items(projects[0].id, team.id.into(), sprint.id.into()).await.unwrap();
        assert!(!client.heads(&items).await.unwrap().is_empty());
        assert!(client.revisions(projects[0].id, &[], items[0]).await.unwrap().is_some());
        let before = simulated.server.calls();
        client.sprint_items(projects[0].id, team.id.into(), sprint.id.into()).await.unwrap();
        assert_eq!(simulated.server.calls(), before + 1, "{version}: it is remembered");
    }
}

#[tokio::test]
async fn f18_fault_f4_a_server_that_is_too_old_is_told_with_what_is_supported() {
    let simulated = Simulated::start().await;
    simulated.server.know_only("4.1", &[]);
    let error = simulated.client.projects().await.unwrap_err();
    assert_eq!((error.failure, simulated.server.calls()), (Failure::Unsupported, 1));
    let text = error.to_string();
    assert!(text.contains("supports is 4.1.") && text.contains("Server 2019, 2020 or 2022"), "{text}");
    assert!(!text.contains("report"), "{text}");
}
