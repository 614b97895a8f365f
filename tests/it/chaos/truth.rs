//! What is true: the simulated organisation with every revision it ever had, and what may be said of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use boardcast::demo::simulation::item::{Item, ItemContent, Revision};
use boardcast::demo::simulation::model::{Model, SimulatedChange};
use boardcast::demo::simulation::organisation::day_of;
use boardcast::domain::time::Timestamp;
use serde_json::Value;

use super::faults::Faults;

/// What a board is told apart by: project, team and sprint, each `null` where there is none.
pub type BoardName = (Value, Value, Value);

/// The organisation, and when it changed.
pub struct Truth {
    pub model: Arc<Mutex<Model>>,
    /// Whether boards are compared with the organisation, so that teams and sprints are known.
    pub is_compared: bool,
    /// What the organisation was made to do wrong.
    pub faults: Faults,
    /// How many hours the zone of all teams is ahead of UTC.
    pub zone_hours: i64,
    /// Since the run began: the revisions of each item, with the time of the machine at which they were made.
    made: Mutex<BTreeMap<u32, Vec<(u32, i64)>>>,
    /// Until when the hook of a revision was on its way, or may have been.
    on_its_way: Mutex<BTreeMap<(u32, u32), i64>>,
    /// Since when the clock of an instance is how far ahead, in milliseconds of the machine's time.
    clock: Mutex<Vec<(i64, i64)>>,
    /// What was shown of boards that the archive remembers.
    remembered: Mutex<BTreeMap<(String, String), BTreeSet<String>>>,
}

/// By how much an instance may be ahead of the clock of Redis, which it goes by: it compares whole seconds.
const WHOLE_SECONDS_MS: i64 = 1_000;

/// By how much more where its own clock is ahead: it takes no notice of so little.
const UNNOTICED_MS: i64 = 2_000;

/// For how long a hook that is in the inbox may come from there.
const KEPT_MS: i64 = 60_000;

/// For how long a clock that was set back goes on to be seen as it was.
const SET_WITHIN_MS: i64 = 5_000;

pub fn now_ms() -> i64 {
    boardcast::platform::clock::system()().epoch_ms()
}

impl Truth {
    /// An organisation that is `behind_ms` behind the time, because it lives faster.
    pub fn new(seed: u64, behind_ms: i64, is_compared: bool) -> Self {
        let begin = now_ms() - behind_ms;
        let model = Model::new(seed, Arc::new(move || Timestamp::from_epoch_ms(begin)));
        Self {
            model: Arc::new(Mutex::new(model)),
            is_compared,
            faults: Faults::default(),
            // It is noon there, more or less: no clock is set so far that another day begins.
            zone_hours: 12 - now_ms() / 3_600_000 % 24,
            made: Mutex::default(),
            on_its_way: Mutex::default(),
            clock: Mutex::default(),
            remembered: Mutex::default(),
        }
    }

    /// Makes the next change, whenever it is due.
    pub fn step(&self) -> SimulatedChange {
        let mut model = self.model.lock().unwrap();
        loop {
            let due = model.due();
            if let Some(change) = model.step(due) {
                // Noted while nobody else can have seen it.
                let mut made = self.made.lock().unwrap();
                made.entry(change.item).or_default().push((change.rev, now_ms()));
                return change;
            }
        }
    }

    /// The hook of a revision is posted, or is in the inbox, from where it is taken when there is time.
    pub fn note_hook(&self, item: u32, rev: u32, is_kept: bool) {
        let until = now_ms() + if is_kept { KEPT_MS } else { 0 };
        let mut on_its_way = self.on_its_way.lock().unwrap();
        let known = on_its_way.entry((item, rev)).or_insert(until);
        *known = until.max(*known);
    }

    pub fn note_clock(&self, offset_ms: i64) {
        self.clock.lock().unwrap().push((now_ms(), offset_ms));
    }

