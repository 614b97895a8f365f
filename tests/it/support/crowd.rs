//! A simulated organisation with as many teams and items as a test wants.

use boardcast::demo::simulation::item::Event;
use boardcast::demo::simulation::model::{Draft, Model};
use boardcast::demo::simulation::organisation::{Project, Sprint, Team, guid};
use boardcast::demo::simulation::process::ItemRank;
use boardcast::domain::sprint::catalogue::StateCategory;

/// How many teams a project has, more or less, where there are enough of them.
const TEAMS_OF_PROJECT: usize = 10;

/// How many items there are for each story among them: the story, and its tasks.
const ITEMS_OF_STORY: usize = 5;

/// Adds teams until there are so many, in several projects, and items until the sprint under way of each team has so
/// many. What is added is dated now: each item is made, moved into the sprint, and begun. Teams that are there already
/// keep their history.
pub fn grow(model: &mut Model, teams: usize, items: usize) {
    add_teams(&mut model.organisation.projects, teams);
    fill_all(model, items);
}

/// The same of an organisation in which nothing has happened yet: each of its teams has six sprints behind it, of so many
/// stories each.
#[allow(dead_code, reason = "only in benches")]
pub fn grow_with_past(model: &mut Model, teams: usize, stories: usize, items: usize) {
    add_teams(&mut model.organisation.projects, teams);
    model.write_past(stories);
    fill_all(model, items);
}

fn fill_all(model: &mut Model, items: usize) {
    let of_project =
        |(index, project): (usize, &Project)| (0..project.teams.len()).map(move |team| (index, team));
    let homes: Vec<_> = model.organisation.projects.iter().enumerate().flat_map(of_project).collect();
    homes.into_iter().for_each(|home| fill(model, home, items));
}

fn add_teams(projects: &mut Vec<Project>, teams: usize) {
    let of_all = |projects: &[Project]| projects.iter().map(|project| project.teams.len()).sum::<usize>();
    while projects.len() < teams / TEAMS_OF_PROJECT {
        let like = &projects[projects.len() % 2];
        let mut project = project_like(like, projects.len() as u64);
        let like = &like.teams[0];
        project.teams.push(team_like(like, &project, 0));
        projects.push(project);
    }
    while of_all(projects) < teams {
        let project = projects.iter_mut().min_by_key(|project| project.teams.len()).unwrap();
        let team = team_like(&project.teams[0], project, project.teams.len());
        project.teams.push(team);
    }
}

fn project_like(like: &Project, number: u64) -> Project {
    let name: &'static str = format!("Project {number}").leak();
    // Apart from the ids of the model's own, which are made from its seed.
    let id = |kind, at: u64| guid(1_000_000 + number, kind, at);
    let sprint = |(at, sprint): (usize, &Sprint)| Sprint {
        id: id("sprint", at as u64),
        path: format!("{name}\\{}", sprint.name).into(),
        ..sprint.clone()
    };
    Project {
        id: id("project", 0),
        name,
        node: 10_000 * (number as u32 + 1),
        area_id: id("areas", 0),
        iteration_id: id("iterations", 0),
        root: name.into(),
        sprints: like.sprints.iter().enumerate().map(sprint).collect(),
        teams: Vec::new(),
        ..like.clone()
    }
}

fn team_like(like: &Team, project: &Project, at: usize) -> Team {
    let name: &'static str = format!("Team {at}").leak();
    let number = u64::from(project.node) + at as u64;
    Team {
        id: guid(number, "team", 0),
        name,
        area_id: guid(number, "area", 0),
        area_node: project.node + 50 + at as u32,
        area_path: format!("{}\\{name}", project.name).into(),
        ..like.clone()
    }
}

fn fill(model: &mut Model, home: (usize, usize), items: usize) {
    let (root, sprint) = {
        let project = &model.organisation.projects[home.0];
        let sprint = project.current_sprint(&project.teams[home.1], model.today()).unwrap();
        (project.root.clone(), sprint.path.clone())
    };
    let now = model.now();
    let is_there = |id: &u32| {
        let item = model.item(*id).unwrap();
        let newest = item.newest();
        (item.project, item.team) == home && newest.content.iteration_path == sprint && !newest.deleted
    };
    let there = model.items().keys().copied().filter(is_there).count();
    let mut story = None;
    for number in there..items {
        let is_story = story.is_none() || number % ITEMS_OF_STORY == 0;
        let level = if is_story { ItemRank::Requirement } else { ItemRank::Task };
        let mut draft = Draft::new(home, level, format!("Item {number}"), root.clone());
        draft.assigned_to = Some(number % 4);
        if is_story {
            draft.effort = Some((number % 8) as f64);
        } else {
            (draft.parent, draft.remaining_work) = (story, Some(4.0));
        }
        let id = model.create(draft, now, number % 4).unwrap().item;
        story = if is_story { Some(id) } else { story };
        model.change(id, Event::Updated, now, 0, |content| content.iteration_path = sprint.clone());
        let begun = model.item(id).unwrap().item_type.state_of(StateCategory::InProgress).unwrap();
        model.change(id, Event::Updated, now, 1, |content| content.state = begun);
    }
}
