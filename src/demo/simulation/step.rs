//! What happens while somebody watches: a change every few seconds, in the sprint under way of one of the teams.

use super::item::{Event, Item, ItemContent};
use super::model::{Draft, Model, RANKS_APART, SimulatedChange};
use super::organisation::{Project, day_of};
use super::process::ItemRank;
use super::titles::{Titles, reworded};
use crate::domain::scope::Text;
use crate::domain::sprint::catalogue::StateCategory;
use crate::domain::time::Timestamp;

/// The estimates that people give.
pub(super) const POINTS: [f64; 6] = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0];

/// How many items a team has in its sprint before it takes no more.
const SPRINT_ITEMS_MAX: usize = 45;
/// How many stories a team has in its sprint before it takes no more: some more than it planned.
const STORIES_MAX: usize = 12;
/// How many items of a sprint may lie in the recycle bin.
const DELETED_MAX: usize = 4;
/// How far a change may lie behind before it is made as of now instead: the machine was asleep.
const BEHIND_MAX_MS: i64 = 60_000;

/// The sprint in which something happens.
struct Scene {
    /// The indices of project and team.
    home: (usize, usize),
    root: Text,
    sprint: Text,
    /// Where work goes that is taken out of the sprint.
    next: Text,
    members: usize,
    titles: &'static Titles,
    /// The items of the sprint that exist.
    present: Vec<u32>,
    /// Those in the recycle bin.
    deleted: Vec<u32>,
    /// Stories of the team that are in no sprint, or in a later one.
    backlog: Vec<u32>,
}

impl Model {
    /// When the next change is due.
    pub const fn due(&self) -> Timestamp {
        self.due
    }

    /// Makes the next change if it is due by `now`, dated when it was due. Call it until it answers `None`.
    pub fn step(&mut self, now: Timestamp) -> Option<SimulatedChange> {
        let due = self.due;
        if now < due {
            return None;
        }
        let at = if now.ms_since(due) > BEHIND_MAX_MS { now } else { due };
        self.due = Timestamp::from_epoch_ms(at.epoch_ms() + self.rng.i64(1_500..5_000));
        let scene = self.scene(at)?;
        self.play(&scene, at)
    }

    fn scene(&mut self, at: Timestamp) -> Option<Scene> {
        let projects = &self.organisation.projects;
        let teams = |(index, of): (usize, &Project)| (0..of.teams.len()).map(move |team| (index, team));
        let homes: Vec<(usize, usize)> = projects.iter().enumerate().flat_map(teams).collect();
        let home = self.rng.choice(homes)?;
        let project = projects.get(home.0)?;
        let team = project.teams.get(home.1)?;
        let sprint = project.current_sprint(team, day_of(at))?;
        let mut scene = Scene {
            home,
            root: project.root.clone(),
            sprint: sprint.path.clone(),
            next: project.sprint_after(&sprint.path).map_or(&project.root, |next| &next.path).clone(),
            members: team.members.len().max(1),
            titles: team.titles,
            present: Vec::new(),
            deleted: Vec::new(),
            backlog: Vec::new(),
        };
        let own = |item: &&Item| (item.project, item.team) == home;
        for item in self.items().values().filter(own) {
            let newest = item.newest();
            let path = &newest.content.iteration_path;
            if *path == scene.sprint {
                if newest.deleted { &mut scene.deleted } else { &mut scene.present }.push(item.id);
            } else if is_open_story(item) && (*path == scene.root || *path == scene.next) {
                scene.backlog.push(item.id);
            }
        }
        Some(scene)
    }