    /// By how much an instance that spoke of that time may have been ahead.
    fn ahead_ms(&self, at_ms: i64) -> i64 {
        let clock = self.clock.lock().unwrap();
        let ends = clock.iter().skip(1).map(|(since, _)| *since).chain([i64::MAX]);
        let then = clock
            .iter()
            .zip(ends)
            .filter(|((since, _), end)| *since <= at_ms + SET_WITHIN_MS && at_ms - SET_WITHIN_MS <= *end);
        let offset_ms = then.map(|((_, offset_ms), _)| *offset_ms).max().unwrap_or(0);
        WHOLE_SECONDS_MS + offset_ms.clamp(0, UNNOTICED_MS)
    }

    /// Keeps the numbers of a board that the archive remembers: what was said of them is known in the end.
    pub fn note_remembered(&self, data: &Value) {
        let board = format!("{:?}", (&data["project"]["id"], &data["team"]["id"], &data["sprint"]["id"]));
        let mut remembered = self.remembered.lock().unwrap();
        for (name, metric) in data["metrics"].as_object().unwrap() {
            remembered.entry((board.clone(), name.clone())).or_default().insert(metric["value"].to_string());
        }
    }

    /// What was shown of each number of a board that the archive remembers.
    pub fn remembered(&self) -> BTreeMap<(String, String), BTreeSet<String>> {
        self.remembered.lock().unwrap().clone()
    }

    /// Checks that a board has what the organisation had as of when it says that it is.
    pub fn check_age(&self, data: &Value, level: &Value, as_of: &Value) -> Result<(), String> {
        let of_time = as_of.as_i64();
        // By hooks alone a board is of when its items say that they changed, and the organisation may live ahead of its time.
        let is_future = |as_of: &i64| self.is_compared && *as_of > now_ms() + self.ahead_ms(now_ms());
        if let Some(as_of) = of_time.filter(is_future) {
            return Err(format!("a board of the future, {as_of}: {data}"));
        }
        // What is no team's is compared with nothing, and where nothing is known there is nothing to compare.
        let is_compared = self.is_compared && !data["team"].is_null() && level != "none";
        let (Some(items), true) = (data["items"].as_array(), is_compared && !is_remembered(data)) else {
            return Ok(());
        };
        let Some(as_of) = of_time else {
            let is_full = level == "full";
            return if is_full { Err(format!("a full board that says of no time: {data}")) } else { Ok(()) };
        };
        let shown = items.iter().map(|item| (number(&item["id"]), number(&item["rev"]))).collect();
        self.check_fresh(data, &shown, as_of, |_, _| false)
    }

    /// The same of a board that a reader has by events: of a revision that changes nothing to be seen there is none.
    pub fn check_followed(&self, data: &Value, shown: &BTreeMap<u32, u32>, as_of: i64) -> Result<(), String> {
        let seen = |revision: &Revision| {
            (revision.deleted, ItemContent { parent: None, ..revision.content.clone() })
        };
        self.check_fresh(data, shown, as_of, |one, other| seen(one) == seen(other))
    }

