//! What people do to the organisation in a month: ordinary work, and everything that is rare.

use std::collections::BTreeMap;

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::{Event, ItemContent, Revision};
use boardcast::demo::simulation::model::{Model, SimulatedChange};
use boardcast::demo::simulation::organisation::{Sprint, guid, later};
use boardcast::demo::simulation::process::ItemRank;
use serde_json::{Value, json};

/// What Azure DevOps is about to tell of.
pub struct Hook {
    pub item: u32,
    pub rev: u32,
    pub payload: Value,
}

/// What was done.
pub struct Deed {
    pub what: &'static str,
    pub hook: Option<Hook>,
    /// Whether it made no revision, so that no feed tells of it.
    pub is_unsaid: Option<u32>,
    /// Whether it changed what the lists of teams and sprints say.
    pub is_of_lists: bool,
    /// The paths of areas and iterations that are other ones now.
    pub renamed: BTreeMap<String, String>,
}

impl Deed {
    fn of_lists(what: &'static str, renamed: BTreeMap<String, String>) -> Option<Self> {
        Some(Self { what, hook: None, is_unsaid: None, is_of_lists: true, renamed })
    }
}

/// Sprints follow each other without a gap, and there are enough of them.
pub fn plan_sprints(model: &mut Model) {
    for (number, project) in model.organisation.projects.iter_mut().enumerate() {
        for sprint in &mut project.sprints {
            sprint.finish = later(sprint.start, 13);
        }
        for _ in 0..3 {
            let last = project.sprints.last().unwrap();
            let at = project.sprints.len() as u64;
            let name = format!("Sprint {}", at + 1);
            let start = later(last.start, 14);
            project.sprints.push(Sprint {
                id: guid(number as u64, "later sprint", at),
                path: format!("{}\\{name}", project.name).into(),
                name,
                start,
                finish: later(start, 13),
            });
        }
        let all = (0..project.sprints.len()).collect::<Vec<_>>();
        project.teams.iter_mut().for_each(|team| team.sprints.clone_from(&all));
    }
}

pub struct People<'a> {
    pub model: &'a mut Model,
    pub rng: &'a mut fastrand::Rng,
}