    /// Tries what chance says; where that is impossible, somebody edits a title, or a story is made.
    fn play(&mut self, scene: &Scene, at: Timestamp) -> Option<SimulatedChange> {
        let by = self.rng.usize(0..scene.members);
        let change = match self.rng.u8(0..100) {
            0..30 => self.advance(scene, at, by),
            30..48 => self.burn(scene, at, by),
            48..55 => self.estimate(scene, at, by),
            55..62 => self.reassign(scene, at, by),
            62..67 => self.add_scope(scene, at, by),
            67..71 => self.remove_scope(scene, at, by),
            71..78 => self.make(scene, at, by),
            78..84 => self.reopen(scene, at, by),
            84..91 => self.block(scene, at, by),
            91..93 => self.delete(scene, at, by),
            93..95 => self.restore(scene, at, by),
            95..97 => self.reorder(scene, at, by),
            _ => None,
        };
        if change.is_some() {
            return change;
        }
        self.edit_title(scene, at, by)
            .or_else(|| self.create(self.draft(scene, ItemRank::Requirement, None), at, by))
    }

    /// One of the items that fit.
    fn pick(&mut self, ids: &[u32], fits: impl Fn(&Item) -> bool) -> Option<u32> {
        let fitting: Vec<u32> = ids.iter().copied().filter(|id| self.item(*id).is_some_and(&fits)).collect();
        self.rng.choice(fitting)
    }

    fn edit(
        &mut self,
        id: Option<u32>,
        at: Timestamp,
        by: usize,
        edit: impl FnOnce(&mut ItemContent),
    ) -> Option<SimulatedChange> {
        self.change(id?, Event::Updated, at, by, edit)
    }

    fn advance(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let id = self.pick(&scene.present, |item| {
            !item.newest().content.blocked
                && item.item_type.next_state(item.newest().content.state.name).is_some()
        })?;
        let item = self.item(id)?;
        let next = item.item_type.next_state(item.newest().content.state.name)?;
        if next.category == StateCategory::Completed && self.is_nearly_done(scene) {
            // A sprint that is over before its end would show nothing any more.
            return None;
        }
        self.edit(Some(id), at, by, |content| {
            content.state = next;
            content.assigned_to = content.assigned_to.or(Some(by));
        })
    }

    /// Whether seven tenths of a sprint are completed.
    fn is_nearly_done(&self, scene: &Scene) -> bool {
        let completed = scene.present.iter().filter(|id| self.item(**id).is_some_and(|item| !is_open(item)));
        completed.count() * 10 >= scene.present.len() * 7
    }

    fn burn(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let id = self.pick(&scene.present, |item| {
            let content = &item.newest().content;
            content.state.category == StateCategory::InProgress
                && content.remaining_work.is_some_and(|work| work > 0.0)
        });
        let hours = f64::from(self.rng.u8(1..5)) / 2.0;
        self.edit(id, at, by, |content| {
            content.remaining_work = content.remaining_work.map(|work| (work - hours).max(0.0));
        })
    }

    fn estimate(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let points = self.rng.choice(POINTS)?;
        let id = self
            .pick(&scene.present, |item| is_open_story(item) && item.newest().content.effort != Some(points));
        self.edit(id, at, by, |content| content.effort = Some(points))
    }

    fn reassign(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let who = (self.rng.u8(0..8) > 0).then(|| self.rng.usize(0..scene.members));
        let id = self.pick(&scene.present, |item| is_open(item) && item.newest().content.assigned_to != who);
        self.edit(id, at, by, |content| content.assigned_to = who)
    }

    fn add_scope(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        if self.stories(scene) >= STORIES_MAX {
            return None;
        }
        let id = self.pick(&scene.backlog, is_open_story);
        self.edit(id, at, by, |content| content.iteration_path = scene.sprint.clone())
    }

    /// How many stories are in the sprint.
    fn stories(&self, scene: &Scene) -> usize {
        let is_story =
            |id: &&u32| self.item(**id).is_some_and(|item| item.item_type.level == ItemRank::Requirement);
        scene.present.iter().filter(is_story).count()
    }

    fn remove_scope(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let to = if self.rng.bool() { &scene.next } else { &scene.root };
        let id = self.pick(&scene.present, |item| {
            is_open_story(item) && item.newest().content.state.category == StateCategory::Proposed
        });
        self.edit(id, at, by, |content| content.iteration_path = to.clone())
    }