    /// Checks that a board with these revisions, or ones that are alike, has what the organisation had at that moment.
    fn check_fresh(
        &self,
        data: &Value,
        shown: &BTreeMap<u32, u32>,
        as_of: i64,
        is_alike: impl Fn(&Revision, &Revision) -> bool,
    ) -> Result<(), String> {
        let as_of = as_of - self.ahead_ms(as_of);
        let missing: BTreeSet<u32> = data["missing"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|missing| Some(missing["workItemId"].as_u64()? as u32))
            .collect();
        let model = self.model.lock().unwrap();
        let (made, on_its_way) = (self.made.lock().unwrap(), self.on_its_way.lock().unwrap());
        for item in model.items().values().filter(|item| !missing.contains(&item.id)) {
            let of_item = made.get(&item.id).map_or(&[][..], |made| made);
            let later = of_item.iter().filter(|(_, at)| *at > as_of).count() as u32;
            let known = item.newest().rev - later;
            let on_board = is_on(&model, item, item.newest(), data);
            let is_older = |rev: u32| {
                // Several revisions that come at once may end with what was there before.
                let mut newer = (known..=item.newest().rev).filter_map(|rev| item.revision(rev));
                let shown = item.revision(rev);
                rev < known && !shown.is_some_and(|shown| newer.any(|newer| is_alike(shown, newer)))
            };
            // A hook that came after the comparison, and is of before it, may bring back what had left: the next one finds it.
            let came_late = |rev: u32| on_its_way.get(&(item.id, rev)).is_some_and(|until| as_of < *until);
            let differs = match shown.get(&item.id) {
                Some(rev) if came_late(*rev) => false,
                Some(rev) => is_older(*rev) || (later == 0 && !on_board),
                None => later == 0 && on_board,
            };
            if differs {
                let shown = shown.get(&item.id).map(|rev| item.revision(*rev));
                let known = item.revision(known);
                return Err(format!(
                    "a board of {as_of} has {shown:?} of item {}, of which {known:?} was there; made were \
                     {of_item:?}: {data}",
                    item.id
                ));
            }
        }
        Ok(())
    }

    /// The newest revision of each item that the board of this answer should have.
    pub fn expected(&self, data: &Value, told: &BTreeMap<u32, BTreeSet<u32>>) -> BTreeMap<u32, u32> {
        let model = self.model.lock().unwrap();
        let items = model.items().values().filter(|item| self.is_compared || told.contains_key(&item.id));
        items
            .filter(|item| is_on(&model, item, item.newest(), data))
            .map(|item| (item.id, item.newest().rev))
            .collect()
    }

    /// Whether an item of which that revision is known has to be on one of these boards: it is on its own since then,
    /// and that board has items.
    pub fn belongs(&self, (id, rev): (u32, u32), boards: &[Value]) -> bool {
        let model = self.model.lock().unwrap();
        let item = model.item(id).unwrap();
        let (project, team) = model.home(item).unwrap();
        let (project, team) = (project.id.to_string(), team.id.to_string());
        let own = boards.iter().find(|board| {
            let of_team =
                if self.is_compared { board["team"]["id"] == team } else { board["team"].is_null() };
            board["project"]["id"] == project && of_team
        });
        let has_items =
            |board: &&Value| board["level"] != "none" && board["items"].is_array() && !is_remembered(board);
        own.filter(has_items).is_some_and(|board| {
            let mut since = item.revisions().filter(|one| one.rev >= rev);
            since.all(|one| is_on(&model, item, one, board))
        })
    }

    /// How many boards there should be in the end.
    pub fn boards(&self) -> usize {
        let model = self.model.lock().unwrap();
        let projects = &model.organisation.projects;
        if self.is_compared {
            projects.iter().map(|project| project.teams.len()).sum()
        } else {
            projects.len()
        }
    }
}

/// Whether a board is one that the archive remembers, with numbers and without items.
pub fn is_remembered(data: &Value) -> bool {
    let has_no_items = data["items"].as_array().is_some_and(Vec::is_empty);
    data["history"] == "partial" && data["level"] != "full" && has_no_items
}

/// Whether a revision of an item belongs on a board: of its team and the team's sprint, or, where hooks alone tell, of
/// its project.
fn is_on(model: &Model, item: &Item, revision: &Revision, data: &Value) -> bool {
    let (project, team) = model.home(item).unwrap();
    if revision.deleted || data["project"]["id"] != project.id.to_string() {
        return false;
    }
    if data["team"].is_null() {
        return true;
    }
    let sprint = project.current_sprint(team, day_of(model.now())).unwrap();
    data["team"]["id"] == team.id.to_string() && revision.content.iteration_path == sprint.path
}

pub fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))).unwrap()
}