impl People<'_> {
    /// Somebody does something.
    pub fn act(&mut self) -> Option<Deed> {
        match self.rng.u8(0..100) {
            0..45 => self.work(),
            45..57 => self.change("moved to another sprint", |of, content| {
                let project = &of.model.organisation.projects[content.home.0];
                let paths = project.sprints[5..].iter().map(|sprint| sprint.path.clone());
                let paths: Vec<_> = paths.chain([project.root.clone()]).collect();
                content.iteration_path = of.rng.choice(paths).unwrap();
            }),
            57..63 => self.change("moved to another team", |of, content| {
                let teams = of.model.organisation.projects[content.home.0].teams.len();
                content.home.1 = of.rng.usize(0..teams);
            }),
            63..69 => self.change("moved to another project", Self::move_to_project),
            69..75 => self.change("re-typed", |of, content| {
                let levels = [ItemRank::Requirement, ItemRank::Bug, ItemRank::Task];
                let level = of.rng.choice(levels).unwrap();
                of.give_type(content, level);
            }),
            75..80 => {
                let others: Vec<u32> = self.model.items.keys().copied().collect();
                let parent = self.rng.choice(others).filter(|_| self.rng.bool());
                self.change("re-parented", |_, content| content.parent = parent)
            }
            80..86 => self.delete_or_restore(true),
            86..92 => self.delete_or_restore(false),
            92..94 => self.rename_sprint(),
            94..96 => self.rename_team(),
            96..97 => self.rename_project(),
            _ => self.edit_dates(),
        }
    }

    fn work(&mut self) -> Option<Deed> {
        let change = self.model.step(self.model.now())?;
        Some(self.deed("worked", change))
    }

    fn deed(&self, what: &'static str, change: SimulatedChange) -> Deed {
        let payload = hooks::payload(self.model, change).unwrap();
        let hook = Some(Hook { item: change.item, rev: change.rev, payload });
        Deed { what, hook, is_unsaid: None, is_of_lists: false, renamed: BTreeMap::new() }
    }

    /// An item that is, or was a while ago, on a board; or any.
    fn pick(&mut self, is_it: impl Fn(&Revision) -> bool) -> Option<u32> {
        let items = self.model.items.values().filter(|item| is_it(item.newest()));
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for item in items {
            let project = &self.model.organisation.projects[item.project];
            let is_near =
                project.sprints[6..].iter().any(|of| of.path == item.newest().content.iteration_path);
            if is_near { near.push(item.id) } else { far.push(item.id) }
        }
        let is_far = self.rng.u8(0..5) == 0;
        self.rng.choice(if is_far || near.is_empty() { far } else { near })
    }

    fn change(&mut self, what: &'static str, edit: impl FnOnce(&mut Self, &mut ItemContent)) -> Option<Deed> {
        let id = self.pick(|newest| !newest.deleted)?;
        let mut content = self.model.item(id)?.newest().content.clone();
        edit(self, &mut content);
        let at = self.model.now();
        let change = self.model.change(id, Event::Updated, at, 0, |held| *held = content)?;
        Some(self.deed(what, change))
    }

    fn move_to_project(&mut self, content: &mut ItemContent) {
        let level = content.item_type.level;
        content.home = (1 - content.home.0, 0);
        let project = &self.model.organisation.projects[content.home.0];
        let paths = project.sprints[6..].iter().map(|sprint| sprint.path.clone());
        let paths: Vec<_> = paths.chain([project.root.clone()]).collect();
        content.iteration_path = self.rng.choice(paths).unwrap();
        self.give_type(content, level);
    }

    /// The type of that level, and the state of it that means the same.
    fn give_type(&self, content: &mut ItemContent, level: ItemRank) {
        let kind = self.model.organisation.projects[content.home.0].process.item_type(level);
        let category = content.state.category;
        content.item_type = kind;
        content.state = kind.state_of(category).unwrap_or(&kind.states[0]);
    }

    fn delete_or_restore(&mut self, makes_revision: bool) -> Option<Deed> {
        let deletes = self.rng.bool();
        let id = self.pick(|newest| newest.deleted != deletes)?;
        let event = if deletes { Event::Deleted } else { Event::Restored };
        let what = if deletes { "deleted" } else { "restored" };
        if makes_revision {
            let change = self.model.change(id, event, self.model.now(), 0, |_| {})?;
            return Some(self.deed(what, change));
        }
        let item = self.model.items.get_mut(&id)?;
        let newest = item.later.last_mut().unwrap_or(&mut item.first);
        newest.deleted = deletes;
        let change = SimulatedChange { item: id, rev: newest.rev, event, notification: 1 };
        let mut deed = self.deed(what, change);
        // An event is dated by itself, and not by the revision.
        let hook = deed.hook.as_mut()?;
        hook.payload["createdDate"] = json!(self.model.now().to_string());
        Some(Deed { is_unsaid: Some(id), ..deed })
    }

    /// The paths of iterations of that project, as items bear them, are other ones: no revision tells of it.
    fn rewrite_paths(&mut self, project: usize, renamed: &BTreeMap<String, String>) {
        for item in self.model.items.values_mut() {
            for revision in [&mut item.first].into_iter().chain(&mut item.later) {
                let content = &mut revision.content;
                if content.home.0 == project
                    && let Some(path) = renamed.get(&*content.iteration_path)
                {
                    content.iteration_path = path.as_str().into();
                }
            }
        }
    }

    fn rename_sprint(&mut self) -> Option<Deed> {
        let (number, suffix) = (self.rng.usize(0..2), self.rng.u16(..));
        let at = self.rng.usize(6..self.model.organisation.projects[number].sprints.len());
        let project = &mut self.model.organisation.projects[number];
        let sprint = &mut project.sprints[at];
        let before = sprint.path.to_string();
        sprint.name = format!("Sprint {} ({suffix})", at + 1);
        sprint.path = format!("{}\\{}", project.root, sprint.name).into();
        let renamed = [(before, sprint.path.to_string())].into();
        self.rewrite_paths(number, &renamed);
        Deed::of_lists("a sprint was renamed", renamed)
    }

    fn rename_team(&mut self) -> Option<Deed> {
        let suffix = self.rng.u16(..);
        let number = self.rng.usize(0..2);
        let project = &mut self.model.organisation.projects[number];
        let at = self.rng.usize(0..project.teams.len());
        let team = &mut project.teams[at];
        team.name = format!("Team {suffix}").leak();
        let before = team.area_path.to_string();
        team.area_path = format!("{}\\{}", project.name, team.name).into();
        Deed::of_lists("a team was renamed", [(before, team.area_path.to_string())].into())
    }

    fn rename_project(&mut self) -> Option<Deed> {
        let (number, suffix) = (self.rng.usize(0..2), self.rng.u16(..));
        let project = &mut self.model.organisation.projects[number];
        let before = project.root.to_string();
        project.name = format!("Project {suffix}").leak();
        project.root = project.name.into();
        let mut renamed = BTreeMap::from([(before, project.root.to_string())]);
        for sprint in &mut project.sprints {
            let path = format!("{}\\{}", project.name, sprint.name);
            renamed.insert(sprint.path.to_string(), path.clone());
            sprint.path = path.as_str().into();
        }
        for team in &mut project.teams {
            let path = format!("{}\\{}", project.name, team.name);
            renamed.insert(team.area_path.to_string(), path.clone());
            team.area_path = path.into();
        }
        self.rewrite_paths(number, &renamed);
        Deed::of_lists("a project was renamed", renamed)
    }

    /// The sprint after the one under way begins earlier or later by a few days, and so the other one ends.
    fn edit_dates(&mut self) -> Option<Deed> {
        let (number, days) = (self.rng.usize(0..2), self.rng.u64(0..5));
        let today = self.model.today();
        let project = &mut self.model.organisation.projects[number];
        let next = project.sprints.iter().position(|sprint| sprint.start > later(today, 2))?;
        let start = later(project.sprints[next].start, days).pred_opt()?.pred_opt()?;
        if start <= project.sprints[next - 1].start || start > project.sprints[next].finish {
            return None;
        }
        project.sprints[next].start = start;
        project.sprints[next - 1].finish = start.pred_opt()?;
        Deed::of_lists("the dates of a sprint were edited", BTreeMap::new())
    }
}
