//! What people do to work items, one deed after the other, each at a moment of its own.

use boardcast::demo::simulation::hooks;
use boardcast::demo::simulation::item::{Event, ItemContent, Revision};
use boardcast::demo::simulation::model::{Draft, Model, SimulatedChange};
use boardcast::demo::simulation::process::{ItemRank, ItemType};
use boardcast::domain::scope::Text;
use boardcast::domain::sprint::catalogue::StateCategory;
use serde_json::Value;

/// What bugs bear that were found after a release.
pub const ESCAPED: &str = "Found by a customer";

/// By what an item is blocked, beside the tag that everybody has for it.
pub const WAITING: &str = "Waiting";

const ESTIMATES: [f64; 8] = [0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0];

pub struct People<'a> {
    pub model: &'a mut Model,
    pub rng: &'a mut fastrand::Rng,
}

type Home = (usize, usize);

impl People<'_> {
    /// Somebody does something; returns the hook that tells of it.
    pub fn act(&mut self) -> Option<Value> {
        let homes = self.model.organisation.projects.iter().enumerate();
        let homes = homes.flat_map(|(at, project)| (0..project.teams.len()).map(move |team| (at, team)));
        let home = self.rng.choice(homes.collect::<Vec<_>>())?;
        let change = match self.rng.u8(0..100) {
            0..16 => self.create(home),
            16..46 => self.edit(home, Self::advance),
            46..50 => self.edit(home, Self::any_state),
            50..58 => self.edit(home, |of, content| content.effort = of.estimate()),
            58..70 => self.edit(home, Self::move_within),
            70..73 => self.edit(home, |of, content| {
                let teams = of.model.organisation.projects[content.home.0].teams.len();
                content.home.1 = of.rng.usize(0..teams);
            }),
            73..75 => self.edit(home, Self::move_to_project),
            75..78 => self.edit(home, Self::retype),
            78..84 => self.edit(home, |_, content| content.blocked = !content.blocked),
            84..87 => self.edit(home, |of, content| {
                let tag = Text::from(if of.rng.bool() { ESCAPED } else { WAITING });
                if !content.tags.remove(&tag) {
                    content.tags.insert(tag);
                }
            }),
            87..90 => self.put(home, Event::Deleted),
            90..93 => self.put(home, Event::Restored),
            93..97 => self.edit(home, |of, content| {
                content.remaining_work = of.rng.bool().then(|| f64::from(of.rng.u8(0..20)) / 2.0);
            }),
            _ => self.edit(home, |of, content| content.title = format!("Title {}", of.rng.u16(..)).into()),
        };
        hooks::payload(self.model, change?)
    }

    fn person(&mut self) -> usize {
        self.rng.usize(0..4)
    }

    fn estimate(&mut self) -> Option<f64> {
        self.rng.choice(ESTIMATES).filter(|_| self.rng.u8(0..6) > 0)
    }

    /// A sprint of the project, as a rule the one under way, or none.
    fn path(&mut self, project: usize) -> Text {
        let (today, project) = (self.model.today(), &self.model.organisation.projects[project]);
        let begun = project.sprints.iter().rposition(|sprint| sprint.start <= today).unwrap_or(0);
        let last = project.sprints.len() - 1;
        match self.rng.u8(0..10) {
            0 => project.root.clone(),
            1 => project.sprints[begun.saturating_sub(1)].path.clone(),
            2..4 => project.sprints[(begun + 1).min(last)].path.clone(),
            _ => project.sprints[begun].path.clone(),
        }
    }

    fn create(&mut self, home: Home) -> Option<SimulatedChange> {
        let levels =
            [ItemRank::Requirement, ItemRank::Requirement, ItemRank::Bug, ItemRank::Task, ItemRank::Feature];
        let level = self.rng.choice(levels)?;
        let path = self.path(home.0);
        let mut draft = Draft::new(home, level, format!("Item {}", self.rng.u16(..)), path);
        draft.effort = self.estimate().filter(|_| level == ItemRank::Requirement || level == ItemRank::Bug);
        draft.remaining_work = (level == ItemRank::Task).then_some(4.0);
        let (at, by) = (self.model.now(), self.person());
        self.model.create(draft, at, by)
    }

    /// An item of the team: of a sprint near today, or any.
    fn pick(&mut self, home: Home, fits: impl Fn(&Revision) -> bool) -> Option<u32> {
        let (today, project) = (self.model.today(), &self.model.organisation.projects[home.0]);
        let begun = project.sprints.iter().rposition(|sprint| sprint.start <= today).unwrap_or(0);
        let near = &project.sprints[begun.saturating_sub(1)..=begun];
        let of_team = self.model.items.values().map(|item| (item.id, item.newest()));
        let of_team = of_team.filter(|(_, newest)| newest.content.home == home && fits(newest));
        let is_near = |newest: &Revision| near.iter().any(|one| one.path == newest.content.iteration_path);
        let (near, far): (Vec<_>, Vec<_>) = of_team.partition(|(_, newest)| is_near(newest));
        let is_far = self.rng.u8(0..6) == 0;
        self.rng.choice(if is_far || near.is_empty() { far } else { near }).map(|(id, _)| id)
    }

    fn edit(
        &mut self,
        home: Home,
        edit: impl FnOnce(&mut Self, &mut ItemContent),
    ) -> Option<SimulatedChange> {
        let id = self.pick(home, |newest| !newest.deleted)?;
        let before = self.model.item(id)?.newest().content.clone();
        let mut content = before.clone();
        edit(self, &mut content);
        if content == before {
            return None;
        }
        let (at, by) = (self.model.now(), self.person());
        self.model.change(id, Event::Updated, at, by, |held| *held = content)
    }

    fn put(&mut self, home: Home, event: Event) -> Option<SimulatedChange> {
        let id = self.pick(home, |newest| newest.deleted == (event == Event::Restored))?;
        let (at, by) = (self.model.now(), self.person());
        self.model.change(id, event, at, by, |_| {})
    }

    fn advance(&mut self, content: &mut ItemContent) {
        content.state = content.item_type.next_state(content.state.name).unwrap_or(content.state);
    }

    fn any_state(&mut self, content: &mut ItemContent) {
        content.state = self.rng.choice(&content.item_type.states).unwrap();
    }

    fn move_within(&mut self, content: &mut ItemContent) {
        content.iteration_path = self.path(content.home.0);
    }

    fn move_to_project(&mut self, content: &mut ItemContent) {
        let project = self.rng.usize(0..self.model.organisation.projects.len());
        content.home = (project, self.rng.usize(0..self.model.organisation.projects[project].teams.len()));
        content.iteration_path = self.path(project);
        self.give_type(content, content.item_type.level);
    }

    fn retype(&mut self, content: &mut ItemContent) {
        let level =
            self.rng.choice([ItemRank::Requirement, ItemRank::Bug, ItemRank::Task, ItemRank::Feature]);
        self.give_type(content, level.unwrap());
    }

    /// The type of that level, or where there is none that of requirements, and the state of it that means the same.
    fn give_type(&self, content: &mut ItemContent, level: ItemRank) {
        let process = self.model.organisation.projects[content.home.0].process;
        let is_there = |of: &&ItemType| !of.states.is_empty();
        let of_level = Some(process.item_type(level)).filter(is_there);
        let kind = of_level.unwrap_or(process.item_type(ItemRank::Requirement));
        let category: StateCategory = content.state.category;
        content.item_type = kind;
        content.state = kind.state_of(category).unwrap_or(&kind.states[0]);
    }
}
