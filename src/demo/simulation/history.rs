//! What happened before the organisation was first looked at: six sprints and the first days of another.
//!
//! Everything is planned item by item and then done in the order of its dates, so that numbers of items, watermarks
//! and dates rise together, as they do in Azure DevOps. What would lie in the future is left out.

use std::collections::BTreeMap;

use super::item::{Event, ItemContent};
use super::model::{Draft, Model};
use super::organisation::{Project, Sprint, instant, later};
use super::process::{ItemRank, ItemType};
use super::step::POINTS;
use super::titles::Titles;
use crate::domain::scope::Text;
use crate::domain::sprint::catalogue::StateCategory;
use crate::domain::time::Timestamp;
use crate::platform::clock::Clock;

/// How many stories a team takes into a sprint, unless something else is wanted.
const STORIES: usize = 9;

/// A team finds a bug in a sprint for so many of its stories.
const STORIES_OF_BUG: usize = 4;

/// How many tasks a story has.
const TASKS: usize = 2;

enum Act {
    Create(Draft, Option<usize>),
    Advance(&'static ItemType),
    Complete(&'static ItemType),
    Reopen(&'static ItemType),
    Estimate(f64),
    Remaining(f64),
    Move(Text),
    Block(bool),
}

struct Planned {
    at: Timestamp,
    /// Which of the planned items; its number is not known before it is made.
    item: usize,
    by: usize,
    act: Act,
}

struct Plan {
    events: Vec<Planned>,
    items: usize,
    now: Timestamp,
}

impl Plan {
    fn add(&mut self, at: Timestamp, item: usize, by: usize, act: Act) {
        if at <= self.now {
            self.events.push(Planned { at, item, by, act });
        }
    }

    const fn new_item(&mut self) -> usize {
        self.items += 1;
        self.items
    }
}

/// A sprint of a team, while it is planned.
struct Planning<'a> {
    /// The indices of project and team.
    home: (usize, usize),
    project: &'a Project,
    sprint: &'a Sprint,
    next: Option<&'a Sprint>,
    /// Which of the project's sprints it is.
    index: usize,
    titles: &'static Titles,
}

impl Planning<'_> {
    /// A minute of working day `day`, the first being 0, between 8:00 and 17:00.
    fn at(&self, rng: &mut fastrand::Rng, day: u64) -> Timestamp {
        let date = later(self.sprint.start, day / 5 * 7 + day % 5);
        Timestamp::from_epoch_ms(instant(date, rng.i64(480..1_020)).epoch_ms() + rng.i64(0..60_000))
    }

    fn draft(&self, level: ItemRank, title: String, iteration_path: Text) -> Draft {
        Draft::new(self.home, level, title, iteration_path)
    }
}

impl Model {
    /// The organisation of a seed. Six sprints are over and one is under way on the day that the clock tells.
    pub fn new(seed: u64, clock: Clock) -> Self {
        let mut model = Self::empty(seed, clock);
        model.write_past(STORIES);
        model
    }