    fn make(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        if scene.present.len() >= SPRINT_ITEMS_MAX {
            return None;
        }
        let level = match self.rng.u8(0..7) {
            0..3 => ItemRank::Bug,
            3..5 if self.stories(scene) < STORIES_MAX => ItemRank::Requirement,
            _ => ItemRank::Task,
        };
        let parent = if level == ItemRank::Task { self.pick(&scene.present, is_open_story) } else { None };
        let mut draft = self.draft(scene, level, parent);
        draft.assigned_to = Some(by);
        match level {
            ItemRank::Requirement => draft.effort = self.rng.choice(POINTS),
            ItemRank::Task => {
                draft.remaining_work = Some(f64::from(self.rng.u8(2..9)));
            }
            ItemRank::Epic | ItemRank::Feature | ItemRank::Bug => {}
        }
        self.create(draft, at, by)
    }

    fn draft(&self, scene: &Scene, level: ItemRank, parent: Option<u32>) -> Draft {
        let title_of = |id: u32| self.item(id).map(|item| &*item.newest().content.title);
        let of_team = scene.present.iter().chain(&scene.deleted).chain(&scene.backlog);
        let used: Vec<&str> = of_team.filter_map(|id| title_of(*id)).collect();
        let title = scene.titles.unused(level, parent.and_then(title_of), self.log.len(), &used);
        Draft { parent, ..Draft::new(scene.home, level, title, scene.sprint.clone()) }
    }

    fn reopen(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let id = self
            .pick(&scene.present, |item| item.newest().content.state.category == StateCategory::Completed)?;
        let begun = self.item(id)?.item_type.state_of(StateCategory::InProgress)?;
        self.edit(Some(id), at, by, |content| content.state = begun)
    }

    fn block(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let blocked = self.pick(&scene.present, |item| item.newest().content.blocked);
        let id = match blocked {
            // Somebody helps before a third item gets stuck.
            Some(id) if self.rng.bool() => Some(id),
            _ => self.pick(&scene.present, |item| {
                item.newest().content.state.category == StateCategory::InProgress
                    && !item.newest().content.blocked
            }),
        };
        self.edit(id, at, by, |content| content.blocked = !content.blocked)
    }

    fn delete(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        if scene.deleted.len() >= DELETED_MAX {
            return None;
        }
        let id = self.pick(&scene.present, |item| item.item_type.level != ItemRank::Feature)?;
        self.change(id, Event::Deleted, at, by, |_| {})
    }

    fn restore(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let id = self.pick(&scene.deleted, |item| item.newest().deleted)?;
        self.change(id, Event::Restored, at, by, |_| {})
    }

    /// Puts a story right before another one: half-way between that and the one before it.
    fn reorder(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let moved = self.pick(&scene.present, is_open_story)?;
        let target = self.pick(&scene.present, |item| is_open_story(item) && item.id != moved)?;
        let rank_of = |id: u32| self.item(id).map(|item| item.newest().content.rank);
        let behind = rank_of(target)?;
        let others = self.items().values().filter(|item| item.project == scene.home.0 && item.id != moved);
        let ranks = others.map(|item| item.newest().content.rank);
        let ahead = ranks.filter(|rank| *rank < behind).max_by(f64::total_cmp);
        let rank = ahead.map_or(behind - RANKS_APART, |ahead| f64::midpoint(ahead, behind));
        // It may be there already.
        let moved = (rank_of(moved) != Some(rank)).then_some(moved);
        self.edit(moved, at, by, |content| content.rank = rank)
    }

    fn edit_title(&mut self, scene: &Scene, at: Timestamp, by: usize) -> Option<SimulatedChange> {
        let id = self.pick(&scene.present, |_| true)?;
        let level = self.item(id)?.item_type.level;
        self.edit(Some(id), at, by, |content| content.title = reworded(level, &content.title).into())
    }
}

fn is_open(item: &Item) -> bool {
    let newest = item.newest();
    !newest.deleted
        && !matches!(newest.content.state.category, StateCategory::Completed | StateCategory::Removed)
}

fn is_open_story(item: &Item) -> bool {
    item.item_type.level == ItemRank::Requirement && is_open(item)
}