    /// Writes what happened up to now in an organisation in which nothing has happened yet, with so many stories in each
    /// sprint of a team.
    pub fn write_past(&mut self, stories: usize) {
        let now = self.now();
        write(self, now, stories);
    }
}

fn write(model: &mut Model, now: Timestamp, stories: usize) {
    let bugs = stories / STORIES_OF_BUG;
    let mut rng = model.rng.fork();
    let mut plan = Plan { events: Vec::new(), items: 0, now };
    let organisation = model.organisation.clone();
    for (project_index, project) in organisation.projects.iter().enumerate() {
        for (team, of) in project.teams.iter().enumerate() {
            let mut feature = None;
            for (index, sprint) in project.sprints.iter().enumerate() {
                let home = (project_index, team);
                let next = project.sprints.get(index + 1);
                let planning = Planning { home, project, sprint, next, index, titles: of.titles };
                let feature = *feature.get_or_insert_with(|| portfolio(&mut plan, &planning));
                for number in 0..stories {
                    story(&mut plan, &mut rng, &planning, feature, index * stories + number);
                }
                for number in 0..bugs {
                    bug(&mut plan, &mut rng, &planning, index * bugs + number);
                }
            }
        }
    }
    perform(model, plan);
}

fn portfolio(plan: &mut Plan, planning: &Planning<'_>) -> usize {
    let day = instant(planning.sprint.start, -10 * 24 * 60 + 540);
    let (epic, feature) = (plan.new_item(), plan.new_item());
    let draft = |level, title: &str| planning.draft(level, title.to_owned(), planning.project.root.clone());
    plan.add(day, epic, 0, Act::Create(draft(ItemRank::Epic, planning.titles.epic), None));
    plan.add(day, feature, 0, Act::Create(draft(ItemRank::Feature, planning.titles.feature), Some(epic)));
    feature
}

fn story(plan: &mut Plan, rng: &mut fastrand::Rng, planning: &Planning<'_>, feature: usize, number: usize) {
    let item_type = planning.project.process.item_type(ItemRank::Requirement);
    let item = plan.new_item();
    let who = rng.usize(0..4);
    let before = |days: i64, rng: &mut fastrand::Rng| {
        instant(planning.sprint.start, -days * 24 * 60 + rng.i64(480..1_020))
    };
    let title = planning.titles.story(number).to_owned();
    let mut draft = planning.draft(ItemRank::Requirement, title, planning.project.root.clone());
    draft.assigned_to = Some(who);
    plan.add(before(6, rng), item, 3, Act::Create(draft, Some(feature)));
    let points = rng.choice(POINTS).unwrap_or(3.0);
    plan.add(before(4, rng), item, 3, Act::Estimate(points));
    // One in seven comes in while the sprint is under way.
    let begin = if rng.u8(0..7) == 0 { rng.u64(1..5) } else { 0 };
    let planned = if begin == 0 { before(3, rng) } else { planning.at(rng, begin) };
    plan.add(planned, item, 3, Act::Move(planning.sprint.path.clone()));
    let unfinished = rng.u8(0..7) == 0;
    let started = begin + rng.u64(0..4);
    let ended = started + 1 + rng.u64(0..9 - started.min(7));
    for task_number in 0..TASKS {
        let title = planning.titles.task(number, number * TASKS + planning.index + task_number);
        task(plan, rng, planning, (item, title), who, (started, ended), unfinished);
    }
    plan.add(planning.at(rng, started), item, who, Act::Advance(item_type));
    if rng.u8(0..6) == 0 {
        plan.add(planning.at(rng, started + 1), item, who, Act::Block(true));
        plan.add(planning.at(rng, started + 2), item, who, Act::Block(false));
    }
    if unfinished {
        if let Some(next) = planning.next {
            let friday = instant(planning.sprint.finish, 990);
            plan.add(friday, item, 3, Act::Move(next.path.clone()));
            plan.add(instant(next.start, 840 + rng.i64(0..120)), item, who, Act::Complete(item_type));
        }
        return;
    }
    plan.add(planning.at(rng, ended.min(9)), item, who, Act::Complete(item_type));
    if ended < 7 && rng.u8(0..8) == 0 {
        plan.add(planning.at(rng, ended + 1), item, 2, Act::Reopen(item_type));
        plan.add(planning.at(rng, ended + 2), item, who, Act::Complete(item_type));
    }
}

fn task(
    plan: &mut Plan,
    rng: &mut fastrand::Rng,
    planning: &Planning<'_>,
    (parent, title): (usize, String),
    who: usize,
    (started, ended): (u64, u64),
    unfinished: bool,
) {
    let item_type = planning.project.process.item_type(ItemRank::Task);
    let item = plan.new_item();
    let hours = f64::from(rng.u8(3..9));
    let mut draft = planning.draft(ItemRank::Task, title, planning.sprint.path.clone());
    draft.assigned_to = Some(who);
    draft.remaining_work = Some(hours);
    plan.add(planning.at(rng, 0), item, who, Act::Create(draft, Some(parent)));
    plan.add(planning.at(rng, started), item, who, Act::Advance(item_type));
    plan.add(planning.at(rng, started + 1), item, who, Act::Remaining(hours / 2.0));
    if unfinished {
        if let Some(next) = planning.next {
            plan.add(instant(planning.sprint.finish, 991), item, 3, Act::Move(next.path.clone()));
            plan.add(instant(next.start, 780), item, who, Act::Complete(item_type));
        }
    } else {
        plan.add(planning.at(rng, ended.min(9)), item, who, Act::Complete(item_type));
    }
}

fn bug(plan: &mut Plan, rng: &mut fastrand::Rng, planning: &Planning<'_>, number: usize) {
    let item_type = planning.project.process.item_type(ItemRank::Bug);
    let item = plan.new_item();
    let who = rng.usize(0..3);
    let found = rng.u64(1..6);
    let title = planning.titles.bug(number).to_owned();
    let mut draft = planning.draft(ItemRank::Bug, title, planning.sprint.path.clone());
    draft.assigned_to = Some(who);
    plan.add(planning.at(rng, found), item, 2, Act::Create(draft, None));
    plan.add(planning.at(rng, found + 1), item, who, Act::Advance(item_type));
    plan.add(planning.at(rng, found + 3), item, who, Act::Complete(item_type));
}

fn perform(model: &mut Model, mut plan: Plan) {
    plan.events.sort_by_key(|event| (event.at, event.item));
    let mut numbers: BTreeMap<usize, u32> = BTreeMap::new();
    for Planned { at, item, by, act } in plan.events {
        if let Act::Create(mut draft, parent) = act {
            draft.parent = parent.and_then(|parent| numbers.get(&parent).copied());
            if let Some(change) = model.create(draft, at, by) {
                numbers.insert(item, change.item);
            }
            continue;
        }
        let Some(id) = numbers.get(&item).copied() else { continue };
        // Dates of one plan may lie the wrong way round; then the item's own state decides what still makes sense.
        let Some(content) = model.item(id).map(|item| &item.newest().content) else { continue };
        let completed = content.state.category == StateCategory::Completed;
        let pointless = match &act {
            Act::Create(..) | Act::Move(_) => false,
            Act::Reopen(_) => !completed,
            Act::Advance(_) => content.state.category != StateCategory::Proposed,
            Act::Block(blocked) => content.blocked == *blocked || (*blocked && completed),
            Act::Complete(_) | Act::Estimate(_) | Act::Remaining(_) => completed,
        };
        if !pointless {
            model.change(id, Event::Updated, at, by, |content| apply(content, &act));
        }
    }
}

fn apply(content: &mut ItemContent, act: &Act) {
    match act {
        Act::Create(..) => {}
        Act::Advance(item_type) | Act::Reopen(item_type) => {
            content.state = item_type.state_of(StateCategory::InProgress).unwrap_or(content.state);
        }
        Act::Complete(item_type) => {
            content.state = item_type.state_of(StateCategory::Completed).unwrap_or(content.state);
        }
        Act::Estimate(points) => content.effort = Some(*points),
        Act::Remaining(hours) => content.remaining_work = Some(*hours),
        Act::Move(path) => content.iteration_path = path.clone(),
        Act::Block(blocked) => content.blocked = *blocked,
    }
}
